package ticket_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"guichet/ticket"
)

func TestParseAddressAccepts(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, c := range []struct{ written, want string }{
		{"marie@customer.example", "marie@customer.example"},
		{"Marie.Martin@Customer.EXAMPLE", "Marie.Martin@customer.example"},
		{"  marie@customer.example ", "marie@customer.example"},
		{"marie@customer.example.", "marie@customer.example"},
		{"o'neil+shop=7@customer.example", "o'neil+shop=7@customer.example"},
		{"root@localhost", "root@localhost"},
		{"marie@bücher.example", "marie@xn--bcher-kva.example"},
		{"marie@BÜCHER.example", "marie@xn--bcher-kva.example"},
		{"marie@xn--bcher-kva.example", "marie@xn--bcher-kva.example"},
		{"jürgen@bücher.example", "jürgen@xn--bcher-kva.example"},
		{long + "@customer.example", long + "@customer.example"},
	} {
		got, err := ticket.ParseAddress(c.written)
		if err != nil || string(got) != c.want {
			t.Errorf("ParseAddress(%q) = %q, %v; want %q", c.written, got, err, c.want)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	label := strings.Repeat("d", 63)
	for _, c := range []struct{ why, written string }{
		{"empty", ""},
		{"no @", "marie"},
		{"no local part", "@customer.example"},
		{"no domain", "marie@"},
		{"a domain that is a dot", "marie@."},
		{"quoted local part", `"marie"@customer.example`},
		{"quoted @", `"boss@corp.example"@evil.example`},
		{"two @", "boss@corp.example@evil.example"},
		{"route", "@relay.example:marie@customer.example"},
		{"angle brackets", "<marie@customer.example>"},
		{"display name", "Marie marie@customer.example"},
		{"comment", "marie(boss)@customer.example"},
		{"list", "marie@customer.example,eve@evil.example"},
		{"group", "team:marie@customer.example;"},
		{"backslash", `ma\rie@customer.example`},
		{"space", "ma rie@customer.example"},
		{"no-break space", "ma\u00a0rie@customer.example"},
		{"line end", "marie\r\nRCPT TO:<eve@evil.example>"},
		{"line end in the local part", "ma\nrie@customer.example"},
		{"line end in the domain", "marie@customer\n.example"},
		{"NUL", "ma\x00rie@customer.example"},
		{"NUL in the domain", "marie@customer.example\x00.evil.example"},
		{"DEL", "ma\x7frie@customer.example"},
		{"C1 control", "ma\u0085rie@customer.example"},
		{"right-to-left override", "\u202emoc.live@customer.example"},
		{"direction isolate", "ma\u2066rie@customer.example"},
		{"zero width space", "ma\u200brie@customer.example"},
		{"soft hyphen", "ma\u00adrie@customer.example"},
		{"not UTF-8", "ma\xffrie@customer.example"},
		{"not UTF-8 in the domain", "marie@custom\xff.example"},
		{"leading dot", ".marie@customer.example"},
		{"trailing dot", "marie.@customer.example"},
		{"two dots", "ma..rie@customer.example"},
		{"two dots in the domain", "marie@customer..example"},
		{"domain literal", "marie@[192.0.2.1]"},
		{"hyphen first", "marie@-customer.example"},
		{"hyphen last", "marie@customer-.example"},
		{"slash in the domain", "marie@customer/example"},
		{"percent in the domain", "marie@customer%2eexample"},
		{"local part of 65", strings.Repeat("a", 65) + "@customer.example"},
		{"local part of 66 octets in 33 letters", strings.Repeat("é", 33) + "@customer.example"},
		{"label of 64", "marie@d" + label + ".example"},
		{"255 in all", strings.Repeat("a", 60) + "@" + strings.Join([]string{label, label, label, "ab"}, ".")},
		{"too long once its domain is written in ASCII", strings.Repeat("a", 64) + "@" + strings.Repeat("é.", 60) + "example"},
	} {
		got, err := ticket.ParseAddress(c.written)
		if !errors.Is(err, ticket.ErrAddress) || got != "" {
			t.Errorf("%s: ParseAddress(%q) = %q, %v; want none, ErrAddress", c.why, c.written, got, err)
		}
	}
}

// Two spellings are one mailbox only by case, and never because a letter of
// another alphabet has an ASCII letter as its small form.
func TestAddressSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"marie@customer.example", "Marie@Customer.Example", true},
		{"MARIE@customer.example", "marie@customer.example", true},
		{"ÉLISE@customer.example", "élise@customer.example", true},
		{"marie@customer.example", "marie@other.example", false},
		{"marie@customer.example", "marie+x@customer.example", false},
		{"mark@customer.example", "mar\u212a@customer.example", false},   // Kelvin sign
		{"ivan@customer.example", "\u0130van@customer.example", false},   // dotted capital I
		{"marie@customer.example", "m\u0430rie@customer.example", false}, // Cyrillic a
	} {
		a, b := ticket.MustAddress(c.a), ticket.MustAddress(c.b)
		if a.Same(b) != c.same || b.Same(a) != c.same || (a.Key() == b.Key()) != c.same {
			t.Errorf("%q and %q: same is %v, want %v", c.a, c.b, a.Same(b), c.same)
		}
	}
	if none := ticket.Address(""); none.Same(none) {
		t.Error("no address is the same as no address")
	}
}

func TestAddressParts(t *testing.T) {
	a := ticket.MustAddress("Help+Token@Acme.Example")
	if a.Local() != "Help+Token" || a.Domain() != "acme.example" {
		t.Errorf("parts are %q and %q", a.Local(), a.Domain())
	}
	if called := (ticket.Mailbox{Name: " ", Address: a}).Called(); called != "Help+Token" {
		t.Errorf("somebody without a name is called %q", called)
	}
	if called := (ticket.Mailbox{Name: "Marie Martin", Address: a}).Called(); called != "Marie Martin" {
		t.Errorf("Marie is called %q", called)
	}
}

// Whatever is accepted can be written into a header and a command as it is, and
// is read again as itself.
func checkAddress(t rapid.TB, s string) {
	a, err := ticket.ParseAddress(s)
	if err != nil {
		return
	}
	again, err := ticket.ParseAddress(string(a))
	if err != nil || again != a {
		t.Fatalf("%q gives %q, which gives %q, %v", s, a, again, err)
	}
	if len(a) > 254 || len(a.Local()) > 64 || !utf8.ValidString(string(a)) {
		t.Fatalf("%q gives %q, which is too long or no UTF-8", s, a)
	}
	if strings.Count(string(a), "@") != 1 || strings.ContainsAny(string(a), "\r\n\x00\t \"<>,;:()[]\\") {
		t.Fatalf("%q gives %q, which two programs could read differently", s, a)
	}
	if a.Domain() != strings.ToLower(a.Domain()) || !a.Same(ticket.Address(a.Key())) {
		t.Fatalf("%q gives %q with domain %q and key %q", s, a, a.Domain(), a.Key())
	}
}

func TestParseAddressIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkAddress(t, rapid.StringMatching(`[ -~éØ\x{130}\x{212a}\x{202e}]{0,20}@?[a-zA-Zü.@\-_]{0,20}(\.[a-z]{2,5}\.?)?`).Draw(t, "written"))
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"marie@customer.example", `"boss@corp"@evil`, "a@b@c", "jürgen@bücher.example", "a@[192.0.2.1]", "x@\u3002"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) { checkAddress(t, s) })
}
