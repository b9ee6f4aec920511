package mask

import "unicode"

// run is a sequence of number tokens with at most three separators between neighbours: the shape in which people write
// card numbers, telephone numbers and dates alike.
type run struct {
	groups []token
	seps   []rune // first separator between neighbours; len(groups)-1
	tight  bool   // part of a longer token, such as ORD-4242...
	plus   bool   // an international telephone number
}

func isDash(r rune) bool { return r == '-' || unicode.Is(unicode.Pd, r) || r == '\u2212' }

// runs calls f for each maximal run of number groups.
func (s *scan) runs(f func(run)) {
	var groups []token
	var seps []rune
	for i := 0; i < len(s.tokens); i++ {
		if s.tokens[i].class != number {
			continue
		}
		groups, seps = append(groups[:0], s.tokens[i]), seps[:0]
		for {
			j, sep := i+1, rune(0)
			for j < len(s.tokens) && s.tokens[j].start-s.tokens[i].end < 3 && s.separates(s.tokens[j]) {
				if r := s.runes[s.tokens[j].start]; sep == 0 || sep == ' ' {
					sep = r
				}
				j++
			}
			if sep == 0 || j >= len(s.tokens) || s.tokens[j].class != number {
				break
			}
			groups, seps, i = append(groups, s.tokens[j]), append(seps, sep), j
		}
		r := run{groups: groups, seps: seps}
		before := s.at(groups[0].start - 1)
		r.plus = before == '+'
		r.tight = before == '_' || (isDash(before) || before == '/' || before == '#') && s.isWordRune(groups[0].start-2)
		if after := groups[len(groups)-1].end; (isDash(s.at(after)) || s.at(after) == '/') && s.isLetter(after+1) {
			r.tight = true
		}
		f(r)
	}
}

func (s *scan) separates(t token) bool {
	r := s.runes[t.start]
	return t.class == space && t.end-t.start <= 2 || t.class == punct && (r == '.' || isDash(r))
}

// at returns the rune at i, or 0 outside the text.
func (s *scan) at(i int) rune {
	if i < 0 || i >= len(s.runes) {
		return 0
	}
	return s.runes[i]
}

func (s *scan) isLetter(i int) bool { return unicode.IsLetter(s.at(i)) }
func (s *scan) isWordRune(i int) bool {
	return i >= 0 && i < len(s.runes) && s.inWord(i)
}

// digits appends the digit values of the groups to dst.
func (s *scan) digits(dst []int8, groups ...token) []int8 {
	for _, g := range groups {
		dst = append(dst, s.digit[g.start:g.end]...)
	}
	return dst
}

// luhn checks the mod-10 sum of ISO/IEC 7812-1, annex B.
func luhn(d []int8) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i])
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// cards finds payment card numbers. First windows of groups whose prefix and length are those of a card scheme, so that
// a card next to other numbers is found; then whole runs that are Luhn valid at any length.
func (s *scan) cards() {
	var buf [19]int8
	s.runs(func(r run) {
		if r.tight {
			return
		}
		found := false
		for i := 0; i < len(r.groups); i++ {
			if i == 0 && r.plus {
				continue
			}
			d, best := buf[:0], -1
			for j := i; j < len(r.groups); j++ {
				if len(d)+r.groups[j].end-r.groups[j].start > len(buf) {
					break
				}
				d = s.digits(d, r.groups[j])
				if len(d) >= 13 && scheme(d) && luhn(d) && cardShape(r.groups[i:j+1]) {
					best = j
				}
			}
			if best >= 0 {
				s.addCard(r.groups[i : best+1])
				i, found = best, true
			}
		}
		if found || r.plus {
			return
		}
		for i, sep := range r.seps {
			if sep != r.seps[0] || sep == '\n' || i > 5 {
				return
			}
		}
		n := 0
		for _, g := range r.groups {
			n += g.end - g.start
		}
		if n < 13 || n > 19 {
			return
		}
		if d := s.digits(buf[:0], r.groups...); d[0] >= 2 && d[0] != 7 && d[0] != 8 && luhn(d) && cardShape(r.groups) {
			s.addCard(r.groups)
		}
	})
}

