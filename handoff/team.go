package handoff

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// Team is a group of agents with hours of its own.
type Team struct {
	Key      string
	Name     string
	Hours    Hours // with the closures that were announced
	Fallback *string
	Rules    Rules
}

// Rules are what a team does differently from the defaults; the zero value changes nothing.
type Rules struct {
	// Clocks are the team's promises by topic; "" is for every topic that is not named. See ClockRule.
	Clocks map[string]ClockRule `json:"clocks,omitempty" yaml:"clocks"`
	// Routing is how the team's handoffs get to its agents. See RoutingRules.
	Routing RoutingRules `json:"routing,omitzero" yaml:"routing"`
}

// Validate reports the first mistake.
func (r Rules) Validate() error {
	for topic, c := range r.Clocks {
		if err := c.validate(); err != nil {
			return fmt.Errorf("clocks of topic %q: %w", topic, err)
		}
	}
	return r.Routing.validate()
}

// teamColumns are those of a Team, of teams t.
const teamColumns = `t.key, t.name, t.hours, t.fallback, t.rules, ` + closuresOf

func scanTeam(row pgx.Row) (t Team, err error) {
	var closures []Closure
	err = row.Scan(&t.Key, &t.Name, &t.Hours, &t.Fallback, &t.Rules, &closures)
	t.Hours.Closures = closures
	return t, err
}

func findTeam(ctx context.Context, q db, key string) (Team, error) {
	t, err := scanTeam(q.QueryRow(ctx, `SELECT `+teamColumns+` FROM teams t WHERE t.key IN ($1, $2) ORDER BY t.key = $1 DESC LIMIT 1`, key, generalTeam))
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fault.New(fault.Internal, "no_team", "There is no team %q and no team %q to hand off to.", key, generalTeam)
	}
	return t, err
}

// OfficeHours tells whether people are there.
type OfficeHours struct {
	Open    bool       `json:"open"`
	OpensAt *time.Time `json:"opens_at"`
}

// Hours returns the opening hours of the team that an ordinary question would reach.
func (d *Desk) Hours(ctx context.Context, audience, market string) (OfficeHours, error) {
	key := generalTeam
	if audience == "merchant" {
		key = merchantTeam
	}
	team, err := findTeam(ctx, d.pool, key)
	if err != nil {
		return OfficeHours{}, err
	}
	open, opens := team.Hours.At(market, time.Now())
	o := OfficeHours{Open: open}
	if !open && !opens.IsZero() {
		o.OpensAt = &opens
	}
	return o, nil
}

// TeamSeed is a team as a file such as the demo's teams.yaml describes it.
type TeamSeed struct {
	Key      string `json:"key" yaml:"key"`
	Name     string `json:"name" yaml:"name"`
	Hours    Hours  `json:"hours" yaml:"hours"`
	Fallback string `json:"fallback" yaml:"fallback"`
	Rules    Rules  `json:"rules" yaml:"rules"`
}

// SaveTeams creates the teams or replaces what is stored of them, all or none.
func (d *Desk) SaveTeams(ctx context.Context, teams []TeamSeed) error {
	for _, t := range teams {
		if t.Key == "" || t.Name == "" {
			return fault.Field("teams", "required", "Every team needs a key and a name.")
		}
		if err := t.Hours.Validate(); err != nil {
			return fault.Field("teams", "bad_hours", "Team %s: %v.", t.Key, err)
		}
		if err := t.Rules.Validate(); err != nil {
			return fault.Field("teams", "bad_rules", "Team %s: %v.", t.Key, err)
		}
	}
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		for _, t := range teams {
			if _, err := tx.Exec(ctx, `INSERT INTO teams (key, name, hours, rules) VALUES ($1, $2, $3, $4)
				ON CONFLICT (key) DO UPDATE SET name = $2, hours = $3, rules = $4`, t.Key, t.Name, t.Hours, t.Rules); err != nil {
				return err
			}
		}
		for _, t := range teams { // when all are there
			if _, err := tx.Exec(ctx, `UPDATE teams SET fallback = NULLIF($2, '') WHERE key = $1`, t.Key, t.Fallback); err != nil {
				return fault.Wrap(err, fault.Invalid, "unknown_fallback", "Team "+t.Key+" falls back to a team that does not exist.")
			}
		}
		return noRing(ctx, tx)
	})
}

// noRing refuses fallbacks that lead back to where they began: a handoff that nobody takes would go round for ever, and
// nobody would promise anything.
func noRing(ctx context.Context, tx pgx.Tx) error {
	var ring *string
	err := tx.QueryRow(ctx, `
		WITH RECURSIVE way AS (
			SELECT key AS origin, fallback, 1 AS steps FROM teams
			UNION ALL SELECT w.origin, t.fallback, w.steps + 1 FROM way w JOIN teams t ON t.key = w.fallback
			WHERE w.fallback <> w.origin AND w.steps <= (SELECT count(*) FROM teams)
		) SELECT min(origin) FROM way WHERE fallback = origin AND steps > 1`).Scan(&ring)
	if err == nil && ring != nil {
		err = fault.Field("teams", "fallback_ring", "Team %s falls back to itself by way of others.", *ring)
	}
	return err
}

