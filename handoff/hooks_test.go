package handoff

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/wake"
)

func (b *bundle) texts(t *testing.T, sql string, args ...any) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// clocks are the handoff's, each with whether it stands on the handoff's deadline and whether it has stopped.
func (b *bundle) clocks(t *testing.T, id uuid.UUID) []string {
	t.Helper()
	return b.texts(t, `SELECT c.kind || CASE WHEN c.due_at = h.due_at THEN ' due' ELSE ' astray' END || CASE WHEN c.stopped_at IS NULL THEN '' ELSE ' stopped' END
		FROM sla_clocks c JOIN handoffs h ON h.id = c.handoff_id WHERE h.id = $1 ORDER BY c.kind`, id)
}

func TestClocksFollowTheHandoff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kim := b.agent(t, Agent{Name: "Kim", Teams: []string{"payments", "general"}})
	want := func(h Handoff, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, b.clocks(t, h.ID)); diff != "" {
			t.Errorf("clocks (-want +got):\n%s", diff)
		}
	}
	replied := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	want(replied, "first_reply due")
	if _, err := b.desk.Accept(t.Context(), replied.ID, kim); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Transfer(t.Context(), replied.ConversationID, kim, "general", ""); err != nil {
		t.Fatal(err)
	}
	want(replied, "first_reply due") // the new team's deadline
	if _, err := b.desk.Accept(t.Context(), replied.ID, kim); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Reply(t.Context(), replied.ConversationID, kim, "1", "Hello"); err != nil {
		t.Fatal(err)
	}
	want(replied, "first_reply due stopped")

	// Moved by an alarm, and resolved without a word.
	moved := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	if _, err := b.desk.Raise(t.Context(), moved.ConversationID, Alarm{Topic: "theft", Priority: 1, Reason: "priority_topic", Explanation: "Theft."}); err != nil {
		t.Fatal(err)
	}
	want(moved, "first_reply due")
	alex := b.agent(t, Agent{Name: "Alex", Teams: []string{"fraud"}})
	if _, err := b.desk.Accept(t.Context(), moved.ID, alex); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Resolve(t.Context(), moved.ConversationID, alex, 0); err != nil {
		t.Fatal(err)
	}
	want(moved, "first_reply due stopped")

	// Promised for later.
	b.exec(t, `UPDATE agents SET presence = 'offline'`)
	late := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "")
	b.exec(t, `UPDATE sla_clocks SET breached_at = now(), due_at = now() WHERE handoff_id = $1`, late.ID)
	b.exec(t, `UPDATE handoffs SET review_at = now() WHERE id = $1`, late.ID)
	b.route(t)
	if h := b.handoff(t, late.ID); h.State != Asynchronous {
		t.Fatalf("state %s", h.State)
	}
	want(late, "first_reply due")
	if n := b.texts(t, `SELECT handoff_id::text FROM sla_clocks WHERE handoff_id = $1 AND breached_at IS NOT NULL`, late.ID); len(n) > 0 {
		t.Error("the promise counts as broken before its time")
	}
}

