package handoff

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Question is what a lead asks of the past.
type Question struct {
	Report   string    // one of Reports
	By       string    // what the rows are; "" is the report's first
	From, To time.Time // handoffs that were made from From on and before To; for the assistant, conversations
	Team     string    // "" for all; the assistant has none
	Zone     string    // IANA name of the time zone that days and hours are counted in
}

// Column is one figure of a report.
type Column struct {
	Key  string `json:"key"`
	Unit string `json:"unit"` // count, seconds, share (0 to 1) or score (1 to 5)
}

// Figures are the answer to a question.
type Figures struct {
	Report  string      `json:"report"`
	By      string      `json:"by"`
	From    time.Time   `json:"from"`
	To      time.Time   `json:"to"`
	Zone    string      `json:"zone"`
	Columns []Column    `json:"columns"`
	Rows    []FigureRow `json:"rows"`
	Total   FigureRow   `json:"total"`
}

// FigureRow are the figures of one day, team, topic and so on. Nil is for what nobody knows, such as the median of nothing.
type FigureRow struct {
	Key    string              `json:"key"`
	Label  string              `json:"label"`
	Values map[string]*float64 `json:"values"`
}

// Bounds of a question.
const (
	longestPast = 400 * 24 * time.Hour
	mostRows    = 2000
)

// dimensions are the keys of rows over handoffs h; $4 is the time zone.
var dimensions = map[string]string{
	"day":      `to_char(h.queued_at AT TIME ZONE $4, 'YYYY-MM-DD')`,
	"hour":     `to_char(h.queued_at AT TIME ZONE $4, 'HH24')`,
	"weekday":  `to_char(h.queued_at AT TIME ZONE $4, 'ID')`, // 1 is Monday
	"reason":   `h.reason`,
	"topic":    `COALESCE(h.topic, '')`,
	"team":     `h.team`,
	"priority": `h.priority::text`,
	"language": `h.language`,
	"market":   `h.market`,
}

// talkDimensions are those over conversations c.
var talkDimensions = map[string]string{
	"day":      `to_char(c.created_at AT TIME ZONE $4, 'YYYY-MM-DD')`,
	"hour":     `to_char(c.created_at AT TIME ZONE $4, 'HH24')`,
	"weekday":  `to_char(c.created_at AT TIME ZONE $4, 'ID')`,
	"locale":   `c.locale`,
	"market":   `c.market`,
	"audience": `c.audience`,
}

// report is a table that can be asked for.
type report struct {
	first      string // dimension
	dimensions map[string]string
	columns    []Column
	figures    []string // SQL of each column, an aggregate over x
	from       string   // of x; KEY stands for the dimension. $1 to $4 are from, to, team, zone
}

const (
	secondsTo = `extract(epoch FROM %s)::float8`
	median    = `percentile_cont(0.5) WITHIN GROUP (ORDER BY %s)`
	ninetieth = `percentile_cont(0.9) WITHIN GROUP (ORDER BY %s)`
)

const madeIn = `h.queued_at >= $1 AND h.queued_at < $2 AND ($3 = '' OR h.team = $3)`

// cameBack is how long after the assistant's answer a customer's message says that the matter was not settled, rather than
// that the conversation goes on.
const cameBack = "4 hours"

