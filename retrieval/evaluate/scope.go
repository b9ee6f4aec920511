package evaluate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/internal/report"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

// inScope is the label of a question that some article answers. Every other label is out of scope.
const inScope = "in"

// scopeQuestion is one labelled question.
type scopeQuestion struct {
	ID     string `json:"-"`
	Text   string `json:"text"`
	Label  string `json:"label"`
	Intent string `json:"intent"` // id of the document that answers it, where there is one
	Kind   string `json:"kind"`   // of what is out of scope: near the articles' subject, or far from it

	features   retrieval.Features
	first      string // id of the best document
	unanswered bool   // nothing was found
}

func (q *scopeQuestion) in() bool { return q.Label == inScope }

// scopeSet is a corpus with questions inside and outside of it.
type scopeSet struct {
	Set
	splits map[string][]scopeQuestion
}

// fitLimit is how many questions of each class a fit looks at, evenly chosen: eight weights need no more.
const fitLimit = 1000

// Scope asks the serving search questions with and without an article, and scores how well the product tells them apart
// before it says anything. A set is a folder with corpus.jsonl and train.jsonl, dev.jsonl or test.jsonl with "text" and
// "label" ("in" or another); several folders of one set complete each other.
//
// The positive class is "in scope". auroc_unfitted is that of retrieval.Features.Answerable with the articles alone, as
// the product serves them without any label. A company that has labelled questions gives them to their articles (see
// kb.Document.Questions); so does Scope with those of train whose intent is a document's id, and auroc, p and every other
// figure are of that. Where train has both classes, or dev while test is scored, the product's features are also weighed
// by a logistic model fitted on it, of train only on the half that no article was given. auroc_<kind> sets all questions
// in scope against those of one kind out of scope.
func Scope(ctx context.Context, dirs []string, opts Options) (report.Entry, error) {
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	s, err := readScope(dirs)
	if err != nil {
		return report.Entry{}, err
	}
	var e report.Entry
	err = withDatabase(ctx, func(pool *pgxpool.Pool) error {
		e, err = scoreScope(ctx, pool, s, opts)
		return err
	})
	if err != nil {
		return report.Entry{}, fmt.Errorf("%s: %w", s.Name, err)
	}
	return e, nil
}

