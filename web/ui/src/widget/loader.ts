// The widget's small first part, /widget.js: the button, the frame around the chat, and the functions that the page calls.
// It works as a plain script and as a module. The chat itself is fetched when it is first wanted. No markup is made from
// text and no style is an attribute, so that the strictest policies of other pages (CSP, trusted types) need no exception.

import type { Context, Events, Options } from "../../packages/widget/index";
import type { Mode } from "./adapt.ts";
import { palette, parse } from "./colour.ts";
import type { Mounted } from "./embed.tsx";
import css from "./launcher.css?inline";
import { launcher as texts } from "./words.ts";

/** Where the chat's own part is; the build puts it in. */
declare const __EMBED__: string;
declare const __PARTS__: string[];

type Settings = Options & { site: string };
type Listener = (detail: unknown) => void;
type Api = ((command: string, ...args: unknown[]) => void) & { q?: ArrayLike<unknown>[]; started?: boolean };

/** What a site says about the button; the server answers with it. */
interface Theme {
  color?: string;
  mode?: Mode;
  position?: "start" | "end";
  offset_x?: number;
  offset_y?: number;
  label?: string;
}

const tag = "firstline-chat";
const page = window as unknown as { Firstline?: Api };
const before = page.Firstline;
const script = document.currentScript as HTMLScriptElement | null;

function begin(): void {
  const waiting = [...(before?.q ?? [])].map((c) => [...(c as ArrayLike<unknown> & Iterable<unknown>)]);
  const listeners = new Map<string, Set<Listener>>();
  let widget: Widget | undefined;

  const emit = (event: string, detail?: unknown) => {
    for (const l of [...(listeners.get(event) ?? [])]) {
      try {
        l(detail);
      } catch (err) {
        setTimeout(() => {
          throw err; // the page's own mistake, for the page's own console
        });
      }
    }
  };
  const later: unknown[][] = [];
  const api: Api = (command, ...args) => {
    if (command === "on" && typeof args[1] === "function") {
      const set = listeners.get(String(args[0])) ?? new Set();
      listeners.set(String(args[0]), set.add(args[1] as Listener));
      if (args[0] === "ready" && widget) (args[1] as Listener)(undefined);
    } else if (command === "off") listeners.get(String(args[0]))?.delete(args[1] as Listener);
    else if (command === "init") {
      if (!widget) start(args[0] as Settings);
    } else if (widget) widget.command(command, args);
    else later.push([command, ...args]);
  };
  api.started = true;
  page.Firstline = api;

  function start(o: Settings): void {
    if (widget) return;
    widget = new Widget(o, emit);
    widget.show();
    for (const [command, ...args] of later.splice(0)) widget.command(String(command), args);
  }

  for (const [command, ...args] of waiting) api(String(command), ...args);
  if (!widget && script?.src) {
    const d = script.dataset;
    start({
      origin: new URL(script.src).origin,
      site: d.site ?? "",
      locale: d.locale,
      market: d.market,
      audience: d.audience as Options["audience"],
      article: d.article,
      launcher: d.launcher !== "none",
    });
  }
}

function el<K extends keyof HTMLElementTagNameMap>(name: K, cls: string, text = ""): HTMLElementTagNameMap[K] {
  const e = document.createElement(name);
  e.className = cls;
  e.textContent = text;
  return e;
}

