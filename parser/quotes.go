package parser

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// MarkerClass is the class, and the id, of the element that holds a mail of
// ours in HTML.
const MarkerClass = "guichet-mail"

// markerSign makes up most of ticket.QuoteMarker. Three of them on a line are
// enough, since some programs drop other characters that they cannot show; no text
// that people type has as many.
const markerSign = "\u2063"

// carriesMarker reports whether a line was written by us: what stands from it on
// is a quote of ours.
func carriesMarker(s string) bool {
	i := strings.Index(s, markerSign)
	return i >= 0 && strings.Count(s[i:], markerSign) >= 3
}

// originals are the words between dashes above a quoted mail without marks,
// and those above a forwarded one; by language, with programs where not all.
var originals = []string{
	"original message", "original nachricht", "original-nachricht", "originalnachricht", "reply message", "original email",
	"original appointment", "reply separator", "mail original", "previous message", "quoted message", "mensagem anterior",
	"ursprüngliche nachricht", "ursprungliche nachricht", "antwort nachricht", "urspr. nachricht", // German
	"message d'origine", "message d’origine", "message original", "message initial", "courriel d'origine", // French
	"mensaje original", "mensaje anterior", "correo original", // Spanish
	"mensagem original",                           // Portuguese
	"messaggio originale", "messaggio precedente", // Italian
	"oorspronkelijk bericht", "origineel bericht", "oorspronkelijke bericht", // Dutch
	"oprindelig meddelelse", "original meddelelse", "oprindelig besked", // Danish
	"opprinnelig melding", "originalmelding", // Norwegian
	"ursprungligt meddelande", "originalmeddelande", "ursprungsmeddelande", // Swedish
	"alkuperäinen viesti",                                                                                 // Finnish
	"oryginalna wiadomość", "wiadomość oryginalna", "wiadomość pierwotna", "treść oryginalnej wiadomości", // Polish
	"původní zpráva", "původní e-mail", "puvodni zprava", // Czech
	"pôvodná správa",                     // Slovak
	"eredeti üzenet",                     // Hungarian
	"mesaj original", "mesajul original", // Romanian
	"izvorna poruka", "originalna poruka", "izvirno sporočilo", // Croatian, Slovene
	"orijinal mesaj", "özgün ileti", "orjinal mesaj", "asıl ileti", // Turkish
	"αρχικό μήνυμα",                                                          // Greek
	"исходное сообщение", "оригинальное сообщение", "пересылаемое сообщение", // Russian
	"вихідне повідомлення", "оригінальне повідомлення", // Ukrainian
	"оригинално съобщение",    // Bulgarian
	"tin nhắn gốc", "thư gốc", // Vietnamese
	"pesan asli", // Indonesian
	"ข้อความต้นฉบับ",                 // Thai
	"הודעה מקורית",                   // Hebrew
	"رسالة أصلية", "الرسالة الأصلية", // Arabic
	"原始邮件", "原始郵件", "原邮件", "原始信件", "原始訊息", "邮件原件", "回复的原邮件", // Chinese: QQ, Foxmail, NetEase
	"元のメッセージ", "元のメール", // Japanese
	"원본 메시지", "원본 메일", // Korean: Naver, Daum
}

// replyMarks are the words by which other help desks tell where an answer ends;
// in lower case.
var replyMarks = []string{
	"please type your reply above this line", "type your reply above this line", "please reply above this line", "reply above this line",
	"please write above this line", "write your reply above this line", "please do not write below this line", // Zendesk, Jira, OTRS
	"bitte antworten sie oberhalb dieser", "antworten sie oberhalb dieser", "antwort oberhalb dieser", // German
	"veuillez répondre au-dessus de cette ligne", "répondre au-dessus de cette ligne", "répondez au-dessus de cette ligne", "merci de répondre au-dessus de cette ligne", // French
	"responda por encima de esta línea", "escriba su respuesta por encima de esta línea", "responda acima desta linha", "rispondi sopra questa riga", "antwoord boven deze lijn", // Spanish, Portuguese, Italian, Dutch
}

var (
	dashed     = regexp.MustCompile(`^[\s*>|]*[-_=—–~#*]{2,}\s*(.{3,80}?)\s*[-_=—–~#*:]{1,}[\s*]*$`)
	ruled      = regexp.MustCompile(`^[\s*>]*[-_=—–─━~*#.+]{5,}[\s*]*$`)
	notesLine  = regexp.MustCompile(`^.{1,100}-{2,}\s?\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}[ ,].{3,40}-{2,}`)
	notesFrame = regexp.MustCompile(`^\s{0,3}\|-{3,100}\+-{3,100}>\s*$`)
)

// originalLine reports whether a line says that the original message follows.
func originalLine(s string) bool {
	s = plainSpaces(s)
	if strings.Contains(s, "--") && notesLine.MatchString(shorten(s, 300)) {
		return true // Lotus Notes: "Ann Lee---03/03/2026 10:00:00---first words"
	}
	t := strings.TrimLeft(s, " \t*>|")
	if len(s) > 200 || t == "" || !strings.ContainsAny(t[:min(len(t), 3)], "-_=—–~#*") && len(t) == len(s) {
		return false
	}
	m := dashed.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	words := strings.ToLower(strings.Trim(m[1], " *-_=:"))
	if words == "original" {
		return true // QQ
	}
	for _, list := range [][]string{originals, replyMarks} {
		for _, o := range list {
			if strings.HasPrefix(words, o) && len(words) <= len(o)+20 {
				return true
			}
		}
	}
	return false
}

// ruleLine reports whether a line is drawn across the page.
func ruleLine(s string) bool {
	t := strings.TrimLeft(s, " \t*>")
	first, _ := utf8.DecodeRuneInString(t)
	return len(t) >= 5 && strings.ContainsRune("-_=—–─━~#.+", first) && ruled.MatchString(s) || len(s) >= 5 && strings.Trim(s, "* ") == ""
}

// headOfRest reports whether all below a line is a quote, though marks stand on
// the line or below it: ">>> Ann Lee <ann@example.com> 3/3/2026 9:12 AM >>>" of
// GroupWise, the table that Lotus Notes draws with signs around author and date.
func headOfRest(lines []line, i int) bool {
	l := lines[i]
	if rest, ok := strings.CutSuffix(strings.TrimRight(l.text, " "), ">>>"); ok {
		alone := (i == 0 || lines[i-1].depth == 0) && (i+1 == len(lines) || lines[i+1].depth == 0)
		return alone && l.depth == 3 && len(rest) < 200 && datePattern.MatchString(rest)
	}
	return l.depth == 0 && strings.HasPrefix(strings.TrimLeft(l.text, " "), "|--") && notesFrame.MatchString(l.text)
}

// plainSpaces makes ordinary spaces of those that do not break.
func plainSpaces(s string) string {
	if !strings.Contains(s, "\u00a0") {
		return s
	}
	return strings.ReplaceAll(s, "\u00a0", " ")
}
