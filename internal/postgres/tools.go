package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/firstline/firstline/internal/fault"
)

// tools are one installation of PostgreSQL's programs.
type tools struct {
	bin   string // the directory of initdb and postgres
	major int
}

// findTools chooses the installation for a cluster: the one of its own major version, or for a cluster that does not
// exist yet the newest with pgvector. scripts/setup.sh looks in the same places.
func findTools(cluster string) (tools, error) {
	found := installations()
	text, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return newest(found)
	}
	if err != nil {
		return tools{}, unusable(filepath.Dir(cluster), err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return tools{}, fault.Wrap(err, fault.Invalid, "data_dir_unusable", fmt.Sprintf("%s is no PostgreSQL cluster; move it away or choose another data directory.", cluster))
	}
	var have []string
	for _, t := range found {
		if t.major == major {
			return t, nil
		}
		have = append(have, strconv.Itoa(t.major))
	}
	there := "none is installed"
	if len(have) > 0 {
		there = "installed is " + strings.Join(have, ", ")
	}
	return tools{}, fault.New(fault.Invalid, "cluster_version",
		"The database in %s was made by PostgreSQL %d, and %s. Install PostgreSQL %d with pgvector again (or upgrade the cluster with pg_upgrade), or move the directory away to begin with an empty database.",
		filepath.Dir(cluster), major, there, major)
}

func newest(found []tools) (tools, error) {
	var best tools
	bestRank := -1
	for _, t := range found {
		rank := t.major
		if t.hasVector() {
			rank += 1000
		}
		if t.major >= minServer && rank > bestRank {
			best, bestRank = t, rank
		}
	}
	switch {
	case bestRank < 0:
		return tools{}, fault.New(fault.Unavailable, "postgres_missing",
			"PostgreSQL %d or newer is not installed here. Run scripts/setup.sh (or install it with pgvector), set FIRSTLINE_POSTGRES_BIN to the directory of its programs, or set DATABASE_URL to a PostgreSQL elsewhere.", minServer)
	case bestRank < 1000:
		return tools{}, fault.New(fault.Unavailable, "pgvector_missing",
			"PostgreSQL %d in %s has no pgvector %d.%d or newer. Run scripts/setup.sh (or install the package postgresql-%d-pgvector), or set DATABASE_URL to a PostgreSQL elsewhere.",
			best.major, best.bin, minVectorMajor, minVectorMinor, best.major)
	}
	return best, nil
}

// installations lists what is on this machine, each directory once.
func installations() []tools {
	var dirs []string
	if dir := os.Getenv("FIRSTLINE_POSTGRES_BIN"); dir != "" {
		dirs = append(dirs, dir)
	} else {
		for _, pattern := range []string{
			"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
			"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin", "/usr/local/pgsql/bin",
		} {
			matches, _ := filepath.Glob(pattern) // the only error is a malformed pattern
			dirs = append(dirs, matches...)
		}
		if path, err := exec.LookPath("pg_config"); err == nil {
			if out, err := exec.Command(path, "--bindir").Output(); err == nil {
				dirs = append(dirs, strings.TrimSpace(string(out)))
			}
		}
		if path, err := exec.LookPath("postgres"); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	var found []tools
	var seen []string
	for _, dir := range dirs {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil || slices.Contains(seen, real) {
			continue
		}
		seen = append(seen, real)
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		if major := majorOf(filepath.Join(dir, "postgres")); major > 0 {
			found = append(found, tools{dir, major})
		}
	}
	return found
}

var versionNumber = regexp.MustCompile(`\d+`)

func majorOf(postgres string) int {
	out, err := exec.Command(postgres, "--version").Output()
	if err != nil {
		return 0
	}
	major, _ := strconv.Atoi(string(versionNumber.Find(out)))
	return major
}

var controlVersion = regexp.MustCompile(`(?m)^default_version\s*=\s*'([^']*)'`)

// hasVector tells whether the installation can load a pgvector that is new enough.
func (t tools) hasVector() bool {
	out, err := exec.Command(filepath.Join(t.bin, "pg_config"), "--sharedir").Output()
	if err != nil {
		return false
	}
	control, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "extension", "vector.control"))
	if err != nil {
		return false
	}
	m := controlVersion.FindSubmatch(control)
	return m != nil && vectorNewEnough(string(m[1]))
}
