package web

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

// judgement is what a reader says of an article.
type judgement struct {
	Helpful *bool  `json:"helpful"`
	Vote    string `json:"vote"` // id of an earlier vote, which this one replaces
	Reason  string `json:"reason"`
	Comment string `json:"comment"`
}

var (
	errJudgedOften = fault.New(fault.RateLimited, "rate_limited", "Too many votes from your address. Please wait a minute.")
	errNoVote      = fault.Field("vote", "not_an_id", "Give the id that the first vote was answered with, or leave the field out.")
)

// judge keeps a judgement of the article that the reader has under a slug. What is said of an article that they may not
// open is not kept, and they are not told whether there is one. fresh reports that it is a vote of its own.
func (s *Server) judge(c *gin.Context, r reader, in judgement) (id uuid.UUID, fresh bool, err error) {
	if !s.help.judgements.allow(sender(c.ClientIP())) {
		return id, false, errJudgedOften
	}
	if in.Helpful == nil {
		return id, false, fault.Field("helpful", "required", "Say true or false.")
	}
	if in.Reason != "" && !slices.Contains(kb.Reasons, in.Reason) {
		return id, false, fault.Field("reason", "unknown_reason", "Use one of %s.", strings.Join(kb.Reasons, ", "))
	}
	if *in.Helpful && in.Reason != "" {
		return id, false, fault.Field("reason", "not_for_helpful", "A reason is for articles that did not help; leave it out.")
	}
	if in.Comment, err = cleanText("comment", in.Comment, maxNote, false); err != nil {
		return id, false, err
	}
	p, err := s.findArticle(c.Request.Context(), r, c.Param("slug"))
	if err != nil {
		return id, false, err
	}
	j := kb.Judgement{ArticleID: p.Article.ID, Version: p.Version.Number, Locale: p.Version.Locale, Market: r.Market, Helpful: *in.Helpful, Reason: in.Reason, Comment: in.Comment}
	if in.Vote != "" {
		if id, err = uuid.Parse(in.Vote); err != nil {
			return id, false, errNoVote
		}
		return id, false, s.Articles.Rejudge(c.Request.Context(), id, j)
	}
	id, err = s.Articles.Judge(c.Request.Context(), j)
	return id, true, err
}

// judgeArticle is judging by the API: 201 for a new vote, 200 for one that was changed.
func (s *Server) judgeArticle(c *gin.Context) error {
	r, err := s.readerOf(c.Request)
	if err != nil {
		return err
	}
	var in judgement
	if err := read(c, &in); err != nil {
		return err
	}
	id, fresh, err := s.judge(c, r, in)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	return ok(c, status, gin.H{"vote": id})
}

// judgeForm is judging by the page's own form, without script: it leads back to the article, which then says thanks or asks
// what was wrong.
func (p *pageServer) judgeForm(c *gin.Context) error {
	if err := foreign.Check(c.Request); err != nil {
		_ = c.Error(err)
		return fault.New(fault.Forbidden, "foreign_form", "This form came from another site.")
	}
	kind, _, err := mime.ParseMediaType(c.ContentType())
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
	if err != nil || kind != "application/x-www-form-urlencoded" || c.Request.ParseForm() != nil {
		return fault.New(fault.Invalid, "not_a_form", "This is not our form.")
	}
	form := c.Request.PostForm
	in := judgement{Vote: form.Get("vote"), Reason: form.Get("reason"), Comment: form.Get("comment")}
	if said := form.Get("helpful"); said == "yes" || said == "no" {
		yes := said == "yes"
		in.Helpful = &yes
	}
	r, _ := p.readerOf(c.Request)
	id, fresh, err := p.judge(c, r, in)
	if fault.Is(err, fault.NotFound) && in.Vote != "" { // it came too late to change the vote, but it came
		in.Vote = ""
		id, _, err = p.judge(c, r, in)
	}
	if err != nil {
		return err
	}
	said := "noted"
	switch {
	case *in.Helpful:
		said = "yes"
	case fresh && in.Reason == "" && in.Comment == "":
		said = "no"
	}
	back := r.values()
	back.Set("said", said)
	if said == "no" {
		back.Set("vote", id.String())
	}
	c.Header("Cache-Control", "no-store")
	c.Redirect(http.StatusSeeOther, "/help/"+url.PathEscape(c.Param("slug"))+"?"+back.Encode()+"#helpful")
	return nil
}

// helpfulView is the question at the end of an article.
type helpfulView struct {
	Action  string // of the form
	API     string // the same for scripts
	Said    string // "" while nothing was said; yes, no (the reason is asked for) or noted
	Vote    string // for no
	Reasons []string
}

// helpfulOf reads what an earlier form led back with. Such a page is for whoever sent it and is in no cache.
func helpfulOf(c *gin.Context, r reader, slug string) helpfulView {
	v := helpfulView{Action: r.Link("/help/" + slug + "/feedback"), API: r.Link("/v1/help/articles/" + slug + "/feedback"), Reasons: kb.Reasons}
	switch said := c.Query("said"); said {
	case "yes", "noted":
		v.Said = said
	case "no":
		if id, err := uuid.Parse(c.Query("vote")); err == nil {
			v.Said, v.Vote = said, id.String()
		}
	}
	if c.Query("said") != "" || c.Query("vote") != "" {
		c.Header("Cache-Control", "no-store")
	}
	return v
}

// Limits of what is told of judgements.
const (
	judgedDays    = 30 // unless asked otherwise
	maxJudgedDays = 366
	maxJudged     = 200
)

// judgedSince returns how readers judged articles in the last days that the request asks for.
func (s *Server) judgedSince(c *gin.Context) (n int, all []kb.Judged, err error) {
	n = judgedDays
	if text := c.Query("days"); text != "" {
		if n, err = strconv.Atoi(text); err != nil || n < 1 || n > maxJudgedDays {
			return 0, nil, fault.Field("days", "out_of_range", "Use a number of days from 1 to %d.", maxJudgedDays)
		}
	}
	all, err = s.Articles.Judgements(c.Request.Context(), time.Now().AddDate(0, 0, -n), maxJudged)
	return n, all, err
}

func (s *Server) judgedArticles(c *gin.Context) error {
	n, all, err := s.judgedSince(c)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"days": n, "articles": append([]kb.Judged{}, all...)})
}

// judgedView is what admins see of judgements.
type judgedView struct {
	Days     int
	Articles []kb.Judged
}

// adminHelp is the admins' page of judgements.
func (p *pageServer) adminHelp(c *gin.Context, a auth.Agent) error {
	n, all, err := p.judgedSince(c)
	if err != nil {
		return err
	}
	v, page := p.admins(c, a, "Help centre", "help")
	page.Judged = &judgedView{n, all}
	p.write(c, http.StatusOK, "admin_help", v)
	return nil
}
