package handoff

import (
	"fmt"
	"testing"
	"time"
)

// Ten thousand that nobody can take, and ten thousand more of a team that is full, do not slow the offer of the next one down
// to where a customer would see it: the cost of a look is bounded by what can be offered.
func TestLongQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}, Capacity: 50})
	h := b.handOff(t, b.talk(t, "gb", "en"), "")
	b.exec(t, `WITH c AS (
		INSERT INTO conversations SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).* FROM conversations c, generate_series(1, 20000) RETURNING id)
		INSERT INTO handoffs (id, conversation_id, reason, explanation, priority, team, language, market, state, package, summary, queued_at, review_at, told_position)
		SELECT gen_random_uuid(), id, 'low_confidence', '', 3, CASE WHEN row_number() OVER () % 2 = 0 THEN 'payments' ELSE 'fraud' END, 'en', 'gb', 'queued', '{}', '',
			now() - interval '1 day', now() + interval '1 day', 1000 FROM c`)
	b.exec(t, `ANALYZE handoffs`)
	began := time.Now()
	if err := b.desk.routeNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("a look past 20,000 took %s", time.Since(began).Round(time.Millisecond/10))
	if got := b.offered(t, h.ID); got != "Ada" {
		t.Errorf("behind 20,000 of other teams it is %s", got)
	}
	for i := range 10 {
		b.agent(t, Agent{Name: fmt.Sprint("Pia", i), Teams: []string{"payments"}, Capacity: 10})
	}
	began = time.Now()
	if err := b.desk.routeNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("a look into a queue of 10,000 took %s", time.Since(began).Round(time.Millisecond/10))
	if n := b.texts(t, `SELECT id::text FROM handoffs WHERE state = 'offered' AND team = 'payments'`); len(n) != 10 {
		t.Errorf("%d are offered to ten agents", len(n))
	}
}
