package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/firstline/firstline/internal/mail/mailtest"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

const mailInbox = "support@larkpay.example"

var mailAddress = regexp.MustCompile(`msg="e-mail comes in" address=([0-9.:]+)`)

// mailing are the settings of a replica that takes mail in at a port of the kernel's choice and sends through srv.
func mailing(database string, srv *mailtest.Server) map[string]string {
	return settings(database, "FIRSTLINE_MAIL_LISTEN", "lmtp://127.0.0.1:0", "FIRSTLINE_MAIL_INBOX", mailInbox, "FIRSTLINE_REPLY_DOMAIN", "reply.larkpay.example",
		"FIRSTLINE_SMTP_URL", "smtp+plain://"+srv.Addr, "FIRSTLINE_MAIL_FROM", "Larkpay <noreply@larkpay.example>")
}

// handOver hands a mail to a replica as a mail server does; nil says that it was taken over.
func handOver(addr, to, id, headers, text string) error {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return err
	}
	c := smtp.NewClientLMTP(conn)
	c.CommandTimeout, c.SubmissionTimeout = time.Minute, time.Minute
	defer c.Close()
	if err := c.Mail("kim@example.com", nil); err != nil {
		return err
	}
	if err := c.Rcpt(to, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(headers, "From:") {
		headers = "From: Kim <kim@example.com>\r\n" + headers
	}
	_, _ = fmt.Fprintf(w, "To: %s\r\nMessage-ID: <%s@example.com>\r\n%s\r\n%s\r\n", to, id, headers, text)
	return w.Close()
}

