// Everything without a mouse: build, wire, set, run and read through ordinary buttons and keys.

import { card, node, number, panel, pause, runUntil, said, seconds, undo, words } from './lib/person.mjs';

const focused = (locator) => locator.evaluate((element) => element === document.activeElement);

/** Presses Tab until this has the focus. */
async function tabTo(page, locator, key = 'Tab') {
  await locator.waitFor();
  for (let press = 0; press < 90; press += 1) {
    if (await focused(locator)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${locator} cannot be reached with ${key}`);
}

async function activate(page, locator, key = 'Enter') {
  await tabTo(page, locator);
  await page.keyboard.press(key);
}

/** Types into the field with this label in place of what is there. */
async function type(page, field, text) {
  await tabTo(page, field);
  await page.keyboard.press('Control+a');
  await page.keyboard.type(text);
  await page.keyboard.press('Tab');
}

const button = (page, name) => page.getByRole('button', { name, exact: true });

/** The empty canvas, with the outline shown, by keyboard only. */
async function empty(t) {
  const page = await t.open();
  await activate(page, button(page, 'Examples'));
  await activate(page, page.getByRole('dialog').getByRole('button', { name: 'Empty canvas' }));
  await page.getByRole('heading', { name: 'An empty yard' }).waitFor();
  await activate(page, page.getByRole('tab', { name: 'Outline' }));
  return page;
}

async function addAll(page) {
  for (const kind of ['clients', 'balancer', 'server', 'server']) {
    await activate(page, page.getByRole('tabpanel').getByRole('button', { name: `Add ${kind}`, exact: true }));
  }
}

/** Chooses an entry of a select that has the focus by typing its name. */
async function choose(page, select, name) {
  await tabTo(page, select);
  await page.keyboard.type(name);
  await page.keyboard.press('Tab');
}

async function connect(page, from, to) {
  const select = page.getByLabel(`Connect ${from} to`);
  await choose(page, select, to);
  await activate(page, select.locator('xpath=..').getByRole('button', { name: 'Connect', exact: true }));
}

export const tests = {
  'a system is built, set, run and read through the outline, with the keyboard alone': async (t) => {
    const page = await empty(t);
    if ((await button(page, 'Pause').count()) > 0) await activate(page, button(page, 'Pause'));
    await addAll(page);
    await connect(page, 'Clients', 'Balancer');
    await connect(page, 'Balancer', 's1');
    await connect(page, 'Balancer', 's2');
    t.match(await page.getByRole('application').getAttribute('aria-label'), /4 components, 3 wires/);
    await activate(page, button(page, 'Settings of Balancer'));
    await choose(page, page.getByLabel('Strategy'), 'Smooth');
    t.equal(await page.getByLabel('Strategy').locator('option:checked').textContent(), 'Smooth weighted round robin');
    for (const [server, weight] of [['s1', '3'], ['s2', '1']]) {
      await activate(page, page.getByRole('tab', { name: 'Outline' }));
      await activate(page, button(page, `Settings of ${server}`));
      await type(page, page.getByRole('spinbutton', { name: 'Weight', exact: true }), weight);
      t.equal(await page.getByRole('spinbutton', { name: 'Weight', exact: true }).inputValue(), weight);
    }
    await choose(page, page.getByLabel('Speed'), '5');
    await activate(page, button(page, 'Run'), 'Space');
    await runUntil(page, 20);
    await activate(page, button(page, 'Pause'), 'Space');
    await activate(page, page.getByRole('tab', { name: 'Outline' }));
    const [s1, s2] = [await words(page, 's1'), await words(page, 's2')].map((text) => number(text, /(\d+) arrived/));
    t.ok(s2 > 50 && Math.abs(s1 - 3 * s2) <= 6, `s1 ${s1}, s2 ${s2}`);
    t.match(await words(page, 'Clients'), /99th percentile [\d.]+ m?s/);
  },

  'the focus stays where it was when something is added, connected or deleted in the outline': async (t) => {
    const page = await empty(t);
    const add = page.getByRole('tabpanel').getByRole('button', { name: 'Add clients', exact: true });
    await activate(page, add);
    await node(page, 'Clients').waitFor();
    t.ok(await focused(add), 'adding took the focus away');
    const server = page.getByRole('tabpanel').getByRole('button', { name: 'Add server', exact: true });
    await activate(page, server);
    await page.keyboard.press('Enter');
    await node(page, 's2').waitFor();
    await activate(page, page.getByRole('tabpanel').getByRole('button', { name: 'Kill s1' }));
    t.ok((await page.evaluate(() => document.activeElement?.tagName)) === 'BUTTON', 'killing took the focus away');
    await activate(page, button(page, 'Delete s2'));
    await node(page, 's2').waitFor({ state: 'detached' });
    const inside = () =>
      page.evaluate(() => document.activeElement.closest('[role=tabpanel]') !== null);
    await t.eventually(inside, { message: 'deleting sent the focus to the top of the page' });
  },

  'every edit is announced': async (t) => {
    const page = await empty(t);
    const heard = async (pattern) =>
      t.eventually(async () => pattern.test(await said(page)), { message: `nothing like ${pattern} was said` });
    await addAll(page);
    await heard(/^Added s2$/);
    await connect(page, 'Clients', 'Balancer');
    await heard(/^Connected Clients to Balancer$/);
    await connect(page, 'Balancer', 's1');
    await heard(/^Connected Balancer to s1$/);
    await activate(page, button(page, 'Disconnect s1'));
    await heard(/^Deleted the wire Balancer to s1$/);
    await activate(page, page.getByRole('tabpanel').getByRole('button', { name: 'Kill s2' }));
    await heard(/^Killed s2$/);
    await activate(page, button(page, 'Delete s2'));
    await heard(/^Deleted s2$/);
    const running = (await button(page, 'Pause').count()) > 0;
    await activate(page, button(page, running ? 'Pause' : 'Run'));
    await heard(running ? /^Paused$/ : /^Running$/);
    await page.keyboard.press('Enter');
    await heard(running ? /^Running$/ : /^Paused$/);
    await page.keyboard.press('Control+z');
    await heard(/^Undone$/);
  },

  'the same words said twice are announced twice': async (t) => {
    const page = await t.open();
    await pause(page);
    const add = page.getByRole('navigation').getByRole('button', { name: 'Add server' });
    await add.focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.evaluate(() => {
      globalThis.heard = 0;
      const count = () => { globalThis.heard += 1; };
      new MutationObserver(count).observe(document.querySelector('p[role=status]'), {
        characterData: true, childList: true, subtree: true,
      });
    });
    await page.keyboard.press('Control+z');
    await t.eventually(() => page.evaluate(() => globalThis.heard > 0));
    const before = await page.evaluate(() => globalThis.heard);
    await page.keyboard.press('Control+z');
    await node(page, 's4').waitFor({ state: 'detached' });
    await t.eventually(() => page.evaluate((n) => globalThis.heard > n, before), {
      message: 'the second "Undone" was not announced', timeout: 2000,
    });
  },

  'only one thing on the page is announced as it changes, and it is not the clock': async (t) => {
    const page = await t.open();
    await page.getByRole('application').waitFor();
    const live = await page.getByRole('status').all();
    const names = await Promise.all(live.map((one) => one.evaluate((element) => element.outerHTML)));
    t.equal(names.length, 1, names.join('\n'));
  },

  'arrows walk between components, and Tab enters and leaves the canvas': async (t) => {
    const page = await t.open();
    await pause(page);
    const inside = () => page.evaluate(() => document.activeElement.closest('[role=application]') !== null);
    await tabTo(page, node(page, 'Clients'));
    for (const [key, label] of [
      ['ArrowRight', 'Balancer'], ['ArrowRight', 's2'], ['ArrowDown', 's3'], ['ArrowUp', 's2'], ['ArrowUp', 's1'],
      ['ArrowLeft', 'Balancer'], ['ArrowLeft', 'Clients'],
    ]) {
      await page.keyboard.press(key);
      await t.eventually(() => focused(node(page, label)), { message: `${key} does not lead to ${label}` });
    }
    await page.keyboard.press('Escape');
    // The buttons for zoom lie in the canvas; behind them it ends.
    for (let press = 0; press < 6 && (await inside()); press += 1) await page.keyboard.press('Tab');
    t.equal(await inside(), false);
    await tabTo(page, node(page, 'Clients'), 'Shift+Tab');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Shift+Tab');
    t.equal(await inside(), false);
  },

  'the canvas is one stop for Tab, whatever the number of components': async (t) => {
    const page = await t.open();
    await pause(page);
    await tabTo(page, node(page, 'Clients'));
    const stops = new Set();
    for (let press = 0; press < 8; press += 1) {
      await page.keyboard.press('Tab');
      stops.add(await page.evaluate(() => document.activeElement.id));
    }
    t.equal([...stops].filter((id) => id.startsWith('node-')), []);
  },

  'Ctrl and arrows move a component, Delete takes it out, Ctrl+Z brings it back': async (t) => {
    const page = await t.open();
    await pause(page);
    await tabTo(page, node(page, 'Clients'));
    await page.keyboard.press('ArrowRight');
    await t.eventually(() => focused(node(page, 'Balancer')));
    const before = await card(page, 'Balancer');
    await page.keyboard.press('Control+ArrowDown');
    await t.eventually(async () => (await card(page, 'Balancer')).y > before.y);
    t.match(await said(page), /^Moved Balancer, x 272, y 160$/);
    await page.keyboard.press('Control+Shift+ArrowRight');
    await t.eventually(async () => (await card(page, 'Balancer')).x > before.x);
    t.match(await said(page), /^Moved Balancer, x 336, y 160$/);
    await page.keyboard.press('Delete');
    await node(page, 'Balancer').waitFor({ state: 'detached' });
    t.match(await page.getByRole('application').getAttribute('aria-label'), /4 components, 0 wires/);
    await page.keyboard.press('Control+z');
    await node(page, 'Balancer').waitFor();
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 components, 4 wires/);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await t.eventually(async () => {
      const { x, y } = await card(page, 'Balancer');
      return x === before.x && y === before.y;
    });
  },

  'after Delete the arrows still work': async (t) => {
    const page = await t.open();
    await pause(page);
    await tabTo(page, node(page, 'Clients'));
    await page.keyboard.press('ArrowRight');
    await t.eventually(() => focused(node(page, 'Balancer')));
    await page.keyboard.press('Delete');
    await node(page, 'Balancer').waitFor({ state: 'detached' });
    const inside = () => page.evaluate(() => document.activeElement.closest('[role=application]') !== null);
    await t.eventually(inside, { message: 'the focus left the canvas with what was deleted', timeout: 2000 });
  },

  'keys run, pause, step, slow down and kill': async (t) => {
    const page = await t.open();
    await pause(page);
    await tabTo(page, node(page, 'Clients'));
    await page.keyboard.press('Home');
    await t.eventually(async () => (await seconds(page)) === 0);
    await page.keyboard.press('.');
    await t.eventually(async () => (await seconds(page)) > 0);
    await page.keyboard.press(']');
    await t.eventually(async () => (await page.getByLabel('Speed').inputValue()) === '0.2');
    await page.keyboard.press('[');
    await t.eventually(async () => (await page.getByLabel('Speed').inputValue()) === '0.1');
    const before = await seconds(page);
    await page.keyboard.press('Space');
    await t.eventually(async () => (await seconds(page)) > before + 0.1);
    for (const key of ['ArrowRight', 'ArrowRight', 'x']) await page.keyboard.press(key);
    await page.getByRole('application').getByText('crashed', { exact: true }).waitFor();
    await page.keyboard.press('x');
    await page.getByRole('application').getByText('crashed', { exact: true }).waitFor({ state: 'hidden' });
    await page.keyboard.press('Space');
    await button(page, 'Run').waitFor();
  },

  'single letters do nothing while somebody types, and outside the canvas': async (t) => {
    const page = await t.open();
    await pause(page);
    const title = page.getByLabel('Title of this scenario');
    await tabTo(page, title);
    await page.keyboard.press('Control+a');
    await page.keyboard.type('x k. c ?');
    t.equal(await title.inputValue(), 'x k. c ?');
    t.ok(await button(page, 'Run').isVisible());
    t.equal(await page.getByRole('dialog').count(), 0);
    await tabTo(page, page.getByRole('tab', { name: 'Outline' }));
    for (const key of ['k', 'x', '.', 'Delete']) await page.keyboard.press(key);
    t.ok(await button(page, 'Run').isVisible());
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 components/);
  },

  'Enter opens the settings of a component, C its connections': async (t) => {
    const page = await t.open();
    await pause(page);
    await tabTo(page, node(page, 'Clients'));
    await page.keyboard.press('Enter');
    const name = page.getByLabel('Name', { exact: true });
    await t.eventually(() => focused(name));
    t.equal(await name.inputValue(), 'Clients');
    await tabTo(page, node(page, 'Clients'), 'Shift+Tab');
    await page.keyboard.press('ArrowRight');
    await t.eventually(() => focused(node(page, 'Balancer')));
    await page.keyboard.press('c');
    await page.getByRole('tab', { name: 'Outline', selected: true }).waitFor();
  },

  'the buttons inside the canvas work with the keyboard': async (t) => {
    const page = await t.open();
    await pause(page);
    const percent = page.getByRole('group', { name: 'Zoom' }).getByText(/%$/);
    const before = await percent.textContent();
    await activate(page, button(page, 'Zoom in'));
    await t.eventually(async () => (await percent.textContent()) !== before, {
      message: 'Enter on Zoom in does nothing', timeout: 2000,
    });
    await activate(page, button(page, 'See everything'), 'Space');
    await t.eventually(async () => (await percent.textContent()) === before, {
      message: 'Space on See everything does nothing', timeout: 2000,
    });
    t.ok(await button(page, 'Run').isVisible(), 'Space on a button ran the simulation');
  },

  'the button on the empty canvas works with the keyboard': async (t) => {
    const page = await empty(t);
    await activate(page, page.getByRole('application').getByRole('button', { name: 'Open an example' }));
    await page.getByRole('dialog').waitFor({ timeout: 3000 });
  },

  'a dialog keeps the focus inside, Esc closes it, and the focus returns to where it was': async (t) => {
    const page = await t.open();
    for (const name of ['Examples', 'Share', 'Keyboard shortcuts']) {
      await activate(page, button(page, name));
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      t.ok(await page.evaluate(() => document.activeElement.closest('dialog') !== null), `${name}: focus outside`);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
      await t.eventually(() => focused(button(page, name)), {
        message: `after ${name} the focus is lost`, timeout: 2000,
      });
    }
  },

  'a skip link leads past the bars to the outline': async (t) => {
    const page = await t.open();
    const skip = page.getByRole('link', { name: 'Skip to the outline' });
    await skip.waitFor({ state: 'attached' });
    await page.keyboard.press('Tab');
    t.ok(await focused(skip));
    await page.keyboard.press('Enter');
    await t.eventually(() => focused(page.getByRole('tab', { name: 'Outline' })), { timeout: 2000 });
  },

  'a component is moved without dragging by its position in numbers': async (t) => {
    const page = await t.open();
    await pause(page);
    await panel(page, 'Outline');
    const item = page.getByRole('listitem').filter({ has: button(page, 'Settings of s3') });
    await activate(page, item.getByText('Position'));
    const before = await card(page, 's3');
    await type(page, item.getByLabel('x', { exact: false }).first(), '480');
    await t.eventually(async () => (await card(page, 's3')).x < before.x);
    await activate(page, undo(page));
    await t.eventually(async () => (await card(page, 's3')).x === before.x);
  },
};
