// One customer, from an article to a rating: an answer with its source, a person, an e-mail while away, an answer to that
// e-mail, and the end. Mail goes over SMTP both ways: a mail server beside the program takes what it sends, and hands it what
// the customer writes.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { atReply, check, checkAxe, eventually, here, openWindow, presence, question, shot, signIn } from "../lib.mjs";

const folder = mkdtempSync(join(tmpdir(), "firstline-post-"));
execFileSync("go", ["build", "-o", join(folder, "post"), "./internal/mail/mailtest/post"], { cwd: resolve(here, "../../..") });
const post = spawn(join(folder, "post"), { stdio: ["pipe", "pipe", "inherit"] });
process.on("exit", () => rmSync(folder, { recursive: true, force: true })); // it ends with its input, which ends with this process
for (const part of [post, post.stdin, post.stdout]) part.unref?.();

const mails = [];
const handed = [];
const ours = await new Promise((done) =>
  createInterface({ input: post.stdout }).on("line", (line) => {
    const said = JSON.parse(line);
    if (said.addr) done(said.addr);
    else if (said.headers) mails.push({ ...said, at: Date.now() });
    else handed.push(said);
  }),
);

/** How long an answer waits before it is told by e-mail; two minutes outside of tests. */
const after = 8000;

export const options = {
  env: {
    FIRSTLINE_SMTP_URL: `smtp+plain://${ours}`,
    FIRSTLINE_MAIL_FROM: "Larkpay <support@larkpay.example>",
    FIRSTLINE_MAIL_AFTER: `${after}ms`,
    FIRSTLINE_MAIL_LISTEN: "smtp://127.0.0.1:0",
    FIRSTLINE_REPLY_DOMAIN: "reply.larkpay.example",
  },
};

const kim = "kim@example.com";
const arrived = (n) => eventually(() => mails.length >= n && mails[n - 1], () => `mail ${n} arrives; there are ${mails.length}`);
const linkIn = (mail, path) => new RegExp(`http://\\S*${path}\\S*`).exec(mail.text)?.[0];
const head = (mail, name) => mail.headers[name]?.[0] ?? "";

/** What was said, as the customer's program gets it. */
const said = async ({ server, mine }) => {
  const res = await fetch(`${server.base}/v1/conversations/${mine.id}/messages`, { headers: { Authorization: `Bearer ${mine.token}` } });
  check(res.ok, `what was said is there: ${res.status}`);
  return (await res.json()).messages;
};

const reply = async (page, text) => {
  await page.getByLabel("Reply to the customer").fill(text);
  await page.locator("#reply").press("Control+Enter");
  await page.locator(".entry.from-agent:not(.pending)", { hasText: text }).waitFor();
};

