package smtpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// wire is the net.Conn that go-smtp talks to. It stands above TLS and passes
// on what is safe to understand:
//
//   - commands one by one, and the next only when the last was answered, so that
//     what a client sends too early is never taken for something else;
//   - message content not at all: the session takes it from here, as a content
//     machine reads it until the one true end, of which go-smtp hears;
//   - after any failed read, nothing more: not one byte in, not one out.
//
// All of it runs on the connection's goroutine except drain and whole.
type wire struct {
	net.Conn // the client: TCP, or TLS over it
	settings *Settings
	secure   bool // TLS is under us

	in       []byte // received and not yet looked at: a window of buffer
	buffer   []byte // first, or one of buffers
	first    [firstBuffer]byte
	full     bool       // the last read left no room in it
	out      []byte     // for go-smtp to read
	lent     *workplace // what out is a window of, mostly
	replies  []byte     // written by go-smtp, not yet sent
	midReply bool       // the last write of go-smtp did not end its line
	lastLine bool       // that line is, or was, the last of a reply
	mute     bool       // the next reply is swallowed: a second banner after TLS

	phase    phase
	verb     string  // of the last command passed on
	chunk    uint64  // bytes of a BDAT chunk still to come
	last     bool    // it is the last chunk
	content  content // of the message under way
	size     int64   // its bytes so far
	began    time.Time
	complete bool // its end was seen
	extended bool // the client said EHLO

	since        time.Time // when we began to wait for a command
	errors, idle int       // commands refused, and commands to no purpose
	gone         bool      // the last word was said, or cannot be said
	why          string    // a Refused… word, when we ended it
	wantTLS      bool      // STARTTLS was asked for; go-smtp is to end its part

	mu       sync.Mutex // guards what follows, and the read deadline
	draining bool
	busy     bool // a transaction is open
}

type phase int8

const (
	inCommands phase = iota
	inData
	inChunk
)

// The buffer of a client that says little is little: thousands may do so.
const (
	firstBuffer    = 512
	midBuffer      = 8 << 10
	wireBuffer     = 32 << 10
	maxCommandLine = 2048 // RFC 5321 §4.5.3.1.4 asks for 512, extensions for more
)

func newWire(conn net.Conn, settings *Settings) *wire {
	w := &wire{Conn: conn, settings: settings}
	w.buffer = w.first[:]
	return w
}

