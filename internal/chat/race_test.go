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
		turn := b.say(t, id, "1", "one").Claim
		if err := b.rec.Speak(t.Context(), turn, chat.DeltaEvent{Text: "a"}); err != nil {
			t.Fatal(err)
		}
		receive := func(client string) func() {
			return func() {
				if _, err := b.rec.Receive(context.Background(), id, chat.Inbound{ClientID: client, Text: client}); err != nil {
					t.Error(err)
				}
			}
		}
		finish := func() {
			if _, err := b.rec.Finish(context.Background(), turn, chat.Ending{Outcome: chat.Answered, Text: "a b"}); err != nil {
				t.Error(err)
			}
		}
		b.queueUp(t, id, receive("2"), finish, receive("3"))
		var waiting, running int
		var from, to, first, last int64
		err := b.pool.QueryRow(t.Context(), `
			SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'running'),
				COALESCE(min(from_seq) FILTER (WHERE state = 'running'), 0), COALESCE(max(to_seq) FILTER (WHERE state = 'running'), 0),
				(SELECT min(seq) FROM messages WHERE conversation_id = $1 AND client_id IN ('2', '3')),
				(SELECT max(seq) FROM messages WHERE conversation_id = $1 AND client_id IN ('2', '3'))
			FROM turns WHERE conversation_id = $1`, id).Scan(&waiting, &running, &from, &to, &first, &last)
		if err != nil {
			t.Fatal(err)
		}
		// Mostly they get the row in the order in which they came, but PostgreSQL does not promise it.
		if waiting != 0 || running != 1 || from != first || to != last {
			t.Errorf("%d turns wait and %d run, for %d to %d; want one, for %d to %d", waiting, running, from, to, first, last)
		}
		r := b.say(t, id, "4", "four")
		if r.Claim == nil || r.Claim.FromSeq != first || len(r.Claim.Messages) != 3 {
			t.Errorf("the next message got a turn for %+v", r.Claim)
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
