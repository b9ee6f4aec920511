package web

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// pageLocales are the languages of the help centre's own words; a site in others has English around its articles.
var pageLocales = []string{"en", "de", "es", "sv"}

// pageText is a text of the pages in a locale, or in its language, or in English. Arguments are put in as by fmt.Sprintf.
func pageText(locale, key string, args ...any) string {
	text := pageTexts[key][localeIndex(locale)]
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

func localeIndex(locale string) int {
	base, _, _ := strings.Cut(locale, "-")
	return max(0, slices.Index(pageLocales, base))
}

// pageTexts by key, in the order of pageLocales.
var pageTexts = map[string][4]string{
	"help_centre":        {"Help centre", "Hilfecenter", "Centro de ayuda", "Hjälpcenter"},
	"skip":               {"Skip to the content", "Zum Inhalt springen", "Ir al contenido", "Hoppa till innehållet"},
	"hero":               {"How can we help?", "Wie können wir helfen?", "¿En qué podemos ayudarte?", "Hur kan vi hjälpa dig?"},
	"hero_merchant":      {"Help for merchants", "Hilfe für Händler", "Ayuda para comercios", "Hjälp för butiker"},
	"lead":               {"Search our guides, or pick a topic below.", "Durchsuchen Sie unsere Anleitungen oder wählen Sie unten ein Thema.", "Busca en nuestras guías o elige un tema.", "Sök i våra guider eller välj ett ämne nedan."},
	"search_label":       {"Search the help centre", "Hilfecenter durchsuchen", "Buscar en el centro de ayuda", "Sök i hjälpcentret"},
	"search_placeholder": {"For example: move a payment", "Zum Beispiel: Zahlung verschieben", "Por ejemplo: aplazar un pago", "Till exempel: flytta en betalning"},
	"search":             {"Search", "Suchen", "Buscar", "Sök"},
	"topics":             {"Topics", "Themen", "Temas", "Ämnen"},
	"one_article":        {"1 article", "1 Artikel", "1 artículo", "1 artikel"},
	"articles":           {"%d articles", "%d Artikel", "%d artículos", "%d artiklar"},
	"empty":              {"There are no articles here yet.", "Hier gibt es noch keine Artikel.", "Todavía no hay artículos aquí.", "Här finns inga artiklar än."},
	"language":           {"Language", "Sprache", "Idioma", "Språk"},
	"country":            {"Country", "Land", "País", "Land"},
	"reader":             {"Language and country", "Sprache und Land", "Idioma y país", "Språk och land"},
	"apply":              {"Apply", "Übernehmen", "Aplicar", "Använd"},
	"for_merchants":      {"For merchants", "Für Händler", "Para comercios", "För butiker"},
	"for_consumers":      {"For customers", "Für Kunden", "Para clientes", "För kunder"},
	"chat":               {"Chat with us", "Mit uns chatten", "Chatea con nosotros", "Chatta med oss"},
	"chat_title":         {"Didn't find it?", "Nicht gefunden?", "¿No lo has encontrado?", "Hittade du inte svaret?"},
	"chat_lead":          {"Our assistant answers day and night, and brings in a person whenever you ask for one.", "Unser Assistent antwortet Tag und Nacht und holt einen Menschen dazu, sobald Sie das möchten.", "Nuestro asistente responde de día y de noche y avisa a una persona en cuanto la pidas.", "Vår assistent svarar dygnet runt och tar in en människa så fort du ber om det."},
	"breadcrumb":         {"You are here", "Sie sind hier", "Estás aquí", "Du är här"},
	"contents":           {"On this page", "Auf dieser Seite", "En esta página", "På den här sidan"},
	"updated":            {"Last updated %s", "Zuletzt aktualisiert am %s", "Última actualización: %s", "Senast uppdaterad %s"},
	"applies":            {"Applies to %s", "Gilt für %s", "Se aplica a %s", "Gäller %s"},
	"everywhere":         {"every country that we serve", "alle Länder, in denen wir tätig sind", "todos los países en los que estamos", "alla länder där vi finns"},
	"untranslated":       {"This article is not available in your language yet. You are reading it in %s.", "Diesen Artikel gibt es noch nicht in Ihrer Sprache. Sie lesen ihn auf %s.", "Este artículo todavía no está disponible en tu idioma. Lo estás leyendo en %s.", "Artikeln finns inte på ditt språk än. Du läser den på %s."},
	"related":            {"More on this topic", "Mehr zu diesem Thema", "Más sobre este tema", "Mer om ämnet"},
	"results":            {"Results for “%s”", "Ergebnisse für „%s“", "Resultados de «%s»", "Resultat för ”%s”"},
	"one_result":         {"1 article found", "1 Artikel gefunden", "1 artículo encontrado", "1 artikel hittades"},
	"found":              {"%d articles found", "%d Artikel gefunden", "%d artículos encontrados", "%d artiklar hittades"},
	"nothing":            {"Nothing found for “%s”", "Nichts gefunden für „%s“", "No hay resultados de «%s»", "Inget hittades för ”%s”"},
	"nothing_lead":       {"Try fewer or other words, check the spelling, or pick a topic. Our assistant can help as well.", "Versuchen Sie es mit weniger oder anderen Wörtern, prüfen Sie die Schreibweise, oder wählen Sie ein Thema. Auch unser Assistent hilft weiter.", "Prueba con menos palabras o con otras, revisa la ortografía o elige un tema. Nuestro asistente también puede ayudarte.", "Prova färre eller andra ord, kontrollera stavningen eller välj ett ämne. Vår assistent kan också hjälpa till."},
	"failed":             {"Search is not working at the moment", "Die Suche funktioniert gerade nicht", "La búsqueda no funciona en este momento", "Sökningen fungerar inte just nu"},
	"failed_lead":        {"This is our fault, and says nothing about whether there is an answer. Please try again in a moment, or write to us.", "Das liegt an uns und sagt nichts darüber, ob es eine Antwort gibt. Bitte versuchen Sie es gleich noch einmal, oder schreiben Sie uns.", "Es un fallo nuestro y no significa que no haya respuesta. Inténtalo de nuevo en un momento o escríbenos.", "Det är vårt fel och säger inget om huruvida det finns ett svar. Försök igen om en stund, eller skriv till oss."},
	"missing":            {"We could not find this page", "Diese Seite gibt es nicht", "No encontramos esta página", "Vi hittar inte sidan"},
	"missing_lead":       {"It may have moved, or it is not meant for your country. Search for it, or pick a topic.", "Vielleicht ist sie umgezogen oder nicht für Ihr Land gedacht. Suchen Sie danach, oder wählen Sie ein Thema.", "Puede que haya cambiado de sitio o que no sea para tu país. Búscala o elige un tema.", "Den kan ha flyttats eller gäller inte ditt land. Sök efter den eller välj ett ämne."},
	"broken":             {"Something went wrong on our side", "Bei uns ist etwas schiefgegangen", "Algo ha fallado por nuestra parte", "Något gick fel hos oss"},
	"broken_lead":        {"Please try again in a moment.", "Bitte versuchen Sie es gleich noch einmal.", "Inténtalo de nuevo en un momento.", "Försök igen om en stund."},
	"slow_down":          {"Please wait a moment", "Bitte warten Sie einen Moment", "Espera un momento", "Vänta en stund"},
	"slow_down_lead":     {"There were many requests from your address. Please try again in a minute.", "Von Ihrer Adresse kamen viele Anfragen. Bitte versuchen Sie es in einer Minute noch einmal.", "Han llegado muchas solicitudes desde tu dirección. Inténtalo de nuevo en un minuto.", "Det kom många förfrågningar från din adress. Försök igen om en minut."},
	"table":              {"Table", "Tabelle", "Tabla", "Tabell"},
	"home":               {"To the help centre", "Zum Hilfecenter", "Al centro de ayuda", "Till hjälpcentret"},
}

// localeNames are languages in their own words.
var localeNames = map[string]string{"en": "English", "de": "Deutsch", "es": "Español", "sv": "Svenska", "fr": "Français", "it": "Italiano",
	"nl": "Nederlands", "da": "Dansk", "nb": "Norsk", "fi": "Suomi", "pl": "Polski", "pt": "Português"}

// localeName is a locale for people; its code where we know no name.
func localeName(locale string) string {
	if name := localeNames[locale]; name != "" {
		return name
	}
	base, region, found := strings.Cut(locale, "-")
	if name := localeNames[base]; name != "" && found {
		return name + " (" + region + ")"
	}
	return locale
}

// rightToLeft are the languages written from right to left.
var rightToLeft = []string{"ar", "fa", "he", "ur"}

func direction(locale string) string {
	base, _, _ := strings.Cut(locale, "-")
	if slices.Contains(rightToLeft, base) {
		return "rtl"
	}
	return "ltr"
}

var months = [4][12]string{
	{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
	{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"},
}

// dateText is a day as it is written in a locale, in UTC.
func dateText(locale string, t time.Time) string {
	i := localeIndex(locale)
	t = t.UTC()
	return fmt.Sprintf([4]string{"%d %s %d", "%d. %s %d", "%d de %s de %d", "%d %s %d"}[i], t.Day(), months[i][t.Month()-1], t.Year())
}

// collectionNames are the shelves that help centres usually have. Others are called by their key.
var collectionNames = map[string][4]string{
	"abroad":               {"Abroad and currencies", "Ausland und Währungen", "Extranjero y divisas", "Utomlands och valutor"},
	"account":              {"Your account", "Ihr Konto", "Tu cuenta", "Ditt konto"},
	"app":                  {"The app", "Die App", "La app", "Appen"},
	"credit":               {"Credit and reports", "Bonität und Einträge", "Crédito e informes", "Kredit och upplysningar"},
	"hardship":             {"When money is tight", "Wenn das Geld knapp ist", "Cuando el dinero no llega", "När pengarna inte räcker"},
	"help-and-complaints":  {"Help and complaints", "Hilfe und Beschwerden", "Ayuda y reclamaciones", "Hjälp och klagomål"},
	"merchant":             {"Merchants", "Händler", "Comercios", "Butiker"},
	"paying":               {"Paying", "Bezahlen", "Pagos", "Betala"},
	"refunds-and-problems": {"Refunds and problems", "Erstattungen und Probleme", "Reembolsos y problemas", "Återbetalning och problem"},
	"security":             {"Security", "Sicherheit", "Seguridad", "Säkerhet"},
}

func collectionName(locale, key string) string {
	if names, known := collectionNames[key]; known {
		return names[localeIndex(locale)]
	}
	words := strings.ReplaceAll(key, "-", " ")
	if words == "" {
		return words
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// counted is a number of things: the text for one, or for several.
func counted(locale string, n int, one, several string) string {
	if n == 1 {
		return pageText(locale, one)
	}
	return pageText(locale, several, n)
}
