package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firstline/firstline/internal/fault"
)

// systemDir is where a cluster goes when PostgreSQL's user cannot reach the data directory; a variable for tests.
var systemDir = "/var/lib/firstline"

// socketPathMax is the longest path of a Unix socket that every system takes: macOS has 104 bytes with the closing zero.
const socketPathMax = 103

// place is where a cluster lives and who owns it.
//
// PostgreSQL refuses to run as root. When we are root its processes run as another user, who owns the cluster and the
// socket directory and must be able to walk to them. Below a closed directory, as /root is, he cannot: then base is a
// directory of its own below systemDir, and dir holds a symbolic link to the cluster there.
type place struct {
	dir   string // as configured, absolute
	base  string // holds cluster, run, locks and log
	owner account
}

// account is a user of the system.
type account struct {
	name     string
	uid, gid int
	other    bool // not the user that this process runs as
}

func (p place) cluster() string { return filepath.Join(p.base, "cluster") }
func (p place) link() string    { return filepath.Join(p.dir, "cluster") }
func (p place) logFile() string { return filepath.Join(p.base, "postgres.log") }

// findPlace makes the directories of a place and finds its owner. Two processes at once find the same.
func findPlace(dir string) (place, error) {
	if err := makeDirs(dir); err != nil {
		return place{}, unusable(dir, err)
	}
	p := place{dir: dir, base: dir}
	if target, err := os.Readlink(p.link()); err == nil {
		p.base = filepath.Dir(target)
		if err := makeDirs(p.base); err != nil {
			return place{}, unusable(dir, err)
		}
	}
	var err error
	if p.owner, err = clusterOwner(p.cluster()); err != nil {
		return place{}, err
	}
	if p.base != dir || p.owner.reaches(dir) {
		return p, nil
	}
	if _, err := os.Lstat(p.cluster()); err == nil {
		return place{}, fault.New(fault.Invalid, "data_dir_closed",
			"User %s, who owns the cluster in %s, cannot reach it any more; run chmod o+x on the directories above it.", p.owner.name, dir)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return place{}, unusable(dir, err)
	}
	p.base = filepath.Join(systemDir, shortHash(real))
	if err := makeDirs(p.base); err != nil {
		return place{}, unusable(p.base, err)
	}
	if !p.owner.reaches(p.base) {
		return place{}, fault.New(fault.Invalid, "data_dir_closed",
			"User %s, who runs PostgreSQL for root, can reach neither %s nor %s; run chmod o+x on the directories above one of them, or choose another data directory.",
			p.owner.name, dir, p.base)
	}
	return p, nil
}

// settle makes the link from the configured directory to a cluster elsewhere. The caller holds the start lock.
func (p place) settle(progress func(string)) error {
	if p.base == p.dir {
		return nil
	}
	if _, err := os.Readlink(p.link()); err == nil {
		return nil
	}
	// Whoever deleted the data directory wants to begin anew, and whoever did not mean it wants the old one kept.
	if _, err := os.Lstat(p.cluster()); err == nil {
		if pm, ok := readPostmaster(p.cluster()); ok && pm.holds(p.cluster()) {
			return fault.New(fault.Conflict, "database_in_use",
				"PostgreSQL process %d still runs in %s for a data directory that was deleted; stop it with kill -INT %d.", pm.pid, p.base, pm.pid)
		}
		aside := p.cluster() + "-" + time.Now().UTC().Format("20060102T150405.000")
		if err := os.Rename(p.cluster(), aside); err != nil {
			return unusable(p.dir, err)
		}
		progress("The database of an earlier " + p.dir + " was set aside as " + aside + "; delete it when it is not needed")
	}
	if err := os.Symlink(p.cluster(), p.link()); err != nil {
		return unusable(p.dir, err)
	}
	progress(fmt.Sprintf("PostgreSQL cannot run as root, and user %s cannot reach %s; the database is kept in %s", p.owner.name, p.dir, p.base))
	return nil
}

// own gives a directory and all that is in it to the owner of the cluster.
func (p place) own(dir string) error {
	if !p.owner.other {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return unusable(p.dir, err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) == p.owner.uid && dir == p.cluster() {
		return nil // given already when it was made
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, p.owner.uid, p.owner.gid)
	})
	if err != nil {
		return unusable(p.dir, err)
	}
	return nil
}

