package triage

import (
	_ "embed"
	"slices"
)

// The kinds of cue.
const (
	WantsHuman       = "wants_human"     // asks for a person, or turns away from the machine
	SelfHarm         = "self_harm"       // speaks of ending or hurting oneself
	Vulnerable       = "vulnerable"      // illness, bereavement, lost income, violence, disability
	Legal            = "legal"           // formal complaint, legal step, exercise of a data or withdrawal right
	Abuse            = "abuse"           // insults
	Thanks           = "thanks"          //
	Greeting         = "greeting"        //
	Frustration      = "frustration"     // anger or weariness about the service
	Minor            = "minor"           // the writer says to be a child
	Identity         = "identity"        // asks whether it talks to a machine
	Acknowledgement  = "acknowledgement" // the whole message says no more than that it was heard
	InjectionAttempt = "injection"       // text that tells the assistant what to do; for the log, and to be treated as data
)

// Cue is one finding of Detect: the passage that says it, its byte offsets in the message, and how sure that is.
type Cue struct {
	Kind     string  `json:"kind"`
	Evidence string  `json:"evidence"`
	Start    int     `json:"start"`
	End      int     `json:"end"`
	P        float64 `json:"p"`
}

// Cues are the findings in one message, at most one of each kind, in the order of the message.
type Cues []Cue

// Has reports whether there is a cue of the kind.
func (cs Cues) Has(kind string) bool { return cs.P(kind) > 0 }

// P returns the probability of the cue of a kind, 0 when there is none.
func (cs Cues) P(kind string) float64 {
	if c, ok := cs.Find(kind); ok {
		return c.P
	}
	return 0
}

// Find returns the cue of a kind.
func (cs Cues) Find(kind string) (Cue, bool) {
	for _, c := range cs {
		if c.Kind == kind {
			return c, true
		}
	}
	return Cue{}, false
}

//go:embed rules_human.txt
var humanRules string

//go:embed rules.txt
var otherRules string

//go:embed rules_care.txt
var careRules string

var rules = compileRules(humanRules, careRules, otherRules, arabicRules)

// Detect finds cues in a message, whatever its language. Each is a matter of plain rules, so that it can be explained
// and holds from the first day. Requests for a person are understood with their negation ("I don't need a human") and
// quotation ("the shop told me to talk to a human at your company"). The other kinds lean to recall: what follows from
// them is care, never a refusal. InjectionAttempt must never block a customer.
//
// A question whether one must call ("do I have to call a person to cancel?") is a question of how, not a request.
// "How can I talk to a person?" is a request.
func Detect(text string) Cues { return detect(text, tokenize(text)) }

func detect(text string, toks []token) Cues {
	out := matched(nil, toks, "", len(text) >= longText)
	if !out.Has(WantsHuman) {
		if better := mended(toks); better != nil {
			out = matched(out, better, WantsHuman, false)
		}
	}
	for i := range out {
		out[i].Evidence = text[out[i].Start:out[i].End]
	}
	slices.SortStableFunc(out, func(a, b Cue) int { return a.Start - b.Start })
	return out
}

// matched adds to out, without evidence, what the rules find; only of one kind unless that is "". long says that the
// message, of which the tokens may be a part, is a long one.
func matched(out Cues, toks []token, only string, long bool) Cues {
	rules.find(toks, func(h hit) {
		if only != "" && h.pattern.kind != only {
			return
		}
		switch h.pattern.kind {
		case WantsHuman:
			if reported(toks, h.from) || quotedAway(toks, h) || !h.pattern.own && (negated(toks, h.from) || askedAboutDuty(toks, h.from) || conditional(toks, h.from)) {
				return
			}
		case SelfHarm:
			if toks[h.to-1].text == "live" && h.to < len(toks) && liveWhat[toks[h.to].text] {
				return
			}
		case Abuse, Minor:
			if quotedAway(toks, h) || h.pattern.kind == Minor && spanOfTime(toks, h) {
				return
			}
		case Legal, Vulnerable:
			if !h.pattern.own && negated(toks, h.from) {
				return
			}
			if long && told(toks, h) || h.pattern.kind == Vulnerable && ofThings(toks, h.from) {
				return
			}
		}
		c := Cue{Kind: h.pattern.kind, Start: toks[h.from].start, End: toks[h.to-1].end, P: h.pattern.p}
		for i := range out {
			if out[i].Kind == c.Kind {
				if c.P > out[i].P || c.P == out[i].P && c.End-c.Start > out[i].End-out[i].Start {
					out[i] = c
				}
				return
			}
		}
		out = append(out, c)
	})
	return out
}

