// The first column: what is offered, what is mine, who waits.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { parseMarkdown, plainText } from "../shared/markdown.ts";
import { clock, ticking } from "../shared/time.ts";
import type { Handoff } from "../shared/types.ts";
import { ariaKeysFor } from "./commands.ts";
import { KeyOf } from "./keycap.tsx";
import { deadline, offeredTo, preview, windowOf } from "./queue-state.ts";
import * as s from "./store/index.ts";
import { every } from "./tick.ts";
import { languageName, priorityWords, readable, shortReason } from "./words.ts";

export function Priority({ p, short }: { p: number; short?: boolean }) {
  return (
    <span class={`priority p${p}`} title={priorityWords(p)}>
      {short ? (
        <>
          <span aria-hidden="true">P{p}</span>
          <span class="sr-only">{priorityWords(p)}</span>
        </>
      ) : (
        priorityWords(p)
      )}
    </span>
  );
}

/** Where the first answer stands against its deadline; it follows the clock by itself. */
export function Due({ h }: { h: Handoff; now?: number }) {
  const d = deadline(h, every(1000).value);
  if (d.kind === "none") return null;
  if (d.kind === "met") return <span class="due met">Answered</span>;
  return (
    <span class={`due ${d.kind}`}>
      {d.kind !== "due" && <Icon name={d.kind === "overdue" ? "alert" : "clock"} size={14} />}
      {d.kind === "overdue" ? "Overdue" : "Due in"} {ticking(d.seconds).replace(/^(\d+:\d+):\d+$/, "$1 h")}
    </span>
  );
}

export function Queue() {
  const { offers, mine, sleeping, waiting } = s.split.value;
  const away = s.presence.value !== "online";
  const meant = s.toAccept.value;
  return (
    <section class="column queue" aria-label="Queue">
      <div class="scroll">
        {offers.length > 0 && (
          <Group title="Offered to you" count={offers.length}>
            {offers.map((h) => (
              <Offer key={h.id} h={h} next={h === meant} />
            ))}
          </Group>
        )}
        <Group title="My conversations" count={mine.length}>
          <Rows all={mine} />
          {mine.length === 0 && <p class="empty">{away ? "You are away, so nothing is offered to you. Switch to Online when you are ready." : "Nothing yet. Offers appear here by themselves; you can also take someone from the list below."}</p>}
        </Group>
        {sleeping.length > 0 && (
          <Group title="Asleep" count={sleeping.length}>
            <Rows all={sleeping} />
          </Group>
        )}
        <Group title="Waiting" count={waiting.length}>
          <Rows all={waiting} waits />
          {waiting.length === 0 && <p class="empty">{s.queue.value ? "Nobody is waiting for your teams." : "Loading the queue…"}</p>}
        </Group>
      </div>
    </section>
  );
}

function Group(p: { title: string; count: number; children: preact.ComponentChildren }) {
  return (
    <section class="group" aria-label={p.title}>
      <h2>
        {p.title} {p.count > 0 && <span class="count quiet">{p.count}</span>}
      </h2>
      {p.children}
    </section>
  );
}

/** A list of rows of one height. Only those in sight and around it are in the page, so that a queue of thousands scrolls like one of ten. */
function Rows({ all, waits }: { all: Handoff[]; waits?: boolean }) {
  const box = useRef<HTMLUListElement>(null);
  const [shown, setShown] = useState({ from: 0, to: 30, height: 0 });
  const measured = useRef(0);
  const open = s.openId.value;
  const rows = () => {
    const list = box.current;
    const scroller = list?.closest<HTMLElement>(".scroll");
    if (!list || !scroller) return undefined;
    // A list that is far out of sight has no row to measure, and keeps the height that it knows.
    measured.current = list.querySelector<HTMLElement>("li")?.offsetHeight || measured.current;
    const height = measured.current;
    return { scroller, height, top: list.getBoundingClientRect().top - scroller.getBoundingClientRect().top };
  };
  useLayoutEffect(() => {
    const at = rows();
    if (!at) return;
    const look = () => {
      const now = rows();
      if (!now) return;
      const next = { ...windowOf(all.length, now.top, now.height, now.scroller.clientHeight), height: now.height };
      setShown((old) => (old.from === next.from && old.to === next.to && old.height === next.height ? old : next));
    };
    look();
    at.scroller.addEventListener("scroll", look, { passive: true });
    const watch = typeof ResizeObserver === "undefined" ? undefined : new ResizeObserver(look);
    watch?.observe(at.scroller);
    return () => {
      at.scroller.removeEventListener("scroll", look);
      watch?.disconnect();
    };
  }, [all]);
  // Whoever goes through the list by keys sees where they are.
  useLayoutEffect(() => {
    const i = all.findIndex((h) => h.conversation_id === open);
    const at = i < 0 ? undefined : rows();
    if (!at || at.height === 0) return;
    const top = at.top + i * at.height;
    const seen = at.scroller.clientHeight;
    if (top < 0) at.scroller.scrollTop += top - 48;
    else if (top + at.height > seen) at.scroller.scrollTop += top + at.height - seen + 16;
  }, [open]);
  if (all.length === 0) return null;
  const from = Math.min(shown.from, all.length);
  const to = Math.min(shown.to, all.length);
  return (
    <ul ref={box} class="rows" role="list" style={{ paddingBlockStart: `${from * shown.height}px`, paddingBlockEnd: `${(all.length - to) * shown.height}px` }}>
      {all.slice(from, to).map((h, i) => (
        <li key={h.id} aria-setsize={all.length} aria-posinset={from + i + 1}>
          <Row h={h} waits={waits} />
        </li>
      ))}
    </ul>
  );
}

