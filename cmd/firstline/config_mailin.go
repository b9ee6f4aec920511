package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mailin"
)

// MailinConfig says what e-mail is taken in.
type MailinConfig struct {
	MailListen  string   `env:"FIRSTLINE_MAIL_LISTEN" help:"Where a mail server hands over what comes in: lmtp://127.0.0.1:2424, lmtp+unix:///run/firstline.sock or smtp://127.0.0.1:2525. Without it no e-mail is taken in." placeholder:"URL"`
	MailInbox   []string `env:"FIRSTLINE_MAIL_INBOX" help:"Addresses that begin conversations, each with its market and locale, such as support@larkpay.example=gb:en; without these the first market's." placeholder:"ADDRESS"`
	MailTrusted string   `env:"FIRSTLINE_MAIL_TRUSTED_AUTHSERV" name:"mail-trusted-authserv" help:"Name that your mail server writes into Authentication-Results; mail that failed DMARC there is refused." placeholder:"NAME"`
	MailTLS     string   `env:"FIRSTLINE_MAIL_TLS" name:"mail-tls" help:"Certificate and key, both PEM, with which STARTTLS is offered: CERT,KEY." placeholder:"FILES"`
}

func (m *MailinConfig) validate(c *Config) error {
	if m.MailListen == "" {
		for name, set := range map[string]bool{"FIRSTLINE_MAIL_INBOX": len(m.MailInbox) > 0, "FIRSTLINE_MAIL_TLS": m.MailTLS != ""} {
			if set {
				return fault.Field(name, "no_listener", "This needs FIRSTLINE_MAIL_LISTEN, where mail comes in.")
			}
		}
		return nil
	}
	if _, _, _, err := m.listenOn(); err != nil {
		return err
	}
	if len(m.MailInbox) == 0 && c.ReplyDomain == "" {
		return fault.Field("FIRSTLINE_MAIL_INBOX", "required", "Mail is to come in, but there is no address for it: set FIRSTLINE_MAIL_INBOX, FIRSTLINE_REPLY_DOMAIN or both.")
	}
	_, err := m.inboxes(c)
	if err != nil {
		return err
	}
	_, err = m.certificate()
	return err
}

// listenOn reads the address to listen on.
func (m *MailinConfig) listenOn() (network, address string, lmtp bool, err error) {
	u, err := url.Parse(m.MailListen)
	if err == nil {
		switch u.Scheme {
		case "lmtp", "smtp":
			if _, _, err := net.SplitHostPort(u.Host); err == nil && u.Path == "" {
				return "tcp", u.Host, u.Scheme == "lmtp", nil
			}
		case "lmtp+unix":
			if u.Host == "" && u.Path != "" {
				return "unix", u.Path, true, nil
			}
		}
	}
	return "", "", false, fault.Field("FIRSTLINE_MAIL_LISTEN", "not_an_address", "Use lmtp://127.0.0.1:2424, lmtp+unix:///run/firstline.sock or smtp://127.0.0.1:2525.")
}

// inboxes reads the addresses that begin conversations.
func (m *MailinConfig) inboxes(c *Config) ([]mailin.Inbox, error) {
	var out []mailin.Inbox
	for _, text := range m.MailInbox {
		address, place, _ := strings.Cut(strings.TrimSpace(text), "=")
		market, locale, _ := strings.Cut(place, ":")
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			return nil, fault.Field("FIRSTLINE_MAIL_INBOX", "not_an_address", "%q is not an e-mail address; use support@larkpay.example or support@larkpay.example=gb:en.", address)
		}
		in := mailin.Inbox{Address: strings.ToLower(address)}
		for _, x := range c.Markets {
			parts := strings.Split(x, ":")
			locales := strings.Split(parts[len(parts)-1], "+")
			if market != "" && parts[0] != market {
				continue
			}
			in.Market, in.Locale = parts[0], locales[0]
			if locale != "" {
				if !slices.Contains(locales, locale) {
					return nil, fault.Field("FIRSTLINE_MAIL_INBOX", "unknown_locale", "Market %s has no locale %q; use one of %s.", parts[0], locale, strings.Join(locales, ", "))
				}
				in.Locale = locale
			}
			break
		}
		if in.Market == "" {
			return nil, fault.Field("FIRSTLINE_MAIL_INBOX", "unknown_market", "FIRSTLINE_MARKETS has no market %q.", market)
		}
		if slices.ContainsFunc(out, func(o mailin.Inbox) bool { return o.Address == in.Address }) {
			return nil, fault.Field("FIRSTLINE_MAIL_INBOX", "twice", "%s is here twice.", in.Address)
		}
		out = append(out, in)
	}
	return out, nil
}

