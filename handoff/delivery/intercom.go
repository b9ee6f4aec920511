package delivery

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"strings"
)

// intercom speaks Intercom's REST API (https://developers.intercom.com/docs/references/rest-api/api.intercom.io): the customer
// is a contact, the conversation one that they begin, and what our own people do is a note of the admin whose token it is.
// Intercom has no idempotency keys, so a second attempt looks whether the first one arrived: conversations name ours, and
// parts carry the time and the text of the message.
type intercom struct {
	s       *Service
	api     api
	admin   string
	signing string
}

// intercomVersion is the version of the API that is spoken.
const intercomVersion = "2.11"

func newIntercom(s *Service, c Connection) Adapter {
	auth := bearer(c.secrets.Token)
	return &intercom{s: s, admin: c.Settings.User, signing: c.secrets.Signing, api: api{http: s.http, base: c.Settings.URL, authorize: func(r *http.Request) {
		auth(r)
		r.Header.Set("Intercom-Version", intercomVersion)
	}}}
}

// Send implements Adapter.
func (i *intercom) Send(ctx context.Context, out Out) (Sent, error) {
	e := out.Event
	contact, err := i.contact(ctx, e.Data)
	if err != nil {
		return Sent{}, err
	}
	again := out.Again
	if out.External == "" {
		if out.External, err = i.open(ctx, out, contact); err != nil {
			return Sent{}, err
		}
	}
	part := map[string]any{"message_type": "note", "type": "admin", "admin_id": i.admin, "created_at": e.Timestamp.Unix()}
	var text string
	switch {
	case e.Type == HandoffCreated:
		text = i.s.opening(e.Data, 30_000)
		part["body"] = paragraphs(text)
	case fromCustomer(e):
		text = said(e.Data.Message)
		part = map[string]any{"message_type": "comment", "type": "user", "intercom_user_id": contact, "body": text, "created_at": e.Timestamp.Unix()}
	default:
		text = i.s.aside(e)
		part["body"] = paragraphs(text)
	}
	sent := Sent{External: out.External}
	there := false
	if again {
		if there, err = i.arrived(ctx, out.External, part, text); err != nil {
			return Sent{}, err
		}
	}
	if !there {
		if err := i.api.call(ctx, http.MethodPost, "/conversations/"+escaped(out.External)+"/reply", part, nil); err != nil {
			return Sent{}, err
		}
	}
	if e.Type == HandoffEnded { // closing what is closed changes nothing
		err = i.api.call(ctx, http.MethodPost, "/conversations/"+escaped(out.External)+"/parts", map[string]any{"message_type": "close", "type": "admin", "admin_id": i.admin}, nil)
	}
	return sent, err
}

// paragraphs is plain text as Intercom takes it in notes.
func paragraphs(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return "<p>" + strings.ReplaceAll(text, "\n", "<br>") + "</p>"
}

// contact finds or makes the contact who stands for the customer.
func (i *intercom) contact(ctx context.Context, d Data) (string, error) {
	p := d.Conversation.Customer
	external := "firstline-" + d.Conversation.ID.String()
	contact := map[string]any{"role": "user", "name": p.Name}
	if p.Verified && p.ID != "" { // others' addresses are no proof of who they are
		external = p.ID
		if p.Email != "" {
			contact["email"] = p.Email
		}
	}
	contact["external_id"] = external
	var found struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err := i.api.call(ctx, http.MethodPost, "/contacts/search", map[string]any{"query": map[string]any{"field": "external_id", "operator": "=", "value": external}}, &found)
	if err != nil {
		return "", err
	}
	if len(found.Data) > 0 {
		return found.Data[0].ID, nil
	}
	var made struct {
		ID string `json:"id"`
	}
	err = i.api.call(ctx, http.MethodPost, "/contacts", contact, &made)
	return made.ID, err
}

// intercomMark names our conversation in the first message of Intercom's.
func intercomMark(d Data) string { return "Firstline conversation " + d.Conversation.ID.String() }

