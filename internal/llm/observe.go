package llm

import "time"

// EventKind says what an Event reports.
type EventKind string

// The kinds of event.
const (
	EventDone    EventKind = "done"    // a call ended with an answer: Model, Usage, FirstToken, Elapsed
	EventFault   EventKind = "fault"   // one attempt failed, or a stream broke: Fault, Elapsed
	EventBreaker EventKind = "breaker" // a model's breaker changed: State
)

// Op names the operation that an Event belongs to.
type Op string

// The operations.
const (
	OpStream   Op = "stream"
	OpComplete Op = "complete"
	OpEmbed    Op = "embed"
)

// Fault names what went wrong, for metrics. The set is closed, so that it can label a counter.
type Fault string

// The faults.
const (
	FaultConnect     Fault = "connect"      // no connection, or it broke before the answer began
	FaultSlow        Fault = "slow"         // no first token, or no answer, in time
	FaultRateLimited Fault = "rate_limited" // 429
	FaultQuota       Fault = "quota"        // 429 because the money is spent
	FaultServer      Fault = "server"       // 5xx, 408, or an error inside a 200
	FaultMalformed   Fault = "malformed"    // not the API: a web page, broken JSON, a redirect, missing parts
	FaultEmpty       Fault = "empty"        // a stream that ended before its first token, or an answer without text
	FaultAuth        Fault = "auth"         // 401, 403
	FaultModel       Fault = "model"        // 404: no such model or path
	FaultTooLong     Fault = "too_long"     // the request does not fit the model
	FaultRequest     Fault = "request"      // another 4xx
	FaultFiltered    Fault = "filtered"     // content filter or refusal
	FaultCut         Fault = "cut"          // a stream broke after its first token
	FaultStalled     Fault = "stalled"      // a stream fell silent after its first token
	FaultOpen        Fault = "breaker_open" // not tried
	FaultCancelled   Fault = "cancelled"    // the caller went away
)

// Event is a fact for metrics. It never holds text, neither the customer's nor the model's.
type Event struct {
	Kind       EventKind
	Op         Op
	Model      string
	Fault      Fault
	State      string        // of the breaker: closed, half-open, open
	Attempt    int           // 1 for the first with this model
	FirstToken time.Duration // from the call's start; streams only
	Elapsed    time.Duration // from the call's start
	Usage      Usage
}
