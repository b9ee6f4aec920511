package postgres

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// dataDir is a directory for a cluster that the user who runs PostgreSQL for root can reach; t.TempDir is closed to him.
func dataDir(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "firstline-local-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "postgres")
	t.Cleanup(func() {
		if err := RemoveLocal(context.Background(), dir); err != nil {
			t.Error(err)
		}
		os.RemoveAll(parent)
	})
	return dir
}

// timeout bounds a whole test; nothing here comes near it.
func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func startLocal(t *testing.T, dir string) *Local {
	t.Helper()
	l, err := StartLocal(timeout(t), LocalConfig{Dir: dir, NoFsync: true, Progress: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, l) })
	return l
}

func stop(t *testing.T, l *Local) {
	t.Helper()
	if err := l.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func serverPID(t *testing.T, l *Local) int {
	t.Helper()
	pm, ok := readPostmaster(l.place.cluster())
	if !ok {
		t.Fatal("no postmaster.pid")
	}
	return pm.pid
}

func execSQL(t *testing.T, url, sql string) {
	t.Helper()
	ctx := timeout(t)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string, words ...string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a fault with code %s", err, code)
	}
	if f.Kind != kind || f.Code != code {
		t.Errorf("got %s/%s, want %s/%s: %v", f.Kind, f.Code, kind, code, err)
	}
	for _, w := range words {
		if !strings.Contains(f.Public, w) {
			t.Errorf("%q does not say %q", f.Public, w)
		}
	}
}

func TestLocalKeepsDataOverRestarts(t *testing.T) {
	dir := dataDir(t)
	l := startLocal(t, dir)
	execSQL(t, l.URL(), `CREATE TABLE kept AS SELECT 1 AS one`)
	address, pid := l.URL(), serverPID(t, l)
	stop(t, l)
	stop(t, l) // twice does no harm
	if (postmaster{pid: pid}).holds(l.place.cluster()) {
		t.Error("the server runs after Stop")
	}
	l = startLocal(t, dir)
	if l.URL() != address {
		t.Errorf("URL changed from %s to %s", address, l.URL())
	}
	execSQL(t, address, `INSERT INTO kept VALUES (2)`)
}

func TestLocalSettings(t *testing.T) {
	l, err := StartLocal(timeout(t), LocalConfig{Dir: dataDir(t), Settings: map[string]string{"max_connections": "17"}})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, l)
	ctx := timeout(t)
	conn, err := pgx.Connect(ctx, l.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for name, want := range map[string]string{
		"listen_addresses": "", "max_connections": "17", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"jit": "off", "random_page_cost": "1.1", "server_encoding": "UTF8", "TimeZone": "UTC", "log_error_verbosity": "terse",
	} {
		var got string
		if err := conn.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	var upper string
	if err := conn.QueryRow(ctx, `SELECT upper('straße ÿ д')`).Scan(&upper); err != nil {
		t.Fatal(err)
	}
	if upper != "STRASSE Ÿ Д" && upper != "STRAßE Ÿ Д" {
		t.Errorf("upper() does not know letters beyond ASCII: %q", upper)
	}
	info, err := os.Stat(l.socketDir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory has mode %v; everybody who reaches the socket is let in", info.Mode())
	}
}

// Rows of customers must not get into the server's log by way of an error's details.
func TestLocalLogHoldsNoRows(t *testing.T) {
	l := startLocal(t, dataDir(t))
	execSQL(t, l.URL(), `CREATE TABLE said (body text CHECK (length(body) < 3))`)
	ctx := timeout(t)
	conn, err := pgx.Connect(ctx, l.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `INSERT INTO said VALUES ($1)`, "my secret words"); err == nil {
		t.Fatal("the CHECK did not hold")
	}
	log, err := os.ReadFile(l.place.logFile())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "violates check constraint") {
		t.Fatalf("the log lacks the error:\n%s", log)
	}
	if strings.Contains(string(log), "secret words") {
		t.Errorf("the log quotes the row:\n%s", log)
	}
}

