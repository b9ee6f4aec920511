package ground_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/assistant/ground"
)

// The passages of an invented company. The cases below are written by hand against them.
var passages = map[string][]ground.Source{
	"en": {
		{N: 1, Title: "Late fees", Text: `## What a late fee is
If a payment is not made by its due date, we add a late fee. In the United Kingdom the late fee is £6.00, in Germany it is EUR 4.50 and in Sweden SEK 60.
We charge the fee once per missed payment, and never more than twice in 12 months. There is no late fee if you pay within 3 days of the due date.
You cannot get a late fee waived more than once a year.`},
		{N: 2, Title: "When your refund arrives", Text: `Once the shop has confirmed your return, a refund takes 3 to 5 business days for card payments. Refunds to a bank account take up to 10 business days.
Open the app, tap Purchases, choose the order and select Refund status to follow it. We send an e-mail to the address in your account when the refund is complete.
If the refund has not arrived after 14 days, contact us at refunds@larkpay.example. Keep the return receipt: without it we cannot trace the parcel.`},
		{N: 3, Title: "Payment plans", Text: `Larkpay Split divides a purchase into 4 payments, due every two weeks, and is free of interest. Larkpay Monthly spreads the cost over 6, 12 or 24 months and charges 14.9% interest.
You can move a due date once per plan, by up to 21 days. The due date of the first payment cannot be moved. Larkpay Split is not available for orders above £1,000.
To move a due date, open the app, go to Plans, select the plan and tap Change date. Merchants cannot change your plan.`},
		{N: 4, Title: "Contact and opening hours", Text: `Chat is open Monday to Friday from 8:00 to 20:00 and on Saturday from 10:00 to 16:00. On Sundays the chat is closed.
You can write to help@larkpay.example or visit https://help.larkpay.example/contact. Our address for complaints is in Leeds. We answer complaints within 15 business days.`},
	},
	"de": {
		{N: 1, Title: "Mahngebühren", Text: `Wird eine Rate nicht bis zum Fälligkeitsdatum bezahlt, berechnen wir eine Mahngebühr von 4,50 EUR. In Österreich beträgt die Gebühr 5,00 EUR.
Die Gebühr fällt nicht an, wenn du innerhalb von 3 Tagen nach der Fälligkeit zahlst. Wir berechnen keine Zinsen auf Mahngebühren.`},
		{N: 2, Title: "Erstattung", Text: `Sobald der Händler deine Rücksendung bestätigt hat, dauert die Erstattung 3 bis 5 Werktage bei Kartenzahlung. Bei Überweisung kann es bis zu 10 Werktage dauern.
Öffne die App, tippe auf Käufe und wähle die Bestellung aus. Ohne Rücksendebeleg können wir das Paket nicht verfolgen. Das Angebot gilt ab dem 1. März 2025.`},
	},
	"es": {
		{N: 1, Title: "Aplazar un pago", Text: `Puedes aplazar la fecha de vencimiento una vez por plan, hasta 21 días. El primer pago no se puede aplazar. El aplazamiento es gratuito.
Para aplazarlo, abre la aplicación, entra en Planes, selecciona el plan y pulsa Cambiar fecha. Los pedidos de más de 1.000 euros no admiten aplazamiento.`},
		{N: 2, Title: "Reembolsos", Text: `El reembolso tarda entre 3 y 5 días hábiles con tarjeta y hasta 10 días hábiles por transferencia. No cobramos ninguna comisión por los reembolsos.
Escríbenos a reembolsos@larkpay.example si no ha llegado después de 14 días.`},
	},
	"sv": {
		{N: 1, Title: "Förseningsavgift", Text: `Om du inte betalar i tid lägger vi till en förseningsavgift på 60 kr. Avgiften tas ut högst två gånger per år. Du betalar ingen avgift om du betalar inom 3 dagar.
Du kan inte flytta förfallodagen efter att en påminnelse har skickats.`},
		{N: 2, Title: "Återbetalning", Text: `En återbetalning tar 3 till 5 bankdagar med kort. Till bankkonto tar det upp till 10 bankdagar. Chatten är öppen måndag till fredag mellan 8:00 och 20:00.
Öppna appen, välj Köp och tryck på ordern för att följa återbetalningen.`},
	},
}

// written is a case: passages of which language, the sentence, and whether it should pass.
type written struct {
	passages, sentence string
	ok                 bool
}

