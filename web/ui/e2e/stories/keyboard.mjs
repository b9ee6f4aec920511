// The desk by keys alone: the palette, keys of one's own, pages, and what was being written.

import { atReply, check, checkAxe, drawn, eventually, focused, holdReplies, palette, presence, question, run, shot, signIn, startConversation, told } from "../lib.mjs";

/** Whether this row is the open one. */
const isOpen = (row) => row.and(row.page().locator("[aria-current=true]"));

export const steps = [
  [
    "two customers wait, and the agent takes both",
    async ({ agent: { page }, server }) => {
      for (let i = 0; i < 2; i++) await startConversation(server, "en", "gb", [question], true);
      await signIn(server, page);
      const rows = page.locator(".group", { hasText: "Waiting" }).locator(".row-item");
      await rows.nth(1).waitFor();
      for (let i = 0; i < 2; i++) {
        await page.locator(".group", { hasText: "Waiting" }).locator(".row-item").first().click();
        await page.locator(".answer .take .button").first().click();
        await atReply(page);
        await page.locator(".group", { hasText: "My conversations" }).locator(".row-item").nth(i).waitFor();
        await page.keyboard.press("Escape");
      }
      await eventually(async () => (await page.locator(".group", { hasText: "My conversations" }).locator(".row-item").count()) === 2, "both are the agent's");
    },
  ],
  [
    "what is being written stays with its conversation, the reply apart from the note, also over a reload",
    async ({ agent: { page } }) => {
      const mine = page.locator(".group", { hasText: "My conversations" }).locator(".row-item");
      await mine.nth(0).click();
      await isOpen(mine.nth(0)).waitFor();
      await page.getByLabel("Reply to the customer").fill("Half a reply");
      await page.keyboard.press("Escape");
      await page.keyboard.press("n");
      await focused(page, "#reply");
      await page.getByLabel("Note for the team").fill("Half a note");
      await mine.nth(1).click();
      await isOpen(mine.nth(1)).waitFor();
      await page.getByLabel("Reply to the customer").waitFor();
      check((await page.getByLabel("Reply to the customer").inputValue()) === "", "the other conversation has its own");
      await mine.nth(0).locator(".tag", { hasText: "Draft" }).waitFor();
      await mine.nth(0).click();
      const reply = page.getByLabel("Reply to the customer");
      await reply.waitFor();
      await eventually(async () => (await reply.inputValue()) === "Half a reply", "the reply is there again");
      await page.reload();
      await reply.waitFor();
      await eventually(async () => (await reply.inputValue()) === "Half a reply", "after a reload too");
      await reply.press("Control+Enter");
      await page.locator(".entry.from-agent:not(.pending)", { hasText: "Half a reply" }).waitFor();
      await eventually(async () => (await reply.inputValue()) === "", "what was sent is no draft any more");
      await page.getByRole("tab", { name: /Note/ }).click();
      await eventually(async () => (await page.getByLabel("Note for the team").inputValue()) === "Half a note", "the note is still one");
      await page.getByLabel("Note for the team").fill("");
    },
  ],
  [
    "the palette opens from the text field, shows what can be done, and does it",
    async ({ agent: { page } }) => {
      await page.getByLabel("Note for the team").focus();
      await page.keyboard.press("Control+k");
      await palette(page).waitFor();
      await focused(page, ".palette input");
      await eventually(async () => (await palette(page).getByRole("option").count()) > 5, "commands are listed");
      check((await palette(page).getByRole("option", { name: "Accept" }).count()) === 0, "but none that makes no sense now");
      await shot(page, "desk-palette");
      await page.keyboard.type("zzzz");
      await palette(page).getByText("No command is called that.").waitFor();
      await page.keyboard.press("Escape");
      await palette(page).waitFor({ state: "detached" });
      await focused(page, "#reply"); // the focus is back in the text
      await run(page, "tran", "Transfer to a team or a colleague");
      await page.getByRole("dialog", { name: "Transfer" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await run(page, "wriarep", "Write a reply");
      await atReply(page); // it is the reply that is written
      await page.keyboard.press("Escape");
    },
  ],
  [
    "a key can be changed, is shown everywhere, and works",
    async ({ agent: { page } }) => {
      await run(page, "settings", "Go to Settings");
      await page.getByRole("heading", { name: "Settings" }).waitFor();
      await page.getByRole("button", { name: "Change the key for Next in the queue" }).click();
      await page.keyboard.press("Control+c");
      await page.getByText("The browser or the text field needs this key.").waitFor();
      await page.keyboard.press("k");
      await page.getByText("Also for: Previous in the queue").first().waitFor();
      await page.getByRole("button", { name: "Change the key for Next in the queue" }).click();
      await page.keyboard.press("x");
      await page.getByText("Also for:").first().waitFor({ state: "detached" });
      await shot(page, "desk-settings");
      await page.reload();
      await page.getByRole("heading", { name: "Settings" }).waitFor();
      await page.locator(".top-pages a", { hasText: "Inbox" }).click();
      await page.locator(".row-item").nth(1).waitFor();
      check((await page.locator(".row-item[aria-current]").count()) === 0, "nothing is open");
      await page.keyboard.press("x");
      await isOpen(page.locator(".row-item").first()).waitFor(); // x goes to the first
      await page.keyboard.press("j");
      await drawn(page);
      check((await page.locator(".row-item").first().getAttribute("aria-current")) === "true", "j does nothing any more");
      await page.keyboard.press("x");
      await isOpen(page.locator(".row-item").nth(1)).waitFor();
      await page.keyboard.press("Shift+?");
      const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
      await help.waitFor();
      await eventually(async () => /x\s+Alt \+ ↓\s+Next in the queue/.test(await help.innerText()), "the list shows it");
      await page.keyboard.press("Escape");
      await help.waitFor({ state: "detached" });
    },
  ],
  [
    "single keys can be switched off; the palette works all the same",
    async ({ agent: { page } }) => {
      await run(page, "single key", "Switch shortcuts of a single key on or off");
      await isOpen(page.locator(".row-item").nth(1)).waitFor();
      await eventually(async () => (await page.locator(".answer-tabs kbd").count()) === 0, "no key is shown that does nothing");
      await page.keyboard.press("k");
      await drawn(page);
      check((await page.locator(".row-item").nth(1).getAttribute("aria-current")) === "true", "k does nothing");
      await run(page, "single key", "Switch shortcuts of a single key on or off");
      await page.keyboard.press("k");
      await page.locator(".row-item").first().and(page.locator("[aria-current]")).waitFor();
    },
  ],
  [
    "an offer is taken by a key while another reply is being written, and the cursor waits in its text field",
    async (world) => {
      const { page } = world.agent;
      const reply = page.getByLabel("Reply to the customer");
      await page.locator(".group", { hasText: "My conversations" }).locator(".row-item").first().click();
      await told(page, "/presence", () => run(page, "go online", "Go online"));
      await page.keyboard.press("r");
      await reply.pressSequentially("While I write");
      const before = await page.evaluate(() => location.hash);
      await startConversation(world.server, "en", "gb", ["Where is my refund?"], true);
      await page.locator(".offer kbd", { hasText: "a" }).waitFor();
      await told(page, "/accept", () => reply.press("Alt+o"));
      await page.waitForFunction((was) => location.hash !== was && document.activeElement?.id === "reply", before);
      await eventually(async () => (await reply.inputValue()) === "", "it is the new conversation's field");
      await page.locator(".offer").waitFor({ state: "detached" });
      world.taken = await page.evaluate(() => location.hash);
      await page.keyboard.press("Escape");
      await page.locator(".row-item", { hasText: "Draft" }).waitFor();
      await told(page, "/presence", () => run(page, "away", "Go away: no more offers"));
    },
  ],
  [
    "a dialog begins at what is to be decided; resolving takes a held reply along and does not ask",
    async ({ agent: { page }, taken }) => {
      const reply = page.getByLabel("Reply to the customer");
      check((await page.evaluate(() => location.hash)) === taken, "the new conversation is open");
      await holdReplies(page);
      await reply.waitFor();
      const inDialog = () => page.evaluate(() => document.activeElement?.closest("dialog") && (document.activeElement.name || document.activeElement.textContent));
      await page.keyboard.press("t");
      await page.getByRole("dialog", { name: "Transfer" }).waitFor();
      await eventually(async () => (await inDialog()) === "to", async () => `the choice has the focus, not ${await inDialog()}`);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("e");
      await page.getByRole("dialog", { name: "Resolve without a reply?" }).waitFor();
      await eventually(async () => (await inDialog()) === "Resolve anyway", async () => `the decision has the focus, not ${await inDialog()}`);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("r");
      await reply.pressSequentially("Your refund is on its way.");
      await reply.press("Control+Enter");
      await page.locator(".entry.pending kbd", { hasText: "Ctrl" }).waitFor();
      await page.keyboard.press("Escape");
      await page.locator(".entry.pending kbd", { hasText: /^z$/ }).waitFor();
      await page.keyboard.press("e");
      await page.getByText("Resolved.", { exact: true }).first().waitFor();
      check((await page.getByRole("dialog").count()) === 0, "nothing was asked");
    },
  ],
  [
    "a filter is kept as a view under a name, found by the palette, and taken away again",
    async ({ agent: { page } }) => {
      await run(page, "go views", "Go to Views");
      await page.locator(".view-rows .row-item").nth(1).waitFor();
      await page.getByRole("combobox", { name: "Team" }).selectOption({ label: "Fraud" });
      await page.getByText("Nothing is let through by this filter.").waitFor();
      await page.getByLabel("Name of the view").fill("Fraud only");
      await page.getByRole("button", { name: "Keep" }).click();
      await page.getByRole("button", { name: "Fraud only", exact: true }).and(page.locator("[aria-pressed=true]")).waitFor();
      await page.getByRole("combobox", { name: "Team" }).selectOption({ label: "Every team" });
      await page.locator(".view-rows .row-item").nth(1).waitFor();
      await checkAxe(page, "the views");
      await shot(page, "desk-views");
      await run(page, "fraud only", "Show the view Fraud only");
      await page.getByText("Nothing is let through by this filter.").waitFor();
      await page.getByRole("button", { name: "Remove the view" }).click();
      await page.getByRole("button", { name: "Fraud only", exact: true }).waitFor({ state: "detached" });
    },
  ],
  [
    "the palette finds a page by its name, keys go on in it, and arrows lead through what a search found",
    async ({ agent: { page } }) => {
      await run(page, "mentions", "Mentions: notes that name me");
      await focused(page, "main.page");
      await run(page, "search", "Search all conversations");
      await focused(page, ".search-words input");
      await page.keyboard.type("refund");
      await page.locator(".found-text", { hasText: "Where is my refund?" }).first().waitFor();
      await page.keyboard.press("ArrowDown");
      await focused(page, ".found-open");
      await page.keyboard.press("ArrowUp");
      await focused(page, ".search-words input");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await focused(page, ".found-text");
      await page.keyboard.press("Enter");
      await page.locator(".transcript li.sought").waitFor();
    },
  ],
  [
    "a dialog is done by the keys that send",
    async ({ agent: { page } }) => {
      await page.locator(".group", { hasText: "My conversations" }).locator(".row-item").first().click();
      await page.getByLabel("Reply to the customer").waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("b");
      await page.getByRole("dialog", { name: "Return to the assistant" }).waitFor();
      await eventually(() => page.evaluate(() => document.activeElement?.matches("dialog textarea")), "the instruction can be written");
      await page.keyboard.type("Explain when the fee is due.");
      await told(page, "/return", () => page.keyboard.press("Control+Enter"));
      await page.getByRole("dialog").waitFor({ state: "detached" });
    },
  ],
];
