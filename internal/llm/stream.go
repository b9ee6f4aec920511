package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

const (
	tailTimeout  = 2 * time.Second        // for the usage and [DONE] that follow a finish_reason
	drainTimeout = 250 * time.Millisecond // for the end of a body that has said [DONE]
)

// Stream is an answer under way. Recv and the accessors belong to one goroutine; to end a stream from another one,
// cancel the context that it was started with. Close must be called, and may be called again.
type Stream struct {
	c       *Client
	req     Request
	model   string
	attempt *attempt
	caller  context.Context
	ctx     context.Context
	cancel  context.CancelCauseFunc
	stop    context.CancelFunc // releases the timer of the call's timeout
	api     *openai.ChatCompletionStream
	idle    *time.Timer
	start   time.Time

	first      string // the first token, until Recv has handed it over
	firstAfter time.Duration
	tokens     int // estimate of the text received
	usage      *openai.Usage
	finish     string
	refused    bool
	ended      bool // the transport has nothing more
	over       error
	closed     bool
}

// Stream asks the chat model and returns when the first token is there. Retries, waits and the fallback model come
// before it. The errors are ErrUnavailable, ErrRejected, ErrFiltered and context.Canceled.
func (c *Client) Stream(ctx context.Context, r Request) (*Stream, error) {
	if !c.HasChat() {
		return nil, fmt.Errorf("llm stream: %w: no chat model is configured", ErrUnavailable)
	}
	timed, stop := context.WithTimeout(ctx, c.cfg.Timeout)
	var s *Stream
	err := c.call(timed, OpStream, c.chatModels(), func(t try) error {
		var err error
		s, err = c.open(timed, r, t)
		return err
	})
	if err != nil {
		stop()
		return nil, err
	}
	s.stop, s.caller = stop, timed
	return s, nil
}

// open makes one attempt, up to the first token.
func (c *Client) open(caller context.Context, r Request, t try) (*Stream, error) {
	ctx, cancel := context.WithCancelCause(caller)
	ctx, a := withAttempt(ctx)
	limit := c.patience(caller, c.cfg.FirstTokenTimeout, t.more)
	timer := time.AfterFunc(limit, func() { cancel(errFirstToken) })
	fail := func(err error) (*Stream, error) {
		timer.Stop()
		f := c.classify(caller, ctx, a, err)
		cancel(nil)
		return nil, f
	}

	api, err := c.api.CreateChatCompletionStream(ctx, c.chatRequest(t.model, r, true))
	if err != nil {
		return fail(err)
	}
	if a.events == nil {
		_ = api.Close()
		return fail(errNoStream)
	}
	s := &Stream{c: c, req: r, model: t.model, attempt: a, caller: caller, ctx: ctx, cancel: cancel, api: api, start: t.start}
	for s.first == "" {
		text, alive, err := s.next()
		if err != nil {
			if s.finish == "length" {
				break // it thought until its budget was spent: an empty answer, which Recv reports as such
			}
			f := s.early(err)
			_, _ = fail(err)
			_ = api.Close()
			return nil, f
		}
		if alive {
			timer.Reset(limit) // a reasoning model at work is not silent
		}
		s.first = text
	}
	if stopped := timer.Stop(); !stopped || ctx.Err() != nil {
		// Time ran out as the token came in: the context is gone, and the rest of the stream with it.
		_, err := fail(errFirstToken)
		_ = api.Close()
		return nil, err
	}
	s.firstAfter = c.opts.Now().Sub(t.start)
	s.idle = time.AfterFunc(c.opts.IdleTimeout, func() { cancel(errIdle) })
	s.idle.Stop()
	return s, nil
}

// early classifies the end of a stream that brought no token.
func (s *Stream) early(err error) *failure {
	switch {
	case s.refused || s.finish == "content_filter":
		return &failure{fault: FaultFiltered, do: giveUp, err: errors.New("withheld by the provider")}
	case s.ctx.Err() == nil && s.attempt.sent == nil && errors.Is(err, io.EOF):
		return &failure{fault: FaultEmpty, do: retry, counts: true, err: errors.New("the stream ended before its first token")}
	case s.ctx.Err() == nil && s.attempt.sent == nil && !isMalformed(err):
		return &failure{fault: FaultConnect, do: retry, counts: true, err: errors.New("the connection broke before the first token")}
	}
	return s.c.classify(s.caller, s.ctx, s.attempt, err)
}

func isMalformed(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind) || errors.Is(err, errLine)
}

