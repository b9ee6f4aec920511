package ground_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstline/firstline/assistant/ground"
	"github.com/firstline/firstline/kb"
)

// Sentences as a model writes them from the demo's articles, and sentences that are wrong in one point. Each is checked
// without a citation against all passages of its article, which is harder than against the passage that the model cites.
//
// They were written, once and whole, before the checker was changed for them.
// On the first run 24 of the 30 true ones passed and 20 of the 30 wrong ones were stopped. The checker was then changed
// with these in view, so that they are no longer unseen: 29 and 26.
var articleCases = []written{
	{"en/paying/move-due-date", "You can postpone a due date once for each purchase, and it costs nothing.", true},
	{"en/paying/move-due-date", "With Pay in 4, you can move a payment by up to 7 days, and with Pay in 3 by up to 14 days.", true},
	{"en/paying/move-due-date", "You have until 23:59 local time on the day before your payment is due to change it.", true},
	{"en/paying/move-due-date", "For a Larkpay Plan, you can't move a single payment, but you can change the monthly due day every 6 months.", true},
	{"en/paying/move-due-date", "The button may be grey if you've already moved the date, or if the payment is late or due today.", true},
	{"en/refunds-and-problems/refund-timing", "After the shop confirms your refund, Larkpay books it within 2 working days.", true},
	{"en/refunds-and-problems/refund-timing", "If you paid by card, it takes another 5–10 working days until you see the money on your card.", true},
	{"en/refunds-and-problems/refund-timing", "If you haven't paid anything yet, the refund simply reduces the amount you owe and no money is moved.", true},
	{"en/account/close-account", "Before you can close your account, all purchases must be paid and there can be no open disputes.", true},
	{"en/account/close-account", "Just deleting the app won't close your account.", true},
	{"en/account/close-account", "Once your account is closed, it can't be reopened, but you can create a new one with the same e-mail address.", true},
	{"en/security/locked-out", "After five wrong attempts, your log-in is locked for 30 minutes and unlocks automatically.", true},
	{"en/security/freeze-account", "While your account is frozen, automatic payments for your own purchases continue as usual.", true},
	{"en/hardship/cannot-pay", "Asking for help is free and won't hurt your credit report.", true},
	{"en/refunds-and-problems/not-received", "Once the dispute is open, your payment is paused for 21 days and you won't be charged a late fee.", true},
	{"en/paying/move-due-date", "You can move a due date twice for each purchase.", false},
	{"en/paying/move-due-date", "With Pay in 4, you can move a payment by up to 14 days.", false},
	{"en/paying/move-due-date", "A single payment of a Larkpay Plan can be moved.", false},
	{"en/paying/move-due-date", "You can still move the date on the due date itself.", false},
	{"en/refunds-and-problems/refund-timing", "Refunds to a bank account take 5-10 working days.", false},
	{"en/refunds-and-problems/refund-timing", "If you like, we can send the money to another person's card.", false},
	{"en/refunds-and-problems/refund-timing", "Larkpay books your refund within 2 hours after the shop confirms it.", false},
	{"en/account/close-account", "Deleting the app closes your account and stops all payments.", false},
	{"en/account/close-account", "In Germany, your records are kept for 7 years after closing.", false},
	{"en/account/close-account", "You can close your account while a dispute is open.", false},
	{"en/security/locked-out", "After 3 wrong attempts, your log-in is locked for 30 minutes.", false},
	{"en/security/freeze-account", "While your account is frozen, automatic payments are stopped.", false},
	{"en/hardship/cannot-pay", "A person can agree a deferral of up to 90 days with you.", false},
	{"en/refunds-and-problems/not-received", "In Sweden, you can open a dispute up to 120 days after the purchase.", false},
	{"en/refunds-and-problems/not-received", "The shop will send you a replacement parcel free of charge.", false},

	{"de/paying/late-fees.de", "Die erste Mahnung kostet Sie nichts, jede weitere 1,20 EUR.", true},
	{"de/paying/late-fees.de", "Pro Kauf zahlen Sie maximal 3,60 EUR an Mahnkosten.", true},
	{"de/security/login-code-missing", "Warten Sie bitte 60 Sekunden und tippen Sie dann auf **Erneut senden**.", true},
	{"de/account/verify-identity", "Fotokopien und Bildschirmfotos Ihres Ausweises akzeptieren wir nicht, sie werden abgelehnt.", true},
	{"de/refunds-and-problems/refund-timing", "Das Geld ist in der Regel nach 1 bis 3 Arbeitstagen auf Ihrem Bankkonto, nachdem die Erstattung gebucht wurde.", true},
	{"de/paying/late-fees.de", "Die erste Mahnung kostet 1,20 EUR.", false},
	{"de/paying/late-fees.de", "Auf Mahnkosten fallen Zinsen an.", false},
	{"de/security/login-code-missing", "Ein Code ist 30 Minuten lang gültig.", false},
	{"de/account/verify-identity", "In Deutschland wird auch der Führerschein angenommen.", false},
	{"de/refunds-and-problems/refund-timing", "Larkpay sieht die Erstattung schon vor der Bestätigung des Shops.", false},

	{"es/paying/pay-in-3", "Con Pay in 3 pagas tu compra en tres cuotas mensuales iguales y sin intereses.", true},
	{"es/paying/pay-in-3", "Puedes cambiar la fecha de un pago una vez por compra, hasta 14 días y sin coste.", true},
	{"es/refunds-and-problems/not-received", "Si la tienda no resuelve el problema en 7 días, puedes abrir una disputa desde la app.", true},
	{"es/hardship/cannot-pay", "Pedir ayuda es gratis y no afecta a tu informe de crédito.", true},
	{"es/security/login-code-missing", "El código caduca a los 10 minutos y solo sirve el último que hayas pedido.", true},
	{"es/paying/pay-in-3", "En Pay in 3 puedes desactivar el pago automático.", false},
	{"es/paying/pay-in-3", "En España la comisión por pago atrasado es de 15 EUR.", false},
	{"es/refunds-and-problems/not-received", "La tienda tiene 30 días para contestar.", false},
	{"es/hardship/cannot-pay", "El asistente puede prometerte un acuerdo de pago.", false},
	{"es/security/login-code-missing", "Si alguien te llama y te pide el código, puedes dárselo.", false},

	{"sv/account/close-account", "Du kan stänga ditt konto i appen så länge du inte har några skulder eller öppna tvister.", true},
	{"sv/account/close-account", "Det tar högst 30 dagar att stänga kontot, och det går inte att ångra.", true},
	{"sv/paying/move-due-date", "Du kan flytta förfallodagen en gång per köp utan kostnad.", true},
	{"sv/paying/charged-twice", "En reservation försvinner normalt inom 5 arbetsdagar.", true},
	{"sv/refunds-and-problems/not-received", "Butiken har två veckor på sig att svara, och du får ett beslut inom 30 dagar.", true},
	{"sv/account/close-account", "Om du tar bort appen stängs kontot.", false},
	{"sv/account/close-account", "I Tyskland sparas uppgifterna i 7 år.", false},
	{"sv/paying/move-due-date", "Du kan flytta förfallodagen på själva förfallodagen.", false},
	{"sv/paying/charged-twice", "En dubbel debitering kan göra din betalning till Larkpay sen.", false},
	{"sv/refunds-and-problems/not-received", "Butiken har 21 dagar på sig att svara.", false},
}

