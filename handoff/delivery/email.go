package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mail"
)

// email writes handoffs to mailboxes: one thread a conversation. What comes back by e-mail is not read here; the address for
// replies says which conversation they belong to.
type email struct {
	s  *Service
	to []string
}

func newEmail(s *Service, c Connection) Adapter { return &email{s: s, to: c.Settings.To} }

// Send implements Adapter. A mailbox that has a message already keeps one of it, because its id stays the same.
func (m *email) Send(ctx context.Context, out Out) (Sent, error) {
	e := out.Event
	sent := Sent{External: e.Data.Conversation.ID.String()}
	text := ""
	switch {
	case e.Type == HandoffCreated:
		text = m.s.opening(e.Data, 100_000)
	case fromCustomer(e):
		text = "The customer writes:\n\n" + said(e.Data.Message)
	case e.Type == HandoffEnded || e.Data.Message != nil:
		text = m.s.aside(e)
	default:
		return sent, nil // moves in the queue are no reason for an e-mail
	}
	if m.s.opts.Mail == nil {
		return Sent{}, &refusal{Text: "there is no mail server; set FIRSTLINE_SMTP_URL and FIRSTLINE_MAIL_FROM", Permanent: true}
	}
	thread := "conversation-" + e.Data.Conversation.ID.String()
	msg := mail.Message{ID: out.Delivery, ReplyTo: m.s.replyAddress(e.Data.Conversation.ID), Text: text, InThread: thread,
		Subject: fmt.Sprintf("[%s P%d] %s", e.Data.Handoff.Team, e.Data.Handoff.Priority, subject(e.Data))}
	if e.Type == HandoffCreated && out.External == "" {
		msg.ID, msg.InThread = thread, ""
	}
	for i, to := range m.to {
		msg.To = to
		if i > 0 && msg.InThread != "" {
			msg.ID = fmt.Sprintf("%s-%d", out.Delivery, i)
		}
		if err := m.s.mail(ctx, msg); err != nil {
			return Sent{}, err
		}
	}
	return sent, nil
}

// Mails tells whether e-mail can be sent.
func (s *Service) Mails() bool { return s.opts.Mail != nil }

// mail sends one message and says whether trying again is of use.
func (s *Service) mail(ctx context.Context, m mail.Message) error {
	err := s.opts.Mail.Send(ctx, m)
	if err == nil {
		return nil
	}
	return &refusal{Text: err.Error(), Permanent: errors.Is(err, mail.ErrPermanent)}
}

// Check implements Adapter.
func (m *email) Check(ctx context.Context) error {
	if m.s.opts.Mail == nil {
		return &refusal{Text: "there is no mail server; set FIRSTLINE_SMTP_URL and FIRSTLINE_MAIL_FROM", Permanent: true}
	}
	return m.s.opts.Mail.Check(ctx)
}

// Receive implements Adapter.
func (m *email) Receive(Request) (Received, error) {
	return Received{}, fault.New(fault.NotFound, "sends_nothing", "A mailbox sends nothing to this address.")
}

// replyAddress is an address that names the conversation, and that nobody can make up for another one.
func (s *Service) replyAddress(conversation uuid.UUID) string {
	if s.opts.ReplyDomain == "" {
		return ""
	}
	return mail.ReplyLocal(conversation, s.record.Derive(mail.ReplyPurpose, conversation)) + "@" + s.opts.ReplyDomain
}

// sendAnswer mails everything that people have answered and the customer has neither read nor been told of. Only programs of
// before make such deliveries; what they have left is sent. Since then internal/notify tells customers.
func (s *Service) sendAnswer(ctx context.Context, j job) error {
	if s.opts.Mail == nil {
		return errStale
	}
	var address, locale string
	var told, last int64
	err := s.pool.QueryRow(ctx, `
		SELECT u.address, c.locale, greatest(u.told_seq, c.customer_seq, c.customer_read, COALESCE((SELECT max((data->>'seq')::bigint) FROM events
			WHERE conversation_id = c.id AND kind = 'read' AND data->>'author' = 'customer'), 0)), c.last_seq
		FROM subscriptions u JOIN conversations c ON c.id = u.conversation_id WHERE c.id = $1 AND u.kind = 'email' AND u.confirmed_at IS NOT NULL AND u.unsubscribed_at IS NULL ORDER BY u.created_at DESC LIMIT 1`, j.ConversationID).Scan(&address, &locale, &told, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return errStale
	}
	if err != nil {
		return err
	}
	if told >= j.Seq {
		return errStale // read, answered, or told with another one
	}
	messages, err := s.record.Messages(ctx, j.ConversationID, told, 50, false)
	if err != nil {
		return err
	}
	var b strings.Builder
	words := answerWords(locale)
	upTo := j.Seq
	for _, m := range messages {
		if m.Author == chat.Agent {
			name := s.opts.Company
			if m.Agent != nil {
				name = m.Agent.Name
			}
			fmt.Fprintf(&b, "%s:\n%s\n\n", name, said(&m))
			upTo = max(upTo, m.Seq)
		}
	}
	if b.Len() == 0 {
		return errStale
	}
	b.WriteString(words.foot)
	err = s.mail(ctx, mail.Message{ID: j.ID.String(), To: address, ReplyTo: s.replyAddress(j.ConversationID), Subject: fmt.Sprintf(words.subject, s.opts.Company), Text: b.String()})
	if err != nil {
		return err
	}
	_, err = s.pool.Exec(ctx, `UPDATE subscriptions SET told_seq = greatest(told_seq, $2) WHERE conversation_id = $1 AND kind = 'email'`, j.ConversationID, upTo)
	return err
}

type answerText struct{ subject, foot string }

func answerWords(locale string) answerText {
	language, _, _ := strings.Cut(locale, "-")
	if w, ok := answers[language]; ok {
		return w
	}
	return answers["en"]
}

// answers are what customers read around a person's answer, by language.
var answers = map[string]answerText{
	"en": {"An answer from %s", "You can go on in the chat, where you asked. You get this message because you left your address there."},
	"de": {"Eine Antwort von %s", "Sie können im Chat weiterschreiben, in dem Sie gefragt haben. Sie bekommen diese Nachricht, weil Sie dort Ihre Adresse hinterlassen haben."},
	"es": {"Una respuesta de %s", "Puedes seguir en el chat donde preguntaste. Recibes este mensaje porque dejaste allí tu dirección."},
	"sv": {"Ett svar från %s", "Du kan fortsätta i chatten där du frågade. Du får det här meddelandet eftersom du lämnade din adress där."},
	"fr": {"Une réponse de %s", "Vous pouvez continuer dans la discussion où vous avez demandé. Vous recevez ce message parce que vous y avez laissé votre adresse."},
	"ar": {"إجابة من \u2068%s\u2069", "يمكنك المتابعة في المحادثة التي سألت فيها. تصلك هذه الرسالة لأنك تركت عنوانك هناك."},
}
