package parser

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wroteVerbs end, or stand in, the line that programs put before a quote:
// "On 2 May, Ann wrote:". In lower case, by language, each with a program whose
// line has that form.
var wroteVerbs = []string{
	"wrote", "writes", // English: all
	"schrieb", "geschrieben", // German: Apple Mail, Thunderbird, Gmail
	"a écrit", "a ecrit", "écrit", // French: Gmail, Apple Mail
	"escribió", "escribio", "ha escrito", "ha escrit", // Spanish: Gmail, Thunderbird
	"escreveu",                             // Portuguese
	"ha scritto",                           // Italian
	"schreef",                              // Dutch: Gmail
	"geschreven",                           // Dutch: Apple Mail
	"skrev",                                // Danish, Norwegian, Swedish
	"kirjoitti",                            // Finnish
	"skrifaði",                             // Icelandic
	"napisał", "napisal", "napisana przez", // Polish: Gmail ("napisał(a)"), Apple Mail
	"pisze",              // Polish: Thunderbird
	"napsal",             // Czech
	"napísal", "napisal", // Slovak
	"napisao", "napisala", "je napisao", // Croatian, Bosnian
	"је написао", "је написала", // Serbian
	"je oseba", "je napisal", // Slovene
	"написал", "написала", "пишет", "писал", // Russian: Gmail, The Bat!
	"написав", "написала", "пише", // Ukrainian
	"напісаў",            // Belarusian
	"написа",             // Bulgarian
	"a scris", "a scrie", // Romanian
	"ezt írta", "írta", "ezt irta", // Hungarian
	"έγραψε",         // Greek
	"yazdı", "yazdi", // Turkish
	"rašė", "parašė", // Lithuanian
	"rakstīja",               // Latvian
	"kirjutas",               // Estonian
	"va escriure", "del dia", // Catalan: Gmail "Missatge de Ann <…> del dia …"
	"escribiu",          // Galician
	"idatzi du",         // Basque
	"het geskryf",       // Afrikaans
	"menulis",           // Indonesian, Malay
	"đã viết",           // Vietnamese
	"เขียนว่า", "เขียน", // Thai
	"كتب", "كتبت", "كتابة ما يلي بواسطة", // Arabic
	"נכתב על ידי", "כתב", "כתבה", "מאת", // Hebrew
	"نوشت",                             // Persian
	"ने लिखा",                          // Hindi
	"写道", "寫道", "编写", "写入", "撰寫", "来信", // Chinese: Gmail, Apple Mail, NetEase
	"書きました", "のメッセージ", "のメール", "書き込みました", // Japanese: Thunderbird, Apple Mail
	"작성", "님이 작성", "썼습니다", "보낸 메시지", "쓴 글", // Korean: Gmail, Apple Mail, Thunderbird
}

// openers are the words that such a line begins with, so that the reader's own
// sentence above it is not taken along.
var openers = map[string]bool{
	"on": true, "at": true, "in": true, // English
	"am": true,             // German
	"le": true,             // French
	"el": true, "en": true, // Spanish
	"em": true, "no": true, "a": true, // Portuguese
	"il": true, "in data": true, // Italian
	"op":  true,                         // Dutch, Afrikaans
	"den": true, "på": true, "kl": true, // Scandinavian
	"w": true, "dnia": true, "dn": true, // Polish
	"dne": true, "dňa": true, // Czech, Slovak
	"în": true, "pe": true, "la": true, // Romanian
	"στις": true, "την": true, // Greek
	"vào":  true,             // Vietnamese
	"pada": true,             // Indonesian
	"в":    true, "на": true, // Russian, Bulgarian
	"у": true, "дана": true, // Serbian
	"dana": true, "u": true, // Croatian
	"在": true, "於": true, // Chinese
	"בתאריך": true, "ב": true, // Hebrew
	"في": true, "بتاريخ": true, // Arabic
	"در":        true, // Persian
	"tarihinde": true, // Turkish
	"เมื่อ":     true, // Thai
	"il giorno": true, "il g": true,
	"die": true, "v": true, "oseba": true, "pe data": true, "message": true, "missatge": true,
}

// Dates as programs write them before a quote: anything like one, one of a year,
// a time of day, and one that the line begins with.
var (
	datePattern = regexp.MustCompile(`\d{1,4}\s?[./年년-]\s?\d{1,2}\s?[./月월-]\s?\d{1,4}|\b(19|20)\d\d\b|\d{1,2}[:.h]\d{2}|\d{1,2}/\d{1,2}`)
	fullDate    = regexp.MustCompile(`\d{1,4}\s?[./년年-]\s?\d{1,2}\s?[./月월-]\s?\d{1,4}|\b(?:19|20)\d\d\b`)
	clockTime   = regexp.MustCompile(`\d{1,2}[:.h]\d{2}`)
	dateFirst   = regexp.MustCompile(`^\W{0,3}(\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}|\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\d{1,2}\.?\s\pL{3,12}\.?\s\d{4}|\pL{2,14}\.?,?\s\d{1,2}\.?\s\pL{3,14}\.?,?\s\d{4}|\d{4}년|\d{2,4}年)`)
)