// spanOfTime reports whether the years of a match are not the writer's age: "I'm 17 years a customer".
func spanOfTime(toks []token, h hit) bool {
	for i := h.from; i < min(h.to+2, len(toks)); i++ {
		if i >= h.to && toks[i].before != noPause {
			break
		}
		if spanWords[toks[i].text] {
			return true
		}
	}
	return false
}

// spanWords stand with a span of time, and not with an age.
var spanWords = set("customer", "client", "with", "here", "late", "married", "ago", "later", "experience", "member", "kunde", "kundin", "seit", "bei", "verheiratet", "dabei", "mitglied",
	"cliente", "siendo", "desde", "con", "casado", "casada", "kund", "sedan", "hos", "gift", "medlem", "cliente", "chez", "depuis", "dexperience", "marie", "mariee")

// liveWhat follows the "live" that is no life: "I do not want to live chat".
var liveWhat = set("chat", "agent", "agents", "support", "help", "operator", "person", "updates", "tracking", "in", "at")

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// negators turn what follows them round. "no" is not among them: as the first word it is an answer, see negated.
var negators = set("dont", "not", "didnt", "doesnt", "never", "without", "wont", "wouldnt", "neednt", "shouldnt", "isnt", "arent", "havent", "nor", "wasnt", "werent", "hadnt", "aint",
	"nicht", "kein", "keine", "keinen", "keinem", "keiner", "nie", "niemals", "ohne", "nich", "net",
	"nunca", "sin", "tampoco", "jamas",
	"inte", "ej", "aldrig", "ingen", "inget", "inga", "utan", "icke",
	"pas", "sans", "jamais", "inutile")

// carriers may stand between a negation and what it negates: "I do not really want to [talk to a person]".
var carriers = set("i", "we", "want", "need", "wish", "like", "have", "having", "to", "a", "an", "any", "really", "necessarily", "actually", "even",
	"be", "looking", "asking", "trying", "wanting", "needing", "prefer", "require", "at", "all", "just", "yet", "think", "feel", "for", "being", "transferred",
	"connected", "another", "the", "with", "please", "ask", "wanna", "make", "file", "lodge", "raise", "submit", "going", "planning",
	"ich", "will", "mochte", "brauche", "muss", "unbedingt", "wirklich", "mit", "zu", "einen", "einem", "eine", "jetzt", "mehr", "extra", "gleich", "auf",
	"yo", "quiero", "necesito", "hace", "falta", "deseo", "que", "con", "una", "un", "tener", "ni", "hablar",
	"jag", "vill", "behover", "ha", "en", "ett", "att", "med", "fa", "nagon", "direkt", "langre",
	"je", "veux", "besoin", "de", "ai", "avec", "du", "voudrais", "jai", "nai", "demande", "parler",
	"wanted", "algun", "dia", "gustaria", "pouvoir")

// negatedAfterNo are the words that make a leading "no" a negation and not an answer.
var negatedAfterNo = set("need", "quiero", "necesito", "hace", "deseo", "es", "quisiera", "queremos", "necesitamos", "me", "wish", "desire", "intention", "reason")

// modalsBefore mark a question: "can I not talk to a person?" asks for one.
var modalsBefore = set("can", "could", "may", "why", "kann", "konnte", "darf", "warum", "wieso", "puedo", "podria", "kan", "far", "varfor", "peux", "puisje")

// reach is how far a guard looks back, in words.
const reach = 9

// negated reports whether the match that begins at token i is under a negation in its own clause.
func negated(toks []token, i int) bool {
	for k, steps := i, 0; k > 0 && steps < reach; k, steps = k-1, steps+1 {
		if toks[k].before != noPause {
			return false
		}
		w := toks[k-1].text
		if negators[w] {
			for m := max(0, k-4); m < k-1; m++ {
				if modalsBefore[toks[m].text] {
					return false
				}
			}
			return true
		}
		if w == "no" {
			return negatedAfterNo[toks[k].text]
		}
		if !carriers[w] {
			return false
		}
	}
	return false
}

