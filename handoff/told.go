package handoff

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// stand is whether a team is there now, for a market, or for all that are not named.
type stand struct {
	Team   string   `json:"team"`
	Market *string  `json:"market"`
	Named  []string `json:"named"`
	Open   bool     `json:"open"`
}

// stands are those of a team at t. Markets differ where hours or a closure name them.
func (t Team) stands(now time.Time) []stand {
	markets := map[string]bool{}
	for m := range t.Hours.Markets {
		if m != "" {
			markets[m] = true
		}
	}
	for _, c := range t.Hours.Closures {
		if c.Market != nil {
			markets[*c.Market] = true
		}
	}
	named := append([]string{}, slices.Sorted(maps.Keys(markets))...)
	open, _ := t.Hours.At("", now)
	out := []stand{{Team: t.Key, Named: named, Open: open}}
	for _, m := range named {
		open, _ := t.Hours.At(m, now)
		out = append(out, stand{Team: t.Key, Market: &m, Named: []string{}, Open: open})
	}
	return out
}

// tellHours tells waiting customers, once, that their team has opened or closed since they were told: by its hours, a special
// day, a closure or its end, an edit, or because they wait for another team now. It looks at how things are, and not for the
// moment at which they change, so that no change is lost with a process; what was told is stored with the telling. It returns
// whether more are to be told.
func (d *Desk) tellHours(ctx context.Context) (more bool, err error) {
	now, err := d.clock(ctx)
	if err != nil {
		return false, err
	}
	rows, err := d.pool.Query(ctx, `SELECT `+teamColumns+` FROM teams t`)
	if err != nil {
		return false, err
	}
	teams, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Team, error) { return scanTeam(row) })
	if err != nil {
		return false, err
	}
	var all []stand
	for _, t := range teams {
		all = append(all, t.stands(now)...)
	}
	rows, err = d.pool.Query(ctx, `
		SELECT h.id, h.conversation_id FROM jsonb_to_recordset($1) AS r(team text, market text, named jsonb, open boolean)
		CROSS JOIN LATERAL (SELECT id, conversation_id FROM handoffs WHERE team = r.team AND told_open = NOT r.open AND state IN ('queued', 'offered', 'asynchronous')
			AND (market = r.market OR r.market IS NULL AND NOT r.named ? market) LIMIT $2) h LIMIT $2`, all, followAtOnce)
	if err != nil {
		return false, err
	}
	type other struct{ ID, Conversation uuid.UUID }
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[other])
	if err != nil {
		return false, err
	}
	for _, h := range due {
		err := d.record.Do(ctx, h.Conversation, func(ctx context.Context, s *chat.Session) error { return d.tellChange(ctx, s, h.ID) })
		if err != nil {
			return false, fmt.Errorf("tell hours of %s: %w", h.ID, err)
		}
	}
	return len(due) == followAtOnce, nil
}

// tellChange tells one customer, unless another replica has, or nobody is waited for any more. The most urgent do not wait for
// a team that closes while another one is there.
func (d *Desk) tellChange(ctx context.Context, s *chat.Session, id uuid.UUID) error {
	if _, err := s.Tx().Exec(ctx, `SELECT FROM handoffs WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return err
	}
	h, err := findHandoff(ctx, s.Tx(), `h.id = $1 AND h.state IN ('queued', 'offered', 'asynchronous')`, id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	team, err := findTeam(ctx, s.Tx(), h.Team)
	if err != nil {
		return err
	}
	p, err := d.place(ctx, s.Tx(), h, team, s.Now())
	if err != nil {
		return err
	}
	closing := !p.Open && h.Priority == mostUrgent
	if closing && h.State == Queued {
		next, err := openFallback(ctx, s, team, h.Market)
		if err != nil {
			return err
		}
		if next != nil {
			return d.fallBack(ctx, s, h, *next)
		}
	}
	// Nobody is there: supervisors are told without a pause.
	tag, err := s.Tx().Exec(ctx, `UPDATE handoffs SET told_open = $2, review_at = CASE WHEN $3 AND state = 'queued' THEN now() ELSE review_at END
		WHERE id = $1 AND told_open <> $2`, id, p.Open, closing)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	m := p.changed(h.Language)
	if err := s.AddMessage(ctx, &m); err != nil {
		return err
	}
	d.wakeQueue(s)
	return s.AddEvent(ctx, chat.KindHandoff, p.event(h), false)
}

// teamNow is the team that a handoff goes to: the one with the key, or, for the most urgent where that is closed, the first
// behind it that is there. Closed is the team that was passed over then, "" for none.
func (d *Desk) teamNow(ctx context.Context, s *chat.Session, key string, priority int) (team Team, closed string, err error) {
	team, err = findTeam(ctx, s.Tx(), key)
	if err != nil || priority != mostUrgent {
		return team, "", err
	}
	if open, _ := team.Hours.At(s.Market, s.Now()); open {
		return team, "", nil
	}
	next, err := openFallback(ctx, s, team, s.Market)
	if err != nil || next == nil {
		return team, "", err
	}
	return *next, team.Key, nil
}

// passedOver notes that a handoff went to the team behind the one that was closed.
func passedOver(ctx context.Context, s *chat.Session, h Handoff, closed string) error {
	if closed == "" {
		return nil
	}
	_, err := s.Tx().Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ('router', 'handoff.fallback', $1::text, jsonb_build_object('from_team', $2::text, 'team', $3::text))`,
		h.ID.String(), closed, h.Team)
	return err
}

// patience is how long the team has for a handoff until somebody else is asked: no time for the most urgent where it is closed.
func (t Team) patience(priority int, market string, now time.Time) time.Duration {
	if open, _ := t.Hours.At(market, now); !open && priority == mostUrgent {
		return 0
	}
	return t.Rules.Routing.patience(priority)
}
