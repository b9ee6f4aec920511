package evaluate

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"unicode"
)

// longWord is the number of letters from which a word is long enough to be misspelt and still meant.
const longWord = 5

// Misspell returns the text with one mistake in a share of its long words: two letters swapped, one left out, one
// doubled, or one replaced. The same text, share and seed give the same mistakes.
func Misspell(text string, share float64, seed string) string {
	if share <= 0 {
		return text
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed + "\x00" + text)) // never fails
	random := rand.New(rand.NewPCG(h.Sum64(), 1))
	words := strings.Split(text, " ")
	for i, w := range words {
		letters := []rune(w)
		if len(letters) < longWord || !allLetters(letters) || random.Float64() >= share {
			continue
		}
		at := 1 + random.IntN(len(letters)-2) // neither the first letter nor the last, where mistakes are rare
		switch random.IntN(4) {
		case 0:
			letters[at], letters[at+1] = letters[at+1], letters[at]
		case 1:
			letters = append(letters[:at], letters[at+1:]...)
		case 2:
			letters = append(letters[:at+1], letters[at:]...)
		default:
			letters[at] = 'a' + rune(random.IntN(26))
		}
		words[i] = string(letters)
	}
	return strings.Join(words, " ")
}

// allLetters says whether a word is in a script where letters are typed one by one; punctuation at its end is allowed.
func allLetters(word []rune) bool {
	for i, r := range word {
		if !unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic) && (i < len(word)-1 || !unicode.IsPunct(r)) {
			return false
		}
	}
	return true
}
