package web

import (
	"net/http"
	"net/mail"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
)

// subscribe has the customer told by e-mail of a person's answer that they do not read in the chat.
func (s *Server) subscribe(c *gin.Context) error {
	var in struct {
		Kind    string `json:"kind"`
		Address string `json:"address"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if in.Kind != "email" {
		return fault.Field("kind", "unknown_kind", "Use email.")
	}
	address := strings.TrimSpace(in.Address)
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address || len(address) > 254 || !strings.Contains(address[strings.LastIndexByte(address, '@'):], ".") {
		return fault.Field("address", "not_an_address", "This is not an e-mail address.")
	}
	if err := s.Delivery.Subscribe(c.Request.Context(), conversationID(c), address); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// unsubscribe forgets the address.
func (s *Server) unsubscribe(c *gin.Context) error {
	if err := s.Delivery.Unsubscribe(c.Request.Context(), conversationID(c)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
