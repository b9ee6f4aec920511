package handoff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/wake"
)

// releasedAhead is how many seconds a conversation moves ahead whose agent is gone: before whatever has waited for up to
// two hours longer, but never before P1. It has waited for a person once already.
const releasedAhead = 2 * 60 * 60

// absent holds for an accepted handoff h whose agent a is not there for it any more: switched off, gone offline since they
// took it, set away by the router, or without a connection since. $1 says whether connections can be judged. What sleeps
// is left to sleep. Agents who work without a desk of their own, by tokens, have no connection to lose.
const absent = `(a.disabled_at IS NOT NULL OR (h.snoozed_until IS NULL AND (
	a.presence = 'offline' AND a.presence_at > h.owned_since
	OR a.presence = 'away' AND a.lapses >= 2
	OR $1 AND a.connected_until <= now() AND a.connected_until > h.owned_since)))`

// Release gives back everything that the agent has or is offered, also what sleeps: conversations go back to the queue,
// ahead of newer ones. It is for whoever ends a person's work; agents who are just gone are released by the router. by is
// who does it, for the record. It returns how many conversations were given back.
func (d *Desk) Release(ctx context.Context, agent uuid.UUID, by string) (int, error) {
	var n int
	for {
		rows, err := d.pool.Query(ctx, `SELECT id FROM handoffs WHERE ended_at IS NULL AND (agent_id = $1 OR wanted_agent = $1) ORDER BY rank, id LIMIT $2`, agent, followAtOnce)
		if err != nil {
			return n, err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(ids) == 0 {
			return n, err
		}
		for _, id := range ids {
			if err := d.release(ctx, id, agent, by, nil); err != nil {
				return n, err
			}
			n++
		}
	}
}

// releaseAbsent gives back what agents have who are not there for it. It returns whether more is left.
func (d *Desk) releaseAbsent(ctx context.Context) (more bool, err error) {
	judged := d.connectionsJudged()
	rows, err := d.pool.Query(ctx, `SELECT h.id, h.agent_id FROM agents a JOIN handoffs h ON h.agent_id = a.id AND h.ended_at IS NULL
		WHERE h.state = 'accepted' AND `+absent+` ORDER BY h.rank, h.id LIMIT $2`, judged, followAtOnce)
	if err != nil {
		return false, err
	}
	type held struct{ ID, Agent uuid.UUID }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[held])
	if err != nil {
		return false, err
	}
	for _, h := range all {
		if err := d.release(ctx, h.ID, h.Agent, "router", &judged); err != nil {
			return false, fmt.Errorf("release %s: %w", h.ID, err)
		}
	}
	return len(all) == followAtOnce, nil
}

