package outbox

import (
	"bytes"
	"context"
	"io"
	"mime"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"guichet/templates"
	"guichet/ticket"
)

// largestScrubbed bounds a file that is read whole to be scrubbed.
const largestScrubbed = 32 << 20

// treatment is what happens to a file before it is passed on.
type treatment int

const (
	passOn      treatment = iota
	dropQuietly           // a signature over what we have to alter; it names its signer
	keepBack              // what cannot be scrubbed and is full of addresses
	scrubCalendar
	scrubCard
	scrubMail
)

// treatments are those of files that carry addresses, by type and by the ending
// of the name: programs often label them application/octet-stream.
var treatments = map[string]treatment{
	"application/pkcs7-signature":   dropQuietly,
	"application/x-pkcs7-signature": dropQuietly,
	"application/pgp-signature":     dropQuietly,
	".p7s":                          dropQuietly,
	"text/calendar":                 scrubCalendar,
	"application/ics":               scrubCalendar,
	".ics":                          scrubCalendar,
	".ifb":                          scrubCalendar,
	".vcs":                          scrubCalendar,
	"text/vcard":                    scrubCard,
	"text/x-vcard":                  scrubCard,
	"text/directory":                scrubCard,
	".vcf":                          scrubCard,
	"message/rfc822":                scrubMail,
	"message/global":                scrubMail,
	".eml":                          scrubMail,
	"application/vnd.ms-outlook":    keepBack,
	".msg":                          keepBack,
	"application/ms-tnef":           keepBack,
	"application/vnd.ms-tnef":       keepBack,
	".mbox":                         keepBack,
	"application/pkcs7-mime":        keepBack,
	"application/x-pkcs7-mime":      keepBack,
	".p7m":                          keepBack,
}

func treat(a ticket.Attachment) treatment {
	if t, ok := treatments[strings.ToLower(a.Type)]; ok {
		return t
	}
	return treatments[strings.ToLower(path.Ext(a.Name))]
}

// relayed is an article as one who did not write it may have it, with its files.
// What could not be made fit to be passed on is named.
func (c *composer) relayed(ctx context.Context, a ticket.Article, s *scrubber) (scrubbed ticket.Article, withheld []string, files []file) {
	attachments := a.Attachments
	a.Text, a.Whole, a.Attachments = s.text(a.Text), s.text(a.Whole), nil
	for _, each := range attachments {
		each.Name = s.fileName(each.Name)
		f := file{name: each.Name, mediaType: mediaType(each.Type), encoding: "base64", open: c.blob(each.Blob)}
		if templates.Shown(each) {
			f.contentID = each.ContentID
		}
		switch how := treat(each); how {
		case passOn:
		case dropQuietly:
			continue
		case keepBack:
			if s.recipient != nil {
				withheld = append(withheld, each.Name)
				continue
			}
		default:
			clean, err := c.scrubFile(ctx, each, how, s)
			if err != nil && s.recipient != nil {
				withheld = append(withheld, each.Name)
				continue
			}
			if err == nil {
				f.open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(clean)), nil }
				each.Size = int64(len(clean))
			}
			if err == nil && how == scrubMail {
				f.mediaType, f.encoding = "message/rfc822", "7bit"
			}
		}
		a.Attachments = append(a.Attachments, each)
		files = append(files, f)
	}
	return a, withheld, files
}

func (c *composer) blob(id ticket.BlobID) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		return c.open(ctx, c.site.Name, c.Ticket.ID, id)
	}
}

// scrubFile reads a file whole and gives what may be passed on of it.
func (c *composer) scrubFile(ctx context.Context, a ticket.Attachment, how treatment, s *scrubber) ([]byte, error) {
	r, err := c.blob(a.Blob)(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, largestScrubbed+1))
	if err != nil {
		return nil, err
	}
	if len(b) > largestScrubbed {
		return nil, errTooLarge
	}
	switch how {
	case scrubCalendar:
		return s.calendar(b)
	case scrubCard:
		return s.card(b)
	default:
		return s.mail(b)
	}
}

var plainType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}$`)

// mediaType is a type that may stand over a base64 part (RFC 2046 §5): messages
// and multiparts may not.
func mediaType(s string) string {
	s = strings.ToLower(s)
	if !plainType.MatchString(s) || strings.HasPrefix(s, "multipart/") || strings.HasPrefix(s, "message/") {
		return "application/octet-stream"
	}
	return s
}

// fileName is a name without a path, short enough for a header line once it is
// encoded; its ending stays.
func fileName(s string) string {
	s = templates.Line(strings.NewReplacer("/", "_", "\\", "_", "\"", "_", ":", "_").Replace(s), 500)
	const longest = 64
	if n := utf8.RuneCountInString(s); n > longest {
		ext := path.Ext(s)
		if utf8.RuneCountInString(ext) > 10 {
			ext = ""
		}
		keep := longest - utf8.RuneCountInString(ext)
		s = string([]rune(strings.TrimSuffix(s, ext))[:keep]) + ext
	}
	if s == "" {
		s = "attachment"
	}
	return s
}

// decodeWords reads encoded words in any charset that is known.
func decodeWords(s string) string {
	d := mime.WordDecoder{CharsetReader: charsetReader}
	if decoded, err := d.DecodeHeader(s); err == nil {
		return decoded
	}
	return s
}
