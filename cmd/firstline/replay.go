package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

// ReplayCmd runs past turns again and shows what would have become of them.
type ReplayCmd struct {
	Since   string   `help:"Begin of the time to replay: 30d, 12h, 2026-11-01 or a time with a zone." default:"30d" placeholder:"WHEN"`
	Until   string   `help:"End of it, likewise; now when not given." placeholder:"WHEN"`
	Limit   int      `help:"At most so many turns, the newest." placeholder:"N"`
	With    []string `help:"Settings in place of the present ones, as variables: \"FIRSTLINE_THRESHOLDS=money=0.8;normal=0.7 FIRSTLINE_ASSISTANT_OFF=true\", or a file of them, one a line." sep:"none" placeholder:"KEY=VALUE|FILE"`
	Topics  string   `help:"File of topics in place of the stored ones." type:"existingfile" placeholder:"FILE"`
	Model   bool     `help:"Ask the configured model as well, which takes time and money; without it answers are quoted."`
	Against string   `help:"Compare with what was stored, or with a replay under the present settings, which leaves only what --with and --topics change: ${enum}." enum:"stored,present" default:"stored"`
	JSON    string   `name:"json" help:"Write everything to this file." placeholder:"FILE"`
	List    int      `help:"Print at most so many changed turns." default:"20" placeholder:"N"`
}

const (
	// pageOfTurns is how many turns are in memory at a time; a page is read in a few milliseconds.
	pageOfTurns = 256
	// replayProgress is how often a replay says how far it is.
	replayProgress = 2 * time.Second
)

// Run replays.
func (c *ReplayCmd) Run(e *env) error {
	span, err := c.span(time.Now())
	if err != nil {
		return err
	}
	if c.Limit < 0 || c.List < 0 {
		return fault.Field("--limit", "negative", "Numbers of turns are not negative.")
	}
	cfg, err := e.cfg.with(c.With)
	if err != nil {
		return err
	}
	topics, err := c.readTopics()
	if err != nil {
		return err
	}
	present, err := openReplay(e, e.cfg)
	if err != nil {
		return err
	}
	defer present.Close()
	other := present
	if len(c.With) > 0 {
		if other, err = openReplay(e, cfg); err != nil {
			return err
		}
		defer other.Close()
	}
	baseline := present.assistant.ForReplay(c.Model, nil) // before --topics, which are the same app's when there is no --with
	if topics != nil {
		other.assistant.SetTriage(topics)
	}
	var searcher assistant.Searcher
	if cfg.EmbeddingModel != e.cfg.EmbeddingModel || cfg.EmbeddingDimensions != e.cfg.EmbeddingDimensions {
		s, stop, err := copyOfArticles(e, present, other)
		if err != nil {
			return err
		}
		defer func() {
			if err := stop(); err != nil {
				fmt.Fprintln(e.err, "the copy of the articles was not removed:", err)
			}
		}()
		searcher = s
	}
	r := &replay{record: present.record, span: span, limit: c.Limit, now: other.assistant.ForReplay(c.Model, searcher), progress: func(done, total int) {
		fmt.Fprintf(e.err, "%d of %d turns\n", done, total)
	}}
	if c.Against == "present" {
		r.was = baseline
	}
	if s := other.certificate.Load(); s != nil {
		fmt.Fprintln(e.err, *s)
	}
	diff, err := r.run(e.ctx)
	if err != nil {
		return err
	}
	diff.Settings = c.settings()
	if err := diff.print(e.out, c.List); err != nil {
		return err
	}
	if c.JSON == "" {
		return nil
	}
	raw, err := json.MarshalIndent(diff, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.JSON, append(raw, '\n'), 0o600) // it holds what customers wrote
}

// settings are what was asked for, for the report; keys and passwords are not shown.
func (c *ReplayCmd) settings() map[string]string {
	out := map[string]string{"since": c.Since, "until": c.Until, "against": c.Against, "model": strconv.FormatBool(c.Model), "topics": c.Topics}
	pairs, _ := settingsOf(c.With) // it was parsed before
	for _, p := range pairs {
		switch u, err := url.Parse(p.value); {
		case p.key == "OPENAI_API_KEY":
			p.value = "(not shown)"
		case p.key == "OPENAI_BASE_URL" && err == nil:
			p.value = u.Redacted()
		}
		out[p.key] = p.value
	}
	return out
}

