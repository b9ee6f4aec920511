package handoff

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

// owner is the name of the agent who may speak in the conversation; the owner's kind where it is no agent.
func (b *bundle) owner(t *testing.T, id uuid.UUID) string {
	t.Helper()
	var s string
	err := b.pool.QueryRow(t.Context(), `SELECT COALESCE(a.name, c.owner) FROM conversations c LEFT JOIN agents a ON a.id = c.agent_id WHERE c.id = $1`, id).Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepted makes a handoff that the agent has taken.
func (b *bundle) accepted(t *testing.T, a Agent, topic string) Handoff {
	t.Helper()
	h := b.handOff(t, b.talk(t, "gb", "en", "hello?"), topic)
	if _, err := b.desk.Accept(t.Context(), h.ID, a); err != nil {
		t.Fatal(err)
	}
	return b.handoff(t, h.ID)
}

func (b *bundle) audited(t *testing.T, id uuid.UUID) string {
	t.Helper()
	return strings.Join(b.texts(t, `SELECT action FROM audit WHERE subject = $1 ORDER BY id`, id.String()), " ")
}

// Cold to a person: they are asked before everybody else, and when they do not take it, it is everybody's.
func TestColdToAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	ada, bo := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Bo", Teams: []string{"general"}})
	b.agent(t, Agent{Name: "Cy", Teams: []string{"general"}}) // idle for longer than Bo
	h := b.accepted(t, ada, "")
	b.exec(t, `UPDATE agents SET last_offer_at = now() WHERE id = $1`, bo.ID)
	if _, err := b.desk.TransferTo(ctx, h.ConversationID, ada, bo.ID, "Knows refunds.", false); err != nil {
		t.Fatal(err)
	}
	if got := b.owner(t, h.ConversationID); got != "queue" {
		t.Errorf("owned by %s", got)
	}
	b.route(t)
	if got := b.offered(t, h.ID); got != "Bo" {
		t.Fatalf("offered to %s", got)
	}
	if err := b.desk.Decline(ctx, h.ID, bo); err != nil {
		t.Fatal(err)
	}
	b.route(t)
	if got := b.offered(t, h.ID); got != "Cy" {
		t.Errorf("declined, and now %s", got)
	}
	lines := b.lines(t, h.ConversationID)
	if want := line("en", "passed_to", "Bo"); lines[len(lines)-1] != want {
		t.Errorf("the customer reads %q", lines)
	}
	if got := b.audited(t, h.ID); got != "handoff.accepted handoff.transferred handoff.queued" {
		t.Errorf("audited: %s", got)
	}
}

