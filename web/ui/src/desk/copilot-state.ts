// What the help with writing decides without a page: which macro is meant, what was translated, what became of a draft.

import type { Citation } from "../shared/types.ts";

export interface Draft {
  id: string;
  text: string;
  reply: string;
  citations: Citation[];
  left_out: string[];
  model: string;
  degraded: string;
  language: string;
  confidence: number;
  seq: number;
}

export interface MacroAction {
  do: "resolve" | "return" | "transfer" | "snooze" | "note";
  team?: string;
  hours?: number;
  text?: string;
}

export interface Macro {
  id: string;
  team: string | null;
  agent: string | null;
  name: string;
  shortcut: string;
  body: Record<string, string>;
  actions: MacroAction[];
  uses: number;
  updated_at: string;
}

export interface Rendered {
  text: string;
  locale: string;
  missing: string[];
  actions: MacroAction[];
}

export interface Translation {
  message?: string;
  text: string;
  original: string;
  from: string;
  to: string;
  model: string;
  doubts: string[];
}

/** The macro that is being looked for: what stands behind a slash at the cursor, and where the slash is. */
export function slashAt(text: string, cursor: number): { from: number; query: string } | undefined {
  const m = /(?:^|\s)\/([\p{L}\p{N}-]{0,40})$/u.exec(text.slice(0, cursor));
  return m ? { from: cursor - (m[1]?.length ?? 0) - 1, query: (m[1] ?? "").toLowerCase() } : undefined;
}

/** The longest list of macros that is shown. */
const most = 8;

/** The macros that fit, the best first: by the beginning of the shortcut, of a word of the name, or by what either holds. Equals stay in their order. */
export function macrosFor(all: Macro[], query: string): Macro[] {
  const fit = (m: Macro): number => {
    const name = m.name.toLowerCase();
    if (m.shortcut.startsWith(query)) return 0;
    if (name.split(/[^\p{L}\p{N}]+/u).some((w) => w.startsWith(query))) return 1;
    return m.shortcut.includes(query) || name.includes(query) ? 2 : 3;
  };
  return all
    .map((m) => ({ m, fit: fit(m) }))
    .filter((x) => x.fit < 3)
    .sort((a, b) => a.fit - b.fit)
    .slice(0, most)
    .map((x) => x.m);
}

const words = (s: string): string[] => s.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** The share of a text's words that another one has too. */
export function shared(of: string, other: string): number {
  const all = words(of);
  const have = new Set(words(other));
  return all.length === 0 ? 0 : all.filter((w) => have.has(w)).length / all.length;
}

/** What was written before it was translated, until the translation has been sent. */
export interface Original {
  conversation: string;
  translated: string;
  text: string;
  locale: string;
  model: string;
  /** The message that it went with. */
  clientId?: string;
}

/** The original that belongs to a message on its way: the one that went with it before, or the conversation's, where the message is still mostly its translation. */
export function originalFor(all: Original[], message: { conversation: string; clientId: string; text: string }): Original | undefined {
  return all.find((o) => o.clientId === message.clientId) ?? all.find((o) => o.clientId === undefined && o.conversation === message.conversation && shared(o.translated, message.text) >= 0.5);
}

/** Says in words what a macro does when its text has been sent. */
export function actionText(a: MacroAction, teamName: (key: string) => string): string {
  switch (a.do) {
    case "resolve":
      return "Resolve";
    case "return":
      return "Return to the assistant";
    case "transfer":
      return `Transfer to ${teamName(a.team ?? "")}`;
    case "snooze":
      return a.hours === 1 ? "Snooze for an hour" : (a.hours ?? 0) % 24 === 0 ? `Snooze for ${(a.hours ?? 0) / 24} ${a.hours === 24 ? "day" : "days"}` : `Snooze for ${a.hours} hours`;
    case "note":
      return "Add a note";
  }
}

/** The first variable that was not filled in, to be selected. */
export function unfilled(text: string): [from: number, to: number] | undefined {
  const m = /\{\{[^{}]+\}\}/.exec(text);
  return m ? [m.index, m.index + m[0].length] : undefined;
}
