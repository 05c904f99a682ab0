// Twelve pictures of the page that were looked at and found good: themes, sizes, states. A page that looks otherwise fails;
// UPDATE_GOLDEN=1 takes new ones, to be looked at before they are kept.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { node, panel } from './lib/person.mjs';
import { shotPath } from './lib/browser.mjs';

const FOLDER = fileURLToPath(new URL('../golden/pictures/', import.meta.url));
/** Of all pixels, so many may differ. */
const SHARE = 0.003;
/** A pixel differs when none of its neighbours at the other picture is as near in each channel. */
const NEAR = 56;

/** The share of pixels in which two PNG files differ, worked out by the browser itself. */
function difference(page, a, b) {
  return page.evaluate(async ([a, b, near]) => {
    const read = async (data) => {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, image.width, image.height);
    };
    const [one, other] = [await read(a), await read(b)];
    if (one.width !== other.width || one.height !== other.height) return 1;
    let apart = 0;
    const alike = (p, q) => [0, 1, 2].every((c) => Math.abs(one.data[p + c] - other.data[q + c]) <= near);
    for (let y = 0; y < one.height; y += 1) {
      for (let x = 0; x < one.width; x += 1) {
        const p = (y * one.width + x) * 4;
        if (alike(p, p)) continue;
        // Edges of letters may lie a pixel beside.
        let found = false;
        for (let dy = -1; dy <= 1 && !found; dy += 1) {
          for (let dx = -1; dx <= 1 && !found; dx += 1) {
            const [u, v] = [x + dx, y + dy];
            if (u < 0 || v < 0 || u >= one.width || v >= one.height) continue;
            found = alike(p, (v * one.width + u) * 4);
          }
        }
        if (!found) apart += 1;
      }
    }
    return apart / (one.width * one.height);
  }, [a.toString('base64'), b.toString('base64'), NEAR]);
}

/** Goes on by so many events, which is the same moment on every machine. */
async function events(page, count) {
  await page.locator('#canvas').focus();
  for (let n = 0; n < count; n += 1) await page.keyboard.press('.');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await page.locator('#canvas').blur();
}

const open = (t, path, options = {}) => t.open(path, options);

const PICTURES = {
  'first visit, light, 1280': async (t) => open(t, '?autoplay=0&theme=light'),
  'first visit, dark, 1280': async (t) => open(t, '?autoplay=0&theme=dark'),
  'first visit, light, 640': async (t) => open(t, '?autoplay=0&theme=light', { width: 640, height: 800 }),
  'first visit, dark, 360': async (t) => open(t, '?autoplay=0&theme=dark', { width: 360, height: 740, touch: true }),
  'running, light, 1280': async (t) => {
    const page = await open(t, '?autoplay=0&theme=light&preset=one-queue');
    await events(page, 260);
    return page;
  },
  'running, dark, 1280': async (t) => {
    const page = await open(t, '?autoplay=0&theme=dark&preset=course-gateway');
    await events(page, 160);
    return page;
  },
  'settings, dark, 1280': async (t) => {
    const page = await open(t, '?autoplay=0&theme=dark&preset=cache-stampede');
    await page.locator('.node.cache .name').first().click();
    await panel(page, 'Inspect');
    return page;
  },
  'a server crashed, light, 1280': async (t) => {
    const page = await open(t, '?autoplay=0&theme=light');
    await node(page, 's2').focus();
    await page.keyboard.press('x');
    return page;
  },
  'forced colours, 1280': async (t) => {
    const page = await open(t, '?autoplay=0');
    await page.emulateMedia({ forcedColors: 'active' });
    return page;
  },
  'empty, light, 1280': async (t) => {
    const page = await open(t, '?autoplay=0&theme=light');
    await page.getByRole('button', { name: 'Examples' }).click();
    await page.getByRole('button', { name: /^Empty canvas/ }).click();
    return page;
  },
  'embed, light, 640': async (t) => open(t, '?embed&autoplay=0&theme=light', { width: 640, height: 400 }),
  'embed, dark, 360': async (t) => open(t, '?embed&autoplay=0&theme=dark&preset=fails-fast', { width: 360, height: 420 }),
};

export const tests = Object.fromEntries(Object.entries(PICTURES).map(([name, show]) => [name, async (t) => {
  const page = await show(t);
  await page.locator('.node, .empty').first().waitFor();
  // The one font that comes with the page: machines differ in the others.
  await page.addStyleTag({ content: ':root { --mono: "Inter" } button, input, select, textarea { font-family: "Inter" }' });
  await page.evaluate(() => document.fonts.ready);
  // What fills or fades has come to rest.
  await page.mouse.move(1, 1);
  await page.waitForTimeout(1_600);
  const picture = await page.screenshot({ animations: 'disabled' });
  const file = `${FOLDER}${name.replace(/[^\w]+/g, '-')}.png`;
  if (process.env.UPDATE_GOLDEN) {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(file, picture);
    return;
  }
  const share = await difference(page, picture, await readFile(file));
  if (share > SHARE) {
    await writeFile(shotPath(`golden-${name}`), picture);
    throw new Error(`${(share * 100).toFixed(2)} % of the pixels differ from ${file}; see tests/browser/shots`);
  }
}]));