// A wish ends with its time, or when the agent leaves.
func TestAWishEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	boss := b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	ada, bo := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Bo", Teams: []string{"general"}, Capacity: 1})
	for name, end := range map[string]func(h Handoff){
		"time":  func(h Handoff) { b.exec(t, `UPDATE handoffs SET wanted_until = now() WHERE id = $1`, h.ID) },
		"leave": func(Handoff) { b.exec(t, `UPDATE agents SET presence = 'away' WHERE id = $1`, bo.ID) },
	} {
		b.present(t, bo)
		h := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
		if _, err := b.desk.Assign(t.Context(), h.ID, boss, bo.ID, ""); err != nil {
			t.Fatal(err)
		}
		busy := b.accepted(t, bo, "") // full now
		b.route(t)
		if got := b.offered(t, h.ID); got != "queued" {
			t.Errorf("%s: meant for Bo, who is full, and %s", name, got)
		}
		end(h)
		b.route(t)
		if got := b.offered(t, h.ID); got != "Ada" {
			t.Errorf("%s: then %s", name, got)
		}
		if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
			t.Fatal(err)
		}
		for _, x := range []Handoff{h, busy} {
			if _, err := b.desk.Resolve(t.Context(), x.ConversationID, boss, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Warm: it stays with its agent until the other has it.
func TestWarmToAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	ada, fay := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Fay", Teams: []string{"fraud"}})
	warm := func(h Handoff) {
		t.Helper()
		now, err := b.desk.TransferTo(ctx, h.ConversationID, ada, fay.ID, "Please look.", true)
		if err != nil || now.State != Accepted || now.WantedAgent == nil || *now.WantedAgent != fay.ID || now.OfferExpires == nil {
			t.Fatalf("%+v, %v", now, err)
		}
		if b.owner(t, h.ConversationID) != "Ada" {
			t.Error("Ada has lost it already")
		}
		mine, err := b.desk.List(ctx, fay, "mine")
		if err != nil || len(mine) != 1 || mine[0].ID != h.ID {
			t.Errorf("Fay sees %d, %v", len(mine), err)
		}
		if err := b.desk.MayRead(ctx, h.ConversationID, fay); err != nil {
			t.Error("Fay may not read what she is asked to take:", err)
		}
	}
	left := func(h Handoff, name string) {
		t.Helper()
		now := b.handoff(t, h.ID)
		if now.State != Accepted || now.WantedAgent != nil || b.owner(t, h.ConversationID) != "Ada" || b.desk.MayRead(ctx, h.ConversationID, fay) == nil {
			t.Errorf("%s: %+v", name, now)
		}
		notes := b.texts(t, `SELECT body FROM messages WHERE conversation_id = $1 AND visibility = 'internal' AND author = 'system'`, h.ConversationID)
		if len(notes) != 1 || !strings.HasPrefix(notes[0], "Fay ") {
			t.Errorf("%s: Ada reads %q", name, notes)
		}
		if _, err := b.desk.Resolve(ctx, h.ConversationID, ada, 0); err != nil {
			t.Error(err)
		}
	}

	h := b.accepted(t, ada, "")
	warm(h)
	if err := b.desk.Decline(ctx, h.ID, fay); err != nil {
		t.Fatal(err)
	}
	b.route(t)
	left(h, "declined")

	h = b.accepted(t, ada, "")
	warm(h)
	b.expire(t)
	b.route(t)
	left(h, "lapsed")
	if p, n := b.presence(t, fay); p != "online" || n != 1 {
		t.Errorf("Fay is %s with %d lapses", p, n)
	}

	h = b.accepted(t, ada, "")
	warm(h)
	now, err := b.desk.Accept(ctx, h.ID, fay)
	if err != nil || now.Team != "fraud" || b.owner(t, h.ConversationID) != "Fay" || now.FromAgent == nil || *now.FromAgent != ada.ID || now.WantedAgent != nil {
		t.Errorf("taken: %+v, %v", now, err)
	}
	_, err = b.desk.Reply(ctx, h.ConversationID, ada, "late", "Still me.")
	wantCode(t, err, "not_yours")
	if _, err := b.desk.Resolve(ctx, h.ConversationID, fay, 0); err != nil {
		t.Fatal(err)
	}

	// Ended while somebody is asked: nothing is left to take.
	h = b.accepted(t, ada, "")
	warm(h)
	if _, err := b.desk.Resolve(ctx, h.ConversationID, ada, 0); err != nil {
		t.Fatal(err)
	}
	_, err = b.desk.Accept(ctx, h.ID, fay)
	wantCode(t, err, "handoff_ended", "not_permitted")
	var open int
	if err := b.pool.QueryRow(ctx, `SELECT count(*) FROM offers WHERE outcome = 'open'`).Scan(&open); err != nil || open != 0 {
		t.Errorf("%d offers are open, %v", open, err)
	}
}

// Who may assign what, and to whom.
func TestAssignRights(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	boss := b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	ada, bo := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Bo", Teams: []string{"general"}, Capacity: 1})
	edda := b.agent(t, Agent{Name: "Edda", Role: "editor", Teams: []string{"general"}})
	idle := b.agent(t, Agent{Name: "Idle"})
	h := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
	assign := func(by Agent, to uuid.UUID) error {
		_, err := b.desk.Assign(ctx, h.ID, by, to, "")
		return err
	}
	wantCode(t, assign(ada, bo.ID), "not_a_lead")
	wantCode(t, assign(boss, uuid.New()), "unknown_agent")
	wantCode(t, assign(boss, edda.ID), "unknown_agent")
	wantCode(t, assign(boss, idle.ID), "not_in_a_team")
	b.exec(t, `UPDATE agents SET connected_until = now() WHERE id = $1`, bo.ID)
	wantCode(t, assign(boss, bo.ID), "agent_not_there")
	b.present(t, bo)
	b.accepted(t, bo, "")
	wantCode(t, assign(boss, bo.ID), "agent_full")
	wantCode(t, assign(boss, ada.ID), "<nil>")
	wantCode(t, assign(boss, ada.ID), "<nil>") // said twice
	b.route(t)
	if got := b.offered(t, h.ID); got != "Ada" {
		t.Errorf("assigned to Ada, offered to %s", got)
	}
	wantCode(t, assign(boss, boss.ID), "<nil>")
	if got := b.owner(t, h.ConversationID); got != "Boss" {
		t.Errorf("assigned to themselves, and it is with %s", got)
	}
	if _, err := b.desk.Resolve(ctx, h.ConversationID, boss, 0); err != nil {
		t.Fatal(err)
	}
	wantCode(t, assign(boss, ada.ID), "handoff_ended")
	if got := b.audited(t, h.ID); got != "handoff.assigned handoff.taken_over handoff.resolved" {
		t.Errorf("audited: %s", got)
	}
}

// A supervisor takes over from anybody, and decides over what others have.
func TestSupervisors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	boss, ada := b.agent(t, Agent{Name: "Boss", Role: "supervisor"}), b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	waits := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
	b.route(t) // offered to Ada
	talk := b.talk(t, "gb", "en", "hello?")
	for name, id := range map[string]uuid.UUID{"offered": waits.ConversationID, "with Ada": b.accepted(t, ada, "").ConversationID, "with the assistant": talk} {
		_, err := b.desk.TakeOver(ctx, id, ada, "")
		wantCode(t, err, "not_a_lead")
		for range 2 {
			if h, err := b.desk.TakeOver(ctx, id, boss, ""); err != nil || h.AgentID == nil || *h.AgentID != boss.ID || b.owner(t, id) != "Boss" {
				t.Errorf("%s: %+v, %v", name, h, err)
			}
		}
	}
	if err := b.desk.Decline(ctx, waits.ID, ada); code(err) != "no_open_offer" {
		t.Errorf("Ada still has an offer: %v", err)
	}
	for name, do := range map[string]func(id uuid.UUID) error{
		"resolve":  func(id uuid.UUID) error { _, err := b.desk.Resolve(ctx, id, boss, 0); return err },
		"return":   func(id uuid.UUID) error { _, err := b.desk.Return(ctx, id, boss, "", 0); return err },
		"transfer": func(id uuid.UUID) error { _, err := b.desk.Transfer(ctx, id, boss, "fraud", ""); return err },
		"escalate": func(id uuid.UUID) error { _, err := b.desk.Escalate(ctx, id, boss, ""); return err },
		"snooze": func(id uuid.UUID) error {
			_, err := b.desk.Snooze(ctx, id, boss, time.Now().Add(time.Hour), 0)
			return err
		},
	} {
		h := b.accepted(t, ada, "")
		if err := do(h.ConversationID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		b.exec(t, `UPDATE handoffs SET state = 'resolved', ended_at = now(), snoozed_until = NULL, snoozed_seq = NULL WHERE ended_at IS NULL`)
	}
	// But nobody speaks in another's name.
	h := b.accepted(t, ada, "")
	_, err := b.desk.Reply(ctx, h.ConversationID, boss, "r", "Hello")
	wantCode(t, err, "not_yours")
}

// What waits with the wrong team is sent to the right one by a supervisor.
func TestTransferOfWhatWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, boss := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	h := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
	b.route(t)
	_, err := b.desk.Transfer(t.Context(), h.ConversationID, ada, "fraud", "")
	wantCode(t, err, "not_yours")
	now, err := b.desk.Transfer(t.Context(), h.ConversationID, boss, "fraud", "")
	if err != nil || now.State != Queued || now.Team != "fraud" || now.AgentID != nil || now.FromAgent != nil || now.OfferExpires != nil {
		t.Errorf("%+v, %v", now, err)
	}
}

