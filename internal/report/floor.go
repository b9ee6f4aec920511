package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Floor is the worst value that a figure may have: the least, or for figures that are better when lower the greatest.
type Floor struct {
	Entry   string // the name of an entry, with or without its area; empty: every entry that has the figure
	Metric  string
	Value   float64
	Ceiling bool
}

// String writes a floor as ParseFloor reads it.
func (f Floor) String() string {
	s := f.Metric + "="
	if f.Ceiling {
		s = f.Metric + "<="
	}
	if f.Entry != "" {
		s = f.Entry + ":" + s
	}
	return s + strconv.FormatFloat(f.Value, 'g', -1, 64)
}

// ParseFloor reads METRIC=VALUE, METRIC>=VALUE or METRIC<=VALUE, with NAME: before it where one entry is meant. It
// refuses a limit on the wrong side: ece>=0.05 would let the worst pass.
func ParseFloor(s string) (Floor, error) {
	malformed := fmt.Errorf("%q is not METRIC=VALUE or METRIC<=VALUE, such as ndcg@10=0.6, top1_ece<=0.05 or help-pages:recall@5=0.8", s)
	at := strings.LastIndexByte(s, '=')
	if at < 0 {
		return Floor{}, malformed
	}
	f := Floor{Metric: s[:at]}
	var err error
	if f.Value, err = strconv.ParseFloat(s[at+1:], 64); err != nil || f.Value != f.Value {
		return Floor{}, malformed
	}
	if metric, ok := strings.CutSuffix(f.Metric, "<"); ok {
		f.Metric, f.Ceiling = metric, true
	} else {
		f.Metric = strings.TrimSuffix(f.Metric, ">")
	}
	if colon := strings.LastIndexByte(f.Metric, ':'); colon >= 0 {
		f.Entry, f.Metric = f.Metric[:colon], f.Metric[colon+1:]
		if f.Entry == "" {
			return Floor{}, malformed
		}
	}
	if f.Metric == "" {
		return Floor{}, malformed
	}
	switch {
	case !known(f.Metric):
		return Floor{}, fmt.Errorf("%q is not a metric of any report; %s", f.Metric, malformed)
	case better(f.Metric) == lower && !f.Ceiling:
		return Floor{}, fmt.Errorf("%s is better when lower; write %s<=%v", f.Metric, f.Metric, f.Value)
	case better(f.Metric) == higher && f.Ceiling:
		return Floor{}, fmt.Errorf("%s is better when higher; write %s=%v", f.Metric, f.Metric, f.Value)
	}
	return f, nil
}

// beginnings are the first words of figures that only dialogues and customers who are stuck have.
var beginnings = []string{"section", "article", "alone", "meant", "leaning", "standing", "repeats", "seen", "stuck", "stepped", "offer", "person"}

// known tells whether a name is that of a figure, or begins as one: auroc_near and wrong_upper_95 are figures of some
// entries only. It finds slips of the pen before an hour of measuring, and CheckFloors finds the rest.
func known(name string) bool {
	for {
		if slices.ContainsFunc(figures, func(f figure) bool { return f.name == name }) || slices.Contains(beginnings, name) {
			return true
		}
		at := strings.LastIndexAny(name, "_@")
		if at <= 0 {
			return false
		}
		name = name[:at]
	}
}

// Verdict is what became of a floor in one entry.
type Verdict struct {
	Floor Floor
	Key   string // of the entry
	Value float64
	Met   bool
}

// String says what was found: "ndcg@10 of sets/help-pages is 0.5812, below 0.6000".
func (v Verdict) String() string {
	side := "not below"
	switch {
	case v.Floor.Ceiling && v.Met:
		side = "not above"
	case v.Floor.Ceiling:
		side = "above"
	case !v.Met:
		side = "below"
	}
	_, name, _ := strings.Cut(v.Key, "/")
	return fmt.Sprintf("%s of %s is %.4f, %s %.4f", v.Floor.Metric, name, v.Value, side, v.Floor.Value)
}

// CheckFloors holds every entry against the floors, in the order of the entries. A floor that no entry has is an error,
// as one that nobody checks protects nobody.
func CheckFloors(entries []Entry, floors []Floor) ([]Verdict, error) {
	var verdicts []Verdict
	for _, f := range floors {
		named, held := f.Entry == "", false
		for _, e := range entries {
			if f.Entry != "" && f.Entry != e.Name && f.Entry != e.Key() {
				continue
			}
			named = true
			v, ok := e.Figures[f.Metric]
			if !ok {
				continue
			}
			held = true
			// A figure that is no number meets nothing.
			met := v >= f.Value
			if f.Ceiling {
				met = v <= f.Value
			}
			verdicts = append(verdicts, Verdict{f, e.Key(), v, met})
		}
		switch {
		case !named:
			return verdicts, fmt.Errorf("%s: nothing that was measured is called %q", f, f.Entry)
		case !held:
			return verdicts, fmt.Errorf("%s: nothing that was measured has the figure %q", f, f.Metric)
		}
	}
	return verdicts, nil
}
