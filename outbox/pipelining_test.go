package outbox

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/ticket"
)

// scripted is a host that answers each command as it is told to, 250 where it is
// told nothing, and keeps what came in one piece.
type scripted struct {
	offers  string
	answers map[string]string // by verb; "" closes the connection
	pieces  []string          // the verbs of each
}

func (h *scripted) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go h.serve(theirs)
	return ours, nil
}

func (h *scripted) serve(c net.Conn) {
	defer c.Close()
	_, _ = io.WriteString(c, "220 host.test\r\n")
	piece, inContent := make([]byte, 64<<10), false
	for {
		n, err := c.Read(piece)
		if err != nil {
			return
		}
		var verbs []string
		for line := range strings.Lines(string(piece[:n])) {
			if verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); !inContent || verb == "." {
				verbs, inContent = append(verbs, verb), false
			}
		}
		h.pieces = append(h.pieces, strings.Join(verbs, " "))
		for _, verb := range verbs {
			answer := h.answer(verb)
			if answer == "" {
				return
			}
			if _, err := io.WriteString(c, answer+"\r\n"); err != nil {
				return
			}
			inContent = strings.HasPrefix(answer, "354")
		}
	}
}

func (h *scripted) answer(verb string) string {
	if answer, told := h.answers[verb]; told {
		return answer
	}
	switch verb {
	case "EHLO":
		return "250-host.test\r\n250 " + h.offers
	case "DATA":
		return "354 go on"
	case "QUIT":
		return "221 bye"
	}
	return "250 2.0.0 Ok: queued as 4F2"
}

func TestCommandsGoAtOnceWhereTheHostTakesThem(t *testing.T) {
	for _, test := range []struct {
		name, offers string
		answers      map[string]string
		outcome      string
		pieces       []string
	}{
		{"one after the other", "8BITMIME", nil, "delivered", []string{"EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"}},
		{"at once", "PIPELINING", nil, "delivered", []string{"EHLO", "MAIL RCPT DATA", ".", "QUIT"}},
		{"refused, one after the other", "8BITMIME", map[string]string{"RCPT": "450 4.2.0 later"}, "queued: 450 4.2.0 later", []string{"EHLO", "MAIL", "RCPT", "RSET", "QUIT"}},
		{"the first of all refused", "PIPELINING", map[string]string{"MAIL": "450 4.1.8 who?", "RCPT": "503 no", "DATA": "503 no"}, "queued: 450 4.1.8 who?",
			[]string{"EHLO", "MAIL RCPT DATA", "RSET", "QUIT"}},
		{"refused, and what follows", "PIPELINING", map[string]string{"RCPT": "450 4.2.0 later", "DATA": "503 nobody"}, "queued: 450 4.2.0 later",
			[]string{"EHLO", "MAIL RCPT DATA", "RSET", "QUIT"}},
		{"content for nobody", "PIPELINING", map[string]string{"RCPT": "450 4.2.0 later"}, "queued: 450 4.2.0 later",
			[]string{"EHLO", "MAIL RCPT DATA", ".", "RSET", "QUIT"}},
		{"content refused", "PIPELINING", map[string]string{"DATA": "451 4.3.1 full"}, "queued: 451 4.3.1 full", []string{"EHLO", "MAIL RCPT DATA", "RSET", "QUIT"}},
		{"on its way out", "PIPELINING", map[string]string{"MAIL": "421 4.3.2 closing", "RCPT": ""}, "queued: 421 4.3.2 closing", []string{"EHLO", "MAIL RCPT DATA"}},
		{"gone", "PIPELINING", map[string]string{"RCPT": ""}, "queued: the host closed the connection", []string{"EHLO", "MAIL RCPT DATA"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				h := &scripted{offers: test.offers, answers: test.answers}
				o.parts.Dial = h.dial
				o.store.queue(o.notice(ticket.AgentNew, 2, 1))
				o.runFor(t, time.Second)
				o.expect(t, test.outcome)
				if !slices.Equal(h.pieces, test.pieces) {
					t.Errorf("it was given\n%q, want\n%q", h.pieces, test.pieces)
				}
			})
		})
	}
}
