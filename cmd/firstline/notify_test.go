package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/mail/mailtest"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

var answerMark = regexp.MustCompile(`answer-\d+-\d+\.`)

// Processes are killed with SIGKILL before a notice is sent, after the mail server has it and before that is written down,
// and at any moment. Every answer is told by the next process, and what may have arrived already comes again as the same mail:
// an answer is never in two mails of different Message-IDs. FIRSTLINE_TEST_NOTICE_KILLS sets how many.
func TestNoticesKilled(t *testing.T) {
	t.Parallel()
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("FIRSTLINE_TEST_NOTICE_KILLS")); err == nil {
		kills = n
	}
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	srv := mailtest.Start(t, true)
	env := settings(database, "FIRSTLINE_SMTP_URL", "smtp+plain://"+srv.Addr, "FIRSTLINE_MAIL_FROM", "Larkpay <noreply@larkpay.example>", "FIRSTLINE_MAIL_AFTER", "100ms")
	log := slog.New(slog.DiscardHandler)
	record, err := chat.Open(t.Context(), pool, wake.New(pool, log), log, chat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	const atOnce = 6
	var conversations []uuid.UUID
	for j := range atOnce {
		c, err := record.Start(t.Context(), chat.NewConversation{Channel: "web", Market: "gb", Locale: "en", Audience: "consumer"})
		if err != nil {
			t.Fatal(err)
		}
		exec(`INSERT INTO subscriptions (conversation_id, kind, address, confirmed_at) VALUES ($1, 'email', $2, now())`, c.ID, fmt.Sprintf("kim-%d@example.com", j))
		conversations = append(conversations, c.ID)
	}
	// say adds an answer to every conversation; all of them are due when it returns, those of a killed process too.
	say := func(round int) {
		t.Helper()
		for j, id := range conversations {
			err := record.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error {
				return s.AddMessage(ctx, &chat.Message{Author: chat.Assistant, Text: fmt.Sprintf("This is answer-%d-%d.", round, j)})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		exec(`UPDATE notices SET since = since - interval '1 minute', last_at = last_at - interval '1 minute', next_at = now(), lease_until = NULL WHERE state = 'pending'`)
		exec(`DELETE FROM notice_mails`) // one address is not told as often within an hour
	}
	for i := range kills {
		say(i)
		stage := []string{"notice_sent", "notice_claimed", ""}[i%3]
		before := len(srv.Mails())
		doomed := settings(database)
		for k, v := range env {
			doomed[k] = v
		}
		doomed["FIRSTLINE_FAILPOINT"] = stage
		p := serve(t, doomed)
		if stage != "" {
			eventually(t, "all notices to be at the stage", func() error {
				if n := bytes.Count([]byte(p.err.String()), []byte("failpoint:"+stage)); n < atOnce {
					return fmt.Errorf("%d of %d", n, atOnce)
				}
				return nil
			})
		} else {
			eventually(t, "a first mail", func() error {
				if len(srv.Mails()) == before {
					return fmt.Errorf("none")
				}
				return nil
			})
			time.Sleep(rand.N(20 * time.Millisecond)) // any moment; nothing is expected of it
		}
		p.kill()
	}
	say(kills)
	survivor := serve(t, env)
	eventually(t, "everything to be told", func() error {
		if n := one[int](t, pool, `SELECT count(*) FROM notices WHERE state <> 'done'`); n > 0 {
			return fmt.Errorf("%d are not", n)
		}
		return nil
	})
	shown := string(must(t, http.StatusOK, http.MethodGet, survivor.url+"/metrics", "", nil).body)
	for _, m := range []string{`firstline_notices_total{kind="email",outcome="sent"} `, `firstline_notice_delay_seconds_count{kind="email"} `, "firstline_notices_pending 0"} {
		if !strings.Contains(shown, "\n"+m) {
			t.Errorf("no %s in the metrics", m)
		}
	}
	if code := survivor.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	ids := map[string]map[string]bool{} // by answer: the Message-IDs of the mails that tell it
	for _, m := range srv.Mails() {
		for _, mark := range answerMark.FindAllString(m.Text, -1) {
			if ids[mark] == nil {
				ids[mark] = map[string]bool{}
			}
			ids[mark][m.Header.Get("Message-ID")] = true
			if want := fmt.Sprintf("kim-%c@example.com", mark[len(mark)-2]); m.To[0] != want {
				t.Errorf("%s went to %s", mark, m.To[0])
			}
		}
	}
	lost, other := 0, 0
	for i := range kills + 1 {
		for j := range atOnce {
			switch n := len(ids[fmt.Sprintf("answer-%d-%d.", i, j)]); {
			case n == 0:
				lost++
			case n > 1:
				other++
			}
		}
	}
	t.Logf("%d kills, %d answers, %d mails: %d lost, %d in different mails", kills, (kills+1)*atOnce, len(srv.Mails()), lost, other)
	want(t, "lost", lost, 0)
	want(t, "in different mails", other, 0)
	if kills >= 1 {
		different := map[string]bool{}
		for _, m := range srv.Mails() {
			different[m.Header.Get("Message-ID")] = true
		}
		if len(different) == len(srv.Mails()) {
			t.Error("no mail came twice: nothing was killed between sending and writing it down")
		}
	}
}
