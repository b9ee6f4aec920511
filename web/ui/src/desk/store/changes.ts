// What the desk's stream says, applied to what is known: pure functions.

import { offeredTo } from "../queue-state.ts";
import type { BoardChange, Handoff, QueueSnapshot } from "../../shared/types.ts";

const waits = (h: Handoff) => h.state === "queued" || h.state === "offered" || h.state === "asynchronous";

const inOrder = (a: Handoff, b: Handoff) => a.rank - b.rank || (a.id < b.id ? -1 : 1);

/** The lists after a change. What has not changed stays the same object. */
export function withChange(q: QueueSnapshot, c: BoardChange, me: string): QueueSnapshot {
  const old = new Set([...c.gone, ...c.handoffs.map((h) => h.id)]);
  const merged = (list: Handoff[], fits: (h: Handoff) => boolean) => {
    const fresh = c.handoffs.filter(fits);
    if (fresh.length === 0 && !list.some((h) => old.has(h.id))) return list;
    return [...list.filter((h) => !old.has(h.id)), ...fresh].sort(inOrder);
  };
  const agents = new Map((q.agents ?? []).map((a) => [a.id, a]));
  for (const id of c.left) agents.delete(id);
  for (const a of c.agents) agents.set(a.id, a);
  return {
    handoffs: merged(q.handoffs, waits),
    mine: merged(q.mine, (h) => h.agent_id === me || offeredTo(h, me)),
    me: agents.get(me) ?? q.me,
    agents: c.left.length + c.agents.length === 0 ? q.agents : [...agents.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1)),
    waiting: c.waiting,
  };
}

/** The lists after this agent has ended a handoff or given it away, before the stream says so. An offer of the same one that came meanwhile stays. */
export function withoutMine(q: QueueSnapshot, id: string, me: string): QueueSnapshot {
  const mine = q.mine.filter((h) => h.id !== id || h.agent_id !== me || h.state !== "accepted");
  return mine.length === q.mine.length ? q : { ...q, mine };
}

export interface Entry {
  conversation: string;
  seq: number;
  kind: string;
  data: unknown;
}

export interface Reader {
  onEntry: (e: Entry) => void;
  /** Entries are missing that do not come any more: read the conversation anew, and say by `from` how far. */
  onBehind: () => void;
}

interface Reading extends Reader {
  seq: number | null;
  lost: boolean;
}

/** Entries that are kept of a conversation for a reader who comes later. */
const kept = 200;

/**
 * Hands the entries of many conversations to whoever reads one of them: each once, in order, without a gap. What arrives
 * before a reader has said where it stands is kept for it.
 */
export class Entries {
  private readonly logs = new Map<string, { behind: number; entries: Entry[] }>();
  private readonly readers = new Map<string, Reading>();

  /** A new connection: nothing is followed until the server says so. */
  restart(): void {
    this.logs.clear();
  }

  /** From now on everything behind this number arrives. */
  follow(conversation: string, seq: number): void {
    this.logs.set(conversation, { behind: seq, entries: [] });
    const r = this.readers.get(conversation);
    if (r && (r.seq === null ? r.lost : r.seq < seq)) this.behind(r);
  }

  take(e: Entry): void {
    const log = this.logs.get(e.conversation);
    if (!log) return;
    log.entries.push(e);
    if (log.entries.length > kept) {
      const dropped = log.entries.splice(0, kept / 2);
      log.behind = dropped[dropped.length - 1]?.seq ?? log.behind;
    }
    const r = this.readers.get(e.conversation);
    if (r) this.give(r, e);
  }

  /** Begins to read; nothing is handed on until from says where the reader stands. */
  read(conversation: string, reader: Reader): { from: (seq: number) => void; stop: () => void } {
    const r: Reading = { ...reader, seq: null, lost: false };
    this.readers.set(conversation, r);
    return {
      from: (seq) => {
        if (this.readers.get(conversation) !== r) return;
        r.seq = seq;
        r.lost = false;
        const log = this.logs.get(conversation);
        if (!log) return;
        if (seq < log.behind) return this.behind(r);
        for (const e of [...log.entries]) this.give(r, e);
      },
      stop: () => {
        if (this.readers.get(conversation) === r) this.readers.delete(conversation);
      },
    };
  }

  private give(r: Reading, e: Entry): void {
    if (r.seq === null || e.seq <= r.seq) return;
    if (e.seq !== r.seq + 1) return this.behind(r);
    r.seq = e.seq;
    r.onEntry(e);
  }

  private behind(r: Reading): void {
    r.seq = null; // until it says where it stands; when it cannot read, it is told again by the next connection
    r.lost = true;
    r.onBehind();
  }
}

/** The entries of the desk's stream. */
export const entries = new Entries();
