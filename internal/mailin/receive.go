package mailin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/mask"
)

// Bounds of what a mail says. Messages are as long as those that are typed.
const (
	maxMessage  = 4000 // characters
	maxMessages = 5    // of one mail; a longer one comes as a file beside them
	maxOriginal = 200_000
	sameAgain   = 2 // the same text this often within an hour is a machine's
)

// letter is a mail on its way in.
type letter struct {
	*Mail
	key    []byte // what makes it the same when it comes again
	client string // client id of its message
	to     target
	size   int
}

// outcome is what became of it.
type outcome struct {
	verdict, reason string
	conversation    *uuid.UUID
	message         *uuid.UUID
	original        string
}

// take stores a mail. It may be called again with the same one, also by another process at the same time, and stores it
// once: the conversation it begins and the message it becomes have ids that are made of its own.
func (s *Service) take(ctx context.Context, envelope string, t target, raw []byte) error {
	m, err := parse(raw)
	if err != nil {
		l := &letter{Mail: &Mail{}, to: t, size: len(raw), key: hash("raw", string(raw), t.name(), t.conversation.String())}
		if err := s.keep(ctx, s.pool, l, outcome{verdict: Refused, reason: "unreadable"}); err != nil {
			return err
		}
		return errGarbage
	}
	id := m.MessageID
	if id == "" {
		id = "raw\x00" + string(raw)
	}
	l := &letter{Mail: m, to: t, size: len(raw)}
	if t.inbox != nil { // one that answers us may have been sent to the wrong address of ours
		for _, ref := range m.Refs {
			local, _, _ := strings.Cut(ref, "@")
			if named, right := s.named(local); right {
				l.to = named
				break
			}
		}
	}
	l.key = hash(id, m.From, l.to.name(), l.to.conversation.String())
	l.client = "mail-" + hex.EncodeToString(l.key[:16])
	done, err := s.known(ctx, l.key)
	if err != nil || done {
		return err
	}
	refuse := func(reason string, answer error) error {
		if err := s.keep(ctx, s.pool, l, outcome{verdict: Refused, reason: reason}); err != nil {
			return err
		}
		return answer
	}
	ignore := func(reason string) error {
		return s.keep(ctx, s.pool, l, outcome{verdict: Ignored, reason: reason})
	}
	// What machines sent gets no answer, not even that it was refused: that would be the next round of a loop.
	switch {
	case m.Loop != "":
		return ignore(m.Loop)
	case s.own(m.From):
		return ignore("own_mail")
	case strings.Trim(envelope, "<> ") == "":
		return ignore("bounce")
	case m.Machine != "":
		return ignore(m.Machine)
	case m.From == "":
		return refuse("no_one_sender", errSender)
	case m.Authentic(s.opts.Trusted) == "fail":
		return refuse("forged_sender", errForged)
	case t.inbox != nil && l.to.inbox != nil && s.answered(m.To):
		return ignore("also_to_reply_address")
	}
	if many, err := s.tooMany(ctx, m.From); err != nil {
		return err
	} else if many {
		return refuse("too_many_mails", errTooMany)
	}
	if l.to.inbox != nil {
		return s.start(ctx, l)
	}
	return s.reply(ctx, l)
}

// parse reads a mail; one that breaks the reader is none.
func parse(raw []byte) (m *Mail, err error) {
	defer func() {
		if recover() != nil {
			m, err = nil, errNotMail
		}
	}()
	return Parse(raw)
}

// answered tells whether a mail went to an address for replies, too: that one is enough.
func (s *Service) answered(to []string) bool {
	return slices.ContainsFunc(to, func(a string) bool {
		t, ok := s.find(a)
		return ok && t.inbox == nil
	})
}

