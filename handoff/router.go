package handoff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/wake"
)

// The router's rules of patience; those of a team come before them, see RoutingRules.
const (
	routerLock = 0x66697273746c696e // advisory lock: one replica routes at a time

	marketDropped   = 30 * time.Second // waited this long: agents of other markets may take it
	languageDropped = 60 * time.Second // waited this long: agents without the language may take it
	formerAsked     = 60 * time.Second // waited this long: who had it last may be offered it again
	awayAfter       = 2                // offers let lapse in a row until an agent is set away
	escalateAfter   = 3                // offers not taken in one team until somebody else is asked
)

// Route does everything that is due now: offers that lapsed are taken back, waiting handoffs are offered, those that nobody
// took are escalated or promised for later, and agents who are gone give back what they have. Any replica may call it at
// any time; one works, the others return.
func (d *Desk) Route(ctx context.Context) error {
	if err := d.routeNow(ctx); err != nil {
		return err
	}
	if _, err := d.followUp(ctx); err != nil {
		return err
	}
	return d.tellPositions(ctx)
}

// routeNow is the part of routing that only touches the database, and no conversation: it never waits for anyone who speaks.
func (d *Desk) routeNow(ctx context.Context) error {
	d.looked(time.Now())
	back, err := d.routing(ctx, d.takeBack)
	if err != nil {
		return fmt.Errorf("take back: %w", err)
	}
	offered, err := d.routing(ctx, func(ctx context.Context, tx pgx.Tx) (int, error) { return d.offer(ctx, tx, "") })
	if timedOut(err) { // somebody holds a row for long, who may be cut off: the others need not wait for it
		offered, err = d.routing(ctx, func(ctx context.Context, tx pgx.Tx) (int, error) { return d.offer(ctx, tx, " SKIP LOCKED") })
	}
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	if back+offered > 0 {
		d.bus.Notify(wake.Queue, "")
	}
	select {
	case d.follow <- struct{}{}:
	default:
	}
	return nil
}

// lockWait is how long the router waits for a row that somebody else has.
const lockWait = time.Second

