package handoff

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Find says what to search for. The zero value of a filter lets everything through.
type Find struct {
	Query    string // words, "phrases", -without; the last word may be its beginning only
	From, To time.Time
	Team     string // of any handoff of the conversation
	Author   string // customer, agent, assistant: only what they wrote
	Status   string // open or closed
	Cursor   string // as the page before gave it
}

// Hit is what a search found: a message, the summary of a handoff, or the customer's name or address.
type Hit struct {
	Kind           string    `json:"kind"` // message, summary or customer
	ConversationID uuid.UUID `json:"conversation_id"`
	Seq            int64     `json:"seq"` // of the message; 0 for what is none
	Author         string    `json:"author"`
	Internal       bool      `json:"internal"` // a note
	Snippet        string    `json:"snippet"`
	Marks          [][2]int  `json:"marks"` // what was found in the snippet: from and to, in UTF-16 units
	At             time.Time `json:"at"`
	Customer       string    `json:"customer"` // name or address; "" for who gave none
	Status         string    `json:"status"`
	Owner          string    `json:"owner"`
	Team           *string   `json:"team"`  // of the latest handoff
	Agent          *string   `json:"agent"` // who had it last
}

// searchPage is how many hits a page has.
const searchPage = 30

// Signs that nobody types stand around what was found; in the text itself they are dropped.
const markFrom, markTo = "\x02", "\x03"

// lastWord finds a word at the end that somebody may still be writing: not what was excluded or quoted.
var lastWord = regexp.MustCompile(`(?:^|[\s(])([\p{L}\p{N}]+)$`)

