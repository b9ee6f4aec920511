// The second column: everything that was said, by whom, and the place to answer.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { Markdown } from "../shared/markdown-view.tsx";
import { joinNumbers } from "../shared/markdown.ts";
import type { Outgoing } from "../shared/outbox.ts";
import { Avatar, composing, Growing, Menu } from "../shared/parts.tsx";
import { clock, dayName } from "../shared/time.ts";
import type { Message } from "../shared/types.ts";
import { ariaKeysFor, commands, keyFor } from "./commands.ts";
import { KeyOf } from "./keycap.tsx";
import { readKeys } from "./keys.ts";
import { Due, Priority } from "./queue.tsx";
import { type Composer, composerPanels, composerTools, Fill, messageParts } from "./slots.tsx";
import * as s from "./store/index.ts";
import { every } from "./tick.ts";
import { narrow } from "./width.ts";
import { countryName, languageName, stateWords } from "./words.ts";

/** Times are shown as the agent's browser writes them. */
const here = typeof navigator === "undefined" ? "en" : navigator.language;

/** The longest reply that the server takes. */
const limit = 16_000;

export function Conversation() {
  if (!s.openId.value) {
    const waiting = s.split.value.waiting.length + s.split.value.offers.length;
    const key = keyFor(waiting > 0 ? "next" : "shortcuts");
    return (
      <main class="column conversation nothing">
        <div>
          <Icon name="chat" size={36} />
          <h2>No conversation open</h2>
          {key ? (
            <p>
              {waiting > 0 ? "Choose one on the left, or press " : "When somebody needs a person, it appears on the left. Press "}
              <kbd>{readKeys(key)}</kbd>
              {waiting > 0 ? " to open the first one." : " for the keyboard shortcuts."}
            </p>
          ) : (
            <p>{waiting > 0 ? "Choose one on the left." : "When somebody needs a person, it appears on the left."}</p>
          )}
        </div>
      </main>
    );
  }
  return (
    <main class="column conversation" aria-label="Conversation">
      <Head />
      {s.openFailed.value ? (
        <div class="failed" role="alert">
          <p>{s.openFailed.value}</p>
          <button type="button" class="button quiet" onClick={s.reload}>
            Try again
          </button>
        </div>
      ) : (
        <>
          <Transcript key={s.openId.value} />
          <Others />
          <Answer key={`answer ${s.openId.value}`} />
        </>
      )}
    </main>
  );
}

function Head() {
  const h = s.handoff.value;
  const c = s.open.value?.conversation;
  const person = h?.customer ?? c?.customer;
  const name = person?.name || person?.email || "Anonymous customer";
  const more = commands.value.filter((c) => c.menu && (c.when?.() ?? true)).map((m) => ({ label: m.title, onSelect: m.run }));
  // A phone has room for what ends the work; how it is passed on is in the menu there.
  const passing = [
    { label: "Transfer", onSelect: () => void (s.dialog.value = "transfer") },
    { label: "Return to the assistant", onSelect: () => void (s.dialog.value = "return") },
  ];
  const menu = narrow.value && s.isMine.value ? [...passing, ...more] : more;
  return (
    <div class="head">
      <button type="button" class="icon-button head-back" aria-label="Back to the queue" onClick={() => (s.view.value = "queue")}>
        <Icon name="back" />
      </button>
      <Avatar name={person?.name || person?.email} />
      <div class="head-who">
        <h2 dir="auto" title={name}>
          {name}
        </h2>
        <p>
          {h && <Priority p={h.priority} />}
          {h && <span>{h.snoozed_until ? `Asleep until ${clock(Date.parse(h.snoozed_until), every(60_000).value, here)}` : stateWords(h.state)}</span>}
          {h && <span>{s.teamName(h.team)}</span>}
          {c && !h && (
            <span>
              {countryName(c.market)}, {languageName(c.locale)}
            </span>
          )}
          {h && <Due h={h} />}
        </p>
      </div>
      <div class="head-actions">
        <button type="button" class="button quiet head-package" aria-pressed={s.view.value === "package"} onClick={() => (s.view.value = s.view.value === "package" ? "conversation" : "package")}>
          Package
        </button>
        {s.isMine.value && (
          <>
            {!narrow.value && (
              <>
                <button type="button" class="button quiet" aria-keyshortcuts={ariaKeysFor("transfer")} onClick={() => (s.dialog.value = "transfer")}>
                  Transfer <KeyOf id="transfer" />
                </button>
                <button type="button" class="button quiet" aria-keyshortcuts={ariaKeysFor("return")} onClick={() => (s.dialog.value = "return")}>
                  <span>
                    Return<span class="wide-only"> to assistant</span>
                  </span>
                  <KeyOf id="return" />
                </button>
              </>
            )}
            <button type="button" class="button" aria-keyshortcuts={ariaKeysFor("resolve")} disabled={s.busy.value !== ""} onClick={s.wantResolve}>
              <Icon name="check" size={18} />
              Resolve {!narrow.value && <KeyOf id="resolve" />}
            </button>
          </>
        )}
        {menu.length > 0 && <Menu label="More to do with this conversation" icon="menu" items={menu} />}
      </div>
    </div>
  );
}

