package web

import (
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb/demo"
)

type macroAnswer struct{ Macro handoff.Macro }

// TestMacros: who may have, see and change which, and what is refused by name.
func TestMacros(t *testing.T) {
	b := setup(t)
	lead := []string{"Authorization", "Bearer " + b.person("lena@larkpay.example", "supervisor", "token")}
	payments := []string{"Authorization", "Bearer " + b.person("pat@larkpay.example", "agent", "token", "payments")}
	fraud := []string{"Authorization", "Bearer " + b.person("fay@larkpay.example", "agent", "token", "fraud")}
	editor := []string{"Authorization", "Bearer " + b.person("edda@larkpay.example", "editor", "token")}
	create := func(headers []string, body string) handoff.Macro {
		t.Helper()
		return into[macroAnswer](t, b.do("POST", "/v1/agent/macros", body, headers...), 201).Macro
	}
	const everyones = `{"name":"Greeting","shortcut":"Hello","body":{"en":"Hello {{customer.first_name|there}}"}}`
	shared := create(lead, everyones)
	if again := create(lead, everyones); again.ID != shared.ID {
		t.Error("sent twice, made twice")
	}
	if shared.Shortcut != "hello" {
		t.Errorf("shortcut %q", shared.Shortcut)
	}
	teams := create(lead, `{"name":"Late fee","shortcut":"fee","body":{"en":"The fee is waived."},"team":"payments","actions":[{"do":"resolve"}]}`)
	own := create(payments, `{"name":"Mine","shortcut":"hello","body":{"en":"Ahoy"},"own":true}`)
	one := func(m handoff.Macro) string { return "/v1/agent/macros/" + m.ID.String() }
	body := func(m handoff.Macro, text string, own bool) string {
		return mustString(map[string]any{"name": m.Name, "shortcut": m.Shortcut, "body": map[string]string{"en": text}, "own": own, "updated_at": m.UpdatedAt})
	}
	b.run([]scenario{
		{name: "the team's agents see theirs, everyone's and their own", path: "/v1/agent/macros", headers: payments, status: 200, want: []string{"Greeting", "Late fee", "Mine", `"customer.name"`}},
		{name: "other teams do not", path: "/v1/agent/macros", headers: fraud, status: 200, want: []string{"Greeting"}, never: []string{"Late fee", "Mine"}},
		{name: "supervisors see every team's and nobody's own", path: "/v1/agent/macros", headers: lead, status: 200, want: []string{"Late fee"}, never: []string{"Mine"}},
		{name: "editors see none", path: "/v1/agent/macros", headers: editor, status: 403},
		{name: "another team's", path: one(teams), headers: fraud, status: 404},
		{name: "somebody's own", path: one(own), headers: lead, status: 404},
		{name: "somebody's own, deleted by another", method: "DELETE", path: one(own), headers: lead, status: 204},
		{name: "is there still", path: one(own), headers: payments, status: 200},
		{name: "agents make no shared ones", method: "POST", path: "/v1/agent/macros", headers: payments, body: `{"name":"x","shortcut":"x","body":{"en":"x"}}`, status: 403},
		{name: "nor change them", method: "PUT", path: one(shared), headers: payments, body: body(shared, "x", false), status: 403},
		{name: "nor make them their own", method: "PUT", path: one(shared), headers: payments, body: body(shared, "x", true), status: 403},
		{name: "nor delete them", method: "DELETE", path: one(shared), headers: payments, status: 403},
		{name: "a team's and own", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{"en":"x"},"own":true,"team":"fraud"}`, status: 422, want: []string{`"field":"team"`}},
		{name: "an unknown team", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{"en":"x"},"team":"nobody"}`, status: 422, want: []string{`"field":"team"`}},
		{name: "a shortcut that is taken", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"hello","body":{"en":"x"}}`, status: 422, want: []string{`"shortcut_taken"`}},
		{name: "a shortcut with a space", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"a b","body":{"en":"x"}}`, status: 422, want: []string{`"field":"shortcut"`}},
		{name: "no text", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{}}`, status: 422, want: []string{`"field":"body"`}},
		{name: "a language that is none", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{"english":"x"}}`, status: 422, want: []string{`"field":"body"`}},
		{name: "an unknown variable", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{"en":"{{customer.iban}}"}}`, status: 422, want: []string{`"unknown_variable"`, `"field":"body.en"`}},
		{name: "a variable that does not end", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{"en":"Dear {{customer.name"}}`, status: 422, want: []string{`"bad_variable"`}},
		{name: "an unknown action", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{"en":"x"},"actions":[{"do":"refund"}]}`, status: 422, want: []string{`"field":"actions"`}},
		{name: "an action that lacks something", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{"en":"x"},"actions":[{"do":"transfer"}]}`, status: 422, want: []string{`"bad_action"`}},
		{name: "an action that has too much", method: "POST", path: "/v1/agent/macros", headers: lead, body: `{"name":"x","shortcut":"x","body":{"en":"x"},"actions":[{"do":"resolve","hours":2}]}`, status: 422, want: []string{`"bad_action"`}},
	})

	// Of two who change the same macro, one wins, and the other is told.
	var wg sync.WaitGroup
	got := make([]int, 2)
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			got[i] = b.do("PUT", one(shared), body(shared, []string{"first", "second"}[i], false), lead...).status
		}()
	}
	wg.Wait()
	if got[0]+got[1] != 200+409 {
		t.Errorf("two changes at once: %v", got)
	}
	if a := b.do("DELETE", one(shared), "", lead...); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.do("DELETE", one(shared), "", lead...); a.status != 204 {
		t.Errorf("again: %d %s", a.status, a.body)
	}
	var entries int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE action LIKE 'macro.%' AND subject = $1`, shared.ID.String()).Scan(&entries); err != nil {
		t.Fatal(err)
	}
	if entries != 3 { // made, changed once, deleted once
		t.Errorf("%d entries in the audit log", entries)
	}
}

// TestRenderMacro: variables are filled in once, in the customer's language, and what is not known is named.
func TestRenderMacro(t *testing.T) {
	b := setup(t)
	id, _, agent := b.handed("de", "de", "Was kostet eine Mahnung?")
	render := func(body string) (r handoff.Rendered) {
		t.Helper()
		m := into[macroAnswer](t, b.do("POST", "/v1/agent/macros", body, agent...), 201).Macro
		r = into[handoff.Rendered](t, b.do("POST", "/v1/agent/macros/"+m.ID.String()+"/render", `{"conversation":"`+id+`"}`, agent...), 200)
		if after := into[macroAnswer](t, b.do("GET", "/v1/agent/macros/"+m.ID.String(), "", agent...), 200).Macro; after.Uses != 1 {
			t.Errorf("uses %d", after.Uses)
		}
		return r
	}
	r := render(`{"name":"a","shortcut":"a","body":{"en":"Dear {{customer.name}}","de":"Hallo {{ customer.first_name | Sie da }}, hier ist {{agent.first_name}} von {{company}}. {{customer.email}} {{customer.email}}"}}`)
	if r.Locale != "de" || r.Text != "Hallo  Sie da , hier ist sam von Larkpay. {{customer.email}} {{customer.email}}" || len(r.Missing) != 1 || r.Missing[0] != "customer.email" {
		t.Errorf("unknown: %+v", r)
	}
	// The customer's name is data, also when it looks like a variable.
	if _, err := b.pool.Exec(t.Context(), `UPDATE conversations SET customer = '{"name": "Eve {{agent.name}} $1", "email": "eve@example.org", "verified": false}' WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	r = render(`{"name":"b","shortcut":"b","body":{"en":"Dear {{customer.name}}, re {{reference}} {{team}} {{market}}"},"actions":[{"do":"snooze","hours":24}]}`)
	if want := "Dear Eve {{agent.name}} $1, re "; r.Locale != "en" || len(r.Text) < len(want) || r.Text[:len(want)] != want || len(r.Missing) != 0 {
		t.Errorf("known: %+v", r)
	}
	if len(r.Actions) != 1 || r.Actions[0].Hours != 24 {
		t.Errorf("actions %+v", r.Actions)
	}
	r = render(`{"name":"c","shortcut":"c","body":{"sv":"Hej {{customer.first_name}}"}}`)
	if r.Locale != "sv" || r.Text != "Hej Eve" {
		t.Errorf("only another language: %+v", r)
	}
}

