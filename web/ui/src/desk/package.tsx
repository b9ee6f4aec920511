// The third column: what the agent needs to know before the first word, the reason first.

import type { ComponentChildren, ComponentType } from "preact";
import { useNow } from "../shared/parts.tsx";
import { clock, relative } from "../shared/time.ts";
import type { Decision, Package } from "../shared/types.ts";
import { Due, Priority } from "./queue.tsx";
import { Fill, packageSections } from "./slots.tsx";
import * as s from "./store/index.ts";
import { actionWords, countryName, languageName, percent, readable, reasonWords } from "./words.ts";

export function PackageView() {
  const p = s.open.value?.package;
  return (
    <aside class="column package" aria-label="Package">
      <div class="scroll" tabIndex={0} role="region" aria-label="Contents of the package">
        {!s.openId.value ? (
          <p class="empty">Open a conversation to see why it came to people and what is known.</p>
        ) : !s.open.value ? (
          <p class="empty">{s.openFailed.value ? "" : "Loading…"}</p>
        ) : (
          <>
            {!p && <p class="empty">This conversation was never handed to people, so there is no package.</p>}
            <Fill slot={packageSections} give={{ conversation: s.open.value, package: p ?? null }} />
          </>
        )}
      </div>
    </aside>
  );
}

/** A section that is there for conversations with a package only. */
function section(id: string, order: number, Section: ComponentType<{ p: Package }>): void {
  packageSections.add({ id, order, component: ({ package: p }) => (p ? <Section p={p} /> : null) });
}

section("why", 0, Why);
section("summary", 100, WhatWasSaid);
section("customer", 200, Customer);
packageSections.add({ id: "page", order: 210, component: ({ conversation: c }) => <FromThePage page={c.page} /> });
section("tried", 150, Tried);
section("articles", 300, Articles);
section("promises", 400, Promises);
section("earlier", 500, Earlier);
section("trace", 900, ({ p }) => {
  const decision: Decision | undefined = p.trace ? (p.trace.decision ?? p.trace) : undefined;
  return decision ? <Trace d={decision} /> : null;
});

function Why({ p }: { p: Package }) {
  const now = useNow(1000);
  const h = s.handoff.value;
  return (
    <section class="why">
      <h2>Why you got this</h2>
      <p class="why-reason">{reasonWords(p.reason)}</p>
      {p.explanation && <p>{spelled(p.explanation, p.topic)}</p>}
      <p class="why-facts">
        <Priority p={h?.priority ?? p.priority} />
        {p.topic && <span class="tag">{readable(p.topic)}</span>}
        {h && <Due h={h} now={now} />}
      </p>
    </section>
  );
}

function WhatWasSaid({ p }: { p: Package }) {
  return (
    <Part title="Summary" mark={p.corrected ? "Corrected by the customer" : undefined}>
      {p.corrected ? (
        <>
          <p class="pre" dir="auto">
            {p.corrected}
          </p>
          <details>
            <summary>What was written before</summary>
            <Summary p={p} />
          </details>
        </>
      ) : (
        <Summary p={p} />
      )}
      {p.note && (
        <p class="pre" dir="auto">
          <b>The customer added:</b> {p.note}
        </p>
      )}
    </Part>
  );
}

function Customer({ p }: { p: Package }) {
  return (
    <Part title="Customer">
      <dl class="facts">
        <Fact name="Name">{p.customer?.name || "Anonymous"}</Fact>
        {p.customer?.email && <Fact name="E-mail">{p.customer.email}</Fact>}
        <Fact name="Identity">{p.customer?.verified ? "Confirmed by the company's own system" : "Not confirmed"}</Fact>
        <Fact name="Country">{countryName(p.market)}</Fact>
        <Fact name="Language">{languageName(p.language)}</Fact>
        {p.audience && <Fact name="Kind">{readable(p.audience)}</Fact>}
        {p.sentiment && <Fact name="Mood">{readable(p.sentiment)}</Fact>}
      </dl>
    </Part>
  );
}

