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
	"errors"
	"hash"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What DKIM and ARC have in common (RFC 6376 §3).

// parseTags reads a tag list (RFC 6376 §3.2), without the space around and
// within its values. It reports false for what is none: one with a tag that is
// named twice, or has no value; and to be strict, with names that are no names,
// or empty places.
func parseTags(list string, strict bool) (map[string]string, bool) {
	tags := map[string]string{}
	pairs := strings.Split(list, ";")
	for i, pair := range pairs {
		if last := i > 0 && i == len(pairs)-1; strings.TrimSpace(pair) == "" && (last || !strict) {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		_, twice := tags[name]
		if !ok || twice || strict && !isTagName(name) {
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

// timesOf is when a signature was made and when it ends, where it says so; false
// where that cannot be read.
func timesOf(tags map[string]string) (made, expires time.Time, ok bool) {
	read := func(tag string) (time.Time, bool) {
		text, there := tags[tag]
		if !there {
			return time.Time{}, true
		}
		seconds, err := strconv.ParseUint(text, 10, 40)
		return time.Unix(int64(seconds), 0), err == nil
	}
	made, readable := read("t")
	expires, readableToo := read("x")
	return made, expires, readable && readableToo
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
// body, is made the same after small changes on the way.
func canonicalizations(c string) (field func(*hashing, string, []byte), relaxedBody, ok bool) {
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
// (RFC 6376 §5.4.2). It takes each field at most once, however often it is named.
func (h *header) pick(names string) []field {
	left := map[string][]field{}
	for _, f := range h.fields {
		left[f.name] = append(left[f.name], f)
	}
	var picked []field
	for name := range strings.SplitSeq(strings.ToLower(names), ":") {
		if same := left[name]; len(same) > 0 {
			picked = append(picked, same[len(same)-1])
			left[name] = same[:len(same)-1]
		}
	}
	return picked
}

// listed reports whether a list with colons has the word. (Its space is gone
// with that of the tag.)
func listed(list, word string) bool {
	for w := range strings.SplitSeq(list, ":") {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// hashOfBody is bodyHash of the message's body, which all signatures share.
func (h *header) hashOfBody(relaxed bool) [sha256.Size]byte {
	sum := &h.bodySums[0]
	if relaxed {
		sum = &h.bodySums[1]
	}
	sum.once.Do(func() { sum.value = bodyHash(h.data[h.body:], relaxed) })
	return sum.value
}

type bodySum struct {
	once  sync.Once
	value [sha256.Size]byte
}

var lineEnds = []byte(strings.Repeat("\r\n", 1024))

// bodyHash is SHA-256 of a body without the empty lines at its end and, relaxed,
// with its space as little as may be (RFC 6376 §3.4.3, §3.4.4).
func bodyHash(body []byte, relaxed bool) [sha256.Size]byte {
	for bytes.HasSuffix(body, []byte("\r\n")) {
		body = body[:len(body)-2]
	}
	if !relaxed {
		sum := sha256.New()
		sum.Write(body)
		sum.Write(lineEnds[:2])
		return [sha256.Size]byte(sum.Sum(nil))
	}
	sum := sha256.New()
	empty := 0
	for len(body) > 0 {
		line := body
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			line, body = body[:i], body[i+1:]
		} else {
			body = nil
		}
		if line = squeeze(bytes.TrimSuffix(line, []byte("\r"))); len(line) == 0 {
			empty += 2
			continue
		}
		for ; empty > 0; empty -= min(empty, len(lineEnds)) {
			sum.Write(lineEnds[:min(empty, len(lineEnds))])
		}
		sum.Write(line)
		sum.Write(lineEnds[:2])
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

const (
	maxKey = 4096 // of a key record, in bytes
	// RSA keys in bits (RFC 8301 §3.2): shorter ones are for nothing any more, and
	// longer ones cost us more than anybody needs.
	leastRSA = 1024
	mostRSA  = 4096
)

// checkSignature verifies what was hashed by the key that the tags name: Pass,
// Fail, PermError when there is no such key or none for this, TempError when
// nobody could be asked for it, Neutral when it is on trial.
func checkSignature(dns *lookups, tags map[string]string, hash *hashing) Result {
	if !validName(tags["d"]) || !validName(tags["s"]) {
		return PermError
	}
	records, err := dns.LookupTXT(dns.ctx, tags["s"]+"._domainkey."+tags["d"])
	if fault := new(net.DNSError); err != nil && !(errors.As(err, &fault) && fault.IsNotFound) {
		return TempError
	}
	if err != nil || len(records) != 1 || len(records[0]) > maxKey {
		return PermError
	}
	record, ok := parseTags(records[0], false)
	if !ok {
		return PermError
	}
	flags := record["t"]
	_, identity, _ := strings.Cut(tags["i"], "@")
	switch key, ok := publicKey(record, tags["a"]); {
	case listed(flags, "y"):
		return Neutral // to be treated as if it were not signed (RFC 6376 §3.6.1)
	case !ok, listed(flags, "s") && identity != "" && !strings.EqualFold(identity, tags["d"]):
		return PermError
	case verifies(key, tags["b"], hash.sum()):
		return Pass
	}
	return Fail
}

// publicKey is the key of a record, if it is one for mail and for the algorithm
// (RFC 6376 §3.6.1, RFC 8463). SHA-1 is for nothing any more (RFC 8301 §3.1).
func publicKey(record map[string]string, algorithm string) (crypto.PublicKey, bool) {
	if version, there := record["v"]; there && version != "DKIM1" {
		return nil, false
	}
	if hashes, there := record["h"]; there && !listed(hashes, "sha256") {
		return nil, false
	}
	if services, there := record["s"]; there && !listed(services, "email") && !listed(services, "*") {
		return nil, false
	}
	der, err := base64.StdEncoding.DecodeString(record["p"])
	if err != nil {
		return nil, false
	}
	switch kind := record["k"]; {
	case algorithm == "rsa-sha256" && (kind == "" || kind == "rsa"):
		key, ok := rsaKey(der)
		return key, ok && key.N.BitLen() >= leastRSA && key.N.BitLen() <= mostRSA
	case algorithm == "ed25519-sha256" && kind == "ed25519":
		return ed25519.PublicKey(der), len(der) == ed25519.PublicKeySize
	}
	return nil, false
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

func verifies(key crypto.PublicKey, signature string, sum []byte) bool {
	signed, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum, signed) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(key, sum, signed)
	}
	return false
}
