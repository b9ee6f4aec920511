// The settings of the agent: sound, and which key does what.

import { useState } from "preact/hooks";
import { bound, clashes, commands, remapped, resetKeys, setKeys, setShortcuts, shortcuts, type Command } from "./commands.ts";
import { chordOf, readKeys, refused } from "./keys.ts";
import { notifies, permission, setNotify } from "./notify.ts";
import { pages } from "./slots.tsx";
import * as s from "./store/index.ts";

function Settings() {
  return (
    <div class="settings">
      <section aria-labelledby="set-sound">
        <h3 id="set-sound">Sound and notifications</h3>
        <label class="check">
          <input type="checkbox" checked={s.sound.value} onChange={(e) => s.setSound(e.currentTarget.checked)} />
          Sound for new offers
        </label>
        <label class="check">
          <input type="checkbox" checked={s.messageSound.value} onChange={(e) => s.setMessageSound(e.currentTarget.checked)} />
          Sound when a customer writes in a conversation that is not open
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={notifies()}
            disabled={permission.value === "unsupported" || permission.value === "denied"}
            onChange={(e) => {
              const box = e.currentTarget;
              void setNotify(box.checked).then(() => (box.checked = notifies()));
            }}
          />
          Notifications of the system while another window is in front
        </label>
        <p class="quiet-text" role="status">
          {permission.value === "unsupported"
            ? "This browser has no notifications."
            : permission.value === "denied"
              ? "The browser refuses notifications for this page. Allow them in its settings for this page first."
              : "They name the topic and the customer, never what was written."}
        </p>
      </section>
      <section aria-labelledby="set-send">
        <h3 id="set-send">Sending</h3>
        <label class="check">
          <input type="checkbox" checked={s.undoFor.value > 0} onChange={(e) => s.setUndo(e.currentTarget.checked ? 5000 : 0)} />
          Wait 5 seconds before a reply is sent, so that it can be undone
        </label>
      </section>
      <section aria-labelledby="set-keys">
        <h3 id="set-keys">Keyboard shortcuts</h3>
        <label class="check">
          <input type="checkbox" checked={shortcuts.value} onChange={(e) => setShortcuts(e.currentTarget.checked)} />
          Shortcuts of a single key, such as j and k
        </label>
        <p class="quiet-text">Keys together with Ctrl, ⌘ or Alt always work. What you choose here goes with you to every browser that you sign in with; only notifications are this browser's own.</p>
        <table class="key-table">
          <thead>
            <tr>
              <th scope="col">Command</th>
              <th scope="col">Key</th>
              <th scope="col">Change</th>
            </tr>
          </thead>
          <tbody>
            {commands.value.map((c) => (
              <Row key={c.id} c={c} />
            ))}
          </tbody>
        </table>
        <button type="button" class="button quiet" disabled={!remapped.value} onClick={resetKeys}>
          All keys as they were
        </button>
      </section>
    </div>
  );
}

function Row({ c }: { c: Command }) {
  const [asking, setAsking] = useState(false);
  const [wrong, setWrong] = useState("");
  const key = bound(c);
  const same = clashes(c);
  const onKey = (e: KeyboardEvent) => {
    if (!asking || e.isComposing) return;
    // Tab goes on, so that nobody is caught here.
    if (e.key === "Tab") return setAsking(false);
    e.preventDefault();
    e.stopPropagation();
    if (e.key === "Escape") return setAsking(false);
    const chord = chordOf(e);
    if (chord === "") return;
    const why = refused(chord);
    setWrong(why);
    if (why !== "") return;
    setKeys(c.id, chord === c.keys ? undefined : chord);
    setAsking(false);
  };
  return (
    <tr>
      <th scope="row">{c.title}</th>
      <td>
        {key ? <kbd>{readKeys(key)}</kbd> : <span class="quiet-text">None</span>}
        <span role="status">
          {wrong && <span class="wrong">{wrong}</span>}
          {same.length > 0 && <span class="wrong">Also for: {same.map((o) => o.title).join(", ")}</span>}
        </span>
      </td>
      <td class="key-actions">
        <button
          type="button"
          class="text-button"
          aria-label={asking ? `Press a key… for ${c.title}` : `Change the key for ${c.title}`}
          onClick={() => {
            setWrong("");
            setAsking(true);
          }}
          onKeyDown={onKey}
          onBlur={() => setAsking(false)}
        >
          {asking ? "Press a key…" : "Change"}
        </button>
        {key !== "" && (
          <button type="button" class="text-button" aria-label={`No key for ${c.title}`} onClick={() => setKeys(c.id, c.keys ? "" : undefined)}>
            No key
          </button>
        )}
      </td>
    </tr>
  );
}

pages.add({ id: "settings", title: "Settings", icon: "sliders", order: 900, component: Settings });
