package handoff

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"
)

// Ticker is work of the desk that falls due at certain times: a deadline, the end of a snooze, a delivery to try again.
type Ticker struct {
	Name string // for the log, such as "sla"
	// Next says when Run is due, by the database's clock; the zero time is for nothing to do. It is asked after every wake-up
	// of the queue and at every tick, so it should be one look into an index.
	Next func(context.Context) (time.Time, error)
	// Run does what is due. It waits for nothing but the database, because the router and all other tickers wait for it, and
	// it is called by every replica: rows are claimed with SKIP LOCKED. Where it leaves something that is due, it is called
	// again after a pause that grows from againAfter to the tick.
	Run func(context.Context) error
}

// Register adds a ticker to the desk's loop. Call it before Start; what makes it due earlier must notify wake.Queue.
func (d *Desk) Register(t Ticker) {
	if d.cancel != nil {
		panic("handoff: ticker " + t.Name + " was registered after Start")
	}
	d.tickers = append(d.tickers, t)
}

// Start runs the router and the tickers in the background until Stop.
func (d *Desk) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.done = cancel, make(chan struct{})
	l := &loop{kick: d.kick, tick: d.opts.Tick, log: d.log, clock: d.clock, asleep: d.asleep}
	l.add(Ticker{Name: "router", Next: d.nextRoute, Run: d.routeNow}, true)
	for _, t := range d.tickers {
		l.add(t, false)
	}
	var work sync.WaitGroup
	work.Go(func() { l.run(ctx) })
	work.Go(func() { d.speak(ctx) })
	go func() {
		defer close(d.done)
		work.Wait()
	}()
}

// Stop ends the router and the tickers. It is idempotent.
func (d *Desk) Stop() {
	if d.cancel == nil {
		return
	}
	d.cancel()
	<-d.done
	d.cancel = nil
}

// clock is the time that deadlines are compared with: that of the database, which all replicas share.
func (d *Desk) clock(ctx context.Context) (now time.Time, err error) {
	return now, d.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
}

// justPast is how long something may be past that the router is called for and cannot settle by itself, such as a connection
// that is not judged yet. After that the tick is enough: what is always due would hide what will be.
const justPast = "100 milliseconds"

// nextRoute is when the router has something to do that nobody wakes it for: an offer ends, or an agent's connection, or a
// team's time for a handoff, or a wish for an agent. That a skill is dropped is found by the tick.
func (d *Desk) nextRoute(ctx context.Context) (time.Time, error) {
	if d.busy.Load() {
		return time.Unix(0, 0), nil // another replica was routing: look again soon
	}
	var next *time.Time
	err := d.pool.QueryRow(ctx, `SELECT least(
		(SELECT min(expires_at) FROM offers WHERE outcome = 'open'),
		(SELECT min(connected_until) FROM agents WHERE presence = 'online' AND connected_until > clock_timestamp() - interval '`+justPast+`'),
		(SELECT min(review_at) FROM handoffs WHERE state = 'queued' AND review_at > clock_timestamp() - interval '`+justPast+`'),
		(SELECT min(wanted_until) FROM handoffs WHERE wanted_agent IS NOT NULL AND ended_at IS NULL AND state IN ('queued', 'asynchronous')))`).Scan(&next)
	if next == nil {
		return time.Time{}, err
	}
	return *next, err
}

// asleep tells whether nothing waits for the router: nobody is there to be offered anything, no offer is open and no wish
// unanswered, nobody has a conversation that may have to be given back, and no team's time is up. What remains are positions,
// which are told when the router is woken.
func (d *Desk) asleep(ctx context.Context) (asleep bool, err error) {
	err = d.pool.QueryRow(ctx, `SELECT NOT (EXISTS (SELECT FROM agents WHERE presence = 'online' AND connected_until > '-infinity')
		OR EXISTS (SELECT FROM offers WHERE outcome = 'open')
		OR EXISTS (SELECT FROM handoffs WHERE ended_at IS NULL AND (state = 'accepted' OR wanted_agent IS NOT NULL OR state = 'queued' AND review_at <= clock_timestamp())))`).
		Scan(&asleep)
	return asleep, err
}

// restFor is how long what always runs may rest through ticks while the desk is asleep; a wake-up runs it at once. It stays
// below lookGap, so that resting is no break.
const restFor = 2 * time.Second

