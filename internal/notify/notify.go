// Package notify tells customers of answers that they have not seen: by Web Push after a few seconds, by e-mail after a few
// minutes, what was said meanwhile in one. The outbox is the table notices, which the database fills in the same transaction
// that stores a message, so none is missed when a process ends; whichever replica claims a notice sends it, again and again
// with growing pauses.
//
// An address that somebody has typed is asked first whether it wants to be told, and everything that is sent says how to end
// it. Where a browser is reached by push, what is sent says nothing of the conversation unless its customer asked for that.
// Nothing here decides who speaks to the customer, and no transaction is held while another server is waited for.
package notify

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	webpush "github.com/SherClockHolmes/webpush-go"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/dial"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/mask"
)

// Sender sends e-mail.
type Sender interface {
	Send(ctx context.Context, m mail.Message) error
}

// Options tune a Service. The zero value is fit for production, without e-mail.
type Options struct {
	Company     string
	Mail        Sender          // nil: no e-mail
	ReplyDomain string          // domain of the addresses for replies; "" is the sender's own address
	Answers     bool            // e-mail that is sent to those addresses is read
	Contact     string          // address that push services may write to
	Allow       []netip.Prefix  // networks of push services that may be reached although they are not public
	PushAfter   time.Duration   // how long an answer waits to be read before it is told of by push; 10 s
	MailAfter   time.Duration   // and by e-mail; 2 min
	Schedule    []time.Duration // pauses between attempts; after the last one a notice is dead
	Timeout     time.Duration   // of one attempt; 25 s

	// Observe hears what became of each attempt: its kind, email, push or confirm; its outcome, one of the constants; and for
	// what was sent how long ago the first message was stored that it tells of.
	Observe func(kind, outcome string, delay time.Duration)
}

// What becomes of an attempt.
const (
	Sent    = "sent"
	Dropped = "dropped" // it was read, or nobody wants to know any more
	PutOff  = "put_off" // its address had enough lately
	Failed  = "failed"  // it is tried again
	Dead    = "dead"    // it is given up
	Gone    = "gone"    // the browser had ended its subscription
)

// schedule gives a server about eight hours to come back; an answer is read by then, or by another way.
var schedule = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}

// Service tells customers. It is safe for concurrent use.
type Service struct {
	pool   *pgxpool.Pool
	record *chat.Record
	log    *slog.Logger
	opts   Options
	http   *http.Client
	secret []byte // signs the links of subscriptions
	public string // VAPID keys
	key    string
	base   atomic.Pointer[string]

	kick   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	tidied time.Time
}

// Open returns a service over a migrated database. Nothing runs yet. Its keys are made on first use and kept in the database,
// so that every replica has them, and browsers stay subscribed.
func Open(ctx context.Context, pool *pgxpool.Pool, record *chat.Record, log *slog.Logger, opts Options) (*Service, error) {
	if opts.PushAfter <= 0 {
		opts.PushAfter = 10 * time.Second
	}
	if opts.MailAfter <= 0 {
		opts.MailAfter = 2 * time.Minute
	}
	if len(opts.Schedule) == 0 {
		opts.Schedule = schedule
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 25 * time.Second
	}
	if opts.Contact == "" {
		opts.Contact = "support@localhost"
	}
	s := &Service{pool: pool, record: record, log: log, opts: opts, http: dial.Guard{Allow: opts.Allow}.Client(opts.Timeout), kick: make(chan struct{}, 1)}
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, err
	}
	kept, err := s.setting(ctx, "notice_secret", hex.EncodeToString(fresh))
	if err == nil {
		s.secret, err = hex.DecodeString(kept)
	}
	if err != nil {
		return nil, fmt.Errorf("secret of notices: %w", err)
	}
	private, public, err := webpush.GenerateVAPIDKeys()
	if err != nil {
		return nil, err
	}
	if kept, err = s.setting(ctx, "vapid_keys", public+" "+private); err != nil {
		return nil, fmt.Errorf("keys of push messages: %w", err)
	}
	s.public, s.key, _ = strings.Cut(kept, " ")
	return s, nil
}

