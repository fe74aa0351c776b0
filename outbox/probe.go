package outbox

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"guichet/ticket"
)

// Probe is a mail that goes out as all of a queue do, to see what the way makes
// of it.
type Probe struct {
	Hostname string
	From     ticket.Mailbox
	To       ticket.Address
	// Return is the envelope sender.
	Return    ticket.Address
	MessageID string // without <>
	Subject   string
	Text      string
	At        time.Time
}

// Send gives the probe to where mails go. Signed tells that it was signed.
func (p Probe) Send(ctx context.Context, out Outgoing, resolver Resolver, dial func(ctx context.Context, network, address string) (net.Conn, error)) (signed bool, err error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	relays := newPool(dial, nil)
	defer relays.closeIdle()
	sum := sha256.Sum256([]byte(p.MessageID))
	l := &letter{to: p.To, from: p.Return, sender: p.From.Address, message: message{
		boundary: "=_" + hex.EncodeToString(sum[:12]), locale: "en", text: p.Text, html: "<!doctype html><p>" + p.Text + "</p>\n",
	}}
	l.add("Date", p.At.UTC().Format(time.RFC1123Z))
	l.add("From", mailbox(p.From.Name, p.From.Address))
	l.add("To", mailbox("", p.To))
	l.add("Subject", words(p.Subject))
	l.add("Message-ID", identifiers(p.MessageID))
	l.add("Auto-Submitted", "auto-generated")
	l.add("X-Auto-Response-Suppress", "All")
	l.add("Content-Language", "en")
	l.add("MIME-Version", "1.0")
	m := &outgoing{letter: l, id: p.MessageID, made: p.At, hostname: p.Hostname}
	keys := keysFor(out.Keys, l.sender)
	if m.size, m.signatures, err = m.sign(ctx, keys); err != nil {
		return false, err
	}
	if err := transportOf(out, relays, resolver).send(ctx, m); err != nil {
		return false, refused(err)
	}
	return len(keys) > 0, nil
}

// Holds reports whether a signature that one of the keys made holds in a mail
// that came, whatever DNS says.
func Holds(raw []byte, keys []Key) bool {
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
		MaxVerifications: 5,
		LookupTXT: func(name string) ([]string, error) {
			for _, k := range keys {
				if strings.EqualFold(name, k.Selector+"._domainkey."+k.Domain) {
					return []string{recordOf(k)}, nil
				}
			}
			return nil, errors.New("not ours")
		},
	})
	if err != nil {
		return false
	}
	for _, v := range found {
		if v.Err == nil {
			return true
		}
	}
	return false
}

// recordOf is what DNS is to say of a key (RFC 6376 §3.6.1, RFC 8463 §3).
func recordOf(k Key) string {
	if public, ok := k.Signer.Public().(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	}
	der, err := x509.MarshalPKIXPublicKey(k.Signer.Public())
	if err != nil {
		return ""
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}
