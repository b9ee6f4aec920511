import { afterEach, describe, expect, it, vi } from "vitest";
import { backoff, follow, SseParser, type Link, type ServerEvent } from "../src/shared/sse.ts";

function parseInPieces(bytes: Uint8Array, size: number): { events: ServerEvent[]; parser: SseParser } {
  const events: ServerEvent[] = [];
  const parser = new SseParser((e) => events.push(e));
  for (let i = 0; i < bytes.length; i += size) parser.push(bytes.slice(i, i + size));
  return { events, parser };
}

describe("SseParser", () => {
  const text = 'retry: 1500\n\n: heartbeat\n\nid: 7\nevent: delta\ndata: {"text":"Größe 支払い 😀"}\n\nid:8\r\nevent:message\r\ndata: one\r\ndata:  two\r\n\r\nid: 9\rdata: cr\r\rdata: unfinished';

  it.each([1, 2, 3, 5, 7, 1000])("gives the same events cut into pieces of %i bytes", (size) => {
    const { events, parser } = parseInPieces(new TextEncoder().encode(text), size);
    expect(events).toEqual([
      { id: "7", event: "delta", data: '{"text":"Größe 支払い 😀"}' },
      { id: "8", event: "message", data: "one\n two" },
      { id: "9", event: "message", data: "cr" },
    ]);
    expect(parser.retry).toBe(1500);
    expect(parser.lastId).toBe("9");
  });

  it("keeps the id for events without one, ignores fields it does not know, and dispatches nothing without data", () => {
    const { events } = parseInPieces(new TextEncoder().encode("id: 3\ndata: a\n\nnonsense: x\ndata: b\n\nevent: lonely\nid: 4\n\ndata: c\n\nid: 1\u00002\ndata\n\n"), 4);
    expect(events).toEqual([
      { id: "3", event: "message", data: "a" },
      { id: "3", event: "message", data: "b" },
      { id: "4", event: "message", data: "c" },
      { id: "4", event: "message", data: "" },
    ]);
  });

  it("skips a byte order mark and takes retry only when it is a number", () => {
    const { events, parser } = parseInPieces(new TextEncoder().encode("\ufeffdata: x\n\nretry: soon\n\n"), 1);
    expect(events.map((e) => e.data)).toEqual(["x"]);
    expect(parser.retry).toBeUndefined();
  });
});

describe("backoff", () => {
  it("doubles up to a bound and stays within its upper half", () => {
    expect([1, 2, 3, 10].map((n) => backoff(n, () => 1))).toEqual([500, 1000, 2000, 20_000]);
    expect(backoff(3, () => 0)).toBe(1000);
  });
});

interface Script {
  status?: number;
  body?: string[]; // pieces, then the connection ends
  hang?: boolean; // stays open after the pieces
  fail?: boolean;
}

/** A server that plays one script per connection and notes what it was asked. */
function server(scripts: Script[]) {
  const asked: { lastId: string | null; auth: string | null }[] = [];
  const fake = vi.fn(async (_url: RequestInfo | URL, init?: RequestInit) => {
    const headers = new Headers(init?.headers);
    asked.push({ lastId: headers.get("Last-Event-ID"), auth: headers.get("Authorization") });
    const s = scripts[asked.length - 1] ?? { hang: true };
    if (s.fail) throw new TypeError("network");
    const enc = new TextEncoder();
    const stream = new ReadableStream<Uint8Array>({
      start(c) {
        for (const b of s.body ?? []) c.enqueue(enc.encode(b));
        if (!s.hang) c.close();
        init?.signal?.addEventListener("abort", () => {
          try {
            c.error(new DOMException("aborted", "AbortError"));
          } catch {
            // closed already
          }
        });
      },
    });
    return new Response(stream, { status: s.status ?? 200, headers: { "Content-Type": "text/event-stream" } });
  });
  return { asked, fetch: fake as unknown as typeof fetch };
}

const ev = (id: number, data = String(id)) => `id: ${id}\nevent: message\ndata: ${data}\n\n`;

async function until(f: () => boolean) {
  for (let i = 0; i < 200 && !f(); i++) await vi.advanceTimersByTimeAsync(50);
  expect(f()).toBe(true);
}

