import { beforeEach, describe, expect, it, vi } from "vitest";
import { asText, settle } from "../src/desk/preferences.ts";
import { act, busy, notice } from "../src/desk/store/session.ts";

/** An answer of the server that comes when it is told to. */
function answer() {
  let give!: (err?: Error) => void;
  const promise = new Promise<void>((ok, failed) => (give = (err) => (err ? failed(err) : ok())));
  return { promise, give };
}
const soon = () => new Promise((done) => setTimeout(done));

describe("actions that are asked for while another is under way", () => {
  beforeEach(() => (notice.value = null));

  it("run beside each other when they are about different conversations", async () => {
    const first = answer();
    const ran: string[] = [];
    const one = act("resolve", () => (ran.push("a"), first.promise), "a");
    const two = act("resolve", async () => void ran.push("b"), "b");
    expect(await two).toBe(true);
    expect(ran).toEqual(["a", "b"]);
    expect(busy.value).toBe("resolve");
    first.give();
    expect(await one).toBe(true);
    expect(busy.value).toBe("");
  });

  it("wait for each other in order when they are about the same one, also behind a failure", async () => {
    const first = answer();
    const ran: string[] = [];
    const all = [act("accept", () => (ran.push("accept"), first.promise), "a"), act("snooze", async () => void ran.push("snooze"), "a"), act("wake", async () => void ran.push("wake"), "a")];
    await soon();
    expect(ran).toEqual(["accept"]);
    first.give(new Error("no"));
    expect(await Promise.all(all)).toEqual([false, true, true]);
    expect(ran).toEqual(["accept", "snooze", "wake"]);
  });

  it("are not run twice when the same is asked for twice", async () => {
    const first = answer();
    const run = vi.fn(() => first.promise);
    const one = act("resolve", run, "a");
    expect(await act("resolve", run, "a")).toBe(false);
    first.give();
    expect(await one).toBe(true);
    expect(run).toHaveBeenCalledTimes(1);
    expect(await act("resolve", run, "a")).toBe(true);
  });
});

describe("preferences when the desk opens", () => {
  const server = { sound: true };
  const here = { keys: { next: "x" } };
  it("are the server's, unless this browser owes it a change of the same agent", () => {
    expect(settle(here, server, { agent: "ada", owes: false }, "ada")).toEqual({ use: server, send: false });
    expect(settle(here, server, { agent: "ada", owes: true }, "ada")).toEqual({ use: here, send: true });
    expect(settle(here, server, { agent: "ben", owes: true }, "ada")).toEqual({ use: server, send: false });
  });
  it("are what the browser kept before the server kept any, but never another agent's", () => {
    expect(settle(here, {}, undefined, "ada")).toEqual({ use: here, send: true });
    expect(settle(here, {}, { agent: "ben", owes: false }, "ada")).toEqual({ use: {}, send: false });
    expect(settle({}, {}, undefined, "ada")).toEqual({ use: {}, send: false });
  });
  it("are the same whatever their order, and with the usual ones left out", () => {
    expect(asText({ keys: { a: "1", b: "2" } })).toBe(asText({ undo_ms: 5000, keys: { b: "2", a: "1" } }));
    expect(asText({ keys: { a: "" } })).not.toBe(asText({}));
  });
});
