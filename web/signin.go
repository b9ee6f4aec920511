package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// maxSecret bounds the body of a sign-in; a link's secret is 43 characters.
const maxSecret = 1 << 10

// newLink is the command that makes a sign-in link.
const newLink = "firstline user add --email YOU --role ROLE"

// signInPage is what the page of a sign-in link shows.
type signInPage struct{ Name, Email, Role, Token string }

// private keeps a page out of caches, and its address, which holds the secret, out of the Referer header. The policy is
// strict-origin and not no-referrer, because under that one browsers send "Origin: null" with the form, and then a site
// without HTTPS could not tell its own form from a foreign one.
func private(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "strict-origin")
	c.Header("X-Robots-Tag", "noindex")
}

// signIn shows whom a link is for. It does not use the link: previews in mail programs open links too.
func (p *pageServer) signIn(c *gin.Context) error {
	private(c)
	token := c.Query("token")
	a, err := p.Auth.Peek(c.Request.Context(), token)
	if err != nil {
		return p.refuseLink(c, err)
	}
	v := p.view(c)
	v.Title, v.Plain, v.Page = "Sign in", true, signInPage{a.Name, a.Email, a.Role, token}
	p.write(c, http.StatusOK, "signin", v)
	return nil
}

// foreign refuses requests that another site's page made: by Sec-Fetch-Site, or by Origin where a browser sends only that.
var foreign = http.NewCrossOriginProtection()

// doSignIn uses a link, once, and begins a session.
func (p *pageServer) doSignIn(c *gin.Context) error {
	private(c)
	if err := p.limited(c); err != nil {
		return err
	}
	if err := foreign.Check(c.Request); err != nil {
		_ = c.Error(err)
		return p.message(c, http.StatusForbidden, "This sign-in came from another site", "Open the link that you were given and press the button there.", "")
	}
	if kind, _, err := mime.ParseMediaType(c.ContentType()); err != nil || kind != "application/x-www-form-urlencoded" {
		return p.message(c, http.StatusUnprocessableEntity, "This is not our form", "Open the link that you were given and press the button there.", "")
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxSecret)
	if err := c.Request.ParseForm(); err != nil {
		return p.message(c, http.StatusUnprocessableEntity, "This is not our form", "Open the link that you were given and press the button there.", "")
	}
	a, session, err := p.Auth.Redeem(c.Request.Context(), c.Request.PostForm.Get("token"))
	if err != nil {
		return p.refuseLink(c, err)
	}
	http.SetCookie(c.Writer, &http.Cookie{Name: sessionCookie, Value: url.QueryEscape(session), Path: "/", MaxAge: int(auth.SessionFor.Seconds()),
		HttpOnly: true, Secure: p.Secure, SameSite: http.SameSiteStrictMode})
	to := "/desk"
	if !a.WorksDesk() {
		to = "/help"
	}
	c.Redirect(http.StatusSeeOther, to)
	return nil
}

// refuseLink says that a link opens nothing and how to get one that does. Other failures stay what they are.
func (p *pageServer) refuseLink(c *gin.Context, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Unauthenticated {
		return err
	}
	return p.message(c, http.StatusUnauthorized, "This sign-in link does not work any more",
		"It was used already, or it is older than 24 hours. Ask whoever runs this server for a new one; they make it with:", newLink)
}

// message writes a page of a few words.
func (p *pageServer) message(c *gin.Context, status int, heading, lead, command string) error {
	v := p.view(c)
	v.R.Locale = "en" // staff pages are in English
	v.Title, v.Plain, v.Page = heading, true, problemPage{Heading: heading, Lead: lead, Command: command}
	p.write(c, status, "problem", v)
	return nil
}
