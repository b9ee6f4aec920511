package handoff

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// Macro is a text that agents need often, with variables that are filled in for each conversation. It is everyone's, a
// team's, or one agent's own.
type Macro struct {
	ID        uuid.UUID         `json:"id"`
	Team      *string           `json:"team"`  // whose agents have it; nil for every team's
	Agent     *uuid.UUID        `json:"agent"` // whose own it is; nil for a shared one
	Name      string            `json:"name"`
	Shortcut  string            `json:"shortcut"` // typed behind a slash
	Body      map[string]string `json:"body"`     // by language
	Actions   []MacroAction     `json:"actions"`  // proposed when its text has been sent
	Uses      int               `json:"uses"`
	UpdatedAt time.Time         `json:"updated_at"`
}

// MacroAction is something that is done with the conversation after the reply, once the agent says so.
type MacroAction struct {
	Do    string `json:"do" yaml:"do"`                 // resolve | return | transfer | snooze | note
	Team  string `json:"team,omitempty" yaml:"team"`   // of transfer
	Hours int    `json:"hours,omitempty" yaml:"hours"` // of snooze
	Text  string `json:"text,omitempty" yaml:"text"`   // of note and return
}

// The limits of a macro.
const (
	maxMacroName    = 100
	maxShortcut     = 40
	maxMacroBody    = 8000 // characters; a reply has room for twice as many
	maxMacroActions = 5
	maxSnoozeHours  = 24 * 30
	maxMacros       = 2000 // a desk has
)

// variable matches a place to fill in: {{customer.name}}, or {{customer.first_name|there}} with words for when it is not known.
var variable = regexp.MustCompile(`\{\{\s*([^{}|]*?)\s*(?:\|([^{}]*))?\}\}`)

// MacroVariables are the names that may stand in a macro, with what is put in their place.
var MacroVariables = map[string]string{
	"customer.name":       "the customer's name",
	"customer.first_name": "the first word of the customer's name",
	"customer.email":      "the customer's e-mail address",
	"agent.name":          "the agent's name",
	"agent.first_name":    "the first word of the agent's name",
	"team":                "the team's name",
	"topic":               "the topic's name in the customer's language",
	"company":             "the company's name",
	"market":              "the market's code",
	"reference":           "the handoff's reference, eight characters",
}

const macroColumns = `id, team, agent_id, name, shortcut, body, actions, uses, updated_at`

// macroShown limits macros to those that an agent ($1 supervises, $2 teams, $3 id) has: everyone's, the teams', and their own.
const macroShown = `(agent_id = $3 OR agent_id IS NULL AND (team IS NULL OR $1 OR team = ANY ($2)))`

// Macros returns the macros that the agent has, those that are used most first.
func (d *Desk) Macros(ctx context.Context, a Agent) ([]Macro, error) {
	rows, err := d.pool.Query(ctx, `SELECT `+macroColumns+` FROM macros WHERE `+macroShown+` ORDER BY uses DESC, name, id LIMIT $4`, a.Supervises(), a.Teams, a.ID, maxMacros)
	if err != nil {
		return nil, err
	}
	ms, err := pgx.CollectRows(rows, scanMacro)
	return append([]Macro{}, ms...), err
}

func scanMacro(row pgx.CollectableRow) (Macro, error) {
	var m Macro
	var body, actions []byte
	err := row.Scan(&m.ID, &m.Team, &m.Agent, &m.Name, &m.Shortcut, &body, &actions, &m.Uses, &m.UpdatedAt)
	if err == nil {
		err = errors.Join(json.Unmarshal(body, &m.Body), json.Unmarshal(actions, &m.Actions))
	}
	return m, err
}

// FindMacro returns one of the agent's macros.
func (d *Desk) FindMacro(ctx context.Context, id uuid.UUID, a Agent) (Macro, error) {
	return findMacro(ctx, d.pool, id, a, "")
}

func findMacro(ctx context.Context, q db, id uuid.UUID, a Agent, lock string) (Macro, error) {
	rows, err := q.Query(ctx, `SELECT `+macroColumns+` FROM macros WHERE `+macroShown+` AND id = $4 `+lock, a.Supervises(), a.Teams, a.ID, id)
	if err != nil {
		return Macro{}, err
	}
	m, err := pgx.CollectExactlyOneRow(rows, scanMacro)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "macro_not_found", "There is no such macro, or it is not yours to use.")
	}
	return m, err
}

