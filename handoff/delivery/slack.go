package delivery

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// slack speaks Slack's Web API and Events API (https://docs.slack.dev): a conversation is a thread in a channel. What is written
// in the thread goes to the customer, except what begins with "note:". "!resolve" closes the conversation, "!return" gives it
// back to the assistant, with the rest of the line as instruction. Messages carry their delivery as metadata, by which a second
// attempt finds the first.
type slack struct {
	s       *Service
	api     api
	channel string
	signing string
}

func newSlack(s *Service, c Connection) Adapter {
	return &slack{s: s, channel: c.Settings.Channel, signing: c.secrets.Signing, api: api{http: s.http, base: c.Settings.URL, authorize: bearer(c.secrets.Token)}}
}

// slackMark is the type of the metadata of our messages.
const slackMark = "firstline_delivery"

// slackText bounds a message; Slack cuts longer ones.
const slackText = 35_000

type slackAnswer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

// passing are errors of Slack's that a later attempt may not meet.
var passing = map[string]bool{"ratelimited": true, "rate_limited": true, "internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true,
	"message_limit_exceeded": true}

// problem is Slack's own error in an answer with status 200.
func (a slackAnswer) problem() error {
	if a.OK {
		return nil
	}
	return &refusal{Status: http.StatusOK, Text: "Slack says " + a.Error, Permanent: !passing[a.Error]}
}

var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Send implements Adapter.
func (k *slack) Send(ctx context.Context, out Out) (Sent, error) {
	e := out.Event
	var text string
	switch {
	case e.Type == HandoffCreated:
		text = "*New conversation: " + slackEscape.Replace(subject(e.Data)) + "*\n" + slackEscape.Replace(k.s.opening(e.Data, slackText-2000)) +
			"\n\n_Answers in this thread go to the customer. Begin with `note:` for colleagues only; `!resolve` closes, `!return` gives back to the assistant._"
	case fromCustomer(e):
		text = "*Customer:* " + slackEscape.Replace(said(e.Data.Message))
	default:
		text = "_" + slackEscape.Replace(k.s.aside(e)) + "_"
	}
	if out.Again {
		ts, err := k.arrived(ctx, out)
		if err != nil {
			return Sent{}, err
		}
		if ts != "" {
			return k.sent(out, ts), nil
		}
	}
	message := map[string]any{"channel": k.channel, "text": clip(text, slackText), "unfurl_links": false, "unfurl_media": false,
		"metadata": map[string]any{"event_type": slackMark, "event_payload": map[string]string{"delivery": out.Delivery}}}
	if out.External != "" {
		message["thread_ts"] = out.External
	}
	var answer struct {
		slackAnswer
		TS string `json:"ts"`
	}
	if err := k.api.call(ctx, http.MethodPost, "/chat.postMessage", message, &answer); err != nil {
		return Sent{}, err
	}
	if err := answer.problem(); err != nil {
		return Sent{}, err
	}
	return k.sent(out, answer.TS), nil
}

// sent names the thread by its first message.
func (k *slack) sent(out Out, ts string) Sent {
	if out.External == "" {
		return Sent{External: ts, ID: ts}
	}
	return Sent{External: out.External, ID: ts}
}

// slackPages bounds how many pages of a channel or a thread are looked through.
const slackPages = 10

