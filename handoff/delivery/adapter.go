package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/firstline/firstline/internal/fault"
)

// Adapter speaks one desk's language. Adding a desk means writing one of these and naming it in adapters.
type Adapter interface {
	// Send brings one event to the desk. Out.Again says that an earlier attempt may have arrived: then the adapter looks
	// first. A delivery that has arrived is not sent twice.
	Send(ctx context.Context, out Out) (Sent, error)
	// Receive checks the signature of a request of the desk's and reads what is in it. It does nothing.
	Receive(r Request) (Received, error)
	// Check tells whether the desk lets us in.
	Check(ctx context.Context) error
}

// Out is what is to be sent.
type Out struct {
	Delivery string // its id, the same in every attempt
	Event    Event
	External string // the desk's id of the conversation; "" while it has none
	Again    bool
}

// Sent is what the desk made of it.
type Sent struct {
	External string // the desk's id of the conversation
	ID       string // the desk's id of the message; "" where it tells none
}

// Request is what a desk sends to us.
type Request struct {
	Header http.Header
	Body   []byte
	Now    time.Time
}

// Received is what was in a request.
type Received struct {
	Events []In
	Answer []byte // what the desk wants to read, as JSON; nil for nothing
}

// What happens at a desk.
const (
	Reply    = "reply"    // to the customer
	Note     = "note"     // for agents only
	Resolved = "resolved" // closed, solved, done
	Returned = "returned" // given back to the assistant; the text is the instruction
)

// In is one thing that happened at a desk.
type In struct {
	ID       string // the desk's own, the same when it is sent again
	External string // the desk's id of the conversation
	Kind     string
	Author   string // as the desk names them
	Text     string
	At       time.Time
}

// settings are what a connection's adapter is made of. Which of them a desk needs, its entry in adapters says.
type settings struct {
	URL     string   `json:"url,omitempty"`     // where the desk's API is
	User    string   `json:"user,omitempty"`    // e-mail of a Zendesk agent, id of an Intercom admin
	Account string   `json:"account,omitempty"` // of Chatwoot
	Inbox   string   `json:"inbox,omitempty"`   // of Chatwoot
	Channel string   `json:"channel,omitempty"` // of Slack
	To      []string `json:"to,omitempty"`      // mailboxes
}

// secrets are a connection's; no answer ever holds them.
type secrets struct {
	Token   string `json:"token,omitempty"`   // lets us in
	Signing string `json:"signing,omitempty"` // signs what the desk sends
}

// kind describes a kind of desk.
type kind struct {
	needs   []string // settings without which there is no adapter, by their names
	url     string   // where its API is, for those that have one place
	inward  bool     // it sends to us, so it needs a signing secret
	adapter func(s *Service, c Connection) Adapter
}

var kinds = map[string]kind{
	"zendesk":  {needs: []string{"url", "user", "token", "signing"}, inward: true, adapter: newZendesk},
	"intercom": {needs: []string{"user", "token", "signing"}, url: "https://api.intercom.io", inward: true, adapter: newIntercom},
	"chatwoot": {needs: []string{"url", "account", "inbox", "token", "signing"}, inward: true, adapter: newChatwoot},
	"slack":    {needs: []string{"channel", "token", "signing"}, url: "https://slack.com/api", inward: true, adapter: newSlack},
	"email":    {needs: []string{"to"}, adapter: newEmail},
}

// errSignature is for requests that do not prove whom they are from.
var errSignature = fault.New(fault.Unauthenticated, "bad_signature", "The signature does not fit the request, or it is too old.")

// signed compares a signature in constant time.
func signed(algorithm func() hash.Hash, key, given string, encode func([]byte) string, parts ...[]byte) bool {
	if key == "" || given == "" {
		return false
	}
	m := hmac.New(algorithm, []byte(key))
	for _, p := range parts {
		m.Write(p)
	}
	return hmac.Equal([]byte(encode(m.Sum(nil))), []byte(given))
}

// fresh is how far a request's own time may be from ours; older ones are replayed by somebody.
const fresh = 5 * time.Minute

// isFresh checks a time in Unix seconds.
func isFresh(seconds string, now time.Time) bool {
	n, err := strconv.ParseInt(seconds, 10, 64)
	return err == nil && now.Sub(time.Unix(n, 0)).Abs() <= fresh
}

// api calls one server's JSON API.
type api struct {
	http      *http.Client
	base      string
	authorize func(*http.Request)
}

// maxAnswer bounds what is read of an API's answer.
const maxAnswer = 8 << 20

// call sends a request and decodes the answer into out, where out is not nil. Headers are pairs of name and value.
func (a api) call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return &refusal{Text: "the address is not one that can be used", Permanent: true}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	a.authorize(req)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		r := refused(resp)
		switch resp.StatusCode {
		case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		default:
			r.Permanent = resp.StatusCode >= 400 && resp.StatusCode < 500 // wrong token, wrong id: somebody must mend it, then it is sent again
		}
		return r
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return &refusal{Status: resp.StatusCode, Text: "the answer is not the JSON that was expected"}
	}
	return nil
}

// bearer authorizes by a token.
func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// statusOf is the status that a server refused with, or 0.
func statusOf(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.Status
	}
	return 0
}

// number is an id that a desk writes as a number or as a string of one.
type number string

// UnmarshalJSON takes both.
func (n *number) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err == nil {
		*n = number(s)
		return nil
	}
	var j json.Number
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*n = number(j.String())
	return nil
}

// stamp is a point in time that a desk writes as Unix seconds or as text.
type stamp struct{ time.Time }

// UnmarshalJSON takes both; what it does not understand is no time at all.
func (s *stamp) UnmarshalJSON(data []byte) error {
	var seconds float64
	if err := json.Unmarshal(data, &seconds); err == nil {
		s.Time = time.UnixMilli(int64(seconds * 1000))
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05 MST"} {
		if t, err := time.Parse(layout, text); err == nil {
			s.Time = t
			return nil
		}
	}
	return nil
}

// parsed decodes what a desk sent.
func parsed(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fault.New(fault.Invalid, "malformed_json", "The request is not what this desk sends: %v.", err)
	}
	return nil
}

func escaped(id string) string { return url.PathEscape(id) }

func hex256(key string, given string, parts ...[]byte) bool {
	return signed(sha256.New, key, given, func(b []byte) string { return fmt.Sprintf("%x", b) }, parts...)
}
