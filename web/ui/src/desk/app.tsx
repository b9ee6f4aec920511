// The desk as a whole: the bar on top, three columns (one at a time on a phone), the shortcuts, and the page for whoever
// is not signed in.

import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../shared/icons.tsx";
import { Avatar, Dialog, Menu } from "../shared/parts.tsx";
import { ariaKeysFor, bound, commandFor, commands, setShortcuts, shortcuts, keyFor } from "./commands.ts";
import { Conversation } from "./conversation.tsx";
import { Dialogs } from "./dialogs.tsx";
import { chordOf, readKeys } from "./keys.ts";
import { PackageView } from "./package.tsx";
import { current, go } from "./pages.ts";
import { Palette } from "./palette.tsx";
import { Priority, Queue } from "./queue.tsx";
import { pages } from "./slots.tsx";
import * as s from "./store/index.ts";
import { narrow } from "./width.ts";
import { readable, shortReason } from "./words.ts";

export function App() {
  const offers = s.split.value.offers.length;
  useEffect(() => {
    document.title = `${offers > 0 ? `(${offers}) ` : ""}Desk${s.company.value ? ` · ${s.company.value}` : ""}`;
  }, [offers, s.company.value]);
  useShortcuts();
  const page = current();
  // Who goes to a page by a key goes on in it, and not at the top of the window; a field that the page itself begins with stays.
  const shown = useRef(page?.id);
  useEffect(() => {
    if (shown.current === page?.id) return;
    shown.current = page?.id;
    if (page && document.activeElement === document.body) document.querySelector<HTMLElement>("main.page")?.focus();
  }, [page?.id]);
  if (s.me.value === null) return <SignIn />;
  if (s.me.value === undefined) {
    return (
      <main class="alone">
        {s.unreachable.value ? (
          <div class="alone-card" role="alert">
            <h1>The server cannot be reached</h1>
            <p>The desk opens as soon as it answers.</p>
            <button type="button" class="button" onClick={() => void s.boot()}>
              Try again
            </button>
          </div>
        ) : (
          <p role="status">Loading the desk…</p>
        )}
      </main>
    );
  }
  return (
    <div class="desk" data-view={s.view.value} data-open={s.openId.value !== null}>
      <Bar />
      <Notice />
      {page && <Offered />}
      {page ? (
        <main class="page scroll" tabIndex={0} aria-labelledby="page-title">
          <h2 id="page-title">{page.title}</h2>
          <page.component />
        </main>
      ) : (
        <div class="columns">
          <Queue />
          <Conversation />
          <PackageView />
        </div>
      )}
      {!page && <Tabs />}
      <Dialogs />
      {s.dialog.value === "palette" && <Palette />}
      {s.dialog.value === "shortcuts" && <Shortcuts />}
      <div class="sr-only" aria-live="polite" role="status">
        {s.announcement.value}
      </div>
    </div>
  );
}

function Bar() {
  const online = s.presence.value === "online";
  const broken = s.link.value !== "open";
  return (
    <header class="top">
      <h1>
        <span class="top-company">{s.company.value || "Firstline"}</span> <span class="top-place">Desk</span>
      </h1>
      <Navigation />
      <p class="top-link" role="status">
        {broken ? (s.link.value === "offline" ? "You are offline" : s.queue.value ? "Reconnecting…" : "Connecting…") : ""}
      </p>
      <div class="presence" role="radiogroup" aria-label="Your presence">
        {(["online", "away"] as const).map((p) => (
          <label key={p} class={`presence-${p}`}>
            <input class="sr-only" type="radio" name="presence" checked={online === (p === "online")} onChange={() => void s.setPresence(p)} />
            <i aria-hidden="true" />
            {p === "online" ? "Online" : "Away"}
          </label>
        ))}
      </div>
      <Avatar name={s.me.value?.name} />
      <Menu
        label={`Menu of ${s.me.value?.name ?? ""}`}
        icon="menu"
        items={[
          ...pagesOfMenu(),
          { label: "Sound for new offers", checked: s.sound.value, onSelect: () => s.setSound(!s.sound.value) },
          { label: "Keyboard shortcuts", checked: shortcuts.value, onSelect: () => setShortcuts(!shortcuts.value) },
          { label: keyFor("shortcuts") ? `Show shortcuts (${readKeys(keyFor("shortcuts"))})` : "Show shortcuts", onSelect: () => (s.dialog.value = "shortcuts") },
          { label: "Find a command", onSelect: () => (s.dialog.value = "palette") },
          { label: "Your account", onSelect: () => location.assign("/account") },
          ...(s.me.value?.role === "admin"
            ? [
                { label: "Topics and thresholds", onSelect: () => location.assign("/admin") },
                { label: "People", onSelect: () => location.assign("/admin/people") },
              ]
            : []),
          { label: "Sign out", onSelect: () => void s.signOut() },
        ]}
      />
    </header>
  );
}

/** On a narrow screen the bar has no room for every page, so the menu names them too. */
const pagesOfMenu = () => (narrow.value ? pages.shown.map((p) => ({ label: p.title, onSelect: () => go(p.id) })) : []);

/** The pages of the desk; a link, so that it can be opened beside this one. */
function Navigation() {
  const here = current()?.id ?? "inbox";
  const to = (id: string, title: string, icon: IconName, href: string, offers = 0) => (
    <a
      key={id}
      href={href}
      aria-current={here === id ? "page" : undefined}
      title={title}
      onClick={(e) => {
        if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
        e.preventDefault();
        go(id);
      }}
    >
      <Icon name={icon} size={18} />
      <span>{title}</span>
      {offers > 0 && (
        <b class="count">
          {offers}
          <span class="sr-only"> {offers === 1 ? "offer" : "offers"}</span>
        </b>
      )}
    </a>
  );
  return (
    <nav class="top-pages" aria-label="Pages of the desk">
      {to("inbox", "Inbox", "inbox", location.pathname, s.split.value.offers.length)}
      {pages.shown.map((p) => to(p.id, p.title, p.icon, `#p/${p.id}`))}
    </nav>
  );
}

