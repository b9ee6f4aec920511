package evaluate

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
)

// Rehearser is the assistant, asked without anything being written.
type Rehearser interface {
	Rehearse(ctx context.Context, c *chat.Claim) (assistant.Rehearsal, error)
}

// Outcome is what came of a labelled question.
type Outcome struct {
	Question
	Part     Part
	Decision *assistant.Decision // what the turn would do
	Said     assistant.Said      // how saying an answer came out, where the turn came to choosing
	Quoted   string              // the section that it would answer from if nothing held it back, as slug#anchor; "" where it would not come to an answer
	Section  bool                // that section answers
	Linked   bool                // a section that answers is quoted or named beside it
	Article  bool                // some section of that article does
	Among    bool                // an article that answers is among the options of a question back
}

// Under returns the outcome that another policy would have: the decision is made again from what was stored with it.
func (o Outcome) Under(p assistant.Policy) Outcome {
	d := *o.Decision
	d.Policy, d.Said = p, ""
	d.Decide()
	if d.Action == assistant.Answer {
		d.Said = o.Said
		d.Decide()
	}
	o.Decision = &d
	return o
}

// Answered tells whether the customer would read an answer.
func (o Outcome) Answered() bool {
	d := o.Decision
	return d.Said != "" && d.Said != assistant.SaidNothing && o.Quoted != ""
}

// Run asks every question, each as the first of a conversation. progress is told how many are done.
func Run(ctx context.Context, r Rehearser, questions []Question, progress func(done, total int)) ([]Outcome, error) {
	out := make([]Outcome, len(questions))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	done := make(chan struct{}, len(questions))
	for i, q := range questions {
		g.Go(func() error {
			c := chat.Conversation{Market: q.Market, Locale: q.Locale, Audience: q.Audience, Owner: chat.OwnedByAssistant}
			res, err := r.Rehearse(ctx, &chat.Claim{Conversation: c, Messages: []chat.Message{{Author: chat.Customer, Text: q.Question}}})
			if err != nil {
				return fmt.Errorf("%s: %w", q.ID, err)
			}
			out[i] = judge(q, res)
			done <- struct{}{}
			progress(len(done), len(questions))
			return nil
		})
	}
	return out, g.Wait()
}

func judge(q Question, r assistant.Rehearsal) Outcome {
	o := Outcome{Question: q, Part: PartOf(q.ID), Decision: r.Decision}
	if r.Free != nil && r.Said != assistant.SaidNothing {
		o.Said = r.Said
		o.Quoted, o.Section, o.Article = sources(q.Answers, r.Citations)
	}
	o.Linked = o.Section || o.Quoted != "" && named(q.Answers, r.Decision.Candidates)
	o.Among = among(q.Answers, r.Decision.Candidates)
	return o
}

// sources says where an answer comes from and whether that is right: one of the sections that it cites must answer.
func sources(answers []string, cited []chat.Citation) (first string, section, article bool) {
	for i, c := range cited {
		at := c.Article + "#" + c.Anchor
		if i == 0 {
			first = at
		}
		section = section || slices.Contains(answers, at)
		article = article || inArticle(answers, c.Article)
	}
	return first, section, article
}

// named tells whether one of the sections of the best article that were found answers.
func named(answers []string, candidates []assistant.Candidate) bool {
	for _, c := range candidates {
		if c.Article == candidates[0].Article && slices.Contains(answers, c.Article+"#"+c.Anchor) {
			return true
		}
	}
	return false
}

// among tells whether one of the three best articles answers.
func among(answers []string, candidates []assistant.Candidate) bool {
	var slugs []string
	for _, c := range candidates {
		if !slices.Contains(slugs, c.Article) && len(slugs) < 3 {
			slugs = append(slugs, c.Article)
		}
	}
	return slices.ContainsFunc(slugs, func(s string) bool { return inArticle(answers, s) })
}

func inArticle(answers []string, slug string) bool {
	return slices.ContainsFunc(answers, func(a string) bool { return strings.HasPrefix(a, slug+"#") })
}
