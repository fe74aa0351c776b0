package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"time"
)

// renewal is how long before its end a certificate should have been renewed:
// what renews them begins a month before.
const renewal = 21 * 24 * time.Hour

// certificate looks at that of STARTTLS.
func (e *exam) certificate(context.Context) []Finding {
	const check = "tls"
	if e.Certificate == "" {
		if !e.outward() {
			return []Finding{note(check, e.Hostname, "has no certificate, and mail comes from this machine only")}
		}
		return []Finding{warning(check, e.Hostname, "has no certificate, so mail comes in unencrypted").so("set smtp.tls to the files of one for %s", e.Hostname)}
	}
	pair, err := tls.LoadX509KeyPair(e.Certificate, e.Key)
	if err != nil {
		return []Finding{problem(check, e.Certificate, "cannot be used: %s", reason(err)).so("name in smtp.tls a certificate and its key in PEM that the daemon's user may read")}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return []Finding{problem(check, e.Certificate, "cannot be read: %s", err).so("have it issued again")}
	}
	now, day := e.Now(), leaf.NotAfter.Format(time.DateOnly)
	if err := leaf.VerifyHostname(e.Hostname); err != nil {
		return []Finding{problem(check, e.Certificate, "is not for %s: %s", e.Hostname, err).so("have one issued for %s, or set hostname to its name", e.Hostname)}
	}
	switch {
	case now.Before(leaf.NotBefore):
		return []Finding{problem(check, e.Certificate, "is not valid before %s", leaf.NotBefore.Format(time.DateOnly)).so("look at the clock of this machine")}
	case now.After(leaf.NotAfter):
		return []Finding{problem(check, e.Certificate, "expired on %s", day).so("renew it, then: systemctl reload guichet")}
	}
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: e.Hostname, Roots: e.Roots, Intermediates: between, CurrentTime: now}); err != nil {
		return []Finding{warning(check, e.Certificate, "is not trusted: %s", err).so("write the whole chain into the file, the leaf first (fullchain.pem); one that you signed yourself encrypts, and proves nothing")}
	}
	if left := leaf.NotAfter.Sub(now); left < renewal {
		return []Finding{warning(check, e.Certificate, "expires in %d days, on %s", int(left/(24*time.Hour)), day).so("look why it was not renewed; then: systemctl reload guichet")}
	}
	return []Finding{ok(check, e.Hostname, "has a certificate of %s until %s", issuer(leaf), day)}
}

func issuer(c *x509.Certificate) string {
	if len(c.Issuer.Organization) > 0 {
		return c.Issuer.Organization[0]
	}
	return c.Issuer.CommonName
}
