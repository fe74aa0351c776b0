package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"guichet/parser"
)

// canary is what went in and out of a daemon and may stand in no log: whole
// addresses, names, subjects, lines of text, tokens and codes.
type canary struct {
	mu    sync.Mutex
	words map[string]bool
}

var (
	anyAddress = regexp.MustCompile(`[\w.+=-]+@[\w-]+(\.[\w-]+)+`)
	anyToken   = regexp.MustCompile(`\b[a-z2-7]{40}\b`)
)

// telling is how many letters a subject or a line must have to be nobody's but
// its writer's: "hello" may stand in a log.
const telling = 9

func (c *canary) add(words ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.words == nil {
		c.words = map[string]bool{}
	}
	for _, w := range words {
		if w = strings.ToLower(strings.TrimSpace(w)); w != "" {
			c.words[w] = true
		}
	}
}

// line takes a line of SMTP or of a text.
func (c *canary) line(text string) {
	c.add(anyAddress.FindAllString(text, -1)...)
	c.add(anyToken.FindAllString(text, -1)...)
	for _, code := range grouped.FindAllString(text, -1) {
		c.add(code, strings.ReplaceAll(code, "-", ""))
	}
	if name, value, ok := strings.Cut(text, ":"); ok && !strings.Contains(name, " ") {
		text = value
		if strings.EqualFold(name, "message-id") {
			return // the log has a digest of it
		}
	}
	// A single word, as the end of a line that was broken, is nobody's own.
	if text = strings.TrimSpace(text); strings.Contains(text, " ") && len(text) >= telling {
		c.add(text)
	}
}

// mail takes a whole mail, as it is on the wire and as it is read.
func (c *canary) mail(raw []byte) {
	m := parser.Parse(raw)
	if len(m.Subject) >= telling {
		c.add(m.Subject)
	}
	for _, box := range append([]parser.Mailbox{m.From}, append(m.To, m.Cc...)...) {
		if strings.Contains(box.Name, " ") {
			c.add(box.Name)
		}
	}
	for line := range strings.Lines(string(raw)) {
		c.line(line)
	}
	for line := range strings.Lines(m.Text) {
		c.line(line)
	}
}

// looked looks into the log of a script that is over, also for the mails that
// nobody of it looked at.
func (w *world) looked(file string) error {
	log, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil // no daemon ran
	}
	if err != nil {
		return err
	}
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	for _, box := range w.post.boxes {
		for _, m := range box.mails {
			w.canary.mail(m.raw)
		}
	}
	return w.canary.sings(string(log))
}

// sings looks for all of the words in one go: a flood leaves thousands.
func (c *canary) sings(log string) error {
	if len(c.words) == 0 {
		return errors.New("a daemon ran, and nothing was noted that may stand in no log")
	}
	var marks []string
	for word := range c.words {
		marks = append(marks, word, "\x00"+word+"\x00")
	}
	for line := range strings.Lines(strings.NewReplacer(marks...).Replace(strings.ToLower(log))) {
		if parts := strings.Split(line, "\x00"); len(parts) > 1 {
			return fmt.Errorf("%q stands in the log: %s", parts[1], strings.Join(parts, ""))
		}
	}
	return nil
}

func TestCanary(t *testing.T) {
	var c canary
	c.mail([]byte("From: Marie Martin <marie@customer.example>\r\nTo: help+acpk6j2iyn5khkbyyuaafor32yrrhpcjgd7pemg7@acme.example\r\n" +
		"Subject: =?utf-8?q?The_badge_reader?=\r\n\r\nIt has been dark since 347G-9CDF.\r\n"))
	for _, line := range []string{"to marie@customer.example", "name=\"MARIE Martin\"", "subject=the badge reader", "token acpk6j2iyn5khkbyyuaafor32yrrhpcjgd7pemg7.",
		"text: It has been dark since 347G-9CDF. Or", "code=347G9CDF", "code=347g-9cdf"} {
		if c.sings("level=INFO msg=started\n"+line+"\nlevel=INFO\n") == nil {
			t.Errorf("passed over: %s", line)
		}
	}
	if err := c.sings("level=INFO msg=message site=acme did=opened host=127.0.0.1\n"); err != nil {
		t.Error(err)
	}
}
