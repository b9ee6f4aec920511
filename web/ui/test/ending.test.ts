import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Handoff, Me } from "../src/shared/types.ts";

// The store stands on the browser: what it touches here is stood in for.
const asked: string[] = [];
let answer: (path: string) => Response;
beforeEach(() => {
  asked.length = 0;
  answer = () => new Response("{}", { headers: { "Content-Type": "application/json" } });
  vi.stubGlobal("history", { replaceState: () => {} });
  vi.stubGlobal("location", { pathname: "/desk", hash: "", origin: "http://desk.example" });
  vi.stubGlobal("requestAnimationFrame", () => 0);
  vi.stubGlobal("fetch", async (url: string | URL) => {
    const path = String(url).replace(/^.*\/v1\/agent/, "");
    asked.push(path);
    return answer(path);
  });
});
afterEach(() => vi.unstubAllGlobals());

const row = (id: string, part: Partial<Handoff> = {}) => ({ id, conversation_id: `c-${id}`, state: "accepted", agent_id: "me", first_reply_at: "2026-01-01T00:00:00Z", snoozed_until: null, ...part }) as Handoff;

async function desk(mine: Handoff[], open: string) {
  const session = await import("../src/desk/store/session.ts");
  const { queue } = await import("../src/desk/store/queue.ts");
  const conversation = await import("../src/desk/store/conversation.ts");
  const actions = await import("../src/desk/store/actions.ts");
  session.me.value = { id: "me", name: "Kim", role: "agent" } as Me;
  queue.value = { handoffs: [], mine };
  conversation.openConversation(open);
  const left = () => queue.value?.mine.map((h) => h.id);
  return { ...actions, ...session, left, done: () => conversation.closeConversation() };
}

it.each(["resolve", "return", "transfer", "escalate"] as const)("what is ended by %s leaves the list at once, before the stream says so", async (how) => {
  const d = await desk([row("1"), row("2")], "c-1");
  if (how === "resolve") await d.resolve();
  else if (how === "return") await d.giveBack("");
  else if (how === "transfer") await d.transfer("fraud", "");
  else await d.escalate("");
  expect(asked).toContain(`/conversations/c-1/${how}`);
  expect(d.left()).toEqual(["2"]);
  d.done();
});

it("what sleeps, what is refused, and what came back as an offer stays in the list", async () => {
  let d = await desk([row("1")], "c-1");
  await d.snooze(new Date(0), "then");
  expect(d.left()).toEqual(["1"]);

  answer = () => new Response(JSON.stringify({ status: 409, detail: "They wrote again." }), { status: 409, headers: { "Content-Type": "application/problem+json" } });
  d = await desk([row("1")], "c-1");
  await d.resolve();
  expect(d.notice.value?.text).toBe("They wrote again.");
  expect(d.left()).toEqual(["1"]);

  const { queue } = await import("../src/desk/store/queue.ts");
  answer = (path) => {
    if (path.endsWith("/transfer")) queue.value = { handoffs: [], mine: [row("1", { state: "offered" })] };
    return new Response("{}", { headers: { "Content-Type": "application/json" } });
  };
  await d.transfer("fraud", "");
  expect(d.left()).toEqual(["1"]);
  d.done();
});
