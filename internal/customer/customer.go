// Package customer knows the customers whom the company vouches for: who they are, their sessions over several
// conversations, the codes that prove an address, and what they may ask for: a copy of their data, and its end. It decides
// nothing about what a conversation says, and never believes what somebody merely says to be.
package customer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// SessionFor is how long a customer's session lasts: as long as the token may that it comes from. It is not prolonged; the
// company's page makes another one.
const SessionFor = 24 * time.Hour

// Store reads and writes customers. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	record *chat.Record
	log    *slog.Logger
	opts   Options

	mu    sync.Mutex
	swept time.Time // when Sweep had nothing left to do
}

// Keeps says how long things are kept.
func (s *Store) Keeps() Keep { return s.opts.Keep }

// Options tune a Store.
type Options struct {
	Company string           // who signs receipts
	Keep    Keep             // how long things are kept
	Changed func()           // is called when conversations were deleted; nil for nothing
	Now     func() time.Time // nil is the process's clock
}

// New returns a store over a migrated database.
func New(pool *pgxpool.Pool, record *chat.Record, log *slog.Logger, opts Options) *Store {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Store{pool: pool, record: record, log: log, opts: opts}
}

// Vouched is what a checked token of the company's backend says.
type Vouched struct {
	Person  chat.Person
	Once    []byte    // what makes the token one that counts once, hashed; nil for one that may be shown again
	Expires time.Time // when it is worthless in any case
}

// Customer is somebody whom the company vouches for.
type Customer struct {
	ID      uuid.UUID
	Subject string // the company's own id of them
	Name    string
	Email   string
	Began   time.Time // when the session did
}

// Person is the customer as conversations hold them.
func (c Customer) Person() chat.Person {
	return chat.Person{ID: c.Subject, Name: c.Name, Email: c.Email, Verified: true}
}

// Session is a customer's key to all their conversations.
type Session struct {
	Secret  string    `json:"session"`
	Expires time.Time `json:"expires_at"`
}

// ErrUsed is returned for a token that was used for something else before.
func errUsed() error {
	return fault.Field("customer_token", "token_used", "This token was used before; have your backend make a new one.")
}

// use marks a token as used. A token that was used for the same thing is good for it again, so that an answer that was lost
// can be asked for again; two that come at once wait for each other here.
func use(ctx context.Context, tx pgx.Tx, v Vouched, bound string) error {
	if v.Once == nil {
		return nil
	}
	var first string
	err := tx.QueryRow(ctx, `
		INSERT INTO identity_uses AS u (token_hash, bound, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (token_hash) DO UPDATE SET bound = u.bound RETURNING bound`, v.Once, bound, v.Expires).Scan(&first)
	if err != nil {
		return fmt.Errorf("use token: %w", err)
	}
	if first != bound {
		return errUsed()
	}
	return nil
}

// save stores what the company says of a customer now.
func save(ctx context.Context, tx pgx.Tx, p chat.Person) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO customers (id, subject, name, email) VALUES ($1, $2, $3, $4)
		ON CONFLICT (subject) DO UPDATE SET name = excluded.name, email = excluded.email, seen_at = now()
		RETURNING id`, uuid.Must(uuid.NewV7()), p.ID, p.Name, p.Email).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("save customer: %w", err)
	}
	return id, nil
}

// begin makes a session.
func begin(ctx context.Context, tx pgx.Tx, customer uuid.UUID) (s Session, err error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return s, err
	}
	s.Secret = base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(s.Secret))
	err = tx.QueryRow(ctx, `INSERT INTO customer_sessions (hash, customer_id, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second') RETURNING expires_at`,
		hash[:], customer, SessionFor.Seconds()).Scan(&s.Expires)
	if err != nil {
		return s, fmt.Errorf("begin session: %w", err)
	}
	s.Expires = s.Expires.UTC()
	return s, nil
}

// Begin makes a session for whom the token names; bound says what it is used for, the same for every try.
func (s *Store) Begin(ctx context.Context, v Vouched, bound string) (id uuid.UUID, session Session, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := use(ctx, tx, v, bound); err != nil {
			return err
		}
		if id, err = save(ctx, tx, v.Person); err != nil {
			return err
		}
		session, err = begin(ctx, tx, id)
		return err
	})
	return id, session, err
}

// Identified is what identifying a conversation gives.
type Identified struct {
	Token string
	Session
}

