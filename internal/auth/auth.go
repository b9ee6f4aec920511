// Package auth knows who works here: agents, supervisors, editors and admins, their one-time sign-in links, their sessions
// and their bearer tokens. Only hashes of secrets are stored. It knows nothing of customers, whose tokens open one
// conversation and belong to the record.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// Agent is somebody who works here, whatever the role.
type Agent struct {
	ID        uuid.UUID `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Role      string    `json:"role"` // agent | supervisor | editor | admin
	Languages []string  `json:"languages"`
	Markets   []string  `json:"markets"`
	Capacity  int       `json:"capacity"`
	Presence  string    `json:"presence"`
	Teams     []string  `json:"teams"`
}

// Roles are the roles that exist.
var Roles = []string{"agent", "supervisor", "editor", "admin"}

// Ref names the agent to others.
func (a Agent) Ref() *chat.AgentRef { return &chat.AgentRef{ID: a.ID, Name: a.Name} }

// Supervises reports whether the agent sees every team.
func (a Agent) Supervises() bool { return a.Role == "supervisor" || a.Role == "admin" }

// WorksDesk reports whether the agent may take part in conversations at all.
func (a Agent) WorksDesk() bool { return a.Role != "editor" }

// Sees reports whether the agent may work on a team's handoffs.
func (a Agent) Sees(team string) bool { return a.Supervises() || slices.Contains(a.Teams, team) }

// How long credentials last.
const (
	LinkFor    = 24 * time.Hour
	SessionFor = 12 * time.Hour
	TokenFor   = 365 * 24 * time.Hour
)

// Store reads and writes agents and credentials.
type Store struct{ pool *pgxpool.Pool }

// NewStore returns a store over a migrated database.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{pool: pool} }

const agentColumns = `a.id, a.email, a.name, a.role, a.languages, a.markets, a.capacity, a.presence,
	ARRAY(SELECT team FROM agent_teams WHERE agent_id = a.id ORDER BY team) AS teams`

// Save creates the agent with this e-mail address or replaces what is stored of it, teams included. An existing agent
// keeps its id and presence.
func (s *Store) Save(ctx context.Context, a Agent) (Agent, error) {
	a.Email = strings.ToLower(strings.TrimSpace(a.Email))
	if addr, err := mail.ParseAddress(a.Email); err != nil || addr.Address != a.Email {
		return a, fault.Field("email", "not_an_address", "%q is not an e-mail address.", a.Email)
	}
	if !slices.Contains(Roles, a.Role) {
		return a, fault.Field("role", "unknown_role", "Use one of %s.", strings.Join(Roles, ", "))
	}
	if a.Name = strings.TrimSpace(a.Name); a.Name == "" {
		a.Name, _, _ = strings.Cut(a.Email, "@")
	}
	for _, list := range []*[]string{&a.Languages, &a.Markets, &a.Teams} {
		if *list == nil {
			*list = []string{}
		}
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var missing []string
		err := tx.QueryRow(ctx, `SELECT ARRAY(SELECT unnest($1::text[]) EXCEPT SELECT key FROM teams ORDER BY 1)`, a.Teams).Scan(&missing)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fault.Field("team", "unknown_team", "There is no team %s.", strings.Join(missing, ", "))
		}
		err = tx.QueryRow(ctx, `
			INSERT INTO agents (id, email, name, role, languages, markets, capacity) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (email) DO UPDATE SET name = $3, role = $4, languages = $5, markets = $6, capacity = $7
			RETURNING id`, uuid.Must(uuid.NewV7()), a.Email, a.Name, a.Role, a.Languages, a.Markets, a.Capacity).Scan(&a.ID)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM agent_teams WHERE agent_id = $1 AND team <> ALL ($2)`, a.ID, a.Teams); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO agent_teams (agent_id, team) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`, a.ID, a.Teams)
		return err
	})
	if err != nil {
		return a, err
	}
	return s.find(ctx, `a.id = $1`, a.ID)
}

// Remove ends a person's sessions, tokens and links, and every right with them. What they wrote stays in the record under
// their name. Conversations that they have stay with them until a supervisor takes them.
func (s *Store) Remove(ctx context.Context, email string) (Agent, error) {
	a, err := s.FindByEmail(ctx, email)
	if err != nil {
		return a, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for _, sql := range []string{
			`DELETE FROM credentials WHERE agent_id = $1`,
			`DELETE FROM agent_teams WHERE agent_id = $1`,
			`UPDATE agents SET presence = 'offline', connected_until = '-infinity', capacity = 0, role = 'agent' WHERE id = $1`,
		} {
			if _, err := tx.Exec(ctx, sql, a.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return a, err
}

// FindByEmail returns the agent with the address.
func (s *Store) FindByEmail(ctx context.Context, email string) (Agent, error) {
	return s.find(ctx, `a.email = lower($1)`, email)
}

func (s *Store) find(ctx context.Context, where string, args ...any) (Agent, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+agentColumns+` FROM agents a WHERE `+where, args...)
	if err != nil {
		return Agent{}, err
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Agent])
	if errors.Is(err, pgx.ErrNoRows) {
		return a, fault.New(fault.NotFound, "agent_not_found", "There is no such person.")
	}
	return a, err
}

// Issue returns a new secret of the kind (link, session or token) for the agent. It is shown once and cannot be read again.
func (s *Store) Issue(ctx context.Context, agent uuid.UUID, kind string) (string, error) {
	life := map[string]time.Duration{"link": LinkFor, "session": SessionFor, "token": TokenFor}[kind]
	if life == 0 {
		return "", fmt.Errorf("auth: no credential of kind %q", kind)
	}
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	secret := base64.RawURLEncoding.EncodeToString(raw)
	_, err := s.pool.Exec(ctx, `INSERT INTO credentials (hash, agent_id, kind, expires_at) VALUES ($1, $2, $3, now() + $4 * interval '1 second')`,
		hash(secret), agent, kind, life.Seconds())
	return secret, err
}

func hash(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// ErrSignedOut is what a secret gets that opens nothing (any more).
var ErrSignedOut = fault.New(fault.Unauthenticated, "not_signed_in", "Please sign in again.")

// Peek returns whom a sign-in link is for, without using it: link previews must not sign anyone in.
func (s *Store) Peek(ctx context.Context, secret string) (Agent, error) {
	return s.by(ctx, secret, `c.kind = 'link' AND c.used_at IS NULL`)
}

// Redeem uses a sign-in link, once, and returns a session's secret.
func (s *Store) Redeem(ctx context.Context, secret string) (Agent, string, error) {
	var id uuid.UUID
	err := s.pool.QueryRow(ctx, `UPDATE credentials SET used_at = now()
		WHERE hash = $1 AND kind = 'link' AND used_at IS NULL AND expires_at > now() RETURNING agent_id`, hash(secret)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Agent{}, "", fault.New(fault.Unauthenticated, "link_used", "This sign-in link was used or has expired. Ask for a new one: firstline user add --email YOU --role ROLE.")
	}
	if err != nil {
		return Agent{}, "", err
	}
	session, err := s.Issue(ctx, id, "session")
	if err != nil {
		return Agent{}, "", err
	}
	a, err := s.find(ctx, `a.id = $1`, id)
	return a, session, err
}

// Who returns whose session or bearer token the secret is.
func (s *Store) Who(ctx context.Context, secret string) (Agent, error) {
	return s.by(ctx, secret, `c.kind IN ('session', 'token')`)
}

func (s *Store) by(ctx context.Context, secret, where string) (Agent, error) {
	if secret == "" {
		return Agent{}, ErrSignedOut
	}
	a, err := s.find(ctx, `a.id = (SELECT agent_id FROM credentials c WHERE c.hash = $1 AND c.expires_at > now() AND `+where+`)`, hash(secret))
	if fault.Is(err, fault.NotFound) {
		return a, ErrSignedOut
	}
	return a, err
}

// SignOut ends a session.
func (s *Store) SignOut(ctx context.Context, secret string) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM credentials WHERE hash = $1 AND kind = 'session'`, hash(secret))
	return err
}
