package kb

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Judgement is whether an article helped somebody. Who it was is not known and not kept: it counts clicks, not people.
type Judgement struct {
	ArticleID uuid.UUID
	Version   int
	Locale    string // of the page
	Market    string // of the reader
	Helpful   bool
	Reason    string // one of Reasons where it did not help; "" for none
	Comment   string
}

// Reasons are why an article did not help.
var Reasons = []string{"wrong", "outdated", "unclear", "not_my_question", "other"}

// judgementStays is how long whoever judged an article may change what they said.
const judgementStays = time.Hour

// Judge keeps a judgement and returns its id, by which it may be changed for an hour.
func (s *Store) Judge(ctx context.Context, j Judgement) (uuid.UUID, error) {
	id := uuid.New() // of random bits alone: whoever knows it may change the judgement
	_, err := s.db.Exec(ctx, `INSERT INTO article_feedback (id, article_id, version, locale, market, helpful, reason, comment, at)
		VALUES ($1, $2, $3, $4, $5, $6, NULLIF($7, ''), $8, $9)`, id, j.ArticleID, j.Version, j.Locale, j.Market, j.Helpful, j.Reason, j.Comment, s.Now())
	return id, databaseError("judge", err)
}

// Rejudge replaces what a judgement says. The error is a NotFound fault when there is none of this id, when it is of another
// article, and when it is older than an hour.
func (s *Store) Rejudge(ctx context.Context, id uuid.UUID, j Judgement) error {
	tag, err := s.db.Exec(ctx, `UPDATE article_feedback SET helpful = $3, reason = NULLIF($4, ''), comment = $5 WHERE id = $1 AND article_id = $2 AND at > $6`,
		id, j.ArticleID, j.Helpful, j.Reason, j.Comment, s.Now().Add(-judgementStays))
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "vote_not_found", "There is no such vote on this article, or it is older than an hour.")
	}
	return databaseError("rejudge", err)
}

// Judged is how readers judged an article in one locale.
type Judged struct {
	Slug       string         `json:"slug"`
	Variant    string         `json:"variant"`
	Locale     string         `json:"locale"`
	Title      string         `json:"title"`
	Version    int            `json:"version"` // the newest that was judged
	Helpful    int            `json:"helpful"`
	NotHelpful int            `json:"not_helpful"`
	Reasons    map[string]int `json:"reasons"`
	Comments   []Remark       `json:"comments"` // the newest, at most five
}

// Remark is a reader's own words on an article.
type Remark struct {
	Version int       `json:"version"`
	Helpful bool      `json:"helpful"`
	Reason  string    `json:"reason"` // "" for none
	Comment string    `json:"comment"`
	At      time.Time `json:"at"`
}

// Judgements returns how readers judged articles since then: those with the most that did not help first, at most limit.
func (s *Store) Judgements(ctx context.Context, since time.Time, limit int) ([]Judged, error) {
	rows, err := s.db.Query(ctx, `
		SELECT a.slug, a.variant, f.locale, coalesce(v.title, a.slug), max(f.version), count(*) FILTER (WHERE f.helpful), count(*) FILTER (WHERE NOT f.helpful),
			(SELECT coalesce(jsonb_object_agg(reason, n), '{}') FROM (SELECT r.reason, count(*) AS n FROM article_feedback r
				WHERE r.article_id = a.id AND r.locale = f.locale AND r.at >= $1 AND r.reason IS NOT NULL GROUP BY r.reason) x),
			(SELECT coalesce(jsonb_agg(jsonb_build_object('version', version, 'helpful', helpful, 'reason', coalesce(reason, ''), 'comment', comment, 'at', at) ORDER BY at DESC), '[]')
				FROM (SELECT * FROM article_feedback r WHERE r.article_id = a.id AND r.locale = f.locale AND r.at >= $1 AND r.comment <> '' ORDER BY at DESC LIMIT 5) y)
		FROM article_feedback f JOIN articles a ON a.id = f.article_id
		LEFT JOIN article_versions v ON v.article_id = a.id AND v.locale = f.locale AND v.state = 'published'
		WHERE f.at >= $1
		GROUP BY a.id, f.locale, v.title
		ORDER BY count(*) FILTER (WHERE NOT f.helpful) DESC, a.slug, a.variant, f.locale
		LIMIT $2`, since, limit)
	if err != nil {
		return nil, databaseError("judgements", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Judged])
	return out, databaseError("judgements", err)
}
