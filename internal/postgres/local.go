package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

const (
	localRole     = "firstline" // the private cluster's superuser, let in without password by whoever can reach the socket
	localDatabase = "firstline"

	pollEvery   = 20 * time.Millisecond // a start takes some 50 ms; pg_ctl looks ten times a second and no sooner
	noticeAfter = 2 * time.Second       // silence longer than this gets a line of progress
	deafAfter   = 10 * time.Second      // a server process that has not answered at all for so long is given up
)

// LocalConfig describes a private cluster.
type LocalConfig struct {
	Dir      string            // holds the cluster, its socket, its log and its locks; made when missing
	Log      *slog.Logger      // nil: silent
	Progress func(line string) // called with what takes long or is worth knowing, for a person to read; nil: nobody
	NoFsync  bool              // true loses data when the machine crashes, and is for tests
	Settings map[string]string // PostgreSQL settings on top of ours, such as shared_buffers
}

// Local is a private PostgreSQL server that this process uses, whether it started it or found it running. It listens on
// a Unix socket only, in a directory that nobody but its own user may enter. Processes on one directory share one
// server: the last that stops using it shuts it down. One that is killed leaves it running, and the next finds it.
type Local struct {
	cfg   LocalConfig
	place place
	tools tools

	socketDir string

	mu     sync.Mutex
	users  *lockFile     // held shared from start to stop
	exited chan struct{} // closed when the server process ends, if it is a child of ours; else nil
}

// StartLocal returns when the cluster of cfg.Dir answers: made first if there is none, started if it does not run. What
// can go wrong is a fault that names the directory and the remedy: Unavailable when PostgreSQL is missing or does not
// start, Invalid when the directory cannot be used. Cancelling ctx ends the attempt, not a server that has started.
func StartLocal(ctx context.Context, cfg LocalConfig) (*Local, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	cfg.Dir = dir
	l := &Local{cfg: cfg}
	if l.place, err = findPlace(dir); err != nil {
		return nil, err
	}
	// Whoever holds this lock may make, start or stop the cluster.
	turn, err := lock(ctx, filepath.Join(l.place.base, "start.lock"), exclusive, func() {
		cfg.Progress("Waiting for another Firstline process that is starting or stopping PostgreSQL in " + dir)
	})
	if err != nil {
		return nil, unusable(dir, err)
	}
	defer turn.release()
	if err := l.place.settle(cfg.Progress); err != nil {
		return nil, err
	}
	if l.tools, err = findTools(l.place.cluster()); err != nil {
		return nil, err
	}
	if err := l.ensureCluster(ctx); err != nil {
		return nil, err
	}
	if err := l.ensureRunning(ctx); err != nil {
		return nil, err
	}
	if l.users, err = lock(ctx, filepath.Join(l.place.base, "users.lock"), shared, nil); err != nil {
		return nil, unusable(dir, err)
	}
	if err := l.ensureDatabase(ctx); err != nil {
		return nil, errors.Join(err, l.leave(ctx))
	}
	return l, nil
}

// URL is the address of the cluster's own database, for Migrate and Open. It stays the same over restarts.
func (l *Local) URL() string { return socketURL(l.socketDir, localDatabase) }

// Dir is the directory that really holds the cluster; it differs from the configured one when PostgreSQL's user could
// not reach that.
func (l *Local) Dir() string { return l.place.base }

// Stop ends this process's use of the cluster and, when no other process uses it, shuts the server down and waits for
// it. Open transactions are rolled back. When ctx ends before the server has, it is made to stop at once, without its
// final checkpoint: nothing committed is lost, the next start takes longer. Later calls do nothing.
func (l *Local) Stop(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users == nil {
		return nil
	}
	// With a context that has ended already the turn is still tried once, so that a late Stop does not leave it running.
	turn, err := lock(ctx, filepath.Join(l.place.base, "start.lock"), exclusive, nil)
	if err != nil {
		return fmt.Errorf("postgres: stop: %w", err)
	}
	defer turn.release()
	return l.leave(ctx)
}

// leave gives up the shared lock and shuts the server down if nobody else holds one. The caller holds the start lock.
func (l *Local) leave(ctx context.Context) error {
	l.users.release()
	l.users = nil
	last, err := tryLock(filepath.Join(l.place.base, "users.lock"), exclusive)
	if err != nil {
		return fmt.Errorf("postgres: stop: %w", err)
	}
	if last == nil {
		l.cfg.Log.Info("private PostgreSQL keeps running for another process", "dir", l.cfg.Dir)
		return nil
	}
	defer last.release()
	if err := shutDown(ctx, l.place.cluster()); err != nil {
		return err
	}
	if l.exited != nil {
		<-l.exited
	}
	l.cfg.Log.Info("private PostgreSQL stopped", "dir", l.cfg.Dir)
	return nil
}

