// Calls to the server, and the one kind of error that they throw.

import { at } from "./host.ts";

/** Problem is an answer of the server that says no (RFC 9457), or no answer at all (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfterMs = 0,
  ) {
    super(message);
    this.name = "Problem";
  }

  /** Time may heal it: the same request can be sent again. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 425 || this.status === 429 || this.status >= 500;
  }
}

export interface CallOptions {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  timeoutMs?: number;
  /** The request outlives the page; for what is sent while it goes away. */
  keepalive?: boolean;
}

async function request(path: string, o: CallOptions, accept: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept, ...o.headers };
  let body: string | undefined;
  if (o.body !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(o.body);
  }
  const method = o.method ?? (body === undefined ? "GET" : "POST");
  const timeout = AbortSignal.timeout(o.timeoutMs ?? 20_000);
  const signal = o.signal ? AbortSignal.any([o.signal, timeout]) : timeout;
  let res: Response;
  try {
    res = await fetch(at(path), { method, headers, body, signal, credentials: "same-origin", cache: "no-store", keepalive: o.keepalive });
  } catch (err) {
    throw new Problem(0, "network", err instanceof Error ? err.message : "network");
  }
  if (res.ok) return res;
  let code = `http_${res.status}`;
  let detail = res.statusText;
  try {
    const p = (await res.json()) as { code?: string; detail?: string; title?: string };
    code = p.code ?? code;
    detail = p.detail ?? p.title ?? detail;
  } catch {
    // a proxy's page instead of a problem; the status says enough
  }
  const after = Number(res.headers.get("Retry-After"));
  throw new Problem(res.status, code, detail, Number.isFinite(after) ? after * 1000 : 0);
}

/** Sends JSON and returns JSON; undefined where the answer has no body. Throws Problem and nothing else. */
export async function call<T>(path: string, o: CallOptions = {}): Promise<T> {
  const res = await request(path, o, "application/json");
  const text = await res.text().catch(() => "");
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new Problem(res.status, "not_json", "The answer could not be read.");
  }
}

/** Fetches a file. */
export async function download(path: string, accept: string, headers: Record<string, string>, o: CallOptions = {}): Promise<Blob> {
  return (await request(path, { ...o, headers }, accept)).blob();
}

/** A random name for something that must be stored once, however often it is sent. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16)); // pages served without TLS have no randomUUID
  return Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
}
