package web

import (
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// liveRoutes registers what the desk sees as it happens, and the search.
func (s *Server) liveRoutes(g groups) {
	g.agent.GET("/events", handle(s.deskEvents))
	g.agent.GET("/search", handle(s.searchConversations))
	g.conversation.GET("/events", handle(s.agentEvents))
	g.conversation.POST("/typing", handle(s.agentTyping))
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

func (s *Server) searchConversations(c *gin.Context) error {
	hits, err := s.Desk.Search(c.Request.Context(), currentAgent(c), cleanQuery(c.Query("q")))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"results": hits})
}

// deskHub wakes the open desks when the queue changes.
type deskHub struct {
	mu   sync.Mutex
	open map[chan struct{}]struct{}
}

func newDeskHub(bus *wake.Bus) *deskHub {
	h := &deskHub{open: map[chan struct{}]struct{}{}}
	bus.Subscribe(wake.Queue, func(string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for ch := range h.open {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	})
	return h
}

func (h *deskHub) join() chan struct{} {
	ch := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[ch] = struct{}{}
	return ch
}

func (h *deskHub) leave(ch chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, ch)
}

const (
	presenceFor  = 30 * time.Second // an agent whose stream is gone counts as offline after this
	presenceBeat = 10 * time.Second
	deskQuiet    = 100 * time.Millisecond // changes within this travel together
)

// deskEvents streams the whole state of the desk, at once and after every change: a client that reconnects needs no
// memory. While it is open the agent counts as connected.
func (s *Server) deskEvents(c *gin.Context) error {
	ctx, a := c.Request.Context(), currentAgent(c)
	ch := s.desk.join()
	defer s.desk.leave(ch)
	if err := s.Desk.Connected(ctx, a, time.Now().Add(presenceFor)); err != nil {
		return err
	}
	out := newSSE(c)
	out.retry()
	beat := time.NewTicker(presenceBeat)
	defer beat.Stop()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	var last []byte
	for {
		board, err := s.Desk.Board(ctx, a)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			out.event(0, "error", mustJSON(problemOf(err)))
			_ = out.flush()
			return err
		}
		if now := mustJSON(board); string(now) != string(last) {
			out.event(0, "queue", now)
			last = now
		} else {
			out.event(0, "ping", []byte("{}"))
		}
		if err := out.flush(); err != nil {
			return nil //nolint:nilerr // the desk is gone
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.closing:
			out.comment("closing; reconnect")
			return out.flush()
		case <-ch:
			select { // let what belongs together arrive
			case <-ctx.Done():
				return nil
			case <-time.After(deskQuiet):
			}
		case <-beat.C:
			if a, err = s.still(c); err != nil {
				return nil //nolint:nilerr // signed out: the client learns it when it comes back
			}
			if err := s.Desk.Connected(ctx, a, time.Now().Add(presenceFor)); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}
