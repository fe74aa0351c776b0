package parser

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// TNEF is the form in which Outlook and Exchange pack a whole message into one
// attachment, winmail.dat ([MS-OXTNEF]).
const tnefSignature = 0x223e9f78

// Attributes of a TNEF stream.
const (
	tnefBody       = 0x0002800c
	tnefCodepage   = 0x00069007
	tnefTitle      = 0x00018010
	tnefData       = 0x0006800f
	tnefRendering  = 0x00069002 // a new attachment begins
	tnefProperties = 0x00069003
	tnefAttachment = 0x00069005 // properties of the attachment
)

// MAPI properties within them ([MS-OXPROPS]).
const (
	propBody      = 0x1000
	propRTF       = 0x1009
	propHTML      = 0x1013
	propData      = 0x3701
	propShortName = 0x3704
	propLongName  = 0x3707
	propMIMEType  = 0x370e
	propContentID = 0x3712
)

// tnefMessage is what was packed.
type tnefMessage struct {
	plain, html string
	files       []tnefFile
	codepage    string
}

type tnefFile struct {
	name, mediaType, contentID string
	content                    []byte
}

// isTNEF tells by type, name or first bytes; the type alone is often lost.
func isTNEF(p *part) bool {
	switch p.mediaType {
	case "application/ms-tnef", "application/vnd.ms-tnef":
		return true
	}
	return strings.EqualFold(p.filename(), "winmail.dat")
}

// tnef unpacks p in its place. One that cannot be read stays an attachment.
func (b *body) tnef(p *part) {
	msg, ok := readTNEF(decodeTransfer(p.encoding, p.body, maxTNEF))
	if !ok || msg.plain == "" && msg.html == "" && len(msg.files) == 0 {
		b.problems.add("winmail.dat that could not be opened")
		b.attach(p)
		return
	}
	for _, f := range msg.files {
		a := bytesAttachment(f.name, f.mediaType, f.content)
		a.ContentID = strings.Trim(f.contentID, "<>")
		b.attachments = append(b.attachments, a)
	}
	if !b.hasText() {
		b.sections = append(b.sections, section{plain: msg.plain, html: msg.html, hasPlain: msg.plain != "", hasHTML: msg.html != ""})
	}
}

// hasText reports whether a section shows anything yet.
func (b *body) hasText() bool {
	for _, s := range b.sections {
		if strings.TrimSpace(s.plain) != "" || strings.TrimSpace(s.html) != "" {
			return true
		}
	}
	return false
}

// readTNEF reads as much of a stream as is whole. ok is false for what is none.
func readTNEF(raw []byte) (msg tnefMessage, ok bool) {
	if len(raw) < 6 || binary.LittleEndian.Uint32(raw) != tnefSignature {
		return msg, false
	}
	msg.codepage = "windows-1252"
	for raw = raw[6:]; len(raw) >= 9; {
		id := binary.LittleEndian.Uint32(raw[1:])
		size := int(binary.LittleEndian.Uint32(raw[5:]))
		raw = raw[9:]
		if size < 0 || size > len(raw) {
			size = len(raw) // cut off: what there is
		}
		msg.attribute(id, raw[:size])
		raw = raw[min(len(raw), size+2):] // a checksum follows
	}
	msg.files = wholeFiles(msg.files)
	return msg, true
}

// wholeFiles leaves out attachments without content, as those of OLE are.
func wholeFiles(files []tnefFile) []tnefFile {
	var whole []tnefFile
	for _, f := range files {
		if len(f.content) > 0 {
			whole = append(whole, f)
		}
	}
	return whole
}

func (m *tnefMessage) attribute(id uint32, data []byte) {
	switch id {
	case tnefCodepage:
		if len(data) >= 4 {
			m.codepage = codepage(binary.LittleEndian.Uint32(data))
		}
	case tnefBody:
		if m.plain == "" {
			m.plain = m.text(data)
		}
	case tnefRendering:
		if len(m.files) < maxParts {
			m.files = append(m.files, tnefFile{})
		}
	case tnefTitle:
		if f := m.last(); f != nil && f.name == "" {
			f.name = m.text(data)
		}
	case tnefData:
		if f := m.last(); f != nil {
			f.content = data
		}
	case tnefProperties:
		readProperties(data, m.property)
	case tnefAttachment:
		if m.last() != nil {
			readProperties(data, m.fileProperty)
		}
	}
}

func (m *tnefMessage) last() *tnefFile {
	if len(m.files) == 0 {
		return nil
	}
	return &m.files[len(m.files)-1]
}

