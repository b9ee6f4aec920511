package web

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/site"
)

// aSite adds a site as an admin of the tests would.
func (b *bundle) aSite(x site.Site) {
	b.t.Helper()
	if x.Name == "" {
		x.Name = x.Key
	}
	if _, err := b.server.Sites.Add(b.t.Context(), auth.Agent{}, x); err != nil {
		b.t.Fatal(err)
	}
}

// Every route of the server, asked by pages of every kind of origin: those of sites may use the customers' part, and nothing
// else may be read or changed by a page of another origin.
func TestOriginsOfEveryRoute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.aSite(site.Site{Key: "shop", Origins: []string{"https://shop.example", "https://shop.example:8443"}, Enabled: true})
	b.aSite(site.Site{Key: "off", Origins: []string{"https://off.example"}})
	allowed := []string{"https://shop.example", "https://shop.example:8443"}
	foreign := []string{"https://evil.example", "null", "https://shop.example.evil.example", "https://evil-shop.example", "https://shop.example:444", "http://shop.example",
		"https://SHOP.example", "https://shop.example/", "https://shop.example@evil.example", "https://off.example", "https://sub.shop.example", "*", " https://shop.example", "file://"}
	customers := 0
	for _, route := range b.server.engine.Routes() {
		path := route.Path
		for _, p := range strings.Split(route.Path, "/") {
			if strings.HasPrefix(p, ":") || strings.HasPrefix(p, "*") {
				path = strings.Replace(path, p, uuid.NewString(), 1)
			}
		}
		ask := func(method, origin string) http.Header {
			r := httptest.NewRequest(method, "http://firstline.example"+path, nil)
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
			if method == http.MethodOptions {
				r.Header.Set("Access-Control-Request-Method", route.Method)
				r.Header.Set("Access-Control-Request-Headers", "authorization")
			}
			// Without the key of a conversation, a session or a body nothing happens behind the headers.
			w := httptest.NewRecorder()
			b.server.ServeHTTP(w, r)
			h := w.Header()
			h.Set("Test-Status", http.StatusText(w.Code))
			return h
		}
		open := slices.ContainsFunc(forCustomers, func(p string) bool { return route.Path == p || strings.HasPrefix(route.Path, p+"/") })
		public := strings.HasPrefix(route.Path, "/assets/") || route.Path == "/widget.js"
		name := route.Method + " " + route.Path
		if open {
			customers++
		}
		for _, origin := range allowed {
			got, pre := ask(route.Method, origin), ask(http.MethodOptions, origin)
			want := ""
			if open {
				want = origin
			}
			if !public && (got.Get("Access-Control-Allow-Origin") != want || pre.Get("Access-Control-Allow-Origin") != want) {
				t.Errorf("%s from %s: %q, preflight %q, want %q", name, origin, got.Get("Access-Control-Allow-Origin"), pre.Get("Access-Control-Allow-Origin"), want)
			}
			if open && (!slices.Contains(got.Values("Vary"), "Origin") || !slices.Contains(pre.Values("Vary"), "Origin")) {
				t.Errorf("%s from %s: no Vary: Origin, but %q", name, origin, got.Values("Vary"))
			}
			if open && pre.Get("Access-Control-Allow-Headers") != corsHeaders {
				t.Errorf("%s: the preflight allows %q", name, pre.Get("Access-Control-Allow-Headers"))
			}
			if got.Get("Access-Control-Allow-Credentials") != "" || pre.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s allows cookies", name)
			}
		}
		for _, origin := range append([]string{""}, foreign...) {
			got, pre := ask(route.Method, origin), ask(http.MethodOptions, origin)
			if !public && (got.Get("Access-Control-Allow-Origin") != "" || pre.Get("Access-Control-Allow-Origin") != "") {
				t.Errorf("%s from %q: %q, preflight %q", name, origin, got.Get("Access-Control-Allow-Origin"), pre.Get("Access-Control-Allow-Origin"))
			}
			if open && !slices.Contains(got.Values("Vary"), "Origin") {
				t.Errorf("%s from %q: no Vary: Origin", name, origin)
			}
			changes := route.Method != http.MethodGet && route.Method != http.MethodHead
			if refused := got.Get("Test-Status") == "Forbidden"; open && changes && refused != (origin != "") {
				t.Errorf("%s from %q: %s", name, origin, got.Get("Test-Status"))
			}
		}
		if public {
			if h := ask(route.Method, "https://evil.example"); h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s allows cookies", name)
			}
		}
	}
	if customers < 15 {
		t.Errorf("only %d routes are for customers; the list of the test has come apart from the routes", customers)
	}
}

// Firstline's own page, apps and backends need no site.
func TestOwnOrigin(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *Deps) { d.URL = "https://help.example" })
	for _, c := range []struct {
		name string
		h    []string
		ok   bool
	}{
		{"no origin", nil, true},
		{"same host", []string{"Origin", "http://firstline.internal"}, true},
		{"the address that people use", []string{"Origin", "https://help.example"}, true},
		{"the browser says same-origin, behind a proxy that renames", []string{"Origin", "https://other.example", "Sec-Fetch-Site", "same-origin"}, true},
		{"the browser says cross-site, with our own name", []string{"Origin", "https://help.example", "Sec-Fetch-Site", "cross-site"}, false},
		{"same-site is not same-origin", []string{"Origin", "https://www.example", "Sec-Fetch-Site", "same-site"}, false},
		{"another host", []string{"Origin", "https://evil.example"}, false},
		{"sandboxed frames and files", []string{"Origin", "null"}, false},
	} {
		r := httptest.NewRequest("POST", "http://firstline.internal/v1/conversations", strings.NewReader(`{"market":"gb","locale":"en"}`))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(c.h); i += 2 {
			r.Header.Set(c.h[i], c.h[i+1])
		}
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		want := http.StatusForbidden
		if c.ok {
			want = http.StatusCreated
		}
		if w.Code != want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, want, w.Body)
		}
	}
}
