// How the canvas keeps up, in Chromium without GPU: `node benches/canvas.mjs` after `trunk build --release`.
// Frames are times between animation frames, in ms, over a few seconds; the machine may be busy, so the best of
// three loads counts. The exit status is 1 when a floor is missed.

import { launch } from '../tests/browser/lib/browser.mjs';
import { serveFolder } from '../tests/browser/lib/server.mjs';
import { system } from './graph.mjs';

const root = new URL('..', import.meta.url).pathname;
const LOADS = 3;

/** Times between frames while `act` goes on in the page. */
function frames(page, seconds, act) {
  return page.evaluate(async ([seconds, act]) => {
    const canvas = document.getElementById('canvas');
    const all = [];
    let before = await new Promise(requestAnimationFrame);
    const end = before + seconds * 1000;
    for (let n = 0; before < end; n += 1) {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const at = { clientX: left + width / 2, clientY: top + height / 2, bubbles: true, cancelable: true };
      if (act === 'pan') canvas.dispatchEvent(new WheelEvent('wheel', { ...at, deltaX: n % 40 < 20 ? 7 : -7, deltaY: 3.5 * (n % 40 < 20 ? 1 : -1) }));
      if (act === 'zoom') canvas.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: n % 20 < 10 ? 30 : -30, ctrlKey: true }));
      const now = await new Promise(requestAnimationFrame);
      all.push(now - before);
      before = now;
    }
    return all;
  }, [seconds, act]);
}

const rank = (all, share) => all.toSorted((a, b) => a - b)[Math.floor((all.length - 1) * share)];

async function load(browser, server, scenario) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  if (scenario) await page.addInitScript((json) => localStorage.setItem('switchyard/draft', json), JSON.stringify(scenario));
  await page.goto(server.url(''));
  await page.locator('.node').first().waitFor();
  return page;
}

const server = await serveFolder(process.env.SWITCHYARD_DIST ?? `${root}/dist`);
const browser = await launch();
const rows = [];
let missed = false;

async function measure(name, scenario, warm, act, check) {
  const tries = [];
  for (let n = 0; n < LOADS; n += 1) {
    const page = await load(browser, server, scenario);
    await page.waitForTimeout(warm);
    const all = await frames(page, 3, act);
    const flying = await page.getByText(/in flight$/).textContent();
    const dots = Number(/(\d+) in flight/.exec(flying)[1]);
    tries.push({ median: rank(all, 0.5), p95: rank(all, 0.95), dots });
    await page.close();
  }
  const best = tries.toSorted((a, b) => a.p95 - b.p95)[0];
  const ok = check(best);
  missed ||= !ok;
  rows.push({
    what: name, 'in flight': best.dots, 'median ms': best.median.toFixed(1), 'p95 ms': best.p95.toFixed(1), floor: ok ? 'met' : 'MISSED',
  });
}

/** How long it takes from the request for the page until it is shown and simulated time passes, in ms. */
async function interactive() {
  const tries = [];
  for (let n = 0; n < LOADS; n += 1) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(server.url(''), { waitUntil: 'commit' });
    const ready = await page.waitForFunction(() => document.querySelector('.node')
      && document.querySelector('[aria-label="Pause"]') && Number.parseFloat(document.querySelector('.now').textContent) > 0
      && performance.now(), undefined, { polling: 'raf' });
    tries.push(await ready.jsonValue());
    await page.close();
  }
  const best = Math.min(...tries);
  missed ||= best > 1_000;
  rows.push({ what: 'first visit until it is shown and runs', 'median ms': best.toFixed(0), floor: best > 1_000 ? 'MISSED' : 'met' });
}

/** Script time a frame while 5,000 dots are drawn and no time passes: the camera moves to and fro. */
async function drawing() {
  const tries = [];
  let least = Infinity;
  for (let n = 0; n < LOADS; n += 1) {
    const page = await load(browser, server, system(60, 90, 5_000, 250));
    await page.waitForTimeout(3_000);
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    least = Math.min(least, Number(/(\d+) in flight/.exec(await page.getByText(/in flight$/).textContent())[1]));
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable');
    const script = async () => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'ScriptDuration').value;
    const before = await script();
    const all = await frames(page, 3, 'pan');
    tries.push((await script() - before) * 1000 / all.length);
    await page.close();
  }
  const best = Math.min(...tries);
  missed ||= best > 4;
  rows.push({ what: '60 nodes, 90 wires, 5,000 dots, paused: script a frame (mean)', 'in flight': least, 'median ms': best.toFixed(1), floor: best > 4 ? 'MISSED' : 'met' });
}

await interactive();
await drawing();
await measure('the first example as it opens', undefined, 2_000, '', (r) => r.median <= 17 && r.p95 <= 33.4);
// 5,000 on wires: 5,000 a second, a second on the way there and back.
await measure('60 nodes, 90 wires, 5,000 dots, running', system(60, 90, 5_000, 250), 3_000, '', (r) => r.p95 <= 20);
await measure('300 nodes, 450 wires, pan', system(300, 450, 100, 20), 1_500, 'pan', (r) => r.median <= 20);
await measure('300 nodes, 450 wires, zoom', system(300, 450, 100, 20), 1_500, 'zoom', (r) => r.median <= 20);
console.table(rows);
await browser.close();
await server.close?.();
process.exit(missed ? 1 : 0);
