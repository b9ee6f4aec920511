// The desk as a whole: the bar on top, three columns (one at a time on a phone), the shortcuts, and the page for whoever
// is not signed in.

import { useEffect } from "preact/hooks";
import { Icon, type IconName } from "../shared/icons.tsx";
import { Avatar, Dialog, Menu } from "../shared/parts.tsx";
import { Conversation } from "./conversation.tsx";
import { Dialogs } from "./dialogs.tsx";
import { PackageView } from "./package.tsx";
import { Queue } from "./queue.tsx";
import * as s from "./store.ts";

export function App() {
  const offers = s.split.value.offers.length;
  useEffect(() => {
    document.title = `${offers > 0 ? `(${offers}) ` : ""}Desk${s.company.value ? ` · ${s.company.value}` : ""}`;
  }, [offers, s.company.value]);
  useShortcuts();
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
      <div class="columns">
        <Queue />
        <Conversation />
        <PackageView />
      </div>
      <Tabs />
      <Dialogs />
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
          { label: "Sound for new offers", checked: s.sound.value, onSelect: () => s.setSound(!s.sound.value) },
          { label: "Keyboard shortcuts", checked: s.shortcuts.value, onSelect: () => s.setShortcuts(!s.shortcuts.value) },
          { label: "Show shortcuts (?)", onSelect: () => (s.dialog.value = "shortcuts") },
          ...(s.me.value?.role === "admin" ? [{ label: "Topics and thresholds", onSelect: () => location.assign("/admin") }] : []),
          { label: "Sign out", onSelect: () => void s.signOut() },
        ]}
      />
    </header>
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
        <p>The desk opens with a personal link. It works once and signs this browser in.</p>
        <h2>You have no link?</h2>
        <p>Ask whoever runs Firstline for one. On the server it is made with:</p>
        <pre tabIndex={0}>
          <code>firstline user add --email you@example.org --role agent</code>
        </pre>
        <p class="quiet-text">
          A server that was started with <code>--demo</code> prints sign-in links when it starts.
        </p>
        <button type="button" class="button quiet" onClick={() => location.reload()}>
          I have signed in
        </button>
      </div>
    </main>
  );
}

const keys: [string, string][] = [
  ["j / k", "Next, previous in the queue"],
  ["a", "Accept"],
  ["d", "Decline an offer"],
  ["r", "Write a reply"],
  ["n", "Write a note for the team"],
  ["Ctrl or ⌘ + Enter", "Send"],
  ["e", "Resolve"],
  ["Esc", "Leave the text field"],
  ["?", "This list"],
];

function Shortcuts() {
  return (
    <Dialog title="Keyboard shortcuts" closeLabel="Close" onClose={() => (s.dialog.value = null)}>
      <dl class="keys">
        {keys.map(([k, what]) => (
          <div key={k}>
            <dt>
              <kbd>{k}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet-text">They can be switched off in the menu.</p>
    </Dialog>
  );
}

function useShortcuts() {
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (!s.me.value || !s.shortcuts.value || s.dialog.value || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
      const t = e.target as HTMLElement;
      if (t.closest("dialog, [role=menu]")) return;
      if (t.closest("input:not([type=radio]), textarea, select, [contenteditable]")) {
        if (e.key === "Escape") t.blur();
        return;
      }
      const h = s.handoff.value;
      const write = (m: "public" | "internal") => {
        s.mode.value = m;
        requestAnimationFrame(() => document.getElementById("reply")?.focus());
      };
      const run: Record<string, () => void> = {
        j: () => s.move(1),
        k: () => s.move(-1),
        "?": () => (s.dialog.value = "shortcuts"),
        a: () => {
          const target = h && (s.isOffer.value || s.isFree.value) ? h : s.openId.value ? undefined : s.split.value.offers[0];
          if (target) void s.accept(target);
        },
        d: () => {
          const target = h && s.isOffer.value ? h : s.openId.value ? undefined : s.split.value.offers[0];
          if (target) void s.decline(target);
        },
        e: () => s.wantResolve(),
        r: () => s.isMine.value && write("public"),
        n: () => s.openId.value && write("internal"),
      };
      const f = run[e.key];
      if (f) {
        e.preventDefault();
        f();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
