// Regions and notes: put down by hand and by key, moved with what lies in them, shared, undone; and how the pointer and the keyboard
// move the canvas.

import { draft, drag, middle, node, panel, pause, shareLink, undo } from './lib/person.mjs';

const clients = { id: 'c', kind: 'clients', label: 'Clients', x: 0, y: 64, rate: 10 };
const server = (id, y) => ({ id, kind: 'server', label: id, x: 320, y, service: 5 });
const scenario = (more = {}) => ({
  title: 'A test', seed: 1, speed: 0.1, nodes: [clients, server('s1', 0), server('s2', 160)],
  links: [{ from: 'c', to: 's1', latency_ms: 5 }], ...more,
});

async function opened(t, more) {
  const page = await t.open('', { storage: draft(scenario(more)) });
  await pause(page);
  return page;
}

const region = (page, name) => page.getByRole('button', { name: new RegExp(`^Region ${name}, `) });
const paper = (page, text) => page.getByRole('button', { name: new RegExp(`^Note: ${text}`) });
const box = (locator) => locator.boundingBox();

/** Where the canvas stands: the place of the clients on the screen. */
const stand = (page) => box(page.locator('[data-node="c"]'));

async function wheel(page, dx, dy, times = 1) {
  const at = await middle(page.locator('#canvas'));
  await page.mouse.move(at.x, at.y + 150);
  for (let n = 0; n < times; n += 1) await page.mouse.wheel(dx, dy);
}

