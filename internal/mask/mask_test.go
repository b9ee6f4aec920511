package mask_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/internal/mask"
)

// Numbers are published test numbers or made to satisfy the checksum.
func TestMasked(t *testing.T) {
	for _, tc := range []struct{ in, want, kind string }{
		{"my card is 4242 4242 4242 4242 ok?", "my card is [card ending 4242] ok?", "card"},
		{"4242424242424242", "[card ending 4242]", "card"},
		{"4242-4242-4242-4242.", "[card ending 4242].", "card"},
		{"4242.4242.4242.4242", "[card ending 4242]", "card"},
		{"5555 5555 5555 4444 12/27", "[card ending 4444] 12/27", "card"},
		{"amex 3782 822463 10005", "amex [card ending 0005]", "card"},
		{"diners 30569309025904", "diners [card ending 5904]", "card"},
		{"call 0701 and use 4242 4242 4242 4242", "call 0701 and use [card ending 4242]", "card"},
		{"order 77 4242 4242 4242 4242", "order 77 [card ending 4242]", "card"},
		{"６２００ 0000 0000 0005 or ４２４２４２４２４２４２４２４２", "[card ending 0005] or [card ending 4242]", "card"},
		{"٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢", "[card ending 4242]", "card"},
		{"card:\n4000\u00a00566\u00a05566\u00a05556", "card:\n[card ending 5556]", "card"},
		{"two: 4242424242424242, 5555555555554444", "two: [card ending 4242], [card ending 4444]", "card"},
		{"4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "[card ending 4242]", "card"},
		{"4111111111111111exp 12/27", "[card ending 1111]exp 12/27", "card"},
		{"x4111111111111111x", "x[card ending 1111]x", "card"},
		{"4111 1111 1111 1111exp", "[card ending 1111]exp", "card"},
		{"4111_1111_1111_1111", "[card ending 1111]", "card"},
		{"4111/1111/1111/1111", "[card ending 1111]", "card"},
		{"4111,1111,1111,1111", "[card ending 1111]", "card"},
		{"4111*1111*1111*1111", "[card ending 1111]", "card"},
		{"4111 | 1111 | 1111 | 1111", "[card ending 1111]", "card"},
		{"4111\u200b1111\u200b1111\u200b1111!", "[card ending 1111]!", "card"},
		{"4\u200d111111111\ufeff111111", "[card ending 1111]", "card"},
		{"\U0001F469\u200d\U0001F467 4111\u00ad1111\u00ad1111\u00ad1111", "\U0001F469\u200d\U0001F467 [card ending 1111]", "card"},
		{"4111 (1111) 1111 [1111]", "[card ending 1111]", "card"},
		{"(4111) 1111 1111 1111 ok", "[card ending 1111] ok", "card"},
		{"3782_822463_10005", "[card ending 0005]", "card"},
		{"[card ending 4242] 12/27 123", "[card ending 4242] 12/27 [security code removed]", "security_code"},
		{"[card ending 4242], exp: 12/2027, 123.", "[card ending 4242], exp: 12/2027, [security code removed].", "security_code"},
		{"4242 – 4242 – 4242 – 4242", "[card ending 4242]", "card"},

		{"IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [IBAN ending 00] please", "iban"},
		{"gb82west12345698765432", "[IBAN ending 32]", "iban"},
		{"ES91 2100 0418 4502 0005 1332.", "[IBAN ending 32].", "iban"},
		{"SE45 5000 0000 0583 9825 7466", "[IBAN ending 66]", "iban"},

		{"card CVV 123", "card CVV [security code removed]", "security_code"},
		{"cvc: 1234, thanks", "cvc: [security code removed], thanks", "security_code"},
		{"the security code is 737", "the security code is [security code removed]", "security_code"},
		{"Prüfziffer lautet 737", "Prüfziffer lautet [security code removed]", "security_code"},
		{"código de seguridad: 737", "código de seguridad: [security code removed]", "security_code"},
		{"737 is my cvv", "[security code removed] is my cvv", "security_code"},

		{"ssn 123-45-6789", "ssn [social security number removed]", "us_ssn"},
		{"my social security number is 123 45 6789", "my social security number is [social security number removed]", "us_ssn"},
		{"my social is 123456789", "my social is [social security number removed]", "us_ssn"},
		{"personnummer 811228-9874", "personnummer [personal identity number removed]", "se_pnr"},
		{"19811228-9874", "[personal identity number removed]", "se_pnr"},
		{"198112289874", "[personal identity number removed]", "se_pnr"},
		{"mitt personnummer är 8112289874", "mitt personnummer är [personal identity number removed]", "se_pnr"},
		{"mi DNI es 12345678Z", "mi DNI es [identity number removed]", "es_dni"},
		{"12.345.678-Z", "[identity number removed]", "es_dni"},
		{"NIE X1234567L.", "NIE [identity number removed].", "es_dni"},
		{"Steuer-ID 86095742719", "Steuer-ID [tax number removed]", "de_tax_id"},
		{"Steuer-ID 86 095 742 719", "Steuer-ID [tax number removed]", "de_tax_id"},
		{"NI number AB123456C", "NI number [insurance number removed]", "uk_nino"},
		{"AB 12 34 56 C", "[insurance number removed]", "uk_nino"},

		{"my password is hunter2", "my password is [password removed]", "password"},
		{"my password is hunter2. Can you log in?", "my password is [password removed]. Can you log in?", "password"},
		{"password: Tr0ub4dor&3", "password: [password removed]", "password"},
		{"pwd=letmein", "pwd=[password removed]", "password"},
		{"my password is swordfish", "my password is [password removed]", "password"},
		{"My password is \"correct horse\"", "My password is \"[password removed]\"", "password"},
		{"Mein Passwort lautet Sommer2024!", "Mein Passwort lautet [password removed]!", "password"},
		{"mein passwort ist geheim123", "mein passwort ist [password removed]", "password"},
		{"mi contraseña es gato123", "mi contraseña es [password removed]", "password"},
		{"mi clave es 4711", "mi clave es [password removed]", "password"},
		{"mitt lösenord är hemligt99", "mitt lösenord är [password removed]", "password"},
		{"my PIN is 4711", "my PIN is [password removed]", "password"},
		{"PIN: 471100", "PIN: [password removed]", "password"},

		{"code 123456", "code [code removed]", "code"},
		{"The code I got is 123456", "The code I got is [code removed]", "code"},
		{"123456 is my code", "[code removed] is my code", "code"},
		{"Der Code ist 123 456", "Der Code ist [code removed]", "code"},
		{"Bestätigungscode: 654321", "Bestätigungscode: [code removed]", "code"},
		{"el código es 987654", "el código es [code removed]", "code"},
		{"koden är 4711", "koden är [code removed]", "code"},
		{"OTP 889900", "OTP [code removed]", "code"},

		{"key sk-proj-abcDEF1234567890abcDEF12", "key [API key removed]", "api_key"},
		{"sk_live_51Habcdefghijklmnop", "[API key removed]", "api_key"},
		{"ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[API key removed]", "api_key"},
		{"AKIAIOSFODNN7EXAMPLE", "[API key removed]", "api_key"},
		{"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "Bearer [API key removed]", "api_key"},
	} {
		got, kinds := mask.Mask(tc.in)
		if got != tc.want {
			t.Errorf("%q\n got %q\nwant %q", tc.in, got, tc.want)
		}
		if len(kinds) != 1 || string(kinds[0]) != tc.kind {
			t.Errorf("%q: kinds %v, want %s", tc.in, kinds, tc.kind)
		}
	}
	got, kinds := mask.Mask("cvv 123, card 4242 4242 4242 4242, cvv 456")
	if got, kinds := mask.Mask("card:4111 1111 1111 1111 12/27 123"); got != "card:[card ending 1111] 12/27 [security code removed]" || len(kinds) != 2 {
		t.Errorf("%q %v", got, kinds)
	}
	if diff := cmp.Diff([]mask.Kind{mask.SecurityCode, mask.Card}, kinds); diff != "" || got != "cvv [security code removed], card [card ending 4242], cvv [security code removed]" {
		t.Errorf("%q %v", got, kinds)
	}
}

func TestLeftAlone(t *testing.T) {
	for _, in := range []string{
		"", "hello", "Where is my refund?", "write to ana.maria-1987@example.com please",
		"call me at +46 70 123 45 67 or 0701-23 45 67", "phone +49 30 901820 1234", "0049 170 1234567", "+1 (415) 555-0132",
		"order 1234567890", "Bestellnummer 100-200-3004", "order LP-7K2M9QXA", "ref LP-4242424242424242", "tracking JD014600003828392837",
		"4242 4242 4242 4241", "1234 5678 9012 3456", // not Luhn valid
		"I paid 1,234.56 GBP on 2024-05-06 and 6.00 on 2024-06-07", "EUR 1.234.567,89", "12.05.2024 13.06.2024", "from 2023-01-01 to 2024-12-31 at 12:30:45",
		"2020 2021 2022 2023 2024", "DE00 3704 0044 0532 0130 00", "DEAR customer 12345678901234567890",
		"ssn 000-12-3456", "123456789", "811228-9875", "811399-9874", "12345678A", "86095742718", "11111111111", "BG123456C", "AB123456E",
		"error code 404123", "Fehlercode 500123", "promo code 123456", "postal code 12345", "código postal 28013", "the country code is 0046", "QR code 123456",
		"the code is wrong", "the code did not come in 30 minutes", "code 12", "I entered the code 3 times",
		"my password is wrong", "my password is not working", "password reset", "how do I change my password?", "Password: how do I change it?", "the password is at least 8 characters",
		"Mein Passwort ist falsch", "mi contraseña es incorrecta", "mitt lösenord är fel", "passwort vergessen, was nun", "is my password safe?",
		"the password is expired.", "password help at https://help.larkpay.example/password-reset-2", "my pin is blocked", "PIN 12",
		"cvv is missing", "the cvv costs 100 EUR", "I paid £100 with code, 250 items", "the code costs 4500 €",
		"the-quick-brown-fox-jumps-over-1", "https://larkpay.example/help/articles/12345678/how-to-pay", "sk-i-am-a-long-sentence-with-dashes",
		"x4111111111111112x", "4111_1111_1111_1112", "ref LP-4111_1111_1111_1111", "id_4111111111111111", "4111/11111/111/1111", "1,234,567,890,123.00", "4,111,111,111,111", "(0701) 23 45 67",
		"[card ending 4242] 12/27 123 EUR", "[card ending 4242] 12/27 123.50", "[card ending 4242] 14/27 123", "[card ending 4242] and order 123", "[card ending 4242] 12/27 £123",
		"zero\u200bwidth and \U0001F469\u200d\U0001F467 and 123\u200b456", "2020/2021/2022/2023", "12/34/5678 (9012) [3456]",
		"v1.2.3.4.5.6.7.8.9.10.11", "1 2 3 4 5 6 7 8 9 10 11 12 13 14", "10:30 - 11:45 - 12:00 - 13:15",
	} {
		if got, kinds := mask.Mask(in); got != in || len(kinds) != 0 {
			t.Errorf("%q became %q %v", in, got, kinds)
		}
	}
}

var pieces = []string{
	"4242 4242 4242 4242", "4242424242424242", "378282246310005", "DE89 3704 0044 0532 0130 00", "gb82west12345698765432", "cvv", "123", "1234", "security code", "code",
	"\u200b", "4111_1111_1111_1111", "x4111111111111111x", "(", ")", "12/27", "/", "_",
	"123456", "is", "my", "password", "hunter2", "pin", "ssn", "123-45-6789", "811228-9874", "198112289874", "12345678Z", "X1234567L", "86095742719", "AB123456C", "sk_live_51Habcdefghijklmnop",
	"[card ending 4242]", "[code removed]", "[", "]", ":", "-", ".", "\n", "+", "£", "١٢٣", "９", "är", "código", "de seguridad", "error", "order", "LP-7K2M9QXA", "0701234567", "removed", "ending", "\xff", "é",
}

func text(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.StringMatching(`[0-9]{1,6}`), rapid.String()), 0, 14).Draw(t, "parts")
	return strings.Join(parts, rapid.SampledFrom([]string{" ", "", "-", ": ", "\n"}).Draw(t, "sep"))
}

func TestIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := text(t)
		once, kinds := mask.Mask(in)
		twice, again := mask.Mask(once)
		if twice != once || len(again) != 0 {
			t.Fatalf("%q -> %q -> %q %v", in, once, twice, again)
		}
		if (once == in) != (len(kinds) == 0) {
			t.Fatalf("%q -> %q with kinds %v", in, once, kinds)
		}
	})
}

// Every card in plain surroundings is found, whatever the grouping.
func TestCardsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := []byte("4" + rapid.StringMatching(`[0-9]{14}`).Draw(t, "digits") + "0")
		for luhnSum(d)%10 != 0 {
			d[15]++
		}
		sep := rapid.SampledFrom([]string{"", " ", "-", ".", "\u00a0", "–"}).Draw(t, "sep")
		card := string(d[:4]) + sep + string(d[4:8]) + sep + string(d[8:12]) + sep + string(d[12:])
		in := rapid.SampledFrom([]string{"", "card ", "Karte: ", "use (", "mi tarjeta es "}).Draw(t, "before") + card + rapid.SampledFrom([]string{"", ".", ", ok", ") please", "\nthanks"}).Draw(t, "after")
		got, _ := mask.Mask(in)
		if strings.Contains(got, card) || !strings.Contains(got, "[card ending "+string(d[12:])+"]") {
			t.Fatalf("%q -> %q", in, got)
		}
	})
}

