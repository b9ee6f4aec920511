package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

const (
	heartbeat     = 15 * time.Second // below the idle limits of common proxies
	writeDeadline = 20 * time.Second // a reader that takes longer for one write is cut and resumes
	resumeAfter   = 1000             // milliseconds, sent as retry
)

// sse writes server-sent events. gin's own has no ids. Entries that are there together are written together.
type sse struct {
	w   gin.ResponseWriter
	ctl *http.ResponseController
	buf bytes.Buffer
}

func newSSE(c *gin.Context) *sse {
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c.Writer.WriteHeader(http.StatusOK)
	return &sse{w: c.Writer, ctl: http.NewResponseController(c.Writer)}
}

func (s *sse) event(id int64, kind string, data []byte) {
	if id > 0 {
		s.buf.WriteString("id: ")
		s.buf.Write(strconv.AppendInt(s.buf.AvailableBuffer(), id, 10))
		s.buf.WriteByte('\n')
	}
	s.buf.WriteString("event: ")
	s.buf.WriteString(kind)
	s.buf.WriteString("\ndata: ")
	s.buf.Write(data) // JSON has no raw line breaks
	s.buf.WriteString("\n\n")
}

func (s *sse) comment(text string) { s.buf.WriteString(": " + text + "\n\n") }

func (s *sse) retry() { s.buf.WriteString("retry: " + strconv.Itoa(resumeAfter) + "\n\n") }

// flush sends what was written, within the deadline.
func (s *sse) flush() error {
	if err := s.ctl.SetWriteDeadline(time.Now().Add(writeDeadline)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := s.w.Write(s.buf.Bytes())
	s.buf.Reset()
	if s.buf.Cap() > 16<<10 {
		s.buf = bytes.Buffer{}
	}
	if err != nil {
		return err
	}
	return s.ctl.Flush()
}

// follow streams a conversation's log behind a number until the client leaves, the server closes, or until says so. The
// reader pulls at its own pace: nothing is buffered for it, so nothing can be dropped.
//
// allowed is asked at every heartbeat, and before what stands behind an entry that moved the conversation, whether the
// reader may go on; internal entries are for readers who have one.
func (s *Server) follow(c *gin.Context, w *chat.Watch, out *sse, after int64, allowed func() error, until func(chat.Event) bool) error {
	ctx := c.Request.Context()
	w.Stop = s.closing
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	asked, moved := time.Now(), false
	for {
		events, err := w.Next(ctx, after, heartbeat)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, chat.ErrGone) { // the client learns why when it comes back
				return nil
			}
			if errors.Is(err, chat.ErrStopped) {
				out.comment("closing; resume with Last-Event-ID")
				return out.flush()
			}
			// The log cannot be read just now: the client resumes from where it is.
			out.event(0, "error", mustJSON(problemOf(err)))
			_ = out.flush()
			return err
		}
		if len(events) == 0 || allowed != nil && (moved || time.Since(asked) > heartbeat) {
			asked, moved = time.Now(), false
			if allowed != nil && allowed() != nil {
				return nil // the client learns why when it comes back
			}
			out.comment("")
		}
		done := false
		for _, e := range events {
			if revokes(e, generation(c)) {
				done = true // the client learns why when it comes back
				break
			}
			if moved && allowed != nil { // written at once with what moved it
				if allowed() != nil {
					done = true
					break
				}
				moved = false
			}
			after, moved = e.Seq, moves(e)
			if !e.Internal || allowed != nil {
				out.event(e.Seq, e.Kind, e.Data)
			}
			done = done || until != nil && until(e) // what was committed with the turn's end is still told
		}
		if out.buf.Len() > 0 {
			if err := out.flush(); err != nil {
				return nil //nolint:nilerr // the reader is gone or too slow; it resumes
			}
		}
		if done {
			return nil
		}
	}
}

// lastEventID reads where to resume: the header of a reconnecting client, or ?after=.
func lastEventID(c *gin.Context) int64 {
	for _, v := range []string{c.GetHeader("Last-Event-ID"), c.Query("after")} {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && n >= 0 {
			return n
		}
	}
	return 0
}

func (s *Server) streamEvents(c *gin.Context, id uuid.UUID, allowed func() error) error {
	w := s.Record.Watch(id)
	defer w.Close()
	conv, err := s.Record.Find(c.Request.Context(), id)
	if err != nil {
		return err
	}
	if g := generation(c); g != nil && *g != conv.TokenGen {
		return errBadToken()
	}
	w.Stale()
	out := newSSE(c)
	out.retry()
	if err := out.flush(); err != nil {
		return nil //nolint:nilerr // the reader is gone
	}
	// A number from the future would be silence for ever.
	return s.follow(c, w, out, min(lastEventID(c), conv.LastSeq), allowed, nil)
}

// revokes reports whether the entry ends streams that were opened with a token of the generation; nil is an agent's.
func revokes(e chat.Event, opened *int) bool {
	if e.Kind != chat.KindToken || opened == nil {
		return false
	}
	var t chat.TokenEvent
	return json.Unmarshal(e.Data, &t) != nil || t.Generation > *opened
}
