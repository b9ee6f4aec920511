package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/report"
)

// State is a conversation up to the customer's next message, and whether a good colleague who reads along would step in
// now.
type State struct {
	ID     string      `json:"id"`
	Locale string      `json:"locale"`
	Market string      `json:"market"`
	Turns  []StateTurn `json:"turns"`
	Now    string      `json:"now"`
	Stuck  bool        `json:"stuck"`
	Why    string      `json:"why"`
}

// StateTurn is an earlier message, what came of it, and what the customer thought of that; nil when they did not say.
type StateTurn struct {
	Customer string       `json:"customer"`
	Outcome  chat.Outcome `json:"outcome"`
	Helpful  *bool        `json:"helpful"`
}

// ReadStates reads every *.jsonl file below the given folder of a file system. An error names the file and the line.
func ReadStates(fsys fs.FS, root string) ([]State, error) {
	var all []State
	seen := map[string]bool{}
	err := eachLine(fsys, root, func(_ string, line []byte) error {
		s, err := readState(line)
		if err != nil {
			return err
		}
		if seen[s.ID] {
			return fmt.Errorf("the id %q stands there twice", s.ID)
		}
		seen[s.ID] = true
		all = append(all, s)
		return nil
	})
	return all, err
}

func readState(line []byte) (s State, err error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, err
	}
	if s.ID == "" || s.Locale == "" || strings.TrimSpace(s.Now) == "" {
		return s, errors.New(`"id", "locale" or "now" is missing`)
	}
	for i, t := range s.Turns {
		if !slices.Contains([]chat.Outcome{chat.Answered, chat.Clarified, chat.OfferedHuman, chat.HandedOff}, t.Outcome) {
			return s, fmt.Errorf("turn %d: unknown outcome %q", i+1, t.Outcome)
		}
	}
	return s, nil
}

// Seen is a state with the signs that a turn sees in it.
type Seen struct {
	State
	Part     Part
	Decision *assistant.Decision
}

// P is the probability that the customer is stuck.
func (s Seen) P() float64 { return s.Decision.Stuck.P() }

// See replays every state up to the customer's next message and asks what a turn makes of that. The earlier messages come
// to what is written in the state, in the assistant's own words. Nothing is written; the outcome is in the order of the
// states.
func See(ctx context.Context, r Rehearser, states []State) ([]Seen, error) {
	out := make([]Seen, len(states))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range states {
		g.Go(func() error {
			d, err := see(ctx, r, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.ID, err)
			}
			out[i] = Seen{State: s, Part: PartOf(s.ID), Decision: d}
			return nil
		})
	}
	return out, g.Wait()
}

func see(ctx context.Context, r Rehearser, s State) (*assistant.Decision, error) {
	c := chat.Conversation{Market: s.Market, Locale: s.Locale, Audience: "consumer", Owner: chat.OwnedByAssistant}
	var history []chat.Message
	var past []chat.PastTurn
	rehearse := func(text string) (assistant.Rehearsal, error) {
		now := chat.Message{Seq: int64(len(history) + 1), Author: chat.Customer, Text: text}
		res, err := r.Rehearse(ctx, &chat.Claim{
			Conversation: c, FromSeq: now.Seq, ToSeq: now.Seq, Messages: []chat.Message{now}, Past: slices.Clone(past[:min(len(past), chat.HistoryLimit)]),
			History: slices.Clone(history[max(0, len(history)-chat.HistoryLimit):]),
		})
		history = append(history, now)
		return res, err
	}
	for _, t := range s.Turns {
		res, err := rehearse(t.Customer)
		if err != nil {
			return nil, err
		}
		m := chat.Message{Seq: int64(len(history) + 1), Author: chat.Assistant, AI: true, Helpful: t.Helpful}
		m.Text, m.Citations = came(t.Outcome, res)
		history = append(history, m)
		past = slices.Insert(past, 0, chat.PastTurn{Outcome: t.Outcome, Reason: string(res.Decision.Reason)})
	}
	res, err := rehearse(s.Now)
	return res.Decision, err
}

// came is what the assistant says where a turn comes to the outcome.
func came(o chat.Outcome, r assistant.Rehearsal) (string, []chat.Citation) {
	switch {
	case o == chat.Clarified:
		return assistant.AskBack(r.Decision.Language, r.Decision.Options), nil
	case o == chat.OfferedHuman:
		return assistant.Text(r.Decision.Language, "offer"), nil
	case o == chat.HandedOff:
		return assistant.Text(r.Decision.Language, "stuck"), nil
	case r.Free != nil && r.Text != "":
		return r.Text, r.Citations
	}
	return r.Preview.Text, r.Preview.Citations
}

