// The same three-tier system (clients, a balancer, two servers that write to a database) built, run and shared three times:
// with keys alone, with clicks alone, and with a finger alone. The links open as the same system.

import { middle, panel, runUntil } from './lib/person.mjs';

const WIRES = [['Clients', 'Balancer'], ['Balancer', 's1'], ['Balancer', 's2'], ['s1', 'Database'], ['s2', 'Database']];
const KINDS = ['clients', 'balancer', 'server', 'server', 'database'];

const card = (page, label) => page.locator('.node').filter({ has: page.locator('.name', { hasText: new RegExp(`^${label}$`) }) });

/** What was built, as the document in the browser says: kinds, and wires by name. */
async function built(page) {
  // The draft is kept once a second.
  const whole = (wires) => JSON.parse(localStorage.getItem('switchyard/draft') ?? '{}').links?.length === wires;
  await page.waitForFunction(whole, WIRES.length);
  const draft = JSON.parse(await page.evaluate(() => localStorage.getItem('switchyard/draft')));
  const label = (id) => draft.nodes.find((node) => node.id === id).label;
  return {
    kinds: draft.nodes.map((node) => node.kind),
    wires: draft.links.map((link) => [label(link.from), label(link.to)]),
  };
}

/** The share dialog is open: the link in it opens as the same system, which runs. */
async function opensAgain(t, page) {
  const link = await page.locator('#share-link').inputValue();
  t.match(link, /#s=1\./);
  const other = await t.open(link.slice(link.indexOf('#')));
  await other.locator('.node').nth(4).waitFor();
  t.equal(await other.locator('.wire-group').count(), WIRES.length);
  await runUntil(other, 0.1);
  await t.eventually(async () => /[1-9]\d* answered/.test(await other.getByText(/^\d+ sent = /).textContent()));
}

/** The page with nothing on the canvas. `press` opens what it is given. */
async function empty(page, press) {
  await press(page.getByRole('button', { name: 'Examples' }));
  await press(page.getByRole('button', { name: /^Empty canvas/ }));
  await page.getByRole('heading', { name: 'An empty yard' }).waitFor();
}

async function check(t, page) {
  t.equal(await built(page), { kinds: KINDS, wires: WIRES });
  await t.eventually(async () => /[1-9]\d* answered/.test(await page.getByText(/^\d+ sent = /).textContent()));
}

export const tests = {
  'with keys alone, on the canvas': async (t) => {
    const page = await t.open();
    const focusBy = async (locator) => {
      await locator.waitFor();
      for (let n = 0; n < 90 && !(await locator.evaluate((e) => e === document.activeElement)); n += 1) await page.keyboard.press('Tab');
    };
    await empty(page, async (locator) => {
      await focusBy(locator);
      await page.keyboard.press('Enter');
    });
    // The canvas is one stop; from there everything has a key.
    await page.locator('#canvas').focus();
    const ready = () => t.eventually(() => page.evaluate(() => document.activeElement.id === 'quick-field'));
    const put = async (key, words, label) => {
      await page.keyboard.press(key);
      await ready();
      await page.keyboard.type(words);
      await page.keyboard.press('Enter');
      await card(page, label).waitFor();
      await t.eventually(() => page.evaluate(() => document.activeElement.id.startsWith('node-')));
    };
    await put('a', 'clients', 'Clients');
    await put('Alt+Shift+ArrowRight', 'balancer', 'Balancer');
    await put('Alt+Shift+ArrowRight', 'server', 's1');
    await page.keyboard.press('Alt+ArrowLeft');
    await t.eventually(() => page.evaluate(() => document.activeElement.id.startsWith('node-balancer')));
    await put('Alt+Shift+ArrowDown', 'server', 's2');
    // From the first server a database, and the second one is connected to it through the outline.
    await page.keyboard.press('Alt+ArrowUp');
    await t.eventually(() => page.evaluate(() => document.activeElement.textContent === 's1'));
    await put('Alt+Shift+ArrowRight', 'database', 'Database');
    await page.keyboard.press('Alt+ArrowLeft');
    await page.keyboard.press('Alt+ArrowDown');
    await t.eventually(() => page.evaluate(() => document.activeElement.textContent === 's2'));
    await page.keyboard.press('c');
    await t.eventually(() => page.evaluate(() => document.activeElement.id.startsWith('connect-')));
    await page.keyboard.type('Database');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await t.eventually(async () => (await page.locator('.wire-group').count()) === WIRES.length);
    await page.locator('#canvas').focus();
    if ((await page.getByRole('button', { name: 'Run', exact: true }).count()) > 0) await page.keyboard.press('k');
    await check(t, page);
    await focusBy(page.getByRole('button', { name: 'Share', exact: true }));
    await page.keyboard.press('Enter');
    await opensAgain(t, page);
  },

  'with clicks alone, nothing is dragged': async (t) => {
    const page = await t.open();
    const click = async (locator) => {
      await locator.scrollIntoViewIfNeeded();
      const at = await middle(locator);
      await page.mouse.move(at.x, at.y);
      await page.mouse.down();
      await page.mouse.up();
    };
    await empty(page, click);
    for (const kind of KINDS) await click(page.getByRole('navigation').locator(`[data-kind=${kind}]`));
    await click(page.getByRole('button', { name: 'Tidy up' }));
    for (const [from, to] of WIRES) {
      await click(card(page, from).locator('.port.out'));
      await click(card(page, to).locator('.name'));
    }
    t.equal(await page.locator('.wire-group').count(), WIRES.length);
    await click(page.getByRole('button', { name: 'Tidy up' }));
    if ((await page.getByRole('button', { name: 'Run', exact: true }).count()) > 0) await click(page.getByRole('button', { name: 'Run', exact: true }));
    await check(t, page);
    await click(page.getByRole('button', { name: 'Share', exact: true }));
    await opensAgain(t, page);
  },

  'with a finger alone, on a phone': async (t) => {
    const page = await t.open('', { width: 390, height: 844, touch: true });
    const tap = (locator) => locator.tap();
    await empty(page, tap);
    for (const kind of KINDS) {
      await tap(page.getByRole('navigation').locator(`[data-kind=${kind}]`));
    }
    await t.eventually(async () => (await page.locator('.node').count()) === KINDS.length);
    await tap(page.getByRole('button', { name: 'Tidy up' }));
    await tap(page.getByRole('button', { name: 'See everything' }));
    for (const [from, to] of WIRES) {
      const port = await middle(card(page, from).locator('.port.out'));
      await page.touchscreen.tap(port.x, port.y);
      const target = await middle(card(page, to));
      await page.touchscreen.tap(target.x, target.y);
    }
    await t.eventually(async () => (await page.locator('.wire-group').count()) === WIRES.length);
    await tap(page.getByRole('button', { name: 'Tidy up' }));
    if ((await page.getByRole('button', { name: 'Run', exact: true }).count()) > 0) await tap(page.getByRole('button', { name: 'Run', exact: true }));
    await panel(page, 'Outline');
    await tap(page.getByRole('button', { name: 'Close the panel' }));
    await check(t, page);
    await tap(page.getByRole('button', { name: 'Share', exact: true }));
    await opensAgain(t, page);
  },
};
