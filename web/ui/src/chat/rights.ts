// The customer's own data: the door to the dialog, whose code comes when it is opened, and what is forgotten in this browser
// once the server has deleted it.

import { signal } from "@preact/signals";
import { discard, leave, outgoing, type Session } from "./session.ts";
import { feedback } from "./thread.ts";
import { languageOf } from "./words.ts";

/** The dialog is open: for a conversation, or from the first page for nobody's (null). */
export const rights = signal<{ of: Session | null } | undefined>(undefined);

const labels: Record<string, string> = {
  en: "Your data",
  de: "Ihre Daten",
  es: "Tus datos",
  sv: "Dina uppgifter",
  fr: "Vos données",
  ar: "بياناتك",
};

const recorded: Record<string, string> = {
  en: "This chat is recorded.",
  de: "Dieser Chat wird gespeichert.",
  es: "Este chat se guarda.",
  sv: "Chatten sparas.",
  fr: "Cette discussion est enregistrée.",
  ar: "تُسجَّل هذه المحادثة.",
};

/** What the door to the dialog says. */
export const rightsLabel = (locale: string) => labels[languageOf(locale)] ?? labels.en ?? "";

/** What the first page says before anything is written. */
export const recordedLine = (locale: string) => recorded[languageOf(locale)] ?? recorded.en ?? "";

/** What GET /v1/privacy says. */
export interface Privacy {
  company: string;
  receipt_key: string;
  sections: { key: string; title: string; text: string }[];
}

/**
 * Removes from a browser's store what stands there of a conversation under names that begin with prefix: names and values
 * that have its id, and in lists the entries that have it. Without an id everything under the prefix goes.
 */
export function forget(area: Storage, prefix: string, id?: string): void {
  const names = Array.from({ length: area.length }, (_, i) => area.key(i) ?? "").filter((n) => n.startsWith(prefix));
  for (const name of names) {
    const raw = area.getItem(name) ?? "";
    if (id === undefined || name.includes(id)) {
      area.removeItem(name);
      continue;
    }
    if (!raw.includes(id)) continue;
    const rest = without(raw, id);
    if (rest.length > 0) area.setItem(name, JSON.stringify(rest));
    else area.removeItem(name);
  }
}

function without(raw: string, id: string): unknown[] {
  try {
    const value: unknown = JSON.parse(raw);
    return Array.isArray(value) ? value.filter((one) => !JSON.stringify(one).includes(id)) : [];
  } catch {
    return [];
  }
}

/** Lets go of a conversation that exists no more, and of what this browser kept of it; without one, of all. */
export function forgotten(prefix: string, s?: Session): void {
  for (const m of outgoing.value) discard(m.clientId);
  leave();
  feedback.value = {};
  for (const which of ["localStorage", "sessionStorage"] as const) {
    try {
      forget(window[which], prefix, s?.id);
      if (s) window[which].removeItem(`${prefix}seen`);
    } catch {
      // a browser that refuses its store has kept nothing there
    }
  }
}
