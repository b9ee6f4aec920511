// The chat's state and everything that changes it: the conversation's key in the browser, its events, its outbox.

import { computed, effect, signal } from "@preact/signals";
import { call, download, newId, Problem } from "../shared/api.ts";
import { Outbox, type Outgoing } from "../shared/outbox.ts";
import { apply, emptyRecord, withMessages, type RecordState } from "../shared/record.ts";
import { follow, type Link, type ServerEvent } from "../shared/sse.ts";
import { focusedElement, host } from "../shared/host.ts";
import { browserStore } from "../shared/storage.ts";
import { choose as chooseFiles, type Chosen, maxFiles, type Progress, upload } from "../shared/files.tsx";
import { parseMarkdown, plainText } from "../shared/markdown.ts";
import type { Attachment, Config, Conversation, HandoffPlace, IntakeField, Message, OfficeHours } from "../shared/types.ts";
import { choose, en, languageOf, others, type Words } from "./words.ts";

export interface Session {
  id: string;
  token: string;
  market: string;
  locale: string;
  disclosure: string;
  greeting: string;
  officeHours?: OfficeHours;
  /** The customer is told of answers elsewhere, so what is read here has to be known. */
  told?: boolean;
  /** Whose it is, as the company's token named them; none while it is anonymous. */
  customer?: string;
}

const store = browserStore(() => host.prefix);
export const given = (name: string) => host.given[name] || null;

/**
 * Who the customer is, in the word of the app that opens this page: #customer_token=…, which no server and no log sees. It
 * is taken out of the address at once.
 */
