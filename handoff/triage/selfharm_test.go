package triage

import "testing"

// Sentences in which someone speaks of ending or hurting themselves, plainly or in the veiled words people use.
var speaksOfDying = []string{
	// English
	"I am going to kill myself tonight", "im gonna kms", "I want to disappear", "what if I just disappeared forever", "I have pills in front of me",
	"nobody would miss me if I was gone", "no one would even miss me", "everyone would be better off without me", "my family would be better off if I was dead",
	"I took all my pills", "I just swallowed a bottle of pills", "I'm standing on the bridge and I'm going to jump", "I feel like jumping in front of a train",
	"there is no way out for me", "there's no way out anymore", "I don't see a way out anymore", "I can't go on anymore, I want it all to end",
	"sometimes I think about ending things", "I just want it to be over", "I don't want to be here anymore", "I don't want to exist", "i wish i could just not wake up",
	"I hope I don't wake up tomorrow", "I want to go to sleep and never wake up", "life has no meaning anymore", "what's the point of living", "I've written a goodbye note",
	"this is my goodbye, I can't live like this", "I cut myself again last night", "I have been self harming", "I think I should just die", "I'm better off dead",
	"I wanna unalive myself", "thinking about taking my life", "I'd rather be dead than pay this", "I will end my life if you don't stop", "I have nothing left to live for",
	"feeling suicidal", "I'm done with life", "I have a rope and I am ready", "I'm going to hang myself", "I don't deserve to live", "tired of living", "I can't live anymore",
	// German
	"Ohne mich wären alle besser dran", "ich bring mich um", "ich will einfach nur sterben", "ich will nur noch sterben", "Am liebsten würde ich einschlafen und nie wieder aufwachen",
	"Ich möchte nicht mehr leben", "ich kann so nicht mehr weiterleben", "ich werde mich umbringen", "Ich nehme mir das Leben", "ich hab keinen Lebenswillen mehr",
	"Ich springe von der Brücke", "ich werfe mich vor den Zug", "ich hänge mich auf", "ich habe die Tabletten schon vor mir", "ich habe alle Tabletten geschluckt",
	"ich will nicht mehr da sein", "Ich wünschte ich wäre tot", "wär ich doch tot", "das Leben hat keinen Sinn mehr", "mich würde keiner vermissen", "ich mache Schluss mit allem, ich will weg von dieser Welt",
	"ich sehe keinen Ausweg mehr", "ich denke daran, mir etwas anzutun", "ich tu mir was an", "Ich verletze mich selbst", "ich bin lebensmüde", "am besten wäre ich tot",
	"ich möchte am liebsten verschwinden für immer",
	// Spanish
	"me voy a matar", "me quiero morir", "quiero morirme", "ya no quiero vivir", "estarían mejor sin mí", "todos estarían mejor sin mí", "ya no le veo sentido a la vida",
	"no tengo ganas de vivir", "me voy a quitar la vida", "quiero quitarme la vida", "voy a tirarme por la ventana", "me voy a tirar al tren", "quiero desaparecer",
	"no quiero seguir aquí", "ojalá estuviera muerto", "ojalá no despertara mañana", "quiero dormirme y no despertar", "voy a acabar con mi vida", "voy a acabar con todo esta noche",
	"estoy pensando en suicidarme", "tengo las pastillas delante", "me he tomado todas las pastillas", "nadie me echaría de menos", "me corto los brazos", "no veo salida",
	"no puedo seguir viviendo así", "preferiría estar muerta", "voy a ahorcarme", "la vida no tiene sentido",
	// Swedish
	"alla hade haft det bättre utan mig", "jag vill inte vara med längre", "jag vill inte leva längre", "jag orkar inte leva", "jag ska ta livet av mig", "jag tar livet av mig ikväll",
	"jag vill dö", "jag vill bara dö", "jag önskar att jag var död", "jag tänker ta mitt liv", "jag vill försvinna", "jag ser ingen utväg", "det finns ingen utväg längre",
	"jag ska hoppa framför tåget", "jag hoppar från bron", "jag vill bara somna och aldrig vakna igen", "jag hoppas att jag inte vaknar imorgon", "ingen skulle sakna mig",
	"jag har tabletterna framför mig", "jag har tagit alla tabletterna", "livet är inte värt att leva", "livet har ingen mening längre", "jag skär mig själv", "jag har skadat mig själv",
	"jag har självmordstankar", "jag ska hänga mig", "det vore bättre om jag var död", "jag vill inte finnas mer", "jag orkar inte mer, jag vill att allt ska ta slut",
}