/** next says that the keys for accepting and declining mean this one. */
function Offer({ h, next }: { h: Handoff; next: boolean }) {
  const expires = h.offer_expires_at ? Date.parse(h.offer_expires_at) : 0;
  return (
    <div class="offer">
      <Row h={h} />
      <div class="offer-actions">
        <button type="button" class="button" aria-keyshortcuts={next ? ariaKeysFor("accept") : undefined} disabled={s.busy.value !== ""} onClick={() => void s.accept(h)}>
          Accept {next && <KeyOf id="accept" />}
        </button>
        <button type="button" class="button quiet" aria-keyshortcuts={next ? ariaKeysFor("decline") : undefined} disabled={s.busy.value !== ""} onClick={() => void s.decline(h)}>
          Decline
        </button>
        <Countdown key={h.offer_expires_at} to={expires} />
      </div>
    </div>
  );
}

function Countdown({ to }: { to: number }) {
  const left = Math.max(0, (to - every(250).value) / 1000);
  const whole = useRef(left);
  return (
    <>
      <span class="countdown" role="timer">
        {Math.ceil(left)} s left
      </span>
      <span class="countdown-bar" aria-hidden="true">
        <i style={{ transform: `scaleX(${whole.current > 0 ? Math.min(1, left / whole.current) : 0})` }} />
      </span>
    </>
  );
}

/** How long something has been going on, as a clock. */
export function Elapsed({ since }: { since: string }) {
  return <>{ticking((every(1000).value - Date.parse(since)) / 1000)}</>;
}

export function Row({ h, waits }: { h: Handoff; waits?: boolean }) {
  const current = s.openId.value === h.conversation_id;
  const who = h.customer?.name || h.customer?.email;
  const topic = readable(h.topic) || shortReason(h.reason);
  const mine = !waits && !offeredTo(h, s.me.value?.id ?? "");
  const fresh = mine && s.unread(h);
  const said = preview(h);
  return (
    <button type="button" class={`row-item ${fresh ? "fresh" : ""}`} aria-current={current ? "true" : undefined} onClick={() => s.openConversation(h.conversation_id)}>
      <span class="row-top">
        <span class="row-topic" title={who ? `${who}: ${topic}` : topic}>
          {who && <bdi>{who}</bdi>}
          {who && " · "}
          {topic}
        </span>
        <span class="row-time" title={waits ? "Waiting for" : "Open for"}>
          <span class="sr-only">{waits ? "waiting for" : "open for"} </span>
          <Elapsed since={h.queued_at} />
        </span>
      </span>
      <span class="row-text" dir="auto">
        {(said.author === "assistant" || said.author === "agent") && <span class="row-author">{said.author === "assistant" ? "AI: " : "Agent: "}</span>}
        <Preview text={said.text} />
      </span>
      <span class="row-meta">
        <Priority p={h.priority} short />
        {h.state === "offered" && h.agent_id !== s.me.value?.id && <span class="tag">Offered to {h.agent_name ?? "someone"}</span>}
        {h.snoozed_until && <span class="tag">Until {clock(Date.parse(h.snoozed_until), every(60_000).value, navigator.language)}</span>}
        {h.state === "accepted" && h.wanted_agent && <span class="tag">{h.wanted_agent === s.me.value?.id ? `From ${h.agent_name ?? "a colleague"}` : "Being passed on"}</span>}
        {h.state === "asynchronous" && <span class="tag" title="Promised for later">Promised</span>}
        {fresh ? <span class="tag strong">New message</span> : mine && h.first_reply_at && h.last_author === "customer" && <span class="tag">Waits for you</span>}
        {!current && s.drafts.has(h.conversation_id) && <span class="tag">Draft</span>}
        {!h.first_reply_at && <Due h={h} />}
        <span class="row-team">{s.teamName(h.team)}</span>
        <span class="row-place" title={languageName(h.language)}>
          {h.language.toUpperCase()}-{h.market.toUpperCase()}
        </span>
      </span>
    </button>
  );
}

/** The text without its marks. Reading Markdown is the dearest part of a row, so it is done once for a text. */
function Preview({ text }: { text: string }) {
  return <>{plain(text)}</>;
}

const plains = new Map<string, string>();

function plain(text: string): string {
  let found = plains.get(text);
  if (found === undefined) {
    if (plains.size > 2000) plains.clear();
    found = plainText(parseMarkdown(text.slice(0, 400)));
    plains.set(text, found);
  }
  return found;
}
