package main

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"guichet/config"
	"guichet/smtpd/proof"
	"guichet/smtpd/scan"
	"guichet/ticket"
)

// Every word of the settings about the door's checks reaches the door.
func TestChecksOfSettings(t *testing.T) {
	c, err := config.Parse("guichet.yaml", []byte(`
hostname: mx.acme.example
smtp:
  dnsbl: {lists: [{zone: a.lists.example, score: 3}, {zone: b.lists.example}], hold: 2, refuse: 4, on_fault: tempfail}
  greylist: {delay: 5m, window: 12h, keep: 60d}
  clamav: {address: 127.0.0.1:3310, found: hold, timeout: 1m}
  rspamd: {url: "http://127.0.0.1:11333", timeout: 30s, on_fault: tempfail}
trust:
  relays: [{network: 192.0.2.10, authserv_id: mail.example.com}, {seals: forwarder.example}]
sites:
  - name: acme
    prefix: ACM
    queues: [{name: help, address: help@acme.example, agents: [anna@acme.example]}]
`), getenv(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := scan.Settings{
		BlockLists: &scan.BlockLists{Lists: []scan.BlockList{{Zone: "a.lists.example", Score: 3}, {Zone: "b.lists.example", Score: 1}}, Hold: 2, Refuse: 4, TempFail: true},
		Greylist:   &scan.Greylist{Delay: 5 * time.Minute, Window: 12 * time.Hour, Keep: 60 * 24 * time.Hour},
		ClamAV:     &scan.ClamAV{Network: "tcp", Address: "127.0.0.1:3310", Timeout: time.Minute, Hold: true, TempFail: true},
		Rspamd:     &scan.Rspamd{URL: "http://127.0.0.1:11333", Timeout: 30 * time.Second, TempFail: true},
	}
	if diff := cmp.Diff(want, checksOf(c.SMTP)); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	relays := []proof.Relay{{Network: netip.MustParsePrefix("192.0.2.10/32"), AuthservID: "mail.example.com"}, {Seals: "forwarder.example"}}
	if diff := cmp.Diff(relays, relaysOf(c), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("relays (-want +got):\n%s", diff)
	}
	c.SMTP.ClamAV.Address = "/run/clamav/clamd.ctl"
	if got := checksOf(c.SMTP).ClamAV; got.Network != "unix" || got.Address != "/run/clamav/clamd.ctl" {
		t.Errorf("by a socket: %+v", got)
	}
	if got := checksOf(config.Trial(t.TempDir()).SMTP); got != (scan.Settings{}) {
		t.Errorf("the trial settings ask %+v", got)
	}
}

// The settings offer the countries whose holidays are known, and no other.
func TestHolidaysOfSettings(t *testing.T) {
	field, _ := reflect.TypeFor[config.Calendar]().FieldByName("Holidays")
	if offered := strings.Split(field.Tag.Get("oneof"), "|"); !slices.Equal(offered, ticket.HolidayCountries()) {
		t.Errorf("offered are %v, known %v", offered, ticket.HolidayCountries())
	}
}
