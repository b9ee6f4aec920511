package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// watch reads the directories of the module, so that a remembered result of this test is not used once a file changed:
// go test notices what a test reads, but not what a command that it starts does.
func watch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "data"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// load asks the go command for our packages. Those that do not compile at the moment are judged by what they import all
// the same.
func load(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-tags", "nomsgpack", "-json=ImportPath,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	ours := func(paths []string) []string {
		var list []string
		for _, p := range paths {
			list = append(list, below(p))
		}
		return list
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath    string
			Imports, Deps []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, pkg{below(p.ImportPath), ours(p.Imports), ours(p.Deps)})
	}
	return all
}

func below(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func TestWalls(t *testing.T) {
	watch(t, "../..")
	all := load(t)
	if !isOurs("internal/archtest", all) || !isOurs("internal/fault", all) {
		t.Fatalf("go list does not know our packages: %v", all)
	}
	for _, v := range violations(all) {
		t.Error(v)
	}
}

// A wall that cannot be broken is not there: each is broken here once.
func TestEveryWallHolds(t *testing.T) {
	existing := []string{
		"assistant", "assistant/ground", "handoff", "handoff/triage", "kb", "retrieval", "web", "web/ui", "cmd/firstline", "cmd/firstline-bench",
		"internal/chat", "internal/fault", "internal/llm", "internal/llm/llmtest", "internal/mask", "internal/postgres",
		"internal/postgres/pgtest", "internal/postgres/pgtest/run", "internal/wake",
	}
	for _, c := range []struct {
		from, to string
		good     bool
	}{
		{"cmd/firstline", "web", true},
		{"cmd/firstline", "assistant", true},
		{"web", "assistant", true},
		{"web", "internal/fault", true},
		{"assistant", "cmd/firstline", false},
		{"assistant", "web", false},
		{"internal/llm", "assistant", false},
		{"internal/llm", "web", false},
		{"web", "cmd/firstline", false},

		{"retrieval", "kb", true},
		{"kb", "retrieval", false},
		{"assistant", "retrieval", true},
		{"assistant", "assistant/ground", true},
		{"assistant", "handoff", false},
		{"assistant/ground", "handoff", false},
		{"assistant", "handoff/triage", true},
		{"handoff", "assistant", false},
		{"handoff/triage", "assistant/ground", false},
		{"handoff", "handoff/triage", true},
		{"handoff", "kb", false},

		{"internal/chat", "internal/fault", true},
		{"internal/chat", "internal/llm", false},
		{"internal/fault", "internal/wake", false},
		{"web/ui", "internal/fault", false},

		{"web", "internal/postgres/pgtest", false},
		{"assistant", "internal/llm/llmtest", false},
		{"cmd/firstline", "internal/postgres/pgtest", false},
		{"cmd/firstline-bench", "internal/llm/llmtest", true},
		{"internal/postgres/pgtest/run", "internal/postgres/pgtest", true},

		{"web", "github.com/gin-gonic/gin", true},
		{"cmd/firstline", "github.com/gin-gonic/gin", false},
		{"cmd/firstline-bench", "github.com/gin-gonic/gin", false},
		{"assistant", "github.com/gin-gonic/gin/binding", false},
		{"internal/llm", "github.com/sashabaranov/go-openai", true},
		{"assistant", "github.com/sashabaranov/go-openai", false},
		{"cmd/firstline", "github.com/sashabaranov/go-openai", false},
		{"web", "github.com/riverqueue/river", false},
		{"handoff", "github.com/riverqueue/river", true},
	} {
		var all []pkg
		for _, path := range existing {
			p := pkg{path: path}
			if path == c.from {
				p.imports = []string{"context", c.to}
			}
			all = append(all, p)
		}
		if got := violations(all); (len(got) == 0) != c.good {
			t.Errorf("%s imports %s: allowed is %v, want %v (%v)", c.from, c.to, !c.good, c.good, got)
		}
	}
}

func TestTriageIsPure(t *testing.T) {
	for dep, good := range map[string]bool{
		"strings": true, "internal/fault": true, "github.com/goccy/go-yaml": true, "net/url": true,
		"net/http": false, "os/exec": false, "database/sql": false, "github.com/jackc/pgx/v5": false, "internal/wake": false,
	} {
		all := []pkg{{path: "handoff/triage", deps: []string{dep}}, {path: "internal/fault"}, {path: "internal/wake"}, {path: "web", deps: []string{dep}}}
		if got := violations(all); (len(got) == 0) != good {
			t.Errorf("%s: %v, want good = %v", dep, got, good)
		}
	}
}

// Only the package that breaks a wall is named, not those that import it.
func TestViolationNamesTheImport(t *testing.T) {
	all := []pkg{
		{path: "web", imports: []string{"assistant"}, deps: []string{"assistant", "handoff"}},
		{path: "assistant", imports: []string{"handoff"}, deps: []string{"handoff"}},
		{path: "handoff"},
	}
	want := []string{"assistant imports handoff: of the other rooms, assistant may import only [retrieval kb handoff/triage]"}
	if diff := cmp.Diff(want, violations(all)); diff != "" {
		t.Error(diff)
	}
}
