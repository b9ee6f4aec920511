package triage

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

// linear is a one-vs-rest linear classifier over a fixed vocabulary of hashed features.
type linear struct {
	classes int
	lengths [blockCount]float32 // of the blocks of every sample
	vocab   map[uint64]int32    // feature hash -> row
	idf     []float32           // per row
	weight  []float32           // rows x classes; the last row is the bias
}

// sample is one vectorised text: rows in ascending order, with values.
type sample struct {
	row   []int32
	value []float32
}

const (
	biasValue = 0.6 // value of the constant feature
	penalty   = 2.0 // C of the squared hinge loss
	epochs    = 12
)

// newVocabulary numbers the features of a collection of texts. A character n-gram must occur in two texts to count.
// It returns the idf weights ln((1+n)/(1+df))+1 per row.
func newVocabulary(docs [][]feature) (map[uint64]int32, []float32) {
	df := map[uint64]int32{}
	block := map[uint64]uint8{}
	var order []uint64
	for _, doc := range docs {
		for i, f := range doc { // doc is sorted by hash: equal features are neighbours
			if i > 0 && doc[i-1].hash == f.hash {
				continue
			}
			if df[f.hash] == 0 {
				order = append(order, f.hash)
				block[f.hash] = f.block
			}
			df[f.hash]++
		}
	}
	vocab := make(map[uint64]int32, len(order))
	var idf []float32
	for _, h := range order {
		if block[h] == blockChar && df[h] < 2 {
			continue
		}
		vocab[h] = int32(len(idf))
		idf = append(idf, float32(math.Log(float64(1+len(docs))/float64(1+df[h]))+1))
	}
	return vocab, idf
}

func sortFeatures(f []feature) {
	slices.SortFunc(f, func(a, b feature) int {
		if a.hash < b.hash {
			return -1
		}
		if a.hash > b.hash {
			return 1
		}
		return 0
	})
}

// vectorise turns features sorted by hash into a sample: (1+ln tf)·idf, each block brought to its length, and the bias.
func (m *linear) vectorise(doc []feature, s *sample) {
	s.row, s.value = s.row[:0], s.value[:0]
	var square [blockCount]float32
	var blocks [512]uint8
	kind := blocks[:0]
	for i := 0; i < len(doc); {
		f := doc[i]
		tf := f.count
		for i++; i < len(doc) && doc[i].hash == f.hash; i++ {
			tf += doc[i].count
		}
		row, ok := m.vocab[f.hash]
		if !ok {
			continue
		}
		if tf > 1 {
			tf = 1 + float32(math.Log(float64(tf)))
		}
		v := tf * m.idf[row]
		square[f.block] += float32(v * v)
		s.row, s.value, kind = append(s.row, row), append(s.value, v), append(kind, f.block)
	}
	var scale [blockCount]float32
	for b, q := range square {
		if q > 0 {
			scale[b] = m.lengths[b] / float32(math.Sqrt(float64(q)))
		}
	}
	for i, b := range kind {
		s.value[i] *= scale[b]
	}
	s.row, s.value = append(s.row, int32(len(m.idf))), append(s.value, biasValue)
}

// margins writes the decision value of every class for a sample.
func (m *linear) margins(s *sample, out []float32) {
	clear(out)
	k := m.classes
	for i, row := range s.row {
		v, w := s.value[i], m.weight[int(row)*k:int(row)*k+k]
		for c, x := range w {
			out[c] += float32(v * x)
		}
	}
}

