package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// copilotRoutes registers the help with writing: drafts, suggestions, translations, macros, and drafts of articles.
func (s *Server) copilotRoutes(g groups) {
	g.conversation.POST("/draft", handle(s.draft))
	g.agent.PUT("/drafts/:did", handle(s.decideDraft))
	g.agent.GET("/copilot/use", handle(s.copilotUse))
	g.conversation.GET("/suggestions", handle(s.suggestions))
	g.conversation.POST("/translate", handle(s.translate))
	g.conversation.GET("/translations", handle(s.translations))
	g.conversation.POST("/article-draft", handle(s.saveArticleDraft))
	s.macroRoutes(g)
	editors := g.v1.Group("/kb/article-drafts", s.editor)
	editors.GET("", handle(s.articleDrafts))
	editors.GET("/:id", handle(s.articleDraft))
	editors.PUT("/:id", handle(s.judgeArticleDraft))
}

// Limits of the help with writing.
const (
	maxInstruction = 1000
	maxArticleText = 40_000
)

// assisted is readable for what asks a model, which an agent may do only so often.
func (s *Server) assisted(c *gin.Context) (uuid.UUID, error) {
	id, err := s.readable(c)
	if err == nil && !s.writes.allow("copilot "+currentAgent(c).ID.String()) {
		err = fault.New(fault.RateLimited, "rate_limited", "Too many requests to the copilot at once. Please wait a moment.")
	}
	return id, err
}

func (s *Server) draft(c *gin.Context) error {
	id, err := s.assisted(c)
	if err != nil {
		return err
	}
	var in struct {
		Instruction string `json:"instruction"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	instruction, err := cleanText("instruction", in.Instruction, maxInstruction, false)
	if err != nil {
		return err
	}
	d, err := s.Copilot.Draft(c.Request.Context(), id, currentAgent(c).ID, instruction)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"draft": d})
}

func (s *Server) decideDraft(c *gin.Context) error {
	id, err := param(c, "did")
	if err != nil {
		return err
	}
	var in struct {
		Outcome string     `json:"outcome"`
		Message *uuid.UUID `json:"message"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	if err := s.Copilot.Decide(c.Request.Context(), id, currentAgent(c).ID, in.Outcome, in.Message); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// useFor is the time that figures are for when nothing is said.
const useFor = 30 * 24 * time.Hour

func (s *Server) copilotUse(c *gin.Context) error {
	if !currentAgent(c).Supervises() {
		return fault.New(fault.Forbidden, "not_a_supervisor", "These figures are for supervisors.")
	}
	until := time.Now()
	from := until.Add(-useFor)
	for _, p := range []struct {
		name string
		at   *time.Time
	}{{"from", &from}, {"to", &until}} {
		v := c.Query(p.name)
		if v == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return fault.Field(p.name, "not_a_time", "Use a time such as 2026-11-01T00:00:00Z.")
		}
		*p.at = t
	}
	use, err := s.Copilot.Use(c.Request.Context(), from, until)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"from": from.UTC(), "to": until.UTC(), "rows": use})
}

func (s *Server) suggestions(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	found, err := s.Copilot.Suggest(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, found)
}

func (s *Server) translate(c *gin.Context) error {
	id, err := s.assisted(c)
	if err != nil {
		return err
	}
	var in struct {
		Message *uuid.UUID `json:"message"`
		Text    string     `json:"text"`
		To      string     `json:"to"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	ctx := c.Request.Context()
	if in.Message != nil {
		if in.Text != "" {
			return fault.Field("text", "one_of_two", "Give a message or a text, not both.")
		}
		t, err := s.Copilot.TranslateMessage(ctx, id, *in.Message, in.To)
		if err != nil {
			return err
		}
		return ok(c, http.StatusOK, t)
	}
	text, err := cleanText("text", in.Text, 4*maxText, true)
	if err != nil {
		return err
	}
	hint := ""
	if langs := currentAgent(c).Languages; len(langs) > 0 {
		hint = langs[0]
	}
	t, err := s.Copilot.TranslateText(ctx, text, in.To, hint)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, t)
}

func (s *Server) translations(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	all, err := s.Copilot.Translations(c.Request.Context(), id, c.Query("to"))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"translations": all})
}

// original is what an agent wrote in their own language before it was translated for the customer.
type original struct {
	Text   string `json:"text"`
	Locale string `json:"locale"`
	Model  string `json:"model"`
}

// clean checks an original; nil is none.
func (o *original) clean() (err error) {
	if o == nil {
		return nil
	}
	if o.Locale == "" {
		return fault.Field("original.locale", "required", "Say which language the original is in, such as en.")
	}
	if len(o.Model) > 200 || strings.ContainsRune(o.Model, 0) {
		return fault.Field("original.model", "too_long", "Give the model's name as the translation had it.")
	}
	o.Text, err = cleanText("original.text", o.Text, 4*maxText, true)
	return err
}

func (s *Server) saveArticleDraft(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	var in struct {
		Title    string `json:"title"`
		Markdown string `json:"markdown"`
		Locale   string `json:"locale"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	title, err := cleanText("title", in.Title, 200, true)
	if err != nil {
		return err
	}
	markdown, err := cleanText("markdown", strings.ReplaceAll(in.Markdown, "\r\n", "\n"), maxArticleText, true)
	if err != nil {
		return err
	}
	d, err := s.Copilot.SaveArticle(c.Request.Context(), id, currentAgent(c).ID, title, markdown, in.Locale)
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, gin.H{"draft": d})
}

// editor lets in who looks after articles: editors, and whoever supervises.
func (s *Server) editor(c *gin.Context) {
	secret, bearer := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
	if !bearer {
		secret, _ = c.Cookie(sessionCookie)
		if c.Request.Method != http.MethodGet && c.GetHeader("X-Firstline") == "" {
			fail(c, fault.New(fault.Forbidden, "missing_header", "Requests by cookie need the header X-Firstline."))
			return
		}
	}
	a, err := s.Auth.Who(c.Request.Context(), secret)
	if err == nil && !edits(a) {
		err = fault.New(fault.Forbidden, "not_an_editor", "Drafts of articles are for editors.")
	}
	if err != nil {
		_ = c.Error(err)
		fail(c, err)
		return
	}
	c.Set("agent", a)
	c.Next()
}

func edits(a auth.Agent) bool { return a.Role == "editor" || a.Supervises() }

func (s *Server) articleDrafts(c *gin.Context) error {
	all, err := s.Copilot.ArticleDrafts(c.Request.Context(), c.DefaultQuery("state", "open"))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"drafts": all})
}

// articleDraft gives one as JSON, or as a file that `firstline import` reads.
func (s *Server) articleDraft(c *gin.Context) error {
	id, err := param(c, "id")
	if err != nil {
		return err
	}
	d, err := s.Copilot.FindArticleDraft(c.Request.Context(), id)
	if err != nil {
		return err
	}
	if c.Query("format") == "markdown" {
		c.Header("Content-Disposition", `attachment; filename="`+d.Document().Slug+`.md"`)
		c.Data(http.StatusOK, "text/markdown; charset=utf-8", d.Document().Render())
		return nil
	}
	return ok(c, http.StatusOK, gin.H{"draft": d})
}

func (s *Server) judgeArticleDraft(c *gin.Context) error {
	id, err := param(c, "id")
	if err != nil {
		return err
	}
	var in struct {
		State string `json:"state"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	d, err := s.Copilot.JudgeArticleDraft(c.Request.Context(), id, in.State)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"draft": d})
}
