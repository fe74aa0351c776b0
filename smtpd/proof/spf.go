package proof

import (
	"net"
	"net/netip"

	"blitiri.com.ar/go/spf"
)

// SPF is what a domain says about the host that used its name.
type SPF struct {
	Result Result
	Domain string // of MAIL FROM; for <>, of the greeting (RFC 7208 §2.4)

	helo bool // Domain is that of the greeting
}

// sharedAddresses are those of RFC 6598, between a provider and its customers.
var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10")

// checkSPF asks whether the client may send for the domain of MAIL FROM. A host
// on a private or loopback address is nobody to the outside: it may well be a
// front MX that nobody named, and many a domain lists 10.0.0.0/8. So of such a
// one SPF says nothing.
func checkSPF(dns *lookups, d Delivery) SPF {
	sender, domain := string(d.From), d.From.Domain()
	helo := d.Helo
	if !validName(helo) {
		helo = "unknown"
	} else if d.Null {
		sender, domain = "postmaster@"+helo, helo
	}
	if domain == "" || !public(d.Client) {
		return SPF{Result: None, Domain: domain, helo: d.Null}
	}
	result, _ := spf.CheckHostWithSender(net.IP(d.Client.AsSlice()), helo, sender,
		spf.WithContext(dns.ctx), spf.WithResolver(dns))
	return SPF{Result: Result(result), Domain: domain, helo: d.Null}
}

func public(client netip.Addr) bool {
	return client.IsGlobalUnicast() && !client.IsPrivate() && !sharedAddresses.Contains(client)
}
