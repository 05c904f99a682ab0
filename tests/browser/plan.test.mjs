// The plan of what goes wrong: switches on nodes and wires, marks on the strip, the list, a partition.

import { draft, node, panel, pause, run, runUntil, seconds, tally, undo } from './lib/person.mjs';

const clients = { id: 'c', kind: 'clients', label: 'Clients', x: 0, y: 0, rate: 40 };
const server = (id, y) => ({ id, kind: 'server', label: id, x: 576, y, service: 5 });
const balancer = { id: 'lb', kind: 'balancer', label: 'Balancer', x: 288, y: 0 };
const wire = (from, to) => ({ from, to, latency_ms: 5 });

function opened(t, faults = []) {
  const nodes = [clients, balancer, server('s1', 0), server('s2', 200)];
  const links = [wire('c', 'lb'), wire('lb', 's1'), wire('lb', 's2')];
  return t.open('', { storage: draft({ title: 'A test', seed: 1, speed: 1, nodes, links, faults }) });
}

/** Shows the settings of a wire, from the outline. */
async function inspectWire(page, to) {
  await panel(page, 'Outline');
  await page.getByRole('button', { name: new RegExp(`^to ${to}, `) }).click();
}

/** Shows the settings of the scenario. */
async function inspectScenario(page) {
  await page.keyboard.press('Escape');
  await panel(page, 'Inspect');
  await page.getByRole('heading', { name: 'What goes wrong, and when' }).waitFor();
}

const marks = (page) => page.getByRole('group', { name: 'What is planned' }).getByRole('button');

