package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// questionSet makes a folder of three documents and three questions, one of which plain words cannot answer.
func questionSet(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	for path, text := range map[string]string{
		"corpus.jsonl": `{"_id": "refund", "title": "When a refund arrives", "text": "The shop confirms the return, then the refund is paid out."}
{"_id": "address", "title": "Change the address", "text": "Open the profile and enter the new address."}
{"_id": "close", "title": "Close the account", "text": "Pay what is open and choose Close."}
`,
		"queries.jsonl": `{"_id": "1", "text": "my refund arrives"}
{"_id": "2", "text": "new address"}
{"_id": "3", "text": "refund after I close"}
`,
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\n1\trefund\t1\n2\taddress\t1\n3\taddress\t1\n",
	} {
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

// eval runs the command without any model.
func eval(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_BASE_URL", "FIRSTLINE_CHAT_MODEL", "FIRSTLINE_EMBEDDING_MODEL"} {
		t.Setenv(name, "")
	}
	var out, err bytes.Buffer
	code = run(t.Context(), append([]string{"eval"}, args...), &out, &err)
	return code, out.String(), err.String()
}

type evalFile struct {
	Settings map[string]string           `json:"settings"`
	Sets     map[string]map[string]any   `json:"sets"`
	Tasks    map[string]map[string]any   `json:"tasks"`
	Suites   map[string]map[string]any   `json:"suites"`
	Cases    map[string][]map[string]any `json:"cases"`
}

func readEval(t *testing.T, path string) evalFile {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f evalFile
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return f
}

func TestEvalFiles(t *testing.T) {
	dir, to := questionSet(t, "tiny"), t.TempDir()
	report, page := filepath.Join(to, "report.json"), filepath.Join(to, "report.html")
	code, stdout, stderr := eval(t, "--json", report, "--html", page, "--floor", "recall@10=0.6", dir)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if !strings.Contains(stdout, "ndcg@10") || !strings.Contains(stdout, "tiny") || !strings.Contains(stderr, "tiny: 3 documents, 3 questions") {
		t.Errorf("table %q, progress %q", stdout, stderr)
	}
	f := readEval(t, report)
	set := f.Sets["tiny"]
	for _, key := range []string{"split", "queries", "ndcg@10", "recall@5", "recall@10", "mrr@10", "top1_accuracy", "top1_auroc", "top1_ece", "precision_surest_half"} {
		if _, ok := set[key]; !ok {
			t.Errorf("the report has no %q: %v", key, set)
		}
	}
	// What is there beside the promised keys: nothing unknown may creep in.
	for key := range set {
		if !strings.Contains(" split queries ndcg@10 recall@5 recall@10 mrr@10 top1_accuracy top1_auroc top1_ece top1_ece_chance precision_surest_half documents locale median_ms brier fpr_at_95tpr coverage_at_risk_2 coverage_at_risk_5 coverage_at_risk_10 ", " "+key+" ") {
			t.Errorf("the report has an unknown key %q", key)
		}
	}
	if len(f.Sets) != 1 || f.Tasks == nil || f.Suites == nil || f.Settings["retrieval"] != "as served" || len(f.Cases["sets/tiny"]) != 3 || set["queries"] != 3.0 || set["split"] != "test" || set["top1_accuracy"].(float64) < 0.66 {
		t.Errorf("report %+v", f)
	}

	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	html := string(raw)
	for _, outside := range []string{"http:", "https:", "src=", `href="/`, "@import", "url(", "<script"} {
		if strings.Contains(html, outside) {
			t.Errorf("the page needs something else: %s", outside)
		}
	}
	if !strings.HasPrefix(html, "<!doctype html>") || !strings.Contains(html, "tiny") {
		t.Errorf("page:\n%s", html)
	}
}

func TestEvalBM25AndTypos(t *testing.T) {
	dir, to := questionSet(t, "tiny"), t.TempDir()
	reports := map[string]evalFile{}
	for name, args := range map[string][]string{
		"plain": {"--bm25"}, "once": {"--bm25", "--typos", "1"}, "twice": {"--bm25", "--typos", "1"},
	} {
		file := filepath.Join(to, name)
		if code, _, stderr := eval(t, append(args, "--json", file, dir)...); code != 0 {
			t.Fatalf("%s: exit code %d: %s", name, code, stderr)
		}
		reports[name] = readEval(t, file)
	}
	for _, f := range reports {
		delete(f.Settings, "measured")
	}
	if diff := cmp.Diff(reports["once"], reports["twice"]); diff != "" {
		t.Errorf("the same mistakes give other figures: %s", diff)
	}
	plain, typos := reports["plain"].Sets["tiny"], reports["once"].Sets["tiny"]
	if plain["map"].(float64) <= typos["map"].(float64) {
		t.Errorf("misspelt questions find as much by plain words: %v, %v", plain["map"], typos["map"])
	}
}

func TestEvalFloor(t *testing.T) {
	dir := questionSet(t, "tiny")
	code, stdout, stderr := eval(t, "--bm25", "--floor", "ndcg@10=0.99", "--floor", "recall@5=0.1", "--floor", "mrr@10=1", dir)
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !strings.Contains(stderr, "ndcg@10 of tiny is 0.") || !strings.Contains(stderr, "below 0.9900") || !strings.Contains(stderr, "mrr@10 of tiny") {
		t.Errorf("the message does not name what is too low: %s", stderr)
	}
	if strings.Contains(stderr, "recall@5") {
		t.Errorf("the message names what is high enough: %s", stderr)
	}
	if !strings.Contains(stdout, "tiny") {
		t.Error("a floor that is missed leaves the figures unprinted")
	}
}

func TestEvalMisused(t *testing.T) {
	dir := questionSet(t, "tiny")
	empty := t.TempDir()
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no folder given":  {nil, 2, "DIR"},
		"no such folder":   {[]string{filepath.Join(empty, "nowhere")}, 1, "nowhere: there is no such folder"},
		"empty folder":     {[]string{empty}, 1, "no qrels/<split>.tsv"},
		"floor no number":  {[]string{"--floor", "ndcg@10=high", dir}, 2, "--floor"},
		"floor no metric":  {[]string{"--floor", "speed=1", dir}, 2, `"speed=1" is not METRIC=VALUE`},
		"floor no value":   {[]string{"--floor", "ndcg@10", dir}, 2, "--floor"},
		"typos not share":  {[]string{"--typos", "25", dir}, 2, "--typos"},
		"typos negative":   {[]string{"--typos=-0.1", dir}, 2, "--typos"},
		"page has no home": {[]string{"--bm25", "--html", filepath.Join(empty, "no", "page.html"), dir}, 2, "--html: There is no folder"},
		"page is a folder": {[]string{"--html", empty, dir}, 2, "--html: " + empty + " is a folder"},
		"page to a pipe":   {[]string{"--html", "-", dir}, 2, "--html: Only --json"},
		"no home for json": {[]string{"--json", filepath.Join(empty, "no", "x"), dir}, 2, "--json: There is no folder"},
		"plain questions":  {[]string{"--bm25", "--demo"}, 2, "--bm25: "},
		"typos of labels":  {[]string{"--typos", "0.2", "--demo"}, 2, "--typos: "},
		"task of labels":   {[]string{"--task", "human", "--demo"}, 2, "--task: "},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := eval(t, tt.args...)
			if code != tt.code || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit code %d, %q; want %d and %q", code, stderr, tt.code, tt.want)
			}
		})
	}
}
