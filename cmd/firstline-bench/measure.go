package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/kb"
)

type measureCommand struct {
	Server      string        `default:"bin/firstline" help:"The firstline binary to measure."`
	Data        string        `env:"BENCH_DATA" help:"Folder with articles.json and questions.json; without it they are made up."`
	Reference   string        `help:"Folder of a Go module with the programs floor and pgb; without it the built-in floor is measured."`
	Passages    int           `default:"10000" help:"Passages in the knowledge base."`
	At          []int         `default:"1,16,64" help:"Conversations at once."`
	Turns       int           `default:"1000" help:"Turns in a run; a third of them with one conversation."`
	PerConv     int           `name:"per-conversation" default:"5" help:"Turns in a conversation."`
	Rounds      int           `default:"3" help:"Times that every run is repeated; medians are shown."`
	Scenario    []string      `default:"builtin,sentences,api" help:"What to measure: builtin, sentences, api, quoting."`
	Idle        int           `default:"1000" help:"Idle streams whose memory is measured; 0 leaves it out."`
	Statements  int           `default:"200" help:"Turns of the run that counts SQL statements; 0 leaves it out."`
	Profile     string        `placeholder:"DIR" help:"Also take CPU and allocation profiles at 16 conversations and keep them in DIR."`
	ProfileTime time.Duration `default:"8s" help:"How long each profile is taken; whole seconds."`
	Rest        time.Duration `default:"5s" help:"How long the server is watched without load."`
	JSON        string        `name:"json" placeholder:"FILE" help:"Also write the results as JSON."`
	RunLimit    time.Duration `default:"60s" help:"Longest time of one run."`
	Beside      string        `placeholder:"FILE" help:"Another firstline binary, such as the one before a change, to measure in the same runs, on a copy of the database."`
	Hold        bool          `help:"Afterwards keep PostgreSQL, the stub and the server of the first scenario running, until interrupted."`
	Limit       time.Duration `default:"30m" help:"Longest time of everything."`
	Temporary   string        `placeholder:"DIR" help:"Where the temporary directory is made; the system's own place by default."`
	ReadyLimit  time.Duration `default:"5m" help:"Longest time for the server to index the passages."`
	Connections int           `default:"16" help:"Connections of the floor to PostgreSQL."`
}

// Help lists the scenarios below the flags.
func (*measureCommand) Help() string {
	var sb strings.Builder
	for _, s := range scenarios {
		fmt.Fprintf(&sb, "%-10s %s\n", s.name, s.about)
	}
	return sb.String()
}

// scenario is one way of configuring the server.
type scenario struct {
	name, about string
	chat        string // chat model; "" for none, which makes the server quote
	embedding   bool   // embeddings by the API instead of the built-in embedder
}

var scenarios = []scenario{
	{"builtin", "built-in embedder; the model answers in one long sentence", flatModel, false},
	{"sentences", "built-in embedder; the model answers in five sentences", sentencesModel, false},
	{"api", "1,536-dimensional embeddings through the API; one long sentence", flatModel, true},
	{"quoting", "no model at all: built-in embedder and quoted sections", "", false},
}

func (c *measureCommand) Run(ctx context.Context, o output) error {
	chosen, err := chooseScenarios(c.Scenario)
	if err != nil {
		return err
	}
	if c.Turns < 1 || c.PerConv < 1 || c.Rounds < 1 || c.Passages < 10 || len(c.At) == 0 || slices.Min(c.At) < 1 {
		return errors.New("turns, rounds, conversations and passages must be positive numbers, with at least ten passages")
	}
	if c.Server, err = filepath.Abs(c.Server); err != nil {
		return err
	}
	if _, err := os.Stat(c.Server); err != nil {
		return fmt.Errorf("no server to measure: %w (build it with make build, or name it with --server)", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	b := &bench{measureCommand: *c, progress: func(line string) { fmt.Fprintf(o.log, "%s %s\n", time.Now().Format("15:04:05"), line) }}
	defer b.end()
	report, err := b.run(ctx, chosen)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("not finished within %s: %w", c.Limit, err)
	}
	if report != nil && len(report.Scenarios) > 0 { // what was measured before an error is worth having
		report.write(o.out)
		if c.JSON != "" {
			err = errors.Join(err, report.save(c.JSON))
		}
	}
	if err != nil {
		return err
	}
	if c.Hold {
		return b.hold(ctx, chosen[0])
	}
	return nil
}

// hold keeps a scenario's server running, for looking into it by hand.
func (b *bench) hold(ctx context.Context, s scenario) error {
	if err := b.startServer(ctx, s, firstlineDatabase); err != nil {
		return err
	}
	b.progress(fmt.Sprintf("server %s, profiles %s, model %s/v1, database %s", b.base, b.debug, b.stubURL, b.cluster.url(firstlineDatabase)))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.server.ended:
		return b.server.failure("ended by itself")
	}
}

