// What the package says that pages can call and hear is what the widget knows: its types, its README and its code agree.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (f: string) => readFileSync(f, "utf8");
const all = (text: string, re: RegExp) => [...text.matchAll(re)].map((m) => m[1] ?? "");
const sorted = (names: string[]) => [...new Set(names)].sort();

const types = read("packages/widget/index.d.ts");
const readme = read("packages/widget/README.md");
const loader = read("src/widget/loader.ts");
const embed = read("src/widget/embed.tsx");

test("types, README and code name the same functions", () => {
  const typed = sorted(all(types, /\(command: ((?:"\w+"(?: \| )?)+)/g).flatMap((u) => all(u, /"(\w+)"/g)));
  // show is the script's own, for a page that loads it twice; init is what the package's load says.
  const own = ["show", "init"];
  const known = sorted([...all(loader, /name === "(\w+)"/g), ...all(loader, /command === "(\w+)"/g)]).filter((n) => !own.includes(n));
  expect(known).toEqual(typed);
  const table = readme.slice(readme.indexOf("## Functions"), readme.indexOf("## Events"));
  for (const name of typed) expect(table, name).toMatch(new RegExp(`["\`]${name}["\`]`));
});

test("types, README and code name the same events", () => {
  const body = types.slice(types.indexOf("interface Events"), types.indexOf("export interface Firstline "));
  const typed = sorted(all(body, /^ {2}(\w+):/gm));
  expect(typed.length).toBeGreaterThan(5);
  expect(sorted(all(loader + embed, /emit\("(\w+)"/g))).toEqual(typed);
  const table = readme.slice(readme.indexOf("## Events"));
  expect(sorted(all(table, /^\| (`.+?`) \|/gm).flatMap((cell) => all(cell, /`(\w+)`/g)))).toEqual(typed);
});

test("the README has every option that a script tag can give", () => {
  const options = all(types.slice(0, types.indexOf("export type Context")), /^ {2}(\w+)\??:/gm).filter((o) => o !== "origin"); // the script's own address says it
  expect(options.length).toBeGreaterThan(4);
  for (const o of options) expect(readme).toContain(`data-${o}`);
});
