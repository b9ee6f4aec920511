package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
)

func page(t *testing.T, p Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := WritePage(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func fullPage(t *testing.T) string {
	older := sample()
	older.Entries[0].Cases[0].Score, older.Entries[0].Cases[1].Score = 1, 0
	older.Entries = older.Entries[:3]
	changes := Compare(older, sample())
	floors, err := CheckFloors(sample().Entries, []Floor{{Metric: "ndcg@10", Value: 0.5}, {Metric: "wrong", Value: 0.001, Ceiling: true}})
	if err != nil {
		t.Fatal(err)
	}
	return page(t, Page{Report: sample(), Floors: floors, Changes: &changes})
}

// The page is well-formed, stands alone, and every picture is described and has its numbers beside it.
func TestPageIsSound(t *testing.T) {
	t.Parallel()
	html := fullPage(t)
	decoder := xml.NewDecoder(strings.NewReader(html))
	ids, links := map[string]bool{}, []string{}
	var open []string
	pictures, titles, descriptions, tables := 0, 0, 0, 0
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			in := strings.Join(open, " ")
			switch name {
			case "script", "link", "img", "iframe", "object", "image", "use", "foreignObject":
				t.Errorf("the page has a <%s>", name)
			case "svg":
				pictures++
			case "title":
				if strings.HasSuffix(in, "svg") {
					titles++
				}
			case "desc":
				descriptions++
			case "table":
				if strings.HasSuffix(in, "figure details") {
					tables++
				}
			}
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "id":
					if ids[a.Value] {
						t.Errorf("two elements are called %s", a.Value)
					}
					ids[a.Value] = true
				case "href":
					links = append(links, a.Value)
				case "aria-labelledby":
					for _, id := range strings.Fields(a.Value) {
						links = append(links, "#"+id)
					}
				case "src", "srcset", "xlink:href", "onclick", "onload":
					t.Errorf("<%s %s=%q>", name, a.Name.Local, a.Value)
				}
			}
			open = append(open, name)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] == "desc" && len(token) < 20 {
				t.Errorf("description %q", token)
			}
		}
	}
	// Four of the questions, four of the detector, three of the topics: no curve of P, which is the same for all of them,
	// would be missing, as right and wrong ones are there.
	if pictures != 4+4+4 || titles != pictures || descriptions != pictures || tables != pictures {
		t.Errorf("%d pictures, %d titles, %d descriptions, %d tables", pictures, titles, descriptions, tables)
	}
	for _, l := range links {
		if !strings.HasPrefix(l, "#") || !ids[l[1:]] {
			t.Errorf("a link leads nowhere: %s", l)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "http:", "https:", "//", "url(", "@import", "ZgotmplZ", "<script", "%!"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q: %s", bad, around(html, bad))
		}
	}
}

func around(text, part string) string {
	at := strings.Index(text, part)
	return text[max(0, at-80):min(len(text), at+80)]
}

func TestPageSaysWhatWasFound(t *testing.T) {
	t.Parallel()
	html := fullPage(t)
	for _, want := range []string{
		"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; where?", "Article &lt;A&gt; &amp; more", "not among those found", "found in place 2",
		"1 of 2 missed", "at most 0.001", "Only in the older report", "Not in the older report: suites/demo", "score 1.00,", "Can it tell urgent from other?", "Can it tell right from wrong?",
		"all others", "6 others summed", ">nDCG@10<", `lang="en"`, `name="viewport"`, "prefers-color-scheme: dark", "@media print",
	} {
		if strings.Contains(html, want) == (want == "Only in the older report") {
			t.Errorf("the page and %q", want)
		}
	}
	if short := page(t, Page{}); !strings.HasPrefix(short, "<!doctype html>") || strings.Contains(short, "<svg") || strings.Contains(short, "Floors") {
		t.Error("a page of nothing shows something")
	}
}