function Transcript() {
  const r = s.record.value;
  const now = every(60_000).value;
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const have = new Set(r.messages.map((m) => m.client_id));
  const unsent = s.outgoing.value.filter((o) => !have.has(o.clientId));
  const sought = s.sought.value?.conversation === s.openId.value ? s.sought.value : null;
  const there = sought !== null && r.messages.some((m) => m.seq === sought.seq);
  useLayoutEffect(() => {
    const e = there ? box.current?.querySelector<HTMLElement>(`[data-seq="${sought?.seq}"]`) : undefined;
    if (!e) return;
    follows.current = false;
    e.scrollIntoView({ block: "center" });
    s.announcement.value = `The message that was found: ${e.textContent ?? ""}`.slice(0, 300);
  }, [sought, there]);
  useLayoutEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [r.messages.length, unsent.length, s.open.value === null]);
  useEffect(() => {
    const e = box.current;
    if (!e || typeof ResizeObserver === "undefined") return;
    const o = new ResizeObserver(() => {
      if (follows.current) e.scrollTop = e.scrollHeight;
    });
    o.observe(e);
    return () => o.disconnect();
  }, []);
  const lastOwn = r.messages.findLast((m) => m.author === "agent" && m.visibility === "public");
  let day = "";
  let before: Message | undefined;
  return (
    <div
      class="transcript scroll"
      ref={box}
      tabIndex={0}
      role="region"
      aria-label="Transcript"
      onScroll={(e) => {
        const t = e.currentTarget;
        follows.current = t.scrollHeight - t.scrollTop - t.clientHeight < 80;
      }}
    >
      {!s.open.value && <p class="empty">Loading…</p>}
      <ol>
        {r.messages.map((m) => {
          const today = dayName(Date.parse(m.created_at), now, here);
          const newDay = today !== day;
          day = today;
          const goesOn = !newDay && before !== undefined && continues(before, m);
          before = m;
          return (
            <li key={m.id} data-seq={m.seq} aria-current={sought?.seq === m.seq ? "true" : undefined} class={`${goesOn ? "goes-on" : ""} ${sought?.seq === m.seq ? "sought" : ""}`.trim() || undefined}>
              {newDay && (
                <p class="day">
                  <span>{today}</span>
                </p>
              )}
              <One m={m} goesOn={goesOn} />
              {m === lastOwn && (r.read.customer ?? 0) >= m.seq && <p class="seen">Seen by the customer</p>}
            </li>
          );
        })}
        {unsent.map((o) => (
          <li key={o.clientId}>
            <Unsent o={o} />
          </li>
        ))}
      </ol>
      <CustomerTyping />
    </div>
  );
}

