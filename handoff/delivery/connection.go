package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// Connection is a desk that handoffs are brought to and replies come from.
type Connection struct {
	ID        uuid.UUID `json:"id"`
	Kind      string    `json:"kind"` // zendesk | intercom | chatwoot | slack | email
	Name      string    `json:"name"` // whom customers see as the author of replies
	Settings  settings  `json:"settings"`
	Teams     []string  `json:"teams"` // none is every team
	Enabled   bool      `json:"enabled"`
	Inbound   string    `json:"inbound"` // path that the desk sends to; "" for those that send nothing
	CreatedAt time.Time `json:"created_at"`

	secrets secrets
}

// Secrets are what lets us in, and what signs what comes; they are written and never read.
type Secrets = secrets

// Settings are what a desk needs to be found.
type Settings = settings

const connectionColumns = `id, kind, name, config, secret, teams, disabled_at IS NULL, created_at`

func scanConnection(row pgx.Row) (Connection, error) {
	var c Connection
	var secret string
	err := row.Scan(&c.ID, &c.Kind, &c.Name, &c.Settings, &secret, &c.Teams, &c.Enabled, &c.CreatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, fault.New(fault.NotFound, "connection_not_found", "There is no such connection.")
	}
	if err != nil {
		return c, err
	}
	if kinds[c.Kind].inward {
		c.Inbound = "/v1/inbound/" + c.ID.String()
	}
	return c, json.Unmarshal([]byte(secret), &c.secrets)
}

// Connection returns one.
func (s *Service) Connection(ctx context.Context, id uuid.UUID) (Connection, error) {
	return scanConnection(s.pool.QueryRow(ctx, `SELECT `+connectionColumns+` FROM connections WHERE id = $1`, id))
}

// Connections returns all, oldest first.
func (s *Service) Connections(ctx context.Context) ([]Connection, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+connectionColumns+` FROM connections ORDER BY created_at, id`)
	if err != nil {
		return nil, err
	}
	cs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Connection, error) { return scanConnection(row) })
	if cs == nil {
		cs = []Connection{}
	}
	return cs, err
}

func (s *Service) checkConnection(c Connection) error {
	k, ok := kinds[c.Kind]
	if !ok {
		return fault.Field("kind", "unknown_kind", "Use zendesk, intercom, chatwoot, slack or email.")
	}
	if strings.TrimSpace(c.Name) == "" {
		return fault.Field("name", "required", "Say what customers read as the author of replies, such as Larkpay support.")
	}
	for _, need := range k.needs {
		have := map[string]string{"url": c.Settings.URL, "user": c.Settings.User, "account": c.Settings.Account, "inbox": c.Settings.Inbox,
			"channel": c.Settings.Channel, "to": strings.Join(c.Settings.To, ""), "token": c.secrets.Token, "signing": c.secrets.Signing}[need]
		field := "settings." + need
		if need == "token" || need == "signing" {
			field = "secrets." + need
		}
		if strings.TrimSpace(have) == "" {
			return fault.Field(field, "required", "A connection of the kind %s needs this.", c.Kind)
		}
	}
	for field, v := range map[string]string{"settings.user": c.Settings.User, "settings.account": c.Settings.Account, "settings.inbox": c.Settings.Inbox,
		"settings.channel": c.Settings.Channel, "secrets.token": c.secrets.Token, "secrets.signing": c.secrets.Signing} {
		if strings.ContainsFunc(v, unicode.IsControl) {
			return fault.Field(field, "control_character", "This has a line break or another sign that cannot be sent; copy it again.")
		}
	}
	if c.Settings.URL != "" {
		if err := s.cleanURL("settings.url", c.Settings.URL); err != nil {
			return err
		}
	}
	for _, to := range c.Settings.To {
		if a, err := mail.ParseAddress(to); err != nil || a.Address != to {
			return fault.Field("settings.to", "not_an_address", "%q is not an e-mail address.", to)
		}
	}
	if c.Kind == "email" && s.opts.Mail == nil {
		return fault.New(fault.Conflict, "no_mail_server", "There is no mail server; set FIRSTLINE_SMTP_URL and FIRSTLINE_MAIL_FROM.")
	}
	return nil
}

