package handoff

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/wake"
)

// Live keeps the desks that are open in this process in step with the database. One reading serves all of them, whatever
// their number, and each is told only what has changed since it was told last.
type Live struct {
	d *Desk

	mu    sync.Mutex
	seats map[*Seat]struct{}
	now   *state              // what was read last; nil before the first reading
	begun int                 // readings that have begun
	rows  map[uuid.UUID]*kept // by handoff: those that somebody sees
	stop  context.CancelFunc

	kick chan struct{}
}

// Row is an open handoff as it was read once, with its JSON, which all who see it share. It is never changed: who has a row
// has all that is in it.
type Row struct {
	Handoff
	JSON json.RawMessage
}

// kept is the newest row of a handoff, and what tells that there is a newer one.
type kept struct {
	*Row
	version, end int64
	content      []byte // the JSON without the end of the log, which every sign of life moves
}

// outline is what must be known of every open handoff to know who sees it, where, and whether it has changed.
type outline struct {
	ID, ConversationID uuid.UUID
	Team               string
	State              State
	AgentID            *uuid.UUID
	WantedAgent        *uuid.UUID
	Version            int64 // of the handoff's row
	LastSeq            int64
}

func (o *outline) waiting() bool {
	return o.State == Queued || o.State == Offered || o.State == Asynchronous
}

// of tells whether the handoff is the agent's, or a colleague who has it asks the agent to take it.
func (o *outline) of(agent uuid.UUID) bool {
	return o.AgentID != nil && *o.AgentID == agent || o.State == Accepted && o.WantedAgent != nil && *o.WantedAgent == agent
}

// state is the desk at one moment.
type state struct {
	reading int
	open    []outline // in the order of the queue
	people  []Colleague
	viewers map[uuid.UUID][]viewer // by conversation
	named   map[uuid.UUID]string   // by agent: changes with the notes that name them and that they have not seen
	alerts  string                 // changes with the alerts that nobody has seen to; "" where there are none
	again   time.Duration          // until somebody stops looking, if nobody says so; 0 for nobody
}

// viewer is an agent who has a conversation open.
type viewer struct {
	Conversation uuid.UUID
	Viewer
	Until time.Time
}

// Viewer is an agent who has a conversation open, as others see it.
type Viewer struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"`
	Writing bool      `json:"writing"`
}

const (
	liveBeat  = 10 * time.Second       // what only time changes, such as a connection that is gone, is seen this late
	liveQuiet = 100 * time.Millisecond // between two readings, and four times what one takes
	listed    = 500                    // waiting handoffs that one agent is shown; the others are counted
)

// Live returns what keeps open desks in step. Call it before the bus is started.
func (d *Desk) Live() *Live {
	l := &Live{d: d, seats: map[*Seat]struct{}{}, rows: map[uuid.UUID]*kept{}, kick: make(chan struct{}, 1)}
	d.bus.Subscribe(wake.Queue, func(string) { l.poke() })
	d.bus.Subscribe(wake.Desk, func(subject string) {
		if id, err := uuid.Parse(subject); err != nil || l.wanted(id) {
			l.poke()
		}
	})
	return l
}

func (l *Live) poke() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// wanted reports whether a message in the conversation changes what the lists show: in one that an agent has, it does not,
// and whoever has that open gets the message itself.
func (l *Live) wanted(conversation uuid.UUID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		return false
	}
	i := slices.IndexFunc(l.now.open, func(o outline) bool { return o.ConversationID == conversation })
	return i >= 0 && l.now.open[i].waiting()
}

// Seat is one open desk. Its methods are for one goroutine.
type Seat struct {
	l     *Live
	wake  chan struct{}
	after int // the first reading that it may see

	mu    sync.Mutex // agent, which readings look at too
	agent Agent
	err   error

	told    bool
	sent    map[uuid.UUID]*Row
	people  map[uuid.UUID]Colleague
	viewers map[uuid.UUID][]Viewer
	waiting int
	named   string
	alerts  string
}

