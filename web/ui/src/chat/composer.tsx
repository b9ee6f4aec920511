// Where the customer writes. Enter sends, Shift+Enter makes a line, and Enter within an input method does neither.

import { useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { composing, Growing } from "../shared/parts.tsx";
import { browserStore } from "../shared/storage.ts";
import { record, send, session, typing, words } from "./session.ts";

/** The longest message that the server takes, in characters. */
const limit = 4000;
const warnFrom = 3500;
const drafts = browserStore("firstline.draft.");

export function Composer() {
  const w = words.value;
  const id = session.value?.id ?? "";
  const [text, show] = useState(() => drafts.get<string>(id) ?? "");
  const setText = (v: string) => {
    show(v);
    if (v === "") drafts.remove(id);
    else drafts.set(id, v); // kept at once: the page may go away at any moment
  };
  const length = [...text].length;
  const ok = text.trim() !== "" && length <= limit;
  const submit = () => {
    if (!ok) return;
    send(text);
    setText("");
  };
  return (
    <form
      class="composer"
      onSubmit={(e) => {
        e.preventDefault();
        submit();
      }}
    >
      <div class="composer-box">
        <Growing
          id="composer"
          value={text}
          onValue={(v) => {
            setText(v);
            if (v !== "") typing();
          }}
          label={record.value.owner === "assistant" ? w.placeholder : w.placeholderHuman}
          placeholder={record.value.owner === "assistant" ? w.placeholder : w.placeholderHuman}
          describedBy="counter"
          autoFocus={matchMedia("(hover: hover)").matches}
          onKeyDown={(e) => {
            if (e.key === "Enter" && !e.shiftKey && !composing(e)) {
              e.preventDefault();
              submit();
            }
          }}
        />
        <button type="submit" class="send" disabled={!ok} aria-label={w.send} title={w.send}>
          <Icon name="send" size={20} />
        </button>
      </div>
      <p id="counter" class={`counter ${length > limit ? "wrong" : ""}`} role="status">
        {length >= warnFrom ? w.left(limit - length) : ""}
      </p>
    </form>
  );
}
