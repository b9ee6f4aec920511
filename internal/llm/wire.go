package llm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strings"
)

// Limits on what a provider may send us.
const (
	maxErrorBody = 64 << 10 // of an error response; the rest is dropped
	maxLine      = 1 << 20  // of one event-stream line
)

// zeroTemperature stands for 0 on its way through the client library, which leaves out a field that is zero. wire
// turns it into a true 0: servers that divide by the temperature would overflow on the smallest float.
const zeroTemperature = math.SmallestNonzeroFloat32

var (
	zeroSent   = []byte(`"temperature":1e-45`) // how encoding/json writes zeroTemperature; inside text the quotes are escaped
	zeroWanted = []byte(`"temperature":0`)
)

// Faults that only the transport can see.
var (
	errRedirect = errors.New("the provider redirects elsewhere")
	errHTML     = errors.New("the provider sent a web page")
	errNoStream = errors.New("the provider sent a document instead of a stream")
	errLine     = errors.New("the provider sent an endless line")
)

// attempt is what wire remembers of one HTTP exchange; the client library keeps no headers with its errors.
type attempt struct {
	status     int
	retryAfter string      // the header, as sent
	sent       *errorFrame // an error that came inside a 200
	events     *events     // the body of a stream, which Stream reads without the client library
}

// errorFrame is the error object of the API, as found in a body or an event.
type errorFrame struct {
	Message string          `json:"message"`
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"`
}

func (e *errorFrame) code() string { return strings.Trim(string(e.Code), `"`) }

type attemptKey struct{}

func withAttempt(ctx context.Context) (context.Context, *attempt) {
	a := &attempt{}
	return context.WithValue(ctx, attemptKey{}, a), a
}

// wire is the RoundTripper under the client library. It repairs what the library cannot do: sends temperature 0,
// remembers Retry-After, bounds error bodies, refuses web pages and redirects, and cleans event streams.
type wire struct{ base http.RoundTripper }

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	a, _ := req.Context().Value(attemptKey{}).(*attempt)
	if a == nil {
		a = &attempt{}
	}
	stream := req.Header.Get("Accept") == "text/event-stream"
	req, err := sendZero(req)
	if err != nil {
		return nil, err
	}
	res, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	a.status = res.StatusCode
	a.retryAfter = res.Header.Get("Retry-After")
	if res.StatusCode >= 300 {
		// The library reads an error body to its end and never closes it: give it a bounded copy.
		body, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
		_ = res.Body.Close()
		if err != nil {
			return nil, err
		}
		if res.StatusCode < 400 {
			return nil, errRedirect
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
		return res, nil
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case media == "text/html":
		_ = res.Body.Close()
		return nil, errHTML
	case stream && media == "application/json":
		defer res.Body.Close()
		body, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
		if err != nil {
			return nil, err
		}
		if f := parseError(body); f.Message+f.Type+f.code() != "" {
			a.sent = f
		}
		return nil, errNoStream
	case stream:
		a.events = &events{src: res.Body, r: bufio.NewReaderSize(res.Body, 4<<10), attempt: a}
		res.Body = a.events
	default:
		res.Body = document{res.Body} // the library stops reading at the last brace
	}
	return res, nil
}

