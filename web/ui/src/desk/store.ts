// The desk's state and everything that changes it.

import { computed, signal } from "@preact/signals";
import { call, Problem } from "../shared/api.ts";
import { Outbox, type Outgoing } from "../shared/outbox.ts";
import { apply, emptyRecord, withMessages, type RecordState } from "../shared/record.ts";
import { follow, type Link, type ServerEvent } from "../shared/sse.ts";
import { browserStore } from "../shared/storage.ts";
import type { AgentConversation, Handoff, Me, Message, QueueSnapshot } from "../shared/types.ts";
import { newOffers, sections, step } from "./queue-state.ts";
import { chime } from "./sound.ts";

const store = browserStore("firstline.desk.");

/** undefined while it is asked for; null when nobody is signed in. */
export const me = signal<Me | null | undefined>(undefined);
export const unreachable = signal(false);
export const queue = signal<QueueSnapshot | null>(null);
export const teams = signal<{ key: string; name: string }[]>([]);
export const company = signal("");
export const link = signal<Link>("connecting");
export const openId = signal<string | null>(null);
export const open = signal<AgentConversation | null>(null);
export const openFailed = signal("");
export const record = signal<RecordState>(emptyRecord);
export const outgoing = signal<Outgoing[]>([]);
export const view = signal<"queue" | "conversation" | "package">("queue");
export const mode = signal<"public" | "internal">("public");
export const notice = signal<{ text: string; bad: boolean } | null>(null);
export const dialog = signal<"resolve" | "return" | "transfer" | "shortcuts" | null>(null);
export const busy = signal("");
export const sound = signal(store.get<boolean>("sound") ?? false);
export const shortcuts = signal(store.get<boolean>("shortcuts") ?? true);
export const announcement = signal("");

export const split = computed(() => sections(queue.value, me.value?.id ?? ""));
export const inOrder = computed(() => [...split.value.offers, ...split.value.mine, ...split.value.waiting]);
export const handoff = computed<Handoff | null>(() => inOrder.value.find((h) => h.conversation_id === openId.value) ?? open.value?.handoff ?? null);
export const isMine = computed(() => handoff.value?.state === "accepted" && handoff.value.agent_id === me.value?.id);
export const isOffer = computed(() => handoff.value?.state === "offered" && handoff.value.agent_id === me.value?.id);
export const isFree = computed(() => ["queued", "asynchronous"].includes(handoff.value?.state ?? ""));
export const teamName = (key: string) => teams.value.find((t) => t.key === key)?.name ?? key;

const agentHeaders = { "X-Firstline": "1" };

/** Calls as the agent who is signed in. */
export async function agentCall<T>(path: string, body?: unknown, method?: string): Promise<T> {
  try {
    return await call<T>(`/v1/agent${path}`, { body, method: method ?? (body === undefined ? "GET" : "POST"), headers: agentHeaders });
  } catch (err) {
    if (err instanceof Problem && err.status === 401) signedOut();
    throw err;
  }
}

let stopQueue: (() => void) | undefined;
let stopOpen: (() => void) | undefined;
let outbox: Outbox | undefined;

function signedOut(): void {
  stopQueue?.();
  closeConversation();
  me.value = null;
}

export async function boot(): Promise<void> {
  unreachable.value = false;
  try {
    me.value = await agentCall<Me>("/me");
  } catch (err) {
    if (err instanceof Problem && (err.status === 401 || err.status === 403)) me.value = null;
    else unreachable.value = true;
    return;
  }
  agentCall<{ teams: { key: string; name: string }[] }>("/teams").then((t) => (teams.value = t.teams), () => {});
  call<{ company: string }>("/v1/config").then((c) => (company.value = c.company), () => {});
  stopQueue?.();
  stopQueue = follow({ url: "/v1/agent/events", onLink: (l) => (link.value = l), onRefused: signedOut, onEvent: onQueue });
  const asked = /^#c\/(.+)$/.exec(location.hash)?.[1];
  if (asked) openConversation(decodeURIComponent(asked));
}

