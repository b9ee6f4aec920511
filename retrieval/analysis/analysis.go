// Package analysis turns text into what the lexical index counts: words, reduced to their stems in the language of the
// text, and character n-grams, which meet again when a word is misspelt, compounded or inflected in a way that no
// stemmer knows.
//
// It reads text of any script: marks belong to their letters (Hindi, Thai), scripts without spaces are cut into
// overlapping pairs, accents are folded away after stemming. It never guesses the language: the caller names it, and an
// unknown one gets everything but stems and stop words.
package analysis

import (
	"embed"
	"strings"
	"sync"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/porter"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/tamil"
	"github.com/blevesearch/snowballstem/turkish"
)

// Version names the rules of this package. Whatever is derived from them and stored, such as the vectors of the
// built-in embedder, carries it in its own name.
const Version = 1

// The lists hold function words, question words and auxiliaries: those of the Snowball project (BSD-3-Clause) with the
// question words added, because a question's "how much" is rare in articles and would weigh as if it meant something.
//
//go:embed stop/*.txt
var stopFiles embed.FS

var stemmers = map[string]func(*snowballstem.Env) bool{
	"ar": arabic.Stem, "da": danish.Stem, "de": german.Stem, "en": english.Stem, "es": spanish.Stem, "fi": finnish.Stem,
	"fr": french.Stem, "hu": hungarian.Stem, "it": italian.Stem, "nl": dutch.Stem, "no": norwegian.Stem,
	"pt": portuguese.Stem, "ro": romanian.Stem, "ru": russian.Stem, "sv": swedish.Stem, "ta": tamil.Stem, "tr": turkish.Stem,
}

// Word is one token of a text.
type Word struct {
	Surface string // as written, in lower case, accents kept; what n-grams and spelling look at
	Stem    string // folded stem, what is counted; empty for a stop word
	Pair    bool   // a pair of characters of a script that has no spaces: neither stemmed nor corrected
}

// Analyzer analyses text of one language. It is safe for concurrent use.
type Analyzer struct {
	language string
	stop     map[string]struct{}
	stem     func(*snowballstem.Env) bool
	elision  bool // l'argent is two words
}

var (
	analyzersMu sync.Mutex
	analyzers   = map[string]*Analyzer{}
)

// For returns the analyzer of a locale's language: "de", "de-AT" and "de_CH" share one.
func For(locale string) *Analyzer {
	language := Language(locale)
	analyzersMu.Lock()
	defer analyzersMu.Unlock()
	a := analyzers[language]
	if a == nil {
		a = &Analyzer{language: language, stop: stopWords(language), stem: stemmers[language]}
		a.elision = language == "fr" || language == "it" || language == "ca"
		if len(analyzers) < 200 { // locales come from requests; what lies beyond the languages there are is not kept
			analyzers[language] = a
		}
	}
	return a
}

// Language reduces a locale to its language: the first subtag in lower case, with the Norwegians as one.
func Language(locale string) string {
	if i := strings.IndexAny(locale, "-_"); i >= 0 {
		locale = locale[:i]
	}
	switch locale = strings.ToLower(locale); locale {
	case "nb", "nn":
		return "no"
	}
	return locale
}

func stopWords(language string) map[string]struct{} {
	stop := map[string]struct{}{}
	data, err := stopFiles.ReadFile("stop/" + language + ".txt")
	if err != nil {
		return stop // a language without a list: rare words still weigh most
	}
	for _, w := range strings.Fields(string(data)) {
		stop[Fold(w)] = struct{}{}
	}
	return stop
}

// lucene holds the 33 English stop words of Lucene's EnglishAnalyzer, with which published BM25 figures are made.
const lucene = `a an and are as at be but by for if in into is it no not of on or such that the their then there these
	they this to was will with`

// Classic returns the analyzer behind published BM25 baselines: Porter's first stemmer and Lucene's stop words. Serving
// never uses it; evaluation does, to show that the index counts as the literature does.
func Classic() *Analyzer {
	stop := map[string]struct{}{}
	for _, w := range strings.Fields(lucene) {
		stop[w] = struct{}{}
	}
	return &Analyzer{language: "en", stop: stop, stem: porter.Stem}
}

// Words calls yield for each token of the text in order, stop words included (their Stem is empty).
func (a *Analyzer) Words(text string, yield func(Word)) {
	env := snowballstem.NewEnv("")
	a.Tokens(text, func(surface string, pair bool) {
		yield(Word{Surface: surface, Stem: a.reduce(env, surface, pair), Pair: pair})
	})
}

// Stem returns what is counted for a token: its folded stem, or nothing for a stop word.
func (a *Analyzer) Stem(surface string, pair bool) string {
	if pair {
		return surface
	}
	return a.reduce(nil, surface, pair)
}

func (a *Analyzer) reduce(env *snowballstem.Env, surface string, pair bool) string {
	if pair {
		return surface
	}
	folded := Fold(surface)
	if _, ok := a.stop[folded]; ok {
		return ""
	}
	if a.stem == nil || hasDigit(surface) {
		return folded
	}
	if env == nil {
		env = snowballstem.NewEnv("")
	}
	env.SetCurrent(surface)
	a.stem(env)
	if s := Fold(env.Current()); s != "" {
		return s
	}
	return folded
}

func hasDigit(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			return true
		}
	}
	return false
}
