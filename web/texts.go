package web

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// pageLocales are the languages of the help centre's own words; a site in others has English around its articles.
var pageLocales = []string{"en", "de", "es", "sv", "fr", "ar"}

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
var pageTexts = map[string][6]string{
	"help_centre":        {"Help centre", "Hilfecenter", "Centro de ayuda", "Hjälpcenter", "Centre d'aide", "مركز المساعدة"},
	"skip":               {"Skip to the content", "Zum Inhalt springen", "Ir al contenido", "Hoppa till innehållet", "Aller au contenu", "انتقل إلى المحتوى"},
	"hero":               {"How can we help?", "Wie können wir helfen?", "¿En qué podemos ayudarte?", "Hur kan vi hjälpa dig?", "Comment pouvons-nous vous aider ?", "كيف يمكننا مساعدتك؟"},
	"hero_merchant":      {"Help for merchants", "Hilfe für Händler", "Ayuda para comercios", "Hjälp för butiker", "Aide pour les commerçants", "مساعدة للتجار"},
	"lead":               {"Search our guides, or pick a topic below.", "Durchsuchen Sie unsere Anleitungen oder wählen Sie unten ein Thema.", "Busca en nuestras guías o elige un tema.", "Sök i våra guider eller välj ett ämne nedan.", "Cherchez dans nos guides, ou choisissez un thème ci-dessous.", "ابحث في أدلتنا، أو اختر موضوعًا أدناه."},
	"search_label":       {"Search the help centre", "Hilfecenter durchsuchen", "Buscar en el centro de ayuda", "Sök i hjälpcentret", "Chercher dans le centre d'aide", "البحث في مركز المساعدة"},
	"search_placeholder": {"For example: move a payment", "Zum Beispiel: Zahlung verschieben", "Por ejemplo: aplazar un pago", "Till exempel: flytta en betalning", "Par exemple : reporter un paiement", "مثلاً: تأجيل دفعة"},
	"search":             {"Search", "Suchen", "Buscar", "Sök", "Chercher", "بحث"},
	"topics":             {"Topics", "Themen", "Temas", "Ämnen", "Thèmes", "المواضيع"},
	"one_article":        {"1 article", "1 Artikel", "1 artículo", "1 artikel", "1 article", "مقالة واحدة"},
	"articles":           {"%d articles", "%d Artikel", "%d artículos", "%d artiklar", "%d articles", "عدد المقالات: %d"},
	"empty":              {"There are no articles here yet.", "Hier gibt es noch keine Artikel.", "Todavía no hay artículos aquí.", "Här finns inga artiklar än.", "Il n'y a pas encore d'articles ici.", "لا توجد مقالات هنا بعد."},
	"language":           {"Language", "Sprache", "Idioma", "Språk", "Langue", "اللغة"},
	"country":            {"Country", "Land", "País", "Land", "Pays", "البلد"},
	"reader":             {"Language and country", "Sprache und Land", "Idioma y país", "Språk och land", "Langue et pays", "اللغة والبلد"},
	"apply":              {"Apply", "Übernehmen", "Aplicar", "Använd", "Appliquer", "تطبيق"},
	"for_merchants":      {"For merchants", "Für Händler", "Para comercios", "För butiker", "Pour les commerçants", "للتجار"},
	"for_consumers":      {"For customers", "Für Kunden", "Para clientes", "För kunder", "Pour les clients", "للعملاء"},
	"chat":               {"Chat with us", "Mit uns chatten", "Chatea con nosotros", "Chatta med oss", "Discuter avec nous", "تحدث معنا"},
	"chat_title":         {"Didn't find it?", "Nicht gefunden?", "¿No lo has encontrado?", "Hittade du inte svaret?", "Vous n'avez pas trouvé ?", "لم تجد ما تبحث عنه؟"},
	"chat_lead":          {"Our assistant answers day and night, and brings in a person whenever you ask for one.", "Unser Assistent antwortet Tag und Nacht und holt einen Menschen dazu, sobald Sie das möchten.", "Nuestro asistente responde de día y de noche y avisa a una persona en cuanto la pidas.", "Vår assistent svarar dygnet runt och tar in en människa så fort du ber om det.", "Notre assistant répond jour et nuit, et fait venir une personne dès que vous le demandez.", "يجيب مساعدنا ليلاً ونهارًا، ويستدعي شخصًا متى طلبت ذلك."},
	"breadcrumb":         {"You are here", "Sie sind hier", "Estás aquí", "Du är här", "Vous êtes ici", "أنت هنا"},
	"contents":           {"On this page", "Auf dieser Seite", "En esta página", "På den här sidan", "Sur cette page", "في هذه الصفحة"},
	"updated":            {"Last updated %s", "Zuletzt aktualisiert am %s", "Última actualización: %s", "Senast uppdaterad %s", "Dernière mise à jour le %s", "آخر تحديث: %s"},
	"applies":            {"Applies to %s", "Gilt für %s", "Se aplica a %s", "Gäller %s", "Valable pour : %s", "تنطبق على: %s"},
	"everywhere":         {"every country that we serve", "alle Länder, in denen wir tätig sind", "todos los países en los que estamos", "alla länder där vi finns", "tous les pays où nous sommes présents", "جميع البلدان التي نخدمها"},
	"untranslated":       {"This article is not available in your language yet. You are reading it in %s.", "Diesen Artikel gibt es noch nicht in Ihrer Sprache. Sie lesen ihn auf %s.", "Este artículo todavía no está disponible en tu idioma. Lo estás leyendo en %s.", "Artikeln finns inte på ditt språk än. Du läser den på %s.", "Cet article n'existe pas encore dans votre langue. Vous le lisez dans la langue suivante : %s.", "هذه المقالة غير متوفرة بلغتك بعد. أنت تقرؤها بهذه اللغة: %s."},
	"related":            {"More on this topic", "Mehr zu diesem Thema", "Más sobre este tema", "Mer om ämnet", "Plus sur ce thème", "المزيد حول هذا الموضوع"},
	"results":            {"Results for “%s”", "Ergebnisse für „%s“", "Resultados de «%s»", "Resultat för ”%s”", "Résultats pour « %s »", "نتائج البحث عن «%s»"},
	"one_result":         {"1 article found", "1 Artikel gefunden", "1 artículo encontrado", "1 artikel hittades", "1 article trouvé", "عُثر على مقالة واحدة"},
	"found":              {"%d articles found", "%d Artikel gefunden", "%d artículos encontrados", "%d artiklar hittades", "%d articles trouvés", "عدد المقالات التي عُثر عليها: %d"},
	"nothing":            {"Nothing found for “%s”", "Nichts gefunden für „%s“", "No hay resultados de «%s»", "Inget hittades för ”%s”", "Aucun résultat pour « %s »", "لا توجد نتائج عن «%s»"},
	"nothing_lead":       {"Try fewer or other words, check the spelling, or pick a topic. Our assistant can help as well.", "Versuchen Sie es mit weniger oder anderen Wörtern, prüfen Sie die Schreibweise, oder wählen Sie ein Thema. Auch unser Assistent hilft weiter.", "Prueba con menos palabras o con otras, revisa la ortografía o elige un tema. Nuestro asistente también puede ayudarte.", "Prova färre eller andra ord, kontrollera stavningen eller välj ett ämne. Vår assistent kan också hjälpa till.", "Essayez avec moins de mots ou d'autres mots, vérifiez l'orthographe, ou choisissez un thème. Notre assistant peut aussi vous aider.", "جرّب كلمات أقل أو كلمات أخرى، أو تحقق من الإملاء، أو اختر موضوعًا. يمكن لمساعدنا أن يساعدك أيضًا."},
	"failed":             {"Search is not working at the moment", "Die Suche funktioniert gerade nicht", "La búsqueda no funciona en este momento", "Sökningen fungerar inte just nu", "La recherche ne fonctionne pas pour le moment", "البحث لا يعمل في الوقت الحالي"},
	"failed_lead":        {"This is our fault, and says nothing about whether there is an answer. Please try again in a moment, or write to us.", "Das liegt an uns und sagt nichts darüber, ob es eine Antwort gibt. Bitte versuchen Sie es gleich noch einmal, oder schreiben Sie uns.", "Es un fallo nuestro y no significa que no haya respuesta. Inténtalo de nuevo en un momento o escríbenos.", "Det är vårt fel och säger inget om huruvida det finns ett svar. Försök igen om en stund, eller skriv till oss.", "Cela vient de nous et ne veut pas dire qu'il n'y a pas de réponse. Réessayez dans un instant, ou écrivez-nous.", "هذا خطأ من جهتنا، ولا يعني أنه لا توجد إجابة. حاول مرة أخرى بعد قليل، أو اكتب إلينا."},
	"missing":            {"We could not find this page", "Diese Seite gibt es nicht", "No encontramos esta página", "Vi hittar inte sidan", "Cette page est introuvable", "لم نجد هذه الصفحة"},
	"missing_lead":       {"It may have moved, or it is not meant for your country. Search for it, or pick a topic.", "Vielleicht ist sie umgezogen oder nicht für Ihr Land gedacht. Suchen Sie danach, oder wählen Sie ein Thema.", "Puede que haya cambiado de sitio o que no sea para tu país. Búscala o elige un tema.", "Den kan ha flyttats eller gäller inte ditt land. Sök efter den eller välj ett ämne.", "Elle a peut-être été déplacée, ou n'est pas destinée à votre pays. Cherchez-la, ou choisissez un thème.", "ربما نُقلت، أو أنها ليست موجّهة إلى بلدك. ابحث عنها، أو اختر موضوعًا."},
	"broken":             {"Something went wrong on our side", "Bei uns ist etwas schiefgegangen", "Algo ha fallado por nuestra parte", "Något gick fel hos oss", "Quelque chose n'a pas fonctionné de notre côté", "حدث خطأ من جهتنا"},
	"broken_lead":        {"Please try again in a moment.", "Bitte versuchen Sie es gleich noch einmal.", "Inténtalo de nuevo en un momento.", "Försök igen om en stund.", "Réessayez dans un instant.", "حاول مرة أخرى بعد قليل."},
	"slow_down":          {"Please wait a moment", "Bitte warten Sie einen Moment", "Espera un momento", "Vänta en stund", "Attendez un instant", "انتظر قليلاً من فضلك"},
	"slow_down_lead":     {"There were many requests from your address. Please try again in a minute.", "Von Ihrer Adresse kamen viele Anfragen. Bitte versuchen Sie es in einer Minute noch einmal.", "Han llegado muchas solicitudes desde tu dirección. Inténtalo de nuevo en un minuto.", "Det kom många förfrågningar från din adress. Försök igen om en minut.", "Beaucoup de requêtes sont venues de votre adresse. Réessayez dans une minute.", "وصلت طلبات كثيرة من عنوانك. حاول مرة أخرى بعد دقيقة."},
	"table":              {"Table", "Tabelle", "Tabla", "Tabell", "Tableau", "جدول"},
	"home":               {"To the help centre", "Zum Hilfecenter", "Al centro de ayuda", "Till hjälpcentret", "Vers le centre d'aide", "إلى مركز المساعدة"},
}

