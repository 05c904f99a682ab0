// A plain folder of files is enough: under any path, from one origin, and fetched once.

import { dots, runUntil, seconds, shareLink } from './lib/person.mjs';

/** Opens a page that notes what it asks for, then goes to an address. */
async function watched(t, address) {
  const blank = await t.servePages({ '/': '<!doctype html><html lang="en"><title>Blank</title>' });
  const page = await t.open(blank.url('/'));
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(address);
  await runUntil(page, 0.05);
  return { page, asked };
}

export const tests = {
  'it works under a path, and its links lead there': async (t) => {
    const folder = await t.serveUnder('/courses/system-design/');
    const { page, asked } = await watched(t, folder.url(''));
    await t.eventually(async () => (await dots(page)).length > 0);
    const outside = asked.filter((url) => !url.startsWith(folder.url('')) && !url.startsWith('data:'));
    t.equal(outside.filter((url) => !url.endsWith('/favicon.ico')), []);
    const link = await shareLink(page);
    t.ok(link.startsWith(folder.url('#s=1.')), link);
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByText('Shared copy').waitFor();
  },

  'it asks nobody but its own origin for anything': async (t) => {
    const { page, asked } = await watched(t, t.server.url(''));
    await page.getByRole('button', { name: 'Examples' }).click();
    await page.locator('[data-preset=server-dies]').click();
    await runUntil(page, 0.2);
    const origins = new Set(asked.filter((url) => !url.startsWith('data:')).map((url) => new URL(url).origin));
    t.equal([...origins], [t.server.origin]);
    t.ok(asked.some((url) => url.endsWith('.wasm')) && asked.some((url) => url.endsWith('.woff2')));
  },

  'its letters are its own': async (t) => {
    const page = await t.open();
    await page.evaluate(() => document.fonts.ready.then(() => true));
    const loaded = await page.evaluate(() =>
      [...document.fonts].filter(({ status }) => status === 'loaded').map(({ family }) => family.replaceAll('"', '')),
    );
    t.ok(loaded.includes('Inter'), loaded.join());
  },

  'three embeds in one page fetch the program once': async (t) => {
    const folder = await t.serveUnder('/yard/');
    const frame = (n) => `<iframe title="Embed ${n}" src="${folder.url('?embed')}" width="600" height="220"></iframe>`;
    const host = await t.servePages({ '/': `<!doctype html><html lang="en"><title>Course</title>${[1, 2, 3].map(frame).join('')}` });
    const page = await t.open(host.url('/'));
    const frames = await t.eventually(() => {
      const all = page.frames().filter((one) => one.url().includes('?embed'));
      return all.length === 3 && all;
    });
    for (const one of frames) await one.getByLabel('Simulated time').waitFor({ timeout: 20_000 });
    await t.eventually(async () => (await seconds(frames[0])) > 0, { timeout: 15_000 });
    const times = (end) => folder.requests.filter((path) => path.endsWith(end)).length;
    const core = folder.requests.filter((path) => /\/app-.*\.wasm$/.test(path)).length;
    t.equal({ core, rest: times('.wasm') - core, page: times('/') }, { core: 1, rest: 1, page: 3 });
  },

  'the index names every other file relatively, and all of them are there': async (t) => {
    const folder = await t.serveUnder('/deep/er/');
    const html = await (await fetch(folder.url(''))).text();
    const named = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path);
    t.ok(named.length > 4);
    for (const path of named) {
      t.ok(!path.startsWith('/') && !/^https?:/.test(path), `${path} is not relative`);
      t.equal((await fetch(folder.url(path))).status, 200, path);
    }
  },
};