// RemoveLocal deletes the cluster of a directory and all data in it, shutting down a server that was left running. It
// refuses with a Conflict while a process uses it. A directory without a cluster is no error; files that StartLocal did
// not make stay.
func RemoveLocal(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	p := place{dir: dir, base: dir}
	if target, err := os.Readlink(p.link()); err == nil {
		p.base = filepath.Dir(target)
	}
	if _, err := os.Lstat(p.base); err == nil {
		turn, err := lock(ctx, filepath.Join(p.base, "start.lock"), exclusive, nil)
		if err != nil {
			return unusable(dir, err)
		}
		defer turn.release()
		users, err := tryLock(filepath.Join(p.base, "users.lock"), exclusive)
		if err != nil {
			return unusable(dir, err)
		}
		if users == nil {
			return fault.New(fault.Conflict, "database_in_use", "The private PostgreSQL in %s is in use; stop Firstline first.", dir)
		}
		defer users.release()
		if err := shutDown(ctx, p.cluster()); err != nil {
			return err
		}
	}
	names := []string{"run", "start.lock", "users.lock", "postgres.log", "postgres.log.1"}
	made, err := filepath.Glob(filepath.Join(p.base, "cluster*")) // the cluster, unfinished ones, and those set aside
	for _, name := range names {
		made = append(made, filepath.Join(p.base, name))
	}
	if sockets, err := socketDirFor(p.base); err == nil {
		made = append(made, sockets)
	}
	for _, path := range append(made, p.link()) {
		err = errors.Join(err, os.RemoveAll(path))
	}
	for _, empty := range []string{p.base, p.dir} {
		_ = os.Remove(empty) // what is not ours stays, and its directory with it
	}
	return err
}

// ensureCluster makes the cluster unless it exists. It is made beside its place and moved there when it is complete, so
// that a kill at any moment leaves either none or a whole one.
func (l *Local) ensureCluster(ctx context.Context) error {
	if err := removeUnfinished(l.place.base); err != nil {
		return unusable(l.cfg.Dir, err)
	}
	cluster := l.place.cluster()
	if _, err := os.Stat(filepath.Join(cluster, "PG_VERSION")); err == nil {
		return l.place.own(cluster)
	}
	// Only a directory without PG_VERSION gets here, and only an empty one is taken away.
	if err := os.Remove(cluster); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Wrap(err, fault.Invalid, "data_dir_unusable",
			fmt.Sprintf("%s exists and is no PostgreSQL cluster; move it away or choose another data directory.", cluster))
	}
	l.cfg.Progress(fmt.Sprintf("Making a private PostgreSQL %d database in %s (once, about a second)", l.tools.major, l.place.base))
	fresh, err := os.MkdirTemp(l.place.base, unfinished)
	if err != nil {
		return unusable(l.cfg.Dir, err)
	}
	if err := l.place.own(fresh); err != nil {
		return err
	}
	if err := l.initdb(ctx, fresh); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	if err := os.Rename(fresh, cluster); err != nil {
		return unusable(l.cfg.Dir, err)
	}
	return syncDir(l.place.base)
}

// unfinished begins the name of a cluster that is being made.
const unfinished = "cluster.init-"

