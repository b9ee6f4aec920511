package web

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff/delivery"
	"github.com/firstline/firstline/internal/fault"
)

// deliveryRoutes registers webhooks, other desks, what was delivered to them, and where they send to.
func (s *Server) deliveryRoutes(g groups) {
	a := g.admin
	a.GET("/webhooks", handle(s.webhooks))
	a.POST("/webhooks", handle(s.addWebhook))
	a.GET("/webhooks/:wid", handle(s.webhook))
	a.PUT("/webhooks/:wid", handle(s.putWebhook))
	a.DELETE("/webhooks/:wid", handle(s.removeWebhook))
	a.POST("/webhooks/:wid/rotate", handle(s.rotateWebhook))
	a.POST("/webhooks/:wid/test", handle(s.testWebhook))
	a.GET("/connections", handle(s.connections))
	a.POST("/connections", handle(s.addConnection))
	a.GET("/connections/:cid", handle(s.connection))
	a.PUT("/connections/:cid", handle(s.putConnection))
	a.DELETE("/connections/:cid", handle(s.removeConnection))
	a.POST("/connections/:cid/test", handle(s.testConnection))
	a.GET("/deliveries", handle(s.deliveries))
	a.POST("/deliveries/replay", handle(s.replayDead))
	a.GET("/deliveries/:did", handle(s.delivery))
	a.POST("/deliveries/:did/replay", handle(s.replayDelivery))
	a.POST("/deliveries/:did/drop", handle(s.dropDelivery))
	g.v1.POST("/inbound/:cid", handle(s.inbound))
}

// maxName bounds names and descriptions.
const maxName = 120

// webhookBody is a webhook as it is written; enabled is true where it is not given.
type webhookBody struct {
	URL         string   `json:"url"`
	Description string   `json:"description"`
	Kinds       []string `json:"kinds"`
	Enabled     *bool    `json:"enabled"`
}

func readWebhook(c *gin.Context) (delivery.Webhook, error) {
	var in webhookBody
	if err := read(c, &in); err != nil {
		return delivery.Webhook{}, err
	}
	return in.webhook()
}

func (in webhookBody) webhook() (delivery.Webhook, error) {
	description, err := cleanText("description", in.Description, maxName, false)
	return delivery.Webhook{URL: in.URL, Description: description, Kinds: in.Kinds, Enabled: in.Enabled == nil || *in.Enabled}, err
}

func (s *Server) webhooks(c *gin.Context) error {
	ws, err := s.Delivery.Webhooks(c.Request.Context())
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"webhooks": ws, "kinds": delivery.Kinds})
}

func (s *Server) addWebhook(c *gin.Context) error {
	w, err := readWebhook(c)
	if err != nil {
		return err
	}
	w, secret, err := s.Delivery.AddWebhook(c.Request.Context(), currentAgent(c), w)
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, gin.H{"webhook": w, "secret": secret})
}

func (s *Server) webhook(c *gin.Context) error {
	id, err := param(c, "wid")
	if err != nil {
		return err
	}
	w, err := s.Delivery.Webhook(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"webhook": w})
}

func (s *Server) putWebhook(c *gin.Context) error {
	id, err := param(c, "wid")
	if err != nil {
		return err
	}
	w, err := readWebhook(c)
	if err != nil {
		return err
	}
	w.ID = id
	if w, err = s.Delivery.SetWebhook(c.Request.Context(), currentAgent(c), w); err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"webhook": w})
}

func (s *Server) removeWebhook(c *gin.Context) error {
	id, err := param(c, "wid")
	if err != nil {
		return err
	}
	if err := s.Delivery.RemoveWebhook(c.Request.Context(), currentAgent(c), id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) rotateWebhook(c *gin.Context) error {
	id, err := param(c, "wid")
	if err != nil {
		return err
	}
	w, secret, err := s.Delivery.RotateSecret(c.Request.Context(), currentAgent(c), id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"webhook": w, "secret": secret})
}

func (s *Server) testWebhook(c *gin.Context) error {
	id, err := param(c, "wid")
	if err != nil {
		return err
	}
	o, err := s.Delivery.TestWebhook(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, o)
}

