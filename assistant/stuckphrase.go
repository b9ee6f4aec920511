package assistant

import (
	"slices"
	"strings"

	"github.com/firstline/firstline/retrieval/analysis"
)

// complaint holds the phrases of one language in which customers say how it goes.
type complaint struct {
	failed phrases // that what was answered did not help, or was not what was asked
	tried  phrases // that it was done or read already
	again  phrases // that nothing has changed, or that it was said before
	over   phrases // that it is solved, or that another thing comes
	puts   phrases // beginnings of a question
	but    phrases // that something stands against what was answered
	none   phrases // that something is not so
}

// complaints by language, from what customers commonly say in it. A sign counts only after an answer; there, an "again"
// that asks how to undo something is none.
var complaints = map[string]complaint{
	"en": {
		failed: readPhrases(
			"you ~2 read|reading|listen|listening|understand|understanding", "page|link|screen ~3 empty|blank|dead|broken|expired", "empty|blank|dead|broken page|link|screen",
			"that|this|it|which|these|those|they ~1 didn't|doesn't|don't|isn't|wasn't|won't ~2 help*|work*|answer*|solve*|fix*|change*|useful|right|it",
			"that|this|it|these|they did|does|do|is|was not ~2 help*|work*|answer*|solve*|fix*|change*|useful|right|it", "not what ~1 i|we ~1 ask*|want*|mean*|meant|need*", "not my question|problem|issue", "not ~1 helpful|useful",
			"no use|luck|difference|change|success|effect|good", "pointless|useless|hopeless", "thanks for nothing", "nothing ~1 happen*|change*|work*|help*", "got|getting|gets ~1 nowhere", "no such button|option|menu|page|link|setting",
			"button|option|menu|link|setting|page ~1 isn't|missing|not|gone|grey*|gray*|doesn't", "end*|fail*|stop* ~1 with|in ~1 error|failure", "give|giving up", "don't|didn't|can't ~1 get|understand|see|find it|this|that|anywhere", "don't|didn't understand", "wrong article|page|link|answer",
			"another|same article|page|link|text|answer", "doesn't|does|didn't say what|how|why|anything|where"),
		tried: readPhrases(
			"already ~1 did|done|tried|read|checked|updated|restarted|reinstalled|reset|sent|uploaded", "did|done|tried|read|checked|restarted|reinstalled|updated|reset ~1 that|this|it|those|them|all|everything ~1 already|too|before|twice|times|yesterday",
			"i|i've|we've|have tried|checked|read|did|done|restarted|reinstalled|followed ~1 that|this|it|these|those|all|everything", "^ checked|tried|restarted|reinstalled|updated|did|done|been|read", "been there"),
		again: readPhrases(
			"as i|we ~1 said|wrote|mentioned|explained|told", "still", "same ~1 thing|error|problem|message|result|answer|issue", "third|fourth|fifth|second|nth|hundredth time", "once more", "again and again", "over and over", "in ~1 circles|loop", "i|i've just|already|only ~1 told|said|wrote|explained",
			"told|asked you", "you keep|kept|always|just", "keeps happening|crashing|failing|saying|repeating|showing|coming|stopping|freezing", "yet again", "how many times|more", "back to square", "every|each time|attempt"),
		over: readPhrases("^ one more|last|other", "^ another one|thing|question", "works|working|fixed|solved|sorted ~1 now|again|fine|$", "found it|out", "no longer needed", "got it", "good|great to know", "that|it ~1 helped|worked|did", "i'm in", "that was quick|fast|easy"),
		puts: readPhrases("^ ~1 what|where|who|why|how|which|whose", "^ until|till|since|by when", "^ when|whenever can|could|do|does|did|is|are|will|would|should", "^ can|could|do|does|did|is|are|am|will|would|should|may|has|any i|you|it|there|the|this|that|my|we|they|chance|way|a"),
		but:  readPhrases("but|however|though|although|only|just|yet"),
		none: readPhrases("not|no|never|nobody|noone|none|nothing|neither|without|cant|cannot|dont|doesnt|didnt|isnt|wasnt|wont|havent|hasnt|arent|werent|couldnt|wouldnt"),
	},
	"de": {
		failed: readPhrases(
			"lesen|lest|liest|hören|hört|verstehen ~3 überhaupt|eigentlich|jemand|ich|was", "leere|weiße seite", "seite|link|bild* ~2 leer|weiß|tot|kaputt|abgelaufen",
			"hilft|helfen|half ~3 nicht|nichts|nix|wenig", "nicht|nichts|nix ~1 geholfen|weitergeholfen|funktioniert|geklappt|gebracht|genützt|genutzt|verändert|geändert|gewirkt", "bringt|brachte|nützt|nutzt ~3 nichts|nix", "klappt|funktioniert|geht ~2 nicht", "danach|das ~2 ich|wir ~1 nicht ~1 gefragt|gemeint|wissen",
			"nicht ~1 meine|die frage", "danke für nichts", "sinnlos|zwecklos|nutzlos|hoffnungslos|witzlos", "passiert ~2 nichts|nix", "tut sich nichts|nix", "nichts passiert|angekommen|gekommen", "fehlt|fehlen bei|mir|leider|hier", "knopf|button|menüpunkt|option|schaltfläche|link|feld ~3 fehlt|grau|nicht|weg", "gibt es|den|die|das ~2 bei mir nicht|keinen|keine",
			"gibt's bei mir nicht", "finde ~2 nicht", "verstehe|versteh|kapiere|kapier ~4 nicht", "da|dort|darin steht ~2 nicht|nichts|nix", "steht ~1 da|dort|drin nicht|nichts", "fehlermeldung", "kommt|kam|gibt|zeigt ~2 fehler", "gebe|geb ~1 auf", "lassen wir das|es", "wird ~1 das nichts|nix", "falsche|falscher artikel|seite|link|antwort", "kapiert|versteht|verstehst|kapierst ~3 nichts|nicht|nix", "das ist|war ~1 allgemein"),
		tried: readPhrases(
			"schon|bereits|alles ~2 gemacht|probiert|versucht|ausprobiert|gelesen|geprüft|getan|erledigt|aktualisiert|neugestartet|installiert|zurückgesetzt|durch", "habe|hab ~3 gemacht|probiert|versucht|ausprobiert|gelesen|getan|neu ~1 auch|schon|mehrfach|mehrmals|zweimal|alles|$", "artikel|seite|anleitung|text|tipp* kenne|kenn ich", "kenne|kenn ~2 schon|bereits",
			"neu installiert|gestartet"),
		again: readPhrases(
			"wie ~2 gesagt|geschrieben|erwähnt|beschrieben", "immer noch", "noch immer", "nach wie vor", "weiterhin", "trotzdem", "schon|mal|jetzt wieder ~1 der|die|das|ein|eine|einen|dieselbe|derselbe|dasselbe", "wieder derselbe|dieselbe|dasselbe|ein|einen|eine", "dieselbe|derselbe|dasselbe|denselben", "das|die|der|den gleiche|selbe|gleichen|selben",
			"zum zweiten|dritten|vierten|fünften|wiederholten|hundertsten mal", "im kreis|kreise", "doch ~2 gesagt|geschrieben|erklärt|gerade", "schon|bereits|eben|gerade|vorhin ~2 gesagt|geschrieben|erklärt|genannt", "hab|habe ~3 gesagt|geschrieben|erklärt", "wie|wieso oft|lange noch|soll", "andauernd|dauernd|ständig ~1 das|dasselbe|an", "jedes mal"),
		over: readPhrases("^ noch was|etwas|eins|eine", "^ weitere|andere frage", "geht|funktioniert|klappt ~3 jetzt|wieder|nun", "jetzt|nun geht|funktioniert|klappt|bin", "bin drin", "hat geklappt|funktioniert|geholfen", "hat sich erledigt|geklärt", "gefunden", "gut zu wissen", "ging ~2 schnell|fix"),
		puts: readPhrases("^ ~1 wo|wann|wie|warum|wieso|weshalb|welche|welcher|welches|welchen|wer|wem|wen|was|bis|ab|seit", "^ ~1 wo|wann|wie|warum|wieso|weshalb|welche|welcher|welches|welchen|wer|wem|wen|was|bis|ab|seit", "^ ~1 kann|kann|können|darf|dürfen|muss|gibt|geht|ist|sind|wird|hat|habt|gilt|kostet|soll ~1 ich|man|ihr|sie|es|das|die|der|auch"),
		but:  readPhrases("aber|doch|ja|halt|jedoch|nur|bloß|lediglich"),
		none: readPhrases("nicht|nichts|nix|kein|keine|keinen|keiner|keinem|nie|niemals|niemand|ohne|nirgends|weder"),
	},
	"es": {
		failed: readPhrases(
			"lees|leen|leéis|escuchas|escuchan|entiendes ~1 lo|algo|que|me", "página|enlace ~3 blanco|vacía|vacío|roto|caducado",
			"no|tampoco ~1 sirve|sirvió|ayuda|ayudó|funciona|funcionó|aparece|sale|vale|soluciona|resuelve|cambia|cambió", "no|tampoco ~1 ha|han servido|ayudado|funcionado|cambiado|aparecido", "no ~2 preguntado|pregunté|preguntaba|pregunto", "no era|es eso|lo|mi ~1 que|pregunta|pregunté", "gracias por nada", "inútil|inservible|absurdo", "no pasa|pasó|cambia|hay|sirve ~1 nada",
			"nadie ~1 aparece|viene|contesta|responde|llama", "sin éxito|resultado|suerte", "no hay manera|forma", "no tiene sentido", "me rindo", "no|sin ~1 entiendo|entenderlo|entender|encuentro|veo", "sale|da|salió|aparece|mismo ~1 error", "no ~1 dice|pone|explica ~1 qué|nada|cómo|dónde", "no ~1 entiende|entiendes|entendéis|entienden", "es en general|muy"),
		tried: readPhrases(
			"ya ~2 hice|hecho|probé|probado|intenté|intentado|leí|leído|miré|actualicé|reinicié|revisé|reinstalé|comprobé|cambié", "la|lo|las|los reinstalé|reinicié|actualicé|probé|leí|intenté", "he probado|intentado|hecho|leído ~1 eso|todo|ya"),
		again: readPhrases(
			"como ~3 dije|digo|dicho|escribí|comenté|expliqué", "sigue|sigo|siguen|seguimos", "todavía|aún", "otra vez ~2 lo|mismo|misma|igual|texto|artículo", "lo|el|la|los|las mismo|misma|mismos|mismas ~1 error|mensaje|texto|respuesta|problema|página|otra|de|$", "por segunda|tercera|cuarta|quinta|enésima vez", "círculo|círculos|bucle", "acabo|acabamos de decir*|explicar*|escribir*|contar*",
			"ya ~3 dije|digo|escribí|expliqué", "cuántas veces", "cuánto ~1 más", "siempre me|nos|lo ~2 mismo|misma", "cada vez|intento"),
		over: readPhrases("^ una|otra más|cosa|duda|pregunta", "^ algo más", "ya está|funciona|pude|puedo|va|entré", "ya ~1 encontré|tengo|solucioné|resolví", "^ funcionó", "resuelto|solucionado", "bueno saberlo", "mil gracias", "ya no ~1 hace|necesito", "qué rápido"),
		puts: readPhrases("^ ~1 dónde|cuándo|cuánto|cuánta|cuántos|cuántas|cómo|cuál|quién|por", "^ ~1 puedo|puede|se|hay|tengo|debo|existe|tiene|es ~1 puede|pagar|usar|hacer|posible|pedir|alguna|algún"),
		but:  readPhrases("pero|sino|sin|solo|sólo|aunque"),
		none: readPhrases("no|nunca|jamás|nadie|nada|ningún|ninguna|ninguno|tampoco|ni|sin"),
	},
	"sv": {
		failed: readPhrases(
			"läser|lyssnar|förstår du|ni|någon", "tom|vit|blank sida", "sidan|länken ~2 tom|död|trasig|utgången",
			"hjälper|hjälpte|fungerar|fungerade|funkar|funkade|går|gick|hjälpt|fungerat|funkat ~1 inte|ej|inget", "inte|inget|ingenting ~1 hjälpt|fungerat|funkat|ändrats|hänt|kommit", "inte ~2 jag ~1 frågade|undrade|menade|frågar", "inte svar|min fråga|på", "tack för ingenting|inget", "meningslöst|lönlöst|hopplöst|värdelöst|poänglöst", "händer|hände|hänt ~1 ingenting|inget|inte", "ingenting|inget händer|hände|hänt|hjälper|hjälpte|funkar",
			"finns|syns|står ~1 inte|inget|ingen|ingenting", "inget|ingenting på|som", "hittar|ser ~2 inte", "förstår|fattar ~2 inte|ingenting|inget", "felmeddelande|felmeddelandet", "blir ~1 fel", "ger|gett upp", "går|gick ~2 inte", "strunt i det|allt", "inte|ej heller ~2 heller|$", "är|var ~1 allmänt"),
		tried: readPhrases(
			"redan ~1 gjort|provat|testat|försökt|läst|uppdaterat|startat|installerat|kollat|återställt|prövat", "har jag|läst|provat|testat|gjort|försökt ~1 läst|provat|testat|gjort|försökt|det|allt|redan", "installerade|installerat|startade|startat om"),
		again: readPhrases(
			"som ~2 sagt|sa|skrev|nämnde", "fortfarande", "ändå", "samma ~1 text|fel|felmeddelande|svar|artikel|sida|länk|problem|sak|visa|igen", "för andra|tredje|fjärde|femte|hundrade gången", "i ~1 cirkel|cirklar", "runt runt", "en gång till", "gång på gång", "om och om", "sa|sade|skrev|förklarade jag ju|redan|nyss|just|precis", "det skrev|sa|sade jag ju|redan|nyss|precis|just", "jag ju|redan|nyss|precis|just",
			"redan|nyss|precis|just sagt|skrivit|förklarat|berättat", "hur många gånger", "hur länge ~1 till|ska", "hela tiden", "varje gång"),
		over: readPhrases("^ en|ett till|sak", "^ något|nåt mer|annat", "fungerar|funkar ~2 nu|igen", "nu fungerar|funkar|går|är", "löst|löste ~1 sig", "hittade den|det", "bra att veta", "behövs inte", "så|vad snabbt"),
		puts: readPhrases("^ ~1 var|hur|varför|vad|vilken|vilket|vilka|vem", "^ ~1 kan|får|måste|går|finns|är|har|tar|ska|gäller ~1 jag|man|ni|det|den|de"),
		but:  readPhrases("men|ju|fast|dock|bara|endast"),
		none: readPhrases("inte|ej|ingen|inget|inga|ingenting|aldrig|utan|varken|knappt"),
	},
	"fr": {
		failed: readPhrases(
			"aide|marche|fonctionne|sert|change ~1 pas|rien", "pas ~1 aidé|marché|fonctionné|changé|servi", "pas ~1 ma|la question", "pas ce que j'ai|je", "merci pour rien", "inutile|inutilisable", "comprends|comprend|trouve|vois ~1 pas|rien", "erreur", "j'abandonne|abandonne", "passe ~1 rien"),
		tried: readPhrases("déjà ~1 fait|essayé|lu|vérifié|redémarré|réinstallé|tenté", "tout fait|essayé|tenté|lu"),
		again: readPhrases(
			"comme ~3 dit|disais|écrit|expliqué", "toujours pas|rien|bloqué*|le|la|aucun*", "encore ~1 fois|même", "même erreur|message|réponse|problème|chose|page|texte", "deuxième|troisième|quatrième|énième fois", "en rond", "viens de ~2 dire|écrire|expliquer", "déjà ~1 dit|écrit|expliqué", "combien de fois", "à chaque fois"),
		over: readPhrases("^ autre|encore chose|question|une", "^ une dernière", "marche|fonctionne ~1 maintenant|enfin", "c'est bon|réglé|résolu", "j'ai trouvé", "bon à savoir"),
		puts: readPhrases("^ ~1 où|quand|comment|pourquoi|quel|quelle|combien|qui", "^ ~1 puis|peut|est|faut|dois je|on|ce|il"),
		but:  readPhrases("mais|pourtant|seulement|cependant"),
		none: readPhrases("pas|rien|jamais|personne|aucun|aucune|sans"),
	},
	"ar": {
		failed: readPhrases(
			"لا|لم|ما|مو|مش ~2 يعمل|تعمل|يفيد|يفيدني|يساعد|يساعدني|ينفع|ينجح|تنجح|يشتغل|يظهر|أجد|أفهم|أرى", "ليس|ليست ~1 سؤالي|ما|هذا", "شكرا على لا", "بلا فائدة", "لا فائدة|جدوى", "لم|ما|لا ~1 يتغير|يحدث ~1 شيء", "خطأ", "أستسلم"),
		tried: readPhrases("فعلت|جربت|قرأت|حاولت|عملت ~1 ذلك|هذا|كل|بالفعل", "سبق أن|وأن|لي", "أعدت ~1 تشغيل|التشغيل|تثبيت|التثبيت|المحاولة"),
		again: readPhrases("كما ~1 قلت|كتبت|ذكرت|شرحت", "ما زال|زالت|زلت", "لا يزال|تزال", "نفس ~1 الخطأ|المشكلة|الرسالة|الشيء|الجواب|الصفحة", "للمرة الثانية|الثالثة|الرابعة|الخامسة", "مرة أخرى ~1 نفس", "قلت|كتبت|شرحت ~1 لك|لكم", "كم مرة", "كل مرة"),
		over:  readPhrases("^ سؤال آخر|ثان", "^ شيء آخر", "يعمل|تعمل|نجح|نجحت ~1 الآن", "تم الحل", "وجدته|وجدتها", "حُلت|انحلت"),
		puts:  readPhrases("^ ~1 هل|ماذا|متى|أين|كيف|لماذا|كم|ما"),
		but:   readPhrases("لكن|ولكن|فقط|غير"),
		none:  readPhrases("لا|لم|ليس|ليست|لن|بدون|دون|أبدا|أحد"),
	},
}

