package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// report of one entry whose cases have these scores and are called 0, 1, 2 ...
func scored(name string, scores ...float64) Report {
	e := Entry{Area: Retrieval, Name: name, Figures: map[string]float64{"ndcg@10": 0.5}}
	for i, s := range scores {
		e.Cases = append(e.Cases, Case{ID: fmt.Sprint(i), Text: fmt.Sprint("question ", i), Score: s})
	}
	return Report{Entries: []Entry{e}}
}

func TestCompareByHand(t *testing.T) {
	t.Parallel()
	before, now := scored("help", 0, 0.5, 1, 1, 0.2, 0.4, 0.9), scored("help", 1, 0.75, 1, 0.5, 0.2+1e-12, 0.4)
	before.Settings, now.Settings = map[string]string{"same": "x", "gone": "y"}, map[string]string{"same": "x", "typos": "0.25"}
	now.Entries[0].Cases[5].Text = "asked in other words"
	now.Entries[0].Cases = append(now.Entries[0].Cases, Case{ID: "new"})
	now.Entries[0].Figures = map[string]float64{"ndcg@10": 0.7, "mrr@10": 0.3}
	before.Entries = append(before.Entries, Entry{Area: Tasks, Name: "dropped"})
	now.Entries = append(now.Entries, Entry{Area: Retrieval, Name: "fresh"})
	c := Compare(before, now)

	if diff := cmp.Diff([]SettingChange{{"gone", "y", ""}, {"typos", "", "0.25"}}, c.Settings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]string{{"sets/fresh"}, {"tasks/dropped"}}, [][]string{c.OnlyNow, c.OnlyBefore}); diff != "" {
		t.Error(diff)
	}
	if len(c.Entries) != 1 {
		t.Fatalf("%d entries compared", len(c.Entries))
	}
	e := c.Entries[0]
	// Paired: 0 to 4, which moved by 1, 0.25, 0, -0.5 and nothing to speak of.
	if e.Paired != 5 || e.Better != 2 || e.Worse != 1 || e.Equal != 2 || e.Reworded != 1 || e.Added != 1 || e.Gone != 1 {
		t.Errorf("%+v", e)
	}
	if math.Abs(e.Mean-0.15) > 1e-9 {
		t.Errorf("mean change %v, want 0.75/5", e.Mean)
	}
	// The signs of 1, 0.25 and 0.5 can be chosen in eight ways, whose sums are ±1.75, ±1.25, ±0.75 and ±0.25: six of them
	// are as far from 0 as 0.75.
	if e.P != 6.0/8 || e.Test != "paired sign-flip test, exact" {
		t.Errorf("p = %v by %s", e.P, e.Test)
	}
	if len(e.Rose) != 2 || e.Rose[0].Now.ID != "0" || e.Rose[1].Now.ID != "1" || len(e.Fell) != 1 || e.Fell[0].Before.Score != 1 || e.Fell[0].Now.Score != 0.5 {
		t.Errorf("rose %+v, fell %+v", e.Rose, e.Fell)
	}
	if diff := cmp.Diff("ndcg@10 0.5000 0.7000 +0.2000, mrr@10 - 0.3000 -", figuresOf(e)); diff != "" {
		t.Error(diff)
	}

	var b bytes.Buffer
	if err := WriteComparison(&b, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"sets/fresh", "tasks/dropped", "typos: (none) -> 0.25", "2 better, 1 worse, 2 equal", "p = 0.7500", "may be chance",
		"not compared: 1", "new: 1", "gone: 1", "1.00 -> 0.50  question 3",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "NaN") {
		t.Errorf("NaN in\n%s", b.String())
	}
}

func figuresOf(c Change) string {
	var all []string
	for _, f := range c.Figures {
		all = append(all, fmt.Sprintf("%s %s %s %s", f.Name, format(f.Name, f.Before, 4), format(f.Name, f.Now, 4), f.Difference(4)))
	}
	return strings.Join(all, ", ")
}

func TestSignFlip(t *testing.T) {
	t.Parallel()
	same := func(n int, d float64) []float64 {
		all := make([]float64, n)
		for i := range all {
			all[i] = d
		}
		return all
	}
	if p, _ := signFlip(same(10, 0)); p != 1 {
		t.Errorf("p = %v where nothing moved", p)
	}
	if p, _ := signFlip(same(10, 0.3)); p != 2.0/1024 {
		t.Errorf("p = %v where ten of ten rose, want 2/2^10", p)
	}
	if p, _ := signFlip(same(10, -0.3)); p != 2.0/1024 {
		t.Errorf("p = %v where ten of ten fell, want 2/2^10", p)
	}
	p, test := signFlip(same(100, 0.3))
	if p != 1.0/(flips+1) || !strings.Contains(test, "draws") {
		t.Errorf("p = %v by %s where a hundred rose", p, test)
	}
	// Sixty up, forty down, all equally far: the exact two-sided sign test says 0.0569.
	mixed := append(same(60, 0.5), same(40, -0.5)...)
	p, _ = signFlip(mixed)
	if math.Abs(p-0.0569) > 0.008 {
		t.Errorf("p = %v, want 0.057 of the sign test", p)
	}
	if again, _ := signFlip(mixed); again != p {
		t.Errorf("p = %v, then %v", p, again)
	}
}

// A report of before there were cases, and several cases of one name.
func TestCompareWithLess(t *testing.T) {
	t.Parallel()
	c := Compare(scored("help"), scored("help", 1)).Entries[0]
	if c.Paired != 0 || c.Added != 1 || c.Verdict() != "no cases to compare" || !math.IsNaN(c.P) {
		t.Errorf("%+v", c)
	}
	twice := func(a, b float64) Report {
		r := scored("help", a, b)
		r.Entries[0].Cases[1].ID, r.Entries[0].Cases[1].Text = "0", "question 0"
		return r
	}
	c = Compare(twice(0, 1), twice(0.5, 1)).Entries[0]
	if c.Paired != 2 || c.Better != 1 || c.Equal != 1 || c.Gone != 0 {
		t.Errorf("%+v", c)
	}
	many := make([]float64, 50)
	rose := make([]float64, 50)
	for i := range rose {
		rose[i] = 1
	}
	if c = Compare(scored("help", many...), scored("help", rose...)).Entries[0]; len(c.Rose) != manyChanges || c.Verdict() != "better" {
		t.Errorf("%d shown, %s", len(c.Rose), c.Verdict())
	}
	if c = Compare(scored("help", rose...), scored("help", many...)).Entries[0]; c.Verdict() != "worse" {
		t.Errorf("%s", c.Verdict())
	}
}
