package chat_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

func (b *bundle) stop(t *testing.T, id, turn uuid.UUID) bool {
	t.Helper()
	var stopped bool
	err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error {
		var err error
		stopped, err = s.Stop(ctx, turn)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return stopped
}

// allEnded fails unless every turn has ended, once, and the conversation names none.
func (b *bundle) allEnded(t *testing.T, id uuid.UUID, want int) {
	t.Helper()
	var open, all, events, named int
	err := b.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE state <> 'done'), count(*),
		(SELECT count(*) FROM events WHERE conversation_id = $1 AND kind = 'turn'),
		(SELECT num_nonnulls(turn_id, next_turn_id) FROM conversations WHERE id = $1) FROM turns WHERE conversation_id = $1`, id).Scan(&open, &all, &events, &named)
	if err != nil {
		t.Fatal(err)
	}
	if open != 0 || all != want || events != want || named != 0 {
		t.Errorf("%d turns (%d not ended), %d ends told, %d still named; want %d, each ended and told once", all, open, events, named, want)
	}
}

// A turn that has not spoken is stopped in silence, and can say nothing afterwards.
func TestStopBeforeTheFirstWord(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	c := b.say(t, id, "1", "one").Claim
	if !b.stop(t, id, c.TurnID) {
		t.Fatal("there was nothing to stop")
	}
	if b.stop(t, id, c.TurnID) {
		t.Error("stopped twice")
	}
	if err := b.rec.Speak(t.Context(), c, chat.DeltaEvent{Text: "x"}); !errors.Is(err, chat.ErrLost) {
		t.Errorf("spoke after it was stopped: %v", err)
	}
	if _, err := b.rec.Finish(t.Context(), c, chat.Ending{Outcome: chat.Answered, Text: "x"}); !errors.Is(err, chat.ErrLost) {
		t.Errorf("answered after it was stopped: %v", err)
	}
	if got, want := kinds(b.log(t, id, 1)), "2:message 3:turn "; got != want {
		t.Errorf("log %s, want %s", got, want)
	}
	b.allEnded(t, id, 1)
	next := b.say(t, id, "2", "two").Claim
	if next == nil || next.Text() != "two" {
		t.Fatalf("the next message's turn: %+v", next)
	}
	if _, err := b.rec.Finish(t.Context(), next, chat.Ending{Outcome: chat.Answered, Text: "y"}); err != nil {
		t.Fatal(err)
	}
	b.allEnded(t, id, 2)
}

// What was said stays, of the last attempt only, with its sources, marked; what waited gets its turn.
func TestStopBetweenWords(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{Lease: time.Minute})
	id := b.start(t)
	c := b.say(t, id, "1", "one").Claim
	say := func(c *chat.Claim, d chat.DeltaEvent) {
		t.Helper()
		if err := b.rec.Speak(t.Context(), c, d); err != nil {
			t.Fatal(err)
		}
	}
	say(c, chat.DeltaEvent{Text: "of a process that is gone "})
	if _, err := b.pool.Exec(t.Context(), `UPDATE turns SET lease_until = now() - interval '1 second' WHERE id = $1`, c.TurnID); err != nil {
		t.Fatal(err)
	}
	again, err := b.rec.TakeOver(t.Context(), 1)
	if err != nil || len(again) != 1 {
		t.Fatalf("taken over: %v, %v", again, err)
	}
	c = again[0]
	say(c, chat.DeltaEvent{Text: "It costs 6 pounds [1]. ", Citations: []chat.Citation{{N: 1, Article: "late-fees"}}})
	say(c, chat.DeltaEvent{Text: "It is due in May [1][2]. ", Citations: []chat.Citation{{N: 1, Article: "late-fees"}, {N: 2, Article: "due-dates"}}})
	waits := b.say(t, id, "2", "two")
	if waits.Claim != nil || !b.stop(t, id, c.TurnID) {
		t.Fatal("not stopped while another message waits")
	}
	if _, err := b.rec.Finish(t.Context(), c, chat.Ending{Outcome: chat.Answered, Text: "x"}); !errors.Is(err, chat.ErrLost) {
		t.Errorf("answered after it was stopped: %v", err)
	}
	ms, err := b.rec.Messages(t.Context(), id, 0, 10, false)
	if err != nil {
		t.Fatal(err)
	}
	last := ms[len(ms)-1]
	if last.Text != "It costs 6 pounds [1]. It is due in May [1][2]." || !last.Stopped || !last.AI || len(last.Citations) != 2 || last.Turn == nil || *last.Turn != c.TurnID {
		t.Errorf("what stays: %+v", last)
	}
	begun, err := b.rec.TakeOver(t.Context(), 1)
	if err != nil || len(begun) != 1 || begun[0].TurnID != *waits.TurnID || begun[0].Text() != "two" {
		t.Fatalf("what waited was not begun: %+v, %v", begun, err)
	}
	if _, err := b.rec.Finish(t.Context(), begun[0], chat.Ending{Outcome: chat.Answered, Text: "y"}); err != nil {
		t.Fatal(err)
	}
	if b.stop(t, id, *waits.TurnID) {
		t.Error("stopped after its end")
	}
	b.allEnded(t, id, 2)
}

// A message that waits can be left unanswered while the answer before it goes on.
func TestStopWhatWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	c := b.say(t, id, "1", "one").Claim
	if err := b.rec.Speak(t.Context(), c, chat.DeltaEvent{Text: "a"}); err != nil {
		t.Fatal(err)
	}
	if waits := b.say(t, id, "2", "two"); !b.stop(t, id, *waits.TurnID) {
		t.Fatal("not stopped")
	}
	next, err := b.rec.Finish(t.Context(), c, chat.Ending{Outcome: chat.Answered, Text: "a"})
	if err != nil || next != nil {
		t.Fatalf("next %+v, %v", next, err)
	}
	b.allEnded(t, id, 2)
}

// Only the conversation's own turns, and not when people have it.
func TestStopIsForOnesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id, other := b.start(t), b.start(t)
	c := b.say(t, id, "1", "one").Claim
	for _, turn := range []uuid.UUID{c.TurnID, uuid.New()} {
		err := b.rec.Do(t.Context(), other, func(ctx context.Context, s *chat.Session) error { _, err := s.Stop(ctx, turn); return err })
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("another conversation's turn: %v", err)
		}
	}
	err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error { return s.SetOwner(ctx, chat.OwnedByQueue, nil) })
	if err != nil {
		t.Fatal(err)
	}
	if b.stop(t, id, c.TurnID) {
		t.Error("stopped although a person has it")
	}
	b.allEnded(t, id, 1)
}

// Stopping, a new message and the end of the turn at the same moment, in every order: each turn ends once.
func TestStopInEveryOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	for order := range 6 {
		id := b.start(t)
		c := b.say(t, id, "1", "one").Claim
		if order%2 == 0 {
			if err := b.rec.Speak(t.Context(), c, chat.DeltaEvent{Text: "a"}); err != nil {
				t.Fatal(err)
			}
		}
		var next *chat.Claim
		stop := func() { b.stop(t, id, c.TurnID) }
		receive := func() {
			r, err := b.rec.Receive(context.Background(), id, chat.Inbound{ClientID: "2", Text: "two"})
			if err != nil {
				t.Error(err)
			}
			if r.Claim != nil {
				next = r.Claim
			}
		}
		finish := func() {
			n, err := b.rec.Finish(context.Background(), c, chat.Ending{Outcome: chat.Answered, Text: "a b"})
			if err != nil && !errors.Is(err, chat.ErrLost) {
				t.Error(err)
			}
			if n != nil {
				next = n
			}
		}
		writers := [][]func(){{stop, receive, finish}, {stop, finish, receive}, {receive, stop, finish}, {receive, finish, stop}, {finish, stop, receive}, {finish, receive, stop}}[order]
		b.queueUp(t, id, writers...)
		if next == nil {
			begun, err := b.rec.TakeOver(t.Context(), 1)
			if err != nil || len(begun) != 1 {
				t.Fatalf("order %d: the second message has no turn: %v, %v", order, begun, err)
			}
			next = begun[0]
		}
		if _, err := b.rec.Finish(t.Context(), next, chat.Ending{Outcome: chat.Answered, Text: "c"}); err != nil {
			t.Fatalf("order %d: %v", order, err)
		}
		b.allEnded(t, id, 2)
	}
}

// The turn after a stopped one knows what was stopped, as it ran and as it is put together again.
func TestNextTurnKnowsWhatWasStopped(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	c := b.say(t, id, "1", "one").Claim
	if err := b.rec.Speak(t.Context(), c, chat.DeltaEvent{Text: "Well"}); err != nil {
		t.Fatal(err)
	}
	b.stop(t, id, c.TurnID)
	next := b.say(t, id, "2", "one").Claim
	if _, err := b.rec.Finish(t.Context(), next, chat.Ending{Outcome: chat.Answered, Text: "x", Record: chat.TurnRecord{Decision: []byte(`{}`)}}); err != nil {
		t.Fatal(err)
	}
	again, err := b.rec.FindEnded(t.Context(), next.TurnID)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*chat.Claim{"as it ran": next, "put together again": again.Claim} {
		h := c.History
		if len(c.Past) != 1 || !c.Past[0].Stopped() || len(h) < 2 || !c.Past[0].Holds(h[len(h)-2].Seq) || c.Past[0].Holds(c.FromSeq) || !h[len(h)-1].Stopped {
			t.Errorf("%s: %+v after %+v", name, c.Past, h)
		}
	}
}
