package parser

import (
	"maps"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSignature is how many lines may follow a signature mark that could also
// be a line of dashes. The mark of RFC 3676 §4.3 ("-- ") needs no bound.
const maxSignature = 15

// cutSignature takes the signature, the disclaimer and what a phone or list
// added off the end of lines. It never takes all of them.
func cutSignature(lines []line) (rest, signature []line) {
	end := trimBlank(lines)
	cut := end
	if i := hinted(lines[:end]); i >= 0 {
		cut = i
	}
	if i := signatureMark(lines[:cut]); i >= 0 {
		cut = i
	}
	for range 20 {
		next := cutTrailer(lines[:cut])
		if next == cut {
			break
		}
		cut = next
	}
	cut = trimBlank(lines[:cut])
	if !speaks(lines[:cut]) {
		return lines, nil
	}
	return lines[:cut], dropMark(lines[cut:end])
}

// speaks reports whether a letter or digit stands in lines: what is left of a
// mail must say something without its signature.
func speaks(lines []line) bool {
	for _, l := range lines {
		if strings.IndexFunc(l.text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) >= 0 {
			return true
		}
	}
	return false
}

func trimBlank(lines []line) int {
	end := len(lines)
	for end > 0 && lines[end-1].blank() {
		end--
	}
	return end
}

// dropMark leaves the mark itself out of the signature.
func dropMark(lines []line) []line {
	i := 0
	for i < len(lines) && (lines[i].blank() || markLine(lines[i].text)) {
		i++
	}
	return lines[i:]
}

// hinted finds where what HTML marks as the signature begins, if nothing but
// it follows.
func hinted(lines []line) int {
	i := len(lines)
	for i > 0 && (lines[i-1].hint&hintSign != 0 || lines[i-1].blank()) {
		i--
	}
	if i == len(lines) || blankLines(lines[i:]) {
		return -1
	}
	return i
}

// signatureMark finds the last line that only separates the signature.
func signatureMark(lines []line) int {
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		if l.depth > 0 {
			continue
		}
		if l.text == "-- " {
			return i
		}
		if len(lines)-i > maxSignature {
			break // only the mark of the RFC may stand further up
		}
		below := lines[i+1:]
		if dashLine(l.text) && looksSigned(below) || drawnLine(l.text) && looksSigned(below) && terse(below) {
			return i
		}
	}
	return rfcMark(lines)
}

// rfcMark finds the last line that is "-- ", which needs no bound.
func rfcMark(lines []line) int {
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].depth == 0 && lines[i].text == "-- " {
			return i
		}
	}
	return -1
}

// markLine is one of the lines that people and programs draw above a signature.
func markLine(s string) bool { return dashLine(s) || drawnLine(s) }

// dashLine is what is left of "-- ", and the long dash for it on phones.
func dashLine(s string) bool {
	switch strings.TrimSpace(s) {
	case "--", "—", "——", "––", "- --", "*--*", "__":
		return true
	}
	return false
}

// drawnLine is a rule that may as well part two chapters of the text.
func drawnLine(s string) bool {
	t := strings.TrimSpace(s)
	return t == "---" || len(t) >= 3 && strings.Trim(t, "_") == ""
}

// terse is true of names, numbers and addresses, and false of sentences.
func terse(lines []line) bool {
	visible := 0
	for _, l := range lines {
		t := strings.TrimSpace(l.text)
		if t == "" {
			continue
		}
		if visible++; visible > 8 {
			return false
		}
		if strings.Contains(t, "://") || strings.Contains(t, "@") {
			continue
		}
		if strings.HasSuffix(t, "?") || len(strings.Fields(t)) > 8 || len([]rune(t)) > 80 {
			return false
		}
	}
	return true
}

// looksSigned is false where what follows a line of dashes reads like text: a
// long paragraph, or nothing.
func looksSigned(lines []line) bool {
	visible := 0
	for _, l := range lines {
		if l.blank() {
			continue
		}
		if visible++; len([]rune(l.text)) > 160 && !disclaims(l.text) {
			return false
		}
	}
	return visible > 0
}

