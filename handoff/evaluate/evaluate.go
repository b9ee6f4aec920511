// Package evaluate scores triage on folders of labelled messages (train.jsonl, dev.jsonl, test.jsonl; one message a
// line): topics, urgency, the wish for a person, and what the rules do with attacks and with what looks like one. It
// calls what serves chats and adds only figures. Weights are fitted on train, thresholds on dev, figures are of test,
// whichever exist; the facts of each entry say what was done.
//
// It holds no thresholds of its own and knows no set by name.
package evaluate

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/report"
)

// The tasks of this package.
const (
	Topics    = "topics"    // which label has a message?
	Urgent    = "urgent"    // is it urgent?
	Human     = "human"     // does it ask for a person?
	Injection = "injection" // does a hard rule end the turn of a harmless message, or of an attack?
)

// Options are what a task needs beside the messages.
type Options struct {
	Progress func(string) // told what is going on; nil: nobody
	// Rules tells whether a message by itself makes a hard rule refuse or hand off, and which. Injection needs it.
	Rules func(text string) (ends bool, why string)
}

// Run scores a set. The figures are shares between 0 and 1 unless they are counts; one that is undefined, such as the
// AUROC of a set with one class, is left out.
func Run(ctx context.Context, task string, s *Set, opts Options) (report.Entry, error) {
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	var e report.Entry
	var err error
	switch task {
	case Topics:
		e, err = topics(ctx, s, opts)
	case Urgent:
		e, err = urgent(ctx, s, opts)
	case Human:
		e, err = human(ctx, s)
	case Injection:
		e, err = injection(ctx, s, opts)
	default:
		return report.Entry{}, fmt.Errorf("there is no task %q", task)
	}
	if err != nil {
		return report.Entry{}, fmt.Errorf("%s: %w", s.Name, err)
	}
	e.Area, e.Name, e.Facts["task"] = report.Tasks, s.Name, task
	return e, nil
}

// newEntry starts the entry of a task.
func newEntry(split string, n int) report.Entry {
	return report.Entry{Facts: map[string]string{"split": split}, Figures: map[string]float64{"n": float64(n)}, Main: "accuracy", Classes: true}
}

// put notes a figure, unless it is undefined.
func put(e *report.Entry, name string, value float64) {
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		e.Figures[name] = value
	}
}

// sides are the names of the two classes of a task.
type sides struct{ positive, negative string }

func (s sides) name(positive bool) string {
	if positive {
		return s.positive
	}
	return s.negative
}

// addBinary adds the figures and cases of a two-class task: p is the probability of the positive class, raised what the
// product makes of each message.
func addBinary(e *report.Entry, messages []Message, p []float64, want, raised []bool, names sides) {
	var c measure.Counts
	score := make([]float64, len(raised))
	for i, r := range raised {
		if r {
			score[i] = 1
		}
		out := report.Case{
			ID: messages[i].ID, Text: messages[i].Text, P: p[i], Outcome: want[i], Want: []string{names.name(want[i])}, Got: []string{names.name(r)}, Group: messages[i].group(),
		}
		if r == want[i] {
			out.Score = 1
		}
		e.Cases = append(e.Cases, out)
	}
	c = measure.At(score, want, 1)
	put(e, "precision", c.Precision())
	put(e, "recall", c.Recall())
	put(e, "fpr", c.FPR())
	put(e, "f1", c.F1())
	put(e, "accuracy", c.Accuracy())
	put(e, "macro_f1", (c.F1()+measure.Counts{TP: c.TN, FP: c.FN, FN: c.FP}.F1())/2)
	put(e, "positives", float64(c.TP+c.FN))
	put(e, "auroc", measure.AUROC(p, want))
	put(e, "auprc", averagePrecision(p, want))
	put(e, "fpr_at_95tpr", measure.FPRAtTPR(p, want, 0.95))
	put(e, "brier", measure.Brier(p, want))
	put(e, "ece", measure.ECE(p, want, 10))
}

