package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/fault"
)

// rightsRoutes registers what customers may know of their data and ask for: what is kept and for how long, a copy, and its
// end. A conversation's token is enough for an anonymous one; a customer's session speaks for all of theirs.
func (s *Server) rightsRoutes(g groups) {
	g.v1.GET("/privacy", handle(s.privacy))
	g.customer.POST("/export", handle(s.exportConversation))
	g.customer.POST("/erase", handle(s.eraseConversation))
	mine := g.v1.Group("/customer", s.customerSession)
	mine.POST("/export", handle(s.exportCustomer))
	mine.POST("/erase", handle(s.eraseCustomer))
}

// privacy says in the reader's language what is AI, what is recorded, for how long, and who gets it. It says what this
// server is set to, and nothing that somebody only promises.
func (s *Server) privacy(c *gin.Context) error {
	locale := c.Query("locale")
	t := privacyText(locale)
	keep := s.Customers.Keeps()
	days := func(d time.Duration) any {
		if d == 0 {
			return nil
		}
		return int(d.Hours() / 24)
	}
	key, err := s.Customers.ReceiptKey(c.Request.Context())
	if err != nil {
		return err
	}
	var desks bool
	if err := s.Pool.QueryRow(c.Request.Context(), `SELECT EXISTS (SELECT FROM webhooks) OR EXISTS (SELECT FROM connections)`).Scan(&desks); err != nil {
		return err
	}
	kept := t.kept
	if n, is := days(keep.Conversations).(int); is {
		kept = fmt.Sprintf(t.keptDays, n)
	}
	if n, is := days(keep.Files).(int); is {
		kept += " " + fmt.Sprintf(t.filesDays, n)
	}
	given := t.team
	if s.Site.Model {
		given += " " + t.model
	}
	if desks {
		given += " " + t.desks
	}
	sections := []gin.H{
		{"key": "ai", "title": t.aiTitle, "text": assistant.Text(locale, "disclosure")},
		{"key": "recorded", "title": t.recordedTitle, "text": t.recorded},
		{"key": "kept", "title": t.keptTitle, "text": kept},
		{"key": "given", "title": t.givenTitle, "text": given},
		{"key": "rights", "title": t.rightsTitle, "text": t.rights},
	}
	return ok(c, http.StatusOK, gin.H{"locale": t.locale, "company": s.Site.Company, "sections": sections, "receipt_key": key,
		"keep": gin.H{"conversations_days": days(keep.Conversations), "files_days": days(keep.Files)}})
}

func (s *Server) exportConversation(c *gin.Context) error {
	return s.export(c, []uuid.UUID{conversationID(c)})
}

func (s *Server) exportCustomer(c *gin.Context) error {
	ids, err := s.Customers.Mine(c.Request.Context(), currentCustomer(c))
	if err != nil {
		return err
	}
	return s.export(c, ids)
}

// export sends the copy as it is made: its size is not known, and one that breaks off has no manifest.
func (s *Server) export(c *gin.Context, ids []uuid.UUID) error {
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(10 * time.Minute)) // recorders in tests have none
	h := c.Writer.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="my-data.zip"`)
	c.Status(http.StatusOK)
	return s.Customers.Export(c.Request.Context(), c.Writer, ids)
}

// readErase reads a body that asks for an end, and means it.
func readErase(c *gin.Context) (evenOpen bool, err error) {
	var in struct {
		Confirm  bool `json:"confirm"`
		EvenOpen bool `json:"even_open"`
	}
	if err := read(c, &in); err != nil {
		return false, err
	}
	if !in.Confirm {
		return false, fault.Field("confirm", "required", "Say true: what is deleted cannot be brought back.")
	}
	return in.EvenOpen, nil
}

func (s *Server) eraseConversation(c *gin.Context) error {
	evenOpen, err := readErase(c)
	if err != nil {
		return err
	}
	receipt, err := s.Customers.EraseConversation(context.WithoutCancel(c.Request.Context()), conversationID(c), evenOpen)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"receipt": receipt})
}

func (s *Server) eraseCustomer(c *gin.Context) error {
	evenOpen, err := readErase(c)
	if err != nil {
		return err
	}
	receipt, err := s.Customers.EraseCustomer(context.WithoutCancel(c.Request.Context()), currentCustomer(c), evenOpen)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"receipt": receipt})
}
