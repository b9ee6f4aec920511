// Package site keeps the sites: pages of other origins that may show the chat. It says whether a page of an origin may speak
// to the customers' part of the API, and how the chat looks there. It never sees a request and knows nothing of HTTP.
package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// Bounds of what a site may have.
const (
	maxSites   = 200
	maxOrigins = 50
	maxName    = 120
	maxLabel   = 40
	maxOffset  = 200
)

// staleAfter is how long sites are believed without a look at the database: a wake-up may be lost.
const staleAfter = 30 * time.Second

// Theme is how the chat looks on a site. What is not given is as it is on Firstline's own page.
type Theme struct {
	Color    string `json:"color,omitempty"`    // #rrggbb
	Mode     string `json:"mode,omitempty"`     // auto (the customer's own wish), light or dark
	Position string `json:"position,omitempty"` // of the button: end or start of a line of the page's text
	OffsetX  *int   `json:"offset_x,omitempty"` // from the window's side, in pixels
	OffsetY  *int   `json:"offset_y,omitempty"` // from its bottom
	Label    string `json:"label,omitempty"`    // words on the button
}

// Site is a page of another origin, or several, that may show the chat.
type Site struct {
	Key     string    `json:"key"`
	Name    string    `json:"name"`
	Origins []string  `json:"origins"` // scheme, host and port, as browsers write them
	Theme   Theme     `json:"theme"`
	Locales []string  `json:"locales"` // offered there; none for all
	Enabled bool      `json:"enabled"`
	Created time.Time `json:"created_at"`
}

var (
	keyPattern   = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	colorPattern = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// Origin writes an origin as browsers do: scheme and host in small letters, the port only where it is not the scheme's own.
// It refuses what no browser would send.
func Origin(text string) (string, error) {
	refused := func() (string, error) {
		return "", fault.Field("origins", "not_an_origin", "%q is no origin. Use scheme and host, such as https://shop.example.com, without a path; there are no wildcards.", text)
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" || u.Path != "" && u.Path != "/" {
		return refused()
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if scheme != "https" && scheme != "http" || host == "" || strings.HasSuffix(u.Host, ":") {
		return refused()
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return refused()
		}
		if host = a.String(); a.Is6() {
			host = "[" + host + "]"
		}
	} else if strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	}) {
		return refused() // names with other letters are sent in their xn-- form
	}
	if scheme == "http" && !local(host) {
		return "", fault.Field("origins", "not_secure", "%q is not encrypted: whoever is on the way could read the conversation and its key. Use https; http is for localhost.", text)
	}
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + host, nil
	}
	return scheme + "://" + host + ":" + port, nil
}

// local reports whether a host is this machine itself, which browsers count as secure.
func local(host string) bool {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && a.IsLoopback()
}

// clean checks a site and brings it into the form in which it is kept. locales are those that the server has.
func (s *Site) clean(locales []string) error {
	if !keyPattern.MatchString(s.Key) {
		return fault.Field("key", "malformed", "Use 1 to 40 small letters, digits and hyphens, such as shop.")
	}
	if s.Name = strings.TrimSpace(s.Name); s.Name == "" || utf8.RuneCountInString(s.Name) > maxName || !plain(s.Name) {
		return fault.Field("name", "malformed", "Give the site a name of 1 to %d characters on one line.", maxName)
	}
	if len(s.Origins) > maxOrigins {
		return fault.Field("origins", "too_many", "A site has at most %d origins.", maxOrigins)
	}
	origins := []string{}
	for _, o := range s.Origins {
		o, err := Origin(o)
		if err != nil {
			return err
		}
		if !slices.Contains(origins, o) {
			origins = append(origins, o)
		}
	}
	s.Origins = origins
	kept := []string{}
	for _, l := range s.Locales {
		if !slices.Contains(locales, l) {
			return fault.Field("locales", "unknown_locale", "Use some of %s, or none for all of them.", strings.Join(locales, ", "))
		}
		if !slices.Contains(kept, l) {
			kept = append(kept, l)
		}
	}
	s.Locales = kept
	return s.Theme.check()
}

func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

func (t Theme) check() error {
	switch {
	case t.Color != "" && !colorPattern.MatchString(t.Color):
		return fault.Field("theme.color", "malformed", "Use a colour such as #1d5e54.")
	case !slices.Contains([]string{"", "auto", "light", "dark"}, t.Mode):
		return fault.Field("theme.mode", "unknown", "Use auto, light or dark.")
	case !slices.Contains([]string{"", "start", "end"}, t.Position):
		return fault.Field("theme.position", "unknown", "Use start or end.")
	case utf8.RuneCountInString(t.Label) > maxLabel || !plain(t.Label):
		return fault.Field("theme.label", "malformed", "Use at most %d characters on one line.", maxLabel)
	}
	for name, v := range map[string]*int{"theme.offset_x": t.OffsetX, "theme.offset_y": t.OffsetY} {
		if v != nil && (*v < 0 || *v > maxOffset) {
			return fault.Field(name, "out_of_range", "Use pixels from 0 to %d.", maxOffset)
		}
	}
	return nil
}

