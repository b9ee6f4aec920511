package chat_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

// queueUp holds the conversation's row, starts the given writers one after the other so that each waits for it behind the
// one before, lets go, and waits for all of them.
func (b *bundle) queueUp(t *testing.T, id uuid.UUID, writers ...func()) {
	t.Helper()
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM conversations WHERE id = $1 FOR UPDATE`, id); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	for i, w := range writers {
		go func() { w(); done <- struct{}{} }()
		for waiting := 0; waiting <= i; time.Sleep(time.Millisecond) {
			err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range writers {
		<-done
	}
}

// Promise 2: two messages wait for the row while a turn that has spoken ends between them. The second message supersedes
// the turn of the first, which its statement began too early to see.
func TestMessagesAroundTheEndOfATurn(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	for range 5 {
		id := b.start(t)
		first := b.say(t, id, "1", "one").Claim
		if err := b.rec.Speak(t.Context(), first, chat.DeltaEvent{Text: "a"}); err != nil {
			t.Fatal(err)
		}
		var claims [2]*chat.Claim
		receive := func(i int, client string) func() {
			return func() {
				r, err := b.rec.Receive(context.Background(), id, chat.Inbound{ClientID: client, Text: client})
				if err != nil {
					t.Error(err)
				}
				claims[i] = r.Claim
			}
		}
		finish := func() {
			if _, err := b.rec.Finish(context.Background(), first, chat.Ending{Outcome: chat.Answered, Text: "a b"}); err != nil {
				t.Error(err)
			}
		}
		b.queueUp(t, id, receive(0, "2"), finish, receive(1, "3"))
		var waiting, running int
		var from, to int64
		err := b.pool.QueryRow(t.Context(), `
			SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'running'),
				COALESCE(min(from_seq) FILTER (WHERE state = 'running'), 0), COALESCE(max(to_seq) FILTER (WHERE state = 'running'), 0)
			FROM turns WHERE conversation_id = $1`, id).Scan(&waiting, &running, &from, &to)
		if err != nil {
			t.Fatal(err)
		}
		// 1 greeting, 2 message, 3 delta, 4 message, 5 answer, 6 its end, 7 message, 8 the end of the turn that waited
		if waiting != 0 || running != 1 || from != 4 || to != 7 {
			t.Errorf("%d turns wait and %d run, for %d to %d; want one, for 4 to 7", waiting, running, from, to)
		}
		if claims[1] == nil || claims[1].Text() != "2\n3" {
			t.Error("the second message did not get a turn for both messages")
		}
		if r := b.say(t, id, "4", "four"); r.Claim == nil || r.Claim.Text() != "2\n3\nfour" {
			t.Errorf("the next message got a turn for %q", r.Claim.Text())
		}
	}
}

// A turn that waited is recorded with all the messages that it would have answered, also those whose statements could not
// see it.
func TestCancelledWhileWaitingCoversAll(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	if err := b.rec.Speak(t.Context(), b.say(t, id, "1", "one").Claim, chat.DeltaEvent{Text: "a"}); err != nil {
		t.Fatal(err)
	}
	receive := func(client string) func() {
		return func() {
			if _, err := b.rec.Receive(context.Background(), id, chat.Inbound{ClientID: client, Text: client}); err != nil {
				t.Error(err)
			}
		}
	}
	b.queueUp(t, id, receive("2"), receive("3"))
	if err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error { return s.SetStatus(ctx, "closed") }); err != nil {
		t.Fatal(err)
	}
	var from, to int64
	err := b.pool.QueryRow(t.Context(), `SELECT from_seq, to_seq FROM turns WHERE conversation_id = $1 ORDER BY from_seq DESC LIMIT 1`, id).Scan(&from, &to)
	if err != nil {
		t.Fatal(err)
	}
	if from != 4 || to != 5 {
		t.Errorf("the turn is recorded for %d to %d, want 4 to 5", from, to)
	}
}
