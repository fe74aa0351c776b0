package doctor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate, of an authority or, with none, of itself.
func issue(t *testing.T, name string, ca bool, by *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"Authority of " + name}}, DNSNames: []string{name},
		IsCA: ca, BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	if by == nil {
		by = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key}
}

// TestChain: the file must hold what stands between the leaf and a root.
func TestChain(t *testing.T) {
	w := perfect(t)
	root := issue(t, "root", true, nil)
	between := issue(t, "between", true, root)
	leaf := issue(t, "mx.acme.example", false, between)
	w.Roots = x509.NewCertPool()
	w.Roots.AddCert(root.certificate)
	key, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	for _, c := range []struct {
		chain []*authority
		state State
		what  string
	}{
		{[]*authority{leaf}, Warning, "is not trusted"},
		{[]*authority{leaf, between}, OK, "has a certificate of Authority of between until "},
	} {
		var text bytes.Buffer
		for _, each := range c.chain {
			if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: each.certificate.Raw}); err != nil {
				t.Fatal(err)
			}
		}
		w.write(t, "cert.pem", text.String())
		e := &exam{Outside: w.Outside, Installation: w.Installation}
		if f := e.certificate(t.Context())[0]; f.State != c.state || !strings.Contains(f.What, c.what) {
			t.Errorf("%d certificates: %+v", len(c.chain), f)
		}
	}
}
