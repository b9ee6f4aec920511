// Shows push messages of the chat and opens the conversation that they belong to. It answers no requests of pages.
"use strict";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (e) => e.waitUntil(self.clients.claim()));

self.addEventListener("push", (e) => {
  let m = {};
  try {
    m = e.data ? e.data.json() : {};
  } catch {
    // what cannot be read is told of without words of its own
  }
  const show = async () => {
    const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    // Whoever is looking at the chat sees the answer there; browsers allow this silence for pages that are in front.
    if (pages.some((p) => p.focused && new URL(p.url).pathname === "/chat")) return;
    await self.registration.showNotification(String(m.title || "…"), {
      body: String(m.text || ""), tag: String(m.tag || "chat"), renotify: true, lang: String(m.lang || ""), dir: "auto", data: { link: String(m.link || "") },
    });
  };
  e.waitUntil(show());
});

self.addEventListener("notificationclick", (e) => {
  e.notification.close();
  const link = (e.notification.data && e.notification.data.link) || "/chat";
  const url = new URL(link, self.location.origin);
  if (url.origin !== self.location.origin || url.pathname !== "/chat") return;
  const open = async () => {
    const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const page = pages.find((p) => new URL(p.url).pathname === "/chat");
    if (!page) return void (await self.clients.openWindow(url.href));
    page.postMessage({ firstline: "open", key: new URLSearchParams(url.hash.slice(1)).get("t") || "" });
    await page.focus().catch(() => {}); // where the browser does not let it come to the front, the conversation is open all the same
  };
  e.waitUntil(open());
});
