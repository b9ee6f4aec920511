// What a view lets through, and how the server is asked for it.

export interface Filter {
  state?: string;
  teams?: string[];
  priorities?: number[];
  languages?: string[];
  unanswered?: boolean;
  breached?: boolean;
  topics?: string[];
  reasons?: string[];
  markets?: string[];
  agent?: string;
}

const lists = { teams: "team", topics: "topic", priorities: "priority", reasons: "reason", languages: "language", markets: "market" } as const;

/** The filter as a query: lists as a parameter that is given several times. */
export function query(f: Filter, cursor?: string): string {
  const q = new URLSearchParams();
  if (f.state) q.set("state", f.state);
  for (const [field, name] of Object.entries(lists)) for (const v of f[field as keyof typeof lists] ?? []) q.append(name, String(v));
  if (f.agent) q.set("agent", f.agent);
  if (f.unanswered) q.set("unanswered", "true");
  if (f.breached) q.set("breached", "true");
  if (cursor) q.set("cursor", cursor);
  return q.toString();
}
