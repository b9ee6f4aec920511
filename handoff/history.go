package handoff

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Past is another conversation of the same customer.
type Past struct {
	ID        uuid.UUID `json:"id"`
	Market    string    `json:"market"`
	Locale    string    `json:"locale"`
	Status    string    `json:"status"`
	StartedAt time.Time `json:"started_at"`
	LastAt    time.Time `json:"last_at"`
	Messages  int       `json:"messages"` // public ones
	Handoffs  int       `json:"handoffs"`
	Topic     *string   `json:"topic"`   // of the latest handoff
	Team      *string   `json:"team"`    // the same
	State     *State    `json:"state"`   // the same
	Summary   string    `json:"summary"` // the same, or what the customer wrote first
	Score     *int      `json:"score"`   // the customer's rating
}

// mostPast bounds the list: what is older is found by the search.
const mostPast = 50

// History returns the customer's other conversations, the newest first, and how many more there are that this agent may not
// read. Only a customer whose identity is verified has any: what somebody merely says to be proves nothing.
func (d *Desk) History(ctx context.Context, conversation uuid.UUID, a Agent) (past []Past, hidden int, err error) {
	rows, err := d.pool.Query(ctx, `
		WITH others AS (
			SELECT c.id, c.market, c.locale, c.status, c.created_at, c.updated_at,
				$2 OR EXISTS (SELECT FROM handoffs WHERE conversation_id = c.id AND (team = ANY ($3) OR agent_id = $4)) AS readable
			FROM conversations me JOIN conversations c ON c.customer->>'id' = me.customer->>'id' AND c.customer ? 'id' AND c.id <> me.id
			WHERE me.id = $1 AND me.customer->'verified' = 'true' AND c.customer->'verified' = 'true'
		)
		SELECT o.id, o.market, o.locale, o.status, o.created_at, o.updated_at,
			(SELECT count(*) FROM messages WHERE conversation_id = o.id AND visibility = 'public'),
			(SELECT count(*) FROM handoffs WHERE conversation_id = o.id), h.topic, h.team, h.state,
			left(COALESCE(h.summary, (SELECT body FROM messages WHERE conversation_id = o.id AND author = 'customer' ORDER BY seq LIMIT 1), ''), 300),
			(SELECT score FROM ratings WHERE conversation_id = o.id ORDER BY at DESC LIMIT 1)
		FROM others o LEFT JOIN LATERAL (SELECT topic, team, state, summary FROM handoffs WHERE conversation_id = o.id ORDER BY queued_at DESC, id DESC LIMIT 1) h ON true
		WHERE o.readable ORDER BY o.created_at DESC LIMIT $5`, conversation, a.Supervises(), a.Teams, a.ID, mostPast)
	if err != nil {
		return nil, 0, err
	}
	if past, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Past]); err != nil {
		return nil, 0, err
	}
	err = d.pool.QueryRow(ctx, `
		SELECT count(*) FROM conversations me JOIN conversations c ON c.customer->>'id' = me.customer->>'id' AND c.customer ? 'id' AND c.id <> me.id
		WHERE me.id = $1 AND me.customer->'verified' = 'true' AND c.customer->'verified' = 'true'
		  AND NOT ($2 OR EXISTS (SELECT FROM handoffs WHERE conversation_id = c.id AND (team = ANY ($3) OR agent_id = $4)))`,
		conversation, a.Supervises(), a.Teams, a.ID).Scan(&hidden)
	return append([]Past{}, past...), hidden, err
}
