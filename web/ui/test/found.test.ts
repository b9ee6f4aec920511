import { describe, expect, it } from "vitest";
import { byConversation, type Hit, named, naming, pieces, plain } from "../src/desk/board/found.ts";

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

  it("is read without the signs of Markdown, with the marks at their words", () => {
    const read = (text: string, ...words: string[]) => {
      const p = plain(text, words.map((w): [number, number] => [text.indexOf(w), text.indexOf(w) + w.length]));
      return [p.text, ...p.marks.map(([from, to]) => p.text.slice(from, to))];
    };
    expect(read("A **late fee** of **GBP 6**", "late", "GBP 6")).toEqual(["A late fee of GBP 6", "late", "GBP 6"]);
    expect(read("cut at **both ends of", "ends")).toEqual(["cut at both ends of", "ends"]);
    expect(read("🦜 *label created* in `code`", "label", "code")).toEqual(["🦜 label created in code", "label", "code"]);
    expect(read("## Head\n- one\n- two", "two")).toEqual(["Head\none\ntwo", "two"]);
    expect(read("see [the fees](https://a.example/b) [1]", "fees")).toEqual(["see the fees [1]", "fees"]);
    expect(read("3 * 4 * 5 - 2 [x] (y)", "4")).toEqual(["3 * 4 * 5 - 2 [x] (y)", "4"]);
    expect(read("fee?** | | gb | | --- | :--: | | Days | 7 | | Late fee | GBP 6", "Days", "fee |")).toEqual(["fee? | gb | Days | 7 | Late fee | GBP 6", "Days", "fee |"]);
    expect(plain("**", [[0, 2]])).toEqual({ text: "", marks: [] });
    expect(plain("ab", [[0, 5]])).toEqual({ text: "ab", marks: [] });
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
