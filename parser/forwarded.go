package parser

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// forwardWords are the words above a message that was passed on, between
// dashes or before a colon; by language. In lower case.
var forwardWords = []string{
	// English
	"forwarded message", "begin forwarded message", "forwarded by", "start of forwarded message", "forwarded mail", "message forwarded",
	"forwarded email", "forward message", "forwarded original message",
	// German
	"weitergeleitete nachricht", "anfang der weitergeleiteten nachricht", "anfang der weitergeleiteten e-mail", "weitergeleitete e-mail",
	"weitergeleitet von", "beginn der weitergeleiteten nachricht", "weitergeleitete mail",
	// French
	"message transféré", "message transfere", "début du message réexpédié", "début du message transféré", "message réexpédié", "réacheminé par",
	"transféré par", "courriel transféré", "e-mail transféré", "message transmis", "transmis par", "mail transféré",
	"mensaje reenviado", "inicio del mensaje reenviado", "correo reenviado", "reenviado por", "comienza el mensaje reenviado", // Spanish
	// Portuguese
	"mensagem encaminhada", "mensagem reencaminhada", "início da mensagem encaminhada", "início da mensagem reencaminhada", "encaminhado por",
	"início da mensagem", "reencaminhado por",
	"messaggio inoltrato", "inizio messaggio inoltrato", "inizio del messaggio inoltrato", "messaggio rinviato", "inoltrato da", // Italian
	"doorgestuurd bericht", "begin doorgestuurd bericht", "doorgestuurd door", "doorgestuurde bericht", "doorgestuurde e-mail", // Dutch
	// Danish
	"videresendt besked", "videresendt meddelelse", "start på videresendt besked", "start på videresendt meddelelse", "begin videresendt besked",
	"videresendt af", "videresendt e-mail",
	"videresendt melding", "start på videresendt melding", "begynnelse på videresendt melding", "videresendt av", // Norwegian
	// Swedish
	"vidarebefordrat meddelande", "vidarebefordrat mejl", "vidarebefordrat brev", "börja vidarebefordrat meddelande", "vidarebefordrat av",
	"ursprungligt meddelande vidarebefordrat",
	"välitetty viesti", "edelleenlähetetty viesti", "välitetty viesti alkaa", "alkaa edelleenlähetetty viesti", "lähetetty edelleen", // Finnish
	// Polish
	"przekazana wiadomość", "wiadomość przesłana dalej", "początek przekazywanej wiadomości", "treść przekazanej wiadomości", "przesłana wiadomość",
	"przekazywana wiadomość", "wiadomość przekazana",
	"přeposlaná zpráva", "začátek přeposlané zprávy", "předaná zpráva", "přeposlaný e-mail", "začátek přeposílané zprávy", // Czech
	"preposlaná správa", "začiatok preposlanej správy", "začiatok preposielanej správy", "preposlaný e-mail", "odovzdaná správa", // Slovak
	"továbbított üzenet", "továbbított levél kezdete", "továbbított levél", "továbbítva", // Hungarian
	// Romanian
	"mesaj redirecționat", "mesaj redirectionat", "mesaj înaintat", "început mesaj redirecționat", "început mesaj redirecţionat", "mesaj retransmis",
	"inceputul mesajului redirectionat", "mesaj redirecţionat", "începe mesajul redirecționat",
	// Croatian, Serbian, Slovene
	"proslijeđena poruka", "proslijedena poruka", "započni proslijeđenu poruku", "početak proslijeđene poruke", "prosleđena poruka",
	"posredovano sporočilo", "začetek posredovanega sporočila", "прослеђена порука",
	// Turkish
	"iletilmiş mesaj", "iletilen mesaj", "yönlendirilen mesaj", "iletilen ileti", "ileti başlangıcı", "iletilmiş ileti", "yönlendirilmiş ileti",
	"yönlendirilmiş mesaj",
	"προωθημένο μήνυμα", "αρχή προωθημένου μηνύματος", "έναρξη προωθημένου μηνύματος", // Greek
	// Russian
	"пересылаемое сообщение", "пересланное сообщение", "начало переадресованного сообщения", "переадресованное сообщение", "перенаправленное сообщение",
	"начало пересылаемого сообщения", "пересылаемое письмо", "пересланное письмо", "начало пересланного сообщения", "конец пересылаемого сообщения",
	// Ukrainian
	"перенаправлене повідомлення", "переслане повідомлення", "початок переадресованого повідомлення", "переадресоване повідомлення",
	"початок листа, що пересилається", "пересилається повідомлення", "початок переслано повідомлення", "початок пересланого повідомлення",
	"препратено съобщение", "начало на препратеното съобщение", // Bulgarian
	"persiųstas laiškas", "pārsūtītā ziņa", "pārsūtīta ziņa", "edastatud kiri", "edastatud sõnum", // Lithuanian, Latvian, Estonian
	"missatge reenviat", "inici del missatge reenviat", "mensaxe reenviada", "framsend skilaboð", // Catalan, Galician, Icelandic
	"thư được chuyển tiếp", "tin nhắn được chuyển tiếp", "thư đã chuyển tiếp", "bắt đầu thư được chuyển tiếp", "bắt đầu chuyển tiếp", // Vietnamese
	"pesan terusan", "pesan yang diteruskan", "mulai meneruskan pesan", "mesej yang dimajukan", "awal pesan yang diteruskan", // Indonesian, Malay
	"ข้อความที่ส่งต่อ", "ข้อความส่งต่อ", "เริ่มข้อความที่ส่งต่อ", // Thai
	"הודעה שהועברה", "הודעה מועברת", "התחלת הודעה שהועברה", // Hebrew
	"رسالة معاد توجيهها", "الرسالة المعاد توجيهها", "رسالة محولة", "بدء الرسالة المُعاد توجيهها", "رسالة مُعاد توجيهها", "پیام هدایت شده", // Arabic, Persian
	// Chinese
	"转发的邮件", "轉寄的郵件", "转发邮件信息", "转发邮件", "轉寄郵件", "开始转发的邮件", "已转发邮件", "以下是转发邮件", "被转发的邮件", "以下是轉寄郵件", "开始转发", "開始轉寄郵件", "轉寄訊息", "转发的消息", "转发信息", "已轉寄的郵件",
	"轉寄的訊息",
	"転送されたメッセージ", "転送メッセージ", "転送されたメール", "メッセージを転送", "以下、転送", "ここから転送", "メッセージの転送", // Japanese
	"전달된 메시지", "전달된 메일", "전달된 편지", "전달 메시지", "전달한 메시지", // Korean
}

