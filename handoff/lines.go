package handoff

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// line is the notice that the customer reads when the handoff is made.
func (p Place) line(language string) string {
	i := languageIndex(language)
	var parts []string
	if !p.Open {
		if p.OpensAt == nil {
			parts = append(parts, lines["closed"][i])
		} else {
			parts = append(parts, fmt.Sprintf(lines["opens"][i], p.TeamName, p.when(i)))
		}
		if notice := p.Notice(language); notice != "" {
			parts = append(parts, notice)
		}
		return strings.Join(parts, " ")
	}
	parts = append(parts, fmt.Sprintf(lines["passed"][i], p.TeamName))
	if p.Position > 1 {
		parts = append(parts, fmt.Sprintf(lines["position"][i], p.Position))
	} else {
		parts = append(parts, lines["next"][i])
	}
	if p.Wait != nil {
		parts = append(parts, fmt.Sprintf(lines["wait"][i], minutes(p.Wait.LowSeconds), minutes(p.Wait.HighSeconds)))
	}
	parts = append(parts, lines["stay"][i])
	return strings.Join(parts, " ")
}

func (p Place) when(i int) string {
	t := p.OpensAt.UTC()
	zone := "UTC"
	if loc, err := time.LoadLocation(p.Zone); err == nil && p.Zone != "" {
		t = p.OpensAt.In(loc)
		zone = p.Zone
	}
	return fmt.Sprintf(lines["when"][i], t.Format("2006-01-02"), t.Format("15:04"), zone)
}

func minutes(s int) string {
	if s%60 == 0 {
		return fmt.Sprint(s / 60)
	}
	return fmt.Sprintf("%.1f", float64(s)/60)
}

// languages of the desk's lines.
var languages = []string{"en", "de", "es", "sv", "fr"}

