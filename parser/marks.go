package parser

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// attributes are those that say something about a text.
type attributes struct {
	id, class, style, kind, name, href, src, alt, start string

	hidden bool
}

// readAttrs reads the attributes of a tag, a hundred at most.
func readAttrs(z *html.Tokenizer) (a attributes) {
	more := true
	for n := 0; more && n < 100; n++ {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "id":
			a.id = lowered(value)
		case "class":
			a.class = lowered(value)
		case "style":
			if bytes.ContainsAny(value, "pP") { // display, border-top
				a.style = lowered(value)
			}
		case "type":
			a.kind = lowered(value)
		case "name":
			a.name = lowered(value)
		case "href":
			a.href = string(value)
		case "src":
			a.src = string(value)
		case "alt":
			a.alt = string(value)
		case "start":
			a.start = string(value)
		case "hidden":
			a.hidden = true
		}
	}
	if strings.Contains(a.style, "display") && strings.Contains(strings.ReplaceAll(a.style, " ", ""), "display:none") {
		a.hidden = true
	}
	return a
}

func lowered(value []byte) string { return strings.ToLower(string(value)) }

// htmlMark is how one program marks what is not new in a mail. Each of id,
// class and name that is set must fit; a * at the end stands for any rest.
type htmlMark struct {
	tag   atom.Atom // 0: any
	id    string
	class string
	name  string
	kind  string // type=
	hint  hint
}

// htmlMarks are looked for before a mail becomes text. hintQuote and hintSign
// last as long as the element, hintCut to the end of the mail.
var htmlMarks = []htmlMark{
	{class: MarkerClass, hint: hintQuote | hintOurs},        // our own mails
	{class: "x_" + MarkerClass, hint: hintQuote | hintOurs}, // after Outlook on the web
	{id: MarkerClass + "*", hint: hintQuote | hintOurs},
	{id: "x_" + MarkerClass + "*", hint: hintQuote | hintOurs},

	{tag: atom.Div, class: "gmail_quote", hint: hintQuote | hintLoose}, // Gmail, K-9, Mailspring
	{class: "gmail_quote_container", hint: hintQuote | hintLoose},      // Gmail since 2024
	{class: "gmail_attr", hint: hintQuote},                             // Gmail: "On … wrote:"
	{class: "gmail_signature", hint: hintSign},                         // Gmail
	{class: "elided-text", hint: hintQuote},                            // Gmail, as printed

	{tag: atom.Blockquote, kind: "cite", hint: hintQuote}, // Thunderbird, Apple Mail, Evolution, Roundcube
	{class: "moz-cite-prefix", hint: hintQuote},           // Thunderbird: "On … wrote:"
	{class: "moz-forward-container", hint: hintQuote},     // Thunderbird
	{class: "moz-signature", hint: hintSign},              // Thunderbird
	{id: "applemailsignature", hint: hintSign},            // Apple Mail, iPhone
	{id: "reply-intro", hint: hintQuote},                  // Roundcube: "On … wrote:"

	{class: "outlookmessageheader", hint: hintCut},                  // Outlook 2000 to 2003
	{id: "olk_src_body_section", hint: hintQuote},                   // Outlook for Mac 2011
	{id: "divrplyfwdmsg", hint: hintCut},                            // Outlook on the web and on phones
	{id: "x_divrplyfwdmsg", hint: hintCut},                          //
	{id: "mail-editor-reference-message-container", hint: hintCut},  // new Outlook
	{class: "ms-outlook-mobile-reference-message", hint: hintQuote}, // Outlook for Android and iPhone
	{id: "ms-outlook-mobile-signature", hint: hintSign},             //
	{tag: atom.Hr, id: "stopspelling", hint: hintCut},               // Hotmail
	{tag: atom.Hr, id: "ecxstopspelling", hint: hintCut},            //

	{class: "yahoo_quoted", hint: hintQuote}, // Yahoo
	{id: "yahoo_quoted*", hint: hintQuote},   //
	{id: "aolmsgpart*", hint: hintQuote},     // AOL

	{class: "protonmail_quote", hint: hintQuote},                 // Proton
	{class: "protonmail_signature_block-user", hint: hintSign},   //
	{class: "protonmail_signature_block-proton", hint: hintSign}, //
	{class: "tutanota_quote", hint: hintQuote},                   // Tuta
	{class: "zmail_extra", hint: hintQuote},                      // Zoho
	{id: "zm-_id_-sgn*", hint: hintSign},                         // Zoho
	{tag: atom.Hr, id: "zwchr*", hint: hintCut},                  // Zimbra
	{name: "quote", tag: atom.Div, hint: hintQuote},              // GMX, web.de
	{class: "mail-quote-collapse", hint: hintQuote},              // mail.ru
	{id: "isreplycontent", hint: hintQuote},                      // NetEase 163, 126
	{id: "isforwardcontent", hint: hintQuote},                    //
	{name: "messagereplysection", hint: hintQuote},               // Spark
	{name: "messagesignaturesection", hint: hintSign},            //
	{class: "bloop_original_html", hint: hintQuote},              // Airmail
	{class: "bloop_sign*", hint: hintSign},                       //
	{class: "k9mail-signature", hint: hintSign},                  // K-9
	{id: "composer_signature", hint: hintSign},                   // Samsung
	{class: "front-blockquote", hint: hintQuote},                 // Front
	{class: "freshdesk_quote", hint: hintQuote},                  // Freshdesk
	{class: "missive_quote", hint: hintQuote},                    // Missive
	{class: "hs_reply", hint: hintQuote},                         // HubSpot
	{class: "cloudmagic-smart-beak", hint: hintSign},             // Newton
	{class: "wisestamp_app*", hint: hintSign},                    // WiseStamp
}

