// Nothing a person types, wires or opens makes the page hang, go blank or lose anything.

import {
  draft, item, node, notice, panel, pause, run, runUntil, said, seconds, shareLink, speed, step, tally,
} from './lib/person.mjs';

const clients = (more = {}) => ({ id: 'c', kind: 'clients', label: 'Clients', x: 0, y: 0, rate: 40, ...more });
const balancer = { id: 'b', kind: 'balancer', label: 'Balancer', x: 272, y: 0 };
const server = (id, more = {}) => ({ id, kind: 'server', label: id, x: 576, y: 160 * (Number(id[1]) - 1), ...more });
const wire = (from, to) => ({ from, to, latency_ms: 20 });

function opened(t, nodes, links = [], more = {}) {
  const scenario = { title: 'A test', seed: 1, speed: 0.2, nodes, links, ...more };
  return t.open('', { storage: draft(scenario) });
}

/** Types into a number field, expects a sentence beside it, and that the scenario is as it was. */
async function refuses(t, page, label, text, pattern) {
  const before = await shareLink(page);
  const field = page.getByRole('spinbutton', { name: label, exact: true });
  await field.focus();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.type(text);
  await page.keyboard.press('Tab');
  const box = page.locator('.field').filter({ has: field });
  const alert = box.getByRole('alert').filter({ hasText: /./ });
  await alert.waitFor({ timeout: 3000 });
  const words = await alert.textContent();
  t.match(words, pattern, `${label}: '${text}'`);
  t.ok(!words.includes('NaN'), `${label}: '${text}' is answered with '${words}'`);
  t.ok(words.length < 120, `${label}: '${text}' is answered with '${words}'`);
  t.equal(await shareLink(page), before);
  const [own, beside] = [await field.boundingBox(), await alert.boundingBox()];
  t.ok(Math.abs(beside.y - own.y) < 160, 'the sentence is not beside the field');
}

async function accepts(t, page, label, text) {
  const before = await shareLink(page);
  const field = page.getByRole('spinbutton', { name: label, exact: true });
  await field.fill(text);
  await page.keyboard.press('Tab');
  await t.eventually(async () => (await shareLink(page)) !== before);
  const complaint = page.locator('.field').filter({ has: field }).getByRole('alert').filter({ hasText: /./ });
  t.equal(await complaint.count(), 0, 'the old complaint is still there');
}

/** It still runs, and everything can be undone and opened. */
async function works(t, page) {
  await run(page);
  const before = await seconds(page);
  await t.eventually(async () => (await seconds(page)) > before, { message: 'time stands still' });
}

const badge = (page, words) => page.getByRole('application').getByText(words).first();

