package handoff

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
)

// Package is what an agent receives, so that the customer need not say anything again. It is a snapshot of the moment of
// the handoff; the conversation goes on beside it.
type Package struct {
	Summary     Summary           `json:"summary"`
	Corrected   string            `json:"corrected,omitempty"` // the customer's own version of the summary
	Reason      string            `json:"reason"`
	Explanation string            `json:"explanation"`
	Topic       string            `json:"topic,omitempty"`
	Priority    int               `json:"priority"`
	Language    string            `json:"language"`
	Sentiment   string            `json:"sentiment"`
	Market      string            `json:"market"`
	Audience    string            `json:"audience"`
	Channel     string            `json:"channel"`
	Customer    chat.Person       `json:"customer"`
	Note        string            `json:"note,omitempty"`
	Transcript  []Line            `json:"transcript"`      // masked as it was stored; the last transcriptLines
	Tried       *Tried            `json:"tried,omitempty"` // the guide that the customer was led through, and what they answered
	Articles    []chat.Citation   `json:"articles"`        // shown or found, with versions
	Attachments []chat.Attachment `json:"attachments"`
	Intake      *Intake           `json:"intake,omitempty"` // what was asked for beside the conversation, and what was given
	Promises    []Promise         `json:"promises"`         // what the customer was told to expect
	DueAt       time.Time         `json:"due_at"`
	Earlier     int               `json:"earlier_handoffs"` // of this conversation
	Trace       json.RawMessage   `json:"trace,omitempty"`  // the decision, as stored with the turn; without one, who decided and what the assistant decided last
}

// Line is one message of the transcript.
type Line struct {
	Seq    int64             `json:"seq"`
	Author string            `json:"author"`
	Text   string            `json:"text"`
	At     time.Time         `json:"at"`
	Files  []chat.Attachment `json:"attachments,omitempty"`
}

// Promise is something that the customer was told, with its deadline.
type Promise struct {
	Text string    `json:"text"`
	By   time.Time `json:"by"`
}

// transcriptLines bounds the snapshot; the whole record stands beside it.
const transcriptLines = 60

// buildPackage reads the record inside the session, after the turn's own message was added, and gives the handoff
// its summaries and its intake.
func (d *Desk) buildPackage(ctx context.Context, s *chat.Session, req Request, h *Handoff) (Package, error) {
	p := Package{
		Reason: req.Reason, Explanation: req.Explanation, Topic: req.Topic, Priority: h.Priority, Language: req.Language, Sentiment: req.Sentiment,
		Market: s.Market, Audience: s.Audience, Channel: s.Channel, Customer: s.Customer, Note: req.Note, Articles: []chat.Citation{},
		Attachments: []chat.Attachment{}, Trace: req.Trace, DueAt: *h.DueAt, Promises: []Promise{{Text: firstAnswer, By: *h.DueAt}},
	}
	rows, err := s.Tx().Query(ctx, `
		SELECT seq, author, body, created_at, attachments, citations FROM messages
		WHERE conversation_id = $1 AND visibility = 'public' ORDER BY seq DESC LIMIT $2`, s.ID, transcriptLines)
	if err != nil {
		return p, err
	}
	type stored struct {
		Line
		Citations []chat.Citation
	}
	messages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m stored, err error) {
		return m, row.Scan(&m.Seq, &m.Author, &m.Text, &m.At, &m.Files, &m.Citations)
	})
	if err != nil {
		return p, err
	}
	var asked []string // since the fence
	quoted := map[string]bool{}
	for i := len(messages) - 1; i >= 0; i-- {
		m := messages[i]
		p.Transcript = append(p.Transcript, m.Line)
		p.Attachments = append(p.Attachments, m.Files...)
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
			p.cite(m.Citations)
		}
	}
	p.cite(req.Articles) // what was found comes after what was shown
	if len(p.Trace) == 0 {
		if err := p.recall(ctx, s, req); err != nil {
			return p, err
		}
	}
	if p.Tried, err = tried(ctx, s); err != nil {
		return p, err
	}
	if p.Intake, err = d.askFor(ctx, s, req, *h, asked); err != nil {
		return p, err
	}
	p.Summary = summarise(asked, quoted, req.Note)
	h.Summary, h.CustomerSummary, h.Intake = p.Summary.text(d.opts.Language), p.Summary.text(p.Language), p.Intake
	if p.Summary.Wants == "" {
		p.Summary.Wants = summaryLabels["nothing"][languageIndex(d.opts.Language)]
	}
	err = s.Tx().QueryRow(ctx, `SELECT count(*) FROM handoffs WHERE conversation_id = $1`, s.ID).Scan(&p.Earlier)
	return p, err
}

