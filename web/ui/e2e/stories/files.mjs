// Files of a customer on a phone: taken with the camera, dropped, pasted, too many, refused, cut off, checked for viruses;
// and what reaches the agent of them. The scanner is a stand-in that this file steers; internal/scan is tested with ClamAV's.

import { createServer } from "node:net";
import { check, checkAxe, eventually, openWindow, shot, signIn } from "../lib.mjs";

/** What the scanner says: "" for nothing, so that files wait. */
let verdict = () => "stream: OK";
const scanner = createServer((c) => {
  const parts = [];
  c.on("error", () => {});
  c.on("data", (b) => {
    parts.push(b);
    const all = Buffer.concat(parts);
    if (!all.subarray(-4).equals(Buffer.alloc(4)) || all.length < 14) return; // its end is a part of no length
    const said = verdict(all);
    if (said) c.end(`${said}\0`);
    else c.destroy();
  });
});
await new Promise((done) => scanner.listen(0, "127.0.0.1", done));
scanner.unref();

export const options = { env: { FIRSTLINE_SCAN: `clamd:tcp:127.0.0.1:${scanner.address().port}` } };

const input = ".composer input[type=file]:not([data-camera])";
const chosen = (page) => page.locator(".composer .chosen");
const text = (name, words = "words") => ({ name, mimeType: "text/plain", buffer: Buffer.from(words) });

/** A photo as a phone makes it: a real JPEG, with a place in its EXIF. */
async function photo(page) {
  const url = await page.evaluate(() => {
    const c = Object.assign(document.createElement("canvas"), { width: 1600, height: 1200 });
    const g = c.getContext("2d");
    g.fillStyle = "#2a7f6f";
    g.fillRect(0, 0, 1600, 1200);
    g.fillStyle = "#fff";
    g.fillRect(200, 200, 700, 500);
    return c.toDataURL("image/jpeg", 0.8);
  });
  const jpeg = Buffer.from(url.split(",")[1], "base64");
  const tiff = Buffer.concat([Buffer.from("MM\0*\0\0\0\x08", "latin1"), Buffer.from([0, 1, 0x01, 0x0e, 0, 2, 0, 0, 0, 24, 0, 0, 0, 26, 0, 0, 0, 0]), Buffer.from("GPS 52.5200 N 13.4050 E\0", "latin1")]);
  const exif = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
  const app1 = Buffer.concat([Buffer.from([0xff, 0xe1, (exif.length + 2) >> 8, (exif.length + 2) & 255]), exif]);
  return { name: "IMG_0001.jpg", mimeType: "image/jpeg", buffer: Buffer.concat([jpeg.subarray(0, 2), app1, jpeg.subarray(2)]) };
}

/** Files as a drop or a paste brings them. */
const bring = (page, kind, files) =>
  page.locator(".composer").evaluate(
    (form, { kind, files }) => {
      const data = new DataTransfer();
      for (const [name, words] of files) data.items.add(new File([words], name, { type: "text/plain" }));
      form.dispatchEvent(kind === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }) : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    },
    { kind, files },
  );

const send = (page) => page.locator(".composer .send").click();

