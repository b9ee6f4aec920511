// The conversation that is open: its record, what is on its way to it, and what is being written.

import { batch, computed, effect, signal } from "@preact/signals";
import { Problem } from "../../shared/api.ts";
import { Outbox, type Outgoing } from "../../shared/outbox.ts";
import { applyEntry, emptyRecord, withMessages, type RecordState } from "../../shared/record.ts";
import { browserStore, sessionArea } from "../../shared/storage.ts";
import type { AgentConversation, Attachment, Handoff, Message } from "../../shared/types.ts";
import { type Kept, Recent } from "../recent.ts";
import { Drafts, type Mode } from "../drafts.ts";
import { awaits, offeredTo, step } from "../queue-state.ts";
import { entries, type Entry } from "./changes.ts";
import { inOrder, split } from "./queue.ts";
import { agentCall, announcement, dialog, me, notice, onSignedOut, page, store, view, words } from "./session.ts";

export const openId = signal<string | null>(null);
export const open = signal<AgentConversation | null>(null);
export const openFailed = signal("");
export const record = signal<RecordState>(emptyRecord);
/** What is on its way to any conversation. Switching to another one does not stop it. */
const onTheWay = signal<ReadonlyMap<string, Outgoing[]>>(new Map());
const nothing: Outgoing[] = [];
export const outgoing = computed(() => onTheWay.value.get(openId.value ?? "") ?? nothing);
/** How many milliseconds a reply can be taken back; 0 sends at once. */
export const undoFor = signal(store.get<number>("undo") ?? 5000);
/** Whether a reply or a note is being written. */
export const mode = signal<Mode>("public");

export const handoff = computed<Handoff | null>(() => inOrder.value.find((h) => h.conversation_id === openId.value) ?? open.value?.handoff ?? null);
export const isMine = computed(() => handoff.value?.state === "accepted" && handoff.value.agent_id === me.value?.id);
export const isOffer = computed(() => handoff.value !== null && offeredTo(handoff.value, me.value?.id ?? ""));
export const isFree = computed(() => ["queued", "asynchronous"].includes(handoff.value?.state ?? ""));

/** What is being written, per conversation. It outlives a reload but not the tab, and is another agent's never. */
export const drafts = new Drafts(browserStore("firstline.desk.", sessionArea()));
let whose = "";
me.subscribe((m) => {
  if (m) drafts.of(m.id);
  if (m && m.id !== whose) queueMicrotask(sendLeftovers);
  whose = m?.id ?? "";
});

/** Files that go with the next message, by conversation and mode. The server has them already. */
export const enclosed = signal<Record<string, Attachment[]>>({});

export function enclose(conversation: string, mode: Mode, files: Attachment[]): void {
  const { [`${conversation} ${mode}`]: _, ...others } = enclosed.peek();
  enclosed.value = files.length === 0 ? others : { ...others, [`${conversation} ${mode}`]: files };
}

export function setUndo(ms: number): void {
  undoFor.value = ms;
  store.set("undo", ms);
}

/** What goes to the server along with a message, by whoever adds to it. It must come out the same when the message is sent again. */
export const alongside: ((m: Outgoing) => object)[] = [];
const withIt = (m: Outgoing): object => Object.assign({}, ...alongside.map((f) => f(m)));

let reading: ReturnType<typeof entries.read> | undefined;
const outboxes = new Map<string, Outbox>();

function outboxOf(id: string): Outbox {
  const known = outboxes.get(id);
  if (known) return known;
  const box: Outbox = new Outbox({
    store,
    conversation: id,
    by: me.peek()?.id,
    isOnline: () => navigator.onLine !== false,
    onChange: (all) => {
      const next = new Map(onTheWay.peek());
      if (all.length > 0) next.set(id, all);
      else next.delete(id);
      onTheWay.value = next;
    },
    send: async (m) => {
      const res = await agentCall<{ message: Message }>(`/conversations/${id}/messages`, { client_id: m.clientId, text: m.text, visibility: m.kind ?? "public", ...withIt(m) }, "POST", leaving);
      if (openId.value === id && res?.message) record.value = withMessages(record.value, [res.message]);
    },
  });
  outboxes.set(id, box);
  return box;
}

/** Sends what an earlier page of this agent left unsent, in whichever conversation. */
export function sendLeftovers(): void {
  const left = store.get<Outgoing[]>("outbox") ?? [];
  for (const id of new Set(left.filter((m) => m.by === me.peek()?.id).map((m) => m.conversation))) void outboxOf(id).flush();
}

/** Tries everything again that waits for a connection. */
export function wakeOutboxes(): void {
  for (const box of outboxes.values()) box.wake();
}

