package main

import (
	"context"
	"net/mail"
	"time"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/notify"
)

// NotifyConfig says how customers are told of answers that they have not read.
type NotifyConfig struct {
	PushAfter time.Duration `env:"FIRSTLINE_PUSH_AFTER" default:"10s" help:"How long an answer waits to be read in the chat before its customer is told by a push message."`
	MailAfter time.Duration `env:"FIRSTLINE_MAIL_AFTER" default:"2m" help:"How long it waits before its customer is told by e-mail."`
}

func (c NotifyConfig) validate() error {
	for name, d := range map[string]time.Duration{"FIRSTLINE_PUSH_AFTER": c.PushAfter, "FIRSTLINE_MAIL_AFTER": c.MailAfter} {
		if d < 100*time.Millisecond || d > 24*time.Hour {
			return fault.Field(name, "out_of_range", "Use 100ms to 24h.")
		}
	}
	return nil
}

// newNotify makes what tells customers of answers.
func (a *app) newNotify(ctx context.Context) (*notify.Service, error) {
	o := notify.Options{Company: a.cfg.Company, ReplyDomain: a.cfg.ReplyDomain, Answers: a.cfg.ReplyDomain != "" && a.cfg.MailListen != "", Allow: a.cfg.deliveryAllow(), PushAfter: a.cfg.PushAfter, MailAfter: a.cfg.MailAfter,
		Observe: a.metrics.NoticeDone}
	if a.mail != nil { // not a nil pointer in an interface
		o.Mail = a.mail
		if from, err := mail.ParseAddress(a.cfg.MailFrom); err == nil { // mail.New has looked at it
			o.Contact = from.Address
		}
	}
	return notify.Open(ctx, a.pool, a.record, a.log, o)
}
