import { describe, expect, it } from "vitest";
import { awaits, preview, newMessages, sections, windowOf } from "../src/desk/queue-state.ts";
import { Recent } from "../src/desk/recent.ts";
import { at, localValue, sleeps } from "../src/desk/sleep.ts";
import { query } from "../src/desk/view-filter.ts";
import type { Handoff } from "../src/shared/types.ts";

const row = (id: string, last_seq: number, last_author: string) => ({ id, last_seq, last_author }) as Handoff;

describe("newMessages", () => {
  it("finds what customers wrote since, and nothing else", () => {
    const before = [row("a", 5, "agent"), row("b", 7, "customer"), row("c", 3, "customer")];
    const after = [row("a", 6, "customer"), row("b", 7, "customer"), row("c", 4, "agent"), row("d", 9, "customer")];
    expect(newMessages(before, after).map((h) => h.id)).toEqual(["a"]);
  });
});

describe("windowOf", () => {
  it("draws what is in sight and a few rows around", () => {
    expect(windowOf(1000, 0, 80, 800)).toEqual({ from: 0, to: 16 });
    expect(windowOf(1000, -40_000, 80, 800)).toEqual({ from: 494, to: 516 });
    expect(windowOf(1000, 500, 80, 800, 2)).toEqual({ from: 0, to: 6 });
  });

  it("never leaves the list, wherever it has been scrolled to", () => {
    for (const top of [-1e6, -800, -1, 0, 799, 5000]) {
      const { from, to } = windowOf(20, top, 80, 800);
      expect(from).toBeGreaterThanOrEqual(0);
      expect(to).toBeGreaterThanOrEqual(from);
      expect(to).toBeLessThanOrEqual(20);
    }
    expect(windowOf(0, 0, 80, 800)).toEqual({ from: 0, to: 0 });
  });

  it("begins with a screenful when no row has been measured", () => {
    expect(windowOf(1000, 0, 0, 800)).toEqual({ from: 0, to: 30 });
  });
});

describe("Recent", () => {
  it("forgets what was not used for longest", () => {
    const r = new Recent<number>(2);
    r.set("a", 1);
    r.set("b", 2);
    r.get("a");
    r.set("c", 3);
    expect([r.get("a"), r.get("b"), r.get("c")]).toEqual([1, undefined, 3]);
    r.clear();
    expect(r.get("a")).toBeUndefined();
  });
});

describe("sections", () => {
  const h = (id: string, part: Partial<Handoff>) => ({ id, state: "queued", agent_id: null, wanted_agent: null, snoozed_until: null, ...part }) as Handoff;
  it("puts each handoff where the agent looks for it, once", () => {
    const mine = [
      h("mine", { state: "accepted", agent_id: "me" }),
      h("asleep", { state: "accepted", agent_id: "me", snoozed_until: "2026-01-01T09:00:00Z" }),
      h("passing", { state: "accepted", agent_id: "me", wanted_agent: "other" }),
      h("offered", { state: "offered", agent_id: "me" }),
    ];
    const handoffs = [
      h("offered", { state: "offered", agent_id: "me" }),
      h("asked", { state: "accepted", agent_id: "other", wanted_agent: "me" }),
      h("waits", {}),
      h("theirs", { state: "offered", agent_id: "other" }),
      h("later", { state: "asynchronous" }),
      h("gone", { state: "accepted", agent_id: "other" }),
    ];
    const s = sections({ mine, handoffs }, "me");
    const ids = (all: Handoff[]) => all.map((x) => x.id);
    expect(ids(s.offers)).toEqual(["offered", "asked"]);
    expect(ids(s.mine)).toEqual(["mine", "passing"]);
    expect(ids(s.sleeping)).toEqual(["asleep"]);
    expect(ids(s.waiting)).toEqual(["waits", "theirs", "later"]);
  });
});

describe("a row", () => {
  const said = { last_message: "I am passing you on.", last_author: "assistant", summary: "Wants: Where is my refund?", first_reply_at: null };
  it("says what the customer wants until a person has answered, and then what was said last", () => {
    expect(preview(said)).toEqual({ author: "", text: "Where is my refund?" });
    expect(preview({ ...said, summary: "" })).toEqual({ author: "assistant", text: "I am passing you on." });
    expect(preview({ ...said, last_author: "customer", last_message: "Hello?" })).toEqual({ author: "customer", text: "Hello?" });
    expect(preview({ ...said, first_reply_at: "2026-01-01T09:00:00Z" })).toEqual({ author: "assistant", text: "I am passing you on." });
    expect(preview({ ...said, last_message: "" })).toEqual({ author: "", text: "Where is my refund?" });
  });
  it("waits for its agent from the moment it is accepted, not only when the customer wrote last", () => {
    expect(awaits({ last_author: "assistant", first_reply_at: null })).toBe(true);
    expect(awaits({ last_author: "agent", first_reply_at: "2026-01-01T09:00:00Z" })).toBe(false);
    expect(awaits({ last_author: "customer", first_reply_at: "2026-01-01T09:00:00Z" })).toBe(true);
  });
});

describe("sleeps", () => {
  const labels = (now: Date) => sleeps(now).map((s) => s.label);
  it("offers later times only, the soonest first, none twice", () => {
    for (let hour = 0; hour < 24 * 14; hour++) {
      const now = new Date(2026, 9, 20, hour, 17);
      const all = sleeps(now);
      for (const s of all) expect(s.until.getTime()).toBeGreaterThan(now.getTime());
      const times = all.map((s) => s.until.getTime());
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    }
  });
  it("knows the mornings: Monday's is tomorrow's on a Sunday, and a week off on a Monday", () => {
    const sunday = new Date(2026, 10, 22, 15, 0);
    expect(labels(sunday)).toEqual(["For an hour", "For three hours", "Tomorrow morning"]);
    const monday = sleeps(new Date(2026, 10, 23, 15, 0)).find((s) => s.label === "Monday morning");
    expect(monday && localValue(monday.until)).toBe("2026-11-30T09:00");
  });
  it("is read back from the field that it is written to", () => {
    const t = new Date(2026, 2, 4, 5, 6);
    expect(at(localValue(t))).toEqual(t);
    expect(at("")).toBeUndefined();
    expect(at("soon")).toBeUndefined();
  });
});

describe("the query of a view", () => {
  it("names every value of a list, and nothing that lets everything through", () => {
    expect(query({ state: "open", teams: ["fraud", "care"], priorities: [1], unanswered: true, breached: false }, "abc")).toBe("state=open&team=fraud&team=care&priority=1&unanswered=true&cursor=abc");
    expect(query({})).toBe("");
  });
});
