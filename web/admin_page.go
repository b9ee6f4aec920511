package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// maxForm bounds the body of an admin's form: a message, an example, and their encoding.
const maxForm = 64 << 10

// adminPages registers the pages for admins. They are plain HTML with forms and need no script.
func (p *pageServer) adminPages(r *gin.Engine) {
	for _, name := range []string{"admin", "admin_topic", "admin_thresholds"} {
		p.templates[name] = template.Must(template.ParseFS(pageFiles, "templates/admin_layout.html", "templates/"+name+".html")) // embedded
	}
	get := func(path string, h func(*gin.Context, auth.Agent) error) {
		r.GET(path, p.page(p.forAdmin(h)))
		r.HEAD(path, p.page(p.forAdmin(h)))
	}
	get("/admin", p.adminHome)
	r.POST("/admin", p.page(p.forAdmin(p.adminForm(p.adminHome))))
	get("/admin/topics/:key", p.adminTopic)
	r.POST("/admin/topics/:key", p.page(p.forAdmin(p.adminForm(p.adminTopicForm))))
	get("/admin/thresholds", p.adminThresholds)
}

// forAdmin lets a signed-in admin see a page.
func (p *pageServer) forAdmin(h func(*gin.Context, auth.Agent) error) func(*gin.Context) error {
	return p.forStaff(func(c *gin.Context, a auth.Agent) error {
		if a.Role != "admin" {
			return p.message(c, http.StatusForbidden, "Only for admins", "Your role may not see or change this.", "")
		}
		return h(c, a)
	})
}

// adminForm lets a form pass that comes from one of our own pages.
func (p *pageServer) adminForm(h func(*gin.Context, auth.Agent) error) func(*gin.Context, auth.Agent) error {
	return func(c *gin.Context, a auth.Agent) error {
		if err := foreign.Check(c.Request); err != nil {
			_ = c.Error(err)
			return p.message(c, http.StatusForbidden, "This form came from another site", "Nothing was changed. Open the page here and repeat it.", "")
		}
		kind, _, err := mime.ParseMediaType(c.ContentType())
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
		if err != nil || kind != "application/x-www-form-urlencoded" || c.Request.ParseForm() != nil {
			return p.message(c, http.StatusUnprocessableEntity, "This is not our form", "Nothing was changed. Open the page here and repeat it.", "")
		}
		return h(c, a)
	}
}

// adminPage is what the admins' pages have.
type adminPage struct {
	Sheet     string // path of their own style sheet
	Who       string
	Section   string // topics, thresholds, people, delivery, audit or account
	Admin     bool   // sees the other pages
	Notice    string // what was done
	Problem   string // what was not, and why
	Languages []string
	Training  *training

	Topics  []adminRow
	Shelves []shelfRow

	Topic   *adminTopicPage
	Changes []handoff.TopicChange

	Form  tryForm
	Trial *trial

	Thresholds *thresholdsView

	Mail *mailView

	People *peopleView

	Delivery *deliveryView

	Sites *sitesView

	Judged *judgedView
}

// adminRow is a topic in the table.
type adminRow struct {
	Key, Name, Team, AI, Group, SLA string
	Priority                        int
	Counts                          []adminCount
	Total                           int
}

type adminCount struct {
	Language string
	N        int
}

type shelfRow struct{ Collection, Group string }

// adminTopicPage is one topic with its examples.
type adminTopicPage struct {
	adminRow
	None     bool
	SafeText string
	Lists    []adminList
}

type adminList struct {
	Language string
	Name     string
	Examples []string
}

// tryForm is what was typed into the box.
type tryForm struct{ Text, Locale, Language, Example string }

// aiWords say what the policies mean.
var aiWords = map[triage.AIPolicy]string{triage.AINo: "Fixed text, then a person", triage.AIInfo: "General policy, then a person", triage.AIYes: "May answer"}

func rowOf(t triage.Topic, languages []string) adminRow {
	r := adminRow{Key: t.Key, Name: t.Names["en"], Team: t.Team, AI: aiWords[t.AI], Group: t.Group, Priority: t.Priority}
	if t.SLA > 0 {
		r.SLA = strings.TrimSuffix(strings.TrimSuffix(t.SLA.String(), "0s"), "0m")
	}
	for _, l := range languages {
		if r.Name == "" {
			r.Name = t.Names[l]
		}
		r.Counts = append(r.Counts, adminCount{l, len(t.Examples[l])})
		r.Total += len(t.Examples[l])
	}
	if t.Key == triage.None {
		r.Name = "No topic: ordinary questions and small talk"
	}
	return r
}

// admins is the part that all their pages share.
func (p *pageServer) admins(c *gin.Context, a auth.Agent, title, section string) (view, *adminPage) {
	v := p.view(c)
	v.R.Locale = "en" // staff pages are in English
	page := &adminPage{Sheet: p.static["admin.css"], Who: a.Name, Section: section, Admin: true}
	if p.Learner != nil {
		page.Training = trainingOf(p.Learner.Lesson())
	}
	v.Title, v.Page = title, page
	return v, page
}

// tried runs the box's message where one was sent.
func (page *adminPage) tried(ctx context.Context, s *Server, form url.Values, topic string) (status int, err error) {
	page.Form = tryForm{form.Get("text"), form.Get("locale"), form.Get("language"), form.Get("example")}
	if form.Get("action") != "try" {
		return http.StatusOK, nil
	}
	text, err := cleanText("text", page.Form.Text, maxText, true)
	if err == nil {
		var with *triage.Example
		if topic != "" && strings.TrimSpace(page.Form.Example) != "" {
			with = &triage.Example{Topic: topic, Language: page.Form.Language, Text: page.Form.Example}
		}
		var t trial
		if t, err = s.try(ctx, text, page.Form.Locale, with); err == nil {
			page.Trial = &t
			return http.StatusOK, nil
		}
	}
	return page.refused(err)
}

