import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Problem } from "../src/shared/api.ts";
import { Outbox, type Outgoing } from "../src/shared/outbox.ts";
import { browserStore, type Store } from "../src/shared/storage.ts";

/** What a browser keeps, as far as the outbox uses it. */
class Area implements Storage {
  private readonly map = new Map<string, string>();
  get length() {
    return this.map.size;
  }
  clear = () => this.map.clear();
  getItem = (k: string) => this.map.get(k) ?? null;
  key = (i: number) => [...this.map.keys()][i] ?? null;
  removeItem = (k: string) => void this.map.delete(k);
  setItem = (k: string, v: string) => void this.map.set(k, v);
}

let area: Area;
let store: Store;
let shown: Outgoing[];
const boxes: Outbox[] = [];

function box(send: (m: Outgoing) => Promise<void>, more: { online?: () => boolean; conversation?: string } = {}): Outbox {
  const b = new Outbox({ store, conversation: more.conversation ?? "c1", send, onChange: (all) => (shown = all), isOnline: more.online ?? (() => true), random: () => 1 });
  boxes.push(b);
  return b;
}

beforeEach(() => {
  vi.useFakeTimers();
  area = new Area();
  store = browserStore("t.", area);
  shown = [];
});

afterEach(() => {
  for (const b of boxes.splice(0)) b.stop();
  vi.useRealTimers();
});

const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe("Outbox", () => {
  it("sends in the order of writing, one after the other", async () => {
    const log: string[] = [];
    const waiting: (() => void)[] = [];
    const b = box((m) => {
      log.push(`start ${m.text}`);
      return new Promise((done) => waiting.push(() => (log.push(`end ${m.text}`), done())));
    });
    b.add("a");
    b.add("b");
    await tick();
    expect(log).toEqual(["start a"]);
    waiting[0]?.();
    await tick();
    expect(log).toEqual(["start a", "end a", "start b"]);
    waiting[1]?.();
    await tick();
    expect(shown).toEqual([]);
  });

  it("keeps what is not sent over a reload, and sends it again under the same id", async () => {
    const first: string[] = [];
    const b = box((m) => (first.push(m.clientId), new Promise(() => {}))); // the page is closed before the answer comes
    b.add("hello");
    await tick();
    b.stop();
    const second: string[] = [];
    const after = box(async (m) => void second.push(m.clientId));
    expect(shown.map((m) => [m.text, m.state])).toEqual([["hello", "waiting"]]);
    await after.flush();
    expect(second).toEqual(first);
    expect(shown).toEqual([]);
    expect(store.get("outbox")).toEqual([]);
  });

  it("does not try while offline, and sends when it is woken", async () => {
    let online = false;
    const sent: string[] = [];
    const b = box(async (m) => void sent.push(m.text), { online: () => online });
    b.add("later");
    await tick(60_000);
    expect(sent).toEqual([]);
    expect(shown[0]?.state).toBe("waiting");
    online = true;
    b.wake();
    await tick();
    expect(sent).toEqual(["later"]);
  });

  it("tries again with the same id when no answer came, and calls it failed after four tries", async () => {
    const ids: string[] = [];
    let broken = true;
    const b = box(async (m) => {
      ids.push(m.clientId);
      if (broken) throw new Problem(0, "network", "");
    });
    b.add("x");
    await tick(500 + 1000 + 2000);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(1);
    expect(shown[0]).toMatchObject({ state: "failed" });
    expect(shown[0]?.error).toBeUndefined();
    broken = false;
    b.wake();
    await tick();
    expect(shown).toEqual([]);
  });

  it("shows a refusal in the server's words, does not repeat it by itself, and sends the next message", async () => {
    const sent: string[] = [];
    const b = box(async (m) => {
      sent.push(m.text);
      if (m.text === "too long") throw new Problem(422, "too_long", "Please split it.");
    });
    b.add("too long");
    b.add("fine");
    await tick(60_000);
    b.wake();
    await tick(60_000);
    expect(sent).toEqual(["too long", "fine"]);
    expect(shown.map((m) => [m.text, m.state, m.error])).toEqual([["too long", "failed", "Please split it."]]);
    b.retry(shown[0]?.clientId ?? "");
    await tick();
    expect(sent).toEqual(["too long", "fine", "too long"]);
    b.discard(shown[0]?.clientId ?? "");
    expect(store.get("outbox")).toEqual([]);
  });

  it("waits as long as a busy server asks", async () => {
    let n = 0;
    const b = box(async () => {
      if (++n === 1) throw new Problem(429, "rate_limited", "", 7000);
    });
    b.add("x");
    await tick(6900);
    expect(n).toBe(1);
    await tick(200);
    expect(n).toBe(2);
  });

  it("lets go of a message that the event stream brought first", async () => {
    const b = box(() => new Promise(() => {}));
    const m = b.add("x");
    await tick();
    b.arrived(m.clientId);
    expect(shown).toEqual([]);
    expect(store.get("outbox")).toEqual([]);
  });

  it("leaves messages of other conversations and other tabs alone", async () => {
    const never = () => new Promise<void>(() => {});
    const other = box(never, { conversation: "c2" });
    other.add("theirs");
    const b = box(never);
    const m = b.add("mine");
    b.arrived(m.clientId);
    expect(store.get<Outgoing[]>("outbox")?.map((x) => x.text)).toEqual(["theirs"]);
    expect(b.all).toEqual([]);
  });

  it("works where the browser refuses to store", async () => {
    area.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    const sent: string[] = [];
    const b = box(async (m) => void sent.push(m.text));
    b.add("x");
    await tick();
    expect(sent).toEqual(["x"]);
  });
});