export function takeToken(): string {
  if (typeof location === "undefined") return "";
  const hash = new URLSearchParams(location.hash.slice(1));
  const token = hash.get("customer_token") ?? "";
  if (token) {
    hash.delete("customer_token");
    const rest = hash.toString();
    history.replaceState(null, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  }
  return token;
}

export const config = signal<Config | null>(null);
export const configFailed = signal(false);
export const choice = signal({ market: "", locale: typeof navigator === "undefined" ? "en" : navigator.language });
export const session = signal<Session | null>(null);
export const record = signal<RecordState>(emptyRecord);
export const loaded = signal(false);
export const outgoing = signal<Outgoing[]>([]);
export const link = signal<Link>("connecting");
export const notice = signal<"" | "expired" | "startFailed" | "handoffFailed" | "failed">("");
export const starting = signal(false);
export const asking = signal(false);
export const announcement = signal("");
export interface Source {
  slug: string;
  locale: string;
  anchor: string;
}

export const panel = signal<Source | null>(null);

let opener: HTMLElement | null = null;

/** Shows an article beside the conversation. The focus goes back to where it was when the panel is closed. */
export function showSource(source: Source): void {
  if (!panel.value) opener = focusedElement();
  panel.value = source;
}

export function closeSource(): void {
  panel.value = null;
  opener?.focus();
  opener = null;
}

export const locale = computed(() => session.value?.locale ?? choice.value.locale);
/** How times and dates are written: as the browser is set where it speaks the page's language ("en-GB" for "en"). */
export const region = computed(() => {
  const own = typeof navigator === "undefined" ? "" : navigator.language;
  return languageOf(own) === languageOf(locale.value) ? own : locale.value;
});

export const words = signal<Words>(en);

effect(() => {
  const language = languageOf(locale.value);
  const load = others[language];
  if (!load) {
    words.value = en;
    return;
  }
  load().then(
    (m) => {
      if (languageOf(locale.value) === language) words.value = m.words;
    },
    () => {}, // English stands in until the page is loaded again
  );
});

/** The customer's own messages that the server has not confirmed, and that the record does not hold yet. */
export const unsent = computed(() => {
  const have = new Set(record.value.messages.map((m) => m.client_id));
  return outgoing.value.filter((o) => !have.has(o.clientId));
});

/** The past comes in one piece, as soon as the stream is open. */
const pastWithinMs = 400;

let outbox: Outbox | undefined;
let stopFollowing: (() => void) | undefined;
let announceAfter = 0;
let startKey = "";

export const auth = (s: Session) => ({ Authorization: `Bearer ${s.token}` });
export const path = (s: Session, rest = "") => `/v1/conversations/${encodeURIComponent(s.id)}${rest}`;

/** Loads what the page needs and takes up the conversation that this browser was in. */
export async function boot(): Promise<void> {
  choice.value = { market: "", locale: given("locale") ?? navigator.language };
  session.value = store.get<Session>("session") ?? null;
  if (session.value && host.customerToken && session.value.customer && session.value.customer !== subject(host.customerToken)) leave(); // somebody else's
  if (session.value) attach(session.value);
  if (host.customerToken) void identify(host.customerToken);
  await loadConfig();
}

export async function loadConfig(): Promise<void> {
  configFailed.value = false;
  for (let n = 0; n < 3; n++) {
    try {
      const c = await call<Config>(host.site ? `/v1/config?site=${encodeURIComponent(host.site)}` : "/v1/config");
      config.value = c;
      const locales = [...new Set([...(c.locales ?? []), ...c.markets.flatMap((m) => m.locales)])];
      choice.value = choose(c.markets, locales, { locale: given("locale"), market: given("market") }, navigator.languages ?? [navigator.language]);
      return;
    } catch {
      await new Promise((r) => setTimeout(r, 600 * (n + 1)));
    }
  }
  configFailed.value = true;
}

/** Starts a conversation; false when it could not be started. */
export async function start(): Promise<boolean> {
  if (session.value) return true;
  if (starting.value) return false;
  starting.value = true;
  notice.value = "";
  startKey ||= newId(); // the same for every try, so that a lost answer makes no second conversation
  const { market, locale } = choice.value;
  try {
    const made = await call<{ id: string; token: string; disclosure: string; greeting: string; office_hours?: OfficeHours }>("/v1/conversations", {
      body: { market, locale, ...(given("audience") ? { audience: given("audience") } : {}), ...(given("article") ? { article: given("article") } : {}), ...(host.customerToken ? { customer_token: host.customerToken } : {}), ...(host.site ? { site: host.site } : {}) },
      headers: { "Idempotency-Key": startKey },
    });
    startKey = "";
    const s: Session = { id: made.id, token: made.token, market, locale, disclosure: made.disclosure, greeting: made.greeting, officeHours: made.office_hours, ...(host.customerToken ? { customer: subject(host.customerToken) } : {}) };
    store.set("session", s);
    session.value = s;
    attach(s);
    if (Object.keys(host.context).length > 0) setContext(host.context); // apart, so that a page's mistake keeps nobody from asking
    return true;
  } catch (err) {
    if (err instanceof Problem && !err.passing) startKey = "";
    if (host.customerToken && refusesToken(err)) {
      // The question does not wait for the page: it is asked anonymously, and becomes the customer's with the next token.
      host.customerToken = "";
      tokenWanted.value++;
      starting.value = false;
      return start();
    }
    notice.value = "startFailed";
    return false;
  } finally {
    starting.value = false;
  }
}

/** Counts how often a token of the company's was refused: the page is asked for another one. */
export const tokenWanted = signal(0);

/** Whom a token names. The server alone says whether that is true; here it tells two customers at one browser apart. */
export function subject(token: string): string {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown };
    return typeof sub === "string" ? sub : "";
  } catch {
    return "";
  }
}

/** The token is the reason of the refusal: it has expired, was used before, or is not of a key that the server has. */
const refusesToken = (err: unknown) => err instanceof Problem && (err.code === "bad_customer_token" || err.code === "token_used");