// fit learns the weights by dual coordinate descent on the L2-regularised squared hinge loss of every class against
// the rest (Hsieh and others, ICML 2008, algorithm 1), all classes at once because they read the same rows. Visiting
// order comes from a fixed generator: equal input gives equal weights. The loss of a class's own examples counts up to
// four times more, by the square root of its rarity.
func fit(vocab map[uint64]int32, idf []float32, xs []sample, ys []int, classes int) *linear {
	m := &linear{classes: classes, vocab: vocab, idf: idf, weight: make([]float32, (len(idf)+1)*classes)}
	count := make([]float64, classes)
	for _, y := range ys {
		count[y]++
	}
	diagPos := make([]float32, classes)
	for c := range diagPos {
		boost := math.Sqrt(float64(len(ys)) / (float64(classes) * max(count[c], 1)))
		boost = min(max(boost, 1), 4) * min(4, math.Sqrt(float64(classes)))
		diagPos[c] = float32(1 / (2 * penalty * boost))
	}
	const diagNeg = float32(1 / (2 * penalty))
	alpha := make([]float32, len(xs)*classes)
	square := make([]float32, len(xs))
	for i := range xs {
		for _, v := range xs[i].value {
			square[i] += float32(v * v)
		}
	}
	order := make([]int, len(xs))
	for i := range order {
		order[i] = i
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	margin := make([]float32, classes)
	step := make([]float32, classes)
	active := make([]int, 0, classes)
	for range epochs {
		rnd.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		largest := float32(0)
		for _, i := range order {
			m.margins(&xs[i], margin)
			active = active[:0]
			for c := range margin {
				y, diag := float32(-1), diagNeg
				if ys[i] == c {
					y, diag = 1, diagPos[c]
				}
				a := alpha[i*classes+c]
				g := float32(y*margin[c]) - 1 + float32(a*diag)
				if a == 0 && g >= 0 {
					continue
				}
				next := max(a-g/(square[i]+diag), 0)
				if d := next - a; d > 1e-4 || d < -1e-4 {
					alpha[i*classes+c] = next
					step[c] = d * y
					active = append(active, c)
					largest = max(largest, d, -d)
				}
			}
			if len(active) == 0 {
				continue
			}
			for j, row := range xs[i].row {
				v, w := xs[i].value[j], m.weight[int(row)*classes:int(row)*classes+classes]
				for _, c := range active {
					w[c] += float32(v * step[c])
				}
			}
		}
		if largest < 0.01 {
			break
		}
	}
	return m
}

// calibration turns margins into probabilities: softmax(scale·margin), with an offset for one class (that of None).
type calibration struct {
	scale, offset float64
	class         int // index of the class with the offset, -1 for none
}

// apply writes probabilities that sum to 1.
func (k calibration) apply(margin []float32, out []float64) {
	top := math.Inf(-1)
	for c, m := range margin {
		out[c] = k.scale * float64(m)
		if c == k.class {
			out[c] += k.offset
		}
		top = max(top, out[c])
	}
	sum := 0.0
	for c := range out {
		out[c] = math.Exp(out[c] - top)
		sum += out[c]
	}
	for c := range out {
		out[c] /= sum
	}
}

// parts is the number of folds of the cross-validation.
const parts = 4

// calibrate finds the calibration by cross-validation: margins of each example come from a model that did not see it.
// Folds are dealt out within each class in input order, so they do not depend on chance.
func calibrate(vocab map[uint64]int32, idf []float32, xs []sample, ys []int, classes, offsetClass int) calibration {
	fold := make([]int, len(ys))
	seen := make([]int, classes)
	for i, y := range ys {
		fold[i] = seen[y] % parts
		seen[y]++
	}
	margin := make([][]float32, len(xs))
	var wg sync.WaitGroup
	slots := make(chan struct{}, max(1, min(parts, runtime.GOMAXPROCS(0))))
	for f := range parts {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var tx []sample
			var ty []int
			for i := range xs {
				if fold[i] != f {
					tx, ty = append(tx, xs[i]), append(ty, ys[i])
				}
			}
			if len(tx) == 0 {
				return
			}
			m := fit(vocab, idf, tx, ty, classes)
			for i := range xs {
				if fold[i] == f {
					margin[i] = make([]float32, classes)
					m.margins(&xs[i], margin[i])
				}
			}
		})
	}
	wg.Wait()
	k := calibration{scale: 4, class: offsetClass}
	p := make([]float64, classes)
	loss := func(scale, offset float64) float64 {
		sum := 0.0
		c := calibration{scale: scale, offset: offset, class: offsetClass}
		for i, m := range margin {
			if m != nil {
				c.apply(m, p)
				sum -= math.Log(max(p[ys[i]], 1e-12))
			}
		}
		return sum
	}
	for range 3 {
		k.scale = goldenSection(0.2, 20, func(s float64) float64 { return loss(s, k.offset) })
		if offsetClass >= 0 {
			k.offset = goldenSection(-4, 4, func(o float64) float64 { return loss(k.scale, o) })
		}
	}
	return k
}

// goldenSection returns where f, unimodal between a and b, is least.
func goldenSection(a, b float64, f func(float64) float64) float64 {
	const r = 0.6180339887498949
	x, y := b-r*(b-a), a+r*(b-a)
	fx, fy := f(x), f(y)
	for range 16 {
		if fx < fy {
			b, y, fy = y, x, fx
			x = b - r*(b-a)
			fx = f(x)
		} else {
			a, x, fx = x, y, fy
			y = a + r*(b-a)
			fy = f(y)
		}
	}
	return (a + b) / 2
}