// refused turns an error that the admin can do something about into a line on the page.
func (page *adminPage) refused(err error) (int, error) {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Invalid && f.Kind != fault.Conflict && f.Kind != fault.NotFound {
		return 0, err
	}
	page.Problem = f.Public
	return problemOf(err).Status, nil
}

func (p *pageServer) adminHome(c *gin.Context, a auth.Agent) error {
	ctx := c.Request.Context()
	set, err := p.Desk.TopicSet(ctx)
	if err != nil {
		return err
	}
	v, page := p.admins(c, a, "Topics", "topics")
	page.Languages = p.knownLanguages(&set)
	none, _ := set.Find(triage.None)
	for _, t := range append(slices.Clone(set.Topics), none) {
		page.Topics = append(page.Topics, rowOf(t, page.Languages))
	}
	for collection, group := range set.Shelves {
		page.Shelves = append(page.Shelves, shelfRow{collectionName("en", collection), group})
	}
	slices.SortFunc(page.Shelves, func(a, b shelfRow) int { return strings.Compare(a.Collection, b.Collection) })
	status, err := page.tried(ctx, p.Server, c.Request.PostForm, "")
	if err != nil {
		return err
	}
	p.write(c, status, "admin", v)
	return nil
}

// adminDone are the lines after a change, by the word in the address.
var adminDone = map[string]string{"added": "The example was added and the classifier knows it.", "removed": "The example was removed and the classifier has forgotten it."}

func (p *pageServer) adminTopic(c *gin.Context, a auth.Agent) error {
	return p.showTopic(c, a, http.StatusOK, nil)
}

// showTopic writes a topic's page, with the problem of what was tried before.
func (p *pageServer) showTopic(c *gin.Context, a auth.Agent, status int, problem error) error {
	ctx := c.Request.Context()
	set, t, err := p.topicOf(ctx, c.Param("key"))
	if err != nil {
		return err
	}
	v, page := p.admins(c, a, "", "topics")
	page.Languages = p.knownLanguages(&set)
	page.Notice = adminDone[c.Query("done")]
	x := &adminTopicPage{adminRow: rowOf(t, page.Languages), None: t.Key == triage.None, SafeText: t.SafeText["en"]}
	for _, l := range page.Languages {
		x.Lists = append(x.Lists, adminList{l, localeName(l), t.Examples[l]})
	}
	v.Title, page.Topic = x.Name, x
	if page.Changes, err = p.Desk.TopicChanges(ctx, t.Key); err != nil {
		return err
	}
	tried, err := page.tried(ctx, p.Server, c.Request.PostForm, t.Key)
	if problem != nil {
		tried, err = page.refused(problem)
	}
	if err != nil {
		return err
	}
	p.write(c, max(status, tried), "admin_topic", v)
	return nil
}

// adminTopicForm adds or removes an example, or tries a message.
func (p *pageServer) adminTopicForm(c *gin.Context, a auth.Agent) error {
	ctx, form := c.Request.Context(), c.Request.PostForm
	e := triage.Example{Topic: c.Param("key"), Language: form.Get("language"), Text: form.Get("example")}
	var err error
	done := "removed"
	switch form.Get("action") {
	case "try":
		return p.showTopic(c, a, http.StatusOK, nil)
	case "add":
		done = "added"
		var set handoff.TopicSet
		if set, _, err = p.topicOf(ctx, e.Topic); err == nil {
			if e, err = p.example(&set, "", e.Topic, e.Language, e.Text); err == nil {
				err = p.Desk.AddExample(ctx, a, e, "")
			}
		}
	case "remove":
		err = p.Desk.RemoveExample(ctx, a, e, "")
	default:
		err = fault.Field("action", "unknown_action", "This form does nothing that is known here.")
	}
	if err == nil {
		_, err = p.learnt(ctx)
	}
	if err != nil {
		return p.showTopic(c, a, http.StatusOK, err)
	}
	c.Redirect(http.StatusSeeOther, "/admin/topics/"+url.PathEscape(e.Topic)+"?done="+done)
	return nil
}

func (p *pageServer) adminThresholds(c *gin.Context, a auth.Agent) error {
	v, page := p.admins(c, a, "Thresholds", "thresholds")
	t, err := p.thresholdsNow(c.Request.Context())
	if err != nil {
		if !fault.Is(err, fault.Unavailable) {
			return err
		}
		page.Problem = problemOf(err).Detail
	} else {
		page.Thresholds = &t
	}
	p.write(c, http.StatusOK, "admin_thresholds", v)
	return nil
}

// Percent writes a probability for people.
func (x triedTopic) Percent() string { return fmt.Sprintf("%.0f %%", 100*x.P) }

// Parts are the words of the topic's key, where a line may break.
func (x triedTopic) Parts() []string { return strings.SplitAfter(x.Topic, "_") }

// Action says in words what the hard rules would do.
func (t tried) Action() string {
	switch {
	case t.Rule.HandOff && t.Rule.Says != "":
		return "Says a fixed text and brings in a person at once."
	case t.Rule.HandOff:
		return "Brings in a person at once."
	case t.AI == triage.AIInfo:
		return "Answers from the articles if it is sure enough; then a person follows."
	}
	return "No rule decides; what the articles say does."
}

// Seconds is how long the training took, for people.
func (t training) Seconds() string { return fmt.Sprintf("%.2f s", t.Took/1000) }
