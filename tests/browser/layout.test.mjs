// How the page looks at sizes people have: nothing cut off, buttons large enough, and pictures to look at.

import { dots, draft, freeDot, node, panel, pause, run, runUntil, speed } from './lib/person.mjs';

const SIZES = [[320, 568], [360, 740], [640, 800], [1280, 800]];

/** A page that has run for a while, at rest. */
async function rested(t, options, path = '') {
  const page = await t.open(path, options);
  await speed(page, 1);
  await runUntil(page, 0.4);
  await pause(page);
  return page;
}

/** Page overflow and what sticks out of the window, not counting what lies in something that scrolls. */
function overflow(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
    const found = [];
    if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} px wide in ${clientWidth}`);
    if (scrollHeight > clientHeight) found.push(`the page is ${scrollHeight} px high in ${clientHeight}`);
    const scrolls = (element) => {
      for (let up = element.parentElement; up; up = up.parentElement) {
        if (up.id === 'canvas' || /auto|scroll/.test(getComputedStyle(up).overflow)) return true;
      }
      return false;
    };
    for (const element of document.querySelectorAll('.app *')) {
      const { left, right, top, bottom, width } = element.getBoundingClientRect();
      const style = getComputedStyle(element);
      const seen = width > 1 && style.visibility === 'visible' && style.opacity !== '0';
      const outside = right > clientWidth + 1 || left < -1 || bottom > clientHeight + 1 || top < -1;
      if (seen && outside && !scrolls(element)) {
        found.push(`${element.tagName.toLowerCase()}.${element.className.baseVal ?? element.className} sticks out`);
      }
    }
    return found;
  });
}

// The name of a component is no target of its own: the whole card is.
const ON_CARDS = '[data-node] button:not(.name), [data-node] input';
const OUTSIDE = ':is(button, select, input, summary, a[href]):not([data-node] *)';

/** Buttons and fields of this kind that are smaller than 24 by 24 on the screen. */
function small(page, selector) {
  return page.evaluate((selector) => {
    const found = [];
    for (const element of document.querySelectorAll(selector)) {
      const { width, height } = element.getBoundingClientRect();
      const style = getComputedStyle(element);
      if (width <= 1 || height <= 1 || style.visibility !== 'visible' || element.closest('[inert]')) continue;
      if (width < 23.5 || height < 23.5) {
        const name = element.getAttribute('aria-label') ?? element.textContent;
        found.push(`${element.tagName.toLowerCase()} '${name.trim()}' is ${width.toFixed(1)} x ${height.toFixed(1)}`);
      }
    }
    return found;
  }, selector);
}

const overloaded = {
  title: 'Too much for one', seed: 3, speed: 0.2,
  nodes: [
    { id: 'c', kind: 'clients', label: 'Clients', x: 0, y: 96, rate: 60 },
    { id: 'b', kind: 'balancer', label: 'Balancer', x: 272, y: 80 },
    { id: 's1', kind: 'server', label: 's1', x: 576, y: 0, service: 80, queue: 4 },
    { id: 's2', kind: 'server', label: 's2', x: 576, y: 176, service: 80, queue: 4 },
  ],
  links: [
    { from: 'c', to: 'b', latency_ms: 30 }, { from: 'b', to: 's1', latency_ms: 20 }, { from: 'b', to: 's2', latency_ms: 20 },
  ],
};

/** Pictures of the main views at a size, in a theme. */
const pictures = (theme, width, height) => async (t) => {
  const name = `${theme}-${width}x${height}`;
  const fresh = await t.open('', { theme, width, height });
  await t.eventually(async () => (await dots(fresh)).length > 2);
  await t.shot(fresh, `${name}-first-seconds`);
  await fresh.close();
  const page = await rested(t, { theme, width, height });
  await t.shot(page, name);
  const dot = await freeDot(page);
  await page.mouse.click(dot.x, dot.y);
  await t.shot(page, `${name}-request`);
  await node(page, 's1').click();
  await panel(page, 'Inspect');
  await t.shot(page, `${name}-inspect`);
  await panel(page, 'Outline');
  await t.shot(page, `${name}-outline`);
};

/** One visit at a size: at rest, with a request selected, and with each panel. */
const fits = (width, height) => async (t) => {
  const page = await rested(t, { width, height });
  const found = [];
  const look = async (what) => {
    found.push(...(await overflow(page)).map((words) => `${what}: ${words}`));
    found.push(...(await small(page, OUTSIDE)).map((words) => `${what}: ${words}`));
    const strip = await page.getByRole('slider', { name: 'Go to an earlier moment' }).boundingBox();
    const room = Math.min(strip.y + strip.height, height) - strip.y;
    if (room < 24) found.push(`${what}: the strip of time is ${room} px high`);
  };
  await look('at rest');
  const dot = await freeDot(page);
  await page.mouse.click(dot.x, dot.y);
  await t.eventually(async () => /#\d+/.test(await page.locator('#tag').textContent()));
  await look('with a request selected');
  for (const name of ['Request', 'Inspect', 'Outline']) {
    await panel(page, name);
    // A sheet slides in; where it comes to rest it must fit.
    await t.eventually(async () => (await overflow(page)).length === 0, { timeout: 2000 }).catch(() => {});
    await look(name);
  }
  t.equal([...new Set(found)], []);
};

export const tests = {
  ...Object.fromEntries(SIZES.map(([width, height]) => [`at ${width} x ${height} nothing overflows and all can be hit`, fits(width, height)])),

  'what a component shows lies within its card': async (t) => {
    const page = await t.open();
    await t.eventually(async () => (await dots(page)).length > 2);
    const outside = await page.evaluate(() => {
      const found = [];
      for (const card of document.querySelectorAll('#canvas [data-node]')) {
        const box = card.getBoundingClientRect();
        for (const part of card.querySelectorAll('.head, .name, .number, .rate, .row, .value, .cells, .detail')) {
          const { left, right, top, bottom, width } = part.getBoundingClientRect();
          const out = left < box.left - 1 || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1;
          if (width > 0 && out) found.push(`${card.dataset.node}: .${part.className} '${part.textContent}'`);
        }
        for (const row of card.querySelectorAll('.row')) {
          const [cells, value] = [row.querySelector('.cells'), row.querySelector('.value')];
          if (cells && value && cells.getBoundingClientRect().right > value.getBoundingClientRect().left + 0.5) {
            found.push(`${card.dataset.node}: cells lie under '${value.textContent}'`);
          }
        }
      }
      return found;
    });
    t.equal(outside, []);
  },

  'every button on a component is at least 24 by 24 at full size': async (t) => {
    const page = await rested(t, {});
    t.equal(await small(page, ON_CARDS), []);
  },

  'where the picture is small, what cannot be hit is not offered': async (t) => {
    for (const [width, height] of [[320, 568], [360, 740], [640, 800]]) {
      const page = await rested(t, { width, height });
      t.equal(await small(page, ON_CARDS), [], `${width} x ${height}`);
      await page.close();
    }
  },

  'on a phone the names of components can be read': async (t) => {
    const page = await rested(t, { width: 360, height: 740, touch: true });
    const { height } = await node(page, 's1').boundingBox();
    t.ok(height >= 10, `a line of text is ${height} px high`);
  },

  'every button in the settings and the dialogs is at least 24 by 24': async (t) => {
    const page = await rested(t, {});
    for (const name of ['Clients', 'Balancer', 's1']) {
      await node(page, name).click();
      t.equal(await small(page, OUTSIDE), [], name);
    }
    for (const name of ['Examples', 'Share', 'Keyboard shortcuts']) {
      await page.getByRole('button', { name, exact: true }).click();
      t.equal(await small(page, OUTSIDE), [], name);
      await page.getByRole('button', { name: 'Close', exact: true }).click();
    }
  },

  'at 320 wide everything can be reached': async (t) => {
    const page = await rested(t, { width: 320, height: 568, touch: true });
    for (const name of ['Share', 'Examples']) {
      await page.getByRole('button', { name, exact: true }).click();
      await page.getByRole('dialog').waitFor();
      t.equal(await overflow(page), []);
      await page.getByRole('button', { name: 'Close', exact: true }).click();
    }
    await page.getByRole('navigation', { name: 'Components' }).getByRole('button', { name: 'Add server' }).click();
    await node(page, 's4').waitFor();
    await panel(page, 'Outline');
    await page.getByRole('button', { name: 'Close the panel' }).click();
    await run(page);
  },

  'the window can change its size while it runs': async (t) => {
    const page = await t.open();
    for (const [width, height] of [[360, 740], [1280, 400], [900, 900], [640, 360], [1280, 800]]) {
      await page.setViewportSize({ width, height });
      await t.eventually(async () => (await overflow(page)).length === 0, { message: `${width} x ${height}` });
    }
    const { fits } = await page.evaluate(() => {
      const [canvas, dots] = [document.getElementById('canvas'), document.getElementById('dots')];
      return { fits: Math.abs(canvas.clientWidth - dots.getBoundingClientRect().width) < 1 };
    });
    t.ok(fits);
  },

  'pictures, light, 1280': pictures('light', 1280, 800),
  'pictures, dark, 1280': pictures('dark', 1280, 800),
  'pictures, light, 640': pictures('light', 640, 800),
  'pictures, dark, 640': pictures('dark', 640, 800),
  'pictures, light, 360': pictures('light', 360, 740),
  'pictures, dark, 360': pictures('dark', 360, 740),

  'pictures of embeds': async (t) => {
    for (const theme of ['light', 'dark']) {
      const page = await rested(t, { theme, width: 640, height: 360 }, '?embed');
      await t.shot(page, `embed-${theme}-640x360`);
      const dot = await freeDot(page);
      await page.mouse.click(dot.x, dot.y);
      await t.shot(page, `embed-${theme}-640x360-request`);
      t.equal(await overflow(page), []);
      await page.close();
    }
  },

  'pictures of what goes wrong': async (t) => {
    for (const theme of ['light', 'dark']) {
      const page = await t.open('', { theme, storage: draft(overloaded) });
      await page.getByRole('application').getByText(/queue full/).first().waitFor({ timeout: 20_000 });
      await t.shot(page, `queue-full-${theme}`);
      await page.getByRole('application').getByRole('button', { name: 'Kill s2' }).click();
      await page.getByRole('application').getByText('crashed', { exact: true }).waitFor();
      await t.eventually(async () => (await page.getByText(/connection lost/).count()) > 0, { timeout: 5000 }).catch(() => {});
      await t.shot(page, `crashed-${theme}`);
      await page.close();
    }
  },

  'pictures of dialogs': async (t) => {
    for (const [theme, width, height] of [['light', 1280, 800], ['dark', 360, 740]]) {
      const page = await rested(t, { theme, width, height });
      for (const name of ['Examples', 'Share']) {
        await page.getByRole('button', { name, exact: true }).click();
        await t.shot(page, `dialog-${name}-${theme}-${width}`);
        await page.getByRole('button', { name: 'Close', exact: true }).click();
      }
      await page.goto('about:blank');
      await page.goto(t.server.url('#s=1.AAAA'));
      await page.getByRole('dialog').waitFor();
      await t.shot(page, `dialog-broken-${theme}-${width}`);
      await page.close();
    }
  },

  'a picture after a minute': async (t) => {
    const page = await t.open('?preset=server-dies');
    await speed(page, 5);
    await runUntil(page, 30);
    await pause(page);
    await t.shot(page, 'after-30-s');
  },
};