// Written after the checker had been changed for the sentences above, and run once: what to expect of text that it was
// not made for. On that run 18 of the 22 true ones passed and 9 of the 22 wrong ones were stopped (the checker before all
// of these changes: 20 and 7); with part of what that showed mended since, 21 and 10. The wrong ones are hard on purpose:
// most have neither number nor name, and say something else with the article's own words.
var laterCases = []written{
	{"en/paying/payment-not-shown", "Card payments appear right away, while a bank transfer shows up within an hour of reaching Larkpay.", true},
	{"en/paying/payment-not-shown", "If the reference was missing, please upload proof of payment as a PDF, JPG or PNG of up to 10 MB.", true},
	{"en/paying/payment-not-shown", "A transfer that reaches us on the due date counts as on time, even if it is shown later.", true},
	{"en/paying/payment-not-shown", "No, please don't pay again, since paying twice only creates a credit balance.", true},
	{"en/account/language-settings", "You can change the language under **Profile > Language**.", true},
	{"en/account/language-settings", "Changing the language doesn't change your currency or your country.", true},
	{"en/account/several-accounts", "We can merge your two accounts into one within 5 working days.", true},
	{"en/account/several-accounts", "Please note that merging accounts can't be undone.", true},
	{"en/credit/credit-score-effect", "Paying on time with Pay in 3 or Pay in 4 has no effect on your credit score.", true},
	{"en/help-and-complaints/contact-us", "There's no public phone number, but you can ask for a call-back in fraud or hardship cases.", true},
	{"en/help-and-complaints/contact-us", "You can send a formal complaint to complaints@larkpay.example.", true},
	{"en/security/freeze-account", "To freeze your account, go to **Profile > Security > Freeze**, choose a reason and confirm.", true},
	{"de/paying/charged-twice", "Eine Vormerkung verschwindet spätestens nach 5 Arbeitstagen, in den USA nach 7.", true},
	{"de/paying/charged-twice", "Ihre Zahlung gilt durch eine Doppelbelastung nicht als verspätet.", true},
	{"de/account/verify-identity", "Die Fotos werden 90 Tage nach der Entscheidung gelöscht.", true},
	{"de/security/login-code-missing", "Nach fünf falschen Codes ist die Anmeldung für 30 Minuten gesperrt.", true},
	{"es/hardship/lost-job", "Puedes pedir un aplazamiento de hasta 60 días.", true},
	{"es/hardship/lost-job", "Tienes 14 días para enviar el justificante, y ese plazo se puede ampliar una vez.", true},
	{"es/paying/move-due-date", "El día del vencimiento ya no puedes mover el pago.", true},
	{"sv/security/login-code-missing", "Koden har 6 siffror och gäller i 10 minuter.", true},
	{"sv/security/login-code-missing", "Du kan begära högst 5 koder per timme.", true},
	{"sv/refunds-and-problems/not-received", "Larkpay har ingen egen spårning, så fråga butiken först.", true},
	{"en/paying/payment-not-shown", "Bank transfers in the United States take up to 5 working days.", false},
	{"en/paying/payment-not-shown", "You should pay again to be safe.", false},
	{"en/paying/payment-not-shown", "If you sent the money to the wrong account, we can recall it for you.", false},
	{"en/paying/payment-not-shown", "You have 14 days of grace in the United States.", false},
	{"en/account/language-settings", "If you set the app to English, your account is switched to pounds.", false},
	{"en/account/language-settings", "In the United States, the app is also available in Spanish.", false},
	{"en/account/several-accounts", "Partners can have a joint account.", false},
	{"en/account/several-accounts", "Merging accounts can be undone within 30 days.", false},
	{"en/credit/credit-score-effect", "Moving a due date lowers your credit score.", false},
	{"en/help-and-complaints/contact-us", "You can call us between 9:00 and 17:00 on our public phone line.", false},
	{"en/help-and-complaints/contact-us", "E-mails are answered within 24 hours at support@larkpay.example.", false},
	{"en/security/freeze-account", "Refunds are stopped while your account is frozen.", false},
	{"de/paying/charged-twice", "Eine Vormerkung verfällt in den Vereinigten Staaten nach 5 Arbeitstagen.", false},
	{"de/paying/charged-twice", "Larkpay kann eine Vormerkung früher freigeben.", false},
	{"de/account/verify-identity", "Wir geben die Bilder an den Shop weiter.", false},
	{"de/security/login-code-missing", "Sie können in einer Stunde bis zu 10 Codes anfordern.", false},
	{"es/hardship/lost-job", "Puedes pedir un aplazamiento de hasta 12 meses.", false},
	{"es/hardship/lost-job", "Mientras miramos la solicitud, los cobros automáticos se detienen.", false},
	{"es/paying/move-due-date", "Puedes mover el vencimiento dos veces por compra.", false},
	{"sv/security/login-code-missing", "En kod gäller i 30 minuter.", false},
	{"sv/security/login-code-missing", "Larkpay kan fråga efter koden i telefon.", false},
	{"sv/refunds-and-problems/not-received", "Larkpay levererar paketet till dig.", false},
}

