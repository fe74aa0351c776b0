package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"guichet/envelope"
	"guichet/ticket"
)

// Handler is what stands behind the door.
type Handler interface {
	// Recipient answers RCPT: the recipient as the envelope is to carry it, or an
	// *envelope.Refusal. Any other error becomes 451 4.3.0.
	Recipient(ctx context.Context, address ticket.Address) (envelope.Recipient, error)
	// Deliver takes a whole message; nil means that it is durable. An
	// *envelope.Refusal passes as it is, any other error becomes 451 4.3.0. The
	// envelope's Data is read-only, and gone when Deliver returns.
	Deliver(ctx context.Context, e *envelope.Envelope) error
}

// session is what go-smtp calls: one for each EHLO that follows the banner or
// STARTTLS.
type session struct {
	*connection
	library *smtp.Server
	helo    string

	// go-smtp reads BDAT on a goroutine of its own, which may still run when RSET
	// comes: so a message is a value of its own, and never changed once it is read.
	mu      sync.Mutex
	current *message
	count   int
}

// message is one transaction: MAIL, RCPT, and then DATA or BDAT.
type message struct {
	id         string
	from       ticket.Address
	null       bool
	utf8       bool
	recipients []envelope.Recipient
}

// Mail begins a message.
func (s *session) Mail(from string, options *smtp.MailOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		return answer(errNested)
	}
	if !s.settings.roomFor(options.Size) {
		s.refused(RefusedFull)
		s.log.Error("the disk is full: no message is begun", "directory", s.settings.SpoolDir)
		return answer(errFull)
	}
	s.count++
	m := &message{id: fmt.Sprintf("%s-%d", s.id, s.count), null: from == "", utf8: options.UTF8}
	// A sender that we could not write to is no reason to lose the mail (some
	// phone companies give out such addresses); it only proves nothing.
	m.from, _ = ticket.ParseAddress(from)
	s.current = m
	// go-smtp refuses a mail of exactly the size that it announces, so while a
	// message is under way it may have one byte more. The body counts exactly.
	s.library.MaxMessageBytes = s.settings.MaxSize + 1
	s.wire.begin()
	return nil
}

// Rcpt asks the Handler for one recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) (err error) {
	defer s.recovered(&err)
	address, err := ticket.ParseAddress(to)
	if err != nil {
		s.refused(RefusedRecipient)
		return answer(errAddress)
	}
	recipient, err := s.server.outside.Handler.Recipient(s.ctx, address)
	if err != nil {
		s.fault("recipient", err)
		s.refused(RefusedRecipient)
		return answer(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.current
	if !slices.ContainsFunc(m.recipients, func(r envelope.Recipient) bool { return r.Address.Same(recipient.Address) }) {
		m.recipients = append(m.recipients, recipient)
	}
	return nil
}

// Reset forgets the message under way.
func (s *session) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
	s.library.MaxMessageBytes = s.settings.MaxSize
	s.wire.end()
}

// Logout ends the session.
func (s *session) Logout() error { return nil }

// Data receives a message and answers for it. Its success is an SMTPError too:
// that is how go-smtp is told what to say.
func (s *session) Data(r io.Reader) (err error) {
	s.mu.Lock()
	m, start := s.current, time.Now()
	s.mu.Unlock()
	if m == nil {
		return answer(errIncomplete)
	}
	e := &envelope.Envelope{
		ID: m.id, Client: s.client, Helo: s.helo, TLS: s.wire.secure,
		From: m.from, Null: m.null, Recipients: m.recipients,
	}
	size, err := s.receive(m, e, s.source(r))
	s.report(e, size, time.Since(start), err)
	if err != nil {
		return answer(err)
	}
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: m.id + " queued"}
}

// source fills a body from where a message is: for BDAT it comes from go-smtp,
// through a pipe; for DATA from the wire itself.
func (s *session) source(r io.Reader) func(*body) error {
	if _, chunks := r.(*io.PipeReader); chunks {
		return func(b *body) error { return b.copyFrom(r) }
	}
	return func(b *body) error { return s.wire.message(b.add) }
}