var cases = []written{
	// English, supported.
	{"en", "In the United Kingdom the late fee is £6 [1].", true},
	{"en", "The late fee in Germany is 4.50 EUR.", true},
	{"en", "In Sweden, the late fee is SEK 60.", true},
	{"en", "Late fees in the United Kingdom are 6 pounds.", true},
	{"en", "You will not pay a late fee if you pay within three days of the due date [1].", true},
	{"en", "We charge the late fee once for each missed payment.", true},
	{"en", "The fee is charged at most twice in 12 months.", true},
	{"en", "A refund to your card takes 3–5 business days after the shop has confirmed the return [2].", true},
	{"en", "Refunds to a bank account can take up to 10 business days.", true},
	{"en", "Open the app, tap Purchases, choose your order and select Refund status [2].", true},
	{"en", "1. Open the app and tap **Purchases**.\n", true},
	{"en", "- Choose the order and select **Refund status**.\n", true},
	{"en", "You'll get an e-mail when your refund is complete.", true},
	{"en", "If it has not arrived after two weeks, contact refunds@larkpay.example [2].", true},
	{"en", "Please keep your return receipt, because without it we cannot trace the parcel.", true},
	{"en", "Larkpay Split divides your purchase into 4 payments, due every two weeks.", true},
	{"en", "Larkpay Split is free of interest [3].", true},
	{"en", "Larkpay Monthly charges 14.9% interest.", true},
	{"en", "With Larkpay Monthly you can spread the cost over 6, 12 or 24 months.", true},
	{"en", "You can move a due date once per plan, by up to 21 days [3].", true},
	{"en", "You can't move the due date of the first payment.", true},
	{"en", "No. You cannot move the due date of the first payment [3].", true},
	{"en", "Yes. You can move the due date once per plan [3].", true},
	{"en", "Larkpay Split isn't available for orders above £1000.", true},
	{"en", "The chat is open Monday to Friday from 8:00 to 20:00 [4].", true},
	{"en", "On Saturday the chat is open from 10 am to 4 pm.", true},
	{"en", "The chat is closed on Sundays.", true},
	{"en", "You can visit https://help.larkpay.example/contact [4].", true},
	{"en", "Complaints are answered within 15 business days.", true},
	{"en", "To move a due date:", true},
	{"en", "## Late fees\n", true},
	{"en", "Here is how:", true},
	{"en", "Hello! I am happy to help you with that.", true},
	{"en", "I hope this helps.", true},
	{"en", "Would you like me to connect you with a person?", true},
	{"en", "I could not find an answer in our help articles, sorry.", true},
	// English, wrong.
	{"en", "In the United Kingdom the late fee is £8 [1].", false},
	{"en", "In the United Kingdom the late fee is EUR 4.50 [1].", false},
	{"en", "The late fee in Sweden is £6.00.", false},
	{"en", "In the United Kingdom the late fee is €6.", false},
	{"en", "You will not pay a late fee if you pay within 5 days of the due date [1].", false},
	{"en", "There is a late fee if you pay within 3 days of the due date.", false},
	{"en", "You can get a late fee waived more than once a year.", false},
	{"en", "A refund to your card takes 3 to 5 days [2].", false},
	{"en", "Refunds to a bank account take 3 to 5 business days.", false},
	{"en", "A refund takes up to 10 business days for card payments [2].", false},
	{"en", "Open the app, tap Settings, choose the order and select Refund status [2].", false},
	{"en", "Then call your bank and ask them to reverse the transaction.", false},
	{"en", "Contact us at support@larkpay.example if the refund has not arrived [2].", false},
	{"en", "Follow your refund at https://larkpay.example/refunds.", false},
	{"en", "You can visit https://help.larkpay.example/contact/form [4].", false},
	{"en", "Without the return receipt we can trace the parcel.", false},
	{"en", "Larkpay Monthly is free of interest [3].", false},
	{"en", "Larkpay Split charges 14.9% interest.", false},
	{"en", "Larkpay Monthly divides your purchase into 4 payments, due every two weeks.", false},
	{"en", "Larkpay Monthly charges 19.9% interest.", false},
	{"en", "Larkpay Split is available for orders above £1,000.", false},
	{"en", "You can move the due date of the first payment [3].", false},
	{"en", "You cannot move a due date once per plan [3].", false},
	{"en", "You can move a due date by up to 21 weeks.", false},
	{"en", "Merchants can change your plan.", false},
	{"en", "The chat is open on Sundays.", false},
	{"en", "The chat is open Monday to Friday from 8:00 to 22:00 [4].", false},
	{"en", "On Saturday the chat is open from 8:00 to 20:00.", false},
	{"en", "Our address for complaints is in London.", false},
	{"en", "You can also cancel the subscription in your account settings.", false},
	{"en", "In the United Kingdom the late fee is £6 [9].", false},
	{"en", "In the United Kingdom the late fee is £6 [2].", false},
	{"en", "Yes.", false},
	{"en", "No.", false},
	{"en", "Your credit score is not affected by late payments.", false},
	{"en", "We will refund the shipping costs as well.", false},
	{"en", "Call us on +44 20 7946 0000.", false},
	{"en", "Your reference is LP-7K2M9QXA.", false},
	// German.
	{"de", "Die Mahngebühr beträgt 4,50 € [1].", true},
	{"de", "In Österreich beträgt die Gebühr 5 EUR.", true},
	{"de", "Wenn du innerhalb von drei Tagen zahlst, fällt keine Gebühr an.", true},
	{"de", "Auf Mahngebühren berechnen wir keine Zinsen [1].", true},
	{"de", "Bei Kartenzahlung dauert die Erstattung 3–5 Werktage [2].", true},
	{"de", "Bei Überweisung kann die Erstattung bis zu 10 Werktage dauern.", true},
	{"de", "Öffne dazu die App, tippe auf „Käufe“ und wähle deine Bestellung aus.", true},
	{"de", "Das Angebot gilt ab dem 1. März 2025 [2].", true},
	{"de", "Ich hoffe, das hilft dir weiter.", true},
	{"de", "Die Mahngebühr beträgt 5,40 € [1].", false},
	{"de", "In Österreich beträgt die Gebühr 4,50 EUR.", false},
	{"de", "Auf Mahngebühren berechnen wir Zinsen [1].", false},
	{"de", "Bei Überweisung dauert die Erstattung 3 bis 5 Werktage.", false},
	{"de", "Bei Kartenzahlung dauert die Erstattung 3 bis 5 Stunden [2].", false},
	{"de", "Das Angebot gilt ab dem 1. Mai 2025 [2].", false},
	{"de", "Ohne Rücksendebeleg können wir das Paket verfolgen.", false},
	{"de", "Wende dich danach an die Verbraucherzentrale in deiner Stadt.", false},
	// Spanish.
	{"es", "Puedes aplazar la fecha de vencimiento una vez por plan [1].", true},
	{"es", "El primer pago no se puede aplazar [1].", true},
	{"es", "Con tarjeta, el reembolso tarda de 3 a 5 días hábiles.", true},
	{"es", "No cobramos comisión por los reembolsos [2].", true},
	{"es", "Abre la aplicación, entra en Planes y pulsa Cambiar fecha.", true},
	{"es", "Escríbenos a reembolsos@larkpay.example.", true},
	{"es", "¿Quieres que te conecte con una persona?", true},
	{"es", "El primer pago se puede aplazar [1].", false},
	{"es", "Puedes aplazar la fecha hasta 31 días.", false},
	{"es", "Con tarjeta, el reembolso tarda hasta 10 días hábiles.", false},
	{"es", "Cobramos una comisión por los reembolsos [2].", false},
	{"es", "Escríbenos a ayuda@larkpay.example.", false},
	{"es", "Los pedidos de más de 1.500 euros no admiten aplazamiento.", false},
	// Swedish.
	{"sv", "Förseningsavgiften är 60 kronor [1].", true},
	{"sv", "Du betalar ingen avgift om du betalar inom tre dagar.", true},
	{"sv", "En återbetalning till kort tar 3–5 bankdagar.", true},
	{"sv", "Till ett bankkonto tar det upp till 10 bankdagar [2].", true},
	{"sv", "Chatten är öppen måndag till fredag mellan 8:00 och 20:00.", true},
	{"sv", "Förseningsavgiften är 90 kronor [1].", false},
	{"sv", "Du kan flytta förfallodagen efter att en påminnelse har skickats.", false},
	{"sv", "En återbetalning till kort tar 10 bankdagar.", false},
	{"sv", "Chatten är öppen lördag till söndag mellan 8:00 och 20:00.", false},
	{"sv", "Du betalar avgift om du betalar inom 3 dagar.", false},
	// Across languages, from the English passages.
	{"en", "In Deutschland beträgt die Mahngebühr 4,50 EUR [1].", true},
	{"en", "Die Erstattung auf deine Karte dauert 3 bis 5 Werktage [2].", true},
	{"en", "Du kannst das Fälligkeitsdatum einmal pro Plan um bis zu 21 Tage verschieben [3].", true},
	{"en", "El reembolso a una cuenta bancaria tarda hasta 10 días hábiles [2].", true},
	{"en", "Chatten är öppen måndag till fredag från 8:00 till 20:00 [4].", true},
	{"en", "In Deutschland beträgt die Mahngebühr 6,00 EUR [1].", false},
	{"en", "In Deutschland beträgt die Mahngebühr 60 SEK [1].", false},
	{"en", "Die Erstattung auf deine Karte dauert 3 bis 5 Tage [2].", false},
	{"en", "Das Fälligkeitsdatum der ersten Zahlung kann verschoben werden [3].", false},
	{"en", "Chatten är öppen på söndagar från 8:00 till 20:00 [4].", false},
	{"en", "Schreib uns an hilfe@larkpay.example.", false},
	{"en", "Bitte lade ein Foto deines Ausweises hoch und warte auf die Freigabe.", false},
}

