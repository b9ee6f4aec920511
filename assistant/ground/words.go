package ground

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lang is a set of languages.
type lang uint8

const (
	en lang = 1 << iota
	de
	es
	sv
)

// Flags of function words. A word with wStop carries no content.
type wordFlag uint16

const (
	wStop    wordFlag = 1 << iota
	wNeg              // negates its clause
	wSplit            // begins a new clause: but, if, when
	wJoin             // begins a new clause when a pronoun or auxiliary follows: and, or
	wVerb             // pronoun or auxiliary: the clause has a predicate of its own
	wTalk             // small talk: greeting, offer, courtesy
	wAdmit            // admission of not knowing; may be negated
	wWithout          // without, ohne: undoes a negation in its clause
	wConj             // begins a new clause, a condition or a reason, when a pronoun or auxiliary follows: while, because
)

type wordInfo struct {
	flags wordFlag
	langs lang
}

// lexicon holds the function words of the four languages, by folded form.
var lexicon = map[string]wordInfo{}

// concepts groups words that mean the same to a customer, in the four languages: the start of the folded word, and "$"
// where the word must end. It carries both synonyms and translations.
var concepts = map[uint32][]concept{}

type concept struct {
	prefix string
	whole  bool
	id     uint64
}

// months and weekdays by folded name; 1 to 12 and 1 (Monday) to 7.
var (
	months   = map[string]int{}
	weekdays = map[string]int{}
	numerals = map[string]int{} // number words up to twelve
)

