package config

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Week are the hours of each weekday, by its number (Sunday is 0), in order and
// apart. Without any at all it is round the clock.
type Week [7][]OpenHours

// OpenHours are a part of a day, in minutes since midnight.
type OpenHours struct{ From, To int }

// WorkTime is a business time, written as 30m, 4h, 3d or 1d4h: days of the
// calendar, and hours of it besides.
type WorkTime struct {
	Days int
	Time time.Duration
}

// Percent is a part of something, written as 80%.
type Percent int

var weekdayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseWeek reads "mon-fri 09:00-12:30 13:30-18:00, sat 09:00-12:00".
func parseWeek(text string) (Week, *problem) {
	var week Week
	wrong := &problem{"not the hours of a week", `write it as "mon-fri 09:00-12:30 13:30-18:00, sat 09:00-12:00"`}
	if text == "" {
		return week, nil
	}
	for part := range strings.SplitSeq(strings.ToLower(text), ",") {
		words := strings.Fields(part)
		if len(words) < 2 {
			return week, wrong
		}
		days, ok := parseWeekdays(words[0])
		if !ok {
			return week, wrong
		}
		var hours []OpenHours
		for _, word := range words[1:] {
			h, ok := parseOpenHours(word)
			if !ok || len(hours) > 0 && h.From < hours[len(hours)-1].To {
				return week, wrong
			}
			hours = append(hours, h)
		}
		for _, day := range days {
			if week[day] != nil {
				return week, &problem{weekdayNames[day] + " has hours already", "name each weekday once, with all of its hours"}
			}
			week[day] = hours
		}
	}
	return week, nil
}

// parseWeekdays reads mon, or mon-fri, also over the end of the week.
func parseWeekdays(word string) (days []int, ok bool) {
	first, last, span := strings.Cut(word, "-")
	from, to := slices.Index(weekdayNames, first), slices.Index(weekdayNames, last)
	if !span {
		to = from
	}
	if from < 0 || to < 0 {
		return nil, false
	}
	for day := from; ; day = (day + 1) % 7 {
		if days = append(days, day); day == to {
			return days, true
		}
	}
}

// parseOpenHours reads 09:00-12:30, to 24:00 at most.
func parseOpenHours(word string) (h OpenHours, ok bool) {
	first, last, _ := strings.Cut(word, "-")
	if last == "24:00" {
		h.To = 24 * 60
	} else if t, err := time.Parse("15:04", last); err == nil {
		h.To = t.Hour()*60 + t.Minute()
	}
	t, err := time.Parse("15:04", first)
	h.From = t.Hour()*60 + t.Minute()
	return h, err == nil && h.From < h.To
}

// longestWork bounds a business time to what a person may still wait for.
const longestWork = 1000

// parseWorkTime reads 30m, 4h, 3d, 1d4h and 0.
func parseWorkTime(text string) (WorkTime, *problem) {
	wrong := &problem{"not a business time", "write days, hours and minutes of the calendar, as 4h or 3d"}
	var w WorkTime
	rest := text
	if digits, tail, found := strings.Cut(text, "d"); found {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 0 || n > longestWork {
			return w, wrong
		}
		w.Days, rest = n, tail
		if rest == "" {
			return w, nil
		}
	}
	d, p := parseDuration(rest)
	if p != nil || strings.Contains(rest, "d") || d > longestWork*24*time.Hour {
		return w, wrong
	}
	w.Time = d
	return w, nil
}

// parsePercent reads 80% and 0.
func parsePercent(text string) (Percent, *problem) {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
	if err != nil || n < 0 || n > 100 || text != "0" && !strings.HasSuffix(text, "%") {
		return 0, &problem{"not a percentage", "write it as 80%"}
	}
	return Percent(n), nil
}

// daysForm is a date, or the first and the last of several days.
func daysForm(text string) (string, *problem) {
	wrong := &problem{"not a day", "write it as 2026-12-24, or 2026-12-24..2026-12-31 for all days from one to the other"}
	first, last, several := strings.Cut(text, "..")
	if !several {
		last = first
	}
	from, bad := time.Parse(time.DateOnly, first)
	to, worse := time.Parse(time.DateOnly, last)
	if bad != nil || worse != nil || to.Before(from) {
		return "", wrong
	}
	return text, nil
}