/** Whether two messages read as one speech: the same voice, within three minutes. */
function continues(a: Message, b: Message): boolean {
  return a.author === b.author && a.author !== "system" && a.visibility === b.visibility && a.agent?.id === b.agent?.id && Date.parse(b.created_at) - Date.parse(a.created_at) < 180_000;
}

function CustomerTyping() {
  const typing = (s.record.value.typing.customer ?? 0) > every(1000).value;
  return (
    <p class="typing" role="status">
      {typing ? "The customer is typing…" : ""}
    </p>
  );
}

/** A message that the server does not have yet. */
function Unsent({ o }: { o: Outgoing }) {
  return (
    <div class={`entry from-agent ${o.kind === "internal" ? "note" : ""} pending`}>
      <p class="entry-head">
        <b>{s.me.value?.name}</b>
        {o.kind === "internal" && <NoteLabel />}
        <span class="entry-time" role={o.state === "failed" ? "alert" : undefined}>
          {o.state === "held" ? <Held until={o.until ?? 0} /> : o.state === "failed" ? `Not sent${o.error ? `: ${o.error}` : ""}` : o.state === "waiting" ? "Waits for the connection" : "Sending…"}
        </span>
      </p>
      <div class="entry-body" dir="auto">
        <Markdown text={o.text} />
      </div>
      {o.state === "held" && (
        <p class="entry-actions">
          <button type="button" class="text-button" aria-keyshortcuts={ariaKeysFor("undo-send")} onClick={() => s.undoSend(o.clientId)}>
            Undo {o.clientId === s.held.value?.clientId && <UndoKey />}
          </button>
          <button type="button" class="text-button" onClick={() => s.sendNow(o.clientId)}>
            Send now
          </button>
        </p>
      )}
      {o.state === "failed" && (
        <p class="entry-actions">
          <button type="button" class="text-button" onClick={() => s.retry(o.clientId)}>
            Try again
          </button>
          <button type="button" class="text-button" onClick={() => s.discard(o.clientId)}>
            Delete
          </button>
        </p>
      )}
    </div>
  );
}

function Held({ until }: { until: number }) {
  return <>Is sent in {Math.max(0, Math.ceil((until - every(250).value) / 1000))} s</>;
}

function NoteLabel() {
  return (
    <span class="note-label">
      <Icon name="note" size={14} /> Note - only the team sees this
    </span>
  );
}

function One({ m, goesOn }: { m: Message; goesOn: boolean }) {
  const time = clock(Date.parse(m.created_at), every(60_000).value, here);
  if (m.author === "system" && m.visibility !== "internal") {
    return (
      <div class="entry-system" dir="auto">
        <Markdown text={m.text} />
      </div>
    );
  }
  const note = m.visibility === "internal";
  const person = s.open.value?.conversation.customer;
  const name = m.author === "customer" ? person?.name || person?.email || "Customer" : m.author === "assistant" ? "Assistant" : m.author === "system" ? "Desk" : (m.agent?.name ?? "Agent");
  return (
    <div class={`entry from-${m.author} ${note ? "note" : ""}`}>
      <p class={goesOn && !note ? "sr-only" : "entry-head"}>
        <Avatar ai={m.author === "assistant"} name={m.author === "customer" && !person?.name ? undefined : name} />
        <b>{name}</b>
        {m.author === "assistant" && <span class="ai-mark">AI</span>}
        {note && <NoteLabel />}
        <time class="entry-time" dateTime={m.created_at}>
          {time}
        </time>
      </p>
      <div class="entry-body" dir="auto">
        {m.author === "customer" ? (
          <p class="verbatim">{m.text}</p>
        ) : (
          <Markdown
            text={joinNumbers(m.text)}
            cite={(n) => {
              const c = m.citations?.find((x) => x.n === n);
              return c ? (
                <a href={c.url} target="_blank" rel="noopener" title={c.title}>
                  [{n}]
                </a>
              ) : (
                `[${n}]`
              );
            }}
          />
        )}
        {(m.citations?.length ?? 0) > 0 && (
          <ul class="entry-sources" aria-label="Sources">
            {m.citations?.map((c) => (
              <li key={c.n}>
                <a href={c.url} target="_blank" rel="noopener">
                  [{c.n}] {c.title}
                </a>
              </li>
            ))}
          </ul>
        )}
        <Fill slot={messageParts} give={{ message: m }} />
        {m.helpful !== undefined && m.helpful !== null && <p class="judged">Customer: {m.helpful ? "helpful" : "not helpful"}</p>}
      </div>
    </div>
  );
}

