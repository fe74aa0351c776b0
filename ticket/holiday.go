package ticket

import (
	"maps"
	"slices"
	"time"
)

// holidays are the public holidays of the whole of each country, by its code of
// ISO 3166-1: those of a region, a canton or a town are not among them, and are
// closing days of the settings. GB is England and Wales.
var holidays = map[string][]holiday{
	"FR": {on(1, 1), easter(1), on(5, 1), on(5, 8), easter(39), easter(50), on(7, 14), on(8, 15), on(11, 1), on(11, 11), on(12, 25)},
	"DE": {on(1, 1), easter(-2), easter(1), on(5, 1), easter(39), easter(50), on(10, 3), on(10, 31).in(2017), on(12, 25), on(12, 26)},
	"GB": {on(1, 1).made(upNext), easter(-2), easter(1),
		the(1, time.Monday, 5).but(2020), on(5, 8).in(2020), on(5, 8).in(2023),
		the(last, time.Monday, 5).but(2022), on(6, 2).in(2022), on(6, 3).in(2022),
		the(last, time.Monday, 8), on(9, 19).in(2022), on(12, 25).made(upNext), on(12, 26).made(upNext)},
	"ES": {on(1, 1), on(1, 6), easter(-2), on(5, 1), on(8, 15), on(10, 12), on(11, 1), on(12, 6), on(12, 8), on(12, 25)},
	"IT": {on(1, 1), on(1, 6), easter(0), easter(1), on(4, 25), on(5, 1), on(6, 2), on(8, 15), on(10, 4).since(2026), on(11, 1), on(12, 8), on(12, 25), on(12, 26)},
	"PT": {on(1, 1), easter(-2), easter(0), on(4, 25), on(5, 1), easter(60).since(2016), on(6, 10), on(8, 15), on(10, 5).since(2016),
		on(11, 1).since(2016), on(12, 1).since(2016), on(12, 8), on(12, 25)},
	"NL": {on(1, 1), easter(0), easter(1), on(4, 27).since(2014).made(dayBefore), on(5, 5).each(5), easter(39), easter(49), easter(50), on(12, 25), on(12, 26)},
	"BE": {on(1, 1), easter(1), on(5, 1), easter(39), easter(50), on(7, 21), on(8, 15), on(11, 1), on(11, 11), on(12, 25)},
	"CH": {on(1, 1), easter(39), on(8, 1), on(12, 25)}, // of all cantons
	"US": {on(1, 1).made(upNearest), the(3, time.Monday, 1), the(3, time.Monday, 2), the(last, time.Monday, 5), on(6, 19).since(2021).made(upNearest),
		on(7, 4).made(upNearest), the(1, time.Monday, 9), the(2, time.Monday, 10), on(11, 11).made(upNearest), the(4, time.Thursday, 11), on(12, 25).made(upNearest)},
}

// HolidayCountries are those whose public holidays are known.
func HolidayCountries() []string { return slices.Sorted(maps.Keys(holidays)) }

// Holiday reports whether a day is a public holiday of a country, or the day off
// in the place of one. Only year, month and day of the time count.
func Holiday(country string, day time.Time) bool {
	rules := holidays[country]
	if len(rules) == 0 {
		return false
	}
	y, m, d := day.Date()
	date := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	for i := range rules {
		if rules[i].within(m) && rules[i].date(y).Equal(date) {
			return true
		}
	}
	if date.Weekday() == time.Saturday || date.Weekday() == time.Sunday {
		return false // never the day in the place of another
	}
	for i := range rules {
		h := &rules[i]
		if h.moved == stays {
			continue
		}
		if h.within(m) && h.instead(rules, y).Equal(date) || m == time.December && h.month == time.January && h.instead(rules, y+1).Equal(date) {
			return true
		}
	}
	return false
}

// within reports whether the holiday can lie in a month: a glance that spares
// most of the reckoning.
func (h *holiday) within(m time.Month) bool {
	if h.month == 0 {
		return m >= time.March && m <= time.June
	}
	return h.month == m
}

