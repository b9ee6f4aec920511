package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/auth"
)

const (
	goodPassword  = "correct horse battery staple"
	otherPassword = "violet tram over the harbour"
)

// asForm are the headers of a form of ours, and of whoever's cookie.
func asForm(cookie ...string) []string {
	h := []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}
	for _, c := range cookie {
		h = append(h, "Cookie", sessionCookie+"="+c)
	}
	return h
}

// fields writes pairs of name and value as a form.
func fields(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// signed is the session that an answer begins.
func (a answer) signed() string {
	for _, set := range a.header.Values("Set-Cookie") {
		if v, ok := strings.CutPrefix(set, sessionCookie+"="); ok {
			v, _, _ = strings.Cut(v, ";")
			return v
		}
	}
	return ""
}

// withPassword makes somebody who has a password.
func (b *bundle) withPassword(email, role string) auth.Agent {
	b.t.Helper()
	b.person(email, role, "token")
	a, err := b.auth.FindByEmail(b.t.Context(), email)
	if err == nil {
		err = b.auth.GivePassword(b.t.Context(), auth.Command, a.ID, goodPassword)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func TestPasswordSignIn(t *testing.T) {
	b := setup(t)
	b.withPassword("ada@larkpay.example", "agent")
	in := func(email, password, to string, headers ...string) answer {
		return b.do("POST", "/signin/password", fields("email", email, "password", password, "to", to), append(asForm(), headers...)...)
	}
	for to, want := range map[string]string{"": "/desk", "/admin/people?x=1": "/admin/people?x=1", "/desk#c/1": "/desk#c/1", "https://evil.example/": "/desk", "//evil.example": "/desk",
		"/\\evil.example": "/desk", "/signin?token=x": "/desk", "javascript:alert(1)": "/desk", "desk": "/desk"} {
		a := in("ada@larkpay.example", goodPassword, to)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != want || a.signed() == "" {
			t.Errorf("to %q: %d to %q", to, a.status, a.header.Get("Location"))
		}
	}
	first := in("ada@larkpay.example", goodPassword, "").signed()
	second := in("ada@larkpay.example", goodPassword, "", "Cookie", sessionCookie+"="+first).signed()
	if me := b.do("GET", "/v1/agent/me", "", "Cookie", sessionCookie+"="+second); me.status != 200 {
		t.Errorf("the session: %d", me.status)
	}
	if me := b.do("GET", "/v1/agent/me", "", "Cookie", sessionCookie+"="+first); me.status != 401 {
		t.Errorf("the session that the browser had before: %d", me.status)
	}
	// Whoever exists and whoever does not get the same page, but for the address that they typed.
	known, unknown := in("ada@larkpay.example", "wrong", ""), in("eve@larkpay.example", "wrong", "")
	if known.status != 401 || strings.ReplaceAll(known.body, "ada@", "eve@") != unknown.body || known.signed() != "" {
		t.Errorf("%d and %d:\n%s\n%s", known.status, unknown.status, known.body, unknown.body)
	}
	for h, v := range known.header {
		if h != "Date" && strings.Join(v, "") != strings.Join(unknown.header[h], "") {
			t.Errorf("header %s: %v and %v", h, v, unknown.header[h])
		}
	}
	b.run([]scenario{
		{name: "what was typed is text", method: "POST", path: "/signin/password", body: fields("email", `"><script>alert(1)</script>`, "password", "x"), headers: asForm(), status: 401, want: []string{"&lt;script&gt;"}, never: []string{"<script"}},
		{name: "a password is not written back", method: "POST", path: "/signin/password", body: fields("email", "a@b.example", "password", "mauve-zorblatt"), headers: asForm(), status: 401, never: []string{"mauve-zorblatt"}},
		{name: "another site's form", method: "POST", path: "/signin/password", body: fields("email", "ada@larkpay.example", "password", goodPassword), headers: []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"}, status: 403, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "in the address", method: "POST", path: "/signin/password?" + fields("email", "ada@larkpay.example", "password", goodPassword), body: "x=1", headers: asForm(), status: 401, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "no e-mail, no links", method: "POST", path: "/signin/link", body: fields("email", "ada@larkpay.example"), headers: asForm(), status: 503, want: []string{"sends no e-mail"}},
		{name: "nor by the API", method: "POST", path: "/v1/auth/link", body: `{"email":"ada@larkpay.example"}`, status: 503, want: []string{`"no_email"`}},
		{name: "no provider", path: "/signin/oidc", status: 404},
		{name: "nor a way back from it", path: "/signin/oidc/callback?code=x&state=y", status: 404},
		{name: "signed in already", path: "/signin", headers: []string{"Cookie", sessionCookie + "=" + second}, status: 200, want: []string{"You are signed in as <strong>ada"}},
	})
	var last answer
	for i := range 6 {
		if i == 5 { // the wait is a second at first, which a slow machine lets pass
			if _, err := b.pool.Exec(t.Context(), `UPDATE sign_in_failures SET blocked_until = now() + interval '90 seconds' WHERE blocked_until > '-infinity'`); err != nil {
				t.Fatal(err)
			}
		}
		last = in("otto@larkpay.example", "wrong", "")
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") < "60" || len(last.header.Get("Retry-After")) != 2 || !strings.Contains(last.body, "Too many attempts") {
		t.Errorf("the sixth try: %d, Retry-After %q\n%s", last.status, last.header.Get("Retry-After"), last.body)
	}
}

// letters keeps what is sent.
type letters struct {
	sent chan string
}

func (l letters) Send(_ context.Context, to, _, text string) error {
	l.sent <- to + "\n" + text
	return errors.New("the letter box is full") // which nobody who asks may notice
}

func TestAskForLink(t *testing.T) {
	post := letters{make(chan string, 10)}
	var links *auth.Links
	b := setup(t, func(d *Deps) {
		links = auth.NewLinks(d.Auth, post, "https://desk.larkpay.example", "Larkpay", slog.New(slog.DiscardHandler))
		d.Links = links
	})
	b.person("ada@larkpay.example", "agent", "token")
	known := b.do("POST", "/signin/link", fields("email", "ada@larkpay.example"), asForm()...)
	unknown := b.do("POST", "/signin/link", fields("email", "eve@larkpay.example"), asForm()...)
	if known.status != http.StatusAccepted || strings.ReplaceAll(known.body, "ada@", "eve@") != unknown.body || !strings.Contains(known.body, "on its way") {
		t.Errorf("%d and %d:\n%s\n%s", known.status, unknown.status, known.body, unknown.body)
	}
	b.run([]scenario{
		{name: "by the API", method: "POST", path: "/v1/auth/link", body: `{"email":"eve@larkpay.example"}`, status: 202},
		{name: "an address that is none is told nothing either", method: "POST", path: "/v1/auth/link", body: `{"email":"eve"}`, status: 202},
		{name: "no address", method: "POST", path: "/v1/auth/link", body: `{"email":" "}`, status: 422, want: []string{`"field":"email"`}},
	})
	links.Start()
	letter := <-post.sent
	links.Stop()
	if len(post.sent) != 0 || !strings.HasPrefix(letter, "ada@larkpay.example\n") {
		t.Errorf("the letters: %s and %d more", letter, len(post.sent))
	}
	_, token, _ := strings.Cut(letter, "https://desk.larkpay.example/signin?token=")
	token, _, _ = strings.Cut(token, "\n")
	if a := b.do("POST", "/signin", fields("token", token), asForm()...); a.status != http.StatusSeeOther {
		t.Errorf("the link: %d\n%s", a.status, a.body)
	}
}

// TestMySessions: everybody, editors too, sees and ends their own sessions and sets a password; nobody another's.
func TestMySessions(t *testing.T) {
	b := setup(t)
	link := b.person("edda@larkpay.example", "editor", "link")
	in := b.do("POST", "/signin", fields("token", link), append(asForm(), "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")...)
	edda := []string{"Cookie", sessionCookie + "=" + in.signed(), "X-Firstline", "1"}
	other := b.person("edda@larkpay.example", "editor", "session")
	otto := []string{"Authorization", "Bearer " + b.person("otto@larkpay.example", "agent", "token")}
	list := b.do("GET", "/v1/me/sessions", "", edda...)
	sessions, _ := list.json(t)["sessions"].([]any)
	if len(sessions) != 2 || !strings.Contains(list.body, "Firefox on Linux") || !strings.Contains(list.body, `"address":"127.0.0.1"`) {
		t.Fatalf("%d %s", list.status, list.body)
	}
	ids := map[bool]string{}
	for _, s := range sessions {
		s, _ := s.(map[string]any)
		current, _ := s["current"].(bool)
		ids[current], _ = s["id"].(string)
	}
	b.run([]scenario{
		{name: "another's session", method: "DELETE", path: "/v1/me/sessions/" + ids[false], headers: otto, status: 404},
		{name: "no session at all", path: "/v1/me/sessions", status: 401},
		{name: "without the header", method: "DELETE", path: "/v1/me/sessions/" + ids[false], headers: edda[:2], status: 403, want: []string{`"missing_header"`}},
		{name: "the other one is still there", path: "/v1/me/sessions", headers: []string{"Cookie", sessionCookie + "=" + other}, status: 200, want: []string{ids[false]}},
		{name: "one's own", method: "DELETE", path: "/v1/me/sessions/" + ids[false], headers: edda, status: 204},
		{name: "has ended", path: "/v1/me/sessions", headers: []string{"Cookie", sessionCookie + "=" + other}, status: 401},
		{name: "once more", method: "DELETE", path: "/v1/me/sessions/" + ids[false], headers: edda, status: 404},
		{name: "a short password", method: "PUT", path: "/v1/me/password", headers: edda, body: `{"new":"short"}`, status: 422, want: []string{`"field":"new"`, `"too_short"`}},
		{name: "a token sets none", method: "PUT", path: "/v1/me/password", headers: otto, body: `{"new":"` + goodPassword + `"}`, status: 403},
		{name: "a password", method: "PUT", path: "/v1/me/password", headers: edda, body: `{"new":"` + goodPassword + `"}`, status: 204},
		{name: "an editor still reads no conversations", path: "/v1/agent/search?q=x", headers: edda, status: 403, want: []string{`"not_an_agent"`}},
		{name: "and manages nobody", path: "/v1/admin/agents", headers: edda, status: 403},
		{name: "all others", method: "DELETE", path: "/v1/me/sessions", headers: edda, status: 200, want: []string{`"ended":`}},
	})
	if a := b.do("POST", "/signin/password", fields("email", "edda@larkpay.example", "password", goodPassword), asForm()...); a.header.Get("Location") != "/help" {
		t.Errorf("by password: %d to %q", a.status, a.header.Get("Location"))
	}
}

// TestAdminsPeople manages somebody from the first to the last day, by the API.
func TestAdminsPeople(t *testing.T) {
	b := setup(t, func(d *Deps) { d.URL = "https://desk.larkpay.example" })
	root := []string{"Authorization", "Bearer " + b.person("root@larkpay.example", "admin", "token")}
	const at = "/v1/admin/agents"
	b.run([]scenario{
		{name: "a wrong address", method: "POST", path: at, headers: root, body: `{"email":"ada","role":"agent"}`, status: 422, want: []string{`"field":"email"`}},
		{name: "an unknown team", method: "POST", path: at, headers: root, body: `{"email":"ada@larkpay.example","role":"agent","teams":["x"]}`, status: 422, want: []string{`"field":"teams"`}},
		{name: "an unknown field", method: "POST", path: at, headers: root, body: `{"email":"ada@larkpay.example","role":"agent","password":"x"}`, status: 422, want: []string{`"field":"password"`}},
	})
	added := b.do("POST", at, `{"email":"ada@larkpay.example","role":"agent","teams":["general"],"languages":["en"]}`, root...)
	person, _ := added.json(t)["agent"].(map[string]any)
	id, _ := person["id"].(string)
	if added.status != 201 || person["capacity"] != 4.0 || person["name"] != "ada" {
		t.Fatalf("%d %s", added.status, added.body)
	}
	one := at + "/" + id
	made := b.do("POST", one+"/link", "", root...)
	link, _ := made.json(t)["url"].(string)
	link, ok := strings.CutPrefix(link, "https://desk.larkpay.example/signin?token=")
	if !ok {
		t.Fatalf("%d %s", made.status, made.body)
	}
	session := b.do("POST", "/signin", fields("token", link), asForm()...).signed()
	ada := []string{"Cookie", sessionCookie + "=" + session, "X-Firstline", "1"}
	missing := "00000000-0000-4000-8000-000000000000"
	b.run([]scenario{
		{name: "listed", path: at, headers: root, status: 200, want: []string{"ada@larkpay.example", "root@larkpay.example"}},
		{name: "not by an agent", path: at, headers: ada, status: 403, want: []string{`"not_an_admin"`}, never: []string{"root@"}},
		{name: "nor changed", method: "PATCH", path: one, headers: ada, body: `{"role":"admin"}`, status: 403},
		{name: "nor the audit log", path: "/v1/admin/audit", headers: ada, status: 403},
		{name: "nor a link", method: "POST", path: one + "/link", headers: ada, status: 403, never: []string{"token="}},
		{name: "one", path: one, headers: root, status: 200, want: []string{`"has_password":false`, `"disabled_at":null`}},
		{name: "nobody", path: at + "/" + missing, headers: root, status: 404},
		{name: "nobody's sessions", path: at + "/" + missing + "/sessions", headers: root, status: 404},
		{name: "nobody's link", method: "POST", path: at + "/" + missing + "/link", headers: root, status: 404},
		{name: "changed", method: "PATCH", path: one, headers: root, body: `{"name":"Ada Lovelace","role":"supervisor","capacity":2}`, status: 200, want: []string{`"Ada Lovelace"`, `"role":"supervisor"`, `"capacity":2`, `"teams":["general"]`}},
		{name: "in force at once", path: "/v1/agent/me", headers: ada, status: 200, want: []string{`"role":"supervisor"`}},
		{name: "their sessions", path: one + "/sessions", headers: root, status: 200, want: []string{`"via":"link"`}},
		{name: "out of range", method: "PATCH", path: one, headers: root, body: `{"capacity":101}`, status: 422, want: []string{`"field":"capacity"`}},
		{name: "a name that is taken", method: "PATCH", path: one, headers: root, body: `{"email":"root@larkpay.example"}`, status: 409, want: []string{`"email_taken"`}},
		{name: "the session ended", method: "DELETE", path: one + "/sessions", headers: root, status: 200, want: []string{`"ended":2`}}, // and the used link
		{name: "is over", path: "/v1/agent/me", headers: ada, status: 401},
		{name: "unblocked", method: "POST", path: one + "/unblock", headers: root, status: 204},
		{name: "no password to forget", method: "DELETE", path: one + "/password", headers: root, status: 204},
		{name: "disabled", method: "PATCH", path: one, headers: root, body: `{"disabled":true}`, status: 200, want: []string{`"disabled_at":"2`, `"presence":"offline"`}},
		{name: "no link for them", method: "POST", path: one + "/link", headers: root, status: 409, want: []string{`"disabled"`}},
		{name: "the last admin stays", method: "PATCH", path: at + "/" + b.idOf("root@larkpay.example"), headers: root, body: `{"role":"agent"}`, status: 409, want: []string{`"last_admin"`}},
		{name: "nor removes themselves", method: "DELETE", path: at + "/" + b.idOf("root@larkpay.example"), headers: root, status: 409, want: []string{`"last_admin"`}},
		{name: "removed", method: "DELETE", path: one, headers: root, status: 204},
		{name: "the log", path: "/v1/admin/audit?subject=" + id, headers: root, status: 200, want: []string{`"person_added"`, `"link_made"`, `"signed_in"`, `"person_changed"`, `"sessions_ended"`, `"person_disabled"`, `"person_removed"`, `"name":"root"`}, never: []string{"@larkpay", link, session}},
		{name: "of one action", path: "/v1/admin/audit?action=link_made", headers: root, status: 200, want: []string{`"link_made"`, `"next":null`}, never: []string{`"person_added"`}},
		{name: "a cursor that is none", path: "/v1/admin/audit?cursor=x", headers: root, status: 422, want: []string{`"field":"cursor"`}},
	})
}

func (b *bundle) idOf(email string) string {
	b.t.Helper()
	a, err := b.auth.FindByEmail(b.t.Context(), email)
	if err != nil {
		b.t.Fatal(err)
	}
	return a.ID.String()
}

// TestPeoplePages does the same by the pages, which need no script.
func TestPeoplePages(t *testing.T) {
	b := setup(t)
	session := b.person("root@larkpay.example", "admin", "session")
	root := asForm(session)
	agent := asForm(b.person("otto@larkpay.example", "agent", "session"))
	const at = "/admin/people"
	added := b.do("POST", at, fields("action", "add", "email", "ada@larkpay.example", "name", "<b>Ada</b>", "role", "agent", "capacity", "3", "languages", "en, de", "markets", "", "teams", "general", "teams", "fraud"), root...)
	one, _, _ := strings.Cut(added.header.Get("Location"), "?")
	if added.status != http.StatusSeeOther || !strings.HasPrefix(one, at+"/") {
		t.Fatalf("%d to %q\n%s", added.status, one, added.body)
	}
	b.run([]scenario{
		{name: "nobody", path: at, status: 401, want: []string{"Please sign in", `name="to" value="/admin/people"`}, never: []string{"larkpay.example"}},
		{name: "nobody, one person", path: one, status: 401, never: []string{"larkpay.example"}},
		{name: "nobody's account", path: "/account", status: 401, want: []string{"Please sign in"}},
		{name: "an agent", path: at, headers: agent, status: 403, want: []string{"Only for admins"}, never: []string{"larkpay.example"}},
		{name: "an agent, one person", path: one, headers: agent, status: 403, never: []string{"larkpay.example"}},
		{name: "an agent's form", method: "POST", path: one, headers: agent, body: fields("action", "link"), status: 403, never: []string{"token="}},
		{name: "an agent, the log", path: "/admin/audit", headers: agent, status: 403},
		{name: "the list", path: at, headers: root, status: 200, want: []string{"&lt;b&gt;Ada&lt;/b&gt;", "ada@larkpay.example", "fraud, general"}, never: []string{"<b>Ada"}},
		{name: "one", path: one + "?done=added", headers: root, status: 200, want: []string{"was added", `value="en, de"`, `value="fraud" checked`, "person added"}},
		{name: "another site's form", method: "POST", path: one, headers: []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site", "Cookie", sessionCookie + "=" + session}, body: fields("action", "disable"), status: 403},
		{name: "an action that is none", method: "POST", path: one, headers: root, body: fields("action", "explode"), status: 422},
		{name: "a number that is none", method: "POST", path: one, headers: root, body: fields("action", "save", "email", "ada@larkpay.example", "role", "agent", "capacity", "many"), status: 422, want: []string{"not a number", `value="many"`}},
		{name: "somebody twice", method: "POST", path: at, headers: root, body: fields("action", "add", "email", "ada@larkpay.example", "role", "agent", "capacity", "4"), status: 409, want: []string{"has this address already"}},
		{name: "saved", method: "POST", path: one, headers: root, body: fields("action", "save", "email", "ada@larkpay.example", "name", "Ada", "role", "supervisor", "capacity", "5", "teams", "general"), status: 303, wantHeader: map[string]string{"Location": one + "?done=saved"}},
		{name: "saved indeed", path: one, headers: root, status: 200, want: []string{"<option selected>supervisor", "role: agent → supervisor"}, never: []string{`value="fraud" checked`}},
		{name: "nobody's page", path: at + "/00000000-0000-4000-8000-000000000000", headers: root, status: 404},
		{name: "the log", path: "/admin/audit?action=person_changed", headers: root, status: 200, want: []string{"person changed", "Ada"}, never: []string{"person added"}},
	})
	shown := b.do("POST", one, fields("action", "link"), root...)
	_, link, found := strings.Cut(shown.body, "/signin?token=")
	if link, _, _ = strings.Cut(link, "<"); shown.status != 200 || !found || shown.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d\n%s", shown.status, shown.body)
	}
	ada := asForm(b.do("POST", "/signin", fields("token", link), asForm()...).signed())
	b.run([]scenario{
		{name: "the account", path: "/account", headers: ada, status: 200, want: []string{"ada@larkpay.example", "Set a password", "this one"}, never: []string{"/admin/people"}},
		{name: "a common password", method: "POST", path: "/account", headers: ada, body: fields("action", "password", "new", "password12345"), status: 422, want: []string{"guessed soon"}, never: []string{"password12345"}},
		{name: "a password", method: "POST", path: "/account", headers: ada, body: fields("action", "password", "new", goodPassword), status: 303, wantHeader: map[string]string{"Location": "/account?done=password"}},
		{name: "set", path: "/account?done=password", headers: ada, status: 200, want: []string{"Your new password is set", "Change your password", "may be left empty"}},
	})
	byPassword := asForm(b.do("POST", "/signin/password", fields("email", "ada@larkpay.example", "password", goodPassword), asForm()...).signed())
	b.run([]scenario{
		{name: "the wrong current one", method: "POST", path: "/account", headers: byPassword, body: fields("action", "password", "current", "x", "new", otherPassword), status: 422, want: []string{"not your current password"}},
		{name: "the others end", method: "POST", path: "/account", headers: byPassword, body: fields("action", "end_others"), status: 303},
		{name: "the first has ended", path: "/account", headers: ada, status: 401},
		{name: "disabled", method: "POST", path: one, headers: root, body: fields("action", "disable"), status: 303},
		{name: "is shown", path: one + "?done=disabled", headers: root, status: 200, want: []string{"disabled since", "Let them sign in again"}},
		{name: "is out", path: "/account", headers: byPassword, status: 401},
		{name: "is out for good", method: "POST", path: "/signin/password", headers: asForm(), body: fields("email", "ada@larkpay.example", "password", goodPassword), status: 401, want: []string{"is wrong"}},
		{name: "enabled", method: "POST", path: one, headers: root, body: fields("action", "enable"), status: 303},
		{name: "removed", method: "POST", path: one, headers: root, body: fields("action", "remove"), status: 303, wantHeader: map[string]string{"Location": at + "?done=removed"}},
		{name: "signing out", method: "POST", path: "/account", headers: root, body: fields("action", "signout"), status: 303, wantHeader: map[string]string{"Location": "/signin"}},
		{name: "signed out", path: at, headers: root, status: 401},
	})
}

func TestDeviceName(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                 "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36":                            "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":                  "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                  "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
		"curl/8.5.0 (x86_64)": "curl/8.5.0", "": "",
	} {
		if got := deviceName(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

// TestLeavingGivesBack: what somebody has who is disabled, removed, or becomes an editor goes back to the queue at once.
func TestLeavingGivesBack(t *testing.T) {
	b := setup(t)
	root := []string{"Authorization", "Bearer " + b.person("root@larkpay.example", "admin", "token")}
	for email, leave := range map[string]struct{ method, body string }{
		"disabled@larkpay.example": {"PATCH", `{"disabled":true}`}, "editor@larkpay.example": {"PATCH", `{"role":"editor"}`}, "removed@larkpay.example": {"DELETE", ""},
	} {
		t.Run(email, func(t *testing.T) {
			agent := []string{"Authorization", "Bearer " + b.person(email, "supervisor", "token", "general")}
			id, token := b.conversation("gb", "en")
			b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, "Authorization", "Bearer "+token)
			var hid, state string
			var holder *string
			look := func() {
				t.Helper()
				if err := b.pool.QueryRow(t.Context(), `SELECT id, state, agent_id::text FROM handoffs WHERE conversation_id = $1`, id).Scan(&hid, &state, &holder); err != nil {
					t.Fatal(err)
				}
			}
			look()
			if a := b.do("POST", "/v1/agent/handoffs/"+hid+"/accept", "", agent...); a.status != 200 {
				t.Fatalf("accept: %d %s", a.status, a.body)
			}
			if look(); state != "accepted" || holder == nil || *holder != b.idOf(email) {
				t.Fatalf("%s, %v", state, holder)
			}
			if a := b.do(leave.method, "/v1/admin/agents/"+b.idOf(email), leave.body, root...); a.status/100 != 2 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if look(); state != "queued" || holder != nil {
				t.Errorf("%s, with %v", state, holder)
			}
			if a := b.do("GET", "/v1/conversations/"+id, "", "Authorization", "Bearer "+token); !strings.Contains(a.body, `"owner":"queue"`) {
				t.Errorf("the customer reads %s", a.body)
			}
		})
	}
}
