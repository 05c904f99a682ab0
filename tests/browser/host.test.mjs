// A page around a frame: it orders, it is told, and nobody else is heard.

import { node, runUntil, seconds } from './lib/person.mjs';

/** A page of another origin with a frame, that keeps what it hears. */
async function host(t, query, { attributes = '', hash = '' } = {}) {
  const src = `${t.server.url('')}?embed&load=auto&${query}${hash}`.replaceAll('&', '&amp;');
  const body = `<iframe title="Yard" src="${src}" width="700" height="420" ${attributes}></iframe>
    <script>
      window.heard = [];
      addEventListener('message', ({ source, data, origin }) => {
        if (source === document.querySelector('iframe').contentWindow) window.heard.push({ ...data, origin });
      });
      window.say = (message) => document.querySelector('iframe').contentWindow.postMessage(message, '*');
    </script>`;
  const other = await t.servePages({ '/': `<!doctype html><html lang="en"><title>Course</title>${body}` });
  const page = await t.open(other.url('/'));
  await hear(t, page, 'ready');
  const frame = page.frames().find((one) => one.url().includes('?embed'));
  return { page, frame, origin: other.origin };
}

/** The last message of a type, when there is one. */
function hear(t, page, type, pick = 'true') {
  return t.eventually(
    () => page.evaluate(([wanted, code]) => window.heard.findLast((one) => one.type === wanted && new Function('one', `return ${code}`)(one)), [type, pick]),
    { timeout: 15_000, message: `${type} was not heard` },
  );
}

const say = (page, message) => page.evaluate((one) => window.say(one), message);
const order = (page, type, fields = {}) => say(page, { switchyard: 1, type, ...fields });

