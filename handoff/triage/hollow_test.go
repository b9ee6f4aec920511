package triage

import "testing"

// waiting is what people write who wait for somebody and say nothing else, in the languages served.
var waiting = []string{
	"and now?", "and?", "and then?", "now what?", "hello?", "still there?", "are you there?", "someone there?", "is somebody there?", "I'm still here", "I am waiting",
	"still waiting...", "I've been waiting for 20 minutes", "how much longer?", "what is happening?", "any news?", "what's next?", "so?", "ok and now",
	"und jetzt?", "und nun?", "wie lange noch?", "noch da?", "Ist da jemand?", "ich warte immer noch", "hallo??", "was passiert jetzt?", "Ich warte seit 10 Minuten",
	"¿y ahora?", "¿y?", "¿hay alguien ahí?", "sigo esperando", "¿cuánto tiempo más?", "hola?", "¿qué pasa ahora?",
	"och nu?", "hur länge?", "är någon där?", "jag väntar fortfarande", "vad händer nu?", "hallå?",
	"et maintenant ?", "alors ?", "il y a quelqu'un ?", "j'attends toujours", "combien de temps encore ?", "je suis toujours là",
	"والآن؟", "ماذا الآن؟", "هل يوجد أحد هنا؟", "أنا أنتظر",
}

// Who waits says nothing about any matter, whatever stands before it, and so raises nothing.
func TestWaitingRaisesNothing(t *testing.T) {
	c := demoClassifier(t)
	for _, s := range waiting {
		if top := c.Segments(s)[0]; top.Topic != None || top.P != 1 {
			t.Errorf("%q is taken for %s (%.2f)", s, top.Topic, top.P)
		}
		const calm = "How do I add a new card? "
		before, after := c.Segments(calm)[0], c.Segments(calm + s)[0]
		if before.Topic != after.Topic && after.Priority > 0 && after.Priority <= 2 {
			t.Errorf("%q behind a calm question is taken for %s (%.2f, from %q)", s, after.Topic, after.P, (calm + s)[after.Start:after.End])
		}
	}
}

// What says something is read by the model, however short: no example of a topic is hollow, and neither is what the rules
// and the model know as trouble.
func TestWhatSaysSomethingIsNotHollow(t *testing.T) {
	topics, _ := demo(t)
	for _, topic := range topics {
		for l, list := range topic.Examples {
			for _, s := range list {
				if isHollow(tokenize(s)) {
					t.Errorf("%s, %s: %q says nothing", topic.Key, l, s)
				}
			}
		}
	}
	for _, s := range []string{"not me", "that wasn't me", "hacked", "not mine", "das war ich nicht", "no fui yo", "det var inte jag", "ce n'était pas moi", "me robaron",
		"I can't wait any longer to die", "I am not here anymore", "500", "I'm done with this life", "لم أكن أنا", "someone took it"} {
		if isHollow(tokenize(s)) {
			t.Errorf("%q says nothing", s)
		}
	}
	c := demoClassifier(t)
	for s, topic := range map[string]string{"that wasn't me": "unauthorised_transaction", "hacked. and now?": "identity_theft_or_takeover"} {
		if top := c.Segments(s)[0]; top.Topic != topic {
			t.Errorf("%q is taken for %s (%.2f)", s, top.Topic, top.P)
		}
	}
	for s, kind := range map[string]string{"is there someone I can talk to?": WantsHuman, "is a human there?": WantsHuman} {
		if !Detect(s).Has(kind) {
			t.Errorf("%q: no %s", s, kind)
		}
	}
}