// firstAnswer is the promise that every handoff makes.
const firstAnswer = "first answer from a person"

// mostArticles bounds those of a long conversation.
const mostArticles = 12

// cite adds articles that are not there yet.
func (p *Package) cite(added []chat.Citation) {
	for _, c := range added {
		if len(p.Articles) < mostArticles && !slices.ContainsFunc(p.Articles, func(o chat.Citation) bool {
			return o.Article == c.Article && o.Version == c.Version && o.Anchor == c.Anchor
		}) {
			p.Articles = append(p.Articles, c)
		}
	}
}

// recall completes a package that no turn made: who decided instead, and what the assistant made of the conversation in its
// last turn behind the fence, where there is one.
func (p *Package) recall(ctx context.Context, s *chat.Session, req Request) error {
	trace := struct {
		By       string          `json:"by"`
		Decision json.RawMessage `json:"decision"`
	}{By: byCustomer}
	if req.Reason == agentPulled {
		trace.By = "agent"
	}
	var last struct {
		Topic     string `json:"topic"`
		Sentiment string `json:"sentiment"`
	}
	err := s.Tx().QueryRow(ctx, `SELECT decision FROM turns WHERE conversation_id = $1 AND from_seq > $2 AND decision IS NOT NULL
		ORDER BY from_seq DESC, to_seq DESC, id DESC LIMIT 1`, s.ID, s.FenceSeq).Scan(&trace.Decision)
	if errors.Is(err, pgx.ErrNoRows) { // it was never asked
		trace.Decision, err = json.Marshal(map[string]string{"action": "hand_off", "reason": req.Reason, "explanation": req.Explanation})
	} else if err == nil {
		err = json.Unmarshal(trace.Decision, &last)
	}
	if err != nil {
		return err
	}
	p.Topic = cmp.Or(p.Topic, last.Topic)
	if p.Sentiment == "" || p.Sentiment == "calm" {
		p.Sentiment = cmp.Or(last.Sentiment, "calm")
	}
	p.Trace, err = json.Marshal(trace)
	return err
}

// agentPulled is the reason of a handoff that an agent made.
const agentPulled = "agent_pulled"

// Package returns the package of the conversation's latest handoff. What the handoff has become since, by a transfer or an
// alarm, stands in it as it is now.
func (d *Desk) Package(ctx context.Context, conversation uuid.UUID) (Handoff, json.RawMessage, error) {
	var p Package
	h, err := findHandoff(ctx, d.pool, `h.conversation_id = $1 ORDER BY h.queued_at DESC, h.id DESC LIMIT 1`, conversation)
	if err == nil {
		err = d.pool.QueryRow(ctx, `SELECT package FROM handoffs WHERE id = $1`, h.ID).Scan(&p)
	}
	if err != nil {
		return h, nil, err
	}
	p.Reason, p.Explanation, p.Priority, p.Intake = h.Reason, h.Explanation, h.Priority, h.Intake
	if h.Topic != nil {
		p.Topic = *h.Topic
	}
	if h.DueAt != nil {
		p.DueAt = *h.DueAt
		for i := range p.Promises {
			if p.Promises[i].Text == firstAnswer {
				p.Promises[i].By = *h.DueAt
			}
		}
	}
	raw, err := json.Marshal(p)
	return h, raw, err
}
