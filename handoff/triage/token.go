package triage

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A pause is what stands between a token and the one before it.
type pause uint8

const (
	noPause   pause = iota // only space
	softPause              // comma, colon, dash, bracket
	hardPause              // end of a sentence or line
)

// token is one word, number, sign or emoji. Its text is folded: lower case, without accents and apostrophes, letters
// repeated three times or more written once.
type token struct {
	text       string
	start, end int   // byte offsets into the message
	before     pause // between this token and the one before; hardPause for the first
	colon      bool  // that pause is only a colon: what follows is said or explained
	question   bool  // that pause holds a question mark
	quoted     bool  // inside a closed pair of quotation marks
}

// maxTokens bounds the work that one message can cause; a chat message is shorter.
const maxTokens = 2000

// tokenize splits a message into tokens. It accepts any bytes.
func tokenize(s string) []token {
	toks := make([]token, 0, len(s)/5+4)
	p, colon, question := hardPause, false, false
	var buf []byte
	start := -1
	flush := func(end int) {
		if start >= 0 && len(buf) > 0 && len(toks) < maxTokens {
			toks = append(toks, token{text: string(squeeze(buf)), start: start, end: end, before: p, colon: colon, question: question})
			p, colon, question = noPause, false, false
		}
		buf, start = buf[:0], -1
	}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		next, _ := utf8.DecodeRuneInString(s[i+n:])
		switch {
		case r >= 0x0300 && r <= 0x036f || r == 0x200d || r >= 0xfe00 && r <= 0xfe0f || arabicSign(r):
			// combining marks and emoji joiners belong to what they follow
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) {
				flush(i)
				start, buf = i, utf8.AppendRune(buf, r)
				flush(i + n)
				break
			}
			if start < 0 {
				start = i
			}
			buf = appendFolded(buf, r)
		case (r == '\'' || r == '’' || r == '`' || r == '´') && start >= 0 && unicode.IsLetter(next):
			// an apostrophe inside a word: don't is dont
		case (r == '.' || r == ',') && start >= 0 && unicode.IsDigit(next) && s[i-1] >= '0' && s[i-1] <= '9':
			buf = append(buf, '.')
		case r >= 0x1f000 || r >= 0x2600 && r <= 0x27bf || r == '♥':
			flush(i)
			start, buf = i, utf8.AppendRune(buf, r)
			flush(i + n)
		default:
			inWord := start >= 0 && (r == '-' || r == '/' || r == '_') && unicode.IsLetter(next)
			flush(i)
			if inWord {
				break // one-time, and/or: two words without a pause
			}
			switch r {
			case '.', '!', '?', ';', '\n', '…', '。', '！', '？', '¿', '¡', '؟', '؛':
				p = hardPause
				question = question || r == '?' || r == '？' || r == '؟'
			case ',', '-', '–', '—', '(', ')', '[', ']', '/', '、', '，', '،':
				p = max(p, softPause)
			case ':':
				if p == noPause {
					p, colon = softPause, true
				}
			}
		}
		i += n
	}
	flush(len(s))
	markQuoted(s, toks)
	return toks
}

// appendFolded writes a rune in lower case without its accent.
func appendFolded(b []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return append(b, byte(r))
	}
	r = unicode.ToLower(r)
	if f, ok := folds[r]; ok {
		return append(b, f...)
	}
	return utf8.AppendRune(b, r)
}

var folds = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'þ': "th", 'ð': "d", 'ı': "i"}
	for _, row := range []string{"aàáâãäåāăą", "cçćčĉċ", "dď", "eèéêëēĕėęě", "gğĝġģ", "iìíîïĩīĭį", "lĺľļ", "nñńňņ", "oòóôõöōőŏ",
		"rŕřŗ", "sśšşșŝ", "tťţț", "uùúûüũūŭůűų", "yýÿŷ", "zźžż"} {
		base, size := utf8.DecodeRuneInString(row)
		for _, r := range row[size:] {
			m[r] = string(base)
		}
	}
	return m
}()

// squeeze writes a letter that stands three times or more in a row once: "helllllo" is "helo", "pleeease" "please".
// Digits stay as they are.
func squeeze(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); {
		j := i
		for j < len(b) && b[j] == b[i] {
			j++
		}
		n := j - i
		if n >= 3 && b[i] >= 'a' && b[i] <= 'z' {
			n = 1
		}
		for k := 0; k < n; k++ {
			out = append(out, b[i])
		}
		i = j
	}
	return out
}

// closers gives the sign that ends a quotation for the sign that opens it.
var closers = map[rune]string{'"': "\"", '“': "”\"", '„': "“”\"", '«': "»", '»': "«", '‹': "›", '‘': "’", '”': "”", '「': "」"}

// markQuoted marks tokens inside closed pairs of quotation marks. A straight single quote counts only at a word's edge.
func markQuoted(s string, toks []token) {
	if !strings.ContainsAny(s, "\"“„«»‹‘”「'") {
		return
	}
	type span struct{ a, b int }
	var spans []span
	prev := ' '
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		closing, open := closers[r]
		if r == '\'' && !unicode.IsLetter(prev) && !unicode.IsDigit(prev) {
			closing, open = "'", true
		}
		if open {
			rest := s[i+n:]
			at := strings.IndexAny(rest, closing)
			if closing == "'" { // the closing one must not stand inside a word, as in don't
				at = -1
				for k := 0; k < len(rest); k++ {
					if rest[k] == '\'' && (k+1 == len(rest) || !isASCIILetter(rest[k+1])) {
						at = k
						break
					}
				}
			}
			if at >= 0 {
				spans = append(spans, span{i + n, i + n + at})
				i += n + at
				_, n = utf8.DecodeRuneInString(s[i:])
			}
		}
		prev = r
		i += n
	}
	k := 0
	for i := range toks {
		for k < len(spans) && spans[k].b <= toks[i].start {
			k++
		}
		toks[i].quoted = k < len(spans) && toks[i].start >= spans[k].a && toks[i].end <= spans[k].b
	}
}

func isASCIILetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
