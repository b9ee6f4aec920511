package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// load is customers who talk to several replicas while something goes wrong. Each asks, waits for the end of the turn on a
// stream that resumes, and asks again in a new conversation; a message that was not acknowledged is sent again with the
// same client id.
type load struct {
	t      *testing.T
	procs  []*proc
	stop   chan struct{}
	done   sync.WaitGroup
	acked  atomic.Int64 // messages acknowledged so far
	failed atomic.Int64 // requests that were refused for the moment

	mu    sync.Mutex
	talks []talked
	wrong []string // what no client should be told
}

// talked is one conversation of the load's.
type talked struct {
	g    guest
	page *tail
	said map[string]receipt // by client id
}

// startLoad begins with so many customers, and one who writes without a pause to an agent, so that no moment passes
// without a request under way.
func startLoad(t *testing.T, customers int, token string, procs ...*proc) *load {
	l := &load{t: t, procs: procs, stop: make(chan struct{})}
	g := newGuest(t, procs[0])
	pull(token)(t, g, procs[0])
	page := g.follow(t, 0, procs...)
	l.done.Go(func() { l.writer(g, page) })
	for i := range customers {
		l.done.Go(func() { l.customer(i) })
	}
	return l
}

func (l *load) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// try repeats a request until it is answered with the status. Only a 5xx problem document excuses another try.
func (l *load) try(n int, status int, path, token string, body any, header ...string) (reply, bool) {
	for end := time.Now().Add(2 * patience); time.Now().Before(end); n++ {
		p := l.procs[n%len(l.procs)]
		r, err := call(context.Background(), http.MethodPost, p.url+path, token, body, header...)
		switch {
		case err != nil:
			l.complain("POST %s: %v", path, err) // it hung, or the connection was dropped
			return r, false
		case r.status == status:
			return r, true
		case r.status < 500 || r.kind != "application/problem+json" || !strings.Contains(string(r.body), `"code":"`):
			l.complain("POST %s: %s", path, r)
			return r, false
		}
		l.failed.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
	l.complain("POST %s: no success in time", path)
	return reply{}, false
}

// writer posts numbered messages, each until it is acknowledged.
func (l *load) writer(g guest, page *tail) {
	c := talked{g: g, page: page, said: map[string]receipt{}}
	defer func() {
		l.mu.Lock()
		l.talks = append(l.talks, c)
		l.mu.Unlock()
	}()
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-time.After(10 * time.Millisecond):
		}
		id := fmt.Sprintf("note %d.", n)
		r, ok := l.try(n, http.StatusAccepted, "/v1/conversations/"+g.id+"/messages", g.token, map[string]string{"client_id": id, "text": id})
		if !ok {
			return
		}
		var rec receipt
		r.decode(l.t, &rec)
		c.said[id] = rec
	}
}

func (l *load) customer(i int) {
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		default:
		}
		var v struct{ ID, Token string }
		key := fmt.Sprintf("start-%d-%d-%p", i, n, l)
		r, ok := l.try(i+n, http.StatusCreated, "/v1/conversations", "", map[string]string{"market": "gb", "locale": "en"}, "Idempotency-Key", key)
		if !ok {
			return
		}
		r.decode(l.t, &v)
		c := talked{g: guest{v.ID, v.Token}, said: map[string]receipt{}}
		c.page = c.g.follow(l.t, 0, l.procs[(i+n+1)%len(l.procs)], l.procs[(i+n)%len(l.procs)])
		for m, question := range []string{voucherQuestion, lockerQuestion} {
			id := fmt.Sprint("message ", m)
			r, ok := l.try(i+n+m, http.StatusAccepted, "/v1/conversations/"+v.ID+"/messages", v.Token, map[string]string{"client_id": id, "text": question})
			if !ok {
				return
			}
			var rec receipt
			r.decode(l.t, &rec)
			c.said[id] = rec
			l.acked.Add(1)
			if rec.Turn == nil {
				break // it was handed off: retrieval failed in a moment when the rest worked
			}
			c.page.until("the end of a turn under load", endOf(rec.Turn.ID))
		}
		l.mu.Lock()
		l.talks = append(l.talks, c)
		l.mu.Unlock()
	}
}