// known tells whether a mail was dealt with before. One that was refused may come again in better order.
func (s *Service) known(ctx context.Context, key []byte) (yes bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM inbound_mail WHERE message_hash = $1 AND verdict <> 'refused')`, key).Scan(&yes)
	return yes, err
}

// keep writes down what became of a mail.
func (s *Service) keep(ctx context.Context, q pgxExec, l *letter, o outcome) error {
	domain := ""
	if at := strings.LastIndexByte(l.From, '@'); at >= 0 {
		domain = clip(l.From[at+1:], 255)
	}
	var original *string
	if o.original != "" {
		original = &o.original
	}
	_, err := q.Exec(ctx, `
		INSERT INTO inbound_mail (id, message_hash, conversation_id, message_id, sender_hash, sender_domain, recipient, size, verdict, reason, original)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (message_hash) DO UPDATE SET conversation_id = EXCLUDED.conversation_id, message_id = EXCLUDED.message_id, verdict = EXCLUDED.verdict,
			reason = EXCLUDED.reason, original = EXCLUDED.original, received_at = now() WHERE inbound_mail.verdict = 'refused'`,
		uuid.Must(uuid.NewV7()), l.key, o.conversation, o.message, hash("sender", l.From), domain, l.to.name(), l.size, o.verdict, o.reason, original)
	if err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	s.log.Info("mail came in", "verdict", o.verdict, "reason", o.reason, "size", l.size)
	return nil
}

// tooMany counts the mails of an address in this hour.
func (s *Service) tooMany(ctx context.Context, from string) (bool, error) {
	var n int
	err := s.pool.QueryRow(ctx, `INSERT INTO mail_senders (address_hash, hour, n) VALUES ($1, date_trunc('hour', now()), 1)
		ON CONFLICT (address_hash, hour) DO UPDATE SET n = mail_senders.n + 1 RETURNING n`, hash("sender", from)).Scan(&n)
	return n > s.opts.Hourly, err
}

// start begins a conversation with a mail.
func (s *Service) start(ctx context.Context, l *letter) error {
	kept, original := s.text(l)
	if l.Subject != "" && !strings.Contains(kept, l.Subject) {
		kept = strings.TrimSpace(mask1(l.Subject) + "\n\n" + kept)
	}
	if kept == "" && len(l.Files) == 0 {
		return s.keep(ctx, s.pool, l, outcome{verdict: Ignored, reason: "empty"})
	}
	locale := l.to.inbox.Locale
	if s.opts.Language != nil {
		if heard := s.opts.Language(kept, locale); slices.Contains(s.opts.Locales, heard) {
			locale = heard
		}
	}
	conv, err := s.record.Start(ctx, chat.NewConversation{Channel: "email", Market: l.to.inbox.Market, Locale: locale, Audience: "consumer",
		Customer: chat.Person{Name: mask1(l.Name), Email: l.From}, IdempotencyKey: "mail\x00" + l.client})
	if err != nil {
		return err
	}
	_, err = s.pool.Exec(ctx, `INSERT INTO mail_threads (conversation_id, address, subject, answers) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		conv.ID, l.From, clip(mask1(l.Subject), 300), l.MessageID)
	if err != nil {
		return fmt.Errorf("start thread: %w", err)
	}
	return s.say(ctx, l, conv, kept, original, Started)
}

// reply puts a mail into the conversation that its address proves.
func (s *Service) reply(ctx context.Context, l *letter) error {
	conv, err := s.record.Find(ctx, l.to.conversation)
	if fault.Is(err, fault.NotFound) { // it was deleted
		if err := s.keep(ctx, s.pool, l, outcome{verdict: Refused, reason: "conversation_gone"}); err != nil {
			return err
		}
		return errNobody
	}
	if err != nil {
		return err
	}
	kept, original := s.text(l)
	if kept == "" && len(l.Files) == 0 {
		kept = mask1(l.Subject)
	}
	if kept == "" && len(l.Files) == 0 {
		return s.keep(ctx, s.pool, l, outcome{verdict: Ignored, reason: "empty", conversation: &conv.ID})
	}
	theirs, err := s.theirs(ctx, conv, l.From)
	if err != nil {
		return err
	}
	// Where the first token is void because somebody else may have it, so is what can be made of it.
	if !theirs || l.to.old && conv.TokenGen > 0 {
		return s.note(ctx, l, conv, kept, original)
	}
	var again int
	err = s.pool.QueryRow(ctx, `SELECT count(*) FROM messages WHERE conversation_id = $1 AND author = 'customer' AND body = $2 AND client_id <> $3
		AND created_at > now() - interval '1 hour'`, conv.ID, kept, l.client).Scan(&again)
	if err != nil {
		return err
	}
	if again >= sameAgain {
		return s.keep(ctx, s.pool, l, outcome{verdict: Ignored, reason: "says_the_same_again", conversation: &conv.ID})
	}
	_, err = s.pool.Exec(ctx, `UPDATE mail_threads SET answers = $2, written_at = now() WHERE conversation_id = $1`, conv.ID, l.MessageID)
	if err != nil {
		return err
	}
	return s.say(ctx, l, conv, kept, original, Taken)
}