// forwardPrefixes stand in the subject of a message that was passed on; by
// language. In lower case, before a colon.
var forwardPrefixes = map[string]bool{
	"fwd": true, "fw": true, "forward": true, "forwarded": true, // English
	"wg": true, "wtrlt": true, "w": true, // German; "W.:" of GMX
	"tr": true, "trans": true, "réf": true, "transf": true, // French
	"rv": true, "reenv": true, "rvs": true, // Spanish
	"enc": true, "res-enc": true, "encam": true, // Portuguese
	"i": true, "inoltra": true, "inol": true, // Italian
	"doorst": true, "doorgestuurd": true, // Dutch
	"vs": true, "vb": true, "videresend": true, "vl": true, "vidarebefordrat": true, // Nordic
	"pd": true, "przekaz": true, // Polish
	"přeposlat": true, "fwd.": true, "předat": true, "posredovano": true, "prosleđeno": true,
	"továbbítás": true, "tovabbitas": true, "redirecționat": true, "redirectionat": true, "redir": true,
	"ilt": true, "i̇lt": true, "ynt-ilt": true, "yönlendirme": true, // Turkish
	"πρθ": true, "προώθ": true, // Greek
	"пересл": true, "перенапр": true, "препр": true, "пересилання": true,
	"chuyển tiếp": true, "trs": true, "הועבר": true, "إعادة توجيه": true,
	"转发": true, "轉寄": true, "轉發": true, "転送": true, "전달": true,
}

