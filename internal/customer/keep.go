package customer

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// Keep is how long things are kept; 0 is until somebody has them deleted.
type Keep struct {
	Conversations time.Duration // since anything was last written in one
	Files         time.Duration // since they were sent
}

// ParseKeep reads a setting such as conversations=365d, files=90d.
func ParseKeep(setting map[string]string) (k Keep, err error) {
	for what, text := range setting {
		days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
		if err != nil || !strings.HasSuffix(text, "d") || days < 1 || days > 36500 {
			return k, fault.Field("FIRSTLINE_KEEP", "malformed", "%s=%s is no number of days; write %s=365d.", what, text, what)
		}
		long := time.Duration(days) * 24 * time.Hour
		switch what {
		case "conversations":
			k.Conversations = long
		case "files":
			k.Files = long
		default:
			return k, fault.Field("FIRSTLINE_KEEP", "unknown", "There is no %q to keep; use conversations and files.", what)
		}
	}
	if k.Conversations > 0 && k.Files > k.Conversations {
		return k, fault.Field("FIRSTLINE_KEEP", "malformed", "Files go with their conversations, so they cannot be kept longer.")
	}
	return k, nil
}

// sweepEvery is how often what is kept no longer is looked for: the time of a conversation has no index, because every
// message would have to write it.
const sweepEvery = time.Hour

// sweepAtOnce is how many conversations one look deletes.
const sweepAtOnce = 200

// NextSweep says when Sweep is due.
func (s *Store) NextSweep(context.Context) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.swept.Add(sweepEvery), nil
}

// Sweep deletes what is kept no longer. Conversations with an open handoff stay until it ends.
func (s *Store) Sweep(ctx context.Context) error {
	now := s.opts.Now()
	for _, sql := range []string{`DELETE FROM customer_sessions WHERE expires_at < $1`, `DELETE FROM identity_uses WHERE expires_at < $1`, `DELETE FROM otp WHERE expires_at < $1`} {
		if _, err := s.pool.Exec(ctx, sql, now); err != nil {
			return err
		}
	}
	if k := s.opts.Keep.Files; k > 0 {
		if _, err := s.pool.Exec(ctx, `DELETE FROM attachments WHERE created_at < $1`, now.Add(-k)); err != nil {
			return err
		}
	}
	more := false
	if k := s.opts.Keep.Conversations; k > 0 {
		ids, err := s.over(ctx, now.Add(-k))
		if err != nil {
			return err
		}
		counts, gone := map[string]int{}, []*chat.Session{}
		for _, id := range ids {
			err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
				locked, err := s.record.Lock(ctx, tx, id)
				if err != nil {
					return err
				}
				var still bool // somebody may have written meanwhile
				if err := tx.QueryRow(ctx, `SELECT `+isOver+` FROM conversations c WHERE id = $2`, now.Add(-k), id).Scan(&still); err != nil || !still {
					return err
				}
				gone = append(gone, locked)
				return drop(ctx, locked, counts)
			})
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		s.dropped(gone)
		if len(gone) > 0 {
			s.log.Info("conversations were kept long enough", "conversations", counts["conversations"], "messages", counts["messages"], "files", counts["files"])
		}
		more = len(ids) == sweepAtOnce
		// Who has no conversation left is kept no longer than one would be.
		if _, err := s.pool.Exec(ctx, `DELETE FROM customers c WHERE seen_at < $1 AND NOT EXISTS (SELECT FROM conversations WHERE customer_id = c.id)`, now.Add(-k)); err != nil {
			return err
		}
	}
	if !more {
		s.mu.Lock()
		s.swept = now
		s.mu.Unlock()
	}
	return nil
}

// isOver says of a conversation c whether nobody has written in it since $1 and no person has it in hand.
const isOver = `c.updated_at < $1 AND NOT EXISTS (SELECT FROM handoffs WHERE conversation_id = c.id AND ended_at IS NULL)`

// over are conversations that are kept no longer, the oldest first.
func (s *Store) over(ctx context.Context, since time.Time) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, `SELECT id FROM conversations c WHERE `+isOver+` ORDER BY updated_at LIMIT $2`, since, sweepAtOnce)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
