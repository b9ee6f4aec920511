package assistant

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/retrieval"
)

// rival is an article that says otherwise than refunds.
var rival = retrieval.Passage{
	ID: 3, ArticleID: uuid.MustParse("00000000-0000-7000-8000-0000000000a3"), Slug: "returns", Title: "Returns", Locale: "en", Score: 0.7,
	Markdown: "After the shop confirms it, a refund reaches your card within 14 days.",
	Text:     "After the shop confirms it, a refund reaches your card within 14 days.",
}

func TestConflictIsHandedOff(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{}, Config{})
	b.search = found(refunds, rival)
	r := b.ask(t, b.start(t, "en"), question)
	if r.outcome != chat.HandedOff || r.decision.Reason != ConflictingArticles {
		t.Fatalf("%s by %s: %q", r.outcome, r.decision.Reason, r.text)
	}
	for _, s := range []string{"refunds says", "within 5 days", "returns says", "within 14 days"} {
		if !strings.Contains(r.decision.Explanation, s) {
			t.Errorf("the agent is not told %q: %q", s, r.decision.Explanation)
		}
	}
	if strings.Contains(r.log, "“A refund") || !strings.Contains(r.text, text("en", "dont_know")) {
		t.Errorf("the customer reads %q", r.text)
	}
	if len(r.prompts) != 0 {
		t.Error("the model was asked although nothing will be answered")
	}
}

func TestConflictsIn(t *testing.T) {
	t.Parallel()
	with := func(change func(p *retrieval.Passage)) retrieval.Passage {
		p := rival
		change(&p)
		return p
	}
	say := func(md string) func(p *retrieval.Passage) {
		return func(p *retrieval.Passage) { p.Markdown, p.Text = md, md }
	}
	for _, c := range []struct {
		name  string
		other retrieval.Passage
		found bool
	}{
		{"another value", rival, true},
		{"in a list", with(say("Good to know:\n\n- it is free\n- a refund reaches your card within 14 days after the shop confirms it")), true},
		{"in a row of this market's", with(say("| | gb | es |\n|---|---|---|\n| A refund reaches your card after the shop confirms it | 14 days | 5 days |")), true},
		{"in another market's column", with(say("| | gb | es |\n|---|---|---|\n| A refund reaches your card after the shop confirms it | 5 days | 14 days |")), false},
		{"said of another country", with(say("In Spain, a refund reaches your card within 14 days after the shop confirms it.")), false},
		{"another audience", with(func(p *retrieval.Passage) { p.Audience = "merchant" }), false},
		{"another language", with(func(p *retrieval.Passage) { p.Locale = "de" }), false},
		{"far below", with(func(p *retrieval.Passage) { p.Score = 0.3 }), false},
		{"the same article", with(func(p *retrieval.Passage) { p.ArticleID, p.Slug = refunds.ArticleID, refunds.Slug }), false},
		{"the same value", with(say("After the shop confirms it, a refund reaches your card within 5 days.")), false},
		{"in an example of code", with(say("```\n" + rival.Text + "\n```")), false},
	} {
		if got := conflictsIn([]retrieval.Passage{refunds, c.other}, "gb"); (got != "") != c.found {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	byMarket := with(say("| | gb | es |\n|---|---|---|\n| A refund reaches your card after the shop confirms it | 14 days | 5 days |"))
	for range 2 { // what was read for one market is not kept for another
		if gb, es := conflictsIn([]retrieval.Passage{refunds, byMarket}, "gb"), conflictsIn([]retrieval.Passage{refunds, byMarket}, "es"); gb == "" || es != "" {
			t.Errorf("in gb %q, in es %q", gb, es)
		}
	}
}

// A conflict holds back an answer, and nothing else.
func TestConflictDecides(t *testing.T) {
	t.Parallel()
	decided := func(f retrieval.Features, change func(d *Decision)) *Decision {
		d := &Decision{Language: "en", Words: 7, Retrieved: true, Features: f, Candidates: []Candidate{{}}, Conflict: "a says 1, and b says 2."}
		if change != nil {
			change(d)
		}
		d.Decide()
		return d
	}
	if d := decided(sure, nil); d.Action != HandOff || d.Reason != ConflictingArticles || !strings.Contains(d.Explanation, d.Conflict) {
		t.Errorf("%s by %s: %s", d.Action, d.Reason, d.Explanation)
	}
	if d := decided(retrieval.Features{Candidates: 1}, nil); d.Reason == ConflictingArticles {
		t.Error("where nothing would have been answered, the conflict is not the reason")
	}
	if d := decided(sure, func(d *Decision) { d.Cues = triage.Detect("let me talk to a person") }); d.Reason != CustomerRequest {
		t.Errorf("a wish for a person comes first: %s", d.Reason)
	}
	info := func(d *Decision) { d.TopicInfo = &TopicPolicy{Key: "k", Priority: 2, AI: triage.AIInfo} }
	if d := decided(sure, info); d.Reason != ConflictingArticles || d.Priority != 2 || d.Topic != "k" {
		t.Errorf("the topic's priority stays: %s %s %d", d.Reason, d.Topic, d.Priority)
	}
}

// BenchmarkConflictsIn compares a section of the demo with five of other articles, as a turn does.
func BenchmarkConflictsIn(b *testing.B) {
	var ps []retrieval.Passage
	for i, file := range []string{"en/paying/late-fees", "en/paying/missed-payment", "en/paying/pay-in-30", "en/paying/payment-reminders", "en/paying/snooze-payment", "en/paying/collections-agency"} {
		p := demoPassages(b, file)[1]
		p.ArticleID, p.Score = uuid.UUID{byte(i)}, 1
		ps = append(ps, p)
	}
	for b.Loop() {
		if s := conflictsIn(ps, "gb"); s != "" {
			b.Fatal(s)
		}
	}
}
