package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
)

func (s *Server) searchConversations(c *gin.Context) error {
	f := handoff.Find{Query: cleanQuery(c.Query("q")), Team: c.Query("team"), Author: c.Query("author"), Status: c.Query("status"), Cursor: c.Query("cursor")}
	if !slices.Contains([]string{"", "customer", "agent", "assistant"}, f.Author) {
		return fault.Field("author", "unknown_author", "Use customer, agent or assistant.")
	}
	if !slices.Contains([]string{"", "open", "closed"}, f.Status) {
		return fault.Field("status", "unknown_status", "Use open or closed.")
	}
	var err error
	if f.From, err = queryTime(c, "from"); err != nil {
		return err
	}
	if f.To, err = queryTime(c, "to"); err != nil {
		return err
	}
	hits, next, err := s.Desk.Search(c.Request.Context(), currentAgent(c), f)
	if err != nil {
		return err
	}
	out := gin.H{"results": hits, "next": nil}
	if next != "" {
		out["next"] = next
	}
	return ok(c, http.StatusOK, out)
}

// queryTime reads a moment of the query; the zero time is for none.
func queryTime(c *gin.Context, name string) (time.Time, error) {
	text := c.Query(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fault.Field(name, "bad_time", "Use a moment such as 2026-03-09T08:00:00Z.")
	}
	return t, nil
}
