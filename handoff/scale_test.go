package handoff

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

// TestRouterAtScale sends many handoffs through three replicas that are killed and started again, to agents who come and
// go, let offers lapse, decline, pass on and put to sleep. A judge inside the database, which shares no code with the
// router, looks at every offer in the moment in which it is made; what was lost, doubled or overtaken is counted at the end.
//
//	FIRSTLINE_LONG=1       100,000 handoffs
//	FIRSTLINE_HANDOFFS=n   so many
//	FIRSTLINE_SEED=n       another seed
func TestRouterAtScale(t *testing.T) {
	n := 400
	if os.Getenv("FIRSTLINE_LONG") != "" {
		n = 100_000
	}
	if v, err := strconv.Atoi(os.Getenv("FIRSTLINE_HANDOFFS")); err == nil {
		n = v
	}
	seed := uint64(1)
	if v, err := strconv.ParseUint(os.Getenv("FIRSTLINE_SEED"), 10, 64); err == nil {
		seed = v
	}
	s := newScale(t, seed)
	s.storm(n)
	s.judged()
	s.nothingLost(n)
	s.inOrder()
	s.calm(max(100, n/20))
	s.judged()
}

// judge looks at every offer within the router's transaction and behind its locks.
//
//go:embed testdata/judge.sql
var judge string

// replica is a desk over a pool of its own, which can be cut off from one moment to the next.
type replica struct {
	name   string
	pool   *pgxpool.Pool
	bus    *wake.Bus
	record *chat.Record
	desk   *Desk
}

type scale struct {
	t        *testing.T
	url      string
	admin    *pgxpool.Pool // never cut off
	rng      *rand.Rand
	mu       sync.Mutex
	replicas []*replica
	made     int // replicas, ever
	agents   []Agent

	hands  sync.Map     // agent -> what they have or are asked, as of the last look of all
	asked  atomic.Int64 // handoffs made or being made
	acked  sync.Map     // handoff -> when the customer knew of it
	over   sync.Map     // handoff -> true, once it has ended
	ended  atomic.Int64 // so many
	counts sync.Map     // what happened -> *atomic.Int64
}

