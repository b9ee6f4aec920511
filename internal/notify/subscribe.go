package notify

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// subscriptionData is what is kept of a subscription beside its address.
type subscriptionData struct {
	P256dh string `json:"p256dh,omitempty"`
	Auth   string `json:"auth,omitempty"`
	Text   bool   `json:"text,omitempty"`
}

// How many a conversation may have: of addresses that nobody has confirmed, and of browsers.
const (
	maxUnconfirmed = 3
	maxBrowsers    = 5
)

var errNoMail = fault.New(fault.Conflict, "no_mail_server", "E-mail is not set up here; the answer will be in the chat.")

// SubscribeEmail has the customer of a conversation told by e-mail of answers that they do not read in the chat. An address
// that the company's backend vouches for is told at once; any other one is asked first, and confirmed is false until it
// agrees. The newest address that agrees is the one that counts.
func (s *Service) SubscribeEmail(ctx context.Context, conversation uuid.UUID, address string) (confirmed bool, err error) {
	if s.opts.Mail == nil {
		return false, errNoMail
	}
	err = s.record.Do(ctx, conversation, func(ctx context.Context, c *chat.Session) error {
		confirmed = c.Customer.Verified && strings.EqualFold(c.Customer.Email, address)
		var waiting int
		err := c.Tx().QueryRow(ctx, `SELECT count(*) FROM subscriptions WHERE conversation_id = $1 AND kind = 'email' AND confirmed_at IS NULL AND address <> $2`,
			conversation, address).Scan(&waiting)
		if err != nil {
			return err
		}
		if waiting >= maxUnconfirmed && !confirmed {
			return fault.New(fault.RateLimited, "too_many_addresses", "Other addresses wait to be confirmed. Open the e-mail that was sent to one of them, or try again in a week.")
		}
		var id uuid.UUID
		var was *time.Time
		var told int64
		err = c.Tx().QueryRow(ctx, `
			INSERT INTO subscriptions (conversation_id, kind, address, told_seq, confirmed_at) VALUES ($1, 'email', $2, $3, CASE WHEN $4 THEN now() END)
			ON CONFLICT (conversation_id, kind, address) DO UPDATE SET
				confirmed_at = CASE WHEN $4 THEN COALESCE(subscriptions.confirmed_at, now()) WHEN subscriptions.unsubscribed_at IS NULL THEN subscriptions.confirmed_at END,
				told_seq = CASE WHEN subscriptions.unsubscribed_at IS NULL THEN subscriptions.told_seq ELSE $3 END, unsubscribed_at = NULL
			RETURNING id, confirmed_at, told_seq`, conversation, address, c.LastSeq, confirmed).Scan(&id, &was, &told)
		if err != nil {
			return err
		}
		if confirmed = was != nil; confirmed {
			return s.only(ctx, c.Tx(), conversation, id)
		}
		// The mail that asks is sent by the outbox, too. Each time it is asked for it is another mail.
		_, err = c.Tx().Exec(ctx, `
			INSERT INTO notices (conversation_id, subscription_id, upto_seq) VALUES ($1, $2, $3)
			ON CONFLICT (conversation_id, subscription_id) DO UPDATE SET upto_seq = notices.upto_seq + 1, state = 'pending', attempts = 0, lease_until = NULL, next_at = now()`,
			conversation, id, told)
		return err
	})
	s.poke()
	return confirmed, err
}

// only leaves a conversation one address.
func (s *Service) only(ctx context.Context, tx pgx.Tx, conversation, subscription uuid.UUID) error {
	_, err := tx.Exec(ctx, `DELETE FROM subscriptions WHERE conversation_id = $1 AND kind = 'email' AND id <> $2`, conversation, subscription)
	return err
}

// SubscribePush has a browser told of answers. Of many browsers the newest count.
func (s *Service) SubscribePush(ctx context.Context, conversation uuid.UUID, b Browser) (id uuid.UUID, err error) {
	if err := b.check(); err != nil {
		return id, err
	}
	err = s.record.Do(ctx, conversation, func(ctx context.Context, c *chat.Session) error {
		err := c.Tx().QueryRow(ctx, `
			INSERT INTO subscriptions (conversation_id, kind, address, data, told_seq, confirmed_at) VALUES ($1, 'push', $2, $3, $4, now())
			ON CONFLICT (conversation_id, kind, address) DO UPDATE SET data = EXCLUDED.data RETURNING id`,
			conversation, b.Endpoint, subscriptionData{b.P256dh, b.Auth, b.Text}, c.LastSeq).Scan(&id)
		if err != nil {
			return err
		}
		_, err = c.Tx().Exec(ctx, `DELETE FROM subscriptions WHERE id IN (SELECT id FROM subscriptions WHERE conversation_id = $1 AND kind = 'push' AND id <> $3
			ORDER BY created_at DESC OFFSET $2)`, conversation, maxBrowsers-1, id)
		return err
	})
	return id, err
}

// Subscription is one way by which a customer is told, without what would give it away: whoever has the conversation's token
// need not learn the address.
type Subscription struct {
	ID        uuid.UUID `json:"id"`
	Kind      string    `json:"kind"`    // email | push
	Address   string    `json:"address"` // of e-mail with most of its name left out, of a browser its push service
	Confirmed bool      `json:"confirmed"`
}

