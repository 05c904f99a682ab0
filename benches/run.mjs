// How fast the engine is in Chromium, against the hand-written loop in the same WebAssembly module, against itself
// natively, and against SimPy and NeXosim: `node benches/run.mjs` (BENCHMARKS.md says what each row means).
//   --no-peers    only the engine and the loop
//
// The machine may be busy with other things, and those only ever add to a time. So everything is measured in short
// slices, in turns, and the fastest slice counts, on both sides of a ratio. The exit status is 1 when a floor is missed.

import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { launch } from '../tests/browser/lib/browser.mjs';
import { servePages } from '../tests/browser/lib/server.mjs';

const root = new URL('..', import.meta.url).pathname;
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const run = promisify(execFile);

/** How often a page is loaded anew, and how many turns each load takes. */
const LOADS = 3;
const ROUNDS = 20;
/** How long a slice is, about: the clock of a page ticks in tenths of a millisecond. */
const SLICE_SECONDS = 0.01;
/** How often each peer runs, with how many customers: slices about as short as ours. */
const PEER_RUNS = 25;
const SIMPY = { version: '4.1.2', customers: 2_000 };
const NEXOSIM = { customers: 20_000 };
/** The peers' results are checked on runs so many times as long. */
const LONG = 50;

/** Mean response in service times, by the formula. */
const THEORY = { 1: 5.0, 4: 1.7455 };

// What trunk gives wasm-opt for the page; see index.html.
const WASM_OPT = [
  '-O3',
  '--enable-bulk-memory',
  '--enable-nontrapping-float-to-int',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-reference-types',
  '--enable-multivalue',
];

const say = (text) => console.error(`bench: ${text}`);
const cargo = (...args) => execFileSync('cargo', [...args, '--target-dir', target], { cwd: root, stdio: 'inherit' });

/** Builds the module as the page is built, and the native program; gives their paths. */
async function build() {
  const manifest = 'benches/browser/Cargo.toml';
  say('building the module and the native program, a few minutes the first time');
  cargo('build', '--quiet', '--release', '--lib', '--target', 'wasm32-unknown-unknown', '--manifest-path', manifest);
  cargo('build', '--quiet', '--release', '--bin', 'measure', '--manifest-path', manifest);
  const module = join(target, 'bench.wasm');
  const built = join(target, 'wasm32-unknown-unknown/release/switchyard_bench.wasm');
  execFileSync(join(root, 'node_modules/.bin/wasm-opt'), [...WASM_OPT, built, '-o', module]);
  return { module, native: join(target, 'release/measure') };
}

/** Builds and installs the peers; gives a command line for each. */
async function buildPeers() {
  say('building NeXosim and installing SimPy, into target/ and .tools/');
  cargo('build', '--quiet', '--release', '--manifest-path', 'benches/peers/nexosim/Cargo.toml');
  const venv = join(root, '.tools/simpy');
  const python = join(venv, 'bin/python');
  if (!existsSync(python)) {
    await mkdir(join(root, '.tools'), { recursive: true });
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
  }
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `simpy==${SIMPY.version}`]);
  return {
    SimPy: { command: [python, join(root, 'benches/peers/mm1_simpy.py')], customers: SIMPY.customers },
    NeXosim: { command: [join(target, 'release/switchyard-peer-nexosim')], customers: NEXOSIM.customers },
  };
}

