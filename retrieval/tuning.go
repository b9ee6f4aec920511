package retrieval

// tuning holds the constants of lexical scoring and fusion. They were chosen on public question sets of several kinds
// (see docs of the eval command), are the same for every installation, and are few on purpose.
type tuning struct {
	K1, B         float64 // BM25
	TitleWeight   float64 // of a word in the title, beside what it counts in the whole
	GramWeight    float64 // share of the n-gram leg in the lexical score, the rest is the words'
	ContextWeight float64 // of a term that stands only in the question's context
	Correction    float64 // weight of a known word in place of an unknown one that is one edit away
	SectionWeight float64 // how much a section's own words and heading decide within its article
	HeadingWeight float64 // share of the heading in that
	Sentence      float64 // what the best sentence adds to the best article's score of 1, at most
	Phrase        float64 // the same of the question's neighbouring words
	DenseWeight   float64 // share of the dense leg in the fused score with the built-in embedder, which adds little of its own
	ModelWeight   float64 // the same with an embedding model
	AskWeight     float64 // of the nearest of the questions that customers ask an article with (how near, squared), beside the words and n-grams, which together count at most 1
	AskSection    float64 // the same within an article, of the nearest question that is asked of a section
	OtherLocale   float64 // factor for articles in the source language where the customer's was wanted
	OtherAudience float64 // factor for consumer articles in a merchant's conversation
}

var serving = tuning{
	K1: 1.2, B: 0.75,
	TitleWeight:   0.5,
	GramWeight:    0.4,
	ContextWeight: 0.4,
	Correction:    0.7,
	SectionWeight: 0.3,
	HeadingWeight: 0.5,
	Sentence:      0.4,
	Phrase:        0.15,
	DenseWeight:   0.2,
	ModelWeight:   0.5,
	AskWeight:     1.5,
	AskSection:    1,
	OtherLocale:   0.85,
	OtherAudience: 0.85,
}