func chooseScenarios(names []string) ([]scenario, error) {
	var chosen []scenario
	for _, name := range names {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q", name)
		}
		chosen = append(chosen, scenarios[i])
	}
	return chosen, nil
}

// bench is a run under way.
type bench struct {
	measureCommand
	progress func(string)

	dir      string
	cluster  *cluster
	admin    *pgx.Conn // reads counters
	stub     *child
	stubURL  string
	floor    *child
	floorURL string
	server   *child
	base     string // the server's URL
	debug    string // its profiles

	docs      []kb.Document
	questions []string
}

// The databases of the cluster: the floor's tables would collide with Firstline's.
const (
	firstlineDatabase = "bench"
	floorDatabase     = "floor"
	besideDatabase    = "beside"
	idleDatabase      = "idle" // for the memory of idle streams: a server with little else in its memory
)

// end stops everything that was started, in the order in which things depend on each other.
func (b *bench) end() {
	b.server.stop()
	b.floor.stop()
	b.stub.stop()
	if b.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = b.admin.Close(ctx)
		cancel()
	}
	if b.cluster != nil {
		if err := b.cluster.stop(); err != nil {
			b.progress("PostgreSQL did not stop: " + err.Error())
		}
	}
	if b.dir != "" {
		if err := os.RemoveAll(b.dir); err != nil {
			b.progress("temporary directory not deleted: " + err.Error())
		}
	}
}