// A customer writes by mail, is answered by mail, asks for a person by mail, and is in danger by mail: everything goes the way
// that it goes in the chat.
func TestMailConversation(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	srv := mailtest.Start(t, true)
	p := serve(t, mailing(database, srv))
	addr := p.wait(p.err, mailAddress)[1]
	answer := func(n int, holds string) mailtest.Mail {
		t.Helper()
		var found mailtest.Mail
		eventually(t, fmt.Sprintf("mail %d to hold %q", n, holds), func() error {
			for _, m := range srv.Mails()[min(n, len(srv.Mails())):] {
				if strings.Contains(strings.Join(strings.Fields(m.Text), " "), holds) {
					found = m
					return nil
				}
			}
			var texts []string
			for _, m := range srv.Mails() {
				texts = append(texts, m.Text)
			}
			return fmt.Errorf("mails: %q", texts)
		})
		return found
	}
	if err := handOver(addr, mailInbox, "one", "Subject: "+voucherQuestion+"\r\n", voucherQuestion); err != nil {
		t.Fatal(err)
	}
	m := answer(0, voucherFact)
	if m.To[0] != "kim@example.com" || m.Header.Get("In-Reply-To") != "<one@example.com>" || m.Header.Get("Auto-Submitted") != "auto-generated" || m.Header.Get("X-Firstline-Loop") == "" ||
		!strings.Contains(m.Text, "AI assistant") || m.Header.Get("Subject") != "Re: "+voucherQuestion {
		t.Errorf("answer %+v\n%s", m.Header, m.Text)
	}
	reply := strings.Trim(m.Header.Get("Reply-To"), "<>")
	quoted := "\r\n\r\nOn Mon, 23 Nov 2026 at 14:05, Larkpay <noreply@larkpay.example> wrote:\r\n> I want to talk to a lawyer about fraud\r\n"
	if err := handOver(addr, reply, "two", "Subject: Re: vouchers\r\n", personWanted+quoted); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a handoff", func() error {
		if n := one[int](t, pool, `SELECT count(*) FROM handoffs WHERE reason = 'customer_request' AND ended_at IS NULL`); n != 1 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	n := len(srv.Mails())
	if err := handOver(addr, reply, "three", "Subject: Re: vouchers\r\n", "I want to kill myself because of the debt."); err != nil {
		t.Fatal(err)
	}
	want(t, "priority", one[int](t, pool, `SELECT min(priority) FROM handoffs WHERE ended_at IS NULL`), 1) // committed before the 250
	want(t, "conversations", one[int](t, pool, `SELECT count(*) FROM conversations WHERE channel = 'email'`), 1)
	fixed := one[string](t, pool, `SELECT body FROM messages WHERE author = 'system' AND seq > (SELECT max(seq) FROM messages WHERE author = 'customer') ORDER BY seq LIMIT 1`)
	answer(n-1, strings.Join(strings.Fields(fixed)[:8], " "))
	// Our own mail, come back, is nobody's word.
	if err := handOver(addr, reply, "four", "X-Firstline-Loop: 1\r\n", "loop"); err != nil {
		t.Fatal(err)
	}
	want(t, "said", one[int](t, pool, `SELECT count(*) FROM messages WHERE author = 'customer'`), 3)
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Processes are killed with SIGKILL between every two steps of storing a mail. The mail server, which was told nothing, hands
// the mail to another replica, and it is there once. FIRSTLINE_TEST_MAIL_KILLS sets how many.
func TestMailKilled(t *testing.T) {
	t.Parallel()
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("FIRSTLINE_TEST_MAIL_KILLS")); err == nil {
		kills = n
	}
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	srv := mailtest.Start(t, true)
	survivor := serve(t, mailing(database, srv))
	safe := survivor.wait(survivor.err, mailAddress)[1]
	if err := handOver(safe, mailInbox, "begin", "Subject: Begin\r\n", voucherQuestion); err != nil {
		t.Fatal(err)
	}
	var reply string
	eventually(t, "the first answer", func() error {
		if len(srv.Mails()) == 0 {
			return fmt.Errorf("none")
		}
		reply = strings.Trim(srv.Mails()[0].Header.Get("Reply-To"), "<>")
		return nil
	})
	const atOnce = 3
	again := 0
	for i := range kills {
		env := mailing(database, srv)
		env["FIRSTLINE_FAILPOINT"] = []string{"mail_read", "mail_stored", "mail_kept"}[i%3]
		doomed := serve(t, env)
		addr := doomed.wait(doomed.err, mailAddress)[1]
		var work sync.WaitGroup
		errs := make([]error, atOnce)
		to := func(j int) string { return []string{mailInbox, reply}[(i/3+j)%2] }
		from := func(j int) string { return fmt.Sprintf("kim-%d-%d@example.com", i, j) } // one address may not send as many
		headers := func(j int) string { return "From: " + from(j) + "\r\nSubject: Marker\r\n" }
		for j := range atOnce {
			_, err := pool.Exec(t.Context(), `INSERT INTO subscriptions (conversation_id, kind, address) SELECT id, 'email', $1 FROM conversations ORDER BY created_at LIMIT 1`, from(j))
			if err != nil {
				t.Fatal(err)
			}
		}
		text := func(j int) string { return fmt.Sprintf("marker-%d-%d. What is it?", i, j) }
		for j := range atOnce {
			work.Go(func() { errs[j] = handOver(addr, to(j), fmt.Sprintf("kill-%d-%d", i, j), headers(j), text(j)) })
		}
		eventually(t, "all mails to be at the stage", func() error {
			if n := bytes.Count([]byte(doomed.err.String()), []byte("failpoint:mail_")); n != atOnce {
				return fmt.Errorf("%d of %d", n, atOnce)
			}
			return nil
		})
		doomed.kill()
		work.Wait()
		for j, err := range errs {
			if err == nil {
				t.Errorf("kill %d: mail %d was acknowledged by a process that was stopped before", i, j)
				continue
			}
			again++
			if err := handOver(safe, to(j), fmt.Sprintf("kill-%d-%d", i, j), headers(j), text(j)); err != nil {
				t.Errorf("kill %d: mail %d: %v", i, j, err)
			}
		}
	}
	lost, doubled := 0, 0
	for i := range kills {
		for j := range atOnce {
			switch n := one[int](t, pool, `SELECT count(*) FROM messages WHERE author = 'customer' AND body LIKE '%' || $1 || '%'`, fmt.Sprintf("marker-%d-%d.", i, j)); {
			case n == 0:
				lost++
			case n > 1:
				doubled++
			}
		}
	}
	t.Logf("%d kills, %d mails handed over again: %d lost, %d doubled", kills, again, lost, doubled)
	want(t, "lost", lost, 0)
	want(t, "doubled", doubled, 0)
	want(t, "conversations of mails", one[int](t, pool, `SELECT count(*) FROM conversations WHERE channel = 'email'`), 1+starts(kills, atOnce))
	want(t, "mails that were not taken", one[int](t, pool, `SELECT count(*) FROM inbound_mail WHERE verdict NOT IN ('taken', 'started')`), 0)
}

// starts is how many of the mails above went to the inbox.
func starts(kills, atOnce int) (n int) {
	for i := range kills {
		for j := range atOnce {
			if (i/3+j)%2 == 0 {
				n++
			}
		}
	}
	return n
}
