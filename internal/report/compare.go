package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// Comparison is what changed between two reports.
type Comparison struct {
	Settings   []SettingChange // that differ
	Entries    []Change        // in the order of the newer report
	OnlyNow    []string        // keys of entries that only the newer report has
	OnlyBefore []string        // and those that only the older one has
}

// SettingChange is a setting before and now, empty where it was not given.
type SettingChange struct{ Name, Before, Now string }

// Change is what changed in one entry.
type Change struct {
	Key     string
	Figures []FigureChange // in the order in which they are shown
	Main    string         // the figure that the cases' scores are averaged to, where it is known

	// Cases are paired by their ID and compared when their text is the same.
	Paired               int
	Better, Worse, Equal int // by score
	Added, Gone          int // cases without a partner
	Reworded             int // cases whose text is another one now; not compared
	Mean                 float64
	P                    float64 // of the paired test; not a number where no case is paired
	Test                 string  // how P was found
	Rose, Fell           []CaseChange
	titles               map[string]string
}

// FigureChange is a figure before and now, not a number where it is missing.
type FigureChange struct {
	Name        string
	Before, Now float64
}

// CaseChange is a case before and now.
type CaseChange struct{ Before, Now Case }

// manyChanges is how many cases that rose, and how many that fell, a comparison shows.
const manyChanges = 10

// unmoved is the difference of scores below which a case counts as equal: sums of logarithms differ in the last places.
const unmoved = 1e-9

// Compare sets a report beside an older one.
func Compare(before, now Report) Comparison {
	var c Comparison
	settings := map[string]bool{}
	for name := range before.Settings {
		settings[name] = true
	}
	for name := range now.Settings {
		settings[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if before.Settings[name] != now.Settings[name] {
			c.Settings = append(c.Settings, SettingChange{name, before.Settings[name], now.Settings[name]})
		}
	}
	old := map[string]Entry{}
	for _, e := range before.Entries {
		old[e.Key()] = e
	}
	for _, e := range now.Entries {
		if o, ok := old[e.Key()]; ok {
			c.Entries = append(c.Entries, compare(o, e))
			delete(old, e.Key())
		} else {
			c.OnlyNow = append(c.OnlyNow, e.Key())
		}
	}
	c.OnlyBefore = slices.Sorted(maps.Keys(old))
	return c
}

func compare(before, now Entry) Change {
	c := Change{Key: now.Key(), Main: now.Main, titles: now.Titles, P: math.NaN(), Mean: math.NaN()}
	for _, name := range columns([]Entry{before, now}) {
		c.Figures = append(c.Figures, FigureChange{name, before.value(name), now.value(name)})
	}
	old := map[string][]Case{} // several of one ID are paired in their order
	for _, o := range before.Cases {
		old[o.ID] = append(old[o.ID], o)
	}
	var differences []float64
	var changed []CaseChange
	for _, n := range now.Cases {
		if len(old[n.ID]) == 0 {
			c.Added++
			continue
		}
		o := old[n.ID][0]
		old[n.ID] = old[n.ID][1:]
		if o.Text != n.Text {
			c.Reworded++
			continue
		}
		d := n.Score - o.Score
		differences = append(differences, d)
		switch {
		case d > unmoved:
			c.Better++
		case d < -unmoved:
			c.Worse++
		default:
			c.Equal++
			continue
		}
		changed = append(changed, CaseChange{o, n})
	}
	for _, left := range old {
		c.Gone += len(left)
	}
	c.Paired = len(differences)
	if c.Paired == 0 {
		return c
	}
	c.Mean = sum(differences) / float64(c.Paired)
	c.P, c.Test = signFlip(differences)
	// Furthest first; of equally far ones those whose probability moved most.
	slices.SortStableFunc(changed, func(a, b CaseChange) int {
		return cmp.Or(cmp.Compare(math.Abs(b.by()), math.Abs(a.by())),
			cmp.Compare(math.Abs(b.Now.P-b.Before.P), math.Abs(a.Now.P-a.Before.P)))
	})
	for _, ch := range changed {
		if ch.by() > 0 && len(c.Rose) < manyChanges {
			c.Rose = append(c.Rose, ch)
		} else if ch.by() < 0 && len(c.Fell) < manyChanges {
			c.Fell = append(c.Fell, ch)
		}
	}
	return c
}

// by is how far a case's score moved.
func (c CaseChange) by() float64 { return c.Now.Score - c.Before.Score }

// exactUpTo is the number of changed cases up to which every choice of signs is tried: 2^16 sums take a moment.
const exactUpTo = 16

// flips is how many choices of signs are drawn beyond that. The least p-value that they can show is 1/(flips+1).
const flips = 10_000

// signFlip is Fisher's paired randomisation test (Smucker, Allan and Carterette, 2007, find it the test of choice for
// comparing rankings): were nothing but chance at work, each difference could as well have had the other sign. The
// p-value is the share of sign choices whose sum lies at least as far from 0 as the one that was seen, on either side.
// The draws are the same every time. Without any difference it is 1.
func signFlip(differences []float64) (p float64, test string) {
	moved := slices.DeleteFunc(slices.Clone(differences), func(d float64) bool { return math.Abs(d) <= unmoved })
	seen := math.Abs(sum(moved)) - unmoved // equal sums in another order count as equally far
	if len(moved) <= exactUpTo {
		far, all := 0, 1<<len(moved)
		for signs := range all {
			s := 0.0
			for i, d := range moved {
				if signs>>i&1 == 1 {
					d = -d
				}
				s += d
			}
			if math.Abs(s) >= seen {
				far++
			}
		}
		return float64(far) / float64(all), "paired sign-flip test, exact"
	}
	random := rand.New(rand.NewPCG(1, 2))
	far := 1 // the choice that was seen is one of them
	for range flips {
		s, bits := 0.0, uint64(0)
		for i, d := range moved {
			if i%64 == 0 {
				bits = random.Uint64()
			}
			if bits>>(i%64)&1 == 1 {
				d = -d
			}
			s += d
		}
		if math.Abs(s) >= seen {
			far++
		}
	}
	return float64(far) / (flips + 1), fmt.Sprintf("paired sign-flip test, %d draws", flips)
}

func sum(xs []float64) float64 {
	s := 0.0
	for _, x := range xs {
		s += x
	}
	return s
}
