package mask

import (
	"strings"
	"unicode"
)

// minKey is the length from which a token can be an API key.
const minKey = 20

// Bounds that keep the time linear.
const (
	reach   = 24  // tokens between a word and the value that it announces
	longest = 128 // runes of a password
)

// trigger says what a word announces.
type trigger uint8

const (
	tNone trigger = iota
	tCVV
	tPassword // the value may be any word
	tPIN      // the value is 4 to 8 digits, or holds a digit
	tCode     // the value is 4 to 8 digits, unless another kind of code is meant
	tOTP      // a one-time code for certain
	tSecurity // "security" of "security code"
	tSSN
	tPnr
	tLink  // "is", "ist", "es", "är" ... between the trigger and the value
	tOther // makes the "code" that follows harmless: "error code 404123"
	tState // a word that says how a password is, and is none: "my password is wrong"
)

var triggers = map[string]trigger{}

func init() {
	for t, words := range map[trigger]string{
		tCVV:      "cvv cvv2 cvc cvc2 cvn kartenprüfnummer prüfziffer prüfnummer säkerhetskod säkerhetskoden",
		tPassword: "password passwords passwd pwd passphrase passwort kennwort contraseña contrasena lösenord lösenordet losenord",
		tPIN:      "pin pincode pinkod pinkoden geheimzahl clave",
		tCode:     "code kod koden código codigo codes",
		tOTP:      "otp tan mtan passcode einmalcode einmalpasswort bestätigungscode sicherheitscode verifizierungscode engångskod engångskoden verifieringskod verifieringskoden bekräftelsekod smskod smscode",
		tSecurity: "security seguridad sicherheits",
		tSSN:      "ssn social",
		tPnr:      "personnummer personnumret pnr samordningsnummer",
		tLink: "is was are it's its be of the my to me you your by sms text i got received get just new this here comes from " +
			"ist war lautet lautete mein meine der die das ich habe erhalten bekommen hier per " +
			"es era fue mi el la de que por he recibido un este " +
			"är var min mitt den det jag fick har fått via",
		tOther: "error fehler post postal zip promo promotion promotional discount voucher coupon gift reference ref country area dialling dialing " +
			"sort swift bic bank product order qr bar source tracking rabatt gutschein referenz bestell länder vorwahl " +
			"postnummer referencia promocional descuento error postal produkt källkod rabattkod felkod status exit http iso dress invite referral",
		tState: "wrong incorrect right correct invalid expired gone lost missing blocked locked reset forgotten required safe secure weak strong fine ok okay " +
			"empty changed unknown needed secret stolen compromised accepted rejected working broken saved stored encrypted protected hidden " +
			"falsch richtig ungültig abgelaufen weg gesperrt vergessen erforderlich sicher unsicher schwach stark leer geändert unbekannt nötig geheim gestohlen korrekt gespeichert verloren " +
			"incorrecta incorrecto correcta correcto inválida caducada bloqueada olvidada perdida segura débil fuerte vacía cambiada necesaria obligatoria secreta robada " +
			"fel felaktigt rätt ogiltigt utgånget borta spärrat låst glömt säkert svagt starkt tomt ändrat okänt nödvändigt hemligt stulet not nicht no inte never too zu also still already noch todavía muy good bad old new same different",
	} {
		for _, w := range strings.Fields(words) {
			if triggers[w] == tNone || t == tLink {
				triggers[w] = t
			}
		}
	}
}

// near reports whether a word with the given trigger stands within six words before position at.
func (s *scan) near(at int, want trigger) bool {
	words := 0
	last := s.tokenBefore(at)
	for i := last; i >= 0 && i > last-reach && words < 6; i-- {
		if s.tokens[i].class == word {
			if s.tokens[i].trigger == want {
				return true
			}
			words++
		}
	}
	return false
}

