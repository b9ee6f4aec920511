package assistant

import (
	"slices"

	"github.com/firstline/firstline/handoff/triage"
)

// rules applies what no score overrides, without any model, and reports whether the turn is decided. The order is that
// of harm: someone in danger comes before someone who asks for a person, and both before every topic.
func (d *Decision) rules() bool {
	switch {
	case d.Cues.Has(triage.SelfHarm):
		d.Priority, d.Topic = 1, distressTopic
		d.Fixed = text(d.Language, "danger")
		d.handOff(Vulnerability, "The customer's words suggest danger to themselves: "+d.quoteCue(triage.SelfHarm)+".")
	case d.Cues.Has(triage.Identity) && d.TopicInfo != nil && d.TopicInfo.AI == triage.AINo && d.doubtful() && d.Words <= 6 && !d.Cues.Has(triage.WantsHuman):
		d.Topic, d.Priority = "", 4
		d.reply("identity")
	case d.TopicInfo != nil && d.TopicInfo.AI == triage.AINo:
		reason := PriorityTopic
		if d.TopicInfo.Key == complaintTopic {
			reason = ComplaintOrLegal
		}
		if d.doubtful() { // the bar for handing off is lower than the one for telling someone that they were robbed
			d.Fixed = text(d.Language, "person")
			d.handOff(reason, "The message may be about "+d.TopicInfo.Key+"; a person should look at it.")
			break
		}
		d.Fixed = d.TopicInfo.SafeText
		d.handOff(reason, "Topic "+d.TopicInfo.Key+" goes to a person at once.")
	case d.Cues.Has(triage.Minor):
		d.Priority = min(d.Priority, 3)
		d.Fixed = text(d.Language, "minor")
		d.handOff(Vulnerability, "The customer says to be a child: "+d.quoteCue(triage.Minor)+".")
	case d.Cues.Has(triage.WantsHuman), d.Stuck.JustOffer && d.Stuck.Affirms:
		d.Priority = min(d.Priority, 3) // keeps a topic's higher priority, never waits behind ordinary questions
		d.handOff(CustomerRequest, "The customer asked for a person.")
	case d.Cues.Has(triage.Legal):
		d.Topic, d.Priority = complaintTopic, min(d.Priority, 2)
		d.Fixed = d.LegalText
		d.handOff(ComplaintOrLegal, "A legal right or a complaint: "+d.quoteCue(triage.Legal)+".")
	case d.Cues.Has(triage.Vulnerable) && (d.TopicInfo == nil || d.TopicInfo.AI != triage.AIInfo): // there a person follows anyway
		d.vulnerable()
	case d.Off:
		d.handOff(ModelUnavailable, "The assistant is switched off.")
	case d.Walk != nil && d.Walk.Moves:
		d.guided()
	case d.TopicInfo == nil:
		return d.smallTalk()
	default:
		return false
	}
	return true
}

// smallTalk answers what asks for no article, and reports whether the message is such.
func (d *Decision) smallTalk() bool {
	switch {
	case d.Chosen: // an option's number is a question
		return false
	case d.Files > 0 && d.Words == 0: // a screenshot says something, but not to us
		d.Action, d.Reason, d.Explanation = Offer, SmallTalk, "The customer sent a file without a word, and the assistant cannot look at files."
		d.Fixed = text(d.Language, "file")
	case d.Cues.Has(triage.Identity) && d.Words <= 12:
		d.reply("identity")
	case d.Cues.Has(triage.Abuse) && !d.Asks && d.Words <= 12 && d.Stuck.Offered < 2, d.Words == 0 && d.Cues.Has(triage.Frustration):
		d.Action, d.Reason, d.Explanation = Offer, SmallTalk, "The customer is angry and asks nothing."
		d.Fixed = text(d.Language, "calm")
	case d.Cues.Has(triage.Thanks) && d.Words <= 6 && !d.Stuck.Failed && !d.Cues.Has(triage.Frustration): // "thanks, that did not help"
		d.reply("thanks")
	case d.Cues.Has(triage.Greeting) && d.Words <= 4:
		d.reply("hello")
	case d.Cues.Has(triage.Acknowledgement), d.Words == 0:
		d.reply("heard")
	default:
		return false
	}
	return true
}

