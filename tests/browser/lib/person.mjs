// What a person does with the page and reads from it: by names, labels, words and places on the screen.

import { eventually } from './assert.mjs';

/** The number that follows in a text, as in `12 arrived`: number(text, /(\d+) arrived/). */
export function number(text, pattern) {
  const found = pattern.exec(text);
  if (!found) throw new Error(`'${text}' does not match ${pattern}`);
  return Number(found[1]);
}

/** Simulated seconds, as shown below the canvas. */
export async function seconds(page) {
  return number(await page.getByLabel('Simulated time').textContent(), /^(\d+\.\d+) s$/);
}

/** The conservation line: { sent, answered, failed, flying }. */
export async function tally(page) {
  const line = await page.getByText(/^\d+ sent = /).textContent();
  const found = /^(\d+) sent = (\d+) answered \+ (\d+) failed \+ (\d+) in flight$/.exec(line);
  if (!found) throw new Error(`not a conservation line: '${line}'`);
  const [sent, answered, failed, flying] = found.slice(1).map(Number);
  return { sent, answered, failed, flying };
}

/** Waits until the page has been running for so many simulated seconds. */
export async function runUntil(page, instant, timeout = 20_000) {
  const message = `simulated time never reached ${instant} s`;
  await eventually(async () => (await seconds(page)) >= instant, { timeout, message });
}

/** Presses Run or Pause, if that is not so already. */
export const run = (page) => press(page, 'Run', 'Pause');
export const pause = (page) => press(page, 'Pause', 'Run');

async function press(page, wanted, after) {
  const group = page.getByRole('group', { name: 'Run', exact: true });
  // A page that has only just opened may not have its buttons yet.
  await group.getByRole('button', { name: /^(Run|Pause)$/ }).waitFor();
  const button = group.getByRole('button', { name: wanted, exact: true });
  if ((await button.count()) > 0) await button.click();
  await group.getByRole('button', { name: after, exact: true }).waitFor();
}

export const restart = (page) => page.getByRole('button', { name: 'Back to the start' }).click();
export const step = (page) => page.getByRole('button', { name: 'One event on' }).click();
export const undo = (page) => page.getByRole('button', { name: 'Undo' });
export const redo = (page) => page.getByRole('button', { name: 'Redo' });

/** Simulated seconds in a second on the screen. */
export async function speed(page, factor) {
  await page.getByLabel('Speed').selectOption(String(factor));
}

/** Shows one of the panels: Request, Inspect, Outline. */
export async function panel(page, name) {
  const tab = page.getByRole('tab', { name });
  if (!(await tab.isVisible())) await page.getByRole('button', { name: 'Details' }).click();
  await tab.click();
}

/** A component in the outline, which must be shown. */
export function item(page, label) {
  const settings = page.getByRole('button', { name: `Settings of ${label}`, exact: true });
  return page.getByRole('list', { name: 'Components' }).locator('> li').filter({ has: settings });
}

/** What the outline says about a component. */
export async function words(page, label) {
  await panel(page, 'Outline');
  return (await item(page, label).locator('.words').textContent()).trim();
}

/** How many requests have arrived at a server, as the outline says. */
export async function arrived(page, label) {
  return number(await words(page, label), /(\d+) arrived/);
}

/** The handle of a component on the canvas: its name, which also says how it is. */
export function node(page, label) {
  const canvas = page.getByRole('application');
  const start = new RegExp(`^${label.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}, (clients|balancer|server):`);
  return canvas.getByRole('button', { name: start });
}

/** The card of a component on the screen: { x, y, width, height }. */
export async function card(page, label) {
  const box = await node(page, label).locator('xpath=ancestor::*[@data-node]').boundingBox();
  if (!box) throw new Error(`${label} is not on the screen`);
  return box;
}

/** Where requests leave a component, on the screen. */
export async function port(page, label) {
  const { x, y, width, height } = await card(page, label);
  return { x: x + width, y: y + height / 2 };
}

