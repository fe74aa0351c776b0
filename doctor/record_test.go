package doctor

import (
	"net/netip"
	"strings"
	"testing"
)

func TestTXTIsCutIntoStrings(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 510, 511} {
		record := TXT("name.example", strings.Repeat("a", n))
		text, cut := "", 0
		for i, part := range strings.Split(record, `"`) {
			if i%2 == 1 {
				if len(part) > 255 {
					t.Errorf("%d: a string of %d octets", n, len(part))
				}
				text += part
				cut++
			}
		}
		if len(text) != n || cut != max(1, (n+254)/255) || !strings.HasPrefix(record, "name.example. TXT ") {
			t.Errorf("%d: %q", n, record)
		}
	}
	if got := TXT("a.example.", `say "x\y"`); got != `a.example. TXT "say \"x\\y\""` {
		t.Error(got)
	}
}

// TestRecordsAreRead: what DKIMRecord writes is the key that is compared.
func TestRecordsAreRead(t *testing.T) {
	for _, key := range []any{rsaKey().Public(), youngKey(1)} {
		text, err := dkimText(key)
		if err != nil {
			t.Fatal(err)
		}
		p, err := readDKIM(text)
		if err != nil || !p.is(key) || p.is(youngKey(2)) {
			t.Errorf("%s: %v", text, err)
		}
		// Published by hand, with blanks and without what is the default.
		p, err = readDKIM(strings.Replace(strings.Replace(text, "v=DKIM1; ", " ", 1), "p=", "p = ", 1) + " ; ")
		if err != nil || !p.is(key) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, wrong := range []string{"", "v=DKIM2; p=AAAA", "v=DKIM1", "v=DKIM1; p=?", "nonsense"} {
		if p, err := readDKIM(wrong); err == nil {
			t.Errorf("%q is read as %+v", wrong, p)
		}
	}
	if _, err := DKIMRecord("s", "d.example", "no key"); err == nil {
		t.Error("a string is a key")
	}
}

func TestPointer(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.10":   "10.2.0.192.in-addr.arpa. PTR mx.example.",
		"2001:db8::10": "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mx.example.",
	} {
		if got := pointer(netip.MustParseAddr(address), "mx.example"); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}

func TestShell(t *testing.T) {
	if got := shell("/srv/it's here"); got != `'/srv/it'\''s here'` {
		t.Error(got)
	}
}
