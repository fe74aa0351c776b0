package smtpd

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"

	"guichet/envelope"
	"guichet/smtpd/proof"
)

// maxHops is how many Received fields make a loop (RFC 5321 §6.3).
const maxHops = 100

// trace is the header fields that we add to a message (RFC 5321 §4.4). The
// recipients are not in it: one of several must not read of the others.
func trace(s *session, m *message, e *envelope.Envelope, verdict *proof.Verdict) []byte {
	var b bytes.Buffer
	if m.null || m.from != "" {
		fmt.Fprintf(&b, "Return-Path: <%s>\r\n", m.from)
	}
	fmt.Fprintf(&b, "Received: from %s (%s)\r\n\tby %s with %s id %s", hostToken(e.Helo), literal(e.Client),
		s.settings.Hostname, protocol(s.wire.extended, e.TLS, m.utf8), e.ID)
	if s.tls != nil {
		fmt.Fprintf(&b, "\r\n\t(%s %s)", tls.VersionName(s.tls.Version), tls.CipherSuiteName(s.tls.CipherSuite))
	}
	fmt.Fprintf(&b, ";\r\n\t%s\r\n", e.Received.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	b.WriteString(verdict.Field(s.settings.Hostname))
	return b.Bytes()
}

// protocol is the keyword of RFC 3848 and RFC 6531 §4.3.
func protocol(extended, secure, utf8 bool) string {
	keyword := "SMTP"
	switch {
	case utf8:
		keyword = "UTF8SMTP"
	case extended:
		keyword = "ESMTP"
	}
	if secure && keyword != "SMTP" {
		keyword += "S"
	}
	return keyword
}

// literal writes an address as RFC 5321 §4.1.3 does.
func literal(client netip.Addr) string {
	if client.Is6() {
		return "[IPv6:" + client.String() + "]"
	}
	return "[" + client.String() + "]"
}

// hostToken keeps of what a client calls itself what can be part of a header:
// a name, or an address in brackets.
func hostToken(helo string) string {
	allowed := ".-_"
	if strings.HasPrefix(helo, "[") && strings.HasSuffix(helo, "]") && strings.Count(helo, "[") == 1 {
		allowed += "[]:"
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(allowed, r) {
			return r
		}
		return '?'
	}, helo[:min(len(helo), 255)])
}
