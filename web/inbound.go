package web

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff/delivery"
	"github.com/firstline/firstline/internal/fault"
)

// maxInbound bounds what another desk sends at once: some send the whole conversation with each event.
const maxInbound = 1 << 20

// inbound takes what another desk sends. Who may is decided by its signature alone, over the body as it came.
func (s *Server) inbound(c *gin.Context) error {
	id, err := param(c, "cid")
	if err != nil {
		return err
	}
	if !s.inbounds.allow(sender(c.ClientIP())) {
		return fault.New(fault.RateLimited, "rate_limited", "Too many requests from your address. Please wait a moment.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxInbound))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.New(fault.Invalid, "body_too_slow", "The request did not arrive within %s.", bodyTimeout)
	}
	if err != nil {
		return fault.New(fault.Invalid, "body_too_large", "The request is larger than %d bytes.", maxInbound)
	}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{}) // recorders in tests have none
	answer, err := s.Delivery.Receive(c.Request.Context(), id, delivery.Request{Header: c.Request.Header, Body: body, Now: time.Now()})
	if err != nil {
		return err
	}
	if answer == nil {
		answer = []byte(`{}`)
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", answer)
	return nil
}
