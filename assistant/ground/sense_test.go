package ground_test

import (
	"testing"

	"github.com/firstline/firstline/assistant/ground"
)

// Sentences whose numbers and words are those of the passage, and whose sense is the passage's or its reverse: roles
// exchanged, before for after, may for must, always for never, free for charged. All 120 were written, once and whole,
// before the checker was changed for them; those marked as held out were counted only, never looked at one by one. On the first run 27 of the 30 true ones that were
// looked at passed and 15 of the 30 wrong ones were stopped; of those held out 29 and 11. It is 30 and 30, and 28 and 26, now.
var sensePassages = map[string]ground.Source{
	"en": {N: 1, Title: "Returns, refunds and your account", Text: `Send the goods back to the shop, not to us. The shop pays the return label; you pay for the packaging.
Report the return in the app before you send the parcel. You must keep the proof of postage until the refund is booked.
While the return is reported, your payments are paused and no late fee is charged. You can extend the pause once.
The shop confirms the return to us; then we book the refund within 2 working days. A refund to a card takes longer than one to a bank account.
Opened software can be returned only if it is faulty. Gift cards are never refunded as cash.
You need not call us: we write to you when the refund is booked. Changing your address is free, but a replacement card costs EUR 8.
You may pay earlier at any time. If the shop refuses the return, you can open a dispute with us within 120 days.
Merchants see your name and your delivery address. They do not see your card number.
Pay in 3 has no interest. A Larkpay Plan has interest. In Spain the pause is 21 days at most; in Sweden it is at least 30 days.`},
	"de": {N: 1, Title: "Rücksendung, Erstattung und Konto", Text: `Schicken Sie die Ware an den Shop zurück, nicht an uns. Der Shop bezahlt das Rücksendeetikett, die Verpackung bezahlen Sie.
Melden Sie die Rücksendung in der App, bevor Sie das Paket aufgeben. Den Einlieferungsbeleg müssen Sie aufbewahren, bis die Erstattung gebucht ist.
Solange die Rücksendung gemeldet ist, sind Ihre Zahlungen pausiert, und Mahnkosten fallen nicht an. Die Pause können Sie einmal verlängern.
Der Shop bestätigt uns die Rücksendung, danach buchen wir die Erstattung. Eine Erstattung auf die Karte dauert länger als eine auf das Bankkonto.
Geöffnete Software kann nur zurückgegeben werden, wenn sie fehlerhaft ist. Gutscheine werden nie bar ausgezahlt.
Sie brauchen uns nicht anzurufen. Eine Adressänderung ist kostenlos, eine Ersatzkarte kostet 8 EUR.
Sie können jederzeit früher bezahlen. Händler sehen Ihren Namen, aber nicht Ihre Kartennummer.`},
	"es": {N: 1, Title: "Devoluciones, reembolsos y cuenta", Text: `Devuelve los artículos a la tienda, no a nosotros. La tienda paga la etiqueta de devolución; tú pagas el embalaje.
Comunica la devolución en la app antes de enviar el paquete. Debes guardar el justificante del envío hasta que se registre el reembolso.
Mientras la devolución esté comunicada, tus pagos quedan en pausa y no se cobra ninguna comisión. Puedes ampliar la pausa una vez.
La tienda nos confirma la devolución y después registramos el reembolso. Un reembolso a una tarjeta tarda más que uno a una cuenta bancaria.
El software abierto solo se puede devolver si es defectuoso. Las tarjetas regalo nunca se reembolsan en efectivo.
No hace falta que nos llames. Cambiar la dirección es gratis, pero una tarjeta nueva cuesta 8 EUR.
Puedes pagar antes en cualquier momento. Los comercios ven tu nombre, pero no tu número de tarjeta.`},
	"sv": {N: 1, Title: "Returer, återbetalningar och konto", Text: `Skicka tillbaka varorna till butiken, inte till oss. Butiken betalar returetiketten; du betalar förpackningen.
Anmäl returen i appen innan du skickar paketet. Du måste spara inlämningskvittot tills återbetalningen är bokförd.
Medan returen är anmäld är dina betalningar pausade och ingen avgift tas ut. Du kan förlänga pausen en gång.
Butiken bekräftar returen för oss, därefter bokför vi återbetalningen. En återbetalning till kort tar längre tid än en till bankkonto.
Öppnad programvara kan bara returneras om den är felaktig. Presentkort betalas aldrig ut kontant.
Du behöver inte ringa oss. Att ändra adress är gratis, men ett nytt kort kostar 80 kr.
Du kan betala tidigare när som helst. Handlare ser ditt namn men inte ditt kortnummer.`},
}

