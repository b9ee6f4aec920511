package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
)

// deskCommand measures the way of a message from a customer to an agent's screen, and of the reply back.
type deskCommand struct {
	Server      string        `default:"bin/firstline" help:"The firstline binary to measure."`
	At          []int         `default:"1,16,40" help:"Chats at once, all of them one agent's."`
	Messages    int           `default:"1000" help:"Messages of customers in a run, each with a reply; a third of them with one chat."`
	PerChat     int           `default:"25" help:"Messages of a customer in a chat."`
	Rounds      int           `default:"3" help:"Times that every run is repeated; medians are shown."`
	Statements  int           `default:"200" help:"Messages each way of the run that counts SQL statements; 0 leaves it out."`
	Rest        time.Duration `default:"5s" help:"How long the server is watched without load."`
	JSON        string        `name:"json" placeholder:"FILE" help:"Also write the results as JSON."`
	RunLimit    time.Duration `default:"60s" help:"Longest time of one run."`
	Limit       time.Duration `default:"15m" help:"Longest time of everything."`
	Temporary   string        `placeholder:"DIR" help:"Where the temporary directory is made; the system's own place by default."`
	ReadyLimit  time.Duration `default:"2m" help:"Longest time for the server to be ready."`
	Connections int           `default:"16" help:"Connections of the floor to PostgreSQL."`
}

// Help says what is timed.
func (*deskCommand) Help() string {
	return "A message is timed from the customer's request to its event in the agent's one stream, and a reply from the agent's request to its event in the " +
		"customer's stream. The floor stores each message with one durable INSERT and hands it on from memory."
}

// deskReport is what a call of the program found.
type deskReport struct {
	Date       time.Time            `json:"date"`
	Messages   int                  `json:"messages"`
	Rounds     int                  `json:"rounds"`
	Runs       []measured           `json:"runs"` // first is to the agent, whole is back to the customer, and a turn is one message each way
	ToAgent    *statementReport     `json:"to_agent,omitempty"`
	ToCustomer *statementReport     `json:"to_customer,omitempty"`
	Medians    map[string][]figures `json:"medians"`
}

