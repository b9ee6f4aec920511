package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// newClient returns an HTTP client that keeps its connections, as a browser or a gateway in front of many would.
func newClient() *http.Client {
	return &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096, DisableCompression: true},
	}
}

// firstline is a target: the server behind its public wire, as a customer's program speaks it.
type firstline struct {
	base   string
	client *http.Client
	open   []conversation
	sent   atomic.Int64
}

// conversation is one that was opened, with the token that opens it.
type conversation struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

func newFirstline(base string) *firstline { return &firstline{base: base, client: newClient()} }

func (f *firstline) prepare(ctx context.Context, conversations int) error {
	f.open = make([]conversation, conversations)
	for i := range f.open {
		c, err := f.start(ctx)
		if err != nil {
			return err
		}
		f.open[i] = c
	}
	return nil
}

func (f *firstline) start(ctx context.Context) (conversation, error) {
	var c conversation
	res, err := f.post(ctx, "/v1/conversations", "", "application/json", map[string]string{"market": "gb", "locale": "en"})
	if err != nil {
		return c, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return c, refused(res)
	}
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil {
		return c, fmt.Errorf("start a conversation: %w", err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return c, err
}

func (f *firstline) post(ctx context.Context, path, token, accept string, body any) (*http.Response, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base+path, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return f.client.Do(req)
}

func refused(res *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(res.Body, 500))
	return fmt.Errorf("%s %s: %d %s", res.Request.Method, res.Request.URL.Path, res.StatusCode, b)
}

// turn sends a message and reads the turn's own stream to its end. A conversation that went over to a human is replaced
// by a fresh one, because nothing answers in it any more.
func (f *firstline) turn(ctx context.Context, n int, question string) (sample, error) {
	c := f.open[n]
	begun := time.Now()
	res, err := f.post(ctx, "/v1/conversations/"+c.ID+"/messages", c.Token, "text/event-stream",
		map[string]string{"client_id": "bench-" + strconv.FormatInt(f.sent.Add(1), 10), "text": question})
	if err != nil {
		return sample{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return sample{}, refused(res)
	}
	var s sample
	events := newEventReader(res.Body)
	for {
		e, err := events.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return sample{}, err
		}
		if s.first == 0 && e.speaks() {
			s.first = time.Since(begun)
		}
		switch e.name {
		case "turn":
			var t struct{ Outcome, Reason string }
			if err := json.Unmarshal(e.data, &t); err != nil {
				return sample{}, fmt.Errorf("turn event: %w", err)
			}
			s.outcome = t.Outcome
			if t.Reason != "" {
				s.outcome += "/" + t.Reason
			}
		case "error":
			return sample{}, fmt.Errorf("error event: %s", e.data)
		}
	}
	s.total = time.Since(begun)
	if s.outcome == "" {
		return sample{}, errors.New("the stream ended without the turn's end")
	}
	if strings.HasPrefix(s.outcome, "handed_off") { // what the customer reads then comes from the desk
		if s.first == 0 {
			s.first = s.total
		}
		if f.open[n], err = f.start(ctx); err != nil {
			return sample{}, err
		}
	}
	if s.first == 0 {
		return sample{}, fmt.Errorf("the turn ended (%s) without a word of the assistant", s.outcome)
	}
	return s, nil
}

// follow opens the event stream of a conversation and returns when the server has answered its head.
func (f *firstline) follow(ctx context.Context, c conversation) (io.Closer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+"/v1/conversations/"+c.ID+"/events", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+c.Token)
	return openStream(idleClient, req)
}

// idleClient has no time limit: an idle stream is held as long as its context lasts.
var idleClient = &http.Client{Transport: &http.Transport{MaxConnsPerHost: 0, DisableCompression: true}}

func openStream(client *http.Client, req *http.Request) (io.Closer, error) {
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, refused(res)
	}
	return res.Body, nil
}

// event is one event of a stream.
type event struct {
	name string
	data []byte // valid until the next event
}

// speaks reports whether the event shows text of the assistant.
func (e event) speaks() bool {
	return e.name == "delta" || e.name == "message" && bytes.Contains(e.data, []byte(`"author":"assistant"`))
}

// eventReader reads a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), as
// much of them as Firstline writes.
type eventReader struct {
	lines *bufio.Reader
	data  []byte
}

func newEventReader(r io.Reader) *eventReader {
	return &eventReader{lines: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next event that has data. It fails with io.EOF at the end, and with io.ErrUnexpectedEOF when the
// stream ends within an event.
func (r *eventReader) next() (event, error) {
	r.data = r.data[:0]
	var e event
	begun := false
	for {
		line, err := r.lines.ReadSlice('\n')
		if err != nil {
			if err == io.EOF && (begun || len(line) > 0) {
				err = io.ErrUnexpectedEOF
			}
			return event{}, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			if begun {
				e.data = r.data
				return e, nil
			}
			e.name = ""
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			e.name = string(value)
		case "data":
			if begun {
				r.data = append(r.data, '\n')
			}
			r.data = append(r.data, value...)
			begun = true
		}
	}
}
