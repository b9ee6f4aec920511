package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of these tests for something that must happen. It is generous, because the machine may be
// busy; nothing is asserted about how long things take.
const patience = 40 * time.Second

// wireClient makes the requests of these tests. Its timeout is longer than any deadline of the server's: a request that
// runs into it hung.
var wireClient = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 20 * time.Second}}

// reply is an answer to a request.
type reply struct {
	status int
	kind   string // content type without parameters
	body   []byte
}

func (r reply) String() string { return fmt.Sprintf("%d %s %s", r.status, r.kind, r.body) }

// decode reads the body into v.
func (r reply) decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("not JSON: %v in %s", err, r)
	}
}

// wireProblem is a problem document.
type wireProblem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// call makes one request. header is name, value, name, value.
func call(ctx context.Context, method, url, token string, body any, header ...string) (reply, error) {
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return reply{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := wireClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return reply{status: res.StatusCode, kind: kind, body: raw}, err
}

// must makes a request that must be answered with the status.
func must(t testing.TB, status int, method, url, token string, body any, header ...string) reply {
	t.Helper()
	r, err := call(t.Context(), method, url, token, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	if r.status != status {
		t.Fatalf("%s %s: %s, want %d", method, url, r, status)
	}
	return r
}

// guest is a customer with one conversation.
type guest struct {
	id, token string
}

// newGuest starts a conversation.
func newGuest(t testing.TB, p *proc) guest {
	t.Helper()
	var v struct{ ID, Token string }
	must(t, http.StatusCreated, http.MethodPost, p.url+"/v1/conversations", "", map[string]string{"market": "gb", "locale": "en"}).decode(t, &v)
	return guest{v.ID, v.Token}
}

// at is the address of something of the conversation's on a replica.
func (g guest) at(p *proc, rest string) string { return p.url + "/v1/conversations/" + g.id + rest }

// receipt is the answer to a message.
type receipt struct {
	Message wireMessage
	Turn    *struct{ ID string }
}

// say posts a message, which must be accepted.
func (g guest) say(t testing.TB, p *proc, clientID, text string) receipt {
	t.Helper()
	var v receipt
	must(t, http.StatusAccepted, http.MethodPost, g.at(p, "/messages"), g.token, map[string]string{"client_id": clientID, "text": text}).decode(t, &v)
	return v
}

// wireMessage is a message as the wire gives it.
type wireMessage struct {
	ID         string
	Seq        int64
	Author     string
	Text       string
	Citations  []struct{ Article, Quote string }
	ClientID   string `json:"client_id"`
	Turn       string
	Visibility string
}

// wireEvent is one entry of a conversation's log as a client receives it.
type wireEvent struct {
	seq  int64
	kind string
	data string
}

func (e wireEvent) String() string { return fmt.Sprintf("%d %s %s", e.seq, e.kind, e.data) }

// is reports whether the entry is of the kind and its data hold every text.
func (e wireEvent) is(kind string, holds ...string) bool {
	if e.kind != kind {
		return false
	}
	compact := strings.ReplaceAll(e.data, `": "`, `":"`) // jsonb prints spaces
	for _, h := range holds {
		if !strings.Contains(compact, h) {
			return false
		}
	}
	return true
}

// by reports whether the entry is a message of the author.
func by(author string) func(wireEvent) bool {
	return func(e wireEvent) bool { return e.is("message", `"author":"`+author+`"`) }
}

// endOf reports whether the entry ends the turn.
func endOf(turn string) func(wireEvent) bool {
	return func(e wireEvent) bool { return e.is("turn", `"id":"`+turn+`"`) }
}

// sseFrame is one frame of a stream: an entry, or a comment.
type sseFrame struct {
	wireEvent
	comment string
}

// readFrame reads up to the next blank line.
func readFrame(r *bufio.Reader) (sseFrame, error) {
	var f sseFrame
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return f, err
		}
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			return f, nil
		case name == "":
			f.comment += value
		case name == "id":
			if f.seq, err = strconv.ParseInt(value, 10, 64); err != nil {
				return f, err
			}
		case name == "event":
			f.kind = value
		case name == "data":
			f.data += value
		}
	}
}

