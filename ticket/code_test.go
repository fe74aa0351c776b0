package ticket_test

import (
	"crypto/rand"
	"math"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"guichet/ticket"
)

// classes are the four of the settings, each with its characters as a regular
// person would list them.
var classes = []struct {
	name  string
	on    func(*ticket.CodeFormat)
	chars func(rune) bool
}{
	{"digits", func(f *ticket.CodeFormat) { f.Digits = true }, func(r rune) bool { return r >= '0' && r <= '9' }},
	{"uppercase", func(f *ticket.CodeFormat) { f.Uppercase = true }, func(r rune) bool { return r >= 'A' && r <= 'Z' }},
	{"lowercase", func(f *ticket.CodeFormat) { f.Lowercase = true }, func(r rune) bool { return r >= 'a' && r <= 'z' }},
	{"special", func(f *ticket.CodeFormat) { f.Special = true }, func(r rune) bool {
		return r > ' ' && r < 0x7f && !strings.ContainsRune("-", r) &&
			!(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	}},
}

// everyFormat gives all that the settings can say: lengths, classes, ambiguous.
func everyFormat(visit func(f ticket.CodeFormat, on []int)) {
	for length := 8; length <= 16; length++ {
		for mask := 1; mask < 1<<len(classes); mask++ {
			for _, avoid := range []bool{false, true} {
				f := ticket.CodeFormat{Length: length, AvoidAmbiguous: avoid}
				var on []int
				for i, c := range classes {
					if mask>>i&1 == 1 {
						c.on(&f)
						on = append(on, i)
					}
				}
				visit(f, on)
			}
		}
	}
}

func TestTrackingCodesFollowEverySetting(t *testing.T) {
	everyFormat(func(f ticket.CodeFormat, on []int) {
		if err := f.Check(); err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		alphabet := f.Alphabet()
		for i, c := range classes {
			wanted := false
			for _, j := range on {
				wanted = wanted || i == j
			}
			if got := strings.ContainsFunc(alphabet, c.chars); got != wanted {
				t.Errorf("%+v: %s in the alphabet is %v", f, c.name, got)
			}
		}
		seen := map[rune]bool{}
		for _, r := range alphabet {
			if seen[r] {
				t.Errorf("%+v: %q stands twice in the alphabet", f, r)
			}
			seen[r] = true
		}
		if f.AvoidAmbiguous && strings.ContainsAny(alphabet, "oO01lI") {
			t.Errorf("%+v: ambiguous characters in %q", f, alphabet)
		}
		code := f.Draw(rand.Reader)
		if len(code) != f.Length || strings.Trim(code, alphabet) != "" {
			t.Errorf("%+v: drew %q", f, code)
		}
	})
}

func TestCodeFormatCheckRefuses(t *testing.T) {
	for _, f := range []ticket.CodeFormat{
		{Length: 7, Digits: true}, {Length: 17, Digits: true}, {Length: 0, Digits: true}, {Length: -1, Digits: true},
		{Length: 12}, {Length: 12, AvoidAmbiguous: true}, {},
	} {
		if f.Check() == nil {
			t.Errorf("%+v passes", f)
		}
	}
	if err := ticket.DefaultTracking.Check(); err != nil {
		t.Error(err)
	}
}

// Read out, typed in capitals or small letters, with spaces, with the dashes
// that phones make of hyphens: it is the same code.
func TestCodesAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := ticket.CodeFormat{
			Length: rapid.IntRange(8, 16).Draw(t, "length"), Digits: rapid.Bool().Draw(t, "digits"),
			Uppercase: rapid.Bool().Draw(t, "uppercase"), Lowercase: rapid.Bool().Draw(t, "lowercase"),
			Special: rapid.Bool().Draw(t, "special"), AvoidAmbiguous: rapid.Bool().Draw(t, "avoid"),
		}
		if f.Check() != nil {
			f.Digits = true
		}
		code := f.Draw(mathrand.NewChaCha8([32]byte{byte(rapid.IntRange(0, 255).Draw(t, "seed"))}))
		between := rapid.SampledFrom([]string{"", "-", " ", " - ", "\u00a0", "\u2011", "\u2013", "\u2212", "\u00ad", "\u200b", "\t"})
		var typed strings.Builder
		for _, r := range code {
			typed.WriteString(between.Draw(t, "between"))
			s := string(r)
			if f.Uppercase != f.Lowercase && rapid.Bool().Draw(t, "other case") {
				if s = strings.ToLower(s); f.Lowercase {
					s = strings.ToUpper(s)
				}
			}
			typed.WriteString(s)
		}
		if got := f.Normalize(typed.String()); got != code {
			t.Fatalf("%+v: %q is read back as %q, not %q", f, typed.String(), got, code)
		}
		if got := f.Normalize(ticket.ShowCode(code)); got != code {
			t.Fatalf("%+v: as shown %q is read back as %q", f, ticket.ShowCode(code), got)
		}
	})
}

