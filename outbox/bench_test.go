package outbox

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"guichet/internal/testkit"
	"guichet/ticket"
)

// BenchmarkCompose makes and writes the mail that an agent gets of a request.
func BenchmarkCompose(b *testing.B) {
	m := filled(b)
	n := m.of(ticket.AgentNew, 2)
	o, err := New(Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "direct"}}}, m.parts())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l, err := o.compose(b.Context(), m.site, n, o.current())
		if err != nil {
			b.Fatal(err)
		}
		if err := l.writeTo(b.Context(), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLargeFile writes a mail with a file of 20 MiB: it passes through.
func BenchmarkLargeFile(b *testing.B) {
	m := filled(b)
	m.store.blobs["b1"] = bytes.Repeat([]byte("x"), 20<<20)
	l := m.composed(b, m.of(ticket.AgentNew, 2))
	l.files = l.files[:1]
	b.SetBytes(20 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.writeTo(b.Context(), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeliver gives a composed mail to a relay in memory, over one kept
// connection.
func BenchmarkDeliver(b *testing.B) {
	m := filled(b)
	relay := testkit.NewRelay(b)
	p := newPool(relay.Dial, nil)
	defer p.closeIdle()
	l := m.composed(b, m.of(ticket.Acknowledgement, 1))
	out := &outgoing{letter: l, hostname: "mx.guichet.test", size: 1000}
	b.ReportAllocs()
	for b.Loop() {
		if err := p.send(b.Context(), peer{address: "relay.test:25", name: "relay.test", hostname: "mx.guichet.test", tls: "none"}, out); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScrub scrubs a text of 64 KiB for a requester.
func BenchmarkScrub(b *testing.B) {
	m := filled(b)
	s := scrubForRequester(m.site, &m.site.Queues[0], []*ticket.Ticket{m.t}, m.t.Requester())
	text := strings.Repeat("Please ask anna@acme.example, or look at https://example.com/a?b=c.\n", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s.text(text)
	}
}
