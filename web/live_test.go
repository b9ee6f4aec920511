package web

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
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
	late := time.After(20 * time.Second)
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