/** The key that takes a reply back: another one while the cursor is in the text field, where a letter is written. */
function UndoKey() {
  const inField = s.inComposer.value;
  return inField ? <kbd aria-hidden="true">{readKeys("mod+z")}</kbd> : <KeyOf id="undo-send" />;
}

/** Puts a text into the composer with the cursor where work goes on. */
function place(text: string, cursor: number, set: (t: string) => void): void {
  set(text);
  requestAnimationFrame(() => {
    const field = document.getElementById("reply") as HTMLTextAreaElement | null;
    field?.focus();
    field?.setSelectionRange(cursor, cursor);
  });
}

/** Who else is here: two answers at once are worse than none. */
function Others() {
  const others = s.viewers.value[s.openId.value ?? ""] ?? [];
  const names = (all: typeof others) => new Intl.ListFormat("en").format(all.map((v) => v.name));
  const writers = others.filter((v) => v.writing);
  const readers = others.filter((v) => !v.writing);
  const said = [writers.length > 0 && `${names(writers)} ${writers.length === 1 ? "is" : "are"} writing here`, readers.length > 0 && `${names(readers)} ${readers.length === 1 ? "looks" : "look"} at this too`].filter(Boolean).join(". ");
  return (
    <p class={`others ${writers.length > 0 ? "writing" : ""}`} role="status">
      {said && (
        <>
          <Icon name={writers.length > 0 ? "alert" : "person"} size={16} /> {said}.
        </>
      )}
    </p>
  );
}

