import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { launch } from '/work/main/tests/browser/lib/browser.mjs';
import { servePages } from '/work/main/tests/browser/lib/server.mjs';
const T='/tmp/bench-target';
const [wasm=T+'/wasm32-unknown-unknown/release/switchyard_bench.wasm', native=T+'/release/measure', roundsS='7'] = process.argv.slice(2);
execFileSync('/work/main/node_modules/.bin/wasm-opt',['-O3','--enable-bulk-memory','--enable-mutable-globals','--enable-nontrapping-float-to-int','--enable-reference-types','--enable-sign-ext','--enable-multivalue',wasm,'-o','/tmp/opt.wasm']);
const server=await servePages({'/':await readFile('/work/main/benches/browser/page.html'),'/bench.wasm':await readFile('/tmp/opt.wasm')});
const names=JSON.parse(execFileSync(native,{encoding:'utf8'}));
const pick=['hand 1','hand 1, log','hand 4','M/M/1','M/M/4','M/M/1, 1 ms','M/M/4, 1 ms','two balancers'];
const b=await launch(); const page=await (await b.newContext()).newPage(); page.on('console',m=>console.log(m.text()));page.on('pageerror',m=>console.log(m));
await page.goto(server.url('/')+'index.html'); await page.waitForFunction('globalThis.measure');
const N=200000; const w={},n={};
for(const s of pick){await page.evaluate(([i,n])=>measure(i,n),[names.indexOf(s),N]);w[s]=[];n[s]=[];}
for(let r=0;r<+roundsS;r++)for(const s of pick){w[s].push((await page.evaluate(([i,n])=>measure(i,n),[names.indexOf(s),N])).seconds/N*1e9);
 n[s].push(JSON.parse(execFileSync(native,[s,String(N)],{encoding:'utf8'})).seconds/N*1e9);}
const med=a=>Math.min(...a);
for(const s of pick){const h=s.includes('4')?'hand 4':'hand 1';console.log(s.padEnd(15),'wasm',med(w[s]).toFixed(0).padStart(4),'ns/cust ratio',(med(w[h])/med(w[s])).toFixed(3),'| native',med(n[s]).toFixed(0).padStart(4),(med(n[h])/med(n[s])).toFixed(3),'| w/n',(med(n[s])/med(w[s])).toFixed(2));}
await b.close();await server.close();
