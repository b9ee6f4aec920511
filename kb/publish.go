package kb

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// publishTimeout bounds one statement of a publication, which may write tens of thousands of passages into the vector
// index; an ordinary statement's limit is far lower.
const publishTimeout = "10min"

// PublishOptions change what Publish does.
type PublishOptions struct {
	DryRun         bool // do everything, report it, and roll it back
	ArchiveMissing bool // also take down every published page that is not among the documents
	Progress       func(done, total int)
}

// Action is what a publication did with a document.
type Action string

// The actions.
const (
	Created   Action = "created"   // the first version in this locale, or the first after a take-down
	Updated   Action = "updated"   // a new version, or other dates or properties of the article
	Unchanged Action = "unchanged" // the published version is the same
	TakenDown Action = "archived"  // was published and is missing from the documents
)

// Change is what a publication did with one document.
type Change struct {
	File                  string // as the document was named
	Slug, Variant, Locale string
	Action                Action
	Number                int // of the version that is now published, or that was archived
}

// Report says what a publication did, or with DryRun would do.
type Report struct {
	Created, Updated, Unchanged, Archived int
	Passages                              int       // written
	Revision                              int64     // of the knowledge base afterwards; 0 when nothing changed
	Changes                               []Change  // in the order of the documents, then what was archived
	Problems                              []Problem // what Lint says; only ImportDir fills it
}

// Publish makes documents what readers see, in one transaction. A document whose published version says the same is
// left alone. Otherwise it becomes the next version and the former one is archived; other review dates and properties
// that all locales share are changed in place. Passages that read as before keep their vectors.
//
// The error is Problems, and nothing is published, when a document is malformed, two documents are the same page, the
// locales of an article disagree on what they share, or two variants of a slug that are or would be published have a
// market in common.
func (s *Store) Publish(ctx context.Context, docs []Document, opts PublishOptions) (Report, error) {
	if err := checkTogether(docs); err != nil {
		return Report{}, err
	}
	if len(docs) == 0 {
		// With ArchiveMissing this would empty the knowledge base, which nobody means.
		return Report{}, Problems{{File: "(no documents)", Rule: "no_documents", Message: "there is nothing to publish; check the folder"}}
	}
	var report Report
	err := s.inTx(ctx, func(tx pgx.Tx) (bool, error) {
		var err error
		report, err = publish(ctx, tx, s.Now(), docs, opts)
		return report.Revision > 0 && !opts.DryRun, err
	})
	if err != nil {
		return Report{}, err
	}
	return report, nil
}

// checkTogether returns what is wrong with documents before the database is asked.
func checkTogether(docs []Document) error {
	var ps Problems
	pages := make(map[documentKey]Document, len(docs))
	firsts := make(map[articleKey]Document, len(docs))
	for _, d := range docs {
		if err := d.Check(); err != nil {
			ps = append(ps, err.(Problems)...)
			continue
		}
		if other, ok := pages[d.key()]; ok {
			ps = append(ps, Problem{File: d.name(), Field: "slug", Rule: "same_page",
				Message: fmt.Sprintf("is the same page as %s: slug, variant and locale are equal; change one or remove a file", other.name())})
			continue
		}
		pages[d.key()] = d
		first, ok := firsts[d.article()]
		if !ok {
			firsts[d.article()] = d
			continue
		}
		if fields := sharedDiff(first, d); len(fields) > 0 {
			ps = append(ps, Problem{File: d.name(), Field: fields[0], Rule: "locales_disagree",
				Message: fmt.Sprintf("%s of an article must be the same in all locales, but %s has another; make them equal",
					strings.Join(fields, " and "), first.name())})
		}
	}
	return ps.orNil()
}

// publication is the state of one Publish.
type publication struct {
	tx       pgx.Tx
	now      time.Time
	revision int64
	articles map[articleKey]*former
	report   Report

	newArticles, newVersions, newPassages [][]any // rows, in the order of the columns in write
	published, ended                      []uuid.UUID
	updates                               pgx.Batch
	stamped                               []uuid.UUID // published versions that stay and whose article or review changed
	moved                                 []uuid.UUID // articles whose collection changed
}

// former is what is known of an article: at first from the database, then as the publication will leave it.
type former struct {
	id      uuid.UUID
	shared  Document // the fields that locales share
	changed bool     // shared was changed by this publication
	live    map[string]formerVersion
	last    map[string]int // highest number by locale
}

