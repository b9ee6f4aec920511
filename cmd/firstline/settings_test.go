package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestSettingsAreWritten holds the documents against the program: every variable that it reads is named in
// docs/operations.md, in the table of settings, and no document that is read by who runs it names one that it does not read.
func TestSettingsAreWritten(t *testing.T) {
	t.Parallel()
	var cli CLI
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, f := range n.Flags {
			for _, name := range f.Envs {
				known[name] = true
			}
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(parser.Model.Node)
	if len(known) < 40 {
		t.Fatalf("only %d settings were found", len(known))
	}
	read := func(name string) string {
		t.Helper()
		raw, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	var rows strings.Builder // the first cells
	for _, line := range strings.Split(read("docs/operations.md"), "\n") {
		if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `") && len(cells) > 3 {
			rows.WriteString(cells[1])
		}
	}
	for name := range known {
		if !strings.Contains(rows.String(), "`"+name+"`") {
			t.Errorf("docs/operations.md has no row for %s", name)
		}
	}
	variable := regexp.MustCompile(`\bFIRSTLINE_[A-Z0-9_]*[A-Z0-9]\b`)
	for _, doc := range []string{"README.md", "docs/operations.md", "docs/customers.md", "docs/mail.md", "docs/people.md", "docs/delivery.md"} {
		for _, name := range variable.FindAllString(read(doc), -1) {
			if !known[name] && !strings.HasPrefix(name, "FIRSTLINE_TEST_") {
				t.Errorf("%s names %s, which the program does not read", doc, name)
			}
		}
	}
}
