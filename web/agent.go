package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

func (s *Server) me(c *gin.Context) error { return ok(c, http.StatusOK, currentAgent(c)) }

func (s *Server) setPresence(c *gin.Context) error {
	var in struct {
		State string `json:"state"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	a := currentAgent(c)
	if err := s.Desk.SetPresence(c.Request.Context(), a, in.State); err != nil {
		return err
	}
	a.Presence = in.State
	return ok(c, http.StatusOK, a)
}

func (s *Server) signOut(c *gin.Context) error {
	if err := s.Desk.SetPresence(c.Request.Context(), currentAgent(c), "offline"); err != nil {
		return err
	}
	if secret, err := c.Cookie(sessionCookie); err == nil {
		if err := s.Auth.SignOut(c.Request.Context(), secret); err != nil {
			return err
		}
	}
	http.SetCookie(c.Writer, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode})
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) teams(c *gin.Context) error {
	rows, err := s.Pool.Query(c.Request.Context(), `SELECT key, name FROM teams ORDER BY name`)
	if err != nil {
		return err
	}
	type team struct {
		Key  string `json:"key"`
		Name string `json:"name"`
	}
	teams, err := pgx.CollectRows(rows, pgx.RowToStructByPos[team])
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"teams": teams})
}

func (s *Server) listHandoffs(c *gin.Context) error {
	hs, err := s.Desk.List(c.Request.Context(), currentAgent(c), c.DefaultQuery("state", "queued"))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"handoffs": hs})
}

func (s *Server) accept(c *gin.Context) error {
	id, err := param(c, "hid")
	if err != nil {
		return err
	}
	h, err := s.Desk.Accept(c.Request.Context(), id, currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"handoff": h})
}

func (s *Server) decline(c *gin.Context) error {
	id, err := param(c, "hid")
	if err != nil {
		return err
	}
	if err := s.Desk.Decline(c.Request.Context(), id, currentAgent(c)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// readable returns the conversation of the path, if the agent may see it.
func (s *Server) readable(c *gin.Context) (uuid.UUID, error) {
	id, err := param(c, "id")
	if err != nil {
		return id, err
	}
	return id, s.Desk.MayRead(c.Request.Context(), id, currentAgent(c))
}

func (s *Server) agentConversation(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	v, err := s.view(ctx, id)
	if err != nil {
		return err
	}
	conv, err := s.Record.Find(ctx, id)
	if err != nil {
		return err
	}
	messages, err := s.Record.Messages(ctx, id, 0, 2000, true)
	if err != nil {
		return err
	}
	out := gin.H{"messages": append([]chat.Message{}, messages...), "handoff": nil, "package": nil}
	out["conversation"] = struct {
		conversationView
		Customer chat.Person `json:"customer"`
	}{v, conv.Customer}
	h, pkg, err := s.Desk.Package(ctx, id)
	switch {
	case err == nil:
		out["handoff"], out["package"] = h, pkg
	case !fault.Is(err, fault.NotFound):
		return err
	}
	return ok(c, http.StatusOK, out)
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

func (s *Server) agentMessage(c *gin.Context) error {
	id, err := param(c, "id")
	if err != nil {
		return err
	}
	var in struct {
		ClientID   string `json:"client_id"`
		Text       string `json:"text"`
		Visibility string `json:"visibility"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if err := cleanClientID(in.ClientID); err != nil {
		return err
	}
	text, err := cleanText("text", in.Text, 4*maxText, true)
	if err != nil {
		return err
	}
	var m chat.Message
	switch in.Visibility {
	case "public", "":
		m, err = s.Desk.Reply(c.Request.Context(), id, currentAgent(c), in.ClientID, text)
	case "internal":
		m, err = s.Desk.Note(c.Request.Context(), id, currentAgent(c), in.ClientID, text)
	default:
		err = fault.Field("visibility", "unknown_visibility", "Use public or internal.")
	}
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, gin.H{"message": m})
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

// act runs one of the desk's actions on the conversation of the path.
func (s *Server) act(c *gin.Context, f func(context.Context, uuid.UUID, auth.Agent) (handoff.Handoff, error)) error {
	id, err := param(c, "id")
	if err != nil {
		return err
	}
	h, err := f(c.Request.Context(), id, currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"handoff": h})
}

func (s *Server) resolve(c *gin.Context) error {
	var in struct {
		Seq int64 `json:"seq"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if err := cleanSeen(in.Seq); err != nil {
		return err
	}
	return s.act(c, func(ctx context.Context, id uuid.UUID, a auth.Agent) (handoff.Handoff, error) {
		return s.Desk.Resolve(ctx, id, a, in.Seq)
	})
}

func (s *Server) pull(c *gin.Context) error { return s.act(c, s.Desk.Pull) }

func (s *Server) returnToAssistant(c *gin.Context) error {
	var in struct {
		Instruction string `json:"instruction"`
		Seq         int64  `json:"seq"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if err := cleanSeen(in.Seq); err != nil {
		return err
	}
	instruction, err := cleanText("instruction", in.Instruction, maxNote, false)
	if err != nil {
		return err
	}
	return s.act(c, func(ctx context.Context, id uuid.UUID, a auth.Agent) (handoff.Handoff, error) {
		return s.Desk.Return(ctx, id, a, instruction, in.Seq)
	})
}

// cleanSeen checks the number of the last entry of the log that an agent has seen; 0 is for clients that do not know it.
func cleanSeen(seq int64) error {
	if seq < 0 {
		return fault.Field("seq", "out_of_range", "Use the number of the last message or event that you have seen.")
	}
	return nil
}

func (s *Server) transfer(c *gin.Context) error {
	var in struct {
		Team string `json:"team"`
		Note string `json:"note"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if in.Team == "" {
		return fault.Field("team", "required", "Name the team to transfer to.")
	}
	note, err := cleanText("note", in.Note, maxNote, false)
	if err != nil {
		return err
	}
	return s.act(c, func(ctx context.Context, id uuid.UUID, a auth.Agent) (handoff.Handoff, error) {
		return s.Desk.Transfer(ctx, id, a, in.Team, note)
	})
}

func (s *Server) escalate(c *gin.Context) error {
	note, err := readNote(c)
	if err != nil {
		return err
	}
	return s.act(c, func(ctx context.Context, id uuid.UUID, a auth.Agent) (handoff.Handoff, error) {
		return s.Desk.Escalate(ctx, id, a, note)
	})
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
