package main

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/retrieval/evaluate"
)

// EvalCmd scores folders of questions with known answers.
type EvalCmd struct {
	Dirs  []string `arg:"" name:"dir" help:"Folders in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/<split>.tsv."`
	Split string   `help:"Split of the relevance judgements; another one is taken where it is missing." default:"test"`
	Typos float64  `help:"Misspell this share of the questions' long words, always the same ones." placeholder:"SHARE"`
	BM25  bool     `name:"bm25" help:"Score plain BM25 instead of the serving retrieval."`
	JSON  string   `name:"json" help:"Write the figures to this file." placeholder:"FILE"`
	HTML  string   `name:"html" help:"Write a page with the figures to this file." placeholder:"FILE"`
	Floor []string `help:"Fail when a set's figure is lower, such as ndcg@10=0.6." placeholder:"METRIC=VALUE" sep:"none"`
}

// Run scores, prints a table, writes the files, and fails when a figure lies below its floor. It uses a database of its
// own that is gone afterwards, whatever DATABASE_URL says.
func (c *EvalCmd) Run(e *env) error {
	floors, err := parseFloors(c.Floor)
	if err != nil {
		return err
	}
	if c.Typos < 0 || c.Typos > 1 {
		return fault.Field("--typos", "out_of_range", "%v is not a share between 0 and 1.", c.Typos)
	}
	opts := evaluate.Options{Split: c.Split, Typos: c.Typos, BM25: c.BM25, Progress: func(s string) { fmt.Fprintln(e.err, s) }}
	model := llm.New(e.cfg.llm(), llm.Options{Logger: e.cfg.logger(e)})
	defer model.Close()
	if model.HasEmbeddings() {
		opts.Embedder, opts.Model, opts.Size = model, e.cfg.EmbeddingModel, e.cfg.EmbeddingDimensions
	}
	report, err := evaluate.Run(e.ctx, c.Dirs, opts)
	if err != nil {
		return err
	}
	if err := writeTable(e.out, report); err != nil {
		return err
	}
	if c.JSON != "" {
		raw, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.JSON, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	if c.HTML != "" {
		if err := writePage(c.HTML, report); err != nil {
			return err
		}
	}
	return checkFloors(report, floors)
}

type floor struct {
	metric string
	value  float64
}

func parseFloors(given []string) ([]floor, error) {
	var floors []floor
	for _, g := range given {
		metric, value, ok := strings.Cut(g, "=")
		x, err := strconv.ParseFloat(value, 64)
		if _, known := (evaluate.Scores{}).Metric(metric); !ok || err != nil || !known {
			return nil, fault.Field("--floor", "malformed", "%q is not METRIC=VALUE with a metric of the report, such as ndcg@10=0.6.", g)
		}
		floors = append(floors, floor{metric, x})
	}
	return floors, nil
}

func checkFloors(report evaluate.Report, floors []floor) error {
	var below []string
	for _, name := range slices.Sorted(maps.Keys(report.Sets)) {
		for _, f := range floors {
			if v, _ := report.Sets[name].Metric(f.metric); v < f.value {
				below = append(below, fmt.Sprintf("%s of %s is %.4f, below %.4f", f.metric, name, v, f.value))
			}
		}
	}
	if len(below) > 0 {
		return fmt.Errorf("%s", strings.Join(below, "\n"))
	}
	return nil
}

func writeTable(w io.Writer, report evaluate.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "set\tsplit\tlocale\tdocuments\tquestions\tndcg@10\trecall@5\trecall@10\tmrr@10\ttop1\tauroc\tece\tsurest half\tmap\tms\t")
	for _, name := range slices.Sorted(maps.Keys(report.Sets)) {
		s := report.Sets[name]
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.1f\t\n", name, s.Split, s.Locale, s.Documents, s.Queries,
			s.NDCG, s.Recall5, s.Recall, s.MRR, s.Top1, s.AUROC, s.ECE, s.Surest, s.MAP, s.MedianMS)
	}
	return t.Flush()
}

var evalPage = template.Must(template.New("eval").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Retrieval</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem}table{border-collapse:collapse}th,td{padding:.3rem .8rem;text-align:right;border-bottom:1px solid #ccc}th:first-child,td:first-child{text-align:left}</style>
<h1>Retrieval</h1>
<table><thead><tr><th>Set<th>Split<th>Questions<th>nDCG@10<th>Recall@5<th>Recall@10<th>MRR@10<th>First right<th>AUROC<th>ECE<th>Surest half right</tr></thead>
<tbody>{{range $name, $s := .Sets}}<tr><td>{{$name}}<td>{{$s.Split}}<td>{{$s.Queries}}<td>{{printf "%.3f" $s.NDCG}}<td>{{printf "%.3f" $s.Recall5}}<td>{{printf "%.3f" $s.Recall}}<td>{{printf "%.3f" $s.MRR}}<td>{{printf "%.3f" $s.Top1}}<td>{{printf "%.3f" $s.AUROC}}<td>{{printf "%.3f" $s.ECE}}<td>{{printf "%.3f" $s.Surest}}</tr>
{{end}}</tbody></table></html>
`))

func writePage(path string, report evaluate.Report) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := evalPage.Execute(f, report); err != nil {
		_ = f.Close() // the first error is the one that matters
		return err
	}
	return f.Close()
}
