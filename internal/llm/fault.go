package llm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

// Causes with which we cancel an attempt of our own accord.
var (
	errFirstToken = errors.New("no first token in time")
	errAttempt    = errors.New("no answer in time")
	errIdle       = errors.New("silence between tokens")
)

// action is what the calling loop does about a failure.
type action int

const (
	retry    action = iota // the same model again
	nextOnly               // not this model again, but the next one may do
	giveUp                 // no attempt will mend it
)

// failure is a classified error of one attempt.
type failure struct {
	fault      Fault
	do         action
	rejected   bool // the request's fault, not the provider's
	counts     bool // for the breaker
	retryAfter time.Duration
	err        error
}

func (f *failure) Error() string { return string(f.fault) + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// sentinel is the exported error that a failure ends as when nothing mends it.
func (f *failure) sentinel() error {
	switch {
	case f.fault == FaultFiltered:
		return ErrFiltered
	case f.rejected:
		return ErrRejected
	}
	return ErrUnavailable
}

// classify turns an error of the client library into a failure. ctx is the attempt's context, whose cause tells our own
// timeouts from the caller's; caller is the caller's.
func (c *Client) classify(caller, ctx context.Context, a *attempt, err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(caller.Err(), context.Canceled):
		return &failure{fault: FaultCancelled, do: giveUp, err: context.Canceled}
	case errors.Is(cause, errFirstToken), errors.Is(cause, errAttempt):
		return &failure{fault: FaultSlow, do: nextOnly, err: cause}
	case ctx.Err() != nil:
		// The caller's deadline.
		return &failure{fault: FaultSlow, do: giveUp, err: ctx.Err()}
	}

	status, message, code, kind := a.status, "", "", ""
	var api *openai.APIError
	var req *openai.RequestError
	switch {
	case a.sent != nil:
		message, code, kind = a.sent.Message, a.sent.code(), a.sent.Type
		status = statusOf(code, kind)
	case errors.As(err, &api):
		message, code, kind = api.Message, fmt.Sprint(api.Code), api.Type
	case errors.As(err, &req):
		// Not the API's own shape: a proxy, or a server that puts its words elsewhere. req.Body may repeat the
		// customer's text, so it goes no further than the look for the usual phrases.
		message = string(req.Body)
	case errors.Is(err, errRedirect), errors.Is(err, errHTML), errors.Is(err, errNoStream), errors.Is(err, errLine):
		return &failure{fault: FaultMalformed, do: retry, counts: true, err: err}
	case status == 0, !isMalformed(err):
		return &failure{fault: FaultConnect, do: retry, counts: true, err: err}
	default:
		return &failure{fault: FaultMalformed, do: retry, counts: true, err: errors.New("unreadable response")}
	}

	lower := strings.ToLower(message)
	f = &failure{err: describe(status, code, kind), do: retry, counts: true, retryAfter: c.retryAfter(a.retryAfter)}
	switch {
	case code == "context_length_exceeded" || status == http.StatusRequestEntityTooLarge ||
		status == http.StatusBadRequest && (strings.Contains(lower, "context length") || strings.Contains(lower, "context window") || strings.Contains(lower, "context size") || strings.Contains(lower, "too many tokens")):
		f.fault, f.do, f.rejected, f.counts = FaultTooLong, nextOnly, true, false
	case code == "content_filter" || code == "content_policy_violation":
		f.fault, f.do, f.counts = FaultFiltered, giveUp, false
	case code == "insufficient_quota" || kind == "insufficient_quota" || status == http.StatusPaymentRequired:
		f.fault, f.do = FaultQuota, nextOnly
	case status == http.StatusTooManyRequests:
		f.fault = FaultRateLimited
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		f.fault, f.do, f.rejected, f.counts = FaultAuth, giveUp, true, false
	case status == http.StatusNotFound:
		f.fault, f.do, f.rejected, f.counts = FaultModel, nextOnly, true, false
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly, status >= 500:
		f.fault = FaultServer
	default:
		f.fault, f.do, f.rejected, f.counts = FaultRequest, giveUp, true, false
	}
	return f
}

// statusOf guesses the HTTP status that an error inside a 200 stands for.
func statusOf(code, kind string) int {
	if n, err := strconv.Atoi(code); err == nil && n >= 400 && n < 600 {
		return n
	}
	switch s := code + " " + kind; {
	case strings.Contains(s, "rate_limit"):
		return http.StatusTooManyRequests
	case strings.Contains(s, "invalid_request"):
		return http.StatusBadRequest
	case strings.Contains(s, "authentication"), strings.Contains(s, "invalid_api_key"), strings.Contains(s, "permission"):
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError
}

// describe makes an error for the log from the parts of a response that cannot repeat a prompt.
func describe(status int, code, kind string) error {
	s := "status " + strconv.Itoa(status)
	if code != "" && code != "<nil>" {
		s += ", code " + printable(code)
	}
	if kind != "" {
		s += ", type " + printable(kind)
	}
	return errors.New(s)
}

// printable keeps an identifier and refuses prose.
func printable(s string) string {
	if len(s) > 60 || strings.ContainsAny(s, " \n\t") {
		return "(unprintable)"
	}
	return s
}

// retryAfter reads the header in either of its forms, seconds or an HTTP date (RFC 9110, 10.2.3). 0 when absent,
// unreadable or past.
func (c *Client) retryAfter(header string) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(header, 64); err == nil {
		if s <= 0 || s > 1e6 {
			return time.Duration(min(max(s, 0), 1e6)) * time.Second
		}
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(c.opts.Now()), 0)
	}
	return 0
}