// phrases are patterns of words that stand in one clause.
type phrases []phrase

// phrase is what stands in each place, in order.
type phrase []word

// word is one place of a pattern.
type word struct {
	words      map[string]bool
	begins     []string // beginnings of words
	gap        int      // words that may stand before it
	start, end bool     // of the clause, instead of a word
}

// readPhrases reads patterns: words in lower case parted by spaces, a bar between words of which one stands, "~2" for up
// to two words in between, a star after the beginning of a word, "^" and "$" for the ends of the clause.
func readPhrases(patterns ...string) phrases {
	var all phrases
	for _, p := range patterns {
		var one phrase
		gap := 0
		for _, f := range strings.Fields(p) {
			if n, ok := strings.CutPrefix(f, "~"); ok {
				gap = int(n[0] - '0')
				continue
			}
			at := word{words: map[string]bool{}, gap: gap}
			gap = 0
			for w := range strings.SplitSeq(f, "|") {
				begin, open := strings.CutSuffix(w, "*")
				switch {
				case w == "^":
					at.start = true
				case w == "$":
					at.end = true
				case open:
					at.begins = append(at.begins, hurried(begin))
				default:
					at.words[hurried(w)] = true
				}
			}
			one = append(one, at)
		}
		all = append(all, one)
	}
	return all
}

