// The engine as a module: from Node, and from a page that draws its own figures.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const dist = process.env.SWITCHYARD_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url));
const golden = fileURLToPath(new URL('../golden/trace_hashes.json', import.meta.url));

/** The module as a script in Node gets it. */
async function engine() {
  const module = await import(join(dist, 'switchyard.js'));
  module.initSync({ module: await readFile(join(dist, 'switchyard_bg.wasm')) });
  return module;
}

export const tests = {
  'Node runs scenarios bit for bit as the page and the command line do': async (t) => {
    const { preset, simulate } = await engine();
    const hashes = JSON.parse(await readFile(golden, 'utf8'));
    for (const name of ['first', 'one-queue', 'server-dies']) {
      const { seconds, events, hash } = hashes[name];
      const report = simulate(preset(name), seconds);
      t.equal([report.events, report.trace_hash], [events, hash], name);
      t.equal(simulate(JSON.parse(preset(name)), { seconds }).trace_hash, hash);
    }
    t.ok(simulate(preset('first'), { seconds: 5, seed: 9 }).trace_hash !== simulate(preset('first'), { seconds: 5 }).trace_hash);
  },

  'Node places, picks and caches with the real algorithms': async (t) => {
    const { cache, describe, pick, place, schema } = await engine();
    const { picks, counts } = pick({ strategy: 'smooth_weighted', servers: [{ name: 'a', weight: 5 }, 'b', 'c'], picks: 7 });
    t.equal(picks.map(({ server }) => server).join(''), 'aabacaa');
    t.equal(counts, { a: 5, b: 1, c: 1 });
    const keys = Array.from({ length: 500 }, (_, n) => `user:${n}`);
    const placed = place({ strategy: 'ketama', nodes: ['a', 'b', 'c'], then: ['a', 'b', 'c', 'd'], keys });
    t.equal(Object.values(placed.counts).reduce((sum, one) => sum + one), 500);
    t.ok(placed.moved > 50 && placed.moved < 200, `${placed.moved}`);
    t.equal(cache({ policy: 'lru', capacity: 2, keys: ['a', 'b', 'a', 'c', 'b', 'a'] }).hits, 1);
    const { algorithms, kinds } = describe();
    t.ok(algorithms.balance.length > 20 && kinds.length === 14);
    t.equal(schema().title, 'Switchyard scenario');
  },

  'what is wrong is thrown in words, and the module lives on': async (t) => {
    const { pick, place, simulate } = await engine();
    const told = (run) => {
      try {
        run();
      } catch (error) {
        return String(error);
      }
      return 'nothing was thrown';
    };
    t.match(told(() => simulate('{"schema":"switchyard/1","nodes":7}', 1)), /nodes/);
    t.match(told(() => simulate(5, 1)), /schema|object/);
    t.match(told(() => simulate('{}', { seconds: -1 })), /seconds: must be between/);
    t.match(told(() => place({ strategy: 'x', nodes: ['a'], keys: [] })), /strategy: "x" is not known/);
    t.match(told(() => pick({ strategy: 'round_robin', servers: ['a'], picks: 1, colour: 1 })), /colour/);
    t.equal(pick({ strategy: 'round_robin', servers: ['a'], picks: 1 }).picks[0].server, 'a');
  },

  'its types are there for those who use them': async (t) => {
    const types = await readFile(join(dist, 'switchyard.d.ts'), 'utf8');
    for (const line of ['export function place(order: PlaceOrder): Places;', 'export function pick(order: PickOrder): Picks;',
      'export function cache(order: CacheOrder): CacheRun;', 'export function describe(): Catalogue;', 'export type Report = {']) {
      t.ok(types.includes(line), `${line} is missing`);
    }
    t.match(types, /export function simulate\(scenario: Scenario \| string, options: number \| RunOptions\): Report;/);
  },

  'a page draws its own figures with it': async (t) => {
    const page = await t.open('figures.html');
    await page.getByText(/requests answered\. Hash of all events: [0-9a-f]{16}/).waitFor();
    t.equal([await page.locator('#moves p').count(), await page.locator('#picks tr').count(), await page.locator('#hits p').count()], [5, 10, 8]);
    t.equal(await t.violations(page), []);
    await t.shot(page, 'figures');
  },
};
