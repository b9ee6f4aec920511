package handoff

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// ReadEvent is the data of a read event, as the wire gives it.
type ReadEvent struct {
	Author chat.Author `json:"author"`
	Seq    int64       `json:"seq"`
}

// Read says up to which number of the log the agent has read the conversation. What mentioned the agent up to there is
// seen. When the conversation is the agent's own, the customer is told, once for each further message.
func (d *Desk) Read(ctx context.Context, conversation uuid.UUID, a Agent, seq int64) error {
	var last, told int64
	var owner *uuid.UUID
	// Most calls change nothing that the customer is told of, so this looks before it locks.
	err := d.pool.QueryRow(ctx, `
		WITH r AS (INSERT INTO reads AS r (conversation_id, agent_id, seq) SELECT id, $2, $3 FROM conversations WHERE id = $1 AND last_seq >= $3
			ON CONFLICT (conversation_id, agent_id) DO UPDATE SET seq = EXCLUDED.seq, at = now() WHERE r.seq < EXCLUDED.seq),
		m AS (UPDATE mentions SET seen_at = now() WHERE agent_id = $2 AND conversation_id = $1 AND seen_at IS NULL
			AND message_id IN (SELECT id FROM messages WHERE conversation_id = $1 AND seq <= $3))
		SELECT last_seq, agent_read, agent_id FROM conversations WHERE id = $1`, conversation, a.ID, seq).Scan(&last, &told, &owner)
	if err != nil {
		return err
	}
	if seq < 1 || seq > last {
		return fault.Field("seq", "out_of_range", "Use the number of a message or event in this conversation.")
	}
	if owner == nil || *owner != a.ID || told >= seq {
		return nil
	}
	return d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		if s.AgentID == nil || *s.AgentID != a.ID {
			return nil // not any more
		}
		// Told only of messages of their own: events and notes are nothing that a customer knows of.
		var message int64
		err := s.Tx().QueryRow(ctx, `SELECT COALESCE(max(seq), 0) FROM messages WHERE conversation_id = $1 AND author = 'customer' AND seq <= $2`, s.ID, seq).Scan(&message)
		if err != nil {
			return err
		}
		var before int64
		err = s.Tx().QueryRow(ctx, `UPDATE conversations c SET agent_read = greatest(c.agent_read, $2) FROM (SELECT agent_read FROM conversations WHERE id = $1) b
			WHERE c.id = $1 RETURNING b.agent_read`, s.ID, seq).Scan(&before)
		if err != nil || message <= before {
			return err
		}
		return s.AddEvent(ctx, chat.KindRead, ReadEvent{chat.Agent, message}, false)
	})
}

// Delivered says up to which number of the log the desk of the agent who has the conversation has got it. The customer is
// told, once for each further message of theirs, and not of what was read already.
func (d *Desk) Delivered(ctx context.Context, conversation uuid.UUID, a Agent, seq int64) error {
	return d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		if seq < 1 || seq > s.LastSeq {
			return fault.Field("seq", "out_of_range", "Use the number of a message or event in this conversation.")
		}
		if s.AgentID == nil || *s.AgentID != a.ID {
			return nil
		}
		var message int64
		err := s.Tx().QueryRow(ctx, `
			SELECT COALESCE(max(m.seq), 0) FROM messages m JOIN conversations c ON c.id = m.conversation_id
			WHERE m.conversation_id = $1 AND m.author = 'customer' AND m.seq <= $2 AND m.seq > c.agent_read AND m.seq > COALESCE(
				(SELECT max((e.data->>'seq')::bigint) FROM events e WHERE e.conversation_id = $1 AND e.kind = $3), 0)`,
			s.ID, seq, chat.KindArrived).Scan(&message)
		if err != nil || message == 0 {
			return err
		}
		return s.AddEvent(ctx, chat.KindArrived, ReadEvent{chat.Agent, message}, false)
	})
}

// CustomerRead says up to which number the customer has read. What was said before changes nothing.
func (d *Desk) CustomerRead(ctx context.Context, conversation uuid.UUID, seq int64) error {
	return d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		tag, err := s.Tx().Exec(ctx, `UPDATE conversations SET customer_read = $2 WHERE id = $1 AND customer_read < $2`, s.ID, seq)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return s.AddEvent(ctx, chat.KindRead, ReadEvent{chat.Customer, seq}, false)
	})
}

