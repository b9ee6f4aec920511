package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	findings "github.com/firstline/firstline/internal/report"
)

// measureVerdicts counts what agents said of handoffs, and runs the turns that made them again, with today's topics,
// articles and thresholds: a verdict is heeded where the assistant would do today what the agent asks for. Nothing is
// written. Handoffs that a person made are counted and not run.
func measureVerdicts(e *env) (findings.Entry, error) {
	a, err := openReplay(e, e.cfg)
	if err != nil {
		return findings.Entry{}, err
	}
	defer a.Close()
	all, err := a.desk.Judgements(e.ctx)
	if err != nil {
		return findings.Entry{}, err
	}
	v := verdicts{desk: a.desk, find: a.record.FindEnded, now: a.assistant.ForReplay(false, nil).Replay, done: map[uuid.UUID]*assistant.Decision{}}
	return v.measure(e.ctx, all)
}

// verdicts measures by replaying turns, each once.
type verdicts struct {
	desk interface {
		TeamFor(topic, audience string) string
	}
	find func(context.Context, uuid.UUID) (chat.Ended, error)
	now  func(context.Context, *chat.Claim) (assistant.Preview, error)
	done map[uuid.UUID]*assistant.Decision
}

func (v *verdicts) measure(ctx context.Context, all []handoff.Judged) (findings.Entry, error) {
	entry := findings.Entry{Area: findings.Suites, Name: "verdicts", Main: "heeded", Figures: map[string]float64{"n": float64(len(all))}}
	if len(all) == 0 {
		return entry, nil
	}
	counts := map[string]int{}
	heeded, seen := 0, map[string]int{}
	for _, j := range all {
		counts[j.Verdict]++
		c, ok, err := v.one(ctx, j)
		if err != nil {
			return entry, err
		}
		if !ok {
			continue
		}
		if seen[c.ID]++; seen[c.ID] > 1 { // several agents judged it
			c.ID = fmt.Sprintf("%s/%d", c.ID, seen[c.ID])
		}
		heeded += int(c.Score)
		entry.Cases = append(entry.Cases, c)
	}
	for _, verdict := range handoff.Verdicts {
		entry.Figures[verdict] = float64(counts[verdict]) / float64(len(all))
	}
	entry.Figures["replayed"] = float64(len(entry.Cases))
	if len(entry.Cases) > 0 {
		entry.Figures["heeded"] = float64(heeded) / float64(len(entry.Cases))
	}
	return entry, nil
}

// one runs a verdict's turn again; false where there is none to run, because a person decided or it is not kept.
func (v *verdicts) one(ctx context.Context, j handoff.Judged) (findings.Case, bool, error) {
	turn := j.Turn
	if j.Verdict == "too_late" { // the turn that handed off did right; the one before it did not
		turn = j.Before
	}
	if turn == nil {
		return findings.Case{}, false, nil
	}
	d, err := v.replay(ctx, *turn)
	if fault.Is(err, fault.NotFound) {
		return findings.Case{}, false, nil
	}
	if err != nil {
		return findings.Case{}, false, err
	}
	c := findings.Case{ID: j.Handoff.String(), Text: d.Question, Group: j.Verdict, Got: []string{string(d.Action)}, Note: j.Reason}
	team := v.desk.TeamFor(d.Topic, j.Audience)
	handsOff := d.Action == assistant.HandOff
	good := false
	switch j.Verdict {
	case "right", "too_late":
		c.Want, good = []string{string(assistant.HandOff)}, handsOff
	case "too_early":
		c.Want, good = []string{"not " + string(assistant.HandOff)}, !handsOff
	case "wrong_team":
		c.Got = []string{team}
		if c.Want, good = []string{"not " + j.Team}, team != j.Team; j.Right != "" {
			c.Want, good = []string{j.Right}, team == j.Right
		}
	}
	if good {
		c.Score = 1
	}
	return c, true, nil
}

func (v *verdicts) replay(ctx context.Context, turn uuid.UUID) (*assistant.Decision, error) {
	if d := v.done[turn]; d != nil {
		return d, nil
	}
	ended, err := v.find(ctx, turn)
	if err != nil {
		return nil, err
	}
	p, err := v.now(ctx, ended.Claim)
	if err != nil {
		return nil, fmt.Errorf("turn %s: %w", turn, err)
	}
	v.done[turn] = p.Decision
	return p.Decision, nil
}
