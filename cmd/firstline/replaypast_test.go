package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/kb/demo"
)

// pastDesk is the demo with conversations of the past.
type pastDesk struct {
	*app
	url string
}

// newPast opens the demo with everything that a server would have loaded.
func newPast(t testing.TB) *pastDesk {
	t.Helper()
	url := pgtest.URL(t)
	var defaults struct{ Config }
	parser, err := kong.New(&defaults)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--settle=0", "--database-url=" + url, "--openai-key=", "--openai-base-url=", "--chat-model=", "--embedding-model="}); err != nil {
		t.Fatal(err)
	}
	e := &env{ctx: t.Context(), cfg: &defaults.Config, out: io.Discard, err: io.Discard}
	a, err := open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	for _, f := range []func(context.Context) error{func(ctx context.Context) error { return a.seedDemo(ctx, e) }, a.loadTopics, a.loadCertificate, a.searcher.Embed} {
		if err := f(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return &pastDesk{app: a, url: url}
}

// sentences are what the demo's customers say by the topics' examples, by language, in a fixed order.
func sentences(t testing.TB) map[string][]string {
	t.Helper()
	data, err := fs.ReadFile(demo.FS, "topics.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, err := triage.LoadTopics(data)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, x := range examples {
		out[x.Language] = append(out[x.Language], x.Text)
	}
	return out
}

// fill lets customers talk until there are so many turns: several to a conversation, some leaning on the one before, some
// repeated, with verdicts, and with people who take over and give back.
func (p *pastDesk) fill(t testing.TB, turns int, seed uint64) {
	t.Helper()
	said := sentences(t)
	var questions []asked
	data, err := fs.ReadFile(demo.FS, "suites/questions.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var q asked
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		questions = append(questions, q)
	}
	const perConversation = 5
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(4)
	for n := range (turns + perConversation - 1) / perConversation {
		group.Go(func() error {
			return p.talk(ctx, rand.New(rand.NewPCG(seed, uint64(n))), said, questions, min(perConversation, turns-n*perConversation))
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func (p *pastDesk) talk(ctx context.Context, rng *rand.Rand, said map[string][]string, questions []asked, turns int) error {
	q := questions[rng.IntN(len(questions))]
	conv, err := p.record.Start(ctx, chat.NewConversation{Channel: "web", Market: q.Market, Locale: q.Locale, Audience: q.Audience, Greeting: "Hello, I am an AI."})
	if err != nil {
		return err
	}
	examples := said[q.Locale]
	last := q.Question
	for i := range turns {
		text := last
		switch x := rng.IntN(10); {
		case i == 0:
		case x < 6:
			text = examples[rng.IntN(len(examples))]
		case x < 7:
			text = "and why is that?"
		case x < 8:
			text = "2"
		}
		last = text
		got, err := p.record.Receive(ctx, conv.ID, chat.Inbound{ClientID: strconv.Itoa(i), Text: text})
		if err != nil {
			return err
		}
		if got.Claim == nil {
			return fmt.Errorf("%q was not given to the assistant", text)
		}
		if _, err := p.assistant.Turn(ctx, got.Claim); err != nil {
			return err
		}
		now, err := p.record.Find(ctx, conv.ID)
		if err != nil {
			return err
		}
		if now.Owner != chat.OwnedByAssistant {
			if err := p.attend(ctx, conv.ID, rng.IntN(2) == 0); err != nil {
				return err
			}
		} else if rng.IntN(4) == 0 {
			if err := p.judge(ctx, conv.ID, rng.IntN(2) == 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// attend lets a person see to the conversation and end their part, closing it or giving it back.
func (p *pastDesk) attend(ctx context.Context, conversation uuid.UUID, back bool) error {
	person, err := p.auth.FindByEmail(ctx, "ada@larkpay.example")
	if err != nil {
		return err
	}
	if _, err := p.desk.Pull(ctx, conversation, person); err != nil {
		return err
	}
	if back {
		_, err = p.desk.Return(ctx, conversation, person, "Be brief.", 0)
	} else {
		_, err = p.desk.Resolve(ctx, conversation, person, 0)
	}
	return err
}

// judge gives a verdict on the assistant's latest message, if it is one that verdicts are for.
func (p *pastDesk) judge(ctx context.Context, conversation uuid.UUID, helpful bool) error {
	return p.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		var id uuid.UUID
		if err := s.Tx().QueryRow(ctx, `SELECT id FROM messages WHERE conversation_id = $1 AND author = 'assistant' ORDER BY seq DESC LIMIT 1`, conversation).Scan(&id); err != nil {
			return err
		}
		if err := s.Judge(ctx, id, helpful, ""); !fault.Is(err, fault.NotFound) {
			return err
		}
		return nil
	})
}

// command runs the program's own entry with the database of the past.
func (p *pastDesk) command(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), append(args, "--database-url", p.url), &out, &err)
	return code, out.String(), err.String()
}

// replayed is what --json writes.
func (p *pastDesk) replay(t testing.TB, args ...string) (d diff, stdout string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "replay.json")
	code, stdout, stderr := p.command(t, append([]string{"replay", "--json", path}, args...)...)
	if code != 0 {
		t.Fatalf("replay %v: %d\n%s%s", args, code, stdout, stderr)
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d, stdout
}

// written tells whether anything of the conversations has changed.
func (p *pastDesk) written(t testing.TB) string {
	t.Helper()
	return one[string](t, p.pool, `SELECT concat((SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM conversations x), (SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM messages x),
		(SELECT md5(string_agg(x::text, '' ORDER BY conversation_id, seq)) FROM events x), (SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM turns x),
		(SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM handoffs x))`)
}
