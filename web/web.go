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
	"github.com/firstline/firstline/assistant/copilot"
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/delivery"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/customer"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mailin"
	"github.com/firstline/firstline/internal/notify"
	"github.com/firstline/firstline/internal/site"
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
	Copilot  *copilot.Copilot
	Bus      *wake.Bus
	Log      *slog.Logger
	Registry *prometheus.Registry
	Site     Site
	Learner  *handoff.Learner              // keeps the classifier in step with the topics; nil leaves that to whoever hears the bus
	InForce  ThresholdSource               // nil where nobody knows the thresholds
	Sites    *site.Store                   // other origins that may show the chat
	Identity *Identity                     // checks who customers are; nil leaves them anonymous
	Alarm    handoff.Ear                   // reads what arrives while people own a conversation; nil hears nothing
	Ready    func(context.Context) []Check // what /readyz asks
	Limit    int                           // requests a minute that one address may make to start conversations or sign in; 0 for none
	Secure   bool                          // cookies only over HTTPS
	URL      string                        // address that people use, for links; "" leaves links without one
	Delivery *delivery.Service             // webhooks and other desks
	Mailin   *mailin.Service               // e-mail that comes in; nil takes none
	Notify   *notify.Service               // tells customers of answers
	Links    *auth.Links                   // sends sign-in links by e-mail; nil where there is no e-mail
	OIDC     *auth.OIDC                    // signs in through the company's provider; nil without one
	Proxies  []string                      // addresses or networks whose X-Forwarded-For is believed; none believes nobody

	Customers *customer.Store // whom the company vouches for, and what customers may ask for
}

// Check is one condition of readiness.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Info string `json:"info,omitempty"`
}

// writesPerMinute is what one conversation may send in a minute, signs of life included, where there are limits at all.
const writesPerMinute = 120

// inboundPerMinute is what another desk may send in a minute from one address, where there are limits at all: a busy one has few
// addresses.
const inboundPerMinute = 3000

// Server answers HTTP requests.
type Server struct {
	Deps
	engine   *gin.Engine
	metrics  *metrics
	limiter  *limiter // by address
	writes   *limiter // by conversation
	inbounds *limiter // what other desks send, by address
	help     helpLimits
	typing   *throttle
	live     *handoff.Live
	uploads  chan struct{} // holds one for each file that is arriving
	trying   chan struct{} // held by the one trial of topics that runs

	closing  chan struct{}
	closeOne sync.Once
}

// New returns a server. Close it before the HTTP server's Shutdown, so that streams end.
func New(d Deps) (*Server, error) {
	gin.SetMode(gin.ReleaseMode)
	s := &Server{Deps: d, engine: gin.New(), closing: make(chan struct{}), limiter: newLimiter(d.Limit), writes: newLimiter(min(d.Limit, 1) * writesPerMinute), inbounds: newLimiter(min(d.Limit, 1) * inboundPerMinute), typing: newThrottle(2 * time.Second), trying: make(chan struct{}, 1), uploads: make(chan struct{}, uploadsAtOnce)}
	if err := s.engine.SetTrustedProxies(d.Proxies); err != nil { // gin believes everyone unless told
		return nil, fault.Field("FIRSTLINE_PROXIES", "not_an_address", "Use addresses or networks such as 10.0.0.0/8.")
	}
	s.help = newHelpLimits(d.Limit)
	s.metrics = newMetrics(d.Registry)
	s.live = d.Desk.Live()
	s.engine.HandleMethodNotAllowed = true
	s.engine.Use(s.observe, s.recover, s.headers, s.origins)
	s.engine.NoRoute(handle(func(*gin.Context) error { return errNoRoute }))
	s.engine.NoMethod(handle(func(*gin.Context) error { return errNoMethod }))
	s.routes()
	return s, nil
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Close ends every stream with a hint to resume elsewhere. It is idempotent.
func (s *Server) Close() { s.closeOne.Do(func() { close(s.closing) }) }

// groups are where the areas register their routes: below the paths named, behind the checks named.
type groups struct {
	v1           *gin.RouterGroup // /v1, open to all
	customer     *gin.RouterGroup // /v1/conversations/:id, for whoever has the conversation's token
	agent        *gin.RouterGroup // /v1/agent, for who works at the desk
	conversation *gin.RouterGroup // /v1/agent/conversations/:id; whether it is theirs to see is the handler's to ask
	admin        *gin.RouterGroup // /v1/admin
}

// routes registers everything. Each area has its routes in a file of its own, beside its handlers.
func (s *Server) routes() {
	r := s.engine
	r.GET("/healthz", handle(s.health))
	r.GET("/readyz", handle(s.ready))
	r.GET("/metrics", s.serveMetrics())

	v1 := r.Group("/v1")
	v1.GET("/config", handle(s.config))
	v1.GET("/help/search", handle(s.helpSearch))
	v1.GET("/help/articles/:slug", handle(s.helpArticle))
	agent := v1.Group("/agent", s.signedIn, worksDesk)
	g := groups{v1: v1, customer: v1.Group("/conversations/:id", s.customer), agent: agent, conversation: agent.Group("/conversations/:id"),
		admin: v1.Group("/admin", s.signedIn, worksDesk, s.admin)}
	s.helpRoutes(g)
	s.customerRoutes(g)
	s.siteRoutes(g)
	s.threadRoutes(g)
	s.customersRoutes(g)
	s.noticeRoutes(g)
	s.rightsRoutes(g)
	s.hoursRoutes(g)
	s.deskRoutes(g)
	s.liveRoutes(g)
	s.packageRoutes(g)
	s.copilotRoutes(g)
	s.peopleRoutes(g)
	s.leadRoutes(g)
	s.deliveryRoutes(g)
	s.mailRoutes(g)
	s.adminRoutes(g)
	s.pages(r)
}
