package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// heads are the headings of the areas.
var heads = map[Area]struct{ thing, title string }{
	Retrieval: {"set", "Retrieval"},
	Tasks:     {"folder", "Labelled messages"},
	Suites:    {"suite", "Whole turns"},
}

// of returns the entries of an area, in their order.
func (r Report) of(a Area) []Entry {
	var out []Entry
	for _, e := range r.Entries {
		if e.Area == a {
			out = append(out, e)
		}
	}
	return out
}

// WriteTable prints one table per area that was measured, with a column for every figure that any entry has.
func WriteTable(w io.Writer, r Report) error {
	for first, a := true, 0; a < len(areas); a++ {
		entries := r.of(areas[a])
		if len(entries) == 0 {
			continue
		}
		if !first {
			fmt.Fprintln(w)
		}
		first = false
		facts := slices.DeleteFunc(factColumns(entries), func(name string) bool { return isLong(entries, name) })
		names := columns(entries)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprint(t, heads[areas[a]].thing, "\t", strings.Join(facts, "\t"))
		if len(facts) > 0 {
			fmt.Fprint(t, "\t")
		}
		for _, name := range names {
			fmt.Fprint(t, describe(name).short, "\t")
		}
		fmt.Fprintln(t)
		for _, e := range entries {
			fmt.Fprint(t, e.Name, "\t")
			for _, name := range facts {
				fmt.Fprint(t, e.Facts[name], "\t")
			}
			for _, name := range names {
				fmt.Fprint(t, format(name, e.value(name), 4), "\t")
			}
			fmt.Fprintln(t)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// isLong tells whether a fact is a sentence for the page, and too much for a column.
func isLong(entries []Entry, name string) bool {
	return slices.ContainsFunc(entries, func(e Entry) bool { return len(e.Facts[name]) > 24 })
}
