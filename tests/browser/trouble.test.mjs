// Trouble by hand: draining, slowness, another of the same; rings and gaps; reads that do not fit.

import {
  arrived, draft, drag, grip, node, notice, panel, pause, port, run, runUntil, seconds, speed, tally, undo,
} from './lib/person.mjs';

const clients = { id: 'c', kind: 'clients', label: 'Clients', x: 0, y: 0, rate: 40 };
const server = (id, x, y) => ({ id, kind: 'server', label: id, x, y });
const wire = (from, to) => ({ from, to, latency_ms: 20 });

function opened(t, nodes, links) {
  return t.open('', { storage: draft({ title: 'A test', seed: 1, speed: 0.2, nodes, links }) });
}

async function inspect(page, label) {
  await node(page, label).click();
  await panel(page, 'Inspect');
}

export const tests = {
  'a drained server finishes what it has, gets nothing more, and goes without a loss': async (t) => {
    const page = await t.open();
    await speed(page, 1);
    await runUntil(page, 1);
    await inspect(page, 's2');
    await page.getByRole('checkbox', { name: 'Draining' }).check();
    await page.getByRole('application').getByText('draining: nothing is left').waitFor();
    await panel(page, 'Outline');
    const before = await arrived(page, 's2');
    await runUntil(page, (await seconds(page)) + 2);
    t.equal(await arrived(page, 's2'), before);
    await inspect(page, 's2');
    await page.getByRole('tabpanel').getByRole('button', { name: 'Delete' }).click();
    await node(page, 's2').waitFor({ state: 'hidden' });
    await runUntil(page, (await seconds(page)) + 1);
    t.equal((await tally(page)).failed, 0);
  },

  'a server made slow looks slow, and is in the scenario': async (t) => {
    const page = await t.open();
    await runUntil(page, 0.3);
    await pause(page);
    await inspect(page, 's3');
    await page.getByRole('checkbox', { name: 'Slow', exact: true }).check();
    await page.getByRole('application').getByText('slow ×10').waitFor();
    t.ok(await page.locator('.node.server.slowed').isVisible());
    await undo(page).click();
    await page.getByRole('application').getByText('slow ×10').waitFor({ state: 'hidden' });
  },

  'another like it is wired like it and gets its share': async (t) => {
    const page = await t.open();
    await speed(page, 5);
    await pause(page);
    await inspect(page, 's3');
    await page.getByRole('button', { name: 'Add another like it' }).click();
    await node(page, 's4').waitFor();
    await run(page);
    await runUntil(page, (await seconds(page)) + 6);
    t.ok((await arrived(page, 's4')) > 20);
    await pause(page);
    await undo(page).click();
    await node(page, 's4').waitFor({ state: 'hidden' });
  },

  'a wire that would close a ring is refused and named': async (t) => {
    const page = await opened(t, [clients, server('s1', 288, 0), server('s2', 576, 0)], [wire('c', 's1'), wire('s1', 's2')]);
    await pause(page);
    await drag(page, await port(page, 's2'), await grip(page, 's1'));
    await t.eventually(async () => /close the ring s2 → s1 → s2/.test(await notice(page)));
    t.match(await page.getByRole('application').getAttribute('aria-label'), /3 components, 2 wires/);
  },

  'a router without shards says so in the inspector': async (t) => {
    const router = { id: 'r', kind: 'router', label: 'Shards', x: 288, y: 0 };
    const page = await opened(t, [clients, router], [wire('c', 'r')]);
    await pause(page);
    await page.getByRole('application').getByRole('button', { name: /^Shards, shard router:/ }).click();
    await panel(page, 'Inspect');
    await page.getByRole('alert').filter({ hasText: /has no shard: wire it to a database/ }).waitFor();
  },

  'a setting that makes no difference is not shown': async (t) => {
    const page = await t.open();
    await pause(page);
    await inspect(page, 's1');
    t.equal(await page.getByLabel('Tail exponent').count(), 0);
    await page.getByLabel('Service times are').selectOption('pareto');
    await page.getByLabel('Tail exponent').first().waitFor();
  },

  'a read that does not fit names the write it missed, and both ways are drawn': async (t) => {
    const page = await t.open('?preset=read-replicas');
    await speed(page, 5);
    await runUntil(page, 5);
    await pause(page);
    await panel(page, 'Request');
    await page.getByRole('heading', { name: 'Reads that do not fit' }).waitFor();
    const found = page.getByRole('listitem').filter({ hasText: /against #\d+/ }).getByRole('button').first();
    const other = /against (#\d+)/.exec(await found.textContent())[1];
    await found.click();
    const conflict = page.locator('.conflict').filter({ hasText: other }).first();
    await conflict.waitFor();
    t.ok((await page.locator('.wire-group.against').count()) > 0, 'no way of the other is drawn');
    t.ok((await page.locator('.wire-group.on-path').count()) > 0, 'its own way is not drawn');
    await conflict.getByRole('button', { name: `Show ${other}` }).click();
    await page.getByText(other, { exact: true }).first().waitFor();
    t.match(await page.locator('.request .headline').textContent(), /PUT/);
  },
};
