package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// The tests of this package that need processes build the program once, with failpoints, and start it as a user would.

// program is the path of the program under test. Its folder goes when this process ends, in whatever way: a shell waits
// for the end of its input, which the kernel brings about.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "firstline-program-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	sweeper := exec.Command("/bin/sh", "-c", `trap '' INT TERM HUP; cat >/dev/null; rm -rf "$0"`, dir)
	if programHold, err = sweeper.StdinPipe(); err != nil {
		return "", err
	}
	if err := sweeper.Start(); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "firstline")
	out, err := exec.Command("go", "build", "-tags", "nomsgpack,failpoint", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

var programHold io.Closer // open for as long as this process lives

func executable(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// capture collects output and lets tests wait for parts of it.
type capture struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func newCapture() *capture { return &capture{changed: make(chan struct{})} }

func (c *capture) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf.Write(b)
	close(c.changed)
	c.changed = make(chan struct{})
	return len(b), nil
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

// proc is a process of the program.
type proc struct {
	t        testing.TB
	url      string // of a server that is ready
	cmd      *exec.Cmd
	out, err *capture
	exited   chan struct{}
	code     int
}

// launch starts the program with these settings and no others of its environment. It is killed when the test ends.
func launch(t testing.TB, settings map[string]string, args ...string) *proc {
	t.Helper()
	p := &proc{t: t, cmd: exec.Command(executable(t), args...), out: newCapture(), err: newCapture(), exited: make(chan struct{})}
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"), "TMPDIR": os.TempDir(), "FIRSTLINE_LOG": "debug"}
	for k, v := range settings {
		env[k] = v
	}
	p.cmd.Env = environment(env)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.err
	p.cmd.WaitDelay = 5 * time.Second // a PostgreSQL that it started may hold its output open
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %s\n%s%s", p.url, strings.Join(args, " "), clipped(p.out.String()), clipped(p.err.String()))
		}
	})
	return p
}

func clipped(s string) string {
	if len(s) > 6000 {
		return strings.ToValidUTF8(s[:2000]+"\n...\n"+s[len(s)-4000:], "")
	}
	return s
}

// settings of a replica in these tests; more overrides them.
func settings(database string, more ...string) map[string]string {
	s := map[string]string{"DATABASE_URL": database, "FIRSTLINE_TURN_LEASE": "1s", "FIRSTLINE_MAX_CONNS": "10"}
	for i := 0; i+1 < len(more); i += 2 {
		s[more[i]] = more[i+1]
	}
	return s
}

var address = regexp.MustCompile(`Chat\s+(http://[0-9.:]+)/chat`)

// serve starts a server on a port of the kernel's choice and returns when it is ready.
func serve(t testing.TB, settings map[string]string, args ...string) *proc {
	t.Helper()
	p := launch(t, settings, append([]string{"serve", "--addr", "127.0.0.1:0", "--limit", "0"}, args...)...)
	p.url = p.waitOut(address)[1]
	p.ready(http.StatusOK)
	return p
}

// waitOut waits for something on standard output, waitErr for something on standard error.
func (p *proc) waitOut(want *regexp.Regexp) []string {
	p.t.Helper()
	return p.wait(p.out, want)
}

func (p *proc) waitErr(want string) {
	p.t.Helper()
	p.wait(p.err, regexp.MustCompile(regexp.QuoteMeta(want)))
}

func (p *proc) wait(c *capture, want *regexp.Regexp) []string {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		changed, found := c.changed, want.FindStringSubmatch(c.buf.String())
		c.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-changed:
		case <-p.exited:
			if found := want.FindStringSubmatch(c.String()); found != nil {
				return found
			}
			p.t.Fatalf("ended with %d before it printed %q:\n%s%s", p.code, want, p.out, p.err)
		case <-deadline:
			p.t.Fatalf("did not print %q:\n%s%s", want, p.out, p.err)
		}
	}
}

// ready waits until /readyz answers with the status.
func (p *proc) ready(status int) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("/readyz of %s to say %d", p.url, status), func() error {
		r, err := call(context.Background(), http.MethodGet, p.url+"/readyz", "", nil)
		if err == nil && r.status != status {
			err = errors.New(r.String())
		}
		return err
	})
}

// kill ends the process as the kernel would: without any chance to tidy up.
func (p *proc) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// terminate asks the process to end, and returns its exit code.
func (p *proc) terminate() int {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.end()
}

