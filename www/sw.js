// Keeps the page for when there is no network. Files with a hash in their name never change; the rest is asked for first
// and taken from here when nobody answers. Registered for the page itself only, never inside somebody else's.

const KEPT = "switchyard-BUILD";
const FILES = [/* FILES */];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("switchyard-") && name !== KEPT;
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  const hashed = /-[0-9a-f]{16}(_bg)?\.\w+$/.test(pathname);
  const fromHere = () => caches.match(request, { ignoreSearch: true });
  const keep = (response) => {
    if (response.ok) {
      const copy = response.clone();
      event.waitUntil(caches.open(KEPT).then((cache) => cache.put(request, copy)));
    }
    return response;
  };
  event.respondWith(
    hashed
      ? fromHere().then((found) => found ?? fetch(request).then(keep))
      : fetch(request).catch(() => fromHere().then((found) => found ?? Response.error())),
  );
});
