package assistant

import (
	"slices"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/chat"
)

// talk is a conversation up to a message: lines of the customer, and of the assistant after "> ".
func talk(lines ...string) *chat.Claim {
	c := &chat.Claim{}
	for i, line := range lines {
		m := chat.Message{Seq: int64(i + 1), Author: chat.Customer, Text: line}
		if said, ok := strings.CutPrefix(line, "> "); ok {
			m.Author, m.Text = chat.Assistant, said
		}
		c.History = append(c.History, m)
	}
	last := len(c.History) - 1
	c.Messages, c.History = c.History[last:], c.History[:last]
	return c
}

// What a message leans on, by kind and language: wanted are words that must and (after "!") must not be in the terms of
// the search; none means that it stands alone.
func TestRead(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		kind, language string
		lines          []string
		want           string
		tie            tie
	}{
		{"ellipsis", "en", []string{"How do I pay in instalments?", "> ...", "and if I'm late?"}, "instalments", leans},
		{"ellipsis", "en", []string{"How do I pay in instalments?", "> ...", "and if the parcel arrives damaged at night?"}, "instalments", leans},
		{"ellipsis", "de", []string{"Wie zahle ich in Raten?", "> ...", "und wenn ich zu spät bin?"}, "Raten", leans},
		{"ellipsis", "es", []string{"¿Cómo pago a plazos?", "> ...", "¿y si me retraso?"}, "plazos", leans},
		{"ellipsis", "sv", []string{"Hur delar jag upp ett köp?", "> ...", "och om jag är sen?"}, "köp", leans},
		{"ellipsis", "fr", []string{"Comment payer en plusieurs fois ?", "> ...", "et si je suis en retard ?"}, "payer", leans},

		{"number", "en", []string{"How long do I have with Pay in 30?", "> ...", "and with pay in 3?"}, "pay !30", leans},
		{"number", "de", []string{"Was kostet ein Paket bis 5 Kilo?", "> ...", "und bis 10?"}, "Paket !5", leans},
		{"number", "sv", []string{"vad kostar ett paket på 5 kilo", "> ...", "och på 10?"}, "paket !5", leans},

		{"number", "en", []string{"Can I split a payment of 30 pounds?", "> ...", "and in 3 parts?"}, "payment 30", leans},

		{"pronoun", "en", []string{"What is a gift card?", "> ...", "can I give it back?"}, "gift card", bare},
		{"pronoun", "de", []string{"Was ist eine Geschenkkarte?", "> ...", "kann ich die auch zurückgeben?"}, "Geschenkkarte", leans},
		{"pronoun", "es", []string{"¿Qué es una tarjeta regalo?", "> ...", "¿la puedo devolver después de Navidad?"}, "tarjeta regalo", leans},
		{"pronoun", "es", []string{"¿Qué es una tarjeta regalo?", "> ...", "¿Cómo hago para devolverla?"}, "tarjeta regalo", leans},
		{"pronoun", "sv", []string{"Vad är ett presentkort?", "> ...", "kan jag lämna tillbaka det efter jul?"}, "presentkort", leans},
		{"pronoun", "fr", []string{"C'est quoi une carte cadeau ?", "> ...", "puis-je rendre celle de Noël ?"}, "cadeau", leans},
		// The word stands for something in the same message.
		{"pronoun", "en", []string{"What is a gift card?", "> ...", "my printer jams when I open it"}, "", stands},

		{"nothing", "en", []string{"Can I cancel my order?", "> ...", "ok, and how?"}, "cancel order", bare},
		{"nothing", "de", []string{"Kann ich meine Bestellung stornieren?", "> ...", "gut, und wie?"}, "Bestellung stornieren", bare},
		{"nothing", "de", []string{"Kann ich meine Bestellung stornieren?", "> ...", "prima, super"}, "Bestellung stornieren", bare},
		{"nothing", "es", []string{"¿Puedo anular el pedido?", "> ...", "vale, ¿y cómo?"}, "anular pedido", bare},
		{"nothing", "sv", []string{"Kan jag avbeställa?", "> ...", "okej, och hur?"}, "avbeställa", bare},
		{"nothing", "fr", []string{"Puis-je annuler ma commande ?", "> ...", "d'accord, et comment ?"}, "annuler commande", bare},

		{"correction", "en", []string{"How do I replace my debit card?", "> ...", "no, not the debit card, the gift card"}, "replace gift card !debit", corrects},
		{"correction", "de", []string{"Wie ersetze ich meine Kreditkarte?", "> ...", "nein, nicht die Kreditkarte, den Ausweis"}, "ersetze Ausweis !Kreditkarte", corrects},
		{"correction", "es", []string{"¿Cómo cambio la tarjeta?", "> ...", "perdona, la tarjeta no, el teléfono"}, "cambio teléfono !tarjeta", corrects},
		{"correction", "sv", []string{"Hur byter jag telefonnummer?", "> ...", "nej, inte telefonnummer, adressen"}, "byter adressen !telefonnummer", corrects},
		{"correction", "fr", []string{"Comment changer ma carte ?", "> ...", "non, pas la carte, le téléphone"}, "changer téléphone !carte", corrects},
		{"correction", "en", []string{"How do I change my e-mail address?", "> ...", "sorry, I meant the delivery address"}, "change delivery address !mail !e-mail", corrects},
		{"correction", "en", []string{"How do I replace my debit card?", "> ...", "no, not the debit card, the gift card", "> ...", "and how long does that take?"}, "gift !debit", bare},

		{"change", "en", []string{"How do I replace my debit card?", "> ...", "by the way, opening hours?"}, "", stands},
		{"change", "en", []string{"How do I replace my debit card?", "> ...", "which documents prove my identity?"}, "", stands},
		{"change", "en", []string{"How do I replace my debit card?", "> ...", "do you accept American Express?"}, "", stands},
		{"change", "de", []string{"Wie ersetze ich meine Karte?", "> ...", "was anderes: Öffnungszeiten am Samstag?"}, "", stands},
		{"change", "de", []string{"Wie ersetze ich meine Karte?", "> ...", "nehmt ihr auch American Express?"}, "", stands},
		{"change", "es", []string{"¿Cómo cambio la tarjeta?", "> ...", "por cierto, ¿horario del sábado?"}, "", stands},
		{"change", "sv", []string{"Hur byter jag kort?", "> ...", "en helt annan sak, öppettider på lördag?"}, "", stands},
		{"change", "fr", []string{"Comment changer ma carte ?", "> ...", "au fait, horaires du samedi ?"}, "", stands},

		{"return", "en", []string{"What does the yearly plan cost?", "> ...", "which documents prove my identity?", "> ...", "back to the plan, is there a discount?"}, "yearly cost !identity", returns},
		{"return", "de", []string{"Was kostet das Jahresabo?", "> ...", "Welche Dokumente beweisen meine Identität?", "> ...", "nochmal zum Jahresabo, gibt es Rabatt?"}, "kostet !Identität", returns},
		{"return", "es", []string{"¿Cuánto cuesta el plan anual?", "> ...", "¿Qué documentos prueban mi identidad?", "> ...", "volviendo al plan, ¿hay descuento?"}, "anual !identidad", returns},
		{"return", "sv", []string{"Vad kostar årsplanen?", "> ...", "Vilka dokument bevisar min identitet?", "> ...", "tillbaka till årsplanen, finns det rabatt?"}, "kostar !identitet", returns},
		// It names neither: the one before the present is meant.
		{"return", "en", []string{"What does the yearly plan cost?", "> ...", "which documents prove my identity?", "> ...", "coming back to earlier, any discount?"}, "yearly !identity", returns},

		{"fragment", "en", []string{"hi", "> Hello!", "my new printer", "> ...", "paper jam"}, "printer", leans},
		{"fragment", "de", []string{"mein neuer Drucker", "> ...", "zieht kein Papier ein", "> ...", "was jetzt"}, "Drucker Papier", bare},
		{"fragment", "sv", []string{"min nya skrivare", "> ...", "pappersstopp"}, "skrivare", leans},

		{"siblings", "en", []string{"When is the shop open on weekdays?", "> ...", "and on Saturdays?", "> ...", "and on holidays?"}, "shop !Saturdays", leans},
		{"affirmation", "en", []string{"Can I cancel my order?", "> ...", "yes please, how much does it cost?"}, "cancel", bare},
		{"affirmation", "de", []string{"Kann ich meine Bestellung stornieren?", "> ...", "ja gern, was kostet das?"}, "stornieren", bare},
		{"answer", "en", []string{"my payment does not work", "> Which?\n- Card payments\n- Invoices", "the shop near the station refuses my paper voucher"}, "payment", leans},
		{"option", "en", []string{"my payment does not work", "> Which?\n- Card payments\n- Invoices", "2", "> ...", "and how late?"}, "Invoices !work", bare},

		{"first", "en", []string{"and if I'm late?"}, "", stands},
		{"greeting", "en", []string{"hello", "> Hello!", "refund"}, "", stands},
	} {
		c := talk(k.lines...)
		r := read(c, c.Text(), k.language)
		if r.tie != k.tie || (r.context == "") != (k.want == "") {
			t.Errorf("%s (%s): %q is read as %d in the light of %q, want %d", k.kind, k.language, c.Text(), r.tie, r.context, k.tie)
			continue
		}
		terms := strings.ToLower(r.question + "\n" + r.context)
		if r.tie != corrects {
			terms = strings.ToLower(r.context)
		}
		for w := range strings.FieldsSeq(strings.ToLower(k.want)) {
			w, not := strings.CutPrefix(w, "!")
			if slices.Contains(strings.FieldsFunc(terms, func(r rune) bool { return !isWordRune(r) && r != '-' }), w) == not {
				t.Errorf("%s (%s): the terms of %q are %q, want %s", k.kind, k.language, c.Text(), terms, k.want)
			}
		}
		if whole := r.tie == bare || r.tie == corrects; whole != (r.question != c.Text()) {
			t.Errorf("%s (%s): %q asks %q", k.kind, k.language, c.Text(), r.question)
		}
	}
}

