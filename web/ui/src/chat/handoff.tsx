// The place in line: where the customer stands, how long it may take as far as that is known, and what the person will
// read, which the customer can correct.

import { useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { Growing, useNow } from "../shared/parts.tsx";
import { opening, waitWords } from "../shared/time.ts";
import type { HandoffPlace, IntakeField } from "../shared/types.ts";
import { telling, tellLabel } from "./notices.ts";
import { giveIntake, locale, region, saveSummary, words } from "./session.ts";

/** The server takes no longer summary. */
const summaryLimit = 1000;

export function HandoffCard({ h }: { h: HandoffPlace }) {
  const w = words.value;
  const now = useNow(30_000);
  const [draft, setDraft] = useState<string | null>(null);
  const [state, setState] = useState<"" | "saving" | "saved" | "failed">("");
  const save = async () => {
    setState("saving");
    if (await saveSummary((draft ?? "").trim())) {
      setState("saved");
      setDraft(null);
    } else setState("failed");
  };
  return (
    <section class="card handoff" aria-label={w.lineTitle}>
      <div class="handoff-head">
        <span class="handoff-icon">
          <Icon name="clock" size={22} />
        </span>
        <div aria-live="polite">
          <h3>{h.first ? w.firstTitle : w.lineTitle}</h3>
          <p>
            {standing(h, now)}
            {h.team ? ` · ${h.team}` : ""}
          </p>
          {h.first && h.advice && (
            <p class="advice" dir="auto">
              {h.advice}
            </p>
          )}
          {h.open && !h.first && h.state !== "asynchronous" && <p>{h.wait ? w.wait(waitWords(h.wait.low_seconds, h.wait.high_seconds, locale.value, w)) : w.waitUnknown}</p>}
        </div>
      </div>
      <p class="quiet-text">{h.first ? w.firstLeave : w.leave}</p>
      <button type="button" class="text-button" onClick={() => (telling.value = true)}>
        {tellLabel(locale.value)}
      </button>
      {h.intake && <Intake key={h.id} asked={h.intake} />}
      <div class="summary">
        <h4>{w.summary}</h4>
        {draft === null ? (
          <>
            {h.summary && (
              <p class="summary-text" dir="auto">
                {h.summary}
              </p>
            )}
            <div class="actions">
              <button type="button" class="text-button" onClick={() => setDraft(h.summary)}>
                {w.edit}
              </button>
              <span role="status">{state === "saved" ? w.saved : ""}</span>
            </div>
          </>
        ) : (
          <form
            onSubmit={(e) => {
              e.preventDefault();
              void save();
            }}
          >
            <p class="quiet-text" id="summary-hint">
              {w.summaryHint}
            </p>
            <Growing class="textarea" rows={3} value={draft} onValue={setDraft} label={w.summary} describedBy="summary-hint" maxLength={summaryLimit} autoFocus />
            <div role="alert">{state === "failed" && <p class="wrong">{w.failed}</p>}</div>
            <div class="actions">
              <button type="submit" class="button primary" disabled={draft.trim() === "" || state === "saving"}>
                {w.save}
              </button>
              <button type="button" class="button quiet" onClick={() => setDraft(null)}>
                {w.cancel}
              </button>
            </div>
          </form>
        )}
      </div>
    </section>
  );
}

/** Where the customer stands, in one sentence. Who comes before everybody else has no number. */
function standing(h: HandoffPlace, now: number): string {
  const w = words.value;
  const when = (iso: string) => opening(Date.parse(iso), now, region.value);
  if (!h.open) return h.opens_at ? w.closedUntil(when(h.opens_at)) : w.closedNow;
  if (h.first) return w.first;
  if (h.state === "asynchronous") return h.answer_by ? w.laterBy(when(h.answer_by)) : w.later;
  return h.position > 1 ? w.position(h.position) : w.next;
}

/** What the person will need, asked for once. It may be left alone, and nothing waits for it. */
function Intake({ asked }: { asked: NonNullable<HandoffPlace["intake"]> }) {
  const w = words.value;
  const [values, setValues] = useState<Partial<Record<IntakeField, string>>>({});
  const [state, setState] = useState<"" | "busy" | "sent" | "skipped">("");
  const [wrong, setWrong] = useState("");
  const names: Record<IntakeField, string> = { email: w.intakeEmail, purchase: w.intakePurchase, reference: w.intakeReference };
  if (state === "sent") return <p role="status">{w.intakeThanks}</p>;
  if (asked.given || state === "skipped") return null;
  const give = async (given: Partial<Record<IntakeField, string>>, then: "sent" | "skipped") => {
    setState("busy");
    const error = await giveIntake(given);
    setWrong(error);
    setState(error ? "" : then);
  };
  const filled = asked.wanted.some((f) => values[f]?.trim());
  return (
    <form
      class="intake"
      aria-labelledby="intake-title"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        if (filled) void give(Object.fromEntries(asked.wanted.flatMap((f) => (values[f]?.trim() ? [[f, values[f].trim()]] : []))), "sent");
      }}
    >
      <h4 id="intake-title">{w.intakeTitle}</h4>
      <p class="quiet-text">{w.intakeHint}</p>
      {asked.wanted.map((f) => (
        <label key={f} class="field">
          <span>{names[f]}</span>
          <input
            type="text"
            class="input"
            name={f}
            inputMode={f === "email" ? "email" : "text"}
            autoComplete={f === "email" ? "email" : "off"}
            maxLength={200}
            value={values[f] ?? ""}
            onInput={(e) => setValues({ ...values, [f]: e.currentTarget.value })}
          />
        </label>
      ))}
      <div role="alert">{wrong && <p class="wrong">{wrong}</p>}</div>
      <div class="actions">
        <button type="submit" class="button primary" disabled={!filled || state === "busy"}>
          {w.intakeSend}
        </button>
        <button type="button" class="button quiet" disabled={state === "busy"} onClick={() => void give({}, "skipped")}>
          {w.intakeSkip}
        </button>
      </div>
    </form>
  );
}
