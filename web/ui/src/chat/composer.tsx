// Where the customer writes. Enter sends, Shift+Enter makes a line, and Enter within an input method does neither.

import { useRef, useState } from "preact/hooks";
import { accepted, ChosenFiles, filesIn } from "../shared/files.tsx";
import { host } from "../shared/host.ts";
import { Icon } from "../shared/icons.tsx";
import { composing, Growing } from "../shared/parts.tsx";
import { browserStore } from "../shared/storage.ts";
import { Camera, hasCamera } from "./files.tsx";
import { attachFiles, chosen, record, removeFile, send, session, typing, words } from "./session.ts";

/** The longest message that the server takes, in characters. */
const limit = 4000;
const warnFrom = 3500;
const drafts = browserStore(() => `${host.prefix}draft.`);

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
  const files = chosen.value;
  const input = useRef<HTMLInputElement>(null);
  // A file that is still on its way would be left behind by a message that is sent now.
  const ok = (text.trim() !== "" || files.some((c) => c.file)) && length <= limit && files.every((c) => c.file || c.error);
  const take = (e: { preventDefault: () => void }, data: DataTransfer | null) => {
    const given = filesIn(data);
    if (given.length === 0) return;
    e.preventDefault();
    attachFiles(given);
  };
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
      onDragOver={(e) => e.dataTransfer?.types.includes("Files") && e.preventDefault()}
      onDrop={(e) => take(e, e.dataTransfer)}
      onPaste={(e) => take(e, e.clipboardData)}
    >
      <ChosenFiles files={files} label={w.files} uploading={w.uploading} again={w.retry} remove={w.removeFile} onRemove={removeFile} />
      <div class="composer-box">
        <input
          ref={input}
          type="file"
          class="sr-only"
          tabIndex={-1}
          aria-hidden="true"
          multiple
          accept={accepted}
          onChange={(e) => {
            attachFiles(e.currentTarget.files ?? []);
            e.currentTarget.value = "";
          }}
        />
        <button type="button" class="icon-button attach" aria-label={w.attach} title={w.attach} onClick={() => input.current?.click()}>
          <Icon name="clip" size={20} />
        </button>
        {hasCamera() && <Camera label={w.photo} take={attachFiles} />}
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
