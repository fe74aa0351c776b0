package ticket

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is a mailbox that was checked: one unquoted local part, one domain in
// lower case (RFC 5321 §4.1.2, RFC 6531). The zero value is no address. Only
// ParseAddress makes one, so whoever holds an Address need not check again.
type Address string

// maxAddress is the most octets of an address (RFC 5321 §4.5.3.1.3, less the
// angle brackets), also once its domain is written in ASCII, which is longer.
const maxAddress = 254

// ErrAddress is what ParseAddress says of anything that is not an Address.
var ErrAddress = errors.New("not a mail address that can be used")

// ParseAddress checks s (without display name or angle brackets). Quoted local
// parts, control characters, spaces and several @ are refused rather than
// understood: each reader of mail understands them in its own way, and an
// address that two programs read differently is how owners are impersonated.
func ParseAddress(s string) (Address, error) {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at > 64 || len(s) > maxAddress || !utf8.ValidString(s) {
		return "", ErrAddress
	}
	local, domain := s[:at], strings.TrimSuffix(s[at+1:], ".")
	if !validLocal(local) {
		return "", ErrAddress
	}
	ascii, ok := asciiDomain(domain)
	if !ok || at+1+len(ascii) > maxAddress {
		return "", ErrAddress
	}
	return Address(local + "@" + ascii), nil
}

// asciiDomain is a domain as it stands in the DNS (RFC 5891 §5). Most are
// written so, and need no look into the tables of Unicode.
func asciiDomain(domain string) (string, bool) {
	if validDomain(domain) && !strings.Contains(domain, "--") {
		return domain, true
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	return ascii, err == nil && validDomain(ascii)
}

func validLocal(s string) bool {
	if strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`"(),:;<>@[\]`, r) || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return false
		}
	}
	return true
}

func validDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return false
			}
		}
	}
	return s != ""
}

// MustAddress is ParseAddress for constants of tests and trial settings.
func MustAddress(s string) Address {
	a, err := ParseAddress(s)
	if err != nil {
		panic(err.Error() + ": " + s)
	}
	return a
}

// Local is what stands before the @, as it was written.
func (a Address) Local() string { return string(a[:max(0, strings.LastIndexByte(string(a), '@'))]) }

// Domain is what stands behind the @, in lower case and in its ASCII form.
func (a Address) Domain() string { return string(a[strings.LastIndexByte(string(a), '@')+1:]) }

// Key is the form in which two addresses are the same mailbox: all in lower
// case. The RFC lets a host tell Bob from bob; none that people write to does.
// A letter that is not ASCII stays what it is where its small form would be
// ASCII: the Kelvin sign is no k, or its owner would be taken for another.
func (a Address) Key() string {
	return strings.Map(func(r rune) rune {
		if small := unicode.ToLower(r); r < utf8.RuneSelf || small >= utf8.RuneSelf {
			return small
		}
		return r
	}, string(a))
}

// Same reports whether both name one mailbox.
func (a Address) Same(b Address) bool {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] >= utf8.RuneSelf || b[i] >= utf8.RuneSelf:
			return a.Key() == b.Key()
		case small(a[i]) != small(b[i]):
			return false
		}
	}
	return a != "" && len(a) == len(b)
}

// small is a byte of ASCII, in lower case.
func small(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// Mailbox is an address with the name that its owner puts before it.
type Mailbox struct {
	Name    string
	Address Address
}

// Called is the name, or where there is none the local part of the address.
func (m Mailbox) Called() string {
	if name := strings.TrimSpace(m.Name); name != "" {
		return name
	}
	return m.Address.Local()
}
