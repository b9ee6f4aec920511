package handoff

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/wake"
)

// clockRun makes a clock's warning or its end lie in the past.
func (b *bundle) clockRun(t *testing.T, id uuid.UUID, kind, what string) {
	t.Helper()
	b.exec(t, `UPDATE sla_clocks SET `+what+` = clock_timestamp() - interval '1 millisecond' WHERE handoff_id = $1 AND kind = $2`, id, kind)
}

func (b *bundle) alerts(t *testing.T, boss Agent) (out []string) {
	t.Helper()
	all, err := b.desk.Alerts(t.Context(), boss)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		over := ""
		if a.Over {
			over = " over"
		}
		out = append(out, a.Kind+" "+*a.Team+over)
	}
	return out
}

// A warning tells supervisors; a breach tells them, makes the handoff more urgent by one, though never the most urgent, and
// leaves it with its team. Each happens once.
func TestClocksWarnAndBreach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kim := b.agent(t, Agent{Name: "Kim", Teams: []string{"payments"}})
	boss := b.agent(t, Agent{Name: "Bo", Role: "supervisor", Capacity: 1})
	h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	look := func(priority int, want ...string) {
		t.Helper()
		for range 2 { // the second look finds nothing
			if err := b.desk.watchClocks(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, b.alerts(t, boss)); diff != "" {
			t.Errorf("alerts (-want +got):\n%s", diff)
		}
		if got := b.handoff(t, h.ID); got.Priority != priority || got.Team != "payments" {
			t.Errorf("priority %d, team %s; want %d", got.Priority, got.Team, priority)
		}
	}
	look(3)
	if next, err := b.desk.nextDue(t.Context()); err != nil || !next.Equal(h.QueuedAt.Add(30*time.Minute*warnAt/100)) {
		t.Errorf("looks again at %v, %v", next, err)
	}
	b.clockRun(t, h.ID, firstReply, "warn_at")
	look(3, "sla_warning payments")
	b.clockRun(t, h.ID, firstReply, "due_at")
	look(2, "sla_breach payments")
	if got := b.handoff(t, h.ID); got.SLA == nil || !got.SLA.Breached || got.SLA.Kind != firstReply {
		t.Errorf("the handoff says %+v", got.SLA)
	}
	if next, err := b.desk.nextDue(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("a breached clock is due again at %v, %v", next, err)
	}
	if _, err := b.desk.Accept(t.Context(), h.ID, kim); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Reply(t.Context(), h.ConversationID, kim, "1", "Sorry"); err != nil {
		t.Fatal(err)
	}
	look(2, "sla_breach payments over")
	if got := b.handoff(t, h.ID); got.SLA != nil {
		t.Errorf("a clock still runs: %+v", got.SLA)
	}
	all, _ := b.desk.Alerts(t.Context(), boss)
	for range 2 {
		if err := b.desk.Seen(t.Context(), boss, all[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	look(2)
	wantCode(t, b.desk.Seen(t.Context(), boss, uuid.New()), "alert_not_found")
	wantCode(t, b.desk.Seen(t.Context(), kim, all[0].ID), "not_a_lead")
	_, err := b.desk.Alerts(t.Context(), kim)
	wantCode(t, err, "not_a_lead")

	urgent := b.handOff(t, b.talk(t, "gb", "en", "Help"), "theft")
	b.clockRun(t, urgent.ID, firstReply, "warn_at")
	look(2, "sla_warning fraud")
	b.clockRun(t, urgent.ID, firstReply, "due_at")
	look(2, "sla_breach fraud")
	if got := b.handoff(t, urgent.ID); got.Priority != 1 {
		t.Errorf("priority %d", got.Priority)
	}
	// The second most urgent stay so: the first are for what is urgent by itself.
	b.exec(t, `UPDATE sla_clocks SET breached_at = NULL, stopped_at = NULL WHERE handoff_id = $1`, h.ID)
	look(2, "sla_breach payments", "sla_breach fraud")
	b.exec(t, `UPDATE sla_clocks SET stopped_at = now() WHERE handoff_id = $1`, h.ID)
	b.exec(t, `UPDATE alerts SET seen_at = now() WHERE handoff_id = $1`, h.ID)
	// A warning that was answered in time is nobody's business any more, and what has ended warns of nothing.
	calm := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	b.clockRun(t, calm.ID, firstReply, "warn_at")
	look(2, "sla_warning payments", "sla_breach fraud")
	b.exec(t, `UPDATE sla_clocks SET stopped_at = now() WHERE handoff_id = $1`, calm.ID)
	look(2, "sla_breach fraud")
	ended := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	b.exec(t, `UPDATE handoffs SET state = 'resolved', ended_at = now() WHERE id = $1`, ended.ID)
	b.clockRun(t, ended.ID, firstReply, "due_at")
	look(2, "sla_breach fraud")
	if next, err := b.desk.nextDue(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("what has ended is due at %v, %v", next, err)
	}
	// A breach that was seen does not leave its warning behind.
	last, _ := b.desk.Alerts(t.Context(), boss)
	if err := b.desk.Seen(t.Context(), boss, last[0].ID); err != nil {
		t.Fatal(err)
	}
	look(2)
}

// Two replicas look at once: every breach happens once.
func TestBreachesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var hs []Handoff
	for range 40 {
		h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "late") // priority 4
		b.clockRun(t, h.ID, firstReply, "due_at")
		hs = append(hs, h)
	}
	other := NewDesk(b.pool, b.rec, wake.New(b.pool, b.desk.log), b.desk.log, Options{})
	var wg sync.WaitGroup
	for range 4 {
		for _, d := range []*Desk{b.desk, other} {
			wg.Go(func() {
				if err := d.watchClocks(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if err := other.watchClocks(t.Context()); err != nil { // what was skipped because it was held
		t.Fatal(err)
	}
	if got := b.texts(t, `SELECT DISTINCT priority || ' ' || (SELECT count(*) FROM audit WHERE action = 'handoff.sla_breach' AND subject = h.id::text)
		|| ' ' || (SELECT count(*) FROM alerts WHERE handoff_id = h.id) FROM handoffs h`); !cmp.Equal(got, []string{"3 1 1"}) {
		t.Errorf("priority, breaches, alerts: %v; %d handoffs", got, len(hs))
	}
}

// The process that set the clock is gone; another one, which nobody wakes and whose tick is far away, keeps the time.
func TestBreachAfterItsProcessIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	heard := make(chan struct{}, 1)
	d := NewDesk(b.pool, b.rec, wake.New(b.pool, b.desk.log), b.desk.log, Options{Tick: time.Hour})
	d.SetTopics(testTopics)
	d.bus.Subscribe(wake.Queue, func(string) {
		select {
		case heard <- struct{}{}:
		default:
		}
	})
	h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay") // by a desk that never runs
	b.exec(t, `UPDATE sla_clocks SET warn_at = clock_timestamp() + interval '150 milliseconds', due_at = clock_timestamp() + interval '300 milliseconds' WHERE handoff_id = $1`, h.ID)
	d.Start()
	defer d.Stop()
	d.poke() // it has started
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		late := b.texts(t, `SELECT ceil(extract(epoch FROM breached_at - due_at))::text || ' ' || (warned_at < breached_at) FROM sla_clocks WHERE handoff_id = $1 AND breached_at IS NOT NULL`, h.ID)
		if len(late) == 1 {
			if late[0] > "5" {
				t.Errorf("noticed %s s after the deadline, warned before", late[0])
			}
			return
		}
		select {
		case <-heard:
		case <-ctx.Done():
			t.Fatal("nobody noticed")
		}
	}
}

// The clock of the next reply runs from the customer's message to the agent's answer.
func TestNextReply(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kim := b.agent(t, Agent{Name: "Kim", Teams: []string{"payments"}})
	id := b.talk(t, "gb", "en", "Hello")
	h := b.handOff(t, id, "pay")
	n := 0
	say := func(tell bool) {
		t.Helper()
		n++
		r := b.say(t, id, "c"+string(rune('a'+n)), "And?")
		if tell {
			if err := b.desk.CustomerWrote(t.Context(), id, r.Message.Seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	answer := func() {
		t.Helper()
		n++
		if _, err := b.desk.Reply(t.Context(), id, kim, "a"+string(rune('a'+n)), "Here."); err != nil {
			t.Fatal(err)
		}
	}
	want := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, b.texts(t, `SELECT kind || CASE WHEN stopped_at IS NULL THEN ' runs' ELSE ' stopped' END FROM sla_clocks WHERE handoff_id = $1 ORDER BY kind`, h.ID)); diff != "" {
			t.Errorf("clocks (-want +got):\n%s", diff)
		}
	}
	say(true)
	want("first_reply runs") // nobody has it
	if _, err := b.desk.Accept(t.Context(), h.ID, kim); err != nil {
		t.Fatal(err)
	}
	say(true)
	want("first_reply runs") // the first answer is still due
	answer()
	want("first_reply stopped")
	say(true)
	want("first_reply stopped", "next_reply runs")
	due := b.handoff(t, h.ID).SLA
	if due == nil || due.Kind != nextReply || due.DueAt.Sub(b.now(t)) > 30*time.Minute || due.DueAt.Sub(b.now(t)) < 29*time.Minute {
		t.Errorf("due %+v", due)
	}
	b.clockRun(t, h.ID, nextReply, "due_at")
	if err := b.desk.watchClocks(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := b.handoff(t, h.ID).SLA
	say(true) // more of the same: it runs since the first
	if after := b.handoff(t, h.ID).SLA; !cmp.Equal(before, after) || !after.Breached {
		t.Errorf("before %+v, after %+v", before, after)
	}
	answer()
	want("first_reply stopped", "next_reply stopped")
	if err := b.desk.CustomerWrote(t.Context(), id, 1); err != nil { // said again, late
		t.Fatal(err)
	}
	want("first_reply stopped", "next_reply stopped")
	// The process that stored it ended before it told anybody.
	say(false)
	want("first_reply stopped", "next_reply stopped")
	m := b.desk.missed()
	if err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("first_reply stopped", "next_reply runs")
	if s := b.handoff(t, h.ID).SLA; s.Breached {
		t.Error("the new clock has the old one's breach")
	}
	if next, err := m.Next(t.Context()); err != nil || next.Before(b.now(t)) {
		t.Errorf("looks again at %v, %v", next, err)
	}
	if _, err := b.desk.Resolve(t.Context(), id, kim, 0); err != nil {
		t.Fatal(err)
	}
	want("first_reply stopped", "next_reply stopped")
}

func (b *bundle) now(t *testing.T) time.Time {
	t.Helper()
	now, err := b.desk.clock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// What is promised, by rule: the topic's time or the team's own, counted while the team is there or by the wall clock.
func TestClockRules(t *testing.T) {
	t.Parallel()
	b := setup(t)
	office := Hours{Markets: map[string]Schedule{"": {TimeZone: "UTC", Windows: []Window{{Days: []int{1, 2, 3, 4, 5}, From: "09:00", To: "17:00"}}}}}
	rules := Rules{Clocks: map[string]ClockRule{
		"":      {Resolve: 16 * 3600},
		"theft": {Counts: wall},
		"pay":   {FirstReply: 7200, NextReply: 600, Warn: 50},
	}}
	team := Team{Key: "x", Hours: office, Rules: rules}
	now := at(t, "2027-06-04T16:00:00Z") // a Friday, an hour before the end
	for _, c := range []struct {
		topic     string
		seconds   func(ClockRule) int
		due, warn string
	}{
		{"late", func(r ClockRule) int { return r.FirstReply }, "2027-06-04T17:00:00Z", "2027-06-04T16:45:00Z"}, // the topic's hour
		{"late", func(r ClockRule) int { return r.Resolve }, "2027-06-08T16:00:00Z", "2027-06-08T12:00:00Z"},
		{"theft", func(r ClockRule) int { return r.FirstReply }, "2027-06-04T16:02:00Z", "2027-06-04T16:01:30Z"},
		{"pay", func(r ClockRule) int { return r.FirstReply }, "2027-06-07T10:00:00Z", "2027-06-04T17:00:00Z"}, // an hour today, one on Monday
		{"pay", func(r ClockRule) int { return r.NextReply }, "2027-06-04T16:10:00Z", "2027-06-04T16:05:00Z"},
		{"lonely", func(r ClockRule) int { return r.NextReply }, "2027-06-04T17:00:00Z", "2027-06-04T16:45:00Z"}, // as the first
	} {
		r := b.desk.clockRule(team, c.topic, 3)
		due := r.due(team, "gb", now, c.seconds(r))
		if warn := r.warning(team, "gb", now, due); !due.Equal(at(t, c.due)) || !warn.Equal(at(t, c.warn)) {
			t.Errorf("%s: due %s, warns %s; want %s, %s", c.topic, due, warn, c.due, c.warn)
		}
	}
	for what, r := range map[string]ClockRule{"counts": {Counts: "moon"}, "first_reply_seconds": {FirstReply: -1}, "resolve_seconds": {Resolve: longestClock + 1}, "warn_percent": {Warn: 100}} {
		if err := (Rules{Clocks: map[string]ClockRule{"": r}}).Validate(); err == nil {
			t.Errorf("%s: %+v is taken", what, r)
		}
	}
	// A handoff has the clock of its end where a rule says so, and keeps it through transfers.
	if err := b.desk.SaveTeams(t.Context(), []TeamSeed{{Key: "payments", Name: "Payments", Hours: Hours{AlwaysOpen: true}, Rules: rules}}); err != nil {
		t.Fatal(err)
	}
	kim := b.agent(t, Agent{Name: "Kim", Teams: []string{"payments", "general"}})
	h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "late")
	b.exec(t, `UPDATE handoffs SET team = 'payments' WHERE id = $1`, h.ID)
	if _, err := b.desk.Accept(t.Context(), h.ID, kim); err != nil {
		t.Fatal(err)
	}
	for _, team := range []string{"payments", "general"} {
		if _, err := b.desk.Transfer(t.Context(), h.ConversationID, kim, team, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := b.desk.Accept(t.Context(), h.ID, kim); err != nil {
			t.Fatal(err)
		}
		if got := b.texts(t, `SELECT extract(epoch FROM due_at - started_at)::int::text FROM sla_clocks WHERE handoff_id = $1 AND kind = 'resolve'`, h.ID); !cmp.Equal(got, []string{"57600"}) {
			t.Errorf("in %s: %v", team, got)
		}
	}
}
