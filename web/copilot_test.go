package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/assistant/copilot"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/llm/llmtest"
)

// withModel gives the copilot, and nobody else, a scripted model.
func withModel(t *testing.T) (*llmtest.Server, func(*Deps)) {
	t.Helper()
	srv := llmtest.New(t)
	return srv, func(d *Deps) {
		model := llm.New(llm.Config{BaseURL: srv.URL(), ChatModel: "big", MaxRetries: -1}, llm.Options{Sleep: func(context.Context, time.Duration) error { return nil }})
		t.Cleanup(model.Close)
		log := slog.New(slog.DiscardHandler)
		a := assistant.New(d.Record, d.Searcher, nil, model, log, noObserver{}, assistant.Config{Company: "Larkpay"})
		content, err := demoContent()
		if err != nil {
			t.Fatal(err)
		}
		a.SetTriage(&assistant.Triage{Classifier: content.classifier})
		d.Copilot = copilot.New(d.Pool, d.Record, a, log)
	}
}

// handed starts a conversation that says something, asks for a person, and is taken by a new agent.
func (b *bundle) handed(market, locale, text string) (id string, customer, agent []string) {
	b.t.Helper()
	id, token := b.conversation(market, locale)
	customer = []string{"Authorization", "Bearer " + token}
	if a := b.do("POST", "/v1/conversations/"+id+"/messages", fmt.Sprintf(`{"client_id":"1","text":%q}`, text), "Authorization", "Bearer "+token, "Accept", "text/event-stream"); a.status != http.StatusOK {
		b.t.Fatalf("%d %s", a.status, a.body)
	}
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, customer...); a.status != http.StatusAccepted && a.status != http.StatusOK {
		b.t.Fatalf("%d %s", a.status, a.body)
	}
	agent = []string{"Authorization", "Bearer " + b.person("sam@larkpay.example", "supervisor", "token")}
	if a := b.do("PUT", "/v1/agent/presence", `{"state":"online"}`, agent...); a.status != http.StatusOK {
		b.t.Fatalf("%d %s", a.status, a.body)
	}
	h := b.do("GET", "/v1/agent/conversations/"+id, "", agent...).json(b.t)["handoff"].(map[string]any)
	if a := b.do("POST", "/v1/agent/handoffs/"+h["id"].(string)+"/accept", "", agent...); a.status != http.StatusOK {
		b.t.Fatalf("%d %s", a.status, a.body)
	}
	return id, customer, agent
}

// into decodes an answer that must have the status.
func into[T any](t *testing.T, a answer, status int) (v T) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d\n%s", a.status, status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

type draftAnswer struct{ Draft copilot.Draft }

// TestDraftWithoutModel: the draft is a section of an article with its source, nobody but the agent sees it, and what
// becomes of it is measured by what was sent.
func TestDraftWithoutModel(t *testing.T) {
	b := setup(t)
	b.index()
	id, customer, agent := b.handed("gb", "en", "What is the late fee?")
	at := "/v1/agent/conversations/" + id
	d := into[draftAnswer](t, b.do("POST", at+"/draft", `{}`, agent...), 200).Draft
	if len(d.Citations) == 0 || d.Citations[0].Article != "late-fees" || d.Model != "" || d.Text == "" {
		t.Errorf("draft %+v", d)
	}
	if strings.Contains(d.Reply, "[1]") || !strings.Contains(d.Text, "[1]") {
		t.Errorf("text %q\nreply %q", d.Text, d.Reply)
	}
	record := b.do("GET", "/v1/conversations/"+id+"/messages", "", customer...).body
	before := strings.Count(record, `"author":"agent"`)
	if before != 0 {
		t.Error("a draft reached the customer")
	}

	send := func(client, text string) string {
		t.Helper()
		m := into[struct{ Message struct{ ID string } }](t, b.do("POST", at+"/messages", mustString(map[string]string{"client_id": client, "text": text}), agent...), 201)
		return m.Message.ID
	}
	put := func(draft uuid.UUID, body string, status int) {
		t.Helper()
		if a := b.do("PUT", "/v1/agent/drafts/"+draft.String(), body, agent...); a.status != status {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	outcome := func(draft uuid.UUID) (o string, kept *float64) {
		t.Helper()
		if err := b.pool.QueryRow(t.Context(), `SELECT outcome, kept FROM drafts WHERE id = $1`, draft).Scan(&o, &kept); err != nil {
			t.Fatal(err)
		}
		return o, kept
	}
	put(d.ID, `{"outcome":"inserted"}`, 204)
	if o, kept := outcome(d.ID); o != "inserted" || kept != nil {
		t.Errorf("put into the composer: %s %v", o, kept)
	}
	put(d.ID, `{"outcome":"inserted","message":"`+send("a", d.Reply)+`"}`, 204)
	if o, kept := outcome(d.ID); o != "inserted" || kept == nil || *kept != 1 {
		t.Errorf("sent as it was: %s %v", o, kept)
	}
	put(d.ID, `{"outcome":"discarded"}`, 204)
	if o, _ := outcome(d.ID); o != "inserted" {
		t.Errorf("what was decided is decided: %s", o)
	}
	for _, tt := range []struct {
		name, text, want string
		least, most      float64
	}{
		{"changed", "%s Write to me if anything is unclear.", "edited", 1, 1},
		{"written anew", "Nothing of that", "discarded", 0, 0.1},
	} {
		d := into[draftAnswer](t, b.do("POST", at+"/draft", `{}`, agent...), 200).Draft
		text := tt.text
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, d.Reply)
		}
		put(d.ID, `{"outcome":"inserted","message":"`+send(tt.name, text)+`"}`, 204)
		if o, kept := outcome(d.ID); o != tt.want || kept == nil || *kept < tt.least || *kept > tt.most {
			t.Errorf("%s: %s, kept %v", tt.name, o, kept)
		}
	}

	d = into[draftAnswer](t, b.do("POST", at+"/draft", `{}`, agent...), 200).Draft
	put(d.ID, `{"outcome":"discarded"}`, 204)
	put(d.ID, `{"outcome":"edited"}`, 422)
	put(d.ID, `{"outcome":"inserted","message":"`+uuid.NewString()+`"}`, 422)
	put(uuid.New(), `{"outcome":"discarded"}`, 404)
	note := into[struct{ Message struct{ ID string } }](t, b.do("POST", at+"/messages", `{"client_id":"n","text":"for us","visibility":"internal"}`, agent...), 201)
	put(d.ID, `{"outcome":"inserted","message":"`+note.Message.ID+`"}`, 422)
	other := b.person("rob@larkpay.example", "supervisor", "token")
	if a := b.do("PUT", "/v1/agent/drafts/"+d.ID.String(), `{"outcome":"inserted"}`, "Authorization", "Bearer "+other); a.status != 404 {
		t.Errorf("somebody else's draft: %d", a.status)
	}
	use := into[struct{ Rows []copilot.Use }](t, b.do("GET", "/v1/agent/copilot/use", "", agent...), 200).Rows
	if len(use) != 2 || use[0].Agent != nil || use[1].Name != "sam" {
		t.Fatalf("use %+v", use)
	}
	if u := use[0]; u.Drafts != 4 || u.Inserted != 1 || u.Edited != 1 || u.Discarded != 2 || u.Ignored != 0 || u.Kept == nil || u.TookMS == nil {
		t.Errorf("use %+v", u)
	}
}

func mustString(v any) string { return string(mustJSON(v)) }
