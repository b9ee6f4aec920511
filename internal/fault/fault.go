// Package fault holds the kinds of error that Firstline tells apart, and nothing else. A fault says two things: a
// public sentence, safe to show to the person who made the request, and the private cause, which is only logged.
// The package knows no transport: web maps kinds to HTTP status codes, the command line maps them to exit codes.
package fault

import (
	"errors"
	"fmt"
)

// Kind classifies an error by what the caller can do about it.
type Kind string

// The kinds. Internal is the kind of every error that says nothing about itself.
const (
	Invalid         Kind = "invalid"         // the request is malformed; Field names what to change
	Unauthenticated Kind = "unauthenticated" // no credentials, or none that are valid
	Forbidden       Kind = "forbidden"       // known, but not allowed
	NotFound        Kind = "not_found"       // does not exist, or not for this caller
	Conflict        Kind = "conflict"        // the state has moved on
	RateLimited     Kind = "rate_limited"    // try again later
	Unavailable     Kind = "unavailable"     // something that we depend on does not answer
	Internal        Kind = "internal"        // our mistake
)

// Error is an error with a kind, a stable machine-readable code, and a sentence that may be shown.
type Error struct {
	Kind   Kind
	Code   string // stable identifier for clients, such as "field_required"; the kind when empty
	Field  string // the request's field at fault, when Kind is Invalid
	Public string // one sentence for the person, with the remedy
	Err    error  // the cause; logged, never shown
}

func (e *Error) Error() string {
	s := e.Public
	if s == "" {
		s = string(e.Kind)
	}
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// New returns an error of the given kind and code with a public sentence, formatted as by fmt.Sprintf.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Public: fmt.Sprintf(format, args...)}
}

// Field returns an Invalid error about one field of the request.
func Field(field, code, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: code, Field: field, Public: fmt.Sprintf(format, args...)}
}

// Wrap attaches a kind and a public sentence to a cause. It returns nil when the cause is nil.
func Wrap(err error, kind Kind, code, public string) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Code: code, Public: public, Err: err}
}

// KindOf returns the kind of the first Error in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err's chain holds an Error of the given kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}
