package web

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// helpLocales are the languages of the texts in this file; other locales read English.
var helpLocales = []string{"en", "de", "es", "sv", "fr", "ar"}

func helpIndex(locale string) int {
	base, _, _ := strings.Cut(locale, "-")
	return max(0, slices.Index(helpLocales, base))
}

// helpText is a text of the help centre's newer parts, as pageText is of the others.
func helpText(locale, key string, args ...any) string {
	text := helpTexts[key][helpIndex(locale)]
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

// helpTexts by key, in the order of helpLocales. {n} and {q} are filled in by the page's script.
var helpTexts = map[string][6]string{
	"suggestions":      {"Suggestions", "Vorschläge", "Sugerencias", "Förslag", "Suggestions", "اقتراحات"},
	"suggestions_many": {"{n} suggestions. Use the arrow keys to choose one.", "{n} Vorschläge. Mit den Pfeiltasten auswählen.", "{n} sugerencias. Elige una con las flechas.", "{n} förslag. Välj med piltangenterna.", "{n} suggestions. Choisissez avec les touches fléchées.", "عدد الاقتراحات: {n}. اختر بمفاتيح الأسهم."},
	"suggestions_none": {"No suggestions", "Keine Vorschläge", "No hay sugerencias", "Inga förslag", "Aucune suggestion", "لا توجد اقتراحات"},
	"suggestions_all":  {"All results for “{q}”", "Alle Ergebnisse für „{q}“", "Todos los resultados de «{q}»", "Alla resultat för ”{q}”", "Tous les résultats pour « {q} »", "كل النتائج عن «{q}»"},

	"anchor":       {"Link to the section “%s”", "Link zum Abschnitt „%s“", "Enlace a la sección «%s»", "Länk till avsnittet ”%s”", "Lien vers la section « %s »", "رابط إلى القسم «%s»"},
	"all_in_topic": {"All articles: %s", "Alle Artikel: %s", "Todos los artículos: %s", "Alla artiklar: %s", "Tous les articles : %s", "كل المقالات: %s"},
	"change":       {"Language and country: %s", "Sprache und Land: %s", "Idioma y país: %s", "Språk och land: %s", "Langue et pays : %s", "اللغة والبلد: %s"},

	"helpful_title":  {"Was this helpful?", "War das hilfreich?", "¿Te ha servido?", "Var det till hjälp?", "Cet article vous a-t-il aidé ?", "هل أفادتك هذه المقالة؟"},
	"helpful_yes":    {"Yes", "Ja", "Sí", "Ja", "Oui", "نعم"},
	"helpful_no":     {"No", "Nein", "No", "Nej", "Non", "لا"},
	"helpful_thanks": {"Thank you for telling us.", "Danke für Ihre Rückmeldung.", "Gracias por decírnoslo.", "Tack för att du berättade det.", "Merci de nous l'avoir dit.", "شكرًا لإخبارنا."},
	"helpful_why":    {"Thank you. What was the problem?", "Danke. Woran lag es?", "Gracias. ¿Cuál ha sido el problema?", "Tack. Vad var problemet?", "Merci. Quel était le problème ?", "شكرًا لك. ما المشكلة؟"},
	"helpful_noted":  {"Thank you. The people who write these articles will read it.", "Danke. Die Menschen, die diese Artikel schreiben, lesen das.", "Gracias. Lo leerán las personas que escriben estos artículos.", "Tack. De som skriver artiklarna läser det.", "Merci. Les personnes qui rédigent ces articles vont le lire.", "شكرًا لك. سيقرؤه من يكتبون هذه المقالات."},
	"helpful_failed": {"That could not be saved. Please try again in a moment.", "Das konnte nicht gespeichert werden. Bitte versuchen Sie es gleich noch einmal.", "No se ha podido guardar. Inténtalo de nuevo en un momento.", "Det gick inte att spara. Försök igen om en stund.", "Cela n'a pas pu être enregistré. Réessayez dans un instant.", "تعذّر الحفظ. حاول مرة أخرى بعد قليل."},
	"helpful_reason": {"Reason", "Grund", "Motivo", "Skäl", "Raison", "السبب"},
	"helpful_more":   {"What should we change? (optional)", "Was sollen wir ändern? (freiwillig)", "¿Qué deberíamos cambiar? (opcional)", "Vad ska vi ändra? (frivilligt)", "Que devrions-nous changer ? (facultatif)", "ما الذي ينبغي أن نغيّره؟ (اختياري)"},
	"helpful_hint":   {"Nobody can answer you here. Please write no card numbers or passwords.", "Hier kann niemand antworten. Bitte keine Kartennummern oder Passwörter.", "Aquí nadie puede responderte. No escribas números de tarjeta ni contraseñas.", "Här kan ingen svara dig. Skriv inga kortnummer eller lösenord.", "Personne ne peut vous répondre ici. N'écrivez ni numéro de carte ni mot de passe.", "لا يمكن لأحد أن يجيبك هنا. لا تكتب أرقام بطاقات أو كلمات مرور."},
	"helpful_send":   {"Send", "Senden", "Enviar", "Skicka", "Envoyer", "إرسال"},

	"reason_wrong":           {"It is not correct", "Es stimmt nicht", "No es correcto", "Det stämmer inte", "C'est inexact", "المعلومات غير صحيحة"},
	"reason_outdated":        {"It is out of date", "Es ist veraltet", "Está desactualizado", "Det är inaktuellt", "Ce n'est plus à jour", "المعلومات قديمة"},
	"reason_unclear":         {"I do not understand it", "Ich verstehe es nicht", "No lo entiendo", "Jag förstår det inte", "Je ne comprends pas", "لم أفهمها"},
	"reason_not_my_question": {"It does not answer my question", "Es beantwortet meine Frage nicht", "No responde a mi pregunta", "Det svarar inte på min fråga", "Cela ne répond pas à ma question", "لا تجيب عن سؤالي"},
	"reason_other":           {"Something else", "Etwas anderes", "Otra cosa", "Något annat", "Autre chose", "سبب آخر"},

	"contact_title":     {"Still need help?", "Brauchen Sie noch Hilfe?", "¿Sigues necesitando ayuda?", "Behöver du mer hjälp?", "Encore besoin d'aide ?", "هل ما زلت بحاجة إلى مساعدة؟"},
	"contact_page":      {"Contact us", "Kontakt", "Contacto", "Kontakta oss", "Nous contacter", "اتصل بنا"},
	"contact_lead":      {"How to reach us, and how long it takes at the moment.", "So erreichen Sie uns, und so lange dauert es im Moment.", "Cómo contactar con nosotros y cuánto se tarda ahora.", "Så når du oss, och så lång tid det tar just nu.", "Comment nous joindre, et combien de temps cela prend en ce moment.", "كيف تتواصل معنا، وكم يستغرق ذلك الآن."},
	"contact_ways":      {"Ways to reach us", "So erreichen Sie uns", "Formas de contacto", "Sätt att nå oss", "Moyens de nous joindre", "طرق التواصل"},
	"contact_assistant": {"Ask our assistant", "Unseren Assistenten fragen", "Pregunta a nuestro asistente", "Fråga vår assistent", "Demander à notre assistant", "اسأل مساعدنا الآلي"},
	"contact_ai":        {"An AI that answers from these articles, day and night. It brings in a person when you ask for one.", "Eine KI, die aus diesen Artikeln antwortet, Tag und Nacht. Sie holt einen Menschen, sobald Sie das möchten.", "Una IA que responde a partir de estos artículos, de día y de noche. Avisa a una persona cuando la pidas.", "En AI som svarar utifrån artiklarna, dygnet runt. Den tar in en människa när du ber om det.", "Une IA qui répond à partir de ces articles, jour et nuit. Elle fait venir une personne dès que vous le demandez.", "ذكاء اصطناعي يجيب من هذه المقالات ليلًا ونهارًا، ويستدعي شخصًا متى طلبت."},
	"contact_person":    {"Talk to a person", "Mit einem Menschen sprechen", "Hablar con una persona", "Prata med en människa", "Parler à une personne", "التحدث إلى شخص"},
	"contact_how":       {"Open the chat and choose “Talk to a person”.", "Öffnen Sie den Chat und wählen Sie „Mit einem Menschen sprechen“.", "Abre el chat y elige «Hablar con una persona».", "Öppna chatten och välj ”Prata med en människa”.", "Ouvrez le chat et choisissez « Parler à une personne ».", "افتح الدردشة واختر «التحدث إلى شخص»."},
	"contact_later":     {"You can write now; the answer comes when the team is back.", "Sie können jetzt schreiben; die Antwort kommt, wenn das Team wieder da ist.", "Puedes escribir ahora; la respuesta llegará cuando vuelva el equipo.", "Du kan skriva nu; svaret kommer när teamet är tillbaka.", "Vous pouvez écrire maintenant ; la réponse viendra au retour de l'équipe.", "يمكنك الكتابة الآن، وسيصلك الرد عند عودة الفريق."},
	"contact_open_chat": {"Open the chat", "Chat öffnen", "Abrir el chat", "Öppna chatten", "Ouvrir le chat", "فتح الدردشة"},
	"contact_all":       {"All ways to reach us", "Alle Kontaktwege", "Todas las formas de contacto", "Alla kontaktvägar", "Tous les moyens de contact", "كل طرق التواصل"},

	"open_always":  {"Open day and night", "Tag und Nacht geöffnet", "Abierto de día y de noche", "Öppet dygnet runt", "Ouvert jour et nuit", "متاح ليلًا ونهارًا"},
	"open_now":     {"Open now", "Jetzt geöffnet", "Abierto ahora", "Öppet nu", "Ouvert maintenant", "متاح الآن"},
	"open_until":   {"Open now, until %s", "Jetzt geöffnet, bis %s", "Abierto ahora, hasta %s", "Öppet nu, till %s", "Ouvert maintenant, jusqu'à %s", "متاح الآن حتى %s"},
	"closed_now":   {"Closed at the moment", "Im Moment geschlossen", "Cerrado en este momento", "Stängt just nu", "Fermé pour le moment", "مغلق حاليًا"},
	"closed_until": {"Closed until %s", "Geschlossen bis %s", "Cerrado hasta %s", "Stängt till %s", "Fermé jusqu'à %s", "مغلق حتى %s"},

	"wait_soon":    {"Wait at the moment: about a minute", "Wartezeit im Moment: etwa eine Minute", "Espera en este momento: alrededor de un minuto", "Väntetid just nu: ungefär en minut", "Attente en ce moment : environ une minute", "الانتظار الآن: دقيقة تقريبًا"},
	"wait_about":   {"Wait at the moment: about %d minutes", "Wartezeit im Moment: etwa %d Minuten", "Espera en este momento: unos %d minutos", "Väntetid just nu: ungefär %d minuter", "Attente en ce moment : environ %d minutes", "الانتظار الآن: %d دقيقة تقريبًا"},
	"wait_between": {"Wait at the moment: about %d to %d minutes", "Wartezeit im Moment: etwa %d bis %d Minuten", "Espera en este momento: entre %d y %d minutos", "Väntetid just nu: ungefär %d till %d minuter", "Attente en ce moment : environ %d à %d minutes", "الانتظار الآن: من %d إلى %d دقيقة تقريبًا"},
	"wait_unknown": {"Wait at the moment: not known", "Wartezeit im Moment: nicht bekannt", "Espera en este momento: no se sabe", "Väntetid just nu: okänd", "Attente en ce moment : inconnue", "الانتظار الآن: غير معروف"},
	"when":         {"%s, %s (%s time)", "%s, %s Uhr (Ortszeit %s)", "%s, %s (hora de %s)", "%s kl. %s (tid i %s)", "%s à %s (heure de %s)", "%s، %s (بتوقيت %s)"},

	"ready_title":     {"Have this ready", "Das sollten Sie bereithalten", "Ten esto a mano", "Ha det här till hands", "Ayez ceci sous la main", "جهّز ما يلي"},
	"ready_section":   {"See also “%s” in this article.", "Siehe auch „%s“ in diesem Artikel.", "Consulta también «%s» en este artículo.", "Se även ”%s” i artikeln.", "Voir aussi « %s » dans cet article.", "انظر أيضًا «%s» في هذه المقالة."},
	"ready_email":     {"The e-mail address of your account", "Die E-Mail-Adresse Ihres Kontos", "El correo electrónico de tu cuenta", "E-postadressen till ditt konto", "L'adresse e-mail de votre compte", "عنوان البريد الإلكتروني لحسابك"},
	"ready_purchase":  {"Which purchase it is about: shop, day and amount", "Um welchen Kauf es geht: Geschäft, Tag und Betrag", "De qué compra se trata: tienda, día e importe", "Vilket köp det gäller: butik, dag och belopp", "L'achat concerné : boutique, date et montant", "عملية الشراء المعنية: المتجر واليوم والمبلغ"},
	"ready_reference": {"The reference of your case or order, if you have one", "Die Nummer Ihres Falls oder Ihrer Bestellung, falls Sie eine haben", "La referencia de tu caso o pedido, si la tienes", "Ärende- eller ordernumret, om du har ett", "La référence de votre dossier ou commande, si vous en avez une", "رقم حالتك أو طلبك إن وُجد"},
	"ready_never":     {"We never ask for your password, a one-time code or a full card number.", "Wir fragen nie nach Passwort, Einmalcode oder vollständiger Kartennummer.", "Nunca pedimos la contraseña, un código de un solo uso ni el número completo de la tarjeta.", "Vi frågar aldrig efter lösenord, engångskod eller hela kortnumret.", "Nous ne demandons jamais votre mot de passe, un code à usage unique ni un numéro de carte complet.", "لا نطلب أبدًا كلمة المرور أو رمزًا لمرة واحدة أو رقم البطاقة كاملًا."},

	"feed":         {"Changes as a feed", "Änderungen als Feed", "Cambios por feed", "Ändringar som flöde", "Changements par flux", "التغييرات كخلاصة"},
	"feed_title":   {"Changes in the help centre", "Änderungen im Hilfecenter", "Cambios en el centro de ayuda", "Ändringar i hjälpcentret", "Changements du centre d'aide", "التغييرات في مركز المساعدة"},
	"feed_new":     {"New", "Neu", "Nuevo", "Nytt", "Nouveau", "جديد"},
	"feed_changed": {"Changed", "Geändert", "Modificado", "Ändrat", "Modifié", "مُعدَّل"},
}

// weekdays from Sunday, in the order of helpLocales.
var weekdays = [6][7]string{
	{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
	{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
	{"söndag", "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag"},
	{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	{"الأحد", "الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"},
}

// days of the near future, in the order of helpLocales.
var days = [6][2]string{{"today", "tomorrow"}, {"heute", "morgen"}, {"hoy", "mañana"}, {"i dag", "i morgon"}, {"aujourd'hui", "demain"}, {"اليوم", "غدًا"}}

// whenText is a moment of the near future as people say it, in the time zone of those who open or close then, which it
// names. What is more than a week away has its date.
func whenText(locale string, at, now time.Time, zone string) string {
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" {
		loc, zone = time.UTC, "UTC"
	}
	at, now = at.In(loc), now.In(loc)
	i := helpIndex(locale)
	midnight := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	ahead := int(midnight(at).Sub(midnight(now)).Hours() / 24)
	day := at.Format(time.DateOnly)
	switch {
	case ahead == 0 || ahead == 1:
		day = days[i][ahead]
	case ahead > 1 && ahead < 7:
		day = weekdays[i][at.Weekday()]
	}
	place := zone
	if _, city, found := strings.Cut(zone, "/"); found {
		place = strings.ReplaceAll(city[strings.LastIndexByte(city, '/')+1:], "_", " ")
	}
	return helpText(locale, "when", day, at.Format("15:04"), place)
}
