// Where the chat lives: on a page of Firstline's own, or in a shadow root on somebody else's. What differs between the two
// is here: the server's address, the element that carries language and direction, what the page around it gave, and names
// in the browser's store.

export interface Host {
  /** The server's origin, without a slash at its end; "" on a page of its own. */
  base: string;
  /** Put before every name in the browser's store. */
  prefix: string;
  /** The site that the chat is shown on; "" on Firstline's own page. */
  site: string;
  /** The shadow root on another page. */
  root?: ShadowRoot;
  /** Carries lang and dir; undefined stands for the document's own element. */
  element?: HTMLElement;
  /** What the page's address or the widget's options say: locale, market, audience, article. */
  given: Record<string, string | undefined>;
  /** What the page around the chat says about itself and the customer; nobody has verified it. */
  context: Record<string, string | number | boolean>;
  /** The word of the company's backend who the customer is. */
  customerToken: string;
  /** Closes the widget; undefined on a page. */
  close?: () => void;
  /** Whether the customer can see the chat, as far as the widget knows. */
  shown: boolean;
}

export const host: Host = {
  base: "",
  prefix: "firstline.",
  site: "",
  given: typeof location === "undefined" ? {} : Object.fromEntries(new URLSearchParams(location.search)),
  context: {},
  customerToken: "",
  shown: true,
};

/** The full address of a path of the server; other addresses stay as they are. */
export function at(path: string): string {
  return host.base && /^\/(?!\/)/.test(path) ? host.base + path : path;
}

/** What has the focus, also inside of a shadow root. */
export function focusedElement(): HTMLElement | null {
  return (host.root ?? document).activeElement as HTMLElement | null;
}
