// Files at the desk: those of messages, and those that go with a reply or a note.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { accepted, choose, type Chosen, ChosenFiles, Files, filesIn, type FileWords, maxFiles, upload, type UploadWords } from "../shared/files.tsx";
import type { Attachment } from "../shared/types.ts";
import { ariaKeysFor, keyFor, register } from "./commands.ts";
import { readKeys } from "./keys.ts";
import { inInbox } from "./pages.ts";
import { type Composer, composerPanels, composerTools, messageParts, packageSections } from "./slots.tsx";
import { Part } from "./package.tsx";
import * as s from "./store/index.ts";

const of = (conversation: string) => `/v1/agent/conversations/${encodeURIComponent(conversation)}/attachments`;
const instead: FileWords = { failed: "The file could not be loaded.", checking: "is being checked for viruses", removed: "held a virus and was deleted" };
const here = (a: Attachment) => `${of(s.openId.value ?? "")}/${a.id}`;

messageParts.add({
  id: "files",
  order: 100,
  component: ({ message }) => <Files files={message.attachments ?? undefined} href={here} label="Files" words={instead} />,
});

packageSections.add({
  id: "files",
  order: 350,
  component: ({ package: p }) =>
    p?.attachments?.length ? (
      <Part title="Files">
        <Files files={p.attachments} href={here} label="Files of the conversation" words={instead} />
      </Part>
    ) : null,
});

// Goes to the server with the message, and the same again when it is sent again.
s.alongside.push((m) => (m.attachments?.length ? { attachments: m.attachments.map((a) => a.id) } : {}));

/** What is on its way to the server, or was refused, by conversation and mode. What the server has is in the store. */
const underWay = signal<Record<string, Chosen[]>>({});
const name = (c: Pick<Composer, "conversation" | "mode">) => `${c.conversation} ${c.mode}`;

s.onSignedOut(() => {
  for (const all of Object.values(underWay.peek())) for (const c of all) c.stop?.abort();
  underWay.value = {};
  s.enclosed.value = {};
});

function change(at: Pick<Composer, "conversation" | "mode">, c: Chosen): void {
  const all = underWay.peek()[name(at)] ?? [];
  const others = all.filter((o) => o.key !== c.key);
  if (c.file) s.enclose(at.conversation, at.mode, [...(s.enclosed.peek()[name(at)] ?? []), c.file]);
  underWay.value = { ...underWay.peek(), [name(at)]: c.file ? others : all.some((o) => o.key === c.key) ? all.map((o) => (o.key === c.key ? c : o)) : [...all, c] };
}

function attach(at: Pick<Composer, "conversation" | "mode">, files: Iterable<File>): void {
  const room = maxFiles - (s.enclosed.peek()[name(at)] ?? []).length - (underWay.peek()[name(at)] ?? []).filter((c) => !c.error).length;
  const words: UploadWords = {
    failed: "Not uploaded",
    tooMany: `A message takes at most ${maxFiles} files`,
    problems: {
      too_large: "Larger than 10 MB",
      unsupported_type: "Only pictures (PNG, JPEG, GIF, WebP), PDF and plain text",
      damaged_picture: "The picture is damaged",
      file_infected: "It holds a virus and was not taken",
      too_many_files: "This conversation has as many files as it takes",
      files_too_large: "The files of this conversation take too much room",
      busy: "Much is arriving at once: try again in a moment",
    },
  };
  choose(files, room, (f, signal, progress) => upload(of(at.conversation), f, { "X-Firstline": "1" }, signal, progress), words, (c) => change({ conversation: at.conversation, mode: at.mode }, c));
}

let pick: (() => void) | undefined;
register({ id: "attach", title: "Attach a file", group: "Conversation", keys: "alt+a", when: () => inInbox() && s.openId.value !== null && pick !== undefined, run: () => pick?.() });

composerTools.add({
  id: "attach",
  order: 50,
  component: (c) => {
    const input = useRef<HTMLInputElement>(null);
    useEffect(() => {
      const mine = () => input.current?.click();
      pick = mine;
      // What is pasted or dropped into the text is attached; text stays the text field's.
      const field = document.getElementById("reply");
      const take = (e: ClipboardEvent | DragEvent) => {
        const files = filesIn("clipboardData" in e ? e.clipboardData : e.dataTransfer);
        if (files.length === 0) return;
        e.preventDefault();
        attach(c, files);
      };
      field?.addEventListener("paste", take);
      field?.addEventListener("drop", take);
      return () => {
        if (pick === mine) pick = undefined;
        field?.removeEventListener("paste", take);
        field?.removeEventListener("drop", take);
      };
    }, [c.conversation, c.mode]);
    const key = keyFor("attach");
    return (
      <>
        <input
          ref={input}
          type="file"
          class="sr-only"
          tabIndex={-1}
          aria-hidden="true"
          multiple
          accept={accepted}
          data-files=""
          onChange={(e) => {
            attach(c, e.currentTarget.files ?? []);
            e.currentTarget.value = "";
          }}
        />
        <button type="button" class="icon-button" aria-label="Attach a file" title={key ? `Attach a file (${readKeys(key)})` : "Attach a file"} aria-keyshortcuts={ariaKeysFor("attach")} onClick={() => input.current?.click()}>
          <Icon name="clip" size={18} />
        </button>
      </>
    );
  },
});

composerPanels.add({
  id: "files",
  order: 900,
  component: (c) => {
    const sent = s.enclosed.value[name(c)] ?? [];
    const coming = underWay.value[name(c)] ?? [];
    const all: Chosen[] = [...sent.map((file, i) => ({ key: -1 - i, name: file.name, file })), ...coming];
    return (
      <ChosenFiles
        files={all}
        label="Files that go along"
        uploading="Uploading…"
        again="Try again"
        remove={(n) => `Leave out ${n}`}
        onRemove={(x) => {
          x.stop?.abort();
          if (x.file) s.enclose(c.conversation, c.mode, sent.filter((f) => f !== x.file));
          else underWay.value = { ...underWay.peek(), [name(c)]: coming.filter((o) => o.key !== x.key) };
        }}
      />
    );
  },
});
