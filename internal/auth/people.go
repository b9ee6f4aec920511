package auth

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/fault"
)

// Person is an agent as admins see them.
type Person struct {
	Agent
	DisabledAt   *time.Time `json:"disabled_at"`
	HasPassword  bool       `json:"has_password"`
	SingleSignOn bool       `json:"single_sign_on"` // an account of the company's is tied to theirs
	Sessions     int        `json:"sessions"`       // browsers that are signed in, and tokens
	SeenAt       *time.Time `json:"seen_at"`        // when a session of theirs was last used
	MadeAt       time.Time  `json:"made_at"`
}

const personColumns = agentColumns + `, a.disabled_at, a.password_hash IS NOT NULL, EXISTS (SELECT FROM identities i WHERE i.agent_id = a.id),
	(SELECT count(*) FROM credentials c WHERE c.agent_id = a.id AND c.kind IN ('session', 'token') AND c.expires_at > now()),
	(SELECT max(c.seen_at) FROM credentials c WHERE c.agent_id = a.id), a.created_at`

func scanPerson(row pgx.CollectableRow) (p Person, err error) {
	err = row.Scan(&p.ID, &p.Email, &p.Name, &p.Role, &p.Languages, &p.Markets, &p.Capacity, &p.Presence, &p.Teams,
		&p.DisabledAt, &p.HasPassword, &p.SingleSignOn, &p.Sessions, &p.SeenAt, &p.MadeAt)
	return p, err
}

// People lists everybody, those who may sign in first, by name.
func (s *Store) People(ctx context.Context) ([]Person, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+personColumns+` FROM agents a WHERE `+IsPerson+` ORDER BY a.disabled_at IS NOT NULL, lower(a.name), a.id LIMIT 5000`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanPerson)
}

// Person returns one of them.
func (s *Store) Person(ctx context.Context, id uuid.UUID) (Person, error) {
	return person(ctx, s.pool, id)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func person(ctx context.Context, db querier, id uuid.UUID) (Person, error) {
	rows, err := db.Query(ctx, `SELECT `+personColumns+` FROM agents a WHERE a.id = $1 AND `+IsPerson, id)
	if err != nil {
		return Person{}, err
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanPerson)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, errNoPerson
	}
	return p, err
}

// The bounds of what is written about a person.
const (
	maxName     = 80
	maxSkills   = 50
	maxCapacity = 100
)

// clean checks what is written about a person and brings it to the form that is stored.
func clean(a *Agent) error {
	a.Email = cleanEmail(a.Email)
	if addr, err := mail.ParseAddress(a.Email); err != nil || addr.Address != a.Email || len(a.Email) > 254 {
		return fault.Field("email", "not_an_address", "%.80q is not an e-mail address.", a.Email)
	}
	if strings.HasSuffix(a.Email, "@"+StandInDomain) {
		return fault.Field("email", "not_an_address", "Addresses at %s stand for other desks; use the person's own.", StandInDomain)
	}
	if !slices.Contains(Roles, a.Role) {
		return fault.Field("role", "unknown_role", "Use one of %s.", strings.Join(Roles, ", "))
	}
	if a.Name = strings.Join(strings.Fields(a.Name), " "); a.Name == "" {
		a.Name, _, _ = strings.Cut(a.Email, "@")
	}
	if len([]rune(a.Name)) > maxName || strings.ContainsFunc(a.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fault.Field("name", "not_a_name", "Use at most %d characters, without control characters.", maxName)
	}
	if a.Capacity < 0 || a.Capacity > maxCapacity {
		return fault.Field("capacity", "out_of_range", "Use a number from 0 to %d.", maxCapacity)
	}
	for field, list := range map[string]*[]string{"languages": &a.Languages, "markets": &a.Markets, "teams": &a.Teams} {
		out := []string{}
		for _, v := range *list {
			if v = strings.TrimSpace(v); v != "" && !slices.Contains(out, v) {
				out = append(out, v)
			}
			if len(v) > 40 || strings.ContainsRune(v, 0) || len(out) > maxSkills {
				return fault.Field(field, "too_long", "Use at most %d entries of at most 40 characters.", maxSkills)
			}
		}
		*list = out
	}
	return nil
}

// Save creates the agent with this e-mail address or replaces what is stored of it, teams included, and lets them sign in
// (again). An existing agent keeps its id and presence. It is what the command line does.
func (s *Store) Save(ctx context.Context, a Agent) (Agent, error) {
	if err := clean(&a); err != nil {
		return a, err
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockAdmins(ctx, tx); err != nil {
			return err
		}
		var id uuid.UUID
		err := tx.QueryRow(ctx, `SELECT id FROM agents WHERE email = $1`, a.Email).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return s.create(ctx, tx, Command, &a)
		}
		if err != nil {
			return err
		}
		a.ID = id
		before, err := lockPerson(ctx, tx, id)
		if err != nil {
			return err
		}
		a.Presence = before.Presence
		return s.store(ctx, tx, Command, before, a, false)
	})
	if err != nil {
		return a, err
	}
	return s.find(ctx, `a.id = $1`, a.ID)
}

