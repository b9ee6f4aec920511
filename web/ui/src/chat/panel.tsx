// A source beside the conversation: the article, scrolled to the section that the answer rests on.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { articleNodes, helpTarget } from "../shared/article.ts";
import { call } from "../shared/api.ts";
import { host } from "../shared/host.ts";
import { Icon } from "../shared/icons.tsx";
import type { Article } from "../shared/types.ts";
import { closeSource, locale, panel, region, session, showSource, words } from "./session.ts";

const prefix = "article-";

export function ArticlePanel() {
  const w = words.value;
  const p = panel.value;
  const box = useRef<HTMLDialogElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [article, setArticle] = useState<Article | null>(null);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    const d = box.current;
    if (!d) return;
    const open = () => {
      d.close();
      if (host.root || matchMedia("(min-width: 1000px)").matches) d.show(); // in the widget the conversation is inert meanwhile
      else d.showModal(); // over the conversation there is nothing beside it to use
      d.querySelector<HTMLElement>(".panel-close")?.focus();
    };
    open();
    const wide = matchMedia("(min-width: 1000px)");
    wide.addEventListener("change", open);
    return () => wide.removeEventListener("change", open);
  }, []);

  useEffect(() => {
    if (!p) return;
    const cancel = new AbortController();
    const q = new URLSearchParams({ locale: p.locale, market: session.value?.market ?? "" });
    call<Article>(`/v1/help/articles/${encodeURIComponent(p.slug)}?${q}`, { signal: cancel.signal }).then(setArticle, () => {
      if (!cancel.signal.aborted) setFailed(true);
    });
    return () => cancel.abort();
  }, [p?.slug, p?.locale]);

  useLayoutEffect(() => {
    const c = content.current;
    if (!c || !article) return;
    try {
      c.replaceChildren(
        articleNodes(article.html, {
          idPrefix: prefix,
          onAnchor: scrollTo,
          onHelpLink: (href) => {
            const t = helpTarget(href);
            if (t) showSource({ slug: t.slug, anchor: t.anchor, locale: t.locale ?? article.locale });
            return t !== undefined;
          },
        }),
      );
    } catch {
      setFailed(true); // a page with trusted types that does not allow ours; the link above still leads to the article
      return;
    }
    scrollTo(p?.anchor ?? "");
  }, [article, p?.anchor]);

  function scrollTo(anchor: string) {
    const c = content.current;
    if (!c) return;
    for (const e of c.querySelectorAll(".cited")) e.classList.remove("cited");
    const target = anchor ? c.querySelector<HTMLElement>(`[id="${CSS.escape(prefix + anchor)}"]`) : null;
    if (!target) return;
    target.classList.add("cited");
    target.scrollIntoView({ block: "start", behavior: "auto" });
  }

  if (!p) return null;
  const url = `${host.base}/help/${encodeURIComponent(p.slug)}?locale=${encodeURIComponent(p.locale)}${p.anchor ? `#${encodeURIComponent(p.anchor)}` : ""}`;
  return (
    <dialog
      ref={box}
      class="panel"
      aria-label={article?.title ?? w.sources}
      onCancel={(e) => {
        e.preventDefault();
        closeSource();
      }}
      onKeyDown={(e) => {
        if (e.key === "Escape") closeSource();
      }}
    >
      <div class="panel-head">
        <a class="text-button" href={url} target="_blank" rel="noopener">
          <Icon name="out" size={18} />
          {w.openHelp}
        </a>
        <button type="button" class="icon-button panel-close" aria-label={w.close} title={w.close} onClick={closeSource}>
          <Icon name="close" />
        </button>
      </div>
      <div class="panel-scroll" tabIndex={0}>
        {failed && (
          <p class="wrong" role="alert">
            {w.articleFailed}
          </p>
        )}
        {!article && !failed && <p class="quiet-text">{w.loading}</p>}
        {article && (
          <article lang={article.locale} dir="auto">
            <p class="panel-collection">{article.collection}</p>
            <h2>{article.title}</h2>
            <p class="quiet-text" lang={locale.value}>
              {[article.updated_at ? w.updated(new Date(article.updated_at).toLocaleDateString(region.value, { dateStyle: "medium" })) : "", article.version ? w.version(article.version) : ""]
                .filter(Boolean)
                .join(" · ")}
            </p>
            <div ref={content} class="prose" />
          </article>
        )}
      </div>
    </dialog>
  );
}
