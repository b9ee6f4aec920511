package notify

import (
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/dial"
	"github.com/firstline/firstline/internal/fault"
)

// pushFor is how long a push service keeps a message for a browser that is off: four weeks.
const pushFor = 4 * 7 * 24 * 60 * 60

// pushed is what a browser gets. Only that browser can read it.
type pushed struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	Tag   string `json:"tag"`  // the same for one conversation, so that a later message takes the place of an earlier one
	Link  string `json:"link"` // opens the conversation, once
	Lang  string `json:"lang"`
}

// tag names a conversation to a browser's notifications and to push services, and nobody learns its id from it.
func (s *Service) tag(conversation uuid.UUID) string {
	sum := sha256.Sum256(append(append([]byte("tag"), s.secret...), conversation[:]...))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// maxPreview bounds the text that a notification shows, in bytes.
const maxPreview = 240

// push sends one message to a browser.
func (s *Service) push(ctx context.Context, n notice, messages []chat.Message) error {
	link, err := s.link(ctx, n.Conversation)
	if err != nil {
		return err
	}
	w := words(n.Locale)
	p := pushed{Title: fmt.Sprintf(w.pushTitle, s.opts.Company), Text: w.pushText, Tag: s.tag(n.Conversation), Link: link, Lang: n.Locale}
	if n.Data.Text {
		p.Text = clip(strings.Join(strings.Fields(masked(messages[len(messages)-1].Text)), " "), maxPreview)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	contact := s.opts.Contact
	if base := s.url(""); strings.HasPrefix(base, "https://") {
		contact = base
	}
	res, err := webpush.SendNotificationWithContext(ctx, body, &webpush.Subscription{Endpoint: n.Address, Keys: webpush.Keys{P256dh: n.Data.P256dh, Auth: n.Data.Auth}},
		&webpush.Options{HTTPClient: s.http, Subscriber: contact, Topic: p.Tag, TTL: pushFor, Urgency: webpush.UrgencyHigh, VAPIDPublicKey: s.public, VAPIDPrivateKey: s.key})
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text has the whole address
			err = u.Err
		}
		for _, inner := range []error{dial.ErrInternal, dial.ErrPlain} {
			if errors.Is(err, inner) { // without the address that it led to
				return &refusal{text: inner.Error(), permanent: true}
			}
		}
		return &refusal{text: err.Error()}
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return nil
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone:
		return errGone
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	return &refusal{text: fmt.Sprintf("status %d", res.StatusCode), after: time.Duration(min(max(seconds, 0), 86_400)) * time.Second,
		permanent: res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusRequestTimeout}
}

// Browser is what a browser's subscription to push messages consists of.
type Browser struct {
	Endpoint, P256dh, Auth string
	Text                   bool // what is said may be shown by the device, also while it is locked
}

// check tells what is wrong with it. Where the endpoint leads is looked at when it is connected to, every time.
func (b Browser) check() error {
	u, err := url.Parse(b.Endpoint)
	if err != nil || len(b.Endpoint) > 2000 || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return fault.Field("address", "not_an_endpoint", "Use the endpoint of the browser's subscription, an https address of at most 2000 characters.")
	}
	point, err := decodeKey(b.P256dh)
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(point)
	}
	if err != nil {
		return fault.Field("keys.p256dh", "not_a_key", "Use the key p256dh of the browser's subscription.")
	}
	if auth, err := decodeKey(b.Auth); err != nil || len(auth) != 16 {
		return fault.Field("keys.auth", "not_a_key", "Use the key auth of the browser's subscription.")
	}
	return nil
}

func decodeKey(s string) ([]byte, error) {
	if len(s) > 200 {
		return nil, errors.New("too long")
	}
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}