// Create adds a person; an address that somebody has is a conflict.
func (s *Store) Create(ctx context.Context, by Actor, a Agent) (Person, error) {
	if err := clean(&a); err != nil {
		return Person{}, err
	}
	var p Person
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		if err := s.create(ctx, tx, by, &a); err != nil {
			return err
		}
		p, err = person(ctx, tx, a.ID)
		return err
	})
	return p, err
}

func (s *Store) create(ctx context.Context, tx pgx.Tx, by Actor, a *Agent) error {
	a.ID = uuid.Must(uuid.NewV7())
	_, err := tx.Exec(ctx, `INSERT INTO agents (id, email, name, role, languages, markets, capacity) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		a.ID, a.Email, a.Name, a.Role, a.Languages, a.Markets, a.Capacity)
	if err := taken(err); err != nil {
		return err
	}
	if err := setTeams(ctx, tx, a.ID, a.Teams); err != nil {
		return err
	}
	return audit(ctx, tx, string(by), "person_added", a.ID, map[string]any{"role": a.Role, "teams": a.Teams})
}

// taken says in words that an address has somebody already.
func taken(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "agents_email_key" {
		return &fault.Error{Kind: fault.Conflict, Code: "email_taken", Field: "email", Public: "Somebody has this address already."}
	}
	return err
}

// setTeams makes the person a member of these teams and no others.
func setTeams(ctx context.Context, tx pgx.Tx, id uuid.UUID, teams []string) error {
	var missing []string
	err := tx.QueryRow(ctx, `SELECT ARRAY(SELECT unnest($1::text[]) EXCEPT SELECT key FROM teams ORDER BY 1)`, teams).Scan(&missing)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fault.Field("teams", "unknown_team", "There is no team %s.", strings.Join(missing, ", "))
	}
	if _, err := tx.Exec(ctx, `DELETE FROM agent_teams WHERE agent_id = $1 AND team <> ALL ($2)`, id, teams); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO agent_teams (agent_id, team) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`, id, teams)
	return err
}

// Change is what an admin changes about a person; nil leaves it.
type Change struct {
	Email     *string   `json:"email"`
	Name      *string   `json:"name"`
	Role      *string   `json:"role"`
	Languages *[]string `json:"languages"`
	Markets   *[]string `json:"markets"`
	Teams     *[]string `json:"teams"`
	Capacity  *int      `json:"capacity"`
	Disabled  *bool     `json:"disabled"`
}

var errNoPerson = fault.New(fault.NotFound, "agent_not_found", "There is no such person.")

// Update changes a person. Disabling ends their sessions, tokens and links at once and takes them offline; what they have
// to do goes back to the queue, which is the desk's to do. The last admin stays one.
func (s *Store) Update(ctx context.Context, by Actor, id uuid.UUID, c Change) (Person, error) {
	var p Person
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockAdmins(ctx, tx); err != nil {
			return err
		}
		before, err := lockPerson(ctx, tx, id)
		if err != nil {
			return err
		}
		a, disabled := before.Agent, before.DisabledAt != nil
		set(&a.Email, c.Email)
		set(&a.Name, c.Name)
		set(&a.Role, c.Role)
		set(&a.Languages, c.Languages)
		set(&a.Markets, c.Markets)
		set(&a.Teams, c.Teams)
		set(&a.Capacity, c.Capacity)
		set(&disabled, c.Disabled)
		if err := clean(&a); err != nil {
			return err
		}
		if err := s.store(ctx, tx, by, before, a, disabled); err != nil {
			return err
		}
		p, err = person(ctx, tx, id)
		return err
	})
	return p, err
}

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

