package web

import (
	"bytes"
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff/delivery"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// deliveryPages registers the admins' pages about webhooks, other desks, and what was delivered to them.
func (p *pageServer) deliveryPages(r *gin.Engine) {
	for _, name := range []string{"admin_delivery", "admin_letter"} {
		p.templates[name] = template.Must(template.ParseFS(pageFiles, "templates/admin_layout.html", "templates/"+name+".html")) // embedded
	}
	for path, h := range map[string][2]func(*gin.Context, auth.Agent) error{
		"/admin/delivery":      {p.adminDelivery, p.adminDeliveryForm},
		"/admin/delivery/:did": {p.adminLetter, p.adminLetterForm},
	} {
		r.GET(path, p.page(p.forAdmin(h[0])))
		r.HEAD(path, p.page(p.forAdmin(h[0])))
		r.POST(path, p.page(p.forAdmin(p.adminForm(h[1]))))
	}
}

// deliveryView is what the pages about deliveries have.
type deliveryView struct {
	Webhooks    []delivery.Webhook
	Connections []delivery.Connection
	Kinds       []string
	Teams       []teamChoice
	Mail        bool
	Base        string // where other desks reach this server
	Secret      string // a new one, shown once
	Outcome     *delivery.Outcome
	Tested      uuid.UUID

	State      string // of the deliveries that are shown
	Deliveries []delivery.Delivery
	Older      string

	Letter  *delivery.Letter
	Payload string
}

// At is a time as the page shows it.
func (deliveryView) At(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05") }

// Has tells whether a list has a word.
func (deliveryView) Has(list []string, word string) bool { return slices.Contains(list, word) }

// Join writes a list on a line.
func (deliveryView) Join(list []string) string { return strings.Join(list, ", ") }

// States are what deliveries can be looked at by.
func (deliveryView) States() []string { return []string{"dead", "pending", "done", "dropped"} }

// deliveryDone are the lines after a change, by the word in the address.
var deliveryDone = map[string]string{"added": "It was added.", "changed": "It was changed.", "removed": "It was removed.", "replayed": "It is sent again.",
	"dropped": "It was given up; what waited behind it goes on.", "all": "Everything dead is sent again."}

func (p *pageServer) adminDelivery(c *gin.Context, a auth.Agent) error {
	return p.showDelivery(c, a, &deliveryView{}, nil)
}

func (p *pageServer) showDelivery(c *gin.Context, a auth.Agent, x *deliveryView, problem error) error {
	ctx := c.Request.Context()
	v, page := p.admins(c, a, "Delivery", "delivery")
	page.Training, page.Delivery, page.Notice = nil, x, deliveryDone[c.Query("done")]
	status := http.StatusOK
	var err error
	if problem != nil {
		if status, err = page.problemOn(problem); err != nil {
			return err
		}
	}
	if x.Webhooks, err = p.Delivery.Webhooks(ctx); err != nil {
		return err
	}
	if x.Connections, err = p.Delivery.Connections(ctx); err != nil {
		return err
	}
	if x.Teams, err = p.teamChoices(c, nil); err != nil {
		return err
	}
	x.Kinds, x.Mail, x.Base = delivery.Kinds, p.Delivery.Mails(), strings.TrimSuffix(p.URL, "/")
	if x.State = c.Query("state"); !slices.Contains(x.States(), x.State) {
		x.State = "dead"
	}
	f := delivery.Filter{State: x.State}
	if f.Before, err = queryID(c, "cursor"); err != nil {
		f.Before = nil // somebody has changed the address; the newest are shown
	}
	var next *uuid.UUID
	if x.Deliveries, next, err = p.Delivery.Deliveries(ctx, f); err != nil {
		return err
	}
	if next != nil {
		x.Older = "/admin/delivery?" + url.Values{"state": {x.State}, "cursor": {next.String()}}.Encode() + "#deliveries"
	}
	p.write(c, status, "admin_delivery", v)
	return nil
}

// typedLines splits what was typed into lines or by commas.
func typedLines(text string) []string {
	var out []string
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ',' || r == '\r' }) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// connectionOf reads a connection from a form.
func connectionOf(f url.Values) connectionBody {
	on := f.Get("enabled") != "no"
	return connectionBody{Kind: f.Get("kind"), Name: f.Get("name"), Teams: f["teams"], Enabled: &on,
		Settings: delivery.Settings{URL: f.Get("url"), User: f.Get("user"), Account: f.Get("account"), Inbox: f.Get("inbox"), Channel: f.Get("channel"), To: typedLines(f.Get("to"))},
		Secrets:  delivery.Secrets{Token: f.Get("token"), Signing: f.Get("signing")}}
}

// adminDeliveryForm does what one of the page's forms asks for.
func (p *pageServer) adminDeliveryForm(c *gin.Context, a auth.Agent) error {
	x := &deliveryView{}
	done, err := p.changeDelivery(c.Request.Context(), a, c.Request.PostForm, x)
	if err != nil || done == "" {
		return p.showDelivery(c, a, x, err)
	}
	c.Redirect(http.StatusSeeOther, "/admin/delivery?done="+done)
	return nil
}

// changeDelivery returns the word for what was done, "" where the page itself shows it.
func (p *pageServer) changeDelivery(ctx context.Context, a auth.Agent, f url.Values, x *deliveryView) (string, error) {
	action := f.Get("action")
	id, err := uuid.Parse(f.Get("id"))
	if err != nil && !slices.Contains([]string{"add_webhook", "add_connection", "replay_all"}, action) {
		return "", fault.Field("id", "not_an_id", "This form names nothing that is there.")
	}
	switch action {
	case "add_webhook":
		w, err := webhookBody{URL: f.Get("url"), Description: f.Get("description"), Kinds: f["kinds"]}.webhook()
		if err == nil {
			_, x.Secret, err = p.Delivery.AddWebhook(ctx, a, w)
		}
		return "", err
	case "rotate":
		_, x.Secret, err = p.Delivery.RotateSecret(ctx, a, id)
		return "", err
	case "test_webhook", "test_connection":
		test := p.Delivery.TestWebhook
		if action == "test_connection" {
			test = p.Delivery.TestConnection
		}
		o, err := test(ctx, id)
		x.Outcome, x.Tested = &o, id
		if err != nil {
			x.Outcome = nil
		}
		return "", err
	case "toggle_webhook":
		w, err := p.Delivery.Webhook(ctx, id)
		if err == nil {
			w.Enabled = !w.Enabled
			_, err = p.Delivery.SetWebhook(ctx, a, w)
		}
		return "changed", err
	case "remove_webhook":
		return "removed", p.Delivery.RemoveWebhook(ctx, a, id)
	case "add_connection", "change_connection":
		in := connectionOf(f)
		conn, err := in.connection()
		if err != nil {
			return "", err
		}
		if action == "add_connection" {
			_, err = p.Delivery.AddConnection(ctx, a, conn, in.Secrets)
			return "added", err
		}
		conn.ID = id
		_, err = p.Delivery.SetConnection(ctx, a, conn, in.Secrets)
		return "changed", err
	case "remove_connection":
		return "removed", p.Delivery.RemoveConnection(ctx, a, id)
	case "replay":
		return "replayed", p.Delivery.Replay(ctx, a, id)
	case "drop":
		return "dropped", p.Delivery.Drop(ctx, a, id)
	case "replay_all":
		_, err := p.Delivery.ReplayDead(ctx, a, nil)
		return "all", err
	}
	return "", fault.Field("action", "unknown_action", "This form does nothing that is known here.")
}

func (p *pageServer) adminLetter(c *gin.Context, a auth.Agent) error {
	return p.showLetter(c, a, nil)
}

func (p *pageServer) showLetter(c *gin.Context, a auth.Agent, problem error) error {
	id, err := param(c, "did")
	if err != nil {
		return err
	}
	l, err := p.Delivery.Letter(c.Request.Context(), id)
	if err != nil {
		return err
	}
	v, page := p.admins(c, a, "Delivery of "+l.Kind, "delivery")
	page.Training, page.Notice = nil, deliveryDone[c.Query("done")]
	x := &deliveryView{Letter: &l}
	page.Delivery = x
	status := http.StatusOK
	if problem != nil {
		if status, err = page.problemOn(problem); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := json.Indent(&b, l.Payload, "", "  "); err != nil {
		return err
	}
	x.Payload = b.String()
	p.write(c, status, "admin_letter", v)
	return nil
}

// adminLetterForm sends a delivery again, or gives it up.
func (p *pageServer) adminLetterForm(c *gin.Context, a auth.Agent) error {
	id, err := param(c, "did")
	if err != nil {
		return err
	}
	f := url.Values{"action": {c.Request.PostForm.Get("action")}, "id": {id.String()}}
	done, err := "", error(fault.Field("action", "unknown_action", "This form does nothing that is known here."))
	if action := f.Get("action"); action == "replay" || action == "drop" {
		done, err = p.changeDelivery(c.Request.Context(), a, f, &deliveryView{})
	}
	if err != nil {
		return p.showLetter(c, a, err)
	}
	c.Redirect(http.StatusSeeOther, "/admin/delivery/"+id.String()+"?done="+done)
	return nil
}
