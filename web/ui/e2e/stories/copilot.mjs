// Help with writing: macros by a slash, drafts with their sources, translations beside their originals, drafts of articles.
// A stand-in for a language model answers on loopback: it knows what the steps ask for.

import { createServer } from "node:http";
import { atReply, check, checkAxe, eventually, focused, holdReplies, question, run, shot, signIn, startConversation } from "../lib.mjs";

const replies = [
  [/Rewrite the customer's last message/, () => question],
  [/You draft a reply/, () => "I am sorry that you had to wait. A missed payment costs GBP 6 in the United Kingdom [1]. We also pay you 900 euros."],
  [/into English/, (text) => (/avgift/.test(text) ? "I want to talk about the fee of 60 kr." : `(English) ${text}`)],
  [/into Swedish/, () => "Vi tar bort avgiften i dag."],
];

const provider = createServer((req, res) => {
  let body = "";
  req.on("data", (b) => (body += b));
  req.on("end", () => {
    const { messages, stream } = JSON.parse(body);
    const system = messages[0].content;
    const text = /<text>\n([\s\S]*)\n<\/text>/.exec(messages.at(-1).content)?.[1] ?? "";
    const content = replies.find(([of]) => of.test(system))?.[1](text) ?? "NO_ANSWER";
    if (!stream) {
      res.setHeader("Content-Type", "application/json");
      res.end(JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1 } }));
      return;
    }
    res.setHeader("Content-Type", "text/event-stream");
    const chunk = (delta, finish_reason) => res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    chunk({ content }, null);
    chunk({}, "stop");
    res.end("data: [DONE]\n\n");
  });
});
await new Promise((ready) => provider.listen(0, "127.0.0.1", ready));
provider.unref();

export const options = { env: { OPENAI_BASE_URL: `http://127.0.0.1:${provider.address().port}/v1`, OPENAI_API_KEY: "none", FIRSTLINE_CHAT_MODEL: "stand-in" } };

const reply = (page) => page.getByLabel("Reply to the customer");

/** Looks at the page in both colour schemes and takes its picture. */
async function look(page, name, picture) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await checkAxe(page, `${name}, ${colorScheme}`);
    if (picture) await shot(page, `copilot-${picture}${colorScheme === "dark" ? "-dark" : ""}`);
  }
}

async function take(page) {
  await page.locator(".group", { hasText: "Waiting" }).locator(".row-item").first().click();
  await page.locator(".answer .take .button").first().click();
  await atReply(page);
}

