package notify

import "strings"

// phrases are what customers read around what was said.
type phrases struct {
	subject string // %s the company
	ai      string // %s the company; whose words follow
	person  string // %s a name, %s the company; whose words follow
	file    string // %s its name
	open    string // above the link
	once    string
	reply   string
	foot    string // %s the company
	end     string // above the link that ends it

	confirmSubject string // %s the company
	confirm        string // %s the company; above the link
	confirmFoot    string

	pushTitle string // %s the company
	pushText  string
}

// words are the phrases of a locale's language, or English ones.
func words(locale string) phrases {
	language, _, _ := strings.Cut(strings.ToLower(locale), "-")
	if p, ok := spoken[language]; ok {
		return p
	}
	return spoken["en"]
}

var spoken = map[string]phrases{
	"en": {subject: "An answer from %s", ai: "The AI assistant of %s:", person: "%s (%s):", file: "[file: %s]",
		open: "Open the conversation:", once: "The link opens it once, within 7 days. Whoever has the link can read the conversation: do not pass it on.",
		reply: "Or answer this e-mail.", foot: "You get this message because you asked %s in the chat to be told of answers here.", end: "Do not want more of these:",
		confirmSubject: "May %s write to you here?", confirm: "Somebody, most likely you, asked in the chat of %s to be told of answers at this address. To agree, open this page and press the button, within 24 hours:",
		confirmFoot: "If it was not you, there is nothing to do: without your agreement you will get no answers here.",
		pushTitle:   "%s has answered", pushText: "Open the chat to read it."},
	"de": {subject: "Eine Antwort von %s", ai: "Der KI-Assistent von %s:", person: "%s (%s):", file: "[Datei: %s]",
		open: "Das Gespräch öffnen:", once: "Der Link öffnet es einmal, innerhalb von 7 Tagen. Wer den Link hat, kann das Gespräch lesen: Bitte geben Sie ihn nicht weiter.",
		reply: "Oder antworten Sie auf diese E-Mail.", foot: "Sie bekommen diese Nachricht, weil Sie %s im Chat gebeten haben, Ihnen Antworten hierher zu melden.", end: "Keine weiteren Nachrichten:",
		confirmSubject: "Darf %s Ihnen hierher schreiben?", confirm: "Jemand, vermutlich Sie, hat im Chat von %s darum gebeten, Antworten an diese Adresse zu melden. Wenn Sie einverstanden sind, öffnen Sie innerhalb von 24 Stunden diese Seite und drücken Sie den Knopf:",
		confirmFoot: "Wenn Sie das nicht waren, müssen Sie nichts tun: Ohne Ihr Einverständnis kommen hier keine Antworten an.",
		pushTitle:   "%s hat geantwortet", pushText: "Öffnen Sie den Chat, um die Antwort zu lesen."},
	"es": {subject: "Una respuesta de %s", ai: "El asistente de IA de %s:", person: "%s (%s):", file: "[archivo: %s]",
		open: "Abrir la conversación:", once: "El enlace la abre una vez, durante 7 días. Quien tenga el enlace puede leer la conversación: no lo compartas.",
		reply: "O responde a este correo.", foot: "Recibes este mensaje porque pediste a %s en el chat que te avisara aquí de las respuestas.", end: "No recibir más mensajes:",
		confirmSubject: "¿Puede %s escribirte aquí?", confirm: "Alguien, probablemente tú, pidió en el chat de %s recibir avisos de las respuestas en esta dirección. Si estás de acuerdo, abre esta página y pulsa el botón en un plazo de 24 horas:",
		confirmFoot: "Si no fuiste tú, no tienes que hacer nada: sin tu acuerdo no recibirás respuestas aquí.",
		pushTitle:   "%s ha respondido", pushText: "Abre el chat para leer la respuesta."},
	"sv": {subject: "Ett svar från %s", ai: "AI-assistenten hos %s:", person: "%s (%s):", file: "[fil: %s]",
		open: "Öppna konversationen:", once: "Länken öppnar den en gång, inom 7 dagar. Den som har länken kan läsa konversationen: skicka den inte vidare.",
		reply: "Eller svara på det här mejlet.", foot: "Du får det här meddelandet eftersom du bad %s i chatten att meddela dig svar här.", end: "Inga fler meddelanden:",
		confirmSubject: "Får %s skriva till dig här?", confirm: "Någon, troligen du, bad i chatten hos %s om att få veta om svar på den här adressen. Om du vill det öppnar du den här sidan inom 24 timmar och trycker på knappen:",
		confirmFoot: "Om det inte var du behöver du inte göra något: utan ditt medgivande kommer inga svar hit.",
		pushTitle:   "%s har svarat", pushText: "Öppna chatten för att läsa svaret."},
	"fr": {subject: "Une réponse de %s", ai: "L'assistant IA de %s :", person: "%s (%s) :", file: "[fichier : %s]",
		open: "Ouvrir la conversation :", once: "Le lien l'ouvre une seule fois, pendant 7 jours. Quiconque a le lien peut lire la conversation : ne le transmettez pas.",
		reply: "Ou répondez à cet e-mail.", foot: "Vous recevez ce message parce que vous avez demandé à %s dans la discussion de vous signaler ici les réponses.", end: "Ne plus recevoir ces messages :",
		confirmSubject: "%s peut-il vous écrire ici ?", confirm: "Quelqu'un, sans doute vous, a demandé dans la discussion de %s que les réponses soient signalées à cette adresse. Si vous êtes d'accord, ouvrez cette page et appuyez sur le bouton dans les 24 heures :",
		confirmFoot: "Si ce n'était pas vous, vous n'avez rien à faire : sans votre accord, aucune réponse n'arrivera ici.",
		pushTitle:   "%s a répondu", pushText: "Ouvrez la discussion pour lire la réponse."},
	"ar": {subject: "رد من %s", ai: "مساعد الذكاء الاصطناعي لدى %s:", person: "%s (%s):", file: "[ملف: %s]",
		open: "افتح المحادثة:", once: "يفتح الرابط المحادثة مرة واحدة خلال 7 أيام. من لديه الرابط يستطيع قراءة المحادثة، فلا تشاركه مع أحد.",
		reply: "أو قم بالرد على هذه الرسالة.", foot: "تصلك هذه الرسالة لأنك طلبت من %s في الدردشة إبلاغك بالردود هنا.", end: "لعدم تلقي المزيد من هذه الرسائل:",
		confirmSubject: "هل تسمح لـ %s بالكتابة إليك هنا؟", confirm: "طلب شخص ما، على الأرجح أنت، في دردشة %s إبلاغه بالردود على هذا العنوان. إذا كنت موافقًا فافتح هذه الصفحة واضغط على الزر خلال 24 ساعة:",
		confirmFoot: "إذا لم تكن أنت من طلب ذلك فلا داعي لفعل أي شيء: لن تصل أي ردود إلى هنا دون موافقتك.",
		pushTitle:   "لديك رد من %s", pushText: "افتح الدردشة لقراءته."},
}
