package evaluate

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/internal/report"
)

// write makes a folder of files and returns its path.
func write(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tiny is a set of three documents and three questions, of which the last finds a document that is not the right one.
var tiny = map[string]string{
	"corpus.jsonl": `{"_id": "refund", "title": "When a refund arrives", "text": "The shop confirms the return, then the refund is paid out."}
{"_id": "address", "title": "Change the address", "text": "Open the profile and enter the new address."}

{"_id": "close", "title": "Close the account", "text": "Pay what is open and choose Close."}
`,
	"queries.jsonl": `{"_id": "1", "text": "my refund"}
{"_id": "2", "text": "new address"}
{"_id": "3", "text": "refund after I close"}
{"_id": "4", "text": "nobody judged this one"}
`,
	"qrels/test.tsv": "query-id\tcorpus-id\tscore\n1\trefund\t1\n2\taddress\t1\n2\tclose\t0\n3\taddress\t2\n",
	"meta.json":      `{"locale": "en-GB"}`,
}

var nearly = cmpopts.EquateApprox(0, 1e-4)

func TestScoreByHand(t *testing.T) {
	t.Parallel()
	s := &Set{Name: "two", Split: "dev", Locale: "en", Documents: []Document{{"a", "A", "x"}, {"b", "B", "y"}, {"c", "", "C has\n no title"}}, Questions: []Question{
		{ID: "1", Text: "first?", Relevant: map[string]float64{"b": 1}},
		{ID: "2", Text: "second?", Relevant: map[string]float64{"a": 1, "c": 1}},
	}}
	answers := []asked{{ranked: []string{"a", "b"}, confidence: 0.2}, {ranked: []string{"a"}, confidence: 0.9}}
	got := score(s, answers, Options{BM25: true})
	want := map[string]float64{
		"queries": 2, "documents": 3,
		"ndcg@10":  (0.63093 + 1/1.63093) / 2, // 1/log2(3) at the second place; one of two at the first
		"recall@5": 0.75, "recall@10": 0.75, "mrr@10": 0.75, "top1_accuracy": 0.5, "map": 0.5,
		"top1_auroc": 1, "top1_ece": (0.2 + 0.1) / 2, "precision_surest_half": 1,
		"top1_ece_chance": 0.797885 * (0.4 + 0.3) / 2, // sqrt(2/pi) standard deviations of each question's outcome
		"brier":           (0.04 + 0.01) / 2, "fpr_at_95tpr": 0,
		"coverage_at_risk_2": 0.5, "coverage_at_risk_5": 0.5, "coverage_at_risk_10": 0.5,
	}
	if diff := cmp.Diff(want, got.Figures, nearly); diff != "" {
		t.Error(diff)
	}
	wantCases := []report.Case{
		{ID: "1", Text: "first?", Score: 0.63093, P: 0.2, Want: []string{"b"}, Got: []string{"a", "b"}},
		{ID: "2", Text: "second?", Score: 1 / 1.63093, P: 0.9, Outcome: true, Want: []string{"a", "c"}, Got: []string{"a"}},
	}
	if diff := cmp.Diff(wantCases, got.Cases, nearly); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "A", "b": "B", "c": "C has no title"}, got.Titles); diff != "" {
		t.Error(diff)
	}
	if got.Key() != "sets/two" || got.Main != "ndcg@10" || got.Facts["split"] != "dev" || got.Facts["locale"] != "en" {
		t.Errorf("entry %s, main figure %s, %v", got.Key(), got.Main, got.Facts)
	}
	// Where everything is right there is no AUROC, but its readers must find a number; the rest is left out.
	all := score(&Set{Questions: s.Questions[1:]}, answers[1:], Options{}).Figures
	if v, ok := all["top1_auroc"]; v != 0 || !ok {
		t.Errorf("AUROC %v of a set where everything is right", v)
	}
	if v, ok := all["fpr_at_95tpr"]; ok {
		t.Errorf("false positives %v of a set where nothing is wrong", v)
	}
}

// Ten results are kept of each question, however many were found.
func TestCasesAreShort(t *testing.T) {
	t.Parallel()
	ranked := strings.Split("abcdefghijklmno", "")
	e := score(&Set{Questions: []Question{{ID: "1", Relevant: map[string]float64{"n": 2, "b": 1, "o": 2}}}}, []asked{{ranked: ranked}}, Options{})
	if diff := cmp.Diff(ranked[:10], e.Cases[0].Got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"n", "o", "b"}, e.Cases[0].Want); diff != "" {
		t.Error("most relevant first:", diff)
	}
}

