package wake_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

// ear keeps what a bus was told.
type ear struct {
	mu    sync.Mutex
	heard map[string]int
	poked chan struct{}
}

func listen(b *wake.Bus, topics ...string) *ear {
	e := &ear{heard: map[string]int{}, poked: make(chan struct{}, 1)}
	for _, topic := range topics {
		b.Subscribe(topic, func(subject string) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.heard[topic+subject]++
			select {
			case e.poked <- struct{}{}:
			default:
			}
		})
	}
	return e
}

func (e *ear) count(item string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard[item]
}

// until waits for something to have been heard n times.
func (e *ear) until(t *testing.T, item string, n int) {
	t.Helper()
	late := time.After(30 * time.Second)
	for e.count(item) < n {
		select {
		case <-e.poked:
		case <-late:
			t.Fatalf("%q was heard %d times, want %d", item, e.count(item), n)
		}
	}
}

func start(t *testing.T, pool *pgxpool.Pool, topics ...string) (*wake.Bus, *ear) {
	t.Helper()
	b := wake.New(pool, slog.New(slog.DiscardHandler))
	e := listen(b, topics...)
	b.Start(context.Background())
	t.Cleanup(b.Stop)
	e.until(t, topics[0], 1) // connected: look at everything
	return b, e
}

// What one replica says the others hear, and it hears itself at once and once only.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	one, at1 := start(t, pgtest.Open(t, url), wake.Conversation, wake.Queue)
	_, at2 := start(t, pgtest.Open(t, url), wake.Conversation)
	id := uuid.NewString()
	one.Notify(wake.Conversation, id)
	if at1.count(wake.Conversation+id) != 1 {
		t.Error("not heard in the same process at once")
	}
	at2.until(t, wake.Conversation+id, 1)
	one.Notify(wake.Queue, "")
	last := uuid.NewString()
	one.Notify(wake.Conversation, last)
	at2.until(t, wake.Conversation+last, 1)
	if n := at1.count(wake.Conversation + id); n != 1 {
		t.Errorf("the sender heard itself %d times", n)
	}
	at1.until(t, wake.Queue, 2) // once when it connected
}

// More than fits into one notification arrives whole.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	pool := pgtest.Open(t, url)
	quiet := wake.New(pool, slog.New(slog.DiscardHandler)) // not started: everything goes in one flush
	_, far := start(t, pgtest.Open(t, url), wake.Conversation)
	ids := make([]string, 1000) // 38 kB
	for i := range ids {
		ids[i] = uuid.NewString()
		quiet.Notify(wake.Conversation, ids[i])
		quiet.Notify(wake.Conversation, ids[i])
	}
	quiet.Flush(t.Context())
	for _, id := range ids {
		far.until(t, wake.Conversation+id, 1)
		if n := far.count(wake.Conversation + id); n != 1 {
			t.Fatalf("%s was heard %d times", id, n)
		}
	}
}

// A connection that is lost is made again, and since what was said meanwhile is lost, everybody looks at everything.
func TestReconnects(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	pool := pgtest.Open(t, url)
	speaker := wake.New(pool, slog.New(slog.DiscardHandler))
	_, far := start(t, pgtest.Open(t, url), wake.Conversation, wake.Turns)
	for round := 1; round <= 3; round++ {
		var ended int
		err := pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'firstline-wake'`).Scan(&ended)
		if err != nil || ended != 1 {
			t.Fatalf("%d listeners ended, %v", ended, err)
		}
		far.until(t, wake.Conversation, 1+round)
		far.until(t, wake.Turns, 1+round)
		id := uuid.NewString()
		speaker.Notify(wake.Conversation, id)
		speaker.Flush(t.Context())
		far.until(t, wake.Conversation+id, 1)
	}
}

// Stop sends what is pending, may be called twice, and leaves no listener behind.
func TestStop(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	pool := pgtest.Open(t, url)
	_, far := start(t, pgtest.Open(t, url), wake.Queue)
	for range 20 {
		b := wake.New(pool, slog.New(slog.DiscardHandler))
		b.Start(context.Background())
		id := uuid.NewString()
		b.Notify(wake.Queue, id)
		b.Stop() // at any moment of the sending
		b.Stop()
		far.until(t, wake.Queue+id, 1)
	}
	for listeners := 2; listeners > 1; time.Sleep(time.Millisecond) {
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'firstline-wake'`).Scan(&listeners)
		if err != nil {
			t.Fatal(err)
		}
	}
}
