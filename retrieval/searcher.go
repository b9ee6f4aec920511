package retrieval

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/retrieval/analysis"
)

// Options configure a Searcher. The zero value serves with the built-in embedder.
type Options struct {
	// Model is the name of the embedder's model. Vectors are stored under it, so it must change whenever vectors do.
	Model string
	// Dimensions of the model's vectors; 0 asks the embedder once, by embedding a word.
	Dimensions int
	// Former returns the embedder of a model that is still active while the configured one is being filled, or nil.
	// Without it the dense leg rests until the new model is ready. The built-in model is always known.
	Former func(model string) Embedder

	// Weight is the share of the dense leg in a passage's score, above 0 and at most 1, as FitWeight finds it for a company's
	// own questions. 0 takes what is best for most: little for the built-in embedder, half for a model.
	Weight float64

	SourceLocale string        // that articles are first written in; "en" when empty
	EmbedTimeout time.Duration // for a question's vector, after which the lexical leg answers alone; 2 s
	Interval     time.Duration // between looks at the database that nothing woke; 15 s
	Batch        int           // passages embedded at a time; 64
	Log          *slog.Logger
}

const (
	defaultLimit = 6
	neighbours   = 16 // of the dense leg
	// How many nodes a walk through the graph keeps in sight. The built-in embedder's neighbours confirm what the lexical
	// leg found and may be fewer; for a model's this is pgvector's own 40.
	builtinSight, modelSight = "24", "40"
	// Where fewer passages than exactBelow may be read, and those are less than one in exactShare, all of them are compared
	// without the vector index: a walk through the graph that meets hardly anything legible costs more, and may end
	// before it has found the best.
	exactBelow = 200
	exactShare = 4
)

