// Package llm speaks to language models over any OpenAI-compatible API: streamed and whole chat completions, and
// embeddings. It is the only package that knows the client library; everyone else sees text pieces, vectors and a
// handful of errors. Retries, Retry-After, the circuit breaker and the fallback model all happen before the first
// token: once a reader has seen text, that text is never taken back and never repeated.
//
// The package never builds a prompt, never decides what to do with an answer, and never logs or observes text.
package llm

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

// Defaults for Config and Options fields that are zero.
const (
	defaultTimeout           = 60 * time.Second
	defaultFirstTokenTimeout = 10 * time.Second
	defaultIdleTimeout       = 20 * time.Second
	defaultMaxRetries        = 2
	defaultBaseURL           = "https://api.openai.com/v1"
)

// Config says which provider and models to use.
type Config struct {
	BaseURL       string // up to and including "/v1"; api.openai.com when empty and a key is set
	APIKey        string // may be empty: local servers need none
	ChatModel     string // no chat when empty
	FallbackModel string // tried when ChatModel is exhausted or its breaker is open; may be empty

	EmbeddingModel      string // no embeddings when empty
	EmbeddingDimensions int    // every vector must have this length; 0 accepts any, as long as all agree

	Timeout           time.Duration // one call, all attempts together, to the last token; 60 s when zero
	FirstTokenTimeout time.Duration // one streaming attempt, to the first token; 10 s when zero
	MaxRetries        int           // further attempts per model; 2 when zero, none when negative

	PromptPrice, CompletionPrice float64 // per million tokens, in the currency of the caller's choice
}

// Options are the client's surroundings. Every field is optional.
type Options struct {
	Logger     *slog.Logger // faults at debug level, never text; discarded when nil
	HTTPClient *http.Client // its Transport is wrapped; its Timeout must be zero, since it would cut long streams
	Now        func() time.Time
	Sleep      func(context.Context, time.Duration) error // waits between attempts; must honour the context
	Rand       func() float64                             // in [0, 1), for jitter
	Observe    func(Event)                                // called synchronously: must be quick and must not call the client

	IdleTimeout time.Duration // longest silence between two tokens; 20 s when zero
}

// The errors that callers tell apart with errors.Is. All of them wrap their cause.
var (
	// ErrUnavailable: every attempt with every model failed, or the breakers are open, or the provider is not configured.
	ErrUnavailable = errors.New("language model unavailable")
	// ErrCut: the stream ended, stalled or broke after its first token and before a finish_reason.
	ErrCut = errors.New("language model stream cut short")
	// ErrFiltered: the provider withheld the answer, or the model refused to give one.
	ErrFiltered = errors.New("language model answer filtered")
	// ErrRejected: the request itself is at fault (key, model name, size, shape of the vectors); no retry will mend it.
	ErrRejected = errors.New("language model rejected the request")
)

// Message is one line of the conversation given to the model.
type Message struct {
	Role    string // "user", "assistant" or "system"
	Content string
}

// Request is one question to a chat model. Its deadline is the context's.
type Request struct {
	System      string // put before Messages when not empty
	Messages    []Message
	MaxTokens   int     // longest answer; the provider's default when zero
	Temperature float32 // 0 is sent as 0; models that fix their temperature get none
	JSON        bool    // ask for a JSON object
}

// Client is safe for concurrent use.
type Client struct {
	cfg      Config
	opts     Options
	api      *openai.Client
	http     *http.Client
	breakers map[string]*breaker
}

