package chat

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// Options tune a Record. The zero value is fit for production.
type Options struct {
	Lease time.Duration // how long a claimed turn stays claimed without renewal; 10 s
}

// Record reads and writes conversations. It is safe for concurrent use.
type Record struct {
	pool    *pgxpool.Pool
	bus     *wake.Bus
	log     *slog.Logger
	hub     *hub
	files   keeping
	replica uuid.UUID
	lease   time.Duration
	secret  []byte
}

// Open returns a Record over a migrated database. The key that conversation tokens are derived from is made on first use
// and kept in the database, so that every replica knows it.
func Open(ctx context.Context, pool *pgxpool.Pool, bus *wake.Bus, log *slog.Logger, opts Options) (*Record, error) {
	if opts.Lease <= 0 {
		opts.Lease = 10 * time.Second
	}
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, err
	}
	var kept string
	_, err := pool.Exec(ctx, `INSERT INTO settings (key, value) VALUES ('conversation_secret', $1) ON CONFLICT (key) DO NOTHING`,
		hex.EncodeToString(fresh))
	if err == nil {
		err = pool.QueryRow(ctx, `SELECT value FROM settings WHERE key = 'conversation_secret'`).Scan(&kept)
	}
	if err != nil {
		return nil, fmt.Errorf("conversation secret: %w", err)
	}
	secret, err := hex.DecodeString(kept)
	if err != nil {
		return nil, fmt.Errorf("conversation secret: %w", err)
	}
	r := &Record{pool: pool, bus: bus, log: log, hub: newHub(), replica: uuid.New(), lease: opts.Lease, secret: secret}
	bus.Subscribe(wake.Conversation, func(subject string) {
		id, _ := uuid.Parse(subject)
		r.hub.wakeUp(id)
	})
	return r, nil
}

// Lease is how long a claimed turn stays claimed without renewal.
func (r *Record) Lease() time.Duration { return r.lease }

// NewConversation describes a conversation to be started.
type NewConversation struct {
	Channel, Market, Locale, Audience string
	Customer                          Person
	CustomerID                        *uuid.UUID  // whose session it belongs to; nil for an anonymous one
	Greeting                          string      // the assistant's first message, with the disclosure; "" for none
	Article                           string      // slug of the article that the chat is opened from; "" for none
	Site                              string      // key of the site that it is begun on; "" for none
	Context                           PageContext // clean; nil for none
	IdempotencyKey                    string      // the same key gives the same conversation; "" for none
}

// Start creates a conversation, or returns the one that the same idempotency key created.
func (r *Record) Start(ctx context.Context, n NewConversation) (Conversation, error) {
	id := newID()
	var key []byte
	if n.IdempotencyKey != "" {
		k := sha256.Sum256([]byte(n.IdempotencyKey))
		key = k[:]
	}
	if n.Context == nil {
		n.Context = PageContext{}
	}
	var seq int64
	if n.Greeting != "" {
		seq = 1
	}
	var stored uuid.UUID
	err := r.pool.QueryRow(ctx, `
		WITH c AS (
			INSERT INTO conversations (id, channel, market, locale, audience, customer, last_seq, idempotency_key, article, customer_id, site, context)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $11, $12, (SELECT key FROM sites WHERE key = $13), $14)
			ON CONFLICT (idempotency_key) DO NOTHING
			RETURNING id
		), m AS (
			INSERT INTO messages (id, conversation_id, seq, author, body)
			SELECT $9, c.id, 1, 'assistant', $10 FROM c WHERE $7::bigint = 1
		)
		SELECT id FROM c UNION ALL SELECT id FROM conversations WHERE idempotency_key = $8 LIMIT 1`,
		id, n.Channel, n.Market, n.Locale, n.Audience, n.Customer, seq, key, newID(), n.Greeting, n.Article, n.CustomerID, n.Site, n.Context).Scan(&stored)
	if errors.Is(err, pgx.ErrNoRows) { // a request with the same key committed in between
		err = r.pool.QueryRow(ctx, `SELECT id FROM conversations WHERE idempotency_key = $1`, key).Scan(&stored)
	}
	if err != nil {
		return Conversation{}, fmt.Errorf("start conversation: %w", err)
	}
	return r.Find(ctx, stored)
}

