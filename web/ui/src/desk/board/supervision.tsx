// The supervisors' board: every team's queue, what everybody is doing, and stepping in.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../shared/icons.tsx";
import { Avatar, Dialog, Growing } from "../../shared/parts.tsx";
import { opening, ticking } from "../../shared/time.ts";
import { Actions, close } from "../dialogs.tsx";
import { dialogs, pages } from "../slots.tsx";
import * as s from "../store/index.ts";
import { ariaKeysFor } from "../commands.ts";
import { Due } from "../queue.tsx";
import { readable, shortReason } from "../words.ts";
import { showTeam } from "../views.tsx";
import { every } from "../tick.ts";

interface WorkItem {
  conversation: string;
  handoff: string;
  state: "offered" | "accepted";
  team: string;
  priority: number;
  customer: string;
  since: string;
  awaiting: string | null;
  snoozed_until: string | null;
  due: string | null;
  breached: boolean;
}

interface AgentNow {
  id: string;
  name: string;
  presence: string;
  load: number;
  capacity: number;
  since: string;
  teams: string[];
  conversations: WorkItem[];
}

interface TeamNow {
  key: string;
  name: string;
  open: boolean;
  opens_at: string | null;
  waiting: number;
  asynchronous: number;
  by_priority: number[];
  oldest: string | null;
  in_hand: number;
  unanswered: number;
  online: number;
  free: number;
  wait: { low_seconds: number; high_seconds: number } | null;
  sla: { running: number; warned: number; breached: number };
}

interface Now {
  teams: TeamNow[];
  agents: AgentNow[];
  at: string;
}

const here = typeof navigator === "undefined" ? "en" : navigator.language;
const leads = () => s.me.value?.role === "supervisor" || s.me.value?.role === "admin";

const now = signal<Now | null>(null);
const failed = signal("");
/** Whom the whisper that is being written is for, and where. */
const whisper = signal<{ agent: string; name: string; conversation: string } | null>(null);
s.onSignedOut(() => {
  now.value = null;
  whisper.value = null;
});

/** Whether the teams that have nothing to do and nobody there are shown too. */
const all = signal(false);
const stirs = (x: TeamNow) => x.waiting + x.asynchronous + x.in_hand + x.online > 0;

/** Asked again when the desk's stream says that something has changed, but not more often than this. */
const atMostEvery = 2000;
const atLeastEvery = 10_000;

let busy = false;
async function load(): Promise<void> {
  if (busy) return;
  busy = true;
  try {
    now.value = await s.agentCall<Now>("/supervision");
    failed.value = "";
  } catch (err) {
    failed.value = s.words(err);
  } finally {
    busy = false;
  }
}

const sinceSeconds = (at: string, t: number) => Math.max(0, (t - Date.parse(at)) / 1000);
const minutes = (seconds: number) => (seconds < 60 ? "under a minute" : `${Math.round(seconds / 60)} min`);

