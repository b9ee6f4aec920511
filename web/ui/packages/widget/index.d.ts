// What Firstline's widget offers to the page that it stands on.

/** What may be said when the widget is put on a page. */
export interface Options {
  /** Where Firstline runs, such as "https://help.example.com". */
  origin: string;
  /** The site's key, as the admin page names it. */
  site?: string;
  /** Language of the chat, such as "de"; otherwise the browser's, as far as the site has it. */
  locale?: string;
  /** Country of the customer, such as "gb". */
  market?: string;
  audience?: "consumer" | "merchant";
  /** Slug of the article that the page is about. */
  article?: string;
  /** Without a button of its own: the page opens the chat. */
  launcher?: boolean;
}

/** What the page says about itself and the customer: at most 20 short values. Agents see it, marked as unverified. */
export type Context = Record<string, string | number | boolean>;

/** What is told to the page. No event has any text of the conversation. */
export interface Events {
  /** The widget is on the page. */
  ready: undefined;
  open: undefined;
  close: undefined;
  /** So many messages have come that the customer has not seen. */
  unread: { count: number };
  /** A message was written, by either side. */
  message: { author: "customer" | "assistant" | "agent" | "system" };
  /** Who has the conversation now. */
  handoff: { owner: "assistant" | "queue" | "agent" };
  /** The conversation is over. */
  ended: undefined;
  /** The customer has given one to five stars. */
  rated: { score: number };
  /** The customer's token has expired, was used up or is refused: call identify with a new one. */
  token: undefined;
  error: { code: string };
}

export interface Firstline {
  (command: "open" | "close" | "toggle" | "logout" | "remove"): void;
  /**
   * Says who the customer is: a token that your backend has signed, never made in the page. A conversation that runs becomes
   * theirs. null signs out, as logout does: nothing of the customer stays in the browser.
   */
  (command: "identify", customerToken: string | null): void;
  (command: "setContext", context: Context): void;
  <E extends keyof Events>(command: "on" | "off", event: E, listener: (detail: Events[E]) => void): void;
}

/** Puts the widget on the page, once, and returns its functions when it is there. */
export function load(options: Options): Promise<Firstline>;

declare global {
  interface Window {
    Firstline?: Firstline;
  }
}
