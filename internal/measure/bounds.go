package measure

import "math"

// ClopperPearson returns the exact confidence interval for a share of which hits of n were seen, at the given level
// (0.95 leaves 2.5 % on either side). For n = 0 it is [0,1].
func ClopperPearson(hits, n int, level float64) (low, high float64) {
	tail := (1 - level) / 2
	return LowerBound(hits, n, 1-tail), UpperBound(hits, n, 1-tail)
}

// LowerBound is the exact one-sided lower bound of a share at a level of confidence.
func LowerBound(hits, n int, level float64) float64 {
	if n <= 0 || hits <= 0 {
		return 0
	}
	return betaQuantile(1-level, float64(hits), float64(n-hits+1))
}

// UpperBound is the exact one-sided upper bound of a share at a level of confidence.
func UpperBound(hits, n int, level float64) float64 {
	if n <= 0 || hits >= n {
		return 1
	}
	return betaQuantile(level, float64(hits+1), float64(n-hits))
}

// betaQuantile inverts the regularised incomplete beta function by bisection.
func betaQuantile(q, a, b float64) float64 {
	low, high := 0.0, 1.0
	for range 80 {
		mid := (low + high) / 2
		if incompleteBeta(mid, a, b) < q {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// incompleteBeta is the regularised incomplete beta function I_x(a,b), by its continued fraction (Abramowitz and Stegun
// 26.5.8, evaluated with Lentz's method).
func incompleteBeta(x, a, b float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	if x > (a+1)/(a+b+2) { // the fraction converges fast on this side only
		return 1 - incompleteBeta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	const tiny = 1e-300
	nonzero := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/nonzero(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < 1000; m++ {
		num := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / nonzero(1+num*d)
		c = nonzero(1 + num/c)
		f *= c * d
		num = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / nonzero(1+num*d)
		c = nonzero(1 + num/c)
		f *= c * d
		if math.Abs(c*d-1) < 1e-15 {
			break
		}
	}
	return front * f / a
}
