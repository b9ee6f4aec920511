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
	"github.com/firstline/firstline/internal/report"
)

// Heard is one message of a dialogue, understood in three ways: as it is served, after all that was said before; alone,
// as if it opened a conversation; and as what it means, written out by whoever labelled it, which no machine has to beat.
type Heard struct {
	Turn
	ID       string // of the dialogue and the place of the message in it, from 1: "en-d01/2"
	Kind     string
	Language string
	Part     Part
	First    bool // nothing was said before
	Decision *assistant.Decision

	Served, Alone, Meant Hit
}

// Hit says what a search found of the sections that answer.
type Hit struct {
	Section, Sections bool // the first section answers; one of the first three does
	Article, Articles bool // the same of articles
	Found             []string
}

// Hear replays every dialogue, message by message, as the assistant would have lived it: each message comes after the
// customer's earlier ones and what the assistant itself would have said to them, right or wrong, if no threshold held it
// back. Where the label says that the assistant asks back, it does, with the options that it has. Dialogues are replayed
// side by side; nothing is written. The outcome is in the order of the dialogues and their messages.
func Hear(ctx context.Context, r Rehearser, dialogues []Dialogue) ([]Heard, error) {
	out := make([][]Heard, len(dialogues))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, d := range dialogues {
		g.Go(func() (err error) {
			out[i], err = hear(ctx, r, d)
			if err != nil {
				return fmt.Errorf("%s: %w", d.ID, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(out...), nil
}

// RunDialogues replays the dialogues and returns an entry for each part that has any: those to fit and to certify with
// may be looked at while something is changed, those to test with tell what came of it.
func RunDialogues(ctx context.Context, r Rehearser, dialogues []Dialogue) ([]report.Entry, error) {
	heard, err := Hear(ctx, r, dialogues)
	if err != nil {
		return nil, err
	}
	var entries []report.Entry
	for _, part := range []Part{Fit, Certify, Test} {
		of := slices.DeleteFunc(slices.Clone(heard), func(h Heard) bool { return h.Part != part })
		if len(of) > 0 {
			entries = append(entries, DialogueEntry("dialogues to "+string(part), of))
		}
	}
	return entries, nil
}

func hear(ctx context.Context, r Rehearser, d Dialogue) ([]Heard, error) {
	c := chat.Conversation{Market: d.Market, Locale: d.Locale, Audience: d.Audience, Owner: chat.OwnedByAssistant}
	var history []chat.Message
	var past []chat.PastTurn
	say := func(author chat.Author, text string, cited []chat.Citation) chat.Message {
		m := chat.Message{Seq: int64(len(history) + 1), Author: author, Text: text, Citations: cited, AI: author == chat.Assistant}
		history = append(history, m)
		return m
	}
	var out []Heard
	for i, turn := range d.Turns {
		before := slices.Clone(history[max(0, len(history)-chat.HistoryLimit):])
		now := say(chat.Customer, turn.Customer, nil)
		h := Heard{Turn: turn, ID: fmt.Sprintf("%s/%d", d.ID, i+1), Kind: d.Kind, Language: d.Locale, Part: PartOf(d.ID), First: i == 0}
		served, err := r.Rehearse(ctx, &chat.Claim{
			Conversation: c, FromSeq: now.Seq, ToSeq: now.Seq, Messages: []chat.Message{now}, History: before, Past: slices.Clone(past[:min(len(past), chat.HistoryLimit)]),
		})
		if err != nil {
			return nil, err
		}
		h.Decision, h.Served = served.Decision, hit(turn.Answers, served)
		if h.Alone, err = alone(ctx, r, c, turn.Customer, turn.Answers); err != nil {
			return nil, err
		}
		h.Meant = h.Alone
		if turn.Means != "" {
			if h.Meant, err = alone(ctx, r, c, turn.Means, turn.Answers); err != nil {
				return nil, err
			}
		}
		out = append(out, h)

		text, cited, outcome := reply(turn, served)
		say(chat.Assistant, text, cited)
		past = slices.Insert(past, 0, chat.PastTurn{Outcome: outcome, Reason: string(served.Decision.Reason)})
	}
	return out, nil
}

// reply is what the assistant says next.
func reply(turn Turn, r assistant.Rehearsal) (string, []chat.Citation, chat.Outcome) {
	switch {
	case turn.AskedBack && len(r.Decision.Options) > 0:
		return assistant.AskBack(r.Decision.Language, r.Decision.Options), nil, chat.Clarified
	case r.Free != nil && r.Text != "":
		return r.Text, r.Citations, chat.Answered
	}
	return r.Preview.Text, r.Preview.Citations, chat.Answered
}

func alone(ctx context.Context, r Rehearser, c chat.Conversation, text string, answers []string) (Hit, error) {
	res, err := r.Rehearse(ctx, &chat.Claim{Conversation: c, Messages: []chat.Message{{Author: chat.Customer, Text: text}}})
	return hit(answers, res), err
}

// hit compares what was found with what answers. What would be quoted comes first; a rule that ends the turn finds
// nothing.
func hit(answers []string, r assistant.Rehearsal) Hit {
	var h Hit
	for _, c := range r.Citations {
		if at := c.Article + "#" + c.Anchor; !slices.Contains(h.Found, at) {
			h.Found = append(h.Found, at)
		}
	}
	for _, c := range r.Decision.Candidates {
		if at := c.Article + "#" + c.Anchor; !slices.Contains(h.Found, at) {
			h.Found = append(h.Found, at)
		}
	}
	var slugs []string
	for i, at := range h.Found {
		right := slices.Contains(answers, at)
		h.Section = h.Section || i == 0 && right
		h.Sections = h.Sections || i < 3 && right
		slug, _, _ := strings.Cut(at, "#")
		if !slices.Contains(slugs, slug) {
			slugs = append(slugs, slug)
		}
	}
	for i, slug := range slugs[:min(3, len(slugs))] {
		right := inArticle(answers, slug)
		h.Article = h.Article || i == 0 && right
		h.Articles = h.Articles || right
	}
	return h
}

// DialogueEntry turns messages into figures and cases. The figures are shares of the messages that some section answers
// and that are not the first of their dialogue, by what is right: section@1 and section@3 for the first section and one of
// the first three, article@1 and article@3 likewise. They are given
//
//   - for the messages that lean on what was said before ("leaning_section@1"), for those that do not, as after a change
//     of topic ("standing_"), by kind ("correction_") and by language ("de_");
//   - with "alone_" before them as they would be without what was said before, and with "meant_" as they would be if the
//     customer had written out what was meant.
//
// n counts messages, leaning and standing those of either sort. seen is the share of both sorts for which it was seen
// whether they lean. person_recall is the share of the messages for a person that reach one at once, and repeats the share
// of the later messages that count as saying the same again. The cases are the later messages that some section answers,
// with section@1 as their score.
func DialogueEntry(name string, heard []Heard) report.Entry {
	e := report.Entry{Area: report.Suites, Name: name, Main: "section@1", Facts: map[string]string{}, Figures: map[string]float64{"n": float64(len(heard))}}
	shares := map[string][2]int{}
	add := func(key string, right bool) {
		s := shares[key]
		s[0] += count(right)
		s[1]++
		shares[key] = s
	}
	for _, h := range heard {
		if h.Expect == Person {
			add("person_recall", h.Decision.Action == assistant.HandOff)
		}
		if h.First {
			continue
		}
		add("repeats", h.Decision.Stuck.Repeats > 0)
		if h.Decision.Retrieved {
			add("seen", h.Leans == (h.Decision.Context != ""))
		}
		if len(h.Answers) == 0 {
			continue
		}
		sort := "standing"
		if h.Leans {
			sort = "leaning"
		}
		e.Figures[sort]++
		for way, hit := range map[string]Hit{"": h.Served, "alone_": h.Alone, "meant_": h.Meant} {
			for _, of := range []string{"", sort + "_"} { // by kind, the cases say
				add(way+of+"section@1", hit.Section)
				add(way+of+"section@3", hit.Sections)
				add(way+of+"article@1", hit.Article)
				add(way+of+"article@3", hit.Articles)
			}
		}
		e.Cases = append(e.Cases, dialogueCase(h))
	}
	for key, s := range shares {
		e.Figures[key] = float64(s[0]) / float64(s[1])
	}
	return e
}

func dialogueCase(h Heard) report.Case {
	c := report.Case{
		ID: h.ID, Text: h.Customer, Want: h.Answers, Got: h.Served.Found[:min(10, len(h.Served.Found))], Group: h.Kind,
		P: h.Decision.PCorrect, Outcome: h.Served.Section, Score: float64(count(h.Served.Section)),
	}
	c.Note = fmt.Sprintf("%s, %s, %s", h.Language, h.Decision.Action, h.Part)
	if h.Decision.Context != "" {
		c.Note += fmt.Sprintf(", read in the light of %q", h.Decision.Context)
	}
	if h.Means != "" {
		c.Note += fmt.Sprintf(", means %q", h.Means)
	}
	return c
}
