// A customer on a phone with a slow assistant: stopping an answer, taking the record along, rating.
// A stand-in for a language model answers on loopback, word by word, as slowly as a step says.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { check, checkAxe, openWindow, question, shot } from "../lib.mjs";

const words = "A missed payment costs GBP 6 in the United Kingdom [1]. ".repeat(3).trim();

const provider = createServer((req, res) => {
  let body = "";
  req.on("data", (b) => (body += b));
  req.on("end", async () => {
    const { stream } = JSON.parse(body);
    if (!stream) {
      res.setHeader("Content-Type", "application/json");
      res.end(JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content: "NO_ANSWER" }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1 } }));
      return;
    }
    res.setHeader("Content-Type", "text/event-stream");
    const chunk = (delta, finish_reason) => res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    const pieces = words.split(". ");
    for (const [i, p] of pieces.entries()) {
      chunk({ content: p + (i < pieces.length - 1 ? ". " : "") }, null);
      // The first sentence comes at once; the rest after a minute, if anybody still listens.
      for (let n = 0; i === 0 && !res.destroyed && n < 600; n++) await new Promise((r) => setTimeout(r, 100));
    }
    chunk({}, "stop");
    res.end("data: [DONE]\n\n");
  });
});
await new Promise((ready) => provider.listen(0, "127.0.0.1", ready));
provider.unref();

export const options = { env: { OPENAI_BASE_URL: `http://127.0.0.1:${provider.address().port}/v1`, OPENAI_API_KEY: "none", FIRSTLINE_CHAT_MODEL: "stand-in" } };

const field = (page) => page.locator("#composer");

export const steps = [
  [
    "an answer is stopped: the button goes, the focus is where one writes, and it is said",
    async (world) => {
      const { browser, server, problems } = world;
      await world.customer.context.close();
      world.customer = await openWindow(browser, problems, { viewport: { width: 375, height: 667 }, hasTouch: true, isMobile: true });
      const { page } = world.customer;
      await page.goto(`${server.base}/chat?locale=en&market=gb`);
      await page.getByRole("button", { name: "Start chat" }).click();
      await page.locator(".row-assistant").first().waitFor();
      await field(page).fill(question);
      await field(page).press("Enter");
      const stop = page.getByRole("button", { name: "Stop answering" });
      await stop.waitFor();
      await shot(page, "thread-stop");
      const told = page.waitForResponse((r) => r.url().endsWith("/stop"));
      await stop.tap();
      check((await told).status() === 204, "the server took it");
      await stop.waitFor({ state: "detached" });
      await page.getByText("You stopped this answer.").waitFor();
      check(await page.evaluate(() => document.activeElement?.id === "composer"), "the focus is where one writes");
      await shot(page, "thread-stopped");
      await checkAxe(page, "a stopped answer");
    },
  ],
  [
    "the record comes as text, as a page and as data",
    async ({ customer: { page } }) => {
      for (const [name, ending, has] of [
        ["Download as text", "txt", question],
        ["Download as a web page", "html", "<!doctype html>"],
        ["Download as data (JSON)", "json", '"messages"'],
      ]) {
        await page.getByRole("button", { name: "More" }).tap();
        const got = page.waitForEvent("download");
        await page.getByRole("menuitem", { name }).tap();
        const file = await got;
        check(file.suggestedFilename().endsWith(`.${ending}`), `the file's name: ${file.suggestedFilename()}`);
        check(readFileSync(await file.path(), "utf8").includes(has), `the ${ending} has ${has}`);
      }
    },
  ],
  [
    "who ends the conversation says what mattered",
    async ({ customer: { page } }) => {
      await page.getByRole("button", { name: "More" }).tap();
      await page.getByRole("menuitem", { name: "End conversation" }).tap();
      await page.getByRole("dialog").getByRole("button", { name: "End conversation" }).tap();
      await page.locator(".rating .star").nth(1).tap();
      await page.getByRole("button", { name: "Had to repeat myself" }).tap();
      await shot(page, "thread-rating");
      await checkAxe(page, "the rating");
      const sent = page.waitForResponse((r) => r.url().endsWith("/rating"));
      await page.getByRole("button", { name: "Send rating" }).tap();
      const res = await sent;
      check(res.status() === 204 && JSON.parse(res.request().postData()).reasons?.join() === "repeated", `the rating was taken: ${res.request().postData()}`);
      await page.getByText("Thank you for your rating.").waitFor();
    },
  ],
];
