package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"

	"github.com/firstline/firstline/internal/measure"
)

// picture is a plot with what it says in words and in numbers.
type picture struct {
	Title   string
	Caption string
	Key     []string // names of the two colours, where there are two
	SVG     template.HTML
	Heads   []string // of the table beside it
	Rows    [][]string
}

// pictures draws what the cases of an entry show. What they mean by being right differs: for detectors P is of a class.
func pictures(e Entry, id string) []picture {
	if len(e.Cases) == 0 {
		return nil
	}
	p, outcome := claims(e.Cases)
	words := claimed{"right", "wrong", "first article right"}
	switch {
	case e.detects():
		class := e.positive()
		words = claimed{class, "other", class}
	case e.Area != Retrieval:
		words = claimed{"right", "wrong", "right"}
	}
	all := []picture{drawReliability(p, outcome, id+"-rel", words)}
	curve := roc(p, outcome)
	if e.detects() {
		if curve != nil {
			all = append(all, drawROC(p, outcome, curve, id+"-roc", words), drawPrecisionRecall(p, outcome, id+"-pr"))
		}
	} else {
		all = append(all, drawRisk(p, outcome, id+"-risk"))
		if curve != nil {
			all = append(all, drawROC(p, outcome, curve, id+"-roc", words))
		}
	}
	return append(all, drawHistogram(p, outcome, id+"-hist", words))
}

// positive is what people call the class that P is the probability of.
func (e Entry) positive() string {
	name := ""
	for _, c := range e.Cases {
		switch {
		case !c.Outcome || len(c.Want) == 0:
		case name == "":
			name = c.Want[0]
		case name != c.Want[0]:
			return "of the class"
		}
	}
	if name == "" {
		return "of the class"
	}
	return e.title(name)
}

// claimed are the words for an outcome that came true, for one that did not, and for the axis that shows their share.
type claimed struct{ yes, no, share string }

func drawReliability(p []float64, outcome []bool, id string, words claimed) picture {
	const bins = 10
	ece := measure.ECE(p, outcome, bins)
	out := picture{
		Title:   "Does it do as well as it says?",
		Caption: fmt.Sprintf("On the diagonal, what it says is what happens. ECE %.3f, Brier %.3f. Lines: exact 95%% intervals; larger dots, more cases.", ece, measure.Brier(p, outcome)),
		Heads:   []string{"Said", "Cases", "Mean said", "Came true", "95% interval"},
	}
	pl := newPlot(id, "Reliability diagram", fmt.Sprintf("Share of cases %s by stated probability, in ten bins. Expected calibration error %.3f.", words.yes, ece), 1, 1)
	pl.axes("probability it states", words.share, percent, percent)
	pl.line("ideal", []point{{0, 0}, {1, 1}})
	var curve []point
	table := reliability(p, outcome, bins)
	for _, b := range table {
		if b.n > 0 {
			pl.line("whisker", []point{{b.mean, b.low}, {b.mean, b.high}})
			curve = append(curve, point{b.mean, b.share})
		}
	}
	pl.line("line", curve)
	for i, b := range table {
		said := fmt.Sprintf("%d-%d%%", i*100/bins, (i+1)*100/bins)
		if b.n == 0 {
			out.Rows = append(out.Rows, []string{said, "0", "-", "-", "-"})
			continue
		}
		pl.dot("dot", point{b.mean, b.share}, 2.5+5*math.Sqrt(float64(b.n)/float64(len(p))))
		out.Rows = append(out.Rows, []string{said, strconv.Itoa(b.n), percent(b.mean), percent(b.share), percent(b.low) + " to " + percent(b.high)})
	}
	out.SVG = pl.end()
	return out
}

// budgets are the shares of wrong answers that the plots mark: those of the coverage figures.
var budgets = []float64{0.02, 0.05, 0.10}

func drawRisk(p []float64, outcome []bool, id string) picture {
	curve := riskCoverage(p, outcome)
	last := curve[len(curve)-1].y
	// The surest few are a handful of cases, whose share of wrong ones jumps; the axis is for the rest.
	top := min(roundUp(max(last*1.1, 0.1)), 1)
	five := coverageAt(curve, 0.05)
	out := picture{
		Title: "How much can be answered at what risk?",
		Caption: fmt.Sprintf("Answering the surest first. With at most 5%% wrong it could answer %s of the questions; answering all, %s are wrong.",
			percent(five), percent(last)),
		Heads: []string{"Answered", "Wrong among them"},
	}
	pl := newPlot(id, "Risk-coverage curve", fmt.Sprintf("Share of wrong answers against the share of questions answered, surest first. All answered: %s wrong. At most 5%% wrong: %s answered.", percent(last), percent(five)), 1, top)
	pl.axes("answered, surest first", "wrong among them", percent, percent)
	pl.line("line wrong", curve)
	for _, r := range budgets {
		if i := slices.IndexFunc(curve, func(at point) bool { return at.x == coverageAt(curve, r) }); i >= 0 {
			pl.dot("mark", curve[i], 4)
		}
		out.Rows = append(out.Rows, []string{percent(coverageAt(curve, r)), "at most " + percent(r)})
	}
	for i, next := 0, 0.1; i < len(curve); i++ {
		if curve[i].x >= next-1e-9 {
			out.Rows = append(out.Rows, []string{percent(curve[i].x), percent(curve[i].y)})
			next = math.Floor(curve[i].x*10+1e-9)/10 + 0.1
		}
	}
	out.SVG = pl.end()
	return out
}

