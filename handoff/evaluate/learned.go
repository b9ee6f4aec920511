package evaluate

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/report"
)

// folds is the number of parts of a cross-validation, for sets in which the scored messages are the only ones.
const folds = 5

// predict calls f for the scored messages with what train makes of the messages to learn from: train where it exists;
// otherwise dev, where test is scored; otherwise the other parts of the scored messages themselves. It notes in the
// entry which.
func predict[M any](ctx context.Context, e *report.Entry, s *Set, opts Options, train func([]Message) (M, error), f func(M, int, Message)) error {
	split, messages := s.Scored()
	from, name := s.Train, "train"
	if len(from) == 0 {
		from, name = s.tuning(), "dev"
	}
	if len(from) > 0 && split != "train" {
		opts.Progress(fmt.Sprintf("%s: learning from %d messages", s.Name, len(from)))
		start := time.Now()
		model, err := train(from)
		if err != nil {
			return err
		}
		e.Facts["fitted"] = fmt.Sprintf("%s, %d messages in %s", name, len(from), time.Since(start).Round(time.Millisecond))
		for i, m := range messages {
			if err := ctx.Err(); err != nil {
				return err
			}
			f(model, i, m)
		}
		return nil
	}
	e.Facts["fitted"] = fmt.Sprintf("%s, each fifth by the rest", split)
	fold := dealt(messages)
	for k := range folds {
		if err := ctx.Err(); err != nil {
			return err
		}
		opts.Progress(fmt.Sprintf("%s: part %d of %d", s.Name, k+1, folds))
		var rest []Message
		for i, m := range messages {
			if fold[i] != k {
				rest = append(rest, m)
			}
		}
		model, err := train(rest)
		if err != nil {
			return err
		}
		for i, m := range messages {
			if fold[i] == k {
				f(model, i, m)
			}
		}
	}
	return nil
}

// dealt deals messages to the parts of a cross-validation, label by label in their order.
func dealt(messages []Message) []int {
	seen := map[string]int{}
	fold := make([]int, len(messages))
	for i, m := range messages {
		k := m.Label + "\x00" + m.Intent
		fold[i] = seen[k] % folds
		seen[k]++
	}
	return fold
}

// topics scores the classifier on arbitrary labels.
func topics(ctx context.Context, s *Set, opts Options) (report.Entry, error) {
	split, messages := s.Scored()
	e := newEntry(split, len(messages))
	train := func(from []Message) (*triage.Classifier, error) {
		examples := make([]triage.Labelled, len(from))
		for i, m := range from {
			examples[i] = triage.Labelled{Text: m.Text, Label: m.Label}
		}
		return triage.TrainLabelled(examples)
	}
	want, got := make([]string, len(messages)), make([]string, len(messages))
	p, right := make([]float64, len(messages)), make([]bool, len(messages))
	e.Cases = make([]report.Case, len(messages))
	err := predict(ctx, &e, s, opts, train, func(c *triage.Classifier, i int, m Message) {
		scores := c.Classify(m.Text)
		want[i], got[i], p[i] = m.Label, scores[0].Topic, scores[0].P
		right[i] = want[i] == got[i]
		out := report.Case{ID: m.ID, Text: m.Text, P: p[i], Outcome: right[i], Want: []string{want[i]}, Got: []string{got[i]}, Group: m.group()}
		if right[i] {
			out.Score = 1
		} else if len(scores) > 1 {
			out.Note = fmt.Sprintf("second: %s (%.2f)", scores[1].Topic, scores[1].P)
		}
		e.Cases[i] = out
	})
	if err != nil {
		return e, err
	}
	e.Facts["p_of"] = "that the first label is right"
	distinct := map[string]bool{}
	for _, l := range want {
		distinct[l] = true
	}
	put(&e, "labels", float64(len(distinct)))
	put(&e, "accuracy", measure.Accuracy(want, got))
	put(&e, "macro_f1", measure.MacroF1(want, got))
	put(&e, "ece", measure.ECE(p, right, 10))
	put(&e, "brier", measure.Brier(p, right))
	put(&e, "auroc", measure.AUROC(p, right))
	put(&e, "fpr_at_95tpr", measure.FPRAtTPR(p, right, 0.95))
	return e, nil
}

// maxAlarms is the share of ordinary messages that may be taken for urgent.
const maxAlarms = 0.03

// urgency is a classifier of topics, some of them urgent.
type urgency struct {
	*triage.Classifier
	urgent map[string]bool
}

