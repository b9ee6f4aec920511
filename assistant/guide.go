package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
	"github.com/firstline/firstline/retrieval/analysis"
)

// Guide says a step of a guide, as it is written, with its answers to choose from.
const Guide Action = "guide"

// GuideStep is the reason of such a turn. Where a customer is in a guide is kept in the decision of their last one.
const GuideStep Reason = "guide_step"

// Guides finds guides and how far a customer has come in one.
type Guides interface {
	// LastWalk returns the decision of the conversation's last turn by GuideStep whose messages stand after one number and
	// before another; nil where there is none.
	LastWalk(ctx context.Context, conversation uuid.UUID, after, before int64) (json.RawMessage, error)
	// GuideText returns the Markdown of a version of an article, and whether readers are shown that version now.
	GuideText(ctx context.Context, version uuid.UUID) (markdown string, shown bool, err error)
}

// SetGuides has the assistant walk customers through guides. Call it before the first turn.
func (a *Assistant) SetGuides(g Guides) { a.guides = g }

// Walk is where a customer is in a guide, and what this message did about it. It is an input of the decision: Decide reads
// nothing else, so that a stored step can be made again.
type Walk struct {
	Article string    `json:"article"`
	Version uuid.UUID `json:"version"` // the walk keeps to it
	Number  int       `json:"number"`
	Locale  string    `json:"locale"`
	Title   string    `json:"title"`
	URL     string    `json:"url"`
	Anchor  string    `json:"anchor,omitempty"`

	Step  string  `json:"step"`            // where they are now
	At    string  `json:"at"`              // what it says
	Trail []Tried `json:"trail,omitempty"` // what was answered, in order
	Done  bool    `json:"done,omitempty"`  // the walk is at an end

	Moves  bool   `json:"moves,omitempty"` // this message began it or chose an answer
	Text   string `json:"text,omitempty"`  // what is said then
	Gone   bool   `json:"gone,omitempty"`  // the version is no longer shown
	Person bool   `json:"person,omitempty"`
	Topic  string `json:"topic,omitempty"` // of the desk, for the person
}

// Tried is a step and what the customer answered.
type Tried struct {
	Step   string `json:"step"`
	Answer string `json:"answer"`
}

// mostTried bounds a trail: a customer may go round as often as they like.
const mostTried = 60

// follow returns the walk that the message belongs to or interrupts, nil where there is none. Only conversations of which one of
// the last turns was a step are looked at more closely. What cannot be read counts as no walk: the message is answered in the
// ordinary way.
func (a *Assistant) follow(ctx context.Context, t *turn) *Walk {
	if a.guides == nil || !slices.ContainsFunc(t.Past, func(p chat.PastTurn) bool { return p.Reason == string(GuideStep) }) {
		return nil
	}
	raw, err := a.guides.LastWalk(ctx, t.Conversation.ID, t.Conversation.FenceSeq, t.FromSeq)
	var last struct {
		Walk *Walk `json:"walk"`
	}
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &last)
	}
	if err != nil {
		a.log.Warn("a guide was not taken up again", "turn", t.TurnID, "error", err)
		t.decision.degrade("guide")
		return nil
	}
	w := last.Walk
	if w == nil || w.Done {
		return nil
	}
	w.Moves, w.Text = false, ""
	if t.decision.Stuck.JustOffer || t.decision.Stuck.JustAsked { // the answer is to that question
		return w
	}
	markdown, shown, err := a.guides.GuideText(ctx, w.Version)
	if err != nil {
		a.log.Warn("a guide was not taken up again", "turn", t.TurnID, "error", err)
		t.decision.degrade("guide")
		return nil
	}
	g := kb.GuideIn(markdown)
	if g == nil {
		return nil
	}
	step, ok := g.Steps[w.Step]
	if !ok {
		return nil
	}
	option := answered(step, t.Messages, len(t.Past) > 0 && t.Past[0].Reason == string(GuideStep))
	if option == nil {
		return w
	}
	w.Moves = true
	if !shown {
		w.Gone, w.Done = true, true
		w.Text = text(t.decision.Language, "guide_changed")
		return w
	}
	if len(w.Trail) < mostTried {
		w.Trail = append(w.Trail, Tried{Step: w.At, Answer: option.Label})
	}
	switch {
	case option.To != "":
		w.at(g, option.To)
	case option.Contact != nil:
		w.Done, w.Person = true, true
		if _, known := t.triage.Topics[option.Contact.Topic]; known {
			w.Topic = option.Contact.Topic
		}
		w.Text = text(t.decision.Language, "guide_person")
		if len(option.Contact.Ready) > 0 {
			w.Text += "\n\n" + text(t.decision.Language, "guide_ready") + "\n- " + strings.Join(option.Contact.Ready, "\n- ")
		}
	default:
		w.Done = true
		w.Text = option.Done + " [1]"
	}
	return w
}

