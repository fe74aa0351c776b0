package main

import (
	"fmt"
	"strings"
	"time"
)

// ago is how long ago a time is, as short as a list wants it: now, 5m, 3h, 9d;
// what is older than a quarter is a date, in the zone of now. A time to come is
// "in 5m".
func ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	if d <= -time.Minute {
		return "in " + span(-d)
	}
	switch {
	case d < time.Minute:
		return "now"
	case d > 90*24*time.Hour:
		return t.In(now.Location()).Format(time.DateOnly)
	}
	return span(d)
}

// span is a length of time in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d/time.Hour))
	}
	return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
}

// clock is a time to the minute, in the zone of now.
func clock(t, now time.Time) string { return t.In(now.Location()).Format("2006-01-02 15:04") }

// moment is a time, in the zone of now, and how long ago that is.
func moment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	text, short := clock(t, now), ago(t, now)
	switch {
	case short == "now" || strings.HasPrefix(text, short):
		return text
	case now.Before(t):
		return text + ", " + short
	}
	return text + ", " + short + " ago"
}

// orNil leaves a time that never was out of JSON.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