export const tests = {
  'a wire that holds shows how much, lets go, and nothing is lost': async (t) => {
    const page = await opened(t);
    await runUntil(page, 0.5);
    await inspectWire(page, 's1');
    await page.getByRole('checkbox', { name: 'Holds everything' }).check();
    await t.eventually(async () => {
      const words = await page.locator('.wire-trouble').textContent().catch(() => '');
      return Number(/holds (\d+)/.exec(words)?.[1] ?? 0) > 3;
    });
    await page.getByRole('checkbox', { name: 'Holds everything' }).uncheck();
    await page.locator('.wire-trouble').waitFor({ state: 'detached' });
    await runUntil(page, (await seconds(page)) + 1);
    t.equal((await tally(page)).failed, 0);
  },

  'a cut wire loses what is put on it, by name, at the node that sent it': async (t) => {
    const page = await opened(t);
    await runUntil(page, 0.5);
    await inspectWire(page, 's2');
    await page.getByRole('checkbox', { name: 'Cut' }).check();
    await page.locator('.wire-trouble').getByText('cut', { exact: true }).waitFor();
    await t.eventually(async () => (await tally(page)).failed > 2);
    await page.getByRole('application').getByText(/connection lost/).first().waitFor();
  },

  'a server answers errors to as many as is typed, and a change of the number counts': async (t) => {
    const page = await opened(t);
    await runUntil(page, 0.3);
    await node(page, 's1').click();
    await panel(page, 'Inspect');
    await page.getByLabel('Answers errors: % of requests').fill('100');
    await page.getByLabel('Answers errors: % of requests').blur();
    await page.getByRole('checkbox', { name: 'Answers errors' }).check();
    await page.getByRole('application').getByText('errors 100 %').waitFor();
    await page.getByRole('application').getByText(/server error/).first().waitFor();
    await page.getByLabel('Answers errors: % of requests').fill('7');
    await page.getByLabel('Answers errors: % of requests').blur();
    await page.getByRole('application').getByText('errors 7 %').waitFor();
    await page.getByLabel('Answers errors: % of requests').fill('0');
    await page.getByLabel('Answers errors: % of requests').blur();
    await page.getByText('A whole number from 1 to 100.').waitFor();
  },

  'a server that stands still looks so and says how many wait': async (t) => {
    const page = await opened(t);
    await runUntil(page, 0.3);
    await node(page, 's1').click();
    await panel(page, 'Inspect');
    await page.getByRole('checkbox', { name: 'Stands still' }).check();
    await page.getByRole('application').getByText(/paused: \d+ wait/).waitFor();
    t.ok(await page.locator('.node.server.still').isVisible());
    await undo(page).click();
    await page.locator('.node.server.still').waitFor({ state: 'detached' });
  },

  'a mark on the strip is moved with the keyboard, and one undo takes it back': async (t) => {
    const page = await opened(t, [{ at_ms: 2000, node: 's1', what: 'crash' }]);
    await pause(page);
    await inspectScenario(page);
    const field = page.getByLabel('When: s1 crashes, in seconds');
    t.equal(await field.inputValue(), '2');
    await marks(page).first().focus();
    await page.keyboard.press('ArrowRight');
    await t.eventually(async () => (await field.inputValue()) === '2.1');
    await page.keyboard.press('Shift+ArrowLeft');
    await t.eventually(async () => (await field.inputValue()) === '1.1');
    t.match(await marks(page).first().getAttribute('aria-label'), /^s1 crashes, at 1.10 s/);
    await page.keyboard.press('Delete');
    await page.getByText('Nothing is planned.').waitFor();
    await undo(page).click();
    await undo(page).click();
    await undo(page).click();
    await t.eventually(async () => (await field.inputValue()) === '2');
  },

  'a mark is dragged along the strip': async (t) => {
    const page = await opened(t, [{ at_ms: 1000, node: 's1', what: 'crash' }]);
    await pause(page);
    await inspectScenario(page);
    const box = await marks(page).first().boundingBox();
    const track = await page.locator('.track').boundingBox();
    await page.mouse.move(box.x + 6, box.y + 12);
    await page.mouse.down();
    await page.mouse.move(track.x + track.width * 0.5, box.y + 12, { steps: 5 });
    await page.mouse.up();
    const field = page.getByLabel('When: s1 crashes, in seconds');
    await t.eventually(async () => Math.abs(Number(await field.inputValue()) - 2.5) < 0.1);
    await undo(page).click();
    await t.eventually(async () => (await field.inputValue()) === '1');
  },

  'a fault that was missed in the past is moved there and the run is put right': async (t) => {
    const page = await opened(t, [{ at_ms: 20_000, node: 's1', what: 'crash' }]);
    await runUntil(page, 2.2);
    await pause(page);
    t.equal((await tally(page)).failed, 0);
    await inspectScenario(page);
    await page.getByLabel('When: s1 crashes, in seconds').fill('1');
    await page.getByLabel('When: s1 crashes, in seconds').blur();
    await page.getByRole('application').getByText('crashed').waitFor();
  },

  'a partition cuts every wire between its sides and heals when it is said': async (t) => {
    const page = await opened(t);
    await pause(page);
    await inspectScenario(page);
    await page.getByText('Add what is to happen', { exact: true }).click();
    await page.getByLabel('Where').selectOption({ label: 'A partition between two groups' });
    await page.getByRole('button', { name: 'Add to the plan' }).click();
    await page.getByText('No wire runs between these and the others.').waitFor();
    await page.getByRole('checkbox', { name: 's1' }).check();
    await page.getByRole('checkbox', { name: 's2' }).check();
    await page.getByLabel('At, in seconds').fill('1');
    await page.getByLabel('Until, in seconds').fill('0.5');
    await page.getByRole('button', { name: 'Add to the plan' }).click();
    await page.getByText('It must end after it begins.').waitFor();
    await page.getByLabel('Until, in seconds').fill('2');
    await page.getByRole('button', { name: 'Add to the plan' }).click();
    await page.getByLabel('When: Balancer → s1 is cut, in seconds').waitFor();
    t.equal(await page.locator('.plan-list li').count(), 4);
    await run(page);
    await runUntil(page, 2.2);
    await pause(page);
    t.ok((await tally(page)).failed > 10);
    for (const [instant, cut] of [[1.5, 2], [0.5, 0], [2.2, 0]]) {
      await page.getByRole('slider', { name: 'Go to an earlier moment' }).fill(String(instant));
      await t.eventually(async () => (await seconds(page)) === instant);
      await t.eventually(async () => (await page.locator('.wire-group.cut').count()) === cut);
    }
    await undo(page).click();
    await page.getByText('Nothing is planned.').waitFor();
  },

  'what is added can be changed and taken out again': async (t) => {
    const page = await opened(t);
    await pause(page);
    await inspectScenario(page);
    await page.getByText('Add what is to happen', { exact: true }).click();
    await page.getByLabel('Where').selectOption({ label: 'Balancer → s2' });
    await page.getByLabel('What', { exact: true }).selectOption({ label: 'is slower' });
    await page.getByLabel('How much, ms').fill('250');
    await page.getByLabel('At, in seconds').fill('3');
    await page.getByRole('button', { name: 'Add to the plan' }).click();
    const amount = page.getByLabel('How much: Balancer → s2 is 250 ms slower');
    await amount.fill('70000');
    await amount.blur();
    await page.getByText('A whole number from 0 to 60000.').waitFor();
    await amount.fill('80');
    await amount.blur();
    await page.getByRole('button', { name: 'Take out: Balancer → s2 is 80 ms slower' }).click();
    await page.getByText('Nothing is planned.').waitFor();
  },
};