// readScope reads the folders of one set. A file comes from the first folder that has it.
func readScope(dirs []string) (*scopeSet, error) {
	if len(dirs) == 0 {
		return nil, errors.New("no folder was given")
	}
	s := &scopeSet{Set: Set{Name: filepath.Base(filepath.Clean(dirs[0]))}, splits: map[string][]scopeQuestion{}}
	corpus, ok := firstWith(dirs, "corpus.jsonl")
	if !ok {
		return nil, fmt.Errorf("%s: no corpus.jsonl with the articles", strings.Join(dirs, ", "))
	}
	if err := s.readCorpus(corpus); err != nil {
		return nil, err
	}
	for _, split := range []string{"train", "dev", "test"} {
		dir, ok := firstWith(dirs, split+".jsonl")
		if !ok {
			continue
		}
		if err := lines(filepath.Join(dir, split+".jsonl"), func(line []byte) error {
			q := scopeQuestion{ID: fmt.Sprintf("%s-%d", split, len(s.splits[split])+1)}
			if err := json.Unmarshal(line, &q); err != nil {
				return err
			}
			if q.Text == "" || q.Label == "" {
				return errors.New(`a question needs "text" and "label"`)
			}
			s.splits[split] = append(s.splits[split], q)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	for _, split := range []string{"test", "dev", "train"} {
		if hasBoth(s.splits[split]) {
			s.Split = split
			break
		}
	}
	if len(s.Documents) == 0 || s.Split == "" {
		return nil, fmt.Errorf("%s: want documents, and a split with questions in and out of scope", strings.Join(dirs, ", "))
	}
	s.Locale = locale(corpus, &s.Set)
	return s, nil
}

func firstWith(dirs []string, name string) (string, bool) {
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return dir, true
		}
	}
	return "", false
}

func hasBoth(questions []scopeQuestion) bool {
	isIn := func(q scopeQuestion) bool { return q.in() }
	isOut := func(q scopeQuestion) bool { return !q.in() }
	return slices.ContainsFunc(questions, isIn) && slices.ContainsFunc(questions, isOut)
}

// fitting returns the split that weights are fitted on: train, otherwise dev, where it has both classes and is not
// scored; otherwise "".
func (s *scopeSet) fitting() string {
	for _, split := range []string{"train", "dev"} {
		if split != s.Split && hasBoth(s.splits[split]) {
			return split
		}
	}
	return ""
}

// The limits on the questions of an article, as kb.Document has them.
const (
	questionsEach  = 100
	questionLength = 200 // bytes
)

// share divides the labels that are not scored: known are questions by the documents that answer them, learned are those
// that weights are fitted on. Every other question of train goes to its document where weights are fitted on train, else
// all do. Of what stands in an article already nothing can be learned.
func (s *scopeSet) share(fitted string) (known map[string][]string, learned []scopeQuestion) {
	known = map[string][]string{}
	documents := map[string]bool{}
	for _, d := range s.Documents {
		documents[d.ID] = true
	}
	var in, out []scopeQuestion
	if s.Split != "train" {
		for i, q := range s.splits["train"] {
			text := strings.Join(strings.Fields(q.Text), " ")
			switch {
			case !q.in() || fitted == "train" && i%2 == 1:
			case documents[q.Intent] && len(text) <= questionLength && len(known[q.Intent]) < questionsEach && !slices.Contains(known[q.Intent], text):
				known[q.Intent] = append(known[q.Intent], text)
			}
		}
	}
	for i, q := range s.splits[fitted] {
		switch {
		case !q.in():
			out = append(out, q)
		case fitted == "train" && i%2 == 0 && documents[q.Intent]:
		case !slices.ContainsFunc(s.Documents, func(d Document) bool { return strings.Contains(d.Text, q.Text) }):
			in = append(in, q)
		}
	}
	return known, append(evenly(in, fitLimit), evenly(out, fitLimit)...)
}

// evenly returns at most n questions, evenly spread over the list.
func evenly(questions []scopeQuestion, n int) []scopeQuestion {
	if len(questions) <= n {
		return slices.Clone(questions)
	}
	out := make([]scopeQuestion, n)
	for i := range out {
		out[i] = questions[i*len(questions)/n]
	}
	return out
}

// scoreScope loads the corpus, asks and scores.
func scoreScope(ctx context.Context, pool *pgxpool.Pool, s *scopeSet, opts Options) (report.Entry, error) {
	fitted := s.fitting()
	known, learned := s.share(fitted)
	scored := s.splits[s.Split]
	opts.Progress(fmt.Sprintf("%s: %d documents, %d questions, %d to fit on", s.Name, len(s.Documents), len(scored), len(learned)))
	ids, err := load(ctx, pool, &s.Set)
	if err != nil {
		return report.Entry{}, fmt.Errorf("load: %w", err)
	}
	if err := askScope(ctx, pool, s, ids, scored, opts); err != nil {
		return report.Entry{}, err
	}
	unfitted := make([]float64, len(scored))
	for i := range scored {
		unfitted[i] = scored[i].features.Answerable()
	}
	again := learned
	if len(known) > 0 {
		opts.Progress(fmt.Sprintf("%s: again, %d documents with questions of train", s.Name, len(known)))
		if err := giveQuestions(ctx, pool, s.Locale, ids, known); err != nil {
			return report.Entry{}, fmt.Errorf("questions: %w", err)
		}
		again = append(slices.Clone(learned), scored...)
	}
	if err := askScope(ctx, pool, s, ids, again, opts); err != nil {
		return report.Entry{}, err
	}
	copy(learned, again)
	if len(known) > 0 {
		copy(scored, again[len(learned):])
	}
	e := scopeEntry(s, fitted, learned, unfitted)
	given := 0
	for _, list := range known {
		given += len(list)
	}
	e.Facts["given"] = fmt.Sprintf("%d questions of train, to their articles", given)
	return e, nil
}

// askScope asks the serving search and notes in each question what was found.
func askScope(ctx context.Context, pool *pgxpool.Pool, s *scopeSet, ids map[uuid.UUID]string, questions []scopeQuestion, opts Options) error {
	searcher := retrieval.New(pool, opts.Embedder, retrieval.Options{Model: opts.Model, Dimensions: opts.Size, EmbedTimeout: 30 * time.Second})
	if err := searcher.Embed(ctx); err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	done, stop := opts.count(s.Name, len(questions))
	defer stop()
	return inParallel(ctx, len(questions), func(ctx context.Context, i int) error {
		q := &questions[i]
		r, err := searcher.Search(ctx, retrieval.Query{Text: q.Text, Locale: s.Locale, Audience: kb.Consumer})
		if err != nil {
			return fmt.Errorf("question %s: %w", q.ID, err)
		}
		if r.Degraded != "" {
			return fmt.Errorf("question %s: %s", q.ID, r.Degraded)
		}
		q.features, q.unanswered, q.first = r.Features, len(r.Articles) == 0, ""
		if !q.unanswered {
			q.first = ids[r.Articles[0].ID]
		}
		done()
		return nil
	})
}

// giveQuestions publishes the articles anew with the questions that customers ask for them.
func giveQuestions(ctx context.Context, pool *pgxpool.Pool, locale string, ids map[uuid.UUID]string, known map[string][]string) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var revision int64
		if err := tx.QueryRow(ctx, `UPDATE kb_revision SET revision = revision + 1 RETURNING revision`).Scan(&revision); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		for article, id := range ids {
			if list := known[id]; len(list) > 0 {
				batch.Queue(`UPDATE article_versions SET questions = $1, revision = $2 WHERE article_id = $3`, map[string][]string{locale: list}, revision, article)
			}
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}

// scopeEntry turns what was found into figures and cases. unfitted are the probabilities without any label.
func scopeEntry(s *scopeSet, fitted string, learned []scopeQuestion, unfitted []float64) report.Entry {
	scored := s.splits[s.Split]
	e := report.Entry{
		Area: report.Tasks, Name: s.Name, Main: "accuracy", Classes: true,
		Facts:   map[string]string{"task": "oos", "split": s.Split, "locale": s.Locale, "positive": "in scope", "fitted": "nothing"},
		Figures: map[string]float64{"n": float64(len(scored)), "documents": float64(len(s.Documents))},
	}
	chance := func(q *scopeQuestion) float64 { return q.features.Answerable() }
	threshold := 0.5
	if len(learned) > 0 {
		weights := fitScope(learned)
		chance = func(q *scopeQuestion) float64 { return weights.P(scopeInputs(q.features)) }
		p, in := make([]float64, len(learned)), make([]bool, len(learned))
		for i := range learned {
			p[i], in[i] = chance(&learned[i]), learned[i].in()
		}
		threshold = balanced(p, in)
		e.Facts["fitted"] = fmt.Sprintf("%s, %d questions", fitted, len(learned))
	}
	p, in := make([]float64, len(scored)), make([]bool, len(scored))
	kinds := map[string]bool{}
	right, known := 0, 0
	for i := range scored {
		q := &scored[i]
		p[i], in[i] = chance(q), q.in()
		c := report.Case{ID: q.ID, Text: q.Text, P: p[i], Outcome: in[i], Want: []string{side(in[i])}, Got: []string{side(p[i] >= threshold)}, Group: q.Kind}
		if in[i] == (p[i] >= threshold) {
			c.Score = 1
		}
		if q.unanswered {
			c.Note = "nothing was found"
		} else {
			c.Note = "first: " + q.first
		}
		if q.in() && q.Intent != "" {
			known++
			if q.first == q.Intent {
				right++
			}
		}
		if !q.in() && q.Kind != "" {
			kinds[q.Kind] = true
		}
		e.Cases = append(e.Cases, c)
	}
	counts := measure.At(p, in, threshold)
	e.Figures["threshold"] = threshold
	e.Figures["precision"] = finite(counts.Precision())
	e.Figures["recall"] = finite(counts.Recall())
	e.Figures["fpr"] = finite(counts.FPR())
	e.Figures["accuracy"] = counts.Accuracy()
	e.Figures["macro_f1"] = finite((counts.F1() + measure.Counts{TP: counts.TN, FP: counts.FN, FN: counts.FP}.F1()) / 2)
	e.Figures["auroc"] = measure.AUROC(p, in)
	e.Figures["auroc_unfitted"] = measure.AUROC(unfitted, in)
	e.Figures["fpr_at_95tpr"] = measure.FPRAtTPR(p, in, 0.95)
	e.Figures["fpr_at_95tpr_unfitted"] = measure.FPRAtTPR(unfitted, in, 0.95)
	e.Figures["ece"] = measure.ECE(p, in, 10)
	e.Figures["brier"] = measure.Brier(p, in)
	if known > 0 {
		e.Figures["top1_accuracy"] = float64(right) / float64(known)
	}
	if len(kinds) > 1 {
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			part := func(p []float64) float64 {
				var some []float64
				var is []bool
				for i := range scored {
					if in[i] || scored[i].Kind == kind {
						some, is = append(some, p[i]), append(is, in[i])
					}
				}
				return measure.AUROC(some, is)
			}
			e.Figures["auroc_"+kind] = part(p)
			e.Figures["auroc_"+kind+"_unfitted"] = part(unfitted)
		}
	}
	return e
}

