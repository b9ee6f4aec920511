package measure

import (
	"cmp"
	"math"
	"slices"
)

// Brier is the mean squared distance between probabilities and outcomes; 0 is perfect. NaN without any.
func Brier(p []float64, outcome []bool) float64 {
	sum := 0.0
	for i, x := range p {
		d := x - indicator(outcome[i])
		sum += d * d
	}
	return sum / float64(len(p))
}

// ECE is the expected calibration error over bins of equal width: the mean, weighted by size, of the distance between
// mean probability and share of outcomes in each bin. NaN without any.
func ECE(p []float64, outcome []bool, bins int) float64 {
	n, sumP, sumY := make([]float64, bins), make([]float64, bins), make([]float64, bins)
	for i, x := range p {
		b := min(max(int(x*float64(bins)), 0), bins-1)
		n[b]++
		sumP[b] += x
		sumY[b] += indicator(outcome[i])
	}
	e := 0.0
	for b := range n {
		if n[b] > 0 {
			e += math.Abs(sumP[b] - sumY[b])
		}
	}
	return e / float64(len(p))
}

// ECEByChance is the ECE that probabilities have on average though they are exact, because the outcomes of so many cases
// scatter: in each bin the mean distance of a sum of independent outcomes from what is expected of it, which is nearly
// sqrt(2/pi) standard deviations. It falls with the square root of the number of cases. NaN without any.
func ECEByChance(p []float64, bins int) float64 {
	variance := make([]float64, bins)
	for _, x := range p {
		variance[min(max(int(x*float64(bins)), 0), bins-1)] += x * (1 - x)
	}
	e := 0.0
	for _, v := range variance {
		e += math.Sqrt(2 / math.Pi * v)
	}
	return e / float64(len(p))
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Platt is a logistic map from a score to a probability: 1/(1+exp(-(A·score+B))).
type Platt struct{ A, B float64 }

// P returns the probability for a score.
func (m Platt) P(score float64) float64 { return sigmoid(m.A*score + m.B) }

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// FitPlatt fits the map by Newton's method with Platt's softened targets, (n+ + 1)/(n+ + 2) and 1/(n- + 2), and
// backtracking as in Lin, Lin and Weng (2007), so that separable data do not run away. Without any score it is the
// constant one half.
func FitPlatt(scores []float64, outcome []bool) Platt {
	var pos, neg float64
	for _, y := range outcome {
		if y {
			pos++
		} else {
			neg++
		}
	}
	hi, lo := (pos+1)/(pos+2), 1/(neg+2)
	target := func(i int) float64 {
		if outcome[i] {
			return hi
		}
		return lo
	}
	loss := func(m Platt) float64 {
		sum := 0.0
		for i, s := range scores {
			z, t := m.A*s+m.B, target(i)
			if z >= 0 {
				sum += (1-t)*z + math.Log1p(math.Exp(-z))
			} else {
				sum += -t*z + math.Log1p(math.Exp(z))
			}
		}
		return sum
	}
	m := Platt{B: math.Log((pos + 1) / (neg + 1))}
	f := loss(m)
	for range 100 {
		const ridge = 1e-12
		haa, hab, hbb, ga, gb := ridge, 0.0, ridge, 0.0, 0.0
		for i, s := range scores {
			p := m.P(s)
			w, d := p*(1-p), p-target(i)
			haa += w * s * s
			hab += w * s
			hbb += w
			ga += d * s
			gb += d
		}
		if math.Abs(ga) < 1e-7 && math.Abs(gb) < 1e-7 {
			break
		}
		det := haa*hbb - hab*hab
		if det <= 0 {
			break
		}
		da, db := -(hbb*ga-hab*gb)/det, -(haa*gb-hab*ga)/det
		slope := ga*da + gb*db
		step := 1.0
		for ; step > 1e-10; step /= 2 {
			next := Platt{m.A + step*da, m.B + step*db}
			if g := loss(next); g < f+1e-4*step*slope {
				m, f = next, g
				break
			}
		}
		if step <= 1e-10 {
			break
		}
	}
	return m
}

// Isotonic is a rising step function from scores to probabilities, fitted by pooling adjacent violators. The zero
// value says one half of everything.
type Isotonic struct {
	upTo  []float64 // greatest score of each step, ascending
	value []float64 // its probability, ascending
}

// FitIsotonic fits the rising step function with the least squared error.
func FitIsotonic(scores []float64, outcome []bool) Isotonic {
	type block struct{ sum, n, upTo float64 }
	order := ascending(scores)
	var blocks []block
	for i := 0; i < len(order); {
		b := block{upTo: scores[order[i]]}
		for first := true; i < len(order) && (first || scores[order[i]] == b.upTo); first = false { // NaN equals nothing
			b.sum += indicator(outcome[order[i]])
			b.n++
			i++
		}
		blocks = append(blocks, b)
		for k := len(blocks) - 1; k > 0 && blocks[k-1].sum*blocks[k].n >= blocks[k].sum*blocks[k-1].n; k-- {
			blocks[k-1] = block{blocks[k-1].sum + blocks[k].sum, blocks[k-1].n + blocks[k].n, blocks[k].upTo}
			blocks = blocks[:k]
		}
	}
	var m Isotonic
	for _, b := range blocks {
		m.upTo, m.value = append(m.upTo, b.upTo), append(m.value, b.sum/b.n)
	}
	return m
}

// P returns the probability for a score: that of the first step which reaches it, of the last step beyond all.
func (m Isotonic) P(score float64) float64 {
	if len(m.value) == 0 {
		return 0.5
	}
	i, _ := slices.BinarySearchFunc(m.upTo, score, cmp.Compare[float64])
	return m.value[min(i, len(m.value)-1)]
}
