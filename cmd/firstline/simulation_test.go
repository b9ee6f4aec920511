package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

// The simulation drives customers, turns, handoffs and agents through random interleavings over a real database with two
// replicas, and checks promises 1 to 5 and 11 after every step. What is drawn depends on the seed alone; what wins
// within a race is PostgreSQL's choice, so a violation that lies in a race may need more than one run to come back.
//
//	FIRSTLINE_LONG=1        100,000 steps and more
//	FIRSTLINE_SEED=n        the episode of one seed, as a failure prints it
//	FIRSTLINE_SEEDS_FROM=n  begin at another seed

const (
	episodeSteps  = 250
	shortEpisodes = 8
	longEpisodes  = 400
)

func TestSimulation(t *testing.T) {
	from, n := envUint(t, "FIRSTLINE_SEEDS_FROM", 1), uint64(shortEpisodes)
	if os.Getenv("FIRSTLINE_LONG") != "" {
		n = longEpisodes
	}
	if os.Getenv("FIRSTLINE_SEED") != "" {
		from, n = envUint(t, "FIRSTLINE_SEED", 1), 1
	}
	began, steps := time.Now(), 0
	counts := map[string]int{}
	for seed := from; seed < from+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, seed)
			w.run(episodeSteps)
			steps += w.steps
			for k, v := range w.counts {
				counts[k] += v
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%d steps in %s: %v", steps, time.Since(began).Round(time.Millisecond), counts)
	if n == 1 || t.Failed() {
		return
	}
	if n >= longEpisodes {
		mustHappen = append(mustHappen, mayHappen...)
	}
	for _, what := range mustHappen { // a simulation that never gets there proves nothing
		if counts[what] == 0 {
			t.Errorf("%q never happened", what)
		}
	}
}

// mustHappen names outcomes that a run of several episodes reaches.
var mustHappen = []string{
	"say", "say: duplicate", "say: superseded", "say: waits", "speak", "speak: lost", "finish", "finish: lost", "hand off", "hand off: lost",
	"take over", "accept", "accept: conflict", "decline", "reply", "reply: conflict", "resolve", "return", "transfer", "escalate", "pull", "ask", "close", "reopen",
	"assign", "pass on", "ask to take over", "snooze", "wake", "supervise", "offer", "lapse", "race",
}

// mayHappen names those that only a long run is sure to reach.
var mayHappen = []string{"fallback", "asynchronous", "finish: next", "decline: conflict"}

