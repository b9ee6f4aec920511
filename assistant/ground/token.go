package ground

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind of a token.
type kind uint8

const (
	tWord kind = iota
	tNumber
	tExact  // an address, a code or a telephone number: compared to the letter
	tSymbol // one character: punctuation, currency, percent
	tLine   // the end of a line
)

// tok is one token. Words carry the hash of their folded form; everything else about them hangs on that.
type tok struct {
	kind       kind
	start, end int
	form       uint64
	entry      *entry // of words, when the form is known beforehand
	sym        rune
	upper      bool     // begins with a capital
	caps       bool     // a second capital: UK, PayPal
	read       [2]int64 // readings of a number, times 10000; the second is -1 when there is one only
	time       bool     // 17:30; read[0] is minutes
}

// unit classes. Values of one class compare by base.
type class uint8

const (
	cNone class = iota
	cPercent
	cMinutes // minutes to weeks, in minutes
	cMonths  // months and years, in months
	cBizDays // working days
	cClock   // time of day, in minutes
	cDate    // month*100 + day
	cTimes   // once, twice
	cMoney   // first currency; cMoney+n is the nth
)

// unit is what a word or symbol after a number says of it.
type unit struct {
	class  class
	factor int64
}

const (
	curGBP = cMoney + iota
	curEUR
	curUSD
	curSEK
	curNOK
	curDKK
	curCHF
	curPLN
	curKr // kr, which is SEK, NOK or DKK
)

// entry is what is known of a word form beforehand.
type entry struct {
	info           wordInfo
	month, weekday int
	numeral        int
	ordinal        int // first is 1
	times          int // once is 1
	unit           unit
	biz            bool // business, working, hábiles
	pm             int  // 1 for am, 2 for pm
	list           bool // step, Schritt: the number after it counts steps
}

var (
	words   = map[uint64]*entry{}
	symbols = map[rune]unit{'%': {cPercent, 1}, '£': {curGBP, 1}, '€': {curEUR, 1}, '$': {curUSD, 1}}
)

func init() {
	fillLexicon()
	fillOpposites()
	fillSenses()
	get := func(w string) *entry {
		h := hash([]byte(w))
		if words[h] == nil {
			words[h] = &entry{}
		}
		return words[h]
	}
	for w, x := range lexicon {
		get(w).info = x
	}
	for w, n := range months {
		get(w).month = n
	}
	for w, n := range weekdays {
		get(w).weekday = n
	}
	for w, n := range numerals {
		get(w).numeral = n
	}
	for u, list := range map[unit]string{
		{cPercent, 1}:     "percent prozent procent ciento cent",
		{cMinutes, 1}:     "minute minutes min mins minuten minuto minutos minut minuter",
		{cMinutes, 60}:    "hour hours stunde stunden hora horas timme timmar h hrs std",
		{cMinutes, 1440}:  "day days tag tage tagen dia dias dag dagar dygn",
		{cMinutes, 10080}: "week weeks woche wochen semana semanas vecka veckor",
		{cMonths, 1}:      "month months monat monate monaten mes meses manad manader",
		{cMonths, 12}:     "year years jahr jahre jahren ano anos ar",
		{cBizDays, 1}:     "werktag werktage werktagen arbeitstag arbeitstage arbeitstagen geschaftstag geschaftstage geschaftstagen bankarbeitstage bankarbeitstagen vardag vardagar arbetsdag arbetsdagar bankdag bankdagar weekdays",
		{curGBP, 1}:       "gbp pound pounds pfund libra libras quid",
		{curEUR, 1}:       "eur euro euros",
		{curUSD, 1}:       "usd dollar dollars dolar dolares",
		{curSEK, 1}:       "sek",
		{curNOK, 1}:       "nok",
		{curDKK, 1}:       "dkk",
		{curCHF, 1}:       "chf franken francs",
		{curPLN, 1}:       "pln zloty",
		{curKr, 1}:        "kr krona kronor kronen coronas",
		{cTimes, 1}:       "times mal vez veces gang ganger",
		{cClock, 60}:      "uhr o'clock",
	} {
		for _, w := range strings.Fields(list) {
			get(w).unit = u
		}
	}
	for _, w := range strings.Fields("business working banking bank habiles laborables habil laborable") {
		get(w).biz = true
	}
	get("am").pm, get("pm").pm = 1, 2
	for i, names := range strings.Split("once einmal|twice zweimal|thrice dreimal|viermal|funfmal", "|") {
		for _, w := range strings.Fields(names) {
			get(w).times = i + 1
		}
	}
	for i, names := range strings.Split("first erste erster erstes ersten erstem primer primero primera forsta|second zweite zweiter zweites zweiten zweitem segundo segunda|third dritte dritter drittes dritten drittem tercer tercero tercera tredje"+
		"|fourth vierte vierten cuarto cuarta fjarde|fifth funfte funften quinto quinta femte", "|") {
		for _, w := range strings.Fields(names) {
			get(w).ordinal = i + 1
		}
	}
	for _, w := range strings.Fields("step schritt paso steg option punkt punto") {
		get(w).list = true
	}
	fillTable()
}

