package evaluate

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
)

// script answers each message from the sections named for it, alone or after others, and keeps the claims.
type script struct {
	mu     sync.Mutex
	alone  map[string][]string
	after  map[string][]string
	claims []*chat.Claim
}

func (s *script) Rehearse(_ context.Context, c *chat.Claim) (assistant.Rehearsal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = append(s.claims, c)
	text := c.Text()
	if text == "break" {
		return assistant.Rehearsal{}, errors.New("broken")
	}
	found := s.alone[text]
	d := &assistant.Decision{Language: "en", Retrieved: true, Options: []string{"Cards", "Invoices"}, Action: assistant.Answer, Reason: assistant.Quoted}
	if len(c.History) > 0 && s.after[text] != nil {
		found, d.Context = s.after[text], "earlier"
	}
	if text == "robbed" {
		d = &assistant.Decision{Action: assistant.HandOff, Reason: assistant.PriorityTopic}
		return assistant.Rehearsal{Preview: assistant.Preview{Text: "A person comes.", Decision: d}}, nil
	}
	r := assistant.Rehearsal{Preview: assistant.Preview{Decision: d}, Free: d, Said: assistant.SaidQuote, Text: "From " + found[0]}
	for i, at := range found {
		slug, anchor, _ := strings.Cut(at, "#")
		d.Candidates = append(d.Candidates, assistant.Candidate{Article: slug, Anchor: anchor})
		if i == 0 {
			r.Citations = []chat.Citation{{Article: slug, Anchor: anchor, Title: slug}}
		}
	}
	return r, nil
}

// A dialogue is lived through as the assistant would have: its own words, its own questions back, its own mistakes.
func TestHear(t *testing.T) {
	t.Parallel()
	s := &script{
		alone: map[string][]string{
			"late fee?": {"fees#how-much"}, "and abroad?": {"travel#", "fees#abroad"}, "fees abroad?": {"fees#abroad"}, "cards": {"cards#", "shops#", "travel#", "fees#abroad"},
		},
		after: map[string][]string{"and abroad?": {"fees#", "travel#", "fees#abroad"}},
	}
	d := Dialogue{ID: "en-1", Kind: "ellipsis", Locale: "en", Market: "gb", Audience: "consumer", Turns: []Turn{
		{Customer: "late fee?", Answers: []string{"fees#how-much"}, AskedBack: true},
		{Customer: "and abroad?", Answers: []string{"fees#abroad"}, Means: "fees abroad?", Leans: true},
		{Customer: "cards", Answers: []string{"fees#abroad"}},
		{Customer: "robbed", Expect: Person},
	}}
	heard, err := Hear(t.Context(), s, []Dialogue{d, {ID: "en-2", Locale: "en", Turns: []Turn{{Customer: "late fee?"}}}})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, h := range heard {
		ids = append(ids, h.ID)
	}
	if want := []string{"en-1/1", "en-1/2", "en-1/3", "en-1/4", "en-2/1"}; !slices.Equal(ids, want) {
		t.Fatalf("heard %v, want %v", ids, want)
	}
	hits := func(h Hit) string {
		s := ""
		for _, b := range []bool{h.Section, h.Sections, h.Article, h.Articles} {
			s += map[bool]string{true: "1", false: "0"}[b]
		}
		return s
	}
	for i, want := range map[int][3]string{0: {"1111", "1111", "1111"}, 1: {"0111", "0101", "1111"}, 2: {"0000", "0000", "0000"}, 3: {"0000", "0000", "0000"}} {
		h := heard[i]
		if got := [3]string{hits(h.Served), hits(h.Alone), hits(h.Meant)}; got != want {
			t.Errorf("%s: served, alone, meant are %v, want %v", h.ID, got, want)
		}
	}
	// What the last message came after.
	var last *chat.Claim
	for _, c := range s.claims {
		if c.Text() == "robbed" && len(c.History) > 0 {
			last = c
		}
	}
	if last == nil || len(last.History) != 6 {
		t.Fatalf("the last message came after %+v", last)
	}
	if m := last.History[3]; m.Author != chat.Assistant || m.Text != "From fees#" || m.Citations[0].Article != "fees" || m.Seq != 4 {
		t.Errorf("the second answer is %+v", m)
	}
	if m := last.History[1]; !strings.HasSuffix(m.Text, "\n- Cards\n- Invoices") || m.Citations != nil {
		t.Errorf("the question back is %+v", m)
	}
	if got := []chat.Outcome{last.Past[0].Outcome, last.Past[1].Outcome, last.Past[2].Outcome}; !slices.Equal(got, []chat.Outcome{chat.Answered, chat.Answered, chat.Clarified}) {
		t.Errorf("the turns before ended in %v, newest first", got)
	}

	e := DialogueEntry("x", heard)
	for name, want := range map[string]float64{
		"n": 5, "leaning": 1, "standing": 1, "section@1": 0, "section@3": 0.5, "leaning_section@3": 1, "standing_section@3": 0, "article@1": 0.5, "article@3": 0.5,
		"alone_article@1": 0, "meant_section@1": 0.5, "alone_section@3": 0.5, "meant_leaning_section@1": 1, "person_recall": 1, "seen": 1, "repeats": 0,
	} {
		if got, ok := e.Figures[name]; !ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
	if len(e.Cases) != 2 || e.Cases[0].ID != "en-1/2" || !slices.Equal(e.Cases[0].Got, []string{"fees#", "travel#", "fees#abroad"}) || !strings.Contains(e.Cases[0].Note, "earlier") {
		t.Errorf("the cases are %+v", e.Cases)
	}
	if _, err := Hear(t.Context(), s, []Dialogue{{ID: "en-3", Turns: []Turn{{Customer: "break"}}}}); err == nil || !strings.Contains(err.Error(), "en-3") {
		t.Errorf("a dialogue that breaks is %v", err)
	}
}

// Each part is an entry of its own.
func TestRunDialogues(t *testing.T) {
	t.Parallel()
	s := &script{alone: map[string][]string{"late fee?": {"fees#"}}}
	ids := map[Part]int{}
	var dialogues []Dialogue
	for i := range 20 {
		id := "d" + strings.Repeat("i", i)
		ids[PartOf(id)]++
		dialogues = append(dialogues, Dialogue{ID: id, Locale: "en", Turns: []Turn{{Customer: "late fee?", Answers: []string{"fees#"}}}})
	}
	entries, err := RunDialogues(t.Context(), s, dialogues)
	if err != nil {
		t.Fatal(err)
	}
	got := map[Part]int{}
	for _, e := range entries {
		got[Part(strings.TrimPrefix(e.Name, "dialogues to "))] = int(e.Figures["n"])
	}
	for part, n := range ids {
		if got[part] != n {
			t.Errorf("%s has %d messages, want %d", part, got[part], n)
		}
	}
}