// answered returns the answer of a step that the messages give. Several messages that came together are one answer to the step
// that the customer had before them. An answer by its place in the list is one only right after the step.
func answered(s kb.GuideStep, messages []chat.Message, justNow bool) *kb.GuideOption {
	var found *kb.GuideOption
	for _, m := range messages {
		said := kb.GuideAnswer(m.Text)
		if said == "" {
			continue
		}
		i := slices.IndexFunc(s.Options, func(o kb.GuideOption) bool { return kb.GuideAnswer(o.Label) == said })
		if n := place(m.Text); i < 0 && justNow && n > 0 && n <= len(s.Options) {
			i = n - 1
		}
		if i < 0 {
			return nil // something else is said as well
		}
		if found == nil {
			found = &s.Options[i]
		}
	}
	return found
}

// at goes to a step and says it.
func (w *Walk) at(g *kb.Guide, id string) {
	s := g.Steps[id]
	w.Step, w.At = id, strings.TrimSpace(s.Say+" "+s.Check)
	var b strings.Builder
	b.WriteString(s.Say + " [1]")
	if s.Check != "" {
		b.WriteString("\n\n" + s.Check)
	}
	b.WriteString("\n")
	for _, o := range s.Options {
		b.WriteString("\n" + optionMark + o.Label)
	}
	w.Text = b.String()
}

// begin starts the guide of the best passage where it holds one, and reports whether it did.
func (a *Assistant) begin(t *turn) bool {
	d := t.decision
	if a.guides == nil || d.ThenHuman || len(t.passages) == 0 {
		return false
	}
	p := t.passages[0]
	g := kb.GuideIn(p.Markdown)
	if g == nil {
		return false
	}
	w := &Walk{Article: p.Slug, Version: p.VersionID, Number: p.Version, Locale: p.Locale, Title: p.Title, Anchor: p.Anchor, Moves: true,
		URL: helpURL(p.Slug, p.Anchor, p, t.Conversation.Market)}
	w.at(g, g.Start)
	w.Text = fmt.Sprintf("**%s**\n\n%s", w.Title, w.Text)
	if written := analysis.Language(p.Locale); written != analysis.Language(d.Language) && written == "en" {
		w.Text = text(d.Language, "other_language") + "\n\n" + w.Text
	}
	d.Walk = w
	return true
}

// cite is the article that a step is from.
func (w *Walk) cite() []chat.Citation {
	return []chat.Citation{{N: 1, Article: w.Article, Version: w.Number, Title: w.Title, URL: w.URL, Anchor: w.Anchor, Quote: shorten(w.At), Locale: w.Locale}}
}

// guided says the step, or brings in the person that the guide leads to.
func (d *Decision) guided() {
	w := d.Walk
	d.Fixed = w.Text
	if w.Person {
		if w.Topic != "" {
			d.Topic = w.Topic
		}
		d.handOff(CustomerRequest, fmt.Sprintf("The guide “%s” leads to a person after %d answers, which are listed.", w.Title, len(w.Trail)))
		return
	}
	d.Action, d.Reason, d.Explanation = Guide, GuideStep, fmt.Sprintf("A step of the guide “%s”.", w.Title)
}

// unguided are passages as they are quoted or given to the model: guides in them are lists.
func unguided(ps []retrieval.Passage) []retrieval.Passage {
	if !slices.ContainsFunc(ps, func(p retrieval.Passage) bool { return kb.HasGuide(p.Markdown) || kb.HasGuide(p.Lead) }) {
		return ps
	}
	ps = slices.Clone(ps) // others may hold the same ones
	for i := range ps {
		ps[i].Markdown, ps[i].Lead = kb.GuideProse(ps[i].Markdown), kb.GuideProse(ps[i].Lead)
	}
	return ps
}
