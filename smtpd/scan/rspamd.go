package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Rspamd asks an rspamd about spam, by POST to /checkv2.
type Rspamd struct {
	URL string // of its normal worker: http://host:port
	// Timeout bounds one message, all together.
	Timeout  time.Duration
	TempFail bool
}

// Name is Check's.
func (*Rspamd) Name() string { return "rspamd" }

// maxAnswer bounds what rspamd may say.
const maxAnswer = 1 << 20

// asker keeps no connections: rspamd is near, and asked once a message.
var asker = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Check sends the message to rspamd.
func (c *Rspamd) Check(ctx context.Context, m *Mail) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	data := &lent{Reader: bytes.NewReader(m.Data), back: make(chan struct{})}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/checkv2", data)
	if err != nil {
		return Verdict{}, err
	}
	request.ContentLength = int64(len(m.Data))
	tell(request.Header, m)
	response, err := asker.Do(request)
	defer func() { <-data.back }()
	if err != nil {
		return Verdict{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Verdict{}, fmt.Errorf("rspamd answers %s", response.Status)
	}
	var answer struct {
		Action string `json:"action"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer); err != nil {
		return Verdict{}, fmt.Errorf("rspamd's answer: %w", err)
	}
	return understand(answer.Action, m)
}

// lent is a message that is gone soon after. An answer may come before all of it
// was sent, and a goroutine of http's be reading it still: so it says when that
// is over, which closing the answer brings about.
type lent struct {
	*bytes.Reader
	once sync.Once
	back chan struct{}
}

func (l *lent) Close() error {
	l.once.Do(func() { close(l.back) })
	return nil
}

// tell says what the envelope of the message is.
func tell(h http.Header, m *Mail) {
	h.Set("Queue-Id", m.ID)
	h.Set("From", string(m.From))
	for _, r := range m.Recipients {
		h.Add("Rcpt", string(r))
	}
	if m.Client.IsValid() {
		h.Set("IP", m.Client.String())
	}
	if helo := word(m.Helo); helo == m.Helo && helo != "" {
		h.Set("Helo", helo)
	}
	if m.Known {
		h.Set("User", string(m.From))
	}
}

// understand makes an action of rspamd's one of ours. What it would mark as
// spam and let through is held: there is no folder for spam here.
func understand(action string, m *Mail) (Verdict, error) {
	switch action {
	case "no action":
		return Verdict{}, nil
	case "greylist":
		if m.Proved || m.Known || m.Forwarded {
			return Verdict{}, nil
		}
		return Verdict{Defer, "greylisted by rspamd", greyAnswer}, nil
	case "soft reject":
		return Verdict{Defer, "put off by rspamd", "Please try again later"}, nil
	case "add header", "rewrite subject", "quarantine", "discard":
		return Verdict{Action: Hold, Reason: "rspamd takes it for spam (" + action + ")"}, nil
	case "reject":
		return Verdict{Refuse, "rspamd takes it for spam (reject)", "The message was taken for spam"}, nil
	}
	return Verdict{}, fmt.Errorf("rspamd wants %q", action)
}