/** Tells who the customer is. A conversation that runs becomes theirs; one of somebody else leaves this browser. */
export async function identify(token: string): Promise<void> {
  host.customerToken = token;
  const who = subject(token);
  for (let n = 0; n < 4 && host.customerToken === token; n++) {
    const s = session.value;
    if (!s || (s.customer && s.customer === who)) return;
    if (s.customer) return leave();
    try {
      const { token: next } = await call<{ token: string }>(path(s, "/identify"), { body: { customer_token: token }, headers: auth(s) });
      if (session.value?.id !== s.id || host.customerToken !== token) return;
      const named = { ...s, token: next, customer: who };
      store.set("session", named);
      follows(named);
      return;
    } catch (err) {
      if (session.value?.id !== s.id || host.customerToken !== token) return;
      if (refusesToken(err)) {
        host.customerToken = "";
        tokenWanted.value++;
        return;
      }
      if (err instanceof Problem && err.code === "other_customer") return leave();
      if (!(err instanceof Problem) || !err.passing) return;
      await new Promise((r) => setTimeout(r, 1000 * (n + 1)));
    }
  }
}

/** Goes on with what this browser knows of the conversation now: another tab may have left it, or given it another token. */
export function follows(s: Session | null): void {
  const before = session.value;
  if (before?.id === s?.id && before?.token === s?.token) return;
  if (!s) return leave();
  stopFollowing?.();
  outbox?.stop();
  session.value = s;
  attach(s);
}

/** Why what the page said of itself was not taken; "" while nothing was refused. */
export const contextRefused = signal("");

/** Tells what the page around the chat says of itself; of a conversation that runs, the server is told at once. */
export function setContext(context: typeof host.context): void {
  host.context = context;
  const s = session.value;
  if (s) call(path(s, "/context"), { method: "PUT", body: { context }, headers: auth(s) }).catch((err) => {
    if (!(err instanceof Problem) || err.passing) return;
    console.warn(`Firstline: setContext: ${err.message}`); // for whoever writes the page
    contextRefused.value = err.code;
  });
}

/** Takes up a conversation that is known by other means than starting it. */
export function adopt(s: Session): void {
  const before = session.value;
  if (before?.id === s.id && before.token === s.token) return setTold(s.told === true);
  if (before) leave();
  store.set("session", s);
  session.value = s;
  attach(s);
}

/** Keeps whether the customer is told of answers elsewhere. */
export function setTold(told: boolean): void {
  const s = session.value;
  if (!s || (s.told ?? false) === told) return;
  s.told = told; // not a new object: nothing that is shown depends on it
  store.set("session", s);
  scheduleRead();
}

function attach(s: Session): void {
  record.value = emptyRecord;
  loaded.value = false;
  announceAfter = Number.MAX_SAFE_INTEGER; // nothing old is read out
  outbox = new Outbox({
    store,
    conversation: s.id,
    isOnline: () => navigator.onLine !== false,
    onChange: (all) => (outgoing.value = all),
    send: async (m) => {
      const res = await call<{ message: Message }>(path(s, "/messages"), { body: { client_id: m.clientId, text: m.text, ...(m.attachments ? { attachments: m.attachments.map((a) => a.id) } : {}) }, headers: auth(s) });
      if (session.value?.id === s.id && res?.message) receive([res.message]);
    },
  });
  outgoing.value = outbox.all;
  void outbox.flush();
  void catchUp(s);
  stopFollowing = follow({
    url: path(s, "/events"),
    headers: () => auth(s),
    after: 0,
    onLink: (l) => {
      const before = link.value;
      link.value = l;
      if (l === "open" && before !== "open") {
        outbox?.wake();
        // The last numbers may be events that only agents get: after a moment the past counts as complete without them.
        setTimeout(() => {
          if (session.value?.id === s.id) loaded.value = true;
        }, pastWithinMs);
      }
    },
    onRefused: () => void expire(s),
    onEvent: (e) => onEvent(e),
  });
}