// Identify makes a conversation that of the customer whom the token names. Whoever opened it with a token of before, such as
// the one who gave the customer that conversation to write into, is shut out: the tokens, the links that were sent and the
// addresses that are told of answers end with it. A repetition gives the same token; held is the generation of the token
// that the request came with, the present one or, where the first answer was lost, the one before.
func (s *Store) Identify(ctx context.Context, conversation uuid.UUID, held int, v Vouched) (out Identified, err error) {
	var locked *chat.Session
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := use(ctx, tx, v, "conversation:"+conversation.String()); err != nil {
			return err
		}
		id, err := save(ctx, tx, v.Person)
		if err != nil {
			return err
		}
		if locked, err = s.record.Lock(ctx, tx, conversation); err != nil {
			return err
		}
		mine := locked.CustomerID != nil && *locked.CustomerID == id
		switch {
		case held != locked.TokenGen && !(mine && held == locked.TokenGen-1):
			return fault.New(fault.Unauthenticated, "bad_token", "This conversation needs its own token as a bearer token.")
		case locked.Customer.Verified && !mine && locked.Customer.ID != v.Person.ID:
			return fault.New(fault.Conflict, "other_customer", "This conversation belongs to another customer; start one of your own.")
		case !mine:
			if err := locked.Identify(ctx, v.Person, id); err != nil {
				return err
			}
			// Who is told of answers was said by whoever had the conversation before; so were the codes asked for.
			for _, what := range []string{"subscriptions", "chat_links", "otp"} {
				if _, err := tx.Exec(ctx, `DELETE FROM `+what+` WHERE conversation_id = $1`, conversation); err != nil {
					return fmt.Errorf("identify: %w", err)
				}
			}
		}
		out.Token = s.record.TokenOf(conversation, locked.TokenGen)
		out.Session, err = begin(ctx, tx, id)
		return err
	})
	if err != nil {
		return Identified{}, err
	}
	locked.Published()
	return out, nil
}

// Authenticate returns whose session it is.
func (s *Store) Authenticate(ctx context.Context, secret string) (c Customer, err error) {
	hash := sha256.Sum256([]byte(secret))
	err = s.pool.QueryRow(ctx, `
		SELECT c.id, c.subject, c.name, c.email, s.created_at FROM customer_sessions s JOIN customers c ON c.id = s.customer_id
		WHERE s.hash = $1 AND s.expires_at > now()`, hash[:]).Scan(&c.ID, &c.Subject, &c.Name, &c.Email, &c.Began)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, fault.New(fault.Unauthenticated, "bad_session", "This needs a customer's session, which has not ended, as a bearer token.")
	}
	return c, err
}

// Logout ends the session. Everywhere, it ends all sessions of the customer and every token of their conversations, on all
// devices.
func (s *Store) Logout(ctx context.Context, c Customer, secret string, everywhere bool) error {
	if !everywhere {
		hash := sha256.Sum256([]byte(secret))
		_, err := s.pool.Exec(ctx, `DELETE FROM customer_sessions WHERE hash = $1`, hash[:])
		return err
	}
	if _, err := s.pool.Exec(ctx, `DELETE FROM customer_sessions WHERE customer_id = $1`, c.ID); err != nil {
		return err
	}
	ids, err := s.all(ctx, c.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := s.record.Do(ctx, id, func(ctx context.Context, cs *chat.Session) error { return cs.Revoke(ctx) })
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// all are the customer's conversations, the oldest first.
func (s *Store) all(ctx context.Context, customer uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, `SELECT id FROM conversations WHERE customer_id = $1 ORDER BY id`, customer)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Summary is a conversation in its customer's list.
type Summary struct {
	ID      uuid.UUID  `json:"id"`
	Market  string     `json:"market"`
	Locale  string     `json:"locale"`
	Owner   chat.Owner `json:"owner"`
	Status  string     `json:"status"`
	LastSeq int64      `json:"last_seq"`
	Unread  int        `json:"unread"`  // agents' messages behind what the customer has read
	Preview string     `json:"preview"` // how the last message begins
	Created time.Time  `json:"created_at"`
	Updated time.Time  `json:"updated_at"`
}

// Conversations lists the customer's own conversations, the newest first, and those before the one that is named.
func (s *Store) Conversations(ctx context.Context, customer uuid.UUID, before *uuid.UUID, limit int) ([]Summary, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT c.id, c.market, c.locale, c.owner, c.status, c.last_seq,
			(SELECT count(*)::int FROM messages m WHERE m.conversation_id = c.id AND m.author = 'agent' AND m.visibility = 'public'
				AND m.seq > greatest(c.customer_read, c.customer_seq)),
			COALESCE((SELECT left(m.body, 160) FROM messages m WHERE m.conversation_id = c.id AND m.visibility = 'public' ORDER BY m.seq DESC LIMIT 1), ''),
			c.created_at, c.updated_at
		FROM conversations c WHERE c.customer_id = $1 AND ($2::uuid IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3`, customer, before, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Summary])
}

// Open returns the present token of one of the customer's conversations.
func (s *Store) Open(ctx context.Context, customer, conversation uuid.UUID) (string, error) {
	var generation int
	err := s.pool.QueryRow(ctx, `SELECT token_gen FROM conversations WHERE id = $1 AND customer_id = $2`, conversation, customer).Scan(&generation)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", fault.New(fault.NotFound, "conversation_not_found", "There is no such conversation.")
	}
	return s.record.TokenOf(conversation, generation), err
}
