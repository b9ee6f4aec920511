package web

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mailin"
)

// mailRoutes registers what became of e-mail that came in.
func (s *Server) mailRoutes(g groups) {
	g.admin.GET("/mail", handle(s.mails))
	g.conversation.GET("/mail", handle(s.originals))
}

// mailPage is how many mails are listed at once.
const mailPage = 100

// mails lists mails by what became of them, at first what was not taken.
func (s *Server) mails(c *gin.Context) error {
	limit, err := strconv.Atoi(c.DefaultQuery("limit", strconv.Itoa(mailPage)))
	if err != nil || limit < 1 || limit > maxPage {
		return fault.Field("limit", "out_of_range", "Use a number from 1 to %d.", maxPage)
	}
	entries, err := s.listMails(c, limit)
	if err != nil {
		return err
	}
	out := gin.H{"mails": entries, "next": nil}
	if len(entries) == limit {
		out["next"] = entries[limit-1].At
	}
	return ok(c, http.StatusOK, out)
}

func (s *Server) listMails(c *gin.Context, limit int) ([]mailin.Entry, error) {
	var before time.Time
	if text := c.Query("before"); text != "" {
		var err error
		if before, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, fault.Field("before", "not_a_time", "Use a time such as 2026-11-23T14:05:00Z.")
		}
	}
	if s.Mailin == nil {
		return []mailin.Entry{}, nil
	}
	return s.Mailin.Entries(c.Request.Context(), c.Query("verdict"), before, limit)
}

// originals are the mails of a conversation as they came, where something was cut from them: for agents.
func (s *Server) originals(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	mails := []mailin.Original{}
	if s.Mailin != nil {
		if mails, err = s.Mailin.Originals(c.Request.Context(), id); err != nil {
			return err
		}
	}
	return ok(c, http.StatusOK, gin.H{"mails": mails})
}

// mailPages registers the admins' page about e-mail.
func (p *pageServer) mailPages(r *gin.Engine) {
	p.templates["admin_mail"] = template.Must(template.ParseFS(pageFiles, "templates/admin_layout.html", "templates/admin_mail.html")) // embedded
	h := p.page(p.forAdmin(p.adminMail))
	r.GET("/admin/mail", h)
	r.HEAD("/admin/mail", h)
}

// mailView is what the page about e-mail has.
type mailView struct {
	On      bool
	Verdict string
	Entries []mailin.Entry
	Older   string
}

// At is a time as the page shows it.
func (mailView) At(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05") }

// Verdicts are what mails can be looked at by.
func (mailView) Verdicts() []string {
	return []string{"", mailin.Refused, mailin.Ignored, mailin.Noted, mailin.Taken, mailin.Started}
}

// VerdictName says a verdict in words.
func (mailView) VerdictName(v string) string {
	switch v {
	case "":
		return "Not taken"
	case mailin.Refused:
		return "Refused"
	case mailin.Ignored:
		return "Ignored"
	case mailin.Noted:
		return "Kept as a note"
	case mailin.Taken:
		return "In a conversation"
	case mailin.Started:
		return "Began a conversation"
	}
	return v
}

// mailReasons say in words why a mail was not taken.
var mailReasons = map[string]string{
	"own_mail": "It is one of our own, come back", "too_many_hops": "It went in circles between servers", "bounce": "A mail server says that a mail could not be delivered",
	"auto_submitted": "A machine wrote it, as it says itself", "auto_reply": "An automatic answer, such as from somebody who is away", "list_or_bulk": "It was sent to many at once",
	"no_one_sender": "It names no sender, or more than one", "forged_sender": "It is not from the sender that it names (DMARC)", "too_many_mails": "Too many within an hour from one address; it is tried again",
	"also_to_reply_address": "It also went to an address for replies, where it was taken", "says_the_same_again": "The same text again and again within an hour", "empty": "It says nothing",
	"unknown_sender": "Its sender is not known in the conversation", "conversation_gone": "Its conversation was deleted", "unreadable": "It is no e-mail message",
}

// Why says a reason in words.
func (mailView) Why(reason string) string {
	if text, ok := mailReasons[reason]; ok {
		return text
	}
	return reason
}

func (p *pageServer) adminMail(c *gin.Context, a auth.Agent) error {
	v, page := p.admins(c, a, "E-mail", "mail")
	x := &mailView{On: p.Mailin != nil, Verdict: c.Query("verdict")}
	page.Training, page.Mail = nil, x
	status := http.StatusOK
	if !slices.Contains(x.Verdicts(), x.Verdict) {
		x.Verdict = ""
	}
	entries, err := p.listMails(c, mailPage)
	if err != nil {
		if status, err = page.problemOn(err); err != nil {
			return err
		}
	}
	if x.Entries = entries; len(entries) == mailPage {
		x.Older = "/admin/mail?" + url.Values{"verdict": {x.Verdict}, "before": {entries[mailPage-1].At.Format(time.RFC3339Nano)}}.Encode()
	}
	p.write(c, status, "admin_mail", v)
	return nil
}
