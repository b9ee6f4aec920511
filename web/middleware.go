package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// observe counts the request and logs failures, without bodies, queries or tokens.
func (s *Server) observe(c *gin.Context) {
	began := time.Now()
	c.Next()
	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	status := c.Writer.Status()
	s.metrics.requests.WithLabelValues(c.Request.Method, route, fmt.Sprint(status)).Inc()
	if len(c.Errors) == 0 || status < 500 && c.Request.Context().Err() == nil {
		return
	}
	if c.Request.Context().Err() != nil { // the client left
		return
	}
	s.Log.Error("request failed", "method", c.Request.Method, "route", route, "status", status, "conversation", c.Param("id"),
		"took", time.Since(began), "error", c.Errors.Last().Err)
}

// recover answers a panic with a problem and keeps the process alive.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		if p := recover(); p != nil {
			err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			_ = c.Error(err)
			if !c.Writer.Written() {
				fail(c, err)
			}
		}
	}()
	c.Next()
}

// contentPolicy lets pages load from their own origin only. Styles of goldmark's table alignment are attributes, which no
// page of ours needs. Pictures of a conversation are blobs: the page fetches them with the conversation's token.
const contentPolicy = "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"

func (s *Server) headers(c *gin.Context) {
	if c.Request.ContentLength != 0 {
		// A server-wide read timeout would end long streams too, so a body has one of its own, also where it is refused unread.
		_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(bodyTimeout)) // recorders in tests have none
	}
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	if !strings.HasPrefix(c.Request.URL.Path, "/v1/") {
		h.Set("Content-Security-Policy", contentPolicy)
	} else {
		h.Set("Cache-Control", "no-store")
	}
	c.Next()
}

// customer lets a conversation's own token in, of the present generation. Whether the conversation exists is not told to
// anyone else.
func (s *Server) customer(c *gin.Context) {
	id, generation, ok := s.holds(c)
	if !ok {
		return
	}
	opens, err := s.Record.Opens(c.Request.Context(), id, generation)
	if err == nil && !opens {
		err = errBadToken()
	}
	if err != nil {
		_ = c.Error(err)
		fail(c, err)
		return
	}
	c.Next()
}

// holder lets tokens of any generation in, for handlers that ask for the present one in a statement of their own.
func (s *Server) holder(c *gin.Context) {
	if _, _, ok := s.holds(c); ok {
		c.Next()
	}
}

// holds finds out which conversation the request's token is for, and of which generation it is.
func (s *Server) holds(c *gin.Context) (uuid.UUID, int, bool) {
	id, err := uuid.Parse(c.Param("id"))
	token, ok := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
	generation := 0
	if ok = ok && err == nil; ok {
		generation, ok = s.Record.Generation(id, token)
	}
	if !ok {
		fail(c, errBadToken())
		return id, 0, false
	}
	if c.Request.Method != http.MethodGet && !s.writes.allow(id.String()) {
		fail(c, fault.New(fault.RateLimited, "rate_limited", "Too many messages at once. Please wait a moment."))
		return id, 0, false
	}
	c.Set("conversation", id)
	c.Set("generation", generation)
	return id, generation, true
}

func errBadToken() error {
	return fault.New(fault.Unauthenticated, "bad_token", "This conversation needs its own token as a bearer token.")
}

// generation is that of the token that the request came with; nil for an agent's.
func generation(c *gin.Context) *int {
	if g, ok := c.Get("generation"); ok {
		n, _ := g.(int)
		return &n
	}
	return nil
}

func conversationID(c *gin.Context) uuid.UUID {
	id, _ := c.MustGet("conversation").(uuid.UUID)
	return id
}

// sessionCookie holds an agent's session.
const sessionCookie = "firstline_session"

// signedIn lets a signed-in person in: by bearer token, or by the session cookie, which for everything that changes
// something needs a header that no other site can send without permission.
func (s *Server) signedIn(c *gin.Context) {
	secret, bearer := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
	if !bearer {
		secret, _ = c.Cookie(sessionCookie)
		if c.Request.Method != http.MethodGet && c.GetHeader("X-Firstline") == "" {
			fail(c, fault.New(fault.Forbidden, "missing_header", "Requests by cookie need the header X-Firstline."))
			return
		}
	}
	a, session, err := s.Auth.Authenticate(c.Request.Context(), secret)
	if err != nil {
		_ = c.Error(err)
		fail(c, err)
		return
	}
	c.Set("agent", a)
	c.Set("session", session)
	c.Set("secret", secret)
	c.Next()
}

// worksDesk lets people pass who take part in conversations, behind signedIn.
func worksDesk(c *gin.Context) {
	if !currentAgent(c).WorksDesk() {
		fail(c, fault.New(fault.Forbidden, "not_an_agent", "Your role does not take part in conversations."))
		return
	}
	c.Next()
}

// still returns who the request's session belongs to now: a stream outlives sign-outs and changes of role and teams.
func (s *Server) still(c *gin.Context) (auth.Agent, error) {
	a, err := s.Auth.Who(c.Request.Context(), c.GetString("secret"))
	if err == nil && !a.WorksDesk() {
		err = auth.ErrSignedOut
	}
	return a, err
}

func currentSession(c *gin.Context) auth.Session {
	session, _ := c.MustGet("session").(auth.Session)
	return session
}

func currentAgent(c *gin.Context) auth.Agent {
	a, _ := c.MustGet("agent").(auth.Agent)
	return a
}

// limiter bounds what one address may do. It lives in memory and has no way to fail open: without room for a new address,
// the oldest is forgotten.
type limiter struct {
	perMinute int
	mu        sync.Mutex
	by        map[string]*visitor
}

type visitor struct {
	*rate.Limiter
	seen time.Time
}

const maxVisitors = 50_000

func newLimiter(perMinute int) *limiter {
	return &limiter{perMinute: perMinute, by: map[string]*visitor{}}
}

func (l *limiter) allow(address string) bool {
	if l.perMinute <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.by[address]
	if v == nil {
		if len(l.by) >= maxVisitors {
			l.forget()
		}
		v = &visitor{Limiter: rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)}
		l.by[address] = v
	}
	v.seen = time.Now()
	return v.Allow()
}

// forget makes room: any quiet address will do, and among a few taken at random there is one.
func (l *limiter) forget() {
	n := 0
	for a, v := range l.by {
		if n++; time.Since(v.seen) > time.Minute || n == 16 {
			delete(l.by, a)
			return
		}
	}
}

// sender is what an address counts as: of IPv6 the network, because a customer's device has all of it.
func sender(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil || a.Is4() || a.Is4In6() {
		return ip
	}
	p, _ := a.Prefix(64) // 64 is never out of range
	return p.String()
}

func (s *Server) limited(c *gin.Context) error {
	if s.limiter.allow(sender(c.ClientIP())) {
		return nil
	}
	return fault.New(fault.RateLimited, "rate_limited", "Too many requests from your address. Please wait a minute.")
}

// throttle lets one thing pass per key and interval, for what is only a hint, such as typing.
type throttle struct {
	every time.Duration
	mu    sync.Mutex
	last  map[uuid.UUID]time.Time
}

func newThrottle(every time.Duration) *throttle {
	return &throttle{every: every, last: map[uuid.UUID]time.Time{}}
}

func (t *throttle) pass(key uuid.UUID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.last[key]) < t.every {
		return false
	}
	if len(t.last) > 10_000 {
		clear(t.last)
	}
	t.last[key] = now
	return true
}
