package handoff

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
)

// Tried is what a customer did before a person took over: a guide, with what they answered at each step.
type Tried struct {
	Article string      `json:"article"`
	Number  int         `json:"version"`
	Title   string      `json:"title"`
	Steps   []TriedStep `json:"steps"`        // in order
	At      string      `json:"at,omitempty"` // the step that they are still at
}

// TriedStep is a step and the answer to it.
type TriedStep struct {
	Step   string `json:"step"`
	Answer string `json:"answer"`
}

// tried reads the customer's latest guide behind the fence from the decisions of their turns; nil where there was none. The step
// that they are still at is "" where the guide came to its end.
func tried(ctx context.Context, s *chat.Session) (*Tried, error) {
	var walk struct {
		Article string      `json:"article"`
		Number  int         `json:"number"`
		Title   string      `json:"title"`
		Trail   []TriedStep `json:"trail"`
		At      string      `json:"at"`
		Done    bool        `json:"done"`
	}
	err := s.Tx().QueryRow(ctx, `
		SELECT decision->'walk' FROM turns WHERE conversation_id = $1 AND from_seq > $2 AND decision->'walk' IS NOT NULL
		ORDER BY from_seq DESC, to_seq DESC LIMIT 1`, s.ID, s.FenceSeq).Scan(&walk)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := &Tried{Article: walk.Article, Number: walk.Number, Title: walk.Title, Steps: append([]TriedStep{}, walk.Trail...), At: walk.At}
	if walk.Done {
		t.At = ""
	}
	return t, nil
}
