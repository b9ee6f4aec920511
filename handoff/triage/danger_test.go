package triage

import "testing"

// Danger that is not called by its name: what lies ready, where somebody stands, and how people say farewell.
var speaksOfDanger = []string{
	"I've got pills here", "I no longer want to be here", "ive got all the pills here with me and a bottle of vodka", "I have my pills ready", "there are tablets next to me and I am so tired", "I'm holding a knife in my hand",
	"I have saved up enough paracetamol", "I've taken too many painkillers", "I'm standing on the bridge", "im on the ledge", "I am sitting on the tracks",
	"could you move the due date by a week? anyway by then i wont be around so it doesnt matter", "I won't be here much longer", "who pays the debt when I'm gone?", "what happens to the debt if I'm not here any more?",
	"im not going to be a problem for you much longer", "I'm just a burden to everyone", "Thank you for sorting the refund. Please tell my sister I loved her.", "I owe you 4000 and my kids would be better off",
	"ich hab hier Tabletten liegen", "Ich habe die Tabletten schon bereit", "neben mir liegen Tabletten", "ich steh auf der Brücke", "Ich sitze auf den Gleisen", "Danach bin ich sowieso nicht mehr da",
	"ich will nur noch dass es aufhört", "Ich habe mich von allen verabschiedet", "Danke für alles. Sagen Sie meiner Tochter, dass ich sie liebe.",
	"tengo aquí las pastillas", "tengo todas las pastillas preparadas", "tengo las pastillas al lado", "estoy en el puente y no quiero seguir", "estoy subida a la azotea", "De todas formas pronto ya no estaré.",
	"me he despedido de todos", "Gracias. Díganle a mi hija que la quiero.",
	"jag har tabletter här", "jag har alla pillren redo", "jag står på bron", "jag sitter på spåret", "Kan ni flytta fakturan? Snart finns jag ändå inte längre.", "jag har tagit farväl av alla", "Hälsa mina barn att jag älskar dem",
	"j'ai des cachets devant moi", "j'ai pris tous mes médicaments", "je suis sur le pont", "De toute façon je ne serai plus là.", "je n'en peux plus, je veux en finir", "je n'ai plus envie de vivre", "je ne veux plus vivre",
	"je vais mettre fin à mes jours", "je vais me jeter sous le train", "je voudrais disparaître", "ils seront mieux sans moi", "la vie n'a plus de sens", "Dites à ma fille que je l'aime", "j'aimerais être mort", "je vais me pendre", "j'ai envie d'en finir",
}

// The same words about goods, dates, bridges on the way and plans that end.
var speaksOfNoDanger = []string{
	"I ordered pills and they never arrived here", "the tablet is next to the laptop in my order", "I took the tablets back", "are there pills in my order", "I have a knife set in my basket", "is there a shop on the bridge",
	"the shop is next to the bridge", "I won't be here on Monday, can I pay on Sunday?", "I won't be around until 3", "what happens when my trial is gone", "would I be better off with Pay in 3?", "are customers better off with Pay in 30 or Pay in 3?",
	"tell my friend I love this app", "I counted all the payments", "is my money safe when the shop is gone", "I am on the plan with three payments", "I'm on the waiting list", "it doesn't matter", "it won't be a problem any longer", "is the fee a burden for the shop", "I no longer want to be a customer",
	"ich habe Tabletten bestellt, die liegen noch bei DHL", "das Paket liegt neben mir", "Ich stehe auf der Warteliste", "am Freitag bin ich nicht mehr da, kann ich vorher zahlen?", "ich habe mich vom Newsletter verabschiedet", "Ich möchte mich von Larkpay verabschieden",
	"ich will nur, dass die Mahnungen aufhören",
	"tengo aquí el recibo", "las pastillas de freno llegaron rotas", "¿abren en el puente de diciembre?", "me despidieron del trabajo", "no puedo seguir los pasos", "pronto no estaré en casa", "dile a mi gestor que llame",
	"jag har tabletter i min order", "jag står på väntelistan", "köpet finns inte längre", "jag sitter på tåget", "hälsa chefen", "jag har en faktura här",
	"je veux en finir avec cet abonnement", "je suis sur le plan en trois fois", "je ne serai plus là lundi", "j'ai commandé des médicaments", "j'ai pris toutes les photos", "je ne veux plus recevoir la newsletter", "le paiement a disparu", "je n'ai plus envie de cet article",
	"mon colis est sur le pont du bateau", "la page n'a plus de sens",
}

func TestDangerWithoutItsName(t *testing.T) {
	for _, s := range speaksOfDanger {
		if !Detect(s).Has(SelfHarm) {
			t.Errorf("%q: danger was not seen", s)
		}
	}
	for _, s := range speaksOfNoDanger {
		if c, ok := Detect(s).Find(SelfHarm); ok {
			t.Errorf("%q: danger was seen in %q", s, c.Evidence)
		}
	}
	for _, s := range []string{"I stopped eating so I can pay you", "i cant do this anymore the letters keep coming", "je n'en peux plus", "je suis à l'hôpital et je ne peux pas payer", "i'm in A&E with my daughter"} {
		if !Detect(s).Has(Vulnerable) {
			t.Errorf("%q: hardship was not seen", s)
		}
	}
	if c, ok := Detect("I sent it in a e-mail").Find(Vulnerable); ok {
		t.Errorf("hardship was seen in %q", c.Evidence)
	}
}

// Words that name a hardship or a right, and everyday matters of paying that are written alike.
func TestHardshipAndItsLookAlikes(t *testing.T) {
	t.Parallel()
	for kind, said := range map[string]struct{ yes, no []string }{
		Vulnerable: {
			[]string{
				"min man gick bort i maj", "vår mamma dog", "jag är utsatt för våld", "våld i nära relation", "I am terminally ill", "he has terminal cancer", "my illness is terminal", "tiene una enfermedad terminal",
				"mir wurde gekündigt", "ich wurde heute gekündigt", "Mein Chef hat mir gekündigt", "meine Wohnung wurde gekündigt", "ich wurde entlassen", "estoy ingresada desde el lunes", "mi madre está ingresada", "me han ingresado en urgencias",
			},
			[]string{
				"Var kan man ta bort ett kort?", "var tar man bort appen", "Vilken betalplan är vald?", "the card terminal declined my card", "can I use it at a payment terminal", "Mein Konto wurde gekündigt", "Mein Abo wurde gekündigt, warum wird abgebucht?",
				"¿Cuándo me será ingresado el reembolso?", "el dinero no ha sido ingresado", "me han ingresado el dinero dos veces",
			},
		},
		Legal: {
			[]string{"delete all my data", "please erase all of my personal information", "remove my personal details", "wipe my account data", "voy a ir a la oficina de consumo", "los denunciaré ante consumo"},
			[]string{"remove my card details", "how do I delete my card data", "¿es un crédito al consumo?", "tarjeta de consumo"},
		},
	} {
		for _, s := range said.yes {
			if !Detect(s).Has(kind) {
				t.Errorf("%q: %s was not seen", s, kind)
			}
		}
		for _, s := range said.no {
			if c, ok := Detect(s).Find(kind); ok {
				t.Errorf("%q: %s was seen in %q", s, kind, c.Evidence)
			}
		}
	}
}
