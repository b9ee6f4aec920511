package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"format": format, "long": func(name string) string { return describe(name).long }, "percent": percent,
	"difference": FigureChange.Difference, "none": orNone, "tone": FigureChange.tone, "pair": Change.show, "brief": brief,
	"plain": func(name string) string { return strings.ReplaceAll(name, "_", " ") },
}).Parse(pageText))

// Page is what WritePage shows: a report and, where there are any, floors that were checked and changes since another
// report.
type Page struct {
	Report
	Floors  []Verdict
	Changes *Comparison
}

// WritePage writes one page that needs nothing but itself: no script, no picture, no font from anywhere.
func WritePage(w io.Writer, p Page) error {
	view := pageView{Page: p}
	n := 0
	for _, a := range areas {
		entries := p.of(a)
		if len(entries) == 0 {
			continue
		}
		area := areaView{Title: heads[a].title, Thing: heads[a].thing, Columns: summary(entries)}
		area.Facts = slices.DeleteFunc(factColumns(entries), func(name string) bool { return isLong(entries, name) })
		for _, e := range entries {
			n++
			area.Entries = append(area.Entries, viewOf(e, "e"+strconv.Itoa(n)))
		}
		view.Areas = append(view.Areas, area)
	}
	for _, v := range p.Floors {
		if !v.Met {
			view.Missed++
		}
	}
	return pageTemplate.Execute(w, view)
}

type pageView struct {
	Page
	Areas  []areaView
	Missed int // floors
}

type areaView struct {
	Title, Thing   string
	Facts, Columns []string
	Entries        []entryView
}

type entryView struct {
	Entry
	ID        string
	Tiles     []tile
	Pictures  []picture
	Confusion *confusion
	Parts     []part
	Worst     []caseView // wrong, the most confident first
	Lowest    []caseView // of the rest, the lowest score first
}

// All lists every figure of the entry.
func (e entryView) All() []string { return columns([]Entry{e.Entry}) }

// Value is a figure as text.
func (e entryView) Value(name string) string { return format(name, e.value(name), 3) }

// tile is a figure that a reader should see first.
type tile struct{ Value, Name string }

// manyTiles is how many figures stand above the plots of an entry.
const manyTiles = 5

// headline lists the figures that say most, the most important first. An entry shows those that it has.
var headline = []string{"ndcg@10", "top1_accuracy", "accuracy", "macro_f1", "recall", "precision", "fpr", "top1_auroc", "auroc", "top1_ece", "ece", "precision_surest_half"}

func viewOf(e Entry, id string) entryView {
	e.Cases = finiteCases(e.Cases)
	v := entryView{Entry: e, ID: id, Pictures: pictures(e, id), Parts: parts(e)}
	for _, name := range headline {
		if x := e.value(name); !math.IsNaN(x) && len(v.Tiles) < manyTiles {
			v.Tiles = append(v.Tiles, tile{format(name, x, 3), describe(name).long})
		}
	}
	if e.Classes {
		v.Confusion = confuse(e.Cases, e.title)
	}
	v.Worst, v.Lowest = worst(e)
	return v
}

// brief cuts the name of a class to what fits beside a table.
func brief(name string) string {
	const most = 26
	if letters := []rune(name); len(letters) > most {
		return string(letters[:most-1]) + "\u2026"
	}
	return name
}

// part is one group of an entry's cases by itself.
type part struct {
	Name         string
	Cases        int
	Score, P, Is float64 // mean score, mean probability, share of outcomes
}

func parts(e Entry) []part {
	at := map[string]int{}
	var out []part
	for _, c := range e.Cases {
		if c.Group == "" {
			continue
		}
		i, ok := at[c.Group]
		if !ok {
			i = len(out)
			at[c.Group] = i
			out = append(out, part{Name: c.Group})
		}
		g := &out[i]
		g.Cases++
		g.Score += c.Score
		g.P += c.P
		if c.Outcome {
			g.Is++
		}
	}
	for i := range out {
		n := float64(out[i].Cases)
		out[i].Score, out[i].P, out[i].Is = out[i].Score/n, out[i].P/n, out[i].Is/n
	}
	slices.SortFunc(out, func(a, b part) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// tone says whether a change of a figure is good, bad, or neither.
func (f FigureChange) tone() string {
	d := f.Now - f.Before
	switch way := better(f.Name); {
	case way == neither || math.IsNaN(d) || math.Abs(d) < 5e-4: // it would be shown as 0.000
		return ""
	case (d > 0) == (way == higher):
		return "up"
	default:
		return "down"
	}
}

// changeView is a case that changed, for people.
type changeView struct{ Text, Before, Now string }

func (c Change) show(ch CaseChange) changeView {
	e := Entry{Titles: c.titles}
	say := func(k Case) string {
		got := "nothing"
		if len(k.Got) > 0 {
			got = e.title(k.Got[0])
		}
		return fmt.Sprintf("score %.2f, %s sure: %s", k.Score, percent(k.P), got)
	}
	return changeView{Shorten(ch.Now.Text, longText), say(ch.Before), say(ch.Now)}
}

// PText writes the p-value; what no number of draws can show is not claimed.
func (c Change) PText() string {
	if c.P < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", c.P)
}