// Written last. On the first run 18 of the 20 true ones passed and 14 of the 16 wrong ones were stopped (the checker before
// all of these changes: 18 and 13); one fault that it showed was mended after it (a number in a product's name counted
// against a passage that names another product), nothing else.
var lastCases = []written{
	{"en/hardship/cannot-pay", "Please tell us as soon as you know that you can't make a payment, ideally before the due date.", true},
	{"en/hardship/cannot-pay", "You can snooze Pay in 30 for 10 more days once per purchase; in Spain this costs EUR 2.", true},
	{"en/hardship/cannot-pay", "You will get a case number right away and an answer within 2 working days.", true},
	{"en/hardship/cannot-pay", "Until you have a written agreement from us, the old dates still apply.", true},
	{"en/security/locked-out", "If you forgot your password, choose **Forgot password** on the log-in page.", true},
	{"en/security/locked-out", "The identity check takes one working day.", true},
	{"en/security/locked-out", "Automatic payments are still taken at 06:00 on the due date while you're locked out.", true},
	{"en/account/close-account", "Your account will be closed within 30 days of your request, and this can't be undone.", true},
	{"en/account/close-account", "In Germany, records are kept for 10 years after closing.", true},
	{"en/refunds-and-problems/refund-timing", "We can't send the refund to another person's card.", true},
	{"en/refunds-and-problems/refund-timing", "If your card was replaced, your bank usually forwards the refund to the new card.", true},
	{"de/paying/late-fees.de", "Sie haben nach dem Fälligkeitstag 14 Tage Kulanzfrist.", true},
	{"de/paying/late-fees.de", "Die zweite Mahnung kommt am 29. Tag und kostet 1,20 EUR.", true},
	{"de/refunds-and-problems/refund-timing", "Das Geld geht immer auf dem Weg zurück, auf dem es gekommen ist.", true},
	{"es/refunds-and-problems/not-received", "Mientras la disputa está abierta, tu pago queda en pausa.", true},
	{"es/refunds-and-problems/not-received", "En España puedes abrir una disputa hasta 180 días después de la compra.", true},
	{"es/hardship/cannot-pay", "Recibirás un número de caso y una respuesta en 2 días hábiles.", true},
	{"sv/paying/charged-twice", "En verklig dubbel debitering betalas tillbaka inom 3 till 5 arbetsdagar efter att vi har bekräftat den.", true},
	{"sv/paying/move-due-date", "Med Pay in 4 kan du flytta en betalning med högst 7 dagar.", true},
	{"sv/account/close-account", "Ditt konto stängs inte om du bara tar bort appen.", true},
	{"en/hardship/cannot-pay", "In Sweden, snoozing costs EUR 2.", false},
	{"en/hardship/cannot-pay", "Asking for help harms your credit report.", false},
	{"en/security/locked-out", "The identity check takes 3 working days.", false},
	{"en/security/locked-out", "Purchases and refunds stop while your log-in is locked.", false},
	{"en/account/close-account", "You can reopen your account after it is closed.", false},
	{"en/account/close-account", "In Spain, records are kept for 10 years after closing.", false},
	{"en/refunds-and-problems/refund-timing", "The money is back on your card in 1-3 working days.", false},
	{"en/refunds-and-problems/refund-timing", "The due date waits 14 days after you report the return.", false},
	{"de/paying/late-fees.de", "Pro Kauf fallen höchstens 5,60 EUR an.", false},
	{"de/paying/late-fees.de", "Mahnkosten werden nie erlassen.", false},
	{"de/refunds-and-problems/refund-timing", "Wir können das Geld auf die Karte einer anderen Person schicken.", false},
	{"es/refunds-and-problems/not-received", "En el Reino Unido tienes 180 días para abrir una disputa.", false},
	{"es/hardship/cannot-pay", "Puedes conseguir un aplazamiento de hasta 90 días.", false},
	{"sv/paying/charged-twice", "En dubbel debitering återbetalas inom 10 arbetsdagar.", false},
	{"sv/paying/move-due-date", "Du kan flytta förfallodagen två gånger för samma köp.", false},
	{"sv/account/close-account", "Du kan öppna kontot igen när det är stängt.", false},
}

