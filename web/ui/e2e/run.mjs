// Browser tests of the pages against the real program.
//
//   npm run e2e                        every story
//   npm run e2e -- --story desk        one story, or several: --story desk --story chat
//   npm run e2e -- --shots             also takes the pictures of all widths and both colour schemes
//   npm run e2e -- --base URL --desk SIGN-IN-LINK     uses a server that runs already
//
// A story is a file of stories/: it exports steps, a list of [name, step(world)], and may export options for startServer.
// Each has bin/firstline (or FIRSTLINE_BIN) with the demo and windows of its own. Its steps build on each other; the first
// that fails ends the story, the other stories are told all the same, and the run ends with exit status 1. What a step leaves
// behind (tell.mjs) counts as its failure.

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { check, here, openWindow, shot, shots, startBrowser, startServer } from "./lib.mjs";
import { tell } from "./tell.mjs";

const { values: args } = parseArgs({ options: { base: { type: "string" }, desk: { type: "string" }, shots: { type: "boolean" }, story: { type: "string", multiple: true } } });

const known = readdirSync(join(here, "stories")).map((f) => f.replace(/\.mjs$/, "")).sort();
const unknown = (args.story ?? []).filter((s) => !known.includes(s));
if (unknown.length > 0) {
  console.error(`There is no story ${unknown.join(", ")}; there are ${known.join(", ")}.`);
  process.exit(2);
}

rmSync(shots, { recursive: true, force: true });
mkdirSync(shots, { recursive: true });

const given = args.base && { base: args.base.replace(/\/$/, ""), links: [{ line: "given", url: args.desk ?? "" }], stop: async () => {} };

/** What a story stands on: the program and two windows, whose errors count as the step's. */
const stage = (name, options, browser) => {
  const world = { windows: [], problems: [] };
  return {
    async begin() {
      world.server = given || (await startServer(options));
      world.browser = browser;
      for (const who of ["customer", "agent"]) {
        world[who] = await openWindow(browser, world.problems, who === "customer" ? { viewport: { width: 1024, height: 800 } } : {});
        world.windows.push(world[who]);
      }
      return world;
    },
    check: ({ problems }) => check(problems.length === 0, `no error in the pages: ${problems.join("; ")}`),
    async failed({ server, windows }) {
      const said = (server.output?.() ?? "").split("\n").filter((l) => !l.includes("/signin"));
      console.error(`      The program's last lines:\n        ${said.slice(-20).join("\n        ")}`);
      for (const [i, w] of windows.entries()) await shot(w.page, `failed-${name}-${["customer", "agent"][i]}`).catch(() => {});
    },
    async end() {
      for (const w of world.windows) await w.context.close().catch(() => {});
      await world.server?.stop();
    },
  };
};

let failed = false;
const browser = await startBrowser();
try {
  for (const name of args.story ?? known) {
    const story = await import(`./stories/${name}.mjs`).catch((err) => ({ steps: [["is read", () => Promise.reject(err)]] }));
    if (story.onRequest && !args.story && !args.shots) continue;
    if (!(await tell(name, story.steps, stage(name, story.options, browser)))) failed = true;
  }
} finally {
  await browser.close();
}
process.exitCode = failed ? 1 : 0;
