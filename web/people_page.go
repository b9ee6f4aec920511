package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// peoplePages registers the page about oneself, and the admins' pages about people. They are plain HTML with forms.
func (p *pageServer) peoplePages(r *gin.Engine) {
	for _, name := range []string{"account", "admin_people", "admin_person", "admin_audit"} {
		p.templates[name] = template.Must(template.ParseFS(pageFiles, "templates/admin_layout.html", "templates/people_parts.html", "templates/"+name+".html")) // embedded
	}
	page := func(path string, see func(*gin.Context, auth.Agent) error, do func(*gin.Context, auth.Agent) error) {
		r.GET(path, p.page(p.forAdmin(see)))
		r.HEAD(path, p.page(p.forAdmin(see)))
		if do != nil {
			r.POST(path, p.page(p.forAdmin(p.adminForm(do))))
		}
	}
	r.GET("/account", p.page(p.forStaff(p.account)))
	r.HEAD("/account", p.page(p.forStaff(p.account)))
	r.POST("/account", p.page(p.forStaff(p.adminForm(p.accountForm))))
	page("/admin/people", p.adminPeople, p.adminPeopleForm)
	page("/admin/people/:aid", p.adminPerson, p.adminPersonForm)
	page("/admin/audit", p.adminAudit, nil)
}

// forStaff lets a signed-in person see a page; whoever is not is asked to sign in and comes back to it.
func (p *pageServer) forStaff(h func(*gin.Context, auth.Agent) error) func(*gin.Context) error {
	return func(c *gin.Context) error {
		private(c)
		secret, _ := c.Cookie(sessionCookie)
		a, session, err := p.Auth.Authenticate(c.Request.Context(), secret)
		if errors.Is(err, auth.ErrSignedOut) {
			form := signInForm{To: ownPath(c.Request.URL.RequestURI()), Problem: "Please sign in to see this page."}
			if p.Links == nil && p.OIDC == nil {
				form.Command = newLink
			}
			return p.askSignIn(c, http.StatusUnauthorized, form)
		}
		if err != nil {
			return err
		}
		c.Set("session", session)
		c.Set("secret", secret)
		return h(c, a)
	}
}

// peopleView is what the pages about people have.
type peopleView struct {
	Me       auth.Agent
	People   []auth.Person
	Person   *auth.Person
	Form     personForm
	Teams    []teamChoice
	Sessions []auth.Session
	Link     string // a new sign-in link, shown once
	Blocked  time.Time
	Entries  []auditLine
	Filter   auth.AuditFilter
	Next     string
	Fresh    bool // a password can be set without the current one
	Mine     auth.Person
	Email    bool // links can be sent by e-mail
	Min      int
}

// personForm is what was typed about a person.
type personForm struct {
	Email, Name, Role, Languages, Markets, Capacity string
	Teams                                           []string
}

type teamChoice struct {
	Key, Name string
	Chosen    bool
}

// auditLine is a line of the audit log in words.
type auditLine struct {
	auth.AuditEntry
	Who, What, Whom, More string
}

// Roles are what the page offers.
func (peopleView) Roles() []string { return auth.Roles }

// Has tells whether a team is chosen.
func (f personForm) Has(team string) bool { return slices.Contains(f.Teams, team) }

