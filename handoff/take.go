package handoff

import (
	"context"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// TakeFor gives the conversation to an agent who is answering it already, at another desk: an offer of it to somebody else is
// withdrawn, and from the assistant it is pulled. Whoever has accepted it here keeps it; then it is a conflict.
func (d *Desk) TakeFor(ctx context.Context, conversation uuid.UUID, a Agent) (Handoff, error) {
	h, err := findHandoff(ctx, d.pool, `h.conversation_id = $1 AND h.ended_at IS NULL`, conversation)
	if fault.Is(err, fault.NotFound) {
		return d.Pull(ctx, conversation, a)
	}
	if err != nil {
		return h, err
	}
	return d.act(ctx, h.ID, a, func(ctx context.Context, s *chat.Session, h Handoff) error {
		if h.State == Offered && (h.AgentID == nil || *h.AgentID != a.ID) {
			if err := withdraw(ctx, s, h.ID); err != nil {
				return err
			}
			if _, err := s.Tx().Exec(ctx, `UPDATE handoffs SET state = 'queued', agent_id = NULL WHERE id = $1 AND state = 'offered'`, h.ID); err != nil {
				return err
			}
			h.State, h.AgentID = Queued, nil
		}
		return d.take(ctx, s, h, a)
	})
}

// GiveBack returns the conversation to the queue where the agent has it, because they cannot go on with it. by is who says
// so, for the record.
func (d *Desk) GiveBack(ctx context.Context, conversation uuid.UUID, agent uuid.UUID, by string) error {
	h, err := findHandoff(ctx, d.pool, `h.conversation_id = $1 AND h.ended_at IS NULL AND h.agent_id = $2`, conversation, agent)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.release(ctx, h.ID, agent, by, nil)
}
