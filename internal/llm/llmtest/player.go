package llmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// player acts out one script.
type player struct {
	w     http.ResponseWriter
	r     *http.Request
	done  chan struct{}
	split bool
}

func (p *player) write(s string) {
	if !p.split {
		_, _ = io.WriteString(p.w, s)
		p.flush()
		return
	}
	for i := 0; i < len(s); i += 3 {
		_, _ = io.WriteString(p.w, s[i:min(i+3, len(s))])
		p.flush()
	}
}

func (p *player) flush() { _ = http.NewResponseController(p.w).Flush() }

func (p *player) chat(r Request, s Script) {
	h := p.w.Header()
	switch {
	case s.trouble == status:
		for k, v := range s.header {
			h[k] = v
		}
		p.w.WriteHeader(s.code)
		_, _ = io.WriteString(p.w, s.body)
		return
	case s.trouble == html:
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(p.w, "<!doctype html><title>Welcome</title><p>Please sign in.")
		return
	case s.trouble == document:
		h.Set("Content-Type", "application/json")
		_, _ = io.WriteString(p.w, s.body)
		return
	case s.trouble == stall && s.after < 0:
		p.silence()
		return
	case !r.Stream:
		p.whole(r, s)
		return
	}
	h.Set("Content-Type", "text/event-stream")
	p.w.WriteHeader(http.StatusOK)
	p.flush()
	p.split = s.split
	p.stream(r, s)
}

// silence waits until the client or the server leaves.
func (p *player) silence() {
	select {
	case <-p.r.Context().Done():
	case <-p.done:
	}
}

