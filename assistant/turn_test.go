package assistant

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/internal/mask"
	"github.com/firstline/firstline/retrieval"
)

const (
	question  = "How long does a refund take until it reaches my card?"
	supported = "A refund reaches your card within 5 days after the shop confirms it [1]."
	second    = " You can follow the refund in the app under Purchases [1]."
	invented  = " A refund costs a fee of 99 euros [1]."
	fault500  = `{"error":{"message":"down","type":"server_error"}}`
)

func TestGenerated(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{}, Config{})
	id := b.start(t, "en")
	b.search = func(ctx context.Context, q retrieval.Query) (retrieval.Result, error) {
		// Promise 8: before the decision the model was not asked and the customer has seen nothing.
		if n := len(b.srv.Requests()); n != 0 {
			t.Errorf("the model was asked %d times before retrieval", n)
		}
		if got := len(b.events(t, id)); got != 2 {
			t.Errorf("%d entries before the decision, want the greeting and the question", got)
		}
		if q.Market != "gb" || q.Audience != "consumer" || q.Locale != "en" || q.Text != question {
			t.Errorf("searched for %+v", q)
		}
		return found(refunds, colours)(ctx, q)
	}
	b.srv.Queue(llmtest.Reply(supported + second))
	r := b.ask(t, id, question)
	if r.outcome != chat.Answered || r.decision.Reason != Generated || r.text != supported+second {
		t.Errorf("%s by %s: %q", r.outcome, r.decision.Reason, r.text)
	}
	if !strings.HasPrefix(r.text, r.deltas) || r.deltas == "" {
		t.Errorf("shown as it came: %q", r.deltas)
	}
	if len(r.message.Citations) != 1 || r.message.Citations[0].Article != "refunds" || r.message.Citations[0].Version != 3 || r.message.Citations[0].Anchor != "how-long-it-takes" {
		t.Errorf("citations %+v", r.message.Citations)
	}
	if r.decision.Model != "big" || r.decision.Revision != 7 || r.decision.Embedding != "builtin" || len(r.decision.Candidates) != 2 || r.decision.Prompt == "" {
		t.Errorf("promise 7: stored %+v", r.decision)
	}
}

// How a model can fail, and what the customer gets all the same. Nobody ever sees what was not supported.
func TestModelTroubles(t *testing.T) {
	t.Parallel()
	down := llmtest.Status(http.StatusInternalServerError, fault500, "Content-Type", "application/json")
	always := func(s llmtest.Script) func(*llmtest.Server) {
		return func(srv *llmtest.Server) { srv.Default(func(llmtest.Request) llmtest.Script { return s }) }
	}
	for _, c := range []struct {
		name    string
		script  func(*llmtest.Server)
		outcome chat.Outcome
		reason  Reason
		model   string
		holds   []string
		never   []string
	}{
		{"an unsupported sentence stops the stream", always(llmtest.Reply(supported + invented + second)), chat.HandedOff, LowConfidence, "big",
			[]string{"within 5 days", text("en", "broke")}, []string{"99 euros", "follow the refund in the app under Purchases ["}},
		{"unsupported from the beginning", always(llmtest.Reply(strings.TrimSpace(invented) + second)), chat.Answered, Quoted, "big",
			[]string{"From our article “Refunds › How long it takes”:", "**Purchases**"}, []string{"99 euros"}},
		{"a source that does not exist", always(llmtest.Reply("A refund reaches your card within 5 days after the shop confirms it [7].")), chat.Answered, Quoted, "big",
			[]string{"From our article"}, []string{"[7]"}},
		{"no answer in the passages", always(llmtest.Reply(noAnswerMark)), chat.HandedOff, NoArticle, "big", []string{text("en", "dont_know")}, []string{noAnswerMark}},
		{"no answer, said late", always(llmtest.Reply(supported + " " + noAnswerMark)), chat.HandedOff, LowConfidence, "big", []string{"within 5 days"}, []string{noAnswerMark}},
		{"down", always(down), chat.Answered, Quoted, "", []string{"From our article", "**Purchases**"}, nil},
		{"refused", always(llmtest.Status(http.StatusUnauthorized, fault500)), chat.Answered, Quoted, "", []string{"From our article"}, nil},
		{"a web page", always(llmtest.HTML()), chat.Answered, Quoted, "", []string{"From our article"}, nil},
		{"silent", always(llmtest.Stall("", 0)), chat.Answered, Quoted, "", []string{"From our article"}, nil},
		{"filtered", always(llmtest.ContentFilter("")), chat.Answered, Quoted, "", []string{"From our article"}, nil},
		{"cut in the second sentence", always(llmtest.Cut(supported+second, len(llmtest.Words(supported))+3)), chat.Answered, Quoted, "big",
			[]string{"within 5 days", text("en", "cut"), "**Purchases**"}, nil},
		{"stalls in the second sentence", always(llmtest.Stall(supported+second, len(llmtest.Words(supported))+3)), chat.Answered, Quoted, "big",
			[]string{"within 5 days", text("en", "cut"), "**Purchases**"}, nil},
		{"cut in the first sentence", always(llmtest.Cut(supported+second, 3)), chat.Answered, Quoted, "big", []string{"From our article"}, nil},
		{"busy, then free", func(s *llmtest.Server) { s.Queue(llmtest.RateLimited("1"), llmtest.Reply(supported)) }, chat.Answered, Generated, "big", []string{supported}, nil},
		{"the fallback model", func(s *llmtest.Server) {
			s.QueueFor("big", down, down, down, down)
			s.QueueFor("small", llmtest.Reply(supported))
		}, chat.Answered, Generated, "small", []string{supported}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, chat.Options{}, Config{})
			c.script(b.srv)
			r := b.ask(t, b.start(t, "en"), question)
			if r.outcome != c.outcome || r.decision.Reason != c.reason || r.decision.Model != c.model {
				t.Errorf("%s, %s by %q; want %s, %s by %q", r.outcome, r.decision.Reason, r.decision.Model, c.outcome, c.reason, c.model)
			}
			for _, s := range c.holds {
				if !strings.Contains(r.text, s) {
					t.Errorf("the answer lacks %q:\n%s", s, r.text)
				}
			}
			for _, s := range c.never {
				if strings.Contains(r.log, s) {
					t.Errorf("the customer was shown %q:\n%s", s, r.log)
				}
			}
			if !strings.HasPrefix(r.text, strings.TrimSpace(r.deltas)) {
				t.Errorf("the answer takes back what was shown: %q, then %q", r.deltas, r.text)
			}
			if (r.decision.Degraded != "") != (c.reason == Quoted) {
				t.Errorf("degraded: %q", r.decision.Degraded)
			}
		})
	}
}