// lockAdmins makes changes of people wait for each other, so that two admins cannot demote each other at once.
func lockAdmins(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('people', 0))`)
	return err
}

func lockPerson(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Person, error) {
	if tag, err := tx.Exec(ctx, `SELECT FROM agents WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil || tag.RowsAffected() == 0 {
		return Person{}, cmpErr(err, errNoPerson)
	}
	return person(ctx, tx, id)
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// store writes what has changed of a person, and the line about it.
func (s *Store) store(ctx context.Context, tx pgx.Tx, by Actor, before Person, a Agent, disabled bool) error {
	was := before.DisabledAt != nil
	if before.Role == "admin" && !was && (a.Role != "admin" || disabled) {
		var others int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM agents WHERE role = 'admin' AND disabled_at IS NULL AND id <> $1`, before.ID).Scan(&others); err != nil {
			return err
		}
		if others == 0 {
			return fault.New(fault.Conflict, "last_admin", "This is the last admin. Make somebody else an admin first.")
		}
	}
	changed := map[string]any{}
	diff := func(field string, from, to any) {
		if !reflect.DeepEqual(from, to) {
			changed[field] = map[string]any{"from": from, "to": to}
		}
	}
	diff("name", before.Name, a.Name)
	diff("role", before.Role, a.Role)
	diff("languages", before.Languages, a.Languages)
	diff("markets", before.Markets, a.Markets)
	slices.Sort(a.Teams)
	diff("teams", before.Teams, a.Teams)
	diff("capacity", before.Capacity, a.Capacity)
	if before.Email != a.Email {
		changed["email"] = "changed" // addresses stay out of the log
	}
	if len(changed) > 0 {
		_, err := tx.Exec(ctx, `UPDATE agents SET email = $2, name = $3, role = $4, languages = $5, markets = $6, capacity = $7 WHERE id = $1`,
			before.ID, a.Email, a.Name, a.Role, a.Languages, a.Markets, a.Capacity)
		if err := taken(err); err != nil {
			return err
		}
		if err := setTeams(ctx, tx, before.ID, a.Teams); err != nil {
			return err
		}
		if before.Email != a.Email { // an unused link went to the old address
			if _, err := tx.Exec(ctx, `DELETE FROM credentials WHERE agent_id = $1 AND kind = 'link' AND used_at IS NULL`, before.ID); err != nil {
				return err
			}
		}
		if err := audit(ctx, tx, string(by), "person_changed", before.ID, changed); err != nil {
			return err
		}
	}
	if a.Role == "editor" && before.Role != "editor" { // editors have no place at the desk
		if err := offline(ctx, tx, before.ID); err != nil {
			return err
		}
	}
	switch {
	case disabled && !was:
		if err := disable(ctx, tx, before.ID); err != nil {
			return err
		}
		return audit(ctx, tx, string(by), "person_disabled", before.ID, nil)
	case !disabled && was:
		if _, err := tx.Exec(ctx, `UPDATE agents SET disabled_at = NULL WHERE id = $1`, before.ID); err != nil {
			return err
		}
		return audit(ctx, tx, string(by), "person_enabled", before.ID, nil)
	}
	return nil
}

func offline(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE agents SET presence = 'offline', connected_until = '-infinity' WHERE id = $1`, id)
	return err
}

// disable ends everything that lets a person in.
func disable(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `UPDATE agents SET disabled_at = now() WHERE id = $1`, id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM credentials WHERE agent_id = $1`, id); err != nil {
		return err
	}
	return offline(ctx, tx, id)
}

// Remove disables the person with the address and takes away what belongs to the account: teams, role, password, accounts
// of single sign-on. What they wrote stays in the record under their name.
func (s *Store) Remove(ctx context.Context, by Actor, email string) (Agent, error) {
	a, err := s.FindByEmail(ctx, email)
	if err != nil {
		return a, err
	}
	return a, pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockAdmins(ctx, tx); err != nil {
			return err
		}
		before, err := lockPerson(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		bare := before.Agent
		bare.Role, bare.Teams, bare.Capacity = "agent", []string{}, 0
		if err := s.store(ctx, tx, by, before, bare, true); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE agents SET password_hash = NULL, password_at = NULL WHERE id = $1`, a.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM identities WHERE agent_id = $1`, a.ID); err != nil {
			return err
		}
		return audit(ctx, tx, string(by), "person_removed", a.ID, nil)
	})
}

// ForgetPassword takes away a person's password, for one that others may know. Their sessions go on.
func (s *Store) ForgetPassword(ctx context.Context, by Actor, id uuid.UUID) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE agents SET password_hash = NULL, password_at = NULL WHERE id = $1 AND password_hash IS NOT NULL`, id)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return audit(ctx, tx, string(by), "password_removed", id, nil)
	})
}

// Unblock forgets the failed attempts at a person's password.
func (s *Store) Unblock(ctx context.Context, by Actor, id uuid.UUID) error {
	a, err := s.find(ctx, `a.id = $1`, id)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE key = ANY ($1)`, [][]byte{throttleKey("address", a.Email), throttleKey("link", a.Email)})
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return audit(ctx, tx, string(by), "person_unblocked", id, nil)
	})
}

// BlockedUntil returns until when the throttle refuses a person's password; the zero time when it does not.
func (s *Store) BlockedUntil(ctx context.Context, id uuid.UUID) (time.Time, error) {
	a, err := s.find(ctx, `a.id = $1`, id)
	if err != nil {
		return time.Time{}, fmt.Errorf("auth: blocked: %w", err)
	}
	return s.blockedUntil(ctx, a.Email)
}
