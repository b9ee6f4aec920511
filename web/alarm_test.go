package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

// queued is how a conversation's open handoff stands.
type queued struct {
	Team, Topic, Reason string
	Priority            int
}

func (b *bundle) queued(id string) queued {
	b.t.Helper()
	var q queued
	err := b.pool.QueryRow(b.t.Context(), `SELECT team, COALESCE(topic, ''), reason, priority FROM handoffs WHERE conversation_id = $1 AND ended_at IS NULL`, id).
		Scan(&q.Team, &q.Topic, &q.Reason, &q.Priority)
	if err != nil {
		b.t.Fatal(err)
	}
	return q
}

// distressed is where somebody in danger belongs, in the demo.
var distressed = queued{"care", "medical_emergency_or_distress", "vulnerability", 1}

// Somebody who waits for a person on a small matter and then writes of danger to themselves reads at once what to do, in the
// answer to that very message, and goes to the front of the right team.
func TestDangerInTheQueue(t *testing.T) {
	b := setup(t)
	id, token := b.conversation("gb", "en")
	key := []string{"Authorization", "Bearer " + token}
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, key...); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if q := b.queued(id); q.Team != "general" || q.Priority != 3 {
		t.Fatalf("set up as %+v", q)
	}
	stream := append(key[:2:2], "Accept", "text/event-stream")
	small := b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"1","text":"hello?"}`, stream...)
	if small.status != http.StatusOK || strings.Contains(small.body, "event: handoff") || b.queued(id).Priority != 3 {
		t.Errorf("an alarm for nothing: %d %s", small.status, small.body)
	}
	const danger = `{"client_id":"2","text":"I am going to kill myself tonight"}`
	a := b.do("POST", "/v1/conversations/"+id+"/messages", danger, stream...)
	for _, want := range []string{"I am going to kill myself", `"author":"system"`, "emergency", "event: handoff", `"position":0`, `"first":true`, `"advice":"I am sorry`} {
		if a.status != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("the answer lacks %q: %d %s", want, a.status, a.body)
		}
	}
	if q := b.queued(id); q != distressed {
		t.Errorf("waits as %+v", q)
	}
	again := b.do("POST", "/v1/conversations/"+id+"/messages", danger, stream...)
	if again.status != http.StatusOK || strings.Contains(again.body, `"author":"system"`) {
		t.Errorf("sent again, said again: %s", again.body)
	}
}

// A correction of the summary is written to people as well, and heard as a message is.
func TestDangerInTheSummary(t *testing.T) {
	b := setup(t)
	id, token := b.conversation("gb", "en")
	key := []string{"Authorization", "Bearer " + token}
	b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, key...)
	a := b.do("PATCH", "/v1/conversations/"+id+"/handoff", `{"summary":"I want to kill myself"}`, key...)
	if q := b.queued(id); a.status != http.StatusOK || q != distressed {
		t.Errorf("%d, waits as %+v", a.status, q)
	}
}

// A message that was stored and not acted upon, because the process ended in between, is acted upon when it is sent again.
func TestDangerSentAgain(t *testing.T) {
	b := setup(t)
	id, token := b.conversation("gb", "en")
	b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, "Authorization", "Bearer "+token)
	const text = "I want to kill myself"
	if _, err := b.record.Receive(t.Context(), uuid.MustParse(id), chat.Inbound{ClientID: "1", Text: text}); err != nil {
		t.Fatal(err)
	}
	b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"1","text":"`+text+`"}`, "Authorization", "Bearer "+token)
	if q := b.queued(id); q != distressed {
		t.Errorf("waits as %+v", q)
	}
}

// The button does not outrun what was written before it, nor what is written with it.
func TestButtonHears(t *testing.T) {
	b := setup(t)
	for _, c := range []struct {
		name, said, note string
		want             queued
		fixed            string
	}{
		{"a message that no turn has read yet", "someone hacked my account and changed my password", "", queued{"fraud", "identity_theft_or_takeover", "priority_topic", 1}, ""},
		{"the note", "", "someone stole my card and I want to kill myself", distressed, "emergency"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, token := b.conversation("gb", "en")
			if c.said != "" { // received, and its turn not begun
				if _, err := b.record.Receive(t.Context(), uuid.MustParse(id), chat.Inbound{ClientID: "1", Text: c.said}); err != nil {
					t.Fatal(err)
				}
			}
			a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{"note":"`+c.note+`"}`, "Authorization", "Bearer "+token)
			if q := b.queued(id); a.status != http.StatusAccepted || q != c.want {
				t.Errorf("%d, waits as %+v, want %+v", a.status, q, c.want)
			}
			said := b.do("GET", "/v1/conversations/"+id+"/messages", "", "Authorization", "Bearer "+token)
			if !strings.Contains(said.body, c.fixed) {
				t.Errorf("the customer does not read %q: %s", c.fixed, said.body)
			}
		})
	}
}

