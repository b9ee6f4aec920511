package retrieval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/firstline/firstline/kb"
)

// oracle embeds by what a text is about, as a model with a sense for it would: one dimension for each group of words that
// mean the same. The built-in embedder sees no likeness between them.
type oracle [][]string

func (o oracle) Embed(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, len(o)+1)
		v[len(o)] = 0.05 // never a vector of nothing
		for k, words := range o {
			for _, w := range words {
				v[k] += float32(strings.Count(strings.ToLower(text), w))
			}
		}
		out[i] = v
	}
	return out, nil
}

// synonyms are what an article says, what customers say for it, and what misleads whoever looks at the words alone.
var synonyms = oracle{
	{"refund", "reimbursement"}, {"late", "overdue"}, {"close", "terminate"}, {"address", "residence"}, {"payment", "remittance"},
	{"password", "credentials"}, {"limit", "ceiling"}, {"shop", "retailer"}, {"parcel", "shipment"}, {"month", "instalment"},
}

// fitted publishes an article for each subject. Its words also stand in the article before it, so that words alone lead to
// that as often.
func fitted(t *testing.T, embedder Embedder, model string) (*Searcher, []Pair) {
	t.Helper()
	b := setup(t)
	var docs []kb.Document
	for i, s := range synonyms {
		docs = append(docs, kb.Document{Slug: s[0], Title: "About " + s[0], Markdown: fmt.Sprintf("All on the %s in order %d.", s[0], i)})
	}
	b.publish(t, docs...)
	searcher := New(b.pool, embedder, Options{Model: model})
	if err := searcher.Embed(b.ctx); err != nil {
		t.Fatal(err)
	}
	var pairs []Pair
	for i, s := range synonyms {
		for k := range 4 {
			other := synonyms[(i+k+1)%len(synonyms)]
			// What is asked for is said in a customer's word; the article of another subject has the rest.
			text := fmt.Sprintf("%s %s about order %d", s[1], s[1], (i+k+1)%len(synonyms))
			if k == 3 {
				text = other[0] + " " + s[1] + " " + s[1]
			}
			pairs = append(pairs, Pair{Query: Query{Text: text, Locale: "en", Audience: kb.Consumer}, Slug: s[0]})
		}
	}
	return searcher, pairs
}

func TestABetterModelWeighsMore(t *testing.T) {
	t.Parallel()
	weak, pairs := fitted(t, nil, "")
	before, err := weak.FitWeight(t.Context(), pairs)
	if err != nil {
		t.Fatal(err)
	}
	strong, pairs := fitted(t, synonyms, "oracle")
	after, err := strong.FitWeight(t.Context(), pairs)
	if err != nil {
		t.Fatal(err)
	}
	if after.Weight <= before.Weight || after.Weight <= after.Default || after.Model != "oracle" || after.Pairs != len(pairs) {
		t.Errorf("weight %v of the built-in embedder, %v of a better model (%v without a fit)", before.Weight, after.Weight, after.Default)
	}
	at := func(f WeightFit, weight float64) float64 {
		for _, p := range f.Curve {
			if p.Weight == weight {
				return p.MRR
			}
		}
		t.Fatalf("%v was not tried", weight)
		return 0
	}
	if at(after, after.Weight) <= at(after, after.Default) {
		t.Errorf("the fitted weight is no better than the default: %+v", after.Curve)
	}

	// What was fitted changes what is found once it is set.
	set := New(strong.pool, synonyms, Options{Model: "oracle", Weight: after.Weight})
	right := func(s *Searcher) (n int) {
		for _, p := range pairs {
			if r := search(t, s, p.Query); len(r.Articles) > 0 && r.Articles[0].Slug == p.Slug {
				n++
			}
		}
		return n
	}
	if a, b := right(strong), right(set); b <= a {
		t.Errorf("%d of %d right with the default weight, %d with the fitted one", a, len(pairs), b)
	}
}

func TestFitNeedsQuestions(t *testing.T) {
	t.Parallel()
	s, pairs := fitted(t, nil, "")
	if _, err := s.FitWeight(t.Context(), pairs[:leastPairs-1]); !errors.Is(err, ErrFewPairs) {
		t.Errorf("error %v", err)
	}
}

// Chance moves nothing: of weights that are as good, the default stays; a difference that is sure moves it.
func TestNearestWeight(t *testing.T) {
	const n = 100
	ranks := make([][]float64, weightSteps-1)
	for i := range ranks {
		ranks[i] = make([]float64, n)
		for k := range ranks[i] {
			ranks[i][k] = 0.5
		}
	}
	ranks[15][0], ranks[15][1], ranks[15][2] = 1, 1, 0.1 // better by luck
	if got := nearest(ranks, 15, 0.5); got != 9 {
		t.Errorf("weight %v, want the default", float64(got+1)/weightSteps)
	}
	for k := range 50 {
		ranks[15][k], ranks[14][k] = 1, 1
	}
	if got := nearest(ranks, 15, 0.5); got != 14 {
		t.Errorf("weight %v, want the nearest of the two that are better", float64(got+1)/weightSteps)
	}
}
