// What an agent receives: a customer whom the company knows, with a screenshot, what was asked for while waiting, and the verdict.

import { createHmac } from "node:crypto";
import { addPerson, check, checkAxe, drawn, eventually, openWindow, question, shot, signInBy } from "../lib.mjs";

const secret = "a shared secret of thirty-two characters, or more";

export const options = { env: { FIRSTLINE_CUSTOMER_KEY: secret } };

/** A token as the company's backend makes it. */
function token(claims) {
  const b64 = (v) => Buffer.from(JSON.stringify(v)).toString("base64url");
  const body = `${b64({ alg: "HS256", typ: "JWT" })}.${b64({ exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

const kim = { sub: "c-42", name: "Kim Berg", account: { plan: "Pay in 4", open_balance: 120.5, late_payments: false } };

/** A small picture, red, as a screenshot would be. */
const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC", "base64");

const part = (page, title) => page.locator(".package .part", { has: page.getByRole("heading", { name: new RegExp(`^${title}`) }) });

export const steps = [
  [
    "a customer whom the app knows sends a screenshot without a word, and is offered a person",
    async ({ customer: { page }, server }) => {
      // An earlier conversation of the same customer.
      const before = await fetch(`${server.base}/v1/conversations`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ market: "gb", locale: "en", customer_token: token(kim) }),
      }).then((r) => r.json());
      await fetch(`${server.base}/v1/conversations/${before.id}/handoff`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${before.token}` },
        body: JSON.stringify({ note: "My last refund was late" }),
      });
      await page.goto(`${server.base}/chat?locale=en&market=gb#customer_token=${token(kim)}`);
      await eventually(() => !page.url().includes("customer_token"), "the token does not stay in the address");
      await page.getByRole("button", { name: "Start chat" }).click();
      await page.locator(".row-assistant").first().waitFor();
      await page.locator(".composer input[type=file]").setInputFiles({ name: "screen.png", mimeType: "image/png", buffer: picture });
      await page.locator(".composer .chosen", { hasText: "screen.png" }).waitFor();
      await page.locator(".composer .chosen .file-size", { hasText: /\d+ B/ }).waitFor();
      await checkAxe(page, "a message with a file");
      await page.getByRole("button", { name: "Send", exact: true }).click();
      const img = page.locator(".row-customer .picture img");
      await img.waitFor();
      await page.waitForFunction(() => document.querySelector(".row-customer .picture img")?.naturalWidth === 10);
      await page.locator(".row-assistant", { hasText: "I can't look at pictures or files" }).waitFor();
      await page.locator(".composer .chosen").waitFor({ state: "detached" }); // the file is not sent twice
    },
  ],
  [
    "what is no picture, text or PDF is refused in words, and can be taken away",
    async ({ customer: { page } }) => {
      await page.locator(".composer input[type=file]").setInputFiles({ name: "evil.png", mimeType: "image/png", buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>') });
      await page.getByRole("alert").filter({ hasText: "Only pictures" }).waitFor();
      await page.getByRole("button", { name: "Remove evil.png" }).click();
      await page.locator(".composer .chosen").waitFor({ state: "detached" });
    },
  ],
  [
    "while waiting, the customer is asked once for what is missing",
    async ({ customer: { page } }) => {
      await page.locator("#composer").fill(question);
      await page.locator("#composer").press("Enter");
      await page.locator(".row-assistant .source").first().waitFor();
      await page.getByRole("button", { name: "Talk to a person" }).click();
      const form = page.locator("form.intake");
      await form.waitFor();
      await checkAxe(page, "what is asked while waiting");
      await form.scrollIntoViewIfNeeded();
      await shot(page, "chat-intake");
      await form.getByLabel("E-mail of your account").fill("not an address");
      await form.getByRole("button", { name: "Send" }).click();
      await form.getByRole("alert").filter({ hasText: "e-mail address" }).waitFor();
      await form.getByLabel("E-mail of your account").fill("kim@example.org");
      await form.getByLabel("Reference code").fill("LP-48213");
      await form.getByRole("button", { name: "Send" }).click();
      await page.getByText("Thank you. The person will see it.").waitFor();
      await page.reload();
      await page.getByText("You are in line for a person").waitFor();
      await drawn(page);
      check((await page.locator("form.intake").count()) === 0, "nobody is asked twice");
    },
  ],
  [
    "the agent receives it all: who it is, the account, the file, what was given, the other conversation",
    async ({ agent: { page }, server }) => {
      const link = await addPerson(server, { email: "ada@larkpay.example", name: "Ada", teams: ["general", "refunds"] });
      await signInBy(link, page);
      await page.locator(".queue").getByText("General support").last().click();
      await part(page, "Customer").getByText("Confirmed by the company's own system").waitFor();
      await part(page, "Account").getByText("Pay in 4").waitFor();
      const asked = part(page, "Asked while waiting");
      await asked.getByText("kim@example.org").waitFor();
      await asked.getByText("LP-48213").waitFor();
      await part(page, "Files").locator(".picture img").waitFor();
      await page.waitForFunction(() => document.querySelector(".transcript .picture img")?.naturalWidth === 10);
      await part(page, "Other conversations").getByText("My last refund was late").waitFor();
      await checkAxe(page, "the package");
      await shot(page, "desk-package");
    },
  ],
  [
    "one key says whether the handoff was right",
    async ({ agent: { page } }) => {
      await page.locator(".transcript").click();
      await page.keyboard.press("4");
      const group = page.getByRole("group", { name: "Was this handoff right?" });
      await group.getByRole("button", { name: "Wrong team", pressed: true }).waitFor();
      await page.getByLabel("It belongs to").selectOption({ label: "Refunds" });
      await page.keyboard.press("Escape");
      await page.locator(".transcript").click();
      const told = page.waitForResponse((r) => r.url().endsWith("/verdict") && r.request().postData()?.includes('"right"') === true);
      await page.keyboard.press("1");
      await group.getByRole("button", { name: "Right", exact: false, pressed: true }).waitFor();
      check((await told).status() === 204, "the server has it");
      await page.reload();
      await group.getByRole("button", { name: "Right", pressed: true }).waitFor();
    },
  ],
  [
    "the agent answers with a file, which the customer opens",
    async ({ agent: { page }, customer }) => {
      await page.getByRole("button", { name: "Accept", exact: false }).first().click();
      const field = page.getByLabel("Reply to the customer");
      await field.fill("Here is your receipt.");
      await page.locator("input[data-files]").setInputFiles({ name: "receipt.txt", mimeType: "text/plain", buffer: Buffer.from("Receipt\n40.00") });
      await page.locator(".answer .chosen", { hasText: "receipt.txt" }).waitFor();
      await page.locator(".answer .chosen .file-size", { hasText: /\d+ B/ }).waitFor();
      await shot(page, "desk-file");
      await page.getByRole("button", { name: "Send reply" }).click();
      await customer.page.locator(".row-agent", { hasText: "Here is your receipt." }).waitFor();
      const [file] = await Promise.all([customer.page.waitForEvent("download"), customer.page.getByRole("button", { name: /receipt\.txt/ }).click()]);
      check(file.suggestedFilename() === "receipt.txt", `the file's name: ${file.suggestedFilename()}`);
      await checkAxe(customer.page, "a conversation with files");
      await shot(customer.page, "chat-files");
    },
  ],
  [
    "on a phone and in the dark it is as good",
    async ({ browser, problems, agent, server }) => {
      const { context, page } = await openWindow(browser, problems, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
      await context.addCookies(await agent.page.context().cookies());
      await page.goto(`${server.base}/desk${new URL(agent.page.url()).hash}`);
      await page.getByRole("button", { name: "Package", exact: true }).last().click();
      await part(page, "Files").scrollIntoViewIfNeeded();
      await checkAxe(page, "the package on a phone, in the dark");
      await shot(page, "desk-package-phone-dark");
      await drawn(page);
      check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the phone");
      await context.close();
    },
  ],
];
