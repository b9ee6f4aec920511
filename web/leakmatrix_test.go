package web

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/auth"
)

// door is who a route is for, and so what everybody else gets there.
type door int

const (
	open         door = iota + 1 // everybody; it has nothing of any customer
	byLink                       // who got the secret of a link by e-mail
	byToken                      // the conversation's own token, of the present generation
	bySession                    // a customer's session, for what is theirs
	byBackend                    // a token of the company's backend
	forDesk                      // who works at the desk, for what their teams have
	deskTalk                     // the same, for one conversation
	leads                        // supervisors and admins
	admins                       // admins
	staffPage                    // pages for who is signed in
	otherSystems                 // signed by another system
	forStaff                     // anybody who works here, for what is their own or of articles
)

// doors has every route of the server. A route that is not here fails TestLeaks: whoever adds one says whom it is for.
var doors = map[door][]string{
	open: {
		"GET /", "GET /assets/*file", "GET /chat", "GET /contact", "GET /healthz", "GET /help", "GET /help/:slug", "POST /help/:slug/feedback",
		"GET /help/:slug/guide", "GET /help/c/:collection", "GET /help/feed.atom", "GET /help/search", "GET /metrics", "GET /sw.js", "GET /widget.js", "GET /openapi.json", "GET /readyz", "GET /robots.txt",
		"GET /signin", "POST /signin", "POST /signin/link", "GET /signin/oidc", "GET /signin/oidc/callback", "POST /signin/password", "GET /sitemap.xml",
		"GET /sitemap/:part", "GET /static/*file", "POST /v1/auth/link", "GET /v1/config", "GET /v1/contact-options", "POST /v1/conversations",
		"GET /v1/help/articles/:slug", "POST /v1/help/articles/:slug/feedback", "GET /v1/help/search", "GET /v1/help/starters", "GET /v1/help/suggest", "GET /v1/privacy",
	},
	byLink: {
		"GET /notices/confirm", "POST /notices/confirm", "GET /notices/unsubscribe", "POST /notices/unsubscribe", "POST /v1/links",
	},
	byToken: {
		"POST /v1/attachments", "GET /v1/conversations/:id", "GET /v1/conversations/:id/attachments/:aid", "GET /v1/conversations/:id/attachments/:aid/thumbnail", "POST /v1/conversations/:id/close",
		"POST /v1/conversations/:id/erase", "GET /v1/conversations/:id/events", "POST /v1/conversations/:id/export", "PATCH /v1/conversations/:id/handoff",
		"POST /v1/conversations/:id/handoff", "POST /v1/conversations/:id/intake", "GET /v1/conversations/:id/messages", "POST /v1/conversations/:id/messages",
		"POST /v1/conversations/:id/messages/:mid/feedback", "POST /v1/conversations/:id/rating", "POST /v1/conversations/:id/read", "POST /v1/conversations/:id/reopen",
		"PUT /v1/conversations/:id/context", "POST /v1/conversations/:id/turns/:turn/stop", "GET /v1/conversations/:id/subscription", "DELETE /v1/conversations/:id/subscription/:sid",
		"DELETE /v1/conversations/:id/subscription", "POST /v1/conversations/:id/subscription", "GET /v1/conversations/:id/transcript", "POST /v1/conversations/:id/typing",
	},
	bySession: {
		"GET /v1/customer/conversations", "POST /v1/customer/conversations/:id/token", "POST /v1/customer/erase", "POST /v1/customer/export",
		"POST /v1/customer/logout",
	},
	byBackend: {
		"POST /v1/conversations/:id/identify", "POST /v1/customer/session",
	},
	forDesk: {
		"GET /v1/agent/conversations", "GET /v1/agent/copilot/use", "PUT /v1/agent/drafts/:did", "GET /v1/agent/events", "GET /v1/agent/handoffs",
		"GET /v1/agent/macros", "POST /v1/agent/macros", "DELETE /v1/agent/macros/:mid", "GET /v1/agent/macros/:mid", "PUT /v1/agent/macros/:mid",
		"POST /v1/agent/macros/:mid/render", "GET /v1/agent/mentions", "GET /v1/agent/preferences", "PUT /v1/agent/preferences", "PUT /v1/agent/presence",
		"GET /v1/agent/search", "GET /v1/agent/supervision", "GET /v1/agent/teams", "GET /v1/agent/views", "POST /v1/agent/views", "DELETE /v1/agent/views/:vid",
		"PUT /v1/agent/views/:vid",
	},
	deskTalk: {
		"GET /v1/agent/conversations/:id", "POST /v1/agent/conversations/:id/article-draft", "POST /v1/agent/conversations/:id/attachments",
		"GET /v1/agent/conversations/:id/attachments/:aid", "GET /v1/agent/conversations/:id/attachments/:aid/thumbnail", "POST /v1/agent/conversations/:id/draft", "POST /v1/agent/conversations/:id/escalate",
		"GET /v1/agent/conversations/:id/events", "GET /v1/agent/conversations/:id/history", "GET /v1/agent/conversations/:id/mail", "POST /v1/agent/conversations/:id/messages",
		"POST /v1/agent/conversations/:id/pull", "POST /v1/agent/conversations/:id/read", "POST /v1/agent/conversations/:id/resolve", "POST /v1/agent/conversations/:id/return",
		"POST /v1/agent/conversations/:id/snooze", "GET /v1/agent/conversations/:id/suggestions", "POST /v1/agent/conversations/:id/takeover",
		"POST /v1/agent/conversations/:id/transfer", "POST /v1/agent/conversations/:id/translate", "GET /v1/agent/conversations/:id/translations",
		"POST /v1/agent/conversations/:id/typing", "DELETE /v1/agent/conversations/:id/viewing", "POST /v1/agent/conversations/:id/viewing",
		"POST /v1/agent/conversations/:id/wake", "POST /v1/agent/handoffs/:hid/accept", "POST /v1/agent/handoffs/:hid/assign", "POST /v1/agent/handoffs/:hid/decline",
		"PUT /v1/agent/handoffs/:hid/verdict",
	},
	leads: {
		"GET /v1/agent/alerts", "POST /v1/agent/alerts/:id/seen", "GET /v1/analytics/:report",
	},
	admins: {
		"GET /v1/admin/agents", "POST /v1/admin/agents", "DELETE /v1/admin/agents/:aid", "GET /v1/admin/agents/:aid", "PATCH /v1/admin/agents/:aid",
		"POST /v1/admin/agents/:aid/link", "DELETE /v1/admin/agents/:aid/password", "DELETE /v1/admin/agents/:aid/sessions", "GET /v1/admin/agents/:aid/sessions",
		"DELETE /v1/admin/agents/:aid/sessions/:sid", "POST /v1/admin/agents/:aid/unblock", "GET /v1/admin/audit", "GET /v1/admin/closures",
		"POST /v1/admin/closures", "DELETE /v1/admin/closures/:id", "GET /v1/admin/connections", "POST /v1/admin/connections", "DELETE /v1/admin/connections/:cid",
		"GET /v1/admin/connections/:cid", "PUT /v1/admin/connections/:cid", "POST /v1/admin/connections/:cid/test", "GET /v1/admin/deliveries",
		"GET /v1/admin/deliveries/:did", "POST /v1/admin/deliveries/:did/drop", "POST /v1/admin/deliveries/:did/replay", "POST /v1/admin/deliveries/replay",
		"GET /v1/admin/help/feedback", "GET /v1/admin/mail", "GET /v1/admin/sites", "POST /v1/admin/sites", "PUT /v1/admin/sites/:key", "DELETE /v1/admin/sites/:key", "PUT /v1/admin/shelves", "GET /v1/admin/teams", "DELETE /v1/admin/teams/:key",
		"GET /v1/admin/teams/:key", "PUT /v1/admin/teams/:key", "GET /v1/admin/thresholds", "GET /v1/admin/topics", "DELETE /v1/admin/topics/:key",
		"GET /v1/admin/topics/:key", "PUT /v1/admin/topics/:key", "DELETE /v1/admin/topics/:key/examples", "POST /v1/admin/topics/:key/examples",
		"POST /v1/admin/topics/try", "GET /v1/admin/webhooks", "POST /v1/admin/webhooks", "DELETE /v1/admin/webhooks/:wid", "GET /v1/admin/webhooks/:wid",
		"PUT /v1/admin/webhooks/:wid", "POST /v1/admin/webhooks/:wid/rotate", "POST /v1/admin/webhooks/:wid/test",
	},
	forStaff: {
		"GET /v1/agent/me", "POST /v1/agent/signout", "GET /v1/kb/article-drafts", "GET /v1/kb/article-drafts/:id", "PUT /v1/kb/article-drafts/:id",
		"PUT /v1/me/password", "DELETE /v1/me/sessions", "GET /v1/me/sessions", "DELETE /v1/me/sessions/:sid",
	},
	staffPage: {
		"GET /account", "POST /account", "GET /admin", "POST /admin", "GET /admin/audit", "GET /admin/delivery", "POST /admin/delivery",
		"GET /admin/delivery/:did", "POST /admin/delivery/:did", "GET /admin/help", "GET /admin/mail", "GET /admin/people", "POST /admin/people", "GET /admin/sites", "POST /admin/sites",
		"GET /admin/people/:aid", "POST /admin/people/:aid", "GET /admin/thresholds", "GET /admin/topics/:key", "POST /admin/topics/:key",
		"GET /desk",
	},
	otherSystems: {
		"POST /v1/inbound/:cid",
	},
}