// Searcher finds passages. It is safe for concurrent use.
type Searcher struct {
	pool     *pgxpool.Pool
	embedder Embedder
	opts     Options
	log      *slog.Logger
	tuning   tuning

	index      atomic.Pointer[index] // nil until first loaded
	refreshing chan struct{}         // holds one: whoever refreshes
	loadError  atomic.Pointer[string]
	active     atomic.Pointer[activeModel]
	progress   atomic.Pointer[Progress]
	embeddedAt atomic.Pointer[int64] // revision up to which everything has a vector

	kickIndex, kickIndexer chan struct{} // wake the background loops

	startMu sync.Mutex
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// activeModel is the model that searches use now.
type activeModel struct {
	name       string // "" while there is none
	dimensions int
	embedder   Embedder // nil when the model is not known to this process
	builtin    bool
	withDense  string // statements
	without    string
}

// New returns a searcher. A nil embedder means the built-in one. Nothing is read before Start or the first Search.
func New(pool *pgxpool.Pool, embedder Embedder, opts Options) *Searcher {
	if embedder == nil {
		embedder, opts.Model, opts.Dimensions = Builtin{}, BuiltinModel, BuiltinDimensions
	}
	if opts.SourceLocale == "" {
		opts.SourceLocale = "en"
	}
	if opts.EmbedTimeout <= 0 {
		opts.EmbedTimeout = 2 * time.Second
	}
	if opts.Interval <= 0 {
		opts.Interval = 15 * time.Second
	}
	if opts.Batch <= 0 {
		opts.Batch = 64
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Searcher{
		pool: pool, embedder: embedder, opts: opts, log: opts.Log, tuning: serving, refreshing: make(chan struct{}, 1),
		kickIndex: make(chan struct{}, 1), kickIndexer: make(chan struct{}, 1),
	}
	s.active.Store(&activeModel{without: statement("", 0)})
	s.progress.Store(&Progress{})
	return s
}

// scope turns a query into who asks.
func (s *Searcher) scope(q *Query) *scope {
	sc := &scope{market: q.Market, excluded: q.Reader, audiences: []string{"consumer"}}
	if q.Audience == "merchant" {
		sc.audiences = []string{"merchant", "consumer"}
	}
	locale := q.Locale
	if locale == "" {
		locale = s.opts.SourceLocale
	}
	for _, l := range []string{locale, analysis.Language(locale), s.opts.SourceLocale} {
		if !slices.Contains(sc.locales, l) {
			sc.locales = append(sc.locales, l)
		}
	}
	return sc
}

// Search returns the passages that fit a question best, among those that the query's market, locale and audience may
// read at this moment. An error means that retrieval failed; that nothing was found is an empty Result. When the
// embedding model does not answer, the lexical leg answers alone and Result.Degraded says so.
func (s *Searcher) Search(ctx context.Context, q Query) (Result, error) {
	start := time.Now()
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	sc := s.scope(&q)
	// A publication between the two legs makes the statement return a newer revision than the index has; after a refresh
	// it does not, unless there was another one. The last try is taken as it is: what it shows may be read.
	for try := 0; ; try++ {
		x, err := s.loaded(ctx)
		if err != nil {
			return Result{}, fmt.Errorf("retrieval: load the index: %w", err)
		}
		r, revision, seen, model, err := s.search(ctx, &q, sc, x, nil)
		if err != nil {
			return Result{}, fmt.Errorf("retrieval: search: %w", err)
		}
		behind := revision > seen // not than what the index has come to meanwhile
		if (!behind && model == s.active.Load().name) || try == 2 {
			r.Took = time.Since(start)
			return r, nil
		}
		if err := s.refresh(ctx); err != nil {
			return Result{}, fmt.Errorf("retrieval: refresh the index: %w", err)
		}
	}
}

// loaded returns the index, loading it if nobody has.
func (s *Searcher) loaded(ctx context.Context) (*index, error) {
	if x := s.index.Load(); x != nil {
		return x, nil
	}
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	return s.index.Load(), nil
}

// embedded is a question's vector, or why there is none.
type embedded struct {
	vector []float32
	took   time.Duration
	err    error
}

func (s *Searcher) embed(ctx context.Context, m *activeModel, q *Query) embedded {
	start := time.Now()
	if m.builtin {
		return embedded{vector: builtinQuestion(q.Text, q.Context), took: time.Since(start)}
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.EmbedTimeout)
	defer cancel()
	text := q.Text
	if q.Context != "" {
		text += "\n" + q.Context
	}
	vectors, err := m.embedder.Embed(ctx, []string{text})
	switch {
	case err != nil:
	case len(vectors) != 1 || len(vectors[0]) != m.dimensions:
		err = fmt.Errorf("the embedding model %q returned no vector of %d numbers", m.name, m.dimensions)
	default:
		return embedded{vector: vectors[0], took: time.Since(start)}
	}
	return embedded{err: err, took: time.Since(start)}
}

// weight is the share of the dense leg in a passage's score. A weight that was set is for the configured model: while a
// former one serves, it does not count.
func (s *Searcher) weight(m *activeModel) float64 {
	switch {
	case s.opts.Weight > 0 && m.name == s.opts.Model:
		return min(s.opts.Weight, 1)
	case m.builtin:
		return s.tuning.DenseWeight
	}
	return s.tuning.ModelWeight
}

// fixed is what a fit of the weight sets: it embeds each question once and tries many weights.
type fixed struct {
	weight float64
	vector []float32
}

// search runs both legs once; seen is the revision that the lexical leg saw. fixed is nil except in a fit.
func (s *Searcher) search(ctx context.Context, q *Query, sc *scope, x *index, fixed *fixed) (r Result, revision, seen int64, model string, err error) {
	m := s.active.Load()
	var embedding chan embedded
	dense := m.name != "" && m.embedder != nil && !q.Words
	if dense && !m.builtin && fixed == nil { // over the network: beside the lexical leg
		embedding = make(chan embedded, 1)
		go func() { embedding <- s.embed(ctx, m, q) }()
	}
	lexicalStart := time.Now()
	found := x.lexical(q.Text, q.Context, sc)
	r.Lexical = time.Since(lexicalStart)

	var e embedded
	switch {
	case q.Words: // as asked for
	case m.name == "":
		r.Degraded = "dense: no vectors yet"
	case m.embedder == nil:
		r.Degraded = "dense: no embedder for model " + m.name
	case fixed != nil:
		e.vector = fixed.vector
	case m.builtin:
		e = s.embed(ctx, m, q)
	default:
		e = <-embedding
	}
	r.Embed = e.took
	if e.err != nil {
		if ctx.Err() != nil {
			return r, 0, 0, "", ctx.Err()
		}
		s.log.Warn("embedding a question failed", "model", m.name, "error", e.err)
		r.Degraded = "dense: " + e.err.Error()
		dense = false
	}

	ids, scores := make([]int64, 0, len(found.candidates)), make([]float32, 0, len(found.candidates))
	for _, c := range found.candidates {
		ids, scores = append(ids, c.passage), append(scores, c.score)
	}
	args := []any{ids, scores, sc.locales, sc.audiences, sc.market, sc.excluded, q.Limit, s.localeFactors(sc), s.audienceFactors(sc)}
	text := m.without
	weight := 0.0
	if dense {
		limit := neighbours
		if few := x.admissible(sc); few != nil {
			limit = 0
			for _, id := range few {
				if !slices.Contains(ids, id) {
					ids, scores = append(ids, id), append(scores, 0)
				}
			}
			args[0], args[1] = ids, scores
		}
		text, weight = m.withDense, s.weight(m)
		if fixed != nil {
			weight = fixed.weight
		}
		args = append(args, vector(e.vector), limit, weight, !m.builtin)
		r.Model = m.name
	} else {
		if len(ids) == 0 { // nothing to ask for, but the revision must be known
			args[0], args[1] = []int64{}, []float32{}
		}
		args = append(args, nil, 0, 0.0, false)
	}
	sight := modelSight
	if m.builtin {
		sight = builtinSight
	}
	rows, err := s.fetch(ctx, text, sight, args)
	if err != nil {
		return r, 0, 0, "", err
	}
	revision, model = rows.revision, rows.model
	r.Revision = revision
	r.Passages, r.Articles = rows.passages, rows.articles
	r.Features = s.features(&found, rows, x, q, sc, weight)
	return r, revision, found.revision, model, nil
}

func (s *Searcher) localeFactors(sc *scope) []float32 {
	f := make([]float32, len(sc.locales))
	for i, l := range sc.locales {
		f[i] = 1
		if analysis.Language(l) != analysis.Language(sc.locales[0]) {
			f[i] = float32(s.tuning.OtherLocale)
		}
	}
	return f
}

func (s *Searcher) audienceFactors(sc *scope) []float32 {
	f := make([]float32, len(sc.audiences))
	for i := range f {
		f[i] = 1
		if i > 0 {
			f[i] = float32(s.tuning.OtherAudience)
		}
	}
	return f
}

// fetched is the outcome of the statement.
type fetched struct {
	revision   int64
	model      string
	passages   []Passage
	articles   []ArticleScore
	topCosine  float64
	candidates int
}

func (s *Searcher) fetch(ctx context.Context, text, sight string, args []any) (fetched, error) {
	var f fetched
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return f, err
	}
	defer conn.Release()
	if err := prepareConnection(ctx, conn.Conn()); err != nil {
		return f, err
	}
	// Planning this statement takes longer than running it, and its plan is the same whatever is asked (a test holds the
	// planner to it). The settings travel in the same round trip and end with it.
	batch := &pgx.Batch{}
	batch.Queue(`SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('hnsw.ef_search', $1, true)`, sight)
	batch.Queue(text, args...)
	results := conn.SendBatch(ctx, batch)
	defer results.Close()
	if _, err := results.Exec(); err != nil {
		return f, err
	}
	rows, err := results.Query()
	if err != nil {
		return f, err
	}
	defer rows.Close()
	wanted := args[6].(int)
	var row row // one for all rows, because a search reads ten, of thirty columns
	into := row.columns(&f)
	for rows.Next() {
		row.headings = nil // the passage before has them
		if err := rows.Scan(into...); err != nil {
			return f, err
		}
		if !row.id.Valid {
			break
		}
		f.topCosine, f.candidates = row.top, int(row.candidates.Int64)
		if row.leads.Bool {
			f.articles = append(f.articles, row.articleScore())
		}
		if row.body.Valid && len(f.passages) < wanted {
			f.passages = append(f.passages, row.passage())
		}
	}
	return f, rows.Err()
}

// row is what the statement returns for a passage, or for an article that is among the best.
type row struct {
	id, candidates                                pgtype.Int8
	version, article                              pgtype.UUID
	lexical, dense, score, artLexical, artDense   pgtype.Float8
	cosine, top                                   float64
	leads                                         pgtype.Bool
	number                                        pgtype.Int8
	slug, variant, collection, title, description pgtype.Text
	locale, audience, anchor, markdown, body      pgtype.Text
	lead                                          pgtype.Text
	headings                                      []string
	review, published                             *time.Time
}

// columns are where the statement's columns go.
func (r *row) columns(f *fetched) []any {
	return []any{&f.revision, &f.model, &r.id, &r.version, &r.article, &r.lexical, &r.dense, &r.cosine, &r.score, &r.leads, &r.artLexical, &r.artDense,
		&r.top, &r.candidates, &r.number, &r.slug, &r.variant, &r.collection, &r.title, &r.description, &r.locale, &r.audience,
		&r.headings, &r.anchor, &r.markdown, &r.body, &r.review, &r.published, &r.lead}
}

func (r *row) articleScore() ArticleScore {
	return ArticleScore{ID: r.article.Bytes, Slug: r.slug.String, Variant: r.variant.String, Locale: r.locale.String,
		Score: r.score.Float64, Lexical: r.artLexical.Float64, Dense: r.artDense.Float64}
}

func (r *row) passage() Passage {
	p := Passage{
		ID: r.id.Int64, ArticleID: r.article.Bytes, VersionID: r.version.Bytes, Version: int(r.number.Int64), Slug: r.slug.String, Variant: r.variant.String,
		Collection: r.collection.String, Title: r.title.String, Description: r.description.String, Locale: r.locale.String, Audience: r.audience.String,
		Headings: r.headings, Anchor: r.anchor.String, Markdown: r.markdown.String, Text: r.body.String, Lead: r.lead.String, ReviewOn: r.review,
		Score: r.score.Float64, Lexical: r.lexical.Float64, Dense: r.dense.Float64, Cosine: r.cosine,
	}
	if r.published != nil {
		p.PublishedAt = *r.published
	}
	return p
}

// vector is sent as real[] without a copy of each number on the heap.
type vector []float32

// component is a number of a vector.
type component float32

// Float64Value lets pgx write the number.
func (c *component) Float64Value() (pgtype.Float8, error) {
	return pgtype.Float8{Float64: float64(*c), Valid: true}, nil
}

// Dimensions, Index and IndexType let pgx write the vector.
func (v vector) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(v)), LowerBound: 1}}
}
func (v vector) Index(i int) any { return (*component)(&v[i]) }
func (v vector) IndexType() any  { return new(component) }

const preparedMark = "firstline/retrieval"

// prepareConnection sets, once for each connection, how the vector index is searched: it goes on until enough rows pass
// the filter. A server whose pgvector is older than 0.8 does not know the setting and goes without.
func prepareConnection(ctx context.Context, conn *pgx.Conn) error {
	data := conn.PgConn().CustomData()
	if data[preparedMark] != nil {
		return nil
	}
	if _, err := conn.Exec(ctx, `SET hnsw.iterative_scan = relaxed_order`); err != nil {
		if ctx.Err() != nil || conn.IsClosed() {
			return err
		}
	}
	data[preparedMark] = true
	return nil
}
