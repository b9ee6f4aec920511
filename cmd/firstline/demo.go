package main

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/kb/demo"
)

// teamsFile is the shape of teams.yaml.
type teamsFile struct {
	Schedules map[string]any     `yaml:"schedules"` // anchors only
	Teams     []handoff.TeamSeed `yaml:"teams"`
	Agents    []demoAgent        `yaml:"agents"`
}

type demoAgent struct {
	Email     string   `yaml:"email"`
	Name      string   `yaml:"name"`
	Role      string   `yaml:"role"`
	Languages []string `yaml:"languages"`
	Teams     []string `yaml:"teams"`
	Capacity  int      `yaml:"capacity"`
}

func readTeams(data []byte) (teamsFile, error) {
	var f teamsFile
	err := yaml.Unmarshal(data, &f)
	return f, err
}

func demoTeams() (teamsFile, error) {
	data, err := fs.ReadFile(demo.FS, "teams.yaml")
	if err != nil {
		return teamsFile{}, err
	}
	return readTeams(data)
}

// seedDemo loads what is missing of the demo: teams and people, topics, articles. What is there stays as it is.
func (a *app) seedDemo(ctx context.Context, e *env) error {
	var teams, topics, articles int
	err := a.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM teams), (SELECT count(*) FROM topics), (SELECT count(*) FROM articles)`).Scan(&teams, &topics, &articles)
	if err != nil {
		return err
	}
	if teams <= 1 { // the general team is always there
		f, err := demoTeams()
		if err != nil {
			return err
		}
		if err := a.desk.SaveTeams(ctx, f.Teams); err != nil {
			return err
		}
		data, err := fs.ReadFile(demo.FS, "macros.yaml")
		if err != nil {
			return err
		}
		if _, err := a.importMacros(ctx, data, false); err != nil {
			return err
		}
		for _, d := range f.Agents {
			_, err := a.auth.Save(ctx, auth.Agent{Email: d.Email, Name: d.Name, Role: d.Role, Languages: d.Languages, Teams: d.Teams, Capacity: d.Capacity})
			if err != nil {
				return err
			}
		}
	}
	if topics == 0 {
		data, err := fs.ReadFile(demo.FS, "topics.yaml")
		if err != nil {
			return err
		}
		if _, _, err := a.importTopics(ctx, data, false); err != nil {
			return err
		}
	}
	if articles == 0 {
		began := time.Now()
		fmt.Fprintln(e.err, "Loading the demo help centre ...")
		sub, err := fs.Sub(demo.FS, "articles")
		if err != nil {
			return err
		}
		report, err := kb.ImportDir(ctx, a.articles, sub, kb.ImportOptions{})
		if err != nil {
			return err
		}
		fmt.Fprintf(e.err, "Loaded %d articles in %.1f s.\n", report.Created, time.Since(began).Seconds())
		return a.seedCertificate(ctx) // it speaks of these articles
	}
	return nil
}

// printDoors says where to go. The demo's people get one-time links; they have no passwords until they set some.
func (a *app) printDoors(e *env, base string, withLinks bool, took time.Duration) error {
	mode := "quoting the help centre (no model set; OPENAI_API_KEY or OPENAI_BASE_URL turns one on)"
	if a.model.HasChat() {
		mode = "writing with a model, every sentence checked against the articles"
	}
	fmt.Fprintf(e.out, "\nFirstline is ready (%.1f s), %s.\n\n  Help centre  %s/help\n  Chat         %s/chat\n  Desk         %s/desk\n", took.Seconds(), mode, base, base, base)
	if withLinks {
		f, err := demoTeams()
		if err != nil {
			return err
		}
		fmt.Fprintf(e.out, "\nSign-in links of the demo's people, each for one use within 24 hours:\n\n")
		for _, d := range f.Agents {
			person, err := a.auth.FindByEmail(e.ctx, d.Email)
			if err != nil {
				continue // somebody removed them
			}
			token, err := a.auth.Issue(e.ctx, person.ID, "link")
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "  %-11s  %s/signin?token=%s\n", person.Name+", "+person.Role, base, token)
		}
	}
	_, err := fmt.Fprintf(e.out, "\nA new link: firstline user link --email YOU. Somebody new: firstline user add --email THEM --role agent. Stop with Ctrl-C.\n\n")
	return err
}
