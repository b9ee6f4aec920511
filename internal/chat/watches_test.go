package chat_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// readAll reads until the conversations' ends are where they should be, and checks that nothing was missed or came twice.
func readAll(t *testing.T, w *chat.Watches, at, until map[uuid.UUID]int64) []chat.Entry {
	t.Helper()
	var all []chat.Entry
	late := time.After(30 * time.Second)
	for {
		done := true
		for id, end := range until {
			done = done && at[id] >= end
		}
		if done {
			return all
		}
		select {
		case <-w.C():
		case <-late:
			t.Fatalf("read up to %v, want %v", at, until)
		}
		entries, err := w.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Seq != at[e.Conversation]+1 {
				t.Fatalf("entry %d of %s came behind %d", e.Seq, e.Conversation, at[e.Conversation])
			}
			at[e.Conversation] = e.Seq
		}
		all = append(all, entries...)
	}
}

// A reader of many conversations reads everything once and in order, whichever replica writes, while the set it follows
// changes, and nothing of a conversation that it does not follow.
func TestWatchMany(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	near, far := replica(t, pgtest.Open(t, url), chat.Options{}), replica(t, pgtest.Open(t, url), chat.Options{})
	var ids []uuid.UUID
	for range 6 {
		ids = append(ids, near.start(t))
	}
	w := near.rec.WatchMany()
	defer w.Close()
	at, err := w.Follow(t.Context(), append(ids[:4:4], uuid.New())) // one that does not exist
	if err != nil || len(at) != 4 {
		t.Fatalf("follows %v, %v", at, err)
	}
	write := func(ids []uuid.UUID, round string, n int) map[uuid.UUID]int64 {
		var work sync.WaitGroup
		for i, id := range ids {
			work.Go(func() {
				for k := range n {
					b := []*bundle{near, far}[(i+k)%2]
					err := b.rec.Do(context.Background(), id, func(ctx context.Context, s *chat.Session) error {
						m := chat.Message{Author: chat.System, Text: fmt.Sprint(round, k)}
						if k%3 == 0 {
							m.Visibility = "internal"
						}
						return s.AddMessage(ctx, &m)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		work.Wait()
		until := map[uuid.UUID]int64{}
		for _, id := range ids {
			c, err := near.rec.Find(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			until[id] = c.LastSeq
		}
		return until
	}
	until := write(ids, "a", 100) // more than a room keeps
	delete(until, ids[4])
	delete(until, ids[5])
	if got := readAll(t, w, at, until); len(got) != 400 {
		t.Errorf("%d entries of four conversations", len(got))
	}
	fresh, err := w.Follow(t.Context(), ids[2:])
	if err != nil || len(fresh) != 2 || fresh[ids[5]] < 101 {
		t.Fatalf("follows %v, %v", fresh, err)
	}
	for id, seq := range fresh {
		at[id] = seq
	}
	until = write(ids, "b", 10)
	delete(until, ids[0])
	delete(until, ids[1])
	for _, e := range readAll(t, w, at, until) {
		if e.Conversation == ids[0] || e.Conversation == ids[1] {
			t.Fatalf("an entry of a conversation that is not followed any more: %s", e.Data)
		}
	}
}

// What no wake-up told of is found by Check, and only that.
func TestWatchManyMissed(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	w := b.rec.WatchMany()
	defer w.Close()
	at, err := w.Follow(t.Context(), []uuid.UUID{id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(t.Context(), `WITH c AS (UPDATE conversations SET last_seq = last_seq + 1 WHERE id = $1 RETURNING id, last_seq)
		INSERT INTO events (conversation_id, seq, kind, data) SELECT id, last_seq, 'typing', '{}' FROM c`, id); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-w.C():
		default:
			if at[id] == 1 {
				t.Fatal("nobody was told of what is missing")
			}
			return
		}
		entries, err := w.Read(t.Context())
		if err != nil || at[id] == 1 && len(entries) != 1 || at[id] > 1 {
			t.Fatalf("%v, %v", entries, err)
		}
		at[id] = entries[0].Seq
	}
}

// Who follows a conversation that another replica deletes is told, although the entry that says so is gone with it.
func TestWatchGone(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	near, far := replica(t, pgtest.Open(t, url), chat.Options{}), replica(t, pgtest.Open(t, url), chat.Options{})
	for what, by := range map[string]*bundle{"the same replica": near, "another replica": far} {
		id := near.start(t)
		w := near.rec.Watch(id)
		defer w.Close()
		w.Stale()
		events, err := w.Next(t.Context(), 0, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		seq := int64(0)
		if len(events) > 0 {
			seq = events[len(events)-1].Seq
		}
		if err := by.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error {
			if err := s.AddEvent(ctx, chat.KindToken, chat.TokenEvent{Generation: 9}, false); err != nil {
				return err
			}
			_, err := s.Tx().Exec(ctx, `DELETE FROM conversations WHERE id = $1`, id)
			return err
		}); err != nil {
			t.Fatal(what, err)
		}
		ended := false
		for range 5 { // told from memory, then by the database
			events, err := w.Next(t.Context(), seq, 20*time.Second)
			if ended = errors.Is(err, chat.ErrGone); ended || err != nil {
				break
			}
			for _, e := range events {
				seq = e.Seq
				ended = ended || e.Kind == chat.KindToken
			}
			if ended {
				break
			}
		}
		if !ended {
			t.Errorf("deleted by %s: nobody told the watch", what)
		}
	}
}
