package web

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
)

// macroRoutes registers the macros.
func (s *Server) macroRoutes(g groups) {
	g.agent.GET("/macros", handle(s.macros))
	g.agent.POST("/macros", handle(s.createMacro))
	g.agent.GET("/macros/:mid", handle(s.macro))
	g.agent.PUT("/macros/:mid", handle(s.changeMacro))
	g.agent.DELETE("/macros/:mid", handle(s.deleteMacro))
	g.agent.POST("/macros/:mid/render", handle(s.renderMacro))
}

func (s *Server) macros(c *gin.Context) error {
	all, err := s.Desk.Macros(c.Request.Context(), currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"macros": all, "variables": handoff.MacroVariables})
}

func (s *Server) macro(c *gin.Context) error {
	id, err := param(c, "mid")
	if err != nil {
		return err
	}
	m, err := s.Desk.FindMacro(c.Request.Context(), id, currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"macro": m})
}

// macroInput is a macro as a client writes it.
type macroInput struct {
	Name      string                `json:"name"`
	Shortcut  string                `json:"shortcut"`
	Body      map[string]string     `json:"body"`
	Actions   []handoff.MacroAction `json:"actions"`
	Team      *string               `json:"team"`
	Own       bool                  `json:"own"`
	UpdatedAt time.Time             `json:"updated_at"`
}

func (in macroInput) macro(id uuid.UUID, a auth.Agent) handoff.Macro {
	m := handoff.Macro{ID: id, Team: in.Team, Name: in.Name, Shortcut: in.Shortcut, Body: in.Body, Actions: in.Actions}
	if in.Own {
		m.Agent = &a.ID
	}
	return m
}

func (s *Server) createMacro(c *gin.Context) error {
	return s.saveMacro(c, uuid.Nil, http.StatusCreated)
}

func (s *Server) changeMacro(c *gin.Context) error {
	id, err := param(c, "mid")
	if err != nil {
		return err
	}
	return s.saveMacro(c, id, http.StatusOK)
}

func (s *Server) saveMacro(c *gin.Context, id uuid.UUID, status int) error {
	var in macroInput
	if err := read(c, &in); err != nil {
		return err
	}
	a := currentAgent(c)
	m, err := s.Desk.SaveMacro(c.Request.Context(), in.macro(id, a), a, in.UpdatedAt)
	if err != nil {
		return err
	}
	return ok(c, status, gin.H{"macro": m})
}

func (s *Server) deleteMacro(c *gin.Context) error {
	id, err := param(c, "mid")
	if err != nil {
		return err
	}
	if err := s.Desk.DeleteMacro(c.Request.Context(), id, currentAgent(c)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) renderMacro(c *gin.Context) error {
	id, err := param(c, "mid")
	if err != nil {
		return err
	}
	var in struct {
		Conversation uuid.UUID `json:"conversation"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	r, err := s.Desk.RenderMacro(c.Request.Context(), id, in.Conversation, currentAgent(c), s.Site.Company)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, r)
}
