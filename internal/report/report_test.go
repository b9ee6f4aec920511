package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// sample is a report with an entry of each kind: questions, two classes that are detected, many classes that are told
// apart, and a suite without cases.
func sample() Report {
	questions := Entry{
		Area: Retrieval, Name: "help", Main: "ndcg@10", Facts: map[string]string{"split": "test", "locale": "en"},
		Figures: map[string]float64{"queries": 4, "ndcg@10": 0.6, "top1_ece": 0.1, "odd_one": math.NaN()},
		Titles:  map[string]string{"a": "Article <A> & more"},
		Cases: []Case{
			{ID: "1", Text: "<script>alert('x')</script> where?", Score: 0, P: 0.9, Want: []string{"a"}, Got: []string{"b", "c"}},
			{ID: "2", Text: "right", Score: 1, P: 0.8, Outcome: true, Want: []string{"a"}, Got: []string{"a"}},
			{ID: "3", Text: "second", Score: 0.63, P: 0.4, Want: []string{"a"}, Got: []string{"b", "a"}},
			{ID: "4", Text: "nothing found", Score: 0, P: math.NaN(), Want: []string{"a"}},
		},
	}
	urgent := Entry{Area: Tasks, Name: "urgent", Classes: true, Facts: map[string]string{"task": "urgent"}, Figures: map[string]float64{"n": 4, "auroc": 0.75}}
	for i, p := range []float64{0.9, 0.2, 0.7, 0.1} {
		is, got := i < 2, "normal"
		if p >= 0.5 {
			got = "urgent"
		}
		want := "normal"
		if is {
			want = "urgent"
		}
		urgent.Cases = append(urgent.Cases, Case{ID: string(rune('a' + i)), Text: "message", Score: indicator(want == got), P: p, Outcome: is, Want: []string{want}, Got: []string{got}, Group: want})
	}
	topics := Entry{Area: Tasks, Name: "topics", Classes: true, Figures: map[string]float64{"accuracy": 0.5}}
	for i := range 60 {
		want, got := "topic"+string(rune('A'+i/2)), "topic"+string(rune('A'+i/2+i%2))
		topics.Cases = append(topics.Cases, Case{ID: want + got, Text: "message", Score: indicator(want == got), P: 0.5, Outcome: want == got, Want: []string{want}, Got: []string{got}})
	}
	return Report{Settings: map[string]string{"retrieval": "as served"}, Entries: []Entry{questions, urgent, topics, {Area: Suites, Name: "demo", Figures: map[string]float64{"wrong": 0.01}}}}
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var nearly = cmpopts.EquateApprox(0, 1e-9)

func TestJSONThereAndBack(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WriteJSON(&b, sample(), true); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(b.String(), "\n") { // a case is a line
		if strings.Contains(line, `"id":`) && !json.Valid([]byte(strings.TrimSuffix(strings.TrimSpace(line), ","))) {
			t.Errorf("a case is not one line: %s", line)
		}
	}
	var raw struct {
		Sets, Tasks, Suites map[string]map[string]any
		Settings            map[string]string
		Cases               map[string][]Case
	}
	if err := json.Unmarshal(b.Bytes(), &raw); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if diff := cmp.Diff(map[string]any{"split": "test", "locale": "en", "queries": 4.0, "ndcg@10": 0.6, "top1_ece": 0.1}, raw.Sets["help"]); diff != "" {
		t.Error(diff)
	}
	if raw.Tasks["urgent"]["auroc"] != 0.75 || raw.Suites["demo"]["wrong"] != 0.01 || len(raw.Cases["tasks/urgent"]) != 4 || len(raw.Cases) != 3 {
		t.Errorf("tasks %v, suites %v, cases of %d", raw.Tasks, raw.Suites, len(raw.Cases))
	}

	back, err := ReadJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	delete(want.Entries[0].Figures, "odd_one")
	want.Entries[0].Cases[3].P = 0
	want.Entries[1], want.Entries[2] = want.Entries[2], want.Entries[1] // by name
	if diff := cmp.Diff(want, back, cmpopts.IgnoreFields(Entry{}, "Main", "Titles", "Classes"), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}

	var bare bytes.Buffer
	if err := WriteJSON(&bare, sample(), false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(bare.String(), "cases") || !json.Valid(bare.Bytes()) {
		t.Errorf("cases that nobody wants:\n%s", bare.String())
	}
}

func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":             "ndcg",
		"another file":        `{"articles": []}`,
		"more than a report":  `{"sets": {}} {"sets": {}}`,
		"a list for a figure": `{"sets": {"a": {"ndcg@10": [1]}}}`,
		"cases of nothing":    `{"sets": {}, "cases": {"sets/a": []}}`,
		"cut off":             `{"sets": {"a": {"ndcg@10": 0.5`,
	} {
		if r, err := ReadJSON(strings.NewReader(text)); err == nil {
			t.Errorf("%s was read as %+v", name, r)
		}
	}
	old := `{"sets": {"a": {"split": "dev", "queries": 3, "ndcg@10": 0.5}}, "tasks": {}}` // of before there were cases
	if r, err := ReadJSON(strings.NewReader(old)); err != nil || r.Entries[0].Figures["ndcg@10"] != 0.5 {
		t.Errorf("an old report: %+v, %v", r, err)
	}
	for name, entries := range map[string][]Entry{"twice": {{Area: Tasks, Name: "a"}, {Area: Tasks, Name: "a"}}, "nowhere": {{Name: "a"}}} {
		if err := WriteJSON(&bytes.Buffer{}, Report{Entries: entries}, true); err == nil {
			t.Errorf("an entry %s was written", name)
		}
	}
}

