package assistant

import (
	"context"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/retrieval"
)

// What asks for no article is answered with a fixed text, in the customer's language, and costs nobody's time.
func TestSmallTalk(t *testing.T) {
	t.Parallel()
	for key, byLanguage := range map[string]map[string][]string{
		"identity": {
			"en": {"are you a human?", "Are you a bot?", "am I talking to a robot?", "is this an AI", "who are you?"},
			"de": {"bist du ein Roboter", "Sind Sie ein Mensch?", "Rede ich mit einem Bot?"},
			"es": {"¿eres un robot?", "¿eres una persona?", "¿estoy hablando con una máquina?"},
			"sv": {"är du en människa?", "är du en robot", "pratar jag med en bot?"},
			"fr": {"êtes-vous un robot ?"},
		},
		"heard": {
			"en": {"ok", "OK!", "lol", "Okay, great", "got it", "I see", "😀😀", "alright then", "no", "yes", "..."},
			"de": {"alles klar", "ok gut", "ach so", "verstanden"},
			"es": {"vale", "vale, perfecto", "de acuerdo"},
			"sv": {"okej", "okej, bra", "jag förstår"},
			"fr": {"d'accord"},
		},
		"calm": {
			"en": {"you are a useless piece of shit", "fuck you", "you idiots", "😡😡"},
			"de": {"fick dich", "ihr seid alle idioten"},
			"es": {"sois unos gilipollas"},
			"sv": {"jävla idioter"},
		},
		"thanks": {"en": {"thanks!"}, "sv": {"tack så mycket"}},
		"hello":  {"en": {"hi"}, "es": {"buenas tardes"}},
	} {
		want := Reply
		if key == "calm" {
			want = Offer
		}
		for language, list := range byLanguage {
			for _, s := range list {
				d := first(t, s, language)
				if d.Action != want || d.Reason != SmallTalk || d.Fixed != text(language, key) {
					t.Errorf("%q (%s): %s by %s, %q; want %q", s, language, d.Action, d.Reason, d.Fixed, key)
				}
			}
		}
	}
	// With a question or a matter in it, it is none.
	for _, s := range []string{"ok but where is my refund", "you idiots where is my refund", "how do I add a new card", "are you a bot? Someone used my account to buy things", "is the payment automatic"} {
		if d := first(t, s, "en"); d.Reason == SmallTalk {
			t.Errorf("%q is small talk: %q", s, d.Fixed)
		}
	}
	if !strings.Contains(text("en", "identity"), "not a human") {
		t.Error("the assistant does not say plainly what it is")
	}
	for key, all := range texts {
		for i, s := range all {
			if s == "" {
				t.Errorf("%s is missing in %s", key, spoken[i])
			}
		}
	}
	for _, language := range spoken {
		_, sentence, _ := strings.Cut(strings.NewReplacer("„", "”", "“", "”", "«", "”", "»", "”").Replace(text(language, "identity")), "”")
		sentence, _, _ = strings.Cut(sentence, "”")
		if d := first(t, strings.TrimSpace(sentence), language); d.Reason != CustomerRequest {
			t.Errorf("the sentence %q brings nobody: %s by %s", sentence, d.Action, d.Reason)
		}
	}
}

// A child gets a fixed text and a person.
func TestMinor(t *testing.T) {
	t.Parallel()
	for s, language := range map[string]string{"I'm 14, can I use this?": "en", "ich bin 13 jahre alt": "de", "tengo 15 años": "es", "jag är 14 år": "sv"} {
		d := first(t, s, language)
		if d.Action != HandOff || d.Reason != Vulnerability || d.Priority != 3 || d.Fixed != text(language, "minor") || d.Explanation == "" {
			t.Errorf("%q: %s by %s at %d: %q", s, d.Action, d.Reason, d.Priority, d.Fixed)
		}
	}
	if d := first(t, "I'm 15 and someone bought things with my account", "en"); d.Topic != "unauthorised_transaction" || d.Priority != 1 {
		t.Errorf("a child that was robbed: %s at %d", d.Topic, d.Priority)
	}
}

// An insult is answered calmly twice; then the turn goes its way.
func TestInsultsEnd(t *testing.T) {
	t.Parallel()
	d := first(t, "fuck you", "en")
	d.Stuck.Offered = 2
	if d.Decide(); d.Action != "" {
		t.Errorf("%s by %s", d.Action, d.Reason)
	}
}

// An option of a list may be named by its words or by its place.
func TestChosen(t *testing.T) {
	t.Parallel()
	c := &chat.Claim{History: []chat.Message{
		{Author: chat.Customer, Text: "refund"},
		{Author: chat.Assistant, Text: text("en", "clarify") + "\n- Refunds\n- Due dates\n- Fees\n"},
	}}
	for s, want := range map[string]string{
		"Refunds": "Refunds", "Fees": "Fees", "1": "Refunds", "2": "Due dates", "3.": "Fees", "2)": "Due dates", "#2": "Due dates", "4": "", "12": "",
		"the second one": "Due dates", "The first, please": "Refunds", "number three": "Fees", "one": "Refunds", "option 2": "Due dates", "2nd": "Due dates",
		"das zweite": "Due dates", "Nummer 1": "Refunds", "die dritte bitte": "Fees", "el segundo": "Due dates", "la primera": "Refunds", "opción 3": "Fees",
		"den andra": "Due dates", "det första tack": "Refunds", "ett": "Refunds", "le deuxième": "Due dates",
		"the second payment failed": "", "1 or 2": "", "I paid 2 times": "", "neither": "", "": "", "the": "",
	} {
		if got := chosen(c, s); got != want {
			t.Errorf("%q chooses %q, want %q", s, got, want)
		}
	}
	if got := chosen(&chat.Claim{History: []chat.Message{{Author: chat.Assistant, Text: "Hello!"}}}, "2"); got != "" {
		t.Errorf("chosen from nothing: %q", got)
	}
}

// The number of an option is searched for as the option, and answered even where the search is not sure.
func TestChosenByPlace(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{}, Config{})
	b.srv.Answer(func(llmtest.Request) string { return supported })
	b.search = with(maybe, refunds, colours)
	id := b.start(t, "en")
	if r := b.ask(t, id, "Something about my refund colours?"); r.outcome != chat.Clarified {
		t.Fatalf("%s: %q", r.outcome, r.text)
	}
	asked := ""
	b.search = func(ctx context.Context, q retrieval.Query) (retrieval.Result, error) {
		asked = q.Text
		return with(maybe, refunds, colours)(ctx, q)
	}
	r := b.ask(t, id, "the first one")
	if r.outcome != chat.Answered || asked != "Refunds" || !r.decision.Chosen {
		t.Errorf("%s by %s, searched for %q", r.outcome, r.decision.Reason, asked)
	}
	// The question back has led to an answer; the next question may be asked back about again.
	if r := b.ask(t, id, "And something about the dark colours?"); r.outcome != chat.Clarified {
		t.Errorf("another question: %s by %s, %+v", r.outcome, r.decision.Reason, r.decision.Stuck)
	}
}
