package assistant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/llm"
)

// Replay runs a turn again, with the claim that it had, as this assistant would run it now. Nothing is written, nobody
// hears of it, and no time is spent on waiting for more.
func (a *Assistant) Replay(ctx context.Context, c *chat.Claim) (Preview, error) {
	t := a.rehearsal(c)
	if err := a.think(ctx, t); err != nil {
		return Preview{}, err
	}
	return t.preview(), nil
}

// ForReplay returns an assistant with the topics and the policy that this one has now, which does not settle, reports to
// nobody, and asks the model only when it is told to. Without the model the policy stays the one that was certified with
// it. Another searcher may take the place of this one's; nil for the same.
func (a *Assistant) ForReplay(withModel bool, other Searcher) *Assistant {
	b := &Assistant{searcher: a.searcher, model: a.model, log: a.log, guides: a.guides, cfg: a.cfg}
	if !withModel {
		b.model = silent{}
	}
	if other != nil {
		b.searcher = other
	}
	b.cfg.Settle = 0
	b.cfg.RetrievalLimit = time.Minute // nobody waits, and what fails for want of time would look like a difference
	b.triage.Store(a.triage.Load())
	b.policy.Store(a.policy.Load())
	return b
}

// silent is the model of an assistant that has none.
type silent struct{}

func (silent) HasChat() bool { return false }

func (silent) Stream(context.Context, llm.Request) (*llm.Stream, error) {
	return nil, llm.ErrUnavailable
}

func (silent) Complete(context.Context, llm.Request) (llm.Completion, error) {
	return llm.Completion{}, llm.ErrUnavailable
}

// Difference is a field of a decision that came out otherwise; Field is its path in the JSON, and "" stands for a value
// that is not there.
type Difference struct {
	Field  string `json:"field"`
	Stored string `json:"stored"`
	Now    string `json:"now"`
}

// Reproduction is a stored decision, made again.
type Reproduction struct {
	Decision    Decision     // as it was stored
	Version     string       // of this program's logic, which may not be the one that decided
	Retrieval   string       // likewise, the fingerprint of its retrieval
	Differences []Difference // by field; none when every field came out the same to the bit
}

// Changed reports whether the program that decided had other logic than this one.
func (r Reproduction) Changed() bool {
	return r.Decision.Version != r.Version || r.Decision.Retrieval != "" && r.Decision.Retrieval != r.Retrieval
}

// Reproduce makes a stored decision again from its inputs alone (promise 7), and compares every field of it: what was
// chosen, and also what it was chosen from, so that an input which this program does not read cannot go unnoticed. Numbers
// are compared as they are, not nearly.
func Reproduce(stored json.RawMessage) (Reproduction, error) {
	r := Reproduction{Version: decisionVersion, Retrieval: fingerprint()}
	if err := json.Unmarshal(stored, &r.Decision); err != nil {
		return r, fault.Wrap(err, fault.Invalid, "decision_malformed", "The stored decision cannot be read by this program.")
	}
	again := r.Decision
	again.Decide()
	raw, err := json.Marshal(&again)
	if err != nil {
		return r, fmt.Errorf("reproduce: %w", err)
	}
	was, err := flatten(stored)
	if err != nil {
		return r, err
	}
	now, err := flatten(raw)
	if err != nil {
		return r, err
	}
	fields := maps.Clone(was)
	maps.Copy(fields, now)
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if was[f] != now[f] {
			r.Differences = append(r.Differences, Difference{Field: f, Stored: was[f], Now: now[f]})
		}
	}
	return r, nil
}

// flatten gives every value of a document its path. Values that a decoder cannot tell from missing ones are left out, and
// numbers are brought to one form, because the database writes them in another than Go does.
func flatten(raw json.RawMessage) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("decision: something follows the document")
	}
	out := map[string]string{}
	flattenTo(out, "", v)
	return out, nil
}

func flattenTo(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			at := k
			if path != "" {
				at = path + "." + k
			}
			flattenTo(out, at, x)
		}
	case []any:
		for i, x := range v {
			flattenTo(out, fmt.Sprintf("%s[%d]", path, i), x)
		}
		if len(v) > 0 { // elements that are zero themselves leave no trace else
			out[path+".length"] = strconv.Itoa(len(v))
		}
	case json.Number:
		if s := number(v.String()); s != "0" {
			out[path] = s
		}
	case string:
		if v != "" {
			out[path] = v
		}
	case bool:
		if v {
			out[path] = "true"
		}
	}
}

// number writes a number as Go would: an integer digit by digit, so that none is lost, and any other as the shortest
// text that is the same float64.
func number(s string) string {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return strconv.FormatInt(i, 10)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if f == 0 {
		return "0" // no database keeps the sign of zero
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
