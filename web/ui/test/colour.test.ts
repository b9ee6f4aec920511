import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { adapt } from "../src/widget/adapt.ts";
import { contrast, palette, parse } from "../src/widget/colour.ts";

test("whatever colour a company chooses, text in it and on it can be read", () => {
  for (let n = 0; n < 4096; n++) {
    const hex = `#${[n >> 8, (n >> 4) & 15, n & 15].map((d) => d.toString(16).repeat(2)).join("")}`;
    for (const dark of [false, true]) {
      const p = palette(parse(hex)!, dark);
      const of = (name: string) => parse(p[name])!;
      expect(contrast(of("--brand"), of("--on-brand")), `${hex} on-brand`).toBeGreaterThanOrEqual(4.5);
      expect(contrast(of("--brand-text"), of("--brand-soft")), `${hex} text on soft`).toBeGreaterThanOrEqual(4.5);
      expect(contrast(of("--brand-text"), dark ? [26, 30, 29] : [255, 255, 255]), `${hex} text`).toBeGreaterThanOrEqual(4.5);
    }
  }
  expect(parse("red;}")).toBeUndefined();
});

test("the chat's styles leave nothing that a page around the widget decides", () => {
  const css = readFileSync("src/shared/base.css", "utf8") + readFileSync("src/chat/chat.css", "utf8");
  const out = adapt(css, 20, "dark");
  expect(out).not.toMatch(/\drem\b/);
  expect(out).not.toMatch(/(^|[\s,}]):root|^html|^body|@media \((max|min)-width|prefers-color-scheme/m);
  expect(adapt("a{padding:.5rem 1rem}", 20, "auto")).toBe("a{padding:10px 20px}");
});
