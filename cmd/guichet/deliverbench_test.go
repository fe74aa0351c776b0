package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guichet/config"
	"guichet/envelope"
	"guichet/ticket"
)

// BenchmarkDeliver is the way of a mail of 4 KiB behind the door, from whole
// message to durable ticket with three mails owed, fifty at a time, on an
// embedded store in the directory for temporary files: TMPDIR=/dev/shm leaves
// the disk out.
func BenchmarkDeliver(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "guichet.yaml")
	err := os.WriteFile(path, []byte(`hostname: mx.guichet.test
data: data
sites: [{name: demo, prefix: DEMO, queues: [{name: help, address: help@guichet.test, agents: [anna@guichet.test, ben@guichet.test]}]}]
`), 0o600)
	if err != nil {
		b.Fatal(err)
	}
	settings, err := config.Load(path, getenv(nil))
	if err != nil {
		b.Fatal(err)
	}
	p := &program{environment: environment{Stderr: io.Discard, Now: time.Now, Dir: dir, Getenv: getenv(nil)}}
	d, err := p.newDaemon(b.Context(), settings)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(d.close)
	text := strings.Repeat("The till of the shop does not print any more since this morning.\r\n", 58)
	var n atomic.Int64
	b.SetParallelism(25)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			from := ticket.Address(fmt.Sprintf("marie%d@customer.example", i))
			raw := fmt.Appendf(nil, "From: Marie Martin <%s>\r\nTo: help@guichet.test\r\nSubject: Till number %d\r\nMessage-ID: <%d@customer.example>\r\nDate: Mon, 16 Nov 2026 09:12:00 +0100\r\n\r\n%s", from, i, i, text)
			e := &envelope.Envelope{ID: fmt.Sprint(i), Received: time.Now(), Client: netip.MustParseAddr("192.0.2.1"), Helo: "mail.customer.example", From: from,
				Recipients: []envelope.Recipient{{Address: "help@guichet.test"}}, Trace: []byte("Received: from mail.customer.example\r\n"),
				Data: bytes.Clone(raw), Evidence: ticket.Evidence{From: from, Proof: ticket.ProofDomain, Domain: "customer.example", Reason: "signed by customer.example"}}
			if err := d.router.Deliver(context.Background(), e); err != nil {
				b.Fatal(err)
			}
		}
	})
}
