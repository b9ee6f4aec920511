package handoff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// The router's rules of patience.
const (
	routerLock = 0x66697273746c696e // advisory lock: one replica routes at a time

	marketDropped   = 30 * time.Second // waited this long: agents of other markets may take it
	languageDropped = 60 * time.Second // waited this long: agents without the language may take it
	awayAfter       = 2                // offers let lapse in a row until an agent is set away
	escalateAfter   = 3                // offers not taken in one team until the fallback team is asked
	asyncAfter      = 10 * time.Minute // nobody could be offered it for this long: an honest promise for later
)

// Route does everything that is due now: offers that lapsed are taken back, waiting handoffs are offered, and those that
// nobody took are escalated or promised for later. Any replica may call it at any time; one works, the others return.
func (d *Desk) Route(ctx context.Context) error {
	var changed bool
	var due []uuid.UUID
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(routerLock)).Scan(&mine); err != nil || !mine {
			return err
		}
		lapsed, err := d.lapse(ctx, tx)
		if err != nil {
			return fmt.Errorf("lapse: %w", err)
		}
		offered, err := d.offer(ctx, tx)
		if err != nil {
			return fmt.Errorf("offer: %w", err)
		}
		changed = lapsed+offered > 0
		due, err = d.overdue(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	if err := d.tellPositions(ctx); err != nil {
		return fmt.Errorf("positions: %w", err)
	}
	for _, id := range due { // these speak to the customer, so each is a session of its conversation
		if err := d.giveUp(ctx, id); err != nil {
			return fmt.Errorf("escalate %s: %w", id, err)
		}
		changed = true
	}
	if changed {
		d.bus.Notify(wake.Queue, "")
	}
	return nil
}

// lapse takes back offers whose time is up or whose agent is gone; an agent who lets several lapse is set away.
func (d *Desk) lapse(ctx context.Context, tx pgx.Tx) (int64, error) {
	// The handoff's row first, as everywhere, so that this and an agent who accepts do not wait for each other; an agent who
	// is accepting at this moment is not too late.
	tag, err := tx.Exec(ctx, `
		WITH due AS (
			SELECT o.id FROM offers o JOIN agents a ON a.id = o.agent_id JOIN handoffs h ON h.id = o.handoff_id
			WHERE o.outcome = 'open' AND (o.expires_at <= now() OR a.presence <> 'online' OR a.connected_until <= now())
			FOR NO KEY UPDATE OF h SKIP LOCKED
		), gone AS (
			UPDATE offers o SET outcome = 'lapsed' FROM due WHERE o.id = due.id AND o.outcome = 'open'
			RETURNING o.handoff_id, o.agent_id
		), back AS (
			UPDATE handoffs h SET state = 'queued', agent_id = NULL FROM gone
			WHERE h.id = gone.handoff_id AND h.state = 'offered' AND h.agent_id = gone.agent_id
		)
		UPDATE agents a SET lapses = lapses + 1, presence = CASE WHEN presence = 'online' AND lapses + 1 >= $1 THEN 'away' ELSE presence END
		FROM (SELECT DISTINCT agent_id FROM gone) g WHERE a.id = g.agent_id`, awayAfter)
	return tag.RowsAffected(), err
}

// offerAtOnce bounds one look. Only what somebody could take counts, so the next look goes on where this one ended.
const offerAtOnce = 64

