package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"guichet/ticket"
)

// metrics is what the rooms count, for Prometheus. None of its labels is
// personal, and each has a fixed, small set of values.
type metrics struct {
	registry    *prometheus.Registry
	connections prometheus.Gauge
	refused     *prometheus.CounterVec
	failed      *prometheus.CounterVec
	accepted    *prometheus.CounterVec
	bytes       prometheus.Counter
	messages    *prometheus.HistogramVec
	deliveries  *prometheus.HistogramVec

	server *http.Server
}

// Seconds from a commit on a fast disk to a slow relay's answer.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}

func newMetrics() *metrics {
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "guichet_smtp_connections", Help: "SMTP clients that are connected."}),
		refused:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "guichet_smtp_refused_total", Help: "Connections, commands and messages refused, by reason."}, []string{"reason"}),
		failed:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "guichet_check_faults_total", Help: "Faults of block lists, scanners and the like, by check."}, []string{"check"}),
		accepted:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "guichet_messages_accepted_total", Help: "Messages answered 250, by what proved their sender."}, []string{"proof", "method"}),
		bytes:       prometheus.NewCounter(prometheus.CounterOpts{Name: "guichet_messages_accepted_bytes_total", Help: "Bytes of the messages answered 250."}),
		messages:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "guichet_message_seconds", Help: "From the first byte of a message to our answer.", Buckets: buckets}, []string{"outcome"}),
		deliveries:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "guichet_delivery_seconds", Help: "Attempts to deliver a notice, by kind and outcome.", Buckets: buckets}, []string{"kind", "outcome"}),
	}
	m.registry.MustRegister(m.connections, m.refused, m.failed, m.accepted, m.bytes, m.messages, m.deliveries,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Connected, Refused, Failed, Accepted and Transaction are what the door tells.
func (m *metrics) Connected(change int)  { m.connections.Add(float64(change)) }
func (m *metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }
func (m *metrics) Failed(check string)   { m.failed.WithLabelValues(check).Inc() }
func (m *metrics) Accepted(e ticket.Evidence, size int64) {
	m.accepted.WithLabelValues(e.Proof.String(), string(e.Method)).Inc()
	m.bytes.Add(float64(size))
}
func (m *metrics) Transaction(outcome string, took time.Duration) {
	m.messages.WithLabelValues(outcome).Observe(took.Seconds())
}

// Attempt is what the outbox tells of each delivery that it tried.
func (m *metrics) Attempt(_ string, kind ticket.NoticeKind, outcome string, took time.Duration) {
	m.deliveries.WithLabelValues(string(kind), outcome).Observe(took.Seconds())
}

// serve answers /metrics, /healthz (the process lives) and /readyz (mail would
// be taken) until close.
func (m *metrics) serve(l net.Listener, ready func(context.Context) error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("alive\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	m.server = &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	go func() { _ = m.server.Serve(l) }()
}

func (m *metrics) close() {
	if m.server != nil {
		_ = m.server.Close()
	}
}