func (s *scan) addCard(groups []token) {
	d := s.digits(nil, groups...)
	last := ""
	for _, v := range d[len(d)-4:] {
		last += string(rune('0' + v))
	}
	start, end := s.brackets(groups[0].start, groups[len(groups)-1].end)
	s.add(start, end, Card, "[card ending "+last+"]")
}

// scheme reports whether prefix and length are those of a payment card scheme.
func scheme(d []int8) bool {
	p2 := int(d[0])*10 + int(d[1])
	p4 := p2*100 + int(d[2])*10 + int(d[3])
	n := len(d)
	switch {
	case d[0] == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720: // Mastercard
		return n == 16
	case p2 == 34 || p2 == 37: // American Express
		return n == 15
	case p2 == 36, p2 == 38, p2 == 39, p4 >= 3000 && p4 <= 3059: // Diners Club
		return n >= 14
	case p2 == 35, p2 == 60, p2 == 62, p2 == 64, p2 == 65: // JCB, Discover, UnionPay, RuPay
		return n >= 16
	case p2 == 50, p2 == 56, p2 == 57, p2 == 58, p2 == 59, p2 == 63, p2 == 67: // Maestro
		return n >= 13
	}
	return false
}

// cardShape refuses groupings that look like dates or lists: groups are of three digits and more, but for the last, or
// all of one size.
func cardShape(groups []token) bool {
	for _, g := range groups[:len(groups)-1] {
		if size(g) < 3 && size(g) != size(groups[0]) || size(groups[0]) < 3 && size(g) >= 3 {
			return false
		}
	}
	return size(groups[0]) >= 3 || size(groups[len(groups)-1]) <= size(groups[0])
}

// identities finds national identity numbers.
func (s *scan) identities() {
	s.runs(func(r run) {
		if r.tight || r.plus {
			return
		}
		for i := range r.groups {
			s.ssn(r, i)
			s.personnummer(r, i)
			s.taxID(r, i)
		}
	})
	for i, t := range s.tokens {
		switch t.class {
		case number:
			s.dni(i)
		case word:
			s.nino(i)
			s.dni(i)
		}
	}
}

func size(t token) int { return t.end - t.start }

func value(d []int8) int {
	n := 0
	for _, v := range d {
		n = n*10 + int(v)
	}
	return n
}

// ssn: AAA-GG-SSSS; the Social Security Administration never gives out area 000, 666 or 900 and above, group 00 or
// serial 0000. With spaces, or without separators, only where the text speaks of one.
func (s *scan) ssn(r run, i int) {
	g := r.groups[i:]
	end := 0
	switch {
	case len(g) >= 3 && size(g[0]) == 3 && size(g[1]) == 2 && size(g[2]) == 4 && g[1].start == g[0].end+1 && g[2].start == g[1].end+1 &&
		(isDash(r.seps[i]) && isDash(r.seps[i+1]) || s.near(g[0].start, tSSN)):
		end = 3
	case size(g[0]) == 9 && s.near(g[0].start, tSSN):
		end = 1
	default:
		return
	}
	if i > 0 && isDash(r.seps[i-1]) || len(g) > end && isDash(r.seps[i+end-1]) {
		return // part of a longer number
	}
	d := s.digits(nil, g[:end]...)
	if a := value(d[:3]); a == 0 || a == 666 || a >= 900 || value(d[3:5]) == 0 || value(d[5:]) == 0 {
		return
	}
	s.add(g[0].start, g[end-1].end, SSN, "")
}

// personnummer: YYMMDD-NNNN or YYYYMMDD-NNNN, "+" instead of "-" for people over a hundred, Luhn over the last ten
// digits; coordination numbers add 60 to the day. Ten digits in one piece look like a telephone number, and are masked
// only where the text speaks of an identity number.
func (s *scan) personnummer(r run, i int) {
	g := r.groups[i]
	end := g.end
	var d []int8
	switch n := size(g); {
	case n == 12, n == 10 && s.near(g.start, tPnr):
		d = s.digits(nil, g)
	case n == 6 || n == 8:
		at := g.end
		if sep := s.at(at); !isDash(sep) && sep != '+' {
			return
		}
		for end = at + 1; end < len(s.runes) && s.digit[end] >= 0; end++ {
		}
		if end-at != 5 || s.isWordRune(end) {
			return
		}
		d = append(s.digits(nil, g), s.digit[at+1:end]...)
	default:
		return
	}
	if len(d) == 12 {
		if c := value(d[:2]); c < 18 || c > 20 {
			return
		}
		d = d[2:]
	}
	month, day := value(d[2:4]), value(d[4:6])
	if day > 60 {
		day -= 60
	}
	if month < 1 || month > 12 || day < 1 || day > 31 || !luhn(d) {
		return
	}
	s.add(g.start, end, Personnummer, "")
}