// Join opens a desk for the agent. Leave it.
func (l *Live) Join(a Agent) *Seat {
	s := &Seat{l: l, agent: a, wake: make(chan struct{}, 1), sent: map[uuid.UUID]*Row{}, people: map[uuid.UUID]Colleague{}, viewers: map[uuid.UUID][]Viewer{}}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.after = l.begun
	l.seats[s] = struct{}{}
	if l.stop == nil {
		var ctx context.Context
		ctx, l.stop = context.WithCancel(context.Background())
		go l.run(ctx)
	}
	l.poke()
	return s
}

// Leave closes the desk.
func (s *Seat) Leave() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	delete(s.l.seats, s)
	if len(s.l.seats) == 0 && s.l.stop != nil {
		s.l.stop()
		s.l.stop, s.l.now = nil, nil
		clear(s.l.rows)
	}
}

// C tells that there may be changes.
func (s *Seat) C() <-chan struct{} { return s.wake }

// Update says who the agent is now, whose role and teams may have changed.
func (s *Seat) Update(a Agent) {
	s.mu.Lock()
	changed := a.Role != s.agent.Role || !slices.Equal(a.Teams, s.agent.Teams)
	s.agent = a
	s.mu.Unlock()
	if changed {
		s.l.poke()
	}
}

// run reads when something has changed, as long as a desk is open.
func (l *Live) run(ctx context.Context) {
	beat := time.NewTimer(liveBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.kick:
		case <-beat.C:
		}
		began := time.Now()
		again, err := l.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.d.log.Warn("the desk could not be read", "error", err)
		}
		beat.Reset(min(again, liveBeat))
		rest := time.NewTimer(max(liveQuiet, 4*time.Since(began)))
		select { // what happens meanwhile travels together
		case <-ctx.Done():
			rest.Stop()
			return
		case <-rest.C:
		}
	}
}

// read reads the desk once and wakes the seats; it returns when to read again if nothing happens.
func (l *Live) read(ctx context.Context) (time.Duration, error) {
	l.mu.Lock()
	l.begun++
	reading := l.begun
	l.mu.Unlock()
	st, err := l.d.look(ctx)
	if err == nil {
		st.reading = reading
		err = l.fill(ctx, st)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err == nil {
		l.now = st
	}
	for s := range l.seats {
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
		if s.after < reading {
			select {
			case s.wake <- struct{}{}:
			default:
			}
		} else {
			l.poke() // it came while this was being read
		}
	}
	if err != nil || st.again == 0 {
		return liveBeat, err
	}
	return st.again, nil
}

// look reads what is known of every open handoff, of the people, and of who looks at what.
func (d *Desk) look(ctx context.Context) (*state, error) {
	st := &state{viewers: map[uuid.UUID][]viewer{}, named: map[uuid.UUID]string{}}
	var b pgx.Batch
	b.Queue(`SELECT h.id, h.conversation_id, h.team, h.state, h.agent_id, h.wanted_agent, h.xmin::text::bigint, c.last_seq
		FROM handoffs h JOIN conversations c ON c.id = h.conversation_id WHERE h.ended_at IS NULL ORDER BY h.rank, h.id`).Query(func(rows pgx.Rows) (err error) {
		st.open, err = pgx.CollectRows(rows, pgx.RowToStructByPos[outline])
		return err
	})
	b.Queue(colleagues).Query(func(rows pgx.Rows) (err error) {
		st.people, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Colleague])
		return err
	})
	b.Queue(`SELECT v.conversation_id, v.agent_id, a.name, v.writing, v.until, extract(epoch FROM v.until - clock_timestamp())::float8
		FROM viewers v JOIN agents a ON a.id = v.agent_id WHERE v.until > now() ORDER BY a.name, a.id`).Query(func(rows pgx.Rows) error {
		var v viewer
		var left float64
		_, err := pgx.ForEachRow(rows, []any{&v.Conversation, &v.ID, &v.Name, &v.Writing, &v.Until, &left}, func() error {
			st.viewers[v.Conversation] = append(st.viewers[v.Conversation], v)
			if d := max(time.Duration(left*float64(time.Second)), time.Millisecond); st.again == 0 || d < st.again {
				st.again = d
			}
			return nil
		})
		return err
	})
	b.Queue(`SELECT agent_id, count(*) || ' ' || max(message_id::text) FROM mentions WHERE seen_at IS NULL GROUP BY agent_id`).Query(func(rows pgx.Rows) error {
		var agent uuid.UUID
		var which string
		_, err := pgx.ForEachRow(rows, []any{&agent, &which}, func() error {
			st.named[agent] = which
			return nil
		})
		return err
	})
	b.Queue(`SELECT COALESCE(count(*) || ' ' || max(made_at), '') FROM alerts WHERE seen_at IS NULL`).QueryRow(func(row pgx.Row) error { return row.Scan(&st.alerts) })
	return st, d.pool.SendBatch(ctx, &b).Close()
}

