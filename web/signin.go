package web

import (
	"errors"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// maxSecret bounds the body of a sign-in: an address, a password of the longest kind in its encoding, and a link's secret.
const maxSecret = 8 << 10

// newLink is the command that makes a sign-in link.
const newLink = "firstline user link --email YOU"

// signInPages registers the pages by which people get in.
func (p *pageServer) signInPages(r *gin.Engine) {
	p.templates["signin_form"] = template.Must(template.ParseFS(pageFiles, "templates/layout.html", "templates/signin_form.html")) // embedded
	r.GET("/signin", p.page(p.signIn))
	r.HEAD("/signin", p.page(p.signIn))
	r.POST("/signin", p.page(p.ourForm(p.doSignIn)))
	r.POST("/signin/password", p.page(p.ourForm(p.passwordSignIn)))
	r.POST("/signin/link", p.page(p.ourForm(p.askForLink)))
	r.GET("/signin/oidc", p.page(p.beginOIDC))
	r.GET("/signin/oidc/callback", p.page(p.finishOIDC))
}

// signInPage is what the page of a sign-in link shows.
type signInPage struct{ Name, Email, Role, Token string }

// signInForm is what the page shows that asks for a password.
type signInForm struct {
	Email   string
	To      string // where to go afterwards
	Who     string // who is signed in already
	Links   bool   // a link can be sent
	OIDC    string // what the button of single sign-on says; "" without one
	Notice  string
	Problem string
	Command string // for the terminal, where that helps
	Next    string // where the page itself leads on
}

// private keeps a page out of caches, and its address, which holds the secret, out of the Referer header. The policy is
// strict-origin and not no-referrer, because under that one browsers send "Origin: null" with the form, and then a site
// without HTTPS could not tell its own form from a foreign one.
func private(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "strict-origin")
	c.Header("X-Robots-Tag", "noindex")
}

// signIn shows whom a link is for, or asks for a password. It does not use the link: previews in mail programs open links too.
func (p *pageServer) signIn(c *gin.Context) error {
	private(c)
	token, given := c.GetQuery("token")
	if !given {
		form := signInForm{To: ownPath(c.Query("to"))}
		if secret, err := c.Cookie(sessionCookie); err == nil {
			if a, err := p.Auth.Who(c.Request.Context(), secret); err == nil {
				form.Who = a.Name
				if form.To == "" {
					form.To = doorOf(a)
				}
			}
		}
		return p.askSignIn(c, http.StatusOK, form)
	}
	a, err := p.Auth.Peek(c.Request.Context(), token)
	if err != nil {
		return p.refuseLink(c, err)
	}
	v := p.staffView(c)
	v.Title, v.Page = "Sign in", signInPage{a.Name, a.Email, a.Role, token}
	p.write(c, http.StatusOK, "signin", v)
	return nil
}

// staffView is the part that all pages for people who work here share: they are in English.
func (p *pageServer) staffView(c *gin.Context) view {
	v := p.view(c)
	v.R.Locale, v.Plain = "en", true
	return v
}

// askSignIn writes the page that asks for a password, or for whatever else opens the door here.
func (p *pageServer) askSignIn(c *gin.Context, status int, form signInForm) error {
	private(c)
	form.Links = p.Links != nil
	if p.OIDC != nil {
		form.OIDC = p.OIDC.Name()
	}
	v := p.staffView(c)
	v.Title, v.Page = "Sign in", form
	p.write(c, status, "signin_form", v)
	return nil
}

// foreign refuses requests that another site's page made: by Sec-Fetch-Site, or by Origin where a browser sends only that.
var foreign = http.NewCrossOriginProtection()

// ourForm lets a small form pass that comes from one of our own pages, as often as an address may.
func (p *pageServer) ourForm(h func(*gin.Context) error) func(*gin.Context) error {
	return func(c *gin.Context) error {
		private(c)
		if err := p.limited(c); err != nil {
			return err
		}
		if err := foreign.Check(c.Request); err != nil {
			_ = c.Error(err)
			return p.message(c, http.StatusForbidden, "This sign-in came from another site", "Open the page here, or the link that you were given, and press the button there.", "")
		}
		kind, _, err := mime.ParseMediaType(c.ContentType())
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxSecret)
		if err != nil || kind != "application/x-www-form-urlencoded" || c.Request.ParseForm() != nil {
			return p.message(c, http.StatusUnprocessableEntity, "This is not our form", "Open the page here, or the link that you were given, and press the button there.", "")
		}
		return h(c)
	}
}

// device is what the request says of where it comes from.
func device(c *gin.Context) auth.Device {
	return auth.Device{Name: deviceName(c.Request.UserAgent()), Address: c.ClientIP()}
}

// deviceName says in words what a browser says of itself, so that people know their own sessions.
func deviceName(agent string) string {
	find := func(of [][2]string) string {
		for _, w := range of {
			if strings.Contains(agent, w[0]) {
				return w[1]
			}
		}
		return ""
	}
	// The order matters: each browser also claims to be the ones below it.
	browser := find([][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}})
	system := find([][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Linux", "Linux"}})
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	}
	name, _, _ := strings.Cut(agent, " ") // programs name themselves first
	return name
}

// ownPath returns a path of ours to go to, or "": what stands in an address must not lead to another site.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || u.User != nil || len(to) > 500 || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(u.Path, "/signin") {
		return ""
	}
	return to
}

// doorOf is where somebody begins who did not say where to go.
func doorOf(a auth.Agent) string {
	if !a.WorksDesk() {
		return "/help"
	}
	return "/desk"
}

