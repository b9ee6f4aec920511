package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/fault"
)

func TestLocalUnwritableDirectory(t *testing.T) {
	dir := "/sys/firstline-test" // closed to root as well, on Linux
	if os.Geteuid() != 0 {
		closed := filepath.Dir(dataDir(t))
		if err := os.Chmod(closed, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(closed, 0o700) })
		dir = filepath.Join(closed, "data")
	}
	_, err := StartLocal(timeout(t), LocalConfig{Dir: dir})
	wantFault(t, err, fault.Invalid, "data_dir_unwritable", dir, "DATABASE_URL")

	file := filepath.Join(filepath.Dir(dataDir(t)), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = StartLocal(timeout(t), LocalConfig{Dir: filepath.Join(file, "postgres")})
	wantFault(t, err, fault.Invalid, "data_dir_unusable", file)
}

func TestLocalClusterOfAnotherVersion(t *testing.T) {
	dir := dataDir(t)
	for content, code := range map[string]string{"9\n": "cluster_version", "no number": "data_dir_unusable"} {
		cluster := filepath.Join(dir, "cluster")
		if err := os.MkdirAll(cluster, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := StartLocal(timeout(t), LocalConfig{Dir: dir})
		wantFault(t, err, fault.Invalid, code, dir)
		if content == "9\n" {
			wantFault(t, err, fault.Invalid, code, "PostgreSQL 9")
		}
	}
}

func TestLocalForeignFilesAreNotOverwritten(t *testing.T) {
	dir := dataDir(t)
	precious := filepath.Join(dir, "cluster", "precious")
	if err := os.MkdirAll(filepath.Dir(precious), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := StartLocal(timeout(t), LocalConfig{Dir: dir})
	wantFault(t, err, fault.Invalid, "data_dir_unusable", dir)
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestLocalLongPath(t *testing.T) {
	dir := filepath.Join(dataDir(t), strings.Repeat("long/", 30), "with space & more")
	l := startLocal(t, dir)
	t.Cleanup(func() {
		stop(t, l)
		if err := RemoveLocal(context.Background(), dir); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(l.socketDir); err == nil {
			t.Errorf("%s is left behind", l.socketDir)
		}
	})
	if len(l.socketDir)+len("/.s.PGSQL.5432") > socketPathMax {
		t.Errorf("socket directory %s is too long", l.socketDir)
	}
	execSQL(t, l.URL(), `SELECT 1`)
	stop(t, l)
	l = startLocal(t, dir)

	// Whoever prepares the directory of the socket in a place where everybody may write must not catch our connections.
	stop(t, l)
	if err := os.Chmod(l.socketDir, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := StartLocal(timeout(t), LocalConfig{Dir: dir})
	wantFault(t, err, fault.Invalid, "socket_dir_taken", l.socketDir)
}

func TestLocalShortPathWithSpaces(t *testing.T) {
	dir := filepath.Join(dataDir(t), "a b+c%d")
	l := startLocal(t, dir)
	if l.socketDir != filepath.Join(dir, "run") {
		t.Errorf("socket directory %s, want one in %s", l.socketDir, dir)
	}
	execSQL(t, l.URL(), `SELECT 1`)
}

// A project below /root is out of reach for the user who runs PostgreSQL for root.
func TestLocalUnderAClosedDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another user")
	}
	old := systemDir
	systemDir = filepath.Join(filepath.Dir(dataDir(t)), "system")
	t.Cleanup(func() { systemDir = old })
	closed := filepath.Join(filepath.Dir(dataDir(t)), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "data", "postgres")
	var told []string
	begin := func() *Local {
		told = nil
		l, err := StartLocal(timeout(t), LocalConfig{Dir: dir, NoFsync: true, Progress: func(s string) { told = append(told, s) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop(t, l) })
		return l
	}
	l := begin()
	if !strings.HasPrefix(l.Dir(), systemDir) {
		t.Errorf("the cluster is in %s, want it below %s", l.Dir(), systemDir)
	}
	if !strings.Contains(fmt.Sprint(told), l.Dir()) {
		t.Errorf("nobody was told about %s: %v", l.Dir(), told)
	}
	if _, err := os.Stat(filepath.Join(dir, "cluster", "PG_VERSION")); err != nil {
		t.Errorf("the data directory does not lead to the cluster: %v", err)
	}
	execSQL(t, l.URL(), `CREATE TABLE kept ()`)
	stop(t, l)

	moved := dir + "-moved" // the project is renamed: the data stay with it
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	dir = moved
	l = begin()
	execSQL(t, l.URL(), `SELECT * FROM kept`)
	stop(t, l)

	// The data directory is deleted: the next start is a fresh one, and the old data are not lost.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(closed, "data", "postgres")
	l = begin()
	execSQL(t, l.URL(), `CREATE TABLE kept ()`)
	if !strings.Contains(fmt.Sprint(told), "set aside") {
		t.Errorf("nobody was told that the old database was set aside: %v", told)
	}
	stop(t, l)
	if err := RemoveLocal(timeout(t), dir); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(systemDir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