func (c *ReplayCmd) span(now time.Time) (s chat.Span, err error) {
	if s.From, err = when("--since", c.Since, now); err != nil {
		return s, err
	}
	if s.Until, err = when("--until", c.Until, now); err != nil {
		return s, err
	}
	if !s.Until.IsZero() && !s.From.Before(s.Until) {
		return s, fault.Field("--until", "before_since", "The time to replay ends before it begins.")
	}
	return s, nil
}

// when reads a time, or how long ago it was; "" is the zero time. Days without a zone are those of UTC.
func when(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Field(flag, "malformed", "%q is neither a time such as 2026-11-01 nor how long ago, such as 30d or 12h.", s)
}

// replayable are the settings that a decision or an answer depends on, by their variables.
var replayable = []string{"FIRSTLINE_THRESHOLDS", "FIRSTLINE_ASSISTANT_OFF", "FIRSTLINE_COMPANY", "FIRSTLINE_EMBEDDING_MODEL", "FIRSTLINE_EMBEDDING_DIMENSIONS",
	"FIRSTLINE_CHAT_MODEL", "FIRSTLINE_FALLBACK_MODEL", "FIRSTLINE_FIRST_TOKEN_TIMEOUT", "OPENAI_API_KEY", "OPENAI_BASE_URL"}

type setting struct{ key, value string }

// settingsOf reads settings from words, or from a file with one a line.
func settingsOf(given []string) ([]setting, error) {
	var out []setting
	for _, g := range given {
		words := strings.Fields(g)
		if !strings.Contains(g, "=") {
			data, err := os.ReadFile(g)
			if err != nil {
				return nil, fault.Field("--with", "malformed", "%q is neither KEY=VALUE nor a file that can be read.", g)
			}
			words = nil
			for line := range strings.Lines(string(data)) {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					words = append(words, line)
				}
			}
		}
		for _, w := range words {
			key, value, ok := strings.Cut(w, "=")
			if !ok || !slices.Contains(replayable, key) {
				return nil, fault.Field("--with", "unknown_setting", "%q is no setting that a replay can change; those are %s.", key, strings.Join(replayable, ", "))
			}
			out = append(out, setting{key, value})
		}
	}
	return out, nil
}

// with returns the configuration with some settings replaced, read as the environment would be.
func (c *Config) with(given []string) (*Config, error) {
	pairs, err := settingsOf(given)
	if err != nil {
		return nil, err
	}
	var fresh struct{ Config }
	parser, err := kong.New(&fresh)
	if err != nil {
		return nil, err
	}
	var args []string
	for _, p := range pairs {
		for _, f := range parser.Model.Flags {
			if slices.Contains(f.Envs, p.key) {
				args = append(args, "--"+f.Name+"="+p.value)
			}
		}
	}
	if _, err := parser.Parse(args); err != nil {
		return nil, fault.Field("--with", "malformed", "%v", err)
	}
	out := *c
	from, to := reflect.ValueOf(fresh.Config), reflect.ValueOf(&out).Elem()
	for i := range from.NumField() {
		env := from.Type().Field(i).Tag.Get("env")
		if slices.ContainsFunc(pairs, func(p setting) bool { return p.key == env }) {
			to.Field(i).Set(from.Field(i))
		}
	}
	return &out, out.validate()
}

