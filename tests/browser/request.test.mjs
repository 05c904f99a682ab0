// Click a dot and read where the request was, for how long, and why.

import { dots, example, panel, pause, run, runUntil, speed } from './lib/person.mjs';

/** Clicks dots one after another until one is taken for a request that passes `fits`. */
async function clickDot(t, page, fits = () => true) {
  await panel(page, 'Request');
  const canvas = await page.getByRole('application').boundingBox();
  const all = (await dots(page)).filter(({ x, y }) => x > canvas.x + 8 && y < canvas.y + canvas.height - 60);
  t.ok(all.length > 0, 'no dots on the canvas');
  const id = page.getByRole('tabpanel').getByText(/^#\d+$/).first();
  const seen = new Set();
  for (const dot of all.toSorted((a, b) => b.x - a.x)) {
    await page.mouse.click(dot.x, dot.y);
    await page.getByRole('heading', { name: 'Why here?' }).waitFor();
    seen.add(await id.textContent());
    if (await fits()) return { dot, id: await id.textContent() };
  }
  throw new Error(`none of ${all.length} dots fits: ${[...seen].join(', ')}`);
}

const side = (page) => page.getByRole('tabpanel');

/** The table of stays: [[words, ms]]. */
async function stays(page) {
  const table = page.getByRole('table', { name: 'Where the time went, in milliseconds' });
  const rows = await table.getByRole('row').all();
  return Promise.all(
    rows.map(async (row) => [
      await row.getByRole('rowheader').textContent(),
      Number(await row.getByRole('cell').last().textContent()),
    ]),
  );
}

async function busy(t) {
  const page = await t.open();
  await speed(page, 1);
  await runUntil(page, 0.6);
  await pause(page);
  return page;
}

export const tests = {
  'a dot tells its number, its key, where its time went, and why it went there': async (t) => {
    const page = await busy(t);
    const decided = async () => (await side(page).getByText(/chose s\d/).count()) > 0;
    const { id } = await clickDot(t, page, decided);
    t.match(id, /^#\d+$/);
    await side(page).getByText(/^GET user:\d+$/).waitFor();
    // The stays add up to the total, but for the rounding of each.
    const shown = await stays(page);
    const total = await side(page).getByText(/^[\d.]+ ms$/).first().textContent();
    const sum = shown.reduce((sum, [, ms]) => sum + ms, 0);
    // From 100 ms on they are whole numbers.
    const grain = (ms) => (ms >= 100 ? 0.5 : 0.05);
    const slack = shown.reduce((all, [, ms]) => all + grain(ms), grain(parseFloat(total)));
    t.ok(Math.abs(sum - parseFloat(total)) <= slack + 0.001, `${sum} is not ${total}`);
    t.match(shown[0][0], /to Balancer$/);
    // The decision: who was chosen, by what sums, and the same numbers in a sentence.
    const words = await side(page).textContent();
    const chosen = /Balancer chose (s\d)/.exec(words)[1];
    const row = side(page).getByRole('row').filter({ hasText: '←' }).filter({ hasText: / = / });
    t.match(await row.textContent(), new RegExp(`^${chosen}−?\\d+ \\+ \\d+ = −?\\d+`));
    const sums = [...words.matchAll(/s\d(−?\d+) \+ (\d+) = (−?\d+)/g)];
    t.equal(sums.length, 3);
    const whole = (text) => Number(text.replace('−', '-'));
    for (const [text, a, b, c] of sums) t.equal(whole(a) + whole(b), whole(c), text);
    const sentence = new RegExp(`${chosen} has the largest running weight .*: (−?\\d+) − (\\d+) = (−?\\d+)\\.`);
    t.match(words, sentence);
    const [, a, b, c] = sentence.exec(words);
    t.equal(whole(a) - whole(b), whole(c));
  },

  'its wires are highlighted, a tag sits on it, and letting go ends both': async (t) => {
    const page = await busy(t);
    const decided = async () => (await side(page).getByText(/chose s\d/).count()) > 0;
    const { id, dot } = await clickDot(t, page, decided);
    const colours = () =>
      page.evaluate(() =>
        [...document.querySelectorAll('svg.wires path.wire[marker-end]')].map((path) => getComputedStyle(path).stroke),
      );
    const accent = await page.evaluate(() => {
      const probe = document.body.appendChild(document.createElement('i'));
      probe.style.color = 'var(--accent)';
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    });
    t.equal((await colours()).filter((colour) => colour === accent).length, 2);
    const tag = page.getByText(id, { exact: true }).and(page.locator('#canvas *'));
    const box = await tag.boundingBox();
    t.ok(Math.abs(box.x + box.width / 2 - dot.x) < 6, `the tag is at ${box.x}, the dot at ${dot.x}`);
    t.ok(box.y < dot.y && dot.y - box.y < 60, `the tag is at ${box.y}, the dot at ${dot.y}`);
    await page.getByRole('button', { name: 'Let it go' }).click();
    await page.getByRole('heading', { name: 'Click a moving dot' }).waitFor();
    t.equal((await colours()).filter((colour) => colour === accent).length, 0);
  },

  'a selected request stays to be read when it has ended': async (t) => {
    const page = await busy(t);
    const { id } = await clickDot(t, page);
    await speed(page, 2);
    await run(page);
    await side(page).getByText(/^(answered|failed .*)$/).first().waitFor({ timeout: 15_000 });
    await runUntil(page, 5);
    await pause(page);
    t.equal(await side(page).getByText(/^#\d+$/).first().textContent(), id);
    const total = await side(page).getByText(/^[\d.]+ m?s$/).first().textContent();
    const sum = (await stays(page)).reduce((sum, [, ms]) => sum + ms, 0);
    t.ok(Math.abs(sum - parseFloat(total)) <= 0.5, `${sum} is not ${total}`);
  },

  'a request that has ended can be picked from the list, also with the keyboard': async (t) => {
    const page = await busy(t);
    const row = side(page).getByRole('list').getByRole('button').first();
    const id = /#\d+/.exec(await row.textContent())[0];
    await row.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Why here?' }).waitFor();
    t.equal(await side(page).getByText(/^#\d+$/).first().textContent(), id);
  },

  'a request that failed says where and why': async (t) => {
    const page = await t.open();
    await example(page, 'A wire that loses');
    await speed(page, 1);
    const row = side(page).getByRole('list').getByRole('button').filter({ hasText: 'connection lost' });
    await row.first().waitFor({ timeout: 20_000 });
    await pause(page);
    await row.first().click();
    await side(page).getByText(/^failed .*: connection lost$/).waitFor();
  },

  'one request with a key of one’s own can be sent and followed': async (t) => {
    const page = await busy(t);
    await page.getByRole('application').getByRole('button', { name: /^Clients, clients:/ }).click();
    await page.getByLabel('Send one request for').fill('user:ada');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await side(page).getByText('GET user:ada').waitFor();
    await run(page);
    await side(page).getByText(/Balancer chose/).waitFor({ timeout: 20_000 });
  },
};