describe("follow", () => {
  let stop: (() => void) | undefined;
  afterEach(() => {
    stop?.();
    vi.useRealTimers();
  });

  function start(scripts: Script[], more: Partial<Parameters<typeof follow>[0]> = {}) {
    vi.useFakeTimers();
    const s = server(scripts);
    const got: string[] = [];
    const links: Link[] = [];
    const refused: number[] = [];
    stop = follow({
      url: "/events",
      after: 0,
      headers: () => ({ Authorization: "Bearer t" }),
      fetch: s.fetch,
      random: () => 1,
      isOnline: () => true,
      events: new EventTarget(),
      onEvent: (e) => got.push(e.data),
      onLink: (l) => links.push(l),
      onRefused: (n) => refused.push(n),
      ...more,
    });
    return { ...s, got, links, refused };
  }

  it("resumes by the last id after the connection ends, with its headers", async () => {
    const t = start([{ body: [ev(1), ev(2)] }, { body: [ev(3)], hang: true }]);
    await until(() => t.got.length === 3);
    expect(t.got).toEqual(["1", "2", "3"]);
    expect(t.asked).toEqual([
      { lastId: "0", auth: "Bearer t" },
      { lastId: "2", auth: "Bearer t" },
    ]);
    expect(t.links).toEqual(["connecting", "open", "waiting", "open"]);
  });

  it("hands no id on twice, though the server repeats them, and gaps are no harm", async () => {
    const t = start([{ body: [ev(1), ev(4), ev(4, "again")] }, { body: [ev(2, "old"), ev(4, "old"), ev(9)], hang: true }]);
    await until(() => t.got.includes("9"));
    expect(t.got).toEqual(["1", "4", "9"]);
  });

  it("loses an event that was cut off and gets it whole afterwards", async () => {
    const t = start([{ body: [ev(1), "id: 2\nevent: message\ndata: ha"] }, { body: [ev(2, "half")], hang: true }]);
    await until(() => t.got.length === 2);
    expect(t.got).toEqual(["1", "half"]);
    expect(t.asked[1]?.lastId).toBe("1");
  });

  it("comes back after network failures and server errors, waiting longer each time", async () => {
    const t = start([{ fail: true }, { status: 503 }, { fail: true }, { body: [ev(1)], hang: true }]);
    await vi.advanceTimersByTimeAsync(499);
    expect(t.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2);
    expect(t.asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(990);
    expect(t.asked).toHaveLength(2);
    await until(() => t.got.length === 1);
    expect(t.refused).toEqual([]);
  });

  it.each([401, 403, 404])("stops for good at %i", async (status) => {
    const t = start([{ status }]);
    await until(() => t.refused.length === 1);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(t.refused).toEqual([status]);
    expect(t.asked).toHaveLength(1);
    expect(t.links.at(-1)).toBe("stopped");
  });

  it("takes silence for a dead connection", async () => {
    const t = start([{ body: [ev(1)], hang: true }, { body: [ev(2)], hang: true }], { silenceMs: 30_000 });
    await vi.advanceTimersByTimeAsync(29_000);
    expect(t.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(t.got).toEqual(["1", "2"]);
  });

  it("waits while offline and connects the moment the browser is online", async () => {
    let online = false;
    const events = new EventTarget();
    const t = start([{ body: [ev(1)], hang: true }], { isOnline: () => online, events });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(t.asked).toHaveLength(0);
    expect(t.links).toEqual(["offline"]);
    online = true;
    events.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(1);
    expect(t.got).toEqual(["1"]);
  });

  it("goes on after a handler that throws", async () => {
    const quiet = vi.spyOn(console, "error").mockImplementation(() => {});
    const got: string[] = [];
    start([{ body: [ev(1), ev(2)], hang: true }], {
      onEvent: (e) => {
        if (e.data === "1") throw new Error("cannot read");
        got.push(e.data);
      },
    });
    await until(() => got.length === 1);
    expect(got).toEqual(["2"]);
    expect(quiet).toHaveBeenCalledOnce();
    quiet.mockRestore();
  });

  it("hands every event on where the stream has no numbers", async () => {
    const t = start([{ body: ["event: queue\ndata: a\n\nevent: queue\ndata: a\n\n"], hang: true }], { after: undefined });
    await until(() => t.got.length === 2);
    expect(t.asked[0]?.lastId).toBeNull();
  });

  it("hands nothing on after it was stopped", async () => {
    const t = start([{ body: [ev(1)], hang: true }]);
    await until(() => t.got.length === 1);
    stop?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(t.asked).toHaveLength(1);
  });
});
