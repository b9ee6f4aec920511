// Package mail sends e-mail through the company's own SMTP server. It knows what a message is and whether a failure is worth
// another attempt; what is written, to whom and when is others' to know. Whatever it sends says that a machine sent it, so
// that no other machine answers.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/firstline/firstline/internal/fault"
)

// Config names the server. It is set by whoever runs the program, so its address may be an internal one.
type Config struct {
	URL  string      // smtp://user:password@host:587 (STARTTLS), smtps://...:465 (TLS), smtp+plain://host:25 (neither); "" sends nothing
	From string      // sender, such as "Larkpay support <support@larkpay.example>"
	TLS  *tls.Config // nil: the system's authorities
}

// Message is one e-mail to one person or mailbox.
type Message struct {
	ID       string // stays the same when it is sent again, so that mailboxes keep one; the part before the sender's domain
	To       string
	ReplyTo  string // "" for the sender
	Subject  string
	Text     string
	InThread string // ID of the message that began the thread; "" for none
	Answers  string // whole Message-ID, without its brackets, of the customer's message that this answers; "" for none

	Unsubscribe string // address that ends such messages by one request (RFC 8058); "" for none
}

// Sender sends messages. It is safe for concurrent use.
type Sender struct {
	host    string
	domain  string
	from    *mail.Address
	options []gomail.Option
}

// timeout bounds everything that is done with one connection.
const timeout = 20 * time.Second

// New returns a sender, or nil when no server is configured.
func New(c Config) (*Sender, error) {
	if c.URL == "" {
		return nil, nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() == "" {
		return nil, fault.Field("FIRSTLINE_SMTP_URL", "not_a_url", "Use smtp://user:password@host:587, smtps://user:password@host:465 or smtp+plain://host:25.")
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, fault.Field("FIRSTLINE_MAIL_FROM", "not_an_address", "Name the sender of e-mail, such as Larkpay support <support@larkpay.example>.")
	}
	s := &Sender{host: u.Hostname(), from: from, domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:]}
	tlsConfig := c.TLS
	if tlsConfig == nil {
		tlsConfig = &tls.Config{}
	}
	tlsConfig = tlsConfig.Clone()
	tlsConfig.MinVersion = tls.VersionTLS12
	if tlsConfig.ServerName == "" {
		tlsConfig.ServerName = s.host
	}
	s.options = []gomail.Option{gomail.WithTimeout(timeout), gomail.WithTLSConfig(tlsConfig), gomail.WithHELO(s.domain)}
	port := map[string]int{"smtp": 587, "smtps": 465, "smtp+plain": 25}[u.Scheme]
	switch u.Scheme {
	case "smtp":
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "smtps":
		s.options = append(s.options, gomail.WithSSL())
	case "smtp+plain":
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fault.Field("FIRSTLINE_SMTP_URL", "unknown_scheme", "Use smtp (STARTTLS), smtps (TLS) or smtp+plain (neither).")
	}
	if p := u.Port(); p != "" {
		port, _ = strconv.Atoi(p) // the URL was parsed with it
	}
	s.options = append(s.options, gomail.WithPort(port))
	if user := u.User.Username(); user != "" {
		if u.Scheme == "smtp+plain" {
			return nil, fault.Field("FIRSTLINE_SMTP_URL", "password_without_tls", "A password is sent with smtp or smtps only.")
		}
		password, _ := u.User.Password()
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(user), gomail.WithPassword(password))
	}
	return s, nil
}

// LoopHeader is in every message that is sent here, so that one which comes back is known.
const LoopHeader = "X-Firstline-Loop"

// Address is the sender's, without a name.
func (s *Sender) Address() string { return s.from.Address }

// Domain is the sender's.
func (s *Sender) Domain() string { return s.domain }

// ErrPermanent is in the error of a message that no later attempt would send.
var ErrPermanent = errors.New("the mail server refuses this for good")

// Send sends one message. It returns once the server has it.
func (s *Sender) Send(ctx context.Context, m Message) error {
	msg := gomail.NewMsg()
	msg.FromMailAddress(s.from)
	if err := msg.To(m.To); err != nil {
		return fmt.Errorf("%w: the recipient's address: %w", ErrPermanent, err)
	}
	if m.ReplyTo != "" {
		if err := msg.ReplyTo(m.ReplyTo); err != nil {
			return fmt.Errorf("%w: the address for replies: %w", ErrPermanent, err)
		}
	}
	msg.Subject(strings.Join(strings.Fields(m.Subject), " ")) // no line break reaches a header
	msg.SetDate()
	msg.SetMessageIDWithValue(m.ID + "@" + s.domain)
	if m.InThread != "" {
		ref := "<" + m.InThread + "@" + s.domain + ">"
		msg.SetGenHeader(gomail.HeaderInReplyTo, ref)
		msg.SetGenHeader(gomail.HeaderReferences, ref)
	}
	if m.Answers != "" && !strings.ContainsAny(m.Answers, "<>\r\n \t") {
		ref := "<" + m.Answers + ">"
		msg.SetGenHeader(gomail.HeaderInReplyTo, ref)
		msg.SetGenHeader(gomail.HeaderReferences, ref)
	}
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	msg.SetGenHeader(LoopHeader, "1")
	if m.Unsubscribe != "" {
		msg.SetGenHeader("List-Unsubscribe", "<"+m.Unsubscribe+">")
		if strings.HasPrefix(m.Unsubscribe, "https://") { // mail programs send nothing without TLS
			msg.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
		}
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	c, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return err
	}
	err = c.DialAndSendWithContext(ctx, msg)
	var refused *gomail.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	return err
}

// Check tells whether the server can be reached and lets us in.
func (s *Sender) Check(ctx context.Context) error {
	c, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return err
	}
	if err := c.DialWithContext(ctx); err != nil {
		return err
	}
	return c.Close()
}
