package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// known is a server that knows the key of the company's backend.
func known(t *testing.T, options ...func(*Deps)) *bundle {
	t.Helper()
	identity, err := NewIdentity(sharedSecret, "")
	if err != nil {
		t.Fatal(err)
	}
	return setup(t, append([]func(*Deps){func(d *Deps) { d.Identity = identity }}, options...)...)
}

// vouch makes a customer_token.
func vouch(t *testing.T, changes jwt.MapClaims) string {
	t.Helper()
	return signed(t, jwt.SigningMethodHS256, []byte(sharedSecret), "", kim(changes))
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func tokenBody(token string) string {
	body, _ := json.Marshal(map[string]string{"customer_token": token})
	return string(body)
}

// identify merges a conversation and returns its new token and the session.
func (b *bundle) identify(id, token, vouched string) (fresh, session string) {
	b.t.Helper()
	a := b.do("POST", "/v1/conversations/"+id+"/identify", tokenBody(vouched), bearer(token)...)
	if a.status != http.StatusOK {
		b.t.Fatalf("identify: %d %s", a.status, a.body)
	}
	v := a.json(b.t)
	return v["token"].(string), v["session"].(string)
}

// stream opens a stream and returns a channel that is closed when it ends, with all that came.
func (b *bundle) stream(path string, headers ...string) <-chan string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	b.t.Cleanup(cancel)
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
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %d", path, resp.StatusCode)
	}
	out := make(chan string, 1)
	go func() {
		defer resp.Body.Close()
		var all strings.Builder
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			all.WriteString(lines.Text() + "\n")
		}
		if lines.Err() == nil {
			out <- all.String()
		}
		close(out)
	}()
	return out
}

// TestFixation: who gives a customer a conversation to write into does not read what they write once they are known.
func TestFixation(t *testing.T) {
	t.Parallel()
	b := known(t)
	const key = "the planter's own key, kept"
	planted := b.do("POST", "/v1/conversations", `{"market":"gb","locale":"en"}`, "Idempotency-Key", key).json(t)
	id, old := planted["id"].(string), planted["token"].(string)
	at := "/v1/conversations/" + id
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO subscriptions (conversation_id, kind, address) VALUES ($1, 'email', 'planter@example.org')`, id); err != nil {
		t.Fatal(err)
	}
	stream := b.stream(at+"/events", bearer(old)...)
	vouched := vouch(t, jwt.MapClaims{"jti": "one"})
	token, session := b.identify(id, old, vouched)
	if token == old {
		t.Fatal("the token is the same as before")
	}
	select {
	case all, whole := <-stream:
		if !whole || strings.Contains(all, `"generation"`) {
			t.Errorf("the planter's stream broke, or went on behind the change: %s", all)
		}
	case <-time.After(25 * time.Second):
		t.Error("the planter's stream goes on")
	}
	const secret = "my secret is the colour mauve"
	if a := b.do("POST", at+"/messages", `{"client_id":"1","text":"`+secret+`"}`, bearer(token)...); a.status != http.StatusAccepted {
		t.Fatal(a.status, a.body)
	}
	again := b.do("POST", "/v1/conversations", `{"market":"gb","locale":"en"}`, "Idempotency-Key", key).json(t)
	if again["id"] != id || again["token"] != old {
		t.Errorf("the repetition of the start gives %v, %v", again["id"], again["token"])
	}
	var told int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM subscriptions WHERE conversation_id = $1`, id).Scan(&told); err != nil || told != 0 {
		t.Errorf("%d addresses of before are told of answers; %v", told, err)
	}
	b.run([]scenario{
		{name: "read", path: at + "/messages", headers: bearer(old), status: 401, never: []string{"mauve"}},
		{name: "follow from behind the change", path: at + "/events?after=99", headers: bearer(old), status: 401, never: []string{"mauve"}},
		{name: "write", method: "POST", path: at + "/messages", body: `{"client_id":"2","text":"hi"}`, headers: bearer(old), status: 401},
		{name: "write the same", method: "POST", path: at + "/messages", body: `{"client_id":"1","text":"` + secret + `"}`, headers: bearer(old), status: 401, never: []string{"mauve"}},
		{name: "write and follow", method: "POST", path: at + "/messages", body: `{"client_id":"3","text":"hi"}`, headers: append(bearer(old), "Accept", "text/event-stream"), status: 401, never: []string{"mauve"}},
		{name: "make it their own", method: "POST", path: at + "/identify", body: tokenBody(vouch(t, jwt.MapClaims{"sub": "c-43"})), headers: bearer(old), status: 401},
		{name: "upload", method: "POST", path: "/v1/attachments?conversation=" + id, headers: bearer(old), status: 401},
		{name: "the customer reads", path: at + "/messages", headers: bearer(token), status: 200, want: []string{"mauve"}},
		{name: "and finds it", path: "/v1/customer/conversations", headers: bearer(session), status: 200, want: []string{id}},
	})
	// The answer was lost: the same request has the same token again.
	if repeated, _ := b.identify(id, old, vouched); repeated != token {
		t.Error("a repetition has another token")
	}
	if repeated, _ := b.identify(id, token, vouched); repeated != token {
		t.Error("a repetition with the new token has another one")
	}
}

