package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"
)

// document is the contract as it is served, loaded once.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	body, err := contractJSON(contractFiles)
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(body)
	if err != nil {
		return nil, err
	}
	// Pages and streams are text to the validator; what is in a stream is validated by contract itself.
	for _, kind := range []string{"text/html", "text/event-stream", "text/markdown", "application/xml", "application/atom+xml"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.RegisteredBodyDecoder("text/plain"))
	}
	return doc, nil
})

// contract returns a transport that holds everything that passes against web/openapi.yaml and fails the test when
//   - a response has a status, a type or a body that the document does not have,
//   - a request was accepted that the document refuses,
//   - an event of a stream is not what x-events says.
//
// It does not hold streams back: events are checked when the body is closed.
func contract(t testing.TB) http.RoundTripper {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return &contractTransport{t: t, doc: doc, router: router}
}

type contractTransport struct {
	t      testing.TB
	doc    *openapi3.T
	router routers.Router
}

func (ct *contractTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || req.Method == http.MethodHead {
		return resp, err
	}
	if err := ct.check(req, sent, resp); err != nil {
		ct.t.Errorf("%s %s -> %d breaks the contract: %v", req.Method, req.URL.Path, resp.StatusCode, err)
	}
	return resp, nil
}

func (ct *contractTransport) check(req *http.Request, sent []byte, resp *http.Response) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	route, params, err := ct.router.FindRoute(req)
	if err != nil {
		if resp.StatusCode == http.StatusNotFound && kind == "application/problem+json" {
			return nil // neither has it
		}
		return err
	}
	copied := req.Clone(req.Context())
	copied.Body = io.NopCloser(bytes.NewReader(sent))
	in := &openapi3filter.RequestValidationInput{Request: copied, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true}}
	if resp.StatusCode < 300 {
		if err := openapi3filter.ValidateRequest(req.Context(), in); err != nil {
			return fmt.Errorf("accepted what the document refuses: %w", err)
		}
	}
	described := route.Operation.Responses.Status(resp.StatusCode)
	if described == nil {
		return fmt.Errorf("the document has no status %d here", resp.StatusCode)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if kind == "text/event-stream" {
		stream := described.Value.Content.Get(kind)
		if stream == nil {
			return fmt.Errorf("the document has no stream here")
		}
		events, ok := stream.Extensions["x-events"].(map[string]any)
		if !ok {
			return fmt.Errorf("the document does not say which events there are")
		}
		resp.Body = &checkedStream{ReadCloser: resp.Body, check: func(name string, data []byte) error { return ct.event(events, name, data) }, t: ct.t}
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if len(described.Value.Content) == 0 {
		if len(body) > 0 && (resp.StatusCode < 300 || resp.StatusCode >= 400) { // a redirect may say where to in words
			return fmt.Errorf("the document has no body here; got %q", body)
		}
		return nil
	}
	if described.Value.Content["*/*"] != nil {
		out.Options.ExcludeResponseBody = true
	}
	return openapi3filter.ValidateResponse(req.Context(), out.SetBodyBytes(body))
}

// event validates the data of one event.
func (ct *contractTransport) event(events map[string]any, name string, data []byte) error {
	ref, ok := events[name].(string)
	if !ok {
		return fmt.Errorf("the document has no event %q", name)
	}
	schema := ct.doc.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	if schema == nil {
		return fmt.Errorf("event %q has no schema %q", name, ref)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	return schema.Value.VisitJSON(v)
}

// checkedStream keeps what was read and checks its complete events at the end.
type checkedStream struct {
	io.ReadCloser
	t     testing.TB
	check func(name string, data []byte) error
	mu    sync.Mutex
	seen  bytes.Buffer
	once  sync.Once
}

func (s *checkedStream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.mu.Lock()
	s.seen.Write(p[:n])
	s.mu.Unlock()
	return n, err
}

func (s *checkedStream) Close() error {
	err := s.ReadCloser.Close()
	s.once.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		frames := strings.Split(s.seen.String(), "\n\n")
		for _, frame := range frames[:len(frames)-1] { // the last is not complete
			name, data := parseFrame(frame)
			if name == "" {
				continue // a comment or a retry
			}
			if err := s.check(name, []byte(data)); err != nil {
				s.t.Errorf("event %q breaks the contract: %v\n%s", name, err, data)
			}
		}
	})
	return err
}

