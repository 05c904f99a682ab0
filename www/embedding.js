// The live examples of embedding.html: each is made from the very lines that stand below it.

const base = new URL("./", location.href).href;

/** The HTML of an example as a page would get it; what React writes differently is put right. */
function asHtml(code) {
  return code
    .replace(/style=\{\{[^}]*\}\}/, 'style="border:0;border-radius:12px"')
    .replace("allowFullScreen />", "allowfullscreen></iframe>")
    .replace("data-src=", "src=");
}

for (const section of document.querySelectorAll("section")) {
  const live = section.querySelector(".live");
  const code = section.querySelector("pre code");
  if (!live) continue;
  code.textContent = code.textContent.replaceAll("BASE", base);
  const made = new DOMParser().parseFromString(asHtml(code.textContent), "text/html").querySelector("iframe, switch-yard");
  live.append(document.importNode(made, true));
}

const element = document.querySelector("#element switch-yard");
const told = document.querySelector("#element output");
for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => element[button.dataset.do]());
element.addEventListener("state", ({ detail }) => {
  told.textContent = `${detail.running ? "running" : "paused"} at ${detail.t.toFixed(3)} s`;
});

const slide = document.querySelector("#reveal iframe");
for (const button of document.querySelectorAll("[data-say]")) {
  button.addEventListener("click", () => slide.contentWindow.postMessage(button.dataset.say, "*"));
}

const boxed = document.querySelector("#sandbox iframe");
const heard = document.querySelector("#sandbox output");
addEventListener("message", ({ source, data }) => {
  if (source === boxed.contentWindow && data?.switchyard === 1 && data.statement) {
    heard.textContent = `heard: ${data.type}, ${data.statement.result.duration}`;
  }
});
