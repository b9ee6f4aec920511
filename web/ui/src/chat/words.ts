// The texts of the chat page itself, in the languages that it speaks. Messages, disclosures and notices come from the
// server and are not here. English comes with the page and stands in for what is missing; the others are fetched when
// they are wanted.

import type { FileWords, UploadWords } from "../shared/files.tsx";

export interface Words {
  assistant: string;
  ai: string;
  you: string;
  team: string;
  person: string;
  talk: string;
  inLine: string;
  startTitle: (company: string) => string;
  startAi: string;
  startPerson: string;
  language: string;
  market: string;
  start: string;
  startWith: string;
  starting: string;
  startFailed: string;
  expired: string;
  placeholder: string;
  placeholderHuman: string;
  send: string;
  left: (n: number) => string;
  sending: string;
  notSent: string;
  waits: string;
  retry: string;
  remove: string;
  seen: string;
  delivered: string;
  reconnecting: string;
  offline: string;
  thinking: string;
  typing: (name: string) => string;
  sources: string;
  source: (n: number, title: string) => string;
  openHelp: string;
  updated: (date: string) => string;
  version: (n: number) => string;
  close: string;
  loading: string;
  articleFailed: string;
  helpful: string;
  yes: string;
  no: string;
  thanks: string;
  thanksNo: string;
  choose: string;
  yesPerson: string;
  lineTitle: string;
  next: string;
  position: (n: number) => string;
  wait: (range: string) => string;
  under: (n: string) => string;
  range: (low: string, high: string) => string;
  about: (n: string) => string;
  waitUnknown: string;
  closedUntil: (when: string) => string;
  closedNow: string;
  later: string;
  laterBy: (when: string) => string;
  firstTitle: string;
  first: string;
  firstLeave: string;
  leave: string;
  summary: string;
  summaryHint: string;
  edit: string;
  save: string;
  cancel: string;
  saved: string;
  handoffFailed: string;
  more: string;
  newChat: string;
  newTitle: string;
  newText: string;
  transcript: string;
  end: string;
  endTitle: string;
  endText: string;
  failed: string;
  closed: string;
  rateTitle: string;
  rateOf: (n: number) => string;
  rateWords: [string, string, string, string, string];
  rateComment: string;
  rateSend: string;
  rateThanks: string;
  toLatest: string;
  conversation: string;
  attach: string;
  files: string;
  photo: string;
  removeFile: (name: string) => string;
  uploading: string;
  uploads: UploadWords;
  fileWords: FileWords;
  intakeTitle: string;
  intakeHint: string;
  intakeEmail: string;
  intakePurchase: string;
  intakeReference: string;
  intakeSend: string;
  intakeSkip: string;
  intakeThanks: string;
  stop: string;
  stopped: string;
  sent: string;
  why: string;
  whyWords: [string, string, string, string, string];
  whyComment: string;
  whySend: string;
  asText: string;
  asPage: string;
  asData: string;
  rateWhy: string;
  rateReasons: [string, string, string, string, string, string, string, string];
}