// offer walks the queue in its order and offers each handoff to the least loaded and then longest idle of the agents who
// are online, permitted, under capacity, and have not passed on it before. Skills are asked for at first and dropped one
// at a time.
func (d *Desk) offer(ctx context.Context, tx pgx.Tx) (int64, error) {
	// Only what somebody could take now, so that the queue of a team that is full or away never hides the others'.
	rows, err := tx.Query(ctx, `
		WITH free AS MATERIALIZED (
			SELECT a.id, a.markets, a.languages, t.team FROM agents a JOIN agent_teams t ON t.agent_id = a.id
			WHERE a.presence = 'online' AND a.connected_until > now()
			  AND (SELECT count(*) FROM handoffs WHERE agent_id = a.id AND ended_at IS NULL) < a.capacity
		)
		SELECT id, team, language, market, extract(epoch FROM now() - team_since)::float8 AS waited FROM handoffs h
		WHERE state IN ('queued', 'asynchronous') AND EXISTS (SELECT FROM free f WHERE f.team = h.team
			AND (h.team_since < now() - $2 * interval '1 second' OR f.markets = '{}' OR h.market = ANY (f.markets))
			AND (h.team_since < now() - $3 * interval '1 second' OR f.languages = '{}' OR h.language = ANY (f.languages))
			AND NOT EXISTS (SELECT FROM offers o WHERE o.handoff_id = h.id AND o.agent_id = f.id AND o.outcome IN ('declined', 'lapsed')))
		ORDER BY rank, id LIMIT $1 FOR UPDATE OF h SKIP LOCKED`, offerAtOnce, marketDropped.Seconds(), languageDropped.Seconds())
	if err != nil {
		return 0, err
	}
	type waiting struct {
		ID                     uuid.UUID
		Team, Language, Market string
		Waited                 float64
	}
	queue, err := pgx.CollectRows(rows, pgx.RowToStructByPos[waiting])
	if err != nil {
		return 0, err
	}
	var made int64
	for _, h := range queue {
		var agent uuid.UUID
		err := tx.QueryRow(ctx, `
			SELECT a.id FROM agents a
			JOIN agent_teams t ON t.agent_id = a.id AND t.team = $2
			CROSS JOIN LATERAL (SELECT count(*) AS load FROM handoffs WHERE agent_id = a.id AND ended_at IS NULL) l
			WHERE a.presence = 'online' AND a.connected_until > now() AND l.load < a.capacity
			  AND ($4 OR a.markets = '{}' OR $3 = ANY (a.markets))
			  AND ($6 OR a.languages = '{}' OR $5 = ANY (a.languages))
			  AND NOT EXISTS (SELECT FROM offers o WHERE o.handoff_id = $1 AND o.agent_id = a.id AND o.outcome IN ('declined', 'lapsed'))
			ORDER BY l.load::float8 / a.capacity, a.last_offer_at, a.id
			LIMIT 1
			FOR UPDATE OF a`, h.ID, h.Team, h.Market, h.Waited > marketDropped.Seconds(), h.Language, h.Waited > languageDropped.Seconds()).Scan(&agent)
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return made, err
		}
		_, err = tx.Exec(ctx, `
			WITH h AS (UPDATE handoffs SET state = 'offered', agent_id = $2, offers = offers + 1 WHERE id = $1),
			     a AS (UPDATE agents SET last_offer_at = now() WHERE id = $2)
			INSERT INTO offers (id, handoff_id, agent_id, expires_at) VALUES ($3, $1, $2, now() + $4 * interval '1 second')`,
			h.ID, agent, uuid.Must(uuid.NewV7()), d.opts.OfferFor.Seconds())
		if err != nil {
			return made, err
		}
		made++
	}
	return made, nil
}