export const steps = [
  [
    "an article leads to the chat, which begins with it and answers with its source",
    async (world) => {
      const { server, customer: { page } } = world;
      await page.goto(`${server.base}/help/late-fees?locale=en&market=gb`);
      await page.locator(".contact").getByRole("link", { name: "Open the chat" }).click();
      const began = page.waitForRequest((r) => r.method() === "POST" && r.url().endsWith("/v1/conversations"));
      await page.getByRole("button", { name: "Start chat" }).click();
      check((await began).postDataJSON().article === "late-fees", "the conversation begins with the article");
      await page.locator(".row-assistant").first().waitFor();
      await page.locator("#composer").fill(question);
      await page.locator("#composer").press("Enter");
      await page.locator(".row-assistant .source").first().waitFor();
      world.mine = await page.evaluate(() => JSON.parse(localStorage.getItem("firstline.session")));
    },
  ],
  [
    "the customer leaves an address, which agrees first, and asks for a person",
    async (world) => {
      const { browser, problems, customer: { page } } = world;
      await page.getByRole("button", { name: "More" }).click();
      await page.getByRole("menuitem", { name: "Tell me when there is an answer" }).click();
      await page.getByLabel("Your e-mail address").fill(kim);
      await page.getByRole("button", { name: "Tell me by e-mail" }).click();
      const asked = await arrived(1);
      check(!asked.text.includes("late fee") && !linkIn(asked, "/chat#t="), "the mail that asks says nothing of the conversation");
      const other = await openWindow(browser, problems, { viewport: { width: 390, height: 800 } });
      await other.page.goto(linkIn(asked, "/notices/confirm"));
      await other.page.getByRole("button", { name: "Tell me of answers here" }).click();
      await other.page.getByText("You will be told of answers").waitFor();
      await other.context.close();
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Talk to a person" }).click();
      await page.getByRole("region", { name: "You are in line for a person" }).waitFor();
    },
  ],
  [
    "an agent joins; the customer, who has seen that, leaves",
    async (world) => {
      const { server, agent, customer: { page } } = world;
      let read = 0;
      page.on("response", (r) => {
        if (r.ok() && r.url().endsWith("/read")) read = Math.max(read, r.request().postDataJSON().seq);
      });
      await signIn(server, agent.page);
      await presence(agent.page, "online");
      await agent.page.locator(".offer").waitFor();
      await agent.page.keyboard.press("a");
      await atReply(agent.page);
      await page.locator(".system", { hasText: "joined" }).waitFor();
      await eventually(async () => read >= (await said(world)).at(-1).seq, "everything is read");
      await page.goto("about:blank");
    },
  ],
  [
    "what the agent answers meanwhile comes in one e-mail with a link of its own",
    async (world) => {
      const { agent: { page } } = world;
      await reply(page, "I have looked at your account.");
      await reply(page, "The late fee of 6 pounds was taken back.");
      const news = (await said(world)).filter((m) => m.author === "agent");
      check(news.length === 2, `two answers: ${news.length}`);
      const mail = (world.first = await arrived(2));
      check(mail.to.join() === kim && mail.text.includes("I have looked at your account."), `to whom, and what: ${mail.to} ${mail.text}`);
      // The later one belongs to the same mail where it was said before that was due.
      if (Date.parse(news[1].created_at) - Date.parse(news[0].created_at) < after) check(mail.text.includes("was taken back."), `both in one: ${mail.text}`);
      else await arrived(3);
      world.told = mails.length;
      check(/^<?reply\+[0-9a-f]{32}\.[a-z2-7]+@reply\.larkpay\.example>?$/.test(head(mail, "Reply-To")), `the address for replies: ${head(mail, "Reply-To")}`);
      check(linkIn(mail, "/chat#t=") && head(mail, "List-Unsubscribe").includes("/notices/unsubscribe?k="), "how to come back, and how to end it");
      check(!JSON.stringify(mail).includes(world.mine.token), "the conversation's token is not in it");
    },
  ],
  [
    "the customer's answer by e-mail is in the same conversation, without what it quotes; the agent can see that too",
    async (world) => {
      const { server, agent: { page }, first } = world;
      const addr = await eventually(() => /msg="e-mail comes in" address=([0-9.:]+)/.exec(server.output())?.[1], "the program takes mail in");
      const raw = [
        `From: Kim <${kim}>`,
        `To: ${head(first, "Reply-To")}`,
        `Subject: Re: ${head(first, "Subject")}`,
        "Message-ID: <journey-1@mail.example.com>",
        `In-Reply-To: ${head(first, "Message-Id")}`,
        "Date: Mon, 23 Nov 2026 15:20:00 +0100",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Thank you! When will I see it on my card?",
        "",
        "-- ",
        "Kim Example",
        "Sent from my phone",
        "",
        "On Mon, 23 Nov 2026 at 15:05, Larkpay <support@larkpay.example> wrote:",
        ...first.text.split("\n").map((l) => `> ${l}`),
        "",
      ].join("\r\n");
      // Twice, as a mail server does that has lost the answer.
      for (let n = 1; n <= 2; n++) {
        post.stdin.write(`${JSON.stringify({ addr, from: kim, to: head(first, "Reply-To").replace(/[<>]/g, ""), raw })}\n`);
        await eventually(() => handed.length === n, "the mail is handed over");
        check(handed[n - 1].sent, `it is taken: ${handed[n - 1].error}`);
      }
      const entry = page.locator(".from-customer", { hasText: "When will I see it on my card?" });
      await entry.waitFor();
      const all = (await said(world)).filter((m) => m.author === "customer");
      check(all.length === 2 && all[1].text === "Thank you! When will I see it on my card?", `stripped, and once: ${JSON.stringify(all.map((m) => m.text))}`);
      check(!(await entry.innerText()).includes("Sent from my phone"), "the signature is not shown");
      await entry.getByRole("button", { name: "Show what was cut" }).click();
      const whole = entry.getByRole("group", { name: "The whole e-mail" });
      await whole.waitFor();
      const text = await whole.innerText();
      check(text.includes("Sent from my phone") && text.includes("> ") && text.includes("was taken back"), `the whole mail: ${text}`);
      await shot(page, "journey-cut");
      await checkAxe(page, "a mail and what was cut from it");
      await entry.getByRole("button", { name: "Hide the whole e-mail" }).click();
      await whole.waitFor({ state: "detached" });
    },
  ],
  [
    "the agent answers and resolves it",
    async (world) => {
      const { agent: { page } } = world;
      await reply(page, "By Friday.");
      await page.locator("#reply").press("Escape");
      await page.keyboard.press("e");
      await page.locator(".notice", { hasText: "Resolved." }).waitFor();
      const mail = await eventually(() => mails.slice(world.told).find((m) => m.text.includes("By Friday.")), () => `the answer is mailed; there are ${mails.length}`);
      check(!mail.text.includes("was taken back"), `only what is new: ${mail.text}`);
      check(head(mail, "References") === head(world.first, "References") && head(mail, "Message-Id") !== head(world.first, "Message-Id"), "another mail of the same thread");
      world.last = mail;
    },
  ],
  [
    "its link opens the conversation on a phone, where the customer rates it; nobody opens it twice",
    async (world) => {
      const { browser, problems, last } = world;
      const phone = await openWindow(browser, problems, { viewport: { width: 390, height: 800 } });
      await phone.page.goto(linkIn(last, "/chat#t="));
      await phone.page.locator(".row-agent", { hasText: "By Friday." }).waitFor();
      await phone.page.locator(".row-customer", { hasText: "When will I see it on my card?" }).waitFor();
      check(!phone.page.url().includes("t="), "the key does not stay in the address");
      const mine = await phone.page.evaluate(() => JSON.parse(localStorage.getItem("firstline.session")));
      check(mine.id === world.mine.id, "it is the same conversation");
      const form = phone.page.locator("form.rating");
      await form.waitFor();
      const five = form.getByRole("radio", { name: /5 of 5/ });
      await eventually(async () => {
        if (!(await five.isChecked())) await five.click({ force: true });
        return five.isChecked();
      }, "five of five is chosen");
      const rated = phone.page.waitForResponse((r) => r.url().endsWith("/rating"));
      await form.getByRole("button", { name: "Send rating" }).click();
      check((await rated).status() === 204 && (await rated).request().postDataJSON().score === 5, `the rating is taken: ${(await rated).status()} ${(await rated).request().postData()}`);
      await phone.page.getByText("Thank you for your rating.").waitFor();
      await shot(phone.page, "journey-rated");
      await phone.context.close();
      const again = await fetch(`${new URL(linkIn(last, "/chat#t=")).origin}/v1/links`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: linkIn(last, "/chat#t=").split("#t=")[1] }) });
      check(again.status === 404, `the link is used up: ${again.status}`);
      for (const m of mails) console.log(["delivered:", ...["To", "Subject", "Message-Id", "Reply-To", "List-Unsubscribe"].map((n) => `${n}: ${head(m, n)}`), "", ...m.text.split("\n")].join("\n          | "));
    },
  ],
];
