package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/mask"
)

// How much one address is sent: by all conversations together, so that nobody's mailbox is filled by somebody else's.
const (
	answersAnHour  = 12
	confirmsAnHour = 3
	confirmsADay   = 6
)

// counted counts a mail to an address, or puts it off where the address had enough lately.
func (s *Service) counted(ctx context.Context, address, purpose string, hourly, daily int) error {
	var hour, day int
	hash := addressHash(address)
	err := s.pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE at > now() - interval '1 hour'), count(*) FROM notice_mails
		WHERE address_hash = $1 AND purpose = $2 AND at > now() - interval '1 day'`, hash, purpose).Scan(&hour, &day)
	if err != nil {
		return err
	}
	if hour >= hourly || daily > 0 && day >= daily {
		return later{10 * time.Minute}
	}
	_, err = s.pool.Exec(ctx, `INSERT INTO notice_mails (address_hash, purpose) VALUES ($1, $2)`, hash, purpose)
	return err
}

// sendMail sends one message and says whether trying again is of use.
func (s *Service) sendMail(ctx context.Context, m mail.Message) error {
	err := s.opts.Mail.Send(ctx, m)
	if err == nil {
		return nil
	}
	return &refusal{text: err.Error(), permanent: errors.Is(err, mail.ErrPermanent)}
}

// mailAnswers sends what was said in one e-mail.
func (s *Service) mailAnswers(ctx context.Context, n notice, messages []chat.Message, upto int64) error {
	if err := s.counted(ctx, n.Address, "answer", answersAnHour, 0); err != nil {
		return err
	}
	link, err := s.link(ctx, n.Conversation)
	if err != nil {
		return err
	}
	local := mail.ReplyLocal(n.Conversation, s.record.Derive(mail.ReplyPurpose, n.Conversation))
	end := s.url("/notices/unsubscribe?k=" + s.sign(purposeEnd, n.Subscription, time.Time{}))
	w := words(n.Locale)
	m := mail.Message{ID: fmt.Sprintf("%s.%d", local, upto), InThread: local, To: n.Address, Unsubscribe: end,
		Subject: fmt.Sprintf(w.subject, s.opts.Company), Text: s.letter(w, messages, link, end)}
	if s.opts.ReplyDomain != "" {
		m.ReplyTo = local + "@" + s.opts.ReplyDomain
	}
	return s.sendMail(ctx, m)
}

// letter is the text of an e-mail about what was said.
func (s *Service) letter(w phrases, messages []chat.Message, link, end string) string {
	var b strings.Builder
	for _, m := range messages {
		switch {
		case m.Author == chat.Agent && m.Agent != nil:
			fmt.Fprintf(&b, w.person+"\n", m.Agent.Name, s.opts.Company)
		case m.Author == chat.Agent:
			fmt.Fprintf(&b, "%s:\n", s.opts.Company)
		case m.Author == chat.Assistant:
			fmt.Fprintf(&b, w.ai+"\n", s.opts.Company)
		}
		b.WriteString(masked(m.Text) + "\n")
		for _, c := range m.Citations {
			url := c.URL
			if strings.HasPrefix(url, "/") {
				url = s.url(url)
			}
			fmt.Fprintf(&b, "[%d] %s: %s\n", c.N, c.Title, url)
		}
		for _, name := range fileNames(m) {
			fmt.Fprintf(&b, w.file+"\n", name)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "-- \n%s\n%s\n%s", w.open, link, w.once)
	if s.opts.Answers {
		b.WriteString("\n" + w.reply)
	}
	fmt.Fprintf(&b, "\n\n"+w.foot+"\n%s %s\n", s.opts.Company, w.end, end)
	return b.String()
}

// masked is a text without what must not leave: agents may have typed it.
func masked(text string) string {
	m, _ := mask.Mask(strings.TrimSpace(text))
	return m
}

// askToConfirm asks an address whether it wants to be told. It says nothing of the conversation, because it may be anybody's.
func (s *Service) askToConfirm(ctx context.Context, n notice) error {
	if s.opts.Mail == nil {
		return errStale
	}
	err := s.counted(ctx, n.Address, "confirm", confirmsAnHour, confirmsADay)
	if put := (later{}); errors.As(err, &put) {
		return errStale // whoever wants it asks again; what was asked for long ago is not sent
	}
	if err != nil {
		return err
	}
	w := words(n.Locale)
	key := s.sign(purposeConfirm, n.Subscription, time.Now().Add(confirmWithin))
	text := fmt.Sprintf(w.confirm, s.opts.Company) + "\n" + s.url("/notices/confirm?k="+key) + "\n\n" + w.confirmFoot + "\n"
	return s.sendMail(ctx, mail.Message{ID: fmt.Sprintf("confirm-%s-%d", uuid.NewSHA1(n.Subscription, []byte("mail")), n.Upto), To: n.Address,
		Subject: fmt.Sprintf(w.confirmSubject, s.opts.Company), Text: text})
}
