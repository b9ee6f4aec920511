import { afterEach, describe, expect, it } from "vitest";
import * as c from "../src/desk/commands.ts";
import { fuzzy } from "../src/desk/fuzzy.ts";
import { ariaKeys, chordOf, isCharacter, type KeyPress, readKeys, refused } from "../src/desk/keys.ts";

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

describe("keys", () => {
  it.each([
    [press("j"), "j"],
    [press("J", { shiftKey: true }), "shift+j"],
    [press("?", { shiftKey: true }), "?"],
    [press("k", { ctrlKey: true }), "mod+k"],
    [press("k", { metaKey: true }), "mod+k"],
    [press("K", { ctrlKey: true, shiftKey: true }), "mod+shift+k"],
    [press("∆", { altKey: true, code: "KeyJ" }), "alt+j"],
    [press("@", { ctrlKey: true, altKey: true, getModifierState: (n) => n === "AltGraph" }), "@"],
    [press("Control", { ctrlKey: true }), ""],
    [press("Dead"), ""],
    [press(" "), "space"],
    [press("F2"), "f2"],
  ])("%o is %s", (e, want) => expect(chordOf(e)).toBe(want));

  it("know which write a character, which speech input may hit", () => {
    expect(["j", "?", "shift+j", "mod+k", "alt+j", "f2", "space"].map(isCharacter)).toEqual([true, true, true, false, false, false, true]);
  });

  it("refuse what the browser, a text field or the focus needs", () => {
    expect(["mod+c", "mod+enter", "enter", "space", "arrowdown"].map((k) => refused(k) !== "")).toEqual([true, true, true, true, true]);
    expect(["j", "shift+j", "mod+k", "alt+arrowdown", "f2", "+"].map(refused)).toEqual(["", "", "", "", "", ""]);
  });

  it("are written for people and for assistive technology", () => {
    expect(["mod+k", "+", "mod++", "?"].map(readKeys)).toEqual(["Ctrl or ⌘ + k", "+", "Ctrl or ⌘ + +", "?"]);
    expect(["mod+k", "mod++", "j", ""].map(ariaKeys)).toEqual(["Control+K", "Control+Plus", "J", undefined]);
  });
});

describe("fuzzy", () => {
  it("wants every letter, in order, whatever the accents and capitals", () => {
    expect(fuzzy("trf", "Transfer to another team")).not.toBeNull();
    expect(fuzzy("frt", "Transfer")).toBeNull();
    expect(fuzzy("oke", "Öffne Köln")).toBeNull();
    expect(fuzzy("koln", "Öffne Köln")?.at).toEqual([6, 7, 8, 9]);
  });

  it("prefers words' beginnings and runs", () => {
    expect(fuzzy("rta", "Return to the assistant")?.at).toEqual([0, 7, 14]);
    const best = (q: string, ...texts: string[]) => texts.sort((a, b) => (fuzzy(q, b)?.score ?? -1) - (fuzzy(q, a)?.score ?? -1))[0];
    expect(best("res", "Write a reply soon", "Resolve", "Previous")).toBe("Resolve");
    expect(best("team", "The email", "Note for the team")).toBe("Note for the team");
    // The beginning of a word that is meant, against letters that happen to begin many words.
    expect(best("snoo", "Switch notifications of the system on or off", "Snooze until later")).toBe("Snooze until later");
  });

  it("finds the best of all ways, as trying them all does", () => {
    // Every way to place the letters, scored as the search scores them.
    const all = (q: string, text: string): number => {
      const worth = (j: number) => (j === 0 || text[j - 1] === " " ? 8 : 1) - j * 0.01;
      const go = (i: number, last: number): number => {
        if (i === q.length) return 0;
        let best = -Infinity;
        for (let j = last + 1; j < text.length; j++) {
          if (text[j] !== q[i]) continue;
          best = Math.max(best, worth(j) + (i === 0 ? (j === 0 ? 4 : 0) : j === last + 1 ? 8 : -1) + go(i + 1, j));
        }
        return best;
      };
      return go(0, -1);
    };
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 4 + random(10) }, () => "ab c"[random(4)]).join("");
      const q = Array.from({ length: 1 + random(3) }, () => "abc"[random(3)]).join("");
      const want = all(q, text);
      const got = fuzzy(q, text);
      if (want === -Infinity) expect(got, `${q} in ${text}`).toBeNull();
      else expect(got?.score, `${q} in ${text}`).toBeCloseTo(want, 6);
    }
  });

  it("ends quickly on what nobody types", () => expect(fuzzy("a".repeat(5000), "a".repeat(5000))).toBeNull());
});