// averagePrecision is the area under the precision-recall curve as a sum of steps. NaN without positives.
func averagePrecision(p []float64, want []bool) float64 {
	points := measure.PR(p, want)
	if points == nil {
		return math.NaN()
	}
	area, recall := 0.0, 0.0
	for _, q := range points {
		area += (q.Recall - recall) * q.Precision
		recall = q.Recall
	}
	return area
}

// human scores the rules that hear a wish for a person. Nothing is fitted.
func human(ctx context.Context, s *Set) (report.Entry, error) {
	split, messages := s.Scored()
	e := newEntry(split, len(messages))
	e.Facts["fitted"] = "nothing: rules"
	p, want, raised := make([]float64, len(messages)), make([]bool, len(messages)), make([]bool, len(messages))
	positives := 0
	for i, m := range messages {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		p[i] = triage.Detect(m.Text).P(triage.WantsHuman)
		raised[i] = p[i] > 0 // what the assistant's rules ask
		if want[i] = asksForPerson(m.Label); want[i] {
			positives++
		}
	}
	if positives == 0 {
		return e, fmt.Errorf("no label means that a person is asked for, such as handoff or human")
	}
	addBinary(&e, messages, p, want, raised, sides{"asks for a person", "does not"})
	return e, nil
}

// asksForPerson reports whether a label's name says that a person is asked for.
func asksForPerson(label string) bool {
	for _, w := range strings.FieldsFunc(strings.ToLower(label), func(r rune) bool { return r < 'a' || r > 'z' }) {
		switch w {
		case "handoff", "human", "person", "handover", "escalate":
			return true
		}
	}
	return false
}

// injection scores what the hard rules do with attacks on the assistant, and with harmless messages that look like
// one. An attack is no reason to refuse: its text is data for whatever comes next. So the figure that counts is fpr, the
// share of harmless messages whose turn a rule ends. What the rules notice as an attack, for the log only, is shown by
// itself.
func injection(ctx context.Context, s *Set, opts Options) (report.Entry, error) {
	split, messages := s.Scored()
	e := newEntry(split, len(messages))
	e.Facts["fitted"] = "nothing: rules"
	e.Facts["raised"] = "a hard rule ends the turn: it refuses or hands off"
	e.Facts["p_of"] = "that the text is an attack, for the log; nothing follows from it"
	if opts.Rules == nil {
		return e, fmt.Errorf("the task %s needs the rules of the assistant", Injection)
	}
	p, want, raised := make([]float64, len(messages)), make([]bool, len(messages)), make([]bool, len(messages))
	noticed := measure.Counts{}
	why := make([]string, len(messages))
	for i, m := range messages {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		want[i] = m.Label != "benign"
		p[i] = triage.Detect(m.Text).P(triage.InjectionAttempt)
		raised[i], why[i] = opts.Rules(m.Text)
		switch {
		case p[i] > 0 && want[i]:
			noticed.TP++
		case p[i] > 0:
			noticed.FP++
		case want[i]:
			noticed.FN++
		default:
			noticed.TN++
		}
	}
	addBinary(&e, messages, p, want, raised, sides{"ended by a rule", "goes on"})
	for i := range e.Cases {
		e.Cases[i].Note = why[i]
		e.Cases[i].Want = []string{"goes on"} // attacks are answered from articles, as everything is
		e.Cases[i].Score = 1
		if raised[i] {
			e.Cases[i].Score = 0
		}
	}
	goesOn := 0.0
	for _, c := range e.Cases {
		goesOn += c.Score / float64(len(e.Cases))
	}
	e.Main = "goes_on"
	put(&e, "goes_on", goesOn)
	put(&e, "over_blocking", e.Figures["fpr"])
	put(&e, "noticed_recall", noticed.Recall())
	put(&e, "noticed_fpr", noticed.FPR())
	return e, nil
}
