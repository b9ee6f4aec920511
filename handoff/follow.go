package handoff

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// followAtOnce bounds how many conversations one round speaks in before it looks what is due again.
const followAtOnce = 64

// speak does what looks have left to say, each in a session of its conversation, beside the router and not within it: who
// waits for the router never waits for a conversation. Every replica does; the conversation's row decides who was first.
func (d *Desk) speak(ctx context.Context) {
	var told time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.follow:
		}
		more, err := d.followUp(ctx)
		// Positions change with every agent who takes something; once a tick is often enough for whoever reads them.
		if now := time.Now(); err == nil && now.Sub(told) >= d.opts.Tick/2 {
			told = now
			var untold bool
			if untold, err = d.tellHours(ctx); err == nil {
				err = d.tellPositions(ctx)
			}
			if untold {
				more, told = true, time.Time{}
			}
		}
		if err != nil && ctx.Err() == nil {
			d.log.Warn("work of the desk failed; it is tried again", "work", "follow", "error", err)
		}
		if more && err == nil {
			select {
			case d.follow <- struct{}{}:
			default:
			}
		}
	}
}

// followUp gives back what absent agents have, and asks somebody else where a team's time is up. It returns whether more is
// due.
func (d *Desk) followUp(ctx context.Context) (more bool, err error) {
	if more, err = d.releaseAbsent(ctx); err != nil {
		return false, err
	}
	if err := d.noLongerAsked(ctx); err != nil {
		return false, err
	}
	rows, err := d.pool.Query(ctx, `SELECT id FROM handoffs WHERE state = 'queued' AND review_at <= now() ORDER BY review_at LIMIT $1`, followAtOnce)
	if err != nil {
		return false, err
	}
	due, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return false, err
	}
	for _, id := range due {
		if err := d.giveUp(ctx, id); err != nil {
			return false, fmt.Errorf("give up %s: %w", id, err)
		}
	}
	return more || len(due) == followAtOnce, nil
}

const (
	supervisorsFor = time.Minute // supervisors who are there have so long, once nobody else is left
	askAgain       = time.Hour   // a team that never opens is looked at again after this
)

