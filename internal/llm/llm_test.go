package llm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a client with a server, a record of events, and waits that only add up.
type fixture struct {
	*llm.Client
	srv *llmtest.Server

	mu     sync.Mutex
	events []llm.Event
	waits  []time.Duration
}

func (f *fixture) faults() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, e := range f.events {
		if e.Kind == llm.EventFault {
			out = append(out, e.Model+" "+string(e.Fault))
		}
	}
	return out
}

func (f *fixture) done() []llm.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []llm.Event
	for _, e := range f.events {
		if e.Kind == llm.EventDone {
			out = append(out, e)
		}
	}
	return out
}

// config holds what the tests change.
type config struct {
	fallback string
	first    time.Duration
	timeout  time.Duration
	retries  int
	memory   bool
	realWait bool
	dims     int
	model    string
}

func setup(t *testing.T, cfg config) *fixture {
	t.Helper()
	f := &fixture{}
	opts := llm.Options{
		Observe: func(e llm.Event) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
		},
		Rand: func() float64 { return 0.5 },
	}
	if !cfg.realWait {
		opts.Sleep = func(ctx context.Context, d time.Duration) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.waits = append(f.waits, d)
			return ctx.Err()
		}
	}
	if cfg.memory {
		f.srv = llmtest.InMemory(t)
		opts.HTTPClient = &http.Client{Transport: f.srv.Transport()}
	} else {
		f.srv = llmtest.New(t)
	}
	if cfg.model == "" {
		cfg.model = "main"
	}
	f.Client = llm.New(llm.Config{
		BaseURL: f.srv.URL(), APIKey: "key", ChatModel: cfg.model, FallbackModel: cfg.fallback,
		EmbeddingModel: "embed", EmbeddingDimensions: cfg.dims,
		FirstTokenTimeout: cfg.first, Timeout: cfg.timeout, MaxRetries: cfg.retries, PromptPrice: 1e6, CompletionPrice: 2e6,
	}, opts)
	t.Cleanup(f.Close)
	return f
}

const text = "Your refund takes 3 to 5 days. Öffne die App – dann „Käufe“ 🙂 完了。"

func ask() llm.Request {
	return llm.Request{System: "You help.", Messages: []llm.Message{{Role: "user", Content: "Where is my refund?"}}, MaxTokens: 100}
}

// readAll reads a stream to its end and closes it.
func readAll(s *llm.Stream) (string, error) {
	defer s.Close()
	var b strings.Builder
	for {
		piece, err := s.Recv()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		b.WriteString(piece)
	}
}

func TestStreamWhole(t *testing.T) {
	for name, script := range map[string]llmtest.Script{
		"words":             llmtest.Reply(text),
		"characters":        llmtest.Reply(text).WithPieces(llmtest.Runes),
		"one piece":         llmtest.Reply(text).WithPieces(llmtest.Whole),
		"crlf":              llmtest.Reply(text).WithCRLF(),
		"tight":             llmtest.Reply(text).WithTightData(),
		"torn characters":   llmtest.Reply(text).WithSplitWrites().WithPieces(llmtest.Whole),
		"1000 keep-alives":  llmtest.KeepAlives(1000, text),
		"no usage":          llmtest.Reply(text).WithoutUsage(),
		"no done":           llmtest.Reply(text).WithoutDone(),
		"thought first":     llmtest.Reply(text).WithThought(3),
		"longer than 4 KiB": llmtest.Reply(strings.Repeat(text, 100)).WithPieces(llmtest.Whole),
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, config{})
			f.srv.Queue(script)
			s, err := f.Stream(t.Context(), ask())
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(s)
			want := text
			if name == "longer than 4 KiB" {
				want = strings.Repeat(text, 100)
			}
			if err != nil || got != want {
				t.Fatalf("got %q, %v", got, err)
			}
			if s.Finish() != "stop" || s.Model() != "main" {
				t.Errorf("finish %q, model %q", s.Finish(), s.Model())
			}
			u := s.Usage()
			if u.Estimated != (name == "no usage") || u.PromptTokens == 0 || u.CompletionTokens == 0 {
				t.Errorf("usage %+v", u)
			}
			if want := float64(u.PromptTokens) + 2*float64(u.CompletionTokens); u.Cost != want {
				t.Errorf("cost %v, want %v", u.Cost, want)
			}
			if n := len(f.done()); n != 1 || len(f.faults()) != 0 {
				t.Errorf("%d done events, faults %v", n, f.faults())
			}
			if _, err := s.Recv(); err != io.EOF {
				t.Errorf("Recv after the end: %v", err)
			}
		})
	}
}

