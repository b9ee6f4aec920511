package mailin

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

const receiverDatabase = "MAILIN_TEST_RECEIVER"

// TestReceiver is no test: it is the process that TestKilled kills, a service on the database that the variable names.
func TestReceiver(t *testing.T) {
	url := os.Getenv(receiverDatabase)
	if url == "" {
		return
	}
	ctx := context.Background()
	pool, err := postgres.Open(ctx, url, 8)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	record, err := chat.Open(ctx, pool, wake.New(pool, log), log, chat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := New(pool, record, &door{record: record}, nil, log, Options{Inboxes: []Inbox{{inbox, "gb", "en"}}, ReplyDomain: replies, Locales: []string{"en"}, Hourly: 1_000_000})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(ln, true)
	fmt.Println("receiver", ln.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the test ends, in whatever way
	os.Exit(0)
}

// receiver starts such a process.
func receiver(t *testing.T, url string) (addr string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestReceiver$")
	cmd.Env = append(os.Environ(), receiverDatabase+"="+url)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait(); _ = in.Close() })
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "receiver ")
	if err != nil || !ok {
		t.Fatalf("the receiver said %q, %v", line, err)
	}
	return addr, kill
}

func lmtpSend(addr, from, to string, raw []byte) error {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return err
	}
	c := smtp.NewClientLMTP(conn)
	c.CommandTimeout, c.SubmissionTimeout = time.Minute, time.Minute
	defer c.Close()
	return c.SendMail(from, []string{to}, bytes.NewReader(raw))
}

// Processes that take mail in are killed with SIGKILL at any moment. A mail server repeats what it was not told is taken, and
// never what it was: every mail is there once. MAILIN_TEST_KILLS sets how many are killed.
func TestKilled(t *testing.T) {
	t.Parallel()
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("MAILIN_TEST_KILLS")); err == nil {
		kills = n
	}
	url := pgtest.URL(t)
	b := on(t, pgtest.Open(t, url))
	c := b.conversation("kim@example.com")
	var addr atomic.Pointer[string]
	first, kill := receiver(t, url)
	addr.Store(&first)
	var done atomic.Bool
	var sent, again atomic.Int64
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for n := 0; !done.Load(); n++ {
				mark := fmt.Sprintf("marker-%d-%d.", i, n)
				to := []string{inbox, b.replyTo(c.ID)}[n%2]
				raw := write(fmt.Sprintf("Subject: %s\nMessage-ID: <%s@example.com>\nContent-Type: multipart/mixed; boundary=b", mark, mark),
					part("", mark+" What is it?")+part("Content-Disposition: attachment; filename=a.txt", mark)+"--b--\n")
				for try := 0; ; try++ {
					if try > 2000 {
						t.Errorf("%s was never taken", mark)
						return
					}
					if err := lmtpSend(*addr.Load(), "kim@example.com", to, raw); err == nil {
						break
					}
					again.Add(1)
					time.Sleep(5 * time.Millisecond)
				}
				sent.Add(1)
			}
		})
	}
	for range kills {
		next, killNext := receiver(t, url)
		before := sent.Load()
		for i := 0; i < 2000 && sent.Load() < before+2; i++ { // it is at work
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(rand.N(60 * time.Millisecond))
		kill()
		addr.Store(&next)
		kill = killNext
	}
	done.Store(true)
	work.Wait()
	var messages, different, mails int
	err := b.pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT substring(body FROM 'marker-[0-9]+-[0-9]+')), (SELECT count(*) FROM inbound_mail WHERE verdict IN ('taken', 'started'))
		FROM messages WHERE author = 'customer'`).Scan(&messages, &different, &mails)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills, %d mails, %d tries in vain: %d lost, %d doubled", kills, sent.Load(), again.Load(), int(sent.Load())-different, messages-different)
	want(t, "lost", int(sent.Load())-different, 0)
	want(t, "doubled", messages-different, 0)
	want(t, "mails written down", mails, int(sent.Load()))
	// The one conversation of the replies takes so many files and no more; the others have theirs.
	want(t, "messages without their file", b.count(`SELECT count(*) FROM messages m WHERE author = 'customer' AND conversation_id <> $1
		AND NOT EXISTS (SELECT FROM attachments WHERE message_id = m.id)`, c.ID), 0)
}

// BenchmarkMails is how many mails one service takes in a second over four connections, each mail a conversation.
func BenchmarkMails(b *testing.B) {
	pool := pgtest.New(b)
	log := slog.New(slog.DiscardHandler)
	record, err := chat.Open(b.Context(), pool, wake.New(pool, log), log, chat.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"lmtp", "smtp"} {
		b.Run(kind, func(b *testing.B) {
			s := New(pool, record, &door{record: record}, nil, log, Options{Inboxes: []Inbox{{inbox, "gb", "en"}}, Locales: []string{"en"}, Hourly: 1 << 30})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			srv := s.Serve(ln, kind == "lmtp")
			defer srv.Stop(b.Context())
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var work sync.WaitGroup
			for range 4 {
				work.Go(func() {
					conn, err := net.Dial("tcp", ln.Addr().String())
					if err != nil {
						b.Error(err)
						return
					}
					c := smtp.NewClient(conn)
					if kind == "lmtp" {
						c = smtp.NewClientLMTP(conn)
					}
					defer c.Close()
					for left.Add(-1) >= 0 {
						if err := c.SendMail("kim@example.com", []string{inbox}, bytes.NewReader(write("", "Where is my money?\n\nOn Mon, 23 Nov 2026 at 14:05, Larkpay <support@larkpay.example> wrote:\n> Hello"))); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			work.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}