function onQueue(e: ServerEvent): void {
  if (e.event !== "queue") return;
  const before = split.value.offers;
  queue.value = JSON.parse(e.data) as QueueSnapshot;
  const fresh = newOffers(before, split.value.offers);
  if (fresh.length > 0) {
    if (sound.value) chime();
    announcement.value = `New offer: ${fresh[0]?.summary ?? ""}`;
  }
}

export function openConversation(id: string): void {
  view.value = "conversation";
  if (openId.value === id) return;
  closeConversation();
  openId.value = id;
  history.replaceState(null, "", `#c/${encodeURIComponent(id)}`);
  mode.value = "public";
  outbox = new Outbox({
    store,
    conversation: id,
    isOnline: () => navigator.onLine !== false,
    onChange: (all) => {
      if (openId.value === id) outgoing.value = all;
    },
    send: async (m) => {
      const res = await agentCall<{ message: Message }>(`/conversations/${id}/messages`, { client_id: m.clientId, text: m.text, visibility: m.kind ?? "public" });
      if (openId.value === id && res?.message) record.value = withMessages(record.value, [res.message]);
    },
  });
  outgoing.value = outbox.all;
  void outbox.flush();
  void load(id, true);
}

export function closeConversation(): void {
  stopOpen?.();
  stopOpen = undefined;
  outbox?.stop();
  outbox = undefined;
  openId.value = null;
  open.value = null;
  openFailed.value = "";
  outgoing.value = [];
  record.value = emptyRecord;
  history.replaceState(null, "", location.pathname);
}

async function load(id: string, first: boolean): Promise<void> {
  try {
    const c = await agentCall<AgentConversation>(`/conversations/${encodeURIComponent(id)}`);
    if (openId.value !== id) return;
    open.value = c;
    openFailed.value = "";
    const { owner, agent, status, last_seq } = c.conversation;
    if (first) {
      record.value = withMessages({ ...emptyRecord, seq: last_seq, owner, agent: agent ?? null, status }, c.messages);
      stopOpen = follow({
        url: `/v1/agent/conversations/${encodeURIComponent(id)}/events`,
        after: last_seq,
        onLink: (l) => l === "open" && outbox?.wake(),
        onEvent: (e) => onEvent(id, e),
        onRefused: () => {
          if (openId.value === id) openFailed.value = "You can no longer see this conversation.";
        },
      });
    } else record.value = withMessages(record.value, c.messages);
  } catch (err) {
    if (openId.value !== id) return;
    if (first) openFailed.value = err instanceof Problem && err.status === 404 ? "This conversation does not exist or is not for your teams." : words(err);
  }
}

/** Tries again to open what could not be opened. */
export function reload(): void {
  const id = openId.value;
  if (!id) return;
  closeConversation();
  openConversation(id);
}

let refresh: ReturnType<typeof setTimeout> | undefined;

function onEvent(id: string, e: ServerEvent): void {
  if (openId.value !== id) return;
  record.value = apply(record.value, e);
  if (e.event === "message") {
    const m = JSON.parse(e.data) as Message;
    if (m.client_id) outbox?.arrived(m.client_id);
    if (m.author === "customer") announcement.value = `Customer: ${m.text}`;
  }
  if (e.event === "handoff" || e.event === "owner") {
    clearTimeout(refresh);
    refresh = setTimeout(() => openId.value === id && void load(id, false), 250);
  }
}

export function send(text: string): void {
  const t = text.trim();
  if (t !== "") outbox?.add(t, mode.value);
}

export const retry = (clientId: string) => outbox?.retry(clientId);
export const discard = (clientId: string) => outbox?.discard(clientId);

let typedAt = 0;

export function typing(): void {
  const now = Date.now();
  if (!openId.value || !isMine.value || mode.value !== "public" || now - typedAt < 3500) return;
  typedAt = now;
  agentCall(`/conversations/${openId.value}/typing`, {}).catch(() => {});
}