// The desk says what it has seen; what the customer wrote since is not closed unread, and what nobody answered is answered
// by the assistant that gets the conversation back.
func TestEndUnseen(t *testing.T) {
	b := setup(t)
	b.index()
	ada := []string{"Authorization", "Bearer " + b.person("ada@larkpay.example", "supervisor", "token", "general")}
	id, token := b.conversation("gb", "en")
	key := []string{"Authorization", "Bearer " + token}
	desk := "/v1/agent/conversations/" + id
	b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, key...)
	if a := b.do("POST", desk+"/pull", "", ada...); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"1","text":"thanks"}`, key...)
	b.run([]scenario{
		{name: "resolve unseen", method: "POST", path: desk + "/resolve", body: `{"seq":1}`, headers: ada, status: 409, want: []string{`"customer_wrote"`, "written again"}},
		{name: "return unseen", method: "POST", path: desk + "/return", body: `{"seq":1}`, headers: ada, status: 409, want: []string{`"customer_wrote"`}},
		{name: "no number", method: "POST", path: desk + "/resolve", body: `{"seq":-1}`, headers: ada, status: 422, want: []string{`"seq"`}},
		{name: "return seen", method: "POST", path: desk + "/return", body: `{"seq":1000}`, headers: ada, status: 200, want: []string{"returned_to_assistant"}},
	})
	b.until("/v1/conversations/"+id+"/events?after=1", key, func(name, data string) bool {
		return name == "turn" && strings.Contains(data, `"answered"`)
	})
}

// Only what the assistant has answered can be judged.
func TestFeedbackOnAnswersOnly(t *testing.T) {
	b := setup(t)
	b.index()
	id, token := b.conversation("gb", "en")
	key := []string{"Authorization", "Bearer " + token}
	b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"1","text":"thank you"}`, append(key, "Accept", "text/event-stream")...)
	b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, key...)
	ms, _ := b.do("GET", "/v1/conversations/"+id+"/messages", "", key...).json(t)["messages"].([]any)
	judged := map[string][]int{}
	for _, m := range ms {
		m := m.(map[string]any)
		a := b.do("POST", "/v1/conversations/"+id+"/messages/"+m["id"].(string)+"/feedback", `{"helpful":true}`, key...)
		who := m["author"].(string)
		judged[who] = append(judged[who], a.status)
	}
	if a := judged["assistant"]; len(a) != 2 || a[0] != 404 || a[1] != 204 || len(judged["system"]) != 1 || judged["system"][0] != 404 || judged["customer"][0] != 404 {
		t.Errorf("judged: %v (the first of the assistant is the greeting)", judged)
	}
}

// A search by an agent takes whatever a browser may send.
func TestAgentSearchCleansTheQuery(t *testing.T) {
	b := setup(t)
	ada := []string{"Authorization", "Bearer " + b.person("ada@larkpay.example", "supervisor", "token", "general")}
	b.run([]scenario{
		{name: "only a zero", path: "/v1/agent/search?q=%00", headers: ada, status: 422, want: []string{`"q"`}},
		{name: "only what is no text", path: "/v1/agent/search?q=%ff%fe", headers: ada, status: 422},
		{name: "a zero between", path: "/v1/agent/search?q=late%00fee%ff", headers: ada, status: 200, want: []string{"results"}},
	})
	long := strings.Repeat("x ", 95) + "4111 1111 1111 1111"
	if q := cleanQuery(long); strings.Contains(q, "4111") {
		t.Errorf("half of a card's number is left: %q", q)
	}
}

// A key names one request of one sender: used for another one, it opens another conversation, and short ones are refused.
func TestIdempotencyKeyIsTheRequestsOwn(t *testing.T) {
	b := setup(t)
	start := func(body string) string {
		t.Helper()
		a := b.do("POST", "/v1/conversations", body, "Idempotency-Key", "0123456789abcdef")
		if a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return a.json(t)["id"].(string)
	}
	first := start(`{"market":"de","locale":"de"}`)
	if again := start(`{"market":"de","locale":"de","audience":"consumer"}`); again != first {
		t.Error("the same request got another conversation")
	}
	for _, other := range []string{`{"market":"de","locale":"en"}`, `{"market":"gb","locale":"en"}`, `{"market":"de","locale":"de","audience":"merchant"}`,
		`{"market":"de","locale":"de","article":"late-fees"}`} {
		if start(other) == first {
			t.Errorf("%s got the conversation of another request", other)
		}
	}
	b.run([]scenario{
		{name: "too short", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en"}`, headers: []string{"Idempotency-Key", "1"}, status: 422, want: []string{`"Idempotency-Key"`, `"too_short"`}},
	})
}
