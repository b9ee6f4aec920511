package mailin

import "strings"

// phrases are what customers read in mails beside the answers themselves.
type phrases struct {
	subject string // the company
	ai      string // the company
	foot    string
	left    string // names of files
	unknown string
}

// words are the phrases of a locale's language, or English ones.
func words(locale string) phrases {
	language, _, _ := strings.Cut(locale, "-")
	if p, ok := spoken[language]; ok {
		return p
	}
	return spoken["en"]
}

var spoken = map[string]phrases{
	"en": {"An answer from %s",
		"This was written by the AI assistant of %s. Write that you want a person, and one will answer.",
		"Answer this e-mail to go on.",
		"Not everything in your e-mail could be taken: %s. Please send pictures (PNG, JPEG, GIF, WebP), PDF or plain text of up to 10 MB.",
		"Your e-mail was not added to the conversation, because it was not sent from the address that the conversation was begun with. Please write from that address, or in the chat."},
	"de": {"Eine Antwort von %s",
		"Das hat der KI-Assistent von %s geschrieben. Schreiben Sie, dass Sie mit einem Menschen sprechen möchten, dann antwortet einer.",
		"Antworten Sie auf diese E-Mail, um fortzufahren.",
		"Nicht alles in Ihrer E-Mail konnte übernommen werden: %s. Bitte senden Sie Bilder (PNG, JPEG, GIF, WebP), PDF oder reinen Text bis 10 MB.",
		"Ihre E-Mail wurde nicht in die Unterhaltung übernommen, weil sie nicht von der Adresse kam, mit der die Unterhaltung begonnen wurde. Bitte schreiben Sie von dieser Adresse oder im Chat."},
	"es": {"Una respuesta de %s",
		"Esto lo ha escrito el asistente de IA de %s. Escribe que quieres hablar con una persona y te responderá una.",
		"Responde a este correo para continuar.",
		"No se ha podido aceptar todo lo que contenía tu correo: %s. Envía imágenes (PNG, JPEG, GIF, WebP), PDF o texto sin formato de hasta 10 MB.",
		"Tu correo no se ha añadido a la conversación porque no se envió desde la dirección con la que empezó. Escribe desde esa dirección o en el chat."},
	"sv": {"Ett svar från %s",
		"Detta skrevs av AI-assistenten hos %s. Skriv att du vill tala med en människa, så svarar en.",
		"Svara på det här mejlet för att fortsätta.",
		"Allt i ditt mejl kunde inte tas emot: %s. Skicka bilder (PNG, JPEG, GIF, WebP), PDF eller ren text på högst 10 MB.",
		"Ditt mejl lades inte till i konversationen, eftersom det inte skickades från adressen som konversationen började med. Skriv från den adressen eller i chatten."},
	"fr": {"Une réponse de %s",
		"Ceci a été écrit par l'assistant IA de %s. Écrivez que vous souhaitez parler à une personne, et une personne répondra.",
		"Répondez à cet e-mail pour continuer.",
		"Tout le contenu de votre e-mail n'a pas pu être accepté : %s. Envoyez des images (PNG, JPEG, GIF, WebP), un PDF ou du texte brut de 10 Mo au plus.",
		"Votre e-mail n'a pas été ajouté à la conversation, car il ne vient pas de l'adresse avec laquelle elle a commencé. Écrivez depuis cette adresse ou dans la discussion."},
	"ar": {"رد من %s",
		"كتب هذا مساعد الذكاء الاصطناعي لدى %s. اكتب أنك تريد التحدث إلى شخص وسيرد عليك أحدهم.",
		"للمتابعة، قم بالرد على هذه الرسالة.",
		"لم يكن من الممكن قبول كل ما في رسالتك: %s. يرجى إرسال صور (PNG أو JPEG أو GIF أو WebP) أو ملف PDF أو نص عادي بحجم لا يتجاوز 10 ميغابايت.",
		"لم تُضَف رسالتك إلى المحادثة لأنها لم تُرسل من العنوان الذي بدأت به. يرجى الكتابة من ذلك العنوان أو في الدردشة."},
}
