// Package evaluate scores retrieval on question sets in the BEIR layout: a folder with corpus.jsonl (_id, title, text),
// queries.jsonl (_id, text) and qrels/<split>.tsv. It loads each corpus into a throw-away database as published articles,
// lets the serving indexer embed it, and asks the serving searcher; only the figures are its own.
//
// Each set becomes an entry of a report: figures, and every question with what was found for it. The package holds no
// thresholds and knows no set by name.
package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/report"
	"github.com/firstline/firstline/retrieval"
)

// Options say what to score.
type Options struct {
	Split    string             // of qrels; where a set does not have it, the first there is of test, dev, and the rest by name
	Typos    float64            // share of the questions' long words that are misspelt, 0 to 1
	BM25     bool               // plain BM25 instead of the serving retrieval
	Embedder retrieval.Embedder // nil: the built-in one
	Model    string             // of the embedder
	Size     int                // of its vectors, 0: asked
	Progress func(string)       // told what is going on; nil: nobody
}

// asked is what came back for one question.
type asked struct {
	ranked     []string
	confidence float64
	took       time.Duration
}

// Run scores each folder and returns their entries in the order of the folders. The figures have the names of the
// command's JSON. The database lives in a temporary folder and is gone afterwards.
func Run(ctx context.Context, dirs []string, opts Options) (_ []report.Entry, err error) {
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	sets := make([]*Set, 0, len(dirs))
	for _, dir := range dirs {
		s, err := Read(dir, opts.Split)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(sets, func(other *Set) bool { return other.Name == s.Name }) {
			return nil, fmt.Errorf("two folders are called %q; their figures could not be told apart", s.Name)
		}
		sets = append(sets, s)
	}
	entries := make([]report.Entry, 0, len(sets))
	each := func(ask func(*Set) ([]asked, error)) error {
		for _, s := range sets {
			opts.Progress(fmt.Sprintf("%s: %d documents, %d questions", s.Name, len(s.Documents), len(s.Questions)))
			answers, err := ask(s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			entries = append(entries, score(s, answers, opts))
		}
		return nil
	}
	if opts.BM25 {
		err = each(func(s *Set) ([]asked, error) { return plain(ctx, s, opts) })
	} else {
		err = withDatabase(ctx, func(pool *pgxpool.Pool) error {
			return each(func(s *Set) ([]asked, error) { return serving(ctx, pool, s, opts) })
		})
	}
	if err != nil {
		return nil, err
	}
	calibrateOnOthers(entries)
	return entries, nil
}

// shown is how many of the documents found for a question its case keeps, best first.
const shown = 10

// score turns answers into figures and cases. All figures but counts and milliseconds are shares between 0 and 1.
func score(s *Set, answers []asked, opts Options) report.Entry {
	var ndcg, recall5, recall10, mrr, top1, mean float64
	n := float64(len(answers))
	right := make([]bool, len(answers))
	confidence := make([]float64, len(answers))
	took := make([]time.Duration, len(answers))
	cases := make([]report.Case, len(answers))
	for i, a := range answers {
		q := s.Questions[i]
		gain := measure.NDCG(a.ranked, q.Relevant, 10)
		ndcg += gain / n
		recall5 += measure.RecallAt(a.ranked, q.Relevant, 5) / n
		recall10 += measure.RecallAt(a.ranked, q.Relevant, 10) / n
		mrr += measure.MRR(a.ranked, q.Relevant, 10) / n
		mean += averagePrecision(a.ranked, q.Relevant) / n
		right[i] = len(a.ranked) > 0 && q.Relevant[a.ranked[0]] > 0
		if right[i] {
			top1 += 1 / n
		}
		confidence[i], took[i] = a.confidence, a.took
		cases[i] = report.Case{ID: q.ID, Text: Misspell(q.Text, opts.Typos, q.ID), Score: gain, P: a.confidence, Outcome: right[i],
			Want: relevant(q), Got: slices.Clone(a.ranked[:min(shown, len(a.ranked))])}
	}
	e := report.Entry{
		Area: report.Retrieval, Name: s.Name, Main: "ndcg@10", Cases: cases, Titles: titles(s, cases),
		Facts: map[string]string{"split": s.Split, "locale": s.Locale},
		Figures: map[string]float64{
			"queries": n, "documents": float64(len(s.Documents)),
			"ndcg@10": ndcg, "recall@5": recall5, "recall@10": recall10, "mrr@10": mrr, "top1_accuracy": top1,
			"top1_auroc":            finite(measure.AUROC(confidence, right)),    // does the confidence tell right first articles from wrong ones?
			"top1_ece":              finite(measure.ECE(confidence, right, 10)),  // expected calibration error of the confidence, ten bins
			"top1_ece_chance":       finite(measure.ECEByChance(confidence, 10)), // what an exact confidence would show with so many questions
			"precision_surest_half": surestHalf(confidence, right),
		},
	}
	report.AddConfidence(e.Figures, cases)
	slices.Sort(took)
	if opts.BM25 {
		e.Figures["map"] = mean // over 1,000 results, for comparison with published figures
	} else if len(took) > 0 {
		e.Figures["median_ms"] = float64(took[len(took)/2].Microseconds()) / 1000 // of one search, several of which run at a time
	}
	return e
}

// relevant lists the documents that a question wants, the most relevant first.
func relevant(q Question) []string {
	ids := make([]string, 0, len(q.Relevant))
	for id := range q.Relevant {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(q.Relevant[b], q.Relevant[a]), cmp.Compare(a, b)) })
	return ids
}