var subjectPrefix = regexp.MustCompile(`^\s*(?:\[[^\]]{1,60}\]\s*)?([^\s:：\[\]()]{1,14}(?: tiếp| توجيه)?)\.?(?:\s?[\[(]\d{1,3}[\])])?\s?[:：]\s*`)

// forwardSubject takes the forward prefix off a subject. What the message that
// was passed on had before its own subject stays there.
func forwardSubject(subject string) (bare string, ok bool) {
	if !strings.ContainsAny(subject, ":：") {
		return strings.TrimSpace(subject), false
	}
	m := subjectPrefix.FindStringSubmatchIndex(subject)
	if m == nil || !forwardPrefixes[strings.ToLower(strings.TrimRight(subject[m[2]:m[3]], "."))] {
		return strings.TrimSpace(subject), false
	}
	return strings.TrimSpace(subject[m[1]:]), true
}

// forwardLine reports whether a line says that a forwarded message follows.
func forwardLine(s string) bool {
	bare := strings.TrimLeftFunc(s, framing)
	if bare == "" || len(s) > 1_500 {
		return false
	}
	frame := strings.TrimLeftFunc(s[:len(s)-len(bare)], unicode.IsSpace)
	first, _ := utf8.DecodeRuneInString(bare)
	words := forwardByRune[unicode.ToLower(first)]
	if len(words) == 0 || len(frame) < 2 && strings.IndexByte(bare, ':') < 0 && !strings.Contains(bare, "：") {
		return false
	}
	bare = plainSpaces(shorten(bare, 120))
	for _, w := range words {
		rest, found := cutPrefixFold(bare, w)
		if !found {
			continue
		}
		rest = strings.TrimLeft(rest, " ")
		return len(frame) >= 2 || strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "：")
	}
	return false
}

// cutPrefixFold takes a prefix in lower case off s, whatever the case there.
// A letter may be of another length in lower case: İ.
func cutPrefixFold(s, prefix string) (rest string, found bool) {
	for _, want := range prefix {
		r, n := utf8.DecodeRuneInString(s)
		if n == 0 || r != want && unicode.ToLower(r) != want {
			return s, false
		}
		s = s[n:]
	}
	return s, true
}

// framing are the signs that programs draw around such a line.
func framing(r rune) bool {
	switch r {
	case '-', '_', '=', '—', '–', '*', '#', '>', '~', '|', ' ', '\t', '\r', '\u00a0', '\ufeff':
		return true
	}
	return false
}

