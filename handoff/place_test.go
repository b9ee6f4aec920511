package handoff

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

// The position counts those of the team who are more urgent, or as urgent and older, offered ones too.
func TestPosition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var hs []Handoff
	for i, p := range []int{3, 3, 1, 4} {
		h := b.handOff(t, b.talk(t, "gb", "en"), "")
		b.exec(t, `UPDATE handoffs SET priority = $2, queued_at = now() - $3 * interval '1 minute' WHERE id = $1`, h.ID, p, 10-i)
		hs = append(hs, h)
	}
	b.handOff(t, b.talk(t, "gb", "en"), "theft") // another team
	check := func(want ...int) {
		t.Helper()
		for i, h := range hs {
			if _, p, err := b.desk.Current(t.Context(), h.ConversationID); err != nil || p.Position != want[i] {
				t.Errorf("handoff %d is at %d, want %d, %v", i, p.Position, want[i], err)
			}
		}
	}
	check(2, 3, 1, 4)
	ada := b.agent(t, Agent{Name: "Ada", Teams: []string{"general"}, Capacity: 1})
	b.route(t)
	check(2, 3, 1, 4)
	if _, err := b.desk.Accept(t.Context(), hs[2].ID, ada); err != nil {
		t.Fatal(err)
	}
	check(1, 2, 0, 3)
}

// The package has every field, for every reason, and survives the database.
func TestPackage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cited := chat.Citation{N: 1, Article: "refunds", Version: 3, Title: "Refunds", URL: "/help/refunds", Anchor: "when", Quote: "5 days", Locale: "de"}
	for _, reason := range []string{"customer_request", "priority_topic", "low_confidence", "no_article", "conflicting_articles", "stuck", "vulnerability",
		"complaint_or_legal", "needs_account_action", "model_unavailable", "retrieval_failed", "agent_pulled"} {
		id := b.talk(t, "de", "de")
		file, err := b.rec.Upload(t.Context(), id, chat.Customer, "beleg.txt", "text/plain", []byte("Beleg"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.rec.Receive(t.Context(), id, chat.Inbound{ClientID: "1", Text: "Meine Erstattung fehlt seit drei Wochen", Files: []uuid.UUID{file.ID}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.rec.Finish(t.Context(), r.Claim, chat.Ending{Outcome: chat.Answered, Text: "Fünf Tage. [1]", Citations: []chat.Citation{cited}}); err != nil {
			t.Fatal(err)
		}
		b.say(t, id, "2", "Und nun?")
		err = b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error {
			_, err := b.desk.HandOff(ctx, s, Request{Reason: reason, Explanation: "Because.", Topic: "pay", Priority: 2, Language: "de", Sentiment: "frustrated",
				Note: "Bitte rufen Sie an", Articles: []chat.Citation{cited}, Trace: json.RawMessage(`{"version":"x"}`)})
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", reason, err)
		}
		h, raw, err := b.desk.Package(t.Context(), id)
		var p Package
		if err == nil {
			err = json.Unmarshal(raw, &p)
		}
		if err != nil {
			t.Fatalf("%s: %v", reason, err)
		}
		v := reflect.ValueOf(p)
		mayLack := []string{"Earlier", "Corrected", "Tried"}  // what was tried of a guide is the assistant's to test
		if reason == vulnerability || reason == agentPulled { // nothing is asked of people in danger, nor by a machine where an agent is
			mayLack = append(mayLack, "Intake")
		}
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() != slices.Contains(mayLack, name) {
				t.Errorf("%s: %s is empty", reason, name)
			}
		}
		if p.Reason != reason || h.Reason != reason || p.Summary.Wants != "Meine Erstattung fehlt seit drei Wochen" ||
			p.Summary.Tried != "“Refunds”" || p.Summary.Open != "Bitte rufen Sie an" {
			t.Errorf("%s: %+v", reason, p.Summary)
		}
		if n := len(p.Transcript); n != 4 || p.Transcript[1].Text != "Meine Erstattung fehlt seit drei Wochen" || len(p.Attachments) != 1 || p.Attachments[0] != file ||
			p.Customer.Name != "Kim" || !p.Promises[0].By.Equal(*h.DueAt) || p.Articles[0].Version != 3 {
			t.Errorf("%s: %+v", reason, p)
		}
		// The customer's own version of the summary reaches the agent and the log, and the original stays.
		if err := b.desk.Correct(t.Context(), id, "Es sind zwei Erstattungen"); err != nil {
			t.Fatal(err)
		}
		h, raw, err = b.desk.Package(t.Context(), id)
		if err != nil || json.Unmarshal(raw, &p) != nil || h.Summary != "Es sind zwei Erstattungen" || p.Corrected != h.Summary || p.Summary.Tried == "" {
			t.Errorf("%s: corrected %q, %v", reason, h.Summary, err)
		}
	}
	wantCode(t, b.desk.Correct(t.Context(), b.talk(t, "gb", "en"), "x"), "no_open_handoff")
}
