package kb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/fault"
)

// DB is what a Store needs of a database; a pool and a transaction have it.
type DB interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Store keeps articles in PostgreSQL. It may be used by several goroutines at once.
type Store struct {
	db DB

	// OnChange, when set, is called after each commit that changed what readers or retrieval may see, to wake those who
	// wait for it. It must not block. With a DB that is a transaction it is called before that transaction commits.
	OnChange func()

	// Now gives the time by which articles are valid; time.Now unless a test sets it.
	Now func() time.Time
}

// NewStore returns a store on a migrated database.
func NewStore(db DB) *Store { return &Store{db: db, Now: time.Now} }

// inTx runs f in one transaction. When f reports no change, the transaction is rolled back, so that nothing is written
// and nobody is woken.
func (s *Store) inTx(ctx context.Context, f func(pgx.Tx) (changed bool, err error)) error {
	tx, err := s.db.Begin(ctx)
	if err != nil {
		return databaseError("begin", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
	changed, err := f(tx)
	if err != nil || !changed {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return databaseError("commit", err)
	}
	if s.OnChange != nil {
		s.OnChange()
	}
	return nil
}

// databaseError wraps an error of PostgreSQL: faults stay what they are, a server that cannot be reached, is going down
// or has no room is Unavailable, and what it says against a statement is Internal.
func databaseError(op string, err error) error {
	var f *fault.Error
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &pg) && !slices.ContainsFunc([]string{"08", "53", "57P"}, func(class string) bool { return strings.HasPrefix(pg.Code, class) }):
		return fmt.Errorf("kb: %s: %w", op, err)
	}
	return fault.Wrap(fmt.Errorf("kb: %s: %w", op, err), fault.Unavailable, "database_unavailable", "The knowledge base cannot be reached; try again in a moment.")
}

func notFound(slug string) error {
	return fault.New(fault.NotFound, "article_not_found", "There is no such article: %q.", slug)
}

// pageColumns are the columns that scanPage reads, of articles a and article_versions v.
const pageColumns = `a.id, a.slug, a.variant, a.collection, a.audience, a.markets, a.owner, a.ai_excluded, a.created_at, a.updated_at,
	v.id, v.locale, v.number, v.state, v.title, v.description, v.markdown, v.review_on, v.valid_from, v.valid_to, v.revision, v.published_at, v.created_at, v.questions`

func scanPage(row pgx.CollectableRow) (Page, error) {
	var p Page
	var review, from, to, published *time.Time
	a, v := &p.Article, &p.Version
	err := row.Scan(&a.ID, &a.Slug, &a.Variant, &a.Collection, &a.Audience, &a.Markets, &a.Owner, &a.AIExcluded, &a.CreatedAt, &a.UpdatedAt,
		&v.ID, &v.Locale, &v.Number, &v.State, &v.Title, &v.Description, &v.Markdown, &review, &from, &to, &v.Revision, &published, &v.CreatedAt, &v.Questions)
	if len(v.Questions) == 0 {
		v.Questions = nil
	}
	v.ArticleID = a.ID
	v.Review, v.ValidFrom, v.ValidTo, v.PublishedAt = orZero(review), orZero(from), orZero(to), orZero(published)
	return p, err
}

// orZero and orNull translate between NULL and the zero time.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Store) pages(ctx context.Context, op, sql string, args ...any) ([]Page, error) {
	rows, err := s.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, databaseError(op, err)
	}
	pages, err := pgx.CollectRows(rows, scanPage)
	return pages, databaseError(op, err)
}

// Filter narrows List. Zero fields let everything pass.
type Filter struct {
	Slug, Collection, Locale, Audience string
	Market                             string    // pages that readers in this market may see
	State                              State     // of the version that is listed
	ReviewBefore                       time.Time // review date before this day
	Live                               bool      // only what readers see now: published and inside its validity
	Limit                              int       // 0 means all
}