// stream opens a stream of server-sent events, for the caller to close.
func stream(ctx context.Context, method, url, token string, after int64, body any) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		raw, _ := json.Marshal(body)
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "text/event-stream")
	if after >= 0 {
		req.Header.Set("Last-Event-ID", fmt.Sprint(after))
	}
	// A stream lasts longer than a request may.
	res, err := (&http.Client{Transport: wireClient.Transport}).Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(res.Body)
		res.Body.Close()
		return nil, fmt.Errorf("stream: %d %s", res.StatusCode, raw)
	}
	return res, nil
}

// tail follows a conversation as the chat page does: when its stream ends it goes on at another replica with
// Last-Event-ID. It keeps everything that it received, twice if it came twice.
type tail struct {
	t      testing.TB
	g      guest
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	procs    []*proc
	got      []wireEvent
	comments []string
	errors   []string // "error" events of the server
	ends     int      // streams that ended
	changed  chan struct{}
}

// follow begins to follow the conversation from the number on, at the first of the replicas.
func (g guest) follow(t testing.TB, after int64, procs ...*proc) *tail {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &tail{t: t, g: g, procs: procs, cancel: cancel, done: make(chan struct{}), changed: make(chan struct{})}
	go f.run(ctx, after)
	t.Cleanup(f.close)
	return f
}

// use replaces the replicas that are tried when the present stream ends.
func (f *tail) use(procs ...*proc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.procs = procs
}

func (f *tail) close() {
	f.cancel()
	<-f.done
}

