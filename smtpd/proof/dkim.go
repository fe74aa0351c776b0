package proof

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

const (
	maxSignatures = 5
	maxKey        = 4096           // of a key record; RSA of 16,384 bits fits
	maxAge        = 72 * time.Hour // of a signature; an older one may be a replay
	maxAhead      = 24 * time.Hour // of a signer's clock
)

// Signature is what became of one DKIM signature.
type Signature struct {
	Domain string // d=
	Result Result
	Reason string // a sentence, for people

	aged bool // it would count but for its age, as far as could be found out
}

// errTestKey stands for a key in test mode: signatures with it are to be
// treated as if there were none (RFC 6376 §3.6.1).
var errTestKey = errors.New("key in test mode")

// verify checks the first signatures of a message, by our rules as well as by
// the RFC's.
func verify(dns *lookups, h *header, data []byte, now time.Time) []Signature {
	var raw []string
	for _, f := range h.fields {
		if f.name == "dkim-signature" && len(raw) < maxSignatures {
			raw = append(raw, h.value(f))
		}
	}
	if len(raw) == 0 || costly(data[h.body:]) {
		return nil
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(data), &dkim.VerifyOptions{
		MaxVerifications: maxSignatures,
		LookupTXT:        func(name string) ([]string, error) { return lookupKey(dns, name) },
	})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return nil
	}
	signatures := make([]Signature, len(found))
	for i, verification := range found {
		signatures[i] = assess(verification, raw[min(i, len(raw)-1)], now)
	}
	return signatures
}

// assess applies our own rules to what the library found.
func assess(v *dkim.Verification, raw string, now time.Time) Signature {
	s := Signature{Domain: strings.ToLower(v.Domain), Result: Pass}
	if !validName(s.Domain) {
		return Signature{Result: PermError, Reason: "a signature names no domain"}
	}
	not := func(result Result, why string) { s.Result, s.Reason = result, "the signature of "+s.Domain+" "+why }
	switch {
	case hasTag(raw, "l"):
		not(Policy, "covers only a part of the message")
	case !v.Expiration.IsZero() && !now.Before(v.Expiration):
		not(Fail, "has expired")
	case !v.Time.IsZero() && now.Sub(v.Time) > maxAge:
		not(Policy, "is older than three days")
		s.aged = v.Err == nil || dkim.IsTempFail(v.Err)
	case !v.Time.IsZero() && v.Time.Sub(now) > maxAhead:
		not(Policy, "is dated in the future")
	case v.Err == nil:
	case dkim.IsTempFail(v.Err):
		not(TempError, "could not be checked: a look-up failed")
	case strings.HasSuffix(v.Err.Error(), errTestKey.Error()):
		not(Neutral, "uses a key in test mode")
	case dkim.IsPermFail(v.Err):
		not(PermError, "is not usable, or its key is not there")
	default:
		not(Fail, "does not fit the message")
	}
	return s
}

// hasTag reports whether a signature or key record has the tag.
func hasTag(record, tag string) bool {
	_, ok := tagValue(record, tag)
	return ok
}

func tagValue(record, tag string) (string, bool) {
	for pair := range strings.SplitSeq(record, ";") {
		name, value, ok := strings.Cut(pair, "=")
		if ok && strings.TrimSpace(name) == tag {
			return value, true
		}
	}
	return "", false
}

// lookupKey asks for a key and hides it when it is in test mode, which the
// library does not know.
func lookupKey(dns *lookups, name string) ([]string, error) {
	records, err := dns.LookupTXT(dns.ctx, name)
	for _, record := range records {
		if len(record) > maxKey {
			return nil, errors.New("key too large")
		}
		flags, _ := tagValue(record, "t")
		for flag := range strings.SplitSeq(flags, ":") {
			if strings.TrimSpace(flag) == "y" {
				return nil, errTestKey
			}
		}
	}
	return records, err
}

// costly reports a body that would take the library quadratic time: it copies
// a run of empty lines again with every piece that it reads.
func costly(body []byte) bool {
	run := 0
	for len(body) > 0 {
		i := bytes.IndexByte(body, '\n')
		if i < 0 {
			return false
		}
		if run++; i > 1 {
			run = 0
		}
		if run > maxEmptyLines {
			return true
		}
		body = body[i+1:]
	}
	return false
}

const maxEmptyLines = 20_000
