// The conversation that is open: its record, what is on its way to it, and what is being written.

import { computed, signal } from "@preact/signals";
import { Problem } from "../../shared/api.ts";
import { Outbox, type Outgoing } from "../../shared/outbox.ts";
import { apply, emptyRecord, withMessages, type RecordState } from "../../shared/record.ts";
import { follow, type ServerEvent } from "../../shared/sse.ts";
import { browserStore, sessionArea } from "../../shared/storage.ts";
import type { AgentConversation, Handoff, Message } from "../../shared/types.ts";
import { Drafts, type Mode } from "../drafts.ts";
import { step } from "../queue-state.ts";
import { inOrder } from "./queue.ts";
import { agentCall, announcement, me, onSignedOut, page, store, view, words } from "./session.ts";

export const openId = signal<string | null>(null);
export const open = signal<AgentConversation | null>(null);
export const openFailed = signal("");
export const record = signal<RecordState>(emptyRecord);
export const outgoing = signal<Outgoing[]>([]);
/** Whether a reply or a note is being written. */
export const mode = signal<Mode>("public");

export const handoff = computed<Handoff | null>(() => inOrder.value.find((h) => h.conversation_id === openId.value) ?? open.value?.handoff ?? null);
export const isMine = computed(() => handoff.value?.state === "accepted" && handoff.value.agent_id === me.value?.id);
export const isOffer = computed(() => handoff.value?.state === "offered" && handoff.value.agent_id === me.value?.id);
export const isFree = computed(() => ["queued", "asynchronous"].includes(handoff.value?.state ?? ""));

/** What is being written, per conversation. It outlives a reload but not the tab, and is another agent's never. */
export const drafts = new Drafts(browserStore("firstline.desk.", sessionArea()));
me.subscribe((m) => {
  if (m) drafts.of(m.id);
});

let stopOpen: (() => void) | undefined;
let outbox: Outbox | undefined;

export function openConversation(id: string): void {
  view.value = "conversation";
  page.value = "inbox";
  if (openId.value === id) {
    history.replaceState(null, "", `#c/${encodeURIComponent(id)}`);
    return;
  }
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
onSignedOut(closeConversation);

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

/** Reads the open conversation anew, its handoff and package too, and keeps what is shown until then. */
export function refreshConversation(id: string): void {
  if (openId.value === id) void load(id, false);
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
    refresh = setTimeout(() => refreshConversation(id), 250);
  }
}

/** Sends what stands in the composer. From here on it is the outbox that keeps it, so its draft ends. */
export function send(text: string): void {
  const t = text.trim();
  const id = openId.value;
  if (t === "" || !id || !outbox) return;
  outbox.add(t, mode.value);
  drafts.clear(id, mode.value);
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

/** Puts the cursor into the composer, for a reply or a note. */
export function write(m: Mode): void {
  mode.value = m;
  requestAnimationFrame(() => document.getElementById("reply")?.focus());
}

export function move(by: 1 | -1): void {
  const all = inOrder.value;
  const next = step(all, all.find((h) => h.conversation_id === openId.value), by);
  if (next) openConversation(next.conversation_id);
}
