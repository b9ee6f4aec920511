package auth

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Actor is who does something, as the audit log names them: an agent's id, or Command.
type Actor string

// Command is whoever runs commands on the server.
const Command Actor = "command"

// Actor names the agent to the audit log.
func (a Agent) Actor() Actor { return Actor(a.ID.String()) }

// audit writes a line about a person, in the transaction of what it tells of. It holds no secrets and no addresses.
func audit(ctx context.Context, db execer, actor, action string, subject uuid.UUID, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	_, err := db.Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4)`, actor, action, subject.String(), detail)
	return err
}

// AuditEntry is a line of the audit log.
type AuditEntry struct {
	ID      int64           `json:"id"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`   // an agent's id, or router, assistant, customer, command
	Name    string          `json:"name"`    // of the actor, where it is an agent
	Action  string          `json:"action"`  // such as accepted, signed_in
	Subject string          `json:"subject"` // what it was done to: an agent, a handoff, a conversation, a topic
	About   string          `json:"about"`   // the subject's name, where it is an agent
	Detail  json.RawMessage `json:"detail"`
}

// AuditFilter says which lines of the audit log are wanted; what is empty does not restrict.
type AuditFilter struct {
	Subject string
	Actor   string
	Action  string
	Before  int64 // only lines with a smaller id
}

// auditPage is how many lines one look returns.
const auditPage = 100

// Audit returns the newest lines that fit, and the id to go on before; 0 at the end.
func (s *Store) Audit(ctx context.Context, f AuditFilter) ([]AuditEntry, int64, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT l.id, l.at, l.actor, COALESCE(w.name, ''), l.action, l.subject, COALESCE(p.name, ''), l.detail
		FROM audit l LEFT JOIN agents w ON w.id::text = l.actor LEFT JOIN agents p ON p.id::text = l.subject
		WHERE ($1 = '' OR l.subject = $1) AND ($2 = '' OR l.actor = $2) AND ($3 = '' OR l.action = $3) AND ($4 = 0 OR l.id < $4)
		ORDER BY l.id DESC LIMIT $5`, f.Subject, f.Actor, f.Action, f.Before, auditPage+1)
	if err != nil {
		return nil, 0, err
	}
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[AuditEntry])
	if err != nil || len(entries) <= auditPage {
		return entries, 0, err
	}
	entries = entries[:auditPage]
	return entries, entries[auditPage-1].ID, nil
}