// doubtful reports whether the topic is less probable than not, and no cue of its kind supports it.
func (d *Decision) doubtful() bool {
	switch t := d.TopicInfo; {
	case t.P >= 0.5:
		return false
	case t.Key == distressTopic:
		return !d.Cues.Has(triage.Vulnerable)
	case t.Key == complaintTopic:
		return !d.Cues.Has(triage.Legal)
	}
	return true
}

func (d *Decision) vulnerable() {
	d.Priority = min(d.Priority, 2)
	if d.Topic == "" {
		d.Topic = distressTopic
	}
	d.handOff(Vulnerability, "The customer may be vulnerable: "+d.quoteCue(triage.Vulnerable)+".")
}

// The topics that rules name themselves.
const (
	distressTopic  = "medical_emergency_or_distress"
	complaintTopic = "legal_complaint_or_data_request"
)

func (d *Decision) reply(key string) {
	d.Action, d.Reason, d.Explanation = Reply, SmallTalk, "Nothing was asked."
	d.Fixed = text(d.Language, key)
}

func (d *Decision) quoteCue(kind string) string {
	c, _ := d.Cues.Find(kind)
	return "“" + c.Evidence + "”"
}

// spoken are the languages of the fixed texts.
var spoken = []string{"en", "de", "es", "sv", "fr", "ar"}

// text returns a fixed text in the language, or in English.
func text(language, key string) string {
	i := max(0, slices.Index(spoken, language))
	return texts[key][i]
}

// Text is the fixed text of the key in the language, for other rooms that speak as the assistant.
func Text(language, key string) string { return text(language, key) }

