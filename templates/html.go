package templates

import (
	_ "embed"
	"net/url"
	"strconv"
	"strings"
)

// layoutText is the page around the blocks of a mail, with a {{mark}} where
// each thing goes that differs from mail to mail.
//
//go:embed layout.html
var layoutText string

// frame is the layout cut at its marks.
var frame = func() (f struct{ start, title, marker, blocks, end markup }) {
	rest := layoutText
	for _, part := range []struct {
		mark string
		to   *markup
	}{{"locale", &f.start}, {"subject", &f.title}, {"marker", &f.marker}, {"blocks", &f.blocks}} {
		before, after, ok := strings.Cut(rest, "{{"+part.mark+"}}")
		if !ok {
			panic("layout.html has no mark " + part.mark)
		}
		*part.to, rest = markup(before), after
	}
	f.end = markup(rest)
	return f
}()

// markup is HTML of ours. Only constants become it by themselves, so that what
// somebody wrote cannot be passed for it by mistake.
type markup string

// htmlWriter renders a document as HTML. (html/template would look at each value
// anew for each mail, which took more time than all else that a mail needs.)
type htmlWriter struct{ strings.Builder }

// largestFrame is about what the layout and the markup of a mail take.
const largestFrame = 8 << 10

// html renders the document, whose text has so many bytes.
func (d *document) html(locale, subject, marker string, text int) string {
	w := &htmlWriter{}
	w.Grow(largestFrame + text)
	w.mark(frame.start)
	w.say(locale)
	w.mark(frame.title)
	w.say(subject)
	w.mark(frame.marker)
	w.say(marker)
	w.mark(frame.blocks)
	for _, b := range d.blocks {
		w.block(b)
	}
	w.mark(frame.end)
	return w.String()
}

func (w *htmlWriter) mark(s markup) { w.WriteString(string(s)) }

// say writes words, of anybody's, between tags or between the quotation marks
// of an attribute.
func (w *htmlWriter) say(s string) { _, _ = escaper.WriteString(w, s) }

// escaper also takes care of the + with which UTF-7 begins.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;", "\x00", "\ufffd")

// follow writes where a link leads.
func (w *htmlWriter) follow(link string) { w.say(safeHref(link)) }

func (w *htmlWriter) words(l line) {
	for _, s := range l {
		if s.Strong {
			w.mark("<strong>")
			w.say(s.Text)
			w.mark("</strong>")
			continue
		}
		w.say(s.Text)
	}
}

func (w *htmlWriter) block(b block) {
	switch b.Kind {
	case titleBlock:
		w.mark(`<h1 class="ink" style="margin:0 0 16px;font-size:21px;line-height:1.3;font-weight:600;color:#1d2125">`)
		w.words(b.Words)
		w.mark("</h1>\n")
	case headingBlock:
		w.mark(`<h2 class="ink" style="margin:24px 0 8px;font-size:16px;line-height:1.4;font-weight:600;color:#1d2125">`)
		w.words(b.Words)
		w.mark("</h2>\n")
	case paragraphBlock:
		w.mark(`<p style="margin:0 0 16px">`)
		w.words(b.Words)
		w.mark("</p>\n")
	case listBlock:
		w.mark(`<ul style="margin:0 0 16px;padding:0 0 0 20px">`)
		for _, l := range b.Lines {
			w.mark(`<li style="margin:0 0 4px">`)
			w.words(l)
			w.mark("</li>")
		}
		w.mark("</ul>\n")
	case smallBlock:
		w.mark(`<p class="dim" style="margin:0 0 16px;font-size:14px;line-height:1.45;color:#5a636c">`)
		for i, l := range b.Lines {
			w.between(i)
			w.words(l)
		}
		w.mark("</p>\n")
	case warningBlock:
		w.mark(fullTable + `0 0 16px"><tr><td class="warn" style="padding:10px 14px;background:#fff5d6;border:1px solid #e3c566;border-radius:6px;font-size:15px;line-height:1.45;color:#4d3b00">`)
		w.words(b.Words)
		w.mark("</td></tr></table>\n")
	case factsBlock:
		w.facts(b.Facts)
	case ruleBlock:
		w.mark(`<hr class="line" style="margin:24px 0 16px;border:0;border-top:1px solid #dfe2e5">` + "\n")
	case buttonsBlock:
		w.buttons(b.Buttons)
	default:
		w.brought(b)
	}
}

// fullTable begins a table as wide as the mail, up to its margin.
const fullTable = `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:`

