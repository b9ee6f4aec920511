package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/fault"
)

// problem is an RFC 9457 problem document, with a stable code and, for invalid input, the field at fault.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
}

// statuses maps kinds of fault to HTTP.
var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusUnprocessableEntity, fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.RateLimited: http.StatusTooManyRequests,
	fault.Unavailable: http.StatusServiceUnavailable, fault.Internal: http.StatusInternalServerError,
}

var (
	errNoRoute  = fault.New(fault.NotFound, "no_such_path", "There is nothing at this path.")
	errNoMethod = fault.New(fault.NotFound, "no_such_method", "This path does not take this method.")
)

// problemOf turns an error into what may be shown of it.
func problemOf(err error) problem {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = &fault.Error{Kind: fault.Internal, Public: "Something went wrong on our side. Please try again."}
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (pg.Code == "22021" || pg.Code == "22P05") { // character_not_in_repertoire, untranslatable_character: such as NUL
			f = &fault.Error{Kind: fault.Invalid, Code: "not_text", Public: "The request has a NUL or other bytes that are no text."}
		}
		if errors.Is(err, context.DeadlineExceeded) {
			f = &fault.Error{Kind: fault.Unavailable, Code: "timeout", Public: "This took too long. Please try again."}
		}
	}
	p := problem{Type: "about:blank", Status: statuses[f.Kind], Detail: f.Public, Code: f.Code, Field: f.Field}
	if p.Status == 0 {
		p.Status = http.StatusInternalServerError
	}
	if p.Code == "" {
		p.Code = string(f.Kind)
	}
	p.Title = http.StatusText(p.Status)
	return p
}

// handle turns a handler that returns an error into one of gin's: before the first byte a real status with a problem
// document; after it the connection is what ends.
func handle(h func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := h(c)
		if err == nil {
			return
		}
		_ = c.Error(err)
		if c.Writer.Written() || c.Request.Context().Err() != nil {
			return
		}
		fail(c, err)
	}
}

// retryAfter says when to try again, where trying again helps.
func retryAfter(c *gin.Context, status int, err error) {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return
	}
	after := 5
	var blocked *auth.BlockedError
	if errors.As(err, &blocked) {
		after = int(math.Ceil(blocked.For.Seconds()))
	}
	c.Header("Retry-After", strconv.Itoa(after))
}

func fail(c *gin.Context, err error) {
	p := problemOf(err)
	retryAfter(c, p.Status, err)
	body, _ := json.Marshal(p)
	c.Abort()
	c.Data(p.Status, "application/problem+json", body)
}

// The bounds of a request's body; attachments have a way of their own.
const (
	maxBody     = 64 << 10
	bodyTimeout = 15 * time.Second
)

// read decodes a JSON body strictly: unknown fields, wrong types, trailing text and excess are refused by name.
func read(c *gin.Context, v any) error {
	ctl := http.NewResponseController(c.Writer)
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	if err == nil { // otherwise it stays, because the server reads what is left before it answers
		_ = ctl.SetReadDeadline(time.Time{})
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.New(fault.Invalid, "body_too_slow", "The request did not arrive within %s.", bodyTimeout)
	}
	if err != nil {
		return fault.New(fault.Invalid, "body_too_large", "The request is larger than %d bytes.", maxBody)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return malformed(err)
	}
	if dec.More() {
		return fault.New(fault.Invalid, "malformed_json", "There is more than one JSON value in the request.")
	}
	return nil
}

func malformed(err error) error {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return fault.Field(t.Field, "wrong_type", "This must be %s, not %s.", article(t.Type.String()), t.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), `json: unknown field "`); ok {
		return fault.Field(strings.TrimSuffix(name, `"`), "unknown_field", "There is no such field.")
	}
	return fault.New(fault.Invalid, "malformed_json", "The request is not valid JSON: %v.", err)
}

func article(t string) string {
	switch {
	case strings.HasPrefix(t, "int"), strings.HasPrefix(t, "float"):
		return "a number"
	case t == "bool":
		return "true or false"
	case strings.HasPrefix(t, "[]"):
		return "a list"
	case t == "string":
		return "a string"
	}
	return "an object"
}

// param parses an id from the path. What is not an id cannot exist.
func param(c *gin.Context, name string) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Param(name))
	if err != nil {
		return id, fault.New(fault.NotFound, "not_found", "There is nothing with this id.")
	}
	return id, nil
}
