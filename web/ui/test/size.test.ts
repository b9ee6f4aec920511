// What a page of another origin loads before anybody opens the chat must stay small.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

test("the widget's first part is at most 25 KB, compressed", () => {
  const script = readFileSync("dist/widget.js"); // missing: run scripts/web.sh build
  expect(script.length).toBeGreaterThan(5000);
  expect(gzipSync(script, { level: 9 }).length).toBeLessThanOrEqual(25 * 1024);
});
