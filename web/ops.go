package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the server's own; the rooms register theirs.
type metrics struct {
	requests *prometheus.CounterVec
	receive  prometheus.Histogram
	streams  prometheus.Gauge
}

func newMetrics(r *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "firstline_http_requests_total", Help: "HTTP requests by method, route and status."},
			[]string{"method", "route", "status"}),
		receive: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "firstline_receive_seconds", Help: "Time to store a customer's message and claim its turn.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 12)}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "firstline_streams", Help: "Open event streams."}),
	}
	r.MustRegister(m.requests, m.receive, m.streams)
	return m
}

// health says that the process lives.
func (s *Server) health(c *gin.Context) error { return ok(c, http.StatusOK, gin.H{"status": "ok"}) }

// readyTimeout bounds the checks together.
const readyTimeout = 3 * time.Second

// ready says whether the process can serve: database, migrations, index. It is not ready while it closes.
func (s *Server) ready(c *gin.Context) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyTimeout)
	defer cancel()
	checks := s.Ready(ctx)
	select {
	case <-s.closing:
		checks = append(checks, Check{Name: "open", Info: "the server is closing"})
	default:
	}
	status := http.StatusOK
	for _, k := range checks {
		if !k.OK {
			status = http.StatusServiceUnavailable
		}
	}
	return ok(c, status, gin.H{"ready": status == http.StatusOK, "checks": checks})
}

func (s *Server) serveMetrics() gin.HandlerFunc {
	return gin.WrapH(promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{}))
}
