// Through time: back to an earlier moment, on from there, step by step, and without motion for those who want none.

import {
  dots, example, inked, node, panel, pause, restart, run, runUntil, said, seconds, speed, step, tally, words,
} from './lib/person.mjs';

const strip = (page) => page.getByRole('slider', { name: 'Go to an earlier moment' });

/** Everything that is shown about the run at the playhead. */
async function state(page) {
  const labels = ['Clients', 'Balancer', 's1', 's2', 's3'];
  const all = {};
  for (const label of labels) all[label] = await words(page, label);
  return { at: await seconds(page), tally: await tally(page), ...all };
}

async function seek(page, instant) {
  await strip(page).fill(String(instant));
}

export const tests = {
  'back to an earlier moment: numbers go back, and running on gives the same again': async (t) => {
    const page = await t.open();
    await speed(page, 1);
    await runUntil(page, 4);
    await pause(page);
    const last = await state(page);
    await seek(page, 1.5);
    await t.eventually(async () => (await seconds(page)) === 1.5);
    const early = await state(page);
    t.ok(early.tally.sent < last.tally.sent && early.tally.answered < last.tally.answered);
    // On from there, beyond where it was, then look again at both moments.
    await run(page);
    await runUntil(page, last.at + 0.5);
    await pause(page);
    await seek(page, 1.5);
    t.equal(await state(page), early);
    await seek(page, 3);
    const middle = await state(page);
    await seek(page, 0.5);
    await run(page);
    await runUntil(page, 3.5);
    await pause(page);
    await seek(page, 3);
    t.equal(await state(page), middle);
  },

  'seeking pauses, and End leads to the live edge': async (t) => {
    const page = await t.open();
    await runUntil(page, 0.5);
    await seek(page, 0.2);
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor();
    t.equal(await seconds(page), 0.2);
    await strip(page).focus();
    await page.keyboard.press('End');
    await t.eventually(async () => (await seconds(page)) >= 0.5);
    await page.keyboard.press('Home');
    await t.eventually(async () => (await seconds(page)) === 0);
    t.equal(await tally(page), { sent: 0, answered: 0, failed: 0, flying: 0 });
  },

  'the arrow keys on the strip move a little': async (t) => {
    const page = await t.open();
    await speed(page, 1);
    await runUntil(page, 3);
    await pause(page);
    await strip(page).focus();
    const before = await seconds(page);
    await page.keyboard.press('ArrowLeft');
    const after = await t.eventually(async () => (await seconds(page)) < before && (await seconds(page)));
    t.ok(before - after <= 1.001, `one press went back ${before - after} s`);
    t.match(await strip(page).getAttribute('aria-valuetext'), /^[\d.]+ seconds$/);
  },

  'a drag along the strip goes back and forth': async (t) => {
    const page = await t.open();
    await speed(page, 1);
    await runUntil(page, 4);
    await pause(page);
    const { x, y, width, height } = await strip(page).boundingBox();
    await page.mouse.move(x + width * 0.6, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.2, y + height / 2, { steps: 6 });
    await t.eventually(async () => Math.abs((await seconds(page)) - 1) < 0.2);
    await page.mouse.move(x + width * 0.5, y + height / 2, { steps: 6 });
    await t.eventually(async () => Math.abs((await seconds(page)) - 2.5) < 0.2);
    await page.mouse.up();
  },

  'stepping from a moment tells the same story each time, and as a new visit tells it': async (t) => {
    const page = await t.open();
    await runUntil(page, 0.4);
    const story = async (page) => {
      await pause(page);
      const told = [];
      for (let event = 0; event < 12; event += 1) {
        await step(page);
        told.push(await said(page));
      }
      return told;
    };
    await pause(page);
    await seek(page, 0.2);
    const first = await story(page);
    await seek(page, 0.2);
    t.equal(await story(page), first);
    await restart(page);
    const start = await story(page);
    const other = await t.open('?autoplay=0');
    t.equal(await story(other), start);
    t.match(start[0], /^[\d.]+ m?s: .+/);
  },

  'a fault in the past is undone and done again by seeking across it': async (t) => {
    const page = await t.open();
    await example(page, /is back at 5 s/);
    await speed(page, 2);
    await runUntil(page, 6);
    await pause(page);
    const condition = async () => /crashed/.test(await node(page, 's2').getAttribute('aria-label'));
    for (const [instant, down] of [[3, true], [1.5, false], [4.5, true], [5.5, false], [2.5, true]]) {
      await seek(page, instant);
      await t.eventually(async () => (await condition()) === down, { message: `at ${instant} s: not as planned` });
    }
  },

  'the end of a finite run: ten requests in the order of the course': async (t) => {
    const page = await t.open();
    await example(page, /Course demo/);
    await speed(page, 5);
    await t.eventually(async () => (await tally(page)).answered === 10, { timeout: 20_000 });
    await pause(page);
    t.equal(await tally(page), { sent: 10, answered: 10, failed: 0, flying: 0 });
    await panel(page, 'Outline');
    const balancer = page.getByRole('application').getByRole('button', { name: /, balancer:/ });
    const got = [...(await balancer.getAttribute('aria-label')).matchAll(/got (\d+)/g)].map(([, n]) => Number(n));
    t.equal(got, [4, 3, 3]);
  },

  'who wants less motion gets a page that rests, and dots that do not travel': async (t) => {
    const page = await t.open('', { reducedMotion: true });
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor();
    await page.getByText('Nothing has run yet. Press Run below.').waitFor();
    t.equal(await seconds(page), 0);
    await run(page);
    await runUntil(page, 0.4);
    for (let look = 0; look < 10; look += 1) t.equal(await inked(page), 0);
    t.ok((await tally(page)).sent > 0);
    // At rest there is something to click on.
    await pause(page);
    await t.eventually(async () => (await dots(page)).length > 0);
  },

  'a link opened by somebody who wants less motion rests too': async (t) => {
    const page = await t.open('?preset=server-dies', { reducedMotion: true });
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor();
    t.equal(await seconds(page), 0);
  },
};
