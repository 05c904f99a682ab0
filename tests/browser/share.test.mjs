// A link holds the whole scenario, opens as a copy, and is refused in a sentence when it is broken.

import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import {
  node, panel, pause, restart, run, runUntil, seconds, shareLink, simulate, speed, step, tally,
} from './lib/person.mjs';

const CLIPBOARD = ['clipboard-read', 'clipboard-write'];
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

/** Presses Copy link and gives what is in the clipboard. */
async function copyLink(t, page) {
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.getByRole('button', { name: 'Copy link' }).click();
  await t.eventually(async () => (await clipboard(page)).includes('#s='), { message: 'nothing was copied' });
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  return clipboard(page);
}

/** The first example, changed and with a server killed, and its link. */
async function shared(t) {
  const page = await t.open('', { permissions: CLIPBOARD });
  await speed(page, 1);
  await runUntil(page, 0.3);
  await page.getByLabel('Title of this scenario').fill('Shared <b>yard</b>');
  await page.getByRole('navigation').getByRole('button', { name: 'Add server' }).click();
  await page.getByRole('application').getByRole('button', { name: 'Kill s2' }).click();
  await pause(page);
  return { page, link: await copyLink(t, page) };
}

/** The beginning of a run, event by event, in words, and the counts after it. */
async function beginning(page, events) {
  await pause(page);
  await restart(page);
  const told = [];
  for (let event = 0; event < events; event += 1) {
    await step(page);
    told.push(await page.locator('p[role=status]').textContent());
  }
  return { told, at: await seconds(page), tally: await tally(page) };
}

async function kept(t, page) {
  return t.eventually(() => page.evaluate(() => localStorage.getItem('switchyard/draft')));
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});

/** A link that inflates to so many bytes of nothing, with a right checksum. */
function bomb(bytes) {
  const body = deflateRawSync(Buffer.alloc(bytes), { level: 9 });
  let sum = ~0;
  for (const byte of body) sum = (sum >>> 8) ^ table[(sum ^ byte) & 255];
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeUInt32LE(~sum >>> 0, 1);
  return `#s=1.${Buffer.concat([head, body]).toString('base64url')}`;
}

/** A link that cannot be opened: a sentence, a copy of the diagnostic, and a page that works behind. */
async function broken(t, fragment, sentence) {
  const page = await t.open(fragment, { permissions: CLIPBOARD });
  const dialog = page.getByRole('dialog', { name: 'This link could not be opened' });
  await dialog.getByText(sentence).waitFor();
  await dialog.getByText('Diagnostic', { exact: true }).first().click();
  await dialog.getByRole('button', { name: 'Copy diagnostic' }).click();
  await t.eventually(async () => sentence.test(await clipboard(page)), { message: 'nothing was copied' });
  t.ok((await clipboard(page)).length < 2000, 'the diagnostic holds the whole link');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  const before = await seconds(page);
  await t.eventually(async () => (await seconds(page)) > before, { message: 'the page behind does not run' });
  await node(page, 's1').click();
  await page.getByLabel('Name', { exact: true }).waitFor();
  await page.close();
}

/** The fragment of a link to the first example. */
async function fragment(t) {
  const page = await t.open('?autoplay=0');
  const link = await shareLink(page);
  await page.close();
  return cut(link);
}

const cut = (link) => link.slice(link.indexOf('#'));