/** What the page around the chat said. The customer can have written it: it looks like nothing that the company says. */
function FromThePage({ page }: { page?: { site: string; context: Record<string, string | number | boolean> } | null }) {
  const said = Object.entries(page?.context ?? {});
  if (!page || (said.length === 0 && !page.site)) return null;
  return (
    <Part title="From the page" mark={said.length > 0 ? "Not verified" : undefined}>
      <dl class="facts">
        {page.site && <Fact name="Site">{page.site}</Fact>}
        {said.map(([name, value]) => (
          <Fact key={name} name={name}>
            <bdi>{String(value)}</bdi>
          </Fact>
        ))}
      </dl>
    </Part>
  );
}

/** The guide that the customer was led through, so that nobody asks them to do it again. */
function Tried({ p }: { p: Package }) {
  const t = p.tried;
  if (!t) return null;
  return (
    <Part title={`Tried: ${t.title}`}>
      <ol>
        {t.steps.map((x, i) => (
          <li key={i} dir="auto">
            {x.step} <strong>{x.answer}</strong>
          </li>
        ))}
        {t.at && <li dir="auto">{t.at} <span class="quiet-text">not answered</span></li>}
      </ol>
    </Part>
  );
}

function Articles({ p }: { p: Package }) {
  if (!p.articles?.length) return null;
  return (
    <Part title="Articles">
      <ul class="articles">
        {p.articles.map((a, i) => (
          <li key={i}>
            <a href={a.url} target="_blank" rel="noopener">
              {a.title}
            </a>
            <span class="quiet-text"> v{a.version}</span>
            {a.quote && <p class="quote">{a.quote}</p>}
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Promises({ p }: { p: Package }) {
  const now = useNow(1000);
  if (!p.promises?.length) return null;
  return (
    <Part title="Promised to the customer">
      <ul class="promises">
        {p.promises.map((x, i) => (
          <li key={i}>
            {x.text.charAt(0).toUpperCase() + x.text.slice(1)}
            <span class="quiet-text">
              {" "}
              by {clock(Date.parse(x.by), now, navigator.language)} ({relative(Date.parse(x.by), now, "en")})
            </span>
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Earlier({ p }: { p: Package }) {
  const earlier = Array.isArray(p.earlier_handoffs) ? p.earlier_handoffs.length : (p.earlier_handoffs ?? 0);
  return (
    <Part title="Earlier handoffs">
      <p>{earlier === 0 ? "None in this conversation." : earlier === 1 ? "One in this conversation." : `${earlier} in this conversation.`}</p>
    </Part>
  );
}

/** One titled section. */
export function Part(p: { title: string; mark?: string; children: ComponentChildren }) {
  return (
    <section class="part">
      <h3>
        {p.title}
        {p.mark && <span class="tag strong">{p.mark}</span>}
      </h3>
      {p.children}
    </section>
  );
}

/** One line of a <dl class="facts">. */
export function Fact(p: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{p.name}</dt>
      <dd dir="auto">{p.children}</dd>
    </div>
  );
}

/** The server's lines begin with what they are ("Wants: …"), which the labels here say already. */
const bare = (text: string | undefined) => (text ?? "").replace(/^(Wants|Was shown|Last asked): /, "");

function Summary({ p }: { p: Package }) {
  const lines: [string, string][] = [
    ["Wants", bare(p.summary?.wants)],
    ["Tried", bare(p.summary?.tried)],
    ["Open question", bare(p.summary?.open_question)],
  ];
  const shown = lines.filter(([, text]) => text !== "");
  if (shown.length === 0) return <p>Nothing was written yet.</p>;
  return (
    <dl class="summary">
      {shown.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function Trace({ d }: { d: Decision }) {
  const p = clamp(d.p_correct);
  const t = clamp(d.threshold);
  // Decisions that were stored by early versions spell these fields in capitals.
  const topics = (d.topics ?? []).slice(0, 5).map((x) => ({ topic: x.topic ?? x.Topic ?? "", p: clamp(x.p ?? x.P) }));
  const weighed = (d.threshold ?? 0) > 0;
  const by = s.open.value?.package?.trace?.by;
  return (
    <details class="part trace">
      <summary>
        <h3>How the assistant decided</h3>
        {!by && d.action && <span class="tag">{actionWords(d.action)}</span>}
      </summary>
      {by && <p>{by === "agent" ? "A person took the conversation" : "The customer asked for a person"}; the assistant had not decided to hand it over. Its last decision:</p>}
      {d.explanation && <p>{spelled(d.explanation, d.topic_policy?.key)}</p>}
      {!weighed && <p class="quiet-text">A rule decided, so no answer was weighed.</p>}
      {weighed && p !== undefined && (
        <div class="meter-block">
          <p>
            Sure of its answer: <b>{percent(p)}</b>
            {t !== undefined && <span class="quiet-text">, needed {percent(t)}</span>}
          </p>
          <Meter value={p} mark={t} label={`Confidence ${percent(p)}, threshold ${percent(t)}`} />
        </div>
      )}
      {weighed && d.p_stuck !== undefined && (
        <p>
          Customer stuck: <b>{percent(d.p_stuck)}</b>
        </p>
      )}
      {d.question && (
        <p dir="auto">
          <span class="quiet-text">Understood as: </span>
          {d.question}
        </p>
      )}
      {topics.length > 0 && (
        <>
          <h4>Topics</h4>
          <ul class="bars">
            {topics.map((x) => (
              <li key={x.topic}>
                <span>{readable(x.topic)}</span>
                <Meter value={x.p ?? 0} label={percent(x.p)} />
                <span class="num">{percent(x.p)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {(d.candidates?.length ?? 0) > 0 && (
        <>
          <h4>Passages found</h4>
          <div class="md-table" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">Article</th>
                  <th scope="col" data-align="end">
                    Score
                  </th>
                  <th scope="col" data-align="end">
                    Words
                  </th>
                  <th scope="col" data-align="end">
                    Meaning
                  </th>
                </tr>
              </thead>
              <tbody>
                {d.candidates?.slice(0, 8).map((c, i) => (
                  <tr key={i}>
                    <td>
                      {c.article}
                      {c.anchor && <span class="quiet-text"> #{c.anchor}</span>}
                    </td>
                    <td data-align="end">{number(c.score)}</td>
                    <td data-align="end">{number(c.lexical)}</td>
                    <td data-align="end">{number(c.dense)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <p class="quiet-text">
        {d.model ? `Model: ${d.model}` : "No model: answers are quotes"}
        {d.degraded ? ` · Degraded: ${readable(d.degraded)}` : ""}
      </p>
    </details>
  );
}

/** Writes a topic's key within a sentence as words. */
const spelled = (text: string, topic: string | undefined) => (topic ? text.replaceAll(topic, `“${readable(topic)}”`) : text);

function clamp(n: number | undefined): number | undefined {
  return n === undefined || !Number.isFinite(n) ? undefined : Math.min(1, Math.max(0, n));
}

const number = (n: number | undefined) => (n === undefined || n === null ? "–" : n.toFixed(Math.abs(n) < 1 ? 3 : 2));

/** A bar, with a line where the threshold is. Drawn, because pages here may not carry inline styles in their text. */
function Meter({ value, mark, label }: { value: number; mark?: number; label: string }) {
  return (
    <svg class={`meter ${mark !== undefined && value < mark ? "below" : ""}`} viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect class="meter-back" width="100" height="8" rx="2" />
      <rect class="meter-value" width={value * 100} height="8" rx="2" />
      {mark !== undefined && <rect class="meter-mark" x={Math.min(99, mark * 100)} width="1" height="8" />}
    </svg>
  );
}

