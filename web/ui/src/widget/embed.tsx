// The chat in a shadow root: fetched by the loader when it is first wanted, and shown there until the page goes away.

import { effect } from "@preact/signals";
import { render } from "preact";
import { App } from "../chat/app.tsx";
import { boot, contextRefused, follows, identify, leave, loaded, notice, record, scheduleRead, type Session, session, setContext, tokenWanted } from "../chat/session.ts";
import chatCss from "../chat/chat.css?inline";
import { host } from "../shared/host.ts";
import { browserStore } from "../shared/storage.ts";
import type { Events } from "../../packages/widget/index";
import { adapt, type Mode, rootClass } from "./adapt.ts";
import rootCss from "./root.css?inline";

export interface Mount {
  root: ShadowRoot;
  /** The element that the chat fills. */
  at: HTMLElement;
  base: string;
  site: string;
  prefix: string;
  given: Record<string, string | undefined>;
  context: Record<string, string | number | boolean>;
  customerToken: string;
  mode: Mode;
  /** Of the loader's own; it stays behind the chat's. */
  theme: CSSStyleSheet;
  close: () => void;
  emit: <E extends keyof Events>(event: E, detail: Events[E]) => void;
}

export interface Mounted {
  shown(visible: boolean): void;
  identify(customerToken: string): void;
  setContext(context: Record<string, string | number | boolean>): void;
  logout(): void;
}

/** Shows the chat. There is one on a page: the chat's state is the module's. */
export function mount(o: Mount): Mounted {
  const { root, at: element, base, site, prefix, given, context, customerToken, close } = o;
  element.className = `app ${rootClass}`;
  Object.assign(host, { root, element, base, site, prefix, given, context, customerToken, close, shown: false });

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(adapt(chatCss + rootCss, textSize(root), o.mode));
  root.adoptedStyleSheets = [...root.adoptedStyleSheets.filter((s) => s !== o.theme), sheet, o.theme];

  watch(o.emit);
  render(<App />, element);
  void boot();
  return {
    shown(visible) {
      host.shown = visible;
      if (visible) {
        see();
        scheduleRead();
      }
    },
    identify: (token) => void identify(token),
    setContext,
    logout() {
      host.customerToken = "";
      host.context = {};
      leave();
    },
  };
}

/** What the browser's settings have for text that nobody has styled, in pixels. */
function textSize(root: ShadowRoot): number {
  const probe = document.createElement("span");
  probe.style.fontSize = "medium";
  root.appendChild(probe);
  const size = parseFloat(getComputedStyle(probe).fontSize);
  probe.remove();
  return size > 0 ? size : 16;
}

const store = browserStore(() => host.prefix);
let emitUnread = () => {};

/** Everything that is there counts as seen. */
function see(): void {
  const seq = record.value.messages.at(-1)?.seq ?? 0;
  if (seq > (store.get<number>("seen") ?? 0)) store.set("seen", seq);
  emitUnread();
}

/** Tells the page what happens, without a word of it. */
function watch(emit: Mount["emit"]): void {
  let last = -1;
  emitUnread = () => {
    const seen = store.get<number>("seen") ?? 0;
    const count = host.shown ? 0 : record.value.messages.filter((m) => m.seq > seen && m.author !== "customer").length;
    if (count !== last) emit("unread", { count: (last = count) });
  };
  let conversation = "";
  let told = 0;
  let owner = "";
  let status = "";
  let rating: number | null = null;
  effect(() => {
    const s = session.value?.id ?? "";
    const r = record.value;
    if (s !== conversation) {
      if (conversation !== "") store.remove("seen");
      conversation = s;
      told = 0;
      owner = status = "";
      rating = null;
    }
    if (s === "") return emitUnread();
    const past = told === 0;
    for (const m of r.messages) {
      if (m.seq <= told) continue;
      told = m.seq;
      if (!past) emit("message", { author: m.author });
    }
    if (owner !== "" && owner !== r.owner) emit("handoff", { owner: r.owner });
    if (r.seq > 0) owner = r.owner;
    if (status === "open" && r.status === "closed") emit("ended", undefined);
    if (status !== "" && rating === null && r.rating !== null) emit("rated", { score: r.rating });
    if (loaded.value) [status, rating] = [r.status, r.rating];
    if (host.shown && document.visibilityState === "visible") see();
    else emitUnread();
  });
  effect(() => {
    if (notice.value) emit("error", { code: notice.value });
  });
  effect(() => {
    if (contextRefused.value) emit("error", { code: contextRefused.value });
  });
  let refused = tokenWanted.value;
  effect(() => {
    if (tokenWanted.value !== refused) {
      refused = tokenWanted.value;
      emit("token", undefined);
    }
  });
  // What another tab of this page does to the conversation holds here too: left, signed out, or made the customer's.
  addEventListener("storage", (e) => {
    if (e.key === `${host.prefix}session` || e.key === null) follows(store.get<Session>("session") ?? null);
  });
  document.addEventListener("visibilitychange", () => host.shown && document.visibilityState === "visible" && see());
}