// texts by key, in the order of spoken. They are calm, short, and promise nothing that the code does not do.
var texts = map[string][6]string{
	"greeting": {
		"Hello! I'm Firstline, an automated assistant (AI) of %s. I answer from our help centre and bring in a person from our team whenever you ask for one. How can I help?",
		"Guten Tag! Ich bin Firstline, ein automatischer Assistent (KI) von %s. Ich antworte aus unserem Hilfecenter und hole jederzeit einen Menschen aus unserem Team dazu, wenn Sie das möchten. Wie kann ich helfen?",
		"¡Hola! Soy Firstline, un asistente automático (IA) de %s. Respondo con nuestro centro de ayuda y aviso a una persona del equipo siempre que lo pidas. ¿En qué puedo ayudarte?",
		"Hej! Jag är Firstline, en automatisk assistent (AI) hos %s. Jag svarar utifrån vårt hjälpcenter och tar in en människa från teamet när du ber om det. Vad kan jag hjälpa till med?",
		"Bonjour ! Je suis Firstline, un assistant automatique (IA) de %s. Je réponds à partir de notre centre d'aide et je fais venir une personne de l'équipe dès que vous le demandez. Comment puis-je vous aider ?",
		"مرحبًا! أنا Firstline، مساعد آلي (ذكاء اصطناعي) لدى %s. أجيب من مركز المساعدة لدينا، وأستدعي شخصًا من فريقنا متى طلبت ذلك. كيف يمكنني مساعدتك؟",
	},
	"disclosure": {
		"You are chatting with an automated assistant (AI). Ask for a person at any time. The conversation is recorded so that our team can help you.",
		"Sie chatten mit einem automatischen Assistenten (KI). Sie können jederzeit einen Menschen verlangen. Das Gespräch wird gespeichert, damit unser Team Ihnen helfen kann.",
		"Estás chateando con un asistente automático (IA). Puedes pedir hablar con una persona en cualquier momento. La conversación se guarda para que nuestro equipo pueda ayudarte.",
		"Du chattar med en automatisk assistent (AI). Du kan be om en människa när som helst. Samtalet sparas så att vårt team kan hjälpa dig.",
		"Vous discutez avec un assistant automatique (IA). Vous pouvez demander une personne à tout moment. La conversation est enregistrée pour que notre équipe puisse vous aider.",
		"أنت تتحدث مع مساعد آلي (ذكاء اصطناعي). يمكنك طلب التحدث إلى شخص في أي وقت. تُسجَّل المحادثة حتى يتمكن فريقنا من مساعدتك.",
	},
	"thanks": {
		"You're welcome. If anything else comes up, just write here.",
		"Gern geschehen. Wenn noch etwas ist, schreiben Sie einfach hier.",
		"De nada. Si surge algo más, escribe aquí.",
		"Varsågod. Hör av dig här om det är något mer.",
		"Avec plaisir. Si vous avez une autre question, écrivez ici.",
		"على الرحب والسعة. إذا احتجت إلى شيء آخر، فاكتب هنا.",
	},
	"hello": {
		"Hello! What can I help you with?",
		"Guten Tag! Womit kann ich Ihnen helfen?",
		"¡Hola! ¿En qué puedo ayudarte?",
		"Hej! Vad kan jag hjälpa dig med?",
		"Bonjour ! Que puis-je faire pour vous ?",
		"مرحبًا! بماذا يمكنني مساعدتك؟",
	},
	"heard": {
		"All right. If you have a question, just write it here.",
		"Alles klar. Wenn Sie eine Frage haben, schreiben Sie sie einfach hier.",
		"De acuerdo. Si tienes alguna pregunta, escríbela aquí.",
		"Okej. Har du en fråga är det bara att skriva den här.",
		"D'accord. Si vous avez une question, écrivez-la ici.",
		"حسنًا. إذا كان لديك سؤال، فاكتبه هنا.",
	},
	"identity": {
		"I'm an automated assistant (AI), not a human. Write “I want to talk to a person” and I bring in someone from our team.",
		"Ich bin ein automatischer Assistent (KI), kein Mensch. Schreiben Sie „Ich möchte mit einem Menschen sprechen“, und ich hole jemanden aus unserem Team dazu.",
		"Soy un asistente automático (IA), no una persona. Escribe «quiero hablar con una persona» y aviso a alguien del equipo.",
		"Jag är en automatisk assistent (AI), ingen människa. Skriv ”jag vill prata med en människa” så tar jag in någon från teamet.",
		"Je suis un assistant automatique (IA), pas un humain. Écrivez « je veux parler à un humain » et je fais venir quelqu'un de l'équipe.",
		"أنا مساعد آلي (ذكاء اصطناعي)، ولست إنسانًا. اكتب «أريد التحدث إلى شخص» وسأستدعي أحد أفراد فريقنا.",
	},
	"calm": {
		"I can tell that this is annoying. Tell me what happened and I'll try to help. Or shall I bring in a person from our team? Just answer yes.",
		"Ich merke, dass Sie das ärgert. Schreiben Sie mir, was passiert ist, und ich versuche zu helfen. Oder soll ich einen Menschen aus unserem Team dazuholen? Antworten Sie einfach mit Ja.",
		"Entiendo que esto moleste. Cuéntame qué ha pasado e intentaré ayudarte. ¿O prefieres que avise a una persona del equipo? Responde simplemente que sí.",
		"Jag förstår att det här är irriterande. Berätta vad som har hänt så försöker jag hjälpa till. Eller ska jag ta in en människa från teamet? Svara bara ja.",
		"Je comprends que ce soit agaçant. Dites-moi ce qui s'est passé et j'essaierai d'aider. Ou dois-je faire venir une personne de l'équipe ? Répondez simplement oui.",
		"أفهم أن هذا مزعج. أخبرني بما حدث وسأحاول المساعدة. أم تريد أن أستدعي شخصًا من فريقنا؟ أجب بكلمة نعم فقط.",
	},
	"minor": {
		"Thank you for telling me your age. This service is for adults only. Please talk to a parent or another adult you trust. A person from our team is also being called to this chat.",
		"Danke, dass du mir dein Alter sagst. Dieser Dienst ist nur für Erwachsene. Bitte sprich mit deinen Eltern oder einem anderen Erwachsenen, dem du vertraust. Ein Mensch aus unserem Team wird auch in diesen Chat gerufen.",
		"Gracias por decirme tu edad. Este servicio es solo para personas adultas. Habla con tu madre, tu padre u otra persona adulta de confianza. También avisamos a una persona de nuestro equipo para que entre en este chat.",
		"Tack för att du berättar hur gammal du är. Den här tjänsten är bara för vuxna. Prata med en förälder eller någon annan vuxen som du litar på. En människa från vårt team kallas också till den här chatten.",
		"Merci de m'avoir dit ton âge. Ce service est réservé aux adultes. Parle à un parent ou à un autre adulte de confiance. Une personne de notre équipe est aussi appelée dans cette discussion.",
		"شكرًا لأنك أخبرتني بعمرك. هذه الخدمة للبالغين فقط. تحدث من فضلك إلى أحد والديك أو إلى شخص بالغ آخر تثق به. ونستدعي أيضًا شخصًا من فريقنا إلى هذه المحادثة.",
	},
	"clarify": {
		"I want to give you the right answer. Which of these do you mean?",
		"Ich möchte Ihnen die richtige Antwort geben. Was davon meinen Sie?",
		"Quiero darte la respuesta correcta. ¿A cuál de estas te refieres?",
		"Jag vill ge dig rätt svar. Vilket av det här menar du?",
		"Je veux vous donner la bonne réponse. De quoi s'agit-il ?",
		"أريد أن أعطيك الإجابة الصحيحة. أيًّا من هذه تقصد؟",
	},
	"offer": {
		"I don't think that I am helping you enough. Shall I bring in a person from our team? Just answer yes.",
		"Ich glaube, ich helfe Ihnen nicht genug. Soll ich einen Menschen aus unserem Team dazuholen? Antworten Sie einfach mit Ja.",
		"Creo que no te estoy ayudando lo suficiente. ¿Quieres que avise a una persona del equipo? Responde simplemente que sí.",
		"Jag tror inte att jag hjälper dig tillräckligt. Ska jag ta in en människa från teamet? Svara bara ja.",
		"Je crois que je ne vous aide pas assez. Voulez-vous que je fasse venir une personne de l'équipe ? Répondez simplement oui.",
		"لا أظن أنني أساعدك بما يكفي. هل تريد أن أستدعي شخصًا من فريقنا؟ أجب بكلمة نعم فقط.",
	},
	"outside": {
		"Our help centre has nothing about that. Shall I bring in a person from our team? Just answer yes.",
		"Dazu gibt es in unserem Hilfebereich nichts. Soll ich einen Menschen aus unserem Team dazuholen? Antworten Sie einfach mit Ja.",
		"De eso no hay nada en nuestro centro de ayuda. ¿Quieres que avise a una persona del equipo? Responde simplemente que sí.",
		"Om det finns inget i vårt hjälpcenter. Ska jag ta in en människa från teamet? Svara bara ja.",
		"Notre centre d'aide ne dit rien à ce sujet. Voulez-vous que je fasse venir une personne de l'équipe ? Répondez simplement oui.",
		"لا يوجد في مركز المساعدة لدينا شيء عن ذلك. هل تريد أن أستدعي شخصًا من فريقنا؟ أجب بكلمة نعم فقط.",
	},
	"person": {
		"I'd rather have a person look at this at once.",
		"Das soll sich lieber gleich ein Mensch aus unserem Team ansehen.",
		"Prefiero que una persona del equipo lo mire enseguida.",
		"Det här vill jag hellre att en människa i teamet tittar på direkt.",
		"Je préfère qu'une personne de l'équipe regarde cela tout de suite.",
		"أفضّل أن ينظر شخص من فريقنا في هذا الأمر فورًا.",
	},
	"file": {
		"I can't look at pictures or files, but a person can. Would you like to talk to one? Or tell me in a sentence what it is about.",
		"Bilder und Dateien kann ich nicht ansehen, ein Mensch aber schon. Möchten Sie mit jemandem sprechen? Oder sagen Sie mir in einem Satz, worum es geht.",
		"No puedo ver imágenes ni archivos, pero una persona sí. ¿Quieres hablar con alguien? O dime en una frase de qué se trata.",
		"Jag kan inte titta på bilder eller filer, men det kan en människa. Vill du prata med någon? Eller berätta i en mening vad det gäller.",
		"Je ne peux pas regarder les images ni les fichiers, mais une personne le peut. Voulez-vous parler à quelqu'un ? Ou dites-moi en une phrase de quoi il s'agit.",
		"لا أستطيع الاطلاع على الصور أو الملفات، لكن يستطيع ذلك شخص من فريقنا. هل تريد التحدث إلى أحد؟ أو أخبرني في جملة واحدة بما يتعلق به الأمر.",
	},
	"dont_know": {
		"I don't know the answer to that, and I won't guess.",
		"Das weiß ich nicht sicher, und ich möchte nicht raten.",
		"No sé la respuesta con seguridad y no quiero adivinar.",
		"Det vet jag inte säkert, och jag vill inte gissa.",
		"Je ne connais pas la réponse avec certitude et je ne veux pas deviner.",
		"لا أعرف الإجابة عن هذا بشكل مؤكد، ولن أخمّن.",
	},
	"unavailable": {
		"Something on our side is not working just now, so I can't look this up.",
		"Auf unserer Seite funktioniert gerade etwas nicht, deshalb kann ich das nicht nachsehen.",
		"Algo no funciona ahora mismo por nuestra parte y no puedo consultarlo.",
		"Något fungerar inte hos oss just nu, så jag kan inte slå upp det.",
		"Quelque chose ne fonctionne pas de notre côté en ce moment ; je ne peux pas le vérifier.",
		"هناك شيء لا يعمل لدينا الآن، ولذلك لا أستطيع البحث عن هذا.",
	},
	"stuck": {
		"I'm sorry, I am not getting you any further.",
		"Es tut mir leid, ich bringe Sie so nicht weiter.",
		"Lo siento, así no te estoy ayudando a avanzar.",
		"Jag är ledsen, jag hjälper dig inte vidare.",
		"Je suis désolé, je ne vous fais pas avancer.",
		"أنا آسف، لا أستطيع أن أفيدك أكثر من ذلك.",
	},
	"broke": {
		"I can't confirm the rest of this answer from our articles, so I stop here.",
		"Den Rest dieser Antwort kann ich aus unseren Artikeln nicht belegen, deshalb höre ich hier auf.",
		"No puedo confirmar el resto de esta respuesta con nuestros artículos, así que lo dejo aquí.",
		"Resten av svaret kan jag inte belägga med våra artiklar, så jag slutar här.",
		"Je ne peux pas confirmer la suite de cette réponse avec nos articles ; je m'arrête donc ici.",
		"لا أستطيع تأكيد بقية هذه الإجابة من مقالاتنا، ولذلك أتوقف هنا.",
	},
	"cut": {
		"My answer was interrupted. This is the section that it rests on:",
		"Meine Antwort wurde unterbrochen. Das ist der Abschnitt, auf dem sie beruht:",
		"Mi respuesta se ha interrumpido. Esta es la sección en la que se basa:",
		"Mitt svar avbröts. Det här är avsnittet som det bygger på:",
		"Ma réponse a été interrompue. Voici la section sur laquelle elle repose :",
		"انقطعت إجابتي. هذا هو القسم الذي تستند إليه:",
	},
	"from_article": {
		"From our article “%s”:", "Aus unserem Artikel „%s“:", "De nuestro artículo «%s»:", "Ur vår artikel ”%s”:", "Extrait de notre article « %s » :",
		"من مقالتنا «%s»:",
	},
	"other_language": {
		"This article is available in English only.",
		"Diesen Artikel gibt es nur auf Englisch.",
		"Este artículo solo está disponible en inglés.",
		"Den här artikeln finns bara på engelska.",
		"Cet article n'existe qu'en anglais.",
		"هذه المقالة متوفرة بالإنجليزية فقط.",
	},
	"not_in_language": {
		"This article is not available in English.",
		"Diesen Artikel gibt es nicht auf Deutsch.",
		"Este artículo no está disponible en español.",
		"Den här artikeln finns inte på svenska.",
		"Cet article n'existe pas en français.",
		"هذه المقالة غير متوفرة بالعربية.",
	},
	"guide_person": {
		"These steps end here, and a person goes on. They see what you have tried, so you need not say it again.",
		"Hier enden die Schritte, und ein Mensch macht weiter. Er sieht, was Sie versucht haben; Sie müssen es nicht noch einmal sagen.",
		"Los pasos terminan aquí y continúa una persona. Verá lo que has probado, así que no hace falta que lo repitas.",
		"Här slutar stegen och en människa tar vid. Den ser vad du har provat, så du behöver inte säga det igen.",
		"Les étapes s'arrêtent ici et une personne prend la suite. Elle voit ce que vous avez essayé ; inutile de le redire.",
		"تنتهي الخطوات هنا، ويتابع معك شخص من فريقنا. سيرى ما جرّبته، فلا حاجة إلى أن تقوله مرة أخرى.",
	},
	"guide_ready": {
		"It helps to have this at hand:", "Hilfreich ist, wenn Sie das zur Hand haben:", "Ayuda tener esto a mano:", "Det hjälper om du har detta till hands:",
		"Il est utile d'avoir ceci sous la main :", "من المفيد أن يكون هذا في متناولك:",
	},
	"guide_changed": {
		"These steps have been changed meanwhile. Ask your question again, and I'll go through the new ones with you.",
		"Diese Schritte wurden inzwischen geändert. Stellen Sie Ihre Frage noch einmal, und ich gehe die neuen mit Ihnen durch.",
		"Estos pasos han cambiado entretanto. Haz la pregunta otra vez y repasamos los nuevos.",
		"De här stegen har ändrats sedan dess. Ställ frågan igen så går vi igenom de nya.",
		"Ces étapes ont changé entre-temps. Reposez votre question et nous suivrons les nouvelles.",
		"تغيّرت هذه الخطوات في الأثناء. اطرح سؤالك مرة أخرى وسأمرّ معك على الخطوات الجديدة.",
	},
	"also_here": {
		"Also in this article:", "Auch in diesem Artikel:", "También en este artículo:", "Också i den här artikeln:", "Aussi dans cet article :",
		"أيضًا في هذه المقالة:",
	},
	"whole_section": {
		"The whole section", "Der ganze Abschnitt", "La sección completa", "Hela avsnittet", "La section entière",
		"القسم كاملاً",
	},
	"danger": {
		"What you write worries me, and you matter more than any payment. If you are in danger right now, please call the emergency number 112 (911 in the United States), or someone close to you. A person from our care team is being called to this chat now.",
		"Was Sie schreiben, macht mir Sorgen, und Sie sind wichtiger als jede Zahlung. Wenn Sie jetzt in Gefahr sind, rufen Sie bitte den Notruf 112 oder einen nahestehenden Menschen an. Ein Mensch aus unserem Fürsorge-Team wird jetzt in diesen Chat gerufen.",
		"Me preocupa lo que escribes, y tú importas más que cualquier pago. Si estás en peligro ahora mismo, llama al 112 o a alguien cercano. Estamos avisando a una persona de nuestro equipo de atención para que entre en este chat.",
		"Det du skriver oroar mig, och du är viktigare än någon betalning. Om du är i fara just nu, ring 112 eller någon som står dig nära. En människa från vårt omsorgsteam kallas till den här chatten nu.",
		"Ce que vous écrivez m'inquiète, et vous comptez plus que n'importe quel paiement. Si vous êtes en danger, appelez le 112 ou un proche. Une personne de notre équipe est appelée dans cette discussion.",
		"ما تكتبه يقلقني، وأنت أهم من أي دفعة. إذا كنت في خطر الآن، فاتصل من فضلك برقم الطوارئ \u2068112\u2069 أو بشخص قريب منك. نستدعي الآن شخصًا من فريق الرعاية لدينا إلى هذه المحادثة.",
	},
}
