// Choosing how a balancer chooses: menus, words, settings, and what the card shows.

import { node, pause, redo, run, seconds, shareLink, undo } from './lib/person.mjs';

async function balancer(t, preset = 'slow-server') {
  const page = await t.open(`?preset=${preset}`);
  await pause(page);
  await node(page, 'Balancer').click();
  return page;
}

const strategy = (page) => page.getByLabel('Strategy', { exact: true });
const setting = (page, name) => page.getByRole('spinbutton', { name, exact: true });

export const tests = {
  'strategies are grouped by the system they are as in, and say when to use them': async (t) => {
    const page = await balancer(t);
    const groups = await strategy(page).locator('optgroup').evaluateAll((all) => all.map((g) => g.label));
    t.equal(groups.join(', '), 'Envoy, HAProxy, nginx');
    await strategy(page).selectOption('nginx_least_conn');
    const about = page.locator('details.about');
    await about.locator('summary').click();
    t.match(await about.textContent(), /Not when.*nginx 1\.22/s);
  },

  'a strategy brings its own settings, takes them away, and undo brings them back': async (t) => {
    const page = await balancer(t);
    t.equal(await setting(page, 'Decay').count(), 0);
    await strategy(page).selectOption('peak_ewma');
    await setting(page, 'Decay').waitFor();
    const before = await shareLink(page);
    await setting(page, 'Decay').fill('3');
    await page.keyboard.press('Tab');
    await t.eventually(async () => (await shareLink(page)) !== before);
    await strategy(page).selectOption('round_robin');
    await t.eventually(async () => (await setting(page, 'Decay').count()) === 0);
    await undo(page).click();
    await t.eventually(async () => (await setting(page, 'Decay').inputValue()) === '3');
    await undo(page).click();
    await t.eventually(async () => (await setting(page, 'Decay').inputValue()) === '10');
    await redo(page).click();
    await t.eventually(async () => (await setting(page, 'Decay').inputValue()) === '3');
  },

  'a setting out of its range is refused beside the field': async (t) => {
    const page = await balancer(t);
    await strategy(page).selectOption('peak_ewma');
    await setting(page, 'Decay').fill('-1');
    await page.keyboard.press('Tab');
    const box = page.locator('.field').filter({ has: setting(page, 'Decay') });
    await box.getByRole('alert').filter({ hasText: /between/ }).waitFor();
  },

  'every strategy runs, and what its card shows stays inside the card': async (t) => {
    const page = await balancer(t, 'least-connections');
    const keys = await strategy(page).locator('option').evaluateAll((all) => all.map((o) => o.value));
    t.ok(keys.length > 30, `${keys.length} strategies`);
    await run(page);
    for (const key of keys) {
      await strategy(page).selectOption(key);
      const before = await seconds(page);
      await t.eventually(async () => (await seconds(page)) > before, { message: `${key} stands still` });
      const over = await page.locator('[data-node="lb"]').evaluate((box) => {
        const edge = box.getBoundingClientRect().right;
        const parts = [...box.querySelectorAll('.row .value, .row .who, .detail')];
        return parts.filter((part) => part.getBoundingClientRect().right > edge).map((part) => part.textContent);
      });
      t.equal(over.join(', '), '', key);
    }
  },
};
