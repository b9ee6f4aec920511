package handoff

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Colleague is an agent as others see them at the desk.
type Colleague struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Presence string    `json:"presence"` // offline as well when the connection is gone
	Load     int       `json:"load"`
	Capacity int       `json:"capacity"`
}

// Board is the desk's whole state for one agent.
type Board struct {
	Handoffs []Handoff   `json:"handoffs"` // waiting, in order
	Mine     []Handoff   `json:"mine"`     // accepted by or offered to the agent
	Me       Colleague   `json:"me"`
	Agents   []Colleague `json:"agents"`
}

// Board returns the desk's state for the agent.
func (d *Desk) Board(ctx context.Context, a Agent) (Board, error) {
	var b Board
	var err error
	if b.Handoffs, err = d.List(ctx, a, "queued"); err != nil {
		return b, err
	}
	if b.Mine, err = d.List(ctx, a, "mine"); err != nil {
		return b, err
	}
	rows, err := d.pool.Query(ctx, `
		SELECT a.id, a.name, CASE WHEN a.connected_until > now() THEN a.presence ELSE 'offline' END,
			(SELECT count(*) FROM handoffs WHERE agent_id = a.id AND ended_at IS NULL), a.capacity
		FROM agents a WHERE a.role <> 'editor' ORDER BY a.name, a.id`)
	if err != nil {
		return b, err
	}
	b.Agents, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Colleague])
	for _, c := range b.Agents {
		if c.ID == a.ID {
			b.Me = c
		}
	}
	return b, err
}

// Hit is a message found by Search.
type Hit struct {
	ConversationID uuid.UUID `json:"conversation_id"`
	Seq            int64     `json:"seq"`
	Author         string    `json:"author"`
	Snippet        string    `json:"snippet"`
	At             time.Time `json:"at"`
}

// Search finds messages that hold every word of the query, newest first, in conversations that the agent may see.
func (d *Desk) Search(ctx context.Context, a Agent, query string) ([]Hit, error) {
	if strings.TrimSpace(query) == "" {
		return nil, fault.Field("q", "required", "Say what to search for.")
	}
	rows, err := d.pool.Query(ctx, `
		SELECT m.conversation_id, m.seq, m.author, left(m.body, 240), m.created_at FROM messages m
		WHERE to_tsvector('simple', m.body) @@ websearch_to_tsquery('simple', $1)
		  AND ($2 OR EXISTS (SELECT FROM handoffs h WHERE h.conversation_id = m.conversation_id AND (h.team = ANY ($3) OR h.agent_id = $4)))
		ORDER BY m.created_at DESC LIMIT 50`, query, a.Supervises(), a.Teams, a.ID)
	if err != nil {
		return nil, err
	}
	hits, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Hit])
	return append([]Hit{}, hits...), err
}

// OfficeHours tells whether people are there.
type OfficeHours struct {
	Open    bool       `json:"open"`
	OpensAt *time.Time `json:"opens_at"`
}

// Hours returns the opening hours of the team that an ordinary question would reach.
func (d *Desk) Hours(ctx context.Context, audience, market string) (OfficeHours, error) {
	key := generalTeam
	if audience == "merchant" {
		key = merchantTeam
	}
	team, err := findTeam(ctx, d.pool, key)
	if err != nil {
		return OfficeHours{}, err
	}
	open, opens := team.Hours.At(market, time.Now())
	o := OfficeHours{Open: open}
	if !open && !opens.IsZero() {
		o.OpensAt = &opens
	}
	return o, nil
}

// TeamSeed is a team as a file such as the demo's teams.yaml describes it.
type TeamSeed struct {
	Key      string `yaml:"key"`
	Name     string `yaml:"name"`
	Hours    Hours  `yaml:"hours"`
	Fallback string `yaml:"fallback"`
}

// SaveTeams creates the teams or replaces what is stored of them, all or none.
func (d *Desk) SaveTeams(ctx context.Context, teams []TeamSeed) error {
	for _, t := range teams {
		if t.Key == "" || t.Name == "" {
			return fault.Field("teams", "required", "Every team needs a key and a name.")
		}
		if err := t.Hours.Validate(); err != nil {
			return fault.Field("teams", "bad_hours", "Team %s: %v.", t.Key, err)
		}
	}
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		for _, t := range teams {
			if _, err := tx.Exec(ctx, `INSERT INTO teams (key, name, hours) VALUES ($1, $2, $3)
				ON CONFLICT (key) DO UPDATE SET name = $2, hours = $3`, t.Key, t.Name, t.Hours); err != nil {
				return err
			}
		}
		for _, t := range teams { // when all are there
			if _, err := tx.Exec(ctx, `UPDATE teams SET fallback = NULLIF($2, '') WHERE key = $1`, t.Key, t.Fallback); err != nil {
				return fault.Wrap(err, fault.Invalid, "unknown_fallback", "Team "+t.Key+" falls back to a team that does not exist.")
			}
		}
		// In a ring of teams a handoff that nobody takes would go round for ever, and nobody would promise anything.
		var ring *string
		err := tx.QueryRow(ctx, `
			WITH RECURSIVE way AS (
				SELECT key AS origin, fallback, 1 AS steps FROM teams
				UNION ALL SELECT w.origin, t.fallback, w.steps + 1 FROM way w JOIN teams t ON t.key = w.fallback
				WHERE w.fallback <> w.origin AND w.steps <= (SELECT count(*) FROM teams)
			) SELECT min(origin) FROM way WHERE fallback = origin AND steps > 1`).Scan(&ring)
		if err == nil && ring != nil {
			err = fault.Field("teams", "fallback_ring", "Team %s falls back to itself by way of others.", *ring)
		}
		return err
	})
}
