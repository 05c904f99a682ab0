// Titles, names and notes of every bad kind, on every panel, in the share dialog, on the poster and in the picture: text
// stays text, and nothing grows beyond where it belongs.

import { draft, panel, shareLink } from './lib/person.mjs';

const STRINGS = {
  xss: '"><img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script><svg onload="globalThis.pwned=1">',
  long: 'Wolkenkratzerbaustellengerüstverleih'.repeat(3),
  double: 'Balancer of all the requests Balancer of all the requests',
  rtl: 'موازن التحميل שלום עולם',
};

/** A scenario that says this wherever somebody can say something. */
function scenario(text) {
  const name = [...text].slice(0, 78).join('');
  const node = (id, kind, x, more = {}) => ({ id, kind, label: name, x, y: 96, ...more });
  return {
    schema: 'switchyard/1', title: [...text].slice(0, 110).join(''), note: text.repeat(3), seed: 1, speed: 0.2,
    nodes: [node('c', 'clients', 0, { rate: 40 }), node('lb', 'balancer', 288), node('a', 'server', 608), node('k', 'cache', 928)],
    links: [['c', 'lb'], ['lb', 'a'], ['a', 'k']].map(([from, to]) => ({ from, to, latency_ms: 10 })),
    annotations: [
      { id: 'r', what: 'region', text: name, x: 560, y: 48, width: 560, height: 240 },
      { id: 'n', what: 'note', text, x: 0, y: 320, width: 240, height: 160 },
    ],
  };
}

/** Nothing ran, nothing was made of it, nothing is wider than the window. */
async function check(t, page, where) {
  const found = await page.evaluate(() => ({
    ran: globalThis.pwned === 1,
    made: document.querySelectorAll('img[src="x"], script:not([src])').length,
    wide: document.documentElement.scrollWidth - innerWidth,
  }));
  t.equal([found.ran, found.made], [false, 0], where);
  t.ok(found.wide <= 2, `${where}: ${found.wide} pixels too wide`);
}

export const tests = Object.fromEntries(
  Object.entries(STRINGS).map(([kind, text]) => [
    `${kind}: stays text and inside its place, everywhere`,
    async (t) => {
      for (const width of [1280, 360]) {
        const page = await t.open('', { width, storage: draft(scenario(text)) });
        await page.locator('.node').last().waitFor();
        for (const name of ['Outline', 'Text', 'Inspect', 'Request']) {
          await panel(page, name);
          await check(t, page, `${name} at ${width}`);
        }
        if (width < 900) await page.getByRole('button', { name: 'Close the panel' }).click();
        await page.getByRole('button', { name: 'Share', exact: true }).click();
        for (const tab of ['Link', 'Embed', 'Image', 'File']) {
          await page.getByRole('tab', { name: tab }).click();
          await check(t, page, `Share, ${tab} at ${width}`);
        }
        await t.shot(page, `strings-${kind}-${width}`);
        await page.keyboard.press('Escape');
        const link = await shareLink(page);
        const frame = await t.open(`?embed&load=click${new URL(link).hash}`, { width, height: 480 });
        await frame.getByRole('heading').waitFor();
        t.equal(await frame.getByRole('heading').textContent(), [...text].slice(0, 110).join(''));
        await check(t, frame, `poster at ${width}`);
        await page.close();
        await frame.close();
      }
    },
  ]),
);
