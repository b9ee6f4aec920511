package evaluate

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
)

func TestReadStates(t *testing.T) {
	t.Parallel()
	good := `{"id":"a","locale":"en","market":"gb","turns":[{"customer":"x","outcome":"answered","helpful":false}],"now":"y","stuck":true,"why":"z"}`
	read := func(text string) ([]State, error) {
		return ReadStates(fstest.MapFS{"s/one.jsonl": {Data: []byte(text)}, "s/readme.md": {Data: []byte("no")}}, "s")
	}
	states, err := read(good + "\n\n")
	if err != nil || len(states) != 1 || !states[0].Stuck || *states[0].Turns[0].Helpful {
		t.Fatalf("%v: %+v", err, states)
	}
	for text, want := range map[string]string{
		good + "\n" + good:                                 "s/one.jsonl:2",
		strings.Replace(good, "answered", "lost", 1):       "unknown outcome",
		strings.Replace(good, `"now":"y"`, `"now":" "`, 1): "missing",
		strings.Replace(good, `"why"`, `"because"`, 1):     "unknown field",
		strings.Replace(good, `"id":"a"`, `"id":""`, 1):    "missing",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// A state is lived through: what was said, by whom, from where, what came of it and what the customer thought of it.
func TestSee(t *testing.T) {
	t.Parallel()
	no := false
	s := &script{alone: map[string][]string{"late fee?": {"fees#how-much"}, "which card": {"cards#"}, "no": {"cards#"}, "???": {"cards#"}}}
	seen, err := See(t.Context(), s, []State{{ID: "a", Locale: "en", Market: "gb", Now: "???", Turns: []StateTurn{
		{Customer: "late fee?", Outcome: chat.Answered, Helpful: &no}, {Customer: "which card", Outcome: chat.Clarified}, {Customer: "no", Outcome: chat.OfferedHuman},
	}}})
	if err != nil || len(seen) != 1 || len(s.claims) != 4 {
		t.Fatalf("%v, %d claims", err, len(s.claims))
	}
	c := s.claims[3]
	if got := fmt.Sprint(c.Past[0].Outcome, c.Past[1].Outcome, c.Past[2].Outcome); got != fmt.Sprint(chat.OfferedHuman, chat.Clarified, chat.Answered) {
		t.Errorf("past, newest first: %s", got)
	}
	h := c.History
	if len(h) != 6 || h[1].Author != chat.Assistant || h[1].Text != "From fees#how-much" || h[1].Citations[0].Article != "fees" || h[1].Helpful == nil || *h[1].Helpful {
		t.Errorf("history: %+v", h)
	}
	if !strings.HasSuffix(h[3].Text, "- Cards\n- Invoices") || h[3].Helpful != nil || h[5].Text != assistant.Text("en", "offer") {
		t.Errorf("asked back %q, offered %q", h[3].Text, h[5].Text)
	}
	if c.Text() != "???" || c.Messages[0].Seq != 7 {
		t.Errorf("now: %+v", c.Messages)
	}
	if _, err := See(t.Context(), s, []State{{ID: "b", Locale: "en", Now: "break"}}); err == nil || !strings.Contains(err.Error(), "b: broken") {
		t.Errorf("an error that names the state: %v", err)
	}
}

// labelledSeen are states of which those who tell are stuck eight times in nine, the others once in nine; those held back
// are labelled the other way round.
func labelledSeen() []Seen {
	var all []Seen
	for i := range 300 {
		tells := i%2 == 0
		stuck := tells != (i/2%9 == 0)
		s := Seen{State: State{ID: fmt.Sprint(i), Locale: "en", Stuck: stuck}, Part: Fit, Decision: &assistant.Decision{Stuck: assistant.StuckSigns{Turns: 1, Tells: tells}}}
		if i >= 200 {
			s.Part, s.Stuck = Test, !stuck
		}
		all = append(all, s)
	}
	return all
}

func TestFitStuck(t *testing.T) {
	t.Parallel()
	w := FitStuck(labelledSeen())
	for _, k := range []struct {
		signs assistant.StuckSigns
		want  float64
	}{{assistant.StuckSigns{Turns: 1, Tells: true}, 0.89}, {assistant.StuckSigns{Turns: 1}, 0.11}} {
		if p := w.P(k.signs.Inputs()); math.Abs(p-k.want) > 0.03 {
			t.Errorf("%+v: %.3f, want %.2f", k.signs, p, k.want)
		}
	}
}

func TestStuckEntry(t *testing.T) {
	t.Parallel()
	sure := assistant.StuckSigns{Turns: 2, Failed: true, Tells: true, Counts: true, Again: true}
	state := func(id, locale string, stuck bool, signs assistant.StuckSigns, a assistant.Action) Seen {
		return Seen{State: State{ID: id, Locale: locale, Stuck: stuck, Now: "now"}, Part: Test, Decision: &assistant.Decision{Stuck: signs, Action: a}}
	}
	e := StuckEntry("stuck", []Seen{
		state("a", "en", true, sure, assistant.Offer), state("b", "en", true, assistant.StuckSigns{Turns: 1}, assistant.Answer),
		state("c", "de", false, sure, assistant.HandOff), state("d", "en", false, assistant.StuckSigns{}, assistant.Answer),
	})
	for key, want := range map[string]float64{
		"n": 4, "stuck": 2, "offer_precision": 0.5, "offer_recall": 0.5, "offer_fpr": 0.5, "person_recall": 0.5, "stepped_in": 0.5, "stepped_in_wrongly": 0.5,
		"auroc": 0.625, "auroc_en": 1, "brier": 0.5, "ece": 0.49, "stuck_wrongly": 0,
	} {
		if got, ok := e.Figures[key]; !ok || math.Abs(got-want) > 0.03 {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
	if _, ok := e.Figures["auroc_de"]; ok {
		t.Error("an AUROC of one class")
	}
	if c := e.Cases[1]; c.ID != "b" || c.Score != 0 || !c.Outcome || c.Want[0] != "stuck" || c.Got[0] != "not stuck" {
		t.Errorf("%+v", c)
	}
}
