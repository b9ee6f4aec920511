package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// one decodes a part of an answer.
func part[T any](t *testing.T, a answer, status int, name string) T {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	var all map[string]json.RawMessage
	var v T
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all[name], &v); err != nil {
		t.Fatalf("%s: %v in %s", name, err, a.body)
	}
	return v
}

// TestWebhooksOfAdmins goes through the life of a webhook: made, tried, changed, its deliveries looked at and sent again.
func TestWebhooksOfAdmins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := "Bearer " + b.person("boss@larkpay.example", "admin", "token")
	do := func(method, path, body string) answer { return b.do(method, path, body, "Authorization", admin) }
	var status atomic.Int64
	status.Store(500)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write([]byte("<b>out of order</b>"))
	}))
	defer receiver.Close()
	type webhook struct {
		ID      string
		Enabled bool
		Kinds   []string
	}
	made := do("POST", "/v1/admin/webhooks", `{"url":"`+receiver.URL+`","description":"Our own"}`)
	w, secret := part[webhook](t, made, 201, "webhook"), part[string](t, made, 201, "secret")
	path := "/v1/admin/webhooks/" + w.ID
	if a := do("POST", path+"/test", ""); !strings.Contains(a.body, `"ok":false,"status":500`) {
		t.Errorf("test: %s", a.body)
	}
	if got := part[string](t, do("POST", path+"/rotate", ""), 200, "secret"); got == secret {
		t.Error("the secret stays the same")
	}
	if got := part[webhook](t, do("PUT", path, `{"url":"`+receiver.URL+`","kinds":["handoff.created"]}`), 200, "webhook"); len(got.Kinds) != 1 || !got.Enabled {
		t.Errorf("changed to %+v", got)
	}
	for _, a := range []answer{do("GET", "/v1/admin/webhooks", ""), do("GET", path, "")} {
		if a.status != 200 || strings.Contains(a.body, "whsec_") || strings.Contains(a.body, "secret") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}

	id, token := b.conversation("gb", "en")
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{"note":"My fee is wrong"}`, "Authorization", "Bearer "+token); a.status != 202 {
		t.Fatal(a.body)
	}
	if _, err := b.delivery.FanOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.delivery.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	type delivery struct {
		ID, State, Kind, Error string
		History                []struct{ Status int }
		Payload                map[string]any
	}
	list := part[[]delivery](t, do("GET", "/v1/admin/deliveries?state=pending&target="+w.ID, ""), 200, "deliveries")
	if len(list) != 1 || list[0].Kind != "handoff.created" {
		t.Fatalf("deliveries %+v", list)
	}
	letter := part[delivery](t, do("GET", "/v1/admin/deliveries/"+list[0].ID, ""), 200, "delivery")
	if len(letter.History) != 1 || letter.History[0].Status != 500 || letter.Payload["type"] != "handoff.created" {
		t.Errorf("letter %+v", letter)
	}
	at := "/v1/admin/deliveries/" + list[0].ID
	if a := do("POST", at+"/replay", ""); a.status != 409 {
		t.Errorf("replayed while pending: %d", a.status)
	}
	if a := do("POST", at+"/drop", ""); a.status != 204 {
		t.Errorf("drop: %d %s", a.status, a.body)
	}
	if a := do("POST", at+"/drop", ""); a.status != 409 {
		t.Errorf("dropped twice: %d", a.status)
	}
	if a := do("POST", at+"/replay", ""); a.status != 204 {
		t.Errorf("replay: %d %s", a.status, a.body)
	}
	status.Store(200)
	if n, err := b.delivery.Deliver(t.Context()); n != 1 || err != nil {
		t.Errorf("%d sent, %v", n, err)
	}
	if list := part[[]delivery](t, do("GET", "/v1/admin/deliveries?state=done", ""), 200, "deliveries"); len(list) != 1 {
		t.Errorf("done: %+v", list)
	}
	if got := part[int](t, do("POST", "/v1/admin/deliveries/replay", `{"target":"`+w.ID+`"}`), 200, "replayed"); got != 0 {
		t.Errorf("replayed %d", got)
	}
	if a := do("DELETE", path, ""); a.status != 204 {
		t.Errorf("removed: %d", a.status)
	}
	if a := do("GET", path, ""); a.status != 404 {
		t.Errorf("after that: %d", a.status)
	}
	agent := "Bearer " + b.person("kim@larkpay.example", "supervisor", "token", "general")
	b.run([]scenario{
		{name: "only admins", path: "/v1/admin/webhooks", headers: []string{"Authorization", agent}, status: 403, want: []string{"not_an_admin"}},
		{name: "only admins see deliveries", path: "/v1/admin/deliveries", headers: []string{"Authorization", agent}, status: 403},
		{name: "nobody else", path: "/v1/admin/connections", status: 401},
		{name: "an address inside is stored and never reached", method: "POST", path: "/v1/admin/webhooks", body: `{"url":"ftp://x"}`, headers: []string{"Authorization", admin}, status: 422,
			want: []string{`"field":"url"`}},
		{name: "an unknown kind", method: "POST", path: "/v1/admin/webhooks", body: `{"url":"https://example.com","kinds":["x"]}`, headers: []string{"Authorization", admin}, status: 422,
			want: []string{`"field":"kinds"`}},
		{name: "an unknown field", method: "POST", path: "/v1/admin/webhooks", body: `{"url":"https://example.com","secret":"x"}`, headers: []string{"Authorization", admin}, status: 422},
		{name: "an unknown state", path: "/v1/admin/deliveries?state=lost", headers: []string{"Authorization", admin}, status: 422},
		{name: "a cursor that is none", path: "/v1/admin/deliveries?cursor=x", headers: []string{"Authorization", admin}, status: 422},
		{name: "no such delivery", path: "/v1/admin/deliveries/" + id, headers: []string{"Authorization", admin}, status: 404},
	})
}

// TestConnectionsOfAdmins makes a connection, and lets its desk send to us: signed, forged, old, twice.
func TestConnectionsOfAdmins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := "Bearer " + b.person("boss@larkpay.example", "admin", "token")
	do := func(method, path, body string) answer { return b.do(method, path, body, "Authorization", admin) }
	type connection struct{ ID, Name, Inbound string }
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"ok":false,"error":"invalid_auth"}`))
	}))
	defer slack.Close()
	settings := `"settings":{"channel":"C1","url":"` + slack.URL + `"}`
	conn := part[connection](t, do("POST", "/v1/admin/connections", `{"kind":"slack","name":"Larkpay support",`+settings+
		`,"secrets":{"token":"xoxb-very-secret","signing":"shhh"},"teams":["general"]}`), 201, "connection")
	path := "/v1/admin/connections/" + conn.ID
	for _, a := range []answer{do("GET", "/v1/admin/connections", ""), do("GET", path, ""), do("PUT", path, `{"name":"Support",`+settings+`}`)} {
		if a.status != 200 || strings.Contains(a.body, "xoxb") || strings.Contains(a.body, "shhh") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	sign := func(at time.Time, secret, body string) []string {
		seconds := fmt.Sprint(at.Unix())
		m := hmac.New(sha256.New, []byte(secret))
		m.Write([]byte("v0:" + seconds + ":" + body))
		return []string{"X-Slack-Request-Timestamp", seconds, "X-Slack-Signature", fmt.Sprintf("v0=%x", m.Sum(nil))}
	}
	const hello = `{"type":"url_verification","challenge":"abc"}`
	now := time.Now()
	other := strings.Replace(conn.Inbound, conn.ID[len(conn.ID)-4:], "0000", 1)
	b.run([]scenario{
		{name: "signed", method: "POST", path: conn.Inbound, body: hello, headers: sign(now, "shhh", hello), status: 200, want: []string{`{"challenge":"abc"}`}},
		{name: "forged", method: "POST", path: conn.Inbound, body: hello, headers: sign(now, "guess", hello), status: 401, never: []string{"abc"}},
		{name: "changed", method: "POST", path: conn.Inbound, body: hello + " ", headers: sign(now, "shhh", hello), status: 401},
		{name: "old", method: "POST", path: conn.Inbound, body: hello, headers: sign(now.Add(-6*time.Minute), "shhh", hello), status: 401},
		{name: "unsigned", method: "POST", path: conn.Inbound, body: hello, status: 401, want: []string{"bad_signature"}},
		{name: "nobody's", method: "POST", path: other, body: hello, headers: sign(now, "shhh", hello), status: 401, want: []string{"bad_signature"}},
		{name: "signed nonsense", method: "POST", path: conn.Inbound, body: `[]`, headers: sign(now, "shhh", `[]`), status: 422},
		{name: "a kind that cannot be changed", method: "PUT", path: path, body: `{"kind":"email","name":"x","settings":{}}`, headers: []string{"Authorization", admin}, status: 422},
		{name: "a missing setting", method: "PUT", path: path, body: `{"name":"x","settings":{}}`, headers: []string{"Authorization", admin}, status: 422, want: []string{"settings.channel"}},
		{name: "another address without the token", method: "PUT", path: path, body: `{"name":"x","settings":{"channel":"C1","url":"https://example.com"}}`,
			headers: []string{"Authorization", admin}, status: 422, want: []string{"secrets.token"}},
		{name: "a missing secret", method: "POST", path: "/v1/admin/connections", body: `{"kind":"slack","name":"x","settings":{"channel":"C"}}`, headers: []string{"Authorization", admin}, status: 422,
			want: []string{"secrets.token"}},
		{name: "an unknown team", method: "PUT", path: path, body: `{"name":"x",` + settings + `,"teams":["nobody"]}`, headers: []string{"Authorization", admin}, status: 422,
			want: []string{"teams"}},
		{name: "e-mail without a server", method: "POST", path: "/v1/admin/connections", body: `{"kind":"email","name":"x","settings":{"to":["a@example.com"]}}`,
			headers: []string{"Authorization", admin}, status: 409, want: []string{"no_mail_server"}},
	})
	// Off, it hears nothing.
	if a := do("PUT", path, `{"name":"Support",`+settings+`,"enabled":false}`); a.status != 200 {
		t.Fatal(a.body)
	}
	if a := b.do("POST", conn.Inbound, hello, sign(now, "shhh", hello)...); a.status != 401 {
		t.Errorf("off: %d", a.status)
	}
	if a := do("POST", path+"/test", ""); a.status != 200 || !strings.Contains(a.body, `"ok":false`) || !strings.Contains(a.body, "invalid_auth") {
		t.Errorf("test: %d %s", a.status, a.body)
	}
	if a := do("DELETE", path, ""); a.status != 204 {
		t.Errorf("removed: %d", a.status)
	}
	// Nobody signs in as a desk.
	if a := b.do("GET", "/v1/agent/me", "", "Authorization", "Bearer "+conn.ID); a.status != 401 {
		t.Errorf("as the desk: %d", a.status)
	}
}

