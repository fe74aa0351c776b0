package parser

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// newAttachment measures and digests what open gives, a piece at a time.
func newAttachment(name, mediaType string, open func() io.Reader) Attachment {
	a := Attachment{Name: name, Type: mediaType, open: open}
	hash := sha256.New()
	head := &headWriter{}
	a.Size, _ = io.Copy(io.MultiWriter(hash, head), open())
	a.SHA256 = hex.EncodeToString(hash.Sum(nil))
	if a.Type == "" || a.Type == "application/octet-stream" {
		a.Type, _, _ = strings.Cut(http.DetectContentType(head.buf[:head.n]), ";")
	}
	return a
}

// bytesAttachment is an attachment that was unpacked from something else.
func bytesAttachment(name, mediaType string, content []byte) Attachment {
	return newAttachment(safeName(name), mediaType, func() io.Reader { return bytes.NewReader(content) })
}

// headWriter keeps the first bytes that pass, to tell the type by.
type headWriter struct {
	buf [512]byte
	n   int
}

func (w *headWriter) Write(p []byte) (int, error) {
	w.n += copy(w.buf[w.n:], p)
	return len(p), nil
}

// attachment makes one of a part.
func (p *part) attachment() Attachment {
	encoding, body := p.encoding, p.body
	a := newAttachment(p.filename(), p.mediaType, func() io.Reader { return newDecoder(encoding, body) })
	a.ContentID = strings.Trim(cleanLine(p.header.get("content-id")), "<> ")
	a.Inline = p.disposition == "inline" || p.disposition == "" && a.ContentID != "" && p.parent != nil && p.parent.mediaType == "multipart/related"
	if p.mediaType == "message/rfc822" && a.Name == "" {
		a.Name = safeName(p.innerSubject())
		if a.Name != "" {
			a.Name += ".eml"
		}
	}
	return a
}

// innerSubject is the subject of an attached message.
func (p *part) innerSubject() string {
	h := readHeader(decodeTransfer(p.encoding, p.body, maxHeaderBlock))
	subject := []rune(decodeWords(h.get("subject")))
	return string(subject[:min(len(subject), 80)])
}

// nameAttachments gives a name to those that have none.
func nameAttachments(list []Attachment) {
	for i := range list {
		if list[i].Name == "" {
			list[i].Name = fmt.Sprintf("attachment-%d%s", i+1, extension(list[i].Type))
		}
	}
}

// extension is the usual ending of file names of a media type.
func extension(mediaType string) string {
	if ext, ok := extensions[mediaType]; ok {
		return ext
	}
	if strings.HasPrefix(mediaType, "text/") {
		return ".txt"
	}
	return ".bin"
}

var extensions = map[string]string{
	"image/jpeg": ".jpg", "image/jpg": ".jpg", "image/pjpeg": ".jpg", "image/png": ".png", "image/gif": ".gif",
	"image/webp": ".webp", "image/bmp": ".bmp", "image/tiff": ".tif", "image/svg+xml": ".svg",
	"application/pdf": ".pdf", "application/zip": ".zip", "application/x-gzip": ".gz", "application/json": ".json",
	"application/rtf": ".rtf", "text/rtf": ".rtf", "text/html": ".html", "text/csv": ".csv", "text/xml": ".xml",
	"application/xml": ".xml", "text/calendar": ".ics", "text/vcard": ".vcf", "text/x-vcard": ".vcf",
	"message/rfc822": ".eml", "message/delivery-status": ".txt", "text/rfc822-headers": ".txt",
	"message/disposition-notification": ".txt", "message/feedback-report": ".txt",
	"application/pgp-signature": ".asc", "application/pgp-encrypted": ".asc", "application/pgp-keys": ".asc",
	"application/pkcs7-signature": ".p7s", "application/x-pkcs7-signature": ".p7s",
	"application/pkcs7-mime": ".p7m", "application/x-pkcs7-mime": ".p7m", "application/ms-tnef": ".dat",
	"application/msword": ".doc", "application/vnd.ms-excel": ".xls", "audio/mpeg": ".mp3", "audio/wav": ".wav",
	"video/mp4": ".mp4", "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}

// safeName makes a file name of what a mail calls one: no path, nothing that a
// file system or a terminal takes for more than a letter, at most 200 bytes.
func safeName(s string) string {
	s = strings.TrimSpace(s)
	if strings.Contains(s, `\`) {
		s = s[strings.LastIndexByte(s, '\\')+1:] // C:\fakepath\name
	}
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || strings.HasPrefix(s, "~/") {
		s = path.Base(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == ':' || r == '\t' || r == '\n' || r == '\r':
			return '_'
		case r == 0x200B || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != 0x200D:
			return -1
		}
		return r
	}, s)
	s = strings.TrimRight(strings.TrimSpace(s), ". ")
	if s == "." || s == ".." || strings.Trim(s, "._ ") == "" {
		return ""
	}
	return shortName(s)
}

// shortName cuts a name at 200 bytes and keeps its ending.
func shortName(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	ext := path.Ext(s)
	if len(ext) > 20 {
		ext = ""
	}
	cut := limit - len(ext)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + ext
}
