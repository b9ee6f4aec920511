package retrieval

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Pair is a question and the article that answers it, as an editor or an agent has said.
type Pair struct {
	Query Query
	Slug  string // of the article
}

// WeightPoint is how well questions were answered with one weight of the dense leg.
type WeightPoint struct {
	Weight float64 `json:"weight"`
	MRR    float64 `json:"mrr@10"` // mean over the questions of 1/place of the right article, 0 beyond the tenth
}

// WeightFit is what FitWeight found.
type WeightFit struct {
	Model   string        `json:"model"`
	Weight  float64       `json:"weight"`  // for Options.Weight
	Default float64       `json:"default"` // the weight without a fit
	Curve   []WeightPoint `json:"curve"`   // every weight that was tried, ascending
	Pairs   int           `json:"pairs"`
}

// leastPairs is the number of questions from which a fit says anything: below it, one standard error of the mean of
// reciprocal ranks is more than a leg is worth.
const leastPairs = 30

// weightSteps is how finely weights are tried: 0.05, 0.1 and so on to 0.95, and each leg still has a say.
const weightSteps = 20

// ErrFewPairs says that there were too few questions to fit a weight on.
var ErrFewPairs = errors.New("too few questions with a known article")

// FitWeight finds the weight of the dense leg with which the right articles come first most often, for the model that
// searches use now. Of the weights that are no worse than the best by one standard error it returns the one nearest to
// the default, so that chance alone moves nothing. Each question is embedded once and searched for with every weight. It
// changes nothing: the weight counts when it is set in Options.
func (s *Searcher) FitWeight(ctx context.Context, pairs []Pair) (WeightFit, error) {
	if len(pairs) < leastPairs {
		return WeightFit{}, fmt.Errorf("retrieval: fit the weight: %w: %d, and %d are needed", ErrFewPairs, len(pairs), leastPairs)
	}
	x, err := s.loaded(ctx)
	if err != nil {
		return WeightFit{}, fmt.Errorf("retrieval: load the index: %w", err)
	}
	m := s.active.Load()
	if m.name == "" || m.embedder == nil {
		return WeightFit{}, errors.New("retrieval: fit the weight: no embedding model is in use yet")
	}
	fit := WeightFit{Model: m.name, Default: s.tuning.ModelWeight, Pairs: len(pairs)}
	if m.builtin {
		fit.Default = s.tuning.DenseWeight
	}
	ranks := make([][]float64, weightSteps-1) // by weight: the reciprocal rank of each question
	for _, p := range pairs {
		q := p.Query
		q.Limit = 1
		e := s.embed(ctx, m, &q)
		if e.err != nil {
			return WeightFit{}, fmt.Errorf("retrieval: fit the weight: %w", e.err)
		}
		sc := s.scope(&q)
		for i := range ranks {
			r, _, _, _, err := s.search(ctx, &q, sc, x, &fixed{weight: float64(i+1) / weightSteps, vector: e.vector})
			if err != nil {
				return WeightFit{}, fmt.Errorf("retrieval: fit the weight: %w", err)
			}
			reciprocal := 0.0
			for place, a := range r.Articles {
				if a.Slug == p.Slug {
					reciprocal = 1 / float64(place+1)
					break
				}
			}
			ranks[i] = append(ranks[i], reciprocal)
		}
	}
	best := 0
	for i, of := range ranks {
		fit.Curve = append(fit.Curve, WeightPoint{Weight: float64(i+1) / weightSteps, MRR: mean(of)})
		if fit.Curve[i].MRR > fit.Curve[best].MRR {
			best = i
		}
	}
	fit.Weight = fit.Curve[nearest(ranks, best, fit.Default)].Weight
	return fit, nil
}

// nearest returns the weight nearest to the default among those that are no worse than the best by more than one standard
// error of the difference.
func nearest(ranks [][]float64, best int, standard float64) int {
	chosen := best
	distance := func(i int) float64 { return math.Abs(float64(i+1)/weightSteps - standard) }
	for i, of := range ranks {
		var sum, squares float64
		for k := range of {
			d := ranks[best][k] - of[k]
			sum += d
			squares += d * d
		}
		n := float64(len(of))
		deviation := math.Sqrt(max(0, squares/n-sum/n*sum/n))
		if sum/n <= deviation/math.Sqrt(n) && distance(i) < distance(chosen) {
			chosen = i
		}
	}
	return chosen
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}