// TestDemoMacros: the demo's macros are all good, in every language that it serves, and can be imported again; of a file
// with a mistake nothing is.
func TestDemoMacros(t *testing.T) {
	b := setup(t)
	data, err := fs.ReadFile(demo.FS, "macros.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Macros []handoff.MacroSeed `yaml:"macros"`
	}
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.desk.SaveMacros(t.Context(), f.Macros); err != nil {
			t.Fatal(err)
		}
	}
	lead := []string{"Authorization", "Bearer " + b.person("lena@larkpay.example", "supervisor", "token")}
	type list struct{ Macros []handoff.Macro }
	got := into[list](t, b.do("GET", "/v1/agent/macros", "", lead...), 200).Macros
	if len(got) != len(f.Macros) || len(got) < 5 {
		t.Errorf("%d macros of %d", len(got), len(f.Macros))
	}
	for _, m := range got {
		for _, locale := range demoSite.Locales {
			if m.Body[locale] == "" {
				t.Errorf("%s has no text in %s", m.Shortcut, locale)
			}
		}
	}
	err = b.desk.SaveMacros(t.Context(), []handoff.MacroSeed{{Name: "New", Shortcut: "new", Body: map[string]string{"en": "x"}}, {Name: "Bad", Shortcut: "bad", Body: map[string]string{"en": "{{x}}"}}})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "macros.bad.body.en") {
		t.Errorf("a mistake: %v", err)
	}
	if after := into[list](t, b.do("GET", "/v1/agent/macros", "", lead...), 200).Macros; len(after) != len(got) {
		t.Errorf("%d macros after a file with a mistake", len(after))
	}
}
