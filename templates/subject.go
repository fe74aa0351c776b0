package templates

import (
	"regexp"
	"strings"

	"guichet/ticket"
)

// largestSubject is how many characters of a subject stay.
const largestSubject = 180

// Subject is that of every mail about a ticket: "Re: [ACM-1042] original". It
// gives the same again for its own result, so that a conversation keeps one
// subject however often it goes to and fro.
func Subject(ref ticket.Reference, original string) string {
	s := Line(original, 1000)
	if ref.Prefix != "" && strings.Contains(s, "[") { // else the pattern has nothing to find
		own := regexp.MustCompile(`(?i)\[\s*` + regexp.QuoteMeta(ref.Prefix) + `-\d+\s*\]`)
		s = own.ReplaceAllString(s, " ")
	}
	for strings.ContainsAny(s, "[:：") { // else no mark is left
		stripped := strings.TrimSpace(foreignTag.ReplaceAllString(replyMark.ReplaceAllString(s, ""), ""))
		if stripped == s {
			break
		}
		s = stripped
	}
	return strings.TrimSpace("Re: " + ref.Tag() + " " + Line(s, largestSubject))
}

// replyMark is what programs put before the subject of an answer or a forwarded
// mail, in the languages of the programs that we know; Outlook counts them,
// others put a space before the colon.
var replyMark = regexp.MustCompile(`(?i)^\s*(?:` + strings.Join([]string{
	"re", "rép", "rep", "aw", "antw", "antwort", "sv", "vs", "odp", "res", "rif", "r", "ynt", "yan", "bls",
	"vá", "отв", "ответ", "на", "απ", "σχετ", "תגובה", "رد", "回复", "回覆", "答复", "答覆", "返信", "답장",
	"fwd?", "fw", "tr", "wg", "wtr", "vl", "vb", "doorst", "enc", "i", "rv", "pd", "továbbítás", "ilt", "i̇lt", "переслано", "πρθ",
	"转发", "轉寄", "轉發", "転送", "전달",
}, "|") + `)\s?(?:[\[(^]\d{1,3}[\])]?)?\s?[:：]`)

// foreignTag is the mark of another ticket system at the front of a subject:
// [Ticket#2026112110000017], [other-1], [#123], [Case 99].
var foreignTag = regexp.MustCompile(`^\s*\[\s*(?:\p{L}[\p{L}\p{N}_.]{0,20}\s?){0,2}[-#:№ ]{1,3}\d{1,20}\s*\]`)
