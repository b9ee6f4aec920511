package assistant

import (
	"slices"
	"strings"

	"github.com/firstline/firstline/retrieval/analysis"
)

// tongue is what tells, in one language, how a message hangs together with what was said before. Phrases are in lower
// case, without punctuation.
type tongue struct {
	code     string
	acks     map[string]bool // words that receive what was said, before a message begins
	onward   []string        // beginnings of a message that goes on from what was said
	change   []string        // phrases that leave the subject
	back     []string        // phrases that come back to an earlier one
	meant    []string        // phrases that correct
	no       map[string]bool // words that refuse, at the beginning
	not      map[string]bool // words that take back what stands beside them
	you      map[string]bool // words for the company, spoken to
	small    map[string]bool // words that are about nothing, beside the stop words of retrieval
	pronouns map[string]bool // words that stand for something said before
	empty    map[string]bool // two words of which one looks like a pronoun and stands for nothing

	// Words that are pronouns or articles: pronouns at the end of a message, before one of afterPronoun, and after one of
	// beforePronoun.
	articles, afterPronoun, beforePronoun map[string]bool
	enclitic                              []string // endings of verbs that carry a pronoun
}

// tongueOf returns that of a language, or of English.
func tongueOf(language string) *tongue {
	if l := tongues[analysis.Language(language)]; l != nil {
		return l
	}
	return tongues["en"]
}

// tie tells how a message hangs together with what was said before; answer: a question was asked back just before it.
func (l *tongue) tie(r *remark, answer bool) tie {
	all := r.words()
	words := l.unacknowledged(all)
	said := " " + strings.Join(all, " ") + " "
	n := len(r.stems)
	points := l.pointsBack(words, r)
	switch {
	case hasPhrase(said, l.change):
		return stands
	case hasPhrase(said, l.back):
		return returns
	case n > 0 && (hasPhrase(said, l.meant) || l.no[all[0]] && !r.asks || len(l.negated(r)) > 0):
		return corrects
	case n == 0, n == 1 && r.asks && (r.opens || points): // "and what does it cost?" asks for a side of what was said before
		return bare
	case r.opens && n <= goesOn, points && n <= goesOn:
		return leans
	case l.addressed(words): // a question put to the company is a whole one
		if n == 1 {
			return leans
		}
	case n == 1, n == 2 && !r.asks, n == 3 && !r.asks && len(all) <= short, answer && (n < 3 || !r.asks):
		return leans
	}
	return stands
}

// What a message says by itself, in words that are about something, and still leans on what was said before.
const (
	goesOn = 5 // when it begins as one that goes on, or has a pronoun
	short  = 8 // words of any kind, for a statement of three that are about something
)

// unacknowledged returns the words after those that only receive what was said.
func (l *tongue) unacknowledged(words []string) []string {
	for i, w := range words {
		if !l.acks[w] {
			return words[i:]
		}
	}
	return nil
}

// negated returns the stems that a message only takes back ("not the card", "la tarjeta no") and does not say again; nil
// when nothing else is said.
func (l *tongue) negated(r *remark) []string {
	var gone, kept []string
	for _, c := range r.clauses {
		about, stems := 0, []string(nil)
		for _, w := range c {
			if of := r.stemsOf(w); len(of) > 0 {
				about++
				stems = append(stems, of...)
			}
		}
		if len(c) > 1 && about <= 3 && (l.not[c[0]] || l.not[c[len(c)-1]]) {
			gone = append(gone, stems...)
		} else {
			kept = append(kept, stems...)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return slices.DeleteFunc(gone, func(s string) bool { return slices.Contains(kept, s) })
}

// pointsBack reports whether a word stands in a message for something said before. After two words that are about
// something, it stands for one of them rather ("my app crashes when I open it"), unless the message goes on.
func (l *tongue) pointsBack(words []string, r *remark) bool {
	about := 0
	for i, w := range words {
		next, before := "", ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		if i > 0 {
			before = words[i-1]
		}
		if about >= 2 && !r.opens {
			return false
		}
		if slices.Contains(r.content, w) {
			about++
		}
		switch {
		case l.pronouns[w] && !l.empty[before+" "+w] && !l.empty[w+" "+next]:
			return true
		case l.articles[w] && (next == "" || l.afterPronoun[next] || l.beforePronoun[before]):
			return true
		case slices.ContainsFunc(l.enclitic, func(e string) bool { return len(w) > len(e)+2 && strings.HasSuffix(w, e) }):
			return true
		}
	}
	return false
}

// addressed reports whether a message begins as a question put to the company ("do you take", "tar ni").
func (l *tongue) addressed(words []string) bool {
	return slices.ContainsFunc(words[:min(4, len(words))], func(w string) bool { return l.you[w] })
}

func startsWith(words []string, phrases []string) bool {
	s := strings.Join(words[:min(6, len(words))], " ") + " "
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.HasPrefix(s, p+" ") })
}

