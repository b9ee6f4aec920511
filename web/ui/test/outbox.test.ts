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

function box(send: (m: Outgoing) => Promise<void>, more: { online?: () => boolean; conversation?: string; by?: string } = {}): Outbox {
  const b = new Outbox({ store, conversation: more.conversation ?? "c1", by: more.by, send, onChange: (all) => (shown = all), isOnline: more.online ?? (() => true), random: () => 1 });
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

  it("holds a message for as long as it can be taken back, and then sends it", async () => {
    const sent: string[] = [];
    const b = box(async (m) => void sent.push(m.text));
    b.add("held", "public", 5000);
    await tick(4999);
    expect(sent).toEqual([]);
    expect(shown[0]).toMatchObject({ state: "held" });
    await tick(1);
    expect(sent).toEqual(["held"]);
    expect(shown).toEqual([]);
  });

  it("takes back what is held, and nothing that is on its way", async () => {
    const sent: string[] = [];
    const b = box((m) => (sent.push(m.text), new Promise(() => {})));
    const held = b.add("held", "public", 5000);
    expect(b.takeBack(held.clientId)?.text).toBe("held");
    expect(store.get("outbox")).toEqual([]);
    await tick(60_000);
    expect(sent).toEqual([]);
    const gone = b.add("gone");
    await tick();
    expect(b.takeBack(gone.clientId)).toBeUndefined();
    expect(shown.map((m) => m.text)).toEqual(["gone"]);
  });

  it("does not let one that is held stand in the way of one that is not, and sends several in their order", async () => {
    const sent: string[] = [];
    const b = box(async (m) => void sent.push(m.text));
    b.add("first", "public", 5000);
    await tick(1000);
    b.add("second", "public", 5000);
    b.add("note", "internal");
    await tick();
    expect(sent).toEqual(["note"]);
    await tick(4000);
    expect(sent).toEqual(["note", "first"]);
    await tick(1000);
    expect(sent).toEqual(["note", "first", "second"]);
  });

  it("sends what is held at once before a conversation is left, and says whether it arrived", async () => {
    const sent: string[] = [];
    const b = box(async (m) => {
      if (m.text === "refused") throw new Problem(422, "bad", "No.");
      await new Promise((done) => setTimeout(done, 100));
      sent.push(m.text);
    });
    b.add("a", "public", 5000);
    const good = b.settled(3000);
    await tick(100);
    expect(await good).toBe(true);
    expect(sent).toEqual(["a"]);
    b.add("refused", "public", 5000);
    const bad = b.settled(3000);
    await tick();
    expect(await bad).toBe(false);
    b.discard(shown[0]?.clientId ?? "");
    expect(await b.settled(3000)).toBe(true);
  });

  it("does not wait for ever until everything has arrived", async () => {
    const b = box(() => new Promise(() => {}));
    b.add("x");
    const end = b.settled(3000);
    await tick(3000);
    expect(await end).toBe(false);
  });

  it("keeps the time to take back over a reload, and leaves it to the first page when that is still open", async () => {
    const sent: string[] = [];
    const send = async (m: Outgoing) => void sent.push(m.text);
    const first = box(send);
    const undone = first.add("undone", "public", 5000);
    first.add("kept", "public", 5000);
    await tick(1000);
    box(send); // the same desk in a second tab
    first.takeBack(undone.clientId);
    await tick(4000);
    expect(new Set(sent)).toEqual(new Set(["kept"]));
  });

  it("leaves what another person wrote in this browser", async () => {
    const sent: string[] = [];
    const ada = box(() => new Promise(() => {}), { by: "ada" });
    ada.add("ada's");
    await tick();
    ada.stop();
    const bruno = box(async (m) => void sent.push(m.text), { by: "bruno" });
    await bruno.flush();
    expect(bruno.all).toEqual([]);
    bruno.add("bruno's");
    await tick();
    expect(sent).toEqual(["bruno's"]);
    expect(store.get<Outgoing[]>("outbox")?.map((m) => m.text)).toEqual(["ada's"]);
  });
});
