package handoff

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// longestSnooze bounds how long a conversation sleeps: what is later is nobody's any more.
const longestSnooze = 90 * 24 * time.Hour

// Snooze lets an accepted conversation sleep until a time, or until the customer writes. It stays with its agent and counts
// nothing towards what they can take meanwhile. Seen is as in Resolve.
func (d *Desk) Snooze(ctx context.Context, conversation uuid.UUID, a Agent, until time.Time, seen int64) (Handoff, error) {
	h, err := d.openOf(ctx, conversation)
	if err != nil {
		return h, err
	}
	return d.step(ctx, h.ID, a, "snoozed", map[string]any{"until": until}, func(ctx context.Context, s *chat.Session, h Handoff) error {
		if err := d.governs(ctx, s, a, h); err != nil {
			return err
		}
		if !until.After(s.Now()) || until.After(s.Now().Add(longestSnooze)) {
			return fault.Field("until", "out_of_range", "Choose a time between now and 90 days from now.")
		}
		if seen > 0 && s.CustomerSeq > seen {
			return errCustomerWrote
		}
		_, err := s.Tx().Exec(ctx, `UPDATE handoffs SET snoozed_until = $2, snoozed_seq = $3 WHERE id = $1 AND state = 'accepted'`, h.ID, until, s.CustomerSeq)
		return err
	})
}

var errCustomerWrote = fault.New(fault.Conflict, "customer_wrote", "The customer has written again meanwhile; read it first.")

// Wake ends the sleep of a conversation at once.
func (d *Desk) Wake(ctx context.Context, conversation uuid.UUID, a Agent) (Handoff, error) {
	h, err := d.openOf(ctx, conversation)
	if err != nil {
		return h, err
	}
	return d.step(ctx, h.ID, a, "woken", nil, func(ctx context.Context, s *chat.Session, h Handoff) error {
		if err := d.governs(ctx, s, a, h); err != nil {
			return err
		}
		_, err := s.Tx().Exec(ctx, `WITH a AS (SELECT FROM agents WHERE id = $2 FOR NO KEY UPDATE)
			UPDATE handoffs SET snoozed_until = NULL, snoozed_seq = NULL WHERE id = $1 AND EXISTS (SELECT FROM a)`, h.ID, h.AgentID)
		return err
	})
}

// wokenAtOnce bounds one look; what is left is due at once.
const wokenAtOnce = 256

// rouse ends the sleep of what sleeps in the conversation, or where it is nil in all, because the time has come or the
// customer has written.
func (d *Desk) rouse(ctx context.Context, conversation *uuid.UUID) error {
	skip := " SKIP LOCKED" // whoever has the row may be waking it
	if conversation != nil {
		skip = "" // or is not, and nobody else would hear the customer
	}
	// The agent's row as well: it counts again from now on, and the router counts behind that lock.
	tag, err := d.pool.Exec(ctx, `
		WITH due AS (
			SELECT h.id, c.customer_seq > h.snoozed_seq AS written FROM handoffs h
			JOIN conversations c ON c.id = h.conversation_id JOIN agents a ON a.id = h.agent_id
			WHERE h.snoozed_until IS NOT NULL AND (h.snoozed_until <= clock_timestamp() OR c.customer_seq > h.snoozed_seq)
			  AND ($1::uuid IS NULL OR h.conversation_id = $1)
			ORDER BY h.snoozed_until LIMIT $2 FOR NO KEY UPDATE OF h, a`+skip+`
		), woken AS (UPDATE handoffs h SET snoozed_until = NULL, snoozed_seq = NULL FROM due WHERE h.id = due.id)
		INSERT INTO audit (actor, action, subject, detail)
		SELECT 'router', 'handoff.woken', id::text, jsonb_build_object('why', CASE WHEN written THEN 'customer' ELSE 'time' END) FROM due`,
		conversation, wokenAtOnce)
	if err == nil && tag.RowsAffected() > 0 {
		d.bus.Notify(wake.Queue, "")
	}
	return err
}

// unheardEvery is how often sleepers are looked for whose customer wrote to a process that ended before it told the desk.
const unheardEvery = 10 * time.Second

// sleepers is the ticker that wakes them.
func (d *Desk) sleepers() Ticker {
	var sweep time.Time
	return Ticker{
		Name: "snooze",
		Next: func(ctx context.Context) (time.Time, error) {
			var next, now *time.Time
			err := d.pool.QueryRow(ctx, `SELECT min(snoozed_until), clock_timestamp() FROM handoffs WHERE snoozed_until IS NOT NULL`).Scan(&next, &now)
			if err != nil || next == nil {
				return time.Time{}, err
			}
			if sweep.IsZero() {
				sweep = *now
			}
			if sweep.Before(*next) {
				return sweep, nil
			}
			return *next, nil
		},
		Run: func(ctx context.Context) error {
			now, err := d.clock(ctx)
			if err != nil {
				return err
			}
			sweep = now.Add(unheardEvery)
			return d.rouse(ctx, nil)
		},
	}
}

// customerWakes is called for every message of a customer that people will read.
func (d *Desk) customerWakes(ctx context.Context, conversation uuid.UUID, _ int64) error {
	return d.rouse(ctx, &conversation)
}
