package kb

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func chunk(md string) []Passage {
	return Chunk(Document{Slug: "a", Collection: "refunds-and-problems", Locale: "en", Title: "Title", Markdown: md})
}

// pad makes a paragraph too long to be joined with a neighbour.
func pad(word string) string { return strings.TrimSpace(strings.Repeat(word+" ", 90/(len(word)+1)+1)) }

// outline writes passages as "path #anchor: text", with padding words collapsed.
func outline(ps []Passage) []string {
	var out []string
	for _, p := range ps {
		var words []string
		for _, w := range strings.Fields(strings.ReplaceAll(p.Text, "\n", " / ")) {
			if len(words) == 0 || words[len(words)-1] != w {
				words = append(words, w)
			}
		}
		out = append(out, fmt.Sprintf("%s #%s: %s", strings.Join(p.Headings, " > "), p.Anchor, strings.Join(words, " ")))
	}
	return out
}

func TestChunk(t *testing.T) {
	for _, c := range []struct {
		name, md string
		want     []string
	}{
		{"lead and sections", "lead\n\n## One\n" + pad("a") + "\n\n### Deeper\n" + pad("b") + "\n\n## Two\n" + pad("c"),
			[]string{" #: lead", "One #one: a", "One > Deeper #deeper: b", "Two #two: c"}},
		{"no lead", "## One\nx", []string{"One #one: x"}},
		{"lead only", "x", []string{" #: x"}},
		{"setext headings", "One\n===\n" + pad("a") + "\n\nTwo\nlines\n---\n" + pad("b"),
			[]string{"One #one: a", "One > Two lines #two-lines: b"}},
		{"same heading twice", "## Fees\n" + pad("a") + "\n## Fees\n" + pad("b") + "\n## Fees-1\n" + pad("c"),
			[]string{"Fees #fees: a", "Fees #fees-1: b", "Fees-1 #fees-1-1: c"}},
		{"unicode anchors", "## ¿Qué pasa, si PAGO tarde?\n" + pad("a") + "\n## Größe & Übersicht\n" + pad("b") + "\n## 支払い\nx",
			[]string{"¿Qué pasa, si PAGO tarde? #qué-pasa-si-pago-tarde: a", "Größe & Übersicht #größe--übersicht: b", "支払い #支払い: x"}},
		{"anchor of no letters", "## ?!\nx\n", []string{"?! #section: x"}},
		{"heading with markup", "## Pay *in* [4](/x) `now` ##\nx", []string{"Pay in 4 now #pay-in-4-now: x"}},
		{"level four stays inside", "## One\n" + pad("a") + "\n#### Note\nb", []string{"One #one: a / Note / b"}},
		{"short subsection joins its sibling", "## One\n### A\n" + pad("a") + "\n### B\nb", []string{"One > A #a: a / B / b"}},
		{"short subsections join the introduction", "## One\n" + pad("i") + "\n### A\na\n### B\nb\n### C\n" + pad("c"),
			[]string{"One #one: i / A / a / B / b", "One > C #c: c"}},
		{"short introduction joins the subsection", "## One\ni\n### A\n" + pad("a"), []string{"One > A #a: i / a"}},
		{"short section under its own question stands", "## One\na\n## Two\nb", []string{"One #one: a", "Two #two: b"}},
		{"heading without text", "lead\n## One\n## Two\n" + pad("b"), []string{" #: lead / One", "Two #two: b"}},
		{"first headings without text", "## One\n### Deep\n## Two\n" + pad("b"), []string{"Two #two: One / Deep / b"}},
		{"only headings", "## One\n## Two", []string{"Two #two: One"}},
		{"steps keep numbers", "3. Open **Wallet**\n   and wait\n   - for A\n   - for B\n4. Tap [Pay](/help/x)",
			[]string{" #: 3. Open Wallet and wait / for A / for B / 4. Tap Pay"}},
		{"table rows stand alone", "| | gb | us |\n|---|---|:-:|\n| Grace | 7 days | 10 \\| 11 |\n| Fee | | [USD 7](/x) |",
			[]string{" #: Grace; gb: 7 days; us: 10 | 11 / Fee; us: USD 7"}},
		{"table without rows", "| a | b |\n|---|---|", []string{" #: a; b"}},
		{"inline things", "a&nbsp;&amp; b\\*c `d*e` ~~f~~ ![a screen](x.png \"t\") <b>g</b><br>h <https://e.example> \nnext",
			[]string{" #: a & b*c d*e f a screen g h https://e.example next"}},
		{"code, quotes, html", "```go\nx := 1\n```\n\n> quote\n> ## in quote\n\n<div>gone</div>\n\n* * *\n\n- [ ] todo\n\n    y = 2",
			[]string{" #: x := 1 / quote / in quote / todo / y = 2"}},
		{"heading like lines in code", "```\n## not a heading\n```\n## Real\nx", []string{" #: ## not a heading", "Real #real: x"}},
		{"html only", "<div>\nx\n</div>", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, outline(chunk(c.md))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestChunkMarkdown(t *testing.T) {
	md := "Read [this][Ref].\n\n<p>kept</p>\n\n## Pay\n\n    indented\n\n1. one\n2. two\n\n## More\n\n" + pad("x") + "\n\n[ref]: https://e.example 'T'\n"
	got := chunk(md)
	want := []string{
		"Read [this][Ref].\n\n<p>kept</p>\n\n[ref]: https://e.example 'T'",
		"    indented\n\n1. one\n2. two",
		pad("x") + "\n\n[ref]: https://e.example 'T'",
	}
	for i, p := range got {
		if i >= len(want) || p.Markdown != want[i] || p.Ordinal != i {
			t.Errorf("passage %d (ordinal %d): %q", i, p.Ordinal, p.Markdown)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d passages, want %d", len(got), len(want))
	}
}

func TestChunkHashIsOfWhatIsEmbedded(t *testing.T) {
	p := chunk("## Fees\nSeven euros")[0]
	want := sha256.Sum256([]byte("refunds and problems > Title > Fees\nSeven euros"))
	if !bytes.Equal(p.Hash, want[:]) {
		t.Errorf("hash %x, want %x", p.Hash, want)
	}
}

func TestChunkCutsLongSections(t *testing.T) {
	var md strings.Builder
	md.WriteString("## Fees\n\nThe fees are:\n\n| Country | Fee |\n|---|---|\n")
	for i := range 60 {
		fmt.Fprintf(&md, "| Country number %d | the fee of this country is %d |\n", i, i)
	}
	md.WriteString("\nDo this:\n\n")
	for i := range 40 {
		fmt.Fprintf(&md, "%d. Step %d has words enough to fill the line well, and more\n   - with a detail %d below it\n", i+1, i, i)
	}
	ps := chunk(md.String())
	if len(ps) < 4 {
		t.Fatalf("%d passages", len(ps))
	}
	for i, p := range ps {
		if n := utf8.RuneCountInString(p.Text); n > passageMost+passageLeast {
			t.Errorf("passage %d has %d characters", i, n)
		}
		if p.Anchor != "fees" {
			t.Errorf("passage %d has anchor %q", i, p.Anchor)
		}
		for _, line := range strings.Split(p.Text, "\n") {
			if strings.Contains(line, "number") && !strings.HasPrefix(line, "Country: Country number ") {
				t.Errorf("row without its columns: %q", line)
			}
		}
		last := p.Markdown[strings.LastIndexByte(p.Markdown, '\n')+1:]
		if strings.HasSuffix(last, ":") {
			t.Errorf("passage %d ends with what introduces the next: %q", i, last)
		}
		if strings.HasPrefix(strings.TrimSpace(p.Markdown), "- with") {
			t.Errorf("passage %d begins in the middle of a step", i)
		}
		// Each piece of a table is a table: its Markdown gives the same words again.
		again := Chunk(Document{Collection: "refunds-and-problems", Title: "Title", Markdown: "## Fees\n" + p.Markdown})
		if len(again) != 1 || again[0].Text != p.Text {
			t.Errorf("passage %d reads differently by itself:\n%s", i, p.Markdown)
		}
	}
	if !strings.HasPrefix(ps[1].Markdown, "| Country | Fee |\n|---|---|\n| Country number ") {
		t.Errorf("second piece of the table starts with %q", ps[1].Markdown[:60])
	}
}

func TestChunkKeepsIntroductionsWithWhatTheyIntroduce(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 340))
	ps := chunk("## Fees\n\n" + long + "\n\n#### Steps\n\nDo this:\n\n1. " + pad("one") + "\n2. two\n")
	if len(ps) != 2 || !strings.HasPrefix(ps[1].Markdown, "#### Steps\n\nDo this:\n\n1. one") || !strings.HasPrefix(ps[1].Text, "Steps\nDo this:\n1. one") {
		t.Errorf("%d passages: %q", len(ps), outline(ps))
	}
	// Nothing but introductions is not a passage.
	ps = chunk("## Fees\n\nDo this:\n\n1. " + strings.Repeat("word ", 350) + "\n2. two\n")
	if len(ps) != 1 || !strings.HasPrefix(ps[0].Text, "Do this:\n1. word") {
		t.Errorf("%d passages: %q", len(ps), outline(ps))
	}
}

var token = regexp.MustCompile(`\b[bhtc]\d+z\b`)

// articlesOfTokens draws Markdown in which every word is unique: b1z in bodies, h1z in headings, t1z in table headers,
// c1z in what is dropped.
func articlesOfTokens() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		n := 0
		word := func(kind string) string { n++; return fmt.Sprintf("%s%dz", kind, n) }
		words := func(kind string, most int) string {
			out := make([]string, rapid.IntRange(1, most).Draw(t, "words"))
			for i := range out {
				w := word(kind)
				switch rapid.IntRange(0, 12).Draw(t, "markup") {
				case 0:
					w = "**" + w + "**"
				case 1:
					w = "[" + w + "](/help/x-" + word("c") + ")"
				case 2:
					w = "`" + w + "`"
				case 3:
					w = "![" + w + "](/" + word("c") + ".png)"
				case 4:
					w = "<i>" + w + "</i>"
				case 5:
					w = "~~" + w + "~~"
				case 6:
					w += " &amp;"
				}
				out[i] = w
			}
			return strings.Join(out, " ")
		}
		var b strings.Builder
		for range rapid.IntRange(0, 12).Draw(t, "blocks") {
			size := rapid.SampledFrom([]int{2, 10, 60}).Draw(t, "size")
			switch rapid.IntRange(0, 9).Draw(t, "block") {
			case 0, 1:
				b.WriteString(strings.Repeat("#", rapid.IntRange(1, 5).Draw(t, "level")) + " " + words("h", 4))
			case 2:
				b.WriteString(words("h", 3) + "\n" + rapid.SampledFrom([]string{"===", "---"}).Draw(t, "underline"))
			case 3:
				b.WriteString("| " + words("t", 2) + " | " + words("t", 2) + " |\n|---|---|")
				for range rapid.IntRange(1, size).Draw(t, "rows") {
					b.WriteString("\n| " + words("b", 8) + " | " + words("b", 8) + " |")
				}
			case 4, 5:
				ordered := rapid.Bool().Draw(t, "ordered")
				for i := range rapid.IntRange(1, size).Draw(t, "items") {
					mark := "- "
					if ordered {
						mark = fmt.Sprintf("%d. ", i+1)
					}
					b.WriteString(mark + words("b", 8) + "\n")
					if rapid.IntRange(0, 3).Draw(t, "nested") == 0 {
						b.WriteString("    - " + words("b", 8) + "\n")
					}
				}
			case 6:
				b.WriteString("```\n# " + word("c") + "\n```")
			case 7:
				b.WriteString("<div>\n" + word("c") + "\n</div>")
			case 8:
				b.WriteString("> " + words("b", size))
			default:
				b.WriteString(words("b", size) + rapid.SampledFrom([]string{"", ":"}).Draw(t, "end"))
			}
			b.WriteString("\n\n")
		}
		return b.String()
	})
}

func TestChunkLosesAndDoublesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		md := articlesOfTokens().Draw(t, "article")
		ps := chunk(md)
		inText, inHeadings, inMarkdown := map[string]int{}, map[string]int{}, map[string]int{}
		anchorsOf := map[string]bool{"": true}
		for _, h := range Anchors(md) {
			if anchorsOf[h.Anchor] {
				t.Fatalf("anchor %q twice", h.Anchor)
			}
			anchorsOf[h.Anchor] = true
		}
		for i, p := range ps {
			if p.Ordinal != i || !anchorsOf[p.Anchor] || p.Text == "" && len(p.Headings) == 0 {
				t.Fatalf("passage %d: %+v", i, p)
			}
			for _, w := range token.FindAllString(p.Text, -1) {
				inText[w]++
			}
			for _, w := range token.FindAllString(strings.Join(p.Headings, " "), -1) {
				inHeadings[w]++
			}
			for _, w := range token.FindAllString(p.Markdown, -1) {
				inMarkdown[w]++
			}
			if strings.ContainsAny(p.Text, "*[]<>") {
				t.Fatalf("markup in %q", p.Text)
			}
		}
		code := regexp.MustCompile("(?s)```.*?```").FindAllString(md, -1)
		for _, w := range token.FindAllString(md, -1) {
			switch w[0] {
			case 'b':
				if inText[w] != 1 || inMarkdown[w] != 1 {
					t.Fatalf("%s is %d times in texts, %d times in Markdown of\n%s", w, inText[w], inMarkdown[w], md)
				}
			case 'h':
				if inText[w] > 1 || inText[w]+inHeadings[w] == 0 || inMarkdown[w] != inText[w] {
					t.Fatalf("heading %s is %d times in texts, %d in paths, %d in Markdown of\n%s", w, inText[w], inHeadings[w], inMarkdown[w], md)
				}
			case 't':
				if inText[w] == 0 || inMarkdown[w] == 0 {
					t.Fatalf("column %s is lost from\n%s", w, md)
				}
			case 'c':
				kept := 0
				if strings.Contains(strings.Join(code, " "), w) {
					kept = 1
				}
				if inText[w] != kept {
					t.Fatalf("%s is %d times in texts, want %d, in\n%s", w, inText[w], kept, md)
				}
			}
		}
	})
}