// article returns the passages of one of the demo's articles, as retrieval would hand them to an answer.
func article(t testing.TB, path string) []ground.Source {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "kb", "demo", "articles", filepath.FromSlash(path)+".md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "---\n")
	front, body, ok := strings.Cut(rest, "\n---\n")
	_, title, titled := strings.Cut(front, "\ntitle: ")
	if !ok || !titled {
		t.Fatalf("%s: no front matter", path)
	}
	title, _, _ = strings.Cut(title, "\n")
	var out []ground.Source
	for i, p := range kb.Chunk(kb.Document{Title: title, Markdown: body}) {
		out = append(out, ground.Source{N: i + 1, Title: title + " " + strings.Join(p.Headings, " "), Text: p.Text})
	}
	return out
}

func TestArticleCases(t *testing.T) {
	for name, tc := range map[string]struct {
		cases         []written
		passed, right float64 // at least
	}{
		"first": {articleCases, 0.90, 0.85},
		"later": {laterCases, 0.90, 0.40},
		"last":  {lastCases, 0.90, 0.85},
	} {
		t.Run(name, func(t *testing.T) { tryArticles(t, tc.cases, tc.passed, tc.right) })
	}
}

func tryArticles(t *testing.T, cases []written, atLeastPassed, atLeastStopped float64) {
	var passed, stopped, right, wrong int
	for _, tc := range cases {
		c := ground.NewChecker(article(t, tc.passages))
		c.Allow("Larkpay")
		v := c.Check(tc.sentence)
		switch {
		case tc.ok:
			right++
			if v.Supported {
				passed++
			}
		default:
			wrong++
			if !v.Supported {
				stopped++
			}
		}
		if v.Supported != tc.ok {
			t.Logf("%v, want %v: %s: %q support %.2f reason %s missing %v attributed %v", v.Supported, tc.ok, tc.passages, tc.sentence, v.Support, v.Reason, v.Missing, v.Attributed)
		}
	}
	t.Logf("true sentences passed %d of %d, wrong ones stopped %d of %d", passed, right, stopped, wrong)
	if float64(passed) < atLeastPassed*float64(right) || float64(stopped) < atLeastStopped*float64(wrong) {
		t.Errorf("want %.0f %% and %.0f %%", 100*atLeastPassed, 100*atLeastStopped)
	}
}

