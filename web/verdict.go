package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
)

// putVerdict keeps what the agent says of a handoff; firstline eval measures by it.
func (s *Server) putVerdict(c *gin.Context) error {
	id, err := param(c, "hid")
	if err != nil {
		return err
	}
	var in handoff.Verdict
	if err := read(c, &in); err != nil {
		return err
	}
	if err := s.Desk.Judge(c.Request.Context(), id, currentAgent(c), in); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// history lists the other conversations of a verified customer.
func (s *Server) history(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	past, hidden, err := s.Desk.History(c.Request.Context(), id, currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"conversations": past, "hidden": hidden})
}
