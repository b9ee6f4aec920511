package llm_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/llm/llmtest"
)

// recorded is a transport that plays back a response that is ready in memory, so that only the client's work is
// measured.
type recorded string

func (r recorded) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(strings.NewReader(string(r))), Request: req}, nil
}

func record(b *testing.B, words int) recorded {
	srv := llmtest.InMemory(b)
	srv.Queue(llmtest.Reply(strings.Repeat("refund ", words)))
	req, _ := http.NewRequestWithContext(b.Context(), "POST", srv.URL()+"/chat/completions", strings.NewReader(`{"model":"main","stream":true}`))
	res, err := srv.Transport().RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return recorded(body)
}

func benchStream(b *testing.B, words int) {
	c := llm.New(llm.Config{BaseURL: "http://llmtest.invalid/v1", ChatModel: "main"}, llm.Options{HTTPClient: &http.Client{Transport: record(b, words)}})
	r := ask()
	r.System = strings.Repeat("A passage of the help centre. ", 200)
	b.ReportAllocs()
	for b.Loop() {
		s, err := c.Stream(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := readAll(s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStream60 is a whole call of 60 one-word chunks; Stream1 is the same with one chunk, so that the difference
// is the cost of decoding.
func BenchmarkStream60(b *testing.B) { benchStream(b, 60) }
func BenchmarkStream1(b *testing.B)  { benchStream(b, 1) }