// Read gives go-smtp the next piece: at most one command, or of a message its
// end, or a chunk. It never runs past either.
func (w *wire) Read(p []byte) (int, error) {
	for len(w.out) == 0 {
		if w.gone || w.wantTLS {
			return 0, io.EOF
		}
		if err := w.advance(); err != nil {
			w.gone = true
			return 0, err
		}
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// advance works on until there is something to read, or nothing more to come.
func (w *wire) advance() error {
	switch w.phase {
	case inData:
		return w.advanceData()
	case inChunk:
		return w.advanceChunk()
	}
	return w.advanceCommand()
}

func (w *wire) advanceCommand() error {
	if w.errors >= w.settings.MaxErrors || w.idle >= 5*w.settings.MaxErrors {
		return w.hangUp(RefusedErrors, 421, "4.7.0", "Too many commands that cannot be done")
	}
	w.since = time.Now()
	line, err := w.line()
	if err != nil {
		return err
	}
	return w.command(line)
}

// line takes the next command line from what was received, without its end.
func (w *wire) line() (string, error) {
	for {
		if i := bytes.IndexByte(w.in, '\n'); i >= 0 {
			line := w.in[:i]
			w.in = w.in[i+1:]
			if !bytes.HasSuffix(line, []byte("\r")) && w.settings.BareNewline == Reject {
				return "", w.bareNewline()
			}
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		if len(w.in) > maxCommandLine {
			return "", w.hangUp(RefusedProtocol, 500, "5.5.2", "Line too long")
		}
		if err := w.fill(); err != nil {
			return "", err
		}
	}
}

// message gives the content that follows DATA to take, piece by piece, each
// valid until the next, and returns at its end. io.ErrUnexpectedEOF is an end of
// the connection; what take returns ends it too, and leaves the rest to be
// skipped.
func (w *wire) message(take func([]byte) error) error {
	for w.phase == inData {
		text, err := w.receive()
		if err != nil {
			w.gone = true
			return io.ErrUnexpectedEOF
		}
		if err := take(text); err != nil {
			return err
		}
	}
	return nil
}

// endOfData is all that go-smtp sees of a message.
var endOfData = []byte(".\r\n")

// receive takes some more of the content, without the client's dots. At its end
// go-smtp is told.
func (w *wire) receive() (text []byte, err error) {
	if len(w.in) == 0 {
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
	text, used, end := w.content.decode(w.work(), w.in)
	w.in = w.in[used:]
	if w.content.bare && w.settings.BareNewline == Reject {
		return nil, w.bareNewline()
	}
	if w.size += int64(used); w.size > w.tooMuch() {
		return nil, w.hangUp(RefusedSize, 552, "5.3.4", "Message is larger than we take")
	}
	if end {
		w.phase, w.complete, w.out = inCommands, true, endOfData
	}
	return text, nil
}

// advanceData skips what nobody took of a message.
func (w *wire) advanceData() error {
	_, err := w.receive()
	return err
}

// tooMuch is where we stop to read on only to be able to say no: up to there
// a client that did not ask for our limit gets a proper answer.
func (w *wire) tooMuch() int64 { return 2*w.settings.MaxSize + midBuffer }

func (w *wire) advanceChunk() error {
	if w.chunk > 0 && len(w.in) == 0 {
		if err := w.fill(); err != nil {
			return err
		}
	}
	n := int(min(uint64(len(w.in)), w.chunk))
	w.out, w.in = w.in[:n:n], w.in[n:]
	w.chunk -= uint64(n)
	if w.settings.BareNewline == Reject {
		if _, _, _ = w.content.decode(w.work(), w.out); w.content.bare {
			w.out = nil
			return w.bareNewline()
		}
	}
	if w.size += int64(n); w.size > w.tooMuch() {
		return w.hangUp(RefusedSize, 552, "5.3.4", "Message is larger than we take")
	}
	if w.chunk == 0 {
		w.endChunk()
	}
	return nil
}

// endChunk goes back to commands. (An empty chunk is over as soon as it is
// announced: go-smtp reads nothing for it.)
func (w *wire) endChunk() { w.phase, w.complete = inCommands, w.last }

func (w *wire) bareNewline() error {
	return w.hangUp(RefusedProtocol, 550, "5.5.2", "A line must end in CR LF")
}

// fill waits for more from the client. Its errors are final.
func (w *wire) fill() error {
	if err := w.flush(); err != nil {
		return err
	}
	w.rest()
	w.makeRoom()
	if w.phase == inData && w.began.IsZero() {
		w.began = time.Now()
	}
	if !w.awaitUntil(w.deadline()) {
		return w.drained()
	}
	n, err := w.Conn.Read(w.in[len(w.in):cap(w.in)])
	w.in = w.in[:len(w.in)+n]
	w.full = len(w.in) == cap(w.in)
	if n > 0 || err == nil {
		return nil
	}
	return w.lost(err)
}

// scratch is where content is made clean. A client that is waited for has none.
var scratch = sync.Pool{New: func() any { return new(workplace) }}

// workplace has room for what a buffer means: more where newlines are bare.
type workplace [wireBuffer + wireBuffer/4]byte

// work gives the wire its place for clean content, empty.
func (w *wire) work() []byte {
	if w.lent == nil {
		w.lent = scratch.Get().(*workplace)
	}
	return w.lent[:0]
}

// rest gives it back. Whatever was in it has been read by now.
func (w *wire) rest() {
	if w.lent != nil {
		scratch.Put(w.lent)
		w.lent, w.out = nil, nil
	}
}

// makeRoom makes place behind what was received. The buffer grows when it was
// filled, and is small again at the next command.
func (w *wire) makeRoom() {
	switch {
	case w.full && len(w.buffer) < midBuffer:
		w.change(midBuffers.Get().(*[midBuffer]byte)[:])
	case w.full && len(w.buffer) < wireBuffer:
		w.change(buffers.Get().(*[wireBuffer]byte)[:])
	case len(w.in) == 0 && w.phase == inCommands && len(w.buffer) > firstBuffer:
		w.change(w.first[:])
	case len(w.in) == 0:
		w.in = w.buffer[:0]
	case cap(w.in) == len(w.in):
		w.in = w.buffer[:copy(w.buffer, w.in)]
	}
}

// change puts another buffer in the place of the one that there is.
func (w *wire) change(buffer []byte) {
	was := w.buffer
	w.in, w.buffer = buffer[:copy(buffer, w.in)], buffer
	switch len(was) {
	case midBuffer:
		midBuffers.Put((*[midBuffer]byte)(was))
	case wireBuffer:
		buffers.Put((*[wireBuffer]byte)(was))
	}
}

// The buffers of clients that had something, or much, to say.
var (
	midBuffers = sync.Pool{New: func() any { return new([midBuffer]byte) }}
	buffers    = sync.Pool{New: func() any { return new([wireBuffer]byte) }}
)

// deadline is the moment by which more must have come. Inside a message it
// also moves with the bytes that came: who sends too slowly for too long meets
// it, and so does who sends nothing. (Deadlines are the kernel's, so they are
// set by its clock.)
func (w *wire) deadline() time.Time {
	if w.began.IsZero() {
		return w.since.Add(w.settings.Idle) // not to be stretched byte by byte
	}
	earned := time.Duration(w.size) * time.Second / time.Duration(w.settings.MinimumSpeed)
	budget := w.began.Add(w.settings.Grace + earned)
	if stall := time.Now().Add(w.settings.Stall); stall.Before(budget) {
		return stall
	}
	return budget
}

// awaitUntil sets the read deadline, unless a drain says not to wait at all.
func (w *wire) awaitUntil(deadline time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining && !w.busy {
		return false
	}
	_ = w.Conn.SetReadDeadline(deadline)
	return true
}

// lost says the last word that fits a failed read.
func (w *wire) lost(err error) error {
	w.mu.Lock()
	draining := w.draining && !w.busy
	w.mu.Unlock()
	switch {
	case draining:
		return w.drained()
	case !errors.Is(err, os.ErrDeadlineExceeded):
		// Closed or broken: nobody listens any more. What was not whole by now
		// never will be.
		if w.phase != inCommands || !w.began.IsZero() {
			w.why = RefusedCut
		}
		w.gone = true
		return io.EOF
	case w.began.IsZero():
		return w.hangUp(RefusedSlow, 421, "4.4.2", "Nothing came for too long")
	}
	return w.hangUp(RefusedSlow, 421, "4.4.2", "The message came too slowly")
}

func (w *wire) drained() error {
	return w.hangUp("", 421, "4.3.2", "Going down for a while, please try again")
}

// hangUp says the last word to the client and ends the conversation for
// go-smtp too: whatever it still reads is the end, whatever it writes is lost.
func (w *wire) hangUp(why string, code int, enhanced, text string) error {
	if !w.gone {
		w.replies = fmt.Appendf(w.replies, "%d %s %s\r\n", code, enhanced, text)
		_ = w.flush()
	}
	w.gone, w.why = true, why
	return io.EOF
}

// reply answers a command that go-smtp is not to see.
func (w *wire) reply(code int, enhanced, text string) {
	w.countReply(code)
	w.replies = fmt.Appendf(w.replies, "%d %s %s\r\n", code, enhanced, text)
}

// Write takes go-smtp's replies. Those to MAIL, RCPT and RSET wait until we are
// about to wait for the client, so that a pipelined group of commands gets one
// group of answers; all others leave at once (RFC 2920 §3.2).
func (w *wire) Write(p []byte) (int, error) {
	if w.gone {
		return len(p), nil
	}
	start := !w.midReply
	w.midReply = !bytes.HasSuffix(p, []byte("\n"))
	if w.mute {
		w.mute = w.midReply
		return len(p), nil
	}
	if start && len(p) > 3 {
		w.observe(p)
	}
	w.replies = append(w.replies, p...)
	if w.midReply || !w.lastLine || w.verb == "MAIL" || w.verb == "RCPT" || w.verb == "RSET" {
		return len(p), nil
	}
	return len(p), w.flush()
}

// observe follows the conversation by go-smtp's answers.
func (w *wire) observe(reply []byte) {
	w.lastLine = reply[3] == ' '
	switch {
	case w.verb == "DATA" && bytes.HasPrefix(reply, []byte("354 ")):
		w.phase, w.content, w.size, w.complete = inData, content{}, 0, false
		w.full = true // what comes now is more than a command
	case w.lastLine && w.complete && reply[0] == '2':
		w.idle = 0 // a mail was taken: this client has a purpose
	case w.lastLine:
		w.countReply(int(reply[0]-'0') * 100)
	}
}

func (w *wire) countReply(code int) {
	if code >= 400 {
		w.errors++
	}
}

func (w *wire) flush() error {
	if len(w.replies) == 0 {
		return nil
	}
	_ = w.Conn.SetWriteDeadline(time.Now().Add(w.settings.Reply))
	_, err := w.Conn.Write(w.replies)
	w.replies = w.replies[:0]
	if err != nil {
		w.gone = true
		return io.EOF
	}
	return nil
}

// Close is go-smtp's way to say that its part is over; the connection itself is
// closed by who opened it.
func (w *wire) Close() error {
	err := w.flush()
	w.gone = true
	w.rest()
	w.change(nil)
	w.out = nil
	return err
}

// SetReadDeadline and its kin are the wire's own business.
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }

// begin and end enclose a transaction: from an accepted MAIL to the answer to
// its last byte, or RSET. A drain lets it finish.
func (w *wire) begin() { w.transaction(true) }
func (w *wire) end()   { w.transaction(false) }

func (w *wire) transaction(open bool) {
	w.content, w.size, w.began, w.complete = content{}, 0, time.Time{}, false
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = open
}

// drain makes an idle client hear 421 now, and a busy one after its message.
func (w *wire) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
	if !w.busy {
		_ = w.Conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// whole reports that the message under way was received to its very end. It
// asks for the proof of an end, not for the absence of errors: go-smtp takes a
// connection that was cut inside a BDAT chunk for a good end.
func (w *wire) whole() bool { return w.complete }