func drawROC(p []float64, outcome []bool, curve []point, id string, words claimed) picture {
	area, at95 := measure.AUROC(p, outcome), measure.FPRAtTPR(p, outcome, 0.95)
	out := picture{
		Title: "Can it tell " + words.yes + " from " + words.no + "?",
		Caption: fmt.Sprintf("AUROC %.3f: the chance that a case that is %s ranks above one that is %s. To keep 95%% of the former (dot), %s of the latter pass.",
			area, words.yes, words.no, percent(at95)),
		Heads: []string{"False alarms at most", "Found"},
	}
	pl := newPlot(id, "ROC curve", fmt.Sprintf("True-positive rate against false-positive rate. Area %.3f; false-positive rate at 95%% true positives %s.", area, percent(at95)), 1, 1)
	pl.axes("false-positive rate", "true-positive rate", percent, percent)
	pl.line("ideal", []point{{0, 0}, {1, 1}})
	pl.line("line", curve)
	pl.dot("mark", point{at95, 0.95}, 4)
	for _, fpr := range []float64{0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5} {
		found := 0.0
		for _, c := range curve {
			if c.x <= fpr {
				found = max(found, c.y)
			}
		}
		out.Rows = append(out.Rows, []string{percent(fpr), percent(found)})
	}
	out.SVG = pl.end()
	return out
}

func drawPrecisionRecall(p []float64, outcome []bool, id string) picture {
	var curve []point
	for _, c := range measure.PR(p, outcome) {
		curve = append(curve, point{c.Recall, c.Precision})
	}
	positives := 0
	for _, o := range outcome {
		if o {
			positives++
		}
	}
	base := float64(positives) / float64(len(outcome))
	precise := func(recall float64) float64 {
		best := 0.0
		for _, c := range curve {
			if c.x >= recall-1e-9 {
				best = max(best, c.y)
			}
		}
		return best
	}
	out := picture{
		Title:   "How many alarms are false?",
		Caption: fmt.Sprintf("Finding 95%% of them, %s of the alarms are right. Dashed: raising an alarm for everything (%s).", percent(precise(0.95)), percent(base)),
		Heads:   []string{"Found at least", "Of the alarms right"},
	}
	pl := newPlot(id, "Precision-recall curve", fmt.Sprintf("Share of alarms that are right against the share found. At 95%% found: %s. Of all, %s are of the class.", percent(precise(0.95)), percent(base)), 1, 1)
	pl.axes("found (recall)", "right among alarms (precision)", percent, percent)
	pl.line("ideal", []point{{0, base}, {1, base}})
	pl.line("line", curve)
	for _, recall := range []float64{0.5, 0.8, 0.9, 0.95, 0.98, 1} {
		out.Rows = append(out.Rows, []string{percent(recall), percent(precise(recall))})
	}
	out.SVG = pl.end()
	return out
}

func drawHistogram(p []float64, outcome []bool, id string, words claimed) picture {
	const bins = 20
	var yes, no [bins]int
	for i, x := range p {
		b := min(max(int(x*bins), 0), bins-1)
		if outcome[i] {
			yes[b]++
		} else {
			no[b]++
		}
	}
	most, sure := 0, 0
	for b := range bins {
		most = max(most, yes[b]+no[b])
		if b >= bins*8/10 {
			sure += yes[b] + no[b]
		}
	}
	out := picture{
		Title:   "How sure is it?",
		Caption: fmt.Sprintf("Cases by the probability it states. It is at least 80%% sure of %s of them.", percent(float64(sure)/float64(len(p)))),
		Key:     []string{words.yes, words.no},
		Heads:   []string{"Probability", words.yes, words.no},
	}
	top := roundUp(float64(most))
	pl := newPlot(id, "Histogram of stated probabilities", fmt.Sprintf("%d cases in %d bins, by what came true.", len(p), bins), 1, top)
	pl.axes("probability it states", "cases", percent, func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) })
	for b := range bins {
		from, to := float64(b)/bins, float64(b+1)/bins
		pl.bar("yes", from, to, 0, float64(yes[b]))
		pl.bar("no", from, to, float64(yes[b]), float64(yes[b]+no[b]))
		out.Rows = append(out.Rows, []string{fmt.Sprintf("%d-%d%%", b*100/bins, (b+1)*100/bins), strconv.Itoa(yes[b]), strconv.Itoa(no[b])})
	}
	out.SVG = pl.end()
	return out
}
