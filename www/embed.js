// How to use this: embedding.html
(() => {
  const base = new URL("./", document.currentScript.src);
  const own = ["s", "title", "height", "style", "class", "id", "sandboxed"];
  let last = 0;

  class SwitchYard extends HTMLElement {
    #frame;
    #asked = new Map();
    #early = [];

    connectedCallback() {
      if (this.#frame) return;
      const query = new URLSearchParams({ embed: 1, api: 1 });
      if (location.origin !== "null") query.set("origin", location.origin);
      for (const { name, value } of this.attributes) if (!own.includes(name)) query.set(name, value);
      const frame = (this.#frame = document.createElement("iframe"));
      const s = this.getAttribute("s");
      frame.src = `${base}?${query}${s ? `#s=${s}` : ""}`;
      frame.title = this.title || "Switchyard";
      frame.loading = "lazy";
      frame.allow = "fullscreen; clipboard-write";
      if (this.hasAttribute("sandboxed")) frame.sandbox = "allow-scripts allow-popups";
      frame.height = this.getAttribute("height") || 480;
      frame.style = "display:block;width:100%;border:0;border-radius:12px";
      this.replaceChildren(frame);
      addEventListener("message", this);
    }

    disconnectedCallback() {
      removeEventListener("message", this);
      this.#frame = undefined;
      this.#early = [];
    }

    handleEvent({ source, data }) {
      if (source !== this.#frame?.contentWindow || data?.switchyard !== 1) return;
      const answer = this.#asked.get(data.id);
      if (answer) {
        this.#asked.delete(data.id);
        if (data.type === "error") answer[1](Error(data.text));
        else answer[0](data.value);
      }
      if (data.type === "ready" && this.#early) {
        this.#post({ switchyard: 1, type: "hello" });
        this.#early.forEach((note) => this.#post(note));
        this.#early = undefined;
      }
      if (data.type === "resize" && !this.hasAttribute("height")) this.#frame.height = data.height;
      this.dispatchEvent(new CustomEvent(data.type, { detail: data }));
    }

    #post(note) {
      this.#frame?.contentWindow.postMessage(note, this.#frame.sandbox.length ? "*" : base.origin);
    }

    send(type, fields) {
      const note = { switchyard: 1, type, ...fields };
      if (this.#early) this.#early.push(note);
      else this.#post(note);
    }

    get(what) {
      const id = `sy${(last += 1)}`;
      return new Promise((...answer) => {
        this.#asked.set(id, answer);
        this.send("get", { what, id });
      });
    }

    load(s) {
      this.send("load", s.nodes ? { scenario: s } : { s });
    }
  }
  const orders = { run: "", pause: "", step: "n", reset: "seed", seek: "t", speed: "x", set: "node param value", subscribe: "metrics" };
  for (const [name, fields] of Object.entries(orders)) {
    SwitchYard.prototype[name] = function (...given) {
      this.send(name, Object.fromEntries(fields.split(" ").map((field, at) => [field, given[at]])));
    };
  }
  customElements.define("switch-yard", SwitchYard);
})();
