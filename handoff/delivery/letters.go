package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
)

// Delivery is one event for one target, with what became of it.
type Delivery struct {
	ID             uuid.UUID  `json:"id"`
	Target         string     `json:"target"` // webhook, a kind of connection, or customer
	TargetID       *uuid.UUID `json:"target_id"`
	TargetName     string     `json:"target_name"` // of a webhook its address
	ConversationID uuid.UUID  `json:"conversation_id"`
	Seq            int64      `json:"seq"`
	Kind           string     `json:"kind"`
	State          string     `json:"state"` // pending | done | dead | dropped
	Attempts       int        `json:"attempts"`
	NextAt         *time.Time `json:"next_at"` // of a pending one
	Status         *int       `json:"status"`  // of the last attempt, where there was an answer
	Error          string     `json:"error"`
	CreatedAt      time.Time  `json:"created_at"`
	DoneAt         *time.Time `json:"done_at"`
	Behind         int        `json:"behind"` // how many wait because this one is dead
}

// Attempt is one attempt of a delivery.
type Attempt struct {
	N      int       `json:"n"`
	At     time.Time `json:"at"`
	Status *int      `json:"status"`
	Took   float64   `json:"took_ms"`
	Error  string    `json:"error"`
}

// Letter is a delivery with what was sent and every attempt.
type Letter struct {
	Delivery
	Payload json.RawMessage `json:"payload"`
	History []Attempt       `json:"history"`
}

const deliveryColumns = `d.id, CASE WHEN d.webhook_id IS NOT NULL THEN 'webhook' WHEN d.connection_id IS NOT NULL THEN c.kind ELSE 'customer' END,
	COALESCE(d.webhook_id, d.connection_id), COALESCE(w.url, c.name, ''), d.conversation_id, d.seq, d.kind, d.state, d.attempts,
	CASE WHEN d.state = 'pending' THEN d.next_at END, d.status, d.error, d.created_at, d.done_at,
	CASE WHEN d.state = 'dead' AND d.connection_id IS NOT NULL THEN (SELECT count(*) FROM deliveries b
		WHERE b.connection_id = d.connection_id AND b.conversation_id = d.conversation_id AND b.seq > d.seq AND b.state = 'pending') ELSE 0 END`

const deliveryFrom = ` FROM deliveries d LEFT JOIN webhooks w ON w.id = d.webhook_id LEFT JOIN connections c ON c.id = d.connection_id WHERE `

// Filter says which deliveries are wanted.
type Filter struct {
	State  string     // "" for every state
	Target *uuid.UUID // of one webhook or connection
	Before *uuid.UUID // page on behind this one
}

// pageOf is how many deliveries a page has.
const pageOf = 50

// Deliveries returns a page of deliveries, newest first, and the id to page on with, nil at the end.
func (s *Service) Deliveries(ctx context.Context, f Filter) ([]Delivery, *uuid.UUID, error) {
	switch f.State {
	case "", "pending", "done", "dead", "dropped":
	default:
		return nil, nil, fault.Field("state", "unknown_state", "Use pending, done, dead or dropped.")
	}
	rows, err := s.pool.Query(ctx, `SELECT `+deliveryColumns+deliveryFrom+`($1 = '' OR d.state = $1) AND ($2::uuid IS NULL OR d.webhook_id = $2 OR d.connection_id = $2)
		AND ($3::uuid IS NULL OR d.id < $3) ORDER BY d.id DESC LIMIT $4`, f.State, f.Target, f.Before, pageOf+1)
	if err != nil {
		return nil, nil, err
	}
	ds, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Delivery])
	if err != nil {
		return nil, nil, err
	}
	if len(ds) > pageOf {
		return ds[:pageOf], &ds[pageOf-1].ID, nil
	}
	return filled(ds), nil, nil
}

// Letter returns one delivery with everything about it.
func (s *Service) Letter(ctx context.Context, id uuid.UUID) (Letter, error) {
	var l Letter
	rows, err := s.pool.Query(ctx, `SELECT `+deliveryColumns+deliveryFrom+`d.id = $1`, id)
	if err != nil {
		return l, err
	}
	l.Delivery, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Delivery])
	if errors.Is(err, pgx.ErrNoRows) {
		return l, errNoDelivery
	}
	if err != nil {
		return l, err
	}
	if err := s.pool.QueryRow(ctx, `SELECT payload FROM deliveries WHERE id = $1`, id).Scan(&l.Payload); err != nil {
		return l, err
	}
	rows, err = s.pool.Query(ctx, `SELECT n, at, status, took_ms::float8, error FROM delivery_attempts WHERE delivery_id = $1 ORDER BY n`, id)
	if err != nil {
		return l, err
	}
	history, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Attempt])
	l.History = filled(history)
	return l, err
}

var errNoDelivery = fault.New(fault.NotFound, "delivery_not_found", "There is no such delivery.")

// Replay sends a delivery again that is dead, was dropped, or was done. The receiver gets it with the same id; its attempts
// are counted on, so that a desk looks first whether it has it.
func (s *Service) Replay(ctx context.Context, a handoff.Agent, id uuid.UUID) error {
	return s.change(ctx, a, id, "delivery.replayed", `UPDATE deliveries SET state = 'pending', next_at = now(), lease_until = NULL, done_at = NULL
		WHERE id = $1 AND state IN ('dead', 'dropped', 'done')`, "It is pending already and will be sent.")
}

// Drop gives a delivery up, so that what waits behind it goes on.
func (s *Service) Drop(ctx context.Context, a handoff.Agent, id uuid.UUID) error {
	return s.change(ctx, a, id, "delivery.dropped", `UPDATE deliveries SET state = 'dropped', done_at = now(), lease_until = NULL WHERE id = $1 AND state IN ('dead', 'pending')`,
		"Only what is pending or dead can be dropped.")
}

func (s *Service) change(ctx context.Context, a handoff.Agent, id uuid.UUID, action, sql, otherwise string) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			var there bool
			if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM deliveries WHERE id = $1)`, id).Scan(&there); err != nil {
				return err
			}
			if !there {
				return errNoDelivery
			}
			return fault.New(fault.Conflict, "not_possible", "%s", otherwise)
		}
		return audit(ctx, tx, a, action, id, nil)
	})
	s.poke()
	return err
}

// ReplayDead sends everything again that is dead, of one target or of all, and returns how much that is.
func (s *Service) ReplayDead(ctx context.Context, a handoff.Agent, target *uuid.UUID) (int, error) {
	n := 0
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE deliveries SET state = 'pending', next_at = now(), lease_until = NULL
			WHERE state = 'dead' AND ($1::uuid IS NULL OR webhook_id = $1 OR connection_id = $1)`, target)
		if err != nil {
			return err
		}
		n = int(tag.RowsAffected())
		subject := uuid.Nil
		if target != nil {
			subject = *target
		}
		return audit(ctx, tx, a, "delivery.replayed_dead", subject, map[string]any{"deliveries": n})
	})
	s.poke()
	return n, err
}
