package handoff

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// TopicSet is everything that the classifier learns from and the rules go by, as it stood at one moment.
type TopicSet struct {
	Topics  []triage.Topic
	None    map[string][]string // examples that belong to no topic, by language
	Shelves map[string]string   // topic groups (money, normal, howto) of collections of articles
}

// Find returns the topic with the key; that of triage.None has examples and nothing else.
func (s *TopicSet) Find(key string) (triage.Topic, bool) {
	if key == triage.None {
		return triage.Topic{Key: triage.None, Examples: s.None}, true
	}
	i := slices.IndexFunc(s.Topics, func(t triage.Topic) bool { return t.Key == key })
	if i < 0 {
		return triage.Topic{}, false
	}
	return s.Topics[i], true
}

// ByKey returns the topics by key, without their examples: what the rules go by.
func (s *TopicSet) ByKey() map[string]triage.Topic {
	by := make(map[string]triage.Topic, len(s.Topics))
	for _, t := range s.Topics {
		t.Examples = nil
		by[t.Key] = t
	}
	return by
}

// Served returns the languages in which every topic has a name: those that a new topic needs one in, too.
func (s *TopicSet) Served() []string {
	count := map[string]int{}
	for _, t := range s.Topics {
		for l := range t.Names {
			count[l]++
		}
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n < len(s.Topics) })
	return slices.Sorted(maps.Keys(count))
}

// With returns the set with one more example. It refuses what AddExample would.
func (s *TopicSet) With(e triage.Example) (TopicSet, error) {
	out := TopicSet{Topics: slices.Clone(s.Topics), None: s.None, Shelves: s.Shelves}
	t, ok := s.Find(e.Topic)
	if !ok {
		return out, errNoTopic
	}
	n := 0
	for _, list := range t.Examples {
		n += len(list)
	}
	if n >= maxExamples {
		return out, fault.New(fault.Conflict, "too_many_examples", "This topic has %d examples, which is the most.", n)
	}
	t.Examples = maps.Clone(t.Examples)
	if t.Examples == nil {
		t.Examples = map[string][]string{}
	}
	same := func(x string) bool { return triage.Same(x) == triage.Same(e.Text) }
	if !slices.ContainsFunc(t.Examples[e.Language], same) {
		t.Examples[e.Language] = append(slices.Clone(t.Examples[e.Language]), e.Text)
	}
	out.put(t)
	return out, distinct(out, e.Topic)
}

// without returns the set without the example.
func (s *TopicSet) without(e triage.Example) (TopicSet, error) {
	out := TopicSet{Topics: slices.Clone(s.Topics), None: s.None, Shelves: s.Shelves}
	t, ok := s.Find(e.Topic)
	if !ok {
		return out, errNoTopic
	}
	i := slices.Index(t.Examples[e.Language], e.Text)
	if i < 0 {
		return out, fault.New(fault.NotFound, "example_not_found", "The topic has no such example in this language.")
	}
	t.Examples = maps.Clone(t.Examples)
	if t.Examples[e.Language] = slices.Delete(slices.Clone(t.Examples[e.Language]), i, i+1); len(t.Examples[e.Language]) == 0 {
		delete(t.Examples, e.Language)
	}
	if len(t.Examples) == 0 && e.Topic != triage.None {
		return out, fault.New(fault.Conflict, "last_example", "This is the topic's last example; a topic cannot be recognised without any. Add another one first, or delete the topic.")
	}
	out.put(t)
	return out, nil
}

// put replaces the topic with the key, or adds it at the end.
func (s *TopicSet) put(t triage.Topic) {
	if t.Key == triage.None {
		s.None = t.Examples
		return
	}
	if i := slices.IndexFunc(s.Topics, func(x triage.Topic) bool { return x.Key == t.Key }); i >= 0 {
		s.Topics[i] = t
		return
	}
	s.Topics = append(s.Topics, t)
}

// distinct refuses an ambiguous example, and says so of the topic that is edited rather than of the other one.
func distinct(s TopicSet, edited string) error {
	all := triage.AllExamples(s.Topics, s.None)
	slices.SortStableFunc(all, func(a, b triage.Example) int { // the edited topic's come last and are the ones refused
		return cmp.Compare(boolInt(a.Topic == edited), boolInt(b.Topic == edited))
	})
	return triage.Distinct(all)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Tag names a topic's contents, or those of anything else that is stored as JSON: who changes it must have seen them.
func Tag(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "" // texts and numbers only
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// SaveTopics replaces all topics, and the examples that belong to none, in one transaction.
func (d *Desk) SaveTopics(ctx context.Context, topics []triage.Topic, none map[string][]string) error {
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockTopics); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM topics`); err != nil {
			return err
		}
		all := append(topics[:len(topics):len(topics)], triage.Topic{Key: triage.None, Examples: none})
		for i, t := range all {
			if _, err := tx.Exec(ctx, `INSERT INTO topics (key, position, data) VALUES ($1, $2, $3)`, t.Key, i, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		d.bus.Notify(wake.Topics, "")
	}
	return err
}

// Topics returns the stored topics in their order, and the examples that belong to none.
func (d *Desk) Topics(ctx context.Context) ([]triage.Topic, map[string][]string, error) {
	s, err := d.TopicSet(ctx)
	return s.Topics, s.None, err
}

// TopicSet returns all that is stored, as it stood at one moment.
func (d *Desk) TopicSet(ctx context.Context) (TopicSet, error) {
	var s TopicSet
	err := pgx.BeginTxFunc(ctx, d.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		s, err = topicSet(ctx, tx)
		return err
	})
	return s, err
}

func topicSet(ctx context.Context, tx pgx.Tx) (TopicSet, error) {
	var s TopicSet
	rows, err := tx.Query(ctx, `SELECT data FROM topics ORDER BY position`)
	if err != nil {
		return s, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[triage.Topic])
	if err != nil {
		return s, err
	}
	for _, t := range all {
		s.put(t)
	}
	s.Shelves, err = shelves(ctx, tx)
	return s, err
}

// SaveShelves replaces the topic groups (money, normal, howto) of collections of articles.
func (d *Desk) SaveShelves(ctx context.Context, groups map[string]string) error {
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error { return saveShelves(ctx, tx, groups) })
	if err == nil {
		d.bus.Notify(wake.Topics, "")
	}
	return err
}

func saveShelves(ctx context.Context, tx pgx.Tx, groups map[string]string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM shelves`); err != nil {
		return err
	}
	for collection, group := range groups {
		if _, err := tx.Exec(ctx, `INSERT INTO shelves (collection, topic_group) VALUES ($1, $2)`, collection, group); err != nil {
			return err
		}
	}
	return nil
}

// Shelves returns the topic groups of collections of articles.
func (d *Desk) Shelves(ctx context.Context) (map[string]string, error) {
	s, err := d.TopicSet(ctx)
	return s.Shelves, err
}

func shelves(ctx context.Context, tx pgx.Tx) (map[string]string, error) {
	rows, err := tx.Query(ctx, `SELECT collection, topic_group FROM shelves`)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var collection, group string
	_, err = pgx.ForEachRow(rows, []any{&collection, &group}, func() error {
		out[collection] = group
		return nil
	})
	return out, err
}
