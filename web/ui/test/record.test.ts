import { describe, expect, it } from "vitest";
import { apply, emptyRecord, isThinking, optionsOf, outcomeOf, withMessages, type RecordState } from "../src/shared/record.ts";
import type { Message } from "../src/shared/types.ts";

let n = 0;
const e = (id: number, event: string, data: unknown) => ({ id: String(id), event, data: JSON.stringify(data) });
const play = (events: ReturnType<typeof e>[], from: RecordState = emptyRecord) => events.reduce(apply, from);
const message = (seq: number, part: Partial<Message>): Message => ({ id: `m${seq}-${n++}`, seq, author: "customer", text: "x", ai: false, visibility: "public", created_at: "2026-01-01T00:00:00Z", ...part });

describe("apply", () => {
  it("joins the deltas of one attempt, and a higher attempt starts again", () => {
    let s = play([e(1, "delta", { turn: "t", attempt: 1, text: "Pay " }), e(2, "delta", { turn: "t", attempt: 1, text: "later." })]);
    expect(s.draft?.text).toBe("Pay later.");
    s = apply(s, e(3, "delta", { turn: "t", attempt: 2, text: "You " }));
    expect(s.draft).toMatchObject({ attempt: 2, text: "You " });
    s = apply(s, e(4, "delta", { turn: "t", attempt: 1, text: "ghost" }));
    expect(s.draft?.text).toBe("You ");
  });

  it("changes nothing when an event comes twice or out of an old stream", () => {
    const events = [e(1, "delta", { turn: "t", attempt: 1, text: "a" }), e(2, "owner", { owner: "queue" })];
    const once = play(events);
    expect(play(events, once)).toBe(once);
  });

  it("gathers the citations of deltas by their number", () => {
    const c = (k: number, title: string) => ({ n: k, title });
    const s = play([e(1, "delta", { turn: "t", attempt: 1, text: "a", citations: [c(2, "old"), c(1, "one")] }), e(2, "delta", { turn: "t", attempt: 1, text: "b", citations: [c(2, "two")] })]);
    expect(s.draft?.citations.map((x) => x.title)).toEqual(["one", "two"]);
  });

  it("replaces what was streamed by the message of the same turn, and takes no late delta of it", () => {
    let s = play([e(1, "delta", { turn: "t", attempt: 1, text: "half" }), e(2, "message", message(2, { author: "assistant", turn: "t", text: "whole", ai: true }))]);
    expect(s.draft).toBeNull();
    s = apply(s, e(3, "delta", { turn: "t", attempt: 1, text: "late" }));
    expect(s.draft).toBeNull();
    expect(s.messages.map((m) => m.text)).toEqual(["whole"]);
  });

  it("keeps what is streamed while another turn's message or the customer's own arrives", () => {
    const s = play([e(1, "delta", { turn: "t2", attempt: 1, text: "half" }), e(2, "message", message(2, { turn: "t3" })), e(3, "message", message(3, { author: "assistant", turn: "t1" }))]);
    expect(s.draft?.text).toBe("half");
  });

  it("takes back what a superseded or cancelled turn had begun", () => {
    for (const outcome of ["superseded", "cancelled"]) {
      const s = play([e(1, "delta", { turn: "t", attempt: 1, text: "half" }), e(2, "turn", { id: "t", outcome }), e(3, "delta", { turn: "t", attempt: 1, text: "late" })]);
      expect(s.draft).toBeNull();
    }
  });

  it("stops what is streamed the moment that a person owns the conversation", () => {
    const s = play([e(1, "delta", { turn: "t", attempt: 1, text: "half" }), e(2, "owner", { owner: "agent", agent: { id: "a", name: "Ada" } })]);
    expect(s).toMatchObject({ draft: null, owner: "agent", agent: { name: "Ada" } });
    expect(apply(s, e(3, "owner", { owner: "assistant" })).agent).toBeNull();
  });

  it("keeps the order of the record, whatever comes first", () => {
    const b = message(5, { text: "b" });
    const a = message(4, { text: "a" });
    const s = withMessages(withMessages(emptyRecord, [b]), [a, { ...b, text: "b again" }]);
    expect(s.messages.map((m) => m.text)).toEqual(["a", "b again"]);
  });

  it("merges what a handoff's events say, and forgets the former handoff", () => {
    let s = play([e(1, "handoff", { id: "h", state: "queued", position: 3, summary: "s", team: "Payments" }), e(2, "handoff", { id: "h", state: "queued", position: 1 })]);
    expect(s.handoff).toMatchObject({ position: 1, summary: "s", team: "Payments" });
    s = apply(s, e(3, "handoff", { id: "h2", state: "queued", position: 2 }));
    expect(s.handoff).toMatchObject({ id: "h2", summary: "" });
  });

  it("notes typing, reading, rating and status, and numbers of kinds that it does not know", () => {
    const s = play([
      e(1, "typing", { author: "agent", until: "2026-01-01T00:00:05Z" }),
      e(2, "read", { author: "agent", seq: 9 }),
      e(3, "read", { author: "agent", seq: 4 }),
      e(4, "rating", { score: 4 }),
      e(5, "status", { status: "closed" }),
      e(6, "something_new", { x: 1 }),
    ]);
    const come = play([e(1, "delivered", { author: "agent", seq: 12 }), e(2, "delivered", { author: "agent", seq: 11 })]);
    expect(come).toMatchObject({ delivered: 12, read: {} });
    expect(s).toMatchObject({ seq: 6, read: { agent: 9 }, delivered: 0, rating: 4, status: "closed", typing: { agent: Date.parse("2026-01-01T00:00:05Z") } });
    const said = message(7, { author: "agent" });
    const after = withMessages(s, [said]);
    expect(after.typing.agent).toBe(0);
    const again = apply(after, e(8, "typing", { author: "agent", until: "2026-01-01T00:00:09Z" }));
    expect(withMessages(again, [said]).typing.agent).toBeGreaterThan(0); // the same message read again is no new word
  });
});

