package auth

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// base is where the tests' server would be.
const base = "http://127.0.0.1:9"

// startProvider starts the certified provider of web/ui/e2e and returns its issuer.
func startProvider(t *testing.T, options map[string]any) string {
	t.Helper()
	options["redirect"] = base + "/signin/oidc/callback"
	arg, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("../../web/ui/node_modules/oidc-provider"); err != nil {
		t.Fatal("oidc-provider is missing; install it with: make web-deps")
	}
	cmd := exec.Command("node", "../../web/ui/e2e/provider.mjs", string(arg))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it ends with its standard input
		if err := cmd.Wait(); err != nil {
			t.Errorf("the provider: %v", err)
		}
	})
	issuer, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the provider did not start: %v", err)
	}
	return strings.TrimSpace(issuer)
}

// browse signs in at the provider as a browser would, and returns what it sends the browser back with.
func browse(t *testing.T, to, account string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	var form url.Values
	for range 20 {
		var resp *http.Response
		if form == nil {
			resp, err = c.Get(at.String())
		} else {
			resp, err = c.PostForm(at.String(), form)
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		form = nil
		if next := resp.Header.Get("Location"); next != "" {
			if at, err = at.Parse(next); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(at.String(), base) {
				return at.Query()
			}
			continue
		}
		switch page := string(body); {
		case resp.StatusCode == http.StatusOK && strings.Contains(page, `value="login"`):
			form = url.Values{"prompt": {"login"}, "login": {account}, "password": {"any"}}
		case resp.StatusCode == http.StatusOK && strings.Contains(page, `value="consent"`):
			form = url.Values{"prompt": {"consent"}}
		default:
			t.Fatalf("the provider says %d at %s:\n%.800s", resp.StatusCode, at, page)
		}
	}
	t.Fatal("the provider leads in circles")
	return nil
}

// TestOIDC signs in through a certified provider that demands PKCE.
func TestOIDC(t *testing.T) {
	accounts := map[string]any{
		"ada":  map[string]any{"email": "Ada@larkpay.example", "email_verified": true},
		"eve":  map[string]any{"email": "ada@larkpay.example", "email_verified": true}, // a later owner of the address
		"mal":  map[string]any{"email": "otto@larkpay.example", "email_verified": false},
		"new":  map[string]any{"email": "new@larkpay.example", "email_verified": true},
		"gone": map[string]any{"email": "gone@larkpay.example", "email_verified": true},
	}
	b := setup(t)
	ctx := t.Context()
	ada, gone := b.add("ada@larkpay.example", "agent"), b.add("gone@larkpay.example", "agent")
	b.add("otto@larkpay.example", "admin")
	yes := true
	if _, err := b.Update(ctx, Command, gone.ID, Change{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string]map[string]any{
		"a public client, the address at userinfo":        {"accounts": accounts},
		"a confidential client, the address in the token": {"accounts": accounts, "inToken": true, "secret": "a secret: of 100% & + such"},
	} {
		t.Run(name, func(t *testing.T) {
			secret, _ := options["secret"].(string)
			o := NewOIDC(b.Store, OIDCConfig{Issuer: startProvider(t, options), ClientID: "firstline", ClientSecret: secret, Name: "Larkpay ID", BaseURL: base + "/"})
			begin := func(account string) (url.Values, string) {
				t.Helper()
				to, state, err := o.Begin(ctx, "/admin/people")
				if err != nil {
					t.Fatal(err)
				}
				return browse(t, to, account), state
			}
			back, state := begin("ada")
			a, session, goTo, err := o.Finish(ctx, back, state, Device{"Firefox on Linux", "192.0.2.1"})
			if err != nil || a.ID != ada.ID || goTo != "/admin/people" {
				t.Fatalf("%+v to %q: %v", a, goTo, err)
			}
			if who, se, err := b.Authenticate(ctx, session); err != nil || who.ID != ada.ID || se.Via != ByOIDC || se.Device != "Firefox on Linux" {
				t.Errorf("%+v, %+v, %v", who, se, err)
			}
			// The way back works once, and only in the browser that began.
			_, _, _, err = o.Finish(ctx, back, state, Device{})
			wantCode(t, err, "login_over")
			back, _ = begin("ada")
			_, mine := begin("ada")
			_, _, _, err = o.Finish(ctx, back, mine, Device{})
			wantCode(t, err, "login_over")
			_, _, _, err = o.Finish(ctx, back, "", Device{})
			wantCode(t, err, "login_over")
			_, _, _, err = o.Finish(ctx, url.Values{"code": back["code"]}, "", Device{})
			wantCode(t, err, "login_over")
			// Another's way back with one's own state: the code was bound to another verifier, which PKCE notices.
			stolen := url.Values{"code": back["code"], "state": {mine}, "iss": back["iss"]}
			_, _, _, err = o.Finish(ctx, stolen, mine, Device{})
			wantCode(t, err, "code_refused")
			back, state = begin("ada")
			back.Set("iss", "https://evil.example")
			_, _, _, err = o.Finish(ctx, back, state, Device{})
			wantCode(t, err, "bad_id_token")
			back, state = begin("ada")
			b.exec(`UPDATE oidc_logins SET expires_at = now()`)
			_, _, _, err = o.Finish(ctx, back, state, Device{})
			wantCode(t, err, "login_over")
			back, state = begin("ada")
			b.exec(`UPDATE oidc_logins SET nonce = nonce || 'x'`)
			_, _, _, err = o.Finish(ctx, back, state, Device{})
			wantCode(t, err, "bad_id_token")
			// Known by the subject from now on, whatever the address.
			b.exec(`UPDATE agents SET email = 'ada.l@larkpay.example' WHERE id = $1`, ada.ID)
			back, state = begin("ada")
			if a, _, _, err = o.Finish(ctx, back, state, Device{}); err != nil || a.ID != ada.ID {
				t.Errorf("after a new address: %v", err)
			}
			b.exec(`UPDATE agents SET email = 'ada@larkpay.example' WHERE id = $1`, ada.ID)
			for _, account := range []string{"eve", "mal", "new", "gone"} {
				back, state = begin(account)
				_, session, _, err = o.Finish(ctx, back, state, Device{})
				wantCode(t, err, "no_account")
				if session != "" {
					t.Errorf("%s has a session", account)
				}
			}
			to, state, err := o.Begin(ctx, "")
			wantCode(t, err, "")
			if q := must(url.Parse(to)).Query(); q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("nonce") == "" || q.Get("state") != state || q.Get("scope") != "openid email profile" {
				t.Errorf("asked for with %v", q)
			}
			_, _, _, err = o.Finish(ctx, url.Values{"error": {"access_denied"}, "state": {state}}, state, Device{})
			wantCode(t, err, "refused_by_provider")
		})
	}
	if n := value[int](b, `SELECT count(*) FROM identities`); n != 2 {
		t.Errorf("%d accounts are tied, want ada's of two providers", n)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestProviderIsDown: a provider that does not answer keeps nobody from trying again once it does.
func TestProviderIsDown(t *testing.T) {
	b := setup(t)
	var mu sync.Mutex
	up := false
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !up {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": srv.URL, "authorization_endpoint": srv.URL + "/auth", "token_endpoint": srv.URL + "/token", "jwks_uri": srv.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}})
	}))
	t.Cleanup(srv.Close)
	o := NewOIDC(b.Store, OIDCConfig{Issuer: srv.URL, ClientID: "firstline", BaseURL: base})
	_, _, err := o.Begin(t.Context(), "")
	wantCode(t, err, "no_provider")
	if n := value[int](b, `SELECT count(*) FROM oidc_logins`); n != 0 {
		t.Errorf("%d sign-ins wait", n)
	}
	mu.Lock()
	up = true
	mu.Unlock()
	if _, _, err := o.Begin(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

// TestOneSubjectIsTied: of two subjects with the same verified address that come at once, one is tied to the person.
func TestOneSubjectIsTied(t *testing.T) {
	b := setup(t)
	a := b.add("ada@larkpay.example", "agent")
	for range 10 {
		b.exec(`DELETE FROM identities`)
		var all sync.WaitGroup
		results := make(chan error, 2)
		for _, subject := range []string{"one", "two"} {
			all.Go(func() {
				tx, err := b.pool.Begin(t.Context())
				if err == nil {
					if _, err = b.identify(t.Context(), tx, "https://id.example", claims{subject, a.Email, true}); err == nil {
						err = tx.Commit(t.Context())
					} else {
						_ = tx.Rollback(t.Context())
					}
				}
				results <- err
			})
		}
		all.Wait()
		first, second := <-results, <-results
		if (first == nil) == (second == nil) || first != nil && !errors.Is(first, errNoAccount) || second != nil && !errors.Is(second, errNoAccount) {
			t.Fatalf("%v and %v", first, second)
		}
	}
}
