package parser

import (
	"bytes"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

// fallback is for a message in whose parts nothing was found, though its body is
// not empty. A second reader is asked, which looks where ours does not; where it
// finds nothing either and no part was understood, the raw text is shown. Of a
// message of one part there is nothing more to find.
func (b *body) fallback(root *part) {
	if b.hasText() || len(b.attachments) > 0 || len(bytes.TrimSpace(root.body)) == 0 {
		return
	}
	if strings.HasPrefix(root.declared, "multipart/") && fitsSecondReader(root.raw) && guarded(func() { b.readAgain(root.raw) }) && (b.hasText() || len(b.attachments) > 0) {
		b.problems.add("structure that only a second reader understood")
		return
	}
	if len(b.sections) > 0 {
		return // an empty text is a text
	}
	b.problems.add("structure that could not be read")
	text, _ := decodeCharset(root.body[:min(len(root.body), maxRawText)], root.params["charset"])
	b.sections = append(b.sections, section{plain: cleanText(text), hasPlain: true})
}

// fitsSecondReader keeps from enmime what costs it exponential time (multiparts
// in multiparts that never close) or quadratic time (many empty parts).
func fitsSecondReader(raw []byte) bool {
	return len(raw) <= maxSecond &&
		bytes.Count(bytes.ToLower(raw), []byte("boundary")) <= maxSecondMultiparts &&
		bytes.Count(raw, []byte("\n--")) <= maxSecondDashes
}

// guarded reports whether read came to its end: another's code must not take
// the daemon with it.
func guarded(read func()) (whole bool) {
	defer func() { _ = recover() }()
	read()
	return true
}

// secondReader is told not to guess at charsets that are declared, which would
// cost most of its time, nor to make text of HTML, which htmlLines does better.
var secondReader = enmime.NewParser(enmime.DisableCharacterDetection(true), enmime.DisableTextConversion(true),
	enmime.MultipartWOBoundaryAsSinglePart(true), enmime.SkipMalformedParts(true), enmime.MaxStoredPartErrors(1))

// readAgain takes what enmime finds: texts, files, and text behind the end mark
// of a multipart, where gateways have put it that had lost their place.
func (b *body) readAgain(raw []byte) {
	envelope, err := secondReader.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return
	}
	var found section
	found.plain, found.html = cleanText(decodeRaw(envelope.Text)), cleanText(decodeRaw(envelope.HTML))
	found.hasPlain, found.hasHTML = found.plain != "", found.html != ""
	if found.hasPlain || found.hasHTML {
		b.sections = append(b.sections, found)
	}
	for _, list := range [][]*enmime.Part{envelope.Attachments, envelope.Inlines, envelope.OtherParts} {
		for _, p := range list {
			if len(p.Content) > 0 {
				b.attachments = append(b.attachments, bytesAttachment(p.FileName, strings.ToLower(strings.ToValidUTF8(p.ContentType, "")), p.Content))
			}
		}
	}
	for _, p := range envelope.Root.DepthMatchAll(func(p *enmime.Part) bool { return len(bytes.TrimSpace(p.Epilogue)) > 0 }) {
		text, _ := decodeCharset(behindHeader(p.Epilogue), "")
		b.sections = append(b.sections, section{plain: cleanText(text), hasPlain: true})
	}
}

// behindHeader is the body of what begins with fields of a part, else all of it.
func behindHeader(raw []byte) []byte {
	h := readHeader(raw)
	for i := range h.fields {
		if knownField([]byte(h.fields[i].name)) {
			return raw[h.size:]
		}
	}
	return raw
}
