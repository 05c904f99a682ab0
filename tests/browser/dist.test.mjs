// The folder that is published: its policy, its headers, its two parts, and that it works without a network.

import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { runUntil, shareLink } from './lib/person.mjs';

const dist = process.env.SWITCHYARD_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url));
const read = (name) => readFile(join(dist, name), 'utf8');

export const tests = {
  'its policy allows no script that stands in a page, and says who may frame it': async (t) => {
    const page = await read('index.html');
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(page)[1];
    t.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
    t.ok(!/script-src[^;]*unsafe-inline/.test(policy) && !/<script(?![^>]*src=)/.test(page), 'a script stands in the page');
    const headers = await read('_headers');
    for (const line of ['Access-Control-Allow-Origin: *', 'Cross-Origin-Resource-Policy: cross-origin', 'Content-Type: application/wasm', 'frame-ancestors *', 'immutable']) {
      t.ok(headers.includes(line), `_headers lacks ${line}`);
      t.ok(line.startsWith('Content-Type') || (await read('nginx.conf.example')).includes(line.split(': ')[0]), `nginx lacks ${line}`);
    }
    t.ok(!headers.includes('X-Frame-Options'), 'frames on other sites would be forbidden');
  },

  'a script that is put into the page does not run': async (t) => {
    const page = await t.open();
    t.expectErrors(/Content Security Policy|violates/);
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.ran = true';
      document.body.append(script);
      return Boolean(globalThis.ran);
    });
    t.equal(ran, false);
  },

  'a first visit of a frame loads the core alone; the rest comes when something of it is called': async (t) => {
    const folder = await t.serveUnder('/yard/');
    const link = await shareLink(await t.open('?autoplay=0'));
    const page = await t.open(folder.url(`?embed&load=auto${new URL(link).hash}`));
    await runUntil(page, 0.1);
    const asked = (start) => folder.requests.filter((path) => path.startsWith(`/yard/${start}`)).length;
    t.equal([asked('app-') > 0, asked('rest-')], [true, 0]);
    // A database and its replicas are nothing that the first example has.
    const other = await t.open(folder.url('?embed&load=auto&preset=read-replicas'));
    await runUntil(other, 0.1);
    t.equal(asked('rest-'), 1);
  },

  'it works without a network, once it was there': async (t) => {
    const page = await t.open();
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await page.context().setOffline(true);
    await page.reload();
    await runUntil(page, 0.05);
    await page.getByRole('button', { name: 'Examples' }).click();
    await page.locator('[data-preset=one-queue]').click();
    await runUntil(page, 0.05);
    await page.context().setOffline(false);
  },

  'a frame leaves no worker and nothing stored on its host': async (t) => {
    const address = t.server.url('?embed&load=auto');
    const other = await t.servePages({ '/': `<!doctype html><html lang="en"><title>x</title><iframe title="Yard" src="${address}" width="600" height="300"></iframe>` });
    const page = await t.open(other.url('/'));
    const frame = await t.eventually(() => page.frames().find((one) => one.url() === address));
    await runUntil(frame, 0.05);
    const left = await frame.evaluate(async () => [(await navigator.serviceWorker.getRegistrations()).length, localStorage.length]);
    t.equal(left, [0, 0]);
  },

  'what a first visit of a frame loads is within its bound, and the element is small': async (t) => {
    const names = await readdir(dist);
    const small = async (name) => brotliCompressSync(await readFile(join(dist, name))).length;
    const core = names.filter((name) => /^app-.*\.wasm$/.test(name));
    const rest = names.filter((name) => /^rest-.*\.wasm$/.test(name));
    t.equal([core.length, rest.length], [1, 1]);
    t.ok((await small(core[0])) < (await small(rest[0])), 'the core is the larger part');
    t.ok((await readFile(join(dist, 'embed.js'))).length < 3072);
  },

  'it can be installed, and is there as one file': async (t) => {
    const manifest = JSON.parse(await read('manifest.webmanifest'));
    t.ok(manifest.start_url === './' && manifest.icons.length > 0);
    const zip = await readFile(join(dist, 'switchyard.zip'));
    t.equal(zip.subarray(0, 2).toString(), 'PK');
    for (const name of ['switchyard/index.html', 'switchyard/boot.js', 'switchyard/embed.js']) t.ok(zip.includes(name), name);
  },
};