// ReadMarks are up to where a conversation was read.
type ReadMarks struct {
	Customer int64 `json:"customer"`
	Agent    int64 `json:"agent"` // by those who had it
	Me       int64 `json:"me"`
}

// Reads returns up to where the conversation was read.
func (d *Desk) Reads(ctx context.Context, conversation uuid.UUID, a Agent) (r ReadMarks, err error) {
	return r, d.pool.QueryRow(ctx, `SELECT customer_read, agent_read, COALESCE((SELECT seq FROM reads WHERE conversation_id = $1 AND agent_id = $2), 0)
		FROM conversations WHERE id = $1`, conversation, a.ID).Scan(&r.Customer, &r.Agent, &r.Me)
}

// Mention is a note that names an agent.
type Mention struct {
	Message      uuid.UUID      `json:"message"`
	Conversation uuid.UUID      `json:"conversation"`
	Seq          int64          `json:"seq"`
	By           *chat.AgentRef `json:"by"`
	Text         string         `json:"text"` // its beginning
	Customer     string         `json:"customer"`
	At           time.Time      `json:"at"`
	Seen         bool           `json:"seen"`
}

const mentionsShown = 50

// Mentions returns the notes that name the agent and that the agent may still read, those that were not seen first.
func (d *Desk) Mentions(ctx context.Context, a Agent) ([]Mention, error) {
	return d.mentions(ctx, a, false)
}

func (d *Desk) mentions(ctx context.Context, a Agent, unseen bool) ([]Mention, error) {
	rows, err := d.pool.Query(ctx, `
		SELECT m.id, m.conversation_id, m.seq, m.agent_id, w.name, left(m.body, 300), COALESCE(NULLIF(c.customer->>'name', ''), c.customer->>'email', ''),
			m.created_at, n.seen_at IS NOT NULL
		FROM mentions n JOIN messages m ON m.id = n.message_id JOIN conversations c ON c.id = m.conversation_id LEFT JOIN agents w ON w.id = m.agent_id
		WHERE n.agent_id = $1 AND (NOT $4 OR n.seen_at IS NULL)
		  AND ($2 OR EXISTS (SELECT FROM handoffs h WHERE h.conversation_id = m.conversation_id AND (h.team = ANY ($3) OR h.agent_id = $1)))
		ORDER BY n.seen_at IS NOT NULL, m.created_at DESC LIMIT $5`, a.ID, a.Supervises(), a.Teams, unseen, mentionsShown)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Mention, err error) {
		var by *uuid.UUID
		var name *string
		err = row.Scan(&m.Message, &m.Conversation, &m.Seq, &by, &name, &m.Text, &m.Customer, &m.At, &m.Seen)
		if by != nil && name != nil {
			m.By = &chat.AgentRef{ID: *by, Name: *name}
		}
		return m, err
	})
	return append([]Mention{}, all...), err
}

// mention writes down whom a note names, in the session that adds it. Whoever may not read the conversation cannot be named:
// they would be told of something that they cannot look at.
func (d *Desk) mention(ctx context.Context, s *chat.Session, m chat.Message, agents []uuid.UUID) error {
	if len(agents) == 0 {
		return nil
	}
	var named int
	err := s.Tx().QueryRow(ctx, `
		WITH n AS (INSERT INTO mentions (message_id, agent_id, conversation_id)
			SELECT $1, a.id, $2 FROM agents a WHERE a.id = ANY ($3) AND a.role <> 'editor' AND a.disabled_at IS NULL AND `+auth.IsPerson+`
			  AND (a.role IN ('supervisor', 'admin') OR EXISTS (SELECT FROM handoffs h WHERE h.conversation_id = $2
				AND (h.agent_id = a.id OR h.team IN (SELECT team FROM agent_teams WHERE agent_id = a.id))))
			RETURNING 1)
		SELECT count(*) FROM n`, m.ID, s.ID, agents).Scan(&named)
	if err != nil {
		return err
	}
	if named != len(agents) {
		return fault.Field("mentions", "cannot_read", "Somebody whom you name does not work in a team that has or had this conversation.")
	}
	s.AfterCommit(func() { d.bus.Notify(wake.Desk, mentioned) })
	return nil
}

// mentioned is the subject of wake.Desk for notes that name somebody.
const mentioned = "mentions"
