// Cuts the program of a built page in two, by what a first visit calls, and teaches its script to fetch the second part
// when something of it is first called.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { called } from './profile.mjs';

/** Cuts the program in `folder`, with the tool `split`. */
export async function cut(folder, split) {
  const script = only(folder, /^app-[0-9a-f]+\.js$/);
  const program = only(folder, /^app-[0-9a-f]+_bg\.wasm$/);
  const whole = join(folder, program);
  const work = mkdtempSync(join(tmpdir(), 'switchyard-split-'));
  try {
    const watching = join(work, 'watching');
    cpSync(folder, watching, { recursive: true });
    const [base, count] = tool(split, 'watch', whole, join(watching, program)).split(' ').map(Number);
    const list = join(work, 'called.txt');
    writeFileSync(list, `${(await called(watching, { base, count })).join('\n')}\n`);
    const [core, rest] = [join(work, 'core.wasm'), join(work, 'rest.wasm')];
    console.log(`split: ${tool(split, 'cut', whole, list, core, rest)}`);
    replace(folder, { script, program, core: readFileSync(core), rest: readFileSync(rest) });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const tool = (split, ...words) => execFileSync(split, words, { encoding: 'utf8' }).trim();

function only(folder, pattern) {
  const found = readdirSync(folder).filter((file) => pattern.test(file));
  if (found.length !== 1) throw new Error(`${folder}: ${found.length} files match ${pattern}: build the page anew`);
  return found[0];
}

/** What stands in a file's name for its content. */
export const digest = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

function replace(folder, { script, program, core, rest }) {
  const names = { core: `app-${digest(core)}_bg.wasm`, rest: `rest-${digest(rest)}_bg.wasm` };
  const code = withLoader(readFileSync(join(folder, script), 'utf8'), names.rest);
  const name = `app-${digest(code)}.js`;
  rmSync(join(folder, script));
  rmSync(join(folder, program));
  writeFileSync(join(folder, names.core), core);
  writeFileSync(join(folder, names.rest), rest);
  writeFileSync(join(folder, name), code);
  const page = join(folder, 'index.html');
  const html = readFileSync(page, 'utf8').replaceAll(script, name).replaceAll(program, names.core);
  writeFileSync(page, html);
}

/** wasm-bindgen's script with the import `split.load`, and an export that fetches the rest ahead. */
function withLoader(code, rest) {
  const imports = 'const imports = __wbg_get_imports();';
  if (!code.includes(imports)) throw new Error(`wasm-bindgen writes its script differently now: no "${imports}"`);
  return `${code.replaceAll(imports, `${imports}\n    imports.split = { load: loadRest };`)}
const REST = new URL('${rest}', import.meta.url);

function putRest(made) {
    if (!wasm['split.ready'].value) {
        new WebAssembly.Instance(made, { c: wasm });
        wasm['split.ready'].value = 1;
    }
}

let compiled;

// Something of the rest was called and is not there yet: the call has to wait for it.
function loadRest() {
    if (compiled) return putRest(compiled);
    const request = new XMLHttpRequest();
    request.open('GET', REST, false);
    request.overrideMimeType('text/plain; charset=x-user-defined');
    request.send();
    if (request.status !== 200) throw new Error(\`\${REST} could not be loaded: \${request.status}\`);
    const text = request.responseText;
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
    putRest(new WebAssembly.Module(bytes));
}

/** Fetches the rest before it is called, also before there is a core. */
export async function prefetch() {
    compiled = await WebAssembly.compileStreaming(fetch(REST));
    if (wasm) putRest(compiled);
}
`;
}
