package assistant

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
)

// signsOf are the signs of a talk in which every turn was answered.
func signsOf(language string, lines ...string) StuckSigns {
	c := talk(lines...)
	for _, m := range c.History {
		if m.Author == chat.Assistant {
			c.Past = append(c.Past, chat.PastTurn{Outcome: chat.Answered})
		}
	}
	r := read(c, c.Text(), language)
	return stuckSigns(c, triage.Detect(c.Text()), &r)
}

// What customers say of how it goes is heard in each language, with or without accents; and what only sounds like it is
// not.
func TestHearsHowItGoes(t *testing.T) {
	t.Parallel()
	for _, k := range []struct{ language, text, want string }{
		{"en", "That didn’t help at all", "failed tells counts"},
		{"en", "that didnt work", "failed tells counts"},
		{"en", "I have already read that page", "tried tells"},
		{"en", "the same error again", "again tells"},
		{"en", "as I said, it is the blue one", "again tells"},
		{"en", "nope, the button stays grey", "failed tells denies"},
		{"en", "WHERE IS MY MONEY", "loud"},
		{"en", "works now", "over"},
		{"en", "One more thing, does it work abroad?", "over"},
		{"en", "and what does it cost?", ""},
		{"en", "does that work abroad?", ""},
		{"en", "until when can I do that", ""},
		{"en", "I paid by card", "tells"},
		{"en", "sorry, I meant the direct debit, not the plan", ""},
		{"de", "Das hat nichts gebracht", "failed tells counts"},
		{"de", "Hab ich alles schon gemacht", "tried tells"},
		{"de", "Immer noch gesperrt", "again tells"},
		{"de", "Kann ich das auch im Laden?", ""},
		{"de", "Jetzt geht es wieder", "over"},
		{"es", "Eso no me sirve", "failed tells counts"},
		{"es", "ya lo intente", "tried tells"},
		{"es", "sigue igual", "again tells"},
		{"es", "¿Y cuándo vale?", ""},
		{"sv", "Det hjälpte inte", "failed tells counts"},
		{"sv", "jag har redan testat", "tried tells"},
		{"sv", "fortfarande last", "again tells"},
		{"sv", "Kan man göra det i butik?", ""},
		{"fr", "ça ne marche toujours pas", "failed again tells counts"},
	} {
		s := signsOf(k.language, "card?", "> ...", k.text)
		var got []string
		for _, x := range []struct {
			sign bool
			name string
		}{{s.Failed, "failed"}, {s.Tried, "tried"}, {s.Again, "again"}, {s.Loud, "loud"}, {s.Over, "over"}, {s.Tells, "tells"}, {s.Denies, "denies"}, {s.Counts, "counts"}} {
			if x.sign {
				got = append(got, x.name)
			}
		}
		if g := strings.Join(got, " "); g != k.want {
			t.Errorf("%s %q: %q, want %q", k.language, k.text, g, k.want)
		}
	}
}

// Thumbs, loops and echoes are counted behind the fence only.
func TestCountsSinceTheFence(t *testing.T) {
	t.Parallel()
	c := talk("Where is my refund?", "> a", "Where is my refund?", "> b", "How do I change my card?", "> c", "and how do I delete my card?")
	no := false
	cite := func(i int, slug string) { c.History[i].Citations = []chat.Citation{{Article: slug}} }
	cite(1, "refunds")
	cite(3, "refunds")
	cite(5, "cards")
	c.History[3].Helpful = &no
	r := read(c, c.Text(), "en")
	if s := stuckSigns(c, nil, &r); s.Unhelpful != 1 || s.Poor || s.Loops != 1 || s.Echo == 0 {
		t.Errorf("%+v, want one thumb down that is not the last, one loop and an echo", s)
	}
	c.History[5].Helpful = &no
	if s := stuckSigns(c, nil, &r); s.Unhelpful != 2 || !s.Poor {
		t.Errorf("%+v, want a thumb down on the last answer, too", s)
	}
	c.Conversation.FenceSeq = 6
	if s := stuckSigns(c, nil, &r); s.Unhelpful != 0 || s.Poor || s.Loops != 0 || s.Echo != 0 {
		t.Errorf("%+v, from before the fence", s)
	}
}

// An answer that the customer stopped is no question left open, and asking again after it is no sign of going in circles.
func TestStoppedIsNoSign(t *testing.T) {
	t.Parallel()
	c := talk("Where is my refund from the shop?", "> It", "Where is my refund from the shop?")
	c.History[1].Stopped = true
	c.History[1].Citations = []chat.Citation{{Article: "refunds"}}
	c.Past = []chat.PastTurn{{Outcome: chat.Cancelled, Reason: chat.StoppedByCustomer, From: 1, To: 1}}
	r := read(c, c.Text(), "en")
	if s := stuckSigns(c, nil, &r); s.Turns+s.Unanswered+s.Repeats+s.Loops != 0 || s.Echo != 0 || s.P() != 0 {
		t.Errorf("asked again after stopping: %+v, %.2f", s, s.P())
	}
	offer, _ := StuckBars()
	c = talk("How do I add a card?", "> Like this", "Where is my refund from the shop?", "> It", "Where is my refund from the shop?")
	c.History[3].Stopped = true
	c.Past = []chat.PastTurn{{Outcome: chat.Cancelled, Reason: chat.StoppedByCustomer, From: 3, To: 3}, {Outcome: chat.Answered}}
	r = read(c, c.Text(), "en")
	if s := stuckSigns(c, nil, &r); s.Turns != 1 || s.Repeats != 0 || s.P() >= offer {
		t.Errorf("asked again after stopping, later on: %+v, %.2f", s, s.P())
	}
	// A turn that somebody else ended leaves its question open, and counts as before.
	c.Past[0] = chat.PastTurn{Outcome: chat.Cancelled}
	c.History[3].Stopped = false
	if s := stuckSigns(c, nil, &r); s.Turns != 2 || s.Unanswered != 1 || s.Repeats != 1 {
		t.Errorf("ended by somebody else: %+v", s)
	}
}

