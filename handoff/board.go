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