// theirs tells whether an address is one that the conversation's customer is known by.
func (s *Service) theirs(ctx context.Context, conv chat.Conversation, from string) (yes bool, err error) {
	if strings.EqualFold(conv.Customer.Email, from) {
		return true, nil
	}
	err = s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM mail_threads WHERE conversation_id = $1 AND lower(address) = $2)
		OR EXISTS (SELECT FROM subscriptions WHERE conversation_id = $1 AND kind = 'email' AND lower(address) = $2)`, conv.ID, from).Scan(&yes)
	return yes, err
}

// text is what a mail says, and the whole of it where something was cut; both without what must not be stored.
func (s *Service) text(l *letter) (kept, original string) {
	kept, cut := Strip(l.Text, l.Subject)
	kept = mask1(strings.TrimSpace(kept))
	if cut {
		original = mask1(clip(join(split(l.Text)), maxOriginal))
	}
	return kept, original
}

func mask1(s string) string {
	masked, _ := mask.Mask(s)
	return masked
}

// say stores a mail as messages of the customer's and has them answered.
func (s *Service) say(ctx context.Context, l *letter, conv chat.Conversation, text, original, verdict string) error {
	failpoint("mail_read")
	pieces, rest := pieces(text)
	if rest {
		l.Files = append([]File{{Name: "mail.txt", Data: []byte(text)}}, l.Files...)
	}
	var first uuid.UUID
	for i, piece := range pieces {
		in := chat.Inbound{ClientID: l.client, Text: piece}
		if i > 0 {
			in.ClientID = fmt.Sprintf("%s.%d", l.client, i+1)
		}
		stored, found, err := s.stored(ctx, conv.ID, in.ClientID)
		switch {
		case err != nil:
			return err
		case found: // by an earlier try: what followed it may be undone
			in.Text, in.Files = stored.Text, stored.Named
		case i == 0:
			if in.Files, err = s.upload(ctx, l, conv.ID); err != nil {
				return err
			}
		}
		rec, err := s.chat.Receive(ctx, conv.ID, in)
		if fault.Is(err, fault.Conflict) { // another process has just stored it; its files are not ours
			if stored, found, err = s.stored(ctx, conv.ID, in.ClientID); err == nil && found {
				in.Text, in.Files = stored.Text, stored.Named
				rec, err = s.chat.Receive(ctx, conv.ID, in)
			}
		}
		if err != nil {
			return fmt.Errorf("store mail: %w", err)
		}
		if i == 0 {
			first = rec.Message.ID
		}
	}
	failpoint("mail_stored")
	if len(l.Left) > 0 {
		if err := s.tellLeft(ctx, l, conv); err != nil {
			return err
		}
	}
	return s.keep(ctx, s.pool, l, outcome{verdict: verdict, conversation: &conv.ID, message: &first, original: original})
}

// stored finds a message that an earlier try has stored.
func (s *Service) stored(ctx context.Context, conversation uuid.UUID, client string) (m chat.Message, found bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT body, attachments FROM messages WHERE conversation_id = $1 AND author = 'customer' AND client_id = $2`, conversation, client).
		Scan(&m.Text, &m.Attachments)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, false, nil
	}
	for _, f := range m.Files() {
		m.Named = append(m.Named, f.ID)
	}
	return m, err == nil, err
}

