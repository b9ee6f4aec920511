// Passing a conversation on, to a team or a colleague, and letting it sleep.

import { useState } from "preact/hooks";
import { Dialog, Growing } from "../shared/parts.tsx";
import { clock } from "../shared/time.ts";
import type { Colleague } from "../shared/types.ts";
import { register } from "./commands.ts";
import { Actions, close, limit } from "./dialogs.tsx";
import { inInbox } from "./pages.ts";
import { dialogs } from "./slots.tsx";
import { at, localValue, sleeps } from "./sleep.ts";
import * as s from "./store/index.ts";

dialogs.add({ id: "transfer", component: Transfer });
dialogs.add({ id: "assign", component: Assign });
dialogs.add({ id: "snooze", component: Snooze });

const mine = () => inInbox() && s.isMine.value;
const asleep = () => Boolean(s.handoff.value?.snoozed_until);

register(
  { id: "transfer", title: "Transfer to a team or a colleague", group: "Conversation", keys: "t", when: mine, run: () => (s.dialog.value = "transfer") },
  { id: "snooze", title: "Snooze until later", group: "Conversation", keys: "s", menu: true, when: () => mine() && !asleep(), run: () => (s.dialog.value = "snooze") },
  { id: "wake", title: "Wake it up now", group: "Conversation", menu: true, when: () => mine() && asleep(), run: () => void s.wakeUp() },
  { id: "assign", title: "Assign to a colleague", group: "Conversation", keys: "g", menu: true, when: () => (inInbox() ? s.canAssign.value : s.page.value === "board" && s.boardRow.value !== null), run: () => s.wantAssign(inInbox() ? null : s.boardRow.value) },
  { id: "takeover", title: "Take over from a colleague", group: "Conversation", when: () => inInbox() && s.canTakeOver.value, run: () => void s.takeOver() },
);

/** The other agents, those who are there first. */
const colleagues = (owner: string | null | undefined = s.handoff.value?.agent_id): Colleague[] =>
  (s.queue.value?.agents ?? []).filter((a) => a.id !== s.me.value?.id && a.id !== owner).sort((a, b) => Number(b.presence === "online") - Number(a.presence === "online") || a.name.localeCompare(b.name));

const presences: Record<string, string> = { online: "online", away: "away", offline: "not there" };

function Who({ chosen, choose, owner }: { chosen: string; choose: (id: string) => void; owner?: string | null }) {
  return (
    <label class="field">
      <span>Colleague</span>
      <select value={chosen} onChange={(e) => choose(e.currentTarget.value)} required>
        <option value="">Choose somebody</option>
        {colleagues(owner).map((a) => (
          <option key={a.id} value={a.id}>
            {a.name} ({presences[a.presence] ?? a.presence}
            {a.presence === "online" ? `, has ${a.load} of ${a.capacity}` : ""})
          </option>
        ))}
      </select>
    </label>
  );
}

function NoteField({ text, write }: { text: string; write: (t: string) => void }) {
  return (
    <label class="field">
      <span>Note (optional, the customer does not see it)</span>
      <Growing class="textarea" rows={3} value={text} onValue={write} label="Note" maxLength={limit} />
    </label>
  );
}

function Transfer() {
  const [to, setTo] = useState<"team" | "colleague">("team");
  const [team, setTeam] = useState("");
  const [agent, setAgent] = useState("");
  const [warm, setWarm] = useState(true);
  const [note, setNote] = useState("");
  const current = s.handoff.value?.team;
  const person = colleagues().find((a) => a.id === agent);
  const submit = () => {
    if (to === "team" && team) void s.transfer(team, note.trim());
    if (to === "colleague" && person) void s.transferTo(person, note.trim(), warm);
  };
  return (
    <Dialog title="Transfer" closeLabel="Close" onClose={close}>
      <form
        class="dialog-form"
        onSubmit={(e) => {
          e.preventDefault();
          submit();
        }}
      >
        <fieldset class="choice">
          <legend class="sr-only">To whom</legend>
          {(["team", "colleague"] as const).map((t) => (
            <label key={t}>
              <input class="sr-only" type="radio" name="to" checked={to === t} onChange={() => setTo(t)} />
              {t === "team" ? "To a team" : "To a colleague"}
            </label>
          ))}
        </fieldset>
        {to === "team" ? (
          <label class="field">
            <span>Team</span>
            <select value={team} onChange={(e) => setTeam(e.currentTarget.value)} required>
              <option value="">Choose a team</option>
              {s.teams.value
                .filter((t) => t.key !== current)
                .map((t) => (
                  <option key={t.key} value={t.key}>
                    {t.name}
                  </option>
                ))}
            </select>
          </label>
        ) : (
          <>
            <Who chosen={agent} choose={setAgent} />
            <label class="check">
              <input type="checkbox" checked={warm} onChange={(e) => setWarm(e.currentTarget.checked)} />
              Stay with the customer until they take it
            </label>
          </>
        )}
        <NoteField text={note} write={setNote} />
        <Actions label="Transfer" disabled={to === "team" ? !team : !person} />
      </form>
    </Dialog>
  );
}

function Assign() {
  const [agent, setAgent] = useState("");
  const [note, setNote] = useState("");
  // What the dialog was asked for stays what it is about, whatever the desk shows behind it.
  const [about] = useState<s.Assignable | null>(() => {
    const h = s.handoff.peek();
    return s.assigning.peek() ?? (h && { handoff: h.id, conversation: h.conversation_id, agent: h.agent_id, customer: h.customer?.name || h.customer?.email || "" });
  });
  const person = colleagues(about?.agent).find((a) => a.id === agent);
  return (
    <Dialog title="Assign to a colleague" closeLabel="Close" onClose={close}>
      <form
        class="dialog-form"
        onSubmit={(e) => {
          e.preventDefault();
          if (about && person) void s.assign(about, person, note.trim());
        }}
      >
        <p>
          <b dir="auto">{about?.customer || "The anonymous customer"}</b> is offered to them before everybody else.
        </p>
        <Who chosen={agent} choose={setAgent} owner={about?.agent} />
        <NoteField text={note} write={setNote} />
        <Actions label="Assign" disabled={!person} />
      </form>
    </Dialog>
  );
}

function Snooze() {
  const [now] = useState(() => new Date());
  const choices = sleeps(now);
  const [custom, setCustom] = useState(localValue(choices[choices.length - 1]?.until ?? now));
  const go = (until: Date) => void s.snooze(until, clock(until.getTime(), Date.now(), navigator.language));
  const own = at(custom);
  return (
    <Dialog title="Snooze" closeLabel="Close" onClose={close}>
      <form
        class="dialog-form"
        onSubmit={(e) => {
          e.preventDefault();
          if (own) go(own);
        }}
      >
        <p>It stays yours, makes room for another, and comes back at the time, or at once when the customer writes.</p>
        <div class="choices">
          {choices.map((c, i) => (
            <button key={c.label} type="button" class="button quiet" autofocus={i === 0} disabled={s.busy.value !== ""} onClick={() => go(c.until)}>
              <span>{c.label}</span> <span class="quiet-text">{clock(c.until.getTime(), now.getTime(), navigator.language)}</span>
            </button>
          ))}
        </div>
        <label class="field">
          <span>Another time</span>
          <input class="input" type="datetime-local" value={custom} min={localValue(now)} onInput={(e) => setCustom(e.currentTarget.value)} />
        </label>
        <Actions label="Snooze until then" disabled={!own || own <= now} />
      </form>
    </Dialog>
  );
}
