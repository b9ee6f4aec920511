// Browser tests of the two pages against the real program.
//
//   npm run e2e                        starts bin/firstline (or FIRSTLINE_BIN) itself, with the demo
//   npm run e2e -- --base URL --desk SIGN-IN-LINK     uses a server that runs already
//   npm run e2e -- --shots             also takes the pictures of all widths and both colour schemes
//
// The steps build on each other; the first that fails ends the run with exit status 1.

import { mkdirSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { check, openWindow, shot, shots, startBrowser, startServer } from "./lib.mjs";
import { chatSteps } from "./chat.mjs";
import { deskSteps } from "./desk.mjs";
import { pictures } from "./pictures.mjs";

const { values: args } = parseArgs({ options: { base: { type: "string" }, desk: { type: "string" }, shots: { type: "boolean" } } });

rmSync(shots, { recursive: true, force: true });
mkdirSync(shots, { recursive: true });

let server;
let browser;
let failed = false;
try {
  server = args.base ? { base: args.base.replace(/\/$/, ""), links: [{ line: "given", url: args.desk ?? "" }], stop: async () => {} } : await startServer();
  browser = await startBrowser();
  const problems = [];
  const customer = await openWindow(browser, problems, { viewport: { width: 1024, height: 800 } });
  const agent = await openWindow(browser, problems);
  // The one who may see and take everything.
  const link = (server.links.find((l) => /supervisor|admin/i.test(l.line)) ?? server.links[0]).url;
  const world = { server, browser, customer, agent, link, problems };
  const steps = [...chatSteps, ...deskSteps, ...(args.shots ? pictures : [])];
  for (const [name, step] of steps) {
    const began = Date.now();
    try {
      await step(world);
      check(problems.length === 0, `no error in the pages: ${problems.join("; ")}`);
      console.log(`ok    ${name} (${Date.now() - began} ms)`);
    } catch (err) {
      failed = true;
      console.error(`FAIL  ${name}\n      ${err.stack ?? err}`);
      await shot(customer.page, "failed-customer").catch(() => {});
      await shot(agent.page, "failed-agent").catch(() => {});
      break;
    }
  }
} catch (err) {
  failed = true;
  console.error(err);
} finally {
  await browser?.close();
  await server?.stop();
}
process.exitCode = failed ? 1 : 0;
