package ground_test

import (
	"testing"

	"github.com/firstline/firstline/assistant/ground"
)

// Pairs of sentences from two invented articles, written before Disagree was run on them (but for two that a look at what
// the tests hold has added).
var pairs = []struct {
	a, b     string
	disagree bool
}{
	{"A refund reaches your card within 5 days after the shop confirms it.", "After the shop confirms it, a refund reaches your card within 14 days.", true},
	{"The late fee is EUR 5 per missed payment.", "For each missed payment the late fee is EUR 8.", true},
	{"You can change the delivery address after you have ordered.", "You cannot change the delivery address after you have ordered.", true},
	{"A gift card is valid for 12 months.", "Gift cards are valid for 24 months.", true},
	{"You can return goods up to 30 days after delivery.", "Goods can be returned up to 14 days after delivery.", true},
	{"The chat is open until 18:00 on weekdays.", "On weekdays the chat is open until 20:00.", true},
	{"The surcharge for express delivery is 3 %.", "For express delivery the surcharge is 5 %.", true},
	{"We store your documents for 10 years.", "Your documents are stored for 7 years.", true},
	{"Prepaid cards are accepted at checkout.", "Prepaid cards are not accepted at checkout.", true},
	{"You may enter the wrong code 3 times.", "You may enter the wrong code 5 times.", true},
	{"Die Erstattung dauert bis zu 5 Werktage.", "Die Erstattung dauert bis zu 10 Werktage.", true},
	{"Eine Mahnung kostet 1,20 EUR.", "Eine Mahnung kostet 2,50 EUR.", true},
	{"Die Lieferadresse kann nach der Bestellung geändert werden.", "Die Lieferadresse kann nach der Bestellung nicht geändert werden.", true},
	{"The first reminder costs EUR 2.", "The first reminder costs EUR 3.", true},
	{"Der Code ist 10 Minuten gültig.", "Der Code ist 30 Minuten gültig.", true},
	{"El reembolso llega a tu tarjeta en 5 días.", "El reembolso llega a tu tarjeta en 15 días.", true},
	{"La comisión por pago atrasado es de 5 EUR.", "La comisión por pago atrasado es de 9 EUR.", true},
	{"Puedes cambiar la fecha de pago una vez por compra, hasta 14 días.", "Puedes cambiar la fecha de pago una vez por compra, hasta 7 días.", true},
	{"Återbetalningen når ditt kort inom 5 dagar.", "Återbetalningen når ditt kort inom 12 dagar.", true},
	{"Påminnelseavgiften är 60 kr.", "Påminnelseavgiften är 75 kr.", true},
	{"Kontot stängs inom 30 dagar efter din begäran.", "Kontot stängs inom 14 dagar efter din begäran.", true},

	{"A refund reaches your card within 5 days after the shop confirms it.", "A refund reaches your card within five days after the shop confirms it.", false},
	{"A refund to a card takes 5 days.", "A refund to a bank account takes 2 days.", false},
	{"With Pay in 3 you can move a payment by up to 14 days.", "With Pay in 4 you can move a payment by up to 7 days.", false},
	{"The late fee is EUR 5 per missed payment.", "The late fee is GBP 6 per missed payment.", false},
	{"The first reminder for a missed payment costs EUR 2.", "The second reminder for a missed payment costs EUR 4.", false},
	{"A card refund takes 5 to 10 days.", "A card refund takes 7 days.", false},
	{"You can close your account in the app.", "You cannot close your account while a dispute is open.", false},
	{"The shop has 14 days to answer.", "You have 7 days to answer.", false},
	{"Is the fee EUR 5?", "The fee is EUR 8.", false},
	{"We never ask for your password.", "Nobody asks for your password.", false},
	{"A parcel is insured up to EUR 500.", "A letter is insured up to EUR 50.", false},
	{"The Gold plan costs EUR 20 a month.", "The Silver plan costs EUR 10 a month.", false},
	{"Die Erstattung dauert bis zu 5 Werktage.", "Die Prüfung dauert bis zu 10 Werktage.", false},
	{"Die erste Mahnung ist kostenlos.", "Jede weitere Mahnung kostet 1,20 EUR.", false},
	{"Ein Paket kostet 5 EUR.", "Ein Paket kostet 5,00 €.", false},
	{"El código caduca a los 10 minutos.", "El bloqueo dura 30 minutos.", false},
	{"El reembolso a tu tarjeta tarda 5 días.", "La transferencia a tu banco tarda 2 días.", false},
	{"Återbetalningen till kort tar 5 dagar.", "Återbetalningen till bankkonto tar 2 dagar.", false},
	{"Koden gäller i 10 minuter.", "Låsningen gäller i 30 minuter.", false},
	{"Open the app and confirm that you freeze the account.", "Open the app and confirm that you freeze the account: nobody can use it then.", false},
	{"Du kan stänga kontot i appen.", "Du kan inte stänga kontot om du har en skuld.", false},
}

