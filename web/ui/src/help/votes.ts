// Votes on an article without a new page. The forms work without this script too; when the server cannot be reached, the
// page says so and keeps what was written.

export function votes(part: HTMLElement): void {
  const { api = "", thanks = "", noted = "", failed = "" } = part.dataset;
  let vote = "";

  function say(text: string): void {
    const h = document.createElement("h2");
    h.id = "helpful-title";
    h.tabIndex = -1;
    h.textContent = text;
    part.replaceChildren(h);
    h.focus(); // what had the focus is gone
  }

  part.addEventListener("submit", (e) => {
    const form = e.target as HTMLFormElement;
    e.preventDefault();
    const given = new FormData(form, e.submitter);
    const text = (name: string) => String(given.get(name) ?? "");
    const helpful = text("helpful") === "yes";
    const earlier = vote || text("vote");
    const buttons = [...form.querySelectorAll("button")];
    for (const b of buttons) b.disabled = true;
    form.querySelector(".wrong")?.remove();
    const body = { helpful, reason: text("reason"), comment: text("comment"), ...(earlier ? { vote: earlier } : {}) };
    fetch(api, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
      .then(async (res) => {
        if (!res.ok) throw new Error(String(res.status));
        vote = ((await res.json()) as { vote: string }).vote;
        const why = part.querySelector("template");
        if (helpful) say(thanks);
        else if (form.matches(".why") || !why) say(noted);
        else {
          part.replaceChildren(why.content.cloneNode(true));
          part.querySelector<HTMLElement>("h2")?.focus();
        }
      })
      .catch(() => {
        for (const b of buttons) b.disabled = false;
        const p = document.createElement("p");
        p.className = "wrong";
        p.setAttribute("role", "alert");
        p.textContent = failed;
        form.append(p);
      });
  });
}