// Teams returns all teams by name.
func (d *Desk) Teams(ctx context.Context) ([]Team, error) {
	rows, err := d.pool.Query(ctx, `SELECT `+teamColumns+` FROM teams t ORDER BY t.name, t.key`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Team, error) { return scanTeam(row) })
}

// Team returns the team with the key.
func (d *Desk) Team(ctx context.Context, key string) (Team, error) {
	return exactTeam(ctx, d.pool, key)
}

func exactTeam(ctx context.Context, q db, key string) (Team, error) {
	t, err := scanTeam(q.QueryRow(ctx, `SELECT `+teamColumns+` FROM teams t WHERE t.key = $1`, key))
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fault.New(fault.NotFound, "team_not_found", "There is no team %q.", key)
	}
	return t, err
}

// Seed is the team as it is written: without what was announced.
func (t Team) Seed() TeamSeed {
	s := TeamSeed{Key: t.Key, Name: t.Name, Hours: t.Hours, Fallback: deref(t.Fallback), Rules: t.Rules}
	s.Hours.Closures = nil
	return s
}

// Tag changes with everything of the team that SaveTeam writes.
func (t Team) Tag() string { return Tag(t.Seed()) }

var teamKey = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// SaveTeam replaces a team as it was seen, by its Tag, or creates one where match is "". Anything matches what is there.
// The same contents once more change nothing. Deadlines that were set stay as they are.
func (d *Desk) SaveTeam(ctx context.Context, by Agent, t TeamSeed, match string) (Team, error) {
	switch {
	case !teamKey.MatchString(t.Key):
		return Team{}, fault.Field("key", "bad_key", "A team's key has 1 to 40 lower-case letters, digits, - or _.")
	case t.Name == "":
		return Team{}, fault.Field("name", "required", "A team needs a name.")
	}
	if err := t.Hours.Validate(); err != nil {
		return Team{}, fault.Field("hours", "bad_hours", "The %v.", err)
	}
	if err := t.Rules.Validate(); err != nil {
		return Team{}, fault.Field("rules", "bad_rules", "The %v.", err)
	}
	for topic := range t.Rules.Clocks {
		if _, known := (*d.topics.Load())[topic]; topic != "" && !known {
			return Team{}, fault.Field("rules", "unknown_topic", "There is no topic %q.", topic)
		}
	}
	var saved Team
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		// One at a time: a ring of fallbacks may be closed by two who each see half of it.
		if _, err := tx.Exec(ctx, `LOCK TABLE teams IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		old, err := exactTeam(ctx, tx, t.Key)
		exists := err == nil
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		switch {
		case exists && old.Tag() == Tag(t):
			saved = old
			return nil
		case exists && match == "":
			return fault.New(fault.Conflict, "team_exists", "There is a team with this key already.")
		case !exists && match != "":
			return err
		case exists && match != Anything && match != old.Tag():
			return errMoved
		}
		if t.Fallback != "" {
			if _, err := exactTeam(ctx, tx, t.Fallback); fault.Is(err, fault.NotFound) {
				return fault.Field("fallback", "unknown_fallback", "There is no team %q to fall back to.", t.Fallback)
			} else if err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO teams (key, name, hours, fallback, rules) VALUES ($1, $2, $3, NULLIF($4, ''), $5)
			ON CONFLICT (key) DO UPDATE SET name = $2, hours = $3, fallback = NULLIF($4, ''), rules = $5`, t.Key, t.Name, t.Hours, t.Fallback, t.Rules)
		if err != nil {
			return err
		}
		if err := noRing(ctx, tx); err != nil {
			return err
		}
		if saved, err = exactTeam(ctx, tx, t.Key); err != nil {
			return err
		}
		detail := map[string]any{"after": t}
		action := "team.created"
		if exists {
			action, detail["before"] = "team.replaced", old.Seed()
		}
		_, err = tx.Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4)`, by.ID.String(), action, t.Key, detail)
		return err
	})
	if err == nil {
		d.bus.Notify(wake.Queue, "")
	}
	return saved, err
}

// DeleteTeam deletes a team that nothing refers to: handoffs keep their team for ever.
func (d *Desk) DeleteTeam(ctx context.Context, by Agent, key, match string) error {
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE teams IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		old, err := exactTeam(ctx, tx, key)
		if err != nil {
			return err
		}
		if match != Anything && match != old.Tag() {
			return errMoved
		}
		var handoffs, topics, fallbacks, members bool
		err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM handoffs WHERE team = $1), EXISTS (SELECT FROM topics WHERE data->>'Team' = $1),
			EXISTS (SELECT FROM teams WHERE fallback = $1 AND key <> $1), EXISTS (SELECT FROM agent_teams WHERE team = $1)`, key).Scan(&handoffs, &topics, &fallbacks, &members)
		if err != nil {
			return err
		}
		for _, c := range []struct {
			is  bool
			why string
		}{
			{key == generalTeam || key == merchantTeam, "it is where questions go that no other team takes"},
			{handoffs, "conversations went to it"},
			{topics, "topics name it; give them another team first"},
			{fallbacks, "other teams fall back to it"},
			{members, "people belong to it; take them out first"},
		} {
			if c.is {
				return fault.New(fault.Conflict, "team_in_use", "This team cannot be deleted: %s.", c.why)
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM teams WHERE key = $1`, key); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ($1, 'team.deleted', $2, $3)`, by.ID.String(), key, map[string]any{"before": old.Seed()})
		return err
	})
}
