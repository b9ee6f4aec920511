package retrieval

import (
	"slices"
	"unicode/utf8"

	"github.com/firstline/firstline/retrieval/analysis"
)

// vocabulary holds the words of a partition as they are written, with what the index counts for them, and finds the
// known words that an unknown one may be a misspelling of.
type vocabulary struct {
	words map[string]*word
	// near leads from every word, and every word with one character left out, to the words themselves: two words one
	// edit apart share such a form. Forms of words that are gone stay until the index is loaded anew and lead nowhere.
	near map[uint64][]string
}

type word struct {
	term      uint64 // hash of the stem, 0 for a stop word
	grams     []uint64
	documents int // in how many documents the word occurs
	pair      bool
}

var stopWord = &word{}

func newVocabulary() vocabulary {
	return vocabulary{words: map[string]*word{}, near: map[uint64][]string{}}
}

// analyse returns what is counted for a word that is not in the vocabulary.
func (v *vocabulary) analyse(a *analysis.Analyzer, surface string, pair bool) *word {
	stem := a.Stem(surface, pair)
	if stem == "" {
		return stopWord
	}
	w := &word{pair: pair}
	w.term = analysis.Hash(stem)
	analysis.Grams(analysis.Fold(surface), pair, func(g uint64) { w.grams = append(w.grams, g) })
	return w
}

// add counts one more document that has the word.
func (v *vocabulary) add(surface string, w *word) {
	if _, known := v.words[surface]; !known {
		v.words[surface] = w
		if !w.pair && correctable(surface) {
			forms(analysis.Fold(surface), func(form uint64) {
				if l := v.near[form]; !slices.Contains(l, surface) {
					v.near[form] = append(l, surface)
				}
			})
		}
	}
	w.documents++
}

func (v *vocabulary) remove(surface string) {
	if w := v.words[surface]; w != nil {
		if w.documents--; w.documents == 0 {
			delete(v.words, surface)
		}
	}
}

// correctable says whether a word is long enough that one edit leaves it recognisable, and is no number.
func correctable(surface string) bool {
	for i := 0; i < len(surface); i++ {
		if surface[i] >= '0' && surface[i] <= '9' {
			return false
		}
	}
	return utf8.RuneCountInString(surface) >= 4
}

// forms yields the hash of the word and of each form of it with one character left out.
func forms(folded string, yield func(uint64)) {
	yield(analysis.Hash(folded))
	buf := make([]byte, 0, 64)
	for i := 0; i < len(folded); {
		_, n := utf8.DecodeRuneInString(folded[i:])
		buf = append(append(buf[:0], folded[:i]...), folded[i+n:]...)
		yield(analysis.Hash(string(buf)))
		i += n
	}
}

// correct returns the known words that are one edit (a character put in, left out, replaced, or two neighbours swapped)
// from an unknown one, those of the most documents first, at most limit.
func (v *vocabulary) correct(surface string, limit int) []*word {
	if !correctable(surface) {
		return nil
	}
	folded := analysis.Fold(surface)
	type candidate struct {
		surface string
		w       *word
	}
	var found []candidate
	forms(folded, func(form uint64) {
		for _, s := range v.near[form] {
			w := v.words[s]
			if w == nil || w.term == 0 || !oneEdit([]rune(folded), []rune(analysis.Fold(s))) {
				continue
			}
			if !slices.ContainsFunc(found, func(c candidate) bool { return c.surface == s }) {
				found = append(found, candidate{s, w})
			}
		}
	})
	slices.SortFunc(found, func(a, b candidate) int {
		if a.w.documents != b.w.documents {
			return b.w.documents - a.w.documents
		}
		if a.surface < b.surface {
			return -1
		}
		return 1
	})
	words := make([]*word, 0, limit)
	for _, c := range found {
		if len(words) < limit && !slices.ContainsFunc(words, func(w *word) bool { return w.term == c.w.term }) {
			words = append(words, c.w)
		}
	}
	return words
}

// oneEdit says whether two words are at most one edit apart.
func oneEdit(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return slices.Equal(a[i:], b[i+1:])
	}
	if i >= len(a)-1 {
		return true
	}
	return slices.Equal(a[i+1:], b[i+1:]) ||
		a[i] == b[i+1] && a[i+1] == b[i] && slices.Equal(a[i+2:], b[i+2:])
}