export const tests = {
  'a host that may orders everything, and is told what happens': async (t) => {
    const { page, frame } = await host(t, 'api=1&autoplay=0&preset=first');
    const ready = await hear(t, page, 'ready');
    t.equal([ready.switchyard, ready.api], [1, true]);
    t.ok(ready.title && ready.capabilities.includes('set') && ready.height >= 240, JSON.stringify(ready));
    await order(page, 'hello', { id: 'q1' });
    t.equal((await hear(t, page, 'ready', 'one.id')).id, 'q1');
    await hear(t, page, 'resize');

    await order(page, 'speed', { x: 1 });
    await order(page, 'run');
    await hear(t, page, 'state', 'one.running && one.t > 0.2');
    await hear(t, page, 'attempted', 'one.statement.verb.display["en-US"] === "attempted"');
    await order(page, 'subscribe', { metrics: true });
    await hear(t, page, 'metrics', 'one.sent > 0');
    await order(page, 'pause');
    await hear(t, page, 'state', '!one.running');

    await order(page, 'reset', { seed: 99 });
    await hear(t, page, 'state', 'one.t === 0 && one.seed === 99');
    await order(page, 'step', { n: 3 });
    await hear(t, page, 'state', 'one.t > 0');
    await order(page, 'seek', { t: 2.5 });
    await hear(t, page, 'state', 'one.t === 2.5');
    t.equal(await seconds(frame), 2.5);

    await order(page, 'set', { node: 'clients', param: 'rate', value: 7 });
    await hear(t, page, 'changed', 'one.s.startsWith("1.")');
    await hear(t, page, 'interacted');
    await order(page, 'get', { what: 'scenario', id: 5 });
    const scenario = await hear(t, page, 'got', 'one.what === "scenario"');
    t.equal([scenario.id, scenario.value.nodes.find(({ id }) => id === 'clients').rate], [5, 7]);
    await order(page, 'get', { what: 'svg' });
    t.match((await hear(t, page, 'got', 'one.what === "svg"')).value, /^<svg .*<metadata>switchyard:1\./);
    await order(page, 'get', { what: 'metrics' });
    t.ok((await hear(t, page, 'got', 'one.what === "metrics"')).value.sent > 0);

    await order(page, 'load', { scenario: { schema: 'switchyard/1', title: 'Sent', nodes: [{ id: 'c', kind: 'clients' }] } });
    await order(page, 'hello', { id: 'q2' });
    t.equal((await hear(t, page, 'ready', 'one.id === "q2"')).title, 'Sent');
  },

  'a host that may not is told so, and may look': async (t) => {
    const { page, frame } = await host(t, 'autoplay=0');
    const before = await seconds(frame);
    for (const type of ['run', 'pause', 'step', 'reset']) await order(page, type);
    await order(page, 'set', { node: 'clients', param: 'rate', value: 7 });
    t.equal((await hear(t, page, 'error')).code, 'not-allowed');
    t.equal(await seconds(frame), before);
    await order(page, 'get', { what: 'link' });
    t.match((await hear(t, page, 'got')).value, /^1\./);
  },

  'wrong messages are answered in words, and nonsense by nothing': async (t) => {
    const { page } = await host(t, 'api=1&autoplay=0');
    for (const nonsense of [null, 5, 'hello', [], {}, { switchyard: 2, type: 'run' }, { type: 'run' }, { switchyard: 1n }]) {
      await page.evaluate((one) => window.say(one), nonsense);
    }
    const cases = [
      ['explode', {}, 'bad-message'],
      ['speed', { x: 'fast' }, 'bad-message'],
      ['set', { node: 'nobody', param: 'rate', value: 1 }, 'refused'],
      ['set', { node: 'clients', param: 'rate', value: -5 }, 'refused'],
      ['load', { s: '9.AAAA' }, 'link-too-new'],
      ['load', { s: '1.AAAA' }, 'link-damaged'],
      ['load', { scenario: { nodes: 3 } }, 'scenario-invalid'],
    ];
    for (const [place, [type, fields, code]] of cases.entries()) {
      await order(page, type, { ...fields, id: `wrong${place}` });
      const error = await hear(t, page, 'error', `one.id === "wrong${place}"`);
      t.equal(error.code, code, JSON.stringify(error));
      t.ok(error.text.length > 10);
    }
    const errors = await page.evaluate(() => window.heard.filter(({ type }) => type === 'error').length);
    t.equal(errors, cases.length);
  },

  'with an origin only that origin is heard': async (t) => {
    const { page, frame } = await host(t, `api=1&autoplay=0&origin=${encodeURIComponent('https://lms.example')}`).catch(() => ({}));
    // The frame tells nobody else either, so the host hears no "ready".
    t.equal(page, undefined);
    t.equal(frame, undefined);
    const open = await host(t, 'api=1&autoplay=0');
    const right = await t.servePages({ '/': '<!doctype html><html lang="en"><title>x</title>' });
    t.ok(right.origin !== open.origin);
  },

  'a frame inside another cannot be ordered by a stranger beside it': async (t) => {
    const { page, frame } = await host(t, 'api=1&autoplay=0');
    const before = await seconds(frame);
    await page.evaluate(() => {
      const stranger = document.createElement('iframe');
      stranger.srcdoc = '<script>parent.frames[0].postMessage({ switchyard: 1, type: "step", n: 50 }, "*")</' + 'script>';
      document.body.append(stranger);
    });
    await page.waitForTimeout(500);
    t.equal(await seconds(frame), before);
  },

  'reveal.js shows and leaves a slide': async (t) => {
    const { page } = await host(t, 'autoplay=0');
    await say(page, 'slide:start');
    await hear(t, page, 'state', 'one.running');
    await say(page, 'slide:stop');
    await hear(t, page, 'state', '!one.running');
  },

  'H5P and LTI hear how high it would like to be': async (t) => {
    const { page } = await host(t, 'autoplay=0&resize=1');
    const found = (code) => t.eventually(() => page.evaluate((text) => window.heard.find(new Function('one', `return ${text}`)), code));
    t.ok((await found('one.subject === "lti.frameResize"')).height >= 240);
    t.ok((await found('one.subject === "org.imsglobal.lti.frameResize"')).height >= 240);
    await say(page, { context: 'h5p', action: 'hello' });
    await found('one.context === "h5p" && one.action === "hello"');
    await say(page, { context: 'h5p', action: 'resizePrepared' });
    t.ok((await found('one.context === "h5p" && one.action === "resize"')).scrollHeight >= 240);
  },

  'the host hears completed from a sandboxed frame, with a statement': async (t) => {
    const { page, frame } = await host(t, 'until=0.4&speed=1&autoplay=1', { attributes: 'sandbox="allow-scripts"' });
    const completed = await hear(t, page, 'completed');
    t.equal(completed.origin, 'null');
    t.equal(completed.statement.result, { completion: true, duration: 'PT0.4S' });
    t.equal(completed.statement.verb.id, 'http://adlnet.gov/expapi/verbs/completed');
    t.equal(await seconds(frame), 0.4);
    await hear(t, page, 'state', '!one.running');
  },

  'a snippet from the dialog runs sandboxed in a bare page of another origin, which hears completed': async (t) => {
    const builder = await t.open('?autoplay=0');
    await builder.getByRole('button', { name: 'Share', exact: true }).click();
    await builder.getByRole('tab', { name: 'Embed' }).click();
    await builder.getByText('What it looks like and what may be done in it').click();
    await builder.getByLabel('until', { exact: true }).fill('0.5');
    await builder.getByLabel('speed', { exact: true }).fill('1');
    await builder.getByRole('checkbox', { name: 'In a sandbox' }).check();
    const snippet = await builder.getByLabel('Embed in a page').inputValue();
    const listen = '<script>heard = []; addEventListener("message", ({ data, origin }) => heard.push({ ...data, origin }))</' + 'script>';
    const other = await t.servePages({ '/': `<!doctype html><html lang="en"><title>Course</title>${listen}${snippet}` });
    const page = await t.open(other.url('/'));
    const completed = await t.eventually(() => page.evaluate(() => globalThis.heard.find(({ type }) => type === 'completed')), { timeout: 20_000 });
    t.equal([completed.origin, completed.statement.result.duration], ['null', 'PT0.5S']);
  },

  'the element has methods and events, and a link where there are no scripts': async (t) => {
    const base = t.server.url('');
    const body = `<switch-yard preset="first" autoplay="0" load="auto" title="By element" edit="none">
      <a href="${base}">Open it</a></switch-yard>`;
    const other = await t.servePages({
      '/': `<!doctype html><html lang="en"><title>Course</title><script src="${base}embed.js" async></script>${body}`,
      '/bare': `<!doctype html><html lang="en"><title>Course</title>${body}`,
    });
    const page = await t.open(other.url('/'));
    const element = page.locator('switch-yard');
    await element.locator('iframe').waitFor();
    t.equal(await element.locator('iframe').getAttribute('title'), 'By element');
    const told = await element.evaluate(async (yard) => {
      const next = (type, wanted = () => true) => new Promise((done) => {
        const listen = ({ detail }) => {
          if (!wanted(detail)) return;
          yard.removeEventListener(type, listen);
          done(detail);
        };
        yard.addEventListener(type, listen);
      });
      yard.set('clients', 'rate', 11);
      yard.seek(1.5);
      const there = next('state', ({ t }) => t === 1.5);
      const { t: at } = await there;
      const scenario = await yard.get('scenario');
      const wrong = await yard.get('cookies').catch((error) => error.message);
      return { title: scenario.title, at, rate: scenario.nodes[0].rate, wrong };
    });
    t.ok(told.title.length > 3);
    t.equal([told.at, told.rate], [1.5, 11]);
    t.match(told.wrong, /what must be/);
    const bare = await t.open(other.url('/bare'));
    t.equal(await bare.getByRole('link', { name: 'Open it' }).getAttribute('href'), base);
  },

  'a poster is there before the program, and loads it when Run is pressed': async (t) => {
    const folder = await t.serveUnder('/yard/');
    const first = await t.open('?autoplay=0');
    await first.getByLabel('Title of this scenario').fill('A <b>title</b>');
    await first.getByRole('button', { name: 'Share', exact: true }).click();
    const link = await first.getByRole('textbox', { name: 'Link', exact: true }).inputValue();
    const page = await t.open(`${folder.url('?embed&load=click')}${new URL(link).hash}`);
    await page.getByRole('heading', { name: 'A <b>title</b>' }).waitFor();
    await page.getByText('5 components, 4 wires').waitFor();
    t.equal([await page.locator('#poster rect').count(), await page.locator('#poster path').count()], [5, 4]);
    await t.shot(page, 'poster');
    t.equal(folder.requests.filter((path) => path.endsWith('.wasm')), []);
    await page.getByRole('button', { name: 'Run' }).click();
    await runUntil(page, 0.05);
    t.equal(folder.requests.filter((path) => path.endsWith('.wasm')).length, 1);
  },

  'eight embeds load the program once, and those out of sight not at all': async (t) => {
    const folder = await t.serveUnder('/yard/');
    const frame = (n) => `<iframe title="Embed ${n}" src="${folder.url('?embed')}" width="600" height="240" style="display:block"></iframe>`;
    const all = Array.from({ length: 8 }, (_, n) => frame(n)).join('<div style="height:300px"></div>');
    const other = await t.servePages({ '/': `<!doctype html><html lang="en"><title>Course</title>${all}` });
    const page = await t.open(other.url('/'));
    const frames = await t.eventually(() => {
      const found = page.frames().filter((one) => one.url().includes('?embed'));
      return found.length === 8 && found;
    });
    await runUntil(frames[0], 0.05);
    const last = frames[7];
    await last.getByRole('button', { name: 'Run' }).waitFor();
    t.equal(await last.evaluate(() => Boolean(globalThis.wasmBindings)), false);
    // What is out of sight asks for no frame of its own.
    const asked = await last.evaluate(() => new Promise((done) => {
      let count = 0;
      const own = globalThis.requestAnimationFrame;
      globalThis.requestAnimationFrame = (...given) => ((count += 1), own(...given));
      setTimeout(() => done(count), 800);
    }));
    t.equal(asked, 0);
    for (const one of frames) await one.locator('html').evaluate((root) => root.scrollIntoView());
    await page.locator('iframe').last().scrollIntoViewIfNeeded();
    await runUntil(last, 0.05);
    t.equal(folder.requests.filter((path) => /app-.*\.wasm$/.test(path)).length, 1);
  },

  'what may be changed is as the address says': async (t) => {
    const none = await t.open('?embed&load=auto&edit=none&autoplay=0&panels=inspect');
    await node(none, 's1').click();
    await none.getByRole('button', { name: 'Kill s2' }).first().click();
    await none.getByText(/nothing in it may be changed/).first().waitFor();

    const params = await t.open('?edit=params&autoplay=0');
    await node(params, 's1').click();
    await params.keyboard.press('Delete');
    t.match(await params.getByRole('application').getAttribute('aria-label'), /5 components/);
    t.equal(await params.getByRole('navigation').count(), 0);
    await params.getByRole('button', { name: 'Kill s2' }).first().click();

    const locked = await t.open('?locked=s1&autoplay=0');
    await node(locked, 's1').click();
    await locked.keyboard.press('Delete');
    await locked.getByText(/s1: is locked/i).first().waitFor();
    await node(locked, 's2').click();
    await locked.keyboard.press('Delete');
    t.match(await locked.getByRole('application').getAttribute('aria-label'), /4 components/);
  },

  'a changed embed can be put back as it came': async (t) => {
    const page = await t.open('?embed&load=auto&autoplay=0&edit=all');
    await node(page, 's2').click();
    await page.keyboard.press('Delete');
    t.match(await page.getByRole('application').getAttribute('aria-label'), /4 components/);
    await page.getByRole('button', { name: 'Reset' }).click();
    t.match(await page.getByRole('application').getAttribute('aria-label'), /5 components/);
    t.equal(await page.getByRole('button', { name: 'Reset' }).count(), 0);
  },

  'odd options mean the default, and are told': async (t) => {
    const page = await t.open('?embed&load=auto&colour=red&speed=fast&ui=tiny&preset=nothing');
    await page.getByText(/there is no example nothing/).first().waitFor();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await runUntil(page, 0.02);
    const other = await t.open('?embed&load=auto&colour=red&speed=fast');
    await other.getByText(/The option colour is unknown here\. speed=fast is not understood/).first().waitFor();
    await runUntil(other, 0.02);
  },
};
