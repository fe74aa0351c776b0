package doctor

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// longestString is what one string of a TXT record holds, in octets (RFC 1035
// §3.3.14).
const longestString = 255

// TXT writes a TXT record as zone files have it, its text cut into strings.
func TXT(name, text string) string {
	head := absolute(name) + " TXT "
	if len(text) <= longestString {
		return head + quote(text)
	}
	var b strings.Builder
	b.WriteString(head + "(")
	for len(text) > 0 {
		n := min(len(text), longestString)
		b.WriteString("\n  " + quote(text[:n]))
		text = text[n:]
	}
	return b.String() + " )"
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func absolute(name string) string { return strings.TrimSuffix(name, ".") + "." }

// DKIMRecord is the record in which the public half of a DKIM key is published
// (RFC 6376 §3.6.1, RFC 8463 §4).
func DKIMRecord(selector, domain string, key crypto.PublicKey) (string, error) {
	text, err := dkimText(key)
	return TXT(dkimName(selector, domain), text), err
}

func dkimName(selector, domain string) string { return selector + "._domainkey." + domain }

func dkimText(key crypto.PublicKey) (string, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(k)
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), err
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(k), nil
	}
	return "", fmt.Errorf("DKIM knows no keys of type %T", key)
}

// published is a DKIM key record that was read.
type published struct {
	tags map[string]string
	kind string // rsa, ed25519
	key  []byte
}

// readDKIM takes a record apart (RFC 6376 §3.6.1).
func readDKIM(text string) (p published, err error) {
	p.tags, p.kind = map[string]string{}, "rsa"
	for tag := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(tag) == "" {
			continue
		}
		name, value, found := strings.Cut(tag, "=")
		if !found {
			return p, fmt.Errorf("%q is no tag", strings.TrimSpace(tag))
		}
		p.tags[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if v, set := p.tags["v"]; set && v != "DKIM1" {
		return p, fmt.Errorf("it has v=%s", v)
	}
	if k := p.tags["k"]; k != "" {
		p.kind = k
	}
	encoded, set := p.tags["p"]
	if !set {
		return p, errors.New("it has no p=")
	}
	p.key, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return p, errors.New("its p= is no base64: perhaps a string of it is missing")
	}
	return p, nil
}

// is reports whether it is the public half of our key.
func (p published) is(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return p.kind == "ed25519" && bytes.Equal(p.key, k)
	case *rsa.PublicKey:
		if p.kind != "rsa" {
			return false
		}
		if parsed, err := x509.ParsePKIXPublicKey(p.key); err == nil {
			return k.Equal(parsed)
		}
		parsed, err := x509.ParsePKCS1PublicKey(p.key)
		return err == nil && k.Equal(parsed)
	}
	return false
}

// lists reports whether a tag with values between colons has one of them.
func (p published) lists(tag string, any ...string) bool {
	for value := range strings.SplitSeq(p.tags[tag], ":") {
		for _, each := range any {
			if strings.TrimSpace(value) == each {
				return true
			}
		}
	}
	return false
}

// pointer is the PTR record of an address (RFC 1035 §3.5, RFC 3596 §2.5).
func pointer(a netip.Addr, host string) string {
	const digits = "0123456789abcdef"
	var labels []string
	suffix := "in-addr.arpa."
	if a.Is4() {
		for _, b := range a.As4() {
			labels = append([]string{fmt.Sprint(b)}, labels...)
		}
	} else {
		suffix = "ip6.arpa."
		for _, b := range a.As16() {
			labels = append([]string{digits[b&15 : b&15+1], digits[b>>4 : b>>4+1]}, labels...)
		}
	}
	return strings.Join(labels, ".") + "." + suffix + " PTR " + absolute(host)
}

// addressRecord is the A or AAAA record of a host.
func addressRecord(host string, a netip.Addr) string {
	kind := "A"
	if a.Is6() {
		kind = "AAAA"
	}
	return absolute(host) + " " + kind + " " + a.String()
}
