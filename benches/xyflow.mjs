// The canvas beside xyflow's (React Flow), in the same Chromium, with the same graphs: `node benches/xyflow.mjs`.
// Both draw as fast as they can (no limit to the frame rate); a row is the median time between two frames while the
// picture is panned, zoomed, or one node of it is dragged, as it fits on the screen when it opens: so far away that ours
// draws cards as boxes and theirs as small labels. Ours runs its simulation meanwhile; the numbers on its cards wait for
// the camera and the hand. The exit status is 1 when a floor is missed.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { findChromium } from '../tests/browser/lib/browser.mjs';
import { serveFolder, servePages } from '../tests/browser/lib/server.mjs';
import { system } from './graph.mjs';

const root = new URL('..', import.meta.url).pathname;
const peer = join(root, 'benches/xyflow');
// A page that was built before with room for 1,000 nodes; without one it is built here, of this tree.
const built = process.env.SWITCHYARD_LARGE;
const ours = built ?? join(root, 'target/large');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const LOADS = 3;
const SECONDS = 2;
/** Ours may take so much of its time with 1,000 nodes. */
const FLOOR = 0.5;

const say = { stdio: ['ignore', 'ignore', 'inherit'] };
if (!built) {
  const path = [join(root, '.tools/bin'), join(root, 'node_modules/.bin'), process.env.PATH].join(':');
  const env = { ...process.env, PATH: path, CARGO_TARGET_DIR: target, TRUNK_SKIP_VERSION_CHECK: 'true' };
  delete env.NO_COLOR;
  execFileSync('trunk', ['build', '--release', '--features', 'large', '--dist', ours], { cwd: root, env, ...say });
}
if (!existsSync(join(peer, 'node_modules/@xyflow/react'))) {
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: peer, ...say });
}
const esbuild = join(peer, 'node_modules/.bin/esbuild');
const bundled = ['page.jsx', '--bundle', '--minify', '--jsx=automatic', `--outdir=${join(target, 'xyflow')}`];
execFileSync(esbuild, [...bundled, '--define:process.env.NODE_ENV="production"', '--log-level=warning'], { cwd: peer, ...say });
const [script, style] = ['js', 'css'].map((end) => readFileSync(join(target, `xyflow/page.${end}`), 'utf8'));
const page = (graph) => `<!doctype html><style>${style} html, body, #root { height: 100%; margin: 0 }</style>
  <div id="root"></div><script>window.graph = ${JSON.stringify(graph)}</script><script>${script}</script>`;

const browser = await chromium.launch({
  executablePath: findChromium(),
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-frame-rate-limit', '--disable-gpu-vsync'],
});
const pageServer = await serveFolder(ours);

async function openOurs(graph) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const own = await context.newPage();
  await own.addInitScript((json) => localStorage.setItem('switchyard/draft', json), JSON.stringify(graph));
  await own.goto(pageServer.url(''));
  await own.locator('.node').last().waitFor();
  return { own, canvas: '#canvas', node: '[data-node]' };
}

async function openPeer(graph) {
  const server = await servePages({ '/': page(graph) });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const own = await context.newPage();
  await own.goto(server.url(''));
  await own.locator('.react-flow__node').last().waitFor();
  return { own, canvas: '.react-flow__pane', node: '.react-flow__node', server };
}

/** Times between frames while something goes on; the gestures are the page's own events. */
function frames({ own, canvas, node }, act) {
  return own.evaluate(async ([canvas, node, act, seconds]) => {
    const area = document.querySelector(canvas);
    const { left, top, width, height } = area.getBoundingClientRect();
    const middle = { clientX: left + width / 2, clientY: top + height / 2 };
    const common = { bubbles: true, cancelable: true, view: window, button: 0, pointerId: 1, isPrimary: true, pointerType: 'mouse' };
    const fire = (on, kinds, at, buttons) => {
      for (const kind of kinds) {
        const Kind = kind.startsWith('pointer') ? PointerEvent : MouseEvent;
        on.dispatchEvent(new Kind(kind, { ...common, ...at, buttons }));
      }
    };
    const wheel = (more) => area.dispatchEvent(new WheelEvent('wheel', { ...common, ...middle, ...more }));
    // Something near the middle, which both have in the same place.
    const far = (box) => Math.hypot(box.left - middle.clientX, box.top - middle.clientY);
    const nodes = [...document.querySelectorAll(node)].map((one) => [one, one.getBoundingClientRect()]);
    const [held, box] = nodes.sort((a, b) => far(a[1]) - far(b[1]))[0];
    const grip = { clientX: box.left + box.width * 0.3, clientY: box.top + box.height * 0.5 };
    if (act === 'drag') fire(held, ['pointerdown', 'mousedown'], grip, 1);
    // What is panned with a drag in one is panned with the middle button in both.
    if (act === 'pan') {
      const press = { ...middle, button: 1 };
      area.dispatchEvent(new PointerEvent('pointerdown', { ...common, ...press, buttons: 4 }));
      area.dispatchEvent(new MouseEvent('mousedown', { ...common, ...press, buttons: 4 }));
    }
    const all = [];
    let after = box;
    let before = await new Promise(requestAnimationFrame);
    const end = before + seconds * 1000;
    for (let n = 1; before < end; n += 1) {
      const round = (n % 60) / 60 * 2 * Math.PI;
      const by = [Math.sin(round) * 60, Math.cos(round) * 40];
      if (act === 'zoom') wheel({ deltaY: n % 20 < 10 ? -30 : 30, ctrlKey: true });
      const from = act === 'drag' ? grip : middle;
      const at = { clientX: from.clientX + by[0], clientY: from.clientY + by[1] };
      if (act !== 'zoom') {
        const buttons = act === 'pan' ? 4 : 1;
        fire(act === 'drag' ? held : area, ['pointermove', 'mousemove'], at, buttons);
      }
      const now = await new Promise(requestAnimationFrame);
      all.push(now - before);
      before = now;
      // Somewhere on its way.
      if (n === 5) after = held.getBoundingClientRect();
    }
    fire(document, ['pointerup', 'mouseup'], middle, 0);
    return { all, moved: Math.hypot(after.left - box.left, after.top - box.top), wide: after.width / box.width };
  }, [canvas, node, act, SECONDS]);
}

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
const rows = [];
let missed = false;
for (const [nodes, wires] of [[300, 450], [1_000, 1_500]]) {
  const graph = system(nodes, wires, 100, 20);
  for (const act of ['pan', 'zoom', 'drag']) {
    const best = { ours: Infinity, peer: Infinity };
    for (let load = 0; load < LOADS; load += 1) {
      for (const [who, open] of [['ours', openOurs], ['peer', openPeer]]) {
        const opened = await open(graph);
        await opened.own.waitForTimeout(1_200);
        const { all, moved, wide } = await frames(opened, act);
        if (moved < 1 && Math.abs(wide - 1) < 0.01) throw new Error(`${act} moved nothing in ${who === 'ours' ? 'ours' : 'xyflow'}`);
        best[who] = Math.min(best[who], median(all));
        await opened.own.context().close();
        await opened.server?.close?.();
      }
    }
    const ratio = best.ours / best.peer;
    const gated = nodes === 1_000;
    missed ||= gated && ratio > FLOOR;
    rows.push({
      what: `${nodes} nodes, ${wires} wires, ${act}`, 'ours ms': best.ours.toFixed(1), 'xyflow ms': best.peer.toFixed(1),
      ratio: ratio.toFixed(2), floor: gated ? (ratio > FLOOR ? 'MISSED' : 'met') : '',
    });
  }
}
console.table(rows);
await browser.close();
process.exit(missed ? 1 : 0);
