package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mask"
)

// AskCmd answers one question.
type AskCmd struct {
	Question []string `arg:"" help:"The question, as a customer would write it."`
	Market   string   `default:"gb" help:"Market of the customer."`
	Locale   string   `default:"en" help:"Language of the customer."`
	Audience string   `default:"consumer" enum:"consumer,merchant" help:"One of ${enum}."`
	Trace    bool     `help:"Print everything that the decision was made from."`
	Demo     bool     `help:"Load the demo help centre first when there are no articles."`
}

// Run answers with the code that serves chats, and writes nothing.
func (c *AskCmd) Run(e *env) error {
	a, err := open(e.ctx, e)
	if err != nil {
		return err
	}
	defer a.Close()
	if c.Demo {
		if err := a.seedDemo(e.ctx, e); err != nil {
			return err
		}
		if err := a.searcher.Embed(e.ctx); err != nil { // as a server would have done by now
			return err
		}
	}
	site := a.site()
	known := false
	for _, m := range site.Markets {
		known = known || m.Code == c.Market
	}
	if !known {
		return fault.Field("--market", "unknown_market", "There is no market %q.", c.Market)
	}
	if err := errors.Join(a.loadTopics(e.ctx), a.loadCertificate(e.ctx)); err != nil {
		return err
	}
	question, _ := mask.Mask(strings.Join(c.Question, " "))
	p, err := a.assistant.Ask(e.ctx, question, chat.Conversation{Market: c.Market, Locale: c.Locale, Audience: c.Audience, Owner: chat.OwnedByAssistant})
	if err != nil {
		return err
	}
	d := p.Decision
	fmt.Fprintf(e.out, "%s\n", p.Text)
	if d.Action == assistant.HandOff {
		fmt.Fprintf(e.out, "\n-> a person: %s, priority %d%s\n   %s\n", d.Reason, d.Priority, topicOf(d), d.Explanation)
	}
	if len(p.Citations) > 0 {
		fmt.Fprintln(e.out, "\nSources")
		for _, s := range p.Citations {
			fmt.Fprintf(e.out, "  [%d] %s (version %d, %s)  %s\n", s.N, s.Title, s.Version, s.Locale, s.URL)
		}
	}
	if c.Trace {
		printTrace(e, p)
	}
	return nil
}

func topicOf(d *assistant.Decision) string {
	if d.Topic == "" {
		return ""
	}
	return ", topic " + d.Topic
}

func ifPossible(cost float64) string {
	if cost == 0 {
		return "not possible"
	}
	return fmt.Sprintf("%.2f", cost)
}

// printTrace prints the decision as a person would read it.
func printTrace(e *env, p assistant.Preview) {
	d := p.Decision
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w, "\nDecision")
	row("action", "%s (%s)", d.Action, d.Reason)
	row("why", "%s", d.Explanation)
	row("language", "%s (%.2f)", d.Language, d.Certainty)
	row("question", "%s", d.Question)
	if d.Context != "" {
		row("leans on", "%s", oneLine(d.Context, 160))
	}
	for _, s := range d.Topics {
		row("topic", "%s %.3f", s.Topic, s.P)
	}
	for _, c := range d.Cues {
		row("cue", "%s %.2f “%s”", c.Kind, c.P, c.Evidence)
	}
	if d.Retrieved {
		row("right", "%.3f, needed %.2f (%s)", d.PCorrect, d.Threshold, d.Group)
		row("stuck", "%.3f", d.PStuck)
		if c := d.Costs; c != nil {
			row("costs", "answer %.2f  clarify %s  offer %.2f  hand off %.2f", c.Answer, ifPossible(c.Clarify), c.Offer, c.HandOff)
		}
		if d.Policy.Certificate != "" {
			row("certificate", "%s", d.Policy.Certificate)
		}
		f := d.Features
		row("features", "coverage %.2f  margin %.2f  agreement %.2f  lexical %.2f  dense %.2f  unknown %.2f", f.Coverage, f.Margin, f.Agreement, f.LexTop, f.DenseTop, f.UnknownTerms)
		for i, c := range d.Candidates {
			row(fmt.Sprintf("passage %d", i+1), "%s#%s (%s)  score %.3f  lexical %.3f  dense %.3f", c.Article, c.Anchor, c.Locale, c.Score, c.Lexical, c.Dense)
		}
		row("versions", "decision %s, classifier %.12s, knowledge %d, retrieval %s, embedding %s, model %q", d.Version, d.Classifier, d.Revision, d.Retrieval, d.Embedding, d.Model)
	}
	if d.Degraded != "" {
		row("degraded", "%s", d.Degraded)
	}
	for _, stage := range []string{"understand", "condense", "retrieve", "first_token", "answer", "total"} {
		if ms, ok := p.Timings[stage]; ok {
			row(stage, "%.2f ms", ms)
		}
	}
	_ = w.Flush()
}