const conversationColumns = `id, channel, market, locale, audience, customer, owner, owner_epoch, agent_id, status,
	last_seq, customer_seq, fence_seq, turn_id, turn_attempt, turn_spoken, next_turn_id, instruction, article, created_at, token_gen, customer_id`

func scanConversation(row pgx.Row) (Conversation, error) {
	var c Conversation
	err := row.Scan(&c.ID, &c.Channel, &c.Market, &c.Locale, &c.Audience, &c.Customer, &c.Owner, &c.Epoch, &c.AgentID, &c.Status,
		&c.LastSeq, &c.CustomerSeq, &c.FenceSeq, &c.TurnID, &c.TurnAttempt, &c.TurnSpoken, &c.NextTurnID, &c.Instruction, &c.Article, &c.CreatedAt, &c.TokenGen, &c.CustomerID)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, notFound()
	}
	return c, err
}

func notFound() error {
	return fault.New(fault.NotFound, "conversation_not_found", "There is no such conversation.")
}

// Find returns a conversation.
func (r *Record) Find(ctx context.Context, id uuid.UUID) (Conversation, error) {
	return scanConversation(r.pool.QueryRow(ctx, `SELECT `+conversationColumns+` FROM conversations WHERE id = $1`, id))
}

// Messages returns up to limit messages after the given sequence number, oldest first.
func (r *Record) Messages(ctx context.Context, id uuid.UUID, after int64, limit int, internal bool) ([]Message, error) {
	rows, err := r.pool.Query(ctx, `
		SELECT `+messageColumns+`
		FROM messages m LEFT JOIN agents a ON a.id = m.agent_id
		WHERE m.conversation_id = $1 AND m.seq > $2 AND (m.visibility = 'public' OR $4)
		ORDER BY m.seq LIMIT $3`, id, after, limit, internal)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Message, error) { return scanMessage(row) })
}

const messageColumns = `m.id, m.seq, m.author, m.agent_id, a.name, m.body, m.citations, m.attachments, m.client_id, m.turn_id,
	m.visibility, m.helpful, m.created_at, m.times, m.stopped, COALESCE(m.helpful_reason, '')`

func scanMessage(row pgx.Row) (Message, error) {
	var m Message
	var agent *uuid.UUID
	var name, client *string
	err := row.Scan(&m.ID, &m.Seq, &m.Author, &agent, &name, &m.Text, &m.Citations, &m.Attachments, &client, &m.Turn, &m.Visibility, &m.Helpful, &m.CreatedAt, &m.Times, &m.Stopped, &m.Reason)
	if agent != nil && name != nil {
		m.Agent = &AgentRef{ID: *agent, Name: *name}
	}
	if client != nil {
		m.ClientID = *client
	}
	m.AI = m.Author == Assistant
	return m, err
}

// after reads the log behind a number from the database, oldest first.
func (r *Record) after(ctx context.Context, id uuid.UUID, seq int64, limit int) ([]Event, error) {
	rows, err := r.pool.Query(ctx, `
		SELECT seq, kind, data, internal, created_at FROM events WHERE conversation_id = $1 AND seq > $2
		ORDER BY seq LIMIT $3`, id, seq, limit)
	if err != nil {
		return nil, err
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e Event, err error) {
		return e, row.Scan(&e.Seq, &e.Kind, &e.Data, &e.Internal, &e.At)
	})
	if err != nil {
		return nil, err
	}
	// Read after the events: what is committed in between is at the end, and merge cuts there.
	messages, err := r.Messages(ctx, id, seq, limit, true)
	if err != nil {
		return nil, err
	}
	return merge(seq, events, messages, limit)
}

