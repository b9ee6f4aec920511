package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Via says how a credential came about.
type Via string

// The ways.
const (
	ByLink     Via = "link"     // a link that was asked for by e-mail, and sessions begun by any link
	ByPassword Via = "password" // address and password
	ByOIDC     Via = "oidc"     // single sign-on
	ByCommand  Via = "command"  // made by an admin or on the command line
)

// Device is where somebody signs in from.
type Device struct {
	Name    string // such as "Firefox on Linux"
	Address string // IP address
}

// Session is a signed-in browser, or a program with a bearer token.
type Session struct {
	ID        uuid.UUID  `json:"id"`
	AgentID   uuid.UUID  `json:"-"`
	Kind      string     `json:"kind"` // session | token
	Via       Via        `json:"via"`
	Device    string     `json:"device"`
	Address   string     `json:"address"`
	MadeAt    time.Time  `json:"made_at"`
	SeenAt    *time.Time `json:"seen_at"` // within seenEvery
	ExpiresAt time.Time  `json:"expires_at"`
	Current   bool       `json:"current"` // the one that asks
}

// FreshFor is how long after signing in by a link or by single sign-on a password can be set without the current one.
const FreshFor = 15 * time.Minute

// seenEvery is how exactly a session knows when it was last used: not every request needs to write.
const seenEvery = 5 * time.Minute

const sessionColumns = `c.id, c.agent_id, c.kind, c.via, c.device, c.address, c.created_at, c.seen_at, c.expires_at, c.id = $1 AS current`

// newSecret returns 256 random bits for an address or a header.
func newSecret() (string, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// begin starts a session and says so in the audit log. What has expired goes at the same time. The caller has locked the
// person's row, so that nobody is disabled meanwhile.
func (s *Store) begin(ctx context.Context, tx pgx.Tx, agent uuid.UUID, via Via, d Device) (string, error) {
	secret, err := newSecret()
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, `INSERT INTO credentials (hash, agent_id, kind, expires_at, via, device, address, seen_at)
		VALUES ($1, $2, 'session', now() + $3 * interval '1 second', $4, $5, $6, now())`, hash(secret), agent, SessionFor.Seconds(), via, short(d.Name), short(d.Address))
	if err != nil {
		return "", err
	}
	if err := prune(ctx, tx); err != nil {
		return "", err
	}
	return secret, audit(ctx, tx, agent.String(), "signed_in", agent, map[string]any{"via": via, "device": short(d.Name)})
}

// prune removes what no longer opens or blocks anything, a little at a time.
func prune(ctx context.Context, tx pgx.Tx) error {
	for _, sql := range []string{
		`DELETE FROM credentials WHERE hash IN (SELECT hash FROM credentials WHERE expires_at < now() LIMIT 200 FOR UPDATE SKIP LOCKED)`,
		`DELETE FROM oidc_logins WHERE state IN (SELECT state FROM oidc_logins WHERE expires_at < now() LIMIT 200 FOR UPDATE SKIP LOCKED)`,
		`DELETE FROM sign_in_failures WHERE key IN (SELECT key FROM sign_in_failures WHERE at < now() - interval '1 day' AND blocked_until < now() LIMIT 200 FOR UPDATE SKIP LOCKED)`,
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// short bounds what a client says of itself.
func short(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	if r := []rune(s); len(r) > 120 {
		return string(r[:120])
	}
	return s
}

// Authenticate returns whose session or bearer token the secret is, and which. It notes that the session is used.
func (s *Store) Authenticate(ctx context.Context, secret string) (Agent, Session, error) {
	var a Agent
	var se Session
	if secret == "" {
		return a, se, ErrSignedOut
	}
	err := s.pool.QueryRow(ctx, `
		WITH seen AS (UPDATE credentials SET seen_at = now() WHERE hash = $1 AND (seen_at IS NULL OR seen_at < now() - $2 * interval '1 second'))
		SELECT c.id, c.agent_id, c.kind, c.via, c.device, c.address, c.created_at, c.seen_at, c.expires_at, `+agentColumns+`
		FROM credentials c JOIN agents a ON a.id = c.agent_id
		WHERE c.hash = $1 AND c.expires_at > now() AND c.kind IN ('session', 'token') AND a.disabled_at IS NULL`, hash(secret), seenEvery.Seconds()).
		Scan(&se.ID, &se.AgentID, &se.Kind, &se.Via, &se.Device, &se.Address, &se.MadeAt, &se.SeenAt, &se.ExpiresAt,
			&a.ID, &a.Email, &a.Name, &a.Role, &a.Languages, &a.Markets, &a.Capacity, &a.Presence, &a.Teams)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, se, ErrSignedOut
	}
	se.Current = true
	return a, se, err
}

// Who returns whose session or bearer token the secret is.
func (s *Store) Who(ctx context.Context, secret string) (Agent, error) {
	a, _, err := s.Authenticate(ctx, secret)
	return a, err
}

// Sessions lists a person's sessions and bearer tokens, the one that was used last first. current is the one that asks, or none.
func (s *Store) Sessions(ctx context.Context, agent, current uuid.UUID) ([]Session, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+sessionColumns+` FROM credentials c
		WHERE c.agent_id = $2 AND c.kind IN ('session', 'token') AND c.expires_at > now() ORDER BY c.seen_at DESC NULLS LAST, c.created_at DESC, c.id LIMIT 500`, current, agent)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Session])
}

// End ends one session or token of a person. by is who does it.
func (s *Store) End(ctx context.Context, by Actor, agent, session uuid.UUID) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var kind string
		err := tx.QueryRow(ctx, `DELETE FROM credentials WHERE id = $1 AND agent_id = $2 AND kind IN ('session', 'token') RETURNING kind`, session, agent).Scan(&kind)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "no_such_session", "There is no such session; it has ended already.")
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, string(by), "session_ended", agent, map[string]any{"kind": kind})
	})
}

// EndAll ends every session, token and unused link of a person but one, and returns how many.
func (s *Store) EndAll(ctx context.Context, by Actor, agent, but uuid.UUID) (int, error) {
	n := 0
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM credentials WHERE agent_id = $1 AND id <> $2`, agent, but)
		if err != nil {
			return err
		}
		n = int(tag.RowsAffected())
		return audit(ctx, tx, string(by), "sessions_ended", agent, map[string]any{"ended": n})
	})
	return n, err
}

// SignOut ends a session.
func (s *Store) SignOut(ctx context.Context, secret string) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var agent uuid.UUID
		err := tx.QueryRow(ctx, `DELETE FROM credentials WHERE hash = $1 AND kind = 'session' RETURNING agent_id`, hash(secret)).Scan(&agent)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, agent.String(), "signed_out", agent, nil)
	})
}