// run measures everything. With an error it returns what it measured before, if anything.
func (b *bench) run(ctx context.Context, chosen []scenario) (*report, error) {
	k, err := readKnowledge(b.Data)
	if err != nil {
		return nil, err
	}
	b.docs, b.questions = k.documents(b.Passages), k.Questions
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	rep := newReport(b, k.Origin)
	if b.Idle > 0 {
		if rep.Idle, err = b.idleStreams(ctx, chosen[0]); err != nil {
			return rep, fmt.Errorf("idle streams: %w", err)
		}
	}
	for _, s := range chosen {
		if err := b.measureScenario(ctx, rep, s); err != nil {
			return rep, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if b.Statements > 0 {
		if err := b.countStatements(ctx, rep, chosen); err != nil {
			return rep, fmt.Errorf("counting statements: %w", err)
		}
	}
	return rep, nil
}

// prepare starts what all scenarios share.
func (b *bench) prepare(ctx context.Context) error {
	var err error
	if b.dir, err = os.MkdirTemp(b.Temporary, "firstline-bench-"); err != nil {
		return err
	}
	if err := os.Chmod(b.dir, 0o755); err != nil { // PostgreSQL may run as another user, who must be able to walk in
		return err
	}
	b.progress("starting PostgreSQL")
	if err := b.startCluster(ctx, false); err != nil {
		return err
	}
	for _, name := range []string{firstlineDatabase, floorDatabase, idleDatabase} {
		if err := b.cluster.createDatabase(ctx, name); err != nil {
			return err
		}
	}
	begun := time.Now()
	n, err := b.cluster.publish(ctx, firstlineDatabase, b.docs)
	if err != nil {
		return err
	}
	b.progress(fmt.Sprintf("published %d passages in %.1f s", n, time.Since(begun).Seconds()))
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if b.stub, err = startChild(b.dir, "stub", nil, self, "stub"); err != nil {
		return err
	}
	if b.stubURL, err = b.stub.firstLine(ctx); err != nil {
		return err
	}
	begun = time.Now()
	if err := b.prepareFloor(ctx); err != nil {
		return err
	}
	b.progress(fmt.Sprintf("loaded the floor's passages in %.1f s", time.Since(begun).Seconds()))
	return b.cluster.settle(ctx, floorDatabase)
}

func (b *bench) startCluster(ctx context.Context, statements bool) error {
	var err error
	if b.cluster, err = startCluster(ctx, filepath.Join(b.dir, "postgres"), statements, b.progress); err != nil {
		return err
	}
	b.admin, err = pgx.Connect(ctx, b.cluster.url("postgres"))
	return err
}

func (b *bench) stopCluster(ctx context.Context) error {
	err := errors.Join(b.admin.Close(ctx), b.cluster.stop())
	b.admin, b.cluster = nil, nil
	return err
}

// prepareFloor loads the floor's tables: by the reference's own program where there is one.
func (b *bench) prepareFloor(ctx context.Context) error {
	if b.Reference == "" {
		return b.cluster.loadFloor(ctx, floorDatabase, b.docs)
	}
	bin := filepath.Join(b.dir, "reference")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	if err := goBuild(ctx, b.Reference, bin, "./floor", "./pgb"); err != nil {
		return err
	}
	err := b.cluster.with(ctx, floorDatabase, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `CREATE EXTENSION vector`)
		return err
	})
	if err != nil {
		return err
	}
	data, err := filepath.Abs(b.Data)
	if err != nil {
		return err
	}
	for _, step := range []string{"load", "index"} {
		c, err := startChild(b.dir, "pgb", []string{"BENCH_DATA=" + data}, filepath.Join(bin, "pgb"),
			"-dsn", b.cluster.url(floorDatabase), "-what", step, "-n", fmt.Sprint(b.Passages))
		if err != nil {
			return err
		}
		select {
		case <-c.ended:
		case <-ctx.Done():
			c.stop()
			return ctx.Err()
		}
		if c.result != nil {
			return c.failure("failed")
		}
	}
	return nil
}

// startFloor starts the floor, in the variant that costs what the scenario costs: with an embedding in every turn where
// the server asks the API for one.
func (b *bench) startFloor(ctx context.Context, s scenario) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	var program string
	var args []string
	if b.Reference == "" {
		if program, err = os.Executable(); err != nil {
			return err
		}
		args = []string{"floor", "--addr", addr, "--model", b.stubURL, "--database", b.cluster.url(floorDatabase), "--connections", fmt.Sprint(b.Connections)}
		if s.embedding {
			args = append(args, "--embed")
		}
	} else {
		program = filepath.Join(b.dir, "reference", "floor")
		args = []string{"-addr", addr, "-llm", b.stubURL, "-dsn", b.cluster.url(floorDatabase), "-conns", fmt.Sprint(b.Connections),
			"-rows", fmt.Sprintf("%dk", b.Passages/1000)}
		if s.embedding {
			args = append(args, "-emb")
		}
	}
	if b.floor, err = startChild(b.dir, "floor", nil, program, args...); err != nil {
		return err
	}
	b.floorURL = "http://" + addr
	return b.floor.answers(ctx, b.floorURL+"/health", time.Minute)
}

// startServer starts the server of a scenario and waits until its index is complete. The demo brings teams and topics, as a
// real desk has them; its articles are not loaded, because there are articles already.
func (b *bench) startServer(ctx context.Context, s scenario, database string) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	debug, err := freeAddr()
	if err != nil {
		return err
	}
	env := []string{"DATABASE_URL=" + b.cluster.url(database)}
	if s.chat != "" || s.embedding {
		env = append(env, "OPENAI_BASE_URL="+b.stubURL+"/v1", "OPENAI_API_KEY=x")
	}
	if s.chat != "" {
		// The passages stand ten times each, so nothing is ever sure: the turn is timed, not the decision.
		env = append(env, "FIRSTLINE_CHAT_MODEL="+s.chat, "FIRSTLINE_THRESHOLDS=money=0;normal=0;howto=0")
	}
	if s.embedding {
		env = append(env, "FIRSTLINE_EMBEDDING_MODEL="+embeddingModel)
	}
	begun := time.Now()
	if b.server, err = startChild(b.dir, "firstline", env, b.Server,
		"serve", "--demo", "--limit", "0", "--addr", addr, "--debug-addr", debug); err != nil {
		return err
	}
	b.base, b.debug = "http://"+addr, "http://"+debug
	if err := b.server.answers(ctx, b.base+"/readyz", b.ReadyLimit); err != nil {
		return err
	}
	b.progress(fmt.Sprintf("%s: the server was ready after %.1f s", s.name, time.Since(begun).Seconds()))
	return nil
}

