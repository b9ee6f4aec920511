package measure

import "math"

// Logistic is a logistic model: the probability is 1/(1+exp(-w·x)). A constant is a feature that is always 1.
type Logistic []float64

// P returns the probability for the features x, which are as many as the weights.
func (w Logistic) P(x []float64) float64 { return sigmoid(w.dot(x)) }

func (w Logistic) dot(x []float64) float64 {
	s := 0.0
	for i, v := range x {
		s += w[i] * v
	}
	return s
}

// FitLogistic fits a logistic model by Newton's method. ridge pulls each weight towards the prior's: what is minimised is
// the log loss plus ridge/2 times the squared distance, so that few examples move the prior a little and many decide by
// themselves. rows are equally long, as long as prior; ridge is positive. Without rows the prior comes back.
func FitLogistic(rows [][]float64, outcome []bool, prior Logistic, ridge float64) Logistic {
	k := len(prior)
	w := append(Logistic(nil), prior...)
	loss := func(w Logistic) float64 {
		sum := 0.0
		for i, x := range rows {
			z := w.dot(x)
			if outcome[i] {
				z = -z
			}
			sum += max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) // log(1+exp(z)) without overflow
		}
		for j := range w {
			sum += ridge / 2 * (w[j] - prior[j]) * (w[j] - prior[j])
		}
		return sum
	}
	now := loss(w)
	for range 100 {
		gradient := make([]float64, k)
		hessian := make([][]float64, k)
		for j := range hessian {
			hessian[j] = make([]float64, k)
			hessian[j][j] = ridge
			gradient[j] = ridge * (w[j] - prior[j])
		}
		for i, x := range rows {
			p := w.P(x)
			d, h := p-indicator(outcome[i]), p*(1-p)
			for j := range k {
				gradient[j] += d * x[j]
				for l := range j + 1 {
					hessian[j][l] += h * x[j] * x[l]
				}
			}
		}
		step := solve(hessian, gradient)
		size := 1.0
		var next Logistic
		var then float64
		for ; size > 1e-8; size /= 2 {
			next = append(Logistic(nil), w...)
			for j := range next {
				next[j] -= size * step[j]
			}
			if then = loss(next); then <= now {
				break
			}
		}
		if size <= 1e-8 || now-then < 1e-10 {
			break
		}
		w, now = next, then
	}
	return w
}

// solve returns x of a·x = b for a symmetric positive definite matrix of which the lower half is given, by Cholesky's
// decomposition.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	l := make([][]float64, n)
	for i := range n {
		l[i] = make([]float64, i+1)
		for j := range i + 1 {
			sum := a[i][j]
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i == j {
				l[i][i] = math.Sqrt(sum)
			} else {
				l[i][j] = sum / l[j][j]
			}
		}
	}
	x := make([]float64, n)
	for i := range n {
		x[i] = b[i]
		for k := range i {
			x[i] -= l[i][k] * x[k]
		}
		x[i] /= l[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= l[k][i] * x[k]
		}
		x[i] /= l[i][i]
	}
	return x
}
