package mail_test

import (
	"errors"
	"mime"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/mail/mailtest"
)

const from = "Larkpay Käse <support@larkpay.example>"

func sender(t *testing.T, srv *mailtest.Server, url string, trusted bool) *mail.Sender {
	t.Helper()
	c := mail.Config{URL: strings.ReplaceAll(url, "HOST", srv.Addr), From: from}
	if trusted {
		c.TLS = srv.TLS
	}
	s, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSend(t *testing.T) {
	t.Parallel()
	srv := mailtest.Start(t, false)
	s := sender(t, srv, "smtp://firstline:a%20password@HOST", true)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := s.Send(t.Context(), mail.Message{ID: "abc", To: "kim@example.com", ReplyTo: "reply+1@larkpay.example", Subject: "Grüße\r\nBcc: evil@example.com",
		Text: "Hallo Kim,\n\nviele Grüße\n.\nfrom a line of its own", InThread: "thread-1"})
	if err != nil {
		t.Fatal(err)
	}
	got := srv.Mails()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	m := got[0]
	if !m.TLS || m.User != "firstline" || m.From != "support@larkpay.example" || len(m.To) != 1 || m.To[0] != "kim@example.com" {
		t.Errorf("envelope %+v", m)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "Grüße Bcc: evil@example.com" || m.Header.Get("Bcc") != "" {
		t.Errorf("subject %q, %v", subject, err)
	}
	for header, want := range map[string]string{"Message-Id": "<abc@larkpay.example>", "In-Reply-To": "<thread-1@larkpay.example>", "References": "<thread-1@larkpay.example>",
		"Reply-To": "<reply+1@larkpay.example>", "Auto-Submitted": "auto-generated"} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	if m.Text != "Hallo Kim,\n\nviele Grüße\n.\nfrom a line of its own" {
		t.Errorf("text %q", m.Text)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	srv := mailtest.Start(t, false)
	msg := mail.Message{ID: "a", To: "kim@example.com", Subject: "s", Text: "t"}
	if err := sender(t, srv, "smtp://firstline:wrong@HOST", true).Send(t.Context(), msg); err == nil {
		t.Error("any password will do")
	}
	if err := sender(t, srv, "smtp://firstline:a%20password@HOST", false).Send(t.Context(), msg); err == nil {
		t.Error("any certificate will do")
	}
	s := sender(t, srv, "smtp://firstline:a%20password@HOST", true)
	for code, permanent := range map[int]bool{550: true, 450: false} {
		srv.Refuse(func(string) error { return mailtest.Refusal(code, "no") })
		if err := s.Send(t.Context(), msg); err == nil || errors.Is(err, mail.ErrPermanent) != permanent {
			t.Errorf("%d gave %v", code, err)
		}
	}
	srv.Refuse(nil)
	msg.To = "not an address"
	if err := s.Send(t.Context(), msg); !errors.Is(err, mail.ErrPermanent) {
		t.Errorf("no address gave %v", err)
	}
	// A server without TLS gets nothing where TLS was asked for.
	plain := mailtest.Start(t, true)
	msg.To = "kim@example.com"
	if err := sender(t, plain, "smtp://HOST", true).Send(t.Context(), msg); err == nil {
		t.Error("sent without TLS")
	}
	if err := sender(t, plain, "smtp+plain://HOST", true).Send(t.Context(), msg); err != nil {
		t.Error(err)
	}
	if n := len(srv.Mails()); n != 0 {
		t.Errorf("%d mails came through", n)
	}
	if n := len(plain.Mails()); n != 1 {
		t.Errorf("%d mails without TLS", n)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if s, err := mail.New(mail.Config{}); s != nil || err != nil {
		t.Errorf("without a server: %v, %v", s, err)
	}
	for _, c := range []struct{ url, from, field string }{
		{"smtp://", from, "FIRSTLINE_SMTP_URL"}, {"http://example.com", from, "FIRSTLINE_SMTP_URL"}, {"smtp://example.com", "", "FIRSTLINE_MAIL_FROM"},
		{"smtp+plain://u:p@example.com", from, "FIRSTLINE_SMTP_URL"},
	} {
		_, err := mail.New(mail.Config{URL: c.url, From: c.from})
		var f *fault.Error
		if !errors.As(err, &f) || f.Field != c.field {
			t.Errorf("%s from %q gave %v", c.url, c.from, err)
		}
	}
}
