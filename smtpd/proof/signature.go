package proof

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// What DKIM and ARC have in common (RFC 6376 §3), as far as ARC needs it here:
// DKIM's own signatures are checked by go-msgauth, which knows no other.

// parseTags reads a tag list (RFC 6376 §3.2) without the space around and, in
// the values, within. It reports false for what is none: a tag named twice, or
// not well, or an empty place between two of them.
func parseTags(list string) (map[string]string, bool) {
	tags := map[string]string{}
	pairs := strings.Split(list, ";")
	for i, pair := range pairs {
		if strings.TrimSpace(pair) == "" && i > 0 && i == len(pairs)-1 {
			break
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		_, twice := tags[name]
		if !ok || twice || !isTagName(name) {
			return nil, false
		}
		tags[name] = strings.Join(strings.Fields(value), "")
	}
	return tags, true
}

func isTagName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != ""
}

// dated reports that the time in the tags, if there is one, is a number.
func dated(tags map[string]string) bool {
	t, ok := tags["t"]
	_, err := strconv.ParseUint(t, 10, 63)
	return !ok || err == nil
}

// hashing is SHA-256 over header fields. The last of them ends without its line
// end, and which is the last shows only at the sum.
type hashing struct {
	hash.Hash
	owed bool
}

func newHash() *hashing { return &hashing{Hash: sha256.New()} }

func (h *hashing) field(text []byte) {
	if h.owed {
		h.Write([]byte("\r\n"))
	}
	h.Write(bytes.TrimSuffix(text, []byte("\r\n")))
	h.owed = true
}

func (h *hashing) sum() []byte { return h.Sum(nil) }

// canonicalizations reads c= (RFC 6376 §3.4): how a field, and whether the
// body, is made the same after small changes on the way. Where ARC leaves it
// out, its makers mean relaxed, unlike DKIM's.
func canonicalizations(tags map[string]string) (field func(*hashing, string, []byte), relaxedBody, ok bool) {
	c, there := tags["c"]
	if !there {
		return relaxed, true, true
	}
	header, body, _ := strings.Cut(c, "/")
	field = map[string]func(*hashing, string, []byte){"simple": simple, "relaxed": relaxed}[header]
	return field, body == "relaxed", field != nil && (body == "" || body == "simple" || body == "relaxed")
}

// simple takes a field as it stands (RFC 6376 §3.4.1).
func simple(h *hashing, _ string, text []byte) { h.field(text) }

// relaxed takes a field with its name in lower case and its space as little as
// may be (RFC 6376 §3.4.2).
func relaxed(h *hashing, name string, text []byte) {
	_, value, _ := bytes.Cut(text, []byte(":"))
	words := bytes.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' })
	h.field(append([]byte(name+":"), bytes.Join(words, []byte(" "))...))
}

// unsigned is a signature field with b= empty, as it was when it was signed.
func unsigned(text []byte) []byte {
	head, value, _ := bytes.Cut(text, []byte(":"))
	pairs := bytes.Split(value, []byte(";"))
	for i, pair := range pairs {
		if name, _, ok := bytes.Cut(pair, []byte("=")); ok && string(bytes.TrimSpace(name)) == "b" {
			pairs[i] = slices.Concat(name, []byte("="))
			if i == len(pairs)-1 {
				pairs[i] = append(pairs[i], "\r\n"...)
			}
		}
	}
	return slices.Concat(head, []byte(":"), bytes.Join(pairs, []byte(";")))
}

// pick is the fields that h= names, of several with one name the lowest first
// (RFC 6376 §5.4.2).
func (h *header) pick(names string) []field {
	var picked []field
	used := map[string]int{}
	for name := range strings.SplitSeq(strings.ToLower(names), ":") {
		name = strings.TrimSpace(name)
		skip := used[name]
		used[name]++
		for _, f := range slices.Backward(h.fields) {
			if f.name != name {
				continue
			}
			if skip--; skip < 0 {
				picked = append(picked, f)
				break
			}
		}
	}
	return picked
}

func containsField(names, name string) bool {
	for n := range strings.SplitSeq(names, ":") {
		if strings.EqualFold(strings.TrimSpace(n), name) {
			return true
		}
	}
	return false
}

// bodyHash is SHA-256 of a body without the empty lines at its end and, relaxed,
// with its space as little as may be (RFC 6376 §3.4.3, §3.4.4).
func bodyHash(body []byte, relaxed bool) [sha256.Size]byte {
	sum := sha256.New()
	empty, written := 0, false
	for len(body) > 0 {
		line := body
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			line, body = body[:i], body[i+1:]
		} else {
			body = nil
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		if relaxed {
			line = squeeze(line)
		}
		if len(line) == 0 {
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			sum.Write([]byte("\r\n"))
		}
		sum.Write(line)
		sum.Write([]byte("\r\n"))
		written = true
	}
	if !written && !relaxed {
		sum.Write([]byte("\r\n"))
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// squeeze makes each run of space one space, and none of it at the end.
func squeeze(line []byte) []byte {
	line = bytes.TrimRight(line, " \t")
	if !bytes.Contains(line, []byte("  ")) && !bytes.Contains(line, []byte("\t")) {
		return line
	}
	out := make([]byte, 0, len(line))
	for _, b := range line {
		if b == '\t' {
			b = ' '
		}
		if b != ' ' || len(out) == 0 || out[len(out)-1] != ' ' {
			out = append(out, b)
		}
	}
	return out
}

func sameHash(encoded string, sum [sha256.Size]byte) bool {
	want, err := base64.StdEncoding.DecodeString(encoded)
	return err == nil && subtle.ConstantTimeCompare(want, sum[:]) == 1
}

// verifies checks a signature with the key of a key record (RFC 6376 §3.6.1,
// RFC 8463). RSA keys of less than 1024 bits count for nothing (RFC 8301).
func verifies(record, algorithm, signature string, sum []byte) bool {
	tags, ok := parseTags(record)
	if version, there := tags["v"]; !ok || there && version != "DKIM1" || !lists(tags, "h", "sha256") || !lists(tags, "s", "email") {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(tags["p"])
	if err != nil {
		return false
	}
	signed, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	switch kind := tags["k"]; {
	case algorithm == "rsa-sha256" && (kind == "" || kind == "rsa"):
		public, ok := rsaKey(key)
		return ok && public.N.BitLen() >= 1024 && rsa.VerifyPKCS1v15(public, crypto.SHA256, sum, signed) == nil
	case algorithm == "ed25519-sha256" && kind == "ed25519":
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, sum, signed)
	}
	return false
}

// rsaKey reads both forms that are in use (RFC 6376, erratum 3017).
func rsaKey(der []byte) (*rsa.PublicKey, bool) {
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		public, ok := key.(*rsa.PublicKey)
		return public, ok
	}
	public, err := x509.ParsePKCS1PublicKey(der)
	return public, err == nil
}

// lists reports whether a tag of a key record that limits what the key is for
// leaves this.
func lists(tags map[string]string, tag, word string) bool {
	value, there := tags[tag]
	if !there {
		return true
	}
	for w := range strings.SplitSeq(value, ":") {
		if w == word || w == "*" && tag == "s" {
			return true
		}
	}
	return false
}