// CloseIdleConnections lets http.Client reach the pool underneath.
func (w *wire) CloseIdleConnections() {
	if c, ok := w.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// sendZero returns the request with the stand-in for temperature 0 replaced.
func sendZero(req *http.Request) (*http.Request, error) {
	if req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(make([]byte, 0, max(req.ContentLength, 0)+bytes.MinRead))
	if _, err := buf.ReadFrom(body); err != nil {
		return nil, err
	}
	b := buf.Bytes()
	at := bytes.Index(b, zeroSent)
	if at < 0 {
		return req, nil
	}
	if req.Body != nil {
		_ = req.Body.Close()
	}
	b = append(append(b[:at], zeroWanted...), b[at+len(zeroSent):]...) // shorter, so in place
	out := *req                                                        // a RoundTripper must leave its request alone
	out.ContentLength = int64(len(b))
	out.Body = io.NopCloser(bytes.NewReader(b))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	return &out, nil
}

// events cleans a server-sent event stream for the library's reader: only "data:" lines that hold JSON or [DONE] pass,
// each ended by a newline. Comments, blank lines and other fields, which the library counts and gives up on, are
// dropped. An error frame, which the library would overlook or wait behind, ends the stream and is remembered.
type events struct {
	src     io.ReadCloser
	r       *bufio.Reader
	attempt *attempt
	line    []byte // what is left of the line being passed on
	out     []byte // its storage
	long    []byte // storage for lines longer than r's buffer
	isError bool   // the event under way is named "error"
	done    bool   // [DONE] has been passed on
	err     error
}

func (e *events) Read(p []byte) (int, error) {
	for len(e.line) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		e.next()
	}
	n := copy(p, e.line)
	e.line = e.line[n:]
	return n, nil
}

// data returns the JSON of the next chunk, valid until the next call, and io.EOF after [DONE]. It takes the place of the
// client library's reader, which puts three regular expressions and two copies to every line, and must not be mixed
// with Read.
func (e *events) data() ([]byte, error) {
	e.line = nil
	for len(e.line) == 0 {
		switch {
		case e.done:
			return nil, io.EOF
		case e.err != nil:
			return nil, e.err
		}
		e.next()
	}
	if e.done {
		return nil, io.EOF
	}
	return bytes.TrimSpace(e.line[len("data:"):]), nil
}

// next reads lines until one is worth passing on, or the stream ends.
func (e *events) next() {
	raw, err := e.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		e.long = append(e.long[:0], raw...)
		for err == bufio.ErrBufferFull {
			if len(e.long) > maxLine {
				e.err = errLine
				return
			}
			raw, err = e.r.ReadSlice('\n')
			e.long = append(e.long, raw...)
		}
		raw = e.long
	}
	if err != nil {
		e.err = err
	}
	line := bytes.TrimSpace(raw)
	if len(line) == 0 {
		e.isError = false
		return
	}
	if name, ok := bytes.CutPrefix(line, []byte("event:")); ok {
		e.isError = string(bytes.TrimSpace(name)) == "error"
		return
	}
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return
	}
	data = bytes.TrimSpace(data)
	switch {
	case e.isError || isErrorObject(data):
		e.attempt.sent = parseError(data)
		e.err = io.EOF
	case string(data) == "[DONE]":
		e.done = true
		e.pass(line)
	case len(data) > 0 && data[0] == '{':
		e.pass(line)
	}
}

// pass puts a line up for reading. It is copied: line may fill the reader's buffer to the brim.
func (e *events) pass(line []byte) {
	e.out = append(append(e.out[:0], line...), '\n')
	e.line = e.out
}

// isErrorObject reports whether data is {"error": ...} with an error that is not null.
func isErrorObject(data []byte) bool {
	rest, ok := bytes.CutPrefix(data, []byte(`{`))
	if !ok {
		return false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " \t"), []byte(`"error"`))
	if !ok {
		return false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " \t"), []byte(`:`))
	return ok && !bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte("null"))
}

// parseError makes the best of an error in whatever shape it comes; it never returns nil.
func parseError(data []byte) *errorFrame {
	var outer struct {
		Error json.RawMessage `json:"error"`
		errorFrame
	}
	if json.Unmarshal(data, &outer) != nil {
		return &errorFrame{Type: "unreadable"}
	}
	f := outer.errorFrame
	if len(outer.Error) > 0 && json.Unmarshal(outer.Error, &f) != nil {
		f.Type = "unreadable"
	}
	return &f
}

func (e *events) Close() error {
	if e.done || e.err == io.EOF {
		drain(e.r)
	}
	return e.src.Close()
}

// document is a body that is read to its end when closed.
type document struct{ io.ReadCloser }

func (d document) Close() error {
	drain(d.ReadCloser)
	return d.ReadCloser.Close()
}