// Ago is how long ago something was, in words; nothing for what never was.
func (peopleView) Ago(t *time.Time) string {
	if t == nil {
		return "never"
	}
	switch d := time.Since(*t); {
	case d < 10*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// ViaWords says how a session was begun.
func (peopleView) ViaWords(v auth.Via) string {
	return map[auth.Via]string{auth.ByLink: "by a link", auth.ByPassword: "by password", auth.ByOIDC: "by single sign-on", auth.ByCommand: "made by an admin"}[v]
}

// peopleDone are the lines after a change, by the word in the address.
var peopleDone = map[string]string{"added": "The person was added. Give them a sign-in link.", "saved": "Saved.", "disabled": "They can no longer sign in. Their sessions have ended, and their conversations go back to the queue.",
	"enabled": "They can sign in again.", "removed": "The person was removed.", "ended": "Ended.", "password": "Your new password is set, and your other sessions have ended.",
	"unblocked": "They can try their password again.", "forgotten": "Their password no longer works."}

// staff is the part that the pages about people share.
func (p *pageServer) staff(c *gin.Context, a auth.Agent, title, section string) (view, *adminPage, *peopleView) {
	v, page := p.admins(c, a, title, section)
	page.Training = nil
	page.Admin = a.Role == "admin"
	page.Notice = peopleDone[c.Query("done")]
	page.People = &peopleView{Me: a, Email: p.Links != nil, Min: auth.MinPassword}
	return v, page, page.People
}

// problemOn shows on the page what somebody can do something about; other errors stay errors.
func (page *adminPage) problemOn(err error) (int, error) {
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.RateLimited) {
		page.Problem, page.Notice = problemOf(err).Detail, ""
		return problemOf(err).Status, nil
	}
	page.Notice = ""
	return page.refused(err)
}

func (p *pageServer) account(c *gin.Context, a auth.Agent) error {
	return p.showAccount(c, a, nil)
}

func (p *pageServer) showAccount(c *gin.Context, a auth.Agent, problem error) error {
	v, page, x := p.staff(c, a, "Your account", "account")
	session := currentSession(c)
	var err error
	if x.Sessions, err = p.Auth.Sessions(c.Request.Context(), a.ID, session.ID); err != nil {
		return err
	}
	if x.Mine, err = p.Auth.Person(c.Request.Context(), a.ID); err != nil {
		return err
	}
	x.Fresh = session.Via != auth.ByPassword && time.Since(session.MadeAt) < auth.FreshFor
	status := http.StatusOK
	if problem != nil {
		if status, err = page.problemOn(problem); err != nil {
			return err
		}
		retryAfter(c, status, problem)
	}
	p.write(c, status, "account", v)
	return nil
}

// accountForm sets the password, ends a session, or signs out.
func (p *pageServer) accountForm(c *gin.Context, a auth.Agent) error {
	ctx, form, session := c.Request.Context(), c.Request.PostForm, currentSession(c)
	done := "ended"
	var err error
	switch form.Get("action") {
	case "password":
		done = "password"
		err = p.Auth.SetPassword(ctx, session, form.Get("current"), form.Get("new"))
	case "end":
		var id uuid.UUID
		if id, err = uuid.Parse(form.Get("session")); err != nil {
			err = fault.New(fault.NotFound, "no_such_session", "There is no such session; it has ended already.")
			break
		}
		err = p.Auth.End(ctx, a.Actor(), a.ID, id)
	case "end_others":
		_, err = p.Auth.EndAll(ctx, a.Actor(), a.ID, session.ID)
	case "signout":
		if a.WorksDesk() {
			err = p.Desk.SetPresence(ctx, a, "offline")
		}
		if err == nil {
			err = p.Auth.SignOut(ctx, c.GetString("secret"))
		}
		if err == nil {
			p.dropSession(c)
			c.Redirect(http.StatusSeeOther, "/signin")
			return nil
		}
	default:
		err = fault.Field("action", "unknown_action", "This form does nothing that is known here.")
	}
	if err != nil {
		return p.showAccount(c, a, err)
	}
	c.Redirect(http.StatusSeeOther, "/account?done="+done)
	return nil
}

func (p *pageServer) adminPeople(c *gin.Context, a auth.Agent) error {
	return p.showPeople(c, a, personForm{Role: "agent", Capacity: strconv.Itoa(defaultCapacity)}, nil)
}

func (p *pageServer) showPeople(c *gin.Context, a auth.Agent, form personForm, problem error) error {
	v, page, x := p.staff(c, a, "People", "people")
	x.Form = form
	var err error
	if x.People, err = p.Auth.People(c.Request.Context()); err != nil {
		return err
	}
	if x.Teams, err = p.teamChoices(c, form.Teams); err != nil {
		return err
	}
	status := http.StatusOK
	if problem != nil {
		if status, err = page.problemOn(problem); err != nil {
			return err
		}
	}
	p.write(c, status, "admin_people", v)
	return nil
}

func (p *pageServer) teamChoices(c *gin.Context, chosen []string) ([]teamChoice, error) {
	rows, err := p.Pool.Query(c.Request.Context(), `SELECT key, name, key = ANY ($1) FROM teams ORDER BY name`, append([]string{}, chosen...))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[teamChoice])
}

