package web

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/site"
)

// siteRoutes registers which other origins may show the chat, and what the pages there say.
func (s *Server) siteRoutes(g groups) {
	g.admin.GET("/sites", handle(s.sites))
	g.admin.POST("/sites", handle(s.addSite))
	g.admin.PUT("/sites/:key", handle(s.putSite))
	g.admin.DELETE("/sites/:key", handle(s.removeSite))
	g.customer.PUT("/context", handle(s.setContext))
}

// siteBody is a site as it is written; enabled is true where it is not given.
type siteBody struct {
	Key     string     `json:"key"`
	Name    string     `json:"name"`
	Origins []string   `json:"origins"`
	Theme   site.Theme `json:"theme"`
	Locales []string   `json:"locales"`
	Enabled *bool      `json:"enabled"`
}

func (in siteBody) site() site.Site {
	return site.Site{Key: in.Key, Name: in.Name, Origins: in.Origins, Theme: in.Theme, Locales: in.Locales, Enabled: in.Enabled == nil || *in.Enabled}
}

func (s *Server) sites(c *gin.Context) error {
	all, err := s.Sites.List(c.Request.Context())
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"sites": all})
}

func (s *Server) addSite(c *gin.Context) error {
	var in siteBody
	if err := read(c, &in); err != nil {
		return err
	}
	x, err := s.Sites.Add(c.Request.Context(), currentAgent(c), in.site())
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, gin.H{"site": x})
}

func (s *Server) putSite(c *gin.Context) error {
	var in siteBody
	if err := read(c, &in); err != nil {
		return err
	}
	if in.Key != "" && in.Key != c.Param("key") {
		return fault.Field("key", "unchangeable", "A site keeps its key; leave the field out.")
	}
	in.Key = c.Param("key")
	x, err := s.Sites.Set(c.Request.Context(), currentAgent(c), in.site())
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"site": x})
}

func (s *Server) removeSite(c *gin.Context) error {
	if err := s.Sites.Remove(c.Request.Context(), currentAgent(c), c.Param("key")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) setContext(c *gin.Context) error {
	var in struct {
		Context chat.PageContext `json:"context"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	clean, err := in.Context.Clean()
	if err != nil {
		return err
	}
	if err := s.Record.SetContext(c.Request.Context(), conversationID(c), clean); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// siteOf is the site that a conversation is begun on: the one that is named, which the page's origin must belong to where
// the browser says it, or none.
func (s *Server) siteOf(c *gin.Context, key string) (site.Site, error) {
	if key == "" {
		return site.Site{}, nil
	}
	x, err := s.Sites.Find(c.Request.Context(), key)
	if err != nil {
		return x, err
	}
	if origin := c.GetHeader("Origin"); origin != "" && !slices.Contains(x.Origins, origin) && !s.ownOrigin(c.Request, origin) {
		return x, fault.New(fault.Forbidden, "origin_not_allowed", "The site %s does not name the origin of this page. An admin can add it under Sites.", key)
	}
	return x, nil
}

// shownSite is what a page may know of its site.
type shownSite struct {
	Key   string     `json:"key"`
	Theme site.Theme `json:"theme"`
}

// siteConfig is the configuration as a site has it: its own look, and of the languages those that it offers.
type siteConfig struct {
	Site
	Shown *shownSite `json:"site,omitempty"`
}

func (s *Server) config(c *gin.Context) error {
	x, err := s.siteOf(c, c.Query("site"))
	if err != nil {
		return err
	}
	out := siteConfig{Site: s.Site}
	if x.Key == "" {
		return ok(c, http.StatusOK, out)
	}
	out.Shown = &shownSite{Key: x.Key, Theme: x.Theme}
	if len(x.Locales) > 0 {
		out.Locales = x.Locales
		out.Markets = nil
		for _, m := range s.Site.Markets {
			offered := []string{}
			for _, l := range m.Locales {
				if slices.Contains(x.Locales, l) {
					offered = append(offered, l)
				}
			}
			m.Locales = offered
			out.Markets = append(out.Markets, m)
		}
	}
	return ok(c, http.StatusOK, out)
}