// The probability grows with what goes wrong, and is nothing before the assistant has spoken.
func TestPStuck(t *testing.T) {
	t.Parallel()
	offer, person := StuckBars()
	if p := pStuck(StuckSigns{Frustrated: true, Loud: true, Tells: true, Failed: true}); p != 0 {
		t.Errorf("an angry first message: %.2f", p)
	}
	for _, k := range []struct {
		name     string
		signs    StuckSigns
		from, to float64
	}{
		{"a question after an answer", StuckSigns{Turns: 1}, 0, 0.1},
		{"many questions later", StuckSigns{Turns: 9}, 0, 0.1},
		{"a thumb down, and another question", StuckSigns{Turns: 1, Unhelpful: 1, Poor: true}, 0, offer},
		{"a thumb down long ago", StuckSigns{Turns: 4, Unhelpful: 1}, 0, 0.2},
		{"it did not help", StuckSigns{Turns: 1, Failed: true, Tells: true, Counts: true}, person, 1},
		{"the same after a thumb down", StuckSigns{Turns: 1, Repeats: 1, Echo: 1, Unhelpful: 1, Poor: true}, person, 1},
		{"thanks", StuckSigns{Turns: 1, Over: true}, 0, 0.05},
	} {
		if p := pStuck(k.signs); p < k.from || p > k.to {
			t.Errorf("%s: %.3f, want from %.2f to %.2f", k.name, p, k.from, k.to)
		}
	}
	if w := stuckWeights; len(w) != len(StuckPrior) || len(w) != len(StuckSigns{}.Inputs()) {
		t.Errorf("%d weights, %d priors, %d inputs", len(w), len(StuckPrior), len(StuckSigns{}.Inputs()))
	}
}

// Promise 7: the signs that are stored give the same probability again, to the last bit.
func TestStuckSignsStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.Make[StuckSigns]().Draw(t, "signs")
		raw, err := json.Marshal(s)
		if err != nil {
			t.Skip("no share is infinite")
		}
		var again StuckSigns
		if err := json.Unmarshal(raw, &again); err != nil || again.P() != s.P() || !slices.Equal(again.Inputs(), s.Inputs()) {
			t.Errorf("%v: %+v gives %v, read back %v", err, s, s.P(), again.P())
		}
	})
}

// While an article is sure, a person is offered before one is brought; an offer that was not taken, or no sure article,
// brings one at once. Anger in the first message does not keep an answer back.
func TestOfferedBeforeBrought(t *testing.T) {
	t.Parallel()
	stuck := StuckSigns{Turns: 2, Failed: true, Tells: true, Counts: true, Again: true}
	offered := stuck
	offered.Turns, offered.Offered = 3, 1
	for _, k := range []struct {
		name  string
		signs StuckSigns
		sure  bool
		want  Action
	}{
		{"angry at once", StuckSigns{Frustrated: true, Loud: true}, true, Answer},
		{"goes on", StuckSigns{Turns: 2}, true, Answer},
		{"stuck", stuck, true, Offer},
		{"stuck after an offer", offered, true, HandOff},
		{"stuck and no article is sure", stuck, false, HandOff},
	} {
		d := Decision{Language: "en", Words: 6, Stuck: k.signs, Retrieved: true, Chosen: k.sure, Candidates: []Candidate{{Article: "a"}}, TopicInfo: &TopicPolicy{Key: "x", Priority: 4, AI: triage.AIYes, Group: HowTo}}
		d.Decide()
		if d.Action != k.want || k.want == HandOff && d.Reason != Stuck {
			t.Errorf("%s: %s (%s, %.2f, %+v), want %s", k.name, d.Action, d.Reason, d.PStuck, d.Costs, k.want)
		}
	}
}

// Agents read what speaks for it.
func TestStuckWords(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]StuckSigns{
		"the same question again, answers marked as not helpful":   {Repeats: 1, Unhelpful: 1, Tells: true},
		"says that it did not help, has tried it already":          {Failed: true, Tried: true},
		"goes on after an answer without asking anything new":      {Tells: true},
		"asked back more than once, the same article quoted again": {Clarified: 2, Loops: 1},
	} {
		if got := s.words(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPhrases(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		pattern, text string
		want          bool
	}{
		{"a b", "x a b y", true},
		{"a b", "a x b", false},
		{"a ~1 b", "a x b", true},
		{"a ~1 b", "a x x b", false},
		{"a|c b", "c b", true},
		{"help*", "that helped", true},
		{"^ b", "a b", false},
		{"^ ~1 b", "a b", true},
		{"a b|$", "x a", true},
		{"a b|$", "a x", false},
		{"fünf", "FUNF", false},
		{"doesn't", "doesnt", true},
	} {
		if got := readPhrases(k.pattern).in([][]string{strings.Fields(k.text)}); got != k.want {
			t.Errorf("%q in %q: %v", k.pattern, k.text, got)
		}
	}
	if hurried("Don’t") != "Dont" || hurried("está") != "esta" {
		t.Errorf("%q, %q", hurried("Don’t"), hurried("está"))
	}
}

func BenchmarkStuckSigns(b *testing.B) {
	c := talk("Wie lange dauert eine Erstattung auf die Karte?", "> ...", "und aufs Bankkonto?", "> ...", "Das hilft mir leider nicht weiter, ich habe alles schon versucht und es steht immer noch dieselbe Meldung da")
	r := read(c, c.Text(), "de")
	for b.Loop() {
		stuckSigns(c, nil, &r)
	}
}
