package assistant

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/retrieval"
)

// asked is a claim of one message, as the copilot makes it.
func asked(text string) *chat.Claim {
	return &chat.Claim{Conversation: chat.Conversation{Market: "gb", Locale: "en", Audience: "consumer"}, Attempt: 1, Messages: []chat.Message{{Author: chat.Customer, Text: text}}}
}

// TestDraftIsForPeople: what holds the assistant back, rules, thresholds and the kill switch, does not hold back a draft.
func TestDraftIsForPeople(t *testing.T) {
	for _, text := range []string{
		"I want to talk to a person about when my refund arrives.", "Somebody hacked my account. When will my refund reach my card?",
		"I will go to court! When will my refund reach my card?", "When will my refund reach my card?",
	} {
		b := setup(t, chat.Options{}, Config{Off: true})
		b.srv.Answer(func(llmtest.Request) string {
			return "A refund reaches your card within 5 days after the shop confirms it [1]."
		})
		d, err := b.asst.Draft(t.Context(), asked(text), "")
		if err != nil {
			t.Fatal(err)
		}
		if d.Model != "big" || !strings.Contains(d.Text, "within 5 days") || len(d.Citations) != 1 || d.Citations[0].Article != "refunds" {
			t.Errorf("%q: %+v", text, d)
		}
		var rows int
		if err := b.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM turns) + (SELECT count(*) FROM handoffs)`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if rows != 0 {
			t.Errorf("a draft wrote %d rows", rows)
		}
	}
}

// TestDraftKeepsWhatIsSupported: by the passages, by the instruction, or by nothing but courtesy.
func TestDraftKeepsWhatIsSupported(t *testing.T) {
	const question = "When will my refund reach my card?"
	tests := []struct {
		name, instruction, model string
		text                     string
		leftOut                  int
	}{
		{"the article", "", "A refund reaches your card within 5 days after the shop confirms it [1].", "A refund reaches your card within 5 days after the shop confirms it [1].", 0},
		{"its number is added", "", "A refund reaches your card within 5 days after the shop confirms it.", "A refund reaches your card within 5 days after the shop confirms it. [1]", 0},
		{"another number of days", "", "A refund reaches your card within 3 days after the shop confirms it [1]. Thank you for your patience.", "Thank you for your patience.", 1},
		{"a passage that is none", "", "A refund reaches your card within 5 days after the shop confirms it [7]. Thank you for your patience.", "Thank you for your patience.", 1},
		{"the instruction", "Tell them that the shop has confirmed on Monday.", "The shop has confirmed on Monday.", "The shop has confirmed on Monday.", 0},
		{"another day than the instruction's", "Tell them that the shop has confirmed on Monday.", "Thank you for your message. The shop has confirmed on Tuesday.", "Thank you for your message.", 1},
		{"the same without the instruction", "", "Thank you for your message. The shop has confirmed on Monday.", "Thank you for your message.", 1},
		{"what only the customer says", "", "Thank you for your message. Your card gets the 700 euros.", "Thank you for your message.", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := setup(t, chat.Options{}, Config{})
			b.srv.Answer(func(llmtest.Request) string { return tt.model })
			c := asked(question)
			if tt.name == "what only the customer says" {
				c = asked("My card gets the 700 euros, right? When?")
			}
			d, err := b.asst.Draft(t.Context(), c, tt.instruction)
			if err != nil {
				t.Fatal(err)
			}
			if d.Text != tt.text || len(d.LeftOut) != tt.leftOut {
				t.Errorf("text %q, left out %q", d.Text, d.LeftOut)
			}
		})
	}
}

// TestDraftWhenSomethingFails: a search that fails is no search that found nothing, and a model that fails leaves the quotation.
func TestDraftWhenSomethingFails(t *testing.T) {
	b := setup(t, chat.Options{}, Config{})
	b.search = func(context.Context, retrieval.Query) (retrieval.Result, error) {
		return retrieval.Result{}, errors.New("down")
	}
	if _, err := b.asst.Draft(t.Context(), asked("When will my refund reach my card?"), ""); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the search is down: %v", err)
	}
	if _, _, err := b.asst.Suggest(t.Context(), asked("When will my refund reach my card?"), 4); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the search is down: %v", err)
	}
	b.search = found()
	if d, err := b.asst.Draft(t.Context(), asked("When will my refund reach my card?"), ""); err != nil || d.Text != "" {
		t.Errorf("nothing found: %+v %v", d, err)
	}
	b.srv.Answer(func(llmtest.Request) string { return "The refund was sent on Monday." })
	if d, err := b.asst.Draft(t.Context(), asked("When will my refund reach my card?"), "The refund was sent on Monday."); err != nil || d.Text != "The refund was sent on Monday." || len(d.Citations) != 0 {
		t.Errorf("the instruction alone: %+v %v", d, err)
	}
	b.search = found(refunds, colours)
	b.srv.Default(func(llmtest.Request) llmtest.Script { return llmtest.Status(500, "{}") })
	d, err := b.asst.Draft(t.Context(), asked("When will my refund reach my card?"), "")
	if err != nil || d.Model != "" || d.Degraded != "model_unavailable" || !strings.Contains(d.Text, "within 5 days") {
		t.Errorf("the model is down: %+v %v", d, err)
	}
}

// TestCompleteWaitsForAPlace: help with writing shares the bound on calls of the model, and does not wait for ever.
func TestCompleteWaitsForAPlace(t *testing.T) {
	b := setup(t, chat.Options{}, Config{ModelCalls: 1, ModelWait: 1})
	free, err := b.asst.line(t.Context(), b.asst.rehearsal(asked("x")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.asst.Complete(t.Context(), llm.Request{Messages: []llm.Message{{Role: "user", Content: "x"}}}); !errors.Is(err, errBusy) {
		t.Errorf("with every place taken: %v", err)
	}
	free()
	b.srv.Answer(func(llmtest.Request) string { return "done" })
	if done, err := b.asst.Complete(t.Context(), llm.Request{Messages: []llm.Message{{Role: "user", Content: "x"}}}); err != nil || done.Text != "done" {
		t.Errorf("with one free: %+v %v", done, err)
	}
	if len(b.asst.places) != 0 {
		t.Error("a place was not given back")
	}
}
