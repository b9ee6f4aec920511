package retrieval

import (
	"math"
	"slices"

	"github.com/google/uuid"

	"github.com/firstline/firstline/retrieval/analysis"
)

// Confidence is the probability that the best article answers the question, given that some article does: a logistic
// model over how far the best article stands out among those that were found, by its score and by its best sentence, and
// over how nearly its title asks the same.
//
// The weights were fitted on ten public question sets in three languages, each set weighing the same. With the set and its
// relatives left out, the AUROC is 0.83 to 0.96 on nine of them; on the tenth, whose answers are near-duplicates of which
// one counts, it is 0.78, and weights fitted on that set alone reach no more. The expected calibration error, left out, is
// 0.04 to 0.12: how often questions of a kind have their answer found differs between companies at equal features, so
// a company's own labels calibrate it better than any constant.
func (f Features) Confidence() float64 {
	switch {
	case f.Candidates == 0:
		return 0
	case f.Share == 0:
		return f.formerConfidence()
	}
	return confidence.of(f.Share, f.SentenceMargin, f.PhraseMargin, f.Title)
}

// Answerable is the probability that any article answers the question at all: a logistic model over what the question's
// words add up to in the best article, counted in rarest terms, and over which share of the question's n-grams that article has.
// The first knows that a rare word says more than a common one, and three more than one; the second forgives misspelling,
// and tells of words that the article lacks.
//
// The weights were fitted on thirteen public sets, each weighing the same: three with labelled questions out of scope, ten
// made by asking questions after their article was taken away, or questions of another subject. Left out, the AUROC is 0.91
// and 0.83 on labelled questions of any kind, 0.71 on labelled ones near the articles' subject, 0.75 on those whose article
// was taken away and 0.98 on those of another subject. Questions near the subject are hardly told apart, because articles
// that do not answer them have their words: that takes a model that reads. The constant presumes that three of four
// questions have an article.
func (f Features) Answerable() float64 {
	switch {
	case f.Candidates == 0:
		return 0
	case f.Share == 0:
		return f.formerAnswerable()
	}
	return answerable.of(math.Log1p(f.Words), f.Grams)
}

// logistic is a model's constant, then the weights of its inputs in their order.
type logistic []float64

var (
	confidence = logistic{-2.88, 5.62, 2.53, 0.98, 0.97}
	answerable = logistic{-2.08, 2.70, 2.70}
)

func (w logistic) of(inputs ...float64) float64 {
	sum := w[0]
	for i, x := range inputs {
		sum += w[i+1] * x
	}
	return 1 / (1 + math.Exp(-sum))
}

// formerConfidence and formerAnswerable judge features that were recorded before Share was among them, as they were judged
// then, so that old decisions are still explained by the numbers that made them.
func (f Features) formerConfidence() float64 {
	return 1 / (1 + math.Exp(2.43-10.68*f.Margin-0.89*f.Coverage-1.08*f.Agreement))
}

func (f Features) formerAnswerable() float64 {
	return 1 / (1 + math.Exp(-0.94-2.21*f.LexTop+3.11*f.UnknownTerms))
}

// shareTemperature is by how much a score must be lower to count e times less in Features.Share. From 0.08 to 0.2 the
// share orders questions alike.
const shareTemperature = 0.12

// features describes a result.
func (s *Searcher) features(l *lexicalResult, f fetched, x *index, q *Query, sc *scope, weight float64) Features {
	out := Features{QueryTerms: l.terms, UnknownTerms: l.unknown, Candidates: f.candidates}
	if len(f.passages) == 0 {
		return out
	}
	out.LexTop, out.Words, out.Grams = l.top, l.words, l.grams
	out.DenseTop = min(max(f.topCosine, 0), 1)
	out.Top = (1-weight)*out.LexTop + weight*out.DenseTop
	out.Margin = f.articles[0].Score
	if len(f.articles) > 1 {
		out.Margin -= f.articles[1].Score
	}
	out.Share = share(f.articles)
	best := f.passages[0]
	seen := x.examine(best.ID, l.queries)
	out.Coverage, out.Title = seen.coverage, seen.title
	var covered, phrase float32
	for i := range l.candidates {
		if c := &l.candidates[i]; c.article != best.ArticleID {
			covered, phrase = max(covered, c.covered), max(phrase, c.phrase)
		}
	}
	out.SentenceMargin = float64(seen.covered - covered)
	out.PhraseMargin = float64(seen.phrase - phrase)
	out.OtherReader = best.Audience != sc.audiences[0]
	out.LocaleMatch = analysis.Language(best.Locale) == analysis.Language(sc.locales[0])
	out.OfArticle = 0.5
	for _, p := range f.passages[1:] {
		if p.VersionID == best.VersionID {
			out.OfArticle = best.Score - p.Score
			break
		}
	}
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
	out.Outside = float64(l.outside)
	if weight > 0 {
		out.Agreement = agreement(f.articles)
	}
	return out
}

// share returns the first article's share of all when each counts e to the power of its score over shareTemperature.
func share(articles []ArticleScore) float64 {
	sum := 0.0
	for _, a := range articles {
		sum += math.Exp((a.Score - articles[0].Score) / shareTemperature)
	}
	return 1 / sum
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
