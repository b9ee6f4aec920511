package web

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/site"
)

// sitePages registers the admins' page about sites.
func (p *pageServer) sitePages(r *gin.Engine) {
	p.templates["admin_sites"] = template.Must(template.ParseFS(pageFiles, "templates/admin_layout.html", "templates/admin_sites.html")) // embedded
	r.GET("/admin/sites", p.page(p.forAdmin(p.adminSites)))
	r.HEAD("/admin/sites", p.page(p.forAdmin(p.adminSites)))
	r.POST("/admin/sites", p.page(p.forAdmin(p.adminForm(p.adminSitesForm))))
}

// sitesView is what the page has.
type sitesView struct {
	Sites   []site.Site
	Base    string    // where pages load the widget from
	Locales []string  // that a site may offer
	Typed   site.Site // what was typed and not taken
}

// Blank is what the form for a new site begins with.
func (v sitesView) Blank() site.Site {
	if v.Typed.Key != "" || v.Typed.Name != "" {
		return v.Typed
	}
	return site.Site{Enabled: true}
}

// siteForm is what the fields of a site are drawn from.
type siteForm struct {
	View *sitesView
	Site site.Site
}

// Form is the fields of a site.
func (v *sitesView) Form(x site.Site) siteForm { return siteForm{v, x} }

// Lines writes a list one a line.
func (sitesView) Lines(list []string) string { return strings.Join(list, "\n") }

// Has tells whether a list has a word.
func (sitesView) Has(list []string, word string) bool { return deliveryView{}.Has(list, word) }

// Pixels writes a distance, "" for the usual one.
func (sitesView) Pixels(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// sitesDone are the lines after a change, by the word in the address.
var sitesDone = map[string]string{"added": "The site was added; its pages can show the chat now.", "changed": "The site was changed.", "removed": "The site was removed; its pages can no longer show the chat."}

func (p *pageServer) adminSites(c *gin.Context, a auth.Agent) error {
	return p.showSites(c, a, &sitesView{}, nil)
}

func (p *pageServer) showSites(c *gin.Context, a auth.Agent, x *sitesView, problem error) error {
	v, page := p.admins(c, a, "Sites", "sites")
	page.Training, page.Sites, page.Notice = nil, x, sitesDone[c.Query("done")]
	status := http.StatusOK
	var err error
	if problem != nil {
		if status, err = page.problemOn(problem); err != nil {
			return err
		}
	}
	if x.Sites, err = p.Sites.List(c.Request.Context()); err != nil {
		return err
	}
	x.Locales, x.Base = p.Site.Locales, strings.TrimSuffix(p.URL, "/")
	if x.Base == "" {
		x.Base = "https://" + c.Request.Host
	}
	p.write(c, status, "admin_sites", v)
	return nil
}

// typedSite reads a site from a form.
func typedSite(f url.Values) (site.Site, error) {
	x := site.Site{Key: strings.TrimSpace(f.Get("key")), Name: f.Get("name"), Origins: typedLines(f.Get("origins")), Locales: f["locales"], Enabled: f.Get("enabled") != "no",
		Theme: site.Theme{Mode: f.Get("mode"), Position: f.Get("position"), Label: strings.TrimSpace(f.Get("label")), Color: strings.TrimSpace(f.Get("color"))}}
	for name, to := range map[string]**int{"offset_x": &x.Theme.OffsetX, "offset_y": &x.Theme.OffsetY} {
		if text := strings.TrimSpace(f.Get(name)); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return x, fault.Field("theme."+name, "not_a_number", "Use a number of pixels.")
			}
			*to = &n
		}
	}
	return x, nil
}

func (p *pageServer) adminSitesForm(c *gin.Context, a auth.Agent) error {
	ctx, f := c.Request.Context(), c.Request.PostForm
	x, err := typedSite(f)
	done, typed := "", site.Site{}
	switch f.Get("action") {
	case "add":
		if done, typed = "added", x; err == nil {
			_, err = p.Sites.Add(ctx, a, x)
		}
	case "change":
		if done = "changed"; err == nil {
			_, err = p.Sites.Set(ctx, a, x)
		}
	case "remove":
		done, err = "removed", p.Sites.Remove(ctx, a, x.Key)
	default:
		err = fault.Field("action", "unknown_action", "Use the buttons of this page.")
	}
	if err != nil {
		return p.showSites(c, a, &sitesView{Typed: typed}, err)
	}
	c.Redirect(http.StatusSeeOther, "/admin/sites?done="+done)
	return nil
}
