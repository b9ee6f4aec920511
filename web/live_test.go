package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// openDesk is an agent's page: a stream that is read in the background.
type openDesk struct {
	t      *testing.T
	events chan frame
	seen   []frame
}

type frame struct{ name, data string }

// deskOf opens the desk's stream. It ends with the test.
func (b *bundle) deskOf(secret string) *openDesk {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), "GET", b.url+"/v1/agent/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := b.client.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("no stream: %v %v", resp, err)
	}
	d := &openDesk{t: b.t, events: make(chan frame, 1000)}
	go func() {
		defer close(d.events)
		defer resp.Body.Close()
		var f frame
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "event: "):
				f.name = line[7:]
			case strings.HasPrefix(line, "data: "):
				f.data = line[6:]
			case line == "" && f.name != "":
				d.events <- f
				f = frame{}
			}
		}
	}()
	return d
}

// until reads events until one of the name holds all the words, and returns it.
func (d *openDesk) until(name string, words ...string) frame {
	d.t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case f, open := <-d.events:
			if !open {
				d.t.Fatalf("the stream ended before %s %v; it had %v", name, words, d.seen)
			}
			d.seen = append(d.seen, f)
			if f.name == name && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(f.data, w) }) {
				return f
			}
		case <-late:
			d.t.Fatalf("no %s with %v; there were %v", name, words, d.seen)
		}
	}
}

// never fails the test if anything that was read so far holds the word.
func (d *openDesk) never(word string) {
	d.t.Helper()
	for _, f := range d.seen {
		if strings.Contains(f.data, word) {
			d.t.Errorf("the stream gives away %q: %s %s", word, f.name, f.data)
		}
	}
}

