package parser

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

var metaCharsetPattern = regexp.MustCompile(`(?i)<meta[^>]{0,200}charset\s{0,3}=\s{0,3}["']?\s{0,3}([a-z0-9_:-]{2,40})|<\?xml[^>]{0,100}encoding\s{0,3}=\s{0,3}["']([a-z0-9_:-]{2,40})`)

// metaCharset is the charset that an HTML text claims in its head.
func metaCharset(b []byte) string {
	m := metaCharsetPattern.FindSubmatch(b[:min(len(b), 4<<10)])
	if m == nil {
		return ""
	}
	return string(bytes.Join(m[1:], nil))
}

// htmlLines reads HTML as a person would who cannot see it: blocks become
// lines, lists and tables keep their shape, links their target, images their
// place, and what programs mark as quote or signature is remembered. It goes
// through the tokens once and builds no tree, so depth costs nothing.
func htmlLines(source string) []line {
	w := &htmlWriter{lines: make([]line, 0, min(strings.Count(source, "<")/3, len(source)/24))}
	if strings.IndexByte(source, '<') < 0 {
		w.pre = 1 // plain text that a script calls HTML
	}
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return w.finish()
		case html.TextToken:
			if w.skip == 0 {
				w.text(z.Text())
			}
		case html.StartTagToken:
			w.start(z, false)
		case html.SelfClosingTagToken:
			w.start(z, true)
		case html.EndTagToken:
			w.end(tagOf(z.Raw()))
		}
	}
}

// maxOpen bounds the elements remembered as open. Beyond it they only lose
// their marks, never their text.
const maxOpen = 1_000

// htmlWriter is the state between two tokens.
type htmlWriter struct {
	lines []line
	cur   []byte // the line so far
	point int    // bytes of cur that are the bullet of a list, with nothing behind it yet if all are
	space bool   // white space is due before the next word
	gap   int    // empty lines due before the next line

	open  []openElement
	count [256]uint16 // of open elements, by a piece of their name
	skip  int         // inside elements whose text nobody sees
	pre   int
	depth int // of quoting
	hint  hint
	cut   bool // the quoted mail has begun and lasts to the end
	lists []listState
	cells int // of the table row so far
	row   int // lines when the row began
	cell  int // bytes of cur before the cell that has begun
	bytes int
}

type openElement struct {
	name  atom.Atom
	hint  hint // before this element
	quote bool // raised depth
	skip  bool
	pre   bool
	href  string
	mark  int // where the link's text began in cur
}

type listState struct {
	ordered bool
	n       int
}

func (w *htmlWriter) start(z *html.Tokenizer, selfClosing bool) {
	raw := z.Raw()
	tag := tagOf(raw)
	var attrs attributes
	if bytes.IndexByte(raw, '=') >= 0 || bytes.Contains(raw, []byte("hidden")) {
		attrs = readAttrs(z)
	}
	if w.skip > 0 {
		if !selfClosing && !void(tag) {
			w.push(openElement{name: tag, hint: w.hint})
		}
		return
	}
	el := openElement{name: tag, hint: w.hint}
	if w.hidden(tag, attrs) {
		el.skip = true
	}
	if found := markOf(tag, attrs); found != 0 && !el.skip {
		if found&hintCut != 0 {
			w.breakLine()
			w.cut = true
			w.mark(hintCut)
		}
		if found&(hintQuote|hintSign|hintOurs) != 0 {
			w.breakLine()
		}
		w.hint |= found &^ hintCut
	}
	w.layout(tag, attrs, &el)
	if selfClosing && tag != atom.Div && tag != atom.P && tag != atom.Span || void(tag) {
		if el.skip {
			return
		}
		w.hint = el.hint
		return
	}
	w.push(el)
}