// taxID: eleven digits, the first not zero, one digit of the first ten twice or thrice and at most one other missing
// pattern, and the check digit of ISO 7064 mod 11,10. In one piece or as 2 3 3 3.
func (s *scan) taxID(r run, i int) {
	g, end := r.groups[i:], 1
	if len(g) >= 4 && size(g[0]) == 2 && size(g[1]) == 3 && size(g[2]) == 3 && size(g[3]) == 3 {
		end = 4
	} else if size(g[0]) != 11 {
		return
	}
	d := s.digits(nil, g[:end]...)
	if d[0] == 0 {
		return
	}
	var count [10]int
	for _, v := range d[:10] {
		count[v]++
	}
	repeated := 0
	for _, c := range count {
		if c > 3 {
			return
		}
		if c > 1 {
			repeated++
		}
	}
	if repeated != 1 {
		return
	}
	product := 10
	for _, v := range d[:10] {
		sum := (int(v) + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	if check := (11 - product) % 10; check != int(d[10]) {
		return
	}
	s.add(g[0].start, g[end-1].end, TaxID, "")
}

// dni: eight digits, or X, Y or Z and seven, and a letter that is their remainder by 23 (Real Decreto 1553/2005). Dots
// in the thousands and one dash or space before the letter are understood.
func (s *scan) dni(i int) {
	const letters = "TRWAGMYFPDXBNJZSQVHLCKE"
	start := s.tokens[i].start
	if s.isWordRune(start-1) || isDash(s.at(start-1)) && s.isWordRune(start-2) {
		return
	}
	n, count, at := 0, 0, start
	switch r := unicode.ToUpper(s.at(at)); r {
	case 'X', 'Y', 'Z':
		n, count = int(r-'X'), 1
		at++
		if isDash(s.at(at)) {
			at++
		}
	}
	for ; at < len(s.runes) && count < 8; at++ {
		if v := s.digit[at]; v >= 0 {
			n, count = n*10+int(v), count+1
		} else if s.runes[at] != '.' || count == 0 {
			return
		}
	}
	if count < 8 {
		return
	}
	if r := s.at(at); isDash(r) || r == ' ' {
		at++
	}
	if unicode.ToUpper(s.at(at)) != rune(letters[n%23]) || s.isWordRune(at+1) || isDash(s.at(at+1)) && s.isWordRune(at+2) {
		return
	}
	if s.runes[at-1] == ' ' && unicode.IsLower(s.at(at)) {
		return // "12345678 y ..." is a number and a word
	}
	s.add(start, at+1, DNI, "")
}

// nino: two letters, six digits, and A to D, with or without spaces. Letters as HM Revenue and Customs gives them out.
func (s *scan) nino(i int) {
	start := s.tokens[i].start
	var c [9]rune
	at, n := start, 0
	for ; at < len(s.runes) && n < 9; at++ {
		r := s.runes[at]
		if r == ' ' && n >= 2 && s.at(at-1) != ' ' {
			continue
		}
		if v := s.digit[at]; v >= 0 {
			r = '0' + rune(v)
		}
		isDigit := r >= '0' && r <= '9'
		if isDigit != (n >= 2 && n <= 7) {
			return
		}
		c[n] = unicode.ToUpper(r)
		n++
	}
	if n < 9 || s.isWordRune(at) || c[8] < 'A' || c[8] > 'D' || s.at(at-2) == ' ' && unicode.IsLower(s.at(at-1)) {
		return
	}
	if isDash(s.at(start-1)) || isDash(s.at(at)) && s.isWordRune(at+1) {
		return
	}
	for k, bad := range [2]string{"DFIQUV", "DFIQUVO"} {
		if c[k] < 'A' || c[k] > 'Z' {
			return
		}
		for _, b := range bad {
			if c[k] == b {
				return
			}
		}
	}
	switch string(c[:2]) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return
	}
	s.add(start, at, NINO, "")
}