// waiting makes a conversation in which the customer asked for a person, and returns it with its handoff.
func (b *bundle) waiting(market, locale, text string) (id, token, hid string) {
	b.t.Helper()
	id, token = b.conversation(market, locale)
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{"note":"`+text+`"}`, "Authorization", "Bearer "+token); a.status != http.StatusAccepted {
		b.t.Fatalf("no handoff: %d %s", a.status, a.body)
	}
	if err := b.pool.QueryRow(b.t.Context(), `SELECT id::text FROM handoffs WHERE conversation_id = $1`, id).Scan(&hid); err != nil {
		b.t.Fatal(err)
	}
	return id, token, hid
}

// must sends a request that is answered with the status.
func (b *bundle) must(status int, method, path, body, secret string) answer {
	b.t.Helper()
	a := b.do(method, path, body, "Authorization", "Bearer "+secret)
	if a.status != status {
		b.t.Fatalf("%s %s: %d, want %d\n%s", method, path, a.status, status, a.body)
	}
	return a
}

// One connection has everything of an agent's page: the lists and how they change, and every entry of what the agent has or
// has open. What goes to another team is heard no more, and the agents of other teams hear nothing at all.
func TestDeskStream(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, ben, eve := b.person("ada@larkpay.example", "agent", "token", "general"), b.person("ben@larkpay.example", "agent", "token", "general"),
		b.person("eve@larkpay.example", "agent", "token", "fraud")
	id, mine, hid := b.waiting("gb", "en", "Where is the quokka?")
	at, as := "/v1/conversations/"+id, "/v1/agent/conversations/"+id
	hers, his, other := b.deskOf(ada), b.deskOf(ben), b.deskOf(eve)
	var board struct {
		Handoffs []struct{ ID string }
		Waiting  int
		Me       struct{ Name string }
	}
	if err := json.Unmarshal([]byte(hers.until("queue").data), &board); err != nil || len(board.Handoffs) != 1 || board.Waiting != 1 || board.Me.Name != "ada" {
		t.Fatalf("the board is %+v, %v", board, err)
	}
	his.until("queue", hid)
	other.until("queue", `"waiting":0`)

	// What waits is listed with its last message, and no more than the lists changes.
	b.must(http.StatusAccepted, "POST", at+"/messages", `{"client_id":"1","text":"It had a blue hat."}`, mine)
	his.until("change", hid, "It had a blue hat.")
	b.must(http.StatusOK, "POST", "/v1/agent/handoffs/"+hid+"/accept", "", ada)
	his.until("change", `"gone":["`+hid+`"]`, `"waiting":0`)
	hers.until("change", hid, `"state":"accepted"`)
	hers.until("follow", id)

	// The customer's words arrive as an entry, for whose conversation it is only.
	b.must(http.StatusAccepted, "POST", at+"/messages", `{"client_id":"2","text":"And it sang."}`, mine)
	hers.until("entry", id, `"kind":"message"`, "And it sang.")
	b.must(http.StatusCreated, "POST", as+"/messages", `{"client_id":"n","text":"A zorblatt note.","visibility":"internal"}`, ada)
	hers.until("entry", "A zorblatt note.")

	// Ben opens it and hears it too; each is told of the other, and of who writes.
	b.must(http.StatusNoContent, "POST", as+"/viewing", `{}`, ben)
	his.until("follow", id)
	hers.until("viewers", id, `"name":"ben"`, `"writing":false`)
	b.must(http.StatusNoContent, "POST", as+"/viewing", `{"writing":true}`, ben)
	hers.until("viewers", id, `"name":"ben"`, `"writing":true`)
	b.must(http.StatusNoContent, "POST", as+"/viewing", `{}`, ada)
	his.until("viewers", id, `"name":"ada"`)
	his.never(`"name":"ben","writing"`) // oneself is no company
	b.must(http.StatusAccepted, "POST", at+"/messages", `{"client_id":"3","text":"In French."}`, mine)
	his.until("entry", id, "In French.")
	his.never("And it sang.")
	b.must(http.StatusNoContent, "DELETE", as+"/viewing", "", ben)
	hers.until("viewers", id, `"agents":[]`)
	b.must(http.StatusAccepted, "POST", at+"/messages", `{"client_id":"4","text":"Loudly."}`, mine)
	hers.until("entry", "Loudly.")

	// Another team's from now on: neither hears what is said there.
	b.must(http.StatusNoContent, "POST", as+"/viewing", `{}`, ben)
	his.until("follow", id)
	b.must(http.StatusNotFound, "POST", as+"/viewing", `{}`, eve)
	other.never(id)
	b.must(http.StatusOK, "POST", as+"/transfer", `{"team":"fraud"}`, ada)
	hers.until("change", `"gone":["`+hid+`"]`)
	other.until("change", hid)
	b.must(http.StatusAccepted, "POST", at+"/messages", `{"client_id":"5","text":"A secret wombat."}`, mine)
	other.until("change", "A secret wombat.")
	last, _, sign := b.waiting("gb", "en", "Another one.")
	hers.until("change", sign)
	his.until("change", sign)
	hers.never("wombat")
	his.never("wombat")
	other.never(last)
	if !slices.ContainsFunc(hers.seen, func(f frame) bool { return f.name == "entry" && strings.Contains(f.data, `"kind":"owner"`) }) {
		t.Error("the entry that took the conversation away did not come")
	}
}

// Logs and lists are told of a change on their own. Also a stream whose lists have not heard yet that a conversation went to
// another team gives nothing away of what is said there; the entry that took it away still comes.
func TestDeskStreamAhead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.person("ada@larkpay.example", "agent", "token", "general")
	id, mine, hid := b.waiting("gb", "en", "Where is the quokka?")
	b.must(http.StatusOK, "POST", "/v1/agent/handoffs/"+hid+"/accept", "", ada)
	who, err := b.auth.Who(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	d := desk{Server: b.server, out: &sse{}, logs: b.record.WatchMany(), agent: who, doubted: map[uuid.UUID]bool{}}
	defer d.logs.Close()
	read := func() string {
		t.Helper()
		d.out.buf.Reset()
		if err := d.entries(t.Context()); err != nil {
			t.Fatal(err)
		}
		return d.out.buf.String()
	}
	if _, err := d.logs.Follow(t.Context(), []uuid.UUID{uuid.MustParse(id)}); err != nil {
		t.Fatal(err)
	}
	say := func(n, text string) {
		t.Helper()
		b.must(http.StatusAccepted, "POST", "/v1/conversations/"+id+"/messages", `{"client_id":"`+n+`","text":"`+text+`"}`, mine)
	}
	say("1", "It had a blue hat.")
	if got := read(); !strings.Contains(got, "blue hat") {
		t.Fatalf("the stream of who has it: %s", got)
	}
	b.must(http.StatusOK, "POST", "/v1/agent/conversations/"+id+"/transfer", `{"team":"fraud"}`, ada)
	say("2", "A secret wombat.")
	if got := read(); strings.Contains(got, "wombat") || !strings.Contains(got, `"kind":"owner"`) {
		t.Errorf("written together with what took it away: %s", got)
	}
	say("3", "Another wombat.")
	if got := read(); got != "" {
		t.Errorf("written behind what took it away: %s", got)
	}
	lead := b.person("lead@larkpay.example", "supervisor", "token")
	b.must(http.StatusOK, "POST", "/v1/agent/conversations/"+id+"/transfer", `{"team":"general"}`, lead)
	say("4", "Back again.")
	if got := read(); !strings.Contains(got, "Back again.") {
		t.Errorf("with the team again: %s", got)
	}
}

// The stream of one conversation ends when it goes to another team, before anything is said there.
func TestConversationStreamEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, ben := b.person("ada@larkpay.example", "agent", "token", "general"), b.person("ben@larkpay.example", "agent", "token", "general")
	id, mine, hid := b.waiting("gb", "en", "Where is the quokka?")
	b.must(http.StatusOK, "POST", "/v1/agent/handoffs/"+hid+"/accept", "", ada)
	lines := b.stream("/v1/agent/conversations/"+id+"/events", "Authorization", "Bearer "+ben)
	b.must(http.StatusOK, "POST", "/v1/agent/conversations/"+id+"/transfer", `{"team":"fraud"}`, ada)
	b.must(http.StatusAccepted, "POST", "/v1/conversations/"+id+"/messages", `{"client_id":"2","text":"A secret wombat."}`, mine)
	if got, ended := <-lines; !ended || strings.Contains(got, "wombat") || !strings.Contains(got, "event: owner") {
		t.Errorf("the stream ended (%t) with: %s", ended, got)
	}
}

// A stream that is opened later begins with everything, and a list that nobody changed is not sent again.
func TestDeskStreamBeginsWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.person("ada@larkpay.example", "supervisor", "token", "general")
	first := b.deskOf(ada)
	first.until("queue", `"handoffs":[]`)
	var hids []string
	for _, text := range []string{"One.", "Two.", "Three."} {
		_, _, hid := b.waiting("gb", "en", text)
		hids = append(hids, hid)
		first.until("change", hid)
	}
	again := b.deskOf(ada)
	again.until("queue", hids[0], hids[1], hids[2])
	times := 0
	for _, f := range first.seen {
		if f.name == "change" && strings.Contains(f.data, hids[0]) {
			times++
		}
	}
	if times > 2 { // when it was made, and when its first position was told
		t.Errorf("the first of the queue was sent %d times", times)
	}
}

// Notes that name somebody, alerts and read marks travel on the same stream; search, views and the supervisors' board are
// held against the contract.
func TestDeskTells(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, ben := b.person("ada@larkpay.example", "agent", "token", "general"), b.person("ben@larkpay.example", "agent", "token", "general")
	lead := b.person("lead@larkpay.example", "supervisor", "token")
	id, mine, hid := b.waiting("gb", "en", "Where is the quokka?")
	at, as := "/v1/conversations/"+id, "/v1/agent/conversations/"+id
	his, leads, hers := b.deskOf(ben), b.deskOf(lead), b.deskOf(ada)
	his.until("queue", hid)
	leads.until("queue", hid)
	hers.until("queue", hid)
	b.must(http.StatusOK, "POST", "/v1/agent/handoffs/"+hid+"/accept", "", ada)
	var me struct{ ID string }
	if err := json.Unmarshal([]byte(b.must(http.StatusOK, "GET", "/v1/agent/me", "", ben).body), &me); err != nil {
		t.Fatal(err)
	}
	b.must(http.StatusCreated, "POST", as+"/messages", `{"client_id":"n","text":"@ben a zorblatt?","visibility":"internal","mentions":["`+me.ID+`","`+me.ID+`"]}`, ada)
	his.until("mentions", "a zorblatt?", `"name":"ada"`, `"seen":false`)
	b.must(http.StatusNoContent, "POST", as+"/read", `{"seq":1}`, ben)
	var conversation struct {
		Conversation struct {
			LastSeq int64 `json:"last_seq"`
		}
		Read struct{ Me int64 }
	}
	read := func(secret string) {
		t.Helper()
		if err := json.Unmarshal([]byte(b.must(http.StatusOK, "GET", as, "", secret).body), &conversation); err != nil {
			t.Fatal(err)
		}
	}
	read(ben)
	if conversation.Read.Me != 1 {
		t.Errorf("read up to %d", conversation.Read.Me)
	}
	b.must(http.StatusNoContent, "POST", as+"/read", fmt.Sprintf(`{"seq":%d}`, conversation.Conversation.LastSeq), ben)
	his.until("mentions", `"mentions":[]`)
	b.must(http.StatusAccepted, "POST", at+"/messages", `{"client_id":"1","text":"Hello?"}`, mine)
	entry := hers.until("entry", "Hello?")
	var e struct{ Seq int64 }
	if err := json.Unmarshal([]byte(entry.data), &e); err != nil {
		t.Fatal(err)
	}
	b.must(http.StatusNoContent, "POST", as+"/read", fmt.Sprintf(`{"seq":%d}`, e.Seq), ada)
	hers.until("entry", `"kind":"read"`, `"author":"agent"`)
	b.must(http.StatusNoContent, "POST", at+"/read", `{"seq":2}`, mine)
	hers.until("entry", `"kind":"read"`, `"author":"customer"`)
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO alerts (id, kind, team, handoff_id, subject) VALUES (gen_random_uuid(), 'nobody_left', 'general', $1, 'x')`, hid); err != nil {
		t.Fatal(err)
	}
	b.waiting("gb", "en", "Another.") // wakes the desk, as whoever makes an alert does
	leads.until("alerts", "nobody_left", id)
	hers.never("nobody_left")

	post := func(name, path, body, secret string, status int, want ...string) scenario {
		return scenario{name: name, method: "POST", path: path, body: body, headers: []string{"Authorization", "Bearer " + secret}, status: status, want: want}
	}
	get := func(name, path, secret string, status int, want ...string) scenario {
		return scenario{name: name, path: path, headers: []string{"Authorization", "Bearer " + secret}, status: status, want: want}
	}
	b.run([]scenario{
		post("a mention in a reply", as+"/messages", `{"client_id":"m","text":"x","mentions":["`+me.ID+`"]}`, ada, 422, `"not_a_note"`),
		post("a mention of nobody", as+"/messages", `{"client_id":"m","text":"x","visibility":"internal","mentions":["7c0d9d2e-6d3a-4d0e-9d59-0d7a6f4b1a11"]}`, ada, 422, `"cannot_read"`),
		post("read further than there is", as+"/read", `{"seq":5000}`, ada, 422, `"out_of_range"`),
		get("mentions", "/v1/agent/mentions", ben, 200, "zorblatt", `"seen":true`),
		get("a search by filters", "/v1/agent/search?q=hell&team=general&author=customer&status=open&from=2020-01-01T00:00:00Z", ben, 200, `"marks":[[`, `"next":null`),
		get("a search from no time", "/v1/agent/search?q=quokka&from=yesterday", ben, 422, `"field":"from"`),
		get("a search by no author", "/v1/agent/search?q=quokka&author=parrot", ben, 422, `"field":"author"`),
		get("a search behind nothing", "/v1/agent/search?q=quokka&cursor=7", ben, 422, `"field":"cursor"`),
		get("the supervisors' board", "/v1/agent/supervision", lead, 200, `"by_priority":[`, id),
		get("the board for others", "/v1/agent/supervision", ada, 403, `"not_a_lead"`),
		post("a view", "/v1/agent/views", `{"name":"Mine","filter":{"state":"mine","priorities":[1,2,3,4]}}`, ada, 201, `"shared":false`),
		post("a shared view", "/v1/agent/views", `{"name":"Late","shared":true,"filter":{"breached":true}}`, lead, 201, `"shared":true`),
		post("a view without a name", "/v1/agent/views", `{"name":" ","filter":{}}`, ada, 422, `"field":"name"`),
		get("views", "/v1/agent/views", ada, 200, "Mine", "Late"),
		get("other views", "/v1/agent/views", ben, 200, "Late"),
		get("by the query", "/v1/agent/conversations?state=mine&team=general&priority=3&priority=2", ada, 200, id),
		get("by nobody's view", "/v1/agent/conversations?view=7c0d9d2e-6d3a-4d0e-9d59-0d7a6f4b1a11", ada, 404, `"view_not_found"`),
		get("by a priority that is none", "/v1/agent/conversations?priority=x", ada, 422, `"field":"priority"`),
	})
	var views struct{ Views []struct{ ID, Name string } }
	if err := json.Unmarshal([]byte(b.must(http.StatusOK, "GET", "/v1/agent/views", "", ada).body), &views); err != nil {
		t.Fatal(err)
	}
	for _, v := range views.Views {
		status := http.StatusOK
		if v.Name == "Late" {
			status = http.StatusForbidden
		} else if a := b.must(http.StatusOK, "GET", "/v1/agent/conversations?view="+v.ID, "", ada); !strings.Contains(a.body, id) {
			t.Errorf("the view shows %s", a.body)
		}
		b.must(status, "PUT", "/v1/agent/views/"+v.ID, `{"name":"Changed","filter":{}}`, ada)
		if status == http.StatusOK {
			b.must(http.StatusNoContent, "DELETE", "/v1/agent/views/"+v.ID, "", ada)
		}
	}
}