// TestSubscription is refused where there is no mail server; the address is checked first.
func TestSubscription(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, token := b.conversation("gb", "en")
	_, other := b.conversation("gb", "en")
	path, auth := "/v1/conversations/"+id+"/subscription", []string{"Authorization", "Bearer " + token}
	b.run([]scenario{
		{name: "no server", method: "POST", path: path, body: `{"kind":"email","address":"kim@example.com"}`, headers: auth, status: 409, want: []string{"no_mail_server"}},
		{name: "no address", method: "POST", path: path, body: `{"kind":"email","address":"kim"}`, headers: auth, status: 422, want: []string{`"field":"address"`}},
		{name: "two addresses", method: "POST", path: path, body: `{"kind":"email","address":"a@example.com, b@example.com"}`, headers: auth, status: 422},
		{name: "a name", method: "POST", path: path, body: `{"kind":"email","address":"Kim <a@example.com>"}`, headers: auth, status: 422},
		{name: "a header", method: "POST", path: path, body: `{"kind":"email","address":"a@example.com\r\nBcc: b@example.com"}`, headers: auth, status: 422},
		{name: "another kind", method: "POST", path: path, body: `{"kind":"pigeon","address":"x"}`, headers: auth, status: 422, want: []string{`"field":"kind"`}},
		{name: "another's", method: "POST", path: path, body: `{"kind":"email","address":"kim@example.com"}`, headers: []string{"Authorization", "Bearer " + other}, status: 401},
		{name: "forget", method: "DELETE", path: path, headers: auth, status: 204},
		{name: "list", method: "GET", path: path, headers: auth, status: 200, want: []string{`"email":false`, `"push_key":"B`, `"subscriptions":[]`}},
		{name: "another's list", method: "GET", path: path, headers: []string{"Authorization", "Bearer " + other}, status: 401},
	})
}

