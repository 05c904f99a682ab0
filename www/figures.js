// Three figures drawn with the engine's functions, and a run: what figures.html shows.

import init, { cache, pick, place, preset, simulate } from "./switchyard.js";

/** A bar with its name and its number. */
function bar(into, name, share, words) {
  const row = document.createElement("p");
  const label = document.createElement("span");
  const track = document.createElement("span");
  const value = document.createElement("span");
  label.textContent = name;
  value.textContent = words;
  track.className = "bar";
  track.style.setProperty("--share", share);
  row.append(label, track, value);
  into.append(row);
}

await init();

const keys = Array.from({ length: 2000 }, (_, n) => `user:${n}`);
const nodes = ["a", "b", "c"];
for (const strategy of ["md5_mod", "ketama", "weighted_rendezvous", "jump", "maglev"]) {
  const { moved, ideal } = place({ strategy, nodes, then: [...nodes, "d"], keys });
  const words = `${moved}, a fair share is ${Math.round(ideal * keys.length)}`;
  bar(document.getElementById("moves"), strategy, moved / keys.length, words);
}

const servers = [{ name: "a", weight: 5 }, "b", "c"];
const { picks } = pick({ strategy: "smooth_weighted", servers, picks: 10 });
for (const { server, why } of picks) {
  const row = document.querySelector("#picks tbody").insertRow();
  row.insertCell().textContent = server;
  row.insertCell().textContent = why;
}

// The same keys every time: the square of a fixed sequence makes small numbers more frequent.
const asked = Array.from({ length: 20000 }, (_, n) => `user:${Math.floor(((n * 0.618034) % 1) ** 3 * 1000)}`);
for (const policy of ["lru", "sieve", "s3_fifo", "fifo"]) {
  for (const capacity of [50, 200]) {
    const { hit_ratio: ratio } = cache({ policy, capacity, keys: asked });
    bar(document.getElementById("hits"), `${policy}, ${capacity}`, ratio, `${(ratio * 100).toFixed(1)} %`);
  }
}

const { sent, completed, trace_hash: hash } = simulate(preset("first"), { seconds: 60, seed: 7 });
document.getElementById("run").textContent =
  `The first example for 60 s with seed 7: ${completed} of ${sent} requests answered. Hash of all events: ${hash}.`;
