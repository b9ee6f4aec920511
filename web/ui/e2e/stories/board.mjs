// What a supervisor does: finds what was written, watches the board, whispers, and steps in; and the colleague who is told.

import { addPerson, atReply, check, checkAxe, drawn, eventually, openWindow, shot, signIn, signInBy, startConversation } from "../lib.mjs";

const pageLink = (page, name) => page.locator(".top-pages a", { hasText: name });

export const steps = [
  [
    "an agent takes one of two customers",
    async (world) => {
      const { server, browser, problems, agent } = world;
      const { id } = await startConversation(server, "en", "gb", ["Where is my zeppelin voucher?"], true);
      await startConversation(server, "en", "gb", ["The blimp receipt is missing"], true);
      await signIn(server, agent.page);
      const { page } = await openWindow(browser, problems);
      world.cleo = page;
      await signInBy(await addPerson(server, { email: "cleo@larkpay.example", name: "Cleo", teams: ["general"], languages: ["en"] }), page);
      await page.goto(`${server.base}/desk#c/${id}`);
      await page.reload();
      await page.locator(".take .button").first().click();
      await atReply(page);
      world.id = id;
    },
  ],
  [
    "the search finds by the beginning of a word, with the words marked, and opens the conversation",
    async ({ agent: { page } }) => {
      await page.keyboard.press("/");
      const field = page.getByRole("searchbox");
      await field.waitFor();
      await field.pressSequentially("zeppel");
      const found = page.locator(".search-found > li");
      await found.filter({ has: page.locator("mark", { hasText: /zeppelin/i }) }).first().waitFor();
      await eventually(async () => (await found.count()) === 1, "only the conversation that has the word is found");
      await page.locator(".search-filters select").nth(2).selectOption("closed");
      await page.getByText("Nothing found. Try fewer").waitFor();
      await page.locator(".search-filters select").nth(2).selectOption("");
      await found.first().waitFor();
      await checkAxe(page, "the search");
      await shot(page, "search");
      await found.first().locator("a").click();
      await page.locator(".transcript", { hasText: "zeppelin" }).waitFor();
    },
  ],
  [
    "the board shows teams, people, and who has which customer",
    async ({ agent: { page } }) => {
      await pageLink(page, "Board").click();
      const cleo = page.locator(".board-person", { hasText: "Cleo" });
      await cleo.locator("li", { hasText: "waits" }).waitFor();
      const general = page.locator(".board tbody tr", { hasText: /General/ });
      await eventually(async () => (await general.locator("td").first().innerText()).trim().startsWith("1"), "one customer waits");
      await checkAxe(page, "the board");
      await shot(page, "board");
      await page.setViewportSize({ width: 390, height: 844 });
      await checkAxe(page, "the board on a phone");
      await drawn(page);
      check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the phone");
      await shot(page, "board-390");
      await page.setViewportSize({ width: 1280, height: 800 });
    },
  ],
  [
    "a whisper reaches the agent at once, and the customer sees nothing of it",
    async ({ agent: { page }, cleo }) => {
      await page.getByRole("button", { name: /^Whisper to Cleo/ }).click();
      const dialog = page.getByRole("dialog", { name: "Whisper to Cleo" });
      await dialog.getByLabel("Note").fill("Offer them the voucher again.");
      await checkAxe(page, "the whisper");
      await dialog.getByRole("button", { name: "Send the note" }).click();
      await page.getByText("Cleo has your note.").first().waitFor();
      await cleo.locator(".entry.note", { hasText: "Offer them the voucher again." }).waitFor();
    },
  ],
  [
    "a note names a colleague, who is told and finds it",
    async ({ agent: { page }, cleo }) => {
      await cleo.getByRole("tab", { name: /Note/ }).click();
      const note = cleo.getByLabel("Note for the team");
      const name = await page.evaluate(async () => (await (await fetch("/v1/agent/me")).json()).name);
      await note.pressSequentially(`@${name.slice(0, 2)}`);
      await cleo.getByRole("listbox", { name: "Colleagues to name" }).locator("[aria-selected=true]", { hasText: name }).waitFor();
      await checkAxe(cleo, "the colleagues to name");
      await note.press("Enter");
      await cleo.getByRole("listbox", { name: "Colleagues to name" }).waitFor({ state: "detached" });
      await note.pressSequentially("is that right?");
      await note.press("Control+Enter");
      await page.getByText(`Cleo names you: @${name} is that right?`).first().waitFor();
      await pageLink(page, "Mentions").click();
      const mention = page.locator(".search-found > li", { hasText: "is that right?" });
      await mention.locator(".count", { hasText: "new" }).waitFor();
      await checkAxe(page, "the mentions");
      const read = page.waitForResponse((r) => r.url().endsWith("/read")); // what is left within a moment is not read
      await mention.locator("a").click();
      await page.locator(".entry.note", { hasText: "is that right?" }).waitFor();
      await read;
      await pageLink(page, "Mentions").click();
      await mention.locator(".count").waitFor({ state: "detached" });
    },
  ],
  [
    "the supervisor takes over, and the agent sees who has it now",
    async ({ agent: { page }, cleo, id }) => {
      await pageLink(page, "Board").click();
      await page.getByRole("button", { name: /^Take over/ }).click();
      await page.getByLabel("Reply to the customer").waitFor();
      await eventually(async () => (await page.evaluate(() => location.hash)) === `#c/${id}`, "the conversation is open");
      await cleo.getByLabel("Reply to the customer").waitFor({ state: "detached" });
      await page.getByLabel("Reply to the customer").fill("I have found your voucher.");
      await page.keyboard.press("Control+Enter");
    },
  ],
];
