// Kill a server, and its traffic goes to the others; the fault belongs to the scenario.

import {
  arrived, draft, node, panel, pause, restart, run, runUntil, seconds, shareLink, simulate, speed, undo, words,
} from './lib/person.mjs';

const power = (page, name) => page.getByRole('application').getByRole('button', { name });

async function counts(page) {
  const all = {};
  for (const name of ['s1', 's2', 's3']) all[name] = await arrived(page, name);
  return all;
}

/** Runs the first example for about a second, then kills s2 with the mouse and pauses. */
async function killed(t, options) {
  const page = await t.open('', options);
  await speed(page, 1);
  await runUntil(page, 1);
  await power(page, 'Kill s2').click();
  await pause(page);
  return page;
}

export const tests = {
  'a killed server looks crashed, and its traffic goes to the others': async (t) => {
    const page = await killed(t);
    await page.getByRole('application').getByText('crashed', { exact: true }).waitFor();
    t.match(await node(page, 's2').getAttribute('aria-label'), /^s2, server: crashed/);
    t.match(await words(page, 'Balancer'), /s2 got \d+ \(unhealthy\)/);
    // What the balancer had sent it before is still on the wire; let that arrive.
    await run(page);
    await runUntil(page, (await seconds(page)) + 0.2);
    await panel(page, 'Outline');
    const before = await counts(page);
    await runUntil(page, (await seconds(page)) + 3);
    const after = await counts(page);
    t.equal(after.s2, before.s2);
    t.ok(after.s1 > before.s1 + 50 && after.s3 > before.s3 + 20, JSON.stringify({ before, after }));
  },

  'reviving brings it back': async (t) => {
    const page = await killed(t);
    await panel(page, 'Outline');
    const before = await counts(page);
    await run(page);
    await power(page, 'Revive s2').click();
    await page.getByRole('application').getByText('crashed', { exact: true }).waitFor({ state: 'hidden' });
    await t.eventually(async () => (await arrived(page, 's2')) > before.s2 + 5, { timeout: 10_000 });
  },

  'kill and revive show at once also while the run is paused': async (t) => {
    const page = await t.open();
    await runUntil(page, 0.3);
    await pause(page);
    await power(page, 'Kill s2').click();
    const crashed = page.getByRole('application').getByText('crashed', { exact: true });
    await crashed.waitFor({ timeout: 3000 });
    await power(page, 'Revive s2').click();
    await crashed.waitFor({ state: 'hidden', timeout: 3000 });
    await power(page, 'Kill s2').waitFor();
  },

  'the fault is in the scenario: a link to it crashes the same server at the same time': async (t) => {
    const page = await killed(t);
    // As the plan has it: the page may have run on before anybody looks.
    const mark = page.getByRole('group', { name: 'What is planned' }).getByRole('button').first();
    const crashedAt = Number(/at ([\d.]+) s/.exec(await mark.getAttribute('aria-label'))[1]);
    const link = await shareLink(page);
    const copy = await t.open(link);
    await pause(copy);
    await restart(copy);
    t.match(await node(copy, 's2').getAttribute('aria-label'), /^s2, server: \d/);
    await speed(copy, 1);
    await run(copy);
    await copy.getByRole('application').getByText('crashed', { exact: true }).waitFor({ timeout: 20_000 });
    await pause(copy);
    t.ok((await seconds(copy)) >= crashedAt - 0.1, `it crashed before ${crashedAt} s`);
    t.match(await words(copy, 's2'), /crashed/);
  },

  'the draft holds the crash, and a run of it elsewhere loses what s2 held': async (t) => {
    const page = await killed(t);
    const json = await t.eventually(() =>
      page.evaluate(() => {
        const kept = localStorage.getItem('switchyard/draft');
        return kept?.includes('crash') && kept;
      }),
    );
    const [fault] = JSON.parse(json).faults;
    t.equal([fault.node, fault.what], ['s2', 'crash']);
    const [just, later] = [await simulate(page, json, fault.at_ms / 1000), await simulate(page, json, 20)];
    const figure = (report) => Object.fromEntries(report.nodes.find(({ id }) => id === 's2').figures).arrived;
    t.ok(figure(later) <= figure(just) + 3, 'what was on the wire still arrives, nothing more');
  },

  'undo takes the kill back': async (t) => {
    const page = await killed(t);
    const link = await shareLink(page);
    await undo(page).click();
    await page.getByRole('application').getByText('crashed', { exact: true }).waitFor({ state: 'hidden' });
    t.ok((await shareLink(page)) !== link);
    await panel(page, 'Outline');
    const before = await arrived(page, 's2');
    await run(page);
    await t.eventually(async () => (await arrived(page, 's2')) > before + 3, { timeout: 10_000 });
  },

  'a killed balancer refuses connections, a badge says so, and it comes back': async (t) => {
    const page = await t.open();
    await speed(page, 0.5);
    await power(page, 'Kill Balancer').click();
    await page.getByRole('application').getByText(/connection refused/).first().waitFor({ timeout: 10_000 });
    await power(page, 'Revive Balancer').click();
    await t.eventually(async () => /r: Smooth/.test(await node(page, 'Balancer').getAttribute('aria-label')));
  },

  'killing the only server at once on a paused page fails what it holds': async (t) => {
    const scenario = {
      title: 'One', seed: 1, speed: 0.2,
      nodes: [
        { id: 'c', kind: 'clients', label: 'Clients', x: 0, y: 0, rate: 50 },
        { id: 's', kind: 'server', label: 'Only', x: 320, y: 0, service: 200 },
      ],
      links: [{ from: 'c', to: 's', latency_ms: 20 }],
    };
    const page = await t.open('', { storage: draft(scenario) });
    await runUntil(page, 0.4);
    await pause(page);
    await power(page, 'Kill Only').click();
    await run(page);
    await page.getByRole('application').getByText(/connection lost/).first().waitFor({ timeout: 10_000 });
  },
};
