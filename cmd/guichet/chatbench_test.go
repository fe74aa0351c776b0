package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkChat measures how long somebody who chats waits: from the connection
// that brings their words to the mail that has come to the other side, all over
// SMTP on loopback and into an embedded store on this disk. It reports the
// median and the 95th percentile of the agent's message to the customer, and of
// the acknowledgement of the first one.
func BenchmarkChat(b *testing.B) {
	post, err := newPostOffice(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(post.close)
	server := serveForChat(b, post.address)
	var first, answer []time.Duration
	for i := 0; b.Loop(); i++ {
		who := fmt.Sprintf("user@c%d.example", i)
		began := time.Now()
		chat(b, server, who, fmt.Sprintf("<first%d@c.example>", i), "", "Is anybody there?")
		arrives(b, post, who)
		first = append(first, time.Since(began))
		told := arrives(b, post, "anna@guichet.test")
		began = time.Now()
		chat(b, server, "anna@guichet.test", fmt.Sprintf("<answer%d@guichet.test>", i), told.message.MessageID, "Yes.")
		arrives(b, post, who)
		answer = append(answer, time.Since(began))
	}
	for name, times := range map[string][]time.Duration{"ack": first, "answer": answer} {
		slices.Sort(times)
		b.ReportMetric(percentile(times, 50), name+"-p50-ms")
		b.ReportMetric(percentile(times, 95), name+"-p95-ms")
	}
}

// serveForChat starts a daemon and gives its address.
func serveForChat(b *testing.B, relay string) string {
	dir := b.TempDir()
	settings := filepath.Join(dir, "guichet.yaml")
	err := os.WriteFile(settings, []byte(`hostname: mx.guichet.test
data: data
smtp: {listen: ["127.0.0.1:0"]}
trust: {networks: [127.0.0.0/8]}
outgoing: {via: "smtp://`+relay+`?tls=none"}
sites: [{name: demo, prefix: DEMO, queues: [{name: help, address: help@guichet.test, agents: [anna@guichet.test]}]}]
`), 0o600)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	told, tell := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx, []string{"serve", "-c", settings}, environment{Stdin: strings.NewReader(""), Stdout: tell, Stderr: io.Discard, Now: time.Now, Dir: dir, Getenv: getenv(nil)})
		_ = tell.Close()
	}()
	b.Cleanup(func() { stop(); <-ended })
	lines, address := bufio.NewScanner(told), ""
	for lines.Scan() {
		if _, on, ok := strings.Cut(lines.Text(), "SMTP on "); ok {
			address = on
		}
		if strings.HasPrefix(lines.Text(), "  sends ") {
			go func() { _, _ = io.Copy(io.Discard, told) }()
			return address
		}
	}
	b.Fatal("the daemon did not start")
	return ""
}

func chat(b *testing.B, server, from, id, answers, text string) {
	b.Helper()
	raw := "From: " + from + "\r\nTo: help@guichet.test\r\nSubject: Message\r\nMessage-ID: " + id + "\r\nChat-Version: 1.0\r\n"
	if answers != "" {
		raw += "In-Reply-To: <" + answers + ">\r\n"
	}
	if err := submit(b.Context(), server, from, []string{"help@guichet.test"}, []byte(raw+"\r\n"+text+"\r\n")); err != nil {
		b.Fatal(err)
	}
}

func arrives(b *testing.B, post *postOffice, who string) *received {
	b.Helper()
	m, err := post.next(b.Context(), who)
	if err != nil {
		b.Fatalf("nothing came for %s: %v", who, err)
	}
	return m
}
