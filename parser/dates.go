package parser

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// monthStems begin the names of months, whole and short, by month; in lower
// case. Names that mean one month here and another there are left out: listopada
// is November in Polish and October in Croatian.
var monthStems = [12]string{
	"jan gen ene ian oca sty stycz led leden ledn tammi sij siječ ιαν янв січ януар saus",
	"feb fév fev febr şub lut únor unor helmi velj φεβ фев лют vas",
	"mar mär mrt maa maart març maalis mrz břez brez ožu μαρ μάρ мар бер kovo",
	"apr abr avr nis kwi kwiet dub huhti tra trav απρ απρί апр кві квіт bal",
	"may mai maj mei mag maio mayo máj kvě květ touko svib μαΐ μαι μάι мая май тра трав gegu",
	"jun juin iun giu haz czerw červn červen jún kesä ιουν ιούν июн чер черв юни birž",
	"jul juil iul lug tem lipc lipiec červenc júl heinä ιουλ ιούλ июл лип юли liep",
	"aug aoû aou ago ağu sie sierp srpna srpen elok kolov αυγ αύγ авг сер серп rugp",
	"sep set eyl wrz wrze zář září szept syys ruj rujn σεπ сен вер верес септ rugs",
	"oct okt out ott eki ekim paź paźdz říj lokak οκτ окт жов жовт spal",
	"nov noi kas kasım listopadu marras νοε νοέ ноя лис листоп ноем lapk",
	"dec dez déc dic des ara aral gru grud pro prosin joulu δεκ дек гру груд gruod",
}

// monthByStem finds a month by what its name begins with.
var monthByStem = func() map[string]time.Month {
	m := map[string]time.Month{}
	for i, stems := range monthStems {
		for stem := range strings.FieldsSeq(stems) {
			m[stem] = time.Month(i + 1)
		}
	}
	return m
}()

// monthOf is the month that a word names, by its longest known beginning; 0
// where it names none.
func monthOf(word string) time.Month {
	letters := []rune(word)
	for n := min(len(letters), 9); n >= 3; n-- {
		if m := monthByStem[string(letters[:n])]; m != 0 {
			return m
		}
	}
	return 0
}

// zoneHours are the names of time zones that programs write, in hours east of
// UTC. Those that stand for several are left out, unless RFC 5322 §4.3 says which.
var zoneHours = map[string]int{
	"utc": 0, "gmt": 0, "ut": 0, "z": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "mez": 1, "cest": 2, "mesz": 2, "eet": 2, "eest": 3, "msk": 3, "trt": 3,
	"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "jst": 9, "kst": 9, "hkt": 8, "aest": 10, "nzst": 12,
}

var (
	yearFirst = regexp.MustCompile(`\b(\d{4})\s?[-/.年년]\s?(\d{1,2})\s?[-/.月월]\s?(\d{1,2})\s?[日일.]?`)
	dayFirst  = regexp.MustCompile(`\b(\d{1,2})(?:\.\s?(\d{1,2})\.|[/-](\d{1,2})[/-])\s?(\d{4})\b`)
	timeOfDay = regexp.MustCompile(`(\d{1,2})\s?[:.h時时시]\s?(\d{2})(?:\s?[:.分분]\s?(\d{2}))?\s?[秒초분分]?`)
	zonePart  = regexp.MustCompile(`^(?:gmt|utc)?\s?([+-])(\d{1,2})(?::?(\d{2}))?$`)
)

// writtenDate reads a date as programs write it for people, in the order and
// language of their user. One without a zone is of zone, which is the writer's
// own. ok is false where anything in it is not understood, or could as well be
// another day.
func writtenDate(s string, zone *time.Location) (t time.Time, ok bool) {
	s = strings.ToLower(plainSpaces(strings.ReplaceAll(s, "\u202f", " ")))
	if len(s) > 100 {
		return t, false
	}
	year, month, day, rest := numericDate(s)
	if year == 0 {
		year, month, day, rest = namedDate(s)
	}
	clock := timeOfDay.FindStringSubmatchIndex(rest)
	if year == 0 || month > 12 || day > 31 || clock == nil {
		return t, false
	}
	number := func(i int) int {
		if clock[2*i] < 0 {
			return 0
		}
		n, _ := strconv.Atoi(rest[clock[2*i]:clock[2*i+1]])
		return n
	}
	hour, ok := halfDay(number(1), rest[:clock[0]], rest[clock[1]:])
	if !ok || number(2) > 59 || number(3) > 59 {
		return t, false
	}
	if zone, ok = namedZone(rest[clock[1]:], zone); !ok {
		return t, false
	}
	t = time.Date(year, month, day, hour, number(2), number(3), 0, zone)
	return t, t.Day() == day // there is no 31 June
}

// dateWithin is the beginning of an attribution up to the end of its date and
// time; "" where it has none that can be read.
func dateWithin(s string) string {
	for _, clock := range timeOfDay.FindAllStringIndex(s, 6) {
		end := clock[1]
		word, _, _ := strings.Cut(strings.TrimSpace(s[end:]), " ")
		if word = strings.ToLower(strings.Trim(word, ",")); contains(afternoons, word) || contains(mornings, word) {
			end += strings.Index(strings.ToLower(s[end:]), word) + len(word)
		}
		if _, ok := writtenDate(s[:end], time.UTC); ok {
			return s[:end]
		}
	}
	return ""
}

