package handoff

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// maxExamples bounds a topic: training reads every example of every topic again, several times over.
const maxExamples = 2000

// lockTopics lets one editor in at a time. Readers do not wait.
const lockTopics = `LOCK TABLE topics, shelves IN SHARE ROW EXCLUSIVE MODE`

// Anything is a condition that every stored state meets.
const Anything = "*"

var (
	errNoTopic = fault.New(fault.NotFound, "topic_not_found", "There is no such topic.")
	errMoved   = fault.New(fault.Conflict, "changed_meanwhile", "Somebody else has changed this meanwhile. Load it again, look at what is new, and repeat your change.")
)

// TopicChange is an entry of the audit about topics.
type TopicChange struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`  // e-mail address
	Action string    `json:"action"` // topic.created, topic.replaced, topic.deleted, topic.example_added, topic.example_removed
	Text   string    `json:"text"`   // of the example, if it was one
}

// Words says the action for people.
func (c TopicChange) Words() string {
	words := map[string]string{"topic.created": "created by", "topic.replaced": "changed by", "topic.deleted": "deleted by",
		"topic.example_added": "example added by", "topic.example_removed": "example removed by"}
	return cmp.Or(words[c.Action], c.Action)
}

// edit lets f change what is stored under the lock, writes down who did it, and wakes every replica. Where f changes
// nothing, nothing is written.
func (d *Desk) edit(ctx context.Context, by Agent, subject string, f func(ctx context.Context, tx pgx.Tx, now TopicSet) (action string, detail map[string]any, err error)) error {
	changed := false
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockTopics); err != nil {
			return err
		}
		now, err := topicSet(ctx, tx)
		if err != nil {
			return err
		}
		action, detail, err := f(ctx, tx, now)
		if err != nil || action == "" {
			return err
		}
		changed = true
		_, err = tx.Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4)`, by.ID.String(), action, subject, detail)
		return err
	})
	if err == nil && changed {
		d.bus.Notify(wake.Topics, "")
	}
	return err
}

// store writes one topic, or the examples of none, and keeps its place; a new one comes last, before none.
func store(ctx context.Context, tx pgx.Tx, t triage.Topic) error {
	_, err := tx.Exec(ctx, `INSERT INTO topics (key, position, data) VALUES ($1, (SELECT COALESCE(max(position), -1) + 1 FROM topics), $2)
		ON CONFLICT (key) DO UPDATE SET data = EXCLUDED.data`, t.Key, t)
	if err == nil && t.Key != triage.None {
		_, err = tx.Exec(ctx, `UPDATE topics SET position = 1 + (SELECT max(position) FROM topics) WHERE key = $1`, triage.None)
	}
	return err
}

// SaveTopic creates or replaces one topic, which triage.Form has checked. Match is the Tag of the topic that the editor
// saw, Anything to replace whatever is there, or "" to create one. The same contents once more change nothing.
func (d *Desk) SaveTopic(ctx context.Context, by Agent, t triage.Topic, match string) error {
	return d.edit(ctx, by, t.Key, func(ctx context.Context, tx pgx.Tx, now TopicSet) (string, map[string]any, error) {
		old, exists := now.Find(t.Key)
		switch {
		case exists && Tag(old) == Tag(t):
			return "", nil, nil
		case exists && match == "":
			return "", nil, fault.New(fault.Conflict, "topic_exists", "There is a topic with this key already.")
		case !exists && match != "":
			return "", nil, errNoTopic
		case exists && match != Anything && match != Tag(old):
			return "", nil, errMoved
		}
		if err := d.fits(ctx, tx, now, t); err != nil {
			return "", nil, err
		}
		if err := store(ctx, tx, t); err != nil {
			return "", nil, err
		}
		if !exists {
			return "topic.created", map[string]any{"after": t}, nil
		}
		return "topic.replaced", map[string]any{"before": old, "after": t}, nil
	})
}

