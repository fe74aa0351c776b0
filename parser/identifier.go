package parser

import (
	"net/mail"
	"strings"
	"time"
)

// parseIDs reads the identifiers of Message-ID, In-Reply-To and References
// (RFC 5322 §3.6.4), without brackets, each once, in order. Folds and spaces
// inside one are taken out; where brackets are missing each word with an @ is
// one.
func parseIDs(s string) []string {
	ids := []string{}
	seen := map[string]bool{}
	add := func(id string) {
		id = strings.Join(strings.Fields(id), "")
		if id != "" && !seen[id] && len(ids) < maxIDs {
			seen[id] = true
			ids = append(ids, strings.ToValidUTF8(id, "\uFFFD"))
		}
	}
	for rest := s; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			add(rest)
			break
		}
		add(rest[strings.LastIndexByte(rest[:end], '<')+1 : end])
		rest = rest[end+1:]
	}
	if len(ids) == 0 {
		for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == ';' }) {
			if strings.Contains(word, "@") || !strings.ContainsAny(s, " ,") {
				add(strings.Trim(word, `"'>`))
			}
		}
	}
	return ids
}

// dateLayouts are the forms of Date that RFC 5322 does not know, with who
// writes them.
var dateLayouts = []string{
	"Mon, 2 Jan 2006 15:04:05",             // scripts, without a zone
	"Mon, 2 Jan 2006 15:04",                // Lotus Notes
	"Mon, 2 Jan 06 15:04:05 -0700",         // RFC 822 programs
	"Mon, 2 Jan 06 15:04:05 MST",           //
	"Mon Jan _2 15:04:05 2006",             // ctime: cron, mbox lines
	"Mon Jan _2 15:04:05 MST 2006",         // date(1)
	"Mon Jan _2 15:04:05 2006 -0700",       // git
	"Mon, Jan 2 2006 15:04:05 -0700",       // web forms
	"2 Jan 2006 15:04:05",                  //
	"Monday, 2 Jan 2006 15:04:05 -0700",    //
	"Monday, January 2, 2006 15:04:05 MST", //
	"2006-01-02 15:04:05 -0700",            // Ruby, Python
	"2006-01-02 15:04:05",                  // SQL
	time.RFC3339,                           // APIs
	"02-Jan-2006 15:04:05 -0700",           // IMAP
	"02 Jan 2006 15:04:05 -0700",           //
}

// parseDate reads a Date field; the zero time where nothing fits.
func parseDate(s string) time.Time {
	t := readDate(s)
	if _, offset := t.Zone(); offset <= -24*3600 || offset >= 24*3600 {
		t = t.UTC() // "+9999" is no zone that could be written again
	}
	if y := t.Year(); y < 1 || y > 9999 {
		return time.Time{}
	}
	return t
}

func readDate(s string) time.Time {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		return time.Time{}
	}
	bare, _, _ := strings.Cut(s, " (") // a zone's name behind its hours
	if t, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", bare); err == nil {
		return t // by far the most; mail.ParseDate tries two dozen forms
	}
	if t, err := mail.ParseDate(s); err == nil {
		return t
	}
	if i := strings.IndexByte(s, '('); i > 0 {
		s = strings.TrimSpace(s[:i])
	}
	s = strings.NewReplacer("GMT+", "+", "GMT-", "-", "UTC+", "+", "--", "-", ".", ":").Replace(s)
	if t, err := mail.ParseDate(s); err == nil {
		return t
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}