// FitStuck fits the weights of the probability that a customer is stuck on the states that are not held back for the
// test, and calibrates them: each fifth is judged by weights that were fitted on the others, and what Platt's method makes
// of those judgements goes into the weights. Where nobody has said anything before there is nothing to weigh.
func FitStuck(seen []Seen) measure.Logistic {
	var rows [][]float64
	var stuck []bool
	for _, s := range seen {
		if s.Part != Test && s.Decision.Stuck.Turns > 0 {
			rows, stuck = append(rows, s.Decision.Stuck.Inputs()), append(stuck, s.Stuck)
		}
	}
	fit := func(without int) measure.Logistic {
		var x [][]float64
		var y []bool
		for i := range rows {
			if i%folds != without {
				x, y = append(x, rows[i]), append(y, stuck[i])
			}
		}
		return measure.FitLogistic(x, y, assistant.StuckPrior, ridge)
	}
	scores := make([]float64, len(rows))
	for k := range folds {
		w := fit(k)
		for i := k; i < len(rows); i += folds {
			scores[i] = logit(w.P(rows[i]))
		}
	}
	platt := measure.FitPlatt(scores, stuck)
	w := fit(folds)
	for i := range w {
		w[i] *= platt.A
	}
	w[0] += platt.B
	return w
}

// folds is how many parts the states are dealt into for calibrating; ridge is how firmly the weights hold to where they
// started, about as one state more for each sign.
const (
	folds = 5
	ridge = 1
)

func logit(p float64) float64 {
	p = min(max(p, 1e-6), 1-1e-6)
	return math.Log(p / (1 - p))
}

// RunStuck replays the states and returns an entry for those that the weights were fitted on and one for those held back.
// Both name the weights that fitting anew would give.
func RunStuck(ctx context.Context, r Rehearser, states []State) ([]report.Entry, error) {
	seen, err := See(ctx, r, states)
	if err != nil {
		return nil, err
	}
	held := slices.DeleteFunc(slices.Clone(seen), func(s Seen) bool { return s.Part != Test })
	used := slices.DeleteFunc(slices.Clone(seen), func(s Seen) bool { return s.Part == Test })
	var entries []report.Entry
	for _, of := range []struct {
		name string
		seen []Seen
	}{{"stuck, fitted on", used}, {"stuck", held}} {
		if len(of.seen) > 0 {
			e := StuckEntry(of.name, of.seen)
			e.Facts["fitted anew"] = fmt.Sprintf("%.2f", FitStuck(seen))
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// StuckEntry turns states into figures and cases:
//
//   - auroc, ece, brier: of the probability that the customer is stuck; n and stuck count states
//   - offer_precision, offer_recall, offer_fpr: at the bar from which a person is offered though an article is sure
//   - person_precision, person_recall, person_fpr: at the bar from which one is brought in
//   - auroc_de and so on: by language
//   - stepped_in, stepped_in_wrongly: shares of the customers who are stuck, and of the others, for whom the turn brings
//     or offers a person, for whatever reason; stuck_wrongly: of the others, for that reason
//
// The score of a case is 1 when the bar for offering a person falls on the right side.
func StuckEntry(name string, seen []Seen) report.Entry {
	offer, person := assistant.StuckBars()
	e := report.Entry{Area: report.Suites, Name: name, Main: "right", Facts: map[string]string{"bars": fmt.Sprintf("offer %.2f, person %.2f", offer, person)}, Figures: map[string]float64{}}
	type scored struct {
		p     []float64
		stuck []bool
	}
	of := map[string]*scored{}
	var in, wrongly, taken int
	for _, s := range seen {
		p := s.P()
		for _, key := range []string{"", "_" + s.Locale} {
			if of[key] == nil {
				of[key] = &scored{}
			}
			of[key].p, of[key].stuck = append(of[key].p, p), append(of[key].stuck, s.Stuck)
		}
		if a := s.Decision.Action; a == assistant.Offer || a == assistant.HandOff {
			in += count(s.Stuck)
			wrongly += count(!s.Stuck)
			taken += count(!s.Stuck && s.Decision.Reason == assistant.Stuck)
		}
		signs, _ := json.Marshal(s.Decision.Stuck) // numbers and flags only
		e.Cases = append(e.Cases, report.Case{
			ID: s.ID, Text: s.Now, P: p, Outcome: s.Stuck, Score: float64(count((p >= offer) == s.Stuck)), Group: s.Locale,
			Want: []string{class(s.Stuck)}, Got: []string{class(p >= offer)},
			Note: fmt.Sprintf("%s; %s (%s); %s", s.Why, s.Decision.Action, s.Decision.Reason, signs),
		})
	}
	e.Classes = true
	all := of[""]
	for key, x := range of {
		e.Figures["auroc"+key] = measure.AUROC(x.p, x.stuck)
	}
	e.Figures["ece"], e.Figures["brier"] = measure.ECE(all.p, all.stuck, 10), measure.Brier(all.p, all.stuck)
	for bar, at := range map[string]float64{"offer": offer, "person": person} {
		c := measure.At(all.p, all.stuck, at)
		e.Figures[bar+"_precision"], e.Figures[bar+"_recall"], e.Figures[bar+"_fpr"] = c.Precision(), c.Recall(), c.FPR()
	}
	n, stuck := float64(len(seen)), 0.0
	for _, s := range all.stuck {
		stuck += float64(count(s))
	}
	e.Figures["n"], e.Figures["stuck"] = n, stuck
	e.Figures["stepped_in"], e.Figures["stepped_in_wrongly"] = float64(in)/stuck, float64(wrongly)/(n-stuck)
	e.Figures["stuck_wrongly"] = float64(taken) / (n - stuck)
	for key, x := range e.Figures {
		if math.IsNaN(x) {
			delete(e.Figures, key)
		}
	}
	return e
}

func class(stuck bool) string {
	if stuck {
		return "stuck"
	}
	return "not stuck"
}
