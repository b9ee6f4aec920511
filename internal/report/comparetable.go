package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// Verdict says in words what the paired test allows one to say of the cases.
func (c Change) Verdict() string {
	switch {
	case c.Paired == 0:
		return "no cases to compare"
	case c.Better+c.Worse == 0:
		return "no case changed"
	case c.P >= 0.05:
		return "may be chance"
	case c.Mean > 0:
		return "better"
	default:
		return "worse"
	}
}

// Remarks says what could not be compared.
func (c Change) Remarks() []string {
	var remarks []string
	for _, r := range []struct {
		n    int
		what string
	}{{c.Reworded, "read differently now and not compared"}, {c.Added, "that are new"}, {c.Gone, "that are gone"}} {
		if r.n > 0 {
			remarks = append(remarks, fmt.Sprintf("cases %s: %d", r.what, r.n))
		}
	}
	return remarks
}

// Remarks says which entries could not be compared.
func (c Comparison) Remarks() []string {
	var remarks []string
	if len(c.OnlyNow) > 0 {
		remarks = append(remarks, "Not in the older report: "+strings.Join(c.OnlyNow, ", ")+".")
	}
	if len(c.OnlyBefore) > 0 {
		remarks = append(remarks, "Only in the older report: "+strings.Join(c.OnlyBefore, ", ")+".")
	}
	return remarks
}

// WriteComparison prints what changed: every figure before and now, and what the cases say.
func WriteComparison(w io.Writer, c Comparison) error {
	fmt.Fprintln(w, "Compared with the older report")
	for _, s := range c.Settings {
		fmt.Fprintf(w, "  %s: %s -> %s\n", s.Name, orNone(s.Before), orNone(s.Now))
	}
	for _, r := range c.Remarks() {
		fmt.Fprintln(w, "  "+r)
	}
	for _, e := range c.Entries {
		fmt.Fprintf(w, "\n%s\n", e.Key)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "figure\tbefore\tnow\tchange\t")
		for _, f := range e.Figures {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", f.Name, format(f.Name, f.Before, 4), format(f.Name, f.Now, 4), f.Difference(4))
		}
		if err := t.Flush(); err != nil {
			return err
		}
		if e.Paired > 0 {
			fmt.Fprintf(w, "  paired cases: %d, of which %d better, %d worse, %d equal; mean %+.4f, p = %.4f (%s): %s\n",
				e.Paired, e.Better, e.Worse, e.Equal, e.Mean, e.P, e.Test, e.Verdict())
		}
		for _, r := range e.Remarks() {
			fmt.Fprintln(w, "  "+r)
		}
		for _, part := range []struct {
			head  string
			cases []CaseChange
		}{{"fell most", e.Fell}, {"rose most", e.Rose}} {
			for i, ch := range part.cases[:min(3, len(part.cases))] {
				if i == 0 {
					fmt.Fprintln(w, "  "+part.head+":")
				}
				fmt.Fprintf(w, "    %.2f -> %.2f  %s\n", ch.Before.Score, ch.Now.Score, Shorten(ch.Now.Text, 90))
			}
		}
	}
	return nil
}

// Difference writes how far a figure moved, with its sign.
func (f FigureChange) Difference(decimals int) string {
	d := f.Now - f.Before
	if math.IsNaN(d) {
		return "-"
	}
	s := format(f.Name, math.Abs(d), decimals)
	if strings.Trim(s, "0.") == "" { // too little to be seen has no sign
		return s
	}
	if d > 0 {
		return "+" + s
	}
	return "-" + s
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
