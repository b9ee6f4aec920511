package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

// MigrateCmd brings the database to the schema; opening it does that.
type MigrateCmd struct{}

// Run migrates.
func (MigrateCmd) Run(e *env) error {
	_, done, err := database(e.ctx, e, e.cfg.logger(e))
	if err != nil {
		return err
	}
	defer done()
	_, err = fmt.Fprintln(e.out, "The database is up to date.")
	return err
}

// ImportCmd publishes a folder of articles.
type ImportCmd struct {
	Dir     string `arg:"" optional:"" help:"Folder of Markdown files with front matter."`
	Topics  string `help:"File of topics, shaped like kb/demo/topics.yaml; replaces those there are." placeholder:"FILE" type:"existingfile"`
	Teams   string `help:"File of teams and their hours, shaped like kb/demo/teams.yaml; its agents are not read." placeholder:"FILE" type:"existingfile"`
	Macros  string `help:"File of macros, shaped like kb/demo/macros.yaml; replaces those with the same team and shortcut." placeholder:"FILE" type:"existingfile"`
	DryRun  bool   `help:"Say what would change, and change nothing."`
	Archive bool   `help:"Take down published articles that the folder does not hold."`
}

// Run imports.
func (c *ImportCmd) Run(e *env) error {
	if c.Dir == "" && c.Topics == "" && c.Teams == "" && c.Macros == "" {
		return fault.Field("DIR", "required", "Name a folder of articles, --topics FILE, --teams FILE or --macros FILE.")
	}
	if st, err := os.Stat(c.Dir); c.Dir != "" && (err != nil || !st.IsDir()) {
		return fault.Field("DIR", "not_a_folder", "%s is not a folder that can be read.", c.Dir)
	}
	a, err := open(e.ctx, e)
	if err != nil {
		return err
	}
	defer a.Close()
	defer a.bus.Flush(e.ctx) // running servers look now, not at their next interval
	if err := c.desk(e, a); err != nil || c.Dir == "" {
		return err
	}
	began := time.Now()
	last := began
	report, err := kb.ImportDir(e.ctx, a.articles, os.DirFS(c.Dir), kb.ImportOptions{DryRun: c.DryRun, Archive: c.Archive, Progress: func(n, total int) {
		if time.Since(last) > 2*time.Second {
			last = time.Now()
			fmt.Fprintf(e.err, "%d of %d articles\n", n, total)
		}
	}})
	if err != nil {
		return err
	}
	for _, p := range report.Problems {
		fmt.Fprintf(e.err, "%s\n", p)
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "created\t%d\nupdated\t%d\nunchanged\t%d\ntaken down\t%d\n", report.Created, report.Updated, report.Unchanged, report.Archived)
	if err := w.Flush(); err != nil {
		return err
	}
	if c.DryRun {
		fmt.Fprintln(e.out, "Nothing was changed (--dry-run).")
	}
	fmt.Fprintf(e.out, "%.1f s\n", time.Since(began).Seconds())
	return nil
}

// desk loads teams and topics.
func (c *ImportCmd) desk(e *env, a *app) error {
	if c.Teams != "" {
		data, err := os.ReadFile(c.Teams)
		if err != nil {
			return err
		}
		f, err := readTeams(data)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "teams_malformed", c.Teams+" is not a file of teams.")
		}
		if !c.DryRun {
			if err := a.desk.SaveTeams(e.ctx, f.Teams); err != nil {
				return err
			}
		}
		fmt.Fprintf(e.out, "%d teams\n", len(f.Teams))
	}
	if c.Topics != "" {
		data, err := os.ReadFile(c.Topics)
		if err != nil {
			return err
		}
		topics, examples, err := a.importTopics(e.ctx, data, c.DryRun)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.out, "%d topics with %d examples\n", topics, examples)
	}
	if c.Macros != "" {
		data, err := os.ReadFile(c.Macros)
		if err != nil {
			return err
		}
		n, err := a.importMacros(e.ctx, data, c.DryRun)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.out, "%d macros\n", n)
	}
	return nil
}

// importTopics replaces topics, their examples and the groups of collections by those of a topics file, and returns how
// many of the first two there are.
func (a *app) importTopics(ctx context.Context, data []byte, dryRun bool) (topics, examples int, err error) {
	list, all, err := triage.LoadTopics(data)
	if err != nil {
		return 0, 0, err
	}
	shelves, err := triage.LoadShelves(data)
	if err != nil {
		return 0, 0, err
	}
	if !dryRun {
		if err := a.desk.SaveTopics(ctx, list, triage.NoneOf(all)); err != nil {
			return 0, 0, err
		}
		if err := a.desk.SaveShelves(ctx, shelves); err != nil {
			return 0, 0, err
		}
	}
	return len(list), len(all), nil
}

// ExportCmd writes articles to a folder.
type ExportCmd struct {
	Dir   string `arg:"" help:"Folder to write to; made when missing."`
	Force bool   `help:"Write into a folder that is not empty."`
}

// Run exports.
func (c *ExportCmd) Run(e *env) error {
	a, err := open(e.ctx, e)
	if err != nil {
		return err
	}
	defer a.Close()
	n, err := kb.ExportDir(e.ctx, a.articles, c.Dir, kb.ExportOptions{Force: c.Force})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "%d articles written to %s\n", n, c.Dir)
	return err
}
