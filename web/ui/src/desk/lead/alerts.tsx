// What somebody should look after: promises that are about to break or are broken, and people who are gone.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../shared/icons.tsx";
import { useNow } from "../../shared/parts.tsx";
import { relative } from "../../shared/time.ts";
import { go } from "../pages.ts";
import { pages } from "../slots.tsx";
import * as s from "../store/index.ts";
import { readable, shortReason } from "../words.ts";
import { leads } from "./analytics.tsx";

export interface Alert {
  id: string;
  kind: "sla_warning" | "sla_breach" | "nobody_left" | "agent_gone" | "delivery_dead";
  team: string | null;
  handoff_id: string | null;
  conversation_id: string | null;
  agent_name: string | null;
  over: boolean;
  detail: { clock?: string; due_at?: string; priority?: number };
  made_at: string;
}

export const alerts = signal<Alert[] | null>(null);
const wrong = signal("");

s.onSignedOut(() => (alerts.value = null));

/** Those that were seen here: an answer that was under way meanwhile still has them. */
const gone = new Set<string>();

async function load(): Promise<void> {
  try {
    alerts.value = (await s.agentCall<{ alerts: Alert[] }>("/alerts")).alerts.filter((a) => !gone.has(a.id));
    wrong.value = "";
  } catch (err) {
    wrong.value = s.words(err);
  }
}

const clocks: Record<string, string> = { first_reply: "first reply", next_reply: "next reply", resolve: "end" };

export function alertWords(a: Alert): string {
  const clock = clocks[a.detail.clock ?? ""] ?? "reply";
  switch (a.kind) {
    case "sla_warning":
      return `The ${clock} is due soon`;
    case "sla_breach":
      return `The ${clock} is late`;
    case "nobody_left":
      return "Nobody is left to take it";
    case "agent_gone":
      return "Whoever had it is gone";
    case "delivery_dead":
      return "It could not be delivered outside";
  }
}

/** What it is about, as far as the queue knows: ten alerts of one kind are told apart by it. */
function topicOf(a: Alert): string {
  const h = s.inOrder.value.find((o) => o.id === a.handoff_id);
  return h ? [h.customer?.name || h.customer?.email, readable(h.topic) || shortReason(h.reason)].filter(Boolean).join(" · ") : "";
}

/** Takes alerts off the list, one after the other; where one cannot be, those behind it stay. */
async function seen(all: Alert[]): Promise<void> {
  let off = 0;
  for (const a of all) {
    if (!(await s.act(`seen ${a.id}`, () => s.agentCall(`/alerts/${a.id}/seen`, {})))) break;
    gone.add(a.id);
    alerts.value = (alerts.value ?? []).filter((x) => x.id !== a.id);
    off++;
  }
  if (off > 0) s.announcement.value = off === 1 ? "The alert is off the list" : `${off} alerts are off the list`;
}

/** Alerts of one kind and team stand together once there are so many of them. */
const together = 4;

export interface AlertGroup {
  key: string;
  alerts: Alert[];
}

/** Puts those of one kind and team together, in the place of the first of them. */
export function grouped(all: Alert[]): AlertGroup[] {
  const groups = new Map<string, Alert[]>();
  for (const a of all) {
    const key = `${a.kind} ${a.team ?? ""} ${a.over ? "over" : ""}`.trim();
    groups.set(key, [...(groups.get(key) ?? []), a]);
  }
  return [...groups].map(([key, alerts]) => ({ key, alerts }));
}