// reporting verbs hand on what someone else said.
var reporting = set("told", "tells", "telling", "asked", "advised", "said", "says", "instructed", "suggested", "recommends", "recommended", "wrote",
	"sagt", "sagte", "meint", "meinte", "gesagt", "geraten", "schrieb", "geschrieben", "sagen", "meinten", "sagten", "riet",
	"dijo", "dice", "dijeron", "dicho", "dicen", "recomendo", "aconsejo", "pidio",
	"sa", "sager", "sade", "sagt", "bad", "tipsade", "skrev", "hanvisade",
	"dit", "conseille")

// passive auxiliaries before a reporting verb say that somebody else spoke.
var passive = set("was", "were", "been", "being", "wurde", "worden", "fue", "blev")

var firstPerson = set("i", "ive", "we", "weve", "id", "ich", "wir", "yo", "he", "jag", "vi", "je", "already")

// reported reports whether the match is what someone else said or advised: "the shop told me to ...".
func reported(toks []token, i int) bool {
	for k, steps := i, 0; k > 0 && steps < reach; k, steps = k-1, steps+1 {
		if toks[k].before == hardPause || toks[k].before == softPause && !toks[k].colon && !commaBeforeClause(toks, k) {
			return false
		}
		w := toks[k-1].text
		if resumes[w] {
			return false
		}
		if reporting[w] {
			if k >= 2 && passive[toks[k-2].text] { // "I was told to"
				return true
			}
			for m := max(0, k-4); m < k-1; m++ {
				if firstPerson[toks[m].text] && toks[m].text != "he" {
					return false
				}
			}
			// German and Spanish put the speaker behind the verb: "habe ich gesagt", "he dicho"
			return !(toks[k].before == noPause && (toks[k].text == "ich" || toks[k].text == "jag")) && !(k >= 2 && toks[k-2].text == "he" && w == "dicho")
		}
	}
	return false
}

// resumes are words after which the customer speaks for themselves again.
var resumes = set("so", "but", "please", "now", "can", "could", "also", "bitte", "aber", "kann", "pero", "puedo", "quiero", "men", "kan", "vill", "and", "mais")

// commaBeforeClause reports whether the comma before token k only opens a subordinate clause, as in the German
// "der Shop sagte, ich soll ..." and "la tienda me dijo que ...".
func commaBeforeClause(toks []token, k int) bool {
	switch toks[k].text {
	case "ich":
		return k+1 < len(toks) && (toks[k+1].text == "soll" || toks[k+1].text == "solle" || toks[k+1].text == "sollte" || toks[k+1].text == "muss" || toks[k+1].text == "musse")
	case "dass", "que", "att", "that":
		return true
	}
	return false
}

// quotedAway reports whether a match lies in quotation marks and the rest of the message speaks outside of them. What
// follows "to" or "want" directly is the writer's own wish, however decorated.
func quotedAway(toks []token, h hit) bool {
	for i := h.from; i < h.to; i++ {
		if !toks[i].quoted {
			return false
		}
	}
	first := h.from
	for first > 0 && toks[first-1].quoted {
		first--
	}
	if first > 0 {
		switch toks[first-1].text {
		case "to", "want", "need", "a", "an", "the", "will", "mochte", "quiero", "vill", "please":
			return false
		}
	}
	outside := 0
	for i := range toks {
		if !toks[i].quoted {
			outside++
		}
	}
	return outside >= 2
}

// duty lists how a question for an obligation or a right begins, directly before the match.
var duty = [][]string{
	{"do", "i", "have", "to"}, {"do", "i", "need", "to"}, {"do", "we", "have", "to"}, {"should", "i"}, {"must", "i"}, {"am", "i", "required", "to"}, {"necessary", "to"},
	{"do", "i", "have", "to", "call"}, {"do", "i", "need"}, {"would", "i", "have", "to"}, {"will", "i", "have", "to"}, {"will", "i", "need", "to"}, {"do", "customers", "have", "to"},
	{"muss", "ich"}, {"soll", "ich"}, {"sollte", "ich"}, {"muss", "man"}, {"musste", "ich"},
	{"tengo", "que"}, {"debo"}, {"hay", "que"}, {"hace", "falta"},
	{"maste", "jag"}, {"behover", "jag"}, {"ska", "jag"}, {"maste", "man"},
	{"dois", "je"}, {"faut", "il"},
}

