package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/retrieval"
)

// Whatever the reason, and whoever hands off, the agent receives everything: no field of the package is empty that could
// have been filled. Each case is a real conversation that ends in that handoff.
func TestPackageOfEveryReason(t *testing.T) {
	t.Parallel()
	judged := func(b *bundle, id, message uuid.UUID) error {
		return b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error { return s.Judge(ctx, message, false, "") })
	}
	fails := func(context.Context, retrieval.Query) (retrieval.Result, error) {
		return retrieval.Result{}, errors.New("connection refused")
	}
	empty := func(context.Context, retrieval.Query) (retrieval.Result, error) {
		return retrieval.Result{Revision: 7}, nil
	}
	ask := func(text string) func(*bundle, uuid.UUID, uuid.UUID) error {
		return func(b *bundle, id, _ uuid.UUID) error { b.ask(t, id, text); return nil }
	}
	after := func(change func(*bundle), text string) func(*bundle, uuid.UUID, uuid.UUID) error {
		return func(b *bundle, id, _ uuid.UUID) error { change(b); b.ask(t, id, text); return nil }
	}
	for _, c := range []struct {
		name   string
		reason Reason
		empty  []string // what is not there to be known in this case
		end    func(b *bundle, id, answer uuid.UUID) error
	}{
		{"asks in words", CustomerRequest, nil, ask("I want to talk to a human being")},
		{"priority topic", PriorityTopic, []string{"Intake"}, ask("There is a purchase on my account that I did not make, someone used my account")},
		{"danger", Vulnerability, []string{"Intake"}, ask("I can't go on any more, I want to kill myself")},
		{"complaint", ComplaintOrLegal, nil, ask("I want to make a formal complaint")},
		{"switched off", ModelUnavailable, nil, after(func(b *bundle) { b.asst.cfg.Off = true }, question)},
		{"search failed", RetrievalFailed, nil, after(func(b *bundle) { b.search = fails }, "How do I change my delivery window settings?")},
		{"no article", NoArticle, nil, after(func(b *bundle) { b.search = empty }, "How do I change my delivery window settings?")},
		{"unsure", LowConfidence, nil, after(func(b *bundle) { b.srv.Answer(func(llmtest.Request) string { return supported + invented + second }) }, "And how long until I see it in the app?")},
		{"articles contradict", ConflictingArticles, nil, after(func(b *bundle) { b.search = found(refunds, rival) }, "And how long does it take exactly?")},
		{"stuck", Stuck, nil, func(b *bundle, id, answer uuid.UUID) error {
			if err := judged(b, id, answer); err != nil {
				return err
			}
			b.ask(t, id, question)
			b.ask(t, id, question)
			return nil
		}},
		{"the button", CustomerRequest, nil, func(b *bundle, id, _ uuid.UUID) error {
			_, _, err := b.desk.Ask(t.Context(), id, "", nil)
			return err
		}},
		{"an agent pulls", "agent_pulled", []string{"Intake"}, func(b *bundle, id, _ uuid.UUID) error {
			ada, err := auth.NewStore(b.pool).Save(t.Context(), auth.Agent{Email: "ada@larkpay.example", Name: "Ada", Role: "supervisor", Capacity: 1})
			if err != nil {
				return err
			}
			_, err = b.desk.Pull(t.Context(), id, ada)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, chat.Options{}, Config{})
			b.srv.Answer(func(llmtest.Request) string { return supported })
			conv, err := b.rec.Start(t.Context(), chat.NewConversation{Channel: "web", Market: "gb", Locale: "en", Audience: "consumer", Greeting: "Hello, I am an AI.",
				Customer: chat.Person{ID: "c-42", Name: "Kim", Email: "kim@example.org", Verified: true, Account: json.RawMessage(`{"plan": "Pay in 4"}`)}})
			if err != nil {
				t.Fatal(err)
			}
			file, err := b.rec.Upload(t.Context(), conv.ID, chat.Customer, "receipt.txt", "text/plain", []byte("40 pounds"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := b.rec.Receive(t.Context(), conv.ID, chat.Inbound{ClientID: "1", Text: question, Files: []uuid.UUID{file.ID}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.asst.Turn(t.Context(), r.Claim); err != nil {
				t.Fatal(err)
			}
			first := b.result(t, r.Claim)
			if first.outcome != chat.Answered {
				t.Fatalf("the first question: %s", first.outcome)
			}
			if err := c.end(b, conv.ID, first.message.ID); err != nil {
				t.Fatal(err)
			}
			h, raw, err := b.desk.Package(t.Context(), conv.ID)
			if err != nil {
				t.Fatal(err)
			}
			var p handoff.Package
			if err := json.Unmarshal(raw, &p); err != nil {
				t.Fatal(err)
			}
			if h.Reason != string(c.reason) || p.Reason != h.Reason {
				t.Fatalf("handed off for %s: %s", h.Reason, h.Explanation)
			}
			lacks := append([]string{"Corrected", "Earlier", "Note", "Tried"}, c.empty...) // what was tried of a guide is TestGuideWalk's
			if c.reason != PriorityTopic && c.reason != Vulnerability && c.reason != ComplaintOrLegal {
				lacks = append(lacks, "Topic") // there is none, or none that anybody can be sure of
			}
			v := reflect.ValueOf(p)
			for i := range v.NumField() {
				f := v.Field(i)
				missing := f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0
				if name := v.Type().Field(i).Name; missing && !slices.Contains(lacks, name) {
					t.Errorf("%s is empty", name)
				}
			}
			if p.Summary.Wants == "" || p.Summary.Tried != "“Refunds”" || len(p.Transcript) < 3 || len(p.Attachments) != 1 || p.Attachments[0] != file ||
				p.Articles[0].Article != "refunds" || p.Articles[0].Version != 3 || string(p.Customer.Account) == "" || !p.Customer.Verified ||
				len(p.Transcript[1].Files) != 1 || !p.Promises[0].By.Equal(*h.DueAt) {
				t.Errorf("%.2000s", raw)
			}
			// The trace says who decided, and what the assistant made of it.
			var trace struct {
				By       string   `json:"by"`
				Decision Decision `json:"decision"`
				Action   Action   `json:"action"`
			}
			if err := json.Unmarshal(p.Trace, &trace); err != nil {
				t.Fatal(err)
			}
			byTurn := trace.Action == HandOff && trace.By == ""
			byPerson := (trace.By == "customer" || trace.By == "agent") && trace.Decision.Action == Answer
			if h.AgentID != nil != (trace.By == "agent") || !byTurn && !byPerson {
				t.Errorf("the trace: %.300s", p.Trace)
			}
		})
	}
}