/** Sends what is held for a conversation and waits until the server has it. */
export const settled = async (id: string): Promise<boolean> => (await outboxes.get(id)?.settled(8000)) ?? true;

/** Sends everything that is held, before the agent signs out or the page goes away. */
export const settleAll = async (): Promise<void> => void (await Promise.all([...outboxes.values()].map((b) => b.settled(3000))));

/** The page is going away: what is sent now must outlive it. */
let leaving = false;
if (typeof addEventListener === "function") {
  addEventListener("pagehide", () => {
    leaving = true;
    for (const box of outboxes.values()) box.release();
  });
  addEventListener("pageshow", () => (leaving = false));
}

/** The conversations that were open last, so that coming back to one shows it at once. */
const recent = new Recent<Kept>(60);

/** Up to where this agent has read each conversation, so that the list can say what is new. */
const seenUpTo = signal<Record<string, number>>(store.get<Record<string, number>>("seen") ?? {});

export const unread = (h: Handoff): boolean => h.last_author === "customer" && h.last_seq > (seenUpTo.value[h.conversation_id] ?? 0) && h.conversation_id !== openId.value;

function saw(id: string, seq: number): void {
  const { [id]: before = 0, ...others } = seenUpTo.peek();
  if (seq <= before) return;
  seenUpTo.value = Object.fromEntries([...Object.entries(others), [id, seq]].slice(-300));
  store.set("seen", seenUpTo.value);
}
effect(() => {
  if (openId.value && record.value.seq > 0) saw(openId.value, record.value.seq);
});

/** The message that somebody went to, by its number: it is brought into sight and marked until another conversation is opened. */
export const sought = signal<{ conversation: string; seq: number } | null>(null);

/** Opens a conversation at one of its messages. */
export function openMessage(id: string, seq: number): void {
  sought.value = seq > 0 ? { conversation: id, seq } : null;
  openConversation(id);
}

export function openConversation(id: string): void {
  if (sought.peek()?.conversation !== id) sought.value = null;
  view.value = "conversation";
  page.value = "inbox";
  if (openId.value === id) {
    history.replaceState(null, "", `#c/${encodeURIComponent(id)}`);
    return;
  }
  closeConversation();
  const known = recent.get(id);
  batch(() => {
    openId.value = id;
    mode.value = "public";
    if (known) {
      open.value = known.conversation;
      record.value = known.record;
    }
  });
  history.replaceState(null, "", `#c/${encodeURIComponent(id)}`);
  void outboxOf(id).flush();
  reading = entries.read(id, { onEntry: (e) => onEntry(id, e), onBehind: () => void load(id, "whole") });
  if (known) reading.from(known.record.seq);
  void load(id, known ? "aside" : "whole");
}

export function closeConversation(): void {
  reading?.stop();
  reading = undefined;
  const id = openId.peek();
  const shown = open.peek();
  if (id && shown && openFailed.peek() === "") recent.set(id, { conversation: shown, record: { ...record.peek(), draft: null, typing: {} } });
  if (id && outboxes.get(id)?.all.length === 0) {
    outboxes.get(id)?.stop();
    outboxes.delete(id);
  }
  batch(() => {
    openId.value = null;
    open.value = null;
    openFailed.value = "";
    record.value = emptyRecord;
  });
  history.replaceState(null, "", location.pathname);
}
onSignedOut(() => {
  closeConversation();
  recent.clear();
  for (const box of outboxes.values()) box.stop();
  outboxes.clear();
  onTheWay.value = new Map();
});

/** Reads a conversation: the whole of it, from where its entries go on, or what stands aside of them, its handoff and package. */
async function load(id: string, what: "whole" | "aside"): Promise<void> {
  try {
    const c = await agentCall<AgentConversation>(`/conversations/${encodeURIComponent(id)}`);
    if (openId.value !== id) return;
    const { owner, agent, status, last_seq } = c.conversation;
    batch(() => {
      open.value = c;
      openFailed.value = "";
      const before = record.peek();
      record.value = withMessages(what === "aside" || last_seq < before.seq ? before : { ...before, seq: last_seq, owner, agent: agent ?? null, status, read: { ...before.read, ...(c.read && { customer: c.read.customer, agent: c.read.agent }) } }, c.messages);
    });
    if (what === "whole") reading?.from(record.peek().seq);
  } catch (err) {
    if (openId.value !== id) return;
    const gone = err instanceof Problem && err.status === 404;
    if (gone) recent.delete(id);
    if (what === "whole" || gone) openFailed.value = gone ? "This conversation does not exist or is not for your teams." : words(err);
  }
}

