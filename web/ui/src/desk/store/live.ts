// The desk's stream from the server: one connection, and whoever wants to hear an event of it.

import { signal } from "@preact/signals";
import { call, Problem } from "../../shared/api.ts";
import { follow, type Link } from "../../shared/sse.ts";
import type { BoardChange, Me, Message, QueueSnapshot, Viewer } from "../../shared/types.ts";
import { entries, type Entry, withChange } from "./changes.ts";
import { openConversation, openFailed, openId, record } from "./conversation.ts";
import { queue, split, takeQueue } from "./queue.ts";
import { agentCall, company, me, onSignedOut, page, signedOut, teams, unreachable } from "./session.ts";

export const link = signal<Link>("connecting");

const listeners = new Map<string, ((data: unknown) => void)[]>();

/** Calls f with the data of every event of this name. Events that nobody asked for are dropped. */
export function onDeskEvent<T>(event: string, f: (data: T) => void): void {
  listeners.set(event, [...(listeners.get(event) ?? []), f as (data: unknown) => void]);
}

onDeskEvent<QueueSnapshot>("queue", (q) => {
  entries.restart(); // the first event of a connection
  viewers.value = {};
  takeQueue(q);
});
onDeskEvent<BoardChange>("change", (c) => {
  if (queue.value && me.value) takeQueue(withChange(queue.value, c, me.value.id));
});

onDeskEvent<{ conversation: string; seq: number }>("follow", (f) => entries.follow(f.conversation, f.seq));
onDeskEvent<Entry>("entry", (e) => entries.take(e));

/** Who else has a conversation open, by its id. */
export const viewers = signal<Record<string, Viewer[]>>({});
onDeskEvent<{ conversation: string; agents: Viewer[] }>("viewers", (v) => {
  const { [v.conversation]: _, ...others } = viewers.value;
  viewers.value = v.agents.length === 0 ? others : { ...others, [v.conversation]: v.agents };
});

/** Colleagues are told again and again what is open here; a sign of writing lasts a little longer than the pauses of who writes. */
const viewingEvery = 10_000;
const writingFor = 6_000;

let viewed: string | null = null;
let isWriting = false;
let again: ReturnType<typeof setInterval> | undefined;
let pause: ReturnType<typeof setTimeout> | undefined;

function tellViewing(): void {
  const id = viewed;
  if (!id) return;
  agentCall(`/conversations/${encodeURIComponent(id)}/viewing`, { writing: isWriting }).catch((err) => {
    if (err instanceof Problem && err.status === 404 && openId.value === id) openFailed.value = "You can no longer see this conversation.";
  });
}

openId.subscribe((id) => {
  clearInterval(again);
  clearTimeout(pause);
  if (viewed && me.peek()) agentCall(`/conversations/${encodeURIComponent(viewed)}/viewing`, undefined, "DELETE").catch(() => {});
  viewed = id;
  isWriting = false;
  if (!id) return;
  again = setInterval(tellViewing, viewingEvery);
  tellViewing();
});

/** Tells colleagues that something is being written in the open conversation, until nothing was for a while. */
export function writing(): void {
  clearTimeout(pause);
  pause = setTimeout(() => {
    isWriting = false;
    tellViewing();
  }, writingFor);
  if (isWriting) return;
  isWriting = true;
  tellViewing();
}

/** What was read last, so that it is said once. It is read while the page is in front. */
let readUpTo = { conversation: "", seq: 0 };
let reading: ReturnType<typeof setTimeout> | undefined;

function tellRead(): void {
  reading = undefined;
  const conversation = openId.peek();
  const seq = record.peek().messages.at(-1)?.seq ?? 0;
  if (!conversation || !me.peek() || page.peek() !== "inbox" || document.visibilityState !== "visible") return;
  if (readUpTo.conversation === conversation && readUpTo.seq >= seq) return;
  readUpTo = { conversation, seq };
  agentCall(`/conversations/${encodeURIComponent(conversation)}/read`, { seq }).catch(() => {
    readUpTo = { conversation: "", seq: 0 }; // said again with the next message
  });
}

const soonRead = () => (reading ??= setTimeout(tellRead, 400));
record.subscribe((r) => {
  if (r.messages.length > 0) soonRead();
});
page.subscribe(soonRead);
if (typeof document !== "undefined") document.addEventListener("visibilitychange", soonRead);

/** What the customers of this agent's conversations are told to have arrived, by conversation. */
const arrived = new Map<string, number>();

/** Says that a customer's message is on this desk; of the conversation in front tellRead says more. */
function tellArrived(conversation: string, seq: number): void {
  if (!me.peek() || seq <= (arrived.get(conversation) ?? 0)) return;
  if (conversation === openId.peek() && page.peek() === "inbox" && document.visibilityState === "visible") return;
  arrived.set(conversation, seq);
  agentCall(`/conversations/${encodeURIComponent(conversation)}/read`, { seq, delivered: true }).catch(() => {
    if (arrived.get(conversation) === seq) arrived.delete(conversation); // said again with the next view of the queue
  });
}
onDeskEvent<Entry>("entry", (e) => {
  if (e.kind !== "message" || (e.data as Message).author !== "customer") return;
  if (split.peek().mine.some((h) => h.conversation_id === e.conversation)) tellArrived(e.conversation, e.seq);
});
split.subscribe(({ mine }) => {
  for (const h of mine) if (h.last_author === "customer") tellArrived(h.conversation_id, h.last_seq); // what came before the connection
});
onSignedOut(() => arrived.clear());

let stop: (() => void) | undefined;
onSignedOut(() => stop?.());

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
  stop?.();
  stop = follow({
    url: "/v1/agent/events",
    onLink: (l) => (link.value = l),
    onRefused: signedOut,
    onEvent: (e) => {
      const all = listeners.get(e.event);
      if (!all) return;
      const data: unknown = JSON.parse(e.data);
      for (const f of all) f(data);
    },
  });
  page.value = /^#p\/([\w-]+)$/.exec(location.hash)?.[1] ?? "inbox";
  const asked = /^#c\/(.+)$/.exec(location.hash)?.[1];
  if (asked) openConversation(decodeURIComponent(asked));
}
