package handoff

import (
	"testing"
)

// The desk is asleep when the router could do nothing, however much waits.
func TestAsleep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expect := func(what string, want bool) {
		t.Helper()
		if got, err := b.desk.asleep(t.Context()); err != nil || got != want {
			t.Errorf("%s: asleep %v, %v", what, got, err)
		}
	}
	expect("nothing waits", true)
	h := b.handOff(t, b.talk(t, "gb", "en", "hello"), "")
	b.exec(t, `UPDATE handoffs SET review_at = now() + interval '1 hour'`)
	expect("somebody waits, and nobody is there", true)
	b.exec(t, `UPDATE handoffs SET review_at = now()`)
	expect("the team's time is up", false)
	b.exec(t, `UPDATE handoffs SET review_at = now() + interval '1 hour'`)
	a := b.agent(t, Agent{Name: "Ada"})
	expect("an agent is there", false)
	b.exec(t, `UPDATE agents SET connected_until = now() - interval '1 hour'`)
	expect("an agent's connection is not judged yet", false)
	b.exec(t, `UPDATE agents SET presence = 'away'`)
	expect("the agent is away", true)
	b.exec(t, `UPDATE handoffs SET wanted_agent = $1`, a.ID)
	expect("somebody is wanted", false)
	b.exec(t, `UPDATE handoffs SET wanted_agent = NULL, state = 'accepted', agent_id = $1 WHERE id = $2`, a.ID, h.ID)
	expect("an agent who is away has a conversation", false)
	b.exec(t, `UPDATE handoffs SET state = 'queued', agent_id = NULL`)
	expect("it is back", true)
	b.exec(t, `INSERT INTO offers (id, handoff_id, agent_id, expires_at) VALUES (gen_random_uuid(), $1, $2, now() + interval '1 hour')`, h.ID, a.ID)
	expect("an offer is open", false)
}
