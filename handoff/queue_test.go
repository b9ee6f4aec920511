package handoff

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

// Two agents take the same conversation at once: one wins, ever, and the other learns who.
func TestTwoAcceptAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, bruno := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Bruno", Teams: []string{"general"}})
	for range 5 {
		h := b.handOff(t, b.talk(t, "gb", "en", "hello?"), "")
		errs := map[string]error{}
		type end struct {
			name string
			err  error
		}
		done := make(chan end)
		for _, a := range []Agent{ada, bruno} {
			go func() {
				_, err := b.desk.Accept(context.Background(), h.ID, a)
				done <- end{a.Name, err}
			}()
		}
		for range 2 {
			e := <-done
			errs[e.name] = e.err
		}
		now := b.handoff(t, h.ID)
		winner, loser := *now.AgentName, "Bruno"
		if winner == "Bruno" {
			loser = "Ada"
		}
		if errs[winner] != nil || code(errs[loser]) != "already_accepted" || !strings.Contains(errs[loser].Error(), winner) {
			t.Errorf("%s has it: %v", winner, errs)
		}
		joined := slices.DeleteFunc(b.lines(t, h.ConversationID), func(s string) bool { return !strings.Contains(s, "joined") })
		if len(joined) != 1 || !strings.HasPrefix(joined[0], winner) {
			t.Errorf("the customer reads %q", joined)
		}
	}
}

// An agent of another team can neither take nor read nor answer nor find a conversation, and is not told that it exists.
func TestOtherTeams(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pia := b.agent(t, Agent{Name: "Pia", Teams: []string{"payments"}})
	fay := b.agent(t, Agent{Name: "Fay", Teams: []string{"fraud"}})
	boss := b.agent(t, Agent{Name: "Boss", Role: "supervisor"})
	id := b.talk(t, "gb", "en", "my zanzibar card is declined")
	h := b.handOff(t, id, "pay")
	ctx := t.Context()
	_, err := b.desk.Accept(ctx, h.ID, fay)
	wantCode(t, err, "not_permitted")
	wantCode(t, b.desk.Decline(ctx, h.ID, fay), "not_permitted")
	wantCode(t, b.desk.MayRead(ctx, id, fay), "conversation_not_found")
	_, err = b.desk.Note(ctx, id, fay, "n", "x")
	wantCode(t, err, "conversation_not_found")
	_, err = b.desk.Reply(ctx, id, fay, "r", "x")
	wantCode(t, err, "not_yours")
	_, err = b.desk.Pull(ctx, id, fay)
	wantCode(t, err, "conversation_not_found")
	for name, want := range map[string]int{"Fay": 0, "Pia": 1, "Boss": 1} {
		a := map[string]Agent{"Fay": fay, "Pia": pia, "Boss": boss}[name]
		hits, _, err := b.desk.Search(ctx, a, Find{Query: "zanzibar"})
		if err != nil || len(places(hits)) != want {
			t.Errorf("%s finds %d conversations, %v", name, len(places(hits)), err)
		}
		hs, err := b.desk.List(ctx, a, "queued")
		if err != nil || len(hs) != want {
			t.Errorf("%s sees %d in the queue, %v", name, len(hs), err)
		}
	}
	if _, err := b.desk.Accept(ctx, h.ID, boss); err != nil {
		t.Error("a supervisor sees every team:", err)
	}
}