// Sentences with the same words that mean nothing of the kind.
var speaksOfLivingOn = []string{
	"this app is killing me", "this debt is killing me", "my phone died", "dead line", "what is the deadline", "I could kill for a refund", "I'm dying to see my new shoes", "the app keeps dying", "kill the process",
	"the payment disappeared", "I want this charge to disappear", "I want the reminder to disappear", "my purchase disappeared from the app", "I want to end my plan", "end my subscription today", "I want to end it", "please end it now", "can I end it early",
	"I want to take the offer", "how do I take a payment break", "where do you live", "do you have live chat", "I do not want to live chat", "I have no reason to pay", "I don't want to be charged here anymore",
	"I don't want to be a customer anymore", "I bought a pill box and tablets for my kids", "I ordered a tablet and it never came", "I took two tablets back to the shop", "I took the tablets to the post office", "I jumped to the wrong page", "the train tickets never came", "I want to jump the queue",
	"I cut my card in half", "cut my limit", "hang on", "I am hanging on the phone", "nobody will miss the deadline", "you would be better off without fees", "I am better off without this app", "we are better off without your app", "no way out of this menu", "there is no way out of the login screen",
	"wake me when it is done", "I want to be gone by then, will it be done?", "can I go without a card", "I will be dead honest", "the battery is dead", "I'm done with this plan", "it's over the limit", "I just want this to be over with, when do I get my refund?",
	"my shop is hanging by a thread", "is there a point in paying early", "what's the point of the plan", "I don't see a way to pay", "this line is dead", "my card got cut up", "the app hangs itself up",
	"mein Akku stirbt", "das Handy ist tot", "Leitung tot", "der Preis bringt mich um 20 Euro", "bring mich um die Ecke zum Menü", "das bringt mich um meinen Rabatt", "ohne mich zu fragen wurde mein Limit besser", "ohne mich zu fragen", "ich will nicht mehr Kunde sein", "ich möchte nicht mehr dabei sein", "ich will nicht mehr im Newsletter sein",
	"ich springe zwischen den Seiten hin und her", "die App hängt sich auf", "ich will das Abo beenden", "ich mache Schluss mit dem Plan", "Wie kann ich mein Konto beleben", "Lebensmittel gekauft", "ich will den Newsletter nicht mehr", "Ich kann nicht mehr auf mein Konto zugreifen", "das Tablet liegt vor mir", "ich habe keine Tabletten bestellt", "die Zahlung ist verschwunden",
	"me mata esta app", "me muero de ganas de recibirlo", "el móvil se muere", "quiero que desaparezca el recargo", "ha desaparecido mi compra", "la batería está muerta", "quiero acabar con el plan", "mejor sin mí tarjeta", "me voy a tirar dos horas esperando", "no quiero seguir aquí esperando", "no tiene sentido este cargo", "no veo salida en el menú", "quiero salir", "vivo en Madrid", "las pastillas de freno no llegaron",
	"appen dör hela tiden", "batteriet är dött", "jag dör av skratt", "jag vill döpa om min plan", "köpet försvann", "jag vill att avgiften försvinner", "jag vill inte vara med i nyhetsbrevet", "jag vill inte vara kund längre",
	"var bor du", "jag hoppar mellan sidorna", "jag hoppade över en betalning", "tåget var sent", "jag har beställt tabletter och de kom aldrig", "appen hänger sig", "jag vill do it now", "I will do it", "jag lever i Malmö",
}

func TestSelfHarm(t *testing.T) {
	for _, s := range speaksOfDying {
		if !Detect(s).Has(SelfHarm) {
			t.Errorf("%q: danger was not seen", s)
		}
	}
	for _, s := range speaksOfLivingOn {
		if c, ok := Detect(s).Find(SelfHarm); ok {
			t.Errorf("%q: danger was seen in %q", s, c.Evidence)
		}
	}
	t.Logf("%d sentences, %d look-alikes", len(speaksOfDying), len(speaksOfLivingOn))
}

// Danger of other kinds is a topic of the first priority, with its number to call and its own people.
func TestDanger(t *testing.T) {
	c := demoClassifier(t)
	for _, s := range []string{
		"can you please call an ambulance", "call an ambulance!!", "please call an ambulance", "schnell, einen Krankenwagen bitte", "una ambulancia por favor", "snälla ring efter ambulans",
		"my ex is threatening me and uses my account", "Mein Ex-Mann bedroht mich und benutzt mein Konto", "mi ex me está amenazando y usa mi cuenta",
		"min ex hotar mig och använder mitt konto",
	} {
		if top := c.Segments(s)[0]; top.Priority != 1 || top.P < Credible(1) {
			t.Errorf("%q: %s (%.2f)", s, top.Topic, top.P)
		}
	}
}