var reports = map[string]report{
	"handoffs": {
		first: "reason", dimensions: dimensions,
		columns: []Column{{"n", "count"}, {"urgent", "count"}, {"accepted", "count"}, {"resolved", "count"}, {"returned", "count"}, {"moved", "count"}, {"open", "count"}},
		figures: []string{`count(*)`, `count(*) FILTER (WHERE priority <= 2)`, `count(accepted_at)`, `count(*) FILTER (WHERE state = 'resolved')`,
			`count(*) FILTER (WHERE state = 'returned_to_assistant')`, `count(*) FILTER (WHERE moved)`, `count(*) FILTER (WHERE ended_at IS NULL)`},
		from: `SELECT KEY AS key, h.priority, h.accepted_at, h.state, h.ended_at,
			(SELECT count(DISTINCT s.team) > 1 FROM handoff_steps s WHERE s.handoff_id = h.id) AS moved FROM handoffs h WHERE ` + madeIn,
	},
	"waits": {
		first: "day", dimensions: dimensions,
		columns: []Column{{"n", "count"}, {"wait_p50", "seconds"}, {"wait_p90", "seconds"}, {"first_reply_p50", "seconds"}, {"first_reply_p90", "seconds"},
			{"handling_p50", "seconds"}, {"handling_p90", "seconds"}, {"shown", "share"}, {"upper_end_held", "share"}},
		figures: []string{`count(wait)`, fmt.Sprintf(median, "wait"), fmt.Sprintf(ninetieth, "wait"), fmt.Sprintf(median, "reply"), fmt.Sprintf(ninetieth, "reply"),
			fmt.Sprintf(median, "handling"), fmt.Sprintf(ninetieth, "handling"), `avg(shown)`, `avg(held)`},
		from: `SELECT KEY AS key, ` + fmt.Sprintf(secondsTo, `h.accepted_at - h.queued_at`) + ` AS wait, ` + fmt.Sprintf(secondsTo, `h.first_reply_at - h.queued_at`) + ` AS reply,
			` + fmt.Sprintf(secondsTo, `h.ended_at - h.accepted_at`) + ` AS handling, CASE WHEN w.handoff_id IS NOT NULL THEN (w.high_seconds IS NOT NULL)::int END AS shown,
			CASE WHEN w.high_seconds IS NOT NULL AND w.waited_seconds IS NOT NULL THEN (w.waited_seconds <= w.high_seconds)::int END AS held
			FROM handoffs h LEFT JOIN wait_samples w ON w.handoff_id = h.id WHERE h.reason <> 'agent_pulled' AND ` + madeIn,
	},
	"outcomes": {
		first: "team", dimensions: dimensions,
		columns: []Column{{"n", "count"}, {"first_reply_due", "count"}, {"first_reply_met", "share"}, {"resolve_due", "count"}, {"resolve_met", "share"},
			{"returned", "share"}, {"again", "share"}, {"rated", "count"}, {"csat", "score"}, {"satisfied", "share"}},
		figures: []string{`count(*)`, `count(reply_met)`, `avg(reply_met)`, `count(end_met)`, `avg(end_met)`, `avg(returned)`, `avg(again)`, `count(score)`, `avg(score)`, `avg((score >= 4)::int)`},
		// A clock counts once it is decided: answered, or late. What came again is a new handoff of the conversation within a week.
		from: `SELECT KEY AS key,
			CASE WHEN f.handoff_id IS NOT NULL AND (h.first_reply_at IS NOT NULL OR h.ended_at IS NOT NULL OR f.due_at < now())
				THEN (COALESCE(h.first_reply_at, h.ended_at, now()) <= f.due_at)::int END AS reply_met,
			CASE WHEN r.handoff_id IS NOT NULL AND (h.ended_at IS NOT NULL OR r.due_at < now()) THEN (COALESCE(h.ended_at, now()) <= r.due_at)::int END AS end_met,
			CASE WHEN h.ended_at IS NOT NULL THEN (h.state = 'returned_to_assistant')::int END AS returned,
			CASE WHEN h.state = 'resolved' THEN EXISTS (SELECT FROM handoffs n WHERE n.conversation_id = h.conversation_id
				AND n.queued_at > h.ended_at AND n.queued_at < h.ended_at + interval '7 days')::int END AS again,
			(SELECT avg(score) FROM ratings s WHERE s.handoff_id = h.id) AS score
			FROM handoffs h LEFT JOIN sla_clocks f ON f.handoff_id = h.id AND f.kind = 'first_reply' LEFT JOIN sla_clocks r ON r.handoff_id = h.id AND r.kind = 'resolve'
			WHERE ` + madeIn,
	},
	"agents": {
		first: "agent", dimensions: map[string]string{"agent": `COALESCE(h.agent_id, h.from_agent)::text`},
		columns: []Column{{"n", "count"}, {"resolved", "count"}, {"returned", "count"}, {"first_reply_p50", "seconds"}, {"handling_p50", "seconds"}, {"handling_p90", "seconds"},
			{"offers", "count"}, {"declined", "count"}, {"lapsed", "count"}, {"online", "seconds"}, {"rated", "count"}, {"csat", "score"}},
		figures: []string{`count(handoff)`, `count(*) FILTER (WHERE state = 'resolved')`, `count(*) FILTER (WHERE state = 'returned_to_assistant')`, fmt.Sprintf(median, "reply"),
			fmt.Sprintf(median, "handling"), fmt.Sprintf(ninetieth, "handling"), `count(offer)`, `count(*) FILTER (WHERE offer = 'declined')`, `count(*) FILTER (WHERE offer = 'lapsed')`, `sum(online)`, `count(score)`, `avg(score)`},
		from: `SELECT KEY AS key, h.id AS handoff, h.state, ` + fmt.Sprintf(secondsTo, `h.first_reply_at - h.accepted_at`) + ` AS reply,
			` + fmt.Sprintf(secondsTo, `h.ended_at - h.accepted_at`) + ` AS handling, NULL AS offer, NULL::float8 AS online, (SELECT avg(score) FROM ratings s WHERE s.handoff_id = h.id) AS score
			FROM handoffs h WHERE h.accepted_at IS NOT NULL AND COALESCE(h.agent_id, h.from_agent) IS NOT NULL AND ` + madeIn + `
			UNION ALL SELECT o.agent_id::text, NULL, NULL, NULL, NULL, o.outcome, NULL, NULL FROM offers o JOIN handoffs h ON h.id = o.handoff_id WHERE ` + madeIn + `
			UNION ALL SELECT p.agent_id::text, NULL, NULL, NULL, NULL, NULL, extract(epoch FROM least(COALESCE(p.ended_at, now()), $2) - greatest(p.began_at, $1))::float8, NULL
			FROM presence_spans p WHERE p.state = 'online' AND p.began_at < $2 AND COALESCE(p.ended_at, now()) > $1
			AND ($3 = '' OR EXISTS (SELECT FROM agent_teams t WHERE t.agent_id = p.agent_id AND t.team = $3))`,
	},
	// What the assistant settled by itself: it answered, and nobody was asked. What came back was not settled.
	"assistant": {
		first: "day", dimensions: talkDimensions,
		columns: []Column{{"n", "count"}, {"handed_off", "share"}, {"resolved", "share"}, {"reopened", "share"}, {"rated", "count"}, {"csat", "score"}},
		figures: []string{`count(*)`, `avg(handed::int)`, `avg((answered AND NOT handed)::int)`, `avg(CASE WHEN answered AND NOT handed THEN back::int END)`,
			`count(score)`, `avg(score)`},
		from: `SELECT KEY AS key, EXISTS (SELECT FROM handoffs h WHERE h.conversation_id = c.id) AS handed,
			EXISTS (SELECT FROM turns t WHERE t.conversation_id = c.id AND t.outcome = 'answered') AS answered,
			EXISTS (SELECT FROM messages m WHERE m.conversation_id = c.id AND m.author = 'customer' AND EXISTS (SELECT FROM messages b
				WHERE b.conversation_id = c.id AND b.author = 'assistant' AND b.turn_id IS NOT NULL AND b.seq < m.seq
				HAVING max(b.created_at) < m.created_at - interval '` + cameBack + `')) AS back,
			(SELECT avg(score) FROM ratings s WHERE s.conversation_id = c.id AND s.handoff_id IS NULL) AS score
			FROM conversations c WHERE c.created_at >= $1 AND c.created_at < $2 AND $3 = '' AND c.customer_seq > 0`,
	},
}

