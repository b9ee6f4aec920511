package triage

import (
	_ "embed"
	"math"
	"strings"
)

// The kinds of feature. Each kind is a block of its own: weighted, then brought to the block's length, so that a long
// word with many character n-grams does not drown the words themselves.
const (
	blockWord    = iota // words and pairs of neighbouring words
	blockChar           // character 3- to 5-grams within words, which survive typing errors
	blockConcept        // concepts shared between languages, and pairs of them in order
	blockCue            // cues of Detect; only in labelled mode
	blockCount
)

// Euclidean lengths of the blocks, chosen by cross-validation: over the examples of the demo topics, where a topic has
// a handful of examples per language and concepts carry most of what one language teaches the other, and over a public
// set of 77 intents in one language, where words say nearly all.
var (
	topicLengths = [blockCount]float32{1, 1, 1.2, 0.6}
	labelLengths = [blockCount]float32{1, 1, 0.9, 1.2}
)

// feature is one hashed feature of a text with its raw count.
type feature struct {
	hash  uint64
	block uint8
	count float32
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func hashString(h uint64, s string) uint64 {
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// seed starts the hash of one kind of feature, so that kinds never share a slot.
func seed(kind byte) uint64 { return (fnvOffset ^ uint64(kind)) * fnvPrime }

var seedWord, seedPair, seedChar, seedConcept, seedConceptPair, seedCue = seed(1), seed(2), seed(3), seed(4), seed(5), seed(6)

// shape is the text that a token stands for among the features: numbers are all alike, save for their length.
func shape(t string) string {
	if t[0] >= '0' && t[0] <= '9' {
		digits := 0
		for i := 0; i < len(t); i++ {
			if t[i] >= '0' && t[i] <= '9' {
				digits++
			}
		}
		if digits == len(t) || strings.Trim(t, "0123456789.") == "" {
			if len(t) == 1 {
				return "#"
			}
			return "##"
		}
	}
	return t
}

// features appends the features of tokens to dst. Equal features may occur more than once; the caller adds them up.
func features(dst []feature, toks []token) []feature {
	prev := hashString(seedPair, "^")
	var recent [3]uint16
	nrecent := 0
	for i := range toks {
		if toks[i].before == hardPause {
			nrecent = 0
		}
		w := shape(toks[i].text)
		dst = append(dst, feature{hashString(seedWord, w), blockWord, 1})
		dst = append(dst, feature{hashString(hashString(prev, " "), w), blockWord, 1})
		prev = hashString(seedPair, w)
		dst = charGrams(dst, w)
		ids := conceptsOf(w)
		for _, id := range ids {
			dst = append(dst, feature{(seedConcept ^ uint64(id)) * fnvPrime, blockConcept, 1})
			for k := 0; k < min(nrecent, len(recent)); k++ {
				if recent[k] != id {
					dst = append(dst, feature{((seedConceptPair^uint64(recent[k]))*fnvPrime ^ uint64(id)) * fnvPrime, blockConcept, 0.5})
				}
			}
		}
		if len(ids) > 0 {
			recent[2], recent[1], recent[0] = recent[1], recent[0], ids[0]
			nrecent++
		}
	}
	return append(dst, feature{hashString(hashString(prev, " "), "$"), blockWord, 1})
}

// charGrams appends the character 3- to 5-grams of a word with its edges marked.
func charGrams(dst []feature, w string) []feature {
	if len(w) < 3 || w[0] == '#' {
		return dst
	}
	var stack [64]byte
	b := append(stack[:0], '^')
	b = append(b, w...)
	b = append(b, '$')
	if len(b) > 40 {
		b = b[:40] // a pasted key or link says little past its beginning
	}
	for i := 0; i+3 <= len(b); i++ {
		if b[i]&0xc0 == 0x80 {
			continue // not the beginning of a character
		}
		h := seedChar
		runes := 0
		for j := i; j < len(b); j++ {
			h = (h ^ uint64(b[j])) * fnvPrime
			if j+1 < len(b) && b[j+1]&0xc0 == 0x80 {
				continue
			}
			runes++
			if runes >= 3 {
				dst = append(dst, feature{h, blockChar, 1})
			}
			if runes == 5 {
				break
			}
		}
	}
	return dst
}

//go:embed concepts.txt
var conceptFile string

// conceptExact and conceptPrefix map a folded word, or the beginning of one, to concept numbers.
var conceptExact, conceptPrefix, conceptMinPrefix = readConcepts(conceptFile)

func readConcepts(file string) (exact, prefix map[string][]uint16, shortest int) {
	exact, prefix, shortest = map[string][]uint16{}, map[string][]uint16{}, math.MaxInt
	id := uint16(0)
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		_, words, _ := strings.Cut(line, ":")
		id++
		for _, w := range strings.Fields(words) {
			into := exact
			if p, ok := strings.CutSuffix(w, "*"); ok {
				w, into, shortest = p, prefix, min(shortest, len(p))
			}
			if list := into[w]; len(list) == 0 || list[len(list)-1] != id {
				into[w] = append(list, id)
			}
		}
	}
	return exact, prefix, shortest
}

// conceptsOf returns the concepts of a folded word: those of the whole word if it is listed, otherwise those of its
// longest listed beginning, or those of the word without a final s.
func conceptsOf(w string) []uint16 {
	if ids, ok := conceptExact[w]; ok {
		return ids
	}
	for n := min(len(w), 20); n >= conceptMinPrefix; n-- {
		if ids, ok := conceptPrefix[w[:n]]; ok {
			return ids
		}
	}
	if n := len(w) - 1; n >= 3 && w[n] == 's' { // plural or possessive: someone's
		return conceptExact[w[:n]]
	}
	return nil
}
