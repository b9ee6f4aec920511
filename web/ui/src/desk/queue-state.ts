// The queue as an agent sees it: pure functions over the server's snapshot. The order of waiting is the server's alone.

import type { Handoff, QueueSnapshot } from "../shared/types.ts";

export interface Sections {
  offers: Handoff[];
  mine: Handoff[];
  /** Mine too, but asleep until a time or until the customer writes. */
  sleeping: Handoff[];
  waiting: Handoff[];
}

/** Whether this agent is asked to take it: from the queue, or from a colleague who has it until then. */
export const offeredTo = (h: Handoff, me: string): boolean => (h.state === "offered" && h.agent_id === me) || (h.state === "accepted" && h.wanted_agent === me && h.agent_id !== me);

export function sections(q: QueueSnapshot | null, me: string): Sections {
  const seen = new Set<string>();
  const offers: Handoff[] = [];
  const mine: Handoff[] = [];
  const sleeping: Handoff[] = [];
  for (const h of [...(q?.mine ?? []), ...(q?.handoffs ?? [])]) {
    const asked = offeredTo(h, me);
    if (seen.has(h.id) || (h.agent_id !== me && !asked)) continue;
    seen.add(h.id);
    if (asked) offers.push(h);
    else if (h.snoozed_until) sleeping.push(h);
    else mine.push(h);
  }
  const waiting = (q?.handoffs ?? []).filter((h) => !seen.has(h.id) && h.state !== "accepted");
  return { offers, mine, sleeping, waiting };
}

/** Whether the customer of a conversation waits for an answer of its agent: they wrote last, or no person has answered them yet. */
export const awaits = (h: Pick<Handoff, "last_author" | "first_reply_at">): boolean => h.last_author === "customer" || !h.first_reply_at;

/** How the server's own summaries begin, in each language: in a row it is in the way. */
const label = /^(Wants|Anliegen|Quiere|Vill|Souhaite) ?: /;

/** What a row says of a conversation: the last message, but not the assistant's parting words, which are the same for many; until a person answers it is what the customer wants. */
export function preview(h: Pick<Handoff, "last_message" | "last_author" | "summary" | "first_reply_at">): { author: string; text: string } {
  if (!h.last_message || (h.last_author === "assistant" && !h.first_reply_at && h.summary)) return { author: "", text: h.summary.replace(label, "") };
  return { author: h.last_author, text: h.last_message };
}

export type Deadline = { kind: "none" } | { kind: "met" } | { kind: "due" | "soon" | "overdue"; seconds: number };

/** Where the first answer stands against its deadline; "soon" is the last fifth of the time, at least a minute. */
export function deadline(h: Pick<Handoff, "due_at" | "queued_at" | "first_reply_at">, now: number): Deadline {
  if (h.first_reply_at) return { kind: "met" };
  if (!h.due_at) return { kind: "none" };
  const due = Date.parse(h.due_at);
  const left = (due - now) / 1000;
  if (left < 0) return { kind: "overdue", seconds: -left };
  const whole = (due - Date.parse(h.queued_at)) / 1000;
  return { kind: left <= Math.max(60, whole / 5) ? "soon" : "due", seconds: left };
}

/** Offers that were not there before: what a sound is worth. */
export function newOffers(before: Handoff[], after: Handoff[]): Handoff[] {
  const known = new Set(before.map((h) => `${h.id} ${h.offer_expires_at}`));
  return after.filter((h) => !known.has(`${h.id} ${h.offer_expires_at}`));
}

/** Conversations in which a customer has written since. */
export function newMessages(before: Handoff[], after: Handoff[]): Handoff[] {
  const known = new Map(before.map((h) => [h.id, h.last_seq]));
  return after.filter((h) => h.last_author === "customer" && h.last_seq > (known.get(h.id) ?? Number.POSITIVE_INFINITY));
}

/** Which rows of equal height to draw: those in sight and a few around them. top is where the list begins, measured from the upper edge of what is seen. */
export function windowOf(count: number, top: number, rowHeight: number, seen: number, around = 6): { from: number; to: number } {
  if (rowHeight <= 0) return { from: 0, to: Math.min(count, 30) };
  const from = Math.min(count, Math.max(0, Math.floor(-top / rowHeight) - around));
  return { from, to: Math.max(from, Math.min(count, Math.ceil((seen - top) / rowHeight) + around)) };
}

/** The neighbour in a list that j and k move to; the first or last one when nothing is chosen. */
export function step<T>(all: T[], current: T | undefined, by: 1 | -1): T | undefined {
  if (all.length === 0) return undefined;
  const at = current === undefined ? -1 : all.indexOf(current);
  if (at < 0) return by > 0 ? all[0] : all[all.length - 1];
  return all[Math.min(all.length - 1, Math.max(0, at + by))];
}
