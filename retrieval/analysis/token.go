package analysis

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// class says what a character does in a token.
type class uint8

const (
	gap    class = iota // separates tokens
	letter              // of a script with spaces, or a mark on such a letter
	digit
	joiner   // apostrophes
	hyphen   // joins the parts of a compound
	decimal  // stands inside numbers
	solid    // a letter of a script without spaces: Han, kana, Hangul
	syllabic // a letter of Thai, Lao, Khmer or Burmese: no spaces, and marks belong to the letter before them
	mark     // a combining mark
)

func classify(r rune) class {
	if r < utf8.RuneSelf {
		switch {
		case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
			return letter
		case '0' <= r && r <= '9':
			return digit
		case r == '\'':
			return joiner
		case r == '-':
			return hyphen
		case r == '.' || r == ',':
			return decimal
		}
		return gap
	}
	switch {
	case r == '’' || r == 'ʼ' || r == '‘':
		return joiner
	case r == '‐' || r == '‑':
		return hyphen
	case unicode.Is(unicode.M, r):
		return mark
	case unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		if unicode.IsLetter(r) {
			return syllabic
		}
		if unicode.IsDigit(r) {
			return digit
		}
		return gap
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r == 'ー':
		if unicode.IsLetter(r) || unicode.IsNumber(r) || r == 'ー' {
			return solid
		}
		return gap
	case unicode.IsLetter(r):
		return letter
	case unicode.IsDigit(r):
		return digit
	}
	return gap
}

// Tokens calls yield for each token in order: lower case, compatibility forms unified (NFKC), possessive 's removed.
// A compound with hyphens gives its parts and then the whole without them, so that "e-mail" meets "email"; a run of a
// script without spaces gives the overlapping pairs of its characters (pair is true), or the single character if the
// run has only one.
func (a *Analyzer) Tokens(text string, yield func(surface string, pair bool)) {
	if !norm.NFKC.IsNormalString(text) {
		text = norm.NFKC.String(text)
	}
	text = strings.ToLower(text)
	s := scanner{analyzer: a, text: text, yield: yield}
	s.run()
}

type scanner struct {
	analyzer *Analyzer
	text     string
	yield    func(string, bool)
	parts    []string // of the compound being read
}

func (s *scanner) run() {
	for i := 0; i < len(s.text); {
		r, n := utf8.DecodeRuneInString(s.text[i:])
		switch classify(r) {
		case letter, digit:
			i = s.word(i)
		case solid, syllabic:
			i = s.pairs(i)
		default:
			i += n
		}
	}
}

// word reads a token of letters and digits from i on, with the compound that it may begin, and returns where it ends.
func (s *scanner) word(i int) int {
	s.parts = s.parts[:0]
	for {
		start, end, next := i, i, 0
		elided := false
		var previous class
	token:
		for end < len(s.text) {
			r, n := utf8.DecodeRuneInString(s.text[end:])
			switch c := classify(r); c {
			case letter, digit:
				previous = c
			case mark:
			case joiner:
				if s.classAt(end+n) != letter || previous != letter {
					break token
				}
				if s.analyzer.elision {
					next, elided = end+n, true
					break token
				}
			case decimal:
				if previous != digit || s.classAt(end+n) != digit {
					break token
				}
			case hyphen:
				if c := s.classAt(end + n); c == letter || c == digit {
					next = end + n
				}
				break token
			default:
				break token
			}
			end += n
		}
		s.emit(s.text[start:end])
		if next == 0 {
			if len(s.parts) > 1 && len(s.parts) <= 3 {
				s.yield(strings.Join(s.parts, ""), false)
			}
			return end
		}
		if elided { // an elided article is no part of a compound
			s.parts = s.parts[:0]
		}
		i = next
	}
}

func (s *scanner) classAt(i int) class {
	if i >= len(s.text) {
		return gap
	}
	r, _ := utf8.DecodeRuneInString(s.text[i:])
	return classify(r)
}

// emit hands on one token without apostrophes, possessive endings and separators of thousands.
func (s *scanner) emit(token string) {
	if strings.ContainsAny(token, "'’ʼ‘") {
		token = strings.NewReplacer("’", "'", "ʼ", "'", "‘", "'").Replace(token)
		token = strings.TrimSuffix(token, "'s")
		token = strings.ReplaceAll(token, "'", "")
	}
	if strings.ContainsAny(token, ".,") {
		token = numeral(token)
	}
	if token == "" {
		return
	}
	s.parts = append(s.parts, token)
	s.yield(token, false)
}

// numeral removes the separators of thousands, whichever sign stands for them, and writes decimals with a point.
func numeral(token string) string {
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		if token[i] != '.' && token[i] != ',' {
			b.WriteByte(token[i])
			continue
		}
		digits := 0
		for i+1+digits < len(token) && token[i+1+digits] >= '0' && token[i+1+digits] <= '9' {
			digits++
		}
		if digits != 3 {
			b.WriteByte('.')
		}
	}
	return b.String()
}

// pairs reads a run of a script without spaces and hands on its overlapping pairs.
func (s *scanner) pairs(i int) int {
	first := s.classAt(i)
	before, start := -1, i // where the previous character and this one begin
	emitted := false
	for i < len(s.text) {
		r, n := utf8.DecodeRuneInString(s.text[i:])
		c := classify(r)
		if c != first && c != mark {
			break
		}
		i += n
		for i < len(s.text) { // marks stay with their letter
			r, n := utf8.DecodeRuneInString(s.text[i:])
			if classify(r) != mark {
				break
			}
			i += n
		}
		if before >= 0 {
			s.yield(s.text[before:i], true)
			emitted = true
		}
		before, start = start, i
	}
	if !emitted && before >= 0 {
		s.yield(s.text[before:i], true)
	}
	return i
}

// Fold removes what people leave out when they type in a hurry: accents of Latin, Greek and Cyrillic letters, and
// ligatures. Marks of other scripts stay, because there they are vowels.
func Fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	foldable := false
	for _, r := range norm.NFD.String(s) {
		if unicode.Is(unicode.M, r) {
			if !foldable {
				b.WriteRune(r)
			}
			continue
		}
		foldable = unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
		switch r {
		case 'ß':
			b.WriteString("ss")
		case 'æ':
			b.WriteString("ae")
		case 'œ':
			b.WriteString("oe")
		case 'ø':
			b.WriteByte('o')
		case 'ł':
			b.WriteByte('l')
		case 'đ', 'ð':
			b.WriteByte('d')
		case 'ı':
			b.WriteByte('i')
		case 'ς':
			b.WriteRune('σ')
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}
