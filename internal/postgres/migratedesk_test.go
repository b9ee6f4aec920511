package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// TestMigrateDesk brings a desk at work to the schema of 0010: what waits gets its clock and its rank, and from then on
// the database writes down each step and refuses to open again what has ended.
func TestMigrateDesk(t *testing.T) {
	url := pgtest.EmptyURL(t)
	if err := postgres.MigrateTo(within(t), url, 9); err != nil {
		t.Fatal(err)
	}
	conn := plain(t, url)
	mustExec(t, conn, `INSERT INTO teams (key, name, hours) VALUES ('pay', 'Payments', '{}')`)
	// By name: priority, minutes in the queue, whether it has been answered.
	for name, h := range map[string]struct {
		priority, waited int
		answered         bool
	}{"old4": {4, 300, false}, "new2": {2, 1, false}, "mid3": {3, 40, true}, "new1": {1, 0, false}, "old2": {2, 60, false}} {
		mustExec(t, conn, `
			WITH c AS (INSERT INTO conversations (id, market, locale, audience) VALUES (gen_random_uuid(), 'gb', 'en', 'consumer') RETURNING id)
			INSERT INTO handoffs (id, conversation_id, reason, explanation, priority, team, language, market, state, package, summary, queued_at, due_at, first_reply_at)
			SELECT gen_random_uuid(), id, 'stuck', $1, $2, 'pay', 'en', 'gb', 'queued', '{}', '', now() - $3 * interval '1 minute', now() + interval '1 hour',
				CASE WHEN $4 THEN now() END FROM c`, name, h.priority, h.waited, h.answered)
	}
	if err := postgres.Migrate(within(t), url); err != nil {
		t.Fatal(err)
	}
	list := func(sql string) []string {
		t.Helper()
		rows, err := conn.Query(within(t), sql)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	// P1 is before all; a P4 that waited five hours is before a P2 that has just come.
	if diff := cmp.Diff([]string{"new1", "old4", "old2", "mid3", "new2"}, list(`SELECT explanation FROM handoffs ORDER BY rank`)); diff != "" {
		t.Errorf("the order by rank (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"new1 3600", "new2 3660", "old2 7200", "old4 21600"}, list(`SELECT h.explanation || ' ' || c.target_seconds
		FROM sla_clocks c JOIN handoffs h ON h.id = c.handoff_id WHERE c.kind = 'first_reply' AND c.due_at = h.due_at ORDER BY 1`)); diff != "" {
		t.Errorf("clocks (-want +got):\n%s", diff)
	}

	mustExec(t, conn, `UPDATE handoffs SET priority = 1 WHERE explanation = 'new2'`)
	mustExec(t, conn, `UPDATE handoffs SET summary = 'says nothing about its way' WHERE explanation = 'new2'`)
	mustExec(t, conn, `BEGIN`)
	mustExec(t, conn, `SELECT set_config('firstline.actor', 'kim', true)`)
	mustExec(t, conn, `UPDATE handoffs SET state = 'resolved', ended_at = now() WHERE explanation = 'new2'`)
	mustExec(t, conn, `COMMIT`)
	if diff := cmp.Diff([]string{"queued 1 router", "resolved 1 kim"}, list(`SELECT state || ' ' || priority || ' ' || actor FROM handoff_steps ORDER BY id`)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if _, err := conn.Exec(within(t), `UPDATE handoffs SET state = 'queued', ended_at = NULL WHERE explanation = 'new2'`); err == nil {
		t.Error("a handoff that has ended was opened again")
	}
}
