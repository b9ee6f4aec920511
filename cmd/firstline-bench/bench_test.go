package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	_ "net/http/pprof" // the fake server's profiles
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The benchmark starts itself as stub and floor, and the server as another program. Under test all three are this test
// binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "stub", "floor":
			main()
			return
		case "user":
			fmt.Println("bench-token")
			return
		case "serve":
			if err := fakeServer(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

// fakeServer speaks the wire and writes twice a turn: statements and transactions of a known number.
func fakeServer(args []string) error {
	if len(args) != 7 || args[0] != "--demo" || args[1] != "--limit" || args[2] != "0" || args[3] != "--addr" || args[5] != "--debug-addr" {
		return fmt.Errorf("called as serve %q", args)
	}
	addr, debug := args[4], args[6]
	desk := os.Getenv("FAKE") == "desk"
	if !desk && (os.Getenv("OPENAI_API_KEY") != "x" || os.Getenv("FIRSTLINE_CHAT_MODEL") != flatModel || !strings.HasSuffix(os.Getenv("OPENAI_BASE_URL"), "/v1")) {
		return fmt.Errorf("the model is not configured: %q", os.Environ())
	}
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	if _, err := pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS fake (text text)`); err != nil {
		return err
	}
	const insert = `INSERT INTO fake (text) VALUES ($1)`
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	if desk {
		fakeDesk(mux, pool)
		return http.ListenAndServe(addr, mux)
	}
	mux.HandleFunc("POST /v1/conversations", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"c1","token":"secret","greeting":"Hello"}`)
	})
	authorized := func(r *http.Request) bool {
		return r.Header.Get("Authorization") == "Bearer secret" && r.Header.Get("Accept") == "text/event-stream"
	}
	mux.HandleFunc("POST /v1/conversations/c1/messages", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			ClientID string `json:"client_id"`
			Text     string `json:"text"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.ClientID == "" || in.Text == "" || !authorized(r) {
			http.Error(w, "bad message", http.StatusUnprocessableEntity)
			return
		}
		for range 2 {
			if _, err := pool.Exec(r.Context(), insert, in.Text); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "id: 2\nevent: message\ndata: {\"author\":\"customer\"}\n\n: beat\n\n")
		fmt.Fprint(w, "id: 3\nevent: delta\ndata: {\"text\":\"Open the app.\"}\n\n")
		outcome := `"answered","reason":"generated"`
		if strings.Contains(in.Text, "invoice template") {
			outcome = `"handed_off","reason":"no_article"`
		}
		fmt.Fprintf(w, "id: 4\nevent: turn\ndata: {\"outcome\":%s}\n\n", outcome)
	})
	mux.HandleFunc("GET /v1/conversations/c1/events", func(w http.ResponseWriter, r *http.Request) {
		if !authorized(r) {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	go http.ListenAndServe(debug, nil) // the profiles are on the default mux
	return http.ListenAndServe(addr, mux)
}

// TestWholeRun drives everything, against a real PostgreSQL and a fake server whose writes are known.
func TestWholeRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts PostgreSQL twice")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "speed.json")
	var out, log bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	err = run(ctx, []string{"--server", self, "--passages", "60", "--at", "1,4", "--turns", "60", "--rounds", "1", "--scenario", "builtin",
		"--idle", "20", "--statements", "40", "--json", file, "--data", "",
		"--rest", "200ms", "--profile", t.TempDir(), "--profile-time", "1s"}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Scenarios) != 1 || len(r.Scenarios[0].Runs) != 4 {
		t.Fatalf("scenarios and runs: %s", b)
	}
	s := r.Scenarios[0]
	if n := s.Screened["handed_off/no_article"]; n != 15 || s.Questions != screened-15 {
		t.Errorf("%d of %d questions kept, %d handed off; the fake hands 15 off", s.Questions, screened, n)
	}
	for _, x := range s.Runs {
		want := 60
		if x.At == 1 {
			want = 20
		}
		if x.Turns != want || x.Errors != 0 {
			t.Errorf("%s at %d: %d turns, %d errors (%s), want %d turns", x.System, x.At, x.Turns, x.Errors, x.Error, want)
		}
		if x.TurnsPerSecond <= 0 || x.First.P50 <= 0 || x.Whole.P50 < x.First.P50 || x.Busy <= 0 {
			t.Errorf("%s at %d: impossible figures %+v", x.System, x.At, x.figures)
		}
		// Both systems write twice a turn; autovacuum may add a transaction or two.
		if x.Writes < 2 || x.Writes > 2.5 {
			t.Errorf("%s at %d: %.2f writing transactions a turn, want 2", x.System, x.At, x.Writes)
		}
	}
	if i := r.Idle; i == nil || i.Streams != 20 || i.Live <= 0 {
		t.Errorf("idle streams: %+v", r.Idle)
	}
	if c := s.Statements; c == nil {
		if !strings.Contains(log.String(), "contrib modules are not installed") {
			t.Error("statements were not counted, and nobody was told why")
		}
	} else if c.Turns != 40 || c.PerTurn != 2 || c.Writes < 2 || c.Writes > 2.5 || len(c.Statements) != 1 {
		t.Errorf("statements: %+v", c)
	}
	for _, want := range []string{"firstline", "floor", "ratio", "idle streams", "60 passages", "CPU, top 30", "allocated bytes, top 30"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

func TestServerThatFailsIsExplained(t *testing.T) {
	dir := t.TempDir()
	c, err := startChild(dir, "firstline", nil, "/bin/sh", "-c", "echo the port is taken >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	err = c.answers(context.Background(), "http://127.0.0.1:1/readyz", 10*time.Second)
	if err == nil || !strings.Contains(err.Error(), "the port is taken") {
		t.Errorf("got %v", err)
	}
}

func TestBadCallsAreRefused(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--server", self, "--scenario", "fast"},
		{"--server", self, "--turns", "0"},
		{"--server", self, "--at", "0"},
		{"--server", filepath.Join(t.TempDir(), "nothing")},
		{"floor"},
	} {
		if err := run(context.Background(), args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