// openReplay wires the rooms as a server would, and starts nothing.
func openReplay(e *env, cfg *Config) (*app, error) {
	a, err := open(e.ctx, &env{ctx: e.ctx, cfg: cfg, out: e.out, err: e.err})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(a.loadTopics(e.ctx), a.loadCertificate(e.ctx)); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// readTopics trains on the file of topics; nil without one.
func (c *ReplayCmd) readTopics() (*assistant.Triage, error) {
	if c.Topics == "" {
		return nil, nil
	}
	data, err := os.ReadFile(c.Topics)
	if err != nil {
		return nil, err
	}
	topics, examples, err := triage.LoadTopics(data)
	if err != nil {
		return nil, err
	}
	shelves, err := triage.LoadShelves(data)
	if err != nil {
		return nil, err
	}
	t := &assistant.Triage{Topics: map[string]triage.Topic{}, Shelves: shelves}
	if t.Classifier, err = triage.Train(topics, triage.NoneOf(examples)); err != nil {
		return nil, err
	}
	for _, x := range topics {
		t.Topics[x.Key] = x
	}
	return t, nil
}

// copyOfArticles makes a database of its own with the published articles, embedded by the other model: in the one that
// serves, the new model would take the place of the one in use.
func copyOfArticles(e *env, from, to *app) (_ *retrieval.Searcher, stop func() error, err error) {
	fmt.Fprintln(e.err, "Embedding a copy of the articles ...")
	url, remove, err := postgres.Throwaway(e.ctx, "firstline-replay-")
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "firstline-replay-")
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	pool, err := postgres.Open(e.ctx, url, from.cfg.MaxConns)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir), remove())
	}
	stop = func() error { pool.Close(); return errors.Join(os.RemoveAll(dir), remove()) }
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	if _, err := kb.ExportDir(e.ctx, from.articles, dir, kb.ExportOptions{}); err != nil {
		return nil, nil, err
	}
	if _, err := kb.ImportDir(e.ctx, kb.NewStore(pool), os.DirFS(dir), kb.ImportOptions{}); err != nil {
		return nil, nil, err
	}
	var embedder retrieval.Embedder // nil for the built-in one
	opts := retrieval.Options{Log: to.log}
	if to.model.HasEmbeddings() {
		embedder, opts.Model, opts.Dimensions = to.model, to.cfg.EmbeddingModel, to.cfg.EmbeddingDimensions
	}
	s := retrieval.New(pool, embedder, opts)
	return s, stop, s.Embed(e.ctx)
}

// replay runs turns again, a page at a time.
type replay struct {
	record   *chat.Record
	span     chat.Span
	limit    int                  // 0 for all
	was, now *assistant.Assistant // was is nil for what was stored
	progress func(done, total int)
}

func (r *replay) run(ctx context.Context) (*diff, error) {
	total, err := r.record.CountEnded(ctx, r.span)
	if err != nil {
		return nil, err
	}
	if r.limit > 0 {
		total = min(total, r.limit)
	}
	d := newDiff()
	began, told := time.Now(), time.Now()
	for before := uuid.Max; d.Turns < total; {
		turns, err := r.record.EndedBefore(ctx, r.span, before, min(pageOfTurns, total-d.Turns))
		if err != nil {
			return nil, err
		}
		if len(turns) == 0 {
			break
		}
		before = turns[len(turns)-1].Claim.TurnID
		pairs := make([]pair, len(turns))
		group, gctx := errgroup.WithContext(ctx)
		group.SetLimit(2 * runtime.GOMAXPROCS(0)) // one works while another waits for the database
		for i := range turns {
			group.Go(func() (err error) {
				pairs[i], err = r.again(gctx, &turns[i])
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		for _, p := range pairs { // in their order, so that two runs give the same report
			d.add(p)
		}
		if time.Since(told) >= replayProgress {
			told = time.Now()
			r.progress(d.Turns, total)
		}
	}
	d.finish(time.Since(began))
	return d, nil
}

// again runs one turn again.
func (r *replay) again(ctx context.Context, e *chat.Ended) (pair, error) {
	p := pair{Turn: e.Claim.TurnID, Conversation: e.Claim.Conversation.ID, At: e.At, Question: e.Claim.Text()}
	var stored assistant.Decision
	if err := json.Unmarshal(e.Decision, &stored); err != nil {
		return p, fmt.Errorf("turn %s: %w", p.Turn, err)
	}
	p.ByModel = stored.Said == assistant.SaidNothing || stored.Said == assistant.SaidPart
	now, err := r.now.Replay(ctx, e.Claim)
	if err != nil {
		return p, fmt.Errorf("turn %s: %w", p.Turn, err)
	}
	p.Now = standOf(now.Decision, now.Citations)
	if r.was == nil {
		var cited []chat.Citation
		if e.Answer != nil {
			cited = e.Answer.Citations
		}
		p.Before = standOf(&stored, cited)
	} else {
		was, err := r.was.Replay(ctx, e.Claim)
		if err != nil {
			return p, fmt.Errorf("turn %s: %w", p.Turn, err)
		}
		p.Before, p.ByModel = standOf(was.Decision, was.Citations), false
	}
	if ctx.Err() != nil { // a search that was broken off would pass for one that failed
		return p, ctx.Err()
	}
	return p, nil
}
