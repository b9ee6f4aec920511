// The first page: what will answer here, in which language and for which country.

import { useEffect, useState } from "preact/hooks";
import { call } from "../shared/api.ts";
import { type Privacy, recordedLine, rights, rightsLabel } from "./rights.ts";
import { choice, config, configFailed, given, loadConfig, notice, send, start, starting, words } from "./session.ts";
import { Icon } from "../shared/icons.tsx";

/** A language in its own words: "Deutsch", "svenska". */
function nameOf(locale: string): string {
  try {
    const name = new Intl.DisplayNames([locale], { type: "language" }).of(locale) ?? locale;
    return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1);
  } catch {
    return locale;
  }
}

function country(code: string, fallback: string, locale: string): string {
  try {
    return /^[a-z]{2}$/i.test(code) ? (new Intl.DisplayNames([locale], { type: "region" }).of(code.toUpperCase()) ?? fallback) : fallback;
  } catch {
    return fallback;
  }
}

/** What is recorded and for how long, and the door to the rest. */
function Recorded({ locale }: { locale: string }) {
  const [kept, setKept] = useState("");
  useEffect(() => {
    const cancel = new AbortController();
    call<Privacy | undefined>(`/v1/privacy?locale=${encodeURIComponent(locale)}`, { signal: cancel.signal }).then(
      (p) => {
        if (cancel.signal.aborted) return;
        const one = p?.sections.find((x) => x.key === "kept");
        setKept(one ? `${one.title}: ${one.text}` : "");
      },
      () => {}, // the dialog tries again
    );
    return () => cancel.abort();
  }, [locale]);
  return (
    <p class="start-recorded">
      {recordedLine(locale)} {kept}{" "}
      <button type="button" class="text-button" onClick={() => (rights.value = { of: null })}>
        {rightsLabel(locale)}
      </button>
    </p>
  );
}

/** A question to begin with, as the articles ask it. */
interface Starter {
  text: string;
  slug: string;
  locale: string;
}

/** Questions that the articles answer; one of them begins the chat and is asked. Without articles, nothing stands here. */
function Starters({ market, locale }: { market: string; locale: string }) {
  const [all, setAll] = useState<Starter[]>([]);
  const article = given("article");
  useEffect(() => {
    if (!market || !locale) return;
    const cancel = new AbortController();
    const query = new URLSearchParams({ market, locale, ...(article ? { article } : {}) });
    call<{ starters: Starter[] } | undefined>(`/v1/help/starters?${query}`, { signal: cancel.signal }).then(
      (found) => {
        if (!cancel.signal.aborted) setAll(found?.starters ?? []);
      },
      () => {
        if (!cancel.signal.aborted) setAll([]); // the chat begins without them
      },
    );
    return () => cancel.abort();
  }, [market, locale, article]);
  if (all.length === 0) return null;
  return (
    <section class="starters" aria-labelledby="starters-title">
      <h3 id="starters-title">{words.value.startWith}</h3>
      <ul>
        {all.map((s) => (
          <li key={s.slug + s.text}>
            <button
              type="button"
              class="button"
              lang={s.locale}
              dir="auto"
              disabled={starting.value}
              onClick={() => void start().then((begun) => begun && send(s.text))}
            >
              {s.text}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Start() {
  const w = words.value;
  const c = config.value;
  const { market, locale } = choice.value;
  const locales = c ? [...new Set([...(c.markets.find((m) => m.code === market)?.locales ?? []), ...(c.locales ?? [])])] : [];
  const wrong = notice.value === "expired" ? w.expired : notice.value ? w.startFailed : configFailed.value ? w.startFailed : "";
  return (
    <main class="start">
      <form
        class="start-card"
        onSubmit={(e) => {
          e.preventDefault();
          if (c) void start();
          else void loadConfig();
        }}
      >
        <h2>{w.startTitle(c?.company ?? "")}</h2>
        <div class="disclosure">
          <span class="ai-mark">{w.ai}</span>
          <p>
            {w.startAi} {w.startPerson}
          </p>
        </div>
        <Recorded locale={locale} />
        <div class="fields">
          <label class="field">
            <span>{w.language}</span>
            <select value={locale} disabled={!c} onChange={(e) => (choice.value = { market, locale: e.currentTarget.value })}>
              {locales.map((l) => (
                <option key={l} value={l} lang={l}>
                  {nameOf(l)}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>{w.market}</span>
            <select
              value={market}
              disabled={!c}
              onChange={(e) => {
                const code = e.currentTarget.value;
                const served = c?.markets.find((m) => m.code === code)?.locales ?? [];
                const keep = served.length === 0 || served.includes(locale);
                choice.value = { market: code, locale: keep ? locale : (served[0] ?? locale) };
              }}
            >
              {c?.markets.map((m) => (
                <option key={m.code} value={m.code}>
                  {country(m.code, m.name, locale)}
                </option>
              ))}
            </select>
          </label>
        </div>
        <div role="alert">{wrong && <p class="wrong">{wrong}</p>}</div>
        <button type="submit" class="button primary big" disabled={starting.value || (!c && !configFailed.value)} aria-busy={starting.value}>
          <Icon name="chat" size={20} />
          {configFailed.value ? w.retry : starting.value ? w.starting : w.start}
        </button>
        {c && <Starters market={market} locale={locale} />}
      </form>
    </main>
  );
}