// farAhead keeps the agent who stands for a desk connected for good: a desk does not go home.
const farAhead = "9999-01-01"

// AddConnection stores a connection, and the agent in whose name its replies are written: one with no room for offers, who
// can sign in nowhere.
func (s *Service) AddConnection(ctx context.Context, a handoff.Agent, c Connection, secret Secrets) (Connection, error) {
	c.secrets = secret
	if err := s.checkConnection(c); err != nil {
		return c, err
	}
	raw, err := json.Marshal(c.secrets)
	if err != nil {
		return c, err
	}
	id := uuid.Must(uuid.NewV7())
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := knownTeams(ctx, tx, c.Teams); err != nil {
			return err
		}
		c, err = scanConnection(tx.QueryRow(ctx, `INSERT INTO connections (id, kind, name, config, secret, teams, disabled_at)
			VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN NULL ELSE now() END) RETURNING `+connectionColumns,
			id, c.Kind, c.Name, c.Settings, string(raw), filled(c.Teams), c.Enabled))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO agents (id, email, name, role, capacity, presence, connected_until, disabled_at)
			VALUES ($1, $2, $3, 'agent', 0, 'online', $4::timestamptz, CASE WHEN $5 THEN NULL ELSE now() END)`,
			id, "connection-"+id.String()+"@"+auth.StandInDomain, c.Name, farAhead, c.Enabled)
		if err != nil {
			return err
		}
		return audit(ctx, tx, a, "connection.added", id, map[string]any{"kind": c.Kind, "name": c.Name})
	})
	return c, err
}

func knownTeams(ctx context.Context, tx pgx.Tx, teams []string) error {
	for _, key := range teams {
		var known bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM teams WHERE key = $1)`, key).Scan(&known); err != nil {
			return err
		}
		if !known {
			return fault.Field("teams", "unknown_team", "There is no team %q.", key)
		}
	}
	return nil
}

// SetConnection changes a connection; secrets that are not given stay as they are. Its kind stays.
func (s *Service) SetConnection(ctx context.Context, a handoff.Agent, c Connection, secret Secrets) (Connection, error) {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		before, err := scanConnection(tx.QueryRow(ctx, `SELECT `+connectionColumns+` FROM connections WHERE id = $1 FOR UPDATE`, c.ID))
		if err != nil {
			return err
		}
		c.Kind, c.secrets = before.Kind, before.secrets
		if secret.Token != "" {
			c.secrets.Token = secret.Token
		}
		if secret.Signing != "" {
			c.secrets.Signing = secret.Signing
		}
		if err := s.checkConnection(c); err != nil {
			return err
		}
		if c.Settings.URL != before.Settings.URL && secret.Token == "" && c.secrets.Token != "" {
			return fault.Field("secrets.token", "required", "The address is another one; enter the token again, so that it goes to no place it was not meant for.")
		}
		if err := knownTeams(ctx, tx, c.Teams); err != nil {
			return err
		}
		raw, err := json.Marshal(c.secrets)
		if err != nil {
			return err
		}
		c, err = scanConnection(tx.QueryRow(ctx, `UPDATE connections SET name = $2, config = $3, secret = $4, teams = $5,
			disabled_at = CASE WHEN $6 THEN NULL ELSE COALESCE(disabled_at, now()) END WHERE id = $1 RETURNING `+connectionColumns,
			c.ID, c.Name, c.Settings, string(raw), filled(c.Teams), c.Enabled))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE agents SET name = $2, disabled_at = CASE WHEN $3 THEN NULL ELSE COALESCE(disabled_at, now()) END WHERE id = $1`, c.ID, c.Name, c.Enabled)
		if err != nil {
			return err
		}
		return audit(ctx, tx, a, "connection.changed", c.ID, map[string]any{"enabled": c.Enabled})
	})
	if err == nil && !c.Enabled {
		_, err = s.desk.Release(ctx, c.ID, a.ID.String()) // nobody is there to answer any more
	}
	s.poke()
	return c, err
}

// RemoveConnection deletes a connection with what was delivered to it. The agent who stands for it stays, because the
// conversations that it took part in name it.
func (s *Service) RemoveConnection(ctx context.Context, a handoff.Agent, id uuid.UUID) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		c, err := scanConnection(tx.QueryRow(ctx, `DELETE FROM connections WHERE id = $1 RETURNING `+connectionColumns, id))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE agents SET disabled_at = COALESCE(disabled_at, now()), presence = 'offline' WHERE id = $1`, id); err != nil {
			return err
		}
		return audit(ctx, tx, a, "connection.removed", id, map[string]any{"kind": c.Kind, "name": c.Name})
	})
	if err == nil {
		_, err = s.desk.Release(ctx, id, a.ID.String()) // nobody is there to answer any more
	}
	return err
}

