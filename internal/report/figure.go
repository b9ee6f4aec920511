package report

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// figure is what a reader should know of a figure beside its value.
type figure struct {
	name  string
	short string // heading in narrow tables; the name when empty
	long  string // heading and explanation for people
}

// figures lists the figures that the areas share, in the order in which they are shown. An entry may have others; they
// come last, by name.
var figures = []figure{
	{"documents", "", "Documents"},
	{"queries", "questions", "Questions"},
	{"n", "", "Cases"},
	{"ndcg@10", "", "nDCG@10"},
	{"recall@5", "", "Recall@5"},
	{"recall@10", "", "Recall@10"},
	{"mrr@10", "", "MRR@10"},
	{"map", "", "MAP"},
	{"top1_accuracy", "top1", "First right"},
	{"accuracy", "", "Accuracy"},
	{"macro_f1", "", "Macro F1"},
	{"precision", "", "Precision"},
	{"recall", "", "Recall"},
	{"f1", "", "F1"},
	{"fpr", "", "False alarms"},
	{"top1_auroc", "auroc", "AUROC"},
	{"auroc", "", "AUROC"},
	{"auprc", "", "Area under P-R"},
	{"fpr_at_95tpr", "fpr@95tpr", "FPR at 95% TPR"},
	{"top1_ece", "ece", "ECE"},
	{"ece", "", "ECE"},
	{"top1_ece_chance", "ece by chance", "ECE of exact probabilities, by chance"},
	{"top1_ece_others", "ece others", "ECE, fitted on others"},
	{"brier", "", "Brier"},
	{"precision_surest_half", "surest half", "Surest half right"},
	{"coverage_at_risk_2", "cov@2%", "Coverage at 2% wrong"},
	{"coverage_at_risk_5", "cov@5%", "Coverage at 5% wrong"},
	{"coverage_at_risk_10", "cov@10%", "Coverage at 10% wrong"},
	{"wrong", "", "Wrong"},
	{"wrong_upper", "", "Wrong, upper bound at 95%"},
	{"coverage", "", "Coverage"},
	{"answerable", "", "Answerable"},
	{"answered", "", "Answered"},
	{"quoted_right", "", "Right section quoted"},
	{"linked_right", "", "Right section quoted or named"},
	{"asked_back", "", "Asked back"},
	{"asked_back_right", "", "Asked back, right one offered"},
	{"person_recall", "", "Persons brought in where wanted"},
	{"refused", "", "Not answered where nothing answers"},
	{"topic_accuracy", "", "Topic seen"},
	{"right", "", "Handoffs called right"},
	{"too_early", "", "Handoffs called too early"},
	{"too_late", "", "Handoffs called too late"},
	{"wrong_team", "", "Handoffs to the wrong team"},
	{"replayed", "", "Verdicts that could be replayed"},
	{"heeded", "", "Verdicts that the assistant would heed now"},
	{"top1_article", "", "First article right"},
	{"top1_section", "", "First section right"},
	{"threshold", "", "Threshold"},
	{"median_ms", "ms", "Median ms"},
}

// describe returns what is known of a figure.
func describe(name string) figure {
	i := slices.IndexFunc(figures, func(f figure) bool { return f.name == name })
	if i < 0 {
		return figure{name, name, strings.ReplaceAll(name, "_", " ")}
	}
	f := figures[i]
	if f.short == "" {
		f.short = name
	}
	return f
}

// columns lists the figures that any of the entries has, in the order in which they are shown.
func columns(entries []Entry) []string {
	there := map[string]bool{}
	for _, e := range entries {
		for name, v := range e.Figures {
			if !math.IsNaN(v) {
				there[name] = true
			}
		}
	}
	var names []string
	for _, f := range figures {
		if there[f.name] {
			names = append(names, f.name)
			delete(there, f.name)
		}
	}
	return append(names, slices.Sorted(maps.Keys(there))...)
}

// factColumns lists the facts that any of the entries has: what was measured before how, then the rest by name.
func factColumns(entries []Entry) []string {
	there := map[string]bool{}
	for _, e := range entries {
		for name := range e.Facts {
			there[name] = true
		}
	}
	var names []string
	for _, name := range []string{"task", "split", "locale"} {
		if there[name] {
			names = append(names, name)
			delete(there, name)
		}
	}
	return append(names, slices.Sorted(maps.Keys(there))...)
}

// direction says which way a figure is better.
type direction int

const (
	neither direction = iota // counts, thresholds
	higher
	lower
)

// better reads a figure's direction from its name: the words before "at", of which those of errors, false alarms,
// distances and time make it better when lower. So fpr_at_95tpr is, and recall_at_fpr_03 is not.
func better(name string) direction {
	name, _, _ = strings.Cut(name, "_at_")
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '@' }) {
		switch word {
		case "queries", "documents", "n", "answerable", "answered", "threshold", "cases", "labels", "positives", "train", "dev", "test":
			return neither
		case "ece", "brier", "fpr", "fnr", "wrong", "wrongly", "error", "errors", "risk", "ms", "seconds", "overblocking":
			return lower
		}
	}
	return higher
}

// wide is how many figures a page's table can hold without hiding any; an entry's own table has them all.
const wide = 12

// summary picks the figures of a page's table: all where there is room, otherwise those that say most.
func summary(entries []Entry) []string {
	all := columns(entries)
	if len(all) <= wide {
		return all
	}
	return slices.DeleteFunc(all, func(name string) bool {
		return !slices.Contains(headline, name) && !slices.Contains([]string{"queries", "n", "recall@10", "top1_ece_others", "coverage_at_risk_5", "wrong", "coverage"}, name)
	})
}

// format writes a figure with the given number of decimals; whole numbers of things and milliseconds need fewer, and
// what is undefined is a dash.
func format(name string, v float64, decimals int) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case v == math.Trunc(v) && (better(name) == neither || math.Abs(v) > 1):
		decimals = 0
	case strings.HasSuffix(name, "_ms"):
		decimals = 1
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// value is a figure, or not a number where the entry does not have it.
func (e Entry) value(name string) float64 {
	if v, ok := e.Figures[name]; ok {
		return v
	}
	return math.NaN()
}
