package postgres

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firstline/firstline/internal/fault"
)

// localSettings are the private cluster's. It lives beside Firstline on one machine, often a small one.
var localSettings = map[string]string{
	"listen_addresses":        "", // no TCP port at all
	"unix_socket_permissions": "0700",
	"cluster_name":            "firstline", // shown by ps
	"max_connections":         "100",
	"shared_buffers":          "256MB",
	"random_page_cost":        "1.1", // the default of 4 is for spinning disks, and makes the planner shun vector indexes
	"jit":                     "off", // compiling costs more than our short statements do
	"synchronous_commit":      "on",  // what is acknowledged is on disk
	"wal_compression":         "on",
	"logging_collector":       "off", // standard error goes to our log file
	"log_line_prefix":         "%m [%p] ",
	"log_error_verbosity":     "terse", // the detail lines quote rows, and rows are what customers said
	"log_timezone":            "UTC",
	"timezone":                "UTC",
	"lc_messages":             "C", // we read some of them
}

// logMax is the size in bytes from which a log is put aside at the next start; one earlier log is kept.
const logMax = 16 << 20

func (l *Local) settings() map[string]string {
	s := map[string]string{"unix_socket_directories": l.socketDir, "port": "5432"}
	for name, value := range localSettings {
		s[name] = value
	}
	if smallSharedMemory() {
		// Containers often have 64 MB in /dev/shm, less than a parallel build of a vector index takes.
		s["dynamic_shared_memory_type"] = "mmap"
	}
	if l.cfg.NoFsync {
		s["fsync"], s["full_page_writes"], s["synchronous_commit"] = "off", "off", "off"
	}
	for name, value := range l.cfg.Settings {
		s[name] = value
	}
	return s
}

func smallSharedMemory() bool {
	var fs syscall.Statfs_t
	if runtime.GOOS != "linux" || syscall.Statfs("/dev/shm", &fs) != nil {
		return false
	}
	return uint64(fs.Blocks)*uint64(fs.Bsize) < 1<<30
}

// environment is ours without what steers PostgreSQL's programs or changes the language of their messages.
func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "PG") || strings.HasPrefix(kv, "LC_") || strings.HasPrefix(kv, "LANG")
	})
	return append(env, "LC_ALL=C")
}

