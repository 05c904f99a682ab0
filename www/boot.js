// Opens the page. By itself it starts the program at once. In a frame (`?embed`) it first shows a poster drawn from the
// link, without the program, and starts it when the frame is seen (`load=visible`), when somebody presses Run
// (`load=click`), or at once (`load=auto`).

const tag = document.querySelector("script[data-js]");
const query = new URLSearchParams(location.search);
const isOn = (name) => query.has(name) && !["0", "false", "no"].includes(query.get(name));

let started;
/** Loads and starts the program, once. */
function start() {
  started ??= (async () => {
    document.documentElement.dataset.load = "running";
    const program = fetch(new URL(tag.dataset.wasm, document.baseURI));
    const bindings = await import(new URL(tag.dataset.js, document.baseURI));
    // A page of its own will be worked in: it takes all of the program at once. A frame takes the rest when it needs it.
    if (!isOn("embed")) await bindings.prefetch?.();
    const wasm = await bindings.default({ module_or_path: program });
    window.wasmBindings = bindings;
    dispatchEvent(new CustomEvent("TrunkApplicationStarted", { detail: { wasm } }));
    // Whoever reaches for a frame will do something in it for which the rest is needed.
    let asked;
    const ahead = () => (asked ??= bindings.prefetch?.());
    for (const name of ["pointerenter", "pointerdown", "focusin"]) document.documentElement.addEventListener(name, ahead, { once: true });
    // Only for the page itself: a frame leaves nothing behind on other sites.
    if (tag.dataset.worker && !isOn("embed") && top === self && isSecureContext) navigator.serviceWorker?.register(tag.dataset.worker).catch(() => {});
  })();
  return started.catch((error) => {
    const line = document.querySelector("#poster p");
    if (line) line.textContent = `The program could not be loaded: ${error.message}`;
    throw error;
  });
}

// The theme is there before the program is: nothing flashes.
let kept;
try {
  if (!isOn("embed")) kept = localStorage.getItem("switchyard/theme");
} catch {
  // Without storage the system decides.
}
const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
const wanted = [query.get("theme"), kept].find((name) => ["light", "dark", "projector"].includes(name));
document.documentElement.dataset.theme = wanted ?? dark;

if (isOn("embed")) {
  poster();
} else {
  // The page counts as loaded when there is something to work with.
  await start();
}

async function poster() {
  const place = document.getElementById("poster");
  place.classList.add("asks");
  const payload = /[#&]s=([^&]*)/.exec(location.hash)?.[1];
  const scenario = payload && (await read(payload).catch(() => undefined));
  const title = document.createElement("h1");
  title.textContent = scenario?.title || "Switchyard";
  const facts = document.createElement("p");
  if (scenario) facts.textContent = `${count(scenario.nodes, "component")}, ${count(scenario.links, "wire")}`;
  const run = document.createElement("button");
  run.type = "button";
  run.textContent = "Run";
  run.addEventListener("click", () => {
    document.documentElement.dataset.run = "";
    run.textContent = "Loading\u2026";
    start();
  });
  place.replaceChildren(title, ...(scenario?.nodes.length ? [sketch(scenario)] : []), facts, run);
  dispatchEvent(new Event("poster"));
  if (query.get("load") === "auto") start();
  else if (query.get("load") !== "click") {
    new IntersectionObserver((entries, observer) => {
      if (entries.at(-1).isIntersecting) {
        observer.disconnect();
        start();
      }
    }).observe(document.documentElement);
  }
}

const count = (list, word) => `${list.length} ${word}${list.length === 1 ? "" : "s"}`;

/** The graph as a drawing: a box a node, a line a wire. */
function sketch({ nodes, links }) {
  const wide = 132, high = 64, edge = 24;
  const xs = nodes.map(({ x }) => x), ys = nodes.map(({ y }) => y);
  const left = Math.min(...xs) - edge, top = Math.min(...ys) - edge;
  const across = Math.max(...xs) + wide + edge - left, down = Math.max(...ys) + high + edge - top;
  const element = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const picture = element("svg", { viewBox: `${left} ${top} ${across} ${down}`, "aria-hidden": "true" });
  for (const { from, to } of links) {
    const [a, b] = [nodes[from], nodes[to]];
    if (!a || !b) continue;
    const [x1, y1, x2, y2] = [a.x + wide, a.y + high / 2, b.x, b.y + high / 2];
    const bend = Math.max(40, Math.abs(x2 - x1) / 2);
    picture.append(element("path", { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }));
  }
  for (const { x, y, label } of nodes) {
    picture.append(element("rect", { x, y, width: wide, height: high, rx: 10 }));
    const words = element("text", { x: x + wide / 2, y: y + high / 2 + 5 });
    words.textContent = label.length > 16 ? `${label.slice(0, 15)}\u2026` : label;
    picture.append(words);
  }
  return picture;
}

/** As much of a link as the poster shows. The forms 1 and 2 are frozen: scenario/wire.rs. */
async function read(payload) {
  const [version, text] = decodeURIComponent(payload).split(".");
  if (!["1", "2"].includes(version) || text.length > 65536) throw new Error("not for this poster");
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const stored = bytes.subarray(5);
  const body = bytes[0] === 1 ? await inflate(stored) : stored;
  let at = 0;
  // Whole numbers, seven bits a byte; small enough here to count in doubles.
  const whole = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = body[at++];
      if (byte === undefined) throw new Error("cut off");
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  const signed = () => {
    const value = whole();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  };
  const words = () => {
    const size = whole();
    at += size;
    return new TextDecoder().decode(body.subarray(at - size, at));
  };
  const number = () => (whole() === 0 ? whole() : (at += 8));
  const settings = [number, () => at++, () => at++, words];
  const list = (one) => Array.from({ length: Math.min(whole(), 2000) }, one);
  const title = words();
  words();
  whole();
  number();
  const nodes = list(() => {
    at += 1;
    const id = words();
    const label = body[at++] ? words() : id;
    const [x, y] = [signed(), signed()];
    list(() => {
      at += 1;
      settings[whole()]();
    });
    return { label, x, y };
  });
  const links = list(() => {
    const [from, to] = [whole(), whole()];
    number();
    number();
    return { from, to };
  });
  return { title, nodes, links };
}

async function inflate(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > 262144) throw new Error("too large");
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
