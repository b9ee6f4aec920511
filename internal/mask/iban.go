package mask

import "unicode"

// ibanLength is the length of an IBAN by country, from the IBAN registry (ISO 13616-2).
var ibanLength = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
	"CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
	"GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
	"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
	"MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
	"QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28,
	"TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// ibans finds bank account numbers: country, two check digits, and the country's number of letters and digits, in one
// piece or in groups with one space, dash or dot between them.
func (s *scan) ibans() {
	for _, t := range s.tokens {
		if t.class != word || !s.isLetter(t.start) || !s.isLetter(t.start+1) {
			continue
		}
		n := ibanLength[string([]rune{unicode.ToUpper(s.runes[t.start]), unicode.ToUpper(s.runes[t.start+1])})]
		if n == 0 {
			continue
		}
		// The two letters may stand alone, before a space; what follows decides.
		var c [34]byte
		at, k := t.start, 0
		for ; at < len(s.runes) && k < n; at++ {
			r := s.runes[at]
			switch v := s.digit[at]; {
			case v >= 0 && k >= 2:
				c[k] = byte(v)
			case k < 2 || k >= 4 && (r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'):
				if r = unicode.ToUpper(r); r < 'A' || r > 'Z' {
					at = len(s.runes)
					continue
				}
				c[k] = byte(r-'A') + 10
			case k >= 2 && (r == ' ' || r == '\u00a0' || isDash(r) || r == '.') && s.isWordRune(at-1):
				continue
			default:
				at = len(s.runes)
				continue
			}
			k++
		}
		if k < n || at > len(s.runes) || s.isWordRune(at) || mod97(c[:n]) != 1 {
			continue
		}
		last := ""
		for _, v := range c[n-2 : n] {
			if v < 10 {
				last += string(rune('0' + v))
			} else {
				last += string(rune('A' + v - 10))
			}
		}
		s.add(t.start, at, IBAN, "[IBAN ending "+last+"]")
	}
}

// mod97 is the remainder of ISO 7064 mod 97-10, with the first four characters moved to the end and letters as 10 to 35.
func mod97(c []byte) int {
	rem := 0
	feed := func(v byte) {
		if v >= 10 {
			rem = (rem*100 + int(v)) % 97
		} else {
			rem = (rem*10 + int(v)) % 97
		}
	}
	for _, v := range c[4:] {
		feed(v)
	}
	for _, v := range c[:4] {
		feed(v)
	}
	return rem
}