// beside is the server of another build. nil is for none.
type beside struct {
	*child
	base string
}

func (o *beside) stop() {
	if o != nil {
		o.child.stop()
	}
}

// startBeside starts the other binary on a copy of the database in which the first one has indexed everything: two servers
// on one database would be replicas, which tell each other of every turn. Both are started anew, for nobody may be
// connected to what is copied.
func (b *bench) startBeside(ctx context.Context, s scenario) (*beside, error) {
	if b.Beside == "" {
		return nil, nil
	}
	b.server.stop()
	if err := b.cluster.copyDatabase(ctx, firstlineDatabase, besideDatabase); err != nil {
		return nil, err
	}
	own := b.Server
	b.Server = b.Beside
	err := b.startServer(ctx, s, besideDatabase)
	b.Server = own
	if err != nil {
		return nil, err
	}
	o := &beside{b.server, b.base}
	if err := b.startServer(ctx, s, firstlineDatabase); err != nil {
		o.stop()
		return nil, err
	}
	return o, nil
}

// measureScenario measures one configuration beside the floor.
func (b *bench) measureScenario(ctx context.Context, rep *report, s scenario) error {
	if err := b.startServer(ctx, s, firstlineDatabase); err != nil {
		return err
	}
	defer func() { b.server.stop(); b.server = nil }()
	other, err := b.startBeside(ctx, s)
	if err != nil {
		return err
	}
	defer other.stop()
	if err := b.startFloor(ctx, s); err != nil {
		return err
	}
	defer func() { b.floor.stop(); b.floor = nil }()
	if err := b.cluster.settle(ctx, firstlineDatabase); err != nil {
		return err
	}
	questions, counts, err := b.answerable(ctx, s)
	if err != nil {
		return err
	}
	b.progress(fmt.Sprintf("%s: of %d questions asked beforehand: %s", s.name, len(b.sampleQuestions()), describe(counts)))
	out := scenarioReport{Name: s.name, About: s.about, Questions: len(questions), Screened: counts}
	ours, theirs := newFirstline(b.base), newBareFloor(b.floorURL)
	type system struct {
		name   string
		target target
		pid    int
	}
	systems := []system{{"firstline", ours, b.server.pid()}, {"floor", theirs, b.floor.pid()}}
	if other != nil {
		systems = slices.Insert(systems, 1, system{"beside", newFirstline(other.base), other.pid()})
	}
	for _, t := range systems {
		if err := b.warmUp(ctx, t.target, questions); err != nil {
			return err
		}
	}
	for round := range b.Rounds {
		for _, at := range b.At {
			l := load{concurrency: at, turns: b.Turns, perConv: b.PerConv, limit: b.RunLimit, questions: questions}
			if at == 1 {
				l.turns = max(1, b.Turns/3)
			}
			for _, t := range systems {
				r, err := b.timed(ctx, t.target, t.pid, l)
				if err != nil {
					return fmt.Errorf("%s at %d: %w", t.name, at, err)
				}
				r.System, r.At, r.Round = t.name, at, round+1
				out.Runs = append(out.Runs, r)
				b.progress(fmt.Sprintf("%s: %-9s c=%-3d round %d: %.0f turns/s, first %.2f, whole %.2f ms, CPU %.2f + %.2f ms, not ours %.2f cores%s",
					s.name, t.name, at, round+1, r.TurnsPerSecond, r.First.P50, r.Whole.P50, r.ServerCPU, r.DatabaseCPU, r.NotOurs, r.complaint()))
			}
		}
	}
	if b.Profile != "" {
		l := load{concurrency: 16, turns: 1 << 20, perConv: b.PerConv, questions: questions}
		if out.Hot, err = b.profile(ctx, s.name, ours, l); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	rep.Scenarios = append(rep.Scenarios, out)
	return nil
}

// screened is how many questions are tried before the timed runs, at most.
const screened = 240

func (b *bench) sampleQuestions() []string { return b.questions[:min(len(b.questions), screened)] }

// answerable asks questions in conversations of their own and keeps those that are answered: what is timed is the cost of
// answers, and a handoff ends a conversation for the assistant. With a model, its words must have been shown.
func (b *bench) answerable(ctx context.Context, s scenario) ([]string, map[string]int, error) {
	f := newFirstline(b.base)
	asked := b.sampleQuestions()
	if err := f.prepare(ctx, len(asked)); err != nil {
		return nil, nil, err
	}
	wanted := "answered/generated"
	if s.chat == "" {
		wanted = "answered/quoted"
	}
	var kept []string
	counts := map[string]int{}
	for i, q := range asked {
		t, err := f.turn(ctx, i, q)
		if err != nil {
			return nil, nil, fmt.Errorf("question %q: %w", q, err)
		}
		counts[t.outcome]++
		if t.outcome == wanted {
			kept = append(kept, q)
		}
	}
	if len(kept) < 20 {
		return nil, nil, fmt.Errorf("only %d of %d questions are answered (%s); there is nothing to time", len(kept), len(asked), describe(counts))
	}
	return kept, counts, nil
}

const (
	// PostgreSQL plans a prepared statement anew for its first five executions on a connection. So many turns for each
	// conversation of the busiest run leave every connection of the pools with its lasting plans.
	planTurns = 10
	// settleTurns precede each timed run, so that none begins on connections that have gone cold.
	settleTurns = 20
)

// warmUp brings a system to its steady state.
func (b *bench) warmUp(ctx context.Context, t target, questions []string) error {
	at := slices.Max(b.At)
	l := load{concurrency: at, turns: min(planTurns*at, b.Turns), perConv: b.PerConv, limit: b.RunLimit, questions: questions}
	if err := t.prepare(ctx, l.conversations()); err != nil {
		return err
	}
	_, err := drive(ctx, t, l)
	return err
}

// timed runs a load once, untimed turns first, and measures it.
func (b *bench) timed(ctx context.Context, t target, pid int, l load) (measured, error) {
	warm := l
	warm.turns = settleTurns
	if err := t.prepare(ctx, warm.conversations()); err != nil {
		return measured{}, err
	}
	if _, err := drive(ctx, t, warm); err != nil {
		return measured{}, err
	}
	if err := t.prepare(ctx, l.conversations()); err != nil {
		return measured{}, err
	}
	before, err := b.snapshot(ctx, pid)
	if err != nil {
		return measured{}, err
	}
	d, err := drive(ctx, t, l)
	if err != nil {
		return measured{}, err
	}
	after, err := b.snapshot(ctx, pid)
	if err != nil {
		return measured{}, err
	}
	return newRun(d, before, after), nil
}

// snapshot is what the machine, the processes and the database have used up to a moment.
type snapshot struct {
	server, database, model, load usage
	machine                       float64
	counters                      counters
}

func (b *bench) snapshot(ctx context.Context, pid int) (snapshot, error) {
	var s snapshot
	var errs [6]error
	s.counters, errs[0] = readCounters(ctx, b.admin)
	s.server, errs[1] = processUsage(pid, false)
	s.database, errs[2] = processUsage(b.cluster.pid, true)
	s.model, errs[3] = processUsage(b.stub.pid(), false)
	s.load, errs[4] = processUsage(os.Getpid(), false)
	s.machine, errs[5] = machineBusy()
	return s, errors.Join(errs[:]...)
}

// closeAll closes what was opened.
func closeAll(closers []io.Closer) {
	for _, c := range closers {
		_ = c.Close() // a stream that is being read
	}
}
