package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// until reads a stream's events until one fits, and returns all that came. It fails the test when the stream ends first.
func (b *bundle) until(path string, headers []string, fits func(name, data string) bool) []string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %d", path, resp.StatusCode)
	}
	var seen []string
	var frame strings.Builder
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if lines.Text() != "" {
			frame.WriteString(lines.Text() + "\n")
			continue
		}
		name, data := parseFrame(frame.String())
		frame.Reset()
		if name == "" {
			continue
		}
		seen = append(seen, name+" "+data)
		if fits(name, data) {
			return seen
		}
	}
	b.t.Fatalf("%s ended before the event that was waited for; it had\n%s", path, strings.Join(seen, "\n"))
	return nil
}

// TestConversationsArePrivate: a conversation opens for its own token and for agents who may see it, and nobody else learns
// that it exists.
func TestConversationsArePrivate(t *testing.T) {
	b := setup(t)
	id, token := b.conversation("gb", "en")
	_, other := b.conversation("gb", "en")
	const secret = "my secret is the colour mauve"
	sent := b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"1","text":"`+secret+`"}`, "Authorization", "Bearer "+token)
	if sent.status != http.StatusAccepted {
		t.Fatalf("%d %s", sent.status, sent.body)
	}
	message, ok := sent.json(t)["message"].(map[string]any)
	if !ok {
		t.Fatalf("no message in %s", sent.body)
	}
	mid, _ := message["id"].(string)
	session := b.person("otto@larkpay.example", "agent", "session", "b2b")
	editor := b.person("edda@larkpay.example", "editor", "session")

	calls := []struct{ method, path, body string }{
		{"GET", "", ""}, {"GET", "/messages", ""}, {"GET", "/events", ""}, {"GET", "/transcript?format=text", ""}, {"POST", "/messages", `{"client_id":"x","text":"hi"}`},
		{"POST", "/handoff", `{}`}, {"PATCH", "/handoff", `{"summary":"x"}`}, {"POST", "/typing", ""}, {"POST", "/read", `{"seq":1}`}, {"POST", "/rating", `{"score":1}`},
		{"POST", "/messages/" + mid + "/feedback", `{"helpful":true}`}, {"POST", "/close", ""}, {"POST", "/reopen", ""},
	}
	keys := []struct{ name, header string }{
		{"no token", ""}, {"another conversation's token", "Bearer " + other}, {"the token cut short", "Bearer " + token[:len(token)-2]}, {"an empty token", "Bearer "},
		{"another scheme", "Basic " + token}, {"an agent's session", "Bearer " + session},
	}
	var scenarios []scenario
	never := []string{"mauve", token, id}
	for _, call := range calls {
		for _, k := range keys {
			var headers []string
			if k.header != "" {
				headers = []string{"Authorization", k.header}
			}
			scenarios = append(scenarios, scenario{name: call.method + call.path + " with " + k.name, method: call.method, path: "/v1/conversations/" + id + call.path,
				body: call.body, headers: headers, status: 401, want: []string{`"bad_token"`}, never: never})
		}
	}
	missing := uuid.NewString()
	cookie := func(s string) []string { return []string{"Cookie", sessionCookie + "=" + s, "X-Firstline", "1"} }
	scenarios = append(scenarios,
		scenario{name: "a conversation that does not exist looks the same", path: "/v1/conversations/" + missing, headers: []string{"Authorization", "Bearer " + token}, status: 401, want: []string{`"bad_token"`}},
		scenario{name: "what is no id looks the same", path: "/v1/conversations/1", headers: []string{"Authorization", "Bearer " + token}, status: 401, want: []string{`"bad_token"`}},
		scenario{name: "the token in the address is not taken", path: "/v1/conversations/" + id + "?token=" + token, status: 401, never: []string{"mauve"}},
		scenario{name: "nobody lists conversations", path: "/v1/conversations", status: 404, never: never},
		scenario{name: "the customer's token is no agent's", path: "/v1/agent/me", headers: []string{"Authorization", "Bearer " + token}, status: 401},
		scenario{name: "the customer's token does not open the desk", path: "/v1/agent/conversations/" + id, headers: []string{"Authorization", "Bearer " + token}, status: 401, never: never},
		scenario{name: "an editor reads no conversations", path: "/v1/agent/conversations/" + id, headers: cookie(editor), status: 403, want: []string{`"not_an_agent"`}, never: never},
		scenario{name: "an editor searches no conversations", path: "/v1/agent/search?q=mauve", headers: cookie(editor), status: 403, never: never},
		scenario{name: "an agent of another team finds nothing", path: "/v1/agent/search?q=mauve", headers: cookie(session), status: 200, want: []string{`"results":[]`}, never: never},
		scenario{name: "the desk without a session", path: "/v1/agent/handoffs", status: 401},
		scenario{name: "a handoff that does not exist", method: "POST", path: "/v1/agent/handoffs/" + missing + "/accept", headers: cookie(session), status: 404},
		scenario{name: "a handoff that is no id", method: "POST", path: "/v1/agent/handoffs/1/accept", headers: cookie(session), status: 404},
		scenario{name: "the feedback on another conversation's message", method: "POST", path: "/v1/conversations/" + id + "/messages/" + missing + "/feedback", body: `{"helpful":true}`,
			headers: []string{"Authorization", "Bearer " + token}, status: 404},
		scenario{name: "the owner still reads it", path: "/v1/conversations/" + id + "/messages", headers: []string{"Authorization", "Bearer " + token}, status: 200, want: []string{"mauve"}},
	)
	b.run(scenarios)
}

// TestRequestsAreStrict: what is wrong with a request is said with the field's name, and nothing of it is stored.
func TestRequestsAreStrict(t *testing.T) {
	b := setup(t)
	id, token := b.conversation("gb", "en")
	mine := []string{"Authorization", "Bearer " + token}
	at := "/v1/conversations/" + id
	b.run([]scenario{
		{name: "unknown field", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":"hi","texts":"x"}`, status: 422, want: []string{`"unknown_field"`, `"field":"texts"`}},
		{name: "unknown field at the start", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en","owner":"agent"}`, status: 422, want: []string{`"field":"owner"`}},
		{name: "wrong type", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":7}`, status: 422, want: []string{`"wrong_type"`, `"field":"text"`}},
		{name: "no JSON", method: "POST", path: at + "/messages", headers: mine, body: `client_id=1`, status: 422, want: []string{`"malformed_json"`}},
		{name: "two values", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":"hi"}{}`, status: 422, want: []string{`"malformed_json"`}},
		{name: "too large", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":"` + strings.Repeat("a", maxBody) + `"}`, status: 422, want: []string{`"body_too_large"`}},
		{name: "too long", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":"` + strings.Repeat("ä", maxText+1) + `"}`, status: 422, want: []string{`"too_long"`, `"field":"text"`}},
		{name: "empty", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":" \n "}`, status: 422, want: []string{`"field":"text"`}},
		{name: "no client id", method: "POST", path: at + "/messages", headers: mine, body: `{"text":"hi"}`, status: 422, want: []string{`"field":"client_id"`}},
		{name: "a NUL", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":"a\u0000b"}`, status: 422, want: []string{`"not_text"`}},
		{name: "a NUL in the client id", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"a\u0000","text":"b"}`, status: 422, want: []string{`"field":"client_id"`}},
		{name: "an attachment", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":"b","attachments":[{}]}`, status: 422, want: []string{`"field":"attachments"`}},
		{name: "an unknown market", method: "POST", path: "/v1/conversations", body: `{"market":"xx","locale":"en"}`, status: 422, want: []string{`"field":"market"`}},
		{name: "an unknown locale", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"xx"}`, status: 422, want: []string{`"field":"locale"`}},
		{name: "an unknown audience", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en","audience":"staff"}`, status: 422, want: []string{`"field":"audience"`}},
		{name: "an identity that cannot be checked", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en","customer_token":"x"}`, status: 422, want: []string{`"field":"customer_token"`}},
		{name: "a score that is none", method: "POST", path: at + "/rating", headers: mine, body: `{"score":6}`, status: 422, want: []string{`"field":"score"`}},
		{name: "read what was not said", method: "POST", path: at + "/read", headers: mine, body: `{"seq":99}`, status: 422, want: []string{`"field":"seq"`}},
		{name: "a page of nothing", path: at + "/messages?limit=0", headers: mine, status: 422, want: []string{`"field":"limit"`}},
		{name: "a format that is none", path: at + "/transcript?format=pdf", headers: mine, status: 422, want: []string{`"field":"format"`}},
		{name: "a method that is none", method: "DELETE", path: at, headers: mine, status: 404, want: []string{`"no_such_method"`}},
		{name: "nothing of it was stored", path: at + "/messages", headers: mine, status: 200, never: []string{`"author":"customer"`}},
	})
}

// TestConversationFromStartToEnd holds every answer and event of a whole conversation against the contract.
func TestConversationFromStartToEnd(t *testing.T) {
	b := setup(t)
	b.index()
	id, token := b.conversation("gb", "en")
	mine, at := []string{"Authorization", "Bearer " + token}, "/v1/conversations/"+id
	agent := b.person("ada@larkpay.example", "supervisor", "token", "general")
	desk := []string{"Authorization", "Bearer " + agent}

	b.run([]scenario{{name: "the question", method: "POST", path: at + "/messages", headers: mine, body: `{"client_id":"1","text":"How can I move my due date?"}`, status: 202, want: []string{`"turn":{"id"`}}})
	events := b.until(at+"/events", mine, func(name, _ string) bool { return name == "turn" })
	if all := strings.Join(events, "\n"); !strings.Contains(all, `"author":"assistant"`) || !strings.Contains(all, `"citations":[{`) {
		t.Errorf("the answer has no source:\n%s", all)
	}
	streamed := b.do("POST", at+"/messages", `{"client_id":"2","text":"And what does that cost?"}`, append([]string{"Accept", "text/event-stream"}, mine...)...)
	if streamed.status != 200 || !strings.Contains(streamed.body, "event: turn") {
		t.Errorf("the turn's stream: %d\n%s", streamed.status, streamed.body)
	}
	b.run([]scenario{
		{name: "a person, please", method: "POST", path: at + "/handoff", headers: mine, body: `{"note":"It is about my order LP-7K2M9QXA."}`, status: 202, want: []string{`"position":1`, `"reason":"`}},
		{name: "the summary corrected", method: "PATCH", path: at + "/handoff", headers: mine, body: `{"summary":"I want to move two dates."}`, status: 200, want: []string{`"owner":"queue"`}},
		{name: "typing", method: "POST", path: at + "/typing", headers: mine, status: 204},
		{name: "read", method: "POST", path: at + "/read", headers: mine, body: `{"seq":1}`, status: 204},
		{name: "not to be closed now", method: "POST", path: at + "/close", headers: mine, status: 409, want: []string{`"with_an_agent"`}},
		{name: "online", method: "PUT", path: "/v1/agent/presence", headers: desk, body: `{"state":"online"}`, status: 200},
		{name: "teams", path: "/v1/agent/teams", headers: desk, status: 200, want: []string{`"general"`}},
		{name: "the agent reads everything", path: "/v1/agent/conversations/" + id, headers: desk, status: 200, want: []string{`"corrected":"I want to move two dates."`, "due date"}},
		{name: "the agent searches", path: "/v1/agent/search?q=due", headers: desk, status: 200, want: []string{id}},
	})
	var board struct {
		Handoffs []struct{ ID string } `json:"handoffs"`
	}
	b.until("/v1/agent/events", desk, func(name, data string) bool {
		return name == "queue" && json.Unmarshal([]byte(data), &board) == nil && len(board.Handoffs) == 1
	})
	b.run([]scenario{
		{name: "the queue", path: "/v1/agent/handoffs?state=queued", headers: desk, status: 200, want: []string{board.Handoffs[0].ID}},
		{name: "accepted", method: "POST", path: "/v1/agent/handoffs/" + board.Handoffs[0].ID + "/accept", headers: desk, status: 200, want: []string{`"state":"accepted"`}},
		{name: "a note", method: "POST", path: "/v1/agent/conversations/" + id + "/messages", headers: desk, body: `{"client_id":"n","text":"Check the zorblatt account.","visibility":"internal"}`, status: 201},
		{name: "an answer", method: "POST", path: "/v1/agent/conversations/" + id + "/messages", headers: desk, body: `{"client_id":"a","text":"I have moved both."}`, status: 201},
		{name: "the agent types", method: "POST", path: "/v1/agent/conversations/" + id + "/typing", headers: desk, status: 204},
		{name: "the customer sees no notes", path: at + "/messages", headers: mine, status: 200, want: []string{"I have moved both."}, never: []string{"zorblatt"}},
		{name: "nor in the transcript", path: at + "/transcript?format=text", headers: mine, status: 200, want: []string{"I have moved both."}, never: []string{"zorblatt"}},
		{name: "nor in the page of it", path: at + "/transcript?format=html", headers: mine, status: 200, want: []string{"I have moved both."}, never: []string{"zorblatt"}},
		{name: "nor in the data of it", path: at + "/transcript", headers: mine, status: 200, want: []string{"I have moved both."}, never: []string{"zorblatt"}},
		{name: "the view while an agent is there", path: at, headers: mine, status: 200, want: []string{`"owner":"agent"`, `"agent":{`}, never: []string{"ada@"}},
		{name: "resolved", method: "POST", path: "/v1/agent/conversations/" + id + "/resolve", headers: desk, status: 200, want: []string{`"state":"resolved"`}},
		{name: "rated", method: "POST", path: at + "/rating", headers: mine, body: `{"score":5,"comment":"thanks"}`, status: 204},
		{name: "closed", method: "POST", path: at + "/close", headers: mine, status: 200, want: []string{`"status":"closed"`}},
		{name: "open again", method: "POST", path: at + "/reopen", headers: mine, status: 200, want: []string{`"status":"open"`}},
		{name: "ended", path: "/v1/agent/handoffs?state=ended", headers: desk, status: 200, want: []string{id}},
		{name: "a state that is none", path: "/v1/agent/handoffs?state=lost", headers: desk, status: 422, want: []string{`"field":"state"`}},
		{name: "alive", path: "/healthz", status: 200},
		{name: "ready", path: "/readyz", status: 200},
		{name: "metrics", path: "/metrics", status: 200, want: []string{"firstline_http_requests_total"}, never: []string{id, "zorblatt"}},
	})
	// The log as the customer has it: in order, complete, and without what is internal.
	seen := b.until(at+"/events", mine, func(name, data string) bool { return name == "status" && strings.Contains(data, "open") })
	if all := strings.Join(seen, "\n"); strings.Contains(all, "zorblatt") {
		t.Errorf("the customer's log has a note:\n%s", all)
	}
	notes := b.until("/v1/agent/conversations/"+id+"/events", desk, func(_, data string) bool { return strings.Contains(data, "zorblatt") })
	if len(notes) < 5 {
		t.Errorf("the agent's log has only %d events before the note", len(notes))
	}
}

// TestWhatIsNoText: bytes that no text has are the client's mistake wherever they stand, and no failure of ours.
func TestWhatIsNoText(t *testing.T) {
	b := setup(t)
	id, token := b.conversation("gb", "en")
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, "Authorization", "Bearer "+token); a.status != 202 {
		t.Fatal(a.body)
	}
	admin := []string{"Authorization", "Bearer " + b.person("root@larkpay.example", "admin", "token")}
	if a := b.do("POST", "/v1/agent/conversations/"+id+"/pull", "", admin...); a.status != 200 {
		t.Fatal(a.body)
	}
	want := []string{`"not_text"`}
	b.run([]scenario{
		{name: "NUL in a search", path: "/v1/agent/search?q=a&team=%00", headers: admin, status: 422, want: want},
		{name: "half a letter in a filter", path: "/v1/agent/conversations?team=%ff", headers: admin, status: 422, want: want},
		{name: "NUL in a view", method: "POST", path: "/v1/agent/views", body: `{"name":"a","filter":{"teams":["\u0000"]}}`, headers: admin, status: 422, want: want},
		{name: "NUL in a transfer", method: "POST", path: "/v1/agent/conversations/" + id + "/transfer", body: `{"team":"\u0000"}`, headers: admin, status: 422, want: want},
		{name: "a line break in a token", method: "POST", path: "/v1/admin/connections",
			body: `{"kind":"slack","name":"Slack","settings":{"channel":"C1"},"secrets":{"token":"x\r\nX-Evil: 1","signing":"s"}}`, headers: admin, status: 422, want: []string{`"field":"secrets.token"`}, never: []string{"X-Evil"}},
	})
}
