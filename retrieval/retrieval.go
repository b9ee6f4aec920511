// Package retrieval finds the passages of the help centre that answer a question. Two legs look for them: an inverted
// index in this process (words in the title and in the whole article, character n-grams) and the nearest vectors in
// PostgreSQL. One statement joins both, decides what may be read at this moment, ranks, and brings the texts.
//
// It never decides whether a question should be answered, never writes articles and never calls a language model other
// than the embedding model that it is given. What an article may be read by is decided by the statement alone: an index
// that is a moment behind costs a better answer at worst, never a wrong one, and notices by the revision that comes back.
package retrieval

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Query asks for passages.
type Query struct {
	Text     string // the question
	Context  string // terms of earlier turns that the question leans on; they count less. May be empty
	Market   string // "" finds only articles that are for every market
	Locale   string // of the customer; articles in it come before those in the source locale
	Audience string // "consumer" or "merchant"; merchants also find consumer articles, after their own
	Limit    int    // passages wanted; 6 when not positive

	// Reader also finds articles that the assistant must not quote: for the search of the help centre, which people read.
	Reader bool

	// Words leaves the vectors out: for what is asked at every keystroke, which no embedding model should be.
	Words bool
}

// Passage is a section of a published article with its scores.
type Passage struct {
	ID                        int64
	ArticleID, VersionID      uuid.UUID
	Version                   int
	Slug, Variant, Collection string
	Title, Description        string
	Locale, Audience          string
	Headings                  []string // path below the title
	Anchor                    string
	Markdown, Text            string
	Lead                      string // of the best passage only: the Markdown that stands above the article's first heading, where that is another passage
	ReviewOn                  *time.Time
	PublishedAt               time.Time
	Score                     float64 // fused, 0..1; the best is near 1 when both legs agree on it
	Lexical                   float64 // 0..1, 1 for the best of the lexical leg
	Dense                     float64 // 0..1, 1 for the best of the dense leg
	Cosine                    float64 // of the question and the passage, as measured; 0 when there is no vector
}

// ArticleScore is the score of an article: that of its best passage.
type ArticleScore struct {
	ID                    uuid.UUID
	Slug, Variant, Locale string
	Score, Lexical, Dense float64
}

// Features describe a result in numbers that say something about whether it is right. All are 0 when nothing was found.
type Features struct {
	Top          float64 `json:"top"`                    // how much of the question the best article holds: LexTop and DenseTop, mixed as the score is
	Margin       float64 `json:"margin"`                 // by how much the best article's score is above the second's, 0..1
	Coverage     float64 `json:"coverage"`               // idf-weighted share of the question's terms that the best passage or its title has, 0..1
	Agreement    float64 `json:"agreement"`              // share of the lexical leg's best five articles that are among the dense leg's, 0..1
	LexTop       float64 `json:"lex_top"`                // best lexical score as a share of what the question could reach, 0..1
	DenseTop     float64 `json:"dense_top"`              // best cosine, 0..1
	Candidates   int     `json:"candidates"`             // passages that were compared
	LocaleMatch  bool    `json:"locale_match"`           // the best passage is in the customer's language
	OtherReader  bool    `json:"other_reader,omitempty"` // the best passage is written for another audience than the customer's own
	QueryTerms   int     `json:"query_terms"`            // distinct terms of the question without stop words
	UnknownTerms float64 `json:"unknown_terms"`          // idf-weighted share of them that no article has, 0..1
	Ask          float64 `json:"ask,omitempty"`          // how near the question comes to one that customers ask the best article with, 0..1
	AskSection   float64 `json:"ask_section,omitempty"`  // the same, of those asked of the best passage
	OfArticle    float64 `json:"of_article,omitempty"`   // by how much the best passage's score is above the next of its article's, 0.5 when there is no other, 0..1
	AskMargin    float64 `json:"ask_margin,omitempty"`   // by how much nearer than to those of any other article, -1..1
	Outside      float64 `json:"outside,omitempty"`      // how near the question comes to one of an article that the assistant must not quote, 0..1

	// Features that were recorded before these were added have none of them: there Share is 0.
	Share          float64 `json:"share,omitempty"`           // of the best article among the best ten, see shareTemperature; above 0, at most 1
	SentenceMargin float64 `json:"sentence_margin,omitempty"` // share of the question's idf in the best passage's best sentence, less that in any other article's, -1..1
	PhraseMargin   float64 `json:"phrase_margin,omitempty"`   // the same for the question's pairs of neighbouring words, -1..1
	Title          float64 `json:"title,omitempty"`           // how nearly the best article's title asks what the question asks, 0..1
	Words          float64 `json:"words,omitempty"`           // BM25 sum of the article that is best by words over the idf of a term that one article has; 0 and up
	Grams          float64 `json:"grams,omitempty"`           // of the same: share of what it could reach by n-grams, 0..1
}

// Result is what was found. No passages means that nothing was found; that retrieval failed is an error instead.
type Result struct {
	Passages []Passage      // descending by score
	Articles []ArticleScore // the best ten, descending
	Features Features
	Revision int64         // of the knowledge base that was searched
	Model    string        // embedding model; "" when the dense leg took no part
	Degraded string        // why a leg took no part, for the record; "" when both did
	Took     time.Duration // all of it
	Lexical  time.Duration // of which in the lexical leg, beside which the question is embedded
	Embed    time.Duration
}

// Embedder turns texts into vectors, one for each in order, all of one length. internal/llm has one for any
// OpenAI-compatible server; Builtin needs no model.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}
