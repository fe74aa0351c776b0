package parser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wantBounces is what each report of testdata/bounces says: recipient, action,
// status and reason; and the message that it is about.
var wantBounces = map[string]struct {
	recipients []BouncedRecipient
	original   string
}{
	"postfix":        {[]BouncedRecipient{{Address: "carla@example.net", Action: "failed", Status: "5.1.1", Reason: "unknown user"}}, "notice-1@example.org"},
	"two-recipients": {[]BouncedRecipient{{Address: "carla@example.net", Action: "failed", Status: "5.2.2", Reason: "mailbox full"}, {Address: "dan@example.net", Action: "delayed", Status: "4.4.1", Reason: "host unreachable"}}, "notice-1@example.org"},
	"exim":           {[]BouncedRecipient{{Address: "carla@example.net", Action: "failed", Status: "5.0.0", Reason: "unknown user"}}, "notice-1@example.org"},
	"exim-field":     {[]BouncedRecipient{{Address: "carla@example.net", Action: "failed", Status: "5.7.1", Reason: "blocked"}}, "notice-1@example.org"},
	"qmail":          {[]BouncedRecipient{{Address: "carla@example.net", Action: "failed", Status: "5.1.1", Reason: "unknown user"}}, "notice-1@example.org"},
	"exchange":       {[]BouncedRecipient{{Address: "carla@example.net", Action: "failed", Reason: "unknown user"}}, ""},
	"google-delay":   {[]BouncedRecipient{{Address: "carla@example.net", Action: "delayed", Status: "4.4.1", Reason: "host unreachable"}}, "notice-1@example.org"},
	"domino":         {[]BouncedRecipient{{Address: "carla@example.net", Action: "failed", Reason: "unknown user"}}, ""},
	"german":         {[]BouncedRecipient{{Address: "carla@example.net", Action: "failed", Reason: "mailbox full"}}, ""},
	"japanese":       {[]BouncedRecipient{{Address: "carla@example.jp", Action: "failed", Status: "5.1.1", Reason: "unknown user"}}, ""},
}

func TestBounces(t *testing.T) {
	for name, want := range wantBounces {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata/bounces", name+".eml"))
			if err != nil {
				t.Fatal(err)
			}
			m := Parse(raw)
			if m.Bounce == nil || m.Automatic != BounceNotice {
				t.Fatalf("no bounce, %q", m.Automatic)
			}
			got := append([]BouncedRecipient{}, m.Bounce.Recipients...)
			for i := range got {
				got[i].Diagnostic = ""
			}
			if diff := cmp.Diff(want.recipients, got); diff != "" {
				t.Errorf("(-want +got)\n%s\n%+v", diff, m.Bounce)
			}
			if m.Bounce.OriginalMessageID != want.original {
				t.Errorf("original %q", m.Bounce.OriginalMessageID)
			}
		})
	}
}

func TestNoBounces(t *testing.T) {
	for name, raw := range map[string]string{
		"delivered":         "From: MAILER-DAEMON@example.com\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nYour mail was delivered.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; carla@example.net\nAction: delivered\nStatus: 2.0.0\n--b--\n",
		"complaint":         "From: fbl@example.com\nSubject: complaint\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nThis is a report.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b--\n",
		"forwarded bounce":  "From: Ann <ann@example.com>\nSubject: Fwd: Undelivered Mail Returned to Sender\n\nWhat is this?\n\n> <carla@example.net>: host mx.example.net said: 550 5.1.1 user unknown\n",
		"vacation":          "From: Postmaster <ann@example.com>\nReturn-Path: <>\nSubject: Out of office: your message\n\nI am away. The mail was not delivered to my colleagues.\n",
		"postmaster writes": "From: Carl <postmaster@example.com>\nSubject: Backup on Sunday\n\nWe will be offline from 2 to 4.\n",
	} {
		if m := Parse([]byte(raw)); m.Bounce != nil {
			t.Errorf("%s: %+v", name, m.Bounce)
		}
	}
}

func TestReasons(t *testing.T) {
	for _, c := range []struct{ status, text, want string }{
		{"5.1.1", "", "unknown user"},
		{"5.2.2", "", "mailbox full"},
		{"5.3.4", "", "too large"},
		{"5.7.1", "blocked using a blocklist", "blocked"},
		{"5.7.1", "message looks like spam", "taken for spam"},
		{"5.7.1", "", "policy"},
		{"5.7.26", "", "sender not authenticated"},
		{"5.0.0", "mailbox is full", "mailbox full"},
		{"", "virus found in message", "virus or forbidden attachment"},
		{"", "hop count exceeded", "mail loop"},
		{"", "", "other"},
	} {
		if got := reasonFor(c.status, c.text); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.status, c.text, got, c.want)
		}
	}
}

func TestRecipientInASentence(t *testing.T) {
	for text, want := range map[string]string{
		"Delivery failed 20 attempts: carla@example.net\n\nOriginal message follows.\n\nReceived: by mx.example.org\nTo: list@example.org\n": "carla@example.net",
		"Your message could not be delivered to carla@example.net.\nUser unknown.\n":                                                         "carla@example.net",
		"The following was rejected by our host: <carla@example.net>\n550 no such user\n":                                                    "carla@example.net",
	} {
		m := Parse([]byte("From: Postmaster <postmaster@example.net>\nReturn-Path: <>\nTo: help@example.org\nSubject: Undeliverable Mail\n\n" + text))
		if m.Bounce == nil || len(m.Bounce.Recipients) != 1 || m.Bounce.Recipients[0].Address != want {
			t.Errorf("%q: %+v", text, m.Bounce)
		}
	}
}

// A challenge system dresses its question as a report of failure.
func TestChallengeIsNoBounce(t *testing.T) {
	const report = "From: noreply@guests.example\nSubject: Re: printer\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nPlease put yourself on my list.\n" +
		"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; guests.example\n\nFinal-Recipient: rfc822; carla@example.net\nAction: failed\nStatus: 4.7.0\nDiagnostic-Code: x-notice; "
	m := Parse([]byte(report + "Sender not pre-approved\n--b--\n"))
	if m.Bounce != nil || m.Automatic != AutoReply {
		t.Errorf("%q, %+v", m.Automatic, m.Bounce)
	}
	m = Parse([]byte(report + "greylisted, try again\n--b--\n"))
	if m.Bounce == nil || m.Automatic != BounceNotice {
		t.Errorf("of a plain deferral: %q, %+v", m.Automatic, m.Bounce)
	}
}