export const tests = {
  'a number field says what is wrong with a number out of range, and keeps the old value': async (t) => {
    const page = await t.open();
    await pause(page);
    await node(page, 's1').click();
    await refuses(t, page, 'Cores', '0', /between 1 and 1024/);
    await refuses(t, page, 'Cores', '-3', /between 1 and 1024/);
    await refuses(t, page, 'Cores', '2.5', /whole number/);
    await refuses(t, page, 'Queue limit', '-1', /between 0 and 1000000/);
    await refuses(t, page, 'Service time', '0', /between 0\.001 and/);
    await accepts(t, page, 'Cores', '3');
    await accepts(t, page, 'Queue limit', '5');
    await accepts(t, page, 'Service time', '20');
    await works(t, page);
  },

  'a number field that is emptied or holds letters says so, without jargon': async (t) => {
    const page = await t.open();
    await pause(page);
    await node(page, 's1').click();
    await refuses(t, page, 'Cores', '', /number|between/);
    await refuses(t, page, 'Service time', 'abc', /number|between/);
    await refuses(t, page, 'Service time', 'e', /number|between/);
    await works(t, page);
  },

  'an absurd number is refused in a short sentence': async (t) => {
    const page = await t.open();
    await pause(page);
    await node(page, 's1').click();
    await refuses(t, page, 'Cores', '1e99', /between 1 and 1024/);
    await refuses(t, page, 'Service time', '1e300', /between 0\.001 and/);
    await works(t, page);
  },

  'a wire and the seed refuse nonsense too': async (t) => {
    const page = await t.open();
    await pause(page);
    await panel(page, 'Outline');
    await page.getByRole('button', { name: /^to Balancer, 30 ms/ }).click();
    await refuses(t, page, 'Loss', '150', /between 0 and 1/);
    await refuses(t, page, 'Latency', '-5', /between 0 and 60000/);
    await refuses(t, page, 'Latency', '', /number|between/);
    await page.keyboard.press('Escape');
    await refuses(t, page, 'Seed of all randomness', '-1', /whole number/i);
    await refuses(t, page, 'Seed of all randomness', '1.5', /whole number/i);
    await refuses(t, page, 'Seed of all randomness', '99999999999999999999', /whole number|at most/i);
  },

  'no nodes: time passes, a step says that nothing will happen': async (t) => {
    const page = await opened(t, []);
    await page.getByRole('heading', { name: 'An empty yard' }).waitFor();
    await works(t, page);
    t.equal(await tally(page), { sent: 0, answered: 0, failed: 0, flying: 0 });
    await step(page);
    t.match(await notice(page), /^Nothing will ever happen again/);
    await page.getByRole('application').getByRole('button', { name: 'Open an example' }).click();
    await page.getByRole('dialog', { name: 'Examples' }).waitFor();
  },

  'clients without a wire: requests fail and a badge says why': async (t) => {
    const page = await opened(t, [clients()]);
    await badge(page, /nowhere to go/).waitFor({ timeout: 15_000 });
    await page.getByRole('application').getByText('not wired yet').waitFor();
    const { sent, failed, answered } = await tally(page);
    t.ok(failed > 0 && answered === 0 && sent >= failed);
  },

  'no servers: requests fail at the balancer': async (t) => {
    const page = await opened(t, [clients(), balancer], [wire('c', 'b')]);
    await badge(page, /nowhere to go|no healthy backend/).waitFor({ timeout: 15_000 });
    await page.getByRole('application').getByText('not wired yet').waitFor();
    await t.eventually(async () => (await tally(page)).failed > 0, { timeout: 15_000 });
    t.equal((await tally(page)).answered, 0);
  },

  'all servers marked unhealthy: no healthy backend': async (t) => {
    const page = await opened(t, [clients(), balancer, server('s1'), server('s2')], [
      wire('c', 'b'), wire('b', 's1'), wire('b', 's2'),
    ]);
    for (const name of ['s1', 's2']) {
      await node(page, name).click();
      await page.getByLabel('Marked healthy').uncheck();
    }
    await badge(page, /no healthy backend/).waitFor({ timeout: 15_000 });
    await panel(page, 'Outline');
    t.match(await item(page, 'Balancer').locator('.words').textContent(), /s1 got \d+ \(unhealthy\), s2 got \d+ \(unhealthy\)/);
    await node(page, 's1').click();
    await page.getByLabel('Marked healthy').check();
    const { answered } = await tally(page);
    await t.eventually(async () => (await tally(page)).answered > answered, { timeout: 15_000 });
  },

  'clients that ask one after another and get an answer in no time: paused with a sentence': async (t) => {
    const page = await opened(t, [clients({ arrivals: 'one_by_one' })]);
    await page.getByRole('main').getByText(/^Paused: requests come back at the very instant/).waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor();
    t.match(await said(page), /^Paused/);
    // Running again does not hang either, and the cause can be put right.
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor({ timeout: 20_000 });
    await page.getByRole('navigation').getByRole('button', { name: 'Add server' }).click();
    await panel(page, 'Outline');
    await item(page, 'Clients').getByRole('button', { name: 'Connect', exact: true }).click();
    await works(t, page);
    await t.eventually(async () => (await tally(page)).answered > 0, { timeout: 15_000 });
  },

  'the highest rate a field takes, at the highest speed, does not stop the page': async (t) => {
    const page = await opened(t, [clients({ rate: 1e6 }), server('s1', { queue: 1e6 })], [wire('c', 's1')]);
    await speed(page, 100);
    await run(page);
    await page.getByText(/running behind/).or(page.getByText(/^Paused: a million/)).first().waitFor({ timeout: 20_000 });
    await node(page, 's1').click({ timeout: 20_000 });
    await page.getByLabel('Name', { exact: true }).waitFor();
    await pause(page);
  },

  'a breakdown shows a page to read, whose buttons work, and the draft survives': async (t) => {
    t.expectErrors(/on purpose/);
    t.expectErrors(/unreachable/);
    const page = await t.open('', { permissions: ['clipboard-read', 'clipboard-write'] });
    const title = page.getByLabel('Title of this scenario');
    await title.fill('Precious');
    await t.eventually(() => page.evaluate(() => localStorage.getItem('switchyard/draft')?.includes('Precious')));
    await page.goto(t.server.url('?test=panic'));
    await page.getByRole('heading', { name: 'Switchyard broke down' }).waitFor({ timeout: 15_000 });
    await t.shot(page, 'breakdown');
    await page.getByRole('button', { name: 'Copy diagnostic' }).click();
    const copied = await t.eventually(async () => {
      const text = await page.evaluate(() => navigator.clipboard.readText());
      return text.includes('on purpose') && text;
    });
    t.match(copied, /^Switchyard \d+\.\d+\.\d+/);
    await page.getByRole('button', { name: 'Reload the page' }).click();
    await t.eventually(async () => (await title.inputValue()) === 'Precious', { timeout: 15_000 });
    await page.getByRole('heading', { name: 'Switchyard broke down' }).waitFor({ timeout: 15_000 });
    await page.getByRole('button', { name: 'Start with the first example' }).click();
    await t.eventually(async () => /^Three servers/.test(await title.inputValue()), { timeout: 15_000 });
    await page.goto(t.server.url(''));
    t.equal(await title.inputValue(), 'Precious');
  },

  'a breakdown while a dialog is open can still be read and left': async (t) => {
    t.expectErrors(/on purpose/);
    t.expectErrors(/unreachable/);
    const page = await t.open('?test=panic');
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByRole('dialog').waitFor();
    await page.getByRole('heading', { name: 'Switchyard broke down' }).waitFor({ timeout: 15_000 });
    await page.getByRole('button', { name: 'Reload the page' }).click({ trial: true, timeout: 3000 });
  },

  'without its style sheets the page is plain, but its canvas does not grow without end': async (t) => {
    t.expectErrors(/Failed to load resource/);
    const blank = await t.servePages({ '/': '<!doctype html><html lang="en"><title>Blank</title>' });
    const page = await t.open(blank.url('/'));
    await page.route('**/*.css', (route) => route.abort());
    await page.goto(t.server.url('?embed'));
    await runUntil(page, 0.01);
    const area = await page.evaluate(async () => {
      for (let frame = 0; frame < 40; frame += 1) await new Promise(requestAnimationFrame);
      const { width, height } = document.getElementById('dots');
      return width * height;
    });
    t.ok(area < 16e6, `the canvas has grown to ${area} pixels`);
  },

  'an edit just before a breakdown or a reload is not lost': async (t) => {
    const page = await t.open('');
    const title = page.getByLabel('Title of this scenario');
    await title.fill('Just in time');
    await page.reload();
    t.equal(await title.inputValue(), 'Just in time');
  },

  'a draft that cannot be read is passed over': async (t) => {
    for (const kept of ['', 'nonsense', '{"schema":"switchyard/1","nodes":[{"id":"x"}]}']) {
      const page = await t.open('', { storage: { 'switchyard/draft': kept, 'switchyard/theme': 'pink' } });
      await t.eventually(async () => /^Three servers/.test(await page.getByLabel('Title of this scenario').inputValue()));
      await works(t, page);
      await page.close();
    }
  },

  'unknown options and odd values never break the page': async (t) => {
    for (const query of [
      '?foo=bar&speed=abc&embed=0&theme=pink&preset=nope&autoplay=maybe&test=other', '?preset=&theme=&autoplay=&test=',
      '?%F0%9F%92%A9=%00&=&&&?#', '?theme=dark&theme=light#&&s', '#nothing',
    ]) {
      const page = await t.open(query);
      await t.eventually(async () => (await seconds(page)) > 0, { message: `${query}: it does not run` });
      await page.getByRole('navigation', { name: 'Components' }).waitFor();
      await page.close();
    }
    const page = await t.open('?autoplay=0');
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor();
    t.equal(await seconds(page), 0);
  },

  'a name is text, whatever it holds, and stays within its card': async (t) => {
    const long = 'W'.repeat(80);
    const nodes = [
      clients({ label: '<img src=x onerror="document.title=1">' }),
      { ...balancer, label: long },
      server('s1', { label: '\u202Edlrow\u202C \u2067olleh\u2069 & &lt;b>' }),
      server('s2', { label: 'שלום '.repeat(16).slice(0, 80) }),
      server('s3', { label: long }),
    ];
    const page = await opened(t, nodes, [wire('c', 'b'), wire('b', 's1'), wire('b', 's2'), wire('b', 's3')], {
      title: '<script>document.title=1</script>', note: '<b>bold</b>\nsecond line',
    });
    await runUntil(page, 0.3);
    t.equal(await page.title(), 'Switchyard');
    t.equal(await page.locator('#canvas img, .panel img, .panel b b').count(), 0);
    await page.getByText('<b>bold</b>').waitFor();
    const handle = page.getByRole('application').getByRole('button', { name: /^<img src=x onerror/ });
    await handle.waitFor();
    t.equal(await page.getByRole('application').getByText('dlrow olleh & &lt;b>').first().textContent(), 'dlrow olleh & &lt;b>');
    const outside = await page.evaluate(() => {
      const found = [];
      for (const card of document.querySelectorAll('#canvas [data-node]')) {
        const box = card.getBoundingClientRect();
        for (const part of card.querySelectorAll('.name, .number, .power, .row, .who, .value, .detail')) {
          const { left, right, width } = part.getBoundingClientRect();
          if (width > 0 && (left < box.left - 1 || right > box.right + 1)) {
            found.push(`${card.getAttribute('data-node')}: .${part.className}`);
          }
        }
      }
      return found;
    });
    t.equal(outside, []);
    for (const name of ['Request', 'Inspect', 'Outline']) {
      await panel(page, name);
      const { wide, room } = await page.getByRole('tabpanel').evaluate((element) => ({
        wide: element.scrollWidth, room: element.clientWidth,
      }));
      t.ok(wide <= room + 1, `${name}: ${wide} px of text in ${room} px`);
    }
    await t.shot(page, 'long-names');
  },

  'names that are too long or hold marks that reorder text are refused or cleaned while typing': async (t) => {
    const page = await t.open();
    await pause(page);
    await node(page, 's1').click();
    const name = page.getByLabel('Name', { exact: true });
    await name.fill('x'.repeat(200));
    await t.eventually(async () => (await node(page, 's1').count()) === 0);
    const label = await page.getByRole('application').getByRole('button', { name: /^x+, server/ }).textContent();
    t.ok(label.length <= 80, `${label.length} characters`);
    await name.fill('abc\u202Edef');
    await t.eventually(async () => {
      const complaint = await page.getByRole('alert').filter({ hasText: /control characters/ }).count();
      const cleaned = await node(page, 'abcdef').count();
      return complaint + cleaned > 0;
    });
  },
};
