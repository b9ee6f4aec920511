package ground_test

import (
	"testing"

	"github.com/firstline/firstline/assistant/ground"
)

// Cases written after the thresholds were set, against other passages: an estimate of what to expect of text that the
// checker has not seen. On the first run 95.5 % of the wrong sentences were stopped, 80.8 % of the stops were right and
// 75.0 % of the true sentences passed. Three general weaknesses that it showed were then mended (facts did not count as
// content, clauses after "and" were cut too seldom, a few German function words were missing); nothing else was tuned.
var heldOutPassages = map[string][]ground.Source{
	"en": {
		{N: 1, Title: "Disputes", Text: `You can open a dispute within 120 days of the purchase. While a dispute is open, your payments are paused and no interest is added.
Upload photos of the item and the chat with the shop. The shop has 14 days to answer. We decide within 21 days after that and tell you by e-mail.
We cannot open a dispute for gift cards or for orders that you cancelled yourself.`},
		{N: 2, Title: "Card security", Text: `If your Larkpay Card is lost, freeze it in the app under Card > Security. A frozen card can be unfrozen at any time. A blocked card is replaced within 7 working days; the replacement is free in Ireland and costs €8.00 elsewhere.
Never share your PIN. Our agents will not ask for it.`},
	},
	"de": {
		{N: 1, Title: "Konto schließen", Text: `Du kannst dein Konto schließen, wenn alle Rechnungen bezahlt sind. Die Schließung dauert bis zu 30 Tage und lässt sich nicht rückgängig machen.
Wir bewahren Rechnungen 10 Jahre auf. Ein Guthaben unter 5 EUR wird nicht ausgezahlt.`},
	},
	"es": {
		{N: 1, Title: "Tarjeta rechazada", Text: `Si tu tarjeta es rechazada, comprueba la fecha de caducidad y el saldo. Después de tres intentos la tarjeta queda bloqueada durante 24 horas.
No puedes pagar con tarjetas de prepago.`},
	},
	"sv": {
		{N: 1, Title: "Faktura", Text: `Fakturan skickas till din e-post inom 48 timmar. Pappersfaktura kostar 29 kr. Du kan inte byta betalsätt när fakturan är betald.`},
	},
}

var heldOut = []written{
	{"en", "You have 120 days from the purchase to open a dispute [1].", true},
	{"en", "Your payments are paused while the dispute is open, and no interest is added.", true},
	{"en", "The shop then has 14 days to reply.", true},
	{"en", "After that, we decide within 21 days and let you know by e-mail [1].", true},
	{"en", "Disputes can't be opened for gift cards.", true},
	{"en", "If you lost your Larkpay Card, you can freeze it in the app under Card > Security [2].", true},
	{"en", "You can unfreeze a frozen card at any time.", true},
	{"en", "The replacement card costs €8, but in Ireland it is free.", true},
	{"en", "A blocked card will be replaced within seven working days.", true},
	{"en", "Our agents never ask for your PIN.", true},
	{"en", "You have 90 days from the purchase to open a dispute [1].", false},
	{"en", "Your payments continue while the dispute is open.", false},
	{"en", "The shop has 21 days to answer.", false},
	{"en", "Interest is added while a dispute is open.", false},
	{"en", "We can open a dispute for gift cards.", false},
	{"en", "The replacement is free in Germany.", false},
	{"en", "The replacement costs £8.00.", false},
	{"en", "A blocked card is replaced within 7 days.", false},
	{"en", "You can freeze the card by calling our hotline.", false},
	{"en", "A frozen card cannot be unfrozen.", false},
	{"en", "Please share your PIN with our agents.", false},
	{"en", "You should also report the loss to the police.", false},
	{"de", "Das Konto kann geschlossen werden, sobald alle Rechnungen bezahlt sind.", true},
	{"de", "Es dauert bis zu 30 Tage, bis dein Konto geschlossen ist [1].", true},
	{"de", "Rechnungen bewahren wir zehn Jahre lang auf.", true},
	{"de", "Die Schließung lässt sich rückgängig machen.", false},
	{"de", "Rechnungen bewahren wir 30 Jahre auf.", false},
	{"de", "Ein Guthaben unter 5 EUR wird ausgezahlt.", false},
	{"de", "Du kannst dein Konto jederzeit per Brief kündigen.", false},
	{"es", "Comprueba la fecha de caducidad y el saldo de tu tarjeta.", true},
	{"es", "Tras 3 intentos, la tarjeta se bloquea durante 24 horas [1].", true},
	{"es", "No se puede pagar con una tarjeta de prepago.", true},
	{"es", "Después de tres intentos la tarjeta queda bloqueada durante 48 horas.", false},
	{"es", "Puedes pagar con tarjetas de prepago.", false},
	{"sv", "En pappersfaktura kostar 29 kronor.", true},
	{"sv", "Du får fakturan via e-post inom 48 timmar.", true},
	{"sv", "Du kan byta betalsätt när fakturan är betald.", false},
	{"sv", "En pappersfaktura kostar 49 kronor.", false},
	{"en", "Du kannst innerhalb von 120 Tagen nach dem Kauf eine Reklamation eröffnen [1].", true},
	{"en", "Der Händler hat 14 Tage Zeit zu antworten [1].", true},
	{"en", "Du kannst innerhalb von 14 Tagen nach dem Kauf eine Reklamation eröffnen [1].", false},
	{"en", "Die Ersatzkarte kostet 9 € [2].", false},
}

func TestHeldOutCases(t *testing.T) {
	var tp, fp, tn, fn int
	for _, tc := range heldOut {
		v := ground.NewChecker(heldOutPassages[tc.passages]).Check(tc.sentence)
		switch {
		case !tc.ok && !v.Supported:
			tp++
		case tc.ok && !v.Supported:
			fp++
		case tc.ok:
			tn++
		default:
			fn++
		}
		if v.Supported != tc.ok {
			t.Logf("%v, want %v: %q support %.2f reason %s missing %v", v.Supported, tc.ok, tc.sentence, v.Support, v.Reason, v.Missing)
		}
	}
	recall, precision := float64(tp)/float64(tp+fn), float64(tp)/float64(tp+fp)
	t.Logf("%d cases: wrong sentences stopped %.3f (recall), stopped rightly %.3f (precision), true sentences passed %.3f", len(heldOut), recall, precision, float64(tn)/float64(tn+fp))
	if recall < 0.90 || precision < 0.80 {
		t.Errorf("recall %.3f, precision %.3f", recall, precision)
	}
}
