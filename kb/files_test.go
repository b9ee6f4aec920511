package kb

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb/demo"
)

func TestImportDir(t *testing.T) {
	t.Parallel()
	b := setup(t)
	file := func(d Document) *fstest.MapFile { return &fstest.MapFile{Data: d.Render()} }
	tree := fstest.MapFS{
		"en/paying/a.md":    file(article("a", markets("gb"))),
		"en/paying/a.us.md": file(article("a", variant("us"), markets("us"))),
		"de/paying/a.md":    file(article("a", markets("gb"), locale("de"), body("[x](/help/none)\n"))),
		"en/paying/fig.png": {Data: []byte("no article")},
		".git/x.md":         {Data: []byte("no article")},
		"en/.draft.md":      {Data: []byte("no article")},
	}
	var steps []int
	r, err := ImportDir(t.Context(), b.Store, tree, ImportOptions{DryRun: true, Progress: func(done, total int) { steps = append(steps, done, total) }})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, r, "3 created 0 updated 0 unchanged 0 archived, 5 passages, revision 1")
	wantState(t, b)
	if d := cmp.Diff([]int{1, 3, 2, 3, 3, 3}, steps); d != "" {
		t.Error(d)
	}
	if len(r.Problems) != 1 || r.Problems[0].Rule != "broken_link" || r.Problems[0].File != "de/paying/a.md" || r.Problems[0].Line != 11 {
		t.Errorf("problems: %+v", r.Problems)
	}

	if _, err = ImportDir(t.Context(), b.Store, tree, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	delete(tree, "de/paying/a.md")
	r, err = ImportDir(t.Context(), b.Store, tree, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, r, "0 created 0 updated 2 unchanged 0 archived, 0 passages, revision 0")
	r, err = ImportDir(t.Context(), b.Store, tree, ImportOptions{Archive: true})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, r, "0 created 0 updated 2 unchanged 1 archived, 0 passages, revision 2")
	wantState(t, b, "a de 1 archived @2, 0", "a en 1 published @1, 2", "a.us en 1 published @1, 2")

	// Three files are wrong in three ways: all are named, and the good one is not imported.
	tree["en/paying/b.md"] = &fstest.MapFile{Data: []byte("no front matter")}
	tree["en/paying/c.md"] = &fstest.MapFile{Data: []byte(strings.Replace(string(article("c").Render()), "slug: c", "slug: C", 1))}
	tree["en/paying/d.md"] = file(article("a", markets("gb")))
	tree["en/paying/e.md"] = file(article("e"))
	r, err = ImportDir(t.Context(), b.Store, tree, ImportOptions{})
	var ps Problems
	if !errors.As(err, &ps) || !fault.Is(err, fault.Invalid) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range ps {
		got = append(got, p.File+" "+p.Rule)
	}
	if d := cmp.Diff([]string{"en/paying/b.md no_front_matter", "en/paying/c.md bad_slug", "en/paying/d.md same_page"}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Problem(ps), r.Problems); d != "" {
		t.Error(d)
	}
	wantState(t, b, "a de 1 archived @2, 0", "a en 1 published @1, 2", "a.us en 1 published @1, 2")

	if _, err := ImportDir(t.Context(), b.Store, fstest.MapFS{}, ImportOptions{Archive: true}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty folder gave %v", err)
	}
	if _, err := ImportDir(t.Context(), b.Store, os.DirFS(filepath.Join(t.TempDir(), "none")), ImportOptions{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a folder that does not exist gave %v", err)
	}
}

func TestExportDir(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, article("a", markets("gb")), article("a", variant("us"), markets("us")), article("b"), article("b", locale("de")))
	if err := b.Unpublish(t.Context(), "b", "", "de"); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new", "out")
	n, err := ExportDir(t.Context(), b.Store, dir, ExportOptions{})
	if n != 3 || err != nil {
		t.Fatal(n, err)
	}
	want := map[string]string{
		"en/paying/a.md":    string(article("a", markets("gb")).Render()),
		"en/paying/a.us.md": string(article("a", variant("us"), markets("us")).Render()),
		"en/paying/b.md":    string(article("b").Render()),
	}
	if d := cmp.Diff(want, readTree(t, os.DirFS(dir))); d != "" {
		t.Error(d)
	}
	if _, err := ExportDir(t.Context(), b.Store, dir, ExportOptions{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a folder that is not empty gave %v", err)
	}
	want["en/paying/b.md"] = string(article("b", body("Changed.")).Render())
	want["mine.txt"] = "mine"
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.publish(t, article("b", body("Changed.")))
	if n, err := ExportDir(t.Context(), b.Store, dir, ExportOptions{Force: true}); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if d := cmp.Diff(want, readTree(t, os.DirFS(dir))); d != "" {
		t.Error(d)
	}
	// What was put into the tables by hand cannot lead out of the folder.
	if _, err := b.pool.Exec(t.Context(), `UPDATE articles SET collection = '../../..' WHERE slug = 'b'`); err != nil {
		t.Fatal(err)
	}
	outer := t.TempDir()
	if _, err := ExportDir(t.Context(), b.Store, filepath.Join(outer, "a", "b"), ExportOptions{}); err == nil || !strings.Contains(err.Error(), "collection") {
		t.Errorf("a collection of ../.. gave %v", err)
	}
}