function Answer() {
  const h = s.handoff.value;
  const id = s.openId.value ?? "";
  const mode = s.mode.value;
  const text = s.drafts.get(id, mode);
  const setText = (t: string) => s.drafts.set(id, mode, t);
  const mine = s.isMine.value;
  const note = s.mode.value === "internal";
  const free = h !== null && (s.isOffer.value || s.isFree.value);
  const files = (s.enclosed.value[`${id} ${mode}`] ?? []).length > 0;
  useLayoutEffect(s.placeCursor);
  const submit = () => {
    if ((text.trim() === "" && !files) || text.length > limit || (!note && !mine)) return;
    s.send(text);
  };
  const composer: Composer = {
    conversation: id,
    mode,
    text,
    replace: (t) => place(t, t.length, setText),
    insert: (t) => {
      const field = document.getElementById("reply") as HTMLTextAreaElement | null;
      const [from, to] = field ? [field.selectionStart, field.selectionEnd] : [text.length, text.length];
      place(text.slice(0, from) + t + text.slice(to), from + t.length, setText);
    },
  };
  const tab = (to: "public" | "internal", label: string, command: string) => (
    <button
      type="button"
      role="tab"
      id={`tab-${to}`}
      aria-selected={s.mode.value === to}
      aria-controls="answer-panel"
      aria-keyshortcuts={ariaKeysFor(command)}
      tabIndex={s.mode.value === to ? 0 : -1}
      onClick={() => (s.mode.value = to)}
      onKeyDown={(e) => {
        if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
          s.mode.value = to === "public" ? "internal" : "public";
          requestAnimationFrame(() => document.getElementById(`tab-${s.mode.value}`)?.focus());
        }
      }}
    >
      {label} <KeyOf id={command} />
    </button>
  );
  return (
    <form
      class={`answer ${note ? "note" : ""}`}
      onSubmit={(e) => {
        e.preventDefault();
        submit();
      }}
    >
      <div class="answer-tabs" role="tablist" aria-label="What to write">
        {tab("public", "Reply", "reply")}
        {tab("internal", "Note", "note")}
        {note && <NoteLabel />}
      </div>
      <div id="answer-panel" role="tabpanel" aria-labelledby={`tab-${s.mode.value}`}>
        {!note && !mine ? (
          <div class="take">
            <p>
              {free && h?.state === "accepted"
                ? `${h.agent_name ?? "A colleague"} asks you to take this over. The customer sees that you joined.`
                : free
                ? "Accept this conversation to reply. The customer sees that you joined."
                : h?.ended_at
                  ? "This handoff has ended. When the customer writes again, the assistant answers."
                  : h?.state === "accepted"
                    ? `${h.agent_name ?? "Somebody else"} has this conversation.`
                    : h?.state === "offered"
                      ? `This is being offered to ${h.agent_name ?? "somebody else"}.`
                      : "Nobody is needed here at the moment."}
            </p>
            {s.canTakeOver.value && (
              <div class="take-actions">
                <button type="button" class="button quiet" aria-keyshortcuts={ariaKeysFor("takeover")} disabled={s.busy.value !== ""} onClick={() => void s.takeOver()}>
                  Take over
                </button>
              </div>
            )}
            {s.canPull.value && (
              <div class="take-actions">
                <button type="button" class="button quiet" aria-keyshortcuts={ariaKeysFor("pull")} disabled={s.busy.value !== ""} onClick={() => void s.pull()}>
                  Take over from the assistant
                </button>
              </div>
            )}
            {free && h && (
              <div class="take-actions">
                <button type="button" class="button" aria-keyshortcuts={ariaKeysFor("accept")} disabled={s.busy.value !== ""} onClick={() => void s.accept(h)}>
                  Accept <KeyOf id="accept" />
                </button>
                {s.isOffer.value && (
                  <button type="button" class="button quiet" aria-keyshortcuts={ariaKeysFor("decline")} disabled={s.busy.value !== ""} onClick={() => void s.decline(h)}>
                    Decline <KeyOf id="decline" />
                  </button>
                )}
              </div>
            )}
          </div>
        ) : (
          <>
            <Fill slot={composerPanels} give={composer} />
            <Growing
              id="reply"
              class="answer-text"
              rows={3}
              value={text}
              onValue={(v) => {
                setText(v);
                if (v === "") return;
                s.typing();
                s.writing();
              }}
              label={note ? "Note for the team" : "Reply to the customer"}
              placeholder={note ? "Only the team will see this" : "Write to the customer"}
              maxLength={limit}
              keyShortcuts="Control+Enter"
              onKeyDown={(e) => {
                if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !composing(e)) {
                  e.preventDefault();
                  submit();
                }
                // In an empty field there is nothing else that this key could mean.
                if (text === "" && s.held.value && (e.ctrlKey || e.metaKey) && !e.shiftKey && !e.altKey && e.key.toLowerCase() === "z") {
                  e.preventDefault();
                  s.undoSend();
                }
              }}
            />
            <div class="answer-foot">
              {composerTools.shown.length > 0 && (
                <div class="answer-tools" role="group" aria-label="Tools for writing">
                  <Fill slot={composerTools} give={composer} />
                </div>
              )}
              <span class="quiet-text">Ctrl or ⌘ + Enter</span>
              <button type="submit" class="button" disabled={text.trim() === "" && !files}>
                <Icon name={note ? "note" : "send"} size={18} />
                {note ? "Save note" : "Send reply"}
              </button>
            </div>
          </>
        )}
      </div>
    </form>
  );
}
