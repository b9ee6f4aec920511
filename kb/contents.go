package kb

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Entry is a page as a list has it, without its text.
type Entry struct {
	ArticleID   uuid.UUID
	Slug        string
	Variant     string
	Collection  string
	Audience    string
	Markets     []string // empty means every market
	Locale      string
	Number      int // of the version
	Title       string
	Description string
	Since       time.Time // when readers first saw this version: published, and inside its validity
}

const entryColumns = `a.id, a.slug, a.variant, a.collection, a.audience, a.markets, v.locale, v.number, v.title, v.description,
	greatest(v.published_at, v.valid_from) AS since`

func scanEntry(row pgx.CollectableRow) (Entry, error) {
	var e Entry
	err := row.Scan(&e.ArticleID, &e.Slug, &e.Variant, &e.Collection, &e.Audience, &e.Markets, &e.Locale, &e.Number, &e.Title, &e.Description, &e.Since)
	e.Since = e.Since.UTC()
	return e, err
}

// Contents lists what one reader may open now, by slug: of every slug the page that Find would return, by the same
// conditions and the same order.
func (s *Store) Contents(ctx context.Context, market, locale, audience string) ([]Entry, error) {
	rows, err := s.db.Query(ctx, `
		SELECT DISTINCT ON (a.slug) `+entryColumns+`
		FROM articles a JOIN article_versions v ON v.article_id = a.id
		WHERE `+liveFor+`
		ORDER BY a.slug, array_position($3, a.audience), array_position($2, v.locale), a.variant DESC`,
		market, localesFor(locale), audiencesFor(audience), s.Now())
	if err != nil {
		return nil, databaseError("contents", err)
	}
	out, err := pgx.CollectRows(rows, scanEntry)
	return out, databaseError("contents", err)
}

// Live lists what anybody may open now: the published pages inside their validity, of all locales, markets and audiences,
// by slug. With a slug it lists those of that slug alone. Who may open which is what Opens says.
func (s *Store) Live(ctx context.Context, slug string) ([]Entry, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+entryColumns+`
		FROM articles a JOIN article_versions v ON v.article_id = a.id
		WHERE v.state = 'published' AND ($1 = '' OR a.slug = $1)
			AND (v.valid_from IS NULL OR v.valid_from <= $2) AND (v.valid_to IS NULL OR v.valid_to > $2)
		ORDER BY a.slug, a.variant, v.locale`, slug, s.Now())
	if err != nil {
		return nil, databaseError("live", err)
	}
	out, err := pgx.CollectRows(rows, scanEntry)
	return out, databaseError("live", err)
}

// Opens is Find over entries of one slug that are live: the entry that a reader opens, or false.
func Opens(entries []Entry, market, locale, audience string) (Entry, bool) {
	locales, audiences := localesFor(locale), audiencesFor(audience)
	place := func(list []string, x string) int {
		for i, y := range list {
			if x == y {
				return i
			}
		}
		return -1
	}
	best, found := Entry{}, false
	for _, e := range entries {
		a, l := place(audiences, e.Audience), place(locales, e.Locale)
		if a < 0 || l < 0 || len(e.Markets) > 0 && place(e.Markets, market) < 0 {
			continue
		}
		ba, bl := place(audiences, best.Audience), place(locales, best.Locale)
		if !found || a < ba || a == ba && (l < bl || l == bl && e.Variant > best.Variant) {
			best, found = e, true
		}
	}
	return best, found
}

// Votes returns by article how many readers more said since then that it helped than that it did not.
func (s *Store) Votes(ctx context.Context, since time.Time) (map[uuid.UUID]int, error) {
	rows, err := s.db.Query(ctx, `SELECT article_id, count(*) FILTER (WHERE helpful) - count(*) FILTER (WHERE NOT helpful)
		FROM article_feedback WHERE at >= $1 GROUP BY article_id`, since)
	if err != nil {
		return nil, databaseError("votes", err)
	}
	all := map[uuid.UUID]int{}
	var id uuid.UUID
	var n int
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		all[id] = n
		return nil
	})
	return all, databaseError("votes", err)
}
