// Package wake carries wake-ups between the parts of a process and between replicas: "something about this subject has
// changed, look again". It carries no content and promises no delivery: whoever is woken reads the database, and whoever
// is not woken reads it anyway a little later. Between replicas it travels by PostgreSQL's LISTEN and NOTIFY.
package wake

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Topics that are woken. A subject below a topic names what has changed, such as a conversation's id.
const (
	Conversation = "c" // subject: the conversation's id
	Queue        = "q" // the handoff queue, presence or offers; no subject
	Knowledge    = "k" // articles were published or unpublished; no subject
	Turns        = "t" // a turn was given up and may be taken over; no subject
	Topics       = "p" // topics or their examples changed; no subject
	Sites        = "s" // which other origins may show the chat; no subject
	Desk         = "d" // what the desk shows beside the queue changed; subject: a conversation's id, or what else it was
)

const (
	channel      = "firstline"
	maxPayload   = 7500 // PostgreSQL refuses 8,000 bytes and more
	flushTimeout = 2 * time.Second
	maxPending   = 5000 // kept through an outage; after it everyone looks at everything anyway
)

// Bus tells subscribers in this process at once, and those of other replicas through the database. Notifications that
// arise while one is being sent travel together in the next one, so that a busy replica sends few.
type Bus struct {
	pool    *pgxpool.Pool
	log     *slog.Logger
	replica string

	helloEvery, aloneAfter, heardAfter time.Duration

	listening atomic.Int64 // since when, in Unix nanoseconds; 0 when the bus does not listen
	heard     atomic.Int64 // when another replica was heard last

	mu      sync.Mutex
	subs    map[string][]func(subject string)
	pending map[string]struct{}
	kick    chan struct{}

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// New returns a bus that is deaf to other replicas until Start.
func New(pool *pgxpool.Pool, log *slog.Logger) *Bus {
	return &Bus{
		pool: pool, log: log, replica: uuid.NewString()[:8],
		subs: map[string][]func(string){}, pending: map[string]struct{}{}, kick: make(chan struct{}, 1),
		helloEvery: helloEvery, aloneAfter: aloneAfter, heardAfter: heardAfter,
	}
}

// Subscribe calls f for every wake-up of the topic. An empty subject means "anything of this topic may have changed".
// f must return at once. Subscribe before Start.
func (b *Bus) Subscribe(topic string, f func(subject string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[topic] = append(b.subs[topic], f)
}

// Notify wakes the topic's subscribers here, and soon those of other replicas. Call it after the commit.
func (b *Bus) Notify(topic, subject string) {
	b.local(topic, subject)
	b.NotifyOthers(topic, subject)
}

// NotifyOthers wakes subscribers of other replicas only, for who has told those of this process already. A bus that has
// heard of no other replica for a while sends nothing.
func (b *Bus) NotifyOthers(topic, subject string) {
	if b.alone() {
		return
	}
	b.mu.Lock()
	b.pending[topic+subject] = struct{}{}
	b.mu.Unlock()
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// How replicas know of each other: each says hello when it begins to listen and every helloEvery after that. Who has
// heard nobody for aloneAfter is alone, and the two commits that every notification costs are saved. A replica that
// arrives says hello once it listens, and looks at everything again a little later, when the others know of it.
const (
	hello      = "hello"
	helloEvery = 3 * time.Second
	aloneAfter = 10 * time.Second
	heardAfter = 250 * time.Millisecond // all three are shortened in a test
)

// alone reports whether this bus listens and nobody else has been heard lately.
func (b *Bus) alone() bool {
	since := b.listening.Load()
	if since == 0 {
		return false // nothing would be heard
	}
	last := max(b.heard.Load(), since)
	return time.Since(time.Unix(0, last)) > b.aloneAfter
}

// greet says hello as long as the connection listens.
func (b *Bus) greet(ctx context.Context) {
	tick := time.NewTicker(b.helloEvery)
	defer tick.Stop()
	for {
		_ = b.send1(ctx, hello) // the next one follows
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// send1 sends one payload. Nothing durable hangs on it, so its commit need not wait for the disk.
func (b *Bus) send1(ctx context.Context, payload string) error {
	_, err := b.pool.Exec(ctx, `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`, channel, b.replica+" "+payload)
	if err != nil && ctx.Err() == nil {
		b.log.Warn("wake-up not sent to other replicas", "error", err)
	}
	return err
}

func (b *Bus) local(topic, subject string) {
	b.mu.Lock()
	fs := b.subs[topic]
	b.mu.Unlock()
	for _, f := range fs {
		f(subject)
	}
}

// Start begins to listen and to send. It returns at once; connection losses are mended in the background.
func (b *Bus) Start(ctx context.Context) {
	ctx, b.cancel = context.WithCancel(ctx)
	b.done.Add(2)
	go func() { defer b.done.Done(); b.send(ctx) }()
	go func() { defer b.done.Done(); b.listen(ctx) }()
}

// Stop ends listening and sends what is still pending.
func (b *Bus) Stop() {
	if b.cancel == nil {
		return
	}
	b.cancel()
	b.done.Wait()
	b.cancel = nil
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	b.Flush(ctx)
}

func (b *Bus) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.kick:
			// What was taken up to be sent is sent, also when Stop comes meanwhile: often it is what others wait for then.
			fctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
			b.Flush(fctx)
			cancel()
		}
	}
}

// Flush sends everything pending in as few notifications as fit. A started bus does so by itself.
func (b *Bus) Flush(ctx context.Context) {
	b.mu.Lock()
	items := b.pending
	b.pending = map[string]struct{}{}
	b.mu.Unlock()
	var sb strings.Builder
	failed := false
	emit := func() {
		if sb.Len() > 0 && b.send1(ctx, sb.String()) != nil {
			failed = true
		}
		sb.Reset()
	}
	for item := range items {
		if sb.Len()+len(item)+1 > maxPayload {
			emit()
		}
		if sb.Len() > 0 {
			sb.WriteByte(' ')
		}
		sb.WriteString(item)
	}
	emit()
	if failed { // with the next ones; some may be heard twice
		b.mu.Lock()
		defer b.mu.Unlock()
		for item := range items {
			if len(b.pending) < maxPending {
				b.pending[item] = struct{}{}
			}
		}
	}
}

// all wakes everything.
func (b *Bus) all() {
	for _, topic := range []string{Conversation, Queue, Knowledge, Turns, Topics, Desk} {
		b.local(topic, "")
	}
}

func (b *Bus) listen(ctx context.Context) {
	wait := 50 * time.Millisecond
	for ctx.Err() == nil {
		err := b.listenOnce(ctx, func() { wait = 50 * time.Millisecond })
		if ctx.Err() != nil {
			return
		}
		b.log.Warn("lost the connection for wake-ups", "error", err, "retry_in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, 2*time.Second)
	}
}

func (b *Bus) listenOnce(ctx context.Context, connected func()) error {
	cfg := b.pool.Config().ConnConfig.Copy()
	cfg.RuntimeParams["application_name"] = "firstline-wake"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		cctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(cctx)
	}()
	if _, err := conn.Exec(ctx, `LISTEN `+channel); err != nil {
		return err
	}
	connected()
	b.listening.Store(time.Now().UnixNano())
	defer b.listening.Store(0)
	gctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var greeting sync.WaitGroup
	defer greeting.Wait()
	defer cancel()
	greeting.Go(func() { b.greet(gctx) })
	// What was said while nobody listened is not repeated: look at everything, and once more when the others know.
	b.all()
	later := time.AfterFunc(b.heardAfter, b.all)
	defer later.Stop()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if len(n.Payload) < 8 || n.Payload[:8] == b.replica {
			continue
		}
		b.heard.Store(time.Now().UnixNano())
		for item := range strings.FieldsSeq(n.Payload[8:]) {
			if item != hello {
				b.local(item[:1], item[1:])
			}
		}
	}
}
