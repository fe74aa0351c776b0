package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/mail"
	"net/smtp"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"guichet/envelope"
	"guichet/parser"
	"guichet/smtpd"
	"guichet/ticket"
)

// postOffice is the rest of the world to a demonstration: a mail server that
// takes whatever the daemon sends, and keeps it for whom it is.
type postOffice struct {
	address string
	door    *smtpd.Server
	mu      sync.Mutex
	boxes   map[string]*mailbox
	gone    map[string]bool // who has no box here
	// passOn, where it is set, is given each mail; true is that it went elsewhere.
	passOn func(*envelope.Envelope) (bool, error)
}

// mailbox is what came for somebody and was not taken yet. news has one in it if
// some of it came since somebody last waited.
type mailbox struct {
	mails []*received
	news  chan struct{}
}

// received is a mail that came.
type received struct {
	to, from, subject, replyTo string
	sender                     string // MAIL FROM
	message                    *parser.Message
	raw                        []byte
}

func newPostOffice(ctx context.Context) (*postOffice, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o := &postOffice{address: l.Addr().String(), boxes: map[string]*mailbox{}, gone: map[string]bool{}}
	o.door = smtpd.New(officeSettings(0), smtpd.Outside{Handler: o, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	go func() { _ = o.door.Serve(ctx, l) }()
	return o, nil
}

// officeSettings are those of its door; maxSize in bytes, 0 for the usual.
func officeSettings(maxSize int64) smtpd.Settings {
	return smtpd.Settings{Hostname: "relay.example", MaxSize: maxSize}
}

func (o *postOffice) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = o.door.Shutdown(ctx)
}

// Recipient takes mail for everybody who is not gone.
func (o *postOffice) Recipient(_ context.Context, a ticket.Address) (envelope.Recipient, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone[string(a)] {
		return envelope.Recipient{}, envelope.ErrNoSuchRecipient
	}
	return envelope.Recipient{Address: a}, nil
}

// Deliver puts a mail into the boxes of its recipients.
func (o *postOffice) Deliver(_ context.Context, e *envelope.Envelope) error {
	o.mu.Lock()
	passOn := o.passOn
	o.mu.Unlock()
	if passOn != nil {
		if passed, err := passOn(e); passed || err != nil {
			return err
		}
	}
	raw := bytes.Clone(e.Data)
	m := parser.Parse(raw)
	got := &received{from: m.From.Address, subject: m.Subject, sender: string(e.From), message: m, raw: raw}
	if m.From.Name != "" {
		got.from = fmt.Sprintf("%s <%s>", m.From.Name, m.From.Address)
	}
	got.replyTo = m.From.Address
	if len(m.ReplyTo) > 0 {
		got.replyTo = m.ReplyTo[0].Address
	}
	for _, rcpt := range e.Recipients {
		copied := *got
		copied.to = string(rcpt.Address)
		o.put(&copied)
	}
	return nil
}

// box is somebody's; the caller holds the lock.
func (o *postOffice) box(who string) *mailbox {
	if o.boxes[who] == nil {
		o.boxes[who] = &mailbox{news: make(chan struct{}, 1)}
	}
	return o.boxes[who]
}

func (o *postOffice) put(m *received) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.box(m.to)
	b.mails = append(b.mails, m)
	select {
	case b.news <- struct{}{}:
	default:
	}
}

// next waits for a mail to somebody.
func (o *postOffice) next(ctx context.Context, who string) (*received, error) {
	ctx, cancel := context.WithTimeout(ctx, demoWait)
	defer cancel()
	o.mu.Lock()
	news := o.box(who).news
	o.mu.Unlock()
	for {
		if m, ok := o.left(who); ok {
			return m, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// left gives a mail that nobody waited for.
func (o *postOffice) left(who string) (*received, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.box(who)
	if len(b.mails) == 0 {
		return nil, false
	}
	m := b.mails[0]
	b.mails = b.mails[1:]
	return m, true
}

// trackingCode is one as acknowledgements show it, in groups of four.
var trackingCode = regexp.MustCompile(`\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b`)

// written is a mail that somebody writes in a mail program.
type written struct {
	from              mail.Address
	to, subject, text string
	at                time.Time
	inReplyTo         string
	references        []string
}

// answer makes it a reply: to where replies are asked for, in the thread, with
// the other mail quoted below. wrote introduces the quote.
func (w *written) answer(m *received, wrote string) {
	w.to, w.subject, w.inReplyTo = m.replyTo, m.subject, m.message.MessageID
	w.references = append(slices.Clone(m.message.References), m.message.MessageID)
	w.text += "\n\n" + fmt.Sprintf(wrote, m.from) + "\n> " + strings.ReplaceAll(strings.TrimSpace(m.message.Text), "\n", "\n> ") + "\n"
}

// bytes is the mail as it goes over the wire.
func (w *written) bytes() []byte {
	var b bytes.Buffer
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	field("From", w.from.String())
	field("To", w.to)
	field("Subject", mime.BEncoding.Encode("utf-8", w.subject))
	field("Date", w.at.Format(time.RFC1123Z))
	field("Message-ID", fmt.Sprintf("<%x@%s>", sha256.Sum256([]byte(w.text+w.at.String())), w.from.Address[strings.IndexByte(w.from.Address, '@')+1:]))
	if w.inReplyTo != "" {
		field("In-Reply-To", "<"+w.inReplyTo+">")
		field("References", "<"+strings.Join(w.references, ">\r\n <")+">")
	}
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=utf-8")
	field("Content-Transfer-Encoding", "8bit")
	b.WriteString("\r\n" + strings.ReplaceAll(w.text, "\n", "\r\n") + "\r\n")
	return b.Bytes()
}

// submit sends a mail by SMTP, as it is.
func submit(ctx context.Context, server, from string, to []string, raw []byte) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return err
	}
	return submitOver(conn, from, to, raw)
}

// submitOver is submit over a connection, which it closes.
func submitOver(conn net.Conn, from string, to []string, raw []byte) error {
	defer conn.Close()
	client, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	if err := client.Mail(from); err != nil {
		return err
	}
	for _, rcpt := range to {
		if err := client.Rcpt(rcpt); err != nil {
			return err
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return client.Quit()
}