// words splits what was typed as a list.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' })
}

// formOf reads what was typed about a person.
func formOf(f url.Values) personForm {
	return personForm{Email: f.Get("email"), Name: f.Get("name"), Role: f.Get("role"), Languages: f.Get("languages"), Markets: f.Get("markets"),
		Capacity: f.Get("capacity"), Teams: f["teams"]}
}

// agent is the person that was typed.
func (f personForm) agent() (auth.Agent, error) {
	n, err := strconv.Atoi(strings.TrimSpace(f.Capacity))
	if err != nil {
		return auth.Agent{}, fault.Field("capacity", "not_a_number", "The number of conversations at once is not a number.")
	}
	return auth.Agent{Email: f.Email, Name: f.Name, Role: f.Role, Languages: words(f.Languages), Markets: words(f.Markets), Teams: slices.Clone(f.Teams), Capacity: n}, nil
}

// adminPeopleForm adds a person.
func (p *pageServer) adminPeopleForm(c *gin.Context, a auth.Agent) error {
	form := formOf(c.Request.PostForm)
	in, err := form.agent()
	if err == nil {
		var made auth.Person
		if made, err = p.Auth.Create(c.Request.Context(), a.Actor(), in); err == nil {
			c.Redirect(http.StatusSeeOther, "/admin/people/"+made.ID.String()+"?done=added")
			return nil
		}
	}
	return p.showPeople(c, a, form, err)
}

func (p *pageServer) adminPerson(c *gin.Context, a auth.Agent) error {
	return p.showPerson(c, a, "", nil, nil)
}

func (p *pageServer) showPerson(c *gin.Context, a auth.Agent, link string, form *personForm, problem error) error {
	ctx := c.Request.Context()
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	who, err := p.Auth.Person(ctx, id)
	if err != nil {
		return err
	}
	v, page, x := p.staff(c, a, who.Name, "people")
	x.Person, x.Link = &who, link
	x.Form = personForm{Email: who.Email, Name: who.Name, Role: who.Role, Languages: strings.Join(who.Languages, ", "), Markets: strings.Join(who.Markets, ", "),
		Capacity: strconv.Itoa(who.Capacity), Teams: who.Teams}
	if form != nil {
		x.Form = *form
	}
	if x.Teams, err = p.teamChoices(c, x.Form.Teams); err != nil {
		return err
	}
	if x.Sessions, err = p.Auth.Sessions(ctx, id, currentSession(c).ID); err != nil {
		return err
	}
	if x.Blocked, err = p.Auth.BlockedUntil(ctx, id); err != nil {
		return err
	}
	entries, _, err := p.Auth.Audit(ctx, auth.AuditFilter{Subject: id.String()})
	if err != nil {
		return err
	}
	x.Entries = lines(entries[:min(len(entries), 20)])
	status := http.StatusOK
	if problem != nil {
		if status, err = page.problemOn(problem); err != nil {
			return err
		}
	}
	p.write(c, status, "admin_person", v)
	return nil
}

