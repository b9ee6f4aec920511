package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
)

// hoursRoutes registers what says when people are there, and sets it.
func (s *Server) hoursRoutes(g groups) {
	g.v1.GET("/contact-options", handle(s.contactOptions))

	// Whoever leads may look, and may close a team on a bad day; the hours themselves are the admins'.
	lead := g.v1.Group("/admin", s.signedIn, worksDesk, s.lead)
	lead.GET("/teams", handle(s.listTeams))
	lead.GET("/teams/:key", handle(s.team))
	lead.GET("/closures", handle(s.closures))
	lead.POST("/closures", handle(s.announce))
	lead.DELETE("/closures/:id", handle(s.reopen))
	g.admin.PUT("/teams/:key", handle(s.putTeam))
	g.admin.DELETE("/teams/:key", handle(s.deleteTeam))

	g.agent.GET("/alerts", s.lead, handle(s.alerts))
	g.agent.POST("/alerts/:id/seen", s.lead, handle(s.alertSeen))
}

// lead lets supervisors and admins pass, behind agent.
func (s *Server) lead(c *gin.Context) {
	if !currentAgent(c).Supervises() {
		fail(c, errNotALead)
		return
	}
	c.Next()
}

var errNotALead = fault.New(fault.Forbidden, "not_a_lead", "Only supervisors and admins may see and do this.")

// teamView is a team as leads see it: how it is written, and what that means now.
type teamView struct {
	Key      string        `json:"key"`
	Name     string        `json:"name"`
	Hours    handoff.Hours `json:"hours"`
	Fallback *string       `json:"fallback"`
	Rules    handoff.Rules `json:"rules"`
	Now      []openView    `json:"now"` // by market of its hours
	ETag     string        `json:"etag"`
}

// openView says whether a team is there for a market.
type openView struct {
	Market  string     `json:"market"` // "" for every other
	Open    bool       `json:"open"`
	Changes *time.Time `json:"changes_at"` // when it opens or closes next; nil for not within a month
}

func (s *Server) viewTeam(t handoff.Team, now time.Time) teamView {
	v := teamView{Key: t.Key, Name: t.Name, Hours: t.Hours, Fallback: t.Fallback, Rules: t.Rules, ETag: quoted(t.Tag()), Now: []openView{}}
	var markets []string
	for _, m := range s.Site.Markets {
		markets = append(markets, m.Code)
	}
	for m := range t.Hours.Markets {
		if !slices.Contains(markets, m) {
			markets = append(markets, m)
		}
	}
	slices.Sort(markets)
	for _, m := range markets {
		o := openView{Market: m}
		o.Open, _ = t.Hours.At(m, now)
		if at := t.Hours.Changes(m, now); !at.IsZero() {
			o.Changes = &at
		}
		v.Now = append(v.Now, o)
	}
	return v
}

func (s *Server) listTeams(c *gin.Context) error {
	all, err := s.Desk.Teams(c.Request.Context())
	if err != nil {
		return err
	}
	views, now := make([]teamView, len(all)), time.Now()
	for i, t := range all {
		views[i] = s.viewTeam(t, now)
	}
	return ok(c, http.StatusOK, gin.H{"teams": views, "markets": s.Site.Markets})
}

func (s *Server) team(c *gin.Context) error {
	t, err := s.Desk.Team(c.Request.Context(), c.Param("key"))
	if err != nil {
		return err
	}
	return s.sendTeam(c, t)
}

func (s *Server) sendTeam(c *gin.Context, t handoff.Team) error {
	c.Header("ETag", quoted(t.Tag()))
	return ok(c, http.StatusOK, gin.H{"team": s.viewTeam(t, time.Now())})
}

func (s *Server) putTeam(c *gin.Context) error {
	var in struct {
		Name     string        `json:"name"`
		Hours    handoff.Hours `json:"hours"`
		Fallback *string       `json:"fallback"`
		Rules    handoff.Rules `json:"rules"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	match, err := condition(c, true)
	if err != nil {
		return err
	}
	seed := handoff.TeamSeed{Key: c.Param("key"), Hours: in.Hours, Rules: in.Rules}
	if seed.Name, err = cleanText("name", in.Name, 80, true); err != nil {
		return err
	}
	if in.Fallback != nil {
		seed.Fallback = *in.Fallback
	}
	t, err := s.Desk.SaveTeam(c.Request.Context(), currentAgent(c), seed, match)
	if err != nil {
		return err
	}
	return s.sendTeam(c, t)
}

func (s *Server) deleteTeam(c *gin.Context) error {
	match, err := condition(c, false)
	if err != nil {
		return err
	}
	if err := s.Desk.DeleteTeam(c.Request.Context(), currentAgent(c), c.Param("key"), match); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) closures(c *gin.Context) error {
	all, err := s.Desk.Closures(c.Request.Context())
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"closures": all})
}

func (s *Server) announce(c *gin.Context) error {
	var in struct {
		Team     *string           `json:"team"`
		Market   *string           `json:"market"`
		StartsAt *time.Time        `json:"starts_at"` // now, where it is left out
		EndsAt   time.Time         `json:"ends_at"`
		Note     map[string]string `json:"note"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	cl := handoff.Closure{Team: in.Team, Market: in.Market, StartsAt: time.Now().UTC().Truncate(time.Second), EndsAt: in.EndsAt, Note: in.Note}
	if in.StartsAt != nil {
		cl.StartsAt = *in.StartsAt
	}
	if in.Market != nil && !slices.ContainsFunc(s.Site.Markets, func(m Market) bool { return m.Code == *in.Market }) {
		return fault.Field("market", "unknown_market", "There is no market %q; leave it out for every market.", *in.Market)
	}
	for l, text := range cl.Note {
		clean, err := cleanText("note."+l, text, 300, true)
		if err != nil {
			return err
		}
		cl.Note[l] = clean
	}
	made, err := s.Desk.Announce(c.Request.Context(), currentAgent(c), cl)
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, gin.H{"closure": made})
}

func (s *Server) reopen(c *gin.Context) error {
	id, err := param(c, "id")
	if err != nil {
		return err
	}
	if err := s.Desk.Reopen(c.Request.Context(), currentAgent(c), id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) alerts(c *gin.Context) error {
	all, err := s.Desk.Alerts(c.Request.Context(), currentAgent(c))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"alerts": all})
}

func (s *Server) alertSeen(c *gin.Context) error {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fault.New(fault.NotFound, "alert_not_found", "There is no such alert.")
	}
	if err := s.Desk.Seen(c.Request.Context(), currentAgent(c), id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
