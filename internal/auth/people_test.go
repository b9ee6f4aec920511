package auth

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

func TestPeople(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.exec(`INSERT INTO teams (key, name, hours) VALUES ('fraud', 'Fraud', '{}')`)
	root := b.add("root@larkpay.example", "admin")
	p, err := b.Create(ctx, root.Actor(), Agent{Email: " Ada@Larkpay.example", Role: "agent", Teams: []string{"fraud", "general", "fraud", " "}, Languages: []string{"en"}, Capacity: 3})
	if err != nil {
		t.Fatal(err)
	}
	if p.Email != "ada@larkpay.example" || p.Name != "ada" || p.Capacity != 3 || !cmp.Equal(p.Teams, []string{"fraud", "general"}) || !cmp.Equal(p.Markets, []string{}) || p.HasPassword || p.DisabledAt != nil {
		t.Errorf("%+v", p)
	}
	_, err = b.Create(ctx, root.Actor(), Agent{Email: "ADA@larkpay.example", Role: "agent"})
	wantCode(t, err, "email_taken")
	for _, tt := range []struct {
		a     Agent
		field string
	}{
		{Agent{Email: "ada", Role: "agent"}, "email"}, {Agent{Email: "ada@DESK.invalid", Role: "agent"}, "email"}, {Agent{Email: "Ada <a@x.example>", Role: "agent"}, "email"}, {Agent{Email: strings.Repeat("a", 250) + "@x.example", Role: "agent"}, "email"},
		{Agent{Email: "x@x.example", Role: "root"}, "role"}, {Agent{Email: "x@x.example"}, "role"},
		{Agent{Email: "x@x.example", Role: "agent", Name: strings.Repeat("n", 81)}, "name"}, {Agent{Email: "x@x.example", Role: "agent", Name: "a\x00b"}, "name"},
		{Agent{Email: "x@x.example", Role: "agent", Capacity: -1}, "capacity"}, {Agent{Email: "x@x.example", Role: "agent", Capacity: 101}, "capacity"},
		{Agent{Email: "x@x.example", Role: "agent", Teams: []string{"nowhere"}}, "teams"}, {Agent{Email: "x@x.example", Role: "agent", Languages: []string{strings.Repeat("x", 41)}}, "languages"},
		{Agent{Email: "x@x.example", Role: "agent", Markets: []string{"g\x00"}}, "markets"},
	} {
		_, err := b.Create(ctx, root.Actor(), tt.a)
		f, ok := err.(*fault.Error)
		if !ok || f.Kind != fault.Invalid || f.Field != tt.field {
			t.Errorf("%+v: %v, want the field %s", tt.a, err, tt.field)
		}
	}
	role, teams, name := "supervisor", []string{"general"}, "Ada Lovelace"
	p, err = b.Update(ctx, root.Actor(), p.ID, Change{Role: &role, Teams: &teams, Name: &name})
	if err != nil || p.Role != "supervisor" || !cmp.Equal(p.Teams, teams) || p.Name != name || p.Capacity != 3 || p.Email != "ada@larkpay.example" {
		t.Errorf("%+v, %v", p, err)
	}
	none := Change{}
	if _, err = b.Update(ctx, root.Actor(), p.ID, none); err != nil {
		t.Error(err)
	}
	bad := []string{"nowhere"}
	other := "nobody else"
	_, err = b.Update(ctx, root.Actor(), p.ID, Change{Teams: &bad, Name: &other})
	wantCode(t, err, "unknown_team")
	taken := "root@larkpay.example"
	_, err = b.Update(ctx, root.Actor(), p.ID, Change{Email: &taken})
	wantCode(t, err, "email_taken")
	_, err = b.Update(ctx, root.Actor(), uuid.New(), none)
	wantCode(t, err, "agent_not_found")
	if p, err = b.Person(ctx, p.ID); err != nil || p.Name != name {
		t.Errorf("half a change was stored: %+v, %v", p, err)
	}
	all, err := b.People(ctx)
	if err != nil || len(all) != 2 || all[0].Name != "Ada Lovelace" {
		t.Errorf("%v, %v", all, err)
	}
	entries, next, err := b.Audit(ctx, AuditFilter{Actor: string(root.Actor()), Action: "person_changed"})
	if err != nil || len(entries) != 1 || next != 0 || entries[0].Name != "root" || entries[0].About != "Ada Lovelace" {
		t.Fatalf("%+v, %d, %v", entries, next, err)
	}
	for _, want := range []string{`"role": {"to": "supervisor", "from": "agent"}`, `"teams"`, `"name"`} {
		if !strings.Contains(string(entries[0].Detail), want) {
			t.Errorf("the log lacks %s: %s", want, entries[0].Detail)
		}
	}
}

