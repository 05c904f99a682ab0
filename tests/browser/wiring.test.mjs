// Drag a server in, wire it up, and it receives its share.

import {
  arrived, card, drag, grip, item, middle, node, notice, panel, pause, port, run, runUntil, said, seconds, speed,
} from './lib/person.mjs';

const palette = (page, kind) =>
  page.getByRole('navigation', { name: 'Components' }).getByRole('button', { name: `Add ${kind}` });

/** A free place on the canvas, beside all nodes. */
async function free(page) {
  const canvas = await page.getByRole('application').boundingBox();
  const balancer = await card(page, 'Balancer');
  return { x: balancer.x + balancer.width / 2, y: canvas.y + canvas.height * 0.82 };
}

/** The first example with a fourth server dragged in from the palette, not wired yet. */
async function withNewServer(t) {
  const page = await t.open();
  await pause(page);
  const to = await free(page);
  await drag(page, await middle(palette(page, 'server')), to);
  await node(page, 's4').waitFor();
  return { page, to };
}

async function receivesItsShare(t, page) {
  await panel(page, 'Outline');
  t.equal(await arrived(page, 's4'), 0);
  const before = Object.fromEntries(
    await Promise.all(['s1', 's2', 's3'].map(async (name) => [name, await arrived(page, name)])),
  );
  await speed(page, 5);
  await run(page);
  await runUntil(page, (await seconds(page)) + 10);
  await pause(page);
  // The new server weighs 1 like s2 and s3, s1 weighs 4: one of seven requests is its share.
  const more = async (name) => (await arrived(page, name)) - (before[name] ?? 0);
  const [s1, s2, s3, s4] = [await more('s1'), await more('s2'), await more('s3'), await more('s4')];
  const share = s4 / (s1 + s2 + s3 + s4);
  t.ok(s4 > 50, `s4 received ${s4}`);
  t.ok(Math.abs(share - 1 / 7) < 0.02, `s4 received ${s4} of ${s1 + s2 + s3 + s4}`);
}

async function refused(t, page, pattern) {
  await t.eventually(async () => pattern.test(await notice(page)), { message: `no sentence like ${pattern}` });
  t.match(await said(page), pattern);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  t.equal(await notice(page), '');
}

export const tests = {
  'a server dragged from the palette lands where it is dropped': async (t) => {
    const { page, to } = await withNewServer(t);
    const { x, y, width, height } = await card(page, 's4');
    t.ok(Math.abs(x + width / 2 - to.x) < 24, `dropped at x ${to.x}, its middle is at ${x + width / 2}`);
    t.ok(Math.abs(y + height / 2 - to.y) < 24, `dropped at y ${to.y}, its middle is at ${y + height / 2}`);
    await page.getByText('nothing sends to it yet').waitFor();
    t.match(await page.getByRole('application').getAttribute('aria-label'), /6 components, 4 wires/);
  },

  'a wire dragged to it brings it its share': async (t) => {
    const { page } = await withNewServer(t);
    await drag(page, await port(page, 'Balancer'), await grip(page, 's4'));
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 wires/);
    await receivesItsShare(t, page);
  },

  'a wire drawn with two clicks brings it its share': async (t) => {
    const { page } = await withNewServer(t);
    const start = await port(page, 'Balancer');
    await page.mouse.click(start.x, start.y);
    t.match(await said(page), /click the node/i);
    const end = await grip(page, 's4');
    await page.mouse.click(end.x, end.y);
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 wires/);
    await receivesItsShare(t, page);
  },

  'a click on a kind in the palette adds one that covers nothing': async (t) => {
    const page = await t.open();
    await pause(page);
    const names = ['Clients', 'Balancer', 's1', 's2', 's3'];
    for (const name of ['s4', 's5']) {
      await palette(page, 'server').click();
      await node(page, name).waitFor();
      const own = await card(page, name);
      for (const other of names) {
        const box = await card(page, other);
        const apart =
          own.x >= box.x + box.width || box.x >= own.x + own.width ||
          own.y >= box.y + box.height || box.y >= own.y + own.height;
        t.ok(apart, `${name} covers ${other}`);
      }
      names.push(name);
    }
  },

  'wires that make no sense are refused in a sentence': async (t) => {
    const page = await t.open();
    await pause(page);
    await drag(page, await port(page, 'Balancer'), await grip(page, 's2'));
    await refused(t, page, /^Balancer is wired to s2 already\.$/);
    await drag(page, await port(page, 'Balancer'), await grip(page, 'Balancer'));
    await refused(t, page, /^Balancer cannot be wired to itself\.$/);
    await drag(page, await port(page, 'Balancer'), await grip(page, 'Clients'));
    await refused(t, page, /^Clients only send requests/);
    await drag(page, await port(page, 'Clients'), await grip(page, 's1'));
    await refused(t, page, /put a balancer there/);
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 components, 4 wires/);
  },

  'a server may be wired to others, a database answers by itself': async (t) => {
    const page = await t.open('?preset=quorum');
    await pause(page);
    const wires = /(\d+) wires/;
    const count = async () => wires.exec(await page.getByRole('application').getAttribute('aria-label'))[1];
    const before = await count();
    const database = page.locator('#canvas .node.database').first();
    t.equal(await database.locator('.port.out').count(), 0);
    t.equal(await count(), before);
    const plain = await t.open();
    await pause(plain);
    await drag(plain, await port(plain, 's1'), await grip(plain, 's2'));
    t.match(await plain.getByRole('application').getAttribute('aria-label'), /5 components, 5 wires/);
  },

  'letting go of a wire over nothing draws none, and Esc drops one': async (t) => {
    const page = await t.open();
    await pause(page);
    await drag(page, await port(page, 'Balancer'), await free(page));
    t.match(await page.getByRole('application').getAttribute('aria-label'), /4 wires/);
    const start = await port(page, 'Balancer');
    await page.mouse.click(start.x, start.y);
    await page.keyboard.press('Escape');
    const end = await grip(page, 's1');
    await page.mouse.click(end.x, end.y);
    t.equal(await notice(page), '');
    t.match(await page.getByRole('application').getAttribute('aria-label'), /4 wires/);
  },

  'a node dragged stays where it is put, with its wires': async (t) => {
    const page = await t.open();
    await pause(page);
    const before = await card(page, 's3');
    const from = await grip(page, 's3');
    await drag(page, from, { x: from.x - 60, y: from.y + 40 });
    const after = await card(page, 's3');
    t.ok(Math.abs(after.x - before.x + 60) < 16 && Math.abs(after.y - before.y - 40) < 16);
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 components, 4 wires/);
  },
};
