package handoff

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// twoTopics are small enough to be learnt at once.
func twoTopics() ([]triage.Topic, map[string][]string) {
	topic := func(key, team string, examples ...string) triage.Topic {
		return triage.Topic{Key: key, Names: map[string]string{"en": key}, Priority: 3, Team: team, AI: triage.AIYes, SLA: time.Hour, Group: "normal",
			Audience: "both", Examples: map[string][]string{"en": examples}}
	}
	return []triage.Topic{
		topic("parcel", "general", "my parcel has not arrived", "where is the parcel", "the parcel is lost", "parcel still missing"),
		topic("refund", "payments", "the refund is not there", "I wait for my refund", "refund still missing", "where is the refund"),
	}, map[string][]string{"en": {"thanks", "hello there", "how do I pay"}}
}

func withTopics(t *testing.T) (*bundle, Agent) {
	t.Helper()
	b := setup(t)
	topics, none := twoTopics()
	if err := b.desk.SaveTopics(t.Context(), topics, none); err != nil {
		t.Fatal(err)
	}
	return b, b.agent(t, Agent{Name: "Root", Role: "admin"})
}

func (b *bundle) set(t *testing.T) TopicSet {
	t.Helper()
	s, err := b.desk.TopicSet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func codeOf(err error) string {
	var f *fault.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &f) {
		return err.Error()
	}
	return f.Code
}