func TestWrittenCases(t *testing.T) {
	checkers := map[string]*ground.Checker{}
	for k, s := range passages {
		checkers[k] = ground.NewChecker(s)
	}
	type tally struct{ tp, fp, tn, fn int }
	by := map[string]*tally{}
	for _, tc := range cases {
		v := checkers[tc.passages].Check(tc.sentence)
		group := tc.passages
		for _, g := range []string{group, "all"} {
			if by[g] == nil {
				by[g] = &tally{}
			}
			switch x := by[g]; {
			case !tc.ok && !v.Supported:
				x.tp++
			case tc.ok && !v.Supported:
				x.fp++
			case tc.ok:
				x.tn++
			default:
				x.fn++
			}
		}
		if v.Supported != tc.ok {
			t.Logf("%v, want %v: %s: %q support %.2f reason %s missing %v attributed %v", v.Supported, tc.ok, tc.passages, tc.sentence, v.Support, v.Reason, v.Missing, v.Attributed)
		}
		if v.Supported && v.Reason != "" || !v.Supported && v.Reason == "" {
			t.Errorf("%q: supported %v with reason %q", tc.sentence, v.Supported, v.Reason)
		}
	}
	if len(cases) < 80 {
		t.Errorf("only %d cases", len(cases))
	}
	for g, x := range by {
		recall, precision := float64(x.tp)/float64(x.tp+x.fn), float64(x.tp)/float64(x.tp+x.fp)
		t.Logf("%-4s %3d cases: wrong sentences stopped %.3f (recall), stopped rightly %.3f (precision), true sentences passed %.3f",
			g, x.tp+x.fn+x.fp+x.tn, recall, precision, float64(x.tn)/float64(x.tn+x.fp))
	}
	all := by["all"]
	if r := float64(all.tp) / float64(all.tp+all.fn); r < 0.95 {
		t.Errorf("recall %.3f", r)
	}
	if p := float64(all.tp) / float64(all.tp+all.fp); p < 0.95 {
		t.Errorf("precision %.3f", p)
	}
}

