package main

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"guichet/router"
	"guichet/ticket"
)

// metrics is what the packages count, for Prometheus. None of its labels is
// personal, and each has a fixed, small set of values: how many sites there are
// changes nothing. docs/operations.md says what each is for.
type metrics struct {
	registry    *prometheus.Registry
	connections prometheus.Gauge
	refused     *prometheus.CounterVec
	failed      *prometheus.CounterVec
	accepted    *prometheus.CounterVec
	bytes       prometheus.Counter
	messages    *prometheus.HistogramVec
	stages      *prometheus.HistogramVec
	decided     *prometheus.CounterVec
	held        *prometheus.CounterVec
	deliveries  *prometheus.CounterVec
	attempts    *prometheus.HistogramVec
	ages        *prometheus.HistogramVec
	calls       *prometheus.HistogramVec
	faults      *prometheus.CounterVec

	server   *http.Server
	draining atomic.Bool
}

// Seconds from a commit on a fast disk to a slow relay's answer; and from a
// commit to the last attempt, five days later.
var (
	buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}
	ages    = []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 3 * 24 * 3600, 5 * 24 * 3600}
)

func newMetrics() *metrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	seconds := func(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds}, labels)
	}
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "guichet_smtp_connections", Help: "SMTP clients that are connected."}),
		refused:     counters("guichet_smtp_refused_total", "Connections, commands and messages refused, by reason.", "reason"),
		failed:      counters("guichet_check_faults_total", "Faults of block lists, scanners and the like, by check.", "check"),
		accepted:    counters("guichet_messages_accepted_total", "Messages answered 250, by what proved their sender.", "proof", "method"),
		bytes:       prometheus.NewCounter(prometheus.CounterOpts{Name: "guichet_messages_accepted_bytes_total", Help: "Bytes of the messages answered 250."}),
		messages:    seconds("guichet_message_seconds", "From the first byte of a message to our answer.", buckets, "outcome"),
		stages:      seconds("guichet_stage_seconds", "The parts of the time that a client spends with us, by stage.", buckets, "stage"),
		decided:     counters("guichet_messages_decided_total", "What was done with messages, for each queue, and by what they found their ticket.", "did", "rule"),
		held:        counters("guichet_messages_held_total", "Messages kept aside for a person, by reason.", "reason"),
		deliveries:  counters("guichet_deliveries_total", "Attempts to deliver a notice, by kind and outcome.", "kind", "outcome"),
		attempts:    seconds("guichet_delivery_seconds", "How long attempts to deliver a notice took, by outcome.", buckets, "outcome"),
		ages:        seconds("guichet_notice_age_seconds", "How old notices were when an attempt ended, by outcome.", ages, "outcome"),
		calls:       seconds("guichet_store_seconds", "Calls of the engine that keeps everything, by call.", buckets, "call"),
		faults:      counters("guichet_store_faults_total", "Calls of the engine that failed, by call; conflicts are no failures.", "call"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "guichet_build_info", Help: "1, with what runs as labels.",
		ConstLabels: prometheus.Labels{"version": version(), "goversion": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(m.connections, m.refused, m.failed, m.accepted, m.bytes, m.messages, m.stages, m.decided, m.held,
		m.deliveries, m.attempts, m.ages, m.calls, m.faults, build,
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

// Stage is what door and router tell of the parts of a message's time.
func (m *metrics) Stage(name string, took time.Duration) {
	m.stages.WithLabelValues(name).Observe(took.Seconds())
}

// Decided and Held are what the router tells.
func (m *metrics) Decided(did router.Did, rule router.Rule) {
	m.decided.WithLabelValues(string(did), string(rule)).Inc()
}
func (m *metrics) Held(why ticket.Why) { m.held.WithLabelValues(string(why)).Inc() }

// Attempt is what the outbox tells of each delivery that it tried.
func (m *metrics) Attempt(n ticket.Notice, outcome string, took, age time.Duration) {
	m.deliveries.WithLabelValues(string(n.Kind), outcome).Inc()
	m.attempts.WithLabelValues(outcome).Observe(took.Seconds())
	m.ages.WithLabelValues(outcome).Observe(age.Seconds())
}

// Called is what the store tells of each call of its engine.
func (m *metrics) Called(call string, took time.Duration, failed bool) {
	m.calls.WithLabelValues(call).Observe(took.Seconds())
	if failed {
		m.faults.WithLabelValues(call).Inc()
	}
}

// probeTime bounds how long readiness, or what lies in the store, is waited for:
// less than whoever asks waits for us.
const probeTime = 3 * time.Second

// serve answers /metrics, /healthz (the process lives) and /readyz (mail would
// be taken) until close.
func (m *metrics) serve(l net.Listener, ready func(context.Context) error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("alive\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTime)
		defer cancel()
		switch {
		case m.draining.Load():
			http.Error(w, "stopping", http.StatusServiceUnavailable)
		case ready(ctx) != nil:
			http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		default:
			_, _ = w.Write([]byte("ready\n"))
		}
	})
	m.server = &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	go func() { _ = m.server.Serve(l) }()
}

// drain tells whoever asks that no new mail is to be sent here.
func (m *metrics) drain() { m.draining.Store(true) }

func (m *metrics) close() {
	if m.server != nil {
		_ = m.server.Close()
	}
}