// The surest of the wrong ones come first; a detector that missed one was sure that it was of no class.
func TestWorst(t *testing.T) {
	t.Parallel()
	confident, lowest := worst(sample().Entries[0])
	if len(confident) != 3 || confident[0].P != 0.9 || confident[1].P != 0.4 || len(lowest) != 0 {
		t.Errorf("wrong %+v, lowest %+v", confident, lowest)
	}
	confident, _ = worst(sample().Entries[1])
	if len(confident) != 2 || confident[0].P != 0.2 || confident[1].P != 0.7 {
		t.Errorf("missed at 0.2, alarmed at 0.7: %+v", confident)
	}
	e := Entry{Area: Retrieval, Cases: []Case{{Outcome: true, Score: 0.9}, {Outcome: true, Score: 0.4}, {Outcome: true, Score: 1}}}
	if _, lowest = worst(e); len(lowest) != 2 || lowest[0].Score != 0.4 {
		t.Errorf("lowest %+v", lowest)
	}
}

func TestConfusion(t *testing.T) {
	t.Parallel()
	topics := sample().Entries[2]
	c := confuse(topics.Cases, topics.title)
	// Topics A to Z and five more; 25 stand by themselves.
	if len(c.Classes) != manyClasses+1 || c.Rest != 31-manyClasses || len(c.Rows) != len(c.Classes) {
		t.Fatalf("%d classes, %d rest", len(c.Classes), c.Rest)
	}
	all, right := 0, 0
	for i, row := range c.Rows {
		sum := 0
		for k, cell := range row.Cells {
			sum += cell.N
			if cell.Right != (i == k && i < manyClasses) || cell.Mixed != (i == k && i == manyClasses) {
				t.Errorf("cell %d, %d: %+v", i, k, cell)
			}
			if cell.Right {
				right += cell.N
			}
		}
		if sum != row.All {
			t.Errorf("row %s: %d of %d", row.Class, sum, row.All)
		}
		all += sum
	}
	if all != len(topics.Cases) || right != manyClasses {
		t.Errorf("%d cases, %d right ones in the large classes", all, right)
	}
	if len(c.Common) != manyMixUps || c.Common[0].N != 1 {
		t.Errorf("mix-ups %+v", c.Common)
	}
	either := confuse([]Case{{Want: []string{"a", "b"}, Got: []string{"b"}}, {Want: []string{"a"}}}, func(s string) string { return s })
	if either.Rows[0].All+either.Rows[1].All+either.Rows[2].All != 2 || len(either.Classes) != 3 {
		t.Errorf("%+v", either)
	}
}

// Whatever is drawn stays within the frame.
func TestPlotsStayInside(t *testing.T) {
	t.Parallel()
	var cases []Case
	for i := range 500 {
		cases = append(cases, Case{ID: fmt.Sprint(i), P: float64(i%101) / 100, Outcome: i%101 > i%89})
	}
	numbers := regexp.MustCompile(`-?\d+\.\d+`)
	for _, p := range pictures(Entry{Area: Retrieval, Cases: cases}, "x") {
		for _, n := range numbers.FindAllString(regexp.MustCompile(` (d|x|y|cx|cy)="[^"]*"`).FindString(string(p.SVG)), -1) {
			var v float64
			if _, err := fmt.Sscan(n, &v); err != nil || v < 0 || v > plotWidth {
				t.Errorf("%s: %s", p.Title, n)
			}
		}
		if len(p.Rows) == 0 || len(p.Rows[0]) != len(p.Heads) {
			t.Errorf("%s has no table: %v", p.Title, p.Heads)
		}
		if len(p.SVG) > 40_000 {
			t.Errorf("%s takes %d bytes", p.Title, len(p.SVG))
		}
	}
	for v, want := range map[float64]float64{0: 1, 0.09: 0.1, 0.1: 0.1, 0.11: 0.15, 1166: 1500, 48: 50, 51: 75, 76: 100} {
		if got := roundUp(v); got < want*(1-1e-9) || got > want*(1+1e-9) {
			t.Errorf("roundUp(%v) = %v", v, got)
		}
	}
}
