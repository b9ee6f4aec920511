package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// measured is one timed run of one system.
type measured struct {
	System   string         `json:"system"` // firstline | floor
	At       int            `json:"at"`     // conversations at once
	Round    int            `json:"round"`
	Turns    int            `json:"turns"`
	Errors   int            `json:"errors"`
	Error    string         `json:"error,omitempty"` // the first
	Outcomes map[string]int `json:"outcomes"`
	figures
}

// figures are what a run measured. CPU is in milliseconds a turn, Busy and NotOurs in cores.
type figures struct {
	Seconds        float64 `json:"seconds"`
	TurnsPerSecond float64 `json:"turns_per_second"`
	First          latency `json:"first_ms"` // to the first text of the answer
	Whole          latency `json:"whole_ms"` // to the end of the stream
	ServerCPU      float64 `json:"server_cpu_ms"`
	DatabaseCPU    float64 `json:"database_cpu_ms"`
	ModelCPU       float64 `json:"model_cpu_ms"`
	LoadCPU        float64 `json:"load_cpu_ms"`
	Busy           float64 `json:"busy_cores"`     // of the whole machine
	NotOurs        float64 `json:"not_ours_cores"` // of it neither of the four above
	Writes         float64 `json:"writes"`         // writing transactions a turn
	WALKB          float64 `json:"wal_kb"`         // write-ahead log a turn
	RSSMB          float64 `json:"server_rss_mb"`
}

func newRun(d driven, before, after snapshot) measured {
	n, wall := float64(len(d.samples)), d.wall.Seconds()
	cpu := func(of func(snapshot) usage) float64 { return of(after).cpu - of(before).cpu }
	server := cpu(func(s snapshot) usage { return s.server })
	database := cpu(func(s snapshot) usage { return s.database })
	model := cpu(func(s snapshot) usage { return s.model })
	load := cpu(func(s snapshot) usage { return s.load })
	machine := after.machine - before.machine
	r := measured{Turns: len(d.samples), Errors: d.errors, Outcomes: outcomes(d.samples)}
	if d.first != nil {
		r.Error = d.first.Error()
	}
	r.figures = figures{
		Seconds: wall, TurnsPerSecond: n / wall,
		First:     latencies(d.samples, func(s sample) time.Duration { return s.first }),
		Whole:     latencies(d.samples, func(s sample) time.Duration { return s.total }),
		ServerCPU: server * 1000 / n, DatabaseCPU: database * 1000 / n, ModelCPU: model * 1000 / n, LoadCPU: load * 1000 / n,
		Busy: machine / wall, NotOurs: max(0, machine-server-database-model-load) / wall,
		Writes: float64(after.counters.writes-before.counters.writes) / n, WALKB: float64(after.counters.wal-before.counters.wal) / 1000 / n,
		RSSMB: after.server.rss / 1e6,
	}
	return r
}

// complaint is what is wrong with a run, for the line that tells of it; "" when nothing is.
func (r measured) complaint() string {
	if r.Errors == 0 {
		return ""
	}
	return fmt.Sprintf("; %d errors, the first: %s", r.Errors, r.Error)
}

// medians takes the median of every figure.
func medians(runs []measured) figures {
	m := func(of func(figures) float64) float64 {
		values := make([]float64, len(runs))
		for i, r := range runs {
			values[i] = of(r.figures)
		}
		return median(values)
	}
	l := func(of func(figures) latency) latency {
		return latency{
			P50: m(func(f figures) float64 { return of(f).P50 }),
			P95: m(func(f figures) float64 { return of(f).P95 }),
			P99: m(func(f figures) float64 { return of(f).P99 }),
		}
	}
	return figures{
		Seconds:        m(func(f figures) float64 { return f.Seconds }),
		TurnsPerSecond: m(func(f figures) float64 { return f.TurnsPerSecond }),
		First:          l(func(f figures) latency { return f.First }),
		Whole:          l(func(f figures) latency { return f.Whole }),
		ServerCPU:      m(func(f figures) float64 { return f.ServerCPU }),
		DatabaseCPU:    m(func(f figures) float64 { return f.DatabaseCPU }),
		ModelCPU:       m(func(f figures) float64 { return f.ModelCPU }),
		LoadCPU:        m(func(f figures) float64 { return f.LoadCPU }),
		Busy:           m(func(f figures) float64 { return f.Busy }),
		NotOurs:        m(func(f figures) float64 { return f.NotOurs }),
		Writes:         m(func(f figures) float64 { return f.Writes }),
		WALKB:          m(func(f figures) float64 { return f.WALKB }),
		RSSMB:          m(func(f figures) float64 { return f.RSSMB }),
	}
}

// report is everything that a call of the program found.
type report struct {
	Date      time.Time        `json:"date"`
	Cores     int              `json:"cores"`
	Passages  int              `json:"passages"`
	Articles  string           `json:"articles"` // where they came from
	Floor     string           `json:"floor"`    // built-in | reference
	Turns     int              `json:"turns"`
	Rounds    int              `json:"rounds"`
	At        []int            `json:"at"`
	Idle      *idleReport      `json:"idle,omitempty"`
	Scenarios []scenarioReport `json:"scenarios"`
}

type scenarioReport struct {
	Name       string           `json:"name"`
	About      string           `json:"about"`
	Questions  int              `json:"questions"` // that are answered, and are asked in the runs
	Screened   map[string]int   `json:"screened"`
	Runs       []measured       `json:"runs"`
	Statements *statementReport `json:"statements,omitempty"`
	Hot        string           `json:"hot,omitempty"` // the profile's top functions
}

