package handoff

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// figures asks and returns each row as "key: column=value ..." of the columns named, the total last.
func (b *bundle) figures(t *testing.T, a Agent, q Question, columns ...string) (out []string) {
	t.Helper()
	if q.Zone == "" {
		q.Zone = "UTC"
	}
	f, err := b.desk.Figures(t.Context(), a, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(f.Rows, f.Total) {
		line := r.Label + ":"
		for _, c := range columns {
			v, has := r.Values[c]
			switch {
			case !has:
				t.Fatalf("there is no column %s", c)
			case v == nil:
				line += " -"
			default:
				line += fmt.Sprintf(" %.4g", *v)
			}
		}
		out = append(out, line)
	}
	return out
}

// The figures of a history that is made by hand.
func TestFigures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Bo", Role: "supervisor"})
	kim := b.agent(t, Agent{Name: "Kim", Teams: []string{"payments", "general"}})
	day := at(t, "2027-03-27T22:30:00Z") // 23:30 in Berlin
	handoff := func(topic string, queued time.Time, set string, args ...any) Handoff {
		t.Helper()
		h := b.handOff(t, b.talk(t, "gb", "en"), topic)
		b.exec(t, `UPDATE handoffs SET queued_at = $2 WHERE id = $1`, h.ID, queued)
		b.exec(t, `UPDATE sla_clocks SET started_at = $2, due_at = $2::timestamptz + interval '30 minutes', stopped_at = $2::timestamptz + interval '1 hour' WHERE handoff_id = $1`, h.ID, queued)
		if set != "" {
			b.exec(t, `UPDATE handoffs SET `+set+` WHERE id = $1`, append([]any{h.ID}, args...)...)
		}
		return h
	}
	taken := `agent_id = $2, accepted_at = queued_at + $3 * interval '1 second', first_reply_at = queued_at + $4 * interval '1 second',
		ended_at = queued_at + $5 * interval '1 second', state = $6, reason = $7`
	first := handoff("pay", day, taken, kim.ID, 60, 90, 660, "resolved", "stuck")
	second := handoff("pay", day.Add(time.Minute), taken, kim.ID, 120, 2400, 1320, "returned_to_assistant", "no_article") // replied after 40 minutes
	handoff("theft", day.Add(time.Hour), taken, kim.ID, 180, 200, 1080, "resolved", "stuck")                              // tomorrow in Berlin, and in summer time
	handoff("", day.Add(2*time.Hour), "")
	pulled := handoff("pay", day, taken, kim.ID, 0, 5, 10, "resolved", "agent_pulled")
	handoff("pay", day.Add(-48*time.Hour), taken, kim.ID, 999, 999, 9999, "resolved", "stuck") // before
	b.exec(t, `UPDATE handoffs SET team = 'general' WHERE id = $1`, second.ID)
	b.exec(t, `INSERT INTO ratings (id, conversation_id, handoff_id, agent_id, score) VALUES ($1, $2, $3, $4, 5), ($5, $6, $7, $4, 2)`,
		uuid.New(), first.ConversationID, first.ID, kim.ID, uuid.New(), pulled.ConversationID, pulled.ID)
	b.exec(t, `UPDATE wait_samples SET high_seconds = 100, waited_seconds = 60 WHERE handoff_id = $1`, first.ID)
	b.exec(t, `UPDATE wait_samples SET high_seconds = 100, waited_seconds = 120 WHERE handoff_id = $1`, second.ID)
	again := handoff("pay", day.Add(24*time.Hour), "")
	b.exec(t, `UPDATE handoffs SET conversation_id = $2 WHERE id = $1`, again.ID, first.ConversationID)

	q := func(report, by string) Question {
		return Question{Report: report, By: by, From: day.Add(-time.Hour), To: day.Add(25 * time.Hour)}
	}
	for _, c := range []struct {
		q       Question
		columns []string
		want    []string
	}{
		{q("handoffs", "reason"), []string{"n", "urgent", "accepted", "resolved", "returned", "moved", "open"},
			[]string{"agent_pulled: 1 0 1 1 0 0 0", "low_confidence: 2 0 0 0 0 0 2", "no_article: 1 0 1 0 1 1 0", "stuck: 2 1 2 2 0 0 0", ": 6 1 4 3 1 1 2"}},
		{q("handoffs", "team"), []string{"n"}, []string{"Fraud: 1", "General support: 2", "Payments: 3", ": 6"}},
		{q("handoffs", "topic"), []string{"n"}, []string{"No topic: 1", "pay: 4", "theft: 1", ": 6"}},
		{q("handoffs", "priority"), []string{"n"}, []string{"P1: 1", "P3: 4", "P4: 1", ": 6"}},
		{q("handoffs", "weekday"), []string{"n"}, []string{"Saturday: 4", "Sunday: 2", ": 6"}},
		{q("waits", "team"), []string{"n", "wait_p50", "wait_p90", "first_reply_p50", "handling_p50", "shown", "upper_end_held"},
			[]string{"Fraud: 1 180 180 200 900 0 -", "General support: 1 120 120 2400 1200 0.5 0", "Payments: 1 60 60 90 600 0.5 1", ": 3 120 168 200 900 0.4 0.5"}},
		{q("outcomes", "team"), []string{"n", "first_reply_due", "first_reply_met", "returned", "again", "rated", "csat", "satisfied"},
			[]string{"Fraud: 1 1 1 0 0 0 - -", "General support: 2 1 0 1 - 0 - -", "Payments: 3 2 1 0 0.5 2 3.5 0.5", ": 6 4 0.75 0.25 0.3333 2 3.5 0.5"}},
	} {
		if diff := cmp.Diff(c.want, b.figures(t, boss, c.q, c.columns...)); diff != "" {
			t.Errorf("%s by %s (-want +got):\n%s", c.q.Report, c.q.By, diff)
		}
	}
	berlin := q("handoffs", "day")
	berlin.Zone = "Europe/Berlin"
	if diff := cmp.Diff([]string{"2027-03-27: 3", "2027-03-28: 2", "2027-03-29: 1", ": 6"}, b.figures(t, boss, berlin, "n")); diff != "" {
		t.Errorf("days in Berlin (-want +got):\n%s", diff)
	}
	hours := q("handoffs", "hour")
	hours.Zone = "Europe/Berlin"
	if diff := cmp.Diff([]string{"00: 2", "01: 1", "23: 3", ": 6"}, b.figures(t, boss, hours, "n")); diff != "" {
		t.Errorf("hours in Berlin (-want +got):\n%s", diff)
	}
	one := q("handoffs", "reason")
	one.Team = "fraud"
	if diff := cmp.Diff([]string{"stuck: 1", ": 1"}, b.figures(t, boss, one, "n")); diff != "" {
		t.Errorf("one team (-want +got):\n%s", diff)
	}

	// Agents: what they had, were offered, and how long they were there.
	b.exec(t, `INSERT INTO offers (id, handoff_id, agent_id, expires_at, outcome) VALUES ($1, $3, $4, now(), 'lapsed'), ($2, $3, $4, now(), 'accepted'),
		($5, $3, $4, now(), 'declined'), ($6, $3, $7, now(), 'declined')`, uuid.New(), uuid.New(), first.ID, kim.ID, uuid.New(), uuid.New(), boss.ID)
	b.exec(t, `DELETE FROM presence_spans`)
	b.exec(t, `INSERT INTO presence_spans (agent_id, state, began_at, ended_at) VALUES ($1, 'online', $2, $3), ($1, 'away', $2, $3), ($4, 'online', $5, NULL)`,
		kim.ID, day.Add(-2*time.Hour), day.Add(time.Hour), boss.ID, day.Add(24*time.Hour))
	b.exec(t, `UPDATE presence_spans SET ended_at = began_at + interval '100 days' WHERE ended_at IS NULL`)
	want := []string{"Bo: 0 0 0 - - 1 1 0 3600 0 -", "Kim: 4 3 1 25 750 3 1 1 7200 2 3.5", ": 4 3 1 25 750 4 2 1 1.08e+04 2 3.5"}
	got := b.figures(t, boss, q("agents", ""), "n", "resolved", "returned", "first_reply_p50", "handling_p50", "offers", "declined", "lapsed", "online", "rated", "csat")
	if len(got) == 3 && got[0] != want[0] { // by id, which is random
		got[0], got[1] = got[1], got[0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}

	for want, q := range map[string]Question{
		"report_not_found":  {Report: "gossip"},
		"unknown_dimension": {Report: "waits", By: "agent"},
		"unknown_zone":      {Report: "waits", Zone: "Mars"},
		"out_of_range":      {Report: "waits", To: day.Add(-401 * 24 * time.Hour)},
	} {
		q.From = day
		if q.To.IsZero() {
			q.To = day.Add(time.Hour)
		}
		if q.Zone == "" {
			q.Zone = "UTC"
		}
		_, err := b.desk.Figures(t.Context(), boss, q)
		wantCode(t, err, want)
	}
	_, err := b.desk.Figures(t.Context(), kim, q("waits", ""))
	wantCode(t, err, "not_a_lead")
}

// What the assistant settled by itself, and what came back.
func TestAssistantFigures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Bo", Role: "supervisor"})
	now := b.now(t)
	answered := func(market string) uuid.UUID {
		id := b.talk(t, market, "en", "Hello")
		b.exec(t, `UPDATE turns SET state = 'done', outcome = 'answered', lease_owner = NULL, lease_until = NULL WHERE conversation_id = $1`, id)
		b.exec(t, `INSERT INTO messages (id, conversation_id, seq, author, body, turn_id, created_at) SELECT $1, $2, 1000, 'assistant', 'So.', id, $3 FROM turns WHERE conversation_id = $2`,
			uuid.New(), id, now)
		return id
	}
	more := func(id uuid.UUID, after time.Duration) {
		b.exec(t, `INSERT INTO messages (id, conversation_id, seq, author, body, created_at) VALUES ($1, $2, 1001, 'customer', 'And?', $3)`, uuid.New(), id, now.Add(after))
	}
	answered("gb")                      // settled
	more(answered("gb"), time.Hour)     // goes on
	more(answered("gb"), 5*time.Hour)   // came back
	b.handOff(t, answered("gb"), "pay") // needed a person
	b.talk(t, "gb", "en")               // said nothing
	b.talk(t, "de", "de", "Hallo")      // not answered yet
	rated := answered("de")             // settled
	b.exec(t, `INSERT INTO ratings (id, conversation_id, score) VALUES ($1, $2, 4)`, uuid.New(), rated)
	got := b.figures(t, boss, Question{Report: "assistant", By: "market", From: now.Add(-time.Hour), To: now.Add(time.Hour)}, "n", "handed_off", "resolved", "reopened", "rated", "csat")
	if diff := cmp.Diff([]string{"de: 2 0 0.5 0 1 4", "gb: 4 0.25 0.75 0.3333 0 -", ": 6 0.1667 0.6667 0.25 1 4"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
