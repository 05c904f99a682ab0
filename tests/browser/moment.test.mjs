// A link to a moment opens at that moment, as it was, and says whether it is the same run.

import { notice, pause, runUntil, seconds, shareLink, speed, step, tally } from './lib/person.mjs';

const percent = (page) => page.getByRole('group', { name: 'Zoom' }).getByText(/%$/).textContent();

/** The link to the moment that is on the screen. */
async function momentLink(page) {
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.getByRole('checkbox', { name: 'To this moment' }).check();
  const link = await page.getByRole('textbox', { name: 'Link', exact: true }).inputValue();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  return link;
}

/** A page that has run for a while, with a server killed on the way and a request looked at. */
async function somewhere(t) {
  const page = await t.open('?seed=42');
  await speed(page, 1);
  await runUntil(page, 0.4);
  await page.getByRole('application').getByRole('button', { name: 'Kill s2' }).click();
  await runUntil(page, 0.8);
  await pause(page);
  await page.getByRole('button', { name: 'Zoom in' }).click();
  // In the middle of an instant, with whatever request that was about.
  for (let n = 0; n < 7; n += 1) await step(page);
  await page.getByRole('tab', { name: 'Request' }).click();
  return page;
}

const state = async (page) => ({
  at: await seconds(page),
  tally: await tally(page),
  zoom: await percent(page),
  panel: await page.getByRole('tab', { selected: true }).textContent(),
  request: await page.getByRole('tabpanel').getByRole('heading').first().textContent(),
});

export const tests = {
  'it opens at the same moment in a fresh profile, and says so': async (t) => {
    const page = await somewhere(t);
    const before = await state(page);
    const link = await momentLink(page);
    t.match(link, /#s=1\.[\w-]+&m=\d+\.\d+\.[0-9a-f]{16}&r=\d+&v=/);
    const other = await t.open(link);
    await other.getByRole('button', { name: 'Same run: yes' }).waitFor();
    await t.eventually(async () => JSON.stringify(await state(other)) === JSON.stringify(before), {
      message: 'the moment is another',
    }).catch(async () => t.equal(await state(other), before));
    await other.getByRole('button', { name: 'Same run: yes' }).click();
    await other.getByText(/Checksum of its events: [0-9a-f]{16}/).first().waitFor();
    // From here on both go on alike.
    for (let n = 0; n < 25; n += 1) await Promise.all([step(page), step(other)]);
    t.equal(await tally(other), await tally(page));
    t.equal(await seconds(other), await seconds(page));
    // And the same link is made from it again.
    t.equal((await momentLink(other)).replace(/&r=\d+/, ''), (await momentLink(page)).replace(/&r=\d+/, ''));
  },

  'another checksum is another run': async (t) => {
    const link = await momentLink(await somewhere(t));
    const other = await t.open(link.replace(/(&m=\d+\.\d+\.)([0-9a-f]{16})/, '$1ffffffffffffffff'));
    await other.getByRole('button', { name: 'Same run: no' }).waitFor();
    t.ok((await seconds(other)) > 0);
  },

  'a moment that cannot be is left out, and the scenario opens': async (t) => {
    const page = await t.open('?autoplay=0');
    const link = await shareLink(page);
    for (const odd of ['&m=', '&m=x.y.z', '&m=99999999999999999999.1.1', '&m=1.2.3.4', '&v=1,2', '&p=<script>']) {
      const other = await t.open(`${link}${odd}`);
      await other.getByText('Shared copy').waitFor();
      t.equal(await other.getByRole('button', { name: /Same run/ }).count(), 0, odd);
      await other.close();
    }
  },

  'a moment too many events away is told, and nothing hangs': async (t) => {
    const page = await t.open('?autoplay=0');
    const link = await shareLink(page);
    const other = await t.open(`${link}&m=900000000000000.99999999.0123456789abcdef`);
    await other.getByRole('button', { name: 'Same run: not known' }).waitFor({ timeout: 30_000 });
  },

  'in a frame too': async (t) => {
    const page = await somewhere(t);
    const before = await seconds(page);
    const link = new URL(await momentLink(page));
    const other = await t.open(`${t.server.url('')}?embed&load=auto${link.hash}`);
    await other.getByRole('button', { name: 'Same run: yes' }).waitFor();
    t.equal(await seconds(other), before);
    t.equal(await notice(other), '');
  },
};