// Sleep: it counts nothing, and ends with its time, with the customer's message, or by hand.
func TestSnooze(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}, Capacity: 1})
	h := b.accepted(t, ada, "")
	id := h.ConversationID
	snooze := func(until time.Time, seen int64) error {
		_, err := b.desk.Snooze(ctx, id, ada, until, seen)
		return err
	}
	wantCode(t, snooze(time.Now().Add(-time.Minute), 0), "out_of_range")
	wantCode(t, snooze(time.Now().Add(91*24*time.Hour), 0), "out_of_range")
	r := b.say(t, id, "more", "one more thing")
	wantCode(t, snooze(time.Now().Add(time.Hour), r.Message.Seq-1), "customer_wrote")
	asleep := func(want bool) {
		t.Helper()
		if got := b.handoff(t, h.ID).SnoozedUntil != nil; got != want {
			t.Errorf("asleep: %v, want %v", got, want)
		}
	}
	wantCode(t, snooze(time.Now().Add(time.Hour), r.Message.Seq), "<nil>")
	asleep(true)
	other := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
	b.route(t)
	if got := b.offered(t, other.ID); got != "Ada" {
		t.Errorf("asleep, it still fills her: %s", got)
	}
	if err := b.desk.CustomerWrote(ctx, id, r.Message.Seq); err != nil { // heard late: it was read before
		t.Fatal(err)
	}
	asleep(true)
	r = b.say(t, id, "reply", "hello again")
	if err := b.desk.CustomerWrote(ctx, id, r.Message.Seq); err != nil {
		t.Fatal(err)
	}
	asleep(false)

	wantCode(t, snooze(time.Now().Add(time.Hour), 0), "<nil>")
	b.exec(t, `UPDATE handoffs SET snoozed_until = now() WHERE id = $1`, h.ID)
	if err := b.desk.rouse(ctx, nil); err != nil {
		t.Fatal(err)
	}
	asleep(false)
	wantCode(t, snooze(time.Now().Add(time.Hour), 0), "<nil>")
	b.say(t, id, "unheard", "the process that stored this is gone")
	if err := b.desk.rouse(ctx, nil); err != nil {
		t.Fatal(err)
	}
	asleep(false)
	wantCode(t, snooze(time.Now().Add(time.Hour), 0), "<nil>")
	if _, err := b.desk.Wake(ctx, id, ada); err != nil {
		t.Fatal(err)
	}
	asleep(false)
	wantCode(t, snooze(time.Now().Add(time.Hour), 0), "<nil>")
	if _, err := b.desk.Transfer(ctx, id, ada, "fraud", ""); err != nil {
		t.Error(err)
	}
	asleep(false)
}