// arrived looks for the message with the delivery's metadata: in the thread, or, where it would have begun one, in the channel
// since the event.
func (k *slack) arrived(ctx context.Context, out Out) (string, error) {
	q := url.Values{"channel": {k.channel}, "include_all_metadata": {"true"}, "limit": {"200"}}
	method := "/conversations.history"
	if out.External != "" {
		method = "/conversations.replies"
		q.Set("ts", out.External)
	}
	q.Set("oldest", strconv.FormatInt(out.Event.Timestamp.Add(-time.Minute).Unix(), 10))
	for range slackPages {
		var page struct {
			slackAnswer
			Messages []struct {
				TS       string `json:"ts"`
				Metadata struct {
					Type    string `json:"event_type"`
					Payload struct {
						Delivery string `json:"delivery"`
					} `json:"event_payload"`
				} `json:"metadata"`
			} `json:"messages"`
			Next struct {
				Cursor string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		if err := k.api.call(ctx, http.MethodGet, method+"?"+q.Encode(), nil, &page); err != nil {
			return "", err
		}
		if err := page.problem(); err != nil {
			return "", err
		}
		for _, m := range page.Messages {
			if m.Metadata.Type == slackMark && m.Metadata.Payload.Delivery == out.Delivery {
				return m.TS, nil
			}
		}
		if page.Next.Cursor == "" {
			return "", nil
		}
		q.Set("cursor", page.Next.Cursor)
	}
	return "", nil
}

// Check implements Adapter.
func (k *slack) Check(ctx context.Context) error {
	var answer slackAnswer
	if err := k.api.call(ctx, http.MethodPost, "/auth.test", map[string]any{}, &answer); err != nil {
		return err
	}
	return answer.problem()
}

// Receive implements Adapter.
func (k *slack) Receive(r Request) (Received, error) {
	at := r.Header.Get("X-Slack-Request-Timestamp")
	given, _ := strings.CutPrefix(r.Header.Get("X-Slack-Signature"), "v0=")
	if !isFresh(at, r.Now) || !hex256(k.signing, given, []byte("v0:"+at+":"), r.Body) {
		return Received{}, errSignature
	}
	var e struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
		Event     struct {
			Type    string `json:"type"`
			Subtype string `json:"subtype"`
			Bot     string `json:"bot_id"`
			Channel string `json:"channel"`
			User    string `json:"user"`
			Text    string `json:"text"`
			TS      string `json:"ts"`
			Thread  string `json:"thread_ts"`
		} `json:"event"`
	}
	if err := parsed(r.Body, &e); err != nil {
		return Received{}, err
	}
	if e.Type == "url_verification" { // Slack asks once whether we are there
		answer, err := json.Marshal(map[string]string{"challenge": e.Challenge})
		return Received{Answer: answer}, err
	}
	m := e.Event
	// Ours and other bots', edits and deletions, and what begins a thread are no answers to a customer.
	if e.Type != "event_callback" || m.Type != "message" || m.Bot != "" || m.Subtype != "" && m.Subtype != "file_share" || m.Channel != k.channel ||
		m.Thread == "" || m.Thread == m.TS {
		return Received{}, nil
	}
	in := In{ID: m.TS, External: m.Thread, Kind: Reply, Author: m.User, Text: slackPlain(m.Text)}
	if f, err := strconv.ParseFloat(m.TS, 64); err == nil {
		in.At = time.UnixMilli(int64(f * 1000))
	}
	if rest, ok := command(in.Text, "note:"); ok {
		in.Kind, in.Text = Note, rest
	} else if rest, ok := command(in.Text, "!resolve"); ok {
		in.Kind, in.Text = Resolved, rest
	} else if rest, ok := command(in.Text, "!return"); ok {
		in.Kind, in.Text = Returned, rest
	} else if strings.HasPrefix(in.Text, "!") {
		in.Kind, in.Text = Note, "Not a command, and not sent to the customer: "+in.Text
	}
	if in.Text == "" && (in.Kind == Reply || in.Kind == Note) {
		return Received{}, nil
	}
	return Received{Events: []In{in}}, nil
}

// command tells whether the text begins with the word, in any case, and returns the rest.
func command(text, word string) (string, bool) {
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return "", false
	}
	return strings.TrimSpace(text[len(word):]), true
}

// slackPlain is what somebody typed: links without their marks, and the three characters that Slack escapes.
func slackPlain(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '<')
		j := -1
		if i >= 0 {
			j = strings.IndexByte(text[i:], '>')
		}
		if i < 0 || j < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:i])
		link := text[i+1 : i+j]
		address, label, labelled := strings.Cut(link, "|")
		switch {
		case strings.HasPrefix(address, "mailto:"):
			b.WriteString(strings.TrimPrefix(address, "mailto:"))
		case strings.HasPrefix(address, "http"):
			if labelled && label != address {
				b.WriteString(label + " (" + address + ")")
			} else {
				b.WriteString(address)
			}
		case labelled:
			b.WriteString(label)
		}
		text = text[i+j+1:]
	}
	return strings.TrimSpace(strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(b.String()))
}