// againAfter is the first pause before a ticker that is still due after its run is called again: another replica may hold
// the rows, and asking without a pause would take the time that it needs.
const againAfter = 20 * time.Millisecond

// loop runs tickers, each when it is due, by one timer for all of them. The tick is for what was missed.
type loop struct {
	kick    <-chan struct{}
	tick    time.Duration
	log     *slog.Logger
	clock   func(context.Context) (time.Time, error)
	asleep  func(context.Context) (bool, error) // nil: never
	entries []*entry
}

type entry struct {
	Ticker
	always bool          // runs after every wake-up, due or not, and at every tick unless the desk is asleep
	ran    time.Time     // the last time, by this process's clock
	pause  time.Duration // until it is called again; 0 when it is not still due
	resume time.Time     // the end of the pause, by this process's clock
}

func (l *loop) add(t Ticker, always bool) {
	l.entries = append(l.entries, &entry{Ticker: t, always: always})
}

func (l *loop) run(ctx context.Context) {
	safety := time.NewTimer(jitter(l.tick))
	defer safety.Stop()
	exact := time.NewTimer(l.tick)
	defer exact.Stop()
	for {
		why := kicked
		select {
		case <-ctx.Done():
			return
		case <-l.kick:
		case <-safety.C:
			safety.Reset(jitter(l.tick))
			why = ticked
		case <-exact.C:
			why = timed
		}
		if wait := l.look(ctx, why); wait < never {
			exact.Reset(wait) // since Go 1.23 this also takes back a time that has come meanwhile
		} else {
			exact.Stop()
		}
	}
}

// reason is why the loop looks.
type reason int

const (
	kicked reason = iota // by a wake-up
	ticked
	timed // something is due
)

// never is the time until something that nobody knows of.
const never = time.Duration(math.MaxInt64)

// look runs what is due and returns the time until the next is; never, where nothing will be as far as is known.
func (l *loop) look(ctx context.Context, why reason) time.Duration {
	wait := never
	now, err := l.clock(ctx)
	if err != nil {
		l.failed(ctx, "clock", err)
		now = time.Now() // so that the router, which needs no clock of ours, is tried all the same
	}
	ahead := time.Until(now) // of the database's clock before ours
	for _, e := range l.entries {
		wait = min(wait, l.see(ctx, e, why, ahead))
	}
	return wait
}

// rests tells whether what always runs may be left out of a tick.
func (l *loop) rests(ctx context.Context, e *entry) bool {
	if l.asleep == nil || time.Since(e.ran) >= restFor {
		return false
	}
	asleep, err := l.asleep(ctx)
	return asleep && err == nil
}

// see runs one ticker if it is due, or woken where it always runs, and returns the time until it is due again.
func (l *loop) see(ctx context.Context, e *entry, why reason, ahead time.Duration) time.Duration {
	ran := e.always && (why == kicked || why == ticked && !l.rests(ctx, e))
	if ran {
		l.call(ctx, e)
	}
	wait, known := l.until(ctx, e, ahead)
	if known && wait <= 0 && !ran {
		if rest := time.Until(e.resume); rest > 0 {
			return rest // it is being given time
		}
		ran = true
		l.call(ctx, e)
		wait, known = l.until(ctx, e, ahead)
	}
	if !known || wait > 0 {
		e.pause, e.resume = 0, time.Time{}
		return wait
	}
	e.pause = min(max(2*e.pause, againAfter), l.tick)
	e.resume = time.Now().Add(e.pause)
	return e.pause
}

// until is the time until the ticker is due; false where nothing is or nobody knows.
func (l *loop) until(ctx context.Context, e *entry, ahead time.Duration) (time.Duration, bool) {
	next, err := e.Next(ctx)
	if err != nil {
		l.failed(ctx, e.Name, err)
	}
	if err != nil || next.IsZero() {
		return never, false
	}
	return time.Until(next) - ahead, true
}

func (l *loop) call(ctx context.Context, e *entry) {
	e.ran = time.Now()
	if err := e.Run(ctx); err != nil {
		l.failed(ctx, e.Name, err)
	}
}

func (l *loop) failed(ctx context.Context, name string, err error) {
	if ctx.Err() == nil {
		l.log.Warn("work of the desk failed; it is tried again", "work", name, "error", err)
	}
}