func side(in bool) string {
	if in {
		return "in scope"
	}
	return "out of scope"
}

// scopeInputs are what the fit weighs: a constant, the odds that the product gives without labels, and its features.
func scopeInputs(f retrieval.Features) []float64 {
	return []float64{1, logit(f.Answerable()), f.LexTop, f.DenseTop, f.UnknownTerms, f.Margin, f.Coverage, f.Agreement}
}

// fitScope fits the weights, pulled towards the product's own odds as they are.
func fitScope(questions []scopeQuestion) measure.Logistic {
	rows, in := make([][]float64, len(questions)), make([]bool, len(questions))
	for i := range questions {
		rows[i], in[i] = scopeInputs(questions[i].features), questions[i].in()
	}
	return measure.FitLogistic(rows, in, measure.Logistic{0, 1, 0, 0, 0, 0, 0, 0}, 1)
}

// balanced is the threshold at which the mean of both classes' recall is greatest.
func balanced(p []float64, in []bool) float64 {
	best, at := -1.0, 0.5
	for _, t := range slices.Compact(slices.Sorted(slices.Values(p))) {
		c := measure.At(p, in, t)
		if v := c.Recall() - c.FPR(); v > best {
			best, at = v, t
		}
	}
	return at
}

// withDatabase calls f with a database that is gone afterwards.
func withDatabase(ctx context.Context, f func(*pgxpool.Pool) error) (err error) {
	url, stop, err := postgres.Throwaway(ctx, "firstline-eval-")
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, stop()) }()
	pool, err := postgres.Open(ctx, url, 8)
	if err != nil {
		return err
	}
	defer pool.Close()
	return f(pool)
}