// fillLexicon fills the tables above; the first step of the package's only ordered initialisation, in token.go.
func fillLexicon() {
	add := func(l lang, f wordFlag, words string) {
		for _, w := range strings.Fields(words) {
			k := fold(w)
			x := lexicon[k]
			x.flags |= f
			x.langs |= l
			lexicon[k] = x
		}
	}
	add(en, wStop, `a an the of to in on at by for from with as into onto over under up out off about than then so too also very just only even still already
		this that these those there here it its itself such some any each every all both other another same own more most less least much many few lot
		which who whom whose what where why how now again once ever soon usually typically normally generally simply please via per within during after before
		above below between through while because since until like well however therefore instead e.g i.e etc one ones s t re ve ll d m let lets get gets got go goes`)
	add(en, wStop|wVerb, `i you he she we they me him her us them my your his our their mine yours is are was were be been being am do does did done have has had having
		can could will would shall should may might must need needs`)
	add(en, wStop|wNeg, `not no never none neither nor nothing nobody cannot without unless except unable impossible don't doesn't didn't can't won't isn't aren't wasn't weren't
		haven't hasn't wouldn't shouldn't couldn't mustn't needn't`)
	for l, w := range map[lang]string{en: "without", de: "ohne", es: "sin", sv: "utan"} {
		add(l, wWithout, w)
	}
	add(en, wStop|wSplit, `but if unless when whereas although though`)
	add(en, wStop|wJoin, `and or`)
	add(de, wStop, `der die das den dem des ein eine einen einem einer eines von zu zum zur im in am an auf bei mit fur aus nach vor uber unter durch um bis gegen als wie so auch noch nur
		schon sehr mehr meist meistens sowie etwa dort hier dann dabei dazu damit daher deshalb darin dies diese dieser dieses diesen diesem jede jeder jedes alle allen alles andere anderen
		welche welcher was wer wo wann warum bitte einfach in der regel innerhalb wahrend seit per pro ob da her hin ab ja zwar also bereits lang lange zeit`)
	add(de, wStop|wVerb, `ich du er sie wir ihr mich dich uns euch mir dir ihm ihn ihnen mein dein sein ihre ihren ihrem ihrer unser unsere unseren deine deinen dich sich es man ist sind war waren
		wird werden wurde wurden hat haben hatte kann konnen konnte mussen muss soll sollte darf durfen mochte mochten will wollen bin bist seid kannst konntest musst sollst darfst willst wirst hast hattest wurdest lasst lassen`)
	add(de, wStop|wNeg, `nicht kein keine keinen keinem keiner keines nie niemals nichts niemand ohne weder unmoglich ausser`)
	add(de, wStop|wSplit, `aber sondern wenn falls sofern jedoch doch obwohl sobald`)
	add(de, wStop|wJoin, `und oder`)
	add(es, wStop, `el la los las un una unos unas de del al a en con por para sobre desde hasta entre segun como asi tambien ya aun solo muy mas menos este esta esto estos estas ese esa eso
		cada todo toda todos todas otro otra otros otras mismo misma que cual quien cuando donde aqui alli luego despues antes durante dentro porque pues lo le les se si favor simplemente
		normalmente generalmente traves cualquier`)
	add(es, wStop|wVerb, `yo tu usted ustedes nosotros ellos ellas me te nos su sus mi mis tus nuestro nuestra nuestros es son era fue ser sera seran esta estan estar hay ha han haber he puede pueden
		puedes podra debe deben debes tiene tienen tienes tener sea`)
	add(es, wStop|wNeg, `no nunca jamas ningun ninguna ninguno nada nadie sin tampoco ni imposible excepto salvo`)
	add(es, wStop|wSplit, `pero sino cuando aunque si`)
	add(es, wStop|wJoin, `y e o u`)
	add(sv, wStop, `en ett den det de dess som av till i pa vid for fran med om over under genom mot hos efter fore innan an sa aven ocksa bara endast redan mycket mer mest fler flest denna detta
		dessa varje alla allt andra annan samma vilken vilket vilka vad vem var dar har nar da sedan dock bland inom per upp ut ner in snalla oftast vanligtvis enkelt sig`)
	add(sv, wStop|wVerb, `jag du han hon vi ni mig dig oss er min mitt mina din ditt dina sin sitt sina var vart vara deras ar vara blir bli blev hade ha haft kan kunde ska skulle vill maste far fick bor behover`)
	add(sv, wStop|wNeg, `inte ej aldrig ingen inget inga ingenting utan varken omojligt utom icke`)
	add(sv, wStop|wSplit, `men om nar fast ifall`)
	add(sv, wStop|wJoin, `och eller`)

	add(en, wStop|wConj, `while because before after until once since whenever`)
	add(de, wStop|wConj, `weil wahrend bevor nachdem solange bis dass damit`)
	add(es, wStop|wConj, `mientras porque`)
	add(sv, wStop|wConj, `medan eftersom innan tills`)
	add(en, wStop, `anything something everything anyone someone everyone`)
	add(de, wStop, `etwas jemand irgendetwas`)
	add(sv, wStop, `nagonting nagot nagon nagra`)

	add(en, wTalk, `hello hi hey dear thanks thank welcome sorry glad happy hope helps help helpful assist assistance answer question questions understand know further anything else contact
		follow steps step follows connect transfer put person human agent colleague someone team support talk speak chat like want course sure great good nice day reach free feel apologies apologise inconvenience
		happens quick overview summary short explain clarify able`)
	add(de, wTalk, `hallo guten tag danke dank gern gerne willkommen tut leid entschuldigung entschuldigen hoffe hilft helfen weiterhelfen weiter frage fragen verstehe weitere weiteren sonst melde melden
		schritt schritte schritten folge folgen folgendermassen verbinde verbinden person menschen mensch mitarbeiter mitarbeiterin mitarbeitenden kollegen kollegin team support sprechen naturlich klar selbstverstandlich
		geht funktioniert gut schonen antwort`)
	add(es, wTalk, `hola buenos buenas dias tardes gracias bienvenido bienvenida siento lamento disculpa disculpe espero ayude ayudar ayudarte ayudarle ayuda pregunta preguntas entiendo algo mas duda dudas
		sigue siga siguientes pasos paso conectar conectarte conectarle conecte conecto conectamos pasar pase persona agente companero equipo hablar claro supuesto gusto encantado necesitas necesita quieres quiere respuesta saber`)
	add(sv, wTalk, `hej tack valkommen ledsen forlat beklagar hoppas hjalper hjalpa hjalp fraga fragor forstar nagot annat mer folj foljande steg koppla kopplar person manniska agent handlaggare
		kollega team support prata garna sjalvklart naturligtvis gor gar bra dag svar svaret veta`)
	add(en, wAdmit, `know find found sure information answer sorry help articles article source sources help centre center`)
	add(de, wAdmit, `weiss wissen finde gefunden sicher informationen information antwort leider artikel hilfe hilfecenter quelle quellen vorliegen`)
	add(es, wAdmit, `se encuentro encontrado encontrar seguro segura informacion respuesta siento lamento articulos articulo ayuda fuente fuentes tengo`)
	add(sv, wAdmit, `vet hittar hittade saker information informationen svar ledsen tyvarr artiklar artikel hjalp kalla kallor`)

	for i, names := range strings.Split(`january januar enero januari|february februar febrero februari|march marz marzo mars|april abril|may mai mayo maj|june juni junio|july juli julio|august agosto augusti
		|september septiembre|october oktober octubre|november noviembre|december dezember diciembre`, "|") {
		for _, n := range strings.Fields(names) {
			months[n] = i + 1
		}
	}
	for i, names := range strings.Split(`monday mondays montag montags lunes mandag mandagar|tuesday tuesdays dienstag dienstags martes tisdag tisdagar|wednesday wednesdays mittwoch mittwochs miercoles onsdag onsdagar
		|thursday thursdays donnerstag donnerstags jueves torsdag torsdagar|friday fridays freitag freitags viernes fredag fredagar|saturday saturdays samstag samstags sonnabend sabado sabados lordag lordagar
		|sunday sundays sonntag sonntags domingo domingos sondag sondagar`, "|") {
		for _, n := range strings.Fields(names) {
			weekdays[n] = i + 1
		}
	}
	for i, names := range strings.Split(`one ein eine einen einem einer uno una un en ett|two zwei dos tva|three drei tres tre|four vier cuatro fyra|five funf cinco fem|six sechs seis sex|seven sieben siete sju
		|eight acht ocho atta|nine neun nueve nio|ten zehn diez tio|eleven elf once elva|twelve zwolf doce tolv`, "|") {
		for _, n := range strings.Fields(names) {
			numerals[n] = i + 1
		}
	}
	for i, line := range strings.Split(strings.TrimSpace(conceptTable), "\n") {
		for _, w := range strings.Fields(line) {
			p, whole := strings.CutSuffix(w, "$")
			key := head(p)
			concepts[key] = append(concepts[key], concept{p, whole, 0xC0FFEE<<32 | uint64(i)})
		}
	}
}

