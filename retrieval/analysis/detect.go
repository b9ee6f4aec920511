package analysis

import (
	"io/fs"
	"strings"
	"sync"
	"unicode"
)

// scripts that tell the language, or the one most written in them. Kana come before Han: Japanese has both.
var scripts = []struct {
	table    *unicode.RangeTable
	language string
}{
	{unicode.Hiragana, "ja"}, {unicode.Katakana, "ja"}, {unicode.Hangul, "ko"}, {unicode.Han, "zh"}, {unicode.Thai, "th"},
	{unicode.Devanagari, "hi"}, {unicode.Arabic, "ar"}, {unicode.Greek, "el"}, {unicode.Cyrillic, "ru"}, {unicode.Hebrew, "he"},
	{unicode.Tamil, "ta"}, {unicode.Lao, "lo"}, {unicode.Khmer, "km"}, {unicode.Myanmar, "my"},
}

// stopIndex maps each stop word to the languages that have it.
var stopIndex = sync.OnceValue(func() map[string][]string {
	index := map[string][]string{}
	names, _ := fs.Glob(stopFiles, "stop/*.txt") // the pattern is right
	for _, name := range names {
		language := strings.TrimSuffix(strings.TrimPrefix(name, "stop/"), ".txt")
		for w := range stopWords(language) {
			index[w] = append(index[w], language)
		}
	}
	return index
})

// Detect tells the language of a text of some sentences by its script, and among those in Latin script by its function
// words. It returns "" when nothing tells. It is for collections of documents; a single short question says too little.
func Detect(text string) string {
	byScript := make([]int, len(scripts))
	latin := 0
	for _, r := range text {
		if r < 0x250 {
			if unicode.IsLetter(r) {
				latin++
			}
			continue
		}
		for i, s := range scripts {
			if unicode.Is(s.table, r) {
				byScript[i]++
				break
			}
		}
	}
	kana := byScript[0] + byScript[1]
	for i, n := range byScript {
		switch {
		case scripts[i].language == "ja" && kana*20 > latin+byScript[3]: // one kana among twenty is enough
			return "ja"
		case scripts[i].language != "ja" && n > latin/2:
			return scripts[i].language
		}
	}
	votes := map[string]float64{}
	plain := For("")
	plain.Words(text, func(w Word) {
		if languages := stopIndex()[Fold(w.Surface)]; len(languages) > 0 {
			for _, l := range languages {
				votes[l] += 1 / float64(len(languages))
			}
		}
	})
	best, most := "", 0.0
	for language, n := range votes {
		if n > most || n == most && language < best {
			best, most = language, n
		}
	}
	return best
}
