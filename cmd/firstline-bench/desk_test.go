package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// fakeDesk is the desk's wire: one conversation at a time is made, taken and talked in, and a message is one INSERT.
func fakeDesk(mux *http.ServeMux, pool *pgxpool.Pool) {
	var mu sync.Mutex
	made := 0
	streams := map[string]http.ResponseWriter{} // by who reads
	send := func(to, event string) {
		mu.Lock()
		defer mu.Unlock()
		if w := streams[to]; w != nil {
			fmt.Fprint(w, event)
			w.(http.Flusher).Flush()
		}
	}
	listen := func(w http.ResponseWriter, r *http.Request, who, first string) {
		w.Header().Set("Content-Type", "text/event-stream")
		mu.Lock()
		streams[who] = w
		fmt.Fprint(w, first)
		w.(http.Flusher).Flush()
		mu.Unlock()
		<-r.Context().Done()
		mu.Lock()
		defer mu.Unlock()
		if streams[who] == w {
			delete(streams, who)
		}
	}
	agents := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer bench-token" {
				http.Error(w, "no", http.StatusUnauthorized)
				return
			}
			h(w, r)
		}
	}
	message := func(w http.ResponseWriter, r *http.Request) (id string) {
		var in struct {
			ClientID string `json:"client_id"`
			Text     string
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.ClientID == "" {
			http.Error(w, "bad message", http.StatusUnprocessableEntity)
			return ""
		}
		if _, err := pool.Exec(r.Context(), `INSERT INTO fake (text) VALUES ($1)`, in.Text); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return ""
		}
		return in.ClientID
	}
	mux.HandleFunc("POST /v1/conversations/{id}/handoff", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"handoff":{"id":"h-%s"}}`, r.PathValue("id"))
	})
	mux.HandleFunc("GET /v1/agent/events", agents(func(w http.ResponseWriter, r *http.Request) { listen(w, r, "agent", "event: queue\ndata: {}\n\n") }))
	mux.HandleFunc("PUT /v1/agent/presence", agents(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }))
	mux.HandleFunc("POST /v1/agent/handoffs/{id}/accept", agents(func(w http.ResponseWriter, r *http.Request) {
		send("agent", fmt.Sprintf("event: follow\ndata: {\"conversation\":%q,\"seq\":1}\n\n", strings.TrimPrefix(r.PathValue("id"), "h-")))
		fmt.Fprint(w, `{}`)
	}))
	mux.HandleFunc("POST /v1/agent/conversations/{id}/resolve", agents(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }))
	mux.HandleFunc("POST /v1/agent/conversations/{id}/messages", agents(func(w http.ResponseWriter, r *http.Request) {
		if id := message(w, r); id != "" {
			w.WriteHeader(http.StatusCreated)
			send(r.PathValue("id"), fmt.Sprintf("event: message\ndata: {\"author\":\"agent\",\"client_id\":%q}\n\n", id))
		}
	}))
	mux.HandleFunc("POST /v1/conversations", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		made++
		id := made
		mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":"c%d","token":"secret"}`, id)
	})
	mux.HandleFunc("GET /v1/conversations/{id}/events", func(w http.ResponseWriter, r *http.Request) { listen(w, r, r.PathValue("id"), "") })
	mux.HandleFunc("POST /v1/conversations/{id}/messages", func(w http.ResponseWriter, r *http.Request) {
		if id := message(w, r); id != "" {
			w.WriteHeader(http.StatusAccepted)
			send("agent", fmt.Sprintf("event: entry\ndata: {\"conversation\":%q,\"kind\":\"message\",\"data\":{\"author\":\"customer\",\"client_id\":%q}}\n\n", r.PathValue("id"), id))
		}
	})
}

// TestDeskRun drives both ways of messages against a real PostgreSQL and a fake server that writes once a message.
func TestDeskRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts PostgreSQL twice")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "desk.json")
	var out, log bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	t.Setenv("FAKE", "desk") // reaches the fake server; what configures Firstline would not
	err = run(ctx, []string{"desk", "--server", self, "--at", "1,3", "--messages", "60", "--per-chat", "20", "--rounds", "1", "--statements", "30",
		"--rest", "200ms", "--json", file}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r deskReport
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Runs) != 4 {
		t.Fatalf("runs: %s", b)
	}
	for _, x := range r.Runs {
		want := 60
		if x.At == 1 {
			want = 20
		}
		if x.Turns != want || x.Errors != 0 || x.First.P50 <= 0 || x.Whole.P50 <= 0 {
			t.Errorf("%s at %d: %+v", x.System, x.At, x)
		}
		if x.Writes < 2 || x.Writes > 2.5 { // one each way
			t.Errorf("%s at %d: %.2f writing transactions for two messages", x.System, x.At, x.Writes)
		}
	}
	if r.ToAgent == nil {
		if !strings.Contains(log.String(), "contrib modules are not installed") {
			t.Error("statements were not counted, and nobody was told why")
		}
	} else if r.ToAgent.Turns != 30 || r.ToAgent.PerTurn != 1 || r.ToCustomer.PerTurn != 1 {
		t.Errorf("statements: %+v, %+v", r.ToAgent, r.ToCustomer)
	}
	for _, want := range []string{"firstline", "floor", "to agent p50", "to customer p50"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}
