// What axe finds on every page, light and dark, at a desk's and a phone's width: nothing.

import { askSomething, atReply, checkAxe, eventually, focused, holdReplies, openWindow, question, signIn, startConversation } from "../lib.mjs";

const sizes = [
  ["wide", { width: 1440, height: 900 }],
  ["phone", { width: 390, height: 844 }],
];
const schemes = ["light", "dark"];

/** Looks at the page in both colour schemes. */
async function bothSchemes(page, name) {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme });
    await checkAxe(page, `${name}, ${colorScheme}`);
  }
}

export const steps = [
  [
    "the chat: start, an answer, its source, and waiting for a person",
    async ({ browser, server, problems }) => {
      for (const [size, viewport] of sizes) {
        const { page, context } = await openWindow(browser, problems, { viewport });
        await page.goto(`${server.base}/chat?locale=en&market=gb`);
        await page.getByRole("button", { name: "Start chat" }).waitFor();
        await bothSchemes(page, `the chat's start, ${size}`);
        await askSomething(server, page);
        await bothSchemes(page, `the chat, ${size}`);
        await page.locator(".source").first().click();
        await page.locator(".panel .prose").waitFor();
        await bothSchemes(page, `a source, ${size}`);
        await page.keyboard.press("Escape");
        await page.getByRole("button", { name: "Talk to a person" }).click();
        await page.getByRole("region", { name: "You are in line for a person" }).waitFor();
        await bothSchemes(page, `waiting for a person, ${size}`);
        await context.close();
      }
    },
  ],
  [
    "signing in",
    async ({ agent: { page }, server }) => {
      await page.goto(`${server.base}/desk`);
      await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
      await bothSchemes(page, "the desk without a session");
      await page.goto(server.links.at(-1).url);
      await page.getByRole("button", { name: /sign in/i }).waitFor();
      await bothSchemes(page, "the sign-in page");
    },
  ],
  [
    "the desk: the queue, a conversation with its package, a note, dialogs, the palette and the settings",
    async ({ agent: { page }, server }) => {
      await startConversation(server, "en", "gb", ["There is a purchase on my account that I did not make, please help"]);
      await startConversation(server, "en", "gb", [question], true);
      await signIn(server, page);
      await holdReplies(page);
      await page.locator(".row-item").nth(1).waitFor();
      await bothSchemes(page, "the queue");
      for (const [size, viewport] of sizes) {
        await page.setViewportSize(viewport);
        if (size === "phone") {
          await page.getByRole("button", { name: /^Queue/ }).click();
          await bothSchemes(page, "the queue, phone");
        }
        await page.locator(".row-item").last().click();
        await page.locator(".transcript .entry").first().waitFor();
        if (size === "phone") await page.getByRole("button", { name: "Package" }).last().click();
        await page.locator(".package .why-reason").waitFor();
        await page.locator(".trace").evaluateAll((all) => all.forEach((e) => (e.open = true)));
        await bothSchemes(page, `the package, ${size}`);
        if (size === "phone") await page.getByRole("button", { name: "Conversation" }).last().click();
        const take = page.locator(".take .button").first();
        await take.waitFor();
        await bothSchemes(page, `a conversation to take, ${size}`);
        await take.click();
        await atReply(page);
        await page.getByLabel("Reply to the customer").fill("Half a reply");
        await bothSchemes(page, `a conversation, ${size}`);
        await page.getByRole("tab", { name: /Note/ }).click();
        const note = page.getByLabel("Note for the team");
        await note.fill("For the team");
        await bothSchemes(page, `a note being written, ${size}`);
        await note.press("Control+Enter");
        await page.locator(".entry.note:not(.pending)").first().waitFor();
        await bothSchemes(page, `a note, ${size}`);
        for (const button of ["Transfer", /^Return/]) {
          if (size === "phone") {
            await page.getByRole("button", { name: "More to do with this conversation" }).click();
            await page.getByRole("menuitem", { name: button }).click();
          } else await page.getByRole("button", { name: button }).click();
          await page.getByRole("dialog").waitFor();
          await bothSchemes(page, `the dialog ${button}, ${size}`);
          if (button === "Transfer") {
            await page.getByText("To a colleague").click();
            await bothSchemes(page, `the dialog for colleagues, ${size}`);
          }
          await page.keyboard.press("Escape");
          await page.getByRole("dialog").waitFor({ state: "detached" });
        }
        for (const item of ["Snooze until later", "Assign to a colleague", /^Escalate/]) {
          await page.getByRole("button", { name: "More to do with this conversation" }).click();
          await page.getByRole("menuitem", { name: item }).click();
          await page.getByRole("dialog").waitFor();
          await bothSchemes(page, `the dialog ${item}, ${size}`);
          await page.keyboard.press("Escape");
          await page.getByRole("dialog").waitFor({ state: "detached" });
        }
        // The menu gives the focus back when it has gone, which may be behind the first click.
        await eventually(async () => {
          await page.getByRole("tab", { name: /Reply/ }).click();
          return page.getByLabel("Reply to the customer").isVisible();
        }, "the reply can be written");
        await page.getByLabel("Reply to the customer").fill("To be taken back");
        await page.getByLabel("Reply to the customer").press("Control+Enter");
        await page.locator(".entry.pending", { hasText: "Is sent in" }).waitFor();
        await bothSchemes(page, `a reply that can be undone, ${size}`);
        await page.keyboard.press("Escape");
        await page.keyboard.press("z");
        await page.locator(".entry.pending").waitFor({ state: "detached" });
        await eventually(async () => (await page.getByLabel("Reply to the customer").inputValue()).startsWith("To be taken back"), "the reply is in the field again");
        await focused(page, "#reply");
        await page.keyboard.press("Control+k");
        await page.getByRole("dialog", { name: "Find a command" }).waitFor();
        await bothSchemes(page, `the palette, ${size}`);
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
        await page.locator(".top").getByRole("button", { name: /^Menu of/ }).click();
        await bothSchemes(page, `the menu, ${size}`);
        await page.keyboard.press("Escape");
        await page.locator(".top-pages a", { hasText: "Settings" }).click();
        await page.getByRole("heading", { name: "Settings" }).waitFor();
        await bothSchemes(page, `the settings, ${size}`);
        await page.locator(".top-pages a", { hasText: "Inbox" }).click();
      }
    },
  ],
];