func (c *deskCommand) Run(ctx context.Context, o output) error {
	if c.Messages < 1 || c.PerChat < 1 || c.Rounds < 1 || len(c.At) == 0 || slices.Min(c.At) < 1 {
		return errors.New("messages, chats and rounds must be positive numbers")
	}
	server, err := filepath.Abs(c.Server)
	if err != nil {
		return err
	}
	if _, err := os.Stat(server); err != nil {
		return fmt.Errorf("no server to measure: %w (build it with make build, or name it with --server)", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	b := &bench{progress: func(line string) { fmt.Fprintf(o.log, "%s %s\n", time.Now().Format("15:04:05"), line) },
		measureCommand: measureCommand{Server: server, Passages: 10, At: c.At, Turns: c.Messages, PerConv: c.PerChat, Rounds: c.Rounds, Statements: c.Statements,
			Rest: c.Rest, RunLimit: c.RunLimit, Temporary: c.Temporary, ReadyLimit: c.ReadyLimit, Connections: c.Connections}}
	defer b.end()
	rep := &deskReport{Date: time.Now().UTC().Truncate(time.Second), Messages: c.Messages, Rounds: c.Rounds, Medians: map[string][]figures{}}
	if err := b.measureDesk(ctx, rep); err != nil {
		return err
	}
	rep.write(o.out, c.At)
	if c.JSON == "" {
		return nil
	}
	body, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.JSON, append(body, '\n'), 0o644)
}

// measureDesk drives both systems in alternation, and then counts what each way of a message asks of PostgreSQL.
func (b *bench) measureDesk(ctx context.Context, rep *deskReport) error {
	k, err := readKnowledge("")
	if err != nil {
		return err
	}
	b.docs = k.documents(b.Passages)
	if err := b.prepare(ctx); err != nil {
		return err
	}
	s := scenario{name: "desk"}
	if err := b.startServer(ctx, s, firstlineDatabase); err != nil {
		return err
	}
	if err := b.startFloor(ctx, s); err != nil {
		return err
	}
	ours, err := b.agentsDesk(ctx)
	if err != nil {
		return err
	}
	defer ours.close()
	theirs := newFloorDesk(b.floorURL)
	defer theirs.close()
	for _, t := range []target{ours, theirs} {
		if err := b.warmUp(ctx, t, deskWords); err != nil {
			return err
		}
	}
	for round := range b.Rounds {
		for _, at := range b.At {
			l := load{concurrency: at, turns: b.Turns, perConv: b.PerConv, limit: b.RunLimit, questions: deskWords}
			if at == 1 {
				l.turns = max(1, b.Turns/3)
			}
			for _, t := range []struct {
				system string
				target target
				pid    int
			}{{"firstline", ours, b.server.pid()}, {"floor", theirs, b.floor.pid()}} {
				r, err := b.timed(ctx, t.target, t.pid, l)
				if err != nil {
					return fmt.Errorf("%s at %d: %w", t.system, at, err)
				}
				r.System, r.At, r.Round = t.system, at, round+1
				rep.Runs = append(rep.Runs, r)
				b.progress(fmt.Sprintf("%-9s c=%-3d round %d: to the agent %.2f/%.2f, back %.2f/%.2f ms (p50/p99), CPU %.2f + %.2f ms a message%s", t.system, at, round+1,
					r.First.P50, r.First.P99, r.Whole.P50, r.Whole.P99, r.ServerCPU/2, r.DatabaseCPU/2, r.complaint()))
			}
		}
	}
	if b.Statements == 0 {
		return nil
	}
	return b.countDesk(ctx, rep)
}

var deskWords = []string{"My payment is shown twice.", "It says that I have paid already.", "The shop has not confirmed anything yet.", "Can you see it on your side?"}

// countDesk counts statements of each way by itself, in a cluster that counts them.
func (b *bench) countDesk(ctx context.Context, rep *deskReport) error {
	b.server.stop()
	b.floor.stop()
	b.server, b.floor = nil, nil
	var installed bool
	if err := b.admin.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements')`).Scan(&installed); err != nil {
		return err
	}
	if !installed {
		b.progress("statements are not counted: PostgreSQL's contrib modules are not installed")
		return nil
	}
	if err := b.stopCluster(ctx); err != nil {
		return err
	}
	if err := b.startCluster(ctx, true); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, b.cluster.url(firstlineDatabase))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`); err != nil {
		return err
	}
	if err := b.startServer(ctx, scenario{name: "desk"}, firstlineDatabase); err != nil {
		return err
	}
	d, err := b.agentsDesk(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	l := load{concurrency: 1, turns: b.Statements, perConv: b.Statements, limit: b.RunLimit, questions: deskWords}
	if err := d.prepare(ctx, 1); err != nil {
		return err
	}
	select { // a server that is alone knows it by now, and tells no others
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * b.Rest):
	}
	if err := resetStatements(ctx, conn); err != nil {
		return err
	}
	time.Sleep(b.Rest)
	atRest, err := readStatements(ctx, conn)
	if err != nil {
		return err
	}
	for _, way := range []struct {
		only string
		to   **statementReport
	}{{"in", &rep.ToAgent}, {"out", &rep.ToCustomer}} {
		d.only = way.only
		if err := resetStatements(ctx, conn); err != nil {
			return err
		}
		before, err := readCounters(ctx, conn)
		if err != nil {
			return err
		}
		run, err := drive(ctx, d, l)
		if err != nil {
			return err
		}
		after, err := readCounters(ctx, conn)
		if err != nil {
			return err
		}
		busy, err := readStatements(ctx, conn)
		if err != nil {
			return err
		}
		*way.to = summarise(atRest, b.Rest, busy, len(run.samples), run.wall)
		(*way.to).Writes = float64(after.writes-before.writes) / float64(len(run.samples))
	}
	return nil
}

// write prints the medians; CPU and writes are per message, of which a turn has two.
func (r *deskReport) write(w io.Writer, at []int) {
	fmt.Fprintf(w, "medians of %d rounds of %d messages each way, in alternation\n\n", r.Rounds, r.Messages)
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "chats\t\tto agent p50\tp95\tp99\tto customer p50\tp95\tp99 ms\tmessages/s\tCPU ms a message: server\tPostgreSQL\twrites\tWAL KB\tnot ours\terrors\t")
	for _, at := range at {
		for _, system := range []string{"firstline", "floor"} {
			var runs []measured
			errs := 0
			for _, x := range r.Runs {
				if x.System == system && x.At == at {
					runs, errs = append(runs, x), errs+x.Errors
				}
			}
			f := medians(runs)
			r.Medians[system] = append(r.Medians[system], f)
			fmt.Fprintf(t, "%d\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t%.2f\t%.2f\t%.2f\t%.1f\t%.2f\t%d\t\n", at, system, f.First.P50, f.First.P95, f.First.P99,
				f.Whole.P50, f.Whole.P95, f.Whole.P99, 2*f.TurnsPerSecond, f.ServerCPU/2, f.DatabaseCPU/2, f.Writes/2, f.WALKB/2, f.NotOurs, errs)
		}
	}
	_ = t.Flush() // writes to w, whose errors nobody could be told
	for _, way := range []struct {
		name string
		*statementReport
	}{{"to the agent", r.ToAgent}, {"to the customer", r.ToCustomer}} {
		if way.statementReport == nil {
			continue
		}
		fmt.Fprintf(w, "\n%s: %.2f statements and %.2f writing transactions a message; %.1f statements a second at rest\n", way.name, way.PerTurn, way.Writes, way.Idle)
		for _, q := range way.Statements {
			fmt.Fprintf(w, "  %5.2f  %6.3f ms  %s\n", q.PerTurn, q.MeanMS, q.Text)
		}
	}
}

// arrivals are messages that somebody waits for, by their client ids.
type arrivals struct {
	mu  sync.Mutex
	due map[string]chan time.Time
}

func (a *arrivals) expect(key string) <-chan time.Time {
	ch := make(chan time.Time, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.due == nil {
		a.due = map[string]chan time.Time{}
	}
	a.due[key] = ch
	return ch
}

func (a *arrivals) arrived(key string) {
	now := time.Now()
	a.mu.Lock()
	ch := a.due[key]
	delete(a.due, key)
	a.mu.Unlock()
	if ch != nil {
		ch <- now
	}
}

// await waits for an arrival, for ten seconds at most.
func await(ctx context.Context, ch <-chan time.Time, what string) (time.Time, error) {
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	select {
	case t := <-ch:
		return t, nil
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	case <-late.C:
		return time.Time{}, fmt.Errorf("%s did not arrive within 10 s", what)
	}
}

// agentsDesk is a target: an agent at the desk, whose one stream shows what customers write, and the customers.
type agentsDesk struct {
	*firstline
	token  string
	only   string // "in" or "out": only that way of the messages; "" for both
	stream io.Closer
	seen   arrivals // by client id, and by conversation for when it is followed
	chats  []chat
}

type chat struct {
	conversation
	stream io.Closer
}

// agentsDesk signs an agent in and opens the desk.
func (b *bench) agentsDesk(ctx context.Context) (*agentsDesk, error) {
	c, err := startChild(b.dir, "user", []string{"DATABASE_URL=" + b.cluster.url(firstlineDatabase)}, b.Server,
		"user", "add", "--email", "bench@larkpay.example", "--role", "supervisor", "--team", "general", "--capacity", "100", "--token")
	if err != nil {
		return nil, err
	}
	select {
	case <-c.ended:
	case <-ctx.Done():
		c.stop()
		return nil, ctx.Err()
	}
	token, ok := readFirstLine(c.log)
	if !ok || c.result != nil {
		return nil, c.failure("gave no token")
	}
	d := &agentsDesk{firstline: newFirstline(b.base), token: token}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/v1/agent/events", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	whole := d.seen.expect("queue")
	if d.stream, err = readStream(req, func(e event) {
		switch e.name {
		case "queue":
			d.seen.arrived("queue")
		case "follow", "entry":
			var x struct {
				Conversation string
				Kind         string
				Data         struct {
					Author   string
					ClientID string `json:"client_id"`
				}
			}
			if json.Unmarshal(e.data, &x) != nil {
				return
			}
			if e.name == "follow" {
				d.seen.arrived(x.Conversation)
			} else if x.Kind == "message" && x.Data.Author == "customer" {
				d.seen.arrived(x.Data.ClientID)
			}
		}
	}); err != nil {
		return nil, err
	}
	if _, err := await(ctx, whole, "the desk's first event"); err != nil {
		d.close()
		return nil, err
	}
	return d, d.agent(ctx, http.MethodPut, "/presence", map[string]string{"state": "online"}, http.StatusOK, nil)
}

func (d *agentsDesk) close() {
	_ = d.leave(context.Background())
	_ = d.stream.Close() // it is being read
}

// leave ends the chats of the run before.
func (d *agentsDesk) leave(ctx context.Context) error {
	for _, c := range d.chats {
		_ = c.stream.Close() // it is being read
		if err := d.agent(ctx, http.MethodPost, "/conversations/"+c.ID+"/resolve", map[string]int{}, http.StatusOK, nil); err != nil {
			return err
		}
	}
	d.chats = nil
	return nil
}

// agent sends a request of the agent's.
func (d *agentsDesk) agent(ctx context.Context, method, path string, body any, status int, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, d.base+"/v1/agent"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+d.token)
	return d.roundTrip(req, status, into)
}

func (f *firstline) roundTrip(req *http.Request, status int, into any) error {
	res, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != status {
		return refused(res)
	}
	if into != nil {
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// prepare brings customers to the agent: each asks for a person, and the agent takes them.
func (d *agentsDesk) prepare(ctx context.Context, conversations int) error {
	if err := d.leave(ctx); err != nil {
		return err
	}
	for range conversations {
		c, err := d.start(ctx)
		if err != nil {
			return err
		}
		followed := d.seen.expect(c.ID)
		res, err := d.post(ctx, "/v1/conversations/"+c.ID+"/handoff", c.Token, "application/json", map[string]string{})
		if err != nil {
			return err
		}
		var made struct{ Handoff struct{ ID string } }
		err = json.NewDecoder(res.Body).Decode(&made)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusAccepted {
			return fmt.Errorf("no handoff: %d, %w", res.StatusCode, err)
		}
		if err := d.agent(ctx, http.MethodPost, "/handoffs/"+made.Handoff.ID+"/accept", struct{}{}, http.StatusOK, nil); err != nil {
			return err
		}
		if _, err := await(ctx, followed, "the chat in the agent's stream"); err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+"/v1/conversations/"+c.ID+"/events?after=1", nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+c.Token)
		opened := chat{conversation: c}
		if opened.stream, err = readStream(req, func(e event) {
			var m struct {
				Author   string
				ClientID string `json:"client_id"`
			}
			if e.name == "message" && json.Unmarshal(e.data, &m) == nil && m.Author == "agent" {
				d.seen.arrived(m.ClientID)
			}
		}); err != nil {
			return err
		}
		d.chats = append(d.chats, opened)
	}
	return nil
}

// turn sends a message of the customer's, waits until the agent has it, replies, and waits until the customer has that.
func (d *agentsDesk) turn(ctx context.Context, n int, text string) (sample, error) {
	c := d.chats[n]
	s := sample{outcome: "exchanged"}
	if d.only != "out" {
		id := "in-" + strconv.FormatInt(d.sent.Add(1), 10)
		there := d.seen.expect(id)
		begun := time.Now()
		res, err := d.post(ctx, "/v1/conversations/"+c.ID+"/messages", c.Token, "application/json", map[string]string{"client_id": id, "text": text})
		if err != nil {
			return s, err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusAccepted {
			return s, refused(res)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return s, err
		}
		at, err := await(ctx, there, "a customer's message")
		if err != nil {
			return s, err
		}
		s.first = at.Sub(begun)
	}
	if d.only != "in" {
		id := "out-" + strconv.FormatInt(d.sent.Add(1), 10)
		back := d.seen.expect(id)
		begun := time.Now()
		if err := d.agent(ctx, http.MethodPost, "/conversations/"+c.ID+"/messages", map[string]string{"client_id": id, "text": text}, http.StatusCreated, nil); err != nil {
			return s, err
		}
		at, err := await(ctx, back, "an agent's reply")
		if err != nil {
			return s, err
		}
		s.total = at.Sub(begun)
	}
	return s, nil
}

// readStream opens a stream and hands its events to f, in the background, until it is closed or ends.
func readStream(req *http.Request, f func(event)) (io.Closer, error) {
	req.Header.Set("Accept", "text/event-stream")
	res, err := idleClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, refused(res)
	}
	go func() {
		for events := newEventReader(res.Body); ; {
			e, err := events.next()
			if err != nil {
				return // closed, or cut: then what is waited for does not arrive
			}
			f(e)
		}
	}()
	return res.Body, nil
}

// floorDesk is a target: the same two ways through a handler that does the least.
type floorDesk struct {
	base    string
	client  *http.Client
	sent    atomic.Int64
	seen    arrivals
	streams []io.Closer
}

func newFloorDesk(base string) *floorDesk { return &floorDesk{base: base, client: newClient()} }

func (f *floorDesk) close() { closeAll(f.streams) }

func (f *floorDesk) prepare(ctx context.Context, conversations int) error {
	closeAll(f.streams)
	f.streams = nil
	for i := -1; i < conversations; i++ { // the first is the agent's, who hears all customers
		reader := "agent"
		if i >= 0 {
			reader = "c" + strconv.Itoa(i)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+"/desk?reader="+reader, nil)
		if err != nil {
			return err
		}
		s, err := readStream(req, func(e event) { f.seen.arrived(string(e.data)) })
		if err != nil {
			return err
		}
		f.streams = append(f.streams, s)
	}
	return nil
}

func (f *floorDesk) turn(ctx context.Context, n int, text string) (sample, error) {
	s := sample{outcome: "exchanged"}
	c := "c" + strconv.Itoa(n)
	for _, way := range []struct {
		author, to string
		took       *time.Duration
	}{{"customer", "agent", &s.first}, {"agent", c, &s.total}} {
		id := strconv.FormatInt(f.sent.Add(1), 10)
		there := f.seen.expect(id)
		begun := time.Now()
		body := strings.NewReader(fmt.Sprintf(`{"conversation":%q,"author":%q,"to":%q,"id":%q,"text":%q}`, c, way.author, way.to, id, text))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base+"/desk", body)
		if err != nil {
			return s, err
		}
		res, err := f.client.Do(req)
		if err != nil {
			return s, err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusNoContent {
			return s, refused(res)
		}
		at, err := await(ctx, there, "a message of the floor")
		if err != nil {
			return s, err
		}
		*way.took = at.Sub(begun)
	}
	return s, nil
}

// floorRelay is the floor's part: it stores a message and hands it on.
type floorRelay struct {
	mu      sync.Mutex
	readers map[string]chan string
}

func (h *floorHandler) tell(w http.ResponseWriter, r *http.Request) {
	var in struct{ Conversation, Author, To, ID, Text string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if _, err := h.pool.Exec(r.Context(), insertFloorMessage, in.Conversation, in.Author, in.Text); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.relay.mu.Lock()
	ch := h.relay.readers[in.To]
	h.relay.mu.Unlock()
	if ch == nil {
		http.Error(w, "nobody reads", http.StatusConflict)
		return
	}
	ch <- in.ID
	w.WriteHeader(http.StatusNoContent)
}

func (h *floorHandler) hear(w http.ResponseWriter, r *http.Request) {
	ch := make(chan string, 1000)
	h.relay.mu.Lock()
	h.relay.readers[r.URL.Query().Get("reader")] = ch
	h.relay.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher) // net/http's own writer is one
	flusher.Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case id := <-ch:
			fmt.Fprintf(w, "data: %s\n\n", id)
			flusher.Flush()
		}
	}
}
