package parser

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseGivesJSONForAnything(t *testing.T) {
	for _, raw := range []string{"", "\n", "x", "\x00\xff", "From ", "Subject: hello\n\nbody", strings.Repeat("a: b\n", 50_000)} {
		m := Parse([]byte(raw))
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("%.20q: %v", raw, err)
		}
		for _, list := range []string{"in_reply_to", "references", "reply_to", "to", "cc", "attachments", "problems"} {
			if strings.Contains(string(out), `"`+list+`":null`) {
				t.Errorf("%.20q: %s is null", raw, list)
			}
		}
	}
}
