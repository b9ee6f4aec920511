package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// UserCmd manages people. Every command works beside a running server, which notices within seconds.
type UserCmd struct {
	Add      UserAddCmd      `cmd:"" help:"Add a person, or change one, and print a one-time sign-in link."`
	List     UserListCmd     `cmd:"" help:"List the people who work here."`
	Link     UserLinkCmd     `cmd:"" help:"Print a one-time sign-in link for somebody."`
	Password UserPasswordCmd `cmd:"" help:"Set somebody's password, read from standard input."`
	Sessions UserSessionsCmd `cmd:"" help:"List somebody's sessions and tokens, or end them."`
	Disable  UserDisableCmd  `cmd:"" help:"Keep somebody out: their sessions end at once, their conversations go back to the queue."`
	Enable   UserEnableCmd   `cmd:"" help:"Let somebody in again who was disabled."`
	Unblock  UserUnblockCmd  `cmd:"" help:"Forget somebody's failed attempts to sign in."`
	Remove   UserRemoveCmd   `cmd:"" help:"Disable a person and take away teams, role and password."`
}

// someone is the person that a command is about.
type someone struct {
	Email string `required:"" help:"E-mail address of the person."`
}

// with opens the database and calls f with the person.
func (c someone) with(e *env, f func(*auth.Store, auth.Agent) error) error {
	pool, done, err := database(e.ctx, e, e.cfg.logger(e))
	if err != nil {
		return err
	}
	defer done()
	store := auth.NewStore(pool)
	a, err := store.FindByEmail(e.ctx, c.Email)
	if err != nil {
		return err
	}
	return f(store, a)
}

// UserRemoveCmd takes a person's rights away.
type UserRemoveCmd struct{ someone }

// Run removes the person.
func (c *UserRemoveCmd) Run(e *env) error {
	return c.with(e, func(s *auth.Store, a auth.Agent) error {
		if _, err := s.Remove(e.ctx, auth.Command, a.Email); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.out, "%s can no longer sign in; open sessions end within seconds.\n", a.Name)
		return err
	})
}

// UserDisableCmd keeps a person out.
type UserDisableCmd struct{ someone }

// Run disables the person.
func (c *UserDisableCmd) Run(e *env) error {
	return c.with(e, func(s *auth.Store, a auth.Agent) error {
		yes := true
		if _, err := s.Update(e.ctx, auth.Command, a.ID, auth.Change{Disabled: &yes}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.out, "%s can no longer sign in; open sessions end within seconds. To undo: firstline user enable --email %s\n", a.Name, a.Email)
		return err
	})
}

// UserEnableCmd lets a person in again.
type UserEnableCmd struct{ someone }

// Run enables the person.
func (c *UserEnableCmd) Run(e *env) error {
	return c.with(e, func(s *auth.Store, a auth.Agent) error {
		no := false
		if _, err := s.Update(e.ctx, auth.Command, a.ID, auth.Change{Disabled: &no}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.out, "%s can sign in again.\n", a.Name)
		return err
	})
}

// UserUnblockCmd forgets failed attempts.
type UserUnblockCmd struct{ someone }

// Run forgets them.
func (c *UserUnblockCmd) Run(e *env) error {
	return c.with(e, func(s *auth.Store, a auth.Agent) error {
		if err := s.Unblock(e.ctx, auth.Command, a.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.out, "%s can try again.\n", a.Name)
		return err
	})
}

// UserLinkCmd makes a sign-in link.
type UserLinkCmd struct {
	someone
	URL string `env:"FIRSTLINE_URL" name:"url" default:"http://127.0.0.1:8080" help:"Address of the server, for the link."`
}

// Run makes it.
func (c *UserLinkCmd) Run(e *env) error {
	return c.with(e, func(s *auth.Store, a auth.Agent) error {
		secret, _, err := s.MakeLink(e.ctx, auth.Command, a.ID)
		if err != nil {
			return err
		}
		return printLink(e, a, c.URL, secret)
	})
}