// conceptTable: one concept a line, in folded spelling.
const conceptTable = `
refund money$ reimburs erstatt ruckerstatt geld$ zuruckzahl reembols devolucion$ dinero$ aterbetal pengar
return$ returns$ returned returning rucksend retour zurucksend zuruckschick devolver devuelv retur skicka$
fee$ fees$ charge$ charges$ gebuhr comision comisiones tarifa cargo$ cargos$ avgift kostnad kosten$ kostet$ kostar$ cost$ costs$ coste cuesta
late$ overdue verspat mahn uberfallig retraso mora$ atras sen$ sena$ forsen forfall
pay$ pays$ paid$ paying payment zahl$ zahlen zahlst zahlt zahlung bezahl einzahl uberweis pago$ pagos$ pagar pagas pagado pague paga$ betala betalning betald betalt
due$ fallig vence vencimiento forfallo
card$ cards$ karte karten kreditkart tarjeta kort$ kortet korten
bank$ banks$ banco bancar banken bankkonto
account konto$ konten kontos$ cuenta konton$ kontot
order$ orders$ ordered bestell pedido bestallning
purchase bought buy$ kauf$ kaufe kaufen einkauf gekauft compra kop$ kopet kopen
shop$ shops$ store$ stores$ merchant retailer handler geschaft laden$ tienda comerci butik handlare
parcel package delivery deliver shipment paket liefer sendung entrega envio leveran leverera
app$ aplicacion appen
change$ changes changing andern anderst andert anderung verschieb cambi andra$ andrar andring move$ moved moving postpone mover aplaza flytta
cancel kundig stornier abbrech cancela anular avbryt avboka saga$ upp$
close$ closing closed schliess geschlossen cerrar cerrad cierr stang
delete erase losch elimin borrar radera ta-bort
dispute disput reklam beanstand disputa reclam tvist bestrid
contact kontakt contact
customer kund$ kunde kunden client cliente kunder
receipt invoice rechnung beleg quittung recibo factura kvitto faktura
statement kontoauszug extracto kontoutdrag
interest zinsen verzins interes ranta rantor
instal instalment installment rate$ raten$ ratenzahl cuota plazo delbetal avbetal
month$ months monthly monat mes$ meses mensual manad
week$ weeks weekly woche semana vecka veckor
day$ days daily tag$ tage$ tagen taglich dia$ dias$ dag$ dagar dagen dagligen
hour hours stunde hora$ horas timme timmar
minute minuten minutos minuter
year years yearly annual jahr ano$ anos$ anual ar$ aret
business working werktag arbeitstag geschaftstag habil laborable vardag arbetsdag bankdag
password passwort kennwort contrasen losenord
reset zurucksetz restablec aterstall
login log-in sign-in anmeld einlogg iniciar sesion logga inlogg
email e-mail mail$ correo mejl epost e-post
phone telephone telefon telefono mobil movil
address adress direccion adress
name$ names name$ nombre namn
limit$ limits limit limite grans
credit kredit credito kredit
debt schuld deuda skuld
reminder erinner mahnung recordatorio paminn
letter brief$ briefe carta brev
code$ codes code$ codigo kod$ koden
confirm confirmation bestatig confirma bekraft
check$ checks checking pruf$ prufen pruft uberpruf comprob verific revis kontroller
open$ opens opening offne offnet geoffnet abre abrir abiert oppna oppnar oppen oppet
tap$ taps select choose tipp wahl$ wahle wahlen auswahl toca$ pulsa selecciona elige valj tryck
settings einstellung ajustes configuracion installning
hide block$ blocked freeze gesperrt sperr bloque congel sparr frys
chat$ chats$ chatt live-chat
fraud betrug fraude bedrager
free$ kostenlos kostenfrei gratis gratuit kostnadsfri
reduc lower$ lowers lowered decreas senk$ senkt sinkt verringer baja$ bajan rebaja sank$ sanker minska
expir caduc vence$ vale$ valid gultig ablauf ablauft abgelaufen galler giltig
latest newest latest$ neueste letzte$ letzten$ reciente ultimo$ ultima$ senaste nyaste
work$ works$ working$ funktion sirve funciona fungera
solve resolv losen$ lost$ resuelv resuelt
maximum$ most$ max hochstens hochst maxim hogst
early vorzeitig fruher anticip antes$ tidig fortid
full$ complete vollstandig komplett completo total$ hela$ helt
part$ partial teil$ teilweise parcial delvis
allow allowed possible moglich erlaubt permit posible tillat mojlig
send$ sends sent$ sending schick senden sendest gesendet enviar envia envie skicka skickar
receive receives received get$ erhalt erhalten bekomm recib mottag
take$ takes taken dauer dauert tarda dura$ tar$
open$ available verfugbar disponible tillganglig
uk$ britain kingdom grossbritannien vereinigten konigreich britanico reino$ storbritannien
usa$ states staaten estados eeuu$
germany german$ deutschland deutsch$ alemania aleman tyskland tysk
spain spanish spanien spanisch espana espanol spansk
sweden swedish schweden schwedisch suecia sueco sverige svensk
france french frankreich francia frankrike
norway norwegian norwegen noruega norge
english englisch ingles engelska
market$ markets markt mercado marknad
country countries land$ lander pais$ paises landet
currency wahrung moneda divisa valuta
exchange wechselkurs cambio$ vaxlingskurs
price$ prices preis precio pris$ priset
person$ people menschen personas manniskor
example beispiel ejemplo exempel
damaged broken defect beschadigt defekt danad dano$ defectuos skad
proof evidence nachweis beweis prueba bevis
document dokument document
identity identitat identidad identitet
update$ updates updated aktualis actualiz uppdater
delay$ delayed verzoger retras forsen
pause$ pauses paused pausing pausier pausa pausad stop$ stops stopped stopp anhalt angehalten unterbr deten detien suspend
continu fortsat fortsatt weiterlauf weiterhin sigue$ siguen continua proceed
accept angenommen akzeptier annehm acepta godta godkan
reject declin refus abgelehnt ablehn rechaz neka nekas avvisa
notify notification benachricht notific avis$ avise notis meddel
`

