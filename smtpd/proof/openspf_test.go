package proof

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"blitiri.com.ar/go/spf"
	"github.com/google/go-cmp/cmp"
)

// spfCase is a line of expected.jsonl: what a check of a host must come to.
type spfCase struct {
	ID       string   `json:"id"`
	Zone     string   `json:"zone"`
	IP       string   `json:"ip"`
	Helo     string   `json:"helo"`
	MailFrom string   `json:"mailfrom"`
	Result   []Result `json:"result"`
}

// TestOpenSPF plays the open test suites of RFC 7208 and RFC 4408 where
// GUICHET_OPENSPF names a folder with them (cases in expected.jsonl, zones.json),
// and holds what the library misses to spfMisses: no more, no fewer. Whatever it
// misses, it never says pass of a host where a record without mistakes does not.
func TestOpenSPF(t *testing.T) {
	dir := os.Getenv("GUICHET_OPENSPF")
	if dir == "" {
		t.Skip("GUICHET_OPENSPF names no folder")
	}
	cases, zones := readSuite(t, dir)
	misses := map[string]Result{}
	for _, c := range cases {
		sender := c.MailFrom
		if sender == "" {
			sender = "postmaster@" + c.Helo
		}
		dns := &lookups{ctx: context.Background(), resolver: zones[c.Zone], left: maxLookups}
		result, _ := spf.CheckHostWithSender(net.ParseIP(c.IP), c.Helo, sender, spf.WithContext(dns.ctx), spf.WithResolver(dns))
		if got := Result(result); !slices.Contains(c.Result, got) {
			misses[strings.TrimPrefix(c.ID, "openspf/")] = got
			if got == Pass && !slices.Contains(c.Result, PermError) {
				t.Errorf("%s: pass, want %v", c.ID, c.Result)
			}
		}
	}
	if diff := cmp.Diff(spfMisses, misses); diff != "" {
		t.Error(diff)
	}
}

func readSuite(t *testing.T, dir string) ([]spfCase, map[string]zone) {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cases []spfCase
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var c spfCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	text, err := os.ReadFile(filepath.Join(dir, "zones.json"))
	if err != nil {
		t.Fatal(err)
	}
	var written map[string]map[string][]any
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	zones := map[string]zone{}
	for name, hosts := range written {
		zones[name] = zone{}
		for host, records := range hosts {
			zones[name][canonical(host)] = records
		}
	}
	return cases, zones
}

func canonical(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// zone answers as the suite writes its zones: "TIMEOUT", or records by type, those
// of the old type SPF standing for TXT where there is none.
type zone map[string][]any

func (z zone) records(name, kind string) ([]any, error) {
	var found []any
	for range 10 { // CNAMEs
		alias := ""
		for _, r := range z[canonical(name)] {
			record, ok := r.(map[string]any)
			if !ok {
				return nil, &net.DNSError{Err: "timeout", Name: name, IsTimeout: true, IsTemporary: true}
			}
			if value, ok := record[kind]; ok && value != "NONE" {
				found = append(found, value)
			}
			if value, ok := record["CNAME"].(string); ok {
				alias = value
			}
		}
		if alias == "" || len(found) > 0 {
			break
		}
		name = alias
	}
	return found, nil
}

func missing(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	records, err := z.records(name, "TXT")
	if err == nil && len(records) == 0 && !z.silent(name) {
		records, err = z.records(name, "SPF")
	}
	var out []string
	for _, r := range records {
		switch v := r.(type) {
		case string:
			out = append(out, v)
		case []any:
			joined := ""
			for _, s := range v {
				joined += s.(string)
			}
			out = append(out, joined)
		}
	}
	if err == nil && len(out) == 0 {
		err = missing(name)
	}
	return out, err
}

// silent reports a host that says of itself that it has no TXT.
func (z zone) silent(name string) bool {
	return slices.ContainsFunc(z[canonical(name)], func(r any) bool {
		record, ok := r.(map[string]any)
		return ok && record["TXT"] == "NONE"
	})
}

func (z zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	records, err := z.records(name, "MX")
	var out []*net.MX
	for _, r := range records {
		v := r.([]any) // the preference, as a number or a text, and the host
		out = append(out, &net.MX{Host: v[1].(string)})
	}
	if err == nil && len(out) == 0 {
		err = missing(name)
	}
	return out, err
}

func (z zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	var out []net.IPAddr
	for _, kind := range []string{"A", "AAAA"} {
		records, err := z.records(name, kind)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			out = append(out, net.IPAddr{IP: net.ParseIP(r.(string))})
		}
	}
	if len(out) == 0 {
		return nil, missing(name)
	}
	return out, nil
}