function Alerts() {
  const now = useNow(1000);
  // Asked for again when the desk changed, and while nothing does, because time alone makes them.
  const changed = s.queue.value;
  useEffect(() => {
    const t = setTimeout(() => void load(), alerts.peek() === null ? 0 : 400);
    return () => clearTimeout(t);
  }, [changed]);
  useEffect(() => {
    const t = setInterval(() => void load(), 5000);
    return () => clearInterval(t);
  }, []);
  const all = alerts.value;
  if (!all) return wrong.value ? <p class="lead-wrong">{wrong.value}</p> : <p role="status">Loading…</p>;
  if (all.length === 0) return <p class="quiet-text">Nothing needs looking after.</p>;
  const settled = all.filter((a) => a.over);
  return (
    <>
      {settled.length > 1 && (
        <p class="alerts-all">
          <button type="button" class="button quiet" disabled={s.busy.value !== ""} onClick={() => void seen(settled)}>
            <Icon name="check" size={18} />
            All {settled.length} that are settled: seen
          </button>
        </p>
      )}
      <ul class="alerts" aria-label="Alerts">
        {grouped(all).map((g) => (g.alerts.length < together ? g.alerts.map((a) => <One key={a.id} a={a} now={now} />) : <Group key={g.key} alerts={g.alerts} now={now} />))}
      </ul>
    </>
  );
}

const severity = (a: Alert) => (a.kind === "sla_warning" ? "warning" : "bad");

function Group({ alerts, now }: { alerts: Alert[]; now: number }) {
  const [unfolded, setUnfolded] = useState(false);
  const first = alerts[0] as Alert;
  const oldest = Math.min(...alerts.map((a) => Date.parse(a.made_at)));
  return (
    <li class={`alert-${severity(first)} alert-group`}>
      <Icon name={first.kind === "sla_warning" ? "clock" : "alert"} size={20} />
      <div>
        <p class="alert-what">
          {alertWords(first)}: {alerts.length} times
          {first.over && <span class="quiet-text"> · settled since</span>}
        </p>
        <p class="quiet-text">{[first.team && s.teamName(first.team), `the first ${relative(oldest, now, "en")}`].filter(Boolean).join(" · ")}</p>
      </div>
      <div class="alert-actions">
        <button type="button" class="button quiet" aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
          {unfolded ? "Fold" : "Show all"}
        </button>
        <button type="button" class="button quiet" disabled={s.busy.value !== ""} onClick={() => void seen(alerts)}>
          <Icon name="check" size={18} />
          All seen
        </button>
      </div>
      {unfolded && (
        <ul class="alerts" aria-label={`${alertWords(first)}, each`}>
          {alerts.map((a) => (
            <One key={a.id} a={a} now={now} />
          ))}
        </ul>
      )}
    </li>
  );
}

function One({ a, now }: { a: Alert; now: number }) {
  const waiting = s.inOrder.value.find((o) => o.id === a.handoff_id);
  return (
    <li data-alert={a.id} class={`alert-${severity(a)}`}>
      <Icon name={a.kind === "sla_warning" ? "clock" : "alert"} size={20} />
      <div>
        <p class="alert-what">
          {alertWords(a)}
          {a.over && <span class="quiet-text"> · settled since</span>}
        </p>
        <p class="quiet-text">
          {[topicOf(a), a.detail.priority && `P${a.detail.priority}`, a.team && s.teamName(a.team), a.agent_name, a.detail.due_at && `due ${relative(Date.parse(a.detail.due_at), now, "en")}`, relative(Date.parse(a.made_at), now, "en")].filter(Boolean).join(" · ")}
        </p>
      </div>
      <div class="alert-actions">
        {a.conversation_id && (
          <button
            type="button"
            class="button quiet"
            onClick={() => {
              go("inbox");
              s.openConversation(a.conversation_id!);
            }}
          >
            Open
          </button>
        )}
        {waiting && !a.over && (
          <button
            type="button"
            class="button quiet"
            onClick={() => s.wantAssign({ handoff: waiting.id, conversation: waiting.conversation_id, agent: waiting.agent_id, customer: waiting.customer?.name || waiting.customer?.email || "" })}
          >
            Assign
          </button>
        )}
        <button type="button" class="button quiet" disabled={s.busy.value !== ""} onClick={() => void seen([a])}>
          <Icon name="check" size={18} />
          Seen
        </button>
      </div>
    </li>
  );
}

pages.add({ id: "alerts", title: "Alerts", icon: "alert", order: 200, when: leads, component: Alerts });
