package chat

import (
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// hub keeps the latest events of conversations that somebody in this process reads, so that a reader that is up to date
// is served without a query. It holds copies of committed entries only; a reader that finds a gap reads the database.
type hub struct {
	mu    sync.Mutex
	rooms map[uuid.UUID]*room
}

type room struct {
	recent  []Event // contiguous by seq, oldest first, at most roomSize
	readers map[*reader]struct{}
}

// reader is one who follows a conversation. remote is set when something may have been written that is not kept here, dirty
// when anything has been. Readers of several conversations share one wake.
type reader struct {
	wake   chan struct{}
	remote atomic.Bool
	dirty  atomic.Bool
}

// roomSize bounds the memory of a watched conversation; who is further behind reads the database.
const roomSize = 64

func newHub() *hub { return &hub{rooms: map[uuid.UUID]*room{}} }

func (h *hub) join(id uuid.UUID, wake chan struct{}) *reader {
	r := &reader{wake: wake}
	h.mu.Lock()
	defer h.mu.Unlock()
	rm := h.rooms[id]
	if rm == nil {
		rm = &room{readers: map[*reader]struct{}{}}
		h.rooms[id] = rm
	}
	rm.readers[r] = struct{}{}
	return r
}

func (h *hub) leave(id uuid.UUID, r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rm := h.rooms[id]
	if rm == nil {
		return
	}
	delete(rm.readers, r)
	if len(rm.readers) == 0 {
		delete(h.rooms, id)
	}
}

// publish keeps the entries if they follow what is kept, and wakes the readers.
func (h *hub) publish(id uuid.UUID, events []Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rm := h.rooms[id]
	if rm == nil {
		return
	}
	for _, e := range events {
		if n := len(rm.recent); n > 0 {
			last := rm.recent[n-1].Seq
			if e.Seq <= last {
				continue
			}
			if e.Seq != last+1 {
				rm.recent = rm.recent[:0]
			}
		}
		if len(rm.recent) == roomSize {
			rm.recent = append(rm.recent[:0:0], rm.recent[roomSize/2:]...)
		}
		rm.recent = append(rm.recent, e)
	}
	for r := range rm.readers {
		r.poke()
	}
}

// since returns the kept entries after seq; gap tells that entries in between are not kept here.
func (h *hub) since(id uuid.UUID, seq int64) (events []Event, gap bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rm := h.rooms[id]
	if rm == nil || len(rm.recent) == 0 {
		return nil, false
	}
	first, last := rm.recent[0].Seq, rm.recent[len(rm.recent)-1].Seq
	switch {
	case last <= seq:
		return nil, false
	case first > seq+1:
		return nil, true
	}
	return append([]Event(nil), rm.recent[seq+1-first:]...), false
}

// wakeUp makes the conversation's readers look into the database; the nil id means those of every conversation.
func (h *hub) wakeUp(id uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id != uuid.Nil {
		if rm := h.rooms[id]; rm != nil {
			for r := range rm.readers {
				r.remote.Store(true)
				r.poke()
			}
		}
		return
	}
	for _, rm := range h.rooms {
		for r := range rm.readers {
			r.remote.Store(true)
			r.poke()
		}
	}
}

func (r *reader) poke() {
	r.dirty.Store(true) // before the wake-up: whoever it wakes must see it
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