export const steps = [
  [
    "a photo from the camera goes without its place, is shown small, and opens large",
    async (world) => {
      const { browser, problems, server, windows } = world;
      world.phone = await openWindow(browser, problems, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: "de-DE" });
      windows.push(world.phone);
      const { page } = world.phone;
      await page.goto(`${server.base}/chat?locale=de&market=de`);
      await page.getByRole("button", { name: "Chat starten" }).click();
      await page.locator(".row-assistant").first().waitFor();
      await page.getByRole("button", { name: "Foto aufnehmen" }).waitFor();
      const given = await photo(page);
      check(given.buffer.includes("GPS 52.52"), "the photo has a place");
      await page.locator("input[data-camera]").setInputFiles(given);
      await chosen(page).locator(".file-size", { hasText: /KB/ }).waitFor();
      await shot(page, "files-chosen");
      await checkAxe(page, "a chosen photo");
      await send(page);
      const img = page.locator(".row-customer .picture img");
      await eventually(() => img.evaluate((e) => e.naturalWidth > 0 && e.naturalWidth <= 320), "the small copy is shown");
      const whole = page.waitForResponse((r) => /\/attachments\/[\w-]+$/.test(new URL(r.url()).pathname) && r.request().method() === "GET");
      await page.locator(".row-customer button.picture").click();
      const large = page.locator(".large-picture img");
      await eventually(() => large.evaluate((e) => e.naturalWidth === 1600), "the picture is there as it was");
      const asked = (await whole).request();
      const bytes = Buffer.from(await fetch(asked.url(), { headers: await asked.allHeaders() }).then((r) => r.arrayBuffer()));
      check(bytes.length > 1000, `it is a picture: ${bytes.length} bytes`);
      check(!bytes.includes("GPS 52.52"), "the place is gone");
      await shot(page, "files-large");
      await page.keyboard.press("Escape");
      await large.waitFor({ state: "detached" });
    },
  ],
  [
    "what is dropped and pasted goes along; more than ten are named with the reason",
    async ({ phone: { page } }) => {
      await bring(page, "drop", [["dropped.txt", "one"]]);
      await bring(page, "paste", [["pasted.txt", "two"]]);
      await chosen(page).filter({ hasText: "dropped.txt" }).filter({ hasText: "pasted.txt" }).waitFor();
      await page.locator(input).setInputFiles(Array.from({ length: 9 }, (_, i) => text(`${i + 1}.txt`)));
      const left = chosen(page).getByRole("listitem").filter({ hasText: "höchstens 10 Dateien" });
      await eventually(async () => (await left.count()) === 1 && (await left.innerText()).includes("9.txt"), "the eleventh is left out, and says why");
      await shot(page, "files-too-many");
      await checkAxe(page, "too many files");
      await send(page);
      await eventually(async () => (await page.locator(".row-customer").last().locator(".file").count()) === 10, "ten go");
      await chosen(page).waitFor({ state: "detached" });
    },
  ],
  [
    "what is refused says why in the customer's words",
    async ({ phone: { page } }) => {
      const refused = async (file, why) => {
        await page.locator(input).setInputFiles(file);
        await page.getByRole("alert").filter({ hasText: why }).waitFor();
        await page.getByRole("button", { name: `${file.name} entfernen` }).click();
      };
      await refused({ name: "bild.png", mimeType: "image/png", buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>') }, "Nur Bilder");
      await refused({ name: "gross.txt", mimeType: "text/plain", buffer: Buffer.alloc(10 * 1024 * 1024 + 1, "a") }, "Größer als 10 MB");
      const good = await photo(page);
      await refused({ ...good, name: "kaputt.jpg", buffer: good.buffer.subarray(0, good.buffer.indexOf(Buffer.from([0xff, 0xda]))) }, "beschädigt");
      verdict = () => "stream: Test-Virus FOUND";
      await refused(text("virus.txt"), "Enthält einen Virus");
      verdict = () => "stream: OK";
    },
  ],
  [
    "an upload that is cut off can be tried again, and arrives once",
    async ({ phone: { page, context } }) => {
      const at = (u) => u.pathname === "/v1/attachments";
      await page.route(at, (r) => r.abort("connectionreset"));
      await page.locator(input).setInputFiles(text("beleg.txt", "Beleg 40,00"));
      await page.getByRole("alert").filter({ hasText: "Nicht hochgeladen" }).waitFor();
      await page.unroute(at);
      await context.setOffline(false);
      await page.getByRole("button", { name: "Erneut versuchen: beleg.txt" }).click();
      await chosen(page).locator(".file-size", { hasText: /\d+ B/ }).waitFor();
      await send(page);
      await page.locator(".row-customer").last().locator(".file", { hasText: "beleg.txt" }).waitFor();
      check((await page.locator(".row-customer .file", { hasText: "beleg.txt" }).count()) === 1, "it is there once");
      const saved = page.waitForEvent("download");
      await page.locator(".row-customer .file", { hasText: "beleg.txt" }).click();
      check((await saved).suggestedFilename() === "beleg.txt", "it can be saved again");
    },
  ],
  [
    "while nobody can look for viruses a file waits, and comes by itself or is deleted",
    async ({ phone: { page } }) => {
      verdict = () => "";
      await page.locator(input).setInputFiles(await photo(page));
      await chosen(page).locator(".file-size", { hasText: /KB/ }).waitFor();
      await send(page);
      const last = page.locator(".row-customer").last();
      await last.getByText("wird auf Viren geprüft").waitFor();
      await shot(page, "files-checking");
      verdict = () => "stream: OK";
      await last.locator(".picture img").waitFor();
      verdict = () => "";
      await page.locator(input).setInputFiles({ ...(await photo(page)), name: "spaeter.jpg" });
      await chosen(page).locator(".file-size", { hasText: /KB/ }).waitFor();
      await send(page);
      await last.getByText("wird auf Viren geprüft").waitFor();
      verdict = () => "stream: Test-Virus FOUND";
      await last.getByText("enthielt einen Virus und wurde gelöscht").waitFor();
      await page.reload();
      await page.locator(".row-customer").last().getByText("enthielt einen Virus und wurde gelöscht").waitFor();
      verdict = () => "stream: OK";
      await shot(page, "files-removed");
      await checkAxe(page, "a file that was removed");
    },
  ],
  [
    "the agent has them all, with what became of each",
    async ({ phone, agent: { page }, server }) => {
      await phone.page.getByRole("button", { name: "Mit einem Menschen sprechen" }).click();
      await signIn(server, page);
      await page.locator(".row-item").first().click();
      const files = page.getByRole("list", { name: "Files of the conversation" });
      await files.getByText("beleg.txt").waitFor();
      await files.getByText("held a virus and was deleted").waitFor();
      await eventually(() => files.locator(".picture img").first().evaluate((e) => e.naturalWidth > 0), "the photo is shown");
      await checkAxe(page, "the agent's files");
      await shot(page, "files-desk");
    },
  ],
];