func TestTopicEdits(t *testing.T) {
	t.Parallel()
	b, root := withTopics(t)
	ctx := t.Context()
	find := func(key string) triage.Topic {
		s := b.set(t)
		x, _ := s.Find(key)
		return x
	}
	seen := Tag(find("refund"))
	urgent := find("refund")
	urgent.Priority = 1
	stranger, copied, homeless := find("refund"), find("refund"), find("refund")
	stranger.Key, stranger.Examples = "loan", map[string][]string{"en": {"I want a loan"}}
	copied.Key = "copy"
	homeless.Key, homeless.Team, homeless.Examples = "homeless", "nobody", map[string][]string{"en": {"a home"}}
	steps := []struct {
		name string
		do   func(context.Context) error
		code string
	}{
		{"replace what was seen", func(ctx context.Context) error { return b.desk.SaveTopic(ctx, root, urgent, seen) }, ""},
		{"the same once more", func(ctx context.Context) error { return b.desk.SaveTopic(ctx, root, urgent, seen) }, ""},
		{"replace what another has changed", func(ctx context.Context) error {
			x := urgent
			x.Priority = 4
			return b.desk.SaveTopic(ctx, root, x, seen)
		}, "changed_meanwhile"},
		{"create one that exists", func(ctx context.Context) error {
			x := urgent
			x.Priority = 2
			return b.desk.SaveTopic(ctx, root, x, "")
		}, "topic_exists"},
		{"replace one that does not", func(ctx context.Context) error { return b.desk.SaveTopic(ctx, root, stranger, Anything) }, "topic_not_found"},
		{"create", func(ctx context.Context) error { return b.desk.SaveTopic(ctx, root, stranger, "") }, ""},
		{"with another's examples", func(ctx context.Context) error { return b.desk.SaveTopic(ctx, root, copied, "") }, "ambiguous"},
		{"for a team that is not there", func(ctx context.Context) error { return b.desk.SaveTopic(ctx, root, homeless, "") }, "unknown_team"},
		{"add", func(ctx context.Context) error {
			return b.desk.AddExample(ctx, root, triage.Example{Topic: "refund", Language: "de", Text: "Wo ist mein Geld?"}, "")
		}, ""},
		{"add again, written otherwise", func(ctx context.Context) error {
			return b.desk.AddExample(ctx, root, triage.Example{Topic: "refund", Language: "de", Text: "wo ist mein geld"}, "")
		}, ""},
		{"add another's", func(ctx context.Context) error {
			return b.desk.AddExample(ctx, root, triage.Example{Topic: "refund", Language: "en", Text: "Where is the parcel?"}, "")
		}, "ambiguous"},
		{"add none's", func(ctx context.Context) error {
			return b.desk.AddExample(ctx, root, triage.Example{Topic: "refund", Language: "en", Text: "Hello there!"}, "")
		}, "ambiguous"},
		{"add to none", func(ctx context.Context) error {
			return b.desk.AddExample(ctx, root, triage.Example{Topic: "none", Language: "sv", Text: "tack"}, "")
		}, ""},
		{"add with an old tag", func(ctx context.Context) error {
			return b.desk.AddExample(ctx, root, triage.Example{Topic: "refund", Language: "en", Text: "new"}, seen)
		}, "changed_meanwhile"},
		{"remove what is not there", func(ctx context.Context) error {
			return b.desk.RemoveExample(ctx, root, triage.Example{Topic: "refund", Language: "en", Text: "Wo ist mein Geld?"}, "")
		}, "example_not_found"},
		{"remove", func(ctx context.Context) error {
			return b.desk.RemoveExample(ctx, root, triage.Example{Topic: "refund", Language: "de", Text: "Wo ist mein Geld?"}, "")
		}, ""},
		{"remove the last", func(ctx context.Context) error {
			return b.desk.RemoveExample(ctx, root, triage.Example{Topic: "loan", Language: "en", Text: "I want a loan"}, "")
		}, "last_example"},
		{"delete with an old tag", func(ctx context.Context) error { return b.desk.DeleteTopic(ctx, root, "refund", seen) }, "changed_meanwhile"},
		{"delete", func(ctx context.Context) error { return b.desk.DeleteTopic(ctx, root, "refund", Tag(find("refund"))) }, ""},
		{"delete it again", func(ctx context.Context) error { return b.desk.DeleteTopic(ctx, root, "refund", Anything) }, "topic_not_found"},
		{"delete none", func(ctx context.Context) error { return b.desk.DeleteTopic(ctx, root, "none", Anything) }, "topic_not_found"},
		{"delete another", func(ctx context.Context) error { return b.desk.DeleteTopic(ctx, root, "parcel", Anything) }, ""},
		{"delete the last", func(ctx context.Context) error { return b.desk.DeleteTopic(ctx, root, "loan", Anything) }, "last_topic"},
		{"groups", func(ctx context.Context) error {
			return b.desk.EditShelves(ctx, root, map[string]string{"paying": "money"}, Tag(map[string]string{}))
		}, ""},
		{"groups with an old tag", func(ctx context.Context) error {
			return b.desk.EditShelves(ctx, root, map[string]string{"app": "howto"}, Tag(map[string]string{}))
		}, "changed_meanwhile"},
	}
	for _, s := range steps {
		before := b.set(t)
		err := s.do(ctx)
		if got := codeOf(err); got != s.code {
			t.Errorf("%s: %v, want %q", s.name, err, s.code)
		}
		if s.code != "" {
			if diff := cmp.Diff(before, b.set(t)); diff != "" {
				t.Errorf("%s was refused and changed something:\n%s", s.name, diff)
			}
		}
	}
	now := b.set(t)
	if len(now.Topics) != 1 || now.Topics[0].Key != "loan" || !slices.Equal(now.None["sv"], []string{"tack"}) || now.Shelves["paying"] != "money" {
		t.Errorf("in the end: %+v", now)
	}
	changes, err := b.desk.TopicChanges(ctx, "refund")
	var actions []string
	for _, c := range changes {
		actions = append(actions, c.Action+" "+c.Actor)
	}
	if diff := cmp.Diff([]string{"topic.deleted root@larkpay.example", "topic.example_removed root@larkpay.example", "topic.example_added root@larkpay.example", "topic.replaced root@larkpay.example"}, actions); diff != "" || err != nil {
		t.Errorf("the audit: %v\n%s", err, diff)
	}
	// A new topic comes before none, which older programs expect at the end.
	var last string
	if err := b.pool.QueryRow(ctx, `SELECT key FROM topics ORDER BY position DESC LIMIT 1`).Scan(&last); err != nil || last != triage.None {
		t.Errorf("the last row is %q, %v", last, err)
	}
}