// learnUrgency gives the messages as examples of topics, as a company does: a topic for each intent where messages have
// one, otherwise for each label. A topic is urgent, of priority 1, when most of its examples are.
func learnUrgency(from []Message) (urgency, error) {
	index := map[string]int{}
	var list []triage.Topic
	votes := []int{}
	for _, m := range from {
		key := m.Intent
		if key == "" {
			key = m.Label
		}
		i, ok := index[key]
		if !ok {
			i = len(list)
			index[key] = i
			list, votes = append(list, triage.Topic{Key: key, Priority: 4, Examples: map[string][]string{}}), append(votes, 0)
		}
		list[i].Examples["en"] = append(list[i].Examples["en"], m.Text) // the language only orders examples
		if isUrgent(m) {
			votes[i]++
		} else {
			votes[i]--
		}
	}
	u := urgency{urgent: map[string]bool{}}
	for i := range list {
		if votes[i] > 0 {
			list[i].Priority = 1
			u.urgent[list[i].Key] = true
		}
	}
	if len(u.urgent) == 0 {
		return u, fmt.Errorf("no example has the label urgent")
	}
	var err error
	u.Classifier, err = triage.Train(list, nil)
	return u, err
}

func isUrgent(m Message) bool { return m.Label == "urgent" }

// p is the probability that a message is urgent: that it is about any of the urgent topics.
func (u urgency) p(text string) float64 {
	sum := 0.0
	for _, s := range u.Classify(text) {
		if u.urgent[s.Topic] {
			sum += s.P
		}
	}
	return min(sum, 1)
}

// credible reports whether the assistant would treat a message as urgent without a threshold of its own: some part of
// it is credibly about an urgent topic.
func (u urgency) credible(text string) bool {
	first := u.Segments(text)[0]
	return u.urgent[first.Topic] && first.P >= triage.Credible(first.Priority)
}

// urgent scores the recognition of urgent messages. The threshold is the least at which dev, or train by
// cross-validation, has no more false alarms than maxAlarms less one standard error, so that it holds on messages that
// nobody has seen. recall_at_fpr_03 is the recall at exactly that share on the scored messages themselves;
// recall_credible and fpr_credible are those of the assistant's own bar.
func urgent(ctx context.Context, s *Set, opts Options) (report.Entry, error) {
	split, messages := s.Scored()
	e := newEntry(split, len(messages))
	p, want, credible := make([]float64, len(messages)), make([]bool, len(messages)), make([]bool, len(messages))
	var model *urgency
	err := predict(ctx, &e, s, opts, learnUrgency, func(u urgency, i int, m Message) {
		p[i], want[i], credible[i] = u.p(m.Text), isUrgent(m), u.credible(m.Text)
		model = &u
	})
	if err != nil {
		return e, err
	}
	threshold, on, err := urgentThreshold(ctx, s, opts, model)
	if err != nil {
		return e, err
	}
	e.Facts["threshold_on"] = on
	put(&e, "threshold", threshold)
	raised := make([]bool, len(messages))
	var own measure.Counts
	for i := range raised {
		raised[i] = p[i] >= threshold
		switch {
		case credible[i] && want[i]:
			own.TP++
		case credible[i]:
			own.FP++
		case want[i]:
			own.FN++
		default:
			own.TN++
		}
	}
	addBinary(&e, messages, p, want, raised, sides{"urgent", "ordinary"})
	put(&e, "recall_at_fpr_03", measure.At(p, want, measure.ThresholdAtFPR(p, want, maxAlarms)).Recall())
	put(&e, "recall_credible", own.Recall())
	put(&e, "fpr_credible", own.FPR())
	return e, nil
}

// urgentThreshold chooses the threshold and says on what.
func urgentThreshold(ctx context.Context, s *Set, opts Options, model *urgency) (float64, string, error) {
	var p []float64
	var want []bool
	on := "dev"
	if tuning := s.tuning(); len(tuning) > 0 && len(s.Train) > 0 {
		for _, m := range tuning {
			p, want = append(p, model.p(m.Text)), append(want, isUrgent(m))
		}
	} else {
		// What was learned from, each fifth by the rest; where that is the scored messages themselves, their parts.
		messages := s.Train
		on = "train, each fifth by the rest"
		switch {
		case len(messages) == 0 && len(s.tuning()) > 0:
			messages, on = s.tuning(), "dev, each fifth by the rest"
		case len(messages) == 0:
			_, messages = s.Scored()
			on = "the scored messages, each fifth by the rest"
		}
		p, want = make([]float64, len(messages)), make([]bool, len(messages))
		part := &Set{Name: s.Name, Train: messages}
		entry := newEntry("train", len(messages))
		if err := predict(ctx, &entry, part, opts, learnUrgency, func(u urgency, i int, m Message) { p[i], want[i] = u.p(m.Text), isUrgent(m) }); err != nil {
			return 0, "", err
		}
	}
	ordinary := 0
	for _, urgent := range want {
		if !urgent {
			ordinary++
		}
	}
	if ordinary == 0 {
		return 0, "", fmt.Errorf("no message is ordinary")
	}
	margin := math.Sqrt(maxAlarms * (1 - maxAlarms) / float64(ordinary))
	return measure.ThresholdAtFPR(p, want, max(0, maxAlarms-margin)), on, nil
}