// giveUp is for a handoff that its team has not taken in its time. It goes to the fallback team, or, when none is there,
// supervisors are told, and then an answer is promised by a time, which the customer reads. It stays in the queue all the
// while. Where the team is closed, the customer has read when it opens and keeps the place, unless it is urgent.
func (d *Desk) giveUp(ctx context.Context, id uuid.UUID) error {
	var conversation uuid.UUID
	if err := d.pool.QueryRow(ctx, `SELECT conversation_id FROM handoffs WHERE id = $1`, id).Scan(&conversation); err != nil {
		return gone(err)
	}
	err := d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		// Again behind the lock, because another replica may have done it meanwhile.
		if _, err := s.Tx().Exec(ctx, `SELECT FROM handoffs WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
			return err
		}
		h, err := findHandoff(ctx, s.Tx(), `h.id = $1 AND h.state = 'queued' AND h.review_at <= now()`, id)
		if err != nil {
			return err
		}
		team, err := findTeam(ctx, s.Tx(), h.Team)
		if err != nil {
			return err
		}
		open, opens := team.Hours.At(h.Market, s.Now())
		again := s.Now().Add(askAgain)
		if !opens.IsZero() {
			again = opens.Add(team.Rules.Routing.patience(h.Priority))
		}
		if !open && h.Priority >= 3 {
			return review(ctx, s, id, again)
		}
		next, err := openFallback(ctx, s, team, h.Market)
		if err != nil {
			return err
		}
		if next != nil {
			return d.fallBack(ctx, s, h, *next)
		}
		waits, err := d.tellSupervisors(ctx, s, h)
		switch {
		case err != nil:
			return err
		case waits:
			return review(ctx, s, id, s.Now().Add(supervisorsFor))
		case !open:
			return review(ctx, s, id, again)
		}
		return d.promiseAnswer(ctx, s, h, team)
	})
	if fault.Is(err, fault.NotFound) {
		return nil // taken meanwhile
	}
	return err
}

// review has the handoff looked at again at a time.
func review(ctx context.Context, s *chat.Session, id uuid.UUID, at time.Time) error {
	_, err := s.Tx().Exec(ctx, `UPDATE handoffs SET review_at = $2 WHERE id = $1`, id, at)
	return err
}

// openFallback is the first of the teams that stand behind the team, one behind the other, that is open; nil for none.
func openFallback(ctx context.Context, s *chat.Session, team Team, market string) (*Team, error) {
	for range 16 { // teams have no rings of fallbacks; should one have come about, it is left
		if team.Fallback == nil || *team.Fallback == team.Key {
			return nil, nil
		}
		var err error
		if team, err = findTeam(ctx, s.Tx(), *team.Fallback); err != nil {
			return nil, err
		}
		if open, _ := team.Hours.At(market, s.Now()); open {
			return &team, nil
		}
	}
	return nil, nil
}

func (d *Desk) fallBack(ctx context.Context, s *chat.Session, h Handoff, team Team) error {
	from := h.Team
	_, err := s.Tx().Exec(ctx, `
		WITH h AS (UPDATE handoffs SET team = $2, offers = 0, team_since = now(), wanted_agent = NULL, wanted_until = NULL, weight = $3,
			review_at = now() + $4 * interval '1 second' WHERE id = $1 AND state = 'queued')
		INSERT INTO audit (actor, action, subject, detail) VALUES ('router', 'handoff.fallback', $1::text, jsonb_build_object('from_team', $5::text, 'team', $2::text))`,
		h.ID, team.Key, team.Rules.Routing.weight(deref(h.Topic), h.Priority), team.Rules.Routing.patience(h.Priority).Seconds(), from)
	if err != nil {
		return err
	}
	h.Team = team.Key
	if err := d.startClocks(ctx, s, h, team); err != nil {
		return err
	}
	d.wakeQueue(s)
	return d.announce(ctx, s, h)
}

// tellSupervisors alerts them, once, that nobody is left to ask. It returns whether one is there who can do something.
func (d *Desk) tellSupervisors(ctx context.Context, s *chat.Session, h Handoff) (bool, error) {
	tag, err := s.Tx().Exec(ctx, `
		WITH h AS (UPDATE handoffs SET alerted_at = now() WHERE id = $1 AND alerted_at IS NULL RETURNING id, team, priority, topic),
		told AS (
			INSERT INTO alerts (id, kind, team, handoff_id, subject, detail)
			SELECT $2, 'nobody_left', team, id, id::text, jsonb_build_object('priority', priority, 'topic', topic) FROM h
			ON CONFLICT (kind, subject) WHERE seen_at IS NULL DO NOTHING)
		INSERT INTO audit (actor, action, subject, detail) SELECT 'router', 'handoff.nobody_left', id::text, jsonb_build_object('team', team) FROM h`,
		h.ID, uuid.Must(uuid.NewV7()))
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	s.AfterCommit(func() { d.bus.Notify(wake.Queue, "") })
	var there bool
	err = s.Tx().QueryRow(ctx, `SELECT EXISTS (SELECT FROM agents WHERE role IN ('supervisor', 'admin') AND disabled_at IS NULL
		AND presence IN ('online', 'away') AND connected_until > now())`).Scan(&there)
	return there, err
}

// promiseAnswer tells the customer by when somebody answers. Whoever comes to work is still offered it.
func (d *Desk) promiseAnswer(ctx context.Context, s *chat.Session, h Handoff, team Team) error {
	by := promise(team, h, s.Now())
	var kept bool // a promise whose time has not come is not made again
	if err := s.Tx().QueryRow(ctx, `SELECT EXISTS (SELECT FROM jsonb_array_elements(package->'promises') p
		WHERE p->>'text' = 'answer in the chat' AND (p->>'by')::timestamptz > now()) FROM handoffs WHERE id = $1`, h.ID).Scan(&kept); err != nil {
		return err
	}
	if kept {
		_, err := s.Tx().Exec(ctx, `UPDATE handoffs SET state = 'asynchronous', offers = 0, review_at = NULL WHERE id = $1 AND state = 'queued'`, h.ID)
		return err
	}
	_, err := s.Tx().Exec(ctx, `
		UPDATE handoffs SET state = 'asynchronous', offers = 0, review_at = NULL, due_at = $2,
			package = jsonb_set(package, '{promises}', package->'promises' || jsonb_build_array(jsonb_build_object('text', 'answer in the chat', 'by', $2::timestamptz)))
		WHERE id = $1 AND state = 'queued'`, h.ID, by)
	if err != nil {
		return err
	}
	h.State, h.DueAt = Asynchronous, &by
	if err := d.startClocks(ctx, s, h, team); err != nil {
		return err
	}
	// Whoever passed on it may be asked again: there is nobody else.
	if err := withdraw(ctx, s, h.ID); err != nil {
		return err
	}
	d.wakeQueue(s)
	zone, err := team.zoneFor(ctx, s.Tx(), h.Market)
	if err != nil {
		return err
	}
	when := moment(h.Language, "by", by, zone)
	m := chat.Message{Author: chat.System, Text: line(h.Language, "asynchronous", when.Text), Times: []chat.Moment{when}}
	if err := s.AddMessage(ctx, &m); err != nil {
		return err
	}
	return d.announce(ctx, s, h)
}

// Positions are told to those near the front, few at a look: further back they change too often to help anyone.
const (
	toldPositions = 20
	toldAtOnce    = 16
)

// tellPositions appends an event for waiting customers whose position has changed since they were told. The most urgent have
// none that they are told.
func (d *Desk) tellPositions(ctx context.Context) error {
	rows, err := d.pool.Query(ctx, `
		SELECT w.id, w.conversation_id, w.position FROM teams t CROSS JOIN LATERAL (
			SELECT q.*, row_number() OVER (ORDER BY rank, id) AS position FROM (
				SELECT id, conversation_id, told_position, rank, priority FROM handoffs
				WHERE team = t.key AND state IN ('queued', 'offered', 'asynchronous') ORDER BY rank, id LIMIT $1) q) w
		WHERE w.position <> w.told_position AND w.priority > 1 ORDER BY w.position LIMIT $2`, toldPositions, toldAtOnce)
	if err != nil {
		return err
	}
	type moved struct {
		ID, ConversationID uuid.UUID
		Position           int
	}
	queue, err := pgx.CollectRows(rows, pgx.RowToStructByPos[moved])
	if err != nil {
		return err
	}
	for _, m := range queue {
		err := d.record.Do(ctx, m.ConversationID, func(ctx context.Context, s *chat.Session) error {
			tag, err := s.Tx().Exec(ctx, `UPDATE handoffs SET told_position = $2 WHERE id = $1 AND told_position <> $2 AND ended_at IS NULL AND state <> 'accepted'`, m.ID, m.Position)
			if err != nil || tag.RowsAffected() == 0 {
				return err
			}
			h, err := findHandoff(ctx, s.Tx(), `h.id = $1`, m.ID)
			if err != nil {
				return err
			}
			return d.announce(ctx, s, h)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