// TestDisable: whoever is disabled gets in by no way, and everything that was open has ended; nothing else is lost.
func TestDisable(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	a := b.withPassword("ada@larkpay.example", "agent", good)
	b.exec(`INSERT INTO identities (issuer, subject, agent_id) VALUES ('https://id.example', 'ada', $1)`, a.ID)
	b.exec(`UPDATE agents SET presence = 'online', connected_until = now() + interval '1 minute'`)
	secrets := []string{b.issued(a, "session"), b.issued(a, "token")}
	link := b.issued(a, "link")
	yes, no := true, false
	p, err := b.Update(ctx, Command, a.ID, Change{Disabled: &yes})
	if err != nil || p.DisabledAt == nil || p.Presence != "offline" || p.Sessions != 0 || !p.HasPassword || !cmp.Equal(p.Teams, a.Teams) {
		t.Errorf("%+v, %v", p, err)
	}
	if value[bool](b, `SELECT connected_until > now() FROM agents`) {
		t.Error("they still count as connected")
	}
	for _, s := range secrets {
		wantCode(t, errOf(b.Who(ctx, s)), "not_signed_in")
	}
	_, _, err = b.Redeem(ctx, link, Device{})
	wantCode(t, err, "link_used")
	_, _, err = b.PasswordSignIn(ctx, a.Email, good, Device{})
	wantCode(t, err, "wrong_credentials")
	_, err = b.Issue(ctx, a.ID, "link")
	wantCode(t, err, "disabled")
	_, _, err = b.MakeLink(ctx, Command, a.ID)
	wantCode(t, err, "disabled")
	if _, err = b.Update(ctx, Command, a.ID, Change{Disabled: &yes}); err != nil {
		t.Errorf("once more: %v", err)
	}
	if p, err = b.Update(ctx, Command, a.ID, Change{Disabled: &no}); err != nil || p.DisabledAt != nil {
		t.Errorf("%+v, %v", p, err)
	}
	if _, _, err = b.PasswordSignIn(ctx, a.Email, good, Device{}); err != nil {
		t.Errorf("enabled again: %v", err)
	}
	wantCode(t, errOf(b.Who(ctx, secrets[0])), "not_signed_in")
	if got := b.actions(a); got != "person_added password_set person_disabled person_enabled signed_in" {
		t.Errorf("audit: %s", got)
	}
	if _, err := b.Remove(ctx, Command, a.Email); err != nil {
		t.Fatal(err)
	}
	if p, err = b.Person(ctx, a.ID); err != nil || p.DisabledAt == nil || p.HasPassword || p.SingleSignOn || len(p.Teams) != 0 || p.Capacity != 0 {
		t.Errorf("removed: %+v, %v", p, err)
	}
	// The command line lets them in again, as a new person would be.
	if back, err := b.Save(ctx, Agent{Email: a.Email, Role: "editor", Capacity: 1}); err != nil || back.ID != a.ID || back.Role != "editor" {
		t.Errorf("%+v, %v", back, err)
	}
	if p, err = b.Person(ctx, a.ID); err != nil || p.DisabledAt != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestDisableDuringSignIn: disabling and signing in at once never leave a session.
func TestDisableDuringSignIn(t *testing.T) {
	b := setup(t)
	a := b.withPassword("ada@larkpay.example", "agent", good)
	yes, no := true, false
	for range 15 {
		link := b.issued(a, "link")
		var all sync.WaitGroup
		all.Go(func() { _, _, _ = b.PasswordSignIn(t.Context(), a.Email, good, Device{}) })
		all.Go(func() { _, _, _ = b.Redeem(t.Context(), link, Device{}) })
		all.Go(func() {
			if _, err := b.Update(t.Context(), Command, a.ID, Change{Disabled: &yes}); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		if n := value[int](b, `SELECT count(*) FROM credentials`); n != 0 {
			t.Fatalf("%d credentials of somebody who is disabled", n)
		}
		if _, err := b.Update(t.Context(), Command, a.ID, Change{Disabled: &no}); err != nil {
			t.Fatal(err)
		}
		b.exec(`DELETE FROM sign_in_failures`)
	}
}

// TestLastAdmin: there is always somebody who can let others in, also when two admins demote each other at once.
func TestLastAdmin(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	one := b.add("one@larkpay.example", "admin")
	agent, admin, yes := "agent", "admin", true
	_, err := b.Update(ctx, one.Actor(), one.ID, Change{Role: &agent})
	wantCode(t, err, "last_admin")
	_, err = b.Update(ctx, one.Actor(), one.ID, Change{Disabled: &yes})
	wantCode(t, err, "last_admin")
	_, err = b.Remove(ctx, one.Actor(), one.Email)
	wantCode(t, err, "last_admin")
	_, err = b.Save(ctx, Agent{Email: one.Email, Role: "agent"})
	wantCode(t, err, "last_admin")
	two := b.add("two@larkpay.example", "admin")
	for range 10 {
		var all sync.WaitGroup
		for _, a := range []Agent{one, two} {
			all.Go(func() { _, _ = b.Update(ctx, Command, a.ID, Change{Role: &agent}) })
		}
		all.Wait()
		if n := value[int](b, `SELECT count(*) FROM agents WHERE role = 'admin' AND disabled_at IS NULL`); n != 1 {
			t.Fatalf("%d admins", n)
		}
		for _, a := range []Agent{one, two} {
			if _, err := b.Update(ctx, Command, a.ID, Change{Role: &admin}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := b.Update(ctx, one.Actor(), two.ID, Change{Disabled: &yes}); err != nil {
		t.Error(err)
	}
	_, err = b.Update(ctx, one.Actor(), one.ID, Change{Role: &agent})
	wantCode(t, err, "last_admin") // one who is disabled does not count
}

// TestEditorLeavesTheDesk: with the role goes the place at the desk.
func TestEditorLeavesTheDesk(t *testing.T) {
	b := setup(t)
	a := b.add("ada@larkpay.example", "agent")
	b.exec(`UPDATE agents SET presence = 'online', connected_until = now() + interval '1 minute'`)
	editor := "editor"
	p, err := b.Update(t.Context(), Command, a.ID, Change{Role: &editor})
	if err != nil || p.Presence != "offline" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAuditPages(t *testing.T) {
	b := setup(t)
	a := b.add("ada@larkpay.example", "agent")
	b.exec(`INSERT INTO audit (actor, action, subject) SELECT 'router', 'step', n::text FROM generate_series(1, 250) AS n`)
	seen := map[int64]bool{}
	f := AuditFilter{Action: "step"}
	pages := 0
	for ; pages < 10; pages++ {
		entries, next, err := b.Audit(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if seen[e.ID] || e.Actor != "router" {
				t.Errorf("%+v", e)
			}
			seen[e.ID] = true
		}
		if f.Before = next; next == 0 {
			break
		}
	}
	if len(seen) != 250 || pages != 2 {
		t.Errorf("%d lines on %d pages", len(seen), pages+1)
	}
	if entries, _, err := b.Audit(t.Context(), AuditFilter{Subject: a.ID.String()}); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestStandInsAreNobody: the agent who stands for another desk is on no list, is no admin's to change, and is let in nowhere.
func TestStandInsAreNobody(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	root := b.add("root@larkpay.example", "admin")
	id := uuid.New()
	email := "connection-" + id.String() + "@" + StandInDomain
	b.exec(`INSERT INTO agents (id, email, name, role, capacity) VALUES ($1, $2, 'Larkpay support', 'agent', 0)`, id, email)
	all, err := b.People(ctx)
	if err != nil || len(all) != 1 || all[0].ID != root.ID {
		t.Errorf("people: %+v, %v", all, err)
	}
	_, err = b.Person(ctx, id)
	wantCode(t, err, "agent_not_found")
	role := "admin"
	_, err = b.Update(ctx, root.Actor(), id, Change{Role: &role})
	wantCode(t, err, "agent_not_found")
	_, err = b.FindByEmail(ctx, email)
	wantCode(t, err, "agent_not_found")
	_, _, err = b.MakeLink(ctx, root.Actor(), id)
	wantCode(t, err, "disabled")
	_, err = b.Issue(ctx, id, "token")
	wantCode(t, err, "disabled")
	// What somebody outside claims to be changes nothing.
	err = pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
		_, err := b.identify(ctx, tx, "https://id.example", claims{Subject: "s", Email: email, Verified: true})
		return err
	})
	wantCode(t, err, "no_account")
}
