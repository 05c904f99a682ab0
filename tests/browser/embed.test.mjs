// The embed: canvas and transport only, in somebody else's page, asleep until it is seen.

import {
  dots, draft, drag, grip, node, panel, pause, port, runUntil, seconds, shareLink, speed, tally,
} from './lib/person.mjs';

/** The snippet that the share dialog offers, for a scenario one can recognise. */
async function snippet(t) {
  const page = await t.open('?autoplay=0', { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByLabel('Title of this scenario').fill('In "quotes" & <tags>');
  const link = await shareLink(page);
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.getByRole('tab', { name: 'Embed' }).click();
  await page.getByRole('button', { name: 'Copy embed code' }).click();
  const code = await t.eventually(async () => {
    const text = await page.evaluate(() => navigator.clipboard.readText());
    return text.includes('<iframe') && text;
  });
  await page.close();
  return { code, link };
}

/** Opens a page of another origin with this in it. */
async function host(t, body, options) {
  const style = '<style>body{margin:16px}iframe{display:block}</style>';
  const other = await t.servePages({ '/': `<!doctype html><html lang="en"><title>Course</title>${style}${body}` });
  return t.open(other.url('/'), options);
}

/** The frames of embeds in a page, when there are so many and each shows its time. */
async function embeds(t, page, count = 1) {
  const found = await t.eventually(
    () => {
      const frames = page.frames().filter((frame) => frame.url().includes('?embed'));
      return frames.length === count && frames;
    },
    { timeout: 15_000, message: 'no embed was loaded' },
  );
  for (const frame of found) await frame.getByLabel('Simulated time').waitFor({ timeout: 20_000 });
  return found;
}

const scrolled = (page) => page.evaluate(() => scrollY);

export const tests = {
  'the snippet shows the scenario in a page of another origin': async (t) => {
    const { code, link } = await snippet(t);
    const page = await host(t, `<h1>Lesson</h1>${code}`);
    const frame = page.locator('iframe');
    t.equal(await frame.getAttribute('title'), 'In "quotes" & <tags>');
    const [embed] = await embeds(t, page);
    await runUntil(embed, 0.1);
    t.match(await embed.getByRole('application').getAttribute('aria-label'), /5 components, 4 wires/);
    await t.eventually(async () => (await dots(embed)).length > 0);
    // "Open" leads to the whole thing with the same scenario.
    const open = embed.getByRole('link', { name: 'Open' });
    t.equal(await open.getAttribute('href'), link);
    t.match(await open.getAttribute('rel'), /noopener/);
    t.equal(await open.getAttribute('target'), '_blank');
  },

  'it shows the canvas and the transport, and nothing to edit with': async (t) => {
    const page = await t.open('?embed');
    await page.getByRole('application').waitFor();
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
    t.equal(await page.getByRole('navigation').count(), 0);
    t.equal(await page.getByRole('tab').count(), 0);
    t.equal(await page.getByRole('banner').count(), 0);
    t.equal(await page.getByRole('button', { name: 'Share' }).count(), 0);
    await pause(page);
    // Neither a drag of a node nor one of a port changes anything.
    const link = await page.getByRole('link', { name: 'Open' }).getAttribute('href');
    const from = await grip(page, 's1');
    await drag(page, from, { x: from.x - 80, y: from.y + 60 });
    await drag(page, await port(page, 'Balancer'), await grip(page, 'Clients'));
    t.equal(await page.getByRole('link', { name: 'Open' }).getAttribute('href'), link);
  },

  'keys neither delete nor move in an embed': async (t) => {
    const page = await t.open('?embed&autoplay=0');
    await node(page, 's1').waitFor();
    const link = await page.getByRole('link', { name: 'Open' }).getAttribute('href');
    await node(page, 's1').focus();
    await page.keyboard.press('Control+ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Delete');
    t.equal(await page.getByRole('link', { name: 'Open' }).getAttribute('href'), link);
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 components, 4 wires/);
  },

  'it sleeps until it is scrolled to, and again when it is out of sight': async (t) => {
    const { code } = await snippet(t);
    // Without the browser's own laziness, so that the page itself has to rest.
    const page = await host(t, `<p>Above</p><div style="height:4000px"></div>${code.replace('loading="lazy"', '')}`);
    const asleep = await t.eventually(() => page.frames().find((frame) => frame.url().includes('?embed')));
    await asleep.getByRole('button', { name: 'Run' }).waitFor();
    await page.mouse.move(400, 300);
    await page.mouse.wheel(0, 300);
    await t.eventually(async () => (await scrolled(page)) > 0);
    t.equal(await asleep.evaluate(() => Boolean(globalThis.wasmBindings)), false);
    await page.locator('iframe').scrollIntoViewIfNeeded();
    const [embed] = await embeds(t, page);
    await t.eventually(async () => (await seconds(embed)) > 0.05, { timeout: 15_000, message: 'it did not wake up' });
    await page.evaluate(() => scrollTo(0, 0));
    // It is asleep when two looks with the host's own time between them see the same moment.
    await t.eventually(async () => {
      const before = await seconds(embed);
      await page.evaluate(() => new Promise((done) => {
        let frames = 0;
        const next = () => ((frames += 1) < 30 ? requestAnimationFrame(next) : done());
        next();
      }));
      return (await seconds(embed)) === before;
    }, { timeout: 10_000, message: 'it runs on out of sight' });
    await page.locator('iframe').scrollIntoViewIfNeeded();
    const before = await seconds(embed);
    await t.eventually(async () => (await seconds(embed)) > before, { timeout: 10_000, message: 'it did not wake again' });
  },

  'the plain wheel scrolls the host page, Ctrl and wheel zoom the picture': async (t) => {
    const { code } = await snippet(t);
    const page = await host(t, `<h1>Lesson</h1>${code}<div style="height:3000px"></div>`);
    const [embed] = await embeds(t, page);
    await runUntil(embed, 0.05);
    const percent = embed.getByRole('group', { name: 'Zoom' }).getByText(/%$/);
    const { x, y, width, height } = await page.locator('iframe').boundingBox();
    await page.mouse.move(x + width / 2, y + height / 3);
    const zoom = await percent.textContent();
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -120);
    await t.eventually(async () => (await percent.textContent()) !== zoom, { message: 'Ctrl and wheel do not zoom' });
    t.equal(await scrolled(page), 0);
    await page.keyboard.up('Control');
    const zoomed = await percent.textContent();
    await page.mouse.wheel(0, 240);
    await t.eventually(async () => (await scrolled(page)) > 100, { message: 'the host page does not scroll' });
    t.equal(await percent.textContent(), zoomed);
  },

  'it runs in a sandbox without storage': async (t) => {
    const { code } = await snippet(t);
    const page = await host(t, code.replace('<iframe', '<iframe sandbox="allow-scripts"'));
    const [embed] = await embeds(t, page);
    await runUntil(embed, 0.1);
    const blocked = await embed.evaluate(() => {
      try {
        return localStorage.length < 0;
      } catch {
        return true;
      }
    });
    t.ok(blocked, 'the sandbox has storage: the test tests nothing');
    await embed.getByRole('button', { name: 'Pause', exact: true }).click();
    await embed.getByRole('button', { name: 'One event on' }).click();
    await node(embed, 's1').click();
    t.ok((await tally(embed)).sent > 0);
  },

  'it works at 320 by 240': async (t) => {
    const page = await t.open('?embed', { width: 320, height: 240 });
    await runUntil(page, 0.1);
    const canvas = await page.getByRole('application').boundingBox();
    t.ok(canvas.width >= 300 && canvas.height >= 120, JSON.stringify(canvas));
    for (const name of ['Clients', 'Balancer', 's1', 's2', 's3']) {
      const box = await node(page, name).locator('xpath=ancestor::*[@data-node]').boundingBox();
      t.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= 320 && box.y + box.height <= 240, `${name} is cut off`);
    }
    const pauseButton = page.getByRole('button', { name: 'Pause', exact: true });
    const { y, height } = await pauseButton.boundingBox();
    t.ok(y + height <= 240, 'the buttons are cut off');
    await pauseButton.click();
    await t.shot(page, 'embed-320x240');
    const { wide, high } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth, high: document.documentElement.scrollHeight,
    }));
    t.ok(wide <= 320 && high <= 240, `${wide} x ${high}`);
  },

  'a click on a dot in an embed says why, although there is no panel': async (t) => {
    const page = await t.open('?embed');
    await speed(page, 1);
    await runUntil(page, 0.5);
    await pause(page);
    const caption = page.getByText(/^#\d+ user:\d+: .*Balancer chose s\d/);
    for (const dot of (await dots(page)).toSorted((a, b) => b.x - a.x)) {
      await page.mouse.click(dot.x, dot.y);
      if ((await caption.count()) > 0) break;
    }
    t.match(await caption.textContent(), /largest running weight/);
  },

  'an embed neither reads nor touches the draft, and leaves its own address alone': async (t) => {
    const mine = { title: 'My own work', seed: 1, speed: 0.1, nodes: [], links: [] };
    const page = await t.open('?embed', { storage: draft(mine) });
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 components/);
    const before = await page.evaluate(() => ({ ...localStorage }));
    const address = page.url();
    await page.getByRole('button', { name: 'Kill s2' }).click();
    await runUntil(page, 0.3);
    await page.reload();
    t.equal(await page.evaluate(() => ({ ...localStorage })), before);
    t.equal(page.url(), address);
  },

  'a broken link in an embed says so in a sentence': async (t) => {
    const page = await t.open('?embed#s=1.AAAA');
    await page.getByText(/This link is damaged/).first().waitFor();
  },

  'an embed rests for those who want less motion, and when asked to': async (t) => {
    for (const [path, options] of [['?embed', { reducedMotion: true }], ['?embed&autoplay=0', {}]]) {
      const page = await t.open(path, options);
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await runUntil(page, 0.05);
      await page.close();
    }
  },

  'an embed follows the dark theme of its host': async (t) => {
    const { code } = await snippet(t);
    const page = await host(t, `<meta name="color-scheme" content="dark">${code}`, { theme: 'dark' });
    const [embed] = await embeds(t, page);
    t.equal(await embed.locator('html').getAttribute('data-theme'), 'dark');
    const light = await t.open('?embed&theme=light', { theme: 'dark' });
    t.equal(await light.locator('html').getAttribute('data-theme'), 'light');
  },

  'the whole page in a frame still shows its panels': async (t) => {
    const address = t.server.url('');
    const page = await host(t, `<iframe src="${address}" width="1200" height="700" title="All of it"></iframe>`);
    const whole = await t.eventually(() => page.frames().find((frame) => frame.url() === address));
    await whole.getByLabel('Simulated time').waitFor({ timeout: 15_000 });
    await panel(whole, 'Outline');
  },
};