describe("isThinking", () => {
  const asked = message(1, { turn: "t1" });

  it("is true from the question until the answer", () => {
    let s = play([e(1, "message", asked)]);
    expect(isThinking(s)).toBe(true);
    expect(isThinking(apply(s, e(2, "delta", { turn: "t1", attempt: 1, text: "a" })))).toBe(false);
    s = apply(s, e(3, "turn", { id: "t1", outcome: "answered" }));
    expect(isThinking(s)).toBe(false);
  });

  it("goes on when the question was superseded by the next one", () => {
    const s = play([e(1, "message", asked), e(2, "message", message(2, { turn: "t2" })), e(3, "turn", { id: "t1", outcome: "superseded" })]);
    expect(isThinking(s)).toBe(true);
  });

  it("is false with a person, in the queue, and for messages that no turn answers", () => {
    const s = play([e(1, "message", asked)]);
    expect(isThinking(apply(s, e(2, "owner", { owner: "queue" })))).toBe(false);
    expect(isThinking(play([e(1, "message", message(1, {}))]))).toBe(false);
    expect(isThinking(apply(s, e(2, "status", { status: "closed" })))).toBe(false);
  });
});

describe("outcomeOf and optionsOf", () => {
  it("finds how a message's turn ended", () => {
    const m = message(2, { author: "assistant", turn: "t" });
    const s = play([e(2, "message", m), e(3, "turn", { id: "t", outcome: "clarified" })]);
    expect(outcomeOf(s, m)).toBe("clarified");
    expect(outcomeOf(s, message(9, {}))).toBeUndefined();
  });

  it.each([
    ["Which one?\n- Late fees\n- Refunds", { lead: "Which one?", options: ["Late fees", "Refunds"] }],
    ["- a\n\nWhich?\n* b\n", { lead: "- a\n\nWhich?", options: ["b"] }],
    ["No list", { lead: "No list", options: [] }],
  ])("%j", (text, want) => expect(optionsOf(text)).toEqual(want));
});
