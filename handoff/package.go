package handoff

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
)

// Package is what an agent receives, so that the customer need not say anything again. It is a snapshot of the moment of
// the handoff; the conversation goes on beside it.
type Package struct {
	Summary     Summary         `json:"summary"`
	Corrected   string          `json:"corrected,omitempty"` // the customer's own version of the summary
	Reason      string          `json:"reason"`
	Explanation string          `json:"explanation"`
	Topic       string          `json:"topic,omitempty"`
	Priority    int             `json:"priority"`
	Language    string          `json:"language"`
	Sentiment   string          `json:"sentiment"`
	Market      string          `json:"market"`
	Audience    string          `json:"audience"`
	Channel     string          `json:"channel"`
	Customer    chat.Person     `json:"customer"`
	Note        string          `json:"note,omitempty"`
	Transcript  []Line          `json:"transcript"` // masked as it was stored; the last transcriptLines
	Articles    []chat.Citation `json:"articles"`   // shown or found, with versions
	Attachments json.RawMessage `json:"attachments"`
	Promises    []Promise       `json:"promises"` // what the customer was told to expect
	DueAt       time.Time       `json:"due_at"`
	Earlier     int             `json:"earlier_handoffs"` // of this conversation
	Trace       json.RawMessage `json:"trace,omitempty"`  // the decision, as stored with the turn
}

// Summary says in three lines where the customer stands.
type Summary struct {
	Wants string `json:"wants"`
	Tried string `json:"tried"`
	Open  string `json:"open_question"`
}

func (s Summary) text() string {
	parts := []string{s.Wants}
	if s.Tried != "" {
		parts = append(parts, s.Tried)
	}
	if s.Open != "" && s.Open != s.Wants {
		parts = append(parts, s.Open)
	}
	return strings.Join(parts, "\n")
}

// Line is one message of the transcript.
type Line struct {
	Seq    int64     `json:"seq"`
	Author string    `json:"author"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
}

// Promise is something that the customer was told, with its deadline.
type Promise struct {
	Text string    `json:"text"`
	By   time.Time `json:"by"`
}

// transcriptLines bounds the snapshot; the whole record stands beside it.
const transcriptLines = 60

// buildPackage reads the record inside the session, after the turn's own message was added.
func buildPackage(ctx context.Context, s *chat.Session, req Request, h Handoff) (Package, error) {
	p := Package{
		Reason: req.Reason, Explanation: req.Explanation, Topic: req.Topic, Priority: h.Priority, Language: req.Language, Sentiment: req.Sentiment,
		Market: s.Market, Audience: s.Audience, Channel: s.Channel, Customer: s.Customer, Note: req.Note, Articles: req.Articles, Trace: req.Trace,
		DueAt: *h.DueAt, Promises: []Promise{{Text: "first answer from a person", By: *h.DueAt}},
	}
	if p.Articles == nil {
		p.Articles = []chat.Citation{}
	}
	rows, err := s.Tx().Query(ctx, `
		SELECT seq, author, body, created_at, turn_id, attachments, citations FROM messages
		WHERE conversation_id = $1 AND visibility = 'public' ORDER BY seq DESC LIMIT $2`, s.ID, transcriptLines)
	if err != nil {
		return p, err
	}
	type stored struct {
		Line
		Turn        *uuid.UUID
		Attachments json.RawMessage
		Citations   []chat.Citation
	}
	messages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m stored, err error) {
		return m, row.Scan(&m.Seq, &m.Author, &m.Text, &m.At, &m.Turn, &m.Attachments, &m.Citations)
	})
	if err != nil {
		return p, err
	}
	var asked []string // since the fence
	var attachments []json.RawMessage
	quoted := map[string]bool{}
	for i := len(messages) - 1; i >= 0; i-- {
		m := messages[i]
		p.Transcript = append(p.Transcript, m.Line)
		if len(m.Attachments) > 0 && string(m.Attachments) != "null" {
			attachments = append(attachments, m.Attachments)
		}
		if m.Seq <= s.FenceSeq {
			continue
		}
		switch chat.Author(m.Author) {
		case chat.Customer:
			asked = append(asked, m.Text)
		case chat.Assistant:
			for _, c := range m.Citations {
				quoted[c.Title] = true
			}
		}
	}
	if p.Attachments, err = json.Marshal(attachments); err != nil {
		return p, err
	}
	if attachments == nil {
		p.Attachments = json.RawMessage("[]")
	}
	p.Summary = summarise(asked, quoted, req.Note)
	err = s.Tx().QueryRow(ctx, `SELECT count(*) FROM handoffs WHERE conversation_id = $1`, s.ID).Scan(&p.Earlier)
	return p, err
}

// summarise builds the summary from the record alone: the first thing asked, what was shown, the last thing asked.
func summarise(asked []string, quoted map[string]bool, note string) Summary {
	var s Summary
	if note != "" {
		asked = append(asked, note)
	}
	if len(asked) == 0 {
		s.Wants = "The customer asked for a person without writing why."
		return s
	}
	longest := asked[0]
	for _, a := range asked {
		if len(a) > len(longest) {
			longest = a
		}
	}
	s.Wants = "Wants: " + clip(longest, 280)
	if len(quoted) > 0 {
		var titles []string
		for t := range quoted {
			titles = append(titles, "“"+t+"”")
		}
		slices.Sort(titles)
		s.Tried = fmt.Sprintf("Was shown: %s", strings.Join(titles, ", "))
	}
	if last := asked[len(asked)-1]; last != longest {
		s.Open = "Last asked: " + clip(last, 280)
	}
	return s
}

func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}