func TestRequestAsSent(t *testing.T) {
	for _, tc := range []struct {
		model string
		temp  float32
		want  string // temperature on the wire
	}{
		{"main", 0, "0"}, {"main", 0.5, "0.5"}, {"o3-mini", 0, "none"}, {"gpt-5-mini", 0.5, "none"},
	} {
		f := setup(t, config{model: tc.model})
		r := ask()
		r.Temperature, r.JSON = tc.temp, true
		r.Messages[0].Content = `say "temperature":1e-45 to me`
		if got, err := f.Complete(t.Context(), r); err != nil || got.Text != "{}" {
			t.Fatalf("got %+v, %v", got, err)
		}
		sent := f.srv.Requests()[0]
		temp := "none"
		if sent.Temperature != nil {
			temp = fmt.Sprint(*sent.Temperature)
		}
		if temp != tc.want || sent.Key != "key" || sent.Model != tc.model || !sent.JSON() {
			t.Errorf("%s with %v: sent %s, temperature %s", tc.model, tc.temp, sent.Raw, temp)
		}
		if (sent.MaxTokens == 100) != (tc.want != "none") {
			t.Errorf("%s: max_tokens %d", tc.model, sent.MaxTokens)
		}
		want := []llmtest.Message{{Role: "system", Content: "You help."}, {Role: "user", Content: r.Messages[0].Content}}
		if diff := cmp.Diff(want, sent.Messages); diff != "" {
			t.Error(diff)
		}
	}
}

