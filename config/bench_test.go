package config

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkTenThousandSites is what a reload costs a host of many companies.
func BenchmarkTenThousandSites(b *testing.B) {
	var text strings.Builder
	text.WriteString("hostname: mx.example.com\noutgoing: {via: 'smtp://127.0.0.1'}\nsites:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "  - name: s%d\n    prefix: P%d\n    queues: [{name: help, address: help@s%d.example, agents: [anna@s%d.example]}]\n", i, i, i, i)
	}
	for b.Loop() {
		if _, err := Parse("guichet.yaml", []byte(text.String()), environment()); err != nil {
			b.Fatal(err)
		}
	}
}