// A sentence that stands in a passage word for word passes, however long and however many clauses it has; a piece of one
// does not pass for that reason.
func TestQuoted(t *testing.T) {
	long := "the parcel " + strings.Repeat("goes from the shop to the carrier and from there to the depot and on to the next town where ", 8) + "it waits for you"
	c := ground.NewChecker([]ground.Source{
		{N: 1, Title: "Codes", Text: "If nothing has arrived after 3 minutes, choose Use e-mail. There is no fee if you pay within 3 days; otherwise, unless a colleague agreed to something else, we charge 5 EUR, once, and tell you so.\n" + long},
		{N: 2, Title: "Mail", Text: "Look into your spam folder. Mail is not delayed, nothing is lost and no code is sent twice."},
	})
	for s, want := range map[string]bool{
		"If nothing has arrived after 3 minutes, choose Use e-mail.":                                                                                       true,
		"If nothing has arrived after 3 minutes, choose **Use e-mail** [1].":                                                                               true,
		"If nothing arrives after 3 minutes, choose Use e-mail.":                                                                                           true,
		"Then, if nothing has arrived after 3 minutes, choose **Use e-mail**.":                                                                             true,
		"There is no fee if you pay within 3 days; otherwise, unless a colleague agreed to something else, we charge 5 EUR, once, and tell you so.":        true,
		"There is no fee if you pay within 3 days; otherwise, unless a colleague agreed to something else, we charge 5 EUR, once, and tell you so [1][2].": true,
		long:                              true,
		long + " [1]":                     true,
		long + " [2]":                     false,
		"Look into your spam folder [1].": false,
		"If nothing has arrived after 5 minutes, choose Use e-mail.": false,
	} {
		if v := c.Check(s); v.Supported != want {
			t.Errorf("%q: %+v", s, v)
		}
	}
}