// TestDeliveryPages does with the pages what an admin does: adds, tries, switches off, reads what became of it, sends again.
func TestDeliveryPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := "firstline_session=" + b.person("boss@larkpay.example", "admin", "session")
	page := func(path string) answer { return b.do("GET", path, "", "Cookie", cookie) }
	form := func(path, body string) answer {
		return b.do("POST", path, body, "Cookie", cookie, "Content-Type", "application/x-www-form-urlencoded", "Origin", b.url, "Sec-Fetch-Site", "same-origin")
	}
	one := func(a answer, pattern string) string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindStringSubmatch(a.body)
		if m == nil {
			t.Fatalf("no %s in\n%.3000s", pattern, a.body)
		}
		return m[1]
	}
	var status atomic.Int64
	status.Store(500)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write([]byte("<script>alert(1)</script>"))
	}))
	defer receiver.Close()
	if a := page("/admin/delivery"); a.status != 200 || !strings.Contains(a.body, "Add a webhook") || !strings.Contains(a.body, "FIRSTLINE_SMTP_URL") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	added := form("/admin/delivery", "action=add_webhook&url="+url.QueryEscape(receiver.URL)+"&description=Ours&kinds=handoff.created")
	if added.status != 200 || !strings.Contains(added.body, "whsec_") || strings.Contains(page("/admin/delivery").body, "whsec_") {
		t.Fatalf("%d: the secret is shown once", added.status)
	}
	id := one(added, `id="w-([0-9a-f-]+)"`)
	if a := form("/admin/delivery", "action=test_webhook&id="+id); a.status != 200 || !strings.Contains(a.body, "It did not work: status 500 &lt;script&gt;") || strings.Contains(a.body, "<script>alert") {
		t.Errorf("test: %s", a.body)
	}
	if a := form("/admin/delivery", "action=rotate&id="+id); a.status != 200 || !strings.Contains(a.body, "whsec_") || !strings.Contains(a.body, "the former secret signs until") {
		t.Errorf("rotate: %d", a.status)
	}
	conversation, token := b.conversation("gb", "en")
	if a := b.do("POST", "/v1/conversations/"+conversation+"/handoff", `{}`, "Authorization", "Bearer "+token); a.status != 202 {
		t.Fatal(a.body)
	}
	deliver := func() {
		t.Helper()
		if _, err := b.delivery.FanOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.delivery.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	deliver()
	letter := one(page("/admin/delivery?state=pending"), `href="/admin/delivery/([0-9a-f-]+)"`)
	at := "/admin/delivery/" + letter
	if a := page(at); a.status != 200 || !strings.Contains(a.body, "status 500") || !strings.Contains(a.body, "&#34;type&#34;: &#34;handoff.created&#34;") {
		t.Errorf("letter: %d\n%s", a.status, a.body)
	}
	if a := form(at, "action=drop"); a.status != 303 || a.header.Get("Location") != at+"?done=dropped" {
		t.Errorf("drop: %d %s", a.status, a.body)
	}
	if a := form(at, "action=drop"); a.status != 409 {
		t.Errorf("drop twice: %d", a.status)
	}
	if a := form(at, "action=remove_webhook"); a.status != 422 {
		t.Errorf("something else: %d", a.status)
	}
	status.Store(200)
	if a := form(at, "action=replay"); a.status != 303 {
		t.Errorf("replay: %d", a.status)
	}
	deliver()
	if a := page(at); !strings.Contains(a.body, ">done<") {
		t.Errorf("after that:\n%s", a.body)
	}
	if a := form("/admin/delivery", "action=add_connection&kind=chatwoot&name=Larkpay&account=3&inbox=6&token=t&signing=very-secret&url="+url.QueryEscape(receiver.URL)); a.status != 303 {
		t.Fatalf("connection: %d %s", a.status, a.body)
	}
	all := page("/admin/delivery")
	conn := one(all, `id="c-([0-9a-f-]+)"`)
	if !strings.Contains(all.body, "/v1/inbound/"+conn) || strings.Contains(all.body, "very-secret") {
		t.Error("where it sends to is missing, or its secret is shown")
	}
	asks := regexp.MustCompile(`<details class="safe"><summary>Remove</summary><p>[^<]+</p>\s*<form[^>]*><input[^>]*><button name="action" value="remove_(webhook|connection)"`)
	if n := len(asks.FindAllString(all.body, -1)); n != strings.Count(all.body, `value="remove_`) || n < 2 {
		t.Errorf("%d of %d buttons that remove something ask first", n, strings.Count(all.body, `value="remove_`))
	}
	if a := form("/admin/delivery", "action=change_connection&id="+conn+"&name=Larkpay+2&account=3&inbox=7&teams=general&enabled=no&url="+url.QueryEscape(receiver.URL)); a.status != 303 {
		t.Errorf("change: %d %s", a.status, a.body)
	}
	if a := page("/admin/delivery"); !strings.Contains(a.body, "Larkpay 2") || !strings.Contains(a.body, "Teams: general") {
		t.Error("it was not changed")
	}
	for name, body := range map[string]string{"no address": "action=add_webhook&url=", "no desk": "action=add_connection&kind=x&name=x", "no id": "action=rotate&id=x", "nothing": "action=x&id=" + id} {
		if a := form("/admin/delivery", body); a.status != 422 || !strings.Contains(a.body, `role="alert"`) {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	for _, action := range []string{"toggle_webhook", "remove_webhook"} {
		if a := form("/admin/delivery", "action="+action+"&id="+id); a.status != 303 {
			t.Errorf("%s: %d", action, a.status)
		}
	}
	if a := form("/admin/delivery", "action=replay_all"); a.status != 303 {
		t.Errorf("replay all: %d", a.status)
	}
	if a := form("/admin/delivery", "action=remove_connection&id="+conn); a.status != 303 {
		t.Errorf("remove: %d", a.status)
	}
	kim := "firstline_session=" + b.person("kim@larkpay.example", "supervisor", "session", "general")
	b.run([]scenario{
		{name: "only admins", path: "/admin/delivery", headers: []string{"Cookie", kim}, status: 403},
		{name: "nobody else", path: at, status: 401},
		{name: "from another site", method: "POST", path: "/admin/delivery", body: "action=replay_all",
			headers: []string{"Cookie", cookie, "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, status: 403},
		{name: "none", path: "/admin/delivery/" + conversation, headers: []string{"Cookie", cookie}, status: 404},
	})
}