// finish ends the load and checks everything that was acknowledged.
func (l *load) finish(pool *pgxpool.Pool) (outcomes map[string]int) {
	l.t.Helper()
	close(l.stop)
	l.done.Wait()
	for _, w := range l.wrong {
		l.t.Error(w)
	}
	outcomes = map[string]int{}
	for _, c := range l.talks {
		es := c.page.settled(l.procs[0], 1)
		for id, rec := range c.said {
			stored := matching(es, func(e wireEvent) bool { return e.is("message", `"client_id":"`+id+`"`) })
			if len(stored) != 1 || stored[0].message(l.t).ID != rec.Message.ID {
				l.t.Errorf("message %q was acknowledged and is there %d times:\n%s", id, len(stored), printed(es))
			}
		}
		once(l.t, es)
		for _, e := range es {
			if e.kind == "turn" {
				end := e.turn(l.t)
				outcomes[end.Outcome+" "+end.Reason]++
			}
		}
		wantRecord(l.t, pool, c.g.id)
		c.page.close()
	}
	return outcomes
}

// PostgreSQL is stopped under load, in an orderly way and as by a power cut, and comes back: nothing acknowledged is
// lost, every turn ends once, no request hangs, and who cannot be served is told so.
func TestPostgresRestartedUnderLoad(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	address := server.URL()
	first := serve(t, settings(address), "--demo")
	command(t, settings(address), "import", "testdata/articles")
	procs := []*proc{first, serve(t, settings(address))}
	pool := pgtest.Open(t, address)

	idle := newGuest(t, procs[0]) // asks only while nobody can be served
	l := startLoad(t, 6, agentToken(t, address, "lead@desk.example", "supervisor"), procs...)
	progress := func(n int64) {
		t.Helper()
		goal := l.acked.Load() + n
		eventually(t, "the load to go on", func() error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.wrong) > 0 {
				t.Fatal(l.wrong)
			}
			if l.acked.Load() < goal {
				return fmt.Errorf("%d messages acknowledged", l.acked.Load())
			}
			return nil
		})
	}
	progress(20)
	outages := []struct {
		name   string
		atOnce bool
		back   func(testing.TB, *postgres.Local) *postgres.Local
	}{{"an orderly restart", false, pgtest.Restart}, {"a crash", true, pgtest.Crash}}
	for _, o := range outages {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if o.atOnce {
			cancel()
		}
		if err := server.Stop(ctx); err != nil {
			t.Fatalf("%s: %v", o.name, err)
		}
		cancel()
		for _, p := range procs {
			p.ready(http.StatusServiceUnavailable)
			must(t, http.StatusOK, http.MethodGet, p.url+"/healthz", "", nil) // it lives; restarting it would not help
			for _, c := range []struct {
				method, path string
				body         any
			}{
				{http.MethodPost, "/v1/conversations", map[string]string{"market": "gb", "locale": "en"}},
				{http.MethodPost, "/v1/conversations/" + idle.id + "/messages", map[string]string{"client_id": o.name, "text": voucherQuestion}},
				{http.MethodPost, "/v1/conversations/" + idle.id + "/handoff", nil},
				{http.MethodGet, "/v1/conversations/" + idle.id, nil},
				{http.MethodGet, "/v1/conversations/" + idle.id + "/messages", nil},
				{http.MethodGet, "/v1/conversations/" + idle.id + "/events", nil},
				{http.MethodGet, "/v1/help/search?q=voucher&locale=en&market=gb", nil},
			} {
				r, err := call(t.Context(), c.method, p.url+c.path, idle.token, c.body)
				if err != nil || r.status < 500 || r.kind != "application/problem+json" || strings.Contains(string(r.body), "postgres") {
					t.Errorf("%s %s while PostgreSQL is away: %v %s", c.method, c.path, err, r)
				}
			}
		}
		server = o.back(t, server)
		for _, p := range procs {
			p.ready(http.StatusOK)
		}
		progress(20)
	}
	// What was refused was not stored, or was stored whole.
	if r := idle.say(t, procs[0], "a crash", voucherQuestion); r.Turn == nil {
		t.Errorf("no turn: %+v", r)
	} else {
		page := idle.follow(t, 0, procs[1])
		page.until("the answer to what was refused before", endOf(r.Turn.ID))
		want(t, "messages under one client id", len(matching(page.settled(procs[1], 1), func(e wireEvent) bool { return e.is("message", `"client_id":"a crash"`) })), 1)
		wantRecord(t, pool, idle.id)
	}
	outcomes := l.finish(pool)
	t.Logf("%d messages, %d requests refused meanwhile, turns: %v", l.acked.Load(), l.failed.Load(), outcomes)
	if outcomes["answered quoted"] == 0 {
		t.Error("nothing was answered")
	}
	if l.failed.Load() == 0 {
		t.Error("no request of the load's was refused: the test tested too little")
	}
	for outcome := range outcomes {
		switch outcome {
		case "answered quoted", "handed_off retrieval_failed", "handed_off model_unavailable":
		default:
			t.Errorf("a turn ended %s, which no outage explains", outcome)
		}
	}
}

