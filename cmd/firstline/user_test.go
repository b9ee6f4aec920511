package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// TestUserCommands manages somebody on the command line, from adding to removing.
func TestUserCommands(t *testing.T) {
	url := pgtest.URL(t)
	store := auth.NewStore(pgtest.Open(t, url))
	const mail = "ada@larkpay.example"
	user := func(code int, want string, args ...string) string {
		t.Helper()
		var out, err bytes.Buffer
		if got := run(t.Context(), append([]string{"user", "--database-url", url}, args...), &out, &err); got != code {
			t.Fatalf("user %s: %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), err.String())
		}
		if all := out.String() + err.String(); !strings.Contains(all, want) {
			t.Errorf("user %s says\n%s\nnot %q", strings.Join(args, " "), all, want)
		}
		return out.String()
	}
	secretOf := func(said string) string {
		t.Helper()
		m := regexp.MustCompile(`https://desk\.larkpay\.example/signin\?token=(\S+)`).FindStringSubmatch(said)
		if m == nil {
			t.Fatalf("no link in %s", said)
		}
		return m[1]
	}
	type device = auth.Device
	user(1, "There is no such person", "link", "--email", mail)
	user(2, "unknown", "add", "--email", mail, "--role", "agent", "--team", "nowhere", "--unknown")
	user(2, "There is no team nowhere", "add", "--email", mail, "--role", "agent", "--team", "nowhere")
	link := secretOf(user(0, "can sign in once", "add", "--email", mail, "--name", "Ada", "--role", "admin", "--url", "https://desk.larkpay.example/"))
	_, session, err := store.Redeem(t.Context(), link, device{Name: "Firefox on Linux", Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	user(1, "last admin", "disable", "--email", mail)
	user(0, "can sign in", "add", "--email", "root@larkpay.example", "--role", "admin")
	list := user(0, "192.0.2.1", "sessions", "--email", mail)
	id := regexp.MustCompile(`(?m)^([0-9a-f-]{36}) +session +link +Firefox on Linux`).FindStringSubmatch(list)
	if id == nil {
		t.Fatalf("the sessions are\n%s", list)
	}
	user(2, "This is no id", "sessions", "--email", mail, "--end", "x")
	user(0, "Ended", "sessions", "--email", mail, "--end", id[1])
	user(1, "no such session", "sessions", "--email", mail, "--end", id[1])
	if _, err := store.Who(t.Context(), session); err == nil {
		t.Error("the session has not ended")
	}
	typed := func(password string, code int, want string) {
		t.Helper()
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		stdin := os.Stdin
		os.Stdin = in
		defer func() { os.Stdin = stdin; in.Close() }()
		if _, err := out.WriteString(password + "\n"); err != nil {
			t.Fatal(err)
		}
		out.Close()
		user(code, want, "password", "--email", mail)
	}
	typed("short", 2, "at least 12 characters")
	typed("correct horse battery staple", 0, "has a new password")
	signIn := func() error {
		_, _, err := store.PasswordSignIn(t.Context(), mail, "correct horse battery staple", device{})
		return err
	}
	if err := signIn(); err != nil {
		t.Errorf("the password: %v", err)
	}
	if said := user(0, mail, "list"); !regexp.MustCompile(`ada@larkpay\.example +Ada +admin +- +password`).MatchString(said) {
		t.Errorf("the list is\n%s", said)
	}
	link = secretOf(user(0, "once within 24 hours", "link", "--email", "ADA@larkpay.example", "--url", "https://desk.larkpay.example"))
	user(0, "Ended 2.", "sessions", "--email", mail, "--end-all") // the session by password, and the link
	if _, err := store.Peek(t.Context(), link); err == nil {
		t.Error("the link still opens")
	}
	user(0, "can no longer sign in", "disable", "--email", mail)
	if signIn() == nil {
		t.Error("whoever is disabled signs in")
	}
	user(1, "enable them first", "link", "--email", mail)
	user(0, "can sign in again", "enable", "--email", mail)
	if err := signIn(); err != nil {
		t.Errorf("enabled again: %v", err)
	}
	user(0, "can try again", "unblock", "--email", mail)
	user(0, "no password any more", "password", "--email", mail, "--clear")
	if signIn() == nil {
		t.Error("the password was taken away")
	}
	user(0, "can no longer sign in", "remove", "--email", mail)
	if said := user(0, mail, "list"); !regexp.MustCompile(`ada@larkpay\.example +Ada +agent +- +disabled`).MatchString(said) {
		t.Errorf("the list is\n%s", said)
	}
}
