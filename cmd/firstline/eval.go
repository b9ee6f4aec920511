package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/llm"
	findings "github.com/firstline/firstline/internal/report"
	"github.com/firstline/firstline/retrieval/evaluate"
)

// EvalCmd scores folders of questions with known answers.
type EvalCmd struct {
	Dirs     []string `arg:"" optional:"" name:"dir" help:"Folders in the BEIR layout (corpus.jsonl, queries.jsonl, qrels/<split>.tsv), or with --task of labelled messages (train.jsonl, dev.jsonl, test.jsonl)."`
	Task     string   `help:"Score labelled messages instead: topics, urgent, human, oos or injection." placeholder:"TASK"`
	Split    string   `help:"Split of the relevance judgements; another one is taken where it is missing." default:"test"`
	Typos    float64  `help:"Misspell this share of the questions' long words, always the same ones." placeholder:"SHARE"`
	BM25     bool     `name:"bm25" help:"Score plain BM25 instead of the serving retrieval."`
	JSON     string   `name:"json" help:"Write figures and cases to this file, or to standard output for -." placeholder:"FILE"`
	NoCases  bool     `help:"Leave the single questions out of the JSON."`
	HTML     string   `name:"html" help:"Write a page with figures, plots and the worst cases to this file." placeholder:"FILE"`
	Compare  string   `help:"Say what changed since the JSON of another run, question by question." placeholder:"FILE"`
	Verdicts bool     `help:"Hold what agents said of handoffs (right, too early, too late, wrong team) against what the assistant would do now, over the configured database."`
	suiteOptions

	Floor []string `help:"Fail when a figure is worse: ndcg@10=0.6, top1_ece<=0.05; NAME:METRIC=VALUE for one folder. May be repeated." placeholder:"METRIC=VALUE" sep:"none"`
}

// Run scores, prints tables, writes the files, and fails when a figure is worse than its floor. It uses a database of
// its own that is gone afterwards, whatever DATABASE_URL says.
func (c *EvalCmd) Run(e *env) error {
	out, err := c.output()
	if err != nil {
		return err
	}
	if c.Typos < 0 || c.Typos > 1 {
		return fault.Field("--typos", "out_of_range", "%v is not a share between 0 and 1.", c.Typos)
	}
	if err := c.suiteOptions.check(); err != nil {
		return err
	}
	if err := c.needsFolders(); err != nil {
		return err
	}
	if len(c.Dirs) == 0 && !c.wanted() && !c.Verdicts {
		return fault.Field("DIR", "required", "Name a folder of questions, --suite PATH for labelled questions of your own, --demo, or --verdicts.")
	}
	started := time.Now()
	entries, err := c.measure(e)
	if err == nil && c.wanted() {
		var asked []findings.Entry
		asked, err = c.suiteOptions.run(e)
		entries = append(entries, asked...)
	}
	if err == nil && c.Verdicts {
		var judged findings.Entry
		judged, err = measureVerdicts(e)
		entries = append(entries, judged)
	}
	if err == nil {
		err = out.write(e, findings.Report{Settings: c.settings(e, started), Entries: entries})
	}
	if errors.Is(err, context.Canceled) && e.ctx.Err() != nil { // a gate must not take this for success
		return fault.New(fault.Unavailable, "interrupted", "Interrupted; nothing was written.")
	}
	return err
}

// needsFolders refuses what only folders of questions know: beside labelled questions alone it would change nothing but
// what the report says of itself.
func (c *EvalCmd) needsFolders() error {
	if len(c.Dirs) > 0 || !c.wanted() {
		return nil
	}
	for _, f := range []struct {
		name  string
		given bool
	}{{"--task", c.Task != ""}, {"--bm25", c.BM25}, {"--typos", c.Typos > 0}} {
		if f.given {
			return fault.Field(f.name, "needs_a_folder", "Labelled questions are asked as served; name the folder that this is for, or leave it out.")
		}
	}
	return nil
}

// measure scores the folders, each as what it is.
func (c *EvalCmd) measure(e *env) ([]findings.Entry, error) {
	opts := evaluate.Options{Split: c.Split, Typos: c.Typos, BM25: c.BM25, Progress: func(s string) { fmt.Fprintln(e.err, s) }}
	model := llm.New(e.cfg.llm(), llm.Options{Logger: e.cfg.logger(e)})
	defer model.Close()
	if model.HasEmbeddings() {
		opts.Embedder, opts.Model, opts.Size = model, e.cfg.EmbeddingModel, e.cfg.EmbeddingDimensions
	}
	switch {
	case len(c.Dirs) == 0:
		return nil, nil
	case c.Task != "":
		return runTasks(e.ctx, c.Task, c.Dirs, opts)
	}
	return evaluate.Run(e.ctx, c.Dirs, opts)
}

