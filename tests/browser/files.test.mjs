// Files and what is kept in the browser: saved, opened, dropped, refused; kept, opened, taken out, put back.

import { readFile, writeFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from './lib/person.mjs';

const two = JSON.stringify({
  schema: 'switchyard/1', title: 'Two of them', seed: 3,
  nodes: [{ id: 'c', kind: 'clients', label: 'Clients' }, { id: 's', kind: 'server', label: 'Server', x: 300 }],
  links: [{ from: 'c', to: 's' }],
});
const described = (page) => page.getByRole('application').getAttribute('aria-label');

async function examples(page) {
  await page.getByRole('button', { name: 'Examples' }).click();
  await page.getByRole('heading', { name: 'Yours' }).waitFor();
}

async function file(name, text) {
  const path = join(await mkdtemp(join(tmpdir(), 'switchyard-')), name);
  await writeFile(path, text);
  return path;
}

async function drop(page, name, text) {
  await page.evaluate(([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    const send = (kind) => window.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
    send('dragover');
    send('drop');
  }, [name, text]);
}

export const tests = {
  'a file that is saved opens as what it was, and the draft before is kept': async (t) => {
    const page = await t.open();
    await pause(page);
    await examples(page);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as a file' }).click(),
    ]);
    t.match(download.suggestedFilename(), /^[a-z0-9-]+\.switchyard\.json$/);
    const saved = await readFile(await download.path(), 'utf8');
    t.equal(JSON.parse(saved).nodes.length, 5);
    await page.locator('#open-file').setInputFiles(await file('two.json', two));
    await t.eventually(async () => /2 components, 1 wires/.test(await described(page)));
    t.equal(await page.getByLabel('Title of this scenario').inputValue(), 'Two of them');
    await examples(page);
    await page.getByRole('button', { name: /The draft before/ }).click();
    await t.eventually(async () => /5 components, 4 wires/.test(await described(page)));
  },

  'a file is dropped on the page; what is none is refused by name and reason, and changes nothing': async (t) => {
    const page = await t.open();
    await pause(page);
    const bad = [
      ['photo.png', '\u0089PNG\r\n', /photo.png cannot be opened: this is not JSON/i],
      ['other.json', '{"a":1}', /other.json cannot be opened: needs "schema"/i],
      ['newer.json', '{"schema":"switchyard/9"}', /newer version/],
      ['path.json', two.replace('"to":"s"', '"to":"q"'), /links\[0\]/],
      ['huge.json', 'x'.repeat(10_000_000), /larger than 2 MiB/],
    ];
    for (const [name, text, reason] of bad) {
      await drop(page, name, text);
      await page.locator('.notice').getByText(reason).waitFor();
      t.match(await described(page), /5 components, 4 wires/);
      await page.getByRole('button', { name: 'Dismiss' }).click();
    }
    await drop(page, 'two.json', two);
    await t.eventually(async () => /2 components, 1 wires/.test(await described(page)));
  },

  'several are kept by name, opened, taken out and put back': async (t) => {
    const page = await t.open();
    await pause(page);
    await examples(page);
    await page.getByRole('button', { name: 'Keep in this browser' }).click();
    const first = await page.getByLabel('Title of this scenario').inputValue();
    await page.getByRole('button', { name: `Take out ${first}` }).waitFor();
    await page.keyboard.press('Escape');
    await drop(page, 'two.json', two);
    await t.eventually(async () => /2 components/.test(await described(page)));
    await examples(page);
    await page.getByRole('button', { name: 'Keep in this browser' }).click();
    t.equal(await page.locator('.kept').count(), 2);
    await page.reload();
    await examples(page);
    t.equal(await page.locator('.kept').count(), 2);
    await page.getByRole('button', { name: 'Take out Two of them' }).click();
    t.equal(await page.locator('.kept').count(), 1);
    await page.getByRole('button', { name: 'Put it back' }).click();
    t.equal(await page.locator('.kept').count(), 2);
    await page.getByRole('button', { name: 'Rename Two of them' }).click();
    await page.getByRole('textbox', { name: 'Rename Two of them' }).fill('A pair');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Take out A pair' }).waitFor();
    // Another tab keeps one meanwhile: neither loses what the other kept.
    const other = await page.context().newPage();
    await other.goto(page.url());
    await pause(other);
    await other.getByLabel('Title of this scenario').fill('From the other tab');
    await other.getByLabel('Title of this scenario').blur();
    await examples(other);
    await other.getByRole('button', { name: 'Keep in this browser' }).click();
    await other.getByRole('button', { name: 'Take out From the other tab' }).waitFor();
    await page.getByRole('button', { name: 'Rename A pair' }).click();
    await page.getByRole('textbox', { name: 'Rename A pair' }).fill('Two again');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Take out From the other tab' }).waitFor();
    t.equal(await page.locator('.kept').count(), 3);
    await other.close();
    await page.locator('.kept').filter({ hasText: first }).getByRole('button').first().click();
    await t.eventually(async () => /5 components, 4 wires/.test(await described(page)));
  },
};
