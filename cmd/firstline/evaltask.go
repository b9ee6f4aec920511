package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/firstline/firstline/assistant"
	tasks "github.com/firstline/firstline/handoff/evaluate"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/fault"
	findings "github.com/firstline/firstline/internal/report"
	"github.com/firstline/firstline/kb/demo"
	"github.com/firstline/firstline/retrieval/evaluate"
)

// scopeTask is the task that needs articles; the others are those of triage.
const scopeTask = "oos"

// evalTasks are the tasks of `eval --task`.
var evalTasks = []string{tasks.Topics, tasks.Urgent, tasks.Human, scopeTask, tasks.Injection}

// runTasks scores folders of labelled messages. Folders of one name are one set and complete each other: the first that
// has a split gives it. Of the options only the embedder and the progress matter here.
func runTasks(ctx context.Context, task string, dirs []string, opts evaluate.Options) ([]findings.Entry, error) {
	if !slices.Contains(evalTasks, task) {
		return nil, fault.Field("--task", "unknown", "%q is none of %v.", task, evalTasks)
	}
	var names []string
	byName := map[string][]string{}
	for _, dir := range dirs {
		name := filepath.Base(filepath.Clean(dir))
		if byName[name] == nil {
			names = append(names, name)
		}
		byName[name] = append(byName[name], dir)
	}
	say := tasks.Options{Progress: opts.Progress}
	if task == tasks.Injection {
		var err error
		if say.Rules, err = hardRules(); err != nil {
			return nil, err
		}
	}
	entries := make([]findings.Entry, 0, len(names))
	for _, name := range names {
		var e findings.Entry
		var err error
		if task == scopeTask {
			e, err = evaluate.Scope(ctx, byName[name], opts)
		} else {
			e, err = labelled(ctx, task, byName[name], say)
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func labelled(ctx context.Context, task string, dirs []string, opts tasks.Options) (findings.Entry, error) {
	s, err := tasks.Read(dirs...)
	if err != nil {
		return findings.Entry{}, err
	}
	return tasks.Run(ctx, task, s, opts)
}

// hardRules returns what the rules that no score overrides make of a message, with the topics that come with the
// program. Rules that answer small talk end nothing.
func hardRules() (func(string) (bool, string), error) {
	topics, examples, err := triage.LoadTopicsFS(demo.FS, "topics.yaml")
	if err != nil {
		return nil, err
	}
	classifier, err := triage.Train(topics, triage.NoneOf(examples))
	if err != nil {
		return nil, err
	}
	known := &assistant.Triage{Classifier: classifier, Topics: map[string]triage.Topic{}}
	for _, t := range topics {
		known.Topics[t.Key] = t
	}
	return func(text string) (bool, string) {
		alarm, ends := assistant.FindAlarm(known, text, "en")
		if !ends && alarm.Reason != assistant.CustomerRequest {
			return false, ""
		}
		return true, fmt.Sprintf("%s: %s", alarm.Reason, alarm.Explanation)
	}, nil
}