func luhnSum(d []byte) int {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			v = v*2/10 + v*2%10
		}
		sum += v
	}
	return sum
}

const ordinary = "Hi! I bought shoes last week and sent them back, order LP-7K2M9QXA, but the refund of 49.90 has not come yet. Can you tell me how long it takes? My e-mail is ana@example.com. "

func BenchmarkOrdinary(b *testing.B) {
	b.SetBytes(int64(len(ordinary)))
	b.ReportAllocs()
	for b.Loop() {
		mask.Mask(ordinary)
	}
}

func BenchmarkDigits(b *testing.B) {
	in := ordinary + "Call me on +46 70 123 45 67 or look at order 1234567890."
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		mask.Mask(in)
	}
}

func BenchmarkMasking(b *testing.B) {
	in := ordinary + "My card is 4242 4242 4242 4242, code 123456."
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		mask.Mask(in)
	}
}

// Long hostile inputs: time per byte must not grow with the length.
func BenchmarkHostile(b *testing.B) {
	for name, unit := range map[string]string{"digits": "4242 4242 4242 424 ", "triggers": "password:", "codes": "code is ", "brackets": "[card ending ", "iban": "DE89 3704 0044 0532 0130 01 ", "cards": "4242424242424242 ", "disguised": "4111_1111_1111_1112(", "dates": "[card ending 4242] 12/27 "} {
		for _, size := range []int{10_000, 100_000} {
			in := strings.Repeat(unit, size/len(unit))
			b.Run(name+map[int]string{10_000: "/10k", 100_000: "/100k"}[size], func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				for b.Loop() {
					mask.Mask(in)
				}
			})
		}
	}
}
