// Chromium for the browser tests: where it is, how it is started, and how a test opens a page and hears of its errors.

import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const FOLDERS = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)];
const SHOTS = fileURLToPath(new URL('../shots/', import.meta.url));

// A browser that talks to nobody but the page under test.
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of Chromium or Chrome: the variable CHROMIUM if set, else the first one found. */
export function findChromium() {
  const set = process.env.CHROMIUM;
  if (set) {
    if (isProgram(set)) return set;
    throw new Error(`CHROMIUM is set to '${set}', which cannot be run`);
  }
  const found = NAMES.flatMap((name) => FOLDERS.map((folder) => join(folder, name))).find(isProgram);
  if (found) return found;
  throw new Error('no Chromium found: run tools/install.sh test, or set CHROMIUM to its path');
}

export function launch() {
  return chromium.launch({ executablePath: findChromium(), args: ARGS });
}

/** Where a picture of this name goes; characters that file names dislike become dashes. */
export function shotPath(name) {
  mkdirSync(SHOTS, { recursive: true });
  return join(SHOTS, `${name.replace(/[^\w.]+/g, '-').replace(/^-|-$/g, '')}.png`);
}

/** Opens pages for one test, each in a fresh context, and collects what goes wrong in them. */
export class Pages {
  #browser;
  #server;
  #contexts = [];
  #expected = [];
  #errors = [];
  /** The page opened last. */
  last;

  constructor(browser, server) {
    this.#browser = browser;
    this.#server = server;
  }

  /**
   * Opens a path of the built page, or a whole address, and waits until it has loaded.
   *   width, height   of the window, 1280 x 800
   *   theme           'light' or 'dark'
   *   reducedMotion   true: the person asked for less motion
   *   touch           true: a finger instead of a mouse
   *   storage         what localStorage holds at first, as an object
   *   permissions     granted from the start, such as ['clipboard-read', 'clipboard-write']
   */
  open = async (path = '', options = {}) => {
    const { width = 1280, height = 800, theme = 'light', reducedMotion = false, touch = false } = options;
    const { storage = {}, permissions = [] } = options;
    const address = /^https?:/.test(path) ? path : this.#server.url(path);
    const localStorage = Object.entries(storage).map(([name, value]) => ({ name, value }));
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
      hasTouch: touch,
      isMobile: touch,
      permissions,
      storageState: { cookies: [], origins: [{ origin: new URL(address).origin, localStorage }] },
    });
    this.#contexts.push(context);
    context.on('page', (page) => this.#listen(page));
    const page = await context.newPage();
    this.last = page;
    await page.goto(address, { waitUntil: 'load' });
    // The page is there when its program shows something, a frame when its poster does.
    const there = () => !document.querySelector('script[data-js]') || document.querySelector('.app, #poster.asks');
    await page.waitForFunction(there, undefined, { timeout: 20_000 });
    return page;
  };

  /** Saves a picture of a page as tests/browser/shots/NAME.png and gives its path. */
  shot = async (page, name) => {
    const path = shotPath(name);
    await page.screenshot({ path });
    return path;
  };

  /** Errors that match are part of this test; that none comes is then a failure. */
  expectErrors = (pattern) => {
    this.#expected.push({ pattern, met: false });
  };

  /** Throws if a page had an error that nobody expected, or an expected one never came. */
  async verify() {
    // A page's errors arrive before its answer to a later question.
    const pages = this.#contexts.flatMap((context) => context.pages());
    await Promise.allSettled(pages.map((page) => page.evaluate(() => 0)));
    const surprises = this.#errors.filter((error) => {
      const matching = this.#expected.filter(({ pattern }) => pattern.test(error));
      for (const expectation of matching) expectation.met = true;
      return matching.length === 0;
    });
    if (surprises.length > 0) throw new Error(`errors in the page:\n${surprises.join('\n')}`);
    const missing = this.#expected.filter(({ met }) => !met);
    if (missing.length > 0) throw new Error(`expected errors never came: ${missing.map(({ pattern }) => pattern)}`);
  }

  async close() {
    await Promise.allSettled(this.#contexts.map((context) => context.close()));
  }

  #listen(page) {
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      const { url, lineNumber } = message.location();
      this.#errors.push(`console: ${message.text()}${url ? ` (${url}:${lineNumber + 1})` : ''}`);
    });
    page.on('pageerror', (error) => this.#errors.push(`exception: ${error.stack ?? error}`));
    page.on('crash', () => this.#errors.push('the page crashed'));
  }
}
