package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
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
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/checkv2", bytes.NewReader(m.Data))
	if err != nil {
		return Verdict{}, err
	}
	tell(request.Header, m)
	response, err := asker.Do(request)
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