// initdb makes a cluster in an empty directory that its owner owns.
func (l *Local) initdb(ctx context.Context, dir string) error {
	notice := newNotice(l.cfg.Progress, "initdb is still at work in "+l.place.base)
	// C.UTF-8 knows upper and lower case of every script and sorts by code point, the same on every machine. Where the
	// system has none of these, C does for everything but the case of letters beyond ASCII.
	for _, locale := range []string{"C.UTF-8", "en_US.UTF-8", "C"} {
		args := []string{"-D", dir, "-U", localRole, "--auth=trust", "--encoding=UTF8", "--locale=" + locale}
		if l.cfg.NoFsync {
			args = append(args, "--no-sync")
		}
		cmd := exec.CommandContext(ctx, filepath.Join(l.tools.bin, "initdb"), args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Dir, cmd.Env, cmd.SysProcAttr = l.place.base, environment(), l.place.owner.attributes()
		cmd.WaitDelay = time.Second
		done := make(chan error, 1)
		go func() { done <- cmd.Run() }()
		var err error
		for waiting := true; waiting; {
			select {
			case err = <-done:
				waiting = false
			case <-time.After(pollEvery):
				notice.tick()
			}
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("postgres: initdb: %w", ctx.Err())
		case strings.Contains(out.String(), "invalid locale"):
			continue
		case diskFull(out.String()):
			return unusable(l.cfg.Dir, errors.New(lastLines(out.String(), 8)))
		}
		return fault.Wrap(fmt.Errorf("%w: %s", err, lastLines(out.String(), 8)), fault.Unavailable, "database_init",
			fmt.Sprintf("PostgreSQL's initdb (%s) could not make a database in %s.", l.tools.bin, l.place.base))
	}
	return fault.New(fault.Unavailable, "database_init", "PostgreSQL's initdb accepts no locale of this system, not even C.")
}

// launch starts the server and returns when it serves.
func (l *Local) launch(ctx context.Context) error {
	// The backends of a server that was killed take a moment to notice; until then a new one is refused.
	for try := 0; ; try++ {
		tail, err := l.launchOnce(ctx)
		if err == nil || try == 25 || !strings.Contains(tail, "pre-existing shared memory block") {
			return err
		}
		time.Sleep(10 * pollEvery)
	}
}

// launchOnce also returns what the server wrote to its log when it ended before it served.
func (l *Local) launchOnce(ctx context.Context) (logTail string, err error) {
	log, begin, err := openLog(l.place.logFile())
	if err != nil {
		return "", unusable(l.cfg.Dir, err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(l.tools.bin, "postgres"), "-D", l.place.cluster()) // outlives ctx
	for name, value := range l.settings() {
		cmd.Args = append(cmd.Args, "-c", name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir, cmd.Env, cmd.SysProcAttr = l.place.cluster(), environment(), l.place.owner.attributes()
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "database_start", fmt.Sprintf("PostgreSQL (%s) could not be started as %s.", cmd.Path, l.place.owner.name))
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(exited)
	}()
	notice := newNotice(l.cfg.Progress, "PostgreSQL is still starting in "+l.cfg.Dir+" (after a crash it first repairs itself)")
	deaf := time.Now()
	for {
		err := probe(ctx, l.socketDir)
		if err == nil {
			l.exited = exited
			l.cfg.Log.Info("private PostgreSQL started", "dir", l.cfg.Dir, "pid", cmd.Process.Pid, "major", l.tools.major, "took", time.Since(started).Round(time.Millisecond))
			return "", nil
		}
		if sqlState(err) == stateCannotConnectNow {
			deaf = time.Now()
		}
		select {
		case <-exited:
			tail := readFrom(l.place.logFile(), begin)
			return tail, l.startFailure(tail)
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGQUIT)
			<-exited
			return "", fmt.Errorf("postgres: start: %w", ctx.Err())
		case <-time.After(pollEvery):
		}
		if time.Since(deaf) > 3*deafAfter {
			_ = cmd.Process.Signal(syscall.SIGQUIT)
			<-exited
			return "", fault.Wrap(err, fault.Unavailable, "database_start", fmt.Sprintf("PostgreSQL was started but does not answer; see %s.", l.place.logFile()))
		}
		notice.tick()
	}
}

// startFailure explains why a server ended before it served, from its own words.
func (l *Local) startFailure(tail string) error {
	cause := errors.New(lastLines(tail, 8))
	if diskFull(tail) {
		return unusable(l.cfg.Dir, cause)
	}
	if strings.Contains(tail, "could not create shared memory segment") || strings.Contains(tail, "could not map anonymous shared memory") {
		return fault.Wrap(cause, fault.Unavailable, "database_memory", "This machine has too little shared memory for PostgreSQL; give it more, or set DATABASE_URL to a PostgreSQL elsewhere.")
	}
	return fault.Wrap(cause, fault.Unavailable, "database_start", fmt.Sprintf("PostgreSQL did not start in %s; its log is %s.", l.cfg.Dir, l.place.logFile()))
}

// openLog opens the server's log for appending and returns its present size.
func openLog(path string) (*os.File, int64, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logMax {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, err
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

func readFrom(path string, offset int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(io.NewSectionReader(f, offset, 1<<20), 1<<20))
	return string(text)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// postmaster is what a running server writes to postmaster.pid.
type postmaster struct {
	pid       int
	socketDir string // "" while the server has not come so far
}

// readPostmaster reads postmaster.pid: process, data directory, start time, port, socket directory, address, shared
// memory and status, a line each (https://www.postgresql.org/docs/current/storage-file-layout.html).
func readPostmaster(cluster string) (postmaster, bool) {
	f, err := os.Open(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return postmaster{}, false
	}
	defer f.Close()
	var pm postmaster
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		switch n {
		case 1:
			// A single-user process writes its number with a minus sign.
			pid, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
			if err != nil || pid == 0 {
				return postmaster{}, false
			}
			pm.pid = max(pid, -pid)
		case 5:
			pm.socketDir = lines.Text()
		}
	}
	return pm, pm.pid > 0
}

// holds tells whether the process still runs and is the server of this cluster, rather than one that has got its number.
func (pm postmaster) holds(cluster string) bool {
	if !alive(pm.pid) {
		return false
	}
	if runtime.GOOS == "linux" {
		// A server's working directory is its data directory. That of a process which has ended cannot be read any more.
		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pm.pid))
		if errors.Is(err, os.ErrNotExist) {
			return false
		}
		if err != nil {
			return true // another user's: better not to touch it
		}
		real, err := filepath.EvalSymlinks(cluster)
		return err != nil || cwd == real
	}
	out, err := exec.Command("ps", "-p", strconv.Itoa(pm.pid), "-o", "stat=,comm=").Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z") && strings.Contains(string(out), "postgres")
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