func TestAttribution(t *testing.T) {
	c := ground.NewChecker(passages["en"])
	for _, tc := range []struct {
		sentence, want string
	}{
		{"In the United Kingdom the late fee is £6.", "cited [] attributed [1] "},
		{"Refunds to a bank account take up to 10 business days.", "cited [] attributed [2] "},
		{"Larkpay Monthly charges 14.9% interest [3][3].", "cited [3] attributed [] "},
		{"In the United Kingdom the late fee is £6 [2].", "cited [2] attributed [1] number"},
		{"It is £6 [1, 9].", "cited [1 9] attributed [] citation"},
		{"Hello!", "cited [] attributed [] "},
		{"Yes.", "cited [] attributed [] yes_or_no"},
		{"A refund to your card takes 3 to 5 business days [1-3].", "cited [1 2 3] attributed [] "},
	} {
		v := c.Check(tc.sentence)
		if got := fmt.Sprintf("cited %v attributed %v %s", v.Cited, v.Attributed, v.Reason); got != tc.want {
			t.Errorf("%q: %s, want %s (%+v)", tc.sentence, got, tc.want, v)
		}
	}
}

func TestAllow(t *testing.T) {
	c := ground.NewChecker([]ground.Source{{N: 1, Text: "A refund takes 3 days."}})
	const s = "At Brightpay a refund takes 3 days."
	if v := c.Check(s); v.Supported || v.Reason != ground.ReasonName {
		t.Errorf("%+v", v)
	}
	c.Allow("Brightpay")
	if v := c.Check(s); !v.Supported {
		t.Errorf("%+v", v)
	}
}

