package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
)

func (s *Server) preferences(c *gin.Context) error {
	p, err := s.Desk.Preferences(c.Request.Context(), currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"preferences": p})
}

func (s *Server) setPreferences(c *gin.Context) error {
	var p handoff.Preferences
	if err := read(c, &p); err != nil {
		return err
	}
	if err := s.Desk.SetPreferences(c.Request.Context(), currentAgent(c), p); err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"preferences": p})
}