// Where both cases are in the alphabet, case is part of the code.
func TestCaseMattersWhereTheAlphabetHasTwo(t *testing.T) {
	f := ticket.CodeFormat{Length: 8, Uppercase: true, Lowercase: true}
	if f.Normalize("abCDefGH") != "abCDefGH" {
		t.Error("case is lost")
	}
}

func TestShowCode(t *testing.T) {
	for code, want := range map[string]string{
		"":                 "",
		"ABC":              "ABC",
		"ABCD":             "ABCD",
		"ABCDE":            "ABCD-E",
		"ABCDEFGHJKLM":     "ABCD-EFGH-JKLM",
		"ABCDEFGHJKLMNPQR": "ABCD-EFGH-JKLM-NPQR",
	} {
		if got := ticket.ShowCode(code); got != want {
			t.Errorf("ShowCode(%q) = %q, want %q", code, got, want)
		}
	}
}

// Each character is as likely as the next. The bound on chi square lets a fair
// draw fail once in a million seeds; this seed is fixed. Modulo bias alone would
// exceed it many times over.
func TestDrawIsUnbiased(t *testing.T) {
	random := mathrand.NewChaCha8([32]byte{1})
	for _, f := range []ticket.CodeFormat{
		{Length: 16, Digits: true, Uppercase: true, AvoidAmbiguous: true},
		{Length: 16, Digits: true, Uppercase: true, Lowercase: true, Special: true},
		{Length: 16, Lowercase: true},
		{Length: 16, Digits: true},
	} {
		const draws = 20_000
		count := map[rune]float64{}
		for range draws {
			for _, r := range f.Draw(random) {
				count[r]++
			}
		}
		k := float64(len(f.Alphabet()))
		expected, chi := draws*float64(f.Length)/k, 0.0
		for _, r := range f.Alphabet() {
			chi += (count[r] - expected) * (count[r] - expected) / expected
		}
		// The normal approximation of chi square with k-1 degrees of freedom.
		if limit := k - 1 + 4.75*math.Sqrt(2*(k-1)) + 15; chi > limit {
			t.Errorf("%+v: chi square %.0f over %.0f characters, limit %.0f", f, chi, k, limit)
		}
	}
}

// FuzzNormalize: whatever is typed, the result is stable and free of what does
// not matter.
func FuzzNormalize(f *testing.F) {
	f.Add("abcd-efgh jklm", true, false)
	f.Add("\u2011\u00a0\u200b", false, true)
	f.Fuzz(func(t *testing.T, typed string, upper, lower bool) {
		format := ticket.CodeFormat{Length: 12, Digits: true, Uppercase: upper, Lowercase: lower}
		once := format.Normalize(typed)
		if twice := format.Normalize(once); twice != once {
			t.Errorf("%q gives %q, which gives %q", typed, once, twice)
		}
		if strings.ContainsAny(once, " -\t\n\u00a0\u2011\u2013\u2212") {
			t.Errorf("%q gives %q", typed, once)
		}
	})
}