// Only the owner speaks to the customer and ends the conversation; a note needs no ownership; the same client id counts once.
func TestReplyNeedsOwnership(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, bruno := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}}), b.agent(t, Agent{Name: "Bruno", Teams: []string{"general"}})
	id := b.talk(t, "gb", "en", "hello?")
	ctx := t.Context()
	_, err := b.desk.Reply(ctx, id, ada, "0", "Hi")
	wantCode(t, err, "not_with_an_agent")
	h := b.handOff(t, id, "")
	_, err = b.desk.Reply(ctx, id, ada, "0", "Hi")
	wantCode(t, err, "not_yours")
	if _, err := b.desk.Accept(ctx, h.ID, ada); err != nil {
		t.Fatal(err)
	}
	one, err := b.desk.Reply(ctx, id, ada, "1", "Hi, I am Ada.")
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.desk.Reply(ctx, id, ada, "1", "Hi, I am Ada.")
	if err != nil || two.ID != one.ID || two.Seq != one.Seq {
		t.Errorf("said twice: %v and %v, %v", one, two, err)
	}
	first := b.handoff(t, h.ID).FirstReplyAt
	if _, err := b.desk.Reply(ctx, id, ada, "2", "How can I help?"); err != nil || first == nil || !b.handoff(t, h.ID).FirstReplyAt.Equal(*first) {
		t.Errorf("the first reply was at %v, %v", first, err)
	}
	for _, do := range []func() error{
		func() error { _, err := b.desk.Reply(ctx, id, bruno, "3", "x"); return err },
		func() error { _, err := b.desk.Resolve(ctx, id, bruno, 0); return err },
		func() error { _, err := b.desk.Return(ctx, id, bruno, "", 0); return err },
		func() error { _, err := b.desk.Transfer(ctx, id, bruno, "fraud", ""); return err },
		func() error { _, err := b.desk.Escalate(ctx, id, bruno, ""); return err },
	} {
		wantCode(t, do(), "not_yours")
	}
	if _, err := b.desk.Note(ctx, id, bruno, "4", "I know this one."); err != nil {
		t.Error(err)
	}
	public, err := b.rec.Messages(ctx, id, 0, 100, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range public {
		if m.Text == "I know this one." {
			t.Error("the customer can read a note")
		}
	}
}

// After a human: the assistant answers again, with the instruction, and what led to the old handoff counts no more.
func TestAfterTheHuman(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}})
	ctx := t.Context()
	for _, how := range []State{Resolved, Returned} {
		id := b.talk(t, "gb", "en", "where is my money")
		h := b.handOff(t, id, "")
		if _, err := b.desk.Accept(ctx, h.ID, ada); err != nil {
			t.Fatal(err)
		}
		if r := b.say(t, id, "during", "still there?"); r.Claim != nil || r.Owner != chat.OwnedByAgent {
			t.Fatal("the assistant answers beside the agent")
		}
		if _, err := b.desk.Reply(ctx, id, ada, "reply", "Here I am."); err != nil {
			t.Fatal(err)
		}
		var err error
		if how == Resolved {
			_, err = b.desk.Resolve(ctx, id, ada, 0)
		} else {
			_, err = b.desk.Return(ctx, id, ada, "The fee is waived.", 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		if how == Resolved {
			_, err = b.desk.Resolve(ctx, id, ada, 0)
		} else {
			_, err = b.desk.Return(ctx, id, ada, "The fee is waived.", 0)
		}
		if err != nil {
			t.Error("said twice:", err)
		}
		now := b.handoff(t, h.ID)
		if now.State != how || now.EndedAt == nil {
			t.Errorf("now %+v", now)
		}
		c, err := b.rec.Find(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		wantStatus := map[State]string{Resolved: "closed", Returned: "open"}[how]
		if c.Owner != chat.OwnedByAssistant || c.Status != wantStatus || c.FenceSeq < c.CustomerSeq {
			t.Errorf("%s: owner %s, %s, fence %d, customer %d", how, c.Owner, c.Status, c.FenceSeq, c.CustomerSeq)
		}
		r := b.say(t, id, "after", "and when do I get it?")
		if r.Claim == nil {
			t.Fatal("nobody answers")
		}
		if len(r.Claim.Past) != 0 {
			t.Errorf("turns behind the fence count: %+v", r.Claim.Past)
		}
		if how == Returned && r.Claim.Conversation.Instruction != "The fee is waived." {
			t.Errorf("instruction %q", r.Claim.Conversation.Instruction)
		}
		next := b.handOff(t, id, "")
		_, raw, err := b.desk.Package(ctx, id)
		var pkg Package
		if err != nil || json.Unmarshal(raw, &pkg) != nil {
			t.Fatal(err)
		}
		if next.ID == h.ID || pkg.Earlier != 1 || strings.Contains(pkg.Summary.text("en"), "where is my money") || !strings.Contains(pkg.Summary.Wants, "when do I get it") {
			t.Errorf("the new handoff is about the old matter: %+v", pkg.Summary)
		}
	}
}

// A transfer keeps the customer's place by age, an escalation raises the priority; both lose the agent.
func TestTransferKeepsThePlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"payments"}})
	ctx := t.Context()
	older := b.handOff(t, b.talk(t, "gb", "en", "one"), "pay")
	b.exec(t, `UPDATE handoffs SET queued_at = now() - interval '5 minutes'`)
	b.handOff(t, b.talk(t, "gb", "en", "two"), "")
	b.exec(t, `UPDATE handoffs SET priority = 3`)
	if _, err := b.desk.Accept(ctx, older.ID, ada); err != nil {
		t.Fatal(err)
	}
	before := b.handoff(t, older.ID)
	_, err := b.desk.Transfer(ctx, older.ConversationID, ada, "nowhere", "")
	wantCode(t, err, "unknown_team")
	h, err := b.desk.Transfer(ctx, older.ConversationID, ada, "general", "Card was stolen.")
	if err != nil || h.Team != "general" || h.State != Queued || h.AgentID != nil || !h.QueuedAt.Equal(before.QueuedAt) {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, p, err := b.desk.Current(ctx, older.ConversationID); err != nil || p.Position != 1 {
		t.Errorf("position %d, %v", p.Position, err)
	}
	if err := b.desk.MayRead(ctx, older.ConversationID, ada); code(err) != "conversation_not_found" {
		t.Errorf("the former agent: %v", err)
	}
	gus := b.agent(t, Agent{Name: "Gus", Teams: []string{"general"}})
	if _, err := b.desk.Accept(ctx, older.ID, gus); err != nil {
		t.Fatal(err)
	}
	if h, err = b.desk.Escalate(ctx, older.ConversationID, gus, ""); err != nil || h.Priority != 2 || h.Team != "general" || h.State != Queued {
		t.Errorf("escalated: %+v, %v", h, err)
	}
}

