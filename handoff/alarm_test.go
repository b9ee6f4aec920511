package handoff

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

// danger and theft are alarms as the rules make them.
var (
	danger = Alarm{Topic: distressTopic, Priority: 1, Reason: vulnerability, Fixed: "Please call 112.", Language: "en", Sentiment: "distressed",
		Explanation: "The customer's words suggest danger to themselves: “kill”."}
	theft = Alarm{Topic: "theft", Priority: 1, Reason: "priority_topic", Fixed: "We block the card.", Language: "en", Sentiment: "calm", Explanation: "Topic theft."}
)

// testEar knows two words.
func testEar(text, _ string) (Alarm, bool) {
	switch {
	case strings.Contains(text, "kill"):
		return danger, true
	case strings.Contains(text, "stolen"):
		return theft, true
	case strings.Contains(text, "pay"):
		return Alarm{Topic: "pay", Priority: 3}, false
	}
	return Alarm{Priority: 4}, false
}

func (b *bundle) raise(t *testing.T, id uuid.UUID, a Alarm) int64 {
	t.Helper()
	last, err := b.desk.Raise(t.Context(), id, a)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// What waits becomes as urgent as its customer's newest message, with the team and the deadline that go with it; the
// customer reads the fixed text, once.
func TestRaiseWhileWaiting(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Queued, Offered, Asynchronous} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.agent(t, Agent{Name: "Gus", Teams: []string{"general"}})
			fay := b.agent(t, Agent{Name: "Fay", Teams: []string{"fraud"}})
			id := b.talk(t, "gb", "en", "wtf")
			h := b.handOff(t, id, "")
			if state == Offered {
				b.route(t)
			} else {
				b.exec(t, `UPDATE handoffs SET state = $1`, state)
			}
			if got := b.handoff(t, h.ID).State; got != state {
				t.Fatalf("set up as %s", got)
			}
			before := len(b.lines(t, id))
			if last := b.raise(t, id, theft); last == 0 {
				t.Error("nothing was added to the log")
			}
			now := b.handoff(t, h.ID)
			if now.State != Queued || now.AgentID != nil || now.Priority != 1 || now.Team != "fraud" || now.Topic == nil || *now.Topic != "theft" ||
				now.Reason != "priority_topic" || now.DueAt.After(time.Now().Add(2*time.Minute)) || !now.QueuedAt.Equal(h.QueuedAt) {
				t.Errorf("now %+v", now)
			}
			if lines := b.lines(t, id)[before:]; !slices.Equal(lines, []string{theft.Fixed}) {
				t.Errorf("the customer reads %q", lines)
			}
			_, raw, err := b.desk.Package(t.Context(), id)
			var pkg Package
			if err != nil || json.Unmarshal(raw, &pkg) != nil || pkg.Priority != 1 || pkg.Topic != "theft" || pkg.Reason != "priority_topic" {
				t.Errorf("the package says %s, %v", raw, err)
			}
			if last := b.raise(t, id, theft); last != 0 {
				t.Error("said twice, done twice")
			}
			b.route(t)
			if got := b.offered(t, h.ID); got != "Fay" {
				t.Errorf("offered to %s", got)
			}
			if _, err := b.desk.Accept(t.Context(), h.ID, fay); err != nil {
				t.Error(err)
			}
		})
	}
}

// Danger to a person comes before every other matter of the same priority, and is not displaced by one.
func TestDangerOutranks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.talk(t, "gb", "en", "stolen")
	h := b.handOff(t, id, "theft")
	b.raise(t, id, danger)
	if now := b.handoff(t, h.ID); now.Reason != vulnerability || *now.Topic != distressTopic || now.Team != "general" {
		t.Errorf("now %+v", now)
	}
	b.raise(t, id, theft)
	if now := b.handoff(t, h.ID); now.Reason != vulnerability {
		t.Errorf("displaced: %+v", now)
	}
	if lines := b.lines(t, id); !slices.Contains(lines, theft.Fixed) || !slices.Contains(lines, danger.Fixed) {
		t.Errorf("the customer reads %q", lines)
	}
	b.raise(t, id, Alarm{Topic: "pay", Priority: 3, Reason: "priority_topic"})
	if now := b.handoff(t, h.ID); now.Priority != 1 {
		t.Errorf("lowered: %+v", now)
	}
}

