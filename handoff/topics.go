package handoff

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/wake"
)

// SaveTopics replaces all topics, and the examples that belong to none, in one transaction.
func (d *Desk) SaveTopics(ctx context.Context, topics []triage.Topic, none map[string][]string) error {
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
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
	rows, err := d.pool.Query(ctx, `SELECT data FROM topics ORDER BY position`)
	if err != nil {
		return nil, nil, err
	}
	topics, err := pgx.CollectRows(rows, pgx.RowTo[triage.Topic])
	if err != nil {
		return nil, nil, err
	}
	if n := len(topics); n > 0 && topics[n-1].Key == triage.None {
		return topics[:n-1], topics[n-1].Examples, nil
	}
	return topics, nil, nil
}

// SaveShelves replaces the topic groups (money, normal, howto) of collections of articles.
func (d *Desk) SaveShelves(ctx context.Context, groups map[string]string) error {
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM shelves`); err != nil {
			return err
		}
		for collection, group := range groups {
			if _, err := tx.Exec(ctx, `INSERT INTO shelves (collection, topic_group) VALUES ($1, $2)`, collection, group); err != nil {
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

// Shelves returns the topic groups of collections of articles.
func (d *Desk) Shelves(ctx context.Context) (map[string]string, error) {
	rows, err := d.pool.Query(ctx, `SELECT collection, topic_group FROM shelves`)
	if err != nil {
		return nil, err
	}
	shelves := map[string]string{}
	var collection, group string
	_, err = pgx.ForEachRow(rows, []any{&collection, &group}, func() error {
		shelves[collection] = group
		return nil
	})
	return shelves, err
}
