package delivery

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is one of the desks below: a server with the part of the desk's public API that its adapter uses, as the desk's own
// documentation describes it, that refuses everything else. It can lose the answer to a request that it has carried out.
type fake struct {
	t       *testing.T
	srv     *httptest.Server
	mu      sync.Mutex
	convs   []*fakeConv
	writes  int
	flaky   bool // loses the answer to every second write
	down    bool // answers nothing but 503
	emitted []Request
	next    int // ids
	handle  func(w http.ResponseWriter, r *http.Request, body map[string]any) bool
}

// fakeConv is a ticket, a conversation or a thread.
type fakeConv struct {
	id, external, contact, status string
	said                          []fakeMessage
}

type fakeMessage struct {
	id, who, text, mark string // who: customer, note, or agent
	at                  int64
}

func (c *fakeConv) texts(who string) []string {
	out := []string{}
	for _, m := range c.said {
		if m.who == who {
			out = append(out, m.text)
		}
	}
	return out
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, next: 1000}
	f.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var body map[string]any
		_ = json.Unmarshal(raw, &body)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		rec := httptest.NewRecorder()
		if !f.handle(rec, r, body) {
			f.t.Errorf("the desk has no %s %s with %s", r.Method, r.URL, raw)
			rec.Code = http.StatusNotFound
		}
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/search") {
			if f.writes++; f.flaky && f.writes%2 == 1 {
				panic(http.ErrAbortHandler) // carried out, and the answer is lost
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}))
	f.srv.Config.ErrorLog = nil
	t.Cleanup(f.srv.Close)
	return f
}

func (f *fake) id() string { f.next++; return strconv.Itoa(f.next) }

func (f *fake) conv(id string) *fakeConv {
	for _, c := range f.convs {
		if c.id == id {
			return c
		}
	}
	return nil
}

