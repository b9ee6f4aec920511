package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/firstline/firstline/kb"
)

const printerGuide = "Words before.\n\n```guide\n" + `start: plug
steps:
  plug:
    say: Plug it in <b>firmly</b>.
    check: Does the light come on?
    options:
      - {label: "It does", done: "Good & done."}
      - {label: "It stays dark", to: fuse}
  fuse:
    say: Change the fuse.
    options:
      - {label: "Once more", to: plug}
      - {label: "Still dark", contact: {ready: [the number on the back]}}
` + "```\n"

// A guide is walked by links alone: every step, its end, the way back, and addresses that somebody made up.
func TestGuidePages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc := kb.Document{Slug: "dark-light", Collection: "app", Locale: "en", Audience: kb.Consumer, Title: "The light stays dark", Description: "What to do.", Markdown: printerGuide}
	if _, err := b.articles.Publish(t.Context(), []kb.Document{doc}, kb.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		t.Helper()
		a := b.do("GET", path, "")
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d", path, a.status)
		}
		return string(a.body)
	}
	link := regexp.MustCompile(`href="(/help/dark-light/guide\?[^"]*)"[^>]*>([^<]*)</a>`)
	follow := func(page, label string) string {
		t.Helper()
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			if m[2] == label {
				return get(strings.ReplaceAll(m[1], "&amp;", "&"))
			}
		}
		t.Fatalf("%q is no link of %s", label, page)
		return ""
	}
	const q = "?locale=en&market=gb"
	article := get("/help/dark-light" + q)
	if !strings.Contains(article, "Change the fuse.") || !strings.Contains(article, "<ol>") || strings.Contains(article, "steps:") {
		t.Errorf("the article does not read as a list: %s", article)
	}
	first := follow(article, "Go through it step by step")
	if !strings.Contains(first, "Step 1") || !strings.Contains(first, "Plug it in &lt;b&gt;firmly&lt;/b&gt;.") || strings.Contains(first, "Change the fuse") || strings.Contains(first, "<script>") {
		t.Errorf("the first step: %s", first)
	}
	second := follow(first, "It stays dark")
	if !strings.Contains(second, "Step 2") || !strings.Contains(second, "<strong>It stays dark</strong>") {
		t.Errorf("the second step: %s", second)
	}
	if back := follow(second, "One step back"); !strings.Contains(back, "Step 1") {
		t.Errorf("back: %s", back)
	}
	if round := follow(second, "Once more"); !strings.Contains(round, "Step 3") || !strings.Contains(round, "Plug it in") {
		t.Errorf("round: %s", round)
	}
	if end := follow(second, "Still dark"); !strings.Contains(end, "A person can go on from here") || !strings.Contains(end, "the number on the back") {
		t.Errorf("the end at a person: %s", end)
	}
	if end := follow(first, "It does"); !strings.Contains(end, "Good &amp; done.") {
		t.Errorf("the end: %s", end)
	}
	for _, trail := range []string{"9", "x", "-1", "1.9", "0.0", "1.1.0", "1..0", "%3Cscript%3E", strings.Repeat("1.0.", 100) + "1"} {
		if page := get("/help/dark-light/guide" + q + "&trail=" + trail); !strings.Contains(page, "Step 1<") {
			t.Errorf("trail %s does not begin again", trail)
		}
	}
	for _, path := range []string{"/help/none/guide", "/help/dark/guide"} {
		if a := b.do("GET", path+q, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
