package chat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mask"
)

// Bounds of what the page around the chat may say.
const (
	maxContextKeys  = 20
	maxContextValue = 200
)

// PageContext is what the page around the chat says about itself and the customer. Nobody has verified it: the customer can
// write into it what they like. People read it; no model does.
type PageContext map[string]any

var contextKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// Clean checks the context, and masks what must not be stored.
func (c PageContext) Clean() (PageContext, error) {
	if len(c) > maxContextKeys {
		return nil, fault.Field("context", "too_many", "At most %d values are allowed.", maxContextKeys)
	}
	out := PageContext{}
	for _, k := range slices.Sorted(maps.Keys(c)) {
		if !contextKey.MatchString(k) {
			return nil, fault.Field("context", "malformed_key", "Use keys of 1 to 40 letters, digits, points, hyphens and underscores.")
		}
		switch v := c[k].(type) {
		case bool, float64:
			out[k] = v
		case string:
			if v = strings.TrimSpace(v); !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
				return nil, fault.Field("context."+k, "not_text", "Use plain text on one line.")
			}
			if n := utf8.RuneCountInString(v); n > maxContextValue {
				return nil, fault.Field("context."+k, "too_long", "This has %d characters; at most %d are allowed.", n, maxContextValue)
			}
			masked, _ := mask.Mask(v)
			out[k] = masked
		default:
			return nil, fault.Field("context."+k, "wrong_type", "Use text, numbers, true or false.")
		}
	}
	return out, nil
}

// SetContext replaces what the page said; the context is clean.
func (r *Record) SetContext(ctx context.Context, id uuid.UUID, c PageContext) error {
	tag, err := r.pool.Exec(ctx, `UPDATE conversations SET context = $2 WHERE id = $1`, id, c)
	if err != nil {
		return fmt.Errorf("context: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return notFound()
	}
	return nil
}

// Page is where a conversation was begun and what the page around it said: the site's name, "" for none.
type Page struct {
	Site    string      `json:"site"`
	Context PageContext `json:"context"`
}

// PageOf returns where a conversation was begun.
func (r *Record) PageOf(ctx context.Context, id uuid.UUID) (Page, error) {
	var p Page
	err := r.pool.QueryRow(ctx, `SELECT COALESCE(s.name, ''), c.context FROM conversations c LEFT JOIN sites s ON s.key = c.site WHERE c.id = $1`, id).Scan(&p.Site, &p.Context)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, notFound()
	}
	return p, err
}
