// Suggestions while one types, as a combobox with a list (WAI-ARIA): the field keeps the focus, arrow keys choose, Enter
// opens, Escape closes. Without a choice Enter searches, as it does without this script. Texts are set as text, never as HTML.

interface Suggestion {
  title: string;
  locale: string;
  heading: string;
  collection_name: string;
  url: string;
}

const pause = 120; // milliseconds without a key before anything is asked for
const kept = 50; // answers kept, for whoever types back and forth

export function suggestions(form: HTMLFormElement): void {
  const input = form.querySelector<HTMLInputElement>("input[type=search]");
  const { suggest, label = "", many = "", none = "", all = "" } = form.dataset;
  if (!input || !suggest) return;

  const list = document.createElement("ul");
  list.className = "suggest";
  list.id = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label);
  const said = document.createElement("p");
  said.className = "hidden";
  said.setAttribute("role", "status");
  form.append(list, said);
  const set = (name: string, value: string) => input.setAttribute(`aria-${name}`, value);
  input.setAttribute("role", "combobox");
  set("autocomplete", "list");
  set("controls", list.id);
  set("expanded", "false");

  const answers = new Map<string, Suggestion[]>();
  let timer = 0;
  let asking: AbortController | undefined;
  let at = -1;

  const options = () => [...list.children] as HTMLElement[];

  function close(): void {
    clearTimeout(timer);
    asking?.abort();
    list.hidden = true;
    at = -1;
    set("expanded", "false");
    input!.removeAttribute("aria-activedescendant");
  }

  function choose(i: number): void {
    const every = options();
    at = i < -1 ? every.length - 1 : i >= every.length ? -1 : i;
    every.forEach((o, n) => o.setAttribute("aria-selected", String(n === at)));
    const chosen = every[at];
    if (chosen) {
      set("activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else input!.removeAttribute("aria-activedescendant");
  }

  function option(url: string, name: string, place: string, locale?: string): HTMLElement {
    const li = document.createElement("li");
    li.id = `suggestion-${list.children.length}`;
    li.setAttribute("role", "option");
    li.setAttribute("aria-selected", "false");
    li.dataset.url = url;
    const title = document.createElement("span");
    title.className = "name";
    title.textContent = name;
    if (locale) title.lang = locale;
    li.append(title);
    if (place) {
      const below = document.createElement("span");
      below.className = "place";
      below.textContent = place;
      li.append(below);
    }
    list.append(li);
    return li;
  }

  function show(q: string, found: Suggestion[]): void {
    list.replaceChildren();
    choose(-1);
    for (const s of found) option(s.url, s.title, s.heading && s.heading !== s.title ? `${s.collection_name} › ${s.heading}` : s.collection_name, s.locale);
    if (found.length > 0) option("", all.replace("{q}", () => q), "").classList.add("everything");
    list.hidden = found.length === 0;
    set("expanded", String(found.length > 0));
    said.textContent = found.length > 0 ? many.replace("{n}", String(found.length)) : none;
  }

  async function ask(q: string): Promise<void> {
    asking?.abort();
    const known = answers.get(q);
    if (known) return show(q, known);
    const mine = (asking = new AbortController());
    const query = new URLSearchParams(new FormData(form) as unknown as Record<string, string>);
    query.set("q", q);
    try {
      const res = await fetch(`${suggest}?${query}`, { signal: mine.signal, headers: { Accept: "application/json" } });
      if (!res.ok) return close(); // the search itself still works, or says why it does not
      const { suggestions: found } = (await res.json()) as { suggestions: Suggestion[] };
      if (answers.size >= kept) answers.clear();
      answers.set(q, found);
      if (!mine.signal.aborted && document.activeElement === input) show(q, found);
    } catch {
      if (!mine.signal.aborted) close();
    }
  }

  function go(o: HTMLElement): void {
    if (o.dataset.url) location.assign(o.dataset.url);
    else form.requestSubmit();
  }

  input.addEventListener("input", (e) => {
    clearTimeout(timer);
    if ((e as InputEvent).isComposing) return;
    const q = input.value.trim();
    if (q.length < 2) return close();
    timer = window.setTimeout(() => void ask(q), pause);
  });
  input.addEventListener("keydown", (e) => {
    if (e.isComposing) return;
    const open = !list.hidden;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      if (!open) {
        if (input.value.trim().length > 1) void ask(input.value.trim());
        return;
      }
      e.preventDefault();
      choose(e.key === "ArrowDown" ? at + 1 : at - 1);
    } else if (e.key === "Enter" && open && at >= 0) {
      e.preventDefault();
      const chosen = options()[at];
      if (chosen) go(chosen);
    } else if (e.key === "Escape" && open) {
      e.preventDefault(); // which would empty the field
      close();
    } else if (e.key === "Tab") close();
  });
  list.addEventListener("mousedown", (e) => e.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (e) => {
    const o = (e.target as Element).closest<HTMLElement>("[role=option]");
    if (o) go(o);
  });
  input.addEventListener("blur", close);
  form.addEventListener("submit", close);
}
