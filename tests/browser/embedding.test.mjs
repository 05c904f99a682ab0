// The page about embedding: each of its examples runs, made from the very lines that it shows.

import { runUntil, seconds } from './lib/person.mjs';

const EXAMPLES = ['plain-html', 'element', 'mdbook', 'docusaurus', 'reveal', 'moodle', 'canvas', 'sandbox'];

async function frameIn(t, page, example) {
  const iframe = page.locator(`#${example} .live iframe`);
  await iframe.scrollIntoViewIfNeeded();
  return (await iframe.elementHandle()).contentFrame();
}

export const tests = {
  'every example shows a picture, and runs when it is asked to': async (t) => {
    const page = await t.open('embedding.html');
    for (const example of EXAMPLES) {
      const code = await page.locator(`#${example} pre code`).textContent();
      t.ok(code.includes(t.server.url('')) && !code.includes('BASE'), code);
      const frame = await frameIn(t, page, example);
      await frame.locator('#poster button, [aria-label="Simulated time"]').first().waitFor();
      const asks = frame.locator('#poster button');
      if ((await asks.count()) > 0 && code.includes('load=click')) await asks.click();
      await frame.getByLabel('Simulated time').waitFor({ timeout: 20_000 });
      if (!code.includes('autoplay')) await runUntil(frame, 0.02);
    }
    t.equal(await t.violations(page), []);
  },

  'the buttons do what they say': async (t) => {
    const page = await t.open('embedding.html');
    const element = await frameIn(t, page, 'element');
    await element.getByLabel('Simulated time').waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: 'run()' }).click();
    await runUntil(element, 0.02);
    await page.getByText(/^running at/).waitFor();
    await page.getByRole('button', { name: 'pause()' }).click();
    await page.getByText(/^paused at/).waitFor();
    await page.getByRole('button', { name: 'reset()' }).click();
    await t.eventually(async () => (await seconds(element)) === 0);
    const slide = await frameIn(t, page, 'reveal');
    await slide.getByLabel('Simulated time').waitFor({ timeout: 20_000 });
    t.equal(await slide.locator('html').getAttribute('data-theme'), 'projector');
    await page.getByRole('button', { name: 'the slide is shown' }).click();
    await runUntil(slide, 0.02);
    await page.getByRole('button', { name: 'the slide is left' }).click();
    await slide.getByRole('button', { name: 'Run', exact: true }).waitFor();
    const boxed = await frameIn(t, page, 'sandbox');
    await boxed.locator('#poster button').click();
    await page.getByText('heard: completed, PT2.0S').waitFor({ timeout: 20_000 });
  },

  'pictures of it, in both themes and on a small screen': async (t) => {
    for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
      const page = await t.open('embedding.html', { theme, width, height: 900 });
      await page.frameLocator('#plain-html .live iframe').getByLabel('Simulated time').waitFor({ timeout: 20_000 });
      await t.shot(page, `embedding-${theme}-${width}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      t.ok(wide <= width, `${wide} wide at ${width}`);
      await page.close();
    }
  },
};