// An agent who has the conversation keeps it and is told; the customer reads the fixed text only in danger.
func TestRaiseWithAnAgent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		alarm Alarm
		lines []string
		note  string
	}{
		{danger, []string{danger.Fixed}, "suggests danger"},
		{theft, nil, "is urgent (priority 1)"},
	} {
		b := setup(t)
		ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
		id := b.talk(t, "gb", "en", "hello")
		h := b.handOff(t, id, "")
		if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
			t.Fatal(err)
		}
		before := len(b.lines(t, id))
		b.raise(t, id, c.alarm)
		b.raise(t, id, c.alarm)
		now := b.handoff(t, h.ID)
		if now.State != Accepted || *now.AgentID != ada.ID || now.Team != "general" || now.Priority != 1 {
			t.Errorf("now %+v", now)
		}
		if lines := b.lines(t, id)[before:]; !slices.Equal(lines, c.lines) {
			t.Errorf("the customer reads %q, want %q", lines, c.lines)
		}
		all, err := b.rec.Messages(t.Context(), id, 0, 100, true)
		if err != nil {
			t.Fatal(err)
		}
		var notes []string
		for _, m := range all {
			if m.Visibility == "internal" {
				notes = append(notes, m.Text)
			}
		}
		if len(notes) != 1 || !strings.Contains(notes[0], c.note) {
			t.Errorf("the agent reads %q", notes)
		}
	}
}

// The button cancels the turn that would have read the messages, so it reads them itself, and the note.
func TestAskHears(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, note             string
		said                   []string
		team, reason, fixed    string
		priority               int
		due                    time.Duration
		explanation, sentiment string
	}{
		{"nothing special", "please", []string{"hello"}, "general", customerRequest, "", 3, requestSLA, "pressed", "calm"},
		{"a topic", "", []string{"I cannot pay", "hello?"}, "payments", customerRequest, "", 3, requestSLA, "pressed", "calm"},
		{"an alarm before", "", []string{"my card was stolen", "hello?"}, "fraud", "priority_topic", theft.Fixed, 1, 2 * time.Minute, "Topic theft", "calm"},
		{"danger in the note", "stolen, and I want to kill myself", []string{"hello"}, "general", vulnerability, danger.Fixed, 1, 2 * time.Minute, "danger", "distressed"},
		{"danger before an alarm", "my card was stolen", []string{"I want to kill myself"}, "general", vulnerability, danger.Fixed, 1, 2 * time.Minute, "danger", "distressed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.talk(t, "gb", "en", c.said...)
			h, _, err := b.desk.Ask(t.Context(), id, c.note, testEar)
			if err != nil {
				t.Fatal(err)
			}
			if h.Team != c.team || h.Reason != c.reason || h.Priority != c.priority || h.DueAt.Sub(h.QueuedAt) != c.due ||
				!strings.Contains(h.Explanation, c.explanation) {
				t.Errorf("%+v", h)
			}
			lines := b.lines(t, id)
			if c.fixed != "" && lines[0] != c.fixed || c.fixed == "" && len(lines) != 1 {
				t.Errorf("the customer reads %q", lines)
			}
			_, raw, err := b.desk.Package(t.Context(), id)
			var pkg Package
			if err != nil || json.Unmarshal(raw, &pkg) != nil || pkg.Sentiment != c.sentiment || pkg.Note != c.note {
				t.Errorf("the package says %s, %v", raw, err)
			}
		})
	}
}

// What lies behind the fence was somebody's already; a note to an open handoff is heard all the same.
func TestAskHearsWhatCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general", "fraud"}})
	id := b.talk(t, "gb", "en", "my card was stolen")
	h := b.handOff(t, id, "theft")
	if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Resolve(t.Context(), id, ada, 0); err != nil {
		t.Fatal(err)
	}
	h, _, err := b.desk.Ask(t.Context(), id, "", testEar)
	if err != nil || h.Priority != 3 || h.Team != "general" {
		t.Errorf("%+v, %v", h, err)
	}
	again, _, err := b.desk.Ask(t.Context(), id, "I am going to kill myself", testEar)
	if err != nil || again.ID != h.ID || again.Priority != 1 || again.Reason != vulnerability {
		t.Errorf("%+v, %v", again, err)
	}
	if c, err := b.rec.Find(t.Context(), id); err != nil || c.Owner != chat.OwnedByQueue {
		t.Errorf("the owner is %s, %v", c.Owner, err)
	}
}

// What waited for a turn that hands off is read by no turn; it is heard when the handoff is made.
func TestUnread(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.talk(t, "gb", "en")
	claim := b.say(t, id, "1", "where is it").Claim
	if err := b.rec.Speak(t.Context(), claim, chat.DeltaEvent{Text: "Well"}); err != nil {
		t.Fatal(err)
	}
	if r := b.say(t, id, "2", "or I kill myself"); r.Claim != nil {
		t.Fatal("the second message does not wait")
	}
	err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error {
		if err := s.EndTurn(ctx, claim, chat.Ending{Outcome: chat.HandedOff, Reason: "low_confidence"}); err != nil {
			return err
		}
		if _, err := b.desk.HandOff(ctx, s, Request{Reason: "low_confidence", Explanation: "Unsure.", Priority: 4, Language: "en"}); err != nil {
			return err
		}
		return b.desk.Unread(ctx, s, claim.ToSeq, testEar)
	})
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := b.desk.Current(t.Context(), id)
	if err != nil || h.Priority != 1 || h.Reason != vulnerability || !slices.Contains(b.lines(t, id), danger.Fixed) {
		t.Errorf("%+v, %v", h, err)
	}
}