func (i *intercom) open(ctx context.Context, out Out, contact string) (string, error) {
	d := out.Event.Data
	if out.Again {
		var found struct {
			Conversations []struct {
				ID     string `json:"id"`
				Source struct {
					Body string `json:"body"`
				} `json:"source"`
			} `json:"conversations"`
		}
		err := i.api.call(ctx, http.MethodPost, "/conversations/search", map[string]any{"query": map[string]any{"field": "contact_ids", "operator": "=", "value": contact},
			"pagination": map[string]any{"per_page": 150}}, &found)
		if err != nil {
			return "", err
		}
		for _, c := range found.Conversations {
			if strings.Contains(c.Source.Body, intercomMark(d)) {
				return c.ID, nil
			}
		}
	}
	var made struct {
		ConversationID string `json:"conversation_id"`
	}
	err := i.api.call(ctx, http.MethodPost, "/conversations", map[string]any{"from": map[string]any{"type": "user", "id": contact},
		"body": subject(d) + "\n\n" + intercomMark(d), "created_at": out.Event.Timestamp.Unix()}, &made)
	if err == nil && made.ConversationID == "" {
		err = &refusal{Text: "Intercom names no conversation in its answer"}
	}
	return made.ConversationID, err
}

// arrived looks for a part with the same author, time and text.
func (i *intercom) arrived(ctx context.Context, external string, part map[string]any, text string) (bool, error) {
	var c struct {
		Parts struct {
			Parts []struct {
				Type    string `json:"part_type"`
				Body    string `json:"body"`
				Created int64  `json:"created_at"`
			} `json:"conversation_parts"`
		} `json:"conversation_parts"`
	}
	if err := i.api.call(ctx, http.MethodGet, "/conversations/"+escaped(external)+"?display_as=plaintext", nil, &c); err != nil {
		return false, err
	}
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for _, p := range c.Parts.Parts {
		if p.Type == part["message_type"] && p.Created == part["created_at"] && (words(p.Body) == words(text) || words(plain(p.Body)) == words(text)) {
			return true, nil
		}
	}
	return false, nil
}

// Check implements Adapter.
func (i *intercom) Check(ctx context.Context) error {
	var me struct {
		ID number `json:"id"`
	}
	if err := i.api.call(ctx, http.MethodGet, "/me", nil, &me); err != nil {
		return err
	}
	return i.api.call(ctx, http.MethodGet, "/admins/"+escaped(i.admin), nil, nil)
}

// Receive implements Adapter.
func (i *intercom) Receive(r Request) (Received, error) {
	encode := func(b []byte) string { return "sha1=" + hex.EncodeToString(b) }
	if !signed(sha1.New, i.signing, r.Header.Get("X-Hub-Signature"), encode, r.Body) {
		return Received{}, errSignature
	}
	var n struct {
		Topic   string `json:"topic"`
		ID      string `json:"id"`
		Created stamp  `json:"created_at"`
		Data    struct {
			Item struct {
				ID    number `json:"id"`
				Parts struct {
					Parts []struct {
						ID      number `json:"id"`
						Type    string `json:"part_type"`
						Body    string `json:"body"`
						Created stamp  `json:"created_at"`
						Author  struct {
							Type string `json:"type"`
							ID   number `json:"id"`
							Name string `json:"name"`
						} `json:"author"`
					} `json:"conversation_parts"`
				} `json:"conversation_parts"`
			} `json:"item"`
		} `json:"data"`
	}
	if err := parsed(r.Body, &n); err != nil {
		return Received{}, err
	}
	var out Received
	for _, p := range n.Data.Item.Parts.Parts {
		if p.Author.Type != "admin" {
			continue
		}
		in := In{ID: string(p.ID), External: string(n.Data.Item.ID), Author: p.Author.Name, Text: plain(p.Body), At: p.Created.Time}
		switch n.Topic {
		case "conversation.admin.replied":
			in.Kind = Reply
		case "conversation.admin.noted":
			if string(p.Author.ID) == i.admin { // ours
				continue
			}
			in.Kind = Note
		case "conversation.admin.closed":
			// Somebody may have written a last word with it.
			if in.Text != "" && string(p.Author.ID) != i.admin {
				last := in
				last.Kind = Reply
				out.Events = append(out.Events, last)
			}
			in.ID, in.Kind, in.Text = in.ID+":closed", Resolved, ""
		default:
			continue
		}
		if in.Text != "" || in.Kind == Resolved {
			out.Events = append(out.Events, in)
		}
	}
	return out, nil
}