// next reads one chunk. alive is true for a chunk of thought that the customer never sees.
func (s *Stream) next() (text string, alive bool, err error) {
	raw, err := s.attempt.events.data()
	if err != nil {
		return "", false, err
	}
	p, err := decode(raw)
	if err != nil {
		return "", false, err
	}
	if p.usage != nil {
		s.usage = p.usage
	}
	if p.finish != "" {
		s.finish = p.finish
	}
	s.refused = s.refused || p.refused
	return p.text, p.alive, nil
}

// Recv returns the next piece of text, as the provider cut it: seldom a whole word, never an empty string. It returns
// io.EOF after a finish_reason and not before, ErrFiltered when that reason was a content filter, ErrCut when the
// stream broke, stalled or ran into a deadline, and context.Canceled when the caller's context was cancelled. After an
// error it returns the same error.
func (s *Stream) Recv() (string, error) {
	if s.first != "" {
		text := s.first
		s.first = ""
		s.tokens += estimateTokens(text)
		return text, nil
	}
	for s.over == nil {
		text, err := s.recv()
		if err != nil {
			s.end(err)
			break
		}
		if text != "" {
			s.tokens += max(estimateTokens(text), 1)
			return text, nil
		}
	}
	return "", s.over
}

func (s *Stream) recv() (string, error) {
	if s.closed {
		return "", errors.New("closed")
	}
	limit := s.c.opts.IdleTimeout
	if s.finish != "" {
		limit = min(limit, tailTimeout)
	}
	s.idle.Reset(limit)
	defer s.idle.Stop()
	for {
		text, alive, err := s.next()
		if err != nil || text != "" || s.refused {
			return text, err
		}
		if s.finish != "" {
			return "", nil // come back with the shorter patience
		}
		if alive {
			s.idle.Reset(limit)
		}
	}
}

// end settles how the stream ended.
func (s *Stream) end(err error) {
	s.ended = errors.Is(err, io.EOF)
	fault := FaultCut
	switch {
	case s.refused || s.finish == "content_filter":
		s.over, fault = fmt.Errorf("llm stream: %w", ErrFiltered), FaultFiltered
	case s.finish != "":
		s.over = io.EOF // whatever happened after the answer was complete does not matter
		s.c.opts.Observe(Event{Kind: EventDone, Op: OpStream, Model: s.model, FirstToken: s.firstAfter, Elapsed: s.c.opts.Now().Sub(s.start), Usage: s.Usage()})
		return
	case errors.Is(s.caller.Err(), context.Canceled):
		s.over, fault = fmt.Errorf("llm stream: %w", context.Canceled), FaultCancelled
	case errors.Is(context.Cause(s.ctx), errIdle):
		s.over, fault = fmt.Errorf("llm stream: %w: %w", ErrCut, errIdle), FaultStalled
	case s.ctx.Err() != nil:
		s.over = fmt.Errorf("llm stream: %w: %w", ErrCut, s.ctx.Err())
	case s.attempt.sent != nil && s.attempt.sent.code() == "content_filter":
		s.over, fault = fmt.Errorf("llm stream: %w", ErrFiltered), FaultFiltered
	case s.attempt.sent != nil:
		s.over = fmt.Errorf("llm stream: %w: %w", ErrCut, describe(s.attempt.status, s.attempt.sent.code(), s.attempt.sent.Type))
	case isMalformed(err):
		s.over = fmt.Errorf("llm stream: %w: unreadable chunk", ErrCut)
	case s.ended:
		s.over = fmt.Errorf("llm stream: %w: no finish_reason", ErrCut)
	default:
		s.over = fmt.Errorf("llm stream: %w: %w", ErrCut, err)
	}
	s.c.opts.Observe(Event{Kind: EventFault, Op: OpStream, Model: s.model, Fault: fault, Elapsed: s.c.opts.Now().Sub(s.start)})
}

// Usage is final after io.EOF; before, and when the provider counts nothing, it is an estimate of the part received.
func (s *Stream) Usage() Usage { return s.c.usage(s.usage, s.req, func() int { return s.tokens }) }

// Model names the model that is answering: the configured name, not the provider's alias for it.
func (s *Stream) Model() string { return s.model }

// Finish is the finish_reason, such as "stop" or "length"; empty until it has come.
func (s *Stream) Finish() string { return s.finish }

// Close ends the stream. The connection of a stream read to its end goes back to the pool.
func (s *Stream) Close() {
	if s.closed {
		return
	}
	s.closed = true
	s.idle.Stop()
	if !s.ended {
		s.cancel(nil) // do not wait for the rest
	}
	limit := time.AfterFunc(drainTimeout, func() { s.cancel(nil) })
	_ = s.api.Close()
	limit.Stop()
	s.cancel(nil)
	s.stop()
}