func (m *tnefMessage) property(id, kind uint16, value []byte) {
	switch id {
	case propBody:
		if text := m.value(kind, value); text != "" {
			m.plain = text
		}
	case propHTML:
		label := metaCharset(value)
		if label == "" {
			label = m.codepage
		}
		if kind == mapiUnicode {
			m.html = m.value(kind, value)
		} else {
			m.html, _ = decodeCharset(bytes.TrimRight(value, "\x00"), label)
		}
	case propRTF:
		if m.html != "" {
			return
		}
		text, isHTML := readRTF(expandRTF(value))
		if isHTML {
			m.html = text
		} else if m.plain == "" {
			m.plain = text
		}
	}
}

func (m *tnefMessage) fileProperty(id, kind uint16, value []byte) {
	f := m.last()
	switch id {
	case propLongName:
		if name := m.value(kind, value); name != "" {
			f.name = name
		}
	case propShortName:
		if f.name == "" {
			f.name = m.value(kind, value)
		}
	case propMIMEType:
		f.mediaType = strings.ToLower(m.value(kind, value))
	case propContentID:
		f.contentID = m.value(kind, value)
	case propData:
		if kind == mapiObject && len(value) > 16 {
			value = value[16:] // an interface identifier stands before it
		}
		if len(f.content) == 0 {
			f.content = value
		}
	}
}

func (m *tnefMessage) value(kind uint16, value []byte) string {
	if kind == mapiUnicode {
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(value[2*i:])
		}
		return cleanText(strings.TrimRight(string(utf16.Decode(units)), "\x00"))
	}
	return m.text(value)
}

func (m *tnefMessage) text(data []byte) string {
	text, _ := decodeCharset(bytes.TrimRight(data, "\x00"), m.codepage)
	return cleanText(text)
}

func codepage(n uint32) string {
	switch n {
	case 65001:
		return "utf-8"
	case 28591:
		return "iso-8859-1"
	case 20127:
		return "us-ascii"
	case 50220, 50221:
		return "iso-2022-jp"
	}
	return "cp" + strings.TrimLeft(string([]byte{'0' + byte(n/1000%10), '0' + byte(n/100%10), '0' + byte(n/10%10), '0' + byte(n%10)}), "0")
}

// MAPI value types.
const (
	mapiObject   = 0x000d
	mapiString   = 0x001e
	mapiUnicode  = 0x001f
	mapiBinary   = 0x0102
	mapiMultiple = 0x1000
)

// mapiSizes are the bytes of values of fixed size, as TNEF pads them.
var mapiSizes = map[uint16]int{
	0x0001: 0, 0x0002: 4, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000a: 4, 0x000b: 4, 0x0014: 8, 0x0040: 8, 0x0048: 16,
}

// readProperties gives each property of a list to take. It stops at the first
// that it cannot measure.
func readProperties(b []byte, take func(id, kind uint16, value []byte)) {
	r := &byteReader{b: b}
	for n := r.uint32(); n > 0 && r.ok(); n-- {
		kind, id := r.uint16(), r.uint16()
		if id >= 0x8000 { // a named property: its set and its name
			r.skip(16)
			if r.uint32() == 0 {
				r.skip(4)
			} else {
				r.padded(int(r.uint32()))
			}
		}
		count := uint32(1)
		base := kind &^ mapiMultiple
		if kind&mapiMultiple != 0 {
			count = r.uint32()
		} else if variable(base) {
			count = r.uint32()
		}
		for ; count > 0 && r.ok(); count-- {
			var value []byte
			if size, fixed := mapiSizes[base]; fixed {
				if value = r.padded(size); size == 0 {
					break
				}
			} else if variable(base) {
				value = r.padded(int(r.uint32()))
			} else {
				return
			}
			if r.ok() {
				take(id, base, value)
			}
		}
	}
}

func variable(kind uint16) bool {
	return kind == mapiString || kind == mapiUnicode || kind == mapiBinary || kind == mapiObject
}

// byteReader reads little-endian values and remembers when it ran out.
type byteReader struct {
	b    []byte
	done bool
}

func (r *byteReader) ok() bool { return !r.done }

func (r *byteReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.done, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *byteReader) skip(n int) { r.take(n) }

// padded is n bytes, and the zeros up to a multiple of four behind them.
func (r *byteReader) padded(n int) []byte {
	v := r.take(n)
	if r.ok() && n%4 != 0 {
		r.take(min(4-n%4, len(r.b)))
	}
	return v
}

func (r *byteReader) uint16() uint16 {
	if v := r.take(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (r *byteReader) uint32() uint32 {
	if v := r.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}
