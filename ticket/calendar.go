package ticket

import (
	"slices"
	"time"
)

// Calendar is when a site works. Without hours it works round the clock, and
// without holidays and closing days every day of its week.
type Calendar struct {
	Zone *time.Location // nil is UTC
	// Week are the hours of each weekday, by its number (Sunday is 0), in order and
	// apart. A site with no hours at all works round the clock.
	Week [7][]Hours
	// Country is the one whose public holidays are days off; "" keeps none.
	Country string
	// Closed are further days off.
	Closed []DateRange
}

// DateRange is some days in a row, both ends included, as 2026-12-24.
type DateRange struct{ From, To string }

// roundTheClock are the hours of a day without any of its own.
var roundTheClock = []Hours{{To: 24 * 60}}

// longestSearch is how many days ahead the next open hour is looked for: who is
// closed for longer never opens.
const longestSearch = 5 * 366

// Add gives when a business time that begins at a moment is over: the first
// moment at which so much of it has gone by. A time of 0 or less is over at once.
// Where the site does not work for years, it is over when they are.
func (c *Calendar) Add(from time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return from
	}
	day := c.dateOf(from)
	for range longestSearch {
		for _, h := range c.hours(day) {
			opens, closes := c.on(day, h)
			if opens.Before(from) {
				opens = from
			}
			open := closes.Sub(opens)
			if open >= d {
				return opens.Add(d)
			}
			d -= max(0, open)
		}
		day = day.Add(24 * time.Hour)
	}
	return day
}

// Between gives the business time from one moment to a later one.
func (c *Calendar) Between(from, to time.Time) time.Duration {
	var sum time.Duration
	day, last := c.dateOf(from), c.dateOf(to)
	for range longestSearch {
		if day.After(last) {
			break
		}
		for _, h := range c.hours(day) {
			opens, closes := c.on(day, h)
			if opens.Before(from) {
				opens = from
			}
			if closes.After(to) {
				closes = to
			}
			sum += max(0, closes.Sub(opens))
		}
		day = day.Add(24 * time.Hour)
	}
	return sum
}

// Day is how long a business day is: the mean of the weekdays that have hours.
func (c *Calendar) Day() time.Duration {
	minutes, days := 0, 0
	for _, hours := range c.Week {
		for _, h := range hours {
			minutes += h.To - h.From
		}
		if len(hours) > 0 {
			days++
		}
	}
	if days == 0 {
		return 24 * time.Hour
	}
	return time.Duration(minutes) * time.Minute / time.Duration(days)
}

// dateOf is the date of a moment at the site, as that date's beginning in UTC:
// dates are counted there, where each has 24 hours.
func (c *Calendar) dateOf(at time.Time) time.Time {
	y, m, d := at.In(c.zone()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (c *Calendar) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

// hours are those of a date. A public holiday and a closing day have none.
func (c *Calendar) hours(date time.Time) []Hours {
	hours := c.Week[date.Weekday()]
	if len(hours) == 0 && c.hasHours() || c.closed(date) || Holiday(c.Country, date) {
		return nil
	}
	if len(hours) == 0 {
		return roundTheClock
	}
	return hours
}

func (c *Calendar) hasHours() bool {
	return slices.ContainsFunc(c.Week[:], func(hours []Hours) bool { return len(hours) > 0 })
}

func (c *Calendar) closed(date time.Time) bool {
	if len(c.Closed) == 0 {
		return false
	}
	day := date.Format(time.DateOnly)
	return slices.ContainsFunc(c.Closed, func(r DateRange) bool { return r.From <= day && day <= r.To })
}

// on gives hours by the clock of a date, so that a day on which the clock is
// changed is as long as it is.
func (c *Calendar) on(date time.Time, h Hours) (opens, closes time.Time) {
	y, m, d := date.Date()
	return time.Date(y, m, d, 0, h.From, 0, 0, c.zone()), time.Date(y, m, d, 0, h.To, 0, 0, c.zone())
}