// connectionBody is a connection as it is written; secrets that are not given stay as they are.
type connectionBody struct {
	Kind     string            `json:"kind"`
	Name     string            `json:"name"`
	Settings delivery.Settings `json:"settings"`
	Secrets  delivery.Secrets  `json:"secrets"`
	Teams    []string          `json:"teams"`
	Enabled  *bool             `json:"enabled"`
}

func (in connectionBody) connection() (delivery.Connection, error) {
	name, err := cleanText("name", in.Name, maxName, true)
	return delivery.Connection{Kind: in.Kind, Name: name, Settings: in.Settings, Teams: in.Teams, Enabled: in.Enabled == nil || *in.Enabled}, err
}

func (s *Server) connections(c *gin.Context) error {
	cs, err := s.Delivery.Connections(c.Request.Context())
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"connections": cs})
}

func (s *Server) addConnection(c *gin.Context) error {
	var in connectionBody
	if err := read(c, &in); err != nil {
		return err
	}
	conn, err := in.connection()
	if err == nil {
		conn, err = s.Delivery.AddConnection(c.Request.Context(), currentAgent(c), conn, in.Secrets)
	}
	if err != nil {
		return err
	}
	return ok(c, http.StatusCreated, gin.H{"connection": conn})
}

func (s *Server) connection(c *gin.Context) error {
	id, err := param(c, "cid")
	if err != nil {
		return err
	}
	conn, err := s.Delivery.Connection(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"connection": conn})
}

func (s *Server) putConnection(c *gin.Context) error {
	id, err := param(c, "cid")
	if err != nil {
		return err
	}
	var in connectionBody
	if err := read(c, &in); err != nil {
		return err
	}
	if in.Kind != "" {
		return fault.Field("kind", "unchangeable", "A connection stays of its kind; add another one.")
	}
	conn, err := in.connection()
	if err != nil {
		return err
	}
	conn.ID = id
	if conn, err = s.Delivery.SetConnection(c.Request.Context(), currentAgent(c), conn, in.Secrets); err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"connection": conn})
}

func (s *Server) removeConnection(c *gin.Context) error {
	id, err := param(c, "cid")
	if err != nil {
		return err
	}
	if err := s.Delivery.RemoveConnection(c.Request.Context(), currentAgent(c), id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) testConnection(c *gin.Context) error {
	id, err := param(c, "cid")
	if err != nil {
		return err
	}
	o, err := s.Delivery.TestConnection(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, o)
}

// queryID reads an id from the query; nil where it is not given.
func queryID(c *gin.Context, name string) (*uuid.UUID, error) {
	text := c.Query(name)
	if text == "" {
		return nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, fault.Field(name, "not_an_id", "This is not an id.")
	}
	return &id, nil
}

func (s *Server) deliveries(c *gin.Context) error {
	f := delivery.Filter{State: c.Query("state")}
	var err error
	if f.Target, err = queryID(c, "target"); err != nil {
		return err
	}
	if f.Before, err = queryID(c, "cursor"); err != nil {
		return err
	}
	ds, next, err := s.Delivery.Deliveries(c.Request.Context(), f)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"deliveries": ds, "next": next})
}

func (s *Server) delivery(c *gin.Context) error {
	id, err := param(c, "did")
	if err != nil {
		return err
	}
	l, err := s.Delivery.Letter(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"delivery": l})
}

func (s *Server) replayDelivery(c *gin.Context) error {
	id, err := param(c, "did")
	if err != nil {
		return err
	}
	if err := s.Delivery.Replay(c.Request.Context(), currentAgent(c), id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) dropDelivery(c *gin.Context) error {
	id, err := param(c, "did")
	if err != nil {
		return err
	}
	if err := s.Delivery.Drop(c.Request.Context(), currentAgent(c), id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) replayDead(c *gin.Context) error {
	var in struct {
		Target *uuid.UUID `json:"target"`
	}
	if err := read(c, &in); err != nil {
		return err
	}
	n, err := s.Delivery.ReplayDead(c.Request.Context(), currentAgent(c), in.Target)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"replayed": n})
}
