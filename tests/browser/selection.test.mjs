// Several at once: the marquee, moving, copying, duplicating, deleting; alignment, splicing, the quick field
// and the menu.

import { draft, drag, grip, node, panel, pause, port, undo, redo } from './lib/person.mjs';

const clients = { id: 'c', kind: 'clients', label: 'Clients', x: 0, y: 96, rate: 40 };
const balancer = { id: 'lb', kind: 'balancer', label: 'Balancer', x: 288, y: 80 };
const server = (id, y) => ({ id, kind: 'server', label: id, x: 608, y });
const wire = (from, to) => ({ from, to, latency_ms: 20 });
const system = {
  title: 'A test', seed: 1, speed: 0.2,
  nodes: [clients, balancer, server('s1', 0), server('s2', 176)],
  links: [wire('c', 'lb'), wire('lb', 's1'), wire('lb', 's2')],
};

async function opened(t, more = {}) {
  const page = await t.open('', { storage: draft({ ...system, ...more }) });
  await pause(page);
  return page;
}

const chosen = (page) => page.locator('.node.selected').count();
const nodes = (page) => page.locator('.node').count();
const described = (page) => page.getByRole('application').getAttribute('aria-label');

/** Where a node stands, in canvas units; in the hand it is shifted from there. */
async function place(page, id) {
  const style = await page.locator(`[data-node="${id}"]`).getAttribute('style');
  const [, x, y] = /left: ?(-?[\d.]+)px; ?top: ?(-?[\d.]+)px/.exec(style);
  const [, dx, dy] = /translate\((-?[\d.]+)px, ?(-?[\d.]+)px\)/.exec(style) ?? [0, 0, 0];
  return [Number(x) + Number(dx), Number(y) + Number(dy)];
}

/** A box around these, drawn with the mouse. Was it to be seen meanwhile? */
async function marquee(page, ids, inset = -12) {
  const boxes = await Promise.all(ids.map((id) => page.locator(`[data-node="${id}"]`).boundingBox()));
  const left = Math.min(...boxes.map((b) => b.x)) + inset;
  const top = Math.min(...boxes.map((b) => b.y)) + inset;
  const right = Math.max(...boxes.map((b) => b.x + b.width)) - inset;
  const bottom = Math.max(...boxes.map((b) => b.y + b.height)) - inset;
  await page.mouse.move(left, top);
  await page.mouse.down();
  await page.mouse.move((left + right) / 2, (top + bottom) / 2, { steps: 3 });
  const seen = await page.locator('.marquee').isVisible();
  await page.mouse.move(right, bottom, { steps: 3 });
  await page.mouse.up();
  return seen;
}

