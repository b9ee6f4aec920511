// Package evaluate scores retrieval on question sets in the BEIR layout: a folder with corpus.jsonl (_id, title, text),
// queries.jsonl (_id, text) and qrels/<split>.tsv. It loads each corpus into a throw-away database as published articles,
// lets the serving indexer embed it, and asks the serving searcher; only the figures are its own.
//
// It holds no thresholds and knows no set by name.
package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/postgres"
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

// Scores are the figures of one set. Shares are between 0 and 1.
type Scores struct {
	Split   string  `json:"split"`
	Queries int     `json:"queries"`
	NDCG    float64 `json:"ndcg@10"`
	Recall5 float64 `json:"recall@5"`
	Recall  float64 `json:"recall@10"`
	MRR     float64 `json:"mrr@10"`
	Top1    float64 `json:"top1_accuracy"`
	AUROC   float64 `json:"top1_auroc"`            // does the confidence tell right first articles from wrong ones?
	ECE     float64 `json:"top1_ece"`              // expected calibration error of the confidence, ten bins
	Surest  float64 `json:"precision_surest_half"` // accuracy on the half of the questions with the highest confidence

	MAP       float64 `json:"map,omitempty"` // over 1,000 results; plain BM25 only, for comparison with published figures
	Documents int     `json:"documents"`
	Locale    string  `json:"locale"`
	MedianMS  float64 `json:"median_ms,omitempty"` // of one search, several of which run at a time
}

// Metric returns a figure by its name in the JSON.
func (s Scores) Metric(name string) (float64, bool) {
	v, ok := map[string]float64{
		"ndcg@10": s.NDCG, "recall@5": s.Recall5, "recall@10": s.Recall, "mrr@10": s.MRR, "top1_accuracy": s.Top1,
		"top1_auroc": s.AUROC, "top1_ece": s.ECE, "precision_surest_half": s.Surest, "map": s.MAP,
	}[name]
	return v, ok
}

// Report is the outcome for several folders, by their names.
type Report struct {
	Sets  map[string]Scores         `json:"sets"`
	Tasks map[string]map[string]any `json:"tasks"`
}

// asked is what came back for one question.
type asked struct {
	ranked     []string
	confidence float64
	took       time.Duration
}

// Run scores each folder. The database lives in a temporary folder and is gone afterwards.
func Run(ctx context.Context, dirs []string, opts Options) (_ Report, err error) {
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	report := Report{Sets: map[string]Scores{}, Tasks: map[string]map[string]any{}}
	sets := make([]*Set, 0, len(dirs))
	for _, dir := range dirs {
		s, err := Read(dir, opts.Split)
		if err != nil {
			return report, err
		}
		if _, twice := report.Sets[s.Name]; twice {
			return report, fmt.Errorf("two folders are called %q; their figures could not be told apart", s.Name)
		}
		report.Sets[s.Name] = Scores{}
		sets = append(sets, s)
	}
	var ask func(context.Context, *Set) ([]asked, error)
	if opts.BM25 {
		ask = func(_ context.Context, s *Set) ([]asked, error) { return plain(s, opts), nil }
	} else {
		dir, err := os.MkdirTemp("", "firstline-eval-")
		if err != nil {
			return report, err
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil { // the server may run as another user
			return report, err
		}
		home := filepath.Join(dir, "data")
		server, err := postgres.StartLocal(ctx, postgres.LocalConfig{Dir: home, NoFsync: true})
		if err != nil {
			return report, err
		}
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
			defer cancel()
			err = cmp.Or(err, server.Stop(ctx), postgres.RemoveLocal(ctx, home))
		}()
		if err := postgres.Migrate(ctx, server.URL()); err != nil {
			return report, err
		}
		pool, err := postgres.Open(ctx, server.URL(), 8)
		if err != nil {
			return report, err
		}
		defer pool.Close()
		ask = func(ctx context.Context, s *Set) ([]asked, error) { return serving(ctx, pool, s, opts) }
	}
	for _, s := range sets {
		opts.Progress(fmt.Sprintf("%s: %d documents, %d questions", s.Name, len(s.Documents), len(s.Questions)))
		answers, err := ask(ctx, s)
		if err != nil {
			return report, fmt.Errorf("%s: %w", s.Name, err)
		}
		report.Sets[s.Name] = score(s, answers, opts)
	}
	return report, nil
}

// score turns answers into figures.
func score(s *Set, answers []asked, opts Options) Scores {
	out := Scores{Split: s.Split, Queries: len(s.Questions), Documents: len(s.Documents), Locale: s.Locale}
	n := float64(len(s.Questions))
	right := make([]bool, len(answers))
	confidence := make([]float64, len(answers))
	took := make([]time.Duration, len(answers))
	for i, a := range answers {
		grade := s.Questions[i].Relevant
		out.NDCG += measure.NDCG(a.ranked, grade, 10) / n
		out.Recall5 += measure.RecallAt(a.ranked, grade, 5) / n
		out.Recall += measure.RecallAt(a.ranked, grade, 10) / n
		out.MRR += measure.MRR(a.ranked, grade, 10) / n
		if opts.BM25 {
			out.MAP += averagePrecision(a.ranked, grade) / n
		}
		right[i] = len(a.ranked) > 0 && grade[a.ranked[0]] > 0
		if right[i] {
			out.Top1 += 1 / n
		}
		confidence[i], took[i] = a.confidence, a.took
	}
	out.AUROC = finite(measure.AUROC(confidence, right))
	out.ECE = finite(measure.ECE(confidence, right, 10))
	out.Surest = surestHalf(confidence, right)
	slices.Sort(took)
	if !opts.BM25 && len(took) > 0 {
		out.MedianMS = float64(took[len(took)/2].Microseconds()) / 1000
	}
	return out
}

// finite replaces what is undefined, such as the AUROC of a set in which everything is right, by 0: JSON has no other
// number for it.
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
func plain(s *Set, opts Options) []asked {
	texts := make([]string, len(s.Documents))
	for i, d := range s.Documents {
		texts[i] = d.Title + " " + d.Text
	}
	index := retrieval.NewBaseline(texts)
	answers := make([]asked, len(s.Questions))
	for i, q := range s.Questions {
		found, ideal := index.Search(Misspell(q.Text, opts.Typos, q.ID), 1000)
		for _, f := range found {
			answers[i].ranked = append(answers[i].ranked, s.Documents[f.Text].ID)
		}
		if len(found) > 0 && ideal > 0 { // BM25 has no probability; the share of what could be reached orders the questions
			answers[i].confidence = found[0].Score / ideal
		}
	}
	return answers
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