func printLink(e *env, a auth.Agent, base, secret string) error {
	_, err := fmt.Fprintf(e.out, "%s (%s) can sign in once within 24 hours:\n%s/signin?token=%s\n", a.Name, a.Role, strings.TrimSuffix(base, "/"), secret)
	return err
}

// UserPasswordCmd sets a password.
type UserPasswordCmd struct {
	someone
	Clear bool `help:"Take the password away instead."`
}

// Run reads the password from standard input, because arguments and environments are seen by others.
func (c *UserPasswordCmd) Run(e *env) error {
	return c.with(e, func(s *auth.Store, a auth.Agent) error {
		if c.Clear {
			if err := s.ForgetPassword(e.ctx, auth.Command, a.ID); err != nil {
				return err
			}
			_, err := fmt.Fprintf(e.out, "%s has no password any more.\n", a.Name)
			return err
		}
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4<<10)).ReadString('\n')
		if err != nil && err != io.EOF {
			return fault.Wrap(err, fault.Invalid, "no_password", "Write the password to standard input, one line.")
		}
		if err := s.GivePassword(e.ctx, auth.Command, a.ID, strings.TrimRight(line, "\r\n")); err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.out, "%s has a new password; every session has ended.\n", a.Name)
		return err
	})
}

// UserSessionsCmd lists sessions and ends them.
type UserSessionsCmd struct {
	someone
	End    string `help:"Id of a session or token to end." placeholder:"ID"`
	EndAll bool   `help:"End all of them, and unused links."`
}

// Run lists or ends them.
func (c *UserSessionsCmd) Run(e *env) error {
	return c.with(e, func(s *auth.Store, a auth.Agent) error {
		switch {
		case c.EndAll:
			n, err := s.EndAll(e.ctx, auth.Command, a.ID, uuid.Nil)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.out, "Ended %d.\n", n)
			return err
		case c.End != "":
			id, err := uuid.Parse(c.End)
			if err != nil {
				return fault.Field("end", "not_an_id", "This is no id; firstline user sessions --email %s lists them.", a.Email)
			}
			if err := s.End(e.ctx, auth.Command, a.ID, id); err != nil {
				return err
			}
			_, err = fmt.Fprintln(e.out, "Ended.")
			return err
		}
		sessions, err := s.Sessions(e.ctx, a.ID, uuid.Nil)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tKIND\tBEGUN BY\tDEVICE\tADDRESS\tLAST USED\tUNTIL")
		for _, x := range sessions {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.ID, x.Kind, x.Via, or(x.Device, "-"), or(x.Address, "-"), lastUsed(x.SeenAt), lastUsed(&x.ExpiresAt))
		}
		return w.Flush()
	})
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func lastUsed(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// UserListCmd lists people.
type UserListCmd struct{}

// Run lists them.
func (c *UserListCmd) Run(e *env) error {
	pool, done, err := database(e.ctx, e, e.cfg.logger(e))
	if err != nil {
		return err
	}
	defer done()
	people, err := auth.NewStore(pool).People(e.ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "EMAIL\tNAME\tROLE\tTEAMS\tSIGNS IN\tLAST SEEN")
	for _, p := range people {
		how := "by link"
		switch {
		case p.DisabledAt != nil:
			how = "disabled"
		case p.HasPassword && p.SingleSignOn:
			how = "password, single sign-on"
		case p.HasPassword:
			how = "password"
		case p.SingleSignOn:
			how = "single sign-on"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Email, p.Name, p.Role, or(strings.Join(p.Teams, ","), "-"), how, lastUsed(p.SeenAt))
	}
	return w.Flush()
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

// Run adds the person.
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
	if c.Token {
		secret, err := store.Issue(e.ctx, a.ID, "token")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(e.out, secret)
		return err
	}
	secret, _, err := store.MakeLink(e.ctx, auth.Command, a.ID)
	if err != nil {
		return err
	}
	return printLink(e, a, c.URL, secret)
}
