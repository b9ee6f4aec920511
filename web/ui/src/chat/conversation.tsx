// The list of messages, in the order of the record, and what stands at its end: a running answer, the place in line,
// the rating.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { Markdown } from "../shared/markdown-view.tsx";
import { joinNumbers } from "../shared/markdown.ts";
import { Avatar, useNow } from "../shared/parts.tsx";
import { isThinking, liveTurn, optionsOf, outcomeOf, stoppedInSilence } from "../shared/record.ts";
import { helpTarget } from "../shared/article.ts";
import { ownTimes } from "../shared/moments.ts";
import { clock, dayName } from "../shared/time.ts";
import type { Citation, Message } from "../shared/types.ts";
import { host } from "../shared/host.ts";
import { Files } from "../shared/files.tsx";
import { HandoffCard } from "./handoff.tsx";
import { Rating } from "./rating.tsx";
import { Helpful } from "./helpful.tsx";
import { stop } from "./thread.ts";
import { asking, askForPerson, discard, loaded, locale, openFile, record, region, retry, send, session, showSource, unsent, words } from "./session.ts";

/** How near the end, in pixels, counts as reading along. */
const near = 120;

export function Conversation() {
  const w = words.value;
  const r = record.value;
  const now = useNow(30_000);
  const scroller = useRef<HTMLElement>(null);
  const follows = useRef(true);
  const [behind, setBehind] = useState(false);
  const thinking = isThinking(r) || (r.owner === "assistant" && r.status === "open" && unsent.value.some((o) => o.state === "sending"));
  const agentTyping = r.owner === "agent" && (r.typing.agent ?? 0) > Date.now();
  const live = liveTurn(r);
  const end = `${r.seq}.${r.messages.length}.${r.draft?.text.length ?? 0}.${unsent.value.length}.${thinking}.${agentTyping}.${r.owner}`;

  useLayoutEffect(() => {
    const e = scroller.current;
    if (!e) return;
    if (follows.current) {
      // A long answer is read from its beginning; everything else from the end.
      const rows = e.querySelectorAll<HTMLElement>(".list > .row");
      const last = rows[rows.length - 1];
      const long = last?.matches(".row-assistant") && last.offsetHeight > e.clientHeight - 32;
      e.scrollTop = long && last ? Math.max(e.scrollTop, last.offsetTop - 16) : e.scrollHeight;
    } else setBehind(true);
  }, [end, loaded.value]);
  useEffect(() => {
    if (unsent.value.length > 0) toEnd();
  }, [unsent.value.length]);
  useEffect(() => {
    const e = scroller.current;
    if (!e || typeof ResizeObserver === "undefined") return;
    const o = new ResizeObserver(() => {
      if (follows.current) e.scrollTop = e.scrollHeight; // the keyboard of a phone opens, the text field grows
    });
    o.observe(e);
    return () => o.disconnect();
  }, []);

  function toEnd() {
    follows.current = true;
    setBehind(false);
    const e = scroller.current;
    if (e) e.scrollTop = e.scrollHeight;
  }

  const last = r.messages[r.messages.length - 1];
  const lastOwn = r.messages.findLast((m) => m.author === "customer");
  const seen = lastOwn && (r.read.agent ?? 0) >= lastOwn.seq;
  const disclosed = r.messages.some((m) => m.author === "assistant" && m.text.includes(session.value?.disclosure || "\u0000"));
  let day = "";

  return (
    <main
      class="messages"
      ref={scroller}
      tabIndex={0}
      aria-label={w.conversation}
      onScroll={(e) => {
        const t = e.currentTarget;
        follows.current = t.scrollHeight - t.scrollTop - t.clientHeight < near;
        if (follows.current) setBehind(false);
      }}
    >
      <div class={`messages-inner ${loaded.value ? "" : "loading"}`}>
        {!disclosed && session.value?.disclosure && (
          <div class="disclosure">
            <span class="ai-mark">{w.ai}</span>
            <p>{session.value.disclosure}</p>
          </div>
        )}
        <ol class="list">
          {r.messages.map((m, i) => {
            const today = dayName(Date.parse(m.created_at), now, region.value);
            const newDay = today !== day;
            day = today;
            const before = newDay ? undefined : r.messages[i - 1];
            return (
              <li key={m.id} class={`row row-${m.author}`}>
                {newDay && (i > 0 || now - Date.parse(m.created_at) > 43_200_000) && <p class="day">{today}</p>}
                <One m={m} joined={before?.author === m.author && before?.agent?.id === m.agent?.id} last={m === last} now={now} />
                {m.author === "customer" && stoppedInSilence(r, m.turn) && <p class="meta own">{w.stopped}</p>}
                {m === lastOwn && m === last && !live && !stoppedInSilence(r, m.turn) && <p class="meta own">{seen ? w.seen : r.delivered >= m.seq ? w.delivered : w.sent}</p>}
                {m === lastOwn && m !== last && seen && <p class="meta own">{w.seen}</p>}
              </li>
            );
          })}
          {r.draft && (
            <li key={`draft-${r.draft.turn}`} class="row row-assistant">
              <div class="from-them">
                <Author m={{ author: "assistant" }} />
                <div class="body draft">
                  <Text text={r.draft.text} citations={r.draft.citations} />
                </div>
              </div>
            </li>
          )}
          {unsent.value.map((o) => (
            <li key={o.clientId} class="row row-customer">
              <div class={`bubble ${o.state}`} dir="auto">
                {o.text}
                {o.attachments?.map((a) => (
                  <span key={a.id} class="file">
                    <Icon name="file" size={18} />
                    <span class="file-name">{a.name}</span>
                  </span>
                ))}
              </div>
              <div class="meta own" role={o.state === "failed" ? "alert" : undefined}>
                {o.state === "failed" ? (
                  <>
                    <span class="wrong">
                      <Icon name="alert" size={16} /> {w.notSent}
                      {o.error ? `: ${o.error}` : ""}
                    </span>
                    <button type="button" class="text-button" onClick={() => retry(o.clientId)}>
                      {w.retry}
                    </button>
                    <button type="button" class="text-button" onClick={() => discard(o.clientId)}>
                      {w.remove}
                    </button>
                  </>
                ) : (
                  <span>{o.state === "waiting" ? w.waits : w.sending}</span>
                )}
              </div>
            </li>
          ))}
        </ol>
        {thinking && <Dots label={w.thinking} ai />}
        {live && <StopButton turn={live} />}
        {agentTyping && <Dots label={w.typing(r.agent?.name ?? w.team)} name={r.agent?.name} />}
        {r.owner === "queue" && r.status === "open" && r.handoff && <HandoffCard h={r.handoff} />}
        {r.status === "closed" && <Rating />}
      </div>
      {behind && (
        <button type="button" class="to-latest" onClick={toEnd}>
          {w.toLatest} <span aria-hidden="true">↓</span>
        </button>
      )}
    </main>
  );
}

