package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/kb"
)

func TestStubStreamsSixtyWords(t *testing.T) {
	srv := httptest.NewServer(stub{}.handler())
	defer srv.Close()
	for _, model := range []string{flatModel, sentencesModel} {
		res, err := srv.Client().Post(srv.URL+"/v1/chat/completions", "application/json",
			strings.NewReader(`{"model":"`+model+`","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		chunks := 0
		for line := range bytes.Lines(body) {
			if s := chunkText(line); s != "" {
				text.WriteString(s)
				chunks++
			}
		}
		if chunks != 60 {
			t.Errorf("%s: %d chunks", model, chunks)
		}
		want := answerText
		if model == flatModel {
			want = strings.Join(plainWords(answerText), " ")
		}
		if text.String() != want {
			t.Errorf("%s says %q", model, text.String())
		}
		if !bytes.Contains(body, []byte(`"completion_tokens":60`)) || !bytes.Contains(body, []byte(`"finish_reason":"stop"`)) ||
			!bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) {
			t.Errorf("%s: no usage, no finish or no end: %s", model, body[max(0, len(body)-300):])
		}
	}
}

func TestStubWaitsAsToldAndNotLonger(t *testing.T) {
	if pause(context.Background(), 0) != true {
		t.Error("no pause must not end the stream")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if pause(ctx, time.Hour) {
		t.Error("the stream goes on for a caller that left")
	}
}

func TestStubEmbeddings(t *testing.T) {
	srv := httptest.NewServer(stub{}.handler())
	defer srv.Close()
	ask := func(format string) []json.RawMessage {
		res, err := srv.Client().Post(srv.URL+"/v1/embeddings", "application/json",
			strings.NewReader(`{"model":"stub-embed","encoding_format":"`+format+`","input":["refund of a card payment","refund of a payment","opening hours"]}`))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var answer struct {
			Data []struct {
				Index     int
				Embedding json.RawMessage
			}
		}
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		out := make([]json.RawMessage, len(answer.Data))
		for _, d := range answer.Data {
			out[d.Index] = d.Embedding
		}
		return out
	}
	floats := make([][]float32, 3)
	for i, raw := range ask("float") {
		if err := json.Unmarshal(raw, &floats[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, raw := range ask("base64") {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(b) != 4*embeddingDimensions {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		for j := range floats[i] {
			if got := math.Float32frombits(binary.LittleEndian.Uint32(b[4*j:])); math.Abs(float64(got-floats[i][j])) > 1e-6 {
				t.Fatalf("text %d, number %d: %v as base64, %v as text", i, j, got, floats[i][j])
			}
		}
	}
	if near, far := dot(floats[0], floats[1]), dot(floats[0], floats[2]); near < far+0.3 {
		t.Errorf("similar texts have cosine %.2f, different ones %.2f", near, far)
	}
}

func dot(a, b []float32) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func TestVectorsHaveLengthOne(t *testing.T) {
	space := newVectorSpace(64)
	for _, v := range [][]float32{space.point(), space.point(), embed("a few words", 64), embed("", 64)} {
		if l := math.Sqrt(dot(v, v)); math.Abs(l-1) > 1e-5 {
			t.Errorf("length %v", l)
		}
	}
	if cmp.Equal(newVectorSpace(64).point(), space.point()) {
		t.Error("every point is the same")
	}
	if !cmp.Equal(newVectorSpace(64).point(), newVectorSpace(64).point()) {
		t.Error("two runs have different vectors")
	}
}

// Every document must be one passage that holds the stub's answer, or the passages are not those that the report names
// and the assistant refuses the answer.
func TestDocumentsAreOnePassageEach(t *testing.T) {
	odd := knowledge{Articles: []article{
		{"Refunds", "# 1. Where is <b>my</b> *refund*?  - It is on the way. > See [here](http://x) and `code`."},
		{"Cards", "What\nis a card?\n\nA card. 2) is short!"},
	}}
	for name, k := range map[string]knowledge{"made up": inventKnowledge(), "odd": odd} {
		seen := map[string]bool{}
		n := 2000
		if name == "odd" {
			n = 4
		}
		for _, d := range k.documents(n) {
			if err := d.Check(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			ps := kb.Chunk(d)
			if len(ps) != 1 {
				t.Fatalf("%s: %d passages of %q", name, len(ps), d.Markdown)
			}
			if !strings.Contains(ps[0].Text, answerSentence) {
				t.Fatalf("%s: the answer is not in %q", name, ps[0].Text)
			}
			if seen[d.Slug] {
				t.Fatalf("%s: slug %s twice", name, d.Slug)
			}
			seen[d.Slug] = true
		}
	}
	if k := inventKnowledge(); len(k.Questions) != 300 || len(k.Articles) != 1200 {
		t.Errorf("%d questions, %d articles", len(k.Questions), len(k.Articles))
	}
}

func TestSentencesLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(strings.Fields(rapid.StringMatching(`[A-Za-z0-9.?! ]{0,80}`).Draw(t, "text")), " ")
		if got := strings.Join(sentencesOf(text), " "); got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func TestEventReader(t *testing.T) {
	type seen struct{ Name, Data string }
	for name, c := range map[string]struct {
		stream string
		want   []seen
		end    error
	}{
		"events and comments":   {": beat\n\nretry: 1000\n\nid: 1\nevent: delta\ndata: {}\n\nevent:turn\ndata:x\n\n", []seen{{"delta", "{}"}, {"turn", "x"}}, io.EOF},
		"several lines of data": {"data: a\ndata: b\n\n", []seen{{"", "a\nb"}}, io.EOF},
		"name without data":     {"event: lost\n\ndata: y\n\n", []seen{{"", "y"}}, io.EOF},
		"carriage returns":      {"event: turn\r\ndata: z\r\n\r\n", []seen{{"turn", "z"}}, io.EOF},
		"cut within an event":   {"event: turn\ndata: z\n", nil, io.ErrUnexpectedEOF},
		"cut within a line":     {"event: tu", nil, io.ErrUnexpectedEOF},
		"empty":                 {"", nil, io.EOF},
	} {
		r := newEventReader(strings.NewReader(c.stream))
		var got []seen
		for {
			e, err := r.next()
			if err != nil {
				if !errors.Is(err, c.end) {
					t.Errorf("%s: ended with %v, want %v", name, err, c.end)
				}
				break
			}
			got = append(got, seen{e.name, string(e.data)})
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, c := range []struct {
		e    event
		want bool
	}{
		{event{"delta", []byte(`{}`)}, true},
		{event{"message", []byte(`{"author":"assistant","text":"x"}`)}, true},
		{event{"message", []byte(`{"author":"customer","text":"x"}`)}, false},
		{event{"turn", []byte(`{}`)}, false},
	} {
		if c.e.speaks() != c.want {
			t.Errorf("%s %s", c.e.name, c.e.data)
		}
	}
}

func TestQuantiles(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for _, c := range []struct {
		sorted []float64
		p      float64
		want   float64
	}{{nil, 0.5, 0}, {[]float64{7}, 0.5, 7}, {[]float64{7}, 0.99, 7}, {[]float64{1, 2}, 0.5, 1}, {hundred, 0.5, 50}, {hundred, 0.95, 95}, {hundred, 0.99, 99}, {hundred, 1, 100}, {hundred, 0, 1}} {
		if got := quantile(c.sorted, c.p); got != c.want {
			t.Errorf("quantile of %d values at %v is %v, want %v", len(c.sorted), c.p, got, c.want)
		}
	}
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		before := append([]float64(nil), c.values...)
		if got := median(c.values); got != c.want || !cmp.Equal(before, c.values) {
			t.Errorf("median of %v is %v, want %v", before, got, c.want)
		}
	}
}

func TestProcFiles(t *testing.T) {
	line := "42 (tmux: (server) x) S 7 42 42 0 -1 4194560 900 80 0 0 150 50 30 20 20 0 1 0 100 5000000 2000 18446744073709551615 1 1 0"
	s, err := parseStat(line)
	if err != nil {
		t.Fatal(err)
	}
	if s.parent != 7 || math.Abs(s.own-2) > 1e-9 || math.Abs(s.reaped-0.5) > 1e-9 || s.rss <= 0 {
		t.Errorf("got %+v", s)
	}
	for _, bad := range []string{"", "42 no name", "42 (x) S 1 2"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	busy, err := parseBusy("cpu  100 10 40 9999 50 5 45 7 3 1\ncpu0 1 1 1 1 1 1 1\n")
	if err != nil || math.Abs(busy-2) > 1e-9 {
		t.Errorf("busy %v, %v; want 2 s", busy, err)
	}
	for _, bad := range []string{"", "intr 1 2 3 4 5 6 7 8", "cpu a b c d e f g h"} {
		if _, err := parseBusy(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestLiveMemory(t *testing.T) {
	got, err := parseLive("# runtime.MemStats\n# Alloc = 5\n# HeapAlloc = 1500\n# HeapSys = 9\n# Stack = 500 / 800\n")
	if err != nil || got != 2000 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseLive("# HeapAlloc = 1500\n"); err == nil {
		t.Error("a profile without stacks was read")
	}
}

func TestLoadShape(t *testing.T) {
	for _, c := range []struct{ turns, per, at, want int }{{1000, 5, 16, 200}, {1001, 5, 16, 201}, {20, 5, 64, 64}, {1, 5, 1, 1}} {
		l := load{turns: c.turns, perConv: c.per, concurrency: c.at}
		if got := l.conversations(); got != c.want {
			t.Errorf("%+v: %d conversations", c, got)
		}
	}
}

// counting is a target that answers every question once in a while with an error.
type counting struct{ asked chan string }

func (c counting) prepare(context.Context, int) error { return nil }
func (c counting) turn(_ context.Context, n int, q string) (sample, error) {
	c.asked <- q
	if n == 0 {
		return sample{}, errors.New("conversation 0 is broken")
	}
	return sample{first: time.Millisecond, total: 2 * time.Millisecond, outcome: "answered"}, nil
}

func TestDrive(t *testing.T) {
	c := counting{asked: make(chan string, 100)}
	l := load{concurrency: 3, turns: 20, perConv: 5, limit: time.Minute, questions: []string{"a", "b", "c"}}
	d, err := drive(context.Background(), c, l)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.samples) != 15 || d.errors != 5 || d.first == nil || len(c.asked) != 20 {
		t.Errorf("%d samples, %d errors (%v), %d asked", len(d.samples), d.errors, d.first, len(c.asked))
	}
	if diff := cmp.Diff(latency{1, 1, 1}, latencies(d.samples, func(s sample) time.Duration { return s.first })); diff != "" {
		t.Error(diff)
	}
	l.turns = 5
	l.concurrency = 1
	if _, err := drive(context.Background(), c, l); err == nil {
		t.Error("a run in which every turn failed is no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := drive(ctx, c, l); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestSummarise(t *testing.T) {
	rest := []counted{{Query: "beat", Calls: 10}} // two a second
	busy := []counted{{Query: "SELECT\n  1", Calls: 100, Mean: 0.5, WAL: 20}, {Query: "beat", Calls: 52}, {Query: "beat of a minute", Calls: 0}}
	got := summarise(rest, 5*time.Second, busy, 50, time.Second)
	want := &statementReport{Turns: 50, PerTurn: 3, Idle: 2, Statements: []statement{
		{Text: "SELECT 1", PerTurn: 2, MeanMS: 0.5, WAL: 20}, {Text: "beat", PerTurn: 1},
	}, Resting: []statement{{Text: "beat", PerTurn: 2}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReport(t *testing.T) {
	r := report{Cores: 2, Passages: 10, Rounds: 3, Turns: 100, Floor: "built-in", At: []int{16}}
	s := scenarioReport{Name: "builtin"}
	for i, rate := range []float64{50, 300, 100} { // the median is 100
		s.Runs = append(s.Runs,
			measured{System: "firstline", At: 16, Round: i + 1, Outcomes: map[string]int{"answered": 9, "clarified": 1}, figures: figures{TurnsPerSecond: rate, ServerCPU: 4, DatabaseCPU: 4}},
			measured{System: "floor", At: 16, Round: i + 1, figures: figures{TurnsPerSecond: 2 * rate, ServerCPU: 1, DatabaseCPU: 3, NotOurs: 0.4}})
	}
	s.Runs[0].Error = "connection reset"
	r.Scenarios = []scenarioReport{s}
	var out strings.Builder
	r.write(&out)
	var ratios string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(strings.TrimSpace(line), "ratio") {
			ratios = strings.Join(strings.Fields(line), " ")
		}
	}
	if want := "ratio 0.50 - - - - - - 4.00 1.33 2.00 - -"; ratios != want {
		t.Errorf("ratios %q, want %q\n%s", ratios, want, out.String())
	}
	for _, want := range []string{"floor at 16: others used 0.40 cores", "answered 27, clarified 3", "connection reset"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not said: %q\n%s", want, out.String())
		}
	}
}