// bodies are what requests carry that would be refused before anybody asks who sends them. The others carry {}.
var bodies = map[string]string{
	"POST /v1/agent/conversations/:id/transfer":  `{"team":"b2b"}`,
	"POST /v1/agent/conversations/:id/messages":  `{"client_id":"planted","text":"planted","visibility":"public"}`,
	"POST /v1/agent/handoffs/:hid/assign":        `{"agent":"00000000-0000-0000-0000-000000000000"}`,
	"PUT /v1/agent/handoffs/:hid/verdict":        `{"verdict":"right"}`,
	"POST /v1/agent/conversations/:id/translate": `{"locale":"en"}`,
	"POST /v1/conversations/:id/messages":        `{"client_id":"planted","text":"planted"}`,
	"POST /v1/conversations/:id/erase":           `{"confirm":true,"even_open":true}`,
	"POST /v1/customer/erase":                    `{"confirm":true,"even_open":true}`,
	"POST /v1/conversations/:id/subscription":    `{"kind":"email","address":"planted@example.org"}`,
	"POST /v1/customer/logout":                   `{"everywhere":true}`,
	"PUT /v1/conversations/:id/context":          `{"context":{"plan":"planted"}}`,
	"POST /v1/links":                             `{"key":"planted"}`,
}

// TestLeaks goes through every door of the server with every wrong key, and looks for anything of one customer in all that
// comes back: the status, the body, the headers, what may be cached, and what a stream brings meanwhile.
func TestLeaks(t *testing.T) {
	t.Parallel()
	b := known(t)
	const secret, name, email, file, told = "mauvequinox", "Ximenaquilla", "victim@zzyzx.example", "quokkaledger", "@yttrium.example"
	victim := vouch(t, jwt.MapClaims{"sub": "victim-77-subject", "name": name, "email": email, "account": map[string]any{"plan": "plovergold"}})

	// The victim: a conversation that became theirs, with a file, a message, a person who takes care of it, and a note.
	id, old := b.conversation("gb", "en")
	token, session := b.identify(id, old, victim)
	a := b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"1","text":"my word is `+secret+`"}`, bearer(token)...)
	if a.status != http.StatusAccepted {
		t.Fatal(a.status, a.body)
	}
	message, _ := a.json(t)["message"].(map[string]any)["id"].(string)
	upload := b.do("POST", "/v1/attachments?conversation="+id, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\""+file+".txt\"\r\n\r\nthe "+secret+" file\r\n--x--\r\n",
		append(bearer(token), "Content-Type", "multipart/form-data; boundary=x")...)
	if upload.status != http.StatusCreated {
		t.Fatal(upload.status, upload.body)
	}
	attachment, _ := upload.json(t)["id"].(string)
	asked := b.do("POST", "/v1/conversations/"+id+"/handoff", `{"note":"about `+secret+`"}`, bearer(token)...)
	if asked.status != http.StatusAccepted {
		t.Fatal(asked.status, asked.body)
	}
	ticket, _ := asked.json(t)["handoff"].(map[string]any)["id"].(string)
	// No team that the agent below is in has it, not even by overflow.
	if _, err := b.pool.Exec(t.Context(), `UPDATE handoffs SET team = 'fraud' WHERE id = $1`, ticket); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO subscriptions (conversation_id, kind, address, confirmed_at) VALUES ($1, 'email', $2, now())`, id, "elsewhere"+told); err != nil {
		t.Fatal(err)
	}
	markers := []string{secret, name, email, file, told, "plovergold", "victim-77-subject", token, session}

	// The others.
	strangerID, stranger := b.conversation("gb", "en")
	save := func(email, role string, teams ...string) uuid.UUID {
		p, err := b.auth.Save(t.Context(), auth.Agent{Email: email, Role: role, Teams: teams, Capacity: 4})
		if err != nil {
			t.Fatal(err)
		}
		return p.ID
	}
	agentID, editorID := save("otto@larkpay.example", "agent", "b2b"), save("edda@larkpay.example", "editor")
	issue := func(who uuid.UUID) string { // a new one for every request: some of them end it
		s, err := b.auth.Issue(t.Context(), who, "token")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	otherSession := func() string {
		a := b.do("POST", "/v1/customer/session", tokenBody(vouch(t, jwt.MapClaims{"sub": "c-99", "email": nil})))
		s, _ := a.json(t)["session"].(string)
		return s
	}
	type attacker struct {
		name string
		key  func() string
	}
	const another, other, before, outside, writer = "another conversation's token", "another customer's session", "the token before", "an agent of another team", "an editor"
	const ownPlace = "a stranger's token, in their own conversation"
	attackers := []attacker{
		{"nobody", func() string { return "" }}, {another, func() string { return stranger }}, {other, otherSession}, {before, func() string { return old }},
		{"the session in the place of a token, cut short", func() string { return session[:len(session)-1] }},
		{outside, func() string { return issue(agentID) }}, {writer, func() string { return issue(editorID) }},
	}
	// wanted are the statuses that a wrong key may get; none for any.
	wanted := func(route string, d door, who string) []int {
		switch d {
		case byLink: // no key of another kind is one of these
			return []int{400, 401, 404, 422}
		case byToken:
			if who == ownPlace {
				return []int{204, 404, 409, 422} // some say nothing of what is not there
			}
			return []int{401}
		case bySession:
			if who == other {
				return nil
			}
			return []int{401}
		case byBackend:
			return []int{401, 422}
		case forDesk, deskTalk, leads, admins:
			switch {
			case route == "POST /v1/agent/conversations/:id/messages" && who == outside: // it asks whose it is first: nobody's of another team
				return []int{403, 404, 409}
			case who == writer:
				return []int{403}
			case who == outside && d == forDesk:
				return nil
			case who == outside && d == deskTalk:
				return []int{403, 404}
			case who == outside:
				return []int{403}
			case who == "nobody": // what changes something asks for a header first
				return []int{401, 403}
			}
			return []int{401}
		case forStaff:
			if who == writer || who == outside {
				return nil
			}
			return []int{401, 403}
		case staffPage:
			return []int{303, 302, 401, 403, 404, 405, 200, 422, 503} // pages take cookies only: what they show is the way to sign in
		}
		return nil
	}

	in := map[string]door{}
	for d, routes := range doors {
		for _, r := range routes {
			if in[r] != 0 {
				t.Errorf("%s is there twice", r)
			}
			in[r] = d
		}
	}
	fill := strings.NewReplacer(":hid", ticket, ":mid", message, ":aid", attachment, ":turn", id, ":id", id, ":slug", "late-fees", ":key", "general", ":report", "overview",
		":part", "1.xml", "*name", "x", "*path", "x").Replace
	seen := map[string]bool{}
	for _, r := range b.server.engine.Routes() {
		route := r.Method + " " + r.Path
		seen[route] = true
		d := in[route]
		if d == 0 && r.Method == http.MethodHead { // a page's, without the page
			d = in["GET "+r.Path]
		}
		if d == 0 {
			t.Errorf("%s is in no list: say in doors whom it is for", route)
			continue
		}
		path := fill(r.Path)
		for i := strings.Index(path, "/:"); i >= 0; i = strings.Index(path, "/:") { // what is named otherwise: the conversation's id does for all
			end := strings.IndexByte(path[i+1:], '/')
			if end < 0 {
				end = len(path) - i - 1
			}
			path = path[:i+1] + id + path[i+1+end:]
		}
		switch route {
		case "POST /v1/attachments":
			path += "?conversation=" + id
		case "GET /v1/agent/search", "GET /v1/help/search", "GET /help", "GET /v1/help/suggest":
			path += "?q=" + secret[:6] // and not the whole: what is asked comes back
		}
		tries := attackers
		if own := strings.Replace(path, id, strangerID, 1); d == byToken && own != path && strings.Count(r.Path, ":") > 1 {
			tries = append(slices.Clip(attackers), attacker{ownPlace, func() string { return stranger }}) // what is the victim's, in a conversation of one's own
		}
		for _, who := range tries {
			path := path
			if who.name == ownPlace {
				path = strings.Replace(path, id, strangerID, 1)
			}
			body, has := bodies[route]
			if !has {
				body = "{}"
			}
			if d == byBackend {
				body = tokenBody(vouch(t, jwt.MapClaims{"sub": "c-98"}) + "x")
			}
			status, header, got := b.knock(r.Method, path, body, who.key())
			if want := wanted(route, d, who.name); want != nil && !slices.Contains(want, status) {
				t.Errorf("%s with %s: %d, want one of %v\n%.300s", route, who.name, status, want, got)
			}
			if status >= 500 && status != http.StatusServiceUnavailable { // what is not set up, or not built, says so
				t.Errorf("%s with %s: %d", route, who.name, status)
			}
			for k, values := range header {
				got += "\n" + k + ": " + strings.Join(values, " ")
			}
			for _, m := range markers {
				if strings.Contains(got, m) {
					t.Errorf("%s with %s gives away %q", route, who.name, m)
				}
			}
			for _, m := range []string{id, message, attachment, ticket} { // where nobody has said them
				if strings.Contains(got, m) && !strings.Contains(path, m) && !strings.Contains(body, m) {
					t.Errorf("%s with %s says that there is %s", route, who.name, m)
				}
			}
			if cache := header.Get("Cache-Control"); strings.HasPrefix(r.Path, "/v1/") && d != open && !strings.Contains(cache, "no-store") && !strings.Contains(cache, "private") {
				t.Errorf("%s with %s may be cached: %q", route, who.name, cache)
			}
		}
	}
	for route := range in {
		if !seen[route] {
			t.Errorf("%s is in doors, but the server has no such route", route)
		}
	}

	// Nor can a file of the victim's be sent on as one's own.
	if a := b.do("POST", "/v1/conversations/"+strangerID+"/messages", `{"client_id":"f","text":"look","attachments":["`+attachment+`"]}`, bearer(stranger)...); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a file of another conversation: %d %s", a.status, a.body)
	}

	// Nobody has changed anything of the victim's, and the victim, with the right keys, finds it all where it was.
	boss := bearer(b.person("boss@larkpay.example", "supervisor", "token"))
	at := "/v1/conversations/" + id
	b.run([]scenario{
		{name: "the victim reads", path: at + "/messages", headers: bearer(token), status: 200, want: []string{secret}, never: []string{"planted"}},
		{name: "it is open", path: at, headers: bearer(token), status: 200, want: []string{`"status":"open"`, `"owner":"queue"`}},
		{name: "the file", path: at + "/attachments/" + attachment, headers: bearer(token), status: 200, want: []string{secret}},
		{name: "where answers are announced", path: at + "/subscription", headers: bearer(token), status: 200, want: []string{told}},
		{name: "the list", path: "/v1/customer/conversations", headers: bearer(session), status: 200, want: []string{id}},
		{name: "the desk", path: "/v1/agent/conversations/" + id, headers: boss, status: 200, want: []string{name, `"verified":true`}},
		{name: "the search", path: "/v1/agent/search?q=" + secret, headers: boss, status: 200, want: []string{id}},
		{name: "the stranger's is another", path: "/v1/conversations/" + strangerID, headers: bearer(stranger), status: 200},
	})
}

// knock sends a request and reads what comes back; of what does not end, what comes in a while. It follows nothing, and is
// not held against the contract: what is sent is often nothing that the contract knows.
func (b *bundle) knock(method, path, body, key string) (status int, header http.Header, got string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	var content io.Reader
	if method != http.MethodGet && method != http.MethodHead {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, b.url+path, content)
	if err != nil {
		b.t.Fatal(err)
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		b.t.Fatal(method, path, err)
	}
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		time.AfterFunc(500*time.Millisecond, cancel)
	}
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(data)
}
