package main

import (
	"context"

	"github.com/goccy/go-yaml"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
)

// importMacros saves the shared macros of a file and returns how many it has. Those with the same team and shortcut are
// replaced, and others stay.
func (a *app) importMacros(ctx context.Context, data []byte, dryRun bool) (int, error) {
	var f struct {
		Macros []handoff.MacroSeed `yaml:"macros"`
	}
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return 0, fault.Wrap(err, fault.Invalid, "macros_malformed", "This is not a file of macros; it is shaped like kb/demo/macros.yaml.")
	}
	if dryRun {
		return len(f.Macros), nil
	}
	return len(f.Macros), a.desk.SaveMacros(ctx, f.Macros)
}
