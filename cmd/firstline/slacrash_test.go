package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// TestBreachAfterACrash has the process killed that set a handoff's clocks, a moment before their deadline: the other one
// warns and notices the breach within five seconds of it, by the database's clock.
func TestBreachAfterACrash(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	doomed, survivor := serve(t, settings(database)), serve(t, settings(database))
	doomed.ready(http.StatusOK)
	survivor.ready(http.StatusOK)
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	g := newGuest(t, doomed)
	must(t, http.StatusAccepted, "POST", g.at(doomed, "/handoff"), g.token, map[string]any{})
	if _, err := pool.Exec(t.Context(), `UPDATE sla_clocks SET warn_at = clock_timestamp() + interval '1 second', due_at = clock_timestamp() + interval '2 seconds'`); err != nil {
		t.Fatal(err)
	}
	doomed.kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		var late []float64
		err := pool.QueryRow(ctx, `SELECT ARRAY(SELECT extract(epoch FROM breached_at - due_at)::float8 FROM sla_clocks WHERE breached_at IS NOT NULL AND warned_at IS NOT NULL)`).Scan(&late)
		if err != nil {
			t.Fatal("nobody noticed:", err)
		}
		if len(late) == 1 {
			t.Logf("noticed %.0f ms after the deadline", 1000*late[0])
			if late[0] < 0 || late[0] > 5 {
				t.Errorf("noticed %.1f s after the deadline", late[0])
			}
			break
		}
		<-look.C
	}
	if n := one[int](t, pool, `SELECT count(*) FROM alerts WHERE kind = 'sla_breach'`); n != 1 {
		t.Errorf("%d alerts", n)
	}
}
