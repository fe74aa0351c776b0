package ticket

import (
	"testing"

	"golang.org/x/net/idna"
)

// TestPlainDomains: what needs no tables comes out as the tables would have it.
func TestPlainDomains(t *testing.T) {
	for _, domain := range []string{
		"example.com", "a.b-c.example", "1.2.3.4", "x--y.example", "xn--bcher-kva.example", "xn--a.example", "ab--c.test",
		"-a.example", "a-.example", "A.Example", "a..b", "", ".", "bücher.example", "ａ.example", "a_b.example",
	} {
		want, err := idna.Lookup.ToASCII(domain)
		valid := err == nil && validDomain(want)
		if got, ok := asciiDomain(domain); ok != valid || ok && got != want {
			t.Errorf("%q: got %q, %v, want %q, %v", domain, got, ok, want, valid)
		}
	}
}