// tagOf reads the name out of a tag as written. The tokenizer would make two
// copies of it.
func tagOf(raw []byte) atom.Atom {
	raw = bytes.TrimLeft(raw, "</")
	var name [16]byte
	n := 0
	for ; n < len(raw) && n < len(name); n++ {
		c := raw[n]
		if c == '>' || c == '/' || isHTMLSpace(c) {
			break
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		name[n] = c
	}
	return atom.Lookup(name[:n])
}

func (w *htmlWriter) push(el openElement) {
	if len(w.open) >= maxOpen {
		return
	}
	w.open = append(w.open, el)
	w.count[pieceOf(el.name)]++
	if el.skip {
		w.skip++
	}
	if el.quote {
		w.depth++
	}
	if el.pre {
		w.pre++
	}
}

// pieceOf tells most stray end tags from those of open elements.
func pieceOf(tag atom.Atom) uint8 { return uint8(tag >> 8) }

// end closes the nearest open element of that name; a stray end tag is none.
func (w *htmlWriter) end(tag atom.Atom) {
	if tag == atom.Br {
		w.newLine()
		return
	}
	// Looking far up for a stray tag, for each of many, would cost a square.
	low := max(0, len(w.open)-60)
	for i := len(w.open) - 1; i >= low && w.count[pieceOf(tag)] > 0; i-- {
		if w.open[i].name != tag || tag == 0 {
			continue
		}
		for len(w.open) > i {
			w.pop()
		}
		return
	}
	if tag == atom.P || tag == atom.Div {
		w.breakLine()
	}
}

func (w *htmlWriter) pop() {
	el := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	w.count[pieceOf(el.name)]--
	if el.skip {
		w.skip--
		w.hint = el.hint
		return
	}
	if w.skip > 0 {
		return
	}
	w.closeLayout(el)
	if el.quote {
		w.breakLine()
		w.depth--
	}
	if el.pre {
		w.pre--
	}
	if w.hint != el.hint {
		w.breakLine()
		w.hint = el.hint
	}
}

// layout is what an element does to the lines when it opens.
func (w *htmlWriter) layout(tag atom.Atom, attrs attributes, el *openElement) {
	switch tag {
	case atom.Br:
		w.newLine()
	case atom.Hr:
		w.paragraph()
		w.word("________________________________")
		w.paragraph()
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Dl:
		if !w.beginsCell() {
			w.paragraph()
		}
	case atom.Blockquote:
		w.paragraph()
		el.quote = true
	case atom.Pre, atom.Xmp, atom.Listing:
		w.paragraph()
		el.pre = true
	case atom.Ul, atom.Ol:
		w.breakLine()
		if len(w.lists) < maxOpen {
			n, _ := strconv.Atoi(attrs.start)
			w.lists = append(w.lists, listState{ordered: tag == atom.Ol, n: max(0, n-1)})
		}
	case atom.Li:
		w.breakLine()
		w.bullet()
	case atom.Table:
		w.breakLine()
		w.cells = 0
	case atom.Tr:
		w.breakLine()
		if w.cells > 0 && w.oneLine() {
			w.gap = 0 // of a paragraph in the last cell
		}
		w.cells, w.row = 0, len(w.lines)
	case atom.Td, atom.Th:
		if w.cells++; w.cells > 1 {
			w.nextCell()
		}
	case atom.Img:
		w.image(attrs)
	case atom.A:
		el.href, el.mark = attrs.href, len(w.cur)
	default:
		if block(tag) && !w.beginsCell() {
			w.breakLine()
		}
	}
}

// nextCell goes on in the line of the cell before. Word has a paragraph in each
// cell, whose end has ended that line already.
func (w *htmlWriter) nextCell() {
	if n := len(w.lines); len(w.cur) == 0 && w.oneLine() {
		w.cur = append(w.cur, w.lines[n-1].text...)
		w.lines, w.gap = w.lines[:n-1], 0
	}
	if len(w.cur) > 0 {
		w.space = false
		w.raw("\t")
		w.cell = len(w.cur)
	}
}

// oneLine reports whether the row has one line so far, which is the last.
func (w *htmlWriter) oneLine() bool {
	n := len(w.lines)
	if n <= w.row || n-w.row > 2 || n-w.row == 2 && w.lines[w.row].text != "" {
		return false
	}
	last := w.lines[n-1]
	return last.text != "" && len(last.text) < 200 && last.hint == w.lineHint() && last.depth == w.quoteDepth()
}

// beginsCell reports whether nothing stands yet in the cell of a row.
func (w *htmlWriter) beginsCell() bool {
	return w.cells > 0 && len(w.cur) == w.cell && (w.cell > 0 || len(w.lines) == w.row)
}

// closeLayout is what an element does to the lines when it closes.
func (w *htmlWriter) closeLayout(el openElement) {
	switch el.name {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Pre, atom.Xmp, atom.Listing, atom.Dl, atom.Blockquote:
		w.paragraph()
	case atom.Ul, atom.Ol:
		w.breakLine()
		w.cur, w.point = w.cur[:0], 0
		if len(w.lists) > 0 {
			w.lists = w.lists[:len(w.lists)-1]
		}
	case atom.A:
		w.link(el)
	default:
		if block(el.name) {
			w.breakLine()
		}
	}
}

// bullet begins an item. One without words gives way to the next.
func (w *htmlWriter) bullet() {
	w.cur = w.cur[:0]
	defer func() { w.point = len(w.cur) }()
	if len(w.lists) == 0 {
		w.raw("* ")
		return
	}
	l := &w.lists[len(w.lists)-1]
	indent := strings.Repeat("  ", min(len(w.lists)-1, 8))
	if l.ordered {
		l.n++
		w.raw(indent + strconv.Itoa(l.n) + ". ")
	} else {
		w.raw(indent + "* ")
	}
}

// image keeps the place of a picture that says something.
func (w *htmlWriter) image(attrs attributes) {
	alt := strings.Join(strings.Fields(attrs.alt), " ")
	switch {
	case alt != "" && !strings.HasPrefix(alt, "cid:") && !imageName.MatchString(alt) && len(alt) < 300:
		w.word(alt)
	case strings.HasPrefix(attrs.src, "cid:") || strings.HasPrefix(attrs.src, "data:image"):
		w.word("[🖼]")
	}
}

var imageName = regexp.MustCompile(`(?i)^\S+\.(png|jpe?g|gif|bmp|webp|svg)(@\S*)?$`)

// link writes the target behind a link whose words do not name it.
func (w *htmlWriter) link(el openElement) {
	href := strings.TrimSpace(el.href)
	if el.mark > len(w.cur) || href == "" {
		return
	}
	words := strings.TrimSpace(string(w.cur[el.mark:]))
	lower := strings.ToLower(href)
	if strings.HasPrefix(lower, "mailto:") {
		addr, _, _ := strings.Cut(href[len("mailto:"):], "?")
		if words == "" || strings.Contains(strings.ToLower(words), strings.ToLower(addr)) {
			return
		}
		w.word(" <" + addr + ">")
		return
	}
	if !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "ftp://") || len(href) > 2_000 {
		return
	}
	bare := strings.TrimSuffix(href[strings.Index(href, "//")+2:], "/")
	if words == "" || strings.Contains(words, bare) || strings.Contains(strings.TrimPrefix(bare, "www."), strings.TrimPrefix(words, "www.")) && strings.Contains(words, ".") {
		return
	}
	w.word(" <" + href + ">")
}