/** Finds out where the past ends, so that only what is new is read out. */
async function catchUp(s: Session): Promise<void> {
  try {
    const c = await call<Conversation>(path(s), { headers: auth(s) });
    if (session.value?.id !== s.id) return;
    announceAfter = c.last_seq;
    if (c.last_seq === 0 || record.value.seq >= c.last_seq) loaded.value = true;
  } catch {
    announceAfter = Math.min(announceAfter, record.value.seq);
    loaded.value = true; // the events bring everything; this was only about how to show the beginning
  }
}

function onEvent(e: ServerEvent): void {
  const next = apply(record.value, e);
  const added = next.messages.length > record.value.messages.length ? next.messages : [];
  record.value = next;
  if (e.event === "message") {
    const m = JSON.parse(e.data) as Message;
    if (m.client_id) outbox?.arrived(m.client_id);
    if (m.seq > announceAfter && m.author !== "customer" && added.length > 0) announce(m);
  }
  if (!loaded.value && next.seq >= announceAfter) loaded.value = true;
  scheduleRead();
}

function receive(messages: Message[]): void {
  record.value = withMessages(record.value, messages);
}

/** Messages that came while the page was behind others. */
export const missed = signal(0);

function announce(m: Message): void {
  if (typeof document !== "undefined" && document.visibilityState !== "visible") missed.value++;
  const w = words.value;
  const who = m.author === "assistant" ? w.assistant : m.author === "agent" ? (m.agent?.name ?? w.team) : "";
  announcement.value = `${who ? who + ": " : ""}${plainText(parseMarkdown(m.text))}`;
}

async function expire(s: Session): Promise<void> {
  // Another tab may have made the conversation the customer's, with a token that is on its way here.
  for (let n = 0; n < 15; n++) {
    if (session.value !== s) return;
    const kept = store.get<Session>("session");
    if (kept?.id === s.id && kept.token !== s.token) return follows(kept);
    await new Promise((r) => setTimeout(r, 100));
  }
  if (session.value !== s) return;
  leave();
  notice.value = "expired";
}

/** Lets go of the conversation on this device. */
export function leave(): void {
  stopFollowing?.();
  outbox?.stop();
  outbox = undefined;
  store.remove("session");
  session.value = null;
  record.value = emptyRecord;
  outgoing.value = [];
  for (const c of chosen.value) c.stop?.abort();
  chosen.value = [];
  panel.value = null;
  notice.value = "";
}

/** Sends a message with the files that are chosen and uploaded. */
export function send(text: string): void {
  const t = text.trim();
  const files = chosen.value.flatMap((c) => c.file ?? []);
  if ((t === "" && files.length === 0) || !outbox) return;
  outbox.add(t, undefined, 0, files);
  chosen.value = [];
}

/** Files for the next message. */
export const chosen = signal<Chosen[]>([]);

/** Uploads files for the next message. */
export function attachFiles(files: Iterable<File>): void {
  const s = session.value;
  if (!s) return;
  const w = words.value;
  const room = maxFiles - chosen.value.filter((c) => !c.error).length;
  const send = (f: File, signal: AbortSignal, progress: Progress) => upload(`/v1/attachments?conversation=${encodeURIComponent(s.id)}`, f, auth(s), signal, progress);
  chooseFiles(files, room, send, w.uploads, (c) => {
    if (session.value?.id !== s.id) return;
    const all = chosen.value;
    chosen.value = all.some((o) => o.key === c.key) ? all.map((o) => (o.key === c.key ? c : o)) : [...all, c];
  });
}

export function removeFile(c: Chosen): void {
  c.stop?.abort();
  chosen.value = chosen.value.filter((o) => o.key !== c.key);
}

/** Fetches a file of the conversation, or the small copy of a picture, with its token. */
export async function openFile(a: Attachment, small = false): Promise<Blob> {
  const s = session.value;
  if (!s) throw new Problem(401, "no_session", "");
  return download(path(s, `/attachments/${encodeURIComponent(a.id)}${small ? "/thumbnail" : ""}`), "*/*", auth(s));
}

