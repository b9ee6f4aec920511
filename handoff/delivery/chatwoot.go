package delivery

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// chatwoot speaks Chatwoot's application API (https://developers.chatwoot.com/api-reference/introduction) with an inbox of the kind
// API: the customer is a contact, their messages are incoming ones, and what our own people do is a private note. Every message
// of ours carries its delivery as source id, by which it is known again when it comes back.
type chatwoot struct {
	s       *Service
	api     api
	inbox   int
	signing string
}

// chatwootMark begins the source ids of our messages.
const chatwootMark = "firstline:"

func newChatwoot(s *Service, c Connection) Adapter {
	inbox, _ := strconv.Atoi(c.Settings.Inbox) // 0 is refused by Chatwoot, in words
	token := c.secrets.Token
	return &chatwoot{s: s, inbox: inbox, signing: c.secrets.Signing, api: api{http: s.http, base: c.Settings.URL + "/api/v1/accounts/" + escaped(c.Settings.Account),
		authorize: func(r *http.Request) { r.Header.Set("api_access_token", token) }}}
}

// Send implements Adapter.
func (c *chatwoot) Send(ctx context.Context, out Out) (Sent, error) {
	e := out.Event
	var err error
	if out.External == "" {
		if out.External, err = c.open(ctx, out); err != nil {
			return Sent{}, err
		}
	}
	base := "/conversations/" + escaped(out.External)
	message := map[string]any{"message_type": "outgoing", "private": true, "source_id": chatwootMark + out.Delivery}
	switch {
	case e.Type == HandoffCreated:
		message["content"] = c.s.opening(e.Data, 30_000)
	case fromCustomer(e):
		message["content"], message["message_type"], message["private"] = said(e.Data.Message), "incoming", false
	default:
		message["content"] = c.s.aside(e)
	}
	sent := Sent{External: out.External}
	if out.Again {
		if sent.ID, err = c.arrived(ctx, base, out.Delivery); err != nil {
			return Sent{}, err
		}
	}
	if sent.ID == "" {
		var made struct {
			ID number `json:"id"`
		}
		if err := c.api.call(ctx, http.MethodPost, base+"/messages", message, &made); err != nil {
			return Sent{}, err
		}
		sent.ID = string(made.ID)
	}
	status := map[string]string{HandoffCreated: "open", HandoffEnded: "resolved"}[e.Type]
	if status != "" {
		err = c.api.call(ctx, http.MethodPost, base+"/toggle_status", map[string]any{"status": status}, nil)
	}
	return sent, err
}

type chatwootContact struct {
	ID      number `json:"id"`
	Inboxes []struct {
		Source string `json:"source_id"`
		Inbox  struct {
			ID number `json:"id"`
		} `json:"inbox"`
	} `json:"contact_inboxes"`
}

// open finds or makes the contact and the conversation.
func (c *chatwoot) open(ctx context.Context, out Out) (string, error) {
	d := out.Event.Data
	contact, err := c.contact(ctx, d)
	if err != nil {
		return "", err
	}
	id := d.Conversation.ID.String()
	if out.Again {
		var found struct {
			Payload []struct {
				ID     number         `json:"id"`
				Custom map[string]any `json:"custom_attributes"`
			} `json:"payload"`
		}
		if err := c.api.call(ctx, http.MethodGet, "/contacts/"+escaped(string(contact.ID))+"/conversations", nil, &found); err != nil {
			return "", err
		}
		for _, p := range found.Payload {
			if p.Custom["firstline_conversation"] == id {
				return string(p.ID), nil
			}
		}
	}
	body := map[string]any{"inbox_id": c.inbox, "contact_id": contact.ID, "status": "open", "custom_attributes": map[string]string{
		"firstline_conversation": id, "firstline_team": d.Handoff.Team, "firstline_reason": d.Handoff.Reason, "firstline_priority": "P" + strconv.Itoa(d.Handoff.Priority)}}
	for _, in := range contact.Inboxes {
		if string(in.Inbox.ID) == strconv.Itoa(c.inbox) {
			body["source_id"] = in.Source
		}
	}
	var made struct {
		ID number `json:"id"`
	}
	err = c.api.call(ctx, http.MethodPost, "/conversations", body, &made)
	return string(made.ID), err
}