func TestConfidenceByHand(t *testing.T) {
	t.Parallel()
	// Surest first: right, right, wrong and right of equal probability, wrong.
	cases := []Case{{P: 0.5}, {P: 0.5, Outcome: true}, {P: 0.9, Outcome: true}, {P: 0.8, Outcome: true}, {P: 0.1}}
	got := map[string]float64{}
	AddConfidence(got, cases)
	want := map[string]float64{
		"brier":        (0.25 + 0.25 + 0.01 + 0.04 + 0.01) / 5,
		"fpr_at_95tpr": 0.5, // all three right ones are reached at 0.5, where one of two wrong ones is
		// 1/4 wrong among the first four: within no budget. Of the first two none is.
		"coverage_at_risk_2": 0.4, "coverage_at_risk_5": 0.4, "coverage_at_risk_10": 0.4,
	}
	if diff := cmp.Diff(want, got, nearly); diff != "" {
		t.Error(diff)
	}
	if c := coverageAt(riskCoverage(claims(cases)), 0.25); c != 0.8 {
		t.Errorf("coverage %v at a quarter wrong", c)
	}
	if diff := cmp.Diff([]point{{0, 0}, {0, 1.0 / 3}, {0, 2.0 / 3}, {0.5, 1}, {1, 1}}, roc(claims(cases)), cmp.AllowUnexported(point{}), nearly); diff != "" {
		t.Error(diff)
	}
	bins := reliability([]float64{0, 0.05, 0.5, 1}, []bool{false, true, true, true}, 10)
	if b := bins[0]; b.n != 2 || b.share != 0.5 || b.mean != 0.025 || b.low > 0.02 || b.high < 0.98 {
		t.Errorf("first bin %+v", b)
	}
	if bins[5].n != 1 || bins[9].n != 1 || bins[9].share != 1 {
		t.Errorf("bins %+v", bins)
	}
	none := map[string]float64{}
	if AddConfidence(none, nil); len(none) != 0 {
		t.Errorf("figures of nothing: %v", none)
	}
}

func TestDirections(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]direction{
		"ndcg@10": higher, "recall_at_fpr_03": higher, "coverage_at_risk_2": higher, "auroc_near": higher,
		"top1_ece": lower, "top1_ece_others": lower, "brier": lower, "fpr": lower, "fpr_at_95tpr": lower, "wrong_upper_95": lower, "median_ms": lower,
		"queries": neither, "threshold": neither,
	} {
		if better(name) != want {
			t.Errorf("%s is taken for %v", name, better(name))
		}
	}
}

