package chat

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// LastWalk returns the decision of the conversation's last turn that said a step of a guide, of those whose messages stand
// after one number and before another; nil where there is none.
func (r *Record) LastWalk(ctx context.Context, conversation uuid.UUID, after, before int64) (json.RawMessage, error) {
	var raw json.RawMessage
	err := r.pool.QueryRow(ctx, `
		SELECT decision FROM turns WHERE conversation_id = $1 AND reason = 'guide_step' AND from_seq > $2 AND from_seq < $3
		ORDER BY from_seq DESC, to_seq DESC LIMIT 1`, conversation, after, before).Scan(&raw)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return raw, err
}