// titles names the documents that the cases speak of; one without a title is named by how it begins.
func titles(s *Set, cases []report.Case) map[string]string {
	named := map[string]string{}
	for _, c := range cases {
		for _, id := range slices.Concat(c.Want, c.Got) {
			named[id] = ""
		}
	}
	for _, d := range s.Documents {
		if _, ok := named[d.ID]; !ok {
			continue
		}
		named[d.ID] = d.Title
		if d.Title == "" {
			named[d.ID] = report.Shorten(d.Text, 80)
		}
	}
	return named
}

// finite replaces what is undefined, such as the AUROC of a set in which everything is right, by 0: readers of the JSON
// rely on the name being there, and JSON has no other number for it.
func finite(x float64) float64 {
	if x != x {
		return 0
	}
	return x
}

// surestHalf is the share of right first articles among the half of the questions with the highest confidence.
func surestHalf(confidence []float64, right []bool) float64 {
	order := make([]int, len(right))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(confidence[b], confidence[a]) })
	half := (len(order) + 1) / 2
	if half == 0 {
		return 0
	}
	hits := 0
	for _, i := range order[:half] {
		if right[i] {
			hits++
		}
	}
	return float64(hits) / float64(half)
}

// averagePrecision is the mean of the precision at each relevant result, over all relevant ones.
func averagePrecision(ranked []string, grade map[string]float64) float64 {
	relevant, hits, sum := 0, 0, 0.0
	for _, g := range grade {
		if g > 0 {
			relevant++
		}
	}
	if relevant == 0 {
		return 0
	}
	for i, id := range ranked {
		if grade[id] > 0 {
			hits++
			sum += float64(hits) / float64(i+1)
		}
	}
	return sum / float64(relevant)
}

// plain answers with BM25 as published comparisons do.
func plain(ctx context.Context, s *Set, opts Options) ([]asked, error) {
	texts := make([]string, len(s.Documents))
	for i, d := range s.Documents {
		texts[i] = d.Title + " " + d.Text
	}
	index := retrieval.NewBaseline(texts)
	answers := make([]asked, len(s.Questions))
	done, stop := opts.count(s.Name, len(s.Questions))
	defer stop()
	for i, q := range s.Questions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, ideal := index.Search(Misspell(q.Text, opts.Typos, q.ID), 1000)
		for _, f := range found {
			answers[i].ranked = append(answers[i].ranked, s.Documents[f.Text].ID)
		}
		if len(found) > 0 && ideal > 0 { // BM25 has no probability; the share of what could be reached orders the questions
			answers[i].confidence = found[0].Score / ideal
		}
		done()
	}
	return answers, nil
}

// patience is how long a set may take between two lines of progress.
const patience = 2 * time.Second

// count tells how many questions of n are done, from time to time. The first function returned is called after each
// question, by any goroutine; the second at the end.
func (o Options) count(name string, n int) (done, stop func()) {
	if o.Progress == nil {
		return func() {}, func() {}
	}
	var asked atomic.Int64
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(patience)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				o.Progress(fmt.Sprintf("%s: %d of %d questions", name, asked.Load(), n))
			}
		}
	}()
	return func() { asked.Add(1) }, func() { close(ended); <-gone }
}

// inParallel calls f for 0 to n-1 from as many goroutines as there are processors, until one fails.
func inParallel(ctx context.Context, n int, f func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		}()
	}
	wg.Wait()
	return context.Cause(ctx)
}
