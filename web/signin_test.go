package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestSignIn(t *testing.T) {
	b := setup(t)
	link := b.person("ada@larkpay.example", "agent", "link", "general")
	form := "token=" + url.QueryEscape(link)
	asForm := []string{"Content-Type", "application/x-www-form-urlencoded"}
	private := map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "strict-origin"}
	b.run([]scenario{
		{name: "looking does not use the link", path: "/signin?token=" + link, status: 200, want: []string{"Sign in as ada", "ada@larkpay.example", `method="post"`}, wantHeader: private},
		{name: "a preview looks again", path: "/signin?token=" + link, status: 200, want: []string{"Sign in as ada"}},
		{name: "another site's form", method: "POST", path: "/signin", body: form, headers: append([]string{"Sec-Fetch-Site", "cross-site"}, asForm...), status: 403, want: []string{"another site"}, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "another origin's form", method: "POST", path: "/signin", body: form, headers: append([]string{"Origin", "https://evil.example"}, asForm...), status: 403, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "a hidden origin", method: "POST", path: "/signin", body: form, headers: append([]string{"Origin", "null"}, asForm...), status: 403, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "JSON", method: "POST", path: "/signin", body: `{"token":"` + link + `"}`, status: 422, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "too large", method: "POST", path: "/signin", body: form + "&x=" + strings.Repeat("x", 10_000), headers: asForm, status: 422, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "the secret in the address is not taken", method: "POST", path: "/signin?" + form, body: "x=1", headers: asForm, status: 401, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "no link", path: "/signin", status: 200, want: []string{`action="/signin/password"`}, never: []string{newLink, "does not work"}, wantHeader: private},
		{name: "an empty link", path: "/signin?token=", status: 401, want: []string{"does not work any more", newLink}, wantHeader: private},
		{name: "a guess", path: "/signin?token=AAAA", status: 401, want: []string{newLink}, wantHeader: private},
	})
	first := b.do("POST", "/signin", form, append([]string{"Origin", b.url, "Sec-Fetch-Site", "same-origin"}, asForm...)...)
	if first.status != http.StatusSeeOther || first.header.Get("Location") != "/desk" {
		t.Fatalf("signing in: %d to %q\n%s", first.status, first.header.Get("Location"), first.body)
	}
	set := first.header.Get("Set-Cookie")
	for _, want := range []string{sessionCookie + "=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} {
		if !strings.Contains(set, want) {
			t.Errorf("the cookie %q lacks %s", set, want)
		}
	}
	if strings.Contains(set, "Secure") || strings.Contains(set, link) {
		t.Errorf("the cookie is %q", set)
	}
	cookie, _, _ := strings.Cut(set, ";")
	b.run([]scenario{
		{name: "the session works", path: "/v1/agent/me", headers: []string{"Cookie", cookie}, status: 200, want: []string{"ada@larkpay.example"}},
		{name: "a used link", method: "POST", path: "/signin", body: form, headers: asForm, status: 401, want: []string{"does not work any more", newLink}, wantHeader: map[string]string{"Set-Cookie": ""}},
		{name: "looking at a used link", path: "/signin?token=" + link, status: 401, want: []string{newLink}, never: []string{"ada@larkpay.example"}},
		{name: "the link is no bearer token", path: "/v1/agent/me", headers: []string{"Authorization", "Bearer " + link}, status: 401, never: []string{"ada@"}},
		{name: "writing by cookie needs the header", method: "PUT", path: "/v1/agent/presence", body: `{"state":"online"}`, headers: []string{"Cookie", cookie}, status: 403, want: []string{`"missing_header"`}},
		{name: "writing by cookie with the header", method: "PUT", path: "/v1/agent/presence", body: `{"state":"online"}`, headers: []string{"Cookie", cookie, "X-Firstline", "1"}, status: 200, want: []string{`"presence":"online"`}},
		{name: "signing out", method: "POST", path: "/v1/agent/signout", headers: []string{"Cookie", cookie, "X-Firstline", "1"}, status: 204},
		{name: "the session is over", path: "/v1/agent/me", headers: []string{"Cookie", cookie}, status: 401, never: []string{"ada@"}},
	})
}

func TestSignInByRole(t *testing.T) {
	b := setup(t, func(d *Deps) { d.Secure = true })
	for role, to := range map[string]string{"agent": "/desk", "supervisor": "/desk", "admin": "/desk", "editor": "/help"} {
		link := b.person(role+"@larkpay.example", role, "link")
		a := b.do("POST", "/signin", "token="+url.QueryEscape(link), "Content-Type", "application/x-www-form-urlencoded")
		if a.status != http.StatusSeeOther || a.header.Get("Location") != to || !strings.Contains(a.header.Get("Set-Cookie"), "; Secure") {
			t.Errorf("%s: %d to %q, cookie %q", role, a.status, a.header.Get("Location"), a.header.Get("Set-Cookie"))
		}
	}
}

func TestSignInIsLimited(t *testing.T) {
	b := setup(t, func(d *Deps) { d.Limit = 3 })
	last := 0
	for range 5 {
		last = b.do("POST", "/signin", "token=guess", "Content-Type", "application/x-www-form-urlencoded").status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the fifth guess within a minute: %d", last)
	}
}