// A button pressed twice, or while somebody is there, makes no second handoff.
func TestAskTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.talk(t, "gb", "en", "hello?")
	done := make(chan uuid.UUID)
	for range 4 {
		go func() {
			h, _, err := b.desk.Ask(context.Background(), id, "please call me Kim", nil)
			if err != nil {
				t.Error(err)
			}
			done <- h.ID
		}()
	}
	first := <-done
	for range 3 {
		if id := <-done; id != first {
			t.Error("two handoffs")
		}
	}
	h, raw, err := b.desk.Package(t.Context(), id)
	if err != nil || !strings.Contains(string(raw), "please call me Kim") || h.Priority != 3 || h.DueAt.Sub(h.QueuedAt) != requestSLA {
		t.Errorf("%+v, %s, %v", h, raw, err)
	}
	if n := len(b.lines(t, id)); n != 1 {
		t.Errorf("the customer was told %d times", n)
	}
}

// Where nobody works now, the line says when; the deadline counts from then.
func TestClosed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	opens := time.Now().UTC().Add(48 * time.Hour)
	day := int(opens.Weekday())
	if day == 0 {
		day = 7
	}
	hours := Hours{Markets: map[string]Schedule{"": {TimeZone: "UTC", Windows: []Window{{Days: []int{day}, From: "09:00", To: "10:00"}}}}}
	if err := b.desk.SaveTeams(t.Context(), []TeamSeed{{Key: "night", Name: "Night", Hours: hours}}); err != nil {
		t.Fatal(err)
	}
	want := time.Date(opens.Year(), opens.Month(), opens.Day(), 9, 0, 0, 0, time.UTC)
	h := b.handOff(t, b.talk(t, "gb", "sv", "hej"), "late")
	if !h.DueAt.Equal(want.Add(time.Hour)) {
		t.Errorf("due %v, want an hour after %v", h.DueAt, want)
	}
	lines := b.lines(t, h.ConversationID)
	if len(lines) != 1 || !strings.Contains(lines[0], "öppnar "+want.Format("2006-01-02")+" kl. 09:00 (UTC)") {
		t.Errorf("the customer reads %q", lines)
	}
	_, p, err := b.desk.Current(t.Context(), h.ConversationID)
	if err != nil || p.Open || p.OpensAt == nil || !p.OpensAt.Equal(want) || p.Wait != nil || p.Position != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}