// parseFrame reads an event's name and data.
func parseFrame(frame string) (name, data string) {
	for line := range strings.SplitSeq(frame, "\n") {
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			data += v
		}
	}
	return name, data
}

func TestContractIsValid(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status, r := range op.Responses.Map() {
				stream := r.Value.Content["text/event-stream"]
				if stream == nil {
					continue
				}
				events, _ := stream.Extensions["x-events"].(map[string]any)
				if len(events) == 0 {
					t.Errorf("%s %s %s: a stream without x-events", method, path, status)
				}
				for name, ref := range events {
					text, _ := ref.(string)
					if doc.Components.Schemas[strings.TrimPrefix(text, "#/components/schemas/")] == nil {
						t.Errorf("%s %s: event %s names no schema: %v", method, path, name, ref)
					}
				}
			}
		}
	}
}

// TestContractHasEveryRoute holds the document and the server's routes against each other, both ways.
func TestContractHasEveryRoute(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	var documented, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	for _, r := range setup(t).server.engine.Routes() {
		if r.Method == http.MethodHead { // goes with every page
			continue
		}
		parts := strings.Split(r.Path, "/")
		for i, p := range parts {
			if p != "" && (p[0] == ':' || p[0] == '*') {
				parts[i] = "{" + p[1:] + "}"
			}
		}
		served = append(served, r.Method+" "+strings.Join(parts, "/"))
	}
	slices.Sort(documented)
	slices.Sort(served)
	if diff := cmp.Diff(documented, served); diff != "" {
		t.Errorf("documented (-), served (+):\n%s", diff)
	}
}

// fakeTB collects failures of a contract that is meant to fail.
type fakeTB struct {
	testing.TB
	failures []string
}

func (f *fakeTB) Helper() {}
func (f *fakeTB) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

// TestContractNotices makes sure that the contract can fail: each of these servers breaks it in one way.
func TestContractNotices(t *testing.T) {
	tests := []struct {
		name, method, path, send string
		status                   int
		kind, body               string
		want                     string // "" for nothing to notice
	}{
		{"all is well", "GET", "/healthz", "", 200, "application/json", `{"status":"ok"}`, ""},
		{"a field that is not documented", "GET", "/healthz", "", 200, "application/json", `{"status":"ok","secret":1}`, "secret"},
		{"a field that is missing", "GET", "/healthz", "", 200, "application/json", `{}`, "status"},
		{"a status that is not documented", "GET", "/healthz", "", 418, "application/json", `{}`, "418"},
		{"a type that is not documented", "GET", "/healthz", "", 200, "text/plain", `ok`, "text/plain"},
		{"a problem without a code", "GET", "/v1/help/articles/x", "", 404, "application/problem+json", `{"type":"about:blank","title":"Not Found","status":404}`, "code"},
		{"an unknown path that is served", "GET", "/v2/x", "", 200, "application/json", `{}`, "no matching operation"},
		{"an invalid request that is accepted", "POST", "/v1/conversations", `{"market":"gb"}`, 201, "application/json",
			`{"id":"0190a5d0-0000-7000-8000-000000000000","token":"aaaaaaaaaaaaaaaaaaaaaaaa","disclosure":"AI","greeting":"Hi","office_hours":{"open":true,"opens_at":null}}`, "accepted what the document refuses"},
		{"an event that is not documented", "GET", "/v1/agent/events", "", 200, "text/event-stream", "event: gossip\ndata: {}\n\n", "gossip"},
		{"an event with the wrong data", "GET", "/v1/agent/events", "", 200, "text/event-stream", "event: queue\ndata: {}\n\n", "handoffs"},
		{"an event that is fine", "GET", "/v1/agent/events", "", 200, "text/event-stream", "event: ping\ndata: {}\n\nevent: que", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer srv.Close()
			fake := &fakeTB{TB: t}
			req, err := http.NewRequestWithContext(t.Context(), tt.method, srv.URL+tt.path, strings.NewReader(tt.send))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			resp, err := contract(fake).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			got := strings.Join(fake.failures, "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("noticed %q, want %q", got, tt.want)
			}
		})
	}
}