/** Keeps the fastest time per unit of each name. */
class Fastest {
  #times = new Map();
  note(name, seconds) {
    if (seconds < (this.#times.get(name) ?? Infinity)) this.#times.set(name, seconds);
  }
  of(name) {
    const seconds = this.#times.get(name);
    if (seconds === undefined) throw new Error(`nothing was measured for ${name}`);
    return seconds;
  }
}

/** Runs a command that prints JSON. */
async function json(command, ...args) {
  const { stdout } = await run(command[0], [...command.slice(1), ...args.map(String)]);
  return JSON.parse(stdout);
}

/** Events for each customer, by system. */
const eachOf = {};

/** Is the mean response what the formula says, as far as so short a run can tell? */
function check(name, response, servers) {
  const expected = THEORY[servers];
  if (Math.abs(response / expected - 1) > 0.1) {
    throw new Error(`${name}: mean response ${response.toFixed(3)} service times, by formula ${expected}`);
  }
}

/** One load of the page: every system in turn, there and natively. */
async function measure(page, systems, native, times) {
  await page.waitForFunction('globalThis.measure');
  const here = (place, units) => page.evaluate(([place, units]) => globalThis.measure(place, units), [place, units]);
  const slices = [];
  for (const [place, { name, units }] of systems.entries()) {
    // Twice before it counts: the browser compiles better code while the first one runs.
    for (let again = 0; again < 3; again += 1) await here(place, units);
    const { seconds } = await here(place, units);
    slices[place] = Math.max(1, Math.round((units * SLICE_SECONDS) / Math.max(seconds, 1e-4)));
    if (name === 'M/M/1' || name === 'hand 1') check(name, (await here(place, 400_000)).response, 1);
    if (name === 'M/M/4' || name === 'hand 4') check(name, (await here(place, 400_000)).response, 4);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [place, { name }] of systems.entries()) {
      const { seconds } = await here(place, slices[place]);
      times.wasm.note(name, seconds / slices[place]);
      const there = await json([native], name, slices[place]);
      times.native.note(name, there.seconds / slices[place]);
      eachOf[name] = there.events / slices[place];
    }
  }
}

/** The systems that the native program knows, with how many units to begin with. */
async function listSystems(native) {
  const names = await json([native]);
  return names.map((name) => ({ name, units: { minute: 1, seek: 1 }[name] ?? 20_000 }));
}

async function measurePeers(peers, times) {
  for (const [name, { command, customers }] of Object.entries(peers)) {
    check(name, (await json(command, customers * LONG)).response, 1);
  }
  for (let again = 0; again < PEER_RUNS; again += 1) {
    for (const [name, { command, customers }] of Object.entries(peers)) {
      const { seconds } = await json(command, customers);
      times.native.note(name, seconds / customers);
    }
  }
}

const brief = (number) => (number === undefined ? '' : String(Math.round(number * 100) / 100));
const million = (seconds) => `${(1e-6 / seconds).toFixed(seconds > 1e-6 ? 3 : 2)} M`;

function printRates(systems, peers, { wasm, native }) {
  console.log('| system | customers/s, Chromium | customers/s, native | of the hand loop, Chromium | native |');
  console.log('|---|---:|---:|---:|---:|');
  for (const { name } of systems.filter(({ units }) => units > 1)) {
    const hand = name.includes('4') ? 'hand 4' : 'hand 1';
    const ratios = [wasm, native].map((times) => (times.of(hand) / times.of(name)).toFixed(2));
    console.log(`| ${name} | ${million(wasm.of(name))} | ${million(native.of(name))} | ${ratios.join(' | ')} |`);
  }
  for (const name of Object.keys(peers)) console.log(`| ${name}, M/M/1 | | ${million(native.of(name))} | | |`);
}

function printTasks({ wasm, native }) {
  console.log('\n| what a person waits for | ms, Chromium | ms, native |');
  console.log('|---|---:|---:|');
  const row = (what, ...ms) => console.log(`| ${what} | ${ms.map((one) => (one * 1e3).toFixed(1)).join(' | ')} |`);
  row('a minute of about 80,000 events to its end', wasm.of('minute'), native.of('minute'));
}

/** The ratios that have floors; gives how many were missed. */
function printRatios(peers, { wasm, native }) {
  const ratio = (name, value, floor, aim) => ({ name, value, floor, aim });
  const ratios = [
    ratio('M/M/1 over the hand loop, Chromium', wasm.of('hand 1') / wasm.of('M/M/1'), 0.35, 0.5),
    ratio('M/M/1 over the hand loop with logarithms, Chromium', wasm.of('hand 1, log') / wasm.of('M/M/1')),
    // The hand loop takes two events for a customer.
    ratio("the hand loop's event over one of five hops, Chromium", wasm.of('hand 1') / 2 / (wasm.of('five hops') / eachOf['five hops']), 1 / 3, 1 / 1.6),
    ratio('M/M/1, Chromium over native', native.of('M/M/1') / wasm.of('M/M/1'), 0.55, 0.65),
    ...(peers.SimPy ? [ratio('M/M/1, Chromium over SimPy', native.of('SimPy') / wasm.of('M/M/1'), 40, 65)] : []),
    ...(peers.NeXosim ? [ratio('M/M/1, Chromium over NeXosim', native.of('NeXosim') / wasm.of('M/M/1'), 2, 4)] : []),
  ];
  console.log('\n| ratio | measured | floor | aim | |');
  console.log('|---|---:|---:|---:|---|');
  let missed = 0;
  for (const { name, value, floor, aim } of ratios) {
    const short = floor !== undefined && value < floor;
    missed += short;
    const verdict = floor === undefined ? '' : short ? 'floor missed' : value < aim ? 'above the floor' : 'aim reached';
    console.log(`| ${name} | ${value.toFixed(value < 10 ? 2 : 0)} | ${brief(floor)} | ${brief(aim)} | ${verdict} |`);
  }
  return missed;
}

async function main() {
  const { module, native } = await build();
  const peers = process.argv.includes('--no-peers') ? {} : await buildPeers();
  const systems = await listSystems(native);
  const server = await servePages({
    '/index.html': await readFile(join(root, 'benches/browser/page.html')),
    '/bench.wasm': await readFile(module),
  });
  const browser = await launch();
  const times = { wasm: new Fastest(), native: new Fastest() };
  try {
    for (let load = 0; load < LOADS; load += 1) {
      say(`measuring, ${load + 1} of ${LOADS}`);
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(server.url());
      await measure(page, systems, native, times);
      await context.close();
    }
    await measurePeers(peers, times);
  } finally {
    await browser.close();
    await server.close();
  }
  printRates(systems, peers, times);
  printTasks(times);
  return printRatios(peers, times) === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`bench: ${error.stack ?? error}`);
    process.exit(2);
  },
);
