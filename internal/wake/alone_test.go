package wake

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// A replica that hears nobody sends nothing; one that arrives is told from its arrival on, and looks at everything.
func TestAlone(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	quick := func() *Bus {
		b := New(pgtest.Open(t, url), slog.New(slog.DiscardHandler))
		b.helloEvery, b.aloneAfter, b.heardAfter = 20*time.Millisecond, 200*time.Millisecond, 50*time.Millisecond
		return b
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for range 2000 {
			if ok() {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatal("never happened: " + what)
	}
	first := quick()
	first.Start(context.Background())
	defer first.Stop()
	until("the first is alone", first.alone)
	first.NotifyOthers(Conversation, uuid.NewString())
	first.mu.Lock()
	pending := len(first.pending)
	first.mu.Unlock()
	if pending != 0 {
		t.Errorf("%d wake-ups for nobody", pending)
	}

	second := quick()
	id := uuid.NewString()
	var all, heard atomic.Int64
	second.Subscribe(Conversation, func(subject string) {
		switch subject {
		case "":
			all.Add(1)
		case id:
			heard.Add(1)
		}
	})
	second.Start(context.Background())
	defer second.Stop()
	until("the second looked at everything, twice", func() bool { return all.Load() >= 2 })
	until("the first has heard the second", func() bool { return !first.alone() })
	first.NotifyOthers(Conversation, id)
	until("the second was woken", func() bool { return heard.Load() == 1 })

	second.Stop()
	until("the first is alone again", first.alone)
}