export const tests = {
  'a copied link opens elsewhere as the same scenario': async (t) => {
    const { link } = await shared(t);
    const copy = await t.open(link);
    t.equal(await shareLink(copy), link);
    t.equal(await copy.getByLabel('Title of this scenario').inputValue(), 'Shared <b>yard</b>');
    t.match(await copy.getByRole('application').getAttribute('aria-label'), /6 components, 4 wires/);
  },

  'it runs the same there, event for event': async (t) => {
    const { page, link } = await shared(t);
    const copy = await t.open(link);
    const [here, there] = [await beginning(page, 20), await beginning(copy, 20)];
    t.equal(there, here);
    t.ok(here.told.every((words) => /\d.*: /.test(words)), here.told.join('\n'));
  },

  'its run has the same trace hash there': async (t) => {
    const { page, link } = await shared(t);
    const copy = await t.open(link);
    await copy.getByRole('button', { name: 'Make it mine' }).click();
    const [here, there] = [await kept(t, page), await kept(t, copy)];
    const [a, b] = [await simulate(page, here, 10), await simulate(copy, there, 10)];
    t.ok(a.events > 1000);
    t.equal(b, a);
  },

  'a link opens as a shared copy and leaves the draft alone': async (t) => {
    const { page: other, link } = await shared(t);
    await other.close();
    const page = await t.open('');
    await page.getByLabel('Title of this scenario').fill('My own work');
    await t.eventually(async () => (await kept(t, page)).includes('My own work'));
    const mine = await kept(t, page);
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByText('Shared copy').waitFor();
    await runUntil(page, 0.2);
    await pause(page);
    t.equal(await kept(t, page), mine);
    await page.goto('about:blank');
    await page.goto(link.slice(0, link.indexOf('#')));
    t.equal(await page.getByLabel('Title of this scenario').inputValue(), 'My own work');
  },

  'the first edit takes the scenario out of the address and keeps the draft before it': async (t) => {
    const { page: other, link } = await shared(t);
    await other.close();
    const page = await t.open('');
    await page.getByLabel('Title of this scenario').fill('My own work');
    await t.eventually(async () => (await kept(t, page)).includes('My own work'));
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByText('Shared copy').waitFor();
    t.match(page.url(), /#s=1\./);
    await page.getByLabel('Title of this scenario').fill('Now it is mine');
    await page.getByText('Shared copy').waitFor({ state: 'hidden' });
    t.ok(!page.url().includes('#'), page.url());
    await t.eventually(async () => (await kept(t, page)).includes('Now it is mine'));
    // What was the draft until then can still be had.
    await page.reload();
    t.equal(await page.getByLabel('Title of this scenario').inputValue(), 'Now it is mine');
    await page.getByRole('button', { name: 'Examples' }).click();
    await page.getByRole('dialog').getByRole('button', { name: /My own work/ }).waitFor();
  },

  'playing a shared copy, at whatever speed, leaves the draft alone': async (t) => {
    const page = await t.open('');
    await page.getByLabel('Title of this scenario').fill('My own work');
    await t.eventually(async () => (await kept(t, page)).includes('My own work'));
    await page.goto('about:blank');
    await page.goto(t.server.url('?preset=server-dies'));
    await page.getByText('Shared copy').waitFor();
    await speed(page, 2);
    await runUntil(page, 1);
    await page.getByRole('button', { name: 'Back to the start' }).click();
    await page.goto('about:blank');
    await page.goto(t.server.url(''));
    t.equal(await page.getByLabel('Title of this scenario').inputValue(), 'My own work');
  },

  'another link put into the address bar opens too': async (t) => {
    const { link } = await shared(t);
    const page = await t.open('');
    await page.evaluate((hash) => { location.hash = hash; }, cut(link));
    await page.getByText('Shared copy').waitFor();
    t.equal(await page.getByLabel('Title of this scenario').inputValue(), 'Shared <b>yard</b>');
    t.equal(await shareLink(page), link);
  },

  'that the link was copied is said in the dialog, where one looks and where a screen reader listens': async (t) => {
    const page = await t.open('', { permissions: CLIPBOARD });
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByRole('button', { name: 'Copy link' }).click();
    // All else on the page is inert while the dialog is open.
    await page.getByRole('dialog').getByText(/copied/i).first().waitFor({ timeout: 5000 });
  },

  'without leave to copy the text is selected instead': async (t) => {
    const page = await t.open('');
    await page.evaluate(() => {
      Object.defineProperty(navigator.clipboard, 'writeText', { value: () => Promise.reject(new Error('no')) });
    });
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText(/press Ctrl\+C/).first().waitFor();
    const link = await page.getByRole('textbox', { name: 'Link', exact: true }).inputValue();
    t.equal(await page.evaluate(() => getSelection().toString()), link);
  },

  'the link is short, and says how long it is': async (t) => {
    const page = await t.open('');
    const link = await shareLink(page);
    t.ok(link.length < 800, `${link.length} characters`);
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByText(`${link.length} characters: works everywhere.`).waitFor();
  },

  'a link that was cut off': async (t) => {
    const hash = await fragment(t);
    await broken(t, hash.slice(0, -20), /This link is damaged: part of it is missing or was changed/);
  },

  'a link with a changed character': async (t) => {
    const hash = await fragment(t);
    const place = Math.floor(hash.length / 2);
    const other = hash[place] === 'A' ? 'B' : 'A';
    await broken(t, hash.slice(0, place) + other + hash.slice(place + 1), /This link is damaged/);
  },

  'a link from a newer version': async (t) => {
    const hash = await fragment(t);
    await broken(t, hash.replace('#s=1.', '#s=9.'), /made with a newer version of Switchyard \(format 9\)/);
  },

  'a link that is none of ours': async (t) => {
    await broken(t, '#s=hello', /does not look like a Switchyard link/);
    await broken(t, '#s=', /does not look like a Switchyard link/);
    await broken(t, '#s=1.%F0%9F%92%A9', /This link is damaged/);
  },

  'a link of 100 MB inflated is refused without being inflated': async (t) => {
    const fragment = bomb(100 * 1024 * 1024);
    t.ok(fragment.length > 100_000 && fragment.length < 200_000, `${fragment.length}`);
    await broken(t, fragment, /This link is too large: at most 64 kB, 256 kB unpacked/);
  },

  'a link short enough to be read that inflates to 45 MB is refused too': async (t) => {
    const fragment = bomb(45 * 1024 * 1024);
    t.ok(fragment.length < 64 * 1024, `${fragment.length}`);
    await broken(t, fragment, /This link is too large: at most 64 kB, 256 kB unpacked/);
  },

  'a broken link does not touch the draft': async (t) => {
    const page = await t.open('');
    await page.getByLabel('Title of this scenario').fill('My own work');
    await t.eventually(async () => (await kept(t, page)).includes('My own work'));
    await page.goto('about:blank');
    await page.goto(t.server.url('#s=1.AAAA'));
    await page.getByRole('dialog').getByText(/damaged/).waitFor();
    await page.keyboard.press('Escape');
    t.equal(await page.getByLabel('Title of this scenario').inputValue(), 'My own work');
    await page.goto('about:blank');
    await page.goto(t.server.url(''));
    t.equal(await page.getByLabel('Title of this scenario').inputValue(), 'My own work');
    await panel(page, 'Outline');
    await run(page);
  },

  'a short link is a QR code too': async (t) => {
    const page = await t.open('?autoplay=0');
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByRole('button', { name: 'Show as a QR code' }).click();
    const code = page.getByRole('img', { name: 'The link as a QR code' });
    t.ok((await code.locator('path').getAttribute('d')).length > 2000);
    await t.shot(page, 'share-qr');
  },

  'a picture holds the scenario: saved, dropped, opened': async (t) => {
    for (const [name, ending] of [['Save as PNG', 'png'], ['Save as SVG', 'svg']]) {
      const page = await t.open('?autoplay=0');
      await page.getByLabel('Title of this scenario').fill('In a <picture>');
      await page.getByRole('button', { name: 'Share', exact: true }).click();
      await page.getByRole('tab', { name: 'Image' }).click();
      await page.getByRole('img', { name: 'A drawing of In a <picture>' }).waitFor();
      await t.shot(page, `share-image-${ending}`);
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
      t.match(download.suggestedFilename(), new RegExp(`\\.${ending}$`));
      const path = await download.path();
      const other = await t.open('?preset=one-queue&autoplay=0');
      await other.getByRole('button', { name: 'Examples' }).click();
      await other.locator('#open-file').setInputFiles({
        name: `x.${ending}`, mimeType: ending === 'png' ? 'image/png' : 'image/svg+xml', buffer: readFileSync(path),
      });
      await t.eventually(async () => (await other.getByLabel('Title of this scenario').inputValue()) === 'In a <picture>');
      await page.close();
      await other.close();
    }
    const page = await t.open('?autoplay=0');
    await page.getByRole('button', { name: 'Examples' }).click();
    const plain = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"></svg>');
    await page.locator('#open-file').setInputFiles({ name: 'plain.svg', mimeType: 'image/svg+xml', buffer: plain });
    await page.getByText(/there is no scenario in this picture/).first().waitFor();
  },

  'the builder makes the snippet that was chosen, and shows it': async (t) => {
    const page = await t.open('?autoplay=0');
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByRole('tab', { name: 'Embed' }).click();
    const code = page.getByLabel('Embed in a page');
    t.match(await code.inputValue(), /src="[^"]*\?embed#s=1\./);
    await page.getByText('What it looks like and what may be done in it').click();
    await page.getByLabel('edit', { exact: true }).selectOption('none');
    await page.getByLabel('theme', { exact: true }).selectOption('dark');
    await page.getByLabel('until', { exact: true }).fill('12.5');
    await page.getByRole('checkbox', { name: 'inspect' }).check();
    await page.getByRole('checkbox', { name: 'In a sandbox' }).check();
    await page.getByLabel('Height in pixels').fill('400');
    await page.getByLabel('Height in pixels').blur();
    const made = await code.inputValue();
    t.match(made, /\?embed&amp;edit=none&amp;theme=dark&amp;until=12\.5&amp;panels=inspect#s=1\./);
    t.match(made, /height="400"/);
    t.match(made, /sandbox="allow-scripts allow-popups/);
    await page.getByRole('button', { name: 'Show a preview' }).click();
    const preview = page.frameLocator('iframe[title="Preview of the embed"]');
    await preview.getByLabel('Simulated time').waitFor({ timeout: 20_000 });
    t.equal(await preview.locator('html').getAttribute('data-theme'), 'dark');
    await t.shot(page, 'share-embed');
    await page.getByLabel('As', { exact: true }).selectOption('element');
    t.match(await code.inputValue(), /<script src="[^"]*embed\.js" async><\/script>\n<switch-yard s="1\.[^"]*" title="[^"]*" height="400" edit="none" theme="dark" until="12\.5" panels="inspect">/);
  },

  'a scenario is fetched from where src says, within limits': async (t) => {
    const page = await t.open('?autoplay=0');
    await page.waitForFunction(() => globalThis.wasmBindings);
    const lesson = await page.evaluate(() => globalThis.wasmBindings.preset('one-queue'));
    t.ok(lesson.length > 100);
    const served = async (path, answer) => {
      const other = await t.open('about:blank');
      await other.route('**/lesson.json', (route) => route.fulfill(answer));
      await other.goto(t.server.url(path));
      return other;
    };
    const good = await served('?src=lesson.json&autoplay=0', { contentType: 'application/json', body: lesson });
    await t.eventually(async () => (await good.getByLabel('Title of this scenario').inputValue()) === JSON.parse(lesson).title);
    await good.getByText('Shared copy').waitFor();
    const refused = [
      [{ contentType: 'text/html', body: lesson }, /not JSON by its content type/],
      [{ contentType: 'application/json', body: `"${'x'.repeat(300_000)}"` }, /larger than 256 kB/],
      [{ contentType: 'application/json', body: '{"schema":"switchyard/1","nodes":5}' }, /nodes/],
      [{ status: 404, contentType: 'application/json', body: '{}' }, /its host answers 404/],
    ];
    t.expectErrors(/404/);
    for (const [answer, words] of refused) {
      const other = await served('?src=lesson.json&autoplay=0', answer);
      await other.getByRole('dialog').getByText(words).first().waitFor();
      await other.close();
    }
    const elsewhere = await t.servePages({ '/lesson.json': lesson });
    for (const src of [elsewhere.url('/lesson.json'), 'data:application/json,{}', 'file:///etc/passwd']) {
      const other = await t.open(`?autoplay=0&src=${encodeURIComponent(src)}`);
      await other.getByRole('dialog').getByText(/neither here nor at an https address/).first().waitFor();
      await other.close();
    }
    t.equal(elsewhere.requests, []);
  },
};
