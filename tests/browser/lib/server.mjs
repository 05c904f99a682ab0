// Static servers on 127.0.0.1 for the browser tests, each on a free port: one serves the built page, others serve pages
// held in memory, so that a test can embed the product from another origin as a course page would.

import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

// What a host must send for the product to be embedded elsewhere. There is no X-Frame-Options on purpose.
// Files with a hash in their name never change, and hosts say so; all else is asked for anew.
const HASHED = /-[0-9a-f]{16}(_bg)?\.\w+$/;
const HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'cross-origin',
};

/** Serves a folder. With `under: '/some/path/'` everything lies below that path and the rest is not found. */
export function serveFolder(folder, { under = '/' } = {}) {
  return listen(under, async (path) => {
    const file = normalize(join(folder, path));
    if (!file.startsWith(normalize(folder + sep))) return undefined;
    return (await isFile(file)) ? { type: TYPES[extname(file)], body: await readFile(file) } : undefined;
  });
}

/** Serves pages held in memory: `{ '/': '<!doctype html>...', '/data.json': '{}' }`. */
export function servePages(pages) {
  return listen('/', async (path) => {
    const body = pages[path] ?? (path.endsWith('/index.html') ? pages[path.slice(0, -'index.html'.length)] : undefined);
    return body === undefined ? undefined : { type: TYPES[extname(path)] ?? TYPES['.html'], body };
  });
}

async function isFile(path) {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Starts a server that answers with what `find(path)` gives: `{ type, body }`, or undefined for "not found". */
async function listen(under, find) {
  const requests = [];
  const server = createServer(async (request, response) => {
    let path;
    try {
      path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    } catch {
      response.writeHead(400, HEADERS).end('bad request');
      return;
    }
    requests.push(path);
    if (path.endsWith('/')) path += 'index.html';
    const found = path.startsWith(under) ? await find('/' + path.slice(under.length)) : undefined;
    if (found) {
      const type = found.type ?? 'application/octet-stream';
      const keep = HASHED.test(path) ? { 'Cache-Control': 'public, max-age=31536000, immutable' } : {};
      response.writeHead(200, { ...HEADERS, ...keep, 'Content-Type': type }).end(found.body);
    } else if (path === '/favicon.ico') {
      response.writeHead(204, HEADERS).end();
    } else {
      response.writeHead(404, { ...HEADERS, 'Content-Type': TYPES['.txt'] }).end(`not found: ${path}`);
    }
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    /** Paths asked for so far. */
    requests,
    /** The address of a path below this server's root: `url('#s=abc')`, `url('embed.js')`. */
    url: (path = '') => origin + under + path.replace(/^\//, ''),
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
