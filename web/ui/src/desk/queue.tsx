// The first column: what is offered, what is mine, who waits.

import { Icon } from "../shared/icons.tsx";
import { parseMarkdown, plainText } from "../shared/markdown.ts";
import { useNow } from "../shared/parts.tsx";
import { ticking } from "../shared/time.ts";
import type { Handoff } from "../shared/types.ts";
import { ariaKeysFor } from "./commands.ts";
import { deadline } from "./queue-state.ts";
import * as s from "./store/index.ts";
import { languageName, priorityWords, readable, reasonWords } from "./words.ts";

export function Priority({ p }: { p: number }) {
  return <span class={`priority p${p}`}>{priorityWords(p)}</span>;
}

export function Due({ h, now }: { h: Handoff; now: number }) {
  const d = deadline(h, now);
  if (d.kind === "none") return null;
  if (d.kind === "met") return <span class="due met">Answered</span>;
  return (
    <span class={`due ${d.kind}`}>
      {d.kind !== "due" && <Icon name={d.kind === "overdue" ? "alert" : "clock"} size={14} />}
      {d.kind === "overdue" ? "Overdue" : "Due in"} {ticking(d.seconds)}
    </span>
  );
}

export function Queue() {
  const now = useNow(1000);
  const { offers, mine, waiting } = s.split.value;
  const away = s.presence.value !== "online";
  return (
    <section class="column queue" aria-label="Queue">
      <div class="scroll">
        {offers.length > 0 && (
          <Group title="Offered to you" count={offers.length}>
            {offers.map((h) => (
              <Offer key={h.id} h={h} now={now} />
            ))}
          </Group>
        )}
        <Group title="My conversations" count={mine.length}>
          {mine.map((h) => (
            <Row key={h.id} h={h} now={now} />
          ))}
          {mine.length === 0 && <p class="empty">{away ? "You are away, so nothing is offered to you. Switch to Online when you are ready." : "Nothing yet. Offers appear here by themselves; you can also take someone from the list below."}</p>}
        </Group>
        <Group title="Waiting" count={waiting.length}>
          {waiting.map((h) => (
            <Row key={h.id} h={h} now={now} waits />
          ))}
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

function Offer({ h, now }: { h: Handoff; now: number }) {
  const left = h.offer_expires_at ? (Date.parse(h.offer_expires_at) - now) / 1000 : 0;
  return (
    <div class="offer">
      <Row h={h} now={now} />
      <div class="offer-actions">
        <button type="button" class="button" aria-keyshortcuts={ariaKeysFor("accept")} disabled={s.busy.value !== ""} onClick={() => void s.accept(h)}>
          Accept
        </button>
        <button type="button" class="button quiet" aria-keyshortcuts={ariaKeysFor("decline")} disabled={s.busy.value !== ""} onClick={() => void s.decline(h)}>
          Decline
        </button>
        <span class="countdown" role="timer">
          {Math.max(0, Math.ceil(left))} s left
        </span>
      </div>
    </div>
  );
}

function Row({ h, now, waits }: { h: Handoff; now: number; waits?: boolean }) {
  const current = s.openId.value === h.conversation_id;
  const who = h.customer?.name || h.customer?.email || "Anonymous";
  const waited = (now - Date.parse(h.queued_at)) / 1000;
  const answer = !waits && h.last_author === "customer";
  return (
    <button type="button" class="row-item" aria-current={current ? "true" : undefined} onClick={() => s.openConversation(h.conversation_id)}>
      <span class="row-top">
        <Priority p={h.priority} />
        <span class="row-topic">{readable(h.topic) || reasonWords(h.reason)}</span>
        <span class="row-time" title={waits ? "Waiting for" : "Open for"}>
          <span class="sr-only">{waits ? "waiting for" : "open for"} </span>
          {ticking(waited)}
        </span>
      </span>
      <span class="row-text" dir="auto">
        {h.last_message && h.last_author !== "customer" && <span class="row-author">{h.last_author === "assistant" ? "AI: " : h.last_author === "agent" ? "Agent: " : ""}</span>}
        {plainText(parseMarkdown(h.last_message || h.summary))}
      </span>
      <span class="row-meta">
        <Due h={h} now={now} />
        <span>{who}</span>
        <span>{s.teamName(h.team)}</span>
        <span title={languageName(h.language)}>{h.language.toUpperCase()}</span>
        <span>{h.market.toUpperCase()}</span>
      </span>
      <span class="row-meta">
        {h.state === "offered" && h.agent_id !== s.me.value?.id && <span class="tag">Offered to {h.agent_name ?? "someone"}</span>}
        {h.state === "asynchronous" && <span class="tag">Promised for later</span>}
        {answer && <span class="tag strong">Customer wrote last</span>}
        {!current && s.drafts.has(h.conversation_id) && <span class="tag">Draft</span>}
      </span>
    </button>
  );
}