export const steps = [
  [
    "a supervisor makes a macro, and what is wrong with it is said",
    async ({ agent: { page }, server }) => {
      await startConversation(server, "en", "gb", [question], true);
      await signIn(server, page);
      await holdReplies(page);
      await page.locator(".top-pages a", { hasText: "Macros" }).click();
      await page.getByRole("row", { name: /Greeting/ }).waitFor();
      await page.getByRole("button", { name: "New macro" }).click();
      await page.getByLabel("Name").fill("Take the fee off");
      await page.getByLabel("Shortcut, behind the slash").fill("feeoff");
      const text = page.getByLabel("Text in English");
      await text.fill("Dear {{customer.iban}}, it is waived.");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("There is no variable {{customer.iban}}").waitFor();
      await text.fill("Dear {{customer.name}}, the fee is waived. {{agent.first_name}}");
      await page.getByLabel("Another language").selectOption("sv");
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.getByLabel("Text in Swedish").fill("Hej {{customer.first_name|du}}, avgiften är borta.");
      await page.getByRole("button", { name: "Add a step" }).click();
      await page.getByRole("combobox", { name: "Step 1" }).selectOption("note");
      await page.getByLabel("Note", { exact: true }).fill("Fee waived by macro");
      await page.getByText("Variables that are filled in").click();
      await look(page, "a macro being made", "macro-form");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("row", { name: /feeoff/ }).waitFor();
      await look(page, "the macros", "macros");
    },
  ],
  [
    "a slash finds it; the keys choose it, close the list, and fill the gap",
    async ({ agent: { page } }) => {
      await page.locator(".top-pages a", { hasText: "Inbox" }).click();
      await take(page);
      await reply(page).pressSequentially("Hello /feeo");
      const list = page.getByRole("listbox", { name: "Macros" });
      await list.getByRole("option", { name: /Take the fee off/ }).waitFor();
      await look(page, "the list of macros", "slash");
      await page.keyboard.press("Escape");
      await list.waitFor({ state: "detached" });
      await focused(page, "#reply"); // Escape closes the list alone
      check((await reply(page).inputValue()) === "Hello /feeo", "and leaves the text");
      for (let i = 0; i < 11; i++) await page.keyboard.press("Backspace");
      await page.keyboard.type("/feeoff");
      await list.locator("[aria-selected=true]", { hasText: "Take the fee off" }).waitFor();
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.getElementById("reply")?.value.includes("the fee is waived"));
      await page.waitForFunction(() => {
        const f = document.getElementById("reply");
        return f.value.slice(f.selectionStart, f.selectionEnd) === "{{customer.name}}";
      });
      await page.keyboard.type("Ann");
      await eventually(async () => /^Dear Ann, the fee is waived\. \S+$/.test(await reply(page).inputValue()), async () => `filled in: ${await reply(page).inputValue()}`);
      await reply(page).press("Control+Enter");
      await page.getByRole("button", { name: "Send now" }).click();
      const next = page.getByRole("group", { name: "What the macro proposes next" });
      await next.getByRole("button", { name: "Add a note" }).click();
      await page.locator(".entry.note", { hasText: "Fee waived by macro" }).waitFor();
      await next.waitFor({ state: "detached" });
    },
  ],
  [
    "a draft shows its sources and what was left out; nothing is sent by itself",
    async ({ agent: { page } }) => {
      await page.locator(".part", { hasText: "Articles for the last message" }).getByRole("link").first().waitFor();
      await page.locator(".answer-tools").getByRole("button", { name: "Draft" }).click();
      const draft = page.getByRole("region", { name: "Draft of a reply" });
      await draft.getByText("A missed payment costs GBP 6").waitFor();
      await draft.getByText("We also pay you 900 euros.").waitFor();
      await draft.locator(".draft-text a").first().waitFor(); // it has a source
      check((await draft.locator(".draft-text").innerText()).includes("900") === false, "what no article says is not in the draft");
      await look(page, "a draft", "draft");
      await page.setViewportSize({ width: 390, height: 844 });
      await look(page, "a draft on a phone", "draft-390");
      await page.setViewportSize({ width: 1440, height: 900 });
      const before = await page.locator(".entry.from-agent").count();
      await page.keyboard.press("Alt+x"); // thrown away, asked for again, and put in, all by keys
      await draft.waitFor({ state: "detached" });
      await page.waitForFunction(() => document.activeElement?.id === "reply");
      await page.keyboard.press("Alt+c");
      await draft.getByText("A missed payment costs GBP 6").waitFor();
      await page.keyboard.press("Alt+i");
      await draft.waitFor({ state: "detached" });
      const text = await eventually(() => reply(page).inputValue(), "the draft is in the field");
      check(text.includes("GBP 6") && !text.includes("[1]"), `the reply is for customers: ${text}`);
      check((await page.locator(".entry.from-agent").count()) === before, "nothing was sent");
      await reply(page).press("End");
      await reply(page).press("Control+End");
      await page.keyboard.type(" Anything else?");
      const measured = page.waitForResponse((r) => r.url().includes("/v1/agent/drafts/") && (r.request().postData() ?? "").includes("message"));
      await reply(page).press("Control+Enter");
      await page.getByRole("button", { name: "Send now" }).click();
      check((await measured).status() === 204, "what became of it is told");
      await page.locator(".top-pages a", { hasText: "Macros" }).click();
      const row = page.getByRole("region", { name: "What became of drafts" }).getByRole("row").nth(1);
      await eventually(async () => /All\s+2\s+0\s+1\s+1\s+0\s+100 %/.test((await row.innerText()).replace(/\s+/g, " ")), async () => `measured as edited: ${await row.innerText()}`);
      await page.locator(".top-pages a", { hasText: "Inbox" }).click();
    },
  ],
  [
    "a Swedish customer is read in English, and answered in Swedish; both originals stay",
    async ({ agent: { page }, server }) => {
      await startConversation(server, "sv", "se", ["Jag vill prata om en avgift på 60 kr"], true);
      await take(page);
      await page.getByRole("button", { name: "Translate into English" }).click();
      const entry = page.locator(".entry.from-customer", { hasText: "Jag vill prata om en avgift" });
      await entry.locator(".translation", { hasText: "I want to talk about the fee of 60 kr." }).waitFor();
      await reply(page).fill("We take the fee off today.");
      await page.getByRole("button", { name: /To Swedish/ }).click();
      await page.getByText("You wrote: We take the fee off today.").waitFor();
      await eventually(async () => (await reply(page).inputValue()) === "Vi tar bort avgiften i dag.", "the reply is Swedish");
      await look(page, "a translated conversation", "translation");
      await page.getByRole("button", { name: "Back to mine" }).click();
      await eventually(async () => (await reply(page).inputValue()) === "We take the fee off today.", "one's own comes back");
      await page.getByRole("button", { name: /To Swedish/ }).click();
      await page.waitForFunction(() => document.getElementById("reply")?.value.startsWith("Vi tar"));
      const stored = page.waitForResponse((r) => r.url().endsWith("/messages") && r.request().method() === "POST");
      await reply(page).press("Control+Enter");
      await page.getByRole("button", { name: "Send now" }).click();
      const sent = JSON.parse((await stored).request().postData());
      check(sent.text.startsWith("Vi tar") && sent.original?.text === "We take the fee off today." && sent.original.locale === "en", `sent ${JSON.stringify(sent)}`);
      await page.reload();
      await page.locator(".entry.from-agent", { hasText: "Vi tar bort avgiften" }).locator(".translation", { hasText: "We take the fee off today." }).waitFor();
      await page.getByRole("button", { name: "Show only the originals" }).click();
      await eventually(async () => (await page.locator(".translation").count()) === 0, "translations can be put away");
    },
  ],
  [
    "a text is kept for the editors, and taken",
    async ({ agent: { page } }) => {
      await page.keyboard.press("Escape");
      await run(page, "save as a draft", /save .*draft/i);
      const dialog = page.getByRole("dialog", { name: "Save as a draft of an article" });
      await dialog.getByLabel("Title").fill("Avgiften på 60 kr");
      await look(page, "saving a draft of an article");
      await dialog.getByRole("button", { name: "Save for the editors" }).click();
      await page.getByText("Saved for the editors.").waitFor();
      await page.locator(".top-pages a", { hasText: "Article drafts" }).click();
      const kept = page.locator(".draft-list li", { hasText: "Avgiften på 60 kr" });
      await kept.waitFor();
      await look(page, "the drafts of articles", "article-drafts");
      const file = await page.request.get(new URL(await kept.getByRole("link").getAttribute("href"), page.url()).href);
      check((await file.text()).includes("slug: avgiften-pa-60-kr"), "it is a file for import");
      await kept.getByRole("button", { name: /^Taken/ }).click();
      await kept.waitFor({ state: "detached" });
    },
  ],
];
