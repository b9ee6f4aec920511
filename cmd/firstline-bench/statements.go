package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// statementReport says what a turn asks of PostgreSQL. It comes from a run of its own with one conversation at a time,
// because counting costs time.
type statementReport struct {
	Turns      int         `json:"turns"`
	PerTurn    float64     `json:"per_turn"`     // statements, of all kinds, without what the server does when it is idle
	Writes     float64     `json:"writes"`       // committed transactions that write, per turn
	Idle       float64     `json:"idle"`         // statements a second without any turn
	VectorScan float64     `json:"vector_scans"` // scans of an HNSW index, per turn
	Statements []statement `json:"statements"`
	Resting    []statement `json:"resting"` // what is said at rest; PerTurn is calls a second
}

type statement struct {
	Text    string  `json:"text"`
	PerTurn float64 `json:"per_turn"`
	MeanMS  float64 `json:"mean_ms"`
	WAL     float64 `json:"wal_bytes"` // per call
}

// countStatements restarts the cluster with pg_stat_statements and runs each scenario again for a few turns. Where
// PostgreSQL was installed without its contrib modules, it says so and counts nothing.
func (b *bench) countStatements(ctx context.Context, rep *report, chosen []scenario) error {
	var installed bool
	if err := b.admin.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements')`).Scan(&installed); err != nil {
		return err
	}
	if !installed {
		b.progress("statements are not counted: PostgreSQL's contrib modules are not installed")
		return nil
	}
	b.progress("restarting PostgreSQL to count statements")
	if err := b.stopCluster(ctx); err != nil {
		return err
	}
	if err := b.startCluster(ctx, true); err != nil {
		return err
	}
	err := b.cluster.with(ctx, firstlineDatabase, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`)
		return err
	})
	if err != nil {
		return err
	}
	for i, s := range chosen {
		r, err := b.countScenario(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		rep.Scenarios[i].Statements = r
		b.progress(fmt.Sprintf("%s: %.2f statements and %.2f writing transactions a turn", s.name, r.PerTurn, r.Writes))
	}
	return nil
}

func (b *bench) countScenario(ctx context.Context, s scenario) (*statementReport, error) {
	conn, err := pgx.Connect(ctx, b.cluster.url(firstlineDatabase))
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	scans, err := vectorScans(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := b.startServer(ctx, s, firstlineDatabase); err != nil {
		return nil, err
	}
	defer func() { b.server.stop(); b.server = nil }()
	questions, screened, err := b.answerable(ctx, s)
	if err != nil {
		return nil, err
	}
	time.Sleep(time.Second) // what these left to do
	if err := resetStatements(ctx, conn); err != nil {
		return nil, err
	}
	time.Sleep(b.Rest)
	atRest, err := readStatements(ctx, conn)
	if err != nil {
		return nil, err
	}
	f := newFirstline(b.base)
	l := load{concurrency: 1, turns: b.Statements, perConv: b.PerConv, limit: b.RunLimit, questions: questions}
	if err := f.prepare(ctx, l.conversations()); err != nil {
		return nil, err
	}
	if err := resetStatements(ctx, conn); err != nil {
		return nil, err
	}
	before, err := readCounters(ctx, conn)
	if err != nil {
		return nil, err
	}
	d, err := drive(ctx, f, l)
	if err != nil {
		return nil, err
	}
	after, err := readCounters(ctx, conn)
	if err != nil {
		return nil, err
	}
	busy, err := readStatements(ctx, conn)
	if err != nil {
		return nil, err
	}
	r := summarise(atRest, b.Rest, busy, len(d.samples), d.wall)
	r.Writes = float64(after.writes-before.writes) / float64(r.Turns)

	// Whether the planner takes the vector index is known once the server's connections have closed and told so.
	b.server.stop()
	scansAfter, err := vectorScans(ctx, conn)
	if err != nil {
		return nil, err
	}
	turns := r.Turns
	for _, n := range screened {
		turns += n
	}
	r.VectorScan = (scansAfter - scans) / float64(turns)
	return r, nil
}

func resetStatements(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT pg_stat_statements_reset()`)
	return err
}

// counted is a row of pg_stat_statements.
type counted struct {
	Query string
	Calls int64
	Mean  float64
	WAL   float64
}

// readStatements leaves the benchmark's own statements out.
func readStatements(ctx context.Context, conn *pgx.Conn) ([]counted, error) {
	rows, err := conn.Query(ctx, `
		SELECT query, calls, mean_exec_time AS mean, (wal_bytes / greatest(calls, 1))::float8 AS wal FROM pg_stat_statements
		WHERE query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE '%pg_snapshot_xmax%' ORDER BY calls * mean_exec_time DESC`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[counted])
}

// summarise sets statements against turns. What the server also does at rest is taken off at the rate of the rest.
func summarise(atRest []counted, rest time.Duration, busy []counted, turns int, wall time.Duration) *statementReport {
	r := &statementReport{Turns: turns}
	resting := map[string]float64{} // calls a second
	for _, c := range atRest {
		rate := float64(c.Calls) / rest.Seconds()
		resting[c.Query] += rate
		r.Idle += rate
		r.Resting = append(r.Resting, statement{Text: oneLine(c.Query), PerTurn: rate, MeanMS: c.Mean, WAL: c.WAL})
	}
	for _, c := range busy {
		calls := float64(c.Calls) - resting[c.Query]*wall.Seconds()
		per := calls / float64(turns)
		if per < 0.005 { // nothing of a turn's: a beat of the background that fell into the run
			continue
		}
		r.PerTurn += per
		r.Statements = append(r.Statements, statement{Text: oneLine(c.Query), PerTurn: per, MeanMS: c.Mean, WAL: c.WAL})
	}
	return r
}

// oneLine shortens a statement to its beginning.
func oneLine(sql string) string {
	s := []rune(strings.Join(strings.Fields(sql), " "))
	if len(s) > 110 {
		s = append(s[:109], '…')
	}
	return string(s)
}

func vectorScans(ctx context.Context, conn *pgx.Conn) (float64, error) {
	var scans float64
	err := conn.QueryRow(ctx, `
		SELECT COALESCE(sum(s.idx_scan), 0)::float8 FROM pg_stat_user_indexes s
		JOIN pg_class c ON c.oid = s.indexrelid JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw'`).Scan(&scans)
	return scans, err
}
