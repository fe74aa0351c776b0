package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"guichet/envelope"
)

func (*world) signingKey(ts *testscript.TestScript, args []string) error {
	der, err := x509.MarshalPKCS8PrivateKey(signingKey)
	if err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// homes makes the relay pass mail of a domain on to the daemon, as the host in
// front of one does, with the faults that such hosts have.
func (w *world) homes(ts *testscript.TestScript, args []string) error {
	domain, how, server := args[0], args[1:], ts.Getenv("SMTP")
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	w.post.passOn = func(e *envelope.Envelope) (bool, error) {
		to := e.Recipients[0].Address
		if to.Domain() != domain {
			return false, nil
		}
		raw, from, rcpt := mangle(bytes.Clone(e.Data), string(e.From), string(to), how)
		return true, submit(context.Background(), server, from, []string{rcpt}, raw)
	}
	return nil
}

var plus = regexp.MustCompile(`\+[^@]*@`)

// mangle does to a mail what bad relays do.
func mangle(raw []byte, from, to string, how []string) ([]byte, string, string) {
	field := func(name, value string) {
		raw = regexp.MustCompile(`(?mi)^`+name+`:[^\r\n]*(\r\n[ \t][^\r\n]*)*`).ReplaceAll(raw, []byte(name+": "+value))
	}
	if slices.Contains(how, "bounce") {
		raw = fmt.Appendf(nil, "From: mailer-daemon@relay.example\r\nTo: %s\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"+
			"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n"+
			"Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; help@acme.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--x--\r\n", from)
		return raw, "", from
	}
	if slices.Contains(how, "message-id") {
		field("Message-ID", "<another@relay.example>")
	}
	if slices.Contains(how, "from") {
		field("From", "<system@relay.example>")
	}
	if slices.Contains(how, "plus") {
		to = plus.ReplaceAllString(to, "@")
		field("To", to)
	}
	if slices.Contains(how, "banner") {
		raw = bytes.ReplaceAll(raw, []byte("answer it."), []byte("answer it.\r\n\r\nThis mail is confidential."))
	}
	if slices.Contains(how, "envelope") {
		from = "srs0=x=" + plus.ReplaceAllString(from, "@")
	}
	return raw, from, to
}