// sameLine is an attribution behind the last words of the answer, on their line.
var sameLine = regexp.MustCompile(`^(.*?[^\s-])\s*-{2,}\s*(On\s.{6,200}wrote:?)\s*$`)

// attribution reports whether the lines that end at end are the one before a
// quote ("On …, Ann wrote:", in up to six pieces), and where it starts.
func attribution(lines []line, end int) (start int, ok bool) {
	last := strings.TrimRight(lines[end].text, " \t*_\u00a0\u200e\u200f\u202c")
	if last == "" || len(last) > 400 {
		return 0, false
	}
	closing := endsAttribution(last)
	if !closing && !bareAttribution(last) {
		return 0, false
	}
	joined, maybe := "", -1
	depth := lines[end].depth
	for j := end; j >= 0 && j > end-6; j-- {
		if lines[j].depth != depth {
			break
		}
		if lines[j].blank() {
			if j < end-1 && !strings.HasPrefix(joined, "<") || j == end {
				break
			}
			continue // one empty line inside, where HTML put the address in a block
		}
		joined = strings.TrimSpace(plainDigits(plainSpaces(lines[j].text)) + " " + joined)
		if len(joined) > 500 {
			break
		}
		switch isAttribution(joined, closing) {
		case sure:
			return beginning(lines, j, end), true
		case likely:
			if maybe < 0 {
				maybe = j
			}
		}
	}
	if maybe >= 0 && marked(lines, end+1) {
		return beginning(lines, maybe, end), true
	}
	return 0, false
}

// beginning looks above a line that is an attribution by itself for the one of
// which it is the rest: the date above "<ann@example.com> wrote:", the name
// above a date.
func beginning(lines []line, j, end int) int {
	tail := lines[j].text
	if j == 0 || lines[j-1].blank() && !strings.HasPrefix(strings.TrimSpace(tail), "<") {
		return j
	}
	if attributionHead(tail) && hasAddress(tail) {
		return j
	}
	for k := j - 1; k >= 0 && k > end-5; k-- {
		above := strings.TrimSpace(lines[k].text)
		if lines[k].depth != lines[end].depth || lines[k].blank() && !strings.HasPrefix(strings.TrimSpace(lines[k+1].text), "<") {
			break
		}
		if attributionHead(above) {
			return k
		}
		if lines[k].blank() || strings.HasSuffix(above, ".") || strings.HasSuffix(above, "!") || strings.HasSuffix(above, "?") {
			continue
		}
		hasDate, hasAddr := fullDate.MatchString(above), hasAddress(above)
		if hasDate && !datePattern.MatchString(tail) || hasAddr && !hasAddress(tail) {
			return k
		}
	}
	return j
}

// attributionHead reports whether a line begins as an attribution does: with an
// opener and a date, or with a date.
func attributionHead(s string) bool {
	s = plainDigits(strings.TrimLeft(s, " \t*_-–—>|\u00a0\u200e\u200f\ufeff"))
	return startsAttribution(strings.ToLower(s)) && datePattern.MatchString(s) || dateFirst.MatchString(s)
}

// endsAttribution is the cheap test that spares most lines the dear ones.
func endsAttribution(last string) bool {
	if strings.HasSuffix(last, ":") || strings.HasSuffix(last, "：") {
		return true
	}
	if end := last[max(0, len(last)-1):]; end >= "\x80" || strings.Contains("- .>", end) {
		last = strings.TrimRight(last, "-–— .>")
	}
	if !mayEndVerb(last) {
		return false
	}
	near := last[max(0, len(last)-2*longestLastWord-len(" (a)")):]
	word := strings.TrimSuffix(near[strings.LastIndexByte(near, ' ')+1:], "(a)")
	if len(word) > 2*longestLastWord {
		return false
	}
	var lower [64]byte
	b := lower[:0]
	for _, r := range word {
		b = appendLower(b, r)
	}
	return lastWords[string(b)]
}

// lastWords are the last words of wroteVerbs.
var lastWords = func() map[string]bool {
	m := map[string]bool{}
	for _, v := range wroteVerbs {
		m[v[strings.LastIndexByte(v, ' ')+1:]] = true
	}
	return m
}()

// mayEndVerb reports whether the last two bytes of a line may be those of one of
// them, in either case, or the parenthesis of "napisał(a)".
func mayEndVerb(line string) bool {
	if len(line) < 2 {
		return false
	}
	before, end := line[len(line)-2], line[len(line)-1]
	if end >= utf8.RuneSelf || end == ')' {
		return true
	}
	return isLetterByte(end) && (before >= utf8.RuneSelf || verbEnds[end&31]>>(before&31)&1 != 0)
}

