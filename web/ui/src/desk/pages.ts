// Which page of the desk is shown. The address carries it behind the #, so that a reload stays where it was.

import { pages, type Page } from "./slots.tsx";
import { openId, page } from "./store/index.ts";

/** The page to show beside the inbox; undefined is the inbox itself, also for a page that does not exist or is not for this agent. */
export const current = (): Page | undefined => pages.shown.find((p) => p.id === page.value);

export const inInbox = (): boolean => current() === undefined;

export function go(id: string): void {
  page.value = id;
  const at = id !== "inbox" ? `#p/${id}` : openId.value ? `#c/${encodeURIComponent(openId.value)}` : location.pathname;
  history.replaceState(null, "", at);
}
