package handoff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
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
	Key      string `yaml:"key"`
	Name     string `yaml:"name"`
	Hours    Hours  `yaml:"hours"`
	Fallback string `yaml:"fallback"`
	Rules    Rules  `yaml:"rules"`
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
