package smtpd

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// verbs are the commands that go-smtp may see. Idle ones do nothing for
// anybody; a client may send only so many (Settings.MaxErrors).
var verbs = map[string]struct{ idle bool }{
	"EHLO": {idle: true},
	"HELO": {idle: true},
	"MAIL": {},
	"RCPT": {},
	"DATA": {},
	"BDAT": {},
	"RSET": {idle: true},
	"NOOP": {idle: true},
	"VRFY": {idle: true},
	"HELP": {idle: true},
	"EXPN": {idle: true},
	"QUIT": {},
}

// barePostmaster is the one recipient without a domain (RFC 5321 §4.5.1).
var barePostmaster = regexp.MustCompile(`(?i)^RCPT TO: ?<postmaster>`)

// command looks at one line before go-smtp does: passes it on, answers it, or
// ends the conversation. Either out is filled, or an answer is under way and
// the next line is due.
func (w *wire) command(line string) error {
	line = strings.TrimRight(line, " ")
	if hasControls(line) {
		w.reply(501, "5.5.2", "No control characters here")
		return nil
	}
	verb, argument, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	switch verb {
	case "STARTTLS":
		return w.startTLS(argument)
	case "GET", "POST", "PUT", "CONNECT":
		// A browser was told to talk to us. It has nothing to say.
		return w.hangUp(RefusedProtocol, 421, "4.7.0", "This is no web server")
	case "BDAT":
		if err := w.announceChunk(argument); err != nil {
			return err
		}
	case "RCPT":
		if strings.Contains(argument, `"`) {
			w.reply(553, "5.1.3", errAddress.Text)
			return nil
		}
		if at := barePostmaster.FindStringIndex(line); at != nil {
			line = "RCPT TO:<postmaster@" + w.settings.Hostname + ">" + line[at[1]:]
		}
	}
	known, ok := verbs[verb]
	if !ok {
		w.reply(500, "5.5.2", "Command not known")
		return nil
	}
	if known.idle {
		w.idle++
	}
	w.extended = w.extended && verb != "HELO" || verb == "EHLO"
	w.verb = verb
	w.out = append(append(w.work(), line...), '\r', '\n')
	return nil
}

// startTLS ends this part of the conversation, so that the next begins anew
// above TLS. What a client, or somebody between us, sent right behind STARTTLS
// was sent in clear and must not be heard as if it had not (RFC 3207 §4.2).
func (w *wire) startTLS(argument string) error {
	switch {
	case w.secure || w.settings.TLS == nil:
		w.reply(502, "5.5.1", "TLS is not offered here")
	case argument != "":
		w.reply(501, "5.5.4", "STARTTLS takes no argument")
	case len(w.in) > 0:
		return w.hangUp(RefusedProtocol, 503, "5.5.1", "Nothing may follow STARTTLS before its answer")
	default:
		w.reply(220, "2.0.0", "Go ahead with TLS")
		w.wantTLS = true
	}
	return nil
}

// announceChunk reads BDAT's length, as go-smtp will (RFC 3030 §2). A length
// that cannot be read leaves no way to tell content from commands.
func (w *wire) announceChunk(argument string) error {
	words := strings.Fields(argument)
	var size uint64
	err := strconv.ErrSyntax
	if len(words) == 1 || len(words) == 2 && strings.EqualFold(words[1], "LAST") {
		size, err = strconv.ParseUint(words[0], 10, 32)
	}
	if err != nil {
		return w.hangUp(RefusedProtocol, 501, "5.5.4", "BDAT takes a length, and LAST")
	}
	if int64(size) > w.tooMuch() {
		return w.hangUp(RefusedSize, 552, "5.3.4", "Message is larger than we take")
	}
	if w.busy && w.began.IsZero() {
		w.began, w.content = time.Now(), newChunkContent()
	}
	w.phase, w.chunk, w.last, w.complete = inChunk, size, len(words) == 2, false
	if size == 0 {
		w.endChunk()
	}
	return nil
}

func hasControls(line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