// Store reads and writes sites. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	bus     *wake.Bus
	locales []string
	now     func() time.Time

	mu     sync.Mutex
	all    []Site
	looked time.Time // zero: look before the next answer
}

// New returns a Store over a migrated database. locales are those that sites can choose from.
func New(pool *pgxpool.Pool, bus *wake.Bus, locales []string) *Store {
	s := &Store{pool: pool, bus: bus, locales: locales, now: time.Now}
	bus.Subscribe(wake.Sites, func(string) { s.forget() })
	return s
}

func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = time.Time{}
}

// current are the sites as of a moment ago. Without the database those of before stay in force.
func (s *Store) current(ctx context.Context) ([]Site, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.looked.IsZero() && s.now().Sub(s.looked) < staleAfter {
		return s.all, nil
	}
	all, err := s.List(ctx)
	if err != nil {
		if s.all != nil {
			return s.all, nil
		}
		return nil, err
	}
	s.all, s.looked = all, s.now()
	return all, nil
}

// Allowed reports whether a page of the origin may speak to the customers' part of the API: some enabled site names it.
func (s *Store) Allowed(ctx context.Context, origin string) (bool, error) {
	all, err := s.current(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(x Site) bool { return x.Enabled && slices.Contains(x.Origins, origin) }), nil
}

// Find returns an enabled site.
func (s *Store) Find(ctx context.Context, key string) (Site, error) {
	all, err := s.current(ctx)
	if err != nil {
		return Site{}, err
	}
	i := slices.IndexFunc(all, func(x Site) bool { return x.Enabled && x.Key == key })
	if i < 0 {
		return Site{}, fault.Field("site", "unknown_site", "There is no such site, or it is switched off; leave the field out for the page of Firstline itself.")
	}
	return all[i], nil
}

// List returns every site by its key, switched-off ones too.
func (s *Store) List(ctx context.Context) ([]Site, error) {
	rows, err := s.pool.Query(ctx, `SELECT key, name, origins, theme, locales, disabled_at IS NULL, created_at FROM sites ORDER BY key`)
	if err != nil {
		return nil, fmt.Errorf("sites: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x Site, err error) {
		var theme json.RawMessage
		if err := row.Scan(&x.Key, &x.Name, &x.Origins, &theme, &x.Locales, &x.Enabled, &x.Created); err != nil {
			return x, err
		}
		return x, json.Unmarshal(theme, &x.Theme)
	})
	if err != nil {
		return nil, fmt.Errorf("sites: %w", err)
	}
	return append([]Site{}, all...), nil
}

// Add stores a new site.
func (s *Store) Add(ctx context.Context, by auth.Agent, x Site) (Site, error) {
	if err := x.clean(s.locales); err != nil {
		return x, err
	}
	err := s.change(ctx, by, "site.added", x.Key, map[string]any{"origins": x.Origins, "enabled": x.Enabled}, func(tx pgx.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM sites`).Scan(&n); err != nil {
			return err
		}
		if n >= maxSites {
			return fault.New(fault.Conflict, "too_many_sites", "There are %d sites; remove one first.", n)
		}
		err := tx.QueryRow(ctx, `INSERT INTO sites (key, name, origins, theme, locales, disabled_at) VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN NULL ELSE now() END) RETURNING created_at`,
			x.Key, x.Name, x.Origins, x.Theme, x.Locales, x.Enabled).Scan(&x.Created)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "23505" { // unique_violation
			return &fault.Error{Kind: fault.Conflict, Code: "site_exists", Field: "key", Public: "There is a site with this key already."}
		}
		return err
	})
	return x, err
}

// Set replaces what is kept of a site.
func (s *Store) Set(ctx context.Context, by auth.Agent, x Site) (Site, error) {
	if err := x.clean(s.locales); err != nil {
		return x, err
	}
	err := s.change(ctx, by, "site.changed", x.Key, map[string]any{"origins": x.Origins, "enabled": x.Enabled}, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `UPDATE sites SET name = $2, origins = $3, theme = $4, locales = $5, disabled_at = CASE WHEN $6 THEN NULL ELSE COALESCE(disabled_at, now()) END
			WHERE key = $1 RETURNING created_at`, x.Key, x.Name, x.Origins, x.Theme, x.Locales, x.Enabled).Scan(&x.Created)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound()
		}
		return err
	})
	return x, err
}

// Remove forgets a site. Conversations that began there stay, without its name.
func (s *Store) Remove(ctx context.Context, by auth.Agent, key string) error {
	return s.change(ctx, by, "site.removed", key, map[string]any{}, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM sites WHERE key = $1`, key)
		if err == nil && tag.RowsAffected() == 0 {
			return notFound()
		}
		return err
	})
}

func notFound() error { return fault.New(fault.NotFound, "site_not_found", "There is no such site.") }

// change does something to a site, writes the audit log's line in the same transaction, and tells every replica.
func (s *Store) change(ctx context.Context, by auth.Agent, action, key string, detail map[string]any, f func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4)`, string(by.Actor()), action, key, detail)
		return err
	})
	s.forget()
	if err != nil {
		return err
	}
	s.bus.Notify(wake.Sites, "")
	return nil
}