func envUint(t *testing.T, name string, otherwise uint64) uint64 {
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// node is one replica.
type node struct {
	name   string
	pool   *pgxpool.Pool
	record *chat.Record
	desk   *handoff.Desk
}

// world is the whole simulation and what it knows to be true.
type world struct {
	t      *testing.T
	seed   uint64
	rng    *rand.Rand
	nodes  [2]*node
	agents []auth.Agent
	convs  []*talk
	steps  int

	mu        sync.Mutex
	trace     []string
	counts    map[string]int
	violation string
}

// talk is one conversation with the model's side of it.
type talk struct {
	name string
	id   uuid.UUID

	mu      sync.Mutex
	sent    []string             // client ids, in the order in which they were drawn
	text    map[string]string    // by client id
	acked   map[string]uuid.UUID // message by client id
	claims  []*chat.Claim
	readers [2]*follower
}

// follower is a reader of one replica with the number of what it read last.
type follower struct {
	watch *chat.Watch
	pos   int64
}

var simTopics = map[string]triage.Topic{
	"pay":   {Key: "pay", Priority: 3, Team: "payments", SLA: 30 * time.Minute},
	"theft": {Key: "theft", Priority: 1, Team: "fraud", SLA: 2 * time.Minute},
	"other": {Key: "other", Priority: 4, Team: "general", SLA: 4 * time.Hour},
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 0x66697273746c696e)), counts: map[string]int{}}
	url := pgtest.URL(t)
	for i := range w.nodes {
		w.nodes[i] = newNode(t, fmt.Sprint("replica", i), pgtest.Open(t, url))
	}
	ctx := t.Context()
	always := handoff.Hours{AlwaysOpen: true}
	err := w.nodes[0].desk.SaveTeams(ctx, []handoff.TeamSeed{
		{Key: "general", Name: "General", Hours: always},
		{Key: "payments", Name: "Payments", Hours: always, Fallback: "general"},
		{Key: "fraud", Name: "Fraud", Hours: always},
	})
	if err != nil {
		t.Fatal(err)
	}
	staff := auth.NewStore(w.nodes[0].pool)
	for _, a := range []auth.Agent{
		{Email: "ada@larkpay.example", Name: "Ada", Role: "agent", Teams: []string{"general", "payments"}, Capacity: 2},
		{Email: "bruno@larkpay.example", Name: "Bruno", Role: "agent", Teams: []string{"payments"}, Languages: []string{"de"}, Capacity: 1},
		{Email: "cleo@larkpay.example", Name: "Cleo", Role: "agent", Teams: []string{"fraud", "general"}, Markets: []string{"gb"}, Capacity: 2},
		{Email: "dan@larkpay.example", Name: "Dan", Role: "supervisor", Teams: []string{"general", "payments", "fraud"}, Capacity: 1},
	} {
		saved, err := staff.Save(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		saved.Teams = a.Teams
		w.agents = append(w.agents, saved)
		if err := w.nodes[0].desk.SetPresence(ctx, saved, "online"); err != nil {
			t.Fatal(err)
		}
		if err := w.nodes[0].desk.Connected(ctx, saved, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		c := &talk{name: fmt.Sprint("c", i), text: map[string]string{}, acked: map[string]uuid.UUID{}}
		conv, err := w.nodes[i%2].record.Start(ctx, chat.NewConversation{
			Channel: "web", Market: []string{"gb", "de"}[w.rng.IntN(2)], Locale: []string{"en", "de"}[w.rng.IntN(2)], Audience: "consumer", Greeting: "Hello, I am an AI.",
		})
		if err != nil {
			t.Fatal(err)
		}
		c.id = conv.ID
		for i, n := range w.nodes {
			c.readers[i] = &follower{watch: n.record.Watch(c.id)}
			c.readers[i].watch.Stale()
		}
		w.convs = append(w.convs, c)
	}
	return w
}

func newNode(t *testing.T, name string, pool *pgxpool.Pool) *node {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	bus := wake.New(pool, quiet)
	// Leases and offers end when the simulation says so, not by the clock.
	record, err := chat.Open(t.Context(), pool, bus, quiet, chat.Options{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	desk := handoff.NewDesk(pool, record, bus, quiet, handoff.Options{OfferFor: time.Hour})
	desk.SetTopics(simTopics)
	bus.Start(context.Background())
	t.Cleanup(bus.Stop)
	return &node{name: name, pool: pool, record: record, desk: desk}
}

// run takes the steps, checks after each, and ends everything that is under way.
func (w *world) run(steps int) {
	defer func() {
		if w.violation != "" {
			w.report()
		}
		for _, c := range w.convs {
			for _, f := range c.readers {
				f.watch.Close()
			}
		}
	}()
	for w.steps = 1; w.steps <= steps && w.violation == ""; w.steps++ {
		w.step()
	}
	w.steps--
	if w.violation == "" {
		w.settle()
	}
}

// step draws one thing to do, or several at once, does it, and checks.
func (w *world) step() {
	c := pick(w.rng, w.convs)
	if w.rng.IntN(5) > 0 {
		o := w.draw(c)
		w.do(c, o, true)
	} else { // a race
		n := 2 + w.rng.IntN(4)
		ops := make([]op, n)
		for i := range ops {
			ops[i] = w.drawRacing(c)
		}
		w.count("race")
		w.note(c, "%d at once:", n)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for _, o := range ops {
			wg.Go(func() {
				<-start
				w.do(c, o, false)
			})
		}
		close(start)
		wg.Wait()
	}
	if w.violation != "" {
		return
	}
	for _, x := range w.convs {
		if x == c || w.rng.IntN(4) == 0 {
			w.check(x)
		}
	}
}

// settle ends every turn, by taking it over if need be, and checks that nothing is left without an answer.
func (w *world) settle() {
	for range 50 {
		if _, err := w.nodes[0].pool.Exec(w.t.Context(), `UPDATE turns SET lease_until = now() - interval '1 second' WHERE state = 'running'`); err != nil {
			w.t.Fatal(err)
		}
		claims, err := w.nodes[w.rng.IntN(2)].record.TakeOver(w.t.Context(), 8)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(claims) == 0 {
			break
		}
		for _, cl := range claims {
			if _, err := w.nodes[0].record.Finish(w.t.Context(), cl, chat.Ending{Outcome: chat.Answered, Text: "At last."}); err != nil {
				w.violate(w.byID(cl.Conversation.ID), "a turn that was taken over cannot end: %v", err)
			}
		}
	}
	for _, c := range w.convs {
		st := w.load(c)
		for _, t := range st.turns {
			if t.State != "done" {
				w.violate(c, "promise 2: turn %s is %s for ever", short(t.ID), t.State)
			}
		}
		w.check(c)
	}
}

// op is something to do. alone says that nothing else happens meanwhile, so that the outcome is known beforehand.
type op struct {
	name string
	run  func(alone bool) (outcome string, err error)
}

func (w *world) do(c *talk, o op, alone bool) {
	outcome, err := o.run(alone)
	switch {
	case err == nil:
	case errors.Is(err, chat.ErrLost):
		outcome = "lost"
	case fault.Is(err, fault.Conflict):
		outcome = "conflict"
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Forbidden), fault.Is(err, fault.Invalid):
		outcome = "refused"
	default:
		w.note(c, "  %s: %v", o.name, err)
		w.violate(c, "%s failed: %v", o.name, err)
		return
	}
	kind, _, _ := strings.Cut(o.name, " by ")
	w.count(kind)
	if outcome != "" {
		w.count(kind + ": " + outcome)
		w.note(c, "  %s -> %s", o.name, outcome)
		return
	}
	w.note(c, "  %s", o.name)
}

func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}

func (w *world) note(c *talk, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, fmt.Sprintf("%4d %s %s", w.steps, c.name, fmt.Sprintf(format, args...)))
}

// violate notes the first violation; the run ends after the step.
func (w *world) violate(c *talk, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.violation == "" {
		w.violation = c.name + ": " + fmt.Sprintf(format, args...)
	}
}

// report prints what led there: the last steps of the conversation concerned, and those of the desk, which touch all.
func (w *world) report() {
	name, _, _ := strings.Cut(w.violation, ":")
	var lines []string
	for _, l := range w.trace {
		if f := strings.Fields(l); f[1] == name || strings.Contains(l, "desk:") {
			lines = append(lines, l)
		}
	}
	lines = lines[max(0, len(lines)-40):]
	var log strings.Builder
	for _, c := range w.convs {
		if c.name == name {
			for _, e := range w.load(c).log {
				fmt.Fprintf(&log, "%s ", e)
			}
		}
	}
	w.t.Errorf("%s\nseed %d (run it alone with FIRSTLINE_SEED=%d), step %d; the last steps:\n%s\nlog: %s",
		w.violation, w.seed, w.seed, w.steps, strings.Join(lines, "\n"), log.String())
}

func (w *world) byID(id uuid.UUID) *talk {
	for _, c := range w.convs {
		if c.id == id {
			return c
		}
	}
	return nil
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func short(id uuid.UUID) string { return id.String()[30:] }
