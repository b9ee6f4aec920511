package delivery

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
)

// outOfLog is the number of a handoff that has nothing more to deliver.
const outOfLog = int64(1<<63 - 1)

// logPage is how many entries of one log are turned into deliveries in one transaction.
const logPage = 200

// target is somebody who is to be told.
type target struct {
	ID      uuid.UUID
	Webhook bool
	Kind    string   // of a connection
	Only    []string // kinds of events of a webhook, or teams of a connection; none is all, but no notes to a webhook
	Made    time.Time
}

// wants tells whether the target is told of an event. What a desk did itself it knows.
func (t target) wants(kind string, d Data) bool {
	if d.Handoff.QueuedAt.Before(t.Made) {
		return false // whoever came later is told of whole conversations, never of halves
	}
	if t.Webhook {
		return slices.Contains(t.Only, kind) || len(t.Only) == 0 && kind != NoteCreated // what is for colleagues leaves only where it was asked for
	}
	if len(t.Only) > 0 && !slices.Contains(t.Only, d.Handoff.Team) {
		return false
	}
	if m := d.Message; m != nil {
		if m.Author == chat.System || m.Author == chat.Assistant || m.Agent != nil && m.Agent.ID == t.ID {
			return false
		}
	}
	if kind == HandoffUpdated && d.Handoff.State == "offered" {
		return false
	}
	return !(kind != HandoffCreated && d.Message == nil && d.Handoff.Agent != nil && d.Handoff.Agent.ID == t.ID)
}

func (s *Service) targets(ctx context.Context, q db) ([]target, error) {
	rows, err := q.Query(ctx, `
		SELECT id, true, '', kinds, created_at FROM webhooks WHERE disabled_at IS NULL
		UNION ALL SELECT id, false, kind, teams, created_at FROM connections WHERE disabled_at IS NULL`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[target])
}

// FanOut turns what is new in the logs of handoffs into deliveries, and returns how many handoffs had something new. It is
// called by every replica; a handoff that another one is at is left to it.
func (s *Service) FanOut(ctx context.Context) (int, error) {
	targets, err := s.targets(ctx, s.pool)
	if err != nil {
		return 0, err
	}
	if len(targets) == 0 {
		return 0, nil
	}
	since := time.Now()
	for _, t := range targets {
		if t.Made.Before(since) {
			since = t.Made
		}
	}
	rows, err := s.pool.Query(ctx, `
		SELECT h.id FROM handoffs h JOIN conversations c ON c.id = h.conversation_id
		WHERE h.out_seq < c.last_seq AND h.out_seq < $2 AND h.queued_at >= $1 ORDER BY h.queued_at LIMIT 64`, since, outOfLog)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	n := 0
	for _, id := range ids {
		moved, err := s.fanOutOne(ctx, id, targets)
		if err != nil {
			return n, err
		}
		if moved {
			n++
		}
	}
	return n, nil
}

// source is a handoff with where its deliveries stand.
type source struct {
	Data
	out, last int64
}

func (s *Service) fanOutOne(ctx context.Context, id uuid.UUID, targets []target) (moved bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		src, err := readSource(ctx, tx, id)
		if err != nil || src == nil || src.out >= src.last {
			return err
		}
		moved = true
		entries, out, err := s.entries(ctx, tx, src)
		if err != nil {
			return err
		}
		for _, e := range entries {
			for _, t := range targets {
				if t.wants(e.kind, e.data) {
					if err := enqueue(ctx, tx, t, e); err != nil {
						return err
					}
				}
			}
		}
		_, err = tx.Exec(ctx, `UPDATE handoffs SET out_seq = $2 WHERE id = $1`, id, out)
		return err
	})
	return moved, err
}