// The ticker wakes what sleeps without anybody's help.
func TestSleepersWakeOnTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	h := b.accepted(t, ada, "")
	if _, err := b.desk.Snooze(t.Context(), h.ConversationID, ada, time.Now().Add(300*time.Millisecond), 0); err != nil {
		t.Fatal(err)
	}
	b.desk.Start()
	defer b.desk.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for b.handoff(t, h.ID).SnoozedUntil != nil {
		select {
		case <-ctx.Done():
			t.Fatal("it sleeps on")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Agents who are gone give back what they have, ahead of newer ones; the customer is told; supervisors are told once.
func TestReleased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.desk.opts.Grace = time.Nanosecond
	ctx := t.Context()
	for name, leave := range map[string]func(a Agent){
		"signed out": func(a Agent) {
			if err := b.desk.SetPresence(ctx, a, "offline"); err != nil {
				t.Fatal(err)
			}
		},
		"cut off":          func(a Agent) { b.exec(t, `UPDATE agents SET connected_until = clock_timestamp() WHERE id = $1`, a.ID) },
		"disabled":         func(a Agent) { b.exec(t, `UPDATE agents SET disabled_at = now() WHERE id = $1`, a.ID) },
		"two offers lapse": func(a Agent) { b.exec(t, `UPDATE agents SET presence = 'away', lapses = 2 WHERE id = $1`, a.ID) },
	} {
		gone := b.agent(t, Agent{Name: "Gone", Teams: []string{"fraud"}})
		b.exec(t, `UPDATE agents SET disabled_at = NULL WHERE id = $1`, gone.ID)
		h, twin := b.accepted(t, gone, "theft"), b.accepted(t, gone, "theft")
		older := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "theft")
		b.exec(t, `UPDATE handoffs SET queued_at = queued_at - interval '1 hour' WHERE id = $1`, older.ID)
		leave(gone)
		b.route(t)
		b.route(t)
		for _, x := range []Handoff{h, twin} {
			now := b.handoff(t, x.ID)
			if now.State != Queued || now.FromAgent == nil || *now.FromAgent != gone.ID || b.owner(t, x.ConversationID) != "queue" {
				t.Errorf("%s: %+v", name, now)
			}
			lines := b.lines(t, x.ConversationID)
			if n := strings.Count(strings.Join(lines, "\n"), line("en", "released", "Gone")); n != 1 {
				t.Errorf("%s: told %d times: %q", name, n, lines)
			}
		}
		if p := b.texts(t, `SELECT presence FROM agents WHERE id = $1`, gone.ID); name == "cut off" && p[0] != "away" {
			t.Errorf("%s: %v", name, p)
		}
		if n := b.texts(t, `SELECT id::text FROM alerts WHERE kind = 'agent_gone' AND seen_at IS NULL`); len(n) != 1 {
			t.Errorf("%s: %d alerts", name, len(n))
		}
		for _, name := range []string{"Next", "Other"} {
			b.agent(t, Agent{Name: name, Teams: []string{"fraud"}})
		}
		b.route(t)
		if b.offered(t, h.ID) == "queued" || b.offered(t, twin.ID) == "queued" || b.offered(t, older.ID) != "queued" {
			t.Errorf("%s: it does not come before what waits", name)
		}
		b.exec(t, `UPDATE agents SET presence = 'away', lapses = 0 WHERE name IN ('Next', 'Other')`)
		b.exec(t, `UPDATE offers SET outcome = 'withdrawn'`)
		b.exec(t, `UPDATE handoffs SET state = 'resolved', agent_id = NULL, ended_at = now() WHERE ended_at IS NULL`)
	}
}

