package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"guichet/parser"
)

// bombs are mails that cost a careless reader time or memory out of proportion:
// what follows the fields that every mail has, for a size.
var bombs = map[string]func(n int) string{
	// Parts in parts in parts.
	"nested": func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return b.String() + "Content-Type: text/plain\n\nat the bottom\n"
	},
	// The same boundary for all of them, none of which ends.
	"unclosed": func(n int) string {
		return strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", n) + "Content-Type: text/plain\n\nat the bottom\n"
	},
	"empty": func(n int) string {
		return "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n", n) + "--b--\n"
	},
	// Lines that begin like boundaries and are none.
	"boundaries": func(n int) string {
		return "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--bb\n", n) + "--b\n\ntext\n--b--\n"
	},
	"parameters": func(n int) string {
		var b strings.Builder
		b.WriteString("Content-Type: text/plain")
		for i := range n {
			fmt.Fprintf(&b, ";\n x*%d=y", i)
		}
		return b.String() + "\n\ntext\n"
	},
	"received": func(n int) string {
		return strings.Repeat("Received: from a by b; Mon, 16 Mar 2026 08:00:00 +0000\n", n) + "\ntext\n"
	},
	"recipients": func(n int) string {
		return "Cc: " + strings.Repeat("a@b.example,\n ", n) + "z@b.example\n\ntext\n"
	},
	"encoded": func(n int) string {
		return "Comments: " + strings.Repeat("=?utf-8?q?=3D=3Futf-8=3Fq=3F?=\n ", n) + "\n\ntext\n"
	},
	"html": func(n int) string {
		return "Content-Type: text/html\n\n" + strings.Repeat("<div><table><a href=x>\n", n) + "text\n"
	},
	"base64": func(n int) string {
		return "Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n" + strings.Repeat("!\n=", n) + "\n"
	},
	"header": func(n int) string {
		return "X-Long: " + strings.Repeat("a ", n) + "\n" + strings.Repeat("X-Many: a\n", n) + "\ntext\n"
	},
	// A second author where a reader may have stopped.
	"author": func(n int) string {
		return strings.Repeat("X-Many: a\n", n) + "From: anna@acme.example\n\ntext\n"
	},
}

func (w *world) bomb(ts *testscript.TestScript, args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil || bombs[args[0]] == nil {
		return fmt.Errorf("no such bomb: %v", args)
	}
	text := fmt.Sprintf("From: mallory@elsewhere.example\nTo: help@acme.example\nSubject: Bomb of %[1]s parts\nMessage-ID: <%[1]s@elsewhere.example>\nMIME-Version: 1.0\n", args[0]) +
		bombs[args[0]](n)
	return w.submit(ts, "", "mallory@elsewhere.example", []string{"help@acme.example"}, []byte(strings.ReplaceAll(text, "\n", "\r\n")))
}

func (w *world) attachment(ts *testscript.TestScript, args []string) error {
	ending := strings.Join(args, "")
	all := w.newest.message.Attachments
	i := slices.IndexFunc(all, func(a parser.Attachment) bool { return strings.HasSuffix(a.Name, ending) })
	if i < 0 {
		return fmt.Errorf("nothing is attached to %q", w.newest.subject)
	}
	content, err := io.ReadAll(all[i].Open())
	if err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs("attachment"), content, 0o600)
}
