package handoff

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// Closure is a time in which a team is not there although its hours say so, announced by somebody: a training, a strike,
// an outage.
type Closure struct {
	ID       uuid.UUID         `json:"id"`
	Team     *string           `json:"team"`   // nil: every team
	Market   *string           `json:"market"` // nil: every market
	StartsAt time.Time         `json:"starts_at"`
	EndsAt   time.Time         `json:"ends_at"`
	Note     map[string]string `json:"note"` // for customers, by language; may be empty
	MadeBy   *uuid.UUID        `json:"made_by"`
}

const (
	longestClosure = lookAhead * 24 * time.Hour // what At looks ahead
	longestNote    = 300
)

// closuresOf are the closures of the team t that may matter to a time that is not long ago, as JSON.
const closuresOf = `COALESCE((SELECT jsonb_agg(jsonb_build_object('id', c.id, 'team', c.team, 'market', c.market, 'starts_at', c.starts_at,
	'ends_at', c.ends_at, 'note', c.note, 'made_by', c.made_by) ORDER BY c.starts_at)
	FROM closures c WHERE c.ends_at > now() - interval '31 days' AND (c.team IS NULL OR c.team = t.key)), '[]')`

// closure is the one that keeps the team away at t, if it is one and not the hours.
func (h Hours) closure(market string, t time.Time) (Closure, bool) {
	for _, c := range h.Closures {
		if (c.Market == nil || *c.Market == market) && !t.Before(c.StartsAt) && t.Before(c.EndsAt) {
			return c, true
		}
	}
	return Closure{}, false
}

// Notice is why the team is closed although its hours say otherwise, for a reader of the locale; "" where there is nothing to
// say, or not in a language that they read.
func (p Place) Notice(locale string) string {
	language, _, _ := strings.Cut(locale, "-")
	for _, l := range []string{locale, language, languages[0]} {
		if text := p.note[l]; text != "" {
			return text
		}
	}
	return ""
}

// Closures returns those that have not ended, the next first.
func (d *Desk) Closures(ctx context.Context) ([]Closure, error) {
	rows, err := d.pool.Query(ctx, `SELECT id, team, market, starts_at, ends_at, note, made_by FROM closures WHERE ends_at > now() ORDER BY starts_at, id`)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Closure])
	return append([]Closure{}, all...), err
}

// Announce closes a team, or all, for a time. Whoever waits for it is told. The id may be given to say the same twice
// without closing twice.
func (d *Desk) Announce(ctx context.Context, a Agent, c Closure) (Closure, error) {
	if err := c.validate(); err != nil {
		return c, err
	}
	if c.ID == uuid.Nil {
		c.ID = uuid.Must(uuid.NewV7())
	}
	if c.Note == nil {
		c.Note = map[string]string{}
	}
	c.MadeBy = &a.ID
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if c.Team != nil {
			var known bool
			if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM teams WHERE key = $1)`, *c.Team).Scan(&known); err != nil {
				return err
			}
			if !known {
				return fault.Field("team", "unknown_team", "There is no team %q.", *c.Team)
			}
		}
		var past bool
		if err := tx.QueryRow(ctx, `SELECT $1::timestamptz <= now()`, c.EndsAt).Scan(&past); err != nil {
			return err
		}
		if past {
			return fault.Field("ends_at", "in_the_past", "A closure must end in the future.")
		}
		_, err := tx.Exec(ctx, `INSERT INTO closures (id, team, market, starts_at, ends_at, note, made_by) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			c.ID, c.Team, c.Market, c.StartsAt, c.EndsAt, c.Note, c.MadeBy)
		if err != nil {
			return err
		}
		return audit(ctx, tx, a, "closure.announced", c.ID, map[string]any{"team": c.Team, "market": c.Market, "starts_at": c.StartsAt, "ends_at": c.EndsAt})
	})
	if err == nil {
		d.bus.Notify(wake.Queue, "")
	}
	return c, err
}

func (c Closure) validate() error {
	switch {
	case c.StartsAt.IsZero():
		return fault.Field("starts_at", "required", "Say when the closure begins.")
	case !c.EndsAt.After(c.StartsAt):
		return fault.Field("ends_at", "out_of_range", "A closure ends after it begins.")
	case c.EndsAt.Sub(c.StartsAt) > longestClosure:
		return fault.Field("ends_at", "out_of_range", "A closure lasts at most %d days; change the team's hours instead.", lookAhead)
	case c.Market != nil && *c.Market == "":
		return fault.Field("market", "unknown_market", "Leave the market out for every market.")
	}
	for language, text := range c.Note {
		if strings.TrimSpace(text) == "" || len([]rune(text)) > longestNote {
			return fault.Field("note", "out_of_range", "The note in %q must have 1 to %d characters.", language, longestNote)
		}
	}
	return nil
}

// Reopen takes a closure back, or what is left of it: what has passed stays on record.
func (d *Desk) Reopen(ctx context.Context, a Agent, id uuid.UUID) error {
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM closures WHERE id = $1 AND starts_at >= now()`, id)
		if err == nil && tag.RowsAffected() == 0 {
			tag, err = tx.Exec(ctx, `UPDATE closures SET ends_at = now() WHERE id = $1 AND ends_at > now() AND starts_at < now()`, id)
		}
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "closure_not_found", "There is no such closure, or it has ended.")
		}
		return audit(ctx, tx, a, "closure.taken_back", id, map[string]any{})
	})
	if err == nil {
		d.bus.Notify(wake.Queue, "")
	}
	return err
}