// With the breakers open the model is not asked at all, and the answer is quoted.
func TestBreakerOpen(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{}, Config{})
	b.srv.Default(func(llmtest.Request) llmtest.Script { return llmtest.Status(500, fault500) })
	asked := -1
	for range 12 {
		r := b.ask(t, b.start(t, "en"), question)
		if r.decision.Reason != Quoted {
			t.Fatalf("%s", r.decision.Reason)
		}
		if len(r.prompts) == asked {
			return
		}
		asked = len(r.prompts)
	}
	t.Error("a model that is down is asked for every turn")
}

// Promise 13: without a model the answer is the section itself, and nobody is asked.
func TestNoModel(t *testing.T) {
	t.Parallel()
	srv := llmtest.New(t)
	b := setupWith(t, srv, llm.New(llm.Config{}, llm.Options{}), chat.Options{}, Config{})
	r := b.ask(t, b.start(t, "en"), question)
	want := "From our article “Refunds › How long it takes”:\n\n" + refunds.Markdown + "\n\n[1]"
	if r.outcome != chat.Answered || r.text != want || r.decision.Model != "" || r.decision.Prompt != "" || len(r.prompts) != 0 {
		t.Errorf("%s: %q", r.outcome, r.text)
	}
	r = b.ask(t, b.start(t, "de"), "Wie lange dauert eine Rückerstattung auf meine Karte?")
	if !strings.Contains(r.text, text("de", "other_language")) {
		t.Errorf("an English section without a word about it: %q", r.text)
	}
}

// Promise 9: a search that fails and one that finds nothing are different.
func TestRetrieval(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{}, Config{})
	b.search = func(context.Context, retrieval.Query) (retrieval.Result, error) {
		return retrieval.Result{}, errors.New("connection refused")
	}
	r := b.ask(t, b.start(t, "en"), question)
	if r.outcome != chat.HandedOff || r.decision.Reason != RetrievalFailed || r.text != text("en", "unavailable") {
		t.Errorf("failed: %s, %s, %q", r.outcome, r.decision.Reason, r.text)
	}
	b.search = func(context.Context, retrieval.Query) (retrieval.Result, error) {
		return retrieval.Result{Revision: 7}, nil
	}
	r = b.ask(t, b.start(t, "en"), question)
	if r.outcome != chat.HandedOff || r.decision.Reason != NoArticle || r.text != text("en", "dont_know") {
		t.Errorf("empty: %s, %s, %q", r.outcome, r.decision.Reason, r.text)
	}
	if len(r.prompts) != 0 {
		t.Error("the model was asked without a passage")
	}
	// A search that hangs is a search that failed.
	slow := setup(t, chat.Options{}, Config{RetrievalLimit: 1})
	slow.search = func(ctx context.Context, _ retrieval.Query) (retrieval.Result, error) {
		<-ctx.Done()
		return retrieval.Result{}, ctx.Err()
	}
	if r := slow.ask(t, slow.start(t, "en"), question); r.decision.Reason != RetrievalFailed {
		t.Errorf("hangs: %s", r.decision.Reason)
	}
}

// Promise 12: what was masked on the way in stays masked on the way to the model and to the log, and nothing that a customer
// or the model wrote is logged at all.
func TestMaskedToModelAndLog(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{}, Config{})
	const number = "4111 1111 1111 1111"
	masked, kinds := mask.Mask("How long does a refund to my card " + number + " take, asks Quillfeather?")
	if len(kinds) != 1 || strings.Contains(masked, "1111 1111") {
		t.Fatalf("masked as %q", masked)
	}
	b.srv.Queue(llmtest.Reply(supported+invented), llmtest.Reply("x"))
	r := b.ask(t, b.start(t, "en"), masked)
	if len(r.prompts) == 0 || !strings.Contains(r.prompts[0].Prompt(), "Quillfeather") {
		t.Fatal("the model did not get the question")
	}
	for _, p := range r.prompts {
		if strings.Contains(p.Prompt(), "1111 1111") {
			t.Error("the card number went to the model")
		}
	}
	b.search = func(context.Context, retrieval.Query) (retrieval.Result, error) {
		return retrieval.Result{}, errors.New("connection refused")
	}
	b.ask(t, b.start(t, "en"), masked)
	logs := b.logs.all()
	if !strings.Contains(logs, "retrieval failed") {
		t.Fatalf("nothing was logged:\n%s", logs)
	}
	for _, s := range []string{"Quillfeather", "1111", "5 days", "99 euros"} {
		if strings.Contains(logs, s) {
			t.Errorf("%q is in the log:\n%s", s, logs)
		}
	}
}