// setSession gives the browser its session. Strict: no other site's link arrives signed in.
func (p *pageServer) setSession(c *gin.Context, secret string) {
	http.SetCookie(c.Writer, &http.Cookie{Name: sessionCookie, Value: url.QueryEscape(secret), Path: "/", MaxAge: int(auth.SessionFor.Seconds()),
		HttpOnly: true, Secure: p.Secure, SameSite: http.SameSiteStrictMode})
}

// entered gives the browser its session and leads it on. A session that the browser had before is ended: nobody sees it again.
func (p *pageServer) entered(c *gin.Context, a auth.Agent, secret, to string) error {
	if old, err := c.Cookie(sessionCookie); err == nil {
		if err := p.Auth.SignOut(c.Request.Context(), old); err != nil {
			return err
		}
	}
	p.setSession(c, secret)
	if to = ownPath(to); to == "" {
		to = doorOf(a)
	}
	c.Redirect(http.StatusSeeOther, to)
	return nil
}

// doSignIn uses a link, once, and begins a session.
func (p *pageServer) doSignIn(c *gin.Context) error {
	a, session, err := p.Auth.Redeem(c.Request.Context(), c.Request.PostForm.Get("token"), device(c))
	if err != nil {
		return p.refuseLink(c, err)
	}
	return p.entered(c, a, session, "")
}

// passwordSignIn begins a session by address and password.
func (p *pageServer) passwordSignIn(c *gin.Context) error {
	form := c.Request.PostForm
	a, session, err := p.Auth.PasswordSignIn(c.Request.Context(), form.Get("email"), form.Get("password"), device(c))
	if err != nil {
		return p.refuseSignIn(c, err, signInForm{Email: form.Get("email"), To: ownPath(form.Get("to"))})
	}
	return p.entered(c, a, session, form.Get("to"))
}

// refuseSignIn shows the form again with what is wrong. Failures that are not the person's stay what they are.
func (p *pageServer) refuseSignIn(c *gin.Context, err error, form signInForm) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind == fault.Internal {
		return err
	}
	_ = c.Error(err)
	form.Problem = f.Public
	status := problemOf(err).Status
	retryAfter(c, status, err)
	return p.askSignIn(c, status, form)
}

// askForLink sends a link by e-mail to whoever has the address, and says the same to everyone.
func (p *pageServer) askForLink(c *gin.Context) error {
	form := signInForm{Email: c.Request.PostForm.Get("email"), To: ownPath(c.Request.PostForm.Get("to"))}
	if err := p.sendLink(form.Email); err != nil {
		return p.refuseSignIn(c, err, form)
	}
	form.Notice = "If somebody works here with this address, a letter with a sign-in link is on its way. It works once, within 30 minutes."
	return p.askSignIn(c, http.StatusAccepted, form)
}

// oidcCookie binds a sign-in through the company's provider to the browser that began it.
const oidcCookie = "firstline_oidc"

func (p *pageServer) setOIDC(c *gin.Context, state string, age int) {
	// Lax, because the provider's site sends the browser back to us.
	http.SetCookie(c.Writer, &http.Cookie{Name: oidcCookie, Value: state, Path: "/signin/oidc", MaxAge: age, HttpOnly: true, Secure: p.Secure, SameSite: http.SameSiteLaxMode})
}

var errNoOIDC = fault.New(fault.NotFound, "no_oidc", "There is no single sign-on here.")

// beginOIDC sends the browser to the provider.
func (p *pageServer) beginOIDC(c *gin.Context) error {
	private(c)
	if p.OIDC == nil {
		return errNoOIDC
	}
	if err := p.limited(c); err != nil {
		return err
	}
	goTo := ownPath(c.Query("to"))
	to, state, err := p.OIDC.Begin(c.Request.Context(), goTo)
	if err != nil {
		return p.refuseSignIn(c, err, signInForm{To: goTo})
	}
	p.setOIDC(c, state, 600)
	c.Redirect(http.StatusSeeOther, to)
	return nil
}

// finishOIDC is where the provider sends the browser back to.
func (p *pageServer) finishOIDC(c *gin.Context) error {
	private(c)
	if p.OIDC == nil {
		return errNoOIDC
	}
	if err := p.limited(c); err != nil {
		return err
	}
	cookie, _ := c.Cookie(oidcCookie)
	p.setOIDC(c, "", -1)
	a, session, to, err := p.OIDC.Finish(c.Request.Context(), c.Request.URL.Query(), cookie, device(c))
	if err != nil {
		return p.refuseSignIn(c, err, signInForm{To: ownPath(to)})
	}
	if to = ownPath(to); to == "" {
		to = doorOf(a)
	}
	p.setSession(c, session)
	// Led on by a page: after a redirect from the provider's site the browser would not send the strict cookie.
	return p.askSignIn(c, http.StatusOK, signInForm{Next: to, Who: a.Name})
}

// refuseLink says that a link opens nothing and how to get one that does. Other failures stay what they are.
func (p *pageServer) refuseLink(c *gin.Context, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Unauthenticated {
		return err
	}
	form := signInForm{Problem: "This sign-in link does not work any more. It was used already, or it is too old. Sign in another way, or ask an admin for a new one."}
	if p.Links == nil && p.OIDC == nil {
		form.Command = newLink
	}
	return p.askSignIn(c, http.StatusUnauthorized, form)
}

// message writes a page of a few words.
func (p *pageServer) message(c *gin.Context, status int, heading, lead, command string) error {
	v := p.staffView(c)
	v.Title, v.Page = heading, problemPage{Heading: heading, Lead: lead, Command: command}
	p.write(c, status, "problem", v)
	return nil
}