// table holds words for known: open addressing, a power of two long and at most a quarter full. Every word of every text is
// looked up, and most are not there.
var table []struct {
	form  uint64
	entry *entry
}

func fillTable() {
	size := 1
	for size < 4*len(words) {
		size *= 2
	}
	table = make([]struct {
		form  uint64
		entry *entry
	}, size)
	for h, e := range words {
		at := h % uint64(size)
		for table[at].entry != nil {
			at = (at + 1) % uint64(size)
		}
		table[at].form, table[at].entry = h, e
	}
}

// known returns what is known of a form beforehand, or nil.
func known(h uint64) *entry {
	last := uint64(len(table) - 1)
	for at := h & last; table[at].entry != nil; at = (at + 1) & last {
		if table[at].form == h {
			return table[at].entry
		}
	}
	return nil
}

// wordSet makes a set of folded words.
func wordSet(words string) map[uint64]bool {
	m := map[uint64]bool{}
	for _, w := range strings.Fields(words) {
		m[hash([]byte(w))] = true
	}
	return m
}

func sameMoney(a, b class) bool {
	kr := func(c class) bool { return c == curKr || c == curSEK || c == curNOK || c == curDKK }
	return a == b || a == curKr && kr(b) || b == curKr && kr(a)
}

// tokenize appends the tokens of s to dst. scratch is reused between calls.
func tokenize(dst []tok, s string, scratch *[]byte) []tok {
	lineStart := true
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\n':
			dst = append(dst, tok{kind: tLine, start: i, end: i + 1})
			i++
			lineStart = true
			continue
		case c == ' ' || c == '\t' || c == '\r' || c == '*' || c == '`' || c == '"':
			i++
			continue
		case c >= '0' && c <= '9' || c == '+' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			var t tok
			var ok bool
			if t, ok = number(s, i); ok {
				if lineStart && t.kind == tNumber && t.end-t.start <= 2 && t.end+1 < len(s) && (s[t.end] == '.' || s[t.end] == ')') && s[t.end+1] == ' ' {
					i = t.end + 1 // the number of a list item
					continue
				}
				dst = append(dst, t)
				i, lineStart = t.end, false
				continue
			}
			// Letters and digits mixed: a code.
		}
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if !unicode.IsLetter(r) && !(c >= '0' && c <= '9') {
			if !unicode.IsSpace(r) && !strings.ContainsRune("“”„»«’‘_", r) {
				dst = append(dst, tok{kind: tSymbol, start: i, end: i + size, sym: r})
				if r != '#' && r != '-' && r != '>' && r != '|' {
					lineStart = false
				}
			}
			i += size
			continue
		}
		lineStart = false
		if end := address(s, i); end > i {
			dst = append(dst, tok{kind: tExact, start: i, end: end})
			i = end
			continue
		}
		t := tok{kind: tWord, start: i, upper: unicode.IsUpper(r)}
		buf := (*scratch)[:0]
		digits, letters := false, 0
		for i < len(s) {
			r, size := rune(s[i]), 1
			if s[i] >= utf8.RuneSelf {
				r, size = utf8.DecodeRuneInString(s[i:])
			}
			letter, digit := unicode.IsLetter(r) || unicode.IsMark(r), r >= '0' && r <= '9'
			if !letter && !digit {
				// An apostrophe or hyphen between letters, a hyphen before digits.
				next := byte(0)
				if i+size < len(s) {
					next = s[i+size]
				}
				inner := (r == '\'' || r == '’') && (isLetterByte(next)) || r == '-' && letters > 0 && (next >= '0' && next <= '9' || digits && isLetterByte(next))
				if !inner {
					break
				}
			}
			if letter && t.end == 0 && letters > 0 && unicode.IsUpper(r) {
				t.caps = true
			}
			if letter {
				letters++
			}
			digits = digits || digit
			buf = appendFold(buf, r)
			i += size
			if letter && isCJK(r) {
				break // no spaces: each character is a word
			}
		}
		t.end = i
		*scratch = buf
		t.form = hash(buf)
		if digits {
			t.kind = tExact
		} else {
			t.entry = known(t.form)
		}
		dst = append(dst, t)
	}
	return dst
}

