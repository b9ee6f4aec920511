import { describe, expect, it } from "vitest";
import { actionText, macrosFor, originalFor, shared, slashAt, unfilled, type Macro, type Original } from "../src/desk/copilot-state.ts";

describe("the slash", () => {
  const at = (text: string) => slashAt(text.replace("|", ""), text.indexOf("|"));
  it("opens at the beginning and behind a space", () => {
    expect(at("/|")).toEqual({ from: 0, query: "" });
    expect(at("Hello /Fee|")).toEqual({ from: 6, query: "fee" });
    expect(at("one\n/a-b| and more")).toEqual({ from: 4, query: "a-b" });
  });
  it("is no macro within words, addresses and dates, or when the cursor has left it", () => {
    expect(at("and/or|")).toBeUndefined();
    expect(at("https://x|")).toBeUndefined();
    expect(at("3/5|")).toBeUndefined();
    expect(at("/fee now|")).toBeUndefined();
    expect(at("|/fee")).toBeUndefined();
    expect(at("/fee, |")).toBeUndefined();
  });
});

const macro = (shortcut: string, name: string): Macro => ({ id: shortcut, team: null, agent: null, name, shortcut, body: { en: name }, actions: [], uses: 0, updated_at: "" });

describe("which macros fit", () => {
  const all = [macro("greeting", "Say hello"), macro("late-fee", "Waive the fee"), macro("fee", "Explain the fee")];
  it("keeps the order of use when nothing is typed", () => expect(macrosFor(all, "").map((m) => m.id)).toEqual(["greeting", "late-fee", "fee"]));
  it("puts the shortcut's beginning first", () => expect(macrosFor(all, "fee").map((m) => m.id)).toEqual(["fee", "late-fee"]));
  it("finds by letters of the name", () => expect(macrosFor(all, "hello").map((m) => m.id)).toEqual(["greeting"]));
  it("finds within words last, and nothing by scattered letters", () => {
    expect(macrosFor(all, "aive").map((m) => m.id)).toEqual(["late-fee"]);
    expect(macrosFor(all, "gtn")).toEqual([]);
  });
  it("finds nothing for what is nowhere", () => expect(macrosFor(all, "xyz")).toEqual([]));
  it("shows no more than one can look at", () => expect(macrosFor(Array.from({ length: 50 }, (_, i) => macro(`a${i}`, "x")), "a")).toHaveLength(8));
});

describe("what was written before it was translated", () => {
  const o: Original = { conversation: "c", translated: "Vi betalar tillbaka 50 kr i dag.", text: "We pay back 50 kr today.", locale: "en", model: "m" };
  it("goes with the message that is its translation, also when a little was changed", () => {
    expect(originalFor([o], { conversation: "c", clientId: "1", text: "Hej! Vi betalar tillbaka 50 kr." })).toBe(o);
  });
  it("goes with no other", () => {
    expect(originalFor([o], { conversation: "c", clientId: "1", text: "Something else altogether" })).toBeUndefined();
    expect(originalFor([o], { conversation: "d", clientId: "1", text: o.translated })).toBeUndefined();
    expect(originalFor([{ ...o, clientId: "0" }], { conversation: "c", clientId: "1", text: o.translated })).toBeUndefined();
  });
  it("stays with its message when that is sent again", () => {
    const bound = { ...o, clientId: "1" };
    expect(originalFor([o, bound], { conversation: "c", clientId: "1", text: "anything" })).toBe(bound);
  });
  it("measures by words", () => expect([shared("a b c d", "d x a"), shared("", "a")]).toEqual([0.5, 0]));
});

describe("what follows a macro", () => {
  it("is said in words", () => {
    const say = (a: Parameters<typeof actionText>[0]) => actionText(a, (t) => t.toUpperCase());
    expect([say({ do: "transfer", team: "x" }), say({ do: "snooze", hours: 1 }), say({ do: "snooze", hours: 5 }), say({ do: "snooze", hours: 48 }), say({ do: "snooze", hours: 24 })]).toEqual([
      "Transfer to X",
      "Snooze for an hour",
      "Snooze for 5 hours",
      "Snooze for 2 days",
      "Snooze for 1 day",
    ]);
  });
  it("selects the first gap", () => {
    expect(unfilled("Dear {{customer.name}}, {{x}}")).toEqual([5, 22]);
    expect(unfilled("Dear Ann")).toBeUndefined();
  });
});
