package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/firstline/firstline/internal/postgres"
)

// keeperVariable makes a process that imports this package keep a server instead of doing its own work.
const keeperVariable = "FIRSTLINE_PGTEST_KEEPER"

// tempPattern names the directories of servers for tests.
const tempPattern = "firstline-pgtest-"

// The server of tests is kept by a process of its own, the same program started again. It holds the server as long as
// its standard input is open, and the kernel closes that when the parent ends, in whatever way. So neither a kill nor a
// panic nor a timeout of a test leaves a server or its files behind, and the tests' own process has no goroutine for it.
func init() {
	if os.Getenv(keeperVariable) != "" {
		os.Exit(keep(os.Stdin, os.Stdout))
	}
}

// keep runs a server from its first line on standard output ("ok URL" or "error TEXT") to the end of standard input.
func keep(in io.Reader, out io.Writer) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // the parent's end is the only signal
	ctx := context.Background()
	sweep(ctx)
	dir, err := openDir(fastDir(), "shared")
	if err != nil {
		fmt.Fprintln(out, "error", oneLine(err))
		return 1
	}
	l, err := postgres.StartLocal(ctx, postgres.LocalConfig{Dir: dir, NoFsync: true, Settings: map[string]string{
		"max_connections": "500", // several test binaries, each with parallel tests, each with a pool
		"shared_buffers":  "128MB",
		"autovacuum":      "off", // databases live for seconds
	}})
	if err != nil {
		fmt.Fprintln(out, "error", oneLine(err))
		_ = postgres.RemoveLocal(ctx, dir)
		return 1
	}
	fmt.Fprintln(out, "ok", l.URL())
	_, _ = io.Copy(io.Discard, in)
	now, cancel := context.WithCancel(ctx)
	cancel() // nothing in it is worth a checkpoint
	if errors.Join(l.Stop(now), postgres.RemoveLocal(ctx, dir)) != nil {
		return 1
	}
	return 0
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", " | ") }

// openDir makes a temporary directory in parent that the user who runs PostgreSQL for root can enter.
func openDir(parent, kind string) (string, error) {
	dir, err := os.MkdirTemp(parent, tempPattern+kind+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// memoryDir is Linux's file system in memory. A copy of the template takes 15 ms there, and took 350 ms on
// the disk of the machine where we measured: it consists of some 300 files.
const memoryDir = "/dev/shm"

// fastDir is where the shared server goes: in memory if there is room, which in containers there may not be.
func fastDir() string {
	var fs syscall.Statfs_t
	if runtime.GOOS == "linux" && syscall.Statfs(memoryDir, &fs) == nil && fs.Bavail*uint64(fs.Bsize) >= 2<<30 {
		return memoryDir
	}
	return os.TempDir()
}

// sweep removes the servers of keepers that were killed themselves. One that is in use is left alone by RemoveLocal, one
// that is only just being made by its age.
func sweep(ctx context.Context) {
	for _, parent := range []string{os.TempDir(), memoryDir} {
		left, _ := filepath.Glob(filepath.Join(parent, tempPattern+"*"))
		for _, dir := range left {
			if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > 10*time.Minute {
				_ = postgres.RemoveLocal(ctx, dir)
			}
		}
	}
}

// TestServer is a server without durability for many test binaries at once.
type TestServer struct {
	URL string // for ServerVariable

	keeper *exec.Cmd
	hold   *os.File // open as long as the server is wanted
}

// StartServer starts one. It ends with Stop, or with this process.
func StartServer() (*TestServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	in, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	answer, out, err := os.Pipe()
	if err != nil {
		hold.Close()
		return nil, err
	}
	defer answer.Close()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), keeperVariable+"=1")
	cmd.Stdin, cmd.Stdout = in, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C is for the tests; the server follows them
	err = cmd.Start()
	out.Close()
	if err != nil {
		hold.Close()
		return nil, err
	}
	s := &TestServer{keeper: cmd, hold: hold}
	line, err := bufio.NewReader(answer).ReadString('\n')
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || word != "ok" {
		return nil, errors.Join(fmt.Errorf("the server for tests did not start: %s", rest), s.Stop())
	}
	s.URL = rest
	return s, nil
}

// Stop ends the server and waits until it and its files are gone.
func (s *TestServer) Stop() error {
	s.hold.Close()
	return s.keeper.Wait()
}
