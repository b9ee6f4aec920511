package notify

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// receiver is a push service with one browser behind it, which reads what it gets as RFC 8188 and RFC 8291 say.
type receiver struct {
	t     *testing.T
	srv   *httptest.Server
	key   *ecdh.PrivateKey
	auth  []byte
	vapid string

	mu     sync.Mutex
	status int
	got    []pushed
	heads  []http.Header
	plain  []string
}

func newReceiver(t *testing.T, vapid string) *receiver {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, key: key, auth: make([]byte, 16), status: 201, vapid: vapid}
	_, _ = rand.Read(r.auth)
	r.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		text := r.open(body)
		r.sender(req)
		var p pushed
		if err := json.Unmarshal(text, &p); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		r.got, r.heads, r.plain = append(r.got, p), append(r.heads, req.Header), append(r.plain, string(text))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.srv.Close)
	return r
}

func (r *receiver) browser(path string, text bool) Browser {
	e := base64.RawURLEncoding.EncodeToString
	return Browser{Endpoint: r.srv.URL + path, P256dh: e(r.key.PublicKey().Bytes()), Auth: e(r.auth), Text: text}
}

// open decrypts a message.
func (r *receiver) open(body []byte) []byte {
	salt, size, n := body[:16], binary.BigEndian.Uint32(body[16:20]), int(body[20])
	theirs, err := ecdh.P256().NewPublicKey(body[21 : 21+n])
	if err != nil {
		r.t.Error(err)
		return nil
	}
	secret, err := r.key.ECDH(theirs)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	info := "WebPush: info\x00" + string(r.key.PublicKey().Bytes()) + string(theirs.Bytes())
	ikm, _ := hkdf.Key(sha256.New, secret, r.auth, info, 32)
	cek, _ := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce, _ := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	block, _ := aes.NewCipher(cek)
	gcm, _ := cipher.NewGCM(block)
	if len(body) > int(size) {
		r.t.Errorf("%d bytes in records of %d", len(body), size)
	}
	text, err := gcm.Open(nil, nonce, body[21+n:], nil)
	if err != nil {
		r.t.Errorf("decrypt: %v", err)
		return nil
	}
	return bytes.TrimSuffix(bytes.TrimRight(text, "\x00"), []byte{2})
}

// sender checks who signed the request (RFC 8292).
func (r *receiver) sender(req *http.Request) {
	fields, ok := strings.CutPrefix(req.Header.Get("Authorization"), "vapid t=")
	token, key, found := strings.Cut(fields, ", k=")
	if !ok || !found || key != r.vapid {
		r.t.Errorf("signed by %q", key)
		return
	}
	raw, _ := base64.RawURLEncoding.DecodeString(key)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		r.t.Error(err)
		return
	}
	parsed, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return public, nil }, jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience(r.srv.URL), jwt.WithExpirationRequired())
	if err != nil {
		r.t.Error(err)
		return
	}
	exp, _ := parsed.Claims.GetExpirationTime()
	sub, _ := parsed.Claims.GetSubject()
	if exp.After(time.Now().Add(24*time.Hour)) || sub != "https://chat.larkpay.example" {
		r.t.Errorf("until %v, by %q", exp, sub)
	}
}

