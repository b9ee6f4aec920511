package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// deskRoutes registers what agents do: with the queue, and with the conversations in it.
func (s *Server) deskRoutes(g groups) {
	g.agent.PUT("/presence", handle(s.setPresence))
	g.agent.GET("/teams", handle(s.teams))
	g.agent.GET("/handoffs", handle(s.listHandoffs))
	g.agent.POST("/handoffs/:hid/accept", handle(s.accept))
	g.agent.POST("/handoffs/:hid/decline", handle(s.decline))
	g.agent.POST("/handoffs/:hid/assign", handle(s.assign))
	c := g.conversation
	c.POST("/messages", handle(s.agentMessage))
	c.POST("/resolve", handle(s.resolve))
	c.POST("/return", handle(s.returnToAssistant))
	c.POST("/transfer", handle(s.transfer))
	c.POST("/escalate", handle(s.escalate))
	c.POST("/pull", handle(s.pull))
	c.POST("/snooze", handle(s.snooze))
	c.POST("/wake", handle(s.wakeConversation))
	c.POST("/takeover", handle(s.takeOver))
}

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

func (s *Server) agentMessage(c *gin.Context) error {
	id, err := param(c, "id")
	if err != nil {
		return err
	}
	var in struct {
		ClientID    string   `json:"client_id"`
		Text        string   `json:"text"`
		Visibility  string   `json:"visibility"`
		Attachments []string `json:"attachments"`
		Mentions    []string `json:"mentions"`

		Original *original `json:"original"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if err := cleanClientID(in.ClientID); err != nil {
		return err
	}
	if err := in.Original.clean(); err != nil {
		return err
	}
	files, err := cleanFiles(in.Attachments)
	if err != nil {
		return err
	}
	text, err := cleanText("text", in.Text, 4*maxText, len(files) == 0)
	if err != nil {
		return err
	}
	mentions, err := cleanMentions(in.Mentions, in.Visibility)
	if err != nil {
		return err
	}
	var m chat.Message
	switch in.Visibility {
	case "public", "":
		m, err = s.Desk.Reply(c.Request.Context(), id, currentAgent(c), in.ClientID, text, files...)
	case "internal":
		m, err = s.Desk.NoteTo(c.Request.Context(), id, currentAgent(c), in.ClientID, text, mentions, files...)
	default:
		err = fault.Field("visibility", "unknown_visibility", "Use public or internal.")
	}
	if err != nil {
		return err
	}
	if o := in.Original; o != nil { // when this fails, the client sends both again, and the message is stored once
		if err := s.Copilot.KeepOriginal(c.Request.Context(), id, m.ID, currentAgent(c).ID, o.Text, o.Locale, o.Model); err != nil {
			return err
		}
	}
	return ok(c, http.StatusCreated, gin.H{"message": m})
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
		Team  string `json:"team"`
		Agent string `json:"agent"`
		Warm  bool   `json:"warm"`
		Note  string `json:"note"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if (in.Team == "") == (in.Agent == "") {
		return fault.Field("team", "required", "Name the team or the agent to transfer to, and not both.")
	}
	if in.Warm && in.Agent == "" {
		return fault.Field("warm", "needs_agent", "Only an agent can be asked while the conversation stays with you; name one, or leave warm out.")
	}
	note, err := cleanText("note", in.Note, maxNote, false)
	if err != nil {
		return err
	}
	if in.Agent == "" {
		return s.act(c, func(ctx context.Context, id uuid.UUID, a auth.Agent) (handoff.Handoff, error) {
			return s.Desk.Transfer(ctx, id, a, in.Team, note)
		})
	}
	agent, err := agentID(in.Agent)
	if err != nil {
		return err
	}
	return s.act(c, func(ctx context.Context, id uuid.UUID, a auth.Agent) (handoff.Handoff, error) {
		return s.Desk.TransferTo(ctx, id, a, agent, note, in.Warm)
	})
}

func agentID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return id, fault.Field("agent", "unknown_agent", "There is no such agent; choose one of the list.")
	}
	return id, nil
}

func (s *Server) assign(c *gin.Context) error {
	id, err := param(c, "hid")
	if err != nil {
		return err
	}
	var in struct {
		Agent string `json:"agent"`
		Note  string `json:"note"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	note, err := cleanText("note", in.Note, maxNote, false)
	if err != nil {
		return err
	}
	agent, err := agentID(in.Agent)
	if err != nil {
		return err
	}
	h, err := s.Desk.Assign(c.Request.Context(), id, currentAgent(c), agent, note)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"handoff": h})
}

func (s *Server) snooze(c *gin.Context) error {
	var in struct {
		Until time.Time `json:"until"`
		Seq   int64     `json:"seq"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if err := cleanSeen(in.Seq); err != nil {
		return err
	}
	return s.act(c, func(ctx context.Context, id uuid.UUID, a auth.Agent) (handoff.Handoff, error) {
		return s.Desk.Snooze(ctx, id, a, in.Until, in.Seq)
	})
}

func (s *Server) wakeConversation(c *gin.Context) error { return s.act(c, s.Desk.Wake) }

func (s *Server) takeOver(c *gin.Context) error {
	note, err := readNote(c)
	if err != nil {
		return err
	}
	return s.act(c, func(ctx context.Context, id uuid.UUID, a auth.Agent) (handoff.Handoff, error) {
		return s.Desk.TakeOver(ctx, id, a, note)
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
