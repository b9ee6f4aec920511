package web

import (
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/notify"
)

// noticePages registers the pages that links in e-mails lead to, and the script that shows push messages.
func (p *pageServer) noticePages(r *gin.Engine) {
	p.templates["notice"] = template.Must(template.ParseFS(pageFiles, "templates/layout.html", "templates/notice.html")) // embedded
	for path, peek := range map[string]func(c *gin.Context) (notify.Told, error){
		"/notices/confirm": func(c *gin.Context) (notify.Told, error) {
			return p.Notify.PeekConfirm(c.Request.Context(), c.Query("k"))
		},
		"/notices/unsubscribe": func(c *gin.Context) (notify.Told, error) { return p.Notify.PeekEnd(c.Request.Context(), c.Query("k")) },
	} {
		h := p.page(func(c *gin.Context) error {
			private(c)
			told, err := peek(c)
			return p.noticePage(c, path, told, err)
		})
		r.GET(path, h)
		r.HEAD(path, h)
	}
	r.POST("/notices/confirm", p.page(p.confirmNotices))
	r.POST("/notices/unsubscribe", p.page(p.endNotices))

	body, err := fs.ReadFile(pageFiles, "static/sw.js")
	if err != nil {
		panic(err) // embedded
	}
	worker := newAsset("sw.js", body, false)
	r.GET("/sw.js", worker.serve)
	r.HEAD("/sw.js", worker.serve)
}

// noticeView is what those pages show.
type noticeView struct {
	Heading, Lead string
	Action        string // where the button leads; "" without one
	Button        string
}

// noticePage shows what a link is for, with a button: what only opens links, as mail programs do, changes nothing.
func (p *pageServer) noticePage(c *gin.Context, path string, told notify.Told, err error) error {
	v := p.view(c)
	v.Plain = true
	if told.Locale != "" {
		v.R.Locale = told.Locale
	}
	w := noticeTexts(v.R.Locale)
	ends := path == "/notices/unsubscribe"
	status, page := http.StatusOK, noticeView{}
	switch {
	case fault.Is(err, fault.NotFound):
		status, page = http.StatusNotFound, noticeView{Heading: w.late, Lead: w.lateLead}
	case err != nil:
		return err
	case ends && told.Done:
		page = noticeView{Heading: w.ended, Lead: w.endedLead}
	case ends:
		page = noticeView{Heading: w.end, Lead: strings.ReplaceAll(w.endLead, "%s", told.Address), Button: w.end}
	case told.Done:
		page = noticeView{Heading: w.confirmed, Lead: strings.ReplaceAll(w.confirmedLead, "%s", told.Address)}
	default:
		page = noticeView{Heading: w.confirm, Lead: strings.ReplaceAll(w.confirmLead, "%s", told.Address), Button: w.confirm}
	}
	if page.Button != "" {
		page.Action = path + "?k=" + url.QueryEscape(c.Query("k"))
	}
	v.Title, v.Page = page.Heading, page
	p.write(c, status, "notice", v)
	return nil
}

// confirmNotices is the button of the page that a confirming link leads to.
func (p *pageServer) confirmNotices(c *gin.Context) error {
	private(c)
	if err := p.limited(c); err != nil {
		return err
	}
	err := p.Notify.Confirm(c.Request.Context(), c.Query("k"))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	told, perr := p.Notify.PeekConfirm(c.Request.Context(), c.Query("k"))
	if err == nil {
		err = perr
	}
	return p.noticePage(c, "/notices/confirm", told, err)
}

// endNotices ends the e-mails to an address: by the button of the page, and by what a mail program sends for its reader
// (RFC 8058), who is not asked again. The key in the address is the permission.
func (p *pageServer) endNotices(c *gin.Context) error {
	private(c)
	if err := p.limited(c); err != nil {
		return err
	}
	if err := p.Notify.End(c.Request.Context(), c.Query("k")); err != nil {
		return p.noticePage(c, "/notices/unsubscribe", notify.Told{}, err)
	}
	told, err := p.Notify.PeekEnd(c.Request.Context(), c.Query("k"))
	return p.noticePage(c, "/notices/unsubscribe", told, err)
}