func isLetterByte(c byte) bool {
	return c >= utf8.RuneSelf || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isCJK(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// addressEnd holds the bytes that no address contains.
var addressEnd = [256]bool{'<': true, '>': true, '(': true, ')': true, '[': true, ']': true, '{': true, '}': true, '|': true, '"': true, '*': true, '`': true, ',': true, ';': true}

func init() {
	for c := range addressEnd[:' '+1] {
		addressEnd[c] = true
	}
}

// address returns the end of a URL, host name or e-mail address at i, or i.
func address(s string, i int) int {
	end, dot, at, scheme := i, 0, false, false
	for end < len(s) && !addressEnd[s[end]] {
		switch c := s[end]; {
		case c == '.':
			dot++
		case c == '@':
			at = true
		case c == ':':
			scheme = scheme || strings.HasPrefix(s[end:], "://")
		}
		end++
	}
	for _, q := range [...]string{"“", "”", "…"} {
		if dot > 0 || scheme {
			if k := strings.Index(s[i:end], q); k >= 0 {
				end = i + k
			}
		}
	}
	if dot == 0 && !scheme {
		return i
	}
	for end > i && strings.ContainsRune(".:!?'/", rune(s[end-1])) {
		end--
	}
	t := s[i:end]
	if scheme || at && strings.Contains(t, ".") || strings.HasPrefix(t, "www.") {
		return end
	}
	host, _, _ := strings.Cut(t, "/")
	labels := strings.Split(host, ".")
	if len(labels) < 2 {
		return i
	}
	for _, l := range labels {
		if len(l) < 2 || !isLetterByte(l[len(l)-1]) && !isLetterByte(l[0]) {
			return i
		}
	}
	for _, c := range []byte(labels[len(labels)-1]) {
		if c < 'a' || c > 'z' {
			return i
		}
	}
	return end
}

// number reads a number, a time, an ISO date or a telephone number at i. It is not ok when letters follow that are no
// unit.
func number(s string, i int) (t tok, ok bool) {
	t = tok{kind: tNumber, start: i, read: [2]int64{-1, -1}}
	j := i
	if s[j] == '+' {
		j++
	}
	digits := func(at int) int {
		for at < len(s) && s[at] >= '0' && s[at] <= '9' {
			at++
		}
		return at
	}
	first := digits(j)
	// A telephone number: + or 0 first, groups with single separators, seven digits or more.
	if s[i] == '+' || s[j] == '0' && first-j > 1 {
		end, n := first, first-j
		for end+1 < len(s) && strings.IndexByte(" -/().", s[end]) >= 0 {
			at := end + 1
			for at < len(s) && at < end+3 && strings.IndexByte(" -()", s[at]) >= 0 {
				at++
			}
			if next := digits(at); next > at {
				n, end = n+next-at, next
				continue
			}
			break
		}
		if n >= 7 {
			return tok{kind: tExact, start: i, end: end, sym: '+'}, true
		}
		if s[i] == '+' {
			return t, false
		}
	}
	head := s[j:first]
	if len(head) > 15 {
		return tok{kind: tExact, start: i, end: first}, true
	}
	at := func(k int) byte {
		if k < len(s) {
			return s[k]
		}
		return 0
	}
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' }
	switch {
	case len(head) <= 2 && at(first) == ':' && isDigit(at(first+1)) && isDigit(at(first+2)) && !isDigit(at(first+3)):
		t.time, t.end = true, first+3
		t.read[0] = (atoi(head)*60 + atoi(s[first+1:first+3])) * 10000
		return t, true
	case len(head) == 4 && at(first) == '-' && isDigit(at(first+1)) && isDigit(at(first+2)) && at(first+3) == '-' && isDigit(at(first+4)) && isDigit(at(first+5)) && !isDigit(at(first+6)):
		t.end, t.sym = first+6, 'd'
		t.read[0] = atoi(s[first+1:first+3])*100 + atoi(s[first+4:first+6])
		return t, true
	case len(head) <= 2 && (at(first) == '/' || at(first) == '.') && isDigit(at(first+1)):
		second := digits(first + 1)
		if third := digits(second + 1); second-first <= 3 && at(second) == at(first) && (third-second == 5 || third-second == 3) {
			a, b := atoi(head), atoi(s[first+1:second])
			t.end, t.sym = third, 'd'
			t.read = [2]int64{b*100 + a, a*100 + b}
			return t, true
		}
	}
	// Thousands and decimals. "1.000" and "1,000" have two readings; "1.5" and "1,234.50" have one.
	whole, end := atoi(head), first
	read2 := int64(-1)
	frac := int64(0)
	for {
		c := at(end)
		sep := 1
		if strings.HasPrefix(s[end:], "\u00a0") {
			c, sep = ' ', 2
		} else if strings.HasPrefix(s[end:], "\u202f") {
			c, sep = ' ', 3
		}
		next := digits(end + sep)
		n := next - end - sep
		if c != '.' && c != ',' && c != ' ' && c != '\'' || n == 0 {
			break
		}
		if n == 3 && len(head) <= 3 && head != "0" && (c != ' ' || !isLetterByte(at(next)) && at(next) != '.') && whole < 1e12 {
			group := atoi(s[end+sep : next])
			if c != ' ' && c != '\'' && end == first {
				read2 = whole*10000 + group*10 // as a decimal
			} else {
				read2 = -1
			}
			whole, end = whole*1000+group, next
			continue
		}
		if c == ' ' || c == '\'' || n > 4 {
			break
		}
		frac = atoi(s[end+1 : next])
		for k := n; k < 4; k++ {
			frac *= 10
		}
		end, read2 = next, -1
		break
	}
	t.end = end
	t.read = [2]int64{whole*10000 + frac, read2}
	if isLetterByte(at(end)) && at(end) < utf8.RuneSelf || at(end) >= utf8.RuneSelf && startsLetter(s[end:]) {
		k := end
		for k < len(s) && isLetterByte(s[k]) {
			k++
		}
		e := known(hash([]byte(fold(s[end:k]))))
		return t, !isDigit(at(k)) && e != nil && (e.unit.class != cNone || e.pm != 0)
	}
	return t, true
}

func startsLetter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r)
}

func atoi(s string) int64 {
	var n int64
	for i := 0; i < len(s); i++ {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}

// canonical brings an exact token to the form in which it is compared.
func canonical(dst []byte, s string, t tok) []byte {
	for _, r := range s[t.start:t.end] {
		if t.sym == '+' && (r < '0' || r > '9') {
			continue
		}
		dst = appendFold(dst, r)
	}
	if t.sym == '+' {
		return bytes.TrimLeft(dst, "0")
	}
	return dst
}
