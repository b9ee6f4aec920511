// Command run gives a command one PostgreSQL server for tests:
//
//	go run ./internal/postgres/pgtest/run -- go test ./...
//
// It starts a server, sets FIRSTLINE_TEST_DATABASE_URL for the command, passes signals on to it, stops the server when
// the command has ended, and ends with the command's exit status. With the variable set already it only runs the command.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/firstline/firstline/internal/postgres/pgtest"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(stderr, "usage: run -- command [argument]...")
		return 2
	}
	// Caught from the start, so that no signal can end us with the server running and the command not yet told.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.Env = os.Environ()
	// In a group of its own, so that a signal reaches what the command started too, and a Ctrl-C reaches it once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getenv(pgtest.ServerVariable) == "" {
		server, err := pgtest.StartServer()
		if err != nil {
			fmt.Fprintln(stderr, "run:", err)
			return 1
		}
		defer func() {
			if err := server.Stop(); err != nil {
				fmt.Fprintln(stderr, "run: stopping PostgreSQL:", err)
			}
		}()
		cmd.Env = append(cmd.Env, pgtest.ServerVariable+"="+server.URL)
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, "run:", err)
		return 127
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal)) // ended meanwhile is as good
		case err := <-done:
			return status(err, stderr)
		}
	}
}

// status is the exit status that a shell would give: the command's own, or 128 and the signal that ended it.
func status(err error, stderr io.Writer) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		fmt.Fprintln(stderr, "run:", err)
		return 1
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}
