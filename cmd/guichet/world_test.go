package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/smtp"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/foxcpp/go-mockdns"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sync/errgroup"
)

// signingKey signs for every domain of the scripts that signs at all.
var signingKey = ed25519.NewKeyFromSeed([]byte("a key that only these tests know"))

func (w *world) signs(_ *testscript.TestScript, args []string) error {
	record := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(signingKey.Public().(ed25519.PublicKey))
	for _, domain := range args {
		w.zones["s._domainkey."+domain+"."] = mockdns.Zone{TXT: []string{record}}
	}
	return nil
}

// signerOf takes -signed off the arguments of a command. "" is nobody, "." the
// From domain.
func signerOf(args []string) (signer string, rest []string) {
	flag, domain, _ := strings.Cut(args[0], "=")
	switch {
	case flag != "-signed":
		return "", args
	case domain == "":
		domain = "."
	}
	return domain, args[1:]
}

// signed puts a domain's signature on top of a mail.
func signed(signer string, raw []byte) ([]byte, error) {
	if signer == "" {
		return raw, nil
	}
	if signer == "." {
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		from := m.Header.Get("From")
		signer = strings.Trim(from[strings.LastIndexByte(from, '@')+1:], "<> ")
	}
	var out bytes.Buffer
	err := dkim.Sign(&out, bytes.NewReader(raw), &dkim.SignOptions{Domain: signer, Selector: "s", Signer: signingKey, Hash: crypto.SHA256})
	return out.Bytes(), err
}

// floodSize may be raised by hand: a flood of 10,000 takes a minute or more.
var floodSize = flag.Int("flood", 1000, "how many mails a flood is, in scripts that leave it open")

// connections is how many clients a flood comes from.
const connections = 16

// flood sends many mails, each connection being kept for all of its own.
func (w *world) flood(ts *testscript.TestScript, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	text, server := strings.ReplaceAll(ts.ReadFile(args[1]), "\n", "\r\n"), ts.Getenv("SMTP")
	w.canary.mail([]byte(text))
	var clients errgroup.Group
	for c := range connections {
		clients.Go(func() error {
			var mails [][]byte
			for i := c + 1; i <= n; i += connections {
				mails = append(mails, []byte(os.Expand(text, func(string) string { return strconv.Itoa(i) })))
			}
			return submitAll(server, mails)
		})
	}
	return clients.Wait()
}

// submitAll sends mails over one connection, each as its From and To say.
func submitAll(server string, mails [][]byte) error {
	client, err := smtp.Dial(server)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, raw := range mails {
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			return err
		}
		if err := client.Mail(m.Header.Get("From")); err != nil {
			return err
		}
		if err := client.Rcpt(m.Header.Get("To")); err != nil {
			return err
		}
		data, err := client.Data()
		if err != nil {
			return err
		}
		if _, err := data.Write(raw); err != nil {
			return err
		}
		if err := data.Close(); err != nil {
			return err
		}
	}
	return client.Quit()
}

func (w *world) html(ts *testscript.TestScript, _ []string) error {
	m, err := mail.ReadMessage(bytes.NewReader(w.newest.raw))
	if err != nil {
		return err
	}
	page, err := htmlOf(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs("html"), []byte(page), 0o600)
}

// htmlOf finds the HTML of a part; "" where there is none.
func htmlOf(contentType, encoding string, body io.Reader) (string, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", err
	}
	if kind == "text/html" {
		switch encoding {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		page, err := io.ReadAll(body)
		return string(page), err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return "", nil
	}
	parts := multipart.NewReader(body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		page, err := htmlOf(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
		if page != "" || err != nil {
			return page, err
		}
	}
}

var grouped = regexp.MustCompile(`\b[A-Z0-9]{4}(-[A-Z0-9]{4})+\b`)

// validationCode finds one as mails show it: two groups of four. Tracking codes
// have three.
func validationCode(text string) string {
	for _, code := range grouped.FindAllString(text, -1) {
		if len(code) == len("3467-9CDF") {
			return code
		}
	}
	return ""
}

const base32Letters = "abcdefghijklmnopqrstuvwxyz234567"

func (w *world) flip(ts *testscript.TestScript, args []string) error {
	token := anyToken.FindStringIndex(args[0])
	n, err := strconv.Atoi(args[1])
	if err != nil || token == nil || n < 1 || n > token[1]-token[0] {
		return fmt.Errorf("no such character in the token of %q", args[0])
	}
	at := token[0] + n - 1
	other := base32Letters[strings.IndexByte(base32Letters, args[0][at])^1]
	ts.Setenv("FLIPPED", args[0][:at]+string(other)+args[0][at+1:])
	return nil
}

func (w *world) gone(ts *testscript.TestScript, args []string) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var out bytes.Buffer
		if run(context.Background(), []string{"show", args[0], "-c", ts.MkAbs("guichet.yaml")}, w.environment(ts, &out, &out)) == exitFailed &&
			strings.Contains(out.String(), "there is no ticket "+args[0]) {
			return nil
		}
	}
	return fmt.Errorf("%s is still there", args[0])
}
