package parser

import "strings"

const (
	pgpSigned    = "-----BEGIN PGP SIGNED MESSAGE-----"
	pgpSignature = "-----BEGIN PGP SIGNATURE-----"
	pgpEnd       = "-----END PGP SIGNATURE-----"
)

// cutClearsigned takes the armour off a text that is signed in line (RFC 9580
// §7): its header, the dashes that were doubled, the signature. What stands
// around it stays.
func cutClearsigned(text string) string {
	before, rest, ok := strings.Cut(text, pgpSigned)
	if !ok || before != "" && !strings.HasSuffix(before, "\n") {
		return text
	}
	_, rest, ok = strings.Cut(rest, "\n\n")
	if !ok {
		return text
	}
	signed, rest, ok := strings.Cut(rest, pgpSignature)
	if !ok {
		return text
	}
	_, after, _ := strings.Cut(rest, pgpEnd)
	signed = strings.ReplaceAll("\n"+signed, "\n- ", "\n")[1:]
	return before + signed + strings.TrimPrefix(after, "\n")
}