// narrowTable begins a table of heads with what stands beside them.
const narrowTable = `<table cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px;font-size:15px;line-height:1.5">`

// monospace is for codes and commands, letter by letter.
const monospace = `font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace`

// between parts lines: a break before each but the first.
func (w *htmlWriter) between(i int) {
	if i > 0 {
		w.mark("<br>")
	}
}

// brought renders what the program brings.
func (w *htmlWriter) brought(b block) {
	switch b.Kind {
	case articleBlock:
		w.text(b.Text)
		w.images(b.Images)
		w.mark("\n")
	case cardBlock:
		w.mark(fullTable + `0 0 16px"><tr><td class="box" style="padding:14px 16px 0;background:#f7f8f9;border:1px solid #dfe2e5;border-radius:6px">`)
		w.text(b.Text)
		w.mark("</td></tr></table>\n")
	case quoteBlock:
		w.mark(quoteBegin)
		w.text(b.Text)
		w.mark("</blockquote>\n")
	case filesBlock:
		w.mark(`<ul style="margin:0 0 16px;padding:0 0 0 20px">`)
		for _, r := range b.Rows {
			w.mark(`<li style="margin:0 0 4px;word-break:break-word"><bdi>`)
			w.say(r.Head)
			w.mark(`</bdi> <span class="dim" style="color:#5a636c">(`)
			w.say(r.Side)
			w.mark(")</span></li>")
		}
		w.mark("</ul>\n")
	case historyBlock:
		for _, r := range b.Rows {
			w.entry(r)
		}
	case worklistBlock:
		for _, r := range b.Rows {
			w.listed(r)
		}
	case chartBlock:
		w.chart(b.Chart)
	case tableBlock:
		w.table(b.Columns, b.Table)
	case transcriptBlock:
		w.pairs(b.Rows)
	case commandsBlock:
		for _, r := range b.Rows {
			w.mark(`<p style="margin:0 0 12px;font-size:15px;line-height:1.5"><strong class="ink" style="` + monospace + `;font-size:14px;color:#1d2125;word-break:break-word">`)
			w.say(r.Head)
			w.mark("</strong><br>")
			w.say(r.Side)
			w.mark("</p>\n")
		}
	}
}

const quoteBegin = `<blockquote class="line dim" style="margin:0 0 16px;padding:0 0 0 14px;border-left:3px solid #cfd4d9;color:#5a636c">`

func (w *htmlWriter) buttons(all []button) {
	w.mark(`<p style="margin:0 0 8px">`)
	for _, b := range all {
		class, border, colours := markup("other"), markup("#b9c0c7"), markup("color:#1a5fb0")
		if b.Main {
			class, border, colours = "main", "#1f6fc9", "background:#1f6fc9;color:#ffffff"
		}
		w.mark(`<a href="`)
		w.follow(b.leads())
		w.mark(`" class="` + class + `" style="display:inline-block;margin:0 8px 10px 0;padding:9px 16px;border:1px solid ` + border +
			`;border-radius:7px;` + colours + `;font-size:15px;line-height:1.4;text-decoration:none">`)
		w.say(b.Label)
		w.mark("</a> ")
	}
	w.mark("</p>\n")
}

// entry is one earlier article, or one held mail, in its box.
func (w *htmlWriter) entry(r row) {
	class, ground, border := markup("box"), markup("#f7f8f9"), markup("#dfe2e5")
	if r.Note {
		class, ground, border = "note", "#fdf9e3", "#e8dda0"
	}
	w.mark(fullTable + `0 0 10px"><tr><td class="` + class + `" style="padding:10px 14px;background:` + ground + `;border:1px solid ` + border +
		`;border-radius:6px;font-size:14px;line-height:1.45"><span class="dim" style="color:#5a636c"><strong>`)
	w.say(r.Head)
	w.mark("</strong>")
	if r.Side != "" {
		w.mark(", ")
		w.say(r.Side)
	}
	w.mark("</span>")
	for _, p := range r.Text {
		w.mark("<br>")
		w.lines(p.Lines)
	}
	for _, b := range r.Buttons {
		w.mark("<br>")
		w.link(b.leads(), b.Command)
	}
	w.mark("</td></tr></table>\n")
}