// end waits for the process to end by itself, and returns its exit code.
func (p *proc) end() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("still running:\n%s%s", p.out, p.err)
	}
	return p.code
}

// command runs the program to its end and returns what it printed on both outputs; it must succeed.
func command(t testing.TB, settings map[string]string, args ...string) string {
	t.Helper()
	p := launch(t, settings, args...)
	if code := p.end(); code != 0 {
		t.Fatalf("firstline %s: exit code %d\n%s%s", strings.Join(args, " "), code, p.out, p.err)
	}
	return p.out.String()
}

// eventually waits until try succeeds.
func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(15 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("waited in vain for %s: %v", what, err)
}

// demoDatabase returns the address of a fresh database with the demo's people, topics and articles, and with those of
// testdata, whose texts these tests rely on. It goes when the test ends.
func demoDatabase(t testing.TB) string {
	t.Helper()
	seeded.once.Do(func() { seeded.url, seeded.err = seed(t) })
	if seeded.err != nil {
		t.Fatal(seeded.err)
	}
	if seeded.url == "" {
		t.Fatal("the demo could not be prepared; see the first test that failed")
	}
	name := databaseName()
	create(t, seeded.url, name, strings.TrimPrefix(path(t, seeded.url), "/"))
	address := withPath(t, seeded.url, "/"+name)
	t.Cleanup(func() {
		admin(t, seeded.url, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	})
	return address
}

var seeded struct {
	once sync.Once
	url  string
	err  error
}

var names struct {
	sync.Mutex
	n int
}

// databaseName makes a name by which pgtest knows what to remove when a test was killed.
func databaseName() string {
	names.Lock()
	defer names.Unlock()
	names.n++
	return fmt.Sprintf("firstline_test_%x_serve_%d_%d", time.Now().Unix(), os.Getpid(), names.n)
}

// seed fills the database that the others are copies of.
func seed(t testing.TB) (string, error) {
	server := pgtest.EmptyURL(t)
	name := databaseName()
	create(t, server, name, "template0")
	address := withPath(t, server, "/"+name)
	p := serve(t, settings(address), "--demo")
	command(t, settings(address), "import", "testdata/articles")
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		return "", err
	}
	eventually(t, "the index of the demo", func() error {
		var missing int
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM passages p WHERE NOT EXISTS (SELECT FROM embeddings e WHERE e.passage_id = p.id)`).Scan(&missing)
		if err == nil && missing > 0 {
			err = fmt.Errorf("%d passages without a vector", missing)
		}
		return err
	})
	pool.Close()
	if code := p.terminate(); code != 0 {
		return "", fmt.Errorf("the server that seeds ended with %d", code)
	}
	admin(t, server, `ALTER DATABASE `+name+` WITH ALLOW_CONNECTIONS false`)
	return address, nil
}

func create(t testing.TB, server, name, template string) {
	t.Helper()
	admin(t, server, `CREATE DATABASE `+name+` TEMPLATE `+template+` STRATEGY FILE_COPY`)
}

// admin runs a statement on the server's maintenance database.
func admin(t testing.TB, server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, withPath(t, server, "/postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func path(t testing.TB, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

func withPath(t testing.TB, address, path string) string {
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = path
	return u.String()
}

// What the articles of testdata answer.
const (
	voucherQuestion = "How long is a glimmer voucher valid?"
	voucherFact     = "90 days"
	lockerQuestion  = "How long does a parcel wait in a quillon locker?"
	lockerFact      = "11 days"
	personWanted    = "I want to talk to a human"
	personFollows   = "I need to change the payment date of my next instalment" // of a topic that a person must see, after retrieval
)

// What a scripted model says about glimmer vouchers: three sentences that the article supports, and one that it does not.
const (
	supportedOne   = "A glimmer voucher is valid for 90 days after the day it was sent"
	supportedTwo   = "The last day is printed on the voucher below its code"
	supportedThree = "An expired glimmer voucher is not renewed"
	unsupported    = "In Atlantis it is worth 777 crowns and never expires"
)

var passagePattern = regexp.MustCompile(`(?s)<passage n="(\d+)".*?</passage>`)

// cited makes an answer of the sentences, each citing the passage of the prompt that speaks of the voucher's validity.
func cited(r llmtest.Request, sentences ...string) string {
	n := "1"
	for _, m := range passagePattern.FindAllStringSubmatch(r.Prompt(), -1) {
		if strings.Contains(m[0], supportedOne) {
			n = m[1]
		}
	}
	return strings.Join(sentences, " ["+n+"]. ") + " [" + n + "]."
}

// modelled are the settings of a replica that asks the scripted model, however sure it is.
func modelled(database string, m *llmtest.Server, more ...string) map[string]string {
	return settings(database, append([]string{"OPENAI_BASE_URL", m.URL(), "FIRSTLINE_CHAT_MODEL", "scripted",
		"FIRSTLINE_THRESHOLDS", "money=0;normal=0;howto=0"}, more...)...)
}

// agentToken makes a person of the desk and returns a bearer token.
func agentToken(t testing.TB, database, email, role string, teams ...string) string {
	t.Helper()
	args := []string{"user", "add", "--email", email, "--role", role, "--token"}
	for _, team := range teams {
		args = append(args, "--team", team)
	}
	return strings.TrimSpace(command(t, settings(database), args...))
}

// one reads a single value from the database.
func one[T any](t testing.TB, pool *pgxpool.Pool, sql string, args ...any) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var v T
	if err := pool.QueryRow(ctx, sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// want compares.
func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// wantRecord checks what must hold of a conversation when nothing is under way: the log has no holes, every turn ended
// exactly once and said so once, no turn was answered twice, every open handoff is the owner's, and every decision is
// made again from what is stored of it (promise 7).
func wantRecord(t testing.TB, pool *pgxpool.Pool, conversation string) {
	t.Helper()
	want(t, "numbers missing from the log", one[int](t, pool, `SELECT c.last_seq::int - (SELECT count(*)::int FROM messages WHERE conversation_id = c.id)
		- (SELECT count(*)::int FROM events WHERE conversation_id = c.id) FROM conversations c WHERE id = $1`, conversation), 0)
	want(t, "turns not ended", one[int](t, pool, `SELECT count(*) FROM turns WHERE conversation_id = $1 AND state <> 'done'`, conversation), 0)
	want(t, "turns without exactly one end in the log", one[int](t, pool, `SELECT count(*) FROM turns t WHERE conversation_id = $1 AND 1 <> (
		SELECT count(*) FROM events e WHERE e.conversation_id = $1 AND e.kind = 'turn' AND e.data->>'id' = t.id::text AND e.data->>'outcome' = t.outcome)`, conversation), 0)
	want(t, "turns answered twice", one[int](t, pool, `SELECT count(*) FROM (SELECT turn_id FROM messages
		WHERE conversation_id = $1 AND author = 'assistant' AND turn_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1) x`, conversation), 0)
	want(t, "turns handed off without a handoff, or the reverse", one[int](t, pool, `SELECT
		(SELECT count(*) FROM turns WHERE conversation_id = $1 AND outcome = 'handed_off')::int - (SELECT count(*) FROM handoffs WHERE conversation_id = $1 AND turn_id IS NOT NULL)::int`, conversation), 0)
	want(t, "owner and open handoff disagree", one[bool](t, pool, `SELECT (owner <> 'assistant') <> EXISTS (
		SELECT FROM handoffs WHERE conversation_id = $1 AND ended_at IS NULL) FROM conversations WHERE id = $1`, conversation), false)
	for _, stored := range one[[]json.RawMessage](t, pool, `SELECT COALESCE(array_agg(decision), '{}') FROM turns WHERE conversation_id = $1 AND decision IS NOT NULL`, conversation) {
		if r, err := assistant.Reproduce(stored); err != nil || len(r.Differences) > 0 || r.Changed() {
			t.Errorf("not reproduced: %v %+v\n%s", err, r.Differences, stored)
		}
	}
}

// wantAnswer checks that the turn ended so and that its one answer holds the text.
func wantAnswer(t testing.TB, es []wireEvent, outcome, reason, holds string) {
	t.Helper()
	text, end := answer(t, es)
	if end.Outcome != outcome || end.Reason != reason || !strings.Contains(text, holds) {
		t.Errorf("ended %s (%s) with %q, want %s (%s) with %q", end.Outcome, end.Reason, text, outcome, reason, holds)
	}
	if slices.ContainsFunc(es, func(e wireEvent) bool { return strings.Contains(e.data, "Atlantis") }) {
		t.Errorf("something unsupported was shown:\n%s", printed(es))
	}
}
