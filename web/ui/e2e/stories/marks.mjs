// What a customer sees of how far their message has come: sent, delivered to the agent's desk, seen; and in the title of a
// page that is behind others, how many messages came.

import { askSomething, atReply, check, eventually, shot, signIn } from "../lib.mjs";

const mark = (page, text) => page.locator(".row-customer .meta.own", { hasText: text });

async function write(page, text) {
  await page.locator("#composer").fill(text);
  await page.locator("#composer").press("Enter");
  await page.locator(".row-customer", { hasText: text }).waitFor();
}

/** Puts a page behind others, or in front again, as its scripts see it. */
const inFront = (page, yes) =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, yes ? "visible" : "hidden");

export const steps = [
  [
    "a message is delivered while the agent is elsewhere at the desk, and seen when they look",
    async ({ server, customer, agent }) => {
      const page = customer.page;
      await askSomething(server, page);
      await page.getByRole("button", { name: "Talk to a person" }).click();
      await signIn(server, agent.page, /supervisor/i);
      await agent.page.locator(".queue").getByText("Asked for a person").last().click();
      await agent.page.getByRole("button", { name: /^Accept/ }).last().click();
      await atReply(agent.page);
      await inFront(agent.page, false);
      await write(page, "My order is A-1001");
      await mark(page, "Delivered").waitFor();
      check((await mark(page, "Seen").count()) === 0, "nobody has seen it yet");
      await shot(page, "marks-delivered");
      await inFront(agent.page, true);
      await mark(page, "Seen").waitFor();
      await eventually(async () => (await mark(page, "Delivered").count()) === 0, "one mark stands");
    },
  ],
  [
    "the title counts what came while the page was behind others",
    async ({ customer: { page }, agent }) => {
      const before = await page.title();
      await inFront(page, false);
      await agent.page.locator("#reply").fill("I am looking at it now.");
      await agent.page.locator("#reply").press("Control+Enter");
      await eventually(async () => (await page.title()) === `(1) ${before}`, async () => `the title counts one: ${await page.title()}`);
      await inFront(page, true);
      await eventually(async () => (await page.title()) === before, "it counts nothing any more");
      await page.getByText("I am looking at it now.").first().waitFor();
    },
  ],
];