// listed is a ticket of a list, in its box.
func (w *htmlWriter) listed(r row) {
	w.mark(fullTable + `0 0 10px"><tr><td class="box" style="padding:10px 14px;background:#f7f8f9;border:1px solid #dfe2e5;border-radius:6px;font-size:14px;line-height:1.45">`)
	if r.Number != "" {
		w.mark(`<strong class="ink" style="font-size:16px;color:#1d2125">`)
		w.say(r.Number)
		w.mark("</strong>&nbsp; ")
	}
	w.mark(`<span class="dim" style="color:#5a636c">`)
	if r.Head != "" {
		w.mark(`<strong style="white-space:nowrap">`)
		w.say(r.Head)
		w.mark("</strong> · ")
	}
	w.say(r.Side)
	w.mark("</span>")
	if r.Title != "" {
		w.mark(`<br><strong class="ink" dir="auto" style="font-size:15px;color:#1d2125;word-break:break-word">`)
		w.say(r.Title)
		w.mark("</strong>")
	}
	for _, p := range r.Text {
		w.mark(`<br><span class="dim" style="color:#5a636c;word-break:break-word">`)
		w.lines(p.Lines)
		w.mark("</span>")
	}
	for i, b := range r.Buttons {
		if i == 0 {
			w.mark("<br>")
		}
		w.mark(`<a href="`)
		w.follow(b.leads())
		w.mark(`" class="other" style="display:inline-block;margin:6px 6px 2px 0;padding:5px 12px;border:1px solid #b9c0c7;border-radius:6px;color:#1a5fb0;text-decoration:none">`)
		w.say(b.Label)
		w.mark("</a> ")
	}
	w.mark("</td></tr></table>\n")
}

// chart shows a picture between its legend and its labels.
func (w *htmlWriter) chart(c *chartView) {
	w.mark(`<p class="dim" style="margin:0 0 6px;font-size:14px;line-height:1.45;color:#5a636c">`)
	for _, l := range c.Legend {
		if l.Colour != "" {
			w.mark(`<span style="display:inline-block;width:11px;height:11px;border-radius:2px;vertical-align:-1px;background:`)
			w.say(l.Colour)
			w.mark(`"></span> `)
		}
		w.say(l.Text)
		w.mark(" &nbsp; ")
	}
	w.mark("</p>\n" + `<img src="`)
	w.image(c.ContentID)
	w.mark(`" width="534" alt="`)
	w.say(c.Alt)
	w.mark(`" class="dim" style="display:block;width:100%;max-width:534px;height:auto;border:0;font-size:14px;color:#5a636c">` + "\n" +
		fullTable + `4px 0 20px;table-layout:fixed;max-width:534px;font-size:13px;line-height:1.35"><tr>`)
	for _, l := range c.Labels {
		w.mark(`<td class="dim" align="`)
		w.say(l.Align)
		w.mark(`" valign="top" style="padding:0;color:#5a636c">`)
		if l.Value != "" {
			w.mark(`<strong class="ink" style="font-size:15px;color:#1d2125">`)
			w.say(l.Value)
			w.mark("</strong><br>")
		}
		w.say(l.Text)
		if l.Below != "" {
			w.mark("<br>")
			w.say(l.Below)
		}
		w.mark("</td>")
	}
	w.mark("</tr></table>\n")
}

// table writes names with their numbers, and a word about them below.
func (w *htmlWriter) table(columns []string, rows []tableRow) {
	w.mark(`<table width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 20px;font-size:15px;line-height:1.4"><tr><td width="40%"></td>`)
	for _, c := range columns {
		w.mark(`<th scope="col" class="dim" align="right" valign="bottom" style="padding:0 0 4px 8px;font-size:12px;font-weight:400;text-align:right;color:#5a636c">`)
		w.say(c)
		w.mark("</th>")
	}
	w.mark("</tr>\n")
	for _, r := range rows {
		w.mark(`<tr><th scope="row" class="ink line" align="left" style="padding:5px 0;border-top:1px solid #dfe2e5;font-weight:400;text-align:left;color:#1d2125;overflow-wrap:break-word"><bdi>`)
		w.say(r.Name)
		w.mark("</bdi></th>")
		for _, cell := range r.Cells {
			w.mark(`<td class="ink line" align="right" style="padding:5px 0 5px 8px;border-top:1px solid #dfe2e5;text-align:right;color:#1d2125;white-space:nowrap">`)
			w.say(cell)
			w.mark("</td>")
		}
		w.mark("</tr>\n")
		if r.Note != "" {
			w.mark(`<tr><td class="dim" colspan="`)
			w.say(strconv.Itoa(len(columns) + 1))
			w.mark(`" style="padding:0 0 6px;font-size:13px;color:#5a636c">`)
			w.say(r.Note)
			w.mark("</td></tr>\n")
		}
	}
	w.mark("</table>\n")
}

