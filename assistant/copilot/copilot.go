// Package copilot helps a person at the desk with writing: drafts from the articles, articles that fit, translations, and
// drafts of articles for editors. It proposes and measures what became of what it proposed. It never writes into a
// conversation, never sends anything to a customer, and never decides who may see one: its callers have asked that.
package copilot

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/llm"
)

// Writer finds and writes; the assistant is one.
type Writer interface {
	Draft(ctx context.Context, c *chat.Claim, instruction string) (assistant.Draft, error)
	Suggest(ctx context.Context, c *chat.Claim, limit int) (articles []chat.Citation, probability float64, err error)
	Complete(ctx context.Context, req llm.Request) (llm.Completion, error)
}

// Copilot is safe for concurrent use.
type Copilot struct {
	pool   *pgxpool.Pool
	record *chat.Record
	writer Writer
	log    *slog.Logger
}

// New returns a copilot over a migrated database.
func New(pool *pgxpool.Pool, record *chat.Record, writer Writer, log *slog.Logger) *Copilot {
	return &Copilot{pool: pool, record: record, writer: writer, log: log}
}

// Draft is a proposed reply. Its text goes to nobody but the agent who asked for it.
type Draft struct {
	ID         uuid.UUID       `json:"id"`
	Text       string          `json:"text"`      // with the numbers of its citations
	Reply      string          `json:"reply"`     // the same as a customer would read it, without numbers
	Citations  []chat.Citation `json:"citations"` // what it rests on
	LeftOut    []string        `json:"left_out"`  // what a model wrote and nothing supports
	Model      string          `json:"model"`     // "" for a quotation of an article
	Degraded   string          `json:"degraded"`  // what did not answer
	Language   string          `json:"language"`
	Confidence float64         `json:"confidence"`
	Seq        int64           `json:"seq"` // of the log when it was made: what came later it does not know
}

// Draft proposes a reply to what the customer wrote last and nobody has answered. The instruction may be empty. Where the
// articles have nothing, and neither has the instruction, the error is a conflict with the code nothing_found.
func (c *Copilot) Draft(ctx context.Context, conversation, agent uuid.UUID, instruction string) (Draft, error) {
	began := time.Now()
	claim, err := c.claim(ctx, conversation)
	if err != nil {
		return Draft{}, err
	}
	if len(claim.Messages) == 0 && instruction == "" {
		return Draft{}, fault.New(fault.Conflict, "nothing_to_answer", "The customer has not written anything yet. Say what the reply is to be about.")
	}
	if len(claim.Messages) == 0 {
		claim.Messages = []chat.Message{{Author: chat.Customer, Text: instruction}}
	}
	made, err := c.writer.Draft(ctx, claim, instruction)
	if err != nil {
		return Draft{}, err
	}
	if made.Text == "" {
		if len(made.LeftOut) > 0 {
			c.log.Info("a draft had nothing that is supported", "conversation", conversation)
		}
		return Draft{}, fault.New(fault.Conflict, "nothing_found", "No article fits this. Say in a few words what the reply is to say, or write it yourself.")
	}
	d := Draft{ID: uuid.Must(uuid.NewV7()), Text: made.Text, Reply: Plain(made.Text), Citations: append([]chat.Citation{}, made.Citations...),
		LeftOut: append([]string{}, made.LeftOut...), Model: made.Model, Degraded: made.Degraded, Language: made.Language, Confidence: made.Confidence,
		Seq: claim.Conversation.LastSeq}
	took := float64(time.Since(began).Microseconds()) / 1000
	_, err = c.pool.Exec(ctx, `
		INSERT INTO drafts (id, conversation_id, agent_id, seq, body, citations, model, took_ms) VALUES ($1, $2, $3, $4, $5, $6, NULLIF($7, ''), $8)`,
		d.ID, conversation, agent, d.Seq, d.Text, d.Citations, d.Model, took)
	return d, err
}

