package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/notify"
)

// mailed are the e-mails that a service sent.
type mailed struct {
	mu   sync.Mutex
	sent []mail.Message
}

// Send implements notify.Sender.
func (l *mailed) Send(_ context.Context, m mail.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, m)
	return nil
}

// noticeBundle is a server that tells customers of answers, whenever a test lets time pass.
type noticeBundle struct {
	*bundle
	notify *notify.Service
	post   *mailed
}

func noticeSetup(t *testing.T) *noticeBundle {
	t.Helper()
	n := &noticeBundle{post: &mailed{}}
	n.bundle = setup(t, func(d *Deps) {
		var err error
		if d.Notify, err = notify.Open(t.Context(), d.Pool, d.Record, slog.New(slog.DiscardHandler), notify.Options{Company: "Larkpay", Mail: n.post}); err != nil {
			t.Fatal(err)
		}
		d.Notify.LinkTo("https://chat.larkpay.example")
		n.notify = d.Notify
	})
	return n
}

// later lets an hour pass for what waits, and returns what was mailed then.
func (n *noticeBundle) later() []mail.Message {
	n.t.Helper()
	before := len(n.post.sent)
	for _, sql := range []string{`UPDATE notices SET since = since - interval '1 hour', last_at = last_at - interval '1 hour', next_at = next_at - interval '1 hour'`,
		`UPDATE notice_mails SET at = at - interval '2 hours'`} {
		if _, err := n.pool.Exec(n.t.Context(), sql); err != nil {
			n.t.Fatal(err)
		}
	}
	if _, err := n.notify.Send(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	return n.post.sent[before:]
}

// one is the one mail that is sent when an hour has passed.
func (n *noticeBundle) one() mail.Message {
	n.t.Helper()
	got := n.later()
	if len(got) != 1 {
		n.t.Fatalf("%d mails, want 1", len(got))
	}
	return got[0]
}

// answers adds an answer of the assistant's.
func (n *noticeBundle) answers(id, text string) {
	n.t.Helper()
	err := n.record.Do(n.t.Context(), uuid.MustParse(id), func(ctx context.Context, s *chat.Session) error {
		return s.AddMessage(ctx, &chat.Message{Author: chat.Assistant, Text: text})
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// told starts a conversation whose customer has agreed to be told at an address.
func (n *noticeBundle) told(address string) (id, token string) {
	n.t.Helper()
	id, token = n.conversation("gb", "en")
	if a := n.do("POST", "/v1/conversations/"+id+"/subscription", `{"kind":"email","address":"`+address+`"}`, "Authorization", "Bearer "+token); a.status != 202 {
		n.t.Fatalf("%d %s", a.status, a.body)
	}
	if a := n.do("POST", pathIn(n.t, n.one(), "/notices/confirm"), ""); a.status != 200 {
		n.t.Fatalf("%d %s", a.status, a.body)
	}
	return id, token
}

var pathPattern = regexp.MustCompile(`https://chat\.larkpay\.example(/\S*)`)

// pathIn is the address in a mail that begins with this path, without its host.
func pathIn(t *testing.T, m mail.Message, path string) string {
	t.Helper()
	for _, found := range pathPattern.FindAllStringSubmatch(m.Text, -1) {
		if strings.HasPrefix(found[1], path) {
			return found[1]
		}
	}
	t.Fatalf("no %s in\n%s", path, m.Text)
	return ""
}

// keyIn is the secret of the link into the conversation.
func keyIn(t *testing.T, m mail.Message) string {
	t.Helper()
	return strings.TrimPrefix(pathIn(t, m, "/chat#t="), "/chat#t=")
}

// Nothing of a conversation is mailed before its address has agreed, and no request that only looks agrees for it.
func TestConsent(t *testing.T) {
	t.Parallel()
	n := noticeSetup(t)
	id, token := n.conversation("gb", "en")
	mine := []string{"Authorization", "Bearer " + token}
	subscription := "/v1/conversations/" + id + "/subscription"
	n.run([]scenario{
		{name: "nobody leaves an address", method: "POST", path: subscription, body: `{"kind":"email","address":"kim@example.com"}`, status: 401},
		{name: "no address", method: "POST", path: subscription, body: `{"kind":"email","address":"kim"}`, headers: mine, status: 422, want: []string{`"field":"address"`}},
		{name: "another way", method: "POST", path: subscription, body: `{"kind":"pigeon","address":"kim@example.com"}`, headers: mine, status: 422, want: []string{`"field":"kind"`}},
		{name: "an address", method: "POST", path: subscription, body: `{"kind":"email","address":"kim@example.com"}`, headers: mine, status: 202, want: []string{`"confirmed":false`}},
	})
	n.answers(id, "private-answer")
	asked := n.one()
	if asked.To != "kim@example.com" || strings.Contains(asked.Text, "private-answer") || strings.Contains(asked.Text, "#t=") || strings.Contains(asked.Text, id) {
		t.Errorf("the mail that asks: %+v", asked)
	}
	confirm := pathIn(t, asked, "/notices/confirm?k=")
	for range 2 { // a scanner of mails, and one that looks twice
		n.run([]scenario{
			{name: "a link is opened", path: confirm, status: 200, want: []string{`method="post"`, "k…@example.com"}, never: []string{"kim@", "private-answer", token}, wantHeader: map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "strict-origin"}},
			{name: "or asked for", method: "HEAD", path: confirm, status: 200},
			{name: "in vain", path: "/notices/confirm?k=" + strings.Repeat("A", 55), status: 404},
			{name: "a page without a key", path: "/notices/confirm", status: 404},
			{name: "a button without a key", method: "POST", path: "/notices/confirm", status: 404},
			{name: "the key of another kind of page", method: "POST", path: strings.Replace(confirm, "confirm", "unsubscribe", 1), status: 404},
			{name: "it waits", path: subscription, headers: mine, status: 200, want: []string{`"confirmed":false`, "k…@example.com"}, never: []string{"kim@"}},
		})
	}
	n.answers(id, "private-answer")
	if got := n.later(); len(got) != 0 {
		t.Fatalf("mails to an address that has not agreed: %+v", got)
	}
	n.run([]scenario{
		{name: "the button", method: "POST", path: confirm, status: 200, never: []string{`method="post"`}},
		{name: "again", method: "POST", path: confirm, status: 200},
		{name: "it is known", path: subscription, headers: mine, status: 200, want: []string{`"confirmed":true`}},
	})
	n.answers(id, "after it")
	if m := n.one(); m.To != "kim@example.com" || !strings.Contains(m.Text, "after it") {
		t.Errorf("%+v", m)
	}
}

// A link in a mail opens its own conversation, once, with the token that counts now.
func TestLinks(t *testing.T) {
	t.Parallel()
	n := noticeSetup(t)
	id, token := n.told("kim@example.com")
	other, otherToken := n.told("eve@example.com")
	exchange := func(key string) answer {
		t.Helper()
		return n.do("POST", "/v1/links", `{"key":"`+key+`"}`)
	}
	n.answers(id, "Hello Kim")
	n.answers(other, "Hello Eve")
	var mails = map[string]mail.Message{}
	for _, m := range n.later() {
		mails[m.To] = m
	}
	key := keyIn(t, mails["kim@example.com"])
	for range 2 { // what scanners do with an address, its fragment included or not
		n.run([]scenario{
			{name: "the page", path: "/chat", status: 200, never: []string{id, token, key}},
			{name: "its head", method: "HEAD", path: "/chat", status: 200},
			{name: "the key as a query", path: "/chat?t=" + key, status: 200, never: []string{id, token}},
		})
		if a := n.plain("GET", "/v1/links?key="+key); a != http.StatusNotFound && a != http.StatusMethodNotAllowed {
			t.Errorf("GET: %d", a)
		}
	}
	n.run([]scenario{
		{name: "no key", method: "POST", path: "/v1/links", body: `{}`, status: 404, want: []string{"link_used"}},
		{name: "a made-up key", method: "POST", path: "/v1/links", body: `{"key":"` + strings.Repeat("A", 43) + `"}`, status: 404, want: []string{"link_used"}},
		{name: "a token is no key", method: "POST", path: "/v1/links", body: `{"key":"` + token + `"}`, status: 404},
		{name: "with a conversation of one's choice", method: "POST", path: "/v1/links", body: `{"key":"` + key + `","id":"` + other + `"}`, status: 422},
	})
	a := exchange(key)
	if v := a.json(t); a.status != 200 || v["id"] != id || v["token"] != token || v["locale"] != "en" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s %v", a.status, a.body, a.header)
	}
	if a := exchange(key); a.status != 404 || strings.Contains(a.body, token) {
		t.Errorf("it opens twice: %d %s", a.status, a.body)
	}
	if a := n.do("GET", "/v1/conversations/"+other, "", "Authorization", "Bearer "+token); a.status != 401 {
		t.Errorf("its token opens another conversation: %d", a.status)
	}
	// Of many at once one gets in.
	var wins, all sync.Map
	var work sync.WaitGroup
	eve := keyIn(t, mails["eve@example.com"])
	for i := range 6 {
		work.Go(func() {
			a := exchange(eve)
			all.Store(i, a.status)
			if a.status == 200 {
				wins.Store(i, a.json(t)["token"])
			}
		})
	}
	work.Wait()
	opened := 0
	wins.Range(func(_, v any) bool { opened++; return v == otherToken || !t.Failed() })
	if opened != 1 {
		t.Errorf("it opened %d times", opened)
	}
	// The token is that of the present generation: those of before open nothing, and a link gives none away.
	if err := n.record.Do(t.Context(), uuid.MustParse(id), func(ctx context.Context, s *chat.Session) error { return s.Revoke(ctx) }); err != nil {
		t.Fatal(err)
	}
	n.answers(id, "Signed out meanwhile")
	a = exchange(keyIn(t, n.one()))
	now, _ := a.json(t)["token"].(string)
	if a.status != 200 || now == token || now != n.record.TokenOf(uuid.MustParse(id), 1) {
		t.Errorf("%d: the token of another generation: %q", a.status, now)
	}
	n.run([]scenario{
		{name: "the token of before", path: "/v1/conversations/" + id, headers: []string{"Authorization", "Bearer " + token}, status: 401},
		{name: "the token of now", path: "/v1/conversations/" + id, headers: []string{"Authorization", "Bearer " + now}, status: 200},
	})
	n.answers(id, "A week ago")
	key = keyIn(t, n.one())
	if _, err := n.pool.Exec(t.Context(), `UPDATE chat_links SET expires_at = expires_at - interval '7 days' WHERE used_at IS NULL`); err != nil {
		t.Fatal(err)
	}
	if a := exchange(key); a.status != 404 {
		t.Errorf("it opens after a week: %d", a.status)
	}
}

// plain sends a request that the contract does not know, and returns its status.
func (b *bundle) plain(method, path string) int {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// The e-mails end by the one request that mail programs send (RFC 8058), and by no request that only looks.
func TestUnsubscribing(t *testing.T) {
	t.Parallel()
	n := noticeSetup(t)
	id, token := n.told("kim@example.com")
	other, _ := n.told("eve@example.com")
	n.answers(id, "One")
	m := n.one()
	u, err := url.Parse(m.Unsubscribe)
	if err != nil || u.Scheme != "https" || u.Host != "chat.larkpay.example" || strings.Contains(m.Unsubscribe, id) || strings.Contains(m.Unsubscribe, token) {
		t.Fatalf("%q %v", m.Unsubscribe, err)
	}
	end := u.RequestURI()
	n.run([]scenario{
		{name: "it is opened", path: end, status: 200, want: []string{`method="post"`, "k…@example.com"}, never: []string{"kim@", id, token}},
		{name: "its head", method: "HEAD", path: end, status: 200},
		{name: "a made-up key", method: "POST", path: "/notices/unsubscribe?k=" + strings.Repeat("A", 55), status: 404},
		{name: "one of another kind", method: "POST", path: strings.Replace(end, "unsubscribe", "confirm", 1), status: 404},
		{name: "a changed one", method: "POST", path: end[:len(end)-4] + "AAAA", status: 404},
	})
	n.answers(id, "Two")
	if m := n.one(); !strings.Contains(m.Text, "Two") {
		t.Errorf("looking at the link ended it: %+v", m)
	}
	oneClick := []string{"Content-Type", "application/x-www-form-urlencoded"} // and neither cookie nor Origin
	for range 2 {
		if a := n.do("POST", end, "List-Unsubscribe=One-Click", oneClick...); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	n.answers(id, "Three")
	n.answers(other, "For Eve")
	if got := n.later(); len(got) != 1 || got[0].To != "eve@example.com" {
		t.Errorf("after the end: %+v", got)
	}
	n.run([]scenario{
		{name: "the page says so", path: end, status: 200, never: []string{`method="post"`}},
		{name: "nobody is subscribed", path: "/v1/conversations/" + id + "/subscription", headers: []string{"Authorization", "Bearer " + token}, status: 200, want: []string{`"subscriptions":[]`}},
	})
}