// senseCases hold, for each language, the half that was looked at and the half that was not.
var senseCases = []struct {
	lang     string
	heldOut  bool
	ok       bool
	sentence string
}{
	{"en", false, true, "Return the goods to the shop rather than to us."},
	{"en", false, true, "The return label is paid by the shop, and the packaging by you."},
	{"en", false, true, "Please report the return in the app first, and then send the parcel."},
	{"en", false, true, "Keep your proof of postage until your refund has been booked."},
	{"en", false, true, "Your payments are on pause while the return is reported."},
	{"en", false, true, "You don't have to call us; we'll write when the refund is booked."},
	{"en", false, true, "It takes longer to refund a card than a bank account."},
	{"en", false, true, "You can return opened software if it's faulty."},
	{"en", false, true, "You can pay earlier whenever you like."},
	{"en", false, false, "Send the goods back to us, not to the shop."},
	{"en", false, false, "You pay the return label; the shop pays for the packaging."},
	{"en", false, false, "Report the return in the app after you send the parcel."},
	{"en", false, false, "You need not keep the proof of postage until the refund is booked."},
	{"en", false, false, "We confirm the return to the shop; then the shop books the refund within 2 working days."},
	{"en", false, false, "A refund to a bank account takes longer than one to a card."},
	{"en", false, false, "Opened software can always be returned."},
	{"en", false, false, "Gift cards are always refunded as cash."},
	{"en", false, false, "You must call us when the refund is booked."},
	{"en", true, true, "No late fee is charged while your return is reported."},
	{"en", true, true, "The pause can be extended once."},
	{"en", true, true, "We book your refund within 2 working days after the shop has confirmed the return."},
	{"en", true, true, "A gift card is never refunded as cash."},
	{"en", true, true, "You can change your address free of charge."},
	{"en", true, true, "If your return is refused by the shop, open a dispute with us within 120 days."},
	{"en", true, true, "Merchants can see your name, but they can't see your card number."},
	{"en", true, true, "There is no interest on Pay in 3."},
	{"en", true, true, "In Sweden, the pause lasts at least 30 days."},
	{"en", true, false, "A replacement card is free, but changing your address costs EUR 8."},
	{"en", true, false, "You may pay only later."},
	{"en", true, false, "If you refuse the return, the shop can open a dispute with us within 120 days."},
	{"en", true, false, "Merchants see your card number. They do not see your name."},
	{"en", true, false, "A Larkpay Plan has no interest."},
	{"en", true, false, "In Spain the pause is at least 21 days."},
	{"en", true, false, "In Sweden the pause is 30 days at most."},
	{"en", true, false, "The packaging is paid by the shop."},
	{"en", true, false, "Book the refund before the shop confirms the return to us."},

	{"de", false, true, "Senden Sie die Ware an den Shop zurück und nicht an uns."},
	{"de", false, true, "Das Rücksendeetikett wird vom Shop bezahlt."},
	{"de", false, true, "Melden Sie zuerst die Rücksendung in der App und geben Sie danach das Paket auf."},
	{"de", false, true, "Bewahren Sie den Einlieferungsbeleg auf, bis die Erstattung gebucht ist."},
	{"de", false, true, "Ihre Zahlungen sind pausiert, solange die Rücksendung gemeldet ist."},
	{"de", false, true, "Sie müssen uns nicht anrufen."},
	{"de", false, true, "Händler sehen Ihre Kartennummer nicht."},
	{"de", false, false, "Schicken Sie die Ware an uns zurück, nicht an den Shop."},
	{"de", false, false, "Sie bezahlen das Rücksendeetikett, die Verpackung bezahlt der Shop."},
	{"de", false, false, "Melden Sie die Rücksendung in der App, nachdem Sie das Paket aufgegeben haben."},
	{"de", false, false, "Den Einlieferungsbeleg müssen Sie nicht aufbewahren."},
	{"de", false, false, "Eine Erstattung auf das Bankkonto dauert länger als eine auf die Karte."},
	{"de", false, false, "Gutscheine werden immer bar ausgezahlt."},
	{"de", false, false, "Sie müssen uns anrufen."},
	{"de", true, true, "Die Pause kann einmal verlängert werden."},
	{"de", true, true, "Mahnkosten fallen nicht an, solange die Rücksendung gemeldet ist."},
	{"de", true, true, "Wir buchen die Erstattung, nachdem der Shop uns die Rücksendung bestätigt hat."},
	{"de", true, true, "Geöffnete Software können Sie zurückgeben, wenn sie fehlerhaft ist."},
	{"de", true, true, "Gutscheine zahlen wir nie bar aus."},
	{"de", true, true, "Ihre Adresse können Sie kostenlos ändern."},
	{"de", true, true, "Sie können auch früher bezahlen, und zwar jederzeit."},
	{"de", true, false, "Eine Ersatzkarte ist kostenlos, eine Adressänderung kostet 8 EUR."},
	{"de", true, false, "Wir bestätigen dem Shop die Rücksendung, danach bucht der Shop die Erstattung."},
	{"de", true, false, "Geöffnete Software kann immer zurückgegeben werden."},
	{"de", true, false, "Händler sehen Ihre Kartennummer, aber nicht Ihren Namen."},
	{"de", true, false, "Sie können nur später bezahlen."},
	{"de", true, false, "Die Verpackung bezahlt der Shop."},
	{"de", true, false, "Die Pause müssen Sie einmal verlängern."},

	{"es", false, true, "Los artículos se devuelven a la tienda y no a nosotros."},
	{"es", false, true, "La etiqueta de devolución la paga la tienda."},
	{"es", false, true, "Primero comunica la devolución en la app y luego envía el paquete."},
	{"es", false, true, "Guarda el justificante del envío hasta que se registre el reembolso."},
	{"es", false, true, "No tienes que llamarnos."},
	{"es", false, true, "Cambiar la dirección no cuesta nada."},
	{"es", false, true, "Los comercios no ven tu número de tarjeta."},
	{"es", false, false, "Devuelve los artículos a nosotros, no a la tienda."},
	{"es", false, false, "Tú pagas la etiqueta de devolución; la tienda paga el embalaje."},
	{"es", false, false, "Comunica la devolución en la app después de enviar el paquete."},
	{"es", false, false, "No hace falta guardar el justificante del envío."},
	{"es", false, false, "Un reembolso a una cuenta bancaria tarda más que uno a una tarjeta."},
	{"es", false, false, "Las tarjetas regalo siempre se reembolsan en efectivo."},
	{"es", false, false, "Debes llamarnos."},
	{"es", true, true, "Tus pagos están en pausa mientras la devolución esté comunicada."},
	{"es", true, true, "La pausa se puede ampliar una vez."},
	{"es", true, true, "Registramos el reembolso después de que la tienda nos confirme la devolución."},
	{"es", true, true, "El software abierto se puede devolver si es defectuoso."},
	{"es", true, true, "Las tarjetas regalo no se reembolsan nunca en efectivo."},
	{"es", true, true, "Puedes pagar antes cuando quieras."},
	{"es", true, true, "Una tarjeta nueva cuesta 8 EUR."},
	{"es", true, false, "Una tarjeta nueva es gratis, pero cambiar la dirección cuesta 8 EUR."},
	{"es", true, false, "Confirmamos la devolución a la tienda y después la tienda registra el reembolso."},
	{"es", true, false, "El software abierto siempre se puede devolver."},
	{"es", true, false, "Los comercios ven tu número de tarjeta, pero no tu nombre."},
	{"es", true, false, "Solo puedes pagar después."},
	{"es", true, false, "El embalaje lo paga la tienda."},
	{"es", true, false, "Debes ampliar la pausa una vez."},

	{"sv", false, true, "Varorna skickas tillbaka till butiken och inte till oss."},
	{"sv", false, true, "Returetiketten betalas av butiken."},
	{"sv", false, true, "Anmäl först returen i appen och skicka sedan paketet."},
	{"sv", false, true, "Spara inlämningskvittot tills återbetalningen är bokförd."},
	{"sv", false, true, "Du måste inte ringa oss."},
	{"sv", false, true, "Det kostar ingenting att ändra adress."},
	{"sv", false, true, "Handlare ser inte ditt kortnummer."},
	{"sv", false, false, "Skicka tillbaka varorna till oss, inte till butiken."},
	{"sv", false, false, "Du betalar returetiketten; butiken betalar förpackningen."},
	{"sv", false, false, "Anmäl returen i appen efter att du har skickat paketet."},
	{"sv", false, false, "Du behöver inte spara inlämningskvittot."},
	{"sv", false, false, "En återbetalning till bankkonto tar längre tid än en till kort."},
	{"sv", false, false, "Presentkort betalas alltid ut kontant."},
	{"sv", false, false, "Du måste ringa oss."},
	{"sv", true, true, "Dina betalningar är pausade medan returen är anmäld."},
	{"sv", true, true, "Pausen kan förlängas en gång."},
	{"sv", true, true, "Vi bokför återbetalningen efter att butiken har bekräftat returen för oss."},
	{"sv", true, true, "Öppnad programvara kan returneras om den är felaktig."},
	{"sv", true, true, "Presentkort betalas inte ut kontant."},
	{"sv", true, true, "Du kan betala tidigare när du vill."},
	{"sv", true, true, "Ett nytt kort kostar 80 kr."},
	{"sv", true, false, "Ett nytt kort är gratis, men att ändra adress kostar 80 kr."},
	{"sv", true, false, "Vi bekräftar returen för butiken, därefter bokför butiken återbetalningen."},
	{"sv", true, false, "Öppnad programvara kan alltid returneras."},
	{"sv", true, false, "Handlare ser ditt kortnummer men inte ditt namn."},
	{"sv", true, false, "Du kan bara betala senare."},
	{"sv", true, false, "Förpackningen betalas av butiken."},
	{"sv", true, false, "Du måste förlänga pausen en gång."},
}

