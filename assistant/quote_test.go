package assistant

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/kb/demo"
	"github.com/firstline/firstline/retrieval"
)

// demoPassages returns the passages of an article of the demo, as retrieval brings them.
func demoPassages(t testing.TB, file string) []retrieval.Passage {
	t.Helper()
	name := "articles/" + file + ".md"
	raw, err := fs.ReadFile(demo.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := kb.ParseFile(name, raw)
	if err != nil {
		t.Fatal(err)
	}
	var out []retrieval.Passage
	for _, p := range kb.Chunk(d) {
		out = append(out, retrieval.Passage{
			Slug: d.Slug, Variant: d.Variant, Collection: d.Collection, Title: d.Title, Locale: d.Locale, Audience: d.Audience,
			Headings: p.Headings, Anchor: p.Anchor, Markdown: p.Markdown, Text: p.Text,
		})
	}
	return out
}

// demoPassage returns the passage under the heading that contains the words.
func demoPassage(t testing.TB, file, heading string) retrieval.Passage {
	t.Helper()
	for _, p := range demoPassages(t, file) {
		if len(p.Headings) == 0 && heading == "" || len(p.Headings) > 0 && heading != "" && strings.Contains(p.Headings[len(p.Headings)-1], heading) {
			return p
		}
	}
	t.Fatalf("%s has no section %q", file, heading)
	return retrieval.Passage{}
}

// What is quoted of real sections. The files were read by eye; look at every change to them.
func TestQuotes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, heading, question, market, language string }{
		{"late-fee-gb", "en/paying/late-fees", "How much is the late fee", "what is the late fee", "gb", "en"},
		{"late-fee-se", "sv/paying/late-fees", "Hur hög är förseningsavgiften", "vad kostar en påminnelse", "se", "sv"},
		{"late-fee-es", "es/paying/late-fees", "Cuánto es la comisión", "cuánto cuesta pagar tarde", "es", "es"},
		{"late-fee-other-country", "en/paying/late-fees", "How much is the late fee", "and how much would it be in Sweden?", "gb", "en"},
		{"late-fee-days", "en/paying/late-fees", "When exactly", "when is the fee charged", "se", "en"},
		{"late-fee-waived", "en/paying/late-fees", "waived", "can you scrap the charge", "gb", "en"},
		{"reminder-de", "de/paying/late-fees.de", "Wie viel kostet eine Mahnung", "was kostet die Mahnung", "de", "de"},
		{"reminder-in-english-only", "en/paying/snooze-payment", "What does snooze cost", "was kostet ein Aufschub", "de", "de"},
		{"move-date-de", "de/paying/move-due-date", "Wie verschiebe ich die Fälligkeit", "wie verschiebe ich", "de", "de"},
		{"move-how-far-es", "es/paying/move-due-date", "Cuánto puedo mover", "cuántos días puedo mover un pago", "es", "es"},
		{"ways-to-pay-us", "en/paying/how-larkpay-works", "Which ways to pay", "which ways are there", "us", "en"},
		{"methods-gb", "en/paying/payment-methods", "Which payment methods", "can I use amex", "gb", "en"},
		{"plan-rate-de", "en/paying/larkpay-plan", "at what rate", "what is the interest rate", "de", "en"},
		{"plan-cost-es", "en/paying/interest-and-total-cost", "What does a Larkpay Plan cost", "how much interest", "es", "en"},
		{"limits-se", "en/paying/spending-limits", "What are the limits", "how much can I spend with pay in 30", "se", "en"},
		{"advice-gb", "en/hardship/debt-advice", "free advice", "who gives free debt advice", "gb", "en"},
		{"age-us", "en/account/age-and-eligibility", "How old", "how old do I have to be in alabama", "us", "en"},
		{"id-de", "de/account/verify-identity", "Welche Dokumente", "geht auch der Führerschein", "de", "de"},
		{"id-sv", "sv/account/verify-identity", "Vilka handlingar", "duger körkort", "se", "sv"},
		{"shop-or-us-damaged", "en/refunds-and-problems/shop-or-us", "Who solves", "a discount code did not work", "gb", "en"},
		{"shop-or-us-es", "es/refunds-and-problems/shop-or-us", "Quién resuelve", "un código de descuento no funcionó", "es", "es"},
		{"charged-twice-sv", "sv/paying/charged-twice", "Är det verkligen", "två dragningar varav en är reserverad", "se", "sv"},
		{"hours-es", "es/help-and-complaints/support-hours", "Cuándo puedo chatear", "a qué hora abrís el sábado", "es", "es"},
		{"transfer-gb", "en/paying/bank-transfer", "How long does a bank transfer", "how long till a transfer is there", "gb", "en"},
		{"mandate", "en/paying/direct-debit-mandate", "When does a new mandate", "when is my mandate active", "de", "en"},
		{"steps-close-account", "en/account/close-account", "How do I close", "close my account", "gb", "en"},
		{"lead-refund-timing", "de/refunds-and-problems/refund-timing", "", "wann kommt mein Geld", "de", "de"},
		{"address-long", "en/account/change-name-or-address", "How do I change my home", "change my address", "gb", "en"},
		{"merchant-fees", "de/merchant/merchant-fees", "Welche Gebühren", "welche gebühren zahlt ein händler", "de", "de"},
		{"customs-postal", "en/abroad/customs-and-duties", "Why does the carrier", "carrier wants money before handing over the parcel", "gb", "en"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := demoPassage(t, c.file, c.heading)
			q := quoteSection(p, c.question, c.market)
			got := q.around(p, helpURL(p.Slug, p.Anchor, p, c.market), c.language) + "\n\n--- cited as\n" + shorten(q.text) + "\n"
			golden := filepath.Join("testdata", "quotes", c.name+".md")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("look at it, and run with -update:\n%s", d)
			}
		})
	}
}

