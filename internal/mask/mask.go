// Package mask takes secrets and identity numbers out of a text before it is stored, logged or sent anywhere: payment
// cards, bank accounts, national identity numbers, passwords, one-time codes and API keys. What it puts in their place
// keeps the meaning of the sentence ("[card ending 4242]"), so that an agent or a model can go on with it. Numbers with
// a checksum are masked only when it holds; what has none is masked only where the words around it say what it is.
//
// It leaves alone what agents need: e-mail addresses, telephone numbers, order numbers, amounts, dates and reference
// codes. It is a guard against accidents, not against a customer who is determined to spell out a card number in words.
package mask

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind says what was masked.
type Kind string

// The kinds.
const (
	Card         Kind = "card"          // payment card number: 13 to 19 digits, Luhn valid
	IBAN         Kind = "iban"          // international bank account number, ISO 13616
	SecurityCode Kind = "security_code" // CVV, CVC
	SSN          Kind = "us_ssn"        // United States social security number
	Personnummer Kind = "se_pnr"        // Swedish personal identity number
	DNI          Kind = "es_dni"        // Spanish DNI or NIE
	TaxID        Kind = "de_tax_id"     // German Steuer-Identifikationsnummer
	NINO         Kind = "uk_nino"       // British national insurance number
	Password     Kind = "password"      // a password or PIN stated as such
	Code         Kind = "code"          // a one-time code stated as such
	APIKey       Kind = "api_key"       // keys and tokens of well-known shapes
)

// placeholder is what stands for each kind without a number of its own.
var placeholder = map[Kind]string{
	SecurityCode: "[security code removed]",
	SSN:          "[social security number removed]",
	Personnummer: "[personal identity number removed]",
	DNI:          "[identity number removed]",
	TaxID:        "[tax number removed]",
	NINO:         "[insurance number removed]",
	Password:     "[password removed]",
	Code:         "[code removed]",
	APIKey:       "[API key removed]",
}

// rounds bounds the passes over one text. Masking one thing can lay another one bare; two passes nearly always do.
const rounds = 6

// Mask returns the text with every secret replaced, and the kinds that were found, each once, in order of appearance.
// Mask(Mask(x)) == Mask(x). A text without secrets is returned as it is. Time is linear in the length.
func Mask(text string) (masked string, kinds []Kind) {
	if !suspicious(text) {
		return text, nil
	}
	for range rounds {
		s := newScan(text)
		s.ibans()
		s.cards()
		s.disguised()
		s.afterCard()
		s.identities()
		s.keys()
		s.stated()
		if len(s.spans) == 0 {
			break
		}
		text = s.replace(&kinds)
	}
	return text, kinds
}

