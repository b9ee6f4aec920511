package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
)

// stand is what a decision comes to.
type stand struct {
	Action    assistant.Action `json:"action"`
	Reason    assistant.Reason `json:"reason"`
	Topic     string           `json:"topic,omitempty"`
	Priority  int              `json:"priority"`
	Sections  []string         `json:"sections,omitempty"` // cited, as article#anchor (locale)
	P         float64          `json:"p"`                  // that the best section is right
	Threshold float64          `json:"threshold"`
	failed    bool
}

func standOf(d *assistant.Decision, cited []chat.Citation) stand {
	s := stand{Action: d.Action, Reason: d.Reason, Topic: d.Topic, Priority: d.Priority, P: d.PCorrect, Threshold: d.Threshold, failed: d.Failed}
	for _, c := range cited {
		s.Sections = append(s.Sections, fmt.Sprintf("%s#%s (%s)", c.Article, c.Anchor, c.Locale))
	}
	return s
}

// pair is a turn before and now.
type pair struct {
	Turn         uuid.UUID `json:"turn"`
	Conversation uuid.UUID `json:"conversation"`
	At           time.Time `json:"at"`
	Question     string    `json:"question"` // masked, as stored
	Before       stand     `json:"before"`
	Now          stand     `json:"now"`
	ByModel      bool      `json:"by_model,omitempty"` // the model had found no answer, or said what was not supported
	Kind         string    `json:"kind"`
}

// The kinds of changes, the worst first.
const (
	ruleLost     = "a rule's handoff lost"
	lessUrgent   = "handed off with less priority"
	toPerson     = "answered before, a person now"
	toOffer      = "answered before, a person offered now"
	toClarify    = "answered before, asked back now"
	moreCautious = "more cautious"
	otherSection = "answered from another section"
	lessCautious = "less cautious"
	nowAnswered  = "answered now"
	moreUrgent   = "handed off with more priority"
	otherReason  = "another reason or topic"
	unchanged    = ""
)

var kinds = []string{ruleLost, lessUrgent, toPerson, toOffer, toClarify, moreCautious, otherSection, lessCautious, nowAnswered, moreUrgent, otherReason}

// byRule are the reasons of handoffs that no score may undo.
var byRule = []assistant.Reason{assistant.PriorityTopic, assistant.Vulnerability, assistant.ComplaintOrLegal, assistant.CustomerRequest}

// caution orders the actions by how much is left to a person.
var caution = map[assistant.Action]int{assistant.Answer: 0, assistant.Guide: 0, assistant.Reply: 0, assistant.Clarify: 1, assistant.Offer: 2, assistant.HandOff: 3}

// kind says what has changed, and how bad that may be.
func (p pair) kind() string {
	was, now := caution[p.Before.Action], caution[p.Now.Action]
	handed := was == 3 && now == 3
	switch {
	case was == 3 && now != 3 && slices.Contains(byRule, p.Before.Reason):
		return ruleLost
	case handed && p.Now.Priority > p.Before.Priority:
		return lessUrgent
	case was == 0 && now == 3:
		return toPerson
	case was == 0 && now == 2:
		return toOffer
	case was == 0 && now == 1:
		return toClarify
	case now > was:
		return moreCautious
	case now < was && now == 0:
		return nowAnswered
	case now < was:
		return lessCautious
	case handed && p.Now.Priority < p.Before.Priority:
		return moreUrgent
	case len(p.Now.Sections) > 0 && len(p.Before.Sections) > 0 && !slices.Contains(p.Before.Sections, p.Now.Sections[0]):
		return otherSection // a model may have cited several; what is quoted now need only be one of them
	case p.Before.Action != p.Now.Action, p.Before.Topic != p.Now.Topic, written(p.Before.Reason) != written(p.Now.Reason):
		return otherReason
	}
	return unchanged
}

// written takes the ways of answering for one: without its model, an assistant quotes.
func written(r assistant.Reason) assistant.Reason {
	if r == assistant.Generated {
		return assistant.Quoted
	}
	return r
}

// change counts what was and what is.
type change struct {
	Before  int `json:"before"`
	Now     int `json:"now"`
	Changed int `json:"changed"` // turns of it, before or now, whose action is another
}

// keptPerKind bounds the changed turns that a report holds, of each kind; the rest is counted.
const keptPerKind = 2000

// diff is what a replay found.
type diff struct {
	Settings  map[string]string                             `json:"settings"`
	Turns     int                                           `json:"turns"`
	Same      int                                           `json:"same"`
	Failed    int                                           `json:"failed_searches"` // now, and not before
	ByModel   int                                           `json:"decided_by_model"`
	Seconds   float64                                       `json:"seconds"`
	PerSecond float64                                       `json:"turns_per_second"`
	Matrix    map[assistant.Action]map[assistant.Action]int `json:"matrix"` // before, then now
	Kinds     map[string]int                                `json:"kinds"`
	Reasons   map[assistant.Reason]*change                  `json:"reasons"`
	Topics    map[string]*change                            `json:"topics"`
	Changed   []pair                                        `json:"changed"` // the worst kind first, in it the newest; keptPerKind of each
	kept      map[string][]pair
}

