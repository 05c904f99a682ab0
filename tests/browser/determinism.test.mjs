// The same scenario and seed give the same run in the browser as natively, event for event.

import { readFile } from 'node:fs/promises';
import { simulate } from './lib/person.mjs';

const golden = JSON.parse(await readFile(new URL('../golden/trace_hashes.json', import.meta.url), 'utf8'));

const one = (key, { seconds, events, hash }) => async (t) => {
  const page = await t.open('?autoplay=0');
  await page.waitForFunction(() => globalThis.wasmBindings);
  const json = await page.evaluate((key) => globalThis.wasmBindings.preset(key), key);
  t.ok(json, `there is no example ${key}`);
  const report = await simulate(page, json, seconds);
  t.equal({ events: report.events, hash: report.trace_hash, seconds: report.seconds }, { events, hash, seconds });
  t.equal(await simulate(page, json, seconds), report);
};

export const tests = {
  ...Object.fromEntries(
    Object.entries(golden).map(([key, run]) => [`${key} runs as natively, by its trace hash`, one(key, run)]),
  ),

  'every example of the page has a trace hash to compare with': async (t) => {
    const page = await t.open('?autoplay=0');
    await page.getByRole('button', { name: 'Examples' }).click();
    const keys = await page.locator('[data-preset]').evaluateAll((all) => all.map((one) => one.dataset.preset));
    t.equal(keys.toSorted(), Object.keys(golden).toSorted());
  },

  'what is not a scenario is refused with path and reason': async (t) => {
    const page = await t.open('?autoplay=0');
    const refusal = async (json, time) => {
      try {
        await simulate(page, json, time);
      } catch (error) {
        return error.message;
      }
      throw new Error('it was accepted');
    };
    t.match(await refusal('nonsense', 1), /not JSON/);
    t.match(await refusal('{"schema":"switchyard/1","nodes":[{"id":"s","kind":"server","label":"s","x":0,"y":0,"cores":0}]}', 1),
      /nodes\[0\]\.cores: must be between 1 and 1024/);
    t.match(await refusal('{"schema":"switchyard/1"}', -1), /seconds/);
  },
};
