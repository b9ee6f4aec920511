package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// ExplainCmd shows why a turn did what it did.
type ExplainCmd struct {
	ID   string `arg:"" help:"Id of a turn, or of a conversation for its last turn."`
	JSON bool   `name:"json" help:"Print the decision as it was stored, and nothing else."`
}

// Run prints the stored decision and makes it again. It fails when a field comes out otherwise.
func (c *ExplainCmd) Run(e *env) error {
	id, err := uuid.Parse(c.ID)
	if err != nil {
		return fault.Field("ID", "malformed", "%q is not the id of a turn or a conversation.", c.ID)
	}
	a, err := open(e.ctx, e)
	if err != nil {
		return err
	}
	defer a.Close()
	turn, err := a.record.FindEnded(e.ctx, id)
	if err != nil {
		return err
	}
	again, err := assistant.Reproduce(turn.Decision)
	if err != nil {
		return err
	}
	verdict := e.out
	if c.JSON {
		verdict = e.err
		var indented bytes.Buffer
		if err := json.Indent(&indented, turn.Decision, "", "  "); err != nil {
			return err
		}
		fmt.Fprintln(e.out, indented.String())
	} else {
		printTurn(e.out, turn)
		printTrace(e, assistant.Preview{Decision: &again.Decision, Timings: turn.Timings})
		fmt.Fprintln(e.out)
	}
	return printReproduction(verdict, again)
}

// printTurn prints what the turn saw and what it did.
func printTurn(w io.Writer, t chat.Ended) {
	c := t.Claim
	v := c.Conversation
	fmt.Fprintf(w, "Turn %s of conversation %s\n", c.TurnID, v.ID)
	fmt.Fprintf(w, "  %s, market %s, locale %s, %s, by %s\n", t.At.UTC().Format(time.DateTime+" MST"), v.Market, v.Locale, v.Audience, v.Channel)
	fmt.Fprintf(w, "  %s", t.Outcome)
	if t.Reason != "" {
		fmt.Fprintf(w, ", %s", t.Reason)
	}
	if c.Attempt > 1 {
		fmt.Fprintf(w, ", at attempt %d", c.Attempt)
	}
	fmt.Fprintln(w)
	if n := len(c.History); n > 0 {
		fmt.Fprintf(w, "\nBefore it, the last %d messages\n", n)
		for _, m := range c.History {
			mark := ""
			if m.Helpful != nil {
				mark = map[bool]string{true: " (marked as helpful)", false: " (marked as not helpful)"}[*m.Helpful]
			}
			if m.Seq <= v.FenceSeq {
				mark += " (settled)"
			}
			fmt.Fprintf(w, "  %s: %s%s\n", m.Author, oneLine(m.Text, 160), mark)
		}
	}
	if len(c.Past) > 0 { // newest first
		var past []string
		for _, p := range c.Past {
			past = append(past, strings.TrimSuffix(string(p.Outcome)+" "+p.Reason, " "))
		}
		fmt.Fprintf(w, "\nTurns before it, the latest first\n  %s\n", strings.Join(past, ", "))
	}
	fmt.Fprintf(w, "\nThe customer wrote\n%s\n", indent(c.Text()))
	if t.Answer != nil {
		fmt.Fprintf(w, "\nThe assistant said\n%s\n", indent(t.Answer.Text))
		for _, s := range t.Answer.Citations {
			fmt.Fprintf(w, "  [%d] %s (version %d, %s)  %s\n", s.N, s.Title, s.Version, s.Locale, s.URL)
		}
	}
}

// printReproduction says whether the decision came out the same, and returns an error when it did not.
func printReproduction(w io.Writer, r assistant.Reproduction) error {
	if r.Changed() {
		fmt.Fprintf(w, "The logic has changed since: it decided as %s with retrieval %s, and this program is %s with retrieval %s.\n",
			r.Decision.Version, orNone(r.Decision.Retrieval), r.Version, r.Retrieval)
	}
	if len(r.Differences) == 0 {
		fmt.Fprintln(w, "Reproduced: made again from what was stored, every field is the same to the bit.")
		return nil
	}
	fmt.Fprintln(w, "Not reproduced:")
	for _, d := range r.Differences {
		fmt.Fprintf(w, "  %s: stored %s, now %s\n", d.Field, orNone(d.Stored), orNone(d.Now))
	}
	if r.Changed() {
		return fmt.Errorf("%d fields differ, as the logic has changed; the program that decided reproduces it", len(r.Differences))
	}
	return fmt.Errorf("%d fields differ although the logic is the same", len(r.Differences))
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// oneLine is a text without line breaks, cut after so many characters.
func oneLine(s string, limit int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return string(r)
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ")
}
