// Package llmtest is a scripted stand-in for an OpenAI-compatible provider, on loopback or wholly in memory. It serves
// the tests of every package that talks to a model, and demonstrations without a key. It knows every way in which a
// provider is known to fail, and it records what it was asked. It is not a model: it answers what it was told to, or
// quotes the passage of the prompt that shares most words with the question.
package llmtest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Message is one message of a recorded request.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Request is what a client sent.
type Request struct {
	Path        string          `json:"-"` // such as "/v1/chat/completions"
	Key         string          `json:"-"` // the bearer token
	Raw         json.RawMessage `json:"-"` // the whole body
	Model       string          `json:"model"`
	Messages    []Message       `json:"messages"`
	Input       []string        `json:"input"` // of an embedding request
	Stream      bool            `json:"stream"`
	MaxTokens   int             `json:"max_tokens"`
	Temperature *float64        `json:"temperature"` // nil when not sent
	Format      *struct {
		Type string `json:"type"`
	} `json:"response_format"`
}

// JSON reports whether a JSON object was asked for.
func (r Request) JSON() bool { return r.Format != nil && r.Format.Type == "json_object" }

// Prompt is all of the request's messages, a blank line between them.
func (r Request) Prompt() string {
	parts := make([]string, len(r.Messages))
	for i, m := range r.Messages {
		parts[i] = m.Content
	}
	return strings.Join(parts, "\n\n")
}

// Last is the content of the last message with the given role, or "".
func (r Request) Last(role string) string {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		if r.Messages[i].Role == role {
			return r.Messages[i].Content
		}
	}
	return ""
}

// Server is the stand-in. All methods are safe for concurrent use.
type Server struct {
	srv  *httptest.Server // nil when in memory
	done chan struct{}    // closed by Close: stalled handlers leave
	once sync.Once

	mu       sync.Mutex
	requests []Request
	queue    map[string][]Script // by model; "" for any
	embeds   []Embedding
	fallback func(Request) Script
	dims     int
	conns    map[string]bool // remote addresses seen
}

// New starts a server on loopback that is closed when the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	s := newServer()
	s.srv = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Listen starts a server on addr, such as "127.0.0.1:0", for a process that is not a test.
func Listen(addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("llmtest: %w", err)
	}
	s := newServer()
	s.srv = httptest.NewUnstartedServer(s)
	_ = s.srv.Listener.Close()
	s.srv.Listener = l
	s.srv.Start()
	return s, nil
}

// InMemory returns a server without a network, reached through Transport. Use it inside testing/synctest, where
// sockets do not stand still. Its URL is made up.
func InMemory(t testing.TB) *Server {
	t.Helper()
	s := newServer()
	t.Cleanup(s.Close)
	return s
}

func newServer() *Server {
	return &Server{
		done:     make(chan struct{}),
		queue:    map[string][]Script{},
		fallback: func(r Request) Script { return Reply(Grounded(r)) },
		dims:     16,
		conns:    map[string]bool{},
	}
}

// URL is the base URL for a client, up to and including "/v1".
func (s *Server) URL() string {
	if s.srv == nil {
		return "http://llmtest.invalid/v1"
	}
	return s.srv.URL + "/v1"
}

// Close releases everyone who waits and stops the server. It may be called again.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.done)
		if s.srv != nil {
			s.srv.CloseClientConnections()
			s.srv.Close()
		}
	})
}

// Queue adds scripts for the next chat calls, one for each call. When the queue is empty, Default answers.
func (s *Server) Queue(scripts ...Script) { s.QueueFor("", scripts...) }

// QueueFor adds scripts for the next chat calls with the given model; they go before those of Queue.
func (s *Server) QueueFor(model string, scripts ...Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue[model] = append(s.queue[model], scripts...)
}

// QueueEmbeddings adds scripts for the next embedding calls. When there are none left, texts are embedded by Vector.
func (s *Server) QueueEmbeddings(e ...Embedding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.embeds = append(s.embeds, e...)
}

// Default sets what answers chat calls for which nothing is queued. At first it is a Reply of Grounded.
func (s *Server) Default(f func(Request) Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fallback = f
}

// Answer sets the text that answers chat calls for which nothing is queued.
func (s *Server) Answer(f func(Request) string) {
	s.Default(func(r Request) Script { return Reply(f(r)) })
}

// SetDimensions sets the length of the vectors; 16 at first.
func (s *Server) SetDimensions(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dims = n
}

// Requests returns what has been asked so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Connections is the number of different connections that requests came over; 0 in memory.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Reset forgets the queues and the requests, and keeps the defaults.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.embeds, s.requests, s.conns = map[string][]Script{}, nil, nil, map[string]bool{}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := Request{Path: hr.URL.Path, Key: strings.TrimPrefix(hr.Header.Get("Authorization"), "Bearer ")}
	err := json.NewDecoder(http.MaxBytesReader(w, hr.Body, 16<<20)).Decode(&r.Raw)
	if err == nil {
		err = json.Unmarshal(r.Raw, &r)
	}
	if err != nil || hr.Method != http.MethodPost {
		http.Error(w, `{"error":{"message":"not a request","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	embed := strings.HasSuffix(r.Path, "/embeddings")
	chat := strings.HasSuffix(r.Path, "/chat/completions")

	s.mu.Lock()
	s.requests = append(s.requests, r)
	if hr.RemoteAddr != "" {
		s.conns[hr.RemoteAddr] = true
	}
	var script Script
	var scripted bool
	var e Embedding
	if chat {
		for _, key := range []string{r.Model, ""} {
			if q := s.queue[key]; len(q) > 0 && !scripted {
				script, scripted, s.queue[key] = q[0], true, q[1:]
			}
		}
	}
	if embed && len(s.embeds) > 0 {
		e, s.embeds = s.embeds[0], s.embeds[1:]
	}
	fallback, dims := s.fallback, s.dims
	s.mu.Unlock()

	p := &player{w: w, r: hr, done: s.done}
	switch {
	case embed:
		p.embeddings(r, e, dims)
	case chat:
		if !scripted {
			script = fallback(r)
		}
		p.chat(r, script)
	default:
		http.Error(w, `{"error":{"message":"no such path","type":"invalid_request_error"}}`, http.StatusNotFound)
	}
}

// wait pauses, and reports false when the client or the server has gone.
func (p *player) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.r.Context().Done():
	case <-p.done:
	}
	return false
}