// Search finds what holds every word of the query in conversations that the agent may see, the newest first, a page at a
// time. Next is the cursor of the page behind, "" when there is none.
func (d *Desk) Search(ctx context.Context, a Agent, f Find) (hits []Hit, next string, err error) {
	whole, begun := strings.TrimSpace(f.Query), ""
	if whole == "" {
		return nil, "", fault.Field("q", "required", "Say what to search for.")
	}
	// A quote that is open still is a phrase that is being written; websearch_to_tsquery reads it as one.
	if m := lastWord.FindStringSubmatchIndex(whole); m != nil && strings.Count(whole, `"`)%2 == 0 && !strings.EqualFold(whole[m[2]:], "or") {
		if head := strings.TrimSpace(whole[:m[2]]); !strings.HasSuffix(strings.ToLower(" "+head), " or") { // "a or b" is one thought
			whole, begun = head, whole[m[2]:]+":*"
		}
	}
	before, err := readCursor(f.Cursor)
	if err != nil {
		return nil, "", err
	}
	var from, to *time.Time
	if !f.From.IsZero() {
		from = &f.From
	}
	if !f.To.IsZero() {
		to = &f.To
	}
	rows, err := d.pool.Query(ctx, `
		WITH q AS MATERIALIZED (SELECT CASE WHEN $2 = '' THEN websearch_to_tsquery('simple', $1) WHEN $1 = '' THEN to_tsquery('simple', $2)
			ELSE websearch_to_tsquery('simple', $1) && to_tsquery('simple', $2) END AS q),
		found AS (
			SELECT 'message' AS kind, m.conversation_id, m.seq, m.author, m.visibility = 'internal' AS internal, m.body, m.created_at AS at
			FROM messages m WHERE to_tsvector('simple', m.body) @@ (SELECT q FROM q) AND ($8 = '' OR m.author = $8)
			UNION ALL
			SELECT 'summary', h.conversation_id, 0, 'system', true, h.summary, h.queued_at
			FROM handoffs h WHERE to_tsvector('simple', h.summary) @@ (SELECT q FROM q) AND $8 = ''
			UNION ALL
			SELECT 'customer', c.id, 0, 'customer', false, COALESCE(c.customer->>'name', '') || ' ' || COALESCE(c.customer->>'email', ''), c.created_at
			FROM conversations c WHERE to_tsvector('simple', COALESCE(c.customer->>'name', '') || ' ' || COALESCE(c.customer->>'email', '')) @@ (SELECT q FROM q)
			  AND $8 IN ('', 'customer')),
		page AS (
			SELECT f.*, c.customer, c.status, c.owner FROM found f JOIN conversations c ON c.id = f.conversation_id
			WHERE ($3 OR EXISTS (SELECT FROM handoffs h WHERE h.conversation_id = f.conversation_id AND (h.team = ANY ($4) OR h.agent_id = $5)))
			  AND ($6::timestamptz IS NULL OR f.at >= $6) AND ($7::timestamptz IS NULL OR f.at < $7) AND ($9 = '' OR c.status = $9)
			  AND ($10 = '' OR EXISTS (SELECT FROM handoffs h WHERE h.conversation_id = f.conversation_id AND h.team = $10))
			  AND ($11::timestamptz IS NULL OR (f.at, f.conversation_id, f.seq) < ($11, $12, $13))
			ORDER BY f.at DESC, f.conversation_id DESC, f.seq DESC LIMIT $14)
		SELECT p.kind, p.conversation_id, p.seq, p.author, p.internal,
			ts_headline('simple', translate(p.body, chr(2) || chr(3), ''), (SELECT q FROM q), 'StartSel=' || chr(2) || ', StopSel=' || chr(3) || ', MaxWords=34, MinWords=16'),
			p.at, COALESCE(NULLIF(p.customer->>'name', ''), p.customer->>'email', ''), p.status, p.owner, h.team, h.agent
		FROM page p LEFT JOIN LATERAL (SELECT h.team, a.name AS agent FROM handoffs h LEFT JOIN agents a ON a.id = h.agent_id
			WHERE h.conversation_id = p.conversation_id ORDER BY h.queued_at DESC, h.id DESC LIMIT 1) h ON true
		ORDER BY p.at DESC, p.conversation_id DESC, p.seq DESC`,
		whole, begun, a.Supervises(), a.Teams, a.ID, from, to, f.Author, f.Status, f.Team, before.at, before.conversation, before.seq, searchPage+1)
	if err != nil {
		return nil, "", err
	}
	hits, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Hit, err error) {
		var marked string
		err = row.Scan(&h.Kind, &h.ConversationID, &h.Seq, &h.Author, &h.Internal, &marked, &h.At, &h.Customer, &h.Status, &h.Owner, &h.Team, &h.Agent)
		h.Snippet, h.Marks = unmark(strings.TrimSpace(marked))
		return h, err
	})
	if err != nil {
		return nil, "", err
	}
	if len(hits) > searchPage {
		hits = hits[:searchPage]
		last := hits[searchPage-1]
		next = fmt.Sprintf("%d.%d.%s", last.At.UnixMicro(), last.Seq, last.ConversationID)
	}
	return append([]Hit{}, hits...), next, nil
}

// unmark takes the signs out of a snippet and tells where they stood, as a browser counts.
func unmark(marked string) (string, [][2]int) {
	var text strings.Builder
	marks := [][2]int{}
	at := 0
	for _, r := range marked {
		switch string(r) {
		case markFrom:
			marks = append(marks, [2]int{at, at})
		case markTo:
			if len(marks) > 0 {
				marks[len(marks)-1][1] = at
			}
		default:
			text.WriteRune(r)
			at += utf16.RuneLen(r)
		}
	}
	return text.String(), marks
}

// cursor is the last hit of the page before.
type cursor struct {
	at           *time.Time
	seq          int64
	conversation uuid.UUID
}

func readCursor(text string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	var micros int64
	var id string
	if _, err := fmt.Sscanf(text, "%d.%d.%36s", &micros, &c.seq, &id); err == nil {
		if c.conversation, err = uuid.Parse(id); err == nil {
			at := time.UnixMicro(micros)
			c.at = &at
			return c, nil
		}
	}
	return c, fault.Field("cursor", "bad_cursor", "Use the cursor that the page before gave as next.")
}