// holiday is the rule of one day of the year.
type holiday struct {
	month   time.Month // with day; 0 counts days from Easter Sunday
	day     int
	nth     int // of weekday in month, from 1, or last; 0 is the day itself
	weekday time.Weekday
	from    int // first year
	only    int // the one year
	not     int // the year without it
	every   int // years that it divides
	moved   move
}

// move is what becomes of a holiday on a day that is off anyway.
type move int

const (
	stays     move = iota
	upNext         // Saturday or Sunday: the next weekday that is none is off too
	upNearest      // Saturday: the Friday before is off too; Sunday: the Monday after
	dayBefore      // Sunday: it is kept on the Saturday
)

const last = -1

func on(month time.Month, day int) holiday { return holiday{month: month, day: day} }
func easter(days int) holiday              { return holiday{day: days} }
func the(nth int, weekday time.Weekday, month time.Month) holiday {
	return holiday{month: month, nth: nth, weekday: weekday}
}

func (h holiday) since(year int) holiday { h.from = year; return h }
func (h holiday) in(year int) holiday    { h.only = year; return h }
func (h holiday) but(year int) holiday   { h.not = year; return h }
func (h holiday) each(years int) holiday { h.every = years; return h }
func (h holiday) made(m move) holiday    { h.moved = m; return h }

// date is the holiday of a year, in UTC; zero in a year without it.
func (h *holiday) date(year int) time.Time {
	if year < h.from || h.only != 0 && year != h.only || year == h.not || h.every != 0 && year%h.every != 0 {
		return time.Time{}
	}
	switch {
	case h.month == 0:
		return easterSunday(year).AddDate(0, 0, h.day)
	case h.nth == last:
		end := time.Date(year, h.month+1, 0, 0, 0, 0, 0, time.UTC)
		return end.AddDate(0, 0, -(int(end.Weekday()-h.weekday)+7)%7)
	case h.nth > 0:
		first := time.Date(year, h.month, 1, 0, 0, 0, 0, time.UTC)
		return first.AddDate(0, 0, (int(h.weekday-first.Weekday())+7)%7+7*(h.nth-1))
	}
	date := time.Date(year, h.month, h.day, 0, 0, 0, 0, time.UTC)
	if h.moved == dayBefore && date.Weekday() == time.Sunday {
		return date.AddDate(0, 0, -1)
	}
	return date
}

// instead is the weekday off in the place of a holiday at a weekend; zero where
// there is none.
func (h *holiday) instead(rules []holiday, year int) time.Time {
	if h.moved != upNext && h.moved != upNearest {
		return time.Time{}
	}
	date := h.date(year)
	saturday := date.Weekday() == time.Saturday
	switch {
	case date.IsZero() || !saturday && date.Weekday() != time.Sunday:
		return time.Time{}
	case saturday && h.moved == upNearest:
		return date.AddDate(0, 0, -1)
	}
	next := date.AddDate(0, 0, 1)
	if saturday {
		next = date.AddDate(0, 0, 2)
	}
	for i := range rules { // the earlier ones are given their days first
		other := &rules[i]
		if other.date(year).Equal(next) || other != h && other.date(year).Before(date) && other.instead(rules, year).Equal(next) {
			next = next.AddDate(0, 0, 1)
		}
	}
	return next
}

// easterSunday is that of the Gregorian calendar: the Sunday after the full moon
// that the church reckons with for the 21st of March or the next one.
func easterSunday(year int) time.Time {
	century := year / 100
	golden := year % 19                              // place in the moon's cycle of 19 years
	shift := century - century/4 - (8*century+13)/25 // leap days left out, and the moon's own drift
	age := (19*golden + shift + 15) % 30             // days from the 21st of March to the full moon
	if age == 29 || age == 28 && golden > 10 {
		age-- // the moon's month is at times a day shorter
	}
	full := time.Date(year, time.March, 21+age, 0, 0, 0, 0, time.UTC)
	return full.AddDate(0, 0, 7-int(full.Weekday()))
}
