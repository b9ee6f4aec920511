package report

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// How many cases the page shows of the most confident wrong ones and of the lowest scores, how much of a text, and how
// many of the documents found.
const (
	manyWorst, manyLowest = 12, 8
	longText              = 400
	manyFound             = 3
)

// caseView is a case for people.
type caseView struct {
	Text, Note, Group string
	Want, Got         []string // by their titles
	Place             string   // where the first wanted one was found; empty for classes
	P, Score          float64
}

// worst picks the cases that a reader should see: those that are wrong although the product was sure, and of the others
// those with the lowest score.
func worst(e Entry) (confident, lowest []caseView) {
	detects := e.detects()
	wrong := func(c Case) bool {
		if detects {
			return !c.agrees()
		}
		return !c.Outcome
	}
	sure := func(c Case) float64 {
		if detects && c.Outcome { // missed: sure that it was not of the class
			return 1 - c.P
		}
		return c.P
	}
	order := make([]int, len(e.Cases))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sure(e.Cases[b]), sure(e.Cases[a])) })
	seen := map[int]bool{}
	for _, i := range order {
		if wrong(e.Cases[i]) && len(confident) < manyWorst {
			confident = append(confident, show(e, e.Cases[i]))
			seen[i] = true
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(e.Cases[a].Score, e.Cases[b].Score) })
	for _, i := range order {
		if !seen[i] && e.Cases[i].Score < 1 && len(lowest) < manyLowest {
			lowest = append(lowest, show(e, e.Cases[i]))
		}
	}
	return confident, lowest
}

func show(e Entry, c Case) caseView {
	v := caseView{Text: Shorten(c.Text, longText), Note: c.Note, Group: c.Group, P: c.P, Score: c.Score}
	for _, id := range c.Want[:min(manyFound, len(c.Want))] {
		v.Want = append(v.Want, e.title(id))
	}
	for _, id := range c.Got[:min(manyFound, len(c.Got))] {
		v.Got = append(v.Got, e.title(id))
	}
	if e.Classes || len(c.Want) == 0 {
		return v
	}
	v.Place = "not among those found"
	if at := slices.IndexFunc(c.Got, func(id string) bool { return slices.Contains(c.Want, id) }); at >= 0 {
		v.Place = "found in place " + []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}[min(at, 9)]
	}
	return v
}

// manyClasses is how many classes a confusion table shows by themselves.
const manyClasses = 25

// confusion is a table of what was wanted against what was predicted.
type confusion struct {
	Classes []string
	Rows    []confusionRow
	Rest    int // classes in the last row and column
	Common  []mixUp
}

type confusionRow struct {
	Class string
	Cells []confusionCell
	All   int
}

type confusionCell struct {
	N     int
	Heat  float64 // share of the row
	Right bool
	Mixed bool // classes that are summed, right or wrong
}

// mixUp is a class that was often taken for another.
type mixUp struct {
	Want, Got string
	N         int
}

// manyMixUps is how many of them the page lists.
const manyMixUps = 10

// fewClasses is how many classes a table must have before its fullest cells are worth a list.
const fewClasses = 6

// confuse counts the first of Want against the first of Got. The largest classes stand by themselves, by how often they
// are wanted or predicted; all others are summed. Nil without cases.
func confuse(cases []Case, title func(string) string) *confusion {
	size := map[string]int{}
	pairs := map[[2]string]int{}
	for _, c := range cases {
		want, got := first(c.Want), first(c.Got)
		if c.agrees() {
			want = got // any of several classes is right
		}
		size[want]++
		size[got]++
		pairs[[2]string{want, got}]++
	}
	if len(pairs) == 0 {
		return nil
	}
	var names []string
	for name := range size {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(size[b], size[a]), cmp.Compare(a, b)) })
	out := &confusion{}
	at := map[string]int{}
	for i, name := range names {
		if i < manyClasses || len(names) == manyClasses+1 { // one class alone is no rest
			at[name] = i
			out.Classes = append(out.Classes, title(name))
		} else {
			at[name] = manyClasses
			out.Rest++
		}
	}
	if out.Rest > 0 {
		out.Classes = append(out.Classes, "all others")
	}
	for i, class := range out.Classes {
		out.Rows = append(out.Rows, confusionRow{Class: class, Cells: make([]confusionCell, len(out.Classes))})
		out.Rows[i].Cells[i].Mixed = out.Rest > 0 && i == len(out.Classes)-1
		out.Rows[i].Cells[i].Right = !out.Rows[i].Cells[i].Mixed
	}
	for pair, n := range pairs {
		row := &out.Rows[at[pair[0]]]
		row.Cells[at[pair[1]]].N += n
		row.All += n
		if pair[0] != pair[1] {
			out.Common = append(out.Common, mixUp{title(pair[0]), title(pair[1]), n})
		}
	}
	for i := range out.Rows {
		for k := range out.Rows[i].Cells {
			out.Rows[i].Cells[k].Heat = math.Round(100*float64(out.Rows[i].Cells[k].N)/float64(max(out.Rows[i].All, 1))) / 100
		}
	}
	slices.SortFunc(out.Common, func(a, b mixUp) int {
		return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Want, b.Want), strings.Compare(a.Got, b.Got))
	})
	out.Common = out.Common[:min(manyMixUps, len(out.Common))]
	if len(out.Classes) < fewClasses {
		out.Common = nil
	}
	return out
}

func first(names []string) string {
	if len(names) == 0 {
		return "(none)"
	}
	return names[0]
}
