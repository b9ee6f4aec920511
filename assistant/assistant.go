// Package assistant is one chat turn: receive, apply the hard rules, understand, retrieve, decide, answer, commit. It
// writes only through the record, which refuses a turn that may no longer speak, and it never offers a human without
// the desk having made the handoff in the same transaction. The model holds no privileges here: it proposes words, and
// this package decides whether they are said.
package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/retrieval"
)

// Searcher finds passages. An error means that retrieval failed; an empty result, that nothing was found.
type Searcher interface {
	Search(ctx context.Context, q retrieval.Query) (retrieval.Result, error)
}

// Desk makes handoffs. HandOff runs inside the session's transaction: the row, the customer's line, the change of owner
// and the events are committed with the turn's end or not at all.
type Desk interface {
	HandOff(ctx context.Context, s *chat.Session, h Handoff) error
}

// Handoff is what the assistant knows when it gives a conversation up.
type Handoff struct {
	Claim       *chat.Claim
	Reason      Reason
	Explanation string // one sentence for the agent: why this arrived
	Topic       string
	Priority    int    // 1 to 4
	Language    string // what the customer writes in
	Sentiment   string // calm | frustrated | distressed | abusive
	Decision    *Decision
	Articles    []chat.Citation // found, whether quoted or not
}

// Model is the language model, or one that says that there is none.
type Model interface {
	HasChat() bool
	Stream(ctx context.Context, req llm.Request) (*llm.Stream, error)
	Complete(ctx context.Context, req llm.Request) (llm.Completion, error)
}

// Triage is a trained set of topics, replaced as a whole when an example changes.
type Triage struct {
	Classifier *triage.Classifier // nil where no topics are set up: then every message is of none
	Topics     map[string]triage.Topic
	Shelves    map[string]string // topic groups of collections of articles
}

func (t *Triage) segments(text string) []triage.Score {
	if t.Classifier == nil {
		return nil
	}
	return t.Classifier.Segments(text)
}

func (t *Triage) hash() string {
	if t.Classifier == nil {
		return ""
	}
	return t.Classifier.Hash()
}

// Config sets the assistant's limits. The zero value is fit for production.
type Config struct {
	Company        string             // named in answers without standing in every passage
	Off            bool               // kill switch: every turn goes to a human
	Settle         time.Duration      // wait for the rest of a message that looks unfinished; 0 for not at all
	TurnTimeout    time.Duration      // for a whole turn, model included; 60 s
	RetrievalLimit time.Duration      // for retrieval; 5 s
	Thresholds     map[string]float64 // by topic group (money, normal, howto), in place of the defaults
	Passages       int                // passages given to the model; 6
	ModelCalls     int                // calls of the model that may be under way at once; 64
	ModelWait      time.Duration      // for a place among them, after which the turn goes on without the model; 2 s
}

// Observer is told of finished turns; it never sees text. It must not block.
type Observer interface {
	TurnDone(outcome chat.Outcome, reason string, stages map[string]float64, usage llm.Usage, model string)
}

// Assistant answers turns. It is safe for concurrent use.
type Assistant struct {
	record   *chat.Record
	searcher Searcher
	desk     Desk
	model    Model
	triage   atomic.Pointer[Triage]
	policy   atomic.Pointer[Policy]
	log      *slog.Logger
	observer Observer
	places   chan struct{} // holds one for each call of the model; nil for no bound
	guides   Guides
	cfg      Config
}

// New returns an assistant. Call SetTriage before the first turn.
func New(record *chat.Record, searcher Searcher, desk Desk, model Model, log *slog.Logger, observer Observer, cfg Config) *Assistant {
	if cfg.TurnTimeout <= 0 {
		cfg.TurnTimeout = 60 * time.Second
	}
	if cfg.RetrievalLimit <= 0 {
		cfg.RetrievalLimit = 5 * time.Second
	}
	if cfg.Passages <= 0 {
		cfg.Passages = 6
	}
	if cfg.ModelCalls <= 0 {
		cfg.ModelCalls = defaultModelCalls
	}
	if cfg.ModelWait <= 0 {
		cfg.ModelWait = defaultModelWait
	}
	a := &Assistant{record: record, searcher: searcher, desk: desk, model: model, log: log, observer: observer, cfg: cfg}
	a.places = make(chan struct{}, cfg.ModelCalls)
	a.SetPolicy(Policy{})
	return a
}

