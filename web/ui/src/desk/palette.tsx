// The palette: every command by a few letters of its name. It is worked by keys alone; a pointer may help.

import { useEffect, useState } from "preact/hooks";
import { Dialog, composing } from "../shared/parts.tsx";
import { find, keyFor, type Hit } from "./commands.ts";
import { readKeys } from "./keys.ts";
import * as s from "./store/index.ts";

const close = () => (s.dialog.value = null);

export function Palette() {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const hits = find(query);
  const here = Math.min(at, hits.length - 1);
  useEffect(() => document.getElementById(`hit-${here}`)?.scrollIntoView({ block: "nearest" }), [here]);
  const run = (hit: Hit | undefined) => {
    if (!hit) return;
    close();
    // The dialog goes first, which Preact has queued by now, and gives the focus back: the command may want it elsewhere, or
    // open a dialog of its own. A timer would be too late: a key that is pressed at once would come before it.
    queueMicrotask(hit.command.run);
  };
  const onKey = (e: KeyboardEvent) => {
    if (composing(e)) return;
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: Math.min(here + 8, hits.length - 1), PageUp: Math.max(here - 8, 0) }[e.key];
    if (to !== undefined && hits.length > 0) {
      e.preventDefault();
      setAt((to + hits.length) % hits.length);
    } else if (e.key === "Enter") {
      e.preventDefault();
      run(hits[here]);
    }
  };
  return (
    <Dialog title="Find a command" closeLabel="Close" class="palette" onClose={close}>
      <input
        class="input"
        type="text"
        role="combobox"
        autoFocus
        autocomplete="off"
        spellcheck={false}
        aria-label="Command"
        aria-expanded={hits.length > 0}
        aria-controls="hits"
        aria-autocomplete="list"
        aria-activedescendant={hits.length > 0 ? `hit-${here}` : undefined}
        placeholder="Type a few letters"
        value={query}
        onInput={(e) => {
          setQuery(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <div id="hits" class="hits" role="listbox" aria-label="Commands">
        {hits.map((h, i) => (
          <div key={h.command.id} id={`hit-${i}`} role="option" aria-selected={i === here} onPointerMove={() => setAt(i)} onClick={() => run(h)}>
            <span>
              <Marked text={h.command.title} at={h.at} />
            </span>
            {keyFor(h.command.id) && <kbd aria-hidden="true">{readKeys(keyFor(h.command.id))}</kbd>}
          </div>
        ))}
      </div>
      <p class={hits.length > 0 ? "sr-only" : "quiet-text"} role="status">
        {hits.length === 0 ? "No command is called that." : hits.length === 1 ? "1 command" : `${hits.length} commands`}
      </p>
    </Dialog>
  );
}

function Marked({ text, at }: { text: string; at: number[] }) {
  if (at.length === 0) return <>{text}</>;
  const marked = new Set(at);
  return <>{text.split("").map((c, i) => (marked.has(i) ? <b key={i}>{c}</b> : c))}</>;
}
