package chat

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Entry is one entry of the log of one of several conversations.
type Entry struct {
	Conversation uuid.UUID
	Event
}

// Watches follows many conversations' logs with one wake-up, for a reader who has many conversations open. It is one
// goroutine's: none of its methods may run beside another. Close it.
type Watches struct {
	r    *Record
	wake chan struct{}
	all  map[uuid.UUID]*followed
}

// followed is one conversation and the number of its last entry that was read.
type followed struct {
	*reader
	seq int64
}

// WatchMany begins to follow nothing; say what by Follow.
func (r *Record) WatchMany() *Watches {
	return &Watches{r: r, wake: make(chan struct{}, 1), all: map[uuid.UUID]*followed{}}
}

// C tells that there is something to read.
func (w *Watches) C() <-chan struct{} { return w.wake }

// Follow makes these the conversations that are followed. Those that are new are followed from their present end, whose
// number is returned: what is written behind it is read. A conversation that does not exist is not followed.
func (w *Watches) Follow(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	keep := make(map[uuid.UUID]bool, len(ids))
	var fresh []uuid.UUID
	for _, id := range ids {
		keep[id] = true
		if w.all[id] == nil {
			w.all[id] = &followed{reader: w.r.hub.join(id, w.wake)} // before the end is read: nothing is written in between unseen
			fresh = append(fresh, id)
		}
	}
	for id := range w.all {
		if !keep[id] {
			w.leave(id)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	ends, err := w.r.ends(ctx, fresh)
	for _, id := range fresh {
		if seq, there := ends[id]; there {
			w.all[id].seq = seq
		} else {
			w.leave(id)
		}
	}
	return ends, err
}

func (w *Watches) leave(id uuid.UUID) {
	w.r.hub.leave(id, w.all[id].reader)
	delete(w.all, id)
}

// Read returns what was written to the conversations since it was called last, in order within each, and does not wait.
func (w *Watches) Read(ctx context.Context) ([]Entry, error) {
	var out []Entry
	for id, f := range w.all {
		if !f.dirty.Swap(false) {
			continue
		}
		events, gap := w.r.hub.since(id, f.seq)
		if remote := f.remote.Swap(false); len(events) == 0 && (remote || gap) {
			var err error
			if events, err = w.r.after(ctx, id, f.seq, pageSize); err != nil {
				f.remote.Store(true)
				f.poke()
				return out, err
			}
			if len(events) == pageSize {
				f.remote.Store(true)
				f.poke()
			}
		} else if remote { // what is kept here may not be all
			f.remote.Store(true)
			f.poke()
		}
		for _, e := range events {
			f.seq = e.Seq
			out = append(out, Entry{id, e})
		}
	}
	return out, nil
}

// Check looks for what no wake-up told of, with one query for all conversations; Read returns it then.
func (w *Watches) Check(ctx context.Context) error {
	ids := make([]uuid.UUID, 0, len(w.all))
	for id := range w.all {
		ids = append(ids, id)
	}
	ends, err := w.r.ends(ctx, ids)
	for id, end := range ends {
		if f := w.all[id]; f.seq < end {
			f.remote.Store(true)
			f.poke()
		}
	}
	return err
}

// Close ends following.
func (w *Watches) Close() {
	for id := range w.all {
		w.leave(id)
	}
}

// ends returns the number of each conversation's last entry.
func (r *Record) ends(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := r.pool.Query(ctx, `SELECT id, last_seq FROM conversations WHERE id = ANY ($1)`, ids)
	if err != nil {
		return nil, err
	}
	ends := make(map[uuid.UUID]int64, len(ids))
	var id uuid.UUID
	var seq int64
	_, err = pgx.ForEachRow(rows, []any{&id, &seq}, func() error {
		ends[id] = seq
		return nil
	})
	return ends, err
}
