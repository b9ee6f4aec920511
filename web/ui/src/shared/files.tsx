// Files of messages: how they are sent to the server, and how both pages show them.

import { useEffect, useState } from "preact/hooks";
import { download, Problem } from "./api.ts";
import { at } from "./host.ts";
import { Icon } from "./icons.tsx";
import { Dialog } from "./parts.tsx";
import type { Attachment } from "./types.ts";

/** What the server takes: by content, but a file dialog goes by these. */
export const accepted = "image/png,image/jpeg,image/gif,image/webp,application/pdf,text/plain,.txt,.csv,.log";

/** The server's bounds. */
export const maxFile = 10 * 1024 * 1024;
export const maxFiles = 10;

/** How long nothing may move before an upload counts as cut off. */
const stalled = 30_000;

/** Hears how much of a file is at the server, from 0 to 1. */
export type Progress = (part: number) => void;

/**
 * Sends one file and returns how messages name it. Throws Problem and nothing else. It is an XMLHttpRequest because fetch does
 * not tell how much has been sent, nor that nothing moves any more.
 */
export function upload(path: string, file: File, headers: Record<string, string>, signal?: AbortSignal, progress?: Progress): Promise<Attachment> {
  return new Promise((done, failed) => {
    const x = new XMLHttpRequest();
    let silence = 0;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => x.abort(), stalled) as unknown as number;
    };
    const stop = () => x.abort();
    const end = (problem?: Problem, a?: Attachment) => {
      clearTimeout(silence);
      signal?.removeEventListener("abort", stop);
      if (a) done(a);
      else failed(problem);
    };
    x.open("POST", at(path));
    for (const [name, value] of Object.entries(headers)) x.setRequestHeader(name, value);
    x.setRequestHeader("Accept", "application/json");
    x.upload.onprogress = (e) => {
      alive();
      if (e.lengthComputable && e.total > 0) progress?.(e.loaded / e.total);
    };
    x.onerror = x.onabort = () => end(new Problem(0, "network", "network"));
    x.onload = () => {
      let body: (Attachment & { code?: string; detail?: string }) | null = null;
      try {
        body = JSON.parse(x.responseText);
      } catch {
        // a proxy's page; the status says enough
      }
      if (x.status >= 200 && x.status < 300 && body) end(undefined, body);
      else end(new Problem(x.status, body?.code ?? `http_${x.status}`, body?.detail ?? x.statusText));
    };
    if (signal?.aborted) return end(new Problem(0, "network", "network"));
    signal?.addEventListener("abort", stop);
    alive();
    const form = new FormData();
    form.append("file", file, file.name || "file");
    x.send(form);
  });
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
  /** How much of it is at the server, from 0 to 1. */
  part?: number;
  /** Sends it again; there where time may heal what went wrong. */
  again?: () => void;
}

let keys = 0;

/** Why a file is not taken: by the server's codes, and for what is known before it is asked. */
export interface UploadWords {
  failed: string;
  tooMany: string;
  problems: Partial<Record<string, string>>;
}

/** Takes files into the list and uploads them; change is called with each new state of one of them. What a message has no room for is listed too, with the reason. */
export function choose(files: Iterable<File>, room: number, send: (f: File, signal: AbortSignal, progress: Progress) => Promise<Attachment>, words: UploadWords, change: (c: Chosen) => void): void {
  for (const f of files) {
    const c: Chosen = { key: ++keys, name: f.name || "file" };
    if (f.size > maxFile) {
      change({ ...c, error: words.problems.too_large ?? words.failed });
      continue;
    }
    if (room-- <= 0) {
      change({ ...c, error: words.tooMany });
      continue;
    }
    const begin = () => {
      const stop = new AbortController();
      change({ ...c, stop, part: 0 });
      send(f, stop.signal, (part) => !stop.signal.aborted && change({ ...c, stop, part })).then(
        (file) => !stop.signal.aborted && change({ ...c, name: file.name, file }),
        (err: unknown) => {
          if (stop.signal.aborted) return;
          const passing = !(err instanceof Problem) || err.passing;
          const said = err instanceof Problem && err.status !== 0 ? (words.problems[err.code] ?? words.failed) : words.failed;
          change({ ...c, error: said, again: passing ? begin : undefined });
        },
      );
    };
    begin();
  }
}

/** "240 KB" */
export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** Opens a file, or the small copy of a picture. */
type Open = (a: Attachment, small?: boolean) => Promise<Blob>;

/** What is said in place of a file that cannot be shown. */
export interface FileWords {
  failed: string;
  /** It is being looked at for viruses; it comes by itself. */
  checking: string;
  /** It held a virus. */
  removed: string;
}

/** The files of a message: pictures are shown small, the others are named. Where only a token opens them, `open` fetches one. */
export function Files(p: { files: Attachment[] | undefined; href?: (a: Attachment) => string; open?: Open; label: string; words: FileWords; close?: string }) {
  if (!p.files?.length) return null;
  return (
    <ul class="files" aria-label={p.label}>
      {p.files.map((a) => (
        <li key={a.id}>{a.removed ? <Instead a={a} said={p.words.removed} bad /> : a.media_type.startsWith("image/") ? <Picture a={a} {...p} /> : <Named a={a} {...p} />}</li>
      ))}
    </ul>
  );
}

