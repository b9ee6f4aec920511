// Command firstline is the whole product: the server, and the commands of the people who run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // opening hours need time zones, also on machines that have none

	"github.com/alecthomas/kong"

	"github.com/firstline/firstline/internal/fault"
)

// CLI is the command line. Every flag of Config can also be set by the environment variable that it names.
type CLI struct {
	Config

	Serve   ServeCmd   `cmd:"" help:"Run the server. Without DATABASE_URL it keeps a private PostgreSQL under --data."`
	Migrate MigrateCmd `cmd:"" help:"Bring the database to this program's schema."`
	Import  ImportCmd  `cmd:"" help:"Publish a folder of Markdown articles, all or none."`
	Export  ExportCmd  `cmd:"" help:"Write every published article to a folder, byte for byte as it was imported."`
	Ask     AskCmd     `cmd:"" help:"Answer a question as the chat would, with sources and the decision."`
	Eval    EvalCmd    `cmd:"" help:"Score retrieval on question sets, with the code that serves chats."`
	Explain ExplainCmd `cmd:"" help:"Show why a turn did what it did, and make its decision again."`
	Replay  ReplayCmd  `cmd:"" help:"Run past turns again with another configuration and show what would change; nothing is written."`
	User    UserCmd    `cmd:"" help:"Manage the people who work here."`
	Files   FilesCmd   `cmd:"" help:"Move the files of conversations to another place, or clean it up."`

	VerifyReceipt VerifyReceiptCmd `cmd:"" help:"Check the signed receipt of data that was deleted."`

	Version VersionCmd `cmd:"" help:"Print the version."`
}

func main() {
	// A second signal ends the process at once, whatever is still going on.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command and returns the exit code: 0 done, 1 failed, 2 misused. It serves the end-to-end tests too.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cli CLI
	exited, code := false, 0
	parser, err := kong.New(&cli, kong.Name("firstline"),
		kong.Description("The open-source first line of customer support: answers from your help centre, and hands over to a person in time."),
		kong.UsageOnError(), kong.Writers(stdout, stderr), kong.Exit(func(c int) { exited, code = true, c }))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	k, err := parser.Parse(args)
	if exited {
		return code
	}
	if err != nil {
		fmt.Fprintf(stderr, "firstline: %v\nTry: firstline --help\n", err)
		return 2
	}
	if err := cli.Config.validate(); err == nil {
		err = k.Run(&env{ctx: ctx, cfg: &cli.Config, out: stdout, err: stderr})
		if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return 0
		}
		return report(stderr, err)
	} else {
		return report(stderr, err)
	}
}

// env is what every command is given.
type env struct {
	ctx      context.Context
	cfg      *Config
	out, err io.Writer
	serving  bool // a server, whose log somebody keeps, and not a command
}

// report says what went wrong: the sentence for people first, the cause below it.
func report(w io.Writer, err error) int {
	var f *fault.Error
	if errors.As(err, &f) && f.Public != "" {
		if f.Field != "" {
			fmt.Fprintf(w, "firstline: %s: %s\n", f.Field, f.Public)
		} else {
			fmt.Fprintf(w, "firstline: %s\n", f.Public)
		}
		if f.Err != nil {
			fmt.Fprintf(w, "  cause: %v\n", f.Err)
		}
		if f.Kind == fault.Invalid {
			return 2
		}
		return 1
	}
	fmt.Fprintf(w, "firstline: %v\n", err)
	return 1
}

// VersionCmd prints the version.
type VersionCmd struct{}

// Run prints it.
func (VersionCmd) Run(e *env) error {
	version := "of unknown origin"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				version = s.Value
			}
		}
	}
	_, err := fmt.Fprintln(e.out, "firstline", version)
	return err
}
