// Asked once, after the conversation is closed: one to five, and a word if the customer likes.

import { useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { Growing } from "../shared/parts.tsx";
import { rate, record, words } from "./session.ts";

/** What may have mattered, in the order of the words: what went well, then what did not. */
const reasons = ["quick", "clear", "friendly", "solved", "slow", "unclear", "repeated", "not_solved"];

/** From four stars on the good ones are offered, below them the others. */
const offered = (score: number, i: number) => score >= 4 === i < 4;

export function Rating() {
  const w = words.value;
  const [score, setScore] = useState(0);
  const [comment, setComment] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  if (record.value.rating !== null) {
    return (
      <section class="card rating">
        <p role="status">
          {w.rateThanks} <span class="quiet-text">{w.rateOf(record.value.rating)}</span>
        </p>
        <p class="quiet-text">{w.closed}</p>
      </section>
    );
  }
  return (
    <form
      class="card rating"
      onSubmit={async (e) => {
        e.preventDefault();
        setBusy(true);
        await rate(score, comment.trim(), reasons.filter((r, i) => chosen.includes(r) && offered(score, i)));
        setBusy(false);
      }}
    >
      <fieldset>
        <legend>{w.rateTitle}</legend>
        <div class="stars">
          {w.rateWords.map((word, i) => (
            <label key={word} class={`star ${i < score ? "on" : ""}`} title={word}>
              <input class="sr-only" type="radio" name="score" value={i + 1} checked={score === i + 1} onChange={() => setScore(i + 1)} />
              <Icon name="star" size={30} />
              <span class="sr-only">
                {w.rateOf(i + 1)}, {word}
              </span>
            </label>
          ))}
          <span class="star-word" aria-hidden="true">
            {score > 0 ? w.rateWords[score - 1] : ""}
          </span>
        </div>
      </fieldset>
      {score > 0 && (
        <>
          <fieldset class="chips-set">
            <legend>{w.rateWhy}</legend>
            <div class="chips">
              {reasons.map(
                (r, i) =>
                  offered(score, i) && (
                    <button key={r} type="button" class="chip" aria-pressed={chosen.includes(r)} onClick={() => setChosen(chosen.includes(r) ? chosen.filter((o) => o !== r) : [...chosen, r])}>
                      {w.rateReasons[i]}
                    </button>
                  ),
              )}
            </div>
          </fieldset>
          <Growing class="textarea" rows={2} value={comment} onValue={setComment} label={w.rateComment} placeholder={w.rateComment} maxLength={1000} />
          <button type="submit" class="button primary" disabled={busy}>
            {w.rateSend}
          </button>
        </>
      )}
      <p class="quiet-text">{w.closed}</p>
    </form>
  );
}