// overdue finds waiting handoffs that the team will not take by itself: passed on too often, or offered to nobody for long.
func (d *Desk) overdue(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		SELECT id FROM handoffs h
		WHERE state = 'queued' AND (offers >= $1 OR (team_since < now() - $2 * interval '1 second'
			AND NOT EXISTS (SELECT FROM offers o WHERE o.handoff_id = h.id AND o.made_at > now() - $2 * interval '1 second')))
		ORDER BY rank, id LIMIT $3`, escalateAfter, asyncAfter.Seconds(), offerAtOnce)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// giveUp moves a handoff that its team does not take to the fallback team, or, when there is none, promises an answer by a
// time, which the customer reads. It stays in the queue either way.
func (d *Desk) giveUp(ctx context.Context, id uuid.UUID) error {
	var conversation uuid.UUID
	if err := d.pool.QueryRow(ctx, `SELECT conversation_id FROM handoffs WHERE id = $1`, id).Scan(&conversation); err != nil {
		return err
	}
	err := d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		h, err := findHandoff(ctx, s.Tx(), `h.id = $1 AND h.state = 'queued'`, id)
		if err != nil {
			return err
		}
		team, err := findTeam(ctx, s.Tx(), h.Team)
		if err != nil {
			return err
		}
		if team.Fallback != nil && *team.Fallback != h.Team {
			_, err := s.Tx().Exec(ctx, `UPDATE handoffs SET team = $2, offers = 0, team_since = now() WHERE id = $1 AND state = 'queued'`, id, *team.Fallback)
			if err != nil {
				return err
			}
			h.Team = *team.Fallback
			if team, err = findTeam(ctx, s.Tx(), h.Team); err != nil {
				return err
			}
			if err := d.startClocks(ctx, s, h, team); err != nil {
				return err
			}
			return d.announce(ctx, s, h)
		}
		by := promise(team, h, s.Now())
		var kept bool // a promise whose time has not come is not made again
		if err := s.Tx().QueryRow(ctx, `SELECT EXISTS (SELECT FROM jsonb_array_elements(package->'promises') p
			WHERE p->>'text' = 'answer in the chat' AND (p->>'by')::timestamptz > now()) FROM handoffs WHERE id = $1`, id).Scan(&kept); err != nil {
			return err
		}
		if kept {
			_, err := s.Tx().Exec(ctx, `UPDATE handoffs SET state = 'asynchronous', offers = 0 WHERE id = $1 AND state = 'queued'`, id)
			return err
		}
		_, err = s.Tx().Exec(ctx, `
			UPDATE handoffs SET state = 'asynchronous', offers = 0, due_at = $2,
				package = jsonb_set(package, '{promises}', package->'promises' || jsonb_build_array(jsonb_build_object('text', 'answer in the chat', 'by', $2::timestamptz)))
			WHERE id = $1 AND state = 'queued'`, id, by)
		if err != nil {
			return err
		}
		h.State, h.DueAt = Asynchronous, &by
		if err := d.startClocks(ctx, s, h, team); err != nil {
			return err
		}
		// Whoever passed on it may be asked again: there is nobody else.
		if _, err := s.Tx().Exec(ctx, `UPDATE offers SET outcome = 'withdrawn' WHERE handoff_id = $1 AND outcome IN ('lapsed', 'declined')`, id); err != nil {
			return err
		}
		p := Place{OpensAt: &by, Zone: team.Hours.Zone(h.Market)}
		m := chat.Message{Author: chat.System, Text: line(h.Language, "asynchronous", p.when(languageIndex(h.Language)))}
		if err := s.AddMessage(ctx, &m); err != nil {
			return err
		}
		return d.announce(ctx, s, h)
	})
	if fault.Is(err, fault.NotFound) {
		return nil // taken meanwhile
	}
	return err
}

// Positions are told to those near the front, few at a look: further back they change too often to help anyone.
const (
	toldPositions = 20
	toldAtOnce    = 16
)

// tellPositions appends an event for waiting customers whose position has changed since they were told.
func (d *Desk) tellPositions(ctx context.Context) error {
	rows, err := d.pool.Query(ctx, `
		SELECT id, conversation_id, position FROM (
			SELECT id, conversation_id, told_position, row_number() OVER (PARTITION BY team ORDER BY rank, id) AS position
			FROM handoffs WHERE state IN ('queued', 'offered', 'asynchronous')) w
		WHERE position <> told_position AND position <= $1 LIMIT $2`, toldPositions, toldAtOnce)
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

// announce appends the handoff's event at its present place.
func (d *Desk) announce(ctx context.Context, s *chat.Session, h Handoff) error {
	team, err := findTeam(ctx, s.Tx(), h.Team)
	if err != nil {
		return err
	}
	p, err := d.place(ctx, s.Tx(), h, team, s.Now())
	if err != nil {
		return err
	}
	return s.AddEvent(ctx, chat.KindHandoff, p.event(h), false)
}

// promised is how long the team has, once it is there, to keep an asynchronous promise.
const promised = 4 * time.Hour

// promise is a time that the team can keep: hours of its next opening, counted from when it is there.
func promise(team Team, h Handoff, now time.Time) time.Time {
	from := now
	if open, opens := team.Hours.At(h.Market, now); !open && !opens.IsZero() {
		from = opens
	}
	return from.Add(promised).Truncate(time.Minute)
}
