package main

import (
	"strings"
	"testing"
)

func TestArrival(t *testing.T) {
	const rest = "From: marie@customer.example\r\n\r\nReceived: from words ([203.0.113.9]) by mx.guichet.test\r\n"
	for _, c := range []struct {
		name, above string
		client      string
		helo        string
		returnPath  string
		cut         bool
	}{
		{name: "nothing", client: "invalid IP"},
		{name: "ours", above: "Return-Path: <m@customer.example>\r\nReceived: from host.example ([192.0.2.7])\r\n\tby mx.guichet.test with ESMTP id x;\r\n\tMon, 2 Mar 2026 09:00:00 +0000\r\n" +
			"Authentication-Results: mx.guichet.test;\r\n\tspf=pass\r\n", client: "192.0.2.7", helo: "host.example", returnPath: "<m@customer.example>", cut: true},
		{name: "ours above another's", above: "Received: from a.example ([IPv6:2001:db8::1]) by MX.guichet.test;\r\nReceived: from b.example (b [192.0.2.8]) by a.example;\r\n",
			client: "2001:db8::1", helo: "a.example"},
		{name: "another's, with results that pretend", above: "Received: from b.example (b.example [192.0.2.8]) by mx.customer.example;\r\nAuthentication-Results: mx.guichet.test; spf=pass\r\n",
			client: "192.0.2.8", helo: "b.example"},
		{name: "Exim", above: "Received: from [192.0.2.9] (helo=[203.0.113.9]) by mx.customer.example;\r\n", client: "192.0.2.9", helo: "[192.0.2.9]"},
		{name: "a greeting with an address", above: "Received: from [203.0.113.9] (unknown [192.0.2.9]) by mx.customer.example;\r\n", client: "192.0.2.9", helo: "[203.0.113.9]"},
		{name: "by a pipe", above: "Received: by mx.customer.example (Postfix, from userid 0) id 1;\r\n\tby way of [192.0.2.1]\r\n", client: "invalid IP"},
		{name: "an address after by", above: "Received: from c.example by mx.customer.example ([192.0.2.1])\r\n", client: "invalid IP"},
	} {
		a := readArrival([]byte(c.above+rest), "mx.guichet.test")
		if got := a.client.String(); got != c.client || a.helo != c.helo {
			t.Errorf("%s: client %s %q, want %s %q", c.name, got, a.helo, c.client, c.helo)
		}
		if (a.returnPath == nil) != (c.returnPath == "") || a.returnPath != nil && *a.returnPath != c.returnPath {
			t.Errorf("%s: return path %v, want %q", c.name, a.returnPath, c.returnPath)
		}
		if c.cut != (string(a.rest) == rest) && c.above != "" {
			t.Errorf("%s: the rest is %q", c.name, a.rest)
		}
		if !strings.HasSuffix(string(a.rest), rest) {
			t.Errorf("%s: the message itself was cut: %q", c.name, a.rest)
		}
	}
}