func readTree(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func demoArticles(t testing.TB) fs.FS {
	t.Helper()
	articles, err := fs.Sub(demo.FS, "articles")
	if err != nil {
		t.Fatal(err)
	}
	return articles
}

// TestDemoRoundTrip sends the demo's help centre through the database and back: the same bytes, and nothing to do when
// they are imported again.
func TestDemoRoundTrip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	articles := demoArticles(t)
	before := readTree(t, articles)
	if r, err := ImportDir(t.Context(), b.Store, articles, ImportOptions{}); err != nil || r.Created != len(before) {
		t.Fatalf("%d of %d imported: %v", r.Created, len(before), err)
	}
	dir := t.TempDir()
	if _, err := ExportDir(t.Context(), b.Store, dir, ExportOptions{}); err != nil {
		t.Fatal(err)
	}
	after := readTree(t, os.DirFS(dir))
	for name, data := range before {
		if after[name] != data {
			t.Errorf("%s changed:\n%s", name, cmp.Diff(strings.Split(data, "\n"), strings.Split(after[name], "\n")))
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("%s is new", name)
		}
	}
	r, err := ImportDir(t.Context(), b.Store, os.DirFS(dir), ImportOptions{Archive: true})
	if err != nil || r.Unchanged != len(before) || r.Revision != 0 {
		t.Errorf("importing the export: %s, %v", counts(r), err)
	}
}

// TestDemoContent holds the demo to what it promises: enough articles in four languages, for both audiences, with
// market variants, and not one mistake that Lint knows.
func TestDemoContent(t *testing.T) {
	docs, err := ReadDir(demoArticles(t))
	if err != nil {
		t.Fatal(err)
	}
	byLocale, variants, merchant := map[string]int{}, map[string]bool{}, 0
	for _, d := range docs {
		byLocale[d.Locale]++
		if d.Variant != "" {
			variants[d.Slug+"."+d.Variant] = true
		}
		if d.Audience == Merchant && d.Locale == SourceLocale {
			merchant++
		}
		if (d.Collection == "merchant") != (d.Audience == Merchant) {
			t.Errorf("%s: collection %s is for audience %s", d.File, d.Collection, d.Audience)
		}
		for _, p := range Chunk(d) {
			if len(p.Text) < 20 || len([]rune(p.Text)) > passageMost+passageLeast {
				t.Errorf("%s: section %q has %d characters", d.File, strings.Join(p.Headings, " > "), len([]rune(p.Text)))
			}
		}
	}
	for locale, least := range map[string]int{"en": 80, "de": 20, "es": 20, "sv": 20} {
		if byLocale[locale] < least {
			t.Errorf("%d articles in %s, want at least %d", byLocale[locale], locale, least)
		}
	}
	if len(variants) < 3 {
		t.Errorf("market variants: %v, want at least 3", variants)
	}
	if merchant < 8 {
		t.Errorf("%d articles for merchants, want at least 8", merchant)
	}
	if err := checkTogether(docs); err != nil {
		t.Error(err)
	}
	for _, p := range LintAt(docs, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)) {
		if p.Warning {
			t.Log("warning:", p)
		} else {
			t.Error(p)
		}
	}
}

// BenchmarkPublish publishes 10,000 documents of about 400 words, then changes one word in each tenth of them.
func BenchmarkPublish(b *testing.B) {
	docs, err := ReadDir(demoArticles(b))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; len(docs) < 10_000; i++ {
		d := docs[i]
		d.Slug += "-x"
		docs = append(docs, d)
	}
	docs = docs[:10_000]
	changed := make([]Document, len(docs))
	for i, d := range docs {
		if i%10 == 0 {
			d.Markdown += "\nOne more line.\n"
		}
		changed[i] = d
	}
	for b.Loop() {
		b.StopTimer()
		s := setup(b)
		b.StartTimer()
		start := time.Now()
		s.publish(b, docs...)
		first := time.Now()
		s.publish(b, changed...)
		second := time.Now()
		s.publish(b, changed...)
		b.ReportMetric(first.Sub(start).Seconds(), "s/first")
		b.ReportMetric(second.Sub(first).Seconds(), "s/tenth-changed")
		b.ReportMetric(time.Since(second).Seconds(), "s/unchanged")
	}
}
