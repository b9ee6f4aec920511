package handoff

import (
	"context"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

// Rate keeps the customer's rating of the conversation, for the latest handoff and the agent who had it, where there is one.
// A new rating takes the place of the former one, and both stay in the log.
func (d *Desk) Rate(ctx context.Context, conversation uuid.UUID, score int, comment string, reasons ...string) error {
	return d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		_, err := s.Tx().Exec(ctx, `
			INSERT INTO ratings (id, conversation_id, handoff_id, agent_id, score, comment, reasons)
			SELECT $1, $2, h.id, h.agent_id, $3, $4, COALESCE($5::text[], '{}') FROM (SELECT) one
			LEFT JOIN LATERAL (SELECT id, agent_id FROM handoffs WHERE conversation_id = $2 ORDER BY queued_at DESC, id DESC LIMIT 1) h ON true
			ON CONFLICT (conversation_id, handoff_id) DO UPDATE SET score = EXCLUDED.score, comment = EXCLUDED.comment, reasons = EXCLUDED.reasons, agent_id = EXCLUDED.agent_id, at = now()`,
			uuid.Must(uuid.NewV7()), s.ID, score, comment, reasons)
		if err != nil {
			return err
		}
		rated := map[string]any{"score": score, "comment": comment}
		if len(reasons) > 0 {
			rated["reasons"] = reasons
		}
		return s.AddEvent(ctx, chat.KindRating, rated, false)
	})
}
