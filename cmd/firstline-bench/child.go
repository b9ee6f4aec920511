package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// child is a process that the benchmark started.
type child struct {
	name   string
	cmd    *exec.Cmd
	log    string // path of what it writes
	ended  chan struct{}
	result error // valid after ended is closed
}

// startChild starts a program with additional environment; what it writes goes to a file in dir. It runs in a process
// group of its own, so that an interrupt at the terminal reaches only the benchmark, which ends its children in order.
func startChild(dir, name string, env []string, program string, args ...string) (*child, error) {
	log, err := os.CreateTemp(dir, name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Env = append(inherited(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name: name, cmd: cmd, log: log.Name(), ended: make(chan struct{})}
	go func() {
		c.result = cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// inherited is this process's environment without what configures Firstline or PostgreSQL's clients: the machine's own
// settings must not reach the measured server.
func inherited() []string {
	var env []string
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "FIRSTLINE_") || strings.HasPrefix(kv, "OPENAI_") || strings.HasPrefix(kv, "PG") || strings.HasPrefix(kv, "DATABASE_URL=") {
			continue
		}
		env = append(env, kv)
	}
	return env
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stopTimeout is how long a child may take over its orderly end before it is killed.
const stopTimeout = 15 * time.Second

// stop ends the process and waits for it. It may be called more than once, and on nil.
func (c *child) stop() {
	if c == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended already
	select {
	case <-c.ended:
	case <-time.After(stopTimeout):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// failure explains why a child cannot be used, with the end of its log.
func (c *child) failure(what string) error {
	b, _ := os.ReadFile(c.log)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return fmt.Errorf("%s %s; its last lines:\n%s", c.name, what, strings.Join(lines[max(0, len(lines)-12):], "\n"))
}

// firstLine waits for the first line that the child writes, which names its URL.
func (c *child) firstLine(ctx context.Context) (string, error) {
	for {
		if line, ok := readFirstLine(c.log); ok {
			return line, nil
		}
		if err := c.wait(ctx, 10*time.Millisecond); err != nil {
			return "", err
		}
	}
}

func readFirstLine(path string) (string, bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadString('\n')
	return strings.TrimSpace(line), err == nil
}

// answers waits until a GET of the URL gives 200.
func (c *child) answers(ctx context.Context, url string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last := "no answer"
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(res.Body, 400))
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			last = fmt.Sprintf("%d %s", res.StatusCode, body)
		}
		if err := c.wait(ctx, 50*time.Millisecond); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				return c.failure(fmt.Sprintf("was not ready at %s within %s (%s)", url, limit, last))
			}
			return err
		}
	}
}

// wait pauses; it fails when the child or the context has ended.
func (c *child) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ended:
		return c.failure("ended by itself")
	case <-time.After(d):
		return nil
	}
}

// freeAddr returns a loopback address that was free a moment ago.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// goBuild builds packages of the module in dir into a directory.
func goBuild(ctx context.Context, dir, into string, packages ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", into + string(filepath.Separator)}, packages...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build in %s: %w\n%s", dir, err, out)
	}
	return nil
}