func (s *scale) count(what string) {
	n, _ := s.counts.LoadOrStore(what, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// end counts a handoff once, also where an agent says twice that it is done.
func (s *scale) end(h Handoff) {
	if _, twice := s.over.LoadOrStore(h.ID, true); !twice {
		s.ended.Add(1)
	}
}

func newScale(t *testing.T, seed uint64) *scale {
	s := &scale{t: t, url: pgtest.URL(t), rng: rand.New(rand.NewPCG(seed, 0x7363616c65))}
	s.admin = pgtest.Open(t, s.url)
	if _, err := s.admin.Exec(t.Context(), judge); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		s.replicas = append(s.replicas, nil)
		s.start(i)
	}
	t.Cleanup(func() {
		for _, r := range s.replicas {
			r.stop()
		}
	})
	always := Hours{AlwaysOpen: true}
	if err := s.replicas[0].desk.SaveTeams(t.Context(), []TeamSeed{
		{Key: "general", Name: "General", Hours: always},
		{Key: "payments", Name: "Payments", Hours: always, Fallback: "general"},
		{Key: "fraud", Name: "Fraud", Hours: always, Fallback: "general"},
	}); err != nil {
		t.Fatal(err)
	}
	staff := auth.NewStore(s.admin)
	teams := [][]string{{"general"}, {"general", "payments"}, {"payments"}, {"fraud", "general"}, {"fraud"}, {"general", "payments", "fraud"}}
	for i := range 24 {
		a := Agent{Name: fmt.Sprintf("Agent %02d", i), Role: "agent", Teams: teams[i%len(teams)], Capacity: 1 + i%4}
		a.Email = fmt.Sprintf("agent%02d@larkpay.example", i)
		if i%5 == 4 {
			a.Languages = []string{"de"}
		}
		if i%7 == 6 {
			a.Markets = []string{"gb"}
		}
		saved, err := staff.Save(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		saved.Teams = a.Teams
		s.agents = append(s.agents, saved)
	}
	return s
}

func (s *scale) start(i int) {
	s.made++
	name := fmt.Sprintf("replica-%d", s.made)
	config, err := pgxpool.ParseConfig(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["application_name"] = name
	config.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		s.t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	bus := wake.New(pool, quiet)
	rec, err := chat.Open(context.Background(), pool, bus, quiet, chat.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	d := NewDesk(pool, rec, bus, quiet, Options{OfferFor: 400 * time.Millisecond, Tick: 200 * time.Millisecond, Grace: 500 * time.Millisecond})
	d.SetTopics(testTopics)
	bus.Start(context.Background())
	d.Start()
	s.mu.Lock()
	s.replicas[i] = &replica{name, pool, bus, rec, d}
	s.mu.Unlock()
}

func (r *replica) stop() {
	r.desk.Stop()
	r.bus.Stop()
	r.pool.Close()
}

// kill ends all of a replica's connections in the middle of whatever they do, and puts another in its place.
func (s *scale) kill(i int) {
	s.mu.Lock()
	r := s.replicas[i]
	s.mu.Unlock()
	if _, err := s.admin.Exec(s.t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, r.name); err != nil {
		s.t.Error(err)
	}
	s.count("replica killed")
	s.start(i)
	r.stop()
}

// any is one of the replicas, which may be dead the next moment.
func (s *scale) any(rng *rand.Rand) *replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas[rng.IntN(len(s.replicas))]
}

// crowd bounds how many handoffs are open: more than the agents can have at once, so that always some wait.
const crowd = 150

// watch reads what every agent has or is asked, for all in one look, as their desks would be told.
func (s *scale) watch(ctx context.Context) {
	for ctx.Err() == nil {
		rows, err := s.admin.Query(ctx, `SELECT id, conversation_id, state, team, snoozed_until, wanted_agent, agent_id FROM handoffs
			WHERE ended_at IS NULL AND agent_id IS NOT NULL`)
		if err == nil {
			has := map[uuid.UUID][]Handoff{}
			var h Handoff
			_, err = pgx.ForEachRow(rows, []any{&h.ID, &h.ConversationID, &h.State, &h.Team, &h.SnoozedUntil, &h.WantedAgent, &h.AgentID}, func() error {
				has[*h.AgentID] = append(has[*h.AgentID], h)
				if h.State == Accepted && h.WantedAgent != nil {
					has[*h.WantedAgent] = append(has[*h.WantedAgent], h)
				}
				h = Handoff{}
				return nil
			})
			if err == nil {
				for _, a := range s.agents {
					s.hands.Store(a.ID, has[a.ID])
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// upkeep does what autovacuum does elsewhere, which servers for tests have switched off, and says how far the run is.
func (s *scale) upkeep(ctx context.Context, n int) {
	began := time.Now()
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		s.t.Error("vacuum:", err)
		return
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SET statement_timeout = 0`); err != nil { // a busy machine's disk may take its time
		s.t.Error("vacuum:", err)
		return
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `RESET statement_timeout`) }()
	for done := int64(0); ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		now := s.ended.Load()
		if now/1000 == done/1000 {
			continue
		}
		done = now
		if _, err := conn.Exec(ctx, `VACUUM (ANALYZE) agents, conversations, handoffs, offers, sla_clocks, wait_samples`); err != nil && ctx.Err() == nil {
			s.t.Error("vacuum:", err)
		}
		if done/5000 != (done-1000)/5000 {
			fmt.Fprintf(os.Stderr, "%d of %d have ended after %s\n", done, n, time.Since(began).Round(time.Second))
		}
	}
}

// storm makes n handoffs while everything happens, and returns when all have ended.
func (s *scale) storm(n int) {
	began := time.Now()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var people, customers sync.WaitGroup
	var draining atomic.Bool
	people.Go(func() { s.watch(ctx) })
	people.Go(func() { s.upkeep(ctx, n) })
	for i, a := range s.agents {
		rng := rand.New(rand.NewPCG(s.rng.Uint64(), uint64(i)))
		people.Go(func() { s.work(ctx, a, rng, &draining) })
	}
	for i := range 6 {
		rng := rand.New(rand.NewPCG(s.rng.Uint64(), 100+uint64(i)))
		customers.Go(func() {
			for ctx.Err() == nil {
				if s.asked.Load()-s.ended.Load() >= crowd { // who comes to a desk that is never done proves no more than who comes to a full one
					time.Sleep(5 * time.Millisecond)
					continue
				}
				if s.asked.Add(1) > int64(n) {
					return
				}
				s.ask(ctx, rng)
			}
		})
	}
	killer := rand.New(rand.NewPCG(s.rng.Uint64(), 1000))
	made := make(chan struct{})
	go func() { customers.Wait(); close(made) }()
	alive := true
	for alive {
		select {
		case <-made:
			alive = false
		case <-time.After(time.Duration(300+killer.IntN(1500)) * time.Millisecond):
			s.kill(killer.IntN(len(s.replicas)))
		}
	}
	draining.Store(true)
	last, since := int64(-1), time.Now()
	for s.ended.Load() < int64(n) {
		if now := s.ended.Load(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) > 90*time.Second { // nothing has ended for long
			s.t.Errorf("%d of %d have ended, and no more do", s.ended.Load(), n)
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	people.Wait()
	took := time.Since(began)
	var all []string
	s.counts.Range(func(k, v any) bool {
		all = append(all, fmt.Sprintf("%s: %d", k, v.(*atomic.Int64).Load()))
		return true
	})
	slices.Sort(all)
	s.t.Logf("%d handoffs in %s (%.0f a second): %v", n, took.Round(time.Millisecond), float64(n)/took.Seconds(), all)
}

// ask makes one conversation and hands it off, however many replicas die meanwhile.
func (s *scale) ask(ctx context.Context, rng *rand.Rand) {
	topic := []string{"theft", "pay", "pay", "pay", "", "", "", ""}[rng.IntN(8)]
	priority := 1 + rng.IntN(4)
	if topic != "theft" && priority == 1 {
		priority = 2
	}
	market, locale := []string{"gb", "de"}[rng.IntN(2)], []string{"en", "de"}[rng.IntN(2)]
	var id uuid.UUID
	for ctx.Err() == nil {
		c, err := s.any(rng).record.Start(ctx, chat.NewConversation{Channel: "web", Market: market, Locale: locale, Audience: "consumer", Greeting: "Hello."})
		if err == nil {
			id = c.ID
			break
		}
		time.Sleep(time.Duration(5+rng.IntN(20)) * time.Millisecond)
	}
	for ctx.Err() == nil {
		r := s.any(rng)
		h, _, err := r.desk.Current(ctx, id)
		if fault.Is(err, fault.NotFound) {
			err = r.record.Do(ctx, id, func(ctx context.Context, x *chat.Session) (err error) {
				if x.Owner != chat.OwnedByAssistant {
					return nil // the replica died after the commit
				}
				h, err = r.desk.HandOff(ctx, x, Request{Reason: "low_confidence", Explanation: "Unsure.", Topic: topic, Priority: priority, Language: locale, Sentiment: "calm"})
				return err
			})
		}
		if err == nil && h.ID != uuid.Nil {
			s.acked.Store(h.ID, time.Now())
			return
		}
		if err != nil {
			s.count("customer: try again")
			time.Sleep(time.Duration(5+rng.IntN(20)) * time.Millisecond)
		}
	}
}

// work is an agent's life.
func (s *scale) work(ctx context.Context, a Agent, rng *rand.Rand, draining *atomic.Bool) {
	var has []Handoff
	var awayUntil time.Time
	var beat time.Time
	cut := false
	for ctx.Err() == nil {
		now := time.Now()
		r := s.any(rng)
		switch {
		case now.Before(awayUntil) && !draining.Load():
		case !awayUntil.IsZero():
			if r.desk.SetPresence(ctx, a, "online") == nil {
				awayUntil, cut, beat = time.Time{}, false, time.Time{}
				s.count("agent comes")
			}
		case beat.IsZero():
			if r.desk.SetPresence(ctx, a, "online") != nil {
				continue
			}
			beat = now
		case rng.IntN(400) == 0 && !draining.Load():
			how := []string{"away", "offline", "cut off"}[rng.IntN(3)]
			s.count("agent " + how)
			awayUntil = now.Add(time.Duration(200+rng.IntN(1500)) * time.Millisecond)
			if cut = how == "cut off"; !cut {
				_ = r.desk.SetPresence(ctx, a, how)
			}
		}
		if !cut && now.Sub(beat) > 250*time.Millisecond {
			// As the desk's stream does, with less patience.
			if _, err := s.admin.Exec(ctx, `UPDATE agents SET connected_until = now() + interval '1 second' WHERE id = $1`, a.ID); err == nil {
				beat = now
			}
			var presence string
			if err := s.admin.QueryRow(ctx, `SELECT presence FROM agents WHERE id = $1`, a.ID).Scan(&presence); err == nil && presence == "away" && awayUntil.IsZero() {
				awayUntil = now.Add(time.Duration(rng.IntN(500)) * time.Millisecond) // set away; noticed, and back soon
				s.count("agent was set away")
			}
		}
		if cut {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
			continue
		}
		if v, ok := s.hands.Swap(a.ID, []Handoff(nil)); ok {
			has = v.([]Handoff)
		}
		busy := false
		for _, h := range has {
			busy = s.handle(ctx, r, a, h, rng, draining.Load()) || busy
		}
		if !busy {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(5+rng.IntN(25)) * time.Millisecond):
			}
		}
	}
}

// mine reads little, so that the test is about the router and not about boards.
func (s *scale) mine(ctx context.Context, a Agent) ([]Handoff, error) {
	rows, err := s.admin.Query(ctx, `SELECT id, conversation_id, state, team, snoozed_until, wanted_agent FROM handoffs
		WHERE ended_at IS NULL AND (agent_id = $1 OR wanted_agent = $1 AND state = 'accepted') LIMIT 20`, a.ID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Handoff, err error) {
		return h, row.Scan(&h.ID, &h.ConversationID, &h.State, &h.Team, &h.SnoozedUntil, &h.WantedAgent)
	})
}

func (s *scale) handle(ctx context.Context, r *replica, a Agent, h Handoff, rng *rand.Rand, draining bool) bool {
	n := rng.IntN(100)
	var what string
	var err error
	switch {
	case h.State == Offered || is(h.WantedAgent, a):
		switch {
		case n < 80 || draining:
			what = "accept"
			_, err = r.desk.Accept(ctx, h.ID, a)
		case n < 88:
			what = "decline"
			err = r.desk.Decline(ctx, h.ID, a)
		default:
			what = "let it lapse"
			if n < 96 { // seen, and left; looked at again soon
				return false
			}
		}
	case h.State != Accepted || h.SnoozedUntil != nil && !draining && n < 95:
		return false
	case n < 60 && !draining: // still talking
		return false
	case n < 90 || draining:
		what = "resolve"
		if n%3 == 0 {
			what = "return"
			_, err = r.desk.Return(ctx, h.ConversationID, a, "", 0)
		} else {
			_, err = r.desk.Resolve(ctx, h.ConversationID, a, 0)
		}
		if err == nil {
			s.end(h)
		} else if !fault.Is(err, fault.Conflict) { // it may have been committed
			var ended bool
			if s.admin.QueryRow(ctx, `SELECT ended_at IS NOT NULL FROM handoffs WHERE id = $1`, h.ID).Scan(&ended) == nil && ended {
				s.end(h)
			}
		}
	case n < 92:
		what = "transfer to a team"
		_, err = r.desk.Transfer(ctx, h.ConversationID, a, []string{"general", "payments", "fraud"}[n%3], "")
	case n < 94:
		what = "transfer to an agent"
		_, err = r.desk.TransferTo(ctx, h.ConversationID, a, s.agents[rng.IntN(len(s.agents))].ID, "", false)
	case n < 96:
		what = "ask an agent to take over"
		_, err = r.desk.TransferTo(ctx, h.ConversationID, a, s.agents[rng.IntN(len(s.agents))].ID, "", true)
	case n < 98:
		what = "escalate"
		_, err = r.desk.Escalate(ctx, h.ConversationID, a, "")
	default:
		what = "snooze"
		_, err = r.desk.Snooze(ctx, h.ConversationID, a, time.Now().Add(time.Duration(20+rng.IntN(500))*time.Millisecond), 0)
	}
	if err != nil {
		what += ": refused"
		if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.NotFound) {
			what = "agent: replica gone"
		}
	}
	s.count(what)
	return true
}

// judged reports what the judge found.
func (s *scale) judged() {
	s.t.Helper()
	rows, err := s.admin.Query(s.t.Context(), `SELECT what || ' (' || count(*) || '), such as ' || min(detail) FROM verdicts GROUP BY what`)
	if err != nil {
		s.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range found {
		s.t.Error(f)
	}
}

// nothingLost holds the end against the beginning: every handoff that a customer knows of is there once and has ended, and
// nobody is left with an offer or as the owner of what has ended.
func (s *scale) nothingLost(n int) {
	s.t.Helper()
	for what, sql := range map[string]string{
		"conversations with two handoffs":      `SELECT count(*) FROM (SELECT FROM handoffs GROUP BY conversation_id HAVING count(*) > 1) x`,
		"handoffs that have not ended":         `SELECT count(*) FROM handoffs WHERE ended_at IS NULL`,
		"offers left open":                     `SELECT count(*) FROM offers WHERE outcome = 'open'`,
		"offers without the time of their end": `SELECT count(*) FROM offers WHERE outcome <> 'open' AND ended_at IS NULL`,
		"offers that two have accepted": `SELECT count(*) FROM (SELECT FROM offers o JOIN offers p ON p.handoff_id = o.handoff_id AND p.id > o.id
			WHERE o.outcome = 'accepted' AND p.outcome = 'accepted' AND o.agent_id <> p.agent_id AND NOT EXISTS (
				SELECT FROM handoff_steps x WHERE x.handoff_id = o.handoff_id AND x.at BETWEEN o.ended_at AND p.ended_at + interval '1 minute')) x`,
		"conversations still with people": `SELECT count(*) FROM conversations WHERE owner <> 'assistant'`,
		"gaps in a conversation's numbers": `SELECT count(*) FROM conversations c WHERE last_seq <> (SELECT count(*) FROM messages WHERE conversation_id = c.id)
			+ (SELECT count(*) FROM events WHERE conversation_id = c.id)`,
	} {
		var got int
		if err := s.admin.QueryRow(s.t.Context(), sql).Scan(&got); err != nil {
			s.t.Fatal(what, err)
		}
		if got != 0 {
			s.t.Errorf("%d %s", got, what)
		}
	}
	var stored int
	if err := s.admin.QueryRow(s.t.Context(), `SELECT count(*) FROM handoffs`).Scan(&stored); err != nil || stored != n {
		s.t.Errorf("%d handoffs of %d, %v", stored, n, err)
	}
	s.acked.Range(func(id, _ any) bool {
		var there bool
		if err := s.admin.QueryRow(s.t.Context(), `SELECT EXISTS (SELECT FROM handoffs WHERE id = $1)`, id).Scan(&there); err != nil || !there {
			s.t.Errorf("handoff %v is lost, %v", id, err)
		}
		return !s.t.Failed()
	})
}

// inOrder looks for a handoff that was overtaken: known to be in the queue before the router looked, not taken until after
// the offer, ahead by the rule, and of the team and the skills of the agent who got another one.
func (s *scale) inOrder() {
	s.t.Helper()
	ctx := s.t.Context()
	type first struct {
		ID       uuid.UUID
		Team     string
		Priority int
		QueuedAt time.Time
		Language string
		Market   string
		Next     time.Time  // its first step after the queue
		Made     *time.Time // the look that offered it first
		Acked    time.Time
		turn     float64
	}
	rows, err := s.admin.Query(ctx, `
		SELECT h.id, f.team, f.priority, h.queued_at, h.language, h.market, n.at,
			(SELECT min(made_at) FROM offers WHERE handoff_id = h.id) FROM handoffs h
		JOIN LATERAL (SELECT team, priority, id FROM handoff_steps WHERE handoff_id = h.id ORDER BY id LIMIT 1) f ON true
		JOIN LATERAL (SELECT at FROM handoff_steps WHERE handoff_id = h.id AND id > f.id ORDER BY id LIMIT 1) n ON true`)
	if err != nil {
		s.t.Fatal(err)
	}
	queue, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f first, err error) {
		return f, row.Scan(&f.ID, &f.Team, &f.Priority, &f.QueuedAt, &f.Language, &f.Market, &f.Next, &f.Made)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	turn := func(priority int, at time.Time) float64 { // the rule of the queue, said again
		switch priority {
		case 1:
			return float64(at.UnixMicro())/1e6 - 1e12
		case 3:
			at = at.Add(30 * time.Minute)
		case 4:
			at = at.Add(2 * time.Hour)
		}
		return float64(at.UnixMicro()) / 1e6
	}
	var fs []first // in the order in which their customers knew of them
	known := map[uuid.UUID]first{}
	for _, f := range queue {
		at, ok := s.acked.Load(f.ID)
		if !ok {
			continue
		}
		f.Acked, f.turn = at.(time.Time), turn(f.Priority, f.QueuedAt)
		fs = append(fs, f)
		known[f.ID] = f
	}
	slices.SortFunc(fs, func(a, b first) int { return a.Acked.Compare(b.Acked) })
	type offered struct {
		Handoff, Agent     uuid.UUID
		Made, Step         time.Time
		Languages, Markets []string
	}
	// Only first offers are held against others in the queue; what came back to it has a boost or another team.
	rows, err = s.admin.Query(ctx, `
		SELECT o.handoff_id, o.agent_id, o.made_at, n.at, a.languages, a.markets FROM offers o JOIN agents a ON a.id = o.agent_id
		JOIN LATERAL (SELECT at, state FROM handoff_steps WHERE handoff_id = o.handoff_id ORDER BY id OFFSET 1 LIMIT 1) n ON n.state = 'offered'
		WHERE o.id = (SELECT id FROM offers WHERE handoff_id = o.handoff_id ORDER BY made_at LIMIT 1) ORDER BY o.made_at`)
	if err != nil {
		s.t.Fatal(err)
	}
	offers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[offered])
	if err != nil {
		s.t.Fatal(err)
	}
	fits := func(skills []string, skill string) bool { return len(skills) == 0 || slices.Contains(skills, skill) }
	teams := map[uuid.UUID][]string{}
	for _, a := range s.agents {
		teams[a.ID] = a.Teams
	}
	var compared, across int
	var waiting []first
	i := 0
	for _, o := range offers {
		h, ok := known[o.Handoff]
		if !ok {
			continue
		}
		for ; i < len(fs) && fs[i].Acked.Before(o.Made); i++ {
			waiting = append(waiting, fs[i])
		}
		waiting = slices.DeleteFunc(waiting, func(f first) bool { return !f.Next.After(o.Made) })
		for _, f := range waiting {
			sameLook := f.Made != nil && f.Made.Equal(o.Made)
			if f.ID == h.ID || sameLook || !f.Next.After(o.Step) || !slices.Contains(teams[o.Agent], f.Team) || !fits(o.Languages, f.Language) || !fits(o.Markets, f.Market) {
				continue
			}
			compared++
			if f.Team != h.Team {
				across++
			}
			if f.turn < h.turn {
				s.t.Errorf("%v (P%d of %s, team %s) was offered before %v (P%d of %s, team %s)", h.ID, h.Priority, h.QueuedAt, h.Team, f.ID, f.Priority, f.QueuedAt, f.Team)
			}
		}
		if s.t.Failed() {
			return
		}
	}
	s.t.Logf("order: %d first offers held against %d that waited behind them, %d of them of another team of the agent's", len(offers), compared, across)
	if compared == 0 || across == 0 {
		s.t.Error("nothing ever waited, so the order proves nothing")
	}
}

// calm measures how long a handoff waits for its offer when somebody is free for it.
func (s *scale) calm(n int) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	if _, err := s.admin.Exec(ctx, `UPDATE agents SET presence = 'online', lapses = 0, capacity = 50, languages = '{}', markets = '{}', connected_until = now() + interval '1 hour'`); err != nil {
		s.t.Fatal(err)
	}
	var people sync.WaitGroup
	for i, a := range s.agents {
		rng := rand.New(rand.NewPCG(s.rng.Uint64(), uint64(i)))
		people.Go(func() {
			for ctx.Err() == nil {
				mine, err := s.mine(ctx, a)
				for _, h := range mine {
					s.handle(ctx, s.any(rng), a, h, rng, true)
				}
				if err != nil || len(mine) == 0 {
					select {
					case <-ctx.Done():
					case <-time.After(20 * time.Millisecond):
					}
				}
			}
		})
	}
	before := s.ended.Load()
	since := time.Now()
	for range n {
		s.ask(ctx, s.rng)
	}
	for s.ended.Load() < before+int64(n) && time.Since(since) < 5*time.Minute {
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	people.Wait()
	var p50, p99, worst float64
	err := s.admin.QueryRow(s.t.Context(), `
		SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY w), percentile_cont(0.99) WITHIN GROUP (ORDER BY w), max(w) FROM (
			SELECT extract(epoch FROM n.at - h.queued_at) * 1000 AS w FROM handoffs h
			JOIN LATERAL (SELECT at FROM handoff_steps WHERE handoff_id = h.id ORDER BY id OFFSET 1 LIMIT 1) n ON true
			WHERE h.queued_at > $1) x`, since).Scan(&p50, &p99, &worst)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("with agents free, from the handoff's transaction to its offer: p50 %.1f ms, p99 %.1f ms, longest %.1f ms (%d handoffs)", p50, p99, worst, n)
	if got := s.ended.Load() - before; got != int64(n) {
		s.t.Errorf("%d of %d have ended", got, n)
	}
}
