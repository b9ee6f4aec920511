package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Two senders who think of the same Idempotency-Key get two conversations; one who repeats it gets the same. Where the
// sender is known from a proxy, only a trusted one is believed.
func TestIdempotencyKeyIsTheSendersOwn(t *testing.T) {
	t.Parallel()
	start := func(b *bundle, from string) string {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, b.url+"/v1/conversations", strings.NewReader(`{"market":"gb","locale":"en"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", "a-key-of-the-client")
		req.Header.Set("X-Forwarded-For", from)
		res, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var out struct{ ID string }
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil || out.ID == "" {
			t.Fatal(res.Status, err)
		}
		return out.ID
	}
	trusting := setup(t, func(d *Deps) { d.Proxies = []string{"127.0.0.0/8", "::1"} })
	if one, two := start(trusting, "192.0.2.1"), start(trusting, "192.0.2.2"); one == two {
		t.Error("two senders with one key share a conversation")
	}
	if one, again := start(trusting, "192.0.2.1"), start(trusting, "192.0.2.1"); one != again {
		t.Error("the same sender got two conversations for one key")
	}
	plain := setup(t)
	if one, two := start(plain, "192.0.2.1"), start(plain, "192.0.2.2"); one != two {
		t.Error("a client's own X-Forwarded-For is believed")
	}
}