// removeUnfinished deletes what a killed process left of a cluster in the making. An orphaned initdb may still be writing
// there, which makes a deletion fail now and then, and initdb as soon as it notices.
func removeUnfinished(base string) error {
	left, err := filepath.Glob(filepath.Join(base, unfinished+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		for try := 0; ; try++ {
			if err = os.RemoveAll(dir); err == nil {
				break
			}
			if try == 50 {
				return err
			}
			time.Sleep(pollEvery)
		}
	}
	return nil
}

func (l *Local) ensureRunning(ctx context.Context) error {
	pm, running, err := l.waitRunning(ctx)
	if err != nil {
		return err
	}
	if running {
		l.socketDir = pm.socketDir
		l.cfg.Log.Info("private PostgreSQL was running already", "dir", l.cfg.Dir, "pid", pm.pid)
		return nil
	}
	if l.socketDir, err = l.place.makeSocketDir(); err != nil {
		return err
	}
	return l.launch(ctx)
}

var errNoSocket = errors.New("the server has not opened its socket yet")

// waitRunning tells whether a server holds the cluster already, waiting for one that is starting or stopping.
func (l *Local) waitRunning(ctx context.Context) (postmaster, bool, error) {
	begun := time.Now()
	notice := newNotice(l.cfg.Progress, "PostgreSQL in "+l.cfg.Dir+" is starting or stopping; waiting for it")
	for {
		pm, ok := readPostmaster(l.place.cluster())
		if !ok {
			return pm, false, nil
		}
		err := errNoSocket
		if pm.socketDir != "" {
			err = probe(ctx, pm.socketDir)
		}
		switch {
		case err == nil:
			return pm, true, nil
		case !pm.holds(l.place.cluster()):
			return pm, false, l.clearStale(pm)
		case ctx.Err() != nil:
			return pm, false, fmt.Errorf("postgres: waiting for the running server: %w", ctx.Err())
		case sqlState(err) == stateCannotConnectNow:
			begun = time.Now() // it lives: recovery may take as long as it needs
		case time.Since(begun) > deafAfter:
			return pm, false, fault.Wrap(err, fault.Unavailable, "database_deaf", fmt.Sprintf(
				"PostgreSQL process %d holds %s but does not answer on its socket; stop it with kill -INT %d and try again.", pm.pid, l.cfg.Dir, pm.pid))
		}
		notice.tick()
		time.Sleep(pollEvery)
	}
}

// clearStale removes the lock files of a server that is gone. PostgreSQL does so itself, unless another process of its
// user has got the number since, as happens after a crash of the machine and in containers. Where a process uses the
// cluster all the same, the server is one that we cannot see, as in another container on the same volume: a second one
// would destroy the data.
func (l *Local) clearStale(pm postmaster) error {
	users, err := tryLock(filepath.Join(l.place.base, "users.lock"), exclusive)
	if err != nil {
		return unusable(l.cfg.Dir, err)
	}
	if users == nil {
		return fault.New(fault.Conflict, "database_in_use",
			"Another Firstline process uses %s, but its PostgreSQL cannot be reached from here; stop that process first.", l.cfg.Dir)
	}
	defer users.release()
	if !alive(pm.pid) {
		return nil
	}
	files := []string{filepath.Join(l.place.cluster(), "postmaster.pid")}
	if pm.socketDir != "" {
		files = append(files, filepath.Join(pm.socketDir, ".s.PGSQL.5432.lock"))
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return unusable(l.cfg.Dir, err)
		}
	}
	return nil
}

// ensureDatabase makes our database in a cluster that lacks it, as it does when the process that made it was killed.
func (l *Local) ensureDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, socketURL(l.socketDir, "postgres"))
	if err != nil {
		return fmt.Errorf("postgres: private cluster: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, localDatabase).Scan(&exists); err != nil {
		return fmt.Errorf("postgres: private cluster: %w", err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+localDatabase); err != nil {
		return fmt.Errorf("postgres: private cluster: create database: %w", err)
	}
	return nil
}

// socketURL is the address of a database behind a Unix socket, in a form that psql understands as well.
func socketURL(socketDir, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=5432", localRole, database, strings.ReplaceAll(url.QueryEscape(socketDir), "+", "%20"))
}

// probe connects once; nil means that the server serves.
func probe(ctx context.Context, socketDir string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, socketURL(socketDir, "postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// shutDown ends the server of a cluster, if one runs, and waits until it is gone.
func shutDown(ctx context.Context, cluster string) error {
	pm, ok := readPostmaster(cluster)
	if !ok || !pm.holds(cluster) {
		return nil
	}
	signal := func(sig syscall.Signal) error {
		if err := syscall.Kill(pm.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("postgres: stop process %d: %w", pm.pid, err)
		}
		return nil
	}
	if ctx.Err() == nil {
		if err := signal(syscall.SIGINT); err != nil { // fast shutdown
			return err
		}
	}
	var urged time.Time
	for pm.holds(cluster) {
		if ctx.Err() != nil && urged.IsZero() {
			urged = time.Now()
			if err := signal(syscall.SIGQUIT); err != nil { // immediate shutdown
				return err
			}
		}
		if !urged.IsZero() && time.Since(urged) > deafAfter {
			return fault.Wrap(ctx.Err(), fault.Unavailable, "database_stop", fmt.Sprintf("PostgreSQL process %d does not stop.", pm.pid))
		}
		time.Sleep(pollEvery / 2)
	}
	return nil
}

// notice says one line once something has lasted long.
type notice struct {
	say   func(string)
	line  string
	begun time.Time
	said  bool
}

func newNotice(say func(string), line string) *notice {
	return &notice{say: say, line: line, begun: time.Now()}
}

func (n *notice) tick() {
	if !n.said && time.Since(n.begun) > noticeAfter {
		n.said = true
		n.say(n.line)
	}
}
