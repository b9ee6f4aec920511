// Reads a server's event stream over fetch, because EventSource can send no Authorization header. It resumes by the last
// id, never hands the same id on twice, and comes back by itself after every failure that time can heal.

import { at } from "./host.ts";

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/**
 * Takes an event stream apart as the HTML standard describes it ("Event streams", section 9.2.6). push takes bytes cut
 * anywhere, in the middle of a character or of a line ending, and calls emit for every event that is complete.
 * lastId survives between events; retry is the server's wish in milliseconds, or undefined.
 */
export class SseParser {
  lastId = "";
  retry: number | undefined;
  private readonly decoder = new TextDecoder("utf-8");
  private rest = "";
  private afterCr = false;
  private data: string[] = [];
  private event = "";
  private id = "";

  constructor(private readonly emit: (e: ServerEvent) => void) {}

  push(bytes: Uint8Array): void {
    let text = this.decoder.decode(bytes, { stream: true });
    if (text === "") return;
    // "\r\n" cut between its halves: the "\r" has ended the line already.
    if (this.afterCr && text.startsWith("\n")) text = text.slice(1);
    this.afterCr = text === "" ? false : text.endsWith("\r");
    const lines = (this.rest + text).split(/\r\n|\r|\n/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment, the heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id") {
      if (!value.includes("\0")) this.id = value;
    } else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
  }

  private dispatch(): void {
    this.lastId = this.id;
    const { data, event } = this;
    this.data = [];
    this.event = "";
    if (data.length > 0) this.emit({ id: this.id, event: event || "message", data: data.join("\n") });
  }
}

export type Link = "connecting" | "open" | "waiting" | "offline" | "stopped";

export interface FollowOptions {
  url: string;
  headers?: () => Record<string, string>;
  /** The sequence number after which to begin; 0 for everything. Undefined for streams without numbers. */
  after?: number;
  onEvent: (e: ServerEvent) => void;
  onLink?: (link: Link) => void;
  /** The server refused for good (401, 403, 404, 410): nothing more is tried. */
  onRefused?: (status: number) => void;
  fetch?: typeof fetch;
  random?: () => number;
  /** Silence after which the connection counts as dead. The server's heartbeats are 15 seconds apart. */
  silenceMs?: number;
  isOnline?: () => boolean;
  events?: Pick<EventTarget, "addEventListener" | "removeEventListener">;
}

const firstDelayMs = 500;
const longestDelayMs = 20_000;

/** backoff is the pause before try n (from 1): doubled each time up to a bound, and spread over its upper half. */
export function backoff(n: number, random: () => number, first = firstDelayMs): number {
  const most = Math.min(longestDelayMs, first * 2 ** (n - 1));
  return Math.round(most / 2 + (most / 2) * random());
}

/** Follows a stream until the returned function is called. */
export function follow(o: FollowOptions): () => void {
  const doFetch = o.fetch ?? ((...a: Parameters<typeof fetch>) => fetch(...a));
  const random = o.random ?? Math.random;
  const online = o.isOnline ?? (() => (typeof navigator === "undefined" ? true : navigator.onLine !== false));
  const target = o.events ?? (typeof window === "undefined" ? new EventTarget() : window);
  const numbered = o.after !== undefined;
  let seen = o.after ?? 0;
  let failures = 0;
  let stopped = false;
  let wake: (() => void) | undefined;
  let abort: AbortController | undefined;
  let link: Link | undefined;

  const setLink = (next: Link) => {
    if (link !== next) {
      link = next;
      o.onLink?.(next);
    }
  };
  const poke = () => wake?.();
  const wentOffline = () => {
    abort?.abort();
    setLink("offline");
  };
  const visible = () => {
    if (typeof document !== "undefined" && document.visibilityState === "visible") poke();
  };
  target.addEventListener("online", poke);
  target.addEventListener("offline", wentOffline);
  if (typeof document !== "undefined") document.addEventListener("visibilitychange", visible);

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        wake = undefined;
        resolve();
      }
      wake = done;
    });

  const deliver = (e: ServerEvent) => {
    if (numbered && e.id !== "") {
      const n = Number(e.id);
      if (Number.isSafeInteger(n)) {
        if (n <= seen) return; // seen before the connection broke
        seen = n;
      }
    }
    try {
      o.onEvent(e);
    } catch (err) {
      console.error("event", e.event, err); // one event that cannot be read must not stop the rest
    }
  };

  const once = async (): Promise<number | undefined> => {
    const controller = new AbortController();
    abort = controller;
    let quiet: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => controller.abort(), o.silenceMs ?? 50_000);
    };
    try {
      alive();
      const headers: Record<string, string> = { Accept: "text/event-stream", ...o.headers?.() };
      if (numbered) headers["Last-Event-ID"] = String(seen);
      const res = await doFetch(at(o.url), { headers, signal: controller.signal, cache: "no-store", credentials: "same-origin" });
      if ([401, 403, 404, 410].includes(res.status)) {
        stop();
        o.onRefused?.(res.status);
        return;
      }
      if (!res.ok || !res.body) {
        void res.body?.cancel().catch(() => {});
        throw new Error(`HTTP ${res.status}`);
      }
      setLink("open");
      const parser = new SseParser((e) => {
        failures = 0;
        if (!stopped) deliver(e);
      });
      const reader = res.body.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done || stopped) break;
        alive();
        parser.push(value);
      }
      return parser.retry;
    } finally {
      clearTimeout(quiet);
      controller.abort(); // lets go of the connection whatever ended the loop
    }
  };

  const run = async () => {
    while (!stopped) {
      if (!online()) {
        setLink("offline");
        await pause(30_000); // woken by the online event; the time is for browsers that never send it
        if (!online()) continue;
      }
      if (stopped) return;
      if (link !== "waiting") setLink("connecting");
      let retry: number | undefined;
      try {
        retry = await once();
      } catch {
        // the network, a proxy, or a server that is starting again: all are tried again
      }
      if (stopped) return;
      failures++;
      if (online()) setLink("waiting");
      await pause(backoff(failures, random, retry && retry > 0 && retry < longestDelayMs ? retry : firstDelayMs));
    }
  };

  function stop() {
    if (stopped) return;
    stopped = true;
    target.removeEventListener("online", poke);
    target.removeEventListener("offline", wentOffline);
    if (typeof document !== "undefined") document.removeEventListener("visibilitychange", visible);
    abort?.abort();
    wake?.();
    setLink("stopped");
  }

  void run();
  return stop;
}
