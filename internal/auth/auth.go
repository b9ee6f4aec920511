// Package auth knows who works here: agents, supervisors, editors and admins, their one-time sign-in links, their sessions
// and their bearer tokens. Only hashes of secrets are stored. It knows nothing of customers, whose tokens open one
// conversation and belong to the record.
package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
type Store struct {
	pool   *pgxpool.Pool
	hasher *hasher
}

// NewStore returns a store over a migrated database.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{pool: pool, hasher: newHasher(hashCost)} }

// execer is met by the pool and by a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// StandInDomain is where agents have their addresses who are nobody: each stands for another desk, in whose name its replies
// are written. No such domain can exist (RFC 2606), so no letter and no sign-in reaches one.
const StandInDomain = "desk.invalid"

// IsPerson is the condition that agent a is somebody and no stand-in.
const IsPerson = `a.email NOT LIKE '%@` + StandInDomain + `'`

// cleanEmail is the form in which addresses are stored and looked up.
func cleanEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

const agentColumns = `a.id, a.email, a.name, a.role, a.languages, a.markets, a.capacity, a.presence,
	ARRAY(SELECT team FROM agent_teams WHERE agent_id = a.id ORDER BY team) AS teams`

// FindByEmail returns the agent with the address.
func (s *Store) FindByEmail(ctx context.Context, email string) (Agent, error) {
	return s.find(ctx, `a.email = lower($1) AND `+IsPerson, email)
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

func hash(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// ErrSignedOut is what a secret gets that opens nothing (any more).
var ErrSignedOut = fault.New(fault.Unauthenticated, "not_signed_in", "Please sign in again.")