/** Reads the handoff and the package of the open conversation anew, and keeps what is shown until then. */
export function refreshConversation(id: string): void {
  if (openId.value === id) void load(id, "aside");
}

/** Tries again to open what could not be opened. */
export function reload(): void {
  const id = openId.value;
  if (!id) return;
  closeConversation();
  openConversation(id);
}

let refresh: ReturnType<typeof setTimeout> | undefined;

function onEntry(id: string, e: Entry): void {
  if (openId.value !== id) return;
  record.value = applyEntry(record.value, e.seq, e.kind, e.data);
  if (e.kind === "message") {
    const m = e.data as Message;
    if (m.client_id) outboxes.get(id)?.arrived(m.client_id);
    if (m.author === "customer") announcement.value = `Customer: ${m.text}`;
  }
  if (e.kind === "handoff" || e.kind === "owner") {
    clearTimeout(refresh);
    refresh = setTimeout(() => refreshConversation(id), 250);
  }
}

/** Sends what stands in the composer. From here on it is the outbox that keeps it, so its draft ends. */
export function send(text: string): void {
  const t = text.trim();
  const id = openId.value;
  const files = enclosed.peek()[`${id} ${mode.value}`] ?? [];
  if ((t === "" && files.length === 0) || !id) return;
  // A note goes at once: it can do no harm outside.
  outboxOf(id).add(t, mode.value, mode.value === "public" ? undoFor.value : 0, files);
  enclose(id, mode.value, []);
  drafts.clear(id, mode.value);
  announcement.value = mode.value === "public" && undoFor.value > 0 ? "Reply is about to be sent. It can be undone." : "";
}

const shownBox = () => outboxes.get(openId.value ?? "");
export const retry = (clientId: string) => shownBox()?.retry(clientId);
export const discard = (clientId: string) => shownBox()?.discard(clientId);
export const sendNow = (clientId: string) => shownBox()?.release(clientId);

/** The newest reply that can still be taken back here. */
export const held = computed(() => outgoing.value.findLast((m) => m.state === "held"));

/** Takes the newest held reply back into the composer, before what has been begun since. */
export function undoSend(clientId = held.value?.clientId): void {
  const id = openId.value;
  const m = clientId && id ? outboxes.get(id)?.takeBack(clientId) : undefined;
  if (!m || !id) return;
  const begun = drafts.get(id, "public");
  drafts.set(id, "public", begun === "" ? m.text : `${m.text}\n\n${begun}`);
  if (m.attachments) enclose(id, "public", [...m.attachments, ...(enclosed.peek()[`${id} public`] ?? [])]);
  announcement.value = "Not sent. The reply is in the text field again.";
  write("public");
}

let typedAt = 0;

export function typing(): void {
  const now = Date.now();
  if (!openId.value || !isMine.value || mode.value !== "public" || now - typedAt < 3500) return;
  typedAt = now;
  agentCall(`/conversations/${openId.value}/typing`, {}).catch(() => {});
}

/** Whether the cursor is in the composer. */
export const inComposer = signal(false);
if (typeof document !== "undefined") {
  const look = () => (inComposer.value = document.activeElement?.id === "reply");
  document.addEventListener("focusin", look);
  // Where the focus goes is known only after it has left.
  document.addEventListener("focusout", () => queueMicrotask(look));
}

/** The conversation whose composer gets the cursor as soon as it is there: after Accept the server may have to say first whose it is. Until then keys would be commands. */
export const cursorFor = signal<string | null>(null);

/** Puts the cursor into the composer, for a reply or a note. */
export function write(m: Mode): void {
  mode.value = m;
  cursorFor.value = openId.value;
  requestAnimationFrame(placeCursor);
}

/** Puts the cursor into the composer if that was asked for and the composer is there. */
export function placeCursor(): void {
  if (cursorFor.peek() === null) return;
  const field = cursorFor.peek() === openId.peek() && !dialog.peek() ? document.getElementById("reply") : null;
  field?.focus();
  if (field || cursorFor.peek() !== openId.peek()) cursorFor.value = null;
}

/** Opens the next conversation of mine whose customer waits for an answer. */
export function nextUnanswered(): void {
  const all = split.value.mine;
  const at = all.findIndex((h) => h.conversation_id === openId.value);
  const next = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0))].find(awaits);
  if (next) openConversation(next.conversation_id);
  else notice.value = { text: "No customer of yours waits for an answer.", bad: false };
}

export function move(by: 1 | -1): void {
  const all = inOrder.value;
  const next = step(all, all.find((h) => h.conversation_id === openId.value), by);
  if (next) openConversation(next.conversation_id);
}