// numbers match the marks of citations, with the space before them.
var numbers = regexp.MustCompile(`[ \t]*\[\d{1,2}\]`)

// blankLines are left where a number stood on a line of its own.
var blankLines = regexp.MustCompile(`\n[ \t]*\n\s*\n`)

// Plain is a text without the numbers of its citations, which mean nothing to a customer outside an answer with sources.
func Plain(text string) string {
	return strings.TrimSpace(blankLines.ReplaceAllLiteralString(numbers.ReplaceAllLiteralString(text, ""), "\n\n"))
}

// keptAtLeast is the share of a draft's words below which the message is not the draft any more.
const keptAtLeast = 0.2

// Decide notes what became of an agent's draft: "inserted" into the composer, or "discarded". With the message that was
// sent in its place, how much of the draft is in it is measured here, whatever the client says: unchanged is inserted,
// changed is edited, and what has less than a fifth of the draft's words left is discarded. The first message counts.
func (c *Copilot) Decide(ctx context.Context, draft, agent uuid.UUID, outcome string, message *uuid.UUID) error {
	if outcome != "inserted" && outcome != "discarded" {
		return fault.Field("outcome", "unknown_outcome", "Use inserted or discarded; edited is found by comparing.")
	}
	return pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		var conversation uuid.UUID
		var seq int64
		var body string
		var decided bool
		err := tx.QueryRow(ctx, `SELECT conversation_id, seq, body, message_id IS NOT NULL FROM drafts WHERE id = $1 AND agent_id = $2 FOR UPDATE`, draft, agent).
			Scan(&conversation, &seq, &body, &decided)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "draft_not_found", "There is no such draft of yours.")
		}
		if err != nil || decided {
			return err
		}
		if message == nil {
			_, err := tx.Exec(ctx, `UPDATE drafts SET outcome = $2, decided_at = now() WHERE id = $1`, draft, outcome)
			return err
		}
		var sent string
		err = tx.QueryRow(ctx, `
			SELECT body FROM messages WHERE id = $1 AND conversation_id = $2 AND agent_id = $3 AND author = 'agent' AND visibility = 'public' AND seq > $4`,
			*message, conversation, agent, seq).Scan(&sent)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.Field("message", "not_a_reply", "This is no reply of yours in this conversation behind the draft.")
		}
		if err != nil {
			return err
		}
		kept := Kept(Plain(body), sent)
		switch {
		case kept < keptAtLeast:
			outcome = "discarded"
		case !slices.Equal(strings.Fields(Plain(body)), strings.Fields(sent)):
			outcome = "edited"
		default:
			outcome = "inserted"
		}
		_, err = tx.Exec(ctx, `UPDATE drafts SET outcome = $2, kept = $3, message_id = $4, decided_at = now() WHERE id = $1`, draft, outcome, kept, *message)
		return err
	})
}

