package mailin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/mail"
)

// pgxExec is met by a pool and by a transaction.
type pgxExec interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Start sends answers in the background until Stop. Without a sender it does nothing.
func (s *Service) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil || s.mail == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.done = cancel, make(chan struct{})
	go func() {
		defer close(s.done)
		every := time.NewTicker(s.opts.Tick)
		defer every.Stop()
		for n := 0; ; n++ {
			if _, err := s.Answer(ctx, n%30 == 0); err != nil && ctx.Err() == nil {
				s.log.Warn("answers by e-mail", "error", err)
			}
			if err := s.tidy(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("old mails", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-every.C:
			}
		}
	}()
}

// Stop ends it. It is idempotent.
func (s *Service) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel == nil {
		return
	}
	s.cancel()
	<-s.done
	s.cancel = nil
}

// thread is a conversation whose answers this process sends now.
type thread struct {
	Conversation uuid.UUID
	Address      string
	Subject      string
	Answers      string
	Told, Upto   int64
	Attempts     int
	Locale       string
}

// Bounds of sending.
const (
	sentAtOnce = 20
	leased     = time.Minute
	maxTries   = 12
)

// Answer mails what was said in conversations that are held by mail and has not been mailed, and returns how many mails that
// were. It looks at those whose customer wrote within a day, or at all of them.
//
// What a mail says is fixed before it is sent, and its Message-ID is made of that: one that is sent again after a crash is
// the same mail, and mailboxes keep one of it.
func (s *Service) Answer(ctx context.Context, all bool) (int, error) {
	age := 24 * time.Hour
	if all {
		age = 10 * 365 * 24 * time.Hour
	}
	rows, err := s.pool.Query(ctx, `
		WITH due AS (
			SELECT t.conversation_id, m.upto FROM mail_threads t JOIN conversations c ON c.id = t.conversation_id, LATERAL (
				SELECT max(seq) AS upto, max(created_at) AS at FROM messages m
				WHERE m.conversation_id = c.id AND m.seq > t.told_seq AND m.author <> 'customer' AND m.visibility = 'public') m
			WHERE t.written_at > now() - $1 * interval '1 second' AND c.last_seq > t.told_seq AND c.turn_id IS NULL AND t.next_at <= now()
				AND (t.lease_until IS NULL OR t.lease_until < now()) AND m.upto IS NOT NULL AND m.at <= now() - $2 * interval '1 second'
			ORDER BY m.at LIMIT $3
		), mine AS (
			SELECT t.conversation_id, due.upto FROM mail_threads t JOIN due USING (conversation_id)
			WHERE t.lease_until IS NULL OR t.lease_until < now() FOR UPDATE OF t SKIP LOCKED
		)
		UPDATE mail_threads t SET lease_until = now() + $4 * interval '1 second', attempts = attempts + 1,
			upto_seq = CASE WHEN t.upto_seq > t.told_seq THEN t.upto_seq ELSE mine.upto END
		FROM mine, conversations c WHERE t.conversation_id = mine.conversation_id AND c.id = t.conversation_id
		RETURNING t.conversation_id, t.address, t.subject, t.answers, t.told_seq, t.upto_seq, t.attempts, c.locale`,
		age.Seconds(), s.opts.Settle.Seconds(), sentAtOnce, leased.Seconds())
	if err != nil {
		return 0, err
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[thread])
	if err != nil {
		return 0, err
	}
	sent := 0
	for _, t := range due {
		ok, err := s.send(ctx, t)
		if err := s.settle(ctx, t, err); err != nil {
			return sent, err
		}
		if ok {
			sent++
		}
	}
	return sent, nil
}

// send mails one thread's answers.
func (s *Service) send(ctx context.Context, t thread) (bool, error) {
	text, err := s.compose(ctx, t)
	if err != nil || text == "" {
		return false, err
	}
	w := words(t.Locale)
	subject := fmt.Sprintf(w.subject, s.opts.Company)
	if t.Subject != "" {
		subject = "Re: " + t.Subject
		if strings.HasPrefix(strings.ToLower(t.Subject), "re:") {
			subject = t.Subject
		}
	}
	local := mail.ReplyLocal(t.Conversation, s.record.Derive(mail.ReplyPurpose, t.Conversation))
	m := mail.Message{ID: fmt.Sprintf("%s.%d", local, t.Upto), To: t.Address, Subject: subject, Text: text, Answers: t.Answers}
	if s.opts.ReplyDomain != "" {
		m.ReplyTo = local + "@" + s.opts.ReplyDomain
	}
	sctx, cancel := context.WithTimeout(ctx, leased/2)
	defer cancel()
	return true, s.mail.Send(sctx, m)
}

