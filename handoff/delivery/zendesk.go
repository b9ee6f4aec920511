package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/firstline/firstline/internal/fault"
)

// zendesk speaks the Ticketing API of Zendesk Support (https://developer.zendesk.com/api-reference/ticketing/introduction/): a
// conversation is a ticket whose external id is the conversation's. What the customer writes is a public comment of the
// ticket's requester; what our own people do is a private one, so that Zendesk mails nothing to the customer. Its webhook
// subscribes to the events of tickets: comment_added and status_changed.
type zendesk struct {
	s       *Service
	api     api
	signing string
}

func newZendesk(s *Service, c Connection) Adapter {
	user, token := c.Settings.User, c.secrets.Token
	return &zendesk{s: s, signing: c.secrets.Signing, api: api{http: s.http, base: c.Settings.URL + "/api/v2", authorize: func(r *http.Request) {
		r.SetBasicAuth(user+"/token", token)
	}}}
}

// zendeskOurs begins our private comments, by which they are known when Zendesk tells of them.
const zendeskOurs = "[Firstline] "

// zendeskMark names a delivery in the metadata of a ticket's audit.
const zendeskMark = "firstline_delivery"

var zendeskPriority = map[int]string{1: "urgent", 2: "high", 3: "normal", 4: "low"}

type zendeskTicket struct {
	ID          number `json:"id"`
	Status      string `json:"status"`
	RequesterID number `json:"requester_id"`
}

// Send implements Adapter.
func (z *zendesk) Send(ctx context.Context, out Out) (Sent, error) {
	if out.External == "" {
		return z.open(ctx, out)
	}
	e := out.Event
	if out.Again {
		if there, err := z.arrived(ctx, out); err != nil || there {
			return Sent{External: out.External}, err
		}
	}
	comment := map[string]any{"public": false}
	update := map[string]any{"comment": comment, "metadata": map[string]string{zendeskMark: out.Delivery}}
	switch {
	case e.Type == HandoffCreated: // another handoff of the same conversation
		comment["body"] = zendeskOurs + z.s.opening(e.Data, 30_000)
		update["status"] = "open"
	case fromCustomer(e):
		requester, err := z.requester(ctx, e.Data)
		if err != nil {
			return Sent{}, err
		}
		comment["body"], comment["public"], comment["author_id"] = said(e.Data.Message), true, requester
	default:
		comment["body"] = zendeskOurs + z.s.aside(e)
		if e.Type == HandoffEnded {
			update["status"] = "solved"
		}
	}
	var answer struct {
		Ticket zendeskTicket `json:"ticket"`
		Audit  struct {
			Events []struct {
				ID   number `json:"id"`
				Type string `json:"type"`
			} `json:"events"`
		} `json:"audit"`
	}
	err := z.api.call(ctx, http.MethodPut, "/tickets/"+escaped(out.External)+".json", map[string]any{"ticket": update}, &answer)
	if statusOf(err) == http.StatusUnprocessableEntity {
		// A closed ticket takes nothing more; what is new goes into one that follows it.
		if t, terr := z.ticket(ctx, out.External); terr == nil && t.Status == "closed" {
			return z.follow(ctx, out, comment)
		}
	}
	if err != nil {
		return Sent{}, err
	}
	sent := Sent{External: out.External}
	for _, ev := range answer.Audit.Events {
		if ev.Type == "Comment" {
			sent.ID = string(ev.ID)
		}
	}
	return sent, nil
}

// open makes the ticket. The idempotency key holds for some hours, the external id for good.
func (z *zendesk) open(ctx context.Context, out Out) (Sent, error) {
	d := out.Event.Data
	if out.Again {
		var found struct {
			Tickets []zendeskTicket `json:"tickets"`
		}
		if err := z.api.call(ctx, http.MethodGet, "/tickets.json?external_id="+url.QueryEscape(d.Conversation.ID.String()), nil, &found); err != nil {
			return Sent{}, err
		}
		if len(found.Tickets) > 0 {
			return Sent{External: string(found.Tickets[0].ID)}, nil
		}
	}
	requester, err := z.requester(ctx, d)
	if err != nil {
		return Sent{}, err
	}
	ticket := map[string]any{
		"subject": subject(d), "external_id": d.Conversation.ID.String(), "requester_id": requester, "priority": zendeskPriority[d.Handoff.Priority],
		"tags":    []string{"firstline", "firstline_" + d.Handoff.Team, "firstline_" + d.Handoff.Reason},
		"comment": map[string]any{"body": zendeskOurs + z.s.opening(d, 30_000), "public": false},
	}
	return z.create(ctx, out, ticket)
}

func (z *zendesk) follow(ctx context.Context, out Out, comment map[string]any) (Sent, error) {
	d := out.Event.Data
	return z.create(ctx, out, map[string]any{"subject": subject(d), "external_id": d.Conversation.ID.String(), "via_followup_source_id": out.External,
		"tags": []string{"firstline"}, "comment": comment})
}

func (z *zendesk) create(ctx context.Context, out Out, ticket map[string]any) (Sent, error) {
	var answer struct {
		Ticket zendeskTicket `json:"ticket"`
	}
	err := z.api.call(ctx, http.MethodPost, "/tickets.json", map[string]any{"ticket": ticket}, &answer, "Idempotency-Key", out.Delivery)
	return Sent{External: string(answer.Ticket.ID)}, err
}