// socketDirFor is the directory of the socket: in the base if its path is short enough, else one of the system's
// temporary directories, with a name that depends on the base alone.
func socketDirFor(base string) (string, error) {
	name := "firstline-" + shortHash(base)
	for _, dir := range []string{filepath.Join(base, "run"), filepath.Join(os.TempDir(), name), filepath.Join("/tmp", name)} {
		if len(filepath.Join(dir, ".s.PGSQL.5432")) <= socketPathMax {
			return dir, nil
		}
	}
	return "", fault.New(fault.Invalid, "data_dir_too_long", "The path of %s is too long for a socket; choose a shorter data directory.", base)
}

// makeSocketDir makes the socket's directory, closed to all but its owner. In a directory that everybody may write to,
// such as /tmp, one of that name that somebody else made first is refused.
func (p place) makeSocketDir() (string, error) {
	dir, err := socketDirFor(p.base)
	if err != nil {
		return "", err
	}
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		return dir, p.own(dir)
	case !errors.Is(err, os.ErrExist):
		return "", unusable(p.dir, err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", unusable(p.dir, err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	private := info.IsDir() && info.Mode().Perm()&0o077 == 0
	switch {
	case ok && private && int(st.Uid) == p.owner.uid:
		return dir, nil
	case ok && private && int(st.Uid) == os.Geteuid():
		return dir, p.own(dir) // made by a process that was killed before it gave it away
	}
	return "", fault.New(fault.Invalid, "socket_dir_taken",
		"The socket's directory %s belongs to another user or is open to others; delete it, or choose another data directory.", dir)
}

// clusterOwner finds who is to run PostgreSQL: ourselves, or for root the owner of the cluster if there is one, else one
// of the accounts that systems have for such a purpose.
func clusterOwner(cluster string) (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{name: "uid " + strconv.Itoa(uid), uid: uid, gid: os.Getegid()}, nil
	}
	if info, err := os.Stat(cluster); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
			return account{name: "uid " + strconv.Itoa(int(st.Uid)), uid: int(st.Uid), gid: int(st.Gid), other: true}, nil
		}
	}
	for _, name := range []string{"postgres", "_postgres", "firstline", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{name: name, uid: uid, gid: gid, other: true}, nil
		}
	}
	return account{}, fault.New(fault.Unavailable, "no_postgres_user",
		"PostgreSQL refuses to run as root and there is no user to run it as; make one with: useradd --system postgres. Or run Firstline as an ordinary user, or set DATABASE_URL.")
}

// attributes start a process as the account, in a session of its own: a Ctrl-C at the terminal reaches Firstline, which
// finishes its work and then stops PostgreSQL, not PostgreSQL under its hands.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.other {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}

// reaches tells whether the account may enter a directory, by having a process of it do so.
func (a account) reaches(dir string) bool {
	if !a.other {
		return true
	}
	cmd := exec.Command("/bin/sh", "-c", "true")
	cmd.Dir = dir
	cmd.SysProcAttr = a.attributes()
	return cmd.Run() == nil
}

// makeDirs is os.MkdirAll that lets others walk through what it makes, whatever the umask: one of them may be the user
// that runs PostgreSQL. The cluster within is closed.
func makeDirs(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, os.ErrNotExist) {
		if err := makeDirs(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o755)
	}
	if err == nil {
		return os.Chmod(dir, 0o755)
	}
	if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
		return nil
	}
	return err
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// unusable explains a failure to use the data directory.
func unusable(dir string, err error) error {
	const remedy = "or choose another data directory, or set DATABASE_URL to a PostgreSQL elsewhere"
	var f *fault.Error
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case diskFull(err.Error()) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(err, fault.Unavailable, "disk_full", fmt.Sprintf("The disk that holds %s is full; make room (a new database needs about 60 MB), %s.", dir, remedy))
	case errors.Is(err, syscall.EROFS):
		return fault.Wrap(err, fault.Invalid, "data_dir_unwritable", fmt.Sprintf("%s is on a read-only file system; %s.", dir, strings.TrimPrefix(remedy, "or ")))
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Invalid, "data_dir_unwritable", fmt.Sprintf("%s cannot be written by this user; run Firstline as the user who owns it, %s.", dir, remedy))
	}
	return fault.Wrap(err, fault.Invalid, "data_dir_unusable", fmt.Sprintf("%s cannot be used as the data directory; %s.", dir, strings.TrimPrefix(remedy, "or ")))
}

func diskFull(text string) bool {
	return strings.Contains(text, "No space left on device") || strings.Contains(text, "Disk quota exceeded")
}