func isLetterByte(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// forwardByRune are the words by the letter that they begin with.
var forwardByRune = func() map[rune][]string {
	m := map[rune][]string{}
	for _, w := range forwardWords {
		r, _ := utf8.DecodeRuneInString(w)
		m[r] = append(m[r], w)
	}
	return m
}()

// findForwarded finds the message that this one passes on: in line, below a
// line that says so or under a subject that does, or attached.
func findForwarded(m *Message, c content, b *body) *Forwarded {
	bare, forward := forwardSubject(m.Subject)
	for _, lines := range [][]line{c.text, c.html} {
		if lines == nil || len(lines) > maxReplyLines || !forward && !announced(lines) {
			continue
		}
		if f := inlineForward(unglue(lines), forward); f != nil {
			if f.Subject == "" {
				f.Subject = bare
			}
			f.Date = forwardDate(f.Date, m.Date)
			return f
		}
	}
	if m.Automatic != ByPerson || m.Bounce != nil {
		return nil
	}
	for _, p := range b.messages {
		if p.mediaType == "message/rfc822" || p.mediaType == "message/global" {
			return attachedForward(parse(decodeTransfer(p.encoding, p.body, maxInner), false))
		}
	}
	return nil
}

// announced reports whether any line says that a forwarded message follows.
func announced(lines []line) bool {
	for _, l := range lines {
		if !l.prose && forwardLine(l.text) {
			return true
		}
	}
	return false
}

// attachedForward is a message that was passed on as an attachment.
func attachedForward(inner *Message) *Forwarded {
	f := &Forwarded{From: inner.From, To: inner.To, Subject: inner.Subject, Text: inner.Text}
	if !inner.Date.IsZero() {
		f.Date = inner.Date.Format(time.RFC3339)
	}
	return f
}

// inlineForward finds the first forwarded message in a text. subject tells
// whether the subject says that there is one.
func inlineForward(lines []line, subject bool) *Forwarded {
	left := maxCandidates
	for i, l := range lines {
		if l.blank() {
			continue
		}
		if candidate(l.text) {
			left--
		}
		if left < 0 {
			return nil
		}
		if forwardLine(l.text) {
			if f := forwardAt(lines, i+1); f != nil {
				return f
			}
			continue
		}
		if !subject {
			if _, ok := attribution(lines, i); ok {
				return nil // an answer; a forward further down is in what it quotes
			}
			if originalLine(l.text) || l.hint&hintOurs != 0 || carriesMarker(l.text) {
				return nil
			}
			if n, ok := headerBlock(lines, i); ok && n > 1 {
				return nil
			}
			continue
		}
		if n, ok := headerBlock(lines, i); ok {
			return readForward(lines, i, n)
		}
		if start, ok := attribution(lines, i); ok {
			return attributedForward(lines, start, i)
		}
	}
	return nil
}

// forwardAt reads what follows the line that announces a forward: its header
// block within a few lines, or nothing but text.
func forwardAt(lines []line, from int) *Forwarded {
	seen := 0
	for i := from; i < len(lines) && seen < 4; i++ {
		if lines[i].blank() {
			continue
		}
		seen++
		if n, ok := headerBlock(lines, i); ok {
			return readForward(lines, i, n)
		}
		if kind, value := labelOf(lines[i].text); kind == 'f' && strings.Contains(value, "@") {
			return readForward(lines, i, 1)
		}
	}
	return nil
}

// readForward reads the header block at lines[at] and the text below it.
func readForward(lines []line, at, n int) *Forwarded {
	f := &Forwarded{To: []Mailbox{}}
	values := map[byte]string{}
	var kind byte
	for _, l := range lines[at : at+n] {
		k, v := labelOf(l.text)
		switch {
		case l.blank():
		case k != 0 && (values[k] == "" || k == 'i'):
			kind = k
			values[k] = v
		case kind != 0:
			values[kind] = strings.TrimSpace(values[kind] + " " + strings.TrimSpace(l.text))
		}
	}
	if list := forwardAddresses(values['f']); len(list) > 0 {
		f.From = list[0]
	}
	f.To = forwardAddresses(values['t'])
	f.Date = values['d']
	f.Subject = values['s']
	f.Text = innerText(lines[at+n:], lines[at].depth)
	return f
}

// attributedForward is a forward under "On …, Ann wrote:", as Outlook for Mac
// and some phones make it.
func attributedForward(lines []line, start, end int) *Forwarded {
	joined := ""
	for _, l := range lines[start : end+1] {
		joined = strings.TrimSpace(joined + " " + l.text)
	}
	f := &Forwarded{To: []Mailbox{}, Date: dateWithin(joined)}
	if addr := addrPattern.FindString(joined); addr != "" {
		f.From.Address = cleanAddress(strings.Trim(addr, `"'(),;:[]`))
		if m := quotedName.FindStringSubmatch(joined); m != nil {
			f.From.Name = m[1]
		}
	}
	depth := uint8(0)
	for _, l := range lines[end+1:] {
		if !l.blank() || l.depth > 0 {
			depth = l.depth
			break
		}
	}
	f.Text = innerText(lines[end+1:], depth)
	return f
}

var quotedName = regexp.MustCompile(`"([^"<>]{1,80})"\s*<`)

// innerText is the text of a forwarded message, without the quote marks that
// the forward put before it.
func innerText(lines []line, depth uint8) string {
	if depth == 0 {
		for _, l := range lines {
			if !l.blank() || l.depth > 0 {
				depth = l.depth // the header block stands outside of the marks
				break
			}
		}
	}
	out := make([]line, len(lines))
	for i, l := range lines {
		l.depth -= min(l.depth, depth)
		out[i] = l
	}
	return join(out)
}

var mailtoAside = regexp.MustCompile(`[<\[(]mailto:[^>\])]{0,300}[>\])]`)

// forwardAddresses reads addresses as they are copied into a text: with
// "<mailto:…>" beside, semicolons between, "on behalf of" behind.
func forwardAddresses(s string) []Mailbox {
	plain := mailtoAside.ReplaceAllString(s, "")
	if !strings.Contains(plain, "@") && strings.Contains(s, "mailto:") {
		plain = strings.NewReplacer("mailto:", "", "[", "<", "]", ">").Replace(s)
	}
	if i := strings.Index(strings.ToLower(plain), " on behalf of "); i > 0 {
		plain = plain[:i]
	}
	list := parseAddresses(plain)
	for i := range list {
		list[i].Address = strings.TrimRight(list[i].Address, ">)],;")
	}
	return list
}

// forwardDate is RFC 3339 where the date can be read. Programs copy it in the
// time of whoever passes the message on, which is that of their own Date.
func forwardDate(s string, own time.Time) string {
	if t := parseDate(s); !t.IsZero() && strings.ContainsAny(s, "+-") {
		return t.Format(time.RFC3339)
	}
	var zone *time.Location
	if !own.IsZero() {
		zone = own.Location()
	}
	if t, ok := writtenDate(s, zone); ok {
		return t.Format(time.RFC3339)
	}
	return s
}

// unglue parts the line into which Yahoo puts a whole header block:
// "----- Forwarded message ----- From: A <a@x>To: B <b@x>Sent: …Subject: …".
func unglue(lines []line) []line {
	for i, l := range lines {
		if !forwardLine(l.text) || !strings.Contains(l.text, "@") {
			continue
		}
		pieces := glued(l.text)
		if len(pieces) < 3 {
			continue
		}
		out := append([]line{}, lines[:i]...)
		for _, p := range pieces {
			out = append(out, line{text: p, depth: l.depth, hint: l.hint})
		}
		return append(out, lines[i+1:]...)
	}
	return lines
}

// glued cuts before each label of a kind that was not there yet.
func glued(s string) []string {
	var pieces []string
	seen := map[byte]bool{}
	start, next := 0, 1
	for i, r := range s {
		if i < next || !unicode.IsLetter(r) || seen['s'] {
			continue
		}
		end := strings.IndexByte(s[i:], ':')
		if end <= 0 || end > 40 {
			continue
		}
		kind := headerLabels[strings.ToLower(strings.TrimSpace(s[i:i+end]))]
		if kind == 0 || seen[kind] {
			continue
		}
		prev, _ := utf8.DecodeLastRuneInString(s[:i])
		// "09:26:50 CETSubject:" is glued, "Bisher: " is a word.
		if unicode.IsLetter(prev) && (!unicode.IsUpper(r) || unicode.IsUpper(prev) && kind != 's') {
			continue
		}
		seen[kind] = true
		pieces = append(pieces, strings.TrimSpace(s[start:i]))
		start, next = i, i+end
	}
	return append(pieces, strings.TrimSpace(s[start:]))
}