func newReport(b *bench, origin string) *report {
	floor := "built-in"
	if b.Reference != "" {
		floor = "reference"
	}
	return &report{
		Date: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), Passages: b.Passages, Articles: origin, Floor: floor,
		Turns: b.Turns, Rounds: b.Rounds, At: b.At,
	}
}

func (r *report) save(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// quietLimit is how many cores others may use for a run to be worth quoting.
const quietLimit = 0.15

// write prints the report as text.
func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "%d passages (%s), %d cores, floor: %s; medians of %d rounds of %d turns, in alternation\n",
		r.Passages, r.Articles, r.Cores, r.Floor, r.Rounds, r.Turns)
	if i := r.Idle; i != nil {
		fmt.Fprintf(w, "\nidle streams: firstline %.1f KB each (the next %d: %.1f; live %.1f), %.3f cores for %d of them; floor %.1f KB\n",
			i.Firstline, i.Streams, i.Further, i.Live, i.CPU, 2*i.Streams, i.Floor)
	}
	for _, s := range r.Scenarios {
		fmt.Fprintf(w, "\n%s: %s\n\n", s.Name, s.About)
		r.writeRuns(w, s)
		if c := s.Statements; c != nil {
			fmt.Fprintf(w, "\n%.2f statements and %.2f writing transactions a turn, %.2f scans of the vector index; %.1f statements a second at rest\n",
				c.PerTurn, c.Writes, c.VectorScan, c.Idle)
			t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
			fmt.Fprintln(t, "a turn\tms each\tWAL bytes\tstatement")
			for _, q := range c.Statements {
				fmt.Fprintf(t, "%.2f\t%.3f\t%.0f\t%s\n", q.PerTurn, q.MeanMS, q.WAL, q.Text)
			}
			for _, q := range c.Resting[:min(len(c.Resting), 5)] {
				fmt.Fprintf(t, "%.2f/s\t%.3f\t%.0f\tat rest: %s\n", q.PerTurn, q.MeanMS, q.WAL, q.Text)
			}
			_ = t.Flush() // writes to w, whose errors nobody could be told
		}
		if s.Hot != "" {
			fmt.Fprintf(w, "\n%s", s.Hot)
		}
	}
}

// writeRuns prints the medians of both systems and, below each pair, what one is of the other.
func (r *report) writeRuns(w io.Writer, s scenarioReport) {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "at once\t\tturns/s\tfirst p50\tp95\tp99\twhole p50\tp95\tp99 ms\tCPU ms: server\tPostgreSQL\tboth\tmodel\tload\tbusy\tnot ours\twrites\tWAL KB\terrors\t")
	var warnings []string
	for _, at := range r.At {
		by := map[string]figures{}
		for _, system := range []string{"firstline", "beside", "floor"} {
			var runs []measured
			errs := 0
			answered := map[string]int{}
			for _, x := range s.Runs {
				if x.System == system && x.At == at {
					runs = append(runs, x)
					errs += x.Errors
					for o, n := range x.Outcomes {
						answered[o] += n
					}
					if x.Error != "" {
						warnings = append(warnings, fmt.Sprintf("%s at %d, round %d: %s", system, at, x.Round, x.Error))
					}
				}
			}
			if len(runs) == 0 {
				continue
			}
			f := medians(runs)
			by[system] = f
			fmt.Fprintf(t, "%d\t%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%d\t\n", at, system, f.TurnsPerSecond,
				f.First.P50, f.First.P95, f.First.P99, f.Whole.P50, f.Whole.P95, f.Whole.P99,
				f.ServerCPU, f.DatabaseCPU, f.ServerCPU+f.DatabaseCPU, f.ModelCPU, f.LoadCPU, f.Busy, f.NotOurs, f.Writes, f.WALKB, errs)
			if f.NotOurs > quietLimit {
				warnings = append(warnings, fmt.Sprintf("%s at %d: others used %.2f cores; quote the ratio, not the number", system, at, f.NotOurs))
			}
			if system == "firstline" {
				if len(answered) > 1 {
					warnings = append(warnings, fmt.Sprintf("firstline at %d: turns ended as %s", at, describe(answered)))
				}
			}
		}
		for _, system := range []string{"firstline", "beside"} {
			o, f := by[system], by["floor"]
			if o.TurnsPerSecond == 0 {
				continue
			}
			label := "ratio"
			if system != "firstline" {
				label += " of " + system
			}
			fmt.Fprintf(t, "\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\t\t\t\t%s\t%s\t\t\n", label, ratio(o.TurnsPerSecond, f.TurnsPerSecond),
				ratio(o.First.P50, f.First.P50), ratio(o.First.P95, f.First.P95), ratio(o.First.P99, f.First.P99),
				ratio(o.Whole.P50, f.Whole.P50), ratio(o.Whole.P95, f.Whole.P95), ratio(o.Whole.P99, f.Whole.P99),
				ratio(o.ServerCPU, f.ServerCPU), ratio(o.DatabaseCPU, f.DatabaseCPU), ratio(o.ServerCPU+o.DatabaseCPU, f.ServerCPU+f.DatabaseCPU),
				ratio(o.Writes, f.Writes), ratio(o.WALKB, f.WALKB))
		}
	}
	_ = t.Flush() // writes to w, whose errors nobody could be told
	if len(warnings) > 0 {
		fmt.Fprintf(w, "  %s\n", strings.Join(warnings, "\n  "))
	}
}

func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}