// Each sentence of a source supports itself, and no text makes Check panic.
func TestSelfSupport(t *testing.T) {
	for lang, sources := range passages {
		c := ground.NewChecker(sources)
		for _, s := range sources {
			for _, sentence := range split(lang, s.Text) {
				if v := c.Check(fmt.Sprintf("%s [%d]", strings.TrimSpace(sentence), s.N)); !v.Supported {
					t.Errorf("%s: %q: %+v", lang, sentence, v)
				}
			}
		}
	}
}

func TestAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(rapid.SampledFrom(append(fragments, "Larkpay", "not", "12", "GBP", "days", "+44 20", "1.000", "[9]", "a@b.example", "2025-01-02")), 0, 200), func(s []string) string { return strings.Join(s, " ") }))
		c := ground.NewChecker([]ground.Source{{1, any.Draw(t, "title"), any.Draw(t, "text")}, {2, "", any.Draw(t, "text 2")}})
		s := any.Draw(t, "sentence")
		a := c.Check(s)
		if b := c.Check(s); a.Supported != b.Supported || a.Reason != b.Reason {
			t.Fatalf("%q: %+v and then %+v", s, a, b)
		}
		if a.Support < 0 || a.Support > 1.0001 {
			t.Fatalf("support %v", a.Support)
		}
	})
}

func benchSources() []ground.Source {
	var out []ground.Source
	for i := range 6 {
		p := passages["en"][i%4]
		text := p.Text
		for len(text) < 1500 {
			text += "\n" + passages["en"][(i+1)%4].Text
		}
		out = append(out, ground.Source{N: i + 1, Title: p.Title, Text: text[:1500]})
	}
	return out
}

const benchSentence = "Once the shop has confirmed your return, a refund to your card takes 3 to 5 business days and you can follow it in the app under Purchases"

func BenchmarkNewChecker(b *testing.B) {
	sources := benchSources()
	b.ReportAllocs()
	for b.Loop() {
		ground.NewChecker(sources)
	}
}

// Passages that were never seen before: the cache does not help.
func BenchmarkNewCheckerCold(b *testing.B) {
	sources := benchSources()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for i := range sources {
			sources[i].Title = fmt.Sprintf("Passage %d", n)
		}
		ground.NewChecker(sources)
	}
}

// A passage may be forgotten and made again; what it says stays the same.
func TestManyPassages(t *testing.T) {
	first := passages["en"]
	want := ground.NewChecker(first).Check("In the United Kingdom the late fee is £6.")
	for i := range 3000 {
		c := ground.NewChecker([]ground.Source{{N: 1, Title: "Fees", Text: fmt.Sprintf("The late fee is %d pounds.", i)}})
		if v := c.Check(fmt.Sprintf("The late fee is %d pounds [1].", i)); !v.Supported {
			t.Fatalf("%d: %+v", i, v)
		}
		if v := c.Check(fmt.Sprintf("The late fee is %d pounds [1].", i+1)); v.Supported {
			t.Fatalf("%d: %+v", i, v)
		}
	}
	if d := cmp.Diff(want, ground.NewChecker(first).Check("In the United Kingdom the late fee is £6.")); d != "" {
		t.Error(d)
	}
}

// Checkers of the same passages work side by side.
func TestCheckersInParallel(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				c := ground.NewChecker(passages["en"])
				for _, tc := range cases[:40] {
					if tc.passages == "en" && c.Check(tc.sentence).Supported != tc.ok {
						t.Errorf("%q: not %v", tc.sentence, tc.ok)
					}
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCheckCited(b *testing.B)   { benchCheck(b, benchSentence+" [2].") }
func BenchmarkCheckUncited(b *testing.B) { benchCheck(b, benchSentence+".") }

func benchCheck(b *testing.B, s string) {
	c := ground.NewChecker(benchSources())
	if v := c.Check(s); !v.Supported {
		b.Fatalf("%+v", v)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Check(s)
	}
}

func BenchmarkSplitter(b *testing.B) {
	words := strings.SplitAfter(strings.Repeat(benchSentence+" [2]. ", 4), " ")
	for b.Loop() {
		sp := ground.NewSplitter("en")
		for _, w := range words {
			sp.Push(w)
		}
		sp.Flush()
	}
}
