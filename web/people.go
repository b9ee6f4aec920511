package web

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// peopleRoutes registers what people do about themselves, and what admins do about people.
func (s *Server) peopleRoutes(g groups) {
	g.agent.GET("/me", handle(s.me))
	g.agent.POST("/signout", handle(s.signOut))
	g.v1.POST("/auth/link", handle(s.postLink))

	me := g.v1.Group("/me", s.signedIn) // editors too
	me.GET("/sessions", handle(s.mySessions))
	me.DELETE("/sessions", handle(s.endMySessions))
	me.DELETE("/sessions/:sid", handle(s.endMySession))
	me.PUT("/password", handle(s.putPassword))

	g.admin.GET("/agents", handle(s.people))
	g.admin.POST("/agents", handle(s.addPerson))
	g.admin.GET("/agents/:aid", handle(s.onePerson))
	g.admin.PATCH("/agents/:aid", handle(s.changePerson))
	g.admin.DELETE("/agents/:aid", handle(s.removePerson))
	g.admin.GET("/agents/:aid/sessions", handle(s.sessionsOf))
	g.admin.DELETE("/agents/:aid/sessions", handle(s.endSessionsOf))
	g.admin.DELETE("/agents/:aid/sessions/:sid", handle(s.endSessionOf))
	g.admin.POST("/agents/:aid/link", handle(s.linkFor))
	g.admin.POST("/agents/:aid/unblock", handle(s.unblock))
	g.admin.DELETE("/agents/:aid/password", handle(s.forgetPassword))
	g.admin.GET("/audit", handle(s.audit))
}

func (s *Server) me(c *gin.Context) error { return ok(c, http.StatusOK, currentAgent(c)) }

func (s *Server) signOut(c *gin.Context) error {
	if err := s.Desk.SetPresence(c.Request.Context(), currentAgent(c), "offline"); err != nil {
		return err
	}
	if secret, err := c.Cookie(sessionCookie); err == nil {
		if err := s.Auth.SignOut(c.Request.Context(), secret); err != nil {
			return err
		}
	}
	s.dropSession(c)
	c.Status(http.StatusNoContent)
	return nil
}

// dropSession makes the browser forget its session.
func (s *Server) dropSession(c *gin.Context) {
	http.SetCookie(c.Writer, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode})
}

// sendLink puts an address on the list of those to whom a link is sent, whether or not anybody has it.
func (s *Server) sendLink(email string) error {
	if s.Links == nil {
		return fault.New(fault.Unavailable, "no_email", "This server sends no e-mail. Ask an admin for a sign-in link.")
	}
	if email = strings.TrimSpace(email); email == "" || len(email) > 254 || !utf8.ValidString(email) || strings.ContainsRune(email, 0) {
		return fault.Field("email", "not_an_address", "Write your e-mail address.")
	}
	return s.Links.Ask(email)
}

func (s *Server) postLink(c *gin.Context) error {
	if err := s.limited(c); err != nil {
		return err
	}
	var in struct {
		Email string `json:"email"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if err := s.sendLink(in.Email); err != nil {
		return err
	}
	c.Status(http.StatusAccepted)
	return nil
}

func noContent(c *gin.Context, err error) error {
	if err == nil {
		c.Status(http.StatusNoContent)
	}
	return err
}

func (s *Server) listSessions(c *gin.Context, of, current uuid.UUID) error {
	sessions, err := s.Auth.Sessions(c.Request.Context(), of, current)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"sessions": sessions})
}

func (s *Server) mySessions(c *gin.Context) error {
	return s.listSessions(c, currentAgent(c).ID, currentSession(c).ID)
}

func (s *Server) endMySession(c *gin.Context) error {
	id, err := param(c, "sid")
	if err != nil {
		return err
	}
	a := currentAgent(c)
	return noContent(c, s.Auth.End(c.Request.Context(), a.Actor(), a.ID, id))
}

// endMySessions ends all of them but the one that asks.
func (s *Server) endMySessions(c *gin.Context) error {
	a := currentAgent(c)
	n, err := s.Auth.EndAll(c.Request.Context(), a.Actor(), a.ID, currentSession(c).ID)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"ended": n})
}

func (s *Server) putPassword(c *gin.Context) error {
	var in struct {
		Current string `json:"current"`
		New     string `json:"new"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	return noContent(c, s.Auth.SetPassword(c.Request.Context(), currentSession(c), in.Current, in.New))
}

func (s *Server) people(c *gin.Context) error {
	all, err := s.Auth.People(c.Request.Context())
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"agents": all})
}

func (s *Server) onePerson(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	p, err := s.Auth.Person(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"agent": p})
}

// defaultCapacity is how many conversations at once somebody has who was added without a number.
const defaultCapacity = 4