func newDiff() *diff {
	return &diff{Matrix: map[assistant.Action]map[assistant.Action]int{}, Kinds: map[string]int{}, Reasons: map[assistant.Reason]*change{}, Topics: map[string]*change{},
		Changed: []pair{}, kept: map[string][]pair{}}
}

func (d *diff) add(p pair) {
	d.Turns++
	if d.Matrix[p.Before.Action] == nil {
		d.Matrix[p.Before.Action] = map[assistant.Action]int{}
	}
	d.Matrix[p.Before.Action][p.Now.Action]++
	other := p.Before.Action != p.Now.Action
	tally(d.Reasons, p.Before.Reason, p.Now.Reason, other)
	tally(d.Topics, cmp.Or(p.Before.Topic, "none"), cmp.Or(p.Now.Topic, "none"), other)
	if p.Now.failed && !p.Before.failed {
		d.Failed++
	}
	if p.ByModel {
		d.ByModel++
	}
	if p.Kind = p.kind(); p.Kind == unchanged {
		d.Same++
		return
	}
	d.Kinds[p.Kind]++
	if len(d.kept[p.Kind]) < keptPerKind {
		d.kept[p.Kind] = append(d.kept[p.Kind], p)
	}
}

func tally[K comparable](m map[K]*change, before, now K, other bool) {
	at := func(k K) *change {
		if m[k] == nil {
			m[k] = &change{}
		}
		return m[k]
	}
	at(before).Before++
	at(now).Now++
	if other {
		at(before).Changed++
		if now != before {
			at(now).Changed++
		}
	}
}

func (d *diff) finish(took time.Duration) {
	d.Seconds = took.Seconds()
	if d.Seconds > 0 {
		d.PerSecond = float64(d.Turns) / d.Seconds
	}
	for _, k := range kinds {
		d.Changed = append(d.Changed, d.kept[k]...)
	}
}

// print writes the report as a person reads it, the changes that may be worst first.
func (d *diff) print(w io.Writer, list int) error {
	fmt.Fprintf(w, "%d turns replayed in %.1f s, %.0f a second: %d as before, %d changed.\n", d.Turns, d.Seconds, d.PerSecond, d.Same, d.Turns-d.Same)
	if d.Failed > 0 {
		fmt.Fprintf(w, "%d searches failed that had not failed before; the figures are worse than the settings for it.\n", d.Failed)
	}
	if d.ByModel > 0 {
		fmt.Fprintf(w, "%d turns had been handed off because of what the model wrote, which a replay without it cannot know.\n", d.ByModel)
	}
	if d.Turns == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	actions := []assistant.Action{assistant.Answer, assistant.Reply, assistant.Clarify, assistant.Offer, assistant.HandOff}
	fmt.Fprint(t, "\nbefore \\ now\t")
	for _, a := range actions {
		fmt.Fprintf(t, "%s\t", a)
	}
	fmt.Fprintln(t)
	for _, before := range actions {
		fmt.Fprintf(t, "%s\t", before)
		for _, now := range actions {
			fmt.Fprintf(t, "%d\t", d.Matrix[before][now])
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := printChanges(w, "reason", d.Reasons); err != nil {
		return err
	}
	if err := printChanges(w, "topic", d.Topics); err != nil {
		return err
	}
	if len(d.Kinds) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nChanges, the worst first")
	for _, k := range kinds {
		if n := d.Kinds[k]; n > 0 {
			fmt.Fprintf(w, "  %d %s\n", n, k)
		}
	}
	for i, p := range d.Changed {
		if i == list {
			fmt.Fprintf(w, "\n%d more are in the file that --json writes, as far as it goes.\n", d.Turns-d.Same-list)
			break
		}
		fmt.Fprintf(w, "\n%s: %s\n  turn %s, %s\n  before: %s\n  now:    %s\n", p.Kind, oneLine(p.Question, 200), p.Turn, p.At.UTC().Format(time.DateTime), p.Before, p.Now)
	}
	return nil
}

// String is one line.
func (s stand) String() string {
	out := fmt.Sprintf("%s (%s)", s.Action, s.Reason)
	if s.Action == assistant.HandOff {
		out += fmt.Sprintf(", priority %d", s.Priority)
	}
	if s.Topic != "" {
		out += ", topic " + s.Topic
	}
	if len(s.Sections) > 0 {
		out += ", from " + strings.Join(s.Sections, ", ")
	}
	if s.Threshold > 0 {
		out += fmt.Sprintf(", sure %.3f, needed %.2f", s.P, s.Threshold)
	}
	return out
}

// printChanges prints counts before and now, the most moved first.
func printChanges[K ~string](w io.Writer, what string, m map[K]*change) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%s\tbefore\tnow\tother action\n", what)
	keys := slices.Sorted(maps.Keys(m))
	slices.SortStableFunc(keys, func(a, b K) int {
		return cmp.Or(cmp.Compare(m[b].Changed, m[a].Changed), cmp.Compare(m[b].Before, m[a].Before))
	})
	for _, k := range keys {
		c := m[k]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\n", k, c.Before, c.Now, c.Changed)
	}
	return t.Flush()
}