// localeNames are languages in their own words.
var localeNames = map[string]string{"en": "English", "de": "Deutsch", "es": "Español", "sv": "Svenska", "fr": "Français", "it": "Italiano",
	"nl": "Nederlands", "da": "Dansk", "nb": "Norsk", "fi": "Suomi", "pl": "Polski", "pt": "Português", "ar": "العربية"}

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

var months = [6][12]string{
	{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
	{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"},
	{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	{"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"},
}

// dateText is a day as it is written in a locale, in UTC.
func dateText(locale string, t time.Time) string {
	i := localeIndex(locale)
	t = t.UTC()
	return fmt.Sprintf([6]string{"%d %s %d", "%d. %s %d", "%d de %s de %d", "%d %s %d", "%d %s %d", "%d %s %d"}[i], t.Day(), months[i][t.Month()-1], t.Year())
}

// collectionNames are the shelves that help centres usually have. Others are called by their key.
var collectionNames = map[string][6]string{
	"abroad":               {"Abroad and currencies", "Ausland und Währungen", "Extranjero y divisas", "Utomlands och valutor", "Étranger et devises", "الخارج والعملات"},
	"account":              {"Your account", "Ihr Konto", "Tu cuenta", "Ditt konto", "Votre compte", "حسابك"},
	"app":                  {"The app", "Die App", "La app", "Appen", "L'application", "التطبيق"},
	"credit":               {"Credit and reports", "Bonität und Einträge", "Crédito e informes", "Kredit och upplysningar", "Crédit et rapports", "الائتمان والتقارير"},
	"hardship":             {"When money is tight", "Wenn das Geld knapp ist", "Cuando el dinero no llega", "När pengarna inte räcker", "Quand l'argent manque", "عندما يضيق الحال"},
	"help-and-complaints":  {"Help and complaints", "Hilfe und Beschwerden", "Ayuda y reclamaciones", "Hjälp och klagomål", "Aide et réclamations", "المساعدة والشكاوى"},
	"merchant":             {"Merchants", "Händler", "Comercios", "Butiker", "Commerçants", "التجار"},
	"paying":               {"Paying", "Bezahlen", "Pagos", "Betala", "Payer", "الدفع"},
	"refunds-and-problems": {"Refunds and problems", "Erstattungen und Probleme", "Reembolsos y problemas", "Återbetalning och problem", "Remboursements et problèmes", "استرداد الأموال والمشكلات"},
	"security":             {"Security", "Sicherheit", "Seguridad", "Säkerhet", "Sécurité", "الأمان"},
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