// setting returns what is kept under a name; where there is nothing yet, fresh is kept.
func (s *Service) setting(ctx context.Context, name, fresh string) (kept string, err error) {
	if _, err := s.pool.Exec(ctx, `INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING`, name, fresh); err != nil {
		return "", err
	}
	return kept, s.pool.QueryRow(ctx, `SELECT value FROM settings WHERE key = $1`, name).Scan(&kept)
}

// LinkTo says where people reach the chat. Until it is called nothing is sent.
func (s *Service) LinkTo(base string) {
	base = strings.TrimSuffix(base, "/")
	s.base.Store(&base)
}

// url is an address of ours.
func (s *Service) url(path string) string {
	if base := s.base.Load(); base != nil {
		return *base + path
	}
	return path
}

// Mails tells whether e-mail can be sent.
func (s *Service) Mails() bool { return s.opts.Mail != nil }

// PushKey is the key that browsers subscribe with.
func (s *Service) PushKey() string { return s.public }

// Start sends in the background until Stop.
func (s *Service) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.done = cancel, make(chan struct{})
	go func() {
		defer close(s.done)
		s.run(ctx)
	}()
}

// Stop ends it; what was under way is claimed by another replica once its lease is over. It is idempotent.
func (s *Service) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel == nil {
		return
	}
	s.cancel()
	<-s.done
	s.cancel = nil
}

func (s *Service) poke() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// tick is the longest pause between two looks: half of the shortest wait, so that nothing is told of much later than asked.
func (s *Service) tick() time.Duration {
	return max(50*time.Millisecond, min(5*time.Second, s.opts.PushAfter/2, s.opts.MailAfter/2))
}

func (s *Service) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
		case <-timer.C:
		}
		for range 1000 { // a bound; what is left is seen at the next look
			n, err := s.Send(ctx)
			if err != nil && ctx.Err() == nil {
				s.log.Warn("customers were not told of answers; it is tried again", "error", err)
			}
			if n == 0 || err != nil {
				break
			}
		}
		if err := s.tidy(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("old notices were not deleted", "error", err)
		}
		timer.Reset(s.tick())
	}
}

// atOnce is how many notices one process sends at the same time.
const atOnce = 16

// notice is what this process has claimed to send.
type notice struct {
	Conversation uuid.UUID
	Subscription uuid.UUID
	Kind         string
	Address      string
	Data         subscriptionData
	Confirmed    bool
	Held         bool // by e-mail: its answers are sent in full as they are given, by whoever reads that mail
	Locale       string
	Since        time.Time
	Upto, Seen   int64 // what is sent goes up to Upto; up to Seen the customer has read it, or was told of it
	Attempts     int
}

// Send claims what is due and sends it, and returns how many notices that were.
//
// A notice waits for its time behind the latest message, so that several are told of in one, but no longer than twice that
// time behind the first. What it tells of is fixed before it is sent: one that is sent again after a crash is the same.
func (s *Service) Send(ctx context.Context) (int, error) {
	if s.base.Load() == nil {
		return 0, nil
	}
	rows, err := s.pool.Query(ctx, `
		WITH due AS (
			SELECT n.conversation_id, n.subscription_id, u.told_seq FROM notices n JOIN subscriptions u ON u.id = n.subscription_id,
				LATERAL (SELECT CASE u.kind WHEN 'push' THEN $2::float8 ELSE $3::float8 END * interval '1 second' AS after) w
			WHERE n.state = 'pending' AND n.next_at <= now() AND (n.lease_until IS NULL OR n.lease_until < now())
				AND u.unsubscribed_at IS NULL AND (u.confirmed_at IS NULL OR least(n.last_at, n.since + w.after) + w.after <= now())
			ORDER BY n.last_at LIMIT $1 FOR UPDATE OF n SKIP LOCKED
		)
		UPDATE notices n SET attempts = n.attempts + 1, lease_until = now() + $4 * interval '1 second',
			sending_seq = CASE WHEN n.sending_seq > due.told_seq AND n.attempts > 0 THEN n.sending_seq ELSE n.upto_seq END
		FROM due, subscriptions u, conversations c
		WHERE n.conversation_id = due.conversation_id AND n.subscription_id = due.subscription_id AND u.id = n.subscription_id AND c.id = n.conversation_id
		RETURNING n.conversation_id, n.subscription_id, u.kind, u.address, u.data, u.confirmed_at IS NOT NULL,
			EXISTS (SELECT FROM mail_threads t WHERE t.conversation_id = c.id), c.locale,
			n.since, n.sending_seq, greatest(u.told_seq, c.customer_seq, c.customer_read), n.attempts`,
		atOnce, s.opts.PushAfter.Seconds(), s.opts.MailAfter.Seconds(), (2 * s.opts.Timeout).Seconds())
	if err != nil {
		return 0, err
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[notice])
	if err != nil {
		return 0, err
	}
	var sending sync.WaitGroup
	for _, n := range due {
		sending.Go(func() {
			failpoint("notice_claimed")
			actx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
			upto, err := s.send(actx, n)
			cancel()
			failpoint("notice_sent")
			// Its outcome is written down also when the service is being stopped.
			sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			outcome, err := s.settle(sctx, n, upto, err)
			s.observe(n, outcome)
			if err != nil {
				s.log.Warn("the outcome of a notice was not stored; it is repeated after its lease", "conversation", n.Conversation, "error", err)
			}
		})
	}
	sending.Wait()
	return len(due), nil
}