/** A quiet place on a component to click or take hold of: its left edge below the name. */
export async function grip(page, label) {
  const { x, y, height } = await card(page, label);
  return { x: x + 6, y: y + height * 0.8 };
}

/** Drags with the mouse, in steps as a hand does. */
export async function drag(page, from, to) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + (to.x - from.x) / 8, from.y + (to.y - from.y) / 8);
  await page.mouse.move(to.x, to.y, { steps: 8 });
  await page.mouse.up();
}

/** The middle of an element. */
export async function middle(locator) {
  const { x, y, width, height } = await locator.boundingBox();
  return { x: x + width / 2, y: y + height / 2 };
}

/** Pixels of the canvas with the moving dots that are not empty. */
export function inked(page) {
  return page.evaluate(() => {
    const canvas = document.getElementById('dots');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 3; at < data.length; at += 4) count += data[at] > 0 ? 1 : 0;
    return count;
  });
}

/** A dot that a person can hit: the rightmost that no component lies over. */
export async function freeDot(page) {
  const all = (await dots(page)).toSorted((a, b) => b.x - a.x);
  const free = await page.evaluate(
    (points) => points.find(({ x, y }) => !document.elementFromPoint(x, y)?.closest('[data-node]')),
    all,
  );
  if (!free) throw new Error(`none of ${all.length} dots is free`);
  return free;
}

/** Where dots are on the screen: the middle of each patch of ink of about the size of one dot. */
export function dots(page) {
  return page.evaluate(() => {
    const canvas = document.getElementById('dots');
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    const box = canvas.getBoundingClientRect();
    const ink = (at) => data[at * 4 + 3] > 60;
    const seen = new Uint8Array(width * height);
    const found = [];
    for (let start = 0; start < width * height; start += 1) {
      if (seen[start] || !ink(start)) continue;
      const stack = [start];
      seen[start] = 1;
      let [size, sumX, sumY] = [0, 0, 0];
      while (stack.length > 0) {
        const at = stack.pop();
        size += 1;
        sumX += at % width;
        sumY += Math.floor(at / width);
        for (const next of [at - 1, at + 1, at - width, at + width]) {
          if (next >= 0 && next < width * height && !seen[next] && ink(next)) {
            seen[next] = 1;
            stack.push(next);
          }
        }
      }
      const x = box.left + ((sumX / size + 0.5) / width) * box.width;
      const y = box.top + ((sumY / size + 0.5) / height) * box.height;
      found.push({ x, y, size });
    }
    return found.filter(({ size }) => size > 12);
  });
}

/** The share link of what is open. */
export async function shareLink(page) {
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  const link = await page.getByRole('textbox', { name: 'Link', exact: true }).inputValue();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  return link;
}

/** Opens one of the examples by its name. */
export async function example(page, title) {
  await page.getByRole('button', { name: 'Examples' }).click();
  await page.getByRole('dialog').getByRole('button', { name: title }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
}

/** What a screen reader was told last. */
export const said = (page) => page.locator('p[role=status]').textContent();

/** A sentence on the screen that can be dismissed; empty when there is none. */
export async function notice(page) {
  const words = page.getByRole('button', { name: 'Dismiss' }).locator('xpath=preceding-sibling::p');
  return (await words.allTextContents()).join(' ');
}

/** A draft as an earlier visit may have left it, for `open(path, { storage: draft({...}) })`. */
export function draft(scenario) {
  return { 'switchyard/draft': JSON.stringify({ schema: 'switchyard/1', ...scenario }) };
}

/** Runs a scenario, given as JSON, outside the page's own run: { events, trace_hash, sent, ... }. */
export async function simulate(page, json, time) {
  await page.waitForFunction(() => globalThis.wasmBindings);
  return page.evaluate(([json, time]) => {
    const plain = (value) => (value instanceof Map ? Object.fromEntries(value) : value);
    return plain(globalThis.wasmBindings.simulate(json, time));
  }, [json, time]);
}