func TestStreamFaults(t *testing.T) {
	json500 := llmtest.Status(500, `{"error":{"message":"boom","type":"server_error"}}`)
	plain503 := llmtest.Status(503, "upstream connect error")
	ok := llmtest.Reply(text)
	for _, tc := range []struct {
		name    string
		scripts []llmtest.Script
		want    error    // nil: the whole text
		faults  []string // of the main model
	}{
		{"json 500", []llmtest.Script{json500, ok}, nil, []string{"server"}},
		{"plain 503 twice", []llmtest.Script{plain503, plain503, ok}, nil, []string{"server", "server"}},
		{"503 for good", []llmtest.Script{plain503, plain503, plain503}, llm.ErrUnavailable, []string{"server", "server", "server"}},
		{"429", []llmtest.Script{llmtest.RateLimited(""), ok}, nil, []string{"rate_limited"}},
		{"quota", []llmtest.Script{llmtest.Status(429, `{"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}}`)}, llm.ErrUnavailable, []string{"quota"}},
		{"bad key", []llmtest.Script{llmtest.Status(401, `{"error":{"message":"bad key sk-secret","type":"invalid_request_error","code":"invalid_api_key"}}`)}, llm.ErrRejected, []string{"auth"}},
		{"too long", []llmtest.Script{llmtest.TooLong()}, llm.ErrRejected, []string{"too_long"}},
		{"too long in another shape", []llmtest.Script{llmtest.Status(400, `{"object":"error","message":"This model's maximum context length is 8192 tokens"}`)}, llm.ErrRejected, []string{"too_long"}},
		{"no such model", []llmtest.Script{llmtest.Status(404, `{"error":{"message":"no such model"}}`)}, llm.ErrRejected, []string{"model"}},
		{"bad request", []llmtest.Script{llmtest.Status(422, `{"detail":"you sent: Where is my refund?"}`)}, llm.ErrRejected, []string{"request"}},
		{"web page", []llmtest.Script{llmtest.HTML(), ok}, nil, []string{"malformed"}},
		{"redirect", []llmtest.Script{llmtest.Status(307, "", "Location", "http://127.0.0.1:1/"), ok}, nil, []string{"malformed"}},
		{"document", []llmtest.Script{llmtest.Document(`{"choices":[]}`), ok}, nil, []string{"malformed"}},
		{"error document", []llmtest.Script{llmtest.Document(`{"error":{"message":"busy","code":"rate_limit_exceeded"}}`), ok}, nil, []string{"rate_limited"}},
		{"broken json at once", []llmtest.Script{llmtest.GarbageJSON(text, 0), ok}, nil, []string{"malformed"}},
		{"cut at once", []llmtest.Script{llmtest.Cut(text, 0), ok}, nil, []string{"empty"}},
		{"nothing said", []llmtest.Script{llmtest.Reply(""), ok}, nil, []string{"empty"}},
		{"reset at once", []llmtest.Script{llmtest.ResetMidStream(text, 0), ok}, nil, []string{"connect"}},
		{"error event at once", []llmtest.Script{llmtest.ErrorEvent(text, 0), ok}, nil, []string{"server"}},
		{"too long as an event", []llmtest.Script{llmtest.ErrorEvent(text, 0).WithFrame(`{"error":{"message":"x","code":"context_length_exceeded"}}`)}, llm.ErrRejected, []string{"too_long"}},
		{"number code as an event", []llmtest.Script{llmtest.ErrorEvent(text, 0).WithFrame(`{"error":{"message":"x","code":429}}`), ok}, nil, []string{"rate_limited"}},
		{"unreadable event", []llmtest.Script{llmtest.ErrorEvent(text, 0).WithFrame(`overloaded`), ok}, nil, []string{"server"}},
		{"filtered at once", []llmtest.Script{llmtest.ContentFilter("")}, llm.ErrFiltered, []string{"filtered"}},

		{"cut", []llmtest.Script{llmtest.Cut(text, 3)}, llm.ErrCut, []string{"cut"}},
		{"cut without a newline or done", []llmtest.Script{llmtest.NoFinish(text).WithoutDone()}, llm.ErrCut, []string{"cut"}},
		{"no finish", []llmtest.Script{llmtest.NoFinish(text)}, llm.ErrCut, []string{"cut"}},
		{"reset", []llmtest.Script{llmtest.ResetMidStream(text, 3)}, llm.ErrCut, []string{"cut"}},
		{"error event", []llmtest.Script{llmtest.ErrorEvent(text, 3)}, llm.ErrCut, []string{"cut"}},
		{"broken json", []llmtest.Script{llmtest.GarbageJSON(text, 3)}, llm.ErrCut, []string{"cut"}},
		{"filtered", []llmtest.Script{llmtest.ContentFilter(text)}, llm.ErrFiltered, []string{"filtered"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := setup(t, config{})
			f.srv.Queue(tc.scripts...)
			var got string
			s, err := f.Stream(t.Context(), ask())
			if err == nil {
				got, err = readAll(s)
			}
			switch {
			case tc.want == nil && (err != nil || got != text):
				t.Errorf("got %q, %v", got, err)
			case tc.want != nil && !errors.Is(err, tc.want):
				t.Errorf("got %v, want %v", err, tc.want)
			case (tc.want == llm.ErrCut) != (tc.want != nil && got != "" && tc.want != llm.ErrFiltered):
				t.Errorf("text %q before %v", got, err)
			}
			if err != nil {
				for _, secret := range []string{"refund", "sk-secret", "Where"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error repeats %q: %v", secret, err)
					}
				}
			}
			want := make([]string, len(tc.faults))
			for i, x := range tc.faults {
				want[i] = "main " + x
			}
			if diff := cmp.Diff(want, f.faults()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if n := len(f.srv.Requests()); n != len(tc.scripts) {
				t.Errorf("%d requests for %d scripts", n, len(tc.scripts))
			}
		})
	}
}