function Board() {
  const t = every(1000).value;
  useEffect(() => {
    void load();
    let last = Date.now();
    let soon: ReturnType<typeof setTimeout> | undefined;
    const again = () => {
      clearTimeout(soon);
      soon = setTimeout(() => {
        last = Date.now();
        void load();
      }, Math.max(0, last + atMostEvery - Date.now()));
    };
    const stop = s.queue.subscribe(again);
    const beat = setInterval(again, atLeastEvery);
    return () => {
      stop();
      clearInterval(beat);
      clearTimeout(soon);
    };
  }, []);
  const n = now.value;
  if (!n) return failed.value ? <p class="failed" role="alert">{failed.value}</p> : <p class="empty">Loading…</p>;
  const sum = (of: (x: TeamNow) => number) => n.teams.reduce((a, x) => a + of(x), 0);
  const late = sum((x) => x.sla.breached);
  const shown = all.value ? n.teams : n.teams.filter(stirs);
  const quiet = n.teams.length - n.teams.filter(stirs).length;
  const busyPeople = n.agents.filter((a) => a.presence !== "offline" || a.conversations.length > 0);
  return (
    <div class="board">
      {failed.value && (
        <p class="failed" role="alert">
          {failed.value} What you see is a moment old.
        </p>
      )}
      <dl class="board-sums">
        <Sum name="Waiting" value={sum((x) => x.waiting)} />
        <Sum name="With agents" value={sum((x) => x.in_hand)} />
        <Sum name="Unanswered" value={sum((x) => x.unanswered)} />
        <Sum name="Overdue" value={late} bad={late > 0} />
        <Sum name="Agents online" value={n.agents.filter((a) => a.presence === "online").length} />
        <Sum name="Free places" value={n.agents.filter((a) => a.presence === "online").reduce((x, a) => x + Math.max(0, a.capacity - a.load), 0)} />
      </dl>
      <section aria-labelledby="board-teams">
        <h3 id="board-teams">Teams</h3>
        <div class="board-table" tabIndex={0} role="region" aria-labelledby="board-teams">
          <table class="stacks" role="table">
            <thead role="rowgroup">
              <tr role="row">
                {columns.map((name) => (
                  <th key={name} scope="col" role="columnheader">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody role="rowgroup">
              {shown.map((x) => (
                <tr key={x.key} role="row">
                  <th scope="row" role="rowheader">
                    <button type="button" class="text-button" onClick={() => showTeam(x.key)}>
                      {x.name}
                      <span class="sr-only">: show its conversations</span>
                    </button>
                    {!x.open && <span class="board-closed">{x.opens_at ? `Opens ${opening(Date.parse(x.opens_at), t, here)}` : "Closed"}</span>}
                  </th>
                  <td role="cell" data-label={columns[1]}>
                    <strong>{x.waiting}</strong>
                    {x.asynchronous > 0 && <span class="board-more"> +{x.asynchronous} promised</span>}
                  </td>
                  <td role="cell" data-label={columns[2]}>
                    <span class="board-priorities">
                      {x.by_priority.map((count, i) => count > 0 && (
                        <span key={i} class={`priority p${i + 1}`}>
                          P{i + 1} {count}
                        </span>
                      ))}
                      {x.waiting === 0 && "–"}
                    </span>
                  </td>
                  <td role="cell" data-label={columns[3]}>{x.oldest ? ticking(sinceSeconds(x.oldest, t)) : "–"}</td>
                  <td role="cell" data-label={columns[4]}>{!x.open ? "–" : x.wait ? (x.wait.high_seconds < 60 ? "none" : `up to ${minutes(x.wait.high_seconds)}`) : "unknown"}</td>
                  <td role="cell" data-label={columns[5]}>
                    {x.in_hand}
                    {x.unanswered > 0 && <span class="board-more"> ({x.unanswered} unanswered)</span>}
                  </td>
                  <td role="cell" data-label={columns[6]}>
                    {x.sla.breached > 0 && (
                      <span class="due overdue">
                        <Icon name="alert" size={14} />
                        {x.sla.breached} overdue{" "}
                      </span>
                    )}
                    {x.sla.warned > 0 && <span class="due soon">{x.sla.warned} soon </span>}
                    {x.sla.breached + x.sla.warned === 0 && (x.sla.running > 0 ? `${x.sla.running} in time` : "–")}
                  </td>
                  <td role="cell" data-label={columns[7]}>
                    {x.online === 0 && x.open && x.waiting > 0 ? (
                      <span class="due overdue">
                        <Icon name="alert" size={14} /> Nobody
                      </span>
                    ) : (
                      <>
                        {x.online} <span class="board-more">({x.free} free)</span>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {quiet > 0 && (
          <button type="button" class="button quiet board-quiet" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
            {all.value ? "Hide quiet teams" : quiet === 1 ? "Show 1 quiet team" : `Show ${quiet} quiet teams`}
          </button>
        )}
      </section>
      <Line />
      <section aria-labelledby="board-people">
        <h3 id="board-people">People</h3>
        {busyPeople.length === 0 && <p class="empty">Nobody is at the desk.</p>}
        <ul class="board-people" role="list">
          {busyPeople.map((a) => (
            <Person key={a.id} a={a} t={t} />
          ))}
        </ul>
      </section>
    </div>
  );
}

/** The columns of the table of teams; where it is narrow each stands beside its figure, and the roles say that it is a table still. */
const columns = ["Team", "Waiting", "By priority", "Longest", "Wait for the next", "With agents", "Deadlines", "Online"];

/** How many of those who wait are shown before somebody asks for the rest, and then. */
const [few, many] = [6, 200];

/** Who waits, the most urgent first, so that a supervisor can give each to somebody. */
function Line() {
  const [whole, setWhole] = useState(false);
  const waiting = (s.queue.value?.handoffs ?? []).filter((h) => h.state !== "accepted" && !h.ended_at);
  if (waiting.length === 0) return null;
  return (
    <section aria-labelledby="board-line">
      <h3 id="board-line">
        Waiting or promised <span class="count quiet">{waiting.length}</span>
      </h3>
      <ul class="board-line" role="list">
        {waiting.slice(0, whole ? many : few).map((h) => {
          const customer = h.customer?.name || h.customer?.email || "";
          return (
            <li key={h.id} {...row({ handoff: h.id, conversation: h.conversation_id, agent: h.agent_id, customer })}>
              <button type="button" class="board-open" onClick={() => s.openConversation(h.conversation_id)}>
                <span class={`priority p${h.priority}`}>P{h.priority}</span>
                <span dir="auto">{customer || "Anonymous customer"}</span>
              </button>
              <span class="board-topic">
                {readable(h.topic) || shortReason(h.reason)} · {s.teamName(h.team)}
              </span>
              <span class="board-state">
                {h.state === "offered" ? `offered to ${h.agent_name ?? "somebody"}` : <Due h={h} />}
              </span>
              <AssignButton what={{ handoff: h.id, conversation: h.conversation_id, agent: h.agent_id, customer }} />
            </li>
          );
        })}
      </ul>
      {waiting.length > few && (
        <button type="button" class="button quiet board-quiet" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? "Show the first ones only" : `Show all ${waiting.length}`}
        </button>
      )}
    </section>
  );
}

/** While the focus is in a row, the key for assigning means its conversation. */
const row = (what: s.Assignable) => ({
  onFocusIn: () => (s.boardRow.value = what),
  onFocusOut: () => (s.boardRow.value = null),
});

function AssignButton({ what }: { what: s.Assignable }) {
  return (
    <button type="button" class="button quiet board-assign" aria-keyshortcuts={ariaKeysFor("assign")} onClick={() => s.wantAssign(what)}>
      Assign<span class="sr-only"> {what.customer || "the anonymous customer"}</span>
    </button>
  );
}

function Sum(p: { name: string; value: number; bad?: boolean }) {
  return (
    <div class={p.bad ? "bad" : undefined}>
      <dt>{p.name}</dt>
      <dd>{p.value}</dd>
    </div>
  );
}

const presences: Record<string, string> = { online: "Online", away: "Away", offline: "Not there" };

function Person({ a, t }: { a: AgentNow; t: number }) {
  const me = s.me.value?.id;
  return (
    <li class={`board-person ${a.presence}`}>
      <div class="board-who">
        <Avatar name={a.name} />
        <div>
          <h4>{a.name}</h4>
          <p>
            {presences[a.presence] ?? a.presence}
            {a.presence === "offline" ? "" : ` for ${ticking(sinceSeconds(a.since, t))}`}, {a.load} of {a.capacity}
          </p>
        </div>
        <meter min={0} max={Math.max(1, a.capacity)} value={Math.min(a.load, Math.max(1, a.capacity))} aria-label={`${a.name} has ${a.load} of ${a.capacity}`} />
      </div>
      <ul role="list">
        {a.conversations.map((w) => (
          <li key={w.handoff} {...row({ handoff: w.handoff, conversation: w.conversation, agent: a.id, customer: w.customer })}>
            <button type="button" class="board-open" onClick={() => s.openConversation(w.conversation)}>
              <span class={`priority p${w.priority}`}>P{w.priority}</span>
              <span dir="auto">{w.customer || "Anonymous customer"}</span>
            </button>
            <span class="board-state">
              {w.state === "offered"
                ? "is being offered"
                : w.snoozed_until
                  ? "asleep"
                  : w.awaiting
                    ? `waits ${ticking(sinceSeconds(w.awaiting, t))}`
                    : "answered"}
              {w.breached && (
                <span class="due overdue">
                  <Icon name="alert" size={14} /> Overdue
                </span>
              )}
            </span>
            <span class="board-do">
              <AssignButton what={{ handoff: w.handoff, conversation: w.conversation, agent: a.id, customer: w.customer }} />
              {a.id !== me && (
                <button
                  type="button"
                  class="button quiet"
                  onClick={() => {
                    whisper.value = { agent: a.id, name: a.name, conversation: w.conversation };
                    s.dialog.value = "whisper";
                  }}
                >
                  Whisper<span class="sr-only"> to {a.name} about {w.customer || "the anonymous customer"}</span>
                </button>
              )}
              {a.id !== me && w.state === "accepted" && (
                  <button type="button" class="button quiet" disabled={s.busy.value !== ""} onClick={() => void takeOver(w.conversation)}>
                    Take over<span class="sr-only"> {w.customer || "the anonymous customer"} from {a.name}</span>
                  </button>
                )}
            </span>
          </li>
        ))}
        {a.conversations.length === 0 && <li class="empty">Nothing in hand.</li>}
      </ul>
    </li>
  );
}

async function takeOver(conversation: string): Promise<void> {
  if (await s.act("takeover", () => s.agentCall(`/conversations/${encodeURIComponent(conversation)}/takeover`, {}), conversation)) s.openConversation(conversation);
}

/** A note that names the agent: they are told at once, and the customer sees nothing of it. */
function Whisper() {
  const [text, setText] = useState("");
  const w = whisper.value;
  if (!w) return null;
  const send = async () => {
    if (text.trim() === "") return;
    const body = { client_id: crypto.randomUUID(), text: `@${w.name} ${text.trim()}`, visibility: "internal", mentions: [w.agent] };
    if (await s.act("whisper", () => s.agentCall(`/conversations/${encodeURIComponent(w.conversation)}/messages`, body))) {
      close();
      s.notice.value = { text: `${w.name} has your note.`, bad: false };
    }
  };
  return (
    <Dialog title={`Whisper to ${w.name}`} closeLabel="Close" onClose={close}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void send();
        }}
      >
        <p>{w.name} is told at once. The customer does not see it.</p>
        <Growing class="textarea" rows={3} value={text} onValue={setText} label="Note" maxLength={2000} />
        <Actions label="Send the note" disabled={text.trim() === ""} />
      </form>
    </Dialog>
  );
}

dialogs.add({ id: "whisper", component: Whisper });
pages.add({ id: "board", title: "Board", icon: "board", order: 200, when: leads, component: Board });