// Kept is the share of a draft's words that are in the message in the same order: the longest common subsequence of words
// by the draft's length, 0 to 1.
func Kept(draft, sent string) float64 {
	a, b := strings.Fields(draft), strings.Fields(sent)
	if len(a) == 0 {
		return 0
	}
	row := make([]int, len(b)+1)
	for _, w := range a {
		diagonal := 0
		for j, v := range b {
			above := row[j+1]
			if w == v {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return float64(row[len(b)]) / float64(len(a))
}

// Use is what became of drafts.
type Use struct {
	Agent     *uuid.UUID `json:"agent"` // nil for all together
	Name      string     `json:"name"`
	Drafts    int        `json:"drafts"`
	Inserted  int        `json:"inserted"`  // and sent as they were, or not yet sent
	Edited    int        `json:"edited"`    // sent after a change
	Discarded int        `json:"discarded"` // thrown away, or hardly anything of them was sent
	Ignored   int        `json:"ignored"`   // nothing was done with them
	Kept      *float64   `json:"kept"`      // median share of the words, of those that were sent; nil without any
	TookMS    *float64   `json:"took_ms"`   // median
}

// Use says what became of the drafts made in a time, of all together first and then by agent.
func (c *Copilot) Use(ctx context.Context, from, until time.Time) ([]Use, error) {
	rows, err := c.pool.Query(ctx, `
		SELECT d.agent_id, COALESCE(a.name, ''), count(*), count(*) FILTER (WHERE outcome = 'inserted'), count(*) FILTER (WHERE outcome = 'edited'),
			count(*) FILTER (WHERE outcome = 'discarded'), count(*) FILTER (WHERE outcome = 'open'),
			percentile_cont(0.5) WITHIN GROUP (ORDER BY kept), percentile_cont(0.5) WITHIN GROUP (ORDER BY took_ms)
		FROM drafts d LEFT JOIN agents a ON a.id = d.agent_id WHERE d.created_at >= $1 AND d.created_at < $2
		GROUP BY GROUPING SETS ((), (d.agent_id, a.name)) ORDER BY GROUPING(d.agent_id) DESC, count(*) DESC, a.name, d.agent_id`, from, until)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Use])
}

// Suggestions are articles that fit what the customer wrote last.
type Suggestions struct {
	Articles   []chat.Citation `json:"articles"`
	Confidence float64         `json:"confidence"` // that the first answers the question
	Seq        int64           `json:"seq"`        // of the log that they were made for
}

// maxSuggestions is as many articles as an agent takes in at a glance.
const maxSuggestions = 4

// Suggest finds them. Nothing found is an empty list.
func (c *Copilot) Suggest(ctx context.Context, conversation uuid.UUID) (Suggestions, error) {
	out := Suggestions{Articles: []chat.Citation{}}
	claim, err := c.claim(ctx, conversation)
	if err != nil {
		return out, err
	}
	out.Seq = claim.Conversation.LastSeq
	if len(claim.Messages) == 0 {
		return out, nil
	}
	found, probability, err := c.writer.Suggest(ctx, claim, maxSuggestions)
	out.Articles, out.Confidence = append(out.Articles, found...), probability
	return out, err
}

// reach is how many public messages back a claim goes: the history of a turn and a burst of the customer's.
const reach = 3 * chat.HistoryLimit

// claim is the conversation as a turn would see it if the customer's last words were its own: what they wrote since
// somebody answered them, or else their last words before that.
func (c *Copilot) claim(ctx context.Context, conversation uuid.UUID) (*chat.Claim, error) {
	conv, err := c.record.Find(ctx, conversation)
	if err != nil {
		return nil, err
	}
	var after int64
	err = c.pool.QueryRow(ctx, `SELECT seq FROM messages WHERE conversation_id = $1 AND visibility = 'public' ORDER BY seq DESC OFFSET $2 LIMIT 1`, conversation, reach).Scan(&after)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	all, err := c.record.Messages(ctx, conversation, after, reach+chat.HistoryLimit, false)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m chat.Message) bool { return m.Author == chat.System })
	end := len(all)
	for end > 0 && all[end-1].Author != chat.Customer {
		end--
	}
	begin := end
	for begin > 0 && all[begin-1].Author == chat.Customer {
		begin--
	}
	claim := &chat.Claim{Conversation: conv, Attempt: 1, Messages: all[begin:end], History: all[:begin], ReceivedAt: time.Now()}
	if end < len(all) { // what was said since belongs to the conversation, and the draft comes after it
		claim.History = slices.Concat(all[:begin], all[end:])
	}
	if n := len(claim.History); n > chat.HistoryLimit {
		claim.History = claim.History[n-chat.HistoryLimit:]
	}
	if len(claim.Messages) > 0 {
		claim.FromSeq, claim.ToSeq = claim.Messages[0].Seq, claim.Messages[len(claim.Messages)-1].Seq
	}
	return claim, nil
}