func (m *MailinConfig) certificate() (*tls.Config, error) {
	if m.MailTLS == "" {
		return nil, nil
	}
	cert, key, _ := strings.Cut(m.MailTLS, ",")
	pair, err := tls.LoadX509KeyPair(strings.TrimSpace(cert), strings.TrimSpace(key))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "no_certificate", "FIRSTLINE_MAIL_TLS: name a certificate and its key, both PEM files that can be read, as CERT,KEY.")
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// newMailin returns what takes e-mail in, or nil where none is.
func (a *app) newMailin() (*mailin.Service, error) {
	c := a.cfg
	if c.MailListen == "" {
		return nil, nil
	}
	inboxes, err := c.inboxes(c)
	if err != nil {
		return nil, err
	}
	cert, err := c.certificate()
	if err != nil {
		return nil, err
	}
	opts := mailin.Options{Company: c.Company, Inboxes: inboxes, ReplyDomain: c.ReplyDomain, Trusted: c.MailTrusted, TLS: cert, Locales: a.site().Locales,
		Language: func(text, hint string) string { language, _ := triage.Language(text, hint); return language }}
	if opts.Domain, err = os.Hostname(); err != nil || opts.Domain == "" {
		opts.Domain = "localhost"
	}
	var sender mailin.Sender
	if a.mail != nil {
		sender, opts.Own = a.mail, a.mail.Address()
	}
	return mailin.New(a.pool, a.record, chatDoor{a}, sender, a.log, opts), nil
}

// serveMail begins to take e-mail in, and to answer it. stop ends that and may be called more than once.
func (a *app) serveMail() (stop func(context.Context), err error) {
	if a.mailin == nil {
		return func(context.Context) {}, nil
	}
	network, address, lmtp, err := a.cfg.listenOn()
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		if info, err := os.Lstat(address); err == nil && info.Mode()&os.ModeSocket != 0 {
			_ = os.Remove(address) // left by a process that was killed
		}
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "mail_address_busy", "Cannot listen for mail on "+address+"; end the program that does, or set FIRSTLINE_MAIL_LISTEN to another address.")
	}
	server := a.mailin.Serve(ln, lmtp)
	a.mailin.Start()
	a.log.Info("e-mail comes in", "address", ln.Addr().String(), "lmtp", lmtp)
	return func(ctx context.Context) {
		server.Stop(ctx)
		a.mailin.Stop()
	}, nil
}

// chatDoor lets mails in as messages of the customer's are let in by the page.
type chatDoor struct{ a *app }

// Receive implements mailin.Chat.
func (d chatDoor) Receive(ctx context.Context, conversation uuid.UUID, in chat.Inbound) (chat.Receipt, error) {
	rec, err := d.a.record.Receive(ctx, conversation, in)
	if err != nil {
		return rec, err
	}
	d.a.runner.Run(rec.Claim)
	if rec.TurnID != nil {
		return rec, nil
	}
	// No turn reads it: people have the conversation. Also when it was stored before, as that try may have ended before this.
	conv, err := d.a.record.Find(ctx, conversation)
	if err != nil {
		return rec, err
	}
	if alarm, alarmed := d.a.alarm(rec.Message.Text, conv.Locale); alarmed {
		if _, err := d.a.desk.Raise(ctx, conversation, alarm); err != nil {
			return rec, err
		}
	}
	return rec, d.a.desk.CustomerWrote(ctx, conversation, rec.Message.Seq)
}
