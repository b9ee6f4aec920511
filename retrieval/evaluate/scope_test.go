package evaluate

import (
	"fmt"
	"strings"
	"testing"
)

// scoped is a set whose train asks for articles in words that no article has.
var scoped = map[string]string{
	"corpus.jsonl": tiny["corpus.jsonl"],
	"meta.json":    tiny["meta.json"],
	"train.jsonl": `{"text": "moolah boomerang please", "label": "in", "intent": "refund"}
{"text": "moolah boomerang today", "label": "in", "intent": "refund"}
{"text": "boomerang my moolah", "label": "in", "intent": "refund"}
{"text": "new address please", "label": "in", "intent": "address"}
`,
	"dev.jsonl": `{"text": "my moolah should boomerang", "label": "in", "intent": "refund"}
{"text": "enter a new address", "label": "in", "intent": "address"}
{"text": "close the account", "label": "in", "intent": "close"}
{"text": "who won the football match", "label": "oos", "kind": "far"}
{"text": "is the profile of this tyre deep", "label": "oos", "kind": "near"}
{"text": "zebra zebra zebra", "label": "oos", "kind": "far"}
`,
}

func TestScope(t *testing.T) {
	t.Parallel()
	e, err := Scope(t.Context(), []string{write(t, "oos-tiny", scoped)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Name != "oos-tiny" || e.Facts["task"] != "oos" || e.Facts["split"] != "dev" || e.Facts["fitted"] != "nothing" || !strings.HasPrefix(e.Facts["given"], "4 ") {
		t.Errorf("%s: facts %v", e.Name, e.Facts)
	}
	// The first question has a word of no article: only those of train tell what it means.
	if c := e.Cases[0]; c.Note != "first: refund" || !c.Outcome || c.Want[0] != "in scope" {
		t.Errorf("case %+v", c)
	}
	if got := e.Figures["auroc"]; got != 1 {
		t.Errorf("auroc is %v with the questions of train", got)
	}
	if got := e.Figures["auroc_unfitted"]; got >= 1 || got < 0.5 {
		t.Errorf("auroc is %v without labels", got)
	}
	for _, name := range []string{"auroc_near", "auroc_far", "auroc_near_unfitted", "auroc_far_unfitted", "fpr_at_95tpr", "precision", "recall", "fpr", "macro_f1", "top1_accuracy"} {
		if v, ok := e.Figures[name]; !ok || v < 0 || v > 1 {
			t.Errorf("%s is %v (%v)", name, v, ok)
		}
	}
	mean := 0.0
	for _, c := range e.Cases {
		mean += c.Score / float64(len(e.Cases))
	}
	if d := e.Figures[e.Main] - mean; d > 1e-9 || d < -1e-9 {
		t.Errorf("the main figure is %v, the mean of the cases %v", e.Figures[e.Main], mean)
	}
}

// TestScopeSharesLabels: weights are fitted on what no article was given, and never on what is scored.
func TestScopeSharesLabels(t *testing.T) {
	t.Parallel()
	var train strings.Builder
	for i := range 10 {
		fmt.Fprintf(&train, "{\"text\": \"question %d of money\", \"label\": \"in\", \"intent\": \"refund\"}\n", i)
	}
	fmt.Fprintln(&train, `{"text": "`+strings.Repeat("long ", 60)+`", "label": "in", "intent": "refund"}`)
	both := train.String() + `{"text": "zebra", "label": "oos"}` + "\n"
	dev := scoped["dev.jsonl"]
	for name, c := range map[string]struct {
		train, dev, test string
		split, fitted    string
		known, learned   int
	}{
		"fitted on half of train": {both, dev, dev, "test", "train", 5, 5 + 1},
		"fitted on dev":           {train.String(), dev, dev, "test", "dev", 10, 6 - 1}, // one stands in an article
		"nothing to fit on":       {train.String(), dev, "", "dev", "", 10, 0},
		"only test":               {"", "", dev, "test", "", 0, 0},
		"only train":              {both, "", "", "train", "", 0, 0},
	} {
		files := map[string]string{"corpus.jsonl": strings.Replace(tiny["corpus.jsonl"], "Open the profile", "close the account", 1), "meta.json": tiny["meta.json"]}
		for split, text := range map[string]string{"train.jsonl": c.train, "dev.jsonl": c.dev, "test.jsonl": c.test} {
			if text != "" {
				files[split] = text
			}
		}
		s, err := readScope([]string{write(t, "set", files)})
		if err != nil {
			t.Fatal(err)
		}
		fitted := s.fitting()
		known, learned := s.share(fitted)
		if s.Split != c.split || fitted != c.fitted || len(known["refund"]) != c.known || len(learned) != c.learned {
			t.Errorf("%s: split %s, fitted on %q, %d given, %d learned from", name, s.Split, fitted, len(known["refund"]), len(learned))
		}
		for _, q := range learned {
			for _, k := range known["refund"] {
				if q.Text == k {
					t.Errorf("%s: %q is learned from and given", name, k)
				}
			}
		}
	}
}

func TestScopeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for part, files := range map[string]map[string]string{
		"corpus.jsonl":            {"dev.jsonl": scoped["dev.jsonl"]},
		"in and out of scope":     {"corpus.jsonl": tiny["corpus.jsonl"], "dev.jsonl": `{"text": "x", "label": "in"}`},
		`needs "text" and`:        {"corpus.jsonl": tiny["corpus.jsonl"], "dev.jsonl": `{"text": "x"}`},
		`a document has no "_id"`: {"corpus.jsonl": `{"title": "x"}`, "dev.jsonl": scoped["dev.jsonl"]},
	} {
		if _, err := Scope(t.Context(), []string{write(t, "set", files)}, Options{}); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("want %q, got %v", part, err)
		}
	}
}

func TestBalanced(t *testing.T) {
	t.Parallel()
	if got := balanced([]float64{0.1, 0.2, 0.6, 0.7, 0.9}, []bool{false, false, true, false, true}); got != 0.6 && got != 0.9 {
		t.Errorf("threshold %v", got)
	}
	if got := balanced([]float64{0.1, 0.3, 0.8}, []bool{false, false, true}); got != 0.8 {
		t.Errorf("threshold %v", got)
	}
}
