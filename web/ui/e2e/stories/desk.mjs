// A customer asks for a person; an agent answers.

import { readFileSync } from "node:fs";
import { addPerson, askSomething, atReply, check, eventually, focused, openWindow, presence, shot, signIn, signInBy, typeUntil } from "../lib.mjs";

const id = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("firstline.session")).id);

export const steps = [
  [
    "without a session the desk says how to get a link",
    async ({ agent: { page }, server }) => {
      await page.goto(`${server.base}/desk`);
      await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
      check((await page.getByRole("link", { name: "Sign in" }).getAttribute("href")).startsWith("/signin?to=%2Fdesk"), "the way in is there");
      await shot(page, "desk-signed-out");
    },
  ],
  [
    "the link signs in",
    async ({ agent: { page }, server }) => {
      await signIn(server, page);
      await page.getByRole("region", { name: "Queue" }).waitFor();
      await page.getByText("Nobody is waiting for your teams.").waitFor();
      await page.getByText("No conversation open").waitFor(); // the middle says what to do
      await shot(page, "desk-empty");
    },
  ],
  ["a customer talks to the assistant", ({ customer: { page }, server }) => askSomething(server, page)],
  [
    "one click asks for a person, and the customer sees where they stand",
    async ({ customer: { page } }) => {
      await page.getByRole("button", { name: "Talk to a person" }).click();
      const card = page.getByRole("region", { name: "You are in line for a person" });
      await card.waitFor();
      await eventually(async () => /next|Number \d|closed/i.test(await card.innerText()), "the card says the position or the opening time");
      await card.getByRole("button", { name: "Correct or add" }).click();
      await card.getByRole("textbox", { name: "What the person will read" }).fill("My refund from the shop is three weeks late.");
      await card.getByRole("button", { name: "Save" }).click();
      await card.getByText("Saved").waitFor();
      await card.locator(".summary-text", { hasText: "three weeks late" }).waitFor(); // the correction is shown
      await shot(page, "chat-in-line");
    },
  ],
  [
    "the desk shows them, with the reason first and the customer's own summary",
    async ({ agent: { page } }) => {
      await page.locator(".group", { hasText: "Waiting" }).locator(".row-item").first().waitFor();
      await page.keyboard.press("j");
      await page.locator(".package .why-reason", { hasText: "The customer asked for a person" }).waitFor();
      await eventually(async () => (await page.locator(".package .part").first().innerText()).includes("three weeks late"), "the corrected summary is shown");
      await eventually(async () => (await page.locator(".package").innerText()).includes("Corrected by the customer"), "and marked");
      await eventually(async () => (await page.locator(".transcript .from-assistant .ai-mark").count()) > 0, "the assistant's messages are marked");
      await page.getByText("Accept this conversation to reply").waitFor(); // no reply before it is accepted
      check((await page.getByLabel("Reply to the customer").count()) === 0, "there is no field for a reply yet");
      await shot(page, "desk-waiting");
    },
  ],
  [
    "being online brings an offer with a countdown and a badge in the title",
    async ({ agent: { page } }) => {
      await presence(page, "online");
      await page.locator(".offer").waitFor();
      const left = async () => Number(/^(\d+) s left$/.exec(await page.locator(".countdown").innerText())?.[1] ?? Number.NaN);
      const first = await left();
      await eventually(async () => (await left()) < first, "the countdown runs");
      await eventually(async () => (await page.title()).startsWith("(1) "), "the title says one");
      await shot(page, "desk-offer");
    },
  ],
  [
    "the agent accepts by keyboard, and the customer sees who joined",
    async ({ agent: { page }, customer }) => {
      await page.keyboard.press("a");
      await atReply(page);
      await page.locator(".group", { hasText: "My conversations" }).locator(".row-item").waitFor();
      await eventually(async () => !(await page.title()).startsWith("("), "the badge is gone");
      await customer.page.locator(".system", { hasText: "joined" }).waitFor();
      await customer.page.getByRole("region", { name: "You are in line for a person" }).waitFor({ state: "detached" });
      await eventually(async () => (await customer.page.getByRole("button", { name: "Talk to a person" }).count()) === 0, "a person is there already");
    },
  ],
  [
    "both see each other type, and the reply arrives",
    async ({ agent: { page }, customer }) => {
      await typeUntil(customer.page.locator("#composer"), "Are you there?", page.locator(".typing", { hasText: "The customer is typing" }));
      await customer.page.locator("#composer").press("Enter");
      await page.locator(".from-customer", { hasText: "Are you there?" }).waitFor();
      const reply = page.getByLabel("Reply to the customer");
      await typeUntil(reply, "Yes. I look at your refund **now**.", customer.page.locator(".dots-row", { hasText: "is typing" }));
      await reply.press("Control+Enter");
      await customer.page.locator(".row-agent", { hasText: "I look at your refund now." }).waitFor();
      check((await customer.page.locator(".row-agent .ai-mark").count()) === 0, "a person's message is not marked as AI");
      await page.locator(".seen").waitFor();
      await shot(customer.page, "chat-human");
    },
  ],
  [
    "a note stays within the team",
    async ({ agent: { page }, customer }) => {
      await page.keyboard.press("Escape");
      await page.keyboard.press("n");
      await focused(page, "#reply");
      await page.getByLabel("Note for the team").fill("Bank confirmed on Tuesday.");
      await page.keyboard.press("Control+Enter");
      const note = page.locator(".entry.note", { hasText: "Bank confirmed" });
      await note.waitFor();
      await eventually(async () => (await note.innerText()).includes("Note - only the team sees this"), "the note is labelled");
      await page.locator(".entry.note.pending").waitFor({ state: "detached" });
      await customer.page.reload();
      await customer.page.locator(".row-agent").first().waitFor();
      check(!(await customer.page.locator("body").innerText()).includes("Bank confirmed"), "the customer does not see it");
      await shot(page, "desk-conversation");
    },
  ],
  [
    "a second agent who wants the same is told who has it",
    async ({ agent, browser, server, problems, customer }) => {
      if (!server.data) return; // somebody else's server, where nobody can be added
      const { page, context } = await openWindow(browser, problems);
      await signInBy(await addPerson(server, { email: "cleo@larkpay.example", name: "Cleo", teams: ["general"] }), page);
      const conversation = await id(customer.page);
      const name = await agent.page.evaluate(async () => (await (await fetch("/v1/agent/me")).json()).name);
      await page.goto(`${server.base}/desk#c/${conversation}`);
      await page.reload();
      await page.getByText(new RegExp(`${name} has this conversation|not for your teams|may not|not allowed`, "i")).first().waitFor();
      await context.close();
    },
  ],
  [
    "resolving closes the conversation, and the customer rates it",
    async ({ agent: { page }, customer }) => {
      await page.keyboard.press("Escape");
      await page.keyboard.press("e");
      await page.locator(".notice", { hasText: "Resolved." }).waitFor();
      await page.getByText("No conversation open").waitFor();
      const form = customer.page.locator("form.rating");
      await form.waitFor();
      const four = form.getByRole("radio", { name: /4 of 5/ });
      await eventually(async () => {
        if (!(await four.isChecked())) await four.click({ force: true });
        return four.isChecked();
      }, "four of five is chosen");
      await form.getByRole("button", { name: "Send rating" }).click();
      await customer.page.getByText("Thank you for your rating.").waitFor();
      await shot(customer.page, "chat-rated");
    },
  ],
  [
    "the transcript can be kept, without the team's note",
    async ({ customer: { page } }) => {
      await page.getByRole("button", { name: "More" }).click();
      const wait = page.waitForEvent("download");
      await page.getByRole("menuitem", { name: "Download as text" }).click();
      const text = readFileSync(await (await wait).path(), "utf8");
      check(text.includes("I look at your refund") && !text.includes("Bank confirmed"), "the file holds what the customer saw");
    },
  ],
  [
    "a new conversation starts after a question, and the old one is gone from the device",
    async ({ customer: { page } }) => {
      const before = await id(page);
      await page.getByRole("button", { name: "More" }).click();
      await focused(page, "[role=menuitem]");
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").getByRole("button", { name: "New conversation" }).click();
      await page.getByRole("button", { name: "Start chat" }).click();
      await page.locator(".row-assistant").first().waitFor();
      await eventually(async () => (await id(page)) !== before, "it is another conversation");
      await eventually(async () => (await page.locator(".row").count()) === 1, "it is empty but for the greeting");
    },
  ],
  [
    "a conversation that is gone ends in a new start, not in an error",
    async ({ customer: { page } }) => {
      await page.evaluate(() => localStorage.setItem("firstline.session", JSON.stringify({ ...JSON.parse(localStorage.getItem("firstline.session")), token: "wrong" })));
      await page.reload();
      await page.getByText("That conversation is no longer available").waitFor();
      await page.getByRole("button", { name: "Start chat" }).waitFor();
    },
  ],
];