// A server that is asked to end ends its streams with a hint, lets running turns finish or gives them to another replica,
// and exits with 0 within the time that it has.
func TestOrderlyEnd(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	cases := []struct {
		name   string
		grace  string
		finish bool // the turn can finish before the grace ends
	}{{"the turn finishes", "20s", true}, {"the turn moves to another replica", "300ms", false}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			slow, quick := llmtest.New(t), llmtest.New(t)
			release := make(chan struct{})
			slow.Default(func(r llmtest.Request) llmtest.Script {
				select {
				case <-release:
				case <-t.Context().Done():
				}
				return llmtest.Reply(cited(r, supportedOne))
			})
			quick.Default(func(r llmtest.Request) llmtest.Script { return llmtest.Reply(cited(r, supportedThree)) })
			// A long lease: that the turn moves at once is because it was given up.
			going := serve(t, modelled(database, slow, "FIRSTLINE_GRACE", c.grace, "FIRSTLINE_TURN_LEASE", "60s", "FIRSTLINE_FIRST_TOKEN_TIMEOUT", "30s"))
			staying := serve(t, modelled(database, quick, "FIRSTLINE_TURN_LEASE", "2s"))
			g := newGuest(t, going)
			page := g.follow(t, 0, going, staying)
			said := g.say(t, going, "1", voucherQuestion)
			eventually(t, "the model to be asked", func() error {
				if len(slow.Requests()) == 0 {
					return errors.New("not yet")
				}
				return nil
			})
			own := make(chan []wireEvent, 1) // a message posted as a stream, of another customer
			h := newGuest(t, going)
			go func() {
				es, _ := h.tryAsk(context.Background(), going, "1", voucherQuestion)
				own <- es
			}()
			eventually(t, "the model to be asked again", func() error {
				if len(slow.Requests()) < 2 {
					return errors.New("not yet")
				}
				return nil
			})

			_ = going.cmd.Process.Signal(syscall.SIGTERM)
			eventually(t, "the stream to end with a hint", func() error {
				page.mu.Lock()
				defer page.mu.Unlock()
				if !strings.Contains(strings.Join(page.comments, "\n"), "resume") {
					return errors.New("no hint")
				}
				return nil
			})
			<-own
			page.use(staying)
			if c.finish {
				select {
				case <-going.exited:
					t.Fatal("ended before its turns had")
				case <-time.After(100 * time.Millisecond):
				}
				close(release)
			}
			want(t, "exit code", going.end(), 0)
			page.until("the end of the turn", endOf(said.Turn.ID))
			es := page.settled(staying, 1)
			text := supportedThree
			if c.finish {
				text = supportedOne
			}
			wantAnswer(t, turnOf(es, said), "answered", "generated", text)
			once(t, es)
			wantRecord(t, pool, g.id)
			// The other customer's client resumes too.
			other := h.follow(t, 0, staying)
			end := other.until("the end of the other turn", func(e wireEvent) bool { return e.kind == "turn" })
			want(t, "outcome of the other turn", end.turn(t).Outcome, "answered")
			once(t, other.settled(staying, 1))
			if strings.Contains(going.err.String(), "panic") {
				t.Errorf("it panicked:\n%s", going.err)
			}
		})
	}
}

