package delivery

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/firstline/firstline/internal/chat"
)

// packageText is what is read of a package for people; how it is stored is handoff's to say, so what is missing is left out.
type packageText struct {
	Summary struct {
		Wants string `json:"wants"`
		Tried string `json:"tried"`
		Open  string `json:"open_question"`
	} `json:"summary"`
	Corrected   string `json:"corrected"`
	Explanation string `json:"explanation"`
	Sentiment   string `json:"sentiment"`
	Transcript  []struct {
		Author string    `json:"author"`
		Text   string    `json:"text"`
		At     time.Time `json:"at"`
	} `json:"transcript"`
	Tried *struct {
		Title string `json:"title"`
		Steps []struct {
			Step   string `json:"step"`
			Answer string `json:"answer"`
		} `json:"steps"`
	} `json:"tried"`
	Articles []struct {
		Title   string `json:"title"`
		URL     string `json:"url"`
		Version int    `json:"version"`
	} `json:"articles"`
	Promises []struct {
		Text string    `json:"text"`
		By   time.Time `json:"by"`
	} `json:"promises"`
}

// opening is the package as a text for the people at another desk, at most about limit bytes long: what is least needed, the
// beginning of the transcript, is left out first.
func (s *Service) opening(d Data, limit int) string {
	var p packageText
	_ = json.Unmarshal(d.Package, &p) // what cannot be read is left out
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("Handed over by the assistant: %s", d.Handoff.Reason)
	if p.Explanation != "" {
		line("Why: %s", p.Explanation)
	}
	if p.Corrected != "" {
		line("\nThe customer's own summary: %s", p.Corrected)
	} else {
		for _, part := range []string{p.Summary.Wants, p.Summary.Tried, p.Summary.Open} {
			if part != "" {
				line("%s", part)
			}
		}
	}
	line("")
	topic := "none"
	if d.Handoff.Topic != nil {
		topic = *d.Handoff.Topic
	}
	line("Priority P%d · topic %s · team %s · language %s · market %s · %s", d.Handoff.Priority, topic, d.Handoff.Team, d.Handoff.Language, d.Conversation.Market,
		d.Conversation.Audience)
	line("Customer: %s", customerLine(d.Conversation.Customer))
	for _, pr := range p.Promises {
		line("Promised: %s by %s", pr.Text, pr.By.UTC().Format("2006-01-02 15:04 MST"))
	}
	if p.Tried != nil {
		line("\nTried: %s", p.Tried.Title)
		for _, s := range p.Tried.Steps {
			line("- %s → %s", s.Step, s.Answer)
		}
	}
	if len(p.Articles) > 0 {
		line("\nArticles shown or found:")
		for _, a := range p.Articles {
			line("- %s (version %d) %s", a.Title, a.Version, a.URL)
		}
	}
	tail := "\nConversation " + d.Conversation.ID.String()
	if base := s.base.Load(); base != nil && *base != "" {
		tail += "\n" + *base + "/desk#c/" + d.Conversation.ID.String()
	}
	room := limit - b.Len() - len(tail) - 40
	var said []string
	for i := len(p.Transcript) - 1; i >= 0; i-- {
		m := p.Transcript[i]
		text := m.Author + ": " + m.Text
		if room -= len(text) + 1; room < 0 {
			said = append(said, "…")
			break
		}
		said = append(said, text)
	}
	if len(said) > 0 {
		line("\nSaid so far:")
		for i := len(said) - 1; i >= 0; i-- {
			line("%s", said[i])
		}
	}
	return clip(b.String()+tail, limit)
}

func customerLine(p chat.Person) string {
	name := p.Name
	if name == "" {
		name = "anonymous"
	}
	if p.Email != "" {
		name += " <" + p.Email + ">"
	}
	if p.Verified {
		return name + ", verified"
	}
	return name + ", not verified"
}

// subject is one line about the handoff.
func subject(d Data) string {
	wants := d.Handoff.Summary
	wants = strings.TrimPrefix(wants, "Wants: ")
	if i := strings.IndexByte(wants, '\n'); i >= 0 {
		wants = wants[:i]
	}
	return clip(strings.Join(strings.Fields(wants), " "), 140)
}

// aside is how an event that is no message of the customer's reads for the people at another desk.
func (s *Service) aside(e Event) string {
	d := e.Data
	who := "Somebody"
	if d.Handoff.Agent != nil {
		who = d.Handoff.Agent.Name
	}
	switch e.Type {
	case HandoffUpdated:
		switch d.Handoff.State {
		case "accepted":
			return who + " has taken this conversation at Firstline's desk. Replies written here reach them as notes."
		case "asynchronous":
			return "Nobody was free; the customer was promised an answer later."
		case "queued":
			return "This conversation waits for a person again, team " + d.Handoff.Team + "."
		}
		return "State: " + d.Handoff.State
	case HandoffEnded:
		if d.Handoff.State == "returned_to_assistant" {
			return who + " has given this conversation back to the assistant."
		}
		return who + " has closed this conversation at Firstline's desk."
	}
	m := d.Message
	if m == nil {
		return e.Type
	}
	name := string(m.Author)
	if m.Agent != nil {
		name = m.Agent.Name
	}
	if e.Type == NoteCreated {
		return "Note of " + name + ": " + m.Text
	}
	return name + " answered: " + m.Text
}

// fromCustomer tells whether an event is a message that the customer wrote.
func fromCustomer(e Event) bool {
	return e.Data.Message != nil && e.Data.Message.Author == chat.Customer
}

// said is a message as another desk shows it: files are named, and stay here.
func said(m *chat.Message) string {
	text := m.Text
	var files []struct {
		Name string `json:"name"`
	}
	if len(m.Attachments) > 0 && json.Unmarshal(m.Attachments, &files) == nil {
		for _, f := range files {
			text += "\n[file: " + f.Name + "]"
		}
	}
	if text == "" {
		return "(nothing)"
	}
	return text
}

// plain makes text of HTML: paragraphs and line breaks become lines, everything else loses its marks.
func plain(markup string) string {
	if !strings.ContainsAny(markup, "<&") {
		return strings.TrimSpace(markup)
	}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(markup))
	skip := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			lines := strings.Split(b.String(), "\n")
			for i := range lines {
				lines[i] = strings.TrimSpace(lines[i])
			}
			text := strings.Join(lines, "\n")
			for strings.Contains(text, "\n\n\n") {
				text = strings.ReplaceAll(text, "\n\n\n", "\n\n")
			}
			return strings.TrimSpace(text)
		case html.TextToken:
			if skip == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "br":
				b.WriteByte('\n')
			case "li":
				b.WriteString("\n- ")
			case "script", "style":
				skip++
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "p", "div", "ul", "ol", "blockquote", "h1", "h2", "h3", "h4", "tr":
				b.WriteByte('\n')
			case "script", "style":
				skip = max(0, skip-1)
			}
		}
	}
}
