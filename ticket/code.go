package ticket

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// CodeFormat is the form of a site's tracking codes.
type CodeFormat struct {
	Length                                int // 8 to 16
	Digits, Uppercase, Lowercase, Special bool
	// AvoidAmbiguous leaves out what is read or heard as something else.
	AvoidAmbiguous bool
}

// DefaultTracking is the form where a site sets none.
var DefaultTracking = CodeFormat{Length: 12, Digits: true, Uppercase: true, AvoidAmbiguous: true}

const (
	digits    = "0123456789"
	uppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lowercase = "abcdefghijklmnopqrstuvwxyz"
	// Special characters that no mail program, shell or phone makes something
	// of, and that have one name in each language.
	special = "#%&*+=?@"
	// Read as one another: o O 0 Q D, 1 l I i j, 2 Z z, 5 S s, 8 B, u v, U V.
	ambiguous = "oO0QD1lIij2Zz5Ss8BuvUV"
)

// Alphabet are the characters that codes are drawn from.
func (f CodeFormat) Alphabet() string {
	var b strings.Builder
	for _, class := range []struct {
		on    bool
		chars string
	}{{f.Digits, digits}, {f.Uppercase, uppercase}, {f.Lowercase, lowercase}, {f.Special, special}} {
		if class.on {
			b.WriteString(class.chars)
		}
	}
	if !f.AvoidAmbiguous {
		return b.String()
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(ambiguous, r) {
			return -1
		}
		return r
	}, b.String())
}

// Check reports what is wrong with the format.
func (f CodeFormat) Check() error {
	if f.Length < 8 || f.Length > 16 {
		return fmt.Errorf("a tracking code has 8 to 16 characters, not %d", f.Length)
	}
	if f.Alphabet() == "" {
		return fmt.Errorf("a tracking code needs at least one of digits, uppercase, lowercase, special")
	}
	return nil
}

// Could reports whether a normalized word may be a code of the format.
func (f CodeFormat) Could(word string) bool {
	alphabet := f.Alphabet()
	return len(word) == f.Length && !strings.ContainsFunc(word, func(r rune) bool { return !strings.ContainsRune(alphabet, r) })
}

// Draw makes a code from random, each character equally likely, in a format
// that passes Check.
func (f CodeFormat) Draw(random io.Reader) string {
	return draw(random, f.Alphabet(), f.Length)
}

// draw takes n characters of the alphabet, each equally likely.
func draw(random io.Reader, alphabet string, n int) string {
	code := make([]byte, 0, n)
	// Bytes beyond the largest multiple of the alphabet are thrown away: taking
	// them modulo its length would make its first characters likelier.
	limit := 256 - 256%len(alphabet)
	var buf [32]byte
	for len(code) < n {
		if _, err := io.ReadFull(random, buf[:]); err != nil {
			panic("ticket: no randomness: " + err.Error()) // crypto/rand never fails
		}
		for _, b := range buf {
			if int(b) < limit && len(code) < n {
				code = append(code, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(code)
}

// ShowCode writes a code in groups of four, as it is read out.
func ShowCode(code string) string {
	var b strings.Builder
	for i, r := range code {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

const minusSign = '\u2212'

// Normalize gives the one form of a code that somebody typed or read out:
// spaces and hyphens do not matter, in any of the forms that programs make of
// them, nor does case where the alphabet has one.
func (f CodeFormat) Normalize(typed string) string {
	typed = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) || r == minusSign {
			return -1
		}
		return r
	}, typed)
	switch {
	case f.Uppercase && !f.Lowercase:
		return strings.ToUpper(typed)
	case f.Lowercase && !f.Uppercase:
		return strings.ToLower(typed)
	}
	return typed
}
