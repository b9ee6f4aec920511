// Times that stand in a message's text in somebody's time zone, put in the reader's own.

import { opening } from "./time.ts";
import type { Moment } from "./types.ts";

/** The text with its times as the reader has them; what cannot be found or read stays as it was written. */
export function ownTimes(text: string, times: Moment[] | undefined, now: number, locale: string): string {
  let out = text;
  for (const t of times ?? []) {
    const at = Date.parse(t.at);
    if (t.text !== "" && !Number.isNaN(at)) out = out.replace(t.text, () => opening(at, now, locale));
  }
  return out;
}