func TestSense(t *testing.T) {
	t.Parallel()
	for _, half := range []struct {
		name            string
		heldOut         bool
		passed, stopped float64 // shares, at least
	}{{"looked at", false, 1, 0.96}, {"held out", true, 0.93, 0.86}} {
		var passed, right, stopped, wrong int
		for _, c := range senseCases {
			if c.heldOut != half.heldOut {
				continue
			}
			v := ground.NewChecker([]ground.Source{sensePassages[c.lang]}).Check(c.sentence)
			switch {
			case c.ok:
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
			if v.Supported != c.ok && !c.heldOut {
				t.Logf("%s %v: %q support %.2f %s %v", c.lang, v.Supported, c.sentence, v.Support, v.Reason, v.Missing)
			}
		}
		t.Logf("%s: true sentences passed %d of %d, wrong ones stopped %d of %d", half.name, passed, right, stopped, wrong)
		if float64(passed) < half.passed*float64(right) || float64(stopped) < half.stopped*float64(wrong) {
			t.Errorf("%s: want %.2f and %.2f", half.name, half.passed, half.stopped)
		}
	}
}

// One rule at a time, against a passage of one sentence.
func TestSenseRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		passage, sentence string
		ok                bool
	}{
		{"A replacement card costs EUR 8.", "A replacement card is free.", false},
		{"A replacement card is free.", "A replacement card costs something.", false},
		{"The pause lasts 21 days at most.", "The pause lasts at least 21 days.", false},
		{"The pause lasts 21 days at most.", "The pause lasts up to 21 days.", true},
		{"The pause lasts 21 days at most.", "The pause lasts 21 days.", true},
		{"You can extend the pause in the app.", "You must extend the pause in the app.", false},
		{"Extend the pause in the app.", "You must extend the pause in the app.", true},
		{"The shop confirms the return to us.", "The return is confirmed by us.", false},
		{"The shop confirms the return to us.", "The return is confirmed by the shop.", true},
		{"Your payment is moved after you confirm the new date.", "After you confirm the new date, your payment is moved.", true},
		{"Your payment is moved after you confirm the new date.", "Before you confirm the new date, your payment is moved.", false},
		{"Your payment is moved after you confirm the new date.", "Confirm the new date before your payment is moved.", true},
		{"Software can be returned only if it is faulty.", "Software can always be returned.", false},
		{"Händler sehen Ihren Namen, aber nicht Ihre Kartennummer.", "Händler sehen Ihre Kartennummer.", false},
	} {
		v := ground.NewChecker([]ground.Source{{N: 1, Title: "Help", Text: c.passage}}).Check(c.sentence)
		if v.Supported != c.ok {
			t.Errorf("%q of %q: %v, %s %v", c.sentence, c.passage, v.Supported, v.Reason, v.Missing)
		}
	}
}
