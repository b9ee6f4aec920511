// How people get in and are kept out: links, passwords, single sign-on with a real provider, sessions, and what admins do.

import { check, checkAxe, drawn, openWindow, shot, signInBy } from "../lib.mjs";
import { openProvider } from "../provider.mjs";

const provider = await openProvider();

export const options = { env: { FIRSTLINE_OIDC_ISSUER: provider.issuer, FIRSTLINE_OIDC_CLIENT_ID: "firstline", FIRSTLINE_OIDC_NAME: "Larkpay ID" } };

const password = "correct horse battery staple";
const sizes = [390, 1024, 1440];

/** Pictures of a page at every width, light and dark, each looked at by axe too. */
async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of sizes) {
      await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
      await shot(page, `people-${name}-${width}-${colorScheme}`);
      await drawn(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(wide <= 0, `${name} at ${width} px is not wider than the window (${wide} px)`);
      if (width !== 1024) await checkAxe(page, `${name}, ${width} px, ${colorScheme}`);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

async function says(page, text) {
  await page.getByText(text).first().waitFor();
}

export const steps = [
  [
    "an admin comes in by a link and sets a password",
    async (world) => {
      const { server, agent } = world;
      const page = (world.admin = agent).page;
      await provider.serve({
        redirect: `${server.base}/signin/oidc/callback`,
        accounts: { nora: { email: "nora@larkpay.example", email_verified: true }, stranger: { email: "stranger@larkpay.example", email_verified: true } },
      });
      await page.goto(server.links.find((l) => /admin/.test(l.line)).url);
      await page.getByRole("button", { name: /sign in/i }).click();
      await page.waitForURL(/\/desk/);
      await page.goto(`${server.base}/account`);
      await page.getByLabel("New password").fill("password12345");
      await page.getByRole("button", { name: "Set password" }).click();
      await page.getByRole("alert").filter({ hasText: "guessed" }).waitFor(); // a common password is refused with the reason
      await page.getByLabel("New password").fill(password);
      await page.getByRole("button", { name: "Set password" }).click();
      await page.getByRole("status").waitFor();
      await says(page, "Chrome on Linux");
      await look(page, "account");
    },
  ],
  [
    "and comes in by password, back to the page that was wanted",
    async ({ server, admin: { page } }) => {
      await page.getByRole("button", { name: "Sign out here" }).click();
      await page.waitForURL(/\/signin$/);
      await look(page, "signin");
      await page.goto(`${server.base}/admin/people`);
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.getByLabel("E-mail address").first().fill("root@larkpay.example");
      await page.getByLabel("Password").fill("not the right one at all");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await says(page, "The address or the password is wrong.");
      check((await page.getByLabel("E-mail address").first().inputValue()) === "root@larkpay.example", "the address need not be typed again");
      check((await page.getByLabel("Password").inputValue()) === "", "the password is not written back");
      await look(page, "signin-wrong");
      await page.getByLabel("Password").fill(password);
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/admin\/people$/);
      await page.getByRole("heading", { name: "People" }).waitFor();
      await look(page, "list");
    },
  ],
  [
    "adds somebody, who comes in by the link",
    async (world) => {
      const { browser, server, problems, admin } = world;
      const page = admin.page;
      await page.getByLabel("E-mail address").fill("nora@larkpay.example");
      await page.getByLabel("Name that customers").fill("Nora Lind");
      await page.getByLabel("General").check();
      await page.getByRole("button", { name: "Add" }).click();
      await says(page, "The person was added.");
      world.nora = page.url().replace(/\?.*/, "");
      await page.getByRole("button", { name: "Make a sign-in link" }).click();
      const link = (await page.locator("pre code").innerText()).trim();
      await look(page, "person");
      world.second = await openWindow(browser, problems);
      await signInBy(link, world.second.page);
      await page.goto(world.nora);
      await says(page, "Chrome on Linux");
      await says(page, "signed in");
    },
  ],
  [
    "whoever is disabled is out of the desk within seconds",
    async ({ admin: { page }, second }) => {
      await page.getByRole("button", { name: "Disable" }).click();
      await says(page, "They can no longer sign in.");
      await second.page.getByRole("heading", { name: "You are not signed in" }).waitFor();
      await look(page, "disabled");
      await page.getByRole("button", { name: "Let them sign in again" }).click();
      await says(page, "They can sign in again.");
      await second.context.close();
    },
  ],
  [
    "single sign-on through a real provider: in, and out for whom nobody has added",
    async (world) => {
      const { browser, server, problems } = world;
      for (const [account, out] of [["nora", false], ["stranger", true]]) {
        const { page, context } = await openWindow(browser, problems);
        await page.goto(`${server.base}/desk`);
        await page.getByRole("link", { name: "Sign in" }).click();
        await page.getByRole("link", { name: "Continue with Larkpay ID" }).click();
        await page.locator('input[name="login"]').fill(account);
        await page.locator('input[name="password"]').fill("any");
        await page.locator('button[type="submit"]').click();
        await page.locator('input[name="prompt"][value="consent"]').waitFor({ state: "attached" });
        await page.locator('button[type="submit"]').click();
        if (out) {
          await says(page, "nobody has added you here");
          await page.goto(`${server.base}/desk`);
          await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
        } else {
          await page.waitForURL(/\/desk/);
          await page.getByRole("region", { name: "Queue" }).waitFor();
          await page.goto(`${server.base}/account`);
          await says(page, "by single sign-on");
        }
        await context.close();
      }
    },
  ],
  [
    "the audit log knows it all",
    async ({ server, admin: { page } }) => {
      await page.goto(`${server.base}/admin/audit`);
      for (const what of ["person added", "link made", "signed in", "person disabled", "person enabled", "identity tied"]) await says(page, what);
      await look(page, "audit");
      await provider.stop();
    },
  ],
];
