// Browser tests of the pages against the real program.
//
//   npm run e2e                        every story
//   npm run e2e -- --story desk        one story, or several: --story desk --story chat
//   npm run e2e -- --shots             also takes the pictures of all widths and both colour schemes
//   npm run e2e -- --base URL --desk SIGN-IN-LINK     uses a server that runs already
//
// A story is a file of stories/: it exports steps, a list of [name, step(world)], and may export options for startServer.
// Each has bin/firstline (or FIRSTLINE_BIN) with the demo and windows of its own. Its steps build on each other; the first
// that fails ends the story, and the run ends with exit status 1.

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { check, here, openWindow, shot, shots, startBrowser, startServer } from "./lib.mjs";

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

/** Tells one story and says whether it went well. */
async function tell(name, story, browser) {
  let server;
  const windows = [];
  try {
    server = given || (await startServer(story.options));
    const problems = [];
    const customer = await openWindow(browser, problems, { viewport: { width: 1024, height: 800 } });
    const agent = await openWindow(browser, problems);
    windows.push(customer, agent);
    const world = { server, browser, customer, agent, problems };
    for (const [what, step] of story.steps) {
      const began = Date.now();
      try {
        await step(world);
        check(problems.length === 0, `no error in the pages: ${problems.join("; ")}`);
        console.log(`ok    ${name}: ${what} (${Date.now() - began} ms)`);
      } catch (err) {
        console.error(`FAIL  ${name}: ${what}\n      ${err.stack ?? err}`);
        const said = (server.output?.() ?? "").split("\n").filter((l) => !l.includes("/signin"));
        console.error(`      The program's last lines:\n        ${said.slice(-20).join("\n        ")}`);
        await shot(customer.page, `failed-${name}-customer`).catch(() => {});
        await shot(agent.page, `failed-${name}-agent`).catch(() => {});
        return false;
      }
    }
    return true;
  } catch (err) {
    console.error(`FAIL  ${name}\n`, err);
    return false;
  } finally {
    for (const w of windows) await w.context.close().catch(() => {});
    await server?.stop();
  }
}

let failed = false;
const browser = await startBrowser();
try {
  for (const name of args.story ?? known) {
    const story = await import(`./stories/${name}.mjs`);
    if (story.onRequest && !args.story && !args.shots) continue;
    if (!(await tell(name, story, browser))) failed = true;
  }
} finally {
  await browser.close();
}
process.exitCode = failed ? 1 : 0;