func head(s string) uint32 {
	var k uint32
	for i := 0; i < 3 && i < len(s); i++ {
		k = k<<8 | uint32(s[i])
	}
	return k
}

// conceptOf returns the concept of a folded word, or 0. The longest prefix wins.
func conceptOf(w []byte) uint64 {
	if len(w) < 2 {
		return 0
	}
	var id uint64
	best := 0
	var k uint32
	for i := 0; i < 3 && i < len(w); i++ {
		k = k<<8 | uint32(w[i])
	}
	for _, c := range concepts[k] {
		if len(c.prefix) > best && len(w) >= len(c.prefix) && string(w[:len(c.prefix)]) == c.prefix && (!c.whole || len(w) == len(c.prefix)) {
			id, best = c.id, len(c.prefix)
		}
	}
	return id
}

// appendFolded appends a word, each letter folded.
func appendFolded(dst []byte, word string) []byte {
	for _, r := range word {
		dst = appendFold(dst, r)
	}
	return dst
}

// appendFold appends the lower-case form of r without accents.
func appendFold(dst []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return append(dst, byte(r))
	}
	switch r = unicode.ToLower(r); r {
	case 'ä', 'å', 'à', 'á', 'â', 'ã':
		return append(dst, 'a')
	case 'ö', 'ó', 'ò', 'ô', 'õ', 'ø':
		return append(dst, 'o')
	case 'ü', 'ú', 'ù', 'û':
		return append(dst, 'u')
	case 'é', 'è', 'ê', 'ë':
		return append(dst, 'e')
	case 'í', 'ì', 'î', 'ï':
		return append(dst, 'i')
	case 'ñ':
		return append(dst, 'n')
	case 'ç':
		return append(dst, 'c')
	case 'ß':
		return append(dst, 's', 's')
	case '’', '‘':
		return append(dst, '\'')
	}
	return utf8.AppendRune(dst, r)
}

func fold(s string) string {
	return string(appendFolded(make([]byte, 0, len(s)), s))
}

// stem cuts the commonest endings of the four languages off a folded word and keeps at most seven letters: enough to
// bring "refund", "refunds" and "refunded" together, and too little to bring "interest" and "internet" together.
func stem(w []byte) []byte {
	for _, suffix := range [...]string{"ungen", "ments", "ment", "ungs", "ung", "ing", "erna", "arna", "orna", "ande", "ende", "idos", "idas", "ados", "adas", "ido", "ida", "ado", "ada",
		"ies", "es", "ed", "en", "er", "ar", "or", "as", "os", "em", "e", "s", "a", "o", "n", "t", "y"} {
		if len(w) >= len(suffix)+3 && len(w) > 4 && string(w[len(w)-len(suffix):]) == suffix {
			w = w[:len(w)-len(suffix)]
			break
		}
	}
	if len(w) == 4 && w[3] == 's' || len(w) == 5 && w[4] == 's' {
		w = w[:len(w)-1]
	}
	return w[:min(len(w), 7)]
}

// hash is FNV-1a.
func hash(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}