// TestPush tells browsers after ten seconds, of what they asked for and no more, and forgets those that are gone.
func TestPush(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{Allow: here})
	ctx := t.Context()
	r := newReceiver(t, b.s.PushKey())
	id, other := b.conversation(kim, "sv"), b.conversation(kim, "en")
	if _, err := b.s.SubscribePush(ctx, id, r.browser("/one", false)); err != nil {
		t.Fatal(err)
	}
	b.says(other, chat.Agent, "Somebody else's")
	b.says(id, chat.Agent, "Your loan number is 12")
	if b.after(8 * time.Second); b.send() != 0 {
		t.Error("it does not wait")
	}
	b.says(id, chat.Agent, "Are you there?")
	b.after(11 * time.Second)
	b.send()
	if len(r.got) != 1 || r.got[0].Title != "Larkpay har svarat" || r.got[0].Text != "Öppna chatten för att läsa svaret." || strings.Contains(r.plain[0], "loan") || strings.Contains(r.plain[0], id.String()) {
		t.Fatalf("%v", r.plain)
	}
	h := r.heads[0]
	if h.Get("Topic") != r.got[0].Tag || len(h.Get("Topic")) > 32 || h.Get("TTL") != "2419200" || h.Get("Content-Encoding") != "aes128gcm" {
		t.Errorf("%v", h)
	}
	if conv, err := b.s.Redeem(ctx, links(r.got[0].Link)["/chat#t="]); err != nil || conv.ID != id {
		t.Errorf("its link opens %v, %v", conv.ID, err)
	}
	// With the text where that is asked for; the same topic, so that it takes the place of the one before.
	if _, err := b.s.SubscribePush(ctx, id, r.browser("/one", true)); err != nil {
		t.Fatal(err)
	}
	b.says(id, chat.Assistant, "Call us with 4111 1111 1111 1111,\nplease. "+strings.Repeat("å", 500))
	b.after(11 * time.Second)
	b.send()
	if len(r.got) != 2 || !strings.HasPrefix(r.got[1].Text, "Call us with ") || strings.Contains(r.got[1].Text, "4111 1111") || len(r.got[1].Text) > maxPreview+8 || r.got[1].Tag != r.got[0].Tag {
		t.Errorf("%v", r.plain[1:])
	}
	// Read in between: nothing.
	b.read(id, b.says(id, chat.Agent, "Read"))
	b.after(time.Minute)
	if b.send(); len(r.got) != 2 {
		t.Error("told of what was read")
	}
	// A service that is busy is asked again, one that has no such browser never.
	for _, status := range []int{503, 429} {
		r.status = status
		b.says(id, chat.Agent, "Again")
		b.after(time.Minute)
		b.send()
		if b.states() != "pending" {
			t.Errorf("after %d: %s", status, b.states())
		}
		r.status = 201
		b.after(24 * time.Hour)
		if b.send(); b.states() != "done" {
			t.Errorf("after %d and 201: %s", status, b.states())
		}
	}
	r.status = 410
	b.says(id, chat.Agent, "Gone")
	b.after(time.Minute)
	b.send()
	if list, err := b.s.Subscriptions(ctx, id); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	// No more than five browsers, the newest.
	for i := range 8 {
		if _, err := b.s.SubscribePush(ctx, id, r.browser("/"+strings.Repeat("x", i+1), false)); err != nil {
			t.Fatal(err)
		}
	}
	if list, _ := b.s.Subscriptions(ctx, id); len(list) != maxBrowsers {
		t.Errorf("%d browsers", len(list))
	}
}

// TestPushGoesNowhereElse reaches no network that is not public, and takes no endpoint that is none.
func TestPushGoesNowhereElse(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	r := newReceiver(t, b.s.PushKey())
	id := b.conversation(kim, "en")
	good := r.browser("/one", false)
	for name, change := range map[string]func(*Browser){
		"a file": func(x *Browser) { x.Endpoint = "file:///etc/passwd" }, "a user": func(x *Browser) { x.Endpoint = "https://a:b@push.example/" },
		"no host": func(x *Browser) { x.Endpoint = "https:///x" }, "long": func(x *Browser) { x.Endpoint = "https://push.example/" + strings.Repeat("x", 2000) },
		"no point": func(x *Browser) { x.P256dh = base64.RawURLEncoding.EncodeToString(make([]byte, 65)) }, "no key": func(x *Browser) { x.Auth = "AAAA" },
	} {
		x := good
		change(&x)
		if _, err := b.s.SubscribePush(t.Context(), id, x); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, endpoint := range []string{r.srv.URL, "https://" + r.srv.Listener.Addr().String(), "http://169.254.169.254/latest/meta-data", "https://[::1]:1/", "https://localhost:1/"} {
		x := good
		x.Endpoint = endpoint
		if _, err := b.s.SubscribePush(t.Context(), id, x); err != nil {
			t.Fatal(err)
		}
	}
	b.says(id, chat.Agent, "Hello")
	b.after(time.Minute)
	b.send()
	if len(r.got) != 0 || b.states() != "dead dead dead dead dead" {
		t.Errorf("%d requests, %s", len(r.got), b.states())
	}
	var leaks int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM notices WHERE error LIKE '%169.254%' OR error LIKE '%127.0.0.1%'`).Scan(&leaks); err != nil || leaks != 0 {
		t.Errorf("%d say where it led, %v", leaks, err)
	}
}