// Without DATABASE_URL: two servers on one folder share its private cluster, and one that is killed starts again with
// everything that it had.
func TestPrivateCluster(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "firstline-private-") // PostgreSQL's own user must be able to enter
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	t.Cleanup(func() {
		if err := postgres.RemoveLocal(context.Background(), data); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	env := map[string]string{"FIRSTLINE_TURN_LEASE": "1s", "FIRSTLINE_MAX_CONNS": "8"}
	one := serve(t, env, "--data", data, "--demo")
	g := newGuest(t, one)
	one.ready(http.StatusOK)
	es := g.ask(t, one, "1", personWanted)
	wantAnswer(t, es, "handed_off", "customer_request", "")

	two := serve(t, env, "--data", data)
	page := g.follow(t, 0, two)
	if got := page.settled(one, 1); len(matching(got, by("customer"))) != 1 {
		t.Errorf("the second server sees another database:\n%s", printed(got))
	}
	g.say(t, one, "2", "still there?")
	page.until("what the other server was told", func(e wireEvent) bool { return e.is("message", "still there?") })

	// The first one's orderly end leaves the cluster to the second.
	want(t, "exit code", one.terminate(), 0)
	g.say(t, two, "3", "and now?")
	before := page.settled(two, 1)
	page.close()

	// Killed, with the cluster left running; then started again.
	two.kill()
	three := serve(t, env, "--data", data)
	if got := g.follow(t, 0, three).settled(three, 1); !sameLog(t, got, before) {
		t.Errorf("after a kill:\n%s\nand before\n%s", printed(got), printed(before))
	}
	out := command(t, env, "ask", "--data", data, voucherQuestion)
	if out == "" {
		t.Error("no answer in the terminal beside a running server")
	}
	want(t, "exit code", three.terminate(), 0)
	if left, _ := filepath.Glob(filepath.Join(data, "cluster*", "postmaster.pid")); len(left) > 0 {
		t.Errorf("PostgreSQL runs although the last server ended in order: %v", left)
	}
}

// What is wrong when the server starts is said in a sentence that names it, with an exit code that is not 0.
func TestRefusalsAtStart(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		env  map[string]string
		args []string
		says []string
	}{
		{"a busy port", settings(database), []string{"serve", "--addr", ln.Addr().String()}, []string{"Port " + port, "taken", "--addr"}},
		{"no address", settings(database), []string{"serve", "--addr", "nonsense"}, []string{"nonsense", "host:port"}},
		{"a file in place of the folder", nil, []string{"serve", "--addr", "127.0.0.1:0", "--data", file}, []string{file}},
		{"a folder below a file", nil, []string{"serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(file, "data")}, []string{file}},
		{"a server that is not there", settings("postgres://firstline@127.0.0.1:1/firstline"), []string{"serve", "--addr", "127.0.0.1:0"}, []string{"127.0.0.1"}},
		{"a lease that is too short", settings(database, "FIRSTLINE_TURN_LEASE", "1ms"), []string{"serve"}, []string{"FIRSTLINE_TURN_LEASE"}},
		{"no such command", settings(database), []string{"sevre"}, []string{"sevre", "--help"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := launch(t, c.env, c.args...)
			if code := p.end(); code != 1 && code != 2 {
				t.Errorf("exit code %d", code)
			}
			for _, s := range c.says {
				if !strings.Contains(p.err.String(), s) {
					t.Errorf("does not say %q:\n%s", s, p.err)
				}
			}
			if trace := regexp.MustCompile(`panic:|goroutine \d+|\.go:\d+`).FindString(p.err.String()); trace != "" {
				t.Errorf("shows %q:\n%s", trace, p.err)
			}
			if strings.Contains(p.out.String(), "is ready") {
				t.Errorf("claims to be ready:\n%s", p.out)
			}
		})
	}
}
