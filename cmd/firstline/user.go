package main

import (
	"fmt"
	"strings"

	"github.com/firstline/firstline/internal/auth"
)

// UserCmd manages people.
type UserCmd struct {
	Add    UserAddCmd    `cmd:"" help:"Add a person, or change one, and print a one-time sign-in link."`
	Remove UserRemoveCmd `cmd:"" help:"End a person's sessions, tokens and rights at once."`
}

// UserRemoveCmd takes a person's rights away.
type UserRemoveCmd struct {
	Email string `required:"" help:"E-mail address of the person."`
}

// Run removes the person; it works beside a running server.
func (c *UserRemoveCmd) Run(e *env) error {
	pool, done, err := database(e.ctx, e, e.cfg.logger(e))
	if err != nil {
		return err
	}
	defer done()
	a, err := auth.NewStore(pool).Remove(e.ctx, c.Email)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "%s can no longer sign in; open sessions end within seconds.\n", a.Name)
	return err
}

// UserAddCmd adds a person.
type UserAddCmd struct {
	Email    string   `required:"" help:"E-mail address; it names the person."`
	Name     string   `help:"Name that customers and colleagues see; from the address when not given."`
	Role     string   `required:"" enum:"agent,supervisor,editor,admin" help:"One of ${enum}."`
	Team     []string `help:"Team whose conversations the person takes; may be given several times."`
	Language []string `help:"Language that the person answers in; every language when not given."`
	Market   []string `help:"Market that the person serves; every market when not given."`
	Capacity int      `default:"4" help:"Conversations at once."`
	Token    bool     `help:"Print a bearer token for programs instead of a link. It is shown once."`
	URL      string   `env:"FIRSTLINE_URL" name:"url" default:"http://127.0.0.1:8080" help:"Address of the server, for the link."`
}

// Run adds the person; it works beside a running server.
func (c *UserAddCmd) Run(e *env) error {
	pool, done, err := database(e.ctx, e, e.cfg.logger(e))
	if err != nil {
		return err
	}
	defer done()
	store := auth.NewStore(pool)
	a, err := store.Save(e.ctx, auth.Agent{Email: c.Email, Name: c.Name, Role: c.Role, Teams: c.Team, Languages: c.Language, Markets: c.Market, Capacity: c.Capacity})
	if err != nil {
		return err
	}
	kind := "link"
	if c.Token {
		kind = "token"
	}
	secret, err := store.Issue(e.ctx, a.ID, kind)
	if err != nil {
		return err
	}
	if c.Token {
		_, err = fmt.Fprintln(e.out, secret)
		return err
	}
	_, err = fmt.Fprintf(e.out, "%s (%s) can sign in once within 24 hours:\n%s/signin?token=%s\n", a.Name, a.Role, strings.TrimSuffix(c.URL, "/"), secret)
	return err
}
