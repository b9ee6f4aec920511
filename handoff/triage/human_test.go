package triage

import (
	_ "embed"
	"strings"
	"testing"
)

// Written cases: does the message ask for a person? Nothing here comes from a data set. Those that do are in a file,
// because the assistant's tests decide about them too.
//
//go:embed testdata/asks_for_person.txt
var askingFile string

var asksForPerson = strings.Split(strings.TrimSpace(askingFile), "\n")

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
