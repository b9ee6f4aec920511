// Command firstline-bench measures what a chat turn costs, beside the least that a turn can cost on the same machine.
//
// It starts a throw-away PostgreSQL with durable commits, fills it with ten thousand passages through the knowledge
// base's own tables, starts a model stub and a real `firstline serve`, and drives the public wire. In the same run, and
// in alternation with it, it drives a floor: a handler that does one vector search, two inserts and the relay of the
// stub's stream, and keeps none of Firstline's promises. What counts is the ratio between the two.
//
// It talks to the loopback address only, ends every process that it started, and changes nothing outside its temporary
// directory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "firstline-bench:", err)
		os.Exit(1)
	}
}

// commands are the program's subcommands. Stub and Floor serve until they are told to end; Measure starts them itself.
type commands struct {
	Measure measureCommand `cmd:"" default:"withargs" help:"Measure Firstline beside the floor (the default)."`
	Desk    deskCommand    `cmd:"" help:"Measure a message's way to an agent's screen, and the reply's way back."`
	Stub    stubCommand    `cmd:"" help:"Serve the model stub: an OpenAI-compatible API that answers at once."`
	Floor   floorCommand   `cmd:"" help:"Serve the bare handler that the floor is measured with."`
}

// output carries the two streams to the subcommands: results go to out, progress to log.
type output struct{ out, log io.Writer }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c commands
	parser, err := kong.New(&c, kong.Name("firstline-bench"), kong.Writers(stdout, stderr), kong.UsageOnError(),
		kong.Description("Measures the cost of Firstline's chat turns beside the least that a turn can cost."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(output{stdout, stderr}))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return err
	}
	err = parsed.Run()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}
