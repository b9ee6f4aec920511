// Messages on their way to the server. They are kept in the browser until the server has them, are sent one after the
// other in the order of writing, and carry a client id, so that sending one twice stores it once.

import { Problem, newId } from "./api.ts";
import type { Store } from "./storage.ts";
import { backoff } from "./sse.ts";

export interface Outgoing {
  clientId: string;
  conversation: string;
  text: string;
  /** What kind of message it is, where there are several: "internal" for an agent's note. */
  kind?: string;
  at: string;
  state: "waiting" | "sending" | "failed";
  /** The server's own words when it refused; empty when it could not be reached. */
  error?: string;
}

export interface OutboxOptions {
  store: Store;
  conversation: string;
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
  private stopped = false;

  constructor(private readonly o: OutboxOptions) {
    // What was being sent when the page went away may or may not have arrived: it is sent again under its old id.
    this.items = this.read().map((m) => (m.state === "sending" ? { ...m, state: "waiting" } : m));
    if (this.items.length > 0) this.changed();
  }

  get all(): Outgoing[] {
    return this.items;
  }

  add(text: string, kind?: string): Outgoing {
    const m: Outgoing = {
      clientId: newId(),
      conversation: this.o.conversation,
      text,
      ...(kind ? { kind } : {}),
      at: (this.o.now?.() ?? new Date()).toISOString(),
      state: "waiting",
    };
    this.items = [...this.items, m];
    this.changed();
    void this.flush();
    return m;
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

  private update(clientId: string, part: Partial<Outgoing>): void {
    this.items = this.items.map((m) => (m.clientId === clientId ? { ...m, ...part } : m));
    this.changed();
  }

  private read(): Outgoing[] {
    return (this.o.store.get<Outgoing[]>("outbox") ?? []).filter((m) => m.conversation === this.o.conversation);
  }

  private changed(): void {
    // Other tabs keep other messages under the same name: only this tab's own are rewritten.
    const mine = new Set(this.items.map((m) => m.clientId));
    for (const id of mine) this.known.add(id);
    const foreign = (this.o.store.get<Outgoing[]>("outbox") ?? []).filter((m) => !this.known.has(m.clientId));
    this.o.store.set("outbox", [...foreign, ...this.items]);
    this.o.onChange(this.items);
  }

  private readonly known = new Set<string>();
}