/** Ends the answer. The focus goes to where one writes, because the button is gone then. */
function StopButton({ turn }: { turn: string }) {
  const w = words.value;
  return (
    <p class="stop-row">
      <button
        type="button"
        class="button quiet stop"
        onClick={() => {
          (host.root ?? document).getElementById("composer")?.focus();
          void stop(turn);
        }}
      >
        <Icon name="stop" size={16} />
        {w.stop}
      </button>
    </p>
  );
}

function Dots({ label, ai, name }: { label: string; ai?: boolean; name?: string }) {
  return (
    <p class="dots-row">
      <Avatar ai={ai} name={name} />
      <span class="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <span class="dots-label">{label}</span>
    </p>
  );
}

function Author({ m, time }: { m: Pick<Message, "author" | "agent">; time?: string }) {
  const w = words.value;
  const ai = m.author === "assistant";
  return (
    <p class="author">
      <Avatar ai={ai} name={m.agent?.name} />
      <span class="author-name">{ai ? w.assistant : (m.agent?.name ?? w.team)}</span>
      {ai ? <span class="ai-mark">{w.ai}</span> : <span class="human-mark">{w.team}</span>}
      {time && <span class="author-time">{time}</span>}
    </p>
  );
}

function One({ m, joined, last, now }: { m: Message; joined: boolean; last: boolean; now: number }) {
  const w = words.value;
  const time = clock(Date.parse(m.created_at), now, region.value);
  if (m.author === "system") {
    return (
      <div class="system" dir="auto">
        <Markdown text={ownTimes(m.text, m.times, now, region.value)} />
      </div>
    );
  }
  if (m.author === "customer") {
    return (
      <div class="bubble" dir="auto">
        <span class="sr-only">{w.you}: </span>
        {m.text}
        <Files files={m.attachments ?? undefined} open={openFile} label={w.files} words={w.fileWords} close={w.close} />
        <span class="sr-only"> {time}</span>
      </div>
    );
  }
  const outcome = outcomeOf(record.value, m);
  const asks = (guides(m) ? m === record.value.messages.findLast(guides) : outcome === "clarified" && last) && record.value.owner === "assistant";
  const { lead, options } = asks ? optionsOf(m.text) : { lead: m.text, options: [] };
  const answered = m.author === "assistant" && options.length === 0 && ((outcome === "answered" && record.value.ended[m.turn ?? ""]?.reason !== "small_talk") || (outcome === undefined && (m.citations?.length ?? 0) > 0));
  return (
    <div class="from-them">
      {/* every message of the assistant carries its mark; a person's name need not be said twice in a row */}
      {(m.author === "assistant" || !joined) && <Author m={m} time={time} />}
      <div class="body">
        <Text text={lead} citations={m.citations ?? []} />
        <Files files={m.attachments ?? undefined} open={openFile} label={w.files} words={w.fileWords} close={w.close} />
        <Sources citations={m.citations ?? []} />
        {options.length > 0 && (
          <div class="options" role="group" aria-label={w.choose}>
            {options.map((o) => (
              <button key={o} type="button" class="option" onClick={() => send(o)} dir="auto">
                {o}
              </button>
            ))}
            <p class="hint">{w.choose}</p>
          </div>
        )}
        {outcome === "offered_human" && last && record.value.owner === "assistant" && (
          <button type="button" class="button primary" disabled={asking.value} onClick={() => void askForPerson()}>
            <Icon name="person" size={18} />
            {w.yesPerson}
          </button>
        )}
        {m.stopped && <p class="meta">{w.stopped}</p>}
        {answered && !m.stopped && <Helpful m={m} />}
      </div>
    </div>
  );
}

