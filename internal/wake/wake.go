// Package wake carries wake-ups between the parts of a process and between replicas: "something about this subject has
// changed, look again". It carries no content and promises no delivery: whoever is woken reads the database, and whoever
// is not woken reads it anyway a little later. Between replicas it travels by PostgreSQL's LISTEN and NOTIFY.
package wake

import (
	"context"
	"log/slog"
	"strings"
	"sync"
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
)

const (
	channel    = "firstline"
	maxPayload = 7500 // PostgreSQL refuses 8,000 bytes and more
)

// Bus tells subscribers in this process at once, and those of other replicas through the database. Notifications that
// arise while one is being sent travel together in the next one, so that a busy replica sends few.
type Bus struct {
	pool    *pgxpool.Pool
	log     *slog.Logger
	replica string

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
	b.mu.Lock()
	b.pending[topic+subject] = struct{}{}
	b.mu.Unlock()
	select {
	case b.kick <- struct{}{}:
	default:
	}
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
			b.Flush(ctx)
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
	emit := func() {
		if sb.Len() == 0 {
			return
		}
		// Nothing durable hangs on a notification, so its commit need not wait for the disk.
		batch := &pgx.Batch{}
		batch.Queue(`SET LOCAL synchronous_commit = off`)
		batch.Queue(`SELECT pg_notify($1, $2)`, channel, b.replica+sb.String())
		err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
		if err != nil && ctx.Err() == nil {
			b.log.Warn("wake-up not sent to other replicas", "error", err)
		}
		sb.Reset()
	}
	for item := range items {
		if sb.Len()+len(item)+1 > maxPayload {
			emit()
		}
		sb.WriteByte(' ')
		sb.WriteString(item)
	}
	emit()
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
	// What was said while nobody listened is not repeated: look at everything.
	for _, topic := range []string{Conversation, Queue, Knowledge, Turns, Topics} {
		b.local(topic, "")
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if len(n.Payload) < 8 || n.Payload[:8] == b.replica {
			continue
		}
		for item := range strings.FieldsSeq(n.Payload[8:]) {
			b.local(item[:1], item[1:])
		}
	}
}