func TestStreamLength(t *testing.T) {
	f := setup(t, config{})
	f.srv.Queue(llmtest.Length(text), llmtest.Length(""))
	for _, want := range []string{text, ""} {
		s, err := f.Stream(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(s)
		if err != nil || got != want || s.Finish() != "length" {
			t.Errorf("got %q, %v, finish %q", got, err, s.Finish())
		}
	}
}

func TestFallback(t *testing.T) {
	bad := llmtest.Status(503, "no")
	for _, tc := range []struct {
		name   string
		main   []llmtest.Script
		spare  []llmtest.Script
		want   error
		models []string
	}{
		{"exhausted", []llmtest.Script{bad, bad, bad}, []llmtest.Script{llmtest.Reply(text)}, nil, []string{"main", "main", "main", "spare"}},
		{"no such model", []llmtest.Script{llmtest.Status(404, "{}")}, []llmtest.Script{llmtest.Reply(text)}, nil, []string{"main", "spare"}},
		{"too long", []llmtest.Script{llmtest.TooLong()}, []llmtest.Script{llmtest.Reply(text)}, nil, []string{"main", "spare"}},
		{"bad key", []llmtest.Script{llmtest.Status(401, "{}")}, nil, llm.ErrRejected, []string{"main"}},
		{"retry-after beyond the deadline", []llmtest.Script{llmtest.RateLimited("600")}, []llmtest.Script{llmtest.Reply(text)}, nil, []string{"main", "spare"}},
		{"never after the first token", []llmtest.Script{llmtest.Cut(text, 2)}, nil, llm.ErrCut, []string{"main"}},
		{"both", []llmtest.Script{bad, bad, bad}, []llmtest.Script{bad, bad, bad}, llm.ErrUnavailable, []string{"main", "main", "main", "spare", "spare", "spare"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := setup(t, config{fallback: "spare"})
			f.srv.QueueFor("main", tc.main...)
			f.srv.QueueFor("spare", tc.spare...)
			s, err := f.Stream(t.Context(), ask())
			if err == nil {
				_, err = readAll(s)
			}
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if tc.want == nil && s.Model() != "spare" {
				t.Errorf("model %q", s.Model())
			}
			var models []string
			for _, r := range f.srv.Requests() {
				models = append(models, r.Model)
			}
			if diff := cmp.Diff(tc.models, models); diff != "" {
				t.Errorf("models (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	const backoff1 = 125 * time.Millisecond // half of the first bound
	for header, want := range map[string]time.Duration{
		"":    backoff1,
		"3":   3 * time.Second,
		"0.5": 500 * time.Millisecond,
		time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat): 29 * time.Second, // at least: dates are whole seconds
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       backoff1,
		"soon": backoff1,
		"-5":   backoff1,
	} {
		f := setup(t, config{})
		f.srv.Queue(llmtest.RateLimited(header), llmtest.Reply(text))
		s, err := f.Stream(t.Context(), ask())
		if err != nil {
			t.Fatal(header, err)
		}
		_, _ = readAll(s)
		if len(f.waits) != 1 || f.waits[0] < want-2*time.Second || f.waits[0] > want+time.Second || want < 2*time.Second && f.waits[0] != want {
			t.Errorf("Retry-After %q: waited %v, want %v", header, f.waits, want)
		}
	}

	f := setup(t, config{})
	f.srv.Queue(llmtest.RateLimited("3600"))
	if _, err := f.Stream(t.Context(), ask()); !errors.Is(err, llm.ErrUnavailable) || len(f.waits) != 0 {
		t.Errorf("beyond the deadline: %v after waiting %v", err, f.waits)
	}
}

// stand is a test in a bubble where time moves only when everything waits.
func stand(t *testing.T, cfg config, run func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.memory, cfg.realWait = true, true
		run(t, setup(t, cfg))
	})
}

func TestSilenceBeforeFirstToken(t *testing.T) {
	for _, script := range []llmtest.Script{llmtest.Silent(), llmtest.Stall(text, 0)} {
		stand(t, config{fallback: "spare", retries: -1}, func(t *testing.T, f *fixture) {
			start := time.Now()
			f.srv.QueueFor("main", script)
			f.srv.QueueFor("spare", llmtest.Reply(text))
			s, err := f.Stream(t.Context(), ask())
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(s)
			if err != nil || got != text || s.Model() != "spare" {
				t.Errorf("got %q, %v from %s", got, err, s.Model())
			}
			if d := time.Since(start); d != 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	// Both models silent: an answer within the call's limit, never later.
	stand(t, config{fallback: "spare", timeout: 15 * time.Second}, func(t *testing.T, f *fixture) {
		start := time.Now()
		f.srv.Default(func(llmtest.Request) llmtest.Script { return llmtest.Silent() })
		_, err := f.Stream(t.Context(), ask())
		if !errors.Is(err, llm.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(start); d > 15*time.Second {
			t.Errorf("took %v", d)
		}
		if n := len(f.srv.Requests()); n < 2 {
			t.Errorf("%d requests: the other model was never asked", n)
		}
	})
}

func TestThoughtKeepsStreamAlive(t *testing.T) {
	stand(t, config{retries: -1}, func(t *testing.T, f *fixture) {
		f.srv.Queue(llmtest.Reply(text).WithThought(5).WithDelay(8*time.Second, 0))
		s, err := f.Stream(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(s); err != nil || got != text {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestStallBetweenTokens(t *testing.T) {
	stand(t, config{}, func(t *testing.T, f *fixture) {
		start := time.Now()
		f.srv.Queue(llmtest.Stall(text, 2))
		s, err := f.Stream(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		_, err = readAll(s)
		if !errors.Is(err, llm.ErrCut) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(start); d != 20*time.Second {
			t.Errorf("took %v", d)
		}
		if diff := cmp.Diff([]string{"main stalled"}, f.faults()); diff != "" {
			t.Error(diff)
		}
	})
	// Slow, but never silent for long: whole, although it takes longer than every limit but the call's.
	stand(t, config{timeout: time.Hour}, func(t *testing.T, f *fixture) {
		f.srv.Queue(llmtest.Reply(text).WithDelay(9*time.Second, 19*time.Second))
		s, err := f.Stream(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(s); err != nil || got != text {
			t.Errorf("got %q, %v", got, err)
		}
	})
	// The call's limit ends what the silence between tokens does not.
	stand(t, config{timeout: time.Minute}, func(t *testing.T, f *fixture) {
		start := time.Now()
		f.srv.Queue(llmtest.Reply(text).WithDelay(0, 19*time.Second))
		s, err := f.Stream(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(s); !errors.Is(err, llm.ErrCut) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("took %v", d)
		}
	})
}

func TestCancel(t *testing.T) {
	stand(t, config{}, func(t *testing.T, f *fixture) {
		f.srv.Default(func(llmtest.Request) llmtest.Script { return llmtest.Silent() })
		for range 8 { // more than opens a breaker
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			time.AfterFunc(time.Second, cancel)
			if _, err := f.Stream(ctx, ask()); !errors.Is(err, context.Canceled) || errors.Is(err, llm.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		}
		f.srv.Queue(llmtest.Stall(text, 2))
		ctx, cancel := context.WithCancel(t.Context())
		s, err := f.Stream(ctx, ask())
		if err != nil {
			t.Fatal("a cancelled caller is held against the provider:", err)
		}
		time.AfterFunc(time.Second, cancel)
		if _, err := readAll(s); !errors.Is(err, context.Canceled) || errors.Is(err, llm.ErrCut) {
			t.Errorf("got %v", err)
		}
	})
}

func TestBreaker(t *testing.T) {
	stand(t, config{fallback: "spare", retries: -1}, func(t *testing.T, f *fixture) {
		mode := llmtest.Status(503, "no")
		f.srv.Default(func(r llmtest.Request) llmtest.Script {
			if r.Model == "main" {
				return mode
			}
			return llmtest.Reply(text)
		})
		call := func() string {
			s, err := f.Stream(t.Context(), ask())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			return s.Model()
		}
		mains := func() (n int) {
			for _, r := range f.srv.Requests() {
				if r.Model == "main" {
					n++
				}
			}
			return n
		}
		for range 9 {
			call()
		}
		if n := mains(); n != 5 {
			t.Fatalf("the main model was asked %d times", n)
		}
		time.Sleep(16 * time.Second)
		call() // half-open, and fails
		call()
		if n := mains(); n != 6 {
			t.Fatalf("half-open: %d", n)
		}
		mode = llmtest.Reply(text)
		time.Sleep(16 * time.Second)
		if m := call(); m != "main" {
			t.Errorf("healed, but %s answered", m)
		}
		var states []string
		for _, e := range f.events {
			if e.Kind == llm.EventBreaker {
				states = append(states, e.State)
			}
		}
		if diff := cmp.Diff([]string{"open", "half-open", "open", "half-open", "closed"}, states); diff != "" {
			t.Error(diff)
		}
	})

	// The caller's faults do not count.
	f := setup(t, config{})
	f.srv.Default(func(llmtest.Request) llmtest.Script { return llmtest.TooLong() })
	for range 8 {
		if _, err := f.Stream(t.Context(), ask()); !errors.Is(err, llm.ErrRejected) {
			t.Fatal(err)
		}
	}
	// No fallback and an open breaker: at once, and ErrUnavailable.
	f.srv.Default(func(llmtest.Request) llmtest.Script { return llmtest.Status(500, "") })
	for range 4 {
		if _, err := f.Stream(t.Context(), ask()); !errors.Is(err, llm.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if n := len(f.srv.Requests()); n != 8+5 {
		t.Errorf("%d requests", n)
	}
}

func TestConnectionRefused(t *testing.T) {
	f := setup(t, config{})
	f.srv.Close()
	if _, err := f.Stream(t.Context(), ask()); !errors.Is(err, llm.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"main connect", "main connect", "main connect"}, f.faults()); diff != "" {
		t.Error(diff)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	f := setup(t, config{})
	f.srv.Default(func(llmtest.Request) llmtest.Script { return llmtest.Reply(text) })
	for i := range 20 {
		if i == 7 {
			f.srv.Queue(llmtest.Status(503, "no"))
		}
		s, err := f.Stream(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(s); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Complete(t.Context(), ask()); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.srv.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestComplete(t *testing.T) {
	bad := llmtest.Status(503, "no")
	ok := llmtest.Reply(text)
	for _, tc := range []struct {
		name    string
		scripts []llmtest.Script
		want    error
		faults  []string
	}{
		{"whole", []llmtest.Script{ok}, nil, nil},
		{"without usage", []llmtest.Script{ok.WithoutUsage()}, nil, nil},
		{"503", []llmtest.Script{bad, ok}, nil, []string{"main server"}},
		{"exhausted", []llmtest.Script{bad, bad, bad}, llm.ErrUnavailable, []string{"main server", "main server", "main server"}},
		{"web page", []llmtest.Script{llmtest.HTML(), ok}, nil, []string{"main malformed"}},
		{"broken json", []llmtest.Script{llmtest.GarbageJSON(text, 1), ok}, nil, []string{"main malformed"}},
		{"half a document", []llmtest.Script{llmtest.Cut(text, 1), ok}, nil, []string{"main connect"}},
		{"reset", []llmtest.Script{llmtest.ResetMidStream(text, 1), ok}, nil, []string{"main connect"}},
		{"error in a 200", []llmtest.Script{llmtest.ErrorEvent(text, 1), ok}, nil, []string{"main malformed"}},
		{"filtered", []llmtest.Script{llmtest.ContentFilter(text)}, llm.ErrFiltered, []string{"main filtered"}},
		{"too long", []llmtest.Script{llmtest.TooLong()}, llm.ErrRejected, []string{"main too_long"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := setup(t, config{})
			f.srv.Queue(tc.scripts...)
			got, err := f.Complete(t.Context(), ask())
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if tc.want == nil && (got.Text != text || got.Finish != "stop" || got.Model != "main" || got.Usage.Estimated != (tc.name == "without usage") || got.Usage.Cost == 0) {
				t.Errorf("got %+v", got)
			}
			if diff := cmp.Diff(tc.faults, f.faults()); diff != "" {
				t.Error(diff)
			}
		})
	}
	// A silent provider costs half of the time, and the other model gets the rest.
	stand(t, config{fallback: "spare", timeout: 20 * time.Second}, func(t *testing.T, f *fixture) {
		start := time.Now()
		f.srv.QueueFor("main", llmtest.Stall(text, 1))
		f.srv.QueueFor("spare", llmtest.Reply(text))
		got, err := f.Complete(t.Context(), ask())
		if err != nil || got.Model != "spare" || time.Since(start) != 10*time.Second {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(start))
		}
	})
}

func TestEmbed(t *testing.T) {
	texts := make([]string, 150)
	for i := range texts {
		texts[i] = fmt.Sprintf("passage number %d of many", i)
	}
	f := setup(t, config{dims: 16})
	f.srv.QueueEmbeddings(llmtest.Embedding{Reversed: true}, llmtest.Embedding{Code: 503}, llmtest.Embedding{Missing: 1}, llmtest.Embedding{}, llmtest.Embedding{Reversed: true})
	got, err := f.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if diff := cmp.Diff(llmtest.Vector(texts[i], 16), v); diff != "" {
			t.Fatalf("text %d:\n%s", i, diff)
		}
	}
	if len(got) != len(texts) || len(f.srv.Requests()) != 5 {
		t.Errorf("%d vectors, %d requests", len(got), len(f.srv.Requests()))
	}
	if diff := cmp.Diff([]string{"embed server", "embed malformed"}, f.faults()); diff != "" {
		t.Error(diff)
	}

	for name, tc := range map[string]struct {
		script llmtest.Embedding
		want   error
		calls  int
	}{
		"wrong length": {llmtest.Embedding{Dimensions: 8}, llm.ErrRejected, 1},
		"repeated":     {llmtest.Embedding{Repeated: true}, llm.ErrUnavailable, 3},
		"zeros":        {llmtest.Embedding{Zero: true}, llm.ErrUnavailable, 3},
		"bad key":      {llmtest.Embedding{Code: 401}, llm.ErrRejected, 1},
	} {
		f := setup(t, config{dims: 16})
		f.srv.QueueEmbeddings(tc.script, tc.script, tc.script)
		if _, err := f.Embed(t.Context(), texts[:3]); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(f.srv.Requests()); n != tc.calls {
			t.Errorf("%s: %d requests", name, n)
		}
	}
	if got, err := f.Embed(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("no texts: %v, %v", got, err)
	}
}

func TestNotConfigured(t *testing.T) {
	c := llm.New(llm.Config{}, llm.Options{})
	if c.HasChat() || c.HasEmbeddings() {
		t.Error("an empty configuration has models")
	}
	_, err1 := c.Stream(t.Context(), ask())
	_, err2 := c.Complete(t.Context(), ask())
	_, err3 := c.Embed(t.Context(), []string{"x"})
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, llm.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
	if c := llm.New(llm.Config{APIKey: "k", ChatModel: "m", EmbeddingModel: "e"}, llm.Options{}); !c.HasChat() || !c.HasEmbeddings() {
		t.Error("a key and a model are enough")
	}
}

// A reader that stops early leaves nothing behind; TestMain looks for goroutines.
func TestCloseEarly(t *testing.T) {
	f := setup(t, config{})
	for range 5 {
		f.srv.Queue(llmtest.Stall(text, 2))
		s, err := f.Stream(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s.Close()
		s.Recv() // the first piece is still there
		if _, err := s.Recv(); err == nil || err == io.EOF {
			t.Errorf("Recv after Close: %v", err)
		}
	}
}