// cutTrailer takes one thing off the end: a phone's or program's line, a
// list's footer, a disclaimer, a line of mere signs.
func cutTrailer(lines []line) int {
	end := trimBlank(lines)
	if end == 0 {
		return end
	}
	last := lines[end-1]
	if last.depth > 0 {
		return len(lines)
	}
	if merelySigns(last.text) {
		return trimBlank(lines[:end-1])
	}
	for n := 1; n <= 3 && n <= end; n++ {
		joined := ""
		for _, l := range lines[end-n : end] {
			joined = strings.TrimSpace(joined + " " + l.text)
		}
		if sentFrom(joined) {
			return trimBlank(lines[:end-n])
		}
	}
	start := end - 1
	for start > 0 && !lines[start-1].blank() && lines[start-1].depth == 0 {
		start--
	}
	if start > 0 && disclaimer(lines[start:end]) {
		return trimBlank(lines[:start])
	}
	return len(lines)
}

// merelySigns is a line without a letter or digit that only separates.
func merelySigns(s string) bool {
	t := strings.TrimSpace(s)
	return t != "" && strings.Trim(t, "-_=*#~+.—–─━ᐧ ") == "" && (len(t) > 1 || t == "ᐧ") && t != "..." && t != ".."
}

// devicePatterns are the lines that phones and programs add, by language. Each
// is tried on a whole line; they are kept by the letter that they begin with,
// since all of them together take a hundred times as long as the few that may fit.
var devicePatterns = byInitial([]string{
	// English: iPhone, Android, BlackBerry, Outlook, Yahoo, Samsung
	`sent (?:from|via|with|by|using) (?:my |the |a )?(?:[\pL\d().'’+&/-]+ ){0,6}(?:iphone|ipad|ipod|mac|blackberry|android|galaxy|samsung|phone|smartphone|mobile|device|handheld|tablet|nokia|htc|huawei|xiaomi|pixel|oneplus|motorola|sony|lg|windows|outlook|mail|email|gmail|yahoo|aol|app|treo|palm|nexus|proton ?mail|mailbird|spark|thunderbird|gmx|hey|tutanota|airmail|newton|workspace|web\.de|touch|communicator|polymail|superhuman|mobiles?|handset|droid|typeapp|bluemail|aqua ?mail|mymail|canary|edison|fairemail|k-9|fairphone|oppo|honor|realme|wiko|surface|kindle)\b[\pL\d\s().'’+&®™:/-]{0,60}`,
	`sent from my (?:[\pL\d().'’+&/-]+ ?){1,6}`,
	`get (?:outlook|bluemail|spark|typeapp|yahoo mail)\b.{0,60}`,
	`download (?:the )?(?:gmail|yahoo|outlook|spark)\b.{0,60}`,
	// German
	`(?:diese (?:nachricht|e-?mail|mail) wurde )?(?:von|mit|aus) (?:meine[mr]|der|dem|outlook|mobile[rm]?|unterwegs)\b.{0,70}(?:gesendet|gesandt|geschickt|verschickt|versendet)`,
	`gesendet (?:von|mit|aus)\b.{2,70}`, `(?:holen|laden) sie sich outlook.{0,60}`, `outlook f[üu]r (?:ios|android|mac).{0,20}(?:beziehen|herunterladen)`, `von unterwegs gesendet`,
	// French
	`envoy[ée]e? (?:de(?:puis)?|à partir|avec|par|via) .{2,70}`, `t[ée]l[ée]charge[rz] outlook.{0,60}`, `provenance\s?: (?:courrier|mail).{0,40}`, `obtenez outlook.{0,60}`,
	// Spanish, Portuguese, Italian, Catalan
	`enviad[oa] (?:desde|do|da|de|a partir|pelo|con|por|com|via|mediante|des)\b.{2,70}`, `obt[eé]n(?:er)? outlook.{0,60}`, `obter o outlook.{0,60}`, `inviat[oa] (?:da|dal|dall|con|tramite)\b.{2,70}`, `ottieni outlook.{0,60}`, `scarica outlook.{0,60}`, `enviat des de.{2,70}`,
	// Dutch, Danish, Norwegian, Swedish, Finnish
	`verzonden (?:vanaf|met|via|van|vanuit|door)\b.{2,70}`, `verstuurd (?:vanaf|met|via|van|vanuit)\b.{2,70}`, `outlook voor (?:ios|android).{0,20}downloaden`, `(?:sendt|skickat|skickades|skickad) (?:fra|från|med|via)\b.{2,70}`, `hent outlook.{0,60}`, `f[åa] outlook.{0,60}`, `h[äa]mta outlook.{0,60}`, `l[äa]hetetty .{2,60}(?:sta|st[äa]|lla|ll[äa]|puhelimesta|iphonesta)\b.{0,30}`,
	// Polish, Czech, Slovak, Hungarian, Romanian
	`wys[łl]an[eoay] z\b.{2,70}`, `odesl[áa]no z\b.{2,70}`, `odoslan[éeáa] z\b.{2,70}`, `trimis de pe\b.{2,70}`, `poslano (?:s|z|iz|sa)\b.{2,70}`,
	// Turkish, Greek
	`στάλθηκε από.{2,70}`, `απεστάλη από.{2,70}`,
	// Russian, Ukrainian, Bulgarian
	`отправлено (?:с|из|от|через)\s?.{2,70}`, `надіслано (?:з|із|від)\s?.{2,70}`, `изпратено от\s?.{2,70}`, `послано с\s?.{2,70}`,
	// Vietnamese, Indonesian, Thai, Hebrew, Arabic
	`được gửi từ.{2,60}`, `(?:dikirim|terkirim) dari.{2,60}`, `ส่งจาก.{2,60}`, `נשלח מ.{2,60}`, `(?:أُ?رسلت?|مرسل) من.{2,60}`,
	// Chinese, Japanese, Korean
	`(?:发自|發自|来自|從我的|从我的|傳送自)\s?.{1,40}`, `(?:나의|내)\s.{1,20}에서 보[냄낸].{0,10}`,
})