// verbEnds has, for each letter that one of them ends in, those that stand before
// it: letters are told by five bits.
var verbEnds = func() (ends [32]uint32) {
	for w := range lastWords {
		if n := len(w); n > 1 {
			ends[w[n-1]&31] |= 1 << (w[n-2] & 31)
		}
	}
	return ends
}()

var longestLastWord = func() (n int) {
	for w := range lastWords {
		n = max(n, len(w))
	}
	return n
}()

// bareAttribution is the form without verb and colon of Gmail before 2014:
// "2013/7/20 Ann <ann@example.com>".
func bareAttribution(last string) bool {
	return strings.HasSuffix(last, ">") && last[0] >= '0' && last[0] <= '9' && dateFirst.MatchString(last) && hasAddress(last)
}

// certainty is how sure a line is to stand before a quote. A likely one counts
// only where quote marks follow.
type certainty uint8

const (
	no certainty = iota
	likely
	sure
)

// isAttribution judges a whole candidate.
func isAttribution(s string, closing bool) certainty {
	s = strings.TrimLeft(s, " \t*_-–—>|\u00a0\u200e\u200f\u202a\u202b\"'")
	lower := strings.ToLower(s)
	verb := hasVerb(lower)
	addr := hasAddress(s)
	// The patterns of dates are dear: a line with neither verb nor address is not
	// held against any.
	if verb && startsAttribution(lower) && (addr || datePattern.MatchString(s)) {
		return sure
	}
	if verb && addr && endsWithVerb(lower) && len(s) < 160 && !strings.Contains(s, ". ") {
		return sure // Name <address> wrote:
	}
	switch {
	case verb && datePattern.MatchString(s) && (addr || dateFirst.MatchString(s) || fullDate.MatchString(s) && clockTime.MatchString(s)):
		return sure
	case addr && dateFirst.MatchString(s) && (!closing || datePattern.MatchString(s)):
		return sure // date, "Name" <address>:  (Yandex, mail.ru, Japanese programs)
	case closing && len(s) < 160 && (addr || verb && endsWithVerb(lower)):
		return likely // "Quoting Ann <address>:" (Horde), "Ann wrote:"
	}
	return no
}

func hasVerb(lower string) bool {
	if containsAny(lower, unspacedVerbs) {
		return true
	}
	found := false
	for word := range strings.FieldsFuncSeq(lower, notInWord) {
		if found = lastWords[word]; found {
			break
		}
	}
	if !found {
		return false
	}
	for _, v := range wroteVerbs {
		if i := strings.Index(lower, v); i >= 0 {
			if r, _ := utf8.DecodeLastRuneInString(lower[:i]); i == 0 || !unicode.IsLetter(r) {
				return true
			}
		}
	}
	return false
}

// unspacedVerbs are those of languages that put no space between words.
var unspacedVerbs = func() []string {
	var list []string
	for _, v := range wroteVerbs {
		if r, _ := utf8.DecodeRuneInString(v); r >= 0xE00 && r < 0xE80 || r > 0x2E80 {
			list = append(list, v)
		}
	}
	return list
}()

func endsWithVerb(lower string) bool {
	lower = strings.TrimRight(lower, " :：-–—.*(a)/")
	for _, v := range wroteVerbs {
		if strings.HasSuffix(lower, strings.TrimRight(v, " :：-–—.*(a)/")) {
			return true
		}
	}
	return false
}

func startsAttribution(lower string) bool {
	word, rest, _ := strings.Cut(lower, " ")
	word = strings.TrimRight(word, ",.:")
	if openers[word] && rest != "" {
		return true
	}
	for _, o := range []string{"在", "於", "vào", "เมื่อ", "في", "בתאריך", "ב-", "il giorno", "em "} {
		if strings.HasPrefix(lower, o) {
			return true
		}
	}
	return false
}

var addrPattern = regexp.MustCompile(`[^\s<>@]{1,64}@[^\s<>@]{2,}`)

// hasAddress is addrPattern by hand: it is asked of every other line.
func hasAddress(s string) bool {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '@')
		if i < 0 {
			return false
		}
		at += i + 1
		if at >= 2 && !strings.ContainsRune(" \t<>@", rune(s[at-2])) && at+1 < len(s) && !strings.ContainsAny(s[at:at+2], " \t<>@") {
			return true
		}
	}
}

// plainDigits makes 0 to 9 of the digits that Arabic and Persian programs write.
func plainDigits(s string) string {
	if strings.IndexByte(s, 0xD9) < 0 && strings.IndexByte(s, 0xDB) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		}
		return r
	}, s)
}
