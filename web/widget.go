package web

import (
	"io/fs"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/web/ui"
)

// widgetCache is how long a page may use the widget's first part without asking: its name never changes, and what it loads
// has names that do.
const widgetCache = "public, max-age=300"

// widget serves /widget.js, the small first part of the chat for pages of other origins. It is the same for everybody.
func (p *pageServer) widget() func(*gin.Context) error {
	body, err := fs.ReadFile(ui.Dist, "widget.js")
	if err != nil {
		return func(*gin.Context) error {
			return fault.New(fault.Unavailable, "not_built", "The program was compiled without its web pages. Build them with make build and start again.")
		}
	}
	a := newAsset("widget.js", body, false)
	return func(c *gin.Context) error {
		forEveryPage(c)
		a.serve(c)
		c.Writer.Header().Set("Cache-Control", widgetCache)
		return nil
	}
}

// forEveryPage marks what every page may load: it is the same for everybody, and nothing in it is secret.
func forEveryPage(c *gin.Context) {
	c.Header("Access-Control-Allow-Origin", "*")
	c.Header("Cross-Origin-Resource-Policy", "cross-origin")
}