function bubble(): SVGElement {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const set = (e: Element, o: Record<string, string>) => Object.entries(o).forEach(([k, v]) => e.setAttribute(k, v));
  set(svg, { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" });
  const path = document.createElementNS(ns, "path");
  set(path, { d: "M5 5h14v11h-8l-4 3.5V16H5V5Z" });
  svg.append(path);
  return svg;
}

const phone = () => matchMedia("(max-width: 520px), (max-height: 460px)").matches;

class Widget {
  private readonly host: HTMLElement;
  private readonly root: ShadowRoot;
  private readonly button = el("button", "launch right");
  private readonly label = el("span", "label");
  private readonly badge = el("span", "badge");
  private readonly box = el("div", "box right");
  private app = el("div", "app");
  private readonly theme = new CSSStyleSheet();
  private readonly prefix: string;
  private words = texts.en!;
  private mode: Mode = "auto";
  private mounted?: Mounted;
  private loading?: Promise<void>;
  private opened = false;
  private unread = 0;
  private ready = false;
  private wanted = true;
  private returned = 0;
  private context: Context = {};
  private token = "";

  constructor(
    private readonly o: Settings,
    private readonly emit: (event: string, detail?: unknown) => void,
  ) {
    this.prefix = `firstline.${o.site || "widget"}.`;
    if (!customElements.get(tag)) {
      const gone = () => this.gone();
      customElements.define(
        tag,
        class extends HTMLElement {
          disconnectedCallback() {
            gone();
          }
        },
      );
    }
    this.host = document.createElement(tag);
    this.root = this.host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.root.adoptedStyleSheets = [sheet, this.theme];
    this.build();
    void this.settings();
  }

  private build(): void {
    const { button, box, badge } = this;
    button.type = "button";
    button.append(bubble(), this.label, badge);
    button.setAttribute("aria-haspopup", "dialog");
    button.hidden = true; // until its colours are known
    badge.hidden = true;
    this.label.hidden = true;
    box.hidden = true;
    box.tabIndex = -1;
    box.setAttribute("role", "dialog");
    button.addEventListener("click", () => this.toggle());
    // The chat comes while the finger is still on its way.
    for (const e of ["pointerenter", "focus"]) button.addEventListener(e, () => void this.load().catch(() => {}), { once: true });
    this.root.append(button, box);
    this.language();
    // Captured, because dialogs and menus within have keys of their own; not let out, because pages have shortcuts of theirs.
    this.root.addEventListener("keydown", (e) => this.key(e as KeyboardEvent), true);
    for (const e of ["keydown", "keypress", "keyup"]) this.root.addEventListener(e, (ev) => ev.stopPropagation());
    const view = window.visualViewport;
    for (const e of ["resize", "scroll"]) view?.addEventListener(e, () => this.fit());
  }

  private language(): void {
    const wish = [this.o.locale, ...navigator.languages].map((l) => (l ?? "").toLowerCase().split("-")[0] ?? "");
    const language = wish.find((l) => texts[l]) ?? "en";
    this.words = texts[language] ?? this.words;
    for (const e of [this.button, this.box]) {
      e.lang = language;
      e.dir = language === "ar" ? "rtl" : "ltr";
    }
    this.box.setAttribute("aria-label", this.label.textContent || "Chat");
    this.say();
  }

  /** Asks the server how the site wants its button. */
  private async settings(): Promise<void> {
    let theme: Theme = {};
    try {
      const res = await fetch(`${this.o.origin}/v1/config${this.o.site ? `?site=${encodeURIComponent(this.o.site)}` : ""}`, { credentials: "omit", cache: "no-store" });
      if (!res.ok) throw new Error(String(res.status));
      theme = ((await res.json()) as { site?: { theme?: Theme } }).site?.theme ?? {};
    } catch {
      // No answer, or this page's origin is not among the site's: the button would lead nowhere.
      console.warn(`Firstline: ${this.o.origin} does not answer for ${location.origin}. Add this origin to the site, or check the address.`);
      this.emit("error", { code: "site_not_available" });
      return;
    }
    const colour = parse(theme.color);
    this.mode = theme.mode ?? "auto";
    if (colour) {
      const rules = (dark: boolean) =>
        `.launch,.box,.fl-root{${Object.entries(palette(colour, dark))
          .map(([k, v]) => `${k}:${v}`)
          .join(";")}}`;
      this.theme.replaceSync(this.mode === "auto" ? `${rules(false)}@media (prefers-color-scheme: dark){${rules(true)}}` : rules(this.mode === "dark"));
    }
    if (this.mode !== "auto") this.box.classList.add(this.mode);
    const rtl = getComputedStyle(document.documentElement).direction === "rtl";
    const side = ((theme.position ?? "end") === "end") !== rtl ? "right" : "left";
    for (const e of [this.button, this.box]) {
      e.classList.remove("right", "left");
      e.classList.add(side);
      if (theme.offset_x !== undefined) e.style.setProperty("--fl-x", `${theme.offset_x}px`);
      if (theme.offset_y !== undefined) e.style.setProperty("--fl-y", `${theme.offset_y}px`);
    }
    if (theme.label) {
      this.label.textContent = theme.label;
      this.label.hidden = false;
      this.box.setAttribute("aria-label", theme.label);
    }
    this.say();
    this.ready = true;
    this.fit();
    this.emit("ready");
    void this.count();
  }

  /** Counts what came while the chat was not there: one request, and only where there is a conversation. */
  private async count(): Promise<void> {
    try {
      const read = (k: string) => JSON.parse(localStorage.getItem(this.prefix + k) ?? "null") as never;
      const s = read("session") as { id: string; token: string } | null;
      if (!s || this.mounted) return;
      const url = `${this.o.origin}/v1/conversations/${encodeURIComponent(s.id)}/messages?limit=50&after=${Number(read("seen") ?? 0)}`;
      const res = await fetch(url, { headers: { Authorization: `Bearer ${s.token}` }, credentials: "omit", cache: "no-store" });
      if (!res.ok || this.mounted) return;
      const { messages } = (await res.json()) as { messages: { author: string }[] };
      this.counted(messages.filter((m) => m.author !== "customer").length);
    } catch {
      // no store, or no network: the chat itself says more when it is opened
    }
  }

  private counted(count: number): void {
    if (count === this.unread) return;
    this.unread = count;
    this.badge.textContent = count > 99 ? "99+" : String(count);
    this.badge.hidden = count === 0;
    this.say();
    this.emit("unread", { count });
  }

  private say(): void {
    const name = [this.label.textContent, this.opened ? this.words.close : this.words.open].filter(Boolean).join(": ");
    this.button.setAttribute("aria-label", this.unread > 0 ? `${name} (${this.words.unread(this.unread)})` : name);
    this.button.setAttribute("aria-expanded", String(this.opened));
  }

  command(name: string, args: unknown[]): void {
    if (name === "open") this.open();
    else if (name === "close") this.close();
    else if (name === "toggle") this.toggle();
    else if (name === "show") this.show();
    else if (name === "remove") {
      this.wanted = false;
      this.close();
      this.host.remove();
    } else if (name === "identify") {
      if (!args[0]) return this.command("logout", []);
      this.token = String(args[0]);
      this.mounted?.identify(this.token);
    } else if (name === "setContext") {
      this.context = (args[0] ?? {}) as Context;
      this.mounted?.setContext(this.context);
    } else if (name === "logout") {
      this.token = "";
      this.context = {};
      this.mounted?.logout();
      try {
        for (const k of Object.keys(localStorage)) if (k.startsWith(this.prefix)) localStorage.removeItem(k);
      } catch {
        // nothing is kept then
      }
      this.counted(0);
    } else console.warn(`Firstline: there is no command ${name}`);
  }

  /** Puts the widget onto the page, or back. */
  show(): void {
    this.wanted = true;
    const put = () => {
      if (this.wanted && !this.host.isConnected) document.body.append(this.host);
    };
    if (document.body) put();
    else document.addEventListener("DOMContentLoaded", put, { once: true });
  }

  /** Pages that replace their body take the widget with it: it comes back, with the chat as it was. */
  private gone(): void {
    setTimeout(() => {
      if (this.wanted && !this.host.isConnected && this.returned++ < 1000) this.show();
    });
  }

  private toggle(): void {
    if (this.opened) this.close();
    else this.open();
  }

  private open(): void {
    if (this.opened) return;
    this.opened = true;
    this.show();
    this.box.hidden = false;
    this.fit();
    this.say();
    this.emit("open");
    if (!this.mounted) this.state(this.words.loading);
    this.box.focus();
    this.load().then(
      () => {
        this.mounted?.shown(this.opened);
        if (this.opened) this.focusInside(60);
      },
      () => this.state(this.words.failed, true),
    );
  }

  private close(): void {
    if (!this.opened) return;
    const inside = this.box.contains(this.root.activeElement) || !this.root.activeElement;
    this.opened = false;
    this.mounted?.shown(false);
    this.box.hidden = true;
    this.fit();
    this.say();
    if (inside && !this.button.hidden) this.button.focus();
    this.emit("close");
  }

  /** Fetches the chat, once; a failure may be tried again. */
  private load(): Promise<void> {
    // Asked for at once, and not one after the other.
    if (!this.loading) for (const p of __PARTS__) import(/* @vite-ignore */ this.o.origin + p).catch(() => {});
    this.loading ??= (import(/* @vite-ignore */ this.o.origin + __EMBED__) as Promise<typeof import("./embed.tsx")>).then(
      (m) => {
        this.box.replaceChildren(this.app);
        const { origin, site, locale, market, audience, article } = this.o;
        this.mounted = m.mount({
          root: this.root,
          at: this.app,
          base: origin,
          site,
          prefix: this.prefix,
          given: { locale, market, audience, article },
          context: this.context,
          customerToken: this.token,
          mode: this.mode,
          theme: this.theme,
          close: () => this.close(),
          emit: <E extends keyof Events>(event: E, detail: Events[E]) => (event === "unread" ? this.counted((detail as Events["unread"]).count) : this.emit(event, detail)),
        });
      },
      (err: unknown) => {
        this.loading = undefined;
        this.emit("error", { code: "not_loaded" });
        throw err;
      },
    );
    return this.loading;
  }

  private state(text: string, retry = false): void {
    const p = el("p", "state", text);
    p.setAttribute("role", retry ? "alert" : "status");
    if (retry) {
      const button = (label: string, does: () => void) => {
        const b = el("button", "", label);
        b.type = "button";
        b.addEventListener("click", does);
        p.append(document.createElement("br"), b);
      };
      button(this.words.retry, () => {
        this.opened = false;
        this.open();
      });
      button(this.words.close, () => this.close());
    }
    this.box.replaceChildren(p);
  }

  /** Puts the cursor where one writes; on devices without a mouse that would open the keyboard unasked. */
  private focusInside(tries: number): void {
    if (!this.opened || this.root.activeElement !== this.box) return; // the customer was quicker
    const first = this.root.querySelector<HTMLElement>(matchMedia("(hover: hover)").matches ? "#composer, .start [type=submit]:not(:disabled)" : ".header button");
    if (first) first.focus();
    else if (tries > 0) setTimeout(() => this.focusInside(tries - 1), 50);
  }

  private key(e: KeyboardEvent): void {
    if (!this.opened || e.isComposing || this.root.querySelector("dialog[open], [role=menu]")) return;
    if (e.key === "Escape") {
      e.preventDefault();
      this.close();
    } else if (e.key === "Tab" && phone()) this.keepInside(e);
  }

  /** On a phone the chat covers the page: the focus stays in it. */
  private keepInside(e: KeyboardEvent): void {
    const all = [...this.box.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, [tabindex]")].filter(
      (x) => x.tabIndex >= 0 && !(x as HTMLButtonElement).disabled && !x.closest("[inert]") && x.getClientRects().length > 0,
    );
    const [first, last] = [all[0], all[all.length - 1]];
    const now = this.root.activeElement;
    const to = e.shiftKey ? (now === first || now === this.box ? last : undefined) : now === last ? first : undefined;
    if (!to) return;
    e.preventDefault();
    to.focus();
  }

  /** On a phone: the whole of what can be seen, which is less while its keyboard is open. */
  private fit(): void {
    const full = this.opened && phone();
    const view = window.visualViewport;
    this.box.setAttribute("aria-modal", String(full));
    this.button.hidden = this.o.launcher === false || full || !this.ready;
    this.box.style.height = full && view ? `${view.height}px` : "";
    this.box.style.top = full && view ? `${view.offsetTop}px` : "";
  }
}

// At the end, when everything above is there.
if (before?.started) before("show");
else begin();
