// Undo everything, redo everything.

import {
  card, drag, grip, middle, node, panel, pause, port, redo, said, shareLink, undo,
} from './lib/person.mjs';

/** Edits of every kind, each one step of undo: [what, how]. */
const EDITS = [
  ['adds a server', async (page) => {
    const box = await page.getByRole('application').boundingBox();
    const from = await middle(page.getByRole('navigation').getByRole('button', { name: 'Add server' }));
    await drag(page, from, { x: box.x + box.width / 2, y: box.y + box.height * 0.82 });
    await node(page, 's4').waitFor();
  }],
  ['wires it', async (page) => drag(page, await port(page, 'Balancer'), await grip(page, 's4'))],
  ['moves a node', async (page) => {
    const from = await grip(page, 's1');
    await drag(page, from, { x: from.x - 70, y: from.y + 30 });
  }],
  ['renames one', async (page) => {
    await node(page, 's2').click();
    const name = page.getByLabel('Name', { exact: true });
    await name.fill('');
    await name.pressSequentially('Berlin');
    await name.blur();
  }],
  ['sets a number', async (page) => {
    await node(page, 's1').click();
    await page.getByRole('spinbutton', { name: 'Service time', exact: true }).fill('75');
    await page.keyboard.press('Tab');
  }],
  ['chooses a strategy', async (page) => {
    await node(page, 'Balancer').click();
    await page.getByLabel('Strategy').selectOption({ label: 'Round robin' });
  }],
  ['marks a server unhealthy', async (page) => {
    await node(page, 's3').click();
    await page.getByLabel('Marked healthy').uncheck();
  }],
  ['gives another title', async (page) => {
    await page.getByLabel('Title of this scenario').fill('Ten edits');
  }],
  ['kills a server', async (page) => {
    await page.getByRole('application').getByRole('button', { name: 'Kill s1' }).click();
  }],
  ['makes a wire slower', async (page) => {
    await panel(page, 'Outline');
    await page.getByRole('button', { name: /^to Balancer, 30 ms/ }).click();
    await page.getByLabel('Latency', { exact: true }).fill('45');
    await page.keyboard.press('Tab');
  }],
  ['cuts a wire', async (page) => {
    await panel(page, 'Outline');
    await page.getByRole('button', { name: 'Disconnect s3' }).click();
  }],
  ['deletes a node with its wire', async (page) => {
    await panel(page, 'Outline');
    await page.getByRole('button', { name: 'Delete Berlin' }).click();
  }],
  ['sets the seed', async (page) => {
    // With nothing selected the inspector shows the scenario itself.
    const box = await page.getByRole('application').boundingBox();
    await page.mouse.click(box.x + box.width * 0.5, box.y + 20);
    await panel(page, 'Inspect');
    await page.getByRole('spinbutton', { name: 'Seed of all randomness' }).fill('99');
    await page.keyboard.press('Tab');
  }],
  ['changes the speed', async (page) => page.getByLabel('Speed').selectOption('2')],
];

async function edited(t) {
  const page = await t.open();
  await pause(page);
  const links = [await shareLink(page)];
  for (const [what, edit] of EDITS) {
    await edit(page);
    const link = await t.eventually(async () => {
      const now = await shareLink(page);
      return now !== links.at(-1) && now;
    }, { message: `an edit that ${what} does not change the link` });
    links.push(link);
  }
  return { page, links };
}

export const tests = {
  'every kind of edit is one step: undo leads back through all of them, redo on again': async (t) => {
    const { page, links } = await edited(t);
    for (const [place, [what]] of [...EDITS.entries()].reverse()) {
      await undo(page).click();
      t.equal(await shareLink(page), links[place], `undo of an edit that ${what}`);
    }
    t.ok(await undo(page).isDisabled(), 'there is something left to undo');
    t.equal(await node(page, 's4').count(), 0);
    for (const [place, [what]] of EDITS.entries()) {
      await redo(page).click();
      t.equal(await shareLink(page), links[place + 1], `redo of an edit that ${what}`);
    }
    t.ok(await redo(page).isDisabled(), 'there is something left to redo');
  },

  'undo works with the keyboard while it runs, and says so': async (t) => {
    const page = await t.open();
    const before = await shareLink(page);
    await page.getByRole('navigation').getByRole('button', { name: 'Add server' }).click();
    await node(page, 's4').waitFor();
    await page.keyboard.press('Control+z');
    await node(page, 's4').waitFor({ state: 'detached' });
    t.equal(await said(page), 'Undone');
    t.equal(await shareLink(page), before);
    await page.keyboard.press('Control+Shift+Z');
    await node(page, 's4').waitFor();
    t.equal(await said(page), 'Redone');
  },

  'dragging the rate is one step of undo': async (t) => {
    const page = await t.open();
    await pause(page);
    const before = await shareLink(page);
    const slider = page.getByRole('application').getByRole('slider', { name: 'Requests per second' });
    const { x, y, width, height } = await slider.boundingBox();
    await drag(page, { x: x + width * 0.45, y: y + height / 2 }, { x: x + width * 0.9, y: y + height / 2 });
    const rate = await slider.inputValue();
    t.ok(Number(rate) > 150, `the rate is ${rate}`);
    await undo(page).click();
    t.equal(await shareLink(page), before);
    t.ok(await undo(page).isDisabled());
  },

  'a new edit after undo ends the redo': async (t) => {
    const page = await t.open();
    await pause(page);
    const add = page.getByRole('navigation').getByRole('button', { name: 'Add server' });
    await add.click();
    await undo(page).click();
    t.ok(await redo(page).isEnabled());
    const from = await grip(page, 's1');
    await drag(page, from, { x: from.x - 64, y: from.y });
    t.ok(await redo(page).isDisabled());
  },

  'a drag that is undone puts the node back where it was': async (t) => {
    const page = await t.open();
    await pause(page);
    const before = await card(page, 's2');
    const from = await grip(page, 's2');
    await drag(page, from, { x: from.x - 80, y: from.y - 20 });
    await undo(page).click();
    t.equal(await card(page, 's2'), before);
    t.ok(await undo(page).isDisabled(), 'the drag was more than one step');
  },
};