// colleagues reads the people of the desk. Who has lost the connection is offline.
const colleagues = colleague + auth.IsPerson + ` ORDER BY a.name, a.id`

const colleague = `SELECT a.id, a.name, CASE WHEN a.connected_until > now() THEN a.presence ELSE 'offline' END,
	COALESCE((SELECT sum(weight) FROM handoffs WHERE agent_id = a.id AND ended_at IS NULL AND snoozed_until IS NULL), 0)::int, a.capacity
	FROM agents a WHERE a.role <> 'editor' AND a.disabled_at IS NULL AND `

// sees lists what the agent is shown, in the order of the queue: what waits with the agent's teams, up to a bound, and what
// is the agent's. It returns too how many wait.
func (st *state) sees(a Agent) (shown []*outline, waiting int) {
	for i := range st.open {
		o := &st.open[i]
		mine := o.of(a.ID)
		if o.waiting() && a.Sees(o.Team) {
			waiting++
			mine = mine || waiting <= listed
		}
		if mine {
			shown = append(shown, o)
		}
	}
	return shown, waiting
}

// fill reads the handoffs that somebody sees and that have changed.
func (l *Live) fill(ctx context.Context, st *state) error {
	l.mu.Lock()
	seen := map[uuid.UUID]*outline{}
	for s := range l.seats {
		s.mu.Lock()
		a := s.agent
		s.mu.Unlock()
		shown, _ := st.sees(a)
		for _, o := range shown {
			seen[o.ID] = o
		}
	}
	var changed []uuid.UUID
	for id, o := range seen {
		if k := l.rows[id]; k == nil || k.version != o.Version || k.end != o.LastSeq {
			changed = append(changed, id)
		}
	}
	l.mu.Unlock()
	var fresh []Handoff
	if len(changed) > 0 {
		var err error
		if fresh, err = listHandoffs(ctx, l.d.pool, `h.id = ANY ($1)`, changed); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range fresh {
		o := seen[h.ID]
		silent := h
		silent.LastSeq = 0
		content, err := json.Marshal(silent)
		if err != nil {
			return err
		}
		r := l.rows[h.ID]
		if h.EndedAt != nil { // meanwhile; the next reading does not have it
			continue
		}
		if r != nil && bytes.Equal(r.content, content) {
			r.version, r.end = o.Version, o.LastSeq
			continue
		}
		data, err := json.Marshal(h)
		if err != nil {
			return err
		}
		l.rows[h.ID] = &kept{&Row{h, data}, o.Version, o.LastSeq, content}
	}
	for id := range l.rows {
		if seen[id] == nil {
			delete(l.rows, id)
		}
	}
	return nil
}

// Changes is what has changed at a desk since it was told last.
type Changes struct {
	Whole   bool // the first: everything is new
	Here    bool // the agent still works at the desk
	Waiting int  // handoffs that wait with the agent's teams, also those that are not listed
	Rows    []*Row
	Gone    []uuid.UUID // handoffs that are not shown any more
	People  []Colleague
	Left    []uuid.UUID            // people who are not at the desk any more
	Viewers map[uuid.UUID][]Viewer // by conversation: who else has it open now

	Mentions bool // notes that name the agent are there, or were seen
	Alerts   bool // the alerts may be different

	counted bool // Waiting has changed
}

// Empty reports whether the lists and the people are as they were.
func (c *Changes) Empty() bool {
	return !c.Whole && !c.counted && len(c.Rows)+len(c.Gone)+len(c.People)+len(c.Left) == 0
}

// Changes returns what has changed since it was called last, or nil where nothing was read yet.
func (s *Seat) Changes() (*Changes, error) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.mu.Lock()
	a, err := s.agent, s.err
	s.err = nil
	s.mu.Unlock()
	st := s.l.now
	if err != nil || st == nil || st.reading <= s.after {
		return nil, err
	}
	c := &Changes{Whole: !s.told, Viewers: map[uuid.UUID][]Viewer{}}
	s.told = true
	shown, waiting := st.sees(a)
	c.Waiting, c.counted = waiting, waiting != s.waiting
	s.waiting = waiting
	now := make(map[uuid.UUID]*Row, len(shown))
	viewers := map[uuid.UUID][]Viewer{}
	for _, o := range shown {
		k := s.l.rows[o.ID]
		if k == nil { // it ended while it was read, or the agent's teams have changed since: the next reading tells
			continue
		}
		now[o.ID] = k.Row
		if s.sent[o.ID] != k.Row {
			c.Rows = append(c.Rows, k.Row)
		}
		if vs := st.others(o.ConversationID, a.ID); vs != nil {
			viewers[o.ConversationID] = vs
		}
	}
	for id := range s.sent {
		if now[id] == nil {
			c.Gone = append(c.Gone, id)
		}
	}
	s.sent = now
	for conversation, vs := range st.viewers { // also what is in no list, but open here
		if slices.ContainsFunc(vs, func(v viewer) bool { return v.ID == a.ID }) {
			if others := st.others(conversation, a.ID); others != nil {
				viewers[conversation] = others
			}
		}
	}
	for id, vs := range viewers {
		if !slices.Equal(vs, s.viewers[id]) {
			c.Viewers[id] = vs
		}
	}
	for id := range s.viewers {
		if viewers[id] == nil {
			c.Viewers[id] = []Viewer{}
		}
	}
	s.viewers = viewers
	people := make(map[uuid.UUID]Colleague, len(st.people))
	for _, p := range st.people {
		people[p.ID] = p
		if before, known := s.people[p.ID]; !known || before != p {
			c.People = append(c.People, p)
		}
	}
	for id := range s.people {
		if _, there := people[id]; !there {
			c.Left = append(c.Left, id)
		}
	}
	s.people = people
	_, c.Here = people[a.ID]
	c.Mentions, s.named = st.named[a.ID] != s.named, st.named[a.ID]
	// Whether an alert is over depends on its handoff, so that any change of those may end one.
	c.Alerts = a.Supervises() && (st.alerts != s.alerts || st.alerts != "" && len(c.Rows)+len(c.Gone) > 0)
	s.alerts = st.alerts
	return c, nil
}