var aNumberedLine = regexp.MustCompile(`(?m)^\d+\. .*$`)

// What holds for every section of the demo, whatever is asked in whichever market.
func TestQuoteEverySection(t *testing.T) {
	t.Parallel()
	sections := 0
	err := fs.WalkDir(demo.FS, "articles", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) != ".md" {
			return err
		}
		for _, p := range unguided(demoPassages(t, strings.TrimSuffix(strings.TrimPrefix(name, "articles/"), ".md"))) { // guides are quoted as lists
			sections++
			for _, market := range []string{"gb", "us", "de", "es", "se"} {
				for _, question := range []string{"", strings.Join(p.Headings, " ")} {
					checkQuote(t, name, p, quoteSection(p, question, market))
				}
			}
		}
		return nil
	})
	if err != nil || sections < 1000 {
		t.Fatalf("%d sections, %v", sections, err)
	}
}

func checkQuote(t *testing.T, name string, p retrieval.Passage, q quotation) {
	t.Helper()
	if strings.TrimSpace(q.markdown) == "" || strings.TrimSpace(q.text) == "" {
		t.Errorf("%s %q: nothing is quoted", name, p.Headings)
	}
	if strings.Contains(q.markdown, "](/help/") && !strings.Contains(q.markdown, "?locale=") {
		t.Errorf("%s %q: a link without language and market", name, p.Headings)
	}
	steps := aNumberedLine.FindAllString(p.Markdown, -1)
	if n := len(aNumberedLine.FindAllString(q.markdown, -1)); n != 0 && n != len(steps) {
		t.Errorf("%s %q: %d of %d steps", name, p.Headings, n, len(steps))
	}
	if n := len([]rune(q.markdown)); n > 1100 && len(steps) == 0 && !strings.HasPrefix(q.markdown, "|") { // links grow by their query
		t.Errorf("%s %q: %d characters", name, p.Headings, n)
	}
	if !q.part && strings.Count(p.Markdown, "\n|") != strings.Count(q.markdown, "\n|") {
		t.Errorf("%s %q: a row was left out and nobody says so", name, p.Headings)
	}
}