// settings says what was measured, for readers of the report.
func (c *EvalCmd) settings(e *env, started time.Time) map[string]string {
	s := map[string]string{
		"measured": started.UTC().Format(time.RFC3339), "revision": revision(), "retrieval": "as served", "embedding model": "built in",
	}
	if e.cfg.EmbeddingModel != "" {
		s["embedding model"] = e.cfg.EmbeddingModel
	}
	switch {
	case c.Task != "":
		s["task"] = c.Task
		delete(s, "retrieval")
	case c.BM25:
		s["retrieval"], s["embedding model"] = "plain BM25", "none"
	}
	if c.wanted() {
		s["chat model"] = cmp.Or(e.cfg.llm().ChatModel, "none: answers are quoted")
	}
	if c.Typos > 0 {
		s["typos"] = fmt.Sprint(c.Typos)
	}
	return s
}

// evalOutput is where a report goes and what it is held against. It takes entries of any area.
type evalOutput struct {
	json, html string
	cases      bool
	floors     []findings.Floor
	before     *findings.Report // to compare with; nil: nothing
}

// output reads what can be wrong before anything is measured.
func (c *EvalCmd) output() (*evalOutput, error) {
	out := &evalOutput{json: c.JSON, html: c.HTML, cases: !c.NoCases}
	for _, f := range []struct{ flag, path string }{{"--json", c.JSON}, {"--html", c.HTML}, {"--certificate", c.Certificate}} {
		if err := canHold(f.flag, f.path); err != nil {
			return nil, err
		}
	}
	for _, given := range c.Floor {
		f, err := findings.ParseFloor(given)
		if err != nil {
			return nil, fault.Field("--floor", "malformed", "%v.", err)
		}
		out.floors = append(out.floors, f)
	}
	if c.Compare != "" {
		f, err := os.Open(c.Compare)
		if err != nil {
			return nil, fault.Field("--compare", "unreadable", "%v.", err)
		}
		defer f.Close()
		before, err := findings.ReadJSON(f)
		if err != nil {
			return nil, fault.Field("--compare", "malformed", "%s is no report that eval wrote: %v.", c.Compare, err)
		}
		out.before = &before
	}
	return out, nil
}

// write prints the tables, writes the files, and only then says what is worse than its floor.
func (o *evalOutput) write(e *env, r findings.Report) error {
	people := e.out
	if o.json == "-" {
		people = e.err
	}
	if err := findings.WriteTable(people, r); err != nil {
		return err
	}
	page := findings.Page{Report: r}
	if o.before != nil {
		changes := findings.Compare(*o.before, r)
		page.Changes = &changes
		fmt.Fprintln(people)
		if err := findings.WriteComparison(people, changes); err != nil {
			return err
		}
	}
	var wrong error
	page.Floors, wrong = findings.CheckFloors(r.Entries, o.floors)
	if o.json == "-" {
		if err := findings.WriteJSON(e.out, r, o.cases); err != nil {
			return err
		}
	} else if o.json != "" {
		if err := toFile(o.json, func(w io.Writer) error { return findings.WriteJSON(w, r, o.cases) }); err != nil {
			return err
		}
	}
	if o.html != "" {
		if err := toFile(o.html, func(w io.Writer) error { return findings.WritePage(w, page) }); err != nil {
			return err
		}
	}
	if wrong != nil {
		return fault.Field("--floor", "unknown", "%v.", wrong)
	}
	var missed []string
	for _, v := range page.Floors {
		if !v.Met {
			missed = append(missed, v.String())
		}
	}
	if len(missed) > 0 {
		return errors.New(strings.Join(missed, "\n"))
	}
	return nil
}

// canHold tells before a long measurement whether a file can be made where it is wanted. Only --json may go to standard
// output.
func canHold(flag, path string) error {
	if path == "" || path == "-" && flag == "--json" {
		return nil
	}
	if path == "-" {
		return fault.Field(flag, "needs_a_file", "Only --json writes to standard output; name a file.")
	}
	if at, err := os.Stat(path); err == nil && at.IsDir() {
		return fault.Field(flag, "is_a_folder", "%s is a folder; name a file.", path)
	}
	if at, err := os.Stat(filepath.Dir(path)); err != nil || !at.IsDir() {
		return fault.Field(flag, "no_folder", "There is no folder for %s; make it first.", path)
	}
	return nil
}

// toFile writes a file and reports what closing it says.
func toFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close() // the first error is the one that matters
		return err
	}
	return f.Close()
}

// revision is the commit that the program was built from, as far as it knows.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return "unknown"
}
