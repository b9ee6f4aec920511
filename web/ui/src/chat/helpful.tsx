// Whether an answer helped; and when it did not, what was wrong with it.

import { useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { Growing } from "../shared/parts.tsx";
import type { FeedbackReason, Message } from "../shared/types.ts";
import { words } from "./session.ts";
import { feedback, judge } from "./thread.ts";

const reasons: FeedbackReason[] = ["wrong", "outdated", "unclear", "not_my_question", "other"];

export function Helpful({ m }: { m: Message }) {
  const w = words.value;
  const said = feedback.value[m.id] ?? (m.helpful === undefined ? undefined : { helpful: m.helpful, reason: m.helpful_reason });
  const given = said?.helpful;
  const [asks, setAsks] = useState(false);
  return (
    <>
      <div class="helpful" role="group" aria-label={w.helpful}>
        <span>{given === undefined ? w.helpful : given ? w.thanks : w.thanksNo}</span>
        <button
          type="button"
          class="icon-button small"
          aria-pressed={given === true}
          aria-label={w.yes}
          title={w.yes}
          onClick={() => {
            setAsks(false);
            void judge(m.id, { helpful: true });
          }}
        >
          <Icon name="up" size={18} />
        </button>
        <button
          type="button"
          class="icon-button small"
          aria-pressed={given === false}
          aria-label={w.no}
          title={w.no}
          onClick={() => {
            setAsks(true);
            void judge(m.id, { helpful: false, reason: said?.reason });
          }}
        >
          <Icon name="down" size={18} />
        </button>
      </div>
      {asks && given === false && <Why m={m} chosen={said?.reason} done={() => setAsks(false)} />}
    </>
  );
}

function Why({ m, chosen, done }: { m: Message; chosen?: FeedbackReason; done: () => void }) {
  const w = words.value;
  const [comment, setComment] = useState("");
  return (
    <form
      class="why"
      onSubmit={async (e) => {
        e.preventDefault();
        if (await judge(m.id, { helpful: false, reason: chosen, comment: comment.trim() })) done();
      }}
    >
      <fieldset>
        <legend>{w.why}</legend>
        <div class="chips">
          {reasons.map((r, i) => (
            <button key={r} type="button" class="chip" aria-pressed={chosen === r} onClick={() => void judge(m.id, { helpful: false, reason: r, comment: comment.trim() })}>
              {w.whyWords[i]}
            </button>
          ))}
        </div>
      </fieldset>
      {chosen && (
        <>
          <Growing class="textarea" rows={2} value={comment} onValue={setComment} label={w.whyComment} placeholder={w.whyComment} maxLength={1000} />
          <div class="actions">
            <button type="submit" class="button primary">
              {w.whySend}
            </button>
          </div>
        </>
      )}
    </form>
  );
}