// List returns pages by collection, slug, variant and locale. Of each article and locale it lists the published
// version, or the newest where none is published. Pages of all variants are listed, for editors and contents alike;
// readers open them with Find.
func (s *Store) List(ctx context.Context, f Filter) ([]Page, error) {
	return s.pages(ctx, "list", `
		SELECT `+pageColumns+`
		FROM articles a
		JOIN (
			SELECT DISTINCT ON (article_id, locale) * FROM article_versions
			ORDER BY article_id, locale, (state = 'published') DESC, number DESC
		) v ON v.article_id = a.id
		WHERE ($1 = '' OR a.slug = $1) AND ($2 = '' OR a.collection = $2) AND ($3 = '' OR v.locale = $3) AND ($4 = '' OR a.audience = $4)
			AND ($5 = '' OR a.markets = '{}' OR $5 = ANY(a.markets)) AND ($6 = '' OR v.state = $6)
			AND ($7::date IS NULL OR v.review_on < $7)
			AND (NOT $8 OR v.state = 'published' AND (v.valid_from IS NULL OR v.valid_from <= $9) AND (v.valid_to IS NULL OR v.valid_to > $9))
		ORDER BY a.collection, a.slug, a.variant, v.locale
		LIMIT NULLIF($10, 0)`,
		f.Slug, f.Collection, f.Locale, f.Audience, f.Market, string(f.State), orNull(f.ReviewBefore), f.Live, s.Now(), f.Limit)
}

// liveFor is the condition under which a reader may see version v of article a: $1 market, $2 locales wanted first,
// $3 audiences wanted first, $4 now.
const liveFor = `v.state = 'published' AND v.locale = ANY($2) AND a.audience = ANY($3)
	AND (a.markets = '{}' OR $1 = ANY(a.markets))
	AND (v.valid_from IS NULL OR v.valid_from <= $4) AND (v.valid_to IS NULL OR v.valid_to > $4)`

// Find returns the page that a reader opens under a slug: of the variants that are published, valid now, for the
// reader's market (a market of "" sees only what is for every market) and for their audience. A merchant's own article
// comes before a consumer's. Then the reader's locale comes first, its language without the region next, SourceLocale
// last. The error is a NotFound fault when there is none.
func (s *Store) Find(ctx context.Context, slug, market, locale, audience string) (Page, error) {
	pages, err := s.pages(ctx, "find", `
		SELECT `+pageColumns+`
		FROM articles a JOIN article_versions v ON v.article_id = a.id
		WHERE a.slug = $5 AND `+liveFor+`
		ORDER BY array_position($3, a.audience), array_position($2, v.locale), a.variant DESC
		LIMIT 1`, market, localesFor(locale), audiencesFor(audience), s.Now(), slug)
	if err != nil {
		return Page{}, err
	}
	if len(pages) == 0 {
		return Page{}, notFound(slug)
	}
	return pages[0], nil
}

// localesFor returns the locales that a reader understands, best first.
func localesFor(locale string) []string {
	out := []string{locale}
	for i := len(locale) - 1; i > 0; i-- {
		if locale[i] == '-' {
			out = append(out, locale[:i])
		}
	}
	return append(out, SourceLocale)
}

// audiencesFor returns the audiences whose articles a reader sees, best first.
func audiencesFor(audience string) []string {
	if audience == Merchant {
		return []string{Merchant, Consumer}
	}
	return []string{audience}
}

// Collection is a shelf of the help centre as one reader sees it.
type Collection struct {
	Key      string
	Articles int // pages that Find would open
}

// Collections returns the collections that hold a page for this reader, by key, with the number of pages. Unlike Find it
// keeps to the reader's own audience.
func (s *Store) Collections(ctx context.Context, market, locale, audience string) ([]Collection, error) {
	rows, err := s.db.Query(ctx, `
		SELECT a.collection, count(DISTINCT a.slug)
		FROM articles a JOIN article_versions v ON v.article_id = a.id
		WHERE `+liveFor+`
		GROUP BY a.collection ORDER BY a.collection`, market, localesFor(locale), []string{audience}, s.Now())
	if err != nil {
		return nil, databaseError("collections", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Collection])
	return out, databaseError("collections", err)
}