// adminPersonForm changes a person.
func (p *pageServer) adminPersonForm(c *gin.Context, a auth.Agent) error {
	ctx, form := c.Request.Context(), c.Request.PostForm
	id, err := param(c, "aid")
	if err != nil {
		return err
	}
	yes, no, done := true, false, "saved"
	var typed *personForm
	switch form.Get("action") {
	case "save":
		f := formOf(form)
		typed = &f
		var in auth.Agent
		if in, err = f.agent(); err == nil {
			if in.Teams == nil {
				in.Teams = []string{}
			}
			_, err = p.change(c, a, id, auth.Change{Email: &in.Email, Name: &in.Name, Role: &in.Role, Languages: &in.Languages, Markets: &in.Markets, Teams: &in.Teams, Capacity: &in.Capacity})
		}
	case "disable":
		done = "disabled"
		_, err = p.change(c, a, id, auth.Change{Disabled: &yes})
	case "enable":
		done = "enabled"
		_, err = p.change(c, a, id, auth.Change{Disabled: &no})
	case "remove":
		if err = p.remove(c, a, id); err == nil {
			c.Redirect(http.StatusSeeOther, "/admin/people?done=removed")
			return nil
		}
	case "link":
		var secret string
		if secret, _, err = p.Auth.MakeLink(ctx, a.Actor(), id); err == nil {
			return p.showPerson(c, a, p.linkURL(secret), nil, nil)
		}
	case "unblock":
		done = "unblocked"
		err = p.Auth.Unblock(ctx, a.Actor(), id)
	case "forget":
		done = "forgotten"
		err = p.Auth.ForgetPassword(ctx, a.Actor(), id)
	case "end":
		done = "ended"
		var session uuid.UUID
		if session, err = uuid.Parse(form.Get("session")); err != nil {
			err = fault.New(fault.NotFound, "no_such_session", "There is no such session; it has ended already.")
			break
		}
		err = p.Auth.End(ctx, a.Actor(), id, session)
	case "end_others":
		done = "ended"
		_, err = p.Auth.EndAll(ctx, a.Actor(), id, currentSession(c).ID)
	default:
		err = fault.Field("action", "unknown_action", "This form does nothing that is known here.")
	}
	if err != nil {
		return p.showPerson(c, a, "", typed, err)
	}
	c.Redirect(http.StatusSeeOther, "/admin/people/"+id.String()+"?done="+done)
	return nil
}

func (p *pageServer) adminAudit(c *gin.Context, a auth.Agent) error {
	f, err := auditFilter(c)
	if err != nil {
		return err
	}
	entries, next, err := p.Auth.Audit(c.Request.Context(), f)
	if err != nil {
		return err
	}
	v, _, x := p.staff(c, a, "Audit log", "audit")
	x.Filter, x.Entries = f, lines(entries)
	if next > 0 {
		q := url.Values{"cursor": {strconv.FormatInt(next, 10)}}
		for name, value := range map[string]string{"subject": f.Subject, "actor": f.Actor, "action": f.Action} {
			if value != "" {
				q.Set(name, value)
			}
		}
		x.Next = "/admin/audit?" + q.Encode()
	}
	p.write(c, http.StatusOK, "admin_audit", v)
	return nil
}

// lines are entries of the audit log in words.
func lines(entries []auth.AuditEntry) []auditLine {
	var out []auditLine
	for _, e := range entries {
		l := auditLine{AuditEntry: e, Who: e.Name, What: strings.ReplaceAll(e.Action, "_", " "), Whom: e.About}
		if l.Who == "" {
			l.Who = e.Actor
		}
		if l.Whom == "" {
			l.Whom = e.Subject
		}
		if string(e.Detail) != "{}" {
			l.More = detailWords(e.Detail)
		}
		out = append(out, l)
	}
	return out
}

// detailWords writes what is known of a step in one line.
func detailWords(raw json.RawMessage) string {
	var detail map[string]any
	if json.Unmarshal(raw, &detail) != nil {
		return ""
	}
	var parts []string
	for k, v := range detail {
		if m, ok := v.(map[string]any); ok && len(m) == 2 && m["to"] != nil {
			parts = append(parts, fmt.Sprintf("%s: %s → %s", k, plain(m["from"]), plain(m["to"])))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %s", strings.ReplaceAll(k, "_", " "), plain(v)))
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

func plain(v any) string {
	if list, ok := v.([]any); ok {
		var words []string
		for _, x := range list {
			words = append(words, plain(x))
		}
		if len(words) == 0 {
			return "none"
		}
		return strings.Join(words, ", ")
	}
	if s, ok := v.(string); ok {
		return s
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}
