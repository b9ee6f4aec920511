package web

import "strings"

// noticeText is what the pages say that links in e-mails lead to. %s is the address.
type noticeText struct{ confirm, confirmLead, confirmed, confirmedLead, end, endLead, ended, endedLead, late, lateLead string }

func noticeTexts(locale string) noticeText {
	language, _, _ := strings.Cut(strings.ToLower(locale), "-")
	if t, ok := noticeSpoken[language]; ok {
		return t
	}
	return noticeSpoken["en"]
}

var noticeSpoken = map[string]noticeText{
	"en": {"Tell me of answers here", "Answers that you do not read in the chat are then sent to %s.", "You will be told of answers", "Answers that you do not read in the chat are sent to %s. You can close this page.",
		"Send no more e-mails", "No more answers will then be sent to %s. They stay in the chat.", "You will get no more of these e-mails", "Answers stay in the chat. You can close this page.",
		"This link does not work any more", "Links hold for 24 hours. You can leave your address in the chat again."},
	"de": {"Antworten hierher melden", "Antworten, die Sie im Chat nicht lesen, kommen dann an %s.", "Sie bekommen Antworten gemeldet", "Antworten, die Sie im Chat nicht lesen, kommen an %s. Sie können diese Seite schließen.",
		"Keine E-Mails mehr senden", "An %s werden dann keine Antworten mehr gesendet. Sie bleiben im Chat.", "Sie bekommen keine solchen E-Mails mehr", "Die Antworten bleiben im Chat. Sie können diese Seite schließen.",
		"Dieser Link gilt nicht mehr", "Links gelten 24 Stunden. Sie können Ihre Adresse im Chat noch einmal hinterlassen."},
	"es": {"Avisarme aquí de las respuestas", "Las respuestas que no leas en el chat se enviarán a %s.", "Recibirás avisos de las respuestas", "Las respuestas que no leas en el chat se envían a %s. Puedes cerrar esta página.",
		"No enviar más correos", "No se enviarán más respuestas a %s. Seguirán en el chat.", "No recibirás más correos como este", "Las respuestas siguen en el chat. Puedes cerrar esta página.",
		"Este enlace ya no sirve", "Los enlaces valen 24 horas. Puedes volver a dejar tu dirección en el chat."},
	"sv": {"Meddela mig svar här", "Svar som du inte läser i chatten skickas då till %s.", "Du får veta när någon svarar", "Svar som du inte läser i chatten skickas till %s. Du kan stänga sidan.",
		"Skicka inga fler mejl", "Inga fler svar skickas då till %s. De finns kvar i chatten.", "Du får inga fler sådana mejl", "Svaren finns kvar i chatten. Du kan stänga sidan.",
		"Länken gäller inte längre", "Länkar gäller i 24 timmar. Du kan lämna din adress i chatten igen."},
	"fr": {"Me signaler les réponses ici", "Les réponses que vous ne lisez pas dans la discussion seront envoyées à %s.", "Les réponses vous seront signalées", "Les réponses que vous ne lisez pas dans la discussion sont envoyées à %s. Vous pouvez fermer cette page.",
		"Ne plus envoyer d'e-mails", "Aucune réponse ne sera plus envoyée à %s. Elles restent dans la discussion.", "Vous ne recevrez plus ces e-mails", "Les réponses restent dans la discussion. Vous pouvez fermer cette page.",
		"Ce lien ne fonctionne plus", "Les liens sont valables 24 heures. Vous pouvez laisser de nouveau votre adresse dans la discussion."},
	"ar": {"أبلغني بالردود هنا", "ستُرسل الردود التي لا تقرؤها في الدردشة إلى \u2068%s\u2069.", "سيتم إبلاغك بالردود", "تُرسل الردود التي لا تقرؤها في الدردشة إلى \u2068%s\u2069. يمكنك إغلاق هذه الصفحة.",
		"إيقاف رسائل البريد", "لن تُرسل ردود أخرى إلى \u2068%s\u2069. ستبقى في الدردشة.", "لن تصلك هذه الرسائل بعد الآن", "تبقى الردود في الدردشة. يمكنك إغلاق هذه الصفحة.",
		"لم يعد هذا الرابط صالحًا", "تصلح الروابط لمدة 24 ساعة. يمكنك ترك عنوانك في الدردشة مرة أخرى."},
}
