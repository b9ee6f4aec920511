package web

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// The desk is told of what a customer writes to people, also when it failed to listen and the message comes again, and not
// of what a turn answers.
func TestDeskIsToldThatTheCustomerWrote(t *testing.T) {
	b := setup(t)
	var heard []string
	var fails error
	b.desk.OnCustomerWrote(func(_ context.Context, conversation uuid.UUID, seq int64) error {
		if seq < 1 {
			t.Errorf("message %d", seq)
		}
		heard = append(heard, conversation.String())
		return fails
	})
	id, token := b.conversation("gb", "en")
	key := []string{"Authorization", "Bearer " + token}
	post := func(path, body string, want int) {
		t.Helper()
		if a := b.do("POST", "/v1/conversations/"+id+path, body, key...); a.status != want {
			t.Fatalf("%d %s, want %d", a.status, a.body, want)
		}
	}
	post("/messages", `{"client_id":"1","text":"for the assistant"}`, http.StatusAccepted)
	post("/handoff", `{}`, http.StatusAccepted)
	fails = errors.New("no database")
	post("/messages", `{"client_id":"2","text":"for people"}`, http.StatusInternalServerError)
	fails = nil
	post("/messages", `{"client_id":"2","text":"for people"}`, http.StatusAccepted)
	if diff := cmp.Diff([]string{id, id}, heard); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
