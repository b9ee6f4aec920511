package handoff

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Filter chooses handoffs. What is empty lets everything through; what has several values lets any of them through.
type Filter struct {
	State      string     `json:"state,omitempty"` // open (the default), queued, accepted, mine, snoozed, asynchronous or ended
	Teams      []string   `json:"teams,omitempty"`
	Topics     []string   `json:"topics,omitempty"`
	Priorities []int      `json:"priorities,omitempty"`
	Reasons    []string   `json:"reasons,omitempty"`
	Languages  []string   `json:"languages,omitempty"`
	Markets    []string   `json:"markets,omitempty"`
	Agent      *uuid.UUID `json:"agent,omitempty"`
	Unanswered bool       `json:"unanswered,omitempty"` // the customer wrote last
	Breached   bool       `json:"breached,omitempty"`   // a clock has run out and runs still
}

// filterStates are the states that a filter knows, as conditions.
var filterStates = map[string]string{
	"": `h.ended_at IS NULL`, "open": `h.ended_at IS NULL`, "queued": `h.state IN ('queued', 'offered')`, "accepted": `h.state = 'accepted'`,
	"mine": `h.ended_at IS NULL AND h.agent_id = $1`, "snoozed": `h.snoozed_until IS NOT NULL`, "asynchronous": `h.state = 'asynchronous'`,
	"ended": `h.ended_at IS NOT NULL`,
}

// Validate reports the first mistake.
func (f Filter) Validate() error {
	if _, known := filterStates[f.State]; !known {
		return fault.Field("filter.state", "unknown_state", "Use open, queued, accepted, mine, snoozed, asynchronous or ended.")
	}
	for _, p := range f.Priorities {
		if p < 1 || p > 4 {
			return fault.Field("filter.priorities", "out_of_range", "Use priorities from 1 to 4.")
		}
	}
	for _, list := range [][]string{f.Teams, f.Topics, f.Reasons, f.Languages, f.Markets} {
		if len(list) > 50 {
			return fault.Field("filter", "too_many", "Use at most 50 values of a kind.")
		}
	}
	return nil
}

// filterPage is how many handoffs a page has.
const filterPage = 50

// Filtered returns handoffs that the filter chooses and the agent may see, a page at a time: open ones in the order of the
// queue, ended ones the latest first. Next is the cursor of the page behind, "" when there is none.
func (d *Desk) Filtered(ctx context.Context, a Agent, f Filter, after string) (hs []Handoff, next string, err error) {
	if err := f.Validate(); err != nil {
		return nil, "", err
	}
	ended := f.State == "ended"
	var at *float64
	var id uuid.UUID
	if after != "" {
		number, rest, _ := strings.Cut(after, "_")
		x, err1 := strconv.ParseFloat(number, 64)
		var err2 error
		if id, err2 = uuid.Parse(rest); err1 != nil || err2 != nil {
			return nil, "", fault.Field("cursor", "bad_cursor", "Use the cursor that the page before gave as next.")
		}
		at = &x
	}
	// Ended ones are ordered by a number too, so that one cursor serves both.
	order := `h.rank`
	if ended {
		order = `-extract(epoch FROM h.ended_at)::float8`
	}
	hs, err = listHandoffs(ctx, d.pool, filterStates[f.State]+` AND ($2 OR h.team = ANY ($3) OR h.agent_id = $1)
		AND ($4::text[] IS NULL OR h.team = ANY ($4)) AND ($5::text[] IS NULL OR h.topic = ANY ($5)) AND ($6::int[] IS NULL OR h.priority = ANY ($6))
		AND ($7::text[] IS NULL OR h.reason = ANY ($7)) AND ($8::text[] IS NULL OR h.language = ANY ($8)) AND ($9::text[] IS NULL OR h.market = ANY ($9))
		AND ($10::uuid IS NULL OR h.agent_id = $10) AND (NOT $11 OR m.author = 'customer')
		AND (NOT $12 OR EXISTS (SELECT FROM sla_clocks k WHERE k.handoff_id = h.id AND k.stopped_at IS NULL AND k.breached_at IS NOT NULL))
		AND ($13::float8 IS NULL OR (`+order+`, h.id) > ($13, $14))
		ORDER BY `+order+`, h.id LIMIT $15`,
		a.ID, a.Supervises(), a.Teams, orAll(f.Teams), orAll(f.Topics), orAll(f.Priorities), orAll(f.Reasons), orAll(f.Languages), orAll(f.Markets),
		f.Agent, f.Unanswered, f.Breached, at, id, filterPage+1)
	if err != nil {
		return nil, "", err
	}
	if len(hs) > filterPage {
		hs = hs[:filterPage]
		last := hs[filterPage-1]
		x := last.Rank
		if ended {
			x = -float64(last.EndedAt.UnixMicro()) / 1e6
		}
		next = strconv.FormatFloat(x, 'g', -1, 64) + "_" + last.ID.String()
	}
	return append([]Handoff{}, hs...), next, nil
}

