package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/chat"
)

// TestStop: an answer is stopped by its conversation's token and by nobody else's, and not when somebody is in danger.
func TestStop(t *testing.T) {
	b := setup(t, func(d *Deps) {
		d.Alarm = func(text, _ string) (handoff.Alarm, bool) {
			return handoff.Alarm{Priority: 1}, strings.Contains(text, "danger")
		}
	})
	id, token := b.conversation("gb", "en")
	other, foreign := b.conversation("gb", "en")
	mine, theirs := []string{"Authorization", "Bearer " + token}, []string{"Authorization", "Bearer " + foreign}
	claim := func(text string) *chat.Claim { // as a turn whose process is slow
		t.Helper()
		r, err := b.record.Receive(t.Context(), uuid.MustParse(id), chat.Inbound{ClientID: uuid.NewString(), Text: text})
		if err != nil {
			t.Fatal(err)
		}
		return r.Claim
	}
	c := claim("How can I move my due date?")
	if err := b.record.Speak(t.Context(), c, chat.DeltaEvent{Text: "You can move it once."}); err != nil {
		t.Fatal(err)
	}
	stop := func(conversation string, turn uuid.UUID) string {
		return "/v1/conversations/" + conversation + "/turns/" + turn.String() + "/stop"
	}
	b.run([]scenario{
		{name: "without a token", method: "POST", path: stop(id, c.TurnID), status: 401},
		{name: "with another conversation's token", method: "POST", path: stop(id, c.TurnID), headers: theirs, status: 401},
		{name: "under another conversation's name", method: "POST", path: stop(other, c.TurnID), headers: theirs, status: 404, want: []string{`"turn_not_found"`}},
		{name: "what is no turn", method: "POST", path: "/v1/conversations/" + id + "/turns/1/stop", headers: mine, status: 404},
		{name: "nothing was stopped yet", path: "/v1/conversations/" + id + "/messages", headers: mine, status: 200, never: []string{"stopped"}},
		{name: "stopped", method: "POST", path: stop(id, c.TurnID), headers: mine, status: 204},
		{name: "stopped again", method: "POST", path: stop(id, c.TurnID), headers: mine, status: 204},
		{name: "what was said stays", path: "/v1/conversations/" + id + "/messages", headers: mine, status: 200, want: []string{`"You can move it once."`, `"stopped":true`}},
	})
	b.until("/v1/conversations/"+id+"/events", mine, func(name, data string) bool {
		return name == "turn" && strings.Contains(data, `"cancelled"`) && strings.Contains(data, `"stopped_by_customer"`)
	})
	c = claim("I am in danger")
	b.run([]scenario{
		{name: "help is not stopped", method: "POST", path: stop(id, c.TurnID), headers: mine, status: http.StatusConflict, want: []string{`"being_answered"`}},
	})
	if _, err := b.record.Finish(t.Context(), c, chat.Ending{Outcome: chat.Answered, Text: "Call 112."}); err != nil {
		t.Errorf("the turn in danger was lost: %v", err)
	}
}

// TestFeedbackReason: why an answer did not help is kept with the answer, and told to nobody but its reader and agents.
func TestFeedbackReason(t *testing.T) {
	b := setup(t)
	id, token := b.conversation("gb", "en")
	mine, at := []string{"Authorization", "Bearer " + token}, "/v1/conversations/"+id
	r, err := b.record.Receive(t.Context(), uuid.MustParse(id), chat.Inbound{ClientID: "1", Text: "What is the late fee?"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.record.Finish(t.Context(), r.Claim, chat.Ending{Outcome: chat.Answered, Text: "Six pounds."}); err != nil {
		t.Fatal(err)
	}
	ms, err := b.record.Messages(t.Context(), uuid.MustParse(id), r.Message.Seq, 1, false)
	if err != nil || len(ms) != 1 {
		t.Fatal(ms, err)
	}
	path := at + "/messages/" + ms[0].ID.String() + "/feedback"
	b.run([]scenario{
		{name: "a reason for what helped", method: "POST", path: path, headers: mine, body: `{"helpful":true,"reason":"wrong"}`, status: 422, want: []string{`"field":"reason"`}},
		{name: "an unknown reason", method: "POST", path: path, headers: mine, body: `{"helpful":false,"reason":"ugly"}`, status: 422, want: []string{`"field":"reason"`, "not_my_question"}},
		{name: "no verdict", method: "POST", path: path, headers: mine, body: `{"reason":"wrong"}`, status: 422, want: []string{`"field":"helpful"`}},
		{name: "outdated", method: "POST", path: path, headers: mine, body: `{"helpful":false,"reason":"outdated","comment":"I paid with 4111 1111 1111 1111"}`, status: 204},
		{name: "it stands with the answer", path: at + "/messages", headers: mine, status: 200, want: []string{`"helpful":false,"helpful_reason":"outdated"`}},
	})
	var comment string
	if err := b.pool.QueryRow(t.Context(), `SELECT helpful_comment FROM messages WHERE id = $1 AND helpful_at IS NOT NULL`, ms[0].ID).Scan(&comment); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(comment, "I paid with") || strings.Contains(comment, "4111") {
		t.Errorf("the comment is kept as %q", comment)
	}
	b.run([]scenario{
		{name: "it helped after all", method: "POST", path: path, headers: mine, body: `{"helpful":true}`, status: 204},
		{name: "and has no reason any more", path: at + "/messages", headers: mine, status: 200, want: []string{`"helpful":true`}, never: []string{"helpful_reason"}},
	})
}

// TestRatingReasons: what mattered is kept with the rating; a later rating replaces it.
func TestRatingReasons(t *testing.T) {
	b := setup(t)
	id, token := b.conversation("gb", "en")
	mine, at := []string{"Authorization", "Bearer " + token}, "/v1/conversations/"+id
	b.run([]scenario{
		{name: "an unknown reason", method: "POST", path: at + "/rating", headers: mine, body: `{"score":1,"reasons":["ugly"]}`, status: 422, want: []string{`"field":"reasons"`}},
		{name: "one twice", method: "POST", path: at + "/rating", headers: mine, body: `{"score":1,"reasons":["slow","slow"]}`, status: 422, want: []string{`"field":"reasons"`}},
		{name: "slow and unsolved", method: "POST", path: at + "/rating", headers: mine, body: `{"score":1,"reasons":["slow","not_solved"]}`, status: 204},
	})
	kept := func() (n int, reasons []string) {
		t.Helper()
		if err := b.pool.QueryRow(t.Context(), `SELECT count(*) OVER (), reasons FROM ratings WHERE conversation_id = $1`, id).Scan(&n, &reasons); err != nil {
			t.Fatal(err)
		}
		return n, reasons
	}
	if n, got := kept(); n != 1 || strings.Join(got, " ") != "slow not_solved" {
		t.Errorf("%d ratings, reasons %q", n, got)
	}
	b.run([]scenario{{name: "better without reasons", method: "POST", path: at + "/rating", headers: mine, body: `{"score":4}`, status: 204}})
	if n, got := kept(); n != 1 || len(got) != 0 {
		t.Errorf("%d ratings, reasons %q", n, got)
	}
}
