package handoff

import (
	"context"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/chat"
)

// An agent who may read a conversation takes it from the assistant, whatever team the new handoff falls to, and in the
// middle of a turn. There is no moment in which the customer waits in a queue for somebody who is there already.
func TestPull(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pia := b.agent(t, Agent{Name: "Pia", Teams: []string{"payments"}})
	b.agent(t, Agent{Name: "Gus", Teams: []string{"general"}})
	id := b.talk(t, "gb", "en", "my card is declined")
	if _, err := b.desk.Pull(t.Context(), id, pia); code(err) != "conversation_not_found" {
		t.Errorf("taken without ever having been with her team: %v", err)
	}
	h := b.handOff(t, id, "pay")
	if _, err := b.desk.Accept(t.Context(), h.ID, pia); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Return(t.Context(), id, pia, "", 0); err != nil {
		t.Fatal(err)
	}
	claim := b.say(t, id, "again", "and now?").Claim
	if err := b.rec.Speak(t.Context(), claim, chat.DeltaEvent{Text: "Well"}); err != nil {
		t.Fatal(err)
	}
	h, err := b.desk.Pull(t.Context(), id, pia)
	if err != nil {
		t.Fatal(err)
	}
	if h.State != Accepted || h.AgentID == nil || *h.AgentID != pia.ID || h.Reason != "agent_pulled" {
		t.Errorf("pulled: %+v", h)
	}
	if err := b.rec.Speak(t.Context(), claim, chat.DeltaEvent{Text: "x"}); err != chat.ErrLost {
		t.Errorf("the assistant speaks after the pull: %v", err)
	}
	if again, err := b.desk.Pull(t.Context(), id, pia); err != nil || again.ID != h.ID {
		t.Errorf("pulled twice: %v", err)
	}
	if _, err := b.desk.Reply(t.Context(), id, pia, "1", "I am here."); err != nil {
		t.Error(err)
	}
}

// The router may offer a handoff in the moment in which somebody else takes it from the queue; who loses is told to whom.
func TestAcceptNamesTheWinner(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	bruno := b.agent(t, Agent{Name: "Bruno", Teams: []string{"general"}})
	h := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// As the router does it: without the conversation's row.
	_, err = tx.Exec(t.Context(), `
		WITH h AS (UPDATE handoffs SET state = 'offered', agent_id = $2 WHERE id = $1)
		INSERT INTO offers (id, handoff_id, agent_id, expires_at) VALUES (gen_random_uuid(), $1, $2, now() + interval '1 hour')`, h.ID, bruno.ID)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := b.desk.Accept(context.Background(), h.ID, ada)
		done <- err
	}()
	b.waiting(t, 1)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; code(err) != "offered_to_other" || !strings.Contains(err.Error(), "Bruno") {
		t.Errorf("got %v", err)
	}
}

// Bruno resolves, Ada takes the conversation up again, and a click of hers on "resolve" that began before that arrives last.
// It is about a handoff that is over, and must not end her ownership while the new handoff stays open.
func TestResolveOfAnOlderHandoff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Role: "supervisor"})
	bruno := b.agent(t, Agent{Name: "Bruno", Teams: []string{"general"}})
	id := b.talk(t, "gb", "en", "hello?")
	h := b.handOff(t, id, "")
	if _, err := b.desk.Accept(t.Context(), h.ID, bruno); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Resolve(t.Context(), id, bruno, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Pull(t.Context(), id, ada); err != nil {
		t.Fatal(err)
	}
	_, err := b.desk.endOne(t.Context(), h.ID, ada, ending{to: Resolved}) // what Resolve does once it has found the handoff
	wantCode(t, err, "handoff_changed")
	c, err := b.rec.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if open, _, err := b.desk.Current(t.Context(), id); err != nil || open.State != Accepted || c.Owner != chat.OwnedByAgent {
		t.Errorf("the handoff is %s (%v) and the owner %s", open.State, err, c.Owner)
	}
}
