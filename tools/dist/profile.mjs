// Which functions of the program a frame calls when it is opened and runs: `split watch` has each of them note that
// in memory, and this opens the page in Chromium and reads the notes.

import { launch } from '../../tests/browser/lib/browser.mjs';
import { serveFolder } from '../../tests/browser/lib/server.mjs';

/** What a first visit may be. */
const VISITS = [
  { width: 800, theme: 'light', query: '?embed&load=auto' },
  { width: 320, theme: 'dark', query: '?embed&load=auto&edit=none' },
];

/** The numbers of the functions that were called, given a folder with the watching program and where its notes are. */
export async function called(folder, { base, count }) {
  const server = await serveFolder(folder);
  const browser = await launch();
  const found = new Set();
  try {
    const link = await shareLink(browser, server);
    for (const { query, width, theme } of VISITS) {
      const page = await browser.newPage({ viewport: { width, height: 480 }, colorScheme: theme });
      await page.addInitScript(keepMemory);
      await page.goto(server.url(`${query}#s=${link}`));
      await visit(page);
      const notes = await page.evaluate(
        ({ base, count }) => [...new Uint8Array(globalThis.watched.buffer, base, count)],
        { base, count },
      );
      notes.forEach((one, place) => one && found.add(place));
      await page.close();
    }
  } finally {
    await browser.close();
    await server.close();
  }
  return [...found].sort((a, b) => a - b);
}

/** The link of the first example, as a snippet would have it. */
async function shareLink(browser, server) {
  const page = await browser.newPage();
  await page.goto(server.url('?autoplay=0'));
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  const link = await page.getByRole('textbox', { name: 'Link', exact: true }).inputValue();
  await page.close();
  return link.split('#s=')[1];
}

/** Runs it for a while, with a pause: what a frame does by itself. Whoever reaches for it gets the rest (boot.js). */
async function visit(page) {
  await page.waitForFunction(() => Number.parseFloat(document.querySelector('[aria-label="Simulated time"]')?.textContent) > 1);
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.getByRole('button', { name: 'One event on' }).click();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForTimeout(500);
}

/** The program's memory is found where it is made. */
function keepMemory() {
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const own = WebAssembly[name].bind(WebAssembly);
    WebAssembly[name] = async (...given) => {
      const made = await own(...given);
      globalThis.watched = (made.instance ?? made).exports.memory;
      return made;
    };
  }
}