func (z *zendesk) ticket(ctx context.Context, id string) (zendeskTicket, error) {
	var answer struct {
		Ticket zendeskTicket `json:"ticket"`
	}
	err := z.api.call(ctx, http.MethodGet, "/tickets/"+escaped(id)+".json", nil, &answer)
	return answer.Ticket, err
}

// requester makes or finds the end user who stands for the customer: the company's own id of a verified one, else one for
// the conversation. An address that nobody has verified is no proof of who somebody is, and joins no other user's tickets.
func (z *zendesk) requester(ctx context.Context, d Data) (number, error) {
	p := d.Conversation.Customer
	user := map[string]any{"name": p.Name, "role": "end-user", "skip_verify_email": true, "external_id": "firstline-" + d.Conversation.ID.String()}
	if p.Name == "" {
		user["name"] = "Customer"
	}
	if p.Verified && p.ID != "" {
		user["external_id"] = p.ID
		if p.Email != "" {
			user["email"] = p.Email
		}
	}
	var answer struct {
		User struct {
			ID number `json:"id"`
		} `json:"user"`
	}
	err := z.api.call(ctx, http.MethodPost, "/users/create_or_update.json", map[string]any{"user": user}, &answer)
	return answer.User.ID, err
}

// zendeskPages bounds how many pages of a ticket's history are looked through, of a hundred entries each.
const zendeskPages = 60

// arrived looks for the delivery's mark in the ticket's history.
func (z *zendesk) arrived(ctx context.Context, out Out) (bool, error) {
	path := "/tickets/" + escaped(out.External) + "/audits.json?page[size]=100"
	for range zendeskPages {
		var page struct {
			Audits []struct {
				Metadata struct {
					Custom map[string]any `json:"custom"`
				} `json:"metadata"`
			} `json:"audits"`
			Meta struct {
				More  bool   `json:"has_more"`
				After string `json:"after_cursor"`
			} `json:"meta"`
		}
		if err := z.api.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return false, err
		}
		for _, a := range page.Audits {
			if a.Metadata.Custom[zendeskMark] == out.Delivery {
				return true, nil
			}
		}
		if !page.Meta.More || page.Meta.After == "" {
			return false, nil
		}
		path = "/tickets/" + escaped(out.External) + "/audits.json?page[size]=100&page[after]=" + url.QueryEscape(page.Meta.After)
	}
	return false, nil
}

// Check implements Adapter.
func (z *zendesk) Check(ctx context.Context) error {
	var answer struct {
		User struct {
			Role string `json:"role"`
		} `json:"user"`
	}
	if err := z.api.call(ctx, http.MethodGet, "/users/me.json", nil, &answer); err != nil {
		return err
	}
	if answer.User.Role != "agent" && answer.User.Role != "admin" { // without a valid token Zendesk answers as an anonymous end user
		return &refusal{Text: "Zendesk does not take the user and the token for those of an agent", Permanent: true}
	}
	return nil
}

// Receive implements Adapter.
func (z *zendesk) Receive(r Request) (Received, error) {
	at := r.Header.Get("X-Zendesk-Webhook-Signature-Timestamp")
	sent, err := time.Parse(time.RFC3339, at)
	if err != nil || r.Now.Sub(sent).Abs() > fresh ||
		!signed(sha256.New, z.signing, r.Header.Get("X-Zendesk-Webhook-Signature"), base64.StdEncoding.EncodeToString, []byte(at), r.Body) {
		return Received{}, errSignature
	}
	var e struct {
		ID     string `json:"id"`
		Type   string `json:"type"`
		Time   stamp  `json:"time"`
		Detail struct {
			ID number `json:"id"`
		} `json:"detail"`
		Event struct {
			Current string `json:"current"`
			Comment struct {
				ID     number `json:"id"`
				Body   string `json:"body"`
				Public bool   `json:"is_public"`
				Author struct {
					Name  string `json:"name"`
					Staff bool   `json:"is_staff"`
				} `json:"author"`
			} `json:"comment"`
		} `json:"event"`
	}
	if err := parsed(r.Body, &e); err != nil {
		return Received{}, err
	}
	if e.ID == "" || e.Detail.ID == "" {
		return Received{}, fault.New(fault.Invalid, "not_an_event", "This is no event of a ticket; subscribe the webhook to the events of tickets, without a trigger.")
	}
	in := In{ID: e.ID, External: string(e.Detail.ID), At: e.Time.Time}
	switch strings.TrimPrefix(e.Type, "zen:event-type:ticket.") {
	case "comment_added":
		c := e.Event.Comment
		if !c.Author.Staff || !c.Public && strings.HasPrefix(c.Body, zendeskOurs) { // both came from us
			return Received{}, nil
		}
		in.ID, in.Kind, in.Author, in.Text = string(c.ID), Note, c.Author.Name, strings.TrimSpace(c.Body)
		if c.Public {
			in.Kind = Reply
		}
	case "status_changed":
		if s := strings.ToLower(e.Event.Current); s != "solved" && s != "closed" {
			return Received{}, nil
		}
		in.Kind = Resolved
	default:
		return Received{}, nil
	}
	return Received{Events: []In{in}}, nil
}