/** A step of a guide: the newest one can be answered even where another matter came behind it. */
const guides = (m: Message) => record.value.ended[m.turn ?? ""]?.reason === "guide_step";

function openSource(c: Citation) {
  showSource({ slug: c.article, locale: c.locale, anchor: c.anchor });
}

function Text({ text, citations }: { text: string; citations: Citation[] }) {
  const w = words.value;
  return (
    <div dir="auto">
      <Markdown
        text={joinNumbers(text)}
        cite={(n) => {
          const c = citations.find((x) => x.n === n);
          if (!c) return `[${n}]`;
          return (
            <button type="button" class="cite" aria-label={w.source(n, c.title)} title={c.title} onClick={() => openSource(c)}>
              {n}
            </button>
          );
        }}
        onHelpLink={(href) => {
          const t = helpTarget(href);
          if (!t) return false;
          showSource({ slug: t.slug, anchor: t.anchor, locale: t.locale ?? locale.value });
          return true;
        }}
      />
    </div>
  );
}

function Sources({ citations }: { citations: Citation[] }) {
  const w = words.value;
  if (citations.length === 0) return null;
  return (
    <section class="sources" aria-label={w.sources}>
      <h3>{w.sources}</h3>
      <ul>
        {citations.map((c) => (
          <li key={c.n}>
            <button type="button" class="source" onClick={() => openSource(c)} title={c.quote}>
              <span class="source-n">{c.n}</span>
              <span class="source-title" dir="auto">
                {c.title}
              </span>
              <Icon name="book" size={16} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