// suspicious is the quick exit: it reports whether the text has six digits, a trigger word, or a long token.
func suspicious(text string) bool {
	var word [24]byte
	digits, n, token := 0, 0, 0
	for i := 0; i < len(text); {
		b := text[i]
		if b < utf8.RuneSelf {
			i++
			switch {
			case '0' <= b && b <= '9':
				if digits++; digits >= 6 {
					return true
				}
			case 'A' <= b && b <= 'Z':
				b += 'a' - 'A'
			case 'a' <= b && b <= 'z':
			default:
				if n > 0 && n < len(word) && triggers[string(word[:n])] != 0 {
					return true
				}
				n = 0
				if b == ' ' || b == '\n' || b == '\t' || b == '\r' {
					token = 0
				} else {
					token++
				}
				continue
			}
			if token++; token >= minKey {
				return true
			}
			if n < len(word) {
				word[n] = b
				n++
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case unicode.Is(unicode.Cf, r):
			continue
		case unicode.IsDigit(r):
			if digits++; digits >= 6 {
				return true
			}
		case unicode.IsLetter(r):
			r = unicode.ToLower(r)
			if n+utf8.RuneLen(r) <= len(word) {
				n += utf8.EncodeRune(word[n:], r)
			} else {
				n = len(word)
			}
		default:
			if n > 0 && n < len(word) && triggers[string(word[:n])] != 0 {
				return true
			}
			n = 0
		}
		if token++; unicode.IsSpace(r) {
			token = 0
		}
	}
	return n > 0 && n < len(word) && triggers[string(word[:n])] != 0
}

// class is what kind of token a piece of text is.
type class uint8

const (
	space  class = iota // one white space character or more
	number              // digits only, of any script
	word                // letters, digits and underscores, with a letter or underscore among them
	punct               // one other character
	masked              // a placeholder of ours
)

// token is a piece of the text, in runes.
type token struct {
	start, end int
	class      class
	trigger    trigger // of words
}

type span struct {
	start, end int
	kind       Kind
	text       string
}

// scan holds one pass over a text. It does not see format characters, such as spaces without width: they hide a number
// from a reader of the text only.
type scan struct {
	whole  []rune // the text
	place  []int  // of each of runes in whole; nil where they are the same
	runes  []rune
	digit  []int8 // value of each rune as a digit, -1 for none
	tokens []token
	spans  []span
	taken  []bool // runes inside spans
}

func newScan(text string) *scan {
	s := &scan{whole: []rune(text)}
	s.runes = s.whole
	if slices.ContainsFunc(s.whole, format) {
		s.runes = nil
		for i, r := range s.whole {
			if !format(r) {
				s.runes, s.place = append(s.runes, r), append(s.place, i)
			}
		}
	}
	s.digit = make([]int8, len(s.runes))
	for i, r := range s.runes {
		s.digit[i] = digitOf(r)
	}
	s.tokens = make([]token, 0, len(s.runes)/3+4)
	var low []byte
	for i := 0; i < len(s.runes); {
		t := token{start: i}
		r := s.runes[i]
		switch {
		case unicode.IsSpace(r):
			for i < len(s.runes) && unicode.IsSpace(s.runes[i]) {
				i++
			}
		case s.inWord(i):
			t.class = number
			low = low[:0]
			for ; i < len(s.runes) && s.inWord(i); i++ {
				if s.digit[i] < 0 {
					t.class = word
				}
				if len(low) < 32 {
					low = utf8.AppendRune(low, unicode.ToLower(s.runes[i]))
				}
			}
			if t.class == word {
				t.trigger = triggers[string(low)]
			}
		case r == '[' && s.placeholderAt(i) > 0:
			t.class = masked
			i += s.placeholderAt(i)
		default:
			t.class = punct
			i++
		}
		t.end = i
		s.tokens = append(s.tokens, t)
	}
	return s
}

func format(r rune) bool { return r >= utf8.RuneSelf && unicode.Is(unicode.Cf, r) }

func (s *scan) inWord(i int) bool {
	r := s.runes[i]
	return s.digit[i] >= 0 || r == '_' || unicode.IsLetter(r) || unicode.IsMark(r)
}

// placeholderAt returns the length of a placeholder of ours that starts at i, or 0.
func (s *scan) placeholderAt(i int) int {
	end := i
	for end < len(s.runes) && end < i+40 && s.runes[end] != ']' {
		end++
	}
	if end == len(s.runes) || s.runes[end] != ']' {
		return 0
	}
	in := string(s.runes[i : end+1])
	for _, p := range placeholder {
		if in == p {
			return end + 1 - i
		}
	}
	for _, p := range []string{"[card ending ", "[IBAN ending "} {
		if rest, ok := strings.CutPrefix(in, p); ok && len(rest) <= 5 && strings.Trim(rest[:len(rest)-1], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			return end + 1 - i
		}
	}
	return 0
}

// digitOf returns the value of a decimal digit of any script. The Nd ranges of Unicode are runs of ten that start at
// zero (the mathematical digits are five such runs).
func digitOf(r rune) int8 {
	if r < utf8.RuneSelf {
		if '0' <= r && r <= '9' {
			return int8(r - '0')
		}
		return -1
	}
	if !unicode.IsDigit(r) {
		return -1
	}
	for _, x := range unicode.Nd.R16 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return int8((r - rune(x.Lo)) % 10)
		}
	}
	for _, x := range unicode.Nd.R32 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return int8((r - rune(x.Lo)) % 10)
		}
	}
	return -1
}

// add notes a span, unless it overlaps one that was found before.
func (s *scan) add(start, end int, kind Kind, text string) {
	if s.taken == nil {
		s.taken = make([]bool, len(s.runes))
	}
	if slices.Contains(s.taken[start:end], true) {
		return
	}
	for i := start; i < end; i++ {
		s.taken[i] = true
	}
	if text == "" {
		text = placeholder[kind]
	}
	s.spans = append(s.spans, span{start, end, kind, text})
}

func (s *scan) replace(kinds *[]Kind) string {
	slices.SortFunc(s.spans, func(a, b span) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for _, x := range s.spans {
		start, end := x.start, x.end
		if s.place != nil {
			start, end = s.place[start], s.place[end-1]+1
		}
		b.WriteString(string(s.whole[at:start]))
		b.WriteString(x.text)
		at = end
		if !slices.Contains(*kinds, x.kind) {
			*kinds = append(*kinds, x.kind)
		}
	}
	b.WriteString(string(s.whole[at:]))
	return b.String()
}