func (c *chatwoot) contact(ctx context.Context, d Data) (chatwootContact, error) {
	p := d.Conversation.Customer
	identifier := chatwootMark + d.Conversation.ID.String()
	contact := map[string]any{"inbox_id": c.inbox, "name": p.Name}
	if p.Name == "" {
		contact["name"] = "Customer"
	}
	if p.Verified && p.ID != "" { // others' addresses are no proof of who they are
		identifier = p.ID
		if p.Email != "" {
			contact["email"] = p.Email
		}
	}
	contact["identifier"] = identifier
	var found struct {
		Payload []struct {
			chatwootContact
			Identifier string `json:"identifier"`
		} `json:"payload"`
	}
	if err := c.api.call(ctx, http.MethodGet, "/contacts/search?q="+url.QueryEscape(identifier), nil, &found); err != nil {
		return chatwootContact{}, err
	}
	for _, f := range found.Payload { // the search finds parts of words too
		if f.Identifier == identifier {
			return f.chatwootContact, nil
		}
	}
	var made struct {
		Payload struct {
			Contact chatwootContact `json:"contact"`
		} `json:"payload"`
	}
	err := c.api.call(ctx, http.MethodPost, "/contacts", contact, &made)
	return made.Payload.Contact, err
}

// chatwootPages bounds how many pages of a conversation's messages are looked through, newest first.
const chatwootPages = 20

// arrived returns the id of the message with the delivery's mark, or "".
func (c *chatwoot) arrived(ctx context.Context, base, delivery string) (string, error) {
	path := base + "/messages"
	for range chatwootPages {
		var page struct {
			Payload []struct {
				ID     number `json:"id"`
				Source string `json:"source_id"`
			} `json:"payload"`
		}
		if err := c.api.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return "", err
		}
		for _, m := range page.Payload {
			if m.Source == chatwootMark+delivery {
				return string(m.ID), nil
			}
		}
		if len(page.Payload) == 0 {
			return "", nil
		}
		path = base + "/messages?before=" + url.QueryEscape(string(page.Payload[0].ID)) // a page is in ascending order
	}
	return "", nil
}

// Check implements Adapter.
func (c *chatwoot) Check(ctx context.Context) error {
	return c.api.call(ctx, http.MethodGet, "/inboxes/"+strconv.Itoa(c.inbox), nil, nil)
}

// Receive implements Adapter.
func (c *chatwoot) Receive(r Request) (Received, error) {
	at := r.Header.Get("X-Chatwoot-Timestamp")
	given, _ := strings.CutPrefix(r.Header.Get("X-Chatwoot-Signature"), "sha256=")
	if !isFresh(at, r.Now) || !hex256(c.signing, given, []byte(at+"."), r.Body) {
		return Received{}, errSignature
	}
	var e struct {
		Event   string `json:"event"`
		ID      number `json:"id"` // of the message, or of the conversation
		Content string `json:"content"`
		Type    string `json:"message_type"`
		Private bool   `json:"private"`
		Source  string `json:"source_id"`
		Status  string `json:"status"`
		Created stamp  `json:"created_at"`
		Updated stamp  `json:"updated_at"`
		Sender  struct {
			Name string `json:"name"`
		} `json:"sender"`
		Conversation struct {
			ID number `json:"id"`
		} `json:"conversation"`
	}
	if err := parsed(r.Body, &e); err != nil {
		return Received{}, err
	}
	switch {
	case e.Event == "message_created" && e.Type == "outgoing":
		if _, ours := strings.CutPrefix(e.Source, chatwootMark); ours || e.Content == "" {
			return Received{}, nil
		}
		in := In{ID: string(e.ID), External: string(e.Conversation.ID), Kind: Reply, Author: e.Sender.Name, Text: e.Content, At: e.Created.Time}
		if e.Private {
			in.Kind = Note
		}
		return Received{Events: []In{in}}, nil
	case e.Event == "conversation_status_changed" && e.Status == "resolved":
		at := e.Updated.Time
		// The event has no id of its own; the delivery's stays the same when it is sent again.
		id := r.Header.Get("X-Chatwoot-Delivery")
		if id == "" {
			id = string(e.ID) + ":" + strconv.FormatInt(at.UnixMilli(), 10)
		}
		return Received{Events: []In{{ID: "resolved:" + id, External: string(e.ID), Kind: Resolved, At: at}}}, nil
	}
	return Received{}, nil
}