describe("commands", () => {
  let remove = () => {};
  let can = true;
  const ran: string[] = [];
  const command = (id: string, keys: string | undefined, more: Partial<c.Command> = {}): c.Command => ({ id, title: `Do ${id}`, ...(keys === undefined ? {} : { keys }), run: () => ran.push(id), ...more });
  const add = (...all: c.Command[]) => (remove = c.register(...all));

  afterEach(() => {
    remove();
    c.resetKeys();
    c.setShortcuts(true);
    can = true;
  });

  it("answer to their keys, but only where they make sense", () => {
    add(command("one", "x", { when: () => can }), command("two", "mod+y"));
    expect(c.commandFor("x", false)?.id).toBe("one");
    expect(c.commandFor("", false)).toBeUndefined();
    can = false;
    expect(c.commandFor("x", false)).toBeUndefined();
  });

  it("leave a text field its characters", () => {
    add(command("one", "x"), command("two", "mod+y"));
    expect([c.commandFor("x", true)?.id, c.commandFor("mod+y", true)?.id]).toEqual([undefined, "two"]);
  });

  it("of a single key can be switched off", () => {
    add(command("one", "x"), command("two", "mod+y"));
    c.setShortcuts(false);
    expect([c.commandFor("x", false), c.commandFor("mod+y", false)?.id]).toEqual([undefined, "two"]);
    expect([c.keyFor("one"), c.keyFor("two")]).toEqual(["", "mod+y"]);
  });

  it("can be given another key, none, and their own again", () => {
    const one = command("one", "x");
    add(one, command("two", "y"));
    c.setKeys("one", "z");
    expect([c.commandFor("x", false), c.commandFor("z", false)?.id]).toEqual([undefined, "one"]);
    c.setKeys("one", "y");
    expect(c.clashes(one).map((o) => o.id)).toEqual(["two"]);
    c.setKeys("one", "");
    expect([c.keyFor("one"), c.clashes(one)]).toEqual(["", []]);
    c.setKeys("one", undefined);
    expect([c.keyFor("one"), c.remapped.value]).toEqual(["x", false]);
  });

  it("have an id of their own", () => {
    add(command("one", "x"));
    expect(() => c.register(command("one", "y"))).toThrow("one");
    expect(() => c.register(command("two", "y"), command("two", "z"))).toThrow("two");
  });

  it("are found in the palette by a few letters, beside what sources find", () => {
    add(command("alpha", "x"), command("beta", undefined, { when: () => can }));
    const end = c.addSource((q) => (q.includes("b") ? [command("bernd", undefined)] : []));
    expect(c.find("").map((h) => h.command.id)).toEqual(["alpha", "beta"]);
    expect(c.find("be").map((h) => h.command.id)).toEqual(["beta", "bernd"]);
    can = false;
    end();
    expect(c.find("b").map((h) => h.command.id)).toEqual([]);
  });
});

describe("a second key", () => {
  it("works while something is written, unless somebody has given it to another command", () => {
    const remove = c.register({ id: "second-a", title: "A", keys: "q", also: "alt+arrowdown", run: () => {} }, { id: "second-b", title: "B", run: () => {} });
    expect(c.commandFor("alt+arrowdown", true)?.id).toBe("second-a");
    c.setKeys("second-b", "alt+arrowdown");
    expect(c.commandFor("alt+arrowdown", true)?.id).toBe("second-b");
    c.setKeys("second-b", undefined);
    remove();
  });
});