var (
	errStale = errors.New("it is of no use any more")               // read meanwhile, or nobody is to be told
	errGone  = errors.New("the browser has ended its subscription") // for good
)

// later is the error of what is put off without having been tried.
type later struct{ by time.Duration }

func (l later) Error() string { return "too many at once; it waits" }

// refusal is what another server answered instead of taking what it was sent.
type refusal struct {
	text      string
	after     time.Duration // it asked for this much time
	permanent bool          // no later attempt will do better
}

func (r *refusal) Error() string { return r.text }

// send sends one notice and returns up to which message it told.
func (s *Service) send(ctx context.Context, n notice) (int64, error) {
	if !n.Confirmed {
		return 0, s.askToConfirm(ctx, n)
	}
	if n.Seen >= n.Upto {
		return 0, errStale
	}
	messages, upto, err := s.unseen(ctx, n)
	if err != nil {
		return 0, err
	}
	if len(messages) == 0 {
		return 0, errStale
	}
	if n.Kind == "push" {
		return upto, s.push(ctx, n, messages)
	}
	if n.Held || s.opts.Mail == nil {
		return 0, errStale
	}
	return upto, s.mailAnswers(ctx, n, messages, upto)
}

// maxTold bounds what one notice tells of; what is more follows in another.
const maxTold = 50

// unseen are the messages that a notice tells of, oldest first, and the number of the last.
func (s *Service) unseen(ctx context.Context, n notice) (out []chat.Message, upto int64, err error) {
	seen := n.Seen
	for len(out) < maxTold {
		page, err := s.record.Messages(ctx, n.Conversation, seen, maxTold, false)
		if err != nil {
			return nil, 0, err
		}
		for _, m := range page {
			if m.Seq > n.Upto || len(out) == maxTold {
				return out, upto, nil
			}
			if m.Author != chat.Customer {
				out, upto = append(out, m), m.Seq
			}
			seen = m.Seq
		}
		if len(page) < maxTold {
			break
		}
	}
	return out, upto, nil
}

// observe counts an attempt.
func (s *Service) observe(n notice, outcome string) {
	if s.opts.Observe == nil {
		return
	}
	kind := n.Kind
	if !n.Confirmed {
		kind = "confirm"
	}
	s.opts.Observe(kind, outcome, max(0, time.Since(n.Since))) // by two clocks, which may differ a little
}