func timedOut(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// routing runs f where no other replica routes; where one does, it is noted, so that this one looks again soon: the other
// may have read the queue before whatever woke this one.
func (d *Desk) routing(ctx context.Context, f func(context.Context, pgx.Tx) (int, error)) (n int, err error) {
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		var mine bool
		err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1), set_config('lock_timeout', $2, true)`, int64(routerLock), fmt.Sprint(lockWait.Milliseconds())).
			Scan(&mine, nil)
		if err != nil {
			return err
		}
		d.busy.Store(!mine)
		if mine {
			n, err = f(ctx, tx)
		}
		return err
	})
	return n, err
}

// takeBack ends offers whose time is up or whose agent is gone, and wishes for agents who are not there; who lets several
// lapse, or whose connection is gone, is set away.
func (d *Desk) takeBack(ctx context.Context, tx pgx.Tx) (int, error) {
	var offers, wishes, gone int
	// The handoff's row first, as everywhere, so that this and an agent who accepts do not wait for each other; an agent who
	// is accepting at this moment is not too late. What is offered beside an owner stays accepted.
	err := tx.QueryRow(ctx, `
		WITH due AS (
			SELECT o.id, o.expires_at <= now() AS expired FROM offers o JOIN agents a ON a.id = o.agent_id JOIN handoffs h ON h.id = o.handoff_id
			WHERE o.outcome = 'open' AND (o.expires_at <= now() OR a.presence <> 'online' OR a.connected_until <= now() OR a.disabled_at IS NOT NULL)
			FOR NO KEY UPDATE OF h SKIP LOCKED
		), gone AS (
			UPDATE offers o SET outcome = CASE WHEN due.expired THEN 'lapsed' ELSE 'withdrawn' END, ended_at = now() FROM due
			WHERE o.id = due.id AND o.outcome = 'open' RETURNING o.handoff_id, o.agent_id, due.expired
		), back AS (
			UPDATE handoffs h SET state = 'queued', agent_id = NULL, wanted_until = CASE WHEN wanted_agent = gone.agent_id THEN NULL ELSE wanted_until END,
				wanted_agent = NULLIF(wanted_agent, gone.agent_id), review_at = CASE WHEN offers >= $2 THEN now() ELSE review_at END
			FROM gone WHERE h.id = gone.handoff_id AND h.state = 'offered' AND h.agent_id = gone.agent_id
		), late AS (
			UPDATE agents a SET lapses = lapses + 1, presence = CASE WHEN presence = 'online' AND lapses + 1 >= $1 THEN 'away' ELSE presence END
			FROM (SELECT DISTINCT agent_id FROM gone WHERE expired) g WHERE a.id = g.agent_id
		)
		SELECT count(*) FROM gone`, awayAfter, escalateAfter).Scan(&offers)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `
		WITH void AS (
			SELECT h.id FROM handoffs h JOIN agents a ON a.id = h.wanted_agent WHERE h.wanted_agent IS NOT NULL AND h.ended_at IS NULL
			  AND h.state IN ('queued', 'asynchronous')
			  AND (h.wanted_until <= now() OR a.presence <> 'online' OR a.connected_until <= now() OR a.disabled_at IS NOT NULL)
			FOR NO KEY UPDATE OF h SKIP LOCKED
		), gone AS (UPDATE handoffs h SET wanted_agent = NULL, wanted_until = NULL FROM void WHERE h.id = void.id)
		SELECT count(*) FROM void`).Scan(&wishes)
	if err != nil {
		return 0, err
	}
	if d.connectionsJudged() {
		tag, err := tx.Exec(ctx, `UPDATE agents SET presence = 'away' WHERE presence = 'online' AND connected_until <= now() AND connected_until > '-infinity'`)
		if err != nil {
			return 0, err
		}
		gone = int(tag.RowsAffected())
	}
	return offers + wishes + gone, nil
}

// free is an agent who can take something.
type free struct {
	ID                 uuid.UUID
	Capacity, Load     int
	Languages, Markets []string
	LastOffer          time.Time
	Teams              []string
	Asked, Urgent      bool // an offer to them is open; one of P1 is
}

// open tells whether an offer of this priority may be shown to the agent: one at a time, and P1 beside one that is not P1.
func (a *free) open(priority int) bool { return !a.Asked || priority == 1 && !a.Urgent }

// given notes that the handoff is offered to the agent.
func (a *free) given(h *waiting) {
	a.Load += h.Weight
	a.Asked, a.Urgent = true, a.Urgent || h.Priority == 1
}

// room is the heaviest that the agent can take; see fits.
func (a *free) room() int {
	if a.Load <= 0 {
		return heaviest
	}
	return a.Capacity - a.Load
}

// waiting is a handoff that somebody could take.
type waiting struct {
	ID                         uuid.UUID
	Team                       string
	Priority, Weight           int
	Language, Market           string
	Rank                       float64
	AnyMarket, AnyLanguage     bool // skills that are not asked for any more
	Wanted, Barred             *uuid.UUID
	Passed                     []uuid.UUID
	OfferSeconds, PatienceSecs float64
}

// may tells whether the handoff may be offered to the agent, who is there.
func (h *waiting) may(a *free) bool {
	return slices.Contains(a.Teams, h.Team) && fits(a.Load, h.Weight, a.Capacity) && a.open(h.Priority) &&
		(h.AnyMarket || len(a.Markets) == 0 || slices.Contains(a.Markets, h.Market)) &&
		(h.AnyLanguage || len(a.Languages) == 0 || slices.Contains(a.Languages, h.Language)) &&
		(h.Wanted == nil || *h.Wanted == a.ID) && (h.Barred == nil || *h.Barred != a.ID) && !slices.Contains(h.Passed, a.ID)
}

// before tells whether agent a is asked before b: the least loaded, then the longest idle.
func (a *free) before(b *free) bool {
	if x, y := a.Load*b.Capacity, b.Load*a.Capacity; x != y {
		return x < y
	}
	if !a.LastOffer.Equal(b.LastOffer) {
		return a.LastOffer.Before(b.LastOffer)
	}
	return bytes.Compare(a.ID[:], b.ID[:]) < 0
}

// match is an offer to make.
type match struct {
	h *waiting
	a *free
}

// seen tells, for each team of whose queue only the front was read, how far: up to which place in what was read. Where
// slots were filled, more may wait behind them.
func seen(queue []waiting, slots map[string]int) map[string]int {
	n, last := map[string]int{}, map[string]int{}
	for i := range queue {
		n[queue[i].Team]++
		last[queue[i].Team] = i
	}
	maps.DeleteFunc(last, func(team string, _ int) bool { return n[team] < slots[team] })
	return last
}

// pair walks the queue in its order and gives each handoff to the first agent who may take it. Agents of a team of which
// more may wait, before this handoff of another team, are left for the next look.
func pair(queue []waiting, agents []free, seen map[string]int) []match {
	var made []match
	for i := range queue {
		h := &queue[i]
		var best *free
		for j := range agents {
			if a := &agents[j]; h.may(a) && !slices.ContainsFunc(a.Teams, func(t string) bool { last, more := seen[t]; return more && last < i }) && (best == nil || a.before(best)) {
				best = a
			}
		}
		if best == nil {
			continue
		}
		best.given(h)
		best.LastOffer = time.Now().Add(time.Duration(i)) // the last to be asked, also among those of this look
		made = append(made, match{h, best})
	}
	return made
}

// offerAtOnce bounds one look for each team. Only what somebody could take counts, so the next look goes on where this one
// ended.
const offerAtOnce = 64

const freeAgents = `SELECT a.id, a.capacity, ` + loadOf + `, a.languages, a.markets, greatest(a.last_offer_at, 'epoch'),
	ARRAY(SELECT team FROM agent_teams WHERE agent_id = a.id), asked.already, asked.urgent FROM agents a
	CROSS JOIN LATERAL (SELECT count(*) > 0, COALESCE(bool_or(h.priority = 1), false) FROM offers o JOIN handoffs h ON h.id = o.handoff_id
		WHERE o.agent_id = a.id AND o.outcome = 'open') AS asked (already, urgent)
	WHERE a.presence = 'online' AND a.connected_until > now() AND a.capacity > 0 AND a.role <> 'editor' AND a.disabled_at IS NULL`

// offer gives the waiting, in the queue's order, to the least loaded and then longest idle of the agents who are online,
// permitted, under capacity, without another offer that is open (P1 comes beside one), and have not passed on it before. Skills are asked for at first and dropped one at a time.
// What was read is matched in memory; then the rows are locked, handoffs before agents as everywhere, and what has changed
// meanwhile is left for the next look. locking says what to do about rows that others have.
func (d *Desk) offer(ctx context.Context, tx pgx.Tx, locking string) (int, error) {
	rows, err := tx.Query(ctx, freeAgents)
	if err != nil {
		return 0, err
	}
	agents, err := pgx.CollectRows(rows, pgx.RowToStructByPos[free])
	if err != nil {
		return 0, err
	}
	agents = slices.DeleteFunc(agents, func(a free) bool { return !fits(a.Load, 1, a.Capacity) || !a.open(1) })
	if len(agents) == 0 {
		return 0, nil
	}
	slots := map[string]int{} // one for each agent: nobody is offered more at a look
	for _, a := range agents {
		for _, t := range a.Teams {
			slots[t] = min(slots[t]+1, offerAtOnce)
		}
	}
	queue, err := d.takeable(ctx, tx, agents, slots)
	if err != nil {
		return 0, err
	}
	made := pair(queue, agents, seen(queue, slots))
	if len(made) == 0 {
		return 0, nil
	}
	made, err = d.confirm(ctx, tx, made, locking)
	if err != nil || len(made) == 0 {
		return 0, err
	}
	var offers, handoffs, to []uuid.UUID
	var ends, patience []float64
	for _, m := range made {
		offers, handoffs, to = append(offers, uuid.Must(uuid.NewV7())), append(handoffs, m.h.ID), append(to, m.a.ID)
		ends, patience = append(ends, m.h.OfferSeconds), append(patience, m.h.PatienceSecs)
	}
	_, err = tx.Exec(ctx, `
		WITH o AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::float8[], $5::float8[]) AS o(id, handoff, agent, ends, patience)),
		     h AS (UPDATE handoffs h SET state = 'offered', agent_id = o.agent, offers = offers + 1, review_at = now() + o.patience * interval '1 second'
			FROM o WHERE h.id = o.handoff)
		INSERT INTO offers (id, handoff_id, agent_id, expires_at) SELECT id, handoff, agent, now() + ends * interval '1 second' FROM o`,
		offers, handoffs, to, ends, patience)
	return len(made), err
}

// takeable reads the front of each team's queue: only what one of the agents could take now, so that those whom nobody
// here may take never hide the others.
func (d *Desk) takeable(ctx context.Context, tx pgx.Tx, agents []free, slots map[string]int) ([]waiting, error) {
	var ids []uuid.UUID
	var rooms, limits []int
	var asked []bool
	var teams []string
	for _, a := range agents {
		ids, rooms, asked = append(ids, a.ID), append(rooms, a.room()), append(asked, a.Asked)
	}
	for t, n := range slots {
		teams, limits = append(teams, t), append(limits, n)
	}
	rows, err := tx.Query(ctx, `
		SELECT q.id, q.team, q.priority, q.weight, q.language, q.market, q.rank, q.any_market, q.any_language, q.wanted_agent, q.barred,
			ARRAY(SELECT o.agent_id FROM offers o WHERE o.handoff_id = q.id AND o.outcome IN ('declined', 'lapsed') AND o.forgotten_at IS NULL),
			r.offer, COALESCE((r.routing->'patience_seconds'->>q.priority::text)::float8, ($7::float8[])[q.priority])
		FROM unnest($2::text[], $3::int[]) AS s(team, slots)
		JOIN teams t ON t.key = s.team
		CROSS JOIN LATERAL (SELECT t.rules->'routing' AS routing, COALESCE((t.rules->'routing'->>'market_seconds')::float8, $4) AS market,
			COALESCE((t.rules->'routing'->>'language_seconds')::float8, $5) AS language, COALESCE((t.rules->'routing'->>'offer_seconds')::float8, $6) AS offer) r
		CROSS JOIN LATERAL (
			SELECT h.id, h.team, h.priority, h.weight, h.language, h.market, h.rank, h.wanted_agent, w.any_market, w.any_language, w.barred
			FROM handoffs h
			CROSS JOIN LATERAL (SELECT h.team_since < now() - r.market * interval '1 second' AS any_market,
				h.team_since < now() - r.language * interval '1 second' AS any_language,
				CASE WHEN h.team_since >= now() - $8 * interval '1 second' THEN h.from_agent END AS barred) w
			WHERE h.team = s.team AND h.state IN ('queued', 'asynchronous') AND EXISTS (
				SELECT FROM unnest($1::uuid[], $9::int[], $10::bool[]) AS may(id, room, asked)
				JOIN agents f ON f.id = may.id JOIN agent_teams ft ON ft.agent_id = f.id AND ft.team = h.team
				WHERE h.weight <= may.room AND (h.priority = 1 OR NOT may.asked) AND (w.any_market OR f.markets = '{}' OR h.market = ANY (f.markets))
				  AND (w.any_language OR f.languages = '{}' OR h.language = ANY (f.languages))
				  AND (h.wanted_agent IS NULL OR h.wanted_agent = f.id) AND w.barred IS DISTINCT FROM f.id
				  AND NOT EXISTS (SELECT FROM offers o WHERE o.handoff_id = h.id AND o.agent_id = f.id AND o.outcome IN ('declined', 'lapsed') AND o.forgotten_at IS NULL))
			ORDER BY h.rank, h.id LIMIT s.slots) q
		ORDER BY q.rank, q.id`, ids, teams, limits, marketDropped.Seconds(), languageDropped.Seconds(), d.opts.OfferFor.Seconds(), patienceSeconds(),
		formerAsked.Seconds(), rooms, asked)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[waiting])
}

// patienceSeconds are the defaults by priority, for SQL.
func patienceSeconds() []float64 {
	var s []float64
	for p := 1; p <= 4; p++ {
		s = append(s, defaultPatience[p].Seconds())
	}
	return s
}

// confirm locks what is to be offered and whom to, and keeps the offers that still may be made.
func (d *Desk) confirm(ctx context.Context, tx pgx.Tx, made []match, locking string) ([]match, error) {
	var hs, as []uuid.UUID
	for _, m := range made {
		hs, as = append(hs, m.h.ID), append(as, m.a.ID)
	}
	type now struct {
		ID     uuid.UUID
		Team   string
		Rank   float64
		Wanted *uuid.UUID
	}
	rows, err := tx.Query(ctx, `SELECT id, team, rank, wanted_agent FROM handoffs WHERE id = ANY ($1) AND state IN ('queued', 'asynchronous') ORDER BY id FOR NO KEY UPDATE`+locking, hs)
	if err != nil {
		return nil, err
	}
	still, err := pgx.CollectRows(rows, pgx.RowToStructByPos[now])
	if err != nil {
		return nil, err
	}
	handoffs := map[uuid.UUID]now{}
	for _, h := range still {
		handoffs[h.ID] = h
	}
	// Writing locks the agents: who steps away from now on, or takes something else, does so after this offer. What they
	// have is counted only then.
	if _, err := tx.Exec(ctx, `UPDATE agents SET last_offer_at = clock_timestamp() WHERE id = ANY ($1)`, as); err != nil {
		return nil, err
	}
	if rows, err = tx.Query(ctx, freeAgents+` AND a.id = ANY ($1)`, as); err != nil {
		return nil, err
	}
	there, err := pgx.CollectRows(rows, pgx.RowToStructByPos[free])
	if err != nil {
		return nil, err
	}
	var kept []match
	left := map[string]bool{} // teams of a handoff that still waits and was matched with somebody who is not free any more
	for _, m := range made {
		h, ok := handoffs[m.h.ID]
		if !ok || h.Team != m.h.Team || h.Rank != m.h.Rank || !same(h.Wanted, m.h.Wanted) {
			continue
		}
		// Nobody behind it is served before it: they are matched anew.
		i := slices.IndexFunc(there, func(a free) bool { return a.ID == m.a.ID })
		if i < 0 || slices.ContainsFunc(there[i].Teams, func(t string) bool { return left[t] }) || !m.h.may(&there[i]) {
			left[h.Team] = true
			d.busy.Store(true) // look again soon
			continue
		}
		there[i].given(m.h)
		kept = append(kept, m)
	}
	return kept, nil
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

// promise is a time that the team can keep: hours in which it is there. A team that is never there is given them by the clock.
func promise(team Team, h Handoff, now time.Time) time.Time {
	return team.Hours.Add(h.Market, now, promised).Truncate(time.Minute)
}