export function words(err: unknown): string {
  if (err instanceof Problem && err.status !== 0) return err.message;
  return "The server could not be reached. Please try again.";
}

/** Runs an action once at a time and says what went wrong, in the server's words: a conflict names who was faster. */
async function act(name: string, f: () => Promise<unknown>): Promise<boolean> {
  if (busy.value) return false;
  busy.value = name;
  notice.value = null;
  try {
    await f();
    return true;
  } catch (err) {
    notice.value = { text: words(err), bad: true };
    return false;
  } finally {
    busy.value = "";
  }
}

export async function accept(h: Handoff): Promise<void> {
  openConversation(h.conversation_id);
  if (await act("accept", () => agentCall(`/handoffs/${h.id}/accept`, {}))) {
    mode.value = "public";
    void load(h.conversation_id, false);
    requestAnimationFrame(() => document.getElementById("reply")?.focus());
  }
}

export async function decline(h: Handoff): Promise<void> {
  if (await act("decline", () => agentCall(`/handoffs/${h.id}/decline`, {}))) {
    if (openId.value === h.conversation_id) {
      closeConversation();
      view.value = "queue";
    }
  }
}

/** What the agent had seen when the dialog opened: what arrives behind it is not read yet. */
let seen = 0;
dialog.subscribe((d) => {
  if (d) seen = record.peek().seq;
});

/** Ends the agent's part with the number of the last thing seen; the server refuses when the customer has written since. */
async function end(name: string, body: Record<string, unknown>, done: string): Promise<boolean> {
  const good = await finish(name, { ...body, seq: dialog.value ? seen : record.value.seq }, done);
  if (!good) seen = record.value.seq;
  return good;
}

async function finish(name: string, body: unknown, done: string): Promise<boolean> {
  const id = openId.value;
  if (!id) return false;
  const good = await act(name, () => agentCall(`/conversations/${id}/${name}`, body));
  if (good) {
    dialog.value = null;
    notice.value = { text: done, bad: false };
    const next = split.value.mine.find((h) => h.conversation_id !== id);
    closeConversation();
    if (next) openConversation(next.conversation_id);
    else view.value = "queue";
  }
  return good;
}

export const resolve = () => end("resolve", {}, "Resolved.");
export const giveBack = (instruction: string) => end("return", instruction ? { instruction } : {}, "Returned to the assistant.");
export const transfer = (team: string, note: string) => finish("transfer", note ? { team, note } : { team }, `Transferred to ${teamName(team)}.`);

/** Resolves at once when the customer had an answer, and asks first when not. */
export function wantResolve(): void {
  if (!isMine.value) return;
  const replied = handoff.value?.first_reply_at || record.value.messages.some((m) => m.author === "agent" && m.visibility === "public");
  if (replied) void resolve();
  else dialog.value = "resolve";
}

export async function setPresence(state: "online" | "away"): Promise<void> {
  const m = me.value;
  if (!m) return;
  me.value = { ...m, presence: state };
  if (!(await act("presence", () => agentCall("/presence", { state }, "PUT")))) me.value = m;
}

/** The presence that counts: the server may have set an agent away who let offers lapse. */
export const presence = computed(() => queue.value?.me?.presence ?? me.value?.presence ?? "offline");

export async function signOut(): Promise<void> {
  if (await act("signout", () => agentCall("/signout", {}))) signedOut();
}

export function setSound(on: boolean): void {
  sound.value = on;
  store.set("sound", on);
  if (on) chime();
}

export function setShortcuts(on: boolean): void {
  shortcuts.value = on;
  store.set("shortcuts", on);
}

export function move(by: 1 | -1): void {
  const all = inOrder.value;
  const next = step(all, all.find((h) => h.conversation_id === openId.value), by);
  if (next) openConversation(next.conversation_id);
}