// in reports whether one of the phrases stands in one of the clauses, which are words as hurried returns them.
func (ps phrases) in(clauses [][]string) bool {
	for _, c := range clauses {
		for _, p := range ps {
			for i := range c {
				if p.at(c, i, 0) {
					return true
				}
			}
		}
	}
	return false
}

// hurried returns a word as customers in a hurry write it: without accents and apostrophes, in small letters.
func hurried(w string) string {
	return analysis.Fold(strings.Map(func(r rune) rune {
		if r == '\'' || r == '’' {
			return -1
		}
		return r
	}, w))
}

// at reports whether the phrase stands from the i-th word on, after up to gap others.
func (p phrase) at(words []string, i, gap int) bool {
	if len(p) == 0 {
		return true
	}
	for j := i; j <= min(i+gap, len(words)); j++ {
		next := 0
		if len(p) > 1 {
			next = p[1].gap
		}
		switch {
		case p[0].start && j == 0 && p[1:].at(words, j, next), p[0].end && j == len(words):
			return true
		case j < len(words) && p[0].is(words[j]) && p[1:].at(words, j+1, next):
			return true
		}
	}
	return false
}

func (l *word) is(said string) bool {
	return l.words[said] || slices.ContainsFunc(l.begins, func(b string) bool { return strings.HasPrefix(said, b) })
}