func orAll[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// View is a filter that somebody has kept under a name.
type View struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Filter   Filter    `json:"filter"`
	Shared   bool      `json:"shared"` // everyone's; kept by supervisors
	Position int       `json:"position"`
}

// mostViews bounds what one agent keeps, and what is shared.
const mostViews = 50

// Views returns the agent's views and those that are shared, in their order.
func (d *Desk) Views(ctx context.Context, a Agent) ([]View, error) {
	rows, err := d.pool.Query(ctx, `SELECT id, name, filter, agent_id IS NULL, position FROM views WHERE agent_id = $1 OR agent_id IS NULL
		ORDER BY agent_id IS NULL DESC, position, lower(name), id`, a.ID)
	if err != nil {
		return nil, err
	}
	views, err := pgx.CollectRows(rows, pgx.RowToStructByPos[View])
	return append([]View{}, views...), err
}

// FindView returns a view that the agent may use.
func (d *Desk) FindView(ctx context.Context, a Agent, id uuid.UUID) (View, error) {
	views, err := d.Views(ctx, a)
	if err != nil {
		return View{}, err
	}
	i := slices.IndexFunc(views, func(v View) bool { return v.ID == id })
	if i < 0 {
		return View{}, errNoView
	}
	return views[i], nil
}

var errNoView = fault.New(fault.NotFound, "view_not_found", "There is no such view.")

// SaveView keeps a view: a new one where its id is nil. What is shared is the supervisors' to change.
func (d *Desk) SaveView(ctx context.Context, a Agent, v View) (View, error) {
	if err := v.Filter.Validate(); err != nil {
		return v, err
	}
	if v.Shared && !a.Supervises() {
		return v, fault.New(fault.Forbidden, "not_a_lead", "Only supervisors and admins share views.")
	}
	var owner *uuid.UUID
	if !v.Shared {
		owner = &a.ID
	}
	if v.ID == uuid.Nil {
		v.ID = uuid.Must(uuid.NewV7())
		tag, err := d.pool.Exec(ctx, `INSERT INTO views (id, agent_id, name, filter, position) SELECT $1, $2, $3, $4, $5
			WHERE (SELECT count(*) FROM views WHERE agent_id IS NOT DISTINCT FROM $2) < $6`, v.ID, owner, v.Name, v.Filter, v.Position, mostViews)
		if err == nil && tag.RowsAffected() == 0 {
			err = fault.New(fault.Conflict, "too_many_views", "There are %d views already; remove one first.", mostViews)
		}
		return v, err
	}
	if err := d.mayChange(ctx, a, v.ID); err != nil {
		return v, err
	}
	_, err := d.pool.Exec(ctx, `UPDATE views SET agent_id = $2, name = $3, filter = $4, position = $5 WHERE id = $1`, v.ID, owner, v.Name, v.Filter, v.Position)
	return v, err
}

// RemoveView removes a view.
func (d *Desk) RemoveView(ctx context.Context, a Agent, id uuid.UUID) error {
	if err := d.mayChange(ctx, a, id); err != nil {
		return err
	}
	_, err := d.pool.Exec(ctx, `DELETE FROM views WHERE id = $1`, id)
	return err
}

func (d *Desk) mayChange(ctx context.Context, a Agent, id uuid.UUID) error {
	v, err := d.FindView(ctx, a, id)
	if err == nil && v.Shared && !a.Supervises() {
		err = fault.New(fault.Forbidden, "not_a_lead", "Only supervisors and admins change views that are shared.")
	}
	return err
}
