// What axe-core finds wrong with a page for people who use a keyboard, a screen reader or larger letters.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The violations in a page, one line each; an empty list is good. `disable` names rules to leave out. */
export async function violations(page, { disable = [] } = {}) {
  await page.evaluate(source);
  const found = await page.evaluate(async (disable) => {
    const rules = Object.fromEntries(disable.map((rule) => [rule, { enabled: false }]));
    return (await globalThis.axe.run(document, { rules, resultTypes: ['violations'] })).violations;
  }, disable);
  return found.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help} (${target.join(' ')})`));
}