// New returns a client. It makes no connection, and it never fails: what is not configured is reported by HasChat and
// HasEmbeddings, and by ErrUnavailable when used all the same.
func New(cfg Config, opts Options) *Client {
	if cfg.BaseURL == "" && cfg.APIKey != "" {
		cfg.BaseURL = defaultBaseURL
	}
	cfg.Timeout = orDefault(cfg.Timeout, defaultTimeout)
	cfg.FirstTokenTimeout = orDefault(cfg.FirstTokenTimeout, defaultFirstTokenTimeout)
	if cfg.MaxRetries == 0 {
		cfg.MaxRetries = defaultMaxRetries
	}
	cfg.MaxRetries = max(cfg.MaxRetries, 0)

	opts.IdleTimeout = orDefault(opts.IdleTimeout, defaultIdleTimeout)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	if opts.Rand == nil {
		opts.Rand = rand.Float64
	}
	if opts.Observe == nil {
		opts.Observe = func(Event) {}
	}

	hc := &http.Client{}
	if opts.HTTPClient != nil {
		*hc = *opts.HTTPClient
	}
	base := hc.Transport
	if base == nil {
		base = newTransport()
	}
	hc.Transport = &wire{base: base}
	// A redirect would send the conversation to a host that nobody configured: wire reports it as a fault instead.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	oc := openai.DefaultConfig(cfg.APIKey)
	oc.BaseURL = cfg.BaseURL
	oc.HTTPClient = hc
	// wire drops every line that is not data, so the reader's count of empty messages never grows; the limit is
	// there for a transport that was replaced in a test.
	oc.EmptyMessagesLimit = 1 << 20

	c := &Client{cfg: cfg, opts: opts, api: openai.NewClientWithConfig(oc), http: hc, breakers: map[string]*breaker{}}
	for _, m := range []string{cfg.ChatModel, cfg.FallbackModel, cfg.EmbeddingModel} {
		if m != "" && c.breakers[m] == nil {
			c.breakers[m] = c.newBreaker(m)
		}
	}
	return c
}

// HasChat reports whether Stream and Complete have a model to ask.
func (c *Client) HasChat() bool { return c.cfg.BaseURL != "" && c.cfg.ChatModel != "" }

// HasEmbeddings reports whether Embed has a model to ask.
func (c *Client) HasEmbeddings() bool { return c.cfg.BaseURL != "" && c.cfg.EmbeddingModel != "" }

// Close gives up idle connections. Calls under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// chatModels lists the models to try, in order.
func (c *Client) chatModels() []string {
	if c.cfg.FallbackModel == "" || c.cfg.FallbackModel == c.cfg.ChatModel {
		return []string{c.cfg.ChatModel}
	}
	return []string{c.cfg.ChatModel, c.cfg.FallbackModel}
}

func (c *Client) chatRequest(model string, r Request, stream bool) openai.ChatCompletionRequest {
	out := openai.ChatCompletionRequest{Model: model, Messages: make([]openai.ChatCompletionMessage, 0, len(r.Messages)+1)}
	if r.System != "" {
		out.Messages = append(out.Messages, openai.ChatCompletionMessage{Role: "system", Content: r.System})
	}
	for _, m := range r.Messages {
		out.Messages = append(out.Messages, openai.ChatCompletionMessage{Role: m.Role, Content: m.Content})
	}
	if fixedSampling(model) {
		out.MaxCompletionTokens = r.MaxTokens
	} else {
		//lint:ignore SA1019 max_tokens is the only name that every other server knows
		out.MaxTokens = r.MaxTokens
		out.Temperature = r.Temperature
		if r.Temperature == 0 {
			out.Temperature = zeroTemperature
		}
	}
	if r.JSON {
		out.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONObject}
	}
	if stream {
		out.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	}
	return out
}

// fixedSampling names the families whose API refuses temperature and max_tokens (it wants max_completion_tokens);
// the client library checks the same prefixes.
func fixedSampling(model string) bool {
	for _, p := range []string{"o1", "o3", "o4", "gpt-5", "gpt-6"} {
		if strings.HasPrefix(model, p) {
			return true
		}
	}
	return false
}

// newTransport keeps many idle connections to one host, which the standard transport (2 per host) does not.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          512,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // compressed event streams arrive in lumps
	}
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// drain reads what little is left of a body, so that its connection can be used again.
func drain(r io.Reader) { _, _ = io.CopyN(io.Discard, r, 32<<10) }
