import { describe, expect, it } from "vitest";
import { byConversation, type Hit, named, naming, pieces } from "../src/desk/board/found.ts";

describe("what a search found", () => {
  it("is marked where the server says", () => {
    expect(pieces("🦜 a parrot!", [[5, 11]])).toEqual([
      { text: "🦜 a ", marked: false },
      { text: "parrot", marked: true },
      { text: "!", marked: false },
    ]);
    expect(pieces("ab", [[0, 1], [1, 2]]).map((p) => p.text)).toEqual(["a", "b"]);
    expect(pieces("ab", [[1, 5], [2, 1], [-1, 1]])).toEqual([{ text: "ab", marked: false }]);
    expect(pieces("", [])).toEqual([]);
  });

  it("stands together by conversation, in the order in which they came", () => {
    const hit = (conversation_id: string, seq: number) => ({ conversation_id, seq }) as Hit;
    const all = byConversation([hit("b", 9), hit("a", 3), hit("b", 2)]);
    expect(all.map((c) => [c.id, c.hits.map((h) => h.seq)])).toEqual([["b", [9, 2]], ["a", [3]]]);
  });
});

describe("whom a note names", () => {
  const people = [{ id: "1", name: "Ada" }, { id: "2", name: "Ada Lovelace" }, { id: "3", name: "Zoë" }];

  it("is the longest name, whatever the case, and no part of a word", () => {
    expect(named("@ada lovelace, look", people)).toEqual(["2"]);
    expect(named("@Ada and @zoë!", people).sort()).toEqual(["1", "3"]);
    expect(named("@Ada Lovelace and @Ada", people).sort()).toEqual(["1", "2"]);
    expect(named("mail@ada @adam (@ADA)", people)).toEqual(["1"]);
    expect(named("Ada, Zoë", people)).toEqual([]);
  });

  it("is asked for behind an @ at the end", () => {
    expect(naming("@")).toBe("");
    expect(naming("look, @Ada L")).toBe("Ada L");
    expect(naming("me@example")).toBeUndefined();
    expect(naming("@Ada\nlook")).toBeUndefined();
  });
});
