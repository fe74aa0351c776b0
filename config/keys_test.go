package config

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writePEM(t *testing.T, path, kind string, der []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSigningKeys(t *testing.T) {
	dir := t.TempDir()
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(edwards)
	writePEM(t, filepath.Join(dir, "ed25519"), "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(curve)
	writePEM(t, filepath.Join(dir, "ecdsa"), "PRIVATE KEY", der, err)
	writePEM(t, filepath.Join(dir, "rsa"), "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil)
	writePEM(t, filepath.Join(dir, "short"), "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(short), nil)
	writePEM(t, filepath.Join(dir, "public"), "PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey), nil)
	for name, want := range map[string]string{
		"ed25519": "", "rsa": "", "short": "an RSA key of 1024 bits", "ecdsa": "a key of a kind that DKIM does not know", "public": "no private key", "none": "no such file",
	} {
		if got := keyFault(filepath.Join(dir, name)); got != want && !(want != "" && strings.HasPrefix(got, want)) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		public, private, _ := ed25519.GenerateKey(rand.Reader)
		cert := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mx.example.com"}}
		der, err := x509.CreateCertificate(rand.Reader, cert, cert, public, private)
		writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", der, err)
		der, err = x509.MarshalPKCS8PrivateKey(private)
		writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", der, err)
	}
	for _, c := range []struct{ certificate, key, want string }{
		{"one.pem", "one.key", ""},
		{"one.pem", "two.key", "the certificate cannot be used: private key does not match public key"},
		{"none.pem", "one.key", "none.pem cannot be read"},
		{"one.pem", "", "a certificate without its key"},
		{"", "one.key", "a key without its certificate"},
	} {
		settings := "hostname: mx.example.com\nsmtp:\n  tls:\n    certificate: " + c.certificate + "\n    key: " + c.key + site
		path := filepath.Join(dir, "guichet.yaml")
		_, err := Parse(path, []byte(settings), environment())
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s with %s: %v", c.certificate, c.key, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s with %s: got %v, want %s", c.certificate, c.key, err, c.want)
		}
	}
}
