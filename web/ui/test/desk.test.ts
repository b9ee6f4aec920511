import { describe, expect, it } from "vitest";
import { newMessages, windowOf } from "../src/desk/queue-state.ts";
import { Recent } from "../src/desk/recent.ts";
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
