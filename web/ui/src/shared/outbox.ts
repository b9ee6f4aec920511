// Messages on their way to the server. They are kept in the browser until the server has them, are sent one after the
// other in the order of writing, and carry a client id, so that sending one twice stores it once.

import { Problem, newId } from "./api.ts";
import type { Store } from "./storage.ts";
import { backoff } from "./sse.ts";
import type { Attachment } from "./types.ts";

export interface Outgoing {
  clientId: string;
  conversation: string;
  text: string;
  /** Files that the server has already. */
  attachments?: Attachment[];
  /** What kind of message it is, where there are several: "internal" for an agent's note. */
  kind?: string;
  /** Whose message it is, where several people use one browser: only they send it. */
  by?: string;
  at: string;
  /** A held message is not sent before `until`, in milliseconds, and can be taken back so long. */
  state: "held" | "waiting" | "sending" | "failed";
  until?: number;
  /** The server's own words when it refused; empty when it could not be reached. */
  error?: string;
}

export interface OutboxOptions {
  store: Store;
  conversation: string;
  /** Who writes; other people's messages in this browser are left alone. */
  by?: string;
  send: (m: Outgoing) => Promise<void>;
  onChange: (all: Outgoing[]) => void;
  isOnline?: () => boolean;
  random?: () => number;
  now?: () => Date;
}

/** After this many tries the message is shown as not sent, though it goes on being tried on the next occasion. */
const triesBeforeFailed = 4;

export class Outbox {
  private items: Outgoing[];
  private busy = false;
  private tries = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private holding: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  /** What another page wrote, perhaps one that is still open: it may send it or take it back. */
  private readonly adopted: Set<string>;
  private watchers = new Set<() => void>();

  constructor(private readonly o: OutboxOptions) {
    // What was being sent when the page went away may or may not have arrived: it is sent again under its old id.
    this.items = this.read().map((m) => (m.state === "sending" ? { ...m, state: "waiting" } : m));
    this.adopted = new Set(this.items.map((m) => m.clientId));
    if (this.items.length > 0) this.changed();
    this.hold();
  }

  get all(): Outgoing[] {
    return this.items;
  }

  /** Takes a message to send, at once or, so that it can be taken back, after holdMs. */
  add(text: string, kind?: string, holdMs = 0, attachments: Attachment[] = []): Outgoing {
    const m: Outgoing = {
      clientId: newId(),
      conversation: this.o.conversation,
      text,
      ...(attachments.length > 0 ? { attachments } : {}),
      ...(kind ? { kind } : {}),
      ...(this.o.by ? { by: this.o.by } : {}),
      at: new Date(this.time()).toISOString(),
      ...(holdMs > 0 ? { state: "held", until: this.time() + holdMs } : { state: "waiting" }),
    };
    this.items = [...this.items, m];
    this.changed();
    this.hold();
    void this.flush();
    return m;
  }

  /** Takes back a message that is still held; undefined when it is on its way already. */
  takeBack(clientId: string): Outgoing | undefined {
    const m = this.items.find((x) => x.clientId === clientId && x.state === "held");
    if (m) this.arrived(clientId);
    return m;
  }

  /** Sends what is held, now: one message, or all. */
  release(clientId?: string): void {
    const due = (m: Outgoing) => m.state === "held" && (clientId === undefined || m.clientId === clientId);
    if (!this.items.some(due)) return;
    this.items = this.items.map((m) => (due(m) ? { ...m, state: "waiting", until: undefined } : m));
    this.changed();
    this.hold();
    void this.flush();
  }

  /** Sends what is held and waits until the server has everything. False when something failed or it takes longer. */
  async settled(withinMs: number): Promise<boolean> {
    this.release();
    const undecided = () => this.items.some((m) => m.state === "waiting" || m.state === "sending");
    if (undecided()) {
      await new Promise<void>((done) => {
        const end = () => {
          clearTimeout(late);
          this.watchers.delete(look);
          done();
        };
        const look = () => !undecided() && end();
        const late = setTimeout(end, withinMs);
        this.watchers.add(look);
      });
    }
    return this.items.length === 0;
  }

