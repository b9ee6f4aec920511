import { describe, expect, it } from "vitest";
import { Entries, type Entry, withChange } from "../src/desk/store/changes.ts";
import type { BoardChange, Handoff, QueueSnapshot } from "../src/shared/types.ts";

const h = (id: string, rank: number, part: Partial<Handoff> = {}) => ({ id, rank, state: "queued", agent_id: null, ...part }) as Handoff;
const change = (part: Partial<BoardChange>): BoardChange => ({ handoffs: [], gone: [], agents: [], left: [], waiting: 0, ...part });
const ids = (list: Handoff[]) => list.map((x) => x.id).join("");

describe("the lists", () => {
  const q: QueueSnapshot = { handoffs: [h("a", 1), h("b", 2), h("c", 3)], mine: [h("m", 0, { state: "accepted", agent_id: "me" })], agents: [], waiting: 3 };

  it("keep the queue's order", () => {
    const now = withChange(q, change({ handoffs: [h("x", 2), h("c", 0.5)], waiting: 4 }), "me");
    expect(ids(now.handoffs)).toBe("cabx");
    expect(now.mine).toBe(q.mine);
    expect(now.waiting).toBe(4);
  });

  it("show an offer as waiting and as mine, and what is taken as mine only", () => {
    const offered = withChange(q, change({ handoffs: [h("b", 2, { state: "offered", agent_id: "me" })] }), "me");
    expect([ids(offered.handoffs), ids(offered.mine)]).toEqual(["abc", "mb"]);
    const taken = withChange(offered, change({ handoffs: [h("b", 2, { state: "accepted", agent_id: "me" })] }), "me");
    expect([ids(taken.handoffs), ids(taken.mine)]).toEqual(["ac", "mb"]);
    const others = withChange(offered, change({ gone: ["b"] }), "me");
    expect([ids(others.handoffs), ids(others.mine)]).toEqual(["ac", "m"]);
  });

  it("know the people", () => {
    const p = (id: string, name: string, load = 0) => ({ id, name, presence: "online", load, capacity: 4 });
    const some = { ...q, me: p("me", "Kim"), agents: [p("1", "Ada"), p("me", "Kim")] };
    const now = withChange(some, change({ agents: [p("me", "Kim", 2), p("2", "Ben")], left: ["1"] }), "me");
    expect(now.agents?.map((a) => a.name)).toEqual(["Ben", "Kim"]);
    expect(now.me).toEqual(p("me", "Kim", 2));
    expect(withChange(some, change({}), "me").agents).toBe(some.agents);
  });
});

describe("entries", () => {
  const e = (seq: number, conversation = "c"): Entry => ({ conversation, seq, kind: "message", data: {} });
  function reading() {
    const all = new Entries();
    const got: number[] = [];
    let behind = 0;
    const r = all.read("c", { onEntry: (x) => got.push(x.seq), onBehind: () => behind++ });
    return { all, got, r, behind: () => behind };
  }

  it("that come before the conversation is read are handed on behind it", () => {
    const { all, got, r, behind } = reading();
    all.follow("c", 3);
    for (const n of [4, 5, 6]) all.take(e(n));
    all.take(e(1, "another"));
    r.from(5);
    all.take(e(7));
    all.take(e(7));
    expect(got).toEqual([6, 7]);
    expect(behind()).toBe(0);
  });

  it("that are missing make the reader read anew, once", () => {
    const { all, got, r, behind } = reading();
    r.from(2);
    all.follow("c", 4);
    expect(behind()).toBe(1);
    all.take(e(5));
    expect(got).toEqual([]);
    r.from(4);
    expect(got).toEqual([5]);
    all.take(e(7));
    all.take(e(8));
    expect(behind()).toBe(2);
    r.from(8);
    all.take(e(9));
    expect(got).toEqual([5, 9]);
  });

  it("of a connection that broke are not waited for", () => {
    const { all, got, r, behind } = reading();
    all.follow("c", 1);
    r.from(1);
    all.take(e(2));
    all.restart();
    all.take(e(3)); // of the connection before
    all.follow("c", 2);
    expect(behind()).toBe(0);
    all.take(e(3));
    expect(got).toEqual([2, 3]);
  });

  it("are read anew by the next connection where that failed", () => {
    const { all, r, behind } = reading();
    r.from(1);
    all.follow("c", 2);
    all.restart();
    all.follow("c", 2);
    expect(behind()).toBe(2);
    r.from(2);
    all.follow("c", 2);
    expect(behind()).toBe(2);
  });

  it("are kept for a while only", () => {
    const { all, got, r, behind } = reading();
    all.follow("c", 0);
    for (let n = 1; n <= 500; n++) all.take(e(n));
    r.from(490);
    expect(got).toHaveLength(10);
    r.from(20);
    expect(behind()).toBe(1);
  });

  it("go to nobody who has stopped", () => {
    const { all, got, r } = reading();
    all.follow("c", 0);
    r.from(0);
    r.stop();
    all.take(e(1));
    expect(got).toEqual([]);
  });
});
