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

// fromShapes are the ways in which MTAs write who connected (RFC 5321 §4.4), as
// the word after "from" and the comment after it: Postfix and Sendmail
// "HELO (name [address])", Exim "name ([address] helo=HELO)" and
// "[address] (helo=HELO)".
var fromShapes = []*regexp.Regexp{
	regexp.MustCompile(`^(?P<helo>\S+) \((?:[^\s()\[\]=]+ )?\[(?P<client>[^\[\]]+)\](?: \(may be forged\))?\)$`),
	regexp.MustCompile(`^\S+ \(\[(?P<client>[^\[\]]+)\](?::\d+)? helo=(?P<helo>[^\s()]+)\)$`),
	regexp.MustCompile(`^\[(?P<client>[^\[\]]+)\] \((?:port=\d+ )?helo=(?P<helo>[^\s()]+)\)$`),
}

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
	from, by, ok := splitReceived(strings.Join(strings.Fields(h.value(h.fields[i])), " "))
	if !ok || !strings.EqualFold(by, helo) && !strings.EqualFold(by, relay.AuthservID) {
		return hop{}, false
	}
	for _, shape := range fromShapes {
		if m := shape.FindStringSubmatch(from); m != nil {
			client, err := netip.ParseAddr(strings.TrimPrefix(m[shape.SubexpIndex("client")], "IPv6:"))
			return hop{client.Unmap().WithZone(""), m[shape.SubexpIndex("helo")]}, err == nil
		}
	}
	return hop{}, false
}

// splitReceived gives the two parts of a Received field that matter: what
// stands after "from", with the first comment, and the name after "by".
func splitReceived(value string) (from, by string, ok bool) {
	value, ok = strings.CutPrefix(value, "from ")
	if !ok || !wellFormed(value) {
		return "", "", false
	}
	open := strings.IndexByte(value, '(')
	if open < 0 {
		return "", "", false
	}
	end := closing(value, open) + 1
	rest, _ := withoutComments(value[end:])
	words := strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ';' })
	if len(words) < 2 || !strings.EqualFold(words[0], "by") {
		return "", "", false
	}
	return value[:end], words[1], true
}

var bracketed = regexp.MustCompile(`\[([^\[\]]*)\]`)

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

// vouching is the domains, of one organisation with From, that a relay's
// results name.
type vouching struct {
	signed []string // it found a signature of theirs
	sent   []string // it found SPF, or DMARC without saying how
}

// standing is of each the first that speaks for the author.
func (w vouching) standing(policy dmarc, author ticket.Address) (signed, sent string) {
	for _, domain := range w.signed {
		if signed == "" && policy.signs(domain, author) {
			signed = domain
		}
	}
	for _, domain := range w.sent {
		if sent == "" && policy.sends(domain, author) {
			sent = domain
		}
	}
	return signed, sent
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
			out.add(r, author, d.From.Domain())
		}
		return out
	}
	return out
}

// add takes in one result. sender is the domain of the MAIL FROM that it is
// about.
func (w *vouching) add(r result, author ticket.Address, sender string) {
	if r.value != string(Pass) {
		return
	}
	switch r.method {
	case "dkim":
		domain := r.properties["header.d"]
		if domain == "" {
			_, domain, _ = strings.Cut(r.properties["header.i"], "@")
		}
		if aligned(domain, author.Domain()) {
			w.signed = append(w.signed, strings.ToLower(domain))
		}
	case "spf":
		if aligned(sender, author.Domain()) {
			w.sent = append(w.sent, strings.ToLower(sender))
		}
	case "dmarc":
		if from := r.properties["header.from"]; strings.EqualFold(from, author.Domain()) {
			w.sent = append(w.sent, author.Domain())
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