func (w *htmlWriter) facts(all []fact) {
	w.mark(narrowTable)
	for _, f := range all {
		w.mark(`<tr><th scope="row" class="dim" align="left" valign="baseline" style="padding:3px 16px 3px 0;font-weight:400;text-align:left;color:#5a636c">`)
		w.say(f.Label)
		w.mark(`</th><td class="ink" valign="baseline" style="padding:3px 0;color:#1d2125;word-break:break-word">`)
		if f.Key {
			w.mark(`<strong style="` + monospace + `;font-size:18px;letter-spacing:.5px;white-space:nowrap">`)
			w.words(f.Value)
			w.mark("</strong>")
		} else {
			w.words(f.Value)
		}
		w.mark("</td></tr>")
	}
	w.mark("</table>\n")
}

func (w *htmlWriter) pairs(rows []row) {
	w.mark(narrowTable)
	for _, r := range rows {
		w.mark(`<tr><th scope="row" class="ink" align="left" valign="top" style="padding:4px 16px 4px 0;` + monospace + `;font-weight:600;font-size:14px;text-align:left;color:#1d2125;word-break:break-word">`)
		w.say(r.Head)
		w.mark(`</th><td valign="top" style="padding:4px 0;word-break:break-word">`)
		w.say(r.Side)
		w.mark("</td></tr>")
	}
	w.mark("</table>\n")
}

// text is what somebody wrote.
func (w *htmlWriter) text(all []passage) {
	for _, p := range all {
		if p.Depth > 0 {
			w.mark(quoteBegin + `<p dir="auto" style="margin:0">`)
			w.lines(p.Lines)
			w.mark("</p></blockquote>")
			continue
		}
		w.mark(`<p dir="auto" style="margin:0 0 16px;word-break:break-word;overflow-wrap:anywhere">`)
		w.lines(p.Lines)
		w.mark("</p>")
	}
}

func (w *htmlWriter) lines(all [][]piece) {
	for i, l := range all {
		w.between(i)
		for _, p := range l {
			if p.Link != "" {
				w.link(p.Link, p.Text)
				continue
			}
			w.say(keepSpaces(p.Text))
		}
	}
}

func (w *htmlWriter) link(to, text string) {
	w.mark(`<a href="`)
	w.follow(to)
	w.mark(`" class="go" style="color:#1a5fb0">`)
	w.say(text)
	w.mark("</a>")
}

func (w *htmlWriter) images(all []image) {
	for _, i := range all {
		w.mark(`<p style="margin:0 0 16px"><img src="`)
		w.image(i.ContentID)
		w.mark(`" alt="`)
		w.say(i.Name)
		w.mark(`" style="max-width:100%;height:auto;border:0"></p>`)
	}
}

// image writes where a picture is: in a part of the same mail (RFC 2392).
func (w *htmlWriter) image(contentID string) {
	w.mark("cid:")
	w.say(quoteURL(url.PathEscape(contentID)))
}

// safeHref is a link that leads to a page or writes a mail, and runs nothing:
// any other leads nowhere.
func safeHref(link string) string {
	scheme, _, ok := strings.Cut(link, ":")
	if ok && !strings.Contains(scheme, "/") {
		switch strings.ToLower(scheme) {
		case "http", "https", "mailto":
		default:
			return "#"
		}
	}
	return quoteURL(link)
}

// quoteURL encodes what has no place in a URL (RFC 3986), and leaves what is
// encoded already.
func quoteURL(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case letterOrDigit(c), strings.IndexByte("-._~!#$&*+,/:;=?@[]", c) >= 0, c == '%' && encoded(s[i:]):
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789abcdef"[c&15])
		}
	}
	return b.String()
}

// encoded reports whether s begins with a percent sign and two digits.
func encoded(s string) bool {
	return len(s) > 2 && strings.IndexByte(hexDigits, s[1]) >= 0 && strings.IndexByte(hexDigits, s[2]) >= 0
}

const hexDigits = "0123456789abcdefABCDEF"

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// keepSpaces keeps the spaces that indent a line or part its columns, which
// HTML would lose and of which Outlook's white-space knows nothing.
func keepSpaces(s string) string {
	if !strings.HasPrefix(s, " ") && !strings.Contains(s, "  ") {
		return s
	}
	s = strings.ReplaceAll(s, "  ", "\u00a0 ")
	if strings.HasPrefix(s, " ") {
		s = "\u00a0" + s[1:]
	}
	return s
}
