// Runs the browser tests: every *.test.mjs beside this file, in order of name and two at a time, on the page in dist/.
//   node tests/browser/run.mjs            all of them
//   node tests/browser/run.mjs embed      those whose file or name contains "embed"
// SWITCHYARD_DIST names another folder to test, SWITCHYARD_TEST_SECONDS another limit than a minute for one test.

import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from './lib/assert.mjs';
import { violations } from './lib/axe.mjs';
import { launch, Pages, shotPath } from './lib/browser.mjs';
import { serveFolder, servePages } from './lib/server.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = process.env.SWITCHYARD_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url));
const timeout = Number(process.env.SWITCHYARD_TEST_SECONDS ?? 60) * 1000;

/** How many tests run at a time, each in its own browser: they mostly wait. */
const WORKERS = Number(process.env.SWITCHYARD_TEST_WORKERS ?? 2);

/** All tests whose file or name contains the pattern: [{ name, run }]. */
async function discover(pattern) {
  const files = (await readdir(here)).filter((file) => file.endsWith('.test.mjs')).sort();
  const found = [];
  for (const file of files) {
    const { tests } = await import(join(here, file));
    if (!tests) throw new Error(`${file} exports no tests`);
    for (const [title, run] of Object.entries(tests)) {
      found.push({ name: `${file.replace('.test.mjs', '')}: ${title}`, run });
    }
  }
  return found.filter(({ name }) => name.toLowerCase().includes(pattern.toLowerCase()));
}

/** Gives what `promise` gives, or fails when it takes too long. */
async function within(limit, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${limit / 1000} s`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The message of an error and where in the test it arose, without the runner's own frames. */
function describe(error) {
  const own = /^\s+at .*(\/browser\/run\.mjs|\/browser\/lib\/|\(node:|at node:|listOnTimeout)/;
  const lines = (error?.stack ?? String(error)).split('\n');
  return lines.filter((line) => !own.test(line)).join('\n');
}

/** Runs one test; gives undefined, or what went wrong and where the picture of it is. */
async function runOne(test, browser, server) {
  const pages = new Pages(browser, server);
  const servers = [];
  const started = async (starting) => {
    const one = await starting;
    servers.push(one);
    return one;
  };
  const t = {
    ...assert,
    open: pages.open,
    shot: pages.shot,
    expectErrors: pages.expectErrors,
    violations,
    server,
    /** Another origin with pages held in memory. */
    servePages: (content) => started(servePages(content)),
    /** The built page once more, on another origin and under a path such as '/some/path/'. */
    serveUnder: (under) => started(serveFolder(dist, { under })),
  };
  try {
    await within(timeout, test.run(t), 'the test');
    await within(timeout, pages.verify(), 'asking the pages for errors');
    return undefined;
  } catch (error) {
    let picture = 'none';
    try {
      const path = shotPath(`FAIL ${test.name}`);
      await pages.last.screenshot({ path, timeout: 5000 });
      picture = relative('', path);
    } catch {
      // The test had opened no page, or it is gone.
    }
    return { message: describe(error), picture };
  } finally {
    await within(10_000, pages.close(), 'closing the pages').catch(() => {});
    await Promise.all(servers.map((one) => one.close()));
  }
}

/** Takes tests from the list until none is left, with a browser and a server of its own; gives how many failed. */
async function work(waiting) {
  const server = await serveFolder(dist);
  let browser = await launch();
  let failed = 0;
  for (let test = waiting.shift(); test; test = waiting.shift()) {
    if (!browser.isConnected()) browser = await launch();
    const began = performance.now();
    const failure = await runOne(test, browser, server);
    if (failure) {
      failed += 1;
      console.log(`FAIL ${test.name}\n${failure.message.replace(/^/gm, '     ')}`);
      console.log(`     picture: ${failure.picture}`);
    } else {
      console.log(`ok ${test.name} (${Math.round(performance.now() - began)} ms)`);
    }
  }
  await browser.close();
  await server.close();
  return failed;
}

async function main() {
  const pattern = process.argv[2] ?? '';
  const index = join(dist, 'index.html');
  await stat(index).catch(() => {
    throw new Error(`${index} is missing: run 'make build' first`);
  });
  const tests = await discover(pattern);
  if (tests.length === 0) throw new Error(`no browser test${pattern ? ` matches '${pattern}'` : ' found'}`);
  const waiting = [...tests];
  const counts = await Promise.all(Array.from({ length: WORKERS }, () => work(waiting)));
  const failed = counts.reduce((sum, count) => sum + count, 0);
  console.log(`browser: ${tests.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

// A test that ran out of time may still fail later, when its page is gone; that is no news.
process.on('unhandledRejection', () => {});

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`browser tests: ${describe(error)}`);
    process.exit(1);
  },
);