// numericDate reads 2026-03-02, 2026年3月2日, 2. 3. 2026 and 27/2/2026, and gives
// what stands around it. Which number of 3/2/2026 is the day, nobody knows.
func numericDate(s string) (year int, month time.Month, day int, rest string) {
	if m := yearFirst.FindStringSubmatchIndex(s); m != nil {
		return atoi(s, m, 1), time.Month(atoi(s, m, 2)), atoi(s, m, 3), s[:m[0]] + " " + s[m[1]:]
	}
	m := dayFirst.FindStringSubmatchIndex(s)
	if m == nil {
		return 0, 0, 0, s
	}
	year, day, rest = atoi(s, m, 4), atoi(s, m, 1), s[:m[0]]+" "+s[m[1]:]
	if m[4] >= 0 {
		return year, time.Month(atoi(s, m, 2)), day, rest
	}
	second := atoi(s, m, 3)
	switch {
	case day > 12 && second <= 12, day == second:
		return year, time.Month(second), day, rest
	case second > 12 && day <= 12:
		return year, time.Month(day), second, rest
	}
	return 0, 0, 0, s
}

func atoi(s string, m []int, group int) int {
	n, _ := strconv.Atoi(s[m[2*group]:m[2*group+1]])
	return n
}

// dateWord is a word or number of a date, and where it ends.
type dateWord struct {
	text string
	end  int
}

// namedDate reads a date whose month is a name, beside which the day stands:
// behind it only where another number frames the two, for "mar" is a Tuesday,
// too, before a month that may be unknown here.
func namedDate(s string) (year int, month time.Month, day int, rest string) {
	words := dateWords(s)
	end := 0
	for i, w := range words {
		if n, err := strconv.Atoi(w.text); err == nil && len(w.text) == 4 && year == 0 {
			year, end = n, max(end, w.end)
		}
		m := monthOf(w.text)
		if m == 0 {
			continue
		}
		if d := dayIn(words, i-1); d > 0 {
			month, day, end = m, d, max(end, w.end)
		} else if d := dayIn(words, i+1); d > 0 && day == 0 && (isNumber(words, i+2) || isNumber(words, i-1)) {
			month, day, end = m, d, max(end, words[i+1].end)
		}
	}
	if year == 0 || day == 0 {
		return 0, 0, 0, s
	}
	return year, month, day, s[end:]
}

// dateWords are the words and numbers of s, without those that only join them
// and without the endings of ordinal numbers.
func dateWords(s string) []dateWord {
	var words []dateWord
	for i := 0; i < len(s); {
		n := strings.IndexFunc(s[i:], func(r rune) bool { return !unicode.IsDigit(r) })
		if n == 0 {
			n = strings.IndexFunc(s[i:], func(r rune) bool { return !unicode.IsLetter(r) })
		}
		if n < 0 {
			n = len(s) - i
		}
		if n == 0 {
			_, size := utf8.DecodeRuneInString(s[i:])
			i += size
			continue
		}
		i += n
		switch w := s[i-n : i]; w {
		case "de", "of", "den", "the", "st", "nd", "rd", "th", "er":
		default:
			words = append(words, dateWord{w, i})
		}
	}
	return words
}

func dayIn(words []dateWord, i int) int {
	if i < 0 || i >= len(words) || len(words[i].text) > 2 {
		return 0
	}
	n, _ := strconv.Atoi(words[i].text)
	return n
}

func isNumber(words []dateWord, i int) bool {
	return i >= 0 && i < len(words) && unicode.IsDigit(rune(words[i].text[0]))
}

// afternoons and mornings are the signs of the clock of twelve hours.
var (
	afternoons = []string{"pm", "p.m.", "下午", "午後", "오후", "μμ", "μ.μ."}
	mornings   = []string{"am", "a.m.", "上午", "午前", "오전", "πμ", "π.μ."}
)

func halfDay(hour int, before, after string) (int, bool) {
	stands := func(signs []string) bool {
		for _, sign := range signs {
			if strings.HasPrefix(strings.TrimSpace(after), sign) || strings.HasSuffix(strings.TrimSpace(before), sign) {
				return true
			}
		}
		return false
	}
	switch {
	case stands(afternoons):
		return hour%12 + 12, hour >= 1 && hour <= 12
	case stands(mornings):
		return hour % 12, hour >= 1 && hour <= 12
	}
	return hour, hour <= 23
}

// namedZone reads what stands behind the time: nothing, or a zone.
func namedZone(s string, zone *time.Location) (*time.Location, bool) {
	s = strings.TrimSpace(s)
	for _, signs := range [][]string{afternoons, mornings} {
		for _, sign := range signs {
			s = strings.TrimPrefix(s, sign)
		}
	}
	s = strings.Trim(s, " ,.()")
	if s == "" {
		return zone, zone != nil
	}
	if hours, ok := zoneHours[s]; ok {
		return time.FixedZone("", hours*3600), true
	}
	m := zonePart.FindStringSubmatch(s)
	if m == nil {
		return nil, false
	}
	hours, _ := strconv.Atoi(m[2])
	minutes, _ := strconv.Atoi("0" + m[3])
	seconds := hours*3600 + minutes*60
	if m[1] == "-" {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), hours <= 14 && minutes <= 59
}
