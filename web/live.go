package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// liveRoutes registers what the desk sees as it happens, and the search.
func (s *Server) liveRoutes(g groups) {
	g.agent.GET("/events", handle(s.deskEvents))
	g.agent.GET("/search", handle(s.searchConversations))
	g.conversation.GET("/events", handle(s.agentEvents))
	g.conversation.POST("/typing", handle(s.agentTyping))
	g.agent.GET("/mentions", handle(s.mentions))
	g.agent.GET("/supervision", handle(s.supervision))
	g.agent.GET("/views", handle(s.views))
	g.agent.POST("/views", handle(s.createView))
	g.agent.PUT("/views/:vid", handle(s.changeView))
	g.agent.DELETE("/views/:vid", handle(s.removeView))
	g.agent.GET("/conversations", handle(s.filtered))
	g.agent.GET("/preferences", handle(s.preferences))
	g.agent.PUT("/preferences", handle(s.setPreferences))
	g.conversation.POST("/read", handle(s.agentRead))
	g.conversation.POST("/viewing", handle(s.viewing))
	g.conversation.DELETE("/viewing", handle(s.viewed))
}

func (s *Server) viewing(c *gin.Context) error {
	var in struct {
		Writing bool `json:"writing"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	if err := s.Desk.Viewing(c.Request.Context(), id, currentAgent(c), in.Writing); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) viewed(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	if err := s.Desk.Left(c.Request.Context(), id, currentAgent(c)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) agentEvents(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	return s.streamEvents(c, id, func() error {
		a, err := s.still(c)
		if err != nil {
			return err
		}
		return s.Desk.MayRead(c.Request.Context(), id, a)
	})
}

func (s *Server) agentTyping(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	a := currentAgent(c)
	if !s.typing.pass(a.ID) {
		c.Status(http.StatusNoContent)
		return nil
	}
	conv, err := s.Record.Find(c.Request.Context(), id)
	if err != nil {
		return err
	}
	if conv.AgentID == nil || *conv.AgentID != a.ID {
		return fault.New(fault.Conflict, "not_yours", "This conversation is not yours; take it first.")
	}
	return s.sign(c, id, chat.KindTyping, typingEvent{chat.Agent, time.Now().Add(typingFor).UTC()})
}

const (
	presenceFor  = 30 * time.Second // an agent whose stream is gone counts as offline after this
	presenceBeat = 10 * time.Second
)

// The events of the desk's stream, as the wire gives them.
type (
	// boardEvent is the whole state of the lists, which a stream begins with.
	boardEvent struct {
		Handoffs []json.RawMessage   `json:"handoffs"` // waiting, in the order of the queue
		Mine     []json.RawMessage   `json:"mine"`
		Me       handoff.Colleague   `json:"me"`
		Agents   []handoff.Colleague `json:"agents"`
		Waiting  int                 `json:"waiting"`
	}
	// changeEvent is what has changed in the lists since the event before.
	changeEvent struct {
		Handoffs []json.RawMessage   `json:"handoffs"` // new ones, and ones that are different now
		Gone     []uuid.UUID         `json:"gone"`
		Agents   []handoff.Colleague `json:"agents"`
		Left     []uuid.UUID         `json:"left"`
		Waiting  int                 `json:"waiting"`
	}
	// followEvent says that the stream has every entry of a conversation behind this number from now on.
	followEvent struct {
		Conversation uuid.UUID `json:"conversation"`
		Seq          int64     `json:"seq"`
	}
	entryEvent struct {
		Conversation uuid.UUID       `json:"conversation"`
		Seq          int64           `json:"seq"`
		Kind         string          `json:"kind"`
		Data         json.RawMessage `json:"data"`
	}
	viewersEvent struct {
		Conversation uuid.UUID        `json:"conversation"`
		Agents       []handoff.Viewer `json:"agents"`
	}
)

// desk is one open stream of an agent.
type desk struct {
	*Server
	out    *sse
	seat   *handoff.Seat
	logs   *chat.Watches
	agent  auth.Agent
	viewed []handoff.Viewed // open on the agent's screen and not the agent's own, when it was last asked which may be read
	may    []uuid.UUID      // those that may
	alerts []byte           // as they were written last

	doubted map[uuid.UUID]bool // followed; whether they may be read is asked before their next entry goes out
}

// deskEvents streams everything that an agent's page shows, over one connection: the lists, and the entries of the
// conversations that the agent has or has open. A client that reconnects needs no memory. While the stream is open the
// agent counts as connected.
func (s *Server) deskEvents(c *gin.Context) error {
	ctx, a := c.Request.Context(), currentAgent(c)
	if err := s.Desk.Connected(ctx, a, time.Now().Add(presenceFor)); err != nil {
		return err
	}
	d := desk{Server: s, seat: s.live.Join(a), logs: s.Record.WatchMany(), agent: a, doubted: map[uuid.UUID]bool{}}
	defer d.seat.Leave()
	defer d.logs.Close()
	d.out = newSSE(c)
	d.out.retry()
	beat := time.NewTicker(presenceBeat)
	defer beat.Stop()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-s.closing:
			d.out.comment("closing; reconnect")
			return d.out.flush()
		case <-d.logs.C():
			err = d.entries(ctx)
		case <-d.seat.C():
			if err = d.changes(ctx); errors.Is(err, auth.ErrSignedOut) {
				return nil //nolint:nilerr // as below
			}
		case <-beat.C:
			if d.agent, err = s.still(c); err != nil {
				return nil //nolint:nilerr // signed out: the client learns it when it comes back
			}
			err = d.alive(ctx)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			d.out.event(0, "error", mustJSON(problemOf(err)))
			_ = d.out.flush()
			return err
		}
		if d.out.buf.Len() > 0 {
			if err := d.out.flush(); err != nil {
				return nil //nolint:nilerr // the desk is gone
			}
		}
	}
}

// entries writes what was added to the logs that are followed. The lists, which end the following, are told of a change on
// their own and perhaps later than the logs: what stands behind an entry that may have taken the right to read the
// conversation away, or behind the beginning, goes out only after that right was asked for again.
func (d *desk) entries(ctx context.Context) error {
	entries, err := d.logs.Read(ctx)
	for _, e := range entries {
		id := e.Conversation
		if d.doubted[id] {
			may, err := d.Desk.MayReadAll(ctx, []handoff.Viewed{{Conversation: id}}, d.agent)
			if err != nil {
				return err
			}
			if len(may) == 0 {
				continue
			}
			delete(d.doubted, id)
		}
		d.out.event(0, "entry", mustJSON(entryEvent{id, e.Seq, e.Kind, e.Data}))
		if moves(e.Event) {
			d.doubted[id] = true
		}
	}
	return err
}

// moves reports whether the entry may take an agent's right to read the conversation away: it changes hands or teams.
func moves(e chat.Event) bool { return e.Kind == chat.KindOwner || e.Kind == chat.KindHandoff }

// changes writes how the lists differ from what was written before, and follows what is to be followed now.
func (d *desk) changes(ctx context.Context) error {
	c, err := d.seat.Changes()
	if err != nil || c == nil {
		return err
	}
	switch {
	case !c.Here: // disabled meanwhile: nothing more is told, also until the next look at the session
		return auth.ErrSignedOut
	case c.Whole:
		d.out.event(0, "queue", mustJSON(d.board(c)))
	case !c.Empty():
		rows := make([]json.RawMessage, len(c.Rows))
		for i, r := range c.Rows {
			rows[i] = r.JSON
		}
		d.out.event(0, "change", mustJSON(changeEvent{rows, orNone(c.Gone), orNone(c.People), orNone(c.Left), c.Waiting}))
	}
	for conversation, agents := range c.Viewers {
		d.out.event(0, "viewers", mustJSON(viewersEvent{conversation, agents}))
	}
	if c.Mentions {
		all, err := d.Desk.Unseen(ctx, d.agent)
		if err != nil {
			return err
		}
		d.out.event(0, "mentions", mustJSON(gin.H{"mentions": all}))
	}
	if c.Alerts {
		all, err := d.Desk.Alerts(ctx, d.agent)
		if err != nil {
			return err
		}
		if now := mustJSON(gin.H{"alerts": all}); !bytes.Equal(now, d.alerts) {
			d.out.event(0, "alerts", now)
			d.alerts = now
		}
	}
	return d.follow(ctx, false)
}

func (d *desk) board(c *handoff.Changes) boardEvent {
	b := boardEvent{Handoffs: []json.RawMessage{}, Mine: []json.RawMessage{}, Agents: orNone(c.People), Waiting: c.Waiting}
	for _, r := range c.Rows {
		if r.State != handoff.Accepted {
			b.Handoffs = append(b.Handoffs, r.JSON)
		}
		if r.State == handoff.Accepted || r.AgentID != nil && *r.AgentID == d.agent.ID { // accepted, it is shown to who has it and to who is asked
			b.Mine = append(b.Mine, r.JSON)
		}
	}
	for _, p := range c.People {
		if p.ID == d.agent.ID {
			b.Me = p
		}
	}
	return b
}

// follow makes the stream have the entries of the agent's conversations. Whether those that are open elsewhere may be read
// is asked when they change, and again at every beat.
func (d *desk) follow(ctx context.Context, ask bool) error {
	own, viewed := d.seat.Conversations()
	if ask || !slices.Equal(viewed, d.viewed) {
		may, err := d.Desk.MayReadAll(ctx, viewed, d.agent)
		if err != nil {
			return err
		}
		d.viewed, d.may = viewed, may
	}
	if err := d.entries(ctx); err != nil { // of what is about to be followed no more
		return err
	}
	fresh, err := d.logs.Follow(ctx, append(own, d.may...))
	if err != nil {
		return err
	}
	for id, seq := range fresh {
		d.doubted[id] = true
		d.out.event(0, "follow", mustJSON(followEvent{id, seq}))
	}
	return nil
}

// alive keeps the agent connected, and looks for what no wake-up told of.
func (d *desk) alive(ctx context.Context) error {
	if err := d.Server.Desk.Connected(ctx, d.agent, time.Now().Add(presenceFor)); err != nil {
		return err
	}
	d.seat.Update(d.agent)
	d.out.event(0, "ping", []byte("{}"))
	if err := d.follow(ctx, true); err != nil {
		return err
	}
	return d.logs.Check(ctx)
}

// orNone is the list, which JSON shall never have as null.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