// readSource locks the handoff's row, which nobody else does for long; nil where another replica is at it.
func readSource(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*source, error) {
	var src source
	h, c := &src.Handoff, &src.Conversation
	err := tx.QueryRow(ctx, `
		SELECT h.id, h.reason, h.explanation, h.topic, h.priority, h.team, h.language, h.state, h.summary, h.queued_at, h.due_at, h.out_seq,
			h.package, h.conversation_id
		FROM handoffs h WHERE h.id = $1 FOR NO KEY UPDATE SKIP LOCKED`, id).
		Scan(&h.ID, &h.Reason, &h.Explanation, &h.Topic, &h.Priority, &h.Team, &h.Language, &h.State, &h.Summary, &h.QueuedAt, &h.DueAt, &src.out,
			&src.Package, &c.ID)
	if err == pgx.ErrNoRows {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// Read after the row was locked, so that nothing is before it that another replica has delivered meanwhile.
	err = tx.QueryRow(ctx, `SELECT channel, market, locale, audience, customer, last_seq FROM conversations WHERE id = $1`, c.ID).
		Scan(&c.Channel, &c.Market, &c.Locale, &c.Audience, &c.Customer, &src.last)
	return &src, err
}

// entry is an event that is due to be delivered.
type entry struct {
	seq  int64
	kind string
	at   time.Time
	data Data
}

// entries reads the log behind what was delivered, a page at most, up to the end of the handoff, and returns the number up to
// which it has read. Numbers become visible in their order, so everything up to the conversation's last one can be read.
func (s *Service) entries(ctx context.Context, tx pgx.Tx, src *source) ([]entry, int64, error) {
	from, to := src.out, min(src.last, src.out+logPage)
	now := src.Data // as it was at the entry being looked at
	now.Package, now.Message, now.Handoff.State, now.Handoff.Agent = nil, nil, "", nil
	created := false
	if src.out == 0 {
		// The handoff's own first event is where its story begins; what was said before is in the package.
		err := tx.QueryRow(ctx, `SELECT seq FROM events WHERE conversation_id = $1 AND kind = 'handoff' AND data->>'id' = $2 ORDER BY seq LIMIT 1`,
			src.Conversation.ID, src.Handoff.ID.String()).Scan(&from)
		if err == pgx.ErrNoRows {
			return nil, src.last, nil
		}
		if err != nil {
			return nil, 0, err
		}
		from--
		to = min(src.last, from+logPage)
	} else {
		created = true
		err := tx.QueryRow(ctx, `SELECT data->>'state' FROM events WHERE conversation_id = $1 AND seq <= $2 AND kind = 'handoff' AND data->>'id' = $3
			ORDER BY seq DESC LIMIT 1`, src.Conversation.ID, from, src.Handoff.ID.String()).Scan(&now.Handoff.State)
		if err != nil && err != pgx.ErrNoRows {
			return nil, 0, err
		}
		var owner chat.OwnerEvent
		err = tx.QueryRow(ctx, `SELECT data FROM events WHERE conversation_id = $1 AND seq <= $2 AND kind = 'owner' ORDER BY seq DESC LIMIT 1`, src.Conversation.ID, from).
			Scan(&owner)
		if err != nil && err != pgx.ErrNoRows {
			return nil, 0, err
		}
		now.Handoff.Agent = owner.Agent
	}
	log, err := readLog(ctx, tx, src.Conversation.ID, from, to)
	if err != nil {
		return nil, 0, err
	}
	var out []entry
	for _, e := range log {
		now.Seq, now.Message, now.Package = e.Seq, nil, nil
		switch e.Kind {
		case chat.KindMessage:
			m := e.message
			kind := MessageCreated
			if m.Visibility == "internal" {
				kind = NoteCreated
			}
			now.Message = m
			out = append(out, entry{e.Seq, kind, e.At, now})
		case chat.KindOwner:
			var o chat.OwnerEvent
			if err := json.Unmarshal(e.Data, &o); err != nil {
				return nil, 0, err
			}
			if o.Owner != chat.OwnedByAssistant { // whoever ended it stays in its end
				now.Handoff.Agent = o.Agent
			}
		case chat.KindHandoff:
			var h struct {
				ID    uuid.UUID `json:"id"`
				State string    `json:"state"`
			}
			if err := json.Unmarshal(e.Data, &h); err != nil {
				return nil, 0, err
			}
			if h.ID != src.Handoff.ID {
				continue
			}
			kind := HandoffUpdated
			switch {
			case !created:
				kind, created, now.Package = HandoffCreated, true, src.Package
			case h.State == now.Handoff.State:
				continue // only its place has changed
			case h.State == "resolved" || h.State == "returned_to_assistant":
				kind = HandoffEnded
			}
			now.Handoff.State = h.State
			out = append(out, entry{e.Seq, kind, e.At, now})
			if kind == HandoffEnded {
				return out, outOfLog, nil
			}
		}
	}
	return out, to, nil
}

// logEntry is an entry of the log with its message read.
type logEntry struct {
	chat.Event
	message *chat.Message
}

func readLog(ctx context.Context, tx pgx.Tx, conversation uuid.UUID, from, to int64) ([]logEntry, error) {
	rows, err := tx.Query(ctx, `SELECT seq, kind, data, created_at FROM events WHERE conversation_id = $1 AND seq > $2 AND seq <= $3 AND kind IN ('owner', 'handoff')`,
		conversation, from, to)
	if err != nil {
		return nil, err
	}
	log, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e logEntry, err error) {
		return e, row.Scan(&e.Seq, &e.Kind, &e.Data, &e.At)
	})
	if err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, `
		SELECT m.id, m.seq, m.author, m.agent_id, COALESCE(a.name, ''), m.body, m.citations, m.attachments, m.turn_id, m.visibility, m.created_at
		FROM messages m LEFT JOIN agents a ON a.id = m.agent_id WHERE m.conversation_id = $1 AND m.seq > $2 AND m.seq <= $3`, conversation, from, to)
	if err != nil {
		return nil, err
	}
	messages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e logEntry, err error) {
		var m chat.Message
		var agent *uuid.UUID
		var name string
		err = row.Scan(&m.ID, &m.Seq, &m.Author, &agent, &name, &m.Text, &m.Citations, &m.Attachments, &m.Turn, &m.Visibility, &m.CreatedAt)
		if agent != nil {
			m.Agent = &chat.AgentRef{ID: *agent, Name: name}
		}
		m.AI = m.Author == chat.Assistant
		e.Seq, e.Kind, e.At, e.message = m.Seq, chat.KindMessage, m.CreatedAt, &m
		return e, err
	})
	if err != nil {
		return nil, err
	}
	log = append(log, messages...)
	slices.SortFunc(log, func(a, b logEntry) int { return int(a.Seq - b.Seq) })
	return log, nil
}

func enqueue(ctx context.Context, tx pgx.Tx, t target, e entry) error {
	payload, err := json.Marshal(Event{Type: e.kind, Timestamp: e.at.UTC(), Data: e.data})
	if err != nil {
		return err
	}
	webhook, connection := &t.ID, (*uuid.UUID)(nil)
	if !t.Webhook {
		webhook, connection = nil, &t.ID
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO deliveries (id, webhook_id, connection_id, handoff_id, conversation_id, seq, kind, payload)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		uuid.Must(uuid.NewV7()), webhook, connection, e.data.Handoff.ID, e.data.Conversation.ID, e.seq, e.kind, payload)
	return err
}