// Many people add examples at once, on two processes: none is lost.
func TestExamplesAtOnce(t *testing.T) {
	t.Parallel()
	b, root := withTopics(t)
	var wg sync.WaitGroup
	texts := []string{"aaa", "bbb", "ccc", "ddd", "eee", "fff", "ggg", "hhh"}
	for _, text := range texts {
		wg.Go(func() {
			if err := b.desk.AddExample(t.Context(), root, triage.Example{Topic: "refund", Language: "en", Text: text}, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := b.set(t)
	refund, _ := s.Find("refund")
	for _, text := range texts {
		if !slices.Contains(refund.Examples["en"], text) {
			t.Errorf("%q is lost: %q", text, refund.Examples["en"])
		}
	}
}

// A change on one replica is in force on the other without anybody asking, and what is the same is not trained again.
func TestLearnersOfTwoReplicas(t *testing.T) {
	t.Parallel()
	b, root := withTopics(t)
	quiet := slog.New(slog.DiscardHandler)
	replica := func() (*Desk, *Learner, chan *Lesson) {
		bus := wake.New(b.pool, quiet)
		rec, err := chat.Open(t.Context(), b.pool, bus, quiet, chat.Options{})
		if err != nil {
			t.Fatal(err)
		}
		desk := NewDesk(b.pool, rec, bus, quiet, Options{})
		applied := make(chan *Lesson, 20)
		l := NewLearner(desk, quiet, func(x *Lesson) { applied <- x })
		if _, err := l.Learn(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-applied
		var looks atomic.Int64
		bus.Subscribe(wake.Topics, func(string) { looks.Add(1) })
		bus.Start(context.Background())
		t.Cleanup(bus.Stop)
		l.Start()
		t.Cleanup(l.Stop)
		for range 2000 { // a bus that arrives makes everybody look twice, which would hide a change that nobody was told of
			if looks.Load() >= 2 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if _, err := l.Learn(t.Context()); err != nil {
			t.Fatal(err)
		}
		return desk, l, applied
	}
	here, first, _ := replica()
	_, second, heard := replica()
	const message = "the drone dropped it in the lake"
	if second.Lesson().Classifier.P(message, "parcel") > 0.5 {
		t.Fatal("known before it was taught")
	}
	for _, text := range []string{"the drone dropped it in the lake", "dropped in a lake by a drone"} {
		if err := here.AddExample(t.Context(), root, triage.Example{Topic: "parcel", Language: "en", Text: text}, ""); err != nil {
			t.Fatal(err)
		}
	}
	mine, err := first.Learn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.After(20 * time.Second)
	for second.Lesson().Hash() != mine.Hash() {
		select {
		case <-heard:
		case <-deadline:
			t.Fatal("the second replica never learnt it")
		case <-time.After(10 * time.Millisecond):
		}
	}
	if p := second.Lesson().Classifier.P(message, "parcel"); p < 0.5 {
		t.Errorf("the second replica gives it %.2f", p)
	}
	if again, err := second.Learn(t.Context()); err != nil || again != second.Lesson() || again.At != second.Lesson().At {
		t.Errorf("trained again without a change: %v", err)
	}
	// Examples of none count as a change.
	was := first.Lesson().Hash()
	if err := here.AddExample(t.Context(), root, triage.Example{Topic: triage.None, Language: "en", Text: "my drone flies well"}, ""); err != nil {
		t.Fatal(err)
	}
	if l, err := first.Learn(t.Context()); err != nil || l.Hash() == was {
		t.Errorf("an example of none taught nothing: %v", err)
	}
}
