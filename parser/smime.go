package parser

import "strings"

// isSMIME tells the parts that hold a whole message, signed or encrypted
// (RFC 8551 §3.2). A detached signature is an attachment like any other.
func isSMIME(p *part) bool {
	switch p.mediaType {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	case "application/octet-stream":
		return strings.HasSuffix(strings.ToLower(p.filename()), ".p7m")
	}
	return false
}

// smime opens what is only signed, and says of what is encrypted that it is.
func (b *body) smime(p *part) {
	content := decodeTransfer(p.encoding, p.body, maxInner)
	kind := strings.ToLower(p.params["smime-type"])
	inner, signed := signedContent(content)
	switch {
	case signed && len(inner) > 0:
		w := &walker{}
		root := w.walk(inner, nil, 0, "text/plain")
		if w.exceeded || b.nested >= maxNested {
			b.attach(p)
			return
		}
		b.nested++
		b.gather(root)
		b.nested--
		return
	case kind == "enveloped-data" || kind == "authenveloped-data" || kind == "" && !signed:
		b.encrypted = "smime"
	}
	b.attach(p)
}

// Object identifiers of CMS content types (RFC 5652), DER encoded.
const (
	oidData       = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
	oidSignedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
)

// signedContent finds the message in ContentInfo → SignedData →
// encapContentInfo → eContent (RFC 5652 §5). signed tells whether it is
// SignedData at all. Nothing is verified here.
func signedContent(b []byte) (content []byte, signed bool) {
	info, _, ok := cutBER(b)
	if !ok || info.tag != 0x30 {
		return nil, false
	}
	oid, rest, ok := cutBER(info.body)
	if !ok || oid.tag != 0x06 || string(oid.body) != oidSignedData {
		return nil, false
	}
	explicit, _, ok := cutBER(rest)
	if !ok {
		return nil, true
	}
	data, _, ok := cutBER(explicit.body)
	if !ok {
		return nil, true
	}
	_, rest, _ = cutBER(data.body) // version
	_, rest, ok = cutBER(rest)     // digestAlgorithms
	encap, _, ok2 := cutBER(rest)  // encapContentInfo
	if !ok || !ok2 {
		return nil, true
	}
	oid, rest, ok = cutBER(encap.body)
	if !ok || string(oid.body) != oidData {
		return nil, true
	}
	wrapped, _, ok := cutBER(rest)
	if !ok {
		return nil, true
	}
	octets, _, ok := cutBER(wrapped.body)
	if !ok {
		return nil, true
	}
	return octets.join(0), true
}

// berValue is one element of BER (X.690), which mail programs use with its
// indefinite lengths and cut strings, so that encoding/asn1 cannot read it.
type berValue struct {
	tag  byte
	body []byte
}

// cutBER takes one element off b.
func cutBER(b []byte) (v berValue, rest []byte, ok bool) {
	body, size, indefinite, ok := berHeader(b)
	if !ok {
		return v, nil, false
	}
	v.tag = b[0]
	if !indefinite {
		size = min(size, len(body)) // cut off: what there is
		v.body = body[:size]
		return v, body[size:], true
	}
	n, ok := berEnd(body)
	if !ok {
		v.body = body
		return v, nil, true
	}
	v.body = body[:n]
	return v, body[n+2:], true
}

// berHeader reads tag and length.
func berHeader(b []byte) (body []byte, size int, indefinite, ok bool) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return nil, 0, false, false
	}
	n := int(b[1])
	switch {
	case n < 0x80:
		return b[2:], n, false, true
	case n == 0x80:
		return b[2:], 0, true, b[0]&0x20 != 0
	}
	n &= 0x7f
	if n > 4 || len(b) < 2+n {
		return nil, 0, false, false
	}
	for _, c := range b[2 : 2+n] {
		size = size<<8 | int(c)
	}
	return b[2+n:], size, false, size >= 0
}

// berEnd finds the end mark of an element of indefinite length: it goes over
// the elements once, counting how many are open.
func berEnd(b []byte) (n int, ok bool) {
	open, at := 1, 0
	for at+1 < len(b) {
		if b[at] == 0 && b[at+1] == 0 {
			if open--; open == 0 {
				return at, true
			}
			at += 2
			continue
		}
		body, size, indefinite, ok := berHeader(b[at:])
		if !ok {
			return 0, false
		}
		at = len(b) - len(body)
		if indefinite {
			open++
			continue
		}
		if size > len(b)-at {
			return 0, false
		}
		at += size
	}
	return 0, false
}

// join puts the pieces of a constructed string together.
func (v berValue) join(depth int) []byte {
	if v.tag&0x20 == 0 {
		return v.body
	}
	if depth > 4 {
		return nil
	}
	var out []byte
	for rest := v.body; len(rest) > 0; {
		piece, next, ok := cutBER(rest)
		if !ok {
			break
		}
		out = append(out, piece.join(depth+1)...)
		rest = next
	}
	return out
}
