package kb

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

const appGuide = `start: reopen
steps:
  reopen:
    say: Close the app and open it again.
    check: Does it *open* now?
    options:
      - {label: "It opens", done: "Good. Nothing more is needed."}
      - {label: "It closes again", to: update}
  update:
    say: "Install the newest version: App Store > Updates."
    check: And now?
    options:
      - {label: "It works", done: "Good."}
      - {label: "Start over", to: reopen}
      - {label: "Still not", contact: {topic: trouble_with_app, ready: [version of the app]}}
`

func withGuide(guide string) string {
	return "Some words before.\n\n## Step by step\n\n```guide\n" + guide + "```\n\nSome words after.\n"
}

func TestParseGuide(t *testing.T) {
	t.Parallel()
	g, err := ParseGuide(appGuide)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Order(); !slices.Equal(got, []string{"reopen", "update"}) {
		t.Errorf("in order %v", got)
	}
	for want, change := range map[string][2]string{
		"which is no step; name one":     {"start: reopen", "start: nowhere"},
		"leads to \"gone\"":              {"to: update", "to: gone"},
		"is never reached":               {"to: update", "done: Good"},
		"exactly one of":                 {`done: "Good."`, `done: "Good.", to: reopen`},
		"has no options":                 {"    options:\n      - {label: \"It works\"", "    options: []\n  other:\n    say: x\n    options:\n      - {label: \"It works\""},
		"stands twice":                   {"It works", "still NOT!"},
		"has no words":                   {"say: Close the app and open it again.", "say: \"...\""},
		"unknown field":                  {"check: And now?", "chek: And now?"},
		"lower-case letters":             {"reopen", "Re Open"},
		"characters; at most 300":        {"And now?", strings.Repeat("long ", 80)},
		"must stand on one line":         {`"Good."`, `"Good.\nOr not."`},
		"things to have ready; at most":  {"[version of the app]", "[a, b, c, d, e, f]"},
		"characters; at most 80":         {"It opens", strings.Repeat("x", 81)},
		"put texts with":                 {"check: And now?", "check: And: now?"},
		"at most 40 are allowed, split":  {"steps:\n", "steps:\n" + manySteps(41)},
		"has no steps":                   {appGuide, "start: reopen\nsteps: {}\n"},
		"has 9 options; at most 8":       {`      - {label: "It works", done: "Good."}`, manyOptions(7)},
		"is larger than 32 KiB":          {appGuide, strings.Repeat("#", maxFront+1)},
		"leads round in a circle; give ": {appGuide, "start: a\nsteps:\n  a: {say: A, options: [{label: L, to: b}]}\n  b: {say: B, options: [{label: L, to: a}]}\n"},
	} {
		bad := strings.ReplaceAll(appGuide, change[0], change[1])
		if bad == appGuide {
			t.Fatalf("%q is not in the guide", change[0])
		}
		if _, err := ParseGuide(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func manySteps(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  s%d: {say: A, options: [{label: L, done: D}]}\n", i)
	}
	return b.String()
}

func manyOptions(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("      - {label: L%d, done: D}", i))
	}
	return strings.Join(all, "\n")
}

// A guide is a list to a reader, keeps no markup of its own, and leaves every other article as it was.
func TestGuideAsAList(t *testing.T) {
	t.Parallel()
	html, _ := RenderHTML(withGuide(appGuide), RenderOptions{})
	for _, want := range []string{"<ol>", "Close the app and open it again. Does it *open* now?", "<strong>It closes again</strong> → 2", "App Store &gt; Updates", `<a href="/chat">`, "(version of the app)", "Some words after."} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not in %s", want, html)
		}
	}
	if strings.Contains(html, "<code") || strings.Contains(html, "options:") {
		t.Errorf("the block shows through: %s", html)
	}
	evil := strings.Replace(appGuide, "Good. Nothing more is needed.", "<script>alert(1)</script> [x](javascript:alert(1)) ![y](https://x.example/p.png)", 1)
	if html, _ = RenderHTML(withGuide(evil), RenderOptions{}); strings.Contains(html, "<script") || strings.Contains(html, "<img") || strings.Contains(html, `href="javascript`) {
		t.Errorf("it runs: %s", html)
	}
	for _, md := range []string{"Call our guide.\n", "```go\nguide\n```\n", "```guide\nnot: a guide\n```\n", ""} {
		if got := GuideProse(md); got != md {
			t.Errorf("%q became %q", md, got)
		}
	}
	if GuideIn(withGuide(appGuide)) == nil || GuideIn("```guide\nnot: a guide\n```\n") != nil {
		t.Error("guides are found where there are none, or not where there is one")
	}
}

