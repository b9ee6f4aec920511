package web

import "strings"

// privacyWords are what customers read of their data, in one language.
type privacyWords struct {
	locale                                                          string
	aiTitle, recordedTitle, keptTitle, givenTitle, rightsTitle      string
	recorded, kept, keptDays, filesDays, team, model, desks, rights string
}

// privacyTexts, English first: it stands in for languages that are not here.
var privacyTexts = []privacyWords{
	{"en", "What answers you", "What is recorded", "For how long", "Who gets it", "What you may ask for",
		"What you write, the files you send, what you are answered, and your ratings. If you sign in: your name and e-mail address. Card numbers and the like are masked before anything is stored. No cookies are set.",
		"Until you have it deleted.", "%d days after the last message, then it is deleted.", "Files are deleted %d days after they were sent.",
		"Our support team.", "A provider of language models, which writes answers from our articles.", "Other systems that our support team works with.",
		"You can download your data and have it deleted at any time, here in the chat. You get a signed receipt of what was deleted."},
	{"de", "Wer Ihnen antwortet", "Was gespeichert wird", "Wie lange", "Wer es bekommt", "Was Sie verlangen können",
		"Was Sie schreiben, die Dateien, die Sie senden, die Antworten und Ihre Bewertungen. Wenn Sie angemeldet sind: Ihr Name und Ihre E-Mail-Adresse. Kartennummern und Ähnliches werden vor dem Speichern unkenntlich gemacht. Es werden keine Cookies gesetzt.",
		"Bis Sie es löschen lassen.", "%d Tage nach der letzten Nachricht, dann wird es gelöscht.", "Dateien werden %d Tage nach dem Senden gelöscht.",
		"Unser Support-Team.", "Ein Anbieter von Sprachmodellen, der Antworten aus unseren Artikeln schreibt.", "Andere Systeme, mit denen unser Support-Team arbeitet.",
		"Sie können Ihre Daten jederzeit hier im Chat herunterladen und löschen lassen. Sie erhalten eine signierte Bestätigung über das Gelöschte."},
	{"es", "Quién te responde", "Qué se guarda", "Durante cuánto tiempo", "Quién lo recibe", "Qué puedes pedir",
		"Lo que escribes, los archivos que envías, las respuestas y tus valoraciones. Si has iniciado sesión: tu nombre y tu correo electrónico. Los números de tarjeta y datos parecidos se ocultan antes de guardarse. No se usan cookies.",
		"Hasta que pidas que se elimine.", "%d días después del último mensaje; luego se elimina.", "Los archivos se eliminan %d días después de enviarse.",
		"Nuestro equipo de atención.", "Un proveedor de modelos de lenguaje, que redacta respuestas a partir de nuestros artículos.", "Otros sistemas con los que trabaja nuestro equipo.",
		"Puedes descargar tus datos y pedir que se eliminen en cualquier momento, aquí en el chat. Recibirás un justificante firmado de lo eliminado."},
	{"sv", "Vem som svarar dig", "Vad som sparas", "Hur länge", "Vem som får det", "Vad du kan begära",
		"Det du skriver, filerna du skickar, svaren och dina betyg. Om du är inloggad: ditt namn och din e-postadress. Kortnummer och liknande döljs innan något sparas. Inga kakor används.",
		"Tills du begär att det raderas.", "%d dagar efter det sista meddelandet, sedan raderas det.", "Filer raderas %d dagar efter att de skickades.",
		"Vårt supportteam.", "En leverantör av språkmodeller, som skriver svar utifrån våra artiklar.", "Andra system som vårt supportteam arbetar med.",
		"Du kan när som helst ladda ner dina uppgifter och få dem raderade, här i chatten. Du får ett signerat kvitto på det som raderats."},
	{"fr", "Qui vous répond", "Ce qui est enregistré", "Pendant combien de temps", "Qui le reçoit", "Ce que vous pouvez demander",
		"Ce que vous écrivez, les fichiers que vous envoyez, les réponses et vos évaluations. Si vous êtes connecté : votre nom et votre adresse e-mail. Les numéros de carte et données semblables sont masqués avant tout enregistrement. Aucun cookie n'est déposé.",
		"Jusqu'à ce que vous le fassiez supprimer.", "%d jours après le dernier message, puis tout est supprimé.", "Les fichiers sont supprimés %d jours après leur envoi.",
		"Notre équipe d'assistance.", "Un fournisseur de modèles de langage, qui rédige des réponses à partir de nos articles.", "D'autres systèmes avec lesquels notre équipe travaille.",
		"Vous pouvez à tout moment télécharger vos données et les faire supprimer, ici dans le chat. Vous recevez un reçu signé de ce qui a été supprimé."},
	{"ar", "من يجيبك", "ما الذي يُسجَّل", "كم من الوقت", "من يحصل عليه", "ما الذي يمكنك طلبه",
		"ما تكتبه، والملفات التي ترسلها، والإجابات، وتقييماتك. وإذا سجّلت الدخول: اسمك وعنوان بريدك الإلكتروني. تُخفى أرقام البطاقات وما يشبهها قبل الحفظ. لا تُستخدم ملفات تعريف الارتباط.",
		"حتى تطلب حذفه.", "%d يومًا بعد آخر رسالة، ثم يُحذف.", "تُحذف الملفات بعد %d يومًا من إرسالها.",
		"فريق الدعم لدينا.", "مزوّد نماذج لغوية يكتب الإجابات من مقالاتنا.", "أنظمة أخرى يعمل بها فريق الدعم لدينا.",
		"يمكنك تنزيل بياناتك وطلب حذفها في أي وقت، هنا في المحادثة. وتحصل على إيصال موقّع بما حُذف."},
}

// privacyText returns the words of the locale's language, or the English ones.
func privacyText(locale string) privacyWords {
	language, _, _ := strings.Cut(strings.ToLower(locale), "-")
	for _, t := range privacyTexts {
		if t.locale == language {
			return t
		}
	}
	return privacyTexts[0]
}
