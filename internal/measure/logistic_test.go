package measure

import (
	"math"
	"math/rand/v2"
	"testing"
)

// At the minimum the gradient is zero: the weighted sum of the errors is what the ridge pulls back.
func TestLogisticIsAtTheMinimum(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	truth := Logistic{-0.5, 2, -1}
	var rows [][]float64
	var outcome []bool
	for range 4000 {
		x := []float64{1, rnd.NormFloat64(), rnd.NormFloat64() * 3}
		rows, outcome = append(rows, x), append(outcome, rnd.Float64() < truth.P(x))
	}
	prior := Logistic{1, 1, 1}
	for _, ridge := range []float64{1e-6, 1, 1000} {
		w := FitLogistic(rows, outcome, prior, ridge)
		for j := range w {
			g := ridge * (w[j] - prior[j])
			for i, x := range rows {
				g += (w.P(x) - indicator(outcome[i])) * x[j]
			}
			near(t, "gradient", g, 0, 0.01)
		}
	}
	w := FitLogistic(rows, outcome, prior, 1e-6)
	for j := range w {
		near(t, "weight", w[j], truth[j], 0.2)
	}
}

func TestLogisticPrior(t *testing.T) {
	t.Parallel()
	prior := Logistic{0.3, -2}
	w := FitLogistic(nil, nil, prior, 1)
	near(t, "without rows", w[0], 0.3, 1e-9)
	near(t, "without rows", w[1], -2, 1e-9)
	w = FitLogistic([][]float64{{1, 5}, {1, -5}}, []bool{true, false}, Logistic{0, 0}, 0.1) // separable, held by the ridge
	if math.IsInf(w[1], 0) || math.IsNaN(w[1]) || w[1] < 0.3 || w[1] > 3 {
		t.Errorf("weights %v", w)
	}
}
