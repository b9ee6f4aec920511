package handoff

import (
	"testing"
	"time"

	"github.com/firstline/firstline/internal/chat"
)

// What the customer has just written is not swallowed by an agent who has not seen it.
func TestEndUnseen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	for _, how := range []State{Resolved, Returned} {
		id := b.talk(t, "gb", "en", "hello?")
		h := b.handOff(t, id, "")
		if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
			t.Fatal(err)
		}
		c, err := b.rec.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		end := func(seen int64) error {
			if how == Resolved {
				_, err = b.desk.Resolve(t.Context(), id, ada, seen)
			} else {
				_, err = b.desk.Return(t.Context(), id, ada, "", seen)
			}
			return err
		}
		newer := b.say(t, id, "newer", "And one more thing.").Message.Seq
		wantCode(t, end(c.LastSeq), "customer_wrote")
		if now := b.handoff(t, h.ID); now.State != Accepted {
			t.Errorf("%s all the same: %s", how, now.State)
		}
		if err := end(newer); err != nil {
			t.Errorf("%s when it was seen: %v", how, err)
		}
		if err := end(c.LastSeq); err != nil {
			t.Errorf("%s said twice: %v", how, err)
		}
	}
}

// Given back with a message that nobody answered, the assistant answers it, at once and once; and what it takes up is not
// behind the fence.
func TestReturnAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	ctx := t.Context()
	for _, c := range []struct {
		name           string
		before, during []string
		reply          bool
		after          []string
		want           []string // the messages of the turn
	}{
		{"nothing was answered", []string{"hello?"}, []string{"one", "two"}, false, nil, []string{"hello?", "one", "two"}},
		{"something was", []string{"hello?"}, []string{"one"}, true, []string{"two"}, []string{"two"}},
		{"all was", []string{"hello?"}, []string{"one"}, true, nil, nil},
	} {
		id := b.talk(t, "gb", "en", c.before...)
		h := b.handOff(t, id, "")
		if _, err := b.desk.Accept(ctx, h.ID, ada); err != nil {
			t.Fatal(err)
		}
		for _, m := range c.during {
			b.say(t, id, m, m)
		}
		if c.reply {
			if _, err := b.desk.Reply(ctx, id, ada, "r", "Yes?"); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range c.after {
			b.say(t, id, m, m)
		}
		if _, err := b.desk.Return(ctx, id, ada, "Be kind.", 0); err != nil {
			t.Fatal(err)
		}
		claims, err := b.rec.TakeOver(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		conv, err := b.rec.Find(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == nil {
			if len(claims) != 0 || conv.TurnID != nil || conv.FenceSeq < conv.CustomerSeq {
				t.Errorf("%s: %d claims, %+v", c.name, len(claims), conv)
			}
			continue
		}
		if len(claims) != 1 || claims[0].Attempt != 2 || claims[0].Conversation.Instruction != "Be kind." {
			t.Fatalf("%s: claims %+v", c.name, claims)
		}
		var got []string
		for _, m := range claims[0].Messages {
			got = append(got, m.Text)
		}
		if len(got) != len(c.want) || got[0] != c.want[0] || conv.FenceSeq >= claims[0].Messages[0].Seq {
			t.Errorf("%s: the turn answers %q, fence %d", c.name, got, conv.FenceSeq)
		}
		if again, err := b.rec.TakeOver(ctx, 10); err != nil || len(again) != 0 {
			t.Errorf("%s: taken over twice: %v", c.name, err)
		}
		if _, err := b.rec.Finish(ctx, claims[0], chat.Ending{Outcome: chat.Answered, Text: "So it is."}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A message that comes before the turn has begun joins it, as everywhere.
func TestReturnAndWrite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	id := b.talk(t, "gb", "en")
	h := b.handOff(t, id, "")
	if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
		t.Fatal(err)
	}
	b.say(t, id, "1", "where is")
	if _, err := b.desk.Return(t.Context(), id, ada, "", 0); err != nil {
		t.Fatal(err)
	}
	r := b.say(t, id, "2", "my refund")
	if r.Claim == nil || r.Claim.Text() != "where is\nmy refund" {
		t.Fatalf("claimed %+v", r.Claim)
	}
	if claims, err := b.rec.TakeOver(t.Context(), 10); err != nil || len(claims) != 0 {
		t.Errorf("and %d more, %v", len(claims), err)
	}
}

// A transfer gives the new team its time and asks again whoever passed on it before; the deadline is the new team's.
func TestTransferBeginsAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gus := b.agent(t, Agent{Name: "Gus", Teams: []string{"general"}})
	pia := b.agent(t, Agent{Name: "Pia", Teams: []string{"payments"}})
	b.agent(t, Agent{Name: "Per", Teams: []string{"payments"}})
	id := b.talk(t, "gb", "en", "hello?")
	h := b.handOff(t, id, "pay")
	b.exec(t, `UPDATE agents SET presence = 'away' WHERE name = 'Per'`)
	b.route(t)
	if err := b.desk.Decline(t.Context(), h.ID, pia); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE handoffs SET queued_at = now() - interval '1 hour', team_since = now() - interval '1 hour', due_at = now() - interval '30 minutes', team = 'general'`)
	if _, err := b.desk.Accept(t.Context(), h.ID, gus); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Transfer(t.Context(), id, gus, "payments", ""); err != nil {
		t.Fatal(err)
	}
	if now := b.handoff(t, h.ID); !now.DueAt.After(time.Now()) {
		t.Errorf("due at %v, before the new team had it", now.DueAt)
	}
	b.exec(t, `UPDATE agents SET presence = 'away'`)
	b.route(t)
	b.route(t)
	if now := b.handoff(t, h.ID); now.Team != "payments" || now.State != Queued {
		t.Fatalf("payments had no time: %+v", now)
	}
	b.present(t, pia)
	b.route(t)
	if got := b.offered(t, h.ID); got != "Pia" {
		t.Errorf("now %s; Pia declined it in another life", got)
	}
}

// A conversation that was closed is open again when an agent takes it up.
func TestPullClosed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Role: "supervisor"})
	id := b.talk(t, "gb", "en", "hello?")
	h := b.handOff(t, id, "")
	if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Resolve(t.Context(), id, ada, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Pull(t.Context(), id, ada); err != nil {
		t.Fatal(err)
	}
	if c, err := b.rec.Find(t.Context(), id); err != nil || c.Owner != chat.OwnedByAgent || c.Status != "open" {
		t.Errorf("%s and %s, %v", c.Owner, c.Status, err)
	}
}
