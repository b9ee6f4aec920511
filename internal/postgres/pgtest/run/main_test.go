package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firstline/firstline/internal/postgres/pgtest"
)

func TestRun(t *testing.T) {
	t.Setenv(pgtest.ServerVariable, "")
	for _, c := range []struct {
		name   string
		args   []string
		status int
		out    string
	}{
		{"success", []string{"--", "sh", "-c", "echo $" + pgtest.ServerVariable}, 0, "postgres://"},
		{"status", []string{"sh", "-c", "exit 7"}, 7, ""},
		{"signal", []string{"--", "sh", "-c", "kill -TERM $$"}, 128 + int(syscall.SIGTERM), ""},
		{"no such command", []string{"--", "/nonexistent/command"}, 127, "no such file"},
		{"nothing to run", []string{"--"}, 2, "usage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if got := run(c.args, strings.NewReader(""), &out, &out); got != c.status {
				t.Errorf("status %d, want %d; output %s", got, c.status, &out)
			}
			if !strings.Contains(out.String(), c.out) {
				t.Errorf("output %q lacks %q", &out, c.out)
			}
		})
	}
}

func TestRunKeepsAGivenServer(t *testing.T) {
	t.Setenv(pgtest.ServerVariable, "given")
	var out bytes.Buffer
	if status := run([]string{"sh", "-c", "echo $" + pgtest.ServerVariable}, nil, &out, &out); status != 0 || out.String() != "given\n" {
		t.Errorf("status %d, output %q", status, &out)
	}
}

func TestRunForwardsSignals(t *testing.T) {
	t.Setenv(pgtest.ServerVariable, "given")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	result := make(chan int, 1)
	go func() {
		defer w.Close()
		result <- run([]string{"sh", "-c", `trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done`}, nil, w, w)
	}()
	if _, err := r.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case status := <-result:
		if status != 9 {
			t.Errorf("status %d, want the command's own 9", status)
		}
	case <-time.After(time.Minute):
		t.Fatal("the signal did not arrive")
	}
}