// text writes running text: runs of white space are one space, except in pre.
func (w *htmlWriter) text(s []byte) {
	if hasJunk(s) {
		s = []byte(cleanText(string(s)))
	}
	if w.pre > 0 {
		for i, l := range bytes.Split(s, []byte("\n")) {
			if i > 0 {
				w.newLine()
			}
			w.raw(string(l))
		}
		return
	}
	for len(s) > 0 {
		n := 0
		for n < len(s) && !isHTMLSpace(s[n]) {
			n++
		}
		if n > 0 {
			w.words(s[:n])
		}
		w.space = w.space || n < len(s)
		for n < len(s) && isHTMLSpace(s[n]) {
			n++
		}
		s = s[n:]
	}
}

func isHTMLSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'
}

// words writes s after the space that is due, if the line has begun.
func (w *htmlWriter) words(s []byte) {
	if w.space && len(w.cur) > w.point {
		w.raw(" ")
	}
	w.space = false
	if w.bytes += len(s); w.bytes <= maxText {
		w.cur = append(w.cur, s...)
	}
}

func (w *htmlWriter) word(s string) { w.words([]byte(cleanText(s))) }

func (w *htmlWriter) raw(s string) {
	if w.bytes += len(s); w.bytes <= maxText {
		w.cur = append(w.cur, s...)
	}
}

