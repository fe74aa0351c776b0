package smtpd

import (
	"crypto/tls"
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
	b := make([]byte, 0, 512)
	write := func(pieces ...string) {
		for _, piece := range pieces {
			b = append(b, piece...)
		}
	}
	if m.null || m.from != "" {
		write("Return-Path: <", string(m.from), ">\r\n")
	}
	write("Received: from ", hostToken(e.Helo), " (", literal(e.Client), ")\r\n\tby ", s.settings.Hostname,
		" with ", protocol(s.wire.extended, e.TLS, m.utf8), " id ", e.ID)
	if s.tls != nil {
		write("\r\n\t(", tls.VersionName(s.tls.Version), " ", tls.CipherSuiteName(s.tls.CipherSuite), ")")
	}
	b = e.Received.AppendFormat(append(b, ";\r\n\t"...), "Mon, 2 Jan 2006 15:04:05 -0700")
	write("\r\n", verdict.Field(s.settings.Hostname))
	return b
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
