package mailin

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Strip returns what the sender of a mail wrote themselves, and tells whether anything was left out: quotes of earlier
// mails and what mail programs and people put below. Where it is not sure it keeps everything, because a quote too much
// costs an agent a look, and a sentence too little costs the customer an answer.
func Strip(text, subject string) (kept string, cut bool) {
	all := split(text)
	if forwarded(all, subject) {
		return join(all), false
	}
	lines := signatures(all)
	lines = headed(lines)
	lines = quoted(lines)
	lines = signatures(lines)
	if kept = join(lines); kept == "" {
		return join(all), false // better the whole mail than none of it
	}
	return kept, kept != join(all)
}

// split returns the lines without what is not seen at their ends.
func split(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u00a0", " ", "\u202f", " ").Replace(text)
	return strings.Split(text, "\n")
}

// join puts lines together, with one empty line at most between two that are not.
func join(lines []string) string {
	var out []string
	for _, l := range lines {
		l = strings.TrimRight(l, " \t")
		if l == "" && (len(out) == 0 || out[len(out)-1] == "") {
			continue
		}
		out = append(out, l)
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

// plain is a line as patterns see it: without marks of direction, bold stars, and blanks around it.
func plain(line string) string {
	line = strings.Map(func(r rune) rune {
		switch {
		case r == '\u200e', r == '\u200f', r == '\u200b', r == '\ufeff', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, line)
	return strings.TrimSpace(line)
}

func isQuote(line string) bool { return strings.HasPrefix(plain(line), ">") }

func isBlank(line string) bool { return plain(line) == "" }

// hasDigit is what every line above a quote has: a date or a time.
var hasDigit = regexp.MustCompile(`\p{Nd}`)

// attributions are the lines that mail programs write above a quote, by language; each needs a date, too.
var attributions = []*regexp.Regexp{
	regexp.MustCompile(`^On .{4,300}\bwrote\s?:$`),
	regexp.MustCompile(`^Am .{4,300}\bschrieb\b.{0,200}:$`),
	regexp.MustCompile(`^.{1,200}@.{1,200}\sschrieb am .{4,100}:$`),
	regexp.MustCompile(`^El .{4,300}\sescribió\s?:$`),
	regexp.MustCompile(`^(?:Den )?.{4,300}\bskrev\b.{0,200}:$`),
	regexp.MustCompile(`^Le .{4,300}\sa écrit\s?:$`),
	regexp.MustCompile(`^في .{4,300}(?:كتب|كتبت|كتابة).{0,200}:$`),
}

// attribution tells how many of the first lines stand above a quote: 1 to 3, because long ones are wrapped; 0 for none.
func attribution(lines []string) int {
	joined := ""
	for n := 0; n < min(3, len(lines)); n++ {
		l := plain(lines[n])
		if l == "" || n > 0 && isQuote(l) {
			return 0
		}
		joined = strings.TrimSpace(joined + " " + l)
		if hasDigit.MatchString(joined) && slices.ContainsFunc(attributions, func(r *regexp.Regexp) bool { return r.MatchString(joined) }) {
			return n + 1
		}
	}
	return 0
}

// quoted leaves out quotes whose lines begin with ">": below what was written, with the line above them, or above it. Quotes
// that were answered piece by piece stay with the answers.
func quoted(lines []string) []string {
	first, named := -1, 0
	for i, l := range lines {
		if isQuote(l) {
			first = i
			inner := strings.TrimLeft(plain(l), "> ")
			rest := []string{inner}
			for _, m := range lines[i+1 : min(i+3, len(lines))] {
				rest = append(rest, strings.TrimLeft(plain(m), "> "))
			}
			if attribution(rest) > 0 {
				named = -1 // the line above the quote is quoted itself
			}
			break
		}
		if n := attribution(lines[i:]); n > 0 {
			next := i + n
			for next < len(lines) && isBlank(lines[next]) {
				next++
			}
			if next == len(lines) || isQuote(lines[next]) {
				first, named = i, n
				break
			}
		}
	}
	if first < 0 || named == 0 {
		return lines // nothing says that this is a mail's text and not the customer's own
	}
	runs, last, in := 0, first, false
	var below []string
	for i := first + max(named, 0); i < len(lines); i++ {
		switch l := lines[i]; {
		case isQuote(l):
			if !in {
				runs, in = runs+1, true
			}
			last = i
		case isBlank(l):
		default:
			below = append(below, l)
			in = false
		}
	}
	above := join(lines[:first]) != ""
	switch {
	case above && len(below) == 0:
		return lines[:first]
	case !above && len(below) > 0 && runs == 1 && named > 0 && !isBlankless(lines, last):
		return lines[last+1:]
	}
	return lines
}

// isBlankless tells whether text follows the quote without an empty line: then it answers the quote's last line, and makes
// no sense without it.
func isBlankless(lines []string, last int) bool {
	return last+1 < len(lines) && !isBlank(lines[last+1])
}

// labels are the names of headers as mail programs write them above a text that they do not mark, by what they stand for.
var labels = map[string]*regexp.Regexp{
	"from":    regexp.MustCompile(`^(?:From|Von|De|Från|من)\s?:`),
	"sent":    regexp.MustCompile(`^(?:Sent|Date|Gesendet|Datum|Enviado(?: el)?|Fecha|Skickat|Envoyé|Date|تم الإرسال|تاريخ الإرسال|التاريخ)\s?:`),
	"to":      regexp.MustCompile(`^(?:To|An|Para|Till|À|إلى)\s?:`),
	"subject": regexp.MustCompile(`^(?:Subject|Betreff|Asunto|Ämne|Objet|الموضوع)\s?:`),
}

// original is the line that some programs write above such headers.
var original = regexp.MustCompile(`^-{2,}\s*(?:Original Message|Ursprüngliche Nachricht|Mensaje original|Ursprungligt meddelande|Message d['’]origine|الرسالة الأصلية|رسالة أصلية)\s*-{2,}$`)

var rule = regexp.MustCompile(`^_{8,}$`)

// elsewhere is what people write who answer inside the text below.
var elsewhere = regexp.MustCompile(`(?i)\b(?:below|inline|in-line|in (?:red|blue|green|bold|capitals)|unten|im text|in (?:rot|blau|fett)|abajo|en (?:rojo|azul|negrita)|nedan|i (?:rött|blått|texten)|ci-dessous|plus bas|en (?:rouge|bleu|gras))\b|أدناه|في الأسفل|بالأحمر`)

// headers tells whether the line begins the headers of an earlier mail, marked by nothing but their names.
func headers(lines []string) bool {
	if len(lines) == 0 {
		return false
	}
	sent, more, n := false, false, 0
	switch first := label(lines[0]); {
	case labels["from"].MatchString(first):
	case len(lines) > 1 && labels["sent"].MatchString(first) && labels["from"].MatchString(label(lines[1])):
		sent = true
	default:
		return false
	}
	for _, l := range lines[1:] {
		l = label(l)
		if l == "" {
			if n == 0 {
				continue // between paragraphs of HTML
			}
			break
		}
		if n++; n > 8 {
			break
		}
		sent = sent || labels["sent"].MatchString(l)
		more = more || labels["to"].MatchString(l) || labels["subject"].MatchString(l)
	}
	return sent && more
}

func label(line string) string { return strings.ReplaceAll(plain(line), "*", "") }

// headed leaves out an earlier mail that stands below with its headers.
func headed(lines []string) []string {
	for i := range lines {
		at := i
		l := plain(lines[i])
		switch {
		case original.MatchString(l):
		case rule.MatchString(l):
			next := i + 1
			for next < len(lines) && isBlank(lines[next]) {
				next++
			}
			if !headers(lines[next:]) {
				continue
			}
		case headers(lines[i:]):
		default:
			continue
		}
		above := join(lines[:at])
		if above == "" || elsewhere.MatchString(above) {
			return lines
		}
		return lines[:at]
	}
	return lines
}

// passed are the lines above a mail that was passed on: the customer shows it, so it is what they have to say.
var passed = regexp.MustCompile(`^(?:-{3,}\s*(?:Forwarded message|Weitergeleitete Nachricht|Mensaje reenviado|Vidarebefordrat meddelande|Message (?:transféré|réexpédié)|الرسالة المعاد توجيهها|رسالة معاد توجيهها)\s*-{3,}|(?:Begin forwarded message|Anfang der weitergeleiteten (?:Nachricht|E-Mail)|Inicio del mensaje reenviado|Vidarebefordrat brev|Début du message (?:réexpédié|transféré)|بداية الرسالة المعاد توجيهها)\s?:)$`)

var passedSubject = regexp.MustCompile(`(?i)^\s*(?:Fwd?|WG|RV|TR|VB|I|إعادة توجيه)\s?:`)

func forwarded(lines []string, subject string) bool {
	return passedSubject.MatchString(subject) || slices.ContainsFunc(lines, func(l string) bool { return passed.MatchString(plain(l)) })
}

// devices are the lines that mail programs add on their own.
var devices = regexp.MustCompile(`^(?:Sent from (?:my )?(?:iPhone|iPad|Galaxy|Samsung|Pixel|Android|Huawei|Xiaomi|mobile|phone|Yahoo Mail|Outlook|Mail|Proton Mail|Fairphone)[^,.?!]{0,60}\.?|Sent with (?:Proton Mail|Outlook|Spark|Mailspring)[^,?!]{0,60}` +
	`|Get (?:\[)?Outlook for (?:iOS|Android|Mac).{0,80}` +
	`|Von meinem .{2,40} gesendet\.?|Gesendet (?:mit|von|über) (?:der |meinem )?(?:Mail|Outlook|iPhone|iPad|GMX|WEB\.DE|Yahoo|Telekom|Proton)[^,?!]{0,60}|(?:Holen Sie sich|Beziehen Sie) Outlook für .{2,80}` +
	`|Enviado desde (?:mi |Correo|Outlook|Yahoo)[^,?!]{0,60}|Obtener Outlook para .{2,80}` +
	`|Skicka(?:t|des) från (?:min |E-post|Outlook|Yahoo)[^,?!]{0,60}|Hämta Outlook för .{2,80}` +
	`|Envoyé (?:de|depuis) (?:mon |Outlook|Yahoo|ma |Courrier)[^,?!]{0,60}|Obtenir Outlook pour .{2,80}` +
	`|(?:مُرسل|أُرسلت?|مرسل|أرسلت?) من (?:الـ|جهاز|هاتفي|ال).{0,60}|الحصول على Outlook ل.{2,80})$`)

// contact is what tells a signature from a sentence.
var contact = regexp.MustCompile(`\p{Nd}[\p{Nd} ()/.-]{5,}\p{Nd}|\S@\S+\.\S|www\.|https?://`)

// Bounds of a signature.
const (
	signatureLines = 15
	shortLines     = 6
	shortLine      = 60
)

// signatures leaves out what stands below the text: the line of a device, a signature behind its two dashes.
func signatures(lines []string) []string {
	for range 4 { // one may stand above another
		end := len(lines)
		for end > 0 && isBlank(lines[end-1]) {
			end--
		}
		if end == 0 {
			return lines[:0]
		}
		if devices.MatchString(plain(lines[end-1])) && (end == 1 || isBlank(lines[end-2]) || isQuote(lines[end-2])) {
			lines = lines[:end-1]
			continue
		}
		at := dashes(lines[:end])
		if at < 0 {
			return lines[:end]
		}
		lines = lines[:at]
	}
	return lines
}

// dashes is where the last signature begins, or -1. Two dashes and a blank are what mail programs write; without the blank
// it takes more to be believed.
func dashes(lines []string) int {
	for i := len(lines) - 1; i >= max(0, len(lines)-1-2*signatureLines); i-- {
		l := strings.TrimSuffix(lines[i], "\r")
		if l != "-- " && l != "--" {
			if isQuote(l) {
				return -1
			}
			continue
		}
		n, short, reachable := 0, true, false
		for _, s := range lines[i+1:] {
			if isBlank(s) {
				continue
			}
			n++
			s = plain(s)
			if strings.ContainsAny(s, "?؟") || attribution([]string{s}) > 0 {
				return -1
			}
			short = short && utf8.RuneCountInString(s) <= shortLine
			reachable = reachable || contact.MatchString(s)
		}
		if l == "-- " && n <= signatureLines || n <= shortLines && short && reachable {
			return i
		}
		return -1
	}
	return -1
}