// others are those who have the conversation open beside the agent.
func (st *state) others(conversation, agent uuid.UUID) (out []Viewer) {
	for _, v := range st.viewers[conversation] {
		if v.ID != agent {
			out = append(out, v.Viewer)
		}
	}
	return out
}

// Unseen returns the notes that name the agent and that the agent has not seen.
func (d *Desk) Unseen(ctx context.Context, a Agent) ([]Mention, error) {
	return d.mentions(ctx, a, true)
}

// Viewed is a conversation that an agent has open without having it, and whose it is: when that changes, so may the right
// to read it.
type Viewed struct {
	Conversation uuid.UUID
	Team         string // "" where no handoff is open
	Agent        uuid.UUID
}

// Conversations are those that the agent hears every entry of: the agent's own, which may be read, and those that are open
// on a screen of the agent's, which the caller asks MayReadAll about.
func (s *Seat) Conversations() (own []uuid.UUID, viewed []Viewed) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	st := s.l.now
	if st == nil {
		return nil, nil
	}
	looked := map[uuid.UUID]Viewed{}
	for id, vs := range st.viewers {
		if slices.ContainsFunc(vs, func(v viewer) bool { return v.ID == s.agent.ID }) {
			looked[id] = Viewed{Conversation: id}
		}
	}
	for i := range st.open {
		o := &st.open[i]
		if o.of(s.agent.ID) {
			own = append(own, o.ConversationID)
			delete(looked, o.ConversationID)
		} else if v, there := looked[o.ConversationID]; there {
			v.Team = o.Team
			if o.AgentID != nil {
				v.Agent = *o.AgentID
			}
			looked[o.ConversationID] = v
		}
	}
	for _, v := range looked {
		viewed = append(viewed, v)
	}
	slices.SortFunc(viewed, func(a, b Viewed) int { return bytes.Compare(a.Conversation[:], b.Conversation[:]) })
	return own, viewed
}

