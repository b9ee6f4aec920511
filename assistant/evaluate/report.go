package evaluate

import (
	"fmt"
	"slices"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/report"
)

// Entry turns outcomes into figures and cases:
//
//   - n, answerable: questions, and those that some section answers
//   - coverage: share of the answerable ones that are answered right; answered: how many are answered at all
//   - wrong: share of the answers given whose article does not answer, wrong_upper: its Clopper-Pearson bound at 95 %
//   - quoted_right, linked_right: share of the answers given that quote a section which answers, and that quote one or
//     name one beside it
//   - asked_back, asked_back_right: share asked back, and share of those with a right option
//   - top1_section, top1_article: share of the answerable ones that reach a choice for which the first section, or its
//     article, is right
//   - wrong_of_all: share of all questions that get a wrong answer, wrong_of_all_upper its bound at 95 %
//   - taken_by_rules: share of the answerable ones that a rule hands off before any article is looked at
//   - auroc, ece, brier, coverage_at_risk_*: of the probability that the article is right
//   - person_recall: share of those for a person that reach one at once; refused: share of those that nothing answers
//     that are not answered
//   - topic_accuracy: share of the messages with a topic for which it was seen
func Entry(name string, outcomes []Outcome) report.Entry {
	var n, answerable, reached, section, article, covered, answered, wrong, quoted, linked, back, backRight, persons, personsReached, nothing, refused, topics, topicsRight int
	var p []float64
	var right []bool
	cases := make([]report.Case, 0, len(outcomes))
	for _, o := range outcomes {
		d := o.Decision
		n++
		if len(o.Answers) > 0 {
			answerable++
			if o.Quoted != "" {
				reached++
				section += count(o.Section)
				article += count(o.Article)
			}
		}
		if o.Answered() {
			answered++
			wrong += count(!o.Article)
			covered += count(o.Article)
			quoted += count(o.Section)
			linked += count(o.Linked)
		}
		if d.Action == assistant.Clarify {
			back++
			backRight += count(o.Among)
		}
		switch o.Expect {
		case Person:
			persons++
			personsReached += count(d.Action == assistant.HandOff)
		case Nothing:
			nothing++
			refused += count(!o.Answered())
		}
		if o.Topic != "" && o.Topic != "none" {
			topics++
			topicsRight += count(d.Topic == o.Topic)
		}
		c := report.Case{ID: o.ID, Text: o.Question.Question, Want: o.Answers, Group: o.Locale, P: d.PCorrect, Outcome: o.Article, Note: note(o)}
		if len(o.Answers) == 0 {
			c.Want = []string{string(o.Expect)}
		}
		if o.Quoted != "" {
			p, right = append(p, d.PCorrect), append(right, o.Article)
			c.Got = found(o)
		}
		if o.Article {
			c.Score = 1
		}
		if o.Quoted != "" { // what rules decide is in the figures; no probability decides it
			cases = append(cases, c)
		}
	}
	e := report.Entry{Area: report.Suites, Name: name, Main: "right", Cases: cases, Facts: map[string]string{}, Figures: map[string]float64{
		"n": float64(n), "answerable": float64(answerable), "answered": float64(answered), "wrong_upper": measure.UpperBound(wrong, answered, 0.95),
		"wrong_of_all_upper": measure.UpperBound(wrong, n, 0.95),
		"auroc":              measure.AUROC(p, right), "ece": measure.ECE(p, right, 10),
	}}
	for name, x := range map[string][2]int{
		"coverage": {covered, answerable}, "wrong": {wrong, answered}, "wrong_of_all": {wrong, n}, "taken_by_rules": {answerable - reached, answerable}, "quoted_right": {quoted, answered}, "linked_right": {linked, answered}, "asked_back": {back, n}, "asked_back_right": {backRight, back},
		"top1_section": {section, reached}, "top1_article": {article, reached}, "person_recall": {personsReached, persons},
		"refused": {refused, nothing}, "topic_accuracy": {topicsRight, topics},
	} {
		if x[1] > 0 {
			e.Figures[name] = float64(x[0]) / float64(x[1])
		}
	}
	report.AddConfidence(e.Figures, cases)
	return e
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// note says what the turn did.
func note(o Outcome) string {
	d := o.Decision
	s := fmt.Sprintf("%s (%s), %s", d.Action, d.Reason, o.Part)
	if d.Topic != "" {
		s += ", topic " + d.Topic
	}
	if d.Threshold > 0 {
		s += fmt.Sprintf(", threshold %.2f (%s)", d.Threshold, d.Group)
	}
	return s
}

// found lists the sections that were found, what would be quoted first.
func found(o Outcome) []string {
	list := []string{o.Quoted}
	for _, c := range o.Decision.Candidates {
		if at := c.Article + "#" + c.Anchor; !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	return list
}

// Parts returns the outcomes of one part.
func Parts(outcomes []Outcome, part Part) []Outcome {
	return slices.DeleteFunc(slices.Clone(outcomes), func(o Outcome) bool { return o.Part != part })
}
