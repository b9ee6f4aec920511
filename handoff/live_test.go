package handoff

import (
	"testing"
	"time"
)

// TestSeatOfSomebodyDisabled: an open desk is told at the next reading that its agent works here no longer.
func TestSeatOfSomebodyDisabled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, boss := b.agent(t, Agent{Name: "Ada", Teams: []string{"payments"}}), b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	l := b.desk.Live()
	seat := l.Join(ada)
	defer seat.Leave()
	limit := time.After(time.Minute)
	next := func() *Changes {
		t.Helper()
		for {
			select {
			case <-seat.C():
			case <-limit:
				t.Fatal("the desk was not read")
			}
			c, err := seat.Changes()
			if err != nil {
				t.Fatal(err)
			}
			if c != nil {
				return c
			}
		}
	}
	if c := next(); !c.Here || !c.Whole {
		t.Fatalf("at first: %+v", c)
	}
	b.exec(t, `UPDATE agents SET disabled_at = now() WHERE id = $1`, ada.ID)
	other := l.Join(boss) // it has the desk read again
	defer other.Leave()
	if c := next(); c.Here {
		t.Errorf("disabled: %+v", c)
	}
}
