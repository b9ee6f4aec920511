package handoff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firstline/firstline/internal/chat"
)

// line is the notice that the customer reads when the handoff is made.
func (p Place) line(language string) chat.Message {
	if !p.Open {
		return p.closed(language, "opens", "closed")
	}
	i := languageIndex(language)
	parts := []string{fmt.Sprintf(lines["passed"][i], p.TeamName)}
	if p.First {
		parts = append(parts, lines["first"][i])
	} else if p.Position > 1 {
		parts = append(parts, fmt.Sprintf(lines["position"][i], p.Position))
	} else {
		parts = append(parts, lines["next"][i])
	}
	if p.Wait != nil && !p.First {
		parts = append(parts, fmt.Sprintf(lines["wait"][i], minutes(p.Wait.LowSeconds), minutes(p.Wait.HighSeconds)))
	}
	parts = append(parts, lines["stay"][i])
	return chat.Message{Author: chat.System, Text: strings.Join(parts, " ")}
}

// changed is the notice that the customer reads when the team opens or closes while they wait.
func (p Place) changed(language string) chat.Message {
	if !p.Open {
		return p.closed(language, "has_closed", "has_closed_for_now")
	}
	key := "has_opened"
	if p.First {
		key = "first_has_opened"
	}
	return chat.Message{Author: chat.System, Text: line(language, key, p.TeamName)}
}

// closed is a notice about a team that is not there: the line until, or never where nobody knows when it opens.
func (p Place) closed(language, until, never string) chat.Message {
	if p.First {
		until, never = "first_"+until, "first_"+never
	}
	m := chat.Message{Author: chat.System}
	if p.OpensAt == nil {
		m.Text = line(language, never, p.TeamName)
	} else {
		when := moment(language, "on", *p.OpensAt, p.Zone)
		m.Times = []chat.Moment{when}
		m.Text = line(language, until, p.TeamName, when.Text)
	}
	if notice := p.Notice(language); notice != "" {
		m.Text += " " + notice
	}
	return m
}

// moment is a time in words, in the time zone, which they name; UTC where no zone is known. How is the line that has its form.
func moment(language, how string, at time.Time, name string) chat.Moment {
	loc, err := zone(name)
	if name == "" || err != nil {
		loc = time.UTC
	}
	t := at.In(loc)
	return chat.Moment{Text: line(language, how, t.Format(time.DateOnly), t.Format("15:04"), loc.String()), At: at.UTC()}
}

func minutes(s int) string {
	if s%60 == 0 {
		return fmt.Sprint(s / 60)
	}
	return fmt.Sprintf("%.1f", float64(s)/60)
}

// languages of the desk's lines.
var languages = []string{"en", "de", "es", "sv", "fr", "ar"}

