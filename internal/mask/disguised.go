package mask

import (
	"slices"
	"strings"
	"unicode"
)

// shapes are the groupings in which cards print their numbers: most schemes, and American Express.
var shapes = [][]int{{4, 4, 4, 4}, {4, 6, 5}}

// oddSeparators is the most that may stand between two groups of a card number written with unusual signs.
const oddSeparators = 3

// disguised finds card numbers that stand beside letters, or whose groups are parted by signs that part other things in
// other places. As little else speaks for a card there, scheme, checksum and printed grouping must all hold.
func (s *scan) disguised() {
	for at := 0; at < len(s.runes); at++ {
		if s.digit[at] < 0 || at > 0 && s.digit[at-1] >= 0 {
			continue
		}
		if before := s.at(at - 1); before == '+' || before == '_' || (isDash(before) || before == '/' || before == '#') && s.isWordRune(at-2) {
			continue // a telephone number, or the end of a longer code
		}
		end := s.digitsFrom(at)
		if n := end - at; n >= 13 && n <= 19 {
			if d := s.digit[at:end]; scheme(d) && luhn(d) {
				s.addCard([]token{{start: at, end: end}})
			}
			continue
		}
		for _, shape := range shapes {
			if groups := s.shaped(at, shape); groups != nil {
				s.addCard(groups)
				break
			}
		}
	}
}

// digitsFrom returns the end of the digits that begin at a position; at most twenty are looked at.
func (s *scan) digitsFrom(at int) int {
	end := at
	for end < len(s.runes) && end < at+20 && s.digit[end] >= 0 {
		end++
	}
	return end
}

// shaped returns the groups of a card number of the shape that begins at a position, or nil. A bracket that is opened
// or closed between groups has its other half in the first or last group.
func (s *scan) shaped(at int, shape []int) []token {
	groups := make([]token, 0, len(shape))
	var d []int8
	for i, n := range shape {
		end := s.digitsFrom(at)
		if end-at != n {
			return nil
		}
		groups = append(groups, token{start: at, end: end})
		d = append(d, s.digit[at:end]...)
		if i == len(shape)-1 {
			break
		}
		for at = end; at < len(s.runes) && at-end <= oddSeparators && s.oddSeparator(at); at++ {
		}
		if at-end > oddSeparators || at == end {
			return nil
		}
	}
	if !scheme(d) || !luhn(d) {
		return nil
	}
	return groups
}

func (s *scan) oddSeparator(i int) bool {
	r := s.runes[i]
	return strings.ContainsRune("_/,*|()[].", r) || isDash(r) || unicode.IsSpace(r)
}

// brackets widens a span by the bracket that one inside it belongs to.
func (s *scan) brackets(start, end int) (int, int) {
	in := s.runes[start:end]
	for _, b := range []string{"()", "[]"} {
		open, closed := rune(b[0]), rune(b[1])
		opened, shut := count(in, open), count(in, closed)
		if opened > shut && s.at(end) == closed {
			end++
		}
		if shut > opened && s.at(start-1) == open {
			start--
		}
	}
	return start, end
}

func count(in []rune, r rune) int {
	n := 0
	for _, x := range in {
		if x == r {
			n++
		}
	}
	return n
}

// dateWords may stand between a card and its date of expiry.
const dateWords = 3

// afterCard finds the security code that follows a masked card and its date: "[card ending 4242] 12/27 123".
func (s *scan) afterCard() {
	for i, t := range s.tokens {
		if t.class != masked || !strings.HasPrefix(string(s.runes[t.start:min(t.end, t.start+6)]), "[card ") {
			continue
		}
		j, wordsLeft := i+1, dateWords
		for ; j < len(s.tokens) && j-i <= reach/2 && s.tokens[j].class != number && s.tokens[j].class != masked; j++ {
			if s.tokens[j].class == word {
				if wordsLeft--; wordsLeft < 0 {
					break
				}
			}
		}
		if j+2 >= len(s.tokens) || s.tokens[j].class != number || size(s.tokens[j]) > 2 {
			continue
		}
		month, sep, year := s.tokens[j], s.tokens[j+1], s.tokens[j+2]
		if m := value(s.digit[month.start:month.end]); m < 1 || m > 12 || sep.class == word || year.class != number || size(year) != 2 && size(year) != 4 {
			continue
		}
		j += 3
		for skipped := 0; j < len(s.tokens) && skipped < 3 && (s.tokens[j].class == space || s.tokens[j].class == punct); skipped++ {
			j++
		}
		if j >= len(s.tokens) || s.tokens[j].class != number {
			continue
		}
		if n := size(s.tokens[j]); n != 3 && n != 4 || s.money(j) {
			continue
		}
		s.add(s.tokens[j].start, s.tokens[j].end, SecurityCode, "")
	}
}

// money reports whether number token i is part of an amount or of a longer number.
func (s *scan) money(i int) bool {
	t := s.tokens[i]
	if unicode.Is(unicode.Sc, s.at(t.start-1)) || (s.at(t.end) == '.' || s.at(t.end) == ',') && s.isWordRune(t.end+1) {
		return true
	}
	at := t.end
	for at < len(s.runes) && s.runes[at] == ' ' {
		at++
	}
	if unicode.Is(unicode.Sc, s.at(at)) {
		return true
	}
	end := at
	for end < len(s.runes) && end < at+8 && s.isLetter(end) {
		end++
	}
	return slices.Contains([]string{"eur", "euro", "euros", "gbp", "usd", "pounds", "dollars", "sek", "kr", "kronor"}, strings.ToLower(string(s.runes[at:end])))
}