func TestStepsSayWho(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kim := b.agent(t, Agent{Name: "Kim", Teams: []string{"payments", "general"}})
	h, _, err := b.desk.Ask(t.Context(), b.talk(t, "gb", "en", "Hello"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.route(t)
	if _, err := b.desk.Accept(t.Context(), h.ID, kim); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Raise(t.Context(), h.ConversationID, Alarm{Priority: 1, Explanation: "Urgent."}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Return(t.Context(), h.ConversationID, kim, "", 0); err != nil {
		t.Fatal(err)
	}
	pulled, err := b.desk.Pull(t.Context(), h.ConversationID, kim)
	if err != nil {
		t.Fatal(err)
	}
	me := kim.ID.String()
	for id, want := range map[uuid.UUID][]string{
		h.ID: {"queued 3 customer", "offered 3 router", "accepted 3 " + me, "accepted 1 customer", "returned_to_assistant 1 " + me},
		// and nothing of it stays with the connection
		pulled.ID: {"queued 3 " + me, "accepted 3 " + me},
	} {
		if diff := cmp.Diff(want, b.texts(t, `SELECT state || ' ' || priority || ' ' || actor FROM handoff_steps WHERE handoff_id = $1 ORDER BY id`, id)); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	}
}

func TestSampleKeepsWhatWasShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.agent(t, Agent{Name: "Kim", Teams: []string{"payments"}})
	thinly := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	b.exec(t, `UPDATE handoffs SET state = 'resolved', ended_at = now() WHERE id = $1`, thinly.ID)
	for range thin {
		h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
		b.exec(t, `UPDATE handoffs SET state = 'resolved', accepted_at = queued_at + interval '10 seconds', ended_at = queued_at + interval '70 seconds' WHERE id = $1`, h.ID)
	}
	b.desk.lately.Clear()
	b.exec(t, `UPDATE agents SET capacity = 1`)
	free := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	shown := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	// Half of and 1.8 times the minute that the conversation ahead takes, with the half minute of an offer.
	want := map[uuid.UUID]string{thinly.ID: "payments 1", free.ID: "payments 1 0 30 60", shown.ID: "payments 2 60 30 180"}
	for id, w := range want {
		got := b.texts(t, `SELECT concat_ws(' ', team, position, base_seconds, low_seconds, high_seconds) FROM wait_samples WHERE handoff_id = $1`, id)
		if diff := cmp.Diff([]string{w}, got); diff != "" {
			t.Errorf("sample (-want +got):\n%s", diff)
		}
	}
}

// TestTickersRunInTheDesk registers work, makes it due, and lets the desk be woken as writers do.
func TestTickersRunInTheDesk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ran := make(chan struct{})
	var due time.Time
	d := NewDesk(b.pool, b.rec, wake.New(b.pool, b.desk.log), b.desk.log, Options{Tick: time.Hour})
	d.Register(Ticker{Name: "test", Next: func(context.Context) (time.Time, error) { return due, nil },
		Run: func(context.Context) error { due = time.Time{}; close(ran); return nil }})
	due = time.Now()
	d.Start()
	defer d.Stop()
	d.bus.Notify(wake.Queue, "")
	select {
	case <-ran:
	case <-time.After(time.Minute):
		t.Error("it never ran")
	}
}

// TestOffersEndOnTime has an offer end while nobody wakes the router and its tick is far away.
func TestOffersEndOnTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kim := b.agent(t, Agent{Name: "Kim", Teams: []string{"payments"}})
	d := NewDesk(b.pool, b.rec, wake.New(b.pool, b.desk.log), b.desk.log, Options{Tick: time.Hour, OfferFor: 200 * time.Millisecond})
	d.SetTopics(testTopics)
	lapsed := make(chan struct{}, 8)
	d.bus.Subscribe(wake.Queue, func(string) {
		select {
		case lapsed <- struct{}{}:
		default:
		}
	})
	h := b.handOff(t, b.talk(t, "gb", "en", "Hello"), "pay")
	d.Start()
	defer d.Stop()
	d.poke()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if got := b.texts(t, `SELECT outcome FROM offers WHERE handoff_id = $1 AND agent_id = $2`, h.ID, kim.ID); len(got) == 1 && got[0] == "lapsed" {
			return
		}
		select {
		case <-lapsed:
		case <-ctx.Done():
			t.Fatal("the offer never ended")
		}
	}
}

func TestCustomerWrote(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var heard []int64
	for range 2 {
		b.desk.OnCustomerWrote(func(_ context.Context, _ uuid.UUID, seq int64) error {
			heard = append(heard, seq)
			return nil
		})
	}
	if err := b.desk.CustomerWrote(t.Context(), uuid.New(), 7); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{7, 7}, heard); diff != "" {
		t.Error(diff)
	}
}
