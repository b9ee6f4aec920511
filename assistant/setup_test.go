package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
	"github.com/firstline/firstline/kb/demo"
	"github.com/firstline/firstline/retrieval"
)

// bundle is an assistant over a real record and a real desk, with a scripted model and a search that finds what it is told.
type bundle struct {
	pool   *pgxpool.Pool
	rec    *chat.Record
	bus    *wake.Bus
	desk   *handoff.Desk
	srv    *llmtest.Server
	asst   *Assistant
	search searchFunc
	logs   *capture
}

type searchFunc func(ctx context.Context, q retrieval.Query) (retrieval.Result, error)

// Search implements Searcher by whatever the test has set last.
func (b *bundle) Search(ctx context.Context, q retrieval.Query) (retrieval.Result, error) {
	return b.search(ctx, q)
}

// testDesk lets the assistant hand off to a real desk.
type testDesk struct{ desk *handoff.Desk }

func (d testDesk) HandOff(ctx context.Context, s *chat.Session, h Handoff) error {
	trace, err := h.Decision.MarshalTrace()
	if err != nil {
		return err
	}
	_, err = d.desk.HandOff(ctx, s, handoff.Request{TurnID: &h.Claim.TurnID, Reason: string(h.Reason), Explanation: h.Explanation, Topic: h.Topic,
		Priority: h.Priority, Language: h.Language, Sentiment: h.Sentiment, Articles: h.Articles, Trace: trace})
	return err
}

// demoTriage is the demo's classifier, trained once.
var demoTriage = sync.OnceValues(func() (*Triage, error) {
	topics, examples, err := triage.LoadTopicsFS(demo.FS, "topics.yaml")
	if err != nil {
		return nil, err
	}
	classifier, err := triage.Train(topics, triage.NoneOf(examples))
	if err != nil {
		return nil, err
	}
	byKey := map[string]triage.Topic{}
	for _, t := range topics {
		byKey[t.Key] = t
	}
	return &Triage{Classifier: classifier, Topics: byKey}, nil
})

// setup returns a bundle whose model is named "big", with "small" as its fallback.
func setup(t *testing.T, opts chat.Options, cfg Config) *bundle {
	t.Helper()
	srv := llmtest.New(t)
	model := llm.New(llm.Config{BaseURL: srv.URL(), ChatModel: "big", FallbackModel: "small", FirstTokenTimeout: 2 * time.Second},
		llm.Options{IdleTimeout: 300 * time.Millisecond, Sleep: func(context.Context, time.Duration) error { return nil }})
	t.Cleanup(model.Close)
	return setupWith(t, srv, model, opts, cfg)
}

func setupWith(t *testing.T, srv *llmtest.Server, model Model, opts chat.Options, cfg Config) *bundle {
	t.Helper()
	pool := pgtest.New(t)
	b := &bundle{pool: pool, srv: srv, logs: &capture{}}
	log := slog.New(b.logs)
	b.bus = wake.New(pool, log)
	var err error
	if b.rec, err = chat.Open(t.Context(), pool, b.bus, log, opts); err != nil {
		t.Fatal(err)
	}
	b.bus.Start(context.Background())
	t.Cleanup(b.bus.Stop)
	b.desk = handoff.NewDesk(pool, b.rec, b.bus, log, handoff.Options{})
	always := handoff.Hours{AlwaysOpen: true}
	if err := b.desk.SaveTeams(t.Context(), []handoff.TeamSeed{{Key: "general", Name: "General", Hours: always}}); err != nil {
		t.Fatal(err)
	}
	tr, err := demoTriage()
	if err != nil {
		t.Fatal(err)
	}
	b.desk.SetTopics(tr.Topics)
	b.asst = New(b.rec, b, testDesk{b.desk}, model, log, nil, cfg)
	b.asst.SetTriage(tr)
	b.search = found(refunds, colours)
	return b
}

// Two passages of an invented help centre.
var (
	refunds = retrieval.Passage{
		ID: 1, VersionID: uuid.MustParse("00000000-0000-7000-8000-000000000001"), Version: 3, Slug: "refunds", Title: "Refunds", Locale: "en",
		Headings: []string{"How long it takes"}, Anchor: "how-long-it-takes", Score: 0.95, Lexical: 1, Dense: 0.9,
		Markdown: "A refund reaches your card within 5 days after the shop confirms it.\n\nYou can follow the refund in the app under **Purchases**.",
		Text:     "A refund reaches your card within 5 days after the shop confirms it.\n\nYou can follow the refund in the app under Purchases.",
	}
	colours = retrieval.Passage{
		ID: 2, VersionID: uuid.MustParse("00000000-0000-7000-8000-000000000002"), Version: 1, Slug: "dark-mode", Title: "Dark mode", Locale: "en",
		Score: 0.3, Lexical: 0.4, Dense: 0.3, Markdown: "Turn on dark mode under Settings.", Text: "Turn on dark mode under Settings.",
	}
)

