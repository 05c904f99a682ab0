// Makes of a built page the folder that is put on a host: the program cut in two, the policy in the page, the list for
// the service worker, the headers a host must send, a zip for rooms without network, and a table of what a first visit
// of a frame loads. Fails when that is more than it may be.
//
//   node tools/dist/make.mjs FOLDER SPLIT     the folder, and the tool `split`

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { hostExamples, POLICY } from './hosts.mjs';
import { cut, digest } from './split.mjs';

/** What a first visit of a frame may load, in bytes as brotli makes them: what it is now, and what the profile may vary by. */
const FIRST_VISIT_MAX = 460_000;

const [folder, split] = process.argv.slice(2);
if (!folder || !split) throw new Error('node tools/dist/make.mjs FOLDER SPLIT');

const at = (name) => join(folder, name);
const text = (name) => readFileSync(at(name), 'utf8');
const files = () => readdirSync(folder).filter((name) => statSync(at(name)).isFile()).sort();

await cut(folder, split);

// The policy, and that there is a service worker: neither is there while somebody works on the page with `make serve`.
const meta = `<meta http-equiv="Content-Security-Policy" content="${POLICY}" />`;
const page = text('index.html').replace('<meta charset="utf-8"', `${meta}\n    <meta charset="utf-8"`);
writeFileSync(at('index.html'), page.replace('data-js=', 'data-worker="sw.js" data-js='));

for (const [name, content] of Object.entries(hostExamples)) writeFileSync(at(name), content);

// Everything that the page itself may ask for.
const offline = files().filter((name) => !/^(_headers|sw\.js|.*\.example|.*\.zip|.*\.d\.ts)$/.test(name));
const build = digest(offline.map((name) => digest(readFileSync(at(name)))).join());
const listed = ['./', ...offline.filter((name) => name !== 'index.html')].map((name) => JSON.stringify(name)).join(', ');
const worker = readFileSync(new URL('../../www/sw.js', import.meta.url), 'utf8');
writeFileSync(at('sw.js'), worker.replace('BUILD', build).replace('/* FILES */', listed));

rmSync(at('switchyard.zip'), { force: true });
const inside = Object.fromEntries(files().map((name) => [`switchyard/${name}`, new Uint8Array(readFileSync(at(name)))]));
writeFileSync(at('switchyard.zip'), zipSync(inside, { level: 9, mtime: '1980-01-01' }));

// What a first visit of a frame loads.
const kinds = { program: /^app-.*\.wasm$/, scripts: /^(app-.*|boot|breakdown)\.js$/, styles: /\.css$/, page: /^index\.html$/ };
const row = (kind, raw, small) => `${kind.padEnd(34)} ${String(raw).padStart(9)} ${String(small).padStart(9)}`;
console.log(row('first visit of a frame, bytes', 'raw', 'brotli'));
let total = 0;
for (const [kind, pattern] of Object.entries(kinds)) {
  const all = files().filter((name) => pattern.test(name) && name !== 'embedding.css').map((name) => readFileSync(at(name)));
  const raw = all.reduce((sum, bytes) => sum + bytes.length, 0);
  const small = all.reduce((sum, bytes) => sum + brotliCompressSync(bytes).length, 0);
  total += small;
  console.log(row(kind, raw, small));
}
const font = files().filter((name) => name.endsWith('.woff2')).reduce((sum, name) => sum + statSync(at(name)).size, 0);
console.log(row('letters', font, font));
total += font;
console.log(row('all of it', '', total));
const rest = files().find((name) => name.startsWith('rest-'));
console.log(row('what comes when it is called', statSync(at(rest)).size, brotliCompressSync(readFileSync(at(rest))).length));
if (total > FIRST_VISIT_MAX) {
  console.error(`a first visit loads ${total} bytes, more than ${FIRST_VISIT_MAX}`);
  process.exit(1);
}
