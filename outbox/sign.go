package outbox

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"guichet/ticket"
)

// Key signs mails of one domain (RFC 6376, RFC 8463).
type Key struct {
	Domain   string // of From, or one above it
	Selector string
	Signer   crypto.Signer // RSA of at least 2048 bits, or Ed25519
}

// ParseKey reads a private key in PEM: PKCS #8, or PKCS #1 for RSA.
func ParseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM in it")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return nil, errors.New("no private key of RSA or Ed25519 in it")
		}
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return nil, fmt.Errorf("an RSA key of %d bits; receivers want 2048", key.N.BitLen())
		}
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, fmt.Errorf("a key of type %T; DKIM knows RSA and Ed25519", parsed)
}

// signed are the fields that a signature covers. Each stands once more than it
// occurs, so that nobody adds a second one and keeps the signature (RFC 6376
// §5.4.2).
var signed = []string{
	"From", "Reply-To", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version",
	"Content-Type", "Content-Language", "Auto-Submitted", "List-Id", "List-Unsubscribe",
}

// keysFor are the keys that sign for a From address.
func keysFor(keys []Key, from ticket.Address) []Key {
	var out []Key
	for _, k := range keys {
		if domain := strings.ToLower(k.Domain); from.Domain() == domain || strings.HasSuffix(from.Domain(), "."+domain) {
			out = append(out, k)
		}
	}
	return out
}

// sign writes the message once, to measure it and to sign what is written, and
// puts the signatures before it.
func (m *message) sign(ctx context.Context, keys []Key) (size int64, signatures string, err error) {
	keyed := append([]string(nil), signed...)
	for _, f := range m.fields {
		for _, name := range signed {
			if f.name == name {
				keyed = append(keyed, name)
			}
		}
	}
	keyed = append(keyed, "Content-Type")
	count := &counter{}
	writers := []io.Writer{count}
	var signers []*dkim.Signer
	for _, k := range keys {
		s, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: k.Domain, Selector: k.Selector, Signer: k.Signer, HeaderKeys: keyed,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			return 0, "", fmt.Errorf("sign for %s: %w", k.Domain, err)
		}
		defer s.Close() // ends its goroutine where writing fails
		signers, writers = append(signers, s), append(writers, s)
	}
	if err := m.writeTo(ctx, io.MultiWriter(writers...)); err != nil {
		return 0, "", err
	}
	var b bytes.Buffer
	for i, s := range signers {
		if err := s.Close(); err != nil {
			return 0, "", fmt.Errorf("sign for %s: %w", keys[i].Domain, err)
		}
		b.WriteString(s.Signature())
	}
	return count.n + int64(b.Len()), b.String(), nil
}

// counter measures what is written.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