// dutyFillers may stand between "do I have to" and the match.
var dutyFillers = set("call", "first", "really", "actually", "a", "an", "with", "mit", "dafur", "wirklich", "erst", "einen", "einem", "einer", "fur", "verkligen", "forst", "ringa", "llamar", "dazu", "also", "always", "extra", "obligatoriamente")

// askedAboutDuty reports whether the match is the object of a question such as "do I have to call ...".
func askedAboutDuty(toks []token, i int) bool {
	for k, steps := i, 0; steps < 5; steps++ {
		if k > 0 && toks[k].before != noPause {
			return false
		}
		for _, seq := range duty {
			if k >= len(seq) && endsWith(toks[:k], seq) {
				// "tengo que" is a duty question only at the beginning of its clause
				return toks[k-len(seq)].before != noPause || seq[0] == "do" || seq[0] == "must" || seq[0] == "should"
			}
		}
		if k == 0 || !dutyFillers[toks[k-1].text] {
			return false
		}
		k--
	}
	return false
}

// longText is the length in bytes from which a message may be a text that was handed on, such as an article or a story.
const longText = 350

// selves are words by which writers speak of themselves and theirs.
var selves = set("i", "im", "ive", "id", "ill", "me", "my", "mine", "myself", "we", "were", "weve", "our", "us",
	"ich", "mich", "mir", "mein", "meine", "meinen", "meinem", "meiner", "wir", "uns", "unser", "unsere",
	"yo", "mi", "mis", "nos", "nuestro", "nuestra", "soy", "estoy", "tengo", "perdi", "quiero", "somos", "estamos",
	"jag", "mig", "min", "mitt", "mina", "vi", "oss", "var", "vart",
	"je", "jai", "moi", "mon", "ma", "mes", "nous", "notre", "suis")

// told reports whether the words around a match, in its sentence, do not speak of the writer. It is asked in long texts only:
// "hospital, both legs broken" needs no more words.
func told(toks []token, h hit) bool {
	for i := h.from; i >= max(0, h.from-reach); i-- {
		if selves[toks[i].text] && !toks[i].quoted {
			return false
		}
		if toks[i].before == hardPause {
			break
		}
	}
	for i := h.from + 1; i < min(h.to+reach, len(toks)) && toks[i].before != hardPause; i++ {
		if selves[toks[i].text] && !toks[i].quoted {
			return false
		}
	}
	return true
}

// things are what lies in hospitals, dies and goes bankrupt without any hardship of the writer's.
var things = set("parcel", "package", "delivery", "order", "courier", "phone", "mobile", "battery", "laptop", "app", "shop", "store", "seller", "retailer", "window", "discount",
	"paket", "sendung", "bestellung", "handy", "akku", "laden", "handler", "verkaufer", "rabatt", "firma",
	"paquete", "pedido", "envio", "movil", "bateria", "tienda", "vendedor", "descuento",
	"paketet", "bestallningen", "leveransen", "mobil", "mobilen", "batteriet", "butiken", "saljaren", "rabatten", "foretaget",
	"colis", "commande", "livraison", "telephone", "batterie", "boutique", "magasin", "vendeur", "remise")

// ofThings reports whether the words before a match, in its clause, speak of a thing or a shop.
func ofThings(toks []token, from int) bool {
	for i, steps := from, 0; i >= 0 && steps < reach; i, steps = i-1, steps+1 {
		if things[toks[i].text] {
			return true
		}
		if toks[i].before != noPause {
			break
		}
	}
	return false
}

func endsWith(toks []token, seq []string) bool {
	at := len(toks) - len(seq)
	for n, w := range seq {
		if toks[at+n].text != w || n > 0 && toks[at+n].before != noPause {
			return false
		}
	}
	return true
}

// conditional reports whether the match is only supposed: "if I need a person, when are you open?".
func conditional(toks []token, i int) bool {
	for k, steps := i, 0; k > 0 && steps < 6; k, steps = k-1, steps+1 {
		if toks[k].before != noPause {
			return false
		}
		switch w := toks[k-1].text; {
		case w == "if" || w == "wenn" || w == "falls" || w == "si" || w == "om" || w == "unless" || w == "when" || w == "after" || w == "once" || w == "whenever" || w == "nachdem" || w == "despues":
			return k >= len(toks) || toks[k].text != "you"
		case w == "ever" || w == "should" || w == "later" || w == "irgendwann" || w == "spater" || w == "senare" || w == "plustard":
		case !carriers[w]:
			return false
		}
	}
	return false
}