// pieces cuts a long text at its paragraphs; rest tells that it is longer than that.
func pieces(text string) (out []string, rest bool) {
	for utf8.RuneCountInString(text) > maxMessage {
		if len(out) == maxMessages-1 {
			rest = true
			break
		}
		end, last := 0, 0 // bytes: of the bound, and of the best place before it
		n := 0
		for i, r := range text {
			if n++; n > maxMessage {
				break
			}
			end = i + utf8.RuneLen(r)
			switch {
			case strings.HasPrefix(text[i:], "\n\n"), r == '\n' && last < end/2, r == ' ' && last < end/4:
				last = i
			}
		}
		if last == 0 {
			last = end
		}
		out = append(out, strings.TrimSpace(text[:last]))
		text = strings.TrimSpace(text[last:])
	}
	if rest {
		text = string([]rune(text)[:maxMessage-1]) + "…"
	}
	return append(out, text), rest
}

// upload stores the files of a mail by the rules of uploads; those that may not be are left out and told of.
func (s *Service) upload(ctx context.Context, l *letter, conversation uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for _, f := range l.Files {
		kind, ok := chat.Sniff(f.Data)
		if !ok {
			l.leave(f.Name)
			continue
		}
		if len(ids) == chat.MaxMessageFiles {
			l.leave(f.Name)
			continue
		}
		data := f.Data
		if kind == "text/plain" {
			data = []byte(mask1(string(data)))
		}
		a, err := s.record.Upload(ctx, conversation, chat.Customer, chat.FileName(f.Name, kind), kind, data)
		if fault.Is(err, fault.Conflict) { // the conversation has as many as it takes
			l.leave(f.Name)
			continue
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, a.ID)
	}
	return ids, nil
}

// tellLeft has the customer know what of their mail was not taken, once.
func (s *Service) tellLeft(ctx context.Context, l *letter, conv chat.Conversation) error {
	var names []string
	for _, n := range l.Left {
		names = append(names, mask1(clip(n, 100)))
	}
	return s.record.Do(ctx, conv.ID, func(ctx context.Context, c *chat.Session) error {
		_, said, err := c.FindByClientID(ctx, chat.System, l.client)
		if err != nil || said {
			return err
		}
		return c.AddMessage(ctx, &chat.Message{Author: chat.System, ClientID: l.client, Text: fmt.Sprintf(words(conv.Locale).left, strings.Join(names, ", "))})
	})
}

// note keeps what somebody wrote who is not known in the conversation, for agents alone: whoever was shown a mail has its
// address, too, and does not become the customer by it.
func (s *Service) note(ctx context.Context, l *letter, conv chat.Conversation, text, original string) error {
	pieces, _ := pieces(text)
	body := fmt.Sprintf("E-mail from %s, who is not known in this conversation. It was not shown to the customer or the assistant.\n\n%s", l.From, pieces[0])
	for _, f := range l.Files {
		body += "\n[file, not kept: " + mask1(clip(f.Name, 100)) + "]"
	}
	first := false
	err := s.record.Do(ctx, conv.ID, func(ctx context.Context, c *chat.Session) error {
		stored, said, err := c.FindByClientID(ctx, chat.System, l.client)
		if err != nil {
			return err
		}
		if !said {
			stored = chat.Message{Author: chat.System, ClientID: l.client, Text: body, Visibility: "internal"}
			if err := c.AddMessage(ctx, &stored); err != nil {
				return err
			}
		}
		err = c.Tx().QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM inbound_mail WHERE conversation_id = $1 AND sender_hash = $2 AND verdict = 'noted')`, conv.ID,
			hash("sender", l.From)).Scan(&first)
		if err != nil {
			return err
		}
		return s.keep(ctx, c.Tx(), l, outcome{verdict: Noted, reason: "unknown_sender", conversation: &conv.ID, message: &stored.ID, original: original})
	})
	if err != nil {
		return err
	}
	// Only a sender who is who they say gets a mail back: whoever was named by somebody else must not be bothered.
	if first && s.mail != nil && l.Authentic(s.opts.Trusted) == "pass" {
		w := words(conv.Locale)
		sctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		err := s.mail.Send(sctx, mail.Message{ID: "unknown-" + hex.EncodeToString(l.key[:16]), To: l.From, Subject: fmt.Sprintf(w.subject, s.opts.Company), Text: w.unknown, Answers: l.MessageID})
		if err != nil {
			s.log.Warn("who is not known was not told so", "error", err)
		}
	}
	return nil
}
