package llmtest

import (
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// trouble is a way for a provider to fail.
type trouble int

const (
	none       trouble = iota
	status             // an HTTP status instead of an answer
	html               // 200 with a web page
	document           // 200 with a JSON document instead of a stream
	cut                // the stream ends properly, but early
	stall              // silence, connection open
	errorEvent         // an error inside the stream
	garbage            // a chunk that is not JSON
	reset              // the connection breaks
)

// Script says how the server behaves in one chat call. Make one with the constructors below and refine it with the
// With methods, which return changed copies.
type Script struct {
	text   string
	pieces []string // of text, as chunks
	first  time.Duration
	delay  time.Duration
	keep   int // comment lines before the first chunk
	think  int // reasoning chunks before the first chunk
	finish string

	trouble trouble
	after   int // chunks before the trouble
	code    int
	body    string
	header  http.Header
	frame   string // JSON of the error event

	noUsage, noDone, crlf, tight, split, noFinish bool
}

// Reply answers with text, one word to a chunk, and finish_reason "stop".
func Reply(text string) Script { return Script{text: text, pieces: Words(text), finish: "stop"} }

// Status refuses with an HTTP status, a body, and headers given as name, value, name, value.
func Status(code int, body string, headers ...string) Script {
	s := Script{trouble: status, code: code, body: body, header: http.Header{}}
	for i := 0; i+1 < len(headers); i += 2 {
		s.header.Set(headers[i], headers[i+1])
	}
	return s
}

// RateLimited refuses as OpenAI does, with the Retry-After given, if any.
func RateLimited(retryAfter string) Script {
	s := Status(http.StatusTooManyRequests, `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`, "Content-Type", "application/json")
	if retryAfter != "" {
		s.header.Set("Retry-After", retryAfter)
	}
	return s
}

// TooLong refuses a prompt that does not fit the model.
func TooLong() Script {
	return Status(http.StatusBadRequest, `{"error":{"message":"maximum context length exceeded","type":"invalid_request_error","code":"context_length_exceeded"}}`, "Content-Type", "application/json")
}

// HTML answers 200 with a web page, as captive portals and wrong base URLs do.
func HTML() Script { return Script{trouble: html} }

// Document answers 200 with the given JSON where a stream was asked for.
func Document(body string) Script { return Script{trouble: document, body: body} }

// GarbageJSON sends n good chunks and then one that is not JSON.
func GarbageJSON(text string, n int) Script { return Reply(text).with(garbage, n) }

// Cut ends the stream properly after n chunks, without a finish_reason.
func Cut(text string, n int) Script { return Reply(text).with(cut, n) }

// Stall falls silent after n chunks, with the connection open; with 0 nothing but the headers is sent.
func Stall(text string, n int) Script { return Reply(text).with(stall, n) }

// Silent accepts the request and never answers, not even with headers.
func Silent() Script { return Script{trouble: stall, after: -1} }

// ErrorEvent sends n chunks, then an "event: error" frame, and then keeps the connection open.
func ErrorEvent(text string, n int) Script { return Reply(text).with(errorEvent, n) }

// ResetMidStream breaks the connection after n chunks; with 0 after the headers.
func ResetMidStream(text string, n int) Script { return Reply(text).with(reset, n) }

// NoFinish sends the whole text and [DONE], but no finish_reason.
func NoFinish(text string) Script { s := Reply(text); s.noFinish = true; return s }

// Length ends with finish_reason "length".
func Length(text string) Script { s := Reply(text); s.finish = "length"; return s }

// ContentFilter ends with finish_reason "content_filter".
func ContentFilter(text string) Script { s := Reply(text); s.finish = "content_filter"; return s }

// KeepAlives sends n comment lines and then the text.
func KeepAlives(n int, text string) Script { s := Reply(text); s.keep = n; return s }

func (s Script) with(t trouble, after int) Script { s.trouble, s.after = t, after; return s }

// WithPieces sets the chunks; see Words, Runes and Whole.
func (s Script) WithPieces(cut func(string) []string) Script { s.pieces = cut(s.text); return s }

// WithDelay waits before the first chunk and between chunks.
func (s Script) WithDelay(first, between time.Duration) Script {
	s.first, s.delay = first, between
	return s
}

// WithThought sends n chunks of reasoning, which are no part of the answer, before the first chunk.
func (s Script) WithThought(n int) Script { s.think = n; return s }

// WithFrame sets the JSON of the error event.
func (s Script) WithFrame(json string) Script { s.frame = json; return s }

// WithoutUsage leaves out the token counts.
func (s Script) WithoutUsage() Script { s.noUsage = true; return s }

// WithoutDone leaves out the [DONE] line.
func (s Script) WithoutDone() Script { s.noDone = true; return s }

// WithCRLF ends lines as RFC 9112 does.
func (s Script) WithCRLF() Script { s.crlf = true; return s }

// WithTightData writes "data:" without the space.
func (s Script) WithTightData() Script { s.tight = true; return s }

// WithSplitWrites flushes every few bytes, so that characters are torn apart on the wire.
func (s Script) WithSplitWrites() Script { s.split = true; return s }

// Words cuts after each run of white space.
func Words(s string) []string {
	var out []string
	start, space := 0, false
	for i, r := range s {
		if space && !unicode.IsSpace(r) {
			out = append(out, s[start:i])
			start = i
		}
		space = unicode.IsSpace(r)
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

// Runes cuts after each character.
func Runes(s string) []string {
	out := make([]string, 0, utf8.RuneCountInString(s))
	for _, r := range s {
		out = append(out, string(r))
	}
	return out
}

// Whole does not cut.
func Whole(s string) []string { return []string{s} }

// Embedding says how the server behaves in one embedding call. The zero value answers properly.
type Embedding struct {
	Reversed   bool        // in the opposite order, with the right indexes
	Dimensions int         // vectors of this length instead of the server's
	Missing    int         // leave out this many
	Repeated   bool        // every index is 0
	Zero       bool        // vectors of zeros
	Code       int         // refuse with this status
	Body       string      // of the refusal
	Header     http.Header // of the refusal
}

// Grounded is the default answerer: the sentence, among the passages of the prompt, that shares most words with the
// customer's last message, followed by the number of its passage. Passages start with "[1]", "[2]" and so on at the
// start of a line and reach to the next one or a line of fence. Without such a passage, or without a common word, it
// says that it does not know. A request for JSON gets an empty object.
func Grounded(r Request) string {
	if r.JSON() {
		return "{}"
	}
	question := words(r.Last("user"))
	best, score := "", 0
	for _, m := range r.Messages {
		n := ""
		for _, line := range strings.Split(m.Content, "\n") {
			if num, rest, ok := marker(line); ok {
				n, line = num, rest
			} else if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "<") || strings.HasPrefix(line, "---") {
				n = ""
			}
			if n == "" {
				continue
			}
			for _, sentence := range sentences(line) {
				common := 0
				for w := range words(sentence) {
					if question[w] {
						common += len(w)
					}
				}
				if common > score {
					best, score = sentence+" ["+n+"]", common
				}
			}
		}
	}
	if best == "" {
		return "I do not know."
	}
	return best
}

// marker splits "[12] rest" into "12" and "rest".
func marker(line string) (n, rest string, ok bool) {
	inside, rest, ok := strings.Cut(strings.TrimPrefix(line, "["), "]")
	if !ok || !strings.HasPrefix(line, "[") || inside == "" || strings.Trim(inside, "0123456789") != "" {
		return "", "", false
	}
	return inside, strings.TrimSpace(rest), true
}

func sentences(s string) []string {
	var out []string
	for _, part := range strings.SplitAfter(s, ". ") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// words are the lower-case words of four letters and more.
func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(w) >= 4 {
			out[w] = true
		}
	}
	return out
}