// Search reads a guide's words, and a passage holds the whole of it.
func TestGuideIsOnePassage(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range Chunk(Document{Title: "T", Collection: "c", Markdown: withGuide(appGuide)}) {
		if strings.Contains(p.Text, "```") || strings.Contains(p.Text, "options:") {
			t.Errorf("the text is the block's: %q", p.Text)
		}
		if GuideIn(p.Markdown) != nil {
			found++
			if !strings.Contains(p.Text, "Install the newest version") || !strings.Contains(p.Text, "It closes again") {
				t.Errorf("search does not read %q", p.Text)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d passages hold the guide", found)
	}
}

func TestLintGuide(t *testing.T) {
	t.Parallel()
	d := Document{Slug: "a", Locale: "en", Title: "T", Markdown: withGuide(strings.Replace(appGuide, "to: update", "to: gone", 1)), BodyLine: 10}
	two := Document{Slug: "b", Locale: "en", Title: "U", Markdown: withGuide(appGuide) + withGuide(appGuide), BodyLine: 10}
	rules := map[string]int{}
	for _, p := range Lint([]Document{d, two}) {
		if p.Rule == "bad_guide" || p.Rule == "second_guide" {
			rules[p.Rule] = p.Line
		}
	}
	if rules["bad_guide"] < 14 || rules["bad_guide"] > 15 || rules["second_guide"] == 0 {
		t.Errorf("found at lines %v", rules)
	}
}

// Whatever is accepted can be walked to an end from wherever one is, by choosing well, and is drawn as a list with every step.
func TestAcceptedGuidesEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "steps")
		g := Guide{Start: "s0", Steps: map[string]GuideStep{}}
		words := rapid.StringMatching(`[a-zA-Z#*_<>\[\]:"'|.!-]{0,6}[a-z]{1,4}[^\x00-\x1f\x7f]{0,8}`)
		for i := range n {
			s := GuideStep{Say: words.Draw(t, "say"), Check: rapid.OneOf(rapid.Just(""), words).Draw(t, "check")}
			for k := range rapid.IntRange(1, 3).Draw(t, "options") {
				o := GuideOption{Label: fmt.Sprintf("%d%s", k, words.Draw(t, "label"))}
				switch to := rapid.IntRange(0, n+1).Draw(t, "to"); to {
				case n:
					o.Done = words.Draw(t, "done")
				case n + 1:
					o.Contact = &GuideContact{}
				default:
					o.To = fmt.Sprintf("s%d", to)
				}
				s.Options = append(s.Options, o)
			}
			g.Steps[fmt.Sprintf("s%d", i)] = s
		}
		source, err := yaml.Marshal(g)
		if err != nil {
			t.Skip("cannot be written")
		}
		read, err := ParseGuide(string(source))
		if err != nil {
			return
		}
		if len(read.Order()) != n {
			t.Fatalf("%d of %d steps are reached", len(read.Order()), n)
		}
		for id := range read.Steps {
			if !endsFrom(read, id) {
				t.Fatalf("no end from %s in\n%s", id, source)
			}
		}
		md := withGuide(string(source))
		if GuideIn(md) == nil {
			return // its words ended the block
		}
		html, _ := RenderHTML(md, RenderOptions{})
		if got := strings.Count(html, "<li>"); got < n {
			t.Fatalf("%d items for %d steps: %s", got, n, html)
		}
	})
}

func endsFrom(g *Guide, id string) bool {
	seen := map[string]bool{}
	for todo := []string{id}; len(todo) > 0; todo = todo[1:] {
		if seen[todo[0]] {
			continue
		}
		seen[todo[0]] = true
		for _, o := range g.Steps[todo[0]].Options {
			if o.To == "" {
				return true
			}
			todo = append(todo, o.To)
		}
	}
	return false
}
