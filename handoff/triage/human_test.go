package triage

import "testing"

// Written cases: does the message ask for a person? Nothing here comes from a data set.
var asksForPerson = []string{
	// English
	"a person please", "can I speak to someone", "agent", "AGENT!!!", "let me talk to a human", "human", "representative please", "real person pls",
	"I'd like to talk to a real human being", "can you put me through to somebody", "get me a supervisor", "connect me with an agent",
	"stop. i want a human", "I dont want to talk to a bot", "no more bots please", "is there a real person I can talk to?",
	"can someone call me back", "give me somebody who can actually help, not a machine", "plz let me spk to a person 🙏", "I'm not comfortable giving this to a robot",
	"how can I talk to a human?", "No, let me speak to an agent", "no let me speak to an agent", "can I not just talk to a person?",
	"why can't I talk to a human", "Hi! I have asked twice about my refund. Please transfer me to an agent.", "someone else please",
	"I told you to get me a human", "I said I want to talk to a person", "I've already asked for a human", "If you can't fix it let me talk to a human",
	"I want to \"talk to a human\"", "are there any humans here", "live chat with an agent", "customer service representative", "escalate this to a manager",
	"you are useless get me a human", "this conversation is going nowhere", "can somebody else take a look at this", "i need a human asap",
	"heyyy can i talk to someoneee", "Can I get a human", "please hand me over to a colleague", "I would prefer a person to a chatbot",
	"The shop was no help. Can I speak to someone?", "I don't need an article, I need a person",
	// German
	"Mensch bitte", "Ich möchte mit einem Menschen sprechen", "kann ich mit jemandem reden", "Verbinden Sie mich bitte mit einem Mitarbeiter",
	"bitte einen echten menschen", "ich will nicht mit einem Bot reden", "kein roboter bitte", "Gib mir einen Menschen", "Mitarbeiter bitte!",
	"Könnten Sie mich an einen Berater weiterleiten?", "kann ich nicht einfach mit einem Menschen sprechen?", "Kann mich jemand anrufen?",
	"Ich brauche einen richtigen Ansprechpartner", "Geben Sie mich bitte an einen Kollegen weiter", "ich hab gesagt ich will einen menschen",
	// Spanish
	"quiero hablar con una persona", "Una persona por favor", "¿puedo hablar con alguien?", "páseme con un agente", "agente", "necesito un humano",
	"no quiero hablar con un robot", "quiero que me atienda una persona real", "¿hay alguien real ahí?", "comuníqueme con un asesor por favor",
	"que me llame alguien", "¿por qué no puedo hablar con una persona?", "No, quiero hablar con un agente",
	// Swedish
	"jag vill prata med någon", "människa tack", "Kan jag få prata med en människa?", "koppla mig till en handläggare", "jag vill inte prata med en robot",
	"finns det någon riktig människa här", "kan någon ringa mig", "får jag prata med kundtjänst", "ingen bot tack", "jag vill ha en riktig person",
	"kan jag inte få prata med någon",
	// French and code-switching
	"je veux parler à un humain", "un conseiller svp", "parler avec quelqu'un", "hola can i talk to a person please", "hej, agent please", "Mensch please!!",
}

var asksForNobody = []string{
	// English: negation
	"I don't need a human", "I do not want to talk to a person", "no need to speak to an agent, thanks", "you don't have to connect me to anyone",
	"No, you do not need to transfer me to an agent", "I'd rather not talk to a person", "I never asked for a human", "without talking to a person",
	"I wasn't asking to speak to an agent", "please don't connect me to a representative",
	// quotation and report
	"the shop told me to talk to a human at your company", "the shop said 'talk to a human'", "My bank advised me to speak with an agent",
	"your article says \"ask for a person\" but that isn't my question", "I was told to contact an agent at the store", "the seller says I should talk to someone at the courier",
	// duty, condition, other senses
	"do I have to call a person to cancel?", "Do I need to speak to someone to change my plan?", "must I talk to an agent to return this", "If I need a human, when are you open?",
	"a person of age can open an account, right?", "the person I want to pay", "how many people use larkpay", "change the person on my account",
	"Is it possible to pay in someone else's name?", "can another person use my account", "I paid someone by mistake", "someone stole my card", "the estate agent charged me",
	"who is the agent of the shop", "how do I contact the shop", "what are your support hours", "can I send money to another person", "are you a human or a bot?",
	"am I talking to a robot?", "the delivery person left it outside", "my personal data", "I spoke to a colleague of yours yesterday and it is solved, thanks",
	"is customer service open on sunday", "this is really slow", "I want to talk about my plan", "two people share this account", "human error on my side, sorry",
	// German
	"Ich brauche keinen Menschen", "ich möchte nicht mit einem Mitarbeiter sprechen", "Der Händler sagte, ich soll mit einem Menschen bei euch sprechen",
	"muss ich mit einem Mitarbeiter sprechen um zu kündigen?", "Wie viele Personen nutzen das?", "Bist du ein Mensch?", "jemand hat mein Konto benutzt",
	"wann ist der kundenservice erreichbar", "eine andere Person hat bezahlt",
	// Spanish
	"no necesito hablar con nadie", "no quiero hablar con una persona", "la tienda me dijo que hable con una persona de su empresa", "¿tengo que hablar con un agente para cancelar?",
	"¿eres una persona?", "alguien ha usado mi tarjeta", "la persona que compró soy yo",
	// Swedish
	"jag behöver inte prata med någon", "jag vill inte prata med en människa", "butiken sa att jag ska prata med en människa hos er", "måste jag prata med någon för att avsluta?",
	"är du en människa?", "någon har handlat med mitt kort", "hur många personer kan dela ett konto",
	// French
	"je ne veux pas parler à un humain", "quelqu'un a utilisé mon compte",
}

func TestWantsHuman(t *testing.T) {
	for _, s := range asksForPerson {
		if !Detect(s).Has(WantsHuman) {
			t.Errorf("%q asks for a person, nothing was found", s)
		}
	}
	for _, s := range asksForNobody {
		if c, ok := Detect(s).Find(WantsHuman); ok {
			t.Errorf("%q asks for nobody, found %q", s, c.Evidence)
		}
	}
}

func TestEvidenceIsThePassage(t *testing.T) {
	const s = "Grüße! Erst mal danke 😀. Ich möchte mit einem Menschen sprechen, bitte."
	c, ok := Detect(s).Find(WantsHuman)
	if !ok || s[c.Start:c.End] != c.Evidence || c.Evidence != "mit einem Menschen sprechen" {
		t.Errorf("got %+v", c)
	}
}
