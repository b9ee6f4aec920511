package mailin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// Bounds of the server.
const (
	maxMail        = 15 << 20 // bytes: a file of the largest size as it travels
	maxRecipients  = 20
	maxConnections = 64
	connectionFor  = 15 * time.Minute // whatever a client does
	storing        = time.Minute      // for one mail to be stored, once it is here
)

// Answers to mail servers. 4xx has them keep the mail and try again, 5xx has them tell the sender.
var (
	errBusy     = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Busy; try again later"}
	errStorage  = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Not stored; try again later"}
	errTooMany  = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Too many messages from this sender; try again later"}
	errNobody   = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such address here"}
	errSender   = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "The message does not name one sender"}
	errForged   = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "The message is not from the sender that it names (DMARC)"}
	errGarbage  = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "This is not an e-mail message"}
	errNoTarget = &smtp.SMTPError{Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "No recipient"}
)

// Server listens for mail servers.
type Server struct {
	smtp *smtp.Server
	done chan struct{}
}

// Serve begins to listen: by LMTP, which answers for each recipient, or by SMTP.
func (s *Service) Serve(ln net.Listener, lmtp bool) *Server {
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{s: s, lmtp: lmtp}, nil }))
	srv.LMTP, srv.Domain, srv.TLSConfig = lmtp, s.opts.Domain, s.opts.TLS
	srv.MaxMessageBytes, srv.MaxRecipients = maxMail, maxRecipients
	srv.ReadTimeout, srv.WriteTimeout = s.opts.Patience, 30*time.Second // also for the whole of a mail's content
	srv.EnableSMTPUTF8 = true
	srv.ErrorLog = errorLog{s}
	out := &Server{smtp: srv, done: make(chan struct{})}
	go func() {
		defer close(out.done)
		if err := srv.Serve(&bounded{Listener: ln}); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.log.Error("the server for incoming mail has ended", "error", err)
		}
	}()
	return out
}

// Stop takes no more mail; mails that are being stored are stored, as far as the context allows. It is idempotent.
func (s *Server) Stop(ctx context.Context) {
	_ = s.smtp.Shutdown(ctx)
	_ = s.smtp.Close()
	<-s.done
}

// errorLog keeps what mail servers did wrong out of the log, but for what concerns us.
type errorLog struct{ s *Service }

func (l errorLog) Printf(format string, v ...any) {
	l.s.log.Debug("mail server", "error", fmt.Sprintf(format, v...))
}
func (l errorLog) Println(v ...any) { l.s.log.Debug("mail server", "error", fmt.Sprint(v...)) }

// bounded takes a few connections at once and ends each after a time.
type bounded struct {
	net.Listener
	open atomic.Int32
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b.open.Add(1) <= maxConnections {
			out := &connection{Conn: c, of: b, until: time.Now().Add(connectionFor)}
			return out, nil
		}
		b.open.Add(-1)
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(c, "421 4.3.2 Too many connections; try again later\r\n")
		_ = c.Close()
	}
}

type connection struct {
	net.Conn
	of     *bounded
	until  time.Time
	closed atomic.Bool
}

// SetReadDeadline implements net.Conn; no deadline is behind the connection's own.
func (c *connection) SetReadDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.until) {
		t = c.until
	}
	return c.Conn.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *connection) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.of.open.Add(-1)
	}
	return c.Conn.Close()
}

// session is one mail server that talks to us.
type session struct {
	s    *Service
	lmtp bool
	from string
	to   []recipient
}

type recipient struct {
	address string
	target  target
}

// Mail implements smtp.Session.
func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	c.from, c.to = from, nil
	return nil
}

// Rcpt implements smtp.Session: only addresses of ours, with a right proof, are taken.
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	t, ok := c.s.find(to)
	if !ok {
		return errNobody
	}
	c.to = append(c.to, recipient{to, t})
	return nil
}

// Data implements smtp.Session. Several recipients share one answer: when one must be tried again, all are, and those that
// have the mail know it.
func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var answer error
	taken := false
	for _, to := range c.to {
		switch err := c.s.deliver(c.from, to.target, raw); {
		case err == nil:
			taken = true
		case temporary(err):
			return err
		default:
			answer = err
		}
	}
	if taken {
		return nil
	}
	if answer == nil {
		return errNoTarget
	}
	return answer
}

// LMTPData implements smtp.LMTPSession.
func (c *session) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, to := range c.to {
		status.SetStatus(to.address, c.s.deliver(c.from, to.target, raw))
	}
	return nil
}

// Reset implements smtp.Session.
func (c *session) Reset() { c.from, c.to = "", nil }

// Logout implements smtp.Session.
func (c *session) Logout() error { return nil }

func temporary(err error) bool {
	var e *smtp.SMTPError
	return errors.As(err, &e) && e.Temporary()
}

// deliver stores one mail for one recipient. What it returns is what the mail server is told: nil only when everything that
// must not be lost is committed.
func (s *Service) deliver(envelope string, t target, raw []byte) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), storing)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return errBusy
	}
	err = s.take(ctx, envelope, t, raw)
	failpoint("mail_kept")
	var told *smtp.SMTPError
	if err == nil || errors.As(err, &told) {
		return err
	}
	s.log.Warn("a mail was not stored; its mail server keeps it", "error", err)
	return errStorage
}
