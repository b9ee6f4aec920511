// Package web is the wire: routes, authentication, validation, server-sent events, and the pages. Handlers are thin: they
// check what came in, call one room, and write what it said. Nothing is decided here.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

// Market is a country that the company serves.
type Market struct {
	Code    string   `json:"code"`
	Name    string   `json:"name"`
	Locales []string `json:"locales"`
}

// Site is what the pages and the assistant say about the company.
type Site struct {
	Company string   `json:"company"`
	Markets []Market `json:"markets"`
	Locales []string `json:"locales"`
	Model   bool     `json:"model"` // answers are written by a model, not quoted
}

// Deps are the rooms that the server opens to the outside.
type Deps struct {
	Pool     *pgxpool.Pool
	Record   *chat.Record
	Runner   *assistant.Runner
	Desk     *handoff.Desk
	Searcher *retrieval.Searcher
	Articles *kb.Store
	Auth     *auth.Store
	Bus      *wake.Bus
	Log      *slog.Logger
	Registry *prometheus.Registry
	Site     Site
	Learner  *handoff.Learner              // keeps the classifier in step with the topics; nil leaves that to whoever hears the bus
	InForce  ThresholdSource               // nil where nobody knows the thresholds
	Alarm    handoff.Ear                   // reads what arrives while people own a conversation; nil hears nothing
	Ready    func(context.Context) []Check // what /readyz asks
	Limit    int                           // requests a minute that one address may make to start conversations or sign in; 0 for none
	Secure   bool                          // cookies only over HTTPS
	Proxies  []string                      // addresses or networks whose X-Forwarded-For is believed; none believes nobody
}

// Check is one condition of readiness.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Info string `json:"info,omitempty"`
}

// writesPerMinute is what one conversation may send in a minute, signs of life included, where there are limits at all.
const writesPerMinute = 120

// Server answers HTTP requests.
type Server struct {
	Deps
	engine  *gin.Engine
	metrics *metrics
	limiter *limiter // by address
	writes  *limiter // by conversation
	typing  *throttle
	desk    *deskHub
	trying  chan struct{} // held by the one trial of topics that runs

	closing  chan struct{}
	closeOne sync.Once
}

// New returns a server. Close it before the HTTP server's Shutdown, so that streams end.
func New(d Deps) (*Server, error) {
	gin.SetMode(gin.ReleaseMode)
	s := &Server{Deps: d, engine: gin.New(), closing: make(chan struct{}), limiter: newLimiter(d.Limit), writes: newLimiter(min(d.Limit, 1) * writesPerMinute), typing: newThrottle(2 * time.Second), trying: make(chan struct{}, 1)}
	if err := s.engine.SetTrustedProxies(d.Proxies); err != nil { // gin believes everyone unless told
		return nil, fault.Field("FIRSTLINE_PROXIES", "not_an_address", "Use addresses or networks such as 10.0.0.0/8.")
	}
	s.metrics = newMetrics(d.Registry)
	s.desk = newDeskHub(d.Bus)
	s.engine.HandleMethodNotAllowed = true
	s.engine.Use(s.observe, s.recover, s.headers)
	s.engine.NoRoute(handle(func(*gin.Context) error { return errNoRoute }))
	s.engine.NoMethod(handle(func(*gin.Context) error { return errNoMethod }))
	s.routes()
	return s, nil
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Close ends every stream with a hint to resume elsewhere. It is idempotent.
func (s *Server) Close() { s.closeOne.Do(func() { close(s.closing) }) }

func (s *Server) routes() {
	r := s.engine
	r.GET("/healthz", handle(s.health))
	r.GET("/readyz", handle(s.ready))
	r.GET("/metrics", s.serveMetrics())

	v1 := r.Group("/v1")
	v1.GET("/config", handle(s.config))
	v1.POST("/conversations", handle(s.startConversation))
	c := v1.Group("/conversations/:id", s.customer)
	c.GET("", handle(s.conversation))
	c.POST("/messages", handle(s.postMessage))
	c.GET("/messages", handle(s.messages))
	c.GET("/events", handle(s.events))
	c.GET("/transcript", handle(s.transcript))
	c.POST("/handoff", handle(s.askForPerson))
	c.PATCH("/handoff", handle(s.correctSummary))
	c.POST("/typing", handle(s.customerTyping))
	c.POST("/read", handle(s.customerRead))
	c.POST("/rating", handle(s.rate))
	c.POST("/messages/:mid/feedback", handle(s.feedback))
	c.POST("/close", handle(s.closeConversation))
	c.POST("/reopen", handle(s.reopenConversation))

	v1.GET("/help/search", handle(s.helpSearch))
	v1.GET("/help/articles/:slug", handle(s.helpArticle))
	v1.GET("/contact-options", handle(s.contactOptions))

	a := v1.Group("/agent", s.agent)
	a.GET("/me", handle(s.me))
	a.PUT("/presence", handle(s.setPresence))
	a.POST("/signout", handle(s.signOut))
	a.GET("/events", handle(s.deskEvents))
	a.GET("/teams", handle(s.teams))
	a.GET("/search", handle(s.searchConversations))
	a.GET("/handoffs", handle(s.listHandoffs))
	a.POST("/handoffs/:hid/accept", handle(s.accept))
	a.POST("/handoffs/:hid/decline", handle(s.decline))
	ac := a.Group("/conversations/:id")
	ac.GET("", handle(s.agentConversation))
	ac.GET("/events", handle(s.agentEvents))
	ac.POST("/messages", handle(s.agentMessage))
	ac.POST("/typing", handle(s.agentTyping))
	ac.POST("/resolve", handle(s.resolve))
	ac.POST("/return", handle(s.returnToAssistant))
	ac.POST("/transfer", handle(s.transfer))
	ac.POST("/escalate", handle(s.escalate))
	ac.POST("/pull", handle(s.pull))

	s.adminRoutes(v1)
	s.pages(r)
}