// lines by key, in the order of languages.
var lines = map[string][5]string{
	"passed": {
		"I have passed you on to a person (team: %s), with everything you wrote.",
		"Ich habe Sie an einen Menschen weitergegeben (Team: %s), mit allem, was Sie geschrieben haben.",
		"Te he pasado con una persona (equipo: %s), con todo lo que has escrito.",
		"Jag har skickat dig vidare till en människa (team: %s), med allt du skrivit.",
		"Je vous ai transmis à une personne (équipe : %s), avec tout ce que vous avez écrit.",
	},
	"next":     {"You are next in line.", "Sie sind als Nächstes an der Reihe.", "Eres el siguiente.", "Du är näst på tur.", "Vous êtes le prochain."},
	"position": {"You are number %d in line.", "Sie sind Nummer %d in der Reihe.", "Eres el número %d en la cola.", "Du är nummer %d i kön.", "Vous êtes numéro %d dans la file."},
	"wait": {
		"The wait is about %s to %s minutes.", "Die Wartezeit beträgt etwa %s bis %s Minuten.", "La espera es de unos %s a %s minutos.",
		"Väntetiden är ungefär %s till %s minuter.", "L'attente est d'environ %s à %s minutes.",
	},
	"stay": {
		"You can leave this page; the answer will be here.", "Sie können diese Seite verlassen; die Antwort steht dann hier.",
		"Puedes salir de esta página; la respuesta estará aquí.", "Du kan lämna sidan; svaret kommer att finnas här.",
		"Vous pouvez quitter cette page ; la réponse sera ici.",
	},
	"opens": {
		"I have passed this on to a person (team: %s). The team is closed now and opens on %s; your place in the queue is kept, and the answer will be here.",
		"Ich habe das an einen Menschen weitergegeben (Team: %s). Das Team ist gerade nicht da und öffnet am %s; Ihr Platz in der Reihe bleibt erhalten, und die Antwort steht dann hier.",
		"He pasado esto a una persona (equipo: %s). El equipo está cerrado ahora y abre el %s; tu lugar en la cola se mantiene y la respuesta estará aquí.",
		"Jag har skickat detta till en människa (team: %s). Teamet har stängt nu och öppnar %s; din plats i kön är kvar, och svaret kommer att finnas här.",
		"J'ai transmis votre demande à une personne (équipe : %s). L'équipe est fermée et ouvre le %s ; votre place est gardée, et la réponse sera ici.",
	},
	"closed": {
		"I have passed this on to a person. The team is closed now; your place in the queue is kept, and the answer will be here.",
		"Ich habe das an einen Menschen weitergegeben. Das Team ist gerade nicht da; Ihr Platz in der Reihe bleibt erhalten, und die Antwort steht dann hier.",
		"He pasado esto a una persona. El equipo está cerrado ahora; tu lugar en la cola se mantiene y la respuesta estará aquí.",
		"Jag har skickat detta till en människa. Teamet har stängt nu; din plats i kön är kvar, och svaret kommer att finnas här.",
		"J'ai transmis votre demande à une personne. L'équipe est fermée ; votre place est gardée, et la réponse sera ici.",
	},
	"when": {"%s at %s (%s)", "%s um %s Uhr (%s)", "%s a las %s (%s)", "%s kl. %s (%s)", "%s à %s (%s)"},
	"joined": {
		"%s from our team has joined.", "%s aus unserem Team ist jetzt da.", "%s de nuestro equipo se ha unido.", "%s från vårt team är här nu.",
		"%s de notre équipe a rejoint la discussion.",
	},
	"resolved": {
		"%s has closed this conversation. Write here whenever you need us again.", "%s hat dieses Gespräch abgeschlossen. Schreiben Sie hier, wann immer Sie uns wieder brauchen.",
		"%s ha cerrado esta conversación. Escribe aquí cuando nos necesites de nuevo.", "%s har avslutat samtalet. Skriv här när du behöver oss igen.",
		"%s a clos cette discussion. Écrivez ici dès que vous avez de nouveau besoin de nous.",
	},
	"returned": {
		"%s has handed you back to the automated assistant (AI). Ask for a person at any time.", "%s hat Sie an den automatischen Assistenten (KI) zurückgegeben. Sie können jederzeit einen Menschen verlangen.",
		"%s te ha devuelto al asistente automático (IA). Puedes pedir una persona en cualquier momento.", "%s har lämnat dig tillbaka till den automatiska assistenten (AI). Du kan be om en människa när som helst.",
		"%s vous a rendu à l'assistant automatique (IA). Vous pouvez demander une personne à tout moment.",
	},
	"transferred": {
		"You are being passed on to another team (%s); nothing you wrote is lost.", "Sie werden an ein anderes Team weitergegeben (%s); nichts von dem, was Sie geschrieben haben, geht verloren.",
		"Te pasamos a otro equipo (%s); nada de lo que escribiste se pierde.", "Du skickas vidare till ett annat team (%s); inget du skrivit går förlorat.",
		"Vous êtes transmis à une autre équipe (%s) ; rien de ce que vous avez écrit n'est perdu.",
	},
	"passed_to": {
		"You are being passed on to %s; nothing you wrote is lost.", "Sie werden an %s weitergegeben; nichts von dem, was Sie geschrieben haben, geht verloren.",
		"Te pasamos con %s; nada de lo que escribiste se pierde.", "Du skickas vidare till %s; inget du skrivit går förlorat.",
		"Vous êtes transmis à %s ; rien de ce que vous avez écrit n'est perdu.",
	},
	"released": {
		"%s cannot go on at the moment. Somebody else is taking over; you come before newer conversations, and nothing you wrote is lost.",
		"%s kann gerade nicht weitermachen. Jemand anderes übernimmt; Sie kommen vor neueren Gesprächen an die Reihe, und nichts von dem, was Sie geschrieben haben, geht verloren.",
		"%s no puede continuar en este momento. Otra persona se hace cargo; vas antes que las conversaciones más recientes y nada de lo que escribiste se pierde.",
		"%s kan inte fortsätta just nu. Någon annan tar över; du kommer före nyare samtal, och inget du skrivit går förlorat.",
		"%s ne peut pas continuer pour le moment. Quelqu'un d'autre prend le relais ; vous passez avant les discussions plus récentes, et rien de ce que vous avez écrit n'est perdu.",
	},
	"asynchronous": {
		"Nobody is free at the moment. A person will answer you here by %s; you need not wait on this page.",
		"Gerade ist niemand frei. Ein Mensch antwortet Ihnen hier bis %s; Sie müssen nicht auf dieser Seite warten.",
		"Ahora mismo no hay nadie libre. Una persona te responderá aquí antes del %s; no hace falta que esperes en esta página.",
		"Ingen är ledig just nu. En människa svarar dig här senast %s; du behöver inte vänta på sidan.",
		"Personne n'est libre pour le moment. Une personne vous répondra ici avant le %s ; inutile d'attendre sur cette page.",
	},
}

func line(language, key string, args ...any) string {
	return fmt.Sprintf(lines[key][languageIndex(language)], args...)
}

// languageIndex is the language's place in every entry of lines; English where there is none.
func languageIndex(language string) int { return max(0, slices.Index(languages, language)) }