// formerVersion is a published version.
type formerVersion struct {
	id     uuid.UUID
	number int
	text   Document // what sameText and Review compare, with the SHA-256 of the Markdown in place of the Markdown
}

func publish(ctx context.Context, tx pgx.Tx, now time.Time, docs []Document, opts PublishOptions) (Report, error) {
	p := publication{tx: tx, now: now, articles: map[articleKey]*former{}}
	if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = '`+publishTimeout+`'`); err != nil {
		return Report{}, databaseError("publish", err)
	}
	var err error
	if p.revision, err = nextRevision(ctx, tx); err != nil {
		return Report{}, err
	}
	if err := p.load(ctx, docs, opts.ArchiveMissing); err != nil {
		return Report{}, err
	}
	given := make(map[documentKey]bool, len(docs))
	for i, d := range docs {
		given[d.key()] = true
		p.plan(d)
		if opts.Progress != nil {
			opts.Progress(i+1, len(docs))
		}
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
	}
	if opts.ArchiveMissing {
		p.endMissing(given)
	}
	if err := p.overlaps(docs); err != nil {
		return Report{}, err
	}
	if err := p.write(ctx); err != nil {
		return Report{}, err
	}
	if p.report.Created+p.report.Updated+p.report.Archived > 0 {
		p.report.Revision = p.revision
	}
	return p.report, nil
}

// load reads what is known of the documents' slugs, or of all.
func (p *publication) load(ctx context.Context, docs []Document, all bool) error {
	slugs := make([]string, 0, len(docs))
	for _, d := range docs {
		slugs = append(slugs, d.Slug)
	}
	rows, err := p.tx.Query(ctx, `
		SELECT id, slug, variant, collection, audience, markets, owner, ai_excluded
		FROM articles WHERE $2 OR slug = ANY($1)`, slugs, all)
	if err != nil {
		return databaseError("publish", err)
	}
	articles, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*former, error) {
		a := &former{live: map[string]formerVersion{}, last: map[string]int{}}
		d := &a.shared
		err := row.Scan(&a.id, &d.Slug, &d.Variant, &d.Collection, &d.Audience, &d.Markets, &d.Owner, &d.AIExcluded)
		return a, err
	})
	if err != nil {
		return databaseError("publish", err)
	}
	byID := make(map[uuid.UUID]*former, len(articles))
	for _, a := range articles {
		p.articles[a.shared.article()], byID[a.id] = a, a
	}
	rows, err = p.tx.Query(ctx, `
		SELECT DISTINCT ON (v.article_id, v.locale, v.state = 'published')
			v.article_id, v.locale, v.id, v.number, v.state = 'published', v.title, v.description,
			sha256(convert_to(v.markdown, 'UTF8')), v.review_on, v.valid_from, v.valid_to, v.questions
		FROM article_versions v JOIN articles a ON a.id = v.article_id
		WHERE $2 OR a.slug = ANY($1)
		ORDER BY v.article_id, v.locale, v.state = 'published', v.number DESC`, slugs, all)
	if err != nil {
		return databaseError("publish", err)
	}
	defer rows.Close()
	for rows.Next() {
		var article uuid.UUID
		var locale string
		var live bool
		var sum []byte
		var review, from, to *time.Time
		var v formerVersion
		if err := rows.Scan(&article, &locale, &v.id, &v.number, &live, &v.text.Title, &v.text.Description, &sum, &review, &from, &to, &v.text.Questions); err != nil {
			return databaseError("publish", err)
		}
		v.text.Markdown, v.text.Review, v.text.ValidFrom, v.text.ValidTo = string(sum), orZero(review), orZero(from), orZero(to)
		a := byID[article]
		a.last[locale] = max(a.last[locale], v.number)
		if live {
			a.live[locale] = v
		}
	}
	return databaseError("publish", rows.Err())
}

// plan decides what to do with a document.
func (p *publication) plan(d Document) {
	a := p.articles[d.article()]
	switch {
	case a == nil:
		a = &former{id: newID(), shared: d, live: map[string]formerVersion{}, last: map[string]int{}}
		p.articles[d.article()] = a
		p.newArticles = append(p.newArticles, []any{a.id, d.Slug, d.Variant, d.Collection, d.Audience, notNil(d.Markets), d.Owner, d.AIExcluded})
	case len(sharedDiff(a.shared, d)) > 0:
		// Only the first document of an article comes here: those that follow agree with it.
		if a.shared.Collection != d.Collection {
			p.moved = append(p.moved, a.id)
		}
		a.shared, a.changed = d, true
		p.updates.Queue(`UPDATE articles SET collection = $2, audience = $3, markets = $4, owner = $5, ai_excluded = $6, updated_at = $7 WHERE id = $1`,
			a.id, d.Collection, d.Audience, notNil(d.Markets), d.Owner, d.AIExcluded, p.now)
	}
	change := Change{File: d.name(), Slug: d.Slug, Variant: d.Variant, Locale: d.Locale, Action: Unchanged}
	live, wasLive := a.live[d.Locale]
	text := d
	sum := sha256.Sum256([]byte(d.Markdown))
	text.Markdown = string(sum[:])
	if wasLive && text.sameText(live.text) {
		change.Number = live.number
		if !d.Review.Equal(live.text.Review) {
			p.updates.Queue(`UPDATE article_versions SET review_on = $2 WHERE id = $1`, live.id, orNull(d.Review))
			p.stamped = append(p.stamped, live.id)
			change.Action = Updated
		}
		if !sameQuestions(d.Questions, live.text.Questions) { // words to be found by; readers see the same version
			p.updates.Queue(`UPDATE article_versions SET questions = $2 WHERE id = $1`, live.id, questions(d))
			p.stamped = append(p.stamped, live.id)
			change.Action = Updated
		}
		if a.changed {
			change.Action = Updated
		}
	} else {
		change.Action = Created
		if wasLive {
			change.Action = Updated
			p.ended = append(p.ended, live.id)
		}
		v := formerVersion{id: newID(), number: a.last[d.Locale] + 1, text: text}
		a.live[d.Locale], a.last[d.Locale], change.Number = v, v.number, v.number
		p.published = append(p.published, v.id)
		p.newVersions = append(p.newVersions, []any{v.id, a.id, d.Locale, v.number, string(Published), d.Title, d.Description, d.Markdown,
			orNull(d.Review), orNull(d.ValidFrom), orNull(d.ValidTo), p.revision, p.now, p.now, questions(d)})
		for _, s := range Chunk(d) {
			p.newPassages = append(p.newPassages, []any{v.id, s.Ordinal, notNil(s.Headings), s.Anchor, s.Markdown, s.Text, s.Hash})
		}
	}
	switch change.Action {
	case Created:
		p.report.Created++
	case Updated:
		p.report.Updated++
	default:
		p.report.Unchanged++
	}
	p.report.Changes = append(p.report.Changes, change)
}

// questions returns the document's questions as they are stored: never null.
func questions(d Document) map[string][]string {
	if d.Questions == nil {
		return map[string][]string{}
	}
	return d.Questions
}

// endMissing takes down what is published and not given.
func (p *publication) endMissing(given map[documentKey]bool) {
	var gone []Change
	for _, a := range p.articles {
		for locale, v := range a.live {
			d := a.shared
			if d.Locale = locale; given[d.key()] {
				continue
			}
			delete(a.live, locale)
			p.ended = append(p.ended, v.id)
			gone = append(gone, Change{File: d.Path(), Slug: d.Slug, Variant: d.Variant, Locale: locale, Action: TakenDown, Number: v.number})
		}
	}
	slices.SortFunc(gone, func(a, b Change) int { return strings.Compare(a.File, b.File) })
	p.report.Archived = len(gone)
	p.report.Changes = append(p.report.Changes, gone...)
}

// overlaps refuses two variants of a slug that would be published and have a market in common: a reader there would see
// now one and now the other.
func (p *publication) overlaps(docs []Document) error {
	bySlug := map[string][]*former{}
	for _, a := range p.articles {
		if len(a.live) > 0 {
			bySlug[a.shared.Slug] = append(bySlug[a.shared.Slug], a)
		}
	}
	files := map[articleKey]string{}
	for _, d := range docs {
		if _, ok := files[d.article()]; !ok {
			files[d.article()] = d.name()
		}
	}
	var ps Problems
	seen := map[[2]articleKey]bool{}
	for _, d := range docs {
		for _, a := range bySlug[d.Slug] {
			key, other := d.article(), a.shared.article()
			both := commonMarkets(d.Markets, a.shared.Markets)
			if key == other || both == "" || seen[[2]articleKey{other, key}] || seen[[2]articleKey{key, other}] {
				continue
			}
			seen[[2]articleKey{key, other}] = true
			file, ok := files[other]
			if !ok {
				published := a.shared
				published.Locale = slices.Min(slices.Collect(maps.Keys(a.live)))
				file = published.Path() + " (published already)"
			}
			ps = append(ps, Problem{File: d.name(), Field: "markets", Rule: "markets_overlap",
				Message: fmt.Sprintf("%s is also in the markets of %s, another variant of the same slug; give each market to one of them", both, file)})
		}
	}
	return ps.orNil()
}

// commonMarkets names the markets that two lists share; "" when they share none.
func commonMarkets(a, b []string) string {
	switch {
	case len(a) == 0 && len(b) == 0:
		return "every market"
	case len(a) == 0:
		return strings.Join(b, ", ")
	case len(b) == 0:
		return strings.Join(a, ", ")
	}
	return strings.Join(slices.DeleteFunc(slices.Clone(a), func(m string) bool { return !slices.Contains(b, m) }), ", ")
}

// write puts the plan into the database.
func (p *publication) write(ctx context.Context) error {
	for _, a := range p.articles {
		if a.changed {
			for _, v := range a.live {
				p.stamped = append(p.stamped, v.id)
			}
		}
	}
	if len(p.ended) > 0 {
		if err := archive(ctx, p.tx, p.ended, p.revision); err != nil {
			return err
		}
	}
	for _, t := range []struct {
		table   string
		columns []string
		rows    [][]any
	}{
		{"articles", []string{"id", "slug", "variant", "collection", "audience", "markets", "owner", "ai_excluded"}, p.newArticles},
		{"article_versions", []string{"id", "article_id", "locale", "number", "state", "title", "description", "markdown",
			"review_on", "valid_from", "valid_to", "revision", "published_at", "created_at", "questions"}, p.newVersions},
		{"passages", []string{"version_id", "ordinal", "headings", "anchor", "markdown", "text", "hash"}, p.newPassages},
	} {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := p.tx.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return databaseError("publish: "+t.table, err)
		}
	}
	p.report.Passages = len(p.newPassages)
	if len(p.stamped) > 0 {
		p.updates.Queue(`UPDATE article_versions SET revision = $2 WHERE id = ANY($1)`, p.stamped, p.revision)
	}
	if len(p.ended) > 0 && len(p.published) > 0 {
		// What reads as before keeps its vectors.
		p.updates.Queue(`
			INSERT INTO embeddings (passage_id, model, hash, embedding)
			SELECT DISTINCT ON (n.id, e.model) n.id, e.model, e.hash, e.embedding
			FROM passages n
			JOIN passages o ON o.hash = n.hash AND o.version_id = ANY($2)
			JOIN embeddings e ON e.passage_id = o.id AND e.hash = n.hash
			WHERE n.version_id = ANY($1)`, p.published, p.ended)
	}
	if p.updates.Len() > 0 {
		if err := p.tx.SendBatch(ctx, &p.updates).Close(); err != nil {
			return databaseError("publish: update", err)
		}
	}
	if err := p.rehash(ctx); err != nil {
		return err
	}
	if len(p.ended) > 0 {
		return dropPassages(ctx, p.tx, p.ended)
	}
	return nil
}

// rehash renews the hashes of passages whose article moved to another collection, which is part of what is embedded.
func (p *publication) rehash(ctx context.Context) error {
	if len(p.moved) == 0 {
		return nil
	}
	rows, err := p.tx.Query(ctx, `
		SELECT s.id, s.headings, s.text, v.title, a.collection
		FROM passages s JOIN article_versions v ON v.id = s.version_id JOIN articles a ON a.id = v.article_id
		WHERE a.id = ANY($1) AND v.state = 'published'`, p.moved)
	if err != nil {
		return databaseError("publish: rehash", err)
	}
	var ids []int64
	var hashes [][]byte
	var id int64
	var headings []string
	var text, title, collection string
	_, err = pgx.ForEachRow(rows, []any{&id, &headings, &text, &title, &collection}, func() error {
		ids, hashes = append(ids, id), append(hashes, embeddingHash(collection, title, headings, text))
		return nil
	})
	if err != nil {
		return databaseError("publish: rehash", err)
	}
	_, err = p.tx.Exec(ctx, `UPDATE passages s SET hash = n.hash FROM unnest($1::bigint[], $2::bytea[]) AS n (id, hash) WHERE s.id = n.id`, ids, hashes)
	return databaseError("publish: rehash", err)
}

// newID returns a fresh identifier that sorts by time.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) } // fails only when the system has no randomness

// notNil makes a missing list an empty one, because NULL is not.
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