// Who is not gone keeps everything: away by choice, late within the grace, back again, working by a token; and what sleeps
// sleeps on.
func TestNotReleased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"fraud"}})
	h := b.accepted(t, ada, "theft")
	kept := func(name string) {
		t.Helper()
		b.route(t)
		if now := b.handoff(t, h.ID); now.State != Accepted || *now.AgentID != ada.ID {
			t.Errorf("%s: %s", name, now.State)
		}
	}
	if err := b.desk.SetPresence(ctx, ada, "away"); err != nil {
		t.Fatal(err)
	}
	kept("away by choice")
	b.exec(t, `UPDATE agents SET presence = 'online', connected_until = clock_timestamp()`)
	kept("right after an outage")
	b.desk.opts.Grace = time.Nanosecond
	b.exec(t, `UPDATE agents SET presence = 'offline', connected_until = '-infinity'`)
	b.exec(t, `UPDATE agents SET presence_at = now() - interval '1 day'`) // since long before they took it
	kept("by a token, without a desk")
	if _, err := b.desk.Snooze(ctx, h.ConversationID, ada, time.Now().Add(time.Hour), 0); err != nil {
		t.Fatal(err)
	}
	b.present(t, ada)
	if err := b.desk.SetPresence(ctx, ada, "offline"); err != nil {
		t.Fatal(err)
	}
	kept("asleep")
	if err := b.desk.rouse(ctx, &h.ConversationID); err != nil {
		t.Fatal(err)
	}
	kept("still asleep")
	b.exec(t, `UPDATE handoffs SET snoozed_until = now()`)
	if err := b.desk.rouse(ctx, nil); err != nil {
		t.Fatal(err)
	}
	b.route(t)
	if now := b.handoff(t, h.ID); now.State != Queued {
		t.Errorf("woken, and nobody is there: %s", now.State)
	}
}

