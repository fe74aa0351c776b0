package scan

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// ClamAV asks clamd about viruses, by its INSTREAM command.
type ClamAV struct {
	// Network and Address are where clamd listens: "unix" and a path, or "tcp"
	// and host:port.
	Network, Address string
	// Timeout bounds one message, all together.
	Timeout time.Duration
	// Hold keeps what is found aside instead of refusing it.
	Hold     bool
	TempFail bool
}

// Name is Check's.
func (*ClamAV) Name() string { return "clamav" }

// Check sends the message to clamd.
func (c *ClamAV) Check(ctx context.Context, m *Mail) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, c.Network, c.Address)
	if err != nil {
		return Verdict{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	// A write fails when clamd has had enough; why, it says before it hangs up.
	sent := stream(conn, m.Data)
	answer, err := bufio.NewReaderSize(conn, 4096).ReadSlice(0)
	if err != nil {
		return Verdict{}, errors.Join(sent, fmt.Errorf("answer: %w", err))
	}
	return c.read(strings.TrimSuffix(string(answer), "\x00"))
}

// chunk is how much is sent at a time.
const chunk = 64 << 10

// stream writes the command: pieces after their length, and an empty one.
func stream(conn net.Conn, data []byte) error {
	w := bufio.NewWriterSize(conn, chunk+8)
	_, _ = w.WriteString("zINSTREAM\x00") // errors stay with the writer, until Flush
	for len(data) > 0 {
		n := min(len(data), chunk)
		_ = binary.Write(w, binary.BigEndian, uint32(n))
		_, _ = w.Write(data[:n])
		data = data[n:]
	}
	_ = binary.Write(w, binary.BigEndian, uint32(0))
	return w.Flush()
}

// read understands clamd's answer.
func (c *ClamAV) read(answer string) (Verdict, error) {
	said, found := strings.CutSuffix(strings.TrimPrefix(answer, "stream: "), " FOUND")
	switch {
	case found && c.Hold:
		return Verdict{Action: Hold, Reason: "ClamAV found " + word(said)}, nil
	case found:
		return Verdict{Refuse, "ClamAV found " + word(said), "The message carries what our virus scanner knows as harmful"}, nil
	case said == "OK":
		return Verdict{}, nil
	case strings.Contains(answer, "size limit exceeded"):
		// It would be so again tomorrow: nothing that trying again can mend.
		return Verdict{Action: Hold, Reason: "it is too large for ClamAV"}, nil
	}
	return Verdict{}, fmt.Errorf("clamd says %q", answer)
}
