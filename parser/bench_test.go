package parser

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"
)

const benchHeader = "Received: from mx.example.com by mx.example.org; Tue, 3 Mar 2026 10:00:00 +0100\r\n" +
	"From: Jeanne Martin <jeanne@example.com>\r\nTo: Support <help@example.org>\r\n" +
	"Subject: =?utf-8?Q?L'imprimante_du_deuxi=C3=A8me_=C3=A9tage?=\r\nDate: Tue, 3 Mar 2026 10:00:00 +0100\r\n" +
	"Message-ID: <20260303.1@example.com>\r\nIn-Reply-To: <20260302.9@example.org>\r\nMIME-Version: 1.0\r\n"

// benchSmall is the mail that a help desk gets most: a few lines and a quote.
func benchSmall() []byte {
	return []byte(benchHeader + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
		"Bonjour,\r\n\r\nL'imprimante ne répond plus depuis ce matin, le voyant reste rouge.\r\nPouvez-vous passer avant midi ?\r\n\r\nMerci,\r\nJeanne\r\n\r\n" +
		"Le lun. 2 mars 2026 à 17:12, Support <help@example.org> a écrit :\r\n> Bonjour,\r\n> est-ce que tout fonctionne de nouveau ?\r\n> Cordialement\r\n")
}

// benchText is a long mail of paragraphs, with nothing quoted: a report, a log that
// somebody explains.
func benchText(n int) []byte {
	var text strings.Builder
	for i := 0; text.Len() < n; i++ {
		fmt.Fprintf(&text, "Le poste %d de l'accueil s'éteint de lui-même vers %d h, une ou deux fois\r\npar jour ; la lampe reste verte, et l'écran devient noir.\r\n", i, 8+i%10)
		if i%4 == 3 {
			text.WriteString("\r\n")
		}
	}
	return []byte(benchHeader + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text.String())
}

func benchPNG(n int) string {
	raw := bytes.Repeat([]byte("\x89PNG\r\n\x1a\nnot really a picture"), n/20+1)[:n]
	var out strings.Builder
	text := base64.StdEncoding.EncodeToString(raw)
	for len(text) > 76 {
		out.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	return out.String() + text + "\r\n"
}

func benchAlternative() []byte {
	return []byte(benchHeader + "Content-Type: multipart/related; boundary=rel\r\n\r\n--rel\r\nContent-Type: multipart/alternative; boundary=alt\r\n\r\n" +
		"--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour, voici la photo du voyant.\r\n\r\nJeanne\r\n" +
		"--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>Bonjour, voici la photo du voyant.</p><img src=\"cid:p1\"><p>Jeanne</p></body></html>\r\n--alt--\r\n" +
		"--rel\r\nContent-Type: image/png; name=voyant.png\r\nContent-ID: <p1>\r\nContent-Transfer-Encoding: base64\r\n\r\n" + benchPNG(30<<10) + "--rel--\r\n")
}

func benchAttachment() []byte {
	return []byte(benchHeader + "Content-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nLe journal est joint.\r\n" +
		"--mix\r\nContent-Type: application/octet-stream; name=journal.bin\r\nContent-Disposition: attachment; filename=journal.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		benchPNG(5<<20) + "--mix--\r\n")
}

func benchLongHTML() []byte {
	var quote strings.Builder
	for i := range 400 {
		fmt.Fprintf(&quote, "<div style=\"font-family:Calibri\">Ligne %d de l'ancien message, avec un <a href=\"https://example.org/%d\">lien</a> et du <b>gras</b>.</div>\r\n", i, i)
	}
	return []byte(benchHeader + "Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><div dir=\"ltr\">Merci, c'est réparé.</div><br>" +
		"<div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">Le lun. 2 mars 2026 à 17:12, Support &lt;help@example.org&gt; a écrit :<br></div><blockquote class=\"gmail_quote\">" +
		quote.String() + "</blockquote></div></body></html>\r\n")
}

// BenchmarkBombs shows what the largest harm costs that a message can do.
func BenchmarkBombs(b *testing.B) {
	var nested strings.Builder
	for i := range 3_000 {
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	const mixed, markup = "Content-Type: multipart/mixed; boundary=x\n\n", "Content-Type: text/html\n\n"
	for name, raw := range map[string]string{
		"nested multiparts":     nested.String(),
		"empty parts":           mixed + strings.Repeat("--x\n\n", 200_000),
		"lines like boundaries": mixed + strings.Repeat("--y\nx\n", 400_000),
		"huge field":            "Subject: " + strings.Repeat("a ", 5<<20) + "\n\nx",
		"many fields":           strings.Repeat("X-A: b\n", 1<<20),
		"many elements":         markup + strings.Repeat("<blockquote>a", 200_000),
		"stray end tags":        markup + strings.Repeat("<b>", 1_000) + strings.Repeat("</i>", 1<<20),
		"quotes":                "\n" + strings.Repeat("> a\n", 1<<20),
		"second reader":         mixed + "--x\n\n--x--\n" + strings.Repeat("word ", maxSecond/5-20),
		"delivery report": "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n" +
			strings.Repeat("Final-Recipient: rfc822; a@example.com\n\n", 200_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				Parse([]byte(raw))
			}
		})
	}
}

// BenchmarkParse shows beside each of our times that of enmime as it comes.
func BenchmarkParse(b *testing.B) {
	for _, mail := range []struct {
		name string
		raw  []byte
	}{{"small", benchSmall()}, {"text of 4 KiB", benchText(4 << 10)}, {"text of 100 KiB", benchText(100 << 10)}, {"alternative with image", benchAlternative()}, {"attachment of 5 MB", benchAttachment()}, {"long HTML reply", benchLongHTML()}} {
		b.Run(mail.name+"/ours", func(b *testing.B) {
			b.SetBytes(int64(len(mail.raw)))
			b.ReportAllocs()
			for b.Loop() {
				Parse(mail.raw)
			}
		})
		b.Run(mail.name+"/enmime", func(b *testing.B) {
			b.SetBytes(int64(len(mail.raw)))
			b.ReportAllocs()
			p := enmime.NewParser()
			for b.Loop() {
				if _, err := p.ReadEnvelope(bytes.NewReader(mail.raw)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
