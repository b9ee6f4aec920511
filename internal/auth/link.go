package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// MailedLinkFor is how long a sign-in link works that somebody asked for by e-mail.
const MailedLinkFor = 30 * time.Minute

// Issue returns a new secret of the kind (link, session or token) for the agent. It is shown once and cannot be read again.
func (s *Store) Issue(ctx context.Context, agent uuid.UUID, kind string) (string, error) {
	life := map[string]time.Duration{"link": LinkFor, "session": SessionFor, "token": TokenFor}[kind]
	if life == 0 {
		return "", fmt.Errorf("auth: no credential of kind %q", kind)
	}
	return s.issue(ctx, s.pool, agent, kind, ByCommand, life)
}

func (s *Store) issue(ctx context.Context, db execer, agent uuid.UUID, kind string, via Via, life time.Duration) (string, error) {
	secret, err := newSecret()
	if err != nil {
		return "", err
	}
	tag, err := db.Exec(ctx, `INSERT INTO credentials (hash, agent_id, kind, expires_at, via)
		SELECT $1, id, $3, now() + $4 * interval '1 second', $5 FROM agents a WHERE id = $2 AND disabled_at IS NULL AND `+IsPerson+` FOR SHARE`, hash(secret), agent, kind, life.Seconds(), via)
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.New(fault.Conflict, "disabled", "This person is disabled or gone; enable them first.")
	}
	return secret, err
}

// MakeLink makes a sign-in link's secret for somebody else. Whoever has it is that person: it is audited.
func (s *Store) MakeLink(ctx context.Context, by Actor, agent uuid.UUID) (secret string, expires time.Time, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if secret, err = s.issue(ctx, tx, agent, "link", ByCommand, LinkFor); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT expires_at FROM credentials WHERE hash = $1`, hash(secret)).Scan(&expires); err != nil {
			return err
		}
		return audit(ctx, tx, string(by), "link_made", agent, nil)
	})
	return secret, expires, err
}

// Peek returns whom a sign-in link is for, without using it: link previews must not sign anyone in.
func (s *Store) Peek(ctx context.Context, secret string) (Agent, error) {
	a, err := s.find(ctx, `a.disabled_at IS NULL AND a.id = (SELECT agent_id FROM credentials c WHERE c.hash = $1 AND c.expires_at > now()
		AND c.kind = 'link' AND c.used_at IS NULL)`, hash(secret))
	if fault.Is(err, fault.NotFound) {
		return a, ErrSignedOut
	}
	return a, err
}

// errLinkUsed is what a link gets that opens nothing (any more).
var errLinkUsed = fault.New(fault.Unauthenticated, "link_used", "This sign-in link was used or has expired. Ask for a new one.")

// Redeem uses a sign-in link, once, and returns a session's secret.
func (s *Store) Redeem(ctx context.Context, secret string, d Device) (Agent, string, error) {
	var id uuid.UUID
	var session string
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// The person before the link, as whoever disables them does: otherwise the two could wait for each other, and a
		// session that begins meanwhile would outlive it.
		err := tx.QueryRow(ctx, `SELECT a.id FROM agents a JOIN credentials c ON c.agent_id = a.id WHERE c.hash = $1 AND c.kind = 'link' AND a.disabled_at IS NULL
			FOR SHARE OF a`, hash(secret)).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLinkUsed
		}
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE credentials SET used_at = now() WHERE hash = $1 AND kind = 'link' AND used_at IS NULL AND expires_at > now()`, hash(secret))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errLinkUsed
		}
		session, err = s.begin(ctx, tx, id, ByLink, d)
		return err
	})
	if err != nil {
		return Agent{}, "", err
	}
	a, err := s.find(ctx, `a.id = $1`, id)
	return a, session, err
}

// Mailer sends a letter of plain text.
type Mailer interface {
	Send(ctx context.Context, to, subject, text string) error
}

// Links sends sign-in links to whoever asks for one at an address that somebody has. Asking only puts the address on a
// list: whether anybody has it is looked up by a worker, so neither the answer nor its time tells.
type Links struct {
	store   *Store
	mailer  Mailer
	base    string // address of the server
	company string
	log     *slog.Logger

	asked chan string
	begin sync.Once
	end   sync.Once
	stop  context.CancelFunc
	ctx   context.Context
	done  chan struct{}
}

// maxAsked bounds the list; beyond it requests are refused, whoever asks.
const maxAsked = 256

// NewLinks returns a sender of links to the server at base. Start it.
func NewLinks(store *Store, mailer Mailer, base, company string, log *slog.Logger) *Links {
	l := &Links{store: store, mailer: mailer, base: strings.TrimSuffix(base, "/"), company: company, log: log, asked: make(chan string, maxAsked), done: make(chan struct{})}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// Start begins to send. It is idempotent.
func (l *Links) Start() { l.begin.Do(func() { go l.run() }) }

// Stop ends it; what is on the list is lost, and whoever waits for a letter asks again. It is idempotent.
func (l *Links) Stop() {
	l.end.Do(func() {
		l.stop()
		l.begin.Do(func() { close(l.done) }) // never started
		<-l.done
	})
}

// Ask puts an address on the list.
func (l *Links) Ask(email string) error {
	select {
	case l.asked <- cleanEmail(email):
		return nil
	default:
		return errBusy
	}
}

func (l *Links) run() {
	defer close(l.done)
	for {
		select {
		case <-l.ctx.Done():
			return
		case email := <-l.asked:
			ctx, cancel := context.WithTimeout(l.ctx, time.Minute)
			if err := l.send(ctx, email); err != nil && l.ctx.Err() == nil {
				l.log.Error("a sign-in link was not sent", "error", err)
			}
			cancel()
		}
	}
}

// send makes a link for the person with the address, if there is one, and sends it.
func (l *Links) send(ctx context.Context, email string) error {
	a, err := l.store.find(ctx, `a.email = $1 AND a.disabled_at IS NULL AND `+IsPerson, email)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var full *BlockedError
	if err := try(ctx, l.store.pool, throttleKey("link", email), byLetter); errors.As(err, &full) {
		return nil // nobody's letter box is filled by somebody else
	} else if err != nil {
		return err
	}
	secret, err := l.store.issue(ctx, l.store.pool, a.ID, "link", ByLink, MailedLinkFor)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("Hello %s,\n\nthis link signs you in to the desk of %s. It works once, within %d minutes:\n\n%s/signin?token=%s\n\nIf you did not ask for it, ignore this letter: nobody was signed in.\n",
		a.Name, l.company, int(MailedLinkFor.Minutes()), l.base, secret)
	return l.mailer.Send(ctx, a.Email, "Your sign-in link for "+l.company, text)
}
