// What axe-core finds: nothing, on every view of the page in both themes.

import { example, freeDot, node, panel, pause, runUntil, said, speed } from './lib/person.mjs';

const close = (page) => page.getByRole('button', { name: 'Close', exact: true }).click();

/** Every view of the page, one after another: [name, how to get there]. */
const VIEWS = [
  ['the first example', async () => {}],
  ['a selected request', async (page) => {
    await runUntil(page, 0.4);
    await pause(page);
    await page.getByRole('tabpanel').getByRole('list').getByRole('button').first().click();
  }],
  ['settings of clients', async (page) => node(page, 'Clients').click()],
  ['settings of a balancer', async (page) => node(page, 'Balancer').click()],
  ['settings of a server', async (page) => node(page, 's1').click()],
  ['a complaint about a number', async (page) => {
    await page.getByRole('spinbutton', { name: 'Cores', exact: true }).fill('0');
    await page.keyboard.press('Tab');
    await page.getByRole('alert').filter({ hasText: /./ }).waitFor();
  }],
  ['the outline', async (page) => panel(page, 'Outline')],
  ['settings of a wire', async (page) => page.getByRole('button', { name: /^to Balancer/ }).click()],
  ['settings of the scenario', async (page) => {
    const box = await page.getByRole('application').boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + 16);
    await panel(page, 'Inspect');
  }],
  ['examples', async (page) => page.getByRole('button', { name: 'Examples' }).click(), close],
  ['share', async (page) => page.getByRole('button', { name: 'Share', exact: true }).click(), close],
  ['shortcuts', async (page) => page.getByRole('button', { name: 'Keyboard shortcuts' }).click(), close],
  ['a crashed server and a notice', async (page) => {
    await page.getByRole('application').getByRole('button', { name: 'Kill s2' }).click();
    await page.getByRole('button', { name: 'One event on' }).click();
    await page.getByRole('button', { name: 'Dismiss' }).waitFor();
  }],
];

const views = (theme) => async (t) => {
  const page = await t.open('', { theme });
  const found = [];
  for (const [name, show, leave] of VIEWS) {
    await show(page);
    found.push(...(await t.violations(page)).map((violation) => `${name}: ${violation}`));
    await leave?.(page);
  }
  t.equal(found, []);
};

const finds = async (t, page) => t.equal(await t.violations(page), []);

export const tests = {
  'every view, light': views('light'),
  'every view, dark': views('dark'),

  'failures, in both themes': async (t) => {
    for (const theme of ['light', 'dark']) {
      const page = await t.open('?preset=lossy-link', { theme });
      await page.getByRole('application').getByText(/connection lost/).first().waitFor({ timeout: 15_000 });
      await pause(page);
      await finds(t, page);
      await page.close();
    }
  },

  'an empty canvas': async (t) => {
    const page = await t.open();
    await example(page, 'Empty canvas');
    await finds(t, page);
  },

  'a broken link': async (t) => {
    const page = await t.open('#s=1.AAAA');
    await page.getByRole('dialog').waitFor();
    await page.getByText('Diagnostic', { exact: true }).first().click();
    await finds(t, page);
  },

  'the embed, in both themes, with a request selected': async (t) => {
    for (const theme of ['light', 'dark']) {
      const page = await t.open('?embed', { theme, width: 640, height: 360 });
      await speed(page, 1);
      await runUntil(page, 0.4);
      await pause(page);
      const dot = await freeDot(page);
      await page.mouse.click(dot.x, dot.y);
      await page.getByText(/^#\d+ user:/).waitFor();
      await finds(t, page);
      await page.close();
    }
  },

  'a small screen, with its panel closed and open': async (t) => {
    const page = await t.open('', { width: 360, height: 740, touch: true });
    await finds(t, page);
    for (const name of ['Request', 'Inspect', 'Outline']) {
      await panel(page, name);
      await finds(t, page);
    }
  },

  'the page after a breakdown': async (t) => {
    t.expectErrors(/on purpose/);
    t.expectErrors(/unreachable/);
    const page = await t.open('?test=panic');
    await page.getByRole('heading', { name: 'Switchyard broke down' }).waitFor({ timeout: 15_000 });
    await finds(t, page);
  },

  'changing the theme is kept, and said by the button': async (t) => {
    const page = await t.open('', { theme: 'light' });
    await page.getByRole('button', { name: 'Dark theme' }).click();
    t.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    await page.reload();
    t.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    await page.getByRole('button', { name: 'Light theme' }).waitFor();
  },

  'while it runs a screen reader hears at most a summary every five seconds': async (t) => {
    const page = await t.open('?autoplay=0');
    await page.evaluate(() => {
      globalThis.heard = [];
      new MutationObserver(() => {
        globalThis.heard.push(document.querySelector('p[role=status]').textContent);
      }).observe(document.querySelector('p[role=status]'), { characterData: true, childList: true, subtree: true });
    });
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await runUntil(page, 0.3);
    const heard = await page.evaluate(() => globalThis.heard);
    t.ok(heard.length <= 2, heard.join(' | '));
    t.equal(await said(page), 'Running');
  },
};
