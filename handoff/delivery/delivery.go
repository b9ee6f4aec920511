// Package delivery takes handoffs out of the house and brings answers back: signed webhooks, e-mail, and adapters for the
// desks that companies have already. What leaves is made of the conversations' log, which is the outbox: a handoff remembers
// up to which number of the log there are deliveries, so none is missed when a process ends, and none is made twice. What
// comes in is written down before it is acknowledged, and done afterwards, once.
//
// Every delivery is a row with its attempts. It is sent by whichever replica claims it, again and again with growing pauses,
// until it is done or dead; who is dead can be looked at and sent again. Nothing here holds a transaction while it waits for
// another server, and nothing here decides who speaks to the customer: replies from outside pass the desk like an agent's.
package delivery

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/dial"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/wake"
)

// Options tune a Service. The zero value is fit for production, without e-mail.
type Options struct {
	Company     string          // as customers know it
	Allow       []netip.Prefix  // networks that may be reached although they are not public
	Mail        *mail.Sender    // nil: no e-mail
	ReplyDomain string          // domain of the addresses for replies; "" is the sender's own address
	Schedule    []time.Duration // pauses between attempts; after the last one a delivery is dead
	Timeout     time.Duration   // of one attempt; 15 s
	Tick        time.Duration   // the service looks at least this often; 1 s
}

// schedule gives an endpoint about a day and a half to come back.
var schedule = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
	4 * time.Hour, 8 * time.Hour, 8 * time.Hour, 12 * time.Hour}

// Service delivers. It is safe for concurrent use.
type Service struct {
	pool   *pgxpool.Pool
	record *chat.Record
	desk   *handoff.Desk
	bus    *wake.Bus
	log    *slog.Logger
	opts   Options
	http   *http.Client

	kick     chan struct{}
	cancel   context.CancelFunc
	done     chan struct{}
	working  sync.WaitGroup
	slots    chan struct{}
	base     atomic.Pointer[string]
	mu       sync.Mutex
	inFlight map[uuid.UUID]int // by target
	tidied   time.Time
}

// How much is sent at once: by one process, and of that to one target, so that a slow one does not hold up the others.
const (
	maxInFlight  = 16
	maxPerTarget = 4
)

// New returns a service. Create it before the desk and the bus start.
func New(pool *pgxpool.Pool, record *chat.Record, desk *handoff.Desk, bus *wake.Bus, log *slog.Logger, opts Options) *Service {
	if len(opts.Schedule) == 0 {
		opts.Schedule = schedule
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 15 * time.Second
	}
	if opts.Tick <= 0 {
		opts.Tick = time.Second
	}
	s := &Service{pool: pool, record: record, desk: desk, bus: bus, log: log, opts: opts, http: dial.Guard{Allow: opts.Allow}.Client(opts.Timeout),
		kick: make(chan struct{}, 1), slots: make(chan struct{}, maxInFlight), inFlight: map[uuid.UUID]int{}}
	bus.Subscribe(wake.Queue, func(string) { s.poke() })
	bus.Subscribe(wake.Conversation, func(string) { s.poke() })
	desk.OnCustomerWrote(func(context.Context, uuid.UUID, int64) error { s.poke(); return nil })
	return s
}

// LinkTo says where people reach the desk, for the links to conversations that other desks show; without it they show none.
func (s *Service) LinkTo(base string) {
	base = strings.TrimSuffix(base, "/")
	s.base.Store(&base)
}

func (s *Service) poke() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Start works in the background until Stop.
func (s *Service) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.done = cancel, make(chan struct{})
	go func() {
		defer close(s.done)
		s.run(ctx)
	}()
}

// grace is how long Stop lets attempts that are under way come to their end.
const grace = 5 * time.Second

// Stop ends the work; what was under way and did not end in time is claimed by another replica later. It is idempotent.
func (s *Service) Stop() {
	if s.cancel == nil {
		return
	}
	s.cancel()
	<-s.done
	s.cancel = nil
}

// rest is the least time between two looks, so that a busy desk is not asked for every message by itself.
const rest = 50 * time.Millisecond

func (s *Service) run(ctx context.Context) {
	// Attempts outlive the loop by the grace: what was sent should also be written down as sent.
	work, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-timer.C:
		}
		if ctx.Err() != nil {
			break
		}
		wait, err := s.look(ctx, work)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("deliveries were not looked after; they are tried again", "error", err)
		}
		timer.Reset(max(rest, min(wait, s.opts.Tick)))
		select { // a kick that comes in this pause waits for its end
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
	ended := make(chan struct{})
	go func() { s.working.Wait(); close(ended) }()
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
		abort()
		<-ended
	}
}

// look makes deliveries of what is new, begins those that are due, and returns the time until the next one is.
func (s *Service) look(ctx, work context.Context) (time.Duration, error) {
	for range 50 { // a bound; what is left is seen at the next look
		n, err := s.FanOut(ctx)
		if err != nil {
			return s.opts.Tick, err
		}
		if n == 0 {
			break
		}
	}
	for range 50 {
		began, err := s.begin(ctx, work)
		if err != nil {
			return s.opts.Tick, err
		}
		if began == 0 {
			break
		}
	}
	return s.untilDue(ctx)
}

// untilDue is the time until a delivery or something received is due, by the database's clock.
func (s *Service) untilDue(ctx context.Context) (time.Duration, error) {
	var seconds *float64
	err := s.pool.QueryRow(ctx, `SELECT extract(epoch FROM least(
		(SELECT min(next_at) FROM deliveries WHERE state = 'pending' AND next_at > now()),
		(SELECT min(next_at) FROM inbound_events WHERE state = 'pending' AND next_at > now())) - now())::float8`).Scan(&seconds)
	if err != nil || seconds == nil {
		return s.opts.Tick, err
	}
	return time.Duration(*seconds * float64(time.Second)), nil
}

// enter takes a place among what is sent at once to the target; leave gives it back.
func (s *Service) enter(target uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight[target]++
}

func (s *Service) leave(target uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight[target]--; s.inFlight[target] == 0 {
		delete(s.inFlight, target)
	}
}

// busy are the targets that have as much under way as one may have.
func (s *Service) busy() []uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []uuid.UUID{}
	for t, n := range s.inFlight {
		if n >= maxPerTarget {
			out = append(out, t)
		}
	}
	return out
}

// db is met by a pool and by a transaction.
type db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}