// Subscriptions are those of a conversation, oldest first.
func (s *Service) Subscriptions(ctx context.Context, conversation uuid.UUID) ([]Subscription, error) {
	rows, err := s.pool.Query(ctx, `SELECT id, kind, address, confirmed_at IS NOT NULL FROM subscriptions
		WHERE conversation_id = $1 AND unsubscribed_at IS NULL ORDER BY created_at, id`, conversation)
	if err != nil {
		return nil, err
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Subscription])
	for i := range out {
		out[i].Address = discreet(out[i].Kind, out[i].Address)
	}
	if out == nil {
		out = []Subscription{}
	}
	return out, err
}

// discreet is an address as it is shown: enough to be known by whoever has left it.
func discreet(kind, address string) string {
	if kind == "push" {
		u, err := url.Parse(address)
		if err != nil {
			return ""
		}
		return u.Host
	}
	name, domain, _ := strings.Cut(address, "@")
	first := []rune(name)
	return string(first[:min(1, len(first))]) + "…@" + domain
}

// Unsubscribe forgets the addresses of a conversation's customer.
func (s *Service) Unsubscribe(ctx context.Context, conversation uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM subscriptions WHERE conversation_id = $1 AND kind = 'email'`, conversation)
	return err
}

// Forget forgets one subscription of a conversation.
func (s *Service) Forget(ctx context.Context, conversation, id uuid.UUID) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM subscriptions WHERE conversation_id = $1 AND id = $2`, conversation, id)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "subscription_not_found", "There is no such subscription in this conversation.")
	}
	return err
}

// Told is what the page says that a link in an e-mail leads to.
type Told struct {
	Address string // discreet
	Locale  string
	Done    bool // it was confirmed, or ended, before
}

// PeekConfirm says what the key of a confirming link is for, without using it: mail programs open links, too.
func (s *Service) PeekConfirm(ctx context.Context, key string) (Told, error) {
	return s.peek(ctx, purposeConfirm, key, `confirmed_at IS NOT NULL AND unsubscribed_at IS NULL`)
}

// PeekEnd says what the key of an unsubscribing link is for.
func (s *Service) PeekEnd(ctx context.Context, key string) (Told, error) {
	return s.peek(ctx, purposeEnd, key, `unsubscribed_at IS NOT NULL`)
}

func (s *Service) peek(ctx context.Context, purpose byte, key, done string) (Told, error) {
	var t Told
	id, err := s.open(purpose, key)
	if err != nil {
		return t, err
	}
	err = s.pool.QueryRow(ctx, `SELECT u.address, c.locale, `+done+` FROM subscriptions u JOIN conversations c ON c.id = u.conversation_id WHERE u.id = $1 AND u.kind = 'email'`, id).
		Scan(&t.Address, &t.Locale, &t.Done)
	if errors.Is(err, pgx.ErrNoRows) {
		if purpose == purposeEnd { // there is nothing left to end
			return Told{Done: true}, nil
		}
		return t, errLateKey
	}
	t.Address = discreet("email", t.Address)
	return t, err
}

// Confirm has an address told from now on, as its owner agreed to, also of what was said since it was asked.
func (s *Service) Confirm(ctx context.Context, key string) error {
	id, err := s.open(purposeConfirm, key)
	if err != nil {
		return err
	}
	var conversation uuid.UUID
	err = s.pool.QueryRow(ctx, `SELECT conversation_id FROM subscriptions WHERE id = $1 AND kind = 'email'`, id).Scan(&conversation)
	if errors.Is(err, pgx.ErrNoRows) {
		return errLateKey
	}
	if err != nil {
		return err
	}
	err = s.record.Do(ctx, conversation, func(ctx context.Context, c *chat.Session) error {
		tag, err := c.Tx().Exec(ctx, `UPDATE subscriptions SET confirmed_at = now() WHERE id = $1 AND confirmed_at IS NULL AND unsubscribed_at IS NULL`, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			var ended bool
			if err := c.Tx().QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM subscriptions WHERE id = $1 AND unsubscribed_at IS NULL)`, id).Scan(&ended); err != nil || !ended {
				return err // confirmed before
			}
			return errLateKey
		}
		if err := s.only(ctx, c.Tx(), conversation, id); err != nil {
			return err
		}
		_, err = c.Tx().Exec(ctx, `
			INSERT INTO notices (conversation_id, subscription_id, upto_seq) VALUES ($1, $2, $3)
			ON CONFLICT (conversation_id, subscription_id) DO UPDATE SET upto_seq = EXCLUDED.upto_seq, state = 'pending', since = now(), last_at = now(), next_at = now(),
				attempts = 0, sending_seq = 0, lease_until = NULL`, conversation, id, c.LastSeq)
		return err
	})
	s.poke()
	return err
}

// End sends nothing more to the address of a link. That it is known stays, so that what its owner writes by e-mail is still
// theirs. It is idempotent.
func (s *Service) End(ctx context.Context, key string) error {
	id, err := s.open(purposeEnd, key)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE subscriptions SET unsubscribed_at = COALESCE(unsubscribed_at, now()) WHERE id = $1`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE notices SET state = 'dropped', lease_until = NULL WHERE subscription_id = $1 AND state = 'pending'`, id)
		return err
	})
}
