// What else is known of the customer: the account, what was asked for while they waited, and their other conversations.

import { useEffect, useState } from "preact/hooks";
import { clock } from "../shared/time.ts";
import type { AgentConversation, IntakeField, PastConversation } from "../shared/types.ts";
import { Fact, Part } from "./package.tsx";
import { packageSections } from "./slots.tsx";
import * as s from "./store/index.ts";
import { readable } from "./words.ts";

const intakeNames: Record<IntakeField, string> = { email: "E-mail of the account", purchase: "Purchase", reference: "Reference" };

packageSections.add({
  id: "intake",
  order: 210,
  component: ({ package: p }) => {
    const i = p?.intake;
    if (!i) return null;
    const given = (Object.keys(intakeNames) as IntakeField[]).filter((f) => i.given[f]);
    const open = i.wanted.filter((f) => !i.given[f]);
    return (
      <Part title="Asked while waiting" mark={i.at ? "Answered" : undefined}>
        <dl class="facts">
          {given.map((f) => (
            <Fact key={f} name={intakeNames[f]}>
              {i.given[f]}
            </Fact>
          ))}
        </dl>
        {open.length > 0 && (
          <p class="quiet-text">
            {i.at ? "Not given: " : "No answer yet: "}
            {open.map((f) => intakeNames[f].toLowerCase()).join(", ")}. The customer is not asked again.
          </p>
        )}
      </Part>
    );
  },
});

packageSections.add({
  id: "account",
  order: 220,
  component: ({ conversation }) => {
    const account = Object.entries(conversation.conversation.customer?.account ?? {});
    if (account.length === 0) return null;
    return (
      <Part title="Account">
        <dl class="facts">
          {account.map(([k, v]) => (
            <Fact key={k} name={readable(k)}>
              {v === true ? "Yes" : v === false ? "No" : v === null ? "–" : String(v)}
            </Fact>
          ))}
        </dl>
        <p class="quiet-text">From the company's own system, when the conversation began.</p>
      </Part>
    );
  },
});

packageSections.add({ id: "history", order: 510, component: ({ conversation }) => (conversation.conversation.customer?.verified ? <History key={conversation.conversation.id} c={conversation} /> : null) });

const here = typeof navigator === "undefined" ? "en" : navigator.language;

function History({ c }: { c: AgentConversation }) {
  const [past, setPast] = useState<{ conversations: PastConversation[]; hidden: number } | null>(null);
  const [failed, setFailed] = useState(false);
  const id = c.conversation.id;
  useEffect(() => {
    let gone = false;
    s.agentCall<{ conversations: PastConversation[]; hidden: number }>(`/conversations/${encodeURIComponent(id)}/history`).then(
      (h) => !gone && setPast(h),
      () => !gone && setFailed(true),
    );
    return () => {
      gone = true;
    };
  }, [id]);
  if (!past) return failed ? <Part title="Other conversations">The list could not be loaded.</Part> : null;
  const now = Date.now();
  return (
    <Part title="Other conversations">
      {past.conversations.length === 0 && past.hidden === 0 && <p>This is the first.</p>}
      <ul class="history">
        {past.conversations.map((p) => (
          <li key={p.id}>
            <button type="button" class="text-button" onClick={() => s.openConversation(p.id)}>
              {clock(Date.parse(p.started_at), now, here)} · {p.topic ? readable(p.topic) : "No topic"}
            </button>
            <p dir="auto">{p.summary}</p>
            <p class="quiet-text">
              {p.team ? `${s.teamName(p.team)} · ` : "Answered by the assistant · "}
              {p.state ? readable(p.state) : p.status}
              {p.score ? ` · rated ${p.score} of 5` : ""}
            </p>
          </li>
        ))}
      </ul>
      {past.hidden > 0 && <p class="quiet-text">{past.hidden === 1 ? "One more is" : `${past.hidden} more are`} with teams that you are not in.</p>}
    </Part>
  );
}