export const tests = {
  'a box selects what it touches, and all of it moves, by hand and by keys, as one step': async (t) => {
    const page = await opened(t);
    const before = [await place(page, 's1'), await place(page, 's2')];
    t.ok(await marquee(page, ['s1', 's2']), 'the box is not drawn');
    t.equal(await chosen(page), 2);
    await page.getByText('2 components').first().waitFor();
    await drag(page, await grip(page, 's1'), { x: (await grip(page, 's1')).x - 40, y: (await grip(page, 's1')).y + 90 });
    const after = [await place(page, 's1'), await place(page, 's2')];
    const moved = after.map(([x, y], n) => [x - before[n][0], y - before[n][1]]);
    t.equal(moved[0], moved[1]);
    t.ok(moved[0][1] > 20, `moved by ${moved[0]}`);
    await page.locator('#canvas').focus();
    await page.keyboard.press('Control+ArrowRight');
    t.equal((await place(page, 's2'))[0], after[1][0] + 16);
    await undo(page).click();
    await undo(page).click();
    t.equal([await place(page, 's1'), await place(page, 's2')], before);
  },

  'escape takes a drag back, and a lost pointer leaves nothing half done': async (t) => {
    const page = await opened(t);
    const before = await place(page, 's1');
    const from = await grip(page, 's1');
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x - 90, from.y + 60, { steps: 4 });
    t.ok((await place(page, 's1'))[0] !== before[0]);
    await page.keyboard.press('Escape');
    t.equal(await place(page, 's1'), before);
    await page.mouse.up();
    t.equal(await place(page, 's1'), before);
  },

  'a click with shift takes one more or one less': async (t) => {
    const page = await opened(t);
    await node(page, 's1').click();
    await node(page, 's2').click({ modifiers: ['Shift'] });
    t.equal(await chosen(page), 2);
    await node(page, 's1').click({ modifiers: ['Shift'] });
    t.equal(await chosen(page), 1);
    await page.locator('#canvas').focus();
    await page.keyboard.press('Control+a');
    t.equal(await chosen(page), 4);
    await page.keyboard.press('Delete');
    t.equal(await nodes(page), 0);
    await undo(page).click();
    t.equal(await nodes(page), 4);
    t.match(await described(page), /4 components, 3 wires/);
    await redo(page).click();
    t.equal(await nodes(page), 0);
  },

  'what is copied is pasted with its wires, under names of its own, also in another tab': async (t) => {
    const page = await opened(t);
    await page.locator('#canvas').focus();
    await page.keyboard.press('Control+a');
    const text = await page.evaluate(() => {
      const data = new DataTransfer();
      document.dispatchEvent(new ClipboardEvent('copy', { clipboardData: data, bubbles: true, cancelable: true }));
      return data.getData('text/plain');
    });
    t.equal(JSON.parse(text).nodes.length, 4);
    const paste = (page, text) => page.evaluate((text) => {
      const data = new DataTransfer();
      data.setData('text/plain', text);
      document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, text);
    await paste(page, text);
    await t.eventually(async () => /8 components, 6 wires/.test(await described(page)));
    t.equal(await chosen(page), 4);
    await undo(page).click();
    t.match(await described(page), /4 components, 3 wires/);
    const other = await opened(t, { nodes: [], links: [] });
    await paste(other, text);
    await t.eventually(async () => /4 components, 3 wires/.test(await described(other)));
    for (const garbage of ['not a scenario', '{"schema":"switchyard/1","nodes":7}', 'x'.repeat(10_000_000)]) {
      await paste(other, garbage);
      await other.locator('.notice').getByText(/This cannot be pasted/).waitFor();
      await other.getByRole('button', { name: 'Dismiss' }).click();
    }
    t.match(await described(other), /4 components, 3 wires/);
  },

  'duplicates stand beside what they are of': async (t) => {
    const page = await opened(t);
    await node(page, 's2').click();
    await page.keyboard.press('Control+d');
    await t.eventually(async () => (await nodes(page)) === 5);
    t.equal(await chosen(page), 1);
  },

  'a node that is taken out leaves its neighbours connected': async (t) => {
    const page = await opened(t);
    await node(page, 'Balancer').click();
    await page.keyboard.press('Control+Delete');
    // Clients have one way in, so one of both servers stays connected.
    await t.eventually(async () => /3 components, 1 wires/.test(await described(page)));
    await undo(page).click();
    t.match(await described(page), /4 components, 3 wires/);
  },

  'a node without wires that is dropped on a wire goes into it': async (t) => {
    const nodes = [clients, server('s1', 112), { ...balancer, y: 400 }];
    const page = await opened(t, { nodes, links: [wire('c', 's1')] });
    const [a, b] = [await page.locator('[data-node="c"]').boundingBox(), await page.locator('[data-node="s1"]').boundingBox()];
    const own = await page.locator('[data-node="lb"]').boundingBox();
    const from = await grip(page, 'Balancer');
    const middle = { x: (a.x + a.width + b.x) / 2, y: (a.y + a.height / 2 + b.y + b.height / 2) / 2 };
    await drag(page, from, { x: middle.x + from.x - (own.x + own.width / 2), y: middle.y + from.y - (own.y + own.height / 2) });
    await t.eventually(async () => /3 components, 2 wires/.test(await described(page)));
  },

  'a wire dropped where nothing is asks what comes next, and adds it wired': async (t) => {
    const page = await opened(t);
    const from = await port(page, 'Balancer');
    await drag(page, from, { x: from.x + 60, y: from.y + 260 });
    await page.getByRole('combobox', { name: 'What comes after Balancer?' }).waitFor();
    t.equal(await page.getByRole('option', { name: /^Clients/ }).count(), 0, 'nothing can be sent to clients');
    await page.keyboard.type('serv');
    await page.keyboard.press('Enter');
    await t.eventually(async () => /5 components, 4 wires/.test(await described(page)));
    await undo(page).click();
    t.match(await described(page), /4 components, 3 wires/);
  },

  'a component is found by typing, and escape closes the field': async (t) => {
    const page = await opened(t);
    await node(page, 's1').click();
    await page.keyboard.press('/');
    const field = page.getByRole('combobox', { name: 'Add a component' });
    await field.waitFor();
    await page.keyboard.press('Escape');
    await field.waitFor({ state: 'detached' });
    await page.keyboard.press('a');
    await field.waitFor();
    await page.keyboard.type('queue');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await t.eventually(async () => (await nodes(page)) === 5);
  },

  'the menu works with the pointer and with keys': async (t) => {
    const page = await opened(t);
    await node(page, 's1').click({ button: 'right' });
    const menu = page.getByRole('menu');
    await menu.waitFor();
    await menu.getByRole('menuitem', { name: /Duplicate/ }).click();
    await t.eventually(async () => (await nodes(page)) === 5);
    await node(page, 's2').click();
    await page.keyboard.press('Shift+F10');
    await menu.waitFor();
    await t.eventually(() => page.evaluate(() => document.activeElement?.id === 'menu-0'));
    for (const place of [1, 2, 3]) {
      await page.keyboard.press('ArrowDown');
      await t.eventually(() => page.evaluate((id) => document.activeElement?.id === id, `menu-${place}`));
    }
    await page.keyboard.press('Enter');
    await t.eventually(async () => (await page.locator('[data-node="s2"]').count()) === 0);
    await node(page, 's1').click({ button: 'right' });
    await menu.waitFor();
    await page.keyboard.press('Escape');
    await menu.waitFor({ state: 'detached' });
  },

  'a dragged node meets the edges of others, and says with what by a line': async (t) => {
    const page = await opened(t);
    const from = await grip(page, 's2');
    const [x1] = await place(page, 's1');
    const zoom = Number(/scale\(([\d.]+)\)/.exec(await page.locator('.nodes').getAttribute('style'))[1]);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x + 60, from.y + 40, { steps: 3 });
    await page.mouse.move(from.x + 5 * zoom, from.y + 40, { steps: 3 });
    t.ok((await page.locator('.guide').count()) > 0, 'no line is shown');
    await page.mouse.up();
    t.equal((await place(page, 's2'))[0], x1);
    t.equal(await page.locator('.guide').count(), 0);
  },

  'tidying up is one step and puts nothing on anything': async (t) => {
    const heap = system.nodes.map((one) => ({ ...one, x: 40, y: 40 }));
    const page = await opened(t, { nodes: heap });
    await page.getByRole('button', { name: 'Tidy up' }).click();
    const ids = ['c', 'lb', 's1', 's2'];
    const places = await Promise.all(ids.map((id) => place(page, id)));
    t.ok(places[0][0] < places[1][0] && places[1][0] < places[2][0], `not from left to right: ${places}`);
    t.equal(places[2][0], places[3][0]);
    t.ok(Math.abs(places[2][1] - places[3][1]) > 80);
    await page.locator('#canvas').focus();
    await page.keyboard.press('l');
    t.equal(await Promise.all(ids.map((id) => place(page, id))), places);
    await undo(page).click();
    t.equal(await place(page, 's2'), [40, 40]);
  },

  'the small map shows a large picture and takes one there': async (t) => {
    const page = await opened(t);
    t.equal(await page.locator('.minimap').count(), 0, 'four components need no map');
    const many = Array.from({ length: 12 }, (_, n) => server(`m${n}`, n * 240));
    const large = await opened(t, { nodes: many, links: [] });
    const map = large.locator('.minimap');
    t.equal(await map.count(), 0, 'everything is in view');
    for (let n = 0; n < 6; n += 1) await large.getByRole('button', { name: 'Zoom in' }).click();
    t.equal((await map.locator('path').first().getAttribute('d')).split('M').length - 1, 12);
    const before = await large.locator('.nodes').getAttribute('style');
    const box = await map.boundingBox();
    await large.mouse.click(box.x + box.width / 2, box.y + box.height - 12);
    t.ok((await large.locator('.nodes').getAttribute('style')) !== before);
  },

  'two fingers move and zoom the canvas about their middle, and take back what the first had begun': async (t) => {
    const page = await opened(t);
    const before = await place(page, 's1');
    const zoom = async () => Number(/scale\(([\d.]+)\)/.exec(await page.locator('.nodes').getAttribute('style'))[1]);
    const was = await zoom();
    const own = await grip(page, 's1');
    await page.evaluate(([x, y]) => {
      const send = (kind, pointerId, x, y) => document.elementFromPoint(x, y).dispatchEvent(new PointerEvent(kind, {
        pointerId, clientX: x, clientY: y, pointerType: 'touch', button: 0, bubbles: true, cancelable: true,
      }));
      send('pointerdown', 1, x, y);
      send('pointermove', 1, x - 40, y + 30);
      send('pointerdown', 2, x - 140, y + 30);
      send('pointermove', 2, x - 240, y + 30);
      send('pointerup', 2, x - 240, y + 30);
      send('pointermove', 1, x - 90, y + 90);
      send('pointerup', 1, x - 90, y + 90);
    }, [own.x, own.y]);
    t.ok(Math.abs((await zoom()) / was - 2) < 0.05, `zoomed by ${(await zoom()) / was}`);
    t.equal(await place(page, 's1'), before);
  },

  'a router without shards offers some': async (t) => {
    const page = await opened(t, { nodes: [clients, { id: 'r', kind: 'router', label: 'Shards', x: 288, y: 80 }], links: [wire('c', 'r')] });
    await page.getByRole('application').getByRole('button', { name: /^Shards, shard router:/ }).click();
    await panel(page, 'Inspect');
    await page.getByRole('button', { name: 'Add two databases as shards' }).click();
    await t.eventually(async () => /4 components, 3 wires/.test(await described(page)));
    t.equal(await page.getByRole('button', { name: 'Add two databases as shards' }).count(), 0);
  },
};
