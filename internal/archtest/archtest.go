// Package archtest holds the walls between Firstline's packages, and a test that fails when one is broken. It is never
// imported: what it knows of the others it asks the go command.
package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// module is our module's path; packages are named by their path below it, libraries by their full path.
const module = "github.com/firstline/firstline"

// pkg is a package with what its files, tests apart, import, and what that brings with it.
type pkg struct {
	path    string   // "assistant", "internal/llm"; "." is the module's root
	imports []string // ours as paths below the module, others in full
	deps    []string // the same over all steps
}

// in tells whether path is one of the given trees, each a package with all below it.
func in(path string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return path == tree || strings.HasPrefix(path, tree+"/") })
}

// layer orders the packages: an import goes to the same layer or to a lower one, and no other way.
func layer(path string) int {
	switch {
	case in(path, "cmd"):
		return 3
	case in(path, "web"):
		return 2
	case in(path, "assistant", "handoff", "kb", "retrieval"):
		return 1
	default: // internal
		return 0
	}
}

// isOurs tells our packages from libraries, which have a dot in their first element, and from the standard library.
func isOurs(path string, all []pkg) bool {
	return slices.ContainsFunc(all, func(p pkg) bool { return p.path == path })
}

// rooms says which other rooms of the middle layer a room may import. What is not here it may not.
var rooms = map[string][]string{
	"assistant": {"retrieval", "kb", "handoff/triage"}, // it reaches the rest of handoff through an interface of its own
	"handoff":   {},
	"kb":        {},
	"retrieval": {"kb"},
}

// library is a library that only some packages may import.
type library struct {
	path string
	only []string
	why  string
}

var libraries = []library{
	{"github.com/gin-gonic", []string{"web"}, "HTTP ends in web"},
	{"github.com/sashabaranov/go-openai", []string{"internal/llm"}, "the model's wire format ends in internal/llm"},
	{"github.com/wneessen/go-mail", []string{"internal/mail"}, "e-mail ends in internal/mail"},
	{"github.com/emersion/go-message", []string{"internal/mailin"}, "mail that comes in ends in internal/mailin"},
	{"github.com/emersion/go-msgauth", []string{"internal/mailin"}, "mail that comes in ends in internal/mailin"},
	{"github.com/emersion/go-smtp", []string{"internal/mailin", "internal/mail/mailtest"}, "mail that comes in ends in internal/mailin"},
	{"github.com/SherClockHolmes/webpush-go", []string{"internal/notify"}, "push messages end in internal/notify"},
	{"github.com/minio", []string{"internal/blob"}, "S3 ends in internal/blob"},
	{"github.com/coreos/go-oidc", []string{"internal/auth"}, "who somebody is ends in internal/auth"},
	{"golang.org/x/oauth2", []string{"internal/auth"}, "who somebody is ends in internal/auth"},
	{"github.com/riverqueue", []string{"internal/job", "assistant", "handoff", "kb", "retrieval"}, "jobs are set up in internal/job and worked on in the rooms"},
}

// violations lists every broken wall, one sentence each.
func violations(all []pkg) []string {
	var found []string
	report := func(p pkg, imported, why string) {
		found = append(found, fmt.Sprintf("%s imports %s: %s", p.path, imported, why))
	}
	for _, p := range all {
		for _, imp := range p.imports {
			for _, lib := range libraries {
				if in(imp, lib.path) && !in(p.path, lib.only...) {
					report(p, imp, lib.why)
				}
			}
			if isOurs(imp, all) {
				if why := forbidden(p.path, imp); why != "" {
					report(p, imp, why)
				}
			}
		}
		for _, dep := range p.deps {
			if why := impure(p.path, dep, all); why != "" {
				report(p, dep, why)
			}
		}
	}
	slices.Sort(found)
	return found
}

// forbidden says why one of our packages may not import another, or "".
func forbidden(from, to string) string {
	switch {
	case layer(to) > layer(from):
		return "imports run one way, cmd -> web -> {assistant, handoff, kb, retrieval} -> internal"
	case isForTests(to) && !isForTests(from):
		return "it is for tests alone"
	case in(from, "internal/chat") && !in(to, "internal/chat", "internal/fault", "internal/wake", "internal/mask", "internal/picture"):
		return "the record knows nobody; everyone writes through it"
	case in(from, "web/ui"):
		return "web/ui only carries files"
	case in(from, "internal/fault"):
		return "internal/fault is below everything"
	}
	for room, others := range rooms {
		if in(from, room) && layer(to) == 1 && !in(to, room) && !in(to, others...) {
			return fmt.Sprintf("of the other rooms, %s may import only %v", room, others)
		}
	}
	return ""
}

// isForTests names the packages that help tests: xtest beside x, as httptest is beside http. The commands below one of
// them, and the bench, which plays the model's server, are no part of the product either.
func isForTests(path string) bool {
	if in(path, "cmd/firstline-bench") {
		return true
	}
	return slices.ContainsFunc(strings.Split(path, "/"), func(element string) bool {
		return strings.HasSuffix(element, "test") && element != "test"
	})
}

// impure says why a package may not depend on another over any number of steps, or "". These packages judge text; a
// network, a database or a process in them would be a mistake, and so would the rest of the program.
func impure(from, dep string, all []pkg) string {
	if !in(from, "handoff/triage") {
		return ""
	}
	switch {
	case in(dep, "net/http", "os/exec", "database/sql", "github.com/jackc"):
		return "handoff/triage is a pure function of its input"
	case isOurs(dep, all) && !in(dep, "handoff/triage", "internal/fault"):
		return "handoff/triage depends on nothing of ours but internal/fault"
	}
	return ""
}