// TestChunkTakesAnything holds for any text: no panic, passages and rendering agree on anchors.
func TestChunkTakesAnything(t *testing.T) {
	piece := rapid.OneOf(rapid.SampledFrom([]string{"\n", "\n\n", "# ", "## ", "### ", "#", "- ", "1. ", "  ", "    ", "> ", "|", "|---|", "|---|---|\n", "```\n", "~~~", "---\n", "===\n", "[a]: /x\n", "[a]", "<div>\n", "<!--", "-->", "<b>", "a", "b c", "**", "`", "![", "](", ")", "\\", "&amp;", "\t", "http://a.example ", "é"}), rapid.StringN(0, 3, -1))
	rapid.Check(t, func(t *rapid.T) {
		md := strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "pieces"), "")
		heads := map[string]bool{"": true}
		html, toc := RenderHTML(md, RenderOptions{})
		for _, h := range toc {
			heads[h.Anchor] = true
			if !strings.Contains(html, ` id="`+h.Anchor+`"`) {
				t.Fatalf("no id %q in %s", h.Anchor, html)
			}
		}
		for _, p := range chunk(md) {
			if !heads[p.Anchor] {
				t.Fatalf("anchor %q is not on the page", p.Anchor)
			}
		}
	})
}

func BenchmarkChunk(b *testing.B) {
	d := Document{Collection: "c", Title: "t", Markdown: strings.Repeat("## Heading\n\nA paragraph with [a link](/help/x) and **bold** words that go on for a while.\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n", 8)}
	for b.Loop() {
		Chunk(d)
	}
}