// TestConnection asks the desk whether it lets us in.
func (s *Service) TestConnection(ctx context.Context, id uuid.UUID) (Outcome, error) {
	c, err := s.Connection(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	began := time.Now()
	err = s.adapter(c).Check(ctx)
	return outcome(began, 0, err), nil
}

func (s *Service) adapter(c Connection) Adapter {
	k := kinds[c.Kind]
	if c.Settings.URL == "" {
		c.Settings.URL = k.url
	}
	c.Settings.URL = strings.TrimSuffix(c.Settings.URL, "/")
	return k.adapter(s, c)
}

// sendToDesk brings one delivery to its desk, and remembers which conversation there belongs to ours.
func (s *Service) sendToDesk(ctx context.Context, j job) error {
	c, err := s.Connection(ctx, *j.ConnectionID)
	if err != nil {
		return err
	}
	out := Out{Delivery: j.ID.String(), Again: j.Attempts > 1}
	if err := json.Unmarshal([]byte(j.Payload), &out.Event); err != nil {
		return err
	}
	err = s.pool.QueryRow(ctx, `SELECT external_id FROM external_links WHERE connection_id = $1 AND conversation_id = $2`, c.ID, j.ConversationID).Scan(&out.External)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	a := s.adapter(c)
	if out.External == "" && out.Event.Type != HandoffCreated {
		// The connection was off when the conversation began: it is opened with the package first.
		open := out
		open.Delivery, open.Event.Type, open.Event.Data.Message, open.Again = out.Event.Data.Handoff.ID.String(), HandoffCreated, nil, true
		if err := s.pool.QueryRow(ctx, `SELECT package FROM handoffs WHERE id = $1`, out.Event.Data.Handoff.ID).Scan(&open.Event.Data.Package); err != nil {
			return err
		}
		if out.External, err = s.sendAndLink(ctx, c, a, open); err != nil {
			return err
		}
	}
	_, err = s.sendAndLink(ctx, c, a, out)
	return err
}

func (s *Service) sendAndLink(ctx context.Context, c Connection, a Adapter, out Out) (string, error) {
	sent, err := a.Send(ctx, out)
	if err != nil {
		return "", err
	}
	conversation := out.Event.Data.Conversation.ID
	if sent.External != "" && sent.External != out.External {
		_, err = s.pool.Exec(ctx, `INSERT INTO external_links (connection_id, conversation_id, external_id) VALUES ($1, $2, $3)
			ON CONFLICT (connection_id, conversation_id) DO UPDATE SET external_id = EXCLUDED.external_id`, c.ID, conversation, sent.External)
		if err != nil {
			return "", err
		}
	}
	if sent.ID != "" {
		var message *uuid.UUID
		if m := out.Event.Data.Message; m != nil {
			message = &m.ID
		}
		_, err = s.pool.Exec(ctx, `INSERT INTO external_messages (connection_id, external_id, inward, message_id) VALUES ($1, $2, false, $3) ON CONFLICT DO NOTHING`,
			c.ID, sent.ID, message)
	}
	return sent.External, err
}
