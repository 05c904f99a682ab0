// How fast the eviction policies are natively, against libCacheSim: `node benches/evict.mjs` (BENCHMARKS.md says what
// each row means). The peer is its Python wheel, whose loop is in C; it is installed into .tools/ and nothing of it is
// part of this project. Both sides replay the same five million requests, in turns; medians of three count. The exit
// status is 1 when a floor is missed.

import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = new URL('..', import.meta.url).pathname;
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const run = promisify(execFile);

const WHEEL = 'libcachesim==0.3.5';
const ROUNDS = 3;
const REQUESTS = 5_000_000;
const CAPACITIES = [10_000, 100_000];
/** Our name, the peer's, and whether the ratio has a floor. */
const POLICIES = [
  ['lru', 'LRU', true],
  ['sieve', 'Sieve', true],
  ['s3_fifo', 'S3FIFO', true],
  ['fifo', 'FIFO', false],
  ['clock', 'Clock', false],
  ['arc', 'ARC', false],
  ['w_tinylfu', 'WTinyLFU', false],
];
const FLOOR = 3;
const AIM = 6;

const say = (text) => console.error(`bench: ${text}`);
const bench = (...args) => ['bench', '--quiet', '--bench', 'evict', '--', ...args];

async function json(command, args) {
  const { stdout } = await run(command, args, { cwd: root, maxBuffer: 1 << 24 });
  return JSON.parse(stdout);
}

async function installPeer() {
  const venv = join(root, '.tools/libcachesim');
  const python = join(venv, 'bin/python');
  if (!existsSync(python)) {
    await mkdir(join(root, '.tools'), { recursive: true });
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
  }
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', WHEEL]);
  return python;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** The times and misses of one policy at one capacity, out of all rounds. */
function pick(rounds, policy, capacity) {
  const rows = rounds.map((rows) => rows.find((row) => row.policy === policy && row.capacity === capacity));
  return { seconds: median(rows.map((row) => row.seconds)), misses: rows[0].misses };
}

/** Prints the table; gives how many floors were missed. */
function print(ours, theirs) {
  console.log('| policy | entries | ours, M/s | libCacheSim, M/s | ratio | floor | aim | misses | difference | |');
  console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|---|');
  let missed = 0;
  for (const [key, name, floored] of POLICIES) {
    for (const capacity of CAPACITIES) {
      const [own, peer] = [pick(ours, key, capacity), pick(theirs, name, capacity)];
      const ratio = peer.seconds / own.seconds;
      const rate = ({ seconds }) => (REQUESTS / seconds / 1e6).toFixed(1);
      const short = floored && ratio < FLOOR;
      missed += short;
      const verdict = !floored ? '' : short ? 'floor missed' : ratio < AIM ? 'above the floor' : 'aim reached';
      const limits = floored ? `${FLOOR} | ${AIM}` : ' | ';
      // The peer has single precision.
      const difference = Math.abs(own.misses - peer.misses) < 5e-7 ? 0 : own.misses - peer.misses;
      const cells = [name, capacity, rate(own), rate(peer), ratio.toFixed(1), limits];
      console.log(`| ${[...cells, own.misses.toFixed(4), difference.toFixed(6), verdict].join(' | ')} |`);
    }
  }
  return missed;
}

async function main() {
  const python = await installPeer();
  say('building, a few minutes the first time, and writing the trace');
  const trace = join(target, 'zipf.oracleGeneral.bin');
  execFileSync('cargo', bench('--trace', trace), { cwd: root, stdio: 'inherit' });
  const orders = POLICIES.flatMap(([, name]) => CAPACITIES.map((capacity) => `${name}:${capacity}`));
  const [ours, theirs] = [[], []];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      say(`measuring, ${round + 1} of ${ROUNDS}`);
      ours.push(await json('cargo', bench('--json', ...POLICIES.map(([key]) => key))));
      theirs.push(await json(python, [join(root, 'benches/peers/libcachesim_zipf.py'), trace, ...orders]));
    }
  } finally {
    await rm(trace, { force: true });
  }
  return print(ours, theirs) === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`bench: ${error.stack ?? error}`);
    process.exit(2);
  },
);