func (f *tail) run(ctx context.Context, after int64) {
	defer close(f.done)
	for n := 0; ctx.Err() == nil; n++ {
		f.mu.Lock()
		p := f.procs[n%len(f.procs)]
		f.mu.Unlock()
		if res, err := stream(ctx, http.MethodGet, f.g.at(p, "/events"), f.g.token, after, nil); err == nil {
			after = f.read(res.Body, after)
			res.Body.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// read takes in one stream to its end and returns the last number seen.
func (f *tail) read(body io.Reader, after int64) int64 {
	r := bufio.NewReader(body)
	for {
		frame, err := readFrame(r)
		f.mu.Lock()
		switch {
		case err != nil:
			f.ends++
		case frame.kind == "error":
			f.errors = append(f.errors, frame.data)
		case frame.seq > 0:
			f.got = append(f.got, frame.wireEvent)
			after = frame.seq
		case frame.comment != "":
			f.comments = append(f.comments, frame.comment)
		}
		close(f.changed)
		f.changed = make(chan struct{})
		f.mu.Unlock()
		if err != nil {
			return after
		}
	}
}

// events is what was received so far.
func (f *tail) events() []wireEvent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

// until waits for an entry and returns it.
func (f *tail) until(what string, match func(wireEvent) bool) wireEvent {
	f.t.Helper()
	deadline := time.After(patience)
	for {
		f.mu.Lock()
		got, changed := f.got, f.changed
		f.mu.Unlock()
		if i := slices.IndexFunc(got, match); i >= 0 {
			return got[i]
		}
		select {
		case <-changed:
		case <-deadline:
			f.t.Fatalf("%s did not come; the log so far:\n%s", what, printed(f.events()))
		}
	}
}

// settled waits until the tail has everything that the replica says there is, and returns it. It fails unless every
// number from first on came exactly once and in order.
func (f *tail) settled(p *proc, first int64) []wireEvent {
	f.t.Helper()
	var v struct {
		Last int64 `json:"last_seq"`
	}
	must(f.t, http.StatusOK, http.MethodGet, f.g.at(p, ""), f.g.token, nil).decode(f.t, &v)
	f.until(fmt.Sprintf("entry %d", v.Last), func(e wireEvent) bool { return e.seq >= v.Last })
	got := f.events()
	exactlyOnce(f.t, got, first)
	return got
}

// exactlyOnce fails unless the entries are numbered first, first+1, first+2 and so on.
func exactlyOnce(t testing.TB, got []wireEvent, first int64) {
	t.Helper()
	for i, e := range got {
		if e.seq != first+int64(i) {
			t.Fatalf("entry %d came where %d was due:\n%s", e.seq, first+int64(i), printed(got))
		}
	}
}

// sameLog reports whether two logs hold the same entries. How their JSON is spaced may differ: it comes from memory or
// from the database.
func sameLog(t testing.TB, a, b []wireEvent) bool {
	t.Helper()
	return slices.EqualFunc(a, b, func(x, y wireEvent) bool {
		var v, w any
		if json.Unmarshal([]byte(x.data), &v) != nil || json.Unmarshal([]byte(y.data), &w) != nil {
			t.Fatalf("not JSON: %s or %s", x, y)
		}
		return x.seq == y.seq && x.kind == y.kind && reflect.DeepEqual(v, w)
	})
}

// printed is the log for a person to read.
func printed(es []wireEvent) string {
	var sb strings.Builder
	for _, e := range es {
		line := e.String()
		if len(line) > 400 {
			line = strings.ToValidUTF8(line[:400], "") + " ..."
		}
		sb.WriteString(line + "\n")
	}
	return sb.String()
}

// matching are the entries that match.
func matching(es []wireEvent, match func(wireEvent) bool) []wireEvent {
	var out []wireEvent
	for _, e := range es {
		if match(e) {
			out = append(out, e)
		}
	}
	return out
}

// message decodes an entry that is a message.
func (e wireEvent) message(t testing.TB) wireMessage {
	t.Helper()
	var m wireMessage
	if err := json.Unmarshal([]byte(e.data), &m); err != nil {
		t.Fatalf("entry %s: %v", e, err)
	}
	return m
}

// turnEnd is the data of a turn's end.
type turnEnd struct {
	ID        string
	Outcome   string
	Reason    string
	Citations []struct{ Article string }
}

func (e wireEvent) turn(t testing.TB) turnEnd {
	t.Helper()
	var v turnEnd
	if err := json.Unmarshal([]byte(e.data), &v); err != nil {
		t.Fatalf("entry %s: %v", e, err)
	}
	return v
}

// ends maps each turn that the log ends to how often it does.
func ends(t testing.TB, es []wireEvent) map[string]int {
	n := map[string]int{}
	for _, e := range es {
		if e.kind == "turn" {
			n[e.turn(t).ID]++
		}
	}
	return n
}

// once fails unless every turn of the log ended exactly once.
func once(t testing.TB, es []wireEvent) {
	t.Helper()
	for id, n := range ends(t, es) {
		if n != 1 {
			t.Errorf("turn %s ended %d times:\n%s", id, n, printed(es))
		}
	}
}

// ask posts a message as a stream and returns the turn's entries, to its end.
func (g guest) ask(t testing.TB, p *proc, clientID, text string) []wireEvent {
	t.Helper()
	es, err := g.tryAsk(t.Context(), p, clientID, text)
	if err != nil {
		t.Fatalf("ask %q: %v after\n%s", text, err, printed(es))
	}
	return es
}

func (g guest) tryAsk(ctx context.Context, p *proc, clientID, text string) ([]wireEvent, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := stream(ctx, http.MethodPost, g.at(p, "/messages"), g.token, -1, map[string]string{"client_id": clientID, "text": text})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var es []wireEvent
	for r := bufio.NewReader(res.Body); ; {
		f, err := readFrame(r)
		if err == io.EOF {
			return es, nil
		}
		if err != nil {
			return es, err
		}
		if f.kind != "" {
			es = append(es, f.wireEvent)
		}
	}
}

// answer is what a turn said: the text of the assistant's one message and how the turn ended.
func answer(t testing.TB, es []wireEvent) (string, turnEnd) {
	t.Helper()
	ends := matching(es, func(e wireEvent) bool { return e.kind == "turn" }) // the last one is the stream's own
	if len(ends) == 0 {
		t.Fatalf("no turn ended:\n%s", printed(es))
	}
	said := matching(es, by("assistant"))
	if len(said) > 1 {
		t.Fatalf("answered %d times:\n%s", len(said), printed(es))
	}
	text := ""
	if len(said) == 1 {
		text = said[0].message(t).Text
	}
	return text, ends[len(ends)-1].turn(t)
}

// abandon sends a whole request and breaks the connection after the pause, without reading the answer.
func abandon(t testing.TB, p *proc, path, token string, body any, pause time.Duration) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(p.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", path, host, token, len(raw), raw)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(pause)
	_ = conn.(*net.TCPConn).SetLinger(0) // a reset, not a polite end
}

// environment turns settings into the form of exec.Cmd.
func environment(settings map[string]string) []string {
	var env []string
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		env = append(env, k+"="+settings[k])
	}
	return env
}
