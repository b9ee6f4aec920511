// What the figures of the past look like as text and as a drawing. Pure: nothing here asks the server.

export type Unit = "count" | "seconds" | "share" | "score";

export interface Column {
  key: string;
  unit: Unit;
}

export interface Row {
  key: string;
  label: string;
  values: Record<string, number | null>;
}

export interface Figures {
  report: string;
  by: string;
  from: string;
  to: string;
  zone: string;
  columns: Column[];
  rows: Row[];
  total: Row;
}

export interface Report {
  id: string;
  title: string;
  by: string[];
  /** The column that is drawn first. */
  draw: string;
}

const handoffBy = ["day", "hour", "weekday", "reason", "topic", "team", "priority", "language", "market"];

export const reports: Report[] = [
  { id: "handoffs", title: "Handoffs", by: ["reason", ...handoffBy.filter((b) => b !== "reason")], draw: "n" },
  { id: "waits", title: "Waits and handling", by: handoffBy, draw: "wait_p90" },
  { id: "outcomes", title: "Promises and ratings", by: ["team", ...handoffBy.filter((b) => b !== "team")], draw: "first_reply_met" },
  { id: "agents", title: "Agents", by: ["agent"], draw: "n" },
  { id: "assistant", title: "The assistant", by: ["day", "hour", "weekday", "locale", "market", "audience"], draw: "resolved" },
];

const titles: Record<string, string> = {
  n: "Number",
  urgent: "P1 and P2",
  accepted: "Taken",
  resolved: "Resolved",
  returned: "Returned to the assistant",
  moved: "Went to another team",
  open: "Still open",
  wait_p50: "Wait, median",
  wait_p90: "Wait, 90 %",
  first_reply_p50: "First reply, median",
  first_reply_p90: "First reply, 90 %",
  handling_p50: "Handling, median",
  handling_p90: "Handling, 90 %",
  shown: "Wait was shown",
  upper_end_held: "Upper end held",
  first_reply_due: "First replies due",
  first_reply_met: "First reply in time",
  resolve_due: "Resolutions due",
  resolve_met: "Resolved in time",
  again: "Came again within a week",
  rated: "Ratings",
  csat: "Rating, of 5",
  satisfied: "Rated 4 or 5",
  offers: "Offers",
  declined: "Offers declined",
  lapsed: "Offers lapsed",
  online: "Online",
  handed_off: "Handed off",
  reopened: "Came back",
};

const assistantTitles: Record<string, string> = { n: "Conversations", resolved: "Resolved by itself" };

/** A column's heading. */
export const heading = (report: string, key: string): string => (report === "assistant" ? assistantTitles[key] : undefined) ?? titles[key] ?? key;

const dimension: Record<string, string> = { topic: "Topic", agent: "Agent", day: "Day", hour: "Hour", weekday: "Day of the week", reason: "Reason", team: "Team", priority: "Priority", language: "Language", market: "Market", locale: "Language", audience: "Audience" };

/** What the rows are, as a heading. */
export const dimensionName = (by: string): string => dimension[by] ?? by;

/** A figure for people; a dash for what nobody knows. */
export function show(v: number | null | undefined, unit: Unit): string {
  if (v === null || v === undefined) return "–";
  switch (unit) {
    case "count":
      return new Intl.NumberFormat("en").format(v);
    case "share":
      return `${(v * 100).toFixed(v > 0 && v < 0.1 ? 1 : 0)} %`;
    case "score":
      return v.toFixed(1);
    case "seconds":
      return duration(v);
  }
}

/** "45 s", "3 min 20 s", "2 h 05 min". */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 === 0 ? `${s / 60} min` : `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
}

/** The days from one to another, both of them in it; at most 400. */
export function daysBetween(from: string, to: string): string[] {
  const out: string[] = [];
  for (let t = Date.parse(`${from}T00:00:00Z`); out.length < 400; t += 86_400_000) {
    const day = new Date(t).toISOString().slice(0, 10);
    if (!(day <= to)) break;
    out.push(day);
  }
  return out;
}

/** The rows with those that nobody had in between: a day on which nothing happened is a gap in the drawing, not left out of it. */
export function filled(rows: Row[], by: string, from: string, to: string): Row[] {
  const keys = by === "day" ? daysBetween(from, to) : by === "hour" ? Array.from({ length: 24 }, (_, h) => String(h).padStart(2, "0")) : null;
  if (!keys) return rows;
  const known = new Map(rows.map((r) => [r.key, r]));
  return keys.map((key) => known.get(key) ?? { key, label: key, values: {} });
}

/** A round number that is not below the largest value, for the top of an axis. */
export function top(max: number, unit: Unit): number {
  if (unit === "share") return 1;
  if (unit === "score") return 5;
  if (max <= 0) return 1;
  if (unit === "seconds") return [10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400].find((s) => s >= max) ?? Math.ceil(max / 86_400) * 86_400;
  const size = 10 ** Math.floor(Math.log10(max));
  return ([1, 2, 5, 10].find((f) => f * size >= max) ?? 10) * size;
}

/** How the order of rows by a column is: unknown figures last, equal ones by name. */
export function sorted(rows: Row[], key: string, down: boolean): Row[] {
  return [...rows].sort((a, b) => {
    const x = a.values[key] ?? null;
    const y = b.values[key] ?? null;
    if (x === null || y === null) return x === y ? a.label.localeCompare(b.label) : x === null ? 1 : -1;
    return (down ? y - x : x - y) || a.label.localeCompare(b.label);
  });
}