func (p *player) stream(r Request, s Script) {
	nl, data := "\n", "data: "
	if s.crlf {
		nl = "\r\n"
	}
	if s.tight {
		data = "data:"
	}
	frame := func(payload string) { p.write(data + payload + nl + nl) }
	chunk := func(delta, finish string) {
		frame(fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":%s,"choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`,
			quote(r.Model), delta, finish))
	}
	// fail acts out the trouble when its time has come.
	fail := func(sent int) bool {
		if s.trouble == none || sent != s.after {
			return false
		}
		switch s.trouble {
		case stall:
			p.silence()
		case garbage:
			frame(`{"choices":[{"delta":{"content":`)
		case errorEvent:
			payload := s.frame
			if payload == "" {
				payload = `{"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}`
			}
			p.write("event: error" + nl)
			frame(payload)
			p.silence()
		case reset:
			breakConnection(p.w)
		}
		return true
	}

	chunk(`{"role":"assistant","content":""}`, "null")
	for i := 0; i < s.keep; i++ {
		p.write(": keep-alive" + nl + nl)
	}
	for i := 0; i < s.think; i++ {
		if !p.wait(s.first) {
			return
		}
		chunk(`{"reasoning_content":"hm "}`, "null")
	}
	if !p.wait(s.first) {
		return
	}
	for i, piece := range s.pieces {
		if fail(i) || i > 0 && !p.wait(s.delay) {
			return
		}
		chunk(`{"content":`+quote(piece)+`}`, "null")
	}
	if fail(len(s.pieces)) {
		return
	}
	if !s.noFinish {
		chunk(`{}`, quote(s.finish))
	}
	if !s.noUsage {
		frame(fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":%s}`, usage(r, s)))
	}
	if !s.noDone {
		frame("[DONE]")
	}
}

// whole answers a request that did not ask for a stream. Of the troubles, those that make sense without a stream are
// acted out: silence, broken connections, broken JSON.
func (p *player) whole(r Request, s Script) {
	if !p.wait(s.first + time.Duration(len(s.pieces))*s.delay) {
		return
	}
	p.w.Header().Set("Content-Type", "application/json")
	switch s.trouble {
	case stall:
		p.w.WriteHeader(http.StatusOK)
		p.flush()
		p.silence()
		return
	case garbage:
		p.write(`{"choices":[}`)
		return
	case cut:
		p.write(`{"choices":[{"message":{"content":"`)
		return
	case reset:
		p.write(`{"choices":[`)
		breakConnection(p.w)
		return
	case errorEvent:
		p.write(`{"error":{"message":"overloaded","type":"server_error"}}`)
		return
	}
	finish := quote(s.finish)
	if s.noFinish {
		finish = "null"
	}
	body := fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion","model":%s,"choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":%s}]`,
		quote(r.Model), quote(s.text), finish)
	if !s.noUsage {
		body += `,"usage":` + usage(r, s)
	}
	p.write(body + "}")
}

// usage counts words, which is enough for a test to see that counts are passed on.
func usage(r Request, s Script) string {
	prompt, answer := len(strings.Fields(r.Prompt())), len(strings.Fields(s.text))
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, prompt, answer, prompt+answer)
}

func (p *player) embeddings(r Request, e Embedding, dims int) {
	if e.Code != 0 {
		for k, v := range e.Header {
			p.w.Header()[k] = v
		}
		p.w.WriteHeader(e.Code)
		_, _ = io.WriteString(p.w, e.Body)
		return
	}
	if e.Dimensions != 0 {
		dims = e.Dimensions
	}
	type item struct {
		Object    string    `json:"object"`
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	items := []item{}
	for i, text := range r.Input {
		v := Vector(text, dims)
		if e.Zero {
			clear(v)
		}
		if e.Repeated {
			i = 0
		}
		items = append(items, item{"embedding", i, v})
	}
	items = items[:max(len(items)-e.Missing, 0)]
	if e.Reversed {
		for i, j := 0, len(items)-1; i < j; i, j = i+1, j-1 {
			items[i], items[j] = items[j], items[i]
		}
	}
	p.w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(p.w).Encode(map[string]any{
		"object": "list", "model": r.Model, "data": items,
		"usage": map[string]int{"prompt_tokens": len(strings.Fields(strings.Join(r.Input, " ")))},
	})
}

// Vector embeds a text as a hashed bag of words of unit length: texts that share words are close. It is never zero.
func Vector(text string, dims int) []float32 {
	v := make([]float32, dims)
	v[0] = 0.01
	for w := range words(text) {
		h := fnv.New32a()
		_, _ = io.WriteString(h, w)
		v[h.Sum32()%uint32(dims)]++
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// breakConnection sends a TCP reset, or breaks the pipe in memory.
func breakConnection(w http.ResponseWriter) {
	if m, ok := w.(*memory); ok {
		_ = m.pipe.CloseWithError(syscall.ECONNRESET)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// Transport reaches the server without a network. Its responses obey the request's context as the real transport's do.
func (s *Server) Transport() http.RoundTripper { return roundTripper{s} }

type roundTripper struct{ s *Server }

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	in := req.Clone(req.Context())
	in.RemoteAddr = ""
	pr, pw := io.Pipe()
	m := &memory{header: http.Header{}, ready: make(chan struct{}), pipe: pw}
	go func() {
		defer func() {
			if e := recover(); e != nil {
				_ = pw.CloseWithError(fmt.Errorf("handler: %v", e))
			}
		}()
		rt.s.ServeHTTP(m, in)
		m.WriteHeader(http.StatusOK)
		_ = pw.Close()
	}()
	select {
	case <-m.ready:
	case <-req.Context().Done():
		_ = pr.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
	stop := context.AfterFunc(req.Context(), func() { _ = pr.CloseWithError(req.Context().Err()) })
	return &http.Response{
		StatusCode: m.code, Status: fmt.Sprintf("%d %s", m.code, http.StatusText(m.code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: m.header, Body: &body{pr, stop}, Request: req, ContentLength: -1,
	}, nil
}

type body struct {
	*io.PipeReader
	stop func() bool
}

func (b *body) Close() error {
	b.stop()
	return b.CloseWithError(errors.New("closed by the client"))
}

// memory is a ResponseWriter over a pipe.
type memory struct {
	header http.Header
	ready  chan struct{}
	once   sync.Once
	code   int
	pipe   *io.PipeWriter
}

func (m *memory) Header() http.Header { return m.header }

func (m *memory) WriteHeader(code int) {
	m.once.Do(func() {
		m.code = code
		close(m.ready)
	})
}

func (m *memory) Write(b []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	return m.pipe.Write(b)
}

func (m *memory) Flush() { m.WriteHeader(http.StatusOK) }
