package triage

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/firstline/firstline/internal/fault"
)

// codeVersion goes into Hash: raise it when the same examples would give other scores.
const codeVersion = "triage/13"

// Score is the probability that a message is about a topic. Start and End are the byte offsets of the part of the
// message that says so; Classify always gives the whole. Priority is the topic's, 0 for None and for labels.
type Score struct {
	Topic    string  `json:"topic"`
	P        float64 `json:"p"`
	Priority int     `json:"priority"`
	Start    int     `json:"start"` // byte offsets in the message
	End      int     `json:"end"`
}

// Classifier gives the probabilities of topics, or of any labels. It is immutable and safe for concurrent use.
type Classifier struct {
	labels   []string // None first if present
	priority []int
	model    *linear
	cal      calibration
	hash     string
	scratch  sync.Pool
}

//go:embed background.txt
var backgroundFile string

// background are texts that are no desk's matter, or none to hurry for.
var background = readBackground(backgroundFile)

func readBackground(file string) []string {
	var out []string
	for line := range strings.Lines(file) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			_, text, _ := strings.Cut(line, ": ")
			out = append(out, text)
		}
	}
	return out
}

// scratch is the working memory of one classification.
type scratch struct {
	features []feature
	sample   sample
	margin   []float32
	p        []float64
}

// Train learns topics from their own examples and the examples of no topic, all languages in one model, and calibrates
// the probabilities by cross-validation. The background is of no topic, too. The same input gives the same weights bit
// for bit. It fails when there are fewer than two labels.
func Train(topics []Topic, none map[string][]string) (*Classifier, error) {
	labels, priority := []string{None}, []int{0}
	texts := slices.Clone(background)
	ys := make([]int, len(texts))
	for _, l := range sortedKeys(none) {
		for _, s := range none[l] {
			texts, ys = append(texts, s), append(ys, 0)
		}
	}
	for _, t := range topics {
		labels, priority = append(labels, t.Key), append(priority, t.Priority)
		for _, l := range sortedKeys(t.Examples) {
			for _, s := range t.Examples[l] {
				texts, ys = append(texts, s), append(ys, len(labels)-1)
			}
		}
	}
	return train(labels, priority, texts, ys, 0, topicLengths)
}

// Labelled is one example of labelled mode.
type Labelled struct {
	Text, Label string
}

// TrainLabelled learns arbitrary labels, for measuring on labelled sets. It fails when there are fewer than two labels.
func TrainLabelled(examples []Labelled) (*Classifier, error) {
	index := map[string]int{}
	for _, e := range examples {
		index[e.Label] = 0
	}
	labels := sortedKeys(index)
	for i, l := range labels {
		index[l] = i
	}
	texts, ys := make([]string, len(examples)), make([]int, len(examples))
	for i, e := range examples {
		texts[i], ys[i] = e.Text, index[e.Label]
	}
	offset := -1
	if len(labels) == 2 {
		offset = 0
	}
	return train(labels, make([]int, len(labels)), texts, ys, offset, labelLengths)
}

func train(labels []string, priority []int, texts []string, ys []int, offsetClass int, lengths [blockCount]float32) (*Classifier, error) {
	if len(labels) < 2 || len(texts) == 0 {
		return nil, fault.New(fault.Invalid, "too_few_labels", "a classifier needs examples of at least two labels, there are %d", len(labels))
	}
	c := &Classifier{labels: labels, priority: priority}
	docs := make([][]feature, len(texts))
	for i, s := range texts {
		docs[i] = c.document(nil, s, tokenize(s))
	}
	vocab, idf := newVocabulary(docs)
	shell := &linear{classes: len(labels), lengths: lengths, vocab: vocab, idf: idf}
	xs := make([]sample, len(docs))
	for i, d := range docs {
		shell.vectorise(d, &xs[i])
	}
	c.cal = calibrate(vocab, idf, xs, ys, len(labels), offsetClass)
	c.model = fit(vocab, idf, xs, ys, len(labels))
	c.model.lengths = lengths
	c.hash = trainingHash(labels, priority, texts, ys)
	c.scratch.New = func() any {
		return &scratch{margin: make([]float32, len(labels)), p: make([]float64, len(labels))}
	}
	return c, nil
}

// document collects the sorted features of a text.
func (c *Classifier) document(dst []feature, text string, toks []token) []feature {
	dst = features(dst, toks)
	for _, q := range detect(text, toks) {
		dst = append(dst, feature{hashString(seedCue, q.Kind), blockCue, 1})
	}
	sortFeatures(dst)
	return dst
}

// probabilities classifies tokens, which may be a part of the text, and leaves the result in s.p.
func (c *Classifier) probabilities(s *scratch, text string, toks []token) []float64 {
	s.features = c.document(s.features[:0], text, toks)
	c.model.vectorise(s.features, &s.sample)
	c.model.margins(&s.sample, s.margin)
	c.cal.apply(s.margin, s.p)
	return s.p
}

// Classify returns the probability of every topic and of None, greatest first; they sum to 1. A text without any word
// is None with certainty, where None is known.
func (c *Classifier) Classify(text string) []Score {
	s := c.scratch.Get().(*scratch)
	defer c.scratch.Put(s)
	toks := tokenize(text)
	p := c.probabilities(s, text, toks)
	if len(toks) == 0 && c.labels[0] == None {
		clear(p)
		p[0] = 1
	}
	out := make([]Score, len(p))
	for i := range p {
		out[i] = Score{Topic: c.labels[i], P: p[i], Priority: c.priority[i], End: len(text)}
	}
	slices.SortStableFunc(out, byProbability)
	return out
}

// P returns the probability of one topic or label for a text, 0 when the classifier does not know it.
func (c *Classifier) P(text, label string) float64 {
	for _, s := range c.Classify(text) {
		if s.Topic == label {
			return s.P
		}
	}
	return 0
}

// Labels returns the topics or labels that the classifier tells apart.
func (c *Classifier) Labels() []string { return slices.Clone(c.labels) }

func byProbability(a, b Score) int {
	switch {
	case a.P > b.P:
		return -1
	case a.P < b.P:
		return 1
	}
	return strings.Compare(a.Topic, b.Topic)
}

// Hash identifies the training data and the version of this code, to be stored with every decision made by it.
func (c *Classifier) Hash() string { return c.hash }

func trainingHash(labels []string, priority []int, texts []string, ys []int) string {
	h := sha256.New()
	put := func(s string) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		io.WriteString(h, s)
	}
	put(codeVersion)
	put(conceptFile)
	put(backgroundFile)
	put(humanRules)
	put(careRules)
	put(otherRules)
	for i, l := range labels {
		put(l)
		h.Write([]byte{byte(priority[i])})
	}
	for i, s := range texts {
		put(s)
		put(labels[ys[i]])
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// weightsHash digests every weight bit for bit.
func (c *Classifier) weightsHash() string {
	h := sha256.New()
	for _, w := range c.model.weight {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(w))
		h.Write(b[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
