// Files of messages: how they are sent to the server, and how both pages show them.

import { useEffect, useState } from "preact/hooks";
import { Problem } from "./api.ts";
import { at } from "./host.ts";
import { Icon } from "./icons.tsx";
import type { Attachment } from "./types.ts";

/** What the server takes: by content, but a file dialog goes by these. */
export const accepted = "image/png,image/jpeg,image/gif,image/webp,application/pdf,text/plain,.txt,.csv,.log";

/** The server's bounds. */
export const maxFile = 10 * 1024 * 1024;
export const maxFiles = 10;

/** Sends one file and returns how messages name it. Throws Problem and nothing else. */
export async function upload(path: string, file: File, headers: Record<string, string>, signal?: AbortSignal): Promise<Attachment> {
  const form = new FormData();
  form.append("file", file, file.name || "file");
  let res: Response;
  try {
    res = await fetch(at(path), { method: "POST", body: form, headers, credentials: "same-origin", signal });
  } catch (err) {
    throw new Problem(0, "network", err instanceof Error ? err.message : "network");
  }
  const body = (await res.json().catch(() => null)) as (Attachment & { code?: string; detail?: string }) | null;
  if (res.ok && body) return body;
  throw new Problem(res.status, body?.code ?? `http_${res.status}`, body?.detail ?? res.statusText);
}

/** Files that are being chosen for a message, each with how far it is. */
export interface Chosen {
  key: number;
  name: string;
  /** There once the server has it. */
  file?: Attachment;
  /** Why it cannot be sent, in the words of whoever knows. */
  error?: string;
  stop?: AbortController;
}

let keys = 0;

/** Takes files into the list and uploads them; change is called with each new state of one of them. */
export function choose(files: Iterable<File>, room: number, send: (f: File, signal: AbortSignal) => Promise<Attachment>, words: { tooLarge: string; failed: string }, change: (c: Chosen) => void): void {
  for (const f of [...files].slice(0, Math.max(0, room))) {
    const c: Chosen = { key: ++keys, name: f.name || "file" };
    if (f.size > maxFile) {
      change({ ...c, error: words.tooLarge });
      continue;
    }
    const stop = new AbortController();
    change({ ...c, stop });
    send(f, stop.signal).then(
      (file) => change({ ...c, name: file.name, file }),
      (err: unknown) => !stop.signal.aborted && change({ ...c, error: err instanceof Problem && err.status !== 0 ? err.message : words.failed }),
    );
  }
}

/** "240 KB" */
export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** The files of a message: pictures are shown, the others are named. Where only a token opens them, `open` fetches one. */
export function Files(p: { files: Attachment[] | undefined; href?: (a: Attachment) => string; open?: (a: Attachment) => Promise<Blob>; label: string; failed: string }) {
  if (!p.files?.length) return null;
  return (
    <ul class="files" aria-label={p.label}>
      {p.files.map((a) => (
        <li key={a.id}>{a.media_type.startsWith("image/") ? <Picture a={a} {...p} /> : <Named a={a} {...p} />}</li>
      ))}
    </ul>
  );
}

interface One {
  a: Attachment;
  href?: (a: Attachment) => string;
  open?: (a: Attachment) => Promise<Blob>;
  failed: string;
}

function Picture({ a, href, open, failed }: One) {
  const [url, setUrl] = useState(href?.(a) ?? "");
  const [wrong, setWrong] = useState(false);
  useEffect(() => {
    if (!open) return;
    let made = "";
    let gone = false;
    open(a).then(
      (b) => {
        if (gone) return;
        made = URL.createObjectURL(b);
        setUrl(made);
      },
      () => !gone && setWrong(true),
    );
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [a.id]);
  if (wrong) return <span class="file wrong">{failed}</span>;
  if (!url) return <span class="picture loading" role="img" aria-label={a.name} />;
  return (
    <a class="picture" href={url} target="_blank" rel="noopener">
      <img src={url} alt={a.name} loading="lazy" onError={() => setWrong(true)} />
    </a>
  );
}

function Named({ a, href, open, failed }: One) {
  const [wrong, setWrong] = useState(false);
  const inside = (
    <>
      <Icon name="file" size={18} />
      <span class="file-name">{a.name}</span>
      <span class="file-size">{sizeOf(a.size)}</span>
    </>
  );
  if (href)
    return (
      <a class="file" href={href(a)} download={a.name}>
        {inside}
      </a>
    );
  const save = async () => {
    try {
      const url = URL.createObjectURL((await open?.(a)) ?? new Blob());
      const link = document.createElement("a");
      link.href = url;
      link.download = a.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      setWrong(false);
    } catch {
      setWrong(true);
    }
  };
  return (
    <>
      <button type="button" class="file" onClick={() => void save()}>
        {inside}
      </button>
      {wrong && <span class="wrong"> {failed}</span>}
    </>
  );
}

/** The files that are chosen for a message which is not sent yet. */
export function ChosenFiles(p: { files: Chosen[]; label: string; uploading: string; remove: (name: string) => string; onRemove: (c: Chosen) => void }) {
  if (p.files.length === 0) return null;
  return (
    <ul class="files chosen" aria-label={p.label}>
      {p.files.map((c) => (
        <li key={c.key} class={c.error ? "file wrong" : "file"}>
          <Icon name={c.error ? "alert" : "file"} size={18} />
          <span class="file-name">{c.name}</span>
          <span class="file-size" role={c.error ? "alert" : "status"}>
            {c.error ?? (c.file ? sizeOf(c.file.size) : p.uploading)}
          </span>
          <button type="button" class="icon-button small" aria-label={p.remove(c.name)} onClick={() => p.onRemove(c)}>
            <Icon name="close" size={14} />
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The files of a paste or a drop; none for text. */
export function filesIn(data: DataTransfer | null): File[] {
  return data ? [...data.files] : [];
}