  /** The server has it: the event stream said so, or another tab sent it. */
  arrived(clientId: string): void {
    if (!this.items.some((m) => m.clientId === clientId)) return;
    this.items = this.items.filter((m) => m.clientId !== clientId);
    this.changed();
  }

  retry(clientId: string): void {
    this.tries = 0;
    this.update(clientId, { state: "waiting", error: undefined });
    void this.flush();
  }

  discard(clientId: string): void {
    this.arrived(clientId);
  }

  /** Tries what could not be sent for want of a connection, now. Call it when the connection is back. */
  wake(): void {
    this.tries = 0;
    this.items = this.items.map((m) => (m.state === "failed" && !m.error ? { ...m, state: "waiting" } : m));
    this.changed();
    void this.flush();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.holding);
  }

  /** Sends what waits, oldest first; returns when nothing more can be done at once. */
  async flush(): Promise<void> {
    if (this.busy || this.stopped) return;
    clearTimeout(this.timer);
    this.busy = true;
    try {
      for (;;) {
        const next = this.items.find((m) => m.state === "waiting");
        if (!next || this.stopped) return;
        if (this.o.isOnline && !this.o.isOnline()) return;
        if (this.adopted.has(next.clientId) && !this.read().some((m) => m.clientId === next.clientId)) {
          this.arrived(next.clientId); // another page has sent it, or its writer has taken it back
          continue;
        }
        this.update(next.clientId, { state: "sending" });
        try {
          await this.o.send(next);
          this.tries = 0;
          this.arrived(next.clientId);
        } catch (err) {
          const p = err instanceof Problem ? err : new Problem(0, "network", String(err));
          if (!p.passing) {
            this.update(next.clientId, { state: "failed", error: p.message || p.code });
            continue; // the next one may be fine
          }
          this.tries++;
          this.update(next.clientId, { state: this.tries >= triesBeforeFailed ? "failed" : "waiting" });
          const wait = Math.max(p.retryAfterMs, backoff(this.tries, this.o.random ?? Math.random));
          this.timer = setTimeout(() => {
            this.items = this.items.map((m) => (m.state === "failed" && !m.error ? { ...m, state: "waiting" } : m));
            void this.flush();
          }, wait);
          return;
        }
      }
    } finally {
      this.busy = false;
    }
  }

  /** Waits for the end of the shortest hold. */
  private hold(): void {
    clearTimeout(this.holding);
    const next = Math.min(...this.items.filter((m) => m.state === "held").map((m) => m.until ?? 0));
    if (!Number.isFinite(next) || this.stopped) return;
    this.holding = setTimeout(
      () => {
        const now = this.time();
        this.items = this.items.map((m) => (m.state === "held" && (m.until ?? 0) <= now ? { ...m, state: "waiting", until: undefined } : m));
        this.changed();
        this.hold();
        void this.flush();
      },
      Math.max(0, next - this.time()),
    );
  }

  private time(): number {
    return (this.o.now?.() ?? new Date()).getTime();
  }

  private update(clientId: string, part: Partial<Outgoing>): void {
    this.items = this.items.map((m) => (m.clientId === clientId ? { ...m, ...part } : m));
    this.changed();
  }

  private read(): Outgoing[] {
    return (this.o.store.get<Outgoing[]>("outbox") ?? []).filter((m) => m.conversation === this.o.conversation && m.by === this.o.by);
  }

  private changed(): void {
    // Other tabs keep other messages under the same name: only this tab's own are rewritten.
    const mine = new Set(this.items.map((m) => m.clientId));
    for (const id of mine) this.known.add(id);
    const all = this.o.store.get<Outgoing[]>("outbox") ?? [];
    const foreign = all.filter((m) => !this.known.has(m.clientId));
    // What another page has sent or taken back is not written down again.
    this.items = this.items.filter((m) => !this.adopted.has(m.clientId) || all.some((o) => o.clientId === m.clientId));
    this.o.store.set("outbox", [...foreign, ...this.items]);
    this.o.onChange(this.items);
    for (const look of this.watchers) look();
  }

  private readonly known = new Set<string>();
}