// SaveMacro creates a macro, or changes the one with its id. Everybody may have macros of their own; shared ones are for
// supervisors to change. At is when the macro that is changed was last saved as far as the agent knows; a newer one is a
// conflict. It is zero for a new macro.
func (d *Desk) SaveMacro(ctx context.Context, m Macro, a Agent, at time.Time) (Macro, error) {
	m.Name, m.Shortcut = strings.TrimSpace(m.Name), strings.ToLower(strings.TrimSpace(m.Shortcut))
	if m.Actions == nil {
		m.Actions = []MacroAction{}
	}
	if err := m.check(); err != nil {
		return m, err
	}
	if m.Agent != nil && m.Team != nil {
		return m, fault.Field("team", "own_or_shared", "A macro is a team's or somebody's own, not both.")
	}
	if err := mayChange(m, a); err != nil {
		return m, err
	}
	creating := m.ID == uuid.Nil
	var out Macro
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		action, detail := "macro.created", map[string]any{"shortcut": m.Shortcut, "team": m.Team, "own": m.Agent != nil}
		sql := `INSERT INTO macros (id, team, agent_id, name, shortcut, body, actions) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ` + macroColumns
		if !creating {
			before, err := findMacro(ctx, tx, m.ID, a, "FOR UPDATE")
			if err != nil {
				return err
			}
			if err := mayChange(before, a); err != nil {
				return err
			}
			if !before.UpdatedAt.Equal(at) {
				return fault.New(fault.Conflict, "macro_changed", "Somebody has changed this macro meanwhile; look at it again.")
			}
			action = "macro.changed"
			sql = `UPDATE macros SET team = $2, agent_id = $3, name = $4, shortcut = $5, body = $6, actions = $7, updated_at = clock_timestamp() WHERE id = $1 RETURNING ` + macroColumns
		} else {
			m.ID = uuid.Must(uuid.NewV7())
		}
		rows, err := tx.Query(ctx, sql, m.ID, m.Team, m.Agent, m.Name, m.Shortcut, m.Body, m.Actions)
		if err != nil {
			return err
		}
		if out, err = pgx.CollectExactlyOneRow(rows, scanMacro); err != nil {
			return err
		}
		return audit(ctx, tx, a, action, out.ID, detail)
	})
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		switch pgErr.Code {
		case "23505": // unique_violation
			if there, found := d.sameMacro(ctx, m); found && creating {
				return there, nil // said twice
			}
			return m, fault.Field("shortcut", "shortcut_taken", "There is a macro with this shortcut already; choose another.")
		case "23503": // foreign_key_violation
			return m, fault.Field("team", "unknown_team", "There is no such team.")
		}
	}
	return out, err
}

// sameMacro returns the macro that has the place of m, if it says the same.
func (d *Desk) sameMacro(ctx context.Context, m Macro) (Macro, bool) {
	rows, err := d.pool.Query(ctx, `SELECT `+macroColumns+` FROM macros WHERE team IS NOT DISTINCT FROM $1 AND agent_id IS NOT DISTINCT FROM $2 AND shortcut = $3`, m.Team, m.Agent, m.Shortcut)
	if err != nil {
		return Macro{}, false
	}
	there, err := pgx.CollectExactlyOneRow(rows, scanMacro)
	return there, err == nil && there.Name == m.Name && maps.Equal(there.Body, m.Body) && slices.Equal(there.Actions, m.Actions)
}

// mayChange says whether the agent may create, change or delete such a macro.
func mayChange(m Macro, a Agent) error {
	switch {
	case m.Agent != nil && *m.Agent == a.ID, m.Agent == nil && a.Supervises():
		return nil
	case m.Agent != nil:
		return fault.New(fault.Forbidden, "not_permitted", "This macro is somebody else's own.")
	}
	return fault.New(fault.Forbidden, "not_permitted", "Macros that others use are for supervisors to change. Keep it as your own.")
}

