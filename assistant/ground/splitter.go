package ground

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPiece bounds a piece, in bytes: a stream without any stop is cut at a space, so that memory stays bounded.
const maxPiece = 4000

// Splitter cuts a stream of tokens into sentences. A line is a piece of its own whatever it ends with, so that headings,
// list items and table rows stay whole. A citation belongs to the sentence before it. "Yes." and its like are not cut
// from the sentence after them, which is what they have to be judged by. When in doubt it does not cut: a piece of two
// sentences is checked as strictly as each of them. The pieces do not depend on how the stream was chunked, and put
// together they are the stream. Not safe for concurrent use.
type Splitter struct {
	abbreviations map[string]bool
	ordinals      bool // "1." before any word is an ordinal, not an end
	buf           string
	pos           int // no boundary before here
}

// NewSplitter returns a splitter for a locale such as "de" or "es-ES". Abbreviations of all served languages are always
// known; the locale decides what a number with a full stop means.
func NewSplitter(locale string) *Splitter {
	lang, _, _ := strings.Cut(strings.ToLower(locale), "-")
	return &Splitter{abbreviations: abbreviations, ordinals: lang == "de" || lang == "da" || lang == "nb" || lang == "no" || lang == "fi" || lang == "cs"}
}

// abbreviations end in a full stop and do not end a sentence. In lower case, without the last stop.
var abbreviations = set(`e.g i.e eg ie mr mrs ms dr prof st nr vs approx inc ltd sec vol ext tel max min est dept jr sr
	z.b d.h u.a o.ä bzw ca evtl ggf inkl exkl zzgl vgl std tgl fr jan feb mär apr jun jul aug sep sept okt nov dez dec oct abs ziff str hr fr bspw sog max mind
	p.ej ej sra srta ud uds vd vds pág págs núm aprox dña avda tel
	t.ex bl.a d.v.s dvs f.d s.k kl nr resp t.o.m fr.o.m st ev inkl exkl m.m o.d ung`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// Push adds a chunk and returns the pieces that are complete. Most calls return none.
func (sp *Splitter) Push(chunk string) []string {
	sp.buf += chunk
	return sp.cut(false)
}

// Flush returns what is left, and makes the splitter new.
func (sp *Splitter) Flush() []string {
	out := sp.cut(true)
	if sp.buf != "" {
		out = append(out, sp.buf)
	}
	sp.buf, sp.pos = "", 0
	return out
}

func (sp *Splitter) cut(final bool) []string {
	var out []string
	for {
		end := sp.boundary(final)
		if end <= 0 || end >= len(sp.buf) {
			return out
		}
		out = append(out, sp.buf[:end])
		sp.buf, sp.pos = sp.buf[end:], 0
	}
}

// boundary returns where the first piece ends, or 0 when that cannot be told yet. sp.pos moves past what is decided.
func (sp *Splitter) boundary(final bool) int {
	for i := sp.pos; i < len(sp.buf); {
		if !final && !utf8.FullRuneInString(sp.buf[i:]) {
			return 0
		}
		r, size := utf8.DecodeRuneInString(sp.buf[i:])
		sp.pos = i
		end, known := 0, true
		switch r {
		case '\n':
			end, known = sp.after(i, i+size, true, final)
		case '.', '!', '?', '…':
			end, known = sp.after(i, i+size, false, final)
		case '。', '！', '？', '．', '؟', '۔', '।', '｡':
			end, known = sp.after(i, i+size, false, final)
		}
		if !known {
			return 0
		}
		if end > 0 {
			return end
		}
		i += size
		sp.pos = i
		if i > maxPiece {
			if at := strings.LastIndexAny(sp.buf[:i], " \t"); at > 0 {
				return at + 1
			}
			return i
		}
	}
	return 0
}

// after decides about the stop at i, whose character ends at j. It returns the end of the piece, 0 for no boundary, and
// known = false when more of the stream is needed.
func (sp *Splitter) after(i, j int, newline, final bool) (end int, known bool) {
	if !newline && !closers(sp.buf, &j) && !final {
		return 0, false
	}
	stop, _ := utf8.DecodeRuneInString(sp.buf[i:])
	wide := stop > 0x600 && stop != '…'
	spaced, lines := newline, newline
	for {
		// White space, then citations, then white space again.
		k, cited := j, false
		for k < len(sp.buf) {
			r, size := utf8.DecodeRuneInString(sp.buf[k:])
			if !unicode.IsSpace(r) {
				break
			}
			spaced = true
			lines = lines || r == '\n'
			k += size
		}
		if k >= len(sp.buf) || !final && !utf8.FullRuneInString(sp.buf[k:]) {
			if final {
				return 0, true // the rest is one piece
			}
			return 0, false
		}
		if sp.buf[k] == '[' {
			m, ok := marker(sp.buf[k:])
			if !ok && !final {
				return 0, false
			}
			if m > 0 {
				rest := sp.buf[k+m:]
				if lines { // on a line of its own it belongs to the line above; before text it starts a list of sources
					trimmed := strings.TrimLeft(rest, " \t\r")
					if trimmed == "" && !final {
						return 0, false
					}
					cited = trimmed == "" || trimmed[0] == '\n' || trimmed[0] == '['
				} else {
					cited = true
				}
			}
			if cited {
				j = k + m
				if !newline && !closers(sp.buf, &j) && !final {
					return 0, false
				}
				spaced, lines = true, newline
				continue
			}
		}
		if strings.TrimSpace(sp.buf[:k]) == "" {
			return 0, true // nothing but white space so far
		}
		next, _ := utf8.DecodeRuneInString(sp.buf[k:])
		switch {
		case lines:
			return k, true
		case yesNo(sp.buf[:k]):
			return 0, true
		case wide:
			return k, true
		case !spaced, unicode.IsLower(next):
			return 0, true
		case stop == '.':
			ok, known := sp.fullStop(i, k, final)
			if !known {
				return 0, false
			}
			if !ok {
				return 0, true
			}
		}
		return k, true
	}
}

// closers moves j past closing quotes, brackets, emphasis and further stops; false when the buffer ends there.
func closers(s string, j *int) bool {
	for *j < len(s) {
		if !utf8.FullRuneInString(s[*j:]) {
			return false
		}
		r, size := utf8.DecodeRuneInString(s[*j:])
		if !strings.ContainsRune("\"')]}*_”“’»›」』）】.!?…。！？؟`", r) {
			return true
		}
		*j += size
	}
	return false
}

// marker returns the length of a citation at the start of s, such as [1] or [2, 3]; ok is false when s ends within one.
func marker(s string) (n int, ok bool) {
	digits := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = true
		case c == ',' || c == ' ' || c == '-':
		case c == ']' && digits:
			return i + 1, true
		default:
			return 0, true
		}
		if i > 24 {
			return 0, true
		}
	}
	return 0, false
}

