package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/kb/demo"
)

var update = flag.Bool("update", false, "write docs/quality.md anew")

type asked struct {
	Question, Text, Market, Locale, Audience, Article, Topic, Why string
}

func readSuite(t *testing.T, name string) []asked {
	t.Helper()
	data, err := fs.ReadFile(demo.FS, "suites/"+name)
	if err != nil {
		t.Fatal(err)
	}
	var all []asked
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var a asked
		if err := dec.Decode(&a); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(name, err)
		}
		if a.Question == "" {
			a.Question = a.Text
		}
		all = append(all, a)
	}
}

// The questions of the demo's customers, written before anything was tuned, and the messages that must reach a person:
// what happens to each, without any key. With -update the table in docs/quality.md is written anew.
func TestQuestionsOfTheDemo(t *testing.T) {
	t.Parallel()
	cfg := parseConfig(t)
	cfg.DatabaseURL = pgtest.URL(t)
	a, err := open(t.Context(), &env{ctx: t.Context(), cfg: cfg, out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.forSuite(&env{ctx: t.Context(), cfg: cfg, out: io.Discard, err: io.Discard}, true); err != nil {
		t.Fatal(err)
	}
	ask := func(q asked) assistant.Preview {
		p, err := a.assistant.Ask(t.Context(), q.Question, chat.Conversation{Market: q.Market, Locale: q.Locale, Audience: q.Audience, Owner: chat.OwnedByAssistant})
		if err != nil {
			t.Fatal(q.Question, err)
		}
		return p
	}
	var md strings.Builder
	md.WriteString("| | question | article wanted | what happened | found at | sure |\n|---|---|---|---|---|---|\n")
	var right, wrong, clarified, offered, handed, first, three int
	questions := readSuite(t, "questions.jsonl")
	for i, q := range questions {
		p := ask(q)
		d := p.Decision
		var slugs []string
		for _, c := range d.Candidates {
			if !slices.Contains(slugs, c.Article) {
				slugs = append(slugs, c.Article)
			}
		}
		rank := slices.Index(slugs, q.Article) + 1
		if rank == 1 {
			first++
		}
		if rank >= 1 && rank <= 3 {
			three++
		}
		what := "a person: " + string(d.Reason)
		switch d.Action {
		case assistant.Answer:
			if p.Citations[0].Article == q.Article {
				right++
				what = "answered, right"
			} else {
				wrong++
				what = "answered from " + p.Citations[0].Article
			}
		case assistant.Clarify:
			clarified++
			what = "asked back, right one not offered"
			if rank >= 1 && rank <= 3 {
				offered++
				what = "asked back, right one offered"
			}
		case assistant.HandOff:
			handed++
			if len(p.Citations) > 0 {
				what += ", after the policy in " + p.Citations[0].Article
			}
		}
		at := "-"
		if rank > 0 {
			at = fmt.Sprint(rank)
		}
		fmt.Fprintf(&md, "| %d | %s (%s) | %s | %s | %s | %.2f |\n", i+1, cell(q.Question), q.Locale, q.Article, what, at, d.PCorrect)
	}
	summary := fmt.Sprintf("Of %d questions the right article is first for %d and among the first three for %d. %d are answered from the right article and %d from another; %d are asked back, "+
		"%d of them with the right article among the options; %d go to a person.", len(questions), first, three, right, wrong, clarified, offered, handed)

	var hd strings.Builder
	hd.WriteString("| | message | must reach a person because of | what happened | topic, priority |\n|---|---|---|---|---|\n")
	handoffs := readSuite(t, "handoffs.jsonl")
	reached := 0
	for i, q := range handoffs {
		p := ask(q)
		d := p.Decision
		what := string(d.Action)
		if d.Action == assistant.HandOff {
			reached++
			what = "a person: " + string(d.Reason)
		} else if q.Why != "no_article" {
			t.Errorf("%q was not handed off but %s", q.Question, d.Action)
		}
		if d.Action == assistant.Answer {
			what = "answered from " + p.Citations[0].Article
		}
		topic := d.Topic
		if topic == "" {
			topic = "none"
		}
		fmt.Fprintf(&hd, "| %d | %s (%s) | %s | %s | %s, P%d |\n", i+1, cell(q.Question), q.Locale, q.Why, what, topic, d.Priority)
	}
	reach := fmt.Sprintf("%d of %d reach a person at once.", reached, len(handoffs))
	// What no help centre of this company could answer, and what is no question at all.
	for _, q := range []string{"What is the capital of Mongolia?", "Zorbic flumquartz krenal?", "what's the weather in Paris tomorrow",
		"Wie backe ich einen Apfelkuchen?", "¿quién ganó el mundial de 1998?", "vad heter statsministern i Norge"} {
		p := ask(asked{Question: q, Market: "gb", Locale: "en", Audience: "consumer"})
		if p.Decision.Action == assistant.Answer || p.Decision.Action == assistant.Clarify {
			t.Errorf("%q was %s with %.2f", q, p.Decision.Action, p.Decision.PCorrect)
		}
	}
	t.Log(summary)
	t.Log(reach)
	if first < 18 || three < 26 || wrong > right/2 || reached < len(handoffs)-2 {
		t.Errorf("worse than it was: %s %s\n%s\n%s", summary, reach, md.String(), hd.String())
	}
	if *update {
		data, err := os.ReadFile("../../docs/quality.md")
		if err != nil {
			t.Fatal(err)
		}
		doc := between(string(data), "questions", summary+"\n\n"+md.String())
		doc = between(doc, "handoffs", reach+"\n\n"+hd.String())
		if err := os.WriteFile("../../docs/quality.md", []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// cell makes a text fit into a table's cell.
func cell(s string) string {
	s = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
	if r := []rune(s); len(r) > 110 {
		s = string(r[:110]) + "…"
	}
	return s
}

// between replaces what stands between the marks of a name.
func between(doc, name, text string) string {
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, _ := strings.Cut(doc, begin)
	_, after, _ := strings.Cut(rest, end)
	return before + begin + text + end + after
}

// parseConfig returns the configuration that the command line gives when it says nothing.
func parseConfig(t *testing.T) *Config {
	t.Helper()
	var cli CLI
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"version"}); err != nil {
		t.Fatal(err)
	}
	cfg := cli.Config
	cfg.OpenAIKey, cfg.OpenAIBaseURL, cfg.ChatModel, cfg.EmbeddingModel = "", "", "", "" // whatever the developer's shell has set
	return &cfg
}
