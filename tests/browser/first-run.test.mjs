// The page opens on something that runs, without a click.

import { inked, panel, seconds, tally, words } from './lib/person.mjs';

export const tests = {
  'the page opens on a running example': async (t) => {
    const page = await t.open();
    await t.eventually(async () => (await seconds(page)) > 0, { message: 'simulated time stands still' });
    const before = await seconds(page);
    await t.eventually(async () => (await seconds(page)) > before, { message: 'simulated time stopped' });
    await t.eventually(async () => (await inked(page)) > 50, { message: 'no dots on the canvas' });
    t.ok(await page.getByRole('button', { name: 'Pause', exact: true }).isVisible());
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 components, 4 wires/);
  },

  'every request is answered, failed or in flight': async (t) => {
    const page = await t.open();
    await t.eventually(async () => (await tally(page)).answered > 5, { timeout: 15_000 });
    for (let look = 0; look < 10; look += 1) {
      const { sent, answered, failed, flying } = await tally(page);
      t.equal(sent, answered + failed + flying);
    }
  },

  'what the outline counts agrees between clients, balancer and servers': async (t) => {
    const page = await t.open();
    await panel(page, 'Outline');
    await t.eventually(async () => (await tally(page)).answered > 5, { timeout: 15_000 });
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    const { sent } = await tally(page);
    t.match(await words(page, 'Clients'), new RegExp(`sent ${sent},`));
    const got = [...(await words(page, 'Balancer')).matchAll(/(s\d) got (\d+)/g)];
    t.equal(got.map(([, name]) => name), ['s1', 's2', 's3']);
    const picks = got.reduce((sum, [, , count]) => sum + Number(count), 0);
    t.ok(picks <= sent && picks > 0, `${picks} picked of ${sent} sent`);
  },
};