// tokenBefore finds the last token that ends at or before a position.
func (s *scan) tokenBefore(at int) int {
	lo, hi := 0, len(s.tokens)
	for lo < hi {
		if mid := (lo + hi) / 2; s.tokens[mid].end <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// stated finds values that the words before (or after) them call a secret.
func (s *scan) stated() {
	for i := range s.tokens {
		switch s.tokens[i].trigger {
		case tCVV:
			s.valueNear(i, 3, 4, SecurityCode)
		case tCode:
			switch p := s.previousWord(i); {
			case p == tSecurity:
				s.valueNear(i, 3, 4, SecurityCode)
				s.valueNear(i, 5, 8, Code)
			case p != tOther && p != tCVV:
				s.valueNear(i, 4, 8, Code)
			case p == tCVV:
				s.valueNear(i, 3, 4, SecurityCode)
			}
		case tSecurity: // código de seguridad 123: the order of the words is the other way round
			if p := s.previousWord(i); p == tLink || p == tCode {
				s.valueNear(i, 3, 4, SecurityCode)
			}
		case tOTP:
			s.valueNear(i, 4, 8, Code)
		case tPIN:
			s.valueNear(i, 4, 8, Password)
			s.password(i, true)
		case tPassword:
			s.password(i, false)
		}
	}
}

// previousWord is the trigger of the word before token i, across one space or dash.
func (s *scan) previousWord(i int) trigger {
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		if s.tokens[j].class == word {
			return s.tokens[j].trigger
		}
		if s.tokens[j].class == masked || s.tokens[j].class == number {
			return tNone
		}
	}
	return tNone
}

// valueNear masks a number of lo to hi digits after token i, with up to four linking words and some punctuation between
// them; failing that, one before it: "123456 is my code".
func (s *scan) valueNear(i, lo, hi int, kind Kind) {
	for _, dir := range [2]int{1, -1} {
		links := 0
		for j := i + dir; j >= 0 && j < len(s.tokens) && j > i-reach && j < i+reach; j += dir {
			t := s.tokens[j]
			if t.class == number {
				start, end, n := s.grouped(j, dir)
				if n < lo || n > hi || s.partOfMore(start, end) || dir < 0 && links == 0 && kind == Code {
					break
				}
				s.add(start, end, kind, "")
				return
			}
			if t.class == masked {
				break
			}
			if t.class == word {
				if links++; links > 4 || t.trigger != tLink && t.trigger != tCode && t.trigger != tSecurity && t.trigger != tCVV {
					break
				}
			}
			if t.class == punct && !strings.ContainsRune(":=-–—>\"'„“”»«()*#,.", s.runes[t.start]) {
				break
			}
			if t.class == punct && dir < 0 && !strings.ContainsRune("\"'„“”»«()", s.runes[t.start]) {
				break
			}
			if t.class == space && strings.ContainsRune(string(s.runes[t.start:t.end]), '\n') && dir < 0 {
				break
			}
		}
	}
}

// grouped takes a number token, and its neighbour when the two are halves of a code such as "123 456" or "123-456".
func (s *scan) grouped(j, dir int) (start, end, n int) {
	t := s.tokens[j]
	start, end, n = t.start, t.end, size(t)
	k := j + 2*dir
	if n == 3 && k >= 0 && k < len(s.tokens) {
		sep, other := s.tokens[j+dir], s.tokens[k]
		r := s.runes[sep.start]
		if size(sep) == 1 && (r == ' ' || isDash(r)) && other.class == number && size(other) == 3 {
			return min(start, other.start), max(end, other.end), 6
		}
	}
	return start, end, n
}

// partOfMore reports whether a number belongs to an amount, a date, a telephone number or a longer token.
func (s *scan) partOfMore(start, end int) bool {
	before, after := s.at(start-1), s.at(end)
	if unicode.Is(unicode.Sc, before) || unicode.Is(unicode.Sc, after) || after == '%' || before == '+' || s.at(end) == ' ' && unicode.Is(unicode.Sc, s.at(end+1)) {
		return true
	}
	joins := func(r rune) bool { return isDash(r) || r == '.' || r == ',' || r == '/' || r == ':' || r == '_' }
	return joins(after) && s.isWordRune(end+1) || joins(before) && before != ':' && s.isWordRune(start-2)
}

// password masks the word after token i when it is given as the value. After a colon, an equals sign or "is" any word
// is, unless it says how the password is ("wrong") or the sentence goes on; without them only a word that no dictionary
// has. strict asks for a digit in any case.
func (s *scan) password(i int, strict bool) {
	at := s.tokens[i].end
	linked, colon := false, false
	for steps := 0; steps < 6; steps++ {
		for at < len(s.runes) && s.runes[at] != '\n' && unicode.IsSpace(s.runes[at]) {
			at++
		}
		if at >= len(s.runes) {
			return
		}
		if r := s.runes[at]; r == ':' || r == '=' {
			linked, colon = true, true
			at++
			continue
		}
		if k := s.tokenBefore(at) + 1; k < len(s.tokens) && s.tokens[k].start == at && s.tokens[k].class == word {
			w := strings.ToLower(string(s.runes[at:s.tokens[k].end]))
			if is := w == "is" || w == "was" || w == "ist" || w == "war" || w == "lautet" || w == "es" || w == "era" || w == "är" || w == "var"; is && !colon {
				linked = true
				at = s.tokens[k].end
				continue
			}
		}
		break
	}
	if at >= len(s.runes) || s.runes[at] == '\n' || at == s.tokens[i].end {
		return
	}
	const quotes = "\"'„“”»«`‘’"
	quoted := strings.ContainsRune(quotes, s.runes[at])
	if quoted {
		at++
	}
	end := at
	for end < len(s.runes) && end-at < longest && !unicode.IsSpace(s.runes[end]) && !(quoted && strings.ContainsRune(quotes, s.runes[end])) {
		end++
	}
	if quoted { // a passphrase, if the quotation ends on the line
		for k := end; k < len(s.runes) && k-at < longest && s.runes[k] != '\n'; k++ {
			if strings.ContainsRune(quotes, s.runes[k]) {
				end = k
				break
			}
		}
	}
	for end > at && strings.ContainsRune(".,;:!?)]}"+quotes, s.runes[end-1]) {
		end--
	}
	if end-at < 3 || s.runes[at] == '[' {
		return
	}
	value := string(s.runes[at:end])
	digit, letter, mark, caseChange := false, false, false, false
	for k, r := range s.runes[at:end] {
		switch {
		case s.digit[at+k] >= 0:
			digit = true
		case unicode.IsLetter(r):
			letter = true
			caseChange = caseChange || k > 0 && unicode.IsUpper(r) && unicode.IsLower(s.runes[at+k-1])
		case r != '\'' && r != '’' && r != '-':
			mark = true
		}
	}
	odd := digit && (letter || mark) || caseChange || mark && letter
	if strings.Contains(value, "://") || strings.HasPrefix(value, "www.") || strings.Contains(value, "/") && !digit {
		return
	}
	switch {
	case strict && !digit, !linked && !(digit && letter):
		return
	case odd, linked && digit && end-at >= 4:
	case triggers[strings.ToLower(value)] != tNone:
		return
	case linked && quoted:
	case linked && s.sentenceEnds(end): // one plain word and no more
	default:
		return
	}
	s.add(at, end, Password, "")
}

// sentenceEnds reports whether nothing but punctuation follows on the line or in the sentence.
func (s *scan) sentenceEnds(at int) bool {
	for ; at < len(s.runes); at++ {
		switch r := s.runes[at]; {
		case r == '\n' || r == '.' || r == '!' || r == ',' || r == ';':
			return true
		case r == '?':
			return false
		case unicode.IsSpace(r), strings.ContainsRune("\"'„“”»«)", r):
		default:
			return false
		}
	}
	return true
}

// keyPrefixes are the beginnings of API keys and tokens of services that customers and merchants use.
var keyPrefixes = []string{
	"sk-", "sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "whsec_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
	"glpat-", "xoxb-", "xoxp-", "xoxa-", "xoxs-", "xapp-", "akia", "asia", "aiza", "hf_", "npm_", "sg.", "eyj", "shpat_", "ya29.",
}

// keys finds API keys: tokens with a known beginning, long enough, of the right characters, and not a plain word.
func (s *scan) keys() {
	for at := 0; at < len(s.runes); {
		if !keyRune(s.runes[at]) {
			at++
			continue
		}
		end, digits, upper := at, 0, 0
		for end < len(s.runes) && keyRune(s.runes[end]) {
			if s.digit[end] >= 0 {
				digits++
			}
			if unicode.IsUpper(s.runes[end]) {
				upper++
			}
			end++
		}
		stop := end
		for stop > at && s.runes[stop-1] == '.' {
			stop--
		}
		if n := stop - at; n >= minKey && digits+upper > 0 {
			head := strings.ToLower(string(s.runes[at:min(at+11, stop)]))
			for _, p := range keyPrefixes {
				if strings.HasPrefix(head, p) && (p != "eyj" || strings.Count(string(s.runes[at:stop]), ".") == 2) && (p[0] != 'a' || n <= 40) {
					s.add(at, stop, APIKey, "")
					break
				}
			}
		}
		at = end
	}
}

func keyRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}