// marksByKey finds the few marks that could fit without trying them all.
var marksByKey = func() map[string][]htmlMark {
	m := map[string][]htmlMark{}
	for _, mark := range htmlMarks {
		var key string
		switch {
		case mark.id != "":
			key = "#" + firstRunes(mark.id)
		case mark.class != "":
			key = "." + firstRunes(mark.class)
		case mark.name != "":
			key = "=" + firstRunes(mark.name)
		default:
			key = "~" + mark.kind
		}
		m[key] = append(m[key], mark)
	}
	return m
}()

// firstRunes is what marks and attributes are looked up by.
func firstRunes(s string) string { return s[:min(len(s), 4)] }

// markOf is what an element says of the text in it.
func markOf(tag atom.Atom, a attributes) hint {
	h := hintNone
	if a.id != "" {
		h |= fit(tag, a, "#"+firstRunes(a.id))
	}
	if a.class != "" {
		for class := range strings.FieldsSeq(a.class) {
			one := a
			one.class = class
			h |= fit(tag, one, "."+firstRunes(class))
		}
	}
	if a.name != "" {
		h |= fit(tag, a, "="+firstRunes(a.name))
	}
	if a.kind != "" {
		h |= fit(tag, a, "~"+a.kind)
	}
	if tag == atom.Div && outlookDivider(a.style) {
		h |= hintCut
	}
	return h
}

func fit(tag atom.Atom, a attributes, key string) hint {
	h := hintNone
	for _, m := range marksByKey[key] {
		if (m.tag == 0 || m.tag == tag) && matches(m.id, a.id) && matches(m.class, a.class) && matches(m.name, a.name) && matches(m.kind, a.kind) {
			h |= m.hint
		}
	}
	return h
}

func matches(pattern, s string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(s, prefix)
	}
	return pattern == "" || pattern == s
}

// outlookDivider is the line above the header block of the quoted mail that
// Outlook 2007 and later (Word) and Windows Mail draw: nothing but a border on
// top, in one of their own greys and blues.
func outlookDivider(style string) bool {
	if !strings.Contains(style, "border-top") {
		return false
	}
	s := strings.ReplaceAll(style, " ", "")
	for _, known := range []string{
		"border:none;border-top:solid#b5c4df1.0pt",                                      // Outlook 2007, 2010
		"border:none;border-top:solid#e1e1e11.0pt",                                      // Outlook 2013 and later
		"border-style:solidnonenone;border-top-width:1pt",                               // rewritten by Outlook on the web
		"border-right:medium;padding-right:0in;border-top:#b5c4df1ptsolid",              // Windows Live
		"border-top-color:rgb(229,229,229);border-top-width:1px;border-top-style:solid", // Windows Mail
	} {
		if strings.Contains(s, known) {
			return true
		}
	}
	return false
}