// compose writes the mail: what everybody but the customer has said since the last one.
func (s *Service) compose(ctx context.Context, t thread) (string, error) {
	messages, err := s.record.Messages(ctx, t.Conversation, t.Told, 200, false)
	if err != nil {
		return "", err
	}
	w := words(t.Locale)
	var b strings.Builder
	ai := false
	for _, m := range messages {
		if m.Author == chat.Customer || m.Seq > t.Upto {
			continue
		}
		if m.Agent != nil {
			fmt.Fprintf(&b, "%s (%s):\n", m.Agent.Name, s.opts.Company)
		}
		b.WriteString(strings.TrimSpace(m.Text))
		b.WriteString("\n")
		for _, c := range m.Citations {
			if strings.HasPrefix(c.URL, "https://") || strings.HasPrefix(c.URL, "http://") {
				fmt.Fprintf(&b, "[%d] %s: %s\n", c.N, c.Title, c.URL)
			} else {
				fmt.Fprintf(&b, "[%d] %s\n", c.N, c.Title)
			}
		}
		for _, f := range m.Files() {
			fmt.Fprintf(&b, "[%s]\n", f.Name)
		}
		b.WriteString("\n")
		ai = ai || m.AI
	}
	if b.Len() == 0 {
		return "", nil
	}
	b.WriteString("-- \n")
	if ai {
		fmt.Fprintf(&b, w.ai+"\n", s.opts.Company)
	}
	b.WriteString(w.foot)
	return b.String(), nil
}

// settle writes down what became of an attempt.
func (s *Service) settle(ctx context.Context, t thread, failure error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if failure == nil {
		_, err := s.pool.Exec(ctx, `UPDATE mail_threads SET told_seq = greatest(told_seq, $2), attempts = 0, lease_until = NULL, error = '', next_at = now()
			WHERE conversation_id = $1 AND attempts = $3`, t.Conversation, t.Upto, t.Attempts)
		return err
	}
	s.log.Warn("an answer was not mailed", "conversation", t.Conversation, "attempt", t.Attempts, "error", failure)
	if errors.Is(failure, mail.ErrPermanent) || t.Attempts >= maxTries { // given up: the answer stays in the conversation, and what comes later is tried again
		_, err := s.pool.Exec(ctx, `UPDATE mail_threads SET told_seq = greatest(told_seq, $2), attempts = 0, lease_until = NULL, error = $4, next_at = now()
			WHERE conversation_id = $1 AND attempts = $3`, t.Conversation, t.Upto, t.Attempts, clip(mask1(failure.Error()), 300))
		return err
	}
	pause := min(time.Duration(1<<min(t.Attempts, 12))*5*time.Second, 4*time.Hour)
	_, err := s.pool.Exec(ctx, `UPDATE mail_threads SET lease_until = NULL, error = $3, next_at = now() + $4 * interval '1 second'
		WHERE conversation_id = $1 AND attempts = $2`, t.Conversation, t.Attempts, clip(mask1(failure.Error()), 300), pause.Seconds())
	return err
}

// keptFor is how long it is known that a mail came: longer than any mail server tries again.
const keptFor = 60 * 24 * time.Hour

// tidy forgets what is older, a little at a time. What agents can look up stays as long as its conversation.
func (s *Service) tidy(ctx context.Context) error {
	if time.Since(s.tidied) < time.Hour {
		return nil
	}
	s.tidied = time.Now()
	for _, sql := range []string{
		`DELETE FROM inbound_mail WHERE id IN (SELECT id FROM inbound_mail WHERE received_at < now() - $1 * interval '1 second' AND (conversation_id IS NULL OR original IS NULL) LIMIT 5000)`,
		`DELETE FROM mail_senders WHERE hour < now() - interval '1 day' AND $1 > 0`,
	} {
		if _, err := s.pool.Exec(ctx, sql, keptFor.Seconds()); err != nil {
			return err
		}
	}
	return nil
}
