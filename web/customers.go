package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/customer"
	"github.com/firstline/firstline/internal/fault"
)

// customersRoutes registers what customers have beyond one conversation. A customer's session is a bearer token of its own;
// no cookie is set.
func (s *Server) customersRoutes(g groups) {
	g.v1.POST("/conversations/:id/identify", s.holder, handle(s.identifyConversation)) // also with the token before, where the answer was lost
	g.v1.POST("/customer/session", handle(s.beginSession))
	mine := g.v1.Group("/customer", s.customerSession)
	mine.GET("/conversations", handle(s.customerConversations))
	mine.POST("/conversations/:id/token", handle(s.openConversation))
	mine.POST("/logout", handle(s.customerLogout))
}

// customerSession lets a customer's session in.
func (s *Server) customerSession(c *gin.Context) {
	secret, ok := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
	if !ok {
		secret = ""
	}
	who, err := s.Customers.Authenticate(c.Request.Context(), secret)
	if err == nil && c.Request.Method != http.MethodGet && !s.writes.allow(who.ID.String()) {
		err = fault.New(fault.RateLimited, "rate_limited", "Too many requests at once. Please wait a moment.")
	}
	if err != nil {
		_ = c.Error(err)
		fail(c, err)
		return
	}
	c.Set("customer", who)
	c.Set("secret", secret)
	c.Next()
}

func currentCustomer(c *gin.Context) customer.Customer {
	who, _ := c.MustGet("customer").(customer.Customer)
	return who
}

// vouched checks a token of the company's backend.
func (s *Server) vouched(token string) (customer.Vouched, error) {
	if s.Identity == nil {
		return customer.Vouched{}, fault.Field("customer_token", "identity_not_configured", "This server has no key to verify customers with; leave the field out to stay anonymous.")
	}
	return s.Identity.Check(token)
}

// readToken reads a body that holds a token of the company's backend.
func (s *Server) readToken(c *gin.Context) (customer.Vouched, error) {
	if err := s.limited(c); err != nil {
		return customer.Vouched{}, err
	}
	var in struct {
		CustomerToken string `json:"customer_token"`
	}
	if err := read(c, &in); err != nil {
		return customer.Vouched{}, err
	}
	return s.vouched(in.CustomerToken)
}

func (s *Server) identifyConversation(c *gin.Context) error {
	v, err := s.readToken(c)
	if err != nil {
		return err
	}
	out, err := s.Customers.Identify(c.Request.Context(), conversationID(c), *generation(c), v)
	if fault.Is(err, fault.NotFound) {
		return errBadToken()
	}
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"token": out.Token, "session": out.Secret, "expires_at": out.Expires})
}

func (s *Server) beginSession(c *gin.Context) error {
	v, err := s.readToken(c)
	if err != nil {
		return err
	}
	_, session, err := s.Customers.Begin(c.Request.Context(), v, "session:"+rand.Text())
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, session)
}

func (s *Server) customerConversations(c *gin.Context) error {
	limit, err := strconv.Atoi(c.DefaultQuery("limit", "20"))
	if err != nil || limit < 1 || limit > maxPage {
		return fault.Field("limit", "out_of_range", "Use a number from 1 to %d.", maxPage)
	}
	var before *uuid.UUID
	if text := c.Query("before"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			return fault.Field("before", "not_an_id", "Use the next of the page before.")
		}
		before = &id
	}
	list, err := s.Customers.Conversations(c.Request.Context(), currentCustomer(c).ID, before, limit)
	if err != nil {
		return err
	}
	out := gin.H{"conversations": orNone(list), "next": nil}
	if len(list) == limit {
		out["next"] = list[len(list)-1].ID
	}
	return ok(c, http.StatusOK, out)
}

func (s *Server) openConversation(c *gin.Context) error {
	id, err := param(c, "id")
	if err != nil {
		return err
	}
	token, err := s.Customers.Open(c.Request.Context(), currentCustomer(c).ID, id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"id": id, "token": token})
}

func (s *Server) customerLogout(c *gin.Context) error {
	var in struct {
		Everywhere bool `json:"everywhere"`
	}
	if c.Request.ContentLength != 0 {
		if err := read(c, &in); err != nil {
			return err
		}
	}
	if err := s.Customers.Logout(c.Request.Context(), currentCustomer(c), c.GetString("secret"), in.Everywhere); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// starter is who starts a conversation; the zero value is anonymous.
type starter struct {
	chat.Person
	id      *uuid.UUID
	session *customer.Session // that was made, for a token
}

// starter finds out who starts a conversation: the customer of a token of the company's, or of a session. key names the
// attempt; a token that counts once is good for each try of it.
func (s *Server) starter(ctx context.Context, token, session, key string) (starter, error) {
	switch {
	case token != "" && session != "":
		return starter{}, fault.Field("customer_session", "one_of_two", "Give customer_token or customer_session, not both.")
	case token != "":
		v, err := s.vouched(token)
		if err != nil {
			return starter{}, err
		}
		if key == "" {
			key = rand.Text()
		}
		bound := sha256.Sum256([]byte(key))
		id, made, err := s.Customers.Begin(ctx, v, "start:"+hex.EncodeToString(bound[:]))
		return starter{v.Person, &id, &made}, err
	case session != "":
		who, err := s.Customers.Authenticate(ctx, session)
		if fault.Is(err, fault.Unauthenticated) {
			err = fault.Field("customer_session", "bad_session", "This session has ended; make another one from a new customer_token.")
		}
		return starter{Person: who.Person(), id: &who.ID}, err
	}
	return starter{}, nil
}