// newLine ends the line, also an empty one.
func (w *htmlWriter) newLine() {
	if w.gap > 0 && len(w.cur) == 0 {
		w.flushGap()
	}
	w.emit()
}

// breakLine ends the line if it has begun; a bullet alone waits for its words.
func (w *htmlWriter) breakLine() {
	w.space = false
	if len(w.cur) > w.point {
		w.emit()
	}
}

// paragraph ends the line and asks for an empty one before the next.
func (w *htmlWriter) paragraph() {
	w.breakLine()
	if len(w.lines) > 0 && w.point == 0 {
		w.gap = 1
	}
}

func (w *htmlWriter) emit() {
	text := string(bytes.TrimRight(w.cur, " \t"))
	w.cur, w.point, w.cell = w.cur[:0], 0, 0
	w.space = false
	w.flushGap()
	if len(w.lines) >= maxLines {
		return
	}
	w.lines = append(w.lines, line{text: text, depth: w.quoteDepth(), hint: w.lineHint(), prose: prose(text)})
}

// lineHint is what is known of a line that ends here.
func (w *htmlWriter) lineHint() hint {
	h := w.hint
	if w.cut {
		h |= hintQuote
	}
	if w.depth > 0 {
		h |= hintBlock
	}
	return h
}

func (w *htmlWriter) quoteDepth() uint8 { return uint8(min(w.depth, maxQuoteDepth)) }

func (w *htmlWriter) flushGap() {
	if w.gap > 0 && len(w.lines) > 0 && len(w.lines) < maxLines && w.lines[len(w.lines)-1].text != "" {
		w.lines = append(w.lines, line{depth: min(w.quoteDepth(), w.lines[len(w.lines)-1].depth), hint: w.hint})
	}
	w.gap = 0
}

// mark puts a hint where the next line will stand.
func (w *htmlWriter) mark(h hint) {
	w.lines = append(w.lines, line{depth: w.quoteDepth(), hint: w.hint | h})
}

func (w *htmlWriter) finish() []line {
	w.breakLine()
	if len(w.lines) >= maxLines {
		w.lines = append(w.lines, line{text: "[…]"})
	}
	return w.lines
}

// hidden elements are not shown by any mail program.
func (w *htmlWriter) hidden(tag atom.Atom, attrs attributes) bool {
	switch tag {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Object, atom.Template, atom.Svg, atom.Noscript, atom.Select, atom.Iframe:
		return true
	}
	return attrs.hidden
}

// void elements have no end tag.
func void(tag atom.Atom) bool {
	switch tag {
	case atom.Br, atom.Hr, atom.Img, atom.Meta, atom.Link, atom.Input, atom.Base, atom.Area, atom.Col, atom.Embed, atom.Param, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}

// block elements stand on lines of their own.
func block(tag atom.Atom) bool {
	switch tag {
	case atom.Div, atom.Table, atom.Tbody, atom.Thead, atom.Tfoot, atom.Tr, atom.Center, atom.Section, atom.Article, atom.Header, atom.Footer,
		atom.Address, atom.Dt, atom.Dd, atom.Form, atom.Fieldset, atom.Body, atom.Html, atom.Main, atom.Nav, atom.Aside, atom.Caption, atom.Figure,
		atom.Figcaption, atom.Li, atom.Hr:
		return true
	}
	return false
}