// Shapes that the demo does not have.
func TestQuoteShapes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A sentence that fills the section without saying much. ", 9)
	for _, c := range []struct {
		name, markdown, question string
		holds, never             []string
		part                     bool
	}{
		{"a remark between steps", long + "First do this:\n\n1. Open **Help**.\n2. Press send.\n\nYou get a mail.\n\n3. Confirm it.\n\n" + long + "\n\n" + long, "how do I confirm",
			[]string{"First do this:", "1. Open", "You get a mail.", "3. Confirm"}, nil, true},
		{"a table with its colon", long + "\n\n" + long + "\n\nWhat a lamp costs, and its insurance:\n\n| Colour | Insurance |\n|---|---|\n" + strings.Repeat("| red | "+long[:130]+" |\n", 6) + "\n" + long, "insurance red",
			[]string{"What a lamp costs", "| red |"}, nil, true},
		{"the part that is asked about, with what introduces it", "In short, it depends.\n\n" + long + "\n\n" + long + "\n\nThese parcels are insured:\n\n- lamps\n- chairs", "are lamps insured",
			[]string{"In short, it depends.", "These parcels are insured:", "- lamps", "- chairs"}, nil, true},
		{"a country that is excepted", "| Who | Fee |\n|---|---|\n| everywhere but not in Spain | 3 |\n| United Kingdom | 4 |\n| Spain | 5 |", "fee",
			[]string{"not in Spain | 3", "United Kingdom | 4"}, []string{"5"}, true},
		{"rows of other countries", "| Who | Fee |\n|---|---|\n| Germany and Spain | 3 |\n| United Kingdom | 4 |\n| all | 9 |", "fee", []string{"United Kingdom | 4", "all | 9"}, []string{"Germany"}, true},
		{"a country that has no column stays told", "| | de | es |\n|---|---|---|\n| Fee | 1 | 2 |", "fee", []string{"| | de | es |"}, nil, false},
		{"words that look like codes", "| a | es |\n|---|---|\n| de | it is |", "fee", []string{"| a | es |"}, nil, false},
		{"a country that is asked for and is not in the table", "| | gb | es |\n|---|---|---|\n| Fee | 1 | 2 |", "what is the fee in Germany", []string{"| | gb | es |"}, nil, false},
		{"a country by another name", "| | gb | es |\n|---|---|---|\n| Fee | 1 | 2 |", "what is the fee in Northern Ireland", []string{"| 1 |"}, []string{"| 2 |"}, true},
		{"a pipe in a cell", "| a \\| b | gb | es |\n|---|---|---|\n| x \\| y | 1 | 2 |", "fee", []string{`x \| y | 1 |`}, []string{"| 2 |"}, true},
		{"links", "See [dates](/help/move-due-date#how) and [a site](https://x.example/help/a), [m](/help/m?market=se).\n\n[d]: /help/defined",
			"", []string{"(/help/move-due-date?locale=en&market=gb#how)", "(https://x.example/help/a)", "(/help/m?market=se)", "[d]: /help/defined?locale=en&market=gb"}, nil, false},
		{"code stays as it is", "Send it:\n\n```\n[a](/help/a)\n1. no step\n```", "send", []string{"[a](/help/a)\n1. no step"}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := quoteSection(retrieval.Passage{Slug: "a", Locale: "en", Audience: "consumer", Markdown: c.markdown}, c.question, "gb")
			for _, s := range c.holds {
				if !strings.Contains(q.markdown, s) {
					t.Errorf("without %q:\n%s", s, q.markdown)
				}
			}
			for _, s := range c.never {
				if strings.Contains(q.markdown, s) {
					t.Errorf("with %q:\n%s", s, q.markdown)
				}
			}
			if q.part != c.part {
				t.Errorf("part %t:\n%s", q.part, q.markdown)
			}
		})
	}
}

// A customer who asks what a heading says is shown that section, and not one below it.
func TestQuoteWhatIsAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, first, question, want string }{
		{"en/paying/move-due-date", "Until when", "How do I move my due date?", "How do I move the due date?"},
		{"en/paying/move-due-date", "How do I move", "until when can I move the due date", "Until when can I move the due date?"},
		{"sv/paying/move-due-date", "Hur länge", "hur flyttar jag förfallodagen", "Hur flyttar jag förfallodagen?"},
		{"en/paying/move-due-date", "Do the other", "what does it cost to move it", "Do the other payments move too?"},
	} {
		all := demoPassages(t, c.file)
		first := demoPassage(t, c.file, c.first)
		other := demoPassage(t, c.file, c.want)
		other.VersionID, other.Anchor = uuid.New(), "elsewhere" // of another article
		found := append([]retrieval.Passage{first, other}, all...)
		got := askedFirst(found, c.question)[0]
		if got.VersionID != uuid.Nil || got.Headings[len(got.Headings)-1] != c.want {
			t.Errorf("%q: %q of %q", c.question, got.Headings, got.VersionID)
		}
		if found[0].Anchor != first.Anchor {
			t.Errorf("%q: the passages were moved", c.question)
		}
	}
}

// A word that the whole section is about sets no row of its table apart.
func TestQuoteRowsApart(t *testing.T) {
	t.Parallel()
	p := demoPassage(t, "de/security/login-code-missing", "Warum kommt kein Code")
	if q := quoteSection(p, "Der Code kommt nicht an", "de"); strings.Count(q.markdown, "\n|") != strings.Count(p.Markdown, "\n|") {
		t.Errorf("rows are left out:\n%s", q.markdown)
	}
	q := quoteSection(p, "Der Code kommt nicht an, mein Postfach ist voll", "de")
	if !strings.Contains(q.markdown, "| Postfach voll |") || strings.Count(q.markdown, "\n|") >= strings.Count(p.Markdown, "\n|") {
		t.Errorf("not the row that is asked about:\n%s", q.markdown)
	}
}

func BenchmarkQuoteSection(b *testing.B) {
	p := demoPassage(b, "en/refunds-and-problems/shop-or-us", "Who solves")
	for b.Loop() {
		quoteSection(p, "a discount code did not work", "gb")
	}
}