export const tests = {
  'a region is put around what is selected, and takes it along': async (t) => {
    const page = await opened(t);
    await node(page, 's1').click();
    await node(page, 's2').click({ modifiers: ['Shift'] });
    await page.keyboard.press('Control+g');
    await t.eventually(() => page.evaluate(() => document.activeElement.id === 'inspector-name'));
    await t.eventually(() => page.evaluate(() => getSelection().toString() === 'Region'));
    await page.keyboard.type('Zone A');
    await page.keyboard.press('Escape');
    const name = region(page, 'Zone A');
    await name.waitFor();
    const before = await box(page.locator('[data-node="s2"]'));
    const far = await stand(page);
    await drag(page, await middle(name), { x: (await middle(name)).x + 96, y: (await middle(name)).y + 64 });
    const after = await box(page.locator('[data-node="s2"]'));
    t.ok(after.x - before.x > 40 && after.y - before.y > 20, 'what lies in it goes along');
    t.equal(await stand(page), far, 'what does not stays');
    await undo(page).click();
    t.equal(await box(page.locator('[data-node="s2"]')), before, 'as one step');
  },

  'a note is written, made larger by its corner, and travels in the link': async (t) => {
    const page = await opened(t);
    await page.getByRole('button', { name: /^Add a note/ }).first().click();
    await page.getByLabel('Text', { exact: true }).fill('Watch the queue.\nThen kill s1.');
    await paper(page, 'Watch the queue').waitFor();
    const before = await box(page.locator('.paper'));
    const grip = await middle(page.locator('.paper .grip'));
    await drag(page, grip, { x: grip.x + 80, y: grip.y + 48 });
    const after = await box(page.locator('.paper'));
    t.ok(after.width > before.width + 30 && after.height > before.height + 15);
    const link = await shareLink(page);
    t.match(link, /#s=2\./);
    await page.keyboard.press('Escape');
    const other = await t.open(link.slice(link.indexOf('#')));
    await paper(other, 'Watch the queue').waitFor();
    await other.getByText('From the author').first().waitFor();
    const markup = await opened(t, {
      annotations: [{ id: 'n1', what: 'note', text: '<img src=x onerror=alert(1)>', x: 0, y: 300 }],
    });
    await paper(markup, '<img src=x').waitFor();
    t.equal(await markup.locator('.paper img').count(), 0);
  },

  'regions and notes can be made, named and deleted from the outline alone': async (t) => {
    const page = await opened(t);
    await panel(page, 'Outline');
    await page.locator('#panel').getByRole('button', { name: 'Add a region' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Backend');
    await page.getByLabel('Width').fill('20');
    await page.getByLabel('Width').blur();
    await page.locator('.settings .error').getByText('Must be between 48 and 20000, got 20.').waitFor();
    await page.getByLabel('Width').fill('640');
    await page.getByLabel('Width').blur();
    await panel(page, 'Outline');
    await page.getByRole('button', { name: 'Backend (region)' }).waitFor();
    await page.getByRole('button', { name: 'Delete the region Backend' }).click();
    t.equal(await page.locator('.region').count(), 0);
    await undo(page).click();
    await region(page, 'Backend').waitFor();
  },

  'Alt and a drag leave the original and move a copy, as one step; Esc leaves nothing': async (t) => {
    const page = await opened(t);
    const was = await box(page.locator('[data-node="s1"]'));
    const at = await middle(page.locator('[data-node="s1"] .head .icon').first());
    await page.keyboard.down('Alt');
    await page.mouse.move(at.x, at.y);
    await page.mouse.down();
    await page.mouse.move(at.x + 60, at.y - 120, { steps: 4 });
    await page.keyboard.press('Escape');
    await page.mouse.up();
    await page.keyboard.up('Alt');
    t.equal(await page.locator('.node').count(), 3);
    await page.keyboard.down('Alt');
    await drag(page, at, { x: at.x + 60, y: at.y - 120 });
    await page.keyboard.up('Alt');
    t.equal(await page.locator('.node').count(), 4);
    t.equal(await box(page.locator('[data-node="s1"]')), was);
    await undo(page).click();
    t.equal(await page.locator('.node').count(), 3);
  },

  'the space bar and a drag move the canvas and do not run it': async (t) => {
    const page = await opened(t);
    const before = await stand(page);
    const at = await middle(page.locator('#canvas'));
    await node(page, 's1').focus();
    await page.keyboard.down(' ');
    await page.mouse.move(at.x, at.y + 150);
    await page.mouse.down();
    await page.mouse.move(at.x + 100, at.y + 190, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up(' ');
    await t.eventually(async () => {
      const after = await stand(page);
      return Math.abs(after.x - before.x - 100) < 2 && Math.abs(after.y - before.y - 40) < 2;
    });
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor();
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  },

  'the wheel does what its owner says, and that is remembered': async (t) => {
    const page = await opened(t);
    const percent = page.locator('.zoom .percent');
    const full = await percent.textContent();
    await wheel(page, 0, 12);
    t.equal(await percent.textContent(), full, 'small turns move');
    await page.locator('#canvas').focus();
    await page.keyboard.press('?');
    await page.getByLabel('The wheel').selectOption('mouse');
    await page.keyboard.press('Escape');
    await wheel(page, 0, 12);
    t.ok((await percent.textContent()) !== full, 'for a mouse they zoom');
    await page.reload();
    await page.locator('#canvas .node').first().waitFor();
    await page.locator('#canvas').focus();
    await page.keyboard.press('?');
    t.equal(await page.getByLabel('The wheel').inputValue(), 'mouse');
    await page.getByLabel('Single letters are commands on the canvas').uncheck();
    await page.keyboard.press('Escape');
    await page.locator('#canvas').focus();
    await page.keyboard.press('a');
    t.equal(await page.locator('.quick-add').count(), 0, 'letters are off');
    await page.keyboard.press('Control+a');
    await page.getByText('3 components', { exact: true }).waitFor();
  },

  'Alt with arrows follows the wires, with Shift it adds on that side, connected': async (t) => {
    const page = await opened(t);
    await node(page, 'Clients').focus();
    await page.keyboard.press('Alt+ArrowRight');
    await t.eventually(async () => (await page.evaluate(() => document.activeElement.id)) === 'node-s1');
    await page.keyboard.press('Alt+ArrowLeft');
    await t.eventually(async () => (await page.evaluate(() => document.activeElement.id)) === 'node-c');
    await node(page, 's1').focus();
    await page.keyboard.press('Alt+Shift+ArrowRight');
    await page.getByLabel('What comes after s1?').waitFor();
    await page.keyboard.type('server');
    await page.keyboard.press('Enter');
    await t.eventually(async () => (await page.locator('.node').count()) === 4);
    t.equal(await page.locator('.wire-group').count(), 2);
    const [own, fresh] = [await box(page.locator('[data-node="s1"]')), await box(page.locator('.node').last())];
    t.ok(fresh.x > own.x + own.width, 'it stands to the right');
  },

  'quick steps with the keyboard are one step of undo': async (t) => {
    const page = await opened(t);
    const before = await box(page.locator('[data-node="s2"]'));
    await node(page, 's2').click();
    for (let n = 0; n < 4; n += 1) await page.keyboard.press('Control+ArrowDown');
    await t.eventually(async () => (await box(page.locator('[data-node="s2"]'))).y > before.y + 20);
    await undo(page).click();
    await t.eventually(async () => Math.abs((await box(page.locator('[data-node="s2"]'))).y - before.y) < 0.5);
  },

  'a finger that rests asks for the menu, and what is held at the edge moves the canvas along': async (t) => {
    const page = await t.open('', { touch: true, width: 390, height: 844 });
    const press = (kind, at) => page.evaluate(([kind, at]) => {
      const on = document.elementFromPoint(at.x, at.y);
      on.dispatchEvent(new PointerEvent(kind, {
        bubbles: true, clientX: at.x, clientY: at.y, pointerId: 5, pointerType: 'touch', isPrimary: true, button: 0,
      }));
    }, [kind, at]);
    const at = await middle(page.locator('[data-node] .name').first());
    await press('pointerdown', at);
    await page.getByRole('menuitem', { name: /^Settings/ }).waitFor();
    await press('pointerup', at);
    t.ok(await page.getByRole('menuitem', { name: /^Settings/ }).isVisible());
    const desk = await opened(t);
    const from = await middle(desk.locator('[data-node="s1"] .head .icon').first());
    const canvas = await box(desk.locator('#canvas'));
    await desk.mouse.move(from.x, from.y);
    await desk.mouse.down();
    await desk.mouse.move(canvas.x + canvas.width - 8, from.y, { steps: 6 });
    const before = await stand(desk);
    await t.eventually(async () => (await stand(desk)).x < before.x - 100, { message: 'the canvas stands still' });
    await desk.mouse.up();
    const after = await stand(desk);
    await desk.waitForTimeout(200);
    t.equal(await stand(desk), after);
  },

  'the canvas stays where it is while a port is held and nothing moves': async (t) => {
    const page = await opened(t);
    const before = await stand(page);
    const at = await middle(page.locator('[data-node="s1"] .port.out'));
    await page.mouse.move(at.x, at.y);
    await page.mouse.down();
    await page.waitForTimeout(300);
    t.equal(await stand(page), before);
    await page.mouse.up();
    t.equal(await stand(page), before);
  },

  'one event back is where it was before': async (t) => {
    const page = await opened(t);
    const [on, back] = ['One event on', 'One event back'].map((name) => page.getByRole('button', { name }));
    for (let n = 0; n < 3; n += 1) await on.click();
    const now = await page.getByRole('timer').textContent();
    await on.click();
    await on.click();
    await back.click();
    await back.click();
    t.equal(await page.getByRole('timer').textContent(), now);
  },
};