func (s *Server) addPerson(c *gin.Context) error {
	var in struct {
		Email     string   `json:"email"`
		Name      string   `json:"name"`
		Role      string   `json:"role"`
		Languages []string `json:"languages"`
		Markets   []string `json:"markets"`
		Teams     []string `json:"teams"`
		Capacity  *int     `json:"capacity"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	a := auth.Agent{Email: in.Email, Name: in.Name, Role: in.Role, Languages: in.Languages, Markets: in.Markets, Teams: in.Teams, Capacity: defaultCapacity}
	if in.Capacity != nil {
		a.Capacity = *in.Capacity
	}
	p, err := s.Auth.Create(c.Request.Context(), currentAgent(c).Actor(), a)
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, gin.H{"agent": p})
}

func (s *Server) changePerson(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	var in auth.Change
	if err := read(c, &in); err != nil {
		return err
	}
	p, err := s.change(c, currentAgent(c), id, in)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"agent": p})
}

// change changes a person, and gives back to the queue what somebody has who no longer works at the desk.
func (s *Server) change(c *gin.Context, by auth.Agent, id uuid.UUID, in auth.Change) (auth.Person, error) {
	p, err := s.Auth.Update(c.Request.Context(), by.Actor(), id, in)
	if err != nil {
		return p, err
	}
	return p, s.changed(c, by, p)
}

func (s *Server) remove(c *gin.Context, by auth.Agent, id uuid.UUID) error {
	p, err := s.Auth.Person(c.Request.Context(), id)
	if err != nil {
		return err
	}
	if _, err := s.Auth.Remove(c.Request.Context(), by.Actor(), p.Email); err != nil {
		return err
	}
	if p, err = s.Auth.Person(c.Request.Context(), id); err != nil {
		return err
	}
	return s.changed(c, by, p)
}

// changed tells the desk, because what people are decides who gets which conversation. Were this to fail, the router would
// find what somebody has who is disabled.
func (s *Server) changed(c *gin.Context, by auth.Agent, p auth.Person) error {
	if p.DisabledAt != nil || !p.WorksDesk() {
		if _, err := s.Desk.Release(c.Request.Context(), p.ID, by.ID.String()); err != nil {
			return err
		}
	}
	s.Bus.Notify(wake.Queue, "")
	return nil
}

func (s *Server) removePerson(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	return noContent(c, s.remove(c, currentAgent(c), id))
}

func (s *Server) sessionsOf(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	if _, err := s.Auth.Person(c.Request.Context(), id); err != nil {
		return err
	}
	return s.listSessions(c, id, currentSession(c).ID)
}

func (s *Server) endSessionOf(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	sid, err := param(c, "sid")
	if err != nil {
		return err
	}
	return noContent(c, s.Auth.End(c.Request.Context(), currentAgent(c).Actor(), id, sid))
}

func (s *Server) endSessionsOf(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	if _, err := s.Auth.Person(c.Request.Context(), id); err != nil {
		return err
	}
	n, err := s.Auth.EndAll(c.Request.Context(), currentAgent(c).Actor(), id, currentSession(c).ID)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"ended": n})
}

func (s *Server) linkFor(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	if _, err := s.Auth.Person(c.Request.Context(), id); err != nil {
		return err
	}
	secret, expires, err := s.Auth.MakeLink(c.Request.Context(), currentAgent(c).Actor(), id)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	return ok(c, http.StatusCreated, gin.H{"url": s.linkURL(secret), "expires_at": expires})
}

// linkURL is the address of a sign-in link.
func (s *Server) linkURL(secret string) string { return s.URL + "/signin?token=" + secret }

func (s *Server) unblock(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	return noContent(c, s.Auth.Unblock(c.Request.Context(), currentAgent(c).Actor(), id))
}

func (s *Server) forgetPassword(c *gin.Context) error {
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	if _, err := s.Auth.Person(c.Request.Context(), id); err != nil {
		return err
	}
	return noContent(c, s.Auth.ForgetPassword(c.Request.Context(), currentAgent(c).Actor(), id))
}

// auditFilter reads what a request wants of the audit log.
func auditFilter(c *gin.Context) (auth.AuditFilter, error) {
	f := auth.AuditFilter{}
	for name, to := range map[string]*string{"subject": &f.Subject, "actor": &f.Actor, "action": &f.Action} {
		if *to = strings.TrimSpace(c.Query(name)); len(*to) > 200 || !utf8.ValidString(*to) || strings.ContainsRune(*to, 0) {
			return f, fault.Field(name, "too_long", "Use at most 200 characters.")
		}
	}
	if v := c.Query("cursor"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 1 {
			return f, fault.Field("cursor", "malformed", "Use the next of the page before.")
		}
		f.Before = n
	}
	return f, nil
}

func (s *Server) audit(c *gin.Context) error {
	f, err := auditFilter(c)
	if err != nil {
		return err
	}
	entries, next, err := s.Auth.Audit(c.Request.Context(), f)
	if err != nil {
		return err
	}
	out := gin.H{"entries": entries, "next": nil}
	if next > 0 {
		out["next"] = strconv.FormatInt(next, 10)
	}
	return ok(c, http.StatusOK, out)
}