// lines by key, in the order of languages.
var lines = map[string][6]string{
	"passed": {
		"I have passed you on to a person (team: %s), with everything you wrote.",
		"Ich habe Sie an einen Menschen weitergegeben (Team: %s), mit allem, was Sie geschrieben haben.",
		"Te he pasado con una persona (equipo: %s), con todo lo que has escrito.",
		"Jag har skickat dig vidare till en människa (team: %s), med allt du skrivit.",
		"Je vous ai transmis à une personne (équipe : %s), avec tout ce que vous avez écrit.",
		"حوّلتك إلى شخص (الفريق: \u2068%s\u2069)، مع كل ما كتبته.",
	},
	"next":     {"You are next in line.", "Sie sind als Nächstes an der Reihe.", "Eres el siguiente.", "Du är näst på tur.", "Vous êtes le prochain.", "دورك هو التالي."},
	"position": {"You are number %d in line.", "Sie sind Nummer %d in der Reihe.", "Eres el número %d en la cola.", "Du är nummer %d i kön.", "Vous êtes numéro %d dans la file.", "رقمك في الدور: \u2068%d\u2069."},
	"wait": {
		"The wait is about %s to %s minutes.", "Die Wartezeit beträgt etwa %s bis %s Minuten.", "La espera es de unos %s a %s minutos.",
		"Väntetiden är ungefär %s till %s minuter.", "L'attente est d'environ %s à %s minutes.",
		"مدة الانتظار من \u2068%s\u2069 إلى \u2068%s\u2069 دقيقة تقريبًا.",
	},
	"stay": {
		"You can leave this page; the answer will be here.", "Sie können diese Seite verlassen; die Antwort steht dann hier.",
		"Puedes salir de esta página; la respuesta estará aquí.", "Du kan lämna sidan; svaret kommer att finnas här.",
		"Vous pouvez quitter cette page ; la réponse sera ici.",
		"يمكنك مغادرة هذه الصفحة؛ ستجد الإجابة هنا.",
	},
	"opens": {
		"I have passed this on to a person (team: %s). The team is closed now and opens %s; your place in the queue is kept, and the answer will be here.",
		"Ich habe das an einen Menschen weitergegeben (Team: %s). Das Team ist gerade nicht da und öffnet %s; Ihr Platz in der Reihe bleibt erhalten, und die Antwort steht dann hier.",
		"He pasado esto a una persona (equipo: %s). El equipo está cerrado ahora y abre %s; tu lugar en la cola se mantiene y la respuesta estará aquí.",
		"Jag har skickat detta till en människa (team: %s). Teamet har stängt nu och öppnar %s; din plats i kön är kvar, och svaret kommer att finnas här.",
		"J'ai transmis votre demande à une personne (équipe : %s). L'équipe est fermée et ouvre %s ; votre place est gardée, et la réponse sera ici.",
		"حوّلت طلبك إلى شخص (الفريق: \u2068%s\u2069). الفريق غير متاح الآن، ويبدأ عمله \u2068%s\u2069؛ مكانك في الدور محفوظ، وستجد الإجابة هنا.",
	},
	"closed": {
		"I have passed this on to a person (team: %s). The team is closed now; your place in the queue is kept, and the answer will be here.",
		"Ich habe das an einen Menschen weitergegeben (Team: %s). Das Team ist gerade nicht da; Ihr Platz in der Reihe bleibt erhalten, und die Antwort steht dann hier.",
		"He pasado esto a una persona (equipo: %s). El equipo está cerrado ahora; tu lugar en la cola se mantiene y la respuesta estará aquí.",
		"Jag har skickat detta till en människa (team: %s). Teamet har stängt nu; din plats i kön är kvar, och svaret kommer att finnas här.",
		"J'ai transmis votre demande à une personne (équipe : %s). L'équipe est fermée ; votre place est gardée, et la réponse sera ici.",
		"حوّلت طلبك إلى شخص (الفريق: \u2068%s\u2069). الفريق غير متاح الآن؛ مكانك في الدور محفوظ، وستجد الإجابة هنا.",
	},
	// Those who come before everybody else are told no number: a person is called for them at once.
	"first": {
		"You come before everybody else: a person is being called for you now.", "Sie kommen vor allen anderen an die Reihe: Gerade wird ein Mensch für Sie gerufen.",
		"Vas antes que nadie: ahora mismo se está llamando a una persona para ti.", "Du kommer före alla andra: en människa kallas till dig nu.",
		"Vous passez avant tout le monde : une personne est appelée pour vous en ce moment.",
		"أنت قبل الجميع: نستدعي شخصًا من أجلك الآن.",
	},
	"first_opens": {
		"I have passed this on to a person (team: %s), before everything else. The team is closed now and opens %s; its supervisors are being alerted, and the answer will be here.",
		"Ich habe das vor allem anderen an einen Menschen weitergegeben (Team: %s). Das Team ist gerade nicht da und öffnet %s; seine Leitung wird jetzt alarmiert, und die Antwort steht dann hier.",
		"He pasado esto a una persona (equipo: %s), antes que todo lo demás. El equipo está cerrado ahora y abre %s; se está avisando a sus responsables y la respuesta estará aquí.",
		"Jag har skickat detta till en människa (team: %s), före allt annat. Teamet har stängt nu och öppnar %s; dess ansvariga larmas, och svaret kommer att finnas här.",
		"J'ai transmis votre demande à une personne (équipe : %s), avant tout le reste. L'équipe est fermée et ouvre %s ; ses responsables sont alertés, et la réponse sera ici.",
		"حوّلت طلبك إلى شخص (الفريق: \u2068%s\u2069)، قبل أي شيء آخر. الفريق غير متاح الآن، ويبدأ عمله \u2068%s\u2069؛ ننبّه المسؤولين عنه الآن، وستجد الإجابة هنا.",
	},
	"first_closed": {
		"I have passed this on to a person (team: %s), before everything else. The team is closed now; its supervisors are being alerted, and the answer will be here.",
		"Ich habe das vor allem anderen an einen Menschen weitergegeben (Team: %s). Das Team ist gerade nicht da; seine Leitung wird jetzt alarmiert, und die Antwort steht dann hier.",
		"He pasado esto a una persona (equipo: %s), antes que todo lo demás. El equipo está cerrado ahora; se está avisando a sus responsables y la respuesta estará aquí.",
		"Jag har skickat detta till en människa (team: %s), före allt annat. Teamet har stängt nu; dess ansvariga larmas, och svaret kommer att finnas här.",
		"J'ai transmis votre demande à une personne (équipe : %s), avant tout le reste. L'équipe est fermée ; ses responsables sont alertés, et la réponse sera ici.",
		"حوّلت طلبك إلى شخص (الفريق: \u2068%s\u2069)، قبل أي شيء آخر. الفريق غير متاح الآن؛ ننبّه المسؤولين عنه الآن، وستجد الإجابة هنا.",
	},
	"has_opened": {
		"The team (%s) is open now. Your place in the queue was kept.", "Das Team (%s) ist jetzt da. Ihr Platz in der Reihe ist erhalten geblieben.",
		"El equipo (%s) ya está abierto. Tu lugar en la cola se ha mantenido.", "Teamet (%s) har öppnat nu. Din plats i kön är kvar.",
		"L'équipe (%s) est ouverte. Votre place a été gardée.",
		"الفريق (\u2068%s\u2069) متاح الآن. بقي مكانك في الدور محفوظًا.",
	},
	"first_has_opened": {
		"The team (%s) is open now; a person is being called for you, before everybody else.", "Das Team (%s) ist jetzt da; vor allen anderen wird ein Mensch für Sie gerufen.",
		"El equipo (%s) ya está abierto; se está llamando a una persona para ti, antes que para nadie.", "Teamet (%s) har öppnat nu; en människa kallas till dig, före alla andra.",
		"L'équipe (%s) est ouverte ; une personne est appelée pour vous, avant tout le monde.",
		"الفريق (\u2068%s\u2069) متاح الآن؛ نستدعي شخصًا من أجلك قبل الجميع.",
	},
	"has_closed": {
		"The team (%s) has closed and opens %s. Your place in the queue is kept, and the answer will be here.",
		"Das Team (%s) ist nicht mehr da und öffnet %s. Ihr Platz in der Reihe bleibt erhalten, und die Antwort steht dann hier.",
		"El equipo (%s) ha cerrado y abre %s. Tu lugar en la cola se mantiene y la respuesta estará aquí.",
		"Teamet (%s) har stängt och öppnar %s. Din plats i kön är kvar, och svaret kommer att finnas här.",
		"L'équipe (%s) a fermé et ouvre %s. Votre place est gardée, et la réponse sera ici.",
		"انتهى عمل الفريق (\u2068%s\u2069)، ويبدأ من جديد \u2068%s\u2069. مكانك في الدور محفوظ، وستجد الإجابة هنا.",
	},
	"has_closed_for_now": {
		"The team (%s) has closed. Your place in the queue is kept, and the answer will be here.",
		"Das Team (%s) ist nicht mehr da. Ihr Platz in der Reihe bleibt erhalten, und die Antwort steht dann hier.",
		"El equipo (%s) ha cerrado. Tu lugar en la cola se mantiene y la respuesta estará aquí.",
		"Teamet (%s) har stängt. Din plats i kön är kvar, och svaret kommer att finnas här.",
		"L'équipe (%s) a fermé. Votre place est gardée, et la réponse sera ici.",
		"انتهى عمل الفريق (\u2068%s\u2069). مكانك في الدور محفوظ، وستجد الإجابة هنا.",
	},
	"first_has_closed": {
		"The team (%s) has closed and opens %s. You still come before everybody else; its supervisors are being alerted.",
		"Das Team (%s) ist nicht mehr da und öffnet %s. Sie kommen weiter vor allen anderen an die Reihe; seine Leitung wird jetzt alarmiert.",
		"El equipo (%s) ha cerrado y abre %s. Sigues yendo antes que nadie; se está avisando a sus responsables.",
		"Teamet (%s) har stängt och öppnar %s. Du kommer fortfarande före alla andra; dess ansvariga larmas.",
		"L'équipe (%s) a fermé et ouvre %s. Vous passez toujours avant tout le monde ; ses responsables sont alertés.",
		"انتهى عمل الفريق (\u2068%s\u2069)، ويبدأ من جديد \u2068%s\u2069. ما زلت قبل الجميع؛ ننبّه المسؤولين عنه الآن.",
	},
	"first_has_closed_for_now": {
		"The team (%s) has closed. You still come before everybody else; its supervisors are being alerted.",
		"Das Team (%s) ist nicht mehr da. Sie kommen weiter vor allen anderen an die Reihe; seine Leitung wird jetzt alarmiert.",
		"El equipo (%s) ha cerrado. Sigues yendo antes que nadie; se está avisando a sus responsables.",
		"Teamet (%s) har stängt. Du kommer fortfarande före alla andra; dess ansvariga larmas.",
		"L'équipe (%s) a fermé. Vous passez toujours avant tout le monde ; ses responsables sont alertés.",
		"انتهى عمل الفريق (\u2068%s\u2069). ما زلت قبل الجميع؛ ننبّه المسؤولين عنه الآن.",
	},
	// The forms of a time, as they stand in other lines. A page puts words such as "tomorrow, 09:00" in their place, so that no
	// line may need the preposition.
	"on": {"on %s at %s (%s)", "am %s um %s Uhr (%s)", "el %s a las %s (%s)", "%s kl. %s (%s)", "le %s à %s (%s)", "يوم \u2068%s\u2069 الساعة \u2068%s\u2069 (\u2068%s\u2069)"},
	"by": {"%s at %s (%s)", "zum %s um %s Uhr (%s)", "el %s a las %s (%s)", "%s kl. %s (%s)", "le %s à %s (%s)", "\u2068%s\u2069 الساعة \u2068%s\u2069 (\u2068%s\u2069)"},
	"joined": {
		"%s from our team has joined.", "%s aus unserem Team ist jetzt da.", "%s de nuestro equipo se ha unido.", "%s från vårt team är här nu.",
		"%s de notre équipe a rejoint la discussion.",
		"انضم إلى المحادثة \u2068%s\u2069 من فريقنا.",
	},
	"resolved": {
		"%s has closed this conversation. Write here whenever you need us again.", "%s hat dieses Gespräch abgeschlossen. Schreiben Sie hier, wann immer Sie uns wieder brauchen.",
		"%s ha cerrado esta conversación. Escribe aquí cuando nos necesites de nuevo.", "%s har avslutat samtalet. Skriv här när du behöver oss igen.",
		"%s a clos cette discussion. Écrivez ici dès que vous avez de nouveau besoin de nous.",
		"أغلق \u2068%s\u2069 هذه المحادثة. اكتب هنا متى احتجت إلينا مرة أخرى.",
	},
	"returned": {
		"%s has handed you back to the automated assistant (AI). Ask for a person at any time.", "%s hat Sie an den automatischen Assistenten (KI) zurückgegeben. Sie können jederzeit einen Menschen verlangen.",
		"%s te ha devuelto al asistente automático (IA). Puedes pedir una persona en cualquier momento.", "%s har lämnat dig tillbaka till den automatiska assistenten (AI). Du kan be om en människa när som helst.",
		"%s vous a rendu à l'assistant automatique (IA). Vous pouvez demander une personne à tout moment.",
		"أعادك \u2068%s\u2069 إلى المساعد الآلي (ذكاء اصطناعي). يمكنك طلب التحدث إلى شخص في أي وقت.",
	},
	"transferred": {
		"You are being passed on to another team (%s); nothing you wrote is lost.", "Sie werden an ein anderes Team weitergegeben (%s); nichts von dem, was Sie geschrieben haben, geht verloren.",
		"Te pasamos a otro equipo (%s); nada de lo que escribiste se pierde.", "Du skickas vidare till ett annat team (%s); inget du skrivit går förlorat.",
		"Vous êtes transmis à une autre équipe (%s) ; rien de ce que vous avez écrit n'est perdu.",
		"نحوّلك إلى فريق آخر (\u2068%s\u2069)؛ لن يضيع شيء مما كتبته.",
	},
	"passed_to": {
		"You are being passed on to %s; nothing you wrote is lost.", "Sie werden an %s weitergegeben; nichts von dem, was Sie geschrieben haben, geht verloren.",
		"Te pasamos con %s; nada de lo que escribiste se pierde.", "Du skickas vidare till %s; inget du skrivit går förlorat.",
		"Vous êtes transmis à %s ; rien de ce que vous avez écrit n'est perdu.",
		"نحوّلك إلى \u2068%s\u2069؛ لن يضيع شيء مما كتبته.",
	},
	"released": {
		"%s cannot go on at the moment. Somebody else is taking over; you come before newer conversations, and nothing you wrote is lost.",
		"%s kann gerade nicht weitermachen. Jemand anderes übernimmt; Sie kommen vor neueren Gesprächen an die Reihe, und nichts von dem, was Sie geschrieben haben, geht verloren.",
		"%s no puede continuar en este momento. Otra persona se hace cargo; vas antes que las conversaciones más recientes y nada de lo que escribiste se pierde.",
		"%s kan inte fortsätta just nu. Någon annan tar över; du kommer före nyare samtal, och inget du skrivit går förlorat.",
		"%s ne peut pas continuer pour le moment. Quelqu'un d'autre prend le relais ; vous passez avant les discussions plus récentes, et rien de ce que vous avez écrit n'est perdu.",
		"لا يستطيع \u2068%s\u2069 المتابعة الآن. سيتولى شخص آخر الأمر؛ دورك قبل المحادثات الأحدث، ولن يضيع شيء مما كتبته.",
	},
	"asynchronous": {
		"Nobody is free at the moment. A person will answer you here by %s; you need not wait on this page.",
		"Gerade ist niemand frei. Ein Mensch antwortet Ihnen hier bis %s; Sie müssen nicht auf dieser Seite warten.",
		"Ahora mismo no hay nadie libre. Una persona te responderá aquí a más tardar %s; no hace falta que esperes en esta página.",
		"Ingen är ledig just nu. En människa svarar dig här senast %s; du behöver inte vänta på sidan.",
		"Personne n'est libre pour le moment. Une personne vous répondra ici au plus tard %s ; inutile d'attendre sur cette page.",
		"لا أحد متفرغ الآن. سيجيبك شخص هنا في موعد أقصاه \u2068%s\u2069؛ لست مضطرًا للانتظار في هذه الصفحة.",
	},
}

func line(language, key string, args ...any) string {
	return fmt.Sprintf(lines[key][languageIndex(language)], args...)
}

// languageIndex is the language's place in every entry of lines; English where there is none.
func languageIndex(language string) int { return max(0, slices.Index(languages, language)) }
