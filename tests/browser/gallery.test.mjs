// Every built-in scenario in the page: it runs, adds up, fits its cards, and there is a picture of it.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { pause, tally } from './lib/person.mjs';

const FOLDER = join(import.meta.dirname, '../../www/scenarios');
/** How long a person watches before they must have seen something, in ms. */
const LOOK = 3000;

/** What sticks out of its card, or lies under something else in it. */
function outside(page) {
  return page.evaluate(() => {
    const found = [];
    for (const card of document.querySelectorAll('#canvas [data-node]')) {
      const box = card.getBoundingClientRect();
      for (const part of card.querySelectorAll('*:not(svg *)')) {
        if (part.matches('.port, .unseen, .hint') || part.closest('.port')) continue;
        const { left, right, top, bottom, width, height } = part.getBoundingClientRect();
        const out = left < box.left - 2 || right > box.right + 2 || top < box.top - 2 || bottom > box.bottom + 2;
        if (width > 0 && height > 0 && out) {
          found.push(`${card.dataset.node}: ${part.tagName.toLowerCase()}.${part.className} '${part.textContent.slice(0, 40)}'`);
        }
      }
    }
    return found;
  });
}

const visit = (name, theme) => async (t) => {
  const scenario = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'));
  const page = await t.open(`?preset=${name}`, { theme, width: 1440, height: 900 });
  await page.waitForTimeout(LOOK);
  const cards = await page.locator('#canvas [data-node]').count();
  t.equal(cards, scenario.nodes.length);
  await pause(page);
  const { sent, answered, failed, flying } = await tally(page);
  t.ok(sent > 0, 'nothing was sent');
  t.equal(sent, answered + failed + flying);
  await t.shot(page, `gallery-${name}-${theme}`);
  t.equal(await outside(page), []);
};

const names = readdirSync(FOLDER).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5));

export const tests = Object.fromEntries(
  names.flatMap((name, place) => {
    // Each in one theme here; `layout` has both.
    const theme = place % 2 === 0 ? 'light' : 'dark';
    return [[`${name}, ${theme}`, visit(name, theme)]];
  }),
);