export const en: Words = {
  assistant: "AI assistant",
  ai: "AI",
  you: "You",
  team: "Our team",
  person: "Person",
  talk: "Talk to a person",
  inLine: "Waiting for a person",
  startTitle: (c) => (c ? `How can ${c} help?` : "How can we help?"),
  startAi: "You will be chatting with an AI assistant. It answers from our help centre and shows its sources.",
  startPerson: "You can have a person instead at any time.",
  language: "Language",
  market: "Country",
  start: "Start chat",
  startWith: "Or begin with a question",
  starting: "Starting…",
  startFailed: "The chat could not be started. Please try again in a moment.",
  expired: "That conversation is no longer available. You can start a new one.",
  placeholder: "Ask a question",
  placeholderHuman: "Write a message",
  send: "Send",
  left: (n) => (n >= 0 ? `${n} characters left` : `${-n} characters too many`),
  sending: "Sending…",
  notSent: "Not sent",
  waits: "Will be sent when you are connected",
  retry: "Try again",
  remove: "Delete",
  seen: "Seen",
  delivered: "Delivered",
  reconnecting: "Reconnecting…",
  offline: "You are offline. What you write is kept and sent later.",
  thinking: "The assistant is looking this up",
  typing: (n) => `${n} is typing`,
  sources: "Sources",
  source: (n, t) => `Source ${n}: ${t}`,
  openHelp: "Open in help centre",
  updated: (d) => `Updated ${d}`,
  version: (n) => `Version ${n}`,
  close: "Close",
  loading: "Loading…",
  articleFailed: "The article could not be loaded.",
  helpful: "Did this help?",
  yes: "Yes",
  no: "No",
  thanks: "Thank you",
  thanksNo: "Thank you, noted",
  choose: "Choose one, or say it in your own words",
  yesPerson: "Yes, a person please",
  lineTitle: "You are in line for a person",
  next: "You are next",
  position: (n) => `Number ${n} in line`,
  wait: (r) => `Wait: ${r}`,
  under: (n) => `less than ${n}`,
  range: (a, b) => `${a} to ${b}`,
  about: (n) => `about ${n}`,
  waitUnknown: "The wait cannot be estimated right now",
  closedUntil: (w) => `The team is closed and opens ${w}`,
  closedNow: "The team is closed right now",
  later: "A person will answer here later",
  laterBy: (w) => `A person will answer here by ${w}`,
  firstTitle: "A person is being called for you",
  first: "You come before everybody else: a person is being called now",
  firstLeave: "You can leave this page; the answer will be here.",
  leave: "Your place is kept. You can leave this page; the answer will be here.",
  summary: "What the person will read first",
  summaryHint: "Correct it or add what matters. Nobody will ask you for it again.",
  edit: "Correct or add",
  save: "Save",
  cancel: "Cancel",
  saved: "Saved",
  handoffFailed: "That did not reach us. Please press the button again.",
  more: "More",
  newChat: "New conversation",
  newTitle: "Start a new conversation?",
  newText: "This one disappears from this device. Download the transcript first if you want to keep it.",
  transcript: "Download transcript",
  end: "End conversation",
  endTitle: "End this conversation?",
  endText: "You can write here again whenever you like.",
  failed: "That did not work. Please try again.",
  closed: "This conversation is closed. Write to open it again.",
  rateTitle: "How was this conversation?",
  rateOf: (n) => `${n} of 5`,
  rateWords: ["Very poor", "Poor", "Fair", "Good", "Very good"],
  rateComment: "What should we know? (optional)",
  rateSend: "Send rating",
  rateThanks: "Thank you for your rating.",
  toLatest: "Latest messages",
  conversation: "Conversation",
  attach: "Attach a file",
  files: "Files",
  photo: "Take a photo",
  removeFile: (n) => `Remove ${n}`,
  uploading: "Uploading…",
  uploads: {
    failed: "Not uploaded",
    tooMany: "A message takes at most 10 files",
    problems: {
      too_large: "Larger than 10 MB",
      unsupported_type: "Only pictures (PNG, JPEG, GIF, WebP), PDF and plain text",
      damaged_picture: "The picture is damaged: take it again",
      file_infected: "It holds a virus and was not taken",
      too_many_files: "This chat has as many files as it takes",
      files_too_large: "The files of this chat take too much room",
      busy: "Much is arriving at once: try again in a moment",
    },
  },
  fileWords: { failed: "The file could not be loaded.", checking: "is being checked for viruses", removed: "held a virus and was deleted" },
  intakeTitle: "While you wait",
  intakeHint: "If you have it at hand, it helps the person who takes over. We ask only once, and you need not answer.",
  intakeEmail: "E-mail of your account",
  intakePurchase: "Which purchase is it about?",
  intakeReference: "Reference code",
  intakeSend: "Send",
  intakeSkip: "No, thanks",
  intakeThanks: "Thank you. The person will see it.",
  stop: "Stop answering",
  stopped: "You stopped this answer.",
  sent: "Sent",
  why: "What was wrong?",
  whyWords: ["Wrong", "Outdated", "Hard to understand", "Not my question", "Something else"],
  whyComment: "Tell us more (optional)",
  whySend: "Send",
  asText: "Download as text",
  asPage: "Download as a web page",
  asData: "Download as data (JSON)",
  rateWhy: "What mattered?",
  rateReasons: ["Quick", "Clear", "Friendly", "Solved it", "Slow", "Unclear", "Had to repeat myself", "Did not solve it"],
};

/** The languages beside English, and how to get their words. */
export const others: Record<string, () => Promise<{ words: Words }>> = {
  de: () => import("./words/de.ts"),
  es: () => import("./words/es.ts"),
  sv: () => import("./words/sv.ts"),
  fr: () => import("./words/fr.ts"),
  ar: () => import("./words/ar.ts"),
};

export const languageOf = (locale: string) => locale.toLowerCase().split("-")[0] ?? "";

/** Scripts that are written from right to left. */
export function direction(locale: string): "rtl" | "ltr" {
  return ["ar", "he", "fa", "ur", "ps", "yi", "dv"].includes(locale.toLowerCase().split("-")[0] ?? "") ? "rtl" : "ltr";
}

/**
 * Chooses market and locale: what the address asks for, then the browser's languages, then the first that is served. A
 * region in a browser's language ("de-AT") is a hint for the market; the market's own first locale is the last resort.
 */
export function choose(
  markets: { code: string; locales: string[] }[],
  locales: string[],
  asked: { locale?: string | null; market?: string | null },
  languages: readonly string[],
): { market: string; locale: string } {
  const base = (l: string) => l.toLowerCase().split("-")[0] ?? "";
  const byLocale = (l: string) => locales.find((x) => x.toLowerCase() === l.toLowerCase()) ?? locales.find((x) => base(x) === base(l));
  let locale = asked.locale ? byLocale(asked.locale) : undefined;
  let market = markets.find((m) => m.code.toLowerCase() === asked.market?.toLowerCase());
  for (const l of languages) {
    if (!market) {
      const region = l.split("-").slice(1).find((p) => /^[A-Za-z]{2}$/.test(p))?.toLowerCase();
      market = markets.find((m) => m.code.toLowerCase() === region);
    }
    locale ??= byLocale(l);
  }
  market ??= markets.find((m) => locale !== undefined && base(m.locales[0] ?? "") === base(locale)) ?? markets[0];
  locale ??= market?.locales[0] ?? locales[0] ?? "en";
  return { market: market?.code ?? "", locale };
}
