package handoff

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Preferences is how an agent likes the desk. What is nil was never chosen, and the page's own default counts.
type Preferences struct {
	UndoMS       *int              `json:"undo_ms,omitempty"`       // how long a reply is held, so that it can be taken back
	Sound        *bool             `json:"sound,omitempty"`         // for new offers
	MessageSound *bool             `json:"message_sound,omitempty"` // for customers' messages
	Shortcuts    *bool             `json:"shortcuts,omitempty"`     // keys that write a character are shortcuts
	Keys         map[string]string `json:"keys,omitempty"`          // the key of a command, by its id; "" for none
}

const (
	longestUndo = 30_000
	mostKeys    = 200
	longestKey  = 40       // characters of a key such as mod+alt+shift+arrowdown
	largest     = 12 << 10 // bytes of all that is chosen, as JSON; the database's bound is above it
)

var commandID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// Validate reports the first mistake.
func (p Preferences) Validate() error {
	if p.UndoMS != nil && (*p.UndoMS < 0 || *p.UndoMS > longestUndo) {
		return fault.Field("undo_ms", "out_of_range", "Use a number of milliseconds from 0 to %d.", longestUndo)
	}
	if len(p.Keys) > mostKeys {
		return fault.Field("keys", "too_many", "Choose keys for at most %d commands.", mostKeys)
	}
	for id, key := range p.Keys {
		if !commandID.MatchString(id) {
			return fault.Field("keys", "bad_command", "Name commands by their ids: up to 40 small letters, digits and hyphens.")
		}
		if utf8.RuneCountInString(key) > longestKey {
			return fault.Field("keys", "too_long", "Write a key in at most %d characters, such as alt+j.", longestKey)
		}
		for _, r := range key {
			if r < ' ' || r == 0x7f {
				return fault.Field("keys", "bad_key", "Write a key such as j or alt+j, without control characters.")
			}
		}
	}
	return nil
}

// Preferences returns what the agent has chosen on whichever machine; nothing chosen is the zero value.
func (d *Desk) Preferences(ctx context.Context, a Agent) (p Preferences, err error) {
	err = d.pool.QueryRow(ctx, `SELECT chosen FROM preferences WHERE agent_id = $1`, a.ID).Scan(&p)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return p, err
}

// SetPreferences keeps what the agent has chosen, in the place of what was there.
func (d *Desk) SetPreferences(ctx context.Context, a Agent, p Preferences) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if text, err := json.Marshal(p); err != nil || len(text) > largest {
		return fault.Field("keys", "too_large", "Choose fewer keys: all preferences together may be %d bytes.", largest)
	}
	_, err := d.pool.Exec(ctx, `INSERT INTO preferences (agent_id, chosen) VALUES ($1, $2)
		ON CONFLICT (agent_id) DO UPDATE SET chosen = excluded.chosen, updated_at = now()`, a.ID, p)
	return err
}
