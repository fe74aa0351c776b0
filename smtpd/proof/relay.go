package proof

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"guichet/ticket"
)

// hop is who handed a message to the relay, by the relay's own account.
type hop struct {
	client netip.Addr
	helo   string
}

// receivedShapes are the ways in which MTAs write who connected (RFC 5321
// §4.4): Postfix and Sendmail "from HELO (name [address]) by", Exim "from name
// ([address] helo=HELO) by" and "from [address] (helo=HELO) by".
var receivedShapes = []*regexp.Regexp{
	regexp.MustCompile(`^from (?P<helo>\S+) \((?:[^\s()\[\]]+ )?\[(?P<client>[^\[\]]+)\](?: \([^()\[\]]*\))?\)\s+(?:\([^()]*\)\s+)*by (?P<by>[^\s;()]+)[\s;]`),
	regexp.MustCompile(`^from \S+ \(\[(?P<client>[^\[\]]+)\](?::\d+)?(?: helo=(?P<helo>[^\s()]+))?\)\s+by (?P<by>[^\s;()]+)[\s;]`),
	regexp.MustCompile(`^from \[(?P<client>[^\[\]]+)\](?: \((?:port=\d+ )?helo=(?P<helo>[^\s()]+)\))?\s+by (?P<by>[^\s;()]+)[\s;]`),
}

var bracketed = regexp.MustCompile(`\[([^\[\]]*)\]`)

// relayHop reads the Received field that the relay wrote, the topmost. The
// client's greeting stands in it in the client's own words, so it is read
// strictly: known shapes, closed comments, one "by", and no address in brackets
// but the one. And the relay must name itself in it as it does to us, or as in
// its results: else it may be a field that the message came with.
func (h *header) relayHop(relay *Relay, helo string) (hop, bool) {
	i := slices.IndexFunc(h.fields, func(f field) bool { return f.name == "received" })
	if i < 0 {
		return hop{}, false
	}
	value := strings.Join(strings.Fields(h.value(h.fields[i])), " ")
	if !wellFormed(value) {
		return hop{}, false
	}
	for _, shape := range receivedShapes {
		m := shape.FindStringSubmatch(value)
		if m == nil {
			continue
		}
		part := func(name string) string { return m[shape.SubexpIndex(name)] }
		if by := part("by"); !strings.EqualFold(by, helo) && !strings.EqualFold(by, relay.AuthservID) {
			return hop{}, false
		}
		client, err := netip.ParseAddr(strings.TrimPrefix(part("client"), "IPv6:"))
		if err != nil {
			return hop{}, false
		}
		return hop{client.Unmap().WithZone(""), part("helo")}, true
	}
	return hop{}, false
}

// wellFormed reports that nothing in a Received field can be a second one in
// disguise.
func wellFormed(value string) bool {
	outside, ok := withoutComments(value)
	if !ok || strings.Contains(value, `"`) {
		return false
	}
	by := 0
	for word := range strings.FieldsSeq(outside) {
		if strings.EqualFold(word, "by") {
			by++
		}
	}
	literals := bracketed.FindAllStringSubmatch(value, -1)
	for _, l := range literals {
		if l[1] != literals[0][1] {
			return false
		}
	}
	return by == 1
}

// withoutComments is s without its comments; false if they are not closed.
func withoutComments(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(':
			end := closing(s, i)
			if end < 0 {
				return "", false
			}
			i = end
			b.WriteByte(' ')
		case ')':
			return "", false
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), true
}

// vouching is the domains, aligned with From, that a relay's own results name.
type vouching struct {
	signed string // it found a signature of theirs
	sent   string // it found SPF, or DMARC without saying how
}

// believe reads the relay's own Authentication-Results: the topmost under its
// name, above the Received field of any host before it. The field stays in the
// message; all others are cut. A sender whose address cannot be read is no
// ground to believe on: a relay may have written it there as it was.
func (v *Verdict) believe(h *header, relay *Relay, author ticket.Address, d Delivery) vouching {
	var out vouching
	received := 0
	for _, f := range h.fields {
		if f.name == "received" {
			if received++; received > 1 {
				break
			}
		}
		if f.name != "authentication-results" {
			continue
		}
		id, results, ok := parseResults(h.value(f))
		if !strings.EqualFold(id, relay.AuthservID) || id == "" {
			continue
		}
		if !ok || d.From == "" && !d.Null {
			return out
		}
		v.keep(f.span)
		for _, r := range results {
			out.add(r, author, d)
		}
		return out
	}
	return out
}

func (w *vouching) add(r result, author ticket.Address, d Delivery) {
	if r.value != string(Pass) {
		return
	}
	switch r.method {
	case "dkim":
		domain := r.properties["header.d"]
		if domain == "" {
			_, domain, _ = strings.Cut(r.properties["header.i"], "@")
		}
		if w.signed == "" && aligned(domain, author.Domain()) {
			w.signed = strings.ToLower(domain)
		}
	case "spf":
		if domain := d.From.Domain(); w.sent == "" && aligned(domain, author.Domain()) {
			w.sent = domain
		}
	case "dmarc":
		if from := r.properties["header.from"]; w.sent == "" && strings.EqualFold(from, author.Domain()) {
			w.sent = author.Domain()
		}
	}
}

// keep takes a field out of what Strip cuts.
func (v *Verdict) keep(f span) {
	for i, c := range v.cut {
		if c.start <= f.start && f.end <= c.end {
			rest := []span{{c.start, f.start}, {f.end, c.end}}
			rest = slices.DeleteFunc(rest, func(s span) bool { return s.start == s.end })
			v.cut = slices.Replace(v.cut, i, i+1, rest...)
			return
		}
	}
}
