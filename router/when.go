package router

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Words for times, in all languages that commands are written in. A weekday's
// number is that of time.Weekday.
var (
	weekdays = [7][]string{
		{"sunday", "sun", "dimanche", "dim"}, {"monday", "mon", "lundi", "lun"}, {"tuesday", "tue", "mardi", "mar"},
		{"wednesday", "wed", "mercredi", "mer"}, {"thursday", "thu", "jeudi", "jeu"}, {"friday", "fri", "vendredi", "ven"},
		{"saturday", "sat", "samedi", "sam"},
	}
	dayWords = map[string]int{"today": 0, "aujourd'hui": 0, "tomorrow": 1, "demain": 1}
	span     = regexp.MustCompile(`^(\d{1,4}) ?(min|mo|m|h|d|j|w|s)[a-zé]*$`)
	clock    = regexp.MustCompile(`^(\d{1,2})(?:[:h](\d{2})?)$`)
)

// longestWait is how far ahead a time may lie.
const longestWait = 5 * 366 * 24 * time.Hour

// readWhen reads a time to come, as people write it: 2026-12-01, 2026-12-01
// 14:30, 4h, 3d, 2w, tomorrow, friday 9:00. A day alone is its hour of that day,
// in the zone. Days are calendar days: 1d over a change of clocks ends at the
// same hour.
func readWhen(text string, now time.Time, zone *time.Location, hour time.Duration) (time.Time, bool) {
	words := strings.Fields(strings.ToLower(strings.TrimSpace(text)))
	if len(words) == 0 || len(words) > 2 {
		return time.Time{}, false
	}
	local := now.In(cmp.Or(zone, time.UTC))
	if at, ok := readSpan(strings.Join(words, " "), local, hour); ok {
		return at, at.After(now) && at.Sub(now) < longestWait
	}
	if len(words) == 2 {
		found := clock.FindStringSubmatch(words[1])
		if found == nil {
			return time.Time{}, false
		}
		hours, _ := strconv.Atoi(found[1])
		minutes, _ := strconv.Atoi(cmp.Or(found[2], "0"))
		if hours > 23 || minutes > 59 {
			return time.Time{}, false
		}
		hour = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	}
	day, ok := readDay(words[0], local)
	if !ok {
		return time.Time{}, false
	}
	at := atHour(day, hour)
	return at, at.After(now) && at.Sub(now) < longestWait
}

// atHour is an hour by the clock on a day.
func atHour(day time.Time, hour time.Duration) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, int(hour.Hours()), int(hour.Minutes())%60, 0, 0, day.Location())
}

// readSpan reads 30m, 4h, 3d and 2w (in French 3j and 2s).
func readSpan(text string, local time.Time, hour time.Duration) (time.Time, bool) {
	found := span.FindStringSubmatch(text)
	if found == nil {
		return time.Time{}, false
	}
	n, _ := strconv.Atoi(found[1])
	switch found[2] {
	case "m", "min":
		return local.Add(time.Duration(n) * time.Minute), true
	case "h":
		return local.Add(time.Duration(n) * time.Hour), true
	case "d", "j":
		return atHour(local.AddDate(0, 0, n), hour), true
	case "mo":
		return atHour(monthsOn(local, n), hour), true
	}
	return atHour(local.AddDate(0, 0, 7*n), hour), true
}

// monthsOn is the same day n months on: of a shorter month the last, where Go counts on
// into the next.
func monthsOn(day time.Time, n int) time.Time {
	then := day.AddDate(0, n, 0)
	if then.Day() != day.Day() {
		return then.AddDate(0, 0, -then.Day())
	}
	return then
}

// readDay reads a date, a word for a day, or a day of the week, which is the next
// of its name.
func readDay(word string, local time.Time) (time.Time, bool) {
	if n, ok := dayWords[word]; ok {
		return local.AddDate(0, 0, n), true
	}
	for i, names := range weekdays {
		if slices.Contains(names, word) {
			ahead := (i - int(local.Weekday()) + 7) % 7
			return local.AddDate(0, 0, cmp.Or(ahead, 7)), true
		}
	}
	day, err := time.ParseInLocation(time.DateOnly, word, local.Location())
	return day, err == nil
}