// fullStop decides whether the "." at i ends a sentence, when the next word starts at k.
func (sp *Splitter) fullStop(i, k int, final bool) (ends, known bool) {
	start := 0
	if at := strings.LastIndexFunc(sp.buf[:i], func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("([\"“„”»«*", r) }); at >= 0 {
		_, size := utf8.DecodeRuneInString(sp.buf[at:])
		start = at + size
	}
	before := sp.buf[start:i]
	if before == "" {
		return true, true
	}
	word := strings.ToLower(before)
	if word == "no" || word == "nos" || word == "art" || word == "fig" { // words, unless a number follows
		return sp.buf[k] < '0' || sp.buf[k] > '9', true
	}
	if sp.abbreviations[word] {
		return false, true
	}
	if r, size := utf8.DecodeRuneInString(before); size == len(before) && unicode.IsLetter(r) {
		return false, true // an initial, or half of "z. B."
	}
	if strings.Trim(before, "0123456789") == "" && len(before) <= 2 {
		if strings.TrimSpace(sp.buf[:start]) == "" || strings.Trim(sp.buf[strings.LastIndexByte(sp.buf[:start], '\n')+1:start], " \t*#>") == "" {
			return false, true // the number of a list item
		}
		if sp.ordinals {
			return false, true
		}
		next := sp.buf[k:]
		end := strings.IndexFunc(next, func(r rune) bool { return !unicode.IsLetter(r) })
		if end >= 0 && !final && !utf8.FullRuneInString(next[end:]) {
			return false, false
		}
		if end < 0 {
			if !final && len(next) < 24 {
				return false, false
			}
			end = len(next)
		}
		if months[fold(next[:end])] != 0 {
			return false, true
		}
	}
	return true, true
}

// yesNo reports whether a piece is only an answer to a yes-or-no question.
func yesNo(s string) bool {
	switch strings.ToLower(strings.Trim(s, " \t\n*_.!¡,")) {
	case "yes", "no", "ja", "nein", "doch", "sí", "si", "nej", "jo", "yes, it is", "yes, you can", "no, you cannot", "no, you can't":
		return true
	}
	return false
}