// Export yields every published page as a document, by locale, collection, slug and variant, whether or not it is valid
// now. It is one statement, and so one state of the knowledge base. After an error nothing more is yielded.
func (s *Store) Export(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		rows, err := s.db.Query(ctx, `
			SELECT `+pageColumns+`
			FROM articles a JOIN article_versions v ON v.article_id = a.id
			WHERE v.state = 'published'
			ORDER BY v.locale, a.collection, a.slug, a.variant`)
		if err != nil {
			yield(Document{}, databaseError("export", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			p, err := scanPage(rows)
			if err != nil {
				yield(Document{}, databaseError("export", err))
				return
			}
			if !yield(p.Document(), nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Document{}, databaseError("export", err))
		}
	}
}

// Versions returns the history of an article in a locale, newest first. The error is a NotFound fault when there is
// none.
func (s *Store) Versions(ctx context.Context, slug, variant, locale string) ([]Version, error) {
	pages, err := s.pages(ctx, "versions", `
		SELECT `+pageColumns+`
		FROM articles a JOIN article_versions v ON v.article_id = a.id
		WHERE a.slug = $1 AND a.variant = $2 AND v.locale = $3
		ORDER BY v.number DESC`, slug, variant, locale)
	if err != nil {
		return nil, err
	}
	if len(pages) == 0 {
		return nil, notFound(slug)
	}
	versions := make([]Version, len(pages))
	for i, p := range pages {
		versions[i] = p.Version
	}
	return versions, nil
}

// Version returns one version with its article, whatever its state: what a citation pointed at. The error is a NotFound
// fault when there is none.
func (s *Store) Version(ctx context.Context, id uuid.UUID) (Page, error) {
	pages, err := s.pages(ctx, "version", `
		SELECT `+pageColumns+`
		FROM articles a JOIN article_versions v ON v.article_id = a.id
		WHERE v.id = $1`, id)
	if err != nil {
		return Page{}, err
	}
	if len(pages) == 0 {
		return Page{}, notFound(id.String())
	}
	return pages[0], nil
}

// Unpublish takes an article's page in one locale away from readers and from retrieval; the version stays in the
// history as archived. The error is a NotFound fault when nothing is published there.
func (s *Store) Unpublish(ctx context.Context, slug, variant, locale string) error {
	return s.takeDown(ctx, slug, `v.state = 'published' AND v.locale = $3`, slug, variant, locale)
}

// Archive takes an article away in every locale, and ends its drafts and reviews. The error is a NotFound fault when
// there is nothing left to archive.
func (s *Store) Archive(ctx context.Context, slug, variant string) error {
	return s.takeDown(ctx, slug, `v.state <> 'archived'`, slug, variant)
}

// takeDown archives the versions of article ($1, $2) that meet a condition.
func (s *Store) takeDown(ctx context.Context, slug, where string, args ...any) error {
	return s.inTx(ctx, func(tx pgx.Tx) (bool, error) {
		revision, err := nextRevision(ctx, tx)
		if err != nil {
			return false, err
		}
		rows, err := tx.Query(ctx, `
			SELECT v.id FROM articles a JOIN article_versions v ON v.article_id = a.id
			WHERE a.slug = $1 AND a.variant = $2 AND `+where, args...)
		if err != nil {
			return false, databaseError("take down", err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return false, databaseError("take down", err)
		}
		if len(ids) == 0 {
			return false, notFound(slug)
		}
		if err := archive(ctx, tx, ids, revision); err != nil {
			return false, err
		}
		return true, dropPassages(ctx, tx, ids)
	})
}

// nextRevision adds one to the knowledge base's revision and returns it. Its row is the lock under which everything
// that publishes or takes down runs, one at a time.
func nextRevision(ctx context.Context, tx pgx.Tx) (int64, error) {
	var revision int64
	err := tx.QueryRow(ctx, `UPDATE kb_revision SET revision = revision + 1 RETURNING revision`).Scan(&revision)
	return revision, databaseError("revision", err)
}

// archive ends versions.
func archive(ctx context.Context, tx pgx.Tx, versions []uuid.UUID, revision int64) error {
	_, err := tx.Exec(ctx, `UPDATE article_versions SET state = 'archived', revision = $2 WHERE id = ANY($1)`, versions, revision)
	return databaseError("archive", err)
}

// dropPassages removes the passages of versions that ended, and with them their vectors: what is not there cannot be
// retrieved, and does not crowd the vector index.
func dropPassages(ctx context.Context, tx pgx.Tx, versions []uuid.UUID) error {
	_, err := tx.Exec(ctx, `DELETE FROM passages WHERE version_id = ANY($1)`, versions)
	return databaseError("drop passages", err)
}
