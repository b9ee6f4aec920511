package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// threadRoutes registers what a customer does within a conversation beside writing.
func (s *Server) threadRoutes(g groups) {
	g.customer.POST("/turns/:turn/stop", handle(s.stopTurn))
	g.customer.POST("/messages/:mid/feedback", handle(s.feedback))
}

// stopTurn ends an answer that the customer wants to hear no more of. A turn that would bring help to somebody in danger goes on.
func (s *Server) stopTurn(c *gin.Context) error {
	turn, err := param(c, "turn")
	if err != nil {
		return err
	}
	var stopped bool
	err = s.Record.Do(c.Request.Context(), conversationID(c), func(ctx context.Context, cs *chat.Session) error {
		if cs.TurnID != nil {
			urgent, err := s.Desk.Urgent(ctx, cs, s.Alarm)
			if err != nil {
				return err
			}
			if urgent {
				return fault.New(fault.Conflict, "being_answered", "Your message is being answered and cannot be stopped; help is on its way.")
			}
		}
		var err error
		stopped, err = cs.Stop(ctx, turn)
		return err
	})
	if err != nil {
		return err
	}
	if stopped {
		s.Runner.Drop(conversationID(c), turn)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// feedback takes the customer's verdict on an answer.
func (s *Server) feedback(c *gin.Context) error {
	mid, err := param(c, "mid")
	if err != nil {
		return err
	}
	var in struct {
		Helpful *bool  `json:"helpful"`
		Reason  string `json:"reason"`
		Comment string `json:"comment"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if in.Helpful == nil {
		return fault.Field("helpful", "required", "Say true or false.")
	}
	if in.Reason != "" && *in.Helpful {
		return fault.Field("reason", "not_for_helpful", "A reason is for answers that did not help; leave it out.")
	}
	if in.Reason != "" && !slices.Contains(chat.FeedbackReasons, in.Reason) {
		return fault.Field("reason", "unknown_reason", "Use one of %s, or leave it out.", strings.Join(chat.FeedbackReasons, ", "))
	}
	comment, err := cleanText("comment", in.Comment, maxNote, false)
	if err != nil {
		return err
	}
	err = s.Record.Do(c.Request.Context(), conversationID(c), func(ctx context.Context, cs *chat.Session) error {
		return cs.JudgeWhy(ctx, mid, *in.Helpful, in.Reason, comment)
	})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// ratingReasons are what may have mattered to who rates a conversation.
var ratingReasons = []string{"quick", "clear", "friendly", "solved", "slow", "unclear", "repeated", "not_solved"}

// cleanReasons checks the reasons of a rating.
func cleanReasons(reasons []string) error {
	for i, r := range reasons {
		if !slices.Contains(ratingReasons, r) || slices.Contains(reasons[:i], r) {
			return fault.Field("reasons", "unknown_reason", "Use each of %s at most once, or leave the field out.", strings.Join(ratingReasons, ", "))
		}
	}
	return nil
}