// Two sets whose confidence is off in the same way correct each other's third; one that is off in the other way is made
// worse by them.
func TestCalibrateOnOthers(t *testing.T) {
	t.Parallel()
	entry := func(said, share float64) report.Entry {
		e := report.Entry{Figures: map[string]float64{}}
		for i := range 400 {
			e.Cases = append(e.Cases, report.Case{P: said, Outcome: float64(i%100) < share*100})
		}
		return e
	}
	entries := []report.Entry{entry(0.9, 0.6), entry(0.9, 0.6), entry(0.9, 0.6)}
	calibrateOnOthers(entries)
	for _, e := range entries {
		if v := e.Figures["top1_ece_others"]; v > 0.01 {
			t.Errorf("error %v where the others are off in the same way", v)
		}
	}
	entries[1] = entry(0.9, 0.9)
	calibrateOnOthers(entries)
	if v := entries[1].Figures["top1_ece_others"]; math.Abs(v-0.3) > 0.01 {
		t.Errorf("error %v of the set that was right, want the others' 0.3", v)
	}
	two := []report.Entry{entry(0.9, 0.6), entry(0.9, 0.6)}
	calibrateOnOthers(two)
	if _, ok := two[0].Figures["top1_ece_others"]; ok {
		t.Error("one other set is taken for the others")
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	s, err := Read(write(t, "tiny", tiny), "test")
	if err != nil {
		t.Fatal(err)
	}
	want := []Question{
		{"1", "my refund", map[string]float64{"refund": 1}}, {"2", "new address", map[string]float64{"address": 1}},
		{"3", "refund after I close", map[string]float64{"address": 2}},
	}
	if diff := cmp.Diff(want, s.Questions); diff != "" {
		t.Error(diff)
	}
	if s.Name != "tiny" || s.Split != "test" || s.Locale != "en-GB" || len(s.Documents) != 3 {
		t.Errorf("read %s, %s, %s, %d documents", s.Name, s.Split, s.Locale, len(s.Documents))
	}

	others := maps.Clone(tiny)
	delete(others, "meta.json")
	others["qrels/dev.tsv"], others["qrels/zeta.tsv"] = "1\t0\trefund\t1\n", "1\t0\trefund\t1\n"
	delete(others, "qrels/test.tsv")
	if s, err = Read(write(t, "zeta", others), "zeta"); err != nil || s.Split != "zeta" || s.Locale != "en" || len(s.Questions) != 1 {
		t.Errorf("four columns, no meta.json: %+v, %v", s, err)
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	with := func(path, text string) map[string]string {
		files := maps.Clone(tiny)
		if files[path] = text; text == "" {
			delete(files, path)
		}
		return files
	}
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no folder":          {nil, "there is no such folder"},
		"no qrels":           {with("qrels/test.tsv", ""), "no qrels/<split>.tsv"},
		"no corpus":          {with("corpus.jsonl", ""), "no such file as corpus.jsonl"},
		"no queries":         {with("queries.jsonl", ""), "no such file as queries.jsonl"},
		"corpus is no JSON":  {with("corpus.jsonl", "{\"_id\": \"a\"}\nnonsense\n"), "corpus.jsonl:2: invalid character"},
		"document has no id": {with("corpus.jsonl", `{"title": "x"}`), `corpus.jsonl:1: a document has no "_id"`},
		"columns":            {with("qrels/test.tsv", "1\trefund\n"), "test.tsv:1: 2 columns"},
		"grade":              {with("qrels/test.tsv", "1\trefund\t1\n2\taddress\tvery\n"), "test.tsv:2: "},
		"nothing judged":     {with("qrels/test.tsv", "9\trefund\t1\n"), "3 documents and 0 questions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Read(write(t, "set", tt.files), "test"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestTwoFoldersOfOneName(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), []string{write(t, "same", tiny), write(t, "same", tiny)}, Options{BM25: true})
	if err == nil || !strings.Contains(err.Error(), `two folders are called "same"`) {
		t.Errorf("error %v", err)
	}
}

// The same tiny set through plain BM25 and through the product: both find what has the question's words, and neither
// finds the third question's document first.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := write(t, "tiny", tiny)
	for _, bm25 := range []bool{true, false} {
		var told []string
		entries, err := Run(t.Context(), []string{dir}, Options{BM25: bm25, Progress: func(s string) { told = append(told, s) }})
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 1 || entries[0].Name != "tiny" || len(entries[0].Cases) != 3 {
			t.Fatalf("bm25 %v: %+v", bm25, entries)
		}
		got := entries[0].Figures
		if got["queries"] != 3 || got["documents"] != 3 || math.Abs(got["top1_accuracy"]-2.0/3) > 1e-9 || got["ndcg@10"] <= got["top1_accuracy"]-1e-9 || got["ndcg@10"] >= 1 {
			t.Errorf("bm25 %v: %v", bm25, got)
		}
		if (got["map"] > 0) != bm25 || (got["median_ms"] > 0) == bm25 {
			t.Errorf("bm25 %v: map %v, %v ms", bm25, got["map"], got["median_ms"])
		}
		if !slices.Equal(told, []string{"tiny: 3 documents, 3 questions"}) {
			t.Errorf("told %q", told)
		}
	}
}

func TestMisspell(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zäß]{1,9}[?,.]?|[0-9]{5,7}|日本語の本`), 1, 8).Draw(t, "words")
		text, seed := strings.Join(words, " "), rapid.String().Draw(t, "seed")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		got := Misspell(text, share, seed)
		if again := Misspell(text, share, seed); again != got {
			t.Fatalf("once %q, then %q", got, again)
		}
		if share == 0 && got != text {
			t.Fatalf("no mistakes wanted, got %q", got)
		}
		changed := strings.Split(got, " ")
		if len(changed) != len(words) {
			t.Fatalf("%q became %q", text, got)
		}
		for i, w := range words {
			length := utf8.RuneCountInString(w)
			if changed[i] != w && (length < longWord || strings.ContainsAny(w, "0123456789日")) {
				t.Fatalf("%q became %q", w, changed[i])
			}
			if d := utf8.RuneCountInString(changed[i]) - length; d < -1 || d > 1 {
				t.Fatalf("%q became %q: more than one mistake", w, changed[i])
			}
		}
	})
	const text = "Where exactly can somebody change their delivery address before Friday"
	if got := Misspell(text, 1, "7"); got == text || Misspell(text, 1, "8") == got {
		t.Errorf("every long word misspelt gave %q, whatever the seed", got)
	}
}