// TestReplay: a token with a jti counts once, however it is written and whatever comes at once; one without counts as before.
func TestReplay(t *testing.T) {
	t.Parallel()
	b := known(t)
	one, oneToken := b.conversation("gb", "en")
	two, twoToken := b.conversation("gb", "en")
	other := vouch(t, jwt.MapClaims{"sub": "c-43", "jti": "one"}) // another customer's may have the same jti
	v := vouch(t, jwt.MapClaims{"jti": "one"})
	one1, session := b.identify(one, oneToken, v)
	used := []string{`"token_used"`, `"field":"customer_token"`}
	b.run([]scenario{
		{name: "for another conversation", method: "POST", path: "/v1/conversations/" + two + "/identify", body: tokenBody(v), headers: bearer(twoToken), status: 422, want: used},
		{name: "for a session", method: "POST", path: "/v1/customer/session", body: tokenBody(v), status: 422, want: used},
		{name: "for a new conversation", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en","customer_token":"` + v + `"}`, status: 422, want: used},
		{name: "signed again", method: "POST", path: "/v1/customer/session", body: tokenBody(vouch(t, jwt.MapClaims{"jti": "one", "name": "Kim K."})), status: 422, want: used},
		{name: "into somebody else's", method: "POST", path: "/v1/conversations/" + one + "/identify", body: tokenBody(other), headers: bearer(one1), status: 409, want: []string{`"other_customer"`}},
		{name: "which did not use it up", method: "POST", path: "/v1/conversations/" + two + "/identify", body: tokenBody(other), headers: bearer(twoToken), status: 200},
		{name: "and each has their own", path: "/v1/customer/conversations", headers: bearer(session), status: 200, want: []string{one}, never: []string{two}},
		{name: "none for the other's", method: "POST", path: "/v1/customer/conversations/" + two + "/token", headers: bearer(session), status: 404, want: []string{`"conversation_not_found"`}},
		{name: "without a jti", method: "POST", path: "/v1/customer/session", body: tokenBody(vouch(t, nil)), status: 201},
	})
	// A start that is repeated with its key is the same use; two that come at once get one conversation.
	start := `{"market":"gb","locale":"en","customer_token":"` + vouch(t, jwt.MapClaims{"jti": "two"}) + `"}`
	var all sync.Map
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			a := b.do("POST", "/v1/conversations", start, "Idempotency-Key", "one key for all four")
			if a.status != http.StatusCreated {
				t.Errorf("%d %s", a.status, a.body)
				return
			}
			all.Store(a.json(t)["id"], true)
		})
	}
	wg.Wait()
	n := 0
	all.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d conversations of one start", n)
	}
	// Racing for different conversations, one wins.
	v = vouch(t, jwt.MapClaims{"jti": "three"})
	won := make(chan int, 4)
	for range 4 {
		id, token := b.conversation("gb", "en")
		wg.Go(func() {
			won <- b.do("POST", "/v1/conversations/"+id+"/identify", tokenBody(v), bearer(token)...).status
		})
	}
	wg.Wait()
	close(won)
	n = 0
	for status := range won {
		if status == http.StatusOK {
			n++
		}
	}
	if n != 1 {
		t.Errorf("a token counted for %d conversations", n)
	}
}

// TestLogout: a session ends for itself, or everything does, on every device.
func TestLogout(t *testing.T) {
	t.Parallel()
	b := known(t)
	id, token := b.conversation("gb", "en")
	token, phone := b.identify(id, token, vouch(t, nil))
	_, laptop := b.identify(id, token, vouch(t, nil))
	opened := b.do("POST", "/v1/customer/conversations/"+id+"/token", "", bearer(laptop)...).json(t)["token"]
	if opened != token {
		t.Errorf("the session opens it with %v", opened)
	}
	stream := b.stream("/v1/conversations/"+id+"/events", bearer(token)...)
	list := "/v1/customer/conversations"
	b.run([]scenario{
		{name: "out on the phone", method: "POST", path: "/v1/customer/logout", headers: bearer(phone), status: 204},
		{name: "the phone", path: list, headers: bearer(phone), status: 401, want: []string{`"bad_session"`}},
		{name: "the laptop", path: list, headers: bearer(laptop), status: 200, want: []string{id}},
		{name: "out everywhere", method: "POST", path: "/v1/customer/logout", body: `{"everywhere":true}`, headers: bearer(laptop), status: 204},
		{name: "the laptop then", path: list, headers: bearer(laptop), status: 401},
		{name: "the token then", path: "/v1/conversations/" + id, headers: bearer(token), status: 401},
		{name: "a token is no session", path: list, headers: bearer(token), status: 401, never: []string{id}},
		{name: "nothing is none", path: list, status: 401},
	})
	select {
	case <-stream:
	case <-time.After(25 * time.Second):
		t.Error("the stream goes on")
	}
	fresh := b.do("POST", "/v1/customer/session", tokenBody(vouch(t, nil))).json(t)["session"].(string)
	b.run([]scenario{
		{name: "in again", path: list, headers: bearer(fresh), status: 200, want: []string{id, `"unread":0`}},
		{name: "a new one of theirs", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en","customer_session":"` + fresh + `"}`, status: 201},
		{name: "by a session that has ended", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en","customer_session":"` + phone + `"}`, status: 422, want: []string{`"field":"customer_session"`}},
		{name: "by both", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en","customer_session":"x","customer_token":"y"}`, status: 422, want: []string{`"field":"customer_session"`}},
		{name: "the pages of the list", path: list + "?limit=1", headers: bearer(fresh), status: 200, never: []string{id, `"next":null`}},
		{name: "the second", path: list + "?limit=0", headers: bearer(fresh), status: 422, want: []string{`"field":"limit"`}},
	})
	if _, err := b.pool.Exec(t.Context(), `UPDATE customer_sessions SET expires_at = now()`); err != nil {
		t.Fatal(err)
	}
	b.run([]scenario{{name: "its time is up", path: list, headers: bearer(fresh), status: 401}})
}