// Reports are what can be asked for, and the dimensions of each.
func Reports() map[string][]string {
	out := map[string][]string{}
	for name, r := range reports {
		out[name] = slices.Sorted(maps.Keys(r.dimensions))
	}
	return out
}

// Figures answers a question about the past. Nothing but counts, times and the names of teams, topics and agents is in it.
func (d *Desk) Figures(ctx context.Context, a Agent, q Question) (Figures, error) {
	f := Figures{Report: q.Report, From: q.From, To: q.To, Zone: q.Zone, Rows: []FigureRow{}}
	if !a.Supervises() {
		return f, errNotALead
	}
	r, known := reports[q.Report]
	if !known {
		return f, fault.New(fault.NotFound, "report_not_found", "There is no report %q.", q.Report)
	}
	if q.By == "" {
		q.By = r.first
	}
	key, known := r.dimensions[q.By]
	if !known {
		return f, fault.Field("by", "unknown_dimension", "Use one of: %s.", strings.Join(slices.Sorted(maps.Keys(r.dimensions)), ", "))
	}
	if _, err := zone(q.Zone); err != nil || q.Zone == "" || q.Zone == "Local" {
		return f, fault.Field("zone", "unknown_zone", "Use the name of a time zone such as Europe/Berlin.")
	}
	if !q.To.After(q.From) || q.To.Sub(q.From) > longestPast {
		return f, fault.Field("to", "out_of_range", "Ask for at most %d days, from the earlier to the later.", int(longestPast.Hours()/24))
	}
	f.By, f.Columns = q.By, r.columns
	labels, err := d.labels(ctx, q.By)
	if err != nil {
		return f, err
	}
	sql := `SELECT COALESCE(key, ''), GROUPING(key) = 1, ARRAY[` + strings.Join(r.figures, `, `) + `]::float8[] FROM (` + strings.ReplaceAll(r.from, "KEY", key) + `) x
		WHERE $4::text IS NOT NULL GROUP BY GROUPING SETS ((key), ()) ORDER BY 2 DESC, 1 LIMIT ` + fmt.Sprint(mostRows+1)
	rows, err := d.pool.Query(ctx, sql, q.From, q.To, q.Team, q.Zone)
	if err != nil {
		return f, fmt.Errorf("report %s: %w", q.Report, err)
	}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		var key string
		var total bool
		var values []*float64
		if err := row.Scan(&key, &total, &values); err != nil {
			return struct{}{}, err
		}
		out := FigureRow{Key: key, Label: labels[key], Values: map[string]*float64{}}
		for i, c := range r.columns {
			out.Values[c.Key] = values[i]
		}
		if total {
			out.Label = ""
			f.Total = out
			return struct{}{}, nil
		}
		if out.Label == "" {
			out.Label = key
		}
		f.Rows = append(f.Rows, out)
		return struct{}{}, nil
	})
	return f, err
}

// labels name the keys of a dimension for people, where they are not words.
func (d *Desk) labels(ctx context.Context, by string) (map[string]string, error) {
	names := map[string]string{}
	switch by {
	case "topic":
		names[""] = "No topic"
		for key, t := range *d.topics.Load() {
			names[key] = t.Names["en"]
		}
		return names, nil
	case "weekday":
		for i, n := range []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
			names[fmt.Sprint(i+1)] = n
		}
		return names, nil
	case "priority":
		for p := 1; p <= 4; p++ {
			names[fmt.Sprint(p)] = fmt.Sprintf("P%d", p)
		}
		return names, nil
	}
	sql, stored := map[string]string{"team": `SELECT key, name FROM teams`, "agent": `SELECT id::text, name FROM agents`}[by]
	if !stored {
		return names, nil
	}
	rows, err := d.pool.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	var key, name string
	_, err = pgx.ForEachRow(rows, []any{&key, &name}, func() error { names[key] = name; return nil })
	return names, err
}