func TestFloors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Floor{
		"ndcg@10=0.6":               {"", "ndcg@10", 0.6, false},
		"ndcg@10>=0.6":              {"", "ndcg@10", 0.6, false},
		"top1_ece<=0.05":            {"", "top1_ece", 0.05, true},
		"help:recall@5=.8":          {"help", "recall@5", 0.8, false},
		"sets/a:b:fpr_at_95tpr<=.1": {"sets/a:b", "fpr_at_95tpr", 0.1, true},
		"auroc_near=0.5":            {"", "auroc_near", 0.5, false},
		"queries=100":               {"", "queries", 100, false},
		"person_recall=.9":          {"", "person_recall", 0.9, false},
		"wrong_upper<=.02":          {"", "wrong_upper", 0.02, true},
		"quoted_right=.8":           {"", "quoted_right", 0.8, false},
		"topic_accuracy=.5":         {"", "topic_accuracy", 0.5, false},
		"leaning_article@1=.4":      {"", "leaning_article@1", 0.4, false},
		"stepped_in_wrongly<=.1":    {"", "stepped_in_wrongly", 0.1, true},
	} {
		got, err := ParseFloor(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again, err := ParseFloor(got.String()); err != nil || again != want {
			t.Errorf("%s became %s, which is %+v, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]string{
		"": "METRIC=VALUE", "ndcg@10": "METRIC=VALUE", "=1": "METRIC=VALUE", "ndcg@10=": "METRIC=VALUE", "ndcg@10=high": "METRIC=VALUE", "ndcg@10=NaN": "METRIC=VALUE",
		":ndcg@10=1": "METRIC=VALUE", "speed=1": `"speed" is not a metric`, "top1_ece=0.05": "write top1_ece<=0.05", "ndcg@10<=0.6": "write ndcg@10=0.6",
	} {
		if f, err := ParseFloor(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %s", text, f, err, want)
		}
	}

	check := func(text string) ([]Verdict, error) {
		f, err := ParseFloor(text)
		if err != nil {
			t.Fatal(err)
		}
		return CheckFloors(sample().Entries, []Floor{f})
	}
	for text, want := range map[string]struct {
		met  bool
		says string
	}{
		"ndcg@10=0.6":          {true, "not below"},
		"ndcg@10=0.61":         {false, "ndcg@10 of help is 0.6000, below 0.6100"},
		"top1_ece<=0.1":        {true, "not above"},
		"top1_ece<=0.09":       {false, "top1_ece of help is 0.1000, above 0.0900"},
		"demo:wrong<=0.01":     {true, ""},
		"suites/demo:wrong<=0": {false, "wrong of demo"},
		"urgent:auroc=0.8":     {false, "auroc of urgent"},
	} {
		v, err := check(text)
		if err != nil || len(v) != 1 || v[0].Met != want.met || !strings.Contains(v[0].String(), want.says) {
			t.Errorf("%s: %v, %v", text, v, err)
		}
	}
	for text, want := range map[string]string{
		"mrr@10=0":             `no`, // no entry of the sample has it
		"nobody:wrong<=1":      `called "nobody"`,
		"demo:ndcg@10=0":       `has the figure "ndcg@10"`,
		"tasks/help:ndcg@10=0": `called "tasks/help"`,
	} {
		if v, err := check(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", text, v, err)
		}
	}
	broken := []Entry{{Area: Retrieval, Name: "x", Figures: map[string]float64{"ndcg@10": math.NaN()}}}
	if v, err := CheckFloors(broken, []Floor{{Metric: "ndcg@10", Value: 0}}); err != nil || v[0].Met {
		t.Errorf("what is no number meets a floor: %v, %v", v, err)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WriteTable(&b, sample()); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"ndcg@10", "0.6000", "help", "urgent", "demo", "folder", "suite"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "odd_one") {
		t.Errorf("what is undefined is shown:\n%s", text)
	}
	for _, block := range strings.Split(text, "\n\n") { // aligned: the lines of a table are equally long
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		for _, line := range lines {
			if len(line) != len(lines[0]) {
				t.Errorf("lines of different lengths:\n%s", block)
			}
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, n := rapid.String().Draw(t, "text"), rapid.IntRange(1, 40).Draw(t, "n")
		got := Shorten(text, n)
		if letters := []rune(strings.TrimSuffix(got, " ...")); len(letters) > n && len([]rune(got)) > n {
			t.Fatalf("%d letters of %d: %q", len(letters), n, got)
		}
	})
	if got := Shorten("one two\n three", 9); got != "one two ..." {
		t.Errorf("%q", got)
	}
}

// A count of one thing is no share: 1, not 1.0000.
func TestCounts(t *testing.T) {
	for _, name := range []string{"n", "queries", "answerable", "answered"} {
		if got := format(name, 1, 4); got != "1" {
			t.Errorf("%s is written %q", name, got)
		}
	}
	if got := format("coverage", 1, 4); got != "1.0000" {
		t.Errorf("a share is written %q", got)
	}
}
