package triage

import (
	_ "embed"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed languages.txt
var languageFile string

// profiles holds, for every known Latin-script language, log probabilities of words and of letter trigrams.
type profiles struct {
	langs   []string
	word    map[string][]float32
	trigram map[string][]float32
}

var latin = readProfiles(languageFile)

func readProfiles(file string) *profiles {
	p := &profiles{word: map[string][]float32{}, trigram: map[string][]float32{}}
	var texts []string
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		lang, text, _ := strings.Cut(line, ": ")
		p.langs, texts = append(p.langs, lang), append(texts, text)
	}
	n := len(p.langs)
	count := func(m map[string][]float32, key string, lang int) {
		if m[key] == nil {
			m[key] = make([]float32, n)
		}
		m[key][lang]++
	}
	words, grams := make([]float64, n), make([]float64, n)
	for i, text := range texts {
		eachWord(text, func(w string) {
			count(p.word, w, i)
			words[i]++
			eachTrigram(w, func(g string) {
				count(p.trigram, g, i)
				grams[i]++
			})
		})
	}
	logs := func(m map[string][]float32, total []float64, add float64) {
		for _, c := range m {
			for i := range c {
				c[i] = float32(math.Log((float64(c[i]) + add) / (total[i] + add*float64(len(m)))))
			}
		}
	}
	logs(p.word, words, 0.3)
	logs(p.trigram, grams, 0.3)
	return p
}

// eachWord yields the words of a text in lower case, accents kept: they tell languages apart.
func eachWord(s string, yield func(string)) {
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return !unicode.IsLetter(r) }) {
		yield(strings.ToLower(w))
	}
}

func eachTrigram(w string, yield func(string)) {
	b := "_" + w + "_"
	for i := 0; i < len(b); {
		_, n1 := utf8.DecodeRuneInString(b[i:])
		if i+n1 >= len(b) {
			return
		}
		_, n2 := utf8.DecodeRuneInString(b[i+n1:])
		if i+n1+n2 >= len(b) {
			return
		}
		_, n3 := utf8.DecodeRuneInString(b[i+n1+n2:])
		yield(b[i : i+n1+n2+n3])
		i += n1
	}
}

// scripts maps a script to the language that most probably uses it, where that is one.
var scripts = []struct {
	table *unicode.RangeTable
	lang  string
}{
	{unicode.Hiragana, "ja"}, {unicode.Katakana, "ja"}, {unicode.Hangul, "ko"}, {unicode.Han, "zh"}, {unicode.Arabic, "ar"}, {unicode.Hebrew, "he"},
	{unicode.Greek, "el"}, {unicode.Thai, "th"}, {unicode.Devanagari, "hi"}, {unicode.Cyrillic, "ru"}, {unicode.Bengali, "bn"}, {unicode.Tamil, "ta"},
	{unicode.Armenian, "hy"}, {unicode.Georgian, "ka"},
}

const (
	hintOdds  = 3.2  // nats in favour of the conversation's language
	wordScale = 0.55 // neighbouring words and trigrams overlap in what they say: their evidence is damped
	gramScale = 0.22
	maxRead   = 600 // bytes of a message that are read; more adds nothing
)

// Language guesses the language of a message: a two-letter code, with the probability that it is right. hint is the
// conversation's locale ("sv-SE" or "sv"); a short or empty text leans to it, so that "ok" does not change the language
// of a conversation. Known are the languages of languages.txt by words and letters, and others by their script. Without
// a hint and without evidence the language is "en" with a low confidence.
func Language(text string, hint string) (lang string, confidence float64) {
	hint, _, _ = strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(hint)), "_", "-"), "-")
	if hint == "no" || hint == "nn" {
		hint = "nb"
	}
	if len(text) > maxRead {
		cut := maxRead
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	if l, share, ok := byScript(text, hint); ok {
		return l, share
	}
	score := make([]float64, len(latin.langs))
	for i, l := range latin.langs {
		if l == hint {
			score[i] = hintOdds
		}
	}
	hinted := slices.Contains(latin.langs, hint)
	if !hinted {
		score[0] = 0.5
	}
	letters := 0
	eachWord(text, func(w string) {
		letters += len(w)
		if lp, ok := latin.word[w]; ok {
			addCentred(score, lp, wordScale)
		}
		eachTrigram(w, func(g string) {
			if lp, ok := latin.trigram[g]; ok {
				addCentred(score, lp, gramScale)
			}
		})
	})
	if letters == 0 {
		if hint != "" {
			return hint, 0.5
		}
		return "en", 0.2
	}
	best := 0
	for i := range score {
		if score[i] > score[best] {
			best = i
		}
	}
	sum := 0.0
	for _, s := range score {
		sum += math.Exp(s - score[best])
	}
	// a language in Latin script that has no profile can only come from the hint
	if !hinted && len(hint) == 2 && 1/sum < 0.9 {
		return hint, 0.5
	}
	return latin.langs[best], 1 / sum
}

// addCentred adds log probabilities relative to the best one, so that long texts stay in range.
func addCentred(score []float64, lp []float32, scale float64) {
	top := slices.Max(lp)
	for i, v := range lp {
		score[i] += scale * float64(v-top)
	}
}

// byScript decides by script when most letters are not Latin.
func byScript(text, hint string) (string, float64, bool) {
	var count [16]int
	total, uk := 0, 0
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		total++
		if r < 0x250 {
			continue
		}
		if strings.ContainsRune("іїєґІЇЄҐ", r) {
			uk++
		}
		for i, s := range scripts {
			if unicode.Is(s.table, r) {
				count[i]++
				break
			}
		}
	}
	best := 0
	other := 0
	for i, n := range count {
		other += n
		if n > count[best] {
			best = i
		}
	}
	if total == 0 || 2*other <= total {
		return "", 0, false
	}
	lang := scripts[best].lang
	switch {
	case lang == "zh" && (count[0]+count[1])*10 >= other: // kana among the Chinese characters
		lang = "ja"
	case lang == "ru" && uk > 0:
		lang = "uk"
	case lang == "ru" && (hint == "bg" || hint == "sr" || hint == "uk" || hint == "mk" || hint == "be"):
		lang = hint
	case lang == "ar" && (hint == "fa" || hint == "ur"):
		lang = hint
	case lang == "hi" && (hint == "mr" || hint == "ne"):
		lang = hint
	}
	return lang, 0.5 + 0.49*float64(other)/float64(total), true
}