// Release gives back everything, asleep or offered or asked for, and by whom is written down.
func TestRelease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	ada, bo := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}, Capacity: 3}), b.agent(t, Agent{Name: "Bo", Teams: []string{"payments"}})
	has, sleeps, asked := b.accepted(t, ada, ""), b.accepted(t, ada, ""), b.accepted(t, bo, "pay")
	if _, err := b.desk.Snooze(ctx, sleeps.ConversationID, ada, time.Now().Add(time.Hour), 0); err != nil {
		t.Fatal(err)
	}
	offered := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
	b.route(t)
	if b.offered(t, offered.ID) != "Ada" {
		t.Fatal("not offered")
	}
	if _, err := b.desk.TransferTo(ctx, asked.ConversationID, bo, ada.ID, "", true); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE agents SET presence = 'offline' WHERE id = $1`, ada.ID)
	if n, err := b.desk.Release(ctx, ada.ID, "root"); err != nil || n != 4 {
		t.Errorf("%d released, %v", n, err)
	}
	for _, h := range []Handoff{has, sleeps, offered} {
		if now := b.handoff(t, h.ID); now.State != Queued || now.AgentID != nil || now.SnoozedUntil != nil {
			t.Errorf("%+v", now)
		}
	}
	if now := b.handoff(t, asked.ID); now.State != Accepted || now.WantedAgent != nil || *now.AgentID != bo.ID {
		t.Errorf("what Bo has: %+v", now)
	}
	if who := b.texts(t, `SELECT actor FROM handoff_steps WHERE handoff_id = $1 ORDER BY id DESC LIMIT 1`, has.ID); who[0] != "root" {
		t.Errorf("released by %v", who)
	}
	if n, err := b.desk.Release(ctx, ada.ID, "root"); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
}

// An agent who is released while they answer: one of the two comes first, and nothing is lost in either order.
func TestReleaseWhileAnswering(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	for range 5 {
		h := b.accepted(t, ada, "")
		released, replied := make(chan error), make(chan error)
		go func() { _, err := b.desk.Release(context.Background(), ada.ID, "root"); released <- err }()
		go func() {
			_, err := b.desk.Reply(context.Background(), h.ConversationID, ada, "r", "Here I am.")
			replied <- err
		}()
		if err := <-released; err != nil {
			t.Error("release:", err)
		}
		err := <-replied
		ms, listErr := b.rec.Messages(t.Context(), h.ConversationID, 0, 100, false)
		if listErr != nil {
			t.Fatal(listErr)
		}
		var said int
		for _, m := range ms {
			if m.Author == chat.Agent {
				said++
			}
		}
		if now := b.handoff(t, h.ID); now.State != Queued || (err == nil) != (said == 1) {
			t.Errorf("now %s; the reply: %v, %d in the record", now.State, err, said)
		}
	}
}
