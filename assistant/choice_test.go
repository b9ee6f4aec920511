package assistant

import (
	"testing"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/retrieval"
)

// undecided is a decision before its choice, about an article of the money shelf.
func undecided(f retrieval.Features) *Decision {
	f.Candidates = 8
	return &Decision{
		Words: 5, Asks: true, Retrieved: true, Features: f, Shelf: Money, Options: []string{"Refunds", "Late fees"},
		Candidates: []Candidate{{Article: "refunds"}, {Article: "late-fees"}},
	}
}

// The action is the one that costs least, and never an answer below the threshold.
func TestChoice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Decision)
		want   Action
		reason Reason
	}{
		"a sure article":      {func(*Decision) {}, Answer, Quoted},
		"below the threshold": {func(d *Decision) { d.Policy.Bars = map[string]float64{Money: 0.995} }, Clarify, LowConfidence},
		"below the threshold, asked back already": {func(d *Decision) {
			d.Policy.Bars = map[string]float64{Money: 0.995}
			d.Stuck.Clarified, d.Stuck.InRow = 1, 1
		}, HandOff, LowConfidence},
		"another group's threshold": {func(d *Decision) { d.Policy.Bars = map[string]float64{HowTo: 0.995} }, Answer, Quoted},
		"an editor's own question": {func(d *Decision) {
			d.Policy.Bars = map[string]float64{Money: 1}
			d.Features.Ask, d.Features.AskSection, d.Features.AskMargin = 1, 1, 0.4
		}, Answer, Quoted},
		"the question of two articles": {func(d *Decision) {
			d.Policy.Bars = map[string]float64{Money: 1}
			d.Features.Ask, d.Features.AskSection, d.Features.AskMargin = 1, 1, 0.1
		}, Clarify, LowConfidence},
		"a question that no article answers": {func(d *Decision) { d.Features.Outside, d.Features.Ask = 0.9, 0.2 }, Offer, NoArticle},
		"the same, after an offer":           {func(d *Decision) { d.Features.Outside, d.Stuck.Offered = 0.9, 1 }, HandOff, NoArticle},
		"the same, of a topic that a person sees": {func(d *Decision) {
			d.Features.Outside = 0.9
			d.TopicInfo = &TopicPolicy{Key: "income_loss", P: 0.9, Priority: 2, AI: triage.AIInfo, Group: Money}
		}, HandOff, NoArticle},
		"nearer to one that the article is asked with": {func(d *Decision) { d.Features.Outside, d.Features.Ask = 0.9, 0.9 }, Answer, Quoted},
		"asked back before the last answer":            {func(d *Decision) { d.Policy.Bars = map[string]float64{Money: 0.995}; d.Stuck.Clarified = 1 }, Clarify, LowConfidence},
		"asked back three times":                       {func(d *Decision) { d.Policy.Bars = map[string]float64{Money: 0.995}; d.Stuck.Clarified = 3 }, HandOff, LowConfidence},
		"an option that was chosen":                    {func(d *Decision) { d.Policy.Bars = map[string]float64{Money: 1}; d.Chosen = true }, Answer, Quoted},
		"nothing found":                                {func(d *Decision) { d.Candidates, d.Features = nil, retrieval.Features{} }, HandOff, NoArticle},
		"the search failed":                            {func(d *Decision) { d.Failed = true }, HandOff, RetrievalFailed},
		"a topic that a person sees, too": {func(d *Decision) {
			d.TopicInfo = &TopicPolicy{Key: "income_loss", P: 0.9, Priority: 2, AI: triage.AIInfo, Group: Money}
		}, Answer, Quoted},
		"such a topic without an article": {func(d *Decision) {
			d.TopicInfo = &TopicPolicy{Key: "income_loss", P: 0.9, Priority: 2, AI: triage.AIInfo, Group: Money}
			d.Policy.Bars = map[string]float64{Money: 0.995}
		}, HandOff, PriorityTopic},
	} {
		d := undecided(retrieval.Features{Share: 1, SentenceMargin: 0.4, PhraseMargin: 0.3, Title: 0.6, Words: 4, Grams: 1, Coverage: 1, Margin: 0.6, LexTop: 1})
		c.change(d)
		d.Decide()
		if d.Action != c.want || d.Reason != c.reason {
			t.Errorf("%s: %s, %s (p %.3f, among %.3f, threshold %.3f, %+v), want %s, %s", name, d.Action, d.Reason, d.PCorrect, d.PAmong, d.Threshold, d.Costs, c.want, c.reason)
		}
	}
}

// The more careful of the topic's group and of the article's collection counts.
func TestGroupOfAChoice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ topic, shelf, want string }{
		{"", "", Normal}, {"", HowTo, HowTo}, {HowTo, Money, Money}, {Money, HowTo, Money}, {Normal, HowTo, Normal}, {HowTo, "", HowTo},
	} {
		d := &Decision{Shelf: c.shelf}
		if c.topic != "" {
			d.TopicInfo = &TopicPolicy{Group: c.topic}
		}
		if got := d.group(); got != c.want {
			t.Errorf("topic %q, collection %q: %s, want %s", c.topic, c.shelf, got, c.want)
		}
	}
}