// deviceEndings are those of languages whose verb comes last. They could begin
// anywhere, which is slow to find out: so they are tried only where one of the
// verbs stands.
var (
	deviceVerbs   = []string{"ldve", "nderildi", "から送信", "에서 보냄"}
	deviceEndings = wholeLine([]string{
		`.{0,10}(?:az )?iphone-?om(?:r[óo]l|b[óo]l) k[üu]ldve`,        // Hungarian
		`.{2,60}(?:'?(?:dan|den|umdan|imden|[ıi]mdan)) g[öo]nderildi`, // Turkish
		`.{0,20}(?:iphone|android|ipad|スマートフォン).{0,10}から送信`, `.{1,30}に?から送信(?:されました)?`, `.{1,30}에서 보냄`,
	})
)

// wholeLine makes one pattern of many, with what may stand around them.
func wholeLine(patterns []string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)^[\s*_|\-—–]*(?:` + strings.Join(patterns, `|`) + `)[\s.!*_|<>]*(?:<?https?://\S*>?)?[\s.*_]*$`)
}

// byInitial makes a pattern for each letter with which one of some begins.
func byInitial(patterns []string) map[rune]*regexp.Regexp {
	lists := map[rune][]string{}
	for _, p := range patterns {
		parsed, err := syntax.Parse(p, syntax.Perl)
		if err != nil {
			panic("parser: " + err.Error())
		}
		letters, _ := initials(parsed)
		for r := range letters {
			lists[r] = append(lists[r], p)
		}
	}
	by := map[rune]*regexp.Regexp{}
	for r, list := range lists {
		by[r] = wholeLine(list)
	}
	return by
}

