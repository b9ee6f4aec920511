// What makes the help centre quicker to use: suggestions while one types, votes without a new page. Every page of the help
// centre works without this file, and nothing in it imports another: it is loaded with every article.

import { suggestions } from "./suggest.ts";
import { votes } from "./votes.ts";

for (const form of document.querySelectorAll<HTMLFormElement>("form.search")) suggestions(form);
for (const part of document.querySelectorAll<HTMLElement>(".helpful")) votes(part);

// The menu for language and country closes like every other menu.
const menu = document.querySelector<HTMLDetailsElement>("details.where");
document.addEventListener("click", (e) => {
  if (menu?.open && !menu.contains(e.target as Node)) menu.open = false;
});
menu?.addEventListener("keydown", (e) => {
  if (e.key === "Escape" && menu.open) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});