// What was said before a handoff belongs to another matter, and an answer's list is no list of options.
func TestReadWithin(t *testing.T) {
	t.Parallel()
	c := talk("How do I pay in instalments?", "> ...", "and if I'm late?")
	c.Conversation.FenceSeq = 2
	if r := read(c, c.Text(), "en"); r.context != "" {
		t.Errorf("read in the light of %q, from before the fence", r.context)
	}
	c.Conversation.Article = "late-payments"
	if r := read(c, c.Text(), "en"); r.context != "late payments" {
		t.Errorf("read in the light of %q, want the article that the chat was opened from", r.context)
	}
	c = talk("How do I pay in instalments?", "> Choose\n- Three\n- Four", "2", "> ...", "and if I'm late?")
	if r := read(c, c.Text(), "en"); !strings.Contains(r.context, "Four") {
		t.Errorf("read in the light of %q, not of the option", r.context)
	}
	c.History[1].Citations = []chat.Citation{{Title: "Instalments"}}
	if r := read(c, c.Text(), "en"); !strings.Contains(r.context, "instalments") {
		t.Errorf("read in the light of %q, a line of an answer", r.context)
	}
}

// A question again is a sign of being stuck; a question that leans, is corrected or asks for another thing is none.
func TestRepeats(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		language string
		lines    []string
		want     int
	}{
		{"en", []string{"Where is my refund?", "> ...", "so where is my refund??"}, 1},
		{"de", []string{"Wo bleibt meine Erstattung?", "> ...", "wo bleibt meine Erstattung"}, 1},
		{"es", []string{"¿Dónde está mi reembolso?", "> ...", "dónde está mi reembolso"}, 1},
		{"sv", []string{"Var är min återbetalning?", "> ...", "var är min återbetalning nu"}, 1},
		{"en", []string{"Where is my refund?", "> ...", "where is my refund", "> ...", "Where is my refund!"}, 2},
		{"en", []string{"How do I change the card for my order?", "> ...", "How do I change the address for my order?"}, 0},
		{"de", []string{"Wie ändere ich die Karte für meinen Kauf?", "> ...", "Wie ändere ich die Adresse für meinen Kauf?"}, 0},
		{"sv", []string{"Hur ändrar jag kortet för mitt köp?", "> ...", "Hur ändrar jag adressen för mitt köp?"}, 0},
		{"en", []string{"Can I cancel my order?", "> ...", "and how long does that take?", "> ...", "How do I send back a parcel?", "> ...", "and how long does that take?"}, 0},
		{"en", []string{"Can I cancel my order?", "> ...", "and how long does that take?", "> ...", "and how long does that take?!"}, 1},
	} {
		c := talk(k.lines...)
		r := read(c, c.Text(), k.language)
		if s := stuckSigns(c, nil, &r); s.Repeats != k.want {
			t.Errorf("%q repeats %d times, want %d", k.lines, s.Repeats, k.want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	c := talk("Wie lange dauert eine Erstattung auf die Karte?", "> ...", "und aufs Bankkonto?", "> ...", "nein, nicht das Konto, die Kreditkarte", "> ...",
		"Übrigens, wo ändere ich meine Adresse?", "> ...", "und die Telefonnummer?", "> ...", "nochmal zur Erstattung: wie lange dauert das?")
	for b.Loop() {
		read(c, c.Text(), "de")
	}
}