// SetPolicy replaces the thresholds and the weights; the admin's own thresholds stay above them. Turns that run keep the
// ones they began with.
func (a *Assistant) SetPolicy(p Policy) {
	p = p.overridden(a.cfg.Thresholds)
	a.policy.Store(&p)
}

// Thresholds returns how sure an answer must be at present, by topic group, and which of them are certified.
func (a *Assistant) Thresholds() (bars map[string]float64, certified map[string]bool) {
	p := a.policy.Load()
	bars, certified = map[string]float64{}, map[string]bool{}
	for _, g := range Groups {
		bars[g], certified[g] = prior(g), p.Certified[g]
		if b, ok := p.Bars[g]; ok {
			bars[g] = b
		}
	}
	return bars, certified
}

// SetTriage replaces the topics; turns that run keep the ones they began with.
func (a *Assistant) SetTriage(t *Triage) { a.triage.Store(t) }

// turn is the state of one turn while it runs.
type turn struct {
	*chat.Claim
	triage   *Triage
	decision *Decision
	passages []retrieval.Passage
	answer   answer
	started  time.Time
	stage    time.Time
	timings  map[string]float64
	speak    speak
}

// mark closes a stage and notes its milliseconds.
func (t *turn) mark(stage string) {
	now := time.Now()
	t.timings[stage] = float64(now.Sub(t.stage).Microseconds()) / 1000
	t.stage = now
}

// Turn runs a claimed turn to its end and returns the turn that waited for it, claimed, or nil. An error means that the
// turn could not be ended here, for instance because the database is gone: its lease ends and another replica runs it.
func (a *Assistant) Turn(ctx context.Context, c *chat.Claim) (*chat.Claim, error) {
	now := time.Now()
	t := &turn{Claim: c, triage: a.triage.Load(), started: now, stage: now, timings: make(map[string]float64, 8)}
	t.speak = func(ctx context.Context, d chat.DeltaEvent) error { return a.record.Speak(ctx, c, d) }
	next, err := a.run(ctx, t)
	if errors.Is(err, chat.ErrLost) {
		a.log.Debug("turn ended elsewhere", "turn", c.TurnID, "conversation", c.Conversation.ID)
		return nil, nil
	}
	return next, err
}

// run is the turn on one page.
func (a *Assistant) run(ctx context.Context, t *turn) (*chat.Claim, error) {
	if err := a.think(ctx, t); err != nil {
		return nil, err
	}
	return a.finish(ctx, t)
}

// think is everything before the commit. Its only errors are those of speaking.
func (a *Assistant) think(ctx context.Context, t *turn) error {
	failpoint("received")
	t.decision = a.understand(t)
	t.decision.Policy = *a.policy.Load()
	t.decision.Walk = a.follow(ctx, t)
	t.mark("understand")

	switch t.decision.Decide(); t.decision.Action { // hard rules: no score overrides them, and they need no model
	case "":
	case Reply:
		return a.settle(ctx, t)
	case Guide:
		t.answer.citations = t.decision.Walk.cite()
		return nil
	default:
		return nil
	}
	if err := a.settle(ctx, t); err != nil {
		return err
	}
	a.condense(ctx, t)

	failpoint("retrieve")
	result, err := a.retrieve(ctx, t)
	t.mark("retrieve")

	t.decision.weigh(result, err, t.triage.Shelves)
	if t.decision.Decide(); t.decision.Action == Answer {
		if t.decision.Conflict = conflictsIn(t.passages, t.Conversation.Market); t.decision.Conflict != "" {
			t.decision.Decide()
		}
		t.mark("conflict")
	}
	if t.decision.Action == Answer && a.begin(t) {
		t.answer.citations = t.decision.Walk.cite()
		t.decision.Decide()
		return nil
	}
	t.passages = unguided(t.passages)
	failpoint("decided")
	if t.decision.Action != Answer {
		return nil
	}
	defer t.mark("answer")
	return a.say(ctx, t)
}

