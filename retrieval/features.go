package retrieval

import (
	"math"
	"slices"

	"github.com/google/uuid"

	"github.com/firstline/firstline/retrieval/analysis"
)

// Confidence is the probability that the best article answers the question, given that some article does: a logistic
// model over the margin, the coverage and the agreement of both legs. The weights were fitted on ten public question
// sets, each set weighing the same; left out one at a time, the sets kept an AUROC of 0.74 to 0.94. The other features
// added nothing to these three.
func (f Features) Confidence() float64 {
	if f.Candidates == 0 {
		return 0
	}
	return 1 / (1 + math.Exp(2.43-10.68*f.Margin-0.89*f.Coverage-1.08*f.Agreement))
}

// Answerable is the probability that any article answers the question at all: a logistic model over how much of what the
// question could reach the best article reaches by words, and over the share of its terms that no article has. The
// weights were fitted on two public sets of questions in and out of scope and on the demo's own questions, each weighing
// the same; left out one at a time, the public ones kept an AUROC of 0.79 and 0.87. Questions that are near the articles'
// subject but answered by none are hardly told apart (0.66): that takes a model that reads.
func (f Features) Answerable() float64 {
	if f.Candidates == 0 {
		return 0
	}
	return 1 / (1 + math.Exp(-0.94-2.21*f.LexTop+3.11*f.UnknownTerms))
}

// features describes a result.
func (s *Searcher) features(l *lexicalResult, f fetched, x *index, q *Query, sc *scope, weight float64) Features {
	out := Features{QueryTerms: l.terms, UnknownTerms: l.unknown, Candidates: f.candidates}
	if len(f.passages) == 0 {
		return out
	}
	out.LexTop = l.top
	out.DenseTop = min(max(f.topCosine, 0), 1)
	out.Top = (1-weight)*out.LexTop + weight*out.DenseTop
	out.Margin = f.articles[0].Score
	if len(f.articles) > 1 {
		out.Margin -= f.articles[1].Score
	}
	best := f.passages[0]
	out.Coverage = x.coverage(best.ID, l.queries)
	out.LocaleMatch = analysis.Language(best.Locale) == analysis.Language(sc.locales[0])
	for _, c := range l.candidates {
		if c.passage == best.ID {
			out.AskSection = max(out.AskSection, float64(c.ask))
		}
	}
	other := 0.0
	for article, like := range l.asks {
		if article == best.ArticleID {
			out.Ask = float64(like)
		} else {
			other = max(other, float64(like))
		}
	}
	out.AskMargin = out.Ask - other
	if weight > 0 {
		out.Agreement = agreement(f.articles)
	}
	return out
}

// agreement returns which share of the five articles that are best by words are among the five that are best by vectors.
func agreement(articles []ArticleScore) float64 {
	best := func(score func(ArticleScore) float64) []uuid.UUID {
		sorted := slices.DeleteFunc(slices.Clone(articles), func(a ArticleScore) bool { return score(a) <= 0 })
		slices.SortStableFunc(sorted, func(a, b ArticleScore) int {
			switch {
			case score(a) > score(b):
				return -1
			case score(a) < score(b):
				return 1
			}
			return 0
		})
		ids := make([]uuid.UUID, 0, 5)
		for _, a := range sorted[:min(5, len(sorted))] {
			ids = append(ids, a.ID)
		}
		return ids
	}
	words := best(func(a ArticleScore) float64 { return a.Lexical })
	vectors := best(func(a ArticleScore) float64 { return a.Dense })
	if len(words) == 0 || len(vectors) == 0 {
		return 0
	}
	both := 0
	for _, id := range words {
		if slices.Contains(vectors, id) {
			both++
		}
	}
	return float64(both) / float64(min(5, max(len(words), len(vectors))))
}
