// The conversation as this page knows it, made from the server's numbered events and from nothing else. Pure functions:
// the same events in the same order give the same state, and an event that comes twice changes nothing.

import type { Citation, Delta, HandoffPlace, Message, Outcome, Owner, AgentRef, TurnEnd } from "./types.ts";
import type { ServerEvent } from "./sse.ts";

export interface Draft {
  turn: string;
  attempt: number;
  text: string;
  citations: Citation[];
}

export interface RecordState {
  seq: number;
  messages: Message[]; // by sequence number
  draft: Draft | null; // what the running turn has said so far
  ended: Record<string, TurnEnd>; // turns that have ended
  owner: Owner;
  agent: AgentRef | null;
  handoff: HandoffPlace | null;
  status: "open" | "closed";
  typing: Partial<Record<"customer" | "agent", number>>; // until when, in milliseconds
  read: Partial<Record<"customer" | "agent", number>>; // up to which sequence number
  delivered: number; // up to which sequence number the customer's messages are at the agent's desk
  rating: number | null;
}

export const emptyRecord: RecordState = {
  seq: 0,
  messages: [],
  draft: null,
  ended: {},
  owner: "assistant",
  agent: null,
  handoff: null,
  status: "open",
  typing: {},
  read: {},
  delivered: 0,
  rating: null,
};

/** Puts messages in their places. A message that is there already is replaced: the server's newest word counts. */
export function withMessages(s: RecordState, added: Message[]): RecordState {
  if (added.length === 0) return s;
  const byId = new Map(s.messages.map((m) => [m.id, m]));
  const fresh = added.filter((m) => !byId.has(m.id));
  for (const m of added) byId.set(m.id, { ...byId.get(m.id), ...m });
  const messages = [...byId.values()].sort((a, b) => a.seq - b.seq);
  let draft = s.draft;
  let typing = s.typing;
  for (const m of added) {
    if (draft && m.turn === draft.turn && m.author === "assistant") draft = null;
  }
  for (const m of fresh) {
    if (m.author === "agent" || m.author === "customer") typing = { ...typing, [m.author]: 0 };
  }
  return { ...s, messages, draft, typing };
}

function withDelta(s: RecordState, d: Delta): RecordState {
  if (s.ended[d.turn] || s.messages.some((m) => m.turn === d.turn && m.author === "assistant")) return s;
  const now = s.draft?.turn === d.turn ? s.draft : null;
  if (now && d.attempt < now.attempt) return s; // a process that was silenced
  const base = now && d.attempt === now.attempt ? now : { turn: d.turn, attempt: d.attempt, text: "", citations: [] };
  const citations = d.citations?.length ? mergeCitations(base.citations, d.citations) : base.citations;
  return { ...s, draft: { ...base, text: base.text + d.text, citations } };
}

function mergeCitations(a: Citation[], b: Citation[]): Citation[] {
  const byN = new Map(a.map((c) => [c.n, c]));
  for (const c of b) byN.set(c.n, c);
  return [...byN.values()].sort((x, y) => x.n - y.n);
}

function withTurnEnd(s: RecordState, t: TurnEnd): RecordState {
  const ended = { ...s.ended, [t.id]: t };
  return { ...s, ended, draft: s.draft?.turn === t.id ? null : s.draft };
}

const silent: Outcome[] = ["superseded", "cancelled"];

/** Applies one event of the log. Unknown kinds only move the number on. */
export function apply(s: RecordState, e: ServerEvent): RecordState {
  const n = Number(e.id);
  const numbered = e.id !== "" && Number.isSafeInteger(n) && n > 0;
  if (numbered && n <= s.seq) return s;
  return applyEntry(s, numbered ? n : 0, e.event, e.event === "ping" ? null : JSON.parse(e.data));
}

/** The same for an entry whose data has been read already; seq 0 is without a number. */
export function applyEntry(s: RecordState, seq: number, kind: string, data: unknown): RecordState {
  if (seq > 0 && seq <= s.seq) return s;
  const next = seq > 0 ? { ...s, seq } : s;
  switch (kind) {
    case "message":
      return withMessages(next, [data as Message]);
    case "delta":
      return withDelta(next, data as Delta);
    case "turn":
      return withTurnEnd(next, data as TurnEnd);
    case "owner": {
      const { owner, agent } = data as { owner: Owner; agent?: AgentRef };
      return { ...next, owner, agent: owner === "agent" ? (agent ?? null) : null, draft: owner === "assistant" ? next.draft : null, typing: {} };
    }
    case "handoff": {
      const h = data as Partial<HandoffPlace>;
      const before = next.handoff && next.handoff.id === h.id ? next.handoff : null;
      return { ...next, handoff: { position: 0, wait: null, open: true, opens_at: null, team: "", summary: "", reason: "", ...before, ...h } as HandoffPlace };
    }
    case "typing": {
      const { author, until } = data as { author: "customer" | "agent"; until: string };
      return { ...next, typing: { ...next.typing, [author]: Date.parse(until) || 0 } };
    }
    case "read": {
      const { author, seq } = data as { author: "customer" | "agent"; seq: number };
      return { ...next, read: { ...next.read, [author]: Math.max(seq, next.read[author] ?? 0) } };
    }
    case "delivered":
      return { ...next, delivered: Math.max((data as { seq: number }).seq, next.delivered) };
    case "rating":
      return { ...next, rating: (data as { score: number }).score ?? next.rating };
    case "status":
      return { ...next, status: (data as { status: "open" | "closed" }).status };
    default:
      return next;
  }
}

/** Says whether a turn of the assistant is at work and has not been heard yet. */
export function isThinking(s: RecordState): boolean {
  if (s.owner !== "assistant" || s.status !== "open" || s.draft) return false;
  const last = s.messages.findLast((m) => m.author === "customer");
  if (!last?.turn) return false;
  if (s.ended[last.turn]) return false;
  return !s.messages.some((m) => m.author === "assistant" && m.turn === last.turn);
}

/** The turn that is at work or speaks, and so can be stopped. */
export function liveTurn(s: RecordState): string | undefined {
  return s.draft?.turn ?? (isThinking(s) ? s.messages.findLast((m) => m.author === "customer")?.turn : undefined);
}

/** Says whether the customer stopped the turn before its first word. */
export function stoppedInSilence(s: RecordState, turn: string | undefined): boolean {
  return turn !== undefined && s.ended[turn]?.reason === "stopped_by_customer" && !s.messages.some((m) => m.author === "assistant" && m.turn === turn);
}

/** How the turn that wrote a message ended; undefined while that is not known. */
export function outcomeOf(s: RecordState, m: Message): Outcome | undefined {
  const o = m.turn ? s.ended[m.turn]?.outcome : undefined;
  return o && !silent.includes(o) ? o : undefined;
}

/** The bullet list at the end of a clarifying question: its titles, and the text before them. */
export function optionsOf(text: string): { lead: string; options: string[] } {
  const lines = text.trimEnd().split("\n");
  const options: string[] = [];
  while (lines.length > 0) {
    const found = /^\s*[-*]\s+(.+)$/.exec(lines[lines.length - 1] ?? "");
    if (!found) break;
    options.unshift((found[1] ?? "").trim());
    lines.pop();
  }
  return { lead: lines.join("\n"), options };
}
