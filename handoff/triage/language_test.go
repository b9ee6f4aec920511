package triage

import (
	"testing"
)

func TestLanguage(t *testing.T) {
	cases := []struct{ text, hint, want string }{
		{"I was charged twice for the same order", "", "en"}, {"Ich wurde zweimal belastet", "en", "de"}, {"Me han cobrado dos veces el mismo pedido", "en", "es"},
		{"Jag vill avsluta mitt konto och ta bort mina uppgifter", "en", "sv"}, {"je voudrais parler à une personne", "en", "fr"}, {"waar is mijn bestelling gebleven", "en", "nl"},
		{"hvordan kan jeg få pengene mine tilbake", "en", "nb"}, {"dove si trova il mio ordine? non è mai arrivato", "en", "it"}, {"onde está o meu pedido? ainda não chegou", "es", "pt"},
		{"missä tilaukseni on", "sv", "fi"}, {"gdzie jest moje zamówienie", "en", "pl"}, {"siparişim nerede", "en", "tr"},
		{"где мой заказ", "en", "ru"}, {"де моє замовлення, її немає", "en", "uk"}, {"我的订单在哪里", "en", "zh"}, {"注文はどこですか", "en", "ja"}, {"주문은 어디에 있나요", "en", "ko"},
		{"أين طلبي", "en", "ar"}, {"איפה ההזמנה שלי", "en", "he"}, {"πού είναι η παραγγελία μου", "en", "el"}, {"मेरा ऑर्डर कहाँ है", "en", "hi"}, {"คำสั่งซื้อของฉันอยู่ที่ไหน", "en", "th"},
		// short or empty: the conversation's language stays
		{"ok", "sv", "sv"}, {"", "de-DE", "de"}, {"👍", "es", "es"}, {"12345", "sv_SE", "sv"}, {"no", "es", "es"}, {"hallo", "de", "de"}, {"Larkpay", "de", "de"}, {"", "", "en"},
		{"LP-7K2M9QXA", "sv", "sv"}, {"app", "es", "es"},
		// clear enough to overrule the conversation
		{"kann ich bitte mit einem menschen sprechen", "sv", "de"}, {"quiero hablar con una persona", "sv", "es"}, {"can I speak to someone please", "de", "en"}, {"jag har inte fått min återbetalning", "de", "sv"},
	}
	for _, c := range cases {
		if got, p := Language(c.text, c.hint); got != c.want || p <= 0 || p > 1 {
			t.Errorf("Language(%q, %q) = %s (%.2f), want %s", c.text, c.hint, got, p, c.want)
		}
	}
}

// TestLanguageOfExamples: with the right hint nearly every example is understood, without a hint most are.
func TestLanguageOfExamples(t *testing.T) {
	_, examples := demo(t)
	hinted, plain := 0, 0
	for _, e := range examples {
		if l, _ := Language(e.Text, e.Language); l == e.Language {
			hinted++
		}
		if l, _ := Language(e.Text, ""); l == e.Language {
			plain++
		}
	}
	n := float64(len(examples))
	t.Logf("right with the hint %.3f, without %.3f", float64(hinted)/n, float64(plain)/n)
	if float64(hinted)/n < 0.99 || float64(plain)/n < 0.92 {
		t.Errorf("right with the hint %.3f, without %.3f", float64(hinted)/n, float64(plain)/n)
	}
}

func FuzzDetect(f *testing.F) {
	for _, s := range []string{"", "a person please", "\"'„“«\xff", "don't don't don't", "talk to", "ich soll", "\u0301\u200d", "i am 15", typical, "no no no talk to a human"} {
		f.Add(s)
	}
	c := demoClassifier(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, q := range Detect(s) {
			if q.Start < 0 || q.End > len(s) || q.Start >= q.End || s[q.Start:q.End] != q.Evidence || q.P <= 0 || q.P > 1 {
				t.Fatalf("Detect(%q) gives %+v", s, q)
			}
		}
		if l, p := Language(s, "sv"); l == "" || p < 0 || p > 1 {
			t.Fatalf("Language(%q) = %q, %v", s, l, p)
		}
		c.Segments(s)
	})
}