// merge joins the two halves of the log and ends before the first number that neither half holds: numbers are given out
// without gaps, so a missing one was committed between the two reads and comes with the next one.
func merge(seq int64, events []Event, messages []Message, limit int) ([]Event, error) {
	out := make([]Event, 0, min(limit, len(events)+len(messages)))
	for len(out) < limit {
		seq++
		switch {
		case len(events) > 0 && events[0].Seq == seq:
			out = append(out, events[0])
			events = events[1:]
		case len(messages) > 0 && messages[0].Seq == seq:
			e, err := messages[0].event()
			if err != nil {
				return nil, err
			}
			out = append(out, e)
			messages = messages[1:]
		default:
			return out, nil
		}
	}
	return out, nil
}

func (m Message) event() (Event, error) {
	data, err := json.Marshal(m)
	return Event{Seq: m.Seq, Kind: KindMessage, Data: data, Internal: m.Visibility == "internal", At: m.CreatedAt}, err
}

// Watch follows one conversation's log. Close it.
type Watch struct {
	Stop <-chan struct{} // ends waiting with ErrStopped; nil for never

	r  *Record
	id uuid.UUID
	rd *reader

	looked bool // into the database, since it was opened
}

// ErrGone is returned by a watch whose conversation has been deleted: the entry that said so went with it, and a reader who
// had not got it from memory finds nothing.
var ErrGone = errors.New("the conversation has been deleted")

// ErrStopped is returned by a watch whose Stop is closed.
var ErrStopped = errors.New("stopped")

// Watch begins to follow a conversation. What is written from now on wakes the watch.
func (r *Record) Watch(id uuid.UUID) *Watch {
	return &Watch{r: r, id: id, rd: r.hub.join(id, make(chan struct{}, 1))}
}

// Close ends the watch.
func (w *Watch) Close() { w.r.hub.leave(w.id, w.rd) }

// Stale makes the next call of Next look into the database, for a reader that starts behind the present.
func (w *Watch) Stale() { w.rd.remote.Store(true); w.rd.poke() }

// pageSize is how many log entries are read at once.
const pageSize = 200

// Next returns the entries after seq, waiting at most for idle when there are none; then it returns none, which is the
// moment for a heartbeat. Before that it looks into the database once, so that a lost wake-up costs time only.
func (w *Watch) Next(ctx context.Context, seq int64, idle time.Duration) ([]Event, error) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		events, gap := w.r.hub.since(w.id, seq)
		if len(events) > 0 {
			return events, nil
		}
		if w.rd.remote.Swap(false) || gap {
			events, err := w.r.after(ctx, w.id, seq, pageSize)
			if err != nil {
				w.rd.remote.Store(true)
				return nil, err
			}
			if len(events) == pageSize {
				w.rd.remote.Store(true)
			}
			if len(events) > 0 {
				w.looked = true
				return events, nil
			}
			if w.looked { // something woke it, and there is nothing; whoever opened it has seen the conversation themselves
				if err := w.there(ctx); err != nil {
					return nil, err
				}
			}
			w.looked = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.Stop:
			return nil, ErrStopped
		case <-w.rd.wake:
		case <-timer.C:
			events, err := w.r.after(ctx, w.id, seq, pageSize)
			if err == nil && len(events) == 0 {
				err = w.there(ctx)
			}
			return events, err
		}
	}
}

// there returns ErrGone when the conversation is not there any more.
func (w *Watch) there(ctx context.Context) error {
	var is bool
	if err := w.r.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM conversations WHERE id = $1)`, w.id).Scan(&is); err != nil {
		return err
	}
	if !is {
		return ErrGone
	}
	return nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// uniqueViolation tells that a statement met a row that it could not see yet.
func uniqueViolation(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}

// unseenTurn tells that a statement superseded a turn that it could not see yet; only receiveSQL divides.
func unseenTurn(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "22012"
}