func TestLocalSharedUntilTheLastStops(t *testing.T) {
	dir := dataDir(t)
	locals := make([]*Local, 4)
	var wg sync.WaitGroup
	for i := range locals {
		wg.Go(func() {
			var err error
			if locals[i], err = StartLocal(timeout(t), LocalConfig{Dir: dir, NoFsync: true}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	pid := serverPID(t, locals[0])
	for i, l := range locals {
		if got := serverPID(t, l); got != pid {
			t.Errorf("two servers on one cluster: %d and %d", pid, got)
		}
		execSQL(t, l.URL(), `SELECT 1`)
		if err := RemoveLocal(timeout(t), dir); fault.KindOf(err) != fault.Conflict {
			t.Errorf("RemoveLocal of a cluster in use: %v, want a conflict", err)
		}
		stop(t, l)
		if last := i == len(locals)-1; (postmaster{pid: pid}).holds(l.place.cluster()) == last {
			t.Errorf("after %d of %d stops the server's being alive is %v", i+1, len(locals), !last)
		}
	}
}

// hold starts another process that uses the cluster.
func hold(t *testing.T, dir string) (cmd *exec.Cmd, release io.Closer, answer *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self)
	cmd.Env = append(os.Environ(), helperVariable+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, in, bufio.NewReader(out)
}

func mustBeReady(t *testing.T, answer *bufio.Reader) {
	t.Helper()
	line, err := answer.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready ") {
		t.Fatalf("the other process says %q, %v", line, err)
	}
}

func TestLocalSharedBetweenProcesses(t *testing.T) {
	dir := dataDir(t)
	cmd, release, answer := hold(t, dir)
	mustBeReady(t, answer)
	l := startLocal(t, dir)
	pid := serverPID(t, l)
	release.Close() // the process that started the server leaves first
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
	execSQL(t, l.URL(), `SELECT 1`)
	stop(t, l)
	if (postmaster{pid: pid}).holds(l.place.cluster()) {
		t.Error("the last to leave did not stop the server")
	}
}

func TestLocalFindsTheServerOfAKilledProcess(t *testing.T) {
	dir := dataDir(t)
	cmd, _, answer := hold(t, dir)
	mustBeReady(t, answer)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	pm, ok := readPostmaster(filepath.Join(dir, "cluster"))
	if !ok || !alive(pm.pid) {
		t.Fatal("the server should outlive a killed process")
	}
	l := startLocal(t, dir)
	if got := serverPID(t, l); got != pm.pid {
		t.Errorf("server %d, want the running %d", got, pm.pid)
	}
	execSQL(t, l.URL(), `SELECT 1`)
	stop(t, l)
	if pm.holds(l.place.cluster()) {
		t.Error("the server was not stopped")
	}
}

func TestLocalStartsAfterTheServerWasKilled(t *testing.T) {
	dir := dataDir(t)
	l, err := StartLocal(timeout(t), LocalConfig{Dir: dir}) // with fsync: what was committed must be there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, l) })
	execSQL(t, l.URL(), `CREATE TABLE kept ()`)
	if err := syscall.Kill(serverPID(t, l), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-l.exited
	stop(t, l)
	l = startLocal(t, dir)
	execSQL(t, l.URL(), `SELECT * FROM kept`)
}

// After a crash of the machine, or in a new container, the number in postmaster.pid may belong to any process, also to
// one of PostgreSQL's own user: PostgreSQL then believes that it runs already.
func TestLocalSeesThroughAReusedProcessNumber(t *testing.T) {
	dir := dataDir(t)
	l := startLocal(t, dir)
	pidFile := filepath.Join(l.place.cluster(), "postmaster.pid")
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, l)
	sleeper := exec.Command("sleep", "60")
	sleeper.SysProcAttr = l.place.owner.attributes()
	sleeper.Dir = "/"
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
	_, rest, _ := strings.Cut(string(text), "\n")
	for _, path := range []string{pidFile, filepath.Join(l.socketDir, ".s.PGSQL.5432.lock")} {
		if err := os.WriteFile(path, []byte(strconv.Itoa(sleeper.Process.Pid)+"\n"+rest), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, l.place.owner.uid, l.place.owner.gid); err != nil {
			t.Fatal(err)
		}
	}
	l = startLocal(t, dir)
	execSQL(t, l.URL(), `SELECT 1`)
	if !alive(sleeper.Process.Pid) {
		t.Error("an innocent process was ended")
	}
}

// A server that a process uses but that cannot be seen from here must not get a second one beside it.
func TestLocalStartsNoSecondServerBesideAnInvisibleOne(t *testing.T) {
	dir := dataDir(t)
	l := startLocal(t, dir)
	pm, _ := readPostmaster(l.place.cluster())
	if err := syscall.Kill(pm.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-l.exited
	_, err := StartLocal(timeout(t), LocalConfig{Dir: dir})
	wantFault(t, err, fault.Conflict, "database_in_use", dir)
}

// fakeTools puts an initdb of our own in the place of PostgreSQL's.
func fakeTools(t *testing.T, initdb string) {
	t.Helper()
	real, err := findTools("/nonexistent")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(filepath.Dir(dataDir(t)), "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"postgres", "pg_config"} {
		if err := os.Symlink(filepath.Join(real.bin, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	script := "#!/bin/sh\n" + strings.ReplaceAll(initdb, "REAL", filepath.Join(real.bin, "initdb")) + "\n"
	if err := os.WriteFile(filepath.Join(bin, "initdb"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FIRSTLINE_POSTGRES_BIN", bin)
}

func TestLocalKilledDuringInitdb(t *testing.T) {
	dir := dataDir(t)
	t.Run("killed", func(t *testing.T) {
		// The cluster is complete and initdb has not returned: the worst moment.
		fakeTools(t, `REAL "$@" && touch "$2/reached" && exec sleep 60`)
		cmd, _, _ := hold(t, dir)
		var reached []string
		for i := 0; len(reached) == 0; i++ {
			if i == 3000 {
				t.Fatal("initdb was never reached")
			}
			time.Sleep(pollEvery)
			reached, _ = filepath.Glob(filepath.Join(dir, unfinished+"*", "reached"))
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	})
	l := startLocal(t, dir)
	execSQL(t, l.URL(), `SELECT 1`)
	if left, _ := filepath.Glob(filepath.Join(dir, unfinished+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(filepath.Join(l.place.cluster(), "reached")); err == nil {
		t.Error("the half-made cluster was used")
	}
}

func TestLocalDiskFull(t *testing.T) {
	fakeTools(t, `echo 'initdb: error: could not write file: No space left on device' >&2; exit 1`)
	dir := dataDir(t)
	_, err := StartLocal(timeout(t), LocalConfig{Dir: dir})
	wantFault(t, err, fault.Unavailable, "disk_full", dir, "full")
	if left, _ := filepath.Glob(filepath.Join(dir, "cluster*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLocalGivesUpWhenToldTo(t *testing.T) {
	dir := dataDir(t)
	cmd, _, answer := hold(t, dir)
	mustBeReady(t, answer)
	pm, _ := readPostmaster(filepath.Join(dir, "cluster"))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := syscall.Kill(pm.pid, syscall.SIGSTOP); err != nil { // it lives and does not answer
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pm.pid, syscall.SIGCONT) })
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := StartLocal(ctx, LocalConfig{Dir: dir}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}
