package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/dial"
	"github.com/firstline/firstline/internal/fault"
)

// Webhook is an address that is told of events.
type Webhook struct {
	ID          uuid.UUID  `json:"id"`
	URL         string     `json:"url"`
	Description string     `json:"description"`
	Kinds       []string   `json:"kinds"` // none is every kind but notes
	Enabled     bool       `json:"enabled"`
	FormerUntil *time.Time `json:"former_until"` // until then the former secret signs as well
	CreatedAt   time.Time  `json:"created_at"`

	secret string
	former *string
}

const webhookColumns = `id, url, description, kinds, disabled_at IS NULL, CASE WHEN former_until > now() THEN former_until END, created_at,
	secret, CASE WHEN former_until > now() THEN former_secret END`

func scanWebhook(row pgx.Row) (Webhook, error) {
	var w Webhook
	err := row.Scan(&w.ID, &w.URL, &w.Description, &w.Kinds, &w.Enabled, &w.FormerUntil, &w.CreatedAt, &w.secret, &w.former)
	if errors.Is(err, pgx.ErrNoRows) {
		return w, fault.New(fault.NotFound, "webhook_not_found", "There is no such webhook.")
	}
	return w, err
}

func (s *Service) findWebhook(ctx context.Context, id uuid.UUID) (Webhook, error) {
	return scanWebhook(s.pool.QueryRow(ctx, `SELECT `+webhookColumns+` FROM webhooks WHERE id = $1`, id))
}

// Webhook returns one.
func (s *Service) Webhook(ctx context.Context, id uuid.UUID) (Webhook, error) {
	return s.findWebhook(ctx, id)
}

// Webhooks returns all, oldest first.
func (s *Service) Webhooks(ctx context.Context) ([]Webhook, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+webhookColumns+` FROM webhooks ORDER BY created_at, id`)
	if err != nil {
		return nil, err
	}
	ws, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Webhook, error) { return scanWebhook(row) })
	if ws == nil {
		ws = []Webhook{}
	}
	return ws, err
}

// secretPrefix marks secrets of Standard Webhooks.
const secretPrefix = "whsec_"

func newSecret() (string, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(raw), nil
}

// maxURL is the length of an address.
const maxURL = 2000

// cleanURL checks an address that somebody typed. Where it leads is looked at whenever it is used.
func (s *Service) cleanURL(field, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || len(address) > maxURL || u.Scheme != "https" && u.Scheme != "http" {
		return fault.Field(field, "not_a_url", "Use an address such as https://example.com/hooks.")
	}
	if u.User != nil {
		return fault.Field(field, "password_in_url", "Leave user and password out of the address.")
	}
	if u.Scheme == "http" && len(s.opts.Allow) == 0 {
		return fault.Field(field, "not_https", "Use https, so that nobody reads along.")
	}
	return nil
}

func (s *Service) checkWebhook(w Webhook) error {
	if err := s.cleanURL("url", w.URL); err != nil {
		return err
	}
	for _, k := range w.Kinds {
		if !slices.Contains(Kinds, k) {
			return fault.Field("kinds", "unknown_kind", "%q is none of %s.", k, strings.Join(Kinds, ", "))
		}
	}
	return nil
}

// AddWebhook stores a webhook and returns it with its secret, which is not shown again.
func (s *Service) AddWebhook(ctx context.Context, a handoff.Agent, w Webhook) (Webhook, string, error) {
	if err := s.checkWebhook(w); err != nil {
		return w, "", err
	}
	secret, err := newSecret()
	if err != nil {
		return w, "", err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		w, err = scanWebhook(tx.QueryRow(ctx, `INSERT INTO webhooks (id, url, description, kinds, secret, disabled_at)
			VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN NULL ELSE now() END) RETURNING `+webhookColumns,
			uuid.Must(uuid.NewV7()), w.URL, w.Description, filled(w.Kinds), secret, w.Enabled))
		if err != nil {
			return err
		}
		return audit(ctx, tx, a, "webhook.added", w.ID, map[string]any{"url": w.URL})
	})
	return w, secret, err
}

// SetWebhook changes everything but the secret.
func (s *Service) SetWebhook(ctx context.Context, a handoff.Agent, w Webhook) (Webhook, error) {
	if err := s.checkWebhook(w); err != nil {
		return w, err
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var err error
		w, err = scanWebhook(tx.QueryRow(ctx, `UPDATE webhooks SET url = $2, description = $3, kinds = $4,
			disabled_at = CASE WHEN $5 THEN NULL ELSE COALESCE(disabled_at, now()) END WHERE id = $1 RETURNING `+webhookColumns,
			w.ID, w.URL, w.Description, filled(w.Kinds), w.Enabled))
		if err != nil {
			return err
		}
		return audit(ctx, tx, a, "webhook.changed", w.ID, map[string]any{"url": w.URL, "enabled": w.Enabled})
	})
	s.poke()
	return w, err
}

// formerFor is how long a secret that was replaced signs beside the new one, so that receivers can change over.
const formerFor = "24 hours"