// MayReadAll returns those of the conversations that the agent may see, as MayRead has it.
func (d *Desk) MayReadAll(ctx context.Context, viewed []Viewed, a Agent) ([]uuid.UUID, error) {
	if len(viewed) == 0 {
		return nil, nil
	}
	conversations := make([]uuid.UUID, len(viewed))
	for i, v := range viewed {
		conversations[i] = v.Conversation
	}
	rows, err := d.pool.Query(ctx, `
		SELECT c.id FROM conversations c WHERE c.id = ANY ($1) AND ($2 OR EXISTS (
			SELECT FROM handoffs WHERE conversation_id = c.id AND (team = ANY ($3) OR agent_id = $4 OR wanted_agent = $4)))`,
		conversations, a.Supervises(), a.Teams, a.ID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// viewingFor is how long an agent counts as looking at a conversation without saying so again.
const viewingFor = 25 * time.Second

// Viewing says that the agent has the conversation open, and whether something is being written there. Others who have it
// open are told, and the agent's stream has every entry of it from now on. It counts for a while and is to be repeated.
func (d *Desk) Viewing(ctx context.Context, conversation uuid.UUID, a Agent, writing bool) error {
	var known bool
	err := d.pool.QueryRow(ctx, `
		WITH before AS (SELECT writing FROM viewers WHERE conversation_id = $1 AND agent_id = $2 AND until > now()),
		after AS (INSERT INTO viewers (conversation_id, agent_id, writing, until) VALUES ($1, $2, $3, now() + $4 * interval '1 second')
			ON CONFLICT (conversation_id, agent_id) DO UPDATE SET writing = $3, until = EXCLUDED.until)
		SELECT EXISTS (SELECT FROM before WHERE writing = $3)`, conversation, a.ID, writing, viewingFor.Seconds()).Scan(&known)
	if err == nil && !known {
		d.bus.Notify(wake.Desk, viewersChanged)
	}
	return err
}

// Left says that the agent has the conversation open no longer.
func (d *Desk) Left(ctx context.Context, conversation uuid.UUID, a Agent) error {
	tag, err := d.pool.Exec(ctx, `DELETE FROM viewers WHERE (conversation_id = $1 AND agent_id = $2) OR until < now() - interval '1 minute'`, conversation, a.ID)
	if err == nil && tag.RowsAffected() > 0 {
		d.bus.Notify(wake.Desk, viewersChanged)
	}
	return err
}

// viewersChanged is the subject of wake.Desk for who looks at what; other subjects are conversations.
const viewersChanged = "viewers"