// snapshot is a copy of what the desk has.
func (f *fake) snapshot() []fakeConv {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []fakeConv
	for _, c := range f.convs {
		d := *c
		d.said = slices.Clone(c.said)
		out = append(out, d)
	}
	return out
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func answer(w http.ResponseWriter, status int, v any) bool {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
	return true
}

// text reads a string that must be there.
func text(m map[string]any, path ...string) string {
	var v any = m
	for _, p := range path {
		o, _ := v.(map[string]any)
		v = o[p]
	}
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// send makes a request as a desk signs it.
func request(body any, sign func(raw []byte, at time.Time) http.Header) Request {
	raw, _ := json.Marshal(body)
	now := time.Now()
	return Request{Header: sign(raw, now), Body: raw, Now: now}
}

func mac(b []byte, key string, parts ...[]byte) []byte {
	m := hmac.New(sha256.New, []byte(key))
	for _, p := range append(parts, b) {
		m.Write(p)
	}
	return m.Sum(nil)
}

// fakeDesk is a fake with what its people do there.
type fakeDesk struct {
	*fake
	name       string
	connection func() (Connection, Secrets)
	reply      func(conv, text string) Request
	note       func(conv, text string) Request
	resolve    func(conv string) Request
}

const fakeSigning = "the signing secret"

func fakeDesks() map[string]func(*testing.T) *fakeDesk {
	return map[string]func(*testing.T) *fakeDesk{"zendesk": fakeZendesk, "intercom": fakeIntercom, "chatwoot": fakeChatwoot, "slack": fakeSlack}
}

func fakeZendesk(t *testing.T) *fakeDesk {
	f := newFake(t)
	users := map[string]string{}   // external id -> id
	keys := map[string]*fakeConv{} // idempotency key -> ticket
	sign := func(raw []byte, at time.Time) http.Header {
		stamp := at.UTC().Format(time.RFC3339)
		return http.Header{"X-Zendesk-Webhook-Signature": {base64.StdEncoding.EncodeToString(mac(raw, fakeSigning, []byte(stamp)))}, "X-Zendesk-Webhook-Signature-Timestamp": {stamp}}
	}
	event := func(kind, ticket string, e map[string]any) Request {
		return request(map[string]any{"account_id": 1, "id": "event-" + f.id(), "type": "zen:event-type:ticket." + kind, "time": time.Now().UTC().Format(time.RFC3339Nano),
			"zendesk_event_version": "2022-11-06", "subject": "zen:ticket:" + ticket, "detail": map[string]any{"id": ticket}, "event": e}, sign)
	}
	comment := func(ticket, id, text, author string, public, staff bool) Request {
		return event("comment_added", ticket, map[string]any{"comment": map[string]any{"id": id, "body": text, "is_public": public,
			"author": map[string]any{"id": "7", "name": author, "is_staff": staff}}})
	}
	ticket := func(c *fakeConv) map[string]any {
		n, _ := strconv.Atoi(c.id)
		return map[string]any{"id": n, "external_id": c.external, "status": c.status, "requester_id": 5}
	}
	add := func(c *fakeConv, m map[string]any, mark string) string {
		who, staff := "note", true
		if m["public"] != false {
			who, staff = "agent", true
			if text(m, "author_id") == c.contact {
				who, staff = "customer", false
			}
		}
		id := f.id()
		c.said = append(c.said, fakeMessage{id: id, who: who, text: text(m, "body"), mark: mark})
		f.emitted = append(f.emitted, comment(c.id, id, text(m, "body"), "Firstline", who != "note", staff && who != "customer"))
		return id
	}
	f.handle = func(w http.ResponseWriter, r *http.Request, body map[string]any) bool {
		if user, pass, _ := r.BasicAuth(); user != "bot@larkpay.example/token" || pass != "token" {
			return answer(w, 401, map[string]any{"error": "Couldn't authenticate you"})
		}
		path := strings.TrimPrefix(r.URL.Path, "/api/v2")
		parts := strings.Split(strings.TrimSuffix(strings.Trim(path, "/"), ".json"), "/")
		in, _ := body["ticket"].(map[string]any)
		switch {
		case r.Method == "GET" && path == "/users/me.json":
			return answer(w, 200, map[string]any{"user": map[string]any{"id": 1, "role": "admin"}})
		case r.Method == "POST" && path == "/users/create_or_update.json":
			external := text(body, "user", "external_id")
			if external == "" || text(body, "user", "name") == "" {
				return answer(w, 422, map[string]any{"error": "RecordInvalid"})
			}
			if users[external] == "" {
				users[external] = f.id()
			}
			n, _ := strconv.Atoi(users[external])
			return answer(w, 201, map[string]any{"user": map[string]any{"id": n}})
		case r.Method == "GET" && path == "/tickets.json":
			found := []any{}
			for _, c := range f.convs {
				if c.external == r.URL.Query().Get("external_id") {
					found = append(found, ticket(c))
				}
			}
			return answer(w, 200, map[string]any{"tickets": found})
		case r.Method == "POST" && path == "/tickets.json":
			key := r.Header.Get("Idempotency-Key")
			if c := keys[key]; c != nil {
				return answer(w, 201, map[string]any{"ticket": ticket(c)})
			}
			c := &fakeConv{id: f.id(), external: text(in, "external_id"), contact: text(in, "requester_id"), status: "new"}
			if text(in, "subject") == "" || text(in, "comment", "body") == "" {
				return answer(w, 422, map[string]any{"error": "RecordInvalid"})
			}
			f.convs = append(f.convs, c)
			keys[key] = c
			m, _ := in["comment"].(map[string]any)
			add(c, m, "")
			return answer(w, 201, map[string]any{"ticket": ticket(c)})
		case len(parts) == 2 && parts[0] == "tickets" && f.conv(parts[1]) != nil:
			c := f.conv(parts[1])
			if r.Method == "GET" {
				return answer(w, 200, map[string]any{"ticket": ticket(c)})
			}
			if c.status == "closed" {
				return answer(w, 422, map[string]any{"error": "RecordInvalid", "description": "closed prevents ticket update"})
			}
			if s := text(in, "status"); s != "" && s != c.status {
				c.status = s
				f.emitted = append(f.emitted, event("status_changed", c.id, map[string]any{"current": strings.ToUpper(s), "previous": "OPEN"}))
			}
			events := []any{}
			if m, ok := in["comment"].(map[string]any); ok {
				events = append(events, map[string]any{"id": 3, "type": "Change"}, map[string]any{"id": json.Number(add(c, m, text(in, "metadata", zendeskMark))), "type": "Comment"})
			}
			return answer(w, 200, map[string]any{"ticket": ticket(c), "audit": map[string]any{"id": 1, "events": events}})
		case len(parts) == 3 && parts[2] == "audits" && f.conv(parts[1]) != nil:
			c := f.conv(parts[1])
			from := 0
			if after := r.URL.Query().Get("page[after]"); after != "" {
				from, _ = strconv.Atoi(after)
			}
			audits := []any{}
			to := min(from+2, len(c.said)) // small pages
			for _, m := range c.said[from:to] {
				audits = append(audits, map[string]any{"id": 1, "metadata": map[string]any{"system": map[string]any{}, "custom": map[string]any{zendeskMark: m.mark}}})
			}
			return answer(w, 200, map[string]any{"audits": audits, "meta": map[string]any{"has_more": to < len(c.said), "after_cursor": strconv.Itoa(to)}})
		}
		return false
	}
	return &fakeDesk{fake: f, name: "zendesk",
		connection: func() (Connection, Secrets) {
			return Connection{Kind: "zendesk", Name: "Larkpay support", Settings: Settings{URL: f.srv.URL, User: "bot@larkpay.example"}, Enabled: true}, Secrets{Token: "token", Signing: fakeSigning}
		},
		reply: func(c, text string) Request { return comment(c, f.id(), text, "Mia", true, true) },
		note:  func(c, text string) Request { return comment(c, f.id(), text, "Mia", false, true) },
		resolve: func(c string) Request {
			return event("status_changed", c, map[string]any{"current": "SOLVED", "previous": "OPEN"})
		}}
}

func fakeIntercom(t *testing.T) *fakeDesk {
	f := newFake(t)
	contacts := map[string]string{} // external id -> id
	sign := func(raw []byte, _ time.Time) http.Header {
		m := hmac.New(sha1.New, []byte(fakeSigning))
		m.Write(raw)
		return http.Header{"X-Hub-Signature": {fmt.Sprintf("sha1=%x", m.Sum(nil))}}
	}
	event := func(topic, conv, part, kind, html, authorType, author string) Request {
		return request(map[string]any{"type": "notification_event", "app_id": "a", "id": "notif_" + f.id(), "topic": topic, "created_at": time.Now().Unix(),
			"data": map[string]any{"type": "notification_event_data", "item": map[string]any{"type": "conversation", "id": conv,
				"conversation_parts": map[string]any{"conversation_parts": []any{map[string]any{"type": "conversation_part", "id": part, "part_type": kind, "body": html,
					"created_at": time.Now().Unix() + 1, "author": map[string]any{"type": authorType, "id": author, "name": "Mia"}}}}}}}, sign)
	}
	f.handle = func(w http.ResponseWriter, r *http.Request, body map[string]any) bool {
		if r.Header.Get("Authorization") != "Bearer token" || r.Header.Get("Intercom-Version") == "" {
			return answer(w, 401, map[string]any{"type": "error.list"})
		}
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		switch {
		case r.Method == "GET" && r.URL.Path == "/me":
			return answer(w, 200, map[string]any{"type": "admin", "id": "9"})
		case r.Method == "GET" && r.URL.Path == "/admins/9":
			return answer(w, 200, map[string]any{"type": "admin", "id": "9"})
		case r.Method == "POST" && r.URL.Path == "/contacts/search":
			found := []any{}
			if id := contacts[text(body, "query", "value")]; id != "" && text(body, "query", "field") == "external_id" {
				found = append(found, map[string]any{"id": id})
			}
			return answer(w, 200, map[string]any{"type": "list", "data": found})
		case r.Method == "POST" && r.URL.Path == "/contacts":
			external := text(body, "external_id")
			if contacts[external] != "" {
				return answer(w, 409, map[string]any{"type": "error.list", "errors": []any{map[string]any{"code": "conflict"}}})
			}
			contacts[external] = f.id()
			return answer(w, 200, map[string]any{"type": "contact", "id": contacts[external]})
		case r.Method == "POST" && r.URL.Path == "/conversations":
			c := &fakeConv{id: f.id(), contact: text(body, "from", "id"), status: "open", external: text(body, "body")}
			if c.contact == "" || c.external == "" {
				return answer(w, 422, map[string]any{"type": "error.list"})
			}
			f.convs = append(f.convs, c)
			return answer(w, 200, map[string]any{"type": "user_message", "id": f.id(), "conversation_id": c.id})
		case r.Method == "POST" && r.URL.Path == "/conversations/search":
			found := []any{}
			for _, c := range f.convs {
				if c.contact == text(body, "query", "value") {
					found = append(found, map[string]any{"id": c.id, "source": map[string]any{"body": "<p>" + c.external + "</p>"}})
				}
			}
			return answer(w, 200, map[string]any{"type": "conversation.list", "conversations": found})
		case len(parts) >= 2 && parts[0] == "conversations" && f.conv(parts[1]) != nil:
			c := f.conv(parts[1])
			if r.Method == "GET" && len(parts) == 2 {
				list := []any{}
				for _, m := range c.said {
					kind := "comment"
					if m.who == "note" {
						kind = "note"
					}
					list = append(list, map[string]any{"part_type": kind, "body": m.text, "created_at": m.at})
				}
				return answer(w, 200, map[string]any{"id": c.id, "conversation_parts": map[string]any{"conversation_parts": list}})
			}
			if len(parts) == 3 && parts[2] == "parts" && text(body, "message_type") == "close" && text(body, "admin_id") == "9" {
				if c.status != "closed" {
					c.status = "closed"
					f.emitted = append(f.emitted, event("conversation.admin.closed", c.id, f.id(), "close", "", "admin", "9"))
				}
				return answer(w, 200, map[string]any{"id": c.id})
			}
			if len(parts) != 3 || parts[2] != "reply" {
				return false
			}
			at, _ := body["created_at"].(float64)
			m := fakeMessage{id: f.id(), text: text(body, "body"), at: int64(at)}
			switch {
			case text(body, "type") == "user" && text(body, "intercom_user_id") == c.contact && text(body, "message_type") == "comment":
				m.who, c.status = "customer", "open"
				f.emitted = append(f.emitted, event("conversation.user.replied", c.id, m.id, "comment", m.text, "user", c.contact))
			case text(body, "type") == "admin" && text(body, "admin_id") == "9" && text(body, "message_type") == "note":
				m.who, m.text = "note", plain(m.text)
				f.emitted = append(f.emitted, event("conversation.admin.noted", c.id, m.id, "note", text(body, "body"), "admin", "9"))
			default:
				return answer(w, 400, map[string]any{"type": "error.list"})
			}
			c.said = append(c.said, m)
			return answer(w, 200, map[string]any{"id": c.id})
		}
		return false
	}
	return &fakeDesk{fake: f, name: "intercom",
		connection: func() (Connection, Secrets) {
			return Connection{Kind: "intercom", Name: "Larkpay support", Settings: Settings{URL: f.srv.URL, User: "9"}, Enabled: true}, Secrets{Token: "token", Signing: fakeSigning}
		},
		reply: func(c, text string) Request {
			return event("conversation.admin.replied", c, f.id(), "comment", "<p>"+text+"</p>", "admin", "4")
		},
		note: func(c, text string) Request {
			return event("conversation.admin.noted", c, f.id(), "note", "<p>"+text+"</p>", "admin", "4")
		},
		resolve: func(c string) Request {
			return event("conversation.admin.closed", c, f.id(), "close", "", "admin", "4")
		}}
}

func fakeChatwoot(t *testing.T) *fakeDesk {
	f := newFake(t)
	type contact struct{ id, source string }
	contacts := map[string]contact{} // identifier -> contact
	sign := func(raw []byte, at time.Time) http.Header {
		seconds := fmt.Sprint(at.Unix())
		return http.Header{"X-Chatwoot-Signature": {fmt.Sprintf("sha256=%x", mac(raw, fakeSigning, []byte(seconds+".")))}, "X-Chatwoot-Timestamp": {seconds},
			"X-Chatwoot-Delivery": {fmt.Sprintf("%x", sha256.Sum256(raw))}}
	}
	message := func(conv, id, kind, content, source string, private bool) Request {
		n, _ := strconv.Atoi(id)
		c, _ := strconv.Atoi(conv)
		return request(map[string]any{"event": "message_created", "id": n, "content": content, "message_type": kind, "private": private, "source_id": source,
			"created_at": time.Now().UTC().Format(time.RFC3339Nano), "sender": map[string]any{"id": 4, "name": "Mia", "type": "user"}, "conversation": map[string]any{"id": c}}, sign)
	}
	status := func(conv, to string) Request {
		c, _ := strconv.Atoi(conv)
		return request(map[string]any{"event": "conversation_status_changed", "id": c, "status": to, "updated_at": float64(time.Now().UnixMilli()) / 1000, "note": f.id()}, sign)
	}
	f.handle = func(w http.ResponseWriter, r *http.Request, body map[string]any) bool {
		if r.Header.Get("api_access_token") != "token" {
			return answer(w, 401, map[string]any{"errors": []string{"Invalid Access Token"}})
		}
		path, ok := strings.CutPrefix(r.URL.Path, "/api/v1/accounts/3")
		if !ok {
			return false
		}
		parts := strings.Split(strings.Trim(path, "/"), "/")
		inboxes := func(c contact) []any {
			return []any{map[string]any{"source_id": "elsewhere", "inbox": map[string]any{"id": 1}}, map[string]any{"source_id": c.source, "inbox": map[string]any{"id": 6}}}
		}
		switch {
		case r.Method == "GET" && path == "/inboxes/6":
			return answer(w, 200, map[string]any{"id": 6})
		case r.Method == "GET" && path == "/contacts/search":
			found := []any{map[string]any{"id": 1, "identifier": "somebody else"}}
			for identifier, c := range contacts {
				if strings.Contains(identifier, r.URL.Query().Get("q")) {
					n, _ := strconv.Atoi(c.id)
					found = append(found, map[string]any{"id": n, "identifier": identifier, "contact_inboxes": inboxes(c)})
				}
			}
			return answer(w, 200, map[string]any{"meta": map[string]any{}, "payload": found})
		case r.Method == "POST" && path == "/contacts":
			identifier := text(body, "identifier")
			if _, taken := contacts[identifier]; taken || text(body, "inbox_id") != "6" {
				return answer(w, 422, map[string]any{"message": "Identifier has already been taken"})
			}
			c := contact{f.id(), "source-" + f.id()}
			contacts[identifier] = c
			n, _ := strconv.Atoi(c.id)
			return answer(w, 200, map[string]any{"payload": map[string]any{"contact": map[string]any{"id": n, "contact_inboxes": inboxes(c)}}})
		case r.Method == "GET" && len(parts) == 3 && parts[0] == "contacts" && parts[2] == "conversations":
			found := []any{}
			for _, c := range f.convs {
				if c.contact == parts[1] {
					n, _ := strconv.Atoi(c.id)
					found = append(found, map[string]any{"id": n, "custom_attributes": map[string]any{"firstline_conversation": c.external}})
				}
			}
			return answer(w, 200, map[string]any{"payload": found})
		case r.Method == "POST" && path == "/conversations":
			if !strings.HasPrefix(text(body, "source_id"), "source-") || text(body, "inbox_id") != "6" {
				return answer(w, 404, map[string]any{"error": "Resource could not be found"})
			}
			c := &fakeConv{id: f.id(), contact: text(body, "contact_id"), status: text(body, "status"), external: text(body, "custom_attributes", "firstline_conversation")}
			f.convs = append(f.convs, c)
			n, _ := strconv.Atoi(c.id)
			return answer(w, 200, map[string]any{"id": n, "status": c.status})
		case len(parts) == 3 && parts[0] == "conversations" && f.conv(parts[1]) != nil:
			c := f.conv(parts[1])
			switch {
			case r.Method == "POST" && parts[2] == "toggle_status":
				if c.status != text(body, "status") {
					c.status = text(body, "status")
					f.emitted = append(f.emitted, status(c.id, c.status))
				}
				return answer(w, 200, map[string]any{"payload": map[string]any{"success": true}})
			case r.Method == "POST" && parts[2] == "messages":
				m := fakeMessage{id: f.id(), text: text(body, "content"), mark: text(body, "source_id")}
				switch {
				case text(body, "message_type") == "incoming" && body["private"] != true:
					m.who = "customer"
				case body["private"] == true:
					m.who = "note"
				default:
					m.who = "agent"
				}
				c.said = append(c.said, m)
				f.emitted = append(f.emitted, message(c.id, m.id, text(body, "message_type"), m.text, m.mark, m.who == "note"))
				n, _ := strconv.Atoi(m.id)
				return answer(w, 200, map[string]any{"id": n, "source_id": m.mark})
			case r.Method == "GET" && parts[2] == "messages":
				list := []any{}
				before := 1 << 30
				if b := r.URL.Query().Get("before"); b != "" {
					before, _ = strconv.Atoi(b)
				}
				for _, m := range c.said {
					if n, _ := strconv.Atoi(m.id); n < before {
						list = append(list, map[string]any{"id": n, "source_id": m.mark})
					}
				}
				return answer(w, 200, map[string]any{"meta": map[string]any{}, "payload": list[max(0, len(list)-2):]}) // small pages
			}
		}
		return false
	}
	return &fakeDesk{fake: f, name: "chatwoot",
		connection: func() (Connection, Secrets) {
			return Connection{Kind: "chatwoot", Name: "Larkpay support", Settings: Settings{URL: f.srv.URL, Account: "3", Inbox: "6"}, Enabled: true}, Secrets{Token: "token", Signing: fakeSigning}
		},
		reply:   func(c, text string) Request { return message(c, f.id(), "outgoing", text, "", false) },
		note:    func(c, text string) Request { return message(c, f.id(), "outgoing", text, "", true) },
		resolve: func(c string) Request { return status(c, "resolved") }}
}

func fakeSlack(t *testing.T) *fakeDesk {
	f := newFake(t)
	ts := func() string { return fmt.Sprintf("%d.%s", time.Now().Unix()+1, f.id()) }
	sign := func(raw []byte, at time.Time) http.Header {
		seconds := fmt.Sprint(at.Unix())
		return http.Header{"X-Slack-Signature": {fmt.Sprintf("v0=%x", mac(raw, fakeSigning, []byte("v0:"+seconds+":")))}, "X-Slack-Request-Timestamp": {seconds}}
	}
	event := func(thread, at, text string, more map[string]any) Request {
		m := map[string]any{"type": "message", "channel": "C1", "user": "U4", "text": text, "ts": at, "thread_ts": thread}
		for k, v := range more {
			m[k] = v
		}
		return request(map[string]any{"token": "t", "team_id": "T1", "type": "event_callback", "event_id": "Ev" + f.id(), "event_time": time.Now().Unix(), "event": m}, sign)
	}
	f.handle = func(w http.ResponseWriter, r *http.Request, body map[string]any) bool {
		if r.Header.Get("Authorization") != "Bearer token" {
			return answer(w, 200, map[string]any{"ok": false, "error": "invalid_auth"})
		}
		messages := func(list []fakeMessage) []any {
			out := []any{}
			for _, m := range list {
				out = append(out, map[string]any{"ts": m.id, "text": m.text, "metadata": map[string]any{"event_type": slackMark, "event_payload": map[string]any{"delivery": m.mark}}})
			}
			return out
		}
		q := r.URL.Query()
		switch r.URL.Path {
		case "/auth.test":
			return answer(w, 200, map[string]any{"ok": true})
		case "/chat.postMessage":
			if text(body, "channel") != "C1" {
				return answer(w, 200, map[string]any{"ok": false, "error": "channel_not_found"})
			}
			m := fakeMessage{id: ts(), text: text(body, "text"), mark: text(body, "metadata", "event_payload", "delivery"), who: "note"}
			if rest, ok := strings.CutPrefix(m.text, "*Customer:* "); ok {
				m.who, m.text = "customer", rest
			}
			thread := text(body, "thread_ts")
			c := f.conv(thread)
			if c == nil {
				if thread != "" {
					return answer(w, 200, map[string]any{"ok": false, "error": "thread_not_found"})
				}
				thread = m.id
				c = &fakeConv{id: m.id, status: "open"}
				f.convs = append(f.convs, c)
			}
			c.said = append(c.said, m)
			f.emitted = append(f.emitted, event(thread, m.id, m.text, map[string]any{"bot_id": "B1", "subtype": "bot_message"}), event(thread, m.id, m.text, map[string]any{"bot_id": "B1"}))
			return answer(w, 200, map[string]any{"ok": true, "channel": "C1", "ts": m.id})
		case "/conversations.history":
			var list []fakeMessage
			for _, c := range f.convs {
				list = append(list, c.said[0])
			}
			if q.Get("include_all_metadata") != "true" || q.Get("channel") != "C1" {
				return false
			}
			from, _ := strconv.Atoi(q.Get("cursor"))
			to := min(from+1, len(list)) // small pages
			next := ""
			if to < len(list) {
				next = strconv.Itoa(to)
			}
			return answer(w, 200, map[string]any{"ok": true, "messages": messages(list[from:to]), "response_metadata": map[string]any{"next_cursor": next}})
		case "/conversations.replies":
			c := f.conv(q.Get("ts"))
			if c == nil || q.Get("include_all_metadata") != "true" {
				return false
			}
			return answer(w, 200, map[string]any{"ok": true, "messages": messages(c.said)})
		}
		return false
	}
	return &fakeDesk{fake: f, name: "slack",
		connection: func() (Connection, Secrets) {
			return Connection{Kind: "slack", Name: "Larkpay support", Settings: Settings{URL: f.srv.URL, Channel: "C1"}, Enabled: true}, Secrets{Token: "token", Signing: fakeSigning}
		},
		reply:   func(c, text string) Request { return event(c, ts(), text, nil) },
		note:    func(c, text string) Request { return event(c, ts(), "note: "+text, nil) },
		resolve: func(c string) Request { return event(c, ts(), "!resolve", nil) }}
}

// altered is the request with another body, as somebody would send it who does not know the secret.
func altered(r Request) Request {
	r.Body = append(bytes.Clone(r.Body), ' ')
	return r
}