// settle waits a moment when the message looks like the beginning of several ("hi", "my card"): the next one then
// supersedes this turn before it has spoken, and the customer gets one answer to all of them.
func (a *Assistant) settle(ctx context.Context, t *turn) error {
	if a.cfg.Settle <= 0 || t.Attempt == 0 || !unfinished(t.Text()) {
		return nil
	}
	defer t.mark("settle")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(a.cfg.Settle):
		return nil
	}
}

// condenseTimeout bounds the model's rewriting of a question; the terms that it leans on serve as well.
const condenseTimeout = 4 * time.Second

// condense makes a question that leans on the conversation stand alone, by the model where there is one. Without it, or
// when it fails, retrieval gets the terms that the question leans on.
func (a *Assistant) condense(ctx context.Context, t *turn) {
	d := t.decision
	if d.Context == "" || !a.model.HasChat() {
		return
	}
	defer t.mark("condense")
	ctx, cancel := context.WithTimeout(ctx, condenseTimeout)
	defer cancel()
	free, err := a.line(ctx, t)
	if err != nil {
		d.degrade("condense")
		return
	}
	defer free()
	done, err := a.model.Complete(ctx, condensePrompt(t))
	if err != nil {
		d.degrade("condense")
		return
	}
	if q := strings.TrimSpace(done.Text); q != "" && len(q) < 500 && !strings.Contains(q, noAnswerMark) {
		d.Question, d.Condensed = q, true
	}
}

// maxAttempts is how many processes may fail at a turn before a human gets it.
const maxAttempts = 4

// retrieve searches with the question and what it leans on.
func (a *Assistant) retrieve(ctx context.Context, t *turn) (retrieval.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.RetrievalLimit)
	defer cancel()
	c, leans := t.Conversation, t.decision.Context
	if t.decision.Condensed { // the question says what it leaned on
		leans = ""
	}
	result, err := a.searcher.Search(ctx, retrieval.Query{
		Text: t.decision.Question, Context: leans, Market: c.Market, Locale: t.decision.Language, Audience: c.Audience, Limit: a.cfg.Passages,
	})
	if err != nil {
		a.log.Warn("retrieval failed", "turn", t.TurnID, "error", err)
	}
	t.passages = result.Passages
	return result, err
}

// finish commits the decision: the one place where a turn ends.
func (a *Assistant) finish(ctx context.Context, t *turn) (*chat.Claim, error) {
	failpoint("commit")
	d := t.decision
	end := chat.Ending{Outcome: d.Action.outcome(), Reason: string(d.Reason), Text: t.answer.text, Citations: t.answer.citations}
	end.Event = chat.TurnEvent{Topic: d.Topic, Priority: d.Priority, Confidence: d.PCorrect, Threshold: d.Threshold}
	if end.Text == "" {
		end.Text = d.say()
	}
	end.Record = chat.TurnRecord{
		Timings: t.timings, Model: t.answer.model, PromptTokens: t.answer.usage.PromptTokens, CompletionTokens: t.answer.usage.CompletionTokens,
		Cost: t.answer.usage.Cost,
	}
	t.timings["total"] = float64(time.Since(t.started).Microseconds()) / 1000
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	end.Record.Decision = raw

	var next *chat.Claim
	if d.Action == HandOff {
		h := Handoff{
			Claim: t.Claim, Reason: d.Reason, Explanation: d.Explanation, Topic: d.Topic, Priority: d.Priority, Language: d.Language,
			Sentiment: d.Sentiment, Decision: d, Articles: cite(t.passages, t.Conversation, 3),
		}
		err = a.record.Do(ctx, t.Conversation.ID, func(ctx context.Context, s *chat.Session) error {
			if err := s.EndTurn(ctx, t.Claim, end); err != nil {
				return err
			}
			return a.desk.HandOff(ctx, s, h)
		})
	} else {
		next, err = a.record.Finish(ctx, t.Claim, end)
	}
	if err != nil {
		return nil, err
	}
	failpoint("committed")
	if a.observer != nil {
		a.observer.TurnDone(end.Outcome, end.Reason, t.timings, t.answer.usage, t.answer.model)
	}
	return next, nil
}
