// The browser stories' own rule: what a step leaves behind fails its story, and no other.

import { spawnSync } from "node:child_process";
import { expect, test, vi } from "vitest";

vi.setConfig({ testTimeout: 120_000 }); // each starts a process, which takes as long as the machine is slow

/** Tells stories in a process of their own, as the run does; left are the promises that nobody waits for and that fail when the story ends. */
function told(stories: string) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { tell } from "./e2e/tell.mjs";
      let left = [];
      const leave = () => void new Promise((_, no) => left.push(no));
      const stage = { begin: () => ({ leave }), end: () => left.splice(0).forEach((no) => no(new Error("the window was closed"))) };
      const stories = ${stories};
      let failed = 0;
      for (const [name, steps] of Object.entries(stories)) if (!(await tell(name, steps, stage))) failed++;
      console.log("failed " + failed);
      process.exitCode = failed ? 1 : 0;`,
    ],
    { encoding: "utf8" },
  );
  return { status, stdout, stderr };
}

test("a wait whose click failed fails its story by name, and the next one is told", () => {
  const { status, stdout, stderr } = told(`{
    first: [["clicks", ({ leave }) => { leave(); throw new Error("no such button"); }], ["never", () => console.log("too far")]],
    second: [["goes well", () => {}]],
  }`);
  expect(stderr).toContain("FAIL  first: clicks\n      Error: no such button");
  expect(stderr).toContain("FAIL  first: at its end: something was left behind");
  expect(stderr).not.toContain("FAIL  second");
  expect(stdout).toContain("ok    second: goes well");
  expect(stdout).not.toContain("too far");
  expect(stdout).toContain("failed 1");
  expect(status).toBe(1);
});

test("what fails behind a step that went well fails the story too", () => {
  const { status, stdout, stderr } = told(`{
    rejects: [["leaves", () => void Promise.reject(new Error("nobody waits"))], ["never", () => console.log("too far")]],
    throws: [["leaves", () => new Promise((done) => { setImmediate(() => { throw new Error("in a listener"); }); setTimeout(done, 1); })]],
    last: [["goes well", () => {}]],
  }`);
  expect(stderr).toContain("FAIL  rejects: leaves: something was left behind and failed\n      Error: nobody waits");
  expect(stderr).toContain("FAIL  throws: leaves: something was left behind and failed\n      Error: in a listener");
  expect(stdout).not.toContain("too far");
  expect(stdout).toContain("ok    last: goes well");
  expect(stdout).toContain("failed 2");
  expect(status).toBe(1);
});

test("stories that go well end well", () => {
  expect(told(`{ one: [["waits", async () => {}]], two: [["waits", async () => {}]] }`)).toMatchObject({ status: 0, stderr: "" });
});
