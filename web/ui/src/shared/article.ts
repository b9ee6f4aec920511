// Turns an article's HTML into nodes that may stand in this page. The server has made it safe already; this is the second
// lock on the same door. The text is parsed into a document of its own, where no script runs and nothing is loaded, and
// only the elements and attributes named here are made anew in the page. Nothing is ever assigned to innerHTML.

import { at } from "./host.ts";
import { safeHref } from "./markdown.ts";
import { trusted } from "./trusted.ts";

const elements = new Set(
  ("a abbr b blockquote br caption code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre q s " +
    "samp small span strong sub summary sup table tbody td tfoot th thead time tr u ul var section").split(" "),
);

/** Elements whose contents are no text for readers: they vanish whole. Other unknown ones leave their children. */
const dropped = new Set("script style template iframe object embed noscript svg math form input button select textarea link meta base title".split(" "));

const attributes: Record<string, string[]> = {
  "*": ["id", "lang", "dir"],
  a: ["title"],
  img: ["alt", "width", "height"],
  ol: ["start"],
  td: ["colspan", "rowspan"],
  th: ["colspan", "rowspan", "scope"],
  time: ["datetime"],
};

export interface ArticleOptions {
  /** Put before every id, so that an article cannot take the name of an element of the page. */
  idPrefix: string;
  /** Called for a link to another article; return true when it was dealt with. */
  onHelpLink: (href: string) => boolean;
  /** Called for a link within the article, with the plain id. */
  onAnchor: (id: string) => void;
}

/** Makes the nodes of an article. Headings come one level lower, because the panel has its own. */
export function articleNodes(html: string, o: ArticleOptions): DocumentFragment {
  const parsed = new DOMParser().parseFromString(trusted(html), "text/html");
  const out = document.createDocumentFragment();
  copy(parsed.body, out, o, 0);
  return out;
}

const deepest = 60;

function copy(from: Node, to: Node, o: ArticleOptions, depth: number): void {
  for (const n of from.childNodes) {
    if (n.nodeType === Node.TEXT_NODE) to.appendChild(document.createTextNode(n.nodeValue ?? ""));
    if (n.nodeType !== Node.ELEMENT_NODE || depth > deepest) continue;
    const e = n as Element;
    const name = e.localName;
    if (dropped.has(name)) continue;
    if (!elements.has(name) || e.namespaceURI !== "http://www.w3.org/1999/xhtml") {
      copy(e, to, o, depth + 1);
      continue;
    }
    const made = document.createElement(/^h[1-5]$/.test(name) ? `h${Number(name[1]) + 1}` : name);
    for (const a of [...(attributes["*"] ?? []), ...(attributes[name] ?? [])]) {
      const v = e.getAttribute(a);
      if (v !== null) made.setAttribute(a, a === "id" ? o.idPrefix + v : v);
    }
    if (name === "a") anchor(e, made, o);
    if (name === "img") {
      const src = e.getAttribute("src") ?? "";
      if (!/^\/(?!\/)/.test(src)) continue; // pictures of this site alone: others would tell who reads what
      made.setAttribute("src", at(src));
      made.setAttribute("loading", "lazy");
    }
    copy(e, made, o, depth + 1);
    if (name === "table") {
      const scroll = document.createElement("div");
      scroll.className = "md-table";
      scroll.tabIndex = 0;
      scroll.appendChild(made);
      to.appendChild(scroll);
    } else to.appendChild(made);
  }
}

function anchor(e: Element, made: HTMLElement, o: ArticleOptions): void {
  const href = safeHref(e.getAttribute("href") ?? "");
  if (href === undefined) return; // without an address it is only words
  made.setAttribute("href", at(href));
  if (href.startsWith("#")) {
    made.addEventListener("click", (ev) => {
      ev.preventDefault();
      o.onAnchor(decode(href.slice(1)));
    });
    return;
  }
  made.setAttribute("target", "_blank");
  made.setAttribute("rel", "noopener noreferrer");
  if (href.startsWith("/help/")) {
    made.addEventListener("click", (ev) => {
      if (!ev.ctrlKey && !ev.metaKey && !ev.shiftKey && o.onHelpLink(href)) ev.preventDefault();
    });
  }
}

export function decode(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
}

/** Reads /help/{slug}?locale=..#anchor; undefined for any other address. */
export function helpTarget(href: string): { slug: string; locale?: string; anchor: string } | undefined {
  const m = /^\/help\/([^/?#]+)(?:\?([^#]*))?(?:#(.*))?$/.exec(href);
  if (!m) return undefined;
  const locale = new URLSearchParams(m[2] ?? "").get("locale") ?? undefined;
  return { slug: decode(m[1] ?? ""), locale, anchor: decode(m[3] ?? "") };
}
