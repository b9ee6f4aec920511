package assistant

import (
	"context"
	"time"

	"github.com/firstline/firstline/internal/chat"
)

// Preview is what a turn would say, and why, without anything being written.
type Preview struct {
	Text      string
	Citations []chat.Citation
	Decision  *Decision
	Timings   map[string]float64 // milliseconds by stage
}

// Ask answers a question as the first of a new conversation, and writes nothing: no message, no handoff.
func (a *Assistant) Ask(ctx context.Context, question string, c chat.Conversation) (Preview, error) {
	t := a.rehearsal(firstTurn(question, c))
	if err := a.think(ctx, t); err != nil {
		return Preview{}, err
	}
	return t.preview(), nil
}

// Rehearsal is what a turn would do, and what it would say if no threshold held it back.
type Rehearsal struct {
	Preview
	Free      *Decision       // the same turn, answering; nil where rules decide or nothing was found
	Said      Said            // how saying it came out
	Text      string          // what it would say
	Citations []chat.Citation // and from where
}

// Rehearse runs a turn to its decision and writes nothing. Where the turn comes to choosing, it also finds out what
// would be said: the measure of a threshold is what it holds back.
func (a *Assistant) Rehearse(ctx context.Context, c *chat.Claim) (Rehearsal, error) {
	t := a.rehearsal(c)
	if err := a.think(ctx, t); err != nil {
		return Rehearsal{}, err
	}
	r := Rehearsal{Preview: t.preview()}
	d := t.decision
	if !d.Retrieved || len(t.passages) == 0 {
		return r, nil
	}
	if d.Said != "" { // it answered: that is what it would say
		r.Free, r.Said, r.Text, r.Citations = d, d.Said, t.answer.text, t.answer.citations
		return r, nil
	}
	free := *d
	shadow := &turn{Claim: t.Claim, triage: t.triage, decision: &free, passages: t.passages, started: t.started, stage: t.stage, timings: map[string]float64{}, speak: t.speak}
	if err := a.say(ctx, shadow); err != nil {
		return Rehearsal{}, err
	}
	r.Free, r.Said, r.Text, r.Citations = &free, free.Said, shadow.answer.text, shadow.answer.citations
	return r, nil
}

func firstTurn(question string, c chat.Conversation) *chat.Claim {
	return &chat.Claim{Conversation: c, Messages: []chat.Message{{Author: chat.Customer, Text: question}}}
}

// rehearsal is a turn that speaks to nobody.
func (a *Assistant) rehearsal(c *chat.Claim) *turn {
	now := time.Now()
	t := &turn{Claim: c, triage: a.triage.Load(), started: now, stage: now, timings: map[string]float64{}}
	t.speak = func(context.Context, chat.DeltaEvent) error { return nil }
	return t
}

func (t *turn) preview() Preview {
	t.timings["total"] = float64(time.Since(t.started).Microseconds()) / 1000
	p := Preview{Text: t.answer.text, Citations: t.answer.citations, Decision: t.decision, Timings: t.timings}
	if p.Text == "" {
		p.Text = t.decision.say()
	}
	return p
}
