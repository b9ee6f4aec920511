package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// packageRoutes registers what an agent receives with a handoff.
func (s *Server) packageRoutes(g groups) {
	g.conversation.GET("", handle(s.agentConversation))
	g.conversation.GET("/history", handle(s.history))
	g.conversation.POST("/attachments", handle(s.agentUpload))
	g.conversation.GET("/attachments/:aid", handle(s.agentAttachment))
	g.conversation.GET("/attachments/:aid/thumbnail", handle(s.agentThumbnail))
	g.agent.PUT("/handoffs/:hid/verdict", handle(s.putVerdict))
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
	out := gin.H{"messages": append([]chat.Message{}, messages...), "handoff": nil, "package": nil, "verdict": nil}
	out["conversation"] = struct {
		conversationView
		Customer chat.Person `json:"customer"`
	}{v, conv.Customer}
	if out["read"], err = s.Desk.Reads(ctx, id, currentAgent(c)); err != nil {
		return err
	}
	if out["page"], err = s.Record.PageOf(ctx, id); err != nil {
		return err
	}
	h, pkg, err := s.Desk.Package(ctx, id)
	switch {
	case err == nil:
		out["handoff"], out["package"] = h, pkg
		if out["verdict"], err = s.Desk.VerdictOf(ctx, h.ID, currentAgent(c)); err != nil {
			return err
		}
	case !fault.Is(err, fault.NotFound):
		return err
	}
	return ok(c, http.StatusOK, out)
}
