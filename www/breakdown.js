// The page that is shown when the program has broken down. It stands apart from the program,
// because nothing of the program runs any more then.
(() => {
  const byId = (id) => document.getElementById(id);
  byId("breakdown-reload").addEventListener("click", () => location.reload());
  byId("breakdown-fresh").addEventListener("click", () => {
    location.href = location.pathname + "?preset=first";
  });
  byId("breakdown-copy").addEventListener("click", async (event) => {
    const text = byId("breakdown-text");
    try {
      await navigator.clipboard.writeText(text.textContent);
      event.target.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      event.target.textContent = "Press Ctrl+C";
    }
  });
  // A modal dialog would lie over the page and take the keyboard.
  new MutationObserver(() => {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    byId("breakdown-reload").focus();
  }).observe(byId("breakdown"), { attributes: true, attributeFilter: ["hidden"] });
  addEventListener("error", (event) => {
    const isOurs = String(event.message).includes("unreachable") || event.error instanceof WebAssembly.RuntimeError;
    if (isOurs) {
      byId("breakdown").hidden = false;
      if (!byId("breakdown-text").textContent) {
        byId("breakdown-text").textContent = `${event.message}\n${event.error && event.error.stack}`;
      }
    }
  });
})();