// DeleteMacro removes a macro. One that is gone already is no error.
func (d *Desk) DeleteMacro(ctx context.Context, id uuid.UUID, a Agent) error {
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		m, err := findMacro(ctx, tx, id, a, "FOR UPDATE")
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err == nil {
			err = mayChange(m, a)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM macros WHERE id = $1`, id); err != nil {
			return err
		}
		return audit(ctx, tx, a, "macro.deleted", id, map[string]any{"shortcut": m.Shortcut, "team": m.Team, "own": m.Agent != nil})
	})
}

var (
	shortcutPattern    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	macroLocalePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
)

// check says what is wrong with a macro's content.
func (m Macro) check() error {
	switch {
	case m.Name == "" || utf8.RuneCountInString(m.Name) > maxMacroName || strings.ContainsAny(m.Name, "\n\r\x00"):
		return fault.Field("name", "bad_name", "Give the macro a name of one line with at most %d characters.", maxMacroName)
	case len(m.Shortcut) > maxShortcut || !shortcutPattern.MatchString(m.Shortcut):
		return fault.Field("shortcut", "bad_shortcut", "A shortcut has at most %d letters a to z and digits, with single hyphens between them.", maxShortcut)
	case len(m.Body) == 0:
		return fault.Field("body", "required", "Write the text in one language at least.")
	case len(m.Actions) > maxMacroActions:
		return fault.Field("actions", "too_many", "At most %d actions can follow a macro.", maxMacroActions)
	}
	for _, locale := range slices.Sorted(maps.Keys(m.Body)) {
		text := m.Body[locale]
		field := "body." + locale
		switch {
		case !macroLocalePattern.MatchString(locale):
			return fault.Field("body", "not_a_language", "%q is no language tag such as en or pt-BR.", locale)
		case strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > maxMacroBody || strings.ContainsRune(text, 0) || !utf8.ValidString(text):
			return fault.Field(field, "bad_text", "Write between 1 and %d characters.", maxMacroBody)
		}
		for _, v := range variable.FindAllStringSubmatch(text, -1) {
			if _, ok := MacroVariables[v[1]]; !ok {
				return fault.Field(field, "unknown_variable", "There is no variable %s. There are %s.", v[0], strings.Join(slices.Sorted(maps.Keys(MacroVariables)), ", "))
			}
		}
		if rest := variable.ReplaceAllLiteralString(text, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
			return fault.Field(field, "bad_variable", "A variable looks like {{customer.name}}, or {{customer.name|there}}; close the braces.")
		}
	}
	for _, act := range m.Actions {
		if err := act.check(); err != nil {
			return err
		}
	}
	return nil
}

func (x MacroAction) check() error {
	want := MacroAction{Do: x.Do}
	ok := true
	switch x.Do {
	case "resolve":
	case "return":
		want.Text = x.Text
	case "transfer":
		want.Team, ok = x.Team, x.Team != ""
	case "snooze":
		want.Hours, ok = x.Hours, x.Hours >= 1 && x.Hours <= maxSnoozeHours
	case "note":
		want.Text, ok = x.Text, strings.TrimSpace(x.Text) != ""
	default:
		return fault.Field("actions", "unknown_action", "Use resolve, return, transfer, snooze or note.")
	}
	if !ok || x != want || utf8.RuneCountInString(x.Text) > maxMacroBody {
		return fault.Field("actions", "bad_action", "transfer needs a team, snooze between 1 and %d hours, note a text; return may have one, resolve has nothing.", maxSnoozeHours)
	}
	return nil
}

// Rendered is a macro's text for one conversation.
type Rendered struct {
	Text    string        `json:"text"`
	Locale  string        `json:"locale"`  // of the text that was chosen
	Missing []string      `json:"missing"` // variables that are not known here and stand in the text as they are
	Actions []MacroAction `json:"actions"`
}

// RenderMacro fills in a macro for a conversation, in the customer's language where the macro has it, and counts its use.
// What comes from the customer is put in as it is and never read as a variable again.
func (d *Desk) RenderMacro(ctx context.Context, id, conversation uuid.UUID, a Agent, company string) (Rendered, error) {
	m, err := d.FindMacro(ctx, id, a)
	if err != nil {
		return Rendered{}, err
	}
	if err := d.MayRead(ctx, conversation, a); err != nil {
		return Rendered{}, err
	}
	var person chat.Person
	var locale, market string
	var handoff *uuid.UUID
	var topic, team, language *string
	err = d.pool.QueryRow(ctx, `
		SELECT c.customer, c.locale, c.market, h.id, h.topic, h.language, (SELECT name FROM teams WHERE key = h.team)
		FROM conversations c LEFT JOIN LATERAL (SELECT * FROM handoffs WHERE conversation_id = c.id ORDER BY queued_at DESC, id DESC LIMIT 1) h ON true
		WHERE c.id = $1`, conversation).Scan(&person, &locale, &market, &handoff, &topic, &language, &team)
	if err != nil {
		return Rendered{}, err
	}
	if language != nil && *language != "" {
		locale = *language
	}
	out := Rendered{Missing: []string{}, Actions: m.Actions}
	out.Locale = m.locale(locale)
	values := map[string]string{
		"customer.name": person.Name, "customer.first_name": firstWord(person.Name), "customer.email": person.Email,
		"agent.name": a.Name, "agent.first_name": firstWord(a.Name), "company": company, "market": strings.ToUpper(market),
	}
	if team != nil {
		values["team"] = *team
	}
	if handoff != nil { // the end of a UUIDv7 is random, its beginning is the time
		s := handoff.String()
		values["reference"] = strings.ToUpper(s[len(s)-8:])
	}
	if topic != nil {
		if t, ok := (*d.topics.Load())[*topic]; ok {
			base, _, _ := strings.Cut(out.Locale, "-")
			if values["topic"] = t.Names[base]; values["topic"] == "" {
				values["topic"] = t.Names["en"]
			}
		}
	}
	out.Text = variable.ReplaceAllStringFunc(m.Body[out.Locale], func(s string) string {
		parts := variable.FindStringSubmatch(s)
		if v := values[parts[1]]; v != "" {
			return v
		}
		if strings.Contains(s, "|") {
			return parts[2]
		}
		if !slices.Contains(out.Missing, parts[1]) {
			out.Missing = append(out.Missing, parts[1])
		}
		return "{{" + parts[1] + "}}"
	})
	_, err = d.pool.Exec(ctx, `UPDATE macros SET uses = uses + 1 WHERE id = $1`, id)
	return out, err
}

// locale chooses the language of the body: the customer's with its region, the customer's, English, or whatever there is.
func (m Macro) locale(wanted string) string {
	base, _, _ := strings.Cut(wanted, "-")
	for _, l := range []string{wanted, base, "en"} {
		if _, ok := m.Body[l]; ok {
			return l
		}
	}
	return slices.Sorted(maps.Keys(m.Body))[0]
}

func firstWord(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return first
}

// MacroSeed is a shared macro as a file has it.
type MacroSeed struct {
	Name     string            `yaml:"name"`
	Shortcut string            `yaml:"shortcut"`
	Team     string            `yaml:"team"` // "" for everyone
	Body     map[string]string `yaml:"body"`
	Actions  []MacroAction     `yaml:"actions"`
}

// SaveMacros creates shared macros, or replaces those with the same team and shortcut. What else there is stays. All of
// them are saved or none.
func (d *Desk) SaveMacros(ctx context.Context, seeds []MacroSeed) error {
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		for _, s := range seeds {
			m := Macro{Name: s.Name, Shortcut: s.Shortcut, Body: s.Body, Actions: s.Actions}
			if m.Actions == nil {
				m.Actions = []MacroAction{}
			}
			err := m.check()
			var f *fault.Error
			if errors.As(err, &f) {
				return fault.Field("macros."+s.Shortcut+"."+f.Field, f.Code, "%s", f.Public)
			}
			_, err = tx.Exec(ctx, `
				INSERT INTO macros (id, team, name, shortcut, body, actions) VALUES ($1, NULLIF($2, ''), $3, $4, $5, $6)
				ON CONFLICT (team, agent_id, shortcut) DO UPDATE SET name = $3, body = $5, actions = $6, updated_at = clock_timestamp()`,
				uuid.Must(uuid.NewV7()), s.Team, m.Name, m.Shortcut, m.Body, m.Actions)
			var pgErr *pgconn.PgError
			if errors.As(err, &pgErr) && pgErr.Code == "23503" { // foreign_key_violation
				return fault.Field("macros."+s.Shortcut+".team", "unknown_team", "There is no team %s.", s.Team)
			}
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ('command', 'macro.imported', '', $1)`, map[string]any{"macros": len(seeds)})
		return err
	})
}
