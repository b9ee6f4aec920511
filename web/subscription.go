package web

import (
	"net/http"
	"net/mail"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/notify"
)

// noticeRoutes registers how customers are told of answers that they do not read in the chat, and how they come back to it.
func (s *Server) noticeRoutes(g groups) {
	c := g.customer
	c.GET("/subscription", handle(s.subscriptions))
	c.POST("/subscription", handle(s.subscribe))
	c.DELETE("/subscription", handle(s.unsubscribe))
	c.DELETE("/subscription/:sid", handle(s.forgetSubscription))
	g.v1.POST("/links", handle(s.redeemLink))
}

// subscriptions lists the ways by which the customer is told, and those that there are.
func (s *Server) subscriptions(c *gin.Context) error {
	list, err := s.Notify.Subscriptions(c.Request.Context(), conversationID(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"email": s.Notify.Mails(), "push_key": s.Notify.PushKey(), "subscriptions": list})
}

// subscribe has the customer told of answers that they do not read in the chat: by e-mail, or by this browser.
func (s *Server) subscribe(c *gin.Context) error {
	var in struct {
		Kind    string `json:"kind"`
		Address string `json:"address"`
		Keys    struct {
			P256dh string `json:"p256dh"`
			Auth   string `json:"auth"`
		} `json:"keys"`
		Text bool `json:"text"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	ctx, id := c.Request.Context(), conversationID(c)
	switch in.Kind {
	case "email":
		address := strings.TrimSpace(in.Address)
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address || len(address) > 254 || !strings.Contains(address[strings.LastIndexByte(address, '@'):], ".") {
			return fault.Field("address", "not_an_address", "This is not an e-mail address.")
		}
		if err := s.limited(c); err != nil { // an address that somebody else typed is written to
			return err
		}
		confirmed, err := s.Notify.SubscribeEmail(ctx, id, address)
		if err != nil {
			return err
		}
		if !confirmed {
			return ok(c, http.StatusAccepted, gin.H{"confirmed": false})
		}
		c.Status(http.StatusNoContent)
		return nil
	case "push":
		sid, err := s.Notify.SubscribePush(ctx, id, notify.Browser{Endpoint: in.Address, P256dh: in.Keys.P256dh, Auth: in.Keys.Auth, Text: in.Text})
		if err != nil {
			return err
		}
		return ok(c, http.StatusCreated, gin.H{"id": sid})
	}
	return fault.Field("kind", "unknown_kind", "Use email or push.")
}

// unsubscribe forgets the addresses.
func (s *Server) unsubscribe(c *gin.Context) error {
	if err := s.Notify.Unsubscribe(c.Request.Context(), conversationID(c)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// forgetSubscription forgets one of them.
func (s *Server) forgetSubscription(c *gin.Context) error {
	sid, err := param(c, "sid")
	if err != nil {
		return err
	}
	if err := s.Notify.Forget(c.Request.Context(), conversationID(c), sid); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// redeemLink opens the conversation that a link in an e-mail or a push message leads to, once.
func (s *Server) redeemLink(c *gin.Context) error {
	if err := s.limited(c); err != nil {
		return err
	}
	var in struct {
		Key string `json:"key"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	conv, err := s.Notify.Redeem(c.Request.Context(), in.Key)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"id": conv.ID, "token": s.Record.TokenOf(conv.ID, conv.TokenGen), "market": conv.Market, "locale": conv.Locale,
		"disclosure": assistant.Text(conv.Locale, "disclosure")})
}
