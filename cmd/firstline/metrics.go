package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/notify"
)

// metrics are those of the rooms; none holds text or anything that identifies a customer.
type metrics struct {
	turns   *prometheus.CounterVec
	stages  *prometheus.HistogramVec
	tokens  *prometheus.CounterVec
	cost    prometheus.Counter
	faults  *prometheus.CounterVec
	notices *prometheus.CounterVec
	told    *prometheus.HistogramVec
	loading atomic.Bool
}

func newMetrics(r *prometheus.Registry, pool *pgxpool.Pool) *metrics {
	m := &metrics{
		turns: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "firstline_turns_total", Help: "Turns by outcome and reason."}, []string{"outcome", "reason"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "firstline_turn_stage_seconds", Help: "Time in each stage of a turn.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2.5, 14)}, []string{"stage"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "firstline_tokens_total", Help: "Tokens by model and kind."}, []string{"model", "kind"}),
		cost:   prometheus.NewCounter(prometheus.CounterOpts{Name: "firstline_cost_total", Help: "Cost of model calls, in the currency of the prices set."}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "firstline_provider_faults_total", Help: "Faults of the model provider by kind."}, []string{"kind"}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "firstline_notices_total",
			Help: "Attempts to tell customers of answers, by kind (email, push, confirm) and outcome (sent, dropped, put_off, failed, dead, gone)."}, []string{"kind", "outcome"}),
		told: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "firstline_notice_delay_seconds", Help: "Time from an answer to the server that took the notice of it, the wait to be read included, by kind.",
			Buckets: []float64{1, 5, 10, 15, 30, 60, 120, 150, 240, 300, 600, 1800, 7200, 28800}}, []string{"kind"}),
	}
	r.MustRegister(m.turns, m.stages, m.tokens, m.cost, m.faults, m.notices, m.told, &queueCollector{pool: pool})
	return m
}

// TurnDone implements assistant.Observer.
func (m *metrics) TurnDone(outcome chat.Outcome, reason string, stages map[string]float64, usage llm.Usage, model string) {
	m.turns.WithLabelValues(string(outcome), reason).Inc()
	for s, ms := range stages {
		m.stages.WithLabelValues(s).Observe(ms / 1000)
	}
	if model != "" {
		m.tokens.WithLabelValues(model, "prompt").Add(float64(usage.PromptTokens))
		m.tokens.WithLabelValues(model, "completion").Add(float64(usage.CompletionTokens))
		m.cost.Add(usage.Cost)
	}
}

// NoticeDone hears of each attempt to tell a customer of an answer.
func (m *metrics) NoticeDone(kind, outcome string, delay time.Duration) {
	m.notices.WithLabelValues(kind, outcome).Inc()
	if outcome == notify.Sent && kind != "confirm" {
		m.told.WithLabelValues(kind).Observe(delay.Seconds())
	}
}

// reload runs f in the background unless it runs already; a change that comes meanwhile is seen by the next look.
func (m *metrics) reload(f func()) {
	if m.loading.CompareAndSwap(false, true) {
		go func() {
			defer m.loading.Store(false)
			f()
		}()
	}
}

// queueCollector reads the queue when it is scraped.
type queueCollector struct{ pool *pgxpool.Pool }

var (
	queueDesc = prometheus.NewDesc("firstline_handoffs", "Open handoffs by team, state and priority.", []string{"team", "state", "priority"}, nil)
	oldDesc   = prometheus.NewDesc("firstline_queue_oldest_seconds", "Age of the oldest waiting handoff.", nil, nil)
	sentDesc  = prometheus.NewDesc("firstline_deliveries", "Deliveries to webhooks, other desks and mailboxes that are not done, by state: pending or dead.", []string{"state"}, nil)
	noteDesc  = prometheus.NewDesc("firstline_notices_pending", "Notices to customers that wait, to be read or to be sent.", nil, nil)
	poolDesc  = prometheus.NewDesc("firstline_database_connections", "Connections of the pool by state.", []string{"state"}, nil)
)

// Describe implements prometheus.Collector.
func (q *queueCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- queueDesc
	ch <- oldDesc
	ch <- sentDesc
	ch <- noteDesc
	ch <- poolDesc
}

// Collect implements prometheus.Collector.
func (q *queueCollector) Collect(ch chan<- prometheus.Metric) {
	st := q.pool.Stat()
	ch <- prometheus.MustNewConstMetric(poolDesc, prometheus.GaugeValue, float64(st.AcquiredConns()), "in_use")
	ch <- prometheus.MustNewConstMetric(poolDesc, prometheus.GaugeValue, float64(st.IdleConns()), "idle")
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	rows, err := q.pool.Query(ctx, `SELECT team, state, priority::text, count(*), COALESCE(extract(epoch FROM now() - min(queued_at) FILTER (WHERE state IN ('queued', 'asynchronous'))), 0)::float8
		FROM handoffs WHERE ended_at IS NULL GROUP BY 1, 2, 3`)
	if err != nil {
		return // the scrape shows what it can; readiness tells about the database
	}
	defer rows.Close()
	oldest := 0.0
	for rows.Next() {
		var team, state, priority string
		var n int64
		var age float64
		if rows.Scan(&team, &state, &priority, &n, &age) != nil {
			return
		}
		oldest = max(oldest, age)
		ch <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(n), team, state, priority)
	}
	if rows.Err() != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(oldDesc, prometheus.GaugeValue, oldest)
	var pending, dead, notices int64 // each counted in an index of its own
	if q.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM deliveries WHERE state = 'pending'), (SELECT count(*) FROM deliveries WHERE state = 'dead'),
		(SELECT count(*) FROM notices WHERE state = 'pending')`).Scan(&pending, &dead, &notices) == nil {
		ch <- prometheus.MustNewConstMetric(noteDesc, prometheus.GaugeValue, float64(notices))
		ch <- prometheus.MustNewConstMetric(sentDesc, prometheus.GaugeValue, float64(pending), "pending")
		ch <- prometheus.MustNewConstMetric(sentDesc, prometheus.GaugeValue, float64(dead), "dead")
	}
}

// modelEvent counts the provider's faults and the tokens of calls that no turn accounts for.
func (m *metrics) modelEvent(e llm.Event) {
	switch e.Kind {
	case llm.EventFault:
		m.faults.WithLabelValues(string(e.Fault)).Inc()
	case llm.EventBreaker:
		m.faults.WithLabelValues("breaker_" + e.State).Inc()
	case llm.EventDone:
		if e.Op == llm.OpEmbed {
			m.tokens.WithLabelValues(e.Model, "embedding").Add(float64(e.Usage.PromptTokens))
		}
	}
}