function Notice() {
  const n = s.notice.value;
  useEffect(() => {
    if (!n || n.bad) return;
    const t = setTimeout(() => (s.notice.value = null), 5000);
    return () => clearTimeout(t);
  }, [n]);
  return (
    <div role={n?.bad ? "alert" : "status"} class="notice-place">
      {n && (
        <p class={`notice ${n.bad ? "bad" : ""}`}>
          <Icon name={n.bad ? "alert" : "check"} size={18} />
          <span>{n.text}</span>
          <button type="button" class="icon-button small" aria-label="Close" onClick={() => (s.notice.value = null)}>
            <Icon name="close" size={16} />
          </button>
        </p>
      )}
    </div>
  );
}

/** An offer, for whoever is on another page than the inbox. */
function Offered() {
  const h = s.split.value.offers[0];
  if (!h) return null;
  return (
    <section class="offered" aria-label="Offered to you">
      <Priority p={h.priority} />
      <b>{readable(h.topic) || shortReason(h.reason)}</b>
      <span>{s.teamName(h.team)}</span>
      <button type="button" class="button" aria-keyshortcuts={ariaKeysFor("accept")} disabled={s.busy.value !== ""} onClick={() => void s.accept(h)}>
        Accept
      </button>
      <button type="button" class="button quiet" aria-keyshortcuts={ariaKeysFor("decline")} disabled={s.busy.value !== ""} onClick={() => void s.decline(h)}>
        Decline
      </button>
    </section>
  );
}

function Tabs() {
  const tab = (to: typeof s.view.value, label: string, icon: IconName, count = 0) => (
    <button type="button" aria-current={s.view.value === to ? "page" : undefined} disabled={to !== "queue" && !s.openId.value} onClick={() => (s.view.value = to)}>
      <Icon name={icon} size={22} />
      <span>
        {label}
        {count > 0 && <b class="count">{count}</b>}
      </span>
    </button>
  );
  return (
    <nav class="tabs" aria-label="Parts of the desk">
      {tab("queue", "Queue", "inbox", s.split.value.offers.length)}
      {tab("conversation", "Conversation", "chat")}
      {tab("package", "Package", "box")}
    </nav>
  );
}

function SignIn() {
  return (
    <main class="alone">
      <div class="alone-card">
        <h1>You are not signed in</h1>
        <p>Your session has ended, or this browser has none yet.</p>
        <p>
          <a class="button" href={`/signin?to=${encodeURIComponent(`/desk${location.hash}`)}`}>
            Sign in
          </a>
        </p>
        <p class="quiet-text">
          With a sign-in link, open the link instead. A server that was started with <code>--demo</code> prints links when it starts; an admin makes new ones.
        </p>
      </div>
    </main>
  );
}

/** Keys that are not commands: they belong to the text field. */
const fixed: [string, string][] = [
  ["mod+enter", "Send; in a dialog, do it"],
  ["mod+z", "Undo sending, while the text field is empty"],
  ["escape", "Leave the text field"],
];

function Shortcuts() {
  const all: [string, string, string, string | undefined][] = [
    ...commands.value.filter((c) => bound(c) !== "").map((c): [string, string, string, string | undefined] => [c.group ?? "Desk", bound(c), c.title, c.also]),
    ...fixed.map(([k, what]): [string, string, string, undefined] => ["While writing", k, what, undefined]),
  ];
  const groups = [...new Set(all.map(([g]) => g))].map((g) => [g, all.filter((x) => x[0] === g).map(([, k, what, also]) => [k, what, also] as const)] as const);
  return (
    <Dialog title="Keyboard shortcuts" closeLabel="Close" onClose={() => (s.dialog.value = null)}>
      <div class="keys-groups">
        {groups.map(([title, keys]) => (
          <section key={title} aria-label={title}>
            <h3>{title}</h3>
            <dl class="keys">
              {keys.map(([k, what, also]) => (
                <div key={what}>
                  <dt>
                    <kbd>{readKeys(k)}</kbd> {also && <kbd>{readKeys(also)}</kbd>}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="quiet-text">{shortcuts.value ? "They can be changed and switched off in the settings." : "Those of a single key are switched off in the settings."}</p>
    </Dialog>
  );
}

function useShortcuts() {
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (!s.me.value || e.isComposing || e.defaultPrevented) return;
      const chord = chordOf(e);
      const t = e.target as HTMLElement;
      if (s.dialog.value) {
        // The palette's key closes it again; everything else belongs to the dialog.
        if (s.dialog.value === "palette" && commandFor(chord, true)?.id === "palette") {
          e.preventDefault();
          s.dialog.value = null;
        }
        // As in the text field: no way through the dialog's buttons to the one that does it.
        if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !e.repeat) {
          const does = t.closest("dialog")?.querySelector<HTMLElement>("form [type=submit]:not([disabled])");
          if (does) {
            e.preventDefault();
            does.click();
          }
        }
        return;
      }
      if (t.closest("dialog, [role=menu]")) return;
      const inText = t.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]") !== null;
      if (inText && e.key === "Escape") return t.blur();
      const command = commandFor(chord, inText);
      if (command) {
        e.preventDefault();
        command.run();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
