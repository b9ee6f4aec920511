package web

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
)

func (s *Server) supervision(c *gin.Context) error {
	now, err := s.Desk.Supervision(c.Request.Context(), currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, now)
}

func (s *Server) agentRead(c *gin.Context) error {
	var in struct {
		Seq       int64 `json:"seq"`
		Delivered bool  `json:"delivered"` // and not read yet
	}
	if err := read(c, &in); err != nil {
		return err
	}
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	tell := s.Desk.Read
	if in.Delivered {
		tell = s.Desk.Delivered
	}
	if err := tell(c.Request.Context(), id, currentAgent(c), in.Seq); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) mentions(c *gin.Context) error {
	all, err := s.Desk.Mentions(c.Request.Context(), currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"mentions": all})
}

// mostMentions bounds whom one note names.
const mostMentions = 20

// cleanMentions reads whom a note names, each once.
func cleanMentions(ids []string, visibility string) ([]uuid.UUID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if visibility != "internal" {
		return nil, fault.Field("mentions", "not_a_note", "Only notes can name colleagues.")
	}
	if len(ids) > mostMentions {
		return nil, fault.Field("mentions", "too_many", "Name at most %d colleagues.", mostMentions)
	}
	var out []uuid.UUID
	for _, text := range ids {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, fault.Field("mentions", "not_an_id", "Use the ids of colleagues.")
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, nil
}

func (s *Server) views(c *gin.Context) error {
	all, err := s.Desk.Views(c.Request.Context(), currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"views": all})
}

// longestName bounds the names of views, in characters.
const longestName = 80

func readView(c *gin.Context) (handoff.View, error) {
	var in struct {
		Name     string         `json:"name"`
		Filter   handoff.Filter `json:"filter"`
		Shared   bool           `json:"shared"`
		Position int            `json:"position"`
	}
	if err := read(c, &in); err != nil {
		return handoff.View{}, err
	}
	name, err := cleanText("name", in.Name, longestName, true)
	if err == nil && (in.Position < 0 || in.Position > 1000) {
		err = fault.Field("position", "out_of_range", "Use a number from 0 to 1000.")
	}
	return handoff.View{Name: name, Filter: in.Filter, Shared: in.Shared, Position: in.Position}, err
}

func (s *Server) createView(c *gin.Context) error {
	v, err := readView(c)
	if err != nil {
		return err
	}
	if v, err = s.Desk.SaveView(c.Request.Context(), currentAgent(c), v); err != nil {
		return err
	}
	return ok(c, http.StatusCreated, gin.H{"view": v})
}

func (s *Server) changeView(c *gin.Context) error {
	id, err := param(c, "vid")
	if err != nil {
		return err
	}
	v, err := readView(c)
	if err != nil {
		return err
	}
	v.ID = id
	if v, err = s.Desk.SaveView(c.Request.Context(), currentAgent(c), v); err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"view": v})
}

func (s *Server) removeView(c *gin.Context) error {
	id, err := param(c, "vid")
	if err != nil {
		return err
	}
	if err := s.Desk.RemoveView(c.Request.Context(), currentAgent(c), id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// filtered lists what a view chooses, or what the query itself does.
func (s *Server) filtered(c *gin.Context) error {
	a := currentAgent(c)
	f := handoff.Filter{State: c.Query("state"), Teams: c.QueryArray("team"), Topics: c.QueryArray("topic"), Reasons: c.QueryArray("reason"),
		Languages: c.QueryArray("language"), Markets: c.QueryArray("market"), Unanswered: c.Query("unanswered") == "true", Breached: c.Query("breached") == "true"}
	for _, text := range c.QueryArray("priority") {
		p, err := strconv.Atoi(text)
		if err != nil {
			return fault.Field("priority", "out_of_range", "Use priorities from 1 to 4.")
		}
		f.Priorities = append(f.Priorities, p)
	}
	if text := c.Query("agent"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			return fault.Field("agent", "not_an_id", "Use the id of a colleague.")
		}
		f.Agent = &id
	}
	if text := c.Query("view"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			return fault.Field("view", "not_an_id", "Use the id of a view.")
		}
		v, err := s.Desk.FindView(c.Request.Context(), a, id)
		if err != nil {
			return err
		}
		f = v.Filter
	}
	hs, next, err := s.Desk.Filtered(c.Request.Context(), a, f, c.Query("cursor"))
	if err != nil {
		return err
	}
	out := gin.H{"handoffs": hs, "next": nil}
	if next != "" {
		out["next"] = next
	}
	return ok(c, http.StatusOK, out)
}
