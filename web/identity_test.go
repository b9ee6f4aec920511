package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const sharedSecret = "a shared secret of thirty-two characters, or more"

func signed(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kim is a customer's claims, with some of them changed; nil takes one away.
func kim(changes jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "c-42", "exp": time.Now().Add(time.Hour).Unix(), "name": "Kim", "email": "kim@example.org",
		"account": map[string]any{"plan": "Pay in 4", "balance": 120.5, "verified": true, "card": "4111 1111 1111 1111"}}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	strange, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := func(key any) string {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	b64 := base64.RawURLEncoding.EncodeToString
	set, err := json.Marshal(map[string]any{"keys": []map[string]any{
		{"kty": "RSA", "kid": "r1", "alg": "RS256", "use": "sig", "n": b64(rsaKey.N.Bytes()), "e": b64([]byte{1, 0, 1})},
		{"kty": "EC", "kid": "e1", "crv": "P-256", "x": b64(ecKey.X.FillBytes(make([]byte, 32))), "y": b64(ecKey.Y.FillBytes(make([]byte, 32)))},
		{"kty": "oct", "kid": "h1", "k": b64([]byte(sharedSecret))},
		{"kty": "RSA", "use": "enc", "kid": "other use"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(signed(t, jwt.SigningMethodHS256, []byte(sharedSecret), "", kim(nil)), ".")
	unsigned := b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	past, later := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	ec, hs, rs := jwt.SigningMethodES256, jwt.SigningMethodHS256, jwt.SigningMethodRS256
	for _, tt := range []struct {
		name, keys, audience, token string
		want                        string // part of the refusal; "" for accepted
	}{
		{"HS256", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(nil)), ""},
		{"HS256 with a kid", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "any", kim(nil)), ""},
		{"RS256", inPEM(&rsaKey.PublicKey), "", signed(t, rs, rsaKey, "", kim(nil)), ""},
		{"ES256", inPEM(&ecKey.PublicKey), "", signed(t, ec, ecKey, "", kim(nil)), ""},
		{"RS256 of a set", string(set), "", signed(t, rs, rsaKey, "r1", kim(nil)), ""},
		{"ES256 of a set", string(set), "", signed(t, ec, ecKey, "e1", kim(nil)), ""},
		{"HS256 of a set", string(set), "", signed(t, hs, []byte(sharedSecret), "h1", kim(nil)), ""},
		{"no kid", string(set), "", signed(t, ec, ecKey, "", kim(nil)), ""},
		{"a file", "@" + file, "", signed(t, ec, ecKey, "e1", kim(nil)), ""},
		{"two keys in PEM, the second", inPEM(&strange.PublicKey) + inPEM(&ecKey.PublicKey), "", signed(t, ec, ecKey, "", kim(nil)), ""},
		{"the audience", sharedSecret, "firstline", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"aud": []string{"x", "firstline"}})), ""},

		{"another key", inPEM(&ecKey.PublicKey), "", signed(t, ec, strange, "", kim(nil)), "not signed"},
		{"another kid", string(set), "", signed(t, ec, ecKey, "e2", kim(nil)), "not signed"},
		{"the kid of another algorithm", string(set), "", signed(t, ec, ecKey, "r1", kim(nil)), "not signed"},
		{"the public key as a secret", inPEM(&rsaKey.PublicKey), "", signed(t, hs, []byte(inPEM(&rsaKey.PublicKey)), "", kim(nil)), "not signed"},
		{"the public key of a set as a secret", string(set), "", signed(t, hs, rsaKey.N.Bytes(), "r1", kim(nil)), "not signed"},
		{"unsigned", sharedSecret, "", unsigned, "not signed"},
		{"without the signature", sharedSecret, "", parts[0] + "." + parts[1] + ".", "not signed"},
		{"HS512", sharedSecret, "", signed(t, jwt.SigningMethodHS512, []byte(sharedSecret), "", kim(nil)), "not signed"},
		{"no token at all", sharedSecret, "", "hello", "not signed"},
		{"expired", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"exp": past})), "expired"},
		{"for ever", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"exp": nil})), "exp"},
		{"for a year", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"exp": time.Now().AddDate(1, 0, 0).Unix()})), "24 hours"},
		{"for a day", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"exp": time.Now().Add(24 * time.Hour).Unix()})), ""},
		{"not yet", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"nbf": later})), "not valid now"},
		{"made in the future", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"iat": later})), "not valid now"},
		{"another audience", sharedSecret, "firstline", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"aud": "shop"})), "audience"},
		{"no audience", sharedSecret, "firstline", signed(t, hs, []byte(sharedSecret), "", kim(nil)), "aud"},
		{"nobody", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"sub": ""})), "sub"},
		{"no address", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"email": "Kim <kim@example.org>"})), "e-mail"},
		{"two lines of name", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"name": "Kim\nadmin"})), "name"},
		{"a nested account", sharedSecret, "", signed(t, hs, []byte(sharedSecret), "", kim(jwt.MapClaims{"account": map[string]any{"a": map[string]any{}}})), "account.a"},
		{"a long token", sharedSecret, "", strings.Repeat("a", 9000), "longer"},
	} {
		i, err := NewIdentity(tt.keys, tt.audience)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		p, err := i.Verify(tt.token)
		switch {
		case tt.want != "":
			if err == nil || !strings.Contains(err.Error(), tt.want) || p.Verified || p.ID != "" {
				t.Errorf("%s: %+v, %v; want %q", tt.name, p, err, tt.want)
			}
		case err != nil || !p.Verified || p.ID != "c-42" || p.Name != "Kim" || p.Email != "kim@example.org" ||
			!strings.Contains(string(p.Account), `"balance":120.5`) || strings.Contains(string(p.Account), "4111"):
			t.Errorf("%s: %+v, %v", tt.name, p, err)
		}
	}
}

func TestIdentityKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // to be refused
	if err != nil {
		t.Skip("this Go does not make small keys:", err)
	}
	der, _ := x509.MarshalPKIXPublicKey(&small.PublicKey)
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
	for name, keys := range map[string]string{
		"a short secret":      "short",
		"a small RSA key":     string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"a private key":       string(private),
		"an empty set":        `{"keys":[]}`,
		"no JSON":             `{`,
		"a private JWK":       `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}`,
		"a point off P-256":   `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
		"another curve":       `{"keys":[{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}]}`,
		"another algorithm":   `{"keys":[{"kty":"oct","alg":"HS512","k":"` + base64.RawURLEncoding.EncodeToString([]byte(sharedSecret)) + `"}]}`,
		"a short JWK secret":  `{"keys":[{"kty":"oct","k":"AAAA"}]}`,
		"an unknown type":     `{"keys":[{"kty":"OKP"}]}`,
		"a file that is gone": "@/does/not/exist",
	} {
		if _, err := NewIdentity(keys, ""); err == nil || !strings.Contains(err.Error(), "FIRSTLINE_CUSTOMER_KEY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A verified customer is shown as such, with the account and the other conversations that the agent may read.
func TestVerifiedCustomer(t *testing.T) {
	t.Parallel()
	identity, err := NewIdentity(sharedSecret, "")
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(d *Deps) { d.Identity = identity })
	begin := func(changes jwt.MapClaims, headers ...string) (id, token string) {
		t.Helper()
		body, _ := json.Marshal(map[string]string{"market": "gb", "locale": "en", "customer_token": signed(t, jwt.SigningMethodHS256, []byte(sharedSecret), "", kim(changes))})
		a := b.do("POST", "/v1/conversations", string(body), headers...)
		if a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
		v := a.json(t)
		return v["id"].(string), v["token"].(string)
	}
	id, token := begin(nil, "Idempotency-Key", "the same key for both")
	if again, _ := begin(nil, "Idempotency-Key", "the same key for both"); again != id {
		t.Error("the same request made two conversations")
	}
	if other, _ := begin(jwt.MapClaims{"sub": "c-43"}, "Idempotency-Key", "the same key for both"); other == id {
		t.Error("another customer got the conversation")
	}
	earlier, earlierToken := begin(nil)
	secret, secretToken := begin(nil)
	ask := func(id, token string) {
		t.Helper()
		if a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{"note":"about `+id+`"}`, "Authorization", "Bearer "+token); a.status != http.StatusAccepted {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	ask(id, token)
	ask(earlier, earlierToken)
	ask(secret, secretToken)
	if _, err := b.pool.Exec(t.Context(), `UPDATE handoffs SET team = 'fraud' WHERE conversation_id = $1`, secret); err != nil {
		t.Fatal(err)
	}
	// Somebody who merely says to be the customer has no part in it.
	liar, _ := b.conversation("gb", "en")
	if _, err := b.pool.Exec(t.Context(), `UPDATE conversations SET customer = '{"id":"c-42","verified":false}' WHERE id = $1`, liar); err != nil {
		t.Fatal(err)
	}
	agent := []string{"Authorization", "Bearer " + b.person("ada@larkpay.example", "agent", "token", "general")}
	boss := []string{"Authorization", "Bearer " + b.person("eve@larkpay.example", "supervisor", "token")}
	desk := "/v1/agent/conversations/"
	b.run([]scenario{
		{name: "the package", path: desk + id, headers: agent, status: 200, want: []string{`"verified":true`, `"account":{`, `"plan":"Pay in 4"`, `"email":"kim@example.org"`}, never: []string{"4111"}},
		{name: "the history of an agent", path: desk + id + "/history", headers: agent, status: 200,
			want: []string{earlier, "about " + earlier, `"hidden":1`}, never: []string{secret, liar, `"id":"` + id}},
		{name: "the history of a supervisor", path: desk + id + "/history", headers: boss, status: 200, want: []string{earlier, secret, `"hidden":0`}, never: []string{liar}},
		{name: "the liar's", path: desk + liar + "/history", headers: boss, status: 200, want: []string{`"conversations":[]`, `"hidden":0`}},
		{name: "of another team", path: desk + secret + "/history", headers: agent, status: 404},
		{name: "a forged token", method: "POST", path: "/v1/conversations", body: `{"market":"gb","locale":"en","customer_token":"a.b.c"}`, status: 422, want: []string{`"field":"customer_token"`}},
	})
	conv, err := b.record.Find(t.Context(), uuid.MustParse(id))
	if err != nil || !conv.Customer.Verified || conv.Customer.ID != "c-42" {
		t.Errorf("%+v, %v", conv.Customer, err)
	}
}
