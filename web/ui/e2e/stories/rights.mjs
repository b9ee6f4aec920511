// What customers may know of their data and ask for: what is recorded, a copy, and its end with a receipt that is checked
// without a server. By keys alone; in every language, in dark, on a phone, and from right to left.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { askSomething, atReply, check, checkAxe, drawn, eventually, focused, here, openWindow, presence, question, shot, signIn } from "../lib.mjs";

const program = process.env.FIRSTLINE_BIN ?? join(here, "../../../bin/firstline");
const dialog = (page) => page.getByRole("dialog");

async function open(page, label = "Your data", more = "More") {
  await page.getByRole("button", { name: more, exact: true }).focus();
  await page.keyboard.press("Enter");
  const item = page.getByRole("menuitem", { name: label });
  await item.focus();
  await page.keyboard.press("Enter");
  await dialog(page).locator("section").first().waitFor();
}

async function press(page, name) {
  await dialog(page).getByRole("button", { name, exact: true }).focus();
  await page.keyboard.press("Enter");
}

export const options = { env: { FIRSTLINE_MARKETS: "gb:United Kingdom:en+de+es+sv+fr+ar" } };

export const steps = [
  [
    "the first page says what is recorded and for how long, and leads to the rest",
    async ({ server, customer: { page } }) => {
      await page.goto(`${server.base}/chat?locale=en&market=gb`);
      await page.locator(".start-recorded", { hasText: "For how long:" }).waitFor();
      await checkAxe(page, "the first page");
      await shot(page, "rights-start");
      const door = page.locator(".start-recorded").getByRole("button", { name: "Your data" });
      await door.focus();
      await page.keyboard.press("Enter");
      await dialog(page).locator("section").first().waitFor();
      check((await dialog(page).locator("section").count()) === 5, "every section is shown");
      await page.getByText("nothing to download or delete").waitFor();
      await page.keyboard.press("Escape");
      await dialog(page).waitFor({ state: "detached" });
      check(await door.evaluate((e) => e === document.activeElement), "the focus is back");
    },
  ],
  [
    "a copy is downloaded",
    async ({ server, customer: { page } }) => {
      await askSomething(server, page);
      await open(page);
      await shot(page, "rights-read");
      await checkAxe(page, "the dialog");
      const got = page.waitForEvent("download");
      await press(page, "Download a copy");
      const file = await got;
      const bytes = readFileSync(await file.path());
      check(file.suggestedFilename() === "my-data.zip" && bytes.subarray(0, 2).toString() === "PK" && bytes.includes("manifest.json"), "the copy is a whole zip");
      await dialog(page).getByText("has been saved").waitFor();
      await page.keyboard.press("Escape");
    },
  ],
  [
    "while a person has it, deletion says so and asks again",
    async ({ server, customer: { page }, agent }) => {
      await signIn(server, agent.page);
      await presence(agent.page, "online");
      await page.getByRole("button", { name: "Talk to a person" }).click();
      await agent.page.getByRole("button", { name: /^Accept/ }).first().click();
      await atReply(agent.page);
      await open(page);
      await press(page, "Delete");
      await focused(page, ".rights .dialog-actions .quiet");
      await dialog(page).getByText("These go:").waitFor();
      await dialog(page).getByText("These stay:").waitFor();
      await shot(page, "rights-sure");
      await checkAxe(page, "the question");
      await press(page, "Delete for good");
      await dialog(page).getByText("A person is taking care of it").waitFor();
      await checkAxe(page, "the refusal");
      await shot(page, "rights-open");
    },
  ],
  [
    "deleted, it leaves a receipt that is checked without a server, and nothing in the browser",
    async ({ server, customer: { page } }) => {
      const id = await page.evaluate(() => JSON.parse(localStorage.getItem("firstline.session")).id);
      await page.evaluate((i) => localStorage.setItem(`firstline.draft.${i}`, JSON.stringify("half a sentence")), id);
      await press(page, "Delete all the same");
      await dialog(page).getByText("Your data has been deleted").waitFor();
      await checkAxe(page, "the receipt");
      await shot(page, "rights-receipt");
      const got = page.waitForEvent("download");
      await press(page, "Save receipt");
      const file = await (await got).path();
      const { receipt_key } = await fetch(`${server.base}/v1/privacy`).then((r) => r.json());
      const said = execFileSync(program, ["verify-receipt", file, "--key", receipt_key, "--subject", id], { encoding: "utf8" });
      check(said.trim() !== "", "the program accepts it");
      const left = await page.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)]));
      check(!left.includes(id) && !left.includes("half a sentence") && !left.includes(question), `nothing is left: ${left}`);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Start chat" }).waitFor();
      check((await page.getByText("no longer available").count()) === 0, "and nothing sounds like a mishap");
    },
  ],
  [
    "on a phone, in dark, and in every language",
    async ({ server, browser, problems, windows }) => {
      for (const [locale, label] of Object.entries({ de: "Ihre Daten", es: "Tus datos", sv: "Dina uppgifter", fr: "Vos données", ar: "بياناتك" })) {
        const w = await openWindow(browser, problems, { viewport: { width: 390, height: 844 }, colorScheme: locale === "de" || locale === "ar" ? "dark" : "light" });
        windows.push(w);
        const { page } = w;
        await page.goto(`${server.base}/chat?locale=${locale}&market=gb`);
        await page.locator(".start-recorded").getByRole("button", { name: label }).waitFor();
        await eventually(async () => /:/.test(await page.locator(".start-recorded").innerText()), `${locale}: for how long`);
        await page.locator("form.start-card [type=submit]").click();
        await page.locator("#composer").waitFor();
        await page.locator(".header .icon-button").first().click();
        await page.getByRole("menuitem", { name: label }).click();
        await dialog(page).locator("section").nth(4).waitFor();
        await drawn(page);
        await checkAxe(page, `${locale}, the dialog`);
        await shot(page, `rights-${locale}`);
        await dialog(page).locator(".dialog-actions .button").last().click();
        await focused(page, ".rights .dialog-actions .quiet");
        await shot(page, `rights-${locale}-sure`);
        await dialog(page).locator(".dialog-actions .button").last().click();
        await dialog(page).locator(".rights-receipt").first().waitFor();
        check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${locale}: nothing is wider than the phone`);
        await checkAxe(page, `${locale}, the receipt`);
        await shot(page, `rights-${locale}-receipt`);
      }
    },
  ],
];