/** The name of a file that is not shown, and why. */
function Instead({ a, said, bad }: { a: Attachment; said: string; bad?: boolean }) {
  return (
    <span class={bad ? "file wrong" : "file"} role="status">
      <Icon name={bad ? "alert" : "clock"} size={18} />
      <span class="file-name">{a.name}</span>
      <span class="file-size">{said}</span>
    </span>
  );
}

/** Why a file does not come, by the server's codes. */
type Why = "" | "failed" | "checking" | "removed";

const why = (err: unknown): Why => (err instanceof Problem && err.code === "file_being_checked" ? "checking" : err instanceof Problem && err.code === "file_removed" ? "removed" : "failed");

/** How often it is looked whether a file has been checked, and how many times at most. */
const lookAgain = 10_000;
const looks = 60;

/** Counts up while a file is being checked, so that it is asked for again. */
function useLooks(checking: boolean): number {
  const [n, set] = useState(0);
  useEffect(() => {
    if (!checking || n >= looks) return;
    const t = setTimeout(() => set(n + 1), lookAgain);
    return () => clearTimeout(t);
  }, [checking, n]);
  return n;
}

interface One {
  a: Attachment;
  href?: (a: Attachment) => string;
  open?: Open;
  words: FileWords;
  close?: string;
}

/** An address for what is fetched, as long as it is shown. */
function useBlob(open: Open | undefined, a: Attachment, small: boolean): { url: string; why: Why } {
  const [state, set] = useState<{ url: string; why: Why }>({ url: "", why: "" });
  const n = useLooks(state.why === "checking");
  useEffect(() => {
    if (!open) return;
    let made = "";
    let gone = false;
    open(a, small).then(
      (b) => {
        if (gone) return;
        made = URL.createObjectURL(b);
        set({ url: made, why: "" });
      },
      (err: unknown) => !gone && set({ url: "", why: why(err) }),
    );
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [a.id, small, n]);
  return state;
}

/** What a picture takes of the page before it is there, so that nothing jumps when it comes. */
function room(a: Attachment): { width?: number; height?: number } {
  if (!a.width || !a.height) return {};
  const by = Math.min(1, 240 / a.width, 180 / a.height);
  return { width: Math.max(1, Math.round(a.width * by)), height: Math.max(1, Math.round(a.height * by)) };
}

function Picture({ a, href, open, words, close }: One) {
  const small = useBlob(open, a, a.thumbnail === true);
  const [broken, setBroken] = useState<Why>("");
  const [large, setLarge] = useState(false);
  const url = href ? href(a) + (a.thumbnail ? "/thumbnail" : "") : small.url;
  // An <img> does not say why it failed: the server is asked, now and while the file is being checked.
  const n = useLooks(broken === "checking");
  const ask = () => {
    download(url, "*/*", {}).then(
      () => setBroken(broken === "checking" ? "" : "failed"), // it is there, but no picture
      (err: unknown) => setBroken(why(err)),
    );
  };
  useEffect(() => {
    if (n > 0) ask();
  }, [n]);
  const not = broken || small.why;
  if (not) return <Instead a={a} said={words[not]} bad={not !== "checking"} />;
  const size = room(a);
  if (!url) return <span class="picture loading" role="img" aria-label={a.name} style={size.width ? { width: `${size.width}px`, height: `${size.height}px` } : undefined} />;
  const img = <img src={url} alt={a.name} loading="lazy" {...size} onError={ask} />;
  if (href)
    return (
      <a class="picture" href={href(a)} target="_blank" rel="noopener">
        {img}
      </a>
    );
  return (
    <>
      <button type="button" class="picture" onClick={() => setLarge(true)}>
        {img}
      </button>
      {large && <Large a={a} open={open} words={words} close={close ?? ""} onClose={() => setLarge(false)} />}
    </>
  );
}

/** The picture as large as the window allows. */
function Large({ a, open, words, close, onClose }: One & { close: string; onClose: () => void }) {
  const { url, why: not } = useBlob(open, a, false);
  return (
    <Dialog title={a.name} closeLabel={close} class="large-picture" onClose={onClose}>
      {not ? <p class="wrong">{words[not]}</p> : url ? <img src={url} alt={a.name} /> : <span class="picture loading" role="img" aria-label={a.name} />}
    </Dialog>
  );
}

function Named({ a, href, open, words }: One) {
  const [not, setNot] = useState<Why>("");
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
      setNot("");
    } catch (err) {
      setNot(why(err));
    }
  };
  return (
    <>
      <button type="button" class="file" onClick={() => void save()}>
        {inside}
      </button>
      {not && (
        <span class="wrong" role="status">
          {" "}
          {words[not]}
        </span>
      )}
    </>
  );
}

/** The files that are chosen for a message which is not sent yet. */
export function ChosenFiles(p: { files: Chosen[]; label: string; uploading: string; again: string; remove: (name: string) => string; onRemove: (c: Chosen) => void }) {
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
          {!c.error && !c.file && <progress max={1} value={c.part ?? 0} aria-label={`${p.uploading} ${c.name}`} />}
          {c.again && (
            <button type="button" class="again" aria-label={`${p.again}: ${c.name}`} onClick={c.again}>
              <Icon name="again" size={14} />
              {p.again}
            </button>
          )}
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