// fits checks what a topic needs of the others: its team exists, and none of its examples is another topic's.
func (d *Desk) fits(ctx context.Context, tx pgx.Tx, now TopicSet, t triage.Topic) error {
	for l, list := range t.Examples {
		if len(list) > maxExamples {
			return fault.Field("examples."+l, "too_many", "has %d examples, at most %d are allowed", len(list), maxExamples)
		}
	}
	var team bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM teams WHERE key = $1)`, t.Team).Scan(&team); err != nil {
		return err
	}
	if !team {
		return fault.Field("team", "unknown_team", "There is no team %s.", t.Team)
	}
	now.put(t)
	return distinct(now, t.Key)
}

// DeleteTopic removes a topic with its examples. Match is as in SaveTopic; one that is not there cannot be deleted.
func (d *Desk) DeleteTopic(ctx context.Context, by Agent, key, match string) error {
	return d.edit(ctx, by, key, func(ctx context.Context, tx pgx.Tx, now TopicSet) (string, map[string]any, error) {
		old, exists := now.Find(key)
		switch {
		case !exists || key == triage.None:
			return "", nil, errNoTopic
		case match != Anything && match != Tag(old):
			return "", nil, errMoved
		case len(now.Topics) == 1:
			return "", nil, fault.New(fault.Conflict, "last_topic", "This is the last topic; there must be one.")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM topics WHERE key = $1`, key); err != nil {
			return "", nil, err
		}
		return "topic.deleted", map[string]any{"before": old}, nil
	})
}

// AddExample adds an example to a topic, or to triage.None. What is there already is not added twice. Two people may add
// to the same topic at once.
func (d *Desk) AddExample(ctx context.Context, by Agent, e triage.Example, match string) error {
	return d.editExample(ctx, by, e, match, "topic.example_added", (*TopicSet).With)
}

// RemoveExample removes an example from a topic, or from triage.None. The last one of a topic stays.
func (d *Desk) RemoveExample(ctx context.Context, by Agent, e triage.Example, match string) error {
	return d.editExample(ctx, by, e, match, "topic.example_removed", (*TopicSet).without)
}

// editExample needs no match, because it loses nothing of what others do, but keeps to one that is given.
func (d *Desk) editExample(ctx context.Context, by Agent, e triage.Example, match, action string, f func(*TopicSet, triage.Example) (TopicSet, error)) error {
	return d.edit(ctx, by, e.Topic, func(ctx context.Context, tx pgx.Tx, now TopicSet) (string, map[string]any, error) {
		old, exists := now.Find(e.Topic)
		if exists && match != "" && match != Anything && match != Tag(old) {
			return "", nil, errMoved
		}
		next, err := f(&now, e)
		if err != nil {
			return "", nil, err
		}
		t, _ := next.Find(e.Topic)
		if Tag(t) == Tag(old) {
			return "", nil, nil
		}
		return action, map[string]any{"language": e.Language, "text": e.Text}, store(ctx, tx, t)
	})
}

// EditShelves replaces the topic groups of collections of articles. Match is the Tag of those that the editor saw, or
// Anything.
func (d *Desk) EditShelves(ctx context.Context, by Agent, groups map[string]string, match string) error {
	return d.edit(ctx, by, "shelves", func(ctx context.Context, tx pgx.Tx, now TopicSet) (string, map[string]any, error) {
		switch {
		case Tag(groups) == Tag(now.Shelves):
			return "", nil, nil
		case match != Anything && match != Tag(now.Shelves):
			return "", nil, errMoved
		}
		return "shelves.replaced", map[string]any{"before": now.Shelves, "after": groups}, saveShelves(ctx, tx, groups)
	})
}

// TopicChanges returns the newest changes of a topic, at most 10.
func (d *Desk) TopicChanges(ctx context.Context, key string) ([]TopicChange, error) {
	rows, err := d.pool.Query(ctx, `SELECT u.at, COALESCE(a.email, u.actor), u.action, COALESCE(u.detail->>'text', '') FROM audit u LEFT JOIN agents a ON a.id::text = u.actor
		WHERE u.subject = $1 AND u.action LIKE 'topic.%' ORDER BY u.id DESC LIMIT 10`, key)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[TopicChange])
}