// Statements that hold elsewhere, ask, or speak another language contradict nothing.
func TestDisagreeScope(t *testing.T) {
	t.Parallel()
	read := func(title, s string) *ground.Statements {
		return ground.Read(ground.Source{Title: title, Text: s}, func(line string) bool { return line != "Left out: A gift card is valid for 24 months." })
	}
	const twelve, more = "A gift card is valid for 12 months.", "A gift card is valid for 24 months."
	for _, c := range []struct {
		name, title, text string
		disagree          bool
	}{
		{"another value", "Cards", more, true},
		{"among others", "Cards", "Cards are sold in shops.\nThey are blue. " + more + " Ask us.", true},
		{"of another product", "Pay in 4", more, false},
		{"left out", "Cards", "Left out: " + more, false},
		{"asked", "Cards", "Is a gift card valid for 24 months?", false},
		{"in another language", "Karten", "Eine gift card ist valid für 24 months, und das ist so.", false},
	} {
		if _, ok := ground.Disagree(read("Gifts", twelve), read(c.title, c.text)); ok != c.disagree {
			t.Errorf("%s: %t", c.name, ok)
		}
	}
}

func BenchmarkDisagree(b *testing.B) {
	text := ""
	for i, p := range pairs {
		if i < 10 {
			text += p.a + " "
		}
	}
	for b.Loop() {
		ground.Disagree(ground.Read(ground.Source{Text: text}, nil), ground.Read(ground.Source{Text: text}, nil))
	}
}

func TestDisagree(t *testing.T) {
	t.Parallel()
	read := func(s string) *ground.Statements {
		return ground.Read(ground.Source{Title: "Help", Text: s}, nil)
	}
	found, alarms, conflicts := 0, 0, 0
	for _, p := range pairs {
		d, ok := ground.Disagree(read(p.a), read(p.b))
		e, ko := ground.Disagree(read(p.b), read(p.a))
		if ok != ko || ok && (d.A != e.B || d.Kind != e.Kind) {
			t.Errorf("%q and %q: %v one way round, %v the other", p.a, p.b, d, e)
		}
		if p.disagree {
			conflicts++
		}
		switch {
		case ok && p.disagree:
			found++
			if d.A != p.a || d.B != p.b {
				t.Errorf("%q and %q: names %+v", p.a, p.b, d)
			}
		case ok:
			alarms++
			t.Logf("false alarm: %q, %q", p.a, p.b)
		case p.disagree:
			t.Logf("missed: %q, %q", p.a, p.b)
		}
	}
	// As measured; a statement of a single word says too little of what its number is about.
	if found < 20 || alarms > 0 {
		t.Errorf("%d of %d conflicts found, %d false alarms", found, conflicts, alarms)
	}
	t.Logf("%d of %d conflicts found, %d false alarms in %d", found, conflicts, alarms, len(pairs)-conflicts)
}