// RotateSecret gives a webhook a new secret and returns it; it is not shown again.
func (s *Service) RotateSecret(ctx context.Context, a handoff.Agent, id uuid.UUID) (Webhook, string, error) {
	secret, err := newSecret()
	if err != nil {
		return Webhook{}, "", err
	}
	var w Webhook
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		w, err = scanWebhook(tx.QueryRow(ctx, `UPDATE webhooks SET former_secret = secret, former_until = now() + interval '`+formerFor+`', secret = $2
			WHERE id = $1 RETURNING `+webhookColumns, id, secret))
		if err != nil {
			return err
		}
		return audit(ctx, tx, a, "webhook.rotated", id, nil)
	})
	return w, secret, err
}

// RemoveWebhook deletes a webhook with its deliveries.
func (s *Service) RemoveWebhook(ctx context.Context, a handoff.Agent, id uuid.UUID) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		w, err := scanWebhook(tx.QueryRow(ctx, `DELETE FROM webhooks WHERE id = $1 RETURNING `+webhookColumns, id))
		if err != nil {
			return err
		}
		return audit(ctx, tx, a, "webhook.removed", id, map[string]any{"url": w.URL})
	})
}

// Outcome is what became of a test.
type Outcome struct {
	OK     bool    `json:"ok"`
	Status int     `json:"status"` // 0 where there was no answer
	Took   float64 `json:"took_ms"`
	Error  string  `json:"error"`
}

func outcome(began time.Time, status int, err error) Outcome {
	o := Outcome{OK: err == nil, Status: status, Took: float64(time.Since(began).Microseconds()) / 1000}
	if err != nil {
		o.Error = clip(err.Error(), 500)
		var r *refusal
		if errors.As(err, &r) {
			o.Status = r.Status
		}
	}
	return o
}

// TestWebhook sends a ping, once, and says what became of it.
func (s *Service) TestWebhook(ctx context.Context, id uuid.UUID) (Outcome, error) {
	w, err := s.findWebhook(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	body, err := json.Marshal(map[string]any{"type": Ping, "timestamp": time.Now().UTC(), "data": map[string]any{"webhook": id}})
	if err != nil {
		return Outcome{}, err
	}
	began := time.Now()
	status, err := s.post(ctx, w, uuid.NewString(), body)
	return outcome(began, status, err), nil
}

// signature signs as https://www.standardwebhooks.com says: HMAC-SHA256 over id, seconds and body, joined by dots.
func signature(secret, id, seconds string, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return "", fmt.Errorf("secret of a webhook: %w", err)
	}
	m := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(m, "%s.%s.", id, seconds)
	m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)), nil
}

// post sends one message to a webhook. Its id stays the same in every attempt, for the receiver to know it again; the time
// and with it the signature are of the attempt.
func (s *Service) post(ctx context.Context, w Webhook, id string, body []byte) (int, error) {
	seconds := strconv.FormatInt(time.Now().Unix(), 10)
	secrets := []string{w.secret}
	if w.former != nil {
		secrets = append(secrets, *w.former)
	}
	var signatures []string
	for _, secret := range secrets {
		sig, err := signature(secret, id, seconds, body)
		if err != nil {
			return 0, err
		}
		signatures = append(signatures, sig)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return 0, &refusal{Text: "the address is not one that can be used", Permanent: true}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", seconds)
	req.Header.Set("webhook-signature", strings.Join(signatures, " "))
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
		return resp.StatusCode, nil
	}
	r := refused(resp)
	r.Permanent = resp.StatusCode == http.StatusGone // everything else a receiver can mend
	r.Gone = r.Permanent
	return resp.StatusCode, r
}

const userAgent = "Firstline/1 (+webhooks)"

// refused reads what a server says that did not take what it was sent.
func refused(resp *http.Response) *refusal {
	r := &refusal{Status: resp.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 400)) // the status is enough
	r.Text = strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "")), " ")
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		r.Text = "it redirects to another address; redirects are not followed, enter that address here"
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		r.After = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return r
}

// retryAfter reads seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n > 0 {
		return time.Duration(min(n, 86400)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// unreachable says why there was no answer, without saying where a name leads.
func unreachable(err error) error {
	var u *url.Error
	var lookup *net.DNSError
	if errors.As(err, &u) {
		switch {
		case errors.Is(err, dial.ErrInternal):
			return &refusal{Text: dial.ErrInternal.Error()}
		case errors.Is(err, dial.ErrPlain):
			return &refusal{Text: dial.ErrPlain.Error()}
		case errors.As(err, &lookup) && lookup.IsNotFound:
			return &refusal{Text: "no answer: there is no host of this name"} // without the name server's own address
		case errors.As(err, &lookup):
			return &refusal{Text: "no answer: the name could not be resolved"}
		case u.Timeout():
			return &refusal{Text: "no answer in time"}
		}
		return &refusal{Text: "no answer: " + u.Err.Error()}
	}
	return err
}

func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func audit(ctx context.Context, tx pgx.Tx, a handoff.Agent, action string, subject uuid.UUID, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4)`, a.ID.String(), action, subject.String(), detail)
	return err
}