// settle writes down what became of an attempt, unless somebody else has claimed the notice meanwhile, and returns it.
func (s *Service) settle(ctx context.Context, n notice, upto int64, failure error) (outcome string, err error) {
	if errors.Is(failure, errGone) {
		_, err := s.pool.Exec(ctx, `DELETE FROM subscriptions WHERE id = $1`, n.Subscription)
		return Gone, err
	}
	var put later
	if errors.As(failure, &put) {
		// One that was tried before may have arrived, so it stays the same.
		_, err := s.pool.Exec(ctx, `UPDATE notices SET attempts = attempts - 1, sending_seq = CASE WHEN attempts > 1 THEN sending_seq ELSE 0 END, lease_until = NULL, next_at = now() + $4 * interval '1 second'
			WHERE conversation_id = $1 AND subscription_id = $2 AND attempts = $3`, n.Conversation, n.Subscription, n.Attempts, put.by.Seconds())
		return PutOff, err
	}
	if failure == nil || errors.Is(failure, errStale) {
		state, outcome := "done", Sent
		if failure != nil {
			state, outcome, upto = "dropped", Dropped, n.Upto
		}
		return outcome, pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if failure == nil && n.Confirmed {
				if _, err := tx.Exec(ctx, `UPDATE subscriptions SET told_seq = greatest(told_seq, $2) WHERE id = $1`, n.Subscription, upto); err != nil {
					return err
				}
			}
			if !n.Confirmed {
				upto = n.Upto
			}
			// What came meanwhile is due in its own time.
			_, err := tx.Exec(ctx, `
				UPDATE notices SET state = CASE WHEN upto_seq > $4 THEN 'pending' ELSE $5 END, since = CASE WHEN upto_seq > $4 THEN last_at ELSE since END,
					attempts = 0, sending_seq = 0, lease_until = NULL, next_at = now(), error = ''
				WHERE conversation_id = $1 AND subscription_id = $2 AND attempts = $3 AND state = 'pending'`, n.Conversation, n.Subscription, n.Attempts, upto, state)
			return err
		})
	}
	text, _ := mask.Mask(strings.ReplaceAll(clip(failure.Error(), 300), n.Address, "…"))
	var r *refusal
	errors.As(failure, &r)
	if n.Attempts > len(s.opts.Schedule) || r != nil && r.permanent {
		s.log.Warn("a customer could not be told of an answer; it is given up", "conversation", n.Conversation, "kind", n.Kind, "attempt", n.Attempts, "error", text)
		_, err := s.pool.Exec(ctx, `UPDATE notices SET state = 'dead', lease_until = NULL, sending_seq = 0, error = $4
			WHERE conversation_id = $1 AND subscription_id = $2 AND attempts = $3 AND state = 'pending'`, n.Conversation, n.Subscription, n.Attempts, text)
		return Dead, err
	}
	pause := s.opts.Schedule[n.Attempts-1]
	pause = pause/2 + mathrand.N(pause+1) // half to one and a half times, so that those who failed together do not come back together
	if r != nil {
		pause = max(pause, min(r.after, 24*time.Hour))
	}
	_, err = s.pool.Exec(ctx, `UPDATE notices SET lease_until = NULL, error = $4, next_at = now() + $5 * interval '1 second'
		WHERE conversation_id = $1 AND subscription_id = $2 AND attempts = $3 AND state = 'pending'`, n.Conversation, n.Subscription, n.Attempts, text, pause.Seconds())
	return Failed, err
}

// tidy deletes what has had its time, once an hour and a little at a time: links, what was sent to addresses, and addresses
// that nobody has confirmed.
func (s *Service) tidy(ctx context.Context) error {
	if time.Since(s.tidied) < time.Hour {
		return nil
	}
	s.tidied = time.Now()
	for _, sql := range []string{
		`DELETE FROM chat_links WHERE hash IN (SELECT hash FROM chat_links WHERE expires_at < now() LIMIT 5000)`,
		`DELETE FROM notice_mails WHERE at < now() - interval '1 day'`,
		`DELETE FROM subscriptions WHERE id IN (SELECT id FROM subscriptions WHERE confirmed_at IS NULL AND created_at < now() - interval '7 days' LIMIT 5000)`,
	} {
		if _, err := s.pool.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// addressHash is what is kept of an address that was written to.
func addressHash(address string) []byte {
	sum := sha256.Sum256([]byte("notice\x00" + strings.ToLower(address)))
	return sum[:]
}

// clip shortens a text to n bytes without cutting a letter.
func clip(text string, n int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
