package main

import (
	"bytes"
	"os"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	// drawnFields are those whose values differ from mail to mail.
	drawnFields = regexp.MustCompile(`(?im)^(message-id|date|in-reply-to|references|thread-index):(.*(?:\r\n[ \t].*)*)`)
	boundaries  = regexp.MustCompile(`boundary="?([^"\s;]+)`)
	drawn       = regexp.MustCompile(`[A-Za-z0-9]`)
)

// likeness writes the whole of the last mail with its envelope sender to a file,
// each character of what is drawn or told by the clock being an x: two mails that
// must not be told apart give the same file, byte for byte.
func (w *world) likeness(ts *testscript.TestScript, args []string) error {
	mask := func(b []byte) []byte { return drawn.ReplaceAll(b, []byte("x")) }
	raw := append(append([]byte("Return-Path: "), mask([]byte(w.newest.sender))...), "\r\n"...)
	raw = append(raw, w.newest.raw...)
	for _, found := range boundaries.FindAllSubmatch(raw, -1) {
		raw = bytes.ReplaceAll(raw, found[1], mask(bytes.Clone(found[1])))
	}
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	head = drawnFields.ReplaceAllFunc(head, func(field []byte) []byte {
		name, value, _ := bytes.Cut(field, []byte(":"))
		return append(append(bytes.Clone(name), ':'), mask(value)...)
	})
	return os.WriteFile(ts.MkAbs(args[0]), bytes.Join([][]byte{head, body}, []byte("\r\n\r\n")), 0o600)
}