// initials are the letters with which what a pattern fits may begin, and whether
// it also fits nothing at all.
func initials(p *syntax.Regexp) (letters map[rune]bool, empty bool) {
	letters = map[rune]bool{}
	switch p.Op {
	case syntax.OpLiteral:
		letters[p.Rune[0]] = true
	case syntax.OpCharClass:
		for i := 0; i < len(p.Rune); i += 2 {
			for r := p.Rune[i]; r <= p.Rune[i+1]; r++ {
				letters[r] = true
			}
		}
	case syntax.OpConcat:
		empty = true
		for i := 0; i < len(p.Sub) && empty; i++ {
			var more map[rune]bool
			more, empty = initials(p.Sub[i])
			maps.Copy(letters, more)
		}
	case syntax.OpAlternate, syntax.OpCapture, syntax.OpQuest:
		empty = p.Op == syntax.OpQuest
		for _, sub := range p.Sub {
			more, none := initials(sub)
			maps.Copy(letters, more)
			empty = empty || none
		}
	default:
		panic("parser: no pattern of a line begins like " + p.String())
	}
	return letters, empty
}

// fitsDevice tries the patterns that a line's first letter leaves.
func fitsDevice(s string) bool {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " \t\n\f\r*_|-—–"))
	p := devicePatterns[unicode.ToLower(first)]
	return p != nil && p.MatchString(s)
}

// linkTarget is what HTML as text has behind the words of a link.
var linkTarget = regexp.MustCompile(`\s?<https?://[^>\s]*>`)

// sentFrom reports whether a line was added by a phone or a program.
func sentFrom(s string) bool {
	if strings.Contains(s, "<http") {
		s = linkTarget.ReplaceAllString(s, "")
	}
	if len(s) > 240 || strings.Contains(s, ",") && !strings.Contains(s, "://") {
		return false
	}
	return fitsDevice(s) || containsAny(strings.ToLower(s), deviceVerbs) && deviceEndings.MatchString(s)
}

// disclaimerWords are stems of the legal text that companies add, by language.
// Two different ones in one paragraph at the end make it a disclaimer.
var disclaimerWords = []string{
	// English
	"confidential", "privileged", "intended recipient", "intended solely", "disclaimer", "virus", "unauthorized", "unauthorised", "disclosure",
	"addressee", "notify the sender", "attachments", "received this", "registered in", "please consider the environment", "before printing",
	"vertraulich", "rechtlich geschützt", "empfänger", "unbefugt", "irrtümlich", "vernichten", "geschäftsführer", "handelsregister", "amtsgericht", // German
	"confidentiel", "destinataire", "à l'attention exclusive", "pièces jointes", "par erreur", "strictement interdit", // French
	"confidencial", "destinatari", "privilegiad", "por error", "por erro", "prohibid", "proibid", "archivos adjuntos", // Spanish, Portuguese
	"riservat", "destinatario", "informazioni contenute", "per errore", "d.lgs", // Italian
	"vertrouwelijk", "geadresseerde", "bestemd voor", "openbaarmaking", // Dutch
	"poufn", "adresat", "konfidentiell", "fortrolig", "luottamuksel", "důvěrn", "dôvern", "bizalmas", "gizli", // others
	"конфиденциальн", "предназначен", "機密", "机密", "保密", "기밀",
}

// disclaims counts the stems in a text.
func disclaims(s string) bool {
	lower := strings.ToLower(s)
	hits := 0
	for _, w := range disclaimerWords {
		if strings.Contains(lower, w) {
			if hits++; hits >= 2 {
				return true
			}
		}
	}
	return false
}

// disclaimer judges a last paragraph: long, and of that language.
func disclaimer(lines []line) bool {
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.text)
		text.WriteByte(' ')
	}
	return text.Len() > 150 && disclaims(text.String())
}
