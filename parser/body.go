package parser

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// section is one stretch of the body: the same text as plain, as HTML, or both.
type section struct {
	plain, html       string
	hasPlain, hasHTML bool
}

// body is what was found in the parts of a message.
type body struct {
	sections    []section
	attachments []Attachment
	calendars   []string // text/calendar, decoded
	invitation  *Calendar
	reports     []*part // message/delivery-status and its kin
	messages    []*part // attached messages and their headers
	encrypted   string
	challenge   bool // a report asks the sender to prove that they are a person
	problems    *problems
	spare       *part // a text that has a file name, used where there is no other
	nested      int   // signed messages that are open
}

// gather goes through the parts in order and sorts them.
func (b *body) gather(p *part) {
	switch {
	case len(p.children) == 0:
		b.leaf(p)
	case p.mediaType == "multipart/alternative":
		b.alternative(p)
	case p.mediaType == "multipart/encrypted":
		b.encrypted = "pgp"
		for _, c := range p.children {
			b.attach(c)
		}
	default:
		for _, c := range p.children {
			b.gather(c)
		}
	}
}

// leaf files a part without parts.
func (b *body) leaf(p *part) {
	named := p.filename() != ""
	switch {
	case p.mediaType == "text/calendar" || p.mediaType == "application/ics":
		b.calendars = append(b.calendars, p.text(b.problems))
		b.attach(p)
	case strings.HasPrefix(p.mediaType, "multipart/"):
		// An empty multipart holds nothing.
	case p.isText() && p.binary():
		b.problems.add("text that is no text")
		p.mediaType = "application/octet-stream" // which is then told by its bytes
		b.attach(p)
	case p.mediaType == "application/pgp-signature" && !named && p.parent != nil && p.parent.mediaType == "multipart/signed":
		// Said of the mail, not sent with it.
	case p.isText() && p.disposition != "attachment" && (!named || p.parent == nil) && !(p.enriched() && len(b.sections) > 0 && p.parent.mediaType != "multipart/alternative"):
		b.textLeaf(p)
	case p.isText() && p.disposition != "attachment" && b.spare == nil && len(b.sections) == 0:
		b.spare = p
		b.attach(p)
	case isTNEF(p):
		b.tnef(p)
	case isSMIME(p):
		b.smime(p)
	default:
		b.attach(p)
	}
}

// binary reports whether the bytes of a text part are no text at all: a picture
// or program under the wrong label. Texts in UTF-16 and UTF-32 say so.
func (p *part) binary() bool {
	label := cleanLabel(p.params["charset"])
	if strings.HasPrefix(label, "utf-16") || strings.HasPrefix(label, "utf-32") || strings.HasPrefix(label, "ucs") || label == "unicode" {
		return false
	}
	head := decodeTransfer(p.encoding, p.body, 2<<10)
	// Of a few bytes a stray one is soon too many: they must break their charset too.
	if len(head) < 64 && (label != "utf-8" || utf8.Valid(head)) || bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return false
	}
	odd := 0
	for _, c := range head {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\v' && c != 0x1b && c != 0x0e && c != 0x0f {
			odd++
		}
	}
	return odd*20 > len(head)
}

// textLeaf adds a text part as a section of its own.
func (b *body) textLeaf(p *part) {
	if p.mediaType == "text/html" || p.mediaType == "application/xhtml+xml" {
		b.sections = append(b.sections, section{html: p.text(b.problems), hasHTML: true})
		return
	}
	b.sections = append(b.sections, section{plain: b.plain(p), hasPlain: true})
}

// plain is the text of a plain part, its flow mended and its files taken out.
func (b *body) plain(p *part) string {
	text := p.text(b.problems)
	if p.enriched() {
		return stripEnriched(text)
	}
	if strings.EqualFold(p.params["format"], "flowed") {
		text = unflow(text, strings.EqualFold(p.params["delsp"], "yes"))
	}
	text, files := cutUuencoded(cutClearsigned(text))
	for _, f := range files {
		b.attachments = append(b.attachments, bytesAttachment(f.name, "", f.content))
	}
	return text
}

// alternative takes the texts of multipart/alternative as one section: what
// stands in the branches are forms of one message, the files in them are not.
func (b *body) alternative(p *part) {
	before := len(b.sections)
	for _, c := range p.children {
		if c.mediaType == "text/x-amp-html" || c.mediaType == "text/x-watch-html" {
			continue // a third form of the same
		}
		b.gather(c)
	}
	if len(b.sections)-before < 2 {
		return
	}
	var one section
	for _, s := range b.sections[before:] {
		if s.hasPlain && !(one.hasPlain && strings.TrimSpace(one.plain) != "") {
			one.plain, one.hasPlain = s.plain, true
		} else if s.hasPlain && strings.TrimSpace(s.plain) != "" && s.plain != one.plain {
			one.plain += "\n\n" + s.plain
		}
		if s.hasHTML {
			// Apple Mail cuts one HTML text in pieces around its images.
			one.html, one.hasHTML = one.html+"\n"+s.html, true
		}
	}
	b.sections = append(b.sections[:before], one)
}

// attach files a part as an attachment, unless there is nothing in it.
func (b *body) attach(p *part) {
	switch p.mediaType {
	case "message/delivery-status", "message/disposition-notification", "message/feedback-report", "message/global-delivery-status":
		b.reports = append(b.reports, p)
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "text/rfc822":
		b.messages = append(b.messages, p)
	}
	a := p.attachment()
	if a.Size == 0 && p.filename() == "" {
		return
	}
	b.attachments = append(b.attachments, a)
}

// useSpare takes a text with a file name, or what an invitation says of its
// event, for the text of the message when there is no other. It stays an
// attachment too.
func (b *body) useSpare() {
	description := ""
	if len(b.calendars) > 0 {
		b.invitation, description = parseCalendar(b.calendars[0])
	}
	switch {
	case b.hasText():
	case b.spare != nil:
		b.textLeaf(b.spare)
	case description != "":
		b.sections = append(b.sections, section{plain: description, hasPlain: true})
	}
}

func (p *part) enriched() bool {
	return p.mediaType == "text/enriched" || p.mediaType == "text/richtext"
}

// stripEnriched takes the commands out of text/enriched (RFC 1896): <bold>,
// << for <, one line end for a space and two for one.
func stripEnriched(s string) string {
	var out strings.Builder
	param := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "<<"):
			out.WriteByte('<')
			i++
		case s[i] == '<':
			end := strings.IndexByte(s[i:], '>')
			if end < 0 || end > 62 {
				out.WriteByte('<')
				continue
			}
			switch strings.ToLower(s[i : i+end+1]) {
			case "<param>":
				param++
			case "</param>":
				param--
			case "<nl>":
				out.WriteByte('\n')
			}
			i += end
		case param > 0:
		case s[i] == '\n' && i+1 < len(s) && s[i+1] != '\n' && (i == 0 || s[i-1] != '\n'):
			out.WriteByte(' ')
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String()
}