func (z zone) LookupAddr(_ context.Context, address string) ([]string, error) {
	ip := netip.MustParseAddr(address)
	name := ""
	if ip.Is4() {
		for _, b := range slices.Backward(ip.AsSlice()) {
			name += strconv.Itoa(int(b)) + "."
		}
		name += "in-addr.arpa"
	} else {
		const hex = "0123456789abcdef"
		for _, b := range slices.Backward(ip.AsSlice()) {
			name += string([]byte{hex[b&15], '.', hex[b>>4], '.'})
		}
		name += "ip6.arpa"
	}
	records, err := z.records(name, "PTR")
	var out []string
	for _, r := range records {
		out = append(out, r.(string))
	}
	if err == nil && len(out) == 0 {
		err = missing(name)
	}
	return out, err
}

// spfMisses are the cases in which the library says something else than the
// suite, with what it says. Almost all are records with mistakes, and there
// nobody is let in whom the domain did not name: so they are left to the library,
// rather than met by a second reader of records that could disagree with it.
var spfMisses = map[string]Result{
	// A mistake in the record that does not matter for the host in question, or stands
	// behind what decides: the RFC wants all of a record thrown away (§4.6), the
	// library reads on to where the mistake is. Those that pass do so for hosts that
	// the record names in so many words.
	"rfc4408/bare-ip6":                Fail,
	"rfc4408/detect-errors-anywhere":  Pass,
	"rfc4408/exp-empty-domain":        Fail,
	"rfc4408/exp-syntax-error":        Neutral,
	"rfc4408/exp-twice":               Fail,
	"rfc4408/invalid-domain":          Fail,
	"rfc4408/non-ascii-policy":        Fail,
	"rfc4408/redirect-empty-domain":   Neutral,
	"rfc4408/redirect-syntax-error":   Neutral,
	"rfc7208/cidr4-032":               Pass,
	"rfc7208/control-char-policy":     Fail,
	"rfc7208/detect-errors-anywhere":  Pass,
	"rfc7208/exp-empty-domain":        Fail,
	"rfc7208/exp-only-macro-char":     Fail,
	"rfc7208/exp-syntax-error":        Neutral,
	"rfc7208/redirect-empty-domain":   Neutral,
	"rfc7208/unknown-modifier-syntax": Fail,

	// Domains in a record that can be nobody's: nothing is found under them, instead of
	// the record being thrown away.
	"rfc4408/a-bad-domain":         Neutral,
	"rfc4408/a-numeric-toplabel":   Neutral,
	"rfc4408/mx-bad-toplab":        Neutral,
	"rfc4408/mx-null":              Neutral,
	"rfc7208/a-bad-toplabel":       Neutral,
	"rfc7208/a-null":               Neutral,
	"rfc7208/a-numeric-toplabel":   Neutral,
	"rfc7208/a-only-toplabel":      Neutral,
	"rfc7208/mx-bad-toplab":        Neutral,
	"rfc7208/mx-numeric-top-label": Neutral,

	// Names with a colon, which the library refuses and the suite allows.
	"rfc4408/a-colon-domain-ip4mapped":  PermError,
	"rfc7208/a-colon-domain":            PermError,
	"rfc7208/mx-colon-domain":           PermError,
	"rfc7208/mx-colon-domain-ip4mapped": PermError,

	// Macros that hardly anybody writes: %{p}, and all transformers in one.
	"rfc4408/macro-mania-in-domain": Fail,
	"rfc7208/macro-mania-in-domain": Fail,
	"rfc7208/p-macro-multiple":      Neutral,

	// A fault of DNS within exists.
	"blitirispf/exists-perm-error": SoftFail,
}
