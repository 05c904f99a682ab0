// Random keys and pointer for a while: no panic, no state that nobody gets out of. Longer with
// MONKEY_SECONDS=120 SWITCHYARD_TEST_SECONDS=180; another order with MONKEY_SEED.

import { pause, run } from './lib/person.mjs';

const SECONDS = Number(process.env.MONKEY_SECONDS ?? 12);
const SEED = Number(process.env.MONKEY_SEED ?? 7);

const KEYS = [
  'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Control+ArrowRight', 'Shift+ArrowDown', 'Enter', 'Escape', 'Escape', 'Tab',
  'Shift+Tab', ' ', '.', 'Home', '[', ']', 'c', 'x', 'Delete', 'Control+Delete', 'Control+z', 'Control+z', 'Control+Shift+z', 'Control+a',
  'Control+d', 'l', 'a', '/', '+', '-', '1', '2', '0', 'Shift+F10', '?', 's', 'e', 'r', '9', 'Backspace', 'PageDown',
  'Control+g', ',', ',', 'End', 'k', 'Alt+ArrowRight', 'Alt+ArrowDown', 'Alt+Shift+ArrowRight', "Control+'", 'Alt+r',
];

/** The same numbers for the same seed. */
function numbers(seed) {
  let state = seed >>> 0;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

export const tests = {
  'random keys and pointer leave a page that works': async (t) => {
    const page = await t.open('?preset=health-checks');
    const pick = numbers(SEED);
    const end = Date.now() + SECONDS * 1000;
    const point = () => [pick(1280), pick(800)];
    while (Date.now() < end) {
      switch (pick(8)) {
        case 0:
          await page.mouse.click(...point(), { button: pick(5) === 0 ? 'right' : 'left' });
          break;
        case 1:
          await page.mouse.move(...point());
          await page.mouse.down();
          await page.mouse.move(...point(), { steps: 3 });
          // Now and then it is lost in the middle.
          if (pick(4) === 0) await page.evaluate(() => window.dispatchEvent(new PointerEvent('pointercancel')));
          await page.mouse.up();
          break;
        case 2:
          await page.mouse.dblclick(...point());
          break;
        case 3:
          await page.mouse.wheel(pick(200) - 100, pick(400) - 200);
          break;
        default:
          await page.keyboard.press(KEYS[pick(KEYS.length)]);
      }
    }
    // Whatever is open can be closed, and the page runs.
    for (let n = 0; n < 4; n += 1) await page.keyboard.press('Escape');
    await page.mouse.click(5, 5);
    t.equal(await page.locator('#canvas').count(), 1);
    await pause(page);
    await run(page);
  },
};
