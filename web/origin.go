package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
)

// forCustomers are the parts of the API that the chat needs, and with it pages of other origins. What is not here, the desk
// and the admins' part above all, answers no page of another origin, whatever the sites say.
var forCustomers = []string{"/v1/config", "/v1/conversations", "/v1/attachments", "/v1/help", "/v1/contact-options", "/v1/customer", "/v1/push", "/v1/privacy"}

// What the chat sends and reads. Cookies are never among it: a page of another origin has only what it was given by name.
const (
	corsMethods = "GET, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
	corsExpose  = "Retry-After, Content-Disposition"
	corsMaxAge  = "600"
)

// isForCustomers reports whether a path is one of forCustomers or below it.
func isForCustomers(path string) bool {
	return slices.ContainsFunc(forCustomers, func(p string) bool {
		rest, ok := strings.CutPrefix(path, p)
		return ok && (rest == "" || rest[0] == '/')
	})
}

// origins lets pages of the sites' origins use the customers' part of the API (CORS). A page of any other origin gets no
// such header, so that its browser lets it read nothing, and what it sends to change something is refused. Requests that
// name no origin, as apps and backends send them, and those of Firstline's own pages pass as they are.
func (s *Server) origins(c *gin.Context) {
	if !isForCustomers(c.Request.URL.Path) {
		return
	}
	h := c.Writer.Header()
	h.Add("Vary", "Origin") // also where there is none: an answer that is kept must not be given to another
	origin := c.GetHeader("Origin")
	if origin == "" || s.ownOrigin(c.Request, origin) {
		return
	}
	allowed, err := s.Sites.Allowed(c.Request.Context(), origin)
	if err != nil {
		_ = c.Error(err)
		fail(c, err)
		return
	}
	preflight := c.Request.Method == http.MethodOptions
	if !allowed {
		switch c.Request.Method {
		case http.MethodGet, http.MethodHead: // the browser keeps the answer from the page
		case http.MethodOptions:
			c.AbortWithStatus(http.StatusNoContent)
		default:
			fail(c, fault.New(fault.Forbidden, "origin_not_allowed", "No site names the origin of this page. An admin can add it under Sites."))
		}
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if !preflight {
		h.Set("Access-Control-Expose-Headers", corsExpose)
		return
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	c.AbortWithStatus(http.StatusNoContent)
}

// ownOrigin reports whether a page that sends a request is one of this server's own. Browsers say so themselves, and no
// page can make them lie; older ones are believed by the name that they call this server by.
func (s *Server) ownOrigin(r *http.Request, origin string) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	if own, err := url.Parse(s.URL); err == nil && own.Host != "" && own.Scheme == u.Scheme && own.Host == u.Host {
		return true
	}
	return u.Host == r.Host
}