// release gives one handoff back. Where judged is given, the agent may have come back meanwhile and keeps it then.
func (d *Desk) release(ctx context.Context, id, agent uuid.UUID, by string, judged *bool) error {
	var conversation uuid.UUID
	if err := d.pool.QueryRow(ctx, `SELECT conversation_id FROM handoffs WHERE id = $1`, id).Scan(&conversation); err != nil {
		return gone(err)
	}
	return d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		if err := setActor(ctx, s.Tx(), by); err != nil {
			return err
		}
		// Locked, because the router offers and takes back without the conversation's row.
		if _, err := s.Tx().Exec(ctx, `SELECT FROM handoffs WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
			return err
		}
		h, err := findHandoff(ctx, s.Tx(), `h.id = $1`, id)
		if err != nil || h.EndedAt != nil {
			return err
		}
		if h.AgentID == nil || *h.AgentID != agent { // only meant for them, or taken over meanwhile
			return forget(ctx, s, id, agent)
		}
		if h.State == Offered {
			if judged != nil {
				return nil // the router's own business
			}
			if _, err := s.Tx().Exec(ctx, `UPDATE handoffs SET state = 'queued', agent_id = NULL WHERE id = $1`, id); err != nil {
				return err
			}
			d.wakeQueue(s)
			return forget(ctx, s, id, agent)
		}
		if judged != nil {
			var gone bool
			err := s.Tx().QueryRow(ctx, `SELECT `+absent+` FROM handoffs h JOIN agents a ON a.id = h.agent_id WHERE h.id = $2`, *judged, id).Scan(&gone)
			if err != nil || !gone {
				return err
			}
		}
		team, err := findTeam(ctx, s.Tx(), h.Team)
		if err != nil {
			return err
		}
		if err := d.requeue(ctx, s, h, leaving{team: team, priority: h.Priority, boost: releasedAhead}); err != nil {
			return err
		}
		m := chat.Message{Author: chat.System, Text: line(h.Language, "released", named(h))}
		if err := s.AddMessage(ctx, &m); err != nil {
			return err
		}
		after, err := findHandoff(ctx, s.Tx(), `h.id = $1`, id)
		if err != nil {
			return err
		}
		if err := d.announce(ctx, s, after); err != nil {
			return err
		}
		d.wakeQueue(s)
		_, err = s.Tx().Exec(ctx, `
			WITH told AS (
				INSERT INTO alerts (id, kind, team, handoff_id, subject, detail) VALUES ($1, 'agent_gone', $2, $3, $4, jsonb_build_object('agent', $4::text, 'name', $5::text))
				ON CONFLICT (kind, subject) WHERE seen_at IS NULL DO NOTHING
			)
			INSERT INTO audit (actor, action, subject, detail) VALUES ($6, 'handoff.released', $3::text, jsonb_build_object('from_agent', $4::text, 'team', $2::text))`,
			uuid.Must(uuid.NewV7()), after.Team, id, agent.String(), named(h), by)
		return err
	})
}

// gone is the error of a look-up, except that what was deleted meanwhile is no error.
func gone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

func (d *Desk) wakeQueue(s *chat.Session) { s.AfterCommit(func() { d.bus.Notify(wake.Queue, "") }) }

// forget withdraws what the handoff means for the agent without being theirs: an open offer, a wish.
func forget(ctx context.Context, s *chat.Session, id, agent uuid.UUID) error {
	_, err := s.Tx().Exec(ctx, `
		WITH o AS (UPDATE offers SET outcome = 'withdrawn', ended_at = now() WHERE handoff_id = $1 AND agent_id = $2 AND outcome = 'open')
		UPDATE handoffs SET wanted_agent = NULL, wanted_until = NULL WHERE id = $1 AND wanted_agent = $2`, id, agent)
	return err
}

// noLongerAsked tells owners of conversations that the agent whom they asked to take over has not.
func (d *Desk) noLongerAsked(ctx context.Context) error {
	rows, err := d.pool.Query(ctx, `SELECT h.id, h.conversation_id FROM handoffs h WHERE h.wanted_agent IS NOT NULL AND h.ended_at IS NULL AND h.state = 'accepted'
		AND NOT EXISTS (SELECT FROM offers o WHERE o.handoff_id = h.id AND o.outcome = 'open') LIMIT $1`, followAtOnce)
	if err != nil {
		return err
	}
	type asked struct{ ID, Conversation uuid.UUID }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[asked])
	if err != nil {
		return err
	}
	for _, h := range all {
		err := d.record.Do(ctx, h.Conversation, func(ctx context.Context, s *chat.Session) error {
			var name string
			err := s.Tx().QueryRow(ctx, `
				WITH was AS (SELECT h.id, a.name FROM handoffs h JOIN agents a ON a.id = h.wanted_agent WHERE h.id = $1 AND h.state = 'accepted'
					AND NOT EXISTS (SELECT FROM offers o WHERE o.handoff_id = h.id AND o.outcome = 'open') FOR NO KEY UPDATE OF h)
				UPDATE handoffs SET wanted_agent = NULL, wanted_until = NULL FROM was WHERE handoffs.id = was.id RETURNING was.name`, h.ID).Scan(&name)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			d.wakeQueue(s)
			return d.whisper(ctx, s, name+" did not take this conversation over; it stays where it is.")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// connectionGrace is how long the router must have been looking without a break before it says that an agent's connection
// is gone: after an outage, or when all replicas were down, the desks need time to connect again.
const connectionGrace = 30 * time.Second

// lookGap is the longest time between two looks that still counts as looking without a break.
const lookGap = 5 * time.Second

// looked notes that the router has looked, at a time by this process's clock.
func (d *Desk) looked(now time.Time) {
	if last := d.lastLook.Load(); last == nil || now.Sub(*last) > lookGap {
		d.looking.Store(&now)
	}
	d.lastLook.Store(&now)
}

// connectionsJudged tells whether a connection that is late is taken for gone.
func (d *Desk) connectionsJudged() bool {
	since := d.looking.Load()
	return since != nil && time.Since(*since) >= d.opts.Grace
}