func hasPhrase(s string, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(s, " "+p+" ") })
}

func stringSet(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}

var tongues = map[string]*tongue{
	"en": {
		code:     "en",
		acks:     wordSet(`ok okay oh ah well thanks thank you great good perfect fine right alright yes yeah yep sure please cool nice lol haha hm hmm hi hello`),
		onward:   []string{"and", "but", "or", "then", "so", "also", "what if", "what about", "how about", "if", "what happens if", "what happens when", "even if", "not even", "only", "why", "why not", "since when", "until when", "by when", "with", "without", "for", "in", "on", "at", "from", "to", "after", "before"},
		change:   []string{"by the way", "btw", "another question", "different question", "something else", "another thing", "other question", "different topic", "one more thing", "new question", "unrelated", "never mind", "forget it", "separate question"},
		back:     []string{"about the", "back to", "again about", "going back", "as for", "regarding the", "coming back", "returning to", "earlier question", "first question"},
		meant:    []string{"i meant", "i mean", "meant to say", "wrong one", "my mistake", "scratch that", "no wait", "sorry not", "i was talking about", "i'm talking about", "rather the"},
		no:       wordSet(`no nope nah`),
		not:      wordSet(`not isn't`),
		you:      wordSet(`you`),
		small:    wordSet(`much many long far often happens happen work works mean means meant thing things going go back sorry mistake way`),
		pronouns: wordSet(`it its that this they them those these one ones same he she him her his their then there afterwards both either`),
		empty:    stringSet("is there", "are there", "was there", "that i", "that you", "that is", "one time", "one more", "if there", "is it possible", "this week", "this month", "this year", "that was"),
	},
	"de": {
		code:          "de",
		acks:          wordSet(`ok okay oh ah ach aha gut super danke prima perfekt alles klar ja jap gern gerne schade hm hallo hi toll cool genau stimmt`),
		onward:        []string{"und", "aber", "oder", "dann", "also", "auch", "was wenn", "was ist wenn", "was ist mit", "was passiert wenn", "wie ist es mit", "wie sieht es mit", "wenn", "falls", "warum", "wieso", "seit wann", "bis wann", "ab wann", "mit", "ohne", "für", "bei", "im", "in", "am", "auf", "aufs", "von", "nach", "vor", "nur", "sondern"},
		change:        []string{"übrigens", "andere frage", "was anderes", "etwas anderes", "anderes thema", "neue frage", "nebenbei", "ganz anders", "apropos", "sag mal", "egal", "vergiss es", "noch eine frage", "noch ne frage"},
		back:          []string{"nochmal zum", "nochmal zur", "nochmal zu", "noch mal zum", "noch mal zur", "noch mal zu", "zurück zum", "zurück zur", "zurück zu", "wegen dem", "was die", "was den", "was das", "um auf"},
		meant:         []string{"ich meine", "ich mein", "ich meinte", "meine ich", "meinte ich", "quatsch", "verschrieben", "ich rede von", "ich spreche von", "falsch ausgedrückt", "mein fehler", "doch nicht", "vertan"},
		no:            wordSet(`nein nee ne nö nicht`),
		not:           wordSet(`nicht kein keine keinen`),
		you:           wordSet(`ihr`),
		small:         wordSet(`lange weit viel oft passiert geht gibts einfach nix ganze schon müsste gar ne nen nem quatsch mein meine meinte wieder steht mach mache`),
		pronouns:      wordSet(`es ihn ihm er denen dies diese dieser dieses diesen diesem jene davon damit dafür daran darauf dabei dazu dagegen darin danach davor da dort dann dasselbe derselbe beide beiden`),
		empty:         stringSet("gibt es", "geht es", "es gibt", "wird es", "da ich", "da wir", "ist es"),
		articles:      wordSet(`der die das den dem sie`),
		afterPronoun:  wordSet(`hat haben ist sind war waren wird werden kann können darf soll muss will steht geht kommt hab habe ich nicht auch noch denn dann jetzt mir`),
		beforePronoun: wordSet(`hab haben kann darf muss soll will`),
	},
	"es": {
		code:          "es",
		acks:          wordSet(`ok okay vale ah oh gracias genial perfecto bien bueno sí si claro jaja estupendo hola entiendo entendido ya eso es`),
		onward:        []string{"y", "e", "pero", "o", "entonces", "también", "qué pasa si", "que pasa si", "y si", "si", "por qué", "desde cuándo", "hasta cuándo", "con", "sin", "para", "en", "por", "de", "solo", "sólo", "tampoco", "aunque", "cuando"},
		change:        []string{"por cierto", "otra pregunta", "otra cosa", "otro tema", "otra duda", "cambiando de tema", "olvídalo", "da igual", "aparte de eso", "nueva pregunta", "una duda distinta"},
		back:          []string{"volviendo a", "volviendo al", "vuelvo a", "vuelvo al", "sobre lo", "respecto a", "respecto al", "en cuanto a", "lo de antes", "con lo de", "lo del", "lo de", "a lo de"},
		meant:         []string{"quería decir", "quise decir", "quiero decir", "no digo", "me refiero", "me refería", "me he equivocado", "me equivoqué", "perdona", "perdón", "mejor dicho", "hablo de", "error mío"},
		no:            wordSet(`no`),
		not:           wordSet(`no`),
		you:           wordSet(`ustedes vosotros`),
		small:         wordSet(`cuánto cuánta cuántos cuántas pasa digo decir perdona perdón refiero cierto tema pregunta volviendo vez rato todo`),
		pronouns:      wordSet(`lo le les ello eso esto esa ese esos esas este esta estos estas ahí allí entonces luego mismo misma él ella ellos ellas ambos`),
		empty:         stringSet("lo que", "a lo", "esta semana", "este mes", "este año"),
		articles:      wordSet(`la las los`),
		afterPronoun:  wordSet(`puedo puede pueden podría tengo tiene quiero he ha han hay pago cobran cobráis rechaza rechazan borro cambio uso necesito`),
		beforePronoun: wordSet(`cómo como cuándo dónde no me te se nos ya`),
		enclitic:      []string{"arlo", "arla", "arlos", "arlas", "erlo", "erla", "erlos", "erlas", "irlo", "irla", "irlos", "irlas", "rselo", "rmelo", "rmela"},
	},
	"sv": {
		code:     "sv",
		acks:     wordSet(`ok okej oj jaha ja jo tack bra toppen perfekt fint aha hej schysst visst gärna kanon synd`),
		onward:   []string{"och", "men", "eller", "då", "så", "också", "vad händer om", "tänk om", "om", "varför", "sedan när", "hur är det med", "vad gäller", "med", "utan", "för", "i", "på", "till", "från", "efter", "före", "bara", "när"},
		change:   []string{"förresten", "annan sak", "en annan fråga", "något annat", "nåt annat", "annat ämne", "ny fråga", "en sak till", "apropå", "glöm det", "strunt i det"},
		back:     []string{"tillbaka till", "angående", "när det gäller", "om det där med", "det där med", "igen om"},
		meant:    []string{"jag menar", "jag menade", "menar jag", "menade jag", "fel av mig", "jag skrev fel", "skrev fel", "jag tänkte på", "jag pratar om"},
		no:       wordSet(`nej nä näe inte`),
		not:      wordSet(`inte ej ingen inget`),
		you:      wordSet(`ni`),
		small:    wordSet(`mycket länge långt ofta händer menar menade fel fråga sak går redan gör göra jo`),
		pronouns: wordSet(`det den dem de detta denna dessa där då dit samma sådan sådant båda dess`),
		empty: stringSet("finns det", "det finns", "går det", "tar det", "är det", "kostar det", "gäller det", "det tar", "det går", "den här", "blir det", "det är",
			"den första", "då och"),
		articles:      wordSet(`en ett`),
		afterPronoun:  wordSet(``),
		beforePronoun: wordSet(``),
	},
	"fr": {
		code:          "fr",
		acks:          wordSet(`ok okay oh ah merci bien super parfait d'accord d accord oui bon bonjour génial compris`),
		onward:        []string{"et", "mais", "ou", "alors", "donc", "aussi", "et si", "si", "qu'en est-il", "que se passe-t-il si", "pourquoi", "depuis quand", "avec", "sans", "pour", "en", "par", "de", "dans", "seulement"},
		change:        []string{"au fait", "autre question", "autre chose", "autre sujet", "par ailleurs", "laisse tomber", "laissez tomber", "nouvelle question", "à propos"},
		back:          []string{"revenons à", "pour revenir", "concernant", "quant à", "en ce qui concerne", "au sujet"},
		meant:         []string{"je voulais dire", "je veux dire", "je parle de", "je me suis trompé", "je me suis trompée", "plutôt", "erreur de ma part"},
		no:            wordSet(`non`),
		not:           wordSet(`pas`),
		you:           wordSet(`vous`),
		small:         wordSet(`combien longtemps souvent passe dire fait question`),
		pronouns:      wordSet(`ça cela ceci celui celle ceux celles il elle ils elles lui leur y en ensuite alors là même`),
		empty:         stringSet("il y", "y a", "il faut", "est-il", "en ligne", "en cas"),
		articles:      wordSet(`le la les l'`),
		afterPronoun:  wordSet(`peux puis peut ai ont suis`),
		beforePronoun: wordSet(`je tu on ne comment`),
	},
	"ar": {
		code:          "ar",
		acks:          wordSet(`حسنا حسنًا تمام طيب شكرا شكرًا نعم أجل ايوه ممتاز جيد مفهوم أهلا مرحبا ok`),
		onward:        []string{"و", "لكن", "ولكن", "أو", "إذن", "أيضا", "ماذا لو", "وماذا", "وإذا", "إذا", "لماذا", "منذ متى", "حتى متى", "مع", "بدون", "في", "من", "إلى", "بعد", "قبل", "فقط", "ومتى", "وكيف", "وأين", "وكم", "وهل"},
		change:        []string{"بالمناسبة", "سؤال آخر", "شيء آخر", "موضوع آخر", "سؤال جديد", "انس الأمر"},
		back:          []string{"بخصوص", "بالنسبة إلى", "عودة إلى", "أعود إلى", "فيما يتعلق"},
		meant:         []string{"أقصد", "قصدت", "أعني", "كنت أقصد", "خطأ مني", "أتحدث عن"},
		no:            wordSet(`لا كلا`),
		not:           wordSet(`ليس ليست لا`),
		you:           wordSet(`أنتم لديكم عندكم`),
		small:         wordSet(`كم كثيرا يحدث يعني أقصد سؤال شيء`),
		pronouns:      wordSet(`هو هي هم هذا هذه ذلك تلك هؤلاء هناك عندها بعدها قبلها منه منها عنه عنها به بها له لها فيه فيها نفسه نفسها`),
		empty:         stringSet("هل هناك", "هذا الأسبوع", "هذا الشهر", "هذه السنة"),
		articles:      wordSet(``),
		afterPronoun:  wordSet(``),
		beforePronoun: wordSet(``),
	},
}
