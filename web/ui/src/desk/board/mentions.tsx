// Notes that name colleagues: choosing whom while writing, and being told.

import { computed, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { clock } from "../../shared/time.ts";
import { register } from "../commands.ts";
import { go, inInbox } from "../pages.ts";
import { composerPanels, type Composer, pages } from "../slots.tsx";
import * as s from "../store/index.ts";
import { every } from "../tick.ts";
import { named, naming } from "./found.ts";

interface Mention {
  message: string;
  conversation: string;
  seq: number;
  by: { id: string; name: string } | null;
  text: string;
  customer: string;
  at: string;
  seen: boolean;
}

const here = typeof navigator === "undefined" ? "en" : navigator.language;

/** Notes that name me and that I have not read. */
export const unseen = signal<Mention[]>([]);
const all = signal<Mention[] | null>(null);
s.onSignedOut(() => {
  unseen.value = [];
  all.value = null;
});

s.onDeskEvent<{ mentions: Mention[] }>("mentions", ({ mentions }) => {
  const known = new Set(unseen.value.map((m) => m.message));
  const fresh = mentions.filter((m) => !known.has(m.message) && (m.conversation !== s.openId.value || !inInbox()));
  unseen.value = mentions;
  const first = fresh[0];
  if (first) s.notice.value = { text: `${first.by?.name ?? "A colleague"} names you: ${first.text.slice(0, 120)}`, bad: false };
  if (s.page.value === "mentions") void load();
});

async function load(): Promise<void> {
  try {
    all.value = (await s.agentCall<{ mentions: Mention[] }>("/mentions")).mentions;
  } catch (err) {
    s.notice.value = { text: s.words(err), bad: true };
  }
}

s.page.subscribe((p) => {
  if (p === "mentions" && s.me.peek()) void load();
});

function Mentions() {
  const now = every(60_000).value;
  const list = all.value;
  if (!list) return <p class="empty">Loading…</p>;
  if (list.length === 0) return <p class="empty">Nobody has named you in a note yet. Write @ and a name in a note to tell a colleague.</p>;
  return (
    <ol class="search-found" role="list">
      {list.map((m) => (
        <li key={m.message}>
          <a
            href={`#c/${encodeURIComponent(m.conversation)}`}
            onClick={(e) => {
              if (e.ctrlKey || e.metaKey || e.shiftKey) return;
              e.preventDefault();
              s.openConversation(m.conversation);
            }}
          >
            <span class="found-head">
              <strong dir="auto">
                {m.by?.name ?? "A colleague"}
                {!m.seen && <span class="count">new</span>}
              </strong>
              <span class="found-facts">
                <span dir="auto">{m.customer || "Anonymous customer"}</span>
                <time dateTime={m.at}>{clock(Date.parse(m.at), now, here)}</time>
              </span>
            </span>
            <span class="found-text note">
              <span dir="auto">{m.text}</span>
            </span>
          </a>
        </li>
      ))}
    </ol>
  );
}

const there = computed(() => s.me.value !== null && s.me.value !== undefined);
pages.add({ id: "mentions", title: "Mentions", icon: "note", order: 150, when: () => there.value, component: Mentions });
register({ id: "mentions", title: "Mentions: notes that name me", group: "Pages", run: () => go("mentions") });

/** Below a note that ends with @: whom it may name. */
function Whom(c: Composer) {
  const [at, setAt] = useState(0);
  const [closed, setClosed] = useState(false);
  const begun = c.mode === "internal" ? naming(c.text)?.toLocaleLowerCase() : undefined;
  const fits = begun === undefined ? [] : (s.queue.value?.agents ?? []).filter((a) => a.id !== s.me.value?.id && a.name.toLocaleLowerCase().startsWith(begun) && a.name.toLocaleLowerCase() !== begun).slice(0, 6);
  const open = fits.length > 0 && !closed;
  const here = Math.min(at, fits.length - 1);
  const take = (name: string) => {
    c.replace(`${c.text.slice(0, c.text.length - (begun?.length ?? 0))}${name} `);
    s.write("internal");
  };
  useEffect(() => setAt(0), [begun]);
  useEffect(() => setClosed(false), [begun === undefined]);
  useEffect(() => {
    const field = document.getElementById("reply");
    if (!field || !open) return;
    field.setAttribute("aria-controls", "whom");
    field.setAttribute("aria-activedescendant", `whom-${here}`);
    field.setAttribute("aria-autocomplete", "list");
    // Before the field's own keys, as in the list of macros: Enter takes a name, and Escape closes the list alone.
    const onKey = (e: KeyboardEvent) => {
      if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey || e.shiftKey) return;
      const to = { ArrowDown: here + 1, ArrowUp: here - 1 + fits.length }[e.key];
      const name = fits[here]?.name;
      if (to !== undefined) setAt(to % fits.length);
      else if ((e.key === "Enter" || e.key === "Tab") && name) take(name);
      else if (e.key === "Escape") setClosed(true);
      else return;
      e.preventDefault();
      e.stopImmediatePropagation();
    };
    field.addEventListener("keydown", onKey, true);
    return () => {
      field.removeEventListener("keydown", onKey, true);
      for (const a of ["aria-controls", "aria-activedescendant", "aria-autocomplete"]) field.removeAttribute(a);
    };
  });
  if (!open) return null;
  return (
    <div id="whom" class="macro-list" role="listbox" aria-label="Colleagues to name">
      {fits.map((a, i) => (
        <div
          key={a.id}
          id={`whom-${i}`}
          role="option"
          aria-selected={i === here}
          onPointerMove={() => setAt(i)}
          onPointerDown={(e) => e.preventDefault()} // the text field keeps the focus
          onClick={() => take(a.name)}
        >
          <b>{a.name}</b>
          <span>{presences[a.presence] ?? ""}</span>
        </div>
      ))}
    </div>
  );
}

const presences: Record<string, string> = { online: "Online", away: "Away", offline: "Not there" };

s.alongside.push((m) => {
  const mentions = m.kind === "internal" ? named(m.text, s.queue.peek()?.agents ?? []) : [];
  return mentions.length > 0 ? { mentions } : {};
});

composerPanels.add({ id: "whom", order: 100, component: Whom });
