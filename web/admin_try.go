package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/fault"
)

// What a trial shows and looks at.
const (
	triedTopics   = 5
	triedMessages = 500 // customers' newest
	shownChanges  = 20
)

// triedTopic is a topic's probability. Credible ones count as what the message is about.
type triedTopic struct {
	Topic    string  `json:"topic"`
	P        float64 `json:"p"`
	Priority int     `json:"priority"` // 0 for none
	Credible bool    `json:"credible"`
}

type triedCue struct {
	Kind     string  `json:"kind"`
	Evidence string  `json:"evidence"`
	P        float64 `json:"p"`
}

// triedRule is what the hard rules would do, whatever the articles say.
type triedRule struct {
	HandOff     bool             `json:"hand_off"`
	Reason      assistant.Reason `json:"reason"` // "" when no rule speaks
	Says        string           `json:"says"`   // at once, to the customer
	Explanation string           `json:"explanation"`
}

// tried is what one classifier and the rules see in a message.
type tried struct {
	Classifier string          `json:"classifier"`
	Language   string          `json:"language"`
	Topic      string          `json:"topic"` // that counts; "" for none
	Priority   int             `json:"priority"`
	AI         triage.AIPolicy `json:"ai"` // may the assistant answer that topic; "" without one
	Topics     []triedTopic    `json:"topics"`
	Cues       []triedCue      `json:"cues"`
	Rule       triedRule       `json:"rule"`
}

// changedMessage is a stored message that would be understood otherwise.
type changedMessage struct {
	Conversation uuid.UUID `json:"conversation"`
	Text         string    `json:"text"` // masked, as it is stored
	Before       string    `json:"before"`
	After        string    `json:"after"`
}

// trial is what a message means now, and with a proposed example.
type trial struct {
	Now      tried            `json:"now"`
	Then     *tried           `json:"then"`
	Examined int              `json:"examined"` // stored messages that were looked at
	Changed  int              `json:"changed"`  // of those, with another topic
	Changes  []changedMessage `json:"changes"`  // the newest of those
	Took     float64          `json:"took_ms"`
}

func (s *Server) tryTopics(c *gin.Context) error {
	var in struct {
		Text   string `json:"text"`
		Locale string `json:"locale"`
		With   *struct {
			Topic    string `json:"topic"`
			Language string `json:"language"`
			Text     string `json:"text"`
		} `json:"with"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	text, err := cleanText("text", in.Text, maxText, true)
	if err != nil {
		return err
	}
	var with *triage.Example
	if in.With != nil {
		with = &triage.Example{Topic: in.With.Topic, Language: in.With.Language, Text: in.With.Text}
	}
	out, err := s.try(c.Request.Context(), text, in.Locale, with)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, out)
}

// try reads a message with what is stored now and, trained on the fly, with one more example. It writes nothing and puts
// nothing in force. One trial runs at a time, because a training takes every core for a moment.
func (s *Server) try(ctx context.Context, text, locale string, with *triage.Example) (trial, error) {
	began := time.Now()
	out := trial{Changes: []changedMessage{}}
	if locale == "" && len(s.Site.Locales) > 0 {
		locale = s.Site.Locales[0]
	}
	if !slices.Contains(s.Site.Locales, locale) {
		return out, fault.Field("locale", "unknown_locale", "Use one of the site's locales.")
	}
	set, err := s.Desk.TopicSet(ctx)
	if err != nil {
		return out, err
	}
	var next handoff.TopicSet
	if with != nil { // refused before it costs a training
		if _, found := set.Find(with.Topic); !found {
			return out, fault.Field("with.topic", "topic_not_found", "There is no such topic.")
		}
		e, err := s.example(&set, "with.", with.Topic, with.Language, with.Text)
		if err != nil {
			return out, err
		}
		if next, err = set.With(e); err != nil {
			return out, err
		}
	}
	select {
	case s.trying <- struct{}{}:
		defer func() { <-s.trying }()
	case <-ctx.Done():
		return out, ctx.Err()
	}
	now, err := s.lesson(set)
	if err != nil {
		return out, err
	}
	before := triageOf(now)
	out.Now = see(now, before, text, locale)
	if with != nil {
		lesson, err := handoff.Learn(next)
		if err != nil {
			return out, err
		}
		after := triageOf(lesson)
		then := see(lesson, after, text, locale)
		out.Then = &then
		if err := s.reread(ctx, before, after, &out); err != nil {
			return out, err
		}
	}
	out.Took = float64(time.Since(began).Microseconds()) / 1000
	return out, nil
}

// lesson is the one in force where it rests on the set, or one of its own.
func (s *Server) lesson(set handoff.TopicSet) (*handoff.Lesson, error) {
	if s.Learner != nil {
		if l := s.Learner.Lesson(); l != nil && handoff.Tag(l.Set) == handoff.Tag(set) {
			return l, nil
		}
	}
	return handoff.Learn(set)
}

func triageOf(l *handoff.Lesson) *assistant.Triage {
	return &assistant.Triage{Classifier: l.Classifier, Topics: l.Set.ByKey(), Shelves: l.Set.Shelves}
}

// see is what a classifier and the rules make of a message.
func see(l *handoff.Lesson, tr *assistant.Triage, text, locale string) tried {
	out := tried{Classifier: l.Hash(), Topics: []triedTopic{}, Cues: []triedCue{}}
	if l.Classifier != nil {
		for _, x := range l.Classifier.Segments(text) {
			if len(out.Topics) < triedTopics {
				out.Topics = append(out.Topics, triedTopic{x.Topic, x.P, x.Priority, x.Topic != triage.None && x.P >= triage.Credible(x.Priority)})
			}
		}
	}
	for _, x := range triage.Detect(text) {
		out.Cues = append(out.Cues, triedCue{x.Kind, x.Evidence, x.P})
	}
	a, alarmed := assistant.FindAlarm(tr, text, locale)
	out.Language, out.Topic, out.Priority, out.AI = a.Language, a.Topic, a.Priority, tr.Topics[a.Topic].AI
	out.Rule = triedRule{HandOff: alarmed || a.Reason == assistant.CustomerRequest, Reason: a.Reason, Says: a.Fixed, Explanation: a.Explanation}
	return out
}

// reread finds which of customers' newest messages would be about another topic.
func (s *Server) reread(ctx context.Context, before, after *assistant.Triage, out *trial) error {
	type stored struct {
		Conversation uuid.UUID
		Locale, Text string
	}
	// Ids of messages are in the order of time, and have an index.
	rows, err := s.Pool.Query(ctx, `SELECT m.conversation_id, c.locale, m.body FROM messages m JOIN conversations c ON c.id = m.conversation_id
		WHERE m.author = 'customer' ORDER BY m.id DESC LIMIT $1`, triedMessages)
	if err != nil {
		return err
	}
	messages, err := pgx.CollectRows(rows, pgx.RowToStructByPos[stored])
	if err != nil {
		return err
	}
	out.Examined = len(messages)
	for _, m := range messages {
		if err := ctx.Err(); err != nil {
			return err
		}
		was, _ := assistant.FindAlarm(before, m.Text, m.Locale)
		is, _ := assistant.FindAlarm(after, m.Text, m.Locale)
		if was.Topic == is.Topic {
			continue
		}
		if out.Changed++; len(out.Changes) < shownChanges {
			out.Changes = append(out.Changes, changedMessage{m.Conversation, m.Text, was.Topic, is.Topic})
		}
	}
	return nil
}
