package web

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// transcript gives the customer the written record: everything public, nothing internal.
func (s *Server) transcript(c *gin.Context) error {
	ctx, id := c.Request.Context(), conversationID(c)
	conv, err := s.Record.Find(ctx, id)
	if err != nil {
		return err
	}
	var all []chat.Message
	for after := int64(0); ; {
		page, err := s.Record.Messages(ctx, id, after, maxPage, false)
		if err != nil {
			return err
		}
		all = append(all, page...)
		if len(page) < maxPage {
			break
		}
		after = page[len(page)-1].Seq
	}
	switch format := c.DefaultQuery("format", "json"); format {
	case "json":
		c.Header("Content-Disposition", `attachment; filename="conversation.json"`)
		return ok(c, http.StatusOK, gin.H{"id": id, "market": conv.Market, "locale": conv.Locale, "created_at": conv.CreatedAt, "messages": append([]chat.Message{}, all...)})
	case "text":
		var sb strings.Builder
		for _, m := range all {
			fmt.Fprintf(&sb, "%s  %s\n%s\n\n", m.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"), s.speaker(m), withFiles(m))
		}
		c.Header("Content-Disposition", `attachment; filename="conversation.txt"`)
		c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(sb.String()))
		return nil
	case "html":
		type line struct{ At, Who, Text string }
		var lines []line
		for _, m := range all {
			lines = append(lines, line{m.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"), s.speaker(m), withFiles(m)})
		}
		var sb strings.Builder
		if err := transcriptPage.Execute(&sb, map[string]any{"Company": s.Site.Company, "Locale": conv.Locale, "Lines": lines}); err != nil {
			return err
		}
		c.Header("Content-Disposition", `attachment; filename="conversation.html"`)
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(sb.String()))
		return nil
	}
	return fault.Field("format", "unknown_format", "Use json, text or html.")
}

// withFiles is a message's text with the names of its files, which a written record cannot hold.
func withFiles(m chat.Message) string {
	lines := []string{m.Text}
	if m.Text == "" {
		lines = nil
	}
	for _, f := range m.Files() {
		lines = append(lines, fmt.Sprintf("[%s, %d KB]", f.Name, (f.Size+1023)/1024))
	}
	return strings.Join(lines, "\n")
}

func (s *Server) speaker(m chat.Message) string {
	switch {
	case m.Author == chat.Assistant:
		return s.Site.Company + " (AI assistant)"
	case m.Author == chat.Agent && m.Agent != nil:
		return m.Agent.Name + " (" + s.Site.Company + ")"
	case m.Author == chat.System:
		return s.Site.Company
	}
	return "You"
}

var transcriptPage = template.Must(template.New("transcript").Parse(`<!doctype html>
<html lang="{{.Locale}}"><meta charset="utf-8"><title>{{.Company}}</title>
<h1>{{.Company}}</h1>
{{range .Lines}}<section><h2>{{.Who}}, {{.At}}</h2><pre style="white-space:pre-wrap;font:inherit">{{.Text}}</pre></section>
{{end}}</html>
`))