/** Answers what is asked while waiting; nothing says not to ask again. */
export async function giveIntake(given: Partial<Record<IntakeField, string>>): Promise<string> {
  const s = session.value;
  if (!s) return words.value.failed;
  try {
    await call(path(s, "/intake"), { method: "POST", body: given, headers: auth(s) });
    const h = record.value.handoff;
    if (h?.intake) record.value = { ...record.value, handoff: { ...h, intake: { ...h.intake, given: true } } };
    return "";
  } catch (err) {
    return err instanceof Problem && err.status === 422 ? err.message : words.value.failed;
  }
}

export const retry = (clientId: string) => outbox?.retry(clientId);
export const discard = (clientId: string) => outbox?.discard(clientId);

/** Asks for a person, from the first page as well. */
export async function askForPerson(): Promise<void> {
  if (asking.value) return;
  asking.value = true;
  notice.value = "";
  try {
    if (!session.value && !(await start())) return;
    const s = session.value;
    if (!s) return;
    await outbox?.flush();
    const res = await call<{ handoff: HandoffPlace }>(path(s, "/handoff"), { method: "POST", body: {}, headers: auth(s) });
    // The event says the same; this shows it even while the stream is down.
    if (res?.handoff?.id && record.value.handoff?.id !== res.handoff.id && record.value.owner === "assistant") {
      const { position = 0, wait = null, open = true, opens_at = null } = { ...res, ...res.handoff } as Partial<HandoffPlace>;
      record.value = { ...record.value, owner: "queue", handoff: { ...res.handoff, position, wait, open, opens_at } };
    }
  } catch {
    notice.value = "handoffFailed";
  } finally {
    asking.value = false;
  }
}

export async function saveSummary(summary: string): Promise<boolean> {
  const s = session.value;
  if (!s) return false;
  try {
    await call(path(s, "/handoff"), { method: "PATCH", body: { summary }, headers: auth(s) });
    const h = record.value.handoff;
    if (h) record.value = { ...record.value, handoff: { ...h, summary } };
    return true;
  } catch {
    return false;
  }
}

export async function rate(score: number, comment: string, reasons: string[] = []): Promise<boolean> {
  const s = session.value;
  if (!s) return false;
  try {
    await call(path(s, "/rating"), { body: { score, comment, ...(reasons.length > 0 ? { reasons } : {}) }, headers: auth(s) });
    record.value = { ...record.value, rating: score };
    return true;
  } catch {
    notice.value = "failed";
    return false;
  }
}

export async function endConversation(): Promise<void> {
  const s = session.value;
  if (!s) return;
  try {
    await call(path(s, "/close"), { method: "POST", body: {}, headers: auth(s) });
  } catch {
    notice.value = "failed";
  }
}

let typedAt = 0;

/** Tells the person at the other end that something is being written; at most every four seconds. */
export function typing(): void {
  const s = session.value;
  const now = Date.now();
  if (!s || record.value.owner !== "agent" || now - typedAt < 4000) return;
  typedAt = now;
  call(path(s, "/typing"), { method: "POST", body: {}, headers: auth(s) }).catch(() => {});
}

let readTimer: ReturnType<typeof setTimeout> | undefined;
let readSent = 0;

/** Says how far the customer has read, once it is on a visible page. */
export function scheduleRead(): void {
  clearTimeout(readTimer);
  readTimer = setTimeout(() => {
    const s = session.value;
    const last = record.value.messages.findLast((m) => m.author === "agent" || (s?.told === true && m.author !== "customer"));
    if (!s || !last || document.visibilityState !== "visible" || !host.shown) return;
    if (last.seq <= Math.max(readSent, record.value.read.customer ?? 0)) return;
    readSent = last.seq;
    call(path(s, "/read"), { body: { seq: last.seq }, headers: auth(s) }).catch(() => {});
  }, 600);
}

if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") missed.value = 0;
    if (session.value) scheduleRead();
  });
}