// What retrieval says of a sure hit, and of one that is neither sure nor hopeless.
var (
	sure  = retrieval.Features{Candidates: 8, Coverage: 1, Margin: 0.6, Agreement: 1, LexTop: 1, DenseTop: 0.8}
	maybe = retrieval.Features{Candidates: 8, Coverage: 0.6, Margin: 0.15, Agreement: 0.4, LexTop: 0.6, DenseTop: 0.25}
)

func found(ps ...retrieval.Passage) searchFunc {
	return func(context.Context, retrieval.Query) (retrieval.Result, error) {
		return retrieval.Result{Passages: ps, Features: sure, Revision: 7, Model: "builtin"}, nil
	}
}

func (b *bundle) start(t *testing.T, locale string) uuid.UUID {
	t.Helper()
	c, err := b.rec.Start(t.Context(), chat.NewConversation{Channel: "web", Market: "gb", Locale: locale, Audience: "consumer", Greeting: "Hello, I am an AI."})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func (b *bundle) say(t *testing.T, id uuid.UUID, text string) *chat.Claim {
	t.Helper()
	r, err := b.rec.Receive(t.Context(), id, chat.Inbound{ClientID: uuid.NewString(), Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return r.Claim
}

// result is what became of a turn.
type result struct {
	outcome  chat.Outcome
	decision Decision
	text     string // of the assistant's message
	message  chat.Message
	deltas   string
	log      string // every event's data, for what must not be in it
	prompts  []llmtest.Request
}

// ask sends a message, runs its turn, and checks what is true of every turn.
func (b *bundle) ask(t *testing.T, id uuid.UUID, text string) result {
	t.Helper()
	claim := b.say(t, id, text)
	if claim == nil {
		t.Fatalf("%q was not given to the assistant", text)
	}
	if _, err := b.asst.Turn(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	return b.result(t, claim)
}

func (b *bundle) result(t *testing.T, claim *chat.Claim) result {
	t.Helper()
	var r result
	raw, outcome, err := b.rec.FindTurn(t.Context(), claim.TurnID)
	if err != nil || outcome == nil {
		t.Fatalf("the turn has not ended: %v", err)
	}
	r.outcome = *outcome
	if err := json.Unmarshal(raw, &r.decision); err != nil {
		t.Fatal(err)
	}
	reproduced(t, raw)
	for _, e := range b.events(t, claim.Conversation.ID) {
		r.log += string(e.Data) + "\n"
		switch e.Kind {
		case chat.KindMessage:
			var m chat.Message
			if err := json.Unmarshal(e.Data, &m); err != nil {
				t.Fatal(err)
			}
			if m.Turn != nil && *m.Turn == claim.TurnID && m.Author == chat.Assistant {
				r.message, r.text = m, m.Text
			}
		case chat.KindDelta:
			var d chat.DeltaEvent
			if err := json.Unmarshal(e.Data, &d); err != nil {
				t.Fatal(err)
			}
			if d.Turn == claim.TurnID {
				r.deltas += d.Text
			}
		}
	}
	if r.text != "" && !r.message.AI {
		t.Error("promise 14: the assistant's message is not marked")
	}
	var handoffs int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM handoffs WHERE turn_id = $1`, claim.TurnID).Scan(&handoffs); err != nil {
		t.Fatal(err)
	}
	if (r.outcome == chat.HandedOff) != (handoffs == 1) {
		t.Errorf("promise 4: the turn ended as %s with %d handoffs", r.outcome, handoffs)
	}
	r.prompts = b.srv.Requests()
	return r
}

func (b *bundle) events(t *testing.T, id uuid.UUID) []chat.Event {
	t.Helper()
	w := b.rec.Watch(id)
	defer w.Close()
	w.Stale()
	evs, err := w.Next(t.Context(), 0, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return evs
}

// reproduced is promise 7: what was stored with a decision makes the same decision again.
func reproduced(t *testing.T, raw json.RawMessage) {
	t.Helper()
	var stored, again Decision
	if err := errors.Join(json.Unmarshal(raw, &stored), json.Unmarshal(raw, &again)); err != nil {
		t.Fatal(err)
	}
	again.PCorrect, again.PStuck, again.Threshold, again.Topic, again.Priority = -1, -1, -1, "?", -1
	again.Action, again.Reason, again.Explanation, again.ThenHuman, again.Fixed = "?", "?", "?", !stored.ThenHuman, "?"
	again.Decide()
	if d := cmp.Diff(stored, again); d != "" {
		t.Errorf("promise 7: stored (-) and decided again (+):\n%s", d)
	}
	if r, err := Reproduce(raw); err != nil || len(r.Differences) > 0 || r.Changed() {
		t.Errorf("promise 7: %v %+v", err, r.Differences)
	}
	if stored.Version == "" || stored.Classifier == "" || stored.Language == "" {
		t.Errorf("promise 7: versions are missing: %+v", stored)
	}
}

// capture is a log handler that keeps every record, whatever its level.
type capture struct {
	mu    sync.Mutex
	lines []string
}

func (c *capture) Enabled(context.Context, slog.Level) bool { return true }
func (c *capture) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c *capture) WithGroup(string) slog.Handler            { return c }

func (c *capture) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
	return nil
}

func (c *capture) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.lines, "\n")
}