// receive is the way of one message from its source to the Handler.
func (s *session) receive(m *message, e *envelope.Envelope, fill func(*body) error) (size int64, err error) {
	defer s.recovered(&err)
	b := newBody(s.settings.SpoolDir, s.settings.MaxSize, s.server.memory)
	defer b.Close()
	received := s.server.timed(StageReceive)
	if err := fill(b); err != nil {
		if errors.As(err, new(*envelope.Refusal)) || errors.Is(err, smtp.ErrDataTooLarge) || !s.cut(err) {
			return b.size, err
		}
		return b.size, errIncomplete
	}
	if !s.wire.whole() {
		return b.size, errIncomplete
	}
	data, err := b.finish()
	if err != nil {
		return b.size, err
	}
	received()
	e.Received = s.server.outside.Now()
	if e.Data, err = s.judge(m, e, data); err != nil {
		return b.size, err
	}
	if err := b.freeze(); err != nil {
		return b.size, err
	}
	// Until here the message was read where it lies; now it is taken apart.
	end, err := s.server.work.begin(s.ctx, b.size, s.settings.Patience)
	if err != nil {
		return b.size, err
	}
	defer end()
	deepen(len(data))
	ctx, cancel := context.WithTimeout(s.ctx, s.settings.Deliver)
	defer cancel()
	return b.size, s.server.outside.Handler.Deliver(ctx, e)
}

// deepen makes the stack as large as reading and filing a message needs it, while
// little is on it: one that grows on the way is copied again and again.
//
//go:noinline
func deepen(n int) byte {
	var frame [11 << 10]byte
	return frame[n%len(frame)]
}

// cut tells an end of the connection from a fault of our own spool.
func (s *session) cut(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, smtp.ErrDataReset) || errors.Is(err, io.EOF)
}

// recovered turns a panic of what is behind the door into a fault of ours: the
// client keeps its mail and tries again.
func (s *session) recovered(err *error) {
	if p := recover(); p != nil {
		s.log.Error("panic behind the door", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*err = answer(envelope.ErrTryLater)
	}
}

// fault logs an error that the client is not told.
func (s *session) fault(at string, err error) {
	if !errors.As(err, new(*envelope.Refusal)) {
		s.log.Error("fault", "at", at, "error", err)
	}
}

func (s *session) refused(reason string) { s.server.outside.Metrics.Refused(reason) }

// report leaves one line in the log for one message.
func (s *session) report(e *envelope.Envelope, size int64, took time.Duration, err error) {
	outcome, level := outcomeAccepted, slog.LevelInfo
	metrics := s.server.outside.Metrics
	if err == nil {
		metrics.Accepted(e.Evidence, size)
	} else {
		outcome = reasonOf(err)
	}
	if err != nil && outcome != RefusedCut { // a cut is the connection's to count
		metrics.Refused(outcome)
	}
	if outcome == RefusedCheck {
		s.log.Info("turned away", "id", e.ID, "why", err)
	}
	if outcome == RefusedFault || outcome == RefusedFull {
		s.fault("message", err)
		level = slog.LevelWarn
	}
	metrics.Transaction(outcome, took)
	line := []slog.Attr{
		slog.String("id", e.ID), slog.Int64("size", size), slog.Int("recipients", len(e.Recipients)),
		slog.String("proof", e.Evidence.Proof.String()), slog.String("method", string(e.Evidence.Method)), slog.String("why", e.Evidence.Reason),
		slog.String("outcome", outcome), slog.Duration("took", took),
	}
	s.log.LogAttrs(s.ctx, level, "message", append(line, filed(e)...)...)
}

// filed is what the Handler did with a message: as it is where that came to one
// queue, numbered where it came to several.
func filed(e *envelope.Envelope) []slog.Attr {
	if len(e.Filed) == 1 {
		return e.Filed[0]
	}
	var all []slog.Attr
	for i, each := range e.Filed {
		all = append(all, slog.GroupAttrs(strconv.Itoa(i+1), each...))
	}
	return all
}
